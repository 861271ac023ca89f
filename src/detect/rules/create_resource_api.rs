//! Resources are created through the API. See docs/rules/create-resource-api.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};

use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 12,
    id: "create-resource-api",
    title: "Create Tencent Cloud resources through API",
    level: Level::Low,
    kind: AlarmType::AbnormalCall,
    attack: "T1578.002",
    on: true,
    skips_services: true,
    because: "API call that creates a resource, success",
    docs: include_str!("../../../docs/rules/create-resource-api.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateResourceApi {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<CreateResourceApi>(table)?))
}

impl Rule for CreateResourceApi {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::API_CALL.expr().and(columns::CREATE_RESOURCE.expr()).and(columns::SUCCESS.expr()).into())
    }
}
