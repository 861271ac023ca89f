//! The table of histories.

use super::{DAY, START, Story, key, observed};
use crate::inventory::grants::{Attachment, Granted, GrantedPolicy, PolicyKind};
use crate::recommend::input::{Class, HolderKind, Outcome, Resources};
use crate::recommend::output::{DiffState, Recommendation};
use serde_json::Value;

const CASES: &str = include_str!("../../../fixtures/policy/judged.json");

#[test]
fn every_history_gives_what_it_must() {
    let file: Value = serde_json::from_str(CASES).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 4);
    for case in cases {
        let rec = story(case, &file["policies"]).recommend();
        check(case["id"].as_str().unwrap(), &rec, &case["expect"]);
    }
}

fn story(case: &Value, policies: &Value) -> Story {
    let calls = case["calls"].as_array().unwrap();
    let days = calls.iter().filter_map(|call| call["days"].as_i64()).max().unwrap();
    let mut story = Story::new(i32::try_from(days).unwrap());
    for call in calls {
        let alarmed = case["alarms"].as_array().unwrap().contains(&call["n"]);
        let class = if alarmed { Class::Alarmed } else { Class::Legitimate };
        let (count, days) = (call["count"].as_i64().unwrap(), call["days"].as_i64().unwrap());
        let mut seen = observed(call["action"].as_str().unwrap(), 0, Outcome::Success, class);
        seen.resources = Resources::Logged(texts(&call["resources"]).into_iter().collect());
        seen.ip = Some(call["ip"].as_str().unwrap().into());
        seen.calls = (0..count)
            .map(|n| {
                let day = START + i32::try_from(n % days).unwrap();
                let time = i64::from(day) * DAY + 60_000 * n;
                crate::recommend::input::Call { time, day, class, alarm: alarmed.then(|| "al-x".into()) }
            })
            .collect();
        seen.calls.sort();
        story.0.observed.push(seen);
        if alarmed {
            story = story.alarm("x", "unprocessed", false);
        }
    }
    story.0.observed.sort();
    if case["principal"] == "root" {
        story.0.holder.kind = HolderKind::Root;
        story.0.keys = vec![key(super::KEY, None)];
    }
    // The histories give no dates of grants.
    let dated = |name: &Value| GrantedPolicy {
        attachment: Attachment {
            name: policies[name.as_str().unwrap()]["name"].as_str().unwrap().into(),
            kind: PolicyKind::Preset,
            ..Attachment::default()
        },
        document: Some(policies[name.as_str().unwrap()]["document"].to_string()),
        service_linked: false,
    };
    if let Some(current) = case["current"].as_array() {
        story.0.granted =
            Some(Granted { policies: current.iter().map(dated).collect(), complete: true, ..Granted::default() });
    }
    story
}

fn check(id: &str, rec: &Recommendation, expect: &Value) {
    let written = serde_json::to_value(rec).unwrap();
    for field in ["advice", "confidence", "removal_advice", "policy_attachable"] {
        if !expect[field].is_null() {
            assert_eq!(written[field], expect[field], "{id} {field}");
        }
    }
    let found: Vec<String> =
        rec.findings.iter().map(|finding| format!("{}:{}", finding.code, finding.subject)).collect();
    let has = |wanted: &String| found.iter().any(|one| one == wanted || one.starts_with(&format!("{wanted}:")));
    for wanted in texts(&expect["findings"]) {
        assert!(has(&wanted), "{id}: {wanted} in {found:?}");
    }
    for unwanted in texts(&expect["not_findings"]) {
        assert!(!has(&unwanted), "{id}: {unwanted} in {found:?}");
    }
    for wanted in texts(&expect["steps"]) {
        assert!(rec.steps.iter().any(|step| step.id == wanted), "{id}: {wanted}");
    }
    let commands: Vec<&String> = rec.steps.iter().flat_map(|step| &step.commands).collect();
    for wanted in texts(&expect["commands"]) {
        assert!(commands.iter().any(|command| command.starts_with(&format!("tccli cam {wanted} "))), "{id}: {wanted}");
    }
    if !expect["diff_unused"].is_null() {
        let unused = rec.diff.iter().filter(|entry| entry.state == DiffState::Unused);
        let mut unused: Vec<String> = unused.map(|entry| entry.action.clone()).collect();
        let mut wanted = texts(&expect["diff_unused"]);
        unused.sort();
        wanted.sort();
        assert_eq!(unused, wanted, "{id}");
    }
    assert_eq!(rec.removal_advice, rec.insufficient_history.is_none() && rec.policy_attachable, "{id}");
    assert!((3..=7).contains(&rec.summary.len()), "{id}: {:?}", rec.summary);
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_string()).collect()
}
