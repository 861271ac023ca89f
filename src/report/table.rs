//! The table for people: what was read, what was found, worst first, fitted to the terminal.

use super::View;
use super::listing::{self, Column, Paint};
use super::text::{counted, grouped, or_dash, printable, time};
use crate::alarm::model::{Alarm, CallRecord, Sources};
use crate::alarm::status::Status;
use crate::detect::Level;
use crate::pipeline::ScanOutcome;
use std::io::{self, Write};

/// Writes summary and alarm table.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    write_summary(outcome, view, out)?;
    if outcome.alarms.is_empty() {
        return writeln!(out, "\n{}", verdict(outcome));
    }
    writeln!(out)?;
    alarm_table(&outcome.alarms, view, out)?;
    if view.details {
        for alarm in &outcome.alarms {
            write_details(alarm, view, out)?;
        }
    }
    Ok(())
}

/// What can be said when there is no alarm: silence about events that were not judged is no all-clear.
fn verdict(outcome: &ScanOutcome) -> &'static str {
    let events = &outcome.events;
    if outcome.files.skipped > 0 && events.read == 0 {
        "No alarms are kept of these files, all of them known; --rescan reads them again."
    } else if events.read == 0 {
        "No event was read, so nothing can be said."
    } else if events.outside_range == events.read {
        "No event lies in the time range asked for, so nothing can be said."
    } else if events.evaluated == 0 {
        "No event could be judged, so nothing can be said."
    } else {
        "No alarms."
    }
}

/// Writes why an alarm fired and the calls behind it.
fn write_details(alarm: &Alarm, view: View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}  {}  {}", alarm.id, alarm.level.as_str(), alarm.meta.title)?;
    writeln!(
        out,
        "  {}",
        printable(&format!("{} of {}, {}", alarm.ak_masked(), or_dash(alarm.user.as_deref()), alarm.date))
    )?;
    writeln!(out, "  why: {}", printable(&alarm.why))?;
    if !alarm.tags.is_empty() {
        writeln!(out, "  tags: {}", printable(&alarm.tags.join(", ")))?;
    }
    writeln!(out, "  what to do: akguard rules show {}", alarm.meta.id)?;
    for record in &alarm.records {
        writeln!(out, "  {}", record_line(record, view))?;
    }
    Ok(())
}

/// One call record: when, from where, what, how often, and what came of it.
fn record_line(record: &CallRecord, view: View) -> String {
    let asset =
        record.asset_name.as_deref().or(record.asset_id.as_deref()).map_or(String::new(), |name| format!(" {name}"));
    let calls = record.success + record.failed;
    let code = if record.failed > 0 { format!(" -> {}", record.code) } else { String::new() };
    printable(&format!(
        "{}  {} ({}{asset})  {} {}:{} x{calls}{code}",
        time(record.last_call, view.zone),
        or_dash(record.source_ip.as_deref()),
        record.ip_type,
        record.method.as_str(),
        record.service,
        record.action,
    ))
}

/// Writes the lines above the table.
fn write_summary(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    let (files, events) = (&outcome.files, &outcome.events);
    let extra =
        |number: u64, what: &str| if number > 0 { format!(", {} {what}", grouped(number)) } else { String::new() };
    writeln!(
        out,
        "Files   {} read{}{}{}",
        grouped(files.read),
        extra(files.skipped, "known and skipped"),
        extra(files.empty, "empty"),
        extra(files.rejected, "rejected")
    )?;
    writeln!(
        out,
        "Events  {} read: {} evaluated{}{}{}{}",
        grouped(events.read),
        grouped(events.evaluated),
        extra(events.duplicates, "duplicates"),
        extra(events.without_key, "without key"),
        extra(events.platform, "by the platform"),
        extra(events.outside_range, "outside the range"),
    )?;
    if events.fell_back > 0 {
        let events = counted(events.fell_back, "event", "events");
        writeln!(out, "Broken  {events}, for which the row around was used")?;
    }
    if events.rejected > 0 {
        writeln!(out, "Rejects {}", counted(events.rejected, "record could not be read", "records could not be read"))?;
    }
    if let Some((first, last)) = outcome.time_span {
        writeln!(out, "Span    {} to {} ({})", time(first, view.zone), time(last, view.zone), view.zone)?;
    }
    writeln!(out, "{}", totals(&outcome.alarms, outcome.calls))
}

