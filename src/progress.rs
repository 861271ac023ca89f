//! How far a scan is, and where its time went.
//!
//! Threads add to it as they go and nobody waits for anybody. Times are taken once for each chunk or batch and not for
//! each event, so that looking costs nothing that could be measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A step of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading from disk and inflating.
    Read,
    /// Finding where records start and end.
    Split,
    /// Reading the JSON of records.
    Parse,
    /// Looking event keys up, and waiting for one's turn to do so.
    Deduplicate,
    /// Working out who called, with which key, from where, and what came of it.
    Enrich,
    /// Making columns of rows.
    Columns,
    /// Evaluating the rules over columns.
    Rules,
    /// Folding hits into alarms, and noting what is to be remembered.
    Fold,
    /// Putting together what the threads found.
    Merge,
    /// Judging events together, once all are read.
    Judge,
    /// Hashing files, so that they are known again.
    Hash,
    /// Writing to the database, and reading back what it shows.
    Store,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 12] = [
        Self::Read,
        Self::Split,
        Self::Parse,
        Self::Deduplicate,
        Self::Enrich,
        Self::Columns,
        Self::Rules,
        Self::Fold,
        Self::Merge,
        Self::Judge,
        Self::Hash,
        Self::Store,
    ];

    /// Its name and what happens in it.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Read => ("read", "reading from disk, inflating"),
            Self::Split => ("split", "finding where records start and end"),
            Self::Parse => ("parse", "reading the JSON of records"),
            Self::Deduplicate => ("deduplicate", "looking event keys up, waiting for one's turn"),
            Self::Enrich => ("enrich", "who called, with which key, from where, with what result"),
            Self::Columns => ("columns", "making columns of rows"),
            Self::Rules => ("rules", "evaluating the rules over columns"),
            Self::Fold => ("fold", "folding hits into alarms, remembering the past of keys"),
            Self::Merge => ("merge", "putting together what the threads found"),
            Self::Judge => ("judge", "judging events together"),
            Self::Hash => ("hash", "hashing files, so that they are known again"),
            Self::Store => ("store", "writing to the database, reading back what is shown"),
        }
    }
}

/// How far a scan is.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    nanoseconds: [AtomicU64; Stage::ALL.len()],
}

impl Progress {
    /// Adds bytes read from disk.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes read from disk so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds time that a thread spent in a stage.
    pub fn add(&self, stage: Stage, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[stage as usize].fetch_add(time, Ordering::Relaxed);
    }

    /// Does `work`, and adds the time it took.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.add(stage, began.elapsed());
        result
    }

    /// Time spent in a stage, by all threads together.
    pub fn spent(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.nanoseconds[stage as usize].load(Ordering::Relaxed))
    }
}

/// Takes the time between one call and the next.
#[derive(Debug)]
pub struct Laps<'p> {
    progress: &'p Progress,
    last: Instant,
}

impl<'p> Laps<'p> {
    /// Starts now.
    pub fn new(progress: &'p Progress) -> Self {
        Self { progress, last: Instant::now() }
    }

    /// Starts again: what went before belongs to no stage.
    pub fn start(&mut self) {
        self.last = Instant::now();
    }

    /// Counts the time since the last call for `stage`.
    pub fn end(&mut self, stage: Stage) {
        let now = Instant::now();
        self.progress.add(stage, now - self.last);
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_counts_for_itself() {
        let progress = Progress::default();
        for (place, stage) in (1..).zip(Stage::ALL) {
            progress.add(stage, Duration::from_millis(place));
        }
        let spent: Vec<u128> = Stage::ALL.iter().map(|stage| progress.spent(*stage).as_millis()).collect();
        assert_eq!(spent, (1..=12).collect::<Vec<u128>>());
    }
}
