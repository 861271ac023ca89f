//! DISABLE_NOW, REMOVE_ROOT_KEY, ROTATE.

use super::{Desk, commands, is_claimed, is_open, is_sure, step};
use crate::recommend::input::{AlarmFacts, HolderKind, KeyFacts, Outcome};
use crate::recommend::output::{Confidence, Evidence, Step};
use crate::recommend::patterns::Names;
use crate::recommend::shell::{cam, note};
use crate::recommend::usage::Tally;
use crate::recommend::words::counted;

/// Days after which a key in use should be changed. Common practice.
const OLD: i64 = 90;

/// What to do about an alarm that may be about the owner's own work.
const ASK: &str = "Ask the owner first; if the calls are theirs, ignore the alarm.";

/// Open alarms by which a key is in wrong hands, and calls that succeeded at or after the first of them.
pub(super) struct Charge {
    pub(super) evidence: Evidence,
    /// None of the alarms can be about the owner's own work.
    sure: bool,
    /// The alarms that are sure, or all where none is.
    named: String,
}

impl Charge {
    /// None where no open alarm speaks of a compromise.
    pub(super) fn of(desk: &Desk<'_>, key: &KeyFacts) -> Option<Self> {
        let alarms: Vec<&AlarmFacts> =
            desk.alarms(key).filter(|alarm| is_open(alarm) && is_compromise(alarm)).collect();
        let first = alarms.iter().map(|alarm| alarm.first).min()?;
        let sure = alarms.iter().any(|alarm| is_sure(alarm));
        let mut tally = Tally::default();
        for observed in desk.calls(key).filter(|observed| observed.outcome == Outcome::Success) {
            tally.add(observed, |call| call.time >= first);
        }
        let evidence = Evidence { alarms: ids(alarms.iter().copied()), ..tally.evidence() };
        let named = named(alarms.into_iter().filter(|alarm| is_sure(alarm) == sure));
        Some(Self { evidence, sure, named })
    }

    pub(super) fn confidence(&self) -> Confidence {
        if self.sure { Confidence::High } else { Confidence::Medium }
    }

    /// What the alarms say of `what`, given as at the beginning of a sentence.
    pub(super) fn says(&self, what: &str) -> String {
        if self.sure {
            format!("{what} is in wrong hands by alarm {}.", self.named)
        } else {
            format!("An alarm says that {} may be in wrong hands. {ASK}", what.to_lowercase())
        }
    }

    /// A line before commands that could hurt the owner's own work.
    pub(super) fn ask_first(&self) -> Option<String> {
        (!self.sure).then(|| note(&format!("{ASK} Go on only if they are not.")))
    }
}

/// A compromise, and calls that succeeded at or after it.
pub(super) fn disable_now(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let active = key.status.as_deref() != Some("inactive");
    let charge = Charge::of(desk, key).filter(|charge| active && charge.evidence.calls > 0)?;
    let calls = counted(charge.evidence.calls, "call has", "calls have");
    let more = if charge.evidence.at_least { "At least " } else { "" };
    let root = desk.case.holder.kind == HolderKind::Root;
    let already = if root { String::new() } else { commands::already(&commands::successor(desk, key)) };
    let commands = charge.ask_first().into_iter().chain(commands::disable_and_replace(desk, key));
    Some(Step {
        commands: commands.collect(),
        rollback: commands::enable_again(desk, key),
        evidence: charge.evidence.clone(),
        ..step(
            "DISABLE_NOW",
            key,
            format!("{} {more}{calls} succeeded since.{already}", charge.says("The key")),
            charge.confidence(),
        )
    })
}

/// A key under alarm, of a user that nobody is known to work with: it needs no successor.
pub(super) fn delete_unclaimed(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let wanted = |alarm: &&AlarmFacts| alarm.leak || (is_open(alarm) && is_compromise(alarm));
    let alarms: Vec<&AlarmFacts> = desk.alarms(key).filter(wanted).collect();
    (desk.is_unclaimed() && !alarms.is_empty()).then(|| {
        let says = if alarms.iter().any(|alarm| alarm.leak) { "was leaked" } else { "may be in wrong hands" };
        let by = named(alarms.iter().copied());
        Step {
            evidence: Evidence { alarms: ids(alarms), ..desk.evidence(key, |_| true) },
            commands: commands::close_down(desk, key),
            rollback: commands::enable_again(desk, key),
            ..step(
                "DELETE_UNUSED",
                key,
                format!("The key {says} by alarm {by}, and no ordinary call of its user is known."),
                Confidence::Medium,
            )
        }
    })
}

