//! The whole recommendation: documents built, today's grants judged, steps and removal worded.

use super::build::{BuildError, Built, build};
use super::current::Current;
use super::diff::{Standing, diff, standings};
use super::findings::{self, Judge};
use super::gaps::{Missing, missing};
use super::history::History;
use super::input::{Case, Holder, HolderKind, Options};
use super::output::{Advice, Confidence, Recommendation};
use super::removal::{Plan, removal};
use super::steps::{Desk, advice, steps};
use super::summary::summary;
use super::usage::Usage;
use super::visibility::not_visible;
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use std::collections::BTreeSet;

/// Version of the JSON that a recommendation is written as.
const VERSION: u32 = 1;

/// Everything recommended for one holder.
///
/// # Errors
/// When no documents can be made within the limits.
pub fn recommend(
    case: &Case,
    options: &Options,
    cam: &CamCatalog,
    risk: &RiskCatalog,
) -> Result<Recommendation, BuildError> {
    let built = build(case, options, cam, risk)?;
    let replacement = replacement(case, options, cam, risk);
    let history = History::of(case);
    let usage = Usage::of(case, cam);
    let mut rec = begun(case, options, built, &history);
    let current = case.granted.as_ref().map(|granted| Current::of(granted, risk));
    let standings = current.as_ref().map(|current| standings(current, &usage, risk)).unwrap_or_default();
    match &current {
        Some(current) => {
            let ground = Ground { case, current, usage: &usage, history: &history, cam, risk };
            judge(&mut rec, &ground, &standings, &missing(case, current, cam));
        }
        None => rec.findings = findings::without_grants(case, &usage, cam),
    }
    let trusted: BTreeSet<String> = super::source::trusted(case, options).iter().map(ToString::to_string).collect();
    rec.steps = steps(&Desk::new(case, current.as_ref(), &trusted, &replacement, &rec.documents));
    rec.advice = advice(case, &rec.steps, &rec.findings);
    rec.removal = removal(&Plan {
        case,
        current: current.as_ref(),
        standings: &standings,
        history: &history,
        documents: &rec.documents,
        open: rec.needs_decision.len() + rec.conflicts.len(),
        quarantined: &rec.quarantined,
        risk,
    });
    rec.not_visible.extend(not_visible(case, &usage, &history, risk));
    rec.summary = summary(case, &rec, &history);
    Ok(rec)
}

/// What judging rests on.
struct Ground<'a> {
    case: &'a Case,
    current: &'a Current<'a>,
    usage: &'a Usage<'a>,
    history: &'a History,
    cam: &'a CamCatalog,
    risk: &'a RiskCatalog,
}

fn judge(rec: &mut Recommendation, ground: &Ground<'_>, standings: &[Standing<'_>], missing: &[Missing]) {
    let Ground { case, current, usage, history, cam, risk } = *ground;
    rec.diff = diff(standings, missing, history);
    let reach = findings::reach(current, risk);
    rec.findings =
        findings::find(&Judge { case, current, usage, history, standings, missing, cam, risk, reach: &reach });
}

fn begun(case: &Case, options: &Options, built: Built, history: &History) -> Recommendation {
    let granted = built.granted.iter().filter(|granted| !granted.rare).map(|granted| granted.confidence);
    Recommendation {
        version: VERSION,
        holder: case.holder.clone(),
        focus: case.focus.clone(),
        options: options.clone(),
        policy_attachable: built.attachable,
        confidence: granted.min().map_or(Confidence::Low, |least| least.min(history.coverage())),
        removal_advice: history.insufficient.is_none() && case.holder.kind != HolderKind::Root,
        insufficient_history: history.insufficient.clone().filter(|_| built.attachable),
        advice: Advice::Normal,
        summary: Vec::new(),
        documents: built.documents,
        granted: built.granted,
        needs_decision: built.needs_decision,
        conflicts: built.conflicts,
        quarantined: built.quarantined,
        diff: Vec::new(),
        findings: Vec::new(),
        steps: Vec::new(),
        removal: Vec::new(),
        not_visible: built.not_visible,
        observed: case.observed.clone(),
    }
}

/// Actions that a user in place of root would need; empty for others.
fn replacement(case: &Case, options: &Options, cam: &CamCatalog, risk: &RiskCatalog) -> Vec<String> {
    if case.holder.kind != HolderKind::Root {
        return Vec::new();
    }
    let holder = Holder { kind: HolderKind::User, ..case.holder.clone() };
    let as_user = Case { holder, granted: None, ..case.clone() };
    let built = build(&as_user, options, cam, risk).unwrap_or_default();
    let granted = built.granted.into_iter().map(|granted| granted.action);
    granted
        .chain(built.needs_decision.into_iter().map(|held| held.action))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
