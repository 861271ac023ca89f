//! The past that timeline rules judge by, between scans: loaded as numbers of the running scan, kept as words.
//!
//! Everything is a first or last time or a member of a set, so that adding the same logs twice changes nothing.

use super::Failure;
use super::pack::{pack, unpack};
use crate::detect::history::{DayUse, History, Listed};
use crate::enrich::created::{Created, CreatedKey, CreatedUser};
use crate::enrich::names::{NameTables, Names};
use crate::enrich::{World, intern_ip};
use crate::event::time::keep_earlier;
use crate::inventory::Inventory;
use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a key.
#[derive(Debug, Default, Serialize, Deserialize)]
struct KeyPast {
    /// First event.
    first: Option<i64>,
    /// First event from each address.
    ips: BTreeMap<String, i64>,
    /// First event in each region.
    regions: BTreeMap<String, i64>,
    /// Uses by local day: first, first through the API, last.
    days: BTreeMap<i32, (i64, Option<i64>, i64)>,
}

/// Whether what is known of a key can be read.
pub(super) fn is_sound_past(data: &[u8]) -> bool {
    unpack::<KeyPast>(data).is_ok()
}

/// Adds what is known of accounts, first uses, new users and inventories to `history`. Tells whether the
/// scan found out something about an account that may change how the past of any of its keys is judged.
pub(super) fn load_accounts(conn: &Connection, tables: &NameTables, history: &mut History) -> Result<bool, Failure> {
    let coverage = load_coverage(conn, tables, history)?;
    let created = load_created(conn, tables, &mut history.created)?;
    let listed = load_listed(conn, &mut history.listed)?;
    load_first_uses(conn, tables, history)?;
    Ok(coverage || created || listed)
}

fn load_coverage(conn: &Connection, tables: &NameTables, history: &mut History) -> Result<bool, Failure> {
    let mut news = false;
    let mut statement = conn.prepare_cached("SELECT account, first FROM accounts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (account, first): (String, i64) = (row.get(0)?, row.get(1)?);
        let number = tables.accounts.intern(&account, || ()).0;
        news |= history.account_first.get(&number).is_some_and(|found| *found < first);
        keep_earlier(&mut history.account_first, number, first);
    }
    Ok(news)
}

fn load_created(conn: &Connection, tables: &NameTables, created: &mut Created) -> Result<bool, Failure> {
    let mut known = Created::default();
    let some = |text: String| (!text.is_empty()).then_some(text);
    let mut statement = conn.prepare_cached("SELECT account, uin, name, time FROM created_users")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = tables.accounts.intern(&row.get::<_, String>(0)?, || ()).0;
        known.users.push(CreatedUser { account, uin: some(row.get(1)?), name: some(row.get(2)?), time: row.get(3)? });
    }
    let mut statement = conn.prepare_cached("SELECT account, id, time FROM created_keys")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let account = tables.accounts.intern(&row.get::<_, String>(0)?, || ()).0;
        known.keys.push(CreatedKey { account, id: row.get(1)?, time: row.get(2)? });
    }
    let users: BTreeSet<&CreatedUser> = known.users.iter().collect();
    let keys: BTreeSet<&CreatedKey> = known.keys.iter().collect();
    let news =
        created.users.iter().any(|user| !users.contains(user)) || created.keys.iter().any(|key| !keys.contains(key));
    created.users.extend(known.users.iter().cloned());
    created.keys.extend(known.keys.iter().cloned());
    Ok(news)
}

fn load_listed(conn: &Connection, listed: &mut Listed) -> Result<bool, Failure> {
    let found = listed.clone();
    let mut known = Listed::default();
    let mut statement = conn.prepare_cached("SELECT what, id, time FROM listed")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (what, id, time): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match what.as_str() {
            "key" => drop(known.keys.entry(id).or_default()),
            "key-created" => drop(known.keys.entry(id).or_default().created.insert(time)),
            "key-used" => drop(known.keys.entry(id).or_default().last_used.insert(time)),
            "user" => drop(known.users.entry(id).or_default().insert(time)),
            "name" => drop(known.names.entry(id).or_default().insert(time)),
            other => return Err(Failure::Content(format!("an inventory fact of the unknown kind {other:?}"))),
        }
    }
    let before = known.clone();
    known.merge(found);
    let news = known != before;
    *listed = known;
    Ok(news)
}

fn load_first_uses(conn: &Connection, tables: &NameTables, history: &mut History) -> Result<(), Failure> {
    let mut statement = conn.prepare_cached("SELECT principal, value, first FROM first_uses")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let principal = tables.principals.intern(&row.get::<_, String>(0)?, || ()).0;
        let value = tables.values.intern(&row.get::<_, String>(1)?, || ()).0;
        keep_earlier(&mut history.first_use, (principal, value), row.get(2)?);
    }
    Ok(())
}

/// Adds what is known of these keys to `history`.
pub(super) fn load_keys(
    conn: &Connection,
    keys: &BTreeSet<String>,
    tables: &NameTables,
    world: &World,
    history: &mut History,
) -> Result<(), Failure> {
    let mut statement = conn.prepare_cached("SELECT data FROM key_past WHERE ak = ?1")?;
    for ak in keys {
        let data: Option<Vec<u8>> = statement.query_row([ak], |row| row.get(0)).optional()?;
        if let Some(data) = data {
            add_key(unpack(&data)?, tables.keys.intern(ak, || ()).0, tables, world, history);
        }
    }
    Ok(())
}

