//! From the list of rules and the settings to the rules that run.

use super::super::{Level, Meta, Rule};
use super::ALL;
use crate::catalog::edit::{near, nearest};
use std::collections::BTreeMap;

/// Makes a rule from its own settings.
pub type Build = fn(toml::Table) -> Result<Box<dyn Rule>, String>;

/// A rule with the settings applied.
pub struct ActiveRule {
    /// What is fixed about it.
    pub meta: &'static Meta,
    /// Level of its alarms.
    pub level: Level,
    /// Leaves out services and roles made for them.
    pub skips_services: bool,
    /// The rule itself.
    pub rule: Box<dyn Rule>,
}

/// Settings of a rule that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// No rule has this id.
    #[error("[rules.{id}]: there is no rule {id:?}{}", near(*nearest))]
    Unknown {
        /// What was written.
        id: String,
        /// An id that is much like it.
        nearest: Option<&'static str>,
    },
    /// A setting has a wrong name or value.
    #[error("[rules.{id}]: {what}")]
    Setting {
        /// The rule.
        id: &'static str,
        /// What is wrong.
        what: String,
    },
}

/// The rule with this id.
pub fn find(id: &str) -> Result<&'static Meta, RuleError> {
    let wanted = id.to_ascii_lowercase();
    let found = ALL.iter().map(|(meta, _)| *meta).find(|meta| meta.id == wanted);
    found.ok_or_else(|| {
        let nearest = nearest(id, ALL.iter().map(|(meta, _)| meta.id));
        RuleError::Unknown { id: id.to_string(), nearest }
    })
}

/// The rules that are on, in the console's order, with `[rules.<id>]` applied.
pub fn active(settings: &BTreeMap<String, toml::Table>) -> Result<Vec<ActiveRule>, RuleError> {
    for id in settings.keys() {
        find(id)?;
    }
    let mut rules = Vec::new();
    for (meta, build) in ALL {
        let table = settings.get(meta.id).cloned().unwrap_or_default();
        rules.extend(activate(meta, *build, table)?);
    }
    rules.sort_by_key(|active| active.meta.number);
    Ok(rules)
}

fn activate(meta: &'static Meta, build: Build, mut table: toml::Table) -> Result<Option<ActiveRule>, RuleError> {
    let wrong = |what: String| RuleError::Setting { id: meta.id, what };
    let on = take_bool(&mut table, "enabled").map_err(wrong)?.unwrap_or(meta.on);
    let level = match table.remove("level") {
        None => meta.level,
        Some(value) => value
            .as_str()
            .and_then(Level::parse)
            .ok_or_else(|| wrong(format!("level {value} is none of critical, high, medium, low, note")))?,
    };
    let mut skips_services = meta.skips_services;
    if meta.skips_services {
        let include = take_bool(&mut table, "include_service_roles").map_err(wrong)?;
        skips_services = !include.unwrap_or(false);
    }
    // serde lists the rule's own settings only.
    let also = if meta.skips_services { "enabled, level and include_service_roles" } else { "enabled and level" };
    let unknown = |what: String| if what.contains("unknown field") { format!("{what}, besides {also}") } else { what };
    let rule = build(table).map_err(|what| wrong(unknown(what)))?;
    Ok(on.then_some(ActiveRule { meta, level, skips_services, rule }))
}

fn take_bool(table: &mut toml::Table, name: &str) -> Result<Option<bool>, String> {
    let wrong = |value: &toml::Value| format!("{name} is {value}, not true or false");
    table.remove(name).map(|value| value.as_bool().ok_or_else(|| wrong(&value))).transpose()
}
