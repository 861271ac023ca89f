//! API lists, looked up by service and action together: the same action name means other things in other services.

use super::tsv::Tsv;
use super::when::When;
use super::{CatalogError, shape};
use std::collections::BTreeMap;

/// The service name that lists are compared under: aliases resolved, and `cvm`, `cbs` and `vpc` as one
/// family, since their APIs moved between these names over time.
pub fn family(service: &str) -> String {
    let lower = service.to_ascii_lowercase();
    match lower.as_str() {
        "autoscaling" => "as".to_string(),
        "cbs" | "vpc" => "cvm".to_string(),
        _ => lower,
    }
}

/// Entries by API.
#[derive(Clone, Debug)]
pub struct ApiTable<T> {
    entries: BTreeMap<(String, String), (String, T)>,
}

impl<T> Default for ApiTable<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new() }
    }
}

impl<T> ApiTable<T> {
    /// The entry of an API, in any letter case.
    pub fn get(&self, service: &str, action: &str) -> Option<&T> {
        self.entries.get(&key(service, action)).map(|(_, entry)| entry)
    }

    /// Adds or replaces an entry.
    pub fn insert(&mut self, service: &str, action: &str, entry: T) {
        self.entries.insert(key(service, action), (format!("{service}:{action}"), entry));
    }

    /// Removes an entry; tells whether it was there.
    pub fn remove(&mut self, service: &str, action: &str) -> bool {
        self.entries.remove(&key(service, action)).is_some()
    }

    /// The APIs as `service:Action`, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.values().map(|(name, _)| name.as_str())
    }
}

fn key(service: &str, action: &str) -> (String, String) {
    (family(service), action.to_ascii_lowercase())
}

/// Why an API is on the high-risk list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HighRisk {
    /// What an attacker gains: impact, persistence, …
    pub category: String,
    /// ATT&CK technique.
    pub attack: String,
    /// One line on why.
    pub reason: String,
}

impl HighRisk {
    /// An entry that the user's settings add.
    pub fn added() -> Self {
        Self { category: "own".to_string(), attack: String::new(), reason: "added in the settings".to_string() }
    }

    /// The categories that make an operation sensitive outside working hours.
    pub fn is_sensitive(&self) -> bool {
        let sensitive =
            ["impact", "persistence", "execution", "defense-evasion", "network-exposure", "privilege-escalation"];
        sensitive.contains(&self.category.as_str())
    }
}

/// An API on a list, with the condition under which it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// When a call counts.
    pub when: When,
    /// The way it works, for lists that tell ways apart.
    pub path: String,
}

impl Listed {
    /// An entry that the user's settings add.
    pub fn added() -> Self {
        Self { when: When::always(), path: "own".to_string() }
    }
}

/// Checks that a list's entries count always or never, which is all that its rule can tell, and drops the latter.
pub(super) fn unconditional(mut table: ApiTable<Listed>, list: &str) -> Result<ApiTable<Listed>, CatalogError> {
    table.entries.retain(|_, (_, entry)| entry.when != When::default());
    match table.entries.values().find(|(_, entry)| entry.when != When::always()) {
        None => Ok(table),
        Some((name, _)) => Err(shape(
            &format!("[lists.{list}]"),
            format!("{name}: the conditions of this list are `always` and `never` only"),
        )),
    }
}

/// Reads the high-risk list; entries of tier `extended` only when asked for.
pub(super) fn high_risk(text: &str, file: &str, extended: bool) -> Result<ApiTable<HighRisk>, CatalogError> {
    let mut table = ApiTable::default();
    for row in Tsv::parse(text, file)?.rows(&["service", "action", "tier", "category", "attack", "reason"])? {
        let (line, cells) = row?;
        match cells[2] {
            "core" => {}
            "extended" if extended => {}
            "extended" => continue,
            other => return Err(shape(file, format!("line {line}: tier {other:?} is neither core nor extended"))),
        }
        let [category, attack, reason] = [3, 4, 5].map(|n| cells[n].to_string());
        table.insert(cells[0], cells[1], HighRisk { category, attack, reason });
    }
    if table.entries.is_empty() { Err(shape(file, "the file holds no entry")) } else { Ok(table) }
}

/// Reads a list with conditions. `list` picks one of several lists in a file that has a `list` column.
pub(super) fn listed(text: &str, file: &str, list: Option<&str>) -> Result<ApiTable<Listed>, CatalogError> {
    let columns: &[&str] =
        if list.is_some() { &["service", "action", "when", "list"] } else { &["service", "action", "when", "path"] };
    let mut table = ApiTable::default();
    for row in Tsv::parse(text, file)?.rows(columns)? {
        let (line, cells) = row?;
        if list.is_some_and(|list| list != cells[3].replace('-', "_")) {
            continue;
        }
        let when = When::parse(cells[2])
            .ok_or_else(|| shape(file, format!("line {line}: condition {:?} is not known", cells[2])))?;
        table.insert(cells[0], cells[1], Listed { when, path: cells[3].to_string() });
    }
    match list {
        Some(list) if table.entries.is_empty() => Err(shape(file, format!("no row has the list {list:?}"))),
        _ => Ok(table),
    }
}
