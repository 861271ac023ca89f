//! Policies and requests out of files.

use super::super::*;
use super::build::percent;
use serde_json::{Value, json};

fn sound() -> Value {
    json!({ "version": "2.0", "statement": [{ "effect": "allow", "action": "cos:*", "resource": "*" }] })
}

fn names(value: &str) -> Vec<String> {
    let (policies, problems) = read_policies("file", value);
    assert!(problems.is_empty(), "{problems:?}");
    policies.into_iter().map(|policy| policy.name).collect()
}

#[test]
fn documents_are_found_in_all_shapes() {
    let text = sound().to_string();
    let reply = json!({ "PolicyName": "ops", "Type": 1, "PolicyDocument": text, "RequestId": "x" });
    let encoded = percent(&text);
    assert_eq!(names(&text), ["file"]);
    assert_eq!(names(&encoded), ["file"]);
    assert_eq!(names(&json!(text).to_string()), ["file"]);
    assert_eq!(names(&json!([sound(), sound()]).to_string()), ["file #1", "file #2"]);
    assert_eq!(names(&format!("{text}\n\n{text}\n")), ["file #1", "file #2"]);
    assert_eq!(names(&reply.to_string()), ["ops"]);
    assert_eq!(names(&json!({ "Response": reply }).to_string()), ["ops"]);
    assert_eq!(names(&json!({ "PolicyDocument": { "strategyInfo": sound() } }).to_string()), ["file"]);
    assert_eq!(names(&json!({ "strategyInfo": sound() }).to_string()), ["file"]);
    let version = json!({ "PolicyVersion": { "VersionId": 2, "Document": text } });
    assert_eq!(names(&json!({ "Response": version }).to_string()), ["file"]);
    let roles =
        json!({ "List": [{ "RoleName": "r1", "PolicyDocument": text }, { "RoleName": "r2", "PolicyDocument": text }] });
    assert_eq!(names(&roles.to_string()), ["r1", "r2"]);
    assert_eq!(names(&json!({ "PolicyName": null, "PolicyDocument": null }).to_string()), [""; 0]);
}

#[test]
fn a_broken_document_does_not_stop_the_others() {
    let mut broken = sound();
    broken["version"] = json!("1.0");
    let (policies, problems) = read_policies("file", &json!([broken, sound()]).to_string());
    assert_eq!(policies.len(), 1);
    assert_eq!((problems[0].at.as_str(), problems[0].severity), ("item 1", Severity::Error));
    let lines = format!("{}\n{{\"version\n{}\n", sound(), sound());
    let (policies, problems) = read_policies("file", &lines);
    assert_eq!((policies.len(), problems.len(), problems[0].at.as_str()), (2, 1, "line 2"));
}

#[test]
fn files_without_a_document_are_told() {
    for text in ["", "{}", "{\"List\":[{\"PolicyName\":\"x\"}]}", "7", "{\n\"version\": \"2.0\",\n"] {
        let (policies, problems) = read_policies("file", text);
        assert_eq!((policies.len(), problems.len()), (0, 1), "{text}: {problems:?}");
    }
}

fn one(value: &Value) -> Request {
    let (mut requests, problems) = read_requests(&value.to_string());
    assert!(problems.is_empty(), "{problems:?}");
    requests.remove(0)
}

fn whole() -> Value {
    json!({
        "principal": { "type": "role", "uin": 7, "owner_uin": "1", "app_id": 125 },
        "action": "name/cos:GetObject",
        "resources": "*",
        "context": { "a": "x", "b": ["y", 1, true], "c": { "uncertain": true }, "d": null }
    })
}

#[test]
fn a_request_is_read_whole() {
    let request = one(&whole());
    assert_eq!((request.caller.kind, request.caller.uin.as_str()), (CallerKind::Role, "7"));
    assert_eq!((request.action.as_str(), request.resources.as_slice()), ("cos:GetObject", &["*".to_string()][..]));
    assert_eq!(request.context["b"], ContextValue::Values(vec!["y".into(), "1".into(), "true".into()]));
    assert_eq!(request.context["c"], ContextValue::Uncertain);
    assert!(!request.context.contains_key("d"));
    assert_eq!(one(&json!([whole()])), request);
    assert_eq!(one(&json!({ "requests": [whole()] })), request);
    let (lines, problems) = read_requests(&format!("{}\n{}\n", whole(), whole()));
    assert_eq!((lines.len(), problems.len()), (2, 0));
}

#[test]
fn faults_are_told_with_place_and_field_and_leave_the_others() {
    let cases = [
        (json!({ "action": null }), "`action`", ""),
        (json!({ "action": "cos:*" }), "pattern", ""),
        (json!({ "action": "GetObject" }), "service:Name", ""),
        (json!({ "principal": { "type": "subaccount" } }), "`principal.type`", "did you mean `sub_account`?"),
        (json!({ "principal": { "owner": "1" } }), "`owner`", ""),
        (json!({ "principal": "root" }), "`principal`", ""),
        (json!({ "resources": [1] }), "`resources`", ""),
        (json!({ "context": [] }), "`context`", ""),
        (json!({ "context": { "a": { "uncertain": false } } }), "`context`", ""),
        (json!({ "resource": "*" }), "`resource`", "did you mean `resources`?"),
    ];
    for (change, text, hint) in cases {
        let mut broken = whole();
        for (name, value) in change.as_object().unwrap() {
            broken[name] = value.clone();
        }
        let (requests, problems) = read_requests(&json!([whole(), broken]).to_string());
        assert_eq!((requests.len(), problems.len()), (1, 1), "{change}: {problems:?}");
        assert_eq!((problems[0].at.as_str(), problems[0].severity), ("item 2", Severity::Error));
        assert!(problems[0].text.contains(text), "{problems:?}");
        assert!(hint.is_empty() || problems[0].hint == hint, "{problems:?}");
    }
}

#[test]
fn what_is_missing_is_a_warning() {
    let (requests, problems) = read_requests(r#"{"action":"cos:GetObject"}"#);
    assert_eq!((requests.len(), requests[0].caller.kind), (1, CallerKind::SubAccount));
    assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
    let text: String = problems.into_iter().map(|problem| problem.text).collect();
    assert!(text.contains("`principal`") && text.contains("`resources`"), "{text}");
    let (requests, problems) = read_requests("7");
    assert_eq!((requests.len(), problems.len()), (0, 1));
}
