//! Statements out of grants: merged, sorted, shortened.

use super::grant::{Fence, Grant, statement};
use super::needs::prefix;
use crate::catalog::risk::{AccessLevel, RiskCatalog};
use crate::policy::Statement;
use std::collections::{BTreeMap, BTreeSet};

/// Actions by service, resources and condition.
pub(super) type Merged = BTreeMap<(String, BTreeSet<String>, Option<Fence>), BTreeSet<String>>;

/// Merges what is granted on the same resources under the same condition, within each service.
pub(super) fn merge<'g>(grants: impl IntoIterator<Item = &'g Grant>) -> Merged {
    let mut merged = Merged::new();
    for grant in grants {
        for (fence, resources) in &grant.lines {
            let key = (grant.service().to_owned(), resources.clone(), fence.clone());
            merged.entry(key).or_default().extend(grant.names.iter().cloned());
        }
    }
    merged
}

/// The statements, sorted.
pub(super) fn statements(merged: &Merged, risk: &RiskCatalog) -> Vec<Statement> {
    let mut statements: Vec<Statement> =
        merged.iter().map(|((_, resources, fence), actions)| statement(actions, resources, fence.as_ref())).collect();
    sort(&mut statements, risk);
    statements
}

/// Sorts by service, access level, and then by all that is written.
pub(super) fn sort(statements: &mut [Statement], risk: &RiskCatalog) {
    statements.sort_by_cached_key(|statement| {
        let service = statement.actions.first().map_or("", |action| prefix(action)).to_owned();
        let written = serde_json::to_string(&condition_text(statement)).unwrap_or_default();
        (service, level(statement, risk), statement.actions.clone(), statement.resources.clone(), written)
    });
}

/// The strongest access that a statement gives.
fn level(statement: &Statement, risk: &RiskCatalog) -> AccessLevel {
    let levels = statement.actions.iter().map(|action| risk.access_level(action));
    levels.max().unwrap_or(AccessLevel::Unknown)
}

fn condition_text(statement: &Statement) -> Vec<(&str, &str, &[serde_json::Value])> {
    statement
        .conditions
        .iter()
        .map(|condition| (condition.operator.as_str(), condition.key.as_str(), condition.values.as_slice()))
        .collect()
}
