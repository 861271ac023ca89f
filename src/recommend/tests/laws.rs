//! Laws on made-up histories. Verdicts are asked of the evaluator, with requests worked out apart from the builder.

use super::super::build_trusting;
use super::super::split;
use super::super::trusted;
use super::histories::*;
use super::*;
use crate::policy::{Condition, Effect, Statement};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

const USER: CallerKind = CallerKind::SubAccount;

fn asks(policies: &[Policy], (action, resources, ip): &Asked) -> Decision {
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    decide(policies, USER, action, &resources, ip.as_deref())
}

fn try_build(rows: &[Row], options: &Options) -> Option<Built> {
    build(&case_of(rows), options, cam(), &RISK).ok()
}

fn has(seen: &Observed, classes: &[Class]) -> bool {
    seen.calls.iter().any(|call| classes.contains(&call.class))
}

fn role_of(seen: &Observed) -> Option<Asked> {
    let role = seen.passed_role.as_ref()?.rsplit('/').next()?;
    let resource = format!("qcs::cam::uin/100000000001:roleName/{role}");
    Some(("cam:PassRole".to_owned(), vec![resource], seen.ip.clone()))
}

/// Whether a conflict was told about one of these actions on one of the row's resources.
fn told(built: &Built, row: &Row, seen: &Observed) -> bool {
    let list = match &seen.resources {
        Resources::Logged(list) | Resources::Widened(list) => list.clone(),
        Resources::Built(list) if row.logged().resource_level => list.clone(),
        _ => BTreeSet::new(),
    };
    let lasts = |text: &str| text.rsplit('/').next().unwrap().replace("${", "*{");
    let same = |conflict: &super::super::output::Conflict| {
        let touched = |own: &String| {
            own == "*" || list.is_empty() || list.iter().any(|one| lasts(one) == lasts(own)) || own.ends_with('*')
        };
        row.logged().actions.contains(&conflict.action.as_str()) && conflict.resources.iter().any(touched)
    };
    let role = role_of(seen);
    let passed = |conflict: &super::super::output::Conflict| {
        role.as_ref()
            .is_some_and(|(action, list, _)| *action == conflict.action && conflict.resources.contains(&list[0]))
    };
    built.conflicts.iter().any(|conflict| same(conflict) || passed(conflict))
}

fn held(built: &Built, row: &Row) -> bool {
    built.needs_decision.iter().any(|held| row.logged().actions.contains(&held.action.as_str()))
}

/// Requests of a call that is to be permitted: with unknown resources it must be permitted on `*`.
fn required(row: &Row, seen: &Observed) -> Vec<Asked> {
    let mut all = readings(seen, row.logged().actions, row.logged(), &["*"]);
    if let (Resources::Widened(list), true) = (&seen.resources, true) {
        all.retain(|(_, asked, _)| asked.len() == list.len());
    }
    all.extend(
        role_of(seen)
            .into_iter()
            .flat_map(|(action, list, ip)| [(action.clone(), list.clone(), ip), (action, list, None)]),
    );
    all
}

/// A row whose refusal names a resource is about that one where the log has none.
fn forbidden(row: &Row, seen: &Observed) -> Vec<Asked> {
    let mut seen = seen.clone();
    let untold = match seen.resources {
        Resources::Unknown => true,
        Resources::Built(_) => !row.logged().resource_level,
        _ => false,
    };
    if let (true, Some((_, resource)), Class::Denied) = (untold, &seen.refused, row.class) {
        seen.resources = Resources::Logged([resource.clone()].into());
    }
    readings(&seen, row.logged().actions, row.logged(), &all_resources())
}

/// What documents permit for certain, over the whole pool.
fn access(policies: &[Policy]) -> BTreeSet<Asked> {
    let addresses = || ADDRESSES.iter().copied().map(Some).chain([None]);
    let mut found = BTreeSet::new();
    let more = ["cam:PassRole", "cvm:DescribeZones", "cos:DeleteObject"];
    for action in POOL.iter().flat_map(|logged| logged.actions).copied().chain(more) {
        for resource in all_resources() {
            for ip in addresses() {
                let asked = (action.to_owned(), vec![resource.to_owned()], ip.map(str::to_owned));
                if asks(policies, &asked) == Decision::Allow {
                    found.insert(asked);
                }
            }
        }
    }
    found
}

