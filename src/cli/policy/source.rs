//! Where recommendations come from: the database, or logs read for this once.

use crate::cli::error::Usage;
use crate::cli::logs::LogsArgs;
use crate::cli::{now_ms, time};
use crate::inventory::Inventory;
use crate::recommend::input::Case;
use crate::report::text::time as shown;
use crate::store::Db;
use crate::store::cases::{Reader, cases, has_requests};
use crate::store::holders::Wanted;
use crate::store::inventory::stored;
use anyhow::Result;
use chrono_tz::Tz;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The options of both commands.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    from: LogsArgs,
    /// Users, keys, roles, groups and policies as `akguard inventory-script` collects them (repeatable)
    #[arg(long, value_name = "PATH")]
    inventory: Vec<PathBuf>,
    /// Zone of days and of shown and typed times [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Leave out calls before this: a date, a time, or an age [default: 90 days before the newest event]
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// No remarks on the input
    #[arg(long, short)]
    quiet: bool,
}

/// What recommendations are made from.
pub(super) struct Source {
    /// The database, perhaps only in memory.
    pub(super) db: Db,
    /// What is granted.
    pub(super) inventory: Inventory,
    /// Zone of local days.
    pub(super) zone: Tz,
    /// The calls come from logs named on the command line.
    pub(super) from_logs: bool,
    since: Option<i64>,
    now: i64,
}

impl SourceArgs {
    /// The zone of shown times.
    pub(super) fn zone(&self, config: Option<&Path>) -> Result<Tz> {
        let mut settings = crate::cli::rules::read_settings(config)?;
        settings.tz.clone_from(&self.tz);
        Ok(settings.zone()?)
    }

    /// As [`Self::open`], but without logs a database need not be there.
    pub(super) fn open_if_there(&self, config: Option<&Path>) -> Result<Option<Source>> {
        if self.from.are_named() || self.from.database.path()?.exists() {
            self.open(config).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Opens the database, or reads the logs.
    pub(super) fn open(&self, config: Option<&Path>) -> Result<Source> {
        let (zone, now) = (self.zone(config)?, now_ms());
        let since = self.since.as_ref().map(|text| time::option("since", text, now, zone)).transpose()?;
        let from_logs = self.from.are_named();
        let owned = self.from.owned(&self.inventory, self.quiet);
        let (db, own) = if from_logs {
            let (db, own, _) = self.from.read(owned, self.tz.as_ref(), config)?;
            (db, own)
        } else {
            (self.from.database.open()?, owned.load()?)
        };
        // What comes first stands: a fresh inventory before the kept one.
        let mut inventory = own;
        inventory.merge(stored(&db)?);
        let source = Source { db, inventory, zone, from_logs, since, now };
        if !self.quiet && !from_logs && !has_requests(&source.db)? {
            let what = "note: this database does not know yet who asked for what; scan the logs again, and it will";
            let _ = writeln!(std::io::stderr().lock(), "{what}");
        }
        Ok(source)
    }
}

impl Source {
    /// Everything known of those that are wanted.
    pub(super) fn cases(&self, wanted: &Wanted) -> Result<Vec<Case>> {
        let reader = Reader { inventory: &self.inventory, zone: self.zone, since: self.since, now: self.now };
        let cases = cases(&self.db, wanted, &reader)?;
        let newest = cases.iter().filter_map(|case| case.coverage.last).max();
        if let Some((since, newest)) = self.since.zip(newest).filter(|(since, newest)| since > newest) {
            let (since, newest) = (shown(since, self.zone), shown(newest, self.zone));
            return Err(Usage(format!("--since {since}: no event is that recent; the newest is of {newest}")).into());
        }
        Ok(cases)
    }
}
