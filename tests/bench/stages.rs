//! Benchmark of the stages of a scan, each by itself, on one thread, and of the floors that they stand on.
//!
//! `cargo bench --bench stages`; see README.md in this folder. What a stage works on is made by the stages before it,
//! outside of the time measured.

#![expect(dead_code, reason = "the modules that make the data serve the other benchmark too")]
#![expect(clippy::print_stderr, reason = "making the data is told on the terminal")]

mod files;
mod generate;
mod object;
mod parameters;
mod world;

use crate::files::{Input, prepare};
use akguard::alarm::fold::Keep;
use akguard::detect::engine::{Engine, Findings};
use akguard::enrich::names::NameTables;
use akguard::enrich::{Enricher, Seen, World};
use akguard::event::frame::Events;
use akguard::event::id::event_key;
use akguard::event::raw::RawEvent;
use akguard::event::time::parse_event_time;
use akguard::ingest::framer::{Buffers, Chunk, Framer};
use akguard::ingest::scratch::Scratch;
use akguard::ingest::source;
use akguard::ingest::unwrap::unwrap_record;
use akguard::inventory::Inventory;
use akguard::pipeline::seen::SeenKeys;
use akguard::pipeline::{MEMORY, Reading, ScanPlan, read};
use akguard::progress::Progress;
use akguard::settings::Settings;
use akguard::store::Db;
use akguard::store::keep::{ScanEntry, keep};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Enough that tables are as full as in a real scan, few enough to be done in a minute.
const EVENTS: u64 = 50_000;
/// Rows of a batch, as in a scan.
const ROWS: usize = 16_384;

fn folder() -> PathBuf {
    let target = option_env!("CARGO_TARGET_TMPDIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).join("bench-data/stages")
}

fn world() -> (World, Engine) {
    let settings = Settings::default();
    let world = World {
        catalog: settings.catalog().expect("a catalog"),
        inventory: Inventory::default(),
        zone: settings.zone().expect("a zone"),
        naive_offset: settings.naive_offset().expect("an offset"),
        cloud_manager_ips: settings.cloud_manager_ips().expect("addresses"),
    };
    (world, Engine::new(settings.rules().expect("rules")))
}

/// The fields that a typed reader would take of the newest shape of events alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bare<'a> {
    event_name: &'a str,
    event_time: u64,
    resource_type: &'a str,
    event_region: &'a str,
    event_type: &'a str,
    action_type: &'a str,
    error_code: &'a str,
    api_error_code: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip: &'a str,
    user_agent: &'a str,
    #[serde(rename = "requestID")]
    request_id: &'a str,
    #[serde(borrow)]
    user_identity: BareIdentity<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareIdentity<'a> {
    principal_id: &'a str,
    account_id: &'a str,
    secret_id: &'a str,
    user_name: &'a str,
}

fn chunks(bytes: &[u8]) -> Vec<Chunk> {
    let (buffers, mut all) = (Buffers::default(), Vec::new());
    Framer::new(0, &buffers).run(&mut &*bytes, &mut |chunk| {
        all.push(chunk);
        true
    });
    all
}

fn parse<'a>(chunks: &'a [Chunk], scratch: &'a Scratch, mut take: impl FnMut(&RawEvent<'a>)) {
    for chunk in chunks {
        let text = std::str::from_utf8(&chunk.bytes).expect("the data is UTF-8");
        for span in &chunk.spans {
            unwrap_record(&text[span.start..span.end], scratch, &mut |found| take(found.expect("an event")));
        }
    }
}

/// The first batch, as it stands before it is turned into columns.
fn batch<'w>(world: &'w World, tables: &'w NameTables, events: &[RawEvent<'_>]) -> Enricher<'w> {
    let mut enricher = Enricher::new(world, tables);
    events.iter().take(ROWS).for_each(|event| push(&mut enricher, event));
    enricher
}

fn push(enricher: &mut Enricher<'_>, event: &RawEvent<'_>) {
    let time = parse_event_time(event.time, 28_800).expect("a time");
    let key = u64::try_from(event_key(event) >> 64).expect("half of the bits");
    enricher.push(event, Seen { time, key, file: 0, in_range: true });
}

