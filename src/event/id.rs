//! Identifiers: the key that tells whether two records are one event, masked key ids, request ids kept small.

use super::raw::RawEvent;
use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_128;

/// 128 bits that two records share exactly when they are the same event.
///
/// Made of `requestID`, `eventName` and `principalId`; without a request id of `eventID`; without
/// either, of the whole raw event. See docs/formats.md.
pub fn event_key(event: &RawEvent<'_>) -> u128 {
    let parts: &[&str] = if !event.request_id.is_empty() {
        &["r", event.request_id, event.name, event.principal]
    } else if !event.event_id.is_empty() {
        &["e", event.event_id]
    } else {
        &["w", event.whole]
    };
    let length = parts.iter().map(|part| part.len() + 1).sum();
    if length <= KEY_TEXT {
        xxh3_128(joined(parts, &mut [0; KEY_TEXT][..length]))
    } else {
        xxh3_128(joined(parts, &mut vec![0; length]))
    }
}

/// Room for the text of nearly every event key: a request id of 36 bytes, an action and a UIN.
const KEY_TEXT: usize = 128;

/// The parts in `room`, which holds zeros, with one behind each.
fn joined<'r>(parts: &[&str], room: &'r mut [u8]) -> &'r [u8] {
    let mut at = 0;
    for part in parts {
        room[at..at + part.len()].copy_from_slice(part.as_bytes());
        at += part.len() + 1;
    }
    room
}

/// Shows the first 6 and last 11 characters of a key id and leaves the middle out.
///
/// An id too short to hide at least as much as that shows keeps only its first characters, at most
/// four, and never more than half.
pub fn mask_key(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    let (head, tail) = (6, 11);
    if chars.len() >= 2 * (head + tail) {
        let first: String = chars[..head].iter().collect();
        let last: String = chars[chars.len() - tail..].iter().collect();
        return format!("{first}***{last}");
    }
    let first: String = chars[..(chars.len() / 2).min(4)].iter().collect();
    format!("{first}***")
}

/// The text with every key id in it masked, wherever it stands: people write ids into notes, and programs into names.
pub fn mask_keys_in(text: &str) -> Cow<'_, str> {
    static ID: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("(?:AKID|IKID)[0-9A-Za-z]{13,}").ok());
    match ID.as_ref() {
        Some(id) => id.replace_all(text, |found: &Captures<'_>| mask_key(&found[0])),
        None => text.into(),
    }
}

/// A request id kept in few bytes: most are UUIDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestId {
    /// A lower-case UUID with hyphens.
    Uuid([u8; 16]),
    /// Any other text.
    Text(Box<str>),
}

impl RequestId {
    /// Packs `text`; [`RequestId::to_text`] gives it back unchanged.
    pub fn pack(text: &str) -> Self {
        uuid_bytes(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }

    /// The id as it was logged.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Uuid(bytes) => uuid_text(bytes),
        }
    }
}

impl PartialOrd for RequestId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RequestId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            // The hexadecimal text of equal length orders as its bytes do.
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.to_text().cmp(&other.to_text()),
        }
    }
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut out = [0_u8; 16];
    let mut nibble = 0;
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        out[nibble / 2] = (out[nibble / 2] << 4) | value;
        nibble += 1;
    }
    Some(out)
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permanent_key_shows_six_and_eleven_characters() {
        let id = "AKIDEXAMPLE0123456789abcdefghijklmno";
        assert_eq!(id.len(), 36);
        assert_eq!(mask_key(id), "AKIDEX***efghijklmno");
    }

    #[test]
    fn a_short_id_never_shows_more_than_it_hides() {
        assert_eq!(mask_key("AKIDshort"), "AKID***");
        assert_eq!(mask_key("ab"), "a***");
        assert_eq!(mask_key(""), "***");
        assert_eq!(mask_key(&"x".repeat(33)), "xxxx***");
    }

    #[test]
    fn request_ids_come_back_as_they_were() {
        for text in ["008ef803-4549-41fe-a7e6-433122273683", "008EF803-4549-41FE-A7E6-433122273683", "662138269", ""] {
            assert_eq!(RequestId::pack(text).to_text(), text);
        }
        assert!(matches!(RequestId::pack("008ef803-4549-41fe-a7e6-433122273683"), RequestId::Uuid(_)));
    }

    #[test]
    fn the_key_takes_the_first_id_that_is_there() {
        let base =
            RawEvent { request_id: "r1", event_id: "e1", name: "A", principal: "1", whole: "x", ..Default::default() };
        let other_export = RawEvent { event_id: "", whole: "y", ..base };
        assert_eq!(event_key(&base), event_key(&other_export));
        assert_ne!(event_key(&base), event_key(&RawEvent { name: "B", ..base }));
        let no_request = RawEvent { request_id: "", ..base };
        assert_eq!(event_key(&no_request), event_key(&RawEvent { name: "B", ..no_request }));
        let no_ids = RawEvent { event_id: "", ..no_request };
        assert_ne!(event_key(&no_ids), event_key(&RawEvent { whole: "y", ..no_ids }));
    }

    #[test]
    fn the_key_hangs_on_where_its_parts_end_however_long_they_are() {
        for length in [1, 100, 124, 125, 126, 1000] {
            let id = "r".repeat(length);
            let event = RawEvent { request_id: &id, name: "AB", principal: "1", ..Default::default() };
            let text = format!("r\0{id}\0AB\x001\0");
            assert_eq!(event_key(&event), xxh3_128(text.as_bytes()), "{length}");
            assert_ne!(event_key(&event), event_key(&RawEvent { name: "A", principal: "B1", ..event }));
        }
    }

    #[test]
    fn ids_are_masked_wherever_they_stand() {
        let id = "AKIDEXAMPLEalice00000000000000000000";
        let text = format!("rotated {id}, see=({id})");
        assert_eq!(mask_keys_in(&text), format!("rotated {0}, see=({0})", mask_key(id)));
        for same in ["AKIDshort", "no key", "AKIDEX***00000000000", ""] {
            assert_eq!(mask_keys_in(same), same);
        }
    }
}
