//! Evaluates all rules over a batch in one select, and the timeline rules over what they kept.

use super::activity::Activity;
use super::history::History;
use super::rules::ActiveRule;
use super::spill::{PARTS, Spill, part_of};
use super::{Judging, Sighting, TimelineHit};
use crate::alarm::fold::{AlarmKey, CallDetail, Folded, Folder, Hit, HitTags, Keep};
use crate::catalog::Catalog;
use crate::event::columns::{self, flag};
use crate::event::frame::{Events, RawDetail, Row};
use crate::event::id::RequestId;
use crate::event::redact::redact;
use hashbrown::HashMap;
use polars::prelude::{BooleanChunked, DataFrame, Expr, IntoLazy, PolarsResult};
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// The rules that are switched on, ready to run.
pub struct Engine {
    rules: Vec<ActiveRule>,
    select: Vec<Expr>,
}

/// The columns of a result: one per rule and question.
fn column_name(question: &str, rule: usize) -> String {
    format!("{question}{rule}")
}

impl Engine {
    /// Prepares the expressions of `rules`.
    pub fn new(rules: Vec<ActiveRule>) -> Self {
        let mut select = Vec::new();
        for (number, active) in rules.iter().enumerate() {
            let in_range = columns::IN_RANGE.expr();
            let person = columns::SERVICE_IDENTITY.expr().not();
            let scope = if active.skips_services { in_range.and(person) } else { in_range };
            let mut ask = |question: &str, expr: Expr| {
                select.push(expr.and(scope.clone()).alias(column_name(question, number)));
            };
            if let Some(condition) = active.rule.row() {
                ask("hit", condition.hit);
                condition.unverified.into_iter().for_each(|expr| ask("unverified", expr));
            }
            active.rule.watch().into_iter().for_each(|expr| ask("watch", expr));
            active.rule.gather().into_iter().for_each(|expr| ask("gather", expr));
        }
        Self { rules, select }
    }

    /// The rules, in the order of their numbers in hits.
    pub fn rules(&self) -> &[ActiveRule] {
        &self.rules
    }

    /// Whether a gathered alarm may still stand, given one of its events; and if it does, the reason.
    pub fn stands(&self, rule: usize, row: &Row, cx: &Judging<'_>) -> Option<Option<String>> {
        let rule = &self.rules[rule].rule;
        rule.keeps(row, cx.history, cx.catalog).then(|| rule.stands(row, cx))
    }

    /// Asks every rule about every event: one column of answers for each rule and question.
    pub fn evaluate(&self, events: &Events) -> PolarsResult<DataFrame> {
        events.frame.clone().lazy().select(self.select.clone()).collect()
    }
}

/// What one worker has found so far.
pub struct Findings {
    /// Alarms of row rules.
    pub folder: Folder,
    /// First and last times.
    pub history: History,
    /// Alarms of timeline rules that may or may not stand.
    pub gathered: Folder,
    /// Events kept for timeline rules, by rule.
    pub kept: Vec<Vec<Sighting>>,
    /// Further ones in temporary files, when there is no database.
    pub spill: Spill,
    /// What a database is to know besides: what keys and addresses did, as each worker noted it.
    pub activity: Vec<Activity>,
    /// Length of each list after it was last tidied.
    tidied: Vec<usize>,
    /// Events kept with their details, by key and API: no more than of a record are.
    detailed: HashMap<(u32, u32), usize>,
}

/// Lists of kept events are tidied when they have doubled, and not before they are this long.
const TIDY_FROM: usize = 4096;
/// Length at which a list of kept events goes to a temporary file: about half a megabyte.
const SPILL_FROM: usize = 4096;
/// Bytes kept of a request body. Real ones rarely have more; scripts do.
const MAX_BODY: usize = 8192;
/// Bytes kept of the resources named.
const MAX_RESOURCES: usize = 1024;

/// A batch whose details are redacted once for all rules, and only for events that some rule takes.
struct Batch<'e> {
    events: &'e Events,
    details: RefCell<HashMap<usize, Arc<CallDetail>>>,
}

impl<'e> Batch<'e> {
    fn new(events: &'e Events) -> Self {
        Self { events, details: RefCell::default() }
    }

    fn row(&self, place: usize) -> &'e Row {
        &self.events.rows[place]
    }

    fn request_id(&self, place: usize) -> &'e str {
        self.events.request_id(place)
    }

    fn detail(&self, place: usize) -> Option<Arc<CallDetail>> {
        let raw = self.events.detail(place)?;
        let mut details = self.details.borrow_mut();
        Some(details.entry(place).or_insert_with(|| Arc::new(call_detail(&raw))).clone())
    }

    /// The details of an event that may yet turn out to be no hit. Plain reads are many and tell
    /// little: theirs are not worth keeping.
    fn telling_detail(&self, place: usize) -> Option<Arc<CallDetail>> {
        let telling = self.row(place).flags & (flag::WRITE | flag::HIGH_RISK | flag::DENIED) != 0;
        if telling { self.detail(place) } else { None }
    }
}

