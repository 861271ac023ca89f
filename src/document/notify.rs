//! The digest as the body of a message to a chat's webhook, in each vendor's own form and within its limits. Nothing
//! is sent from here: the body is for `curl`.

mod feishu;
mod slack;
mod wide;

use crate::document::digest::{Digest, Line, Piece};
use crate::document::model::Report;
use crate::document::safe::chat;
use crate::document::texts::Lang;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::fmt::Write;

/// Whose chat a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// WeCom (企业微信), message type `markdown`.
    Wecom,
    /// DingTalk (钉钉), message type `markdown`.
    Dingtalk,
    /// Feishu (飞书) and Lark, message type `interactive`, a card.
    Feishu,
    /// Slack, blocks of rich text.
    Slack,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// JSON to post.
    pub body: String,
    /// What goes to the URL of the webhook, after `&`: DingTalk's timestamp and signature.
    pub query: Option<String>,
    /// Headers to send.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// The digest as a message. `secret` signs it where the vendor has signatures (DingTalk and Feishu) and is not used by
/// others; `now_ms` is the time that goes into the signature, which vendors accept for an hour.
pub fn body(report: &Report, lang: Lang, vendor: Vendor, secret: Option<&str>, now_ms: i64) -> Message {
    let digest = Digest::of(report, lang);
    let secret = secret.filter(|secret| !secret.is_empty());
    let body = match vendor {
        Vendor::Wecom => fitted(&digest, wide::wecom, wide::wecom_fits),
        Vendor::Dingtalk => fitted(&digest, wide::dingtalk, |body| body.to_string().len() <= 20_000),
        Vendor::Feishu => feishu::signed(fitted(&digest, feishu::card, feishu::fits), secret, now_ms),
        Vendor::Slack => fitted(&digest, slack::message, slack::fits),
    };
    let query = match (vendor, secret) {
        (Vendor::Dingtalk, Some(secret)) => Some(dingtalk_query(secret, now_ms)),
        _ => None,
    };
    Message { body: body.to_string(), query, headers: vec![("Content-Type", "application/json; charset=utf-8")] }
}

/// The message with as many items as fit; the digest's tail counts the others.
fn fitted(digest: &Digest, make: fn(&Digest, usize) -> Value, fits: fn(&Value) -> bool) -> Value {
    let all = digest.items.len();
    let bodies = (0..=all).rev().map(|shown| make(digest, shown));
    let mut last = Value::Null;
    for body in bodies {
        if fits(&body) {
            return body;
        }
        last = body;
    }
    last
}

/// Timestamp and signature as DingTalk wants them in the URL.
fn dingtalk_query(secret: &str, now_ms: i64) -> String {
    let signature = sign(secret, &format!("{now_ms}\n{secret}"));
    format!("timestamp={now_ms}&sign={}", url_encoded(&signature))
}

/// HMAC-SHA256 in base64.
fn sign(key: &str, message: &str) -> String {
    // A key of any length is fine for HMAC, so that this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn url_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A line as text without markup of its own.
fn plain(line: &Line) -> String {
    let pieces = line.iter().map(|piece| match piece {
        Piece::Text(text) | Piece::Strong(text) => chat(text),
        Piece::Code(text) => command_or_log(text),
    });
    pieces.collect()
}

/// Text of logs; the stars of masked keys stay, since nothing here reads them as markup.
fn command_or_log(text: &str) -> String {
    chat(text).replace('＊', "*").replace('＿', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing;

    const VENDORS: [Vendor; 4] = [Vendor::Wecom, Vendor::Dingtalk, Vendor::Feishu, Vendor::Slack];

    fn strings<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => out.push(text),
            Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
            Value::Object(fields) => fields.values().for_each(|field| strings(field, out)),
            _ => {}
        }
    }

    #[test]
    fn signatures_are_those_computed_elsewhere() {
        // Computed with Python's hmac; tests/check_notify.py computes them again.
        assert_eq!(
            dingtalk_query("this is secret", 1_700_000_000_000),
            "timestamp=1700000000000&sign=sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0%3D"
        );
        assert_eq!(sign("1700000000\nthis is secret", ""), "OfGzRzoUICBOoc8wVra1e4A1hPfbZ9zqXozA8CWVUuY=");
        // RFC 4231, test case 2.
        assert_eq!(sign("Jefe", "what do ya want for nothing?"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn only_vendors_with_signatures_use_the_secret() {
        for vendor in VENDORS {
            let plain = body(&testing::sample(), Lang::En, vendor, None, 1_700_000_000_000);
            let signed = body(&testing::sample(), Lang::En, vendor, Some("s3cret"), 1_700_000_000_000);
            assert!(!signed.body.contains("s3cret"));
            assert_eq!(plain.body != signed.body, vendor == Vendor::Feishu);
            assert_eq!(plain.query != signed.query, vendor == Vendor::Dingtalk);
            assert_eq!(plain, body(&testing::sample(), Lang::En, vendor, Some(""), 1));
        }
    }

    #[test]
    fn hostile_fields_call_nobody() {
        for report in testing::hostile() {
            for (vendor, lang) in VENDORS.into_iter().zip([Lang::En, Lang::Zh, Lang::En, Lang::Zh]) {
                let message = body(&report, lang, vendor, Some("x"), 1_700_000_000_000);
                let value: Value = serde_json::from_str(&message.body).unwrap();
                let mut texts = Vec::new();
                strings(&value, &mut texts);
                for text in texts {
                    assert!(harmless(text), "{vendor:?}: {text}");
                }
            }
        }
    }

    fn harmless(text: &str) -> bool {
        let own = ["<font color=\"warning\">", "<font color=\"comment\">", "</font>"];
        let text = own.iter().fold(text.to_string(), |text, tag| text.replace(tag, ""));
        !text.contains(['@', '<', '&', '[', '\u{202e}', '\u{1b}']) && !text.contains("://")
    }

    #[test]
    fn messages_keep_to_the_limits() {
        let mut reports = testing::hostile();
        reports.push(testing::sample());
        for report in reports {
            for lang in [Lang::En, Lang::Zh] {
                let of =
                    |vendor| serde_json::from_str::<Value>(&body(&report, lang, vendor, Some("x"), 1).body).unwrap();
                assert!(of(Vendor::Wecom)["markdown"]["content"].as_str().unwrap().len() <= 4096);
                assert!(of(Vendor::Dingtalk).to_string().len() <= 20_000);
                assert!(of(Vendor::Feishu).to_string().len() <= 20_000);
                assert!(slack::fits(&of(Vendor::Slack)));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut report = testing::sample();
        for (number, alarm) in report.alarms.iter_mut().enumerate() {
            alarm.rule = format!("rule-{number}");
            alarm.user = Some(format!("{number}{}", "用户".repeat(23)));
        }
        let value: Value = serde_json::from_str(&body(&report, Lang::En, Vendor::Wecom, None, 1).body).unwrap();
        let content = value["markdown"]["content"].as_str().unwrap();
        let shown = content.lines().filter(|line| line.starts_with("> ")).count();
        assert!(shown < 15 && content.contains(&format!("{} new alarms are not shown", 33 - shown)), "{content}");
        assert!(content.contains("akguard alarms --since 2026-02-01"), "{content}");
    }
}
