//! Files of policies and requests, named on the command line.

use crate::policy::{Policy, Problem, Severity, read_policies};
use crate::report::text::printable;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MOST: u64 = 64 << 20;

/// A file and what could not be read of it.
pub(super) struct Told {
    /// The file.
    pub(super) file: String,
    /// What was wrong.
    pub(super) problem: Problem,
}

/// Reads a file as text; - is standard input.
pub(super) fn text_of(path: &Path) -> Result<String> {
    let what = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes).with_context(what)?;
    } else {
        let file = std::fs::File::open(path).with_context(what)?;
        file.take(MOST + 1).read_to_end(&mut bytes).with_context(what)?;
    }
    if bytes.len() as u64 > MOST {
        bail!("{} is larger than 64 MiB; policies and requests are small, so this is something else", path.display());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads the policies of all files.
pub(super) fn policies_of(files: &[PathBuf]) -> Result<(Vec<Policy>, Vec<Told>)> {
    let (mut policies, mut told) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.display().to_string();
        let name = path.file_stem().map_or_else(|| file.clone(), |stem| stem.to_string_lossy().into_owned());
        let (found, problems) = read_policies(&name, &text_of(path)?);
        policies.extend(found);
        told.extend(problems.into_iter().map(|problem| Told { file: file.clone(), problem }));
    }
    Ok((policies, told))
}

/// Tells on stderr what could not be read, and whether something was left out.
pub(super) fn tell(told: &[Told]) -> bool {
    let mut err = std::io::stderr().lock();
    for Told { file, problem } in told.iter().filter(|told| told.problem.severity != Severity::Note) {
        let at = if problem.at.is_empty() { String::new() } else { format!(", {}", problem.at) };
        let line = format!("{}: {file}{at}: {}; {}", problem.severity.as_str(), problem.text, problem.hint);
        let _ = writeln!(err, "{}", printable(&line));
    }
    told.iter().any(|told| told.problem.severity == Severity::Error)
}
