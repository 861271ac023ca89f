//! `akguard scan`: reads logs, detects, shows the alarms.

mod keep;
mod tell;

use self::keep::scan_into_database;
use self::tell::{tell_input, tell_inventory, tell_timings, with_progress};
use super::columns::{ColumnArgs, write_limited};
use super::database::DatabaseArgs;
use super::error::Usage;
use super::filter::parse_level;
use super::geo::{GeoArgs, Places};
use super::output::{check_output, view, write_to};
use super::{exit, now_ms, time};
use crate::alarm::model::Alarm;
use crate::detect::Level;
use crate::detect::engine::Engine;
use crate::enrich::World;
use crate::ingest::source::{Input, expand};
use crate::inventory::{self, Inventory};
use crate::pipeline::{self, ScanOutcome, ScanPlan};
use crate::progress::Progress;
use crate::report::listing::Column;
use crate::report::text::printable;
use crate::report::{self, Format, csc, csv, formats, table};
use crate::settings::Settings;
use crate::store::{self, Db};
use anyhow::{Context, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Read logs, detect, and show the alarms
///
/// PATH is a file, a folder (walked), a glob, or - for standard input. What a file holds is told
/// by its content: NDJSON, JSON replies of the API or tccli, the console's CSV, CLS and EventBridge
/// exports; plain or in gzip, zstd, tar or zip.
#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard scan logs/ --assets assets.csv --inventory inventory/\n  akguard scan 'logs/2026-03-*.gz' --since 2026-03-10 --format json --output alarms.json\n  zcat audit.gz | akguard scan - --fail-on high --quiet\n\nExit codes:\n  0 done   1 could not finish   2 wrong usage   3 input was rejected and --strict was given\n  10 alarms at or above the level of --fail-on"
)]
pub(super) struct Args {
    /// Logs: files, folders, globs, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Your addresses: CSV, plain list, or JSON of cvm, vpc, clb, cwp and csip calls (repeatable)
    #[arg(long, value_name = "FILE")]
    assets: Vec<PathBuf>,
    /// Users, keys, policies and networks as tccli prints them: file or folder (repeatable)
    #[arg(long, value_name = "PATH")]
    inventory: Vec<PathBuf>,
    /// Leave out events before this: a date, a time, yesterday, or an age in m(inutes), h, d or w such as 24h, 7d
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Leave out events from this time on
    #[arg(long, value_name = "T")]
    until: Option<String>,
    /// Zone of dates, night hours and shown times [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Offset of log times that have none [default: +08:00]
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    naive_tz: Option<String>,
    /// Saved document of api.github.com/meta, for newer ranges of GitHub's secret scanning
    #[arg(long, value_name = "FILE")]
    github_meta: Option<PathBuf>,
    #[command(flatten)]
    geo: GeoArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Keep nothing: no database is read or written
    #[arg(long)]
    no_db: bool,
    /// Read files again that the database knows; the result is the same
    #[arg(long)]
    rescan: bool,
    /// Output format [default: table]
    #[arg(long, value_name = "F", value_parser = formats(&[Format::CscJson, Format::Ocsf, Format::Parquet]))]
    format: Option<Format>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// In a table, show why each alarm fired and the calls behind it
    #[arg(long)]
    details: bool,
    /// Write the result to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 10 if an alarm of this level or above is unprocessed: critical, high, medium, low, note
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    fail_on: Option<Level>,
    /// Exit with 3 if any input was rejected
    #[arg(long)]
    strict: bool,
    /// Memory to aim for, such as 300MB or 2GB; event keys past it go to temporary files [default: 1GB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value_t = pipeline::MEMORY, hide_default_value = true)]
    memory: u64,
    /// Say on stderr where the time went, stage by stage
    #[arg(long)]
    timings: bool,
    /// Show results only: no progress, no remarks on the input
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the scan and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    check(args)?;
    let (began, progress) = (Instant::now(), Progress::default());
    let format = args.format.unwrap_or(Format::Table);
    check_output(args.output.as_deref(), format)?;
    let places = args.geo.places(format)?;
    let settings = settings(args, config)?;
    if !args.quiet
        && let Some(path) = super::rules::settings_path(config)
    {
        let _ = writeln!(std::io::stderr().lock(), "settings: {}", printable(&path.display().to_string()));
    }
    let owned = Owned { assets: &args.assets, inventory: &args.inventory, quiet: args.quiet };
    let world = world(owned, &settings)?;
    let plan = plan(args, world.zone)?;
    let engine = Engine::new(settings.rules()?);
    if !args.quiet && args.assets.is_empty() && args.inventory.is_empty() {
        let what = "note: without --assets, every public address counts as outside the account";
        let _ = writeln!(std::io::stderr().lock(), "{what}");
    }
    let mut outcome = if args.no_db {
        with_progress(&plan, !args.quiet, &progress, || pipeline::scan(&plan, &world, &engine, &progress))
            .context("cannot evaluate the rules")?
    } else {
        scan_into_database(args, config, &settings, &plan, &world, &engine, &progress)?
    };
    if !args.quiet {
        tell_input(&outcome);
    }
    let view = view(args.output.as_deref(), world.zone, args.details);
    let (columns, fields) = columns_of(args, &outcome.alarms)?;
    let with_region = columns.iter().any(|column| column.title == table::REGION);
    fill_places(args.details, format, with_region, places, &mut outcome);
    let view = args.columns.view(view);
    write_to(args.output.as_deref(), |out| match format {
        Format::Table => table::write_columns(&outcome, &columns, view, out),
        Format::Csv => write_limited(fields.as_deref(), out, |out| csv::write(&outcome, view, out)),
        Format::CscJson => csc::write_alarms(&outcome.alarms, &world.inventory, out),
        format => report::write(&outcome, format, view, out),
    })?;
    if args.timings {
        tell_timings(&outcome, &progress, began.elapsed());
    }
    let code = exit_code(args, &outcome);
    // The process ends here and gives all memory back at once, which is faster than alarm by alarm.
    std::mem::forget(outcome);
    Ok(code)
}

