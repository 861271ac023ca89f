//! The table for people: what was read, what was found, worst first, fitted to the terminal.

use super::View;
use super::listing::{self, Column, Paint};
use super::text::{counted_in, grouped, or_dash, printable, time};
use crate::alarm::model::{Alarm, CallRecord, Sources};
use crate::alarm::status::Status;
use crate::detect::Level;
use crate::event::id::mask_keys_in;
use crate::lang::rules::{rule_text, why};
use crate::lang::{Lang, text};
use crate::pipeline::ScanOutcome;
use std::io::{self, Write};

/// Writes summary and alarm table.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    let columns: Vec<&Column<Alarm>> = COLUMNS.iter().filter(|column| is_usual(column, &outcome.alarms)).collect();
    write_columns(outcome, &columns, view, out)
}

/// Writes summary and alarm table with these columns.
pub fn write_columns(
    outcome: &ScanOutcome,
    columns: &[&Column<Alarm>],
    view: View,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_summary(outcome, view, out)?;
    if outcome.alarms.is_empty() {
        return writeln!(out, "\n{}", text(view.lang, "scan", verdict(outcome)));
    }
    writeln!(out)?;
    listing::write(columns, &outcome.alarms, view, out)?;
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
        "known"
    } else if events.read == 0 {
        "nothing_read"
    } else if events.outside_range == events.read {
        "out_of_range"
    } else if events.evaluated == 0 {
        "nothing_judged"
    } else {
        "no_alarms"
    }
}

/// Writes why an alarm fired and the calls behind it.
fn write_details(alarm: &Alarm, view: View, out: &mut dyn Write) -> io::Result<()> {
    let say = |name, values: &[(&str, &str)]| printable(&mask_keys_in(&view.lang.fill("scan", name, values)));
    let title = rule_text(view.lang, alarm.meta.id).title;
    writeln!(out, "\n{}  {}  {title}", alarm.id, view.lang.word(alarm.level.as_str()))?;
    let user = or_dash(alarm.user.as_deref());
    writeln!(out, "  {}", say("whose", &[("key", &alarm.ak_masked()), ("user", user), ("date", &alarm.date)]))?;
    writeln!(out, "  {}", say("why", &[("text", &why(view.lang, alarm.meta.id, &alarm.why))]))?;
    if !alarm.tags.is_empty() {
        writeln!(out, "  {}", say("tags", &[("text", &alarm.tags.join(", "))]))?;
    }
    writeln!(out, "  {}", say("what_to_do", &[("rule", alarm.meta.id)]))?;
    for record in &alarm.records {
        writeln!(out, "  {}", record_line(record, view))?;
    }
    Ok(())
}

/// One call record: when, from where, what, how often, and what came of it.
fn record_line(record: &CallRecord, view: View) -> String {
    let asset =
        record.asset_name.as_deref().or(record.asset_id.as_deref()).map_or(String::new(), |name| format!(" {name}"));
    let region = record.region.as_ref().map_or(String::new(), |region| format!(", {region}"));
    let calls = record.success + record.failed;
    let code = if record.failed > 0 { format!(" -> {}", record.code) } else { String::new() };
    printable(&format!(
        "{}  {} ({}{asset}{region})  {} {}:{} x{calls}{code}",
        time(record.last_call, view.zone),
        or_dash(record.source_ip.as_deref()),
        view.lang.word(&record.ip_type),
        view.lang.word(record.method.as_str()),
        record.service,
        record.action,
    ))
}

