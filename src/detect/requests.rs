//! Which permissions were asked for: by whom, on what, from where, how, and what came of it.
//!
//! Of calls that are alike a sample is kept, and past a number of different resources only their types are told apart.
//! Both are chosen by what was seen and not by when, so that any order of events, and adding the same events twice, gives
//! the same.

use super::activity::{Call, Outcome};
use crate::enrich::asked::{Asked, anything};
use crate::event::frame::NO_REGION;
use crate::event::redact::redact;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Calls kept of those that are alike, chosen as if by lot. Enough that days and alarms among them show.
pub const SAMPLE: usize = 32;
/// Newest calls kept besides, so that a look at the last days finds them.
pub const NEWEST: usize = 8;
/// Calls that a sample has at most.
pub const KEPT: usize = SAMPLE + NEWEST;
/// Different resources kept of one caller and API; past them types are kept, and past as many types nothing.
pub const MAX_ASKED: usize = 64;

/// Calls that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Those whose event hashes come first, by event.
    drawn: Vec<Call>,
    /// Time and event of the newest, by time; empty while all are drawn.
    newest: Vec<(i64, u64)>,
    /// There were more than those drawn.
    pub more: bool,
}

impl Sample {
    /// The sample of calls; `more`: there were more than these, of which none would be in it.
    pub fn of(mut calls: Vec<Call>, more: bool) -> Self {
        calls.sort_unstable();
        calls.dedup_by_key(|call| call.event);
        let more = more || calls.len() > SAMPLE;
        let mut newest = Vec::new();
        if more {
            newest.extend(calls.iter().map(|call| (call.time, call.event)));
            newest.sort_unstable();
            newest.drain(..newest.len().saturating_sub(NEWEST));
        }
        calls.truncate(SAMPLE);
        Self { drawn: calls, newest, more }
    }

    /// The calls kept, some of them twice.
    pub fn calls(&self) -> impl Iterator<Item = Call> {
        self.drawn.iter().copied().chain(self.newest.iter().map(|(time, event)| Call { event: *event, time: *time }))
    }
}

/// What makes calls of one caller and API alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alike<'a> {
    /// Source address.
    pub ip: Cow<'a, str>,
    /// Made through the API, not the console.
    pub api_call: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// What was asked for (see [`Asked`]).
    pub asked: Cow<'a, str>,
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
    /// What was asked for, as far as it is told apart.
    pub fn of(self, asked: &str) -> Cow<'_, str> {
        match self {
            Self::Single => Cow::Borrowed(asked),
            Self::Types => match asked.chars().next() {
                Some('L' | 'B') => Cow::Owned(Asked::parse(asked).widened().to_text()),
                _ => Cow::Borrowed(asked),
            },
            Self::Nothing => Cow::Owned(anything().to_text()),
        }
    }

    /// The next one, which tells less apart.
    #[must_use]
    pub fn less(self) -> Self {
        if self == Self::Single { Self::Types } else { Self::Nothing }
    }
}

/// Calls that are alike, on their way into a sample.
#[derive(Clone, Debug)]
pub struct Gathered<'a> {
    /// What makes them alike.
    pub alike: Alike<'a>,
    /// The calls.
    pub calls: Vec<Call>,
    /// There were more, of which none would be in the sample.
    pub more: bool,
}

/// What one caller asked of one API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedOf<'a> {
    /// How far resources are told apart.
    pub detail: Detail,
    /// The calls, by what makes them alike, so that the same calls give the same bytes.
    pub calls: Vec<(Alike<'a>, Sample)>,
}

impl<'a> AskedOf<'a> {
    /// Puts together what several have gathered; resources are told apart at most as far as `detail`, and less when there
    /// are too many.
    pub fn of(mut detail: Detail, mut gathered: Vec<Gathered<'a>>) -> Self {
        loop {
            gathered = joined(detail, gathered);
            if detail == Detail::Nothing || gathered.len() <= MAX_ASKED || different(&gathered) <= MAX_ASKED {
                break;
            }
            detail = detail.less();
        }
        let calls = gathered.into_iter().map(|Gathered { alike, calls, more }| (alike, Sample::of(calls, more)));
        Self { detail, calls: calls.collect() }
    }

