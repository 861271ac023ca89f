//! GitHub confirms a key that it found in a repository. See docs/rules/github-key-confirmation.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};

use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 8,
    id: "github-key-confirmation",
    title: "GitHub key confirmation request",
    level: Level::Critical,
    kind: AlarmType::Leak,
    attack: "T1552.001",
    on: true,
    skips_services: false,
    because: "the call comes from an address that GitHub's secret scanning uses, so the key stands in a repository",
    docs: include_str!("../../../docs/rules/github-key-confirmation.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GithubKeyConfirmation {}

/// Makes the rule; it has no settings of its own.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<GithubKeyConfirmation>(table)?))
}

impl Rule for GithubKeyConfirmation {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::GITHUB_HOOK.expr().into())
    }
}
