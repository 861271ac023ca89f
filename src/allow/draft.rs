//! From what a user typed to a checked policy. Every complaint names the field, what stood there and what to try.

use crate::catalog::edit::nearest;
use crate::event::text::inert;
use crate::event::words::{Method, TEMP_AK};
use chrono::{DateTime, SecondsFormat};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::policy::{AkKind, ApiPattern, Codes, IpType, Policy};

/// The console takes so many entries in a list; so many policies are kept, too, so that an export can be imported.
pub const MOST_ENTRIES: usize = 1000;
/// A name has its place in a table's column.
const MOST_NAME: usize = 60;
/// A reason is a sentence or two.
const MOST_REASON: usize = 500;
/// The longest key id, code or API taken, in bytes. Ids of temporary keys are the longest of them in practice.
const MOST_BYTES: usize = 512;
/// Errors quote so many characters of a value.
const QUOTED: usize = 80;
/// The last millisecond of the year 9999; later times have no four-digit year.
const LAST_TIME: i64 = 253_402_300_799_999;
/// The first millisecond of the year 0.
const FIRST_TIME: i64 = -62_167_219_200_000;

/// What a user typed, field by field. An empty field is not set.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What to call the policy; made from its scope if not given.
    pub name: Option<String>,
    /// Ids of rules.
    pub rules: Vec<String>,
    /// Addresses and ranges.
    pub ips: Vec<String>,
    /// Words such as `outside` and `lan+remark`.
    pub ip_types: Vec<String>,
    /// `all`, `api` or `console`.
    pub method: Option<String>,
    /// Key ids, `permanent`, `temporary` or `all`.
    pub aks: Vec<String>,
    /// `service:Action`, with `*` as a wildcard.
    pub apis: Vec<String>,
    /// Response codes, or one of `all`, `success` and `failed`.
    pub codes: Vec<String>,
    /// Why the calls are fine.
    pub reason: Option<String>,
    /// Who answers for the policy.
    pub owner: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub expires: Option<i64>,
}

/// Names that a policy may use.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Ids of all rules.
    pub rules: &'a [&'a str],
    /// Services of the catalog and of the logs seen, in lower case.
    pub services: &'a BTreeSet<String>,
}

/// Why a draft is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A field cannot be used.
    #[error("{field}: {problem}")]
    Field {
        /// The field.
        field: String,
        /// What stood there, what is wrong with it, and what to try.
        problem: String,
    },
    /// No dimension is set.
    #[error(
        "a policy with nothing set would cover everything; set at least one of --rule, --ip, --ip-type, --method, --ak, --api and --code"
    )]
    NothingSet,
}

impl PolicyError {
    /// The error for a field, with the problem in words.
    pub(super) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self::Field { field: shown(field), problem: problem.into() }
    }

    /// The field that is wrong; none if it is all of them together.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::NothingSet => None,
        }
    }
}

impl Draft {
    /// Makes a policy that is switched on and new as of `now`.
    pub fn check(&self, known: &Known<'_>, now: i64) -> Result<Policy, PolicyError> {
        self.check_end(now)?;
        self.check_past(known, now)
    }

    /// Makes the policy that `old` becomes. It stays as old and as switched on as it was, and may keep an end that has
    /// passed.
    pub fn revise(&self, old: &Policy, known: &Known<'_>, now: i64) -> Result<Policy, PolicyError> {
        if self.expires != old.expires {
            self.check_end(now)?;
        }
        let new = self.check_past(known, now)?;
        Ok(Policy { created: old.created, enabled: old.enabled, ..new })
    }

    /// [`Draft::check`] without asking whether the policy has ended already.
    pub(super) fn check_past(&self, known: &Known<'_>, now: i64) -> Result<Policy, PolicyError> {
        let ip_types = each("ip-type", &self.ip_types, ip_type)?;
        let (ak_kinds, aks) = keys(&self.aks)?;
        let mut policy = Policy {
            name: String::new(),
            rules: each("rule", &self.rules, |text| rule(text, known))?,
            ips: addresses(&self.ips)?,
            ip_types: IpType::simplified(&ip_types),
            method: self.method.as_deref().map(method).transpose()?.flatten(),
            aks,
            ak_kinds,
            apis: each::<_, BTreeSet<_>>("api", &self.apis, |text| api(text, known))?.into_iter().collect(),
            codes: codes(&self.codes)?,
            reason: prose("reason", self.reason.as_deref(), MOST_REASON)?,
            owner: prose("owner", self.owner.as_deref(), MOST_NAME)?,
            created: now,
            updated: now,
            expires: self.expires,
            enabled: true,
        };
        if policy.is_empty_scope() {
            return Err(PolicyError::NothingSet);
        }
        policy.name = self.name_for(&policy)?;
        Ok(policy)
    }

