//! NO_IP_CONDITION, TRUST_WILDCARD.

use super::{Judge, bare};
use crate::catalog::cam::IpSupport;
use crate::policy::{Document, Effect, Principal, Statement};
use crate::recommend::current::{Held, condition, parse};
use crate::recommend::output::{Confidence, Finding, FindingEvidence};
use crate::recommend::patterns::literal_service;
use std::collections::BTreeSet;

/// Stands for temporary keys, which services and people obtain from changing addresses.
const TEMPORARY: &str = "TEMP_AK";

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let held = judge.current.held.iter().filter_map(|held| no_ip_condition(judge, held));
    held.chain(trust(judge)).collect()
}

/// Whether a statement has a condition on the caller's address.
pub(in crate::recommend) fn has_ip_condition(statement: &Statement) -> bool {
    statement.conditions.iter().any(|condition| condition.key == "qcs:ip")
}

/// One finding for a policy, not one for each statement; only where there is a permanent key to steal.
fn no_ip_condition(judge: &Judge<'_>, held: &Held<'_>) -> Option<Finding> {
    let live = |status: Option<&str>| status.is_none_or(|status| status == "active");
    let key = judge.case.keys.iter().any(|key| key.ak != TEMPORARY && live(key.status.as_deref()));
    let supported = |pattern: &String| {
        let service = literal_service(pattern);
        service.is_none_or(|service| judge.cam.ip_support(&service) != IpSupport::No)
    };
    let mut open =
        held.allows().filter(|(_, statement)| !has_ip_condition(statement) && statement.actions.iter().any(supported));
    let (number, statement) = open.next().filter(|_| key)?;
    Some(Finding {
        statement: Some(number),
        text: "This policy works from any address, so a stolen key works from anywhere.".to_string(),
        advice: "Add a condition on qcs:ip with the addresses that the key is used from.".to_string(),
        evidence: FindingEvidence {
            action: statement.actions.first().cloned(),
            resource: statement.resources.first().cloned(),
            condition: condition(statement),
            ..FindingEvidence::default()
        },
        confidence: held.ceiling().min(Confidence::Medium),
        ..held.finding("NO_IP_CONDITION", held.name())
    })
}

fn trust(judge: &Judge<'_>) -> Vec<Finding> {
    let Some((document, _)) = judge.current.granted.trust.as_deref().and_then(|text| parse(text).ok()) else {
        return Vec::new();
    };
    let statements = document.statements.iter().enumerate();
    let open = statements.filter(|(_, statement)| statement.effect == Effect::Allow);
    open.flat_map(|(n, statement)| of_statement(judge, &document, n + 1, statement)).collect()
}

fn of_statement(judge: &Judge<'_>, document: &Document, number: usize, statement: &Statement) -> Vec<Finding> {
    let whom = statement.principal.iter().chain(&document.principal);
    let subjects: BTreeSet<String> =
        whom.flat_map(|principal| foreign(principal, &judge.case.holder.account)).collect();
    let guarded = !statement.conditions.is_empty();
    let found = subjects.into_iter().map(|subject| {
        let text = if subject == "*" {
            "Everybody may take this role.".to_string()
        } else {
            format!("Another account may take this role: {subject}.")
        };
        Finding {
            statement: Some(number),
            text,
            advice: "Name only the users, services and accounts that need the role.".to_string(),
            evidence: FindingEvidence {
                action: statement.actions.first().cloned(),
                condition: condition(statement),
                ..FindingEvidence::default()
            },
            confidence: if guarded { Confidence::Medium } else { Confidence::High },
            ..bare("TRUST_WILDCARD", subject)
        }
    });
    found.collect()
}

/// Everybody, or accounts other than the holder's. Without the own account's number every account but everybody is
/// left alone: it may be the own one.
fn foreign(principal: &Principal, own: &str) -> Vec<String> {
    let Principal::Listed { qcs, .. } = principal else { return vec!["*".to_string()] };
    let listed = qcs.iter().filter_map(|one| {
        let account = one.split(':').find_map(|segment| segment.strip_prefix("uin/"));
        match account {
            _ if one == "*" || one.contains("anonymous") => Some("*".to_string()),
            Some("*") => Some("*".to_string()),
            Some(account) => (!own.is_empty() && account != own && !account.starts_with('$')).then(|| one.clone()),
            None => None,
        }
    });
    listed.collect()
}
