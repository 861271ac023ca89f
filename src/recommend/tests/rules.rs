//! Single rules of building and verifying.

use super::super::output::Confidence;
use super::super::split;
use super::*;
use crate::policy::{Effect, Statement};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const HOME: &str = "203.0.113.5";
const AWAY: &str = "198.51.100.9";
const DISK: &str = "qcs::cvm:ap-guangzhou:uin/100000000001:volume/disk-1";

fn instance(id: &str) -> String {
    format!("qcs::cvm:ap-guangzhou:uin/100000000001:instance/{id}")
}

fn object(path: &str) -> String {
    format!("qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/{path}")
}

fn legit(action: &str, resources: &[&str], count: u32) -> Observed {
    seen(action, resources, HOME, Class::Legitimate, count)
}

fn of(observed: Vec<Observed>) -> Built {
    built(&case(observed), &options())
}

fn statements(built: &Built) -> Vec<Value> {
    built.documents.iter().flat_map(|p| p.document["statement"].as_array().unwrap().clone()).collect()
}

fn marks<'b>(built: &'b Built, action: &str) -> Vec<&'b str> {
    let entry = built.granted.iter().find(|entry| entry.action == action).unwrap();
    entry.marks.iter().map(String::as_str).collect()
}

fn holds(case: &Case, options: &Options, built: &Built) -> bool {
    verified(case, options, built).holds
}

#[test]
fn confidence_follows_days_and_calls() {
    let built = of(vec![
        legit("cvm:DescribeInstances", &["*"], 3),
        legit("cvm:DescribeImages", &["*"], 2),
        legit("cvm:DescribeZones", &["*"], 1),
        legit("cvm:NoSuchCall", &["*"], 9),
    ]);
    let of = |action: &str| built.granted.iter().find(|entry| entry.action == action).unwrap();
    assert_eq!(of("cvm:DescribeInstances").confidence, Confidence::High);
    assert_eq!(of("cvm:DescribeImages").confidence, Confidence::Medium);
    assert_eq!(of("cvm:DescribeZones").confidence, Confidence::Low);
    assert_eq!(of("cvm:NoSuchCall").confidence, Confidence::Medium, "a name nobody knows is not high");
    assert_eq!(marks(&built, "cvm:NoSuchCall"), ["unverified_name"]);
    let rare: Vec<&str> = built.documents.iter().filter(|p| p.rare).map(|p| p.name.as_str()).collect();
    assert_eq!(rare, ["akguard-deploy-rare-1"]);
    assert!(of("cvm:DescribeZones").rare && !of("cvm:DescribeImages").rare);
}

#[test]
fn resources_are_listed_only_when_every_call_has_some() {
    let (a, b) = (instance("ins-a"), instance("ins-b"));
    let listed = of(vec![legit("cvm:StopInstances", &[&a], 3), legit("cvm:StopInstances", &[&b], 3)]);
    assert_eq!(statements(&listed)[0]["resource"], json!([a, b]));
    let any = of(vec![legit("cvm:StopInstances", &[&a], 3), legit("cvm:StopInstances", &["*"], 3)]);
    assert_eq!(statements(&any)[0]["resource"], json!(["*"]));
}

#[test]
fn built_resources_are_used_where_the_service_takes_resources() {
    let build = |service: &str| {
        let mut row = legit(&format!("{service}:StopInstances"), &[], 5);
        row.resources = Resources::Built([instance("ins-a")].into());
        of(vec![row])
    };
    let cvm = build("cvm");
    assert_eq!(cvm.granted[0].resources, [instance("ins-a")]);
    assert_eq!(
        (cvm.granted[0].confidence, marks(&cvm, "cvm:StopInstances")),
        (Confidence::Medium, vec!["built_resources"])
    );
    let other = build("cam");
    assert_eq!(other.granted[0].resources, ["*"]);
    assert!(marks(&other, "cam:StopInstances").contains(&"resources_unknown"));
}

