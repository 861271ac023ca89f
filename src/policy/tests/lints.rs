//! What the linter sees.

use super::super::*;
use crate::catalog::cam::CamCatalog;
use serde_json::{Value, json};

fn found(action: &str, resource: &str, condition: &Value) -> Vec<Lint> {
    let statement = json!({ "effect": "allow", "action": action, "resource": resource, "condition": condition });
    lint_text(&json!({ "version": "2.0", "statement": [statement] }).to_string(), CamCatalog::builtin())
}

fn codes(lints: &[Lint]) -> Vec<&str> {
    lints.iter().map(|lint| lint.code).collect()
}

#[test]
fn a_sound_statement_has_no_lint() {
    let condition = json!({ "ip_equal": { "qcs:ip": ["10.0.0.0/8", "10.1.2.3"] } });
    for (action, resource) in [
        ("cvm:RunInstances", "qcs::cvm:ap-guangzhou:uin/1:instance/*"),
        ("name/cvm:CreateDisks", "*"),
        ("cos:GetObject", "qcs::cos:ap-guangzhou:uid/1:b-1/*"),
        ("cam:PassRole", "qcs::cam::uin/1:roleName/x"),
        ("cam:Describe*", "*"),
    ] {
        assert_eq!(found(action, resource, &condition), [], "{action}");
    }
}

#[test]
fn actions_are_looked_up() {
    let none = json!([]);
    let cases = [
        ("cvm:runInstances", "ActionNotExist", "write cvm:RunInstances"),
        ("cvm:RunInstance", "ActionNotExist", "did you mean cvm:RunInstances?"),
        ("cvm:Fly*", "ActionNotExist", ""),
        ("lighthous:X", "ActionServiceNotExist", "did you mean `lighthouse`?"),
        ("permid/12", "OPAQUE_PERMID", ""),
        ("RunInstances", "ACTION_FORM", ""),
        ("cos:Get?bject", "QUESTION_MARK", ""),
    ];
    for (action, code, hint) in cases {
        let lints = found(action, "*", &none);
        assert_eq!(codes(&lints), [code], "{action}: {lints:?}");
        assert!(hint.is_empty() || lints[0].hint == hint, "{lints:?}");
        assert_eq!(lints[0].severity, Severity::Warning);
    }
}

#[test]
fn resources_are_looked_at() {
    let none = json!([]);
    let cases = [
        ("cvm:*", "qcs::cvm:uin/1:*", "ResourceContentError"),
        ("cvm:*", "qcs:7:cvm:::x", "ResourceProjectError"),
        ("tke:*", "qcs::tke::uin/:cluster/x", "ResourceUinError"),
        ("cvm:*", "qcs::cvn:::x", "ResourceServiceNotExist"),
        ("cvm:*", "qcs::cvm:::x?", "QUESTION_MARK"),
        ("cvm:*", "qcs::cvm:gz::x", "REGION_ALIAS"),
        ("cvm:*", "qcs::cvm:::${zone}", "UNKNOWN_VARIABLE"),
        ("cos:*", "qcs::cos:::b/${uin}/*", "VARIABLE_IN_COS_PATH"),
        ("cam:AddUser", "qcs::cam::uin/1:uin/2", "OPERATION_LEVEL"),
        ("tat:CreateCommand", "qcs::tat:::command/x", "OPERATION_LEVEL"),
        ("*", "*", "ADMIN_POLICY"),
    ];
    for (action, resource, code) in cases {
        let lints = found(action, resource, &none);
        assert_eq!(codes(&lints), [code], "{action} {resource}: {lints:?}");
    }
}

#[test]
fn conditions_are_looked_at() {
    let cases = [
        (json!({ "ip_equal": { "qcs:ip": "10.*.*.10/24" } }), "ConditionContentError"),
        (json!({ "numeric_equal": { "k": "ten" } }), "ConditionContentError"),
        (json!({ "date_less_than": { "qcs:current_time": 1_700_000_000 } }), "ConditionContentError"),
        (json!({ "string_regex": { "k": "x" } }), "ConditionTypeError"),
        (json!({ "string_like": { "k": "x" } }), "ConditionTypeError"),
        (json!({ "ip_not_equal": { "qcs:ip": ["10.0.0.1", "10.0.0.2"] } }), "NEGATED_VALUES"),
        (json!({ "string_equal": { "k": "${uin}" } }), "VARIABLE_IN_CONDITION"),
    ];
    for (condition, code) in cases {
        let lints = found("cos:GetObject", "*", &condition);
        assert_eq!(codes(&lints), [code], "{condition}: {lints:?}");
    }
    let lints = found("cos:GetObject", "*", &json!({ "string_equals": { "k": "x" } }));
    assert_eq!(lints[0].hint, "did you mean `string_equal`?");
}

#[test]
fn a_service_that_is_all_or_nothing_wants_all() {
    let facts = CamCatalog::with_service_level("cvm");
    let document = super::build::simple("allow", "cvm:RunInstances");
    assert_eq!(codes(&lint(&document, &facts)), ["SERVICE_LEVEL"]);
    assert!(lint(&super::build::simple("allow", "cvm:*"), &facts).is_empty());
}

fn statements(list: &Value) -> Vec<Lint> {
    let text = json!({ "version": "2.0", "statement": list }).to_string();
    lint_text(&text, CamCatalog::builtin())
}

#[test]
fn statements_are_held_against_each_other() {
    let allow = json!({ "effect": "allow", "action": ["cvm:Run*"], "resource": "qcs::cvm:::instance/ins-1" });
    let deny = |action: &str, resource: &str| json!({ "effect": "deny", "action": action, "resource": resource });
    let lints = statements(&json!([allow, deny("cvm:R*", "qcs::cvm:::instance/*")]));
    assert_eq!((codes(&lints), lints[0].statement), (vec!["SHADOWED"], Some(1)));
    assert!(lints[0].text.contains("statement 2"), "{lints:?}");
    for (action, resource) in
        [("cvm:RunInstances", "*"), ("cvm:*", "qcs::cvm:::instance/ins-2"), ("cvm:*", "qcs::cvm:::Instance/*")]
    {
        assert!(statements(&json!([allow, deny(action, resource)])).is_empty(), "{action} {resource}");
    }
    let mut under_condition = deny("*", "*");
    under_condition["condition"] = json!({ "ip_equal": { "qcs:ip": "10.0.0.1" } });
    assert!(statements(&json!([allow, under_condition])).is_empty());
    let twice = statements(&json!([allow, allow]));
    assert_eq!((codes(&twice), twice[0].statement), (vec!["DUPLICATE"], Some(2)));
}

#[test]
fn a_long_document_is_told_with_both_limits() {
    let resources: Vec<String> = (0..200).map(|at| format!("qcs::cvm:::instance/ins-{at}")).collect();
    let lints = statements(&json!([{ "effect": "allow", "action": "cvm:*", "resource": resources }]));
    assert_eq!(codes(&lints), ["PolicyDocumentLengthOverLimit"]);
    assert!(lints[0].text.contains("4096") && lints[0].text.contains("6144"));
    assert_eq!(lints[0].severity, Severity::Warning);
}

#[test]
fn capitals_are_a_note_and_errors_are_errors() {
    let text = r#"{"Version":"2.0","Statement":[{"Effect":"Allow","Action":"cos:*","Resource":"*"}]}"#;
    assert_eq!(codes(&lint_text(text, CamCatalog::builtin())), ["ELEMENT_CASE"]);
    assert_eq!(codes(&lint_text("{}", CamCatalog::builtin())), ["VersionError", "StatementError"]);
}
