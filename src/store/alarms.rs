//! Alarms as they stand at a moment: with decisions and remarks, and without what policies in force cover.
//!
//! Policies never change an alarm. They are applied here, whenever somebody looks, so an alarm comes back by itself
//! when a policy is switched off or expires.

use super::project::level_number;
use super::{Db, Failure, StoreError};
use crate::alarm::fold::MAX_EVENT_IDS;
use crate::alarm::model::{Alarm, CallRecord, Identity, Sources, order};
use crate::alarm::status::{Decision, Status};
use crate::detect::rules;
use crate::detect::{AlarmType, Level};
use crate::event::words::{Method, UserType};
use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Which alarms to list; what is not set takes any.
#[derive(Clone, Debug, Default)]
pub struct AlarmFilter {
    /// This level or worse.
    pub min_level: Option<Level>,
    /// One of these levels.
    pub levels: Vec<Level>,
    /// Of one of these rules.
    pub rules: Vec<&'static str>,
    /// Of this type.
    pub kind: Option<AlarmType>,
    /// About this key.
    pub ak: Option<String>,
    /// In this main account.
    pub account: Option<String>,
    /// About such a key.
    pub identity: Option<Identity>,
    /// In one of these states.
    pub statuses: Vec<Status>,
    /// With calls from an address in this range.
    pub ip: Option<IpNet>,
    /// The newest call is not before this time, in milliseconds.
    pub since: Option<i64>,
    /// The newest call is before this time.
    pub until: Option<i64>,
    /// One of these, by number.
    pub numbers: Option<Vec<i64>>,
    /// Not yet shown under this mark.
    pub unseen_by: Option<String>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Worst level first, then newest, then by id.
    #[default]
    Level,
    /// Newest call first.
    Time,
    /// Most calls first.
    Count,
    /// Seen last first.
    FirstSeen,
}

/// How much is read of the call records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// Nothing.
    None,
    /// Only what tells where calls came from, for tables.
    Sources,
    /// Address and newest call of every record.
    Addresses,
    /// All of each, and the event ids of the alarms.
    Full,
}

/// The alarms that fit, as they stand at `now`.
///
/// An alarm whose calls are all covered is invalid and keeps its counts and records; one that is covered in part has
/// the counts and records of the other calls. Filters and order go by these.
pub fn alarms(
    db: &Db,
    filter: &AlarmFilter,
    now: i64,
    sort: Sort,
    limit: Option<usize>,
    records: Records,
) -> Result<Vec<Alarm>, StoreError> {
    let listed = snapshot(db, |conn| in_order(conn, filter, now, sort, limit, records))?;
    Ok(listed.into_iter().map(|one| one.alarm).collect())
}

/// An alarm with the numbers that its parts have in the database.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Its own.
    pub number: i64,
    /// Those of its records, in their order.
    pub records: Vec<i64>,
    /// The alarm.
    pub alarm: Alarm,
}

/// The alarms that fit, as [`alarms`] gives them with their whole records, worst first.
pub fn numbered(db: &Db, filter: &AlarmFilter, now: i64) -> Result<Vec<Numbered>, StoreError> {
    let listed = snapshot(db, |conn| in_order(conn, filter, now, Sort::Level, None, Records::Full))?;
    Ok(listed.into_iter().map(|one| Numbered { number: one.number, records: one.records, alarm: one.alarm }).collect())
}

fn in_order(
    conn: &Connection,
    filter: &AlarmFilter,
    now: i64,
    sort: Sort,
    limit: Option<usize>,
    records: Records,
) -> Result<Vec<Listed>, Failure> {
    let remarks = Remarks::read(conn)?;
    let mut listed = listed(conn, filter, now, records == Records::Full, &remarks)?;
    put_in_order(&mut listed, sort);
    listed.truncate(limit.unwrap_or(usize::MAX));
    if records != Records::None {
        add_records(conn, &mut listed, records, &remarks)?;
    }
    Ok(listed)
}

/// Reads what belongs together, whatever is written meanwhile.
pub(super) fn snapshot<T>(db: &Db, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
    let read = || {
        let _held = if db.conn.is_autocommit() { Some(db.conn.unchecked_transaction()?) } else { None };
        work(&db.conn)
    };
    read().map_err(|failure: Failure| failure.at(db.path()))
}

