//! Which permissions were asked for, between scans: one cell for each key, caller and API.

use super::Failure;
use super::pack::{pack, unpack};
use crate::alarm::fold::Label;
use crate::alarm::model::Resolver;
use crate::detect::requests::{Alike, AskedOf, Detail, Requests, Sample, region_of};
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// A cell. The order of its calls is that of what makes them alike, so that the same calls give the same bytes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Cell {
    /// How far resources are told apart.
    pub(super) detail: Detail,
    /// Calls that are alike.
    pub(super) calls: Vec<(Alike<String>, Sample)>,
}

impl Cell {
    /// Reads a cell.
    pub(super) fn read(data: &[u8]) -> Result<Self, Failure> {
        unpack(data)
    }
}

/// Whether a cell can be read.
pub(super) fn is_sound_request(data: &[u8]) -> bool {
    Cell::read(data).is_ok()
}

/// Adds what a scan saw; `labels` has the number of each key in the database.
pub(super) fn save(
    conn: &Connection,
    seen: &Requests,
    labels: &HashMap<Label, i64>,
    resolver: &Resolver<'_>,
) -> Result<(), Failure> {
    let names = resolver.names;
    let mut select = conn.prepare_cached(
        "SELECT data FROM requests WHERE label = ?1 AND user_type = ?2 AND user = ?3 AND principal = ?4 \
         AND service = ?5 AND action = ?6",
    )?;
    let mut replace = conn.prepare_cached(
        "INSERT OR REPLACE INTO requests (label, user_type, user, principal, service, action, data) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for ((label, actor, api), asked) in &seen.asked {
        let Some(number) = labels.get(label) else { continue };
        let (actor, api) = (&names.actors[*actor as usize].1, &names.apis[*api as usize].1);
        let key = params![number, actor.user_type.as_str(), actor.name, actor.principal, api.service, api.action];
        let known: Option<Vec<u8>> = select.query_row(key, |row| row.get(0)).optional()?;
        let known = known.map_or_else(|| Ok(Cell::default()), |data| Cell::read(&data))?;
        let data = pack(&merged(known, asked, |ip| names.ips[ip as usize].0.to_string()))?;
        let (kind, name, principal) = (actor.user_type.as_str(), &actor.name, &actor.principal);
        replace.execute(params![number, kind, name, principal, api.service, api.action, data])?;
    }
    save_days(conn, seen, resolver)
}

fn merged(known: Cell, asked: &AskedOf<u32>, ip: impl Fn(u32) -> String) -> Cell {
    let mut all = AskedOf::default();
    all.merge(known.detail, known.calls);
    let words = |(alike, sample): (&Alike<u32>, &Sample)| {
        let Alike { api_call, outcome, .. } = *alike;
        (Alike { ip: ip(alike.ip), api_call, outcome, asked: alike.asked.clone() }, sample.clone())
    };
    all.merge(asked.detail, asked.calls.iter().map(words));
    let mut calls: Vec<_> = all.calls.into_iter().collect();
    calls.sort_by(|a, b| a.0.cmp(&b.0));
    Cell { detail: all.detail, calls }
}

fn save_days(conn: &Connection, seen: &Requests, resolver: &Resolver<'_>) -> Result<(), Failure> {
    let names = resolver.names;
    let mut insert =
        conn.prepare_cached("INSERT OR IGNORE INTO seen_days (account, region, day) VALUES (?1, ?2, ?3)")?;
    for ((account, region), days) in &seen.days {
        let account = &names.accounts[*account as usize].0;
        let region = region_of(*region).map_or("", |region| &names.regions[region as usize].0);
        for day in days {
            insert.execute(params![account, region, day])?;
        }
    }
    Ok(())
}
