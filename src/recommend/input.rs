//! What a recommendation is made from: the requests seen of one holder, and what is granted today.

use crate::inventory::grants::Granted;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whose policies are to be recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// The main account itself; policies do not apply to it.
    Root,
    /// A sub-user.
    User,
    /// A role; all its temporary keys together.
    Role,
}

/// A user, role or root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// UIN of the main account; empty when unknown.
    pub account: String,
    /// APPID of the main account; empty when unknown.
    pub app_id: String,
    /// UIN of the user or id of the role; empty when unknown.
    pub id: String,
    /// Name of the user or role; empty when unknown.
    pub name: String,
}

/// What the resources of a request are, as far as the log tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source", content = "list")]
pub enum Resources {
    /// The log lists them: six-segment strings or `*`.
    Logged(BTreeSet<String>),
    /// Built from ids in the request's parameters by the catalogue's templates.
    Built(BTreeSet<String>),
    /// Too many different ones were seen; these patterns (`…:instance/*`) cover them all.
    Widened(BTreeSet<String>),
    /// The log does not tell.
    Unknown,
}

/// What came of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They succeeded.
    Success,
    /// They were refused for want of permission.
    Denied,
    /// They were permitted and failed otherwise.
    Failed,
}

/// What a call counts as (L, W, D, A, G, Q of the specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It succeeded, and nothing speaks against it.
    Legitimate,
    /// An alarm about it was ignored or is covered by the allowlist; it succeeded.
    Reviewed,
    /// It was permitted and failed otherwise.
    Weak,
    /// It was refused for want of permission.
    Denied,
    /// An open alarm is about it, whatever came of it.
    Alarmed,
    /// No alarm is about it, but it was made with the same key from the same address within 24 hours of a compromise.
    Quarantined,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// When, in milliseconds.
    pub time: i64,
    /// Local date of it as days since 1970.
    pub day: i32,
    /// What it counts as.
    pub class: Class,
    /// The alarm that makes it alarmed, reviewed or quarantined.
    pub alarm: Option<String>,
}

/// Calls of one holder that are alike: one key, API, resources, address, method, outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Observed {
    /// Key id, or `TEMP_AK`.
    pub ak: String,
    /// Service as logged.
    pub service: String,
    /// Action as logged.
    pub action: String,
    /// What it was about.
    pub resources: Resources,
    /// Source address; none when the log has none or it is no address.
    pub ip: Option<String>,
    /// Made through the API, not the console.
    pub api_call: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// The role that the call handed to a service (cam:PassRole), by name.
    pub passed_role: Option<String>,
    /// Action and resource that the refusal named.
    pub refused: Option<(String, String)>,
    /// The calls, sorted; of many, a sample of 32.
    pub calls: Vec<Call>,
    /// There were more than the sample holds, so counts are lower bounds.
    pub sampled: bool,
}

/// An alarm about the holder, as far as recommendations need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmFacts {
    /// Id.
    pub id: String,
    /// Rule.
    pub rule: String,
    /// critical, high, medium, low, note, invalid.
    pub level: String,
    /// unprocessed, processed, ignored.
    pub status: String,
    /// It is about a leak of the key.
    pub leak: bool,
    /// It means that the key is in wrong hands: leak, tool, escalation, key creation, COSBrowser, cloud manager.
    pub compromise: bool,
    /// The key it is about.
    pub ak: String,
    /// First and last call in it.
    pub first: i64,
    /// Last call in it.
    pub last: i64,
}

/// A permanent key of the holder (or the holder's temporary ones as a whole, as `TEMP_AK`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    /// Key id, or `TEMP_AK`.
    pub ak: String,
    /// As shown: first 6 and last 11 characters.
    pub ak_masked: String,
    /// When it was made, if the inventory says.
    pub created: Option<i64>,
    /// When it was last used, by inventory or log, whichever is later.
    pub last_used: Option<i64>,
    /// active, inactive, deleted; none when unknown.
    pub status: Option<String>,
    /// The inventory lists it.
    pub listed: bool,
}

/// What the logs cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Local days with events of the account, as days since 1970.
    pub days: BTreeSet<i32>,
    /// Regions with events of the account.
    pub regions: BTreeSet<String>,
    /// First event of the account in the window.
    pub first: Option<i64>,
    /// Last event of the account in the window.
    pub last: Option<i64>,
}

/// Whether an address belongs to the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The address.
    pub ip: String,
    /// in_account, outside, lan, unknown.
    pub ip_type: String,
    /// The asset that has it, such as `ins-…`.
    pub asset_id: Option<String>,
}

/// Everything about one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Who.
    pub holder: Holder,
    /// The one key asked about, of the holder's; none for all.
    pub focus: Option<String>,
    /// What was seen, sorted.
    pub observed: Vec<Observed>,
    /// Alarms about the holder's keys, sorted by id.
    pub alarms: Vec<AlarmFacts>,
    /// The holder's keys, sorted.
    pub keys: Vec<KeyFacts>,
    /// What is granted today; none without an inventory.
    pub granted: Option<Granted>,
    /// What is known of the addresses, sorted.
    pub sources: Vec<SourceFacts>,
    /// What the logs cover.
    pub coverage: Coverage,
    /// The time now (of the end of the observation), in milliseconds: findings about age use it.
    pub now: i64,
}

/// How to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Networks trusted besides what the log shows.
    pub trusted: Vec<IpNet>,
    /// Longest document, in characters without whitespace; 4096 unless told otherwise.
    pub max_chars: usize,
    /// Grant calls that were permitted and failed otherwise, too.
    pub include_failed: bool,
    /// More than 20 resources of one type in one region become `type/*`.
    pub collapse: bool,
    /// Shorten by verb wildcards that add nothing but reads.
    pub compress: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { trusted: Vec::new(), max_chars: 4096, include_failed: false, collapse: false, compress: false }
    }
}
