//! One allowlist policy, the calls it covers, and its words for people.
//!
//! A policy has dimensions: rule, source, method, key, API and response code. All of them must agree, one entry that
//! fits is enough in each, and an empty dimension takes anything. Addresses and IP types are one dimension, the source,
//! because the console has them so: a call fits when its address is listed or its type is.

use crate::event::id::mask_key;
use crate::event::words::{Method, TEMP_AK};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::draft::Draft;

/// The code of a success.
pub(super) const SUCCESS: &str = "0";
/// So many entries of a dimension stand in a description.
const DESCRIBED: usize = 3;

/// A call record as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The id of the rule that raised the alarm.
    pub rule: &'a str,
    /// The calling address, if the log has one.
    pub source_ip: Option<&'a str>,
    /// `in_account`, `outside`, `lan` or `unknown`.
    pub ip_type: &'a str,
    /// Somebody has written a remark on the address.
    pub ip_has_remark: bool,
    /// How the call was made.
    pub method: Method,
    /// The full key id, or `TEMP_AK`.
    pub ak: &'a str,
    /// The key is temporary.
    pub temporary: bool,
    /// The service called.
    pub service: &'a str,
    /// The action called.
    pub action: &'a str,
    /// The response code, `0` for a success.
    pub code: &'a str,
    /// The call succeeded.
    pub success: bool,
}

impl Subject<'_> {
    /// The calling address, if the log has one that can be read. IPv4 is always IPv4.
    pub fn address(&self) -> Option<IpAddr> {
        let ip = self.source_ip?.parse::<IpAddr>().ok()?;
        Some(ip.to_canonical())
    }
}

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// It belongs to the account.
    InAccount,
    /// It belongs to somebody else.
    Outside,
    /// It is in a local network.
    Lan,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 3] = [Self::InAccount, Self::Outside, Self::Lan];

    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InAccount => "in_account",
            Self::Outside => "outside",
            Self::Lan => "lan",
        }
    }
}

/// A kind of source address, as policies list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpType {
    /// Where the address lies.
    pub place: Place,
    /// With a remark, without one, or either.
    pub remark: Option<bool>,
}

impl IpType {
    /// Every kind that can be named.
    pub fn all() -> impl Iterator<Item = Self> {
        let remarks = [None, Some(true), Some(false)].into_iter();
        remarks.flat_map(|remark| Place::ALL.map(|place| Self { place, remark }))
    }

    /// Reads a word such as `outside` or `lan+remark`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|kind| kind.to_string().eq_ignore_ascii_case(text))
    }

    /// The same kinds in the fewest words: with and without remark together are either.
    pub(super) fn simplified(kinds: &BTreeSet<Self>) -> BTreeSet<Self> {
        let either = |kind: &Self| Self { remark: None, ..*kind }.parts().all(|part| holds(kinds, part));
        kinds.iter().map(|kind| if either(kind) { Self { remark: None, ..*kind } } else { *kind }).collect()
    }

    /// The kind split into those with and without remark.
    pub(super) fn parts(&self) -> impl Iterator<Item = Self> {
        Self::all().filter(|kind| kind.remark.is_some() && self.covers(kind.place.as_str(), kind.remark == Some(true)))
    }

    fn covers(self, place: &str, remark: bool) -> bool {
        self.place.as_str() == place && self.remark.is_none_or(|own| own == remark)
    }
}

fn holds(kinds: &BTreeSet<IpType>, part: IpType) -> bool {
    kinds.contains(&part) || kinds.contains(&IpType { remark: None, ..part })
}

impl fmt::Display for IpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remark = match self.remark {
            None => "",
            Some(true) => "+remark",
            Some(false) => "-remark",
        };
        write!(f, "{}{remark}", self.place.as_str())
    }
}

/// A text with `*` for any run of characters, also an empty one. ASCII letters match in either case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Glob {
    /// In lower case, for matching.
    folded: String,
    /// As it was written.
    text: String,
}

