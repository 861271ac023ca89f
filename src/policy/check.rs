//! What is odd in a document by CAM's grammar alone: resources and condition values that nobody can read.

use super::explain::quote;
use super::model::{Condition, Document, Lint, Severity};
use super::operator::{BASES, Operator, Test};
use super::resource::Segments;
use super::value::text;
use super::words::nearest;

/// A sentence with the statement in front.
pub(super) fn place(statement: Option<usize>, text: &str) -> String {
    match statement {
        Some(number) => format!("statement {number}: {text}"),
        None => text.to_string(),
    }
}

/// A warning about a statement.
pub(super) fn warning(code: &'static str, statement: usize, text: &str, hint: impl Into<String>) -> Lint {
    let text = place(Some(statement), text);
    Lint { code, severity: Severity::Warning, statement: Some(statement), text, hint: hint.into() }
}

/// A note about a statement.
pub(super) fn note(code: &'static str, statement: usize, text: &str, hint: impl Into<String>) -> Lint {
    Lint { severity: Severity::Note, ..warning(code, statement, text, hint) }
}

/// By statement, the worst first.
pub(super) fn sort(lints: &mut Vec<Lint>) {
    lints.sort_by(|a, b| (a.statement, a.severity, a.code, &a.text).cmp(&(b.statement, b.severity, b.code, &b.text)));
    lints.dedup();
}

/// What is odd in resources and conditions.
pub(super) fn validity(document: &Document) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (at, statement) in document.statements.iter().enumerate() {
        lints.extend(statement.resources.iter().filter_map(|resource| form(at + 1, resource)));
        lints.extend(statement.conditions.iter().flat_map(|condition| readable(at + 1, condition)));
    }
    lints
}

/// Resources that do not have six segments.
fn form(number: usize, resource: &str) -> Option<Lint> {
    if resource == "*" || Segments::of(resource).is_some() {
        return None;
    }
    let count = resource.splitn(6, ':').count();
    let what = match count {
        6 => "does not start with `qcs`".to_string(),
        1 => "has one segment instead of six".to_string(),
        _ => format!("has {} segments instead of six", ["two", "three", "four", "five"][count.clamp(2, 5) - 2]),
    };
    let text = format!("resource {} {what}; whether it covers anything is not known", quote(resource));
    Some(warning("ResourceContentError", number, &text, "write qcs::service:region:account:resource, or \"*\""))
}

/// Operators that are not known and values that the operator cannot read.
fn readable(number: usize, condition: &Condition) -> Vec<Lint> {
    let (name, key) = (&condition.operator, quote(&condition.key));
    let Some(operator) = Operator::parse(name) else {
        let base = name.rsplit(':').next().unwrap_or(name);
        let hint = match nearest(base.trim_end_matches("_if_exist"), BASES) {
            Some(word) => format!("did you mean `{word}`?"),
            None => "use an operator such as string_equal, ip_equal or date_less_than".to_string(),
        };
        let text = format!("operator {} is not one of CAM's; whether it holds is not known", quote(name));
        return vec![warning("ConditionTypeError", number, &text, hint)];
    };
    let unreadable = condition.values.iter().filter(|value| {
        let written = text(value);
        !operator.can_read(value) && !written.contains("${")
    });
    unreadable
        .map(|value| {
            let wanted = wanted(operator.test);
            let text = format!("value {} of {key} is not {wanted}; it settles nothing", quote(&text(value)));
            warning("ConditionContentError", number, &text, format!("give {wanted}"))
        })
        .collect()
}

fn wanted(test: Test) -> &'static str {
    match test {
        Test::Address => "an IP address or a CIDR range",
        Test::Number(_) => "a number",
        Test::Date(_) => "a date such as 2026-01-31T08:00:00Z",
        Test::Truth | Test::Absent => "true or false",
        Test::Binary => "Base64",
        Test::Text | Test::TextAnyCase | Test::Pattern => "a text",
    }
}
