//! What all commands share that read the database: where it is, how and where the answer is written.

use super::columns::{ColumnArgs, write_limited};
use super::database::DatabaseArgs;
use super::error::Usage;
use super::output::{check_output, view, write_to};
use super::pager::write_paged;
use super::{now_ms, time};
use crate::report::listing::{write_csv, write_lines, write_object};
use crate::report::{Format, View, refused};
use crate::store::Db;
use crate::store::read::{FindError, keys_shown_as, resolve_id};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The options of every command that shows what the database keeps.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LookupArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Zone of shown and typed times [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Write the result to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// An open database, and how to answer.
pub(super) struct Lookup {
    /// The database.
    pub(super) db: Db,
    /// The time, in milliseconds.
    pub(super) now: i64,
    /// How to show the answer.
    pub(super) view: View,
    /// In which format.
    pub(super) format: Format,
    output: Option<PathBuf>,
}

impl LookupArgs {
    /// Opens the database, which must be there, to answer in this format.
    pub(super) fn open(&self, format: Format, config: Option<&Path>) -> Result<Lookup> {
        check_output(self.output.as_deref(), format)?;
        let mut settings = super::rules::read_settings(config)?;
        settings.tz.clone_from(&self.tz);
        let zone = settings.zone()?;
        let db = self.database.open()?;
        let same =
            |path: &Path| path.canonicalize().is_ok_and(|path| db.path().canonicalize().is_ok_and(|db| db == path));
        if self.output.as_deref().is_some_and(same) {
            return Err(Usage("--output would overwrite the database".to_string()).into());
        }
        let view = view(self.output.as_deref(), zone, false);
        Ok(Lookup { db, now: now_ms(), view, format, output: self.output.clone() })
    }
}

impl Lookup {
    /// Writes the answer.
    pub(super) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        write_to(self.output.as_deref(), write)
    }

    /// Writes a table, through a pager if it is longer than the terminal.
    pub(super) fn write_paged(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        write_paged(self.output.as_deref(), write)
    }

    /// Writes a list in the format asked for: `table` for people, or the objects, which JSON holds under `name` and CSV
    /// shows by `fields`, of which `columns` may want some alone.
    pub(super) fn write_list(
        &self,
        name: &str,
        fields: &[&str],
        columns: &ColumnArgs,
        objects: impl FnOnce() -> Vec<Value>,
        table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        match self.format {
            Format::Table => self.write_paged(table),
            Format::Json => self.write(|out| write_object(&json!({"version": 1, name: objects()}), out)),
            Format::Jsonl => self.write(|out| write_lines(&objects(), out)),
            Format::Csv => {
                let places = columns.places(fields)?;
                self.write(|out| write_limited(places.as_deref(), out, |out| write_csv(fields, &objects(), out)))
            }
            Format::CscJson | Format::Ocsf | Format::Parquet => self.write(|_| refused()),
        }
    }

    /// Writes one thing in the format asked for: `table` for people, the whole `object`, or in CSV its `line` in a list.
    pub(super) fn write_one(
        &self,
        fields: &[&str],
        line: impl FnOnce() -> Value,
        object: impl FnOnce() -> Value,
        table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        self.write(|out| match self.format {
            Format::Table => table(out),
            Format::Json => write_object(&object(), out),
            Format::Jsonl => write_lines(&[object()], out),
            Format::Csv => write_csv(fields, &[line()], out),
            Format::CscJson | Format::Ocsf | Format::Parquet => refused(),
        })
    }

    /// Reads a time of the option of this name.
    pub(super) fn time(&self, name: &str, text: &str) -> Result<i64> {
        time::option(name, text, self.now, self.view.zone)
    }

    /// The number of the alarm that is meant.
    pub(super) fn alarm(&self, id: &str) -> Result<i64> {
        find(&self.db, id)
    }
}

/// The full id of a key, which may be given as tables show it.
pub(super) fn full_ak(db: &Db, typed: &str) -> Result<String> {
    if !typed.contains("***") {
        return Ok(typed.to_string());
    }
    match keys_shown_as(db, typed)?.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Usage(format!("there is no key {typed:?}; `akguard ak list` has all")).into()),
        several => {
            let what =
                format!("{typed:?} stands for {} keys; give the full id, which --format json has", several.len());
            Err(Usage(what).into())
        }
    }
}

/// The number of the alarm that is meant.
pub(super) fn find(db: &Db, id: &str) -> Result<i64> {
    resolve_id(db, id).map_err(|error| match error {
        FindError::Store(error) => error.into(),
        other => Usage(other.to_string()).into(),
    })
}
