//! Whether a condition holds for a request.

use super::model::{Condition, Tri};
use super::operator::{Operator, Qualifier, Test};
use super::request::ContextValue;
use super::value::{text, truth};
use serde_json::Value;
use std::collections::BTreeMap;

/// The context of a request.
pub(super) type Context = BTreeMap<String, ContextValue>;

/// Whether `condition` holds in `context`.
pub(super) fn holds(condition: &Condition, context: &Context) -> Tri {
    let Some(operator) = Operator::parse(&condition.operator) else { return Tri::Unknown };
    let given = match context.get(&condition.key) {
        Some(ContextValue::Uncertain) => return Tri::Unknown,
        Some(ContextValue::Values(values)) => values.as_slice(),
        None => &[],
    };
    if operator.test == Test::Absent {
        return Tri::any(condition.values.iter().map(|value| absence(value, given.is_empty())));
    }
    if given.is_empty() {
        return operator.if_exist.into();
    }
    let each = given.iter().map(|given| one(operator, &condition.values, given));
    match operator.qualifier {
        Qualifier::Any => Tri::any(each),
        Qualifier::All => Tri::all(each),
    }
}

/// `null_equal`: `true` asks for an absent key, `false` for a present one.
fn absence(value: &Value, absent: bool) -> Tri {
    truth(&text(value)).map_or(Tri::Unknown, |wanted| Tri::from(wanted == absent))
}

/// One value of the request against all of the policy.
fn one(operator: Operator, values: &[Value], given: &str) -> Tri {
    let fits = values.iter().map(|value| operator.fits(value, given));
    if !operator.negated {
        return Tri::any(fits);
    }
    // The vendor's text lets any listed value satisfy the operator; other systems ask all to differ. Where the two
    // readings part, nothing is settled.
    let differs: Vec<Tri> = fits.map(Tri::not).collect();
    let (any, all) = (Tri::any(differs.iter().copied()), Tri::all(differs));
    if any == all { any } else { Tri::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outcome(operator: &str, values: &[&str], given: Option<&[&str]>) -> Tri {
        let values = values.iter().map(|value| json!(value)).collect();
        let condition = Condition { operator: operator.into(), key: "k".into(), values };
        let given = given.map(|given| ContextValue::Values(given.iter().map(ToString::to_string).collect()));
        holds(&condition, &given.map(|given| ("k".to_string(), given)).into_iter().collect())
    }

    #[test]
    fn absent_keys_fail_unless_the_operator_says_if_exist() {
        for operator in ["string_equal", "string_not_equal", "for_all_value:string_equal", "ip_not_equal"] {
            assert_eq!(outcome(operator, &["a"], None), Tri::False, "{operator}");
            assert_eq!(outcome(operator, &["a"], Some(&[])), Tri::False, "{operator}");
            assert_eq!(outcome(&format!("{operator}_if_exist"), &["a"], None), Tri::True, "{operator}");
        }
    }

    #[test]
    fn null_equal_asks_whether_the_key_is_there() {
        assert_eq!(outcome("null_equal", &["true"], None), Tri::True);
        assert_eq!(outcome("null_equal", &["true"], Some(&["x"])), Tri::False);
        assert_eq!(outcome("null_equal", &["false"], None), Tri::False);
        assert_eq!(outcome("null_equal", &["false"], Some(&["x"])), Tri::True);
        assert_eq!(outcome("null_equal", &["maybe"], None), Tri::Unknown);
    }

    #[test]
    fn several_values_are_alternatives_and_negation_of_several_is_open() {
        assert_eq!(outcome("string_equal", &["a", "b"], Some(&["b"])), Tri::True);
        assert_eq!(outcome("string_not_equal", &["a", "b"], Some(&["c"])), Tri::True);
        assert_eq!(outcome("string_not_equal", &["a", "b"], Some(&["b"])), Tri::Unknown);
        assert_eq!(outcome("string_not_equal", &["a", "a"], Some(&["a"])), Tri::False);
    }

    #[test]
    fn several_values_of_the_request_follow_the_qualifier() {
        let both: Option<&[&str]> = Some(&["a", "x"]);
        assert_eq!(outcome("string_equal", &["a"], both), Tri::True);
        assert_eq!(outcome("for_any_value:string_equal", &["a"], both), Tri::True);
        assert_eq!(outcome("for_all_value:string_equal", &["a"], both), Tri::False);
        assert_eq!(outcome("for_all_value:string_equal", &["a", "x", "y"], both), Tri::True);
    }

    #[test]
    fn unreadable_values_settle_nothing_unless_another_one_fits() {
        assert_eq!(outcome("ip_equal", &["10.*.*.10/24"], Some(&["10.0.0.1"])), Tri::Unknown);
        assert_eq!(outcome("ip_equal", &["10.*.*.10/24", "10.0.0.0/8"], Some(&["10.0.0.1"])), Tri::True);
        assert_eq!(outcome("string_regex", &[".*"], None), Tri::Unknown);
    }
}
