//! `akguard config show`: what holds, and who says so.

use super::check;
use super::schema::{Setting, all};
use crate::cli::database::DatabaseArgs;
use crate::cli::exit;
use crate::cli::output::{view, write_to};
use crate::cli::pager::write_paged;
use crate::lang::{Lang, text};
use crate::report::listing::{self, Column, Paint, width, write_object};
use crate::settings::{self, Settings};
use anyhow::Result;
use clap::ValueEnum;
use clap::parser::ValueSource;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Show every setting with the value that holds
///
/// Options on the line count before variables of the environment, these before the settings file, and that before the
/// defaults. The options stand here as they do in `scan`, to see what they change. A value that cannot be used is shown
/// and told below the table; then the exit code is 1.
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
    mistake: Option<String>,
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

/// What the settings file holds, and what of it cannot be used.
struct Held {
    rows: Vec<Row>,
    /// Mistakes that belong to no setting.
    mistakes: Vec<String>,
}

/// Shows the settings, and with them what cannot be used; returns the exit code.
pub(super) fn show(args: &ShowArgs, config: Option<&Path>, matches: &clap::ArgMatches) -> Result<u8> {
    let path = crate::cli::rules::settings_path(config);
    let mut held = path.as_deref().map_or_else(|| rows_of(&[], Path::new("")), held);
    let rows = &mut held.rows;
    let meta = args.github_meta.as_ref().map(|path| path.display().to_string());
    let options = [
        ("tz", "AKGUARD_TZ", args.tz.clone()),
        ("naive_tz", "AKGUARD_NAIVE_TZ", args.naive_tz.clone()),
        ("github_meta", "AKGUARD_GITHUB_META", meta),
    ];
    for (name, variable, value) in options {
        let over = value.zip(given(matches, name, variable));
        for (row, (value, origin)) in rows.iter_mut().filter(|row| row.name == name).zip(over) {
            (row.mistake, row.value, row.origin) = (mistake_of(name, &value), Some(value.into()), origin);
        }
    }
    let named = given(matches, "config", "AKGUARD_CONFIG").unwrap_or(Origin::Default);
    let database = args.database.path()?;
    let kept = given(matches, "db", "AKGUARD_DB").unwrap_or(Origin::Default);
    match args.format {
        Format::Table => write_table(args.origin, &held, (path.as_deref(), &named), (&database, &kept))?,
        Format::Json => {
            let settings: Vec<Value> = held.rows.iter().map(row_json).collect();
            let object = json!({
                "version": 1,
                "file": {"path": path.map(|path| path.display().to_string()), "origin": named.json()},
                "database": {"path": database.display().to_string(), "origin": kept.json()},
                "settings": settings,
                "mistakes": held.mistakes(),
            });
            write_to(None, |out| write_object(&object, out))?;
        }
    }
    Ok(if held.mistakes().is_empty() { exit::DONE } else { exit::FAILED })
}

impl Held {
    /// Everything that cannot be used, with who says it.
    fn mistakes(&self) -> Vec<String> {
        let of_row = |row: &Row| {
            let said = check::said_of(&row.name, row.mistake.as_ref()?);
            Some(format!("{said} ({})", row.origin.text(Lang::En)))
        };
        self.mistakes.iter().cloned().chain(self.rows.iter().filter_map(of_row)).collect()
    }
}

/// What is wrong with the value of an option that stands for a setting.
fn mistake_of(name: &str, value: &str) -> Option<String> {
    let given = Some(value.to_string());
    let (mut settings, mut by) = (Settings::default(), "--tz: ");
    match name {
        "tz" => settings.tz = given,
        "naive_tz" => (settings.naive_tz, by) = (given, "--naive-tz: "),
        _ => (settings.github_meta, by) = (given.map(PathBuf::from), "--github-meta: "),
    }
    let tried = settings.zone().map(drop).and_then(|()| settings.naive_offset().map(drop));
    let said = tried.and_then(|()| settings.catalog().map(drop)).err()?.to_string();
    Some(said.strip_prefix(by).unwrap_or(&said).to_string())
}

/// What the file holds; one that cannot be read is a mistake too.
fn held(path: &Path) -> Held {
    match settings::read(path) {
        Ok(bytes) => rows_of(&bytes, path),
        Err(error) => {
            let what = format!("cannot read settings file {}: {error}", path.display());
            Held { mistakes: vec![what], ..rows_of(&[], path) }
        }
    }
}

fn rows_of(bytes: &[u8], path: &Path) -> Held {
    let mut rows = rows(str::from_utf8(bytes).unwrap_or_default());
    let mut mistakes = Vec::new();
    for problem in check::problems(bytes, path) {
        match rows.iter_mut().find(|row| row.name == problem.setting) {
            Some(row) => {
                let before = row.mistake.take().map(|said| said + "; ").unwrap_or_default();
                row.mistake = Some(before + &problem.what);
            }
            None => mistakes.push(format!("{}:{problem}", path.display())),
        }
    }
    Held { rows, mistakes }
}

fn rows(text: &str) -> Vec<Row> {
    let file: toml::Table = text.parse().unwrap_or_default();
    let lines = check::lines(text);
    let row = |setting: &Setting| {
        let name = setting.path();
        let default = setting.default.as_ref().and_then(|text| parse_value(text));
        let own = find(&file, &name).cloned();
        let origin = if own.is_some() { Origin::File(lines.get(&name).copied()) } else { Origin::Default };
        Row { value: own.or_else(|| default.clone()), name, default, origin, mistake: None }
    };
    all().iter().map(row).collect()
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
    json!({"name": row.name, "value": row.value, "default": row.default, "origin": row.origin.json(), "mistake": row.mistake})
}

static COLUMNS: [Column<Row>; 3] = [
    Column::new("SETTING", 0, |row: &Row, _| row.name.clone()),
    Column::new("VALUE", 0, |row: &Row, view| match row.mistake {
        None => shown(row.value.as_ref()),
        Some(_) => view.lang.fill("config", "unusable", &[("value", &shown(row.value.as_ref()))]),
    })
    .painted(|row| match (&row.mistake, &row.origin) {
        (Some(_), _) => Paint::Bad,
        (None, Origin::Default) => Paint::Plain,
        (None, _) => Paint::Calm,
    }),
    Column::new("ORIGIN", 0, |row, view| row.origin.text(view.lang)),
];

fn write_table(origin: bool, held: &Held, file: (Option<&Path>, &Origin), database: (&Path, &Origin)) -> Result<()> {
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
        listing::write(&columns, &held.rows, view, out)?;
        let mistakes = held.mistakes();
        if !mistakes.is_empty() {
            writeln!(out)?;
        }
        mistakes.iter().try_for_each(|said| writeln!(out, "mistake: {}", crate::report::text::printable(said)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_file_count_and_say_where_they_stand() {
        let held = rows_of(
            b"tz = \"UTC\"\n\n[rules.create-key]\nlevel = \"note\"\n[lists.high-risk]\nadd = [\"cvm:X\"]\n",
            Path::new(""),
        );
        let row = |name: &str| held.rows.iter().find(|row| row.name == name).unwrap();
        assert_eq!((shown(row("tz").value.as_ref()).as_str(), &row("tz").origin), ("\"UTC\"", &Origin::File(Some(1))));
        assert_eq!(row("rules.create-key.level").origin.text(Lang::En), "settings file, line 4");
        assert_eq!(row_json(row("lists.high-risk.add"))["value"], json!(["cvm:X"]));
        assert_eq!(
            (row("naive_tz").origin.text(Lang::En), row("github_meta").value.is_none()),
            ("default".to_string(), true)
        );
    }
}
