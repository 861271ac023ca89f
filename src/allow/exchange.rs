//! Lists of policies as JSON: akguard's own file, and the console's `DescribeAccessKeyWhiteList` reply.
//!
//! An import takes a list whole or not at all. A file of ours may hold nothing unknown; a reply of the console may,
//! since the vendor adds fields as it likes.

use crate::event::words::{Method, TEMP_AK};
use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};

use super::draft::{self, Draft, Known, MOST_ENTRIES, PolicyError, rfc3339, shown};
use super::policy::{AkKind, Codes, IpType, Place, Policy, SUCCESS, address};

/// Tells our files from others.
const KIND: &str = "akguard-allowlist";
/// The version written, and the only one read.
const VERSION: i64 = 1;
/// Fields of our file.
const FILE_FIELDS: [&str; 3] = ["version", "kind", "policies"];
/// Fields of a policy in our file, in order.
const POLICY_FIELDS: [&str; 14] = [
    "name", "rules", "ips", "ip_types", "method", "aks", "apis", "codes", "reason", "owner", "created", "updated",
    "expires", "enabled",
];
/// What the Chinese console calls all temporary keys.
const CONSOLE_TEMPORARY: &str = "临时密钥";
/// How the console writes times.
const CONSOLE_TIME: &str = "%Y-%m-%d %H:%M:%S";
/// Times of the console have no zone and are +08:00.
const CONSOLE_OFFSET_MS: i64 = 8 * 3_600_000;
/// The console's numbers for IP types, from 0.
const IP_TYPES: [(Place, bool); 6] = [
    (Place::InAccount, false),
    (Place::Outside, false),
    (Place::InAccount, true),
    (Place::Outside, true),
    (Place::Lan, false),
    (Place::Lan, true),
];

/// Why a text is no list of policies. Nothing of it is taken then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Not JSON.
    #[error("the allowlist is not JSON: {0}")]
    NotJson(String),
    /// JSON of another kind.
    #[error("this is neither an allowlist exported by akguard nor a reply of csip DescribeAccessKeyWhiteList")]
    NotAnAllowlist,
    /// The reply says that the request failed.
    #[error("the reply reports an error ({0:?}) instead of a list; ask the console again")]
    Refused(String),
    /// Something around the entries is wrong.
    #[error("{0}")]
    File(#[from] PolicyError),
    /// Too many entries.
    #[error("{0} policies are too many; an import takes at most {MOST_ENTRIES}")]
    TooMany(usize),
    /// An entry is wrong.
    #[error("entry {number}: {error}")]
    Entry {
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        error: PolicyError,
    },
}

/// Writes policies as our own JSON file.
pub fn export(policies: &[Policy]) -> String {
    let policies: Vec<Value> = policies.iter().map(own_entry).collect();
    pretty(&json!({"version": VERSION, "kind": KIND, "policies": policies}))
}

fn own_entry(policy: &Policy) -> Value {
    let draft = policy.to_draft();
    json!({
        "name": policy.name,
        "rules": draft.rules,
        "ips": draft.ips,
        "ip_types": draft.ip_types,
        "method": draft.method,
        "aks": draft.aks,
        "apis": draft.apis,
        "codes": draft.codes,
        "reason": policy.reason,
        "owner": policy.owner,
        "created": rfc3339(policy.created),
        "updated": rfc3339(policy.updated),
        "expires": policy.expires.map(rfc3339),
        "enabled": policy.enabled,
    })
}

/// Writes one policy in a line, for keeping.
pub fn store_text(policy: &Policy) -> String {
    own_entry(policy).to_string()
}

/// Reads what [`store_text`] wrote. Names are taken as they stand: a policy stays what it is when a rule or service
/// that it names is no longer known.
pub fn restore(text: &str) -> Result<Policy, PolicyError> {
    let value: Value = serde_json::from_str(text).map_err(|error| wrong("policy", &error.to_string()))?;
    let fields = value.as_object().map(Fields).ok_or_else(|| wrong("policy", "expected an object with its fields"))?;
    let (rules, apis) = (fields.texts("rules")?, fields.texts("apis")?);
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let services = apis.iter().map(|api| service_of(api)).collect();
    own_policy(&fields, &Known { rules: &rules, services: &services }, 0)
}

