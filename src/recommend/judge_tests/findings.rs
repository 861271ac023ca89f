//! Each finding: when it is made, and when not.

use super::{ACCOUNT, Story, boundary, group};
use crate::inventory::grants::{PolicyKind, Via};
use crate::recommend::findings::CODES;
use crate::recommend::input::{Class, Outcome, Resources};
use crate::recommend::output::{Confidence, DiffState};
use serde_json::json;

fn used() -> Story {
    Story::new(60).used("cvm:DescribeInstances", 60)
}

#[test]
fn admin_policy() {
    let admin = used().allow("all", &["*"]);
    assert_eq!(admin.subjects("ADMIN_POLICY"), ["all"]);
    assert_eq!(admin.found("ADMIN_POLICY")[0].confidence, Confidence::High);
    assert!(used().allow("some", &["cvm:*"]).found("ADMIN_POLICY").is_empty());
    let tagged = json!([{ "effect": "allow", "action": "*", "resource": "*",
        "condition": { "for_any_value:string_equal": { "qcs:tag": ["a&b"] } } }]);
    let tagged = used().policy("tagged", &tagged).found("ADMIN_POLICY");
    assert_eq!(tagged[0].confidence, Confidence::Medium, "a condition lowers, it does not silence");
    assert!(tagged[0].evidence.condition.is_some());
}

#[test]
fn preset_high_privilege() {
    let mut story = used().allow("QcloudCVMFullAccess", &["cvm:*"]);
    assert!(story.found("PRESET_HIGH_PRIVILEGE").is_empty(), "a custom policy may bear any name");
    story.last_policy().attachment.kind = PolicyKind::Preset;
    assert_eq!(story.subjects("PRESET_HIGH_PRIVILEGE"), ["QcloudCVMFullAccess"]);
    story.last_policy().service_linked = true;
    assert!(story.found("PRESET_HIGH_PRIVILEGE").is_empty());
}

#[test]
fn wildcard_action() {
    let story = used().allow("p", &["cvm:*", "vpc:Describe*", "cdb:Delete*", "clb:DescribeListeners", "tke:Describe*"]);
    assert_eq!(story.subjects("WILDCARD_ACTION"), ["cdb:Delete*", "cvm:*", "tke:Describe*"]);
    let cvm = &story.found("WILDCARD_ACTION")[1];
    assert!(cvm.evidence.actions.contains(&"cvm:RunInstances".to_string()) || cvm.evidence.actions.len() == 20);
    assert_eq!((cvm.policy_id.as_deref(), cvm.statement), (Some("4711"), Some(1)));
    let vpc = used().allow("p", &["vpc:*"]).found("WILDCARD_ACTION");
    assert!(vpc[0].evidence.actions.iter().any(|action| action == "vpc:CreateVpcPeeringConnection"), "{vpc:?}");
}

#[test]
fn wildcard_resource() {
    let story = used().allow("p", &["cvm:TerminateInstances", "cvm:DescribeInstances", "cam:AttachUserPolicy"]);
    assert_eq!(story.subjects("WILDCARD_RESOURCE"), ["cvm"], "cam takes no single resources");
    assert!(used().allow("p", &["cvm:DescribeInstances"]).found("WILDCARD_RESOURCE").is_empty());
    let blank = json!([{ "effect": "allow", "action": "cvm:TerminateInstances", "resource": "qcs::cvm:::*" }]);
    assert_eq!(used().policy("p", &blank).subjects("WILDCARD_RESOURCE").len(), 0, "a service is named");
    let asked = used().used("cvm:RunInstances", 3).allow("p", &["cvm:RunInstances"]);
    assert!(asked.found("WILDCARD_RESOURCE").is_empty(), "the log shows it asked for on everything");
    let mut concrete = used().used("cvm:RebootInstances", 3).allow("p", &["cvm:RebootInstances"]);
    let one = format!("qcs::cvm:ap-guangzhou:uin/{ACCOUNT}:instance/ins-1");
    for seen in &mut concrete.0.observed {
        seen.resources = Resources::Logged([one.clone()].into());
    }
    assert!(concrete.found("WILDCARD_RESOURCE")[0].advice.contains(&one));
}

