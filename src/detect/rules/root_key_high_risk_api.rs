//! Root key calls a high-risk API. See docs/rules/root-key-high-risk-api.md.

use crate::catalog::Catalog;
use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, high_risk_note, params};
use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 1,
    id: "root-key-high-risk-api",
    title: "Root key calls a high-risk API",
    level: Level::High,
    kind: AlarmType::AbnormalCall,
    attack: "T1078.004",
    on: true,
    skips_services: false,
    because: "root identity, permanent key, API call",
    docs: include_str!("../../../docs/rules/root-key-high-risk-api.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootKeyHighRiskApi {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<RootKeyHighRiskApi>(table)?))
}

impl Rule for RootKeyHighRiskApi {
    fn row(&self) -> Option<RowCondition> {
        Some(
            columns::ROOT
                .expr()
                .and(columns::PERMANENT_KEY.expr())
                .and(columns::API_CALL.expr())
                .and(columns::HIGH_RISK.expr())
                .into(),
        )
    }

    fn api_note(&self, catalog: &Catalog, service: &str, action: &str) -> Option<String> {
        high_risk_note(catalog, service, action)
    }
}
