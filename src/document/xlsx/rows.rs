//! What stands in the rows of each sheet.

use super::sheet::{Cell, Column, Cuts};
use crate::document::label::{LEVELS, filled, label};
use crate::document::model::{Address, Alarm, Coverage, Document, InputFile, Key, Policy, Record, Reject, Report};
use crate::document::texts::{Lang, text};
use std::collections::BTreeMap;

type Row = Vec<Cell>;

pub(super) const ALARMS: [Column; 31] = [
    ("id", 21),
    ("level", 10),
    ("status", 13),
    ("is_new", 7),
    ("name", 38),
    ("user", 18),
    ("ak", 24),
    ("identity", 16),
    ("first_call", 19),
    ("last_call", 19),
    ("success", 11),
    ("failed", 9),
    ("why", 60),
    ("risks", 30),
    ("tags", 24),
    ("date", 12),
    ("kind", 14),
    ("rule", 30),
    ("attack", 12),
    ("account", 16),
    ("ak_remark", 20),
    ("first_seen", 19),
    ("decided_at", 19),
    ("decided_by", 14),
    ("decision_note", 30),
    ("new_calls", 12),
    ("allowlisted_by", 20),
    ("records_total", 13),
    ("command", 50),
    ("alarm_ips", 24),
    ("event_ids", 40),
];

pub(super) fn alarms(report: &Report, lang: Lang) -> impl Iterator<Item = Row> {
    report.alarms.iter().map(move |alarm| alarm_row(alarm, lang))
}

fn alarm_row(alarm: &Alarm, lang: Lang) -> Row {
    let decision = alarm.decisions.last();
    let mut ips: Vec<&str> = alarm.records.iter().filter_map(|record| record.source_ip.as_deref()).collect();
    ips.sort_unstable();
    ips.dedup();
    vec![
        plain(&alarm.id),
        level(&alarm.level, lang),
        word(lang, "status", &alarm.status),
        yes(alarm.is_new, lang),
        plain(&alarm.name),
        maybe(alarm.user.as_deref()),
        plain(&alarm.ak),
        word(lang, "identity", &alarm.identity),
        Cell::Time(alarm.first_call.clone()),
        Cell::Time(alarm.last_call.clone()),
        Cell::Number(alarm.success),
        Cell::Number(alarm.failed),
        plain(&alarm.why),
        words(lang, "risk", &alarm.ak_risks),
        list(&alarm.tags),
        Cell::Date(alarm.date.clone()),
        word(lang, "type", &alarm.kind),
        plain(&alarm.rule),
        plain(&alarm.attack),
        maybe(alarm.account.as_deref()),
        maybe(alarm.ak_remark.as_deref()),
        at(alarm.first_seen.as_deref()),
        at(decision.map(|decision| decision.at.as_str())),
        maybe(decision.map(|decision| decision.by.as_str())),
        maybe(decision.and_then(|decision| decision.note.as_deref())),
        Cell::Number(alarm.new_since_processed),
        list(&alarm.allowlisted_by),
        Cell::Number(alarm.records_total),
        maybe(alarm.recommendation.as_ref().map(|what| what.command.as_str())),
        Cell::Text(ips.join(", ")),
        list(&alarm.event_ids),
    ]
}

pub(super) const RECORDS: [Column; 27] = [
    ("alarm", 21),
    ("level", 10),
    ("name", 34),
    ("ak", 24),
    ("user", 18),
    ("source_ip", 18),
    ("region", 24),
    ("ip_type", 12),
    ("service", 12),
    ("action", 30),
    ("code", 26),
    ("success", 11),
    ("failed", 9),
    ("first_call", 19),
    ("last_call", 19),
    ("method", 10),
    ("user_type", 12),
    ("clients", 40),
    ("api_regions", 24),
    ("asset_id", 18),
    ("asset_name", 18),
    ("ip_remark", 20),
    ("region_source", 14),
    ("policies", 30),
    ("rule", 30),
    ("account", 16),
    ("request_ids", 40),
];

