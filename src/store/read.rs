//! Smaller questions to the database: which alarm is meant, single calls, histories, what scans read.

use super::alarms::{AlarmFilter, Records, Sort, alarms, snapshot};
use super::{Db, Failure, StoreError};
use crate::alarm::model::Alarm;
use crate::alarm::status::{Decision, Status};
use crate::event::id::mask_key;
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension};

/// Why no alarm was found under an id.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The text is no beginning of an id.
    #[error("{0:?} is no id of an alarm; ids look like A-1f0c2a, and their beginning is enough")]
    NoId(String),
    /// No alarm has such an id.
    #[error("there is no alarm {text:?}; {hint}")]
    Unknown {
        /// What was written.
        text: String,
        /// The nearest id, or that there is none at all.
        hint: String,
    },
    /// Several alarms have ids that begin so.
    #[error("{text:?} fits several alarms: {}{}", ids.join(", "), if *more { ", …" } else { "" })]
    Several {
        /// What was written.
        text: String,
        /// The first of them.
        ids: Vec<String>,
        /// There are more.
        more: bool,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ids named when several fit.
const NAMED: usize = 5;

/// The number of the alarm with this id, or with the only id that begins so. `A-` may be left out.
pub fn resolve_id(db: &Db, text: &str) -> Result<i64, FindError> {
    let typed = text.trim().to_ascii_lowercase();
    let digits = typed.strip_prefix("a-").unwrap_or(&typed);
    if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(FindError::NoId(text.to_string()));
    }
    let prefix = format!("A-{digits}");
    let mut found = snapshot(db, |conn| beginning_with(conn, &prefix))?;
    match found.as_slice() {
        [] => Err(FindError::Unknown { text: text.to_string(), hint: snapshot(db, |conn| nearest_id(conn, &prefix))? }),
        [(number, _)] => Ok(*number),
        _ => {
            let more = found.len() > NAMED;
            found.truncate(NAMED);
            let ids = found.into_iter().map(|(_, id)| id).collect();
            Err(FindError::Several { text: text.to_string(), ids, more })
        }
    }
}

fn beginning_with(conn: &Connection, prefix: &str) -> Result<Vec<(i64, String)>, Failure> {
    // Digits end before 'g', so these are the ids that begin so.
    let text = "SELECT number, id FROM alarms WHERE id >= ?1 AND id < ?1 || 'g' AND success + failed > 0 \
         ORDER BY id LIMIT 6";
    let mut statement = conn.prepare_cached(text)?;
    let found = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The id that has most of the beginning in common.
fn nearest_id(conn: &Connection, prefix: &str) -> Result<String, Failure> {
    let beside = |text: &str| conn.query_row(text, [prefix], |row| row.get::<_, String>(0)).optional();
    let after = beside("SELECT id FROM alarms WHERE id > ?1 AND success + failed > 0 ORDER BY id LIMIT 1")?;
    let before = beside("SELECT id FROM alarms WHERE id < ?1 AND success + failed > 0 ORDER BY id DESC LIMIT 1")?;
    let common = |id: &String| id.bytes().zip(prefix.bytes()).take_while(|(a, b)| a == b).count();
    let nearest = [before, after].into_iter().flatten().max_by_key(common);
    Ok(nearest.map_or("no alarms are kept yet".to_string(), |id| format!("the nearest is {id}")))
}

/// The text of each of these policies, for those that an inventory held.
pub fn policy_documents(db: &Db, names: &[String]) -> Result<Vec<(String, String)>, StoreError> {
    snapshot(db, |conn| {
        let mut statement = conn.prepare("SELECT document FROM policy_documents WHERE name = ?1")?;
        let mut found = Vec::new();
        for name in names {
            let document: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
            found.extend(document.map(|document| (name.clone(), document)));
        }
        Ok(found)
    })
}

/// The keys that tables show like this.
pub fn keys_shown_as(db: &Db, shown: &str) -> Result<Vec<String>, StoreError> {
    snapshot(db, |conn| {
        let mut statement = conn.prepare("SELECT ak FROM labels UNION SELECT ak FROM alarms")?;
        let all: rusqlite::Result<Vec<String>> = statement.query_map([], |row| row.get(0))?.collect();
        Ok(all?.into_iter().filter(|ak| mask_key(ak) == shown).collect())
    })
}

/// The numbers of alarms by their full ids.
pub fn numbers(db: &Db, ids: &[String]) -> Result<Vec<i64>, StoreError> {
    snapshot(db, |conn| {
        let mut statement = conn.prepare("SELECT number FROM alarms WHERE id = ?")?;
        let found: Result<Vec<_>, _> = ids.iter().map(|id| statement.query_row([id], |row| row.get(0))).collect();
        Ok(found?)
    })
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When, in milliseconds.
    pub time: i64,
    /// Request id.
    pub request_id: String,
    /// Event id.
    pub event_id: Option<String>,
    /// Request body, with secrets taken out; none when it is not kept.
    pub body: Option<String>,
    /// Resources named, as the log writes them.
    pub resources: Option<String>,
}

/// Some of a record's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPage {
    /// Calls that are kept one by one.
    pub kept: u64,
    /// Calls of the record.
    pub total: u64,
    /// The calls of this page, oldest first.
    pub calls: Vec<Call>,
}