/// The service part of an API pattern as names are compared.
pub fn service_of(api: &str) -> String {
    api.split_once(':').map_or(api, |(service, _)| service).to_ascii_lowercase()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Reads our own file or the console's reply, with or without `Response` around it, or its bare list.
///
/// `rules_for` gives the rule for a number under the console's `AlarmPolicyID`. These numbers differ from account to
/// account, so only the user can know.
pub fn import(
    text: &str,
    known: &Known<'_>,
    now: i64,
    rules_for: &dyn Fn(i64) -> Option<String>,
) -> Result<Vec<Policy>, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    let root: Value = serde_json::from_str(text).map_err(|error| ImportError::NotJson(error.to_string()))?;
    if let Value::Object(file) = &root
        && (file.contains_key("kind") || file.contains_key("policies"))
    {
        return entries(own_list(file)?, |fields| own_policy(fields, known, now));
    }
    entries(console_list(&root)?, |fields| console_policy(fields, known, now, rules_for))
}

fn entries(
    list: &[Value],
    read: impl Fn(&Fields<'_>) -> Result<Policy, PolicyError>,
) -> Result<Vec<Policy>, ImportError> {
    if list.len() > MOST_ENTRIES {
        return Err(ImportError::TooMany(list.len()));
    }
    let one = |(at, value): (usize, &Value)| {
        let fields = value.as_object().map(Fields).ok_or_else(|| wrong("policy", "expected an object with its fields"));
        fields.and_then(|fields| read(&fields)).map_err(|error| ImportError::Entry { number: at + 1, error })
    };
    list.iter().enumerate().map(one).collect()
}

fn own_list(file: &Map<String, Value>) -> Result<&[Value], ImportError> {
    let fields = Fields(file);
    fields.only(&FILE_FIELDS)?;
    if fields.text("kind")? != Some(KIND) {
        return Err(wrong("kind", &format!("expected {KIND:?}")).into());
    }
    if fields.number("version")? != Some(VERSION) {
        return Err(wrong("version", &format!("only version {VERSION} can be read")).into());
    }
    Ok(fields.list("policies")?)
}

fn own_policy(fields: &Fields<'_>, known: &Known<'_>, now: i64) -> Result<Policy, PolicyError> {
    fields.only(&POLICY_FIELDS)?;
    let owned = |name: &str| Ok::<_, PolicyError>(fields.text(name)?.map(str::to_string));
    let draft = Draft {
        name: owned("name")?,
        rules: fields.texts("rules")?,
        ips: fields.texts("ips")?,
        ip_types: fields.texts("ip_types")?,
        method: owned("method")?,
        aks: fields.texts("aks")?,
        apis: fields.texts("apis")?,
        codes: fields.texts("codes")?,
        reason: owned("reason")?,
        owner: owned("owner")?,
        expires: fields.time("expires")?,
    };
    let created = fields.time("created")?.unwrap_or(now);
    let updated = fields.time("updated")?.unwrap_or(created);
    let enabled = fields.flag("enabled")?.unwrap_or(true);
    Ok(Policy { created, updated, enabled, ..draft.check_past(known, now)? })
}

fn console_list(root: &Value) -> Result<&[Value], ImportError> {
    if let Value::Array(list) = root {
        return Ok(list);
    }
    let reply = root.get("Response").unwrap_or(root);
    if let Some(error) = reply.get("Error") {
        let code = error.get("Code").and_then(Value::as_str).unwrap_or("without a code");
        return Err(ImportError::Refused(shown(code)));
    }
    reply.get("Data").and_then(Value::as_array).map(Vec::as_slice).ok_or(ImportError::NotAnAllowlist)
}

fn console_policy(
    fields: &Fields<'_>,
    known: &Known<'_>,
    now: i64,
    rules_for: &dyn Fn(i64) -> Option<String>,
) -> Result<Policy, PolicyError> {
    let draft = Draft {
        name: fields.plain("Name")?,
        rules: console_rules(fields, rules_for)?,
        ips: fields.texts("IPList")?,
        ip_types: console_ip_types(fields)?,
        method: console_method(fields)?,
        aks: console_keys(fields)?,
        apis: console_apis(fields)?,
        codes: console_codes(fields)?,
        reason: fields.plain("Remark")?,
        owner: None,
        expires: None,
    };
    let created = fields.console_time("CreateTime")?.unwrap_or(now);
    let updated = fields.console_time("UpdateTime")?.unwrap_or(created);
    Ok(Policy { created, updated, ..draft.check_past(known, now)? })
}

fn console_rules(fields: &Fields<'_>, rules_for: &dyn Fn(i64) -> Option<String>) -> Result<Vec<String>, PolicyError> {
    let field = "AlarmPolicyID";
    let rule = |number: i64| {
        let problem = "is a number of that account's console; say which rule it is, or empty the list for every rule";
        rules_for(number).ok_or_else(|| wrong(field, &format!("{number} {problem}")))
    };
    fields.numbers(field)?.into_iter().map(rule).collect()
}

fn console_ip_types(fields: &Fields<'_>) -> Result<Vec<String>, PolicyError> {
    let kind = |number: i64| {
        let found = usize::try_from(number).ok().and_then(|number| IP_TYPES.get(number));
        let (place, remark) =
            found.ok_or_else(|| wrong("IPTypeList", &format!("{number} is no IP type; use 0 to 5")))?;
        Ok(IpType { place: *place, remark: Some(*remark) }.to_string())
    };
    fields.numbers("IPTypeList")?.into_iter().map(kind).collect()
}

/// Here 1 is the console; in call records it is 0.
fn console_method(fields: &Fields<'_>) -> Result<Option<String>, PolicyError> {
    match fields.number("CallType")? {
        None | Some(0 | -1) => Ok(None),
        Some(1) => Ok(Some(Method::Console.as_str().to_string())),
        Some(2) => Ok(Some(Method::Api.as_str().to_string())),
        Some(_) => Err(wrong("CallType", "expected 0 (all), 1 (console) or 2 (API)")),
    }
}

fn console_keys(fields: &Fields<'_>) -> Result<Vec<String>, PolicyError> {
    match fields.number("AkImportType")? {
        None | Some(0 | 1) => {}
        Some(2) => return Ok(vec!["temporary".to_string()]),
        Some(3) => return Ok(vec!["permanent".to_string()]),
        Some(4) => return Ok(Vec::new()),
        Some(-1) if fields.list("AKList")?.is_empty() => {}
        Some(-1) => return Err(wrong("AkImportType", "is -1 (no keys), but AKList has some; use 1 for listed keys")),
        Some(_) => return Err(wrong("AkImportType", "expected a number from -1 to 4")),
    }
    let known_word =
        |id: &str| ["all", "permanent", "temporary"].iter().any(|word| id.trim().eq_ignore_ascii_case(word));
    let ids = fields.texts("AKList")?;
    if let Some(id) = ids.iter().find(|id| id.contains('*') || known_word(id)) {
        let problem = "is masked or no key id, and would fit no key; put the full key id in its place";
        return Err(wrong("AKList", &format!("{:?} {problem}", shown(id))));
    }
    let label = |id: String| if id == CONSOLE_TEMPORARY { TEMP_AK.to_string() } else { id };
    Ok(ids.into_iter().map(label).collect())
}

fn console_apis(fields: &Fields<'_>) -> Result<Vec<String>, PolicyError> {
    let list = fields.texts("ActionList")?;
    match fields.number("ActionType")? {
        Some(2) => return Ok(Vec::new()),
        Some(-1) if !list.is_empty() => {
            return Err(wrong("ActionType", "is -1 (no APIs), but ActionList has some; use 0 for listed APIs"));
        }
        None | Some(-1..=1) => {}
        Some(_) => return Err(wrong("ActionType", "expected 0 (typed), 1 (picked) or 2 (all)")),
    }
    if list.iter().any(|api| matches!(api.trim(), "*" | "*:*")) {
        return Ok(Vec::new());
    }
    let whole = |api: String| if api.contains(':') { api } else { format!("{}:*", api.trim()) };
    Ok(list.into_iter().map(whole).collect())
}

fn console_codes(fields: &Fields<'_>) -> Result<Vec<String>, PolicyError> {
    let codes = fields.texts("ErrorCodeList")?;
    if codes.len() == 1 && codes[0] == SUCCESS {
        return Ok(vec!["success".to_string()]);
    }
    // Words of ours would take more than the console's list does.
    match codes.iter().find(|code| draft::code_word(code.trim()).is_some()) {
        Some(code) => Err(wrong("ErrorCodeList", &format!("{code:?} is not an error code"))),
        None => Ok(codes),
    }
}

/// Writes policies in the shape of the console's reply, and says what that shape cannot hold.
///
/// How the console writes entries of `ActionList` is not published; they are written as `service:Action`.
pub fn export_console(policies: &[Policy]) -> (String, Vec<String>) {
    let data: Vec<Value> = (1_i64..).zip(policies).map(|(number, policy)| console_entry(number, policy)).collect();
    let reply = json!({"Response": {"Data": data, "RequestId": "", "Total": policies.len()}});
    (pretty(&reply), policies.iter().flat_map(console_losses).collect())
}

/// A policy as an `AccessKeyWhiteList` of the console, under this number.
pub fn console_entry(number: i64, policy: &Policy) -> Value {
    let (key_type, keys) = match policy.ak_kinds {
        AkKind::Temporary => (2, Vec::new()),
        AkKind::Permanent => (3, Vec::new()),
        AkKind::Any if policy.aks.is_empty() => (4, Vec::new()),
        AkKind::Any => (1, policy.aks.iter().cloned().collect()),
    };
    let call_type = match policy.method {
        None => 0,
        Some(Method::Console) => 1,
        Some(Method::Api) => 2,
    };
    let codes = match &policy.codes {
        Codes::All | Codes::Failed => Vec::new(),
        Codes::Success => vec![json!(0)],
        Codes::Listed(codes) => codes.iter().map(|code| console_code(code)).collect(),
    };
    json!({
        "ID": number,
        "Name": policy.name,
        "AKList": keys,
        "IPList": policy.ips.iter().map(address).collect::<Vec<_>>(),
        "IPTypeList": ip_type_numbers(policy),
        "ActionList": policy.apis.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "CallType": call_type,
        "ErrorCodeList": codes,
        "Remark": policy.reason,
        "CreateTime": console_time(policy.created),
        "UpdateTime": console_time(policy.updated),
        "AkImportType": key_type,
        "AppID": 0,
        "Uin": "",
        "Nickname": "",
        "NeedDealPastAlarm": true,
        "DealStatus": 0,
        "ActionType": if policy.apis.is_empty() { 2 } else { 0 },
        "AlarmPolicyID": [],
    })
}

/// The console's codes are numbers; a code that is a name stays one, so that nothing is covered by mistake.
fn console_code(code: &str) -> Value {
    match code.parse::<i64>() {
        Ok(number) if number.to_string() == code => json!(number),
        _ => json!(code),
    }
}

fn ip_type_numbers(policy: &Policy) -> Vec<usize> {
    let parts: Vec<IpType> = policy.ip_types.iter().flat_map(IpType::parts).collect();
    let listed = |(place, remark): &(Place, bool)| parts.contains(&IpType { place: *place, remark: Some(*remark) });
    IP_TYPES.iter().enumerate().filter(|(_, kind)| listed(kind)).map(|(number, _)| number).collect()
}

/// What the console's shape cannot hold of a policy, in sentences.
pub fn console_losses(policy: &Policy) -> Vec<String> {
    let rules: Vec<&str> = policy.rules.iter().map(String::as_str).collect();
    let end = policy.expires.map(rfc3339).unwrap_or_default();
    let found = [
        (!rules.is_empty(), format!("covers every rule there, not only {}", rules.join(", "))),
        (policy.codes == Codes::Failed, "covers successes there too, since the console lists codes one by one".into()),
        (
            policy.ak_kinds != AkKind::Any && !policy.aks.is_empty(),
            "loses its listed keys there, since the console takes a kind of key or a list".to_string(),
        ),
        (policy.expires.is_some(), format!("does not end there; here it ends at {end}")),
        (!policy.enabled, "is switched on there, though it is off here".to_string()),
        (!policy.owner.is_empty(), format!("loses its owner, {:?}", policy.owner)),
    ];
    let lost = found.into_iter().filter(|(is, _)| *is);
    lost.map(|(_, what)| format!("policy {:?} {what}", policy.name)).collect()
}

fn console_time(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms.saturating_add(CONSOLE_OFFSET_MS)).unwrap_or_default();
    time.format(CONSOLE_TIME).to_string()
}

