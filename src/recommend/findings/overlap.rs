//! SHADOWED, DUPLICATE.

use super::Judge;
use crate::inventory::grants::Via;
use crate::policy::{Document, Effect, Statement};
use crate::recommend::current::{Held, is_all, shape};
use crate::recommend::output::{Confidence, Finding};
use crate::recommend::patterns::{Names, covers};
use std::collections::BTreeMap;

/// Denying statements that allowing ones are compared with; a sensible set of policies has a few.
const DENIES: usize = 200;

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let mut out = shadowed(judge);
    let (twice, whole) = documents(judge);
    out.extend(twice);
    out.extend(statements(judge, &whole));
    out
}

fn shadowed(judge: &Judge<'_>) -> Vec<Finding> {
    let held = &judge.current.held;
    let denies: Vec<(&Held<'_>, &Statement)> = held
        .iter()
        .flat_map(|held| held.statements(Effect::Deny).map(move |(_, statement)| (held, statement)))
        .filter(|(_, statement)| statement.conditions.is_empty())
        .take(DENIES)
        .collect();
    let allows = held.iter().flat_map(|held| held.allows().map(move |(n, s)| (held, n, s)));
    let found = allows.filter_map(|(held, number, allow)| {
        let (by, _) = denies.iter().find(|(_, deny)| hides(deny, allow))?;
        let pattern = allow.actions.first()?;
        Some(Finding {
            statement: Some(number),
            text: format!("This statement has no effect: a deny in the policy {} covers it.", by.name()),
            advice: "Take the statement away, or the deny, whichever is not meant.".to_string(),
            evidence: shape(allow, pattern),
            confidence: held.ceiling().min(by.ceiling()),
            ..held.finding("SHADOWED", pattern.as_str())
        })
    });
    found.collect()
}

/// Whether a deny covers all of an allow. Resources count as covered by `*` or by the very same text only.
fn hides(deny: &Statement, allow: &Statement) -> bool {
    let action = |pattern: &String| deny.actions.iter().any(|denied| denied == pattern || covers(denied, pattern));
    let resource = |one: &String| deny.resources.iter().any(|denied| denied == "*" || is_all(denied) || denied == one);
    !allow.actions.is_empty() && allow.actions.iter().all(action) && allow.resources.iter().all(resource)
}

/// Documents that are attached more than once, and their texts.
fn documents(judge: &Judge<'_>) -> (Vec<Finding>, Vec<String>) {
    let mut same: BTreeMap<String, Vec<&Held<'_>>> = BTreeMap::new();
    for held in &judge.current.held {
        if let Some(document) = &held.document {
            same.entry(written(document)).or_default().push(held);
        }
    }
    same.retain(|_, held| held.len() > 1);
    let findings = same.values().filter_map(|held| {
        let (first, others) = held.split_first()?;
        let others = Names::of(others.iter().map(|held| way(held)));
        Some(Finding {
            text: format!("{} is the same policy as {}.", way(first), others.text(5)),
            advice: "Keep one of them.".to_string(),
            ..first.finding("DUPLICATE", first.name())
        })
    });
    (findings.collect(), same.keys().cloned().collect())
}

/// Statements that stand in more than one place, beyond whole documents that are the same.
fn statements(judge: &Judge<'_>, whole: &[String]) -> Vec<Finding> {
    let mut same: BTreeMap<String, Vec<(&Held<'_>, usize, &Statement)>> = BTreeMap::new();
    for held in &judge.current.held {
        let known = held.document.as_ref().is_some_and(|document| whole.binary_search(&written(document)).is_ok());
        for (number, statement) in held.allows().filter(|_| !known) {
            let alone = Document { principal: None, statements: vec![statement.clone()] };
            same.entry(written(&alone)).or_default().push((held, number, statement));
        }
    }
    let found = same.into_values().filter_map(|places| {
        let ((held, number, statement), others) = places.split_first()?;
        let place =
            |(held, number, _): &(&Held<'_>, usize, &Statement)| format!("statement {number} of {}", held.name());
        let others = Names::of(others.iter().map(place));
        let pattern = statement.actions.first().map_or("*", String::as_str);
        (others.len() > 0).then(|| Finding {
            statement: Some(*number),
            text: format!("The same statement stands in {}, too.", others.text(5)),
            advice: "Keep one of them.".to_string(),
            evidence: shape(statement, pattern),
            confidence: Confidence::High.min(held.ceiling()),
            ..held.finding("DUPLICATE", pattern)
        })
    });
    found.collect()
}

fn written(document: &Document) -> String {
    document.canonical().to_value().to_string()
}

fn way(held: &Held<'_>) -> String {
    match &held.granted.attachment.via {
        Via::Direct => format!("{} (attached directly)", held.name()),
        Via::Group { id, name } => {
            format!("{} (through the group {})", held.name(), if name.is_empty() { id } else { name })
        }
    }
}