/// A page of a record's calls; pages count from 1, and one beyond the end is empty.
pub fn call_page(db: &Db, record: i64, page: u64, page_size: u64) -> Result<CallPage, StoreError> {
    let skipped = page.saturating_sub(1).saturating_mul(page_size);
    let small = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    snapshot(db, |conn| {
        let number = |text: &str| conn.query_row(text, [record], |row| row.get::<_, i64>(0));
        let kept = number("SELECT count(*) FROM calls WHERE record = ?")?.unsigned_abs();
        let total = number("SELECT calls FROM records WHERE number = ?")?.unsigned_abs();
        let text = "SELECT c.time, c.request_id, e.event_id, e.body, e.resources FROM calls c \
             LEFT JOIN events e ON e.event = c.event WHERE c.record = ?1 ORDER BY c.time, c.event LIMIT ?2 OFFSET ?3";
        let mut statement = conn.prepare(text)?;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let calls = statement.query_map((record, small(page_size), small(skipped)), |row| {
            Ok(Call {
                time: row.get(0)?,
                request_id: row.get(1)?,
                event_id: some(row.get(2)?),
                body: some(row.get(3)?),
                resources: some(row.get(4)?),
            })
        })?;
        Ok(CallPage { kept, total, calls: calls.collect::<Result<_, _>>()? })
    })
}

/// What was decided about an alarm, oldest first.
pub fn history(db: &Db, alarm: i64) -> Result<Vec<Decision>, StoreError> {
    snapshot(db, |conn| {
        let text = "SELECT status, at, by, note FROM decisions WHERE alarm = ? ORDER BY at, number";
        let mut statement = conn.prepare(text)?;
        let mut rows = statement.query([alarm])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let word: String = row.get(0)?;
            let status = Status::parse(&word).ok_or_else(|| Failure::Content(format!("{word:?} is no status")))?;
            found.push(Decision { status, at: row.get(1)?, by: row.get(2)?, note: row.get(3)? });
        }
        Ok(found)
    })
}

/// Calls that a scan added to an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// When the scan ended, in milliseconds.
    pub at: i64,
    /// Calls.
    pub calls: u64,
}

