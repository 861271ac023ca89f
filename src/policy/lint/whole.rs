//! Statements against each other, and the document's length.

use super::super::check::warning;
use super::super::glob::covers;
use super::super::model::{Document, Effect, Lint, Severity, Statement};
use super::super::resource::Segments;
use std::collections::BTreeMap;

/// Longest custom policy by the vendor's limits page, in characters without whitespace.
const MAX_CHARS: usize = 4_096;
/// Most comparisons of patterns; larger documents are not searched for shadowed statements.
const MAX_COMPARISONS: usize = 2_000_000;

pub(super) fn lint(document: &Document) -> Vec<Lint> {
    let mut lints = duplicates(document);
    lints.extend(shadowed(document));
    lints.extend(length(document));
    lints
}

fn length(document: &Document) -> Option<Lint> {
    let length = document.length();
    (length > MAX_CHARS).then(|| Lint {
        code: "PolicyDocumentLengthOverLimit",
        severity: Severity::Warning,
        statement: None,
        text: format!("the document has {length} characters; the vendor's pages give {MAX_CHARS} or 6144 as the limit"),
        hint: "split it, or use patterns such as cvm:Describe*".to_string(),
    })
}

fn duplicates(document: &Document) -> Vec<Lint> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut lints = Vec::new();
    for (at, statement) in document.statements.iter().enumerate() {
        let first = *seen.entry(statement.canonical().to_value().to_string()).or_insert(at);
        if first != at {
            let text = format!("says the same as statement {}", first + 1);
            lints.push(warning("DUPLICATE", at + 1, &text, "drop one of them"));
        }
    }
    lints
}

/// Allow statements that one deny statement covers whole, so that they permit nothing.
fn shadowed(document: &Document) -> Vec<Lint> {
    let of = |effect: Effect| document.statements.iter().enumerate().filter(move |(_, one)| one.effect == effect);
    let size = |effect| of(effect).map(|(_, one)| one.actions.len() + one.resources.len()).sum::<usize>();
    if size(Effect::Allow).saturating_mul(size(Effect::Deny)) > MAX_COMPARISONS {
        return Vec::new();
    }
    of(Effect::Allow)
        .filter_map(|(at, allow)| {
            let (by, _) = of(Effect::Deny).find(|(_, deny)| hides(deny, allow))?;
            let text = format!("permits nothing: statement {} forbids all of it", by + 1);
            Some(warning("SHADOWED", at + 1, &text, "drop one of the two, or narrow the deny"))
        })
        .collect()
}

fn hides(deny: &Statement, allow: &Statement) -> bool {
    let under = |action: &String| deny.actions.iter().any(|outer| action_under(outer, action));
    let within = |resource: &String| deny.resources.iter().any(|outer| resource_under(outer, resource));
    let same_principal = deny.principal.is_none() || deny.principal == allow.principal;
    let same_conditions = deny.conditions.is_empty() || deny.conditions == allow.conditions;
    same_principal
        && same_conditions
        && allow.actions.iter().all(under)
        && (allow.resources.iter().all(within) || deny.resources.is_empty())
}

/// Whether one action pattern covers another; the same service and glob, or everything.
fn action_under(outer: &str, inner: &str) -> bool {
    super::super::action::is_everything(outer) || outer == inner || inner.contains(':') && covers(outer, inner)
}

/// Whether one resource pattern covers another: all, the same, or a wider last segment of the same ones before.
fn resource_under(outer: &str, inner: &str) -> bool {
    if outer == "*" || outer == inner {
        return true;
    }
    match (Segments::of(outer), Segments::of(inner)) {
        (Some(outer), Some(inner)) => {
            Segments { resource: "", ..outer } == Segments { resource: "", ..inner }
                && covers(outer.resource, inner.resource)
        }
        _ => false,
    }
}
