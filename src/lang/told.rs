//! Sentences that are made in English far from where they are shown: by recommendations, by the rooms that read logs,
//! and those that the database keeps. JSON holds them as they were made; people read them in their language.
//!
//! `told_zh.toml` names each sentence by its English text, with places for what differs. A place named `n`, `m` or `k`
//! takes a number, `part…` what the section of parts holds, `rest` sentences, `list…` names in a row, `command` a
//! command or sentences, and any other a text within one sentence. What is in no section stays as it is.

use super::Lang;
use std::collections::BTreeMap;
use std::sync::OnceLock;

type Table = BTreeMap<String, BTreeMap<String, String>>;

/// Sentences one after the other, in this language.
pub fn told(lang: Lang, text: &str) -> String {
    match lang {
        Lang::En => text.to_string(),
        Lang::Zh => sentences(text, DEPTH),
    }
}

/// What stands behind the condition in an alarm's "why", in this language.
pub(super) fn details(lang: Lang, text: &str) -> String {
    let Some(list) = text.strip_prefix(", ").filter(|_| lang == Lang::Zh) else { return text.to_string() };
    let told = list.split(", ").map(|detail| fitted("details", detail, DEPTH).unwrap_or_else(|| detail.to_string()));
    told.fold(String::new(), |all, detail| all + "，" + &detail)
}

/// Sentences within sentences; more than any text has.
const DEPTH: u8 = 4;

/// A text as one sentence, else as sentences one by one, up to the first that is not known.
fn sentences(text: &str, depth: u8) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((told, behind)) = first(rest, depth) {
        out += &told;
        rest = behind;
    }
    out + rest
}

/// The sentence that the text begins with, in Chinese, and what follows it.
fn first(text: &str, depth: u8) -> Option<(String, &str)> {
    let ends: Vec<usize> = text.match_indices(". ").map(|(place, _)| place + 1).take(MOST_ENDS).collect();
    [text.len()].into_iter().chain(ends.into_iter().rev()).find_map(|end| {
        let (sentence, rest) = text.split_at(end);
        Some((fitted("sentences", sentence, depth)?, rest.trim_start()))
    })
}

/// Full stops at which a text is parted; names in it may hold some.
const MOST_ENDS: usize = 8;

/// The text in Chinese, where a template of this section fits.
fn fitted(section: &str, text: &str, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let templates = table().get(section)?;
    templates.iter().find_map(|template| {
        let values = template.fit(text)?;
        let told = |(name, value)| Some((name, value_in_chinese(name, value, depth)?));
        let values: Vec<(&str, String)> = values.into_iter().map(told).collect::<Option<_>>()?;
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(super::fill(&template.chinese, &values))
    })
}

/// None for sentences none of which is known: the template was not meant.
fn value_in_chinese(name: &str, value: &str, depth: u8) -> Option<String> {
    let known = match name {
        "rest" => return first(value, depth).map(|(told, behind)| told + &sentences(behind, depth)),
        "command" => return Some(sentences(value, depth)),
        _ if name.starts_with("part") => fitted("parts", value, depth),
        _ if name.starts_with("list") => {
            let list = fitted("lists", value, depth).unwrap_or_else(|| value.to_string());
            Some(list.replace(", ", super::text(Lang::Zh, "counts", "list")))
        }
        _ => None,
    };
    Some(known.unwrap_or_else(|| value.to_string()))
}

/// An English text with places, and the Chinese one that says the same.
struct Template {
    /// What stands before the first place.
    start: String,
    /// Each place's name, and what stands behind it.
    places: Vec<(String, String)>,
    chinese: String,
}

impl Template {
    fn new(english: &str, chinese: &str) -> Self {
        let mut pieces = english.split('{');
        let start = pieces.next().unwrap_or_default().to_string();
        let place = |piece: &str| piece.split_once('}').map(|(name, after)| (name.to_string(), after.to_string()));
        Self { start, places: pieces.filter_map(place).collect(), chinese: chinese.to_string() }
    }

    /// How much of the text is the template's own; the more, the less it fits by chance.
    fn own(&self) -> usize {
        self.places.iter().map(|(_, after)| after.len()).sum::<usize>() + self.start.len()
    }

    fn holds_sentences(&self) -> bool {
        self.places.iter().any(|(name, _)| name == "rest")
    }

    /// What stands in the places, if the text is this one.
    fn fit<'t>(&'t self, text: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
        let mut rest = text.strip_prefix(self.start.as_str())?;
        let mut values = Vec::with_capacity(self.places.len());
        for (place, (name, after)) in self.places.iter().enumerate() {
            let last = place + 1 == self.places.len();
            let (value, behind) = if last { (rest.strip_suffix(after.as_str())?, "") } else { rest.split_once(after)? };
            if !may_be(name, value) {
                return None;
            }
            values.push((name.as_str(), value));
            rest = behind;
        }
        rest.is_empty().then_some(values)
    }
}

