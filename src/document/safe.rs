//! Text of logs made harmless: it must not break a line, hide, turn into a link, or call people.

use crate::event::text::inert_but;

/// The text on one line, with U+FFFD for every character that acts.
pub use crate::event::text::inert as printable;

/// As [`printable`], but line ends and tabs stay, for places that can show them.
pub fn printable_lines(text: &str) -> String {
    inert_but(&text.replace("\r\n", "\n"), &['\n', '\t'])
}

/// Full-width signs in place of those that make mentions and links. Programs look for these even inside of markup,
/// and after escapes are undone, so that an escape would not do.
pub fn inert(text: &str) -> String {
    without_www(&printable(text).replace('@', "＠").replace("://", "：//").replace("//", "／／"))
}

/// `www.` in any letter case, which many programs take for a link, with a full-width full stop.
fn without_www(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let after_www = c == '.' && out.len() >= 3 && out.as_bytes()[out.len() - 3..].eq_ignore_ascii_case(b"www");
        out.push(if after_www { '．' } else { c });
    }
    out
}

/// CommonMark that shows the text as it is, on one line.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in inert(text).chars() {
        match c {
            // Forges make links to issues of it wherever it stands.
            '#' => out.push('＃'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' | '!' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A code span of CommonMark that shows the text; backticks in it become apostrophes, so that none can end it.
pub fn code(text: &str) -> String {
    let inner = inert(text).replace('`', "'");
    let inner = inner.trim();
    if inner.is_empty() { String::new() } else { format!("`{inner}`") }
}

/// Text for chats, whose markup differs by vendor and client and often knows no escapes: every sign that any of them
/// gives a meaning is full-width. Full stops before letters are, too, since clients make links of host names.
pub fn chat(text: &str) -> String {
    let text = inert(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        out.push(chat_sign(before, c, next));
        before = c;
    }
    out
}

fn chat_sign(before: char, c: char, next: char) -> char {
    match c {
        '<' => '＜',
        '>' => '＞',
        '&' => '＆',
        '*' => '＊',
        '`' => '\'',
        '[' => '［',
        ']' => '］',
        '#' => '＃',
        '!' => '！',
        '~' => '～',
        '|' => '｜',
        '\\' => '＼',
        '.' if next.is_alphabetic() => '．',
        // Within a word it means nothing anywhere, and names are full of it.
        '_' if !(before.is_alphanumeric() && next.is_alphanumeric()) => '＿',
        c => c,
    }
}

/// Text for a code span of a chat: as [`chat`], but with the stars of masked keys, which mean nothing there.
pub fn chat_code(text: &str) -> String {
    let inner = chat(text).replace('＊', "*").replace('＿', "_");
    let inner = inner.trim();
    if inner.is_empty() { String::new() } else { format!("`{inner}`") }
}

/// Whether a spreadsheet would take the text for a formula when it is typed in or read from CSV.
pub fn formula(text: &str) -> bool {
    text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || text.starts_with(['\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_replaced() {
        assert_eq!(
            printable("a\x1b[31mb\r\n\u{202e}c\u{2028}\u{e0041}"),
            "a\u{fffd}[31mb\u{fffd}\u{fffd}\u{fffd}c\u{fffd}\u{fffd}"
        );
        assert_eq!(printable_lines("a\r\nb\rc\td"), "a\nb\u{fffd}c\td");
    }

    #[test]
    fn mentions_and_links_are_inert() {
        assert_eq!(inert("@all see https://x.example WwW.x.example"), "＠all see https：／／x.example WwW．x.example");
        assert_eq!(
            chat("<@U1> <!channel> [a](b.com) AK***x ci_deploy _x_ 1.2.3.4"),
            "＜＠U1＞ ＜！channel＞ ［a］(b．com) AK＊＊＊x ci_deploy ＿x＿ 1.2.3.4"
        );
    }

    #[test]
    fn markdown_shows_what_was_there() {
        assert_eq!(markdown("*a* <b> [c](d) #1"), "\\*a\\* \\<b\\> \\[c\\](d) ＃1");
        assert_eq!(code(" a`b` "), "`a'b'`");
        assert_eq!(code(" "), "");
    }

    #[test]
    fn texts_are_cut_at_characters() {
        use crate::report::text::shortened;
        assert_eq!([shortened("中文字符", 3), shortened("abc", 3)], ["中文…", "abc"]);
    }
}
