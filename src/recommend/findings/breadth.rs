//! ADMIN_POLICY, PRESET_HIGH_PRIVILEGE, WILDCARD_ACTION, WILDCARD_RESOURCE.

use super::{Judge, conditioned};
use crate::catalog::cam::Granularity;
use crate::inventory::grants::PolicyKind;
use crate::policy::Statement;
use crate::recommend::current::{Held, is_all, is_everywhere, shape};
use crate::recommend::input::Resources;
use crate::recommend::output::{Confidence, Finding, FindingEvidence};
use crate::recommend::patterns::{Names, covers, expand, is_opaque, is_wild, literal_service, parts};
use crate::recommend::usage::{Places, permitted};
use std::collections::{BTreeMap, BTreeSet};

/// Wildcards of one policy that are looked at; far more than a policy has room for in CAM.
const WILDCARDS: usize = 1000;

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let people = judge.current.held.iter().filter(|held| !held.granted.service_linked);
    people.flat_map(|held| of_policy(judge, held)).collect()
}

fn of_policy(judge: &Judge<'_>, held: &Held<'_>) -> Vec<Finding> {
    let numbered = |number: usize| move |finding: Finding| Finding { statement: Some(number), ..finding };
    let wild = held.allows().flat_map(|(number, statement)| {
        let wild = statement.actions.iter().filter(|pattern| is_wild(pattern) && !is_opaque(pattern));
        wild.map(move |pattern| (number, statement, pattern))
    });
    let actions = wild.take(WILDCARDS).filter_map(|(number, statement, pattern)| {
        wildcard_action(judge, held, statement, pattern).map(numbered(number))
    });
    let resources = held
        .allows()
        .flat_map(|(number, statement)| wildcard_resources(judge, held, statement).into_iter().map(numbered(number)));
    admin(judge, held).into_iter().chain(preset(judge, held)).chain(actions).chain(resources).collect()
}

fn admin(judge: &Judge<'_>, held: &Held<'_>) -> Option<Finding> {
    let everything = held.allows().find(|(_, statement)| {
        is_everywhere(statement) && statement.actions.iter().any(|pattern| covers(pattern, "*:*"))
    });
    let by_name = held.granted.attachment.kind != PolicyKind::Custom && judge.risk.is_admin_name(held.name());
    let finding = held.finding("ADMIN_POLICY", held.name());
    let advice = "Replace it by the recommended documents; keep such rights for people who administer the account.";
    let finding = Finding { advice: advice.to_string(), ..finding };
    match everything {
        Some((number, statement)) => Some(Finding {
            statement: Some(number),
            text: "This policy allows every action on every resource.".to_string(),
            confidence: conditioned(finding.confidence, statement),
            evidence: FindingEvidence { resource: Some("*".to_string()), ..shape(statement, "*") },
            ..finding
        }),
        None if by_name => Some(Finding {
            text: "A preset policy of this name gives rights over everything, over identities, or over money."
                .to_string(),
            confidence: Confidence::Medium,
            ..finding
        }),
        None => None,
    }
}

fn preset(judge: &Judge<'_>, held: &Held<'_>) -> Option<Finding> {
    let attachment = &held.granted.attachment;
    let high = judge.risk.is_admin_name(&attachment.name) || attachment.name.ends_with("FullAccess");
    // Without a kind, the provider's prefix decides.
    let likely = attachment.kind == PolicyKind::Unknown
        && (attachment.name.to_ascii_lowercase().starts_with("qcloud") || judge.risk.is_admin_name(&attachment.name));
    let preset = attachment.kind == PolicyKind::Preset || likely;
    (high && preset).then(|| Finding {
        text: "A preset policy with high privileges is attached. The console's check names this first.".to_string(),
        advice: "Replace it by a custom policy with the actions in use; presets cannot be narrowed.".to_string(),
        confidence: if likely { Confidence::Medium } else { Confidence::High },
        ..held.finding("PRESET_HIGH_PRIVILEGE", held.name())
    })
}

