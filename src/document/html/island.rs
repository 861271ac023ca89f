//! The data that the script of the page works with: JSON in an element that browsers do not run.

use super::inert::{prepare, script_json};
use crate::document::model::{Alarm, Document, Report};
use crate::document::texts::{Lang, text};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

/// Words for values, by group and value.
pub(super) const WORDS: &[&str] = &[
    "advice_harden",
    "advice_normal",
    "advice_process_now",
    "events_duplicates",
    "events_evaluated",
    "events_fell_back",
    "events_outside_range",
    "events_platform",
    "events_read",
    "events_rejected",
    "events_without_key",
    "identity_root",
    "identity_sub_account",
    "identity_temporary",
    "input_empty",
    "input_read",
    "input_rejected",
    "ip_type_in_account",
    "ip_type_lan",
    "ip_type_outside",
    "ip_type_unknown",
    "level_critical",
    "level_high",
    "level_invalid",
    "level_low",
    "level_medium",
    "level_note",
    "method_api",
    "method_console",
    "risk_denied_calls",
    "risk_dormant",
    "risk_leaked",
    "risk_outside_addresses",
    "risk_root_key",
    "state_active",
    "state_disabled",
    "state_expired",
    "status_ignored",
    "status_processed",
    "status_unprocessed",
    "type_abnormal_call",
    "type_leak",
    "user_type_role",
    "user_type_root",
    "user_type_service",
    "user_type_sub_account",
];

/// Texts that the script uses.
pub(super) const TEXTS: &[&str] = &[
    "account",
    "actions",
    "address",
    "addresses",
    "addresses_short",
    "advice",
    "alarm",
    "alarm_id",
    "alarms",
    "alarms_from_address",
    "alarms_of_key",
    "all",
    "allowlist",
    "asset",
    "attack",
    "attributions",
    "back",
    "body",
    "bytes",
    "call",
    "caller",
    "calls",
    "calls_failed",
    "calls_shown",
    "clear",
    "clients",
    "command",
    "command_line",
    "console_links",
    "copied",
    "copy",
    "copy_failed",
    "copy_what",
    "coverage",
    "covered_by",
    "covers",
    "created",
    "decided_at",
    "decided_by",
    "decisions",
    "document",
    "empty_addresses",
    "empty_alarms",
    "empty_allowlist",
    "empty_files",
    "empty_filtered",
    "empty_keys",
    "empty_rejects",
    "empty_search",
    "event_id",
    "event_ids",
    "events",
    "evidence",
    "expires",
    "file",
    "files",
    "files_shown",
    "filters",
    "first_call",
    "first_event",
    "first_seen",
    "first_use",
    "hash",
    "hits",
    "id",
    "identity",
    "key",
    "keys",
    "last_call",
    "last_event",
    "last_hit",
    "last_use",
    "level",
    "line",
    "location",
    "name",
    "never",
    "new",
    "new_since",
    "next",
    "next_alarm",
    "none",
    "note",
    "outside",
    "outcomes",
    "owner",
    "page",
    "pager",
    "place_source",
    "policies",
    "previous",
    "previous_alarm",
    "print_filtered",
    "process",
    "read_at",
    "reason",
    "recommendation",
    "records",
    "records_shown",
    "region_log",
    "rejects",
    "rejects_sample",
    "remark",
    "request_id",
    "resources",
    "result",
    "risks",
    "rule",
    "rule_watches",
    "scans",
    "search",
    "search_hint",
    "search_rows_hint",
    "searching",
    "services",
    "shown",
    "silent_days",
    "silent_more",
    "sort_by",
    "sort_calls",
    "sort_level",
    "sort_rule",
    "sort_time",
    "source",
    "state",
    "status",
    "tags",
    "time",
    "times",
    "type",
    "why",
];

/// Writes the data: alarms one by one, since they are by far the most, then the rest.
pub(super) fn write(report: &Report, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let mut documents = Documents::default();
    out.write_all(b"{\"alarms\":[")?;
    for (place, alarm) in report.alarms.iter().enumerate() {
        out.write_all(if place == 0 { b"\n" } else { b",\n" })?;
        out.write_all(alarm_json(alarm, &mut documents).as_bytes())?;
    }
    out.write_all(b"\n]")?;
    let rest = [
        ("documents", json!(documents.texts)),
        ("texts", texts(lang, "html", TEXTS)),
        ("words", texts(lang, "words", WORDS)),
        ("rules", value(&report.rules)),
        ("keys", value(&report.keys)),
        ("ips", value(&report.ips)),
        ("allowlist", value(&report.allowlist)),
        ("coverage", value(&report.coverage)),
        ("command", json!(report.command)),
        ("source", json!(report.source)),
        ("attributions", json!(report.attributions)),
    ];
    for (name, mut part) in rest {
        if name == "documents" {
            // Under the name that says that line feeds stay.
            part = json!({"text": part});
        }
        prepare(&mut part);
        write!(out, ",\n\"{name}\":{}", script_json(&part))?;
    }
    out.write_all(b"}")
}

fn value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

fn texts(lang: Lang, section: &str, names: &[&'static str]) -> Value {
    names.iter().map(|name| ((*name).to_string(), text(lang, section, name).into())).collect::<Map<_, _>>().into()
}

fn alarm_json(alarm: &Alarm, documents: &mut Documents) -> String {
    let mut whole = value(alarm);
    if let (Some(out), Some(recommendation)) = (whole.pointer_mut("/recommendation/documents"), &alarm.recommendation) {
        *out = documents.places(&recommendation.documents);
    }
    for (place, record) in alarm.records.iter().enumerate() {
        if let Some(out) = whole.pointer_mut(&format!("/records/{place}/policies")) {
            *out = documents.places(&record.policies);
        }
    }
    prepare(&mut whole);
    script_json(&whole)
}

/// Texts of policy documents, each once: the same few policies stand behind most call records.
#[derive(Default)]
struct Documents {
    texts: Vec<String>,
    places: HashMap<String, usize>,
}

impl Documents {
    /// Names of documents with the place of each text in the list, where there is a text.
    fn places(&mut self, documents: &[Document]) -> Value {
        documents.iter().map(|document| json!({"name": document.name, "at": self.place(&document.text)})).collect()
    }

    fn place(&mut self, text: &str) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        if let Some(place) = self.places.get(text) {
            return Some(*place);
        }
        self.texts.push(text.to_string());
        self.places.insert(text.to_string(), self.texts.len() - 1);
        Some(self.texts.len() - 1)
    }
}
