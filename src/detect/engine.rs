//! Evaluates all rules over a batch in one select, and the timeline rules over what they kept.

use super::history::History;
use super::rules::ActiveRule;
use super::{Judging, Sighting, TimelineHit};
use crate::alarm::fold::{Folder, HitTags};
use crate::catalog::Catalog;
use crate::enrich::World;
use crate::enrich::names::Names;
use crate::event::columns;
use crate::event::frame::Events;
use crate::event::id::RequestId;
use polars::prelude::{BooleanChunked, DataFrame, Expr, IntoLazy, PolarsResult};

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

    fn evaluate(&self, events: &Events) -> PolarsResult<DataFrame> {
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
    /// Length of each list after it was last tidied.
    tidied: Vec<usize>,
}

/// Lists of kept events are tidied when they have doubled, and not before they are this long.
const TIDY_FROM: usize = 65_536;

impl Findings {
    /// Nothing found yet.
    pub fn new(engine: &Engine) -> Self {
        let rules = engine.rules.len();
        let empty = || (0..rules).map(|_| Vec::new()).collect();
        Self {
            folder: Folder::default(),
            history: History::default(),
            gathered: Folder::default(),
            kept: empty(),
            tidied: vec![0; rules],
        }
    }

    /// Evaluates every rule over a batch.
    pub fn take(&mut self, engine: &Engine, events: &Events, catalog: &Catalog) -> PolarsResult<()> {
        self.history.note(&events.rows);
        let results = engine.evaluate(events)?;
        for (number, active) in engine.rules.iter().enumerate() {
            if let Some(hits) = mask(&results, "hit", number) {
                let unverified = mask(&results, "unverified", number);
                self.fold_rows(number, events, hits, unverified);
            }
            if let Some(watched) = mask(&results, "watch", number) {
                self.keep(number, active, events, watched, catalog);
            }
            if let Some(gathered) = mask(&results, "gather", number) {
                self.gather(number, active, events, gathered, catalog);
            }
        }
        Ok(())
    }

    fn keep(&mut self, number: usize, active: &ActiveRule, events: &Events, mask: &BooleanChunked, catalog: &Catalog) {
        for place in true_places(mask) {
            let row = &events.rows[place];
            if active.rule.keeps(row, &self.history, catalog) {
                let request_id = RequestId::pack(events.request_id(place));
                self.kept[number].push(Sighting { row: *row, request_id });
            }
        }
        self.tidy(number, active, catalog);
    }

    fn gather(
        &mut self,
        number: usize,
        active: &ActiveRule,
        events: &Events,
        mask: &BooleanChunked,
        catalog: &Catalog,
    ) {
        for place in true_places(mask) {
            let row = &events.rows[place];
            if active.rule.keeps(row, &self.history, catalog) {
                self.gathered.add(number, row, row.day, events.request_id(place), HitTags::None);
            }
        }
        let history = &self.history;
        self.gathered.retain(number, |row| active.rule.keeps(row, history, catalog));
    }

    fn fold_rows(&mut self, rule: usize, events: &Events, hits: &BooleanChunked, unverified: Option<&BooleanChunked>) {
        for place in true_places(hits) {
            let is_unverified = unverified.is_some_and(|mask| mask.get(place) == Some(true));
            let tags = if is_unverified { HitTags::Unverified } else { HitTags::None };
            let row = &events.rows[place];
            self.folder.add(rule, row, row.day, events.request_id(place), tags);
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
    }

    /// Adds what another worker has found.
    pub fn merge(&mut self, other: Self) {
        self.folder.merge(other.folder);
        self.gathered.merge(other.gathered);
        self.history.merge(other.history);
        for (own, others) in self.kept.iter_mut().zip(other.kept) {
            own.extend(others);
        }
    }

    /// Lets the timeline rules judge, once all workers' findings are merged.
    pub fn judge(&mut self, engine: &Engine, names: &Names, world: &World) {
        let history = std::mem::take(&mut self.history);
        let judging = Judging { history: &history, names, catalog: &world.catalog, inventory: &world.inventory };
        for (number, active) in engine.rules.iter().enumerate() {
            let mut kept = std::mem::take(&mut self.kept[number]);
            kept.retain(|sighting| active.rule.keeps(&sighting.row, &history, judging.catalog));
            kept.sort_by(|a, b| (a.row.time, &a.request_id).cmp(&(b.row.time, &b.request_id)));
            for hit in active.rule.judge(&kept, &judging) {
                self.fold_timeline(number, &kept, &hit);
            }
            let standing = self.gathered.take_standing(number, |row| active.rule.stands(row, &judging));
            self.folder.merge(standing);
        }
        self.history = history;
    }

    fn fold_timeline(&mut self, rule: usize, kept: &[Sighting], hit: &TimelineHit) {
        let sighting = &kept[hit.sighting];
        let id = sighting.request_id.to_text();
        self.folder.add(rule, &sighting.row, hit.day, &id, HitTags::Named(&hit.tags, hit.note.as_deref()));
    }
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