    /// The calls, to put together with others.
    pub fn into_gathered(self) -> impl Iterator<Item = Gathered<'a>> {
        self.calls.into_iter().map(|(alike, sample)| {
            let (calls, more) = (sample.calls().collect(), sample.more);
            Gathered { alike, calls, more }
        })
    }
}

/// Puts calls together that are alike when resources are told apart as `detail` says.
fn joined(detail: Detail, mut gathered: Vec<Gathered<'_>>) -> Vec<Gathered<'_>> {
    for one in &mut gathered {
        if let Cow::Owned(less) = detail.of(&one.alike.asked) {
            one.alike.asked = less.into();
        }
    }
    gathered.sort_by(|a, b| a.alike.cmp(&b.alike));
    gathered.dedup_by(|next, one| {
        let same = next.alike == one.alike;
        if same {
            one.calls.append(&mut next.calls);
            one.more |= next.more;
        }
        same
    });
    gathered
}

fn different(gathered: &[Gathered<'_>]) -> usize {
    gathered.iter().map(|one| &one.alike.asked).collect::<BTreeSet<_>>().len()
}

/// What was asked for without secrets: what holds one is told by type only, or not at all.
pub fn without_secrets(asked: &str) -> Cow<'_, str> {
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

    fn one(ip: u32, asked: &str, event: u64) -> Gathered<'static> {
        let time = i64::try_from(event % 50).unwrap();
        let alike = Alike {
            ip: ip.to_string().into(),
            api_call: true,
            outcome: Outcome::Success,
            asked: asked.to_string().into(),
        };
        Gathered { alike, calls: vec![Call { event, time }], more: false }
    }

    fn instance(number: u32) -> String {
        format!("Lqcs::cvm:ap-x:uin/1:instance/ins-{number}")
    }

    fn gathered(calls: &[(u32, u64)]) -> AskedOf<'static> {
        let all = calls.iter().map(|(resource, event)| one(resource % 3, &instance(*resource), *event));
        AskedOf::of(Detail::Single, all.collect())
    }

    fn together(a: &AskedOf<'static>, b: &AskedOf<'static>) -> AskedOf<'static> {
        let all = a.clone().into_gathered().chain(b.clone().into_gathered());
        AskedOf::of(a.detail.max(b.detail), all.collect())
    }

    #[test]
    fn many_resources_are_told_by_type() {
        let calls: Vec<(u32, u64)> = (0..200).map(|n| (n, u64::from(n))).collect();
        let of = gathered(&calls);
        assert_eq!((of.detail, of.calls.len()), (Detail::Types, 3));
        assert_eq!(of.calls[0].0.asked, "Wqcs::cvm:ap-x:uin/1:instance/*");
        assert!(of.calls.iter().all(|(_, sample)| sample.calls().count() == KEPT && sample.more));
    }

    #[test]
    fn many_types_are_not_told_apart() {
        let all = (0..70).map(|number| one(0, &format!("Lqcs::cvm:ap-x:uin/1:type{number}/a"), number)).collect();
        let of = AskedOf::of(Detail::Single, all);
        assert_eq!((of.detail, of.calls.len()), (Detail::Nothing, 1));
        assert_eq!(of.calls[0].0.asked, "W*");
    }

    #[test]
    fn a_sample_has_the_first_by_lot_and_the_newest() {
        let calls = (0..100).map(|n| Call { event: n, time: 1000 - i64::try_from(n).unwrap() / 2 });
        let sample = Sample::of(calls.rev().collect(), false);
        let events = |range: std::ops::Range<u64>| range.collect::<Vec<_>>();
        let kept: Vec<u64> = sample.calls().map(|call| call.event).collect();
        assert_eq!(&kept[..SAMPLE], events(0..32));
        assert_eq!(kept[SAMPLE..].iter().copied().collect::<BTreeSet<_>>(), events(0..8).into_iter().collect());
        assert!(sample.more);
        let few = Sample::of((0..32).map(|event| Call { event, time: 0 }).collect(), false);
        assert_eq!((few.calls().count(), few.more), (32, false));
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
            prop_assert_eq!(&gathered(&turned), &whole);
            let (own, other) = (gathered(&b), gathered(&a));
            let merged = together(&own, &other);
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(&together(&merged, &other), &whole);
        }
    }
}
