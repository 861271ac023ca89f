//! What a reader keeps while it parses: room for decoded texts, and the callers it has read before.
//!
//! The same few hundred callers say who they are in the same words in millions of events. Their texts
//! are read once and then recognised, which is a third of the cost of parsing an event.

use crate::event::raw::RawEvent;
use bumpalo::Bump;
use hashbrown::{DefaultHashBuilder, HashMap};
use memchr::memchr;
use std::cell::RefCell;
use std::hash::BuildHasher;

/// Callers kept. Temporary keys bring a new text every few hours; a log of nothing else starts over.
const MAX_CALLERS: usize = 4096;
/// Hashes of texts met once. Only what comes a second time is worth keeping: in some logs every call of a role
/// names the address behind it, and hardly a text comes twice.
const MET_ONCE: usize = 4096;
/// Longest text of a caller kept, in bytes. Real ones have 100 to 2,000, most of it a session token.
const MAX_TEXT: usize = 4096;

/// Room for texts of one chunk, and what was read before.
#[derive(Default)]
pub struct Scratch {
    texts: Bump,
    callers: RefCell<Callers>,
}

#[derive(Default)]
struct Callers {
    /// By the text up to its first closing brace, which is the whole of it in most cases.
    known: HashMap<Box<str>, Caller>,
    met: Vec<u64>,
    hash: DefaultHashBuilder,
    last: u32,
}

impl Callers {
    /// Whether a text was met before, as far as is remembered; from now on it was.
    fn meets_again(&mut self, text: &str) -> bool {
        self.met.resize(MET_ONCE, 0);
        let hash = self.hash.hash_one(text);
        let place = usize::try_from(hash % MET_ONCE as u64).unwrap_or_default();
        std::mem::replace(&mut self.met[place], hash) == hash
    }
}

/// A caller as an event tells of it.
struct Caller {
    /// The JSON object. As no object is the beginning of another, a text that starts with it holds just it.
    text: Box<str>,
    number: u32,
    /// What it says, one after the other, and where each ends.
    says: Box<str>,
    ends: [usize; 10],
    has_token: bool,
    has_expiry: bool,
}

impl Scratch {
    /// Room for texts that live until [`Scratch::clear`].
    pub fn texts(&self) -> &Bump {
        &self.texts
    }

    /// Forgets the texts, not the callers.
    pub fn clear(&mut self) {
        self.texts.reset();
    }

    /// Fills in the caller whose object `text` starts with, if it was read before; answers how long the object is.
    pub fn recall_caller<'a>(&'a self, text: &str, event: &mut RawEvent<'a>) -> Option<usize> {
        let callers = self.callers.borrow();
        let caller = callers.known.get(opening(text)?)?;
        if !text.starts_with(&*caller.text) {
            return None;
        }
        let says: &'a str = self.texts.alloc_str(&caller.says);
        let mut start = 0;
        event.set_caller_texts(caller.ends.map(|end| &says[std::mem::replace(&mut start, end)..end]));
        event.session.has_token = caller.has_token;
        event.session.has_expiry = caller.has_expiry;
        event.caller = caller.number;
        Some(caller.text.len())
    }

    /// Remembers the caller that `event` was just given from the object `text`.
    pub fn learn_caller(&self, text: &str, event: &mut RawEvent<'_>) {
        let Some(opening) = opening(text).filter(|_| text.len() <= MAX_TEXT) else { return };
        let mut callers = self.callers.borrow_mut();
        if !callers.meets_again(text) {
            return;
        }
        if callers.known.len() >= MAX_CALLERS {
            callers.known.clear();
        }
        let Some(number) = callers.last.checked_add(1) else { return };
        callers.last = number;
        event.caller = number;
        let mut says = String::new();
        let ends = event.caller_texts().map(|text| {
            says.push_str(text);
            says.len()
        });
        let (has_token, has_expiry) = (event.session.has_token, event.session.has_expiry);
        let caller = Caller { text: text.into(), number, says: says.into(), ends, has_token, has_expiry };
        callers.known.insert(opening.into(), caller);
    }
}

/// The text up to its first closing brace.
fn opening(text: &str) -> Option<&str> {
    let near = &text.as_bytes()[..text.len().min(MAX_TEXT)];
    memchr(b'}', near).map(|end| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::unwrap::{Found, unwrap_record};
    use proptest::prelude::*;

    const FIELDS: [&str; 8] =
        ["type", "principalId", "accountId", "userName", "secretId", "roleSessionName", "sessionContext", "other"];

    /// Callers of few different texts, some with a session in them, some of which end in braces of their own.
    fn caller() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just(r#""a""#),
            Just(r#""""#),
            Just("7"),
            Just("null"),
            Just(r#""{\"token\":\"t\",\"userIp\":\"192.0.2.1\",\"x\":{}}""#),
            Just(r#"{"expireTime":1,"appId":5}"#),
            Just(r#""}""#),
        ];
        let field = (prop::sample::select(&FIELDS[..]), value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop::collection::vec(field, 0..5).prop_map(|fields| format!("{{{}}}", fields.join(",")))
    }

    fn event() -> impl Strategy<Value = String> {
        let more = prop_oneof![
            4 => Just(""),
            1 => Just(r#","AccountID":"9""#),
            1 => Just(r#","SecretId":"k""#),
            1 => Just(r#","userIdentity.userName":"bob""#),
            1 => Just(r#","Username":"12""#),
        ];
        (caller(), more.clone(), more).prop_map(|(caller, before, after)| {
            format!(r#"{{"eventName":"A","eventTime":17{before},"userIdentity":{caller}{after}}}"#)
        })
    }

    /// What is read of each record: every caller's texts, whether there is a token and an expiry, and the number.
    fn read(scratch: &mut Scratch, records: &[&str]) -> Vec<(Vec<String>, bool, bool, u32)> {
        let mut all = Vec::new();
        for record in records {
            unwrap_record(record, scratch, &mut |found: Found<'_, '_>| {
                let event = found.expect("an event");
                let texts = event.caller_texts().map(str::to_string).to_vec();
                all.push((texts, event.session.has_token, event.session.has_expiry, event.caller));
            });
            scratch.clear();
        }
        all
    }

    proptest! {
        #[test]
        fn a_caller_recognised_is_the_caller_read(events in prop::collection::vec(event(), 1..6), turns in 1_usize..4) {
            let records: Vec<&str> = events.iter().map(String::as_str).collect();
            let many = records.repeat(turns);
            let together = read(&mut Scratch::default(), &many);
            let alone: Vec<_> = many.iter().flat_map(|record| read(&mut Scratch::default(), &[record])).collect();
            let mut by_number = HashMap::new();
            for (one, other) in together.iter().zip(&alone) {
                prop_assert_eq!((&one.0, one.1, one.2), (&other.0, other.1, other.2));
                if one.3 != 0 {
                    let told = by_number.entry(one.3).or_insert((&one.0, one.1, one.2));
                    prop_assert_eq!(*told, (&one.0, one.1, one.2));
                }
            }
        }
    }

    #[test]
    fn a_caller_is_known_from_the_third_time_on() {
        let record = r#"{"eventName":"A","eventTime":17,"userIdentity":{"secretId":"k","userName":"u"}}"#;
        let numbers: Vec<u32> = read(&mut Scratch::default(), &[record; 4]).into_iter().map(|event| event.3).collect();
        assert_eq!(numbers, [0, 1, 1, 1]);
    }
}
