//! Who used what from where: keys and addresses, with the alarms about them.

use super::activity::IpUses;
use super::alarms::{AlarmFilter, Listed, Records, Remarks, Sort, alarms, listed, snapshot};
use super::pack::{pack, unpack};
use super::{Db, Failure, StoreError};
use crate::alarm::model::{Alarm, Identity};
use crate::alarm::status::Status;
use crate::detect::activity::Span;
use crate::detect::{AlarmType, Level};
use crate::event::id::mask_key;
use crate::event::words::{TEMP_AK, UserType};
use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, OptionalExtension};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Alarms by level, worst first.
pub type ByLevel = [u64; 6];

/// What speaks against a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// It is the main account's own.
    RootKey,
    /// It stands where others can read it.
    Leaked,
    /// It was used after a long rest.
    Dormant,
    /// It was used from outside the account.
    Outside,
    /// Calls were denied.
    Denied,
}

impl Risk {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RootKey => "root_key",
            Self::Leaked => "leaked",
            Self::Dormant => "dormant",
            Self::Outside => "outside_addresses",
            Self::Denied => "denied_calls",
        }
    }
}

/// What to do about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Advice {
    /// An unprocessed alarm is critical or high, or tells of a leak.
    ProcessNow,
    /// There are other unprocessed alarms, or risks.
    Harden,
    /// Nothing.
    Normal,
}

impl Advice {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProcessNow => "process_now",
            Self::Harden => "harden",
            Self::Normal => "normal",
        }
    }
}

/// A key and what it was used for.
#[derive(Clone, Debug)]
pub struct Key {
    number: i64,
    /// Main account.
    pub account: Option<String>,
    /// The key's id, or `TEMP_AK`.
    pub ak: String,
    /// For temporary keys, the owner is a role.
    pub role: bool,
    /// Name of the user or role.
    pub user: Option<String>,
    /// Whose key it is.
    pub identity: Identity,
    /// The remark on it.
    pub remark: Option<String>,
    /// First use, in milliseconds.
    pub first: Option<i64>,
    /// Last use.
    pub last: Option<i64>,
    /// Addresses it was used from.
    pub ips: u64,
    /// Those outside the account.
    pub outside_ips: u64,
    /// Services it called.
    pub services: u64,
    /// APIs it called.
    pub apis: u64,
    /// Alarms about it.
    pub alarms: ByLevel,
    /// Alarms of a leak that stand.
    pub leaks: u64,
    /// Alarms that are unprocessed and stand.
    pub unprocessed: u64,
    /// What speaks against it.
    pub risks: Vec<Risk>,
    /// What to do.
    pub advice: Advice,
}

impl Key {
    /// The key as lists show it.
    pub fn ak_masked(&self) -> String {
        if self.ak == TEMP_AK { self.ak.clone() } else { mask_key(&self.ak) }
    }
}

/// A time span of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// First time, in milliseconds.
    pub first: i64,
    /// Last time.
    pub last: i64,
}

/// A key's calls of one API with one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUse {
    /// Service.
    pub service: String,
    /// Action.
    pub action: String,
    /// success, denied, failed; none where it is not told apart.
    pub outcome: Option<String>,
    /// When.
    pub used: Used,
}

/// A source address and what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: String,
    /// in_account, outside, lan, unknown.
    pub ip_type: String,
    /// The remark on it.
    pub remark: Option<String>,
    /// Where it is, as exports say.
    pub region: Option<String>,
    /// Who says so, once somebody has been asked.
    pub region_source: Option<String>,
    /// The asset that has it.
    pub asset_id: Option<String>,
    /// The asset's name.
    pub asset_name: Option<String>,
    /// First use, in milliseconds.
    pub first: Option<i64>,
    /// Last use.
    pub last: Option<i64>,
    /// Keys used from it.
    pub keys: u64,
    /// Services called from it.
    pub services: u64,
    /// APIs called from it.
    pub apis: u64,
    /// Alarms with calls from it.
    pub alarms: ByLevel,
    /// Alarms of a leak that stand, with calls from it.
    pub leaks: u64,
}