fn add_key(past: KeyPast, key: u32, tables: &NameTables, world: &World, history: &mut History) {
    if let Some(first) = past.first {
        keep_earlier(&mut history.key_first, key, first);
    }
    for (ip, first) in past.ips {
        keep_earlier(&mut history.pair_first, (key, intern_ip(tables, world, &ip)), first);
    }
    for (region, first) in past.regions {
        let region = tables.regions.intern(&region, || ()).0;
        history.note_region(key, region, first);
    }
    for (day, (first, first_api, last)) in past.days {
        history.note_use(key, day, DayUse { first, first_api, last });
    }
}

/// Keeps what the scan and the past know of accounts, first uses, new users and inventories, and of these keys.
pub(super) fn save(
    conn: &Connection,
    keys: &HashSet<u32>,
    names: &Names,
    app_ids: &HashMap<u32, String>,
    history: &History,
) -> Result<(), Failure> {
    save_accounts(conn, names, app_ids, history)?;
    save_created(conn, names, &history.created)?;
    save_listed(conn, &history.listed)?;
    save_keys(conn, keys, names, history)
}

fn save_accounts(
    conn: &Connection,
    names: &Names,
    app_ids: &HashMap<u32, String>,
    history: &History,
) -> Result<(), Failure> {
    let mut account = conn.prepare_cached(
        "INSERT INTO accounts (account, first, app_id) VALUES (?1, ?2, ?3) ON CONFLICT (account) DO UPDATE SET \
         first = min(first, excluded.first), app_id = min(coalesce(app_id, excluded.app_id), coalesce(excluded.app_id, app_id))",
    )?;
    for (number, first) in &history.account_first {
        account.execute(params![names.accounts[*number as usize].0, first, app_ids.get(number)])?;
    }
    let mut first_use = conn.prepare_cached(
        "INSERT INTO first_uses (principal, value, first) VALUES (?1, ?2, ?3) \
         ON CONFLICT (principal, value) DO UPDATE SET first = min(first, excluded.first)",
    )?;
    for ((principal, value), first) in &history.first_use {
        first_use.execute(params![names.principals[*principal as usize].0, names.values[*value as usize].0, first])?;
    }
    Ok(())
}

fn save_created(conn: &Connection, names: &Names, created: &Created) -> Result<(), Failure> {
    let mut user =
        conn.prepare_cached("INSERT OR IGNORE INTO created_users (account, uin, name, time) VALUES (?1, ?2, ?3, ?4)")?;
    for made in &created.users {
        let account = &names.accounts[made.account as usize].0;
        user.execute(params![
            account,
            made.uin.as_deref().unwrap_or(""),
            made.name.as_deref().unwrap_or(""),
            made.time
        ])?;
    }
    let mut key = conn.prepare_cached("INSERT OR IGNORE INTO created_keys (account, id, time) VALUES (?1, ?2, ?3)")?;
    for made in &created.keys {
        key.execute(params![names.accounts[made.account as usize].0, made.id, made.time])?;
    }
    Ok(())
}

fn save_listed(conn: &Connection, listed: &Listed) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO listed (what, id, time) VALUES (?1, ?2, ?3)")?;
    for (id, key) in &listed.keys {
        insert.execute(params!["key", id, 0])?;
        for (what, times) in [("key-created", &key.created), ("key-used", &key.last_used)] {
            for time in times {
                insert.execute(params![what, id, time])?;
            }
        }
    }
    for (what, facts) in [("user", &listed.users), ("name", &listed.names)] {
        for (id, times) in facts {
            for time in times {
                insert.execute(params![what, id, time])?;
            }
        }
    }
    Ok(())
}

/// Keeps the text of the policies that an inventory holds.
pub(super) fn save_policies(conn: &Connection, inventory: &Inventory) -> Result<(), Failure> {
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO policy_documents (name, document) VALUES (?1, ?2)")?;
    for policy in inventory.policies() {
        if let (Some(name), Some(document)) = (policy.name.as_ref().or(policy.id.as_ref()), &policy.document) {
            insert.execute([name, document])?;
        }
    }
    Ok(())
}

fn save_keys(conn: &Connection, keys: &HashSet<u32>, names: &Names, history: &History) -> Result<(), Failure> {
    let mut pasts: BTreeMap<u32, KeyPast> = keys.iter().map(|key| (*key, KeyPast::default())).collect();
    for ((key, ip), first) in &history.pair_first {
        if let Some(past) = pasts.get_mut(key) {
            past.ips.insert(names.ips[*ip as usize].0.to_string(), *first);
        }
    }
    let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO key_past (ak, data) VALUES (?1, ?2)")?;
    for (key, mut past) in pasts {
        past.first = history.key_first.get(&key).copied();
        let regions = history.key_regions.get(&key).into_iter().flatten();
        past.regions = regions.map(|(region, first)| (names.regions[*region as usize].0.to_string(), *first)).collect();
        let days = history.uses.get(&key).into_iter().flatten();
        past.days = days.map(|(day, used)| (*day, (used.first, used.first_api, used.last))).collect();
        insert.execute(params![names.keys[key as usize].0, pack(&past)?])?;
    }
    Ok(())
}
