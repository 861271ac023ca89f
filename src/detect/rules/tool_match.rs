//! Finds sequences and behaviours among the events of one key from one address, sorted by time.
//!
//! Windows slide, so that a search takes time in proportion to the events, however many there are.

use crate::catalog::signatures::{Behaviour, BehaviourKind, Signature, Step};
use crate::detect::history::History;
use crate::enrich::names::{ApiFacts, Names};
use crate::event::columns::flag;
use crate::event::frame::{NO_REGION, Row};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::hash::Hash;

/// The places of the events that make up a match, in order of time; never empty.
pub(super) type Match = Vec<usize>;

fn api<'n>(row: &Row, names: &'n Names) -> &'n ApiFacts {
    &names.apis[row.api as usize].1
}

/// How often each value occurs in a window.
struct Counts<K>(HashMap<K, usize>);

impl<K: Hash + Eq> Counts<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    fn add(&mut self, value: K) {
        *self.0.entry(value).or_default() += 1;
    }

    fn remove(&mut self, value: K) {
        if let hashbrown::hash_map::Entry::Occupied(mut entry) = self.0.entry(value) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn different(&self) -> usize {
        self.0.len()
    }
}

/// A window over rows sorted by time: as long as `length`, opened by the row at `start`.
struct Window<'r, 'g> {
    rows: &'g [&'r Row],
    length: i64,
    start: usize,
    end: usize,
}

impl<'r, 'g> Window<'r, 'g> {
    fn new(rows: &'g [&'r Row], seconds: i64) -> Self {
        Self { rows, length: seconds * 1000, start: 0, end: 0 }
    }

    /// Takes in the rows up to the window's length; `add` sees each once.
    fn fill(&mut self, mut add: impl FnMut(usize)) {
        let last = self.rows[self.start].time.saturating_add(self.length);
        while self.end < self.rows.len() && self.rows[self.end].time <= last {
            add(self.end);
            self.end += 1;
        }
    }

    /// Moves the start to `to`; `remove` sees each row that falls out.
    fn open_at(&mut self, to: usize, mut remove: impl FnMut(usize)) {
        (self.start..to.min(self.end)).for_each(&mut remove);
        self.start = to;
        self.end = self.end.max(to);
    }

    /// The first row after the start's second. Rows of one second open the same window, of which the
    /// first one's holds all.
    fn next_second(&self) -> usize {
        let second = self.rows[self.start].time;
        self.start + self.rows[self.start..].iter().take_while(|row| row.time == second).count()
    }

    /// The first row after an eighth of the window: coarser sliding that still finds what spans up to
    /// seven eighths of it.
    fn next_eighth(&self) -> usize {
        let until = self.rows[self.start].time.saturating_add(self.length / 8);
        self.start + self.rows[self.start..].iter().take_while(|row| row.time <= until).count()
    }

    fn places(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}

/// Which steps of each signature an API is. It is the same in every event, and so found out once.
pub(super) struct Steps(HashMap<u32, Vec<Vec<usize>>>);

impl Steps {
    pub(super) fn new(signatures: &[Signature], names: &Names) -> Self {
        let apis = (0..).zip(&names.apis).filter(|(_, (_, facts))| facts.flags & flag::TOOL_STEP != 0);
        Self(apis.map(|(api, (_, facts))| (api, signatures.iter().map(|s| steps_of(s, facts)).collect())).collect())
    }

    /// The steps that the API of a row is of the signature with this number.
    fn of(&self, signature: usize, row: &Row) -> &[usize] {
        self.0.get(&row.api).map_or(&[], |steps| &steps[signature])
    }
}

/// Events looked at for one signature and group before windows move by eighths instead of seconds.
/// Hostile logs hold tens of thousands of steps in a second, real ones dozens.
const PATIENCE: usize = 20_000_000;

/// Hands the matches of the signature with this number to `take`. Those that it takes do not overlap; behind one that it
/// refuses the search goes on within.
pub(super) fn sequence_matches(
    (number, signature): (usize, &Signature),
    group: &[&Row],
    steps: &Steps,
    mut take: impl FnMut(&Match) -> bool,
) {
    let of_tools = group.iter().enumerate().filter(|(_, row)| row.has(flag::TOOL_STEP));
    let all = of_tools.map(|(place, row)| (place, steps.of(number, row)));
    let (places, steps): (Vec<usize>, Vec<&[usize]>) = all.filter(|(_, steps)| !steps.is_empty()).unzip();
    if places.is_empty() {
        return;
    }
    let rows: Vec<&Row> = places.iter().map(|place| group[*place]).collect();
    let needed = if signature.ordered { signature.steps.len() } else { signature.min_distinct };
    let mut seen = Counts::new();
    let mut window = Window::new(&rows, signature.window_s);
    let mut patience = PATIENCE;
    while window.start < rows.len() {
        window.fill(|place| steps[place].iter().for_each(|step| seen.add(*step)));
        let complete = seen.different() >= needed;
        patience = if complete { patience.saturating_sub(window.places().len()) } else { patience };
        let found = if !complete {
            None
        } else if signature.ordered {
            best_sequence(signature, &rows, &steps, window.places())
        } else {
            Some(window.places().collect())
        };
        let taken = found.filter(|found| take(&found.iter().map(|place| places[*place]).collect()));
        let next = match taken {
            Some(found) => found[found.len() - 1] + 1,
            None if complete && patience == 0 => window.next_eighth(),
            None => window.next_second(),
        };
        window.open_at(next, |place| steps[place].iter().for_each(|step| seen.remove(*step)));
    }
}

