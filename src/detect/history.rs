//! What timeline rules remember: first and last times, small and mergeable in any order.
//!
//! Nothing here grows with the number of events: the size follows keys, addresses, regions and days.

use crate::enrich::created::Created;
use crate::event::columns::flag;
use crate::event::frame::{NO_REGION, Row};
use crate::event::time::keep_earlier;
use crate::inventory::Inventory;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Regions kept of each key, those used first: rules ask for a handful, hostile logs name any number.
const MAX_REGIONS: usize = 64;

/// One day's use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayUse {
    /// First use of the day by any method.
    pub first: i64,
    /// First use of the day through the API, if any.
    pub first_api: Option<i64>,
    /// Last use of the day.
    pub last: i64,
}

/// First and last times of what has been seen.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// First event of each key from each address.
    pub pair_first: HashMap<(u32, u32), i64>,
    /// First event of each key.
    pub key_first: HashMap<u32, i64>,
    /// First event of each key in each region.
    pub key_regions: HashMap<u32, HashMap<u32, i64>>,
    /// First event of each account, with or without a key: since when its log is known.
    pub account_first: HashMap<u32, i64>,
    /// Uses of each permanent key by local day. Attempts with a bad signature are no use.
    pub uses: HashMap<u32, BTreeMap<i32, DayUse>>,
    /// First success of each principal with each value of a parameter that first uses are about.
    pub first_use: HashMap<(u32, u32), i64>,
    /// Users and keys that came into being.
    pub created: Created,
    /// What inventories said about keys and users.
    pub listed: Listed,
}

/// What inventories said about keys and users, at whatever time they were saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Keys by id.
    pub keys: BTreeMap<String, ListedKey>,
    /// When users were created, by UIN; several where a name or UIN was listed differently.
    pub users: BTreeMap<String, BTreeSet<i64>>,
    /// When users were created, by name.
    pub names: BTreeMap<String, BTreeSet<i64>>,
}

/// What inventories said about a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedKey {
    /// Times of creation.
    pub created: BTreeSet<i64>,
    /// Times of last use.
    pub last_used: BTreeSet<i64>,
}

impl Listed {
    /// Takes note of an inventory.
    pub fn note(&mut self, inventory: &Inventory) {
        for key in inventory.keys() {
            let listed = self.keys.entry(key.id.clone()).or_default();
            listed.created.extend(key.created);
            listed.last_used.extend(key.last_used);
        }
        for user in inventory.users() {
            let Some(created) = user.created else { continue };
            if !user.uin.is_empty() {
                self.users.entry(user.uin.clone()).or_default().insert(created);
            }
            if !user.name.is_empty() {
                self.names.entry(user.name.clone()).or_default().insert(created);
            }
        }
    }

    /// Adds what other inventories said.
    pub fn merge(&mut self, other: Self) {
        for (id, key) in other.keys {
            let own = self.keys.entry(id).or_default();
            own.created.extend(key.created);
            own.last_used.extend(key.last_used);
        }
        for (own, others) in [(&mut self.users, other.users), (&mut self.names, other.names)] {
            for (id, times) in others {
                own.entry(id).or_default().extend(times);
            }
        }
    }
}

impl History {
    /// Takes note of a batch of events.
    pub fn note(&mut self, rows: &[Row]) {
        let (permanent, bad_key) = (flag::PERMANENT_KEY, flag::BAD_KEY);
        let (api_call, success) = (flag::API_CALL, flag::SUCCESS);
        let if_first = flag::ESCALATION_IF_FIRST;
        for row in rows {
            keep_earlier(&mut self.pair_first, (row.key, row.ip), row.time);
            keep_earlier(&mut self.key_first, row.key, row.time);
            if row.region != NO_REGION {
                self.note_region(row.key, row.region, row.time);
            }
            if row.has(permanent) && !row.has(bad_key) {
                let first_api = row.has(api_call).then_some(row.time);
                self.note_use(row.key, row.day, DayUse { first: row.time, first_api, last: row.time });
            }
            if row.has(if_first) && row.has(success) {
                keep_earlier(&mut self.first_use, (row.principal, row.value), row.time);
            }
        }
    }

    /// Adds what another worker has seen.
    pub fn merge(&mut self, other: Self) {
        for (key, time) in other.pair_first {
            keep_earlier(&mut self.pair_first, key, time);
        }
        for (key, time) in other.key_first {
            keep_earlier(&mut self.key_first, key, time);
        }
        for (key, time) in other.account_first {
            keep_earlier(&mut self.account_first, key, time);
        }
        for (key, time) in other.first_use {
            keep_earlier(&mut self.first_use, key, time);
        }
        for (key, regions) in other.key_regions {
            for (region, time) in regions {
                self.note_region(key, region, time);
            }
        }
        for (key, days) in other.uses {
            let own = self.uses.entry(key).or_default();
            for (day, used) in days {
                merge_use(own, day, used);
            }
        }
        self.created.users.extend(other.created.users);
        self.created.keys.extend(other.created.keys);
        self.listed.merge(other.listed);
    }

    /// Takes note of a key's use of a region.
    pub fn note_region(&mut self, key: u32, region: u32, time: i64) {
        let regions = self.key_regions.entry(key).or_default();
        keep_earlier(regions, region, time);
        if regions.len() > MAX_REGIONS {
            let last = regions.iter().max_by_key(|(region, first)| (**first, **region)).map(|(region, _)| *region);
            regions.retain(|region, _| Some(*region) != last);
        }
    }

    /// Takes note of uses of a key on a day.
    pub fn note_use(&mut self, key: u32, day: i32, used: DayUse) {
        merge_use(self.uses.entry(key).or_default(), day, used);
    }

    /// How many regions a key had used before `time`.
    pub fn regions_before(&self, key: u32, time: i64) -> usize {
        self.key_regions.get(&key).map_or(0, |regions| regions.values().filter(|first| **first < time).count())
    }

    /// The last use of a key on a day before `day`.
    pub fn last_use_before_day(&self, key: u32, day: i32) -> Option<i64> {
        self.uses.get(&key)?.range(..day).next_back().map(|(_, used)| used.last)
    }
}

fn merge_use(days: &mut BTreeMap<i32, DayUse>, day: i32, used: DayUse) {
    let own = days.entry(day).or_insert(used);
    own.first = own.first.min(used.first);
    own.last = own.last.max(used.last);
    own.first_api = match (own.first_api, used.first_api) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}
