//! From hits to alarms: folding, ids, call records, and what people decide about them.
//!
//! Alarms know nothing of files, terminals or databases.

pub mod few;
pub mod fold;
pub mod model;
pub mod part;
pub mod status;
