//! The decision: policies, then the permission boundary, then the session policy, each of which must permit.

use super::action;
use super::condition;
use super::explain;
use super::model::{Effect, Policy, Principal, Statement, Tri};
use super::request::{CallerKind, Request};
use super::resource;
use super::verdict::{Decision, Reason, Verdict};
use crate::catalog::cam::CamCatalog;

/// The policies that bind a caller.
#[derive(Clone, Copy, Debug)]
pub struct Grants<'a> {
    /// Attached to the caller, directly and through groups.
    pub policies: &'a [Policy],
    /// The permission boundary, if one is set.
    pub boundary: Option<&'a [Policy]>,
    /// The policy given when the temporary key was made, if there was one.
    pub session: Option<&'a [Policy]>,
}

/// What a set of policies is to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Policies,
    Boundary,
    Session,
}

/// A statement whose action may cover the request's.
#[derive(Debug)]
pub(super) struct Assessed<'a> {
    pub(super) policy: &'a str,
    /// From 1.
    pub(super) number: usize,
    pub(super) statement: &'a Statement,
    /// The action pattern that fits best, and how well.
    pub(super) action: (&'a str, Tri),
    pub(super) principal: Tri,
    pub(super) condition: Tri,
    /// For each resource of the request: the pattern that fits best, and how well.
    pub(super) resources: Vec<(&'a str, Tri)>,
}

impl<'a> Assessed<'a> {
    /// The resource pattern that fits one resource of the request best; blank in trust policies.
    pub(super) fn pattern(&self, at: usize) -> &'a str {
        self.resources.get(at).map_or("", |(pattern, _)| pattern)
    }

    /// Whether the statement matches for one resource of the request.
    pub(super) fn outcome(&self, at: usize) -> Tri {
        let resource = self.resources.get(at).map_or(Tri::False, |(_, fits)| *fits);
        self.action.1.and(self.principal).and(self.condition).and(resource)
    }
}

/// What one layer says.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) layer: Layer,
    pub(super) policies: usize,
    pub(super) reason: Reason,
    /// The resource of the request that decided.
    pub(super) at: usize,
    pub(super) assessed: Vec<Assessed<'a>>,
}

/// Decides a request. `facts` say how services are permitted.
///
/// Unknown comes out where public documents do not settle the result or an input is missing. It is no proof of either.
pub fn evaluate(request: &Request, grants: &Grants<'_>, facts: &CamCatalog) -> Verdict {
    if request.caller.kind == CallerKind::Root {
        return Verdict { decision: Decision::Allow, reason: Reason::RootBypass, because: vec![explain::root()] };
    }
    let layers = [
        (Layer::Policies, Some(grants.policies)),
        (Layer::Boundary, grants.boundary),
        (Layer::Session, grants.session),
    ];
    let judged: Vec<Judged<'_>> =
        layers.into_iter().filter_map(|(layer, policies)| Some(judge(layer, policies?, request, facts))).collect();
    let (decision, reason) = combine(&judged);
    Verdict { decision, reason, because: explain::causes(&judged, decision, request) }
}

fn combine(judged: &[Judged<'_>]) -> (Decision, Reason) {
    let refused = judged.iter().find(|layer| decision(layer.reason) == Decision::Deny);
    match refused {
        Some(layer) => {
            let reason = match layer.layer {
                Layer::Policies => layer.reason,
                Layer::Boundary => Reason::Boundary,
                Layer::Session => Reason::SessionPolicy,
            };
            (Decision::Deny, reason)
        }
        None if judged.iter().any(|layer| layer.reason == Reason::Undetermined) => {
            (Decision::Unknown, Reason::Undetermined)
        }
        None => (Decision::Allow, Reason::Allow),
    }
}

/// What a layer's reason means for the request.
pub(super) fn decision(reason: Reason) -> Decision {
    match reason {
        Reason::RootBypass | Reason::Allow => Decision::Allow,
        Reason::Undetermined => Decision::Unknown,
        Reason::ExplicitDeny | Reason::ImplicitDeny | Reason::Boundary | Reason::SessionPolicy => Decision::Deny,
    }
}

fn judge<'a>(layer: Layer, policies: &'a [Policy], request: &Request, facts: &CamCatalog) -> Judged<'a> {
    let assessed: Vec<Assessed<'a>> = policies
        .iter()
        .flat_map(|policy| policy.document.statements.iter().enumerate().map(move |(at, one)| (policy, at + 1, one)))
        .filter_map(|(policy, number, statement)| {
            let shared = policy.document.principal.as_ref();
            assess(&policy.name, number, statement, shared, request, facts)
        })
        .collect();
    let (reason, at) = settle(&assessed, request.resources.len().max(1));
    Judged { layer, policies: policies.len(), reason, at, assessed }
}

