//! HTML: one page with everything in it, for people. It loads nothing, and a strict content security policy sees to it.
//!
//! What can be read without scripts is written here; the lists are built in the browser from a data island, with text
//! nodes alone, so that nothing from a log can become markup.

mod charts;
mod inert;
mod island;
mod parts;

use crate::document::model::Report;
use crate::document::texts::Lang;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the report as a page.
pub fn write(report: &Report, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    // Slots are filled piece by piece and never looked at again, so that text that looks like a slot is none.
    for (place, piece) in PAGE.split("{{").enumerate() {
        let (slot, text) = if place == 0 { ("", piece) } else { piece.split_once("}}").unwrap_or(("", piece)) };
        match slot {
            "data" => island::write(report, lang, out)?,
            slot => out.write_all(slot_text(slot, report, lang).as_bytes())?,
        }
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn slot_text(slot: &str, report: &Report, lang: Lang) -> String {
    match slot {
        "policy" => policy(),
        "style" => compact(STYLE),
        "script" => compact(SCRIPT),
        "lang" => match lang {
            Lang::En => "en".to_string(),
            Lang::Zh => "zh-CN".to_string(),
        },
        "title" => parts::title(report, lang),
        "skip" => parts::html_text(lang, "skip"),
        "head" => parts::head(report, lang),
        "nav" => parts::nav(report, lang),
        "headline" => parts::headline(&report.headline, lang),
        "charts" => charts::charts(report, lang),
        "short" => parts::short_version(report, lang),
        "foot" => parts::foot(report, lang),
        _ => String::new(),
    }
}

/// What the page may do: run this script, apply this style, and nothing else.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(&compact(SCRIPT)),
        hash(&compact(STYLE))
    )
}

/// A source without indentation, empty lines and lines of comments: a third of it, which no page needs.
fn compact(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::with_capacity(source.len()), |out, line| out + line + "\n")
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;
