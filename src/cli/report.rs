//! `akguard report`: what happened in a period, as a page, a digest, a workbook or data.

use super::error::Usage;
use super::exit;
use super::geo::GeoArgs;
use super::logs::LogsArgs;
use super::output::write_to;
use super::{command_line, now_ms, time};
use crate::document::gather::{Order, gather};
use crate::document::model::{Reject, Report};
use crate::document::{html, md, template, xlsx};
use crate::lang::Lang;
use crate::pipeline::ScanOutcome;
use crate::report::json::write_pretty;
use crate::report::text::{counted, printable};
use crate::store::{Db, decisions, period};
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Write a report: a page to open, a digest to send, a workbook, or data
///
/// Reports on the alarms of a period, by the time of their newest call, with everything that a reader without akguard
/// needs: calls, keys, addresses, the allowlist, and what was read. docs/report.md shows each format.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard report --output report.html\n  akguard report --since yesterday --format md\n  akguard report --since 7d --format xlsx --output week.xlsx\n  akguard report --logs logs/ --assets assets.csv --output report.html"
)]
pub(super) struct Args {
    /// Report on alarms with calls since then: a date, a time, or an age such as 24h, 7d, yesterday [default: all]
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Report on alarms until then [default: now]
    #[arg(long, value_name = "T")]
    until: Option<String>,
    /// Output format [default: by the ending of --output, else md]
    #[arg(long, value_name = "F")]
    format: Option<Shape>,
    /// Call new what no earlier report or message of this mark has shown, and remember it once written
    #[arg(long, value_name = "NAME", conflicts_with = "logs")]
    mark: Option<String>,
    /// Your own template instead of a format; docs/report.md describes the data it is given
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    template: Option<PathBuf>,
    /// Show keys in full
    #[arg(long)]
    full_keys: bool,
    #[command(flatten)]
    source: SourceArgs,
    /// Write the report to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Where a report's data comes from.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    from: LogsArgs,
    /// Users, keys and policies, as for scan; with --logs
    #[arg(long, value_name = "PATH", requires = "logs")]
    inventory: Vec<PathBuf>,
    #[command(flatten)]
    geo: GeoArgs,
    /// Zone of shown and typed times [default: Asia/Shanghai]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// No remarks on the input
    #[arg(long, short)]
    quiet: bool,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// One page that a browser opens, without network.
    Html,
    /// A digest that fits a chat or a mail.
    Md,
    /// A workbook.
    Xlsx,
    /// All data.
    Json,
}

/// Writes the report and returns the exit code.
pub(super) fn run(args: &Args, lang: Lang, config: Option<&Path>) -> Result<u8> {
    let shape = args.shape()?;
    // Data is for programs, and the same in all languages; a template is somebody's own page.
    let lang = if shape == Shape::Json && args.template.is_none() { Lang::En } else { lang };
    let (db, report) = args.source.gather(Asked::from(args), lang, config)?;
    make_private(args.output.as_deref());
    write(&report, args, shape, lang)?;
    remember(&db, args.mark.as_deref(), &report)?;
    if let Some(path) = args.output.as_ref().filter(|path| !args.source.quiet && path.as_os_str() != "-") {
        let alarms = counted(report.alarms.len() as u64, "alarm", "alarms");
        let _ = writeln!(io::stderr().lock(), "{}: {alarms}", printable(&path.display().to_string()));
    }
    Ok(exit::DONE)
}

impl Args {
    fn shape(&self) -> Result<Shape> {
        if let Some(shape) = self.format {
            return Ok(shape);
        }
        let ending = self.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("html" | "htm") => Ok(Shape::Html),
            Some("xlsx") => Ok(Shape::Xlsx),
            Some("json") => Ok(Shape::Json),
            Some("md" | "txt" | "markdown") | None => Ok(Shape::Md),
            Some(_) if self.template.is_some() => Ok(Shape::Md),
            Some(other) => {
                let what = format!("no format has the ending .{other}; name one with --format: html, md, xlsx or json");
                Err(Usage(what).into())
            }
        }
    }
}

/// What a report is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) since: Option<&'a str>,
    pub(super) until: Option<&'a str>,
    pub(super) full_keys: bool,
    pub(super) mark: Option<&'a str>,
}

