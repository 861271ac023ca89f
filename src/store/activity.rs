//! Who used what from where, as lists of keys and addresses show it.

use super::Failure;
use super::pack::{self, pack, unpack};
use super::requests::Place;
use crate::alarm::fold::Label;
use crate::alarm::model::Resolver;
use crate::detect::activity::{Seen, Span, Use, Who};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};

/// A use that a worker has seen calls of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// Where it lies: the label's number, the caller's rank and that of the API.
    pub(super) place: (i64, u32, u32),
    /// Which worker saw it.
    pub(super) worker: u32,
    /// Its number there.
    pub(super) number: u32,
    span: Span,
}

/// What all workers have seen, in the order of the database's tables, in which rows go in many times faster than in any
/// other.
pub(super) struct Found<'r> {
    /// What each worker has seen.
    pub(super) seen: Vec<Seen>,
    /// The uses with calls, in order.
    pub(super) placed: Vec<Placed>,
    ranks: Ranks<'r>,
}

impl<'r> Found<'r> {
    /// Puts what was seen in order; keys that are not known yet become known.
    pub(super) fn new(conn: &Connection, seen: Vec<Seen>, resolver: &Resolver<'r>) -> Result<Self, Failure> {
        let labels = save_labels(conn, &seen, resolver)?;
        let ranks = Ranks::new(resolver);
        let mut placed = placed(&seen, &labels, &ranks);
        placed.par_sort_unstable_by_key(|one| (one.place, one.worker, one.number));
        Ok(Self { seen, placed, ranks })
    }

    /// A use.
    pub(super) fn use_of(&self, placed: &Placed) -> &Use {
        &self.seen_by(placed).uses[placed.number as usize]
    }

    /// What the worker saw that saw a use.
    pub(super) fn seen_by(&self, placed: &Placed) -> &Seen {
        &self.seen[placed.worker as usize]
    }

    /// Where a use lies, in words.
    pub(super) fn words(&self, placed: &Placed) -> Place<'r> {
        let (label, actor, api) = placed.place;
        let (kind, name, principal) = self.ranks.actors[actor as usize];
        let (service, action) = self.ranks.apis[api as usize];
        (label, kind, name, principal, service, action)
    }
}

/// The order of the database's tables as numbers, which are compared faster than texts.
struct Ranks<'r> {
    /// Kind, name and principal of callers, in order; each caller once.
    actors: Vec<(&'r str, &'r str, &'r str)>,
    /// Ranks of callers, by their number. Those that differ in their user name as logged alone have the same.
    of_actor: Vec<u32>,
    /// Service and action of APIs.
    apis: Vec<(&'r str, &'r str)>,
    of_api: Vec<u32>,
    /// Addresses.
    ips: Vec<&'r str>,
    of_ip: Vec<u32>,
}

impl<'r> Ranks<'r> {
    /// The ranks of everything a scan saw.
    fn new(resolver: &Resolver<'r>) -> Self {
        let names = resolver.names;
        let actor = names
            .actors
            .iter()
            .map(|(_, actor)| (actor.user_type.as_str(), actor.name.as_str(), actor.principal.as_str()));
        let (actors, of_actor) = ranked(&actor.collect::<Vec<_>>());
        let api = names.apis.iter().map(|(_, api)| (api.service.as_str(), api.action.as_str()));
        let (apis, of_api) = ranked(&api.collect::<Vec<_>>());
        let (ips, of_ip) = ranked(&names.ips.iter().map(|(ip, _)| &**ip).collect::<Vec<_>>());
        Self { actors, of_actor, apis, of_api, ips, of_ip }
    }
}

/// The different ones of `items` in order, and the place of each item among them.
fn ranked<T: Ord + Copy>(items: &[T]) -> (Vec<T>, Vec<u32>) {
    let mut different = items.to_vec();
    different.sort_unstable();
    different.dedup();
    let rank = |item: &T| different.binary_search(item).ok().and_then(|rank| u32::try_from(rank).ok());
    let ranks = items.iter().map(|item| rank(item).unwrap_or(u32::MAX)).collect();
    (different, ranks)
}

