//! The parts of a policy document.

use serde::Serialize;
use serde_json::Value;

/// True, false, or not known (Kleene's three values).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tri {
    /// It does not hold.
    False,
    /// Nothing settles it.
    Unknown,
    /// It holds.
    True,
}

impl Tri {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// At least one holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite; unknown stays unknown.
    #[must_use]
    #[allow(clippy::should_implement_trait)] // stands beside `and` and `or`
    pub fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
            Self::False => Self::True,
        }
    }

    /// All of them hold; true for none.
    pub fn all(items: impl IntoIterator<Item = Self>) -> Self {
        items.into_iter().fold(Self::True, Self::and)
    }

    /// Any of them holds; false for none.
    pub fn any(items: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::False;
        for item in items {
            result = result.or(item);
            if result == Self::True {
                break;
            }
        }
        result
    }
}

impl From<bool> for Tri {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Permits.
    Allow,
    /// Forbids, whatever else permits.
    Deny,
}

impl Effect {
    /// As written in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// Whom a trust policy or a bucket policy is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// `"*"`: everybody.
    Any,
    /// Users, services and identity providers, as written.
    Listed {
        /// `qcs`: accounts, users and groups.
        qcs: Vec<String>,
        /// `service`: products.
        service: Vec<String>,
        /// `federated`: identity providers.
        federated: Vec<String>,
    },
}

/// One condition of a statement: an operator, a key and its values. A statement has at most one for each operator and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// With qualifier and suffix, as in `for_any_value:string_equal_if_exist`.
    pub operator: String,
    /// Such as `qcs:ip`.
    pub key: String,
    /// Texts, numbers and truth values.
    pub values: Vec<Value>,
}

/// One statement of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Permits or forbids.
    pub effect: Effect,
    /// Whom it is about; only in trust policies and bucket policies.
    pub principal: Option<Principal>,
    /// Patterns as written, but without a `name/` in front.
    pub actions: Vec<String>,
    /// Patterns as written; none only in trust policies.
    pub resources: Vec<String>,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

/// A policy document of version 2.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Whom all statements are about, where it is written beside them.
    pub principal: Option<Principal>,
    /// In the order written.
    pub statements: Vec<Statement>,
}

/// A named document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The policy's name.
    pub name: String,
    /// What it says.
    pub document: Document,
}

/// How bad something odd in a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document cannot be used.
    Error,
    /// It may not do what it looks like.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something wrong or odd in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lint {
    /// The vendor's name of the error where one fits (`ActionMiss`), else ours (`SHADOWED`).
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The statement, from 1; none for the document as a whole.
    pub statement: Option<usize>,
    /// What is wrong and where.
    pub text: String,
    /// What to try.
    pub hint: String,
}
