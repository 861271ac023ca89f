//! Which steps a key gets when several facts meet: what alarms mean, what takes over, what comes first.

use super::{DAY, HOME, KEY, START, Story, UIN, key};
use crate::event::id::mask_key;
use crate::recommend::input::{Class, HolderKind, Outcome};
use crate::recommend::output::{Advice, Confidence, Recommendation, Step};

const SECOND: &str = "AKIDexampleexampleexample0000000002";

fn used() -> Story {
    Story::new(60).used("cvm:DescribeInstances", 60)
}

fn ids(rec: &Recommendation) -> Vec<&str> {
    rec.steps.iter().map(|step| step.id.as_str()).collect()
}

fn only(story: &Story, id: &str) -> Step {
    story.recommend().steps.into_iter().find(|step| step.id == id).unwrap()
}

fn root() -> Story {
    let mut story = used();
    story.0.holder.kind = HolderKind::Root;
    story
}

/// An alarm of a rule that may be about the owner's own work.
fn soft(story: Story) -> Story {
    let mut story = story.alarm("create-key", "unprocessed", false);
    story.0.alarms[0].level = "medium".into();
    story
}

/// An attacker's user: nothing of what it did is ordinary.
fn attackers() -> Story {
    Story::new(60).calls("cam:AttachUserPolicy", 3, Outcome::Success, Class::Alarmed)
}

#[test]
fn covered_alarms_are_not_open() {
    for leak in [true, false] {
        let mut story = used().alarm("tool", "unprocessed", leak);
        story.0.alarms[0].level = "invalid".into();
        let rec = story.recommend();
        assert!(ids(&rec).is_empty(), "{:?}", rec.steps);
        assert_eq!(rec.advice, Advice::Normal);
        assert!(!rec.summary.join(" ").contains("alarm"), "{:?}", rec.summary);
    }
}

#[test]
fn only_unprocessed_alarms_disable() {
    let rec = used().alarm("tool", "processed", false).recommend();
    assert!(ids(&rec).is_empty());
    assert_eq!(rec.advice, Advice::Normal);
    assert!(!rec.summary.join(" ").contains("open"), "{:?}", rec.summary);
    let leaked = used().alarm("leak", "processed", true);
    assert_eq!(ids(&leaked.recommend()), ["ROTATE"]);
    let why = only(&leaked, "ROTATE").why;
    assert!(why.contains("was leaked") && !why.contains("open"), "{why}");
    let mut role = used().alarm("tool", "processed", false);
    role.0.keys = vec![key("TEMP_AK", None)];
    assert!(ids(&role.recommend()).is_empty());
}

#[test]
fn some_alarms_are_sure_and_some_ask_the_owner() {
    let step = only(&used().alarm("tool", "unprocessed", false), "DISABLE_NOW");
    assert!(step.why.starts_with("The key is in wrong hands by alarm al-tool. 60 calls have"), "{}", step.why);
    assert_eq!(step.confidence, Confidence::High);
    let mut tool = soft(used());
    tool.0.alarms[0].rule = "hacker-tool".into();
    assert_eq!(only(&tool, "DISABLE_NOW").confidence, Confidence::High);
    let story = soft(used());
    let step = only(&story, "DISABLE_NOW");
    let says = "An alarm says that the key may be in wrong hands. Ask the owner first; if the calls are theirs, ignore \
                the alarm.";
    assert!(step.why.starts_with(says), "{}", step.why);
    assert_eq!(step.confidence, Confidence::Medium);
    assert!(step.commands[0].starts_with("# Ask the owner first"));
    let summary = story.recommend().summary.join(" ");
    assert!(summary.contains("disable 1 key unless the owner made the calls"), "{summary}");
    assert!(!summary.contains("somebody else"), "{summary}");
}

#[test]
fn root_never_gets_a_new_key() {
    for story in [root(), root().alarm("tool", "unprocessed", false), soft(root())] {
        let commands = story.recommend().steps.into_iter().flat_map(|step| step.commands).collect::<Vec<_>>();
        assert!(!commands.concat().contains("CreateAccessKey"), "{commands:?}");
        let at = |word: &str| commands.iter().position(|command| command.contains(word)).unwrap();
        assert!(at("tccli cam AddUser ") < at("tccli cam DeleteAccessKey "), "{commands:?}");
    }
}