fn floors(criterion: &mut Criterion, plain: &[u8], packed: &[u8]) {
    let mut group = criterion.benchmark_group("floor");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("newlines", |b| b.iter(|| memchr::memchr_iter(b'\n', black_box(plain)).count()));
    group.bench_function("typed parse with serde_json", |b| {
        b.iter(|| {
            let lines = plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.filter(|line| serde_json::from_slice::<Bare<'_>>(line).is_ok()).count()
        });
    });
    group.bench_function("inflate", |b| b.iter(|| inflate(packed)));
    group.finish();
}

fn inflate(packed: &[u8]) -> usize {
    let (mut decoder, mut room, mut all) = (flate2::read::MultiGzDecoder::new(packed), vec![0; 1 << 18], 0);
    loop {
        match decoder.read(&mut room).expect("whole gzip") {
            0 => return all,
            read => all += read,
        }
    }
}

fn reading(path: &Path, world: &World, engine: &Engine) -> Reading {
    let inputs = source::expand(&[path.to_path_buf()]);
    let plan = ScanPlan { inputs, since: None, until: None, workers: 2, memory: MEMORY };
    read(&plan, world, engine, Keep::Calls(1000), &Progress::default()).expect("the rules are evaluated")
}

fn stages(criterion: &mut Criterion) {
    let data = prepare(&folder(), EVENTS).expect("the data is made");
    let plain = std::fs::read(data.path(Input::Plain)).expect("the data");
    let packed = std::fs::read(data.path(Input::Gz)).expect("the data");
    floors(criterion, &plain, &packed);
    let chunks = chunks(&plain);
    bytes_to_events(criterion, &plain, &data.path(Input::Gz), &chunks);
    let scratch = Scratch::default();
    let mut events: Vec<RawEvent<'_>> = Vec::new();
    parse(&chunks, &scratch, |event| events.push(*event));
    let (world, engine) = world();
    events_to_alarms(criterion, &events, &world, &engine);
    store(criterion, &data.path(Input::Plain), &world, &engine);
}

fn bytes_to_events(criterion: &mut Criterion, plain: &[u8], packed: &Path, chunks: &[Chunk]) {
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    group.bench_function("inflate and split", |b| {
        b.iter(|| {
            let (buffers, mut records) = (Buffers::default(), 0);
            source::read_input(
                &source::Input::File(packed.to_path_buf()),
                &Progress::default(),
                &buffers,
                &mut |chunk| {
                    records += chunk.spans.len();
                    buffers.give_back(chunk.bytes);
                    true
                },
            );
            records
        });
    });
    group.bench_function("split", |b| {
        b.iter(|| {
            let (buffers, mut records) = (Buffers::default(), 0);
            Framer::new(0, &buffers).run(&mut &*plain, &mut |chunk| {
                records += chunk.spans.len();
                buffers.give_back(chunk.bytes);
                true
            });
            records
        });
    });
    group.bench_function("parse", |b| {
        b.iter_batched_ref(
            Scratch::default,
            |scratch| {
                let mut named = 0;
                parse(chunks, scratch, |event| named += event.name.len());
                named
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn events_to_alarms(criterion: &mut Criterion, events: &[RawEvent<'_>], world: &World, engine: &Engine) {
    let keys: Vec<u128> = events.iter().map(event_key).collect();
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("deduplicate", |b| {
        b.iter_batched_ref(
            || SeenKeys::new(usize::MAX, PathBuf::new()),
            |seen| {
                let mut new = 0;
                seen.insert_all(&keys, |is_new| new += usize::from(is_new));
                new
            },
            BatchSize::PerIteration,
        );
    });
    let tables = NameTables::default();
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("enrich", |b| {
        let mut enricher = batch(world, &tables, events);
        b.iter(|| {
            let made = enricher.batch.finish().expect("columns");
            enricher.batch.reuse(made);
            events.iter().take(ROWS).for_each(|event| push(&mut enricher, event));
        });
    });
    group.bench_function("columns", |b| {
        b.iter_batched_ref(
            || batch(world, &tables, events),
            |enricher| enricher.batch.finish().expect("columns"),
            BatchSize::PerIteration,
        );
    });
    let made: Events = batch(world, &tables, events).batch.finish().expect("columns");
    group.bench_function("rules", |b| b.iter(|| engine.evaluate(&made).expect("answers")));
    let answers = engine.evaluate(&made).expect("answers");
    group.bench_function("fold", |b| {
        b.iter_batched_ref(
            || Findings::new(engine, Keep::Counts),
            |found| found.take(engine, &made, &answers, &world.catalog),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn store(criterion: &mut Criterion, plain: &Path, world: &World, engine: &Engine) {
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Elements(EVENTS));
    group.sample_size(10);
    group.bench_function("store", |b| {
        let entry = ScanEntry {
            command: String::new(),
            zone: world.zone.to_string(),
            started: 0,
            now: 0,
            files: Vec::new(),
            skipped: Vec::new(),
            range: (None, None),
            context: [0; 32],
            most: 1000,
        };
        b.iter_batched(
            || (Db::in_memory().expect("a database"), reading(plain, world, engine)),
            |(db, reading)| keep(&db, reading, world, engine, &entry).expect("it is kept").0.new,
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
