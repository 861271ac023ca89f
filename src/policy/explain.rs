//! Why a request is decided as it is, in plain sentences.

use super::condition;
use super::evaluate::{Assessed, Judged, Layer, decision};
use super::model::{Condition, Effect, Tri};
use super::request::{ContextValue, Request};
use super::value::text;
use super::verdict::{Cause, Decision, Reason};

/// Most causes told.
const MAX_CAUSES: usize = 10;
/// Longest piece of a policy quoted in a sentence, in characters.
const MAX_QUOTE: usize = 160;

/// The cause of a root request's verdict.
pub(super) fn root() -> Cause {
    bare("The account itself is not bound by policies.".to_string(), Effect::Allow, Tri::True)
}

fn bare(text: String, effect: Effect, outcome: Tri) -> Cause {
    let [policy, action, resource] = [(); 3].map(|()| String::new());
    Cause { policy, statement: 0, effect, action, resource, condition: None, outcome, text }
}

/// The statements that decided, or the nearest misses.
pub(super) fn causes(judged: &[Judged<'_>], verdict: Decision, request: &Request) -> Vec<Cause> {
    let mut causes = Vec::new();
    for layer in judged.iter().filter(|layer| decision(layer.reason) == verdict) {
        causes.extend(of_layer(layer, request));
        // The first layer that refuses decides.
        if verdict == Decision::Deny {
            break;
        }
    }
    causes.truncate(MAX_CAUSES);
    causes
}

fn of_layer(layer: &Judged<'_>, request: &Request) -> Vec<Cause> {
    let mut decided: Vec<(&Assessed<'_>, usize)> =
        layer.assessed.iter().filter_map(|one| Some((one, place(one, layer)?))).collect();
    decided.sort_by_key(|(one, _)| (one.policy, one.number));
    decided.truncate(MAX_CAUSES);
    if decided.is_empty() {
        return vec![nothing(layer, request)];
    }
    decided.into_iter().map(|(one, at)| cause(one, at, layer.layer, request)).collect()
}

/// The resource of the request that a statement is told for; none when the statement plays no part.
fn place(one: &Assessed<'_>, layer: &Judged<'_>) -> Option<usize> {
    let allows = one.statement.effect == Effect::Allow;
    let at = layer.at;
    match layer.reason {
        Reason::ExplicitDeny => (!allows && one.outcome(at) == Tri::True).then_some(at),
        Reason::ImplicitDeny => allows.then_some(at),
        Reason::Undetermined => (one.outcome(at) == Tri::Unknown).then_some(at),
        _ => (0..one.resources.len()).find(|at| allows && one.outcome(*at) == Tri::True),
    }
}

fn nothing(layer: &Judged<'_>, request: &Request) -> Cause {
    let action = quote(&request.action);
    let text = match (layer.layer, layer.policies) {
        (Layer::Policies, 0) => "No policy is attached, so nothing permits anything.".to_string(),
        (Layer::Boundary, 0) => "The permission boundary holds no policy, so it permits nothing.".to_string(),
        (Layer::Session, 0) => "The session policy is empty, so it permits nothing.".to_string(),
        (Layer::Policies, 1) => format!("No allow statement of the one policy names action {action}."),
        (Layer::Policies, count) => format!("No allow statement of the {count} policies names action {action}."),
        (Layer::Boundary, _) => format!("No allow statement of the permission boundary names action {action}."),
        (Layer::Session, _) => format!("No allow statement of the session policy names action {action}."),
    };
    bare(text, Effect::Allow, Tri::False)
}

fn cause(one: &Assessed<'_>, at: usize, layer: Layer, request: &Request) -> Cause {
    let outcome = one.outcome(at);
    let told = telling(one, request);
    let resource = one.pattern(at);
    Cause {
        policy: one.policy.to_string(),
        statement: one.number,
        effect: one.statement.effect,
        action: one.action.0.to_string(),
        resource: resource.to_string(),
        condition: told.map(show).or_else(|| every_condition(one)),
        outcome,
        text: sentence(one, at, layer, request),
    }
}

/// The condition that failed, or else one that is not known.
fn telling<'a>(one: &Assessed<'a>, request: &Request) -> Option<&'a Condition> {
    let is = |wanted: Tri| {
        one.statement.conditions.iter().find(move |item| condition::holds(item, &request.context) == wanted)
    };
    is(Tri::False).or_else(|| is(Tri::Unknown))
}

