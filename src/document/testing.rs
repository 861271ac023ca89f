//! Reports for tests: the demo's, and hostile ones.

use crate::document::model::Report;
use serde_json::Value;

/// The report of the demo.
pub(crate) fn sample() -> Report {
    serde_json::from_str(include_str!("../../fixtures/report/sample.json")).unwrap()
}

/// Strings that do harm where they are shown carelessly.
pub(crate) const HOSTILE: [&str; 16] = [
    "@all @here @channel <@U123> <!channel> <!subteam^S1> <at id=all></at> <at user_id=\"all\">x</at>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](https://evil.example) ![](http://evil.example/x.png) <https://evil.example|ok>",
    "https://evil.example www.evil.example mailto:a@evil.example evil.example/path",
    "line\r\n# heading\n- item\n\n> quote\n```\ncode",
    "\u{1b}[31mred\u{7}\u{0}\u{8}\u{7f}\u{9b}x",
    "\u{202e}gnp.exe\u{2066}a\u{200b}b\u{feff}\u{e0041}",
    "**bold** __x__ ~~s~~ `code` ``` `` \\` \\",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "&lt;@all&gt; &#64;all &#x3c;script&#x3e; <font color=\"warning\">x</font>",
    "{{ 7*7 }} {% raw %} ${7*7} _x0041_ ]]> <!--",
    "中文＠所有人 🚨 $(reboot); rm -rf /",
    "\t\n ",
];

/// Reports whose every string is hostile, and reports where only the fields that logs fill are.
pub(crate) fn hostile() -> Vec<Report> {
    let long = "長<@all>".repeat(400);
    let strings = HOSTILE.iter().copied().chain([long.as_str()]);
    strings.flat_map(|text| [mutated(text, true), mutated(text, false)]).collect()
}

fn mutated(text: &str, all: bool) -> Report {
    let mut report = sample();
    report.alarms.iter_mut().for_each(|alarm| alarm.records.truncate(2));
    let mut value = serde_json::to_value(report).unwrap();
    walk(&mut value, "", &mut |name, string| {
        if all || !KEPT.contains(&name) {
            *string = text.to_string();
        }
    });
    serde_json::from_value(value).unwrap()
}

/// Fields that akguard itself fills with times and codes.
const KEPT: [&str; 13] = [
    "generated",
    "since",
    "until",
    "before",
    "level",
    "status",
    "type",
    "rule",
    "identity",
    "first_call",
    "last_call",
    "ip_type",
    "date",
];

/// Every string of a value, with the name of the field it is in.
fn walk(value: &mut Value, name: &str, change: &mut dyn FnMut(&str, &mut String)) {
    match value {
        Value::String(string) => change(name, string),
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, name, change)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| walk(field, name, change)),
        _ => {}
    }
}

mod texts {
    use std::collections::BTreeMap;

    type Table = BTreeMap<String, BTreeMap<String, String>>;

    #[test]
    fn languages_have_the_same_texts() {
        let en: Table = toml::from_str(include_str!("texts/en.toml")).unwrap();
        let zh: Table = toml::from_str(include_str!("texts/zh.toml")).unwrap();
        let names = |table: &Table| -> Vec<(String, Vec<String>)> {
            table.iter().map(|(section, texts)| (section.clone(), texts.keys().cloned().collect())).collect()
        };
        assert_eq!(names(&en), names(&zh));
    }

    #[test]
    fn texts_take_the_same_values() {
        let en: Table = toml::from_str(include_str!("texts/en.toml")).unwrap();
        let zh: Table = toml::from_str(include_str!("texts/zh.toml")).unwrap();
        for (section, texts) in &en {
            for (name, text) in texts {
                for value in ["{n}", "{since}", "{until}", "{zone}", "{level}", "{change}", "{sheet}", "{what}"] {
                    assert_eq!(text.contains(value), zh[section][name].contains(value), "{section}.{name}");
                }
            }
        }
    }
}
