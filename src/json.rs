//! A small JSON reader that borrows: one pass, no tree, values as slices of the input.
//!
//! It exists because every field of an event has several spellings and types, and some records are
//! broken (docs/adr/0002-own-json-reader.md has the reasons and the figures).
//! It takes every valid JSON document whose nesting is at most [`MAX_DEPTH`], and is lenient where
//! that loses nothing: raw control characters and unknown escapes inside strings.

use bumpalo::Bump;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Deepest nesting read. Real events nest six deep; a limit keeps hostile documents off the stack.
pub const MAX_DEPTH: u8 = 128;

/// Why a text is not JSON, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// Offset in bytes from the start of the text.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// A JSON string as it stands in the input, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// The bytes between the quotes.
    pub raw: &'a str,
    /// The text holds at least one backslash.
    pub escaped: bool,
    /// How many strings this one stands in whose escapes it still holds (see [`Cursor::inside`]).
    pub inside: u8,
}

impl<'a> Text<'a> {
    /// The text with its escapes decoded, owned only when there are any.
    pub fn to_cow(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        Cow::Owned((0..self.inside).fold(decode(self.raw), |text, _| decode(&text)))
    }

    /// The text with its escapes decoded, kept in `bump` when there are any.
    pub fn to_str(self, bump: &'a Bump) -> &'a str {
        if !self.escaped {
            return self.raw;
        }
        (0..self.inside).fold(decode_in(self.raw, bump), |text, _| decode_in(text, bump))
    }
}

/// One JSON value. Objects and lists are the text they stand in, already known to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(&'a str),
    /// A string.
    Text(Text<'a>),
    /// An object, braces included.
    Object(&'a str),
    /// A list, brackets included.
    Array(&'a str),
}

/// A place in a JSON text.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// How many strings the text stands in whose escapes it still holds.
    inside: u8,
    /// What a quote begins with: itself, or the first of the backslashes before it.
    quote: u8,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, inside: 0, quote: b'"' }
    }

    /// A cursor over the JSON text that stands in a string, whose escapes are not decoded first.
    ///
    /// What it reads is what [`Cursor::new`] would read of the decoded text. But it gives up, with an error, at much
    /// that is sound: escapes between strings, codes that may stand for quotes, objects and lists as values.
    /// After an error, the text has to be decoded and read again.
    pub fn inside(string: Text<'a>) -> Self {
        Self { text: string.raw, at: 0, depth: 0, inside: string.inside + 1, quote: b'\\' }
    }

    /// The offset in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Moves over white space and returns the next byte, if any.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// The text from here on.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Moves over a value of `length` bytes that is known to stand here.
    pub fn move_by(&mut self, length: usize) {
        self.at += length;
    }

    /// Moves over one byte that [`Cursor::peek`] has just shown.
    pub fn bump_byte(&mut self) {
        self.at += 1;
    }

