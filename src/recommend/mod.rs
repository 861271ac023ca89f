//! Least-privilege recommendations: what to grant instead, and what is wrong with today's grants and keys.

mod access;
pub mod assemble;
mod build;
mod compose;
mod compress;
mod contest;
mod current;
mod diff;
mod findings;
mod gaps;
mod grant;
mod history;
mod index;
pub mod input;
pub mod markdown;
mod names;
mod needs;
mod notes;
pub mod output;
mod part;
mod patterns;
mod removal;
mod replay;
mod scope;
mod separate;
mod shell;
mod source;
pub mod split;
mod steps;
pub mod stops;
mod summary;
mod today;
mod unit;
mod usage;
mod verify;
mod visibility;
mod widen;
mod words;

#[cfg(test)]
mod judge_tests;
#[cfg(test)]
mod tests;

pub use assemble::recommend;
pub use build::{BuildError, Built, build, build_trusting};
pub use markdown::markdown;
pub use source::trusted;
pub use verify::{VerifyContext, verify};
