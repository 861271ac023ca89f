//! A key that has been around calls a high-risk API from an address it never used. See docs/rules/abnormal-ip-high-risk-api.md.

use crate::catalog::Catalog;
use crate::detect::history::History;
use crate::detect::{AlarmType, Judging, Level, Meta, Rule, Sighting, TimelineHit, high_risk_note, params, within};
use crate::event::columns;
use crate::event::frame::Row;
use crate::event::time::DAY_MS;
use polars::prelude::Expr;
use serde::Deserialize;

/// What is fixed about the rule. It is off by default: the console has it without listing it.
pub static META: Meta = Meta {
    number: 15,
    id: "abnormal-ip-high-risk-api",
    title: "Abnormal IP calls a high-risk API",
    level: Level::Critical,
    kind: AlarmType::AbnormalCall,
    attack: "T1078.004",
    on: false,
    skips_services: false,
    because: "permanent key, API call, from an outside address that the key never used before",
    docs: include_str!("../../../docs/rules/abnormal-ip-high-risk-api.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AbnormalIpHighRiskApi {
    /// How long the key must have been known.
    days: i64,
}

impl Default for AbnormalIpHighRiskApi {
    /// A week, which is akguard's choice: before that, every address is new.
    fn default() -> Self {
        Self { days: 7 }
    }
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let rule: AbnormalIpHighRiskApi = params(table)?;
    within("days", rule.days, 0..=36_500)?;
    Ok(Box::new(rule))
}

impl Rule for AbnormalIpHighRiskApi {
    fn watch(&self) -> Option<Expr> {
        let key = columns::API_CALL.expr().and(columns::PERMANENT_KEY.expr());
        Some(key.and(columns::HIGH_RISK.expr()).and(columns::OUTSIDE.expr()))
    }

    fn keeps(&self, row: &Row, history: &History, _catalog: &Catalog) -> bool {
        history.pair_first.get(&(row.key, row.ip)).is_none_or(|first| row.time <= *first)
    }

    fn judge(&self, sightings: &[Sighting], cx: &Judging<'_>) -> Vec<TimelineHit> {
        let known_for = self.days * DAY_MS;
        let old = |row: &Row| cx.history.key_first.get(&row.key).is_some_and(|first| row.time - first >= known_for);
        sightings
            .iter()
            .enumerate()
            .filter(|(_, sighting)| old(&sighting.row))
            .map(|(place, sighting)| TimelineHit::plain(place, sighting))
            .collect()
    }

    fn api_note(&self, catalog: &Catalog, service: &str, action: &str) -> Option<String> {
        high_risk_note(catalog, service, action)
    }
}
