//! Which permissions were asked for, between scans: one cell for each key, caller and API.

use super::Failure;
use super::activity::{Found, Placed};
use super::pack::{self, Ready, pack, unpack};
use crate::alarm::model::Resolver;
use crate::detect::activity::{NOT_ASKED, Seen};
use crate::detect::requests::{Alike, AskedOf, Detail, Gathered, region_of};
use rusqlite::{Connection, OptionalExtension, params};
use std::thread::Scope;

/// Reads a cell.
pub(super) fn read_cell(data: &[u8]) -> Result<AskedOf<'static>, Failure> {
    unpack(data)
}

/// Whether a cell can be read.
pub(super) fn is_sound_request(data: &[u8]) -> bool {
    read_cell(data).is_ok()
}

/// Cells that wait to be written, at most: some three megabytes.
const WAITING: usize = 4096;

/// A cell on its way into the database.
pub(super) type Packed<'s> = (Place<'s>, Vec<u8>);

/// Begins to pack what a scan saw together with what is known. It takes longer than writing, and so goes on while other
/// things are written.
pub(super) fn begin<'s>(
    threads: &'s Scope<'s, '_>,
    conn: &Connection,
    found: &'s Found<'s>,
    resolver: Resolver<'s>,
) -> Result<Ready<Packed<'s>>, Failure> {
    let is_new = !conn.prepare_cached("SELECT 1 FROM requests LIMIT 1")?.exists([])?;
    let asked = |cell: &&[Placed]| cell.iter().any(|one| found.use_of(one).asked != NOT_ASKED);
    let cells = found.placed.chunk_by(|a, b| a.place == b.place).filter(asked).map(|cell| {
        let place = found.words(&cell[0]);
        Ok((cell, place, if is_new { None } else { known(conn, place)? }))
    });
    let pack = move |(cell, place, known): (&[Placed], Place<'s>, Option<Vec<u8>>)| {
        let known = known.map_or_else(|| Ok(AskedOf::default()), |data| read_cell(&data))?;
        Ok((place, pack(&merged(known, found, cell, resolver))?))
    };
    Ok(pack::begin(threads, cells.collect::<Result<Vec<_>, Failure>>()?, WAITING, pack))
}

/// Writes what was packed, in the order of the table, in which rows go in many times faster than in any other.
pub(super) fn save(
    conn: &Connection,
    cells: Ready<Packed<'_>>,
    found: &Found<'_>,
    resolver: &Resolver<'_>,
) -> Result<(), Failure> {
    let mut replace = conn.prepare_cached(
        "INSERT OR REPLACE INTO requests (label, user_type, user, principal, service, action, data) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    cells.each(|((number, kind, name, principal, service, action), data)| {
        replace.execute(params![number, kind, name, principal, service, action, data])?;
        Ok(())
    })?;
    save_days(conn, &found.seen, resolver)
}

/// Where a cell lies: label, kind of caller, name, principal, service and action.
pub(super) type Place<'a> = (i64, &'a str, &'a str, &'a str, &'a str, &'a str);

fn known(conn: &Connection, place: Place<'_>) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = conn.prepare_cached(
        "SELECT data FROM requests WHERE label = ?1 AND user_type = ?2 AND user = ?3 AND principal = ?4 \
         AND service = ?5 AND action = ?6",
    )?;
    let (number, kind, name, principal, service, action) = place;
    select.query_row(params![number, kind, name, principal, service, action], |row| row.get(0)).optional()
}

fn merged<'s>(known: AskedOf<'s>, found: &'s Found<'_>, cell: &[Placed], resolver: Resolver<'s>) -> AskedOf<'s> {
    let mut detail: Detail = known.detail;
    let mut all: Vec<Gathered<'s>> = known.into_gathered().collect();
    for one in cell {
        let (seen, of) = (found.seen_by(one), found.use_of(one));
        if of.asked == NOT_ASKED {
            continue;
        }
        detail = detail.max(seen.who[of.who as usize].1);
        let alike = Alike {
            ip: (&*resolver.names.ips[of.ip as usize].0).into(),
            api_call: of.api_call,
            outcome: of.outcome,
            asked: (&*seen.texts[of.asked as usize]).into(),
        };
        all.push(Gathered { alike, calls: seen.calls(one.number).to_vec(), more: seen.has_more(one.number) });
    }
    AskedOf::of(detail, all)
}

fn save_days(conn: &Connection, seen: &[Seen], resolver: &Resolver<'_>) -> Result<(), Failure> {
    let names = resolver.names;
    let mut insert =
        conn.prepare_cached("INSERT OR IGNORE INTO seen_days (account, region, day) VALUES (?1, ?2, ?3)")?;
    for ((account, region), days) in seen.iter().flat_map(|seen| &seen.days) {
        let account = &names.accounts[*account as usize].0;
        let region = region_of(*region).map_or("", |region| &names.regions[region as usize].0);
        for day in days {
            insert.execute(params![account, region, day])?;
        }
    }
    Ok(())
}
