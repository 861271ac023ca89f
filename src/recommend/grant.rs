//! What is granted of one action: resources, condition, and how sure it is.

use super::input::{Class, Options};
use super::needs::{PASS_ROLE, prefix};
use super::output::{Confidence, GrantedAction};
use super::part::{Part, evidence};
use super::scope::{Origin, Scope};
use super::separate::{Avoid, Ruling};
use super::source::values;
use super::today::Today;
use super::unit::{Unit, resources};
use super::widen;
use crate::catalog::cam::{CamCatalog, Granularity, IpSupport};
use crate::policy::{Caller, Condition, Effect, Statement};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A condition on the source address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fence {
    /// `ip_equal_if_exist`, for APIs that may not support the key.
    pub if_exist: bool,
    /// Addresses and networks.
    pub values: Vec<String>,
}

impl Fence {
    fn condition(&self) -> Condition {
        Condition {
            operator: if self.if_exist { "ip_equal_if_exist" } else { "ip_equal" }.to_owned(),
            key: "qcs:ip".to_owned(),
            values: self.values.iter().cloned().map(Value::String).collect(),
        }
    }
}

/// Resources under one condition each.
pub(super) type Lines = BTreeMap<Option<Fence>, BTreeSet<String>>;

/// A statement that allows.
pub(super) fn statement(actions: &BTreeSet<String>, resources: &BTreeSet<String>, from: Option<&Fence>) -> Statement {
    Statement {
        effect: Effect::Allow,
        principal: None,
        actions: actions.iter().cloned().collect(),
        resources: resources.iter().cloned().collect(),
        conditions: from.map(Fence::condition).into_iter().collect(),
    }
}

/// One action as it is granted.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// The action, in all its spellings.
    pub names: BTreeSet<String>,
    /// What it is granted on.
    pub lines: Lines,
    /// Seen once.
    pub rare: bool,
    confidence: Confidence,
    marks: BTreeSet<&'static str>,
    evidence: super::output::Evidence,
}

/// What grants are made with.
pub(super) struct Maker<'m> {
    pub options: &'m Options,
    pub cam: &'m CamCatalog,
    pub trusted: &'m BTreeSet<IpAddr>,
    pub caller: &'m Caller,
    pub today: Option<&'m Today<'m>>,
}