#[test]
fn an_idle_root_key_is_not_replaced() {
    let mut story = root();
    story.0.keys.push(key(SECOND, Some(0)));
    let rec = story.recommend();
    let adds = |target: &str| {
        let step = rec.steps.iter().find(|step| step.target == target).unwrap();
        step.commands.iter().any(|command| command.contains("AddUser "))
    };
    assert!(adds(KEY) && !adds(SECOND));
}

#[test]
fn disabling_and_removing_a_root_key_is_one_sequence() {
    let rec = root().alarm("tool", "unprocessed", false).recommend();
    assert_eq!(ids(&rec), ["DISABLE_NOW", "REMOVE_ROOT_KEY"]);
    let commands: Vec<&String> = rec.steps.iter().flat_map(|step| &step.commands).collect();
    let inactive = commands.iter().filter(|command| command.contains("--Status 'Inactive'"));
    assert_eq!((inactive.count(), commands.iter().filter(|c| c.contains("cam DeleteAccessKey")).count()), (1, 1));
    assert!(rec.steps[1].why.contains("DISABLE_NOW comes first"));
    let remove = rec.steps[1].commands.concat();
    assert!(!remove.contains("Watch") && !remove.contains("Wait"), "{remove}");
    assert!(only(&root(), "REMOVE_ROOT_KEY").commands.concat().contains("Watch the logs"));
}

#[test]
fn a_user_that_nobody_works_with_is_closed_down() {
    let story = attackers().alarm("tool", "unprocessed", false).allow("p", &["*"]);
    assert_eq!(ids(&story.recommend()), ["DISABLE_NOW"]);
    let commands = only(&story, "DISABLE_NOW").commands;
    let order =
        ["'Inactive'", "ListAttachedUserAllPolicies", "DetachUserPolicy", "claims", "DeleteAccessKey", "DeleteUser"];
    let at = |word: &str| commands.iter().position(|command| command.contains(word)).unwrap();
    assert!(order.iter().map(|word| at(word)).is_sorted(), "{commands:?}");
    let all = commands.concat();
    assert!(!all.contains("CreateAccessKey") && !all.contains("fill in"), "{all}");
    assert!(all.contains(&format!("--DetachUin '{UIN}' --PolicyId '4711'")) && all.contains("--Name 'deploy'"));
    let mut leaked = attackers().alarm("leak", "processed", true);
    leaked.0.keys[0].created = Some(0);
    let rec = leaked.recommend();
    assert_eq!(ids(&rec), ["DELETE_UNUSED"], "no ROTATE");
    assert!(!rec.steps[0].commands.concat().contains("CreateAccessKey"));
    let near = attackers().calls("cvm:DescribeInstances", 1, Outcome::Success, Class::Quarantined);
    let step = only(&near.alarm("tool", "unprocessed", false), "DISABLE_NOW");
    assert!(!step.commands.concat().contains("CreateAccessKey"), "those may be the attacker's, too");
}

#[test]
fn a_second_key_in_use_takes_over() {
    for (status, leak, id) in [("unprocessed", false, "DISABLE_NOW"), ("processed", true, "ROTATE")] {
        let mut story = used().alarm("tool", status, leak);
        story.0.keys.push(key(SECOND, Some(0)));
        story.0.keys[1].last_used = Some(story.0.now - 40 * DAY);
        let step = only(&story, id);
        let commands = step.commands.concat();
        assert!(step.why.ends_with(&format!("{} is already in use.", mask_key(SECOND))), "{}", step.why);
        assert!(!step.why.contains(SECOND) && commands.contains(&format!("{SECOND} is already in use")));
        assert!(!commands.contains("CreateAccessKey") && commands.contains("DeleteAccessKey"), "{commands}");
    }
}

