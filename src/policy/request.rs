//! What CAM decides on: who asks for which action on which resources.

use super::model::Tri;
use std::collections::BTreeMap;

/// Kinds of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerKind {
    /// The account itself, which policies do not bind.
    Root,
    /// A user in the account.
    SubAccount,
    /// A role, through temporary keys.
    Role,
    /// A federated user, through temporary keys.
    Federated,
}

impl CallerKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Root, Self::SubAccount, Self::Role, Self::Federated];

    /// As written in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::SubAccount => "sub_account",
            Self::Role => "role",
            Self::Federated => "federated",
        }
    }
}

/// Who asks. A blank id is an unknown one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// Kind.
    pub kind: CallerKind,
    /// The user's own number.
    pub uin: String,
    /// The number of the account the user is in.
    pub owner_uin: String,
    /// The account's number in COS resources.
    pub app_id: String,
}

/// The values of a condition key in a request. A key that is not in the request at all is absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextValue {
    /// Known values; an empty list counts as an absent key.
    Values(Vec<String>),
    /// It may be there, with values that nobody recorded.
    Uncertain,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// `service:Name`.
    pub action: String,
    /// Six-segment resources, or `*` for calls that CAM checks without one. All must pass. None at all: not known.
    pub resources: Vec<String>,
    /// Condition keys.
    pub context: BTreeMap<String, ContextValue>,
}

impl Caller {
    /// The value of a policy variable (`uin`, `owner_uin`, `app_id`); none when it is unknown.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let value = match name {
            "uin" if self.uin.is_empty() && self.kind == CallerKind::Root => &self.owner_uin,
            "uin" => &self.uin,
            "owner_uin" => &self.owner_uin,
            "app_id" => &self.app_id,
            _ => return None,
        };
        (!value.is_empty()).then_some(value.as_str())
    }

    /// Whether an account segment names the account that the caller is in.
    pub(super) fn owns(&self, account: &str) -> Tri {
        let same = |id: &str, own: &str| {
            if own.is_empty() { Tri::Unknown } else { Tri::from(id == own) }
        };
        match account.split_once('/') {
            _ if matches!(account, "" | "uin/" | "uid/") => Tri::True,
            Some(("uin", id)) => same(id, &self.owner_uin),
            Some(("uid", id)) => same(id, &self.app_id),
            _ => Tri::Unknown,
        }
    }
}
