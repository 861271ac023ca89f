//! What people decide: status of alarms, remarks on keys and addresses, which alarms a mark has seen.

use super::alarms::{snapshot, usual_ip};
use super::{Db, Failure, StoreError};
use crate::alarm::status::Status;
use rusqlite::{OptionalExtension, Transaction};
use unicode_segmentation::UnicodeSegmentation;

/// A decision to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewDecision<'a> {
    /// What was decided.
    pub status: Status,
    /// By whom.
    pub by: &'a str,
    /// Why.
    pub note: Option<&'a str>,
    /// When, in milliseconds.
    pub at: i64,
}

/// What a decision about several alarms changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Alarms decided anew.
    pub changed: u64,
    /// Alarms about which nothing new was said.
    pub already: u64,
}

/// Decides about alarms, about all or about none of them.
///
/// Nothing new is said where an alarm has that status, no calls came since, and the note is the same or not given.
pub fn decide(db: &Db, alarms: &[i64], decision: NewDecision<'_>) -> Result<Decided, StoreError> {
    let work = |transaction: &Transaction<'_>| {
        let mut decided = Decided::default();
        for alarm in alarms {
            if decide_one(transaction, *alarm, decision)? {
                decided.changed += 1;
            } else {
                decided.already += 1;
            }
        }
        Ok(decided)
    };
    db.write(work).map_err(|failure| failure.at(db.path()))
}

/// Decides about one alarm and says whether that is new.
fn decide_one(transaction: &Transaction<'_>, alarm: i64, new: NewDecision<'_>) -> Result<bool, Failure> {
    let text = "SELECT status, decided_note, decided_calls, success + failed FROM alarms WHERE number = ?";
    let known = transaction.prepare_cached(text)?.query_row([alarm], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, Option<String>>(1)?,
            row.get::<_, Option<i64>>(2)?,
            row.get::<_, i64>(3)?,
        ))
    });
    let (status, note, decided_calls, calls) = known?;
    let same_note = new.note.is_none() || new.note == note.as_deref();
    let reopened = new.status == Status::Unprocessed;
    if status == new.status.as_str() && (reopened || (same_note && decided_calls == Some(calls))) {
        return Ok(false);
    }
    let text = "UPDATE alarms SET status = ?2, decided_at = ?3, decided_by = ?4, decided_note = ?5, \
         decided_calls = ?6 WHERE number = ?1";
    let word = new.status.as_str();
    let kept = (!reopened).then_some((new.at, new.by, new.note, calls));
    transaction.prepare_cached(text)?.execute((
        alarm,
        word,
        kept.map(|(at, ..)| at),
        kept.map(|(_, by, ..)| by),
        kept.and_then(|(_, _, note, _)| note),
        kept.map(|(.., calls)| calls),
    ))?;
    let text = "INSERT INTO decisions (alarm, status, at, by, note) VALUES (?, ?, ?, ?, ?)";
    transaction.prepare_cached(text)?.execute((alarm, word, new.at, new.by, new.note))?;
    Ok(true)
}

/// What a remark is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkOn {
    /// A key.
    Ak,
    /// An address.
    Ip,
}

impl RemarkOn {
    /// The word under which the database keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ak => "ak",
            Self::Ip => "ip",
        }
    }

    /// The id as it is kept.
    fn id(self, id: &str) -> String {
        match self {
            Self::Ak => id.to_string(),
            Self::Ip => usual_ip(id),
        }
    }
}

/// Characters of a remark, as the console allows.
pub const MAX_REMARK: usize = 20;

/// Why a remark cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RemarkError {
    /// Too many characters.
    #[error("the remark has {0} characters; at most {MAX_REMARK} are kept, so nothing was changed")]
    TooLong(usize),
    /// It holds a control character.
    #[error("the remark holds a control character, so nothing was changed")]
    Control,
    /// The database cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a remark; an empty one is taken away, and what asset lists say shows again.
