//! JSON, version 1. The contract is docs/json.md; absent values are null, and the same input gives the same bytes.

use super::View;
use super::text::rfc3339;
use crate::alarm::model::{Alarm, CallRecord};
use crate::detect::Level;
use crate::ingest::reject::Reject;
use crate::pipeline::ScanOutcome;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes one object: version, summary, alarms.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\n\"version\": 1,\n\"summary\": {},\n\"alarms\": [", pretty(&summary(outcome, view)))?;
    for (place, alarm) in outcome.alarms.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\n{}", pretty(&alarm_json(alarm, view)))?;
    }
    writeln!(out, "\n]\n}}")
}

/// Writes one alarm a line.
pub fn write_lines(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    for alarm in &outcome.alarms {
        writeln!(out, "{}", inert(alarm_json(alarm, view).to_string()))?;
    }
    Ok(())
}

fn pretty(json: &Value) -> String {
    inert(serde_json::to_string_pretty(json).unwrap_or_default())
}

/// Escapes the control characters that JSON allows as they are and some terminals obey.
fn inert(json: String) -> String {
    let obeyed = |c: char| ('\u{7f}'..='\u{9f}').contains(&c);
    if !json.contains(obeyed) {
        return json;
    }
    json.chars().map(|c| if obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

fn summary(outcome: &ScanOutcome, view: View) -> Value {
    let (files, events) = (&outcome.files, &outcome.events);
    let count = |level: Level| outcome.alarms.iter().filter(|alarm| alarm.level == level).count();
    let time = |ms: i64| rfc3339(ms, view.zone);
    json!({
        "files": {"read": files.read, "rejected": files.rejected, "empty": files.empty},
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
    json!({
        "id": alarm.id,
        "rule": alarm.meta.id,
        "name": alarm.meta.title,
        "type": alarm.meta.kind.as_str(),
        "level": alarm.level.as_str(),
        "status": "unprocessed",
        "date": alarm.date,
        "provider": "tencent",
        "account": {"id": alarm.account, "app_id": alarm.app_id, "name": null},
        "identity": alarm.identity.as_str(),
        "user": alarm.user,
        "ak": alarm.ak,
        "ak_masked": alarm.ak_masked(),
        "ak_remark": alarm.ak_remark,
        "first_call": rfc3339(alarm.first_call, view.zone),
        "last_call": rfc3339(alarm.last_call, view.zone),
        "calls": {"total": alarm.total(), "success": alarm.success, "failed": alarm.failed},
        "tags": alarm.tags,
        "attack": alarm.meta.attack,
        "why": alarm.why,
        "event_ids": alarm.event_ids,
        "allowlisted_by": [],
        "records": alarm.records.iter().map(|record| record_json(record, view)).collect::<Vec<_>>(),
    })
}

fn record_json(record: &CallRecord, view: View) -> Value {
    json!({
        "source_ip": record.source_ip,
        "region": record.region,
        "api_regions": record.api_regions,
        "ip_remark": record.ip_remark,
        "ip_type": record.ip_type,
        "asset_id": record.asset_id,
        "asset_name": record.asset_name,
        "method": record.method.as_str(),
        "service": record.service,
        "action": record.action,
        "user_type": record.user_type.as_str(),
        "user": record.user,
        "policies": record.policies,
        "code": record.code,
        "success": record.success,
        "failed": record.failed,
        "first_call": rfc3339(record.first_call, view.zone),
        "last_call": rfc3339(record.last_call, view.zone),
        "clients": record.clients,
    })
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn eight_bit_escape_codes_are_escaped() {
        let text = inert(serde_json::json!("a\u{9b}31m\u{1b}[0m 中").to_string());
        assert_eq!(text, r#""a\u009b31m\u001b[0m 中""#);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "a\u{9b}31m\u{1b}[0m 中");
    }
}