/// The history without the calls that the documents do not permit; calls to be denied stay.
fn permitted(rows: &[Row], policies: &[Policy]) -> Case {
    let mut case = case_of(rows);
    for (row, seen) in rows.iter().zip(&mut case.observed) {
        if !required(row, seen).iter().all(|asked| asks(policies, asked) == Decision::Allow) {
            seen.calls.retain(|call| matches!(call.class, Class::Alarmed | Class::Denied));
        }
    }
    case
}

/// Statements over the pool.
fn statement() -> impl Strategy<Value = Statement> {
    let names: Vec<&str> = POOL.iter().flat_map(|logged| logged.actions).copied().collect();
    let count = 1..names.len();
    (proptest::sample::subsequence(names, count), proptest::sample::subsequence(all_resources(), 1..8), any::<bool>())
        .prop_map(|(actions, resources, limited)| Statement {
            effect: Effect::Allow,
            principal: None,
            actions: actions.into_iter().map(str::to_owned).collect(),
            resources: resources.into_iter().map(str::to_owned).collect(),
            conditions: limited
                .then(|| Condition {
                    operator: "ip_equal".into(),
                    key: "qcs:ip".into(),
                    values: vec![ADDRESSES[0].into()],
                })
                .into_iter()
                .collect(),
        })
}