pub fn set_remark(db: &Db, on: RemarkOn, id: &str, remark: &str, now: i64) -> Result<(), RemarkError> {
    let remark = remark.trim();
    check_remark(remark)?;
    let id = on.id(id);
    let work = |transaction: &Transaction<'_>| {
        if remark.is_empty() {
            transaction.execute("DELETE FROM remarks WHERE kind = ? AND id = ?", (on.as_str(), &id))?;
        } else {
            let text = "INSERT INTO remarks (kind, id, remark, at) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (kind, id) DO UPDATE SET remark = excluded.remark, at = excluded.at";
            transaction.execute(text, (on.as_str(), &id, remark, now))?;
        }
        if on == RemarkOn::Ip {
            // Policies may ask whether an address has a remark.
            super::allowlist::cover_address(transaction, &id)?;
        }
        Ok(())
    };
    Ok(db.write(work).map_err(|failure| failure.at(db.path()))?)
}

/// Refuses what is no remark. A character is what a reader takes for one.
fn check_remark(remark: &str) -> Result<(), RemarkError> {
    if remark.chars().any(char::is_control) {
        return Err(RemarkError::Control);
    }
    let characters = remark.graphemes(true).count();
    if characters > MAX_REMARK { Err(RemarkError::TooLong(characters)) } else { Ok(()) }
}

/// The remark in effect: the user's, else that of assets or inventory.
pub fn remark(db: &Db, on: RemarkOn, id: &str) -> Result<Option<String>, StoreError> {
    let id = on.id(id);
    let listed = match on {
        RemarkOn::Ak => {
            "SELECT ak_remark FROM alarms WHERE ak = ? AND ak_remark IS NOT NULL ORDER BY last_call DESC LIMIT 1"
        }
        RemarkOn::Ip => "SELECT remark FROM ips WHERE ip = ? AND remark IS NOT NULL",
    };
    snapshot(db, |conn| {
        let own = "SELECT remark FROM remarks WHERE kind = ? AND id = ?";
        let own: Option<String> = conn.query_row(own, (on.as_str(), &id), |row| row.get(0)).optional()?;
        match own {
            Some(remark) => Ok(Some(remark)),
            None => Ok(conn.query_row(listed, [&id], |row| row.get(0)).optional()?),
        }
    })
}

/// Whether a key or address was ever seen.
pub fn is_known(db: &Db, on: RemarkOn, id: &str) -> Result<bool, StoreError> {
    let text = match on {
        RemarkOn::Ak => {
            "SELECT EXISTS (SELECT 1 FROM labels WHERE ak = ?1) OR EXISTS (SELECT 1 FROM alarms WHERE ak = ?1)"
        }
        RemarkOn::Ip => {
            "SELECT EXISTS (SELECT 1 FROM ips WHERE ip = ?1) OR EXISTS (SELECT 1 FROM records WHERE source_ip = ?1)"
        }
    };
    let id = on.id(id);
    snapshot(db, |conn| Ok(conn.query_row(text, [&id], |row| row.get(0))?))
}

