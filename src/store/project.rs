//! From the parts of an alarm to the rows that lists show.
//!
//! Records keep their number while they last, because remarks of the allowlist refer to it.

use super::Failure;
use super::keep::ScanEntry;
use super::pack::unpack;
use crate::alarm::model::{Alarm, Details, Head, KeyName, Resolver};
use crate::alarm::part::{Part, PartRecord, RecordId};
use crate::detect::Level;
use crate::detect::rules;
use crate::event::words::UserType;
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, params};
use serde::Serialize;
use std::collections::BTreeMap;

/// The number a level has in the database and in the console's API.
pub(super) fn level_number(level: Level) -> i64 {
    match level {
        Level::Critical => 5,
        Level::High => 4,
        Level::Medium => 3,
        Level::Low => 2,
        Level::Note => 1,
        Level::Invalid => 0,
    }
}

/// The number of an alarm, and whether it is new: one that is not there yet is made, without calls.
pub(super) fn alarm_number(conn: &Connection, head: &Head, now: i64) -> Result<(i64, bool), Failure> {
    let mut select = conn.prepare_cached("SELECT number FROM alarms WHERE id = ?1")?;
    let known: Option<i64> = select.query_row([&head.id], |row| row.get(0)).optional()?;
    if let Some(number) = known {
        return Ok((number, false));
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO alarms (id, rule, type, level, date, account, app_id, identity, ak, owner, role, first_call, \
         last_call, success, failed, tags, why, event_ids, first_seen, changed) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', ?8, ?9, ?10, 0, 0, 0, 0, '[]', '', '[]', ?11, ?11)",
    )?;
    let (meta, key) = (head.meta, &head.key);
    insert.execute(params![
        head.id,
        meta.id,
        meta.kind.as_str(),
        level_number(meta.level),
        head.date,
        head.account,
        head.app_id,
        key.ak,
        key.owner,
        key.role,
        now
    ])?;
    Ok((conn.last_insert_rowid(), true))
}

/// What is fixed about an alarm of an earlier scan.
pub(super) fn head_of(conn: &Connection, alarm: i64) -> Result<Head, Failure> {
    let mut select =
        conn.prepare_cached("SELECT id, rule, date, account, app_id, ak, owner, role FROM alarms WHERE number = ?1")?;
    let (rule, head) = select.query_row([alarm], |row| {
        let key = KeyName { ak: row.get(5)?, owner: row.get(6)?, role: row.get(7)? };
        let rule: String = row.get(1)?;
        let parts: (String, String, String, Option<String>) = (row.get(0)?, row.get(2)?, row.get(3)?, row.get(4)?);
        Ok((rule, (parts, key)))
    })?;
    let meta = rules::find(&rule).map_err(|_| Failure::Content(format!("an alarm of the unknown rule {rule:?}")))?;
    let ((id, date, account, app_id), key) = head;
    Ok(Head { id, meta, date, account, app_id, key })
}

/// The numbers of an alarm's records.
pub(super) fn record_numbers(conn: &Connection, alarm: i64) -> Result<BTreeMap<RecordId, i64>, Failure> {
    let mut select = conn.prepare_cached(
        "SELECT number, source_ip, service, action, api_call, user_type, user, code, ok FROM records WHERE alarm = ?1",
    )?;
    let mut rows = select.query([alarm])?;
    let mut numbers = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(5)?;
        let user_type = UserType::ALL.into_iter().find(|known| known.as_str() == kind);
        let user_type = user_type.ok_or_else(|| Failure::Content(format!("a record of the unknown kind {kind:?}")))?;
        let id = RecordId {
            source_ip: row.get(1)?,
            service: row.get(2)?,
            action: row.get(3)?,
            api_call: row.get(4)?,
            user_type,
            user: row.get(6)?,
            code: row.get(7)?,
            success: row.get(8)?,
        };
        numbers.insert(id, row.get(0)?);
    }
    Ok(numbers)
}

/// Writes alarms and records of one scan.
pub(super) struct Projector<'p> {
    tx: &'p Transaction<'p>,
    resolver: Resolver<'p>,
    scan: i64,
    entry: &'p ScanEntry,
    /// Alarms written.
    pub(super) changed: Vec<i64>,
    /// Alarms that have more calls than before, or had none.
    pub(super) enlarged: Vec<i64>,
    /// Alarms that had no calls before.
    pub(super) new: i64,
    /// Alarms that have more calls than before.
    pub(super) grown: i64,
}