/// Writes the lines above the table.
fn write_summary(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    let (files, events, lang) = (&outcome.files, &outcome.events, view.lang);
    let more = |counts: &[(&'static str, u64)]| -> String {
        let told = counts.iter().filter(|(_, number)| *number > 0);
        told.map(|(name, number)| lang.fill("scan", name, &[("n", &grouped(*number))])).collect()
    };
    let of_files = more(&[("skipped", files.skipped), ("empty", files.empty), ("rejected", files.rejected)]);
    writeln!(out, "{}", lang.fill("scan", "files", &[("read", &grouped(files.read)), ("more", &of_files)]))?;
    let of_events = more(&[
        ("duplicates", events.duplicates),
        ("without_key", events.without_key),
        ("platform", events.platform),
        ("outside", events.outside_range),
    ]);
    let (read, evaluated) = (grouped(events.read), grouped(events.evaluated));
    let values = [("read", read.as_str()), ("evaluated", &evaluated), ("more", &of_events)];
    writeln!(out, "{}", lang.fill("scan", "events", &values))?;
    if events.fell_back > 0 {
        let events = counted_in(lang, events.fell_back, "event", "events");
        writeln!(out, "{}", lang.fill("scan", "broken", &[("events", &events)]))?;
    }
    if events.rejected > 0 {
        let records = counted_in(lang, events.rejected, "record could not be read", "records could not be read");
        writeln!(out, "{}", lang.fill("scan", "rejects", &[("records", &records)]))?;
    }
    if let Some((first, last)) = outcome.time_span {
        let [first, last] = [first, last].map(|at| time(at, view.zone));
        let values = [("first", first.as_str()), ("last", &last), ("zone", view.zone.name())];
        writeln!(out, "{}", lang.fill("scan", "span", &values))?;
    }
    writeln!(out, "{}", totals(&outcome.alarms, outcome.calls, lang))
}

/// How many alarms, of which level, with how many calls.
fn totals(alarms: &[Alarm], calls: u64, lang: Lang) -> String {
    let (number, calls) = (grouped(alarms.len() as u64), counted_in(lang, calls, "call", "calls"));
    let mut counts = [0; 6];
    for (count, level) in counts.iter_mut().zip(Level::ALL) {
        *count = alarms.iter().filter(|alarm| alarm.level == level).count() as u64;
    }
    let list = by_level(&counts, lang);
    let levels = if list.is_empty() { list } else { lang.fill("scan", "levels", &[("list", &list)]) };
    lang.fill("scan", "alarms", &[("n", &number), ("calls", &calls), ("levels", &levels)])
}

/// "1 critical, 2 high": how many there are of each level, as far as there are any.
pub fn by_level(counts: &[u64; 6], lang: Lang) -> String {
    let named = Level::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
    let level = |(level, count): (&Level, &u64)| {
        lang.fill("counts", "level", &[("n", &grouped(*count)), ("level", lang.word(level.as_str()))])
    };
    named.map(level).collect::<Vec<_>>().join(text(lang, "counts", "comma"))
}

/// The column with the place of the newest address, which is looked up only where it is shown.
pub const REGION: &str = "REGION";

/// The columns of the alarm table.
pub static COLUMNS: [Column<Alarm>; 11] = [
    Column::new("LEVEL", 0, |alarm: &Alarm, _| alarm.level.as_str().to_string())
        .words()
        .painted(|alarm| Paint::of(alarm.level)),
    Column::new("ALARM", 0, |alarm, view| name(alarm, view.lang)),
    Column::new("STATUS", 3, |alarm, view| status(alarm, view.lang)),
    Column::new("KEY", 2, |alarm, _| alarm.ak_masked()),
    Column::new("USER", 7, |alarm, view| view.shortened(or_dash(alarm.user.as_deref()), 16)),
    Column::new("CALLS", 5, |alarm: &Alarm, _| grouped(alarm.total())).right(),
    Column::new("FAILED", 8, |alarm: &Alarm, _| grouped(alarm.failed)).right(),
    Column::new("LAST CALL", 4, |alarm, view| time(alarm.last_call, view.zone)),
    Column::new("FROM", 6, source),
    Column::new(REGION, 3, |alarm, view| view.shortened(or_dash(alarm.sources.region.as_deref()), 20)),
    // A prefix of the id tells an alarm as well as the whole; JSON and CSV have it in full.
    Column::new("ID", 1, |alarm, view| alarm.id.chars().take(if view.wide { usize::MAX } else { 10 }).collect()),
];

/// Writes a list of alarms with a line about all of them.
pub fn write_list(alarms: &[Alarm], columns: &[&Column<Alarm>], view: View, out: &mut dyn Write) -> io::Result<()> {
    if alarms.is_empty() {
        return writeln!(out, "{}", text(view.lang, "scan", "no_alarms"));
    }
    writeln!(out, "{}\n", totals(alarms, alarms.iter().map(Alarm::total).sum(), view.lang))?;
    listing::write(columns, alarms, view, out)
}

/// Writes the alarm table alone.
pub fn alarm_table(alarms: &[Alarm], view: View, out: &mut dyn Write) -> io::Result<()> {
    let columns: Vec<&Column<Alarm>> = COLUMNS.iter().filter(|column| is_usual(column, alarms)).collect();
    listing::write(&columns, alarms, view, out)
}

/// Whether a column tells something about these alarms: the status does once somebody has decided, the region once it
/// was looked up.
pub fn is_usual(column: &Column<Alarm>, alarms: &[Alarm]) -> bool {
    match column.title {
        "STATUS" => alarms.iter().any(|alarm| alarm.status != Status::Unprocessed),
        REGION => alarms.iter().any(|alarm| alarm.sources.region.is_some()),
        _ => true,
    }
}

/// What an alarm is called: English has the rule's id, which is short and can be typed; others have its title.
fn name(alarm: &Alarm, lang: Lang) -> String {
    if lang == Lang::En { alarm.meta.id.to_string() } else { rule_text(lang, alarm.meta.id).title }
}

/// The status, and how many calls came since.
fn status(alarm: &Alarm, lang: Lang) -> String {
    let word = lang.word(alarm.status.as_str());
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
