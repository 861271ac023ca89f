//! Numbers and foreign text in sentences.

use crate::event::text::inert;

/// `1 call`, `2 calls`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A length as the number that counts take.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn joined(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Text from logs and exports without what could act on a terminal, break a line or hide something; at most 200
/// characters.
pub(super) fn plain(text: &str) -> String {
    inert(&text.chars().take(200).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_as_english() {
        assert_eq!(counted(1, "call", "calls"), "1 call");
        assert_eq!(counted(0, "call", "calls"), "0 calls");
        let list = |words: &[&str]| joined(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!((list(&[]), list(&["a"]), list(&["a", "b"])), (String::new(), "a".into(), "a and b".into()));
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn foreign_text_is_harmless_and_short() {
        assert_eq!(plain("a\u{1b}[31m\n\u{202e}b"), "a\u{fffd}[31m\u{fffd}\u{fffd}b");
        assert_eq!(plain(&"x".repeat(500)).len(), 200);
    }
}
