//! What to do about keys: disable, rotate, delete, replace, restrict.

mod commands;
mod habits;
mod sessions;
mod urgent;

use super::current::Current;
use super::input::{AlarmFacts, Case, Class, Holder, HolderKind, KeyFacts, Observed, Outcome};
use super::output::{Advice, Confidence, Evidence, Finding, Proposed, Step};
use super::usage::{Tally, is_fair};
use super::words::{counted, joined};
use std::collections::BTreeSet;

/// Stands for all temporary keys of a holder.
pub(super) const TEMPORARY: &str = "TEMP_AK";

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Every step, most urgent first.
const IDS: [&str; 9] = [
    "DISABLE_NOW",
    "END_SESSIONS",
    "REMOVE_ROOT_KEY",
    "ROTATE",
    "DELETE_UNUSED",
    "TWO_KEYS",
    "REPLACE_BY_ROLE",
    "RESTRICT_IP",
    "SPLIT_KEY",
];

/// What steps are made from.
pub(super) struct Desk<'a> {
    pub(super) case: &'a Case,
    /// None without an inventory.
    pub(super) current: Option<&'a Current<'a>>,
    /// Addresses that calls may come from.
    pub(super) trusted: &'a BTreeSet<String>,
    /// Actions that a user in place of root would need.
    pub(super) replacement: &'a [String],
    /// Documents to attach.
    pub(super) documents: &'a [Proposed],
    /// Permanent keys of the holder, to tell temporary ones from them.
    permanent: BTreeSet<&'a str>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        case: &'a Case,
        current: Option<&'a Current<'a>>,
        trusted: &'a BTreeSet<String>,
        replacement: &'a [String],
        documents: &'a [Proposed],
    ) -> Self {
        let permanent = case.keys.iter().map(|key| key.ak.as_str()).filter(|ak| *ak != TEMPORARY).collect();
        Self { case, current, trusted, replacement, documents, permanent }
    }

    fn calls(&self, key: &KeyFacts) -> impl Iterator<Item = &'a Observed> {
        let (observed, ak) = (&self.case.observed, key.ak.clone());
        observed.iter().filter(move |observed| observed.ak == ak)
    }

    /// Alarms about the key that stand: nobody ignored them, and the allowlist does not cover them. What is about no
    /// permanent key of the holder is about temporary ones.
    fn alarms(&self, key: &KeyFacts) -> impl Iterator<Item = &'a AlarmFacts> {
        let ak = key.ak.as_str();
        let standing = self.case.alarms.iter().filter(|alarm| stands(alarm));
        standing.filter(
            move |alarm| {
                if ak == TEMPORARY { !self.permanent.contains(alarm.ak.as_str()) } else { alarm.ak == ak }
            },
        )
    }

    /// Nothing that the holder did speaks for somebody who works with it: every call is alarmed, refused or failed.
    fn is_unclaimed(&self) -> bool {
        !self.case.observed.iter().any(is_claimed)
    }

    fn uin(&self) -> &'a str {
        let Holder { kind, account, id, .. } = &self.case.holder;
        if *kind == HolderKind::Root { account } else { id }
    }

    /// When the key was last used, by inventory and log.
    fn last_used(&self, key: &KeyFacts) -> Option<i64> {
        let seen = self.calls(key).flat_map(|observed| &observed.calls).map(|call| call.time).max();
        key.last_used.max(seen)
    }

    /// Whether something lies more than so many days back.
    fn is_past(&self, time: i64, days: i64) -> bool {
        self.case.now.saturating_sub(time) > days.saturating_mul(DAY)
    }

    /// How long ago something was, in days.
    fn days(&self, time: i64) -> String {
        let days = self.case.now.saturating_sub(time).max(0) / DAY;
        counted(days.unsigned_abs(), "day", "days")
    }

    fn evidence(&self, key: &KeyFacts, wanted: impl Fn(&Observed) -> bool) -> Evidence {
        let mut tally = Tally::default();
        for observed in self.calls(key).filter(|observed| wanted(observed)) {
            tally.add(observed, |_| true);
        }
        tally.evidence()
    }

    /// Successful API calls of the key that nothing is held against.
    fn fair(&self, key: &KeyFacts) -> impl Iterator<Item = &'a Observed> {
        let fair = |observed: &&Observed| observed.outcome == Outcome::Success && observed.calls.iter().any(is_fair);
        self.calls(key).filter(fair).filter(|observed| observed.api_call)
    }
}