fn steps_of(signature: &Signature, api: &ApiFacts) -> Vec<usize> {
    let action = api.action.to_ascii_lowercase();
    let is = |step: &Step| step.is(&api.family, &action);
    signature.steps.iter().enumerate().filter(|(_, step)| is(step)).map(|(number, _)| number).collect()
}

/// Follows the steps through a window, other events in between, so that as many markers as possible
/// are on the way: a decoy without them must not hide the real thing.
fn best_sequence(
    signature: &Signature,
    rows: &[&Row],
    steps: &[&[usize]],
    places: std::ops::Range<usize>,
) -> Option<Match> {
    let wanted = signature.markers.iter().fold(0, |bits, marker| bits | 1_u32 << marker);
    let last = signature.steps.len() - 1;
    // For each step reached, the first way to get there with each set of markers.
    let mut ways: Vec<BTreeMap<u32, Match>> = vec![BTreeMap::new(); last + 1];
    for place in places.clone() {
        let markers = rows[place].markers & wanted;
        for step in steps[place].iter().rev() {
            let before: Vec<(u32, Match)> = match step.checked_sub(1) {
                None => vec![(0, Vec::new())],
                Some(before) => ways[before].iter().map(|(set, way)| (*set, way.clone())).collect(),
            };
            for (set, mut way) in before {
                way.push(place);
                ways[*step].entry(set | markers).or_insert(way);
            }
        }
    }
    let best = ways[last].iter().max_by_key(|(set, way)| (set.count_ones(), std::cmp::Reverse(way[way.len() - 1])))?.1;
    Some(with_repeats(signature, steps, best, places.end))
}

/// Adds the further events of steps that may repeat, up to the next step's event.
fn with_repeats(signature: &Signature, steps: &[&[usize]], way: &[usize], end: usize) -> Match {
    let mut found = Vec::new();
    for (number, place) in way.iter().enumerate() {
        found.push(*place);
        if signature.steps[number].repeats {
            let until = way.get(number + 1).copied().unwrap_or(end);
            found.extend((place + 1..until).filter(|other| steps[*other].contains(&number)));
        }
    }
    found
}

/// The matches of a behaviour, not overlapping, in order of time.
pub(super) fn behaviour_matches(behaviour: &Behaviour, group: &[&Row], names: &Names, history: &History) -> Vec<Match> {
    let of = |wanted: &dyn Fn(&Row) -> bool| -> Vec<usize> {
        (0..group.len()).filter(|place| wanted(group[*place])).collect()
    };
    let reads = |row: &Row| !row.has(flag::WRITE);
    match &behaviour.kind {
        BehaviourKind::Bruteforce { denied, actions, services } => {
            let places = of(&|row| row.has(flag::DENIED));
            let enough = |w: &Seen, rows: usize, _: &Row| rows >= *denied && w.wide(*actions, *services);
            windows(behaviour.window_s, group, &places, names, *denied, enough)
        }
        BehaviourKind::Recon { services, read_actions, needs_service, only_new_ip } => {
            let places = of(&reads);
            let is_new = |row: &Row| history.pair_first.get(&(row.key, row.ip)).is_none_or(|first| *first >= row.time);
            let enough = |w: &Seen, _: usize, start: &Row| {
                let needed = needs_service.is_empty()
                    || needs_service.iter().any(|name| w.services.0.contains_key(name.as_str()));
                needed && w.wide(*read_actions, *services) && (is_new(start) || !only_new_ip)
            };
            windows(behaviour.window_s, group, &places, names, *read_actions, enough)
        }
        BehaviourKind::RegionSweep { regions, before } => {
            let fresh = |row: &Row| history.regions_before(row.key, row.time) <= *before;
            let mut by_api: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for place in of(&reads) {
                by_api.entry(group[place].api).or_default().push(place);
            }
            let enough = |w: &Seen, _: usize, start: &Row| w.regions.different() >= *regions && fresh(start);
            let of_api = |places: &Vec<usize>| windows(behaviour.window_s, group, places, names, *regions, enough);
            let mut found: Vec<Match> = by_api.values().flat_map(of_api).collect();
            found.sort();
            found
        }
    }
}

/// What occurs in a window.
struct Seen<'n> {
    apis: Counts<u32>,
    services: Counts<&'n str>,
    regions: Counts<u32>,
}

impl Seen<'_> {
    fn wide(&self, apis: usize, services: usize) -> bool {
        self.apis.different() >= apis && self.services.different() >= services
    }
}

/// The windows over the rows at `places` for which `enough` holds, given what is seen in one, how many
/// rows it has, and the row that opens it. Fewer rows than `least` never are enough.
fn windows(
    seconds: i64,
    group: &[&Row],
    places: &[usize],
    names: &Names,
    least: usize,
    enough: impl Fn(&Seen<'_>, usize, &Row) -> bool,
) -> Vec<Match> {
    if places.len() < least {
        return Vec::new();
    }
    let rows: Vec<&Row> = places.iter().map(|place| group[*place]).collect();
    let mut seen = Seen { apis: Counts::new(), services: Counts::new(), regions: Counts::new() };
    let mut window = Window::new(&rows, seconds);
    let mut matches = Vec::new();
    while window.start < rows.len() {
        window.fill(|place| {
            seen.apis.add(rows[place].api);
            seen.services.add(api(rows[place], names).service.as_str());
            if rows[place].region != NO_REGION {
                seen.regions.add(rows[place].region);
            }
        });
        let found = enough(&seen, window.places().len(), rows[window.start]);
        if found {
            matches.push(window.places().map(|place| places[place]).collect());
        }
        let next = if found { window.end } else { window.next_second() };
        window.open_at(next, |place| {
            seen.apis.remove(rows[place].api);
            seen.services.remove(api(rows[place], names).service.as_str());
            seen.regions.remove(rows[place].region);
        });
    }
    matches
}