impl Glob {
    fn new(text: &str) -> Self {
        let mut short = String::with_capacity(text.len());
        for letter in text.chars() {
            if letter != '*' || !short.ends_with('*') {
                short.push(letter);
            }
        }
        Self { folded: short.to_ascii_lowercase(), text: short }
    }

    /// Takes time in proportion to both lengths added, whatever they hold: log fields are an attacker's to choose.
    fn matches(&self, text: &str) -> bool {
        let Some((head, rest)) = self.folded.split_once('*') else {
            return self.folded.eq_ignore_ascii_case(text);
        };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        let ends = text.len().checked_sub(tail.len()).filter(|end| head.len() <= *end);
        let Some(end) = ends.filter(|end| same(text, 0, head) && same(text, *end, tail)) else {
            return false;
        };
        // The first place where a piece fits is as good as any later one, so nothing is tried twice.
        middle.is_empty() || text.get(head.len()..end).is_some_and(|inner| in_turn(&inner.to_ascii_lowercase(), middle))
    }
}

fn same(text: &str, at: usize, piece: &str) -> bool {
    text.as_bytes()[at..at + piece.len()].eq_ignore_ascii_case(piece.as_bytes())
}

fn in_turn(mut text: &str, pieces: &str) -> bool {
    pieces.split('*').all(|piece| match text.find(piece) {
        Some(at) => {
            text = &text[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// APIs, as `service:Action` with wildcards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiPattern {
    service: Glob,
    action: Glob,
}

impl ApiPattern {
    /// A pattern from its two parts. `*` is the only wildcard; each part must fit from start to end.
    pub fn new(service: &str, action: &str) -> Self {
        Self { service: Glob::new(&service.to_ascii_lowercase()), action: Glob::new(action) }
    }

    /// True if the pattern fits the call.
    pub fn matches(&self, service: &str, action: &str) -> bool {
        self.service.matches(service) && self.action.matches(action)
    }

    /// True if the service part fits one of these, which are in lower case.
    pub(super) fn fits_service(&self, services: &BTreeSet<String>) -> bool {
        services.contains(&self.service.folded) || services.iter().any(|service| self.service.matches(service))
    }

    /// True if the pattern fits every call there can be.
    pub fn is_any(&self) -> bool {
        self.service.folded == "*" && self.action.folded == "*"
    }

    /// True if `other` fits nothing that this pattern does not.
    ///
    /// The other's wildcards are read as letters. No letter of this pattern is a `*`, so only its wildcards can take
    /// them, and those take whatever stands there instead.
    pub fn shadows(&self, other: &Self) -> bool {
        self.matches(&other.service.folded, &other.action.folded)
    }
}

impl fmt::Display for ApiPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service.text, self.action.text)
    }
}

/// Whole kinds of keys that a policy covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AkKind {
    /// No kind is named; listed ids decide, and without them any key fits.
    #[default]
    Any,
    /// All permanent keys, beside the listed ids.
    Permanent,
    /// All temporary keys, beside the listed ids.
    Temporary,
}

/// Response codes that a policy covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Codes {
    /// Any.
    #[default]
    All,
    /// Successes.
    Success,
    /// Failures of any kind.
    Failed,
    /// These; `0` is every success, and letter case does not matter.
    Listed(BTreeSet<String>),
}

impl Codes {
    fn covers(&self, code: &str, success: bool) -> bool {
        match self {
            Self::All => true,
            Self::Success => success,
            Self::Failed => !success,
            Self::Listed(codes) if success => codes.contains(SUCCESS),
            Self::Listed(codes) => code != SUCCESS && has(codes, code),
        }
    }

    fn shadows(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) | (Self::Success, Self::Success) | (Self::Failed, Self::Failed) => true,
            (Self::Success, Self::Listed(codes)) => codes.iter().all(|code| code == SUCCESS),
            (Self::Failed, Self::Listed(codes)) => !codes.contains(SUCCESS),
            (Self::Listed(own), Self::Listed(codes)) => codes.iter().all(|code| has(own, code)),
            (Self::Listed(own), Self::Success) => own.contains(SUCCESS),
            _ => false,
        }
    }

    fn words(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Success => vec!["success".to_string()],
            Self::Failed => vec!["failed".to_string()],
            Self::Listed(codes) => codes.iter().cloned().collect(),
        }
    }
}

