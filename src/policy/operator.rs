//! Operators of conditions.

use super::glob::glob_matches;
use super::model::Tri;
use super::value::{Decimal, address, instant, network, request_instant, text, truth};
use serde_json::Value;
use std::cmp::Ordering;

/// How several values in a request are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Qualifier {
    /// One of them suffices: `for_any_value:`, or none written.
    Any,
    /// All must fit: `for_all_value:`.
    All,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Text,
    TextAnyCase,
    Pattern,
    Number(Relation),
    Date(Relation),
    Truth,
    Binary,
    Address,
    /// Whether the key is absent.
    Absent,
}

/// How numbers and dates stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// An operator, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) qualifier: Qualifier,
    pub(super) test: Test,
    /// `not_equal`.
    pub(super) negated: bool,
    /// `_if_exist`: an absent key counts as fitting.
    pub(super) if_exist: bool,
}

/// The operators, without qualifier and suffix.
pub(super) const BASES: [&str; 22] = [
    "string_equal",
    "string_not_equal",
    "string_equal_ignore_case",
    "string_not_equal_ignore_case",
    "string_like",
    "numeric_equal",
    "numeric_not_equal",
    "numeric_less_than",
    "numeric_less_than_equal",
    "numeric_greater_than",
    "numeric_greater_than_equal",
    "date_equal",
    "date_not_equal",
    "date_less_than",
    "date_less_than_equal",
    "date_greater_than",
    "date_greater_than_equal",
    "bool_equal",
    "binary_equal",
    "ip_equal",
    "ip_not_equal",
    "null_equal",
];

impl Operator {
    /// The operator of this name; none when there is no such operator.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (qualifier, rest) = match name.split_once(':') {
            Some(("for_any_value", rest)) => (Qualifier::Any, rest),
            Some(("for_all_value", rest)) => (Qualifier::All, rest),
            Some(_) => return None,
            None => (Qualifier::Any, name),
        };
        let (base, if_exist) = match rest.strip_suffix("_if_exist") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (test, negated) = base_test(base)?;
        (test != Test::Absent || (base == name)).then_some(Self { qualifier, test, negated, if_exist })
    }

    /// Whether a value of the policy can be read at all.
    pub(super) fn can_read(self, value: &Value) -> bool {
        let written = text(value);
        match self.test {
            Test::Text | Test::TextAnyCase | Test::Pattern => true,
            Test::Number(_) => Decimal::parse(&written).is_some(),
            Test::Date(_) => instant(&written).is_some(),
            Test::Truth | Test::Absent => truth(&written).is_some(),
            Test::Binary => is_base64(&written),
            Test::Address => network(&written).is_some(),
        }
    }

    /// Whether one value of the policy fits one of the request, before negation.
    pub(super) fn fits(self, value: &Value, given: &str) -> Tri {
        let written = text(value);
        if written.contains("${") {
            return Tri::Unknown;
        }
        let known = match self.test {
            Test::Text => Some(written == given),
            Test::TextAnyCase => Some(written.to_lowercase() == given.to_lowercase()),
            Test::Pattern => Some(glob_matches(&written, given)),
            Test::Number(relation) => compare(relation, Decimal::parse(given), Decimal::parse(&written)),
            Test::Date(relation) => compare(relation, request_instant(given), instant(&written)),
            Test::Truth => truth(given).zip(truth(&written)).map(|(given, written)| given == written),
            Test::Binary => (is_base64(given) && is_base64(&written)).then(|| unpadded(given) == unpadded(&written)),
            Test::Address => network(&written).zip(address(given)).map(|(net, address)| net.contains(&address)),
            Test::Absent => None,
        };
        known.map_or(Tri::Unknown, Tri::from)
    }
}

