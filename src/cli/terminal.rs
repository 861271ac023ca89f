//! What the terminal is asked to do: colour, and a pager.

use clap::ValueEnum;
use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::sync::OnceLock;

/// When output is in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// In files and pipes too.
    Always,
    /// Nowhere.
    Never,
}

/// What the command line asks of the terminal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Colour.
    pub(super) colour: When,
    /// Long tables are not paged.
    pub(super) no_pager: bool,
}

/// Set once, before the command runs; every output asks for it.
static ASKED: OnceLock<Asked> = OnceLock::new();

/// Keeps what the command line asks for.
pub(super) fn ask(asked: Asked) {
    let _ = ASKED.set(asked);
}

/// What the command line asks for.
pub(super) fn asked() -> Asked {
    ASKED.get().copied().unwrap_or_default()
}

/// Whether a stream is in colour, given whether it is a terminal.
pub(super) fn wants_colour(terminal: bool) -> bool {
    decide(asked().colour, terminal, |name| std::env::var_os(name))
}

/// What was typed counts most, then NO_COLOR, then CLICOLOR_FORCE, then whether anybody can see it.
fn decide(when: When, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR").is_some() => false,
        When::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        When::Auto => terminal && set("TERM").is_none_or(|value| value != "dumb"),
    }
}

/// The colour asked for, read before anything else is: help and wrong usage are shown while options are still read.
pub(super) fn colour_of(words: impl Iterator<Item = OsString>, variable: Option<&OsStr>) -> When {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    let typed = words.iter().enumerate().rev().find_map(|(place, word)| {
        let text = word.to_str()?;
        let after = || words.get(place + 1).and_then(|word| word.to_str());
        let value = if text == "--color" { after() } else { text.strip_prefix("--color=") };
        When::from_str(value?, true).ok()
    });
    let from_variable = || When::from_str(variable.and_then(OsStr::to_str)?, true).ok();
    typed.or_else(from_variable).unwrap_or_default()
}

/// How help looks in colour.
pub(super) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

/// Lines and columns of the terminal that standard output is, if it is one.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = terminal_size::terminal_size().filter(|_| io::stdout().is_terminal());
    size.map(|(width, height)| (height.0, width.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_unless_somebody_says_otherwise() {
        let with = |when, terminal, set: &[(&str, &str)]| {
            decide(when, terminal, |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert!(with(When::Auto, true, &[]) && !with(When::Auto, false, &[]));
        assert!(
            with(When::Always, false, &[("NO_COLOR", "1")]) && !with(When::Never, true, &[("CLICOLOR_FORCE", "1")])
        );
        assert!(!with(When::Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(
            with(When::Auto, false, &[("CLICOLOR_FORCE", "1")]) && !with(When::Auto, false, &[("CLICOLOR_FORCE", "0")])
        );
        assert!(with(When::Auto, true, &[("NO_COLOR", "")]) && !with(When::Auto, true, &[("TERM", "dumb")]));
    }

    #[test]
    fn the_colour_of_help_is_known_before_options_are_read() {
        let of = |words: &[&str], variable: Option<&str>| {
            colour_of(words.iter().map(OsString::from), variable.map(OsStr::new))
        };
        assert_eq!(of(&["akguard", "--color", "always", "--help"], None), When::Always);
        assert_eq!(of(&["akguard", "scan", "--color=never"], Some("always")), When::Never);
        assert_eq!(of(&["akguard", "scan", "--", "--color=never"], Some("always")), When::Always);
        assert_eq!(of(&["akguard", "--color"], None), When::Auto);
        assert_eq!(of(&["akguard", "--color=pink"], Some("")), When::Auto);
    }
}
