//! Tests of building and verifying: histories with known answers, single rules, and laws on made-up histories.

mod cases;
mod histories;
mod laws;
mod rules;

use super::input::{Call, Case, Class, Coverage, Holder, HolderKind, Observed, Options, Outcome, Resources};
use super::output::Verification;
use super::{BuildError, Built, VerifyContext, build, verify};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::inventory::grants::{Attachment, Granted, GrantedPolicy};
use crate::policy::{Caller, CallerKind, ContextValue, Decision, Document, Grants, Policy, Request, evaluate};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static RISK: LazyLock<RiskCatalog> = LazyLock::new(RiskCatalog::builtin);

fn cam() -> &'static CamCatalog {
    CamCatalog::builtin()
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

fn holder(kind: HolderKind) -> Holder {
    Holder {
        kind,
        account: "100000000001".into(),
        app_id: "1250000000".into(),
        id: "100000000002".into(),
        name: "deploy".into(),
    }
}

fn options() -> Options {
    Options { trusted: Vec::new(), max_chars: 4096, include_failed: false, collapse: false, compress: false }
}

fn case(observed: Vec<Observed>) -> Case {
    Case {
        holder: holder(HolderKind::User),
        focus: None,
        observed,
        alarms: Vec::new(),
        keys: Vec::new(),
        granted: None,
        sources: Vec::new(),
        coverage: Coverage::default(),
        now: 100 * DAY,
    }
}

/// Calls of `svc:Action` on resources from an address, by class, one a day from day 0 on.
fn seen(action: &str, resources: &[&str], ip: &str, class: Class, count: u32) -> Observed {
    let (service, name) = action.split_once(':').unwrap();
    let call = |n: u32| Call {
        time: i64::from(n) * DAY,
        day: i32::try_from(n).unwrap(),
        class,
        alarm: matches!(class, Class::Alarmed | Class::Reviewed | Class::Quarantined).then(|| "alarm-1".to_owned()),
    };
    Observed {
        ak: "AKIDexample0000000000000000000000001".into(),
        service: service.into(),
        action: name.into(),
        resources: Resources::Logged(resources.iter().map(|&text| text.to_owned()).collect()),
        ip: (!ip.is_empty()).then(|| ip.to_owned()),
        api_call: true,
        outcome: match class {
            Class::Denied => Outcome::Denied,
            Class::Weak => Outcome::Failed,
            _ => Outcome::Success,
        },
        passed_role: None,
        refused: None,
        calls: (0..count).map(call).collect(),
        sampled: false,
    }
}

fn built(case: &Case, options: &Options) -> Built {
    build(case, options, cam(), &RISK).unwrap()
}

fn policies(built: &Built) -> Vec<Policy> {
    let policy = |proposed: &super::output::Proposed| Policy {
        name: proposed.name.clone(),
        document: Document::from_value(&proposed.document).unwrap().0,
    };
    built.documents.iter().map(policy).collect()
}

fn verified(case: &Case, options: &Options, built: &Built) -> Verification {
    let needs_decision: Vec<String> = built.needs_decision.iter().map(|held| held.action.clone()).collect();
    let context = VerifyContext {
        holder: &case.holder,
        options,
        needs_decision: &needs_decision,
        conflicts: &built.conflicts,
        granted: case.granted.as_ref(),
    };
    verify(&policies(built), &case.observed, &context, cam(), &RISK)
}

/// Asks the evaluator, and nothing of the builder.
fn decide(policies: &[Policy], kind: CallerKind, action: &str, resources: &[&str], ip: Option<&str>) -> Decision {
    let caller =
        Caller { kind, uin: "100000000002".into(), owner_uin: "100000000001".into(), app_id: "1250000000".into() };
    let context: BTreeMap<String, ContextValue> =
        ip.map(|ip| ("qcs:ip".to_owned(), ContextValue::Values(vec![ip.to_owned()]))).into_iter().collect();
    let resources = resources.iter().map(|&text| text.to_owned()).collect();
    let request = Request { caller, action: action.to_owned(), resources, context };
    evaluate(&request, &Grants { policies, boundary: None, session: None }, cam()).decision
}

/// A complete list of grants: one policy of this text.
fn grants(document: &str) -> Granted {
    let attachment = Attachment { name: "today".into(), ..Attachment::default() };
    let policy = GrantedPolicy { attachment, document: Some(document.to_owned()), service_linked: false };
    Granted { policies: vec![policy], complete: true, ..Granted::default() }
}
