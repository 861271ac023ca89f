//! OCSF: one Detection Finding (class 2004 of schema 1.5.0, profile cloud) a line, for security lakes.
//!
//! What OCSF has no name for stands in `unmapped`; what is not known is left out, since OCSF knows no null.

use super::json::line;
use super::text::what_to_do;
use crate::alarm::model::{Alarm, CallRecord};
use crate::alarm::status::Status;
use crate::detect::Level;
use crate::event::words::{TEMP_AK, UserType};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;

/// The version of the schema that is written.
const VERSION: &str = "1.5.0";
/// The number of the class.
const CLASS: u32 = 2004;

/// Names of the ATT&CK techniques that rules have, from attack.mitre.org.
const TECHNIQUES: [(&str, &str, &str); 14] = [
    ("T1059", "Command and Scripting Interpreter", ""),
    ("T1059.009", "Command and Scripting Interpreter", "Cloud API"),
    ("T1078.004", "Valid Accounts", "Cloud Accounts"),
    ("T1098.001", "Account Manipulation", "Additional Cloud Credentials"),
    ("T1098.003", "Account Manipulation", "Additional Cloud Roles"),
    ("T1136.003", "Create Account", "Cloud Account"),
    ("T1199", "Trusted Relationship", ""),
    ("T1485", "Data Destruction", ""),
    ("T1526", "Cloud Service Discovery", ""),
    ("T1530", "Data from Cloud Storage", ""),
    ("T1552.001", "Unsecured Credentials", "Credentials In Files"),
    ("T1562.008", "Impair Defenses", "Disable or Modify Cloud Logs"),
    ("T1578.002", "Modify Cloud Compute Infrastructure", "Create Cloud Instance"),
    ("T1651", "Cloud Administration Command", ""),
];

/// Writes one finding a line.
pub fn write(alarms: &[Alarm], out: &mut dyn Write) -> io::Result<()> {
    alarms.iter().try_for_each(|alarm| writeln!(out, "{}", line(&finding(alarm, &alarm.records))))
}

/// An alarm with these records as a finding.
pub fn finding(alarm: &Alarm, records: &[CallRecord]) -> Value {
    let (activity, activity_name) = activity(alarm);
    let (severity, severity_name) = severity(alarm.level);
    let (status, status_name) = status(alarm);
    let finding = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {activity_name}"),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_detail": status_detail(alarm),
        "comment": alarm.decision.as_ref().and_then(|decision| decision.note.as_deref()),
        "time": alarm.last_call,
        "start_time": alarm.first_call,
        "end_time": alarm.last_call,
        "count": alarm.total(),
        "message": format!("{}: {}", alarm.meta.title, alarm.why),
        "metadata": {
            "product": {
                "name": "akguard",
                "vendor_name": "akguard",
                "uid": "akguard",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "version": VERSION,
            "uid": alarm.id,
            "profiles": ["cloud"],
            "labels": alarm.tags,
        },
        "finding_info": finding_info(alarm),
        "cloud": {"provider": "Tencent Cloud", "account": account(alarm)},
        "resources": [resource(alarm)],
        "evidences": records.iter().map(|record| evidence(alarm, record)).collect::<Vec<_>>(),
        "observables": observables(alarm, records),
        "remediation": {"desc": what_to_do(alarm.meta.docs)},
        "unmapped": {
            "level": alarm.level.as_str(),
            "calls_success": alarm.success,
            "calls_failed": alarm.failed,
            "new_since_processed": alarm.new_since_processed,
            "allowlisted_by": alarm.allowlisted_by,
            "allowlisted_calls": alarm.allowlisted_calls,
            "identity": alarm.identity.as_str(),
            "app_id": alarm.app_id,
            "event_ids": alarm.event_ids,
        },
    });
    without_nulls(finding)
}

/// Leaves out what is null, and objects and lists that are empty then.
fn without_nulls(value: Value) -> Value {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, without_nulls(value)))
            .filter(|(_, value)| !empty(value))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(values) => values.into_iter().map(without_nulls).filter(|value| !empty(value)).collect(),
        other => other,
    }
}

/// A finding is created, grows after a decision, or is closed by one.
fn activity(alarm: &Alarm) -> (u32, &'static str) {
    match alarm.status {
        Status::Processed | Status::Ignored if alarm.new_since_processed > 0 => (2, "Update"),
        Status::Processed | Status::Ignored => (3, "Close"),
        Status::Unprocessed if alarm.level == Level::Invalid => (3, "Close"),
        Status::Unprocessed => (1, "Create"),
    }
}

fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::Critical => (5, "Critical"),
        Level::High => (4, "High"),
        Level::Medium => (3, "Medium"),
        Level::Low => (2, "Low"),
        Level::Note | Level::Invalid => (1, "Informational"),
    }
}

fn status(alarm: &Alarm) -> (u8, &'static str) {
    match alarm.status {
        _ if alarm.level == Level::Invalid => (3, "Suppressed"),
        Status::Unprocessed => (1, "New"),
        Status::Processed => (4, "Resolved"),
        Status::Ignored => (3, "Suppressed"),
    }
}

/// Who closed the finding: a policy of the allowlist, or somebody.
fn status_detail(alarm: &Alarm) -> Option<String> {
    if alarm.level == Level::Invalid {
        return Some(format!("every call is covered by the allowlist: {}", alarm.allowlisted_by.join(", ")));
    }
    alarm.decision.as_ref().map(|decision| format!("{} by {}", decision.status.as_str(), decision.by))
}