    fn name_for(&self, policy: &Policy) -> Result<String, PolicyError> {
        let Some(name) = &self.name else {
            return Ok(shortened(&policy.default_name(), MOST_NAME));
        };
        if name.trim().is_empty() {
            return Err(unusable("name", name, "is empty; leave it out to have one made"));
        }
        prose("name", Some(name), MOST_NAME)
    }

    fn check_end(&self, now: i64) -> Result<(), PolicyError> {
        let Some(end) = self.expires.filter(|end| *end <= now || *end > LAST_TIME) else {
            return Ok(());
        };
        Err(unusable("expires", &rfc3339(end), "is not between now and the year 9999; give another time, or none"))
    }
}

/// The time in UTC, always with milliseconds, so that a file read and written again stays the same.
pub(super) fn rfc3339(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms.clamp(FIRST_TIME, LAST_TIME)).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A value for an error: short, and nothing in it acts on a terminal.
pub(super) fn shown(text: &str) -> String {
    inert(&shortened(text, QUOTED))
}

/// What a name or reason may not hold: control characters, line ends and changes of the direction of writing. What is
/// kept already may hold the rest of what [`inert`] replaces where it is shown.
pub fn unwritable(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_string();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn unusable(field: &str, value: &str, problem: &str) -> PolicyError {
    PolicyError::new(field, format!("{:?} {problem}", shown(value)))
}

/// The error for a name nobody knows.
pub(super) fn unknown<'n>(field: &str, value: &str, names: impl Iterator<Item = &'n str>) -> PolicyError {
    let nearest = nearest(&shown(value).replace('*', ""), names);
    unusable(
        field,
        value,
        &format!("is not known{}", nearest.map_or(String::new(), |n| format!("; the nearest is {n}"))),
    )
}

fn each<T, C: FromIterator<T>>(
    field: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, PolicyError>,
) -> Result<C, PolicyError> {
    if texts.len() > MOST_ENTRIES {
        let problem = format!("{} entries are too many; a list takes at most {MOST_ENTRIES}", texts.len());
        return Err(PolicyError::new(field, problem));
    }
    texts.iter().map(|text| read(text.trim())).collect()
}

fn rule(text: &str, known: &Known<'_>) -> Result<String, PolicyError> {
    let found = known.rules.iter().find(|rule| rule.eq_ignore_ascii_case(text));
    found.map(ToString::to_string).ok_or_else(|| unknown("rule", text, known.rules.iter().copied()))
}

fn addresses(texts: &[String]) -> Result<Vec<IpNet>, PolicyError> {
    let nets: BTreeSet<IpNet> = each("ip", texts, net)?;
    let nets: Vec<IpNet> = nets.into_iter().collect();
    match IpNet::aggregate(&nets).iter().find(|net| net.prefix_len() == 0) {
        Some(all) => Err(unusable(
            "ip",
            &all.to_string(),
            "is what the list adds up to, and covers every address; leave --ip out for that",
        )),
        None => Ok(nets),
    }
}

fn net(text: &str) -> Result<IpNet, PolicyError> {
    let found = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let hint = "is not an address or CIDR; use one such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32";
    found.map(|net| unmapped(net).trunc()).ok_or_else(|| unusable("ip", text, hint))
}

/// An IPv4 network written as IPv6 (`::ffff:192.0.2.0/120`) as what it is.
fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else {
        return net;
    };
    let parts = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    parts.and_then(|(ip, length)| IpNet::new(ip.into(), length).ok()).unwrap_or(net)
}

fn ip_type(text: &str) -> Result<IpType, PolicyError> {
    let words = || IpType::all().map(|kind| kind.to_string()).collect::<Vec<_>>();
    IpType::parse(text).ok_or_else(|| unknown("ip-type", text, words().iter().map(String::as_str)))
}