fn has(codes: &BTreeSet<String>, code: &str) -> bool {
    codes.contains(code) || codes.iter().any(|own| own.eq_ignore_ascii_case(code))
}

/// What somebody has said is fine, and why. Made by [`Draft::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What people call it.
    pub name: String,
    /// Ids of rules; none means every rule.
    pub rules: BTreeSet<String>,
    /// Source addresses and ranges, in order, host bits cleared, IPv4 always as IPv4.
    pub ips: Vec<IpNet>,
    /// Kinds of source addresses, beside the listed ones.
    pub ip_types: BTreeSet<IpType>,
    /// How the call was made; none means either way.
    pub method: Option<Method>,
    /// Ids of permanent keys; `TEMP_AK` stands for every temporary key.
    pub aks: BTreeSet<String>,
    /// Kinds of keys, beside the listed ids.
    pub ak_kinds: AkKind,
    /// APIs; none means every API.
    pub apis: Vec<ApiPattern>,
    /// Response codes.
    pub codes: Codes,
    /// Why the calls are fine.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it was last changed.
    pub updated: i64,
    /// When it ends, if it does.
    pub expires: Option<i64>,
    /// It is switched on.
    pub enabled: bool,
}

impl Policy {
    /// True if the call fits every dimension. Whether the policy is in force is another question.
    pub fn covers(&self, subject: &Subject<'_>) -> bool {
        self.covers_rule(subject)
            && self.covers_method(subject)
            && self.covers_code(subject)
            && self.covers_key(subject)
            && self.covers_api(subject)
            && self.covers_source(subject)
    }

    /// True if the policy is switched on and has not ended.
    pub fn in_force(&self, now: i64) -> bool {
        self.enabled && self.expires.is_none_or(|expires| now < expires)
    }

    /// True if this policy surely covers whatever `other` covers. False does not mean that it does not.
    pub fn shadows(&self, other: &Self) -> bool {
        (self.rules.is_empty() || !other.rules.is_empty() && other.rules.is_subset(&self.rules))
            && (self.method.is_none() || self.method == other.method)
            && self.codes.shadows(&other.codes)
            && self.shadows_keys(other)
            && self.shadows_apis(other)
            && self.shadows_sources(other)
    }

    /// True if no dimension is set, so that every call would be covered.
    pub fn is_empty_scope(&self) -> bool {
        self.rules.is_empty()
            && self.any_source()
            && self.method.is_none()
            && self.any_key()
            && self.apis.is_empty()
            && self.codes == Codes::All
    }

    /// The policy as a user would type it, so that single fields can be changed and checked again.
    pub fn to_draft(&self) -> Draft {
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Draft {
            name: given(&self.name),
            rules: self.rules.iter().cloned().collect(),
            ips: self.ips.iter().map(address).collect(),
            ip_types: self.ip_types.iter().map(ToString::to_string).collect(),
            method: self.method.map(|method| method.as_str().to_string()),
            aks: self.kind_word().map(str::to_string).into_iter().chain(self.aks.iter().cloned()).collect(),
            apis: self.apis.iter().map(ToString::to_string).collect(),
            codes: self.codes.words(),
            reason: given(&self.reason),
            owner: given(&self.owner),
            expires: self.expires,
        }
    }

