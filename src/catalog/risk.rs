//! What CAM actions are good for in the wrong hands, and what preset policies hold.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const RISKS: &str = include_str!("data/cam_risks.tsv");
const CONVERGE: &str = include_str!("data/cam_converge.tsv");
const UNLOGGED: &str = include_str!("data/cam_unlogged.tsv");
const VERBS: &str = include_str!("data/cam_verbs.tsv");
const PRESETS: &str = include_str!("data/cam_presets.json");

/// What an action is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskClass {
    /// It gives somebody more rights.
    Privesc,
    /// It carries data away.
    Exfiltration,
    /// It opens something to the internet or to other accounts.
    Exposure,
    /// It changes, stops or deletes what is running or stored.
    Infrastructure,
    /// It returns or makes credentials.
    Credentials,
    /// It stops the log that shows misuse.
    Audit,
}

impl RiskClass {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "privesc" => Self::Privesc,
            "exfiltration" => Self::Exfiltration,
            "exposure" => Self::Exposure,
            "infrastructure" => Self::Infrastructure,
            "credentials" => Self::Credentials,
            "audit" => Self::Audit,
            _ => return None,
        })
    }
}

/// When allowing an action is a risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskWhen {
    /// Always.
    Alone,
    /// It depends on what it is aimed at.
    Target,
    /// It takes a role as a parameter: only together with cam:PassRole.
    Launcher,
    /// It is cam:PassRole: only together with a launcher.
    PassRole,
}

/// How sure an entry of a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A vendor text says so.
    Verified,
    /// Our inference.
    Inferred,
    /// General knowledge, not read again.
    Known,
}

/// One action and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// `svc:Action`, as CAM writes it.
    pub action: &'static str,
    /// What it is good for, in the order of the enum.
    pub classes: Vec<RiskClass>,
    /// escalation, credentials or audit: not to be granted without a person's decision.
    pub gate: Option<&'static str>,
    /// When it is a risk.
    pub when: RiskWhen,
    /// How sure the entry is.
    pub mark: Mark,
    /// What an attacker gains, in a few words.
    pub note: &'static str,
}

/// An action whose use the log may not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlogged {
    /// `svc:Action`, as CAM writes it.
    pub action: &'static str,
    /// What to know, in a few words.
    pub note: &'static str,
}

/// What an action does to things, by the verb in its name. Our inference, except where a risk is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Names things.
    List,
    /// Reads things.
    Read,
    /// Makes, changes or deletes things.
    Write,
    /// Changes rights.
    Permissions,
    /// The verb does not tell; to be treated as a write.
    Unknown,
}

/// Where the text of a preset policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetSource {
    /// Public text of the provider.
    Exact,
    /// Guessed from the policy's name; low confidence.
    Pattern,
}

/// The text of a preset policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetDocument {
    /// The document, as JSON text.
    pub document: String,
    /// Where it comes from.
    pub source: PresetSource,
}

#[derive(Deserialize)]
struct PresetFile {
    documents: Vec<PresetEntry>,
    admin: Vec<AdminEntry>,
}

#[derive(Deserialize)]
struct PresetEntry {
    name: String,
    mark: String,
    statement: Value,
}

#[derive(Deserialize)]
struct AdminEntry {
    name: String,
}