/// How an alarm grew, oldest first.
pub fn growth(db: &Db, alarm: i64) -> Result<Vec<Growth>, StoreError> {
    snapshot(db, |conn| {
        let text = "SELECT s.finished, g.calls FROM growth g JOIN scans s ON s.number = g.scan WHERE g.alarm = ? \
             AND g.calls > 0 ORDER BY s.finished, s.number";
        let mut statement = conn.prepare(text)?;
        let found = statement
            .query_map([alarm], |row| Ok(Growth { at: row.get(0)?, calls: row.get::<_, i64>(1)?.unsigned_abs() }))?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

/// What changed since a moment.
#[derive(Debug)]
pub struct Changes {
    /// Alarms seen for the first time.
    pub new: Vec<Alarm>,
    /// Alarms known before, with the calls that came.
    pub grown: Vec<(Alarm, u64)>,
    /// Alarms that somebody processed or ignored, and that are still so.
    pub closed: Vec<Alarm>,
}

/// What changed since a moment, as it stands at `now`; each list in the usual order.
pub fn changes(db: &Db, since: i64, now: i64) -> Result<Changes, StoreError> {
    let listed = |text: &str| {
        snapshot(db, |conn| {
            let mut statement = conn.prepare(text)?;
            let mut rows = statement.query([since])?;
            let mut found: HashMap<i64, u64> = HashMap::new();
            while let Some(row) = rows.next()? {
                found.insert(row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs());
            }
            Ok(found)
        })
    };
    let of = |numbers: &HashMap<i64, u64>| {
        let filter = AlarmFilter { numbers: Some(numbers.keys().copied().collect()), ..AlarmFilter::default() };
        alarms(db, &filter, now, Sort::Level, None, Records::Sources)
    };
    let new = listed("SELECT number, 0 FROM alarms WHERE first_seen >= ?")?;
    let grown = listed(
        "SELECT g.alarm, sum(g.calls) FROM growth g JOIN scans s ON s.number = g.scan \
         JOIN alarms a ON a.number = g.alarm WHERE s.finished >= ?1 AND a.first_seen < ?1 \
         GROUP BY g.alarm HAVING sum(g.calls) > 0",
    )?;
    let closed = listed(
        "SELECT DISTINCT a.number, 0 FROM alarms a JOIN decisions d ON d.alarm = a.number AND d.status = a.status \
         WHERE d.at >= ? AND a.status <> 'unprocessed'",
    )?;
    let grown_alarms = of(&grown)?;
    let ids: Vec<String> = grown_alarms.iter().map(|alarm| alarm.id.clone()).collect();
    let calls: Vec<u64> = numbers(db, &ids)?.iter().map(|number| grown.get(number).copied().unwrap_or(0)).collect();
    Ok(Changes { new: of(&new)?, grown: grown_alarms.into_iter().zip(calls).collect(), closed: of(&closed)? })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{FIRST_SCAN, NOW, SECOND_SCAN, Sample};
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_enough_when_no_other_has_it() {
        let sample = Sample::new();
        let find = |text: &str| resolve_id(&sample.db, text).map_err(|error| error.to_string());
        for text in ["A-2", "2", "a-20", "A-2000000000000003", " 2000000000000003 "] {
            assert_eq!(find(text), Ok(3), "{text}");
        }
        assert_eq!(find("A-1f00000000000002"), Ok(2));
        assert!(find("A-1f").unwrap_err().contains("A-1f00000000000001, A-1f00000000000002"));
        assert!(find("A-2f").unwrap_err().contains("the nearest is A-2000000000000003"));
        for text in ["", "A-", "A-xyz", "A-20000000000000031", "' OR 1"] {
            assert!(find(text).unwrap_err().contains("is no id"), "{text}");
        }
        assert!(resolve_id(&Sample::empty().db, "A-1").unwrap_err().to_string().contains("no alarms are kept"));
    }

    #[test]
    fn withdrawn_alarms_are_not_found() {
        let sample = Sample::new();
        sample.run("UPDATE alarms SET success = 0, failed = 0 WHERE number = 2");
        assert_eq!(resolve_id(&sample.db, "A-1f").ok(), Some(1));
    }

    #[test]
    fn calls_come_page_by_page() {
        let sample = Sample::new();
        sample.run(
            "INSERT INTO calls VALUES (20, 1, 1, 'a'), (20, 2, 2, 'b'), (20, 2, 3, 'c');
             INSERT INTO events VALUES (2, 2, 'e2', '{}', '')",
        );
        let page = |page, size| call_page(&sample.db, 20, page, size).unwrap();
        let ids = |found: &CallPage| found.calls.iter().map(|call| call.request_id.clone()).collect::<String>();
        let first = page(1, 2);
        assert_eq!((first.kept, first.total, ids(&first)), (3, 50, "ab".to_string()));
        assert_eq!(first.calls[0].body, None);
        assert_eq!((first.calls[1].body.as_deref(), first.calls[1].resources.as_deref()), (Some("{}"), None));
        assert_eq!(ids(&page(2, 2)), "c");
        assert_eq!(ids(&page(3, 2)), "");
        assert_eq!(ids(&page(u64::MAX, 1000)), "");
    }

    #[test]
    fn changes_are_new_grown_or_closed() {
        let sample = Sample::new();
        sample.run(&format!(
            "INSERT INTO growth VALUES (1, 1, 3), (1, 2, 2), (2, 1, 50), (3, 2, 1);
             UPDATE alarms SET status = 'processed' WHERE number IN (1, 2);
             INSERT INTO decisions (alarm, status, at, by) VALUES (1, 'processed', {FIRST_SCAN}, ''),
               (2, 'ignored', {FIRST_SCAN}, ''), (2, 'processed', {SECOND_SCAN}, ''), (3, 'processed', {NOW}, '')"
        ));
        let ids = |alarms: &[Alarm]| alarms.iter().map(|alarm| alarm.id[17..].to_string()).collect::<String>();
        let found = changes(&sample.db, SECOND_SCAN, NOW).unwrap();
        assert_eq!((ids(&found.new), ids(&found.closed)), ("3".to_string(), "2".to_string()));
        assert_eq!(
            found.grown.iter().map(|(alarm, calls)| (alarm.id.as_str(), *calls)).collect::<Vec<_>>(),
            [("A-1f00000000000001", 2)]
        );
        assert_eq!(changes(&sample.db, NOW, NOW).unwrap().new.len(), 0);
        assert_eq!(growth(&sample.db, 1).unwrap().len(), 2);
        assert_eq!(history(&sample.db, 2).unwrap().len(), 2);
    }
}