    /// What the policy covers, in one line. Key ids are masked.
    pub fn describe(&self) -> String {
        let Draft { rules, ips, ip_types, apis, codes, .. } = self.to_draft();
        let rule = if rules.is_empty() { "any rule".to_string() } else { either(&rules) };
        let source = either(&[ips, ip_types].concat());
        let from = if source.is_empty() { String::new() } else { format!(" from {source}") };
        let codes = match &self.codes {
            Codes::All => String::new(),
            Codes::Success => "successes".to_string(),
            Codes::Failed => "failures".to_string(),
            Codes::Listed(_) => format!("code {}", either(&codes)),
        };
        let mut parts =
            vec![rule + &from, either(&self.method_words()), either(&self.key_words()), either(&apis), codes];
        parts.retain(|part| !part.is_empty());
        parts.join(", ")
    }

    /// A short name made of the first dimension that is set.
    pub(super) fn default_name(&self) -> String {
        let Draft { rules, ips, ip_types, apis, codes, .. } = self.to_draft();
        let dimensions = [rules, ips, ip_types, self.key_words(), apis, self.method_words(), codes];
        match dimensions.iter().find(|words| !words.is_empty()).map(Vec::as_slice) {
            None | Some([]) => "everything".to_string(),
            // A number alone would look like the number of a policy.
            Some([one]) if one.bytes().all(|byte| byte.is_ascii_digit()) => format!("code {one}"),
            Some([one]) => one.clone(),
            Some([first, rest @ ..]) => format!("{first} and {} more", rest.len()),
        }
    }

    pub(super) fn covers_rule(&self, subject: &Subject<'_>) -> bool {
        self.rules.is_empty() || self.rules.contains(subject.rule)
    }

    pub(super) fn covers_method(&self, subject: &Subject<'_>) -> bool {
        self.method.is_none_or(|method| method == subject.method)
    }

    pub(super) fn covers_code(&self, subject: &Subject<'_>) -> bool {
        self.codes.covers(subject.code, subject.success)
    }

    pub(super) fn covers_api(&self, subject: &Subject<'_>) -> bool {
        self.apis.is_empty() || self.apis.iter().any(|api| api.matches(subject.service, subject.action))
    }

    fn covers_source(&self, subject: &Subject<'_>) -> bool {
        self.any_source()
            || subject
                .address()
                .is_some_and(|ip| self.ips.iter().any(|net| net.contains(&ip)) || self.covers_ip_type(subject))
    }

    pub(super) fn covers_ip_type(&self, subject: &Subject<'_>) -> bool {
        self.ip_types.iter().any(|kind| kind.covers(subject.ip_type, subject.ip_has_remark))
    }

    pub(super) fn covers_key(&self, subject: &Subject<'_>) -> bool {
        if subject.temporary {
            return self.any_key() || self.all_temporary();
        }
        self.any_key() || self.ak_kinds == AkKind::Permanent || self.aks.contains(subject.ak)
    }

    fn shadows_sources(&self, other: &Self) -> bool {
        let net_in = |net: &IpNet| self.ips.iter().any(|own| own.contains(net));
        let kind_in = |kind: &IpType| kind.parts().all(|part| holds(&self.ip_types, part));
        self.any_source() || !other.any_source() && other.ips.iter().all(net_in) && other.ip_types.iter().all(kind_in)
    }

    fn shadows_keys(&self, other: &Self) -> bool {
        let permanent = self.ak_kinds == AkKind::Permanent;
        let kind = match other.ak_kinds {
            AkKind::Any => !other.aks.is_empty(),
            AkKind::Permanent => permanent,
            AkKind::Temporary => self.all_temporary(),
        };
        let id_in = |ak: &String| if ak == TEMP_AK { self.all_temporary() } else { permanent || self.aks.contains(ak) };
        self.any_key() || kind && other.aks.iter().all(id_in)
    }

    fn shadows_apis(&self, other: &Self) -> bool {
        let api_in = |api: &ApiPattern| self.apis.iter().any(|own| own.shadows(api));
        self.apis.is_empty() || !other.apis.is_empty() && other.apis.iter().all(api_in)
    }

    pub(super) fn any_source(&self) -> bool {
        self.ips.is_empty() && self.ip_types.is_empty()
    }

    fn any_key(&self) -> bool {
        self.ak_kinds == AkKind::Any && self.aks.is_empty()
    }

