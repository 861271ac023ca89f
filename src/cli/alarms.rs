//! `akguard alarms`: the alarms kept in the database.

use super::columns::{ColumnArgs, write_limited};
use super::exit;
use super::filter::{FilterArgs, mark, parse_level};
use super::geo::{GeoArgs, Places};
use super::lookup::{Lookup, LookupArgs};
use crate::alarm::model::Alarm;
use crate::detect::Level;
use crate::pipeline::ScanCounts;
use crate::report::{self, Format, csc, formats, table};
use crate::store::alarms::{AlarmFilter, Records, Sort, alarms};
use crate::store::inventory::stored;
use crate::store::usage::regions;
use crate::store::{Failure, decisions};
use anyhow::Result;
use clap::ValueEnum;
use std::io::Write;
use std::path::Path;

/// List the alarms kept in the database
///
/// Alarms whose calls are all on the allowlist are listed last, with the level invalid. Of alarms that are
/// on it in part, only the other calls count.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard alarms --level high --status unprocessed\n  akguard alarms --since 7d --sort time --format csv --output week.csv\n  akguard alarms --columns level,user,last-call,id\n  akguard alarms --new --mark mail --fail-on high\n\nExit codes:\n  0 done   1 could not finish   2 wrong usage\n  10 unprocessed alarms at or above the level of --fail-on"
)]
pub(super) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// Order: level (worst first), time (newest first), count (most calls first), first-seen (newest first)
    #[arg(long, value_name = "ORDER", default_value = "level")]
    sort: SortArg,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only alarms that no earlier `--new` of the same mark has shown
    #[arg(long)]
    new: bool,
    /// Whose memory of shown alarms --new goes by [default: default]
    #[arg(long, value_name = "NAME", requires = "new")]
    mark: Option<String>,
    /// Exit with 10 if an unprocessed alarm of this level or above is listed
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    fail_on: Option<Level>,
    #[command(flatten)]
    geo: GeoArgs,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[Format::CscJson, Format::Ocsf, Format::Parquet]))]
    format: Format,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortArg {
    Level,
    Time,
    Count,
    FirstSeen,
}

impl SortArg {
    fn read(self) -> Sort {
        match self {
            Self::Level => Sort::Level,
            Self::Time => Sort::Time,
            Self::Count => Sort::Count,
            Self::FirstSeen => Sort::FirstSeen,
        }
    }
}

/// Lists the alarms and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let lookup = args.lookup.open(args.format, config)?;
    let mut filter = args.filter.read(&lookup.db, lookup.now, lookup.view.zone)?;
    let mut geo = args.geo.places(lookup.format)?;
    let failing = if args.new {
        let mark = mark(args.mark.as_deref().unwrap_or("default"))?;
        filter.unseen_by = Some(mark.to_string());
        list_once(args, &lookup, &filter, mark, &mut geo)?
    } else {
        let listed = read(args, &lookup, &filter)?;
        write(args, &lookup, listed, &mut geo)?.1
    };
    Ok(if failing { exit::ALARMS } else { exit::DONE })
}

fn read(args: &Args, lookup: &Lookup, filter: &AlarmFilter) -> Result<Vec<Alarm>> {
    let records = if matches!(lookup.format, Format::Table | Format::Csv) { Records::Sources } else { Records::Full };
    Ok(alarms(&lookup.db, filter, lookup.now, args.sort.read(), args.limit, records)?)
}

/// Lists alarms and marks them as shown, in one transaction: what could not be written is not marked.
fn list_once(args: &Args, lookup: &Lookup, filter: &AlarmFilter, mark: &str, geo: &mut Places) -> Result<bool> {
    let mut result = None;
    let kept = lookup.db.write(|transaction| {
        let shown = read(args, lookup, filter).and_then(|listed| write(args, lookup, listed, geo));
        match shown {
            Ok((ids, failing)) => {
                decisions::mark(transaction, mark, &ids)?;
                result = Some(Ok(failing));
                Ok(())
            }
            Err(error) => {
                result = Some(Err(error));
                Err(Failure::Content("nothing was shown".to_string()))
            }
        }
    });
    match (result, kept) {
        (Some(Err(error)), _) => Err(error),
        (_, Err(failure)) => Err(failure.at(lookup.db.path()).into()),
        (result, Ok(())) => result.unwrap_or(Ok(false)),
    }
}

/// Writes the list; gives the ids in it, and whether one of them is reason to fail.
fn write(args: &Args, lookup: &Lookup, mut alarms: Vec<Alarm>, geo: &mut Places) -> Result<(Vec<String>, bool)> {
    let ids = alarms.iter().map(|alarm| alarm.id.clone()).collect();
    let failing = args.fail_on.is_some_and(|level| alarms.iter().any(|alarm| alarm.is_open(level)));
    match lookup.format {
        Format::Table => {
            let columns = args.columns.pick(&table::COLUMNS, |column| args.geo.is_usual(column, &alarms))?;
            if columns.iter().any(|column| column.title == table::REGION) {
                geo.fill_sources(&mut alarms, &regions(&lookup.db)?);
            }
            let view = args.columns.view(lookup.view);
            let list = |out: &mut dyn Write| table::write_list(&alarms, &columns, view, out);
            // A list that marks what it shows holds the database meanwhile, and nobody should wait for a reader.
            if args.new { lookup.write(list)? } else { lookup.write_paged(list)? }
        }
        Format::CscJson => {
            let inventory = stored(&lookup.db)?;
            lookup.write(|out| csc::write_alarms(&alarms, &inventory, out))?;
        }
        format => {
            let places = if format == Format::Csv { args.columns.places(&report::csv::HEADER)? } else { None };
            if format != Format::Csv {
                geo.fill_records(alarms.iter_mut().flat_map(|alarm| &mut alarm.records));
            }
            // No log was read for it, so nothing is counted.
            let outcome = ScanCounts::default().outcome(alarms);
            lookup.write(|out| {
                write_limited(places.as_deref(), out, |out| report::write(&outcome, format, lookup.view, out))
            })?;
        }
    }
    Ok((ids, failing))
}
