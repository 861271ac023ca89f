//! `akguard notify`: the digest as the body of a chat message, for curl to send.

use super::error::Usage;
use super::exit;
use super::now_ms;
use super::output::{lang, write_to};
use super::report::{Asked, SourceArgs, remember};
use crate::document::notify::{Message, Vendor, body};
use crate::lang::{Lang, text};
use crate::report::text::counted_in;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Write the digest as a chat message, for curl to send; akguard opens no connection
///
/// The message is signed where the vendor asks for it and you give the secret of your robot, in a file or in
/// `AKGUARD_NOTIFY_SECRET`. DingTalk wants its signature in the address: --print-query writes that part.
#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true),
    after_help = "Examples:\n  akguard notify --to feishu --since 24h --dry-run\n  akguard notify --to slack --since yesterday --mark ops --print | curl -sS -K slack.curl -H 'Content-Type: application/json' --data-binary @-\n  akguard notify --to dingtalk --secret-file dingtalk.secret --print-query\n\nslack.curl holds one line with the address of the robot: url = \"https://…\". docs/report.md has the lines for each chat."
)]
pub(super) struct Args {
    /// Who takes the message
    #[arg(long, value_name = "VENDOR")]
    to: To,
    /// Write the body of the message
    #[arg(long, group = "what")]
    print: bool,
    /// Write what is to be added to the robot's address; empty where nothing is
    #[arg(long, group = "what")]
    print_query: bool,
    /// Show what would be sent, for people; nothing is remembered
    #[arg(long, group = "what")]
    dry_run: bool,
    /// File with the secret that signs messages of your robot; else AKGUARD_NOTIFY_SECRET
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Report on alarms with calls since then: a date, a time, or an age such as 24h, 7d, yesterday [default: all]
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Report on alarms until then [default: now]
    #[arg(long, value_name = "T")]
    until: Option<String>,
    /// Call new what no earlier report or message of this mark has shown, and remember it once printed
    #[arg(long, value_name = "NAME", conflicts_with = "logs")]
    mark: Option<String>,
    /// Show keys in full
    #[arg(long)]
    full_keys: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// A group robot of WeCom (企业微信).
    Wecom,
    /// A custom robot of DingTalk (钉钉).
    Dingtalk,
    /// A custom bot of Feishu or Lark (飞书).
    Feishu,
    /// An incoming webhook of Slack.
    Slack,
}

impl To {
    fn vendor(self) -> Vendor {
        match self {
            Self::Wecom => Vendor::Wecom,
            Self::Dingtalk => Vendor::Dingtalk,
            Self::Feishu => Vendor::Feishu,
            Self::Slack => Vendor::Slack,
        }
    }
}

/// Writes the message and returns the exit code.
pub(super) fn run(args: &Args, lang: Lang, config: Option<&Path>) -> Result<u8> {
    let asked = Asked {
        since: args.since.as_deref(),
        until: args.until.as_deref(),
        full_keys: args.full_keys,
        mark: args.mark.as_deref(),
    };
    let secret = args.secret()?;
    let (db, report) = args.source.gather(asked, lang, config)?;
    let message = body(&report, lang, args.to.vendor(), secret.as_deref(), now_ms());
    write_to(None, |out| args.write(&message, out))?;
    if args.print {
        remember(&db, args.mark.as_deref(), &report)?;
    }
    Ok(exit::DONE)
}

impl Args {
    /// The secret, without the line end that editors add.
    fn secret(&self) -> Result<Option<String>> {
        let given = match &self.secret_file {
            Some(path) => {
                let what = || format!("cannot read the secret in {}", path.display());
                let text = std::fs::read_to_string(path).with_context(what)?;
                if text.trim().is_empty() {
                    return Err(Usage(format!("there is no secret in {}", path.display())).into());
                }
                Some(text)
            }
            None => std::env::var("AKGUARD_NOTIFY_SECRET").ok(),
        };
        Ok(given.map(|text| text.trim().to_string()).filter(|text| !text.is_empty()))
    }

    fn write(&self, message: &Message, out: &mut dyn Write) -> io::Result<()> {
        let query = message.query.as_deref().unwrap_or_default();
        if self.print {
            return writeln!(out, "{}", message.body);
        }
        let added = if query.is_empty() { String::new() } else { format!("&{query}") };
        if self.print_query {
            return writeln!(out, "{added}");
        }
        let lang = lang();
        writeln!(out, "{}", text(lang, "notify", if query.is_empty() { "post" } else { "post_added" }))?;
        if !query.is_empty() {
            writeln!(out, "{added}")?;
        }
        for (name, value) in &message.headers {
            writeln!(out, "{name}: {value}")?;
        }
        writeln!(out, "{}\n", counted_in(lang, message.body.len() as u64, "byte", "bytes"))?;
        let json: serde_json::Value = serde_json::from_str(&message.body).unwrap_or_default();
        crate::report::listing::write_object(&json, out)
    }
}