/// A key in detail.
#[derive(Debug)]
pub struct KeyDetail {
    /// Where it was used, newest first.
    pub ips: Vec<(Address, Used)>,
    /// What it called, newest first.
    pub apis: Vec<ApiUse>,
    /// The alarms about it.
    pub alarms: Vec<Alarm>,
}

/// An address in detail.
#[derive(Debug)]
pub struct AddressDetail {
    /// The keys used from it, newest first.
    pub keys: Vec<(Key, Used)>,
    /// What was called from it, newest first.
    pub apis: Vec<ApiUse>,
    /// The alarms with calls from it.
    pub alarms: Vec<Alarm>,
}

/// Every key seen, as it stands at `now`, in no order.
pub fn keys(db: &Db, now: i64) -> Result<Vec<Key>, StoreError> {
    snapshot(db, |conn| {
        let remarks = Remarks::read(conn)?;
        let all = listed(conn, &AlarmFilter::default(), now, false, &remarks)?;
        read_keys(conn, None, &all, &remarks)
    })
}

/// The condition that takes one number, or any.
fn among(column: &str, only: Option<i64>) -> String {
    only.map_or("?1 IS NULL".to_string(), |_| format!("{column} = ?1"))
}

/// What makes a key one: account, id, owner, whether that is a role.
type Name = (String, String, String, bool);

/// Reads all keys, or the one with this number; `all` are the alarms about them.
fn read_keys(conn: &Connection, only: Option<i64>, all: &[Listed], remarks: &Remarks) -> Result<Vec<Key>, Failure> {
    let mut by_name: HashMap<Name, Vec<&Alarm>> = HashMap::new();
    for one in all {
        let alarm = &one.alarm;
        let name = (alarm.account.clone().unwrap_or_default(), alarm.ak.clone(), one.owner.clone(), one.role);
        by_name.entry(name).or_default().push(alarm);
    }
    let apis = read_api_sums(conn, only)?;
    let ips = read_ip_sums(conn, only)?;
    let text = format!("SELECT number, account, ak, owner, role FROM labels WHERE {}", among("number", only));
    let mut statement = conn.prepare(&text)?;
    let mut rows = statement.query([only])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let name: Name = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        let alarms = by_name.get(&name).map_or(&[][..], Vec::as_slice);
        let (apis, ips) = (apis.get(&number), ips.get(&number).copied().unwrap_or_default());
        keys.push(make_key(number, name, alarms, apis, ips, remarks));
    }
    Ok(keys)
}

