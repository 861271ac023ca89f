//! Which permissions were asked for: by whom, on what, from where, how, and what came of it.
//!
//! What is kept follows keys, APIs and addresses, not the number of calls: of calls that are alike a sample is kept,
//! and past a number of different resources only their types are told apart. Both are chosen by what was seen and not
//! by when, so that any order of events, and adding the same events twice, gives the same.

use super::activity::Outcome;
use crate::alarm::fold::Label;
use crate::enrich::asked::{Asked, anything};
use crate::event::columns::flag;
use crate::event::frame::{Events, NO_REGION, Row};
use crate::event::redact::redact;
use hashbrown::hash_map::Entry;
use hashbrown::{Equivalent, HashMap, HashSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

/// Calls kept of those that are alike, chosen as if by lot. Enough that days and alarms among them show.
pub const SAMPLE: usize = 32;
/// Newest calls kept besides, so that a look at the last days finds them.
pub const NEWEST: usize = 8;
/// Different resources kept of one caller and API; past them types are kept, and past as many types nothing.
pub const MAX_ASKED: usize = 64;

/// Calls that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Event and time in milliseconds of those whose event hashes come first, by event.
    drawn: Vec<(u64, i64)>,
    /// Time and event of the newest, by time; empty while all are drawn.
    newest: Vec<(i64, u64)>,
    /// There were more than those drawn.
    pub more: bool,
}

impl Sample {
    /// A single call.
    pub fn one(event: u64, time: i64) -> Self {
        Self { drawn: vec![(event, time)], newest: Vec::new(), more: false }
    }

    /// Adds a call.
    pub fn add(&mut self, event: u64, time: i64) {
        if self.more {
            self.note_newest(event, time);
        }
        let full = self.drawn.len() >= SAMPLE;
        if full && self.drawn.last().is_some_and(|last| event > last.0) {
            self.overflow(event, time);
            return;
        }
        if let Err(place) = self.drawn.binary_search_by_key(&event, |call| call.0) {
            if full {
                self.overflow(event, time);
                self.drawn.pop();
            }
            self.drawn.insert(place, (event, time));
        }
    }

    /// From now on there are more calls than those drawn.
    fn overflow(&mut self, event: u64, time: i64) {
        if !self.more {
            self.more = true;
            for (event, time) in self.drawn.clone() {
                self.note_newest(event, time);
            }
            self.note_newest(event, time);
        }
    }

    fn note_newest(&mut self, event: u64, time: i64) {
        let full = self.newest.len() >= NEWEST;
        if full && self.newest.first().is_some_and(|oldest| (time, event) < *oldest) {
            return;
        }
        if let Err(place) = self.newest.binary_search(&(time, event)) {
            self.newest.insert(place, (time, event));
            if full {
                self.newest.remove(0);
            }
        }
    }

    /// Adds those of another sample.
    pub fn merge(&mut self, other: &Self) {
        for (event, time) in other.drawn.iter().copied().chain(other.newest.iter().map(|(time, event)| (*event, *time)))
        {
            self.add(event, time);
        }
        if other.more && !self.more {
            self.more = true;
            for (event, time) in self.drawn.clone() {
                self.note_newest(event, time);
            }
        }
    }

    /// The calls kept: event and time, by event.
    pub fn calls(&self) -> BTreeMap<u64, i64> {
        let newest = self.newest.iter().map(|(time, event)| (*event, *time));
        self.drawn.iter().copied().chain(newest).collect()
    }
}

/// What makes calls of one caller and API alike. `I` is how an address is written: its number, or its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alike<I> {
    /// Source address.
    pub ip: I,
    /// Made through the API, not the console.
    pub api_call: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// What was asked for (see [`Asked`]); calls of many callers share the text.
    #[serde(serialize_with = "write_text", deserialize_with = "read_text")]
    pub asked: Arc<str>,
}

fn write_text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn read_text<'d, D: Deserializer<'d>>(from: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(from).map(Into::into)
}

/// The same, borrowed for looking up.
#[derive(Hash)]
struct AlikeRef<'a> {
    ip: u32,
    api_call: bool,
    outcome: Outcome,
    asked: &'a str,
}

