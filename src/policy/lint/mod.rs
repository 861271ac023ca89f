//! What is wrong or odd in a document: what it may not do although it looks like it.

mod actions;
mod resources;
mod whole;

use super::check;
use super::model::{Condition, Document, Lint, Statement};
use super::operator::{Operator, Test};
use super::parse::MAX_LINTS;
use super::value::text;
use crate::catalog::cam::CamCatalog;

/// All that is odd in a document, by statement, at most 200 items.
pub fn lint(document: &Document, facts: &CamCatalog) -> Vec<Lint> {
    let mut lints = check::validity(document);
    for (at, statement) in document.statements.iter().enumerate() {
        if lints.len() >= MAX_LINTS {
            break;
        }
        lints.extend(actions::lint(at + 1, statement, facts));
        lints.extend(resources::lint(at + 1, statement, facts));
        lints.extend(statement.conditions.iter().filter_map(|condition| of_condition(at + 1, condition)));
        lints.extend(admin(at + 1, statement));
    }
    lints.extend(whole::lint(document));
    check::sort(&mut lints);
    lints.truncate(MAX_LINTS);
    lints
}

/// All that is wrong or odd in the text of a document: its errors, or else what [`lint`] finds, and how it is written.
pub fn lint_text(text: &str, facts: &CamCatalog) -> Vec<Lint> {
    match Document::parse(text) {
        Err(errors) => errors,
        Ok((document, mut lints)) => {
            lints.extend(lint(&document, facts));
            check::sort(&mut lints);
            lints.truncate(MAX_LINTS);
            lints
        }
    }
}

fn of_condition(number: usize, condition: &Condition) -> Option<Lint> {
    let operator = Operator::parse(&condition.operator)?;
    let name = &condition.operator;
    if operator.test == Test::Pattern {
        let text = format!("operator `{name}` is not in CAM's list of operators; it is read as a pattern with `*`");
        return Some(check::warning("ConditionTypeError", number, &text, "use string_equal with each value"));
    }
    if operator.negated && condition.values.len() > 1 {
        let text =
            format!("`{name}` with several values: the vendor's text lets any of them satisfy it, which is always so");
        return Some(check::warning(
            "NEGATED_VALUES",
            number,
            &text,
            "give one value, or allow what is wanted instead",
        ));
    }
    let variable = condition.values.iter().any(|value| text(value).contains("${"));
    variable.then(|| {
        let text = format!("`{name}` has a value with a variable; whether CAM fills it in there is not known");
        check::warning("VARIABLE_IN_CONDITION", number, &text, "write the value itself")
    })
}

fn admin(number: usize, statement: &Statement) -> Option<Lint> {
    let all = statement.actions.iter().any(|action| super::action::is_everything(action))
        && statement.resources.iter().any(|resource| resource == "*");
    let allows = statement.effect == super::model::Effect::Allow;
    (all && allows).then(|| {
        let text = if statement.conditions.is_empty() {
            "allows every action on every resource"
        } else {
            "allows every action on every resource, under a condition"
        };
        check::note("ADMIN_POLICY", number, text, "name the services and resources that are needed")
    })
}