/// How many alarms, of which level, with how many calls.
fn totals(alarms: &[Alarm], calls: u64) -> String {
    let number = grouped(alarms.len() as u64);
    format!("Alarms  {number} holding {}{}", counted(calls, "call", "calls"), by_level(alarms))
}

fn by_level(alarms: &[Alarm]) -> String {
    let counts = Level::ALL.map(|level| (level, alarms.iter().filter(|alarm| alarm.level == level).count()));
    let texts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{count} {}", level.as_str()))
        .collect();
    if texts.is_empty() { String::new() } else { format!(": {}", texts.join(", ")) }
}

/// The columns of the alarm table.
pub static COLUMNS: [Column<Alarm>; 10] = [
    Column::new("LEVEL", 0, |alarm: &Alarm, _| alarm.level.as_str().to_string())
        .painted(|alarm| Paint::of(alarm.level)),
    Column::new("ALARM", 0, |alarm, _| alarm.meta.id.to_string()),
    Column::new("STATUS", 3, |alarm, _| status(alarm)),
    Column::new("KEY", 2, |alarm, _| alarm.ak_masked()),
    Column::new("USER", 7, |alarm, view| view.shortened(or_dash(alarm.user.as_deref()), 16)),
    Column::new("CALLS", 5, |alarm: &Alarm, _| grouped(alarm.total())).right(),
    Column::new("FAILED", 8, |alarm: &Alarm, _| grouped(alarm.failed)).right(),
    Column::new("LAST CALL", 4, |alarm, view| time(alarm.last_call, view.zone)),
    Column::new("FROM", 6, source),
    // A prefix of the id tells an alarm as well as the whole; JSON and CSV have it in full.
    Column::new("ID", 1, |alarm, view| alarm.id.chars().take(if view.wide { usize::MAX } else { 10 }).collect()),
];

/// Writes a list of alarms with a line about all of them.
pub fn write_list(alarms: &[Alarm], columns: &[&Column<Alarm>], view: View, out: &mut dyn Write) -> io::Result<()> {
    if alarms.is_empty() {
        return writeln!(out, "No alarms.");
    }
    writeln!(out, "{}\n", totals(alarms, alarms.iter().map(Alarm::total).sum()))?;
    listing::write(columns, alarms, view, out)
}

/// Writes the alarm table alone.
pub fn alarm_table(alarms: &[Alarm], view: View, out: &mut dyn Write) -> io::Result<()> {
    let columns: Vec<&Column<Alarm>> = COLUMNS.iter().filter(|column| is_usual(column, alarms)).collect();
    listing::write(&columns, alarms, view, out)
}

/// Whether a column tells something about these alarms: the status does once somebody has decided.
pub fn is_usual(column: &Column<Alarm>, alarms: &[Alarm]) -> bool {
    column.title != "STATUS" || alarms.iter().any(|alarm| alarm.status != Status::Unprocessed)
}

/// The status, and how many calls came since.
fn status(alarm: &Alarm) -> String {
    let word = alarm.status.as_str();
    if alarm.new_since_processed == 0 {
        word.to_string()
    } else {
        format!("{word} +{}", grouped(alarm.new_since_processed))
    }
}

/// The address with the newest call, and how many others there are.
fn source(alarm: &Alarm, view: View) -> String {
    let Sources { newest, count, .. } = &alarm.sources;
    let shown = view.shortened(or_dash(newest.as_deref()), 20);
    if *count > 1 { format!("{shown} +{}", count - 1) } else { shown }
}
