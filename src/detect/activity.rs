//! Who used what from where, how and what for, and what came of it.
//!
//! Lists of keys and addresses are made of this, and recommendations. What is kept follows keys, APIs and addresses, not
//! the number of calls. It is noted for every event, so each costs three look-ups in small tables and a line in a list;
//! everything else is worked out at the end from the list.

use super::requests::{Detail, KEPT, MAX_ASKED, Sample, without_secrets};
use crate::alarm::fold::{Label, Owner};
use crate::event::columns::flag;
use crate::event::frame::{Events, Row};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// First and last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First time, in milliseconds.
    pub first: i64,
    /// Last time.
    pub last: i64,
}

impl Span {
    /// The span of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// Takes in another span.
    pub fn widen(&mut self, other: Self) {
        *self = self.with(other);
    }

    /// The span of calls; none without any.
    fn of(calls: &[Call]) -> Option<Self> {
        let at = |call: &Call| Self { first: call.time, last: call.time };
        calls.iter().map(at).reduce(Self::with)
    }
}

/// What came of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// They succeeded.
    Success,
    /// They failed for want of permission.
    Denied,
    /// They failed otherwise.
    Failed,
}

impl Outcome {
    /// The outcome of a call.
    pub fn of(row: &Row) -> Self {
        if row.has(flag::SUCCESS) {
            Self::Success
        } else if row.has(flag::DENIED) {
            Self::Denied
        } else {
            Self::Failed
        }
    }

    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// A call of which only this is left: half of its event key, and its time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// Half of the event key.
    pub event: u64,
    /// Time in milliseconds.
    pub time: i64,
}

/// Who asked what: a key, a caller behind it, and an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    account: u32,
    /// The permanent key, or the name of the user or role that temporary keys belong to.
    signer: u32,
    kind: u32,
    /// Number of the caller.
    pub actor: u32,
    /// Number of the API.
    pub api: u32,
}

/// The bits of a row that say what kind of key made a call.
const KIND: u32 = flag::PERMANENT_KEY | flag::ROLE;

impl Who {
    fn of(row: &Row) -> Self {
        // Whether a permanent key is a role's plays no part in how alarms name it.
        let (signer, kind) =
            if row.has(flag::PERMANENT_KEY) { (row.key, flag::PERMANENT_KEY) } else { (row.user, row.flags & KIND) };
        Self { account: row.account, signer, kind, actor: row.actor, api: row.api }
    }

    /// The key as alarms name it.
    pub fn label(&self) -> Label {
        let permanent = self.kind & flag::PERMANENT_KEY != 0;
        let owner = Owner { user: self.signer, role: self.kind & flag::ROLE != 0 };
        Label { account: self.account, key: permanent.then_some(self.signer), owner: (!permanent).then_some(owner) }
    }
}

/// Calls that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Number of who asked.
    pub who: u32,
    /// Number of the source address.
    pub ip: u32,
    /// Number of what was asked for, or [`NOT_ASKED`].
    pub asked: u32,
    /// Made through the API, not the console.
    pub api_call: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// Stands for what was asked in calls outside the range asked for: no rule has judged them, and they grant nothing.
pub const NOT_ASKED: u32 = u32::MAX;

/// In two words instead of five fields: it is done for every event.
impl Hash for Use {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((u64::from(self.who) << 32) | u64::from(self.ip));
        state.write_u64((u64::from(self.asked) << 8) | ((self.outcome as u64) << 1) | u64::from(self.api_call));
    }
}

/// How much of what a key, caller and API asked for is told apart so far.
#[derive(Clone, Debug, Default)]
struct Told {
    detail: Detail,
    /// Uses, by number.
    uses: Vec<u32>,
    /// What was asked for, each once: at most one more than [`MAX_ASKED`].
    asked: Vec<u32>,
}

