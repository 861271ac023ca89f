//! Allowlist policies as they are kept, and what each has covered.
//!
//! `coverage` says which call records a policy covers, whether or not it is in force. Readers ask that of the policy
//! itself, so that nothing is written when a policy ends or is switched off or on.

mod coverage;
mod preview;
mod proposal;

pub use coverage::{cover, cover_address, cover_policy};
pub use preview::{AlarmRow, Preview, RecordRow, Touched, alarm_row, preview, record_rows};
pub use proposal::{Proposal, alarms_named, proposal};

use super::Failure;
use crate::allow::{MOST_ENTRIES, Policy, restore, store_text};
use crate::event::time::DAY_MS;
use hashbrown::HashMap;
use rusqlite::{Connection, Row, Transaction, params};
use std::collections::BTreeSet;

/// A policy that is in use takes a call at least this often; so long a silence is worth a word.
pub const UNUSED_AFTER_MS: i64 = 30 * DAY_MS;
/// So many policies can be kept. An import takes as many, so every export can be read again.
pub const MOST_POLICIES: usize = MOST_ENTRIES;

/// A policy that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number, which never changes and is never given again.
    pub number: i64,
    /// The policy.
    pub policy: Policy,
}

/// What a policy covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Calls.
    pub calls: u64,
    /// The newest of them.
    pub last: Option<i64>,
    /// Alarms that hold no other call.
    pub full: u64,
    /// Alarms that hold others too.
    pub part: u64,
}

/// Something about a policy that its owner should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// It has covered no call for a long time.
    Unused,
    /// It has ended.
    Expired,
    /// Another policy in force covers whatever it covers.
    ShadowedBy(String),
}

impl Warning {
    /// The word used in every output.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Expired => "expired",
            Self::ShadowedBy(_) => "shadowed_by",
        }
    }
}

/// All policies, the oldest first.
pub fn all(conn: &Connection) -> Result<Vec<Kept>, Failure> {
    let mut statement = conn.prepare_cached(
        "SELECT number, name, policy, enabled, created, updated, expires FROM allowlist ORDER BY number",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(kept(row)?);
    }
    Ok(found)
}

/// The columns say what readers of the table rely on, so they count where text and columns differ.
fn kept(row: &Row<'_>) -> Result<Kept, Failure> {
    let number = row.get(0)?;
    let text: String = row.get(2)?;
    let policy = restore(&text).map_err(|error| Failure::Content(format!("allowlist policy {number}: {error}")))?;
    let policy = Policy {
        name: row.get(1)?,
        enabled: row.get(3)?,
        created: row.get(4)?,
        updated: row.get(5)?,
        expires: row.get(6)?,
        ..policy
    };
    Ok(Kept { number, policy })
}

/// All policies with what they cover, the oldest first.
pub fn list(conn: &Connection) -> Result<Vec<(Kept, Hits)>, Failure> {
    let mut hits = all_hits(conn)?;
    let with_hits = |kept: Kept| {
        let hits = hits.remove(&kept.number).unwrap_or_default();
        (kept, hits)
    };
    Ok(all(conn)?.into_iter().map(with_hits).collect())
}

/// A join would look every covered record up anew; reading the records once is several times as fast.
fn all_hits(conn: &Connection) -> Result<HashMap<i64, Hits>, Failure> {
    let mut statement = conn.prepare_cached("SELECT policy, record FROM coverage ORDER BY policy")?;
    let mut rows = statement.query([])?;
    let (mut records, mut of_alarm) = (HashMap::new(), HashMap::new());
    let mut found: HashMap<i64, HashMap<i64, Share>> = HashMap::new();
    while let Some(row) = rows.next()? {
        if records.is_empty() {
            (records, of_alarm) = load_records(conn)?;
        }
        let Some((alarm, calls, last)) = records.get(&row.get::<_, i64>(1)?) else {
            continue;
        };
        let share = found.entry(row.get(0)?).or_default().entry(*alarm).or_default();
        share.records += 1;
        share.calls += calls;
        share.last = share.last.max(*last);
    }
    let sum = |shares: HashMap<i64, Share>| {
        let mut hits = Hits::default();
        for (alarm, share) in shares {
            hits.add(share.calls, share.last, of_alarm.get(&alarm) == Some(&share.records));
        }
        hits
    };
    Ok(found.into_iter().map(|(policy, shares)| (policy, sum(shares))).collect())
}

/// What a policy covers of one alarm.
#[derive(Default)]
struct Share {
    records: u64,
    calls: u64,
    last: i64,
}

/// Alarm, calls and last call of every record, and how many records each alarm has.
type Records = (HashMap<i64, (i64, u64, i64)>, HashMap<i64, u64>);

fn load_records(conn: &Connection) -> Result<Records, Failure> {
    let mut statement = conn.prepare_cached("SELECT number, alarm, calls, last_call FROM records")?;
    let mut rows = statement.query([])?;
    let (mut records, mut of_alarm) = Records::default();
    while let Some(row) = rows.next()? {
        let alarm = row.get(1)?;
        records.insert(row.get(0)?, (alarm, count(row, 2)?, row.get(3)?));
        *of_alarm.entry(alarm).or_default() += 1;
    }
    Ok((records, of_alarm))
}

