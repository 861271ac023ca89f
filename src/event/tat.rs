//! Scripts that travel as base64 in request parameters, decoded so that people can read them.
//!
//! Nothing here runs anything: the text is decoded, freed of secrets and cut.

use super::params::{Param, param};
use super::raw::Body;
use super::redact::redact;
use crate::json::decode as unescape;
use std::borrow::Cow;

/// Service, actions and the parameter that holds the script.
const SCRIPTS: [(&str, &[&str], &str); 3] = [
    ("tat", &["RunCommand", "CreateCommand", "ModifyCommand", "InvokeCommand"], "Content"),
    ("cvm", &["RunInstances", "ResetInstance", "ResetInstances", "ModifyInstancesAttribute"], "UserData"),
    ("as", &["CreateLaunchConfiguration", "ModifyLaunchConfigurationAttributes"], "UserData"),
];

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The script that a call carries, as plain text without secrets and at most `most` bytes long.
///
/// `None` when the call is of another kind, or its body holds no script or hides it behind asterisks.
pub fn script(service: &str, action: &str, body: &str, most: usize) -> Option<String> {
    let name = parameter(service, action)?;
    let written = written(body, name)?;
    // Odd bytes are shown as the base64 they came as, unless that would carry a secret along.
    let shows = |plain: &String| is_readable(plain) || redact(plain, usize::MAX) != *plain;
    let bytes = decode(&written).filter(|_| written.len() >= 4);
    let text = bytes.map(|bytes| text(&bytes)).filter(shows).unwrap_or(written);
    Some(redact(&text, most))
}

fn parameter(service: &str, action: &str) -> Option<&'static str> {
    let calls = |known: &[&str]| known.iter().any(|name| name.eq_ignore_ascii_case(action));
    let found = SCRIPTS.iter().find(|(family, known, _)| family.eq_ignore_ascii_case(service) && calls(known));
    found.map(|(_, _, name)| *name)
}

/// The parameter's value as it was written, even when the body breaks off inside of it.
fn written(body: &str, name: &str) -> Option<String> {
    let escaped = body.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('\\'));
    let body = if escaped { Cow::Owned(unescape(body)) } else { Cow::Borrowed(body) };
    let value = match param(Body::Text(&body), name) {
        Param::Is(value) => value.into_owned(),
        Param::Absent => return None,
        Param::Unknown => cut_value(&body, name)?,
    };
    let says_nothing = value.trim().bytes().all(|byte| byte == b'*');
    (!says_nothing).then_some(value)
}

/// The text after `"name":"` in a body that is no whole JSON, up to the next quote or the end.
fn cut_value(body: &str, name: &str) -> Option<String> {
    let quoted = format!("\"{}\"", name.to_ascii_lowercase());
    let lower = body.to_ascii_lowercase();
    let value = lower.match_indices(&quoted).find_map(|(at, _)| {
        let rest = body[at + quoted.len()..].trim_start().strip_prefix(':')?;
        rest.trim_start().strip_prefix('"')
    })?;
    let mut slash = false;
    let end = value.bytes().position(|byte| {
        let ends = byte == b'"' && !slash;
        slash = byte == b'\\' && !slash;
        ends
    });
    Some(unescape(&value[..end.unwrap_or(value.len())]))
}

/// Decodes base64 of either alphabet; white space is skipped, padding optional, a cut end dropped.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held, mut padded) = (0_u32, 0_u32, false);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        if byte == b'=' {
            padded = true;
            continue;
        }
        let digit = digit(byte).filter(|_| !padded)?;
        bits = (bits << 6 | u32::from(digit)) & 0xfff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// Encodes as base64 of the standard alphabet, padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = STANDARD[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Bytes as text: UTF-16LE, as PowerShell has it, when they look so, else UTF-8 with losses marked.
pub(super) fn text(bytes: &[u8]) -> String {
    let marked = bytes.starts_with(&[0xff, 0xfe]);
    let zeros = bytes.iter().skip(1).step_by(2).filter(|byte| **byte == 0).count();
    if !marked && (bytes.len() < 4 || zeros * 5 < bytes.len()) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let (pairs, _) = bytes[if marked { 2 } else { 0 }..].as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}

