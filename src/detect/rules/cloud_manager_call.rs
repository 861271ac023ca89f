//! A cloud manager works with a key. See docs/rules/cloud-manager-call.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};
use crate::event::columns;
use ipnet::IpNet;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 13,
    id: "cloud-manager-call",
    title: "Cloud Manager behavior",
    level: Level::High,
    kind: AlarmType::AbnormalCall,
    attack: "T1199",
    on: true,
    skips_services: false,
    because: "the client string or the address is that of a cloud manager",
    docs: include_str!("../../../docs/rules/cloud-manager-call.md"),
};

/// The rule's settings. Enrichment uses them to set the columns that the rule reads.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudManagerCall {
    /// Another pattern for the client string.
    pub pattern: Option<String>,
    /// Addresses and ranges of the user's own cloud manager.
    pub ips: Vec<String>,
}

impl CloudManagerCall {
    /// The addresses as ranges.
    pub fn ranges(&self) -> Result<Vec<IpNet>, String> {
        let range = |text: &String| {
            let address = || text.parse::<std::net::IpAddr>().map(IpNet::from).ok();
            let parsed = text.parse().ok().or_else(address).filter(|range: &IpNet| range.prefix_len() > 0);
            parsed.ok_or_else(|| format!("ips: {text:?} is no address, and no range smaller than everything"))
        };
        self.ips.iter().map(range).collect()
    }
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let rule: CloudManagerCall = params(table)?;
    rule.ranges()?;
    Ok(Box::new(rule))
}

impl Rule for CloudManagerCall {
    fn row(&self) -> Option<RowCondition> {
        Some(columns::CLOUD_MANAGER.expr().or(columns::CLOUD_MANAGER_IP.expr()).into())
    }
}
