//! Looking after the database: what is in it, copies, checks, and taking out what is old.

use super::sightings::{Pruned, prune};
use super::{Db, Failure, StoreError, make_private, schema};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
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
}

/// What was, or would be, taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Alarms that nobody decided about.
    pub alarms: i64,
    /// Their call records.
    pub records: i64,
    /// Single calls, of these and of decided alarms.
    pub calls: i64,
    /// Events that timeline rules still kept.
    pub sightings: i64,
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
            zone: newest.as_ref().map(|(_, _, zone)| zone.clone()),
            last_scan: newest.map(|(finished, command, _)| (finished, command)),
        })
    }

    fn bytes(&self) -> u64 {
        let wal =
            self.path.with_file_name(format!("{}-wal", self.path.file_name().unwrap_or_default().to_string_lossy()));
        [&self.path, &wal].iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// Copies the database to a new file that only its owner can read. It may be in use meanwhile.
    pub fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if to.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "there is a file of that name already");
            return Err(StoreError::Open { path: to.to_path_buf(), source });
        }
        make_private(to).map_err(|source| StoreError::Open { path: to.to_path_buf(), source })?;
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
        for (what, sql) in questions {
            let count: i64 = self.conn.query_row(sql, [], |row| row.get(0)).map_err(sqlite)?;
            if count > 0 {
                wrong.push(format!("{count} {what}"));
            }
        }
        Ok(wrong)
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
    /// decided about, single calls, and events that timeline rules kept. Decisions, counts of decided
    /// alarms and the history of keys stay. With `keep`, only tells what would go.
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
    let undecided = "date < ?1 AND decided_at IS NULL AND status = 'unprocessed'";
    let mut removed = Removed {
        alarms: count(&format!("SELECT count(*) FROM alarms WHERE {undecided} AND success + failed > 0"))?,
        records: count(&format!(
            "SELECT count(*) FROM records WHERE alarm IN (SELECT number FROM alarms WHERE {undecided})"
        ))?,
        decided: count("SELECT count(*) FROM alarms WHERE date < ?1 AND status <> 'unprocessed'")?,
        ..Removed::default()
    };
    let calls = |tx: &Transaction<'_>| tx.query_row("SELECT count(*) FROM calls", [], |row| row.get::<_, i64>(0));
    let before = calls(tx)?;
    tx.execute(&format!("DELETE FROM alarms WHERE {undecided}"), [date])?;
    let old = "SELECT r.number FROM records r JOIN alarms a ON a.number = r.alarm WHERE a.date < ?1";
    tx.execute(&format!("DELETE FROM calls WHERE record IN ({old})"), [date])?;
    tx.execute("DELETE FROM events WHERE time < ?1 AND event NOT IN (SELECT event FROM calls)", [time])?;
    removed.calls = before - calls(tx)?;
    removed.sightings = prune_sightings(tx, time)?;
    Ok(removed)
}

fn prune_sightings(conn: &Connection, time: i64) -> Result<i64, Failure> {
    let mut select = conn.prepare("SELECT rule, source, data FROM sightings")?;
    let mut update = conn.prepare("UPDATE sightings SET data = ?3 WHERE rule = ?1 AND source = ?2")?;
    let mut delete = conn.prepare("DELETE FROM sightings WHERE rule = ?1 AND source = ?2")?;
    let cells: rusqlite::Result<Vec<(String, String)>> = conn
        .prepare("SELECT rule, source FROM sightings")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect();
    drop(select);
    select = conn.prepare("SELECT data FROM sightings WHERE rule = ?1 AND source = ?2")?;
    let mut dropped = 0;
    for (rule, source) in cells? {
        let data: Vec<u8> = select.query_row([&rule, &source], |row| row.get(0))?;
        match prune(&data, time)? {
            Pruned::Same => {}
            Pruned::Less(events, data) => {
                update.execute(params![rule, source, data])?;
                dropped += events;
            }
            Pruned::Nothing(events) => {
                delete.execute([&rule, &source])?;
                dropped += events;
            }
        }
    }
    Ok(i64::try_from(dropped).unwrap_or(i64::MAX))
}
