//! Small builders, and generators of documents and requests over a few services.

use super::super::model::{Condition, Document, Effect, Policy, Statement};
use super::super::request::{Caller, CallerKind, ContextValue, Request};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn document(text: &str) -> Document {
    Document::parse(text).unwrap_or_else(|lints| panic!("{text}: {lints:?}")).0
}

/// A document of one statement on all resources.
pub(super) fn simple(effect: &str, action: &str) -> Document {
    let statement = json!({ "effect": effect, "action": action, "resource": "*" });
    document(&json!({ "version": "2.0", "statement": [statement] }).to_string())
}

pub(super) fn policy(name: &str, document: Document) -> Policy {
    Policy { name: name.to_string(), document }
}

/// The text with every byte in percent code.
pub(super) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut codes, byte| {
        write!(codes, "%{byte:02X}").unwrap();
        codes
    })
}

pub(super) fn caller() -> Caller {
    let [uin, owner_uin, app_id] = ["100000000002", "100000000001", "1250000000"].map(String::from);
    Caller { kind: CallerKind::SubAccount, uin, owner_uin, app_id }
}

pub(super) fn request(action: &str, resources: &[&str]) -> Request {
    let resources = resources.iter().map(ToString::to_string).collect();
    Request { caller: caller(), action: action.to_string(), resources, context: std::collections::BTreeMap::new() }
}

const PATTERNS: [&str; 16] = [
    "*",
    "*:*",
    "cvm:*",
    "cvm:Describe*",
    "cvm:RunInstances",
    "cvm:run*",
    "cos:*",
    "cos:GetObject",
    "cos:getobject",
    "cos:*Object",
    "cam:*",
    "cam:CreateAccessKey",
    "sts:AssumeRole",
    "*:Describe*",
    "permid/280655",
    "RunInstances",
];

pub(super) const ACTIONS: [&str; 8] = [
    "cvm:RunInstances",
    "cvm:DescribeInstances",
    "cos:GetObject",
    "cos:PutObject",
    "cam:CreateAccessKey",
    "cam:DescribeRoleList",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
];

const RESOURCE_PATTERNS: [&str; 16] = [
    "*",
    "qcs::cvm:ap-guangzhou:uin/100000000001:instance/ins-1",
    "qcs::cvm:gz::instance/*",
    "qcs::cvm:::instance/ins-1",
    "qcs::cvm:::instance/*",
    "qcs::cvm:uin/1:*",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/doc/*",
    "qcs::cos::uid/1250000000:b-1250000000/*",
    "qcs::cos:gz:uid/1250000000:prefix//1250000000/b/*",
    "qcs::cos:::b-1250000000/${uin}/*",
    "qcs::cam::uin/100000000001:uin/${uin}",
    "qcs::cam::uin/${owner_uin}:roleName/*",
    "qcs::cam::uin/200000000001:roleName/r1",
    "qcs::::*:*",
    "qcs:::::",
    "nonsense",
];

const RESOURCES: [&str; 8] = [
    "*",
    "qcs::cvm:ap-guangzhou:uin/100000000001:instance/ins-1",
    "qcs::cvm:::instance/ins-2",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/doc/a.txt",
    "qcs::cos:ap-beijing:uid/1250000000:b-1250000000/x",
    "qcs::cam::uin/100000000001:uin/100000000002",
    "qcs::cam::uin/100000000001:roleName/r1",
    "qcs::cam::uin/:roleName",
];

const OPERATORS: [&str; 14] = [
    "string_equal",
    "string_not_equal",
    "string_equal_ignore_case",
    "string_like",
    "ip_equal",
    "ip_not_equal",
    "date_less_than",
    "date_greater_than_equal",
    "numeric_less_than",
    "numeric_not_equal",
    "bool_equal",
    "binary_equal",
    "null_equal",
    "string_regex",
];

const KEYS: [&str; 5] = ["qcs:ip", "qcs:current_time", "qcs:resource_tag", "mfa", "cos:prefix"];

const VALUES: [&str; 9] =
    ["10.0.0.0/8", "10.1.2.3", "203.0.113.7", "2026-01-01T00:00:00Z", "10", "true", "false", "team&dev", "${uin}"];

fn condition() -> impl Strategy<Value = Condition> {
    let dressed = (select(vec!["", "for_any_value:", "for_all_value:"]), select(&OPERATORS[..]), any::<bool>());
    let operator = dressed.prop_map(|(qualifier, base, if_exist)| {
        if base == "null_equal" {
            return base.to_string();
        }
        format!("{qualifier}{base}{}", if if_exist { "_if_exist" } else { "" })
    });
    let value = prop_oneof![
        select(&VALUES[..]).prop_map(|value| json!(value)),
        (0..20_i64).prop_map(|value| json!(value)),
        any::<bool>().prop_map(|value| json!(value)),
    ];
    (operator, select(&KEYS[..]), vec(value, 1..3)).prop_map(|(operator, key, values): (_, _, Vec<Value>)| Condition {
        operator,
        key: key.to_string(),
        values,
    })
}

pub(super) fn statement() -> impl Strategy<Value = Statement> {
    let effect = prop_oneof![3 => Just(Effect::Allow), 1 => Just(Effect::Deny)];
    let list = |from: &'static [&'static str]| vec(select(from).prop_map(String::from), 1..4);
    let conditions = prop_oneof![2 => Just(Vec::new()), 1 => vec(condition(), 1..3)];
    (effect, list(&PATTERNS), list(&RESOURCE_PATTERNS), conditions).prop_map(
        |(effect, actions, resources, mut conditions)| {
            // A document has one entry for each operator and key.
            conditions.sort_by(|a, b| (&a.operator, &a.key).cmp(&(&b.operator, &b.key)));
            conditions.dedup_by(|a, b| a.operator == b.operator && a.key == b.key);
            Statement { effect, principal: None, actions, resources, conditions }
        },
    )
}

pub(super) fn any_document() -> impl Strategy<Value = Document> {
    vec(statement(), 1..5).prop_map(|statements| Document { principal: None, statements })
}

pub(super) fn any_policies() -> impl Strategy<Value = Vec<Policy>> {
    vec(any_document(), 0..4).prop_map(|documents| {
        documents.into_iter().enumerate().map(|(at, document)| policy(&format!("p{at}"), document)).collect()
    })
}

pub(super) fn known_value() -> impl Strategy<Value = ContextValue> {
    vec(select(&VALUES[..8]).prop_map(String::from), 1..3).prop_map(ContextValue::Values)
}

pub(super) fn any_request() -> impl Strategy<Value = Request> {
    let value = prop_oneof![3 => known_value(), 1 => Just(ContextValue::Uncertain)];
    let context = btree_map(select(&KEYS[..]).prop_map(String::from), value, 0..4);
    let resources = vec(select(&RESOURCES[..]).prop_map(String::from), 0..3);
    (select(&ACTIONS[..]), resources, context).prop_map(|(action, resources, context)| Request {
        caller: caller(),
        action: action.to_string(),
        resources,
        context,
    })
}
