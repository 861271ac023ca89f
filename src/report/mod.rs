//! Outputs: one file per format. Nothing is decided here, and nothing from a log reaches a reader alive.

pub mod csv;
pub mod json;
pub mod listing;
pub mod recommendation;
pub mod table;
pub mod text;

use crate::lang::Lang;
use crate::pipeline::ScanOutcome;
use chrono_tz::Tz;
use std::io::{self, Write};

/// The formats of a scan's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One object.
    Json,
    /// One item a line.
    Jsonl,
    /// One item a line, for spreadsheets.
    Csv,
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
    /// Language of tables; the other formats are the same in all.
    pub lang: Lang,
}

/// Writes a scan's result.
pub fn write(outcome: &ScanOutcome, format: Format, view: View, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(outcome, view, out),
        Format::Json => json::write(outcome, view, out),
        Format::Jsonl => json::write_lines(outcome, view, out),
        Format::Csv => csv::write(outcome, view, out),
    }
}
