//! An access key is created. See docs/rules/create-key.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};
use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 4,
    id: "create-key",
    title: "Create a key",
    level: Level::Medium,
    kind: AlarmType::AbnormalCall,
    attack: "T1098.001",
    on: true,
    skips_services: false,
    because: "a call that makes an access key, success",
    docs: include_str!("../../../docs/rules/create-key.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateKey {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<CreateKey>(table)?))
}

impl Rule for CreateKey {
    fn row(&self) -> Option<RowCondition> {
        Some(RowCondition {
            hit: columns::CREATE_KEY.expr().and(columns::SUCCESS.expr()),
            unverified: Some(columns::CREATE_KEY_UNVERIFIED.expr()),
        })
    }
}