fn make_key(
    number: i64,
    name: Name,
    alarms: &[&Alarm],
    apis: Option<&ApiSums>,
    (ips, outside_ips): (u64, u64),
    remarks: &Remarks,
) -> Key {
    let (account, ak, owner, role) = name;
    let identity = match apis {
        _ if ak == TEMP_AK => Identity::Temporary,
        Some(sums) if sums.root => Identity::Root,
        _ => Identity::SubAccount,
    };
    let standing: Vec<&&Alarm> = alarms.iter().filter(|alarm| alarm.level != Level::Invalid).collect();
    let risks: BTreeSet<Risk> = [
        (Risk::RootKey, identity == Identity::Root),
        (Risk::Leaked, standing.iter().any(|alarm| alarm.meta.kind == AlarmType::Leak)),
        (Risk::Dormant, standing.iter().any(|alarm| alarm.meta.id == "dormant-key-used")),
        (Risk::Outside, outside_ips > 0),
        (Risk::Denied, apis.is_some_and(|sums| sums.denied)),
    ]
    .into_iter()
    .filter_map(|(risk, there)| there.then_some(risk))
    .collect();
    let open: Vec<&&&Alarm> = standing.iter().filter(|alarm| alarm.status == Status::Unprocessed).collect();
    let urgent = open.iter().any(|alarm| alarm.level <= Level::High || alarm.meta.kind == AlarmType::Leak);
    let advice = match (urgent, open.is_empty() && risks.is_empty()) {
        (true, _) => Advice::ProcessNow,
        (false, false) => Advice::Harden,
        (false, true) => Advice::Normal,
    };
    let remark = alarms.iter().max_by_key(|alarm| alarm.last_call).and_then(|alarm| alarm.ak_remark.clone());
    let newest_user = || apis.map(|sums| sums.user.clone()).filter(|user| !user.is_empty());
    Key {
        number,
        account: Some(account).filter(|account| !account.is_empty()),
        role,
        user: Some(owner).filter(|owner| !owner.is_empty()).or_else(newest_user),
        identity,
        remark: remarks.ak.get(&ak).cloned().or(remark),
        ak,
        first: apis.map(|sums| sums.first),
        last: apis.map(|sums| sums.last),
        ips,
        outside_ips,
        services: apis.map_or(0, |sums| sums.services),
        apis: apis.map_or(0, |sums| sums.apis),
        alarms: by_level(alarms.iter().copied()),
        leaks: standing.iter().filter(|alarm| stands_as_leak(alarm)).count() as u64,
        unprocessed: open.len() as u64,
        risks: risks.into_iter().collect(),
        advice,
    }
}

/// The key that an alarm is about, if its use is kept.
pub fn key_of_alarm(db: &Db, alarm: i64, now: i64) -> Result<Option<Key>, StoreError> {
    snapshot(db, |conn| {
        let text = "SELECT l.number FROM alarms a JOIN labels l ON l.account = a.account AND l.ak = a.ak \
             AND l.owner = a.owner AND l.role = a.role WHERE a.number = ?";
        let label: Option<i64> = conn.query_row(text, [alarm], |row| row.get(0)).optional()?;
        let Some(label) = label else { return Ok(None) };
        let remarks = Remarks::read(conn)?;
        let ak: String = conn.query_row("SELECT ak FROM labels WHERE number = ?", [label], |row| row.get(0))?;
        let filter = AlarmFilter { ak: Some(ak), ..AlarmFilter::default() };
        let all = listed(conn, &filter, now, false, &remarks)?;
        Ok(read_keys(conn, Some(label), &all, &remarks)?.pop())
    })
}

fn stands_as_leak(alarm: &Alarm) -> bool {
    alarm.meta.kind == AlarmType::Leak && alarm.level != Level::Invalid
}

fn by_level<'a>(alarms: impl Iterator<Item = &'a Alarm>) -> ByLevel {
    let mut counts = ByLevel::default();
    for alarm in alarms {
        counts[place_of(alarm.level)] += 1;
    }
    counts
}

fn place_of(level: Level) -> usize {
    Level::ALL.iter().position(|known| *known == level).unwrap_or_default()
}

/// What the calls of a key come to.
#[derive(Default)]
struct ApiSums {
    first: i64,
    last: i64,
    services: u64,
    apis: u64,
    denied: bool,
    root: bool,
    user: String,
}