/// An alarm with what lists do not show.
pub(super) struct Listed {
    /// Its number in the database.
    pub(super) number: i64,
    /// The user or role of a temporary key.
    pub(super) owner: String,
    /// The owner is a role.
    pub(super) role: bool,
    /// Covered records, when others are not.
    pub(super) left_out: HashMap<i64, BTreeSet<usize>>,
    /// The numbers of the alarm's records, once these are read.
    pub(super) records: Vec<i64>,
    /// The alarm.
    pub(super) alarm: Alarm,
}

/// The alarms that fit, in no order and without records.
pub(super) fn listed(
    conn: &Connection,
    filter: &AlarmFilter,
    now: i64,
    with_events: bool,
    remarks: &Remarks,
) -> Result<Vec<Listed>, Failure> {
    let from = filter.ip.map(|range| records_from(conn, range)).transpose()?;
    let query = Query::of(filter, from.as_ref(), with_events)?;
    let coverage = Coverage::read(conn, filter.numbers.as_deref(), now)?;
    let mut statement = conn.prepare(&query.text)?;
    let mut rows = statement.query(params_from_iter(query.values))?;
    let most: i64 = conn.query_row("SELECT count(*) FROM alarms", [], |row| row.get(0))?;
    let narrow = filter.numbers.is_some() || filter.ak.is_some() || from.is_some();
    // Growing step by step would copy a long list several times.
    let mut found = Vec::with_capacity(if narrow { 0 } else { usize::try_from(most).unwrap_or_default() });
    while let Some(row) = rows.next()? {
        let mut one = read_alarm(row, remarks)?;
        if let Some(covered) = coverage.alarms.get(&one.number) {
            covered.apply(&mut one, &coverage.names);
        }
        let fits = fits(filter, &one.alarm)
            && from.as_ref().is_none_or(|from| {
                from.get(&one.number).is_some_and(|records| records.iter().any(|r| !one.left_out.contains_key(r)))
            });
        if fits {
            found.push(one);
        }
    }
    Ok(found)
}

/// What hangs on coverage is looked at once that is known.
fn fits(filter: &AlarmFilter, alarm: &Alarm) -> bool {
    filter.min_level.is_none_or(|least| alarm.level <= least)
        && (filter.levels.is_empty() || filter.levels.contains(&alarm.level))
        && filter.since.is_none_or(|since| alarm.last_call >= since)
        && filter.until.is_none_or(|until| alarm.last_call < until)
}

fn put_in_order(listed: &mut [Listed], sort: Sort) {
    let by_level =
        |a: &Alarm, b: &Alarm| (a.level, Reverse(a.last_call), &a.id).cmp(&(b.level, Reverse(b.last_call), &b.id));
    let compare = |a: &Alarm, b: &Alarm| match sort {
        Sort::Level => by_level(a, b),
        Sort::Time => b.last_call.cmp(&a.last_call).then_with(|| by_level(a, b)),
        Sort::Count => b.total().cmp(&a.total()).then_with(|| by_level(a, b)),
        Sort::FirstSeen => b.first_seen.cmp(&a.first_seen).then_with(|| by_level(a, b)),
    };
    listed.sort_unstable_by(|a, b| compare(&a.alarm, &b.alarm));
}

/// A query with its values.
struct Query {
    text: String,
    values: Vec<Value>,
}

/// Columns of an alarm, in the order in which [`read_alarm`] takes them.
const ALARM_COLUMNS: &str = "number, id, rule, level, date, account, app_id, identity, user, ak, owner, role, \
    ak_remark, first_call, last_call, success, failed, tags, why, first_seen, status, decided_at, decided_by, \
    decided_note, decided_calls, sources";

impl Query {
    fn of(filter: &AlarmFilter, from: Option<&RecordsFrom>, with_events: bool) -> Result<Self, Failure> {
        let events = if with_events { "event_ids" } else { "'[]'" };
        let text = format!("SELECT {ALARM_COLUMNS}, {events} FROM alarms WHERE success + failed > 0");
        let mut query = Self { text, values: Vec::new() };
        let words = |words: Vec<&str>| serde_json::to_string(&words).unwrap_or_default();
        if let Some(level) = filter.min_level.filter(|level| *level != Level::Invalid) {
            query.and("level >= ?", level_number(level));
        }
        if let Some(since) = filter.since {
            query.and("last_call >= ?", since);
        }
        if !filter.rules.is_empty() {
            query.and("rule IN (SELECT value FROM json_each(?))", words(filter.rules.clone()));
        }
        if let Some(kind) = filter.kind {
            query.and("type = ?", kind.as_str().to_string());
        }
        for (condition, wanted) in [("ak = ?", &filter.ak), ("account = ?", &filter.account)] {
            if let Some(wanted) = wanted {
                query.and(condition, wanted.clone());
            }
        }
        if let Some(identity) = filter.identity {
            query.and("identity = ?", identity.as_str().to_string());
        }
        if !filter.statuses.is_empty() {
            let statuses = words(filter.statuses.iter().map(|status| status.as_str()).collect());
            query.and("status IN (SELECT value FROM json_each(?))", statuses);
        }
        if let Some(numbers) = &filter.numbers {
            query.and("number IN (SELECT value FROM json_each(?))", json_numbers(numbers.iter().copied())?);
        }
        if let Some(from) = from {
            query.and("number IN (SELECT value FROM json_each(?))", json_numbers(from.keys().copied())?);
        }
        if let Some(mark) = &filter.unseen_by {
            query.and("id NOT IN (SELECT alarm FROM marks WHERE name = ?)", mark.clone());
        }
        Ok(query)
    }

    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.push(value.into());
    }
}

