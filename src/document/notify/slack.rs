//! Messages of Slack. Log text stands in `text` elements of rich text, which are shown as they are: mentions, links and
//! emoji are elements of their own there.

use super::{command_or_log, plain};
use crate::document::digest::{Digest, Line, Piece};
use crate::document::safe::chat;
use crate::report::text::shortened;
use serde_json::{Value, json};

/// At most so many characters in a block, and so many blocks in a message.
const MOST_TEXT: usize = 3000;
const MOST_BLOCKS: usize = 50;

/// A message with the first items of the digest. `text` is what notifications show.
pub(super) fn message(digest: &Digest, shown: usize) -> Value {
    let title = json!({ "type": "plain_text", "text": shortened(&chat(&digest.title), 150), "emoji": false });
    let mut blocks = vec![json!({ "type": "header", "text": title })];
    blocks.push(rich(&[section(&digest.headline)]));
    blocks.push(rich(&[section(&digest.news)]));
    blocks.extend(lists(digest.items.iter().take(shown).map(|item| &item.line)));
    blocks.extend(digest.tail(shown).iter().map(|line| rich(&[section(line)])));
    json!({ "text": chat(&digest.title), "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

pub(super) fn fits(body: &Value) -> bool {
    let Some(blocks) = body["blocks"].as_array() else { return false };
    blocks.len() <= MOST_BLOCKS && blocks.iter().all(|block| length(block) <= MOST_TEXT)
}

/// Characters of the texts in a block.
fn length(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| match field {
                Value::String(text) if name == "text" => text.chars().count(),
                field => length(field),
            })
            .sum(),
        Value::Array(items) => items.iter().map(length).sum(),
        _ => 0,
    }
}

fn rich(elements: &[Value]) -> Value {
    json!({ "type": "rich_text", "elements": elements })
}

fn section(line: &[Piece]) -> Value {
    let elements: Vec<Value> = line.iter().filter_map(element).collect();
    json!({ "type": "rich_text_section", "elements": elements })
}

/// A piece of text; Slack refuses empty ones.
fn element(piece: &Piece) -> Option<Value> {
    let (text, style) = match piece {
        Piece::Text(text) => (chat(text), None),
        Piece::Strong(text) => (chat(text), Some("bold")),
        Piece::Code(text) => (command_or_log(text), Some("code")),
    };
    let mut element = json!({ "type": "text", "text": text });
    if let Some(style) = style {
        element["style"] = json!({ style: true });
    }
    (!text.is_empty()).then_some(element)
}

/// Bullet lists, each short enough for one block.
fn lists<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<Value> {
    let mut lists: Vec<Vec<Value>> = Vec::new();
    let mut room = 0;
    for line in lines {
        let wanted = plain(line).chars().count();
        if wanted > room {
            lists.push(Vec::new());
            room = MOST_TEXT;
        }
        room = room.saturating_sub(wanted);
        if let Some(list) = lists.last_mut() {
            list.push(section(line));
        }
    }
    let list = |items: Vec<Value>| rich(&[json!({ "type": "rich_text_list", "style": "bullet", "elements": items })]);
    lists.into_iter().map(list).collect()
}
