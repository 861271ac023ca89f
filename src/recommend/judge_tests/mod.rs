//! Tests of what judges grants and keys: small cases made by hand, and a table of histories.

mod change;
mod findings;
mod keys;
mod properties;
mod steps;
mod table;
mod words;

use super::input::{
    AlarmFacts, Call, Case, Class, Coverage, Holder, HolderKind, KeyFacts, Observed, Options, Outcome, Resources,
    SourceFacts,
};
use super::output::{Finding, Recommendation};
use super::recommend;
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::inventory::grants::{Attachment, Boundary, Granted, GrantedPolicy, GroupFacts, PolicyKind, Via};
use crate::lang::told::tests::left_over;
use serde_json::{Value, json};

pub(super) const DAY: i64 = 86_400_000;
pub(super) const ACCOUNT: &str = "100000000001";
pub(super) const UIN: &str = "100000000002";
pub(super) const KEY: &str = "AKIDexampleexampleexample0000000001";
pub(super) const HOME: &str = "203.0.113.5";
/// The first day of every history here.
pub(super) const START: i32 = 20_000;

/// A case that is built up call by call.
#[derive(Clone, Debug)]
pub(super) struct Story(pub(super) Case);

impl Story {
    /// A user with one active key of ten days, and logs of so many days.
    pub(super) fn new(days: i32) -> Self {
        let start = i64::from(START) * DAY;
        let end = start + i64::from(days) * DAY;
        Self(Case {
            holder: Holder {
                kind: HolderKind::User,
                account: ACCOUNT.into(),
                app_id: "1250000000".into(),
                id: UIN.into(),
                name: "deploy".into(),
            },
            focus: None,
            observed: Vec::new(),
            alarms: Vec::new(),
            keys: vec![key(KEY, Some(end - 10 * DAY))],
            granted: None,
            sources: Vec::new(),
            coverage: Coverage {
                days: (START..START + days).collect(),
                regions: ["ap-guangzhou".to_string()].into(),
                first: Some(start),
                last: Some(end - 1),
            },
            now: end,
        })
    }

    /// So many days of one call a day.
    pub(super) fn used(self, action: &str, days: i32) -> Self {
        self.calls(action, days, Outcome::Success, Class::Legitimate)
    }

    pub(super) fn calls(mut self, action: &str, days: i32, outcome: Outcome, class: Class) -> Self {
        self.0.observed.push(observed(action, days, outcome, class));
        self.0.observed.sort();
        self
    }

    /// Attaches a policy with the document's statements.
    pub(super) fn policy(self, name: &str, statement: &Value) -> Self {
        let document = json!({ "version": "2.0", "statement": statement });
        self.attached(GrantedPolicy {
            attachment: Attachment {
                policy_id: Some("4711".into()),
                name: name.into(),
                kind: PolicyKind::Custom,
                via: Via::Direct,
                added: Some(0),
                deactivated: false,
            },
            document: Some(document.to_string()),
            service_linked: false,
        })
    }

    /// Allows the actions on everything.
    pub(super) fn allow(self, name: &str, actions: &[&str]) -> Self {
        self.policy(name, &json!([{ "effect": "allow", "action": actions, "resource": "*" }]))
    }

    pub(super) fn attached(mut self, policy: GrantedPolicy) -> Self {
        let granted =
            self.0.granted.get_or_insert_with(|| Granted { created: Some(0), complete: true, ..Granted::default() });
        granted.policies.push(policy);
        self
    }

    pub(super) fn last_policy(&mut self) -> &mut GrantedPolicy {
        self.0.granted.as_mut().and_then(|granted| granted.policies.last_mut()).unwrap()
    }

    pub(super) fn granted(mut self, change: impl FnOnce(&mut Granted)) -> Self {
        change(self.0.granted.get_or_insert_with(|| Granted { complete: true, ..Granted::default() }));
        self
    }

    pub(super) fn alarm(mut self, rule: &str, status: &str, leak: bool) -> Self {
        let start = i64::from(START) * DAY;
        self.0.alarms.push(AlarmFacts {
            id: format!("al-{rule}"),
            rule: rule.into(),
            level: "high".into(),
            status: status.into(),
            leak,
            compromise: true,
            ak: KEY.into(),
            first: start,
            last: start + DAY,
        });
        self
    }

    pub(super) fn source(mut self, ip: &str, asset: Option<&str>) -> Self {
        let ip_type = if asset.is_some() { "in_account" } else { "outside" };
        let asset_id = asset.map(ToString::to_string);
        self.0.sources.push(SourceFacts { ip: ip.into(), ip_type: ip_type.into(), asset_id });
        self
    }

    pub(super) fn recommend(&self) -> Recommendation {
        let risk = RiskCatalog::builtin();
        let rec = recommend(&self.0, &options(), CamCatalog::builtin(), &risk).unwrap();
        for text in texts(&rec) {
            assert_eq!(left_over(text), None, "src/lang/told_zh.toml lacks {text:?}");
        }
        rec
    }

    /// Findings of one code.
    pub(super) fn found(&self, code: &str) -> Vec<Finding> {
        self.recommend().findings.into_iter().filter(|finding| finding.code == code).collect()
    }

    /// Subjects of one code.
    pub(super) fn subjects(&self, code: &str) -> Vec<String> {
        self.found(code).into_iter().map(|finding| finding.subject).collect()
    }
}

/// Everything in a recommendation that people read as sentences, but what is wrong with the JSON of a document.
fn texts(rec: &Recommendation) -> Vec<&str> {
    let findings = rec.findings.iter().filter(|one| !one.text.contains("is not JSON"));
    let findings = findings.flat_map(|one| [&one.text, &one.advice]);
    let steps = rec.steps.iter().flat_map(|one| [&one.why, &one.rollback].into_iter().chain(&one.commands));
    let held = rec.needs_decision.iter().map(|one| &one.why).chain(rec.conflicts.iter().map(|one| &one.why));
    let rows = rec.diff.iter().map(|one| &one.note).chain(&rec.removal);
    let all = findings.chain(steps).chain(held).chain(rows).chain(&rec.summary).chain(&rec.not_visible);
    all.map(String::as_str).collect()
}

pub(super) fn options() -> Options {
    Options { trusted: Vec::new(), max_chars: 4096, include_failed: false, collapse: false, compress: false }
}

pub(super) fn key(ak: &str, created: Option<i64>) -> KeyFacts {
    KeyFacts {
        ak: ak.into(),
        ak_masked: String::new(),
        created,
        last_used: None,
        status: Some("active".into()),
        listed: true,
    }
}

pub(super) fn observed(action: &str, days: i32, outcome: Outcome, class: Class) -> Observed {
    let (service, name) = action.split_once(':').unwrap();
    let call = |day: i32| {
        let alarm = (class == Class::Alarmed).then(|| "al-1".to_string());
        Call { time: i64::from(START + day) * DAY + 3_600_000, day: START + day, class, alarm }
    };
    Observed {
        ak: KEY.into(),
        service: service.into(),
        action: name.into(),
        resources: Resources::Logged(["*".to_string()].into()),
        ip: Some(HOME.into()),
        api_call: true,
        outcome,
        passed_role: None,
        refused: None,
        calls: (0..days).map(call).collect(),
        sampled: false,
    }
}

pub(super) fn group(id: &str, name: &str, members: &[&str]) -> GroupFacts {
    GroupFacts { id: id.into(), name: name.into(), members: members.iter().map(ToString::to_string).collect() }
}

pub(super) fn boundary(document: Option<&str>) -> Boundary {
    Boundary { name: Some("limit".into()), document: document.map(ToString::to_string) }
}
