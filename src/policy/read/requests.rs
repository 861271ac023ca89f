//! Requests out of files.

use super::super::action::bare;
use super::super::explain::quote;
use super::super::parse::kind;
use super::super::request::{Caller, CallerKind, ContextValue, Request};
use super::super::words::nearest;
use super::Problem;
use super::json::{inside, items};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Elements of a request.
const ELEMENTS: [&str; 4] = ["principal", "action", "resources", "context"];
/// Elements that tell people something and are passed over.
const REMARKS: [&str; 5] = ["id", "title", "note", "source", "count"];
/// Elements of a principal; the role's name is for people.
const PRINCIPAL: [&str; 5] = ["type", "uin", "owner_uin", "app_id", "role_name"];
/// Most resources or context values of a request.
const MAX_ENTRIES: usize = 10_000;

/// Reads the requests of a file: one, a list of them, lines of them, or an object with a list `requests`.
///
/// A request is `{"principal": {"type", "uin", "owner_uin", "app_id"}, "action", "resources", "context"}`. Resources
/// and context may be missing, as may the principal, then a user with unknown numbers: much is unknown then. A request
/// that cannot be read is a problem and does not stop the others.
pub fn read_requests(text: &str) -> (Vec<Request>, Vec<Problem>) {
    let (mut requests, mut problems) = (Vec::new(), Vec::new());
    for item in items(text, &mut problems) {
        walk(&item.at, &item.value, &mut requests, &mut problems);
    }
    (requests, problems)
}

fn walk(at: &str, value: &Value, requests: &mut Vec<Request>, problems: &mut Vec<Problem>) {
    let inner = value.as_object().filter(|map| !map.contains_key("action"));
    let inner = inner.and_then(|map| map.get("requests").or_else(|| map.get("request")));
    match (value, inner) {
        (_, Some(inner)) => walk(at, inner, requests, problems),
        (Value::Array(list), None) => {
            for (index, item) in list.iter().enumerate() {
                walk(&inside(at, index), item, requests, problems);
            }
        }
        (Value::Object(map), None) => {
            let mut reader = Reader { at, problems, failed: false };
            requests.extend(reader.request(map));
        }
        (other, None) => {
            let text = format!("{} stands where a request must", kind(other));
            problems.push(Problem::error(at, text, "write {\"principal\": {…}, \"action\": \"svc:Name\", …}"));
        }
    }
}

struct Reader<'p> {
    at: &'p str,
    problems: &'p mut Vec<Problem>,
    failed: bool,
}