fn call_detail(raw: &RawDetail<'_>) -> CallDetail {
    CallDetail {
        event_id: raw.event_id.to_string(),
        body: redact(&raw.plain_body(), MAX_BODY),
        resources: redact(raw.resources, MAX_RESOURCES),
    }
}

impl Findings {
    /// Nothing found yet.
    pub fn new(engine: &Engine, keep: Keep) -> Self {
        let rules = engine.rules.len();
        let empty = || (0..rules).map(|_| Vec::new()).collect();
        Self {
            folder: Folder::new(keep),
            history: History::default(),
            gathered: Folder::new(keep),
            kept: empty(),
            spill: Spill::default(),
            activity: if keep == Keep::Counts { Vec::new() } else { vec![Activity::default()] },
            tidied: vec![0; rules],
            detailed: HashMap::new(),
        }
    }

    /// Takes in a batch of events, and what the rules answered about them.
    pub fn take(&mut self, engine: &Engine, events: &Events, answers: &DataFrame, catalog: &Catalog) {
        self.history.note(&events.rows);
        if let Some(activity) = self.activity.first_mut() {
            activity.note(events);
        }
        let batch = Batch::new(events);
        for (number, active) in engine.rules.iter().enumerate() {
            if let Some(hits) = mask(answers, "hit", number) {
                let unverified = mask(answers, "unverified", number);
                self.fold_rows(number, &batch, hits, unverified);
            }
            if let Some(watched) = mask(answers, "watch", number) {
                self.keep(number, active, &batch, watched, catalog);
            }
            if let Some(gathered) = mask(answers, "gather", number) {
                self.gather(number, active, &batch, gathered, catalog);
            }
        }
    }

    fn keep(
        &mut self,
        number: usize,
        active: &ActiveRule,
        batch: &Batch<'_>,
        mask: &BooleanChunked,
        catalog: &Catalog,
    ) {
        for place in true_places(mask) {
            let row = batch.row(place);
            if active.rule.keeps(row, &self.history, catalog) {
                let detail = self.detail(batch, place);
                let request_id = RequestId::pack(batch.request_id(place));
                self.kept[number].push(Sighting { row: *row, request_id, detail });
            }
        }
        self.tidy(number, active, catalog);
    }

    /// The details of an event that may yet turn out to be no hit, for the first ones of each key and API.
    fn detail(&mut self, batch: &Batch<'_>, place: usize) -> Option<Arc<CallDetail>> {
        let Keep::Calls(most) = self.folder.keep else { return None };
        let row = batch.row(place);
        let kept = self.detailed.entry((row.key, row.api)).or_default();
        let detail = if *kept < most { batch.telling_detail(place) } else { None };
        *kept += usize::from(detail.is_some());
        detail
    }

    fn gather(
        &mut self,
        number: usize,
        active: &ActiveRule,
        batch: &Batch<'_>,
        mask: &BooleanChunked,
        catalog: &Catalog,
    ) {
        for place in true_places(mask) {
            let row = batch.row(place);
            if active.rule.keeps(row, &self.history, catalog) {
                fold(&mut self.gathered, number, batch, place, HitTags::None, &|| batch.telling_detail(place));
            }
        }
        let history = &self.history;
        self.gathered.retain(number, |row| active.rule.keeps(row, history, catalog));
    }

    fn fold_rows(
        &mut self,
        rule: usize,
        batch: &Batch<'_>,
        hits: &BooleanChunked,
        unverified: Option<&BooleanChunked>,
    ) {
        for place in true_places(hits) {
            let is_unverified = unverified.is_some_and(|mask| mask.get(place) == Some(true));
            let tags = if is_unverified { HitTags::Unverified } else { HitTags::None };
            fold(&mut self.folder, rule, batch, place, tags, &|| batch.detail(place));
        }
    }

    fn tidy(&mut self, number: usize, active: &ActiveRule, catalog: &Catalog) {
        let kept = &mut self.kept[number];
        if kept.len() < TIDY_FROM.max(2 * self.tidied[number]) {
            return;
        }
        let history = &self.history;
        kept.retain(|sighting| active.rule.keeps(&sighting.row, history, catalog));
        self.tidied[number] = kept.len();
        let may_wait = self.folder.keep == Keep::Counts && active.rule.judges_in_parts();
        if may_wait && kept.len() >= SPILL_FROM && self.spill.add(number, kept) {
            kept.clear();
            self.tidied[number] = 0;
        }
    }

