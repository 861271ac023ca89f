//! DELETE_UNUSED, TWO_KEYS, REPLACE_BY_ROLE, RESTRICT_IP, SPLIT_KEY.

use super::commands::IDLE;
use super::{Desk, commands, step};
use crate::policy::Effect;
use crate::recommend::findings::has_ip_condition;
use crate::recommend::input::{KeyFacts, Observed};
use crate::recommend::output::{Confidence, Step};
use crate::recommend::patterns::Names;
use crate::recommend::shell::note;
use crate::recommend::source::address;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Days without use after which a key should go. The console deletes by the same idea, disabled or not.
const UNUSED: i64 = 90;

/// How the ids of machines begin that can have a role: servers, functions, nodes of clusters. Gateways, balancers and
/// mere addresses cannot.
const MACHINES: [&str; 5] = ["ins-", "lambda-", "scf", "cls-", "eks"];

/// Most addresses that a condition should name.
const ADDRESSES: usize = 16;

pub(super) fn delete_unused(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let last = desk.last_used(key);
    let inactive = key.status.as_deref() == Some("inactive");
    let (why, confidence) = match last {
        Some(last) if desk.is_past(last, UNUSED) => {
            (format!("The key was last used {} ago{}.", desk.days(last), made(desk, key)), Confidence::High)
        }
        Some(last) if inactive && desk.is_past(last, IDLE) => (
            format!("The key is disabled and was last used {} ago{}.", desk.days(last), made(desk, key)),
            Confidence::High,
        ),
        None if key.listed && key.created.is_some_and(|created| desk.is_past(created, UNUSED)) => {
            (format!("No use of the key is known{}.", made(desk, key)), Confidence::Medium)
        }
        _ => return None,
    };
    Some(Step {
        evidence: desk.evidence(key, |_| true),
        commands: commands::retire(desk, key),
        rollback: commands::enable_again(desk, key),
        ..step("DELETE_UNUSED", key, why, confidence)
    })
}

/// The key's age, where the inventory tells.
fn made(desk: &Desk<'_>, key: &KeyFacts) -> String {
    key.created.map_or(String::new(), |created| format!("; it was made {} ago", desk.days(created)))
}

/// The idle one of two active keys.
pub(super) fn two_keys(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let is_idle = |key: &KeyFacts| desk.last_used(key).is_none_or(|last| desk.is_past(last, IDLE));
    let active = |key: &&KeyFacts| key.status.as_deref() == Some("active") && key.ak != super::TEMPORARY;
    let other = desk.case.keys.iter().filter(active).find(|other| other.ak != key.ak && !is_idle(other));
    let young = key.created.is_some_and(|created| !desk.is_past(created, IDLE));
    (other.is_some() && active(&key) && is_idle(key) && !young).then(|| Step {
        evidence: desk.evidence(key, |_| true),
        commands: commands::retire(desk, key),
        rollback: commands::enable_again(desk, key),
        ..step(
            "TWO_KEYS",
            key,
            format!("The user has two active keys, and this one was not used in the last {IDLE} days."),
            Confidence::Medium,
        )
    })
}

/// A permanent key that is used only on machines of the account, which can have temporary keys instead.
pub(super) fn replace_by_role(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let addresses = addresses(desk, key)?;
    let asset = |ip: &String| {
        let mut own = desk.case.sources.iter().filter(|source| source.ip_type == "in_account");
        let same = |text: &str| text.trim().parse::<IpAddr>().is_ok_and(|own| own.to_canonical().to_string() == *ip);
        own.find(|source| same(&source.ip))?.asset_id.clone()
    };
    let assets: BTreeSet<String> = addresses.iter().map(asset).collect::<Option<_>>()?;
    let machines = assets.iter().all(|asset| MACHINES.iter().any(|start| asset.starts_with(start)));
    let assets = Names::of(assets);
    (machines && assets.len() > 0).then(|| Step {
        evidence: desk.evidence(key, |observed| observed.api_call),
        commands: vec![
            note(
                "Make a role that the product of the machine may take (cvm.qcloud.com, scf.qcloud.com), and attach the",
            ),
            note("recommended documents to it; give it to the machine, and read temporary keys there:"),
            note("curl http://metadata.tencentyun.com/latest/meta-data/cam/security-credentials/ROLE"),
            commands::watch(),
            commands::set_status(desk, key, "Inactive"),
        ],
        rollback: commands::enable_again(desk, key),
        ..step(
            "REPLACE_BY_ROLE",
            key,
            format!("The key is used only on machines of the account ({}), which can have a role.", assets.text(3)),
            Confidence::Medium,
        )
    })
}

