//! CSV: one alarm a line, without records. Cells that a spreadsheet would run as a formula are made harmless.

use super::View;
use super::text::{harmless, time};
use crate::alarm::model::Alarm;
use crate::pipeline::ScanOutcome;
use std::io::{self, Write};

/// The header of a list of alarms.
pub const HEADER: [&str; 28] = [
    "id",
    "rule",
    "name",
    "type",
    "level",
    "status",
    "date",
    "provider",
    "account_id",
    "app_id",
    "account_name",
    "identity",
    "user",
    "ak",
    "ak_remark",
    "first_call",
    "last_call",
    "calls",
    "success",
    "failed",
    "tags",
    "why",
    "ak_masked",
    "attack",
    "source_ips",
    "first_seen",
    "new_since_processed",
    "allowlisted_by",
];

/// Writes the alarms as CSV.
pub fn write(outcome: &ScanOutcome, view: View, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(HEADER)?;
    for alarm in &outcome.alarms {
        writer.write_record(cells(alarm, view).map(|cell| harmless(&cell)))?;
    }
    writer.flush()
}

fn cells(alarm: &Alarm, view: View) -> [String; 28] {
    let text = |value: &str| value.to_string();
    let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        text(&alarm.id),
        text(alarm.meta.id),
        text(alarm.meta.title),
        text(alarm.meta.kind.as_str()),
        text(alarm.level.as_str()),
        text(alarm.status.as_str()),
        text(&alarm.date),
        text("tencent"),
        or_empty(&alarm.account),
        or_empty(&alarm.app_id),
        String::new(),
        text(alarm.identity.as_str()),
        or_empty(&alarm.user),
        text(&alarm.ak),
        or_empty(&alarm.ak_remark),
        time(alarm.first_call, view.zone),
        time(alarm.last_call, view.zone),
        alarm.total().to_string(),
        alarm.success.to_string(),
        alarm.failed.to_string(),
        alarm.tags.join(";"),
        text(&alarm.why),
        alarm.ak_masked(),
        text(alarm.meta.attack),
        alarm.sources.first.join(";"),
        alarm.first_seen.map_or(String::new(), |seen| time(seen, view.zone)),
        alarm.new_since_processed.to_string(),
        alarm.allowlisted_by.join(";"),
    ]
}