fn wrong(field: &str, problem: &str) -> PolicyError {
    PolicyError::new(field, problem)
}

/// Reads the fields of an object. One that is missing or null is not set.
struct Fields<'v>(&'v Map<String, Value>);

impl<'v> Fields<'v> {
    fn get(&self, name: &str) -> Option<&'v Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Refuses fields of other names.
    fn only(&self, names: &[&str]) -> Result<(), PolicyError> {
        match self.0.keys().find(|name| !names.contains(&name.as_str())) {
            Some(other) => Err(draft::unknown("field", other, names.iter().copied())),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'v str>, PolicyError> {
        let text = |value: &'v Value| value.as_str().ok_or_else(|| wrong(name, "expected a text"));
        self.get(name).map(text).transpose()
    }

    /// A text that people wrote, in one line; an empty one is not set.
    fn plain(&self, name: &str) -> Result<Option<String>, PolicyError> {
        let clean =
            |text: &str| text.split(|c: char| c.is_whitespace() || draft::unwritable(c)).collect::<Vec<_>>().join(" ");
        Ok(self.text(name)?.map(clean).filter(|text| !text.trim().is_empty()))
    }

    fn list(&self, name: &str) -> Result<&'v [Value], PolicyError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(wrong(name, "expected a list")),
        }
    }

    /// A list of texts, in which a number counts as its text.
    fn texts(&self, name: &str) -> Result<Vec<String>, PolicyError> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(wrong(name, "expected a list of texts")),
        };
        self.list(name)?.iter().map(text).collect()
    }

    fn number(&self, name: &str) -> Result<Option<i64>, PolicyError> {
        self.get(name).map(|value| whole(name, value)).transpose()
    }

    fn numbers(&self, name: &str) -> Result<Vec<i64>, PolicyError> {
        self.list(name)?.iter().map(|value| whole(name, value)).collect()
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, PolicyError> {
        let flag = |value: &Value| value.as_bool().ok_or_else(|| wrong(name, "expected true or false"));
        self.get(name).map(flag).transpose()
    }

    fn time(&self, name: &str) -> Result<Option<i64>, PolicyError> {
        let read = |text: &str| DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis()).ok();
        self.time_as(name, read, "2026-03-02T06:00:00Z")
    }

    fn console_time(&self, name: &str) -> Result<Option<i64>, PolicyError> {
        if self.text(name)? == Some("") {
            return Ok(None);
        }
        let read = |text: &str| {
            let time = NaiveDateTime::parse_from_str(text, CONSOLE_TIME).ok()?;
            Some(time.and_utc().timestamp_millis() - CONSOLE_OFFSET_MS)
        };
        self.time_as(name, read, "2026-03-02 14:00:00")
    }

    fn time_as(&self, name: &str, read: fn(&str) -> Option<i64>, such: &str) -> Result<Option<i64>, PolicyError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let problem = || wrong(name, &format!("{:?} is not a time such as {such}", shown(text)));
        read(text).map(Some).ok_or_else(problem)
    }
}

