//! Scanning into the database.

use super::Args;
use super::tell::{tell_kept, with_progress};
use crate::cli::{command_line, now_ms};
use crate::detect::engine::Engine;
use crate::enrich::World;
use crate::ingest::source::{Input, expand};
use crate::pipeline::{ScanOutcome, ScanPlan};
use crate::progress::{Progress, Stage};
use crate::settings::Settings;
use crate::store::alarms::{AlarmFilter, Records, Sort, alarms};
use crate::store::scan::{Job, ScanError, Scanned};
use crate::store::{self, Db, ScanLock};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;

/// Scans into the database, and gives the alarms that the files hold events of, as the database has them.
pub(super) fn scan_into_database(
    args: &Args,
    config: Option<&Path>,
    settings: &Settings,
    plan: &ScanPlan,
    world: &World,
    engine: &Engine,
    progress: &Progress,
) -> Result<ScanOutcome> {
    let db = args.database.open_or_create()?;
    let _lock = ScanLock::take(db.path(), args.database.wait)?;
    tell_other_zone(&db, world.zone)?;
    let job = job(world, settings, context(args, config, settings, world)?, args.rescan)?;
    let Scanned { counts, kept } =
        with_progress(plan, !args.quiet, progress, || store::scan::scan(&db, plan, world, engine, &job, progress))
            .map_err(|error| match error {
                // The error itself says what was tried; its hint is told by what it is.
                ScanError::Store(error) => anyhow::Error::new(error),
                rules @ ScanError::Rules(_) => rules.into(),
            })?;
    if !args.quiet {
        tell_kept(&db, &counts, &kept);
    }
    let filter = AlarmFilter { numbers: Some(kept.alarms.into_iter().collect()), ..AlarmFilter::default() };
    let alarms = progress.time(Stage::Store, || alarms(&db, &filter, now_ms(), Sort::Level, None, Records::Full))?;
    Ok(counts.outcome(alarms))
}

/// What the ledger is to say.
pub(super) fn job(world: &World, settings: &Settings, context: [u8; 32], rescan: bool) -> Result<Job> {
    Ok(Job {
        command: command_line(),
        zone: world.zone.to_string(),
        now: now_ms(),
        context,
        most: settings.calls_per_record()?,
        rescan,
    })
}

/// Dates of alarms follow the zone, so a database should stay with one.
fn tell_other_zone(db: &Db, zone: chrono_tz::Tz) -> Result<()> {
    if let Some(before) = store::ledger::zone(db)?.filter(|before| *before != zone.to_string()) {
        let what = format!("the last scan into this database dated alarms in {before}, this one does in {zone}");
        let _ = writeln!(std::io::stderr().lock(), "warning: {what}; --tz {before} keeps to one zone");
    }
    Ok(())
}

/// A hash of everything but the logs that the result hangs on. A file that was read with other settings
/// or other assets is read again.
fn context(args: &Args, config: Option<&Path>, settings: &Settings, world: &World) -> Result<[u8; 32]> {
    let mut hash = blake3::Hasher::new();
    for part in [env!("CARGO_PKG_VERSION"), world.zone.name(), &world.naive_offset.to_string()] {
        hash.update(part.as_bytes()).update(&[0]);
    }
    let own = crate::cli::rules::settings_path(config);
    let files = own.into_iter().chain(settings.files()).chain(args.assets.clone()).chain(args.inventory.clone());
    for file in expand(&files.collect::<Vec<_>>()) {
        if let Input::File(path) = file {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            hash.update(blake3::hash(&bytes).as_bytes());
        }
    }
    Ok(*hash.finalize().as_bytes())
}
