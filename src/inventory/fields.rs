//! Lenient scalars: text, numbers and times as exports really hold them.
//! Nothing here knows which call a field belongs to.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::{Map, Value};

/// A JSON object as serde reads it.
pub(super) type Object = Map<String, Value>;

/// Longest id, name or remark kept, far above what the provider allows: one long remark
/// may be shared by very many addresses.
const LENGTH: usize = 500;

/// Longest piece of foreign text repeated in a message.
const QUOTED: usize = 60;

/// Returns the field, whatever its case (`AssetId`, `AssetID`); dots step into objects.
pub(super) fn field<'v>(object: &'v Object, name: &str) -> Option<&'v Value> {
    if let Some((outer, inner)) = name.split_once('.') {
        return field(field(object, outer)?.as_object()?, inner);
    }
    object.get(name).or_else(|| {
        let same = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
        object.iter().find(same).map(|(_, value)| value)
    })
}

/// Returns the field as an array; null counts as an empty one.
pub(super) fn list<'v>(object: &'v Object, name: &str) -> Option<&'v [Value]> {
    match field(object, name)? {
        Value::Array(items) => Some(items),
        Value::Null => Some(&[]),
        _ => None,
    }
}

/// Returns the first of the fields that holds text or a number worth having.
pub(super) fn text(object: &Object, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| scalar(field(object, name)?)).map(|text| short(&text))
}

/// Returns the text, cut where it is longer than any id, name or remark.
pub(super) fn short(text: &str) -> String {
    text.chars().take(LENGTH).collect()
}

/// Returns a value's text, if it is a scalar and stands for something.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => present(text).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the trimmed text, unless it is one of the usual signs for "nothing".
pub(super) fn present(text: &str) -> Option<&str> {
    let text = text.trim();
    let absent = matches!(text, "" | "-" | "--" | "无") || text.eq_ignore_ascii_case("n/a");
    (!absent).then_some(text)
}

/// Returns the text in quotes, made safe to print and not too long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Reads a time into milliseconds since 1970 in UTC; `Ok(None)` means there is none.
///
/// Numbers are told apart by size, text without an offset is `naive_offset_seconds`
/// east of UTC, and a bare date is its first moment.
pub(super) fn time(text: &str, naive_offset_seconds: i32) -> Result<Option<i64>, String> {
    let Some(text) = present(text).filter(|text| !text.starts_with("0000-00-00")) else {
        return Ok(None);
    };
    let bad = || format!("{} is not a time", quoted(text));
    if let Ok(number) = text.parse::<i64>() {
        return epoch(number).ok_or_else(bad);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Some(time.timestamp_millis()));
    }
    let naive = naive_time(text).ok_or_else(bad)?;
    let offset = i64::from(naive_offset_seconds) * 1000;
    Ok(Some(naive.and_utc().timestamp_millis() - offset))
}

fn naive_time(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y/%m/%d %H:%M:%S"];
    let parse = |format| NaiveDateTime::parse_from_str(text, format).ok();
    formats.into_iter().find_map(parse).or_else(|| {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(date.and_time(NaiveTime::MIN))
    })
}

/// Seconds, milliseconds or microseconds by size; zero and below mean "never".
///
/// The limits lie at 1973 and far beyond 2100 in each unit, so that a number
/// which is no time (a year, a date without dashes) is not taken for one.
#[expect(clippy::option_option, reason = "outer: is it a time; inner: is there one")]
fn epoch(number: i64) -> Option<Option<i64>> {
    match number {
        ..=0 => Some(None),
        100_000_000..100_000_000_000 => Some(Some(number * 1000)),
        100_000_000_000..100_000_000_000_000 => Some(Some(number)),
        100_000_000_000_000..100_000_000_000_000_000 => Some(Some(number / 1000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHINA: i32 = 28_800;

    #[test]
    fn naive_times_use_the_offset_and_others_their_own() {
        assert_eq!(time("2024-11-01 08:00:00", CHINA), Ok(Some(1_730_419_200_000)));
        assert_eq!(time("2024-11-01T00:00:00Z", CHINA), Ok(Some(1_730_419_200_000)));
        assert_eq!(time("2024-11-01T08:00:00+08:00", 0), Ok(Some(1_730_419_200_000)));
        assert_eq!(time("2024-11-01", 0), Ok(Some(1_730_419_200_000)));
    }

    #[test]
    fn numbers_are_told_apart_by_size() {
        for text in ["1730419200", "1730419200000", "1730419200000000"] {
            assert_eq!(time(text, CHINA), Ok(Some(1_730_419_200_000)), "{text}");
        }
    }

    #[test]
    fn no_time_is_not_a_bad_time() {
        for text in ["", "-", "0", "0000-00-00 00:00:00"] {
            assert_eq!(time(text, CHINA), Ok(None), "{text}");
        }
        for text in ["yesterday", "20221219", "2025-13-40", "9999999999999999999"] {
            assert!(time(text, CHINA).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_are_found_whatever_their_case() {
        let value = serde_json::json!({"AssetID": 7, "Attachment": {"InstanceId": "ins-1"}});
        let object = value.as_object().unwrap();
        assert_eq!(text(object, &["AssetId"]).unwrap(), "7");
        assert_eq!(text(object, &["Nothing", "Attachment.InstanceId"]).unwrap(), "ins-1");
    }

    #[test]
    fn long_and_unprintable_text_is_cut_and_escaped() {
        assert_eq!(quoted("a\u{1b}b"), "\"a\\u{1b}b\"");
        assert!(quoted(&"无".repeat(1000)).len() < 300);
    }
}
