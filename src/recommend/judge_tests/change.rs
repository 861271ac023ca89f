//! Removal: what is kept, what is decided first, and commands that can be run as they stand.

use super::{Story, UIN};
use crate::inventory::grants::PolicyKind;
use crate::lang::Lang;
use crate::recommend::input::{Class, HolderKind, Outcome};
use crate::recommend::markdown;
use crate::recommend::output::DiffState;

fn used() -> Story {
    Story::new(60).used("cvm:DescribeInstances", 60)
}

fn removal(story: &Story) -> String {
    story.recommend().removal.join("\n")
}

#[test]
fn calls_near_an_attack_are_decided_first() {
    let story = used().calls("cdb:DescribeDBInstances", 2, Outcome::Success, Class::Quarantined).allow("p", &["cvm:*"]);
    let rec = story.recommend();
    assert!(rec.removal[0].starts_with("1. Decide first: calls of 1 action were made near an attack"), "{rec:?}");
    let summary = rec.summary.join(" ");
    assert!(summary.contains("2 more calls were made near an attack and are not judged."), "{summary}");
    assert!(rec.summary.len() <= 7);
    assert!(!removal(&used().allow("p", &["cvm:*"])).contains("Decide first"));
}

#[test]
fn silence_of_the_log_takes_nothing_away() {
    let story = used().used("cos:HeadBucket", 60).allow("objects", &["cos:*"]).allow("p", &["cvm:*"]);
    let removal = removal(&story);
    assert!(removal.contains("Keep objects for now: the log may not show"), "{removal}");
    assert!(!removal.contains("Detach objects") && removal.contains("Detach p"), "{removal}");
    assert_eq!(story.subjects("NOT_LOGGED"), ["cos"]);
    assert!(story.found("NOT_LOGGED")[0].text.contains("cos:AbortMultipartUpload"));
    assert!(story.recommend().diff.iter().any(|e| e.state == DiffState::NotVisible && e.action == "cos:*"));
    let shipped = story.used("cos:GetObject", 3);
    assert!(shipped.found("NOT_LOGGED").is_empty(), "the log shows calls on objects");
}

#[test]
fn rights_of_administrators_go_with_a_warning() {
    let warning = "make sure that somebody else can undo this";
    for pattern in ["*", "*:*", "cam:*"] {
        let removal = removal(&used().allow("all", &[pattern]));
        assert!(removal.contains("Detach all.") && removal.contains(warning), "{pattern}: {removal}");
        assert!(removal.contains("The log may not show some of the calls"), "{removal}");
        assert!(!removal.contains("narrowed in place"), "others may have it");
    }
    let mut preset = used().allow("QcloudCamFullAccess", &["cam:*"]);
    preset.last_policy().attachment.kind = PolicyKind::Preset;
    preset.last_policy().document = None;
    assert!(removal(&preset).contains(warning));
    assert!(!removal(&used().allow("p", &["cvm:*", "cam:ListUsers"])).contains(warning));
}

#[test]
fn removal_can_be_run_as_it_stands() {
    let story = used().allow("old", &["cvm:*"]);
    let rec = story.recommend();
    let name = &rec.documents[0].name;
    let expected = [
        format!(
            "1. In the folder of this recommendation, where {name}.json is, create the policy {name} and attach it."
        ),
        format!(
            "   # Way back, with the id that CreatePolicy gives: tccli cam DetachUserPolicy --DetachUin '{UIN}' --PolicyId \"$policy_1\""
        ),
        format!(
            "   policy_1=$(tccli cam CreatePolicy --PolicyName '{name}' --PolicyDocument \"$(cat '{name}.json')\" --filter \
             PolicyId)"
        ),
        format!("   tccli cam AttachUserPolicy --AttachUin '{UIN}' --PolicyId \"$policy_1\""),
    ];
    assert_eq!(rec.removal[..4], expected);
    let all = rec.removal.join("\n");
    assert!(!all.contains("document.json"), "{all}");
    let unknown: Vec<&String> = rec.removal.iter().filter(|line| line.contains("fill in")).collect();
    assert!(unknown.iter().all(|line| line.contains("--VersionId '<fill in>'")), "{unknown:?}");
}

#[test]
fn the_report_shows_commands_as_they_are_typed() {
    let report = markdown(&used().allow("old", &["cvm:*"]).recommend(), Lang::En, &|time| time.to_string());
    let removal = report.split("## Removal").nth(1).unwrap().split("\n## ").next().unwrap();
    assert_eq!(removal.matches("```sh").count(), 3, "{removal}");
    assert!(!removal.contains("&lt;") && !removal.contains("&#"), "{removal}");
    let line = format!("\ntccli cam DetachUserPolicy --DetachUin '{UIN}' --PolicyId '4711'\n");
    let inside: String = removal.split("```").skip(1).step_by(2).collect();
    assert!(inside.contains(&line), "{removal}");
    let outside: String = removal.split("```").step_by(2).collect();
    assert!(!outside.contains("tccli"), "{outside}");
}

#[test]
fn steps_in_the_report_begin_with_the_way_back() {
    let report = markdown(&used().alarm("tool", "unprocessed", false).recommend(), Lang::En, &|time| time.to_string());
    assert!(report.contains("```sh\n# Way back: Until the key is deleted: tccli cam UpdateAccessKey"), "{report}");
    assert!(report.contains("Advice: **process now**"));
    let mut old = Story::new(60);
    old.0.keys[0].created = Some(0);
    assert_eq!(markdown(&old.recommend(), Lang::En, &|time| time.to_string()).matches("Way back").count(), 1);
    let normal = markdown(&used().recommend(), Lang::En, &|time| time.to_string());
    assert!(normal.contains("Advice: **normal**"));
}

#[test]
fn an_inventory_may_not_tell_of_the_holder() {
    let mut story = used();
    let text = |story: &Story| {
        let rec = story.recommend();
        format!("{} {} {}", rec.not_visible.join(" "), rec.removal.join(" "), rec.summary.join(" "))
    };
    assert!(!text(&story).contains("no inventory"));
    assert_eq!(text(&story).matches("The inventory does not say what is granted to this user.").count(), 3);
    story.0.holder.kind = HolderKind::Role;
    assert!(text(&story).contains("The inventory does not say what is granted to this role."));
    let known = text(&used().allow("p", &["cvm:*"]));
    assert!(!known.contains("The inventory does not say"), "{known}");
}
