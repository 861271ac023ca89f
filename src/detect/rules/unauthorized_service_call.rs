//! A key calls what it may not. See docs/rules/unauthorized-service-call.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};

use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 3,
    id: "unauthorized-service-call",
    title: "Unauthorized service invocation",
    level: Level::Medium,
    kind: AlarmType::AbnormalCall,
    attack: "T1526",
    on: true,
    skips_services: true,
    because: "API call, denied for want of permission",
    docs: include_str!("../../../docs/rules/unauthorized-service-call.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnauthorizedServiceCall {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<UnauthorizedServiceCall>(table)?))
}

impl Rule for UnauthorizedServiceCall {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::API_CALL.expr().and(columns::DENIED.expr()).into())
    }
}
