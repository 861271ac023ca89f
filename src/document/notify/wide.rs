//! Markdown of WeCom and DingTalk. Each knows a part of Markdown, and neither says how to escape, so that signs of log
//! text that could be markup are full-width.

use crate::document::digest::{Digest, Item, Line, Piece};
use crate::document::label::rank;
use crate::document::safe::{chat, chat_code};
use serde_json::{Value, json};

/// WeCom's limit of the content in bytes.
const WECOM_MOST: usize = 4096;

/// A message of WeCom with the first items of the digest. Its type `markdown` knows bold, quotes, inline code and three
/// colours, and ends lines where they end.
pub(super) fn wecom(digest: &Digest, shown: usize) -> Value {
    let mut lines = vec![wecom_line(&digest.headline), wecom_line(&digest.news)];
    lines.extend(digest.items.iter().take(shown).map(wecom_item));
    lines.extend(digest.tail(shown).iter().map(wecom_line));
    json!({ "msgtype": "markdown", "markdown": { "content": lines.join("\n") } })
}

pub(super) fn wecom_fits(body: &Value) -> bool {
    body["markdown"]["content"].as_str().is_some_and(|content| content.len() <= WECOM_MOST)
}

fn wecom_item(item: &Item) -> String {
    let shown = item.line.iter().map(|piece| match piece {
        Piece::Strong(text) if rank(&item.level) < 2 => format!("<font color=\"warning\">{}</font>", chat(text)),
        piece => wecom_piece(piece),
    });
    format!("> {}", shown.collect::<String>())
}

fn wecom_line(line: &Line) -> String {
    line.iter().map(wecom_piece).collect()
}

fn wecom_piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => chat(text),
        Piece::Strong(text) => strong(text),
        Piece::Code(text) => chat_code(text),
    }
}

fn strong(text: &str) -> String {
    let text = chat(text);
    if text.trim().is_empty() { String::new() } else { format!("**{}**", text.trim()) }
}

/// A message of DingTalk with the first items of the digest. Its Markdown has no inline code. Nobody is called, since
/// that takes an entry in `at`.
pub(super) fn dingtalk(digest: &Digest, shown: usize) -> Value {
    let mut parts = vec![dingtalk_line(&digest.headline), dingtalk_line(&digest.news)];
    let items: Vec<String> =
        digest.items.iter().take(shown).map(|item| format!("- {}", dingtalk_line(&item.line))).collect();
    if !items.is_empty() {
        parts.push(items.join("\n"));
    }
    parts.extend(digest.tail(shown).iter().map(dingtalk_line));
    json!({
        "msgtype": "markdown",
        "markdown": { "title": chat(&digest.title), "text": parts.join("\n\n") },
        "at": { "isAtAll": false },
    })
}

fn dingtalk_line(line: &Line) -> String {
    let pieces = line.iter().map(|piece| match piece {
        Piece::Text(text) | Piece::Code(text) => chat(text),
        Piece::Strong(text) => strong(text),
    });
    pieces.collect()
}
