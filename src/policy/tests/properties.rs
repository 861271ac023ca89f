//! Laws that hold for all documents and requests.

use super::super::*;
use super::build::*;
use crate::catalog::cam::CamCatalog;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

fn decide(policies: &[Policy], boundary: Option<&[Policy]>, request: &Request) -> Verdict {
    evaluate(request, &Grants { policies, boundary, session: None }, CamCatalog::builtin())
}

/// The document with another spelling: `name/` in front, capitals, single entries without a list.
fn respelt(document: &Document) -> Value {
    let single = |list: &Value| match list.as_array().map(Vec::as_slice) {
        Some([one]) => one.clone(),
        _ => list.clone(),
    };
    let statements: Vec<Value> = document.to_value()["statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| {
            let mut map = Map::new();
            let actions: Vec<Value> =
                statement["action"].as_array().unwrap().iter().map(|action| named(action.as_str().unwrap())).collect();
            map.insert("Resource".into(), single(&statement["resource"]));
            map.insert("Action".into(), single(&json!(actions)));
            map.insert("Condition".into(), statement.get("condition").cloned().unwrap_or_else(|| json!([])));
            let effect = statement["effect"].as_str().unwrap();
            map.insert("Effect".into(), json!(if effect == "allow" { "Allow" } else { "Deny" }));
            Value::Object(map)
        })
        .collect();
    json!({ "Statement": single(&json!(statements)), "Version": "2.0" })
}

fn named(action: &str) -> Value {
    if action.starts_with("permid/") { json!(action) } else { json!(format!("name/{action}")) }
}

fn rotated<T: Clone>(list: &[T], by: Index) -> Vec<T> {
    let mut list = list.to_vec();
    if !list.is_empty() {
        let middle = by.index(list.len());
        list.rotate_left(middle);
        list.reverse();
    }
    list
}

