//! A tool made for leaked keys is at work. See docs/rules/hacker-tool.md.

use super::tool_match::{Match, Steps, behaviour_matches, sequence_matches};
use crate::catalog::Catalog;
use crate::catalog::signatures::{ALERT_AT, BehaviourKind, Scoring, Signatures};
use crate::detect::history::History;
use crate::detect::{AlarmType, Judging, Level, Meta, Rule, Sighting, TimelineHit, params, within};
use crate::event::columns::{self, flag};
use crate::event::frame::Row;
use crate::event::time::DAY_MS;
use polars::prelude::Expr;
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 9,
    id: "hacker-tool",
    title: "Hacker tool detection",
    level: Level::High,
    kind: AlarmType::AbnormalCall,
    attack: "T1059.009",
    on: true,
    skips_services: true,
    because: "API calls of one key from one address, in the pattern of an attack tool",
    docs: include_str!("../../../docs/rules/hacker-tool.md"),
};

/// The rule's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HackerTool {
    /// Score from which a match alerts, instead of that of the signature file.
    pub alert_at: Option<i32>,
    /// Signatures and behaviours that are left out.
    pub disable: BTreeSet<String>,
    /// Another signature file; read by the catalog.
    pub signatures: Option<std::path::PathBuf>,
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let rule: HackerTool = params(table)?;
    if let Some(score) = rule.alert_at {
        within("alert_at", score.into(), ALERT_AT)?;
    }
    Ok(Box::new(rule))
}

/// How long a database keeps reads that may yet turn out to be part of a sweep: late files arrive within
/// days; five weeks are akguard's choice.
const READS_KEPT_FOR: i64 = 35 * DAY_MS;

/// The longest window in which reads matter only because the key is new to the address.
fn recon_window(signatures: &Signatures) -> i64 {
    let windows = signatures.behaviours.iter().map(|behaviour| match behaviour.kind {
        BehaviourKind::Recon { only_new_ip: true, .. } => behaviour.window_s * 1000,
        BehaviourKind::Recon { only_new_ip: false, .. } => i64::MAX / 4,
        _ => -1,
    });
    windows.max().unwrap_or(-1)
}

/// Whether a read may be part of a sweep: once the key uses more regions than a sweep allows before itself, no window can
/// start any more.
fn may_sweep(row: &Row, history: &History, signatures: &Signatures) -> bool {
    signatures.behaviours.iter().any(|behaviour| match behaviour.kind {
        BehaviourKind::RegionSweep { before, .. } => {
            history.regions_before(row.key, row.time - behaviour.window_s * 1000) <= before
        }
        _ => false,
    })
}

impl Rule for HackerTool {
    fn watch(&self) -> Option<Expr> {
        let read = columns::WRITE.expr().not();
        let wanted = columns::TOOL_STEP.expr().or(columns::DENIED.expr()).or(read);
        Some(columns::API_CALL.expr().and(wanted))
    }

    fn keeps(&self, row: &Row, history: &History, catalog: &Catalog) -> bool {
        if row.has(flag::TOOL_STEP) || row.has(flag::DENIED) {
            return true;
        }
        let first = history.pair_first.get(&(row.key, row.ip)).copied().unwrap_or(row.time);
        row.time - first <= recon_window(&catalog.signatures) || may_sweep(row, history, &catalog.signatures)
    }

    /// Reads of keys that live in few regions are many, and matter only beside others of the same minutes.
    fn kept_for(&self, row: &Row) -> Option<i64> {
        let telling = row.has(flag::TOOL_STEP) || row.has(flag::DENIED);
        (!telling).then_some(READS_KEPT_FOR)
    }

    fn judges_in_parts(&self) -> bool {
        true
    }

    fn judge(&self, sightings: &[Sighting], cx: &Judging<'_>) -> Vec<TimelineHit> {
        let mut groups: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for (place, sighting) in sightings.iter().enumerate() {
            groups.entry((sighting.row.key, sighting.row.ip)).or_default().push(place);
        }
        let steps = Steps::new(&cx.catalog.signatures.signatures, cx.names);
        let judged = groups.par_iter().map(|(_, places)| {
            let mut hits = HitsByDay::default();
            self.judge_group(places, sightings, &steps, cx, &mut hits);
            hits
        });
        judged.reduce(HitsByDay::default, HitsByDay::and).into_hits()
    }
}

