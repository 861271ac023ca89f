//! Patterns with `*`, matched in linear time.

/// Whether `pattern` matches the whole of `text`. `*` stands for any text, also none and also `/`; all else, `?` too,
/// stands for itself.
///
/// The pieces between the stars are looked for from left to right, each as early as possible; if a match exists, this
/// finds one, without ever going back.
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(inner) = left.strip_suffix(last) else { return false };
    left = inner;
    for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    true
}

/// Whether every text that `inner` matches is matched by `outer` as well. May say no where it is so, never yes where
/// it is not: a `*` of `inner` must fall under one of `outer`.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    glob_matches(outer, inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by a table of all prefixes.
    fn reference(pattern: &str, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        let mut fits = vec![vec![false; text.len() + 1]; pattern.len() + 1];
        fits[0][0] = true;
        for p in 1..=pattern.len() {
            for t in 0..=text.len() {
                fits[p][t] = match pattern[p - 1] {
                    '*' => fits[p - 1][t] || (t > 0 && fits[p][t - 1]),
                    c => t > 0 && text[t - 1] == c && fits[p - 1][t - 1],
                };
            }
        }
        fits[pattern.len()][text.len()]
    }

    #[test]
    fn stars_take_any_text_and_question_marks_are_literal() {
        for (pattern, text) in [("*", ""), ("a*c", "ac"), ("*Bucket*", "GetBucketAcl"), ("**", "x"), ("a?", "a?")] {
            assert!(glob_matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a*a", "a"), ("", "x"), ("a?", "ab"), ("*b", "ba"), ("a*b*b", "ab")] {
            assert!(!glob_matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn long_hostile_patterns_end() {
        let text = "a".repeat(200_000);
        assert!(!glob_matches(&format!("{}b", "a*".repeat(50_000)), &text));
        assert!(glob_matches(&format!("{}a", "a*".repeat(50_000)), &text));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn agrees_with_the_definition(pattern in "[ab*é]{0,9}", text in "[abé*]{0,12}") {
            prop_assert_eq!(glob_matches(&pattern, &text), reference(&pattern, &text));
        }

        #[test]
        fn a_covering_pattern_matches_all_that_the_covered_one_does(
            outer in "[ab*]{0,6}", inner in "[ab*]{0,6}", text in "[ab]{0,9}",
        ) {
            if covers(&outer, &inner) && glob_matches(&inner, &text) {
                prop_assert!(glob_matches(&outer, &text));
            }
        }
    }
}
