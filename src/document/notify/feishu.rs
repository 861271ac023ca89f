//! Cards of Feishu. Log text stands in `plain_text` alone, where no markup is read.

use super::{plain, sign};
use crate::document::digest::{Digest, Item, Piece};
use crate::document::safe::chat;
use crate::report::text::shortened;
use serde_json::{Value, json};

/// Feishu's limit of a request is 20 KB in some of its pages and 30 KB in others: the lower one holds for sure. The
/// rest is for timestamp and signature.
const MOST: usize = 19_500;

/// A card with the first items of the digest.
pub(super) fn card(digest: &Digest, shown: usize) -> Value {
    let mut elements = vec![text(&plain(&digest.headline)), text(&plain(&digest.news))];
    if shown > 0 {
        elements.push(json!({ "tag": "hr" }));
    }
    elements.extend(digest.items.iter().take(shown).map(|item| text(&item_text(item))));
    elements.push(json!({ "tag": "hr" }));
    elements.extend(digest.tail(shown).iter().map(|line| text(&plain(line))));
    json!({
        "msg_type": "interactive",
        "card": {
            "config": { "wide_screen_mode": true },
            "header": {
                "template": colour(digest.worst.as_deref()),
                "title": { "tag": "plain_text", "content": shortened(&chat(&digest.title), 100) },
            },
            "elements": elements,
        },
    })
}

pub(super) fn fits(body: &Value) -> bool {
    body.to_string().len() <= MOST
}

fn text(content: &str) -> Value {
    json!({ "tag": "div", "text": { "tag": "plain_text", "content": content } })
}

/// What it is on the first line, the rest below, since plain text has no bold.
fn item_text(item: &Item) -> String {
    let split = item.line.iter().position(|piece| *piece == Piece::Text(" · ".to_string()));
    let (title, rest) = item.line.split_at(split.unwrap_or(item.line.len()));
    format!("{}\n{}", plain(&title.to_vec()), plain(&rest.iter().skip(1).cloned().collect()))
}

/// Colour of the title by the worst new unprocessed alarm.
fn colour(worst: Option<&str>) -> &'static str {
    match worst {
        Some("critical") => "red",
        Some("high") => "orange",
        Some("medium") => "yellow",
        Some(_) => "blue",
        None => "green",
    }
}

/// The message with timestamp, in seconds, and signature: the empty text, signed with timestamp and secret as the key.
pub(super) fn signed(body: Value, secret: Option<&str>, now_ms: i64) -> Value {
    let (Some(secret), Value::Object(fields)) = (secret, &body) else { return body };
    let timestamp = now_ms.div_euclid(1000).to_string();
    let signature = sign(&format!("{timestamp}\n{secret}"), "");
    let mut signed = serde_json::Map::new();
    signed.insert("timestamp".to_string(), timestamp.into());
    signed.insert("sign".to_string(), signature.into());
    signed.extend(fields.clone());
    Value::Object(signed)
}
