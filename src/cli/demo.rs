//! `akguard demo`: a made-up company with an attack in its logs, and five commands that find it.

use super::error::Usage;
use super::output::{held, lang, write_to};
use super::{Cli, exit};
use crate::demo;
use crate::lang::{Lang, text};
use crate::report::text::printable;
use anyhow::{Context, Result};
use clap::{CommandFactory, FromArgMatches};
use std::io;
use std::path::{Path, PathBuf};

/// Show what akguard does with logs of a made-up company
///
/// Writes two weeks of logs with an attack in them into a folder, scans them into a database there, and walks
/// through five commands with their real output. Nothing outside the folder is touched.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard demo\n  akguard demo --lang zh\n  akguard demo --dir ~/akguard-demo --quiet"
)]
pub(super) struct Args {
    /// Folder to write into, which must be empty or new [default: a new one among the temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Make the files and the database, and print their paths alone
    #[arg(long, short)]
    quiet: bool,
}

/// A command of the walk-through.
struct Step {
    /// What it is for, among the texts of the demo.
    what: &'static str,
    /// Its words; `{dir}` stands for the folder. No word holds a blank.
    line: &'static str,
    /// How many lines of the output are shown.
    shown: usize,
}

/// The walk-through.
const STEPS: [Step; 5] = [
    Step { what: "scan", line: SCAN, shown: 14 },
    Step { what: "alarms", line: "alarms --level high --db {dir}/akguard.db", shown: 9 },
    Step { what: "show", line: "show A-8d65 --db {dir}/akguard.db", shown: 27 },
    Step { what: "policy", line: "policy recommend --user app-backend --db {dir}/akguard.db", shown: 24 },
    Step { what: "report", line: "report --db {dir}/akguard.db --output {dir}/report.html --quiet", shown: 6 },
];

const SCAN: &str =
    "scan {dir}/logs --assets {dir}/assets.csv --inventory {dir}/inventory --db {dir}/akguard.db --quiet";

/// Shows the demo and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let folder = folder(args.dir.as_deref())?;
    let shown = folder.display().to_string();
    demo::write(&folder).with_context(|| format!("cannot write into {shown}"))?;
    if args.quiet {
        output_of(&words(SCAN, &shown), config)?;
        let made = ["logs", "assets.csv", "inventory", "akguard.db"].map(|name| folder.join(name));
        write_to(None, |out| made.iter().try_for_each(|path| writeln!(out, "{}", path.display())))?;
        return Ok(exit::DONE);
    }
    let lang = lang();
    write_to(None, |out| writeln!(out, "{}", lang.fill("demo", "intro", &[("dir", &printable(&shown))])))?;
    for step in &STEPS {
        show(step, &shown, config, lang)?;
    }
    let remove = format!("rm -r {}", quoted(&shown));
    write_to(None, |out| {
        writeln!(out, "\n{}", lang.fill("demo", "end", &[("dir", &printable(&shown))]))?;
        writeln!(out, "{}", lang.fill("demo", "remove", &[("command", &remove)]))?;
        writeln!(out, "{}", text(lang, "demo", "own"))
    })?;
    Ok(exit::DONE)
}

/// The folder to write into: a new one, or the one named when nothing is in it.
fn folder(named: Option<&Path>) -> Result<PathBuf> {
    let Some(path) = named else {
        let made = tempfile::Builder::new().prefix("akguard-demo-").tempdir();
        return Ok(made.context("cannot make a temporary folder")?.keep());
    };
    let what = || format!("cannot make folder {}", path.display());
    std::fs::create_dir_all(path).with_context(what)?;
    if std::fs::read_dir(path).with_context(what)?.next().is_some() {
        return Err(Usage(format!("--dir: {} is not empty", path.display())).into());
    }
    Ok(path.to_path_buf())
}

/// Runs a command, and writes what it is for, how it is typed, and what it says.
fn show(step: &Step, folder: &str, config: Option<&Path>, lang: Lang) -> Result<()> {
    let words = words(step.line, folder);
    let typed: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let result = output_of(&words, config)?;
    let all: Vec<&str> = result.lines().collect();
    // Where one line would be left out, the note about it takes no less room.
    let shown = if all.len() <= step.shown + 1 { all.len() } else { step.shown };
    write_to(None, |out| {
        writeln!(
            out,
            "\n{}\n\n$ akguard {}\n",
            lang.fill("demo", step.what, &[("dir", &printable(folder))]),
            typed.join(" ")
        )?;
        all[..shown].iter().try_for_each(|line| writeln!(out, "{line}"))?;
        match all.len() - shown {
            0 => Ok(()),
            more => writeln!(out, "{}", lang.fill("demo", "cut", &[("n", &more.to_string())])),
        }
    })
}

/// The words of a command.
fn words(line: &str, folder: &str) -> Vec<String> {
    line.split(' ').map(|word| word.replace("{dir}", folder)).collect()
}

/// What a command writes to stdout. It runs in this process, under the same settings.
fn output_of(words: &[String], config: Option<&Path>) -> Result<String> {
    let program = std::iter::once("akguard").chain(words.iter().map(String::as_str));
    let wrong = "the demo's own command is wrong";
    let matches = Cli::command().try_get_matches_from(program).context(wrong)?;
    let mut cli = Cli::from_arg_matches(&matches).context(wrong)?;
    cli.config = config.map(Path::to_path_buf);
    let (result, output) = held(|| super::run(&cli, &matches));
    result?;
    String::from_utf8(output).map_err(io::Error::other).context("the demo's own output is no text")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:=@%+,~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", printable(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn commands_are_what_the_program_takes() {
        for step in &STEPS {
            let words = words(step.line, "/tmp/a folder");
            let program = std::iter::once("akguard").chain(words.iter().map(String::as_str));
            assert!(Cli::try_parse_from(program).is_ok(), "{}", step.line);
            assert_ne!(text(Lang::En, "demo", step.what), step.what);
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_expand_them() {
        assert_eq!(quoted("/tmp/akguard-demo-1/logs"), "/tmp/akguard-demo-1/logs");
        assert_eq!(quoted("/tmp/it's $HOME"), r"'/tmp/it'\''s $HOME'");
    }
}
