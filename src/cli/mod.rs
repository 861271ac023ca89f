//! The command line: one file per subcommand. Results go to stdout, everything else to stderr.

mod error;
pub mod exit;
mod output;
mod rules;
mod scan;
mod time;
mod tools;

use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

/// Finds misuse of Tencent Cloud access keys in exported CloudAudit logs, offline.
///
/// akguard reads exported logs of any shape plus a list of your addresses, runs 14 rules over
/// them, and shows the alarms that the cloud's security console would have raised, with the
/// calls behind each. It never talks to the network and needs no credentials.
#[derive(Debug, Parser)]
#[command(name = "akguard", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Examples:\n  akguard scan logs/ --assets assets.csv\n  akguard scan 'logs/*.json' --since 7d --format csv\n  akguard rules show hacker-tool"
)]
struct Cli {
    /// Settings file; else AKGUARD_CONFIG, else akguard.toml in this folder, else in your config folder
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(Box<scan::Args>),
    Rules(rules::Args),
    Completions(tools::CompletionsArgs),
    Man(tools::ManArgs),
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let named = std::env::var_os("AKGUARD_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let config = cli.config.clone().or(named);
    let result = match &cli.command {
        Command::Scan(args) => scan::run(args, config.as_deref()),
        Command::Rules(args) => rules::run(args, config.as_deref()),
        Command::Completions(args) => tools::completions(args),
        Command::Man(args) => tools::man(args),
    };
    let code = result.unwrap_or_else(|error| error::show(&error, &mut io::stderr().lock()));
    ExitCode::from(code)
}

/// The command line's definition, for completions and manual pages.
fn definition() -> clap::Command {
    Cli::command()
}

/// Whether a stream is a terminal that wants colour.
fn wants_colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