fn placed(seen: &[Seen], labels: &HashMap<Label, i64>, ranks: &Ranks<'_>) -> Vec<Placed> {
    let of_worker = |(worker, seen): (u32, &Seen)| {
        let place = |(who, _): &(Who, _)| {
            Some((*labels.get(&who.label())?, ranks.of_actor[who.actor as usize], ranks.of_api[who.api as usize]))
        };
        let of_who: Vec<_> = seen.who.iter().map(place).collect();
        let of_use = |(number, one): (u32, &Use)| {
            Some(Placed { place: of_who[one.who as usize]?, worker, number, span: seen.span(number)? })
        };
        (0..).zip(&seen.uses).filter_map(of_use).collect::<Vec<_>>()
    };
    let workers: Vec<(u32, &Seen)> = (0..).zip(seen).collect();
    workers.into_par_iter().map(of_worker).reduce(Vec::new, |mut some, others| {
        some.extend(others);
        some
    })
}

/// Adds what a scan saw.
pub(super) fn save(conn: &Connection, found: &Found<'_>, resolver: &Resolver<'_>) -> Result<(), Failure> {
    let ranks = &found.ranks;
    let mut insert = conn.prepare_cached(
        "INSERT INTO ak_api (label, user_type, user, principal, service, action, outcome, first, last) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    let mut by_ip: HashMap<(i64, u32), Span> = HashMap::new();
    let mut ip_api: HashMap<(u32, u32), Span> = HashMap::new();
    for of_place in found.placed.chunk_by(|a, b| a.place == b.place) {
        let mut outcomes: BTreeMap<&str, Span> = BTreeMap::new();
        for one in of_place {
            let (span, of) = (one.span, found.use_of(one));
            let ip = ranks.of_ip[of.ip as usize];
            outcomes.entry(of.outcome.as_str()).or_insert(span).widen(span);
            by_ip.entry((one.place.0, ip)).or_insert(span).widen(span);
            ip_api.entry((ip, one.place.2)).or_insert(span).widen(span);
        }
        let (label, kind, user, principal, service, action) = found.words(&of_place[0]);
        for (outcome, Span { first, last }) in outcomes {
            insert.execute(params![label, kind, user, principal, service, action, outcome, first, last])?;
        }
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO ak_ip (label, ip, first, last) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    for ((label, ip), Span { first, last }) in in_order(by_ip) {
        insert.execute(params![label, ranks.ips[ip as usize], first, last])?;
    }
    save_ip_uses(conn, &in_order(ip_api), ranks)?;
    save_ips(conn, &found.seen, resolver)
}

/// What was used from one address: when, by service and action.
pub(super) type IpUses = BTreeMap<(String, String), Span>;

/// What a scan saw used from an address, on its way to what is known of it.
struct Grown<'g> {
    ip: &'g str,
    seen: &'g [((u32, u32), Span)],
    known: Option<Vec<u8>>,
}

impl Grown<'_> {
    fn uses(self, ranks: &Ranks<'_>) -> Result<IpUses, Failure> {
        let mut uses = self.known.map_or_else(|| Ok(IpUses::new()), |known| unpack::<IpUses>(&known))?;
        for ((_, api), span) in self.seen {
            let (service, action) = ranks.apis[*api as usize];
            uses.entry((service.to_string(), action.to_string())).or_insert(*span).widen(*span);
        }
        Ok(uses)
    }
}

/// Adds what was used from addresses, which is in the order of addresses and APIs.
fn save_ip_uses(conn: &Connection, found: &[((u32, u32), Span)], ranks: &Ranks<'_>) -> Result<(), Failure> {
    let mut select = conn.prepare_cached("SELECT data FROM ip_uses WHERE ip = ?1")?;
    let grown = found.chunk_by(|(a, _), (b, _)| a.0 == b.0).map(|seen| {
        let ip = ranks.ips[seen[0].0.0 as usize];
        let known = select.query_row([ip], |row| row.get(0)).optional()?;
        Ok(Grown { ip, seen, known })
    });
    let grown = grown.collect::<Result<Vec<_>, Failure>>()?;
    let packed = |grown: Grown<'_>| {
        let ip = grown.ip.to_string();
        let uses = grown.uses(ranks)?;
        Ok((ip, counts(&uses), pack(&uses)?))
    };
    let mut insert =
        conn.prepare_cached("INSERT OR REPLACE INTO ip_uses (ip, services, apis, data) VALUES (?1, ?2, ?3, ?4)")?;
    pack::in_order(grown, packed, |(ip, (services, apis), data)| {
        insert.execute(params![ip, services, apis, data])?;
        Ok(())
    })
}

