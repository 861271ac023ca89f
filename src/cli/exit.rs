//! Exit codes. Each has one meaning; scripts rely on them.

/// Done.
pub const DONE: u8 = 0;
/// The work could not be finished.
pub const FAILED: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// Finished, but input was rejected and `--strict` was given.
pub const REJECTED: u8 = 3;
/// There are alarms at or above the level of `--fail-on`.
pub const ALARMS: u8 = 10;