/// Numbers as a list that SQLite reads.
pub(super) fn json_numbers(numbers: impl Iterator<Item = i64>) -> Result<String, Failure> {
    serde_json::to_string(&numbers.collect::<Vec<_>>()).map_err(|error| Failure::Content(error.to_string()))
}

/// Records by alarm.
type RecordsFrom = HashMap<i64, Vec<i64>>;

/// The records whose address lies in a range.
fn records_from(conn: &Connection, range: IpNet) -> Result<RecordsFrom, Failure> {
    let mut statement = conn.prepare("SELECT DISTINCT source_ip FROM records")?;
    let ips: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let inside = |ip: &String| ip.parse::<IpAddr>().is_ok_and(|ip| range.contains(&ip));
    let wanted: Vec<&String> = ips.iter().filter(|ip| inside(ip)).collect();
    let wanted = serde_json::to_string(&wanted).map_err(|error| Failure::Content(error.to_string()))?;
    let text = "SELECT alarm, number FROM records WHERE source_ip IN (SELECT value FROM json_each(?))";
    let mut statement = conn.prepare(text)?;
    let mut rows = statement.query([wanted])?;
    let mut found = RecordsFrom::new();
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}

fn read_alarm(row: &rusqlite::Row<'_>, remarks: &Remarks) -> Result<Listed, Failure> {
    let id: String = row.get(1)?;
    let unknown = |what: &str, word: &str| Failure::Content(format!("alarm {id} has the {what} {word:?}"));
    let rule = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
    let meta = rules::find(rule).map_err(|_| unknown("unknown rule", rule))?;
    let level = row.get::<_, i64>(3)?;
    let level = Level::ALL.into_iter().find(|known| level_number(*known) == level);
    let word: String = row.get(7)?;
    let identity = [Identity::Root, Identity::SubAccount, Identity::Temporary].into_iter();
    let identity = identity.clone().find(|known| known.as_str() == word).ok_or_else(|| unknown("identity", &word))?;
    let word: String = row.get(20)?;
    let status = Status::parse(&word).ok_or_else(|| unknown("status", &word))?;
    let (success, failed) = (count(row, 15)?, count(row, 16)?);
    let decision = match (row.get::<_, Option<i64>>(21)?, status) {
        (Some(at), Status::Processed | Status::Ignored) => {
            Some(Decision { status, at, by: row.get::<_, Option<String>>(22)?.unwrap_or_default(), note: row.get(23)? })
        }
        _ => None,
    };
    let decided_calls = if status == Status::Unprocessed { None } else { row.get::<_, Option<i64>>(24)? };
    let ak: String = row.get(9)?;
    let account: String = row.get(5)?;
    let alarm = Alarm {
        meta,
        level: level.ok_or_else(|| unknown("level", "?"))?,
        date: row.get(4)?,
        account: Some(account).filter(|account| !account.is_empty()),
        app_id: row.get(6)?,
        identity,
        user: row.get(8)?,
        ak_remark: match remarks.ak.get(&ak) {
            Some(remark) => Some(remark.clone()),
            None => row.get(12)?,
        },
        ak,
        first_call: row.get(13)?,
        last_call: row.get(14)?,
        success,
        failed,
        tags: texts(row, 17)?,
        why: row.get(18)?,
        event_ids: texts(row, 26)?,
        records: Vec::new(),
        sources: sources(row, 25)?,
        status,
        decision,
        new_since_processed: decided_calls.map_or(0, |calls| (success + failed).saturating_sub(calls.unsigned_abs())),
        first_seen: Some(row.get(19)?),
        allowlisted_by: Vec::new(),
        allowlisted_calls: 0,
        id,
    };
    Ok(Listed {
        number: row.get(0)?,
        owner: row.get(10)?,
        role: row.get(11)?,
        left_out: HashMap::new(),
        records: Vec::new(),
        alarm,
    })
}