fn read_api_sums(conn: &Connection, only: Option<i64>) -> Result<HashMap<i64, ApiSums>, Failure> {
    let text = format!(
        "SELECT label, user_type, user, service, action, outcome, first, last FROM ak_api WHERE {} ORDER BY label",
        among("label", only)
    );
    let mut statement = conn.prepare(&text)?;
    let mut rows = statement.query([only])?;
    let mut found: HashMap<i64, ApiSums> = HashMap::new();
    let (mut services, mut apis): (HashSet<String>, HashSet<(String, String)>) = (HashSet::new(), HashSet::new());
    let mut before = None;
    while let Some(row) = rows.next()? {
        let label: i64 = row.get(0)?;
        if before != Some(label) {
            services.clear();
            apis.clear();
            before = Some(label);
        }
        let (service, action): (String, String) = (row.get(3)?, row.get(4)?);
        let (first, last): (i64, i64) = (row.get(6)?, row.get(7)?);
        let sums = found.entry(label).or_insert(ApiSums { first, last, ..ApiSums::default() });
        sums.first = sums.first.min(first);
        if sums.user.is_empty() || last > sums.last {
            sums.user = row.get(2)?;
        }
        sums.last = sums.last.max(last);
        let word = |place: usize| row.get_ref(place).map(|text| text.as_str().unwrap_or_default().to_string());
        sums.denied |= word(5)? == "denied";
        sums.root |= word(1)? == UserType::Root.as_str();
        services.insert(service.clone());
        apis.insert((service, action));
        (sums.services, sums.apis) = (services.len() as u64, apis.len() as u64);
    }
    Ok(found)
}

/// Addresses of each key, and how many of them lie outside.
fn read_ip_sums(conn: &Connection, only: Option<i64>) -> Result<HashMap<i64, (u64, u64)>, Failure> {
    let mut statement = conn.prepare("SELECT ip FROM ips WHERE ip_type = 'outside'")?;
    let outside: HashSet<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let text = format!("SELECT label, ip FROM ak_ip WHERE ip <> '' AND {}", among("label", only));
    let mut statement = conn.prepare(&text)?;
    let mut rows = statement.query([only])?;
    let mut found: HashMap<i64, (u64, u64)> = HashMap::new();
    while let Some(row) = rows.next()? {
        let sums = found.entry(row.get(0)?).or_default();
        let ip = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        *sums = (sums.0 + 1, sums.1 + u64::from(outside.contains(ip)));
    }
    Ok(found)
}

/// Where a key was used and what for.
pub fn key_detail(db: &Db, key: &Key, now: i64) -> Result<KeyDetail, StoreError> {
    let (ips, apis) = snapshot(db, |conn| {
        let text = "SELECT service, action, min(first), max(last), outcome FROM ak_api WHERE label = ? \
             GROUP BY service, action, outcome ORDER BY max(last) DESC, service, action, outcome";
        Ok((addresses_of_key(conn, key.number)?, read_apis(conn, text, &key.number)?))
    })?;
    let filter = AlarmFilter { ak: Some(key.ak.clone()), account: key.account.clone(), ..AlarmFilter::default() };
    let mut found = alarms(db, &filter, now, Sort::Level, None, Records::Sources)?;
    found.retain(|alarm| key.ak != TEMP_AK || alarm.user == key.user);
    Ok(KeyDetail { ips, apis, alarms: found })
}

/// The addresses of a key, without what other keys did there.
fn addresses_of_key(conn: &Connection, label: i64) -> Result<Vec<(Address, Used)>, Failure> {
    let remarks = Remarks::read(conn)?;
    let text = "SELECT k.ip, k.first, k.last, i.ip_type, i.region, i.asset_id, i.asset_name, i.remark FROM ak_ip k \
         LEFT JOIN ips i ON i.ip = k.ip WHERE k.label = ? ORDER BY k.last DESC, k.ip";
    let mut statement = conn.prepare(text)?;
    let mut rows = statement.query([label])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let ip: String = row.get(0)?;
        let used = Used { first: row.get(1)?, last: row.get(2)? };
        let address = Address {
            ip_type: row.get::<_, Option<String>>(3)?.unwrap_or_else(|| "unknown".to_string()),
            region: row.get(4)?,
            region_source: None,
            asset_id: row.get(5)?,
            asset_name: row.get(6)?,
            remark: match remarks.on_ip(&ip) {
                Some(remark) => Some(remark),
                None => row.get(7)?,
            },
            ..Address::unknown(&ip)
        };
        found.push((address, used));
    }
    Ok(found)
}

