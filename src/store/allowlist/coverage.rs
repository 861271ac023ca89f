//! Which call records each policy covers.

use super::super::Failure;
use super::{all, count};
use crate::allow::{Matcher, Policy, Subject};
use crate::event::words::{Method, TEMP_AK};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Transaction};
use std::collections::HashSet;

/// A policy's number and a record's.
type Pair = (i64, i64);

/// Finds out anew which records all policies cover: those of these alarms, or every one.
pub fn cover(transaction: &Transaction<'_>, alarms: Option<&[i64]>) -> Result<(), Failure> {
    let kept = all(transaction)?;
    let policies: Vec<(i64, &Policy)> = kept.iter().map(|kept| (kept.number, &kept.policy)).collect();
    cover_policies(transaction, &policies, alarms)
}

/// Finds out anew which records with this source address all policies cover, after a remark on it has come or gone.
pub fn cover_address(transaction: &Transaction<'_>, ip: &str) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached("SELECT DISTINCT alarm FROM records WHERE source_ip = ?1")?;
    let alarms: Vec<i64> = statement.query_map([ip], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    cover(transaction, Some(&alarms))
}

/// Finds out anew which records one policy covers.
pub fn cover_policy(transaction: &Transaction<'_>, number: i64, policy: &Policy) -> Result<(), Failure> {
    cover_policies(transaction, &[(number, policy)], None)
}

/// Finds out anew which records these policies cover, in these alarms or in every one.
pub(super) fn cover_policies(
    transaction: &Transaction<'_>,
    policies: &[(i64, &Policy)],
    alarms: Option<&[i64]>,
) -> Result<(), Failure> {
    if policies.is_empty() {
        return Ok(());
    }
    let mut matcher = Matcher::new(policies.iter().map(|(_, policy)| *policy));
    let mut now = Vec::new();
    each_record(transaction, alarms, |found| {
        now.extend(matcher.covering(&found.subject).map(|place| (policies[place].0, found.number)));
    })?;
    let numbers: HashSet<i64> = policies.iter().map(|(number, _)| *number).collect();
    let mut before = pairs(transaction, &numbers, alarms)?;
    now.sort_unstable();
    before.sort_unstable();
    write(transaction, "DELETE FROM coverage WHERE policy = ?1 AND record = ?2", &only_in(&before, &now))?;
    write(transaction, "INSERT INTO coverage (policy, record) VALUES (?1, ?2)", &only_in(&now, &before))
}

/// What is known so far.
fn pairs(conn: &Connection, policies: &HashSet<i64>, alarms: Option<&[i64]>) -> Result<Vec<Pair>, Failure> {
    let mut found = Vec::new();
    let mut collect = |sql: &str, key: i64| -> Result<(), Failure> {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?));
        }
        Ok(())
    };
    match alarms {
        None => {
            for policy in policies {
                collect("SELECT policy, record FROM coverage WHERE policy = ?1", *policy)?;
            }
        }
        Some(alarms) => {
            let sql = "SELECT c.policy, c.record FROM records AS r CROSS JOIN coverage AS c ON c.record = r.number WHERE r.alarm = ?1";
            for alarm in alarms {
                collect(sql, *alarm)?;
            }
            found.retain(|(policy, _)| policies.contains(policy));
        }
    }
    Ok(found)
}

/// The pairs of one sorted list that the other has not.
fn only_in(these: &[Pair], others: &[Pair]) -> Vec<Pair> {
    let mut others = others.iter().peekable();
    let mut found = Vec::new();
    for pair in these {
        while others.next_if(|other| *other < pair).is_some() {}
        if others.peek() != Some(&pair) && found.last() != Some(pair) {
            found.push(*pair);
        }
    }
    found
}

fn write(transaction: &Transaction<'_>, sql: &str, pairs: &[Pair]) -> Result<(), Failure> {
    let mut statement = transaction.prepare_cached(sql)?;
    for (policy, record) in pairs {
        statement.execute([policy, record])?;
    }
    Ok(())
}

/// A call record as policies see it, and where it belongs.
pub(super) struct Found<'r> {
    pub(super) number: i64,
    pub(super) alarm: i64,
    pub(super) calls: u64,
    pub(super) last_call: i64,
    pub(super) subject: Subject<'r>,
}

const RECORDS: &str = "SELECT r.number, r.alarm, r.calls, r.last_call, r.source_ip, r.ip_type, r.ip_remark IS NOT NULL, \
    r.api_call, r.service, r.action, r.code, r.ok, a.rule, a.ak \
    FROM records AS r CROSS JOIN alarms AS a ON a.number = r.alarm";

/// Shows `visit` the records of these alarms, or every one.
pub(super) fn each_record(
    conn: &Connection,
    alarms: Option<&[i64]>,
    mut visit: impl FnMut(&Found<'_>),
) -> Result<(), Failure> {
    let remarks = addresses_with_remark(conn)?;
    let mut run = |sql: &str, key: &[i64]| -> Result<(), Failure> {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(key))?;
        while let Some(row) = rows.next()? {
            visit(&found(row, &remarks)?);
        }
        Ok(())
    };
    let Some(alarms) = alarms else {
        return run(RECORDS, &[]);
    };
    let sql = format!("{RECORDS} WHERE r.alarm = ?1");
    alarms.iter().try_for_each(|alarm| run(&sql, &[*alarm]))
}

fn addresses_with_remark(conn: &Connection) -> Result<HashSet<String>, Failure> {
    let mut statement = conn.prepare_cached("SELECT id FROM remarks WHERE kind = 'ip'")?;
    let ids = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(ids)
}

fn found<'r>(row: &'r Row<'_>, remarks: &HashSet<String>) -> Result<Found<'r>, Failure> {
    let (ip, ak) = (text(row, 4)?, text(row, 13)?);
    let subject = Subject {
        rule: text(row, 12)?,
        source_ip: Some(ip).filter(|ip| !ip.is_empty()),
        ip_type: text(row, 5)?,
        ip_has_remark: row.get(6)? || remarks.contains(ip),
        method: if row.get(7)? { Method::Api } else { Method::Console },
        ak,
        temporary: ak == TEMP_AK,
        service: text(row, 8)?,
        action: text(row, 9)?,
        code: text(row, 10)?,
        success: row.get(11)?,
    };
    Ok(Found { number: row.get(0)?, alarm: row.get(1)?, calls: count(row, 2)?, last_call: row.get(3)?, subject })
}

/// A text of the row, where it lies.
fn text<'r>(row: &'r Row<'_>, place: usize) -> Result<&'r str, Failure> {
    let text = match row.get_ref(place)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    text.ok_or_else(|| Failure::Content("a call record holds something that is no text".to_string()))
}
