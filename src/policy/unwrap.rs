//! From the text of an export to the JSON of a document: exports percent-encode it, put it into a JSON string, or wrap
//! it.

use super::explain::quote;
use super::model::{Lint, Severity};
use super::strict;
use serde_json::Value;

/// Longest text read, in bytes. The longest real document has some thousand.
pub(super) const MAX_TEXT: usize = 1 << 20;
/// How many times a document may be wrapped in a string.
const MAX_WRAPPING: usize = 3;

/// An error about the document as a whole.
pub(super) fn error(code: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Lint {
    Lint { code, severity: Severity::Error, statement: None, text: text.into(), hint: hint.into() }
}

/// The JSON value in a text, out of all strings around it.
pub(super) fn json(text: &str) -> Result<Value, Lint> {
    let mut value = Value::String(text.to_string());
    for _ in 0..=MAX_WRAPPING {
        let Value::String(text) = value else { return Ok(value) };
        value = one_layer(&text)?;
    }
    if value.is_string() {
        return Err(error(
            "DocumentError",
            "the document is a string within a string, many times over",
            "give the JSON object itself",
        ));
    }
    Ok(value)
}

fn one_layer(text: &str) -> Result<Value, Lint> {
    if text.len() > MAX_TEXT {
        return Err(error(
            "PolicyDocumentLengthOverLimit",
            format!("the document has {} bytes; more than {MAX_TEXT} are not read", text.len()),
            "split it: CAM takes a few thousand characters at most",
        ));
    }
    let text = text.trim().trim_start_matches('\u{feff}').trim_start();
    if text.is_empty() {
        return Err(error("DocumentError", "the document is empty", "give the text of PolicyDocument"));
    }
    let decoded;
    let text = if starts_percent_encoded(text) {
        decoded = percent_decoded(text)?;
        decoded.as_str()
    } else {
        text
    };
    strict::value(text).map_err(|cause| {
        let start: String = text.chars().take(30).collect();
        error(
            "DocumentError",
            format!("the document, which starts with {}, is not JSON: {cause}", quote(&start)),
            "check commas, quotes and brackets at that place",
        )
    })
}

/// Whether the text is an object in percent codes.
pub(super) fn starts_percent_encoded(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%7b"))
}

fn percent_decoded(text: &str) -> Result<String, Lint> {
    let hint = "decode it first, or give the plain JSON";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
            let byte = digits.filter(|pair| !pair.starts_with('+')).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            let at = text.len() - rest.len();
            let wrong = || error("DocumentError", format!("the percent code at byte {at} has no two hex digits"), hint);
            bytes.push(byte.ok_or_else(wrong)?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| error("DocumentError", "the percent-encoded document is not UTF-8 once decoded", hint))
}

/// The document inside `{"strategyInfo": {…}}`, or the value itself.
pub(super) fn inner(value: &Value) -> &Value {
    match value {
        Value::Object(map) if map.len() == 1 => {
            map.get("strategyInfo").or_else(|| map.get("StrategyInfo")).unwrap_or(value)
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strings_percent_codes_and_marks_around_the_document_come_off() {
        let plain = json!({ "a": "é" });
        let quoted = json!(plain.to_string()).to_string();
        for text in [" {\"a\":\"é\"}\n", "\u{feff}{\"a\":\"é\"}", "%7B%22a%22:%22%C3%A9%22%7d", quoted.as_str()] {
            assert_eq!(json(text).unwrap(), plain, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let texts = ["", "  ", "%7B%2", "%7B%FF%7D", "%7B%+1", "{", "{\"a\":1}x"];
        for text in texts {
            assert_eq!(json(text).unwrap_err().code, "DocumentError", "{text}");
        }
        let long = json(&" ".repeat(MAX_TEXT + 1)).unwrap_err();
        assert_eq!(long.code, "PolicyDocumentLengthOverLimit");
        let mut deep = json!({}).to_string();
        for _ in 0..6 {
            deep = json!(deep).to_string();
        }
        assert!(json(&deep).unwrap_err().text.contains("string within a string"));
    }
}