impl HackerTool {
    fn judge_group(
        &self,
        places: &[usize],
        sightings: &[Sighting],
        steps: &Steps,
        cx: &Judging<'_>,
        hits: &mut HitsByDay,
    ) {
        let signatures = &cx.catalog.signatures;
        let group: Vec<&Row> = places.iter().map(|place| &sightings[*place].row).collect();
        let enabled = signatures.signatures.iter().enumerate().filter(|(_, s)| !self.disable.contains(&s.id));
        for (number, signature) in enabled {
            let mut habit = Habit::default();
            sequence_matches((number, signature), &group, steps, |found| {
                let habitual = habit.note(group[found[0]].day, signatures.scoring.habit_days) && !signature.writes;
                let score = signature.score + markers(&signature.markers, &group, found, &signatures.scoring);
                let alerts = !habitual && self.alerts(score, signature.writes, &group, found, cx);
                if alerts {
                    let note = format!("signature {}, as used by {}", signature.id, signature.tool);
                    let unsure = unsure(&signature.markers, &group, found);
                    hits.add(&signature.id, note, unsure, places, &group, found);
                }
                alerts
            });
        }
        for behaviour in signatures.behaviours.iter().filter(|b| !self.disable.contains(&b.id)) {
            for found in behaviour_matches(behaviour, &group, cx.names, cx.history) {
                if self.alerts(behaviour.score, false, &group, &found, cx) {
                    hits.add(&behaviour.id, format!("behaviour {}", behaviour.id), false, places, &group, &found);
                }
            }
        }
    }

    fn alerts(&self, base: i32, writes: bool, group: &[&Row], found: &Match, cx: &Judging<'_>) -> bool {
        let scoring = &cx.catalog.signatures.scoring;
        base + context_score(scoring, writes, group, found, cx.history) >= self.alert_at.unwrap_or(scoring.alert_at)
    }
}

/// The bonus for markers, each counted once.
fn markers(wanted: &[usize], group: &[&Row], found: &Match, scoring: &Scoring) -> i32 {
    let seen = found.iter().fold(0, |bits, place| bits | group[*place].markers);
    let count = wanted.iter().filter(|marker| seen & (1 << **marker) != 0).count();
    i32::try_from(count).unwrap_or(0) * scoring.marker_bonus
}

/// Whether the match rests on a marker that nobody can tell.
fn unsure(wanted: &[usize], group: &[&Row], found: &Match) -> bool {
    let of = |bits: fn(&Row) -> u32| found.iter().fold(0, |all, place| all | bits(group[*place]));
    let certain = found.iter().fold(0, |all, place| all | (group[*place].markers & !group[*place].unknown_markers));
    let unknown = of(|row| row.unknown_markers) & !certain;
    wanted.iter().any(|marker| unknown & (1 << marker) != 0)
}

/// Bonuses and reductions that follow from the key, the address and the outcome.
fn context_score(scoring: &Scoring, writes: bool, group: &[&Row], found: &Match, history: &History) -> i32 {
    let rows = || found.iter().map(|place| group[*place]);
    let start = group[found[0]];
    let new_ip = history.pair_first.get(&(start.key, start.ip)).is_none_or(|first| *first >= start.time);
    let outside = start.has(flag::OUTSIDE);
    let failed = rows().filter(|row| !row.has(flag::SUCCESS)).count();
    let iac = !writes && rows().all(|row| row.has(flag::IAC_CLIENT));
    let add = |on: bool, points: i32| if on { points } else { 0 };
    add(new_ip, scoring.new_ip_bonus)
        + add(outside, scoring.external_ip_bonus)
        + add(failed * 10 >= found.len() * 3, scoring.failed_ratio_bonus)
        - add(iac, scoring.iac_reduction)
}

/// The earlier days on which something matched.
#[derive(Default)]
struct Habit(BTreeSet<i32>);

impl Habit {
    /// Notes a match on `day`; tells whether there were enough earlier days for a habit.
    fn note(&mut self, day: i32, enough: usize) -> bool {
        let earlier = self.0.range(..day).count();
        self.0.insert(day);
        earlier >= enough
    }
}

/// Hits by alarm date and event, so that an event in two matches of a date counts once.
#[derive(Default)]
struct HitsByDay {
    tags: BTreeMap<(i32, usize), BTreeSet<String>>,
    notes: BTreeMap<(i32, usize), BTreeSet<String>>,
}

impl HitsByDay {
    fn add(&mut self, id: &str, note: String, unsure: bool, places: &[usize], group: &[&Row], found: &Match) {
        let day = group[found[0]].day;
        for member in found {
            let tags = self.tags.entry((day, places[*member])).or_default();
            tags.insert(id.to_string());
            if unsure {
                tags.insert("unverified".to_string());
            }
        }
        self.notes.entry((day, places[found[0]])).or_default().insert(note);
    }

    /// The hits of both, which are about different events.
    fn and(mut self, mut other: Self) -> Self {
        self.tags.append(&mut other.tags);
        self.notes.append(&mut other.notes);
        self
    }

    fn into_hits(self) -> Vec<TimelineHit> {
        let hit = |((day, sighting), tags): ((i32, usize), BTreeSet<String>)| TimelineHit {
            sighting,
            day,
            tags: tags.into_iter().collect(),
            note: self.notes.get(&(day, sighting)).map(|notes| notes.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        self.tags.into_iter().map(hit).collect()
    }
}
