//! Manual pages: one for every command, made from what its help says, with what all of them share.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

/// The page of one command, whose definition is built.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut text = title(command).into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::new();
    after_help(command, &mut roff);
    exit_status(command, &mut roff);
    environment(&mut roff);
    files(command, &mut roff);
    see_also(command, &mut roff);
    roff.to_writer(&mut text)?;
    man.render_version_section(&mut text)?;
    Ok(plain(&text))
}

/// The title. An empty date has to be in quotes, or what follows would stand in its place.
fn title(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH \"{name}\" \"1\" \"\" \"akguard {version}\" \"akguard manual\"\n")
}

/// Every character as one that any formatter reads, whatever encoding it expects.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            c => drop(write!(out, "\\[u{:04X}]", u32::from(c))),
        }
    }
    out.into_bytes()
}

/// Examples as they are typed, and what else stands below the options.
fn after_help(command: &Command, roff: &mut Roff) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let parts: Vec<&str> =
        help.split("\n\n").filter(|part| !part.is_empty() && !part.starts_with("Exit codes")).collect();
    for (heading, examples) in [("EXAMPLES", true), ("NOTES", false)] {
        let mut wanted = parts.iter().filter(|part| part.starts_with("Example") == examples).peekable();
        if wanted.peek().is_some() {
            roff.control("SH", [heading]);
        }
        for part in wanted {
            roff.control("nf", []);
            let lines = part.lines().skip(usize::from(examples)).map(|line| line.strip_prefix("  ").unwrap_or(line));
            for line in lines {
                roff.text([roman(line)]);
            }
            roff.control("fi", []);
        }
    }
}

fn entry(roff: &mut Roff, name: &str, about: &str) {
    roff.control("TP", []);
    roff.text([bold(name)]);
    roff.text([roman(about)]);
}

fn exit_status(command: &Command, roff: &mut Roff) {
    let has = |option: &str| command.get_arguments().any(|arg| arg.get_long() == Some(option));
    roff.control("SH", ["EXIT STATUS"]);
    entry(roff, "0", "Done.");
    entry(roff, "1", "The work could not be finished, or a check found something wrong.");
    entry(roff, "2", "Wrong usage, or settings that cannot be used.");
    if has("strict") || command.has_subcommands() {
        entry(roff, "3", "Finished, but input was rejected and --strict was given.");
    }
    if has("fail-on") || command.has_subcommands() {
        entry(roff, "10", "There are unprocessed alarms at or above the level of --fail-on.");
    }
}

fn environment(roff: &mut Roff) {
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman("Options name the variables that stand for them. What is typed counts more.")]);
    entry(roff, "NO_COLOR, CLICOLOR_FORCE", "No colour; colour in files and pipes too. --color counts before both.");
    entry(roff, "AKGUARD_PAGER, PAGER", "The program through which tables longer than the terminal go.");
    entry(roff, "LC_ALL, LC_MESSAGES, LANG", "The language of tables and texts, where --lang does not say it.");
}

fn files(command: &Command, roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    entry(roff, "akguard.toml", "The settings file, in the working folder.");
    entry(
        roff,
        "~/.config/akguard/akguard.toml",
        "The settings file where there is none in the working folder; on macOS and Windows in their folders for settings.",
    );
    if command.has_subcommands() || command.get_arguments().any(|arg| arg.get_long() == Some("db")) {
        entry(
            roff,
            "~/.local/share/akguard/akguard.db",
            "The database where none is named; on macOS and Windows in their folders for data.",
        );
    }
}

fn see_also(command: &Command, roff: &mut Roff) {
    let own = command.get_display_name().unwrap_or_else(|| command.get_name());
    let above = own.match_indices('-').map(|(at, _)| &own[..at]).map(str::to_string);
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    let below = below.map(|below| below.get_display_name().unwrap_or_else(|| below.get_name()).to_string());
    let pages: Vec<String> = above.chain(below).map(|page| format!("{page}(1)")).collect();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(pages.join(", "))]);
}

/// The commands as pages name them, without the one that only shows help.
fn built(definition: Command) -> Command {
    let mut command = definition.disable_help_subcommand(true);
    command.build();
    command
}

/// The page of the whole program.
pub(super) fn main_page(definition: Command) -> io::Result<Vec<u8>> {
    page(&built(definition))
}

/// Writes a page for every command into a folder.
pub(super) fn write_all(definition: Command, folder: &Path) -> io::Result<()> {
    below(&built(definition), folder)
}

fn below(command: &Command, folder: &Path) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        below(command, folder)?;
    }
    let file = Man::new(command.clone()).get_filename();
    std::fs::File::create(folder.join(file))?.write_all(&page(command)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(command: &Command, visit: &mut dyn FnMut(&Command, &str)) {
        let text = String::from_utf8(page(command).expect("a page")).expect("text");
        visit(command, &text);
        command.get_subcommands().for_each(|command| each(command, visit));
    }

    #[test]
    fn every_page_names_the_program_its_variables_and_its_exit_codes() {
        let mut pages = 0;
        each(&built(crate::cli::definition()), &mut |command, text| {
            pages += 1;
            let name = command.get_display_name().unwrap_or_else(|| command.get_name());
            assert!(text.is_ascii(), "{name}");
            let title = text.lines().find(|line| line.starts_with(".TH ")).expect("a title");
            let end = concat!(" \"1\" \"\" \"akguard ", env!("CARGO_PKG_VERSION"), "\" \"akguard manual\"");
            assert!(title.ends_with(end), "{title}");
            for heading in
                ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO", "VERSION"]
            {
                let line = text.lines().find(|line| line.starts_with(".SH ") && line.contains(heading));
                assert!(line.is_some(), "{name}: {heading}");
            }
            for arg in command.get_arguments() {
                let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
                assert!(variable.is_none_or(|variable| text.contains(&variable)), "{name} {}", arg.get_id());
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert_eq!(text.contains("EXAMPLES"), help.contains("Example"), "{name}");
            let fails_on = command.get_arguments().any(|arg| arg.get_long() == Some("fail-on"));
            assert_eq!(text.contains(".TP\n\\fB10\\fR"), fails_on || command.has_subcommands(), "{name}");
        });
        assert!(pages > 40, "{pages}");
    }

    #[test]
    fn letters_of_other_scripts_are_spelled_out() {
        assert_eq!(plain("NAME,…".as_bytes()), b"NAME,\\[u2026]");
    }
}