#[test]
fn unused_service_and_action() {
    let story = used().allow("p", &["cvm:DescribeInstances", "cvm:RunInstances", "cdb:*"]);
    assert_eq!(story.subjects("UNUSED_SERVICE"), ["cdb"]);
    let action = &story.found("UNUSED_ACTION")[0];
    assert_eq!(
        (action.subject.as_str(), action.evidence.actions.as_slice()),
        ("cvm", &["cvm:RunInstances".into()][..])
    );
    assert!(story.found("UNUSED_POLICY").is_empty());
    let failed = story.calls("cvm:RunInstances", 1, Outcome::Failed, Class::Weak);
    assert!(failed.found("UNUSED_ACTION").is_empty(), "a permitted call is use, whatever came of it");
    let refused = used().allow("p", &["cvm:DescribeInstances", "cdb:*"]).calls(
        "cdb:DescribeDBInstances",
        1,
        Outcome::Denied,
        Class::Denied,
    );
    assert_eq!(refused.subjects("UNUSED_SERVICE"), ["cdb"], "a refused call is no use");
}

#[test]
fn alarmed_calls_are_use_and_told_apart() {
    let story = used().allow("p", &["cvm:*", "cam:CreateAccessKey"]).calls(
        "cam:CreateAccessKey",
        2,
        Outcome::Success,
        Class::Alarmed,
    );
    assert!(story.found("UNUSED_SERVICE").is_empty());
    let found = story.found("PRIVESC_CAPABILITY");
    let key = found.iter().find(|finding| finding.subject == "cam:CreateAccessKey").unwrap();
    assert!(key.text.contains("2 of them under alarm"), "{}", key.text);
    assert_eq!(key.evidence.seen.calls, 2);
}

#[test]
fn unused_policy() {
    let story = used().allow("used", &["cvm:DescribeInstances"]).allow("idle", &["cdb:*", "clb:*"]);
    assert_eq!(story.subjects("UNUSED_POLICY"), ["idle"]);
    assert!(story.found("UNUSED_SERVICE").is_empty(), "the policy says it all");
    let opaque = used().allow("sets", &["permid/280655", "cdb:*"]);
    assert!(opaque.found("UNUSED_POLICY").is_empty(), "the set may be what is used");
}

#[test]
fn unused_grant_via_group() {
    let mut story = used().allow("idle", &["cdb:*"]);
    story.last_policy().attachment.via = Via::Group { id: "7".into(), name: "ops".into() };
    let story = story.granted(|granted| granted.groups = vec![group("7", "ops", &["alice", "deploy"])]);
    let found = story.found("UNUSED_GRANT_VIA_GROUP");
    assert_eq!(found[0].evidence.members, ["alice", "deploy"]);
    assert!(found[0].text.contains("group ops") && found[0].advice.contains("alice"), "{found:?}");
    assert!(story.found("UNUSED_POLICY").is_empty());
}

#[test]
fn nothing_is_unused_without_history() {
    let codes = ["UNUSED_SERVICE", "UNUSED_ACTION", "UNUSED_POLICY", "UNUSED_GRANT_VIA_GROUP"];
    let quiet = |story: &Story, why: &str| {
        let rec = story.recommend();
        assert!(!rec.findings.iter().any(|finding| codes.contains(&finding.code.as_str())), "{why}");
        assert!(!rec.diff.iter().any(|entry| entry.state == DiffState::Unused), "{why}");
        rec
    };
    let short = Story::new(29).used("cvm:DescribeInstances", 29).allow("p", &["cdb:*"]);
    assert!(!quiet(&short, "short").removal_advice);
    let enough = Story::new(30).used("cvm:DescribeInstances", 30).allow("p", &["cdb:*"]);
    assert!(!enough.found("UNUSED_POLICY").is_empty());
    let young = used().allow("p", &["cdb:*"]).granted(|granted| granted.created = Some(i64::MAX));
    assert!(quiet(&young, "young user").insufficient_history.unwrap().contains("younger"));
    let mut recent = used().allow("old", &["cvm:DescribeInstances"]).allow("new", &["cdb:*"]);
    recent.last_policy().attachment.added = Some(i64::MAX);
    assert!(quiet(&recent, "young grant").removal_advice, "the other policy is old enough");
    let mut gaps = used().allow("p", &["cdb:*"]);
    gaps.last_policy().attachment.added = None;
    gaps.0.coverage.days.retain(|day| day % 3 == 0);
    quiet(&gaps, "no date, and events on 20 of 60 days");
}

