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
