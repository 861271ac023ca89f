//! What was used: calls by CAM action, counted once however many names a call may have.

use super::input::{Call, Case, Class, Observed, Outcome};
use super::output::Evidence;
use super::patterns::{covers, is_opaque, literal_service, parts};
use crate::catalog::cam::CamCatalog;
use std::collections::{BTreeMap, BTreeSet};

/// Counts and times of calls, while they are gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    calls: u64,
    at_least: bool,
    days: BTreeSet<i32>,
    first: Option<i64>,
    last: Option<i64>,
    alarms: BTreeSet<String>,
}

impl Tally {
    /// Adds the calls that `wanted` picks.
    pub(super) fn add(&mut self, observed: &Observed, wanted: impl Fn(&Call) -> bool) {
        let before = self.calls;
        for call in observed.calls.iter().filter(|call| wanted(call)) {
            self.calls += 1;
            self.days.insert(call.day);
            self.first = Some(self.first.map_or(call.time, |first| first.min(call.time)));
            self.last = Some(self.last.map_or(call.time, |last| last.max(call.time)));
            self.alarms.extend(call.alarm.clone());
        }
        self.at_least |= observed.sampled && self.calls > before;
    }

    /// As written to files.
    pub(super) fn evidence(self) -> Evidence {
        Evidence {
            calls: self.calls,
            at_least: self.at_least,
            days: u64::try_from(self.days.len()).unwrap_or(u64::MAX),
            first: self.first,
            last: self.last,
            alarms: self.alarms.into_iter().collect(),
        }
    }
}

/// A tally of the calls of several groups that `wanted` picks.
pub(super) fn tally<'o>(
    groups: impl IntoIterator<Item = &'o Observed>,
    wanted: impl Fn(&Observed, &Call) -> bool,
) -> Evidence {
    let mut tally = Tally::default();
    for observed in groups {
        tally.add(observed, |call| wanted(observed, call));
    }
    tally.evidence()
}

/// Whether the call counts as use: it was permitted, whatever speaks against it or came of it later.
pub(super) fn permitted(observed: &Observed) -> bool {
    observed.outcome != Outcome::Denied
}

/// Whether the calls speak for a grant: they succeeded and nothing is held against them.
pub(super) fn is_fair(call: &Call) -> bool {
    matches!(call.class, Class::Legitimate | Class::Reviewed)
}

/// Places of groups in [`Case::observed`].
pub(super) type Places = BTreeSet<usize>;

/// Calls by CAM action.
pub(super) struct Usage<'c> {
    observed: &'c [Observed],
    /// Service in lower case, then `svc:Action`; a call is under each of its possible names.
    by_service: BTreeMap<String, BTreeMap<String, Places>>,
}

impl<'c> Usage<'c> {
    pub(super) fn of(case: &'c Case, cam: &CamCatalog) -> Self {
        let mut by_service: BTreeMap<String, BTreeMap<String, Places>> = BTreeMap::new();
        for (place, observed) in case.observed.iter().enumerate() {
            let handed = observed.passed_role.as_ref().map(|_| "cam:PassRole".to_string());
            for action in cam.cam_actions(&observed.service, &observed.action).into_iter().chain(handed) {
                let service = parts(&action).0.to_ascii_lowercase();
                by_service.entry(service).or_default().entry(action).or_default().insert(place);
            }
        }
        Self { observed: &case.observed, by_service }
    }

    /// Actions seen that a pattern covers, with the places of their calls.
    pub(super) fn matching<'u>(&'u self, pattern: &'u str) -> impl Iterator<Item = (&'u str, &'u Places)> + 'u {
        let literal = literal_service(pattern);
        let one = literal.as_ref().and_then(|service| self.by_service.get(service));
        let all = (literal.is_none() && !is_opaque(pattern)).then(|| self.by_service.values());
        one.into_iter()
            .chain(all.into_iter().flatten())
            .flatten()
            .filter(move |(action, _)| covers(pattern, action))
            .map(|(action, places)| (action.as_str(), places))
    }

    /// Places of the permitted calls that a pattern covers.
    pub(super) fn used(&self, pattern: &str) -> Places {
        let places = self.matching(pattern).flat_map(|(_, places)| places.iter().copied());
        places.filter(|place| self.observed.get(*place).is_some_and(permitted)).collect()
    }

    /// The groups at these places.
    pub(super) fn at(&self, places: &Places) -> impl Iterator<Item = &'c Observed> {
        let observed = self.observed;
        places.iter().filter_map(move |place| observed.get(*place))
    }

    /// Permitted calls at these places.
    pub(super) fn evidence(&self, places: &Places) -> Evidence {
        tally(self.at(places), |observed, _| permitted(observed))
    }

    /// Permitted calls at these places that alarms are about.
    pub(super) fn alarmed(&self, places: &Places) -> u64 {
        tally(self.at(places), |observed, call| permitted(observed) && call.class == Class::Alarmed).calls
    }
}