    fn all_temporary(&self) -> bool {
        self.ak_kinds == AkKind::Temporary || self.aks.contains(TEMP_AK)
    }

    fn kind_word(&self) -> Option<&'static str> {
        match self.ak_kinds {
            AkKind::Any => None,
            AkKind::Permanent => Some("permanent"),
            AkKind::Temporary => Some("temporary"),
        }
    }

    fn method_words(&self) -> Vec<String> {
        self.method.iter().map(|method| format!("{} calls", method.as_str())).collect()
    }

    fn key_words(&self) -> Vec<String> {
        let kind = self.kind_word().map(|kind| format!("{kind} keys"));
        kind.into_iter().chain(self.aks.iter().map(|ak| format!("key {}", mask_key(ak)))).collect()
    }
}

/// A network as people write it: a single address has no `/32`.
pub(super) fn address(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// `a`, `a or b`, `a, b or c`, `a, b, c or 7 more`.
fn either(words: &[String]) -> String {
    let (shown, last) = match words {
        [] => return String::new(),
        [one] => return one.clone(),
        [first @ .., last] if words.len() <= DESCRIBED => (first, last.clone()),
        _ => (&words[..DESCRIBED], format!("{} more", words.len() - DESCRIBED)),
    };
    format!("{} or {last}", shown.join(", "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::draft::tests::{any_policy, policy};
    use super::*;
    use proptest::prelude::*;

    const CALL: Subject<'static> = Subject {
        rule: "create-key",
        source_ip: Some("203.0.113.7"),
        ip_type: "outside",
        ip_has_remark: false,
        method: Method::Api,
        ak: "AKIDEXAMPLE1",
        temporary: false,
        service: "cam",
        action: "DeleteUser",
        code: SUCCESS,
        success: true,
    };

    #[test]
    fn every_dimension_must_fit_and_any_entry_in_it_will_do() {
        let narrow = policy(|draft| {
            draft.rules = vec!["create-key".into(), "hacker-tool".into()];
            draft.ips = vec!["203.0.113.0/24".into()];
            draft.apis = vec!["cvm:*".into(), "cam:Delete*".into()];
        });
        assert!(narrow.covers(&CALL));
        assert!(narrow.covers(&Subject { source_ip: Some("::ffff:203.0.113.7"), ..CALL }));
        assert!(!narrow.covers(&Subject { rule: "dormant-key-used", ..CALL }));
        assert!(!narrow.covers(&Subject { source_ip: Some("203.0.114.7"), ..CALL }));
        assert!(!narrow.covers(&Subject { action: "CreateUser", ..CALL }));
    }

    #[test]
    fn an_address_or_an_ip_type_is_enough_but_a_call_without_address_has_neither() {
        let either = policy(|draft| {
            draft.ips = vec!["192.0.2.1".into()];
            draft.ip_types = vec!["outside+remark".into(), "lan".into()];
        });
        assert!(!either.covers(&CALL));
        assert!(either.covers(&Subject { ip_has_remark: true, ..CALL }));
        assert!(either.covers(&Subject { source_ip: Some("192.0.2.1"), ..CALL }));
        assert!(either.covers(&Subject { source_ip: Some("10.0.0.1"), ip_type: "lan", ..CALL }));
        assert!(!either.covers(&Subject { source_ip: None, ip_type: "lan", ..CALL }));
    }

    #[test]
    fn keys_are_listed_exactly_or_by_kind() {
        let ids = policy(|draft| draft.aks = vec!["AKIDEXAMPLE1".into(), "TEMP_AK".into()]);
        let temporary = Subject { ak: TEMP_AK, temporary: true, ..CALL };
        assert!(ids.covers(&CALL) && ids.covers(&temporary));
        assert!(!ids.covers(&Subject { ak: "akidexample1", ..CALL }));
        let permanent = policy(|draft| draft.aks = vec!["permanent".into()]);
        assert!(permanent.covers(&CALL) && !permanent.covers(&temporary));
    }

    #[test]
    fn codes_are_a_word_or_a_list() {
        let denied = Subject { code: "AuthFailure", success: false, ..CALL };
        let covered = |word: &str| {
            let codes = policy(|draft| draft.codes = vec![word.into()]);
            (codes.covers(&CALL), codes.covers(&denied))
        };
        assert_eq!(covered("success"), (true, false));
        assert_eq!(covered("0"), (true, false));
        assert_eq!(covered("failed"), (false, true));
        assert_eq!(covered("authfailure"), (false, true));
    }

    #[test]
    fn patterns_hold_from_start_to_end_and_know_one_wildcard() {
        let fits = |pattern: &str, text: &str| Glob::new(pattern).matches(text);
        assert!(fits("Describe*", "describeUsers") && fits("*", "") && fits("a*b*c", "aXbbXc"));
        assert!(!fits("Describe", "DescribeUsers") && !fits("Users", "DescribeUsers") && !fits("ab*ba", "aba"));
        assert!(!fits("D?scribe", "Describe") && !fits("[D]escribe", "Describe") && fits("a?[", "A?["));
        assert!(fits("*é*", "caféx") && !fits("*é", "cafè"));
        let hostile = "a".repeat(200_000);
        assert!(!fits(&format!("{}b", "a*".repeat(200)), &hostile));
        assert!(!fits(&format!("*{}b*", "a".repeat(400)), &hostile));
        let api = ApiPattern::new("CVM", "*");
        assert!(api.matches("cvm", "x") && !api.matches("cvm2", "x") && !api.matches("xcvm", "x"));
    }

    #[test]
    fn policies_are_described_in_one_line_and_named_shortly() {
        let full = policy(|draft| {
            draft.rules = vec!["create-key".into()];
            draft.ips = vec!["203.0.113.0/24".into(), "192.0.2.1".into()];
            draft.method = Some("api".into());
            draft.aks = vec!["AKIDEXAMPLE1".into()];
            draft.apis = ["cam:A", "cam:B", "cam:C", "cam:D", "cvm:*"].map(String::from).to_vec();
            draft.codes = vec!["failed".into()];
        });
        let expected = "create-key from 192.0.2.1 or 203.0.113.0/24, api calls, key AKID***, cam:A, cam:B, cam:C or \
            2 more, failures";
        assert_eq!((full.describe().as_str(), full.name.as_str()), (expected, "create-key"));
        let ips = policy(|draft| draft.ips = vec!["203.0.113.0/24".into(), "192.0.2.1".into()]);
        assert_eq!(ips.name, "192.0.2.1 and 1 more");
    }

    #[test]
    fn a_policy_is_in_force_until_its_end() {
        let ends = Policy { expires: Some(10), ..policy(|draft| draft.method = Some("api".into())) };
        assert!(ends.in_force(9) && !ends.in_force(10));
        assert!(!Policy { enabled: false, ..ends }.in_force(9));
    }

    #[test]
    fn wider_policies_shadow_narrower_ones() {
        let apis = |text: &str| policy(|draft| draft.apis = vec![text.into()]);
        assert!(apis("cvm:*").shadows(&apis("cvm:Describe*")) && !apis("cvm:Describe*").shadows(&apis("cvm:*")));
        assert!(!apis("cvm:*a").shadows(&apis("cvm:a*")));
        let ips = |text: &str| policy(|draft| draft.ips = vec![text.into()]);
        assert!(ips("10.0.0.0/8").shadows(&ips("10.1.0.0/16")) && !ips("10.1.0.0/16").shadows(&ips("10.0.0.0/8")));
        let kinds = |text: &str| policy(|draft| draft.ip_types = vec![text.into()]);
        assert!(kinds("lan").shadows(&kinds("lan-remark")) && !kinds("lan+remark").shadows(&kinds("lan")));
        assert!(!kinds("lan").shadows(&apis("cvm:*")));
    }

    /// Written to be obviously right.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            [letter, rest @ ..] => {
                text.first().is_some_and(|own| own.eq_ignore_ascii_case(letter)) && naive(rest, &text[1..])
            }
        }
    }

    /// The policy with one dimension left; without any, if there is none of that number.
    fn single(policy: &Policy, dimension: u8) -> Policy {
        let (mut one, all) = (self::policy(|draft| draft.method = Some("api".into())), policy.clone());
        one.method = None;
        match dimension {
            0 => one.rules = all.rules,
            1 => (one.ips, one.ip_types) = (all.ips, all.ip_types),
            2 => (one.aks, one.ak_kinds) = (all.aks, all.ak_kinds),
            3 => one.apis = all.apis,
            4 => one.codes = all.codes,
            _ => {}
        }
        one
    }

    prop_compose! {
        pub(in super::super) fn any_subject()(
            rule in prop::sample::select(vec!["create-key", "hacker-tool", "other"]),
            source_ip in prop::option::of(prop::sample::select(vec!["10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1"])),
            ip_type in prop::sample::select(vec!["in_account", "outside", "lan", "unknown"]),
            method in prop::sample::select(vec![Method::Api, Method::Console]),
            ak in prop::sample::select(vec!["AKIDEXAMPLE1", "AKIDEXAMPLE2", TEMP_AK]),
            service in prop::sample::select(vec!["cam", "cvm"]),
            action in "[aAb]{0,3}",
            code in prop::sample::select(vec!["0", "4102", "authfailure"]),
            ip_has_remark in any::<bool>(),
        ) -> Subject<'static> {
            let action: &'static str = action.leak();
            let (temporary, success) = (ak == TEMP_AK, code == SUCCESS);
            Subject { rule, source_ip, ip_type, ip_has_remark, method, ak, temporary, service, action, code, success }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn patterns_match_as_the_naive_ones_do(pattern in "[aAb*?]{0,6}", text in "[aAb*?]{0,8}") {
            prop_assert_eq!(Glob::new(&pattern).matches(&text), naive(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn patterns_never_panic(pattern in any::<String>(), text in any::<String>()) {
            Glob::new(&pattern).matches(&text);
            let (around, inner) = (format!("{text}*{text}"), format!("{text}{pattern}{text}"));
            prop_assert!(Glob::new(&around).matches(&inner));
        }

        #[test]
        fn a_shadowing_pattern_takes_what_the_other_takes(
            (wide, narrow) in ("[ab*]{0,3}", "[ab*]{0,4}"), texts in prop::collection::vec("[ab*]{0,5}", 20)
        ) {
            let (wide, narrow) = (ApiPattern::new("cam", &wide), ApiPattern::new("cam", &narrow));
            if wide.shadows(&narrow) {
                for text in texts.iter().filter(|text| narrow.matches("cam", text)) {
                    prop_assert!(wide.matches("cam", text));
                }
            }
        }

        #[test]
        fn a_shadowing_policy_covers_what_the_other_covers(
            wide in any_policy(), other in any_policy(), subjects in prop::collection::vec(any_subject(), 20)
        ) {
            prop_assert!(other.shadows(&other) && single(&other, 5).shadows(&other));
            // Whole policies made apart seldom shadow each other, single dimensions do.
            let singles = (0..5).map(|dimension| (single(&wide, dimension), single(&other, dimension)));
            for (wide, other) in singles.chain([(wide.clone(), other.clone())]) {
                for subject in subjects.iter().filter(|subject| other.covers(subject)) {
                    prop_assert!(!wide.shadows(&other) || wide.covers(subject), "{:?} {:?}", wide, subject);
                }
            }
        }

        #[test]
        fn one_more_address_never_covers_less(
            before in any_policy(), ip in "10\\.[01]\\.0\\.[01]", subject in any_subject()
        ) {
            let mut after = before.clone();
            after.ips.push(ip.parse::<IpAddr>().unwrap().into());
            prop_assert!(before.ips.is_empty() || !before.covers(&subject) || after.covers(&subject));
        }
    }
}