fn shuffled(policy: &Policy, by: Index) -> Policy {
    let mut statements = rotated(&policy.document.statements, by);
    for statement in &mut statements {
        statement.actions = rotated(&statement.actions, by);
        statement.resources = rotated(&statement.resources, by);
        statement.conditions = rotated(&statement.conditions, by);
        for condition in &mut statement.conditions {
            condition.values = rotated(&condition.values, by);
        }
    }
    Policy { name: policy.name.clone(), document: Document { principal: None, statements } }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn an_added_allow_never_refuses_and_an_added_deny_never_permits(
        policies in any_policies(), more in statement(), request in any_request(),
    ) {
        let before = decide(&policies, None, &request).decision;
        let effect = more.effect;
        let added = policy("more", Document { principal: None, statements: vec![more] });
        let after = decide(&[policies, vec![added]].concat(), None, &request).decision;
        match effect {
            Effect::Allow => prop_assert!(before != Decision::Allow || after == Decision::Allow),
            Effect::Deny => prop_assert!(before != Decision::Deny || after == Decision::Deny),
        }
    }

    #[test]
    fn order_does_not_matter(policies in any_policies(), request in any_request(), by in any::<Index>()) {
        let before = decide(&policies, None, &request);
        let other: Vec<Policy> = rotated(&policies, by).iter().map(|policy| shuffled(policy, by)).collect();
        let after = decide(&other, None, &request);
        prop_assert_eq!((before.decision, before.reason), (after.decision, after.reason));
        // The order of the policies alone changes nothing at all.
        prop_assert_eq!(before, decide(&rotated(&policies, by), None, &request));
    }

    #[test]
    fn spelling_does_not_matter(document in any_document(), request in any_request()) {
        let (other, _) = Document::from_value(&respelt(&document)).unwrap();
        prop_assert_eq!(other.canonical(), document.canonical());
        let outcome = |document: &Document| decide(&[policy("p", document.clone())], None, &request);
        prop_assert_eq!(outcome(&document), outcome(&other));
    }

    #[test]
    fn printing_is_canonical_and_loses_nothing(document in any_document(), by in any::<Index>()) {
        let printed = document.to_pretty();
        let (again, _) = Document::parse(&printed).unwrap();
        prop_assert_eq!(&again, &document.canonical());
        prop_assert_eq!(again.to_pretty(), printed.as_str());
        prop_assert_eq!(shuffled(&policy("p", document), by).document.to_pretty(), printed);
    }

    #[test]
    fn printing_keeps_every_decision(document in any_document(), request in any_request()) {
        let outcome = |document: Document| decide(&[policy("p", document)], None, &request).reason;
        prop_assert_eq!(outcome(document.canonical()), outcome(document));
    }

    #[test]
    fn a_boundary_only_takes_away(
        policies in any_policies(), boundary in any_policies(), request in any_request(),
    ) {
        let alone = decide(&policies, None, &request);
        let within = decide(&policies, Some(&boundary), &request);
        prop_assert!(within.decision != Decision::Allow || alone.decision == Decision::Allow);
        prop_assert!(alone.decision != Decision::Deny || within.reason == alone.reason);
        let everything = [policy("all", simple("allow", "*"))];
        let neutral = decide(&policies, Some(&everything), &request);
        prop_assert_eq!((neutral.decision, neutral.reason), (alone.decision, alone.reason));
    }

    #[test]
    fn learning_an_uncertain_key_never_contradicts(
        policies in any_policies(), request in any_request(), value in proptest::option::of(known_value()),
    ) {
        let before = decide(&policies, None, &request).decision;
        let mut learnt = request;
        let uncertain: Vec<String> = learnt.context.iter()
            .filter(|(_, value)| **value == ContextValue::Uncertain).map(|(key, _)| key.clone()).collect();
        for key in uncertain {
            match &value {
                Some(value) => learnt.context.insert(key, value.clone()),
                None => learnt.context.remove(&key),
            };
        }
        let after = decide(&policies, None, &learnt).decision;
        prop_assert!(before == Decision::Unknown || before == after, "{:?} then {:?}", before, after);
    }

    #[test]
    fn learning_what_a_set_of_actions_holds_never_contradicts(
        document in any_document(), request in any_request(), holds in any::<bool>(),
    ) {
        let before = decide(&[policy("p", document.clone())], None, &request).decision;
        let mut learnt = document;
        for action in learnt.statements.iter_mut().flat_map(|one| &mut one.actions) {
            if action.starts_with("permid/") {
                *action = if holds { request.action.clone() } else { "none:None".to_string() };
            }
        }
        let after = decide(&[policy("p", learnt)], None, &request).decision;
        prop_assert!(before == Decision::Unknown || before == after);
    }

    #[test]
    fn learning_the_callers_numbers_never_contradicts(policies in any_policies(), request in any_request()) {
        let mut unknown = request.clone();
        unknown.caller = Caller { uin: String::new(), owner_uin: String::new(), app_id: String::new(), ..request.caller.clone() };
        let before = decide(&policies, None, &unknown).decision;
        prop_assert!(before == Decision::Unknown || before == decide(&policies, None, &request).decision);
    }

    #[test]
    fn learning_the_resources_never_contradicts(policies in any_policies(), request in any_request()) {
        let unrecorded = Request { resources: Vec::new(), ..request.clone() };
        let before = decide(&policies, None, &unrecorded).decision;
        prop_assert!(before == Decision::Unknown || before == decide(&policies, None, &request).decision);
    }

    #[test]
    fn the_three_values_stay_within_two_valued_logic(values in proptest::collection::vec(0..3_u8, 1..6), holds in any::<bool>()) {
        let tri = |value: &u8| [Tri::False, Tri::Unknown, Tri::True][usize::from(*value)];
        let settled = |value: &u8| if tri(value) == Tri::Unknown { Tri::from(holds) } else { tri(value) };
        for (open, sure) in [
            (Tri::all(values.iter().map(tri)), Tri::all(values.iter().map(settled))),
            (Tri::any(values.iter().map(tri)), Tri::any(values.iter().map(settled))),
            (tri(&values[0]).not(), settled(&values[0]).not()),
        ] {
            prop_assert!(open == Tri::Unknown || open == sure);
        }
    }

    #[test]
    fn causes_agree_with_the_verdict(policies in any_policies(), request in any_request()) {
        let verdict = decide(&policies, None, &request);
        let wanted = match verdict.reason {
            Reason::Allow => Some((Effect::Allow, Tri::True)),
            Reason::ExplicitDeny => Some((Effect::Deny, Tri::True)),
            Reason::ImplicitDeny => Some((Effect::Allow, Tri::False)),
            _ => None,
        };
        for cause in &verdict.because {
            prop_assert!(wanted.is_none_or(|wanted| wanted == (cause.effect, cause.outcome)), "{:?}", cause);
            prop_assert!(wanted.is_some() || cause.outcome == Tri::Unknown);
        }
        prop_assert!((1..=10).contains(&verdict.because.len()));
    }
}
