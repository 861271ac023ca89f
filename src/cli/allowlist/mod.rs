//! `akguard allowlist`: policies that say which calls are fine.

mod change;
mod exchange;
mod scope;
mod show;

use super::database::DatabaseArgs;
use super::error::Usage;
use super::now_ms;
use super::rules::read_settings;
use crate::allow::Known;
use crate::catalog::edit::nearest;
use crate::detect::rules::ALL;
use crate::settings::Settings;
use crate::store::allowlist::{self, Hits, Kept};
use crate::store::{Db, Failure};
use anyhow::Result;
use chrono_tz::Tz;
use clap::Subcommand;
use rusqlite::Transaction;
use std::collections::BTreeSet;
use std::path::Path;

/// Say which calls are fine: policies that take them out of alarms
///
/// A policy has dimensions: rule, source (addresses and IP types), method, key, API and response
/// code. A call must fit all that are set, and any entry of a dimension will do. An alarm whose calls
/// are all covered becomes invalid, and comes back when the policy ends or goes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist add --rule non-console-high-risk-api --ip 203.0.113.0/24 --expires 30d --reason 'CI runners'\n  akguard allowlist add --from-alarm A-1f0c --reason 'planned migration' --yes\n  akguard allowlist list\n  akguard allowlist test --ip 203.0.113.0/24 --api 'cvm:Describe*'\n  akguard allowlist export --output allowlist.json"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Box<change::AddArgs>),
    List(show::ListArgs),
    Show(show::ShowArgs),
    Edit(Box<change::EditArgs>),
    Remove(change::RemoveArgs),
    Enable(change::SwitchArgs),
    Disable(change::SwitchOffArgs),
    Test(Box<show::TestArgs>),
    Import(exchange::ImportArgs),
    Export(exchange::ExportArgs),
}

/// The options of every command about policies.
#[derive(Clone, Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Zone of times that are given and shown [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
}

/// Runs the subcommand and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    match &args.command {
        Command::Add(args) => change::add(args, config),
        Command::List(args) => show::list(args, config),
        Command::Show(args) => show::show(args, config),
        Command::Edit(args) => change::edit(args, config),
        Command::Remove(args) => change::remove(args, config),
        Command::Enable(args) => change::switch(&args.common, &args.names, true, config),
        Command::Disable(args) => change::switch(&args.common, &args.names, false, config),
        Command::Test(args) => show::test(args, config),
        Command::Import(args) => exchange::import(args, config),
        Command::Export(args) => exchange::export(args, config),
    }
}

/// What every command about policies needs.
struct Room {
    db: Db,
    settings: Settings,
    zone: Tz,
    now: i64,
}

impl Room {
    /// Opens the database, which must be there.
    fn open(common: &Common, config: Option<&Path>) -> Result<Self> {
        Self::with(common, config, DatabaseArgs::open)
    }

    /// Opens the database, and makes it if it is not there: policies may be written before the first scan.
    fn open_or_create(common: &Common, config: Option<&Path>) -> Result<Self> {
        Self::with(common, config, DatabaseArgs::open_or_create)
    }

    fn with(common: &Common, config: Option<&Path>, open: fn(&DatabaseArgs) -> Result<Db>) -> Result<Self> {
        let mut settings = read_settings(config)?;
        settings.tz.clone_from(&common.tz);
        let zone = settings.zone()?;
        Ok(Self { db: open(&common.database)?, settings, zone, now: now_ms() })
    }

    /// Reads from the database.
    fn read<T>(&self, read: impl FnOnce(&rusqlite::Connection) -> Result<T, Failure>) -> Result<T> {
        Ok(read(&self.db.conn).map_err(|error| error.at(self.db.path()))?)
    }

    /// Changes the database: everything that `work` does, or nothing. It must see all mistakes of the user's before
    /// it changes anything.
    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<Result<T>, Failure>) -> Result<T> {
        self.db.write(work).map_err(|error| error.at(self.db.path()))?
    }

    fn all(&self) -> Result<Vec<Kept>> {
        self.read(allowlist::all)
    }

    fn list(&self) -> Result<Vec<(Kept, Hits)>> {
        self.read(allowlist::list)
    }

    /// Names that policies may use; those that `old` uses already are fine in any case.
    fn names(&self, old: Option<&Kept>) -> Result<Names> {
        let mut services = self.settings.catalog()?.services();
        services.extend(self.read(allowlist::services)?);
        let mut rules: BTreeSet<String> = ALL.iter().map(|(meta, _)| meta.id.to_string()).collect();
        if let Some(kept) = old {
            rules.extend(kept.policy.rules.iter().cloned());
            services.extend(kept.policy.apis.iter().map(|api| crate::allow::service_of(&api.to_string())));
        }
        Ok(Names { rules, services })
    }
}

/// Names that policies may use.
struct Names {
    rules: BTreeSet<String>,
    services: BTreeSet<String>,
}

impl Names {
    fn known<T>(&self, with: impl FnOnce(&Known<'_>) -> T) -> T {
        let rules: Vec<&str> = self.rules.iter().map(String::as_str).collect();
        with(&Known { rules: &rules, services: &self.services })
    }
}

/// The policy that a user names, or an error with the nearest name.
fn named<'k>(policies: &'k [Kept], name: &str) -> Result<&'k Kept> {
    allowlist::find(policies, name).ok_or_else(|| {
        let names = policies.iter().map(|kept| kept.policy.name.as_str());
        let hint = match nearest(name, names) {
            Some(nearest) => format!("the nearest is {nearest:?}, and `akguard allowlist list` has all"),
            None if policies.is_empty() => "there is none yet".to_string(),
            None => "`akguard allowlist list` has all".to_string(),
        };
        Usage(format!("there is no policy {name:?}; {hint}")).into()
    })
}
