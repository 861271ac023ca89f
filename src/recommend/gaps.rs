//! Seen requests against today's grants: what succeeded although nothing grants it.

use super::current::{Current, Limit, Text, names};
use super::input::{Case, Class, Holder, HolderKind, Observed, Outcome, Resources};
use super::patterns::is_opaque;
use super::replay::caller;
use super::usage::{Places, is_fair};
use crate::catalog::cam::CamCatalog;
use crate::policy::{ContextValue, Decision, Document, Effect, Grants, Policy, Request, evaluate};
use std::collections::{BTreeMap, BTreeSet};

/// An action that was used, and that today's grants definitely do not allow.
pub(super) struct Missing {
    /// `svc:Action`, the first of its possible names.
    pub(super) action: String,
    /// The calls.
    pub(super) places: Places,
}

/// Successful fair calls that today's grants deny under every name they may have; sorted by action.
pub(super) fn missing(case: &Case, current: &Current<'_>, cam: &CamCatalog) -> Vec<Missing> {
    // Root needs no grant, and a grant that cannot be read may be the one that allows.
    let unsure = |text: Text| !matches!(text, Text::Exported | Text::Public);
    let unread = current.held.iter().any(|held| unsure(held.text)) || matches!(current.limit, Limit::Unread);
    if case.holder.kind == HolderKind::Root || unread {
        return Vec::new();
    }
    let set = Set::of(current);
    let mut out: BTreeMap<String, Places> = BTreeMap::new();
    for (place, observed) in case.observed.iter().enumerate() {
        if observed.outcome != Outcome::Success || !observed.calls.iter().any(is_fair) {
            continue;
        }
        let candidates: Vec<String> = cam.cam_actions(&observed.service, &observed.action);
        if !candidates.is_empty() && candidates.iter().all(|action| set.denies(&case.holder, observed, action, cam)) {
            out.entry(candidates[0].clone()).or_default().insert(place);
        }
    }
    out.into_iter().map(|(action, places)| Missing { action, places }).collect()
}

/// Today's grants in the shape that the evaluation takes.
struct Set {
    policies: Vec<Policy>,
    boundary: Option<Vec<Policy>>,
    /// Every condition key of theirs.
    keys: BTreeSet<String>,
}

impl Set {
    fn of(current: &Current<'_>) -> Self {
        let named = |name: &str, document: &Document| Policy { name: name.to_string(), document: document.clone() };
        let policies: Vec<Policy> = current
            .held
            .iter()
            .filter_map(|held| held.document.as_ref().map(|document| named(held.name(), document)))
            .collect();
        let boundary = match &current.limit {
            Limit::Known(document) => Some(vec![named("boundary", document)]),
            Limit::None | Limit::Unread => None,
        };
        let all = policies.iter().chain(boundary.iter().flatten());
        let conditions = all.flat_map(|policy| &policy.document.statements).flat_map(|s| &s.conditions);
        let keys = conditions.map(|condition| condition.key.clone()).collect();
        Self { policies, boundary, keys }
    }

    fn denies(&self, holder: &Holder, observed: &Observed, action: &str, cam: &CamCatalog) -> bool {
        let Some(resources) = resources(observed) else { return self.never_names(action) };
        let request = Request {
            caller: caller(holder),
            action: action.to_string(),
            resources,
            // What a call's conditions were is not known for certain; only what holds either way is reported.
            context: self.keys.iter().map(|key| (key.clone(), ContextValue::Uncertain)).collect(),
        };
        let grants = Grants { policies: &self.policies, boundary: self.boundary.as_deref(), session: None };
        evaluate(&request, &grants, cam).decision == Decision::Deny
    }

    fn never_names(&self, action: &str) -> bool {
        let statements = self.policies.iter().flat_map(|policy| &policy.document.statements);
        let mut allows = statements.filter(|statement| statement.effect == Effect::Allow);
        !allows.any(|statement| names(statement, action) || statement.actions.iter().any(|one| is_opaque(one)))
    }
}

fn resources(observed: &Observed) -> Option<Vec<String>> {
    match &observed.resources {
        Resources::Logged(list) | Resources::Built(list) if !list.is_empty() => Some(list.iter().cloned().collect()),
        _ => None,
    }
}

/// Refused calls by action: the one that the refusal named, else the first possible name; sorted.
pub(super) fn refused(case: &Case, cam: &CamCatalog) -> BTreeMap<String, Places> {
    let mut out: BTreeMap<String, Places> = BTreeMap::new();
    for (place, observed) in case.observed.iter().enumerate() {
        let wanted = |class: Class| matches!(class, Class::Denied);
        if observed.outcome != Outcome::Denied || !observed.calls.iter().any(|call| wanted(call.class)) {
            continue;
        }
        let named = observed.refused.as_ref().map(|(action, _)| action.clone());
        let guessed = || cam.cam_actions(&observed.service, &observed.action).into_iter().next();
        if let Some(action) = named.or_else(guessed) {
            out.entry(action).or_default().insert(place);
        }
    }
    out
}
