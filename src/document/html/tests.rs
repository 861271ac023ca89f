//! Tests of the whole page.

use super::*;
use crate::document::model::{
    Address, Alarm, Call, Coverage, Day, Decision, Document, InputFile, Key, Policy, Recommendation, Record, Reject,
    Rule,
};
use serde_json::Value;
use std::collections::BTreeSet;

const LANGS: [Lang; 2] = [Lang::En, Lang::Zh];

fn page(report: &Report, lang: Lang) -> String {
    let mut out = Vec::new();
    write(report, lang, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A report with every list filled, so that every field is shown.
fn full() -> Report {
    let document = Document { name: "policy".to_string(), text: "{\n\t\"version\": \"2.0\"}".to_string() };
    let call = Call {
        body: Some("{}".to_string()),
        event_id: Some("e".to_string()),
        resources: Some("r".to_string()),
        ..Default::default()
    };
    let some = || Some("x".to_string());
    let record = Record {
        source_ip: some(),
        region: some(),
        region_source: some(),
        ip_remark: some(),
        asset_id: some(),
        asset_name: some(),
        user: some(),
        policies: vec![document.clone()],
        clients: vec!["c".to_string()],
        api_regions: vec!["r".to_string()],
        calls: vec![call],
        ..Default::default()
    };
    let alarm = Alarm {
        id: "A-1".to_string(),
        rule: "rule".to_string(),
        decisions: vec![Decision { note: some(), ..Default::default() }],
        account: some(),
        user: some(),
        ak_remark: some(),
        ak_risks: vec!["leaked".to_string()],
        tags: vec!["t".to_string()],
        event_ids: vec!["e".to_string()],
        allowlisted_by: vec!["a".to_string()],
        records: vec![record],
        recommendation: Some(Recommendation { documents: vec![document], ..Default::default() }),
        success: 3,
        ..Default::default()
    };
    let rule = Rule {
        steps: vec!["step".to_string()],
        links: vec![("name".to_string(), "https://console.cloud.tencent.com/cam".to_string())],
        ..Default::default()
    };
    let key = Key { account: some(), user: some(), remark: some(), ..Default::default() };
    let day = Day { date: "2026-03-01".to_string(), levels: [("high".to_string(), 2)].into_iter().collect() };
    Report {
        version: 1,
        days: vec![day],
        hours: vec![vec![1; 24]; 7],
        alarms: vec![alarm],
        rules: [("rule".to_string(), rule)].into_iter().collect(),
        keys: vec![key],
        ips: vec![Address { region: some(), asset_name: some(), ..Default::default() }],
        allowlist: vec![Policy { reason: some(), owner: some(), ..Default::default() }],
        coverage: Coverage {
            events: [("read".to_string(), 5)].into_iter().collect(),
            silent_days: vec!["d".to_string()],
            inputs: vec![InputFile { hash: some(), ..Default::default() }],
            rejects: vec![Reject { file: some(), line: Some(1), ..Default::default() }],
            ..Default::default()
        },
        attributions: vec!["a".to_string()],
        ..Default::default()
    }
}

const ATTACKS: [&str; 12] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)' x='",
    "<!--<script>",
    "]]></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{script}} {{data}} {n} {before}",
    "\u{0}\u{1b}[31m\u{7f}\u{9b}\r",
    "\u{202e}live\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}",
    "&lt;b&gt; &#60;b&#62; \\u003cb\\u003e",
    "`${alert(1)}` \\\" \\",
];

/// Puts a text into every string of a value, and into the names that are data.
fn poison(value: &mut Value, text: &str) {
    match value {
        Value::String(string) => *string = text.to_string(),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text)),
        Value::Object(fields) => fields.values_mut().for_each(|field| poison(field, text)),
        _ => {}
    }
}

fn poisoned(text: &str) -> Report {
    let mut value = serde_json::to_value(full()).unwrap();
    poison(&mut value, text);
    let mut report: Report = serde_json::from_value(value).unwrap();
    report.rules = report.rules.into_values().map(|rule| (text.to_string(), rule)).collect();
    report.coverage.events.insert(text.to_string(), 1);
    report
}

fn data(page: &str) -> Value {
    let island = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(island).unwrap()
}

/// The page without the embedded script, style and data.
fn markup(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, rest) = rest.split_once("<script type=\"application/json\"").unwrap();
    let (_, rest) = rest.split_once("</script>").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    format!("{before}{body}{after}")
}

#[test]
fn nothing_from_a_log_becomes_markup() {
    let clean = markup(&page(&poisoned("plain"), Lang::En)).matches('<').count();
    for lang in LANGS {
        for attack in ATTACKS {
            let page = page(&poisoned(attack), lang);
            let markup = markup(&page);
            assert_eq!(markup.matches('<').count(), clean, "{attack}");
            assert_eq!(page.matches("<script").count(), 2 + SCRIPT.matches("<script").count(), "{attack}");
            assert!(!markup.contains("<img"), "{attack}");
            data(&page);
        }
    }
}

