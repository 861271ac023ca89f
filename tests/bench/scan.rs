//! Benchmark of `akguard scan`: whole runs of the program over a made-up log.
//!
//! `cargo bench --bench scan`; see README.md in this folder. The data is made once. Then
//! each input is scanned several times in turn, and wall time, processor time and peak
//! memory of each run are taken from the operating system. At the end every output is
//! checked: all events read, and the same alarms from all inputs that hold the same
//! events. Slowness never fails the benchmark, a wrong answer does.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark reports on the terminal")]

mod files;
mod generate;
mod object;
mod parameters;
mod world;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wait4::Wait4;

use crate::files::{Data, FNV_START, Input, fnv, prepare};

const USAGE: &str = "\
cargo bench --bench scan -- [INPUT...] [--generate-only]

INPUT: plain, gz, split, tccli (default: all)
--generate-only: make the data, run nothing

AKGUARD_BENCH_EVENTS: events in the data (default 1000000)
AKGUARD_BENCH_RUNS: runs of each input (default 5)";

type Failure = Box<dyn Error>;

/// What the command line and the environment ask for.
struct Options {
    program: PathBuf,
    inputs: Vec<Input>,
    generate_only: bool,
    events: u64,
    runs: usize,
}

/// One run of the program.
struct Run {
    input: Input,
    output: PathBuf,
    wall: Duration,
    cpu: Duration,
    peak_bytes: u64,
}

fn main() -> ExitCode {
    match bench() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("scan bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// True when all outputs are right.
fn bench() -> Result<bool, Failure> {
    let Some(options) = options()? else {
        println!("{USAGE}");
        return Ok(true);
    };
    let data = make_data(options.events)?;
    if options.generate_only {
        return Ok(true);
    }
    let outputs = tempfile::tempdir()?;
    let runs = run_all(&options, &data, outputs.path())?;
    print_table(&options.inputs, &runs, &data)?;
    let faults = check(&runs, &data)?;
    for fault in &faults {
        println!("WRONG: {fault}");
    }
    if faults.is_empty() {
        println!("All events read in every run; the same alarms wherever the events are the same.");
    }
    Ok(faults.is_empty())
}

/// None when help is asked for.
fn options() -> Result<Option<Options>, Failure> {
    let words = env::args_os().skip(1);
    let mut program = option_env!("CARGO_BIN_EXE_akguard").map(PathBuf::from);
    let (mut inputs, mut generate_only) = (Vec::new(), false);
    for word in words {
        match word.to_str() {
            // Cargo passes this one by itself.
            Some("--bench") => {}
            Some("--help" | "-h") => return Ok(None),
            Some("--generate-only") => generate_only = true,
            _ if program.is_none() => program = Some(word.into()),
            _ => inputs.push(input(&word)?),
        }
    }
    if program.is_none() && !generate_only {
        return Err("built outside of the package: give the program as the first argument".into());
    }
    let mut selected = Input::ALL.to_vec();
    selected.retain(|input| inputs.is_empty() || inputs.contains(input));
    Ok(Some(Options {
        program: program.unwrap_or_default(),
        inputs: selected,
        generate_only,
        events: positive("AKGUARD_BENCH_EVENTS", 1_000_000)?,
        runs: usize::try_from(positive("AKGUARD_BENCH_RUNS", 5)?)?,
    }))
}

fn input(word: &OsString) -> Result<Input, Failure> {
    let known = Input::ALL.into_iter().find(|input| word == input.name());
    known.ok_or_else(|| format!("unknown argument {}\n\n{USAGE}", word.display()).into())
}

/// A number from the environment, at least 1.
fn positive(variable: &str, default: u64) -> Result<u64, Failure> {
    let Some(text) = env::var_os(variable) else {
        return Ok(default);
    };
    let number = text.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| format!("{variable} is not a number from 1 on: {}", text.display()).into())
}

fn make_data(events: u64) -> Result<Data, Failure> {
    let dir = data_dir();
    eprintln!("data: {events} events in {}", dir.display());
    let start = Instant::now();
    let data = prepare(&dir, events)?;
    let origin = if data.reused { "found" } else { "made" };
    eprintln!(
        "data: {origin} in {:.1} s, {:.1} MB, {} bytes an event, FNV-1a {:016x}",
        start.elapsed().as_secs_f64(),
        megabytes(data.bytes(Input::Plain)?),
        data.bytes(Input::Plain)? / events,
        data.checksum,
    );
    Ok(data)
}

/// Cargo's folder for the files of tests and benches, else the usual target folder.
fn data_dir() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_TMPDIR").map(PathBuf::from);
    let target = target.or_else(|| option_env!("CARGO_TARGET_TMPDIR").map(PathBuf::from));
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"));
    target.join("bench-data")
}