#[test]
fn gaps_and_blind_regions_lower_confidence() {
    let mut story = used().allow("p", &["cdb:*"]);
    assert_eq!(story.found("UNUSED_POLICY")[0].confidence, Confidence::High);
    story.0.coverage.days.remove(&(super::START + 5));
    assert_eq!(story.found("UNUSED_POLICY")[0].confidence, Confidence::Medium);
    let elsewhere = json!([{ "effect": "allow", "action": "cdb:*", "resource": "qcs::cdb:sh:uin/1:*" }]);
    assert_eq!(used().policy("p", &elsewhere).found("UNUSED_POLICY")[0].confidence, Confidence::Medium);
    let here = json!([{ "effect": "allow", "action": "cdb:*", "resource": "qcs::cdb:gz:uin/1:*" }]);
    assert_eq!(used().policy("p", &here).found("UNUSED_POLICY")[0].confidence, Confidence::High);
}

#[test]
fn not_logged() {
    let story = used().allow("p", &["cvm:*", "cos:*", "kms:DescribeKey"]);
    assert_eq!(story.subjects("NOT_LOGGED"), ["cos"]);
    assert_eq!(story.subjects("UNUSED_SERVICE"), ["kms"], "that one would be logged");
    assert!(story.recommend().diff.iter().any(|entry| entry.state == DiffState::NotVisible && entry.action == "cos:*"));
    let shipped = used().used("cos:HeadObject", 1).allow("p", &["cvm:*", "cos:GetObject", "cos:HeadObject"]);
    assert!(shipped.found("NOT_LOGGED").is_empty(), "the log shows calls on objects");
    assert_eq!(shipped.found("UNUSED_ACTION").len(), 2);
}

#[test]
fn handing_over_a_role_is_never_called_unused() {
    let story = used().allow("p", &["cvm:DescribeInstances", "cam:PassRole"]);
    assert!(story.found("UNUSED_SERVICE").is_empty());
    assert_eq!(story.subjects("NOT_LOGGED"), ["cam"]);
    let mut seen = story;
    seen.0.observed[0].passed_role = Some("worker".into());
    assert!(seen.found("NOT_LOGGED").is_empty(), "a parameter shows it");
}

#[test]
fn capabilities() {
    for (code, actions, quiet) in [
        ("PRIVESC_CAPABILITY", "cam:AttachUserPolicy", "cam:CreatePolicyX"),
        ("DATA_EXFIL_CAPABILITY", "kms:Decrypt", "kms:Encrypt"),
        ("RESOURCE_EXPOSURE", "cdb:OpenWanService", "cdb:CloseWanService"),
        ("INFRA_CHANGE", "cvm:TerminateInstances", "cvm:DescribeInstances"),
        ("CREDENTIAL_EXPOSURE", "ssm:GetSecretValue", "ssm:ListSecrets"),
    ] {
        assert_eq!(used().allow("p", &[actions]).subjects(code), [actions], "{code}");
        assert!(used().allow("p", &[quiet]).found(code).is_empty(), "{code}");
    }
    assert_eq!(used().allow("p", &["cloudaudit:*"]).subjects("INFRA_CHANGE"), ["cloudaudit:*"]);
}

#[test]
fn what_depends_on_the_target_is_only_possible() {
    let story = used().allow("p", &["tat:RunCommand"]);
    let found = story.found("PRIVESC_CAPABILITY");
    assert!(found[0].text.contains("possibly") && found[0].confidence == Confidence::Low, "{found:?}");
    let both = used().allow("p", &["tat:RunCommand", "cam:UpdatePolicy"]).found("PRIVESC_CAPABILITY");
    assert!(!both[0].text.contains("possibly") && both[0].confidence == Confidence::Medium);
}

#[test]
fn handing_over_a_role_takes_a_launcher() {
    let alone = |actions: &[&str]| used().allow("p", actions).subjects("PRIVESC_CAPABILITY");
    assert!(alone(&["cam:PassRole"]).is_empty());
    assert!(alone(&["scf:CreateFunction"]).is_empty());
    let apart = used().allow("a", &["cam:PassRole"]).allow("b", &["scf:CreateFunction"]);
    assert_eq!(apart.subjects("PRIVESC_CAPABILITY"), ["cam:PassRole"]);
}