/// A number that cannot be below zero.
fn count(row: &Row<'_>, place: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(place)?).unwrap_or_default())
}

impl Hits {
    /// Adds the calls covered in one alarm.
    fn add(&mut self, calls: u64, last: i64, full: bool) {
        self.calls += calls;
        self.last = self.last.max(Some(last));
        if full {
            self.full += 1;
        } else {
            self.part += 1;
        }
    }
}

/// The policy of this number, or else of this name in any letter case.
pub fn find<'k>(policies: &'k [Kept], name: &str) -> Option<&'k Kept> {
    let number = name.strip_prefix('#').unwrap_or(name).parse().ok();
    let named = || policies.iter().find(|kept| same_name(&kept.policy.name, name));
    policies.iter().find(|kept| Some(kept.number) == number).or_else(named)
}

/// True if two names are the same to a reader.
pub fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.trim().to_lowercase()
}

/// Keeps a new policy, whose name no other may have, and finds out what it covers. Gives its number.
pub fn add(transaction: &Transaction<'_>, policy: &Policy) -> Result<i64, Failure> {
    Ok(add_all(transaction, std::slice::from_ref(policy))?[0])
}

/// Keeps new policies, whose names no others may have, and finds out what they cover. Gives their numbers.
pub fn add_all(transaction: &Transaction<'_>, policies: &[Policy]) -> Result<Vec<i64>, Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO allowlist (name, policy, enabled, created, updated, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut numbers = Vec::new();
    for policy in policies {
        let Policy { name, enabled, created, updated, expires, .. } = policy;
        insert.execute(params![name, store_text(policy), enabled, created, updated, expires])?;
        numbers.push(transaction.last_insert_rowid());
    }
    let fresh: Vec<(i64, &Policy)> = numbers.iter().copied().zip(policies).collect();
    coverage::cover_policies(transaction, &fresh, None)?;
    Ok(numbers)
}

/// Puts a policy in the place of the one with this number, and finds out what it covers.
pub fn replace(transaction: &Transaction<'_>, number: i64, policy: &Policy) -> Result<(), Failure> {
    write(transaction, number, policy)?;
    cover_policy(transaction, number, policy)
}

fn write(transaction: &Transaction<'_>, number: i64, policy: &Policy) -> Result<(), Failure> {
    let mut update = transaction.prepare_cached(
        "UPDATE allowlist SET name = ?2, policy = ?3, enabled = ?4, created = ?5, updated = ?6, expires = ?7 WHERE number = ?1",
    )?;
    let Policy { name, enabled, created, updated, expires, .. } = policy;
    update.execute(params![number, name, store_text(policy), enabled, created, updated, expires])?;
    Ok(())
}

/// Forgets a policy; what it covered stands again.
pub fn remove(transaction: &Transaction<'_>, number: i64) -> Result<(), Failure> {
    transaction.prepare_cached("DELETE FROM allowlist WHERE number = ?1")?.execute([number])?;
    Ok(())
}

/// Switches a policy on or off. What it covers stays known.
pub fn set_enabled(transaction: &Transaction<'_>, kept: &Kept, enabled: bool, now: i64) -> Result<(), Failure> {
    write(transaction, kept.number, &Policy { enabled, updated: now, ..kept.policy.clone() })
}

/// What there is to say about each policy, in their order.
pub fn warnings(policies: &[(Kept, Hits)], now: i64) -> Vec<Vec<Warning>> {
    policies.iter().map(|(kept, hits)| warnings_of(kept, *hits, policies, now)).collect()
}

fn warnings_of(kept: &Kept, hits: Hits, all: &[(Kept, Hits)], now: i64) -> Vec<Warning> {
    let policy = &kept.policy;
    let before = now.saturating_sub(UNUSED_AFTER_MS);
    let unused = policy.created < before && hits.last.is_none_or(|last| last < before);
    let expired = policy.expires.is_some_and(|end| end <= now);
    let wider = all.iter().map(|(other, _)| other).find(|other| shadows(other, kept, now));
    let found = [
        unused.then_some(Warning::Unused),
        expired.then_some(Warning::Expired),
        wider.map(|other| Warning::ShadowedBy(other.policy.name.clone())),
    ];
    found.into_iter().flatten().collect()
}

/// True if `wider` makes `kept` needless. Of two that cover the same, the older one stays.
pub fn shadows(wider: &Kept, kept: &Kept, now: i64) -> bool {
    let older = || kept.number < wider.number && kept.policy.in_force(now) && kept.policy.shadows(&wider.policy);
    wider.number != kept.number && wider.policy.in_force(now) && wider.policy.shadows(&kept.policy) && !older()
}

/// Services of the calls that have been seen, in lower case.
pub fn services(conn: &Connection) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    for sql in ["SELECT DISTINCT service FROM records", "SELECT DISTINCT service FROM ak_api"] {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.insert(row.get::<_, String>(0)?.to_ascii_lowercase());
        }
    }
    found.remove("");
    Ok(found)
}

#[cfg(test)]
mod tests;
