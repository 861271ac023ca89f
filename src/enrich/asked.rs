//! What an event says about the permission that was asked for: the resources, the role handed to a
//! service, and what a refusal names. One short text for each event, so that equal ones can be counted together.

use crate::catalog::params::AskedBy;
use crate::event::params::{Param, param};
use crate::event::raw::{Body, RawEvent};
use crate::json::{Cursor, Value};
use regex::Regex;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Resources taken of one call; a call about more is told by their types.
const MAX_RESOURCES: usize = 32;
/// Longest resource taken as it is, in bytes. Object names may have 850.
const MAX_RESOURCE: usize = 1024;
/// Longest role and longest name in a refusal, in bytes.
const MAX_NAME: usize = 256;

/// Parts the fields of the text.
const FIELD: char = '\u{1e}';
/// Parts the resources in it.
const ITEM: char = '\u{1f}';

/// Where resources come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The log lists them.
    Logged,
    /// They were built from ids in the request's parameters.
    Built,
    /// They cover all that was seen, by type.
    Widened,
    /// The log does not tell.
    Unknown,
}

impl Source {
    fn letter(self) -> char {
        match self {
            Self::Logged => 'L',
            Self::Built => 'B',
            Self::Widened => 'W',
            Self::Unknown => 'U',
        }
    }

    fn of(letter: Option<char>) -> Self {
        match letter {
            Some('L') => Self::Logged,
            Some('B') => Self::Built,
            Some('W') => Self::Widened,
            _ => Self::Unknown,
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where the resources come from.
    pub source: Source,
    /// Six-segment strings, or `*`.
    pub resources: BTreeSet<String>,
    /// The role handed to a service, as the request names it; empty without one.
    pub role: String,
    /// The action that the refusal names; empty without one.
    pub refused_action: String,
    /// The resource that the refusal names.
    pub refused_resource: String,
}

impl Asked {
    /// Nothing is known.
    pub fn unknown() -> Self {
        Self {
            source: Source::Unknown,
            resources: BTreeSet::new(),
            role: String::new(),
            refused_action: String::new(),
            refused_resource: String::new(),
        }
    }

    /// Reads the text back.
    pub fn parse(text: &str) -> Self {
        let mut fields = text.split(FIELD);
        let first = fields.next().unwrap_or_default();
        let mut letters = first.chars();
        let source = Source::of(letters.next());
        let mut next = || fields.next().unwrap_or_default().to_string();
        Self {
            source,
            resources: letters.as_str().split(ITEM).filter(|item| !item.is_empty()).map(str::to_string).collect(),
            role: next(),
            refused_action: next(),
            refused_resource: next(),
        }
    }

    /// Writes the text.
    pub fn write(&self, out: &mut String) {
        out.push(self.source.letter());
        for (place, resource) in self.resources.iter().enumerate() {
            if place > 0 {
                out.push(ITEM);
            }
            out.push_str(resource);
        }
        let rest = [&self.role, &self.refused_action, &self.refused_resource];
        let used = rest.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1);
        for field in &rest[..used] {
            out.push(FIELD);
            out.push_str(field);
        }
    }

    /// The text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The same with types instead of single resources.
    #[must_use]
    pub fn widened(self) -> Self {
        match self.source {
            Source::Unknown | Source::Widened => self,
            Source::Logged | Source::Built => {
                let resources = self.resources.iter().map(|resource| by_type(resource)).collect();
                Self { source: Source::Widened, resources, ..self }
            }
        }
    }
}

/// What covers all resources: nothing more is told apart.
pub fn anything() -> Asked {
    Asked { source: Source::Widened, resources: ["*".to_string()].into(), ..Asked::unknown() }
}

/// The pattern for all resources of one type, `type/*`; of one bucket in cos. Without a type, those of one service,
/// region and account.
fn by_type(resource: &str) -> String {
    let Some(last) = resource.splitn(6, ':').nth(5) else { return "*".to_string() };
    let rest = match last.split_once('/') {
        Some((kind, rest)) if !kind.is_empty() => rest,
        _ => last,
    };
    format!("{}*", &resource[..resource.len() - rest.len()])
}

/// Writes what an event asked for. `denied`: it was refused for want of permission.
pub(super) fn write_asked(event: &RawEvent<'_>, by: &AskedBy, denied: bool, out: &mut String) {
    let mut asked = match logged(event.resources) {
        Some(resources) if resources.is_empty() => built(event, by),
        Some(resources) => Asked { source: Source::Logged, resources, ..Asked::unknown() },
        None => Asked::unknown(),
    };
    let all: usize = asked.resources.iter().map(String::len).sum();
    if asked.resources.len() > MAX_RESOURCES || all > MAX_RESOURCE {
        asked = asked.widened();
    }
    if asked.resources.len() > MAX_RESOURCES || asked.resources.iter().any(|resource| resource.len() > MAX_RESOURCE) {
        asked = anything();
    }
    if let Some(name) = &by.role {
        asked.role = text_of(event.request, name).map_or_else(String::new, |role| clean(&role));
    }
    if denied {
        (asked.refused_action, asked.refused_resource) = refused(event);
    }
    asked.write(out);
}

/// The resources that the log lists: none at all, or nothing when it lists something else than resources.
fn logged(text: &str) -> Option<BTreeSet<String>> {
    let text = text.trim();
    if text.is_empty() || text == "[]" || text == "null" {
        return Some(BTreeSet::new());
    }
    let mut found = BTreeSet::new();
    if !text.starts_with('[') {
        return is_resource(text).then(|| [text.to_string()].into());
    }
    let read = Cursor::new(text).array(|cursor| {
        if let Value::Text(item) = cursor.value()? {
            found.insert(item.to_cow().trim().to_string());
        }
        Ok(())
    });
    found.remove("");
    (read.is_ok() && found.iter().all(|item| is_resource(item))).then_some(found)
}

fn is_resource(text: &str) -> bool {
    text == "*" || (text.starts_with("qcs:") && text.matches(':').count() >= 5 && !text.contains(char::is_control))
}

/// Resources by the ids that the parameters hold.
fn built(event: &RawEvent<'_>, by: &AskedBy) -> Asked {
    let mut resources = BTreeSet::new();
    for (name, template) in &by.resources {
        let ids = text_of(event.request, name).map_or_else(Vec::new, |value| ids_in(&value));
        resources.extend(ids.iter().filter_map(|id| filled(template, id, event)));
    }
    let source = if resources.is_empty() { Source::Unknown } else { Source::Built };
    Asked { source, resources, ..Asked::unknown() }
}

fn filled(template: &str, id: &str, event: &RawEvent<'_>) -> Option<String> {
    let app_id = id.rsplit_once('-').map_or("", |(_, digits)| digits);
    if template.contains("{bucket_app_id}") && (app_id.is_empty() || !app_id.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let region = if event.region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') { event.region } else { "" };
    let text = template.replace("{region}", region).replace("{owner}", event.account);
    Some(text.replace("{bucket_app_id}", app_id).replace("{id}", id))
}

/// One id, or a list of them, as parameters have it.
fn ids_in(value: &str) -> Vec<String> {
    let plain = |id: &str| {
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (!id.is_empty() && id.len() <= MAX_NAME && id.bytes().all(known)).then(|| id.to_string())
    };
    if !value.starts_with('[') {
        return plain(value).into_iter().collect();
    }
    let mut ids = Vec::new();
    let read = Cursor::new(value).array(|cursor| {
        ids.push(if let Value::Text(item) = cursor.value()? { plain(&item.to_cow()) } else { None });
        Ok(())
    });
    // A list that is only understood in part would give too narrow a resource.
    if read.is_ok() { ids.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default() } else { Vec::new() }
}

/// A parameter's value. Most bodies do not hold the name at all, which is found out faster than by parsing.
fn text_of<'a>(body: Body<'a>, name: &str) -> Option<Cow<'a, str>> {
    let (Body::Text(raw) | Body::Escaped(raw)) = body else { return None };
    memchr::memmem::find(raw.as_bytes(), name.as_bytes())?;
    match param(body, name) {
        Param::Is(value) => Some(value),
        Param::Absent | Param::Unknown => None,
    }
}

