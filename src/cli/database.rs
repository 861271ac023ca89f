//! Where the database is, for every command that uses it.

use crate::store::Db;
use anyhow::{Result, anyhow};
use clap::builder::OsStringValueParser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The options of every command that uses the database.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DatabaseArgs {
    /// Database file; else AKGUARD_DB, else akguard.db in your data folder
    #[arg(long, global = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = OsStringValueParser::new())]
    db: Option<OsString>,
    /// How long to wait for another akguard that writes to the database, such as 30s or 5m
    #[arg(long, global = true, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(super) wait: Duration,
}

impl DatabaseArgs {
    /// The database file.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let named = self.db.clone().filter(|name| !name.is_empty()).map(PathBuf::from);
        named
            .or_else(usual_path)
            .ok_or_else(|| anyhow!("there is no data folder to keep a database in; name one with --db"))
    }

    /// Opens the database, which must be there.
    pub(super) fn open(&self) -> Result<Db> {
        Ok(Db::open(&self.path()?, self.wait)?)
    }

    /// Opens the database, and makes it if it is not there.
    pub(super) fn open_or_create(&self) -> Result<Db> {
        Ok(Db::open_or_create(&self.path()?, self.wait)?)
    }
}

/// Where the database is when nobody names one.
pub(super) fn usual_path() -> Option<PathBuf> {
    dirs::data_dir().map(|folder| folder.join("akguard/akguard.db"))
}

/// Reads a length of time: a number and s, m or h.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; use one such as 30s or 5m");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}
