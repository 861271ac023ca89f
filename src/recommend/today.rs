//! What today's grants say of a request, as far as the inventory shows them.

use super::part::Part;
use super::replay::{Context, Ground, IP_KEY, contexts};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::{PresetSource, RiskCatalog};
use crate::inventory::grants::{Granted, GrantedPolicy};
use crate::policy::{Caller, ContextValue, Decision, Document, Grants, Policy, Request, evaluate};
use std::collections::BTreeSet;

/// An address of a reserved range, which stands for all that no grant names.
const NOWHERE: &str = "240.0.0.1";

/// Today's grants, read.
pub(super) struct Today<'t> {
    policies: Vec<Policy>,
    boundary: Option<Vec<Policy>>,
    caller: &'t Caller,
    cam: &'t CamCatalog,
}

impl<'t> Today<'t> {
    /// Reads the grants; none when some are missing or cannot be read, as then nothing is denied for certain.
    pub(super) fn read(granted: &Granted, caller: &'t Caller, cam: &'t CamCatalog, risk: &RiskCatalog) -> Option<Self> {
        let policies: Option<Vec<Policy>> = granted.policies.iter().map(|policy| named(policy, risk)).collect();
        let boundary = granted.boundary.as_ref().and_then(|boundary| {
            let (document, _) = Document::parse(boundary.document.as_deref()?).ok()?;
            Some(vec![Policy { name: boundary.name.clone().unwrap_or_default(), document }])
        });
        Some(Self { policies: policies.filter(|_| granted.complete)?, boundary, caller, cam })
    }

    /// Whether today's grants deny a request for certain.
    pub(super) fn refuses(&self, request: &Request) -> bool {
        self.verdict(request) == Decision::Deny
    }

    /// Whether today's grants deny one of these actions on a resource, from wherever.
    pub(super) fn denies(&self, actions: &BTreeSet<String>, resource: &str) -> bool {
        let ground = Ground { caller: self.caller, cam: self.cam };
        actions.iter().any(|action| self.refuses(&ground.anywhere(action, resource)))
    }

    /// Whether any of today's grants depends on the source address.
    pub(super) fn limits_addresses(&self) -> bool {
        let policies = self.policies.iter().chain(self.boundary.iter().flatten());
        let statements = policies.flat_map(|policy| &policy.document.statements);
        statements.flat_map(|statement| &statement.conditions).any(|condition| condition.key == IP_KEY)
    }

    /// Whether today's grants deny one of these actions from one of these addresses or networks, or from just any one.
    pub(super) fn keeps_out(&self, actions: &BTreeSet<String>, resource: &str, from: Option<&[String]>) -> bool {
        let anywhere = [NOWHERE.to_owned()];
        let ground = Ground { caller: self.caller, cam: self.cam };
        from.unwrap_or(&anywhere).iter().any(|value| {
            let ip = value.split('/').next().unwrap_or(value);
            let context = Context::from([(IP_KEY.to_owned(), ContextValue::Values(vec![ip.to_owned()]))]);
            actions
                .iter()
                .any(|action| self.refuses(&ground.request(action, vec![resource.to_owned()], context.clone())))
        })
    }

    /// Whether today's grants allow an action on a resource for certain, from wherever.
    pub(super) fn allows(&self, action: &str, resource: &str) -> bool {
        let ground = Ground { caller: self.caller, cam: self.cam };
        self.verdict(&ground.anywhere(action, resource)) == Decision::Allow
    }

    /// Whether today's grants deny calls that succeeded.
    pub(super) fn denies_call(&self, actions: &BTreeSet<String>, part: &Part<'_>) -> bool {
        let ground = Ground { caller: self.caller, cam: self.cam };
        let resources: Vec<String> =
            part.scope.listed().map_or_else(|| vec!["*".to_owned()], |list| list.iter().cloned().collect());
        let denied = |action: &String| {
            contexts(part.seen, action, self.cam)
                .into_iter()
                .all(|context| self.refuses(&ground.request(action, resources.clone(), context)))
        };
        actions.iter().filter(|action| !action.contains('*')).any(denied)
    }

    fn verdict(&self, request: &Request) -> Decision {
        let grants = Grants { policies: &self.policies, boundary: self.boundary.as_deref(), session: None };
        evaluate(request, &grants, self.cam).decision
    }
}

/// A policy with its text: as exported, or the public one of a preset.
fn named(granted: &GrantedPolicy, risk: &RiskCatalog) -> Option<Policy> {
    let name = &granted.attachment.name;
    let preset = || risk.preset(name).filter(|preset| preset.source == PresetSource::Exact);
    let text = granted.document.clone().or_else(|| Some(preset()?.document))?;
    let (document, _) = Document::parse(&text).ok()?;
    Some(Policy { name: name.clone(), document })
}
