//! From what was seen of a holder to the documents that permit it and nothing else.

use super::compose::{merge, statements};
use super::compress::{Added, Judge, barred, compress};
use super::grant::{Grant, Maker};
use super::input::{Case, Class, Options};
use super::names::Namer;
use super::needs::{PASS_ROLE, prefix};
use super::notes::not_visible;
use super::output::{CallSum, Confidence, Conflict, Evidence, GrantedAction, NeedsDecision, Proposed};
use super::part::{Part, evidence};
use super::replay::caller;
use super::separate::{Ruling, rule};
use super::split::{MOST_PARTS, document, parts};
use super::today::Today;
use super::unit::{Unit, Units, is_root, units};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::policy::Document;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Why no documents can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The limit leaves no room for a statement.
    #[error("documents of at most {limit} characters cannot hold a statement; the least is {least}")]
    LimitTooSmall {
        /// The limit, in characters.
        limit: usize,
        /// The least that makes sense.
        least: usize,
    },
    /// One action on one resource is longer than a document may be.
    #[error("{action} on {resource} needs a document of {needed} characters, and at most {limit} are allowed")]
    StatementTooLong {
        /// The longest action.
        action: String,
        /// The longest resource.
        resource: String,
        /// Characters it takes.
        needed: usize,
        /// The limit.
        limit: usize,
    },
    /// More documents than can be attached.
    #[error(
        "{parts} documents of at most {limit} characters are needed, and at most {most} can be attached; give each workload \
         a group or a role of its own, or shorten the documents with --collapse or --compress"
    )]
    TooManyDocuments {
        /// Documents needed; a lower bound.
        parts: usize,
        /// The most that can be attached.
        most: usize,
        /// The limit, in characters.
        limit: usize,
    },
}

/// What building gives: the parts of a recommendation that follow from the calls and the rules for granting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Whether policies can be attached: not to root.
    pub attachable: bool,
    /// Documents in the order to attach; rare ones last.
    pub documents: Vec<Proposed>,
    /// What they grant and why, sorted by action.
    pub granted: Vec<GrantedAction>,
    /// Used, but not granted without a person's decision.
    pub needs_decision: Vec<NeedsDecision>,
    /// Given up, as legitimate calls and those to be denied cannot be told apart.
    pub conflicts: Vec<Conflict>,
    /// Neither granted nor judged.
    pub quarantined: Vec<CallSum>,
    /// What the logs cannot show of all this.
    pub not_visible: Vec<String>,
    /// Addresses that conditions trust, sorted.
    pub trusted: Vec<String>,
}

/// Builds documents for a holder.
pub fn build(case: &Case, options: &Options, cam: &CamCatalog, risk: &RiskCatalog) -> Result<Built, BuildError> {
    build_trusting(case, options, &super::source::trusted(case, options), cam, risk)
}

/// Builds documents for a holder whose trusted addresses are given, not found.
pub fn build_trusting(
    case: &Case,
    options: &Options,
    trusted: &BTreeSet<IpAddr>,
    cam: &CamCatalog,
    risk: &RiskCatalog,
) -> Result<Built, BuildError> {
    if is_root(&case.holder) {
        return Ok(Built::default());
    }
    let caller = caller(&case.holder);
    let today = case.granted.as_ref().and_then(|granted| Today::read(granted, &caller, cam, risk));
    let maker = Maker { options, cam, trusted, caller: &caller, today: today.as_ref() };
    let units = units(case, options, cam);
    let rulings: BTreeMap<&str, Ruling> =
        units.iter().map(|(key, unit)| (key.as_str(), rule(unit, options, &caller, cam))).collect();
    let plan = Plan::new(&units, &rulings, &maker, risk);
    let mut merged = merge(plan.grants.iter().filter(|grant| !grant.rare));
    let names: BTreeSet<&str> = plan.grants.iter().flat_map(|grant| &grant.names).map(String::as_str).collect();
    let mut added = BTreeSet::new();
    // Without knowing what today's grants allow, wildcards might add to it.
    if options.compress && (case.granted.is_none() || today.is_some()) {
        let judge = Judge { cam, risk, today: today.as_ref(), barred: barred(&units, &names) };
        added = compress(&mut merged, &judge);
    }
    let main = parts(&statements(&merged, risk), options.max_chars)?;
    let rare = statements(&merge(plan.grants.iter().filter(|grant| grant.rare)), risk);
    let rare = parts(&rare, options.max_chars)?;
    let granted = told(&plan.grants, &added);
    Ok(Built {
        attachable: true,
        documents: named(&main, &rare, case, options)?,
        not_visible: not_visible(case, &granted, cam),
        granted,
        needs_decision: plan.needs_decision,
        conflicts: rulings.into_values().flat_map(|ruling| ruling.conflicts).collect(),
        quarantined: units.values().flat_map(quarantined).collect(),
        trusted: trusted.iter().map(ToString::to_string).collect(),
    })
}

/// Grants and what is held back.
struct Plan {
    grants: Vec<Grant>,
    needs_decision: Vec<NeedsDecision>,
}