#[test]
fn a_console_call_or_a_new_address_takes_the_condition_away() {
    let object = object("a");
    let condition = |extra: Observed| {
        let built = of(vec![legit("cos:GetObject", &[&object], 5), legit("cos:PutObject", &[&object], 5), extra]);
        let all = statements(&built);
        let found = all.iter().find(|s| s["action"] == json!(["cos:GetObject"]) || s["action"][0] == "cos:GetObject");
        found.unwrap().get("condition").is_some()
    };
    assert!(condition(legit("cos:GetObject", &[&object], 1)));
    let mut console = legit("cos:GetObject", &[&object], 1);
    console.api_call = false;
    assert!(!condition(console));
    assert!(!condition(seen("cos:GetObject", &[&object], AWAY, Class::Legitimate, 1)));
    assert!(!condition(seen("cos:GetObject", &[&object], "", Class::Legitimate, 1)));
}

#[test]
fn partly_supported_conditions_hold_only_if_the_key_exists() {
    let built = of(vec![legit("cvm:DescribeInstances", &["*"], 5)]);
    assert_eq!(statements(&built)[0]["condition"], json!({"ip_equal_if_exist": {"qcs:ip": [HOME]}}));
}

#[test]
fn networks_of_the_user_and_addresses_of_the_account_are_trusted() {
    let row = || seen("cos:GetObject", &[&object("a")], AWAY, Class::Legitimate, 1);
    let options =
        Options { trusted: vec!["198.51.100.0/24".parse().unwrap(), "10.0.0.0/8".parse().unwrap()], ..options() };
    let by_user = built(&case(vec![row()]), &options);
    assert_eq!(statements(&by_user)[0]["condition"]["ip_equal"]["qcs:ip"], json!(["198.51.100.0/24"]));
    let mut own = case(vec![row()]);
    let source =
        |kind: &str| super::super::input::SourceFacts { ip: AWAY.into(), ip_type: kind.into(), asset_id: None };
    own.sources = vec![source("in_account")];
    assert_eq!(statements(&built(&own, &super::options()))[0]["condition"]["ip_equal"]["qcs:ip"], json!([AWAY]));
    own.sources = vec![source("outside")];
    assert!(statements(&built(&own, &super::options()))[0].get("condition").is_none());
}

#[test]
fn only_the_contested_resource_is_given_up() {
    let (a, b) = (object("a"), object("b"));
    let all = case(vec![
        legit("cos:GetObject", &[&a], 5),
        legit("cos:GetObject", &[&b], 5),
        seen("cos:GetObject", &[&a], HOME, Class::Alarmed, 1),
    ]);
    let built = built(&all, &options());
    assert_eq!(built.conflicts[0].resources, [a]);
    assert_eq!(built.granted[0].resources, [b]);
    assert!(marks(&built, "cos:GetObject").contains(&"partly_given_up"));
    assert!(holds(&all, &options(), &built));
}

#[test]
fn addresses_do_not_part_calls_where_support_is_partial() {
    let all = case(vec![
        legit("cvm:StopInstances", &[&instance("a")], 5),
        seen("cvm:StopInstances", &[&instance("a")], AWAY, Class::Alarmed, 1),
    ]);
    let built = built(&all, &options());
    assert!(built.documents.is_empty());
    assert!(built.conflicts[0].why.contains("not known to support"), "{}", built.conflicts[0].why);
    assert!(holds(&all, &options(), &built));
}

#[test]
fn an_alarmed_call_on_an_unknown_resource_may_be_on_any() {
    let mut alarmed = seen("cvm:StopInstances", &[], AWAY, Class::Alarmed, 1);
    alarmed.resources = Resources::Unknown;
    let built = of(vec![legit("cvm:StopInstances", &[&instance("a")], 5), alarmed]);
    assert!(built.documents.is_empty() && built.conflicts.len() == 1);
}

#[test]
fn a_refusal_before_the_grant_is_told_as_such() {
    let mut later = legit("cam:ListUsers", &["*"], 5);
    later.calls.iter_mut().for_each(|call| call.time += 50 * DAY);
    let all = case(vec![later, seen("cam:ListUsers", &["*"], HOME, Class::Denied, 1)]);
    let built = built(&all, &options());
    assert!(built.documents.is_empty());
    assert!(built.conflicts[0].why.contains("added in between"));
    assert!(holds(&all, &options(), &built));
}