/// A permanent key with few stable sources, policies that work from anywhere, and documents to replace them.
pub(super) fn restrict_ip(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let addresses = addresses(desk, key)?;
    let stable = (1..=ADDRESSES).contains(&addresses.len()) && addresses.is_subset(desk.trusted);
    let mut allows = desk.current?.held.iter().flat_map(|held| held.statements(Effect::Allow));
    let open = allows.any(|(_, statement)| !has_ip_condition(statement));
    let named = Names::of(addresses);
    (stable && open && !desk.documents.is_empty()).then(|| Step {
        evidence: desk.evidence(key, |observed| observed.api_call),
        commands: vec![note(
            "Attach the recommended documents; they name these addresses where the product supports it.",
        )],
        rollback: "Attach the old policies again.".to_string(),
        ..step(
            "RESTRICT_IP",
            key,
            format!("The key is used from {} only, but its policies work from anywhere.", named.text(5)),
            Confidence::Medium,
        )
    })
}

/// One key for two jobs: services that never share an address.
pub(super) fn split_key(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let jobs = jobs(desk.fair(key));
    (jobs.len() > 1).then(|| {
        let first: Vec<String> = jobs.iter().take(2).map(|job| Names::of(job.iter().cloned()).text(3)).collect();
        Step {
            evidence: desk.evidence(key, |observed| observed.api_call),
            commands: vec![note(
                "Make a user of its own for each job, with its own key and the documents for its services.",
            )],
            rollback: "Keep the old key until each job works with its own.".to_string(),
            ..step(
                "SPLIT_KEY",
                key,
                format!("One key does separate jobs: {} are used from other addresses than {}.", first[0], first[1]),
                Confidence::Low,
            )
        }
    })
}

/// Addresses of the fair API calls; none when there is no call or one has no address.
fn addresses(desk: &Desk<'_>, key: &KeyFacts) -> Option<BTreeSet<String>> {
    let addresses: Option<BTreeSet<String>> = desk.fair(key).map(canonical).collect();
    addresses.filter(|addresses| !addresses.is_empty())
}

/// The address in its plain form, as trusted ones are written.
fn canonical(observed: &Observed) -> Option<String> {
    address(observed).map(|ip| ip.to_string())
}

/// Services in groups that share no address; each group seen on two days at least.
fn jobs<'o>(calls: impl Iterator<Item = &'o Observed>) -> Vec<BTreeSet<String>> {
    let mut groups: Vec<(BTreeSet<String>, BTreeSet<String>, BTreeSet<i32>)> = Vec::new();
    for (service, (addresses, days)) in by_service(calls) {
        let mut group = (BTreeSet::from([service]), addresses, days);
        let (same, other): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(_, addresses, _)| !addresses.is_disjoint(&group.1));
        for (services, addresses, days) in same {
            group.0.extend(services);
            group.1.extend(addresses);
            group.2.extend(days);
        }
        groups = other;
        groups.push(group);
    }
    groups.sort();
    groups.into_iter().filter(|(_, _, days)| days.len() > 1).map(|(services, _, _)| services).collect()
}

type Habits = BTreeMap<String, (BTreeSet<String>, BTreeSet<i32>)>;

fn by_service<'o>(calls: impl Iterator<Item = &'o Observed>) -> Habits {
    let mut out = Habits::new();
    for observed in calls {
        let Some(ip) = canonical(observed) else { continue };
        let (addresses, days) = out.entry(observed.service.clone()).or_default();
        addresses.insert(ip);
        days.extend(observed.calls.iter().map(|call| call.day));
    }
    out
}