impl Equivalent<Alike<u32>> for AlikeRef<'_> {
    fn equivalent(&self, key: &Alike<u32>) -> bool {
        (self.ip, self.api_call, self.outcome, self.asked) == (key.ip, key.api_call, key.outcome, &*key.asked)
    }
}

/// How far resources are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Detail {
    /// One by one.
    #[default]
    Single,
    /// By type.
    Types,
    /// Not at all.
    Nothing,
}

impl Detail {
    fn of(self, asked: &str) -> Cow<'_, str> {
        match self {
            Self::Single => Cow::Borrowed(asked),
            Self::Types => match asked.chars().next() {
                Some('L' | 'B') => Cow::Owned(Asked::parse(asked).widened().to_text()),
                _ => Cow::Borrowed(asked),
            },
            Self::Nothing => Cow::Owned(anything().to_text()),
        }
    }

    fn less(self) -> Self {
        if self == Self::Single { Self::Types } else { Self::Nothing }
    }
}

/// What one caller asked of one API.
#[derive(Clone, Debug)]
pub struct AskedOf<I: Eq + Hash> {
    /// How far resources are told apart.
    pub detail: Detail,
    /// The calls, by what makes them alike.
    pub calls: HashMap<Alike<I>, Sample>,
    /// What was asked for, once there is so much that it has to be counted.
    different: HashSet<Arc<str>>,
}

impl<I: Eq + Hash> Default for AskedOf<I> {
    fn default() -> Self {
        Self { detail: Detail::default(), calls: HashMap::new(), different: HashSet::new() }
    }
}

impl<I: Eq + Hash> AskedOf<I> {
    /// Adds calls that are alike.
    pub fn add(&mut self, mut alike: Alike<I>, sample: Sample) {
        if let Cow::Owned(less) = self.detail.of(&alike.asked) {
            alike.asked = less.into();
        }
        if !self.different.is_empty() && !self.different.contains(&alike.asked) {
            self.different.insert(alike.asked.clone());
        }
        match self.calls.entry(alike) {
            Entry::Vacant(new) => {
                new.insert(sample);
            }
            Entry::Occupied(mut known) => known.get_mut().merge(&sample),
        }
        if self.different.is_empty() && self.calls.len() > MAX_ASKED {
            self.different = self.calls.keys().map(|alike| alike.asked.clone()).collect();
        }
        if self.different.len() > MAX_ASKED && self.detail != Detail::Nothing {
            self.lose(self.detail.less());
        }
    }

    /// Adds what was kept elsewhere.
    pub fn merge(&mut self, detail: Detail, calls: impl IntoIterator<Item = (Alike<I>, Sample)>) {
        if detail > self.detail {
            self.lose(detail);
        }
        for (alike, sample) in calls {
            self.add(alike, sample);
        }
    }

    fn lose(&mut self, detail: Detail) {
        self.detail = detail;
        self.different.clear();
        for (alike, sample) in std::mem::take(&mut self.calls) {
            self.add(alike, sample);
        }
    }
}

/// What was asked for in a scan.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// By key, caller and API.
    pub asked: HashMap<(Label, u32, u32), AskedOf<u32>>,
    /// Local days with events of an account in a region, as days since 1970.
    pub days: HashMap<(u32, u32), BTreeSet<i32>>,
    /// Texts in which no secret was found, so that each is searched once, and kept once.
    clean: HashSet<Arc<str>>,
}

/// Texts without secrets that are remembered. Most calls ask for one of a few thousand things.
const MAX_CLEAN: usize = 16_384;

impl Requests {
    /// Takes note of a batch of events. Those outside the range asked for are left out: no rule has judged them.
    pub fn note(&mut self, events: &Events) {
        for (place, row) in events.rows.iter().enumerate().filter(|(_, row)| row.has(flag::IN_RANGE)) {
            let Some(detail) = events.detail(place) else { continue };
            self.note_one(row, detail.asked);
            let days = self.days.entry((row.account, row.region)).or_default();
            if days.last() != Some(&row.day) {
                days.insert(row.day);
            }
        }
    }

