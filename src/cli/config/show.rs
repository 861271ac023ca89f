//! `akguard config show`: what holds, and who says so.

use super::check;
use super::schema::{Setting, all};
use crate::cli::database::DatabaseArgs;
use crate::cli::output::{view, write_to};
use crate::cli::pager::write_paged;
use crate::lang::{Lang, text};
use crate::report::listing::{self, Column, Paint, width, write_object};
use crate::settings::Settings;
use anyhow::{Context, Result};
use clap::ValueEnum;
use clap::parser::ValueSource;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Show every setting with the value that holds
///
/// Options on the line count before variables of the environment, these before the settings file, and that before the
/// defaults. The options stand here as they do in `scan`, to see what they change.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard config show\n  akguard config show --origin\n  AKGUARD_TZ=Europe/Berlin akguard config show --origin --format json"
)]
pub(super) struct ShowArgs {
    /// Say where each value comes from: default, settings file with its line, variable, or command line
    #[arg(long)]
    origin: bool,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table")]
    format: Format,
    /// Zone of dates, night hours and shown times
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// Offset of log times that have none
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    naive_tz: Option<String>,
    /// Saved document of api.github.com/meta
    #[arg(long, value_name = "FILE")]
    github_meta: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A setting with the value that holds.
struct Row {
    name: String,
    value: Option<toml::Value>,
    default: Option<toml::Value>,
    origin: Origin,
}

/// Who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    File(Option<usize>),
    Environment(&'static str),
    CommandLine,
}

impl Origin {
    fn text(&self, lang: Lang) -> String {
        match self {
            Self::Default => lang.fill("config", "default", &[]),
            Self::File(None) => lang.fill("config", "from_file", &[]),
            Self::File(Some(line)) => lang.fill("config", "from_line", &[("n", &line.to_string())]),
            Self::Environment(name) => lang.fill("config", "from_environment", &[("name", name)]),
            Self::CommandLine => lang.fill("config", "from_command_line", &[]),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Default => json!({"from": "default"}),
            Self::File(line) => json!({"from": "file", "line": line}),
            Self::Environment(name) => json!({"from": "environment", "variable": name}),
            Self::CommandLine => json!({"from": "command_line"}),
        }
    }
}

/// Who gave an option, if somebody did.
fn given(matches: &clap::ArgMatches, id: &str, variable: &'static str) -> Option<Origin> {
    match matches.value_source(id)? {
        ValueSource::CommandLine => Some(Origin::CommandLine),
        ValueSource::EnvVariable => Some(Origin::Environment(variable)),
        _ => None,
    }
}

/// Shows the settings.
pub(super) fn show(args: &ShowArgs, config: Option<&Path>, matches: &clap::ArgMatches) -> Result<()> {
    let path = crate::cli::rules::settings_path(config);
    let text = path.as_deref().map(read).transpose()?.unwrap_or_default();
    let file = path.as_deref().map(|path| Settings::parse(&text, path)).transpose()?;
    let mut settings = file.unwrap_or_default();
    settings.tz.clone_from(&args.tz);
    settings.naive_tz.clone_from(&args.naive_tz);
    settings.zone()?;
    settings.naive_offset()?;
    let mut rows = rows(&text)?;
    let meta = args.github_meta.as_ref().map(|path| path.display().to_string());
    let options = [
        ("tz", "AKGUARD_TZ", args.tz.clone()),
        ("naive_tz", "AKGUARD_NAIVE_TZ", args.naive_tz.clone()),
        ("github_meta", "AKGUARD_GITHUB_META", meta),
    ];
    for (name, variable, value) in options {
        let over = value.zip(given(matches, name, variable));
        for (row, (value, origin)) in rows.iter_mut().filter(|row| row.name == name).zip(over) {
            (row.value, row.origin) = (Some(value.into()), origin);
        }
    }
    let named = given(matches, "config", "AKGUARD_CONFIG").unwrap_or(Origin::Default);
    let database = args.database.path()?;
    let kept = given(matches, "db", "AKGUARD_DB").unwrap_or(Origin::Default);
    match args.format {
        Format::Table => write_table(args.origin, &rows, (path.as_deref(), &named), (&database, &kept)),
        Format::Json => {
            let settings: Vec<Value> = rows.iter().map(row_json).collect();
            let object = json!({
                "version": 1,
                "file": {"path": path.map(|path| path.display().to_string()), "origin": named.json()},
                "database": {"path": database.display().to_string(), "origin": kept.json()},
                "settings": settings,
            });
            write_to(None, |out| write_object(&object, out))
        }
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read settings file {}", path.display()))
}

fn rows(text: &str) -> Result<Vec<Row>> {
    let file: toml::Table = text.parse().context("cannot read the settings file")?;
    let lines = check::lines(text);
    let row = |setting: &Setting| {
        let name = setting.path();
        let default = setting.default.as_ref().and_then(|text| parse_value(text));
        let own = find(&file, &name).cloned();
        let origin = if own.is_some() { Origin::File(lines.get(&name).copied()) } else { Origin::Default };
        Row { value: own.or_else(|| default.clone()), name, default, origin }
    };
    Ok(all().iter().map(row).collect())
}

fn parse_value(text: &str) -> Option<toml::Value> {
    format!("value = {text}").parse::<toml::Table>().ok()?.remove("value")
}

fn find<'t>(table: &'t toml::Table, path: &str) -> Option<&'t toml::Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((first, rest)) => find(table.get(first)?.as_table()?, rest),
    }
}

