//! `akguard diff`: what changed among the alarms since a moment.

use super::ak::short_alarm;
use super::exit;
use super::lookup::LookupArgs;
use crate::alarm::model::Alarm;
use crate::report::json::alarm_json;
use crate::report::listing::{write_csv, write_lines, write_object};
use crate::report::text::{grouped, rfc3339};
use crate::report::{Format, View, formats, refused, table};
use crate::store::read::{Changes, changes};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

/// Show which alarms are new, grew or were closed since a moment
///
/// New: seen by a scan for the first time. Grown: known before, and a scan found more calls. Closed: processed or
/// ignored, and still so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  akguard diff --since yesterday\n  akguard diff --since 7d --format json")]
pub(super) struct Args {
    /// A date, a time, or an age such as 24h, 7d, yesterday
    #[arg(long, value_name = "T")]
    since: String,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[]))]
    format: Format,
}

/// Shows the changes and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let lookup = args.lookup.open(args.format, config)?;
    let since = lookup.time("since", &args.since)?;
    let found = changes(&lookup.db, since, lookup.now)?;
    let view = lookup.view;
    match lookup.format {
        Format::Table => lookup.write(|out| write_text(&found, view, out))?,
        Format::Json => {
            let (new, grown, closed) = lists(&found, view);
            let since = rfc3339(since, view.zone);
            let object = json!({"version": 1, "since": since, "new": new, "grown": grown, "closed": closed});
            lookup.write(|out| write_object(&object, out))?;
        }
        Format::Jsonl => lookup.write(|out| write_lines(&in_one(&found, view), out))?,
        Format::Csv => {
            let rows = in_one(&found, view);
            let fields = [
                "change",
                "new_calls",
                "id",
                "rule",
                "level",
                "status",
                "date",
                "account.id",
                "user",
                "ak",
                "first_call",
                "last_call",
                "calls.total",
            ];
            lookup.write(|out| write_csv(&fields, &rows, out))?;
        }
        Format::CscJson | Format::Ocsf | Format::Parquet => lookup.write(|_| refused())?,
    }
    Ok(exit::DONE)
}

/// An alarm as a change shows it; `akguard show` has its records.
fn alarm_line(alarm: &Alarm, new_calls: u64, view: View) -> Value {
    let mut object = short_alarm(alarm_json(alarm, view));
    object["new_calls"] = json!(new_calls);
    object
}

fn lists(found: &Changes, view: View) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
    (
        found.new.iter().map(|alarm| alarm_line(alarm, alarm.total(), view)).collect(),
        found.grown.iter().map(|(alarm, calls)| alarm_line(alarm, *calls, view)).collect(),
        found.closed.iter().map(|alarm| alarm_line(alarm, alarm.new_since_processed, view)).collect(),
    )
}

/// All changes in one list, each with its kind.
fn in_one(found: &Changes, view: View) -> Vec<Value> {
    let (new, grown, closed) = lists(found, view);
    let mut all = Vec::new();
    for (kind, list) in [("new", new), ("grown", grown), ("closed", closed)] {
        all.extend(list.into_iter().map(|mut object| {
            object["change"] = json!(kind);
            object
        }));
    }
    all
}

fn write_text(found: &Changes, view: View, out: &mut dyn Write) -> io::Result<()> {
    let grown: Vec<Alarm> = found.grown.iter().map(|(alarm, _)| alarm.clone()).collect();
    let calls: u64 = found.grown.iter().map(|(_, calls)| calls).sum();
    let more = if grown.is_empty() { "grown" } else { "grown_by" };
    let lists = [("new", &found.new), (more, &grown), ("closed", &found.closed)];
    for (place, (title, alarms)) in lists.into_iter().enumerate() {
        let before = if place == 0 { "" } else { "\n" };
        let values = [("n", grouped(alarms.len() as u64)), ("calls", grouped(calls))];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        writeln!(out, "{before}{}", view.lang.fill("diff", title, &values))?;
        if !alarms.is_empty() {
            writeln!(out)?;
            table::alarm_table(alarms, view, out)?;
        }
    }
    Ok(())
}
