//! Where results go: stdout or a file, with what the terminal can show.

use super::wants_colour;
use crate::lang::Lang;
use crate::report::View;
use anyhow::Context;
use chrono_tz::Tz;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

/// The language of this run; one run speaks one language.
static LANG: OnceLock<Lang> = OnceLock::new();

/// Settles the language: of the option, else of the environment. Only the first call counts.
pub(super) fn settle_lang(option: Option<Lang>) {
    LANG.get_or_init(|| Lang::detect(option, |name| std::env::var(name).ok()));
}

/// The language of this run.
pub(super) fn lang() -> Lang {
    LANG.get().copied().unwrap_or_default()
}

/// How to show results at the output: colour and width only on a terminal.
pub(super) fn view(output: Option<&Path>, zone: Tz, details: bool) -> View {
    let stdout = output.is_none_or(|path| path.as_os_str() == "-");
    let terminal = stdout && io::stdout().is_terminal();
    let width = if terminal { terminal_size::terminal_size().map(|(width, _)| width.0) } else { None };
    View { zone, colour: wants_colour(terminal), details, width, lang: lang() }
}

/// Writes through `write` to a file or stdout.
pub(super) fn write_to(
    output: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match output.filter(|path| path.as_os_str() != "-") {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            write(&mut out)?;
            out.flush()?;
        }
        Some(path) => {
            let what = || format!("cannot write {}", path.display());
            let mut out = BufWriter::new(File::create(path).with_context(what)?);
            write(&mut out).and_then(|()| out.flush()).with_context(what)?;
        }
    }
    Ok(())
}
