//! A recommendation, as it is written to files and read back for verification.

use super::input::{Call, Class, Holder, Observed, Options};
use serde::{Deserialize, Serialize};

/// How sure a statement or finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// One call, or a guess.
    Low,
    /// Two calls or two days, or an inference.
    Medium,
    /// Three days at least, and evidence for the name.
    High,
}

impl Confidence {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Counts and times behind a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Calls; a lower bound when `at_least`.
    pub calls: u64,
    /// The count is a lower bound.
    pub at_least: bool,
    /// Distinct local days.
    pub days: u64,
    /// First, in milliseconds since 1970, UTC.
    pub first: Option<i64>,
    /// Last.
    pub last: Option<i64>,
    /// Alarms, where they are what speaks.
    pub alarms: Vec<String>,
}

/// One document to attach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Policy name: `akguard-<holder>-<service>-<n>`.
    pub name: String,
    /// Attach only after review: what was seen once.
    pub rare: bool,
    /// Characters as CAM counts them.
    pub length: usize,
    /// The document.
    pub document: serde_json::Value,
}

/// One granted action and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedAction {
    /// `svc:Action`.
    pub action: String,
    /// Resources it is granted on.
    pub resources: Vec<String>,
    /// Addresses it is granted from; empty for any.
    pub addresses: Vec<String>,
    /// How sure.
    pub confidence: Confidence,
    /// In the document of rare actions.
    pub rare: bool,
    /// What to know: unverified_name, dual_prefix, reviewed, resources_unknown, built_resources, widened, pass_role …
    pub marks: Vec<String>,
    /// What was seen.
    pub evidence: Evidence,
}

/// An action that was used but is not granted without a person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedsDecision {
    /// `svc:Action`.
    pub action: String,
    /// escalation, credentials, audit.
    pub risk: String,
    /// Why it is held back, in a sentence.
    pub why: String,
    /// The statement to add if the answer is yes.
    pub statement: serde_json::Value,
    /// What was seen.
    pub evidence: Evidence,
}

/// An action given up because legitimate and alarmed calls cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// `svc:Action`.
    pub action: String,
    /// Resources it is about.
    pub resources: Vec<String>,
    /// What was tried, in a sentence.
    pub why: String,
    /// Legitimate calls.
    pub legitimate: Vec<CallRef>,
    /// Alarmed calls.
    pub alarmed: Vec<CallRef>,
}

/// Calls in short.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallRef {
    /// Source address.
    pub ip: Option<String>,
    /// Key id.
    pub ak: String,
    /// Calls; a lower bound when `at_least`.
    pub calls: u64,
    /// The count is a lower bound.
    pub at_least: bool,
    /// First, in milliseconds.
    pub first: i64,
    /// Last.
    pub last: i64,
    /// Alarms.
    pub alarms: Vec<String>,
}

/// Where a grant stands against use (three states).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffState {
    /// Granted, visible in logs, and not used.
    Unused,
    /// Granted, but its use cannot be seen in these logs.
    NotVisible,
    /// Used, but today's grants do not allow it.
    UsedNotGranted,
}

/// One line of the comparison with today's grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffEntry {
    /// Where it stands.
    pub state: DiffState,
    /// Pattern or action.
    pub action: String,
    /// The policy that grants it; none for what is not granted.
    pub policy: Option<String>,
    /// What to know.
    pub note: String,
}

/// Something about today's grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Code, such as `UNUSED_SERVICE`.
    pub code: String,
    /// What it is about: a service, a pattern.
    pub subject: String,
    /// Policy id, where known.
    pub policy_id: Option<String>,
    /// Policy name.
    pub policy: Option<String>,
    /// Statement, from 1.
    pub statement: Option<usize>,
    /// In a sentence.
    pub text: String,
    /// What to do.
    pub advice: String,
    /// The product's three evidence shapes and counts.
    pub evidence: FindingEvidence,
    /// How sure.
    pub confidence: Confidence,
}

/// Evidence of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingEvidence {
    /// Action pattern.
    pub action: Option<String>,
    /// Resource pattern.
    pub resource: Option<String>,
    /// Condition, as JSON.
    pub condition: Option<serde_json::Value>,
    /// Sensitive actions it allows.
    pub actions: Vec<String>,
    /// Members of the group, for grants by group.
    pub members: Vec<String>,
    /// What was seen.
    pub seen: Evidence,
}