/// The reason that decides over all resources, and the first resource it holds for: all must pass.
fn settle(assessed: &[Assessed<'_>], resources: usize) -> (Reason, usize) {
    let rank = |reason: &Reason| match reason {
        Reason::ExplicitDeny => 0,
        Reason::ImplicitDeny => 1,
        Reason::Undetermined => 2,
        _ => 3,
    };
    let each = (0..resources).map(|at| (reason_for(assessed, at), at));
    each.min_by_key(|(reason, at)| (rank(reason), *at)).unwrap_or((Reason::Undetermined, 0))
}

fn reason_for(assessed: &[Assessed<'_>], at: usize) -> Reason {
    let any = |effect: Effect| {
        Tri::any(assessed.iter().filter(|one| one.statement.effect == effect).map(|one| one.outcome(at)))
    };
    match (any(Effect::Deny), any(Effect::Allow)) {
        (Tri::True, _) => Reason::ExplicitDeny,
        (_, Tri::False) => Reason::ImplicitDeny,
        (Tri::False, Tri::True) => Reason::Allow,
        _ => Reason::Undetermined,
    }
}

/// How a statement stands to a request; none when its action does not fit.
fn assess<'a>(
    policy: &'a str,
    number: usize,
    statement: &'a Statement,
    shared: Option<&Principal>,
    request: &Request,
    facts: &CamCatalog,
) -> Option<Assessed<'a>> {
    let action = best(&statement.actions, |pattern| action::matches(pattern, &request.action, facts));
    if action.1 == Tri::False {
        return None;
    }
    let principal = [shared, statement.principal.as_ref()].into_iter().flatten().map(names_everybody);
    let condition = statement.conditions.iter().map(|one| condition::holds(one, &request.context));
    Some(Assessed {
        policy,
        number,
        statement,
        action,
        principal: Tri::all(principal),
        condition: Tri::all(condition),
        resources: assess_resources(statement, request, facts),
    })
}

fn assess_resources<'a>(statement: &'a Statement, request: &Request, facts: &CamCatalog) -> Vec<(&'a str, Tri)> {
    if statement.resources.is_empty() {
        // A trust policy is about the role that bears it.
        return vec![("", Tri::True); request.resources.len().max(1)];
    }
    if request.resources.is_empty() {
        let unrecorded = |pattern: &str| if pattern == "*" { Tri::True } else { Tri::Unknown };
        return vec![best(&statement.resources, unrecorded)];
    }
    let fits = |given: &String| {
        best(&statement.resources, |pattern| resource::matches(pattern, given, &request.caller, facts))
    };
    request.resources.iter().map(fits).collect()
}

/// The first pattern that fits best.
fn best(patterns: &[String], fits: impl Fn(&str) -> Tri) -> (&str, Tri) {
    let mut found = (patterns.first().map_or("", String::as_str), Tri::False);
    for pattern in patterns {
        let outcome = fits(pattern);
        if outcome > found.1 {
            found = (pattern, outcome);
        }
        if outcome == Tri::True {
            break;
        }
    }
    found
}

/// Policies attached to a caller have no principal; whom else's policies mean is not looked into.
fn names_everybody(principal: &Principal) -> Tri {
    if *principal == Principal::Any { Tri::True } else { Tri::Unknown }
}

/// Whether one statement, allow or deny, matches a request with all its resources.
pub fn statement_matches(statement: &Statement, request: &Request, facts: &CamCatalog) -> Tri {
    let Some(assessed) = assess("", 1, statement, None, request, facts) else { return Tri::False };
    Tri::all((0..assessed.resources.len()).map(|at| assessed.outcome(at)))
}
