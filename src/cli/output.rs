//! Where results go: stdout or a file, with what the terminal can show.

use super::error::Usage;
use super::terminal::{self, wants_colour};
use crate::lang::Lang;
use crate::report::{Format, View};
use anyhow::Context;
use chrono_tz::Tz;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

/// The language of this run; one run speaks one language.
static LANG: OnceLock<Lang> = OnceLock::new();

thread_local! {
    /// Results that go nowhere yet, while somebody wants to show them in another way.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Settles the language: of the option, else of the environment. Only the first call counts.
pub(super) fn settle_lang(option: Option<Lang>) {
    LANG.get_or_init(|| Lang::detect(option, |name| std::env::var(name).ok()));
}

/// The language of this run.
pub(super) fn lang() -> Lang {
    LANG.get().copied().unwrap_or_default()
}

/// Whether results go nowhere yet.
pub(super) fn is_held() -> bool {
    HELD.with_borrow(Option::is_some)
}

/// What `work` would have written to stdout, beside what it returns.
pub(super) fn held<T>(work: impl FnOnce() -> T) -> (T, Vec<u8>) {
    HELD.with_borrow_mut(|held| *held = Some(Vec::new()));
    let result = work();
    (result, HELD.take().unwrap_or_default())
}

/// How to show results at the output: colour and width only on a terminal.
pub(super) fn view(output: Option<&Path>, zone: Tz, details: bool) -> View {
    let stdout = output.is_none_or(|path| path.as_os_str() == "-");
    let terminal = stdout && io::stdout().is_terminal();
    let width = terminal::size().filter(|_| terminal).map(|(_, width)| width);
    View { zone, colour: wants_colour(terminal), details, width, wide: false, lang: lang() }
}

/// Refuses to write on a terminal what is no text.
pub(super) fn check_output(output: Option<&Path>, format: Format) -> anyhow::Result<()> {
    let stdout = output.is_none_or(|path| path.as_os_str() == "-");
    if format == Format::Parquet && stdout && io::stdout().is_terminal() {
        return Err(Usage("Parquet is no text; name a file with --output".to_string()).into());
    }
    Ok(())
}

/// Writes through `write` to a file or stdout.
pub(super) fn write_to(
    output: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match output.filter(|path| path.as_os_str() != "-") {
        None if HELD.with_borrow(Option::is_some) => {
            let mut out = Vec::new();
            write(&mut out)?;
            HELD.with_borrow_mut(|held| held.get_or_insert_default().append(&mut out));
        }
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
