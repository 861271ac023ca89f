//! A key that nobody used for a month is used again. See docs/rules/dormant-key-used.md.

use crate::catalog::Catalog;
use crate::detect::history::History;
use crate::detect::{AlarmType, Judging, Level, Meta, Rule, Scope, Sighting, TimelineHit, params, within};
use crate::event::columns;
use crate::event::frame::Row;
use crate::event::time::DAY_MS;
use polars::prelude::Expr;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 10,
    id: "dormant-key-used",
    title: "Long-term inactive access keys with API calls",
    level: Level::Medium,
    kind: AlarmType::AbnormalCall,
    attack: "T1078.004",
    on: true,
    skips_services: false,
    because: "permanent key, API call, after a long time without use",
    docs: include_str!("../../../docs/rules/dormant-key-used.md"),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DormantKeyUsed {
    /// Days without use after which a key counts as dormant.
    days: i64,
}

impl Default for DormantKeyUsed {
    /// Thirty days, as the console's page says.
    fn default() -> Self {
        Self { days: 30 }
    }
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let rule: DormantKeyUsed = params(table)?;
    // A wake-up is looked for once a day, at a key's first use of that day.
    within("days", rule.days, 1..=36_500)?;
    Ok(Box::new(rule))
}

impl DormantKeyUsed {
    fn span(&self) -> i64 {
        self.days * DAY_MS
    }

    /// The time at which the key woke up on `day`, and how that is known.
    fn wake_up(&self, row: &Row, cx: &Judging<'_>) -> Option<(i64, String)> {
        let used = cx.history.uses.get(&row.key)?.get(&row.day)?;
        let woke = used.first_api.filter(|first| *first == used.first)?;
        let listed = cx.history.listed.keys.get(&*cx.names.keys[row.key as usize].0);
        let logged = cx.history.last_use_before_day(row.key, row.day);
        let last_used = listed.and_then(|key| key.last_used.range(..woke).next_back().copied());
        if let Some(last) = logged.max(last_used) {
            return (woke - last >= self.span())
                .then(|| (woke, format!("last use {} days before", (woke - last) / DAY_MS)));
        }
        // A last use after the wake-up leaves open when the one before it was: then only the log can tell.
        let never_used = listed.filter(|key| key.last_used.is_empty());
        if let Some(created) = never_used.and_then(|key| key.created.first()) {
            let age = woke - created;
            return (age >= self.span())
                .then(|| (woke, format!("created {} days before, never seen in use", age / DAY_MS)));
        }
        let known_since = woke - cx.history.account_first.get(&row.account)?;
        let quiet = known_since >= self.span() && !born_in_log(row, woke, cx);
        quiet.then(|| (woke, format!("not used in the {} days of log before", known_since / DAY_MS)))
    }
}

/// Whether the key, or its owner, came into being within the log.
fn born_in_log(row: &Row, woke: i64, cx: &Judging<'_>) -> bool {
    let id = &cx.names.keys[row.key as usize].0;
    let actor = &cx.names.actors[row.actor as usize].1;
    let created = &cx.history.created;
    let key = created.keys.iter().any(|key| key.time <= woke && *key.id == **id);
    let owner = || {
        let is = |user: &crate::enrich::created::CreatedUser| user.account == row.account && user.is(actor);
        created.users.iter().any(|user| user.time <= woke && is(user))
    };
    key || owner()
}

impl Rule for DormantKeyUsed {
    fn scope(&self) -> Scope {
        Scope::Account
    }

    fn gather(&self) -> Option<Expr> {
        Some(signed_calls().and(columns::BAD_KEY.expr().not()))
    }

    /// A day is over as a candidate once a use less than the span before its first one is known:
    /// more events can only bring the two closer together.
    fn keeps(&self, row: &Row, history: &History, _catalog: &Catalog) -> bool {
        let Some(used) = history.uses.get(&row.key).and_then(|days| days.get(&row.day)) else {
            return true;
        };
        let last = history.last_use_before_day(row.key, row.day);
        last.is_none_or(|last| used.first - last >= self.span())
    }

    fn stands(&self, row: &Row, cx: &Judging<'_>) -> Option<String> {
        self.wake_up(row, cx).map(|(_, note)| note)
    }

    /// Calls with a bad signature are no use of the key, yet belong to the alarm once the key is awake.
    fn watch(&self) -> Option<Expr> {
        Some(signed_calls().and(columns::BAD_KEY.expr()))
    }

    fn judge(&self, sightings: &[Sighting], cx: &Judging<'_>) -> Vec<TimelineHit> {
        let awake = |row: &Row| self.wake_up(row, cx).is_some_and(|(woke, _)| row.time >= woke);
        sightings
            .iter()
            .enumerate()
            .filter(|(_, sighting)| awake(&sighting.row))
            .map(|(place, sighting)| TimelineHit::plain(place, sighting))
            .collect()
    }
}

fn signed_calls() -> Expr {
    columns::PERMANENT_KEY.expr().and(columns::API_CALL.expr())
}