/// A key of the main account, however it is used; `disabled` when DISABLE_NOW comes first.
pub(super) fn remove_root_key(desk: &Desk<'_>, key: &KeyFacts, disabled: bool) -> Step {
    let why = "This key belongs to the main account. No policy can narrow it, so whoever has it can do everything.";
    let first = if disabled { " DISABLE_NOW comes first; this goes on from there." } else { "" };
    let mut commands = replacement(desk, key);
    if disabled {
        commands.insert(0, note("The key is disabled by DISABLE_NOW. Go on at once:"));
        commands.push(note("When everything works without the old key:"));
        commands.push(commands::delete(desk, key));
    } else {
        commands.push(commands::watch());
        commands.extend(commands::retire(desk, key));
    }
    Step {
        evidence: desk.evidence(key, |_| true),
        commands,
        rollback: commands::enable_again(desk, key),
        ..step("REMOVE_ROOT_KEY", key, format!("{why}{first}"), Confidence::High)
    }
}

/// A user in place of root, which gets its key when it is made; the main account never gets one.
fn replacement(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let mut calls = desk.calls(key).peekable();
    // What the logs do not show may still be in use by the inventory.
    let elsewhere = calls.peek().is_none() && key.last_used.is_some_and(|last| !desk.is_past(last, commands::IDLE));
    if !elsewhere && !calls.any(is_claimed) {
        return vec![note("No ordinary call with this key is known, so nothing has to replace it.")];
    }
    let actions = Names::of(desk.replacement.iter().cloned());
    let needs = match actions.len() {
        0 => "Attach policies for what it is to do.".to_string(),
        _ => format!("Attach policies for what was seen in use ({}).", actions.text(20)),
    };
    vec![
        note("Replace the key by a sub-user or role that may do only what was seen in use."),
        cam("AddUser", &[("Name", ""), ("UseApi", "1"), ("ConsoleLogin", "0")]),
        note(&needs),
        note("Put the new user's key, which AddUser returns once, wherever the old one is used."),
    ]
}

/// A leak, a compromise without calls since, or age.
pub(super) fn rotate(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    if desk.is_unclaimed() {
        return None;
    }
    let (why, confidence, alarms) = leaked(desk, key).or_else(|| charged(desk, key)).or_else(|| aged(desk, key))?;
    let disabled = key.status.as_deref() == Some("inactive");
    let already =
        if disabled { " It is disabled.".to_string() } else { commands::already(&commands::successor(desk, key)) };
    Some(Step {
        evidence: Evidence { alarms, ..desk.evidence(key, |_| true) },
        commands: if disabled { commands::retire(desk, key) } else { commands::rotate(desk, key) },
        rollback: commands::enable_again(desk, key),
        ..step("ROTATE", key, format!("{why}{already}"), confidence)
    })
}

/// Why a key should change, how sure that is, and by which alarms.
type Reason = (String, Confidence, Vec<String>);

fn leaked(desk: &Desk<'_>, key: &KeyFacts) -> Option<Reason> {
    let leaks: Vec<&AlarmFacts> = desk.alarms(key).filter(|alarm| alarm.leak).collect();
    let why = format!("By alarm {} the key was leaked.", named(leaks.iter().copied()));
    (!leaks.is_empty()).then(|| (why, Confidence::High, ids(leaks)))
}

fn charged(desk: &Desk<'_>, key: &KeyFacts) -> Option<Reason> {
    let charge = Charge::of(desk, key)?;
    let confidence = if charge.sure { Confidence::Medium } else { Confidence::Low };
    let why = if charge.evidence.calls == 0 { " No call succeeded since." } else { "" };
    Some((format!("{}{why}", charge.says("The key")), confidence, charge.evidence.alarms))
}

fn aged(desk: &Desk<'_>, key: &KeyFacts) -> Option<Reason> {
    let used = desk.last_used(key).is_some_and(|last| !desk.is_past(last, OLD));
    let active = key.status.as_deref() != Some("inactive");
    let created = key.created.filter(|created| used && active && desk.is_past(*created, OLD))?;
    Some((format!("The key is {} old and still in use.", desk.days(created)), Confidence::Medium, Vec::new()))
}

fn is_compromise(alarm: &AlarmFacts) -> bool {
    alarm.compromise || alarm.leak
}

fn ids<'a>(alarms: impl IntoIterator<Item = &'a AlarmFacts>) -> Vec<String> {
    let mut ids: Vec<String> = alarms.into_iter().map(|alarm| alarm.id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn named<'a>(alarms: impl IntoIterator<Item = &'a AlarmFacts>) -> String {
    Names::of(ids(alarms)).text(3)
}
