//! The whole scan on one screen; the only place that knows the order of the rooms.
//!
//! One thread reads and frames, the others parse, enrich and evaluate. Chunks are told apart by a
//! sequence number, and duplicates are looked up in that order, so that a scan of the same inputs
//! gives the same bytes however the threads run.

use crate::alarm::fold::Keep;
use crate::alarm::model::{Alarm, Resolver, resolve};
use crate::detect::Judging;
use crate::detect::engine::{Engine, Findings};
use crate::enrich::names::NameTables;
use crate::enrich::{Enricher, Seen, SetAside, World};
use crate::event::id::event_key;
use crate::event::raw::RawEvent;
use crate::event::time::parse_event_time;
use crate::ingest::framer::Chunk;
use crate::ingest::reject::{Reason, Reject};
use crate::ingest::source::{FileOutcome, FileState, Input, read_all};
use crate::ingest::unwrap::unwrap_record;
use bumpalo::Bump;
use crossbeam_channel::Receiver;
use hashbrown::{HashMap, HashSet};
use polars::prelude::PolarsResult;
use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Rows of a batch: enough that a polars select costs little per event, few enough for the cache.
const BATCH_ROWS: usize = 32_768;
/// Rejects shown one by one; all of them are counted.
const SHOWN_REJECTS: usize = 100;
/// Chunks waiting between reader and workers.
const QUEUE: usize = 4;

/// What to scan, and how.
#[derive(Clone, Debug)]
pub struct ScanPlan {
    /// Inputs in order.
    pub inputs: Vec<Input>,
    /// Leave out events before this time, in milliseconds.
    pub since: Option<i64>,
    /// Leave out events at or after this time.
    pub until: Option<i64>,
    /// Worker threads.
    pub workers: usize,
}

/// What became of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Read.
    pub read: u64,
    /// Not read, or without a single event that could be.
    pub rejected: u64,
    /// Empty.
    pub empty: u64,
    /// Read by an earlier scan, and left out because the database knows what they hold.
    pub skipped: u64,
    /// Those of them with records that could not be read.
    pub skipped_damaged: u64,
}

/// What became of the records. `read` is the sum of the next five; rejected records stand beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// Events read.
    pub read: u64,
    /// Taken by the rules.
    pub evaluated: u64,
    /// Seen before.
    pub duplicates: u64,
    /// Made by the platform.
    pub platform: u64,
    /// Signed by no key.
    pub without_key: u64,
    /// Outside the time range asked for.
    pub outside_range: u64,
    /// Records that are no readable event.
    pub rejected: u64,
    /// Among those read: the inner event was broken and its row stood in.
    pub fell_back: u64,
}

/// Everything a scan found out.
#[derive(Debug)]
pub struct ScanOutcome {
    /// Alarms, worst first.
    pub alarms: Vec<Alarm>,
    /// What became of the files.
    pub files: FileCounts,
    /// What became of the records.
    pub events: EventCounts,
    /// First and last time of an event inside the range asked for, in milliseconds.
    pub time_span: Option<(i64, i64)>,
    /// The first rejects, in order.
    pub rejects: Vec<Reject>,
    /// The files, by number.
    pub file_outcomes: Vec<FileOutcome>,
    /// Calls folded into alarms.
    pub calls: u64,
}

/// What the workers found, before timeline rules judge and numbers turn into words.
pub struct Reading {
    /// Findings of all workers.
    pub found: Findings,
    /// Distinct texts by number; still open, so that what a database knows can be added.
    pub tables: NameTables,
    /// APPIDs by account.
    pub app_ids: HashMap<u32, String>,
    /// What was counted.
    pub counts: ScanCounts,
}

/// What was counted while reading.
#[derive(Debug, Default)]
pub struct ScanCounts {
    /// What became of the files.
    pub files: FileCounts,
    /// What became of the records.
    pub events: EventCounts,
    /// First and last time of an event inside the range asked for, in milliseconds.
    pub time_span: Option<(i64, i64)>,
    /// The first rejects, in order.
    pub rejects: Vec<Reject>,
    /// The files, by number.
    pub file_outcomes: Vec<FileOutcome>,
    /// Which of the files each input was, or held.
    pub input_files: Vec<Range<usize>>,
    /// Numbers of the files with events that had been seen before in this scan.
    pub shared: HashSet<u32>,
    /// Numbers of the files with records that could not be read.
    pub damaged: HashSet<u32>,
}

