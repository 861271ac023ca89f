//! The scan for secret names and their values, at any depth of escaping.
//!
//! It never parses: it goes from word to word and asks whether a separator and a value follow. A body
//! that is broken, cut or half JSON is therefore no special case, and neither is deep nesting.

use super::names::{Kind, is_harmless, kind};
use super::{MASK, pass};
use crate::event::tat;
use crate::json::decode as unescape;
use std::borrow::Cow;
use std::ops::Range;

/// Scripts within scripts are opened so deep; what lies deeper is masked unseen.
const DEEPEST: u8 = 6;

/// How a value without quotes stands in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    /// After a quoted name: a number or a word of JSON.
    Json,
    /// In a command, a query string or a sentence.
    Free,
    /// In a header, where blanks are part of the value.
    Header,
}

/// A quote in the text: `"` is of level 0, `\"` of level 1, `\\\"` of level 2.
#[derive(Clone, Copy)]
struct Quote {
    level: u32,
    start: usize,
    end: usize,
    single: bool,
}

/// Where a value begins, and how its name stood before it.
struct Place {
    at: usize,
    quote: Option<Quote>,
    separator: u8,
}

/// One scan over one text.
pub(super) struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// In JSON, a double quote of this level or below it is never part of free text.
    floor: Option<u32>,
    depth: u8,
    out: String,
    kept: usize,
}

impl<'a> Scan<'a> {
    /// A scan of `text`, which came out of `depth` scripts around it.
    pub(super) fn new(text: &'a str, depth: u8) -> Self {
        let mut scan = Self { text, bytes: text.as_bytes(), floor: None, depth, out: String::new(), kept: 0 };
        let open = text.len() - text.trim_start_matches(|c: char| c.is_ascii_whitespace() || "{[".contains(c)).len();
        scan.floor = scan.quote_at(open).filter(|quote| !quote.single).map(|quote| quote.level);
        scan
    }

    /// The text with its secrets masked.
    pub(super) fn run(mut self) -> String {
        let mut at = 0;
        while at < self.bytes.len() {
            if !is_word(self.bytes[at]) {
                at += 1;
                continue;
            }
            let end = self.skip(at, is_word);
            at = self.visit(at..end).max(end);
        }
        self.out.push_str(&self.text[self.kept..]);
        self.out
    }

    fn skip(&self, at: usize, what: impl Fn(u8) -> bool) -> usize {
        at + self.bytes[at..].iter().take_while(|byte| what(**byte)).count()
    }

