//! The console's own JSON: what the list replies of its API (csip, version 2022-11-21) hold, name by name and code by code.
//!
//! A reply has the shape that tccli prints. Every published field is there. An empty text or list says that there is none;
//! null says that logs and inventory cannot tell. Times have no zone there and are +08:00, whatever zone is shown elsewhere.

use super::json::pretty;
use super::text::time;
use crate::alarm::model::{Alarm, CallRecord, Identity};
use crate::alarm::status::Status;
use crate::detect::{AlarmType, Level};
use crate::event::words::{Method, TEMP_AK, UserType};
use crate::inventory::{Inventory, KeyStatus};
use crate::store::usage::{Address, Advice, ByLevel, Key};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// A list reply. `total` counts what the list would have without pages.
pub fn reply(data: &[Value], total: u64) -> Value {
    json!({"Data": data, "Total": total, "RequestId": ""})
}

/// Writes alarms as `DescribeAccessKeyAlarm` replies.
pub fn write_alarms(alarms: &[Alarm], inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let data: Vec<Value> = alarms.iter().map(|one| alarm(one, &one.records, inventory)).collect();
    writeln!(out, "{}", pretty(&reply(&data, data.len() as u64)))
}

/// An alarm as `AccessKeyAlarm`. `records` are its records, or some of them: they tell users from roles.
pub fn alarm(alarm: &Alarm, records: &[CallRecord], inventory: &Inventory) -> Value {
    let leak = alarm.meta.kind == AlarmType::Leak;
    let evidence = json!({"why": alarm.why, "attack": alarm.meta.attack, "event_ids": alarm.event_ids});
    let sub_uin = match alarm.identity {
        Identity::Root => alarm.account.clone(),
        _ if by_role(records) => None,
        _ => uin(inventory, &alarm.ak, alarm.user.as_deref()),
    };
    json!({
        "Name": alarm.meta.title,
        "Level": level(alarm.level),
        "ID": alarm_id(&alarm.id),
        "AlarmRuleID": alarm.meta.number,
        "AlarmType": u8::from(leak),
        "AccessKey": alarm.ak,
        "AccessKeyID": key_of(alarm, records),
        "AccessKeyRemark": alarm.ak_remark.as_deref().unwrap_or_default(),
        "LastAlarmTime": moment(alarm.last_call),
        "Status": status(alarm.status),
        "Date": alarm.date,
        "Tag": alarm.tags,
        "Uin": alarm.account,
        "Nickname": null,
        "SubUin": sub_uin,
        "SubNickname": alarm.user,
        "Type": identity(alarm.identity),
        "AppID": number(alarm.app_id.as_deref()),
        "LeakEvidence": if leak { vec![alarm.why.as_str()] } else { Vec::new() },
        "IsSupportEditWhiteAccount": null,
        "Evidence": evidence.to_string(),
        "RuleKey": alarm.meta.id,
        "CloudType": 0,
        "AIStatus": 0,
        "FirstAlarmTimestamp": alarm.first_call.div_euclid(1000),
        "LastAlarmTimestamp": alarm.last_call.div_euclid(1000),
        "AIFailedReason": "",
    })
}

/// One alarm as a `DescribeAccessKeyAlarmDetail` reply.
pub fn alarm_detail(one: &Alarm, records: &[CallRecord], risks: usize, inventory: &Inventory) -> Value {
    let policies = records.iter().map(|record| record.policies.len()).max().unwrap_or_default();
    json!({
        "AlarmInfo": alarm(one, records, inventory),
        "CamCount": policies,
        "RiskCount": risks,
        "AlarmDesc": one.meta.because,
        "RequestId": "",
    })
}

/// A record of an alarm as `CallRecord`; `key` is the number of the alarm's key.
pub fn record(alarm: &Alarm, key: u64, record: &CallRecord) -> Value {
    json!({
        "CallID": record_id(alarm, record),
        "AccessKey": alarm.ak,
        "AccessKeyRemark": alarm.ak_remark.as_deref().unwrap_or_default(),
        "AccessKeyID": key,
        "SourceIP": record.source_ip.as_deref().unwrap_or_default(),
        "SourceIPRemark": record.ip_remark.as_deref().unwrap_or_default(),
        "Region": record.region,
        "IPType": ip_type(&record.ip_type, record.ip_remark.is_some()),
        "EventName": record.action,
        "ProductName": record.service,
        "EventType": u8::from(record.method == Method::Api),
        "UserType": match record.user_type {
            UserType::Root => "root",
            UserType::SubAccount => "CAMUser",
            UserType::Role | UserType::Service => "AssumedRole",
        },
        "UserName": record.user,
        "PolicySet": record.policies,
        "CallCount": record.success + record.failed,
        "Code": code(record),
        "FirstCallTime": moment(record.first_call),
        "LastCallTime": moment(record.last_call),
        "InstanceID": record.asset_id.as_deref().unwrap_or_default(),
        "InstanceName": record.asset_name.as_deref().unwrap_or_default(),
        "Date": alarm.date,
        "AppID": number(alarm.app_id.as_deref()),
        "ShowStatus": null,
        "ISP": null,
        "VpcInfo": [],
        "ReqClient": record.clients,
    })
}