impl ScanCounts {
    /// The outcome of a scan that found these alarms.
    pub fn outcome(self, alarms: Vec<Alarm>) -> ScanOutcome {
        ScanOutcome {
            calls: alarms.iter().map(Alarm::total).sum(),
            alarms,
            files: self.files,
            events: self.events,
            time_span: self.time_span,
            rejects: self.rejects,
            file_outcomes: self.file_outcomes,
        }
    }
}

/// Scans the inputs, keeps nothing, and returns what was found. `progress` counts bytes read from disk.
pub fn scan(plan: &ScanPlan, world: &World, engine: &Engine, progress: &AtomicU64) -> PolarsResult<ScanOutcome> {
    let Reading { mut found, tables, app_ids, counts } = read(plan, world, engine, Keep::Counts, progress)?;
    let names = tables.finish();
    let mut history = std::mem::take(&mut found.history);
    history.listed.note(&world.inventory);
    let judging = Judging { history: &history, names: &names, catalog: &world.catalog };
    let standing = found.standing(engine, &judging);
    found.folder.merge(standing);
    for judged in found.judge(engine, &judging).into_values() {
        found.folder.merge(judged);
    }
    let resolver = Resolver {
        rules: engine.rules(),
        names: &names,
        inventory: &world.inventory,
        catalog: &world.catalog,
        app_ids: &app_ids,
    };
    Ok(counts.outcome(resolve(found.folder, &resolver)))
}

/// Reads the inputs and evaluates the rules over them. `progress` counts bytes read from disk.
pub fn read(
    plan: &ScanPlan,
    world: &World,
    engine: &Engine,
    keep: Keep,
    progress: &AtomicU64,
) -> PolarsResult<Reading> {
    let tables = NameTables::default();
    let turnstile = Turnstile::default();
    let (sender, receiver) = crossbeam_channel::bounded::<Chunk>(QUEUE);
    let ((file_outcomes, input_files), results) = std::thread::scope(|threads| {
        let workers: Vec<_> = (0..plan.workers.max(1))
            .map(|_| {
                let chunks = receiver.clone();
                let (tables, turnstile) = (&tables, &turnstile);
                threads.spawn(move || Worker::new(plan, world, engine, tables, turnstile, keep).run(&chunks))
            })
            .collect();
        drop(receiver);
        let files = read_all(&plan.inputs, progress, &mut |chunk| sender.send(chunk).is_ok());
        drop(sender);
        let results: Vec<_> = workers.into_iter().map(join).collect();
        (files, results)
    });
    let mut found = Findings::new(engine, keep);
    let mut app_ids = HashMap::new();
    for result in results {
        let (findings, ids) = result?;
        found.merge(findings);
        merge_app_ids(&mut app_ids, ids);
    }
    Ok(Reading { found, tables, app_ids, counts: turnstile.counts(file_outcomes, input_files) })
}

fn join<T>(worker: std::thread::ScopedJoinHandle<'_, T>) -> T {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn merge_app_ids(own: &mut HashMap<u32, String>, other: HashMap<u32, String>) {
    for (account, id) in other {
        let entry = own.entry(account).or_insert_with(|| id.clone());
        if id < *entry {
            *entry = id;
        }
    }
}

/// An event with its time read, and where it stands.
struct Parsed<'a> {
    event: RawEvent<'a>,
    time: i64,
    key: u128,
}

/// The half of an event key that is kept of every hit. Two events of one alarm share it once in
/// more than a billion alarms of a hundred thousand calls.
fn half(key: u128) -> u64 {
    (key >> 64) as u64
}

/// What is done with an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admitted {
    /// It is judged.
    New,
    /// It lies before the range asked for, and is the past of what is judged.
    AsPast,
    /// It is left out.
    Not,
}

/// One thread's share of the work.
struct Worker<'w> {
    plan: &'w ScanPlan,
    engine: &'w Engine,
    world: &'w World,
    turnstile: &'w Turnstile,
    enricher: Enricher<'w>,
    findings: Findings,
}

impl<'w> Worker<'w> {
    fn new(
        plan: &'w ScanPlan,
        world: &'w World,
        engine: &'w Engine,
        tables: &'w NameTables,
        turnstile: &'w Turnstile,
        keep: Keep,
    ) -> Self {
        let mut enricher = Enricher::new(world, tables);
        enricher.keep_details = keep != Keep::Counts;
        Self { plan, engine, world, turnstile, enricher, findings: Findings::new(engine, keep) }
    }

