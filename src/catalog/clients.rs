//! Client strings: patterns by which a caller's tool is recognised.

use super::{CatalogError, shape};
use regex::Regex;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    client: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    regex: String,
}

/// The known client patterns.
#[derive(Debug)]
pub struct Clients(Vec<(String, Regex)>);

impl Clients {
    pub(super) fn load(text: &str, overrides: &[(&'static str, String)]) -> Result<Self, CatalogError> {
        let file = "client_patterns.toml";
        let parsed: File = toml::from_str(text).map_err(|error| shape(file, error.to_string()))?;
        let patterns = parsed.client.into_iter().map(|entry| {
            let own = overrides.iter().find(|(name, _)| *name == entry.name);
            let pattern = own.map_or(entry.regex, |(_, pattern)| pattern.clone());
            let regex = Regex::new(&pattern);
            regex
                .map(|regex| (entry.name.clone(), regex))
                .map_err(|error| shape(file, format!("pattern of client {:?}: {error}", entry.name)))
        });
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// Whether a client string is that of the named client.
    pub fn is(&self, name: &str, client: &str) -> bool {
        self.0.iter().any(|(known, regex)| known == name && regex.is_match(client))
    }
}