#[test]
fn denies_and_boundaries_silence_capabilities() {
    let statements = |condition: bool| {
        let mut deny = json!({ "effect": "deny", "action": "cam:*", "resource": "*" });
        if condition {
            deny["condition"] = json!({ "ip_equal": { "qcs:ip": "198.51.100.0/24" } });
        }
        json!([{ "effect": "allow", "action": "cam:UpdatePolicy", "resource": "*" }, deny])
    };
    assert!(used().policy("p", &statements(false)).found("PRIVESC_CAPABILITY").is_empty());
    assert_eq!(used().policy("p", &statements(true)).found("PRIVESC_CAPABILITY").len(), 1);
    let limit = |actions: &str| {
        let text =
            json!({ "version": "2.0", "statement": [{ "effect": "allow", "action": actions, "resource": "*" }] });
        used()
            .allow("p", &["cam:UpdatePolicy"])
            .granted(|granted| granted.boundary = Some(boundary(Some(&text.to_string()))))
    };
    assert!(limit("cvm:*").found("PRIVESC_CAPABILITY").is_empty());
    assert_eq!(limit("*").found("PRIVESC_CAPABILITY").len(), 1);
}

#[test]
fn no_ip_condition() {
    assert_eq!(used().allow("p", &["cvm:*"]).subjects("NO_IP_CONDITION"), ["p"]);
    let home = json!([{ "effect": "allow", "action": "cvm:*", "resource": "*",
        "condition": { "ip_equal": { "qcs:ip": "203.0.113.0/24" } } }]);
    assert!(used().policy("p", &home).found("NO_IP_CONDITION").is_empty());
    assert!(used().allow("p", &["sts:AssumeRole"]).found("NO_IP_CONDITION").is_empty(), "sts knows no such condition");
    let mut role = used().allow("p", &["cvm:*"]);
    role.0.keys = vec![super::key("TEMP_AK", None)];
    assert!(role.found("NO_IP_CONDITION").is_empty());
}

#[test]
fn opaque_permid() {
    assert_eq!(used().allow("p", &["permid/280655", "cvm:*"]).subjects("OPAQUE_PERMID"), ["permid/280655"]);
    assert!(used().allow("p", &["cvm:*"]).found("OPAQUE_PERMID").is_empty());
}

#[test]
fn trust_wildcard() {
    let trust = |principal: serde_json::Value| {
        let text = json!({ "version": "2.0", "statement": [{ "effect": "allow", "action": "name/sts:AssumeRole", "principal": principal }] });
        used().granted(|granted| granted.trust = Some(text.to_string())).subjects("TRUST_WILDCARD")
    };
    assert_eq!(trust(json!("*")), ["*"]);
    assert_eq!(trust(json!({ "qcs": ["qcs::cam::uin/909619400:root"] })), ["qcs::cam::uin/909619400:root"]);
    assert!(trust(json!({ "qcs": [format!("qcs::cam::uin/{ACCOUNT}:root")] })).is_empty());
    assert!(trust(json!({ "service": ["cvm.qcloud.com"] })).is_empty());
}

#[test]
fn denied_but_requested() {
    let mut story = used().allow("p", &["cvm:*"]).calls("cdb:DescribeDBInstances", 4, Outcome::Denied, Class::Denied);
    let found = story.found("DENIED_BUT_REQUESTED");
    assert_eq!((found[0].subject.as_str(), found[0].evidence.seen.calls), ("cdb:DescribeDBInstances", 4));
    for seen in &mut story.0.observed {
        seen.refused = (seen.outcome == Outcome::Denied).then(|| ("cdb:Other".into(), "qcs::cdb:::x".into()));
    }
    let named = story.found("DENIED_BUT_REQUESTED");
    assert_eq!((named[0].subject.as_str(), named[0].evidence.resource.as_deref()), ("cdb:Other", Some("qcs::cdb:::x")));
    story.0.granted = None;
    assert_eq!(story.found("DENIED_BUT_REQUESTED").len(), 1, "no inventory is needed");
    assert!(used().found("DENIED_BUT_REQUESTED").is_empty());
}

