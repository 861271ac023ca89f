//! What documents permit and today's grants deny.

use super::input::Observed;
use super::needs::prefix;
use super::output::Doubt;
use super::replay::{Context, IP_KEY, caller};
use super::scope::Scope;
use super::today::Today;
use super::unit::wants;
use super::verify::{Replay, VerifyContext};
use crate::catalog::risk::RiskCatalog;
use crate::policy::{ContextValue, Decision, Effect, Policy, Statement, glob_matches};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Most requests that one statement is tried with; a document of the usual length gives fewer.
const MOST_TRIED: usize = 20_000;

/// Legitimate use: resources by action; all when one call's are not known.
type Used = BTreeMap<String, Option<BTreeSet<String>>>;

/// What the documents allow for certain and today's grants deny for certain, and whether legitimate calls used it. Empty
/// where today's grants are not fully known.
pub(super) fn new_access(
    documents: &[Policy],
    observed: &[Observed],
    context: &VerifyContext<'_>,
    replay: &Replay<'_>,
    risk: &RiskCatalog,
) -> Vec<(Doubt, bool)> {
    let caller = caller(context.holder);
    let cam = replay.ground.cam;
    let Some(today) = context.granted.and_then(|granted| Today::read(granted, &caller, cam, risk)) else {
        return Vec::new();
    };
    let used = used(observed, context, replay);
    let allows = documents.iter().flat_map(|policy| &policy.document.statements);
    let mut found: BTreeMap<(String, String), bool> = BTreeMap::new();
    for statement in allows.filter(|statement| statement.effect == Effect::Allow) {
        for (action, resource) in requests(statement, replay, &used).into_iter().take(MOST_TRIED) {
            let key = (action, resource);
            if !found.contains_key(&key) && is_new(&key, statement, replay, &today) {
                let used = was_used(&used, &key.0, &key.1);
                found.insert(key, used);
            }
        }
    }
    found.into_iter().map(|((action, resource), used)| (doubt(action, resource, used), used)).collect()
}

/// Actions and resources of a statement; wildcards stand for the catalogue's actions and those seen.
fn requests(statement: &Statement, replay: &Replay<'_>, used: &Used) -> Vec<(String, String)> {
    let actions: BTreeSet<String> = statement
        .actions
        .iter()
        .flat_map(|pattern| if pattern.contains('*') { expand(pattern, replay, used) } else { vec![pattern.clone()] })
        .collect();
    let on = |action: String| statement.resources.iter().map(move |resource| (action.clone(), resource.clone()));
    actions.into_iter().flat_map(on).collect()
}

fn expand(pattern: &str, replay: &Replay<'_>, used: &Used) -> Vec<String> {
    let cam = replay.ground.cam;
    let known = cam.services().flat_map(|service| {
        let names = cam.actions(service).iter();
        names.map(move |name| format!("{service}:{name}"))
    });
    let covers = |action: &String| pattern == "*" || glob_matches(pattern, action);
    known.chain(used.keys().cloned()).filter(covers).collect()
}

fn is_new(
    (action, resource): &(String, String),
    statement: &Statement,
    replay: &Replay<'_>,
    today: &Today<'_>,
) -> bool {
    contexts(statement).into_iter().any(|context| {
        let request = replay.ground.request(action, vec![resource.clone()], context);
        let allowed = replay.index.of_action(action).decide(&request, replay.ground.cam) == Decision::Allow;
        allowed && today.refuses(&request)
    })
}

/// Addresses that the statement lets in, one of each network; an open one where it lets in all.
fn contexts(statement: &Statement) -> Vec<Context> {
    let conditions = statement.conditions.iter().filter(|condition| condition.key == IP_KEY);
    let values = conditions.flat_map(|condition| &condition.values).filter_map(|value| value.as_str());
    let of = |value: ContextValue| Context::from([(IP_KEY.to_owned(), value)]);
    let address = |text: &str| {
        let ip = text.parse::<IpAddr>().ok().or_else(|| text.parse::<IpNet>().ok().map(|net| net.network()))?;
        Some(of(ContextValue::Values(vec![ip.to_string()])))
    };
    let known: Vec<Context> = values.filter_map(address).collect();
    if known.is_empty() { vec![of(ContextValue::Uncertain)] } else { known }
}

fn used(observed: &[Observed], context: &VerifyContext<'_>, replay: &Replay<'_>) -> Used {
    let mut used = Used::new();
    for seen in observed {
        if !seen.calls.iter().any(|call| wants(call.class, context.options)) {
            continue;
        }
        for need in replay.reader.of_call(seen).into_iter().chain(replay.reader.of_role(seen)) {
            let entry = used.entry(need.action).or_insert_with(|| Some(BTreeSet::new()));
            match (need.scope, entry) {
                (Scope::These { list, .. }, Some(all)) => all.extend(list),
                (Scope::These { .. }, None) => {}
                (Scope::All | Scope::Unknown, entry) => *entry = None,
            }
        }
    }
    used
}

fn was_used(used: &Used, action: &str, resource: &str) -> bool {
    used.get(action).is_some_and(|list| list.as_ref().is_none_or(|list| list.contains(resource)))
}

fn doubt(action: String, resource: String, used: bool) -> Doubt {
    let why = if used {
        "today's grants deny this, but legitimate calls succeeded with it: the inventory may be older than the log, or another \
         policy, such as a bucket policy, allows it"
    } else {
        "the documents allow this and today's grants deny it, and no legitimate call needed it"
    };
    debug_assert!(prefix(&action).len() < action.len() || action.contains('*'));
    Doubt {
        action,
        resources: vec![resource],
        ip: None,
        class: None,
        decision: Decision::Allow.as_str().to_owned(),
        why: why.to_owned(),
        calls: Vec::new(),
    }
}
