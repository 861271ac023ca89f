//! Commands are run on hosts through TAT. See docs/rules/automation-command.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};

use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 14,
    id: "automation-command",
    title: "High-risk operations in Cloud Automation Tools",
    level: Level::High,
    kind: AlarmType::AbnormalCall,
    attack: "T1651",
    on: true,
    skips_services: true,
    because: "a TAT call that runs or stages commands on hosts",
    docs: include_str!("../../../docs/rules/automation-command.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AutomationCommand {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<AutomationCommand>(table)?))
}

impl Rule for AutomationCommand {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::TAT_EXEC.expr().into())
    }
}
