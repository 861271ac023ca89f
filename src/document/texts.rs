//! The sentences of reports, in each language; src/document/texts has one file for each.

pub use crate::lang::Lang;
use crate::lang::Texts;

static TEXTS: Texts = Texts::new(include_str!("texts/en.toml"), include_str!("texts/zh.toml"));

/// The text of this section and name; its name where there is none, which a test rules out.
pub fn text(lang: Lang, section: &str, name: &'static str) -> &'static str {
    TEXTS.find(lang, section, name).unwrap_or(name)
}
