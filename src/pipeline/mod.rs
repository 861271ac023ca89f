//! The whole scan on one screen; the only place that knows the order of the rooms.
//!
//! Some threads read and frame, the others parse, enrich and evaluate. Chunks are told apart by a
//! sequence number, and duplicates are looked up in that order, so that a scan of the same inputs
//! gives the same bytes however the threads run.

pub mod seen;

use crate::alarm::fold::Keep;
use crate::alarm::model::{Alarm, Resolver, resolve};
use crate::detect::Judging;
use crate::detect::engine::{Engine, Findings};
use crate::enrich::names::NameTables;
use crate::enrich::{Enricher, Seen, SetAside, World};
use crate::event::id::event_key;
use crate::event::raw::RawEvent;
use crate::event::time::parse_event_time;
use crate::ingest::feed::Feed;
use crate::ingest::framer::Chunk;
use crate::ingest::reject::{Reason, Reject};
use crate::ingest::scratch::Scratch;
use crate::ingest::source::{FileOutcome, FileState, Input};
use crate::ingest::unwrap::unwrap_record;
use crate::progress::{Laps, Progress, Stage};
use hashbrown::{HashMap, HashSet};
use polars::prelude::PolarsResult;
use seen::SeenKeys;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};

/// Rows of a batch: enough that a polars select costs little per event, few enough for the cache.
const BATCH_ROWS: usize = 16_384;
/// Rejects shown one by one; all of them are counted.
const SHOWN_REJECTS: usize = 100;
/// Bytes of memory that a scan may take unless told otherwise.
pub const MEMORY: u64 = 1_000_000_000;
/// Bytes of memory for everything but event keys: buffers, batches, tables. Measured: 105 to 115 MB with two workers,
/// 230 MB more into a database.
const BESIDE_KEYS: u64 = 160 << 20;
/// Inputs read before their turn, at most one by each reader.
const AHEAD: usize = 2;
/// Threads that read: one each for those inputs, for the one whose turn it is, and for the one that waits to be let in.
const READERS: usize = AHEAD + 2;

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
    /// Bytes of memory that the scan may take. Event keys past it go to temporary files; what else grows with
    /// alarms, keys and addresses does not.
    pub memory: u64,
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
    /// Why something could not be kept in temporary files.
    pub spill_trouble: Option<String>,
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
    /// The first rejects of each file, in order.
    pub sampled: Vec<Reject>,
    /// Records of each file that could not be read, by its number.
    pub rejected_of: HashMap<u32, u64>,
    /// The files, by number.
    pub file_outcomes: Vec<FileOutcome>,
    /// Which of the files each input was, or held.
    pub input_files: Vec<Range<usize>>,
    /// Numbers of the files with events that had been seen before in this scan.
    pub shared: HashSet<u32>,
    /// Numbers of the files with records that could not be read.
    pub damaged: HashSet<u32>,
    /// Why something could not be kept in temporary files.
    pub spill_trouble: Option<String>,
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
            spill_trouble: self.spill_trouble,
        }
    }
}

/// Scans the inputs, keeps nothing, and returns what was found. `progress` is told how far it is.
pub fn scan(plan: &ScanPlan, world: &World, engine: &Engine, progress: &Progress) -> PolarsResult<ScanOutcome> {
    let Reading { mut found, tables, app_ids, mut counts } = read(plan, world, engine, Keep::Counts, progress)?;
    counts.spill_trouble = counts.spill_trouble.or(found.spill.trouble.take());
    let mut laps = Laps::new(progress);
    let names = tables.finish();
    let mut history = std::mem::take(&mut found.history);
    history.listed.note(&world.inventory);
    let judging = Judging { history: &history, names: &names, catalog: &world.catalog };
    let standing = found.standing(engine, &judging);
    found.folder.merge(standing);
    for judged in found.judge(engine, &judging)?.into_values() {
        found.folder.merge(judged);
    }
    let resolver = Resolver {
        rules: engine.rules(),
        names: &names,
        inventory: &world.inventory,
        catalog: &world.catalog,
        app_ids: &app_ids,
    };
    let alarms = resolve(found.folder, &resolver);
    laps.end(Stage::Judge);
    Ok(counts.outcome(alarms))
}