    fn error<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, what })
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return self.error("nested deeper than 128 levels");
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Reads an object, calling `each` with every key; `each` must read the value.
    #[inline]
    pub fn object(
        &mut self,
        mut each: impl FnMut(Text<'a>, &mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if self.peek() != Some(b'{') {
            return self.error("expected an object");
        }
        self.enter()?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(self.quote) {
                return self.error("expected a quoted name");
            }
            let key = match self.plain_text() {
                Some(raw) => Text { raw, escaped: false, inside: self.inside },
                None => self.string()?,
            };
            if self.peek() != Some(b':') {
                return self.error("expected a colon");
            }
            self.at += 1;
            each(key, self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                _ => return self.error("expected a comma or a closing brace"),
            }
        }
    }

    /// Reads a list, calling `each` at every item; `each` must read the item.
    pub fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        if self.peek() != Some(b'[') {
            return self.error("expected a list");
        }
        self.enter()?;
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            each(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                _ => return self.error("expected a comma or a closing bracket"),
            }
        }
    }

    /// Reads the string that stands here, if it is one without escapes; of anything else, nothing.
    ///
    /// Most names and values are such strings. Handed on as no more than a slice, they stay in registers.
    #[inline]
    pub fn plain_text(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let end = next_special(bytes, start);
        if bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        Some(&self.text[start..end])
    }

    /// Reads one value of any kind.
    pub fn value(&mut self) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(byte) if byte == self.quote => self.string().map(Value::Text),
            Some(b'{' | b'[') if self.inside > 0 => self.error("an object or list with escapes"),
            Some(b'{') => self.span(Self::skip).map(Value::Object),
            Some(b'[') => self.span(Self::skip).map(Value::Array),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.span(Self::number).map(Value::Number),
            Some(_) => self.error("expected a value"),
            None => self.error("the text ends where a value should be"),
        }
    }

    /// Moves over one value of any kind, checking that it is well formed.
    #[inline]
    pub fn skip(&mut self) -> Result<(), JsonError> {
        if self.plain_text().is_some() { Ok(()) } else { self.skip_other() }
    }

    fn skip_other(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{') => self.object(|_, cursor| cursor.skip()),
            Some(b'[') => self.array(Self::skip),
            _ => self.value().map(drop),
        }
    }

    fn span(&mut self, read: impl FnOnce(&mut Self) -> Result<(), JsonError>) -> Result<&'a str, JsonError> {
        let start = self.at;
        read(self)?;
        Ok(&self.text[start..self.at])
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.error("expected a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start { self.error("expected a digit") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let bytes = self.text.as_bytes();
        if bytes[self.at] == b'-' {
            self.at += 1;
        }
        if bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Reads a string; the cursor stands on its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        if self.inside > 0 {
            return self.string_inside();
        }
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let special = next_special(bytes, start);
        let escaped = bytes.get(special) == Some(&b'\\');
        let end = if escaped { end_of_string(bytes, special) } else { special };
        if end >= bytes.len() {
            return self.error("the text ends inside a string");
        }
        self.at = end + 1;
        Ok(Text { raw: &self.text[start..end], escaped, inside: 0 })
    }

    /// Reads a string whose own quotes are escaped, as the string around it is not decoded.
    fn string_inside(&mut self) -> Result<Text<'a>, JsonError> {
        let bytes = self.text.as_bytes();
        let inside = u32::from(self.inside);
        // Each string around it doubles the backslashes before a quote, and adds one.
        let slashes = (1 << inside) - 1;
        let start = self.at + slashes + 1;
        if run_of_slashes(bytes, self.at) != slashes || bytes.get(start - 1) != Some(&b'"') {
            return self.error("expected an escaped quote");
        }
        let (mut at, mut escaped) = (start, false);
        loop {
            at = next_special(bytes, at);
            let run = run_of_slashes(bytes, at);
            at += run;
            match bytes.get(at..) {
                // Decoding halves the backslashes; those left over after the last time escape the quote.
                Some([b'"', ..]) => match (run + 1).trailing_zeros().cmp(&inside) {
                    Ordering::Less => return self.error("a quote of the string around"),
                    Ordering::Equal => {
                        self.at = at + 1;
                        let raw = &self.text[start..at - slashes];
                        return Ok(Text { raw, escaped: escaped || run > slashes, inside: self.inside });
                    }
                    Ordering::Greater => at += 1,
                },
                // May stand for a quote or a backslash.
                Some([b'u', b'0', b'0', ..]) => return self.error("a character by its code"),
                Some([_, ..]) => {}
                _ => return self.error("the text ends inside a string"),
            }
            escaped = true;
        }
    }
}

/// How many backslashes stand at `at`, one after the other.
fn run_of_slashes(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| **byte == b'\\').count())
}

/// Every byte of a word the same.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The top bit of every byte.
const TOPS: u64 = ONES << 7;

/// The eight bytes at `at`, the first one lowest.
#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map(|word| u64::from_le_bytes(*word))
}

/// The place of the next quote or backslash at or after `at`, eight bytes at a time.
#[inline]
fn next_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        let quotes = word ^ (ONES * 0x22);
        let slashes = word ^ (ONES * 0x5c);
        // A byte of zero borrows, which sets its top bit; the lowest such bit is exact.
        let hits = (quotes.wrapping_sub(ONES) & !quotes | slashes.wrapping_sub(ONES) & !slashes) & TOPS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|b| !matches!(b, b'"' | b'\\')) {
        at += 1;
    }
    at
}

/// The place of the first quote at or after `at` that no backslash escapes, eight bytes at a time; past the end if there
/// is none. JSON in a string has escapes every few bytes, at which this does not stop.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    // Whether the byte before `at` is a backslash, as the top bit of the first byte.
    let mut carried = 0;
    while let Some(word) = word_at(bytes, at) {
        let (quotes, slashes) = (places_of(b'"', word), places_of(b'\\', word));
        let escaped = slashes << 8 | carried;
        let stops = quotes & !escaped | slashes & escaped;
        if stops == 0 {
            carried = slashes >> 56;
            at += 8;
            continue;
        }
        let first = stops & stops.wrapping_neg();
        at += (first.trailing_zeros() / 8) as usize;
        if quotes & first != 0 {
            return at;
        }
        // A backslash that is escaped itself escapes nothing.
        at += 1;
        carried = 0;
    }
    at += usize::from(carried != 0);
    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    at
}

/// The top bits of those bytes of `word` that are `byte`.
#[inline]
fn places_of(byte: u8, word: u64) -> u64 {
    let others = word ^ (ONES * u64::from(byte));
    // No sum is larger than a byte, so that none touches its neighbour.
    !(((others & !TOPS) + !TOPS) | others) & TOPS
}

