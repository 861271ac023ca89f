//! `akguard completions` and `akguard man`: what a package puts beside the program.

use super::output::write_to;
use anyhow::{Context, Result};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print a shell's completion script
///
/// The script asks akguard itself for what may follow, so that it completes rule ids, levels, alarms, keys, addresses
/// and policies too: those of the database that --db on the line, AKGUARD_DB or your data folder names, read only.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard completions bash > ~/.local/share/bash-completion/completions/akguard\n  akguard completions zsh > ~/.zfunc/_akguard\n  akguard completions fish > ~/.config/fish/completions/akguard.fish\n  akguard completions powershell >> $PROFILE"
)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print the manual page, or write one for every command into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  akguard man | man -l -\n  akguard man --dir ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// Folder to write akguard.1, akguard-scan.1, … into
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the completion script.
pub(super) fn completions(args: &CompletionsArgs) -> Result<u8> {
    let script = super::complete::script(args.shell)?;
    write_to(None, |out| out.write_all(&script))?;
    Ok(super::exit::DONE)
}

/// Prints or writes the manual pages.
pub(super) fn man(args: &ManArgs) -> Result<u8> {
    match &args.dir {
        None => {
            let page = super::man::main_page(super::definition()).context("cannot make the manual page")?;
            write_to(None, |out| out.write_all(&page))?;
        }
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make folder {}", dir.display()))?;
            super::man::write_all(super::definition(), dir)
                .with_context(|| format!("cannot write manual pages into {}", dir.display()))?;
        }
    }
    Ok(super::exit::DONE)
}
