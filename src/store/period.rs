//! What reports ask about a period: which scans and files there were, and when calls were made.

use super::alarms::snapshot;
use super::{Db, Failure, StoreError};
use rusqlite::{OptionalExtension, Transaction};
use serde_json::Value;

/// A scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastScan {
    /// Its number; later scans have higher ones.
    pub number: i64,
    /// When it ended, in milliseconds.
    pub finished: i64,
    /// The command as typed.
    pub command: String,
    /// Its events by what became of them.
    pub events: Vec<(String, u64)>,
    /// Times of the first and last event that was evaluated, in milliseconds.
    pub time_span: Option<(i64, i64)>,
}

/// A file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastFile {
    /// Name.
    pub name: String,
    /// BLAKE3 hash of its content.
    pub hash: Vec<u8>,
    /// Size in bytes.
    pub size: u64,
    /// When the scan that read it ended, in milliseconds.
    pub finished: i64,
    /// Some of its records could not be read, and which is not kept.
    pub has_nameless_rejects: bool,
    /// Number of the scan that read it.
    pub scan: i64,
}

/// All scans, the newest first.
pub fn scans(db: &Db) -> Result<Vec<PastScan>, StoreError> {
    snapshot(db, |conn| {
        let text = "SELECT finished, command, counts, number FROM scans ORDER BY finished DESC, number DESC";
        let mut statement = conn.prepare(text)?;
        let read = |row: &rusqlite::Row<'_>| {
            let counts: Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default();
            let events = counts["events"].as_object().into_iter().flatten();
            let span = &counts["time_span"];
            Ok(PastScan {
                number: row.get(3)?,
                finished: row.get(0)?,
                command: row.get(1)?,
                events: events.map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))).collect(),
                time_span: span[0].as_i64().zip(span[1].as_i64()),
            })
        };
        let found = statement.query_map([], read)?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

/// Files that scans read which ended at `since` or later: the newest `most`, and how many there are.
pub fn files(db: &Db, since: Option<i64>, most: u64) -> Result<(Vec<PastFile>, u64), StoreError> {
    snapshot(db, |conn| {
        let since = since.unwrap_or(i64::MIN);
        let count = "SELECT count(*) FROM files f JOIN scans s ON s.number = f.scan WHERE s.finished >= ?";
        let all: i64 = conn.query_row(count, [since], |row| row.get(0))?;
        let text = "SELECT f.name, f.hash, f.size, s.finished, f.rejects AND NOT EXISTS (SELECT 1 FROM rejects r WHERE r.file = f.number), f.scan FROM files f JOIN scans s ON s.number = f.scan \
             WHERE s.finished >= ?1 ORDER BY s.finished DESC, f.name, f.number LIMIT ?2";
        let mut statement = conn.prepare(text)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(PastFile {
                name: row.get(0)?,
                hash: row.get(1)?,
                size: row.get::<_, i64>(2)?.unsigned_abs(),
                finished: row.get(3)?,
                has_nameless_rejects: row.get(4)?,
                scan: row.get(5)?,
            })
        };
        let found = statement.query_map((since, i64::try_from(most).unwrap_or(i64::MAX)), read)?;
        Ok((found.collect::<Result<_, _>>()?, all.unsigned_abs()))
    })
}

/// A record, or a whole file, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastReject {
    /// Name of the file.
    pub name: String,
    /// Line, from 1; 0 when that is not known.
    pub line: u64,
    /// Number of the record in its file, from 1; 0 for the file as a whole.
    pub record: u64,
    /// Why.
    pub reason: String,
}

/// How much could not be read, each record and file once however often it was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Records.
    pub records: u64,
    /// Files that could not be read at all.
    pub files: u64,
}

/// How much could not be read in scans that ended at `since` or later, and was met first by a scan past `after`.
pub fn unread(db: &Db, since: Option<i64>, after: i64) -> Result<Unread, StoreError> {
    snapshot(db, |conn| {
        let of_files = "SELECT max(r.of_file) AS records FROM rejects r JOIN scans s ON s.number = r.scan \
             WHERE s.finished >= ?1 AND r.first > ?2 GROUP BY r.scan, r.name";
        let text = format!("SELECT coalesce(sum(records), 0), coalesce(sum(records = 0), 0) FROM ({of_files})");
        let number = |row: &rusqlite::Row<'_>, place: usize| row.get::<_, i64>(place).map(i64::unsigned_abs);
        let read = |row: &rusqlite::Row<'_>| Ok(Unread { records: number(row, 0)?, files: number(row, 1)? });
        Ok(conn.query_row(&text, (since.unwrap_or(i64::MIN), after), read)?)
    })
}

