//! The command line: one file per subcommand. Results go to stdout, everything else to stderr.

mod ak;
mod alarms;
mod allowlist;
mod calls;
mod columns;
mod complete;
mod config;
mod database;
mod db;
mod demo;
mod diff;
mod error;
pub mod exit;
mod filter;
mod geo;
mod inventory_script;
mod ip;
mod logs;
mod lookup;
mod man;
mod notify;
mod output;
mod pager;
mod policy;
mod remark;
mod report;
mod rules;
mod scan;
mod show;
mod status;
mod terminal;
mod time;
mod tools;
mod variables;

use self::terminal::{Asked, When};
use self::variables::Given;
use crate::alarm::status::Status;
use crate::lang::Lang;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Above the options that every command has.
const COMMON: &str = "For all commands";

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
    /// Settings file; else akguard.toml in this folder, else in your config folder
    #[arg(long, global = true, value_name = "FILE", help_heading = COMMON)]
    config: Option<PathBuf>,
    /// Colour: auto (on terminals; NO_COLOR and CLICOLOR_FORCE are obeyed), always, never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true, help_heading = COMMON)]
    color: When,
    /// Do not show tables longer than the terminal in a pager (AKGUARD_PAGER, else PAGER, else less)
    #[arg(long, global = true, help_heading = COMMON)]
    no_pager: bool,
    /// Language of tables and texts: en or zh; else that of the locale (JSON and CSV are the same in all)
    #[arg(long, global = true, value_name = "LANG", value_parser = language, help_heading = COMMON)]
    lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(Box<scan::Args>),
    Alarms(Box<alarms::Args>),
    Show(show::Args),
    Calls(calls::Args),
    /// Mark alarms as processed
    ///
    /// Alarms are named by their ids, or chosen by the filters of `akguard alarms`; filters choose among the
    /// unprocessed ones unless --status says otherwise. All of them are marked, or none.
    #[command(
        after_help = "Examples:\n  akguard process A-8d6525 --note \"key rotated, INC-1042\"\n  akguard process --rule cos-browser-call --until 7d --yes\n  akguard alarms --ak AKIDEXAMPLEalice00000000000000000000 --format jsonl | akguard process -"
    )]
    Process(Box<status::Args>),
    /// Mark alarms as ignored: they are harmless
    ///
    /// Alarms are named by their ids, or chosen by the filters of `akguard alarms`; filters choose among the
    /// unprocessed ones unless --status says otherwise. All of them are marked, or none.
    #[command(
        after_help = "Examples:\n  akguard ignore A-8d6525 --note \"planned drill\"\n  akguard ignore --rule cos-browser-call --ip 203.0.113.0/24 --yes"
    )]
    Ignore(Box<status::Args>),
    /// Take decisions back: alarms are unprocessed again
    ///
    /// Alarms are named by their ids, or chosen by the filters of `akguard alarms`; filters choose among the
    /// processed and ignored ones unless --status says otherwise. All of them are reopened, or none.
    #[command(
        after_help = "Examples:\n  akguard reopen A-8d6525\n  akguard reopen --status ignored --rule hacker-tool --yes"
    )]
    Reopen(Box<status::Args>),
    Remark(remark::Args),
    Report(Box<report::Args>),
    Ak(ak::Args),
    Ip(ip::Args),
    Notify(Box<notify::Args>),
    Diff(diff::Args),
    Allowlist(allowlist::Args),
    Policy(policy::Args),
    Db(db::Args),
    Rules(rules::Args),
    Config(config::Args),
    Demo(demo::Args),
    InventoryScript(inventory_script::Args),
    Completions(tools::CompletionsArgs),
    Man(tools::ManArgs),
}

/// Reads a language, which may be written as locales write it.
fn language(text: &str) -> Result<Lang, String> {
    Lang::parse(text).ok_or_else(|| "there are two languages, en and zh".to_string())
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    if let Some(code) = complete::answer() {
        return ExitCode::from(code);
    }
    let mut command = coloured(definition());
    let parsed = command.try_get_matches_from_mut(std::env::args_os()).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        Ok((cli, matches))
    });
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(mut error) => {
            Given::of(&command, std::env::args_os()).name_in(&mut error);
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    terminal::ask(Asked { colour: cli.color, no_pager: cli.no_pager });
    output::settle_lang(cli.lang);
    let code = run(&cli, &matches).unwrap_or_else(|error| {
        let given = Given::of(&command, std::env::args_os());
        error::show(&error, cli.config.as_deref(), &given, &mut io::stderr().lock())
    });
    ExitCode::from(code)
}

/// Runs the command and returns the exit code.
fn run(cli: &Cli, matches: &clap::ArgMatches) -> anyhow::Result<u8> {
    let config = cli.config.clone();
    match &cli.command {
        Command::Scan(args) => scan::run(args, config.as_deref()),
        Command::Alarms(args) => alarms::run(args, config.as_deref()),
        Command::Show(args) => show::run(args, config.as_deref()),
        Command::Calls(args) => calls::run(args, config.as_deref()),
        Command::Process(args) => status::run(args, Status::Processed, config.as_deref()),
        Command::Ignore(args) => status::run(args, Status::Ignored, config.as_deref()),
        Command::Reopen(args) => status::run(args, Status::Unprocessed, config.as_deref()),
        Command::Remark(args) => remark::run(args),
        Command::Report(args) => report::run(args, output::lang(), config.as_deref()),
        Command::Ak(args) => ak::run(args, config.as_deref()),
        Command::Ip(args) => ip::run(args, config.as_deref()),
        Command::Notify(args) => notify::run(args, output::lang(), config.as_deref()),
        Command::Diff(args) => diff::run(args, config.as_deref()),
        Command::Allowlist(args) => allowlist::run(args, config.as_deref()),
        Command::Policy(args) => policy::run(args, config.as_deref()),
        Command::Db(args) => db::run(args, config.as_deref()),
        Command::Rules(args) => rules::run(args, config.as_deref()),
        Command::Config(args) => config::run(args, config.as_deref(), matches),
        Command::Demo(args) => demo::run(args, config.as_deref()),
        Command::InventoryScript(args) => inventory_script::run(args),
        Command::Completions(args) => tools::completions(args),
        Command::Man(args) => tools::man(args),
    }
}

/// The command line's definition, with a variable of the environment for every option.
fn definition() -> clap::Command {
    variables::give(Cli::command())
}

/// The definition with the colour of help and of wrong usage.
fn coloured(command: clap::Command) -> clap::Command {
    let when = terminal::colour_of(std::env::args_os(), std::env::var_os("AKGUARD_COLOR").as_deref());
    let choice = match when {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    };
    command.color(choice).styles(terminal::STYLES)
}

/// The command as typed, for those who keep or show it.
fn command_line() -> String {
    std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The time now, in milliseconds since 1970.
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
