//! DISABLE_NOW, END_SESSIONS, REMOVE_ROOT_KEY, ROTATE.

use super::{Desk, commands, step};
use crate::recommend::input::{AlarmFacts, HolderKind, KeyFacts, Outcome};
use crate::recommend::output::{Confidence, Evidence, Step};
use crate::recommend::patterns::Names;
use crate::recommend::shell::{cam, cam_with_file, note};
use crate::recommend::usage::Tally;
use crate::recommend::words::counted;

/// Days after which a key in use should be changed. Common practice.
const OLD: i64 = 90;

/// A compromise, and calls that succeeded at or after it.
pub(super) fn disable_now(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let active = key.status.as_deref() != Some("inactive");
    let evidence = after_compromise(desk, key).filter(|evidence| active && evidence.calls > 0)?;
    let calls = counted(evidence.calls, "call has", "calls have");
    let more = if evidence.at_least { "at least " } else { "" };
    Some(Step {
        evidence,
        commands: commands::disable_and_replace(desk, key),
        rollback: commands::enable_again(desk, key),
        ..step(
            "DISABLE_NOW",
            key,
            format!("The key is in wrong hands by an open alarm, and {more}{calls} succeeded since."),
            Confidence::High,
        )
    })
}

/// The same for temporary keys, which cannot be disabled.
pub(super) fn end_sessions(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let evidence = after_compromise(desk, key)?;
    let role = desk.case.holder.kind == HolderKind::Role;
    Some(Step {
        evidence,
        commands: if role { role_commands(desk) } else { user_commands() },
        rollback: "Save the trust policy and the list of attached policies first; put them back when it is over."
            .to_string(),
        ..step(
            "END_SESSIONS",
            key,
            "A temporary key is in wrong hands by an open alarm. Temporary keys work until they expire: they cannot be \
             disabled, only what they may do can be taken away."
                .to_string(),
            Confidence::High,
        )
    })
}

fn role_commands(desk: &Desk<'_>) -> Vec<String> {
    let name = desk.case.holder.name.as_str();
    vec![
        note(
            "What sessions may do follows the role's policies: detach them, or attach a policy that denies everything.",
        ),
        cam("ListAttachedRolePolicies", &[("RoleName", name), ("Page", "1"), ("Rp", "200")]),
        cam("DetachRolePolicy", &[("DetachRoleName", name), ("PolicyId", "")]),
        note("Who may start new sessions is in the role's trust policy: take out whoever is compromised."),
        cam_with_file("UpdateAssumeRolePolicy", &[("RoleName", name)], "PolicyDocument", "trust.json"),
    ]
}

fn user_commands() -> Vec<String> {
    vec![note(
        "Find where the temporary keys come from (GetFederationToken, AssumeRole, console sessions), and take the \
         rights away there: what a session may do follows the policies of its user or role.",
    )]
}

/// A key of the main account, however it is used.
pub(super) fn remove_root_key(desk: &Desk<'_>, key: &KeyFacts) -> Step {
    let mut commands = vec![
        note("Replace the key by a sub-user or role that may do only what was seen in use."),
        cam("AddUser", &[("Name", ""), ("UseApi", "0"), ("ConsoleLogin", "0")]),
        note(&needs(desk)),
        cam("CreateAccessKey", &[("TargetUin", "")]),
        note("Put the new key wherever the old one is used."),
    ];
    commands.push(commands::watch());
    commands.extend(commands::retire(desk, key));
    Step {
        evidence: desk.evidence(key, |_| true),
        commands,
        rollback: commands::enable_again(desk, key),
        ..step(
            "REMOVE_ROOT_KEY",
            key,
            "This key belongs to the main account. No policy can narrow it, so whoever has it can do everything."
                .to_string(),
            Confidence::High,
        )
    }
}

fn needs(desk: &Desk<'_>) -> String {
    let actions = Names::of(desk.replacement.iter().cloned());
    match actions.len() {
        0 => "Attach policies for what it is to do, and make its key:".to_string(),
        _ => format!("Attach policies for what was seen in use ({}), and make its key:", actions.text(20)),
    }
}

/// A leak, a compromise without calls since, or age.
pub(super) fn rotate(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let alarms: Vec<&AlarmFacts> = desk.alarms(key).collect();
    let old = key.created.filter(|created| desk.is_past(*created, OLD));
    let used = desk.last_used(key).is_some_and(|last| !desk.is_past(last, OLD));
    let (why, confidence) = if alarms.iter().any(|alarm| alarm.leak) {
        ("An open alarm says that the key has leaked.".to_string(), Confidence::High)
    } else if alarms.iter().any(|alarm| alarm.compromise) {
        ("An open alarm says that the key is in wrong hands; no call succeeded since.".to_string(), Confidence::Medium)
    } else if let Some(created) = old.filter(|_| used) {
        (format!("The key is {} old and still in use.", desk.days(created)), Confidence::Medium)
    } else {
        return None;
    };
    let named = alarms.iter().filter(|alarm| alarm.leak || alarm.compromise).map(|alarm| alarm.id.clone());
    let evidence = Evidence { alarms: named.collect(), ..desk.evidence(key, |_| true) };
    Some(Step {
        evidence,
        commands: commands::rotate(desk, key),
        rollback: commands::enable_again(desk, key),
        ..step("ROTATE", key, why, confidence)
    })
}

/// Successful calls from the first compromise on, with the alarms; none without a compromise.
fn after_compromise(desk: &Desk<'_>, key: &KeyFacts) -> Option<Evidence> {
    let alarms: Vec<&AlarmFacts> = desk.alarms(key).filter(|alarm| alarm.compromise || alarm.leak).collect();
    let first = alarms.iter().map(|alarm| alarm.first).min()?;
    let mut tally = Tally::default();
    for observed in desk.calls(key).filter(|observed| observed.outcome == Outcome::Success) {
        tally.add(observed, |call| call.time >= first);
    }
    let mut ids: Vec<String> = alarms.iter().map(|alarm| alarm.id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    Some(Evidence { alarms: ids, ..tally.evidence() })
}
