//! Looking after the database: what is in it, copies, checks, and taking out what is old.

use super::activity::is_sound_use;
use super::pack::unpack;
use super::past::is_sound_past;
use super::period::{PastReject, Unread, rejects, unread};
use super::requests::is_sound_request;
use super::sightings::is_sound_cell;
use super::{Db, Failure, StoreError, beside, make_private, schema};
use crate::alarm::part::Part;
use rusqlite::{OptionalExtension, Transaction};
use std::path::Path;

/// What is in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Format of the tables.
    pub format: i64,
    /// Bytes on disk, with what is not yet written back.
    pub bytes: u64,
    /// Alarms by status: unprocessed, processed, ignored.
    pub alarms: [i64; 3],
    /// Call records.
    pub records: i64,
    /// Calls kept one by one.
    pub calls: i64,
    /// Keys seen.
    pub keys: i64,
    /// Addresses seen.
    pub ips: i64,
    /// Allowlist policies.
    pub policies: i64,
    /// Files in the ledger.
    pub files: i64,
    /// Scans.
    pub scans: i64,
    /// The newest scan: when it ended, and its command.
    pub last_scan: Option<(i64, String)>,
    /// Zone of the newest scan.
    pub zone: Option<String>,
    /// How much could not be read.
    pub unread: Unread,
    /// Some of them: the first of each file, those of the newest scans first.
    pub rejects: Vec<PastReject>,
}

/// Records that [`Db::info`] names.
const NAMED_REJECTS: u64 = 10;

/// What was, or would be, taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Alarms that nobody decided about.
    pub alarms: i64,
    /// Their call records.
    pub records: i64,
    /// Single calls, of these and of decided alarms.
    pub calls: i64,
    /// Alarms that stay because somebody decided about them.
    pub decided: i64,
}

impl Db {
    /// What is in the database.
    pub fn info(&self) -> Result<Info, StoreError> {
        let sqlite = |source| StoreError::sqlite(&self.path, source);
        let count = |sql: &str| self.conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(sqlite);
        let by_status = |status: &str| {
            let sql = "SELECT count(*) FROM alarms WHERE success + failed > 0 AND status = ?1";
            self.conn.query_row(sql, [status], |row| row.get::<_, i64>(0)).map_err(sqlite)
        };
        let newest = "SELECT finished, command, zone FROM scans ORDER BY number DESC LIMIT 1";
        let newest: Option<(i64, String, String)> = self
            .conn
            .query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()
            .map_err(sqlite)?;
        Ok(Info {
            format: schema::VERSION,
            bytes: self.bytes(),
            alarms: [by_status("unprocessed")?, by_status("processed")?, by_status("ignored")?],
            records: count("SELECT count(*) FROM records")?,
            calls: count("SELECT count(*) FROM calls")?,
            keys: count("SELECT count(*) FROM labels")?,
            ips: count("SELECT count(*) FROM ips")?,
            policies: count("SELECT count(*) FROM allowlist")?,
            files: count("SELECT count(*) FROM files")?,
            scans: count("SELECT count(*) FROM scans")?,
            unread: unread(self, None, 0)?,
            rejects: rejects(self, None, 0, NAMED_REJECTS)?,
            zone: newest.as_ref().map(|(_, _, zone)| zone.clone()),
            last_scan: newest.map(|(finished, command, _)| (finished, command)),
        })
    }