pub(super) fn records(report: &Report, lang: Lang) -> impl Iterator<Item = Row> {
    let pairs = report.alarms.iter().flat_map(|alarm| alarm.records.iter().map(move |record| (alarm, record)));
    pairs.map(move |(alarm, record)| record_row(alarm, record, lang))
}

fn record_row(alarm: &Alarm, record: &Record, lang: Lang) -> Row {
    let requests: Vec<&str> = record.calls.iter().map(|call| call.request_id.as_str()).collect();
    vec![
        plain(&alarm.id),
        level(&alarm.level, lang),
        plain(&alarm.name),
        plain(&alarm.ak),
        maybe(record.user.as_deref()),
        maybe(record.source_ip.as_deref()),
        maybe(record.region.as_deref()),
        word(lang, "ip_type", &record.ip_type),
        plain(&record.service),
        plain(&record.action),
        word(lang, "code", &record.code),
        Cell::Number(record.success),
        Cell::Number(record.failed),
        Cell::Time(record.first_call.clone()),
        Cell::Time(record.last_call.clone()),
        word(lang, "method", &record.method),
        word(lang, "user_type", &record.user_type),
        list(&record.clients),
        list(&record.api_regions),
        maybe(record.asset_id.as_deref()),
        maybe(record.asset_name.as_deref()),
        maybe(record.ip_remark.as_deref()),
        maybe(record.region_source.as_deref()),
        names(&record.policies),
        plain(&alarm.rule),
        maybe(alarm.account.as_deref()),
        Cell::Text(requests.join(", ")),
    ]
}

pub(super) const KEYS: [Column; 19] = [
    ("ak", 24),
    ("advice", 14),
    ("risks", 34),
    ("user", 18),
    ("identity", 16),
    ("account", 16),
    ("remark", 20),
    ("first_use", 19),
    ("last_use", 19),
    ("ips", 11),
    ("outside_ips", 11),
    ("services", 11),
    ("apis", 11),
    ("level_critical", 10),
    ("level_high", 10),
    ("level_medium", 10),
    ("level_low", 10),
    ("level_note", 10),
    ("level_invalid", 12),
];

pub(super) fn keys(report: &Report, lang: Lang) -> impl Iterator<Item = Row> {
    report.keys.iter().map(move |key| key_row(key, lang))
}

fn key_row(key: &Key, lang: Lang) -> Row {
    let mut row = vec![
        plain(&key.ak),
        word(lang, "advice", &key.advice),
        words(lang, "risk", &key.risks),
        maybe(key.user.as_deref()),
        word(lang, "identity", &key.identity),
        maybe(key.account.as_deref()),
        maybe(key.remark.as_deref()),
        at(key.first_use.as_deref()),
        at(key.last_use.as_deref()),
        Cell::Number(key.ips),
        Cell::Number(key.outside_ips),
        Cell::Number(key.services),
        Cell::Number(key.apis),
    ];
    row.extend(levels(&key.alarms));
    row
}

pub(super) const IPS: [Column; 18] = [
    ("ip", 24),
    ("ip_type", 12),
    ("region", 26),
    ("region_source", 14),
    ("remark", 20),
    ("asset_id", 18),
    ("asset_name", 18),
    ("first_use", 19),
    ("last_use", 19),
    ("keys", 9),
    ("services", 9),
    ("apis", 9),
    ("level_critical", 10),
    ("level_high", 10),
    ("level_medium", 10),
    ("level_low", 10),
    ("level_note", 10),
    ("level_invalid", 12),
];

pub(super) fn ips(report: &Report, lang: Lang) -> impl Iterator<Item = Row> {
    report.ips.iter().map(move |address| address_row(address, lang))
}

