//! Tables longer than the terminal go through a pager. It is the user's own program, started without a shell, and
//! what it shows reaches it on standard input alone.

use super::output::{is_held, write_to};
use super::terminal;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The variable that names a pager for akguard alone.
pub(super) const VARIABLE: &str = "AKGUARD_PAGER";

/// The pager when nobody names one: leaves when all fits, lets colours through, leaves the text standing, and ends on
/// Ctrl-C together with akguard, rather than fighting with the shell over the keys.
const USUAL: &str = "less -FRXK";

/// Writes through `write` to a file or stdout, and through a pager when that is a terminal with fewer lines.
pub(super) fn write_paged(output: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let stdout = output.is_none_or(|path| path.as_os_str() == "-");
    let size = terminal::size().filter(|_| stdout && !is_held() && !terminal::asked().no_pager);
    let Some(((height, width), words)) = size.zip(named(|name| std::env::var_os(name))) else {
        return write_to(output, write);
    };
    let mut text = Vec::new();
    write(&mut text)?;
    // The prompt that follows needs a line.
    if lines(&text, width.into()) < usize::from(height) {
        write_to(None, |out| out.write_all(&text))
    } else {
        through(&words, &text)
    }
}

/// The words of the pager, if there is one: an empty text and `cat` mean that none is wanted.
fn named(variable: impl Fn(&str) -> Option<OsString>) -> Option<Vec<String>> {
    let text = variable(VARIABLE).or_else(|| variable("PAGER"));
    let text = text.map_or_else(|| USUAL.to_string(), |text| text.to_string_lossy().into_owned());
    let words = words(&text);
    (!words.is_empty() && words != ["cat"]).then_some(words)
}

/// Splits words at blanks; quotes keep blanks together. Nothing else has a meaning, as no shell is asked.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Lines that a text takes on a terminal of this width; colours count too, so that it may be a line too many.
fn lines(text: &[u8], width: usize) -> usize {
    let text = String::from_utf8_lossy(text);
    let rows = |line: &str| unicode_width::UnicodeWidthStr::width(line).div_ceil(width.max(1)).max(1);
    text.lines().map(rows).sum()
}

/// Shows the text in the pager, and waits for it. A pager that is left early has not failed.
fn through(words: &[String], text: &[u8]) -> Result<()> {
    let Some((program, options)) = words.split_first() else {
        return write_to(None, |out| out.write_all(text));
    };
    let mut child = match Command::new(program).args(options).stdin(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => {
            if program != "less" {
                let _ = writeln!(io::stderr().lock(), "note: cannot start the pager {program:?}: {error}");
            }
            return write_to(None, |out| out.write_all(text));
        }
    };
    let written = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text));
    child.wait().context("cannot wait for the pager")?;
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot write to the pager"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pager_is_akguards_own_or_the_usual_one_or_less() {
        let of = |set: &[(&str, &str)]| {
            named(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert_eq!(of(&[]), Some(vec!["less".to_string(), "-FRXK".to_string()]));
        assert_eq!(of(&[("PAGER", "more")]), Some(vec!["more".to_string()]));
        assert_eq!(of(&[(VARIABLE, "most -s"), ("PAGER", "more")]), Some(vec!["most".to_string(), "-s".to_string()]));
        assert_eq!(of(&[(VARIABLE, ""), ("PAGER", "more")]), None);
        assert_eq!(of(&[("PAGER", "cat")]), None);
        assert_eq!(of(&[("PAGER", " ")]), None);
    }

    #[test]
    fn words_are_split_without_a_shell() {
        assert_eq!(words("less  -R '-P a b'"), ["less", "-R", "-P a b"]);
        assert_eq!(words("less; rm $(x) `y` ''"), ["less;", "rm", "$(x)", "`y`", ""]);
        assert!(words(" \t").is_empty());
    }

    #[test]
    fn lines_are_counted_as_the_terminal_breaks_them() {
        assert_eq!(lines(b"a\n\nb\n", 80), 3);
        assert_eq!(lines("安全运维\n".as_bytes(), 4), 2);
        assert_eq!(lines(b"", 80), 0);
    }

    #[test]
    fn a_pager_that_leaves_early_is_no_failure() {
        let text = vec![b'x'; 1 << 20];
        assert!(through(&["true".to_string()], &text).is_ok());
    }
}
