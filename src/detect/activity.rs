//! Who used what from where: sets with first and last times, so that reading an event twice changes nothing.
//!
//! Lists of keys and addresses are made of this. It grows with keys, addresses and APIs, not with events.

use crate::alarm::fold::Label;
use crate::event::columns::flag;
use crate::event::frame::Row;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// First and last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First time, in milliseconds.
    pub first: i64,
    /// Last time.
    pub last: i64,
}

impl Span {
    /// The span of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// What came of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// They succeeded.
    Success,
    /// They failed for want of permission.
    Denied,
    /// They failed otherwise.
    Failed,
}

impl Outcome {
    /// The outcome of a call.
    pub fn of(row: &Row) -> Self {
        if row.has(flag::SUCCESS) {
            Self::Success
        } else if row.has(flag::DENIED) {
            Self::Denied
        } else {
            Self::Failed
        }
    }

    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

/// What keys and addresses did.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Calls of each key, by caller, API and outcome.
    pub by_api: HashMap<(Label, u32, u32, Outcome), Span>,
    /// Calls of each key from each address.
    pub by_ip: HashMap<(Label, u32), Span>,
    /// Calls from each address to each API.
    pub ip_api: HashMap<(u32, u32), Span>,
    /// Where addresses are, as exports say.
    pub locations: HashMap<(u32, u32), Span>,
}

impl Activity {
    /// Takes note of a batch of events.
    pub fn note(&mut self, rows: &[Row]) {
        for row in rows {
            let (label, at) = (Label::of(row), Span { first: row.time, last: row.time });
            widen(&mut self.by_api, (label, row.actor, row.api, Outcome::of(row)), at);
            widen(&mut self.by_ip, (label, row.ip), at);
            widen(&mut self.ip_api, (row.ip, row.api), at);
            widen(&mut self.locations, (row.ip, row.location), at);
        }
    }

    /// Adds what another worker has seen.
    pub fn merge(&mut self, other: Self) {
        for (key, span) in other.by_api {
            widen(&mut self.by_api, key, span);
        }
        for (key, span) in other.by_ip {
            widen(&mut self.by_ip, key, span);
        }
        for (key, span) in other.ip_api {
            widen(&mut self.ip_api, key, span);
        }
        for (key, span) in other.locations {
            widen(&mut self.locations, key, span);
        }
    }
}

fn widen<K: Hash + Eq>(spans: &mut HashMap<K, Span>, key: K, span: Span) {
    spans.entry(key).and_modify(|known| *known = known.with(span)).or_insert(span);
}