fn address_row(address: &Address, lang: Lang) -> Row {
    let mut row = vec![
        plain(&address.ip),
        word(lang, "ip_type", &address.ip_type),
        maybe(address.region.as_deref()),
        maybe(address.region_source.as_deref()),
        maybe(address.remark.as_deref()),
        maybe(address.asset_id.as_deref()),
        maybe(address.asset_name.as_deref()),
        at(address.first_use.as_deref()),
        at(address.last_use.as_deref()),
        Cell::Number(address.keys),
        Cell::Number(address.services),
        Cell::Number(address.apis),
    ];
    row.extend(levels(&address.alarms));
    row
}

pub(super) const ALLOWLIST: [Column; 10] = [
    ("id", 8),
    ("name", 26),
    ("state", 12),
    ("covers", 60),
    ("reason", 30),
    ("owner", 16),
    ("created", 19),
    ("expires", 19),
    ("hits", 13),
    ("last_hit", 19),
];

pub(super) fn allowlist(report: &Report, lang: Lang) -> impl Iterator<Item = Row> {
    report.allowlist.iter().map(move |policy| policy_row(policy, lang))
}

fn policy_row(policy: &Policy, lang: Lang) -> Row {
    vec![
        Cell::Number(policy.id),
        plain(&policy.name),
        word(lang, "state", &policy.state),
        plain(&policy.covers),
        maybe(policy.reason.as_deref()),
        maybe(policy.owner.as_deref()),
        Cell::Time(policy.created.clone()),
        at(policy.expires.as_deref()),
        Cell::Number(policy.hits),
        at(policy.last_hit.as_deref()),
    ]
}

pub(super) const COVERAGE: [Column; 5] = [("about", 20), ("item", 50), ("number", 14), ("time", 19), ("detail", 70)];

/// What the report rests on: its own data, events by what became of them, silent days, files, and what was not read.
pub(super) fn coverage(report: &Report, lang: Lang) -> impl Iterator<Item = Row> {
    let coverage = &report.coverage;
    let sources = report.attributions.iter().map(move |text| about(lang, "about_source", plain(""), plain(text)));
    about_report(report, lang)
        .into_iter()
        .chain(event_rows(coverage, lang))
        .chain(coverage.silent_days.iter().map(move |day| silent_row(day, lang)))
        .chain(more_silent(coverage, lang))
        .chain(coverage.rejects.iter().map(move |reject| reject_row(reject, lang)))
        .chain(coverage.inputs.iter().map(move |file| file_row(file, lang)))
        .chain(sources)
}

fn about(lang: Lang, what: &'static str, item: Cell, detail: Cell) -> Row {
    vec![heading(lang, what), item, Cell::Empty, Cell::Empty, detail]
}

fn heading(lang: Lang, name: &'static str) -> Cell {
    plain(text(lang, "xlsx", name))
}

fn about_report(report: &Report, lang: Lang) -> Vec<Row> {
    let coverage = &report.coverage;
    let at_row = |name, time| vec![heading(lang, "about_report"), heading(lang, name), Cell::Empty, time, Cell::Empty];
    let text_row = |name, detail: &str| about(lang, "about_report", heading(lang, name), plain(detail));
    let scans = Cell::Number(coverage.scans);
    vec![
        vec![
            heading(lang, "about_report"),
            heading(lang, "generated"),
            Cell::Empty,
            Cell::Time(report.generated.clone()),
            plain(&report.tool),
        ],
        text_row("zone", &report.zone),
        text_row("command_line", &report.command),
        at_row("since", at(report.period.since.as_deref())),
        at_row("until", Cell::Time(report.period.until.clone())),
        at_row("first_event", at(coverage.first_event.as_deref())),
        at_row("last_event", at(coverage.last_event.as_deref())),
        vec![heading(lang, "about_report"), heading(lang, "scans"), scans],
    ]
}

fn event_rows(coverage: &Coverage, lang: Lang) -> impl Iterator<Item = Row> {
    let row = move |(what, number): (&String, &u64)| {
        vec![heading(lang, "about_events"), word(lang, "event", what), Cell::Number(*number)]
    };
    coverage.events.iter().map(row)
}