fn base_test(base: &str) -> Option<(Test, bool)> {
    let (plain, negated) = match base.split_once("_not_equal") {
        Some((kind, rest)) => (format!("{kind}_equal{rest}"), true),
        None => (base.to_string(), false),
    };
    let test = match plain.as_str() {
        "string_equal" => Test::Text,
        "string_equal_ignore_case" => Test::TextAnyCase,
        "ip_equal" => Test::Address,
        "bool_equal" if !negated => Test::Truth,
        "binary_equal" if !negated => Test::Binary,
        "null_equal" if !negated => Test::Absent,
        "string_like" => Test::Pattern,
        other => match other.split_once('_')? {
            ("numeric", relation) => Test::Number(relation_of(relation)?),
            ("date", relation) => Test::Date(relation_of(relation)?),
            _ => return None,
        },
    };
    Some((test, negated))
}

fn relation_of(name: &str) -> Option<Relation> {
    Some(match name {
        "equal" => Relation::Equal,
        "less_than" => Relation::Less,
        "less_than_equal" => Relation::LessEqual,
        "greater_than" => Relation::Greater,
        "greater_than_equal" => Relation::GreaterEqual,
        _ => return None,
    })
}

fn compare<T: Ord>(relation: Relation, given: Option<T>, written: Option<T>) -> Option<bool> {
    let order = given?.cmp(&written?);
    Some(match relation {
        Relation::Equal => order == Ordering::Equal,
        Relation::Less => order == Ordering::Less,
        Relation::LessEqual => order != Ordering::Greater,
        Relation::Greater => order == Ordering::Greater,
        Relation::GreaterEqual => order != Ordering::Less,
    })
}

fn is_base64(text: &str) -> bool {
    unpadded(text).bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
}

fn unpadded(text: &str) -> &str {
    text.trim_end_matches('=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_operator_is_known_with_suffix_and_qualifier() {
        for base in BASES {
            assert!(Operator::parse(base).is_some(), "{base}");
            let dressed = Operator::parse(&format!("for_all_value:{base}_if_exist"));
            assert_eq!(dressed.is_some(), base != "null_equal", "{base}");
        }
        let none =
            ["string_regex", "String_equal", "ip_like", "bool_not_equal", "string_not_like", "numeric", "_equal", ""];
        for name in
            none.into_iter().chain(["for_each:string_equal", "string_equal_if_exist_if_exist", "numeric_not_less_than"])
        {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
        assert!(Operator::parse("date_not_equal").unwrap().negated);
    }

    fn fits(operator: &str, value: &Value, given: &str) -> Tri {
        Operator::parse(operator).unwrap().fits(value, given)
    }

    #[test]
    fn values_are_read_by_the_operator() {
        assert_eq!(fits("numeric_less_than", &json!(10), "9.99"), Tri::True);
        assert_eq!(fits("numeric_less_than", &json!("10"), "10"), Tri::False);
        assert_eq!(fits("numeric_equal", &json!("ten"), "10"), Tri::Unknown);
        assert_eq!(fits("date_less_than", &json!("2022-05-31 00:00:00"), "1653868800"), Tri::True);
        assert_eq!(fits("bool_equal", &json!(true), "true"), Tri::True);
        assert_eq!(fits("bool_equal", &json!("yes"), "true"), Tri::Unknown);
        assert_eq!(fits("ip_equal", &json!("10.*.*.10/24"), "10.0.0.1"), Tri::Unknown);
        assert_eq!(fits("ip_equal", &json!("::/0"), "10.0.0.1"), Tri::False);
        assert_eq!(fits("ip_equal", &json!("10.0.0.0/8"), "cvm.qcloud.com"), Tri::Unknown);
        assert_eq!(fits("binary_equal", &json!("QUI="), "QUI"), Tri::True);
        assert_eq!(fits("string_equal", &json!("${uin}"), "2"), Tri::Unknown);
        assert_eq!(fits("string_like", &json!("a*"), "abc"), Tri::True);
        assert_eq!(fits("string_equal", &json!("a*"), "abc"), Tri::False);
    }
}