fn read_apis(conn: &Connection, text: &str, of: &dyn rusqlite::ToSql) -> Result<Vec<ApiUse>, Failure> {
    let mut statement = conn.prepare(text)?;
    let found = statement.query_map([of], |row| {
        let used = Used { first: row.get(2)?, last: row.get(3)? };
        Ok(ApiUse { service: row.get(0)?, action: row.get(1)?, outcome: row.get(4)?, used })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What was used from an address, last used first.
fn apis_of_ip(conn: &Connection, ip: &str) -> Result<Vec<ApiUse>, Failure> {
    let mut select = conn.prepare("SELECT data FROM ip_uses WHERE ip = ?1")?;
    let data: Option<Vec<u8>> = select.query_row([ip], |row| row.get(0)).optional()?;
    let uses: IpUses = data.map_or_else(|| Ok(IpUses::new()), |data| unpack(&data))?;
    let of_use = |((service, action), Span { first, last })| ApiUse {
        service,
        action,
        outcome: None,
        used: Used { first, last },
    };
    let mut found: Vec<ApiUse> = uses.into_iter().map(of_use).collect();
    found.sort_by_key(|one| Reverse(one.used.last));
    Ok(found)
}

/// What was used from an address, by service and action, as the table of addresses holds it.
pub fn packed_uses(uses: &BTreeMap<(String, String), Span>) -> Option<Vec<u8>> {
    pack::<IpUses>(uses).ok()
}

impl Address {
    fn unknown(ip: &str) -> Self {
        Self {
            ip: ip.to_string(),
            ip_type: "unknown".to_string(),
            remark: None,
            region: None,
            region_source: None,
            asset_id: None,
            asset_name: None,
            first: None,
            last: None,
            keys: 0,
            services: 0,
            apis: 0,
            alarms: ByLevel::default(),
            leaks: 0,
        }
    }
}

/// Every source address seen, as it stands at `now`, in no order.
pub fn addresses(db: &Db, now: i64) -> Result<Vec<Address>, StoreError> {
    snapshot(db, |conn| {
        let remarks = Remarks::read(conn)?;
        let all = listed(conn, &AlarmFilter::default(), now, false, &remarks)?;
        read_addresses(conn, &all, &remarks)
    })
}

fn read_addresses(conn: &Connection, all: &[Listed], remarks: &Remarks) -> Result<Vec<Address>, Failure> {
    let mut alarms = alarms_by_ip(conn, all)?;
    let mut keys: HashMap<String, (u64, Used)> = HashMap::new();
    let mut statement = conn.prepare("SELECT ip, count(*), min(first), max(last) FROM ak_ip GROUP BY ip")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let used = Used { first: row.get(2)?, last: row.get(3)? };
        keys.insert(row.get(0)?, (row.get::<_, i64>(1)?.unsigned_abs(), used));
    }
    let mut apis: HashMap<String, (u64, u64)> = HashMap::new();
    let text = "SELECT ip, services, apis FROM ip_uses";
    let mut statement = conn.prepare(text)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let count = |place: usize| row.get::<_, i64>(place).map(i64::unsigned_abs);
        apis.insert(row.get(0)?, (count(1)?, count(2)?));
    }
    let text = "SELECT ip, ip_type, region, asset_id, asset_name, remark FROM ips WHERE ip <> ''";
    let mut statement = conn.prepare(text)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let ip: String = row.get(0)?;
        let key = keys.get(&ip);
        let (services, apis) = apis.get(&ip).copied().unwrap_or_default();
        let (alarms, leaks) = alarms.remove(&ip).unwrap_or_default();
        found.push(Address {
            ip_type: row.get(1)?,
            remark: match remarks.on_ip(&ip) {
                Some(remark) => Some(remark),
                None => row.get(5)?,
            },
            region: row.get(2)?,
            region_source: None,
            asset_id: row.get(3)?,
            asset_name: row.get(4)?,
            first: key.map(|(_, used)| used.first),
            last: key.map(|(_, used)| used.last),
            keys: key.map_or(0, |(keys, _)| *keys),
            services,
            apis,
            alarms,
            leaks,
            ip,
        });
    }
    Ok(found)
}

