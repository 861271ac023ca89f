//! The nearest of several words, for hints.

use crate::catalog::edit::distance;

/// Longer words are not compared.
const MAX_WORD: usize = 40;

/// The word most like `given`, if one is near enough to have been meant.
pub(super) fn nearest<'w>(given: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if given.len() > MAX_WORD {
        return None;
    }
    let ranked = words.into_iter().map(|word| (distance(given, word), word));
    let (distance, word) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + word.len() / 8).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word_and_other_words_do_not() {
        let words = ["root", "sub_account", "role", "federated"];
        assert_eq!(nearest("subaccount", words), Some("sub_account"));
        assert_eq!(nearest("Rol", words), Some("role"));
        assert_eq!(nearest("user", words), None);
        assert_eq!(nearest(&"x".repeat(500), words), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