fn count(row: &rusqlite::Row<'_>, place: usize) -> Result<u64, Failure> {
    Ok(row.get::<_, i64>(place)?.unsigned_abs())
}

/// Where calls came from; nothing when that was not worked out.
fn sources(row: &rusqlite::Row<'_>, place: usize) -> Result<Sources, Failure> {
    match row.get_ref(place)?.as_str().map_err(rusqlite::Error::from)? {
        "" => Ok(Sources::default()),
        text => serde_json::from_str(text).map_err(|_| Failure::Content(format!("{text:?} says no sources"))),
    }
}

/// A list of texts.
fn texts(row: &rusqlite::Row<'_>, place: usize) -> Result<Vec<String>, Failure> {
    match row.get_ref(place)?.as_str().map_err(rusqlite::Error::from)? {
        "[]" => Ok(Vec::new()),
        text => serde_json::from_str(text).map_err(|_| Failure::Content(format!("{text:?} is no list of texts"))),
    }
}

/// What users remarked on keys and addresses.
#[derive(Default)]
pub(super) struct Remarks {
    /// By key.
    pub(super) ak: HashMap<String, String>,
    /// By address, in its usual spelling.
    pub(super) ip: HashMap<String, String>,
}

impl Remarks {
    pub(super) fn read(conn: &Connection) -> Result<Self, Failure> {
        let mut remarks = Self::default();
        let mut statement = conn.prepare("SELECT kind, id, remark FROM remarks")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, id, remark): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let known = if kind == "ip" { &mut remarks.ip } else { &mut remarks.ak };
            known.insert(id, remark);
        }
        Ok(remarks)
    }

    /// The user's remark on an address.
    pub(super) fn on_ip(&self, ip: &str) -> Option<String> {
        if self.ip.is_empty() { None } else { self.ip.get(&usual_ip(ip)).cloned() }
    }
}

/// The usual spelling of an address, so that one address is one.
pub(super) fn usual_ip(ip: &str) -> String {
    ip.parse::<IpAddr>().map_or_else(|_| ip.to_string(), |ip| ip.to_canonical().to_string())
}

/// A policy is in force: on, and not expired at the time given.
const IN_FORCE: &str = "p.enabled = 1 AND (p.expires IS NULL OR p.expires > ?1)";

/// What policies in force cover.
struct Coverage {
    names: Vec<String>,
    alarms: HashMap<i64, Covered>,
}

/// What is covered of one alarm, and what is not.
#[derive(Default)]
struct Covered {
    records: HashMap<i64, BTreeSet<usize>>,
    calls: u64,
    rest: Option<Rest>,
}

/// The calls of an alarm that no policy covers.
#[derive(Clone, Copy)]
struct Rest {
    success: u64,
    failed: u64,
    first: i64,
    last: i64,
}

/// Numbers of the records that policies in force cover.
pub(super) fn in_force(conn: &Connection, now: i64) -> Result<HashSet<i64>, Failure> {
    let text = format!("SELECT c.record FROM allowlist p JOIN coverage c ON c.policy = p.number WHERE {IN_FORCE}");
    let mut statement = conn.prepare(&text)?;
    let records: rusqlite::Result<HashSet<i64>> = statement.query_map([now], |row| row.get(0))?.collect();
    Ok(records?)
}