fn silent_row(day: &str, lang: Lang) -> Row {
    vec![heading(lang, "about_silent"), Cell::Date(day.to_string())]
}

/// How many days without events are not named.
fn more_silent(coverage: &Coverage, lang: Lang) -> Option<Row> {
    let left = coverage.silent_days_total.saturating_sub(coverage.silent_days.len() as u64);
    let more = plain(&filled(text(lang, "html", "silent_more"), &[("n", &left.to_string())]));
    (left > 0).then(|| vec![heading(lang, "about_silent"), more, Cell::Number(left)])
}

fn reject_row(reject: &Reject, lang: Lang) -> Row {
    let line = reject.line.map_or(Cell::Empty, Cell::Number);
    vec![heading(lang, "about_reject"), maybe(reject.file.as_deref()), line, Cell::Empty, plain(&reject.reason)]
}

fn file_row(file: &InputFile, lang: Lang) -> Row {
    let hash = file.hash.as_deref().map(|hash| format!(", BLAKE3 {hash}")).unwrap_or_default();
    let detail = format!("{}{hash}", label(lang, "state", &file.state));
    let size = file.bytes.map_or(Cell::Empty, Cell::Number);
    vec![heading(lang, "about_file"), plain(&file.name), size, at(file.read_at.as_deref()), Cell::Text(detail)]
}

/// What is not in the workbook, and what the report itself does not carry.
pub(super) fn left_out(report: &Report, lang: Lang, cuts: Cuts) -> impl Iterator<Item = Row> {
    let carried = |alarm: &Alarm| u64::try_from(alarm.records.len()).unwrap_or(u64::MAX);
    let records: u64 = report.alarms.iter().map(|alarm| alarm.records_total.saturating_sub(carried(alarm))).sum();
    let listed = u64::try_from(report.coverage.inputs.len()).unwrap_or(u64::MAX);
    let files = report.coverage.inputs_total.saturating_sub(listed);
    let named = |name, number| (text(lang, "xlsx", name).to_string(), number);
    let rows = cuts
        .rows
        .into_iter()
        .map(move |(sheet, number)| (filled(text(lang, "xlsx", "cut_rows"), &[("sheet", &sheet)]), number));
    let all = [named("cut_cells", cuts.cells), named("cut_records", records), named("cut_files", files)];
    let some = all.into_iter().chain(rows).filter(|(_, number)| *number > 0);
    some.map(move |(what, number)| vec![heading(lang, "about_cut"), Cell::Text(what), Cell::Number(number)])
}

fn plain(text: &str) -> Cell {
    Cell::Text(text.to_string())
}

fn maybe(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, plain)
}

fn at(time: Option<&str>) -> Cell {
    time.map_or(Cell::Empty, |time| Cell::Time(time.to_string()))
}

fn word(lang: Lang, what: &str, code: &str) -> Cell {
    plain(label(lang, what, code))
}

fn level(level: &str, lang: Lang) -> Cell {
    Cell::Level(level.to_string(), label(lang, "level", level).to_string())
}

fn yes(is: bool, lang: Lang) -> Cell {
    heading(lang, if is { "yes" } else { "no" })
}

fn words(lang: Lang, what: &str, codes: &[String]) -> Cell {
    let words: Vec<&str> = codes.iter().map(|code| label(lang, what, code)).collect();
    Cell::Text(words.join(", "))
}

fn list(items: &[String]) -> Cell {
    Cell::Text(items.join(", "))
}

fn names(documents: &[Document]) -> Cell {
    let names: Vec<&str> = documents.iter().map(|document| document.name.as_str()).collect();
    Cell::Text(names.join(", "))
}

fn levels(alarms: &BTreeMap<String, u64>) -> impl Iterator<Item = Cell> {
    LEVELS.map(|level| Cell::Number(alarms.get(level).copied().unwrap_or(0))).into_iter()
}
