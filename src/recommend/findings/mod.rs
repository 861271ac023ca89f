//! What is wrong with today's grants, worst first.
//!
//! One rule for conditions, whatever the class of risk: a condition never silences a finding. It is told in the
//! evidence, and the finding is one step less sure. A deny without conditions on all resources and a boundary that does
//! not name the action do silence findings about that action.

mod access;
mod breadth;
mod capability;
mod overlap;
mod requests;
mod text;
mod unused;

pub(super) use access::has_ip_condition;

use super::current::Current;
use super::diff::Standing;
use super::gaps::Missing;
use super::history::{History, lower};
use super::input::Case;
use super::output::{Confidence, Finding, FindingEvidence};
use super::usage::Usage;
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::policy::Statement;
use std::collections::BTreeSet;

/// Every code, worst first.
pub(super) const CODES: [&str; 24] = [
    "ADMIN_POLICY",
    "TRUST_WILDCARD",
    "PRIVESC_CAPABILITY",
    "CREDENTIAL_EXPOSURE",
    "USED_NOT_GRANTED",
    "PRESET_HIGH_PRIVILEGE",
    "RESOURCE_EXPOSURE",
    "DATA_EXFIL_CAPABILITY",
    "INFRA_CHANGE",
    "WILDCARD_ACTION",
    "WILDCARD_RESOURCE",
    "UNUSED_POLICY",
    "UNUSED_GRANT_VIA_GROUP",
    "UNUSED_SERVICE",
    "UNUSED_ACTION",
    "NO_IP_CONDITION",
    "DENIED_BUT_REQUESTED",
    "OPAQUE_PERMID",
    "INVALID_DOC",
    "UNKNOWN_DOC",
    "SHADOWED",
    "DUPLICATE",
    "NOT_LOGGED",
    "DEACTIVATED_PRODUCT",
];

/// Findings of one code; more than a person reads.
const EACH: usize = 100;

/// What findings are made from.
pub(super) struct Judge<'a> {
    pub(super) case: &'a Case,
    pub(super) current: &'a Current<'a>,
    pub(super) usage: &'a Usage<'a>,
    pub(super) history: &'a History,
    pub(super) standings: &'a [Standing<'a>],
    pub(super) missing: &'a [Missing],
    pub(super) cam: &'a CamCatalog,
    pub(super) risk: &'a RiskCatalog,
    /// Listed actions that no plain deny and no boundary keeps out of reach.
    pub(super) reach: &'a BTreeSet<&'a str>,
}

/// Listed actions that can be reached at all.
pub(super) fn reach<'r>(current: &Current<'_>, risk: &'r RiskCatalog) -> BTreeSet<&'r str> {
    let listed = risk.converge().iter().map(|(_, action)| *action);
    listed.chain(risk.risks().map(|risk| risk.action)).filter(|action| current.in_reach(action)).collect()
}

/// What can be found without an inventory: refused calls.
pub(super) fn without_grants(case: &Case, usage: &Usage<'_>, cam: &CamCatalog) -> Vec<Finding> {
    in_order(requests::denied(case, usage, cam))
}

/// Everything found, worst first, then by policy, statement and subject.
pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let all = [
        breadth::find(judge),
        capability::find(judge),
        unused::find(judge),
        access::find(judge),
        requests::find(judge),
        overlap::find(judge),
        text::find(judge),
    ];
    in_order(all.into_iter().flatten().collect())
}

fn in_order(mut out: Vec<Finding>) -> Vec<Finding> {
    out.sort_by_cached_key(|finding| {
        let key = (finding.policy.clone(), finding.policy_id.clone(), finding.statement, finding.subject.clone());
        (rank(&finding.code), key, finding.text.clone())
    });
    out.dedup();
    bounded(out)
}

fn rank(code: &str) -> usize {
    CODES.iter().position(|listed| *listed == code).unwrap_or(CODES.len())
}

/// At most [`EACH`] of a code; the last one kept says how many are left out.
fn bounded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    let (mut same, mut left_out) = (0, 0);
    for finding in findings {
        let goes_on = out.last().is_some_and(|last| last.code == finding.code);
        if !goes_on {
            tell(out.last_mut(), left_out);
            (same, left_out) = (0, 0);
        }
        if same < EACH {
            same += 1;
            out.push(finding);
        } else {
            left_out += 1;
        }
    }
    tell(out.last_mut(), left_out);
    out
}

fn tell(last: Option<&mut Finding>, left_out: usize) {
    if let Some(last) = last.filter(|_| left_out > 0) {
        last.text = format!("{} {left_out} further findings of this kind are left out.", last.text);
    }
}

/// The rule for conditions: one step less sure where the statement has any.
fn conditioned(confidence: Confidence, statement: &Statement) -> Confidence {
    if statement.conditions.is_empty() { confidence } else { lower(confidence) }
}

/// A finding about the holder as a whole, still to be worded.
fn bare(code: &str, subject: impl Into<String>) -> Finding {
    Finding {
        code: code.to_string(),
        subject: subject.into(),
        policy_id: None,
        policy: None,
        statement: None,
        text: String::new(),
        advice: String::new(),
        evidence: FindingEvidence::default(),
        confidence: Confidence::High,
    }
}
