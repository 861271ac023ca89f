//! Folds hits into alarms and call records, in codes; any order gives the same result.

use super::few::Few;
use crate::event::columns::flag;
use crate::event::frame::{NO_FILE, NO_REGION, Row};
use crate::event::id::RequestId;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Event ids kept as evidence for each alarm: the first hundred, as the JSON contract says.
pub const MAX_EVENT_IDS: usize = 100;
/// Details kept for each alarm's "why".
pub(super) const MAX_NOTES: usize = 10;

/// A key as alarms name it: all session keys of one user or role are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Number of the account.
    pub account: u32,
    /// Number of the permanent key, or none for temporary ones.
    pub key: Option<u32>,
    /// For temporary keys, the user or role they belong to.
    pub owner: Option<Owner>,
}

impl Label {
    /// The label of the key that made a call.
    pub fn of(row: &Row) -> Self {
        let permanent = row.has(flag::PERMANENT_KEY);
        Self {
            account: row.account,
            key: permanent.then_some(row.key),
            owner: (!permanent).then(|| Owner { user: row.user, role: row.has(flag::ROLE) }),
        }
    }
}

/// What makes two hits one alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlarmKey {
    /// Number of the rule.
    pub rule: usize,
    /// The key.
    pub label: Label,
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
    /// The calls succeeded.
    pub success: bool,
}

/// One call as it is kept for reading later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its request id, or its event id where there is none.
    pub request_id: RequestId,
    /// What else is kept of it; the calls of several alarms share it.
    pub detail: Option<Arc<CallDetail>>,
}

/// The long part of a call, with secrets taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallDetail {
    /// Event id.
    pub event_id: String,
    /// Request body.
    pub body: String,
    /// Resources named.
    pub resources: String,
}

/// A hit, beside its row.
#[derive(Clone, Copy)]
pub struct Hit<'h> {
    /// The event.
    pub row: &'h Row,
    /// Local date of its alarm.
    pub day: i32,
    /// Its request id.
    pub request_id: &'h str,
    /// What it adds to the alarm besides the call.
    pub tags: HitTags<'h>,
    /// Finds out its details, where they are kept. Asked only for calls that are, because taking secrets out is slow.
    pub detail: &'h dyn Fn() -> Option<Arc<CallDetail>>,
}

/// Counts and times of a record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Calls.
    pub count: u64,
    /// The event of each call, when a database is to know them.
    pub hits: Vec<u64>,
    /// The first calls by time and event, likewise, up to the cap.
    pub calls: BTreeMap<(i64, u64), Call>,
    /// First call.
    pub first: i64,
    /// Last call.
    pub last: i64,
    /// Numbers of the callers; one user may be known with and without UIN.
    pub actors: Few,
    /// Numbers of the client strings.
    pub clients: Few,
    /// Numbers of the regions called.
    pub regions: Few,
    /// Numbers of where the address is said to be.
    pub locations: Few,
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
    /// Numbers of the files that hold its events.
    pub files: BTreeSet<u32>,
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

/// What of each call is kept besides the counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: the result is shown once.
    #[default]
    Counts,
    /// Every event, and the first calls of each record up to this many.
    Calls(usize),
}

/// Alarms by key.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The alarms so far.
    pub alarms: HashMap<AlarmKey, Folded>,
    /// What of each call is kept.
    pub keep: Keep,
}

impl Folder {
    /// An empty folder.
    pub fn new(keep: Keep) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Adds one hit of `rule`.
    pub fn add(&mut self, rule: usize, hit: &Hit<'_>) {
        let key = AlarmKey { rule, label: Label::of(hit.row), day: hit.day };
        let alarm = self.alarms.entry(key).or_insert_with(|| Folded::new(hit.row));
        alarm.add(hit, self.keep);
        match hit.tags {
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
                hashbrown::hash_map::Entry::Occupied(mut entry) => entry.get_mut().merge(alarm, self.keep),
            }
        }
    }

    /// Keeps only those alarms of a rule whose sample event passes.
    pub fn retain(&mut self, rule: usize, keep: impl Fn(&Row) -> bool) {
        self.alarms.retain(|key, alarm| key.rule != rule || keep(&alarm.sample));
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
            files: BTreeSet::new(),
            sample: *row,
        }
    }

    fn add(&mut self, hit: &Hit<'_>, keep: Keep) {
        let row = hit.row;
        self.first = self.first.min(row.time);
        self.last = self.last.max(row.time);
        if row.file != NO_FILE {
            self.files.insert(row.file);
        }
        self.note_id(row.time, hit.request_id);
        let key = RecordKey {
            ip: row.ip,
            api: row.api,
            api_call: row.has(flag::API_CALL),
            user: row.user,
            kind: row.flags & (flag::ROOT | flag::ROLE | flag::SERVICE_IDENTITY),
            code: row.code,
            success: row.has(flag::SUCCESS),
        };
        let record = self.records.entry(key).or_insert_with(|| Record::new(row.time));
        record.add(row);
        if let Keep::Calls(most) = keep {
            record.keep(hit, most);
        }
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

    fn merge(&mut self, other: Self, keep: Keep) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.files.extend(other.files);
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
                hashbrown::hash_map::Entry::Occupied(mut entry) => entry.get_mut().merge(record, keep),
            }
        }
    }
}

impl Record {
    fn new(time: i64) -> Self {
        Self {
            count: 0,
            hits: Vec::new(),
            calls: BTreeMap::new(),
            first: time,
            last: time,
            actors: Few::default(),
            clients: Few::default(),
            regions: Few::default(),
            locations: Few::default(),
        }
    }

    fn add(&mut self, row: &Row) {
        self.count += 1;
        self.first = self.first.min(row.time);
        self.last = self.last.max(row.time);
        self.clients.insert(row.client);
        self.actors.insert(row.actor);
        if row.region != NO_REGION {
            self.regions.insert(row.region);
        }
        self.locations.insert(row.location);
    }

    fn keep(&mut self, hit: &Hit<'_>, most: usize) {
        let place = (hit.row.time, hit.row.event);
        self.hits.push(place.1);
        if self.calls.len() >= most && self.calls.last_key_value().is_some_and(|(last, _)| place > *last) {
            return;
        }
        let call = Call { request_id: RequestId::pack(hit.request_id), detail: (hit.detail)() };
        self.calls.insert(place, call);
        keep_first(&mut self.calls, most);
    }

    fn merge(&mut self, other: Self, keep: Keep) {
        self.count += other.count;
        self.hits.extend(other.hits);
        self.calls.extend(other.calls);
        if let Keep::Calls(most) = keep {
            keep_first(&mut self.calls, most);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.actors.merge(&other.actors);
        self.clients.merge(&other.clients);
        self.regions.merge(&other.regions);
        self.locations.merge(&other.locations);
    }
}

/// Keeps the first `most` entries.
pub(crate) fn keep_first<K: Ord, V>(map: &mut BTreeMap<K, V>, most: usize) {
    while map.len() > most {
        map.pop_last();
    }
}

fn bound(set: &mut BTreeSet<String>, most: usize) {
    while set.len() > most {
        set.pop_last();
    }
}
