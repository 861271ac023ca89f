//! Who used what from where, as lists of keys and addresses show it.

use super::Failure;
use crate::alarm::fold::Label;
use crate::alarm::model::Resolver;
use crate::detect::activity::{Activity, Span};
use crate::enrich::names::ApiFacts;
use hashbrown::HashMap;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Adds what a scan saw.
pub(super) fn save(
    conn: &Connection,
    seen: &Activity,
    labels: &HashMap<Label, i64>,
    resolver: &Resolver<'_>,
) -> Result<(), Failure> {
    let names = resolver.names;
    let api = |number: u32| -> &ApiFacts { &names.apis[number as usize].1 };
    let ip = |number: u32| -> &str { &names.ips[number as usize].0 };
    let mut insert = conn.prepare_cached(
        "INSERT INTO ak_api (label, user_type, user, principal, service, action, outcome, first, last) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    // In the order of the table, in which rows go in many times faster than in any other.
    let by_api = seen.by_api.iter().map(|((label, actor, number, outcome), span)| {
        let (actor, api) = (&names.actors[*actor as usize].1, api(*number));
        let kind = actor.user_type.as_str();
        ((labels[label], kind, &actor.name, &actor.principal, &api.service, &api.action, outcome.as_str()), span)
    });
    for ((label, kind, user, principal, service, action, outcome), Span { first, last }) in in_order(by_api) {
        insert.execute(params![label, kind, user, principal, service, action, outcome, first, last])?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO ak_ip (label, ip, first, last) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    let by_ip = seen.by_ip.iter().map(|((label, number), span)| ((labels[label], ip(*number)), span));
    for ((label, ip), Span { first, last }) in in_order(by_ip) {
        insert.execute(params![label, ip, first, last])?;
    }
    let mut insert = conn.prepare_cached(
        "INSERT INTO ip_api (ip, service, action, first, last) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?;
    let ip_api = seen.ip_api.iter().map(|((number, api_number), span)| {
        let api = api(*api_number);
        ((ip(*number), &api.service, &api.action), span)
    });
    for ((ip, service, action), Span { first, last }) in in_order(ip_api) {
        insert.execute(params![ip, service, action, first, last])?;
    }
    save_ips(conn, seen, resolver)
}

fn in_order<K: Ord, V>(rows: impl Iterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut rows: Vec<(K, V)> = rows.collect();
    rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    rows
}

/// Adds the keys that a scan saw, and returns their numbers.
pub(super) fn save_labels(
    conn: &Connection,
    seen: &Activity,
    resolver: &Resolver<'_>,
) -> Result<HashMap<Label, i64>, Failure> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO labels (account, ak, owner, role) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET role = role RETURNING number",
    )?;
    let mut labels = HashMap::new();
    for (label, _) in seen.by_ip.keys() {
        if labels.contains_key(label) {
            continue;
        }
        let account = &resolver.names.accounts[label.account as usize].0;
        let key = resolver.key_name(label);
        let number = insert.query_row(params![account, key.ak, key.owner, key.role], |row| row.get(0))?;
        labels.insert(*label, number);
    }
    Ok(labels)
}

/// What is known of addresses: type, asset and remark as the newest scan has them, the first place by text.
fn save_ips(conn: &Connection, seen: &Activity, resolver: &Resolver<'_>) -> Result<(), Failure> {
    let mut places: HashMap<u32, BTreeSet<&str>> = HashMap::new();
    for (ip, location) in seen.locations.keys() {
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
