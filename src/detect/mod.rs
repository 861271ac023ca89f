//! Rules: what one is, how all of them are evaluated over a batch, and what the ones that need more than one event remember.
//!
//! Rules only find. They know nothing of the allowlist, remarks, status or output.

pub mod activity;
pub mod engine;
pub mod history;
pub mod requests;
pub mod rules;
pub mod spill;

use crate::alarm::fold::CallDetail;
use crate::catalog::Catalog;
use crate::enrich::names::Names;
use crate::event::frame::Row;
use crate::event::id::RequestId;
use history::History;
use polars::prelude::Expr;
use serde::de::DeserializeOwned;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How bad an alarm is. Ordered from worst to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Act at once.
    Critical,
    /// Act today.
    High,
    /// Look into it.
    Medium,
    /// Worth knowing.
    Low,
    /// For the record.
    Note,
    /// No longer stands: every call is allowlisted.
    Invalid,
}

impl Level {
    /// All levels, worst first.
    pub const ALL: [Self; 6] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Note, Self::Invalid];

    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Note => "note",
            Self::Invalid => "invalid",
        }
    }

    /// Reads a level that a rule may have; `invalid` is given by the program alone.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().filter(|level| *level != Self::Invalid).find(|level| level.as_str() == text)
    }
}

/// What kind of trouble an alarm tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmType {
    /// A key is used in a way it should not be.
    AbnormalCall,
    /// A key is known to others.
    Leak,
}

impl AlarmType {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AbnormalCall => "abnormal_call",
            Self::Leak => "leak",
        }
    }
}

/// What is fixed about a rule.
#[derive(Debug)]
pub struct Meta {
    /// Its place in the console's table.
    pub number: u8,
    /// Stable name, kebab-case.
    pub id: &'static str,
    /// Title on the console.
    pub title: &'static str,
    /// Level unless the settings say otherwise.
    pub level: Level,
    /// Kind of trouble.
    pub kind: AlarmType,
    /// ATT&CK technique.
    pub attack: &'static str,
    /// On unless the settings say otherwise.
    pub on: bool,
    /// Leaves out services and roles made for them, unless the settings say otherwise.
    pub skips_services: bool,
    /// The condition in words, for the alarm's "why".
    pub because: &'static str,
    /// The rule's page.
    pub docs: &'static str,
}

/// The condition of a rule that needs one event only, over the columns of [`crate::event::columns`].
#[derive(Clone, Debug)]
pub struct RowCondition {
    /// The event is a hit.
    pub hit: Expr,
    /// The hit hangs on a parameter that nobody can read.
    pub unverified: Option<Expr>,
}

impl From<Expr> for RowCondition {
    fn from(hit: Expr) -> Self {
        Self { hit, unverified: None }
    }
}

/// An event kept for a rule that judges events together.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The event.
    pub row: Row,
    /// Its request id.
    pub request_id: RequestId,
    /// Its details, where they are kept.
    pub detail: Option<Arc<CallDetail>>,
}

/// A hit found by judging events together.
#[derive(Clone, Debug)]
pub struct TimelineHit {
    /// Which sighting.
    pub sighting: usize,
    /// Local date of the alarm it belongs to.
    pub day: i32,
    /// Tags for the alarm.
    pub tags: Vec<String>,
    /// Details for the alarm's "why".
    pub note: Option<String>,
}

impl TimelineHit {
    /// A hit on the sighting's own date, with nothing more to say.
    pub fn plain(place: usize, sighting: &Sighting) -> Self {
        Self { sighting: place, day: sighting.row.day, tags: Vec::new(), note: None }
    }
}

/// What a rule may look at when it judges.
#[derive(Clone, Copy, Debug)]
pub struct Judging<'a> {
    /// What was seen of keys, addresses, regions, accounts.
    pub history: &'a History,
    /// Numbers to texts.
    pub names: &'a Names,
    /// Lists and signatures.
    pub catalog: &'a Catalog,
}

/// What the judgement of a timeline rule hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The past of the key that made the calls.
    Key,
    /// That, and what is known of the account: who was created when, since when its log is known.
    Account,
    /// What other keys did.
    Everyone,
}

/// A rule.
///
/// A row rule gives [`Rule::row`]. A timeline rule either keeps single events ([`Rule::watch`]) and
/// judges them at the end ([`Rule::judge`]), or gathers events into alarms at once ([`Rule::gather`])
/// of which it says at the end whether they stand ([`Rule::stands`]). A rule may do all of these.
pub trait Rule: Send + Sync {
    /// The condition on one event.
    fn row(&self) -> Option<RowCondition> {
        None
    }

    /// Which events to keep for judging.
    fn watch(&self) -> Option<Expr> {
        None
    }

    /// Whether an event that was once worth keeping still is. What `history` knows only grows, so an
    /// event may be dropped once nothing that is yet to come can make it a hit.
    fn keeps(&self, _row: &Row, _history: &History, _catalog: &Catalog) -> bool {
        true
    }

    /// Judges the events kept, which come in order of time and request id.
    fn judge(&self, _sightings: &[Sighting], _cx: &Judging<'_>) -> Vec<TimelineHit> {
        Vec::new()
    }

    /// Whether sightings of different keys and addresses are judged each by themselves, so that a scan may judge a part of
    /// them at a time.
    fn judges_in_parts(&self) -> bool {
        false
    }

    /// Which events to fold into alarms that may or may not stand; [`Rule::keeps`] drops those that cannot.
    fn gather(&self) -> Option<Expr> {
        None
    }

    /// Whether a gathered alarm stands, with details for its "why". `row` is one of its events.
    fn stands(&self, _row: &Row, _cx: &Judging<'_>) -> Option<String> {
        None
    }

    /// What its judgement hangs on besides the events kept: tells a database which kept events to judge
    /// again after a scan.
    fn scope(&self) -> Scope {
        Scope::Key
    }

    /// How long a database keeps an event that may yet become a hit, in milliseconds before the key's
    /// newest one; for ever unless the rule says otherwise.
    fn kept_for(&self, _row: &Row) -> Option<i64> {
        None
    }

    /// What is to be said of an API in the alarm's "why", if anything.
    fn api_note(&self, _catalog: &Catalog, _service: &str, _action: &str) -> Option<String> {
        None
    }
}

/// "cam:DeleteUser is high-risk (impact)", for rules about high-risk APIs.
pub(crate) fn high_risk_note(catalog: &Catalog, service: &str, action: &str) -> Option<String> {
    let entry = catalog.high_risk.get(service, action)?;
    Some(format!("{service}:{action} is high-risk ({})", entry.category))
}

/// Whether a setting's value is one of these.
pub(crate) fn within(name: &str, value: i64, allowed: RangeInclusive<i64>) -> Result<(), String> {
    let (least, most) = (allowed.start(), allowed.end());
    if allowed.contains(&value) {
        Ok(())
    } else {
        Err(format!("{name} is {value}; it is a number from {least} to {most}"))
    }
}

/// Reads a rule's own settings; unknown names are an error.
pub(crate) fn params<P: DeserializeOwned>(table: toml::Table) -> Result<P, String> {
    table.try_into().map_err(|error: toml::de::Error| error.message().to_string())
}
