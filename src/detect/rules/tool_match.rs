//! Finds sequences and behaviours among the events of one key from one address, sorted by time.

use crate::catalog::signatures::{Behaviour, BehaviourKind, Signature, Step};
use crate::detect::history::History;
use crate::enrich::names::{ApiFacts, Names};
use crate::event::columns::flag;
use crate::event::frame::Row;
use hashbrown::HashSet;

/// The places of the events that make up a match, in order of time; never empty.
pub(super) type Match = Vec<usize>;

fn api<'n>(row: &Row, names: &'n Names) -> &'n ApiFacts {
    &names.apis[row.api as usize].1
}

fn is_step(step: &Step, row: &Row, names: &Names) -> bool {
    let facts = api(row, names);
    row.has(flag::TOOL_STEP) && step.is(&facts.family, &facts.action.to_ascii_lowercase())
}

/// The matches of a signature. After a match the search goes on behind it, so that overlapping ones count once.
pub(super) fn sequence_matches(signature: &Signature, group: &[&Row], names: &Names) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut start = 0;
    while start < group.len() {
        let found = if signature.ordered {
            ordered_from(signature, group, names, start)
        } else {
            unordered_from(signature, group, names, start)
        };
        match found {
            Some(found) => {
                start = found.last().map_or(start, |last| *last) + 1;
                matches.push(found);
            }
            None => start += 1,
        }
    }
    matches
}

/// Follows the steps from an event that is the first one. Other events may stand in between.
fn ordered_from(signature: &Signature, group: &[&Row], names: &Names, start: usize) -> Option<Match> {
    let steps = &signature.steps;
    if !is_step(&steps[0], group[start], names) {
        return None;
    }
    let end = group[start].time + signature.window_s * 1000;
    let (mut step, mut found) = (0, vec![start]);
    for (place, row) in group.iter().enumerate().skip(start + 1).take_while(|(_, row)| row.time <= end) {
        let complete = step + 1 == steps.len();
        if complete && !steps[step].repeats {
            break;
        }
        if !complete && is_step(&steps[step + 1], row, names) {
            step += 1;
            found.push(place);
        } else if steps[step].repeats && is_step(&steps[step], row, names) {
            found.push(place);
        }
    }
    (step + 1 == steps.len()).then_some(found)
}

/// Counts different steps in the window that an event opens.
fn unordered_from(signature: &Signature, group: &[&Row], names: &Names, start: usize) -> Option<Match> {
    let step_of = |row: &Row| signature.steps.iter().position(|step| is_step(step, row, names));
    step_of(group[start])?;
    let found: Match =
        window(group, start, signature.window_s).filter(|place| step_of(group[*place]).is_some()).collect();
    let different: HashSet<_> = found.iter().filter_map(|place| step_of(group[*place])).collect();
    (different.len() >= signature.min_distinct).then_some(found)
}

/// The places from `start` to the end of the window that it opens.
fn window<'g>(group: &'g [&Row], start: usize, seconds: i64) -> impl Iterator<Item = usize> + 'g {
    let end = group[start].time + seconds * 1000;
    (start..group.len()).take_while(move |place| group[*place].time <= end)
}

/// The matches of a behaviour, not overlapping.
pub(super) fn behaviour_matches(behaviour: &Behaviour, group: &[&Row], names: &Names, history: &History) -> Vec<Match> {
    let counted = |row: &Row| match behaviour.kind {
        BehaviourKind::Bruteforce { .. } => row.has(flag::DENIED),
        _ => !row.has(flag::WRITE),
    };
    let events: Vec<usize> = (0..group.len()).filter(|place| counted(group[*place])).collect();
    let rows: Vec<&Row> = events.iter().map(|place| group[*place]).collect();
    let mut matches = Vec::new();
    let mut start = 0;
    while start < rows.len() {
        let places: Vec<usize> = window(&rows, start, behaviour.window_s).collect();
        match behaves(&behaviour.kind, &places, &rows, names, history) {
            Some(found) => {
                start = found.last().map_or(start, |last| *last) + 1;
                matches.push(found.into_iter().map(|place| events[place]).collect());
            }
            None => start += 1,
        }
    }
    matches
}

/// Whether the events of a window show the behaviour, and which of them do.
fn behaves(kind: &BehaviourKind, places: &[usize], rows: &[&Row], names: &Names, history: &History) -> Option<Match> {
    let start = rows[places[0]];
    let different =
        |of: &dyn Fn(&Row) -> u32| places.iter().map(|place| of(rows[*place])).collect::<HashSet<_>>().len();
    let services: HashSet<&str> = places.iter().map(|place| api(rows[*place], names).service.as_str()).collect();
    match kind {
        BehaviourKind::Recon { services: enough, read_actions, needs_service, only_new_ip } => {
            let new_ip = history.pair_first.get(&(start.key, start.ip)).is_none_or(|first| *first >= start.time);
            let needed = needs_service.is_empty() || needs_service.iter().any(|name| services.contains(name.as_str()));
            let many = services.len() >= *enough && different(&|row| row.api) >= *read_actions;
            (many && needed && (new_ip || !only_new_ip)).then(|| places.to_vec())
        }
        BehaviourKind::RegionSweep { regions, before } => sweep(places, rows, *regions, *before, history),
        BehaviourKind::Bruteforce { denied, actions, services: enough } => {
            let many = places.len() >= *denied && different(&|row| row.api) >= *actions && services.len() >= *enough;
            many.then(|| places.to_vec())
        }
    }
}

/// The calls of the API that opens the window, if they reach enough regions.
fn sweep(places: &[usize], rows: &[&Row], regions: usize, before: usize, history: &History) -> Option<Match> {
    let start = rows[places[0]];
    if history.regions_before(start.key, start.time) > before {
        return None;
    }
    let found: Match = places.iter().copied().filter(|place| rows[*place].api == start.api).collect();
    let different: HashSet<u32> = found.iter().map(|place| rows[*place].region).collect();
    (different.len() >= regions).then_some(found)
}
