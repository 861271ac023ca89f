//! The options of commands that work on what a scan found: in the database, or in logs read for this once.

use super::database::DatabaseArgs;
use super::scan::{Owned, scan_aside};
use crate::inventory::Inventory;
use crate::pipeline::ScanOutcome;
use crate::store::Db;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Names the database or the logs.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    /// Read these logs instead of the database: files, folders, globs, or - for standard input
    #[arg(long, value_name = "PATH", num_args = 1..)]
    logs: Vec<PathBuf>,
    /// Your addresses, as for scan; with --logs
    #[arg(long, value_name = "FILE", requires = "logs")]
    assets: Vec<PathBuf>,
}

impl LogsArgs {
    /// Whether logs were named.
    pub(super) fn are_named(&self) -> bool {
        !self.logs.is_empty()
    }

    /// What the account owns, by these options and the saved replies.
    pub(super) fn owned<'a>(&'a self, inventory: &'a [PathBuf], quiet: bool) -> Owned<'a> {
        Owned { assets: &self.assets, inventory, quiet }
    }

    /// Reads the logs into a database of their own.
    pub(super) fn read(
        &self,
        owned: Owned<'_>,
        tz: Option<&String>,
        config: Option<&Path>,
    ) -> Result<(Db, Inventory, ScanOutcome)> {
        scan_aside(&self.logs, owned, tz, config)
    }
}
