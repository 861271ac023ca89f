//! A user made less than a day ago calls a high-risk API. See docs/rules/new-user-high-risk-api.md.

use crate::catalog::Catalog;
use crate::detect::{
    AlarmType, Judging, Level, Meta, Rule, Scope, Sighting, TimelineHit, high_risk_note, params, within,
};
use crate::event::columns;
use crate::event::frame::Row;
use hashbrown::HashMap;
use polars::prelude::Expr;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 7,
    id: "new-user-high-risk-api",
    title: "New user calls a high-risk API",
    level: Level::Medium,
    kind: AlarmType::AbnormalCall,
    attack: "T1136.003",
    on: true,
    skips_services: true,
    because: "the calling user was created shortly before",
    docs: include_str!("../../../docs/rules/new-user-high-risk-api.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NewUserHighRiskApi {
    /// How long a user counts as new.
    hours: i64,
}

impl Default for NewUserHighRiskApi {
    /// One day, as the console's page says ("within 1 day").
    fn default() -> Self {
        Self { hours: 24 }
    }
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let rule: NewUserHighRiskApi = params(table)?;
    within("hours", rule.hours, 1..=876_000)?;
    Ok(Box::new(rule))
}

impl Rule for NewUserHighRiskApi {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn watch(&self) -> Option<Expr> {
        Some(columns::HIGH_RISK.expr())
    }

    fn judges_in_parts(&self) -> bool {
        true
    }

    fn judge(&self, sightings: &[Sighting], cx: &Judging<'_>) -> Vec<TimelineHit> {
        let span = self.hours * 3_600_000;
        let mut known: HashMap<(u32, u32), Vec<i64>> = HashMap::new();
        let mut hits = Vec::new();
        for (place, sighting) in sightings.iter().enumerate() {
            let row = &sighting.row;
            let created = known.entry((row.account, row.actor)).or_insert_with(|| creations(row, cx));
            let last = created.partition_point(|time| *time <= row.time).checked_sub(1).map(|place| created[place]);
            if last.is_some_and(|last| row.time - last <= span) {
                hits.push(TimelineHit::plain(place, sighting));
            }
        }
        hits
    }

    fn api_note(&self, catalog: &Catalog, service: &str, action: &str) -> Option<String> {
        high_risk_note(catalog, service, action)
    }
}

/// Every time at which the acting user is known to have been created, sorted.
fn creations(row: &Row, cx: &Judging<'_>) -> Vec<i64> {
    let actor = &cx.names.actors[row.actor as usize].1;
    let listed = &cx.history.listed;
    // A row that lost its inner event knows the name only.
    let by_name = || listed.users.get(&actor.user_name).or_else(|| listed.names.get(&actor.user_name));
    let listed = if actor.principal.is_empty() { by_name() } else { listed.users.get(&actor.principal) };
    let logged = cx.history.created.users.iter().filter(|user| user.account == row.account && user.is(actor));
    let mut times: Vec<i64> = listed.into_iter().flatten().copied().chain(logged.map(|user| user.time)).collect();
    times.sort_unstable();
    times
}
