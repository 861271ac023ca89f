//! Somebody widens permissions. See docs/rules/privilege-escalation.md.

use crate::catalog::Catalog;
use crate::detect::history::History;
use crate::detect::{AlarmType, Judging, Level, Meta, RowCondition, Rule, Scope, Sighting, TimelineHit, params};
use crate::event::columns;
use crate::event::frame::Row;
use hashbrown::HashSet;
use polars::prelude::Expr;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 5,
    id: "privilege-escalation",
    title: "Permission escalation act",
    level: Level::High,
    kind: AlarmType::AbnormalCall,
    attack: "T1098.003",
    on: true,
    skips_services: true,
    because: "a call that widens permissions, success",
    docs: include_str!("../../../docs/rules/privilege-escalation.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivilegeEscalation {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<PrivilegeEscalation>(table)?))
}

impl Rule for PrivilegeEscalation {
    fn scope(&self) -> Scope {
        Scope::Everyone
    }

    fn row(&self) -> Option<RowCondition> {
        Some(RowCondition {
            hit: columns::ESCALATION.expr().and(columns::SUCCESS.expr()),
            unverified: Some(columns::ESCALATION_UNVERIFIED.expr()),
        })
    }

    fn watch(&self) -> Option<Expr> {
        Some(columns::ESCALATION_IF_FIRST.expr().and(columns::SUCCESS.expr()))
    }

    fn keeps(&self, row: &Row, history: &History, _catalog: &Catalog) -> bool {
        history.first_use.get(&(row.principal, row.value)).is_none_or(|first| row.time <= *first)
    }

    /// What is left are first uses; of several in the same second, the first by request id counts.
    fn judge(&self, sightings: &[Sighting], _cx: &Judging<'_>) -> Vec<TimelineHit> {
        let mut seen = HashSet::new();
        let first = |(_, sighting): &(usize, &Sighting)| seen.insert((sighting.row.principal, sighting.row.value));
        let hit = |(place, sighting): (usize, &Sighting)| TimelineHit {
            sighting: place,
            day: sighting.row.day,
            tags: vec!["first-use".to_string()],
            note: Some("the first time that this caller takes on this role".to_string()),
        };
        sightings.iter().enumerate().filter(first).map(hit).collect()
    }

    fn api_note(&self, catalog: &Catalog, service: &str, action: &str) -> Option<String> {
        let entry = catalog.escalation.get(service, action)?;
        Some(format!("{service}:{action} is a way to more permissions ({})", entry.path))
    }
}
