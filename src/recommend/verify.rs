//! Replays what was seen against documents: what must be permitted is, and what must be denied is.
//!
//! Works on any documents, also on edited ones. A verdict counts only when it is certain: where the log leaves a request open,
//! every reading of it must give the verdict wanted.

use super::access::new_access;
use super::index::Index;
use super::input::{Call, Class, Holder, HolderKind, Observed, Options};
use super::needs::{Need, PASS_ROLE, Reader};
use super::output::{Conflict, Count, Doubt, Verification};
use super::replay::{Ground, caller};
use super::scope::Scope;
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::inventory::grants::Granted;
use crate::policy::{Decision, Policy, glob_matches};

/// What a verification is about, besides documents and calls.
#[derive(Clone, Copy, Debug)]
pub struct VerifyContext<'v> {
    /// Whose documents.
    pub holder: &'v Holder,
    /// How they were built.
    pub options: &'v Options,
    /// Actions held back for a decision: calls that need one are not required.
    pub needs_decision: &'v [String],
    /// Conflicts that were told: calls in one are neither required to pass nor to be denied.
    pub conflicts: &'v [Conflict],
    /// Today's grants, to tell new access.
    pub granted: Option<&'v Granted>,
}

/// Replays calls against documents.
///
/// It holds when every legitimate and reviewed call is allowed for certain, unless it needs what is held back or in a conflict
/// that was told; when every alarmed and refused call is denied for certain or in such a conflict; and when nothing is
/// permitted that today's grants deny for certain, except what legitimate calls have used all the same.
pub fn verify(
    documents: &[Policy],
    observed: &[Observed],
    context: &VerifyContext<'_>,
    cam: &CamCatalog,
    risk: &RiskCatalog,
) -> Verification {
    let caller = caller(context.holder);
    let ground = Ground { caller: &caller, cam };
    let reader = Reader::new(observed, context.holder, cam);
    let replay = Replay { index: Index::new(documents), ground, reader, context };
    let mut found = Verification { holds: true, ..Verification::default() };
    for seen in observed {
        found.quarantined += calls(seen, |class| class == Class::Quarantined).len() as u64;
        replay.required(seen, &mut found);
        replay.forbidden(seen, Class::Alarmed, &mut found);
        replay.forbidden(seen, Class::Denied, &mut found);
    }
    if context.holder.kind != HolderKind::Root {
        let access = new_access(documents, observed, context, &replay, risk);
        found.holds &= access.iter().all(|(_, used)| *used);
        found.new_access = access.into_iter().map(|(doubt, _)| doubt).collect();
    }
    found
}

/// Documents made ready, and how calls are read.
pub(super) struct Replay<'r> {
    pub index: Index<'r>,
    pub ground: Ground<'r>,
    pub reader: Reader<'r>,
    context: &'r VerifyContext<'r>,
}

