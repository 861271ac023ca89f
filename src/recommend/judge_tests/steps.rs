//! Each step: when it is advised, and what it says to do.

use super::{DAY, HOME, KEY, Story, key};
use crate::recommend::input::{Class, HolderKind, Outcome};
use crate::recommend::output::{Advice, Step};

const SECOND: &str = "AKIDexampleexampleexample0000000002";

fn used() -> Story {
    Story::new(60).used("cvm:DescribeInstances", 60)
}

fn ids(story: &Story) -> Vec<String> {
    story.recommend().steps.into_iter().map(|step| step.id).collect()
}

fn only(story: &Story, id: &str) -> Step {
    story.recommend().steps.into_iter().find(|step| step.id == id).unwrap()
}

#[test]
fn a_young_key_in_use_needs_nothing() {
    let story = used();
    assert!(ids(&story).is_empty());
    assert_eq!(story.recommend().advice, Advice::Normal);
}

#[test]
fn compromise_with_success_means_disable_now() {
    let step = only(&used().alarm("tool", "unprocessed", false), "DISABLE_NOW");
    assert!(step.commands[0].contains("UpdateAccessKey") && step.commands[0].contains("'Inactive'"));
    assert!(step.commands.last().unwrap().contains("DeleteAccessKey") && step.rollback.contains("'Active'"));
    assert_eq!(step.evidence.alarms, ["al-tool"]);
    assert!(ids(&used().alarm("tool", "ignored", false)).is_empty());
    assert_eq!(used().alarm("tool", "unprocessed", false).recommend().advice, Advice::ProcessNow);
    let mut before = used().alarm("tool", "unprocessed", false);
    before.0.alarms[0].first = before.0.now;
    assert_eq!(ids(&before), ["ROTATE"], "all successes are older");
    let refused =
        Story::new(60).calls("cvm:RunInstances", 5, Outcome::Denied, Class::Denied).alarm("tool", "unprocessed", false);
    assert_eq!(ids(&refused), ["DELETE_UNUSED"], "nothing succeeded since, and nobody works with it");
}

#[test]
fn leaks_and_age_mean_rotate() {
    let quiet = used().alarm("leak", "processed", true);
    let step = only(&quiet, "ROTATE");
    let order = ["CreateAccessKey", "Watch the logs", "'Inactive'", "Wait", "DeleteAccessKey"];
    let places: Vec<_> =
        order.iter().map(|word| step.commands.iter().position(|command| command.contains(word)).unwrap()).collect();
    assert!(places.is_sorted(), "{:?}", step.commands);
    let mut old = used();
    old.0.keys[0].created = Some(old.0.now - 91 * DAY);
    assert_eq!(ids(&old), ["ROTATE"]);
    old.0.keys[0].created = Some(old.0.now - 90 * DAY);
    assert!(ids(&old).is_empty());
}

#[test]
fn a_second_key_needs_room() {
    let mut story = used().alarm("leak", "processed", true);
    assert!(!only(&story, "ROTATE").commands[0].contains("two keys"));
    story.0.keys.push(key(SECOND, Some(story.0.now)));
    assert!(only(&story, "ROTATE").commands[0].contains("two keys"));
}

#[test]
fn unused_keys_are_deleted_even_when_disabled() {
    let mut story = Story::new(60);
    story.0.keys[0].created = Some(0);
    story.0.keys[0].last_used = Some(story.0.now - 91 * DAY);
    assert_eq!(ids(&story), ["DELETE_UNUSED"]);
    story.0.keys[0].status = Some("inactive".into());
    let step = only(&story, "DELETE_UNUSED");
    assert!(!step.commands.concat().contains("'Inactive'"), "it is disabled already");
    story.0.keys[0].last_used = Some(story.0.now - 31 * DAY);
    assert_eq!(ids(&story), ["DELETE_UNUSED"]);
    story.0.keys[0].status = Some("deleted".into());
    assert!(ids(&story).is_empty());
}

#[test]
fn the_idle_one_of_two_keys() {
    let mut story = used();
    story.0.keys.push(key(SECOND, Some(story.0.now - 60 * DAY)));
    let step = only(&story, "TWO_KEYS");
    assert_eq!(step.target, SECOND);
    story.0.focus = Some(KEY.into());
    assert!(ids(&story).is_empty(), "the other key is asked about");
}

#[test]
fn root_keys_are_removed() {
    let mut story = used();
    story.0.holder.kind = HolderKind::Root;
    let rec = story.recommend();
    assert!(!rec.policy_attachable && rec.documents.is_empty() && rec.removal.is_empty());
    assert!(rec.insufficient_history.is_none() && !rec.summary.join(" ").contains("taken away yet"));
    let step = &rec.steps[0];
    assert_eq!((step.id.as_str(), rec.advice), ("REMOVE_ROOT_KEY", Advice::ProcessNow));
    assert!(step.commands.iter().any(|command| command.contains("cvm:DescribeInstances")), "what the new user needs");
}

#[test]
fn temporary_keys_get_no_key_commands() {
    let mut story = used().alarm("tool", "unprocessed", false);
    story.0.holder.kind = HolderKind::Role;
    story.0.keys = vec![key("TEMP_AK", None)];
    for seen in &mut story.0.observed {
        seen.ak = "TEMP_AK".into();
    }
    let rec = story.recommend();
    assert_eq!(rec.steps[0].id, "END_SESSIONS");
    let commands = rec.steps[0].commands.concat();
    assert!(!commands.contains("AccessKey") && commands.contains("UpdateAssumeRolePolicy"));
    assert_eq!(rec.advice, Advice::ProcessNow);
}

#[test]
fn keys_on_own_machines_become_roles() {
    assert_eq!(ids(&used().source(HOME, Some("ins-1"))), ["REPLACE_BY_ROLE"]);
    assert!(ids(&used().source(HOME, None)).is_empty());
}

#[test]
fn stable_sources_restrict_addresses() {
    assert_eq!(ids(&used().allow("p", &["cvm:DescribeInstances"])), ["RESTRICT_IP"]);
    let mut once = Story::new(60).used("cvm:DescribeInstances", 1).allow("p", &["cvm:DescribeInstances"]);
    assert!(ids(&once).is_empty(), "one day is not stable");
    once.0.granted = None;
    assert!(ids(&once).is_empty());
}

#[test]
fn separate_jobs_split_a_key() {
    let mut story = used().used("cdb:DescribeDBInstances", 5);
    assert!(ids(&story).is_empty(), "one address");
    story
        .0
        .observed
        .iter_mut()
        .filter(|seen| seen.service == "cdb")
        .for_each(|seen| seen.ip = Some("192.0.2.9".into()));
    assert_eq!(ids(&story), ["SPLIT_KEY"]);
}

#[test]
fn ids_from_logs_cannot_leave_the_command() {
    let mut story = used().alarm("tool", "unprocessed", false);
    let evil = "AKID'; touch /x; '\u{1b}";
    story.0.keys[0].ak = evil.into();
    story.0.alarms[0].ak = evil.into();
    for seen in &mut story.0.observed {
        seen.ak = evil.into();
    }
    let step = only(&story, "DISABLE_NOW");
    assert!(step.commands[0].starts_with("# UpdateAccessKey is left out"), "{:?}", step.commands);
    assert!(!step.commands.concat().contains("touch"));
}
