//! A key is used in COSBrowser. See docs/rules/cos-browser-call.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};
use crate::event::columns;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 11,
    id: "cos-browser-call",
    title: "Invoke cloud API via cos browser",
    level: Level::Low,
    kind: AlarmType::AbnormalCall,
    attack: "T1530",
    on: true,
    skips_services: false,
    because: "the client string is that of COSBrowser",
    docs: include_str!("../../../docs/rules/cos-browser-call.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CosBrowserCall {
    /// Read by the settings, which hand it to the client patterns.
    #[serde(rename = "pattern")]
    _pattern: Option<String>,
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    Ok(Box::new(params::<CosBrowserCall>(table)?))
}

impl Rule for CosBrowserCall {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::COS_BROWSER.expr().into())
    }
}