/// A single call as the `CallRecord` of one call; `record` is that of the record it belongs to.
pub fn call(record: &Value, id: &str, at: i64) -> Value {
    let mut call = record.clone();
    call["CallID"] = json!(id);
    call["CallCount"] = json!(1);
    call["FirstCallTime"] = json!(moment(at));
    call["LastCallTime"] = json!(moment(at));
    call
}

/// A key as `AccessKeyAsset`.
pub fn key(key: &Key, inventory: &Inventory) -> Value {
    let known = inventory.key(&key.ak);
    let sub_uin = match key.identity {
        Identity::Root => key.account.clone(),
        _ if key.role => None,
        _ => uin(inventory, &key.ak, key.user.as_deref()),
    };
    let ours = key.account.as_deref().is_some_and(|account| inventory.owner_uin() == Some(account));
    let risks = key.risks.len();
    json!({
        "ID": id_of_key(key),
        "Name": key.ak,
        "Remark": key.remark.as_deref().unwrap_or_default(),
        "AppID": number(inventory.app_id().filter(|_| ours)),
        "Uin": key.account,
        "Nickname": null,
        "SubUin": sub_uin,
        "SubNickname": key.user,
        "Type": identity(key.identity),
        "Advice": match key.advice {
            Advice::Normal => 0,
            Advice::ProcessNow => 1,
            Advice::Harden => 2,
        },
        "AccessKeyAlarmList": alarm_counts(&key.alarms, key.leaks),
        "AccessKeyRiskList": if risks == 0 { json!([]) } else { json!([{"Type": 0, "Count": risks}]) },
        "IPCount": key.ips,
        "CreateTime": known.and_then(|known| known.created).map(moment),
        "LastAccessTime": key.last.map(moment),
        "Status": known.and_then(|known| known.status).map(|status| match status {
            KeyStatus::Inactive => 0,
            KeyStatus::Active => 1,
            KeyStatus::Deleted => 2,
        }),
        "CheckStatus": 0,
        "CloudType": 0,
    })
}

/// An address as `SourceIPAsset`, with the keys used from it.
pub fn address(address: &Address, keys: &[&Key], inventory: &Inventory) -> Value {
    let used_by = |key: &&Key| {
        json!({
            "ID": id_of_key(key),
            "Name": key.ak,
            "User": key.user,
            "Remark": key.remark.as_deref().unwrap_or_default(),
        })
    };
    // One address may be used by keys of several accounts; only what holds for all of them is said.
    let mut accounts: Vec<Option<&str>> = keys.iter().map(|key| key.account.as_deref()).collect();
    accounts.dedup();
    let account = if let [one] = accounts[..] { one } else { None };
    let ours = account.is_some_and(|account| inventory.owner_uin() == Some(account));
    json!({
        "ID": hash(&["ip", &address.ip]),
        "SourceIP": address.ip,
        "Remark": address.remark.as_deref().unwrap_or_default(),
        "AppID": number(inventory.app_id().filter(|_| ours)),
        "Region": address.region,
        "EventType": -1,
        "IPType": ip_type(&address.ip_type, address.remark.is_some()),
        "AccessKeyAlarmList": alarm_counts(&address.alarms, address.leaks),
        "AKInfo": keys.iter().map(used_by).collect::<Vec<_>>(),
        "ActionCount": address.apis,
        "LastAccessTime": address.last.map(moment),
        "InstanceID": address.asset_id.as_deref().unwrap_or_default(),
        "InstanceName": address.asset_name.as_deref().unwrap_or_default(),
        "Uin": account,
        "Nickname": null,
        "ShowStatus": null,
        "ISP": null,
        "VpcInfo": [],
        "CloudType": 0,
    })
}

/// An address as a `DescribeSourceIPDetail` reply.
pub fn address_detail(one: &Address, keys: &[&Key], inventory: &Inventory) -> Value {
    json!({"SourceIPInfo": address(one, keys, inventory), "RequestId": ""})
}

/// Standing alarms by type; a type without alarms is left out, as the console does.
fn alarm_counts(alarms: &ByLevel, leaks: u64) -> Vec<Value> {
    let standing: u64 = Level::ALL.iter().zip(alarms).filter(|(l, _)| **l != Level::Invalid).map(|(_, n)| n).sum();
    let counts = [(0, standing.saturating_sub(leaks)), (1, leaks)];
    counts.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| json!({"Type": kind, "Count": count})).collect()
}