impl Told {
    fn add(&mut self, number: u32, asked: u32) {
        self.uses.push(number);
        if !self.asked.contains(&asked) {
            self.asked.push(asked);
        }
    }

    fn is_too_much(&self) -> bool {
        self.asked.len() > MAX_ASKED && self.detail != Detail::Nothing
    }
}

/// Texts by number.
#[derive(Clone, Debug, Default)]
struct Texts {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    fn get(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    fn intern(&mut self, text: &str) -> u32 {
        self.get(text).unwrap_or_else(|| {
            let (number, text) = (number_of_next(&self.texts), Arc::<str>::from(text));
            self.texts.push(text.clone());
            self.numbers.insert(text, number);
            number
        })
    }
}

fn number_of_next<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// Calls that wait in the list before the first look at which of them are needed: 24 MB.
const TIDY_FROM: usize = if cfg!(test) { 100 } else { 1 << 20 };
/// Calls in a piece of the list, which so grows without being copied.
const PIECE: usize = 1 << 15;

/// What one worker notes of keys and addresses.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    numbers_of_who: HashMap<Who, u32>,
    who: Vec<(Who, Told)>,
    texts: Texts,
    numbers_of_uses: HashMap<Use, u32>,
    uses: Vec<Use>,
    /// Where the calls of a use belong since less is told apart.
    moved: HashMap<u32, u32>,
    /// Calls in the order of events, each with the number of its use.
    list: Vec<Vec<(u32, Call)>>,
    /// Length of the list after it was last tidied.
    tidied: usize,
    /// Uses of which calls were dropped from the list, and the times of those.
    dropped: HashMap<u32, Span>,
    /// The newest location of each address, by its number: most have but one.
    newest_locations: Vec<u32>,
    locations: BTreeSet<(u32, u32)>,
    days: HashMap<(u32, u32), BTreeSet<i32>>,
}

impl Activity {
    /// Takes note of a batch of events.
    pub fn note(&mut self, events: &Events) {
        for (place, row) in events.rows.iter().enumerate() {
            let asked = events.detail(place).filter(|_| row.has(flag::IN_RANGE)).map(|detail| detail.asked);
            let number = self.use_of(row, asked);
            if asked.is_some() {
                self.note_day(row);
            }
            self.note_location(row);
            self.push(number, Call { event: row.event, time: row.time });
        }
        if self.listed() >= TIDY_FROM.max(2 * self.tidied) {
            self.tidy();
        }
    }

    fn listed(&self) -> usize {
        self.list.iter().map(Vec::len).sum()
    }

    fn push(&mut self, number: u32, call: Call) {
        let is_full = self.list.last().is_none_or(|piece| piece.len() >= PIECE);
        if is_full {
            self.list.push(Vec::with_capacity(PIECE));
        }
        if let Some(piece) = self.list.last_mut() {
            piece.push((number, call));
        }
    }

    fn note_day(&mut self, row: &Row) {
        let days = self.days.entry((row.account, row.region)).or_default();
        if days.last() != Some(&row.day) {
            days.insert(row.day);
        }
    }

    fn note_location(&mut self, row: &Row) {
        let ip = row.ip as usize;
        if self.newest_locations.len() <= ip {
            self.newest_locations.resize(ip + 1, u32::MAX);
        }
        if self.newest_locations[ip] != row.location {
            self.newest_locations[ip] = row.location;
            self.locations.insert((row.ip, row.location));
        }
    }

    /// The use that a call belongs to; `asked` is what it asked for, inside the range that rules judge.
    fn use_of(&mut self, row: &Row, asked: Option<&str>) -> u32 {
        let who = self.number_of_who(row);
        let one =
            Use { who, ip: row.ip, asked: NOT_ASKED, api_call: row.has(flag::API_CALL), outcome: Outcome::of(row) };
        let Some(asked) = asked else {
            return self.find(&one).unwrap_or_else(|| self.add(one));
        };
        let asked = self.who[who as usize].1.detail.of(asked);
        let known = self.texts.get(&asked).and_then(|asked| self.find(&Use { asked, ..one }));
        known.unwrap_or_else(|| self.new_use(one, &asked))
    }

