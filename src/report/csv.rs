//! CSV: one alarm a line, without records. Cells that a spreadsheet would run as a formula are made harmless.

use super::View;
use super::text::{printable, time};
use crate::alarm::model::Alarm;
use crate::pipeline::ScanOutcome;
use std::collections::BTreeSet;
use std::io::{self, Write};

const HEADER: [&str; 25] = [
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

fn cells(alarm: &Alarm, view: View) -> [String; 25] {
    let text = |value: &str| value.to_string();
    let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        text(&alarm.id),
        text(alarm.meta.id),
        text(alarm.meta.title),
        text(alarm.meta.kind.as_str()),
        text(alarm.level.as_str()),
        text("unprocessed"),
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
        source_ips(alarm),
    ]
}

/// Source addresses named for each alarm; JSON has all.
const MAX_SOURCES: usize = 20;

fn source_ips(alarm: &Alarm) -> String {
    let ips: BTreeSet<&str> = alarm.records.iter().filter_map(|record| record.source_ip.as_deref()).collect();
    ips.into_iter().take(MAX_SOURCES).collect::<Vec<_>>().join(";")
}

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula.
fn harmless(cell: &str) -> String {
    let dangerous = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let cell = printable(cell);
    if dangerous { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert!(harmless(cell).starts_with('\''), "{cell}");
        }
        assert_eq!(harmless("ci-deploy"), "ci-deploy");
    }
}
