//! The table for people: what was read, what was found, worst first, fitted to the terminal.

use super::View;
use super::text::{counted, grouped, printable, shortened, time};
use crate::alarm::model::{Alarm, CallRecord};
use crate::detect::Level;
use crate::pipeline::ScanOutcome;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use std::collections::BTreeSet;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Width when nobody says how wide the output is: as for a file that is read later.
const DEFAULT_WIDTH: u16 = 160;

/// Writes summary and alarm table.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    write_summary(outcome, view, out)?;
    if outcome.alarms.is_empty() {
        return writeln!(out, "\n{}", verdict(outcome));
    }
    writeln!(out, "\n{}", alarm_table(&outcome.alarms, view))?;
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
    if events.read == 0 {
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
        "Files   {} read{}{}",
        grouped(files.read),
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
    let alarms = outcome.alarms.len() as u64;
    writeln!(
        out,
        "Alarms  {} holding {}{}",
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

/// A column of the alarm table.
struct Column {
    title: &'static str,
    /// Columns with a high number are left out first when the terminal is narrow.
    drop_order: u8,
    right: bool,
    text: fn(&Alarm, View) -> String,
}

const COLUMNS: [Column; 9] = [
    Column { title: "LEVEL", drop_order: 0, right: false, text: |alarm, _| alarm.level.as_str().to_string() },
    Column { title: "ALARM", drop_order: 0, right: false, text: |alarm, _| alarm.meta.id.to_string() },
    Column { title: "KEY", drop_order: 1, right: false, text: |alarm, _| alarm.ak_masked() },
    Column {
        title: "USER",
        drop_order: 6,
        right: false,
        text: |alarm, _| shortened(or_dash(alarm.user.as_deref()), 16),
    },
    Column { title: "CALLS", drop_order: 4, right: true, text: |alarm, _| grouped(alarm.total()) },
    Column { title: "FAILED", drop_order: 7, right: true, text: |alarm, _| grouped(alarm.failed) },
    Column { title: "LAST CALL", drop_order: 3, right: false, text: |alarm, view| time(alarm.last_call, view.zone) },
    Column { title: "FROM", drop_order: 5, right: false, text: |alarm, _| source(alarm) },
    // A prefix of the id tells an alarm as well as the whole; JSON and CSV have it in full.
    Column { title: "ID", drop_order: 2, right: false, text: |alarm, _| alarm.id.chars().take(10).collect() },
];

/// Blanks between columns.
const GAP: u16 = 2;

fn alarm_table(alarms: &[Alarm], view: View) -> String {
    let rows: Vec<Vec<String>> = alarms
        .iter()
        .map(|alarm| COLUMNS.iter().map(|column| printable(&(column.text)(alarm, view))).collect())
        .collect();
    let shown = columns_that_fit(&rows, view.width.unwrap_or(DEFAULT_WIDTH));
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if view.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(shown.iter().map(|place| Cell::new(COLUMNS[*place].title).add_attribute(Attribute::Bold)));
    for (alarm, row) in alarms.iter().zip(&rows) {
        table.add_row(shown.iter().map(|place| cell(*place, &row[*place], alarm.level)));
    }
    for (column, place) in table.column_iter_mut().zip(&shown) {
        column.set_padding((0, GAP));
        if COLUMNS[*place].right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// The places of the columns that stand side by side without breaking a line: the important ones
/// first, as many as there is room for.
fn columns_that_fit(rows: &[Vec<String>], width: u16) -> Vec<usize> {
    let widest = |place: usize| {
        let cells = rows.iter().map(|row| row[place].width());
        cells.chain([COLUMNS[place].title.width()]).max().unwrap_or(0)
    };
    let mut by_importance: Vec<usize> = (0..COLUMNS.len()).collect();
    by_importance.sort_by_key(|place| COLUMNS[*place].drop_order);
    let (mut room, mut shown) = (usize::from(width), Vec::new());
    for place in by_importance {
        let needed = widest(place) + if shown.is_empty() { 0 } else { usize::from(GAP) };
        if needed <= room || COLUMNS[place].drop_order == 0 {
            room = room.saturating_sub(needed);
            shown.push(place);
        }
    }
    shown.sort_unstable();
    shown
}

fn cell(place: usize, text: &str, level: Level) -> Cell {
    if COLUMNS[place].title == "LEVEL" { level_cell(level) } else { Cell::new(text) }
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

fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

/// The address with the newest call, and how many others there are.
fn source(alarm: &Alarm) -> String {
    let ips: BTreeSet<Option<&str>> = alarm.records.iter().map(|record| record.source_ip.as_deref()).collect();
    let newest = alarm.records.last().and_then(|record| record.source_ip.as_deref());
    let shown = shortened(or_dash(newest), 20);
    if ips.len() > 1 { format!("{shown} +{}", ips.len() - 1) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: [&str; 9]) -> Vec<String> {
        texts.map(str::to_string).to_vec()
    }

    #[test]
    fn narrow_terminals_lose_columns_and_never_break_lines() {
        let rows = [row([
            "critical",
            "github-key-confirmation",
            "AKIDEX***appBackend1",
            "app-backend",
            "1",
            "0",
            "2026-03-10 17:42:18",
            "192.30.252.44",
            "A-2ac52112",
        ])];
        let titles = |width: u16| {
            columns_that_fit(&rows, width).into_iter().map(|place| COLUMNS[place].title).collect::<Vec<_>>()
        };
        assert_eq!(titles(200).len(), 9);
        assert_eq!(titles(80), ["LEVEL", "ALARM", "KEY", "CALLS", "ID"]);
        assert_eq!(titles(10), ["LEVEL", "ALARM"]);
    }

    #[test]
    fn chinese_text_counts_two_places_a_character() {
        let rows = [row(["low", "x", "k", "安全运维", "1", "0", "t", "ip", "A"])];
        let needed = "LEVEL".len()
            + "ALARM".len()
            + "KEY".len()
            + 8
            + "CALLS".len()
            + "FAILED".len()
            + "LAST CALL".len()
            + "FROM".len()
            + "ID".len()
            + 16;
        let width = u16::try_from(needed).unwrap();
        assert_eq!(columns_that_fit(&rows, width).len(), 9);
        assert!(columns_that_fit(&rows, width - 1).len() < 9);
    }
}