    fn number_of_who(&mut self, row: &Row) -> u32 {
        let who = Who::of(row);
        *self.numbers_of_who.entry(who).or_insert_with(|| {
            let number = number_of_next(&self.who);
            self.who.push((who, Told::default()));
            number
        })
    }

    fn find(&self, one: &Use) -> Option<u32> {
        self.numbers_of_uses.get(one).copied()
    }

    fn add(&mut self, one: Use) -> u32 {
        let number = number_of_next(&self.uses);
        self.uses.push(one);
        self.numbers_of_uses.insert(one, number);
        number
    }

    /// The use of a call that asks for something not yet seen of its key, caller, API and address. Each text is searched
    /// for secrets once.
    fn new_use(&mut self, one: Use, asked: &str) -> u32 {
        let who = one.who as usize;
        let asked = self.texts.get(asked).unwrap_or_else(|| {
            let safe = without_secrets(asked);
            self.texts.intern(&self.who[who].1.detail.of(&safe))
        });
        let one = Use { asked, ..one };
        if let Some(known) = self.find(&one) {
            return known;
        }
        let number = self.add(one);
        self.who[who].1.add(number, asked);
        while self.who[who].1.is_too_much() {
            self.tell_less(who);
        }
        self.settled(number)
    }

    /// Tells less apart of what a key, caller and API asked for.
    fn tell_less(&mut self, who: usize) {
        let before = std::mem::take(&mut self.who[who].1);
        let mut told = Told { detail: before.detail.less(), ..Told::default() };
        for number in before.uses {
            let one = self.uses[number as usize];
            let text = self.texts.texts[one.asked as usize].clone();
            let asked = self.texts.intern(&told.detail.of(&text));
            let one = Use { asked, ..one };
            let now = self.find(&one).unwrap_or_else(|| self.add(one));
            if now != number {
                self.moved.insert(number, now);
            }
            told.add(now, asked);
        }
        told.uses.sort_unstable();
        told.uses.dedup();
        self.who[who].1 = told;
    }

    /// The use that calls of a use belong to now.
    fn settled(&self, mut number: u32) -> u32 {
        while let Some(now) = self.moved.get(&number) {
            number = *now;
        }
        number
    }

    /// The calls of each use, by the use's number: where each one's begin, and all of them.
    fn by_use(&mut self) -> (Vec<usize>, Vec<Call>) {
        let settled: Vec<u32> = (0..number_of_next(&self.uses)).map(|number| self.settled(number)).collect();
        let list = std::mem::take(&mut self.list);
        let place = |number: u32| settled[number as usize] as usize;
        let mut starts = vec![0; self.uses.len() + 2];
        for (number, _) in list.iter().flatten() {
            starts[place(*number) + 2] += 1;
        }
        for number in 2..starts.len() {
            starts[number] += starts[number - 1];
        }
        let mut calls = vec![Call::default(); starts[self.uses.len() + 1]];
        // Each start moves to where its calls end, which is where the next one's begin.
        for (number, call) in list.into_iter().flatten() {
            let next = &mut starts[place(number) + 1];
            calls[*next] = call;
            *next += 1;
        }
        starts.pop();
        let dropped = std::mem::take(&mut self.dropped);
        for (number, span) in dropped {
            self.drop_span(settled[number as usize], span);
        }
        (starts, calls)
    }

    fn drop_span(&mut self, number: u32, span: Span) {
        self.dropped.entry(number).or_insert(span).widen(span);
    }