#[test]
fn gated_actions_wait_for_a_decision_with_what_else_their_calls_need() {
    let mut row = legit("cam:CreateRole", &["*"], 5);
    row.passed_role = Some("app".into());
    let built = of(vec![row.clone()]);
    assert!(built.documents.is_empty());
    let held = &built.needs_decision[0];
    assert_eq!((held.action.as_str(), held.risk.as_str()), ("cam:CreateRole", "escalation"));
    assert_eq!(held.statement["action"], json!(["cam:CreateRole"]));
    assert!(held.why.contains("cam:PassRole"));
    assert_eq!(verified(&case(vec![row]), &options(), &built).needs_decision, 5);
}

#[test]
fn a_role_handed_over_is_granted_by_name_only() {
    let mut row = legit("cvm:RunInstances", &["*"], 5);
    row.passed_role = Some("app".into());
    let all = case(vec![row]);
    let built = built(&all, &options());
    let pass = built.granted.iter().find(|entry| entry.action == "cam:PassRole").unwrap();
    assert_eq!(pass.resources, ["qcs::cam::uin/100000000001:roleName/app"]);
    assert_eq!((pass.confidence, pass.marks.as_slice()), (Confidence::Medium, &["pass_role".to_owned()][..]));
    assert!(holds(&all, &options(), &built));
}

#[test]
fn a_call_that_lost_one_need_gets_none() {
    let mut row = legit("cvm:RunInstances", &["*"], 5);
    row.passed_role = Some("app".into());
    let mut refused = seen("cvm:RunInstances", &["*"], HOME, Class::Denied, 1);
    refused.refused = Some(("cam:PassRole".into(), "qcs::cam::uin/100000000001:roleName/app".into()));
    let all = case(vec![row, refused]);
    let built = built(&all, &options());
    assert_eq!(built.conflicts.iter().map(|c| c.action.as_str()).collect::<Vec<_>>(), ["cam:PassRole"]);
    assert!(built.documents.is_empty(), "RunInstances alone would fail");
    assert!(holds(&all, &options(), &built));
}

#[test]
fn failed_calls_are_granted_only_on_demand_and_quarantined_ones_never() {
    let rows = vec![
        seen("cvm:StopInstances", &["*"], HOME, Class::Weak, 3),
        seen("cvm:StartInstances", &["*"], HOME, Class::Quarantined, 3),
    ];
    let usual = of(rows.clone());
    assert!(usual.documents.is_empty());
    assert_eq!((usual.quarantined[0].action.as_str(), usual.quarantined[0].evidence.calls), ("cvm:StartInstances", 3));
    let more = built(&case(rows), &Options { include_failed: true, ..options() });
    assert_eq!(more.granted.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["cvm:StopInstances"]);
    assert_eq!(marks(&more, "cvm:StopInstances"), ["failed_included"]);
}

#[test]
fn reviewed_and_double_names_are_marked() {
    let all = case(vec![seen("vpc:AllocateAddresses", &["*"], HOME, Class::Reviewed, 4)]);
    let built = built(&all, &options());
    for action in ["cvm:AllocateAddresses", "vpc:AllocateAddresses"] {
        assert_eq!(marks(&built, action), ["dual_prefix", "reviewed"]);
    }
    assert!(holds(&all, &options(), &built));
}

#[test]
fn many_ids_become_a_pattern_only_on_demand_and_only_where_nothing_is_let_in() {
    let rows: Vec<Observed> = (0..25).map(|n| legit("cvm:StopInstances", &[&instance(&format!("i-{n}"))], 2)).collect();
    assert_eq!(of(rows.clone()).granted[0].resources.len(), 25);
    let collapse = Options { collapse: true, ..options() };
    let wide = built(&case(rows.clone()), &collapse);
    assert_eq!(wide.granted[0].resources, [instance("*")]);
    assert_eq!(marks(&wide, "cvm:StopInstances"), ["widened"]);
    let mut with_alarm = rows;
    with_alarm.push(seen("cvm:StopInstances", &[&instance("evil")], AWAY, Class::Alarmed, 1));
    let narrow = built(&case(with_alarm.clone()), &collapse);
    assert_eq!(narrow.granted[0].resources.len(), 25);
    assert!(holds(&case(with_alarm), &collapse, &narrow));
}

