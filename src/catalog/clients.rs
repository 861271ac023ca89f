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

/// A pattern that the settings of a rule give.
#[derive(Clone, Debug)]
pub struct OwnPattern {
    /// The client that it recognises.
    pub client: &'static str,
    /// The rule whose setting it is.
    pub rule: &'static str,
    /// The regular expression.
    pub pattern: String,
}

fn regex_of(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() {
        return Err("an empty pattern would match every client".to_string());
    }
    Regex::new(pattern).map_err(|error| format!("{pattern:?} is no regular expression: {}", last_line(&error)))
}

/// A regular expression's error without the drawing above it.
fn last_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().to_string()
}

/// The known client patterns.
#[derive(Debug)]
pub struct Clients(Vec<(String, Regex)>);

impl Clients {
    pub(super) fn load(text: &str, overrides: &[OwnPattern]) -> Result<Self, CatalogError> {
        let file = "client_patterns.toml";
        let parsed: File = toml::from_str(text).map_err(|error| shape(file, error.to_string()))?;
        let patterns = parsed.client.into_iter().map(|entry| {
            let own = overrides.iter().find(|own| own.client == entry.name);
            let pattern = own.map_or(entry.regex.as_str(), |own| &own.pattern);
            let regex = regex_of(pattern).map_err(|what| match own {
                Some(own) => CatalogError::Pattern { rule: own.rule, what },
                None => shape(file, format!("{}: {what}", entry.name)),
            });
            regex.map(|regex| (entry.name.clone(), regex))
        });
        Ok(Self(patterns.collect::<Result<_, _>>()?))
    }

    /// Whether a client string is that of the named client.
    pub fn is(&self, name: &str, client: &str) -> bool {
        self.0.iter().any(|(known, regex)| known == name && regex.is_match(client))
    }
}