impl Plan {
    /// A call whose one need is given up gets none of its needs granted: it would fail all the same. A call with a need that
    /// is held back waits as a whole for the decision.
    fn new(units: &Units<'_>, rulings: &BTreeMap<&str, Ruling>, maker: &Maker<'_>, risk: &RiskCatalog) -> Self {
        let dropped: BTreeSet<usize> = rulings.values().flat_map(|ruling| &ruling.dropped).copied().collect();
        let mut held: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (key, unit) in units.iter().filter(|(_, unit)| gate(unit, maker.cam, risk).is_some()) {
            for part in &unit.wanted {
                held.entry(part.index).or_default().insert(key);
            }
        }
        let mut plan = Self { grants: Vec::new(), needs_decision: Vec::new() };
        let mut with: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, unit) in units {
            let parts: Vec<&Part<'_>> = unit.wanted.iter().filter(|part| !dropped.contains(&part.index)).collect();
            if gate(unit, maker.cam, risk).is_none() {
                let (kept, waiting): (Vec<_>, Vec<_>) =
                    parts.into_iter().partition(|part| !held.contains_key(&part.index));
                plan.grants.extend(maker.grant(unit, &kept, &rulings[key.as_str()]));
                for gated in waiting.iter().filter_map(|part| held.get(&part.index)).flatten() {
                    with.entry(gated).or_default().extend(unit.names.iter().map(String::as_str));
                }
            }
        }
        for (key, unit) in units {
            let Some(reason) = gate(unit, maker.cam, risk) else { continue };
            let parts: Vec<&Part<'_>> = unit.wanted.iter().filter(|part| !dropped.contains(&part.index)).collect();
            let also = with.remove(key.as_str()).unwrap_or_default();
            if let Some(grant) = maker.grant(unit, &parts, &rulings[key.as_str()]) {
                plan.needs_decision.extend(decisions(&grant, reason, &also, &parts));
            }
        }
        plan
    }
}

/// Why an action is not granted without a decision. Handing over a named role is, and products that can only be granted as a
/// whole are held back when the whole holds such an action.
fn gate(unit: &Unit<'_>, cam: &CamCatalog, risk: &RiskCatalog) -> Option<&'static str> {
    let of = |name: &String| {
        if name == PASS_ROLE {
            return None;
        }
        let service = prefix(name);
        let all = cam.actions(service).iter().map(|action| format!("{service}:{action}"));
        if name.ends_with(":*") { all.into_iter().find_map(|action| risk.gate(&action)) } else { risk.gate(name) }
    };
    unit.names.iter().find_map(of)
}

fn decisions(grant: &Grant, risk: &str, also: &BTreeSet<&str>, parts: &[&Part<'_>]) -> Vec<NeedsDecision> {
    let value = document(grant.statements()).to_value();
    let mut statements = value.get("statement").and_then(Value::as_array).cloned().unwrap_or_default();
    let statement = if statements.len() == 1 { statements.remove(0) } else { Value::Array(statements) };
    let meaning = match risk {
        "escalation" => "gives somebody more rights",
        "credentials" => "returns or makes credentials",
        "audit" => "can stop the log that shows misuse",
        _ => "is risky",
    };
    let decision = |name: &String| {
        let mut why = format!("{name} {meaning}, so it is not granted for having been used.");
        if !also.is_empty() {
            let also: Vec<&str> = also.iter().copied().collect();
            why = format!("{why} The calls also need {}.", also.join(", "));
        }
        NeedsDecision {
            action: name.clone(),
            risk: risk.to_owned(),
            why,
            statement: statement.clone(),
            evidence: evidence(parts.iter().copied()),
        }
    };
    grant.names.iter().map(decision).collect()
}

fn quarantined(unit: &Unit<'_>) -> Vec<CallSum> {
    if unit.quarantined.is_empty() {
        return Vec::new();
    }
    let sum = |name: &str| CallSum {
        action: name.to_owned(),
        class: Class::Quarantined,
        evidence: evidence(&unit.quarantined),
    };
    unit.others.iter().map(|name| sum(name)).collect()
}

/// What is granted, with what wildcards add.
fn told(grants: &[Grant], added: &BTreeSet<Added>) -> Vec<GrantedAction> {
    let more = added.iter().map(|added| GrantedAction {
        action: added.action.clone(),
        resources: added.resources.iter().cloned().collect(),
        addresses: added.addresses.clone(),
        confidence: Confidence::Low,
        rare: false,
        marks: vec!["added_by_wildcard".to_owned(), added.wildcard.clone()],
        evidence: Evidence::default(),
    });
    let mut granted: Vec<GrantedAction> = grants.iter().flat_map(Grant::told).chain(more).collect();
    granted.sort_by(|a, b| (&a.action, &a.resources).cmp(&(&b.action, &b.resources)));
    granted
}

fn named(main: &[Document], rare: &[Document], case: &Case, options: &Options) -> Result<Vec<Proposed>, BuildError> {
    let count = main.len() + rare.len();
    if count > MOST_PARTS {
        return Err(BuildError::TooManyDocuments { parts: count, most: MOST_PARTS, limit: options.max_chars });
    }
    let mut namer = Namer::new(&case.holder);
    let usual: Vec<Proposed> =
        main.iter().map(|document| proposed(namer.next(only_service(document).as_deref()), false, document)).collect();
    let once = rare.iter().map(|document| proposed(namer.next(Some("rare")), true, document));
    Ok(usual.into_iter().chain(once).collect())
}

fn only_service(document: &Document) -> Option<String> {
    let actions = document.statements.iter().flat_map(|statement| &statement.actions);
    let services: BTreeSet<&str> = actions.map(|action| prefix(action)).collect();
    if services.len() == 1 { services.first().map(|&service| service.to_owned()) } else { None }
}

fn proposed(name: String, rare: bool, document: &Document) -> Proposed {
    Proposed { name, rare, length: document.length(), document: document.to_value() }
}
