//! The cases of `fixtures/policy/cases.json`, taken from the vendor's pages, each with its source.

use super::super::*;
use super::build::policy;
use crate::catalog::cam::CamCatalog;
use serde_json::Value;

const CASES: &str = include_str!("../../../fixtures/policy/cases.json");

fn list(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(CASES).unwrap();
    all[name].as_array().unwrap().clone()
}

/// A document that stands as JSON or as text.
fn parsed(name: &str, value: &Value) -> Policy {
    let (document, _) = Document::from_value(value).unwrap_or_else(|lints| panic!("{name}: {lints:?}"));
    policy(name, document)
}

fn verdict(case: &Value, request: &Request) -> Verdict {
    let policies: Vec<Policy> = case["policies"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(at, one)| parsed(&format!("p{at}"), one))
        .collect();
    let layer = |name: &str| case.get(name).map(|value| vec![parsed(name, value)]);
    let (boundary, session) = (layer("permissions_boundary"), layer("session_policy"));
    let grants = Grants { policies: &policies, boundary: boundary.as_deref(), session: session.as_deref() };
    evaluate(request, &grants, CamCatalog::builtin())
}

#[test]
fn every_case_is_decided_as_documented() {
    let cases = list("cases");
    assert_eq!(cases.len(), 59);
    for case in &cases {
        let id = &case["id"];
        let (requests, problems) = read_requests(&case["request"].to_string());
        assert!(problems.is_empty(), "{id}: {problems:?}");
        let verdict = verdict(case, &requests[0]);
        let found = (verdict.decision.as_str(), verdict.reason.as_str());
        let wanted = (case["expect"].as_str().unwrap(), case["reason"].as_str().unwrap());
        assert_eq!(found, wanted, "{id}: {:?}", verdict.because);
        assert!((1..=10).contains(&verdict.because.len()), "{id}");
        for cause in &verdict.because {
            assert!(cause.text.ends_with('.') && !cause.text.contains('\n'), "{id}: {}", cause.text);
        }
    }
}

#[test]
fn root_is_permitted_everything_whatever_the_case_says() {
    for case in list("cases") {
        let (mut requests, _) = read_requests(&case["request"].to_string());
        requests[0].caller.kind = CallerKind::Root;
        assert_eq!(verdict(&case, &requests[0]).reason, Reason::RootBypass);
    }
}

#[test]
fn broken_documents_are_told_as_broken() {
    let texts = |id: &str| -> String {
        let invalid = list("invalid_documents");
        let one = invalid.iter().find(|one| one["id"] == id).unwrap();
        Document::from_value(&one["doc"]).unwrap_err().into_iter().map(|lint| lint.text).collect()
    };
    assert!(texts("X01").contains("unsupported version"));
    assert!(texts("X04").contains("action is required"));
}

#[test]
fn odd_documents_are_told_as_odd_and_settle_nothing_where_they_match() {
    let asked = [("X05", "cvm:ModifyCbsStorageAttributes", "five segments"), ("X06", "cos:GetObject", "not an IP")];
    for one in list("invalid_documents") {
        let Some((_, action, text)) = asked.iter().find(|(id, ..)| one["id"] == **id) else { continue };
        let (document, lints) = Document::from_value(&one["doc"]).unwrap();
        assert!(lints.iter().any(|lint| lint.text.contains(text)), "{lints:?}");
        let resource = "qcs::cvm:ap-guangzhou:uin/100000000001:volume/disk-1";
        let mut request = super::build::request(action, &[resource]);
        request.context.insert("qcs:ip".into(), ContextValue::Values(vec!["10.0.0.10".into()]));
        let odd = statement_matches(&document.statements[0], &request, CamCatalog::builtin());
        assert_eq!(odd, Tri::Unknown, "{}", one["id"]);
    }
}

#[test]
fn real_policies_survive_printing() {
    let real = list("real_policies");
    assert_eq!(real.len(), 11);
    for one in real {
        let (document, _) = Document::from_value(&one["document"]).unwrap();
        let printed = document.to_pretty();
        let (again, _) = Document::parse(&printed).unwrap();
        assert_eq!(again, document.canonical(), "{}", one["id"]);
        assert_eq!(again.to_pretty(), printed, "{}", one["id"]);
        assert!(!printed.contains("name/"), "{printed}");
    }
}
