//! What an evaluation gives.

use super::model::{Effect, Tri};

/// The result of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Permitted.
    Allow,
    /// Refused.
    Deny,
    /// Not settled; proves nothing.
    Unknown,
}

impl Decision {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Unknown => "unknown",
        }
    }
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Policies do not bind the account itself.
    RootBypass,
    /// An allow statement, and no deny.
    Allow,
    /// A deny statement.
    ExplicitDeny,
    /// No allow statement.
    ImplicitDeny,
    /// The policies permit it, the permission boundary does not.
    Boundary,
    /// The policies permit it, the session policy does not.
    SessionPolicy,
    /// Nothing settles it.
    Undetermined,
}

impl Reason {
    /// In snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RootBypass => "root_bypass",
            Self::Allow => "allow",
            Self::ExplicitDeny => "explicit_deny",
            Self::ImplicitDeny => "implicit_deny",
            Self::Boundary => "boundary",
            Self::SessionPolicy => "session_policy",
            Self::Undetermined => "undetermined",
        }
    }
}

/// A statement that decided, or that came near it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The policy's name; blank when no policy is involved.
    pub policy: String,
    /// The statement, from 1; 0 when no statement is involved.
    pub statement: usize,
    /// What the statement does.
    pub effect: Effect,
    /// The action pattern that fits best.
    pub action: String,
    /// The resource pattern that fits best.
    pub resource: String,
    /// The condition that failed or is not known, else all conditions; none when there are none.
    pub condition: Option<String>,
    /// Whether the statement matched.
    pub outcome: Tri,
    /// The above as one plain sentence.
    pub text: String,
}

/// The result of an evaluation, with its causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub decision: Decision,
    /// What decided.
    pub reason: Reason,
    /// The statements that decided, or the nearest misses of an implicit deny; at most ten.
    pub because: Vec<Cause>,
}

impl Verdict {
    /// Whether the request is surely permitted.
    pub fn is_allow(&self) -> bool {
        self.decision == Decision::Allow
    }

    /// Whether the request is surely refused.
    pub fn is_deny(&self) -> bool {
        self.decision == Decision::Deny
    }
}
