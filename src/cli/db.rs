//! `akguard db`: looks after the database.

use super::database::DatabaseArgs;
use super::error::Usage;
use super::output::write_to;
use super::{exit, time};
use crate::report::text::{self, counted, grouped, printable};
use crate::store::admin::{Info, Removed};
use crate::store::period::PastReject;
use anyhow::Result;
use chrono_tz::Tz;
use clap::{Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// Look after the database: what is in it, backups, checks, taking out what is old
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard db info\n  akguard db backup /backup/akguard-$(date +%F).db\n  akguard db prune --before 180d --dry-run"
)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is in the database
    #[command(after_help = "Example:\n  akguard db info --format json")]
    Info {
        /// Output format
        #[arg(long, value_name = "F", default_value = "table")]
        format: InfoFormat,
    },
    /// Copy the database to a new file, also while it is in use
    #[command(after_help = "Example:\n  akguard db backup akguard-2026-03-15.db")]
    Backup {
        /// The new file; it must not be there yet
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Look for damage; exits with 1 when there is some
    #[command(after_help = "Example:\n  akguard db check")]
    Check,
    /// Give room that is no longer used back to the disk
    #[command(after_help = "Example:\n  akguard db vacuum")]
    Vacuum,
    /// Take out what is old: alarms nobody decided about, and single calls. Decisions and history stay
    #[command(
        after_help = "Examples:\n  akguard db prune --before 180d --dry-run\n  akguard db prune --before 2026-01-01"
    )]
    Prune {
        /// What is dated before this goes: a date, or an age such as 180d
        #[arg(long, value_name = "DATE")]
        before: String,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InfoFormat {
    Table,
    Json,
}

/// Runs the subcommand and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let zone = super::rules::read_settings(config)?.zone()?;
    let db = args.database.open()?;
    match &args.command {
        Command::Info { format } => {
            let info = db.info()?;
            let text = match format {
                InfoFormat::Table => table(db.path(), &info, zone),
                InfoFormat::Json => format!("{:#}\n", json(db.path(), &info, zone)),
            };
            say(&text)?;
        }
        Command::Backup { file } => {
            db.backup(file)?;
            say(&format!("copied to {}\n", printable(&file.display().to_string())))?;
        }
        Command::Check => return check(&db.check()?),
        Command::Vacuum => {
            let (before, after) = db.vacuum()?;
            say(&format!("{} bytes before, {} after\n", grouped(before), grouped(after)))?;
        }
        Command::Prune { before, dry_run } => {
            let now = super::now_ms();
            let wanted = time::parse(before, now, zone).map_err(|what| Usage(format!("--before: {what}")))?;
            let date = text::time(wanted, zone)[..10].to_string();
            let midnight = time::parse(&date, now, zone).map_err(Usage)?;
            let removed = db.prune(midnight, &date, *dry_run)?;
            say(&told(&removed, &date, *dry_run))?;
        }
    }
    Ok(exit::DONE)
}

fn say(text: &str) -> Result<()> {
    write_to(None, |out| write!(out, "{text}"))
}

fn check(wrong: &[String]) -> Result<u8> {
    if wrong.is_empty() {
        say("no damage found\n")?;
        return Ok(exit::DONE);
    }
    write_to(None, |out| wrong.iter().try_for_each(|line| writeln!(out, "{}", printable(line))))?;
    Ok(exit::FAILED)
}

fn told(removed: &Removed, date: &str, dry_run: bool) -> String {
    let number = |count: i64| grouped(count.unsigned_abs());
    format!(
        "{} what is dated before {date}: {} with {}, {} single calls\nkept: {} that somebody decided about, and the history of keys\n",
        if dry_run { "would remove" } else { "removed" },
        counted(removed.alarms.unsigned_abs(), "alarm", "alarms"),
        counted(removed.records.unsigned_abs(), "call record", "call records"),
        number(removed.calls),
        counted(removed.decided.unsigned_abs(), "alarm", "alarms"),
    )
}

fn table(path: &Path, info: &Info, zone: Tz) -> String {
    let number = |count: i64| grouped(count.unsigned_abs());
    let many = |count: i64, one: &str, many: &str| counted(count.unsigned_abs(), one, many);
    let [unprocessed, processed, ignored] = info.alarms.map(number);
    let scanned = info
        .last_scan
        .as_ref()
        .map_or("never".to_string(), |(at, command)| format!("{}: {}", text::time(*at, zone), printable(command)));
    let lines = [
        ("File", printable(&path.display().to_string())),
        ("Size", format!("{} bytes, format {}", grouped(info.bytes), info.format)),
        ("Alarms", format!("{unprocessed} unprocessed, {processed} processed, {ignored} ignored")),
        (
            "Calls",
            format!("{}, {}", many(info.records, "record", "records"), many(info.calls, "single call", "single calls")),
        ),
        ("Seen", format!("{}, {}", many(info.keys, "key", "keys"), many(info.ips, "address", "addresses"))),
        ("Allowed", counted(info.policies.unsigned_abs(), "policy", "policies")),
        (
            "Scans",
            format!("{}; {} read to the end", many(info.scans, "scan", "scans"), many(info.files, "file", "files")),
        ),
        ("Unread", unread(info)),
        ("Last", scanned),
        ("Zone", info.zone.clone().unwrap_or_else(|| "-".to_string())),
    ];
    let text = lines.iter().fold(String::new(), |text, (name, value)| text + &format!("{name:<8}{value}\n"));
    info.rejects.iter().fold(text, |text, reject| text + "        " + &printable(&place_of(reject)) + "\n")
}

/// How many records could not be read; the first ones stand below the table.
fn unread(info: &Info) -> String {
    let records = counted(info.rejected.unsigned_abs(), "record", "records");
    if info.rejects.is_empty() { records } else { format!("{records}; the newest stand at the end") }
}

/// Where a record stands that could not be read, and why.
fn place_of(reject: &PastReject) -> String {
    let PastReject { name, line, record, reason } = reject;
    match (line, record) {
        (0, 0) => format!("{name}: {reason}"),
        (0, record) => format!("{name}, record {record}: {reason}"),
        (line, _) => format!("{name}:{line}: {reason}"),
    }
}

fn json(path: &Path, info: &Info, zone: Tz) -> serde_json::Value {
    let [unprocessed, processed, ignored] = info.alarms;
    serde_json::json!({
        "version": 1,
        "file": path.display().to_string(),
        "format": info.format,
        "bytes": info.bytes,
        "alarms": {"unprocessed": unprocessed, "processed": processed, "ignored": ignored},
        "records": info.records,
        "calls": info.calls,
        "keys": info.keys,
        "ips": info.ips,
        "policies": info.policies,
        "files": info.files,
        "scans": info.scans,
        "last_scan": info.last_scan.as_ref().map(|(at, command)| serde_json::json!({
            "finished": text::rfc3339(*at, zone), "command": command,
        })),
        "zone": info.zone,
        "rejected": info.rejected,
        "rejects": info.rejects.iter().map(|reject| serde_json::json!({
            "file": reject.name, "line": (reject.line > 0).then_some(reject.line),
            "record": (reject.record > 0).then_some(reject.record), "reason": reject.reason,
        })).collect::<Vec<_>>(),
    })
}