#[test]
fn used_not_granted() {
    let story = used().used("cdb:DescribeDBInstances", 2).allow("p", &["cvm:*"]);
    assert_eq!(story.subjects("USED_NOT_GRANTED"), ["cdb:DescribeDBInstances"]);
    assert!(story.recommend().diff.iter().any(|entry| entry.state == DiffState::UsedNotGranted));
    let unread = story.clone().granted(|granted| granted.policies[0].document = Some("{".into()));
    assert!(unread.found("USED_NOT_GRANTED").is_empty(), "the unread policy may grant it");
    let alarmed = used().calls("cdb:DescribeDBInstances", 2, Outcome::Success, Class::Alarmed).allow("p", &["cvm:*"]);
    assert!(alarmed.found("USED_NOT_GRANTED").is_empty());
}

#[test]
fn shadowed() {
    let with = |denied: &str, resource: &str| {
        used().policy(
            "p",
            &json!([
                { "effect": "allow", "action": ["cvm:RunInstances"], "resource": "*" },
                { "effect": "deny", "action": denied, "resource": resource },
            ]),
        )
    };
    assert_eq!(with("cvm:*", "*").subjects("SHADOWED"), ["cvm:RunInstances"]);
    assert!(with("cvm:Stop*", "*").found("SHADOWED").is_empty());
    assert!(with("cvm:*", "qcs::cvm:gz::instance/*").found("SHADOWED").is_empty());
}

#[test]
fn duplicate() {
    let twice = used().allow("a", &["cvm:*"]).allow("b", &["cvm:*"]);
    assert_eq!(twice.subjects("DUPLICATE"), ["a"]);
    assert!(used().allow("a", &["cvm:*"]).allow("b", &["vpc:*"]).found("DUPLICATE").is_empty());
    let part = json!([
        { "effect": "allow", "action": "cvm:*", "resource": "*" },
        { "effect": "allow", "action": "vpc:*", "resource": "*" },
    ]);
    let part = used().allow("a", &["cvm:*"]).policy("b", &part).found("DUPLICATE");
    assert!(part.len() == 1 && part[0].text.contains("statement 1 of b"), "{part:?}");
}

#[test]
fn deactivated_product() {
    let mut story = used().allow("p", &["cvm:*"]);
    assert!(story.found("DEACTIVATED_PRODUCT").is_empty());
    story.last_policy().attachment.deactivated = true;
    assert_eq!(story.subjects("DEACTIVATED_PRODUCT"), ["p"]);
}

#[test]
fn invalid_and_unknown_documents() {
    let mut story = used().allow("QcloudCDBFullAccess", &["cdb:*"]);
    assert!(story.found("INVALID_DOC").is_empty() && story.found("UNKNOWN_DOC").is_empty());
    story.last_policy().document = Some("{\"version\":\"1.0\"}".into());
    assert_eq!(story.subjects("INVALID_DOC"), ["QcloudCDBFullAccess"]);
    story.last_policy().document = Some("x".repeat(100_000));
    assert!(story.found("INVALID_DOC")[0].text.contains("longer"));
    story.last_policy().document = None;
    assert!(story.found("UNKNOWN_DOC")[0].text.contains("not judged at all"), "a custom policy's name says nothing");
    story.last_policy().attachment.kind = PolicyKind::Preset;
    assert!(story.found("UNKNOWN_DOC")[0].text.contains("name suggests"));
    assert_eq!(story.found("UNUSED_POLICY")[0].confidence, Confidence::Low);
    let limited = used().granted(|granted| granted.boundary = Some(boundary(None)));
    assert_eq!(limited.subjects("UNKNOWN_DOC"), ["limit"]);
}

#[test]
fn findings_are_bounded_and_worst_first() {
    let actions: Vec<String> = (0..300).map(|n| format!("svc{n:03}:*")).collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).chain(["cvm:*", "*"]).collect();
    let rec = used().allow("p", &actions).recommend();
    let wild: Vec<_> = rec.findings.iter().filter(|finding| finding.code == "WILDCARD_ACTION").collect();
    assert_eq!(wild.len(), 100);
    assert!(wild[99].text.contains("further findings of this kind are left out"));
    assert!(rec.findings.iter().all(|finding| finding.evidence.actions.len() <= 20));
    let ranks: Vec<_> =
        rec.findings.iter().map(|finding| CODES.iter().position(|code| *code == finding.code)).collect();
    assert!(ranks.is_sorted() && ranks.iter().all(Option::is_some));
    assert_eq!(rec.findings[0].code, "ADMIN_POLICY");
}
