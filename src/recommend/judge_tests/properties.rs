//! Whatever the case: no panic, no unbounded output, the same from any order.

use super::{Story, options};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::inventory::grants::{Attachment, GrantedPolicy, PolicyKind, Via};
use crate::lang::Lang;
use crate::recommend::input::{Class, Outcome};
use crate::recommend::{markdown, recommend};
use proptest::prelude::*;
use serde_json::json;

fn action() -> impl Strategy<Value = String> {
    let known = ["cvm:*", "*", "cvm:DescribeInstances", "cos:GetObject", "cos:*", "cam:Attach*", "sts:AssumeRole"];
    prop_oneof![
        6 => proptest::sample::select(known.to_vec()).prop_map(ToString::to_string),
        1 => "[a-z]{1,4}:[A-Z*][a-z*]{0,5}",
        1 => "permid/[0-9]{1,4}",
        1 => "\\PC{0,8}",
    ]
}

fn document() -> impl Strategy<Value = Option<String>> {
    let statement =
        (any::<bool>(), prop::collection::vec(action(), 1..4), any::<bool>()).prop_map(|(allow, action, condition)| {
            let effect = if allow { "allow" } else { "deny" };
            let mut statement = json!({ "effect": effect, "action": action, "resource": "*" });
            if condition {
                statement["condition"] = json!({ "ip_equal": { "qcs:ip": "203.0.113.5" } });
            }
            statement
        });
    let written = prop::collection::vec(statement, 0..4)
        .prop_map(|statement| Some(json!({ "version": "2.0", "statement": statement }).to_string()));
    prop_oneof![6 => written, 1 => Just(None), 1 => "\\PC{0,20}".prop_map(Some)]
}

fn policy() -> impl Strategy<Value = GrantedPolicy> {
    let names = ["p", "q", "QcloudCVMFullAccess", "AdministratorAccess", "x|y\n"];
    let kinds = [PolicyKind::Custom, PolicyKind::Preset, PolicyKind::Unknown];
    let via = prop_oneof![Just(Via::Direct), Just(Via::Group { id: "7".into(), name: String::new() })];
    let times = prop_oneof![Just(None), Just(Some(0)), Just(Some(i64::MAX)), Just(Some(i64::MIN))];
    (
        proptest::sample::select(names.to_vec()),
        proptest::sample::select(kinds.to_vec()),
        via,
        times,
        document(),
        any::<[bool; 2]>(),
    )
        .prop_map(|(name, kind, via, added, document, [deactivated, service_linked])| GrantedPolicy {
            attachment: Attachment { policy_id: None, name: name.into(), kind, via, added, deactivated },
            document,
            service_linked,
        })
}

fn story() -> impl Strategy<Value = Story> {
    let outcomes = [
        (Outcome::Success, Class::Legitimate),
        (Outcome::Success, Class::Alarmed),
        (Outcome::Denied, Class::Denied),
        (Outcome::Failed, Class::Weak),
    ];
    let names = ["cvm:DescribeInstances", "cos:GetObject", "cam:UpdatePolicy", "vpc:CreateSecurityGroup", "x:\u{1b}"];
    let call = (proptest::sample::select(names.to_vec()), 1..40, proptest::sample::select(outcomes.to_vec()));
    let calls = prop::collection::vec(call, 0..5);
    (1..60, calls, prop::collection::vec(policy(), 0..5), any::<bool>()).prop_map(|(days, calls, policies, alarm)| {
        let mut story = Story::new(days).granted(|_| {});
        for (action, days, (outcome, class)) in calls {
            story = story.calls(action, days, outcome, class);
        }
        story.0.observed.dedup();
        for policy in policies {
            story = story.attached(policy);
        }
        if alarm { story.alarm("tool", "unprocessed", false) } else { story }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_case_is_judged_the_same_in_any_order(story in story(), seed in any::<u64>()) {
        let risk = RiskCatalog::builtin();
        let Ok(rec) = recommend(&story.0, &options(), CamCatalog::builtin(), &risk) else { return Ok(()) };
        let mut other = story.clone();
        if let Some(granted) = &mut other.0.granted {
            let length = granted.policies.len().max(1);
            granted.policies.rotate_left(usize::try_from(seed % length as u64).unwrap() % length);
            granted.policies.reverse();
        }
        let again = recommend(&other.0, &options(), CamCatalog::builtin(), &risk).unwrap();
        prop_assert_eq!(&rec.findings, &again.findings);
        prop_assert_eq!(&rec.diff, &again.diff);
        prop_assert_eq!(&rec.steps, &again.steps);
        prop_assert_eq!(&rec.removal, &again.removal);
        prop_assert_eq!(&rec.summary, &again.summary);
        prop_assert!((3..=7).contains(&rec.summary.len()));
        prop_assert!(rec.findings.iter().all(|finding| finding.evidence.actions.len() <= 20));
        let report = markdown(&rec, Lang::En, &|time| time.to_string());
        prop_assert!(!report.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert_eq!(report, markdown(&again, Lang::En, &|time| time.to_string()));
    }

    #[test]
    fn unused_is_never_said_of_what_was_used(story in story()) {
        let risk = RiskCatalog::builtin();
        let Ok(rec) = recommend(&story.0, &options(), CamCatalog::builtin(), &risk) else { return Ok(()) };
        let used: Vec<&str> = story.0.observed.iter()
            .filter(|seen| seen.outcome != Outcome::Denied)
            .map(|seen| seen.service.as_str())
            .collect();
        for finding in rec.findings.iter().filter(|finding| finding.code == "UNUSED_SERVICE") {
            prop_assert!(rec.removal_advice);
            let name = finding.subject.as_str();
            let wild = |pattern: &String| pattern.ends_with(":*");
            let whole = finding.evidence.actions.iter().any(wild);
            prop_assert!(!(whole && used.contains(&name)), "{}", finding.text);
        }
        if !rec.removal_advice {
            prop_assert!(!rec.findings.iter().any(|finding| finding.code.starts_with("UNUSED")));
        }
    }
}

#[test]
fn a_hostile_document_gives_a_bounded_report() {
    let makes: [fn(usize) -> String; 3] = [|n| format!("*:a{n}*"), |_| "*".to_string(), |n| format!("s{n}:*")];
    for make in makes {
        let actions: Vec<String> = (0..3000).map(make).collect();
        let (allowed, denied) = actions.split_at(1500);
        let statement = json!([
            { "effect": "allow", "action": allowed, "resource": "*" },
            { "effect": "deny", "action": denied, "resource": "qcs::cvm:::x" },
        ]);
        let rec = Story::new(60).used("cvm:DescribeInstances", 60).policy("p", &statement).recommend();
        assert!(rec.findings.len() > 5 && rec.findings.len() <= 400, "{}", rec.findings.len());
        assert!(rec.diff.len() <= 500);
        assert!(serde_json::to_string(&rec.findings).unwrap().len() < 200_000);
    }
}
