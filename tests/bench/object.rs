//! JSON written byte by byte, and the numbers and times in it.

use chrono::{DateTime, Datelike, Timelike};

/// Writes a number without a detour over a `String`.
pub(crate) fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[expect(clippy::cast_possible_truncation, reason = "a single digit")]
fn two_digits(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

/// Date and time at UTC+8, with `between` in the middle.
fn date_and_time(out: &mut Vec<u8>, seconds: i64, between: u8) {
    let time = DateTime::from_timestamp(seconds + 8 * 3_600, 0).expect("a time near 2025");
    number(out, u64::from(time.year().unsigned_abs()));
    out.push(b'-');
    two_digits(out, time.month());
    out.push(b'-');
    two_digits(out, time.day());
    out.push(between);
    two_digits(out, time.hour());
    out.push(b':');
    two_digits(out, time.minute());
    out.push(b':');
    two_digits(out, time.second());
}

/// `2025-12-01 12:00:00` at UTC+8, without saying so.
pub(crate) fn naive_time(out: &mut Vec<u8>, seconds: i64) {
    date_and_time(out, seconds, b' ');
}

/// `2025-12-01T12:00:00+08:00`.
pub(crate) fn zoned_time(out: &mut Vec<u8>, seconds: i64) {
    date_and_time(out, seconds, b'T');
    out.extend_from_slice(b"+08:00");
}

/// A JSON object being written. Names and plain texts go in as they are; only
/// [`Object::json_text`] escapes.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens an object at the end of `out`; [`Object::end`] closes it.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(crate) fn raw(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.out.extend_from_slice(value);
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        number(self.out, value);
    }

    /// A text without quotes and backslashes.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.parts(name, |out| out.extend_from_slice(value.as_bytes()));
    }

    /// A text that `write` puts together, without quotes and backslashes.
    pub(crate) fn parts(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// Any text, such as JSON.
    pub(crate) fn json_text(&mut self, name: &str, value: &[u8]) {
        self.parts(name, |out| escape(out, value));
    }

    pub(crate) fn object(&mut self, name: &str, write: impl FnOnce(&mut Object)) {
        self.name(name);
        let mut inner = Object::new(self.out);
        write(&mut inner);
        inner.end();
    }

    /// A list of `count` texts.
    pub(crate) fn list(&mut self, name: &str, count: u64, mut write: impl FnMut(&mut Vec<u8>)) {
        self.array(name, count, |out| {
            out.push(b'"');
            write(out);
            out.push(b'"');
        });
    }

    /// A list of `count` objects.
    pub(crate) fn objects(&mut self, name: &str, count: u64, mut write: impl FnMut(&mut Object)) {
        self.array(name, count, |out| {
            let mut inner = Object::new(out);
            write(&mut inner);
            inner.end();
        });
    }

    fn array(&mut self, name: &str, count: u64, mut write: impl FnMut(&mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'[');
        for place in 0..count {
            if place > 0 {
                self.out.push(b',');
            }
            write(self.out);
        }
        self.out.push(b']');
    }
}

/// Puts a backslash before quotes and backslashes; there are no control characters.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(&[b'\\', rest[place]]);
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
}