impl Coverage {
    /// Reads what is covered, of all alarms or of some.
    fn read(conn: &Connection, only: Option<&[i64]>, now: i64) -> Result<Self, Failure> {
        let mut coverage = Self { names: Vec::new(), alarms: HashMap::new() };
        let some = match only {
            None => None,
            Some(numbers) => Some(json_numbers(numbers.iter().copied())?),
        };
        let among = |column: &str| match some {
            None => "?2 IS NULL".to_string(),
            Some(_) => format!("{column} IN (SELECT value FROM json_each(?2))"),
        };
        let text = format!(
            "SELECT p.name, r.alarm, r.number FROM allowlist p JOIN coverage c ON c.policy = p.number \
             JOIN records r ON r.number = c.record WHERE {IN_FORCE} AND {}",
            among("r.alarm")
        );
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut statement = conn.prepare(&text)?;
        let mut rows = statement.query((now, &some))?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            let place = places.get(name).copied().unwrap_or_else(|| {
                coverage.names.push(name.to_string());
                places.insert(name.to_string(), coverage.names.len() - 1);
                coverage.names.len() - 1
            });
            let covered = coverage.alarms.entry(row.get(1)?).or_default();
            covered.records.entry(row.get(2)?).or_default().insert(place);
        }
        coverage.add_rest(conn)?;
        Ok(coverage)
    }

    /// Adds up what is left of the alarms that policies touch.
    fn add_rest(&mut self, conn: &Connection) -> Result<(), Failure> {
        if self.alarms.is_empty() {
            return Ok(());
        }
        let text = "SELECT alarm, number, calls, ok, first_call, last_call FROM records \
             WHERE alarm IN (SELECT value FROM json_each(?))";
        let mut statement = conn.prepare(text)?;
        let mut rows = statement.query([json_numbers(self.alarms.keys().copied())?])?;
        while let Some(row) = rows.next()? {
            let Some(covered) = self.alarms.get_mut(&row.get::<_, i64>(0)?) else { continue };
            let calls = count(row, 2)?;
            if covered.records.contains_key(&row.get::<_, i64>(1)?) {
                covered.calls += calls;
                continue;
            }
            let (success, failed) = if row.get(3)? { (calls, 0) } else { (0, calls) };
            let (first, last): (i64, i64) = (row.get(4)?, row.get(5)?);
            let rest = covered.rest.get_or_insert(Rest { success: 0, failed: 0, first, last });
            rest.success += success;
            rest.failed += failed;
            rest.first = rest.first.min(first);
            rest.last = rest.last.max(last);
        }
        Ok(())
    }
}

impl Covered {
    /// Makes the alarm what is left of it.
    fn apply(&self, one: &mut Listed, names: &[String]) {
        let alarm = &mut one.alarm;
        let policies: BTreeSet<&String> = self.records.values().flatten().map(|place| &names[*place]).collect();
        alarm.allowlisted_by = policies.into_iter().cloned().collect();
        alarm.allowlisted_calls = self.calls;
        match self.rest {
            None => alarm.level = Level::Invalid,
            Some(rest) => {
                (alarm.success, alarm.failed) = (rest.success, rest.failed);
                (alarm.first_call, alarm.last_call) = (rest.first, rest.last);
                one.left_out.clone_from(&self.records);
            }
        }
    }
}

/// So many alarms have their records looked up one by one; for more, all records are read once.
const LOOKED_UP: usize = 5_000;

const RECORD_COLUMNS: &str = "alarm, number, source_ip, last_call, service, action, api_call, user_type, user, code, \
    ok, calls, first_call, region, api_regions, ip_type, ip_remark, asset_id, asset_name, policies, clients";

/// Adds the records that stand to their alarms; for tables only to those whose sources are not known without.
fn add_records(conn: &Connection, listed: &mut [Listed], which: Records, remarks: &Remarks) -> Result<(), Failure> {
    let all = matches!(which, Records::Full | Records::Addresses);
    let wanted = |one: &Listed| all || !one.left_out.is_empty() || one.alarm.sources.count == 0;
    let numbered = listed.iter().enumerate().filter(|(_, one)| wanted(one));
    let places: HashMap<i64, usize> = numbered.map(|(place, one)| (one.number, place)).collect();
    let short = which != Records::Full;
    let columns = if short { "alarm, number, source_ip, last_call" } else { RECORD_COLUMNS };
    let some = places.len() <= LOOKED_UP;
    let among = if some { "WHERE alarm IN (SELECT value FROM json_each(?1))" } else { "WHERE ?1 = ''" };
    let numbers = if some { json_numbers(places.keys().copied())? } else { String::new() };
    let policies = covering(conn, listed)?;
    let mut statement = conn.prepare(&format!("SELECT {columns} FROM records {among}"))?;
    let mut rows = statement.query([numbers])?;
    while let Some(row) = rows.next()? {
        let Some(place) = places.get(&row.get::<_, i64>(0)?) else { continue };
        let number: i64 = row.get(1)?;
        let one = &mut listed[*place];
        if one.left_out.contains_key(&number) {
            continue;
        }
        let mut record = if short { read_source(row)? } else { read_record(row, remarks)? };
        if let Some(names) = policies.get(&number) {
            record.allowlisted_by.clone_from(names);
        }
        one.alarm.records.push(record);
        one.records.push(number);
    }
    for place in places.into_values() {
        let Listed { alarm, records, .. } = &mut listed[place];
        let mut numbered: Vec<_> =
            std::mem::take(&mut alarm.records).into_iter().zip(std::mem::take(records)).collect();
        numbered.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
        (alarm.records, *records) = numbered.into_iter().unzip();
        alarm.sources = Sources::of(&alarm.records);
    }
    if which == Records::Full {
        for one in listed.iter_mut().filter(|one| !one.left_out.is_empty()) {
            one.alarm.event_ids = remaining_ids(conn, one)?;
        }
    }
    Ok(())
}