    fn bytes(&self) -> u64 {
        let wal = beside(&self.path, "-wal");
        [&self.path, &wal].iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// Copies the database to a new file that only its owner can read. It may be in use meanwhile.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if to.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "there is a file of that name already");
            return Err(StoreError::Copy { path: to.to_path_buf(), source });
        }
        make_private(to).map_err(|source| StoreError::Copy { path: to.to_path_buf(), source })?;
        let copied = self.conn.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
        copied.map(drop).map_err(|source| {
            let _ = std::fs::remove_file(to);
            StoreError::sqlite(to, source)
        })
    }

    /// What is wrong with the database; nothing when all is well.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        let sqlite = |source| StoreError::sqlite(&self.path, source);
        let mut wrong = Vec::new();
        let mut statement = self.conn.prepare("PRAGMA integrity_check(20)").map_err(sqlite)?;
        let found = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sqlite)?;
        for line in found {
            wrong.extend(Some(line.map_err(sqlite)?).filter(|line| line != "ok"));
        }
        let questions = [
            ("rows that refer to something that is gone", "SELECT count(*) FROM pragma_foreign_key_check"),
            (
                "alarms whose counts differ from those of their records",
                "SELECT count(*) FROM alarms a WHERE success + failed <> \
                 (SELECT coalesce(sum(calls), 0) FROM records WHERE alarm = a.number)",
            ),
            (
                "records with more single calls than they count",
                "SELECT count(*) FROM records r WHERE calls < (SELECT count(*) FROM calls WHERE record = r.number)",
            ),
        ];
        wrong.extend(self.damaged_values()?);
        for (what, sql) in questions {
            let count: i64 = self.conn.query_row(sql, [], |row| row.get(0)).map_err(sqlite)?;
            if count > 0 {
                wrong.push(format!("{count} {what}"));
            }
        }
        Ok(wrong)
    }

    /// Packed values that cannot be read.
    fn damaged_values(&self) -> Result<Option<String>, StoreError> {
        let sqlite = |source| StoreError::sqlite(&self.path, source);
        let count = |sql: &str, is_sound: fn(&[u8]) -> bool| -> rusqlite::Result<usize> {
            let mut statement = self.conn.prepare(sql)?;
            let sound = statement.query_map([], |row| Ok(is_sound(row.get_ref(0)?.as_blob()?)))?;
            sound.filter(|sound| !matches!(sound, Ok(true))).map(|sound| sound.map(|_| 1)).sum()
        };
        let parts = count("SELECT data FROM parts", |data| unpack::<Part>(data).is_ok()).map_err(sqlite)?;
        let keys = count("SELECT data FROM key_past", is_sound_past).map_err(sqlite)?;
        let cells = count("SELECT data FROM sightings", is_sound_cell).map_err(sqlite)?;
        let requests = count("SELECT data FROM requests", is_sound_request).map_err(sqlite)?;
        let uses = count("SELECT data FROM ip_uses", is_sound_use).map_err(sqlite)?;
        let damaged = parts + keys + cells + requests + uses;
        Ok((damaged > 0).then(|| format!("{damaged} packed values that cannot be read")))
    }

    /// Gives room that is no longer used back to the disk; tells the size before and after.
    pub fn vacuum(&self) -> Result<(u64, u64), StoreError> {
        let before = self.bytes();
        let work = || -> rusqlite::Result<()> {
            self.conn.busy_timeout(self.wait)?;
            self.conn.execute_batch("VACUUM")?;
            self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        };
        work().map_err(|source| StoreError::sqlite(&self.path, source))?;
        Ok((before, self.bytes()))
    }

    /// Takes out what is older than `time` in milliseconds, or the local `date`, which say the same: alarms that nobody
    /// ever decided about, and single calls. Decisions, counts of decided alarms, the history of keys and what timeline
    /// rules kept stay. With `keep`, only tells what would go.
    pub fn prune(&self, time: i64, date: &str, keep: bool) -> Result<Removed, StoreError> {
        let work = |tx: &Transaction<'_>| {
            let removed = prune_all(tx, time, date)?;
            if keep { Err(Failure::Undone(Box::new(removed))) } else { Ok(removed) }
        };
        match self.write(work) {
            Err(Failure::Undone(removed)) => Ok(*removed),
            other => other.map_err(|failure| failure.at(&self.path)),
        }
    }
}

fn prune_all(tx: &Transaction<'_>, time: i64, date: &str) -> Result<Removed, Failure> {
    let count = |sql: &str| tx.query_row(sql, [date], |row| row.get::<_, i64>(0));
    let undecided =
        "date < ?1 AND status = 'unprocessed' AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.alarm = alarms.number)";
    let mut removed = Removed {
        alarms: count(&format!("SELECT count(*) FROM alarms WHERE {undecided} AND success + failed > 0"))?,
        records: count(&format!(
            "SELECT count(*) FROM records WHERE alarm IN (SELECT number FROM alarms WHERE {undecided})"
        ))?,
        decided: count(
            "SELECT count(DISTINCT a.number) FROM alarms a JOIN decisions d ON d.alarm = a.number WHERE a.date < ?1",
        )?,
        ..Removed::default()
    };
    let calls = |tx: &Transaction<'_>| tx.query_row("SELECT count(*) FROM calls", [], |row| row.get::<_, i64>(0));
    let before = calls(tx)?;
    tx.execute(&format!("DELETE FROM alarms WHERE {undecided}"), [date])?;
    let old = "SELECT r.number FROM records r JOIN alarms a ON a.number = r.alarm WHERE a.date < ?1";
    tx.execute(&format!("DELETE FROM calls WHERE record IN ({old})"), [date])?;
    tx.execute("DELETE FROM events WHERE time < ?1 AND event NOT IN (SELECT event FROM calls)", [time])?;
    removed.calls = before - calls(tx)?;
    tx.execute("DELETE FROM rejects WHERE scan IN (SELECT number FROM scans WHERE finished < ?1)", [time])?;
    tx.execute(
        "INSERT INTO meta (name, value) VALUES ('pruned-before', ?1) \
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        [date],
    )?;
    Ok(removed)
}
