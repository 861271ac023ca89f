//! `akguard policy recommend`: least-privilege policies from what was seen.

use super::source::{Source, SourceArgs};
use crate::catalog::cam::CamCatalog;
use crate::catalog::edit::nearest;
use crate::catalog::risk::RiskCatalog;
use crate::cli::error::Usage;
use crate::cli::exit;
use crate::cli::lookup::full_ak;
use crate::cli::output::{view, write_to};
use crate::recommend::input::{Case, HolderKind, Options};
use crate::recommend::output::Recommendation;
use crate::recommend::{markdown, recommend};
use crate::report::View;
use crate::report::json::pretty;
use crate::report::listing::write_object;
use crate::report::recommendation::{holder_name, recommendation_json, write_overview, write_table};
use crate::report::text::printable;
use crate::store::holders::Wanted;
use anyhow::{Context, Result};
use ipnet::IpNet;
use serde_json::json;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Recommend least-privilege policies from what was seen
///
/// Shows the CAM policies that a user or role really needs, as JSON to attach: they allow every legitimate call that
/// was seen and deny every alarmed one. With an inventory it also compares them with what is granted today, and says
/// what to remove, in which order, and what to do about the keys. docs/policy.md explains every number.
#[expect(clippy::struct_excessive_bools, reason = "one for each switch")]
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("whose").required(true),
    after_help = "Examples:\n  akguard policy recommend --user app-backend\n  akguard policy recommend --ak AKIDEXAMPLEalice00000000000000000000 --format json\n  akguard policy recommend --all --out-dir policies/\n  akguard policy recommend --user app-backend --logs logs/ --inventory inventory/"
)]
pub(super) struct Args {
    /// For the owner of this key, in full or as lists show it
    #[arg(long, value_name = "ID", group = "whose")]
    ak: Option<String>,
    /// For the user of this name or UIN
    #[arg(long, value_name = "NAME", group = "whose")]
    user: Option<String>,
    /// For the role of this name or id: all its temporary keys together
    #[arg(long, value_name = "NAME", group = "whose")]
    role: Option<String>,
    /// For every user and role seen or listed, but roles that only services take
    #[arg(long, group = "whose")]
    all: bool,
    #[command(flatten)]
    source: SourceArgs,
    /// A network to trust and to grant from, such as 203.0.113.0/24 (repeatable)
    #[arg(long, value_name = "CIDR", value_parser = network)]
    trusted_cidr: Vec<IpNet>,
    /// Longest policy, in characters without blanks; the vendor's pages say 4096, newer ones perhaps 6144
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(256..=1_000_000))]
    policy_max_chars: u32,
    /// Grant calls too that were permitted and failed for another reason
    #[arg(long)]
    include_failed: bool,
    /// Grant all resources of a type where more than 20 of it were used in a region
    #[arg(long)]
    collapse: bool,
    /// Shorten policies by wildcards such as Describe* where they add nothing but reading
    #[arg(long)]
    compress: bool,
    /// Show whole key ids in tables, so that commands can be pasted
    #[arg(long)]
    full_keys: bool,
    /// Write policies, the JSON and a page to read into this folder
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
    /// Output format [default: table; with --out-dir, a line for each user and role]
    #[arg(long, value_name = "F")]
    format: Option<Shape>,
    /// Write the result to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The formats of a recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// For people on a terminal.
    Table,
    /// One object with all recommendations.
    Json,
    /// Pages to read or to send.
    Md,
}

/// Reads a network; an address is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    let net = text.parse::<IpNet>().or_else(|_| one());
    let net = net.map_err(|_| format!("{text:?} is no network; use one such as 203.0.113.0/24 or 203.0.113.7"))?;
    if net.prefix_len() == 0 { Err("everything would be trusted".to_string()) } else { Ok(net.trunc()) }
}

/// Recommends and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let source = args.source.open(config)?;
    let wanted = args.wanted(&source)?;
    let cases = source.cases(&wanted)?;
    if cases.is_empty() {
        return Err(Usage(format!("{}{}", nobody(&wanted), did_you_mean(&wanted, &source)?)).into());
    }
    let view = view(args.output.as_deref(), source.zone, false);
    let (all, failed) = args.recommendations(&cases);
    if let Some(folder) = &args.out_dir {
        write_folder(folder, &all, view)?;
    }
    write_to(args.output.as_deref(), |out| args.write(&all, view, out))?;
    Ok(if failed { exit::FAILED } else { exit::DONE })
}

fn nobody(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Key(ak) => format!("no use of the key {} is known; `akguard ak list` has all keys", printable(ak)),
        Wanted::User(name) => format!(
            "no user {} was seen or is listed; `akguard ak list` has all keys with their users",
            printable(name)
        ),
        Wanted::Role(name) => {
            format!("no role {} was seen or is listed; `akguard ak list` has all temporary keys", printable(name))
        }
        Wanted::All | Wanted::One(_) | Wanted::Everybody => {
            "no user or role was seen; scan some logs first".to_string()
        }
    }
}

