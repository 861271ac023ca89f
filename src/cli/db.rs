//! `akguard db`: looks after the database.

use super::database::DatabaseArgs;
use super::error::Usage;
use super::output::{lang, write_to};
use super::{exit, time};
use crate::event::id::mask_keys_in;
use crate::lang::Lang;
use crate::report::listing::{width, write_object};
use crate::report::text::{self, counted_in, grouped, printable};
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
            match format {
                InfoFormat::Table => say(&table(db.path(), &info, zone, lang()))?,
                InfoFormat::Json => write_to(None, |out| write_object(&json(db.path(), &info, zone), out))?,
            }
        }
        Command::Backup { file } => {
            db.backup(file)?;
            let file = printable(&file.display().to_string());
            say(&(lang().fill("db", "copied", &[("file", &file)]) + "\n"))?;
        }
        Command::Check => return check(&db.check()?),
        Command::Vacuum => {
            let (before, after) = db.vacuum()?;
            let values = [("before", &*grouped(before)), ("after", &grouped(after))];
            say(&(lang().fill("db", "vacuum", &values) + "\n"))?;
        }
        Command::Prune { before, dry_run } => {
            let now = super::now_ms();
            let wanted = time::parse(before, now, zone).map_err(|what| Usage(format!("--before: {what}")))?;
            let date = text::time(wanted, zone)[..10].to_string();
            let midnight = time::parse(&date, now, zone).map_err(Usage)?;
            let removed = db.prune(midnight, &date, *dry_run)?;
            say(&told(&removed, &date, *dry_run, lang()))?;
        }
    }
    Ok(exit::DONE)
}

fn say(text: &str) -> Result<()> {
    write_to(None, |out| write!(out, "{text}"))
}

fn check(wrong: &[String]) -> Result<u8> {
    if wrong.is_empty() {
        say(&format!("{}\n", crate::lang::text(lang(), "db", "sound")))?;
        return Ok(exit::DONE);
    }
    write_to(None, |out| wrong.iter().try_for_each(|line| writeln!(out, "{}", printable(line))))?;
    Ok(exit::FAILED)
}

fn told(removed: &Removed, date: &str, dry_run: bool, lang: Lang) -> String {
    let alarms = |count: i64| counted_in(lang, count.unsigned_abs(), "alarm", "alarms");
    let records = counted_in(lang, removed.records.unsigned_abs(), "call record", "call records");
    let (gone, kept) = (alarms(removed.alarms), alarms(removed.decided));
    let calls = grouped(removed.calls.unsigned_abs());
    let values = [("date", date), ("alarms", &*gone), ("records", &*records), ("calls", &*calls)];
    let removed = lang.fill("db", if dry_run { "would_remove" } else { "removed" }, &values);
    format!("{removed}\n{}\n", lang.fill("db", "kept", &[("alarms", &kept)]))
}

fn table(path: &Path, info: &Info, zone: Tz, lang: Lang) -> String {
    let number = |count: i64| grouped(count.unsigned_abs());
    let many = |count: i64, one, many| counted_in(lang, count.unsigned_abs(), one, many);
    let say = |name, values: &[(&str, &str)]| lang.fill("db", name, values);
    let both = |one: &str, other: &str| say("both", &[("one", one), ("other", other)]);
    let [unprocessed, processed, ignored] = info.alarms.map(number);
    let alarms = [("unprocessed", &*unprocessed), ("processed", &*processed), ("ignored", &*ignored)];
    let size = [("bytes", &*grouped(info.bytes)), ("format", &info.format.to_string())];
    let scans = [("scans", &*many(info.scans, "scan", "scans")), ("files", &many(info.files, "file", "files"))];
    let last = info.last_scan.as_ref().map_or(say("never", &[]), |(at, command)| {
        say("last", &[("time", &text::time(*at, zone)), ("command", &printable(command))])
    });
    let calls = both(&many(info.records, "record", "records"), &many(info.calls, "single call", "single calls"));
    let lines = [
        ("File", printable(&path.display().to_string())),
        ("Size", say("size", &size)),
        ("Alarms", say("alarms", &alarms)),
        ("Calls", calls),
        ("Seen", both(&many(info.keys, "key", "keys"), &many(info.ips, "address", "addresses"))),
        ("Allowed", many(info.policies, "policy", "policies")),
        ("Scans", say("scans", &scans)),
        ("Unread", unread(info, lang)),
        ("Last", last),
        ("Zone", info.zone.clone().unwrap_or_else(|| "-".to_string())),
    ];
    let text = lines.iter().fold(String::new(), |all, (name, value)| {
        let name = crate::lang::text(lang, "db", name);
        all + &format!("{name}{}{value}\n", " ".repeat(8_usize.saturating_sub(width(name))))
    });
    info.rejects
        .iter()
        .fold(text, |text, reject| text + "        " + &printable(&mask_keys_in(&place_of(reject, lang))) + "\n")
}

/// How many records could not be read; the first ones stand below the table.
fn unread(info: &Info, lang: Lang) -> String {
    let mut records = counted_in(lang, info.unread.records, "record", "records");
    if info.unread.files > 0 {
        let files = counted_in(lang, info.unread.files, "file", "files");
        records = lang.fill("db", "both", &[("one", &files), ("other", &records)]);
    }
    if info.rejects.is_empty() { records } else { lang.fill("db", "unread", &[("records", &records)]) }
}

/// Where a record stands that could not be read, and why.
fn place_of(reject: &PastReject, lang: Lang) -> String {
    let PastReject { name, line, record, reason } = reject;
    let reason = crate::lang::told::told(lang, reason);
    match (line, record) {
        (0, 0) => format!("{name}: {reason}"),
        (0, record) => {
            let values = [("file", name.as_str()), ("n", &record.to_string()), ("reason", &reason)];
            lang.fill("db", "at_record", &values)
        }
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
        "rejected": info.unread.records,
        "rejected_files": info.unread.files,
        "rejects": info.rejects.iter().map(|reject| serde_json::json!({
            "file": reject.name, "line": (reject.line > 0).then_some(reject.line),
            "record": (reject.record > 0).then_some(reject.record), "reason": reject.reason,
        })).collect::<Vec<_>>(),
    })
}