/// Whether what was used from an address can be read.
pub(super) fn is_sound_use(data: &[u8]) -> bool {
    unpack::<IpUses>(data).is_ok()
}

/// How many services and APIs.
fn counts(uses: &IpUses) -> (i64, i64) {
    let services = uses.keys().map(|(service, _)| service).collect::<BTreeSet<_>>().len();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    (count(services), count(uses.len()))
}

/// Takes the rows that earlier versions had for each address and API together.
pub(super) fn take_rows_together(conn: &Connection) -> Result<(), Failure> {
    let mut select = conn.prepare("SELECT ip, service, action, first, last FROM ip_api ORDER BY ip")?;
    let mut insert = conn.prepare("INSERT INTO ip_uses (ip, services, apis, data) VALUES (?1, ?2, ?3, ?4)")?;
    let mut write = |ip: &str, uses: &IpUses| -> Result<(), Failure> {
        if !uses.is_empty() {
            let (services, apis) = counts(uses);
            insert.execute(params![ip, services, apis, pack(uses)?])?;
        }
        Ok(())
    };
    let (mut ip, mut uses) = (String::new(), IpUses::new());
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let next: String = row.get(0)?;
        if next != ip {
            write(&ip, &std::mem::take(&mut uses))?;
            ip = next;
        }
        uses.insert((row.get(1)?, row.get(2)?), Span { first: row.get(3)?, last: row.get(4)? });
    }
    write(&ip, &uses)?;
    drop(rows);
    drop(select);
    Ok(conn.execute_batch("DROP TABLE ip_api")?)
}

fn in_order<K: Ord + Copy>(spans: HashMap<K, Span>) -> Vec<(K, Span)> {
    let mut spans: Vec<(K, Span)> = spans.into_iter().collect();
    spans.sort_unstable_by_key(|(key, _)| *key);
    spans
}

/// Adds the keys that a scan saw, and returns their numbers.
fn save_labels(conn: &Connection, seen: &[Seen], resolver: &Resolver<'_>) -> Result<HashMap<Label, i64>, Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO labels (account, ak, owner, role) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET role = role RETURNING number",
    )?;
    let different: HashSet<Label> = seen.iter().flat_map(|seen| &seen.who).map(|(who, _)| who.label()).collect();
    // By name, so that the same scan makes the same database.
    let mut named: Vec<_> = different.into_iter().map(|label| (resolver.key_name(&label), label)).collect();
    let account = |label: &Label| &resolver.names.accounts[label.account as usize].0;
    named.sort_by(|(a, x), (b, y)| (account(x), &a.ak, &a.owner, a.role).cmp(&(account(y), &b.ak, &b.owner, b.role)));
    let mut labels = HashMap::new();
    for (key, label) in named {
        let number = insert.query_row(params![account(&label), key.ak, key.owner, key.role], |row| row.get(0))?;
        labels.insert(label, number);
    }
    Ok(labels)
}

/// What is known of addresses: type, asset and remark as the newest scan has them, the first place by text.
fn save_ips(conn: &Connection, seen: &[Seen], resolver: &Resolver<'_>) -> Result<(), Failure> {
    let mut places: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for (ip, location) in seen.iter().flat_map(|seen| &seen.locations) {
        let text: &str = &resolver.names.locations[*location as usize].0;
        places.entry(*ip).or_default().extend(Some(text).filter(|text| !text.is_empty()));
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO ips (ip, ip_type, region, asset_id, asset_name, remark) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO UPDATE SET ip_type = iif(?7, excluded.ip_type, ip_type), \
         asset_id = iif(?7, excluded.asset_id, asset_id), asset_name = iif(?7, excluded.asset_name, asset_name), \
         remark = iif(?7, excluded.remark, remark), region = min(coalesce(region, excluded.region), coalesce(excluded.region, region))",
    )?;
    // A scan without lists of the account's addresses says nothing about where one is.
    let informed = resolver.inventory.network_count() > 0;
    for (number, regions) in places {
        let (ip, shown) = &resolver.names.ips[number as usize];
        let address = ip.parse().ok();
        let asset = address.and_then(|ip| resolver.inventory.asset(ip));
        insert.execute(params![
            ip,
            shown.place.as_str(),
            regions.first(),
            asset.and_then(|asset| asset.id.as_deref()),
            asset.and_then(|asset| asset.name.as_deref()),
            address.and_then(|ip| resolver.inventory.ip_remark(ip)),
            informed,
        ])?;
    }
    Ok(())
}
