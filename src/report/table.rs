//! The table for people: what was read, what was found, worst first, fitted to the terminal.

use super::View;
use super::text::{counted, grouped, printable, shortened, time};
use crate::alarm::model::Alarm;
use crate::detect::Level;
use crate::pipeline::ScanOutcome;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use std::io::{self, Write};

/// Width when nobody says how wide the output is: as for a file that is read later.
const DEFAULT_WIDTH: u16 = 160;
/// Sources named for each alarm.
const SHOWN_SOURCES: usize = 1;

/// Writes summary and alarm table.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    write_summary(outcome, view, out)?;
    if outcome.alarms.is_empty() {
        return writeln!(out, "\nNo alarms.");
    }
    writeln!(out, "\n{}", alarm_table(&outcome.alarms, view))
}

/// Writes the lines above the table.
fn write_summary(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    let (files, events) = (&outcome.files, &outcome.events);
    let extra =
        |number: u64, what: &str| if number > 0 { format!(", {} {what}", grouped(number)) } else { String::new() };
    writeln!(
        out,
        "Files   {} read{}{}",
        grouped(files.read),
        extra(files.empty, "empty"),
        extra(files.rejected, "rejected")
    )?;
    writeln!(
        out,
        "Events  {} read: {} evaluated{}{}{}{}{}",
        grouped(events.read),
        grouped(events.evaluated),
        extra(events.duplicates, "duplicates"),
        extra(events.without_key, "without key"),
        extra(events.platform, "by the platform"),
        extra(events.outside_range, "outside the range"),
        extra(events.fell_back, "broken inside, so their row was used"),
    )?;
    if events.rejected > 0 {
        writeln!(out, "Rejects {}", counted(events.rejected, "record could not be read", "records could not be read"))?;
    }
    if let Some((first, last)) = outcome.time_span {
        writeln!(out, "Span    {} to {} ({})", time(first, view.zone), time(last, view.zone), view.zone)?;
    }
    let alarms = outcome.alarms.len() as u64;
    writeln!(
        out,
        "Alarms  {} from {}{}",
        grouped(alarms),
        counted(outcome.calls, "call", "calls"),
        by_level(&outcome.alarms)
    )
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

fn alarm_table(alarms: &[Alarm], view: View) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(view.width.unwrap_or(DEFAULT_WIDTH));
    if view.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(["Level", "Alarm", "Key", "User", "Calls", "Failed", "Last call", "From", "Id"]);
    for alarm in alarms {
        table.add_row(row(alarm, view));
    }
    for column in [4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn row(alarm: &Alarm, view: View) -> Vec<Cell> {
    let plain = |text: &str| Cell::new(printable(text));
    vec![
        level_cell(alarm.level),
        plain(alarm.meta.id),
        plain(&alarm.ak_masked()),
        plain(&shortened(alarm.user.as_deref().unwrap_or("-"), 24)),
        plain(&grouped(alarm.total())),
        plain(&grouped(alarm.failed)),
        plain(&time(alarm.last_call, view.zone)),
        plain(&sources(alarm)),
        plain(&alarm.id),
    ]
}

fn level_cell(level: Level) -> Cell {
    let cell = Cell::new(level.as_str());
    match level {
        Level::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Level::High => cell.fg(Color::Red),
        Level::Medium => cell.fg(Color::Yellow),
        Level::Low => cell.fg(Color::Cyan),
        Level::Note | Level::Invalid => cell.fg(Color::DarkGrey),
    }
}

/// The address with the newest call, and how many others there are.
fn sources(alarm: &Alarm) -> String {
    let mut ips: Vec<&str> = Vec::new();
    for record in alarm.records.iter().rev() {
        let ip = record.source_ip.as_deref().unwrap_or("-");
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    let more = ips.len().saturating_sub(SHOWN_SOURCES);
    let shown = shortened(&ips.into_iter().take(SHOWN_SOURCES).collect::<Vec<_>>().join(" "), 39);
    if more > 0 { format!("{shown} +{more}") } else { shown }
}