#[test]
fn a_doubtful_second_key_does_not_take_over() {
    let mut story = used().alarm("tool", "unprocessed", false);
    story.0.keys.push(key(SECOND, Some(0)));
    let mut stolen = story.0.observed[0].clone();
    stolen.ak = SECOND.into();
    stolen.calls.iter_mut().for_each(|call| call.class = Class::Alarmed);
    story.0.observed.push(stolen);
    story.0.observed.sort();
    let commands = only(&story, "DISABLE_NOW").commands.concat();
    assert!(commands.contains("one of them must go first"), "{commands}");
    assert!(commands.contains("CreateAccessKey"));
}

#[test]
fn room_for_a_new_key_names_the_idle_one() {
    let mut story = used().alarm("tool", "unprocessed", false);
    story.0.keys.push(key(SECOND, Some(0)));
    story.0.alarms[0].first = i64::from(START + 50) * DAY;
    story.0.keys[1].last_used = Some(i64::from(START + 20) * DAY);
    let commands = only(&story, "DISABLE_NOW").commands.concat();
    assert!(commands.contains(&format!("{SECOND} is idle and must be deleted first")), "{commands}");
    story.0.keys[1].status = Some("deleted".into());
    assert!(!only(&story, "DISABLE_NOW").commands.concat().contains("two keys"));
}

#[test]
fn only_machines_can_have_a_role() {
    for (asset, expected) in [
        ("ins-1", true),
        ("lambda-1", true),
        ("scf-1", true),
        ("cls-1", true),
        ("eks-1", true),
        ("nat-1", false),
        ("eip-1", false),
        ("lb-1", false),
    ] {
        let rec = used().source(HOME, Some(asset)).recommend();
        assert_eq!(ids(&rec).contains(&"REPLACE_BY_ROLE"), expected, "{asset}");
    }
}

#[test]
fn addresses_are_restricted_only_by_documents() {
    let story = used().used("cam:UpdatePolicy", 60).allow("p", &["cvm:*"]);
    assert_eq!(ids(&story.recommend()), ["RESTRICT_IP"]);
    let held_back = Story::new(60).used("cam:UpdatePolicy", 60).allow("p", &["cam:*"]).recommend();
    assert!(held_back.documents.is_empty() && ids(&held_back).is_empty(), "{:?}", held_back.steps);
}

#[test]
fn the_way_back_comes_before_the_act() {
    let mut story = Story::new(60);
    story.0.keys[0].created = Some(0);
    let commands = only(&story, "DELETE_UNUSED").commands;
    let order = ["Way back", "--Status 'Inactive'", "Watch the logs", "DeleteAccessKey"];
    let at = |word: &str| commands.iter().position(|command| command.contains(word)).unwrap();
    assert!(order.iter().map(|word| at(word)).is_sorted(), "{commands:?}");
    let mut role = used().alarm("tool", "unprocessed", false).allow("p", &["cvm:*"]);
    role.0.holder.kind = HolderKind::Role;
    role.0.keys = vec![key("TEMP_AK", None)];
    role.0.observed.iter_mut().for_each(|seen| seen.ak = "TEMP_AK".into());
    let commands = only(&role, "END_SESSIONS").commands;
    let at = |word: &str| commands.iter().position(|command| command.contains(word)).unwrap();
    let order =
        ["> role-before.json", "> policies-before.json", "DetachRolePolicy", "trust.json, and", "cat 'trust.json'"];
    assert!(order.iter().map(|word| at(word)).is_sorted(), "{commands:?}");
    assert!(!commands.concat().contains("fill in"), "{commands:?}");
}

#[test]
fn of_several_steps_the_first_is_told() {
    let mut story = used().source(HOME, Some("ins-1"));
    story.0.keys[0].created = Some(0);
    let rec = story.recommend();
    assert_eq!(ids(&rec), ["ROTATE", "REPLACE_BY_ROLE"]);
    assert!(rec.steps.iter().all(|step| step.why.ends_with("ROTATE now; REPLACE_BY_ROLE is the better end state.")));
    assert!(rec.steps.iter().all(|step| step.target == KEY));
}