impl Maker<'_> {
    /// Makes the grant that these calls of a unit need; none without calls.
    pub(super) fn grant(&self, unit: &Unit<'_>, parts: &[&Part<'_>], ruling: &Ruling) -> Option<Grant> {
        if parts.is_empty() {
            return None;
        }
        let (mut lines, wider) = self.lines(unit, parts, ruling);
        let mut marks = self.marks(unit, parts);
        if wider {
            marks.insert("wider_than_today");
        }
        if ruling.conflicts.iter().any(|conflict| !conflict.resources.is_empty()) {
            marks.insert("partly_given_up");
        }
        if self.options.collapse && widen::collapse(&mut lines, unit, self) {
            marks.insert("widened");
        }
        let evidence = evidence(parts.iter().copied());
        let rare = evidence.calls < 2;
        let confidence = self.confidence(unit, parts, &evidence);
        Some(Grant { names: unit.names.clone(), lines, rare, confidence, marks, evidence })
    }

    /// Resources by condition, and whether any is open to addresses that today's grants keep out.
    fn lines(&self, unit: &Unit<'_>, parts: &[&Part<'_>], ruling: &Ruling) -> (Lines, bool) {
        let usual = self.usual(unit, parts);
        let (mut lines, mut wider) = (Lines::new(), false);
        for (resource, touching) in resources(unit, parts) {
            let avoid = ruling.avoid(resource);
            let fence = if avoid.is_empty() { usual.clone() } else { self.narrow(&touching, &avoid) };
            let fence = self.as_today(unit, resource, fence, &touching).unwrap_or_else(|fence| {
                wider = true;
                fence
            });
            lines.entry(fence).or_default().insert(resource.to_owned());
        }
        (lines, wider)
    }

    /// The condition, or the action's own addresses where today's grants keep out some that it lets in; the condition as an
    /// error where that does not help.
    fn as_today(
        &self,
        unit: &Unit<'_>,
        resource: &str,
        fence: Option<Fence>,
        parts: &[&Part<'_>],
    ) -> Result<Option<Fence>, Option<Fence>> {
        let Some(today) = self.today.filter(|today| today.limits_addresses()) else { return Ok(fence) };
        let inside = |fence: Option<&Fence>| !today.keeps_out(&unit.names, resource, fence.map(|fence| &*fence.values));
        if inside(fence.as_ref()) {
            return Ok(fence);
        }
        let support = self.cam.ip_support(unit.service());
        let known = parts.iter().all(|part| part.seen.api_call) && support != IpSupport::No;
        let own: Option<BTreeSet<IpAddr>> = parts.iter().map(|part| part.ip.filter(|_| known)).collect();
        let values = own.and_then(|own| values(&own, &[], &|_| false));
        let own = values.map(|values| Fence { if_exist: support != IpSupport::Full, values });
        if own.is_some() && inside(own.as_ref()) { Ok(own) } else { Err(fence) }
    }

    /// The condition that all trusted sources meet, where it breaks no call of the action.
    fn usual(&self, unit: &Unit<'_>, parts: &[&Part<'_>]) -> Option<Fence> {
        let if_exist = match self.cam.ip_support(unit.service()) {
            IpSupport::Full => false,
            IpSupport::Part | IpSupport::Unknown => true,
            IpSupport::No => return None,
        };
        let known = |part: &&Part<'_>| part.seen.api_call && part.ip.is_some_and(|ip| self.trusted.contains(&ip));
        let values = values(self.trusted, &self.options.trusted, &|_| false)?;
        parts.iter().all(known).then_some(Fence { if_exist, values })
    }

    /// The condition on a resource that others must not reach: the trusted sources without theirs, and the action's own.
    /// That the action's own differ from theirs is settled before.
    fn narrow(&self, parts: &[&Part<'_>], avoid: &Avoid<'_>) -> Option<Fence> {
        let own: BTreeSet<IpAddr> = parts.iter().filter_map(|part| part.ip).collect();
        let common: BTreeSet<IpAddr> = self.trusted.iter().filter(|ip| !avoid.has(ip)).chain(&own).copied().collect();
        let of = |set: &BTreeSet<IpAddr>| values(set, &self.options.trusted, &|net| avoid.within(net));
        of(&common).or_else(|| of(&own)).map(|values| Fence { if_exist: false, values })
    }

    /// High: three days at least, and the name is known. Low: one call, or resources that could not be told.
    fn confidence(&self, unit: &Unit<'_>, parts: &[&Part<'_>], evidence: &super::output::Evidence) -> Confidence {
        let verified = parts.iter().all(|part| part.verified);
        let inferred = parts.iter().any(|part| part.scope.origin() == Some(Origin::Built));
        if evidence.calls < 2 || self.guessed(unit, parts) {
            Confidence::Low
        } else if evidence.days >= 3 && verified && !inferred && !unit.names.contains(PASS_ROLE) {
            Confidence::High
        } else {
            Confidence::Medium
        }
    }

    /// The log does not tell resources, and the service may have them.
    fn guessed(&self, unit: &Unit<'_>, parts: &[&Part<'_>]) -> bool {
        let plain = matches!(self.cam.granularity_of(unit.service()), Granularity::Service | Granularity::Operation);
        !plain && parts.iter().any(|part| part.scope == Scope::Unknown)
    }

    fn marks(&self, unit: &Unit<'_>, parts: &[&Part<'_>]) -> BTreeSet<&'static str> {
        let any = |test: &dyn Fn(&Part<'_>) -> bool| parts.iter().any(|part| test(part));
        let pass_role = unit.names.contains(PASS_ROLE);
        let denied = |today: &Today<'_>| parts.iter().any(|part| today.denies_call(&unit.names, part));
        [
            ("unverified_name", any(&|part| !part.verified)),
            ("dual_prefix", any(&|part| part.dual)),
            ("reviewed", any(&|part| part.has(Class::Reviewed))),
            ("failed_included", any(&|part| part.has(Class::Weak))),
            ("resources_unknown", any(&|part| part.scope == Scope::Unknown)),
            ("built_resources", !pass_role && any(&|part| part.scope.origin() == Some(Origin::Built))),
            ("widened", any(&|part| part.scope.origin() == Some(Origin::Widened))),
            ("pass_role", pass_role),
            ("whole_service", unit.names.iter().any(|name| name.ends_with(":*"))),
            ("not_granted_today", self.today.is_some_and(denied)),
        ]
        .into_iter()
        .filter_map(|(mark, holds)| holds.then_some(mark))
        .collect()
    }
}

impl Grant {
    /// The grant as it is told, one entry for each spelling.
    pub(super) fn told(&self) -> Vec<GrantedAction> {
        let resources: BTreeSet<&String> = self.lines.values().flatten().collect();
        let anywhere = self.lines.contains_key(&None);
        let addresses: BTreeSet<&String> = self.lines.keys().flatten().flat_map(|from| &from.values).collect();
        let entry = |name: &String| GrantedAction {
            action: name.clone(),
            resources: resources.iter().copied().cloned().collect(),
            addresses: if anywhere { Vec::new() } else { addresses.iter().copied().cloned().collect() },
            confidence: self.confidence,
            rare: self.rare,
            marks: self.marks.iter().map(|&mark| mark.to_owned()).collect(),
            evidence: self.evidence.clone(),
        };
        self.names.iter().map(entry).collect()
    }

    /// The statements of this grant alone.
    pub(super) fn statements(&self) -> Vec<Statement> {
        self.lines.iter().map(|(from, resources)| statement(&self.names, resources, from.as_ref())).collect()
    }

    /// The service's prefix.
    pub(super) fn service(&self) -> &str {
        self.names.first().map_or("", |name| prefix(name))
    }
}
