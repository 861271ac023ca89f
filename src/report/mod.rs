//! Outputs: one file per format. Nothing is decided here, and nothing from a log reaches a reader alive.

pub mod csc;
pub mod csv;
pub mod json;
pub mod listing;
pub mod ocsf;
pub mod parquet;
pub mod recommendation;
pub mod table;
pub mod text;

use crate::event::id::mask_keys_in;
use crate::inventory::Inventory;
use crate::lang::Lang;
use crate::pipeline::ScanOutcome;
use chrono_tz::Tz;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::{self, Write};

/// The formats of results. Not every command has every form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One object.
    Json,
    /// One item a line.
    Jsonl,
    /// One item a line, for spreadsheets.
    Csv,
    /// As the console's own API replies.
    CscJson,
    /// OCSF Detection Findings, one a line.
    Ocsf,
    /// A table of columns with types.
    Parquet,
}

/// The formats that every command has.
const COMMON: [Format; 4] = [Format::Table, Format::Json, Format::Jsonl, Format::Csv];

/// Reads the format of a command that has `more` than the common ones; another is refused with a list of these.
pub fn formats(more: &'static [Format]) -> impl TypedValueParser<Value = Format> {
    let values = COMMON.iter().chain(more).filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(values).try_map(|name| Format::from_str(&name, false))
}

/// The answer of a command to a format that it has not got; its arguments refuse it before.
pub fn refused() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this command has no such format"))
}

/// How results are shown.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Zone that times are shown in.
    pub zone: Tz,
    /// Colour, for terminals.
    pub colour: bool,
    /// Show the calls behind each alarm in the table too.
    pub details: bool,
    /// Width to fit tables into; none for as wide as needed.
    pub width: Option<u16>,
    /// Shorten no text.
    pub wide: bool,
    /// Language of tables; the other formats are the same in all.
    pub lang: Lang,
}

impl View {
    /// A cell's text of at most so many characters, unless all of it is wanted. Ids of keys are masked before the cut:
    /// half an id is none that could be told.
    pub fn shortened(&self, text: &str, most: usize) -> String {
        if self.wide { text.to_string() } else { text::shortened(&mask_keys_in(text), most) }
    }
}

/// Writes a scan's result.
pub fn write(outcome: &ScanOutcome, format: Format, view: View, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(outcome, view, out),
        Format::Json => json::write(outcome, view, out),
        Format::Jsonl => json::write_lines(outcome, view, out),
        Format::Csv => csv::write(outcome, view, out),
        Format::CscJson => csc::write_alarms(&outcome.alarms, &Inventory::default(), out),
        Format::Ocsf => ocsf::write(&outcome.alarms, out),
        Format::Parquet => parquet::write_alarms(&outcome.alarms, view, out),
    }
}
