//! Bytes to raw events: open and inflate, find the records, open their envelopes.
//!
//! Nothing here knows rules, assets or outputs. See docs/formats.md for what is read.

pub mod csv;
pub mod feed;
pub mod framer;
mod gzip;
pub mod reject;
pub mod scratch;
pub mod source;
pub mod unwrap;

/// Fields of a reply that hold rows, or an object around them, in lower case.
const ROW_HOLDERS: [&str; 6] = ["response", "data", "events", "results", "records", "list"];
