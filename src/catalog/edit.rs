//! How the settings change a list: `add`, `remove`, `replace`.

use super::api::ApiTable;
use super::{CatalogError, read};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A list entry in the settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Not `service:Action`.
    #[error(
        "[lists.{list}]: {text:?} is not an API; write it as service:Action, such as cam:DeleteUser (there are no wildcards here)"
    )]
    NotAnApi {
        /// The list.
        list: String,
        /// What was written.
        text: String,
    },
    /// Not on the list.
    #[error("[lists.{list}] remove: {text:?} is not on the list; the nearest entry is {nearest}")]
    NotOnTheList {
        /// The list.
        list: String,
        /// What was written.
        text: String,
        /// The most similar entry.
        nearest: String,
    },
    /// Not an address range.
    #[error("[lists.{list}]: {text:?} is not an address range such as 192.0.2.0/24")]
    NotARange {
        /// The list.
        list: &'static str,
        /// What was written.
        text: String,
    },
}

/// Changes to one list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListEdit {
    /// Entries to add.
    pub add: Vec<String>,
    /// Entries to leave out.
    pub remove: Vec<String>,
    /// A file to use instead of the built-in list, with the same columns.
    pub replace: Option<PathBuf>,
}

/// Changes to the high-risk list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HighRiskEdit {
    /// Also use the entries of tier `extended`.
    pub extended: bool,
    /// Entries to add.
    pub add: Vec<String>,
    /// Entries to leave out.
    pub remove: Vec<String>,
    /// A file to use instead of the built-in list, with the same columns.
    pub replace: Option<PathBuf>,
}

impl HighRiskEdit {
    /// The changes that any list may have.
    pub fn edit(&self) -> ListEdit {
        ListEdit { add: self.add.clone(), remove: self.remove.clone(), replace: self.replace.clone() }
    }
}

/// Changes to a list of codes or ranges, which has no file of its own form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SetEdit {
    /// Entries to add.
    pub add: Vec<String>,
    /// Entries to leave out.
    pub remove: Vec<String>,
}

/// The `[lists.*]` tables of the settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Lists {
    /// High-risk APIs.
    pub high_risk: HighRiskEdit,
    /// APIs that widen permissions.
    pub privilege_escalation: ListEdit,
    /// APIs that make a key.
    pub create_key: ListEdit,
    /// APIs that make a user.
    pub create_user: ListEdit,
    /// APIs that run commands through TAT.
    pub tat_exec: ListEdit,
    /// APIs that create resources.
    pub create_resource: ListEdit,
    /// Error codes that mean a missing permission.
    pub denied_codes: SetEdit,
    /// Address ranges of GitHub's secret scanning.
    pub github_hooks: SetEdit,
}

impl ListEdit {
    /// The path and text of the file that replaces the built-in list, if one is named.
    pub(super) fn replacement(&self, folder: &Path) -> Result<Option<(String, String)>, CatalogError> {
        let Some(path) = &self.replace else {
            return Ok(None);
        };
        let path = folder.join(path);
        Ok(Some((path.display().to_string(), read(&path)?)))
    }

    /// Adds and removes entries.
    pub(super) fn apply<T>(&self, table: &mut ApiTable<T>, list: &str, added: fn() -> T) -> Result<(), EditError> {
        for text in &self.add {
            let (service, action) = api_of(list, text)?;
            table.insert(service, action, added());
        }
        for text in &self.remove {
            let (service, action) = api_of(list, text)?;
            if !table.remove(service, action) {
                return Err(not_on_the_list(list, text, table.names()));
            }
        }
        Ok(())
    }
}

/// The error for an entry to remove that is not there.
pub(super) fn not_on_the_list<'c>(list: &str, text: &str, entries: impl Iterator<Item = &'c str>) -> EditError {
    let nearest = nearest(text, entries).unwrap_or("none").to_string();
    EditError::NotOnTheList { list: list.to_string(), text: text.to_string(), nearest }
}

fn api_of<'t>(list: &str, text: &'t str) -> Result<(&'t str, &'t str), EditError> {
    let name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let parts = text.split_once(':').filter(|(service, action)| name(service) && name(action));
    parts.ok_or_else(|| EditError::NotAnApi { list: list.to_string(), text: text.to_string() })
}

/// The candidate most like `text`, for "did you mean": one that holds it before one that is spelled alike.
pub fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let lower = text.to_lowercase();
    candidates.min_by_key(|candidate| (!candidate.to_lowercase().contains(&lower), distance(text, candidate)))
}

/// Edits needed to turn one text into the other, in any letter case (Levenshtein).
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
