//! Policies and requests out of files.

mod json;
mod policies;
mod requests;

use super::model::{Lint, Severity};

pub use policies::read_policies;
pub use requests::read_requests;

/// Something in a file that could not be read, or was read only in part. The rest of the file is read all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where: `line 3`, `item 2`; blank for the file as a whole.
    pub at: String,
    /// An error leaves the item out; a warning keeps it.
    pub severity: Severity,
    /// What is wrong.
    pub text: String,
    /// What to try.
    pub hint: String,
}

impl Problem {
    fn new(severity: Severity, at: &str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at: at.to_string(), severity, text: text.into(), hint: hint.into() }
    }

    fn error(at: &str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Error, at, text, hint)
    }

    fn warning(at: &str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Warning, at, text, hint)
    }

    /// A document's lint as a problem of the file, with the policy's name.
    fn of_lint(at: &str, policy: &str, lint: Lint) -> Self {
        let text = format!("policy {}: {}", super::explain::quote(policy), lint.text);
        Self::new(lint.severity, at, text, lint.hint)
    }
}
