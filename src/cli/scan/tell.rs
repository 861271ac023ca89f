//! What a scan says on stderr: progress, what files were taken for, what could not be read, what was kept.

use crate::cli::output::lang;
use crate::cli::stderr_is_terminal;
use crate::ingest::source::FileState;
use crate::inventory::FileReport;
use crate::pipeline::{self, ScanCounts, ScanOutcome, ScanPlan};
use crate::progress::{Progress, Stage};
use crate::report::text::{counted, counted_in, grouped, printable};
use crate::store::Db;
use crate::store::keep::Kept;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::time::Duration;

pub(super) fn with_progress<T>(plan: &ScanPlan, told: bool, progress: &Progress, work: impl FnOnce() -> T) -> T {
    let total = pipeline::total_bytes(&plan.inputs);
    let bar = if told && stderr_is_terminal() { progress_bar(total) } else { ProgressBar::hidden() };
    let done = std::sync::atomic::AtomicBool::new(false);
    let result = std::thread::scope(|threads| {
        let ticker = threads.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) && !bar.is_hidden() {
                bar.set_position(progress.bytes());
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        let result = work();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        ticker.thread().unpark();
        result
    });
    bar.finish_and_clear();
    result
}

fn progress_bar(total: u64) -> ProgressBar {
    let template = if total > 0 {
        "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left"
    } else {
        "{spinner} {bytes}  {bytes_per_sec}"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

/// Says what asset and inventory files were taken for.
pub(super) fn tell_inventory(reports: &[FileReport]) {
    let mut err = std::io::stderr().lock();
    for report in reports {
        let entries = counted(report.entries as u64, "entry", "entries");
        let _ = writeln!(err, "{}: {}, {entries}", printable(&report.path), printable(&report.taken_for));
        for problem in &report.problems {
            let line = problem.line.map_or(String::new(), |line| format!(":{line}"));
            let _ = writeln!(err, "warning: {}{line}: {}", printable(&report.path), printable(&problem.what));
        }
    }
}

/// Rejects told one by one on stderr; the JSON has the first hundred.
const TOLD_REJECTS: usize = 10;
/// Rejected files named on stderr.
const TOLD_FILES: usize = 50;

/// Says which files and records could not be read: the first rejects with their place, then every file that gave nothing.
pub(super) fn tell_input(outcome: &ScanOutcome) {
    let mut err = std::io::stderr().lock();
    let mut told = std::collections::BTreeSet::new();
    for reject in outcome.rejects.iter().take(TOLD_REJECTS) {
        let name = outcome.file_outcomes.get(reject.file as usize).map_or("?", |file| file.name.as_str());
        let place = if reject.line > 0 { format!(":{}", reject.line) } else { String::new() };
        told.insert(reject.file);
        let _ = writeln!(err, "warning: {}{place}: {}", printable(name), printable(&reject.reason.to_string()));
    }
    if let Some(why) = &outcome.spill_trouble {
        tell_spill_trouble(why);
    }
    let more = outcome.events.rejected.saturating_sub(TOLD_REJECTS as u64);
    if more > 0 {
        let records = counted(more, "more record", "more records");
        let _ = writeln!(err, "warning: {records} could not be read; --format json has the first hundred");
    }
    let rejected = (0..).zip(&outcome.file_outcomes).filter_map(|(number, file)| match &file.state {
        FileState::Rejected(reason) if !told.contains(&number) => Some((file, reason)),
        _ => None,
    });
    for (file, reason) in rejected.take(TOLD_FILES) {
        let _ = writeln!(err, "warning: {}: {}", printable(&file.name), printable(&reason.to_string()));
    }
}

/// Says why temporary files could not be used.
fn tell_spill_trouble(why: &str) {
    let folder = std::env::temp_dir();
    let _ = writeln!(
        std::io::stderr().lock(),
        "warning: temporary files in {} cannot be used: {}; more is held in memory, and events may have been counted \
         twice if a file could not be read back\nhint: name a folder with room in TMPDIR, or give more memory with --memory",
        printable(&folder.display().to_string()),
        printable(why)
    );
}

/// Says where the time went. Threads work side by side, so that stages add up to more than the run took.
pub(super) fn tell_timings(outcome: &ScanOutcome, progress: &Progress, took: Duration) {
    let mut err = std::io::stderr().lock();
    let spent: Vec<(Stage, Duration)> = Stage::ALL.map(|stage| (stage, progress.spent(stage))).into();
    let all = spent.iter().map(|(_, time)| time.as_secs_f64()).sum::<f64>().max(f64::MIN_POSITIVE);
    let _ = writeln!(err, "{:<12} {:>9} {:>6}  what", "stage", "seconds", "share");
    for (stage, time) in spent.into_iter().filter(|(_, time)| !time.is_zero()) {
        let ((name, what), seconds) = (stage.words(), time.as_secs_f64());
        let _ = writeln!(err, "{name:<12} {seconds:>9.3} {:>5.0}%  {what}", 100.0 * seconds / all);
    }
    let bytes = indicatif::HumanBytes(progress.bytes());
    let events = grouped(outcome.events.read);
    let _ =
        writeln!(err, "all          {:>9.3} s from start to end; {events} events, {bytes} on disk", took.as_secs_f64());
    if let Some(peak) = peak_memory() {
        let _ = writeln!(err, "peak memory  {peak:>9.1} MB");
    }
}

/// The most memory that this program had at any time, in megabytes, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

/// Says what the database gained.
pub(super) fn tell_kept(db: &Db, counts: &ScanCounts, kept: &Kept) {
    let mut err = std::io::stderr().lock();
    let skipped = counts.files.skipped;
    if skipped > 0 {
        let name = if skipped == 1 { "kept_one" } else { "kept_many" };
        let _ = writeln!(err, "{}", lang().fill("scan", name, &[("n", &grouped(skipped))]));
        let damaged = counts.files.skipped_damaged;
        if damaged > 0 {
            let files = counted(damaged, "of them holds", "of them hold");
            let _ = writeln!(err, "warning: {files} records that could not be read; --rescan tells which");
        }
    }
    let path = printable(&db.path().display().to_string());
    let (new, grown) = (kept.new.unsigned_abs(), kept.grown.unsigned_abs());
    let alarms = counted_in(lang(), new, "new alarm", "new alarms");
    let values = [("path", &*path), ("alarms", &alarms), ("n", &grouped(grown))];
    let _ = writeln!(err, "{}", lang().fill("scan", "kept", &values));
}