impl<'p> Projector<'p> {
    /// A projector for the scan with this number.
    pub(super) fn new(tx: &'p Transaction<'p>, resolver: Resolver<'p>, scan: i64, entry: &'p ScanEntry) -> Self {
        Self { tx, resolver, scan, entry, changed: Vec::new(), enlarged: Vec::new(), new: 0, grown: 0 }
    }

    /// Works out the rows of an alarm from its parts.
    pub(super) fn refresh(&mut self, number: i64, head: Head) -> Result<(), Failure> {
        let part = self.merged(number)?;
        self.write_records(number, &part)?;
        let alarm = self.resolver.alarm(head, part);
        let mut select = self.tx.prepare_cached("SELECT success + failed FROM alarms WHERE number = ?1")?;
        let before: i64 = select.query_row([number], |row| row.get(0))?;
        self.write_alarm(number, &alarm)?;
        if signed(alarm.total()) != before {
            self.note_growth(number, before, signed(alarm.total()))?;
        }
        self.changed.push(number);
        Ok(())
    }

    /// Works out the rows of an alarm that this scan made, of which nothing but `part` is known. The same as
    /// [`Self::refresh`], without looking for what cannot be there.
    pub(super) fn project_new(&mut self, number: i64, head: Head, part: Part) -> Result<(), Failure> {
        let mut whole = Part::default();
        whole.absorb(part, self.entry.most);
        let mut insert = self.tx.prepare_cached(INSERT_RECORD)?;
        for (id, record) in &whole.records {
            with_cells(number, id, record, |cells| insert.execute(cells))?;
            self.write_calls(self.tx.last_insert_rowid(), record)?;
        }
        drop(insert);
        let alarm = self.resolver.alarm(head, whole);
        self.write_alarm(number, &alarm)?;
        if alarm.total() > 0 {
            self.enlarged.push(number);
            self.new += 1;
            self.write_growth(number, signed(alarm.total()))?;
        }
        self.changed.push(number);
        Ok(())
    }

    /// Everything known of an alarm that stands.
    fn merged(&self, number: i64) -> Result<Part, Failure> {
        let standing: Option<String> = self
            .tx
            .prepare_cached("SELECT standing FROM alarms WHERE number = ?1")?
            .query_row([number], |row| row.get(0))?;
        let mut select =
            self.tx.prepare_cached("SELECT kind, data FROM parts WHERE alarm = ?1 ORDER BY kind, source")?;
        let mut rows = select.query([number])?;
        let mut merged = Part::default();
        while let Some(row) = rows.next()? {
            let (kind, data): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let mut part: Part = unpack(&data)?;
            if kind == 1 {
                match &standing {
                    None => continue,
                    Some(reason) => drop(part.notes.insert(reason.clone())),
                }
            }
            // Parts of one alarm hold different events: other keys, other ways to judge.
            merged.absorb(part, self.entry.most);
        }
        Ok(merged)
    }

    fn write_alarm(&mut self, number: i64, alarm: &Alarm) -> Result<(), Failure> {
        let mut update = self.tx.prepare_cached(
            "UPDATE alarms SET level = ?2, app_id = coalesce(?3, app_id), identity = ?4, user = ?5, ak_remark = coalesce(?6, ak_remark), first_call = ?7, \
             last_call = ?8, success = ?9, failed = ?10, tags = ?11, why = ?12, event_ids = ?13, sources = ?14 WHERE number = ?1",
        )?;
        update.execute(params![
            number,
            level_number(alarm.level),
            alarm.app_id,
            alarm.identity.as_str(),
            alarm.user,
            alarm.ak_remark,
            alarm.first_call,
            alarm.last_call,
            signed(alarm.success),
            signed(alarm.failed),
            json(&alarm.tags),
            alarm.why,
            json(&alarm.event_ids),
            json(&alarm.sources)
        ])?;
        Ok(())
    }