/// The first request ids of an alarm that is covered in part: those of the calls that are left.
fn remaining_ids(conn: &Connection, one: &Listed) -> Result<Vec<String>, Failure> {
    let mut statement = conn.prepare_cached(
        "SELECT c.request_id, c.record FROM calls c JOIN records r ON r.number = c.record \
         WHERE r.alarm = ? AND c.request_id <> '' ORDER BY c.time, c.request_id",
    )?;
    let mut rows = statement.query([one.number])?;
    let (mut ids, mut seen) = (Vec::new(), HashSet::new());
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        if !one.left_out.contains_key(&row.get::<_, i64>(1)?) && ids.len() < MAX_EVENT_IDS && seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The policies of each covered record of invalid alarms, whose names the alarms hold already.
fn covering(conn: &Connection, listed: &[Listed]) -> Result<HashMap<i64, Vec<String>>, Failure> {
    let invalid: Vec<&Listed> = listed.iter().filter(|one| one.alarm.level == Level::Invalid).collect();
    if invalid.is_empty() {
        return Ok(HashMap::new());
    }
    let in_force: HashSet<&String> = invalid.iter().flat_map(|one| &one.alarm.allowlisted_by).collect();
    let text = "SELECT r.number, p.name FROM records r JOIN coverage c ON c.record = r.number \
         JOIN allowlist p ON p.number = c.policy WHERE r.alarm IN (SELECT value FROM json_each(?)) ORDER BY p.name";
    let mut statement = conn.prepare(text)?;
    let mut rows = statement.query([json_numbers(invalid.iter().map(|one| one.number))?])?;
    let mut found: HashMap<i64, Vec<String>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        if in_force.contains(&name) {
            found.entry(row.get(0)?).or_default().push(name);
        }
    }
    Ok(found)
}

/// All call records of an alarm with their numbers in the database, covered ones too, in the order of every output.
pub fn records_of(db: &Db, alarm: i64, now: i64) -> Result<Vec<(i64, CallRecord)>, StoreError> {
    snapshot(db, |conn| {
        let remarks = Remarks::read(conn)?;
        let coverage = Coverage::read(conn, Some(&[alarm]), now)?;
        let covered = coverage.alarms.get(&alarm);
        let mut statement = conn.prepare(&format!("SELECT {RECORD_COLUMNS} FROM records WHERE alarm = ?"))?;
        let mut rows = statement.query([alarm])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(1)?;
            let mut record = read_record(row, &remarks)?;
            if let Some(policies) = covered.and_then(|covered| covered.records.get(&number)) {
                record.allowlisted_by = policies.iter().map(|place| coverage.names[*place].clone()).collect();
                record.allowlisted_by.sort_unstable();
            }
            found.push((number, record));
        }
        found.sort_by(|(_, a), (_, b)| order(a).cmp(&order(b)));
        Ok(found)
    })
}

fn some_text(row: &rusqlite::Row<'_>, place: usize) -> Result<Option<String>, Failure> {
    Ok(Some(row.get::<_, String>(place)?).filter(|text| !text.is_empty()))
}

/// A record of which only address and newest call are known.
fn read_source(row: &rusqlite::Row<'_>) -> Result<CallRecord, Failure> {
    Ok(CallRecord {
        source_ip: some_text(row, 2)?,
        region: None,
        region_source: None,
        api_regions: Vec::new(),
        ip_remark: None,
        ip_type: String::new(),
        asset_id: None,
        asset_name: None,
        method: Method::Api,
        service: String::new(),
        action: String::new(),
        user_type: UserType::SubAccount,
        user: None,
        policies: Vec::new(),
        code: String::new(),
        success: 0,
        failed: 0,
        first_call: 0,
        last_call: row.get(3)?,
        clients: Vec::new(),
        allowlisted_by: Vec::new(),
    })
}