#[test]
fn a_pattern_is_not_widened_to_when_an_alarmed_call_needs_it_and_something_listed() {
    let mut rows: Vec<Observed> =
        (0..25).map(|n| legit("cvm:AttachDisks", &[&instance(&format!("i-{n}")), DISK], 2)).collect();
    rows.push(seen("cvm:AttachDisks", &[&instance("evil"), DISK], AWAY, Class::Alarmed, 1));
    let (all, collapse) = (case(rows), Options { collapse: true, ..options() });
    let built = built(&all, &collapse);
    assert_eq!(built.granted[0].resources.len(), 26);
    assert!(holds(&all, &collapse, &built));
}

#[test]
fn wildcards_add_reads_only_and_are_told() {
    let rows = vec![legit("sts:GetCallerIdentity", &["*"], 3), legit("sts:GetFederationToken", &["*"], 3)];
    let screens = vec![legit("cvm:DescribeInstances", &["*"], 3), legit("cvm:DescribeZones", &["*"], 3)];
    let reads = vec![legit("clb:DescribeListeners", &["*"], 3), legit("clb:DescribeTargets", &["*"], 3)];
    let compress = Options { compress: true, ..options() };
    let built_with = |rows: &[Observed]| built(&case(rows.to_vec()), &compress);
    assert!(statements(&built_with(&rows)).iter().all(|s| !s["action"].to_string().contains('*')));
    // cvm:DescribeInstanceVncUrl opens screens.
    assert!(statements(&built_with(&screens)).iter().all(|s| !s["action"].to_string().contains('*')));
    let short = built_with(&reads);
    assert_eq!(statements(&short)[0]["action"], json!(["clb:Describe*"]));
    assert!(short.granted.iter().any(|e| e.action == "clb:DescribeLoadBalancers" && e.marks[0] == "added_by_wildcard"));
    let mut denied = reads.clone();
    denied.push(seen("clb:DescribeLoadBalancers", &["*"], HOME, Class::Denied, 1));
    assert!(!statements(&built_with(&denied))[0]["action"].to_string().contains('*'));
    let mut limited = case(reads);
    let today = r#"{"version":"2.0","statement":[{"effect":"allow","action":["clb:DescribeListeners","clb:DescribeTargets"],
        "resource":"*"}]}"#;
    limited.granted = Some(grants(today));
    let kept = built(&limited, &compress);
    assert!(!statements(&kept)[0]["action"].to_string().contains('*'));
    assert!(holds(&limited, &compress, &kept));
}

#[test]
fn what_today_denies_is_told_and_fails_only_where_nobody_used_it() {
    let mut all = case(vec![legit("cvm:StopInstances", &[&instance("a")], 5)]);
    all.granted =
        Some(grants(r#"{"version":"2.0","statement":[{"effect":"allow","action":"cvm:Describe*","resource":"*"}]}"#));
    let built = built(&all, &options());
    assert_eq!(marks(&built, "cvm:StopInstances"), ["not_granted_today"]);
    let found = verified(&all, &options(), &built);
    assert!(found.holds && found.new_access.len() == 1, "{found:#?}");
    let wide = Document::parse(
        r#"{"version":"2.0","statement":[{"effect":"allow","action":"cvm:StopInstances","resource":"*"}]}"#,
    );
    let policies = [Policy { name: "edited".into(), document: wide.unwrap().0 }];
    let context = VerifyContext {
        holder: &all.holder,
        options: &options(),
        needs_decision: &[],
        conflicts: &[],
        granted: all.granted.as_ref(),
    };
    let found = verify(&policies, &all.observed, &context, cam(), &RISK);
    assert!(!found.holds && found.legit_allowed.good == 5);
}

#[test]
fn edited_documents_are_judged_by_what_is_certain() {
    let text = r#"{"version":"2.0","statement":[{"effect":"allow","action":"cvm:*","resource":"*",
        "condition":{"string_equal":{"qcs:resource_tag":"team&a"}}}]}"#;
    let policies = [Policy { name: "edited".into(), document: Document::parse(text).unwrap().0 }];
    let rows = [legit("cvm:StopInstances", &["*"], 2), seen("cvm:StartInstances", &["*"], AWAY, Class::Alarmed, 1)];
    let case = case(rows.to_vec());
    let context =
        VerifyContext { holder: &case.holder, options: &options(), needs_decision: &[], conflicts: &[], granted: None };
    let found = verify(&policies, &case.observed, &context, cam(), &RISK);
    assert!(!found.holds);
    assert_eq!((found.unknown.len(), found.legit_allowed.good, found.alarmed_denied.good), (2, 0, 0));
}

