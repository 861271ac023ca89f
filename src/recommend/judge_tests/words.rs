//! Summary, removal and report.

use super::{ACCOUNT, Story, UIN, boundary, group};
use crate::inventory::grants::Via;
use crate::lang::Lang;
use crate::recommend::input::{Class, Outcome};
use crate::recommend::markdown;

fn used() -> Story {
    Story::new(60).used("cvm:DescribeInstances", 60)
}

#[test]
fn the_summary_is_plain_english() {
    let story = used().allow("all", &["*"]).calls("cam:CreateAccessKey", 1, Outcome::Success, Class::Alarmed);
    let text = story.alarm("tool", "unprocessed", false).recommend().summary.join(" ");
    assert_eq!(
        text,
        "The user deploy of account 100000000001 has 1 permanent access key. It made 60 ordinary calls with 1 product \
         (cvm), from 1 address, on 60 days. It looks as if somebody else used it: 1 call is under alarm \
         (cam:CreateAccessKey). About keys, the advice is to disable 1 key now. 1 proposed policy limits it to \
         1 action seen in use, and to nothing else. Today it also has the rights of an administrator. All this rests on \
         60 days of logs; what is done more rarely, or leaves no trace in them, is not known."
    );
    assert!(!text.contains('\u{2014}'));
}

#[test]
fn removal_attaches_first_and_tells_the_way_back() {
    let removal = used().allow("old", &["cvm:*"]).recommend().removal;
    let at = |word: &str| removal.iter().position(|line| line.contains(word)).unwrap();
    assert!(
        at("CreatePolicy ") < at("Wait")
            && at("Wait") < at("Way back: tccli cam AttachUserPolicy --AttachUin '100000000002' --PolicyId '4711'")
    );
    assert!(at("Way back: tccli cam AttachUserPolicy") < at("   tccli cam DetachUserPolicy"));
    assert!(removal.last().unwrap().contains("tccli cam CreatePolicyVersion --PolicyId '4711'"));
}

#[test]
fn removal_waits_for_history() {
    let short = Story::new(5).used("cvm:DescribeInstances", 5).allow("old", &["cvm:*"]).recommend();
    assert_eq!(short.removal.len(), 1);
    assert!(short.removal[0].contains("Do not detach anything yet") && short.insufficient_history.is_some());
}

#[test]
fn removal_from_a_group_names_its_members() {
    let mut story = used().allow("old", &["cvm:*"]);
    story.last_policy().attachment.via = Via::Group { id: "7".into(), name: "ops".into() };
    let story = story.granted(|granted| granted.groups = vec![group("7", "ops", &["alice"])]);
    let removal = story.recommend().removal.join("\n");
    assert!(removal.contains(&format!(r#"--Info '[{{"GroupId":7,"Uin":{UIN}}}]'"#)), "{removal}");
    assert!(removal.contains("its members are alice"));
}

#[test]
fn removal_keeps_what_cannot_be_judged() {
    let mut story = used().allow("objects", &["cos:*"]).allow("new", &["cdb:*"]);
    story.last_policy().attachment.added = Some(i64::MAX);
    let removal = story.recommend().removal.join("\n");
    assert!(removal.contains("Keep objects for now: the log may not show"), "{removal}");
    assert!(removal.contains("Keep new for now: it was attached after"));
    assert!(!removal.contains("Detach objects") && !removal.contains("Detach new"));
}

#[test]
fn what_logs_cannot_show_is_told() {
    let mut story = used().allow("p", &["cvm:*"]).granted(|granted| granted.boundary = Some(boundary(None)));
    story.0.coverage.days.remove(&(super::START + 3));
    let text = story.recommend().not_visible.join("\n");
    for part in ["1 day has no events", "one region only: ap-guangzhou", "organization", "kms"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_report_has_every_section_and_obeys_no_log_text() {
    let evil = "x|y`z`<script>\n# h \u{1b}[31m[a](http://e)";
    let mut story = used()
        .allow(evil, &["*"])
        .used("cam:UpdatePolicy", 2)
        .calls("cdb:DescribeDBInstances", 1, Outcome::Denied, Class::Denied)
        .alarm("tool", "unprocessed", false);
    story.0.holder.name = evil.into();
    let mut odd = story.0.observed[0].clone();
    odd.action = evil.into();
    story.0.observed.push(odd);
    story.0.observed.sort();
    let rec = story.recommend();
    let report = markdown(&rec, Lang::En, &|time| format!("t{time}"));
    for title in [
        "# Permissions of",
        "## Documents to attach",
        "## What they grant",
        "## Needs a decision",
        "## Findings",
        "## Steps for keys",
        "## Removal",
        "## What the logs cannot show",
        "```json",
        "Advice: **process now**",
    ] {
        assert!(report.contains(title), "{title}\n{report}");
    }
    assert!(!report.contains("<script>") && !report.contains('\u{1b}') && !report.contains("\n# h"));
    let outside: Vec<&str> = report.split("```").step_by(2).collect();
    assert!(!outside.concat().contains("[a](http://"), "{report}");
    let rows = report.lines().filter(|line| line.starts_with("| "));
    for row in rows {
        let bars = row.replace("\\|", "").matches('|').count();
        assert!([3, 5, 6, 7].contains(&bars), "{row}");
    }
    assert!(report.contains(ACCOUNT));
}
