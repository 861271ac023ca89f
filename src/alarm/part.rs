//! What one source knows of an alarm, in words: what a database keeps, and what adds up over scans.
//!
//! Merging two parts is like uniting two sets: order does not matter, and adding the same part twice
//! changes nothing, because every hit is known by its event.

use super::fold::keep_first;
use super::fold::{MAX_EVENT_IDS, MAX_NOTES};
use crate::event::words::UserType;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Client strings, regions and places kept of a call record, the first by text: an attacker chooses
/// client strings freely.
pub const MAX_TEXTS: usize = 100;

/// What makes two calls of an alarm one record, in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordId {
    /// Source address, empty when there is none.
    pub source_ip: String,
    /// Service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Made through the API, not the console.
    pub api_call: bool,
    /// Kind of caller.
    pub user_type: UserType,
    /// Name of the user or role.
    pub user: String,
    /// Result code.
    pub code: String,
    /// The calls succeeded.
    pub success: bool,
}

/// Events of a record, sorted; eight bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(pub Vec<u64>);

impl Hits {
    /// The events, each once.
    pub fn new(mut events: Vec<u64>) -> Self {
        events.sort_unstable();
        events.dedup();
        Self(events)
    }

    /// Whether an event is among them.
    pub fn has(&self, event: u64) -> bool {
        self.0.binary_search(&event).is_ok()
    }
}

impl Serialize for Hits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|event| event.to_le_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Hits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(Self(words.iter().map(|word| u64::from_le_bytes(*word)).collect()))
    }
}

/// What the newest scan knows of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// in_account, outside, lan, unknown.
    pub ip_type: String,
    /// The asset that has the address.
    pub asset_id: Option<String>,
    /// The asset's name.
    pub asset_name: Option<String>,
    /// The remark in assets or inventory.
    pub ip_remark: Option<String>,
    /// The scan had a list of the account's addresses to look in.
    pub informed: bool,
}

/// One call record of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Calls.
    pub count: u64,
    /// The event of each call, or none when nothing is kept.
    pub hits: Hits,
    /// Request ids of the first calls, by time and event.
    pub calls: BTreeMap<(i64, u64), String>,
    /// First call, in milliseconds.
    pub first: i64,
    /// Last call.
    pub last: i64,
    /// UIN or role id of the caller; of several the smallest.
    pub principal: String,
    /// Policies attached to the caller.
    pub policies: Vec<String>,
    /// Client strings.
    pub clients: BTreeSet<String>,
    /// Regions that were called.
    pub api_regions: BTreeSet<String>,
    /// Where the address is said to be.
    pub locations: BTreeSet<String>,
    /// What is known of the address.
    pub place: Place,
}

/// What one source knows of an alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Tags.
    pub tags: BTreeSet<String>,
    /// Details for the "why".
    pub notes: BTreeSet<String>,
    /// The first request ids, by time.
    pub event_ids: BTreeSet<(i64, String)>,
    /// Call records.
    pub records: BTreeMap<RecordId, PartRecord>,
}

impl Part {
    /// Adds what another source knows; where the two differ about an address, the other is newer.
    /// At most `most` calls of a record are kept beside their count.
    pub fn merge(&mut self, mut other: Self, most: usize) {
        let known: HashSet<u64> = self.records.values().flat_map(|record| record.hits.0.iter().copied()).collect();
        for (id, record) in &mut other.records {
            let own = self.records.get(id).map(|own| &own.hits);
            record.forget(|event| known.contains(&event) && !own.is_some_and(|own| own.has(event)));
        }
        self.absorb(other, most);
    }

    /// Adds what a source of other events knows.
    pub fn absorb(&mut self, other: Self, most: usize) {
        self.tags.extend(other.tags);
        self.notes.extend(other.notes);
        keep_first_texts(&mut self.notes, MAX_NOTES);
        self.event_ids.extend(other.event_ids);
        while self.event_ids.len() > MAX_EVENT_IDS {
            self.event_ids.pop_last();
        }
        for (id, record) in other.records.into_iter().filter(|(_, record)| record.count > 0) {
            match self.records.get_mut(&id) {
                Some(known) => known.merge(record, most),
                None => {
                    self.records.insert(id, record);
                }
            }
        }
    }

    /// Takes over what an earlier working out of the same part knew of addresses and callers, where this one had
    /// no lists to look in.
    pub fn inherit(&mut self, earlier: &Self) {
        for (id, record) in &mut self.records {
            if let Some(known) = earlier.records.get(id) {
                record.learn(known.place.clone(), known.policies.clone());
            }
        }
    }

    /// Leaves out the events that another part holds.
    pub fn forget(&mut self, other: &Self) {
        let known: HashSet<u64> = other.records.values().flat_map(|record| record.hits.0.iter().copied()).collect();
        for record in self.records.values_mut() {
            record.forget(|event| known.contains(&event));
        }
        self.records.retain(|_, record| record.count > 0);
    }

    /// Calls in all.
    pub fn calls(&self) -> u64 {
        self.records.values().map(|record| record.count).sum()
    }
}