#[test]
fn names_that_no_action_can_have_are_not_granted() {
    let mut row = legit("cvm:X", &["*"], 5);
    row.action = "*".into();
    let built = of(vec![row]);
    assert!(built.documents.is_empty());
    assert!(built.not_visible.iter().any(|text| text.contains("no names that CAM actions can have")));
}

fn long(actions: usize, resources: usize) -> Statement {
    Statement {
        effect: Effect::Allow,
        principal: None,
        actions: (0..actions).map(|n| format!("cvm:ActionNumber{n:04}")).collect(),
        resources: (0..resources).map(|n| instance(&format!("ins-{n:06}"))).collect(),
        conditions: Vec::new(),
    }
}

#[test]
fn a_long_statement_is_cut_into_pieces_with_the_same_pairs() {
    let whole = long(60, 60);
    let parts = split::parts(std::slice::from_ref(&whole), 2048).unwrap();
    assert!(parts.len() > 1 && parts.iter().all(|part| part.length() <= 2048));
    let pairs = |statements: &[Statement]| -> BTreeSet<(String, String)> {
        let of = |s: &Statement| -> Vec<_> {
            s.actions.iter().flat_map(|a| s.resources.iter().map(move |r| (a.clone(), r.clone()))).collect()
        };
        statements.iter().flat_map(of).collect()
    };
    let cut: Vec<Statement> = parts.into_iter().flat_map(|part| part.statements).collect();
    assert_eq!(pairs(&cut), pairs(&[whole]));
}

#[test]
fn what_does_not_fit_is_an_error_with_counts() {
    let rows: Vec<Observed> = (0..2000).map(|n| legit("cos:GetObject", &[&object(&format!("path/{n}"))], 1)).collect();
    let error = build(&case(rows), &options(), cam(), &RISK).unwrap_err();
    assert!(matches!(error, BuildError::TooManyDocuments { parts, most: 20, .. } if parts > 20), "{error}");
    assert!(error.to_string().contains("a group or a role"), "{error}");
    let error = build(&case(vec![legit("cos:GetObject", &[&object(&"x".repeat(5000))], 2)]), &options(), cam(), &RISK);
    assert!(matches!(error.unwrap_err(), BuildError::StatementTooLong { needed, .. } if needed > 5000));
    let error = split::parts(&[], 100).unwrap_err();
    assert_eq!(error, BuildError::LimitTooSmall { limit: 100, least: 256 });
}

#[test]
fn root_gets_nothing() {
    let mut root = case(vec![legit("cvm:DescribeInstances", &["*"], 5)]);
    root.holder = holder(HolderKind::Root);
    assert_eq!(built(&root, &options()), Built::default());
}

#[test]
fn twenty_thousand_requests_are_no_trouble() {
    let mut rows: Vec<Observed> = (0..20_000)
        .map(|n| {
            let class = if n % 10 == 0 { Class::Alarmed } else { Class::Legitimate };
            let path = if class == Class::Alarmed { format!("other/{n}") } else { format!("dir/{n}") };
            let mut row = seen("cos:GetObject", &[&object(&path)], HOME, class, 2);
            row.service = ["cos", "cvm", "nosuch"][n % 3].to_owned();
            row
        })
        .collect();
    rows.push(legit("cvm:DescribeInstances", &["*"], 5));
    let (all, collapse) = (case(rows), Options { collapse: true, ..options() });
    let mut built = built(&all, &collapse);
    assert_eq!(
        built.granted.iter().find(|entry| entry.action == "cos:GetObject").unwrap().resources,
        [object("dir/*")]
    );
    assert!(holds(&all, &collapse, &built));
    built.documents.clear();
    assert!(!holds(&all, &collapse, &built));
}
