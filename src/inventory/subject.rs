//! Whose entry a reply is: many do not say, so a field around it or the file name has to.

use serde_json::Value;

use super::fields::{self, Object};
use super::import::{Import, Place};
use super::replies::Reply;

/// Fields that name a user.
pub(super) const USER_FIELDS: [&str; 4] = ["TargetUin", "SubUin", "Uin", "UserName"];
/// Fields that name a role.
pub(super) const ROLE_FIELDS: [&str; 2] = ["RoleName", "RoleId"];
/// Fields that name a user group.
pub(super) const GROUP_FIELDS: [&str; 2] = ["TargetGroupId", "GroupId"];

/// Reads the time in a field.
pub(super) fn time_of(import: &mut Import<'_>, reply: &Reply<'_>, item: &Object, name: &str) -> Option<i64> {
    let text = fields::text(item, &[name])?;
    import.time(&text, Place::From(reply.from))
}

/// Finds whose entry this is: in the entry, the reply, around it, or in the file name.
pub(super) fn subject(
    import: &Import<'_>,
    reply: &Reply<'_>,
    item: &Object,
    names: &[&str],
    files: &[&str],
) -> Option<String> {
    said(reply, item, names).or_else(|| subject_in_name(&import.stem, files))
}

/// Finds a field in the entry, the reply, or around it.
pub(super) fn said(reply: &Reply<'_>, item: &Object, names: &[&str]) -> Option<String> {
    let objects = [Some(item), Some(reply.body), reply.outer];
    objects.into_iter().flatten().find_map(|object| fields::text(object, names))
}

/// Whether the file name holds one of the words.
pub(super) fn is_named(stem: &str, words: &[&str]) -> bool {
    words.iter().any(|word| find_word(stem, word).is_some())
}

/// Returns what follows one of the words in a file name: `ListAccessKeys_alice` gives `alice`.
pub(super) fn subject_in_name(stem: &str, words: &[&str]) -> Option<String> {
    let rest = rest_of_name(stem, words)?;
    let digits = rest.split(is_separator).next().unwrap_or_default();
    if digits.len() >= 5 && digits.chars().all(|c| c.is_ascii_digit()) {
        // An id may be followed by a page number or a date.
        return Some(digits.to_owned());
    }
    let number = rest.strip_prefix("page").or_else(|| rest.strip_prefix('p')).unwrap_or(rest);
    let is_page = number.trim_matches(is_separator).chars().all(|c| c.is_ascii_digit());
    (!is_page).then(|| rest.to_owned())
}

/// Returns the number that follows one of the words: ids of policies and groups may be as short as `1`.
pub(super) fn number_in_name(stem: &str, words: &[&str]) -> Option<String> {
    let rest = rest_of_name(stem, words)?;
    let digits = rest.split(is_separator).next().filter(|digits| !digits.is_empty())?;
    digits.chars().all(|c| c.is_ascii_digit()).then(|| digits.to_owned())
}

fn rest_of_name<'s>(stem: &'s str, words: &[&str]) -> Option<&'s str> {
    let end = words.iter().find_map(|word| find_word(stem, word))?;
    Some(stem[end..].trim_matches(is_separator))
}

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '@' | '=' | ' ' | '(' | ')')
}

/// Returns where the word ends, if it stands by itself in the file name.
fn find_word(stem: &str, word: &str) -> Option<usize> {
    // Only ASCII changes case here, so positions stay the same.
    let at = stem.to_ascii_lowercase().find(&word.to_ascii_lowercase())?;
    let end = at + word.len();
    let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let before = stem[..at].chars().next_back();
    (alone(before) && alone(stem[end..].chars().next())).then_some(end)
}

/// A document is text in replies, and an object once somebody has tidied it up.
pub(super) fn document_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Object(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_the_word_is_the_subject() {
        let subject = |stem| subject_in_name(stem, &["ListAccessKeys", "keys"]);
        assert_eq!(subject("keys-100000000101-page2").as_deref(), Some("100000000101"));
        assert_eq!(subject("cam_ListAccessKeys_a.b-c").as_deref(), Some("a.b-c"));
        for stem in ["ListAccessKeys", "ListAccessKeys (1)", "ListAccessKeys-page2", "monkeys-x"] {
            assert_eq!(subject(stem), None, "{stem}");
        }
    }

    #[test]
    fn short_numbers_are_ids_where_ids_may_be_short() {
        let number = |stem| number_in_name(stem, &["GetPolicy", "policy"]);
        assert_eq!(number("policy-1").as_deref(), Some("1"));
        assert_eq!(number("GetPolicy_12345678-2").as_deref(), Some("12345678"));
        for stem in ["policy", "policy-Ops", "upolicy-1"] {
            assert_eq!(number(stem), None, "{stem}");
        }
    }
}
