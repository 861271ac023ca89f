//! Events that a timeline rule may yet make a hit, between scans: all of one rule and one key in one cell.
//!
//! What is packed says everything in words, names of flags and markers too, so that it outlives the
//! numbers of a scan and of a version.

use super::Failure;
use super::pack::{pack, unpack};
use crate::catalog::Catalog;
use crate::detect::Sighting;
use crate::enrich::names::{CodeFacts, NameTables, Names};
use crate::enrich::{World, intern_actor, intern_api, intern_ip};
use crate::event::columns;
use crate::event::frame::{NO_FILE, NO_REGION, Row};
use crate::event::id::RequestId;
use crate::event::words::UserType;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// The sightings of one rule and one key.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Packed {
    /// Names of the flags, in the order of their bits.
    flags: Vec<String>,
    /// Ids of the markers, in the order of their bits.
    markers: Vec<String>,
    /// Every text that rows refer to by its place.
    texts: Vec<String>,
    /// Callers.
    actors: Vec<PackedActor>,
    /// The events, by time.
    rows: Vec<PackedRow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct PackedActor {
    user_type: UserType,
    name: u32,
    principal: u32,
    user_name: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct PackedRow {
    /// Milliseconds since the row before.
    after: i64,
    day: i32,
    second: i32,
    account: u32,
    actor: u32,
    service: u32,
    action: u32,
    ip: u32,
    client: u32,
    code: u32,
    region: Option<u32>,
    location: u32,
    value: Option<u32>,
    flags: u32,
    markers: u32,
    unknown_markers: u32,
    event: [u8; 8],
    uuid: Option<[u8; 16]>,
    request_id: u32,
}

/// The places of texts, each once.
#[derive(Default)]
struct Texts {
    places: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Texts {
    fn place(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.places.insert(text.to_string(), place);
        self.texts.push(text.to_string());
        place
    }
}

/// Packs the sightings of one key, which come in order of time.
pub(super) fn pack_sightings(sightings: &[&Sighting], names: &Names, catalog: &Catalog) -> Result<Vec<u8>, Failure> {
    let mut texts = Texts::default();
    let mut actors: Vec<PackedActor> = Vec::new();
    let mut actor_places: HashMap<u32, u32> = HashMap::new();
    let mut rows = Vec::with_capacity(sightings.len());
    let mut before = 0;
    for sighting in sightings {
        let row = &sighting.row;
        let facts = &names.actors[row.actor as usize].1;
        let actor = *actor_places.entry(row.actor).or_insert_with(|| {
            actors.push(PackedActor {
                user_type: facts.user_type,
                name: texts.place(&facts.name),
                principal: texts.place(&facts.principal),
                user_name: texts.place(&facts.user_name),
            });
            u32::try_from(actors.len() - 1).unwrap_or(u32::MAX)
        });
        let api = &names.apis[row.api as usize].1;
        let conditional = row.has(columns::flag::ESCALATION_IF_FIRST);
        let (uuid, request_id) = match &sighting.request_id {
            RequestId::Uuid(bytes) => (Some(*bytes), texts.place("")),
            RequestId::Text(text) => (None, texts.place(text)),
        };
        rows.push(PackedRow {
            after: row.time - before,
            day: row.day,
            second: row.second,
            account: texts.place(&names.accounts[row.account as usize].0),
            actor,
            service: texts.place(&api.service),
            action: texts.place(&api.action),
            ip: texts.place(&names.ips[row.ip as usize].0),
            client: texts.place(&names.clients[row.client as usize].0),
            code: texts.place(&names.codes[row.code as usize].0),
            region: (row.region != NO_REGION).then(|| texts.place(&names.regions[row.region as usize].0)),
            location: texts.place(&names.locations[row.location as usize].0),
            value: conditional.then(|| texts.place(&names.values[row.value as usize].0)),
            flags: row.flags,
            markers: row.markers,
            unknown_markers: row.unknown_markers,
            event: row.event.to_le_bytes(),
            uuid,
            request_id,
        });
        before = row.time;
    }
    let flags = columns::flags().map(|flag| flag.name.to_string()).collect();
    let markers = catalog.signatures.markers.iter().map(crate::catalog::signatures::Marker::id).collect();
    pack(&Packed { flags, markers, texts: texts.texts, actors, rows })
}

/// Unpacks the sightings of the key `ak` into numbers of the running scan.
pub(super) fn unpack_sightings(
    data: &[u8],
    ak: &str,
    tables: &NameTables,
    world: &World,
) -> Result<Vec<Sighting>, Failure> {
    let packed: Packed = unpack(data)?;
    let key = tables.keys.intern(ak, || ()).0;
    let reader = Reader { packed: &packed, tables, world, bits: Bits::of(&packed, &world.catalog) };
    let mut time = 0;
    packed
        .rows
        .iter()
        .map(|row| {
            time += row.after;
            reader.sighting(row, key, time)
        })
        .collect()
}

/// Whether the sightings of a key can be read.
pub(super) fn is_sound_cell(data: &[u8]) -> bool {
    unpack::<Packed>(data).is_ok()
}

/// Where the bits of packed rows are now.
struct Bits {
    flags: Vec<u32>,
    markers: Vec<u32>,
}

impl Bits {
    fn of(packed: &Packed, catalog: &Catalog) -> Self {
        let flag = |name: &String| columns::flags().find(|flag| flag.name == name).map_or(0, columns::bit);
        let known: Vec<String> =
            catalog.signatures.markers.iter().map(crate::catalog::signatures::Marker::id).collect();
        let marker = |id: &String| known.iter().position(|known| known == id).map_or(0, |place| 1 << place);
        Self { flags: packed.flags.iter().map(flag).collect(), markers: packed.markers.iter().map(marker).collect() }
    }

    fn translate(bits: u32, now: &[u32]) -> u32 {
        now.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).fold(0, |all, (_, bit)| all | bit)
    }
}

struct Reader<'p> {
    packed: &'p Packed,
    tables: &'p NameTables,
    world: &'p World,
    bits: Bits,
}

