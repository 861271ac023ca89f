//! A second reading of the row rules, written row by row from docs/terms.md and docs/rules/, held against the expressions.
//!
//! It shares nothing with the program but the data files, and those it reads itself.

use crate::support::{any_event, scan_events, world};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A data file's rows, as maps from column to cell.
fn table(text: &'static str) -> Vec<BTreeMap<&'static str, &'static str>> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let titles: Vec<&str> = lines.next().expect("a header").split('\t').collect();
    lines.map(|line| titles.iter().copied().zip(line.split('\t')).collect()).collect()
}

fn family(service: &str) -> &str {
    if matches!(service, "cbs" | "vpc") { "cvm" } else { service }
}

struct Event<'e>(&'e Value);

impl<'e> Event<'e> {
    fn text(&self, name: &str) -> &'e str {
        self.0[name].as_str().unwrap_or_default()
    }

    fn who(&self, name: &str) -> &'e str {
        self.0["userIdentity"][name].as_str().unwrap_or_default()
    }

    fn request(&self) -> Result<Value, ()> {
        serde_json::from_str(self.text("requestParameters")).map_err(|_| ())
    }

    fn param(&self, name: &str) -> Option<String> {
        match &self.request().ok()?[name] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn is_api(&self) -> bool {
        let console = match self.text("eventType") {
            "ConsoleCall" | "MiniProgramCall" => true,
            kind => {
                let host = self.text("eventSource").split('/').next().unwrap_or_default();
                self.param("RequestSource").as_deref() == Some("MC")
                    || (kind.is_empty() && host.ends_with("api.tencentyun.com"))
            }
        };
        !console
    }

    fn writes(&self) -> bool {
        match self.text("actionType") {
            "Read" => false,
            "Write" => true,
            _ => !["Describe", "Get", "List", "Check"].iter().any(|verb| self.text("eventName").starts_with(verb)),
        }
    }

    fn kind(&self) -> &'static str {
        let (kind, name) = (self.who("type"), self.who("userName"));
        if kind == "Root" || self.who("principalId") == self.who("accountId") || (kind.is_empty() && name == "root") {
            "root"
        } else if kind == "TencentCloudService" {
            "service"
        } else if kind == "AssumedRole" || (kind.is_empty() && name == "roleUser") {
            if name.contains("QCSRole") { "service" } else { "role" }
        } else {
            "sub_account"
        }
    }

    fn permanent(&self) -> bool {
        self.who("sessionContext").is_empty() && !matches!(self.kind(), "role" | "service")
    }

    fn code(&self) -> &'e str {
        let zero = |code: &str| code.is_empty() || code == "0";
        let codes = [self.text("apiErrorCode"), self.text("errorCode")];
        let named = codes.into_iter().find(|code| !zero(code));
        named.unwrap_or(if self.text("apiErrorMessage").is_empty() { "0" } else { self.text("apiErrorMessage") })
    }

    fn denied(&self) -> bool {
        let code = self.code();
        if matches!(self.text("errorCode"), "4101" | "4102" | "4103" | "4110") {
            return true;
        }
        let rows = table(include_str!("../../src/catalog/data/error_codes.tsv"));
        let exact = rows.iter().find(|row| row["match"] == "exact" && row["pattern"] == code);
        let prefix = rows.iter().find(|row| row["match"] == "prefix" && code.starts_with(row["pattern"]));
        match exact.or(prefix).map(|row| row["denied"]) {
            Some("yes") => true,
            Some("if_cam_code") => !matches!(self.text("errorCode"), "" | "0"),
            _ => false,
        }
    }

    fn listed(&self, rows: &[BTreeMap<&'static str, &'static str>]) -> Option<BTreeMap<&'static str, &'static str>> {
        let is = |row: &&BTreeMap<&str, &str>| {
            family(row["service"]) == family(self.text("resourceType"))
                && row["action"].eq_ignore_ascii_case(self.text("eventName"))
        };
        rows.iter().find(is).cloned()
    }

    fn high_risk(&self) -> Option<BTreeMap<&'static str, &'static str>> {
        let rows = table(include_str!("../../src/catalog/data/high_risk_apis.tsv"));
        self.listed(&rows).filter(|row| row["tier"] == "core")
    }

    fn on_list(&self, list: &str) -> Option<BTreeMap<&'static str, &'static str>> {
        let rows: Vec<_> = table(include_str!("../../src/catalog/data/api_lists.tsv"))
            .into_iter()
            .filter(|row| row["list"] == list)
            .collect();
        self.listed(&rows)
    }

    /// Yes, no, or (with `None`) nobody can tell. First uses are left to the timeline.
    fn when(&self, when: &str) -> Option<bool> {
        let judged: Vec<Option<bool>> = when.split('|').map(|condition| self.condition(condition)).collect();
        if judged.contains(&Some(true)) {
            Some(true)
        } else if judged.contains(&None) {
            None
        } else {
            Some(false)
        }
    }

    fn condition(&self, condition: &str) -> Option<bool> {
        let (name, rest) = condition.split_once(':').unwrap_or((condition, ""));
        match name {
            "always" => return Some(true),
            "never" => return Some(false),
            "key" => return Some(self.permanent()),
            _ => {}
        }
        if self.request().is_err() {
            // What stands before a cut can still be read.
            return if self.text("requestParameters").starts_with(r#"{"UseApi":1,"#) && rest == "UseApi=1" {
                Some(true)
            } else {
                None
            };
        }
        match name {
            "param" => {
                let (name, value) = rest.split_once('=').expect("a value");
                Some(self.param(name).is_some_and(|found| found.eq_ignore_ascii_case(value)))
            }
            "present" => Some(self.param(rest).is_some_and(|found| !found.is_empty())),
            "cross_account" => Some(self.param("RoleArn").is_some_and(|arn| !arn.contains("uin/100000000001:"))),
            _ => Some(false),
        }
    }

    fn hook(&self) -> bool {
        matches!(self.text("sourceIPAddress"), "9.234.98.161" | "192.30.252.44")
    }

    /// The address as the alarm shows it, and whether it is outside.
    fn source_ip(&self) -> &'e str {
        let logged = self.text("sourceIPAddress");
        let internal = matches!(logged, "9.1.2.3" | "10.0.0.1");
        if !self.is_api() && internal && !self.who("sessionContext").is_empty() { "198.51.100.9" } else { logged }
    }

    fn night(&self) -> bool {
        let second = (self.0["eventTime"].as_i64().expect("a time") + 8 * 3600).rem_euclid(86_400);
        !(6 * 3600..22 * 3600).contains(&second)
    }

    fn sensitive(&self) -> bool {
        let destroys = matches!(self.text("eventName"), "DeleteUser" | "TerminateInstances");
        let categories =
            ["impact", "persistence", "execution", "defense-evasion", "network-exposure", "privilege-escalation"];
        self.writes() && (destroys || self.high_risk().is_some_and(|row| categories.contains(&row["category"])))
    }

    /// The row rules that this event hits.
    fn hits(&self) -> BTreeSet<&'static str> {
        let (api, success) = (self.is_api(), self.code() == "0");
        let person = self.kind() != "service";
        let (high, client) = (self.high_risk().is_some(), self.text("userAgent"));
        let escalation = self.listed(&table(include_str!("../../src/catalog/data/privilege_escalation_apis.tsv")));
        let counts = |row: Option<BTreeMap<&str, &str>>| row.is_some_and(|row| self.when(row["when"]) != Some(false));
        let all = [
            ("root-key-high-risk-api", self.kind() == "root" && self.permanent() && api && high),
            ("non-console-high-risk-api", api && high && person),
            ("unauthorized-service-call", api && !success && self.denied() && person),
            ("create-key", success && counts(self.on_list("create_key"))),
            ("privilege-escalation", success && person && counts(escalation)),
            ("off-hours-sensitive-operation", self.sensitive() && self.night() && person),
            ("github-key-confirmation", self.hook()),
            ("cos-browser-call", client.contains("cosbrowser")),
            ("create-resource-api", api && success && person && self.on_list("create_resource").is_some()),
            ("cloud-manager-call", client.contains("cloudbility")),
            ("automation-command", person && self.on_list("tat_exec").is_some()),
        ];
        all.into_iter().filter(|(_, hit)| *hit).map(|(rule, _)| rule).collect()
    }
}