/// Risks of CAM actions, and preset policies.
#[derive(Clone, Debug)]
pub struct RiskCatalog {
    /// By action in lower case: a case-only difference must not slip through the gate.
    risks: BTreeMap<String, Risk>,
    converge: Vec<(u32, &'static str)>,
    /// By service; action and what to know.
    unlogged: BTreeMap<&'static str, Vec<Unlogged>>,
    /// By verb, or by `svc:Action` where the verb misleads.
    levels: BTreeMap<&'static str, AccessLevel>,
    presets: BTreeMap<String, PresetDocument>,
    admin: Vec<String>,
}

impl RiskCatalog {
    /// The lists that are compiled in.
    pub fn builtin() -> Self {
        let presets = serde_json::from_str::<PresetFile>(PRESETS)
            .unwrap_or(PresetFile { documents: Vec::new(), admin: Vec::new() });
        Self {
            risks: rows(RISKS)
                .filter_map(|cells| risk_of(&cells))
                .map(|risk| (risk.action.to_ascii_lowercase(), risk))
                .collect(),
            converge: rows(CONVERGE).filter_map(|cells| converge_of(&cells)).collect(),
            unlogged: unlogged_by_service(),
            levels: rows(VERBS).filter_map(|cells| level_of(&cells)).collect(),
            presets: presets.documents.iter().map(preset_of).collect(),
            admin: presets.admin.into_iter().map(|entry| entry.name).collect(),
        }
    }

    /// The entry of `svc:Action`, without regard to case.
    pub fn risk(&self, cam_action: &str) -> Option<&Risk> {
        self.risks.get(&cam_action.to_ascii_lowercase())
    }

    /// All entries, sorted by action.
    pub fn risks(&self) -> impl Iterator<Item = &Risk> {
        self.risks.values()
    }

    /// Why `svc:Action` is not to be granted without a person's decision: `escalation`, `credentials` or `audit`.
    pub fn gate(&self, cam_action: &str) -> Option<&'static str> {
        self.risk(cam_action)?.gate
    }

    /// What `svc:Action` is good for; empty for what is not listed.
    pub fn classes(&self, cam_action: &str) -> &[RiskClass] {
        self.risk(cam_action).map_or(&[], |risk| &risk.classes)
    }

    /// Sensitive APIs that the console's check "permissions should converge" names, with the check's number.
    pub fn converge(&self) -> &[(u32, &'static str)] {
        &self.converge
    }

    /// Actions of a service, in lower case, whose use the log may not show; sorted.
    pub fn unlogged(&self, service: &str) -> &[Unlogged] {
        self.unlogged.get(service).map_or(&[], Vec::as_slice)
    }

    /// Services that have such actions, sorted.
    pub fn unlogged_services(&self) -> impl Iterator<Item = &str> {
        self.unlogged.keys().copied()
    }

    /// What `svc:Action` does to things.
    pub fn access_level(&self, cam_action: &str) -> AccessLevel {
        let name = cam_action.split_once(':').map_or(cam_action, |(_, name)| name);
        if self.changes_rights(cam_action) {
            return AccessLevel::Permissions;
        }
        let listed = self.levels.get(cam_action).or_else(|| self.levels.get(first_word(name)));
        listed.copied().unwrap_or(AccessLevel::Unknown)
    }

    /// Whether `svc:Action` may change something; what cannot be told counts as a change.
    pub fn is_write(&self, cam_action: &str) -> bool {
        !matches!(self.access_level(cam_action), AccessLevel::List | AccessLevel::Read)
    }

    /// The text of a preset policy, exact where public, else by the pattern of its name: `Qcloud<Svc>FullAccess` is
    /// `svc:*`, `Qcloud<Svc>ReadOnlyAccess` its reading verbs. None for names that fit neither.
    pub fn preset(&self, name: &str) -> Option<PresetDocument> {
        self.presets.get(&name.to_ascii_lowercase()).cloned().or_else(|| self.preset_by_pattern(name))
    }

    /// Whether a preset policy of this name gives rights over everything, over identities, or over money.
    pub fn is_admin_name(&self, name: &str) -> bool {
        self.admin.iter().any(|listed| listed.eq_ignore_ascii_case(name))
    }

    fn changes_rights(&self, cam_action: &str) -> bool {
        self.risk(cam_action).is_some_and(|risk| {
            let identities = risk.action.starts_with("cam:") || risk.action.starts_with("organization:");
            identities && risk.when == RiskWhen::Alone && risk.classes.contains(&RiskClass::Privesc)
        })
    }

    fn preset_by_pattern(&self, name: &str) -> Option<PresetDocument> {
        let actions =
            if name.eq_ignore_ascii_case("ReadOnlyAccess") { reading("*") } else { self.actions_of_name(name)? };
        Some(PresetDocument { document: document(&allow(&actions)), source: PresetSource::Pattern })
    }

    fn actions_of_name(&self, name: &str) -> Option<Vec<String>> {
        let lower = name.to_ascii_lowercase();
        let rest = lower.strip_prefix("qcloud").filter(|rest| !rest.starts_with("accessfor"))?;
        let (service, full) = rest
            .strip_suffix("readonlyaccess")
            .map(|service| (service, false))
            .or_else(|| rest.strip_suffix("fullaccess").map(|service| (service, true)))?;
        // Names such as QCloudResourceFullAccess stand for more than one product.
        let product = !service.is_empty() && service.chars().all(|c| c.is_ascii_alphanumeric());
        let several = self.is_admin_name(name) && !matches!(service, "cam" | "organization");
        (product && !several).then(|| if full { vec![format!("{service}:*")] } else { reading(service) })
    }
}

fn reading(service: &str) -> Vec<String> {
    ["Describe", "Get", "Inquiry", "List"].iter().map(|verb| format!("{service}:{verb}*")).collect()
}

fn allow(actions: &[String]) -> Value {
    json!([{ "effect": "allow", "action": actions, "resource": ["*"] }])
}

fn document(statement: &Value) -> String {
    json!({ "version": "2.0", "statement": statement }).to_string()
}

fn preset_of(entry: &PresetEntry) -> (String, PresetDocument) {
    // The gist of AdministratorAccess is public, its text is not; it counts as exact all the same.
    let source = if matches!(entry.mark.as_str(), "V" | "I") { PresetSource::Exact } else { PresetSource::Pattern };
    (entry.name.to_ascii_lowercase(), PresetDocument { document: document(&entry.statement), source })
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let data = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).skip(1);
    data.map(|line| line.split('\t').map(str::trim).collect())
}

