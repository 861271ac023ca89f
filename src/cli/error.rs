//! How errors are shown: what could not be done, why, and what to try.

use super::config::check::problems;
use super::exit;
use super::variables::Given;
use crate::inventory::LoadError;
use crate::report::text::printable;
use crate::settings::{self, SettingsError};
use crate::store::StoreError;
use std::io::{self, Write};
use std::path::Path;

/// A mistake in what was typed; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Shows an error with its causes and a hint, and returns the exit code.
pub(super) fn show(error: &anyhow::Error, config: Option<&Path>, given: &Given, err: &mut dyn Write) -> u8 {
    if broken_pipe(error) {
        return exit::DONE;
    }
    let usage = error.chain().any(|cause| cause.is::<Usage>() || cause.is::<SettingsError>());
    let mut lines = mistakes(error, config).unwrap_or_else(|| causes(error));
    lines.extend(hint(error).map(|hint| format!("hint: {hint}")));
    if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(SettingsError::Read { .. }))) {
        lines.extend(given.hints("--config").into_iter().map(|hint| format!("hint: {hint}")));
    } else if usage {
        lines.extend(given.hints(&lines.join("\n")).into_iter().map(|hint| format!("hint: {hint}")));
    }
    let _ = writeln!(err, "{}", lines.join("\n"));
    if usage { exit::USAGE } else { exit::FAILED }
}

fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut lines = vec![format!("error: {}", printable(&error.to_string()))];
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            lines.push(format!("cause: {}", printable(&cause)));
        }
        said = cause;
    }
    lines
}

/// All that is wrong with the settings file, where that is why the command could not go on: whoever mends one mistake
/// wants to know of the others.
fn mistakes(error: &anyhow::Error, config: Option<&Path>) -> Option<Vec<String>> {
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<SettingsError>())?;
    if cause.of_an_option() {
        return None;
    }
    let path = super::rules::settings_path(config)?;
    let shown = path.display().to_string();
    let problems = problems(&settings::read(&path).ok()?, &path);
    let told = problems.iter().map(|problem| printable(&format!("cause: {shown}:{problem}")));
    let first = printable(&format!("error: cannot use settings file {shown}"));
    (!problems.is_empty()).then(|| std::iter::once(first).chain(told).collect())
}

fn hint(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            Some(error.hint())
        } else if cause.is::<LoadError>() {
            Some("--assets takes lists of addresses and exports of assets, --inventory what tccli prints; see docs/formats.md")
        } else if cause.downcast_ref().is_some_and(|error: &SettingsError| !error.of_an_option()) {
            Some("docs/settings.md lists every setting; `akguard rules list` the rules")
        } else {
            None
        }
    })
}

/// Whether somebody closed the pipe we write to, which is nobody's mistake.
pub(super) fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