/// One source address, as it stands at `now`.
pub fn address(db: &Db, ip: &str, now: i64) -> Result<Option<Address>, StoreError> {
    let found = snapshot(db, |conn| read_address(conn, ip))?;
    let Some(mut address) = found else { return Ok(None) };
    let found = alarms_from(db, ip, now, Records::None)?;
    address.alarms = by_level(found.iter());
    address.leaks = found.iter().filter(|alarm| stands_as_leak(alarm)).count() as u64;
    Ok(Some(address))
}

fn read_address(conn: &Connection, ip: &str) -> Result<Option<Address>, Failure> {
    let remarks = Remarks::read(conn)?;
    let text = "SELECT ip_type, region, asset_id, asset_name, remark, \
         (SELECT min(first) FROM ak_ip WHERE ip = ?1), (SELECT max(last) FROM ak_ip WHERE ip = ?1), \
         (SELECT count(*) FROM ak_ip WHERE ip = ?1), \
         coalesce((SELECT services FROM ip_uses WHERE ip = ?1), 0), coalesce((SELECT apis FROM ip_uses WHERE ip = ?1), 0) \
         FROM ips WHERE ip = ?1";
    let found = conn.query_row(text, [ip], |row| {
        let count = |place: usize| row.get::<_, i64>(place).map(i64::unsigned_abs);
        let listed: Option<String> = row.get(4)?;
        Ok(Address {
            ip_type: row.get(0)?,
            region: row.get(1)?,
            region_source: None,
            asset_id: row.get(2)?,
            asset_name: row.get(3)?,
            remark: remarks.on_ip(ip).or(listed),
            first: row.get(5)?,
            last: row.get(6)?,
            keys: count(7)?,
            services: count(8)?,
            apis: count(9)?,
            ..Address::unknown(ip)
        })
    });
    Ok(found.optional()?)
}

/// The alarms with calls from an address.
fn alarms_from(db: &Db, ip: &str, now: i64, records: Records) -> Result<Vec<Alarm>, StoreError> {
    let Ok(range) = ip.parse::<IpAddr>() else { return Ok(Vec::new()) };
    let filter = AlarmFilter { ip: Some(range.into()), ..AlarmFilter::default() };
    alarms(db, &filter, now, Sort::Level, None, records)
}

/// Where the logs say that addresses are, of those of which they say it.
pub fn regions(db: &Db) -> Result<HashMap<String, String>, StoreError> {
    snapshot(db, |conn| {
        let mut statement = conn.prepare("SELECT ip, region FROM ips WHERE region IS NOT NULL")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    })
}