impl Reader<'_> {
    fn text(&self, place: u32) -> Result<&str, Failure> {
        let text = self.packed.texts.get(place as usize);
        text.map(String::as_str)
            .ok_or_else(|| Failure::Content("a kept event refers to a text that is not there".to_string()))
    }

    fn sighting(&self, packed: &PackedRow, key: u32, time: i64) -> Result<Sighting, Failure> {
        let row = packed;
        let tables = self.tables;
        let actor = self.packed.actors.get(row.actor as usize);
        let actor = actor.ok_or_else(|| Failure::Content("a kept event has no caller".to_string()))?;
        let known = intern_actor(
            tables,
            actor.user_type,
            self.text(actor.name)?,
            self.text(actor.principal)?,
            self.text(actor.user_name)?,
        );
        let facts = || CodeFacts { denied: false, denied_if_cam_code: false, bad_key: false };
        let optional = |place: Option<u32>, table: &crate::enrich::names::Table<()>, none: u32| match place {
            None => Ok(none),
            Some(place) => self.text(place).map(|text| table.intern(text, || ()).0),
        };
        let row = Row {
            time,
            day: row.day,
            second: row.second,
            account: tables.accounts.intern(self.text(row.account)?, || ()).0,
            key,
            actor: known.number,
            user: known.user,
            principal: known.principal,
            api: intern_api(tables, &self.world.catalog, self.text(row.service)?, self.text(row.action)?),
            ip: intern_ip(tables, self.world, self.text(row.ip)?),
            client: tables.clients.intern(self.text(row.client)?, || 0).0,
            code: tables.codes.intern(self.text(row.code)?, facts).0,
            region: optional(row.region, &tables.regions, NO_REGION)?,
            location: tables.locations.intern(self.text(row.location)?, || ()).0,
            value: optional(row.value, &tables.values, 0)?,
            flags: Bits::translate(row.flags, &self.bits.flags),
            markers: Bits::translate(row.markers, &self.bits.markers),
            unknown_markers: Bits::translate(row.unknown_markers, &self.bits.markers),
            file: NO_FILE,
            event: u64::from_le_bytes(row.event),
        };
        let request_id = match packed.uuid {
            Some(bytes) => RequestId::Uuid(bytes),
            None => RequestId::pack(self.text(packed.request_id)?),
        };
        Ok(Sighting { row, request_id, detail: None })
    }
}