static REFUSED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)operation\s*\(([^)]+)\)\s*,?\s*resource\s*\(([^)]+)\)").ok());

/// The action and the resource that a refusal names: `… perform operation (svc:Action) resource (qcs::…) …`.
fn refused(event: &RawEvent<'_>) -> (String, String) {
    let find = |message: &str| {
        let message = &message[..message.floor_char_boundary(4096)];
        let found = REFUSED.as_ref()?.captures(message)?;
        let (action, resource) = (found.get(1)?.as_str().trim(), found.get(2)?.as_str().trim());
        let action = action.strip_prefix("name/").unwrap_or(action);
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_');
        let sound = action.contains(':') && action.bytes().all(known) && is_resource(resource);
        let short = action.len() <= MAX_NAME && resource.len() <= MAX_RESOURCE;
        (sound && short).then(|| (action.to_string(), resource.to_string()))
    };
    find(event.api_error_message).or_else(|| find(event.error_message)).unwrap_or_default()
}

fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text[..text.floor_char_boundary(MAX_NAME)].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(resources: &[(&str, &str)], role: Option<&str>) -> AskedBy {
        let own = |(name, template): &(&str, &str)| (name.to_string(), template.to_string());
        AskedBy { resources: resources.iter().map(own).collect(), role: role.map(str::to_string) }
    }

    fn asked(event: &RawEvent<'_>, by: &AskedBy, denied: bool) -> Asked {
        let mut text = String::new();
        write_asked(event, by, denied, &mut text);
        let read = Asked::parse(&text);
        assert_eq!(read.to_text(), text);
        read
    }

    fn list(asked: &Asked) -> Vec<&str> {
        asked.resources.iter().map(String::as_str).collect()
    }

    const INSTANCE: &str = "qcs::cvm:{region}:uin/{owner}:instance/{id}";

    #[test]
    fn resources_of_the_log_win() {
        let text = r#"["qcs::cvm:ap-guangzhou:uin/1:instance/ins-2", "qcs::cvm:ap-guangzhou:uin/1:instance/ins-1"]"#;
        let request = Body::Text(r#"{"InstanceIds":["ins-9"]}"#);
        let event = RawEvent { resources: text, request, ..RawEvent::default() };
        let read = asked(&event, &by(&[("InstanceIds", INSTANCE)], None), false);
        assert_eq!(read.source, Source::Logged);
        assert_eq!(list(&read)[0], "qcs::cvm:ap-guangzhou:uin/1:instance/ins-1");
        let any = asked(&RawEvent { resources: "*", ..RawEvent::default() }, &AskedBy::default(), false);
        assert_eq!((any.source, list(&any)), (Source::Logged, vec!["*"]));
    }

    #[test]
    fn ids_are_built_into_resources_and_half_lists_are_not() {
        let built = |request: &str, resources: &str| {
            let request = Body::Text(request);
            let event = RawEvent { resources, request, region: "ap-x", account: "1", ..RawEvent::default() };
            asked(&event, &by(&[("InstanceIds", INSTANCE)], None), false)
        };
        let read = built(r#"{"InstanceIds":["ins-1"]}"#, "[]");
        assert_eq!((read.source, list(&read)), (Source::Built, vec!["qcs::cvm:ap-x:uin/1:instance/ins-1"]));
        assert_eq!(built(r#"{"InstanceIds":["ins-1",{"a":1}]}"#, "").source, Source::Unknown);
        assert_eq!(built(r#"{"InstanceIds":["ins-*"]}"#, "").source, Source::Unknown);
        // The log names something that is no resource of CAM.
        assert_eq!(built(r#"{"InstanceIds":["ins-1"]}"#, "web-1").source, Source::Unknown);
    }

    #[test]
    fn a_bucket_carries_its_appid() {
        let template = "qcs::cos:{region}:uid/{bucket_app_id}:{id}/*";
        let event = |request| RawEvent { request, region: "ap-x", ..RawEvent::default() };
        let one = asked(&event(Body::Text(r#"{"Bucket":"site-125"}"#)), &by(&[("Bucket", template)], None), false);
        assert_eq!(list(&one), ["qcs::cos:ap-x:uid/125:site-125/*"]);
        let none = asked(&event(Body::Text(r#"{"Bucket":"site"}"#)), &by(&[("Bucket", template)], None), false);
        assert_eq!(none.source, Source::Unknown);
    }

    #[test]
    fn many_or_long_resources_are_told_by_type() {
        let many: Vec<String> = (0..40).map(|n| format!("\"qcs::cvm:ap-x:uin/1:instance/ins-{n}\"")).collect();
        let text = format!("[{}]", many.join(","));
        let read = asked(&RawEvent { resources: &text, ..RawEvent::default() }, &AskedBy::default(), false);
        assert_eq!((read.source, list(&read)), (Source::Widened, vec!["qcs::cvm:ap-x:uin/1:instance/*"]));
        let long = format!("qcs::cos:ap-x:uid/125:site-125/{}", "a".repeat(5000));
        let read = asked(&RawEvent { resources: &long, ..RawEvent::default() }, &AskedBy::default(), false);
        assert_eq!(list(&read), ["qcs::cos:ap-x:uid/125:site-125/*"]);
        let longer = format!("qcs::cos:ap-x:uid/{}:x", "1".repeat(5000));
        let read = asked(&RawEvent { resources: &longer, ..RawEvent::default() }, &AskedBy::default(), false);
        assert_eq!(list(&read), ["*"]);
    }

    #[test]
    fn roles_and_refusals_are_taken() {
        let request = Body::Text(r#"{"Role":"build"}"#);
        let read = asked(&RawEvent { request, ..RawEvent::default() }, &by(&[], Some("Role")), false);
        assert_eq!(read.role, "build");
        let message = "you are not authorized to perform operation (teo:ModifyL7AccRule) resource \
                       (qcs::teo:::zone/zone-1) has no permission";
        let event = RawEvent { api_error_message: message, ..RawEvent::default() };
        let read = asked(&event, &AskedBy::default(), true);
        assert_eq!(read.refused_action, "teo:ModifyL7AccRule");
        assert_eq!(read.refused_resource, "qcs::teo:::zone/zone-1");
        assert_eq!(asked(&event, &AskedBy::default(), false).refused_action, "");
        let event = RawEvent { error_message: "Operation (a b) resource (x)", ..RawEvent::default() };
        assert_eq!(asked(&event, &AskedBy::default(), true), Asked::unknown());
    }
}