/// Grants of today: some actions of the pool, on all or on some resources.
fn today() -> impl Strategy<Value = String> {
    prop::collection::vec(statement(), 1..4)
        .prop_map(|statements| Document { principal: None, statements }.to_value().to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// P1: what was legitimate is allowed, unless it was told that it is held back or in a conflict.
    #[test]
    fn legitimate_calls_are_allowed(rows in history(), options in settings()) {
        let Some(built) = try_build(&rows, &options) else { return Ok(()) };
        let policies = policies(&built);
        for row in &rows {
            let seen = row.observed();
            if !has(&seen, &[Class::Legitimate, Class::Reviewed]) || held(&built, row) || told(&built, row, &seen) {
                continue;
            }
            for asked in required(row, &seen) {
                prop_assert_eq!(asks(&policies, &asked), Decision::Allow, "{:?} of {:?} by {:#?}", asked, row, built);
            }
        }
    }

    /// P2 and P3: what was alarmed or refused is denied, unless a conflict was told.
    #[test]
    fn alarmed_and_refused_calls_are_denied(rows in history(), options in settings()) {
        let Some(built) = try_build(&rows, &options) else { return Ok(()) };
        let policies = policies(&built);
        for row in &rows {
            let seen = row.observed();
            if !has(&seen, &[Class::Alarmed, Class::Denied]) || told(&built, row, &seen) {
                continue;
            }
            for asked in forbidden(row, &seen) {
                prop_assert_eq!(asks(&policies, &asked), Decision::Deny, "{:?} of {:?} by {:#?}", asked, row, built);
            }
        }
    }

    /// The verifier agrees.
    #[test]
    fn what_is_built_verifies(rows in history(), options in settings()) {
        let Some(built) = try_build(&rows, &options) else { return Ok(()) };
        let found = verified(&case_of(&rows), &options, &built);
        prop_assert!(found.holds, "{:#?} by {:#?}", found, built);
        prop_assert!(found.unknown.is_empty());
    }

    /// The verifier sees when a document lets anybody do anything.
    #[test]
    fn a_document_that_allows_everything_fails_where_anything_is_to_be_denied(rows in history()) {
        let text = r#"{"version":"2.0","statement":[{"effect":"allow","action":"*","resource":"*"}]}"#;
        let policies = [Policy { name: "all".into(), document: Document::parse(text).unwrap().0 }];
        let case = case_of(&rows);
        let context = VerifyContext {
            holder: &case.holder, options: &options(), needs_decision: &[], conflicts: &[], granted: None,
        };
        let bad = case.observed.iter().any(|seen| has(seen, &[Class::Alarmed, Class::Denied]));
        prop_assert_eq!(verify(&policies, &case.observed, &context, cam(), &RISK).holds, !bad);
        let none = case.observed.iter().any(|seen| has(seen, &[Class::Legitimate, Class::Reviewed]));
        prop_assert_eq!(verify(&[], &case.observed, &context, cam(), &RISK).holds, !none);
    }

    /// P7: parts permit what the whole permits.
    #[test]
    fn parts_permit_what_the_whole_permits(statements in prop::collection::vec(statement(), 1..6), limit in 400_usize..900) {
        let whole = [Policy { name: "whole".into(), document: split::document(statements.clone()) }];
        let parts = split::parts(&statements, limit).unwrap();
        prop_assert!(parts.iter().all(|part| part.length() <= limit));
        let parts: Vec<Policy> =
            parts.into_iter().map(|document| Policy { name: "part".into(), document }).collect();
        prop_assert_eq!(access(&parts), access(&whole));
    }

    /// P11: documents are short enough and few enough.
    #[test]
    fn documents_keep_to_the_limits(rows in prop::collection::vec(row(), 0..60), mut options in settings(), limit in 256_usize..700) {
        options.max_chars = limit;
        match build(&case_of(&rows), &options, cam(), &RISK) {
            Ok(built) => {
                prop_assert!(built.documents.len() <= 20);
                let names: BTreeSet<&String> = built.documents.iter().map(|proposed| &proposed.name).collect();
                prop_assert_eq!(names.len(), built.documents.len());
                for proposed in &built.documents {
                    let text: String = proposed.document.to_string().split_whitespace().collect();
                    prop_assert_eq!(text.chars().count(), proposed.length);
                    prop_assert!(proposed.length <= limit);
                }
            }
            Err(BuildError::TooManyDocuments { parts, .. }) => prop_assert!(parts > 20),
            Err(BuildError::StatementTooLong { needed, .. }) => prop_assert!(needed > limit),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// P12: nothing is granted wholesale, and nothing that is held back.
    #[test]
    fn no_wildcard_services_and_no_gated_actions(rows in history(), options in settings()) {
        let Some(built) = try_build(&rows, &options) else { return Ok(()) };
        for statement in policies(&built).iter().flat_map(|policy| &policy.document.statements) {
            for action in &statement.actions {
                let (_, name) = action.split_once(':').unwrap();
                prop_assert!(!name.starts_with('*') && RISK.gate(action).is_none(), "{}", action);
            }
        }
        prop_assert!(access(&policies(&built)).iter().all(|(action, ..)| action != "cam:CreateAccessKey"));
    }

    /// P13: the order of what was seen does not matter.
    #[test]
    fn order_does_not_matter(
        (rows, mixed) in history().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        options in settings(),
    ) {
        prop_assert_eq!(try_build(&rows, &options), try_build(&mixed, &options));
    }

    /// P13: building again from what the documents permit gives them again, for a fixed set of trusted addresses. Calls that
    /// must be denied are single-resource ones: one on several resources may lose what it contested. Patterns are left out:
    /// what one permits may be on a resource that is given up.
    #[test]
    fn building_again_gives_the_same(rows in history(), options in settings()) {
        let single = |row: Row| if row.form == Form::Two { Row { form: Form::One, ..row } } else { row };
        let rows: Vec<Row> = rows.into_iter().map(single).filter(|row| !row.has_pattern()).collect();
        let Some(built) = try_build(&rows, &options) else { return Ok(()) };
        let trusted = trusted(&case_of(&rows), &options);
        let again = build_trusting(&permitted(&rows, &policies(&built)), &options, &trusted, cam(), &RISK).unwrap();
        prop_assert_eq!(again.documents, built.documents);
    }

    /// P14: one more alarmed or refused call never permits more.
    #[test]
    fn an_alarm_never_permits_more(rows in history(), extra in row(), denied in any::<bool>(), mut options in settings()) {
        // Another split does not matter, but too many parts would.
        options.max_chars = 4096;
        let Some(before) = try_build(&rows, &options) else { return Ok(()) };
        let class = if denied { Class::Denied } else { Class::Alarmed };
        let mut more = rows;
        more.push(Row { class, second: None, ..extra });
        let after = try_build(&more, &options).unwrap();
        let (before, after) = (access(&policies(&before)), access(&policies(&after)));
        prop_assert!(after.is_subset(&before), "{:#?}", after.difference(&before).collect::<Vec<_>>());
    }

    /// P14: one legitimate call less never permits more, for fixed trusted addresses and unless that resolves a conflict.
    /// A refused call on several resources, or on `*`, reaches nothing once one of them is not granted; then the condition
    /// that kept its address out goes. So what is refused to somebody is compared without addresses.
    #[test]
    fn a_call_less_never_permits_more(rows in history(), gone in any::<Index>(), mut options in settings()) {
        options = Options { max_chars: 4096, collapse: false, compress: false, ..options };
        let legitimate: Vec<usize> = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.class == Class::Legitimate && row.second.is_none())
            .map(|(place, _)| place)
            .collect();
        if legitimate.is_empty() {
            return Ok(());
        }
        let trusted = trusted(&case_of(&rows), &options);
        let make = |rows: &[Row]| build_trusting(&case_of(rows), &options, &trusted, cam(), &RISK).unwrap();
        let before = make(&rows);
        let mut less = rows.clone();
        less.remove(*gone.get(&legitimate));
        let after = make(&less);
        let key = |built: &Built| -> Vec<_> {
            built.conflicts.iter().map(|conflict| (conflict.action.clone(), conflict.resources.clone())).collect()
        };
        if key(&before) == key(&after) {
            let contested = contested(&rows);
            let reach = |built: &Built| -> BTreeSet<Asked> {
                let apart = |(action, resources, ip): Asked| {
                    let ip = ip.filter(|_| !contested.contains(action.as_str()));
                    (action, resources, ip)
                };
                access(&policies(built)).into_iter().map(apart).collect()
            };
            let (before, after) = (reach(&before), reach(&after));
            prop_assert!(after.is_subset(&before), "{:#?}", after.difference(&before).collect::<Vec<_>>());
        }
    }
}

/// Actions that calls to be denied are about.
fn contested(rows: &[Row]) -> BTreeSet<&'static str> {
    let bad = |class: Class| matches!(class, Class::Alarmed | Class::Denied);
    let denied = rows.iter().filter(|row| bad(row.class) || row.second.is_some_and(bad));
    denied.flat_map(|row| row.logged().actions.iter().copied()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// P4: nothing is permitted that today's grants deny, except what was used all the same and is marked.
    #[test]
    fn nothing_new_is_permitted(rows in history(), today in today(), options in settings()) {
        let mut case = case_of(&rows);
        case.granted = Some(grants(&today));
        let Ok(built) = build(&case, &options, cam(), &RISK) else { return Ok(()) };
        let marked: BTreeSet<&str> = built
            .granted
            .iter()
            .filter(|entry| entry.marks.iter().any(|mark| mark.ends_with("_today")))
            .map(|entry| entry.action.as_str())
            .collect();
        let now = policies(&built);
        let before = [Policy { name: "today".into(), document: Document::parse(&today).unwrap().0 }];
        let catalogue = ["cvm", "cam", "sts", "vpc"].into_iter().flat_map(|service| {
            cam().actions(service).iter().map(move |name| format!("{service}:{name}"))
        });
        let pool = POOL.iter().flat_map(|logged| logged.actions).map(|&action| action.to_owned());
        for action in catalogue.chain(pool).filter(|action| !marked.contains(action.as_str())) {
            for resource in all_resources() {
                for ip in [ADDRESSES[0], ADDRESSES[3]] {
                    let asked = (action.clone(), vec![resource.to_owned()], Some(ip.to_owned()));
                    if asks(&now, &asked) == Decision::Allow {
                        prop_assert_ne!(asks(&before, &asked), Decision::Deny, "{:?} by {:#?}", asked, built);
                    }
                }
            }
        }
        prop_assert!(verified(&case, &options, &built).holds);
    }

    /// P15: nothing binds root, and nothing is made for it.
    #[test]
    fn root_is_always_allowed_and_never_gets_a_document(rows in history(), options in settings()) {
        let mut case = case_of(&rows);
        case.holder = holder(HolderKind::Root);
        prop_assert_eq!(build(&case, &options, cam(), &RISK).unwrap(), Built::default());
        for row in &rows {
            for (action, resources, ip) in required(row, &row.observed()) {
                let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
                let verdict = decide(&[], CallerKind::Root, &action, &resources, ip.as_deref());
                prop_assert_eq!(verdict, Decision::Allow);
            }
        }
    }
}
