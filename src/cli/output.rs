//! Where results go: stdout or a file, with what the terminal can show.

use super::terminal::{self, wants_colour};
use crate::report::View;
use anyhow::Context;
use chrono_tz::Tz;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

/// How to show results at the output: colour and width only on a terminal.
pub(super) fn view(output: Option<&Path>, zone: Tz, details: bool) -> View {
    let stdout = output.is_none_or(|path| path.as_os_str() == "-");
    let terminal = stdout && io::stdout().is_terminal();
    let width = terminal::size().filter(|_| terminal).map(|(_, width)| width);
    View { zone, colour: wants_colour(terminal), details, width, wide: false }
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
