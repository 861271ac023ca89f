//! A high-risk API is called outside the console. See docs/rules/non-console-high-risk-api.md.

use crate::catalog::Catalog;
use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, high_risk_note, params};
use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 2,
    id: "non-console-high-risk-api",
    title: "Non-console calls to high-risk APIs",
    level: Level::High,
    kind: AlarmType::AbnormalCall,
    attack: "T1059.009",
    on: true,
    skips_services: true,
    because: "API call",
    docs: include_str!("../../../docs/rules/non-console-high-risk-api.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NonConsoleHighRiskApi {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<NonConsoleHighRiskApi>(table)?))
}

impl Rule for NonConsoleHighRiskApi {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::API_CALL.expr().and(columns::HIGH_RISK.expr()).into())
    }

    fn api_note(&self, catalog: &Catalog, service: &str, action: &str) -> Option<String> {
        high_risk_note(catalog, service, action)
    }
}