fn level(level: Level) -> u8 {
    match level {
        Level::Invalid => 0,
        Level::Note => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

fn status(status: Status) -> u8 {
    match status {
        Status::Unprocessed => 0,
        Status::Processed => 1,
        Status::Ignored => 2,
    }
}

fn identity(identity: Identity) -> u8 {
    match identity {
        Identity::Root => 0,
        Identity::SubAccount => 1,
        Identity::Temporary => 2,
    }
}

/// Published are 0 to 3 for addresses inside and outside the account; 4 and 5 are those of allowlists for the LAN.
fn ip_type(kind: &str, remark: bool) -> Option<u8> {
    match (kind, remark) {
        ("in_account", false) => Some(0),
        ("outside", false) => Some(1),
        ("in_account", true) => Some(2),
        ("outside", true) => Some(3),
        ("lan", false) => Some(4),
        ("lan", true) => Some(5),
        _ => None,
    }
}

/// The console has numbers only, so a code that is a name becomes null. It is never 0, which means success.
fn code(record: &CallRecord) -> Option<i64> {
    if record.success > 0 { Some(0) } else { record.code.parse().ok().filter(|code| *code != 0) }
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.parse().ok()
}

fn moment(ms: i64) -> String {
    time(ms, chrono_tz::Asia::Shanghai)
}

/// The account id of a key's owner, as an inventory tells it.
fn uin(inventory: &Inventory, ak: &str, user: Option<&str>) -> Option<String> {
    let owner = inventory.key(ak).and_then(|key| key.user.as_deref()).or(user)?;
    inventory.user(owner).map(|user| user.uin.clone()).filter(|uin| !uin.is_empty())
}

fn by_role<'a>(records: impl IntoIterator<Item = &'a CallRecord>) -> bool {
    records.into_iter().any(|record| matches!(record.user_type, UserType::Role | UserType::Service))
}

/// The number of an alarm's key. `records` are the alarm's, or some of them: they tell users from roles.
pub fn key_of<'a>(alarm: &Alarm, records: impl IntoIterator<Item = &'a CallRecord>) -> u64 {
    key_id(alarm.account.as_deref(), &alarm.ak, alarm.user.as_deref(), by_role(records))
}

fn id_of_key(key: &Key) -> u64 {
    key_id(key.account.as_deref(), &key.ak, key.user.as_deref(), key.role)
}

/// The number of a key: the same for the key itself, its alarms and its call records, in every database.
fn key_id(account: Option<&str>, ak: &str, user: Option<&str>, role: bool) -> u64 {
    let account = account.unwrap_or_default();
    if ak != TEMP_AK {
        return hash(&["key", account, ak]);
    }
    hash(&["key", account, ak, if role { "role" } else { "user" }, user.unwrap_or_default()])
}

/// The number of an alarm: the first 52 bits of its id, which every reader of JSON holds exactly.
fn alarm_id(id: &str) -> Option<u64> {
    u64::from_str_radix(id.get(2..15)?, 16).ok()
}

/// What tells records of an alarm apart, as a text of fixed length.
fn record_id(alarm: &Alarm, record: &CallRecord) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let parts = [
        "record",
        &alarm.id,
        &text(&record.source_ip),
        &record.service,
        &record.action,
        record.method.as_str(),
        record.user_type.as_str(),
        &text(&record.user),
        &record.code,
        if record.success > 0 { "success" } else { "failed" },
    ];
    format!("{:013x}", hash(&parts))
}

/// A number of 52 bits that hangs on nothing but the texts.
fn hash(parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) >> 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_hang_on_what_they_stand_for_alone() {
        assert_eq!(alarm_id("A-8d652502d2797e8a"), Some(0x8_d652_502d_2797));
        assert_eq!(alarm_id("A-"), None);
        let one = key_id(Some("1"), "AKIDEXAMPLE", Some("alice"), false);
        assert_eq!(one, key_id(Some("1"), "AKIDEXAMPLE", None, true), "a permanent key has one owner");
        assert_ne!(one, key_id(Some("2"), "AKIDEXAMPLE", None, false));
        let of = |user, role| key_id(Some("1"), TEMP_AK, Some(user), role);
        assert!(of("ops", true) != of("ops", false) && of("ops", true) != of("dev", true));
        assert!(hash(&["a", "b"]) != hash(&["ab"]) && hash(&["a"]) < 1 << 52);
    }

    #[test]
    fn codes_are_the_consoles() {
        assert_eq!(
            ["in_account", "outside", "lan", "unknown"].map(|kind| ip_type(kind, false)),
            [Some(0), Some(1), Some(4), None]
        );
        assert_eq!([Level::Invalid, Level::Note, Level::Critical].map(level), [0, 1, 5]);
        assert_eq!(
            alarm_counts(&[1, 0, 2, 0, 0, 7], 1),
            [json!({"Type": 0, "Count": 2}), json!({"Type": 1, "Count": 1})]
        );
        assert_eq!(moment(1_772_380_800_000), "2026-03-02 00:00:00");
    }
}