fn method(text: &str) -> Result<Option<Method>, PolicyError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "all" => Ok(None),
        "api" => Ok(Some(Method::Api)),
        "console" => Ok(Some(Method::Console)),
        _ => Err(unknown("method", text, ["all", "api", "console"].into_iter())),
    }
}

fn keys(texts: &[String]) -> Result<(AkKind, BTreeSet<String>), PolicyError> {
    let mut ids: BTreeSet<String> = each("ak", texts, key)?;
    let several = ids.len() > 1;
    let (all, permanent, temporary) = (ids.remove("all"), ids.remove("permanent"), ids.remove("temporary"));
    let kind = match (permanent, temporary) {
        _ if all && several => return Err(unusable("ak", "all", "stands beside others; leave it or them out")),
        (true, true) => {
            return Err(unusable("ak", "permanent, temporary", "together are every key; leave --ak out for that"));
        }
        (true, false) => AkKind::Permanent,
        (false, true) => AkKind::Temporary,
        (false, false) => AkKind::Any,
    };
    Ok((kind, ids))
}

/// A key id, or a word for keys in lower case.
fn key(text: &str) -> Result<String, PolicyError> {
    let word = text.to_ascii_lowercase();
    if text == TEMP_AK {
        return Ok("temporary".to_string());
    }
    if matches!(word.as_str(), "all" | "permanent" | "temporary") {
        return Ok(word);
    }
    if text.contains(['*', '…']) {
        let problem = "is not a full key id; wildcards are for APIs only, so give the whole id, permanent or temporary";
        return Err(unusable("ak", text, problem));
    }
    one_word("ak", text, "give a full key id, permanent or temporary")
}

/// Refuses what no log field would hold.
fn field_text(field: &str, text: &str, hint: &str) -> Result<String, PolicyError> {
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > MOST_BYTES {
        "is longer than 512 bytes"
    } else if text.chars().any(unwritable) {
        "has control characters in it"
    } else {
        return Ok(text.to_string());
    };
    Err(unusable(field, text, &format!("{problem}; {hint}")))
}

fn one_word(field: &str, text: &str, hint: &str) -> Result<String, PolicyError> {
    if text.contains(char::is_whitespace) {
        return Err(unusable(field, text, &format!("has blanks in it; {hint}")));
    }
    field_text(field, text, hint)
}

fn api(text: &str, known: &Known<'_>) -> Result<ApiPattern, PolicyError> {
    let hint = "write service:Action, such as cam:DeleteUser, cam:* or cvm:Describe*";
    let text = &one_word("api", text, hint)?;
    let Some((service, action)) = text.split_once(':') else {
        return Err(unusable("api", text, &format!("has no colon; {hint}")));
    };
    if service.is_empty() || action.is_empty() || action.contains(':') {
        return Err(unusable("api", text, &format!("is not one service and one action; {hint}")));
    }
    let pattern = ApiPattern::new(service, action);
    if pattern.is_any() {
        return Err(unusable("api", text, "covers every API; leave --api out for that"));
    }
    if !pattern.fits_service(known.services) {
        return Err(unknown("api", service, known.services.iter().map(String::as_str)));
    }
    Ok(pattern)
}

fn codes(texts: &[String]) -> Result<Codes, PolicyError> {
    let read = |text: &str| field_text("code", text, "give a code such as 0 or AuthFailure");
    let list = without_twins(each("code", texts, read)?);
    match list.iter().find_map(|text| code_word(text)) {
        Some(word) if list.len() == 1 => Ok(word),
        Some(_) => Err(PolicyError::new("code", "all, success and failed stand alone; or list codes, 0 is success")),
        None if list.is_empty() => Ok(Codes::All),
        None => Ok(Codes::Listed(list)),
    }
}

/// The meaning of `all`, `success` and `failed`.
pub(super) fn code_word(text: &str) -> Option<Codes> {
    match text.to_ascii_lowercase().as_str() {
        "all" => Some(Codes::All),
        "success" => Some(Codes::Success),
        "failed" => Some(Codes::Failed),
        _ => None,
    }
}

/// Leaves out codes that differ from another in letter case only.
fn without_twins(codes: BTreeSet<String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    codes.into_iter().filter(|code| seen.insert(code.to_ascii_lowercase())).collect()
}