impl PartRecord {
    /// Leaves out events that another record of the alarm holds: exports of different detail may tell
    /// the same event differently, and it counts once.
    fn forget(&mut self, elsewhere: impl Fn(u64) -> bool) {
        let before = self.hits.0.len();
        self.hits.0.retain(|event| !elsewhere(*event));
        if self.hits.0.len() != before {
            self.count = self.hits.0.len() as u64;
            self.calls.retain(|(_, event), _| self.hits.has(*event));
            if let (true, Some(((first, _), _)), Some(((last, _), _))) = (
                self.calls.len() == before.min(self.hits.0.len()),
                self.calls.first_key_value(),
                self.calls.last_key_value(),
            ) {
                (self.first, self.last) = (*first, *last);
            }
        }
    }

    /// Takes over what is known from elsewhere and not here.
    fn learn(&mut self, place: Place, policies: Vec<String>) {
        if place.informed && !self.place.informed {
            self.place = place;
        }
        if self.policies.is_empty() {
            self.policies = policies;
        }
    }

    fn merge(&mut self, other: Self, most: usize) {
        // A call that is known keeps the time it is known with.
        let known: HashSet<u64> = self.calls.keys().map(|(_, event)| *event).collect();
        self.calls.extend(other.calls.into_iter().filter(|((_, event), _)| !known.contains(event)));
        keep_first(&mut self.calls, most);
        if self.hits.0.is_empty() && other.hits.0.is_empty() {
            self.count += other.count;
        } else {
            let mut events = std::mem::take(&mut self.hits.0);
            events.extend(other.hits.0);
            self.hits = Hits::new(events);
            self.count = self.hits.0.len() as u64;
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        let order = |principal: &str| (principal.is_empty(), principal.to_string());
        if order(&other.principal) <= order(&self.principal) {
            self.principal = other.principal;
            if !other.policies.is_empty() {
                self.policies = other.policies;
            }
        }
        for (own, others) in [
            (&mut self.clients, other.clients),
            (&mut self.api_regions, other.api_regions),
            (&mut self.locations, other.locations),
        ] {
            own.extend(others);
            keep_first_texts(own, MAX_TEXTS);
        }
        if other.place.informed || !self.place.informed {
            self.place = other.place;
        }
    }
}

fn keep_first_texts(set: &mut BTreeSet<String>, most: usize) {
    while set.len() > most {
        set.pop_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: usize = 3;

    /// A call: which record, which event, when, by which client.
    type Call = (u8, u64, i64, u8);

    fn part_of(calls: &[Call]) -> Part {
        let mut part = Part::default();
        for (record, event, time, client) in calls {
            // An event belongs to one record and has one time.
            let (record, time) = (u64::from(*record).wrapping_add(*event) % 3, *time + i64::try_from(*event).unwrap());
            let id = RecordId {
                source_ip: format!("192.0.2.{record}"),
                service: "cam".to_string(),
                action: "GetUser".to_string(),
                api_call: true,
                user_type: UserType::SubAccount,
                user: "alice".to_string(),
                code: "0".to_string(),
                success: true,
            };
            let one = PartRecord {
                count: 1,
                hits: Hits::new(vec![*event]),
                calls: [((time, *event), format!("r-{event}"))].into(),
                first: time,
                last: time,
                principal: if event % 2 == 0 { String::new() } else { "100000000101".to_string() },
                policies: Vec::new(),
                clients: [format!("client {client}")].into(),
                api_regions: BTreeSet::new(),
                locations: BTreeSet::new(),
                place: Place::default(),
            };
            let event_ids = [(time, format!("r-{event}"))].into();
            part.merge(Part { event_ids, records: [(id, one)].into(), ..Part::default() }, MOST);
        }
        part
    }

    fn merged(mut a: Part, b: &Part) -> Part {
        a.merge(b.clone(), MOST);
        a
    }

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        prop::collection::vec((Just(0_u8), 0_u64..20, Just(0_i64), 0_u8..3), 0..30)
    }

    proptest! {
        #[test]
        fn parts_add_up_like_sets(a in calls(), b in calls(), c in calls()) {
            let (a, b, c) = (part_of(&a), part_of(&b), part_of(&c));
            prop_assert_eq!(merged(a.clone(), &a), a.clone());
            prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
            prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b.clone(), &c)));
            let all = merged(a.clone(), &b);
            let events: BTreeSet<u64> = all.records.values().flat_map(|record| record.hits.0.iter().copied()).collect();
            prop_assert_eq!(all.calls(), events.len() as u64);
        }
    }

    #[test]
    fn an_event_told_differently_counts_once() {
        let rich = part_of(&[(0, 7, 0, 0)]);
        let mut poor = rich.clone();
        poor.records =
            poor.records.into_iter().map(|(id, record)| (RecordId { user: String::new(), ..id }, record)).collect();
        let both = merged(rich.clone(), &poor);
        assert_eq!((both.calls(), both.records.len()), (1, 1));
        assert_eq!(both, rich);
    }
}
