//! Verb wildcards such as `cvm:Describe*`, where the user asks for shorter documents.

use super::compose::Merged;
use super::needs::prefix;
use super::today::Today;
use super::unit::{Unit, Units};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::policy::glob_matches;
use std::collections::{BTreeMap, BTreeSet};

/// What wildcards are judged by.
pub(super) struct Judge<'j> {
    pub cam: &'j CamCatalog,
    pub risk: &'j RiskCatalog,
    pub today: Option<&'j Today<'j>>,
    /// Actions that must not come in by a wildcard: alarmed, refused, quarantined, held back or given up.
    pub barred: BTreeSet<&'j str>,
}

/// An action that a wildcard adds to what was used, with the wildcard and its resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Added {
    /// `svc:Action`.
    pub action: String,
    /// The wildcard that adds it.
    pub wildcard: String,
    /// Where it is added.
    pub resources: BTreeSet<String>,
    /// Addresses it is added for; empty for any.
    pub addresses: Vec<String>,
}

/// Actions that no wildcard may bring in.
pub(super) fn barred<'u>(units: &'u Units<'_>, granted: &BTreeSet<&str>) -> BTreeSet<&'u str> {
    let tainted = units.values().filter(|unit| {
        let doubted = !unit.against.is_empty() || !unit.quarantined.is_empty();
        doubted || unit.all_names().any(|name| !granted.contains(name))
    });
    tainted.flat_map(Unit::all_names).collect()
}

/// Replaces actions by verb wildcards where that adds nothing but reads; tells what it adds.
pub(super) fn compress(merged: &mut Merged, judge: &Judge<'_>) -> BTreeSet<Added> {
    let mut added = BTreeSet::new();
    for ((service, resources, fence), actions) in merged.iter_mut() {
        for (wildcard, covered) in (1..=MOST_WORDS).flat_map(|words| verbs(actions, words)).collect::<Vec<_>>() {
            // A shorter wildcard may have taken them.
            if !covered.iter().all(|action| actions.contains(action)) {
                continue;
            }
            let Some(more) = judge.adds(service, &wildcard, resources) else { continue };
            let addresses = fence.as_ref().map_or_else(Vec::new, |fence| fence.values.clone());
            added.extend(more.into_iter().filter(|action| !actions.contains(action)).map(|action| Added {
                action,
                wildcard: wildcard.clone(),
                resources: resources.clone(),
                addresses: addresses.clone(),
            }));
            for action in &covered {
                actions.remove(action);
            }
            actions.insert(wildcard);
        }
    }
    added
}

/// Words of a name that a wildcard keeps, at most: `Describe*`, then `DescribeInstance*`.
const MOST_WORDS: usize = 2;

/// Wildcards that keep so many words and stand for two actions at least, with those.
fn verbs(actions: &BTreeSet<String>, words: usize) -> BTreeMap<String, Vec<String>> {
    let mut verbs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for action in actions {
        if let Some(wildcard) = wildcard(action, words) {
            verbs.entry(wildcard).or_default().push(action.clone());
        }
    }
    verbs.retain(|_, covered| covered.len() > 1);
    verbs
}

/// `cvm:Describe*` for `cvm:DescribeInstances` and one word: all up to the capital letter after so many words.
fn wildcard(action: &str, words: usize) -> Option<String> {
    let (service, name) = action.split_once(':')?;
    let mut capitals = name.char_indices().filter(|(_, c)| c.is_ascii_uppercase()).map(|(at, _)| at);
    let first = capitals.next().filter(|&at| at == 0)?;
    let end = capitals.nth(words - 1).filter(|&end| end > first + 1)?;
    Some(format!("{service}:{}*", name.get(..end)?))
}

impl Judge<'_> {
    /// The catalogue's actions under a wildcard; none when it must not be used.
    fn adds(&self, service: &str, wildcard: &str, resources: &BTreeSet<String>) -> Option<Vec<String>> {
        let known = self.cam.actions(service).iter().map(|name| format!("{service}:{name}"));
        let more: Vec<String> = known.filter(|action| glob_matches(wildcard, action)).collect();
        let lower = wildcard.to_ascii_lowercase();
        let barred = self
            .barred
            .iter()
            .any(|action| prefix(action) == service && glob_matches(&lower, &action.to_ascii_lowercase()));
        // Some names read, and what they read is a credential or worse: no listed risk comes in by a wildcard.
        let harmless = |action: &String| !self.risk.is_write(action) && self.risk.risk(action).is_none();
        let granted = |action: &String| {
            self.today.is_none_or(|today| resources.iter().all(|resource| today.allows(action, resource)))
        };
        (!more.is_empty() && !barred && more.iter().all(|action| harmless(action) && granted(action))).then_some(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_keep_words() {
        assert_eq!(wildcard("cvm:DescribeInstancesStatus", 1).unwrap(), "cvm:Describe*");
        assert_eq!(wildcard("cvm:DescribeInstancesStatus", 2).unwrap(), "cvm:DescribeInstances*");
        assert_eq!(wildcard("cvm:DescribeInstances", 2), None);
        assert_eq!(wildcard("cvm:ABTest", 1), None);
        assert_eq!(wildcard("cvm:describeInstances", 1), None);
    }
}