/// Notes that a mark has seen these alarms. Part of a transaction, so that no other run shows them too.
pub fn mark(transaction: &Transaction<'_>, name: &str, ids: &[String]) -> Result<(), Failure> {
    let text = "INSERT OR IGNORE INTO marks (name, alarm) VALUES (?1, ?2)";
    let mut statement = transaction.prepare_cached(text)?;
    for id in ids {
        statement.execute((name, id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::alarms::{AlarmFilter, Records, Sort, alarms};
    use super::super::read::history;
    use super::super::sample::{NOW, Sample};
    use super::*;

    fn decided(sample: &Sample, alarms: &[i64], status: Status, note: Option<&str>) -> (u64, u64) {
        let decided = decide(&sample.db, alarms, NewDecision { status, by: "ops", note, at: NOW }).unwrap();
        (decided.changed, decided.already)
    }

    #[test]
    fn deciding_twice_says_nothing_new() {
        let sample = Sample::new();
        let both = Status::Processed;
        assert_eq!(decided(&sample, &[1, 2], both, Some("rotated")), (2, 0));
        assert_eq!(decided(&sample, &[1, 2, 3], both, Some("rotated")), (1, 2));
        assert_eq!(decided(&sample, &[1], both, None), (0, 1));
        assert_eq!(decided(&sample, &[1], both, Some("other")), (1, 0));
        assert_eq!(decided(&sample, &[1], Status::Ignored, None), (1, 0));
        assert_eq!(history(&sample.db, 1).unwrap().len(), 3);
    }

    #[test]
    fn new_calls_make_the_same_decision_new() {
        let sample = Sample::new();
        decided(&sample, &[2], Status::Ignored, None);
        sample.record(21, 2, "192.0.2.9", true, 4, 9999);
        let new = || {
            let filter = AlarmFilter { numbers: Some(vec![2]), ..AlarmFilter::default() };
            alarms(&sample.db, &filter, NOW, Sort::Level, None, Records::None).unwrap()[0].new_since_processed
        };
        assert_eq!(new(), 4);
        assert_eq!(decided(&sample, &[2], Status::Ignored, None), (1, 0));
        assert_eq!(new(), 0);
    }

    #[test]
    fn reopening_takes_the_decision_back_and_is_kept() {
        let sample = Sample::new();
        decided(&sample, &[1], Status::Processed, Some("x"));
        assert_eq!(decided(&sample, &[1], Status::Unprocessed, Some("wrong")), (1, 0));
        assert_eq!(decided(&sample, &[1], Status::Unprocessed, None), (0, 1));
        let text = "SELECT coalesce(decided_at, decided_by, decided_note, decided_calls) FROM alarms WHERE number = 1";
        let left: Option<String> = sample.db.conn.query_row(text, [], |row| row.get(0)).unwrap();
        assert_eq!(left, None);
        assert_eq!(history(&sample.db, 1).unwrap()[1].note.as_deref(), Some("wrong"));
    }

    #[test]
    fn one_unknown_alarm_changes_nothing() {
        let sample = Sample::new();
        let decision = NewDecision { status: Status::Ignored, by: "ops", note: None, at: NOW };
        assert!(decide(&sample.db, &[1, 99], decision).is_err());
        assert!(history(&sample.db, 1).unwrap().is_empty());
    }

    #[test]
    fn remarks_have_twenty_characters_as_a_reader_counts() {
        let sample = Sample::new();
        let set = |text: &str| set_remark(&sample.db, RemarkOn::Ip, "203.0.113.7", text, NOW);
        let shown = || remark(&sample.db, RemarkOn::Ip, "203.0.113.7").unwrap();
        for text in ["安".repeat(20), "👩‍👩‍👧‍👦".repeat(20), "e\u{301}".repeat(20), "x".repeat(20)] {
            set(&text).unwrap();
            assert_eq!(shown(), Some(text));
        }
        let before = shown();
        for text in ["安".repeat(21), "👩‍👩‍👧‍👦".repeat(21), "x".repeat(21)] {
            assert!(matches!(set(&text), Err(RemarkError::TooLong(21))), "{text}");
        }
        assert!(matches!(set("a\u{1b}[31m"), Err(RemarkError::Control)));
        assert!(matches!(set("a\nb"), Err(RemarkError::Control)));
        assert_eq!(shown(), before);
        set("").unwrap();
        assert_eq!(shown(), None);
        sample.run("UPDATE ips SET remark = 'listed' WHERE ip = '203.0.113.7'");
        assert_eq!(shown().as_deref(), Some("listed"));
    }

    #[test]
    fn one_address_is_one_however_it_is_spelled() {
        let sample = Sample::new();
        set_remark(&sample.db, RemarkOn::Ip, "2001:DB8:0::1", "vpn", NOW).unwrap();
        assert_eq!(remark(&sample.db, RemarkOn::Ip, "2001:db8::1").unwrap().as_deref(), Some("vpn"));
    }

    #[test]
    fn a_mark_sees_each_alarm_once() {
        let sample = Sample::new();
        let unseen = |name: &str| {
            let filter = AlarmFilter { unseen_by: Some(name.to_string()), ..AlarmFilter::default() };
            let found = alarms(&sample.db, &filter, NOW, Sort::Level, Some(2), Records::None).unwrap();
            found.into_iter().map(|alarm| alarm.id).collect::<Vec<_>>()
        };
        let see = |name: &str| {
            let ids = unseen(name);
            sample.db.write(|transaction| mark(transaction, name, &ids)).unwrap();
            ids.len()
        };
        assert_eq!((see("mail"), see("mail"), see("mail"), see("chat")), (2, 1, 0, 2));
    }

    #[test]
    fn keys_and_addresses_seen_are_known() {
        let sample = Sample::new();
        let known = |on, id: &str| is_known(&sample.db, on, id).unwrap();
        assert!(known(RemarkOn::Ak, "AKIDEXAMPLEroot") && known(RemarkOn::Ip, "192.0.2.1"));
        assert!(!known(RemarkOn::Ak, "AKIDEXAMPLEother") && !known(RemarkOn::Ip, "192.0.2.2"));
    }
}
