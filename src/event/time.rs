//! Event times: every spelling found in exports, read into milliseconds since 1970 in UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use hashbrown::HashMap;
use std::hash::Hash;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// Earliest time taken as plausible: 2000-01-01. CloudAudit is younger.
const MIN_MS: i64 = 946_684_800_000;
/// Latest time taken as plausible: 2100-01-01.
const MAX_MS: i64 = 4_102_444_800_000;

/// Reads an event time. Returns `None` when the text is no time between 2000 and 2100.
///
/// Epoch numbers are told apart by their digits: up to 11 seconds, 12 to 14 milliseconds, 15 or 16
/// microseconds, 17 or 18 units of 100 ns (`updateEsTime`), 19 nanoseconds. A text without an
/// offset is local time at `naive_offset` seconds east of UTC.
pub fn parse_event_time(text: &str, naive_offset: i32) -> Option<i64> {
    let text = text.trim();
    let ms = if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        epoch_ms(text)?
    } else if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+')) {
        // Spreadsheets and dataframes write 1.7411472e9.
        epoch_ms(&format!("{:.0}", text.parse::<f64>().ok()?))?
    } else {
        text_ms(text, naive_offset)?
    };
    (MIN_MS..MAX_MS).contains(&ms).then_some(ms)
}

fn epoch_ms(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        0..=11 => Some(number.checked_mul(1000)? + fraction_ms(fraction)),
        12..=14 => Some(number),
        15 | 16 => Some(number / 1_000),
        17 | 18 => Some(number / 10_000),
        _ => Some(number / 1_000_000),
    }
}

fn fraction_ms(digits: &str) -> i64 {
    let mut ms = 0;
    for place in 0..3 {
        let digit = digits.as_bytes().get(place).map_or(0, |b| i64::from(b.saturating_sub(b'0')));
        ms = ms * 10 + digit;
    }
    ms
}

fn text_ms(text: &str, naive_offset: i32) -> Option<i64> {
    if let Ok(with_offset) = DateTime::parse_from_rfc3339(text) {
        return Some(with_offset.timestamp_millis());
    }
    let spellings = ["%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%z"];
    if let Some(with_offset) = spellings.iter().find_map(|f| DateTime::parse_from_str(text, f).ok()) {
        return Some(with_offset.timestamp_millis());
    }
    let formats =
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"];
    let naive = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok())?;
    Some(naive.and_utc().timestamp_millis() - i64::from(naive_offset) * 1000)
}

/// Reads an offset such as `+08:00`, `-0530`, `+8`, `Z` or `UTC` into seconds east of UTC.
pub fn parse_offset(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The calendar date of a day number.
pub fn date_of(day: i32) -> NaiveDate {
    NaiveDate::default() + chrono::Duration::days(i64::from(day))
}

/// Notes a time under `key` unless an earlier one is known.
pub fn keep_earlier<K: Hash + Eq>(firsts: &mut HashMap<K, i64>, key: K, time: i64) {
    let first = firsts.entry(key).or_insert(time);
    *first = (*first).min(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: i32 = 8 * 3600;

    #[test]
    fn epochs_are_told_apart_by_their_digits() {
        let expected = Some(1_680_513_809_000);
        for text in [
            "1680513809",
            "1680513809000",
            "1680513809000000",
            "16805138090000000",
            "1680513809000000000",
            "1680513809.0",
            "1.680513809e9",
            "1.680513809E+12",
        ] {
            assert_eq!(parse_event_time(text, EIGHT), expected, "{text}");
        }
    }

    #[test]
    fn naive_text_is_at_the_given_offset() {
        assert_eq!(parse_event_time("2017-11-02 19:08:14", EIGHT), Some(1_509_620_894_000));
        assert_eq!(parse_event_time("2017-11-02 11:08:14", 0), Some(1_509_620_894_000));
    }

    #[test]
    fn an_offset_as_written_wins() {
        for text in [
            "2017-11-02T11:08:14Z",
            "2017-11-02T19:08:14+08:00",
            "2017-11-02 19:08:14+0800",
            "2017-11-02T19:08:14+0800",
        ] {
            assert_eq!(parse_event_time(text, 0), Some(1_509_620_894_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "0", "2025-13-40", "yesterday", "99999999999999999999999", "0000-00-00 00:00:00", "."] {
            assert_eq!(parse_event_time(text, EIGHT), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_read_in_their_usual_spellings() {
        assert_eq!(parse_offset("+08:00"), Some(28_800));
        assert_eq!(parse_offset("-0530"), Some(-19_800));
        assert_eq!(parse_offset("Z"), Some(0));
        assert_eq!(parse_offset("8"), None);
        assert_eq!(parse_offset("+99:00"), None);
    }
}
