//! Log text made harmless for a page: nothing of it can act, hide, or turn the direction of what stands beside it.

use crate::event::text::{acts, inert_but};
use serde_json::Value;
use std::fmt::Write;

/// Fields that are shown as blocks of text, where line feeds and tabs mean something.
const BLOCKS: [&str; 3] = ["body", "resources", "text"];

/// Replaces what acts; line feeds and tabs stay where `block` says so.
pub(super) fn inert(text: &str, block: bool) -> String {
    inert_but(text, if block { &['\n', '\t'] } else { &[] })
}

/// Text for an element or an attribute in double quotes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if acts(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// JSON that can stand in a script element, whatever its strings hold.
pub(super) fn script_json(value: &Value) -> String {
    let json = value.to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Makes every string of a value inert, names of fields too, and leaves out what is empty: the script takes what is
/// missing for empty, and a report of many alarms is a third smaller.
pub(super) fn prepare(value: &mut Value) {
    prepare_field(value, false);
}

fn prepare_field(value: &mut Value, block: bool) {
    match value {
        Value::String(text) if text.chars().any(acts) => *text = inert(text, block),
        Value::Array(items) => items.iter_mut().for_each(|item| prepare_field(item, block)),
        Value::Object(fields) => {
            let old = std::mem::take(fields);
            for (name, mut field) in old {
                prepare_field(&mut field, BLOCKS.contains(&name.as_str()));
                if !empty(&field) {
                    fields.insert(inert(&name, false), field);
                }
            }
        }
        _ => {}
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn markup_and_hidden_characters_are_disarmed() {
        assert_eq!(escape("<a b='\"'>&\u{1b}\u{202e}\n"), "&lt;a b=&#39;&quot;&#39;&gt;&amp;\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(escape("中文 ok"), "中文 ok");
    }

    #[test]
    fn every_output_knows_the_same_characters() {
        let json = |text: &str| crate::report::json::inert(json!(text).to_string());
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            let shown = if acts(c) { "\u{fffd}" } else { text.as_str() };
            assert_eq!(inert(&text, false), shown, "{c:?}");
            assert_eq!(crate::document::safe::printable(&text), shown, "{c:?}");
            assert_eq!(crate::report::text::printable(&text), shown, "{c:?}");
            assert_eq!(json(&text).contains(c), !acts(c), "{c:?}");
            assert_eq!(escape(&text).contains('\u{fffd}'), acts(c) || c == '\u{fffd}', "{c:?}");
        }
    }

    #[test]
    fn blocks_keep_their_lines_and_nothing_else_does() {
        let mut value = json!({"body": "a\n\tb\u{0}\r", "name": "a\nb", "x\u{7}": 1, "gone": null, "none": []});
        prepare(&mut value);
        assert_eq!(value, json!({"body": "a\n\tb\u{fffd}\u{fffd}", "name": "a\u{fffd}b", "x\u{fffd}": 1}));
    }

    #[test]
    fn json_cannot_leave_its_element() {
        let json = script_json(&json!("</script><!--&\u{2028}\u{2029}"));
        assert_eq!(json, r#""\u003c/script\u003e\u003c!--\u0026\u2028\u2029""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "</script><!--&\u{2028}\u{2029}");
    }
}
