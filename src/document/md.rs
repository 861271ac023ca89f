//! The digest as CommonMark, for mails, tickets and chats that read it.

use crate::document::digest::{Digest, Line, Piece};
use crate::document::model::Report;
use crate::document::safe::{code, markdown};
use crate::document::texts::Lang;
use std::io::{self, Write};

/// Writes the digest of a report.
pub fn write(report: &Report, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let digest = Digest::of(report, lang);
    writeln!(out, "{}\n\n{}", shown(&digest.headline), shown(&digest.news))?;
    if !digest.items.is_empty() {
        writeln!(out)?;
    }
    for item in &digest.items {
        writeln!(out, "- {}", shown(&item.line))?;
    }
    for line in digest.tail(digest.items.len()) {
        writeln!(out, "\n{}", shown(&line))?;
    }
    Ok(())
}

fn shown(line: &Line) -> String {
    let pieces = line.iter().map(|piece| match piece {
        Piece::Text(text) => markdown(text),
        Piece::Strong(text) if text.trim().is_empty() => String::new(),
        Piece::Strong(text) => format!("**{}**", markdown(text.trim())),
        Piece::Code(text) => code(text),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing;

    fn digest(report: &Report, lang: Lang) -> String {
        let mut out = Vec::new();
        write(report, lang, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_fits_a_screen() {
        for lang in [Lang::En, Lang::Zh] {
            let text = digest(&testing::sample(), lang);
            assert!(text.lines().count() <= 25, "{text}");
            assert!(text.lines().all(|line| line.chars().count() < 260), "{text}");
        }
    }

    #[test]
    fn it_says_who_where_and_what() {
        let text = digest(&testing::sample(), Lang::En);
        let line = text.lines().find(|line| line.contains("Hacker tool") && line.contains("app-backend")).unwrap();
        for part in ["**High: ", "AKIDEX***appBackend1", "50 calls, 18 failed", "02:22"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(text.starts_with("**akguard 2026-02-01 00:00 to 2026-03-20 08:00"), "{text}");
        assert!(text.contains("1 critical (+1), 14 high (+2)"), "{text}");
    }

    #[test]
    fn hostile_fields_stay_text() {
        for report in testing::hostile() {
            for lang in [Lang::En, Lang::Zh] {
                let text = digest(&report, lang);
                assert!(!text.contains('@') && !text.contains("://") && !text.contains('\u{202e}'), "{text}");
                assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
                assert!(text.lines().count() <= 25, "{text}");
                assert!(outside_code(&text).iter().all(|prose| !live(prose)), "{text}");
            }
        }
    }

    fn outside_code(text: &str) -> Vec<&str> {
        text.lines().flat_map(|line| line.split('`').step_by(2)).collect()
    }

    /// Whether a sign that begins HTML, a link, an image or an entity stands without a backslash before it.
    fn live(prose: &str) -> bool {
        let mut before = ' ';
        prose.chars().any(|c| {
            let live = matches!(c, '<' | '[' | ']' | '&') && before != '\\';
            before = if before == '\\' && c == '\\' { ' ' } else { c };
            live
        })
    }
}
