//! How errors are shown: what could not be done, why, and what to try.

use super::exit;
use crate::inventory::LoadError;
use crate::report::text::printable;
use crate::settings::SettingsError;
use crate::store::StoreError;
use std::io::{self, Write};

/// A mistake in what was typed; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Shows an error with its causes and a hint, and returns the exit code.
pub(super) fn show(error: &anyhow::Error, err: &mut dyn Write) -> u8 {
    if broken_pipe(error) {
        return exit::DONE;
    }
    let mut lines = vec![format!("error: {}", printable(&error.to_string()))];
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            lines.push(format!("cause: {}", printable(&cause)));
        }
        said = cause;
    }
    if let Some(hint) = hint(error) {
        lines.push(format!("hint: {hint}"));
    }
    let _ = writeln!(err, "{}", lines.join("\n"));
    if error.chain().any(|cause| cause.is::<Usage>() || cause.is::<SettingsError>()) {
        exit::USAGE
    } else {
        exit::FAILED
    }
}

fn hint(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            Some(error.hint())
        } else if cause.is::<LoadError>() {
            Some("--assets takes lists of addresses and exports of assets, --inventory what tccli prints; see docs/formats.md")
        } else if matches!(cause.downcast_ref(), Some(SettingsError::Parse { .. } | SettingsError::Rule(_) | SettingsError::Catalog(_))) {
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
