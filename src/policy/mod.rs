//! The CAM policy language: read, print, check, evaluate and explain policies.
//!
//! Everything here is pure: no clock, no files. Decisions are three-valued: where public documents do not settle a
//! result, or something the decision rests on is missing, the result is *unknown*, which proves neither allow nor deny.

mod action;
mod check;
mod condition;
mod evaluate;
mod explain;
mod glob;
mod lint;
mod model;
mod operator;
mod parse;
mod print;
mod read;
mod request;
mod resource;
mod strict;
mod unwrap;
mod value;
mod verdict;
mod words;

pub use evaluate::{Grants, evaluate, statement_matches};
pub use glob::glob_matches;
pub use lint::{lint, lint_text};
pub use model::{Condition, Document, Effect, Lint, Policy, Principal, Severity, Statement, Tri};
pub use read::{Problem, read_policies, read_requests};
pub use request::{Caller, CallerKind, ContextValue, Request};
pub use verdict::{Cause, Decision, Reason, Verdict};

#[cfg(test)]
mod tests;