/// Fills in where addresses are, as far as the format shows it.
fn fill_places(details: bool, format: Format, with_region: bool, mut places: Places, outcome: &mut ScanOutcome) {
    let shown = match format {
        Format::Table => details || with_region,
        Format::Csv | Format::CscJson => false,
        _ => true,
    };
    if !shown {
        return;
    }
    places.fill_records(outcome.alarms.iter_mut().flat_map(|alarm| &mut alarm.records));
    if with_region {
        for alarm in &mut outcome.alarms {
            alarm.sources.region = alarm.records.last().and_then(|record| record.region.clone());
        }
    }
}

/// The columns that are wanted: those of the table, and the places of those of CSV.
type Columns = (Vec<&'static Column<Alarm>>, Option<Vec<usize>>);

fn columns_of(args: &Args, alarms: &[Alarm]) -> Result<Columns> {
    match args.format.unwrap_or(Format::Table) {
        Format::Table => Ok((args.columns.pick(&table::COLUMNS, |column| args.geo.is_usual(column, alarms))?, None)),
        Format::Csv => Ok((Vec::new(), args.columns.places(&csv::HEADER)?)),
        _ => Ok((Vec::new(), None)),
    }
}

/// Refuses what would do harm, or nothing.
fn check(args: &Args) -> Result<()> {
    columns_of(args, &[])?;
    if args.no_db && args.rescan {
        return Err(Usage("--no-db knows no file, so there is nothing to --rescan".to_string()).into());
    }
    if args.details && !matches!(args.format, None | Some(Format::Table)) {
        return Err(Usage("--details is for tables; the other formats have all details anyway".to_string()).into());
    }
    let Some(output) = args.output.as_ref().and_then(|path| path.canonicalize().ok()).filter(|path| path.is_file())
    else {
        return Ok(());
    };
    let logs = expand(&args.paths);
    let logs = logs.iter().filter_map(|input| if let Input::File(path) = input { Some(path) } else { None });
    let own =
        logs.chain(&args.assets).chain(&args.inventory).find(|path| path.canonicalize().is_ok_and(|p| p == output));
    own.map_or(Ok(()), |path| {
        let what = format!("--output would overwrite {}, which is to be read", path.display());
        Err(Usage(what).into())
    })
}

fn settings(args: &Args, config: Option<&Path>) -> Result<Settings> {
    let mut settings = super::rules::read_settings(config)?;
    settings.tz.clone_from(&args.tz);
    settings.naive_tz.clone_from(&args.naive_tz);
    settings.github_meta.clone_from(&args.github_meta);
    Ok(settings)
}

/// Exports of users and keys give local times of the China site, whatever the logs do.
const INVENTORY_OFFSET: i32 = 8 * 3600;

/// What the account owns, by the files named for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned<'o> {
    /// Lists of addresses.
    pub(super) assets: &'o [PathBuf],
    /// Saved replies.
    pub(super) inventory: &'o [PathBuf],
    /// Say nothing about the files.
    pub(super) quiet: bool,
}

