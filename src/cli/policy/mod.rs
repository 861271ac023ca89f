//! `akguard policy`: what permissions allow, what they should allow, and the proof.

mod check;
mod input;
mod lint;
mod recommend;
mod source;
mod verify;

use anyhow::Result;
use std::path::Path;

/// Evaluate, lint and recommend CAM policies
///
/// check and lint read policy documents; recommend and verify read what the logs show of users and roles, from the
/// database or straight from logs. Nothing is sent anywhere, and no command that is printed is run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Recommend(Box<recommend::Args>),
    Verify(Box<verify::Args>),
    Check(check::Args),
    Lint(lint::Args),
}

/// The formats of answers that are short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Runs a subcommand and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    match &args.command {
        Command::Recommend(args) => recommend::run(args, config),
        Command::Verify(args) => verify::run(args, config),
        Command::Check(args) => check::run(args),
        Command::Lint(args) => lint::run(args),
    }
}
