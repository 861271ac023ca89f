//! All that was seen of one action: calls that need it, and calls that must not have it.

use super::input::{Case, Class, Holder, Options};
use super::needs::{Need, Reader, prefix};
use super::part::Part;
use crate::catalog::cam::{CamCatalog, Granularity};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of one action.
///
/// For services of service level this is `svc:*`, as single APIs of those cannot be granted (documented by the vendor).
/// Names that differ only in case are one unit, except for COS, where case is known to count.
#[derive(Clone, Debug, Default)]
pub(super) struct Unit<'a> {
    /// The actions to grant.
    pub names: BTreeSet<String>,
    /// Spellings that only other calls used.
    pub others: BTreeSet<String>,
    /// Calls that are to be permitted.
    pub wanted: Vec<Part<'a>>,
    /// Alarmed and refused calls.
    pub against: Vec<Part<'a>>,
    /// Calls that nobody has judged yet.
    pub quarantined: Vec<Part<'a>>,
}

impl Unit<'_> {
    /// The service's prefix.
    pub(super) fn service(&self) -> &str {
        self.all_names().next().map_or("", prefix)
    }

    /// All spellings of the action.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(self.others.difference(&self.names)).map(String::as_str)
    }
}

/// Units by action.
pub(super) type Units<'a> = BTreeMap<String, Unit<'a>>;

/// Sorts calls by what they need.
pub(super) fn units<'a>(case: &'a Case, options: &Options, cam: &CamCatalog) -> Units<'a> {
    let reader = Reader::new(&case.observed, &case.holder, cam);
    let wanted = |class| wants(class, options);
    let mut units = Units::new();
    for entry in case.observed.iter().enumerate() {
        if let Some(calls) = Part::of(entry, wanted) {
            let needs = reader.of_call(entry.1).into_iter().chain(reader.of_role(entry.1));
            add(&mut units, cam, needs, &calls, |unit| (&mut unit.wanted, &mut unit.names));
        }
        if let Some(calls) = Part::of(entry, |class| class == Class::Alarmed) {
            add(&mut units, cam, reader.of_call(entry.1), &calls, |unit| (&mut unit.against, &mut unit.others));
        }
        if let Some(calls) = Part::of(entry, |class| class == Class::Denied) {
            add(&mut units, cam, reader.of_refusal(entry.1), &calls, |unit| (&mut unit.against, &mut unit.others));
        }
        if let Some(calls) = Part::of(entry, |class| class == Class::Quarantined) {
            add(&mut units, cam, reader.of_call(entry.1), &calls, |unit| (&mut unit.quarantined, &mut unit.others));
        }
    }
    units
}

/// Whether calls of a class are to be permitted.
pub(super) fn wants(class: Class, options: &Options) -> bool {
    match class {
        Class::Legitimate | Class::Reviewed => true,
        Class::Weak => options.include_failed,
        Class::Denied | Class::Alarmed | Class::Quarantined => false,
    }
}

/// Where calls stand in the case, what they are part of, and the calls.
type Calls<'a> = (usize, &'a super::input::Observed, Vec<&'a super::input::Call>);

fn add<'a>(
    units: &mut Units<'a>,
    cam: &CamCatalog,
    needs: impl IntoIterator<Item = Need>,
    calls: &Calls<'a>,
    list: for<'u> fn(&'u mut Unit<'a>) -> (&'u mut Vec<Part<'a>>, &'u mut BTreeSet<String>),
) {
    for need in needs {
        let name = granted_name(&need.action, cam);
        let unit = units.entry(key(&name)).or_default();
        let (parts, names) = list(unit);
        names.insert(name);
        parts.push(Part::new(calls, need));
    }
}

/// The action to write into a policy for this one.
fn granted_name(action: &str, cam: &CamCatalog) -> String {
    let service = prefix(action);
    let whole = cam.granularity_of(service) == Granularity::Service;
    if whole { format!("{service}:*") } else { action.to_owned() }
}

fn key(name: &str) -> String {
    if prefix(name) == "cos" { name.to_owned() } else { name.to_ascii_lowercase() }
}

/// The resources a unit's calls need, with the parts that touch each: `*` alone as soon as one call needs it, or the service
/// takes nothing else.
pub(super) fn resources<'p, 'a>(unit: &Unit<'_>, parts: &[&'p Part<'a>]) -> BTreeMap<&'p str, Vec<&'p Part<'a>>> {
    let star = parts.iter().any(|part| part.scope.listed().is_none()) || unit.names.iter().any(|n| n.ends_with(":*"));
    let mut found: BTreeMap<&str, Vec<&Part<'a>>> = BTreeMap::new();
    for &part in parts {
        if let Some(list) = part.scope.listed().filter(|_| !star) {
            for resource in list {
                found.entry(resource).or_default().push(part);
            }
        } else {
            found.entry("*").or_default().push(part);
        }
    }
    found
}

/// Whether this is the root account, to which policies do not apply.
pub(super) fn is_root(holder: &Holder) -> bool {
    holder.kind == super::input::HolderKind::Root
}
