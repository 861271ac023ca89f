//! `akguard policy lint`: mistakes and oddities in policies.

use super::Shape;
use super::input::{Told, policies_of};
use crate::catalog::cam::CamCatalog;
use crate::cli::exit;
use crate::cli::output::{lang, write_to};
use crate::lang::told::told;
use crate::policy::{Lint, Severity, lint};
use crate::report::listing::write_object;
use crate::report::text::{counted_in, printable};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Find mistakes in policies
///
/// Errors are what the vendor refuses, named as the vendor names them; warnings are what works otherwise than it looks;
/// notes are worth knowing. The exit code is 1 when there is an error.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard policy lint ops.json\n  akguard policy lint inventory/policy-*.json --format json"
)]
pub(super) struct Args {
    /// Policies: documents, lists of them, or saved replies that hold them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table")]
    format: Shape,
    /// Write the result to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Something that was found.
struct Item {
    place: String,
    severity: Severity,
    statement: Option<usize>,
    code: &'static str,
    text: String,
    hint: String,
}

/// Lints and returns the exit code.
pub(super) fn run(args: &Args) -> Result<u8> {
    let mut items = Vec::new();
    let mut count = 0;
    for file in &args.files {
        let (policies, told) = policies_of(std::slice::from_ref(file))?;
        count += policies.len();
        let mut found = Vec::new();
        for policy in &policies {
            let place = format!("{}: {}", file.display(), policy.name);
            found.extend(lint(&policy.document, CamCatalog::builtin()).into_iter().map(|found| item(&place, found)));
        }
        // What was odd while reading is mostly what the lints say, with a code.
        let is_said = |told: &Told| found.iter().any(|item| told.problem.text.contains(&item.text));
        items.extend(told.into_iter().filter(|told| !is_said(told)).map(unreadable));
        items.extend(found);
    }
    let wrong = items.iter().any(|item| item.severity == Severity::Error);
    write_to(args.output.as_deref(), |out| match args.format {
        Shape::Table => write_table(&items, count, out),
        Shape::Json => {
            let list: Vec<Value> = items.iter().map(object).collect();
            write_object(&json!({"version": 1, "policies": count, "lints": list}), out)
        }
    })?;
    Ok(if wrong { exit::FAILED } else { exit::DONE })
}

fn unreadable(told: Told) -> Item {
    let Told { file, problem } = told;
    let place = if problem.at.is_empty() { file } else { format!("{file}: {}", problem.at) };
    let (severity, code) = (problem.severity, "");
    Item { place, severity, statement: None, code, text: problem.text, hint: problem.hint }
}

fn item(place: &str, found: Lint) -> Item {
    Item {
        place: place.to_string(),
        severity: found.severity,
        statement: found.statement,
        code: found.code,
        text: found.text,
        hint: found.hint,
    }
}

fn write_table(items: &[Item], policies: usize, out: &mut dyn Write) -> io::Result<()> {
    let lang = lang();
    for item in items {
        let code = if item.code.is_empty() { String::new() } else { format!("{}: ", item.code) };
        let values = [
            ("place", item.place.as_str()),
            ("severity", lang.word(item.severity.as_str())),
            ("code", &code),
            ("text", &told(lang, &item.text)),
        ];
        writeln!(out, "{}", printable(&lang.fill("check", "line", &values)))?;
        if !item.hint.is_empty() {
            writeln!(out, "  {}", printable(&told(lang, &item.hint)))?;
        }
    }
    let of = |severity| items.iter().filter(|item| item.severity == severity).count() as u64;
    let values = [
        ("policies", &*counted_in(lang, policies as u64, "policy", "policies")),
        ("errors", &counted_in(lang, of(Severity::Error), "error", "errors")),
        ("warnings", &counted_in(lang, of(Severity::Warning), "warning", "warnings")),
        ("notes", &counted_in(lang, of(Severity::Note), "note", "notes")),
    ];
    writeln!(out, "{}", lang.fill("check", "sum", &values))
}

fn object(item: &Item) -> Value {
    json!({
        "place": item.place,
        "severity": item.severity.as_str(),
        "statement": item.statement,
        "code": (!item.code.is_empty()).then_some(item.code),
        "text": item.text,
        "hint": item.hint,
    })
}