/// What could not be read in scans that ended at `since` or later, and was met first by a scan past `after`: the first of each
/// file, those of the newest scans first, at most so many.
pub fn rejects(db: &Db, since: Option<i64>, after: i64, most: u64) -> Result<Vec<PastReject>, StoreError> {
    snapshot(db, |conn| {
        let since = since.unwrap_or(i64::MIN);
        let mut statement = conn.prepare(
            "SELECT r.name, r.line, r.record, r.reason FROM rejects r JOIN scans s ON s.number = r.scan \
             WHERE s.finished >= ?1 AND r.first > ?2 \
             ORDER BY s.number DESC, r.name, r.record, r.line, r.number LIMIT ?3",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(PastReject {
                name: row.get(0)?,
                line: row.get::<_, i64>(1)?.unsigned_abs(),
                record: row.get::<_, i64>(2)?.unsigned_abs(),
                reason: row.get(3)?,
            })
        };
        let found = statement.query_map((since, after, i64::try_from(most).unwrap_or(i64::MAX)), read)?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

/// The newest scan that a report with this mark has told of; 0 if none has.
pub fn told(db: &Db, mark: &str) -> Result<i64, StoreError> {
    snapshot(db, |conn| {
        let found = conn.query_row("SELECT scan FROM told WHERE mark = ?", [mark], |row| row.get(0)).optional()?;
        Ok(found.unwrap_or(0))
    })
}

/// Notes that a report with this mark has told of the scans up to this one.
pub fn tell(transaction: &Transaction<'_>, mark: &str, scan: i64) -> Result<(), Failure> {
    let text = "INSERT INTO told (mark, scan) VALUES (?1, ?2) \
         ON CONFLICT (mark) DO UPDATE SET scan = max(scan, excluded.scan)";
    transaction.execute(text, (mark, scan))?;
    Ok(())
}

/// Times of the kept calls of an alarm, in milliseconds: the first ones of each record, up to the cap of the settings.
pub fn call_times(db: &Db, alarm: i64) -> Result<Vec<i64>, StoreError> {
    snapshot(db, |conn| {
        let text = "SELECT c.time FROM calls c JOIN records r ON r.number = c.record WHERE r.alarm = ?";
        let mut statement = conn.prepare_cached(text)?;
        let found = statement.query_map([alarm], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{FIRST_SCAN, SECOND_SCAN, Sample};
    use super::*;

    #[test]
    fn scans_and_files_are_those_of_the_period() {
        let sample = Sample::new();
        sample.run(
            "INSERT INTO files (hash, context, name, size, scan, shared, rejects) VALUES
               (x'01', x'00', 'a.json', 5, 1, 0, 0), (x'02', x'00', 'b.json', 6, 2, 0, 1)",
        );
        let all = scans(&sample.db).unwrap();
        assert_eq!((all.len(), all[0].time_span), (2, Some((SECOND_SCAN - 5, SECOND_SCAN))));
        assert!(all[0].events.contains(&("evaluated".to_string(), 7)));
        assert_eq!((all[0].finished, all[1].finished), (SECOND_SCAN, FIRST_SCAN));
        assert_eq!(all.iter().filter(|scan| scan.finished >= SECOND_SCAN).count(), 1);
        let (found, number) = files(&sample.db, Some(SECOND_SCAN), 10).unwrap();
        assert_eq!((found.len(), number), (1, 1));
        assert_eq!((found[0].name.as_str(), found[0].has_nameless_rejects), ("b.json", true));
        let (found, number) = files(&sample.db, None, 1).unwrap();
        assert_eq!((found.len(), number), (1, 2));
    }

    #[test]
    fn times_are_those_of_the_kept_calls() {
        let sample = Sample::new();
        sample.run("INSERT INTO calls VALUES (20, 1, 1, 'a'), (20, 2, 2, 'b')");
        let times: Vec<usize> = (1..=3).map(|alarm| call_times(&sample.db, alarm).unwrap().len()).collect();
        assert_eq!(times.iter().sum::<usize>(), 2);
    }
}
