//! Values of conditions: numbers, instants, addresses, truth values. A text that is none of them gives nothing.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use ipnet::IpNet;
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

/// A scalar as text.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// A network or a single address; host bits are dropped.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let net: IpNet = if text.contains('/') { text.parse().ok()? } else { IpNet::from(text.parse::<IpAddr>().ok()?) };
    Some(net.trunc())
}

/// A single address; IPv4 inside IPv6 counts as IPv4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// `true` or `false`.
pub(super) fn truth(text: &str) -> Option<bool> {
    text.trim().parse().ok()
}

/// An instant: ISO 8601, or a date and time, or a day. Without a zone it counts as UTC (our inference).
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%MZ"];
    for format in formats {
        if let Ok(at) = DateTime::parse_from_str(text, format) {
            return Some(at.to_utc());
        }
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Some(at.and_utc());
        }
    }
    Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc())
}

/// An instant in a request: as [`instant`], or seconds or milliseconds since 1970.
pub(super) fn request_instant(text: &str) -> Option<DateTime<Utc>> {
    let Ok(number) = text.trim().parse::<i64>() else { return instant(text) };
    // Seconds reach this figure in the year 5138, milliseconds reached it in 1973.
    if number.abs() < 100_000_000_000 {
        DateTime::from_timestamp(number, 0)
    } else {
        DateTime::from_timestamp_millis(number)
    }
}

/// A decimal number of any size, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// Digits after it, without trailing zeros.
    fraction: String,
}

/// Longest number read, and largest exponent.
const MAX_DIGITS: usize = 400;

impl Decimal {
    /// The number that a text stands for.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if unsigned.len() > MAX_DIGITS {
            return None;
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let steps = usize::try_from(exponent.unsigned_abs()).ok().filter(|steps| *steps <= MAX_DIGITS)?;
        if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        Some(Self::shifted(negative, whole, fraction, exponent < 0, steps))
    }

    fn shifted(negative: bool, whole: &str, fraction: &str, down: bool, steps: usize) -> Self {
        let zeros = "0".repeat(steps);
        let (all, point) = if down {
            (format!("{zeros}{whole}{fraction}"), whole.len())
        } else {
            (format!("{whole}{fraction}{zeros}"), whole.len() + steps)
        };
        let (whole, fraction) = all.split_at(point);
        let whole = whole.trim_start_matches('0').to_string();
        let fraction = fraction.trim_end_matches('0').to_string();
        let is_zero = whole.is_empty() && fraction.is_empty();
        Self { negative: negative && !is_zero, whole, fraction }
    }

    fn size(&self, other: &Self) -> Ordering {
        let whole = self.whole.len().cmp(&other.whole.len()).then_with(|| self.whole.cmp(&other.whole));
        whole.then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.size(other),
            (true, true) => other.size(self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_compare_as_written() {
        let number = |text: &str| Decimal::parse(text).unwrap();
        for (less, more) in
            [("1.2", "1.10e1"), ("9007199254740992", "9007199254740993"), ("-2", "-1.9"), ("0.09", "0.1")]
        {
            assert!(number(less) < number(more), "{less} {more}");
        }
        for (left, right) in [("1.0", "1"), ("-0", "0"), ("1e3", "1000"), ("12e-1", "1.2"), (".5", "0.50"), ("+7", "7")]
        {
            assert_eq!(number(left), number(right));
        }
        for text in ["", "-", ".", "1,5", "0x10", "1e999999999", "1e401", "NaN", "1e", "１"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn instants_take_the_vendors_forms() {
        let noon = instant("2022-05-31T12:00:00Z").unwrap();
        for text in
            ["2022-05-31 12:00:00", "2022-05-31T20:00:00+08:00", "2022-05-31T12:00:00.000Z", "2022-05-31T12:00Z"]
        {
            assert_eq!(instant(text), Some(noon), "{text}");
        }
        assert_eq!(instant("2022-05-31"), instant("2022-05-31 00:00:00"));
        assert_eq!(request_instant("1653998400"), Some(noon));
        assert_eq!(request_instant("1653998400000"), Some(noon));
        assert_eq!(instant("1653998400"), None);
        assert_eq!(request_instant("9223372036854775807"), None);
    }

    #[test]
    fn networks_drop_host_bits() {
        assert_eq!(network("10.217.182.3/24").unwrap().to_string(), "10.217.182.0/24");
        assert_eq!(network("2001:db8::1/32").unwrap().to_string(), "2001:db8::/32");
        assert_eq!(network("10.*.*.10/24"), None);
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(address("::ffff:1.2.3.4"), address("1.2.3.4"));
    }

    proptest! {
        #[test]
        fn decimals_agree_with_integers(left in any::<i64>(), right in any::<i64>()) {
            let number = |n: i64| Decimal::parse(&n.to_string()).unwrap();
            prop_assert_eq!(number(left).cmp(&number(right)), left.cmp(&right));
        }
    }
}
