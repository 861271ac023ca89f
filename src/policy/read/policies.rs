//! Policies out of saved replies of the CAM interface, or plain documents.

use super::super::model::{Document, Policy};
use super::super::unwrap::starts_percent_encoded;
use super::Problem;
use super::json::{inside, items};
use serde_json::{Map, Value};

/// Names that an element with a document has in replies.
const DOCUMENT: [&str; 4] = ["PolicyDocument", "policyDocument", "Document", "document"];
/// Names that an element with a policy's or role's name has.
const NAME: [&str; 5] = ["PolicyName", "policyName", "RoleName", "roleName", "name"];

/// Reads the policies of a file: a document, a list or lines of them, or replies of the CAM interface that hold
/// documents, such as those of GetPolicy and GetUserPermissionBoundary.
///
/// Policies without a name of their own are called after the file, `name`. A document that cannot be read is a problem
/// and does not stop the others; what is odd in those that can be read is told as a warning or note.
pub fn read_policies(name: &str, text: &str) -> (Vec<Policy>, Vec<Problem>) {
    let mut reader = Reader { policies: Vec::new(), problems: Vec::new(), unnamed: Vec::new(), found: false };
    if starts_percent_encoded(text) {
        reader.document("", None, &Value::String(text.to_string()));
    } else {
        for item in items(text, &mut reader.problems) {
            reader.walk(&item.at, None, &item.value);
        }
    }
    let is_empty_list = text.trim_start_matches('\u{feff}').split_whitespace().collect::<String>() == "[]";
    if !reader.found && reader.problems.is_empty() && !is_empty_list {
        let hint = "give a policy document, or the reply of GetPolicy; lists of policies alone hold none";
        reader.problems.push(Problem::error("", "the file holds no policy document", hint));
    }
    reader.name_the_unnamed(name);
    (reader.policies, reader.problems)
}

struct Reader {
    policies: Vec<Policy>,
    problems: Vec<Problem>,
    /// Places of policies that have no name of their own.
    unnamed: Vec<usize>,
    /// There was a document, if only a broken or blank one.
    found: bool,
}

impl Reader {
    fn walk(&mut self, at: &str, name: Option<&str>, value: &Value) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(&inside(at, index), name, item);
                }
            }
            Value::Object(map) if is_document(map) => self.document(at, name, value),
            Value::Object(map) => self.reply(at, name, map),
            Value::String(text) if holds_document(text) => self.document(at, name, value),
            _ => {}
        }
    }

    /// An object of a reply: the document in it, or else whatever lies deeper.
    fn reply(&mut self, at: &str, outer: Option<&str>, map: &Map<String, Value>) {
        let own = NAME.iter().find_map(|name| map.get(*name)?.as_str()).filter(|name| !name.trim().is_empty());
        let name = own.or(outer);
        if let Some(document) = DOCUMENT.iter().find_map(|name| map.get(*name)) {
            self.found = true;
            let is_blank = document.is_null() || document.as_str().is_some_and(|text| text.trim().is_empty());
            if !is_blank {
                self.document(at, name, document);
            }
            return;
        }
        for value in map.values().filter(|value| value.is_object() || value.is_array()) {
            self.walk(at, name, value);
        }
    }

    fn document(&mut self, at: &str, name: Option<&str>, value: &Value) {
        self.found = true;
        let shown = name.unwrap_or("without name");
        match Document::from_value(value) {
            Ok((document, lints)) => {
                self.problems.extend(lints.into_iter().map(|lint| Problem::of_lint(at, shown, lint)));
                if name.is_none() {
                    self.unnamed.push(self.policies.len());
                }
                self.policies.push(Policy { name: name.unwrap_or_default().to_string(), document });
            }
            Err(lints) => self.problems.extend(lints.into_iter().map(|lint| Problem::of_lint(at, shown, lint))),
        }
    }

    /// Calls policies without a name after the file, with a number when there are several.
    fn name_the_unnamed(&mut self, file: &str) {
        let several = self.unnamed.len() > 1;
        for (index, place) in self.unnamed.iter().enumerate() {
            if let Some(policy) = self.policies.get_mut(*place) {
                policy.name = if several { format!("{file} #{}", index + 1) } else { file.to_string() };
            }
        }
    }
}

/// Whether the object is a document rather than a reply that holds one.
fn is_document(map: &Map<String, Value>) -> bool {
    let is = |name: &str| map.keys().any(|key| key.eq_ignore_ascii_case(name));
    let is_flat = !map.values().any(|value| value.is_object() || value.is_array());
    is("statement") || (is("strategyInfo") && map.len() == 1) || (is("version") && is_flat && !is("document"))
}

fn holds_document(text: &str) -> bool {
    starts_percent_encoded(text) || text.trim_start().starts_with('{')
}
