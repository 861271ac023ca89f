//! `akguard rules`: the rules, with the settings applied, and their pages.

use super::columns::ColumnArgs;
use super::output::{lang, write_to};
use super::pager::write_paged;
use super::terminal::{self, wants_colour};
use crate::detect::rules::{self, ALL, RuleError};
use crate::detect::{Level, Meta};
use crate::lang::rules::rule_text;
use crate::lang::{Lang, text};
use crate::settings::Settings;
use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

/// List the rules, or show one rule's page
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard rules list\n  akguard rules list --format json\n  akguard rules show dormant-key-used"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the rules with level and state, as the settings make them
    #[command(
        after_help = "Examples:\n  akguard rules list --columns id,level,state\n  akguard rules list --format json"
    )]
    List {
        /// Output format
        #[arg(long, value_name = "F", default_value = "table")]
        format: ListFormat,
        #[command(flatten)]
        columns: ColumnArgs,
    },
    /// Show what a rule watches, how it decides, and what to do about an alarm
    #[command(after_help = "Example:\n  akguard rules show hacker-tool")]
    Show {
        /// The rule's id, such as hacker-tool, or its number
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListFormat {
    Table,
    Json,
}

/// Reads the settings from the file named, else from where one usually lies, else takes the defaults.
pub(super) fn read_settings(config: Option<&Path>) -> Result<Settings> {
    match settings_path(config) {
        Some(path) => Ok(Settings::read(&path)?),
        None => Ok(Settings::default()),
    }
}

/// The settings file in effect, if there is one.
pub(super) fn settings_path(config: Option<&Path>) -> Option<PathBuf> {
    let usual = || {
        let own = dirs::config_dir().map(|folder| folder.join("akguard/akguard.toml"));
        [Some(PathBuf::from("akguard.toml")), own].into_iter().flatten().find(|path| path.is_file())
    };
    config.map(Path::to_path_buf).or_else(usual)
}

/// Runs the subcommand and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    match &args.command {
        Command::List { format, columns } => list(*format, columns, config)?,
        Command::Show { id } => show(id, config)?,
    }
    Ok(super::exit::DONE)
}

fn show(id: &str, config: Option<&Path>) -> Result<()> {
    let numbered = ALL.iter().map(|(meta, _)| *meta).find(|meta| meta.number.to_string() == id);
    let meta = numbered.map_or_else(|| rules::find(id), Ok).map_err(|error| match error {
        RuleError::Unknown { nearest, .. } => {
            let near = nearest.map_or(String::new(), |nearest| format!("the nearest is {nearest:?}, and "));
            anyhow::Error::new(super::error::Usage(format!(
                "there is no rule {id:?}; {near}`akguard rules list` has all"
            )))
        }
        other @ RuleError::Setting { .. } => other.into(),
    })?;
    let active = read_settings(config)?.rules()?;
    let level = active.iter().find(|rule| rule.meta.id == meta.id).map(|rule| rule.level);
    let changed = match level {
        None if meta.on => text(lang(), "rules", "off_in_settings").to_string() + "\n\n",
        Some(level) if level != meta.level || !meta.on => {
            lang().fill("rules", "on_in_settings", &[("level", lang().word(level.as_str()))]) + "\n\n"
        }
        _ => String::new(),
    };
    write_to(None, |out| write!(out, "{changed}{}{}", in_short(meta, lang()), meta.docs))
}

/// What stands above the page, which is in English: the rule in the reader's language, in short.
fn in_short(meta: &Meta, lang: Lang) -> String {
    if lang == Lang::En {
        return String::new();
    }
    let rule = rule_text(lang, meta.id);
    let say = |name| text(lang, "rules", name);
    let values = [
        ("id", meta.id),
        ("level", lang.word(meta.level.as_str())),
        ("type", lang.word(meta.kind.as_str())),
        ("state", say(if meta.on { "on" } else { "off" })),
        ("attack", meta.attack),
    ];
    let steps = numbered(&rule.steps).join("\n");
    format!(
        "# {}\n\n{}\n\n## {}\n\n{}\n\n## {}\n\n{steps}\n\n## {}\n\n",
        rule.title,
        lang.fill("rules", "head", &values),
        say("watches"),
        rule.summary,
        say("steps"),
        say("page")
    )
}

/// Steps with their numbers.
pub(super) fn numbered(steps: &[String]) -> Vec<String> {
    steps.iter().zip(1..).map(|(step, number)| format!("{number}. {step}")).collect()
}

fn list(format: ListFormat, columns: &ColumnArgs, config: Option<&Path>) -> Result<()> {
    let active = read_settings(config)?.rules()?;
    let state = |meta: &Meta| active.iter().find(|rule| rule.meta.id == meta.id).map(|rule| rule.level);
    let mut metas: Vec<&Meta> = ALL.iter().map(|(meta, _)| *meta).collect();
    metas.sort_by_key(|meta| meta.number);
    match format {
        ListFormat::Table => {
            let table = table(&metas, state, columns)?;
            write_paged(None, |out| writeln!(out, "{}", table.trim_fmt()))
        }
        ListFormat::Json => {
            let rules: Vec<_> = metas.iter().map(|meta| json(meta, state(meta))).collect();
            let text = serde_json::to_string_pretty(&rules).context("cannot write the rules")?;
            write_to(None, |out| writeln!(out, "{text}"))
        }
    }
}

fn json(meta: &Meta, level: Option<Level>) -> serde_json::Value {
    serde_json::json!({
        "number": meta.number,
        "id": meta.id,
        "name": meta.title,
        "level": level.unwrap_or(meta.level).as_str(),
        "type": meta.kind.as_str(),
        "attack": meta.attack,
        "enabled": level.is_some(),
    })
}

const TITLES: [&str; 7] = ["#", "ID", "NAME", "LEVEL", "TYPE", "ATT&CK", "STATE"];

fn table(metas: &[&Meta], state: impl Fn(&Meta) -> Option<Level>, columns: &ColumnArgs) -> Result<Table> {
    let places = columns.places(&TITLES)?.unwrap_or_else(|| (0..TITLES.len()).collect());
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some((_, width)) = terminal::size().filter(|_| !columns.unfitted()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if !wants_colour(io::stdout().is_terminal()) {
        table.force_no_tty();
    }
    table.set_header(places.iter().map(|place| lang().header(TITLES[*place])));
    for meta in metas {
        let level = state(meta);
        let cells = [
            meta.number.to_string(),
            meta.id.to_string(),
            rule_text(lang(), meta.id).title,
            lang().word(level.unwrap_or(meta.level).as_str()).to_string(),
            lang().word(meta.kind.as_str()).to_string(),
            meta.attack.to_string(),
            lang().word(if level.is_some() { "on" } else { "off" }).to_string(),
        ];
        table.add_row(places.iter().map(|place| cells[*place].clone()));
    }
    Ok(table)
}
