//! Times on the command line: a date, a time, or an age.

use crate::event::time::DAY_MS;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

/// Reads a date, a time, or an age before `now` (milliseconds), in `zone`.
///
/// `2026-03-02`, `2026-03-02 14:00`, `2026-03-02T14:00:00+08:00`, `24h`, `7d`, `2w`, `30m`, `today`, `yesterday`, `now`.
pub(super) fn parse(text: &str, now: i64, zone: Tz) -> Result<i64, String> {
    let text = text.trim();
    let found = word(text, now, zone).or_else(|| age(text, now)).or_else(|| moment(text, zone));
    found.ok_or_else(|| {
        format!(
            "{text:?} is no time; use a date (2026-03-02), a time (2026-03-02 14:00:00), or an age (24h, 7d, yesterday)"
        )
    })
}

fn word(text: &str, now: i64, zone: Tz) -> Option<i64> {
    let days_back = match text.to_ascii_lowercase().as_str() {
        "now" => return Some(now),
        "today" => 0,
        "yesterday" => 1,
        _ => return None,
    };
    let today = zone.timestamp_millis_opt(now).single()?.date_naive();
    local(today.checked_sub_days(chrono::Days::new(days_back))?.and_time(NaiveTime::MIN), zone)
}

fn age(text: &str, now: i64) -> Option<i64> {
    let unit = text.chars().last()?;
    let milliseconds = match unit {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => DAY_MS,
        'w' => 7 * DAY_MS,
        _ => return None,
    };
    let number: i64 = text[..text.len() - 1].parse().ok().filter(|number| *number >= 0)?;
    now.checked_sub(number.checked_mul(milliseconds)?)
}

fn moment(text: &str, zone: Tz) -> Option<i64> {
    if let Ok(exact) = DateTime::parse_from_rfc3339(text) {
        return Some(exact.timestamp_millis());
    }
    let formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let naive = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN));
    local(naive.or_else(date)?, zone)
}

/// The instant of a local time; the earlier of two when clocks go back, the next one when they skip it.
fn local(naive: NaiveDateTime, zone: Tz) -> Option<i64> {
    let found = zone.from_local_datetime(&naive).earliest();
    found
        .or_else(|| zone.from_local_datetime(&(naive + chrono::Duration::hours(1))).earliest())
        .map(|t| t.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = chrono_tz::Asia::Shanghai;
    /// 2026-03-15 12:00:00 +08:00
    const NOW: i64 = 1_773_547_200_000;

    #[test]
    fn dates_times_and_ages_are_read() {
        let read = |text: &str| parse(text, NOW, ZONE).expect(text);
        assert_eq!(read("2026-03-15 12:00:00"), NOW);
        assert_eq!(read("2026-03-15T04:00:00Z"), NOW);
        assert_eq!(read("2026-03-15"), NOW - 12 * 3_600_000);
        assert_eq!(read("24h"), NOW - DAY_MS);
        assert_eq!(read("7d"), NOW - 7 * DAY_MS);
        assert_eq!(read("yesterday"), NOW - 36 * 3_600_000);
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in ["", "soon", "7", "-7d", "2026-02-30", "99999999999999999d", "é"] {
            assert!(parse(text, NOW, ZONE).is_err(), "{text}");
        }
    }
}