/// The user or role whose name is most like the one typed.
fn did_you_mean(wanted: &Wanted, source: &Source) -> Result<String> {
    let (Wanted::User(typed) | Wanted::Role(typed)) = wanted else { return Ok(String::new()) };
    let all = source.cases(&Wanted::All)?;
    let is_role = matches!(wanted, Wanted::Role(_));
    let alike = all.iter().filter(|case| (case.holder.kind == HolderKind::Role) == is_role);
    let near = nearest(typed, alike.map(|case| case.holder.name.as_str()));
    Ok(near.map_or(String::new(), |name| format!("; did you mean {}?", printable(name))))
}

impl Args {
    fn wanted(&self, source: &Source) -> Result<Wanted> {
        Ok(match (&self.ak, &self.user, &self.role) {
            (Some(ak), _, _) if ak == crate::event::words::TEMP_AK => {
                let what = "temporary keys belong to users and roles; name one with --user or --role";
                return Err(Usage(what.to_string()).into());
            }
            (Some(ak), _, _) => Wanted::Key(full_ak(&source.db, ak)?),
            (_, Some(user), _) => Wanted::User(user.clone()),
            (_, _, Some(role)) => Wanted::Role(role.clone()),
            _ => Wanted::All,
        })
    }

    fn options(&self) -> Options {
        Options {
            trusted: self.trusted_cidr.clone(),
            max_chars: self.policy_max_chars as usize,
            include_failed: self.include_failed,
            collapse: self.collapse,
            compress: self.compress,
        }
    }

    /// All recommendations that could be made; tells on stderr of those that could not.
    fn recommendations(&self, cases: &[Case]) -> (Vec<Recommendation>, bool) {
        let (cam, risk, options) = (CamCatalog::builtin(), RiskCatalog::builtin(), self.options());
        let mut all = Vec::new();
        for case in cases {
            match recommend(case, &options, cam, &risk) {
                Ok(one) => all.push(one),
                Err(error) => {
                    let who = printable(&holder_name(&case.holder));
                    let _ = writeln!(io::stderr().lock(), "error: {who}: {}", printable(&error.to_string()));
                }
            }
        }
        let failed = all.len() < cases.len();
        (all, failed)
    }

    fn write(&self, all: &[Recommendation], view: View, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Some(Shape::Json) => {
                let list: Vec<_> = all.iter().map(|one| recommendation_json(one, view)).collect();
                write_object(&json!({"version": 1, "recommendations": list}), out)
            }
            Some(Shape::Md) => all.iter().try_for_each(|one| write!(out, "{}", page(one, view))),
            Some(Shape::Table) | None if self.all => write_overview(all, view, self.out_dir.is_none(), out),
            None if self.out_dir.is_some() => write_overview(all, view, false, out),
            Some(Shape::Table) | None => all.iter().try_for_each(|one| write_table(one, self.full_keys, view, out)),
        }
    }
}

fn page(one: &Recommendation, view: View) -> String {
    markdown(one, view.lang, &|ms| crate::report::text::time(ms, view.zone))
}

/// Writes each recommendation into a folder of its own: its policies, the JSON for `verify`, and a page to read.
fn write_folder(folder: &Path, all: &[Recommendation], view: View) -> Result<()> {
    for one in all {
        let own = folder.join(folder_name(one));
        std::fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
        remove_old(&own);
        write_file(&own.join("recommendation.json"), &pretty(&recommendation_json(one, view)))?;
        write_file(&own.join("README.md"), &page(one, view))?;
        for proposed in &one.documents {
            write_file(&own.join(format!("{}.json", proposed.name)), &pretty(&proposed.document))?;
        }
    }
    let what = format!(
        "{} of {} written",
        crate::report::text::counted(all.len() as u64, "folder", "folders"),
        folder.display()
    );
    let _ = writeln!(io::stderr().lock(), "{}", printable(&what));
    Ok(())
}

/// Takes away the policies of an earlier recommendation in this folder, and no other file.
fn remove_old(folder: &Path) {
    let text = std::fs::read_to_string(folder.join("recommendation.json")).unwrap_or_default();
    let before: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let names = before["documents"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
    let ours = |name: &&str| name.starts_with("akguard-") && !name.contains(['/', '\\']);
    for name in names.filter(ours) {
        let _ = std::fs::remove_file(folder.join(format!("{name}.json")));
    }
}

/// Writes a file that only its owner can read: there are whole key ids in it.
fn write_file(path: &Path, text: &str) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = |mut file: std::fs::File| file.write_all(format!("{}\n", text.trim_end()).as_bytes());
    options.open(path).and_then(write).with_context(|| format!("cannot write {}", path.display()))
}

/// A folder name of letters, digits and a few marks, whatever the user is called.
fn folder_name(one: &Recommendation) -> String {
    let name = holder_name(&one.holder).replace(' ', "-");
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let id = if one.holder.name == one.holder.id || one.holder.id.is_empty() {
        String::new()
    } else {
        format!("-{}", one.holder.id)
    };
    format!("{name}{id}").chars().map(plain).take(150).collect()
}
