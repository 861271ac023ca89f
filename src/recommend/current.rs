//! Today's grants, read for judging.

use super::output::{Confidence, Finding, FindingEvidence};
use super::patterns::covers;
use crate::catalog::risk::{PresetSource, RiskCatalog};
use crate::inventory::grants::{Boundary, Granted, GrantedPolicy, PolicyKind};
use crate::policy::{Document, Effect, Lint, Statement};
use serde_json::Value;

/// Longer texts are not read: CAM accepts a small part of this.
const LONGEST: usize = 65_536;

/// Where a policy's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// The inventory.
    Exported,
    /// The inventory lacks it; the provider's public text of a preset policy.
    Public,
    /// The inventory lacks it; guessed from the name of a preset policy.
    Guessed,
    /// Nowhere.
    Missing,
    /// The inventory, but it is no valid document.
    Invalid,
}

/// An attached policy.
pub(super) struct Held<'g> {
    /// As the inventory has it.
    pub(super) granted: &'g GrantedPolicy,
    /// Where the text comes from.
    pub(super) text: Text,
    /// The text, where it can be read.
    pub(super) document: Option<Document>,
    /// What is wrong with it.
    pub(super) lints: Vec<Lint>,
}

/// A permission boundary, read.
pub(super) enum Limit {
    /// None is set.
    None,
    /// One is set, and its text is known.
    Known(Document),
    /// One is set, but its text is missing or invalid.
    Unread,
}

/// Today's grants of the holder.
pub(super) struct Current<'g> {
    /// Attached policies, by name, id and way.
    pub(super) held: Vec<Held<'g>>,
    /// The boundary.
    pub(super) limit: Limit,
    /// As the inventory has them.
    pub(super) granted: &'g Granted,
}

impl<'g> Held<'g> {
    fn read(granted: &'g GrantedPolicy, risk: &RiskCatalog) -> Self {
        let (text, source) = match &granted.document {
            Some(text) => (Some(text.clone()), Text::Exported),
            None => preset(granted, risk),
        };
        let Some(text) = text else { return Self { granted, text: source, document: None, lints: Vec::new() } };
        match parse(&text) {
            Ok((document, lints)) => Self { granted, text: source, document: Some(document), lints },
            Err(lints) => Self { granted, text: Text::Invalid, document: None, lints },
        }
    }

    /// The policy's name.
    pub(super) fn name(&self) -> &'g str {
        &self.granted.attachment.name
    }

    /// Statements with their number from 1.
    pub(super) fn statements(&self, effect: Effect) -> impl Iterator<Item = (usize, &Statement)> {
        let statements = self.document.iter().flat_map(|document| &document.statements).enumerate();
        statements.filter(move |(_, statement)| statement.effect == effect).map(|(n, statement)| (n + 1, statement))
    }

    /// Allowing statements of a policy that people answer for; service-linked ones are the provider's business.
    pub(super) fn allows(&self) -> impl Iterator<Item = (usize, &Statement)> {
        self.statements(Effect::Allow).filter(|_| !self.granted.service_linked)
    }

    /// No finding is surer than the text it rests on.
    pub(super) fn ceiling(&self) -> Confidence {
        match self.text {
            Text::Exported => Confidence::High,
            Text::Public => Confidence::Medium,
            Text::Guessed | Text::Missing | Text::Invalid => Confidence::Low,
        }
    }

    /// A finding about this policy, still to be worded.
    pub(super) fn finding(&self, code: &str, subject: impl Into<String>) -> Finding {
        Finding {
            code: code.to_string(),
            subject: subject.into(),
            policy_id: self.granted.attachment.policy_id.clone(),
            policy: Some(self.name().to_string()),
            statement: None,
            text: String::new(),
            advice: String::new(),
            evidence: FindingEvidence::default(),
            confidence: self.ceiling(),
        }
    }
}