    /// The end of the backslashes at `at`.
    fn slashes(&self, at: usize) -> usize {
        self.skip(at, |byte| byte == b'\\')
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn replace(&mut self, range: Range<usize>, by: &str) {
        self.out.push_str(&self.text[self.kept..range.start]);
        self.out.push_str(by);
        self.kept = range.end;
    }

    /// The quote that starts at `at`, the backslashes before it included.
    fn quote_at(&self, at: usize) -> Option<Quote> {
        let run = self.slashes(at);
        let slashes = run - at;
        let (level, own, mark, length) = match self.byte(run) {
            mark @ (b'"' | b'\'') => (slashes.trailing_ones(), (1 << slashes.trailing_ones()) - 1, mark, 1),
            b'u' if slashes > 0 => {
                let mark = match self.bytes.get(run + 1..run + 5)? {
                    b"0022" => b'"',
                    b"0027" => b'\'',
                    _ => return None,
                };
                (slashes.trailing_zeros() + 1, 1 << slashes.trailing_zeros(), mark, 5)
            }
            _ => return None,
        };
        Some(Quote { level, start: run - own, end: run + length, single: mark == b'\'' })
    }

    /// Moves over blanks; with `wide` over line ends too, plain and escaped.
    fn blanks(&self, mut at: usize, wide: bool) -> usize {
        loop {
            at = self.skip(at, |byte| matches!(byte, b' ' | b'\t') || wide && matches!(byte, b'\n' | b'\r'));
            match self.escaped_blank(at) {
                Some(end) if wide => at = end,
                _ => return at,
            }
        }
    }

    /// The end of an escaped line end or tabulator at `at`.
    fn escaped_blank(&self, at: usize) -> Option<usize> {
        let run = self.slashes(at);
        (run > at && matches!(self.byte(run), b'n' | b'r' | b't')).then_some(run + 1)
    }

    /// Deals with one word; returns where to go on.
    fn visit(&mut self, word: Range<usize>) -> usize {
        let Some(place) = self.place(&word) else {
            return word.end;
        };
        let listed = place.separator == b',';
        match self.kind_of(word.clone(), place.separator == b'=') {
            Kind::Header if place.quote.is_none() && place.separator == b':' => self.mask(&place, Bare::Header),
            Kind::Header | Kind::Secret if place.quote.is_none() => self.mask(&place, Bare::Free),
            Kind::Header | Kind::Secret => self.mask(&place, Bare::Json),
            Kind::Encoded if !listed && place.separator != b' ' => self.encoded(place.at),
            Kind::Encoded | Kind::Plain => word.end,
        }
    }

    /// Finds the value that belongs to the name `word`, if it is a name at all.
    fn place(&self, word: &Range<usize>) -> Option<Place> {
        let end = self.indexed(word.end);
        let quote = self.quote_at(end);
        let after = quote.map_or(end, |quote| quote.end);
        let wide = quote.is_some();
        let at = self.blanks(after, wide);
        let separator = self.byte(at);
        let from = match separator {
            b':' | b'=' => at + 1 + usize::from(matches!(self.byte(at + 1), b'=' | b'>')),
            b'\\' if self.text[at..].trim_start_matches('\\').starts_with("u003d") => {
                let from = self.slashes(at) + 5;
                return Some(Place { at: self.blanks(from, wide), quote, separator: b'=' });
            }
            b',' if wide => self.listed_value(at + 1)?,
            _ if at > after && self.byte(word.start) == b'-' && !matches!(separator, b'-' | b'|' | b'\\' | 0) => {
                return Some(Place { at, quote, separator: b' ' });
            }
            _ => return None,
        };
        Some(Place { at: self.blanks(from, wide), quote, separator })
    }

    /// The end of a name in a list, such as `Passwords.0`.
    fn indexed(&self, end: usize) -> usize {
        let digits = self.skip((end + 1).min(self.bytes.len()), |byte| byte.is_ascii_digit());
        if self.byte(end) == b'.' && digits > end + 1 { digits } else { end }
    }

    /// In `"Key":"DB_PASSWORD","Value":"..."`, where the text after `"Value":` begins.
    fn listed_value(&self, at: usize) -> Option<usize> {
        let open = self.quote_at(self.blanks(at, true))?;
        let end = self.skip(open.end, is_word);
        let is_value = self.text[open.end..end].to_ascii_lowercase().ends_with("value");
        let close = self.quote_at(end).filter(|_| is_value)?;
        let colon = self.blanks(close.end, true);
        (self.byte(colon) == b':').then_some(colon + 1)
    }

    fn kind_of(&self, word: Range<usize>, in_query: bool) -> Kind {
        let name = &self.text[word.clone()];
        // The start of the word may be the end of an escape, as in `\nToken` or `%26Token`.
        let escape = match word.start.checked_sub(1).map(|before| self.bytes[before]) {
            Some(b'\\') if name.starts_with('u') => 5,
            Some(b'\\') => 1,
            Some(b'%') => 2,
            _ => 0,
        };
        let full = kind(name, in_query);
        let Some(rest) = name.get(escape..).filter(|_| escape > 0) else {
            return full;
        };
        if full == Kind::Plain || is_harmless(rest) { kind(rest, in_query) } else { full }
    }

    /// Masks the value at `place`; returns where it ends.
    fn mask(&mut self, place: &Place, kind: Bare) -> usize {
        if let Some(open) = self.quote_at(place.at) {
            return self.mask_quoted(open);
        }
        let is_container = matches!(self.byte(place.at), b'{' | b'[');
        let end = if is_container { self.container(place) } else { self.bare(place.at, kind) };
        let value = place.at..end;
        if is_container || !self.is_inert(value.clone()) {
            let quote = place.quote.map_or("", |quote| &self.text[quote.start..quote.end]);
            self.replace(value, &format!("{quote}{MASK}{quote}"));
        }
        end
    }

    fn mask_quoted(&mut self, open: Quote) -> usize {
        let (inner_end, end) = self.close(open);
        let inner = open.end..inner_end;
        if !self.is_inert(inner.clone()) {
            self.replace(inner, MASK);
        }
        // More right after the closing quote: broken JSON, or text that a shell would join.
        let joined = end > inner_end && self.soft(end, Bare::Free) == end;
        let tail = if joined { self.bare(end, Bare::Free) } else { end };
        if !self.is_inert(end..tail) {
            self.replace(end..tail, "");
        }
        tail
    }

    /// Tells that a value needs no mask: empty, masked already, or a word of JSON, maybe cut.
    fn is_inert(&self, range: Range<usize>) -> bool {
        let cut = range.end == self.bytes.len();
        let value = &self.text[range];
        let is_literal = |word: &&str| *word == value || cut && word.starts_with(value);
        value.bytes().all(|byte| matches!(byte, b'*' | b'\\')) || ["true", "false", "null"].iter().any(is_literal)
    }

    /// Where the text after the quote `open` ends, and where its closing quote does.
    fn close(&self, open: Quote) -> (usize, usize) {
        let mut at = open.end;
        while at < self.bytes.len() {
            at += memchr::memchr3(b'"', b'\'', b'\\', &self.bytes[at..]).unwrap_or(self.bytes.len() - at);
            let Some(quote) = self.quote_at(at) else {
                at = self.slashes(at);
                continue;
            };
            if quote.single == open.single && (quote.single || quote.level == open.level) {
                return (quote.start, quote.end);
            }
            let outer = if open.single { self.is_floor(quote) } else { !quote.single && quote.level < open.level };
            if outer {
                return (quote.start, quote.start);
            }
            at = quote.end;
        }
        (at, at)
    }

    fn is_floor(&self, quote: Quote) -> bool {
        !quote.single && self.floor.is_some_and(|floor| quote.level <= floor)
    }

    /// The end of the object or list at `place`, or of the string around it when it is broken.
    fn container(&self, place: &Place) -> usize {
        let lowest = place.quote.map_or_else(|| self.floor.map_or(0, |floor| floor + 1), |quote| quote.level);
        let (mut at, mut open) = (place.at, 0_usize);
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'{' | b'[' => open += 1,
                b'}' | b']' if open == 1 => return at + 1,
                b'}' | b']' => open -= 1,
                b'"' | b'\\' => {
                    let Some(quote) = self.quote_at(at) else {
                        at = self.slashes(at);
                        continue;
                    };
                    if !quote.single && quote.level < lowest {
                        return quote.start;
                    }
                    at = if quote.single { quote.end } else { self.close(quote).1 };
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// The end of a value without quotes. All that ends one is ASCII, so no character is torn.
    fn bare(&self, from: usize, kind: Bare) -> usize {
        let masked = self.skip(from, |byte| byte == b'*');
        if masked >= from + MASK.len() {
            return masked;
        }
        let mut at = from;
        while at < self.bytes.len() && !self.is_end(at, kind) {
            let soft = self.soft(at, kind);
            if soft > at && (kind == Bare::Json || self.stops(at, soft)) {
                break;
            }
            at = if soft > at { soft } else { self.slashes(at).max(at + 1) };
        }
        at
    }

    /// Tells what surely ends a value without quotes: a blank, `&`, the quote around it.
    fn is_end(&self, at: usize, kind: Bare) -> bool {
        match self.byte(at) {
            b'\n' | b'\r' => true,
            b' ' | b'\t' | b'&' => kind != Bare::Header,
            b'"' | b'\\' => {
                self.quote_at(at).is_some_and(|quote| self.is_floor(quote))
                    || self.floor.is_some() && self.escaped_blank(at).is_some()
                    || self.bytes[self.slashes(at)..].starts_with(b"u0026")
            }
            _ => false,
        }
    }

    /// Moves over marks that may end a value or be part of it.
    fn soft(&self, mut at: usize, kind: Bare) -> usize {
        loop {
            match self.byte(at) {
                b',' | b';' | b'}' | b']' | b')' | b'>' if kind != Bare::Header => at += 1,
                b'"' | b'\'' | b'\\' => match self.quote_at(at) {
                    Some(quote) if !self.is_floor(quote) => at = quote.end,
                    _ => return at,
                },
                _ => return at,
            }
        }
    }

    /// Tells whether a value ended before the marks in `from..to`, judging by them and what follows.
    fn stops(&self, from: usize, to: usize) -> bool {
        let quotes = self.bytes[from..to].iter().filter(|byte| matches!(byte, b'"' | b'\'')).count();
        let next = self.byte(to);
        if to == self.bytes.len() || quotes > 1 || b" \t,;{}[])".contains(&next) || self.is_end(to, Bare::Free) {
            return true;
        }
        let word = self.skip(to, is_word);
        let after = self.quote_at(word).map_or(word, |quote| quote.end);
        word > to && matches!(self.byte(after), b'=' | b':')
    }

    /// Opens the base64 text at `at` and masks what is secret in it; returns where to go on.
    fn encoded(&mut self, at: usize) -> usize {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
        let (range, end) = if let Some(open) = self.quote_at(at) {
            let (inner_end, end) = self.close(open);
            (open.end..inner_end, end)
        } else {
            let end = self.skip(self.skip(at, is_base64), |byte| byte == b'=');
            (at..end, end)
        };
        let value = &self.text[range.clone()];
        if !value.bytes().all(|byte| is_base64(byte) || b"= \t\r\n\\".contains(&byte)) {
            return at;
        }
        let Some(bytes) = tat::decode(&plain_base64(value)) else {
            return at;
        };
        if self.depth == DEEPEST {
            self.replace(range, MASK);
            return end;
        }
        let plain = tat::text(&bytes);
        let masked = pass(&plain, self.depth + 1);
        if masked != plain {
            self.replace(range, &tat::encode(masked.as_bytes()));
        }
        end
    }
}

/// Base64 text without the escapes that line ends, `/` and `=` may have got in JSON.
fn plain_base64(value: &str) -> Cow<'_, str> {
    let mut value = Cow::Borrowed(value);
    for _ in 0..6 {
        if !value.contains('\\') {
            break;
        }
        value = Cow::Owned(unescape(&value));
    }
    value
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
