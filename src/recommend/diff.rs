//! Today's grants against use: unused, not visible, used but not granted.

use super::current::{Current, Held};
use super::gaps::Missing;
use super::history::History;
use super::output::{DiffEntry, DiffState};
use super::patterns::{NAMES, Names, covers, is_opaque, literal_service};
use super::usage::{Places, Usage};
use crate::catalog::risk::{RiskCatalog, Unlogged};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one comparison; more than a person reads.
const ENTRIES: usize = 500;

/// A pattern and the statement it stands in, from 1.
pub(super) type Granted = (String, usize);

/// What one policy grants of one service, and what became of it.
pub(super) struct Standing<'h> {
    /// The policy.
    pub(super) held: &'h Held<'h>,
    /// The service in lower case, or `*` for patterns over several.
    pub(super) service: String,
    /// Its patterns, sorted.
    pub(super) patterns: Vec<Granted>,
    /// Permitted calls that they cover.
    pub(super) used: Places,
    /// Patterns that cover no permitted call although the log would show one.
    pub(super) idle: Vec<Granted>,
    /// Patterns that cover actions whose use the log may not show, whatever else of theirs it shows.
    pub(super) hidden: Vec<Granted>,
    /// Some of these actions, sorted.
    pub(super) unseen: Vec<String>,
}

impl Standing<'_> {
    /// Where the service as a whole stands; none when it is used.
    pub(super) fn state(&self) -> Option<DiffState> {
        match (self.used.is_empty(), self.hidden.is_empty()) {
            (false, _) => None,
            (true, true) => Some(DiffState::Unused),
            (true, false) => Some(DiffState::NotVisible),
        }
    }
}

/// What today's policies grant, by policy and service.
pub(super) fn standings<'h>(current: &'h Current<'h>, usage: &Usage<'_>, risk: &RiskCatalog) -> Vec<Standing<'h>> {
    current.held.iter().flat_map(|held| of_policy(held, usage, risk)).collect()
}

fn of_policy<'h>(held: &'h Held<'h>, usage: &Usage<'_>, risk: &RiskCatalog) -> Vec<Standing<'h>> {
    let mut services: BTreeMap<String, Vec<Granted>> = BTreeMap::new();
    for (number, statement) in held.allows() {
        for pattern in statement.actions.iter().filter(|pattern| !is_opaque(pattern)) {
            let service = literal_service(pattern).unwrap_or_else(|| "*".to_string());
            services.entry(service).or_default().push((pattern.clone(), number));
        }
    }
    services.into_iter().map(|(service, patterns)| standing(held, service, patterns, usage, risk)).collect()
}

fn standing<'h>(
    held: &'h Held<'h>,
    service: String,
    mut patterns: Vec<Granted>,
    usage: &Usage<'_>,
    risk: &RiskCatalog,
) -> Standing<'h> {
    patterns.sort_unstable();
    patterns.dedup_by(|a, b| a.0 == b.0);
    let unseen = unseen(&service, usage, risk);
    let mut out = Standing {
        held,
        service,
        patterns: Vec::new(),
        used: Places::new(),
        idle: Vec::new(),
        hidden: Vec::new(),
        unseen: Vec::new(),
    };
    let mut examples = BTreeSet::new();
    for granted in &patterns {
        let used = usage.used(&granted.0);
        let covered = unseen.iter().filter(|unlogged| covers(&granted.0, unlogged.action));
        examples.extend(covered.clone().map(|unlogged| unlogged.action.to_string()));
        if covered.count() > 0 {
            out.hidden.push(granted.clone());
        } else if used.is_empty() {
            out.idle.push(granted.clone());
        }
        out.used.extend(used);
    }
    out.patterns = patterns;
    out.unseen = examples.into_iter().collect();
    out
}

/// Actions whose use the log may not show. Where it shows one of a service, it shows them all.
fn unseen<'r>(service: &str, usage: &Usage<'_>, risk: &'r RiskCatalog) -> Vec<&'r Unlogged> {
    let services: Vec<&str> = match service {
        "*" => risk.unlogged_services().collect(),
        one => vec![one],
    };
    let silent = services.into_iter().filter(|service| {
        risk.unlogged(service).iter().all(|unlogged| usage.matching(unlogged.action).next().is_none())
    });
    silent.flat_map(|service| risk.unlogged(service)).collect()
}

/// The comparison, sorted; what is younger than the logs is not called unused.
pub(super) fn diff(standings: &[Standing<'_>], missing: &[Missing], history: &History) -> Vec<DiffEntry> {
    let mut out: Vec<DiffEntry> = standings.iter().flat_map(|standing| entries(standing, history)).collect();
    out.extend(missing.iter().map(|missing| DiffEntry {
        state: DiffState::UsedNotGranted,
        action: missing.action.clone(),
        policy: None,
        note: "It succeeded, but today's grants do not allow it.".to_string(),
    }));
    out.sort_by(|a, b| (a.state, &a.policy, &a.action).cmp(&(b.state, &b.policy, &b.action)));
    out.dedup();
    bounded(out)
}

fn entries(standing: &Standing<'_>, history: &History) -> Vec<DiffEntry> {
    let judged = history.judges(&standing.held.granted.attachment).is_some();
    let whole = if standing.used.is_empty() { "No call of this service was seen." } else { "No such call was seen." };
    let idle = if judged { some(standing, &standing.idle, DiffState::Unused, whole) } else { Vec::new() };
    let which = Names::of(standing.unseen.iter().cloned()).text(3);
    let note = format!(
        "CloudAudit may not show some of these calls ({which}), so silence does not mean that they are not made."
    );
    idle.into_iter().chain(some(standing, &standing.hidden, DiffState::NotVisible, &note)).collect()
}

fn some(standing: &Standing<'_>, granted: &[Granted], state: DiffState, note: &str) -> Vec<DiffEntry> {
    let entry = |action: String, note: String| DiffEntry {
        state,
        action,
        policy: Some(standing.held.name().to_string()),
        note,
    };
    let mut out: Vec<DiffEntry> =
        granted.iter().take(NAMES).map(|(pattern, _)| entry(pattern.clone(), note.to_string())).collect();
    if let Some(more) = granted.len().checked_sub(NAMES).filter(|more| *more > 0) {
        out.push(entry(standing.service.clone(), format!("{more} more of this service stand the same way.")));
    }
    out
}

fn bounded(mut entries: Vec<DiffEntry>) -> Vec<DiffEntry> {
    if let Some(more) = entries.len().checked_sub(ENTRIES).filter(|more| *more > 0) {
        entries.truncate(ENTRIES);
        if let Some(last) = entries.last_mut() {
            last.note = format!("{} {more} further entries are left out.", last.note);
        }
    }
    entries
}