fn shown(value: Option<&toml::Value>) -> String {
    value.map_or("-".to_string(), ToString::to_string)
}

fn row_json(row: &Row) -> Value {
    json!({"name": row.name, "value": row.value, "default": row.default, "origin": row.origin.json()})
}

static COLUMNS: [Column<Row>; 3] = [
    Column::new("SETTING", 0, |row: &Row, _| row.name.clone()),
    Column::new("VALUE", 0, |row: &Row, _| shown(row.value.as_ref())).painted(|row| match row.origin {
        Origin::Default => Paint::Plain,
        _ => Paint::Calm,
    }),
    Column::new("ORIGIN", 0, |row, view| row.origin.text(view.lang)),
];

fn write_table(origin: bool, rows: &[Row], file: (Option<&Path>, &Origin), database: (&Path, &Origin)) -> Result<()> {
    let columns: Vec<&Column<Row>> = COLUMNS.iter().filter(|column| origin || column.title != "ORIGIN").collect();
    let view = view(None, chrono_tz::UTC, false);
    let lang = view.lang;
    let told = |by: &Origin, usual: &'static str| {
        let told = match by {
            Origin::Default => text(lang, "config", usual).to_string(),
            by => by.text(lang),
        };
        if origin { lang.fill("config", "by", &[("origin", &told)]) } else { String::new() }
    };
    let path = file.0.map_or(text(lang, "config", "none").to_string(), |path| {
        format!("{}{}", path.display(), told(file.1, "found"))
    });
    let lines = [("file", path), ("database", format!("{}{}", database.0.display(), told(database.1, "default")))];
    let lines = lines.map(|(name, value)| {
        let name = text(lang, "config", name);
        format!("{name}{}{value}", " ".repeat(15_usize.saturating_sub(width(name))))
    });
    write_paged(None, |out| {
        lines.iter().try_for_each(|line| writeln!(out, "{}", crate::report::text::printable(line)))?;
        writeln!(out)?;
        listing::write(&columns, rows, view, out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_file_count_and_say_where_they_stand() {
        let rows = rows("tz = \"UTC\"\n\n[rules.create-key]\nlevel = \"note\"\n[lists.high-risk]\nadd = [\"cvm:X\"]\n")
            .unwrap();
        let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
        assert_eq!((shown(row("tz").value.as_ref()).as_str(), &row("tz").origin), ("\"UTC\"", &Origin::File(Some(1))));
        assert_eq!(row("rules.create-key.level").origin.text(Lang::En), "settings file, line 4");
        assert_eq!(row_json(row("lists.high-risk.add"))["value"], json!(["cvm:X"]));
        assert_eq!(
            (row("naive_tz").origin.text(Lang::En), row("github_meta").value.is_none()),
            ("default".to_string(), true)
        );
    }
}
