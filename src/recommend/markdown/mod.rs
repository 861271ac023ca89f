//! The recommendation as a report that people read, in Markdown.
//!
//! Names, actions and addresses come from logs and exports. They go through [`text::inert`], so that they stay text:
//! no markup, no links, no line breaks, no control characters.

mod parts;
mod text;

use self::text::{code, inert};
use super::output::{Confidence, Recommendation};
use super::steps::TEMPORARY;
use crate::event::id::mask_key;
use crate::lang::told::told;
use crate::lang::{Lang, text};

/// How the report shows a time, given in milliseconds since 1970, UTC.
pub type Time<'t> = &'t dyn Fn(i64) -> String;

/// The report in a language. Keys are shown except in commands, which need them in full.
pub fn markdown(rec: &Recommendation, lang: Lang, time: Time<'_>) -> String {
    let page = Page { rec, lang, time };
    let sections = [
        page.head(),
        page.documents(),
        page.granted(),
        page.decisions(),
        page.conflicts(),
        page.quarantined(),
        page.findings(),
        page.diff(),
        page.steps(),
        page.removal(),
        page.not_visible(),
    ];
    let written = sections.into_iter().filter(|section| !section.is_empty());
    let written: Vec<String> = written.map(|section| format!("{}\n", section.trim_end())).collect();
    written.join("\n")
}

/// What a page is made of.
struct Page<'p> {
    rec: &'p Recommendation,
    lang: Lang,
    time: Time<'p>,
}

impl Page<'_> {
    fn head(&self) -> String {
        let holder = &self.rec.holder;
        let name = [&holder.name, &holder.id, &holder.account].into_iter().find(|text| !text.is_empty());
        let who = name.map_or(self.text("nobody").to_string(), |name| inert(name));
        let focus = self.rec.focus.as_ref().map_or(String::new(), |focus| {
            let temporary = || self.text("focus_temporary").to_string();
            let key = if focus == TEMPORARY { temporary() } else { code(&mask_key(focus)) };
            self.fill("focus", &[("key", &key)]) + "\n\n"
        });
        let sentences: Vec<String> = self.rec.summary.iter().map(|told| format!("- {}\n", self.told(told))).collect();
        let (advice, confidence) = (self.lang.word(self.rec.advice.words()), self.sure(self.rec.confidence));
        format!(
            "{}\n\n{focus}{}\n\n{}",
            self.fill("title", &[("who", &who)]),
            self.fill("advice", &[("advice", advice), ("confidence", confidence)]),
            sentences.concat()
        )
    }

    fn not_visible(&self) -> String {
        let lines: Vec<String> = self.rec.not_visible.iter().map(|line| format!("- {}\n", self.told(line))).collect();
        self.section("not_visible", &lines)
    }

    fn text(&self, name: &'static str) -> &'static str {
        text(self.lang, "page", name)
    }

    fn fill(&self, name: &'static str, values: &[(&str, &str)]) -> String {
        self.lang.fill("page", name, values)
    }

    /// A sentence that may hold foreign text, in the language and harmless.
    fn told(&self, sentence: &str) -> String {
        inert(&told(self.lang, sentence))
    }

    fn sure(&self, confidence: Confidence) -> &'static str {
        text(self.lang, "confidence", confidence.as_str())
    }

    fn counted(&self, number: u64, one: &'static str, many: &'static str) -> String {
        self.lang.fill("counts", if number == 1 { one } else { many }, &[("n", &number.to_string())])
    }
}