/// All runs, the inputs in turn, so that a slow minute of the machine hits all of them;
/// each round starts with another input.
fn run_all(options: &Options, data: &Data, outputs: &Path) -> Result<Vec<Run>, Failure> {
    for input in &options.inputs {
        data.touch(*input)?;
    }
    let mut runs = Vec::new();
    for round in 0..options.runs {
        let mut inputs = options.inputs.clone();
        inputs.rotate_left(round % options.inputs.len());
        for input in inputs {
            let output = outputs.join(format!("{}-{round}.json", input.name()));
            let run = run_once(&options.program, input, &data.path(input), output)?;
            let (wall, cpu) = (run.wall.as_secs_f64(), run.cpu.as_secs_f64());
            eprintln!("run {}/{} {:<5} {wall:8.2} s wall {cpu:8.2} s cpu", round + 1, options.runs, input.name());
            runs.push(run);
        }
    }
    Ok(runs)
}

fn run_once(program: &Path, input: Input, path: &Path, output: PathBuf) -> Result<Run, Failure> {
    let errors = output.with_extension("stderr");
    let mut command = Command::new(program);
    command.arg("scan").arg(path).args(["--no-db", "--format", "json", "--quiet", "--output"]);
    command.arg(&output).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&errors)?);
    let start = Instant::now();
    let ended = command.spawn()?.wait4()?;
    let wall = start.elapsed();
    if !ended.status.success() {
        let said = fs::read_to_string(&errors).unwrap_or_default();
        return Err(format!("{} on {}: {}\n{said}", program.display(), path.display(), ended.status).into());
    }
    Ok(Run { input, output, wall, cpu: ended.rusage.utime + ended.rusage.stime, peak_bytes: ended.rusage.maxrss })
}

fn print_table(inputs: &[Input], runs: &[Run], data: &Data) -> Result<(), Failure> {
    println!(
        "{:<6} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10} {:>8}",
        "input", "MB", "events", "wall s", "min", "max", "CPU s", "MB/s", "events/s", "peak MB",
    );
    for input in inputs {
        let of_input = || runs.iter().filter(|run| run.input == *input);
        let walls = sorted(of_input().map(|run| run.wall.as_secs_f64()));
        let cpus = sorted(of_input().map(|run| run.cpu.as_secs_f64()));
        let peak = of_input().map(|run| run.peak_bytes).max().unwrap_or_default();
        let (wall, size, events) = (median(&walls), megabytes(data.bytes(*input)?), input.events(data.events));
        println!(
            "{:<6} {size:>8.1} {events:>9} {wall:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.1} {:>10.0} {:>8.1}",
            input.name(),
            walls[0],
            walls[walls.len() - 1],
            median(&cpus),
            size / wall,
            as_f64(events) / wall,
            megabytes(peak),
        );
    }
    println!("MB without compression; wall and CPU are medians, peak is the highest of all runs.");
    Ok(())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Of sorted values; there is at least one.
fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

fn megabytes(bytes: u64) -> f64 {
    as_f64(bytes) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes lie far below 2^52")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

/// What is wrong with the outputs. They are read only now: a large parent process
/// would show up in the peak memory of its children.
fn check(runs: &[Run], data: &Data) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    // What the first run over the same events said: in full, and in part for tccli.
    let mut expected: Vec<(u64, u64, Input)> = Vec::new();
    for run in runs {
        let (name, events) = (run.input.name(), run.input.events(data.events));
        let output: Value = serde_json::from_slice(&fs::read(&run.output)?)
            .map_err(|error| format!("the output for {name} is no JSON: {error}"))?;
        let read = &output["summary"]["events"]["read"];
        if read.as_u64() != Some(events) {
            faults.push(format!("{name}: {read} events read instead of {events}"));
        }
        let Some(alarms) = output["alarms"].as_array() else {
            faults.push(format!("{name}: the output has no alarms array"));
            continue;
        };
        let hash = fnv(FNV_START, &serde_json::to_vec(alarms)?);
        match expected.iter().find(|(known, ..)| *known == events) {
            None => {
                println!("{events} events: {} alarms, FNV-1a {hash:016x}", alarms.len());
                expected.push((events, hash, run.input));
            }
            Some((_, first, from)) if *first != hash => {
                faults.push(format!("{name}: other alarms than in the first run of {}", from.name()));
            }
            Some(_) => {}
        }
    }
    Ok(faults)
}