    /// Drops calls from the list that no sample needs, and keeps their times.
    fn tidy(&mut self) {
        let (starts, calls) = self.by_use();
        for (number, range) in (0..).zip(starts.windows(2)) {
            let of_use = &calls[range[0]..range[1]];
            if of_use.len() <= KEPT {
                for call in of_use {
                    self.push(number, *call);
                }
                continue;
            }
            if let Some(span) = Span::of(of_use) {
                self.drop_span(number, span);
            }
            for call in Sample::of(of_use.to_vec(), true).calls() {
                self.push(number, call);
            }
        }
        self.tidied = self.listed();
    }

    /// What was seen, once there is nothing more to note.
    pub fn finish(mut self) -> Seen {
        let (starts, calls) = self.by_use();
        Seen {
            who: self.who.into_iter().map(|(who, told)| (who, told.detail)).collect(),
            uses: self.uses,
            texts: self.texts.texts,
            locations: self.locations,
            days: self.days,
            starts,
            calls,
            dropped: self.dropped,
        }
    }
}

/// What one worker has seen of keys and addresses.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Keys, callers and APIs, by number, and how far what they asked for is told apart.
    pub who: Vec<(Who, Detail)>,
    /// Uses by number. Some have no calls, because less is told apart by now.
    pub uses: Vec<Use>,
    /// What was asked for, by number (see `enrich::asked`), without secrets.
    pub texts: Vec<Arc<str>>,
    /// Where addresses are, as exports say: numbers of address and location.
    pub locations: BTreeSet<(u32, u32)>,
    /// Local days with events of an account in a region, as days since 1970.
    pub days: HashMap<(u32, u32), BTreeSet<i32>>,
    starts: Vec<usize>,
    calls: Vec<Call>,
    dropped: HashMap<u32, Span>,
}

impl Seen {
    /// The calls of a use, or those of them that samples are made of.
    pub fn calls(&self, number: u32) -> &[Call] {
        let number = number as usize;
        &self.calls[self.starts[number]..self.starts[number + 1]]
    }

    /// Whether a use had more calls than there are.
    pub fn has_more(&self, number: u32) -> bool {
        self.dropped.contains_key(&number)
    }