/// Reads the inputs and evaluates the rules over them. `progress` is told how far it is.
pub fn read(plan: &ScanPlan, world: &World, engine: &Engine, keep: Keep, progress: &Progress) -> PolarsResult<Reading> {
    let tables = NameTables::default();
    let turnstile = Turnstile::new(plan.memory);
    let feed = Feed::new(&plan.inputs, AHEAD, progress);
    let workers = plan.workers.max(1);
    let results: Vec<_> = std::thread::scope(|threads| {
        for _ in 0..workers.min(plan.inputs.len()).clamp(1, READERS) {
            threads.spawn(|| feed.read());
        }
        let work = || Worker::new(plan, world, engine, &tables, &turnstile, keep, progress).run(&feed);
        let workers: Vec<_> = (0..workers).map(|_| threads.spawn(work)).collect();
        workers.into_iter().map(join).collect()
    });
    let (file_outcomes, input_files) = feed.finish();
    // Ends the event keys before findings are merged, which takes memory as well.
    let counts = turnstile.counts(file_outcomes, input_files);
    let mut laps = Laps::new(progress);
    let mut results = results.into_iter();
    // What one worker found is taken as it is, and that of the others added.
    let nothing = || (Findings::new(engine, keep), HashMap::new());
    let (mut found, mut app_ids) = results.next().transpose()?.unwrap_or_else(nothing);
    for result in results {
        let (findings, ids) = result?;
        found.merge(findings);
        merge_app_ids(&mut app_ids, ids);
    }
    laps.end(Stage::Merge);
    Ok(Reading { found, tables, app_ids, counts })
}

/// Ends the reading when a worker dies, so that readers are not left waiting and the panic is seen.
struct StopsOnPanic<'f, 'i>(&'f Feed<'i>);

impl Drop for StopsOnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
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
    laps: Laps<'w>,
}

impl<'w> Worker<'w> {
    fn new(
        plan: &'w ScanPlan,
        world: &'w World,
        engine: &'w Engine,
        tables: &'w NameTables,
        turnstile: &'w Turnstile,
        keep: Keep,
        progress: &'w Progress,
    ) -> Self {
        let mut enricher = Enricher::new(world, tables);
        enricher.keep_details = keep != Keep::Counts;
        let (findings, laps) = (Findings::new(engine, keep), Laps::new(progress));
        Self { plan, engine, world, turnstile, enricher, findings, laps }
    }