fn risk_of(cells: &[&'static str]) -> Option<Risk> {
    let [action, classes, gate, when, mark, _source, note] = *cells else { return None };
    let mut classes: Vec<RiskClass> = classes.split(',').map(RiskClass::parse).collect::<Option<_>>()?;
    classes.sort_unstable();
    let gate = match gate {
        "-" => None,
        "escalation" | "credentials" | "audit" => Some(gate),
        _ => return None,
    };
    let when = match when {
        "alone" => RiskWhen::Alone,
        "target" => RiskWhen::Target,
        "launcher" => RiskWhen::Launcher,
        "pass-role" => RiskWhen::PassRole,
        _ => return None,
    };
    Some(Risk { action, classes, gate, when, mark: mark_of(mark)?, note })
}

fn unlogged_by_service() -> BTreeMap<&'static str, Vec<Unlogged>> {
    let mut out: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for cells in rows(UNLOGGED) {
        let [action, _mark, _source, note] = *cells else { continue };
        let Some((service, _)) = action.split_once(':') else { continue };
        out.entry(service).or_default().push(Unlogged { action, note });
    }
    out
}

fn mark_of(text: &str) -> Option<Mark> {
    Some(match text {
        "V" => Mark::Verified,
        "I" => Mark::Inferred,
        "K" => Mark::Known,
        _ => return None,
    })
}

