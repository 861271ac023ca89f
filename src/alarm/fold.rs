//! Folds hits into alarms and call records, in codes; any order gives the same result.

use crate::event::columns::flag;
use crate::event::frame::{NO_REGION, Row};
use crate::event::id::RequestId;
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// Event ids kept as evidence for each alarm: the first hundred, as the JSON contract says.
pub const MAX_EVENT_IDS: usize = 100;
/// Details kept for each alarm's "why".
const MAX_NOTES: usize = 10;

/// What makes two hits one alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlarmKey {
    /// Number of the rule.
    pub rule: usize,
    /// Number of the account.
    pub account: u32,
    /// Number of the permanent key, or none for temporary ones.
    pub key: Option<u32>,
    /// For temporary keys, the user or role they belong to.
    pub owner: Option<Owner>,
    /// Local date as days since 1970.
    pub day: i32,
}

/// A user or role by name: the two may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Number of the name.
    pub user: u32,
    /// It is a role.
    pub role: bool,
}

/// What makes two calls of an alarm one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordKey {
    /// Number of the source address.
    pub ip: u32,
    /// Number of the API.
    pub api: u32,
    /// Made through the API.
    pub api_call: bool,
    /// Number of the caller's name.
    pub user: u32,
    /// What the caller is: root, role and service bits of the row.
    pub kind: u32,
    /// Number of the result code.
    pub code: u32,
}

/// Counts and times of a record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Calls that succeeded.
    pub success: u64,
    /// Calls that failed.
    pub failed: u64,
    /// First call.
    pub first: i64,
    /// Last call.
    pub last: i64,
    /// Numbers of the callers; one user may be known with and without UIN.
    pub actors: BTreeSet<u32>,
    /// Numbers of the client strings.
    pub clients: BTreeSet<u32>,
    /// Numbers of the regions called.
    pub regions: BTreeSet<u32>,
    /// Numbers of where the address is said to be.
    pub locations: BTreeSet<u32>,
}

/// One alarm as it grows.
#[derive(Clone, Debug)]
pub struct Folded {
    /// First call.
    pub first: i64,
    /// Last call.
    pub last: i64,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// Details for the "why".
    pub notes: BTreeSet<String>,
    /// The first request ids, by time.
    pub event_ids: BTreeSet<(i64, RequestId)>,
    /// Call records.
    pub records: HashMap<RecordKey, Record>,
    /// One of its events.
    pub sample: Row,
}

/// What a hit adds to its alarm besides the call.
#[derive(Clone, Copy, Debug)]
pub enum HitTags<'t> {
    /// Nothing.
    None,
    /// The tag `unverified`.
    Unverified,
    /// These tags, and a detail.
    Named(&'t [String], Option<&'t str>),
}

/// Alarms by key.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The alarms so far.
    pub alarms: HashMap<AlarmKey, Folded>,
}

impl Folder {
    /// Adds one hit of `rule`, dated `day`.
    pub fn add(&mut self, rule: usize, row: &Row, day: i32, request_id: &str, tags: HitTags<'_>) {
        let permanent = row.has(flag::PERMANENT_KEY);
        let key = AlarmKey {
            rule,
            account: row.account,
            key: permanent.then_some(row.key),
            owner: (!permanent).then(|| Owner { user: row.user, role: row.has(flag::ROLE) }),
            day,
        };
        let alarm = self.alarms.entry(key).or_insert_with(|| Folded::new(row));
        alarm.add(row, request_id);
        match tags {
            HitTags::None => {}
            HitTags::Unverified => {
                alarm.tags.insert("unverified".to_string());
            }
            HitTags::Named(names, note) => {
                alarm.tags.extend(names.iter().cloned());
                alarm.notes.extend(note.map(str::to_string));
                bound(&mut alarm.notes, MAX_NOTES);
            }
        }
    }

    /// Adds another folder's alarms.
    pub fn merge(&mut self, other: Self) {
        for (key, alarm) in other.alarms {
            match self.alarms.entry(key) {
                hashbrown::hash_map::Entry::Vacant(entry) => {
                    entry.insert(alarm);
                }
                hashbrown::hash_map::Entry::Occupied(mut entry) => entry.get_mut().merge(alarm),
            }
        }
    }

