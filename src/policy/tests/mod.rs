//! Tests across the files of this room.

mod build;
mod cases;
mod hostile;
mod lints;
mod parsing;
mod properties;
mod reading;
