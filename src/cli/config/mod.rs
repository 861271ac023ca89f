//! `akguard config`: the settings file, shown, checked and written.

mod alone;
pub(super) mod check;
mod schema;
mod show;

use super::error::Usage;
use super::exit;
use super::output::{lang, write_to};
use crate::lang::text;
use crate::report::text::{counted_in, printable};
use crate::settings;
use anyhow::{Context, Result};
use clap::{ArgMatches, Subcommand};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Show, check or write the settings file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard config show --origin\n  akguard config check\n  akguard config init\n\ndocs/settings.md says what each setting means, and how variables of the environment are named."
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(Box<show::ShowArgs>),
    /// Look for mistakes in a settings file, and name them all; exits with 1 when there are some
    ///
    /// Looked for are names that are not known, values of the wrong kind, and values that make no sense where they are
    /// used, such as patterns, ranges and files. What is nearest to a wrong name or value is said.
    #[command(after_help = "Examples:\n  akguard config check\n  akguard config check /etc/akguard.toml")]
    Check {
        /// The file [default: the one that would be used]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write a settings file that holds every setting at its default and says what it means
    #[command(
        after_help = "Examples:\n  akguard config init\n  akguard config init ~/.config/akguard/akguard.toml --force\n  akguard config init -          # print it"
    )]
    Init {
        /// The file, or - for standard output
        #[arg(value_name = "FILE", default_value = "akguard.toml")]
        file: PathBuf,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
}

/// Runs the subcommand and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>, matches: &ArgMatches) -> Result<u8> {
    match &args.command {
        Command::Show(args) => show::show(args, config, innermost(matches)),
        Command::Check { file } => check(file.as_deref(), config),
        Command::Init { file, force } => init(file, *force),
    }
}

/// The matches of the subcommand that was called, which know who gave each option.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| innermost(matches))
}

fn check(file: Option<&Path>, config: Option<&Path>) -> Result<u8> {
    let Some(path) = file.map(Path::to_path_buf).or_else(|| super::rules::settings_path(config)) else {
        write_to(None, |out| writeln!(out, "{}", text(lang(), "config", "no_file")))?;
        return Ok(exit::DONE);
    };
    let shown = path.display().to_string();
    let bytes = settings::read(&path).with_context(|| format!("cannot read settings file {shown}"))?;
    let problems = check::problems(&bytes, &path);
    write_to(None, |out| {
        for problem in &problems {
            writeln!(out, "{}", printable(&format!("{shown}:{problem}")))?;
        }
        match problems.len() as u64 {
            0 => writeln!(out, "{}", printable(&lang().fill("config", "sound", &[("file", &shown)]))),
            number => writeln!(out, "{}", counted_in(lang(), number, "mistake", "mistakes")),
        }
    })?;
    Ok(if problems.is_empty() { exit::DONE } else { exit::FAILED })
}

fn init(path: &Path, force: bool) -> Result<u8> {
    let text = schema::template();
    if path.as_os_str() == "-" {
        write_to(None, |out| out.write_all(text.as_bytes()))?;
        return Ok(exit::DONE);
    }
    let shown = printable(&path.display().to_string());
    let mut options = OpenOptions::new();
    options.write(true);
    let opened = if force { options.create(true).truncate(true) } else { options.create_new(true) }.open(path);
    let mut file = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Usage(format!("{shown} is there already; --force writes over it")).into());
        }
        opened => opened.with_context(|| format!("cannot write {shown}"))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    write_to(None, |out| writeln!(out, "{}", lang().fill("config", "wrote", &[("file", &shown)])))?;
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::schema::{all, template};
    use crate::settings::Settings;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The names that the program says a table may hold, when it meets one that it does not know.
    fn known(table: &str) -> BTreeSet<String> {
        let heading = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let settings = Settings::parse(&format!("{heading}no_such_setting = 1\n"), Path::new("akguard.toml"));
        let said = match settings {
            Err(error) => error.to_string(),
            Ok(settings) => settings.rules().map(drop).expect_err("an error").to_string(),
        };
        let said = said.split_once("no_such_setting").expect("the name").1;
        said.split('`')
            .skip(1)
            .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '-') && !name.is_empty())
            .map(str::to_string)
            .collect()
    }

    #[test]
    fn no_setting_is_forgotten() {
        let tables: BTreeSet<String> = all().into_iter().map(|setting| setting.table).collect();
        let common: BTreeSet<String> = ["enabled", "level", "include_service_roles"].map(str::to_string).into();
        for table in tables {
            let listed: BTreeSet<String> = all()
                .into_iter()
                .filter(|setting| setting.table == table)
                .map(|setting| setting.name.to_string())
                .collect();
            let mut known = known(&table);
            if table.is_empty() {
                let tables = ["rules", "lists", "database"];
                assert!(tables.into_iter().all(|name| known.remove(name)));
                assert_eq!(listed, known);
            } else if table.starts_with("rules.") {
                assert_eq!(listed.difference(&common).cloned().collect::<BTreeSet<_>>(), known, "{table}");
            } else {
                assert_eq!(listed, known, "{table}");
            }
        }
    }

    #[test]
    fn the_page_shows_the_same_settings_and_defaults() {
        let page = include_str!("../../../docs/settings.md");
        let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the whole file");
        let mut shown: toml::Table = block.parse().expect("TOML");
        let mut written: toml::Table = template().parse().expect("TOML");
        // The page tells of four lists of one form by the example of the fifth.
        for list in ["privilege-escalation", "create-user", "tat-exec", "create-resource"] {
            for table in [&mut shown, &mut written] {
                table.get_mut("lists").and_then(toml::Value::as_table_mut).expect("lists").remove(list);
            }
        }
        assert_eq!(shown, written);
        let (patterns, clients) = (block, include_str!("../../catalog/data/client_patterns.toml"));
        for pattern in ["'(?i)cos-?browser'", "'(?i)(cloudbility|yunguanjia|cloud[-_ ]?manager)'"] {
            assert!(clients.contains(pattern) && patterns.contains(pattern), "{pattern}");
        }
    }
}