/// Whether the value can stand in a place of this name. Most names are no sentences, and nothing is said before them.
fn may_be(name: &str, value: &str) -> bool {
    let number = || value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let fits = match name {
        "n" | "m" | "k" => number(),
        "rest" | "command" => true,
        "reason" | "cause" | "text" => !value.contains(". "),
        _ if name.starts_with("part") || name.starts_with("list") => !value.contains(". "),
        _ => !value.contains(". ") && !value.contains(": "),
    };
    fits && !value.is_empty()
}

/// Templates by section, the most telling first.
fn table() -> &'static BTreeMap<String, Vec<Template>> {
    static TEMPLATES: OnceLock<BTreeMap<String, Vec<Template>>> = OnceLock::new();
    TEMPLATES.get_or_init(|| {
        let read: Table = toml::from_str(include_str!("told_zh.toml")).unwrap_or_default();
        let section = |texts: BTreeMap<String, String>| {
            let mut templates: Vec<Template> = texts.iter().map(|(en, zh)| Template::new(en, zh)).collect();
            templates.sort_by_key(|template| (std::cmp::Reverse(template.own()), !template.holds_sentences()));
            templates
        };
        read.into_iter().map(|(name, texts)| (name, section(texts))).collect()
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What is told in Chinese, if three English words are left in a row.
    pub(crate) fn left_over(text: &str) -> Option<String> {
        let told = told(Lang::Zh, text);
        let word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let words: Vec<&str> = told.split(' ').collect();
        words.windows(3).any(|row| row.iter().all(word)).then_some(told)
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn both_texts_have_the_same_places() {
        let read: Table = toml::from_str(include_str!("told_zh.toml")).unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["details", "lists", "parts", "sentences"]);
        for (english, chinese) in read.values().flatten() {
            assert_eq!(places(english), places(chinese), "{english}");
            assert_eq!(english.matches('{').count(), places(english).len(), "a place stands twice in {english}");
            assert!(!english.contains("}{"), "nothing parts the places of {english}");
        }
    }

    #[test]
    fn sentences_are_told_one_by_one() {
        assert_eq!(
            told(Lang::Zh, "The key is 120 days old and still in use. AKIDEX***b is already in use."),
            "该密钥已创建 120 天，仍在使用。AKIDEX***b 已在使用。"
        );
        assert_eq!(told(Lang::En, "Keep one of them."), "Keep one of them.");
        assert_eq!(
            told(Lang::Zh, "Keep one of them. Nobody knows this. {n}"),
            "保留其中一个即可。Nobody knows this. {n}"
        );
    }

    #[test]
    fn numbers_are_numbers_and_values_stay_text() {
        let template = Template::new("{n} calls of {name}.", "{name} 的 {n} 次调用。");
        assert_eq!(template.fit("1,204 calls of {n}.").unwrap(), [("n", "1,204"), ("name", "{n}")]);
        assert!(template.fit("many calls of x.").is_none());
        assert!(template.fit("2 calls of .").is_none());
    }

    #[test]
    fn every_reason_for_not_reading_is_told() {
        use crate::ingest::reject::Reason;
        use crate::json::JsonError;
        let reasons = [
            Reason::BadJson(JsonError { at: 7, what: "expected a value" }),
            Reason::NotAnEvent,
            Reason::ApiError,
            Reason::NoName,
            Reason::NoTime,
            Reason::BadTime("2025-13-40".to_string()),
            Reason::CosAccessLog,
            Reason::OtherCloud("AWS CloudTrail"),
            Reason::TooLarge(64),
            Reason::Damaged("expected a JSON object"),
            Reason::Cut,
            Reason::CannotOpen("it is not a regular file".to_string()),
            Reason::Row(3, Box::new(Reason::NoTime)),
            Reason::Unreadable("unexpected end of file".to_string()),
            Reason::UnknownFormat("it is compressed with xz; unpack it first".to_string()),
        ];
        for reason in reasons {
            let text = reason.to_string();
            let chinese = told(Lang::Zh, &text);
            assert!(chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{text}: {chinese}");
            if !matches!(reason, Reason::Unreadable(_)) {
                assert_eq!(left_over(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn any_text_is_survived() {
        for text in ["", ". ", "{", "}", ". . . . . . . . . .", "1. 1. 1. 1. 1. 1. 1. 1.", "# # # # #", "中. 文. "] {
            told(Lang::Zh, text);
            details(Lang::Zh, text);
        }
        told(Lang::Zh, &"Keep one of them. ".repeat(1_000));
    }
}
