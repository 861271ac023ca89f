//! Request parameters: looked up by name in a body that may be missing, cut, masked or no JSON at all.

use super::raw::Body;
use crate::json::{Cursor, Text, Value, decode};
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What a body says about one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param<'a> {
    /// The parameter's value as text; objects and lists as their JSON.
    Is(Cow<'a, str>),
    /// The body is whole and does not hold the parameter.
    Absent,
    /// The body is missing, cut or masked, so nobody can tell.
    Unknown,
}

/// Looks up the top-level parameter `name`, in any letter case.
pub fn param<'a>(body: Body<'a>, name: &str) -> Param<'a> {
    match body {
        Body::Missing => Param::Unknown,
        Body::Text(text) => find(text, name),
        Body::Escaped(raw) => match find(&decode(raw), name) {
            Param::Is(value) => Param::Is(Cow::Owned(value.into_owned())),
            Param::Absent => Param::Absent,
            Param::Unknown => Param::Unknown,
        },
    }
}

fn find<'a>(text: &'a str, name: &str) -> Param<'a> {
    let mut found = None;
    let mut cursor = Cursor::new(text);
    let end = cursor.object(|key, cursor| {
        let value = cursor.value()?;
        if found.is_none() && same_name(key, name) {
            found = Some(value);
        }
        Ok(())
    });
    match (found, end) {
        (Some(value), _) => value_of(value),
        (None, Ok(())) => Param::Absent,
        (None, Err(_)) => Param::Unknown,
    }
}

fn same_name(key: Text<'_>, name: &str) -> bool {
    key.to_cow().eq_ignore_ascii_case(name)
}

fn value_of(value: Value<'_>) -> Param<'_> {
    let text = match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Number(text) | Value::Object(text) | Value::Array(text) => Cow::Borrowed(text),
        Value::Text(text) => text.to_cow(),
    };
    // Some exports replace values by asterisks; such a value says nothing.
    if !text.is_empty() && text.bytes().all(|b| b == b'*') { Param::Unknown } else { Param::Is(text) }
}

/// Finds the name of the parameter that tells the console's calls of 2017.
static REQUEST_SOURCE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"RequestSource"));

/// Tells whether the request says that it came from the console (`RequestSource` is `MC`).
///
/// Console calls of 2017 are logged as API calls; this parameter is all that tells them apart.
pub fn from_console(body: Body<'_>) -> bool {
    let (Body::Text(raw) | Body::Escaped(raw)) = body else {
        return false;
    };
    // Most bodies do not hold the word at all, which is found out faster than by parsing.
    if REQUEST_SOURCE.find(raw.as_bytes()).is_none() {
        return false;
    }
    matches!(param(body, "RequestSource"), Param::Is(value) if value == "MC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str) -> Param<'_> {
        Param::Is(Cow::Borrowed(text))
    }

    #[test]
    fn numbers_booleans_and_objects_are_their_text() {
        let body = Body::Text(r#"{"A":1,"b":true,"C":{"x":[1]},"D":null,"E":"t\n"}"#);
        assert_eq!(param(body, "A"), is("1"));
        assert_eq!(param(body, "B"), is("true"));
        assert_eq!(param(body, "C"), is(r#"{"x":[1]}"#));
        assert_eq!(param(body, "D"), is(""));
        assert_eq!(param(body, "E"), is("t\n"));
        assert_eq!(param(body, "F"), Param::Absent);
    }

    #[test]
    fn a_cut_body_tells_what_stands_before_the_cut() {
        let body = Body::Text(r#"{"UseApi":1,"Name":"al"#);
        assert_eq!(param(body, "UseApi"), is("1"));
        assert_eq!(param(body, "ConsoleLogin"), Param::Unknown);
    }

    #[test]
    fn missing_broken_and_masked_are_unknown() {
        assert_eq!(param(Body::Missing, "A"), Param::Unknown);
        assert_eq!(param(Body::Text("not json"), "A"), Param::Unknown);
        assert_eq!(param(Body::Text(r#"{"A":"***"}"#), "A"), Param::Unknown);
    }

    #[test]
    fn an_escaped_body_is_decoded() {
        assert_eq!(param(Body::Escaped(r#"{\"A\":\"x\"}"#), "A"), is("x"));
        assert!(from_console(Body::Escaped(r#"{\"RequestSource\": \"MC\"}"#)));
        assert!(!from_console(Body::Escaped(r#"{\"RequestSource\": \"SDK\"}"#)));
    }
}
