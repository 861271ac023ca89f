//! `type/*` in place of many ids, where the user asks for it.

use super::contest::{Contested, Reach};
use super::grant::{Lines, Maker};
use super::scope::{Depth, family};
use super::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// More ids than this of one type in one region become `type/*`. From the specification of this tool.
const MOST_IDS: usize = 20;

/// Replaces many ids of one type by `type/*`, directories first; whether it did. It does not where that would let an alarmed
/// or refused call through, or what today's grants deny.
pub(super) fn collapse(lines: &mut Lines, unit: &Unit<'_>, maker: &Maker<'_>) -> bool {
    let directories = collapse_at(Depth::Directory, lines, unit, maker);
    let kinds = collapse_at(Depth::Kind, lines, unit, maker);
    directories || kinds
}

fn collapse_at(depth: Depth, lines: &mut Lines, unit: &Unit<'_>, maker: &Maker<'_>) -> bool {
    let allowed = allowed_patterns(depth, lines, unit, maker);
    for resources in lines.values_mut() {
        let families: Vec<String> = large_families(resources, depth)
            .into_iter()
            .map(str::to_owned)
            .filter(|family| allowed.contains(&format!("{family}*")))
            .collect();
        for family in families {
            resources.retain(|resource| !resource.starts_with(&family));
            resources.insert(format!("{family}*"));
        }
    }
    !allowed.is_empty()
}

/// Patterns for large families that let nothing through that must be denied, beside all else that is granted.
fn allowed_patterns(depth: Depth, lines: &Lines, unit: &Unit<'_>, maker: &Maker<'_>) -> BTreeSet<String> {
    let families = lines.values().flat_map(|resources| large_families(resources, depth));
    let mut patterns: BTreeSet<String> = families.map(|family| format!("{family}*")).collect();
    if patterns.is_empty() {
        return patterns;
    }
    let all = lines.values().flatten().chain(&patterns).map(String::as_str);
    let reach = Reach::new(all, maker.caller.clone(), maker.cam);
    let contested = Contested::new(&reach, &unit.against);
    let fine =
        |pattern: &str| !contested.has(pattern) && !maker.today.is_some_and(|today| today.denies(&unit.names, pattern));
    let bad: Vec<String> = patterns.iter().filter(|pattern| !fine(pattern)).cloned().collect();
    for pattern in bad {
        patterns.remove(&pattern);
    }
    patterns
}

fn large_families(resources: &BTreeSet<String>, depth: Depth) -> BTreeSet<&str> {
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    for family in resources.iter().filter_map(|resource| family(resource, depth)) {
        *families.entry(family).or_default() += 1;
    }
    families.into_iter().filter(|&(_, count)| count > MOST_IDS).map(|(family, _)| family).collect()
}