/// The steps for the holder's keys, or for the one asked about; most urgent first.
pub(super) fn steps(desk: &Desk<'_>) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::new();
    for key in desk.case.keys.iter().filter(|key| is_asked_about(desk, key)) {
        out.extend(of_key(desk, key));
    }
    out.sort_by_cached_key(|step| (IDS.iter().position(|id| *id == step.id), step.target.clone()));
    out.dedup();
    out
}

fn is_asked_about(desk: &Desk<'_>, key: &KeyFacts) -> bool {
    let gone = key.status.as_deref() == Some("deleted");
    !gone && desk.case.focus.as_ref().is_none_or(|focus| *focus == key.ak)
}

fn of_key(desk: &Desk<'_>, key: &KeyFacts) -> Vec<Step> {
    if key.ak == TEMPORARY {
        return sessions::end_sessions(desk, key).into_iter().collect();
    }
    let disable = urgent::disable_now(desk, key);
    if desk.case.holder.kind == HolderKind::Root {
        let remove = urgent::remove_root_key(desk, key, disable.is_some());
        return disable.into_iter().chain([remove]).collect();
    }
    // What is to be disabled or deleted needs no advice on its use.
    let ends = disable
        .or_else(|| habits::delete_unused(desk, key))
        .or_else(|| urgent::delete_unclaimed(desk, key))
        .or_else(|| habits::two_keys(desk, key));
    if let Some(step) = ends {
        return vec![step];
    }
    let habits = [habits::replace_by_role(desk, key), habits::restrict_ip(desk, key), habits::split_key(desk, key)];
    weighed(urgent::rotate(desk, key).into_iter().chain(habits.into_iter().flatten()).collect())
}

/// Says which of a key's steps comes first where another one would make it needless.
fn weighed(mut steps: Vec<Step>) -> Vec<Step> {
    let Some(best) = ["REPLACE_BY_ROLE", "SPLIT_KEY"].into_iter().find(|id| steps.iter().any(|step| step.id == *id))
    else {
        return steps;
    };
    let soon = steps.iter().map(|step| &step.id).filter(|id| matches!(id.as_str(), "ROTATE" | "RESTRICT_IP"));
    let soon: Vec<String> = soon.cloned().collect();
    if !soon.is_empty() {
        let order = format!("{} now; {best} is the better end state.", joined(&soon));
        for step in &mut steps {
            step.why = format!("{} {order}", step.why);
        }
    }
    steps
}

/// Whether an alarm counts: nobody ignored it, and the allowlist does not cover it in full.
pub(super) fn stands(alarm: &AlarmFacts) -> bool {
    alarm.status != "ignored" && alarm.level != "invalid"
}

/// Whether an alarm waits for somebody to look at it.
pub(super) fn is_open(alarm: &AlarmFacts) -> bool {
    stands(alarm) && alarm.status == "unprocessed"
}

/// Whether an alarm is sure that the key is in wrong hands; others of the kind may be about the owner's own work.
pub(super) fn is_sure(alarm: &AlarmFacts) -> bool {
    alarm.leak || alarm.rule == "hacker-tool" || is_serious(alarm)
}

fn is_serious(alarm: &AlarmFacts) -> bool {
    matches!(alarm.level.as_str(), "critical" | "high")
}

/// Whether somebody is known to need these calls. Those made near an attack may well be part of it.
fn is_claimed(observed: &Observed) -> bool {
    let claimed = |class| matches!(class, Class::Legitimate | Class::Reviewed);
    observed.calls.iter().any(|call| claimed(call.class))
}

/// Advice as the console counts it: handle now for keys in wrong hands, root keys and open serious alarms; harden where
/// anything was found.
pub(super) fn advice(case: &Case, steps: &[Step], findings: &[Finding]) -> Advice {
    let now = |step: &Step| matches!(step.id.as_str(), "DISABLE_NOW" | "END_SESSIONS" | "REMOVE_ROOT_KEY");
    let about = |alarm: &&AlarmFacts| case.focus.as_ref().is_none_or(|focus| *focus == alarm.ak);
    let serious = |alarm: &AlarmFacts| is_open(alarm) && is_serious(alarm);
    if steps.iter().any(now) || case.alarms.iter().filter(about).any(serious) {
        Advice::ProcessNow
    } else if findings.is_empty() && steps.is_empty() {
        Advice::Normal
    } else {
        Advice::Harden
    }
}

fn step(id: &str, key: &KeyFacts, why: String, confidence: Confidence) -> Step {
    Step {
        id: id.to_string(),
        target: key.ak.clone(),
        why,
        evidence: Evidence::default(),
        confidence,
        commands: Vec::new(),
        rollback: String::new(),
    }
}
