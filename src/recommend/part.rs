//! Calls that are alike and count alike, seen as a need for one action; and their counts.

use super::input::{Call, Class, Observed};
use super::output::{CallRef, Evidence};
use super::scope::Scope;
use super::source::address;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Calls of some classes out of one [`Observed`].
#[derive(Clone, Debug)]
pub(super) struct Part<'a> {
    /// Place of `seen` in the case.
    pub index: usize,
    /// What the calls are part of.
    pub seen: &'a Observed,
    /// The calls, at least one.
    pub calls: Vec<&'a Call>,
    /// What they are judged on.
    pub scope: Scope,
    /// Where they came from.
    pub ip: Option<IpAddr>,
    /// The action's name is known to the catalogue or from a refusal.
    pub verified: bool,
    /// The logged name stands for several actions.
    pub dual: bool,
}

impl<'a> Part<'a> {
    /// The calls of `seen` that belong; none when no call does.
    pub(super) fn of(
        (index, seen): (usize, &'a Observed),
        belongs: impl Fn(Class) -> bool,
    ) -> Option<(usize, &'a Observed, Vec<&'a Call>)> {
        let calls: Vec<&Call> = seen.calls.iter().filter(|call| belongs(call.class)).collect();
        (!calls.is_empty()).then_some((index, seen, calls))
    }

    /// Makes one of calls and the need they have.
    pub(super) fn new((index, seen, calls): &(usize, &'a Observed, Vec<&'a Call>), need: super::needs::Need) -> Self {
        Self {
            index: *index,
            seen,
            calls: calls.clone(),
            scope: need.scope,
            ip: address(seen),
            verified: need.verified,
            dual: need.dual,
        }
    }

    /// Whether any call is of this class.
    pub(super) fn has(&self, class: Class) -> bool {
        self.calls.iter().any(|call| call.class == class)
    }
}

/// Sums up calls.
pub(super) fn evidence<'p, 'a: 'p>(parts: impl IntoIterator<Item = &'p Part<'a>>) -> Evidence {
    let (mut found, mut days, mut alarms) = (Evidence::default(), BTreeSet::new(), BTreeSet::new());
    for part in parts {
        found.at_least |= part.seen.sampled;
        for call in &part.calls {
            found.calls += 1;
            days.insert(call.day);
            alarms.extend(call.alarm.as_deref());
            found.first = Some(found.first.map_or(call.time, |first| first.min(call.time)));
            found.last = Some(found.last.map_or(call.time, |last| last.max(call.time)));
        }
    }
    found.days = u64::try_from(days.len()).unwrap_or(u64::MAX);
    found.alarms = alarms.into_iter().map(str::to_owned).collect();
    found
}

/// Calls in short, one line for each address and key, sorted.
pub(super) fn call_refs<'p, 'a: 'p>(parts: impl IntoIterator<Item = &'p Part<'a>>) -> Vec<CallRef> {
    let mut groups: BTreeMap<(Option<&str>, &str), Vec<&Part<'a>>> = BTreeMap::new();
    for part in parts {
        groups.entry((part.seen.ip.as_deref(), part.seen.ak.as_str())).or_default().push(part);
    }
    groups.into_iter().map(|((ip, ak), parts)| call_ref(ip, ak, &parts)).collect()
}

fn call_ref(ip: Option<&str>, ak: &str, parts: &[&Part<'_>]) -> CallRef {
    let sum = evidence(parts.iter().copied());
    CallRef {
        ip: ip.map(str::to_owned),
        ak: ak.to_owned(),
        calls: sum.calls,
        at_least: sum.at_least,
        first: sum.first.unwrap_or_default(),
        last: sum.last.unwrap_or_default(),
        alarms: sum.alarms,
    }
}