    fn note_one(&mut self, row: &Row, asked: &str) {
        let of = self.asked.entry((Label::of(row), row.actor, row.api)).or_default();
        let asked = of.detail.of(asked);
        let (api_call, outcome) = (row.has(flag::API_CALL), Outcome::of(row));
        let alike = AlikeRef { ip: row.ip, api_call, outcome, asked: &asked };
        if let Some(sample) = of.calls.get_mut(&alike) {
            sample.add(row.event, row.time);
            return;
        }
        let asked = match self.clean.get(&*asked) {
            Some(known) => known.clone(),
            None => searched(&asked, &mut self.clean),
        };
        of.add(Alike { ip: row.ip, api_call, outcome, asked }, Sample::one(row.event, row.time));
    }

    /// Adds what another worker has seen.
    pub fn merge(&mut self, other: Self) {
        for (key, asked) in other.asked {
            self.asked.entry(key).or_default().merge(asked.detail, asked.calls);
        }
        for (place, days) in other.days {
            self.days.entry(place).or_default().extend(days);
        }
    }
}

/// The text without secrets; one that has none is noted.
fn searched(asked: &str, clean: &mut HashSet<Arc<str>>) -> Arc<str> {
    let safe = without_secrets(asked);
    let is_clean = matches!(safe, Cow::Borrowed(_));
    let safe: Arc<str> = safe.into();
    if is_clean {
        if clean.len() >= MAX_CLEAN {
            clean.clear();
        }
        clean.insert(safe.clone());
    }
    safe
}

/// What holds something secret is told by type only, or not at all.
fn without_secrets(asked: &str) -> Cow<'_, str> {
    let is_clean = |text: &str| redact(text, usize::MAX) == text;
    if is_clean(asked) {
        return Cow::Borrowed(asked);
    }
    let resources = Asked { role: String::new(), ..Asked::parse(asked) }.widened().to_text();
    Cow::Owned(if is_clean(&resources) { resources } else { Asked::unknown().to_text() })
}

/// The region of a row, if it has one.
pub fn region_of(number: u32) -> Option<u32> {
    (number != NO_REGION).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alike(ip: u32, asked: &str) -> Alike<u32> {
        Alike { ip, api_call: true, outcome: Outcome::Success, asked: asked.into() }
    }

    fn instance(number: u32) -> String {
        format!("Lqcs::cvm:ap-x:uin/1:instance/ins-{number}")
    }

    fn parts(of: &AskedOf<u32>) -> (Detail, &HashMap<Alike<u32>, Sample>) {
        (of.detail, &of.calls)
    }

    fn gathered(calls: &[(u32, u64)]) -> AskedOf<u32> {
        let mut of = AskedOf::default();
        for (resource, event) in calls {
            let sample = Sample::one(*event, i64::try_from(*event % 50).unwrap());
            of.add(alike(resource % 3, &instance(*resource)), sample);
        }
        of
    }

    #[test]
    fn many_resources_are_told_by_type() {
        let calls: Vec<(u32, u64)> = (0..200).map(|n| (n, u64::from(n))).collect();
        let of = gathered(&calls);
        assert_eq!((of.detail, of.calls.len()), (Detail::Types, 3));
        assert!(of.calls.contains_key(&alike(0, "Wqcs::cvm:ap-x:uin/1:instance/*")));
        assert!(of.calls.values().all(|sample| sample.calls().len() >= SAMPLE && sample.more));
    }

    #[test]
    fn many_types_are_not_told_apart() {
        let mut of = AskedOf::default();
        for number in 0..70 {
            of.add(alike(0, &format!("Lqcs::cvm:ap-x:uin/1:type{number}/a")), Sample::one(number, 0));
        }
        assert_eq!((of.detail, of.calls.len()), (Detail::Nothing, 1));
        assert!(of.calls.contains_key(&alike(0, "W*")));
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(
            a in prop::collection::vec((0_u32..120, 0_u64..400), 0..150),
            b in prop::collection::vec((0_u32..120, 0_u64..400), 0..150),
        ) {
            let all: Vec<(u32, u64)> = a.iter().chain(&b).copied().collect();
            let turned: Vec<(u32, u64)> = all.iter().rev().copied().collect();
            let whole = gathered(&all);
            let turned = gathered(&turned);
            prop_assert_eq!(parts(&turned), parts(&whole));
            let (mut merged, other) = (gathered(&b), gathered(&a));
            merged.merge(other.detail, other.calls.clone());
            merged.merge(other.detail, other.calls);
            prop_assert_eq!(parts(&merged), parts(&whole));
        }
    }
}
