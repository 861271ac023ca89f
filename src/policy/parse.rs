//! From JSON to a document, with every error found at once.
//!
//! Element names may start with a capital, single statements, actions and resources may stand without a list, and an
//! empty list of conditions is none. All else that the grammar does not have is an error: an element that is passed
//! over, such as `notAction`, would turn what the document says around.

use super::action::bare;
use super::check;
use super::explain::quote;
use super::model::{Condition, Document, Effect, Lint, Principal, Severity, Statement};
use super::unwrap::{inner, json};
use super::words::nearest;
use serde_json::{Map, Value};

/// Most statements of a document.
pub(super) const MAX_STATEMENTS: usize = 1_000;
/// Most actions, resources, principals and condition values of a document together.
pub(super) const MAX_ENTRIES: usize = 20_000;
/// Most lints told of a document.
pub(super) const MAX_LINTS: usize = 200;

impl Document {
    /// Reads a document as it stands in a policy, an export or a request to CAM.
    ///
    /// Gives what is odd beside the document. The errors are all that were found, at most some hundred. Texts over
    /// 1 MiB, and documents of more than 1,000 statements or 20,000 entries, are refused.
    pub fn parse(text: &str) -> Result<(Self, Vec<Lint>), Vec<Lint>> {
        let value = json(text).map_err(|lint| vec![lint])?;
        Self::from_value(&value)
    }

    /// Reads a document from JSON. Elements that stood twice cannot be seen here any more; [`Document::parse`] sees them.
    pub fn from_value(value: &Value) -> Result<(Self, Vec<Lint>), Vec<Lint>> {
        if let Value::String(text) = value {
            return Self::parse(text);
        }
        let mut parser = Parser::default();
        let document = parser.document(inner(value));
        let mut lints = parser.lints;
        if lints.iter().any(|lint| lint.severity == Severity::Error) {
            lints.retain(|lint| lint.severity == Severity::Error);
            return Err(lints);
        }
        lints.extend(check::validity(&document));
        check::sort(&mut lints);
        lints.truncate(MAX_LINTS);
        Ok((document, lints))
    }
}

#[derive(Default)]
struct Parser {
    lints: Vec<Lint>,
    /// The statement being read.
    at: Option<usize>,
    entries: usize,
    capitals: bool,
}

impl Parser {
    fn error(&mut self, code: &'static str, text: impl AsRef<str>, hint: impl Into<String>) {
        self.lint(Severity::Error, code, text.as_ref(), hint.into());
    }

    fn lint(&mut self, severity: Severity, code: &'static str, text: &str, hint: String) {
        if self.lints.len() < MAX_LINTS {
            let text = check::place(self.at, text);
            self.lints.push(Lint { code, severity, statement: self.at, text, hint });
        }
    }

    fn document(&mut self, value: &Value) -> Document {
        let Some(elements) = self.elements(value, &["version", "statement", "principal"], "DocumentError") else {
            return Document::default();
        };
        self.version(elements.get("version"));
        let principal = elements.get("principal").and_then(|value| self.principal(value));
        let statements = self.statements(elements.get("statement"), principal.is_some());
        if self.capitals {
            self.at = None;
            let hint = "write them in lower case: only COS is known to take capitals".to_string();
            self.lint(Severity::Note, "ELEMENT_CASE", "element names or effects start with a capital", hint);
        }
        Document { principal, statements }
    }

