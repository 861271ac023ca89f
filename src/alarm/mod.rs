//! From hits to alarms: folding, ids, call records.
//!
//! Alarms know nothing of files, terminals or databases.

pub mod fold;
pub mod model;
