//! What is granted to a user or role, as saved replies of cam tell it.

use serde::{Deserialize, Serialize};

/// Who made a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// The account (`User`, `1`).
    Custom,
    /// The provider (`QCS`, `2`).
    Preset,
    /// The reply does not say.
    #[default]
    Unknown,
}

/// How a policy reaches a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Attached to the user or role itself.
    #[default]
    Direct,
    /// Through a user group.
    Group {
        /// The group's id.
        id: String,
        /// The group's name; empty when unknown.
        name: String,
    },
}

/// A policy attached to a user or role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attachment {
    /// The policy's id, always as text.
    pub policy_id: Option<String>,
    /// The policy's name.
    pub name: String,
    /// Who made it.
    pub kind: PolicyKind,
    /// How it reaches the user.
    pub via: Via,
    /// When it was attached, in milliseconds since 1970, UTC.
    pub added: Option<i64>,
    /// Its product is offline; it is evaluated all the same.
    pub deactivated: bool,
}

/// A permission boundary.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Boundary {
    /// The policy's name; the provider may list several, parted by commas.
    pub name: Option<String>,
    /// Its text as exported.
    pub document: Option<String>,
}

/// An attached policy with its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantedPolicy {
    /// How it is attached.
    pub attachment: Attachment,
    /// Its text as exported; none when the export lacks it.
    pub document: Option<String>,
    /// Only a service uses it (`QcloudAccessFor…`).
    pub service_linked: bool,
}

/// A user group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupFacts {
    /// Id.
    pub id: String,
    /// Name; empty when unknown.
    pub name: String,
    /// Users known to be in it, by name or UIN, sorted.
    pub members: Vec<String>,
}

/// What is granted to one user or role.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Granted {
    /// Attached policies, direct ones first, sorted.
    pub policies: Vec<GrantedPolicy>,
    /// The permission boundary, if one is set.
    pub boundary: Option<Boundary>,
    /// A role's trust policy, as text.
    pub trust: Option<String>,
    /// When the user or role was made, in milliseconds since 1970, UTC.
    pub created: Option<i64>,
    /// The groups that policies come through, sorted.
    pub groups: Vec<GroupFacts>,
    /// Every page of the list of attached policies is there, and every document.
    pub complete: bool,
    /// What is missing or odd, in sentences.
    pub notes: Vec<String>,
}