    /// First and last call of a use; none when it has no calls.
    pub fn span(&self, number: u32) -> Option<Span> {
        let listed = Span::of(self.calls(number))?;
        Some(self.dropped.get(&number).map_or(listed, |dropped| listed.with(*dropped)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::requests::{Alike, AskedOf, Gathered};
    use super::*;
    use crate::event::frame::{EventsBuilder, RawDetail};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Two keys, three addresses, two APIs, and what was asked for: one of few things, one of many, or something secret.
    fn calls() -> impl Strategy<Value = Vec<(Row, String)>> {
        let few = (0_u32..3).prop_map(|n| format!("Lqcs::cvm:ap-x:uin/1:instance/ins-{n}"));
        let many = (0_u32..200).prop_map(|n| format!("Lqcs::cos:ap-x:uid/1:files/{n}"));
        let secret = Just("Lhttps://h/p?q-sign-time=1&q-signature=c0ffee11".to_string());
        let asked = prop_oneof![8 => few, 8 => many, 1 => secret];
        let call = (0_u32..2, 0_u32..3, 0_u32..2, 0_i64..1000, any::<u64>(), 0_u32..16, asked);
        let row = call.prop_map(|(key, ip, api, time, event, bits, asked)| {
            let set = |bit: u32, flag: u32| if bits & bit == 0 { 0 } else { flag };
            let flags =
                set(1, flag::PERMANENT_KEY) | set(2, flag::SUCCESS) | set(12, flag::IN_RANGE) | set(4, flag::ROLE);
            (Row { time, key, user: key, ip, api, event, flags, ..Row::default() }, asked)
        });
        prop::collection::vec(row, 0..600)
    }

    fn noted(calls: &[(Row, String)], batch: usize) -> Seen {
        let mut activity = Activity::default();
        for some in calls.chunks(batch) {
            let mut builder = EventsBuilder::default();
            for (row, asked) in some {
                builder.push(*row, "r");
                builder.push_detail(&RawDetail { asked, ..RawDetail::default() });
            }
            activity.note(&builder.finish().unwrap());
        }
        activity.finish()
    }

    type Key = (String, u32);
    type Found = (BTreeMap<Key, AskedOf<'static>>, BTreeMap<(Key, u32, Outcome), (i64, i64)>);

    fn key(label: Label, api: u32) -> Key {
        (format!("{label:?}"), api)
    }

    fn alike(ip: u32, outcome: Outcome, asked: &str) -> Alike<'static> {
        Alike { ip: ip.to_string().into(), api_call: false, outcome, asked: asked.to_string().into() }
    }

    /// What several workers saw, put together.
    fn together(seen: &[Seen]) -> Found {
        let (mut asked, mut spans) = (BTreeMap::<Key, (Detail, Vec<Gathered<'static>>)>::new(), BTreeMap::new());
        for seen in seen {
            for (number, one) in (0..).zip(&seen.uses) {
                let Some(Span { first, last }) = seen.span(number) else { continue };
                let (who, detail) = seen.who[one.who as usize];
                let span = spans.entry((key(who.label(), who.api), one.ip, one.outcome)).or_insert((first, last));
                *span = (span.0.min(first), span.1.max(last));
                if one.asked != NOT_ASKED {
                    let cell = asked.entry(key(who.label(), who.api)).or_default();
                    cell.0 = cell.0.max(detail);
                    let alike = alike(one.ip, one.outcome, &seen.texts[one.asked as usize]);
                    let (calls, more) = (seen.calls(number).to_vec(), seen.has_more(number));
                    cell.1.push(Gathered { alike, calls, more });
                }
            }
        }
        (asked.into_iter().map(|(key, (detail, calls))| (key, AskedOf::of(detail, calls))).collect(), spans)
    }

    /// The same from all calls at once.
    fn expected(calls: &[(Row, String)]) -> Found {
        let (mut asked, mut spans) = (BTreeMap::<Key, Vec<Gathered<'static>>>::new(), BTreeMap::new());
        for (row, text) in calls {
            let (label, outcome) = (Label::of(row), Outcome::of(row));
            let span = spans.entry((key(label, row.api), row.ip, outcome)).or_insert((row.time, row.time));
            *span = (span.0.min(row.time), span.1.max(row.time));
            if row.has(flag::IN_RANGE) {
                let alike = alike(row.ip, outcome, &without_secrets(text));
                let calls = vec![Call { event: row.event, time: row.time }];
                asked.entry(key(label, row.api)).or_default().push(Gathered { alike, calls, more: false });
            }
        }
        let whole = |(key, calls)| (key, AskedOf::of(Detail::Single, calls));
        (asked.into_iter().map(whole).collect(), spans)
    }

    proptest! {
        #[test]
        fn what_workers_note_is_what_all_calls_say(calls in calls(), batch in 1_usize..70, share in 0_usize..600) {
            let (some, others) = calls.split_at(share.min(calls.len()));
            let seen = [noted(some, batch), noted(others, batch)];
            prop_assert_eq!(together(&seen), expected(&calls));
            prop_assert_eq!(together(&[noted(&calls, batch)]), expected(&calls));
        }
    }

    #[test]
    fn no_secret_is_among_the_texts() {
        let row = Row { flags: flag::IN_RANGE, ..Row::default() };
        let calls: Vec<(Row, String)> = (0..3)
            .map(|event| (Row { event, ..row }, "Lhttps://h/p?q-sign-time=1&q-signature=c0ffee11".to_string()))
            .collect();
        let seen = noted(&calls, 2);
        assert!(seen.texts.iter().all(|text| !text.contains("c0ffee11")), "{:?}", seen.texts);
        assert_eq!(seen.span(0), Some(Span { first: 0, last: 0 }));
        assert_eq!(seen.calls(0).len(), 3);
    }
}