impl<'g> Current<'g> {
    pub(super) fn of(granted: &'g Granted, risk: &RiskCatalog) -> Self {
        let mut held: Vec<Held<'g>> = granted.policies.iter().map(|policy| Held::read(policy, risk)).collect();
        held.sort_by(|a, b| order(a.granted).cmp(&order(b.granted)));
        Self { held, limit: limit(granted.boundary.as_ref()), granted }
    }

    /// Whether an action can be reached at all: no plain deny covers it, and the boundary leaves it.
    pub(super) fn in_reach(&self, action: &str) -> bool {
        let denied = self.held.iter().flat_map(|held| held.statements(Effect::Deny)).any(|(_, statement)| {
            statement.conditions.is_empty() && is_everywhere(statement) && names(statement, action)
        });
        let limited = match &self.limit {
            Limit::Known(document) => !document.statements.iter().any(|statement| {
                // An action set that cannot be read may hold the action.
                let opaque = statement.actions.iter().any(|pattern| super::patterns::is_opaque(pattern));
                statement.effect == Effect::Allow && (opaque || names(statement, action))
            }),
            Limit::None | Limit::Unread => false,
        };
        !denied && !limited
    }
}

/// Whether a pattern of the statement covers the action.
pub(super) fn names(statement: &Statement, action: &str) -> bool {
    statement.actions.iter().any(|pattern| covers(pattern, action))
}

/// Whether the statement is about all resources.
pub(super) fn is_everywhere(statement: &Statement) -> bool {
    statement.resources.iter().any(|resource| is_all(resource))
}

/// Whether a resource pattern stands for everything: `*`, or six segments that say nothing.
pub(super) fn is_all(resource: &str) -> bool {
    let segments: Vec<&str> = resource.splitn(6, ':').collect();
    match segments[..] {
        [one] => one == "*",
        ["qcs", _, service, region, account, what] => {
            let says_nothing = |segment: &str| segment.is_empty() || segment == "*";
            [service, region, account].into_iter().all(says_nothing) && what == "*"
        }
        _ => false,
    }
}

/// The statement's conditions as the document writes them; none without any.
pub(super) fn condition(statement: &Statement) -> Option<Value> {
    let mut out = serde_json::Map::new();
    for condition in &statement.conditions {
        let keys = out.entry(condition.operator.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Value::Object(keys) = keys {
            keys.insert(condition.key.clone(), Value::Array(condition.values.clone()));
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The statement's evidence in the console's shape: action, resource, condition.
pub(super) fn shape(statement: &Statement, action: &str) -> FindingEvidence {
    FindingEvidence {
        action: Some(action.to_string()),
        resource: statement.resources.first().cloned(),
        condition: condition(statement),
        ..FindingEvidence::default()
    }
}

/// Reads a policy's text, unless it is absurdly long.
pub(super) fn parse(text: &str) -> Result<(Document, Vec<Lint>), Vec<Lint>> {
    if text.len() > LONGEST {
        return Err(Vec::new());
    }
    Document::parse(text)
}

fn preset(granted: &GrantedPolicy, risk: &RiskCatalog) -> (Option<String>, Text) {
    if granted.attachment.kind == PolicyKind::Custom {
        return (None, Text::Missing);
    }
    match risk.preset(&granted.attachment.name) {
        Some(preset) if preset.source == PresetSource::Exact => (Some(preset.document), Text::Public),
        Some(preset) => (Some(preset.document), Text::Guessed),
        None => (None, Text::Missing),
    }
}

fn limit(boundary: Option<&Boundary>) -> Limit {
    let Some(boundary) = boundary else { return Limit::None };
    match boundary.document.as_deref().map(parse) {
        Some(Ok((document, _))) => Limit::Known(document),
        Some(Err(_)) | None => Limit::Unread,
    }
}

fn order(granted: &GrantedPolicy) -> impl Ord + '_ {
    (&granted.attachment.name, granted)
}
