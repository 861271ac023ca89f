//! JSON, version 1. The contract is docs/json.md; absent values are null, and the same input gives the same bytes.

use super::View;
use super::text::rfc3339;
use crate::alarm::model::{Alarm, CallRecord};
use crate::alarm::status::Decision;
use crate::detect::Level;
use crate::event::text::acts;
use crate::ingest::reject::Reject;
use crate::pipeline::ScanOutcome;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes one object: version, summary, alarms.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\n\"version\": 1,\n\"summary\": {},\n\"alarms\": [", pretty(&summary(outcome, view)))?;
    let mut comma = "";
    write_each(
        &outcome.alarms,
        |alarm| pretty(&AlarmOut::of(alarm, view)),
        |text| write!(out, "{}\n{text}", std::mem::replace(&mut comma, ",")),
    )?;
    writeln!(out, "\n]\n}}")
}

/// Writes one alarm a line.
pub fn write_lines(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    write_each(&outcome.alarms, |alarm| line(&AlarmOut::of(alarm, view)), |text| writeln!(out, "{text}"))
}

/// Alarms turned into text at a time: few enough to stay small.
const BLOCK: usize = 1024;
/// Alarms for which threads are worth it.
const MANY: usize = 128;

/// Turns alarms into text, on all cores when there are many, and hands the texts to `write` in order.
fn write_each(
    alarms: &[Alarm],
    text: impl Fn(&Alarm) -> String + Sync,
    mut write: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    for block in alarms.chunks(BLOCK) {
        let many = block.len() >= MANY;
        let texts: Vec<String> =
            if many { block.par_iter().map(&text).collect() } else { block.iter().map(&text).collect() };
        texts.iter().try_for_each(|text| write(text))?;
    }
    Ok(())
}

/// JSON over several lines.
pub fn pretty(json: &impl Serialize) -> String {
    inert(serde_json::to_string_pretty(json).unwrap_or_default())
}

/// Writes JSON over several lines as [`pretty`] gives it, without holding it whole.
pub fn write_pretty(json: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Inert(out);
    serde_json::to_writer_pretty(&mut out, json)?;
    writeln!(out)
}

/// Makes pieces of JSON inert on their way. They end between characters, since texts are written in whole ones.
struct Inert<'o>(&'o mut dyn Write);

impl Write for Inert<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.is_ascii() && !piece.contains(&0x7f) {
            return self.0.write_all(piece).map(|()| piece.len());
        }
        let text = str::from_utf8(piece).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.0.write_all(inert(text.to_string()).as_bytes()).map(|()| piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// JSON in one line.
pub fn line(json: &impl Serialize) -> String {
    inert(serde_json::to_string(json).unwrap_or_default())
}

/// Escapes what JSON allows as it is and some terminals and line readers obey: control characters, and characters
/// that hide text or change its direction. The value stays the same. Line feeds stand between fields only.
pub fn inert(json: String) -> String {
    let obeyed = |c: char| c != '\n' && acts(c);
    if (json.is_ascii() && !json.as_bytes().contains(&0x7f)) || !json.contains(obeyed) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // What lies beyond the first plane takes two escapes.
            c if obeyed(c) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.extend(escaped(*unit))),
            c => out.push(c),
        }
    }
    out
}

/// `\uXXXX`, sign by sign.
fn escaped(unit: u16) -> [char; 6] {
    let digit = |shift: u16| char::from_digit(u32::from(unit >> shift & 0xf), 16).unwrap_or('0');
    ['\\', 'u', digit(12), digit(8), digit(4), digit(0)]
}

fn summary(outcome: &ScanOutcome, view: View) -> Value {
    let (files, events) = (&outcome.files, &outcome.events);
    let count = |level: Level| outcome.alarms.iter().filter(|alarm| alarm.level == level).count();
    let time = |ms: i64| rfc3339(ms, view.zone);
    json!({
        "files": {"read": files.read, "rejected": files.rejected, "empty": files.empty, "skipped": files.skipped},
        "events": {
            "read": events.read,
            "evaluated": events.evaluated,
            "duplicates": events.duplicates,
            "platform": events.platform,
            "without_key": events.without_key,
            "outside_range": events.outside_range,
            "rejected": events.rejected,
            "fell_back": events.fell_back,
        },
        "time_span": {
            "first": outcome.time_span.map(|(first, _)| time(first)),
            "last": outcome.time_span.map(|(_, last)| time(last)),
        },
        "alarms": Level::ALL.map(|level| (level.as_str().to_string(), json!(count(level))))
            .into_iter().collect::<serde_json::Map<_, _>>(),
        "calls": outcome.calls,
        "rejects": outcome.rejects.iter().map(|reject| reject_json(reject, outcome)).collect::<Vec<_>>(),
    })
}

fn reject_json(reject: &Reject, outcome: &ScanOutcome) -> Value {
    let number = |number: u64| (number > 0).then_some(number);
    let file = outcome.file_outcomes.get(reject.file as usize).map(|file| file.name.as_str());
    json!({
        "file": file,
        "line": number(reject.line),
        "record": number(reject.record),
        "reason": reject.reason.to_string(),
    })
}

/// One alarm as JSON.
pub fn alarm_json(alarm: &Alarm, view: View) -> Value {
    serde_json::to_value(AlarmOut::of(alarm, view)).unwrap_or_default()
}

/// One call record as JSON.
pub fn record_json(record: &CallRecord, view: View) -> Value {
    serde_json::to_value(RecordOut::of(record, view)).unwrap_or_default()
}

/// One decision as JSON.
pub fn decision_json(decision: &Decision, view: View) -> Value {
    serde_json::to_value(DecisionOut::of(decision, view)).unwrap_or_default()
}

