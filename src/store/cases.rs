//! Everything known of users and roles that recommendations are made from.

use super::alarms::snapshot;
use super::classes::{self, KeyAlarms, KeyOf};
use super::holders::{Line, Wanted, holders, is_wanted};
use super::requests::read_cell;
use super::{Db, Failure, StoreError};
use crate::detect::activity::Outcome;
use crate::detect::requests::{Alike, Sample};
use crate::enrich::asked::{Asked, Source};
use crate::enrich::zone::LocalClock;
use crate::event::id::mask_key;
use crate::event::words::TEMP_AK;
use crate::inventory::grants::Granted;
use crate::inventory::{Inventory, KeyStatus};
use crate::recommend::input::{
    Call, Case, Class, Coverage, Holder, HolderKind, KeyFacts, Observed, Outcome as Came, Resources, SourceFacts,
};
use chrono::{NaiveDate, TimeZone};
use chrono_tz::Tz;
use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Days looked at unless told otherwise, before the newest event.
const USUAL_DAYS: i64 = 90;
const DAY: i64 = 86_400_000;

/// What the numbers of a database are read with.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'r> {
    /// What is granted.
    pub inventory: &'r Inventory,
    /// Zone of local days.
    pub zone: Tz,
    /// Leave out what was before this time, in milliseconds; else 90 days before the newest event of the account.
    pub since: Option<i64>,
    /// The time now, for what the allowlist covers.
    pub now: i64,
}

/// The cases wanted, by account, kind, name and id.
pub fn cases(db: &Db, wanted: &Wanted, reader: &Reader<'_>) -> Result<Vec<Case>, StoreError> {
    snapshot(db, |conn| {
        let mut holders = holders(conn, reader.inventory)?;
        holders.retain(|holder, lines| is_wanted(wanted, holder, lines, reader.inventory));
        let labels: HashSet<&KeyOf> = holders.values().flatten().map(|line| &line.key).collect();
        let keys = classes::read(conn, reader.now, &labels)?;
        let make = |(holder, lines): (&Holder, &Vec<Line>)| case(conn, holder, lines, &keys, wanted, reader);
        holders.iter().map(make).collect()
    })
}

/// Whether anything was seen of permissions at all: a database of an earlier format knows nothing yet.
pub fn has_requests(db: &Db) -> Result<bool, StoreError> {
    snapshot(db, |conn| Ok(conn.query_row("SELECT EXISTS (SELECT 1 FROM requests)", [], |row| row.get(0))?))
}

fn case(
    conn: &Connection,
    holder: &Holder,
    lines: &[Line],
    keys: &HashMap<KeyOf, KeyAlarms>,
    wanted: &Wanted,
    reader: &Reader<'_>,
) -> Result<Case, Failure> {
    let coverage = coverage(conn, &holder.account, reader)?;
    let until = coverage.last.unwrap_or(reader.now);
    let since = reader.since.unwrap_or(until - USUAL_DAYS * DAY);
    let mut clock = LocalClock::new(reader.zone);
    let since = since.max(pruned_before(conn, reader.zone)?);
    let mut observed: Vec<Observed> = Vec::new();
    for line in lines {
        let none = KeyAlarms::default();
        let alarms = keys.get(&line.key).unwrap_or(&none);
        observed.extend(observed_of(conn, line, alarms, since, &mut clock)?);
    }
    observed.sort();
    let own: BTreeSet<&KeyOf> = lines.iter().map(|line| &line.key).collect();
    let mut alarms: Vec<_> = own.iter().filter_map(|key| keys.get(*key)).flat_map(|of| of.alarms.clone()).collect();
    alarms.sort_by(|a, b| a.id.cmp(&b.id));
    let sources = sources(conn, &observed)?;
    Ok(Case {
        holder: holder.clone(),
        focus: if let Wanted::Key(ak) = wanted { Some(ak.clone()) } else { None },
        keys: key_facts(conn, holder, lines, reader.inventory)?,
        granted: granted(holder, reader.inventory),
        observed,
        alarms,
        sources,
        now: until,
        coverage,
    })
}

fn granted(holder: &Holder, inventory: &Inventory) -> Option<Granted> {
    let known = [&holder.id, &holder.name].into_iter().filter(|text| !text.is_empty());
    known.map(String::as_str).find_map(|text| match holder.kind {
        HolderKind::Root => None,
        HolderKind::User => inventory.grants_of_user(text),
        HolderKind::Role => inventory.grants_of_role(text),
    })
}

