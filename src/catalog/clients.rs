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

/// A regular expression's error without the drawing above it.
fn last_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().to_string()
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
            if pattern.is_empty() {
                return Err(shape(&entry.name, "an empty pattern would match every client"));
            }
            let regex = Regex::new(&pattern);
            regex.map(|regex| (entry.name.clone(), regex)).map_err(|error| {
                shape(&entry.name, format!("pattern {pattern:?} is no regular expression: {}", last_line(&error)))
            })
        });
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// Whether a client string is that of the named client.
    pub fn is(&self, name: &str, client: &str) -> bool {
        self.0.iter().any(|(known, regex)| known == name && regex.is_match(client))
    }
}