/// Calls by rule, key label, service, action, address and code.
type Counts = BTreeMap<[String; 6], u64>;

fn expected(events: &[Value]) -> Counts {
    let mut seen = BTreeSet::new();
    let mut counts = Counts::new();
    for event in events.iter().map(Event) {
        let fresh = seen.insert((event.text("requestID"), event.text("eventName"), event.who("principalId")));
        let aside = event.text("eventPlatform") == "1"
            || event.text("resourceType") == "innerauth"
            || event.who("secretId").is_empty();
        if !fresh || aside {
            continue;
        }
        let label = if event.permanent() { event.who("secretId") } else { "TEMP_AK" };
        for rule in event.hits() {
            let key =
                [rule, label, event.text("resourceType"), event.text("eventName"), event.source_ip(), event.code()];
            *counts.entry(key.map(str::to_string)).or_default() += 1;
        }
    }
    counts
}

const TIMELINE_RULES: &str = "
[rules.hacker-tool]
enabled = false
[rules.dormant-key-used]
enabled = false
[rules.new-user-high-risk-api]
enabled = false
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_expressions_agree_with_a_naive_reading(events in prop::collection::vec(any_event(), 1..60)) {
        let (world, engine) = world(TIMELINE_RULES);
        let outcome = scan_events(&events, &world, &engine);
        let mut counts = Counts::new();
        for alarm in &outcome.alarms {
            for record in alarm.records.iter().filter(|_| !alarm.tags.contains(&"first-use".to_string())) {
                let ip = record.source_ip.clone().unwrap_or_default();
                let key = [alarm.meta.id, &alarm.ak, &record.service, &record.action, &ip, &record.code].map(str::to_string);
                *counts.entry(key).or_default() += record.success + record.failed;
            }
        }
        let own_roles = |(key, _): &(&[String; 6], &u64)| key[3] != "AssumeRole";
        let expected = expected(&events);
        prop_assert_eq!(
            counts.iter().filter(own_roles).collect::<Vec<_>>(),
            expected.iter().filter(own_roles).collect::<Vec<_>>()
        );
    }
}