    fn run(mut self, chunks: &Receiver<Chunk>) -> PolarsResult<(Findings, HashMap<u32, String>)> {
        let mut bump = Bump::new();
        let mut failure = None;
        for chunk in chunks {
            // After a failure, chunks are still passed through, so that the others are not left waiting.
            let result = self.take(chunk, &bump);
            bump.reset();
            failure = failure.or(result.err());
        }
        if let Some(error) = failure {
            return Err(error);
        }
        self.flush()?;
        let created = std::mem::take(&mut self.enricher.created);
        self.findings.history.created = created;
        self.findings.history.account_first = std::mem::take(&mut self.enricher.coverage);
        Ok((self.findings, self.enricher.app_ids))
    }

    fn take(&mut self, chunk: Chunk, bump: &Bump) -> PolarsResult<()> {
        let ticket = self.turnstile.ticket(chunk.sequence);
        let mut parsed = Vec::with_capacity(chunk.spans.len());
        let mut rejects = chunk.rejects;
        let valid = std::str::from_utf8(&chunk.bytes);
        for span in &chunk.spans {
            let bytes = &chunk.bytes[span.start..span.end];
            let text = match &valid {
                Ok(all) => &all[span.start..span.end],
                Err(_) => bump.alloc_str(&String::from_utf8_lossy(bytes)),
            };
            let reject = |reason| Reject { file: chunk.file, line: span.line, record: span.record, reason };
            unwrap_record(text, bump, &mut |found| match found.and_then(|event| self.timed(event)) {
                Ok(event) => parsed.push(event),
                Err(reason) => rejects.push(reject(reason)),
            });
        }
        let fresh = ticket.pass(|tally| {
            tally.reject_all(rejects);
            parsed.iter().map(|event| self.admit(tally, chunk.file, event)).collect::<Vec<Admitted>>()
        });
        let mut set_aside = EventCounts::default();
        for (event, admitted) in parsed.iter().zip(fresh) {
            if self.enricher.batch.is_full(BATCH_ROWS) {
                self.flush()?;
            }
            if admitted == Admitted::Not {
                continue;
            }
            let in_range = admitted == Admitted::New;
            let seen = Seen { time: event.time, key: half(event.key), file: chunk.file, in_range };
            match self.enricher.push(&event.event, seen) {
                _ if !in_range => {}
                Some(SetAside::Platform) => set_aside.platform += 1,
                Some(SetAside::WithoutKey) => set_aside.without_key += 1,
                None => set_aside.evaluated += 1,
            }
        }
        self.turnstile.count(&set_aside);
        Ok(())
    }

    #[expect(clippy::large_types_passed_by_value, reason = "the event moves on into the result")]
    fn timed<'a>(&self, event: RawEvent<'a>) -> Result<Parsed<'a>, Reason> {
        let time = parse_event_time(event.time, self.world.naive_offset);
        let time = time.ok_or_else(|| Reason::BadTime(event.time.chars().take(40).collect()).of_row(event.row))?;
        Ok(Parsed { key: event_key(&event), event, time })
    }

    /// Counts an event as outside the range, a duplicate, or new.
    fn admit(&self, turn: &mut Tally, file: u32, event: &Parsed<'_>) -> Admitted {
        turn.saw(file);
        turn.events.fell_back += u64::from(event.event.fell_back);
        let early = self.plan.since.is_some_and(|since| event.time < since);
        let late = self.plan.until.is_some_and(|until| event.time >= until);
        if early || late {
            turn.events.outside_range += 1;
            return if early { Admitted::AsPast } else { Admitted::Not };
        }
        turn.span = Some(widened(turn.span, event.time));
        let new = turn.keys.insert(event.key);
        turn.events.duplicates += u64::from(!new);
        if !new {
            turn.files_with_duplicates.insert(file);
        }
        if new { Admitted::New } else { Admitted::Not }
    }

    fn flush(&mut self) -> PolarsResult<()> {
        if self.enricher.batch.is_empty() {
            return Ok(());
        }
        let events = self.enricher.batch.finish()?;
        self.findings.take(self.engine, &events, &self.world.catalog)
    }
}

fn widened(span: Option<(i64, i64)>, time: i64) -> (i64, i64) {
    span.map_or((time, time), |(first, last)| (first.min(time), last.max(time)))
}

/// Event keys are hashes already.
#[derive(Default)]
struct KeyHash(u64);

impl Hasher for KeyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = (key >> 64) as u64;
    }
}

