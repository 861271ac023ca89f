//! What in foreign text could do harm where it is shown. Every output asks here, so that none knows less than another.

/// Whether a character could act on a terminal, break a line, hide text, or turn the direction of writing: control
/// characters, line and paragraph separators, marks of direction, and characters that nobody can see. Variation
/// selectors that emoji need stay; the others and tags, in which whole messages can be hidden, do not.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with U+FFFD in place of every character that acts.
pub fn inert(text: &str) -> String {
    inert_but(text, &[])
}

/// As [`inert`], for places where some of these characters mean what they should: line ends in blocks of text.
pub fn inert_but(text: &str, kept: &[char]) -> String {
    text.chars().map(|c| if acts(c) && !kept.contains(&c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays() {
        let written = "Zoë 中文 日本語 한국어 עברית العربية हिन्दी ❤\u{fe0f} 👍 e\u{301} a\u{a0}b\u{3000}c";
        assert_eq!(inert(written), written);
        assert_eq!(inert_but("a\n\tb\u{1b}", &['\n', '\t']), "a\n\tb\u{fffd}");
    }
}
