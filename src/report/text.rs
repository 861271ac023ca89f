//! Small texts every format needs: times, numbers, and log text made harmless.

use crate::event::text::inert;
use crate::lang::Lang;
use chrono::{DateTime, Datelike, SecondsFormat, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

fn local(ms: i64, zone: Tz) -> DateTime<Tz> {
    zone.from_utc_datetime(&Utc.timestamp_millis_opt(ms).single().unwrap_or_default().naive_utc())
}

/// `YYYY-MM-DD HH:MM:SS` in the zone, for people.
pub fn time(ms: i64, zone: Tz) -> String {
    let at = local(ms, zone);
    let (date, hour) = (at.date_naive(), at.time());
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date.year(),
        date.month(),
        date.day(),
        hour.hour(),
        hour.minute(),
        hour.second()
    )
}

/// RFC 3339 with the zone's offset, for programs. Milliseconds only where there are any.
pub fn rfc3339(ms: i64, zone: Tz) -> String {
    local(ms, zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Replaces everything that could act on a terminal or hide text: control characters, and characters
/// that change the direction of writing.
pub fn printable(text: &str) -> String {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return text.to_string();
    }
    inert(text)
}

/// What a rule's page says is to be done.
pub fn what_to_do(page: &str) -> &str {
    let after = page.split_once("\n## What to do\n").map_or("", |(_, after)| after);
    after.split_once("\n## ").map_or(after, |(section, _)| section).trim()
}

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula.
pub fn harmless(cell: &str) -> String {
    let dangerous = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let cell = printable(cell);
    if dangerous { format!("'{cell}") } else { cell }
}

/// The text, or the dash that tables show for none.
pub fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

/// At most `most` characters, the last of them an ellipsis when something was cut.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A number with thousands separated by commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 alarm`, `2 alarms`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// The same in a language: `1 call`, `2 calls`, `2 次调用`.
pub fn counted_in(lang: Lang, number: u64, one: &'static str, many: &'static str) -> String {
    lang.fill("counts", if number == 1 { one } else { many }, &[("n", &grouped(number))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_zone() {
        let zone = chrono_tz::Asia::Shanghai;
        assert_eq!(time(1_680_513_809_000, zone), "2023-04-03 17:23:29");
        assert_eq!(rfc3339(1_680_513_809_000, zone), "2023-04-03T17:23:29+08:00");
        assert_eq!(rfc3339(1_680_513_809_120, chrono_tz::UTC), "2023-04-03T09:23:29.120+00:00");
    }

    #[test]
    fn escape_codes_and_direction_marks_are_replaced() {
        assert_eq!(printable("a\x1b[31mb\r\n\u{202e}c"), "a\u{fffd}[31mb\u{fffd}\u{fffd}\u{fffd}c");
        assert_eq!(printable("中文 ok"), "中文 ok");
    }

    #[test]
    fn formulas_are_disarmed() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert!(harmless(cell).starts_with('\''), "{cell}");
        }
        assert_eq!(harmless("ci-deploy"), "ci-deploy");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
