//! The languages of what people read: headers, words and sentences of tables, and what is told about rules.
//!
//! Texts stand in one file for each language, by section and name. JSON, CSV and the names of options, rules and
//! fields are the same in all languages, since programs and notes depend on them.

pub mod rules;
pub mod told;

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language of texts for people. Names of fields, rules and codes are the same in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    #[value(alias = "zh-CN")]
    Zh,
}

type Table = BTreeMap<String, BTreeMap<String, String>>;

impl Lang {
    /// Both languages.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// Reads a language as people and locales write it: `zh`, `zh-CN`, `zh_CN.UTF-8`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.split(['_', '-', '.', '@']).next().unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// The language asked for: by the option, else by `AKGUARD_LANG`, else by the locale. English where nobody asks
    /// for another one that there is.
    pub fn detect(option: Option<Self>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| variable(name).filter(|text| !text.is_empty());
        let own = || set(&"AKGUARD_LANG").and_then(|text| Self::parse(&text));
        // Only the first of these counts, as POSIX has it: LC_ALL=C means English whatever LANG says.
        let locale = || ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set).and_then(|text| Self::parse(&text));
        option.or_else(own).or_else(locale).unwrap_or_default()
    }

    /// What stands above a column whose English title is this.
    pub fn header(self, title: &'static str) -> &'static str {
        text(self, "headers", title)
    }

    /// A level, status, type or other word of the program; what is none of them stays as it is.
    pub fn word(self, word: &str) -> &str {
        find(self, "words", word).unwrap_or(word)
    }

    /// The sentence of this section and name, with values in the places that bear their names.
    pub fn fill(self, section: &str, name: &'static str, values: &[(&str, &str)]) -> String {
        fill(text(self, section, name), values)
    }
}

/// The text of this section and name; its name where there is none, which a test rules out.
pub fn text(lang: Lang, section: &str, name: &'static str) -> &'static str {
    find(lang, section, name).unwrap_or(name)
}

fn find(lang: Lang, section: &str, name: &str) -> Option<&'static str> {
    static TEXTS: Texts = Texts::new(include_str!("en.toml"), include_str!("zh.toml"));
    TEXTS.find(lang, section, name)
}

/// Texts in both languages, read when first asked for.
pub struct Texts {
    en: Source,
    zh: Source,
}

/// The file of one language, and what is in it.
struct Source(&'static str, OnceLock<Table>);

impl Texts {
    /// The texts of two files in TOML: tables of sections, with texts by name.
    pub const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en: Source(en, OnceLock::new()), zh: Source(zh, OnceLock::new()) }
    }

    /// The text of this section and name, if there is one.
    pub fn find(&'static self, lang: Lang, section: &str, name: &str) -> Option<&'static str> {
        let Source(file, table) = match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        };
        let table = table.get_or_init(|| toml::from_str(file).unwrap_or_default());
        table.get(section).and_then(|texts| texts.get(name)).map(String::as_str)
    }
}

/// Puts values into their places in one pass: braces inside a value, which may come from a log, stay text.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.extend(["{", name, "}"]),
        }
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn places(text: &str) -> BTreeSet<String> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn languages_have_the_same_texts_with_the_same_places() {
        let [en, zh]: [Table; 2] =
            [include_str!("en.toml"), include_str!("zh.toml")].map(|text| toml::from_str(text).unwrap());
        assert_eq!(en.keys().collect::<Vec<_>>(), zh.keys().collect::<Vec<_>>());
        for (section, texts) in &en {
            assert_eq!(texts.keys().collect::<Vec<_>>(), zh[section].keys().collect::<Vec<_>>(), "{section}");
            for (name, text) in texts {
                assert_eq!(places(text), places(&zh[section][name]), "{section}.{name}");
            }
        }
        for (name, text) in en["headers"].iter().chain(&en["words"]).chain(&en["labels"]) {
            assert_eq!(name, text, "English is what the program says anyway");
        }
    }

    #[test]
    fn the_option_counts_before_the_variable_and_both_before_the_locale() {
        let with = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_string())
        };
        assert_eq!(Lang::detect(None, with(&[])), Lang::En);
        assert_eq!(Lang::detect(None, with(&[("LANG", "zh_CN.UTF-8")])), Lang::Zh);
        assert_eq!(Lang::detect(None, with(&[("LANG", "de_DE.UTF-8")])), Lang::En);
        assert_eq!(Lang::detect(None, with(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")])), Lang::En);
        assert_eq!(Lang::detect(None, with(&[("LC_ALL", ""), ("LANG", "zh_CN.UTF-8")])), Lang::Zh);
        assert_eq!(Lang::detect(None, with(&[("LC_MESSAGES", "POSIX"), ("LANG", "zh_CN")])), Lang::En);
        assert_eq!(Lang::detect(None, with(&[("AKGUARD_LANG", "zh"), ("LC_ALL", "en_US.UTF-8")])), Lang::Zh);
        assert_eq!(Lang::detect(Some(Lang::En), with(&[("AKGUARD_LANG", "zh")])), Lang::En);
    }

    #[test]
    fn values_are_put_in_once() {
        assert_eq!(fill("{a} and {b}, {c}", &[("a", "{b}"), ("b", "2")]), "{b} and 2, {c}");
        assert_eq!(fill("a { b", &[]), "a { b");
    }
}
