//! akguard finds misuse of Tencent Cloud access keys in exported CloudAudit logs, offline.
//!
//! ```text
//! files ─> ingest ─> event ─> enrich ─> detect ─> alarm ─> report / cli
//!          read      fields   flags     rules     fold
//!          catalog (facts) and inventory (what the account owns) feed enrich and detect
//! ```
//!
//! `docs/architecture.md` is the map. [`pipeline::scan`] is the whole job on one screen.

#![cfg_attr(test, allow(clippy::format_push_string, clippy::type_complexity, clippy::unnecessary_wraps))]

pub mod alarm;
pub mod allow;
pub mod catalog;
pub mod cli;
pub mod demo;
pub mod detect;
pub mod document;
pub mod enrich;
pub mod event;
pub mod geo;
pub mod ingest;
pub mod inventory;
pub mod json;
pub mod lang;
pub mod pipeline;
pub mod policy;
pub mod progress;
pub mod recommend;
pub mod report;
pub mod settings;
pub mod store;
