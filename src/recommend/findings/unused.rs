//! UNUSED_POLICY, UNUSED_GRANT_VIA_GROUP, UNUSED_SERVICE, UNUSED_ACTION, NOT_LOGGED.

use super::Judge;
use crate::inventory::grants::Via;
use crate::recommend::current::Held;
use crate::recommend::diff::{Granted, Standing};
use crate::recommend::history::lower;
use crate::recommend::output::{Confidence, DiffState, Finding, FindingEvidence};
use crate::recommend::patterns::{NAMES, Names, covers, expand, is_opaque, is_wild};
use crate::recommend::words::{count, counted};
use std::collections::BTreeSet;

/// Wildcards of one service that are compared with the catalogue name by name; a document with more is not sensible.
const EXPANDED: usize = 32;

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let mut out: Vec<Finding> = judge.standings.iter().filter_map(not_logged).collect();
    for standings in judge.standings.chunk_by(|a, b| std::ptr::eq(a.held, b.held)) {
        let Some(held) = standings.first().map(|standing| standing.held) else { continue };
        let Some(sure) = judge.history.judges(&held.granted.attachment) else { continue };
        out.extend(of_policy(judge, held, standings, sure.min(held.ceiling())));
    }
    out
}

fn of_policy(judge: &Judge<'_>, held: &Held<'_>, standings: &[Standing<'_>], sure: Confidence) -> Vec<Finding> {
    let opaque = held.allows().any(|(_, statement)| statement.actions.iter().any(|pattern| is_opaque(pattern)));
    let all_unused = standings.iter().all(|standing| standing.state() == Some(DiffState::Unused));
    if all_unused && !opaque {
        return vec![whole(judge, held, standings, sure)];
    }
    let found = standings.iter().filter_map(|standing| match standing.state() {
        Some(DiffState::Unused) => Some(service(judge, standing, sure)),
        Some(_) => None,
        None => actions(judge, standing, sure),
    });
    found.collect()
}

fn whole(judge: &Judge<'_>, held: &Held<'_>, standings: &[Standing<'_>], sure: Confidence) -> Finding {
    let span = counted(judge.history.span, "day", "days");
    let services = Names::of(standings.iter().map(|standing| standing.service.clone()));
    let granted: Vec<Granted> = standings.iter().flat_map(|standing| standing.patterns.iter().cloned()).collect();
    let evidence = FindingEvidence { members: members(judge, held), ..evidence(&granted) };
    let confidence = by_region(judge, held, &granted, sure);
    let (code, text, advice) = match &held.granted.attachment.via {
        Via::Direct => (
            "UNUSED_POLICY",
            format!("Nothing that this policy allows ({}) was used in {span} of logs.", services.text(5)),
            "Detach it.".to_string(),
        ),
        Via::Group { id, name } => (
            "UNUSED_GRANT_VIA_GROUP",
            format!(
                "Nothing that this policy allows ({}) was used in {span} of logs; it comes through the group {}.",
                services.text(5),
                group(id, name)
            ),
            via_group(judge, held),
        ),
    };
    Finding { text, advice, evidence, confidence, ..held.finding(code, held.name()) }
}

fn service(judge: &Judge<'_>, standing: &Standing<'_>, sure: Confidence) -> Finding {
    let held = standing.held;
    let advice = match &held.granted.attachment.via {
        Via::Direct => "Leave it out of the policy that replaces this one.".to_string(),
        Via::Group { .. } => via_group(judge, held),
    };
    Finding {
        statement: standing.patterns.first().map(|(_, number)| *number),
        text: format!(
            "No call of {} was seen in {} of logs, though this policy allows {}.",
            standing.service,
            counted(judge.history.span, "day", "days"),
            Names::of(standing.patterns.iter().map(|(pattern, _)| pattern.clone())).text(3)
        ),
        advice,
        evidence: FindingEvidence { members: members(judge, held), ..evidence(&standing.patterns) },
        confidence: by_region(judge, held, &standing.patterns, sure),
        ..held.finding("UNUSED_SERVICE", standing.service.as_str())
    }
}

/// Unused actions of a service that is in use: names never called, and what wildcards cover beyond what was called.
fn actions(judge: &Judge<'_>, standing: &Standing<'_>, sure: Confidence) -> Option<Finding> {
    let wild = standing.patterns.iter().filter(|(pattern, _)| is_wild(pattern)).take(EXPANDED);
    let covered: BTreeSet<String> = wild.flat_map(|(pattern, _)| expand(pattern, judge.cam)).collect();
    let exact = standing.idle.iter().map(|(pattern, _)| pattern.clone());
    let idle: BTreeSet<String> = covered.into_iter().filter(|action| !maybe_used(judge, action)).chain(exact).collect();
    if idle.is_empty() {
        return None;
    }
    let seen = judge.usage.evidence(&standing.used);
    let names = Names::of(idle);
    let patterns = Names::of(standing.patterns.iter().map(|(pattern, _)| pattern.clone()));
    let what = counted(count(names.len()), "action was", "actions were");
    Some(Finding {
        statement: standing.patterns.first().map(|(_, number)| *number),
        text: format!("This policy allows {}, of which {what} not seen in use.", patterns.text(3)),
        advice: "Keep the actions in use, leave out the others.".to_string(),
        confidence: by_region(judge, standing.held, &standing.patterns, sure),
        evidence: FindingEvidence { actions: names.shown, seen, ..evidence(&standing.patterns) },
        ..standing.held.finding("UNUSED_ACTION", standing.service.as_str())
    })
}

fn maybe_used(judge: &Judge<'_>, action: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    let unlogged = judge.risk.unlogged(service).iter().any(|unlogged| covers(unlogged.action, action));
    unlogged || !judge.usage.used(action).is_empty()
}

fn not_logged(standing: &Standing<'_>) -> Option<Finding> {
    let patterns = Names::of(standing.hidden.iter().map(|(pattern, _)| pattern.clone()));
    (patterns.len() > 0).then(|| Finding {
        statement: standing.hidden.first().map(|(_, number)| *number),
        text: not_told(standing, &patterns),
        advice: "Ask the owner, or ship data events, before taking it away.".to_string(),
        confidence: Confidence::Low,
        evidence: evidence(&standing.hidden),
        ..standing.held.finding("NOT_LOGGED", standing.service.as_str())
    })
}

fn not_told(standing: &Standing<'_>, patterns: &Names) -> String {
    if standing.used.is_empty() {
        return format!("Whether {} is used cannot be told: CloudAudit may not show such calls.", patterns.text(3));
    }
    let which = Names::of(standing.unseen.iter().cloned());
    format!(
        "Whether all that {} allows is used cannot be told: CloudAudit may not show calls such as {}.",
        patterns.text(3),
        which.text(3)
    )
}

fn evidence(granted: &[Granted]) -> FindingEvidence {
    FindingEvidence {
        action: granted.first().map(|(pattern, _)| pattern.clone()),
        actions: granted.iter().take(NAMES).map(|(pattern, _)| pattern.clone()).collect(),
        ..FindingEvidence::default()
    }
}

/// Less sure where the grant is about regions that the log shows nothing of.
fn by_region(judge: &Judge<'_>, held: &Held<'_>, granted: &[Granted], sure: Confidence) -> Confidence {
    let seen: BTreeSet<&str> = judge.case.coverage.regions.iter().map(|region| judge.cam.region(region)).collect();
    let numbers: BTreeSet<usize> = granted.iter().map(|(_, number)| *number).collect();
    let blind = held.allows().filter(|(number, _)| numbers.contains(number)).any(|(_, statement)| {
        let named = |resource: &String| resource.split(':').nth(3).map(ToString::to_string);
        let mut regions = statement.resources.iter().filter_map(named).filter(|region| !region.is_empty());
        regions.any(|region| region != "*" && !seen.contains(judge.cam.region(&region)))
    });
    if blind { lower(sure) } else { sure }
}

fn group(id: &str, name: &str) -> String {
    if name.is_empty() { id.to_string() } else { name.to_string() }
}

fn members(judge: &Judge<'_>, held: &Held<'_>) -> Vec<String> {
    let Via::Group { id, .. } = &held.granted.attachment.via else { return Vec::new() };
    let listed = judge.current.granted.groups.iter().find(|group| group.id == *id);
    listed.map(|group| group.members.iter().take(NAMES).cloned().collect()).unwrap_or_default()
}

fn via_group(judge: &Judge<'_>, held: &Held<'_>) -> String {
    let Via::Group { id, name } = &held.granted.attachment.via else { return String::new() };
    let listed = judge.current.granted.groups.iter().find(|group| group.id == *id);
    let members = Names::of(listed.into_iter().flat_map(|group| group.members.iter().cloned()));
    let others = match members.len() {
        0 => "its members are not known".to_string(),
        _ => format!("its members are {}", members.text(5)),
    };
    format!(
        "Take the user out of the group {0}, or detach the policy from the group; that affects all of it, and {others}.",
        group(id, name)
    )
}
