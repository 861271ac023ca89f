//! The recommendation as a report that people read, in Markdown.
//!
//! Names, actions and addresses come from logs and exports. They go through [`text::inert`], so that they stay text:
//! no markup, no links, no line breaks, no control characters.

mod parts;
mod text;

use super::output::Recommendation;
use super::steps::TEMPORARY;
use crate::event::id::mask_key;
use text::{code, inert};

/// How the report shows a time, given in milliseconds since 1970, UTC.
pub type Time<'t> = &'t dyn Fn(i64) -> String;

/// The report. Keys are shown except in commands, which need them in full.
pub fn markdown(rec: &Recommendation, time: Time<'_>) -> String {
    let sections = [
        head(rec),
        parts::documents(rec),
        parts::granted(rec, time),
        parts::decisions(rec, time),
        parts::conflicts(rec, time),
        parts::quarantined(rec, time),
        parts::findings(rec, time),
        parts::diff(rec),
        parts::steps(rec, time),
        parts::removal(rec),
        list("What the logs cannot show", &rec.not_visible),
    ];
    let written = sections.into_iter().filter(|section| !section.is_empty());
    let written: Vec<String> = written.map(|section| format!("{}\n", section.trim_end())).collect();
    written.join("\n")
}

fn head(rec: &Recommendation) -> String {
    let holder = &rec.holder;
    let name = [&holder.name, &holder.id, &holder.account].into_iter().find(|text| !text.is_empty());
    let advice = rec.advice.words();
    let focus = rec.focus.as_ref().map_or(String::new(), |focus| {
        let key = if focus == TEMPORARY { "the temporary keys".to_string() } else { code(&mask_key(focus)) };
        format!("Asked about: {key}\n\n")
    });
    let sentences: Vec<String> = rec.summary.iter().map(|sentence| format!("- {}\n", inert(sentence))).collect();
    format!(
        "# Permissions of {}\n\n{focus}Advice: **{advice}**. Confidence: {}.\n\n{}",
        name.map_or("an unknown holder".to_string(), |name| inert(name)),
        rec.confidence.as_str(),
        sentences.concat()
    )
}

fn list(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("- {}\n", inert(line))).collect();
    format!("## {title}\n\n{}", lines.concat())
}