    /// Keeps only those alarms of a rule whose sample event passes.
    pub fn retain(&mut self, rule: usize, keep: impl Fn(&Row) -> bool) {
        self.alarms.retain(|key, alarm| key.rule != rule || keep(&alarm.sample));
    }

    /// Takes out the alarms of a rule; those for which `stands` has a reason come back with it.
    #[must_use]
    pub fn take_standing(&mut self, rule: usize, stands: impl Fn(&Row) -> Option<String>) -> Self {
        let taken: Vec<_> = self.alarms.extract_if(|key, _| key.rule == rule).collect();
        let mut standing = Self::default();
        for (key, mut alarm) in taken {
            if let Some(note) = stands(&alarm.sample) {
                alarm.notes.insert(note);
                standing.alarms.insert(key, alarm);
            }
        }
        standing
    }
}

impl Folded {
    fn new(row: &Row) -> Self {
        Self {
            first: row.time,
            last: row.time,
            tags: BTreeSet::new(),
            notes: BTreeSet::new(),
            event_ids: BTreeSet::new(),
            records: HashMap::new(),
            sample: *row,
        }
    }

    fn add(&mut self, row: &Row, request_id: &str) {
        self.first = self.first.min(row.time);
        self.last = self.last.max(row.time);
        self.note_id(row.time, request_id);
        let key = RecordKey {
            ip: row.ip,
            api: row.api,
            api_call: row.has(flag::API_CALL),
            user: row.user,
            kind: row.flags & (flag::ROOT | flag::ROLE | flag::SERVICE_IDENTITY),
            code: row.code,
        };
        self.records.entry(key).or_insert_with(|| Record::new(row.time)).add(row);
    }

    fn note_id(&mut self, time: i64, request_id: &str) {
        if request_id.is_empty() {
            return;
        }
        if self.event_ids.len() >= MAX_EVENT_IDS {
            let latest = self.event_ids.last();
            if latest.is_some_and(|(last, _)| time > *last) {
                return;
            }
        }
        self.event_ids.insert((time, RequestId::pack(request_id)));
        if self.event_ids.len() > MAX_EVENT_IDS {
            self.event_ids.pop_last();
        }
    }

    fn merge(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.tags.extend(other.tags);
        self.notes.extend(other.notes);
        bound(&mut self.notes, MAX_NOTES);
        self.event_ids.extend(other.event_ids);
        while self.event_ids.len() > MAX_EVENT_IDS {
            self.event_ids.pop_last();
        }
        for (key, record) in other.records {
            match self.records.entry(key) {
                hashbrown::hash_map::Entry::Vacant(entry) => {
                    entry.insert(record);
                }
                hashbrown::hash_map::Entry::Occupied(mut entry) => entry.get_mut().merge(record),
            }
        }
    }
}

impl Record {
    fn new(time: i64) -> Self {
        Self {
            success: 0,
            failed: 0,
            first: time,
            last: time,
            actors: BTreeSet::new(),
            clients: BTreeSet::new(),
            regions: BTreeSet::new(),
            locations: BTreeSet::new(),
        }
    }

    fn add(&mut self, row: &Row) {
        if row.has(flag::SUCCESS) {
            self.success += 1;
        } else {
            self.failed += 1;
        }
        self.first = self.first.min(row.time);
        self.last = self.last.max(row.time);
        self.clients.insert(row.client);
        self.actors.insert(row.actor);
        if row.region != NO_REGION {
            self.regions.insert(row.region);
        }
        self.locations.insert(row.location);
    }

    fn merge(&mut self, other: Self) {
        self.success += other.success;
        self.failed += other.failed;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.actors.extend(other.actors);
        self.clients.extend(other.clients);
        self.regions.extend(other.regions);
        self.locations.extend(other.locations);
    }
}

fn bound(set: &mut BTreeSet<String>, most: usize) {
    while set.len() > most {
        set.pop_last();
    }
}