/// Decodes the escapes of a JSON string. A lone surrogate becomes U+FFFD, an unknown escape its own letter.
pub fn decode(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    decode_to(raw, |piece| out.push_str(piece));
    out
}

fn decode_in<'a>(raw: &str, bump: &'a Bump) -> &'a str {
    let mut out = bumpalo::collections::String::with_capacity_in(raw.len(), bump);
    decode_to(raw, |piece| out.push_str(piece));
    out.into_bump_str()
}

fn decode_to(raw: &str, mut push: impl FnMut(&str)) {
    let bytes = raw.as_bytes();
    let (mut start, mut at) = (0, 0);
    while let Some(slash) = next_slash(bytes, at) {
        push(&raw[start..slash]);
        if matches!(bytes.get(slash + 1), Some(b'"' | b'\\' | b'/')) {
            // Stands for itself, and so begins the next piece.
            (start, at) = (slash + 1, slash + 2);
        } else {
            let (letter, used) = decode_escape(&raw[slash..]);
            push(letter.encode_utf8(&mut [0; 4]));
            (start, at) = (slash + used, slash + used);
        }
    }
    push(&raw[start..]);
}

/// The next backslash. In JSON within JSON one stands every few bytes, where looking is faster than beginning to search.
fn next_slash(bytes: &[u8], at: usize) -> Option<usize> {
    const NEAR: usize = 16;
    let rest = bytes.get(at..)?;
    let near = &rest[..rest.len().min(NEAR)];
    let found = near.iter().position(|byte| *byte == b'\\').or_else(|| {
        let far = &rest[near.len()..];
        memchr::memchr(b'\\', far).map(|found| near.len() + found)
    });
    found.map(|found| at + found)
}

/// Decodes the escape that `text` starts with: the character, and how many bytes it took.
fn decode_escape(text: &str) -> (char, usize) {
    let Some(letter) = text[1..].chars().next() else {
        return ('\\', 1);
    };
    let plain = match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return decode_unicode(text),
        other => other,
    };
    (plain, 1 + letter.len_utf8())
}