/// What the logs of the account cover, in the window.
fn coverage(conn: &Connection, account: &str, reader: &Reader<'_>) -> Result<Coverage, Failure> {
    let spans =
        "SELECT min(i.first), max(i.last) FROM ak_ip i JOIN labels l ON l.number = i.label WHERE l.account = ?1";
    let (first, last): (Option<i64>, Option<i64>) =
        conn.query_row(spans, [account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let since = reader.since.or_else(|| last.map(|last| last - USUAL_DAYS * DAY));
    let first = first.zip(since).map(|(first, since)| first.max(since)).or(first);
    let mut clock = LocalClock::new(reader.zone);
    let from = first.map_or(i32::MIN, |first| clock.local(first).0);
    let mut select = conn.prepare_cached("SELECT region, day FROM seen_days WHERE account = ?1 AND day >= ?2")?;
    let mut rows = select.query((account, from))?;
    let mut found = Coverage { first, last, ..Coverage::default() };
    while let Some(row) = rows.next()? {
        found.days.insert(row.get(1)?);
        let region: String = row.get(0)?;
        found.regions.extend(Some(region).filter(|region| !region.is_empty()));
    }
    Ok(found)
}

/// The time from which on nothing was pruned that could say what a call counts as, in milliseconds: a day after the
/// prune's date, in the zone that alarms are dated in, because a compromise throws doubt on the day after it.
fn pruned_before(conn: &Connection, zone: Tz) -> Result<i64, Failure> {
    let date: Option<String> =
        conn.query_row("SELECT value FROM meta WHERE name = 'pruned-before'", [], |row| row.get(0)).optional()?;
    let dated_in: Option<String> =
        conn.query_row("SELECT zone FROM scans ORDER BY number DESC LIMIT 1", [], |row| row.get(0)).optional()?;
    let zone = dated_in.and_then(|name| name.parse::<Tz>().ok()).unwrap_or(zone);
    let next = date.and_then(|date| date.parse::<NaiveDate>().ok()).and_then(|date| date.succ_opt());
    let midnight = next.and_then(|date| date.and_hms_opt(0, 0, 0));
    Ok(midnight
        .and_then(|midnight| zone.from_local_datetime(&midnight).latest())
        .map_or(i64::MIN, |instant| instant.timestamp_millis()))
}

fn observed_of(
    conn: &Connection,
    line: &Line,
    alarms: &KeyAlarms,
    since: i64,
    clock: &mut LocalClock,
) -> Result<Vec<Observed>, Failure> {
    let mut select = conn.prepare_cached(
        "SELECT data FROM requests WHERE label = ?1 AND user_type = ?2 AND user = ?3 AND principal = ?4 \
         AND service = ?5 AND action = ?6",
    )?;
    let key = (line.label, &line.user_type, &line.user, &line.principal, &line.service, &line.action);
    let data: Vec<u8> = select.query_row(key, |row| row.get(0))?;
    let mut told: HashSet<u64> = HashSet::new();
    let mut cell = read_cell(&data)?;
    // An event told in several exports counts as the one that says most about it.
    cell.calls.sort_by_key(|(alike, _)| (Asked::parse(&alike.asked).source, alike.clone()));
    let mut found = Vec::new();
    for (alike, sample) in &cell.calls {
        let mut calls: Vec<Call> = Vec::new();
        let in_order: BTreeMap<u64, i64> = sample.calls().map(|call| (call.event, call.time)).collect();
        for (event, time) in in_order {
            if told.insert(event) && time >= since {
                let (class, alarm) = alarms.class_of(event, time, &alike.ip, alike.outcome);
                calls.push(Call { time, day: clock.local(time).0, class, alarm });
            }
        }
        calls.sort();
        found.push(observed_as(line, alike, sample, calls));
    }
    add_missed(line, alarms, &told, since, clock, &mut found);
    found.retain(|one| !one.calls.is_empty());
    Ok(found)
}

/// Adds calls that alarms are about and samples do not hold, so that none is taken for legitimate. They were about what
/// calls that are alike in all else were about, where those agree; else about anything.
fn add_missed(
    line: &Line,
    alarms: &KeyAlarms,
    told: &HashSet<u64>,
    since: i64,
    clock: &mut LocalClock,
    found: &mut Vec<Observed>,
) {
    for (hit, alarm) in alarms.missed(&line.service, &line.action, told) {
        if hit.time < since {
            continue;
        }
        let call = Call { time: hit.time, day: clock.local(hit.time).0, class: Class::Alarmed, alarm: Some(alarm) };
        let ip = hit.ip.parse::<IpAddr>().ok().map(|ip| ip.to_string());
        let fits = |one: &&mut Observed| {
            one.ip == ip && one.api_call == hit.api_call && (one.outcome == Came::Success) == hit.success
        };
        let mut alike: Vec<&mut Observed> = found.iter_mut().filter(fits).collect();
        if let [one] = &mut alike[..] {
            one.calls.push(call);
            one.calls.sort();
            continue;
        }
        let asked = Asked::unknown().to_text().into();
        let outcome = if hit.success { Outcome::Success } else { Outcome::Failed };
        let alike = Alike { ip: hit.ip.as_str().into(), api_call: hit.api_call, outcome, asked };
        let mut one = observed_as(line, &alike, &Sample::default(), vec![call]);
        one.sampled = true;
        found.push(one);
    }
}

fn observed_as(line: &Line, alike: &Alike<'_>, sample: &Sample, calls: Vec<Call>) -> Observed {
    let asked = Asked::parse(&alike.asked);
    let refused = (!asked.refused_action.is_empty()).then_some((asked.refused_action, asked.refused_resource));
    Observed {
        ak: line.key.1.clone(),
        service: line.service.clone(),
        action: line.action.clone(),
        resources: match asked.source {
            Source::Logged => Resources::Logged(asked.resources),
            Source::Built => Resources::Built(asked.resources),
            Source::Widened => Resources::Widened(asked.resources),
            Source::Unknown => Resources::Unknown,
        },
        ip: alike.ip.parse::<IpAddr>().ok().map(|ip| ip.to_string()),
        api_call: alike.api_call,
        outcome: match alike.outcome {
            Outcome::Success => Came::Success,
            Outcome::Denied => Came::Denied,
            Outcome::Failed => Came::Failed,
        },
        passed_role: Some(asked.role).filter(|role| !role.is_empty()),
        refused,
        calls,
        sampled: sample.more,
    }
}

fn key_facts(
    conn: &Connection,
    holder: &Holder,
    lines: &[Line],
    inventory: &Inventory,
) -> Result<Vec<KeyFacts>, Failure> {
    let labels: BTreeMap<&str, BTreeSet<i64>> = lines.iter().fold(BTreeMap::new(), |mut by_key, line| {
        by_key.entry(line.key.1.as_str()).or_insert_with(BTreeSet::new).insert(line.label);
        by_key
    });
    let of_holder = |user: &str| user == holder.id || (!holder.name.is_empty() && user == holder.name);
    let listed = inventory.keys().filter(|key| key.user.as_deref().is_some_and(of_holder));
    let ids: BTreeSet<&str> = labels.keys().copied().chain(listed.map(|key| key.id.as_str())).collect();
    let mut last_of = conn.prepare_cached("SELECT max(last) FROM ak_ip WHERE label = ?1")?;
    let mut facts = Vec::new();
    for ak in ids {
        let known = inventory.key(ak);
        let mut last_used = known.and_then(|key| key.last_used);
        for label in labels.get(ak).into_iter().flatten() {
            let logged: Option<i64> = last_of.query_row([label], |row| row.get(0))?;
            last_used = last_used.max(logged);
        }
        facts.push(KeyFacts {
            ak_masked: if ak == TEMP_AK { ak.to_string() } else { mask_key(ak) },
            ak: ak.to_string(),
            created: known.and_then(|key| key.created),
            last_used,
            status: known.and_then(|key| key.status).map(|status| status_word(status).to_string()),
            listed: known.is_some(),
        });
    }
    Ok(facts)
}

fn sources(conn: &Connection, observed: &[Observed]) -> Result<Vec<SourceFacts>, Failure> {
    let ips: BTreeSet<&String> = observed.iter().filter_map(|one| one.ip.as_ref()).collect();
    let mut select = conn.prepare_cached("SELECT ip_type, asset_id FROM ips WHERE ip = ?1")?;
    let mut found = Vec::new();
    for ip in ips {
        let known: Option<(String, Option<String>)> =
            select.query_row([ip], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (ip_type, asset_id) = known.unwrap_or(("unknown".to_string(), None));
        found.push(SourceFacts { ip: ip.clone(), ip_type, asset_id });
    }
    Ok(found)
}

fn status_word(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "active",
        KeyStatus::Inactive => "inactive",
        KeyStatus::Deleted => "deleted",
    }
}