fn finding_info(alarm: &Alarm) -> Value {
    json!({
        "uid": alarm.id,
        "title": alarm.meta.title,
        "desc": alarm.why,
        "types": [alarm.meta.kind.as_str()],
        "created_time": alarm.first_seen.unwrap_or(alarm.last_call),
        "modified_time": alarm.decision.as_ref().map(|decision| decision.at),
        "first_seen_time": alarm.first_call,
        "last_seen_time": alarm.last_call,
        "data_sources": ["CloudAudit"],
        "analytic": {
            "uid": alarm.meta.id,
            "name": alarm.meta.title,
            "desc": alarm.meta.because,
            "type_id": 1,
            "type": "Rule",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "attacks": [attack(alarm.meta.attack)],
    })
}

fn attack(id: &str) -> Value {
    let (name, sub) = TECHNIQUES.iter().find(|(known, ..)| *known == id).map_or((id, ""), |(_, name, sub)| (name, sub));
    let technique = json!({"uid": id.split_once('.').map_or(id, |(technique, _)| technique), "name": name});
    let sub = (!sub.is_empty()).then(|| json!({"uid": id, "name": sub}));
    json!({"technique": technique, "sub_technique": sub})
}

fn account(alarm: &Alarm) -> Option<Value> {
    let account = alarm.account.as_ref()?;
    Some(json!({"uid": account, "type_id": 99, "type": "Tencent Cloud account"}))
}

/// The key is what is in danger.
fn resource(alarm: &Alarm) -> Value {
    json!({
        "uid": alarm.ak,
        "name": alarm.ak_remark,
        "type": if alarm.ak == TEMP_AK { "temporary access key" } else { "access key" },
        "owner": {
            "name": alarm.user,
            "type_id": if alarm.user.is_some() { json!(0) } else { Value::Null },
            "account": account(alarm).filter(|_| alarm.user.is_some()),
        },
    })
}

fn evidence(alarm: &Alarm, record: &CallRecord) -> Value {
    let ok = record.success > 0;
    json!({
        "actor": {"user": actor(alarm, record)},
        "api": {
            "operation": record.action,
            "service": {"name": record.service, "uid": record.service},
            "response": {
                "code": if ok { Some(0) } else { record.code.parse::<i64>().ok() },
                "error": (!ok).then_some(record.code.as_str()),
            },
        },
        "src_endpoint": source(record),
        "data": {
            "method": record.method.as_str(),
            "calls_success": record.success,
            "calls_failed": record.failed,
            "first_call": record.first_call,
            "last_call": record.last_call,
            "ip_type": record.ip_type,
            "ip_remark": record.ip_remark,
            "api_regions": record.api_regions,
            "policies": record.policies,
            "clients": record.clients,
            "allowlisted_by": record.allowlisted_by,
        },
    })
}

fn actor(alarm: &Alarm, record: &CallRecord) -> Value {
    let (type_id, kind) = match record.user_type {
        UserType::Root => (2, "Admin"),
        UserType::SubAccount => (1, "User"),
        UserType::Role => (99, "Role"),
        UserType::Service => (3, "System"),
    };
    json!({
        "name": record.user,
        "type_id": type_id,
        "type": kind,
        "credential_uid": alarm.ak,
        "account": account(alarm),
    })
}

/// Where the calls came from. What a log gives for an address may be any text; OCSF wants addresses under `ip`.
fn source(record: &CallRecord) -> Option<Value> {
    let text = record.source_ip.as_ref()?;
    let (ip, name) = if text.parse::<IpAddr>().is_ok() { (Some(text), None) } else { (None, Some(text)) };
    Some(json!({
        "ip": ip,
        "name": record.asset_name.as_ref().or(name),
        "instance_uid": record.asset_id,
        "location": {"desc": record.region, "provider": record.region_source()},
    }))
}

/// The values that others search for: keys, addresses, users.
fn observables(alarm: &Alarm, records: &[CallRecord]) -> Vec<Value> {
    let one = |name: &str, type_id: u8, kind: &str, value: &str| json!({"name": name, "type_id": type_id, "type": kind, "value": value});
    let distinct = |of: fn(&CallRecord) -> Option<&str>| records.iter().filter_map(of).collect::<BTreeSet<&str>>();
    let ips = distinct(|record| record.source_ip.as_deref().filter(|ip| ip.parse::<IpAddr>().is_ok()));
    let users = distinct(|record| record.user.as_deref());
    let ips = ips.into_iter().map(|ip| one("evidences[].src_endpoint.ip", 2, "IP Address", ip));
    let users = users.into_iter().map(|user| one("evidences[].actor.user.name", 4, "User Name", user));
    [one("resources[].uid", 10, "Resource UID", &alarm.ak)].into_iter().chain(ips).chain(users).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rules::ALL;

    #[test]
    fn every_technique_of_a_rule_has_its_name() {
        for (meta, _) in ALL {
            assert!(TECHNIQUES.iter().any(|(id, ..)| *id == meta.attack), "{}: {}", meta.id, meta.attack);
        }
        let attack = attack("T1078.004");
        assert_eq!(
            (&attack["technique"]["uid"], &attack["sub_technique"]["uid"]),
            (&json!("T1078"), &json!("T1078.004"))
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let value = json!({"a": null, "b": {"c": null}, "d": [{"e": null}], "f": false, "g": ""});
        assert_eq!(without_nulls(value), json!({"f": false, "g": ""}));
    }
}