/// Tells whether decoded bytes look like text, that is, were base64 in the first place.
fn is_readable(text: &str) -> bool {
    let is_odd = |c: &char| *c == char::REPLACEMENT_CHARACTER || c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    // One odd character is what a cut in the middle of a letter leaves.
    let odd = text.chars().rev().skip(1).filter(is_odd).count();
    let good = text.chars().filter(|c| !is_odd(c)).count();
    good > 0 && odd * 10 <= good
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(body: &str) -> Option<String> {
        script("tat", "RunCommand", body, 1000)
    }

    #[test]
    fn known_base64_is_decoded_in_either_alphabet_with_or_without_padding() {
        assert_eq!(encode(b"echo hi"), "ZWNobyBoaQ==");
        for text in ["ZWNobyBoaQ==", "ZWNobyBoaQ", "ZWNo\nbyBo\r\naQ==", " ZWNobyBoaQ= "] {
            assert_eq!(decode(text).as_deref(), Some(&b"echo hi"[..]), "{text}");
        }
        assert_eq!(decode("-_-_"), decode("+/+/"));
        assert_eq!(decode("a=b"), None);
        assert_eq!(decode(""), None);
    }

    #[test]
    fn the_command_is_shown_in_plain_text() {
        assert_eq!(run(r#"{"Content":"ZWNobyBoaQ==","X":1}"#).as_deref(), Some("echo hi"));
        assert_eq!(run(r#"{"content":"ZWNo\nbyBoaQ"}"#).as_deref(), Some("echo hi"));
        assert_eq!(run(r#"{\"Content\":\"ZWNobyBoaQ==\"}"#).as_deref(), Some("echo hi"));
        let wide: Vec<u8> = "Get-Date".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(run(&format!(r#"{{"Content":"{}"}}"#, encode(&wide))).as_deref(), Some("Get-Date"));
        let launch = script("CVM", "runinstances", r#"{"UserData":"ZWNobyBoaQ=="}"#, 9);
        assert_eq!(launch.as_deref(), Some("echo hi"));
    }

    #[test]
    fn a_cut_body_gives_the_start_of_the_command() {
        assert_eq!(run(r#"{"Content":"ZWNobyBoa"#).as_deref(), Some("echo h"));
        assert_eq!(run(r#"{"Content" : "5Lit5paH5"#).as_deref(), Some("中文"));
    }

    #[test]
    fn plain_text_stays_plain() {
        for text in ["reboot", "ls", "uname -a", "df", "halt"] {
            assert_eq!(run(&format!(r#"{{"Content":"{text}"}}"#)).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_holds_no_script_gives_nothing() {
        for body in [r#"{"Content":""}"#, r#"{"Content":"***"}"#, r#"{"CommandId":"c"}"#, "{\"Con", "", "Content"] {
            assert_eq!(run(body), None, "{body}");
        }
        assert_eq!(script("scf", "RunCommand", r#"{"Content":"ZWNobyBoaQ=="}"#, 9), None);
        assert_eq!(script("tat", "DescribeCommands", r#"{"Content":"ZWNobyBoaQ=="}"#, 9), None);
    }

    #[test]
    fn secrets_are_gone_and_the_cut_is_marked() {
        let body = format!(r#"{{"Content":"{}"}}"#, encode(b"export DB_PASSWORD=hunter2\necho done"));
        assert_eq!(run(&body).as_deref(), Some("export DB_PASSWORD=***\necho done"));
        assert_eq!(script("tat", "RunCommand", &body, 20).as_deref(), Some("export DB_PASSWOR…"));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn nothing_panics(body in ".*", value in ".*", most in 0_usize..50) {
            let _ = run(&body);
            let shown = script("tat", "RunCommand", &format!("{{\"Content\":\"{value}"), most);
            prop_assert!(shown.is_none_or(|text| text.len() <= most));
        }
    }
}
