//! What the logs cannot show of what a recommendation is built from, in sentences.

use super::input::{Case, Class, Observed};
use super::needs::{Reader, prefix};
use super::output::GrantedAction;
use crate::catalog::cam::{CamCatalog, Granularity};
use std::collections::BTreeSet;

/// Most names in one sentence.
const MOST_NAMED: usize = 8;

/// Limits of what was seen.
pub(super) fn not_visible(case: &Case, granted: &[GrantedAction], cam: &CamCatalog) -> Vec<String> {
    let reader = Reader::new(&case.observed, &case.holder, cam);
    [
        objects(&case.observed),
        granularity(granted, cam),
        marked(granted, "resources_unknown", |names| {
            format!("The log does not tell on which resources these were called, so they are granted on all: {names}.")
        }),
        sampled(&case.observed),
        quarantined(&case.observed),
        console(&case.observed),
        nameless(&case.observed, &reader),
        odd_roles(&case.observed, &reader),
        Some(
            "That a call hands a role to a service (cam:PassRole) is not logged of its own; it is known only where \
             request parameters name the role."
                .to_owned(),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Joins names, the rest as a number.
fn join(names: &BTreeSet<&str>) -> String {
    let text = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST_NAMED);
    if more > 0 { format!("{text} and {more} more") } else { text }
}

fn objects(observed: &[Observed]) -> Option<String> {
    let object = |seen: &&Observed| seen.service.eq_ignore_ascii_case("cos") && seen.action.contains("Object");
    let none = !observed.iter().any(|seen| object(&seen));
    none.then(|| {
        "No calls on COS objects are in these logs. They are logged only where data events are shipped, so the holder may \
         read or write objects all the same; what it needs for that is not granted here."
            .to_owned()
    })
}

fn granularity(granted: &[GrantedAction], cam: &CamCatalog) -> Option<String> {
    let services: BTreeSet<&str> = granted.iter().map(|entry| prefix(&entry.action)).collect();
    let unknown: BTreeSet<&str> =
        services.into_iter().filter(|service| cam.granularity_of(service) == Granularity::Unknown).collect();
    (!unknown.is_empty()).then(|| {
        let names = join(&unknown);
        format!(
            "Whether these services take single resources is not known here; resources are named only where the log \
             names them: {names}."
        )
    })
}

fn marked(granted: &[GrantedAction], mark: &str, text: impl Fn(String) -> String) -> Option<String> {
    let marked = granted.iter().filter(|entry| entry.marks.iter().any(|own| own == mark));
    let names: BTreeSet<&str> = marked.map(|entry| entry.action.as_str()).collect();
    (!names.is_empty()).then(|| text(join(&names)))
}

fn sampled(observed: &[Observed]) -> Option<String> {
    let count = observed.iter().filter(|seen| seen.sampled).count();
    (count > 0)
        .then(|| format!("Of {count} groups of many like calls only a sample was kept; their counts are lower bounds."))
}

fn calls_of(observed: &[Observed], test: impl Fn(&Observed, Class) -> bool) -> usize {
    observed.iter().map(|seen| seen.calls.iter().filter(|call| test(seen, call.class)).count()).sum()
}

fn quarantined(observed: &[Observed]) -> Option<String> {
    let count = calls_of(observed, |_, class| class == Class::Quarantined);
    (count > 0).then(|| {
        format!(
            "{count} calls near a compromise are neither granted nor judged; decide about the alarms and build again."
        )
    })
}

fn console(observed: &[Observed]) -> Option<String> {
    let granted = |class| matches!(class, Class::Legitimate | Class::Reviewed);
    let count = calls_of(observed, |seen, class| !seen.api_call && granted(class));
    (count > 0).then(|| {
        format!("{count} calls were made in the console; what they need is granted without a condition on addresses.")
    })
}

fn nameless(observed: &[Observed], reader: &Reader<'_>) -> Option<String> {
    let without = observed.iter().filter(|seen| reader.of_call(seen).is_empty());
    let names: BTreeSet<String> =
        without.map(|seen| format!("{:?}", format!("{}:{}", seen.service, seen.action))).collect();
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!("These are no names that CAM actions can have, and nothing is granted for them: {}.", join(&names))
    })
}

fn odd_roles(observed: &[Observed], reader: &Reader<'_>) -> Option<String> {
    let odd = |seen: &&Observed| seen.passed_role.is_some() && reader.of_role(seen).is_none();
    let count = observed.iter().filter(odd).count();
    (count > 0)
        .then(|| format!("{count} groups of calls hand over a role by a text that names no role; it is not granted."))
}
