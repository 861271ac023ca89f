//! A batch of enriched events: compact rows, and the polars frame that rules are evaluated over.

use super::columns::{self, Kind};
use crate::json::decode;
use polars::prelude::{
    BooleanChunked, Column, DataFrame, Int32Chunked, Int64Chunked, IntoColumn, IntoSeries, PolarsResult, TimeUnit,
    UInt32Chunked,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Stands for "no region" in a row.
pub const NO_REGION: u32 = u32::MAX;
/// Stands for a file of an earlier scan in a row.
pub const NO_FILE: u32 = u32::MAX;

/// One event in codes and flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Milliseconds since 1970, UTC.
    pub time: i64,
    /// Local date as days since 1970.
    pub day: i32,
    /// Seconds since local midnight.
    pub second: i32,
    /// Main account.
    pub account: u32,
    /// Access key id.
    pub key: u32,
    /// Who called.
    pub actor: u32,
    /// The caller's name, as shown.
    pub user: u32,
    /// The caller's UIN or role id.
    pub principal: u32,
    /// Service and action.
    pub api: u32,
    /// Source address.
    pub ip: u32,
    /// Client string.
    pub client: u32,
    /// Result code.
    pub code: u32,
    /// Region that was called.
    pub region: u32,
    /// Where the source address is, as the export says.
    pub location: u32,
    /// Value of the parameter that a first use is about.
    pub value: u32,
    /// The flag columns, as bits (see [`columns::bit`]).
    pub flags: u32,
    /// Markers of tool signatures found in the request, or possibly in it, as bits.
    pub markers: u32,
    /// Those of the markers that nobody can tell.
    pub unknown_markers: u32,
    /// Number of the file it was read from.
    pub file: u32,
    /// Half of the event key: tells one event from another for good.
    pub event: u64,
}

impl Row {
    /// Whether a flag is set; `bit` comes from [`columns::bit`].
    pub fn has(&self, bit: u32) -> bool {
        self.flags & bit != 0
    }
}

/// A batch of events that rules can be evaluated over.
#[derive(Debug)]
pub struct Events {
    /// The rows, in the frame's order.
    pub rows: Vec<Row>,
    /// The frame: every column of [`columns::ALL`].
    pub frame: DataFrame,
    ids: String,
    id_ends: Vec<u32>,
    details: String,
    detail_ends: Vec<([u32; 4], bool)>,
}

/// What is kept of a call beside its row, when details are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawDetail<'a> {
    /// The event id.
    pub event_id: &'a str,
    /// The request body, not yet redacted.
    pub body: &'a str,
    /// The body still holds the escapes of the JSON text it stood in.
    pub escaped: bool,
    /// The resources named.
    pub resources: &'a str,
    /// What was asked for (see `enrich::asked`).
    pub asked: &'a str,
}

impl RawDetail<'_> {
    /// The request body without the escapes of the text around it.
    pub fn plain_body(&self) -> Cow<'_, str> {
        if self.escaped { decode(self.body).into() } else { self.body.into() }
    }
}

impl Events {
    /// The request id (or, without one, event id) of a row.
    pub fn request_id(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.id_ends[row - 1] as usize };
        &self.ids[start..self.id_ends[row] as usize]
    }

    /// The details of a row, if they are kept.
    pub fn detail(&self, row: usize) -> Option<RawDetail<'_>> {
        let (ends, escaped) = *self.detail_ends.get(row)?;
        let [event_id, body, resources, asked] = ends.map(|end| end as usize);
        let start = row.checked_sub(1).map_or(0, |before| self.detail_ends[before].0[3] as usize);
        let text = &self.details;
        Some(RawDetail {
            event_id: &text[start..event_id],
            body: &text[event_id..body],
            escaped,
            resources: &text[body..resources],
            asked: &text[resources..asked],
        })
    }
}

/// Collects rows for a batch.
#[derive(Debug, Default)]
pub struct EventsBuilder {
    rows: Vec<Row>,
    ids: String,
    id_ends: Vec<u32>,
    details: String,
    detail_ends: Vec<([u32; 4], bool)>,
}