/// Every source address seen, without anything about it.
pub fn ips(db: &Db) -> Result<Vec<String>, StoreError> {
    snapshot(db, |conn| {
        let mut statement = conn.prepare("SELECT ip FROM ips WHERE ip <> '' ORDER BY ip")?;
        let found = statement.query_map([], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

/// Alarms by level of each address; calls that a policy takes out of an alarm do not count.
fn alarms_by_ip(conn: &Connection, all: &[Listed]) -> Result<HashMap<String, (ByLevel, u64)>, Failure> {
    let known: HashMap<i64, &Listed> = all.iter().map(|one| (one.number, one)).collect();
    let mut found: HashMap<String, (ByLevel, u64)> = HashMap::new();
    let mut seen: HashSet<(i64, String)> = HashSet::new();
    let mut add = |ip: &str, alarm: &Alarm| {
        if !found.contains_key(ip) {
            found.insert(ip.to_string(), Default::default());
        }
        if let Some((counts, leaks)) = found.get_mut(ip) {
            counts[place_of(alarm.level)] += 1;
            *leaks += u64::from(stands_as_leak(alarm));
        }
    };
    let mut statement = conn.prepare("SELECT DISTINCT alarm, source_ip FROM records")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(one) = known.get(&row.get::<_, i64>(0)?).filter(|one| one.left_out.is_empty()) {
            add(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?, &one.alarm);
        }
    }
    let partly = all.iter().filter(|one| !one.left_out.is_empty());
    let mut statement = conn.prepare("SELECT number, source_ip FROM records WHERE alarm = ?")?;
    for one in partly {
        let mut rows = statement.query([one.number])?;
        while let Some(row) = rows.next()? {
            let ip: String = row.get(1)?;
            if !one.left_out.contains_key(&row.get::<_, i64>(0)?) && seen.insert((one.number, ip.clone())) {
                add(&ip, &one.alarm);
            }
        }
    }
    Ok(found)
}

/// Which keys an address served and what for.
pub fn address_detail(db: &Db, ip: &str, now: i64) -> Result<AddressDetail, StoreError> {
    let known: HashMap<i64, Key> = keys(db, now)?.into_iter().map(|key| (key.number, key)).collect();
    let (labels, apis) = snapshot(db, |conn| {
        let text = "SELECT label, first, last FROM ak_ip WHERE ip = ? ORDER BY last DESC, label";
        let mut statement = conn.prepare(text)?;
        let used = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Used { first: row.get(1)?, last: row.get(2)? }));
        let labels: Vec<(i64, Used)> = statement.query_map([ip], used)?.collect::<Result<_, _>>()?;
        Ok((labels, apis_of_ip(conn, ip)?))
    })?;
    let keys = labels.into_iter().filter_map(|(label, used)| Some((known.get(&label)?.clone(), used))).collect();
    let alarms = alarms_from(db, ip, now, Records::Sources)?;
    Ok(AddressDetail { keys, apis, alarms })
}

/// The keys used from each address, those used last first.
pub fn keys_by_ip(db: &Db, now: i64) -> Result<HashMap<String, Vec<Key>>, StoreError> {
    let known: HashMap<i64, Key> = keys(db, now)?.into_iter().map(|key| (key.number, key)).collect();
    snapshot(db, |conn| {
        let mut statement = conn.prepare("SELECT ip, label FROM ak_ip ORDER BY last DESC, label")?;
        let mut rows = statement.query([])?;
        let mut found: HashMap<String, Vec<Key>> = HashMap::new();
        while let Some(row) = rows.next()? {
            if let Some(key) = known.get(&row.get::<_, i64>(1)?) {
                found.entry(row.get(0)?).or_default().push(key.clone());
            }
        }
        Ok(found)
    })
}

/// The addresses a key was used from, by any of its owners.
pub fn addresses_of(db: &Db, ak: &str) -> Result<HashSet<String>, StoreError> {
    snapshot(db, |conn| {
        let text = "SELECT DISTINCT i.ip FROM labels l JOIN ak_ip i ON i.label = l.number WHERE l.ak = ?";
        let mut statement = conn.prepare(text)?;
        let found = statement.query_map([ak], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{NOW, Sample};
    use super::*;

    fn sample() -> Sample {
        let sample = Sample::new();
        sample.run(
            "INSERT INTO labels (account, ak, owner, role) VALUES ('100000000001', 'TEMP_AK', 'ops', 1);
             INSERT INTO ak_api SELECT number, 'root', 'root', '1', 'cvm', 'RunInstances', 'success', 5, 9 FROM labels
               WHERE ak = 'AKIDEXAMPLEroot';
             INSERT INTO ak_api SELECT number, 'sub_account', 'alice', '2', 'cam', 'ListUsers', 'denied', 6, 7 FROM labels
               WHERE ak = 'AKIDEXAMPLEalice';
             INSERT INTO ak_ip SELECT number, '203.0.113.7', 5, 9 FROM labels WHERE ak <> 'TEMP_AK';
",
        );
        let apis = [("cvm", "RunInstances", 5, 9), ("cam", "ListUsers", 6, 7)];
        let uses = apis
            .map(|(service, action, first, last)| ((service.to_string(), action.to_string()), Span { first, last }));
        let data = packed_uses(&uses.into());
        let insert = "INSERT INTO ip_uses (ip, services, apis, data) VALUES ('203.0.113.7', 2, 2, ?1)";
        sample.db.conn.execute(insert, [data]).unwrap();
        sample
    }

    fn key(sample: &Sample, ak: &str) -> Key {
        keys(&sample.db, NOW).unwrap().into_iter().find(|key| key.ak == ak).expect(ak)
    }

    #[test]
    fn keys_tell_their_use_their_risks_and_what_to_do() {
        let sample = sample();
        let root = key(&sample, "AKIDEXAMPLEroot");
        assert_eq!(
            (root.identity, root.first, root.last, root.ips, root.apis),
            (Identity::Root, Some(5), Some(9), 1, 1)
        );
        assert_eq!(root.risks, [Risk::RootKey, Risk::Outside]);
        assert_eq!((root.alarms, root.advice), ([1, 0, 0, 0, 0, 0], Advice::ProcessNow));
        let alice = key(&sample, "AKIDEXAMPLEalice");
        assert_eq!(
            (alice.user.as_deref(), alice.risks.as_slice()),
            (Some("alice"), &[Risk::Leaked, Risk::Outside, Risk::Denied][..])
        );
        let temporary = key(&sample, "TEMP_AK");
        assert_eq!((temporary.advice, temporary.user.as_deref(), temporary.last), (Advice::Normal, Some("ops"), None));
    }

    #[test]
    fn decisions_and_policies_change_the_advice() {
        let sample = sample();
        sample.run("UPDATE alarms SET status = 'processed' WHERE number = 1");
        assert_eq!(key(&sample, "AKIDEXAMPLEroot").advice, Advice::Harden);
        sample.policy("p", true, None, &[30]);
        let alice = key(&sample, "AKIDEXAMPLEalice");
        assert_eq!((alice.advice, alice.alarms), (Advice::Harden, [0, 0, 0, 1, 0, 1]));
        assert!(!alice.risks.contains(&Risk::Leaked));
    }

    #[test]
    fn addresses_count_the_alarms_whose_calls_stand() {
        let sample = sample();
        sample.policy("p", true, None, &[10, 20]);
        let found = addresses(&sample.db, NOW).unwrap();
        let office = found.iter().find(|address| address.ip == "203.0.113.7").unwrap();
        assert_eq!((office.keys, office.services, office.apis), (2, 2, 2));
        assert_eq!(office.alarms, [0, 0, 0, 0, 0, 1], "the alarm covered in part stands by another address");
        assert_eq!(address(&sample.db, "203.0.113.7", NOW).unwrap().as_ref(), Some(office));
        assert_eq!(address(&sample.db, "203.0.113.8", NOW).unwrap(), None);
        let detail = address_detail(&sample.db, "203.0.113.7", NOW).unwrap();
        assert_eq!((detail.keys.len(), detail.apis.len(), detail.alarms.len()), (2, 2, 1));
    }

    #[test]
    fn a_key_in_detail_has_its_addresses_apis_and_alarms() {
        let sample = sample();
        let detail = key_detail(&sample.db, &key(&sample, "AKIDEXAMPLEalice"), NOW).unwrap();
        assert_eq!((detail.ips.len(), detail.apis.len(), detail.alarms.len()), (1, 1, 2));
        assert_eq!(key_of_alarm(&sample.db, 1, NOW).unwrap().map(|key| key.ak).as_deref(), Some("AKIDEXAMPLEroot"));
        assert_eq!(addresses_of(&sample.db, "AKIDEXAMPLEroot").unwrap().len(), 1);
    }
}
