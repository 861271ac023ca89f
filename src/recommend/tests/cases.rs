//! Small histories with what must be recommended, from `fixtures/policy/recommendations.json`.

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

const CASES: &str = include_str!("../../../fixtures/policy/recommendations.json");

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// One row: `count` calls spread over `days`, a sample of 32 at most.
fn observed(row: &Value, alarms: &[u64]) -> Observed {
    let class = if alarms.contains(&row["n"].as_u64().unwrap()) { Class::Alarmed } else { Class::Legitimate };
    let resources = texts(&row["resources"]);
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    let (count, days) = (number(&row["count"]), number(&row["days"]));
    let mut found = seen(row["action"].as_str().unwrap(), &resources, row["ip"].as_str().unwrap(), class, count);
    for (place, call) in found.calls.iter_mut().enumerate() {
        call.day = i32::try_from(place % days as usize).unwrap();
        call.time = i64::from(call.day) * DAY + i64::try_from(place).unwrap();
    }
    found.calls.truncate(32);
    found.calls.sort();
    found.sampled = count > 32;
    found
}

fn read(row: &Value) -> Case {
    let alarms: Vec<u64> = row["alarms"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    let mut case = case(row["calls"].as_array().unwrap().iter().map(|call| observed(call, &alarms)).collect());
    if row["principal"] == "root" {
        case.holder = holder(HolderKind::Root);
    }
    if let Some(name) = row["current"].get(0).and_then(Value::as_str) {
        let attachment = Attachment { name: name.to_owned(), ..Attachment::default() };
        let policy = GrantedPolicy { attachment, document: None, service_linked: false };
        case.granted = Some(Granted { policies: vec![policy], complete: true, ..Granted::default() });
    }
    case
}

fn statements(built: &Built) -> Vec<Value> {
    built.documents.iter().flat_map(|proposed| proposed.document["statement"].as_array().unwrap().clone()).collect()
}

fn statement_of<'s>(statements: &'s [Value], action: &Value) -> &'s Value {
    statements.iter().find(|statement| statement["action"].as_array().unwrap().contains(action)).unwrap()
}

fn check_documents(id: &str, expect: &Value, built: &Built) {
    let statements = statements(built);
    if let Some(wanted) = expect.get("granted_actions") {
        let granted: BTreeSet<String> = built.granted.iter().map(|entry| entry.action.clone()).collect();
        assert_eq!(granted, texts(wanted).into_iter().collect(), "{id}");
    }
    if let Some(count) = expect.get("statements") {
        assert_eq!(statements.len() as u64, count.as_u64().unwrap(), "{id}");
    }
    if let Some(condition) = expect.get("condition") {
        assert_eq!(statements.iter().map(|statement| &statement["condition"]).collect::<Vec<_>>(), [condition], "{id}");
    }
    for action in expect["statement_with_ip_equal"].as_array().into_iter().flatten() {
        assert!(statement_of(&statements, action)["condition"]["ip_equal"]["qcs:ip"].is_array(), "{id}");
    }
    for action in expect["statement_without_condition"].as_array().into_iter().flatten() {
        assert!(statement_of(&statements, action).get("condition").is_none(), "{id}");
    }
    if let Some(attachable) = expect.get("policy_attachable") {
        assert_eq!(built.attachable, attachable.as_bool().unwrap(), "{id}");
        assert_eq!(built.documents.is_empty(), !built.attachable, "{id}");
    }
}

fn check_verdicts(id: &str, row: &Value, built: &Built) {
    let (expect, policies) = (&row["expect"], policies(built));
    let user = CallerKind::SubAccount;
    for action in texts(&expect["must_deny"]) {
        assert_eq!(decide(&policies, user, &action, &["*"], None), Decision::Deny, "{id}");
        let own = "qcs::cam::uin/100000000001:uin/100000000002";
        assert_eq!(decide(&policies, user, &action, &[own], Some("198.51.100.9")), Decision::Deny, "{id}");
    }
    for place in expect["must_deny_calls"].as_array().into_iter().flatten() {
        let call = row["calls"].as_array().unwrap().iter().find(|call| call["n"] == *place).unwrap();
        let resources = texts(&call["resources"]);
        let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
        let decision = decide(&policies, user, call["action"].as_str().unwrap(), &resources, call["ip"].as_str());
        assert_eq!(decision, Decision::Deny, "{id}");
    }
}

#[test]
fn histories_give_what_is_written_beside_them() {
    let file: Value = serde_json::from_str(CASES).unwrap();
    let rows = file["cases"].as_array().unwrap();
    assert_eq!(rows.len(), 7);
    for row in rows {
        let (id, case) = (row["id"].as_str().unwrap(), read(row));
        let built = built(&case, &options());
        check_documents(id, &row["expect"], &built);
        check_verdicts(id, row, &built);
        if let Some(wanted) = row["expect"].get("conflicts") {
            let conflicts: Vec<&str> = built.conflicts.iter().map(|conflict| conflict.action.as_str()).collect();
            assert_eq!(conflicts, texts(wanted), "{id}");
            assert!(built.conflicts.iter().all(|c| !c.legitimate.is_empty() && !c.alarmed.is_empty()), "{id}");
        }
        if built.attachable {
            let verified = verified(&case, &options(), &built);
            assert!(verified.holds, "{id}: {verified:#?}");
            assert!(verified.new_access.is_empty() && verified.unknown.is_empty(), "{id}");
        }
    }
}
