//! `akguard process`, `ignore` and `reopen`: what people decide about alarms.

use super::database::DatabaseArgs;
use super::error::Usage;
use super::filter::FilterArgs;
use super::output::{lang, write_to};
use super::{exit, lookup, now_ms};
use crate::alarm::status::Status;
use crate::lang::text;
use crate::report::listing::write_object;
use crate::report::text::{counted, counted_in, grouped};
use crate::store::Db;
use crate::store::alarms::{Records, Sort, alarms};
use crate::store::decisions::{Decided, NewDecision, decide};
use crate::store::read::numbers;
use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// Which alarms, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ids of alarms, or their beginnings; - reads them from standard input, one a line or as JSON lines
    #[arg(value_name = "ALARM")]
    alarms: Vec<String>,
    /// Why, at most 500 characters; kept with the alarm
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// With filters, do not ask
    #[arg(long, short)]
    yes: bool,
    /// Zone of typed times [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table")]
    format: AnswerFormat,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AnswerFormat {
    Table,
    Json,
}

/// Characters of a note.
const MAX_NOTE: usize = 500;

/// Decides and returns the exit code.
pub(super) fn run(args: &Args, status: Status, config: Option<&Path>) -> Result<u8> {
    check(args)?;
    let note = args.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    let db = args.database.open()?;
    let chosen = if args.alarms.is_empty() {
        match filtered(args, status, &db, config)? {
            Some(chosen) => chosen,
            None => return Ok(exit::DONE),
        }
    } else {
        let ids = ids(&args.alarms)?;
        // One alarm named twice is one.
        let found: BTreeSet<i64> = ids.iter().map(|id| lookup::find(&db, id)).collect::<Result<_>>()?;
        found.into_iter().collect()
    };
    let by = user_name();
    let decided = decide(&db, &chosen, NewDecision { status, by: &by, note, at: now_ms() })?;
    tell(args, status, decided)?;
    Ok(exit::DONE)
}

fn check(args: &Args) -> Result<()> {
    let wrong = match (args.alarms.is_empty(), args.filter.is_empty()) {
        (true, true) => Some("name alarms by their ids, or choose them by filters such as --rule".to_string()),
        (false, false) => Some("name alarms by their ids or choose them by filters, not both".to_string()),
        _ => None,
    };
    let note = args.note.as_deref().unwrap_or_default();
    let characters = note.chars().count();
    let wrong = wrong.or_else(|| {
        (characters > MAX_NOTE).then(|| format!("--note has {characters} characters; at most {MAX_NOTE} are kept"))
    });
    let control = || note.chars().any(char::is_control).then(|| "--note holds a control character".to_string());
    wrong.or_else(control).map_or(Ok(()), |what| Err(Usage(what).into()))
}

/// The alarms that the filters choose, unless the user says no.
fn filtered(args: &Args, status: Status, db: &Db, config: Option<&Path>) -> Result<Option<Vec<i64>>> {
    let mut settings = super::rules::read_settings(config)?;
    settings.tz.clone_from(&args.tz);
    let now = now_ms();
    let mut filter = args.filter.read(db, now, settings.zone()?)?;
    if filter.statuses.is_empty() {
        filter.statuses = match status {
            Status::Unprocessed => vec![Status::Processed, Status::Ignored],
            Status::Processed | Status::Ignored => vec![Status::Unprocessed],
        };
    }
    let found = alarms(db, &filter, now, Sort::Level, None, Records::None)?;
    let ids: Vec<String> = found.into_iter().map(|alarm| alarm.id).collect();
    if !ids.is_empty() && !args.yes && !confirmed(ids.len() as u64, status)? {
        return Ok(None);
    }
    Ok(Some(numbers(db, &ids)?))
}

/// Asks, if there is somebody to ask.
fn confirmed(number: u64, status: Status) -> Result<bool> {
    let will_be = format!("{} will be {}", counted(number, "alarm", "alarms"), participle(status));
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let what = format!("{will_be}; say --yes to do so, as there is no terminal to ask on");
        return Err(Usage(what).into());
    }
    let mut err = io::stderr().lock();
    write!(err, "{will_be}. Go on? [y/N] ").and_then(|()| err.flush()).context("cannot ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !yes {
        let _ = writeln!(err, "nothing was changed");
    }
    Ok(yes)
}

/// The ids as typed, with those from standard input in the place of `-`.
fn ids(typed: &[String]) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut read = false;
    for id in typed {
        if id != "-" {
            ids.push(id.clone());
        } else if !read {
            read = true;
            for line in io::stdin().lock().lines() {
                let line = line.context("cannot read ids from standard input")?;
                ids.extend(id_of_line(line.trim())?);
            }
        }
    }
    Ok(ids)
}

/// The id in a line: the line itself, or the field `id` of an object.
fn id_of_line(line: &str) -> Result<Option<String>> {
    if line.is_empty() || !line.starts_with('{') {
        return Ok(Some(line.to_string()).filter(|line| !line.is_empty()));
    }
    let object: Option<serde_json::Value> = serde_json::from_str(line).ok();
    let id = object.as_ref().and_then(|object| object["id"].as_str()).map(str::to_string);
    let what = "a line from standard input is neither an id nor an object with an id; use --format jsonl";
    id.map_or_else(|| Err(Usage(what.to_string()).into()), |id| Ok(Some(id)))
}

/// What becomes of an alarm.
fn participle(status: Status) -> &'static str {
    match status {
        Status::Unprocessed => "reopened",
        Status::Processed => "processed",
        Status::Ignored => "ignored",
    }
}

fn tell(args: &Args, status: Status, decided: Decided) -> Result<()> {
    if args.format == AnswerFormat::Json {
        let answer = json!({
            "version": 1, "status": status.as_str(), "changed": decided.changed, "already": decided.already,
        });
        return write_to(None, |out| write_object(&answer, out));
    }
    let lang = lang();
    let already = match decided.already {
        0 => String::new(),
        1 => text(lang, "decided", "already_one").to_string(),
        more => lang.fill("decided", "already_many", &[("n", &grouped(more))]),
    };
    let alarms = counted_in(lang, decided.changed, "alarm", "alarms");
    let told = lang.fill("decided", participle(status), &[("alarms", &alarms), ("already", &already)]);
    write_to(None, |out| writeln!(out, "{told}"))
}

/// Who decides: the name of the user who runs the program.
fn user_name() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let clean = |name: String| name.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    named.map(clean).find(|name| !name.trim().is_empty()).unwrap_or_else(user_number)
}

#[cfg(target_os = "linux")]
fn user_number() -> String {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or("unknown".to_string(), |own| format!("uid {}", own.uid()))
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> String {
    "unknown".to_string()
}
