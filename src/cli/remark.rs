//! `akguard remark`: short remarks on keys and addresses.

use super::database::DatabaseArgs;
use super::error::Usage;
use super::lookup::full_ak;
use super::output::write_to;
use super::{exit, now_ms};
use crate::event::id::mask_key;
use crate::event::words::TEMP_AK;
use crate::report::text::{or_dash, printable};
use crate::store::decisions::{RemarkError, RemarkOn, is_known, remark, set_remark};
use anyhow::Result;
use clap::ValueEnum;
use std::io::Write;
use std::net::IpAddr;

/// Set, show or clear the remark on a key or an address
///
/// A remark has at most 20 characters. It stands in place of the one in your asset lists; when it is
/// cleared, that one shows again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard remark ip 203.0.113.7 \"office NAT\"\n  akguard remark ak AKIDEXAMPLEalice00000000000000000000 CI\n  akguard remark ip 203.0.113.7        # show it\n  akguard remark ip 203.0.113.7 \"\"     # clear it"
)]
pub(super) struct Args {
    /// On a key or on an address
    #[arg(value_name = "ak|ip")]
    on: OnArg,
    /// The key's id, in full or as tables show it, or the address
    #[arg(value_name = "ID")]
    id: String,
    /// The remark; empty to clear it, left out to show it
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnArg {
    Ak,
    Ip,
}

/// Sets, shows or clears the remark and returns the exit code.
pub(super) fn run(args: &Args) -> Result<u8> {
    let on = match args.on {
        OnArg::Ak => RemarkOn::Ak,
        OnArg::Ip => RemarkOn::Ip,
    };
    if args.id.trim().is_empty() || (on == RemarkOn::Ip && args.id.parse::<IpAddr>().is_err()) {
        let what = if on == RemarkOn::Ip { "an address" } else { "a key" };
        return Err(Usage(format!("{:?} is not {what}", args.id)).into());
    }
    let db = args.database.open()?;
    let id = if on == RemarkOn::Ak { full_ak(&db, &args.id)? } else { args.id.clone() };
    let shown = if on == RemarkOn::Ip || id == TEMP_AK { id.clone() } else { mask_key(&id) };
    let Some(text) = &args.text else {
        let remark = remark(&db, on, &id)?;
        write_to(None, |out| writeln!(out, "{}", printable(or_dash(remark.as_deref()))))?;
        return Ok(exit::DONE);
    };
    set_remark(&db, on, &id, text, now_ms()).map_err(|error| match error {
        RemarkError::Store(error) => anyhow::Error::from(error),
        other => Usage(other.to_string()).into(),
    })?;
    if !is_known(&db, on, &id)? {
        let _ = writeln!(std::io::stderr().lock(), "note: {} has not been seen yet", printable(&shown));
    }
    let now = remark(&db, on, &id)?;
    write_to(None, |out| writeln!(out, "{}: {}", printable(&shown), printable(or_dash(now.as_deref()))))?;
    Ok(exit::DONE)
}