/// Every string of a value, names of fields too.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            found.push(name.clone());
            strings(field, found);
        }),
        _ => {}
    }
}

#[test]
fn nothing_that_acts_reaches_the_page() {
    for attack in ATTACKS {
        let page = page(&poisoned(attack), Lang::Zh);
        let acts = |c: char| {
            c.is_control() && c != '\n'
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        assert_eq!(page.chars().find(|c| acts(*c)), None, "{attack:?}");
        let mut found = Vec::new();
        strings(&data(&page), &mut found);
        assert!(found.iter().all(|text| !text.chars().any(|c| acts(c) && c != '\t')), "{attack:?}");
    }
}

#[test]
fn the_policy_fits_what_is_embedded() {
    let page = page(&full(), Lang::En);
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    assert_eq!((style, script), (compact(STYLE).as_str(), compact(SCRIPT).as_str()));
    for (kind, text) in [("style", style), ("script", script)] {
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(page.contains(&format!("{kind}-src 'sha256-{hash}'")));
    }
    assert!(page.contains("content=\"default-src 'none'; script-src 'sha256-"));
    assert!(!page.contains("unsafe-"));
}

#[test]
fn no_text_of_the_script_goes_over_lines() {
    // Indentation is taken away line by line, which such a text would not survive.
    assert!(SCRIPT.lines().all(|line| line.matches('`').count().is_multiple_of(2)));
    assert!(!SCRIPT.contains("/*"));
}

#[test]
fn no_attribute_would_break_the_policy() {
    for lang in LANGS {
        for report in [full(), Report::default()] {
            let markup = markup(&page(&report, lang));
            for tag in markup.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
                let names =
                    tag.split('"').step_by(2).filter_map(|part| part.trim_end_matches('=').split_whitespace().last());
                let mut names = names.filter(|_| tag.contains('='));
                assert!(names.all(|name| name != "style" && !name.starts_with("on") && name != "src"), "{tag}");
            }
            assert!(
                !markup.contains("http:")
                    && !markup.contains("https:")
                    && !markup.replace("url(#p-", "").contains("url(")
            );
        }
    }
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", ".style"]
    {
        assert!(!SCRIPT.contains(forbidden), "{forbidden}");
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--") && !STYLE.contains("</style"));
}

#[test]
fn an_empty_report_has_a_page() {
    for lang in LANGS {
        let page = page(&Report::default(), lang);
        assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
        assert!(!page.contains("{{"));
        assert_eq!(data(&page)["alarms"], Value::Array(Vec::new()));
    }
}

#[test]
fn long_lists_are_cut_on_paper_and_whole_in_the_data() {
    let mut report = full();
    let alarm = report.alarms[0].clone();
    report.alarms = (0..300).map(|place| Alarm { id: format!("A-{place}"), ..alarm.clone() }).collect();
    let page = page(&report, Lang::En);
    assert_eq!(page.matches("class=\"why\"").count(), 200);
    assert!(page.contains("The worst 200 of 300 alarms"));
    let data = data(&page);
    assert_eq!(data["alarms"].as_array().unwrap().len(), 300);
    assert_eq!(data["documents"]["text"].as_array().unwrap().len(), 1, "each document stands there once");
}

fn names(lang: &str, section: &str) -> BTreeSet<String> {
    let table: toml::Table = toml::from_str(lang).unwrap();
    table[section].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn both_languages_have_the_same_texts() {
    let (en, zh) = (include_str!("../texts/en.toml"), include_str!("../texts/zh.toml"));
    for section in ["html", "words"] {
        assert_eq!(names(en, section), names(zh, section));
    }
    let words: BTreeSet<String> = island::WORDS.iter().map(ToString::to_string).collect();
    assert_eq!(words, names(en, "words"));
    let places = |lang: Lang, name| {
        let text = crate::document::texts::text(lang, "html", name);
        let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_string());
        names.collect::<BTreeSet<_>>()
    };
    for name in island::TEXTS {
        assert_eq!(places(Lang::En, name), places(Lang::Zh, name), "{name}");
    }
}

#[test]
fn every_text_is_there_and_is_used() {
    let known = names(include_str!("../texts/en.toml"), "html");
    let given: BTreeSet<String> = island::TEXTS.iter().map(ToString::to_string).collect();
    assert!(given.is_subset(&known), "{:?}", given.difference(&known));
    let called = SCRIPT.split(" t(\"").chain(SCRIPT.split("(t(\"")).chain(SCRIPT.split("[t(\"")).skip(1);
    for name in called.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name).filter(|name| is_name(name)) {
        assert!(given.contains(name), "{name}");
    }
    let sources = [include_str!("mod.rs"), include_str!("parts.rs"), include_str!("charts.rs"), SCRIPT].concat();
    for name in known {
        assert!(sources.contains(&format!("\"{name}\"")) || sources.contains(&format!("{name}:")), "{name}");
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}