    /// Adds what another worker has found.
    pub fn merge(&mut self, other: Self) {
        self.folder.merge(other.folder);
        self.gathered.merge(other.gathered);
        self.history.merge(other.history);
        for (own, others) in self.kept.iter_mut().zip(other.kept) {
            own.extend(others);
        }
        self.spill.merge(other.spill);
        self.activity.extend(other.activity);
    }

    /// Lets the timeline rules judge the events kept, once all findings are merged. The result is told
    /// apart by the key that made the calls, because that is what another scan may judge again.
    /// Fails when a temporary file cannot be read back.
    pub fn judge(&mut self, engine: &Engine, cx: &Judging<'_>) -> io::Result<BTreeMap<u32, Folder>> {
        let mut judged: BTreeMap<u32, Folder> = BTreeMap::new();
        for (number, active) in engine.rules.iter().enumerate() {
            if self.spill.has(number) {
                let mut parts: Vec<Vec<Sighting>> = (0..PARTS).map(|_| Vec::new()).collect();
                for sighting in std::mem::take(&mut self.kept[number]) {
                    parts[part_of(&sighting.row)].push(sighting);
                }
                for (part, mut kept) in parts.into_iter().enumerate() {
                    self.spill.read(number, part, &mut kept)?;
                    judge_rule(number, active, &mut kept, cx, self.folder.keep, &mut judged);
                }
            } else {
                judge_rule(number, active, &mut self.kept[number], cx, self.folder.keep, &mut judged);
            }
        }
        Ok(judged)
    }

    /// Takes out the gathered alarms that stand, each with the reason in its notes.
    pub fn standing(&mut self, engine: &Engine, cx: &Judging<'_>) -> Folder {
        let mut standing = Folder::new(self.folder.keep);
        for (key, mut folded, reason) in self.take_gathered(engine, cx) {
            if let Some(reason) = reason {
                folded.notes.insert(reason);
                standing.alarms.insert(key, folded);
            }
        }
        standing
    }

    /// Takes out the gathered alarms that stand, with the reason, and those that may yet.
    pub fn take_gathered(&mut self, engine: &Engine, cx: &Judging<'_>) -> Vec<(AlarmKey, Folded, Option<String>)> {
        let gathered = std::mem::take(&mut self.gathered.alarms).into_iter();
        let judged = gathered.filter_map(|(key, folded)| {
            let reason = engine.stands(key.rule, &folded.sample, cx)?;
            Some((key, folded, reason))
        });
        judged.collect()
    }
}

fn fold(
    folder: &mut Folder,
    rule: usize,
    batch: &Batch<'_>,
    place: usize,
    tags: HitTags<'_>,
    detail: &dyn Fn() -> Option<Arc<CallDetail>>,
) {
    let row = batch.row(place);
    let request_id = batch.request_id(place);
    folder.add(rule, &Hit { row, day: row.day, request_id, tags, detail });
}

fn judge_rule(
    number: usize,
    active: &ActiveRule,
    kept: &mut Vec<Sighting>,
    cx: &Judging<'_>,
    keep: Keep,
    judged: &mut BTreeMap<u32, Folder>,
) {
    let keeps = |sighting: &Sighting| active.rule.keeps(&sighting.row, cx.history, cx.catalog);
    let mut answers = kept.par_iter().map(keeps).collect::<Vec<bool>>().into_iter();
    kept.retain(|_| answers.next() == Some(true));
    // The event tells apart what time and request id do not, so that the order of input never counts.
    kept.par_sort_by(|a, b| (a.row.time, &a.request_id, a.row.event).cmp(&(b.row.time, &b.request_id, b.row.event)));
    for hit in active.rule.judge(kept, cx) {
        let sighting = &kept[hit.sighting];
        let folder = judged.entry(sighting.row.key).or_insert_with(|| Folder::new(keep));
        fold_timeline(folder, number, sighting, &hit);
    }
}

fn fold_timeline(folder: &mut Folder, rule: usize, sighting: &Sighting, hit: &TimelineHit) {
    let request_id = &sighting.request_id.to_text();
    let tags = HitTags::Named(&hit.tags, hit.note.as_deref());
    let detail = || sighting.detail.clone();
    folder.add(rule, &Hit { row: &sighting.row, day: hit.day, request_id, tags, detail: &detail });
}

fn mask<'d>(results: &'d DataFrame, question: &str, rule: usize) -> Option<&'d BooleanChunked> {
    results.column(&column_name(question, rule)).ok()?.as_materialized_series().bool().ok()
}

/// The places where a mask is true.
fn true_places(mask: &BooleanChunked) -> Vec<usize> {
    let mut places = Vec::new();
    let mut offset = 0;
    for chunk in mask.downcast_iter() {
        places.extend(chunk.values().true_idx_iter().map(|place| place + offset));
        offset += chunk.len();
    }
    places
}
