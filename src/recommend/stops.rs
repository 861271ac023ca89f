//! The short form for one alarm: what to do about the key, and what would have stopped the alarm.

use super::current::{Current, names};
use super::input::{Case, Holder, HolderKind};
use super::output::{Advice, Recommendation, Step};
use super::words;
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use std::collections::BTreeSet;

/// What a recommendation says about one alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// Whose key it is.
    pub holder: Holder,
    /// Advice for the holder's keys.
    pub advice: Advice,
    /// The most urgent step for the alarm's key.
    pub step: Option<Step>,
    /// Names of the policies granted today; empty without an inventory.
    pub policies: Vec<String>,
    /// What would have stopped the alarm, in a sentence.
    pub would_stop: String,
}

/// Names written out; the rest is counted.
const NAMED: usize = 3;

/// An API that calls of an alarm called, and whether any of them succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// Service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Some call succeeded.
    pub succeeded: bool,
}

/// What of an alarm matters for the answer.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The key.
    pub ak: &'a str,
    /// It tells of a leak.
    pub leak: bool,
    /// What its calls called.
    pub calls: &'a [Called],
}

/// What the recommendation for the owner of a key says about an alarm.
pub fn short(case: &Case, rec: &Recommendation, about: &About<'_>, (cam, risk): (&CamCatalog, &RiskCatalog)) -> Short {
    let current = case.granted.as_ref().map(|granted| Current::of(granted, risk));
    let policies = current.iter().flat_map(|current| &current.held).map(|held| held.name().to_string());
    Short {
        holder: case.holder.clone(),
        advice: rec.advice,
        step: rec.steps.iter().find(|step| step.target == about.ak).cloned(),
        policies: policies.collect::<BTreeSet<_>>().into_iter().collect(),
        would_stop: would_stop(case, rec, about, current.as_ref(), cam),
    }
}

fn would_stop(
    case: &Case,
    rec: &Recommendation,
    about: &About<'_>,
    current: Option<&Current<'_>>,
    cam: &CamCatalog,
) -> String {
    if case.holder.kind == HolderKind::Root {
        return "Having no key of root: policies do not apply to it, so only taking the key away stops such calls."
            .to_string();
    }
    if about.leak {
        return format!(
            "Keeping the key out of the repository. The recommended policies would have left little to find: {}.",
            allowed(rec)
        );
    }
    let succeeded = about.calls.iter().filter(|called| called.succeeded);
    let actions: BTreeSet<String> =
        succeeded.flat_map(|called| cam.cam_actions(&called.service, &called.action)).collect();
    if actions.is_empty() {
        return "None of its calls succeeded, so there was nothing to stop.".to_string();
    }
    let given_up: BTreeSet<&str> = rec.conflicts.iter().map(|conflict| conflict.action.as_str()).collect();
    let shared: Vec<&String> = actions.iter().filter(|action| given_up.contains(action.as_str())).collect();
    let what = if rec.documents.is_empty() {
        format!("Not having these rights: no ordinary use of {} was seen", listed(&actions))
    } else {
        format!("The recommended policies instead of today's: they do not allow {}", listed(&actions))
    };
    let today = current.map_or(String::new(), |current| allowed_by(current, &actions));
    let but = match shared.len() {
        0 => String::new(),
        1 => format!(" Ordinary work uses {} in the same way and would be stopped too.", shared[0]),
        several => format!(" Ordinary work uses {several} of these in the same way and would be stopped too."),
    };
    format!("{what}{today}.{but}")
}

/// Which of today's policies allow some of the actions.
fn allowed_by(current: &Current<'_>, actions: &BTreeSet<String>) -> String {
    let allows = |held: &&super::current::Held<'_>| {
        held.allows().any(|(_, statement)| actions.iter().any(|action| names(statement, action)))
    };
    let allowing: BTreeSet<String> = current.held.iter().filter(allows).map(|held| held.name().to_string()).collect();
    match allowing.len() {
        0 => String::new(),
        1 => format!(", which today {} allows", listed(&allowing)),
        _ => format!(", which today {} allow", listed(&allowing)),
    }
}

fn listed(texts: &BTreeSet<String>) -> String {
    let first: Vec<&str> = texts.iter().take(NAMED).map(String::as_str).collect();
    match texts.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// What the recommended policies allow, in numbers.
fn allowed(rec: &Recommendation) -> String {
    let actions = rec.granted.len();
    let addresses: BTreeSet<&String> = rec.granted.iter().flat_map(|granted| &granted.addresses).collect();
    let bound = rec.granted.iter().all(|granted| !granted.addresses.is_empty());
    let number = |length: usize, one: &str, many: &str| words::counted(words::count(length), one, many);
    let from = if bound && actions > 0 {
        format!(", mostly from {}", number(addresses.len(), "address", "addresses"))
    } else {
        String::new()
    };
    format!("{}{from}", number(actions, "action", "actions"))
}