    /// An object's elements by lower-case name.
    fn elements(&mut self, value: &Value, known: &[&str], code: &'static str) -> Option<Map<String, Value>> {
        let Value::Object(map) = value else {
            let hint = format!("write an object with {}", known.join(", "));
            self.error(code, format!("{} stands where an object must", kind(value)), hint);
            return None;
        };
        let mut elements = Map::new();
        for (written, value) in map {
            let name = folded(written);
            self.capitals |= name != *written;
            if !known.contains(&name.as_str()) {
                let hint = match nearest(written, known.iter().copied()) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("CAM has only {} here", known.join(", ")),
                };
                self.error(
                    code,
                    format!("unknown element {}, which CAM's language does not have here", quote(written)),
                    hint,
                );
            } else if elements.insert(name, value.clone()).is_some() {
                self.error(code, format!("the element {} stands twice", quote(written)), "keep one of them");
            }
        }
        Some(elements)
    }

    fn version(&mut self, version: Option<&Value>) {
        let hint = "write \"version\": \"2.0\"";
        match version {
            Some(Value::String(text)) if text == "2.0" => {}
            Some(Value::String(text)) => {
                self.error("VersionError", format!("unsupported version {}", quote(text)), hint);
            }
            Some(other) => {
                self.error("VersionError", format!("unsupported version: {} instead of a text", kind(other)), hint);
            }
            None => self.error("VersionError", "version is required", hint),
        }
    }

    fn statements(&mut self, value: Option<&Value>, shared_principal: bool) -> Vec<Statement> {
        let items = match value {
            Some(Value::Array(items)) => items.as_slice(),
            Some(object @ Value::Object(_)) => std::slice::from_ref(object),
            Some(other) => {
                let text = format!("statement is {} instead of a list", kind(other));
                self.error("StatementError", text, "write \"statement\": [{…}]");
                return Vec::new();
            }
            None => {
                self.error("StatementError", "statement is required", "write \"statement\": [{…}]");
                return Vec::new();
            }
        };
        if items.is_empty() {
            self.error("StatementError", "the list of statements is empty", "add a statement");
        }
        if items.len() > MAX_STATEMENTS {
            let text = format!("the document has {} statements; more than {MAX_STATEMENTS} are not read", items.len());
            self.error("PolicyDocumentLengthOverLimit", text, "split it into several policies");
            return Vec::new();
        }
        let read = |(at, item)| {
            self.at = Some(at + 1);
            self.statement(item, shared_principal)
        };
        let statements = items.iter().enumerate().filter_map(read).collect();
        self.at = None;
        statements
    }

    fn statement(&mut self, value: &Value, shared_principal: bool) -> Option<Statement> {
        let known = ["effect", "action", "resource", "condition", "principal"];
        let elements = self.elements(value, &known, "StatementError")?;
        let effect = self.effect(elements.get("effect"));
        let principal = elements.get("principal").and_then(|value| self.principal(value));
        let actions = self.texts(elements.get("action"), "action", "ActionMiss", true);
        let needs_resource = principal.is_none() && !shared_principal;
        let resources = self.texts(elements.get("resource"), "resource", "ResourceContentError", needs_resource);
        let conditions = elements.get("condition").map(|value| self.conditions(value)).unwrap_or_default();
        let actions = actions.into_iter().map(|action| bare(&action).to_string()).collect();
        Some(Statement { effect: effect?, principal, actions, resources, conditions })
    }

    fn effect(&mut self, value: Option<&Value>) -> Option<Effect> {
        let hint = "write \"effect\": \"allow\" or \"deny\"";
        let Some(value) = value else {
            self.error("EffectError", "effect is required", hint);
            return None;
        };
        let text = value.as_str().unwrap_or_default();
        let name = folded(text);
        self.capitals |= name != text;
        match name.as_str() {
            "allow" => Some(Effect::Allow),
            "deny" => Some(Effect::Deny),
            _ => {
                self.error("EffectError", format!("effect {} is neither allow nor deny", shown(value)), hint);
                None
            }
        }
    }

    /// One text or a list of texts.
    fn texts(&mut self, value: Option<&Value>, name: &str, code: &'static str, required: bool) -> Vec<String> {
        let items = match value {
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let is_missing = items.is_empty() && (required || value.is_some());
        if is_missing {
            let hint = format!("write \"{name}\": [\"…\"]; \"*\" stands for all");
            self.error(code, format!("{name} is required"), hint);
        }
        if !self.room_for(items.len()) {
            return Vec::new();
        }
        items.iter().filter_map(|item| self.text(item, name, code)).collect()
    }

    fn text(&mut self, item: &Value, name: &str, code: &'static str) -> Option<String> {
        match item {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::String(_) => {
                self.error(code, format!("{name} is required, but blank"), "name one, or \"*\" for all");
                None
            }
            other => {
                self.error(code, format!("{name} holds {} instead of a text", kind(other)), "put it in quotes");
                None
            }
        }
    }

    /// Counts entries; tells once when there are too many.
    fn room_for(&mut self, more: usize) -> bool {
        let before = self.entries;
        self.entries = before.saturating_add(more);
        if self.entries > MAX_ENTRIES && before <= MAX_ENTRIES {
            let text = format!("the document has more than {MAX_ENTRIES} actions, resources and values");
            self.error("PolicyDocumentLengthOverLimit", text, "split it into several policies");
        }
        self.entries <= MAX_ENTRIES
    }

    fn conditions(&mut self, value: &Value) -> Vec<Condition> {
        let operators = match value {
            Value::Array(items) if items.is_empty() => return Vec::new(),
            Value::Object(operators) => operators,
            other => {
                let text = format!("condition is {} instead of an object", kind(other));
                self.error("ConditionTypeError", text, "write {\"operator\": {\"key\": [\"value\"]}}");
                return Vec::new();
            }
        };
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let Value::Object(keys) = keys else {
                let text = format!("operator {} holds {} instead of an object", quote(operator), kind(keys));
                self.error("ConditionTypeError", text, "write {\"key\": [\"value\"]} below the operator");
                continue;
            };
            for (key, values) in keys {
                let values = self.values(operator, key, values);
                conditions.push(Condition { operator: operator.clone(), key: key.clone(), values });
            }
        }
        conditions
    }

    fn values(&mut self, operator: &str, key: &str, values: &Value) -> Vec<Value> {
        let items = match values {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let is_scalar = |item: &Value| matches!(item, Value::String(_) | Value::Number(_) | Value::Bool(_));
        let place = format!("{} of operator {}", quote(key), quote(operator));
        if items.is_empty() {
            self.error("ConditionContentError", format!("{place} has no value"), "give a value or drop the condition");
        }
        if let Some(odd) = items.iter().find(|item| !is_scalar(item)) {
            let text = format!("{place} has {} as a value", kind(odd));
            self.error("ConditionContentError", text, "values are texts, numbers, true or false");
        }
        if self.room_for(items.len().max(1)) { items.to_vec() } else { Vec::new() }
    }

    fn principal(&mut self, value: &Value) -> Option<Principal> {
        if value.as_str() == Some("*") {
            return Some(Principal::Any);
        }
        let hint = "write \"*\", or an object with qcs, service or federated";
        if !value.is_object() {
            self.error("PrincipalError", format!("principal is {} instead of an object", shown(value)), hint);
            return None;
        }
        let elements = self.elements(value, &["qcs", "service", "federated"], "PrincipalError")?;
        if elements.is_empty() {
            self.error("PrincipalError", "principal names nobody", hint);
        }
        let mut list = |name: &str| self.texts(elements.get(name), name, "PrincipalError", false);
        Some(Principal::Listed { qcs: list("qcs"), service: list("service"), federated: list("federated") })
    }
}

/// The name with its first letter in lower case.
fn folded(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

/// What a value is, for people.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| kind(value).to_string(), quote)
}