fn prose(field: &str, text: Option<&str>, limit: usize) -> Result<String, PolicyError> {
    let text = text.unwrap_or_default().trim();
    if text.chars().any(unwritable) {
        return Err(unusable(field, text, "has control characters in it; write one line of plain text"));
    }
    match text.chars().count() {
        count if count > limit => Err(unusable(field, text, &format!("has {count} characters; use at most {limit}"))),
        _ => Ok(text.to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in super::super) const NOW: i64 = 1_773_547_200_000;
    const RULES: [&str; 3] = ["create-key", "hacker-tool", "dormant-key-used"];

    /// Calls `with` with the names of the tests.
    pub(in super::super) fn known<T>(with: impl FnOnce(&Known<'_>) -> T) -> T {
        let services = ["cam", "cvm", "vpc"].map(String::from).into();
        with(&Known { rules: &RULES, services: &services })
    }

    fn check(set: impl FnOnce(&mut Draft)) -> Result<Policy, PolicyError> {
        let mut draft = Draft::default();
        set(&mut draft);
        known(|known| draft.check(known, NOW))
    }

    /// The policy of a draft that is fine.
    pub(in super::super) fn policy(set: impl FnOnce(&mut Draft)) -> Policy {
        check(set).unwrap()
    }

    fn some(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop::sample::select(words).prop_map(str::to_string), 0..3)
    }

    prop_compose! {
        fn any_draft()(
            rules in some(&["create-key", "Hacker-Tool"]),
            ips in some(&["10.0.0.0/8", "10.1.2.3/16", "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::/32"]),
            ip_types in some(&["lan", "lan+remark", "lan-remark", "in_account-remark", "outside", "outside+remark"]),
            method in prop::option::of(prop::sample::select(vec!["all", "api", "console"])),
            aks in some(&["permanent", "temporary", "AKIDEXAMPLE1", "AKIDEXAMPLE2", "TEMP_AK"]),
            apis in some(&["cam:*", "CVM:a*", "c*:*B", "cam:Aa", "*:a**b"]),
            codes in prop_oneof![some(&["success", "failed", "all", "Failed"]), some(&["0", "4102", "AuthFailure", "authfailure"])],
            (name, reason, owner) in prop::option::of(("[a-z中\"\\\\]{1,60}", ".{0,40}", "[a-z é]{0,9}")).prop_map(|given| match given {
                Some((name, reason, owner)) => (Some(name), Some(reason), Some(owner)),
                None => (None, None, None),
            }),
            expires in prop::option::of(NOW + 1..NOW * 2),
        ) -> Draft {
            let method = method.map(str::to_string);
            Draft { name, rules, ips, ip_types, method, aks, apis, codes, reason, owner, expires }
        }
    }

    /// Any policy that a draft can give.
    pub(in super::super) fn any_policy() -> impl Strategy<Value = Policy> {
        any_draft().prop_filter_map("not a policy", |draft| known(|known| draft.check(known, NOW)).ok())
    }

    fn message(set: impl FnOnce(&mut Draft)) -> String {
        check(set).unwrap_err().to_string()
    }

    #[test]
    fn complaints_name_the_field_and_the_nearest_name() {
        let says = |message: String, start: &str, end: &str| {
            assert!(message.starts_with(start) && message.ends_with(end), "{message}");
        };
        says(message(|d| d.rules = vec!["create-keys".into()]), "rule: \"create-keys\"", "the nearest is create-key");
        says(message(|d| d.ip_types = vec!["in-account".into()]), "ip-type: ", "the nearest is in_account");
        says(message(|d| d.method = Some("apis".into())), "method: ", "the nearest is api");
        says(message(|d| d.apis = vec!["cvn:*".into()]), "api: \"cvn\"", "the nearest is cvm");
        says(message(|d| d.apis = vec!["DeleteUser".into()]), "api: \"DeleteUser\" has no colon", "cvm:Describe*");
        says(message(|d| d.ips = vec!["203.0.113.0/33".into()]), "ip: \"203.0.113.0/33\" is not", "2001:db8::/32");
        says(message(|d| d.aks = vec!["AKID*".into()]), "ak: \"AKID*\" ", "temporary");
        says(message(|d| d.aks = vec!["a\u{1b}[2J".into()]), "ak: \"a\u{fffd}[2J\"", "temporary");
        says(message(|d| d.codes = vec!["0".into(), "failed".into()]), "code: all, success and failed", "0 is success");
        assert!(message(|d| d.rules = vec!["x".repeat(9999)]).len() < 150);
    }

    #[test]
    fn limits_are_kept() {
        let field = |set: fn(&mut Draft)| message(set).split(':').next().map(str::to_string).unwrap_or_default();
        assert_eq!(field(|d| d.ips = vec!["192.0.2.1".into(); 1001]), "ip");
        assert_eq!(field(|d| (d.name, d.method) = (Some("中".repeat(61)), Some("api".into()))), "name");
        assert_eq!(field(|d| (d.reason, d.method) = (Some("x".repeat(501)), Some("api".into()))), "reason");
        assert_eq!(field(|d| (d.reason, d.method) = (Some("a\nb".into()), Some("api".into()))), "reason");
        assert_eq!(field(|d| (d.expires, d.method) = (Some(NOW), Some("api".into()))), "expires");
        assert_eq!(field(|d| d.aks = vec!["A".repeat(513)]), "ak");
        assert!(check(|d| (d.name, d.method) = (Some("中".repeat(60)), Some("api".into()))).is_ok());
    }

    #[test]
    fn what_would_cover_everything_is_refused() {
        assert_eq!(check(|_| {}), Err(PolicyError::NothingSet));
        assert_eq!(check(|d| d.method = Some("all".into())), Err(PolicyError::NothingSet));
        assert_eq!(check(|d| d.codes = vec!["ALL".into()]), Err(PolicyError::NothingSet));
        assert_eq!(check(|d| d.aks = vec!["all".into()]), Err(PolicyError::NothingSet));
        assert_eq!(check(|d| d.reason = Some("fine".into())), Err(PolicyError::NothingSet));
        for ips in [
            ["0.0.0.0/0", "192.0.2.1"],
            ["192.0.2.1", "::/0"],
            ["0.0.0.0/1", "128.0.0.0/1"],
            ["::ffff:1.2.3.4/96", "::1"],
        ] {
            assert!(message(|d| d.ips = ips.map(String::from).to_vec()).contains("every address"));
        }
        assert!(message(|d| d.apis = vec!["**:*".into()]).contains("covers every API"));
        assert!(message(|d| d.aks = vec!["permanent".into(), "temporary".into()]).contains("together are every key"));
    }

    #[test]
    fn spellings_become_one() {
        let policy = policy(|d| {
            d.rules = vec![" Create-Key ".into()];
            d.ips = vec!["10.1.2.3/8".into(), "::ffff:192.0.2.9/120".into(), "10.0.0.0/8".into()];
            d.ip_types = vec!["lan+remark".into(), "LAN-remark".into(), "outside+remark".into()];
            d.codes = vec!["AuthFailure".into(), "authfailure".into()];
        });
        let draft = policy.to_draft();
        assert_eq!(
            (draft.rules, draft.ips),
            (vec!["create-key".into()], vec!["10.0.0.0/8".into(), "192.0.2.0/24".into()])
        );
        assert_eq!(draft.ip_types, ["outside+remark", "lan"]);
        assert_eq!(draft.codes, ["AuthFailure"]);
    }

    #[test]
    fn a_changed_policy_keeps_its_age_and_its_end() {
        let old = Policy { created: 1, enabled: false, expires: Some(2), ..policy(|d| d.method = Some("api".into())) };
        let revise = |draft: &Draft| known(|known| draft.revise(&old, known, NOW));
        let new = revise(&Draft { reason: Some("why".into()), ..old.to_draft() }).unwrap();
        assert_eq!(new, Policy { reason: "why".into(), updated: NOW, ..old.clone() });
        assert_eq!(revise(&Draft { expires: Some(3), ..old.to_draft() }).unwrap_err().field(), Some("expires"));
    }

    proptest! {
        #[test]
        fn a_policy_is_the_same_after_a_draft(policy in any_policy()) {
            let again = known(|known| policy.to_draft().check(known, NOW));
            prop_assert_eq!(again, Ok(policy));
        }
    }
}
