//! What an event is: the raw fields of one CloudAudit record, the columns rules read, times, keys and ids.
//!
//! Nothing here reads files, knows rules or looks at a clock.

pub mod columns;
pub mod frame;
pub mod id;
pub mod params;
pub mod raw;
pub mod redact;
pub mod tat;
pub mod text;
pub mod time;
pub mod words;
