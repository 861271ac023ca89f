//! Which permissions were asked for, between scans: one cell for each key, caller and API.

use super::Failure;
use super::pack::{pack, unpack};
use crate::alarm::fold::Label;
use crate::alarm::model::Resolver;
use crate::detect::requests::{Alike, AskedOf, Detail, Requests, Sample, region_of};
use hashbrown::HashMap;
use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    let mut replace = conn.prepare_cached(
        "INSERT OR REPLACE INTO requests (label, user_type, user, principal, service, action, data) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    // In the order of the table, in which rows go in many times faster than in any other. Callers that differ in their
    // user name alone share a cell.
    let mut cells: BTreeMap<Place<'_>, Vec<&AskedOf<u32>>> = BTreeMap::new();
    for ((label, actor, api), asked) in &seen.asked {
        let Some(number) = labels.get(label) else { continue };
        let (actor, api) = (&names.actors[*actor as usize].1, &names.apis[*api as usize].1);
        let kind = actor.user_type.as_str();
        let place = (*number, kind, &*actor.name, &*actor.principal, &*api.service, &*api.action);
        cells.entry(place).or_default().push(asked);
    }
    let cells: Vec<_> = cells.into_iter().collect();
    let ip = |ip: u32| names.ips[ip as usize].0.to_string();
    for some in cells.chunks(CELLS) {
        let known = some.iter().map(|(place, _)| known(conn, *place)).collect::<Result<Vec<_>, _>>()?;
        // Packing takes longer than writing, so all processors share in it.
        let packed = some.par_iter().zip(known).map(|((place, asked), known)| {
            let known = known.map_or_else(|| Ok(Cell::default()), |data| Cell::read(&data))?;
            Ok((*place, pack(&merged(known, asked, ip))?))
        });
        for ((number, kind, name, principal, service, action), data) in packed.collect::<Result<Vec<_>, Failure>>()? {
            replace.execute(params![number, kind, name, principal, service, action, data])?;
        }
    }
    save_days(conn, seen, resolver)
}

/// Cells packed at a time.
const CELLS: usize = 4096;

/// Where a cell lies: label, kind of caller, name, principal, service and action.
type Place<'a> = (i64, &'a str, &'a str, &'a str, &'a str, &'a str);

fn known(conn: &Connection, place: Place<'_>) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = conn.prepare_cached(
        "SELECT data FROM requests WHERE label = ?1 AND user_type = ?2 AND user = ?3 AND principal = ?4 \
         AND service = ?5 AND action = ?6",
    )?;
    let (number, kind, name, principal, service, action) = place;
    select.query_row(params![number, kind, name, principal, service, action], |row| row.get(0)).optional()
}

fn merged(known: Cell, seen: &[&AskedOf<u32>], ip: impl Fn(u32) -> String) -> Cell {
    let mut all = AskedOf::default();
    all.merge(known.detail, known.calls);
    let words = |(alike, sample): (&Alike<u32>, &Sample)| {
        let Alike { api_call, outcome, .. } = *alike;
        (Alike { ip: ip(alike.ip), api_call, outcome, asked: alike.asked.clone() }, sample.clone())
    };
    for asked in seen {
        all.merge(asked.detail, asked.calls.iter().map(words));
    }
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
