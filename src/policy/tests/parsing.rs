//! What the reader of documents takes and what it refuses.

use super::super::*;
use super::build::{document, percent};
use serde_json::{Value, json};

const PLAIN: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":["cos:*"],"resource":["*"]}]}"#;

/// A document of one statement with some elements put in or, by null, taken out.
fn changed(changes: &Value) -> Value {
    let mut statement = json!({ "effect": "allow", "action": "cos:*", "resource": "*" });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            statement.as_object_mut().unwrap().shift_remove(name);
        } else {
            statement[name] = value.clone();
        }
    }
    json!({ "version": "2.0", "statement": [statement] })
}

fn codes(value: &Value) -> Vec<&'static str> {
    Document::parse(&value.to_string()).unwrap_err().into_iter().map(|lint| lint.code).collect()
}

#[test]
fn all_spellings_of_a_document_are_one() {
    let plain = document(PLAIN);
    let encoded = percent(PLAIN);
    let spellings = [
        format!("\u{feff}\n {PLAIN}\n"),
        encoded,
        json!(PLAIN).to_string(),
        format!("{{\"strategyInfo\":{PLAIN}}}"),
        json!(format!("{{\"strategyInfo\":{PLAIN}}}")).to_string(),
        r#"{"Statement":{"Effect":"Allow","Resource":"*","Action":"name/cos:*","Condition":[]},"Version":"2.0"}"#
            .into(),
    ];
    for spelling in spellings {
        assert_eq!(document(&spelling), plain, "{spelling}");
    }
}

#[test]
fn every_fault_is_told_with_its_statement() {
    let cases = [
        (json!({ "effect": "permit" }), "EffectError"),
        (json!({ "effect": null }), "EffectError"),
        (json!({ "effect": "ALLOW" }), "EffectError"),
        (json!({ "action": null }), "ActionMiss"),
        (json!({ "action": [] }), "ActionMiss"),
        (json!({ "action": [" "] }), "ActionMiss"),
        (json!({ "action": [7] }), "ActionMiss"),
        (json!({ "resource": null }), "ResourceContentError"),
        (json!({ "resource": {} }), "ResourceContentError"),
        (json!({ "notAction": "cos:*" }), "StatementError"),
        (json!({ "sid": "a" }), "StatementError"),
        (json!({ "ACTION": "a" }), "StatementError"),
        (json!({ "Action": "cos:*" }), "StatementError"),
        (json!({ "condition": ["x"] }), "ConditionTypeError"),
        (json!({ "condition": { "ip_equal": "1.2.3.4" } }), "ConditionTypeError"),
        (json!({ "condition": { "ip_equal": { "qcs:ip": [] } } }), "ConditionContentError"),
        (json!({ "condition": { "ip_equal": { "qcs:ip": [["1.2.3.4"]] } } }), "ConditionContentError"),
        (json!({ "condition": { "ip_equal": { "qcs:ip": {} } } }), "ConditionContentError"),
        (json!({ "principal": "root" }), "PrincipalError"),
        (json!({ "principal": { "aws": "x" } }), "PrincipalError"),
        (json!({ "principal": {} }), "PrincipalError"),
    ];
    for (changes, code) in cases {
        let lints = Document::parse(&changed(&changes).to_string()).unwrap_err();
        assert_eq!(lints[0].code, code, "{changes}: {lints:?}");
        assert_eq!(lints[0].statement, Some(1), "{changes}");
        assert!(lints[0].text.starts_with("statement 1: ") && !lints[0].hint.is_empty(), "{lints:?}");
        assert!(lints.iter().all(|lint| lint.severity == Severity::Error));
    }
}

#[test]
fn faults_of_the_whole_document_are_told() {
    let statement = json!([{ "effect": "allow", "action": "*", "resource": "*" }]);
    assert_eq!(codes(&json!({ "version": "1.0", "statement": statement })), ["VersionError"]);
    assert_eq!(codes(&json!({ "version": 2.0, "statement": statement })), ["VersionError"]);
    assert_eq!(codes(&json!({ "statement": statement })), ["VersionError"]);
    assert_eq!(codes(&json!({ "version": "2.0" })), ["StatementError"]);
    assert_eq!(codes(&json!({ "version": "2.0", "statement": [] })), ["StatementError"]);
    assert_eq!(codes(&json!({ "version": "2.0", "statement": [1] })), ["StatementError"]);
    assert_eq!(codes(&json!({ "version": "2.0", "statement": statement, "id": 1 })), ["DocumentError"]);
    assert_eq!(codes(&json!([])), ["DocumentError"]);
    assert_eq!(codes(&json!({ "version": "1", "statement": [{}] })).len(), 4, "all at once");
}

#[test]
fn a_misspelt_element_is_named_with_the_word_meant() {
    let lints = Document::parse(&changed(&json!({ "resources": "*" })).to_string()).unwrap_err();
    assert_eq!(lints[0].hint, "did you mean `resource`?");
}

#[test]
fn an_element_that_stands_twice_is_an_error() {
    let twice = PLAIN.replace("\"resource\"", "\"resource\":[\"x\"],\"resource\"");
    let lints = Document::parse(&twice).unwrap_err();
    assert!(lints[0].text.contains("`resource` stands twice"), "{lints:?}");
}

#[test]
fn trust_policies_need_no_resource() {
    let inside = changed(&json!({ "resource": null, "principal": { "service": "cvm.qcloud.com" } }));
    let (document, _) = Document::from_value(&inside).unwrap();
    assert!(document.statements[0].resources.is_empty());
    let mut above = changed(&json!({ "resource": null }));
    above["principal"] = json!({ "federated": ["qcs::cam::uin/1:oidc-provider/x"], "qcs": "qcs::cam::uin/1:root" });
    let (document, _) = Document::from_value(&above).unwrap();
    assert!(matches!(document.principal, Some(Principal::Listed { .. })));
    assert_eq!(Document::parse(&document.to_pretty()).unwrap().0, document);
    above["principal"] = json!("*");
    assert_eq!(Document::from_value(&above).unwrap().0.principal, Some(Principal::Any));
}

#[test]
fn printing_is_sorted_and_without_prefixes() {
    let text = r#"{"statement":[
        {"resource":"*","action":"name/vpc:*","effect":"deny"},
        {"condition":{"ip_equal":{"qcs:ip":"10.0.0.1"}},"resource":["b","a","a"],
         "action":["name/cos:PutObject","permid/7","*"],"effect":"Allow"}],"version":"2.0"}"#;
    let printed = document(text).to_pretty();
    let flat: String = printed.split_whitespace().collect();
    let wanted = r#"{"version":"2.0","statement":[{"effect":"allow","action":["*","cos:PutObject","permid/7"],"resource":["a","b"],"condition":{"ip_equal":{"qcs:ip":["10.0.0.1"]}}},{"effect":"deny","action":["vpc:*"],"resource":["*"]}]}"#;
    assert_eq!(flat, wanted);
    assert!(printed.starts_with("{\n  \"version\"") && printed.ends_with("}\n"));
    assert_eq!(document(text).canonical().length(), wanted.len());
}

#[test]
fn whitespace_does_not_count_towards_the_length() {
    let spaced = changed(&json!({ "resource": "qcs::cos:::b/a b" }));
    let tight = changed(&json!({ "resource": "qcs::cos:::b/ab" }));
    let length = |value: &Value| Document::from_value(value).unwrap().0.length();
    assert_eq!(length(&spaced), length(&tight));
}
