//! Error codes: which mean that permission was missing, and which that the key itself was bad.

use super::edit::{EditError, SetEdit, not_on_the_list, once_each};
use super::tsv::Tsv;
use super::{CatalogError, shape};

/// Whether a code means a missing permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Always.
    Yes,
    /// Never.
    No,
    /// Only when the permission check itself (`errorCode`) failed too.
    IfCamCode,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMeaning {
    /// Whether it means a missing permission.
    pub denied: Denied,
    /// The key or its signature was wrong, so the call shows no use of the key.
    pub bad_key: bool,
}

#[derive(Debug)]
struct Entry {
    pattern: String,
    prefix: bool,
    meaning: CodeMeaning,
}

/// The known codes.
#[derive(Debug)]
pub struct ErrorCodes(Vec<Entry>);

impl ErrorCodes {
    pub(super) fn load(text: &str, edit: &SetEdit) -> Result<Self, CatalogError> {
        let file = "error_codes.tsv";
        let mut entries = Vec::new();
        for row in Tsv::parse(text, file)?.rows(&["pattern", "match", "class", "denied"])? {
            let (line, cells) = row?;
            let denied = match cells[3] {
                "yes" => Denied::Yes,
                "no" => Denied::No,
                "if_cam_code" => Denied::IfCamCode,
                other => return Err(shape(file, format!("line {line}: denied {other:?} is not known"))),
            };
            let meaning = CodeMeaning { denied, bad_key: cells[2] == "bad-key" };
            entries.push(Entry { pattern: cells[0].to_string(), prefix: cells[1] == "prefix", meaning });
        }
        for text in once_each(&edit.remove) {
            let before = entries.len();
            entries.retain(|entry: &Entry| entry.pattern != *text);
            if entries.len() == before {
                return Err(not_on_the_list("denied-codes", text, entries.iter().map(|e| e.pattern.as_str())).into());
            }
        }
        // An empty code is that of a call that succeeded.
        let odd = |code: &&String| code.trim() != code.as_str() || code.is_empty() || code.contains(char::is_control);
        if let Some(text) = edit.add.iter().find(odd) {
            return Err(EditError::NotACode { text: text.clone() }.into());
        }
        let added = CodeMeaning { denied: Denied::Yes, bad_key: false };
        entries.extend(edit.add.iter().map(|p| Entry { pattern: p.clone(), prefix: false, meaning: added }));
        Ok(Self(entries))
    }

    /// What `code` means: an exact entry wins, then the longest prefix, else it says nothing of permissions.
    pub fn meaning(&self, code: &str) -> CodeMeaning {
        let exact = self.0.iter().rev().find(|entry| !entry.prefix && entry.pattern == code);
        let prefix =
            || self.0.iter().filter(|e| e.prefix && code.starts_with(&e.pattern)).max_by_key(|e| e.pattern.len());
        let unknown = CodeMeaning { denied: Denied::No, bad_key: false };
        exact.or_else(prefix).map_or(unknown, |entry| entry.meaning)
    }
}