/// Bytes of details that fill a batch: it ends early when bodies are large.
const FULL_DETAILS: usize = 32 << 20;

impl EventsBuilder {
    /// Adds a row.
    pub fn push(&mut self, row: Row, request_id: &str) {
        self.rows.push(row);
        self.ids.push_str(request_id);
        self.id_ends.push(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
    }

    /// Adds the details of the row added last.
    pub fn push_detail(&mut self, detail: &RawDetail<'_>) {
        let mut ends = [0; 4];
        let texts = [detail.event_id, detail.body, detail.resources, detail.asked];
        for (end, text) in ends.iter_mut().zip(texts) {
            self.details.push_str(text);
            *end = u32::try_from(self.details.len()).unwrap_or(u32::MAX);
        }
        self.detail_ends.push((ends, detail.escaped));
    }

    /// Whether there is enough for a batch of `rows`.
    pub fn is_full(&self, rows: usize) -> bool {
        self.rows.len() >= rows || self.details.len() >= FULL_DETAILS
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the memory of a batch back, to fill it again.
    pub fn reuse(&mut self, events: Events) {
        let Events { mut rows, mut ids, mut id_ends, mut details, mut detail_ends, .. } = events;
        rows.clear();
        ids.clear();
        id_ends.clear();
        details.clear();
        detail_ends.clear();
        if self.is_empty() && details.capacity() <= 2 * FULL_DETAILS {
            *self = Self { rows, ids, id_ends, details, detail_ends };
        }
    }

    /// The batch, leaving the builder empty.
    pub fn finish(&mut self) -> PolarsResult<Events> {
        let this = std::mem::take(self);
        let columns: Vec<Column> = columns::ALL.iter().map(|column| build(column, &this.rows)).collect();
        let frame = DataFrame::new(this.rows.len(), columns)?;
        Ok(Events {
            frame,
            rows: this.rows,
            ids: this.ids,
            id_ends: this.id_ends,
            details: this.details,
            detail_ends: this.detail_ends,
        })
    }
}

fn build(column: &columns::Column, rows: &[Row]) -> Column {
    let name = column.name.into();
    let series = match column.kind {
        Kind::Time => {
            let times = Int64Chunked::from_vec(name, rows.iter().map(|row| row.time).collect());
            times.into_datetime(TimeUnit::Milliseconds, None).into_series()
        }
        Kind::Number => Int32Chunked::from_vec(name, rows.iter().map(number(column.name)).collect()).into_series(),
        Kind::Code => UInt32Chunked::from_vec(name, rows.iter().map(code(column.name)).collect()).into_series(),
        Kind::Flag => {
            let bit = columns::bit(column);
            let flags: BooleanChunked = rows.iter().map(|row| row.has(bit)).collect();
            return flags.with_name(name).into_column();
        }
    };
    series.into_column()
}

fn number(name: &str) -> fn(&Row) -> i32 {
    if name == columns::LOCAL_DAY.name { |row| row.day } else { |row| row.second }
}

fn code(name: &str) -> fn(&Row) -> u32 {
    match name {
        "account" => |row| row.account,
        "key" => |row| row.key,
        "actor" => |row| row.actor,
        "api" => |row| row.api,
        "ip" => |row| row.ip,
        "client" => |row| row.client,
        "code" => |row| row.code,
        _ => |row| row.region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_has_every_column_with_its_type() {
        let mut builder = EventsBuilder::default();
        builder.push(Row { time: 5, flags: columns::bit(&columns::WRITE), ..Row::default() }, "r-1");
        builder.push(Row::default(), "r-2");
        let events = builder.finish().expect("a frame");
        for column in columns::ALL {
            let found = events.frame.column(column.name).expect(column.name);
            assert_eq!(found.dtype(), &column.kind.dtype(), "{}", column.name);
            assert_eq!(found.null_count(), 0, "{}", column.name);
        }
        assert_eq!((events.request_id(0), events.request_id(1)), ("r-1", "r-2"));
    }
}