impl Reader<'_> {
    fn error(&mut self, text: String, hint: impl Into<String>) {
        self.failed = true;
        self.problems.push(Problem::error(self.at, text, hint));
    }

    fn warning(&mut self, text: &str, hint: &str) {
        self.problems.push(Problem::warning(self.at, text, hint));
    }

    fn request(&mut self, map: &Map<String, Value>) -> Option<Request> {
        self.only(map, "request", &ELEMENTS, &REMARKS);
        let action = self.action(map.get("action"));
        let caller = self.caller(map.get("principal"));
        let resources = self.resources(map.get("resources"));
        let context = self.context(map.get("context"));
        let request = Request { caller: caller?, action: action?, resources, context };
        (!self.failed).then_some(request)
    }

    /// Tells elements that are not known: a misspelt one would change the answer.
    fn only(&mut self, map: &Map<String, Value>, what: &str, known: &[&str], remarks: &[&str]) {
        for name in map.keys().filter(|name| !known.contains(&name.as_str()) && !remarks.contains(&name.as_str())) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("a {what} has {}", known.join(", ")),
            };
            self.error(format!("field {} is not known in a {what}", quote(name)), hint);
        }
    }

    fn action(&mut self, value: Option<&Value>) -> Option<String> {
        let hint = "write service:Name, such as cvm:DescribeInstances";
        let text = match value {
            Some(Value::String(text)) => bare(text.trim()),
            Some(other) => {
                self.error(format!("field `action` is {} instead of a text", kind(other)), hint);
                return None;
            }
            None => {
                self.error("field `action` is missing".to_string(), hint);
                return None;
            }
        };
        let is_whole = text.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if !is_whole || text.contains('*') {
            let what = if is_whole { "is a pattern; a request has one action" } else { "is not service:Name" };
            self.error(format!("field `action`: {} {what}", quote(text)), hint);
            return None;
        }
        Some(text.to_string())
    }

    fn caller(&mut self, value: Option<&Value>) -> Option<Caller> {
        let empty = Map::new();
        let map = match value {
            Some(Value::Object(map)) => map,
            None | Some(Value::Null) => {
                self.warning(
                    "field `principal` is missing; a user with unknown numbers is assumed",
                    "add \"principal\": {\"type\": \"sub_account\", \"uin\": \"…\", \"owner_uin\": \"…\"}",
                );
                &empty
            }
            Some(other) => {
                self.error(format!("field `principal` is {} instead of an object", kind(other)), "write {\"type\": …}");
                return None;
            }
        };
        self.only(map, "principal", &PRINCIPAL, &[]);
        let kind = self.caller_kind(map.get("type"))?;
        let mut number = |name: &str| self.number(name, map.get(name));
        Some(Caller { kind, uin: number("uin"), owner_uin: number("owner_uin"), app_id: number("app_id") })
    }

    fn caller_kind(&mut self, value: Option<&Value>) -> Option<CallerKind> {
        let Some(value) = value else { return Some(CallerKind::SubAccount) };
        let written = value.as_str().unwrap_or_default();
        let found = CallerKind::ALL.into_iter().find(|one| one.as_str() == written);
        if found.is_none() {
            let words = CallerKind::ALL.map(CallerKind::as_str);
            let hint = match nearest(written, words) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write one of {}", words.join(", ")),
            };
            let shown = value.as_str().map_or_else(|| kind(value).to_string(), quote);
            self.error(format!("field `principal.type`: {shown} is not a kind of principal"), hint);
        }
        found
    }

    fn number(&mut self, name: &str, value: Option<&Value>) -> String {
        match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.trim().to_string(),
            Some(Value::Number(number)) => number.to_string(),
            Some(other) => {
                let text = format!("field `principal.{name}` is {} instead of a number or text", kind(other));
                self.error(text, "write the number in quotes");
                String::new()
            }
        }
    }

    fn resources(&mut self, value: Option<&Value>) -> Vec<String> {
        let items = match value {
            None | Some(Value::Null) => {
                self.warning(
                    "field `resources` is missing; only statements on all resources can be decided",
                    "add \"resources\": [\"*\"] for calls that CAM checks without a resource",
                );
                return Vec::new();
            }
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if items.is_empty() {
            self.warning("field `resources` is empty; only statements on all resources can be decided", "add \"*\"");
        }
        self.bounded(items.len(), "resources");
        items.iter().take(MAX_ENTRIES).filter_map(|item| self.resource(item)).collect()
    }

    fn resource(&mut self, item: &Value) -> Option<String> {
        let hint = "write qcs::service:region:account:resource, or \"*\"";
        match item {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_string()),
            Value::String(_) => {
                self.error("field `resources` holds a blank text".to_string(), hint);
                None
            }
            other => {
                self.error(format!("field `resources` holds {} instead of a text", kind(other)), hint);
                None
            }
        }
    }

    fn bounded(&mut self, count: usize, field: &str) {
        if count > MAX_ENTRIES {
            let text = format!("field `{field}` has {count} entries; more than {MAX_ENTRIES} are not read");
            self.error(text, "split the request");
        }
    }

    fn context(&mut self, value: Option<&Value>) -> BTreeMap<String, ContextValue> {
        let hint = "write {\"key\": [\"value\"]}, or {\"key\": {\"uncertain\": true}}";
        match value {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(map)) => {
                map.iter().filter_map(|(key, value)| Some((key.clone(), self.context_value(key, value)?))).collect()
            }
            Some(other) => {
                self.error(format!("field `context` is {} instead of an object", kind(other)), hint);
                BTreeMap::new()
            }
        }
    }

    fn context_value(&mut self, key: &str, value: &Value) -> Option<ContextValue> {
        let items = match value {
            Value::Null => return None,
            Value::Object(map) if map.len() == 1 && map.get("uncertain") == Some(&Value::Bool(true)) => {
                return Some(ContextValue::Uncertain);
            }
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        self.bounded(items.len(), "context");
        let mut values = Vec::new();
        for item in items.iter().take(MAX_ENTRIES) {
            match item {
                Value::String(text) => values.push(text.clone()),
                Value::Number(_) | Value::Bool(_) => values.push(item.to_string()),
                other => {
                    let text = format!("field `context`: key {} has {} as a value", quote(key), kind(other));
                    self.error(text, "values are texts, numbers, true, false, or {\"uncertain\": true}");
                }
            }
        }
        Some(ContextValue::Values(values))
    }
}
