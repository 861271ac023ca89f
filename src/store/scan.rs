//! A scan into the database: leave out what is known, read the rest, keep what was found.

use super::keep::{Kept, LedgerFile, ScanEntry, keep};
use super::ledger::{Fingerprint, KnownFile, State, fingerprint, known, state_of};
use super::{Db, StoreError};
use crate::alarm::fold::Keep;
use crate::detect::engine::Engine;
use crate::enrich::World;
use crate::ingest::source::{FileState, Input};
use crate::pipeline::{self, ScanCounts, ScanPlan};
use crate::progress::{Progress, Stage};
use polars::prelude::PolarsError;
use std::ops::Range;
use std::time::Instant;

/// Why a scan into the database did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A rule could not be evaluated.
    #[error("cannot evaluate the rules")]
    Rules(#[from] PolarsError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the ledger is to say about a scan, and how it treats files that are known.
#[derive(Clone, Debug)]
pub struct Job {
    /// The command as typed.
    pub command: String,
    /// Zone of local dates.
    pub zone: String,
    /// The time now, in milliseconds.
    pub now: i64,
    /// Hash of everything but the logs that the result hangs on: settings, assets, inventory, version.
    pub context: [u8; 32],
    /// Calls of a record kept beside their count.
    pub most: usize,
    /// Read files again that are known.
    pub rescan: bool,
}

/// What a scan into the database gave.
#[derive(Debug)]
pub struct Scanned {
    /// What was counted.
    pub counts: ScanCounts,
    /// What was kept.
    pub kept: Kept,
}

/// Scans into the database. Nothing is kept unless all of it is. `progress` is told how far it is.
pub fn scan(
    db: &Db,
    plan: &ScanPlan,
    world: &World,
    engine: &Engine,
    job: &Job,
    progress: &Progress,
) -> Result<Scanned, ScanError> {
    let began = Instant::now();
    let known_files = if job.rescan {
        vec![None; plan.inputs.len()]
    } else {
        progress.time(Stage::Hash, || known(db, &plan.inputs, &job.context))?
    };
    let pick = |(input, known): (&Input, &Option<KnownFile>)| known.is_none().then(|| input.clone());
    let inputs: Vec<Input> = plan.inputs.iter().zip(&known_files).filter_map(pick).collect();
    let skipped: Vec<KnownFile> = known_files.into_iter().flatten().collect();
    // A file that is written to while it is read may be hashed in another state than it was read in.
    let states: Vec<Option<State>> = inputs.iter().map(state_of).collect();
    let plan = ScanPlan { inputs, ..plan.clone() };
    // Events outside a range asked for are not in the database, so such files are not done with.
    let whole = plan.since.is_none() && plan.until.is_none();
    let (reading, prints) = std::thread::scope(|threads| {
        let inputs = if whole { &plan.inputs[..] } else { &[] };
        let hasher = threads.spawn(|| progress.time(Stage::Hash, || inputs.iter().map(fingerprint).collect()));
        let reading = pipeline::read(&plan, world, engine, Keep::Calls(job.most), progress);
        (reading, hasher.join().unwrap_or_else(|_| Vec::new()))
    });
    let mut reading = reading?;
    reading.counts.files.skipped = skipped.len() as u64;
    reading.counts.files.skipped_damaged = skipped.iter().filter(|known| known.has_rejects).count() as u64;
    let prints = prints.into_iter().zip(states).map(|(print, state)| print.filter(|print| print.is_of(state)));
    let files = read_files(&plan.inputs, prints.collect(), &reading.counts);
    let elapsed = i64::try_from(began.elapsed().as_millis()).unwrap_or_default();
    let entry = ScanEntry {
        command: job.command.clone(),
        zone: job.zone.clone(),
        started: job.now,
        now: job.now + elapsed,
        files,
        skipped: skipped.into_iter().map(|known| known.number).collect(),
        range: (plan.since, plan.until),
        context: job.context,
        most: job.most,
    };
    let (kept, counts) = progress.time(Stage::Store, || keep(db, reading, world, engine, &entry))?;
    Ok(Scanned { counts, kept })
}

/// The inputs that were read to their end, for the ledger.
fn read_files(inputs: &[Input], prints: Vec<Option<Fingerprint>>, counts: &ScanCounts) -> Vec<LedgerFile> {
    let unreadable = |range: &Range<usize>| {
        counts.file_outcomes[range.clone()].iter().any(|file| matches!(file.state, FileState::Rejected(_)))
    };
    let entry = |((input, print), numbers): ((&Input, Option<Fingerprint>), &Range<usize>)| {
        let print = print.filter(|_| !unreadable(numbers))?;
        let any = |of: &hashbrown::HashSet<u32>| {
            numbers.clone().any(|number| u32::try_from(number).is_ok_and(|number| of.contains(&number)))
        };
        let (shared, has_rejects) = (any(&counts.shared), any(&counts.damaged));
        let (name, numbers) = (input.name(), numbers.clone());
        Some(LedgerFile { numbers, name, size: print.size, hash: print.hash, shared, has_rejects })
    };
    inputs.iter().zip(prints).zip(&counts.input_files).filter_map(entry).collect()
}