impl Owned<'_> {
    /// Reads the files.
    pub(super) fn load(&self) -> Result<Inventory> {
        let mut inventory = Inventory::default();
        for paths in [self.assets, self.inventory] {
            let (loaded, told) =
                inventory::load(paths, INVENTORY_OFFSET).context("cannot load assets and inventory")?;
            inventory.merge(loaded);
            if !self.quiet {
                tell_inventory(&told);
            }
        }
        Ok(inventory)
    }
}

fn world(owned: Owned<'_>, settings: &Settings) -> Result<World> {
    Ok(World {
        naive_offset: settings.naive_offset()?,
        catalog: settings.catalog()?,
        inventory: owned.load()?,
        zone: settings.zone()?,
        cloud_manager_ips: settings.cloud_manager_ips()?,
    })
}

/// Scans logs into a database in memory, for commands that look at them once; says what was read and what was not.
pub(super) fn scan_aside(
    logs: &[PathBuf],
    owned: Owned<'_>,
    tz: Option<&String>,
    config: Option<&Path>,
) -> Result<(Db, Inventory, ScanOutcome)> {
    let mut settings = super::rules::read_settings(config)?;
    settings.tz = tz.cloned();
    let world = world(owned, &settings)?;
    let engine = Engine::new(settings.rules()?);
    let plan =
        ScanPlan { inputs: expand(logs), since: None, until: None, workers: workers(), memory: pipeline::MEMORY };
    let (db, progress) = (Db::in_memory()?, Progress::default());
    let job = keep::job(&world, &settings, [0; 32], false)?;
    let scanned = with_progress(&plan, !owned.quiet, &progress, || {
        store::scan::scan(&db, &plan, &world, &engine, &job, &progress)
    })?;
    let outcome = scanned.counts.outcome(Vec::new());
    if !owned.quiet {
        tell_input(&outcome);
    }
    if outcome.files.read + outcome.files.empty == 0 {
        return Err(Usage("no log could be read; docs/formats.md lists what is read".to_string()).into());
    }
    Ok((db, world.inventory, outcome))
}

/// Reads a size in bytes: a number, alone or with kB, MB, GB, KiB, MiB or GiB behind it.
fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" | "k" => Some(1000),
        "mb" | "m" => Some(1_000_000),
        "gb" | "g" => Some(1_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let size = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.ok_or_else(|| "a size is a whole number and a unit, such as 300MB, 2GB or 512MiB".to_string())
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn plan(args: &Args, zone: chrono_tz::Tz) -> Result<ScanPlan> {
    let now = now_ms();
    let read = |name: &str, text: &Option<String>| -> Result<Option<i64>> {
        text.as_ref().map(|text| time::option(name, text, now, zone)).transpose()
    };
    let (since, until) = (read("since", &args.since)?, read("until", &args.until)?);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(Usage("--since is not before --until, so no event can be in between".to_string()).into());
    }
    Ok(ScanPlan { inputs: expand(&args.paths), since, until, workers: workers(), memory: args.memory })
}

fn exit_code(args: &Args, outcome: &ScanOutcome) -> u8 {
    let files = &outcome.files;
    if outcome.file_outcomes.is_empty() && files.skipped == 0 {
        let _ = writeln!(std::io::stderr().lock(), "warning: there is no file in what was named");
        return exit::DONE;
    }
    let rejected = files.rejected > 0 || outcome.events.rejected > 0;
    if files.read + files.empty + files.skipped == 0 {
        let what = "error: no input could be read\nhint: docs/formats.md lists what is read";
        let _ = writeln!(std::io::stderr().lock(), "{what}");
        exit::FAILED
    } else if args.strict && rejected {
        exit::REJECTED
    } else if args.fail_on.is_some_and(|level| outcome.alarms.iter().any(|alarm| alarm.is_open(level))) {
        exit::ALARMS
    } else {
        exit::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_ten_or_of_two() {
        for (text, bytes) in [
            ("300MB", 300_000_000),
            ("2gb", 2_000_000_000),
            ("512 MiB", 512 << 20),
            ("1GiB", 1 << 30),
            ("64k", 64_000),
            ("1024", 1024),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "1.5GB", "-1MB", "10TB", "99999999999999GB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
