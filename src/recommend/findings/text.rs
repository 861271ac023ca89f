//! OPAQUE_PERMID, DEACTIVATED_PRODUCT, INVALID_DOC, UNKNOWN_DOC.

use super::{Judge, bare};
use crate::policy::{Lint, Severity};
use crate::recommend::current::{Held, Text, parse, shape};
use crate::recommend::output::{Confidence, Finding};
use crate::recommend::patterns::is_opaque;

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let policies = judge.current.held.iter().flat_map(of_policy);
    policies.chain(boundary(judge)).chain(trust(judge)).collect()
}

fn of_policy(held: &Held<'_>) -> Vec<Finding> {
    let mut out = opaque(held);
    out.extend(deactivated(held));
    out.extend(unread(held));
    out
}

fn opaque(held: &Held<'_>) -> Vec<Finding> {
    let all = held.allows().flat_map(|(number, statement)| {
        let sets = statement.actions.iter().filter(|pattern| is_opaque(pattern));
        sets.map(move |pattern| (number, statement, pattern))
    });
    let found = all.map(|(number, statement, pattern)| Finding {
        statement: Some(number),
        text: format!("What the action set `{pattern}` holds cannot be told without asking the provider."),
        advice: "Ask with ListPoliciesGrantingServiceAccess what it grants, and list the actions instead.".to_string(),
        evidence: shape(statement, pattern),
        ..held.finding("OPAQUE_PERMID", pattern.as_str())
    });
    found.collect()
}

fn deactivated(held: &Held<'_>) -> Option<Finding> {
    held.granted.attachment.deactivated.then(|| Finding {
        text: "The product that this policy is for is offline.".to_string(),
        advice: "Detach it.".to_string(),
        confidence: Confidence::High,
        ..held.finding("DEACTIVATED_PRODUCT", held.name())
    })
}

fn unread(held: &Held<'_>) -> Option<Finding> {
    let (code, text) = match held.text {
        Text::Exported => return None,
        Text::Invalid => ("INVALID_DOC", format!("The policy's text cannot be used: {}", reason(&held.lints))),
        Text::Public => {
            ("UNKNOWN_DOC", "The policy's text is missing; it is judged by the provider's public text.".to_string())
        }
        Text::Guessed => (
            "UNKNOWN_DOC",
            "The policy's text is missing; it is judged by what its name suggests, which may be wrong.".to_string(),
        ),
        Text::Missing => {
            ("UNKNOWN_DOC", "The policy's text is missing, so what it grants is not judged at all.".to_string())
        }
    };
    Some(Finding {
        text,
        advice: "Save the reply of GetPolicy for this policy and run again.".to_string(),
        confidence: Confidence::High,
        ..held.finding(code, held.name())
    })
}

fn boundary(judge: &Judge<'_>) -> Option<Finding> {
    let boundary = judge.current.granted.boundary.as_ref()?;
    let subject = boundary.name.clone().unwrap_or_else(|| "boundary".to_string());
    let (code, text) = match boundary.document.as_deref().map(parse) {
        Some(Ok(_)) => return None,
        Some(Err(lints)) => {
            ("INVALID_DOC", format!("The text of the permission boundary cannot be used: {}", reason(&lints)))
        }
        None => (
            "UNKNOWN_DOC",
            "A permission boundary is set, but its text is missing, so what it takes away is not known.".to_string(),
        ),
    };
    let advice = "Save the reply of GetUserPermissionBoundary or GetRolePermissionBoundary and run again.".to_string();
    Some(Finding { text, advice, policy: boundary.name.clone(), ..bare(code, subject) })
}

fn trust(judge: &Judge<'_>) -> Option<Finding> {
    let lints = judge.current.granted.trust.as_deref().map(parse)?.err()?;
    Some(Finding {
        text: format!("The role's trust policy cannot be used: {}", reason(&lints)),
        advice: "Save the reply of DescribeRoleList again, and look at the role in the console.".to_string(),
        ..bare("INVALID_DOC", "trust")
    })
}

fn reason(lints: &[Lint]) -> String {
    let worst = lints.iter().find(|lint| lint.severity == Severity::Error).or(lints.first());
    worst.map_or_else(|| "it is longer than CAM allows.".to_string(), |lint| lint.text.clone())
}