impl Replay<'_> {
    fn required(&self, seen: &Observed, found: &mut Verification) {
        let calls = calls(seen, |class| matches!(class, Class::Legitimate | Class::Reviewed));
        if calls.is_empty() {
            return;
        }
        let needs: Vec<Need> = self.reader.of_call(seen).into_iter().chain(self.reader.of_role(seen)).collect();
        let count = calls.len() as u64;
        if needs.iter().any(|need| self.held_back(&need.action)) {
            found.needs_decision += count;
            return;
        }
        if needs.is_empty() {
            return;
        }
        let wrong = needs.iter().find_map(|need| {
            let decision = self.certain(need, seen, &calls, Decision::Allow);
            (decision != Decision::Allow).then_some((need, decision))
        });
        let told = needs.iter().any(|need| self.in_conflict(need));
        if let Some((need, decision)) = wrong.filter(|_| told) {
            let why = "the documents do not allow this call for certain; the conflict was told";
            found.conflicts.push(doubt(need, seen, calls, decision, why));
            return;
        }
        found.legit_allowed.all += count;
        let Some((need, decision)) = wrong else {
            found.legit_allowed.good += count;
            return;
        };
        found.holds = false;
        let why = match decision {
            Decision::Unknown => "the documents do not allow this call for certain",
            _ => "the documents deny this call, and it was legitimate",
        };
        note(found, doubt(need, seen, calls, decision, why), decision);
    }

    fn forbidden(&self, seen: &Observed, class: Class, found: &mut Verification) {
        let calls = calls(seen, |own| own == class);
        let alarmed = class == Class::Alarmed;
        let needs = if alarmed { self.reader.of_call(seen) } else { self.reader.of_refusal(seen) };
        if calls.is_empty() || needs.is_empty() {
            return;
        }
        let tally = |found: &mut Verification, good: u64, all: u64| {
            let count = if alarmed { &mut found.alarmed_denied } else { &mut found.denied_denied };
            *count = Count { good: count.good + good, all: count.all + all };
        };
        let count = calls.len() as u64;
        // Any of several names is enough for a call that is to be denied: all of them must be.
        let open = needs.iter().find_map(|need| {
            let decision = self.certain(need, seen, &calls, Decision::Deny);
            (decision != Decision::Deny).then_some((need, decision))
        });
        let Some((need, decision)) = open else { return tally(found, count, count) };
        if needs.iter().any(|need| self.in_conflict(need)) {
            let why = "the documents do not deny this call for certain; the conflict was told";
            found.conflicts.push(doubt(need, seen, calls, decision, why));
            return;
        }
        tally(found, 0, count);
        found.holds = false;
        let why = match (decision, alarmed) {
            (Decision::Unknown, _) => "the documents do not deny this call for certain",
            (_, true) => "the documents allow this call, and an alarm is about it",
            (_, false) => "the documents allow this call, and it was refused",
        };
        note(found, doubt(need, seen, calls, decision, why), decision);
    }

    /// The decision on a call, where all readings of it agree; of those that do not give the wanted one, the worst.
    fn certain(&self, need: &Need, seen: &Observed, calls: &[&Call], wanted: Decision) -> Decision {
        if wanted == Decision::Deny && self.ground.caller.kind == crate::policy::CallerKind::Root {
            return Decision::Allow;
        }
        let relevant = self.index.of_action(&need.action);
        let mut worst = wanted;
        for resources in readings(&need.scope, &relevant, wanted) {
            for context in relevant.contexts(seen, &need.action, calls, self.ground.cam) {
                let request = self.ground.request(&need.action, resources.clone(), context);
                match relevant.decide(&request, self.ground.cam) {
                    decision if decision == wanted => {}
                    Decision::Unknown => worst = Decision::Unknown,
                    decision => return decision,
                }
            }
        }
        worst
    }

    fn held_back(&self, action: &str) -> bool {
        self.context.needs_decision.iter().any(|held| glob_matches(held, action))
    }

    fn in_conflict(&self, need: &Need) -> bool {
        self.context.conflicts.iter().filter(|conflict| glob_matches(&conflict.action, &need.action)).any(|conflict| {
            let touches =
                |asked: &String| conflict.resources.iter().any(|own| glob_matches(own, asked) || own == asked);
            let listed = need.scope.listed();
            listed.is_none_or(|list| conflict.resources.iter().any(|own| own == "*") || list.iter().any(touches))
        })
    }
}

/// The resources to try. For a call that must be denied and may have been about anything, all that the documents name.
fn readings(scope: &Scope, relevant: &super::index::Relevant<'_>, wanted: Decision) -> Vec<Vec<String>> {
    let star = || vec!["*".to_owned()];
    match scope {
        Scope::All => vec![star()],
        Scope::Unknown if wanted == Decision::Allow => vec![star()],
        Scope::Unknown => {
            let named = relevant.resources().map(|resource| vec![resource.to_owned()]);
            std::iter::once(star()).chain(named).collect()
        }
        Scope::These { list, origin } => {
            let all = vec![list.iter().cloned().collect()];
            if wanted == Decision::Allow || *origin != super::scope::Origin::Widened {
                return all;
            }
            let under = |own: &&str| list.iter().any(|asked| glob_matches(asked, own) || glob_matches(own, asked));
            let named = relevant.resources().filter(under).map(|resource| vec![resource.to_owned()]);
            all.into_iter().chain(list.iter().map(|one| vec![one.clone()])).chain(named).collect()
        }
    }
}

fn calls(seen: &Observed, belongs: impl Fn(Class) -> bool) -> Vec<&Call> {
    seen.calls.iter().filter(|call| belongs(call.class)).collect()
}

fn doubt(need: &Need, seen: &Observed, calls: Vec<&Call>, decision: Decision, why: &str) -> Doubt {
    let what = if need.action == PASS_ROLE { "handing over the role: " } else { "" };
    Doubt {
        action: need.action.clone(),
        resources: need.scope.listed().map_or_else(|| vec!["*".to_owned()], |list| list.iter().cloned().collect()),
        ip: seen.ip.clone(),
        class: calls.first().map(|call| call.class),
        decision: decision.as_str().to_owned(),
        why: format!("{what}{why}"),
        calls: calls.into_iter().cloned().collect(),
    }
}

fn note(found: &mut Verification, doubt: Doubt, decision: Decision) {
    if decision == Decision::Unknown { found.unknown.push(doubt) } else { found.conflicts.push(doubt) }
}