/// An alarm as it is written, field by field.
#[derive(Serialize)]
struct AlarmOut<'a> {
    id: &'a str,
    rule: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    level: &'a str,
    status: &'a str,
    decision: Option<DecisionOut<'a>>,
    new_since_processed: u64,
    date: &'a str,
    provider: &'a str,
    account: AccountOut<'a>,
    identity: &'a str,
    user: Option<&'a str>,
    ak: &'a str,
    ak_masked: String,
    ak_remark: Option<&'a str>,
    first_seen: Option<String>,
    first_call: String,
    last_call: String,
    calls: CallsOut,
    tags: &'a [String],
    attack: &'a str,
    why: &'a str,
    event_ids: &'a [String],
    allowlisted_by: &'a [String],
    allowlisted_calls: u64,
    records: Vec<RecordOut<'a>>,
}

#[derive(Serialize)]
struct AccountOut<'a> {
    id: Option<&'a str>,
    app_id: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct CallsOut {
    total: u64,
    success: u64,
    failed: u64,
}

#[derive(Serialize)]
struct DecisionOut<'a> {
    status: &'a str,
    at: String,
    by: &'a str,
    note: Option<&'a str>,
}

impl<'a> DecisionOut<'a> {
    fn of(decision: &'a Decision, view: View) -> Self {
        Self {
            status: decision.status.as_str(),
            at: rfc3339(decision.at, view.zone),
            by: &decision.by,
            note: decision.note.as_deref(),
        }
    }
}

impl<'a> AlarmOut<'a> {
    fn of(alarm: &'a Alarm, view: View) -> Self {
        Self {
            id: &alarm.id,
            rule: alarm.meta.id,
            name: alarm.meta.title,
            kind: alarm.meta.kind.as_str(),
            level: alarm.level.as_str(),
            status: alarm.status.as_str(),
            decision: alarm.decision.as_ref().map(|decision| DecisionOut::of(decision, view)),
            new_since_processed: alarm.new_since_processed,
            date: &alarm.date,
            provider: "tencent",
            account: AccountOut { id: alarm.account.as_deref(), app_id: alarm.app_id.as_deref(), name: None },
            identity: alarm.identity.as_str(),
            user: alarm.user.as_deref(),
            ak: &alarm.ak,
            ak_masked: alarm.ak_masked(),
            ak_remark: alarm.ak_remark.as_deref(),
            first_seen: alarm.first_seen.map(|seen| rfc3339(seen, view.zone)),
            first_call: rfc3339(alarm.first_call, view.zone),
            last_call: rfc3339(alarm.last_call, view.zone),
            calls: CallsOut { total: alarm.total(), success: alarm.success, failed: alarm.failed },
            tags: &alarm.tags,
            attack: alarm.meta.attack,
            why: &alarm.why,
            event_ids: &alarm.event_ids,
            allowlisted_by: &alarm.allowlisted_by,
            allowlisted_calls: alarm.allowlisted_calls,
            records: alarm.records.iter().map(|record| RecordOut::of(record, view)).collect(),
        }
    }
}

/// A call record as it is written, field by field.
#[derive(Serialize)]
struct RecordOut<'a> {
    source_ip: Option<&'a str>,
    region: Option<&'a str>,
    region_source: Option<&'a str>,
    api_regions: &'a [String],
    ip_remark: Option<&'a str>,
    ip_type: &'a str,
    asset_id: Option<&'a str>,
    asset_name: Option<&'a str>,
    method: &'a str,
    service: &'a str,
    action: &'a str,
    user_type: &'a str,
    user: Option<&'a str>,
    policies: &'a [String],
    code: &'a str,
    success: u64,
    failed: u64,
    first_call: String,
    last_call: String,
    clients: &'a [String],
    allowlisted_by: &'a [String],
}

impl<'a> RecordOut<'a> {
    fn of(record: &'a CallRecord, view: View) -> Self {
        Self {
            source_ip: record.source_ip.as_deref(),
            region: record.region.as_deref(),
            region_source: record.region_source(),
            api_regions: &record.api_regions,
            ip_remark: record.ip_remark.as_deref(),
            ip_type: &record.ip_type,
            asset_id: record.asset_id.as_deref(),
            asset_name: record.asset_name.as_deref(),
            method: record.method.as_str(),
            service: &record.service,
            action: &record.action,
            user_type: record.user_type.as_str(),
            user: record.user.as_deref(),
            policies: &record.policies,
            code: &record.code,
            success: record.success,
            failed: record.failed,
            first_call: rfc3339(record.first_call, view.zone),
            last_call: rfc3339(record.last_call, view.zone),
            clients: &record.clients,
            allowlisted_by: &record.allowlisted_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn json_written_piece_by_piece_is_the_same() {
        let odd = serde_json::json!({"a": ["x\u{7f}\u{202e}y", "安全\n", {}], "b": {"c\u{9b}": null, "d": []}});
        let mut out = Vec::new();
        super::write_pretty(&odd, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), super::pretty(&odd) + "\n");
    }

    #[test]
    fn eight_bit_escape_codes_are_escaped() {
        let text = inert(serde_json::json!("a\u{9b}31m\u{1b}[0m 中").to_string());
        assert_eq!(text, r#""a\u009b31m\u001b[0m 中""#);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\u{9b}31m\u{1b}[0m 中");
        let hidden = inert(serde_json::json!("a\u{e0041}").to_string());
        assert_eq!(hidden, r#""a\udb40\udc41""#);
        assert_eq!(serde_json::from_str::<String>(&hidden).unwrap(), "a\u{e0041}");
    }
}
