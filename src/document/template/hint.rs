//! What is wrong with a template, and what to try.

use super::MOST_OUTPUT;
use crate::document::model::Report;
use minijinja::{Error, ErrorKind};
use serde_json::Value;
use std::collections::BTreeSet;

const FIELDS: &str = "docs/report.md lists the fields; `akguard report --format json` shows them filled.";

/// The problem in words, and a hint.
pub(super) fn of(error: &Error, report: &Report, full: bool) -> (String, String) {
    if full {
        let problem = format!("it writes more than {} MiB", MOST_OUTPUT >> 20);
        return (problem, "Narrow its loops, or print fewer fields.".to_string());
    }
    let detail = error.detail().unwrap_or_default();
    let plain = if detail.is_empty() { error.kind().to_string() } else { detail.to_string() };
    match error.kind() {
        ErrorKind::UndefinedError => undefined(error, report),
        ErrorKind::OutOfFuel => {
            ("it takes too many steps".to_string(), "Look for loops inside of loops over long lists.".to_string())
        }
        ErrorKind::SyntaxError if detail.contains("end of input") => {
            (plain, "Close every for with endfor, if with endif, {{ with }}, and {% with %}.".to_string())
        }
        ErrorKind::SyntaxError if unknown_statement(detail) => {
            (plain, "Templates are one file: they load no other files, by include, import or extends.".to_string())
        }
        ErrorKind::SyntaxError => (plain, "The language is that of Jinja; docs/report.md has an example.".to_string()),
        ErrorKind::UnknownFilter => {
            (plain, "Besides the filters of Jinja there are md, csv, label and time.".to_string())
        }
        ErrorKind::InvalidOperation if detail.starts_with("label") => {
            let kinds = "level, status, identity, type, ip_type, method, user_type, risk, advice, state, event or code";
            (plain, format!("The argument of label is {kinds}."))
        }
        _ => (plain, FIELDS.to_string()),
    }
}

fn unknown_statement(detail: &str) -> bool {
    detail.starts_with("unknown statement")
        && ["include", "import", "extends", "from", "block"].iter().any(|name| detail.contains(name))
}

/// Names that are not there are mostly misspelled.
fn undefined(error: &Error, report: &Report) -> (String, String) {
    let name = misspelled(error);
    let problem = match &name {
        Some(name) => format!("there is no {name} here"),
        None => "a field that is not there is used".to_string(),
    };
    let known = names(report);
    let near = name.as_deref().and_then(|name| nearest(name, &known));
    let hint = near.map(|near| format!("did you mean {near}? ")).unwrap_or_default();
    (problem, format!("{hint}{FIELDS}"))
}

/// The last name of the expression that failed.
fn misspelled(error: &Error) -> Option<String> {
    let expression = error.template_source()?.get(error.range()?)?;
    let before = expression.split(['|', '}', '%']).next()?;
    let names = before.split(|c: char| !c.is_alphanumeric() && c != '_');
    names.rev().find(|name| name.starts_with(|c: char| c.is_alphabetic())).map(str::to_string)
}

/// Names of all fields of the report.
fn names(report: &Report) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(&serde_json::to_value(report).unwrap_or_default(), &mut names);
    names
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => {
            for (name, field) in fields {
                names.insert(name.clone());
                collect(field, names);
            }
        }
        _ => {}
    }
}

fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let distances = known.iter().map(|known| (distance(name, known), known.as_str()));
    distances.min().filter(|(distance, _)| (1..=2).contains(distance)).map(|(_, known)| known)
}

/// Letters to add, drop or change to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, c) in (1..).zip(a.chars()) {
        let mut corner = row[0];
        row[0] = above;
        for (place, d) in b.iter().enumerate() {
            let change = corner + usize::from(c != *d);
            corner = row[place + 1];
            row[place + 1] = change.min(corner + 1).min(row[place] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = BTreeSet::from(["alarms".to_string(), "level".to_string()]);
        assert_eq!(nearest("alrms", &known), Some("alarms"));
        assert_eq!(nearest("lvel", &known), Some("level"));
        assert_eq!(nearest("something", &known), None);
        assert_eq!([distance("a", "a"), distance("", "abc"), distance("kitten", "sitting")], [0, 3, 3]);
    }
}