fn every_condition(one: &Assessed<'_>) -> Option<String> {
    let all: Vec<String> = one.statement.conditions.iter().map(show).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// A condition on one line.
fn show(condition: &Condition) -> String {
    let values: Vec<_> = condition.values.iter().map(text).collect();
    format!("{} {} {}", condition.operator, condition.key, values.join(", "))
}

fn sentence(one: &Assessed<'_>, at: usize, layer: Layer, request: &Request) -> String {
    let lead = match layer {
        Layer::Policies => "Policy",
        Layer::Boundary => "Permission boundary",
        Layer::Session => "Session policy",
    };
    let lead = format!("{lead} {}, statement {}", quote(one.policy), one.number);
    let allows = one.statement.effect == Effect::Allow;
    match one.outcome(at) {
        Tri::True => format!("{lead} {}: {}.", if allows { "permits it" } else { "forbids it" }, fitting(one, at)),
        Tri::False => format!("{lead} names action {}, but {}.", quote(one.action.0), missing(one, at, request)),
        Tri::Unknown => {
            let may = if allows { "may permit it" } else { "may forbid it" };
            format!("{lead} {may}: it is not known whether {}.", open_question(one, at, request))
        }
    }
}

fn fitting(one: &Assessed<'_>, at: usize) -> String {
    let resource = one.pattern(at);
    let held = match one.statement.conditions.len() {
        0 => "",
        1 => ", and its condition holds",
        _ => ", and its conditions hold",
    };
    match resource {
        "" => format!("action {} fits{held}", quote(one.action.0)),
        _ => format!("action {} and resource {} fit{held}", quote(one.action.0), quote(resource)),
    }
}

/// What failed, of resource and conditions.
fn missing(one: &Assessed<'_>, at: usize, request: &Request) -> String {
    let mut parts = Vec::new();
    if let Some((pattern, Tri::False)) = one.resources.get(at) {
        let given = quote(request.resources.get(at).map_or("*", String::as_str));
        parts.push(match one.statement.resources.len() {
            1 => format!("its resource {} does not cover {given}", quote(pattern)),
            count => format!("none of its {count} resources covers {given} (the first is {})", quote(pattern)),
        });
    }
    if let Some(failed) = telling(one, request).filter(|_| one.condition == Tri::False) {
        let given = given(failed, request);
        parts.push(format!("its condition {} does not hold: {given}", quote(&show(failed))));
    }
    parts.join(", and ")
}

fn given(condition: &Condition, request: &Request) -> String {
    match request.context.get(&condition.key) {
        Some(ContextValue::Values(values)) if !values.is_empty() => {
            format!("the request has {} {}", quote(&condition.key), quote(&values.join(", ")))
        }
        Some(ContextValue::Uncertain) => format!("{} is not recorded", quote(&condition.key)),
        _ => format!("the request has no {}", quote(&condition.key)),
    }
}

fn open_question(one: &Assessed<'_>, at: usize, request: &Request) -> String {
    let mut parts = Vec::new();
    if one.action.1 == Tri::Unknown {
        parts.push(format!("action {} covers {}", quote(one.action.0), quote(&request.action)));
    }
    if one.principal == Tri::Unknown {
        parts.push("its principal means the caller".to_string());
    }
    if let Some((pattern, Tri::Unknown)) = one.resources.get(at) {
        let given = request.resources.get(at).map_or("the resource, which is not recorded".into(), |text| quote(text));
        parts.push(format!("resource {} covers {given}", quote(pattern)));
    }
    if let Some(open) = telling(one, request).filter(|_| one.condition == Tri::Unknown) {
        parts.push(format!("condition {} holds ({})", quote(&show(open)), given(open, request)));
    }
    parts.join(", and whether ")
}

/// A piece of somebody's text in back ticks, on one line and cut where it is long.
pub(super) fn quote(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(MAX_QUOTE).map(clean).collect();
    if text.chars().nth(MAX_QUOTE).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
