//! Texts that nobody wrote in good faith: an answer or an error, never a panic, and in little time.

use super::super::*;
use super::build::{any_request, policy, request};
use crate::catalog::cam::CamCatalog;
use proptest::prelude::*;
use serde_json::{Value, json};

fn use_all(text: &str, request: &Request) {
    let facts = CamCatalog::builtin();
    let _ = lint_text(text, facts);
    let _ = read_requests(text);
    let (policies, _) = read_policies("file", text);
    let grants = Grants { policies: &policies, boundary: Some(&policies), session: Some(&policies) };
    let verdict = evaluate(request, &grants, facts);
    assert!(verdict.because.len() <= 10);
    for policy in &policies {
        let _ = (policy.document.to_pretty(), policy.document.length());
    }
}

fn json_like() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("2.0".to_string()),
        Just("allow".to_string()),
        Just("cvm:*".to_string()),
        Just("*".to_string()),
        Just("qcs::cvm:gz:uin/:x/${uin".to_string()),
        Just("%7B%7D".to_string()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        word.prop_map(|value| json!(value)),
    ];
    let name = proptest::sample::select(vec![
        "version",
        "statement",
        "Statement",
        "effect",
        "action",
        "resource",
        "condition",
        "principal",
        "qcs",
        "ip_equal",
        "qcs:ip",
        "strategyInfo",
        "PolicyDocument",
        "PolicyName",
        "requests",
        "context",
        "resources",
        "type",
        "null_equal",
    ]);
    leaf.prop_recursive(5, 60, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((name.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, item)| (key.to_string(), item)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_text_is_survived(text in ".{0,200}", request in any_request()) {
        use_all(&text, &request);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), request in any_request()) {
        use_all(&String::from_utf8_lossy(&bytes), &request);
    }

    #[test]
    fn any_json_is_survived(value in json_like(), request in any_request()) {
        use_all(&value.to_string(), &request);
        let whole = json!({ "version": "2.0", "statement": value });
        use_all(&whole.to_string(), &request);
        let statement = json!({ "effect": "allow", "action": "*", "resource": "*", "condition": value });
        use_all(&json!({ "version": "2.0", "statement": statement }).to_string(), &request);
    }

    #[test]
    fn any_strings_in_a_valid_frame_are_survived(
        action in ".{0,20}", resource in ".{0,30}", operator in ".{0,12}", key in ".{0,5}", value in ".{0,12}",
        request in any_request(),
    ) {
        let condition = json!({ operator: { key: [value] } });
        let statement = json!({ "effect": "deny", "action": action, "resource": [resource], "condition": condition });
        use_all(&json!({ "version": "2.0", "statement": [statement] }).to_string(), &request);
    }
}

#[test]
fn large_documents_are_refused_or_answered() {
    let facts = CamCatalog::builtin();
    let of = |statements: usize, actions: usize| {
        let actions: Vec<String> = (0..actions).map(|at| format!("cvm:*a{at}*b*")).collect();
        let one = json!({ "effect": "allow", "action": actions, "resource": "*" });
        json!({ "version": "2.0", "statement": vec![one; statements] })
    };
    let refused = |value: &Value| Document::from_value(value).unwrap_err()[0].code;
    assert_eq!(refused(&of(1_001, 1)), "PolicyDocumentLengthOverLimit");
    assert_eq!(refused(&of(1, 20_001)), "PolicyDocumentLengthOverLimit");
    assert_eq!(refused(&of(1_000, 21)), "PolicyDocumentLengthOverLimit");
    let (document, _) = Document::from_value(&of(1_000, 19)).unwrap();
    assert!(lint(&document, facts).len() <= 200);
    let grants = Grants { policies: &[policy("p", document)], boundary: None, session: None };
    assert_eq!(evaluate(&request("cvm:RunInstances", &["*"]), &grants, facts).reason, Reason::ImplicitDeny);
}

#[test]
fn many_statements_against_each_other_are_not_compared_without_end() {
    let one = |effect: &str, at: usize| json!({ "effect": effect, "action": format!("cvm:A{at}"), "resource": "*" });
    let pairs = |count: usize| -> Vec<Value> {
        (0..count).flat_map(|at| [one("allow", at), one("deny", at + count)]).collect()
    };
    let (document, _) = Document::from_value(&json!({ "version": "2.0", "statement": pairs(500) })).unwrap();
    assert!(!lint(&document, CamCatalog::builtin()).iter().any(|lint| lint.code == "SHADOWED"));
}
