//! What is told about each rule, in each language; the English words are those of the rules' pages.

use super::Lang;
use super::told::details;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What people read about a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// Its name.
    pub title: String,
    /// What it watches.
    pub summary: String,
    /// The condition in words, with which an alarm's "why" begins.
    pub because: String,
    /// What to do about an alarm, step by step.
    pub steps: Vec<String>,
}

/// The texts of the rule with this id; all of them empty for an id that is no rule's.
pub fn rule_text(lang: Lang, rule_id: &str) -> RuleText {
    texts(lang).get(rule_id).cloned().unwrap_or_default()
}

/// An alarm's "why" in this language: the rule's condition, and the details behind it.
pub fn why(lang: Lang, rule_id: &str, why: &str) -> String {
    let [english, own] = [Lang::En, lang].map(|lang| texts(lang).get(rule_id));
    match (english, own) {
        (Some(english), Some(own)) => match why.strip_prefix(english.because.as_str()) {
            Some(rest) => format!("{}{}", own.because, details(lang, rest)),
            None => why.to_string(),
        },
        _ => why.to_string(),
    }
}

fn texts(lang: Lang) -> &'static BTreeMap<String, RuleText> {
    static EN: OnceLock<BTreeMap<String, RuleText>> = OnceLock::new();
    static ZH: OnceLock<BTreeMap<String, RuleText>> = OnceLock::new();
    let read = |text: &str| toml::from_str(text).unwrap_or_default();
    match lang {
        Lang::En => EN.get_or_init(|| read(include_str!("rules_en.toml"))),
        Lang::Zh => ZH.get_or_init(|| read(include_str!("rules_zh.toml"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rules::ALL;

    /// A page's text in one line, without the marks of code.
    fn plain(text: &str) -> String {
        text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_rule_is_told_in_both_languages_and_nothing_else_is() {
        for lang in Lang::ALL {
            assert_eq!(texts(lang).len(), ALL.len(), "{lang:?}");
            for (meta, _) in ALL {
                let text = rule_text(lang, meta.id);
                for words in [&text.title, &text.summary, &text.because] {
                    assert!(!words.is_empty(), "{lang:?} {}", meta.id);
                    assert_eq!(words.is_ascii(), lang == Lang::En, "{lang:?} {}: {words}", meta.id);
                }
                assert!((2..=5).contains(&text.steps.len()), "{lang:?} {}", meta.id);
                assert_eq!(text.steps.len(), rule_text(Lang::En, meta.id).steps.len(), "{}", meta.id);
            }
        }
    }

    #[test]
    fn the_english_words_are_those_of_rules_and_pages() {
        for (meta, _) in ALL {
            let (text, page) = (rule_text(Lang::En, meta.id), plain(meta.docs));
            assert_eq!((text.title.as_str(), text.because.as_str()), (meta.title, meta.because));
            for words in text.steps.iter().chain([&text.summary]) {
                assert!(page.contains(words.as_str()), "{}: the page does not say {words:?}", meta.id);
            }
        }
    }

    #[test]
    fn a_why_is_told_in_the_language() {
        let kept = "a call that makes an access key, success, unverified";
        assert_eq!(why(Lang::En, "create-key", kept), kept);
        assert_eq!(why(Lang::Zh, "create-key", kept), "成功新建访问密钥的调用，未经核实");
        let more = "API call, cvm:StopInstances is high-risk (impact), odd note";
        let told = "以 API 方式调用，cvm:StopInstances 为高危接口（破坏），odd note";
        assert_eq!(why(Lang::Zh, "non-console-high-risk-api", more), told);
        assert_eq!(why(Lang::Zh, "create-key", "as an older version said"), "as an older version said");
    }
}
