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
    #[error("[lists.{list}] remove: {text:?} is not on the list{}", near(nearest.as_deref()))]
    NotOnTheList {
        /// The list.
        list: String,
        /// What was written.
        text: String,
        /// An entry that is much like it.
        nearest: Option<String>,
    },
    /// Not an address range.
    #[error("[lists.{list}]: {text:?} is not an address range such as 192.0.2.0/24")]
    NotARange {
        /// The list.
        list: &'static str,
        /// What was written.
        text: String,
    },
    /// Not a result code.
    #[error("[lists.denied-codes]: {text:?} is not a result code such as UnauthorizedOperation.CamNoAuth")]
    NotACode {
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
        for text in once_each(&self.remove) {
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
    let nearest = nearest(text, entries).map(str::to_string);
    EditError::NotOnTheList { list: list.to_string(), text: text.to_string(), nearest }
}

fn api_of<'t>(list: &str, text: &'t str) -> Result<(&'t str, &'t str), EditError> {
    let name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let parts = text.split_once(':').filter(|(service, action)| name(service) && name(action));
    parts.ok_or_else(|| EditError::NotAnApi { list: list.to_string(), text: text.to_string() })
}

/// The entries without those that stand there a second time.
pub(super) fn once_each(entries: &[String]) -> impl Iterator<Item = &String> {
    entries.iter().enumerate().filter(|(n, entry)| !entries[..*n].contains(entry)).map(|(_, entry)| entry)
}

/// Longer texts are no typing errors, and comparing them would take long.
const MOST_LETTERS: usize = 200;

/// The candidate most like `text`, for "did you mean": one that holds it before one that is spelled alike, and none if
/// nothing is alike.
pub fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let lower = text.to_lowercase();
    let letters = lower.chars().count();
    if letters > MOST_LETTERS {
        return None;
    }
    let ranked = candidates.filter_map(|candidate| {
        // Two letters stand in many names without meaning any of them.
        let held = letters > 2 && candidate.to_lowercase().contains(&lower);
        let distance = distance(text, candidate);
        // One letter in three may be wrong: that leaves "hihg" its "high".
        let alike = distance < letters && distance <= letters.max(candidate.chars().count()).div_ceil(3);
        (held || alike).then_some((!held, distance, candidate))
    });
    ranked.min_by_key(|(apart, distance, _)| (*apart, *distance)).map(|(.., candidate)| candidate)
}

/// The end of a message about an unknown name: what is much like it, or nothing.
pub fn near(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |nearest| format!("; the nearest is {nearest:?}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_alike_is_offered() {
        let names = ["create-key", "hacker-tool", "high", "Asia/Shanghai"];
        let of = |text: &str| nearest(text, names.into_iter());
        assert_eq!(of("hihg"), Some("high"));
        assert_eq!(of("hacker"), Some("hacker-tool"));
        assert_eq!(of("Creat-Keys"), Some("create-key"));
        for nothing in ["", "k", "zz", "colour", "something-else", &"x".repeat(100_000)] {
            assert_eq!(of(nothing), None, "{nothing:.20}");
        }
        assert_eq!((near(Some("high")).as_str(), near(None).as_str()), ("; the nearest is \"high\"", ""));
    }

    #[test]
    fn an_entry_to_remove_may_stand_twice() {
        let twice = ["a:X", "b:Y", "a:X"].map(str::to_string);
        assert_eq!(once_each(&twice).collect::<Vec<_>>(), ["a:X", "b:Y"]);
    }
}
