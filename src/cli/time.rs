//! Times on the command line: a date, a time, or an age.

use super::error::Usage;
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

/// Reads the time that was given to the option of this name, as [`parse`] does.
pub(super) fn option(name: &str, text: &str, now: i64, zone: Tz) -> anyhow::Result<i64> {
    parse(text, now, zone).map_err(|what| Usage(format!("--{name}: {what}")).into())
}

/// Reads when something ends, seen from `now`: a date (its start), a time, an age into the future, or `never`.
pub(super) fn parse_future(text: &str, now: i64, zone: Tz) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    let ahead = || now.checked_add(length(text)?);
    match ahead().or_else(|| moment(text, zone)) {
        Some(end) if end > now => Ok(Some(end)),
        Some(_) => Err(format!("{text:?} is not in the future; give a later time, or never")),
        None => Err(format!(
            "{text:?} is no time; use a date (2026-12-31), a time (2026-12-31 14:00:00), how long from now (30d, 12h), or never"
        )),
    }
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
    now.checked_sub(length(text)?)
}

/// A number and a unit, in milliseconds.
fn length(text: &str) -> Option<i64> {
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
    number.checked_mul(milliseconds)
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
    fn days_begin_at_local_midnight_across_daylight_saving() {
        let berlin: Tz = chrono_tz::Europe::Berlin;
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect(text).timestamp_millis();
        let read = |text: &str, now: &str, zone: Tz| parse(text, at(now), zone).expect(text);
        // The clocks went forward on 29 March 2026 and go back on 25 October 2026.
        assert_eq!(read("yesterday", "2026-03-30T00:30:00+02:00", berlin), at("2026-03-29T00:00:00+01:00"));
        assert_eq!(read("yesterday", "2026-03-29T12:00:00+02:00", berlin), at("2026-03-28T00:00:00+01:00"));
        assert_eq!(read("yesterday", "2026-10-26T00:30:00+01:00", berlin), at("2026-10-25T00:00:00+02:00"));
        assert_eq!(read("today", "2026-10-25T23:30:00+01:00", berlin), at("2026-10-25T00:00:00+02:00"));
        // An hour that is skipped begins when the clock goes on; one that comes twice is meant the first time.
        assert_eq!(read("2026-03-29 02:30", "2026-03-30T00:00:00Z", berlin), at("2026-03-29T03:30:00+02:00"));
        assert_eq!(read("2026-10-25 02:30", "2026-10-26T00:00:00Z", berlin), at("2026-10-25T02:30:00+02:00"));
        // Midnight itself was skipped in Cairo on 24 April 2026.
        let cairo: Tz = chrono_tz::Africa::Cairo;
        assert_eq!(read("2026-04-24", "2026-04-25T00:00:00Z", cairo), at("2026-04-24T01:00:00+03:00"));
        // An age is a length of time, whatever the clocks do.
        assert_eq!(read("24h", "2026-03-29T12:00:00+02:00", berlin), at("2026-03-28T11:00:00+01:00"));
    }

    #[test]
    fn ends_lie_ahead_or_nowhere() {
        let read = |text: &str| parse_future(text, NOW, ZONE);
        assert_eq!(read("30d"), Ok(Some(NOW + 30 * DAY_MS)));
        assert_eq!(read(" 12h "), Ok(Some(NOW + DAY_MS / 2)));
        assert_eq!(read("2026-03-16"), Ok(Some(NOW + DAY_MS / 2)));
        assert_eq!(read("2026-03-15T12:00:01+08:00"), Ok(Some(NOW + 1000)));
        assert_eq!(read("Never"), Ok(None));
        for past in ["0d", "2026-03-15", "2025-12-31 10:00"] {
            assert!(read(past).unwrap_err().contains("not in the future"), "{past}");
        }
        for wrong in ["", "yesterday", "now", "-3d", "30", "9999999999999999d", "2026-02-30", "日"] {
            assert!(read(wrong).unwrap_err().contains("no time"), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for text in ["", "soon", "7", "-7d", "2026-02-30", "99999999999999999d", "é"] {
            assert!(parse(text, NOW, ZONE).is_err(), "{text}");
        }
    }
}
