//! The sentences of reports, in each language; src/document/texts has one file for each.

pub use crate::lang::Lang;
use std::collections::BTreeMap;
use std::sync::OnceLock;

type Table = BTreeMap<String, BTreeMap<String, String>>;

fn table(lang: Lang) -> &'static Table {
    static EN: OnceLock<Table> = OnceLock::new();
    static ZH: OnceLock<Table> = OnceLock::new();
    let read = |text: &str| toml::from_str(text).unwrap_or_default();
    match lang {
        Lang::En => EN.get_or_init(|| read(include_str!("texts/en.toml"))),
        Lang::Zh => ZH.get_or_init(|| read(include_str!("texts/zh.toml"))),
    }
}

/// The text of this section and name; its name where there is none, which a test rules out.
pub fn text(lang: Lang, section: &str, name: &'static str) -> &'static str {
    table(lang).get(section).and_then(|texts| texts.get(name)).map_or(name, String::as_str)
}