fn decode_unicode(text: &str) -> (char, usize) {
    let unit = |from: usize| text.get(from..from + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(first) = unit(2) else {
        return ('u', 2);
    };
    if (0xd800..0xdc00).contains(&first)
        && text.get(6..8) == Some("\\u")
        && let Some(second @ 0xdc00..=0xdfff) = unit(8)
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Result<(), JsonError> {
        let mut cursor = Cursor::new(text);
        cursor.skip()?;
        if cursor.peek().is_some() { cursor.error("more after the value") } else { Ok(()) }
    }

    fn rebuild(cursor: &mut Cursor<'_>) -> serde_json::Value {
        use serde_json::Value as Json;
        match cursor.value().expect("valid") {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(b),
            Value::Number(n) => serde_json::from_str(n).expect("a number"),
            Value::Text(t) => Json::String(t.to_cow().into_owned()),
            Value::Object(text) => {
                let mut map = serde_json::Map::new();
                Cursor::new(text)
                    .object(|key, c| {
                        let value = rebuild(c);
                        map.insert(key.to_cow().into_owned(), value);
                        Ok(())
                    })
                    .expect("valid");
                Json::Object(map)
            }
            Value::Array(text) => {
                let mut list = Vec::new();
                Cursor::new(text)
                    .array(|c| {
                        list.push(rebuild(c));
                        Ok(())
                    })
                    .expect("valid");
                Json::Array(list)
            }
        }
    }

    #[test]
    fn nesting_is_limited() {
        let deep = "[".repeat(100_000);
        assert_eq!(whole(&deep).unwrap_err().what, "nested deeper than 128 levels");
        let fine = format!("{}{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(whole(&fine), Ok(()));
    }

    #[test]
    fn surrogates_and_unknown_escapes_are_decoded_leniently() {
        assert_eq!(decode(r"\ud83d\ude00 \ud83d \q \u12"), "\u{1f600} \u{fffd} q u12");
        assert_eq!(decode(r"\u4e2d\u6587\"), "中文\\");
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9..1e9_f64).prop_map(Into::into),
            ".*".prop_map(serde_json::Value::String),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
                prop::collection::vec((".*", inner), 0..6)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    /// What an object tells, field by field. Objects and lists as values are moved over, as [`Cursor::inside`] does not
    /// hand them out; what stands in strings is read in the same way.
    fn told(cursor: &mut Cursor<'_>, read: fn(Text<'_>) -> Result<String, JsonError>) -> Result<String, JsonError> {
        let mut all = String::new();
        cursor.object(|key, cursor| {
            let value = match cursor.peek() {
                Some(b'{' | b'[') => cursor.skip().map(|()| "…".to_string()),
                _ => match cursor.value()? {
                    Value::Text(text) => Ok(read(text).unwrap_or_else(|_| text.to_cow().into_owned())),
                    other => Ok(format!("{other:?}")),
                },
            }?;
            all.push_str(&format!("{:?}: {value}; ", key.to_cow()));
            Ok(())
        })?;
        Ok(all)
    }

    fn told_inside(text: Text<'_>) -> Result<String, JsonError> {
        told(&mut Cursor::inside(text), told_inside)
    }

    fn told_decoded(text: Text<'_>) -> Result<String, JsonError> {
        told(&mut Cursor::new(&text.to_cow()), told_decoded)
    }

    fn string(text: &str) -> Text<'_> {
        match Cursor::new(text).value() {
            Ok(Value::Text(text)) => text,
            other => panic!("{other:?} in {text}"),
        }
    }

    /// Pieces of JSON with escapes in every stage of damage.
    const PIECES: [&str; 14] = [
        r#"\"a\":"#,
        r#"\"\""#,
        r#"\""#,
        r#"\\\""#,
        r#"\\\\\\\""#,
        r"\\",
        r"\",
        ",",
        "{",
        "}",
        "0",
        r"\u0022",
        r"\n",
        "n",
    ];

    fn quoted(text: &str) -> String {
        serde_json::to_string(text).expect("json")
    }

    #[test]
    fn json_inside_strings_is_read_without_decoding() {
        let extra = r#"{"roleName":"r \"1\" \\","n":-1.5e3}"#;
        let session = format!(r#"{{"token":"","extraInfo":{},"list":[1,"a"],"mfa":null}}"#, quoted(extra));
        let event = quoted(&session);
        let read = told_inside(string(&event)).expect("no reason to give up");
        assert_eq!(read, told_decoded(string(&event)).expect("sound"));
        assert!(read.contains(r#""roleName": r "1" \; "n": Number("-1.5e3"); "#), "{read}");
    }

    #[test]
    fn what_may_be_a_quote_by_its_code_is_left_to_decoding() {
        for text in [r#""{\u0022a\u0022:1}""#, r#""{\"a\":\"x\u0022,\u0022b\":1}""#, r#""{\n\"a\":1}""#] {
            assert!(told_inside(string(text)).is_err(), "{text}");
            assert!(told_decoded(string(text)).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_inside_strings_is_read_as_when_decoded(json in any_json(), levels in 1..4) {
            let text = (0..levels).fold(serde_json::json!({ "a": json }), |inner, level| {
                serde_json::json!({ format!("{level}\"\\"): inner.to_string(), "b": "中" })
            });
            let text = quoted(&text.to_string());
            if let Ok(read) = told_inside(string(&text)) {
                prop_assert_eq!(read, told_decoded(string(&text)).expect("sound"));
            }
        }

        #[test]
        fn whatever_stands_inside_strings_is_read_as_when_decoded(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)
        ) {
            let text = format!("\"{{{}\"", pieces.concat());
            if let Ok(Value::Text(text)) = Cursor::new(&text).value()
                && let Ok(read) = told_inside(text)
            {
                prop_assert_eq!(Ok(read), told_decoded(text));
            }
        }

        #[test]
        fn strings_end_at_the_first_quote_that_is_not_escaped(text in r#"[a\\"é]{0,40}"#) {
            let mut escaped = false;
            let end = text.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let read = Cursor::new(&format!("\"{text}")).value().map(|value| format!("{value:?}"));
            let expected = end.map(|end| {
                let raw = &text[..end];
                format!("{:?}", Value::Text(Text { raw, escaped: raw.contains('\\'), inside: 0 }))
            });
            prop_assert_eq!(read.ok(), expected);
        }

        #[test]
        fn valid_json_is_read_as_serde_json_reads_it(json in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.expect("json");
            let expected: serde_json::Value = serde_json::from_str(&text).expect("json");
            prop_assert_eq!(rebuild(&mut Cursor::new(&text)), expected);
        }

        #[test]
        fn what_serde_json_takes_this_takes_too(text in r#"[\[\]{}",:0-9eE.+\-truefalsn \\u]{0,24}"#) {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert_eq!(whole(&text), Ok(()));
            }
        }

        #[test]
        fn damaged_json_is_never_taken_for_another_value(json in any_json(), cut in any::<prop::sample::Index>()) {
            let text = serde_json::to_string(&json).expect("json");
            let at = cut.index(text.len());
            if text.is_char_boundary(at) && serde_json::from_str::<serde_json::Value>(&text[..at]).is_err() {
                prop_assert!(whole(&text[..at]).is_err());
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = whole(&text);
            let _ = decode(&text);
        }
    }
}