/// A step for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// DISABLE_NOW, ROTATE, DELETE_UNUSED, REMOVE_ROOT_KEY, REPLACE_BY_ROLE, RESTRICT_IP, SPLIT_KEY, TWO_KEYS,
    /// END_SESSIONS.
    pub id: String,
    /// The key, masked in tables, in full in JSON.
    pub target: String,
    /// Why.
    pub why: String,
    /// What was seen.
    pub evidence: Evidence,
    /// How sure.
    pub confidence: Confidence,
    /// tccli commands in order; never run.
    pub commands: Vec<String>,
    /// How to go back.
    pub rollback: String,
}

/// Advice as the console counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// 0: nothing to do.
    Normal,
    /// 1: handle now.
    ProcessNow,
    /// 2: harden.
    Harden,
}

impl Advice {
    /// The words that people read.
    pub fn words(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ProcessNow => "process now",
            Self::Harden => "harden",
        }
    }
}

/// Everything recommended for one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Version of this JSON: 1.
    pub version: u32,
    /// Who.
    pub holder: Holder,
    /// The key asked about.
    pub focus: Option<String>,
    /// How it was built.
    pub options: Options,
    /// Can policies be attached at all? Not to root.
    pub policy_attachable: bool,
    /// Overall confidence.
    pub confidence: Confidence,
    /// Whether anything may be called unused (30 days at least, grant and user older than the window).
    pub removal_advice: bool,
    /// Why not, where not.
    pub insufficient_history: Option<String>,
    /// Advice for the holder's keys.
    pub advice: Advice,
    /// In plain words, for a manager; a few sentences.
    pub summary: Vec<String>,
    /// Documents, in the order to attach.
    pub documents: Vec<Proposed>,
    /// What they grant and why.
    pub granted: Vec<GrantedAction>,
    /// Held back.
    pub needs_decision: Vec<NeedsDecision>,
    /// Given up.
    pub conflicts: Vec<Conflict>,
    /// Not granted and not judged: calls near a compromise.
    pub quarantined: Vec<CallSum>,
    /// Against today's grants.
    pub diff: Vec<DiffEntry>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// Key steps.
    pub steps: Vec<Step>,
    /// What to detach or delete, in order, with commands; never run.
    pub removal: Vec<String>,
    /// What the logs cannot show.
    pub not_visible: Vec<String>,
    /// The requests it was made from, so that it can be verified anywhere.
    pub observed: Vec<Observed>,
}

/// Calls of one action and class in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSum {
    /// `svc:Action`.
    pub action: String,
    /// Class.
    pub class: Class,
    /// What was seen.
    pub evidence: Evidence,
}

/// What replaying calls against a recommendation gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Legitimate and reviewed calls that are definitely allowed, of those that must be.
    pub legit_allowed: Count,
    /// Alarmed calls that are definitely denied.
    pub alarmed_denied: Count,
    /// Refused calls that stay denied.
    pub denied_denied: Count,
    /// Calls that public text does not settle.
    pub unknown: Vec<Doubt>,
    /// Calls with the wrong verdict, and conflicts that were listed.
    pub conflicts: Vec<Doubt>,
    /// What the documents allow and today's grants do not; empty without an inventory.
    pub new_access: Vec<Doubt>,
    /// Used, held back for a decision, and so not required.
    pub needs_decision: u64,
    /// Made near a compromise, and so neither required nor forbidden.
    pub quarantined: u64,
    /// Whether it holds.
    pub holds: bool,
}

/// So many of so many; calls count, as far as the sample goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// As wanted.
    pub good: u64,
    /// In all.
    pub all: u64,
}

/// One request with a doubtful or wrong verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// `svc:Action`.
    pub action: String,
    /// Resources.
    pub resources: Vec<String>,
    /// Address.
    pub ip: Option<String>,
    /// Class, where it is a call.
    pub class: Option<Class>,
    /// allow, deny, unknown.
    pub decision: String,
    /// Why, in a sentence.
    pub why: String,
    /// Calls.
    pub calls: Vec<Call>,
}