impl<'a> From<&'a Args> for Asked<'a> {
    fn from(args: &'a Args) -> Self {
        Self {
            since: args.since.as_deref(),
            until: args.until.as_deref(),
            full_keys: args.full_keys,
            mark: args.mark.as_deref(),
        }
    }
}

impl SourceArgs {
    /// The report's data, from the database or the logs named, and the database.
    pub(super) fn gather(&self, asked: Asked<'_>, lang: Lang, config: Option<&Path>) -> Result<(Db, Report)> {
        asked.mark.map(super::filter::mark).transpose()?;
        let mut settings = super::rules::read_settings(config)?;
        settings.tz.clone_from(&self.tz);
        let (zone, now) = (settings.zone()?, now_ms());
        let (db, rejects) = self.open(config)?;
        let since = asked.since.map(|text| time::option("since", text, now, zone)).transpose()?;
        let until = asked.until.map_or(Ok(now), |text| time::option("until", text, now, zone))?;
        if since.is_some_and(|since| since >= until) {
            return Err(Usage("--since is not before --until, so no call can be in between".to_string()).into());
        }
        let command = command_line();
        let (geo, from_logs) = (self.geo.open()?, self.from.are_named());
        let (full_keys, mark) = (asked.full_keys, asked.mark.map(str::to_string));
        let report =
            gather(&db, &Order { since, until, now, zone, full_keys, command, mark, geo, lang, from_logs, rejects })?;
        Ok((db, report))
    }

    fn open(&self, config: Option<&Path>) -> Result<(Db, Vec<Reject>)> {
        if !self.from.are_named() {
            return Ok((self.from.database.open()?, Vec::new()));
        }
        let owned = self.from.owned(&self.inventory, self.quiet);
        let (db, _, outcome) = self.from.read(owned, self.tz.as_ref(), config)?;
        Ok((db, rejects(&outcome)))
    }
}

/// Makes a new file that only its owner can read: a report says as much as the database.
fn make_private(output: Option<&Path>) {
    #[cfg(unix)]
    if let Some(path) = output.filter(|path| path.as_os_str() != "-") {
        use std::os::unix::fs::OpenOptionsExt;
        // Where this fails, writing does so too and says why; a file that is there keeps its mode.
        let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    }
}

/// Marks the alarms of a report as shown, and its scans as told of.
pub(super) fn remember(db: &Db, mark: Option<&str>, report: &Report) -> Result<()> {
    let Some(mark) = mark else { return Ok(()) };
    let ids: Vec<String> = report.alarms.iter().map(|alarm| alarm.id.clone()).collect();
    let kept = db.write(|transaction| {
        decisions::mark(transaction, mark, &ids)?;
        period::tell(transaction, mark, report.coverage.newest_scan)
    });
    kept.map_err(|failure| failure.at(db.path()))?;
    Ok(())
}

fn rejects(outcome: &ScanOutcome) -> Vec<Reject> {
    let reject = |reject: &crate::ingest::reject::Reject| Reject {
        file: outcome.file_outcomes.get(reject.file as usize).map(|file| file.name.clone()),
        line: (reject.line > 0).then_some(reject.line),
        record: (reject.record > 0).then_some(reject.record),
        reason: reject.reason.to_string(),
    };
    outcome.rejects.iter().map(reject).collect()
}

fn write(report: &Report, args: &Args, shape: Shape, lang: Lang) -> Result<()> {
    let output = args.output.as_deref();
    if let Some(path) = &args.template {
        let what = || format!("cannot read the template {}", path.display());
        let template = std::fs::read_to_string(path).with_context(what)?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut text = Vec::new();
        template::render(&template, &name, report, &mut text)?;
        return write_to(output, |out| out.write_all(&text));
    }
    match shape {
        Shape::Html => write_to(output, |out| html::write(report, lang, out)),
        Shape::Md => write_to(output, |out| md::write(report, lang, out)),
        Shape::Xlsx => {
            let to_terminal = output.is_none_or(|path| path.as_os_str() == "-") && io::stdout().is_terminal();
            if to_terminal {
                return Err(Usage("a workbook is no text; name a file with --output".to_string()).into());
            }
            let book = xlsx::bytes(report, lang)?;
            write_to(output, |out| out.write_all(&book))
        }
        Shape::Json => write_to(output, |out| write_pretty(report, out)),
    }
}
