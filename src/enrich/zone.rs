//! Local dates and hours in the user's zone, by the zone's own rules.

use chrono::{Offset, TimeZone, Utc};
use chrono_tz::Tz;

/// Offsets change on quarter hours at the earliest, so one offset serves this many seconds.
const SLOT: i64 = 900;

/// Turns instants into local days and seconds, remembering the last offset.
#[derive(Debug)]
pub struct LocalClock {
    zone: Tz,
    slot: i64,
    offset: i64,
}

impl LocalClock {
    /// A clock of `zone`.
    pub fn new(zone: Tz) -> Self {
        Self { zone, slot: i64::MIN, offset: 0 }
    }

    /// The local date as days since 1970, and the seconds since local midnight.
    pub fn local(&mut self, ms: i64) -> (i32, i32) {
        let seconds = ms.div_euclid(1000);
        let slot = seconds.div_euclid(SLOT);
        if slot != self.slot {
            self.offset = offset_at(self.zone, seconds);
            self.slot = slot;
        }
        let local = seconds + self.offset;
        let small = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        (small(local.div_euclid(86_400)), small(local.rem_euclid(86_400)))
    }
}

fn offset_at(zone: Tz, seconds: i64) -> i64 {
    let instant = Utc.timestamp_opt(seconds, 0).single().unwrap_or_default();
    i64::from(zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::{date_of, parse_event_time};

    fn local(zone: Tz, time: &str) -> (String, i32) {
        let (day, second) = LocalClock::new(zone).local(parse_event_time(time, 0).expect("a time"));
        (date_of(day).to_string(), second)
    }

    #[test]
    fn midnight_falls_where_the_zone_says() {
        assert_eq!(local(chrono_tz::Asia::Shanghai, "2026-01-01T16:00:00Z"), ("2026-01-02".to_string(), 0));
        assert_eq!(local(chrono_tz::Asia::Shanghai, "2026-01-01T15:59:59Z"), ("2026-01-01".to_string(), 86_399));
    }

    #[test]
    fn daylight_saving_moves_the_hour() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(local(berlin, "2026-01-15T21:00:00Z").1, 22 * 3600);
        assert_eq!(local(berlin, "2026-07-15T20:00:00Z").1, 22 * 3600);
    }
}
