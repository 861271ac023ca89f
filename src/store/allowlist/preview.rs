//! What a policy would cover, without keeping anything, and the alarms and records to show for it.

use super::super::Failure;
use super::coverage::each_record;
use super::{Hits, count};
use crate::allow::{Matcher, Policy};
use crate::detect::Level;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;

/// What a policy would cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// In numbers.
    pub hits: Hits,
    /// The alarms, by number.
    pub alarms: Vec<Touched>,
}

/// An alarm with calls that a policy would cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The alarm's number.
    pub number: i64,
    /// It holds no other call.
    pub full: bool,
    /// Calls covered.
    pub calls: u64,
    /// Numbers of the records covered.
    pub records: Vec<i64>,
}

#[derive(Default)]
struct Count {
    records: u64,
    covered: Vec<i64>,
    calls: u64,
    last: i64,
}

/// What `policy` would cover if it were kept.
pub fn preview(conn: &Connection, policy: &Policy) -> Result<Preview, Failure> {
    let mut matcher = Matcher::new([policy]);
    let mut counts: BTreeMap<i64, Count> = BTreeMap::new();
    each_record(conn, None, |found| {
        let count = counts.entry(found.alarm).or_default();
        count.records += 1;
        if matcher.covering(&found.subject).next().is_some() {
            count.covered.push(found.number);
            count.calls += found.calls;
            count.last = count.last.max(found.last_call);
        }
    })?;
    let mut preview = Preview::default();
    for (number, count) in counts.into_iter().filter(|(_, count)| !count.covered.is_empty()) {
        let full = count.covered.len() as u64 == count.records;
        preview.hits.add(count.calls, count.last, full);
        preview.alarms.push(Touched { number, full, calls: count.calls, records: count.covered });
    }
    Ok(preview)
}

/// An alarm as lists of covered ones show it.
#[derive(Clone, Debug)]
pub struct AlarmRow {
    /// Stable id.
    pub id: String,
    /// Id of the rule.
    pub rule: String,
    /// Level by the rule.
    pub level: Level,
    /// Local date.
    pub date: String,
    /// The key, or `TEMP_AK`.
    pub ak: String,
    /// Name of the user or role.
    pub user: Option<String>,
    /// Calls in all.
    pub calls: u64,
    /// Last call, in milliseconds.
    pub last_call: i64,
}

/// The alarm with this number.
pub fn alarm_row(conn: &Connection, number: i64) -> Result<AlarmRow, Failure> {
    let sql = "SELECT id, rule, level, date, ak, user, success + failed, last_call FROM alarms WHERE number = ?1";
    let read = |row: &Row<'_>| {
        Ok(AlarmRow {
            id: row.get(0)?,
            rule: row.get(1)?,
            level: level(count(row, 2)?),
            date: row.get(3)?,
            ak: row.get(4)?,
            user: row.get(5)?,
            calls: count(row, 6)?,
            last_call: row.get(7)?,
        })
    };
    Ok(conn.prepare_cached(sql)?.query_row([number], read)?)
}

/// The level of a number in the table, where 5 is the worst.
fn level(number: u64) -> Level {
    let place = (1..=5).rev().position(|other| other == number);
    place.and_then(|place| Level::ALL.get(place).copied()).unwrap_or(Level::Note)
}

/// A call record as lists of covered ones show it.
#[derive(Clone, Debug)]
pub struct RecordRow {
    /// Source address.
    pub source_ip: Option<String>,
    /// in_account, outside, lan, unknown.
    pub ip_type: String,
    /// Through the API, not the console.
    pub api_call: bool,
    /// Service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Name of the user or role.
    pub user: Option<String>,
    /// Result code.
    pub code: String,
    /// The calls succeeded.
    pub ok: bool,
    /// Calls.
    pub calls: u64,
    /// First call, in milliseconds.
    pub first_call: i64,
    /// Last call, in milliseconds.
    pub last_call: i64,
}

/// The records with these numbers.
pub fn record_rows(conn: &Connection, numbers: &[i64]) -> Result<Vec<RecordRow>, Failure> {
    let sql = "SELECT source_ip, ip_type, api_call, service, action, user, code, ok, calls, first_call, last_call \
        FROM records WHERE number = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let read = |row: &Row<'_>| {
        Ok(RecordRow {
            source_ip: some(row.get(0)?),
            ip_type: row.get(1)?,
            api_call: row.get(2)?,
            service: row.get(3)?,
            action: row.get(4)?,
            user: some(row.get(5)?),
            code: row.get(6)?,
            ok: row.get(7)?,
            calls: count(row, 8)?,
            first_call: row.get(9)?,
            last_call: row.get(10)?,
        })
    };
    let mut found = Vec::new();
    for number in numbers {
        found.push(statement.query_row([number], read)?);
    }
    found.sort_by(|a, b| {
        (a.last_call, &a.source_ip, &a.service, &a.action).cmp(&(b.last_call, &b.source_ip, &b.service, &b.action))
    });
    Ok(found)
}
