//! Foreign text in Markdown.

use crate::event::text::{acts, inert_but};

/// Characters of one piece of foreign text.
const LONGEST: usize = 2000;

/// Text as text: whatever Markdown or HTML would obey is escaped, control characters and line breaks are replaced.
pub(super) fn inert(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(LONGEST) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => out.extend(['\\', c]),
            // A bare address must not become a link.
            ':' => out.push_str(if out.ends_with("http") || out.ends_with("https") { "&#58;" } else { ":" }),
            _ if acts(c) => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Text as code, also within a table: in HTML, as backticks and bars cannot be escaped in code otherwise.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", inert(text))
}

/// A block of code. The fence is longer than any run of backticks in it; lines may break, nothing else may act.
pub(super) fn block(language: &str, text: &str) -> String {
    let text = inert_but(text, &['\n']);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_log_text_stays_text() {
        assert_eq!(
            inert("a|b`c`<img src=x>\n[x](http://e)"),
            "a\\|b\\`c\\`&lt;img src=x&gt;\u{fffd}\\[x\\](http&#58;//e)"
        );
        assert_eq!(inert("**b** _i_ # h \u{1b}[0m"), "\\*\\*b\\*\\* \\_i\\_ \\# h \u{fffd}\\[0m");
        assert!(inert(&"x".repeat(9000)).len() == LONGEST);
    }

    #[test]
    fn a_block_cannot_be_left() {
        let written = block("json", "a\n````\nb\u{1b}");
        assert!(written.starts_with("`````json\n") && written.ends_with("\n`````\n"));
        assert!(!written.contains('\u{1b}'));
    }
}