    fn note_growth(&mut self, number: i64, before: i64, total: i64) -> Result<(), Failure> {
        let now = self.entry.now;
        self.tx.prepare_cached("UPDATE alarms SET changed = ?2 WHERE number = ?1")?.execute([number, now])?;
        let shown_before = self.tx.prepare_cached("SELECT 1 FROM growth WHERE alarm = ?1")?.exists([number])?;
        if total > before {
            self.enlarged.push(number);
        }
        if before == 0 && !shown_before {
            self.tx.prepare_cached("UPDATE alarms SET first_seen = ?2 WHERE number = ?1")?.execute([number, now])?;
            self.new += 1;
        } else if total > before {
            self.grown += 1;
        }
        self.write_growth(number, total - before)
    }

    fn write_growth(&self, number: i64, calls: i64) -> Result<(), Failure> {
        let mut insert =
            self.tx.prepare_cached("INSERT OR REPLACE INTO growth (alarm, scan, calls) VALUES (?1, ?2, ?3)")?;
        insert.execute([number, self.scan, calls])?;
        Ok(())
    }

    fn write_records(&self, alarm: i64, part: &Part) -> Result<(), Failure> {
        let mut known = record_numbers(self.tx, alarm)?;
        for (id, record) in &part.records {
            known.remove(id);
            let number = self.write_record(alarm, id, record)?;
            self.tx.prepare_cached("DELETE FROM calls WHERE record = ?1")?.execute([number])?;
            self.write_calls(number, record)?;
        }
        let mut delete = self.tx.prepare_cached("DELETE FROM records WHERE number = ?1")?;
        for number in known.into_values() {
            delete.execute([number])?;
        }
        Ok(())
    }

    /// Writes a record; one that is there keeps its number.
    fn write_record(&self, alarm: i64, id: &RecordId, record: &PartRecord) -> Result<i64, Failure> {
        let mut insert = self.tx.prepare_cached(&format!(
            "{INSERT_RECORD} ON CONFLICT DO UPDATE SET calls = excluded.calls, first_call = excluded.first_call, \
             last_call = excluded.last_call, region = excluded.region, api_regions = excluded.api_regions, \
             ip_type = excluded.ip_type, ip_remark = excluded.ip_remark, asset_id = excluded.asset_id, \
             asset_name = excluded.asset_name, policies = excluded.policies, clients = excluded.clients \
             RETURNING number"
        ))?;
        Ok(with_cells(alarm, id, record, |cells| insert.query_row(cells, |row| row.get(0)))?)
    }

    fn write_calls(&self, record: i64, part: &PartRecord) -> Result<(), Failure> {
        let mut insert =
            self.tx.prepare_cached("INSERT INTO calls (record, time, event, request_id) VALUES (?1, ?2, ?3, ?4)")?;
        for ((time, event), request_id) in &part.calls {
            insert.execute(params![record, time, event.cast_signed(), request_id])?;
        }
        Ok(())
    }

    /// Keeps the long part of calls; of one that is known the first copy stays.
    pub(super) fn write_details(&self, details: &Details) -> Result<(), Failure> {
        let mut insert = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO events (event, time, event_id, body, resources) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (event, (time, detail)) in details {
            insert.execute(params![event.cast_signed(), time, detail.event_id, detail.body, detail.resources])?;
        }
        Ok(())
    }
}

const INSERT_RECORD: &str = "INSERT INTO records (alarm, source_ip, service, action, api_call, user_type, user, code, ok, \
     calls, first_call, last_call, region, api_regions, ip_type, ip_remark, asset_id, asset_name, policies, clients) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";

/// Hands the cells of [`INSERT_RECORD`] to `run`.
fn with_cells<R>(
    alarm: i64,
    id: &RecordId,
    record: &PartRecord,
    run: impl FnOnce(&[&dyn ToSql]) -> rusqlite::Result<R>,
) -> rusqlite::Result<R> {
    let place = &record.place;
    run(params![
        alarm,
        id.source_ip,
        id.service,
        id.action,
        id.api_call,
        id.user_type.as_str(),
        id.user,
        id.code,
        id.success,
        signed(record.count),
        record.first,
        record.last,
        record.locations.first(),
        json(&record.api_regions),
        place.ip_type,
        place.ip_remark,
        place.asset_id,
        place.asset_name,
        json(&record.policies),
        json(&record.clients)
    ])
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_string())
}
