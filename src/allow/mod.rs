//! Allowlist policies: which calls somebody has said are fine.
//!
//! [`policy`] is a policy and what it covers, [`draft`] makes one from what a user typed, [`exchange`] reads and writes
//! lists of them, and [`matcher`] tries many policies on many calls. Nothing here keeps a policy or knows about alarms.

pub mod draft;
pub mod exchange;
pub mod matcher;
pub mod policy;

pub use draft::{Draft, Known, MOST_ENTRIES, PolicyError, unwritable};
pub use exchange::{
    ImportError, console_entry, console_losses, export, export_console, import, restore, service_of, store_text,
};
pub use matcher::Matcher;
pub use policy::{AkKind, ApiPattern, Codes, IpType, Place, Policy, Subject};