/// What is counted in the order of chunks: event keys, rejects, files.
#[derive(Default)]
struct Tally {
    next: u64,
    keys: HashSet<u128, BuildHasherDefault<KeyHash>>,
    events: EventCounts,
    span: Option<(i64, i64)>,
    rejects: Vec<Reject>,
    reasons: BTreeSet<(u32, String)>,
    files_with_events: HashSet<u32>,
    files_with_duplicates: HashSet<u32>,
}

/// Reasons told apart for each file; texts of hostile files may differ in every record.
const MAX_REASONS: usize = 10_000;

impl Tally {
    fn saw(&mut self, file: u32) {
        self.files_with_events.insert(file);
    }

    fn reject_all(&mut self, rejects: Vec<Reject>) {
        for reject in rejects {
            self.events.rejected += 1;
            let reason = reject.reason.kind();
            let full = self.reasons.len() >= MAX_REASONS;
            self.reasons.insert((reject.file, if full { "other reasons".to_string() } else { reason }));
            if self.rejects.len() < SHOWN_REJECTS {
                self.rejects.push(reject);
            }
        }
    }
}

/// Lets workers into the tally one at a time, in the order of chunks.
#[derive(Default)]
struct Turnstile {
    tally: Mutex<Tally>,
    moved: Condvar,
}

/// The right and duty to pass the turnstile once. A worker that fails passes all the same, so that
/// the others are not left waiting.
struct Ticket<'t> {
    turnstile: &'t Turnstile,
    sequence: u64,
    passed: bool,
}

impl Ticket<'_> {
    fn pass<T>(mut self, work: impl FnOnce(&mut Tally) -> T) -> T {
        self.passed = true;
        self.turnstile.pass(self.sequence, work)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.passed {
            self.turnstile.pass(self.sequence, |_| ());
        }
    }
}

impl Turnstile {
    fn ticket(&self, sequence: u64) -> Ticket<'_> {
        Ticket { turnstile: self, sequence, passed: false }
    }

    fn pass<T>(&self, sequence: u64, work: impl FnOnce(&mut Tally) -> T) -> T {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_while(tally, |tally| tally.next != sequence);
        let mut tally = waited.unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut tally);
        tally.next += 1;
        drop(tally);
        self.moved.notify_all();
        result
    }

    fn count(&self, counts: &EventCounts) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.events.evaluated += counts.evaluated;
        tally.events.platform += counts.platform;
        tally.events.without_key += counts.without_key;
    }

    fn counts(self, mut files: Vec<FileOutcome>, input_files: Vec<Range<usize>>) -> ScanCounts {
        let mut tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut whole_files = Vec::new();
        for (number, file) in (0..).zip(&mut files) {
            if let FileState::Rejected(reason) = &file.state {
                whole_files.push(Reject { file: number, line: 0, record: 0, reason: reason.clone() });
            }
            let rejects = tally.reasons.range((number, String::new())..(number + 1, String::new())).next();
            if file.state == FileState::Read && !tally.files_with_events.contains(&number) {
                file.state = rejects.map_or(FileState::Empty, |(_, reason)| {
                    FileState::Rejected(Reason::UnknownFormat(format!("no record could be read: {reason}")))
                });
            }
        }
        // A file that was refused as a whole stands before single records, and is not a record itself.
        let records = std::mem::take(&mut tally.rejects);
        let mut rejects: Vec<Reject> = whole_files;
        rejects.extend(records);
        rejects.sort_by_key(|reject| (reject.file, reject.record, reject.line));
        rejects.truncate(SHOWN_REJECTS);
        let damaged = tally.reasons.iter().map(|(file, _)| *file).collect();
        let shared = std::mem::take(&mut tally.files_with_duplicates);
        let mut events = tally.events;
        events.read =
            events.outside_range + events.duplicates + events.platform + events.without_key + events.evaluated;
        ScanCounts {
            files: count_files(&files),
            events,
            time_span: tally.span,
            rejects,
            file_outcomes: files,
            input_files,
            shared,
            damaged,
        }
    }
}

fn count_files(files: &[FileOutcome]) -> FileCounts {
    let mut counts = FileCounts::default();
    for file in files {
        match file.state {
            FileState::Read => counts.read += 1,
            FileState::Empty => counts.empty += 1,
            FileState::Rejected(_) => counts.rejected += 1,
        }
    }
    counts
}

/// The bytes of all inputs on disk, for a progress bar.
pub fn total_bytes(inputs: &[Input]) -> u64 {
    inputs.iter().map(Input::size).sum()
}

/// Reads a progress counter.
pub fn bytes_read(progress: &AtomicU64) -> u64 {
    progress.load(Ordering::Relaxed)
}