fn wildcard_action(judge: &Judge<'_>, held: &Held<'_>, statement: &Statement, pattern: &str) -> Option<Finding> {
    let service = literal_service(pattern);
    let whole = parts(pattern).1 == "*";
    let only_way = service.as_ref().is_some_and(|s| judge.cam.granularity_of(s) == Granularity::Service);
    let sensitive: BTreeSet<String> = sensitive(judge, pattern).collect();
    // Wildcards over reading verbs are usual; they count only where they give away something sensitive.
    let writes = || expand(pattern, judge.cam).any(|action| judge.risk.is_write(&action));
    if only_way || (!whole && service.is_some() && sensitive.is_empty() && !writes()) {
        return None;
    }
    let places: Places = sensitive.iter().flat_map(|action| judge.usage.used(action)).collect();
    let names = Names::of(sensitive);
    let text = match names.len() {
        0 => format!("The pattern `{pattern}` allows actions that nobody listed."),
        1 => format!("The pattern `{pattern}` allows a sensitive action: {}.", names.text(3)),
        number => format!("The pattern `{pattern}` allows {number} sensitive actions, such as {}.", names.text(3)),
    };
    let finding = held.finding("WILDCARD_ACTION", pattern);
    Some(Finding {
        text,
        advice: "List the actions that are in use instead of the wildcard.".to_string(),
        confidence: conditioned(finding.confidence, statement),
        evidence: FindingEvidence {
            actions: names.shown,
            seen: judge.usage.evidence(&places),
            ..shape(statement, pattern)
        },
        ..finding
    })
}

/// Sensitive actions that a pattern covers: the console's list for the product, and every listed risk within reach.
fn sensitive<'a>(judge: &'a Judge<'_>, pattern: &'a str) -> impl Iterator<Item = String> + 'a {
    let listed = judge.risk.converge().iter().map(|(_, action)| *action);
    let risks = judge.risk.risks().map(|risk| risk.action);
    let covered = listed.chain(risks).filter(move |action| covers(pattern, action));
    covered.filter(|action| judge.reach.contains(*action)).map(ToString::to_string)
}

fn wildcard_resources(judge: &Judge<'_>, held: &Held<'_>, statement: &Statement) -> Vec<Finding> {
    let Some(resource) = statement.resources.iter().find(|resource| is_all(resource)) else { return Vec::new() };
    let mut services: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for pattern in statement.actions.iter().filter(|pattern| can_be_scoped(judge, pattern)) {
        let service = literal_service(pattern).unwrap_or_else(|| "*".to_string());
        services.entry(service).or_default().push(pattern);
    }
    let found = services.into_iter().map(|(service, patterns)| {
        let finding = held.finding("WILDCARD_RESOURCE", service);
        let concrete = Names::of(concrete(judge, &patterns));
        Finding {
            text: format!(
                "The statement allows {} on all resources, though this product takes single ones.",
                Names::of(patterns.iter().map(ToString::to_string)).text(3)
            ),
            advice: match concrete.len() {
                0 => "Name the resources that are meant; the log shows none.".to_string(),
                _ => format!("Name the resources that are meant; the log shows {}.", concrete.text(5)),
            },
            confidence: conditioned(finding.confidence.min(Confidence::Medium), statement),
            evidence: FindingEvidence {
                resource: Some(resource.clone()),
                ..shape(statement, patterns.first().map_or("*", |pattern| pattern.as_str()))
            },
            ..finding
        }
    });
    found.collect()
}

/// Whether a pattern of a product with single resources covers a change that the log does not show asked for on `*`.
/// Calls that list things are asked for on `*` as a rule, so they do not count.
fn can_be_scoped(judge: &Judge<'_>, pattern: &str) -> bool {
    let everything = literal_service(pattern).is_none() && !is_opaque(pattern);
    let scoped = |service: &str| judge.cam.granularity_of(service) == Granularity::Resource;
    if is_wild(pattern) {
        return everything
            || literal_service(pattern).is_some_and(|service| scoped(&service))
                && (parts(pattern).1 == "*" || expand(pattern, judge.cam).any(|action| judge.risk.is_write(&action)));
    }
    let used = judge.usage.used(pattern);
    let on_all = judge.usage.at(&used).any(|observed| match &observed.resources {
        Resources::Logged(list) => list.contains("*"),
        _ => false,
    });
    scoped(parts(pattern).0) && judge.risk.is_write(pattern) && !on_all
}

fn concrete(judge: &Judge<'_>, patterns: &[&String]) -> BTreeSet<String> {
    let places: Places = patterns.iter().flat_map(|pattern| judge.usage.used(pattern)).collect();
    let observed = judge.usage.at(&places).filter(|observed| permitted(observed));
    let lists = observed.filter_map(|observed| match &observed.resources {
        Resources::Logged(list) | Resources::Built(list) => Some(list),
        Resources::Widened(_) | Resources::Unknown => None,
    });
    lists.flatten().filter(|resource| !is_all(resource)).cloned().collect()
}
