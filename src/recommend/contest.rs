//! Which resources of an action calls could reach that must not: the alarmed and refused ones.

use super::index::is_old_form;
use super::part::Part;
use super::scope::{Origin, Scope, last_segment};
use crate::catalog::cam::CamCatalog;
use crate::policy::{Caller, Effect, Request, Statement, Tri, statement_matches};
use std::collections::{BTreeMap, BTreeSet};

/// Resources of one action, made ready to be asked for by many calls.
pub(super) struct Reach<'p> {
    resources: Vec<&'p str>,
    /// Concrete ones by what stands after the account.
    exact: BTreeMap<&'p str, Vec<&'p str>>,
    /// Those with a wildcard, and those that stand for everything.
    open: Vec<&'p str>,
    caller: Caller,
    cam: &'p CamCatalog,
}

impl<'p> Reach<'p> {
    /// Sorts resources by how they can be matched.
    pub(super) fn new(resources: impl IntoIterator<Item = &'p str>, caller: Caller, cam: &'p CamCatalog) -> Self {
        let resources: Vec<&str> = resources.into_iter().collect();
        let (mut exact, mut open): (BTreeMap<&str, Vec<&str>>, Vec<&str>) = (BTreeMap::new(), Vec::new());
        for &resource in &resources {
            if resource.contains('*') || is_old_form(resource) {
                open.push(resource);
            } else {
                exact.entry(last_segment(resource)).or_default().push(resource);
            }
        }
        Self { resources, exact, open, caller, cam }
    }

    /// The resources through which a call of this scope would be permitted, or might be; empty when it is denied for
    /// certain. A call is judged on all its resources, so one out of reach denies it.
    pub(super) fn of(&self, scope: &Scope) -> Hits<'p> {
        match scope {
            Scope::Unknown => Hits::All,
            Scope::All => Hits::These(self.touching("*").into_iter().collect()),
            Scope::These { list, origin: Origin::Widened } => {
                Hits::These(list.iter().flat_map(|pattern| self.overlapping(pattern)).collect())
            }
            Scope::These { list, .. } => {
                let each: Vec<_> = list.iter().map(|resource| self.touching(resource)).collect();
                let denied = each.iter().any(Vec::is_empty);
                Hits::These(if denied { BTreeSet::new() } else { each.into_iter().flatten().collect() })
            }
        }
    }

    fn touching(&self, asked: &str) -> Vec<&'p str> {
        let may = |pattern: &&'p str| self.matches(pattern, asked) != Tri::False;
        if is_old_form(asked) {
            return self.resources.iter().copied().filter(may).collect();
        }
        let exact = self.exact.get(last_segment(asked)).map_or(&[][..], Vec::as_slice);
        exact.iter().chain(&self.open).copied().filter(may).collect()
    }

    /// Resources that share something with a pattern. The calls behind a pattern were about single resources under it.
    fn overlapping(&self, asked: &str) -> Vec<&'p str> {
        let may = |own: &&'p str| self.matches(own, asked) != Tri::False || self.matches(asked, own) != Tri::False;
        self.resources.iter().copied().filter(may).collect()
    }

    fn matches(&self, pattern: &str, asked: &str) -> Tri {
        let statement = Statement {
            effect: Effect::Allow,
            principal: None,
            actions: vec!["*".to_owned()],
            resources: vec![pattern.to_owned()],
            conditions: Vec::new(),
        };
        let request = Request {
            caller: self.caller.clone(),
            action: "cam:Any".to_owned(),
            resources: vec![asked.to_owned()],
            context: BTreeMap::new(),
        };
        statement_matches(&statement, &request, self.cam)
    }
}

/// Resources that a call reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hits<'p> {
    /// Any of them: it is not known what the call was about.
    All,
    /// These.
    These(BTreeSet<&'p str>),
}

/// Calls that must not be permitted, by the resources they reach.
#[derive(Debug, Default)]
pub(super) struct Contested<'p, 'a> {
    /// Those that may reach anything.
    pub everywhere: Vec<&'p Part<'a>>,
    /// The others.
    pub each: BTreeMap<&'p str, Vec<&'p Part<'a>>>,
}

impl<'p, 'a> Contested<'p, 'a> {
    /// Asks for every call what it reaches.
    pub(super) fn new(reach: &Reach<'p>, against: &'p [Part<'a>]) -> Self {
        let mut found = Self { everywhere: Vec::new(), each: BTreeMap::new() };
        for part in against {
            match reach.of(&part.scope) {
                Hits::All => found.everywhere.push(part),
                Hits::These(hits) => hits.into_iter().for_each(|hit| found.each.entry(hit).or_default().push(part)),
            }
        }
        found
    }

    /// The calls that reach one of these resources, each once.
    pub(super) fn on<'r>(&self, resources: impl IntoIterator<Item = &'r str>) -> Vec<&'p Part<'a>> {
        let own = resources.into_iter().filter_map(|resource| self.each.get(resource)).flatten();
        let parts: BTreeMap<*const Part<'a>, &'p Part<'a>> =
            self.everywhere.iter().chain(own).map(|&part| (std::ptr::from_ref(part), part)).collect();
        parts.into_values().collect()
    }

    /// Whether any call reaches it.
    pub(super) fn has(&self, resource: &str) -> bool {
        !self.everywhere.is_empty() || self.each.contains_key(resource)
    }
}