fn read_record(row: &rusqlite::Row<'_>, remarks: &Remarks) -> Result<CallRecord, Failure> {
    let word = row.get_ref(7)?.as_str().map_err(rusqlite::Error::from)?;
    let user_type = UserType::ALL.into_iter().find(|known| known.as_str() == word);
    let user_type = user_type.ok_or_else(|| Failure::Content(format!("{word:?} is no kind of caller")))?;
    let calls = count(row, 11)?;
    let (success, failed) = if row.get(10)? { (calls, 0) } else { (0, calls) };
    let source_ip = some_text(row, 2)?;
    let ip_remark = match source_ip.as_deref().and_then(|ip| remarks.on_ip(ip)) {
        Some(remark) => Some(remark),
        None => row.get(16)?,
    };
    Ok(CallRecord {
        source_ip,
        region: row.get(13)?,
        region_source: None,
        api_regions: texts(row, 14)?,
        ip_remark,
        ip_type: row.get(15)?,
        asset_id: row.get(17)?,
        asset_name: row.get(18)?,
        method: if row.get(6)? { Method::Api } else { Method::Console },
        service: row.get(4)?,
        action: row.get(5)?,
        user_type,
        user: some_text(row, 8)?,
        policies: texts(row, 19)?,
        code: row.get(9)?,
        success,
        failed,
        first_call: row.get(12)?,
        last_call: row.get(3)?,
        clients: texts(row, 20)?,
        allowlisted_by: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{FIRST_SCAN, NOW, Sample};
    use super::*;

    fn list(sample: &Sample, filter: &AlarmFilter) -> Vec<Alarm> {
        alarms(&sample.db, filter, NOW, Sort::Level, None, Records::Full).unwrap()
    }

    fn all(sample: &Sample) -> Vec<Alarm> {
        list(sample, &AlarmFilter::default())
    }

    fn places(alarms: &[Alarm]) -> String {
        alarms.iter().map(|alarm| &alarm.id[17..]).collect()
    }

    #[test]
    fn without_policies_everything_stands() {
        let found = all(&Sample::new());
        assert_eq!(places(&found), "132");
        let first = &found[0];
        assert_eq!((first.success, first.failed, first.records.len()), (3, 2, 2));
        assert_eq!(first.event_ids, ["r1", "r2"]);
        assert_eq!(first.records[1].source_ip.as_deref(), Some("198.51.100.9"));
        assert_eq!(
            (first.first_seen, first.status, first.new_since_processed),
            (Some(FIRST_SCAN), Status::Unprocessed, 0)
        );
    }

    #[test]
    fn an_alarm_that_is_covered_is_invalid_and_keeps_its_calls() {
        let sample = Sample::new();
        sample.policy("b", true, Some(NOW + 1), &[11]);
        sample.policy("a", true, None, &[10, 11]);
        let found = all(&sample);
        assert_eq!(places(&found), "321");
        let last = &found[2];
        assert_eq!((last.level, last.total(), last.allowlisted_calls, last.records.len()), (Level::Invalid, 5, 5, 2));
        assert_eq!(last.allowlisted_by, ["a", "b"]);
        assert_eq!(last.records.iter().map(|r| r.allowlisted_by.join("+")).collect::<Vec<_>>(), ["a", "a+b"]);
    }

    #[test]
    fn several_policies_may_cover_an_alarm_together() {
        let sample = Sample::new();
        sample.policy("x", true, None, &[10]);
        sample.policy("y", true, None, &[11]);
        assert_eq!(all(&sample)[2].level, Level::Invalid);
    }

    #[test]
    fn of_an_alarm_covered_in_part_the_other_calls_count() {
        let sample = Sample::new();
        sample.policy("late", true, None, &[11]);
        let found = all(&sample);
        let first = &found[0];
        assert_eq!((first.level, first.success, first.failed), (Level::Critical, 3, 0));
        assert_eq!((first.first_call, first.last_call), (FIRST_SCAN + 500, FIRST_SCAN + 1000));
        assert_eq!((first.allowlisted_calls, first.records.len()), (2, 1));
        assert_eq!(first.allowlisted_by, ["late"]);
        let number = 1;
        let records = records_of(&sample.db, number, NOW).unwrap();
        assert_eq!(records.iter().map(|(_, record)| record.allowlisted_by.len()).collect::<Vec<_>>(), [0, 1]);
        let from = |ip: &str| AlarmFilter { ip: Some(ip.parse().unwrap()), ..AlarmFilter::default() };
        assert_eq!(places(&list(&sample, &from("198.51.100.0/24"))), "");
        let newer = AlarmFilter { since: Some(FIRST_SCAN + 2000), ..AlarmFilter::default() };
        assert_eq!(places(&list(&sample, &newer)), "32");
    }

    #[test]
    fn policies_that_are_off_or_expired_cover_nothing() {
        let sample = Sample::new();
        sample.policy("off", false, None, &[10, 11]);
        sample.policy("over", true, Some(NOW), &[20]);
        let found = all(&sample);
        assert_eq!(places(&found), "132");
        assert!(found.iter().all(|alarm| alarm.allowlisted_by.is_empty() && alarm.allowlisted_calls == 0));
    }

    #[test]
    fn filters_choose() {
        let sample = Sample::new();
        sample.run("UPDATE alarms SET status = 'ignored', decided_at = 1, decided_by = 'x', decided_calls = 1 WHERE number = 3");
        sample.policy("p", true, None, &[20]);
        let any = AlarmFilter::default;
        let cases = [
            (AlarmFilter { min_level: Some(Level::High), ..any() }, "13"),
            (AlarmFilter { min_level: Some(Level::Low), ..any() }, "13"),
            (AlarmFilter { min_level: Some(Level::Invalid), ..any() }, "132"),
            (AlarmFilter { levels: vec![Level::Invalid, Level::High], ..any() }, "32"),
            (AlarmFilter { rules: vec!["cos-browser-call", "hacker-tool"], ..any() }, "2"),
            (AlarmFilter { kind: Some(AlarmType::Leak), ..any() }, "3"),
            (AlarmFilter { ak: Some("AKIDEXAMPLEalice".to_string()), ..any() }, "32"),
            (AlarmFilter { account: Some("2".to_string()), ..any() }, ""),
            (AlarmFilter { identity: Some(Identity::SubAccount), ..any() }, "132"),
            (AlarmFilter { statuses: vec![Status::Ignored, Status::Processed], ..any() }, "3"),
            (AlarmFilter { ip: Some("203.0.113.7/32".parse().unwrap()), ..any() }, "12"),
            (AlarmFilter { ip: Some("2001:db8::/32".parse().unwrap()), ..any() }, ""),
            (AlarmFilter { since: Some(FIRST_SCAN + 7000), ..any() }, "32"),
            (AlarmFilter { until: Some(FIRST_SCAN + 7000), ..any() }, "1"),
            (AlarmFilter { numbers: Some(vec![1, 2]), ..any() }, "12"),
            (AlarmFilter { numbers: Some(Vec::new()), ..any() }, ""),
        ];
        for (filter, expected) in cases {
            assert_eq!(places(&list(&sample, &filter)), expected, "{filter:?}");
        }
    }

    #[test]
    fn lists_are_sorted_and_cut() {
        let sample = Sample::new();
        let sorted = |sort, limit| {
            places(&alarms(&sample.db, &AlarmFilter::default(), NOW, sort, limit, Records::Sources).unwrap())
        };
        assert_eq!(sorted(Sort::Level, None), "132");
        assert_eq!(sorted(Sort::Time, None), "231");
        assert_eq!(sorted(Sort::Count, None), "213");
        assert_eq!(sorted(Sort::FirstSeen, Some(2)), "31");
    }

    #[test]
    fn withdrawn_alarms_are_never_shown() {
        let sample = Sample::new();
        sample.run("UPDATE alarms SET success = 0, failed = 0 WHERE number = 1");
        assert_eq!(places(&all(&sample)), "32");
    }

    #[test]
    fn calls_after_a_decision_are_told() {
        let sample = Sample::new();
        sample.run("UPDATE alarms SET status = 'processed', decided_at = 7, decided_by = 'x', decided_calls = 4");
        let new: Vec<u64> = all(&sample).iter().map(|alarm| alarm.new_since_processed).collect();
        assert_eq!(new, [1, 0, 46]);
        assert_eq!(all(&sample)[0].decision.as_ref().map(|decision| decision.at), Some(7));
    }

    #[test]
    fn remarks_of_users_win() {
        let sample = Sample::new();
        sample
            .run("INSERT INTO remarks VALUES ('ip', '203.0.113.7', 'office', 1), ('ak', 'AKIDEXAMPLEroot', 'old', 1)");
        let found = all(&sample);
        assert_eq!(found[0].ak_remark.as_deref(), Some("old"));
        let remarks: Vec<_> = found[0].records.iter().map(|record| record.ip_remark.as_deref().unwrap()).collect();
        assert_eq!(remarks, ["office", "listed"]);
    }
}