/// A whole number, or a text that holds one.
fn whole(name: &str, value: &Value) -> Result<i64, PolicyError> {
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number.ok_or_else(|| wrong(name, "expected a whole number"))
}

#[cfg(test)]
mod tests {
    use super::super::draft::tests::{NOW, any_policy, known, policy};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Policy>, ImportError> {
        let rules_for = |number| (number == 7).then(|| "create-key".to_string());
        known(|known| import(text, known, NOW, &rules_for))
    }

    fn own(policy: &str) -> Result<Vec<Policy>, ImportError> {
        read(&format!(r#"{{"version":1,"kind":"akguard-allowlist","policies":[{{"method":"api"}},{policy}]}}"#))
    }

    fn console(entry: &str) -> Result<Policy, String> {
        let text = format!(r#"{{"Response":{{"Data":[{entry}],"RequestId":"x","Total":1}}}}"#);
        read(&text).map(|mut list| list.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_of_ours_is_read_as_it_was_written() {
        let mut old = policy(|draft| {
            draft.ips = vec!["203.0.113.0/24".into()];
            draft.expires = Some(NOW + 1);
        });
        (old.expires, old.created, old.enabled) = (Some(1_000), 500, false);
        let text = export(std::slice::from_ref(&old));
        assert!(text.ends_with("}\n") && text.contains(r#""expires": "1970-01-01T00:00:01.000Z""#));
        assert_eq!(read(&text), Ok(vec![old]));
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written["policies"][0].as_object().unwrap().keys().collect::<Vec<_>>(), POLICY_FIELDS);
    }

    #[test]
    fn a_wrong_entry_is_named_and_nothing_is_taken() {
        let message = |policy: &str| own(policy).unwrap_err().to_string();
        assert_eq!(message(r#"{"ipz":["192.0.2.1"]}"#), "entry 2: field: \"ipz\" is not known; the nearest is ips");
        assert_eq!(message(r#"{"ips":"192.0.2.1"}"#), "entry 2: ips: expected a list");
        assert_eq!(message(r#"{"ips":[true]}"#), "entry 2: ips: expected a list of texts");
        assert!(message(r#"{"rules":["create-kez"]}"#).starts_with("entry 2: rule: \"create-kez\" is not known"));
        assert!(message("{}").starts_with("entry 2: a policy with nothing set"));
        assert!(message("7").starts_with("entry 2: policy: expected an object"));
        assert!(message(r#"{"method":"api","expires":""}"#).starts_with("entry 2: expires: "));
        assert!(message(r#"{"method":"api","created":"yesterday"}"#).starts_with("entry 2: created: "));
        assert_eq!(own(r#"{"method":"console"}"#).unwrap().len(), 2);
    }

    #[test]
    fn other_files_are_refused() {
        let version = read(r#"{"version":2,"kind":"akguard-allowlist","policies":[]}"#);
        assert_eq!(version.unwrap_err().to_string(), "version: only version 1 can be read");
        let extra = read(r#"{"version":1,"kind":"akguard-allowlist","policys":[]}"#);
        assert_eq!(extra.unwrap_err().to_string(), "field: \"policys\" is not known; the nearest is policies");
        assert_eq!(read(r#"{"alarms":[]}"#), Err(ImportError::NotAnAllowlist));
        assert_eq!(
            read(r#"{"Response":{"Error":{"Code":"AuthFailure"}}}"#),
            Err(ImportError::Refused("AuthFailure".into()))
        );
        for text in ["", "NaN", "[1e999]", &"[".repeat(100_000), &r#"{"Data":"#.repeat(100_000)] {
            assert!(matches!(read(text), Err(ImportError::NotJson(_))));
        }
        let many = format!("[{}]", vec![r#"{"CallType":1}"#; 1001].join(","));
        assert_eq!(read(&many), Err(ImportError::TooMany(1001)));
    }

    #[test]
    fn what_is_kept_needs_no_known_names() {
        let text = r#"{"rules":["gone-rule"],"apis":["Gone-*:X*"],"created":"2026-03-02T06:00:00.000Z"}"#;
        let policy = restore(text).unwrap();
        assert_eq!((policy.rules.len(), policy.apis[0].to_string().as_str()), (1, "gone-*:X*"));
        for damaged in ["", "[]", "{}", r#"{"rules":7}"#, r#"{"method":"api","new":1}"#] {
            assert!(restore(damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn the_consoles_numbers_are_its_own() {
        let policy = console(
            r#"{"ID": 1, "Name": "ci", "AKList": [], "AkImportType": 4, "IPList": ["203.0.113.7"], "IPTypeList": [0, 3, 4, 5],
                "ActionList": ["cam:DeleteUser", "cvm"], "ActionType": 1, "CallType": 2, "ErrorCodeList": ["0"],
                "Remark": "two\nlines", "CreateTime": "2025-02-27 20:01:23", "AlarmPolicyID": [7], "New": {"x": 1}}"#,
        );
        let policy = policy.unwrap();
        let draft = policy.to_draft();
        assert_eq!((draft.name.as_deref(), draft.reason.as_deref()), (Some("ci"), Some("two lines")));
        assert_eq!((draft.rules, draft.aks), (vec!["create-key".to_string()], Vec::new()));
        assert_eq!((draft.ips, draft.codes), (vec!["203.0.113.7".to_string()], vec!["success".to_string()]));
        assert_eq!(draft.ip_types, ["in_account-remark", "outside+remark", "lan"]);
        assert_eq!(draft.apis, ["cam:DeleteUser", "cvm:*"]);
        assert_eq!(policy.method, Some(Method::Api));
        assert_eq!((rfc3339(policy.created).as_str(), policy.updated), ("2025-02-27T12:01:23.000Z", policy.created));
        assert_eq!(console(r#"{"CallType": 1, "ActionList": ["*"]}"#).unwrap().method, Some(Method::Console));
        assert_eq!(console(r#"{"AkImportType": 2}"#).unwrap().ak_kinds, AkKind::Temporary);
        assert_eq!(console(r#"{"AKList": ["临时密钥"]}"#).unwrap().ak_kinds, AkKind::Temporary);
    }

    #[test]
    fn console_entries_that_cannot_be_meant_are_refused() {
        let message = |entry: &str| console(entry).unwrap_err();
        assert!(
            message(r#"{"AKList":["AKIDZ***ABA4"],"AkImportType":0}"#)
                .starts_with("entry 1: AKList: \"AKIDZ***ABA4\" is masked")
        );
        assert!(
            message(r#"{"CallType":1,"AlarmPolicyID":[12]}"#).starts_with("entry 1: AlarmPolicyID: 12 is a number")
        );
        assert!(
            message(r#"{"AkImportType":4,"AKList":[],"CallType":0}"#).starts_with("entry 1: a policy with nothing set")
        );
        assert!(message(r#"{"CallType":3}"#).starts_with("entry 1: CallType: "));
        assert!(message(r#"{"IPTypeList":[6]}"#).starts_with("entry 1: IPTypeList: 6 "));
        assert!(message(r#"{"ErrorCodeList":["failed"]}"#).starts_with("entry 1: ErrorCodeList: "));
        assert!(message(r#"{"CallType":1,"CreateTime":"2025-02-30 00:00:00"}"#).starts_with("entry 1: CreateTime: "));
    }

    #[test]
    fn what_the_console_cannot_hold_is_said() {
        let mut wide = policy(|draft| {
            draft.name = Some("ci".into());
            draft.rules = vec!["create-key".into()];
            draft.codes = vec!["failed".into()];
            draft.owner = Some("ops".into());
            draft.expires = Some(NOW + 1);
        });
        wide.enabled = false;
        let (text, warnings) = export_console(std::slice::from_ref(&wide));
        assert_eq!(warnings.len(), 5);
        assert_eq!(warnings[0], "policy \"ci\" covers every rule there, not only create-key");
        let reply: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&reply["Response"]["Total"], &reply["Response"]["Data"][0]["AkImportType"]),
            (&json!(1), &json!(4))
        );
        assert_eq!(reply["Response"]["Data"][0]["CreateTime"], "2026-03-15 12:00:00");
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(mut policy in any_policy(), enabled in any::<bool>(), created in 0..NOW) {
            (policy.enabled, policy.created) = (enabled, created);
            let text = store_text(&policy);
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(restore(&text), Ok(policy));
        }

        #[test]
        fn written_and_read_is_the_same(policies in prop::collection::vec(any_policy(), 0..4)) {
            let text = export(&policies);
            let again = read(&text);
            prop_assert_eq!(again.as_ref(), Ok(&policies));
            prop_assert_eq!(export(&again.unwrap()), text);
        }

        #[test]
        fn the_consoles_shape_keeps_what_it_can_hold(policy in any_policy()) {
            let (text, warnings) = export_console(std::slice::from_ref(&policy));
            if warnings.is_empty() {
                let same = read(&text).unwrap().remove(0);
                prop_assert!(same.shadows(&policy) && policy.shadows(&same), "{}", text);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>(), field in prop::sample::select(vec![
            "Name", "AKList", "IPList", "IPTypeList", "ActionList", "CallType", "AkImportType", "CreateTime", "AlarmPolicyID",
        ]), value in r#"(-?[0-9]{1,20}|"[^"\\\\]{0,9}"|\[("[a-z*:0-9./]{0,9}"|-?[0-9]{1,20}|null|\[\])\]|\{\}|null|true|1e99)"#) {
            let _ = read(&text);
            let _ = read(&format!("[{{\"ErrorCodeList\":[5],\"{field}\":{value}}}]"));
            let _ = own(&format!("{{\"{}\":{value}}}", field.trim_end_matches("List").to_lowercase()));
        }
    }
}