    fn run(mut self, feed: &Feed<'_>) -> PolarsResult<(Findings, HashMap<u32, String>)> {
        let _stops = StopsOnPanic(feed);
        let mut scratch = Scratch::default();
        let mut failure = None;
        while let Some(mut chunk) = feed.next() {
            self.laps.start();
            // After a failure, chunks are still passed through, so that the others are not left waiting.
            let result = self.take(&mut chunk, &scratch);
            scratch.clear();
            feed.give_back(chunk.bytes);
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

    fn take(&mut self, chunk: &mut Chunk, scratch: &Scratch) -> PolarsResult<()> {
        let ticket = self.turnstile.ticket(chunk.sequence);
        let mut parsed = Vec::with_capacity(chunk.spans.len());
        let mut rejects = std::mem::take(&mut chunk.rejects);
        let valid = std::str::from_utf8(&chunk.bytes);
        for span in &chunk.spans {
            let bytes = &chunk.bytes[span.start..span.end];
            let text = match &valid {
                Ok(all) => &all[span.start..span.end],
                Err(_) => scratch.texts().alloc_str(&String::from_utf8_lossy(bytes)),
            };
            let reject = |reason| Reject { file: chunk.file, line: span.line, record: span.record, reason };
            unwrap_record(
                text,
                scratch,
                &mut |found| match found.and_then(|event| Ok((self.time_of(event)?, event))) {
                    // Made where it stays: an event is some 700 bytes long.
                    Ok((time, event)) => parsed.push(Parsed { key: event_key(event), event: *event, time }),
                    Err(reason) => rejects.push(reject(reason)),
                },
            );
        }
        self.laps.end(Stage::Parse);
        let fresh = ticket.pass(|tally| {
            tally.reject_all(rejects);
            tally.admit(self.plan, chunk.file, &parsed)
        });
        self.laps.end(Stage::Deduplicate);
        let mut set_aside = EventCounts::default();
        for (event, admitted) in parsed.iter().zip(fresh) {
            if self.enricher.batch.is_full(BATCH_ROWS) {
                self.laps.end(Stage::Enrich);
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
        self.laps.end(Stage::Enrich);
        self.turnstile.count(&set_aside);
        Ok(())
    }

    fn time_of(&self, event: &RawEvent<'_>) -> Result<i64, Reason> {
        let time = parse_event_time(event.time, self.world.naive_offset);
        time.ok_or_else(|| Reason::BadTime(event.time.chars().take(40).collect()).of_row(event.row))
    }

    fn flush(&mut self) -> PolarsResult<()> {
        if self.enricher.batch.is_empty() {
            return Ok(());
        }
        self.laps.start();
        let events = self.enricher.batch.finish()?;
        self.laps.end(Stage::Columns);
        let answers = self.engine.evaluate(&events)?;
        self.laps.end(Stage::Rules);
        self.findings.take(self.engine, &events, &answers, &self.world.catalog);
        self.laps.end(Stage::Fold);
        self.enricher.batch.reuse(events);
        Ok(())
    }
}

fn widened(span: Option<(i64, i64)>, time: i64) -> (i64, i64) {
    span.map_or((time, time), |(first, last)| (first.min(time), last.max(time)))
}

/// What is counted in the order of chunks: event keys, rejects, files.
struct Tally {
    next: u64,
    keys: SeenKeys,
    events: EventCounts,
    span: Option<(i64, i64)>,
    rejects: Vec<Reject>,
    sampled: Vec<Reject>,
    rejected_of: HashMap<u32, u64>,
    reasons: BTreeSet<(u32, String)>,
    files_with_events: HashSet<u32>,
    files_with_duplicates: HashSet<u32>,
}

/// Rejects of one file that a database keeps.
const MOST_OF_A_FILE: u64 = 20;

/// Rejects of one scan that a database keeps.
const MOST_SAMPLED: usize = 20_000;

/// Reasons told apart for each file; texts of hostile files may differ in every record.
const MAX_REASONS: usize = 10_000;

impl Tally {
    fn new(memory: u64) -> Self {
        let for_keys = memory.saturating_sub(BESIDE_KEYS).max(memory / 4);
        let for_keys = usize::try_from(for_keys).unwrap_or(usize::MAX);
        Self {
            next: 0,
            keys: SeenKeys::new(for_keys, std::env::temp_dir()),
            events: EventCounts::default(),
            span: None,
            rejects: Vec::new(),
            sampled: Vec::new(),
            rejected_of: HashMap::new(),
            reasons: BTreeSet::new(),
            files_with_events: HashSet::new(),
            files_with_duplicates: HashSet::new(),
        }
    }

    /// Counts the events of a chunk, and says of each what is to be done with it.
    fn admit(&mut self, plan: &ScanPlan, file: u32, events: &[Parsed<'_>]) -> Vec<Admitted> {
        if !events.is_empty() {
            self.files_with_events.insert(file);
        }
        let mut admitted: Vec<Admitted> = events.iter().map(|event| self.place(plan, event)).collect();
        let of = |(event, admitted): (&Parsed<'_>, &Admitted)| (*admitted == Admitted::New).then_some(event.key);
        let keys: Vec<u128> = events.iter().zip(&admitted).filter_map(of).collect();
        let mut judged = admitted.iter_mut().filter(|admitted| **admitted == Admitted::New);
        let mut duplicates = 0;
        self.keys.insert_all(&keys, |new| {
            if let Some(admitted) = judged.next().filter(|_| !new) {
                *admitted = Admitted::Not;
                duplicates += 1;
            }
        });
        self.events.duplicates += duplicates;
        if duplicates > 0 {
            self.files_with_duplicates.insert(file);
        }
        admitted
    }

    /// Where an event lies in the range asked for.
    fn place(&mut self, plan: &ScanPlan, event: &Parsed<'_>) -> Admitted {
        self.events.fell_back += u64::from(event.event.fell_back);
        let early = plan.since.is_some_and(|since| event.time < since);
        let late = plan.until.is_some_and(|until| event.time >= until);
        if early || late {
            self.events.outside_range += 1;
            return if early { Admitted::AsPast } else { Admitted::Not };
        }
        self.span = Some(widened(self.span, event.time));
        Admitted::New
    }

    fn reject_all(&mut self, rejects: Vec<Reject>) {
        for reject in rejects {
            self.events.rejected += 1;
            let reason = reject.reason.kind();
            let full = self.reasons.len() >= MAX_REASONS;
            self.reasons.insert((reject.file, if full { "other reasons".to_string() } else { reason }));
            self.sample(&reject);
            if self.rejects.len() < SHOWN_REJECTS {
                self.rejects.push(reject);
            }
        }
    }

    fn sample(&mut self, reject: &Reject) {
        let of_file = self.rejected_of.entry(reject.file).or_default();
        *of_file += 1;
        if *of_file <= MOST_OF_A_FILE && self.sampled.len() < MOST_SAMPLED {
            self.sampled.push(reject.clone());
        }
    }
}

/// Lets workers into the tally one at a time, in the order of chunks.
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
    fn new(memory: u64) -> Self {
        Self { tally: Mutex::new(Tally::new(memory)), moved: Condvar::new() }
    }

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
        let in_order = |mut rejects: Vec<Reject>, most: usize| {
            rejects.sort_by_key(|reject| (reject.file, reject.record, reject.line));
            rejects.truncate(most);
            rejects
        };
        let sampled = whole_files.iter().cloned().chain(std::mem::take(&mut tally.sampled)).collect();
        let sampled = in_order(sampled, MOST_SAMPLED);
        let rejects = in_order(whole_files.into_iter().chain(records).collect(), SHOWN_REJECTS);
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
            sampled,
            rejected_of: std::mem::take(&mut tally.rejected_of),
            file_outcomes: files,
            input_files,
            shared,
            damaged,
            spill_trouble: tally.keys.trouble().map(ToString::to_string),
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