fn converge_of(cells: &[&'static str]) -> Option<(u32, &'static str)> {
    let [rule, action, _mark] = *cells else { return None };
    Some((rule.parse().ok()?, action))
}

/// The first word of a name in camel case: `Describe` of `DescribeInstances`.
fn first_word(name: &str) -> &str {
    let end = name.char_indices().skip(1).find(|(_, c)| c.is_uppercase() || *c == '_').map_or(name.len(), |(i, _)| i);
    &name[..end]
}

fn level_of(cells: &[&'static str]) -> Option<(&'static str, AccessLevel)> {
    let [name, level] = *cells else { return None };
    let level = match level {
        "list" => AccessLevel::List,
        "read" => AccessLevel::Read,
        "write" => AccessLevel::Write,
        "permissions" => AccessLevel::Permissions,
        _ => return None,
    };
    Some((name, level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_lists_is_read() {
        let catalog = RiskCatalog::builtin();
        assert_eq!(catalog.risks.len(), rows(RISKS).count());
        assert_eq!(catalog.converge.len(), rows(CONVERGE).count());
        assert_eq!(catalog.unlogged.values().map(Vec::len).sum::<usize>(), rows(UNLOGGED).count());
        assert_eq!(catalog.levels.len(), rows(VERBS).count());
        assert!(catalog.risks.len() > 150);
        assert!(!catalog.presets.is_empty() && !catalog.admin.is_empty());
        assert!(catalog.risks().all(|risk| !risk.classes.is_empty() && risk.action.contains(':')));
    }

    #[test]
    fn escalation_credentials_and_audit_are_gated() {
        let catalog = RiskCatalog::builtin();
        for (action, gate) in [
            ("cam:AttachUserPolicy", Some("escalation")),
            ("cam:attachuserpolicy", Some("escalation")),
            ("cam:CreateAccessKey", Some("escalation")),
            ("cam:AttachRolePolicies", Some("escalation")),
            ("ssm:GetSecretValue", Some("credentials")),
            ("sts:QueryApiKey", Some("credentials")),
            ("cloudaudit:StopLogging", Some("audit")),
            ("sts:AssumeRole", None),
            ("sts:GetFederationToken", None),
            ("scf:UpdateFunctionCode", None),
            ("tat:RunCommand", None),
            ("kms:Decrypt", None),
            ("cos:GetObject", None),
            ("cvm:DescribeInstances", None),
        ] {
            assert_eq!(catalog.gate(action), gate, "{action}");
        }
    }

    #[test]
    fn verbs_tell_the_access_level() {
        let catalog = RiskCatalog::builtin();
        for (action, level) in [
            ("cvm:DescribeInstances", AccessLevel::Read),
            ("cos:HeadBucket", AccessLevel::Read),
            ("cos:GetService", AccessLevel::List),
            ("cam:ListUsers", AccessLevel::List),
            ("cvm:RunInstances", AccessLevel::Write),
            ("cam:AttachUserPolicy", AccessLevel::Permissions),
            ("cos:PutBucketPolicy", AccessLevel::Permissions),
            ("x:Describe", AccessLevel::Read),
            ("x:", AccessLevel::Unknown),
            ("x:Describer", AccessLevel::Unknown),
            ("Zażółć", AccessLevel::Unknown),
        ] {
            assert_eq!(catalog.access_level(action), level, "{action}");
        }
        assert!(catalog.is_write("x:Frobnicate") && !catalog.is_write("cdb:InquiryPriceCreate"));
    }

    #[test]
    fn presets_come_from_text_first_and_from_names_second() {
        let catalog = RiskCatalog::builtin();
        let exact = catalog.preset("QcloudCVMFullAccess").unwrap();
        assert!(exact.source == PresetSource::Exact && exact.document.contains("monitor:*"));
        let guessed = catalog.preset("QcloudCDBReadOnlyAccess").unwrap();
        assert!(guessed.source == PresetSource::Pattern && guessed.document.contains("cdb:Inquiry*"));
        assert!(catalog.preset("QcloudCamFullAccess").unwrap().document.contains("cam:*"));
        for name in ["QCloudResourceFullAccess", "QcloudAccessForXFullAccess", "mine", "QcloudFullAccess", ""] {
            assert_eq!(catalog.preset(name), None, "{name}");
        }
        assert!(catalog.is_admin_name("administratoraccess") && !catalog.is_admin_name("QcloudCVMFullAccess"));
    }
}
