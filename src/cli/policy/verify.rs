//! `akguard policy verify`: replays calls against recommended policies.

use super::Shape;
use super::source::{Source, SourceArgs};
use crate::catalog::cam::CamCatalog;
use crate::catalog::risk::RiskCatalog;
use crate::cli::error::Usage;
use crate::cli::exit;
use crate::cli::output::{lang, view, write_to};
use crate::inventory::grants::Granted;
use crate::lang::Lang;
use crate::policy::{Document, Policy};
use crate::recommend::input::{Case, Holder, HolderKind, Observed};
use crate::recommend::output::{Doubt, Recommendation, Verification};
use crate::recommend::{VerifyContext, verify};
use crate::report::View;
use crate::report::listing::write_object;
use crate::report::recommendation::{
    holder_in, holder_name, recommendation_from, verification_json, write_verification,
};
use crate::report::text::printable;
use crate::store::holders::{Wanted, known_as};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Prove a recommendation by replaying calls against it
///
/// Every legitimate call must be allowed, every alarmed and every refused one denied, for certain; else the exit code is 1.
/// The calls are those of --logs, else of the database, else those that the recommendation was made from. Policies are
/// taken as they lie in the folder, so one that was edited by hand is proven as it is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard policy verify --recommendation policies/\n  akguard policy verify --recommendation policies/user-app-backend-100000000012/recommendation.json --logs logs/"
)]
pub(super) struct Args {
    /// What `akguard policy recommend` wrote: a folder, or a file of JSON
    #[arg(long, value_name = "DIR|FILE")]
    recommendation: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table")]
    format: Shape,
    /// Write the result to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A recommendation with its policies as they are now.
struct Found {
    recommendation: Recommendation,
    policies: Vec<Policy>,
}

/// The proof of one of them.
struct Proof {
    holder: Holder,
    attachable: bool,
    replayed: &'static str,
    verification: Verification,
}

/// Verifies and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let found = load(&args.recommendation)?;
    let source = args.source.open_if_there(config)?;
    let view = view(args.output.as_deref(), args.source.zone(config)?, false);
    let cases = source.as_ref().map(|source| cases_of(&found, source)).transpose()?.unwrap_or_default();
    let from_logs = source.is_some_and(|source| source.from_logs);
    let risk = RiskCatalog::builtin();
    let proofs: Vec<Proof> = found.iter().map(|one| prove(one, &cases, from_logs, &risk)).collect();
    let holds = proofs.iter().all(|proof| proof.verification.holds);
    write_to(args.output.as_deref(), |out| match args.format {
        Shape::Table => write_table(&proofs, lang(), out),
        Shape::Json => write_object(&object(&proofs, view), out),
    })?;
    Ok(if holds { exit::DONE } else { exit::FAILED })
}

fn prove(found: &Found, cases: &BTreeMap<Holder, Case>, from_logs: bool, risk: &RiskCatalog) -> Proof {
    let one = &found.recommendation;
    let holder = one.holder.clone();
    if one.holder.kind == HolderKind::Root {
        let verification = Verification { holds: true, ..Verification::default() };
        return Proof { holder, attachable: false, replayed: "nothing", verification };
    }
    let case = cases.get(&known_as(&one.holder)).filter(|case| !case.observed.is_empty());
    let (replayed, observed, granted): (_, &[Observed], Option<&Granted>) = match case {
        Some(case) => (if from_logs { "logs" } else { "database" }, &case.observed, case.granted.as_ref()),
        None => ("recommendation", &one.observed, None),
    };
    let held_back: Vec<String> = one.needs_decision.iter().map(|held| held.action.clone()).collect();
    let context = VerifyContext {
        holder: &one.holder,
        options: &one.options,
        needs_decision: &held_back,
        conflicts: &one.conflicts,
        granted,
    };
    let verification = verify(&found.policies, observed, &context, CamCatalog::builtin(), risk);
    Proof { holder, attachable: true, replayed, verification }
}

/// What the source knows of those that the recommendations are for.
fn cases_of(all: &[Found], source: &Source) -> Result<BTreeMap<Holder, Case>> {
    let wanted = match all {
        [one] => Wanted::One(one.recommendation.holder.clone()),
        _ => Wanted::Everybody,
    };
    let cases = source.cases(&wanted)?;
    Ok(cases.into_iter().map(|case| (known_as(&case.holder), case)).collect())
}

/// Reads recommendations: a folder of one, a folder of folders, or a file.
fn load(path: &Path) -> Result<Vec<Found>> {
    let nothing = || {
        Usage(format!(
            "{} holds no recommendation; `akguard policy recommend --out-dir DIR` writes them",
            path.display()
        ))
    };
    let beside = path.parent().filter(|_| path.file_name().is_some_and(|name| name == "recommendation.json"));
    if let Some(folder) = beside.filter(|_| path.is_file()) {
        return load(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    }
    if path.is_file() {
        let found = read_file(path)?;
        return if found.is_empty() { Err(nothing().into()) } else { Ok(found) };
    }
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).max_depth(2).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
        if entry.file_name() == "recommendation.json" {
            files.push(entry.into_path());
        }
    }
    let mut all = Vec::new();
    for file in &files {
        for found in read_file(file)? {
            let folder = file.parent().unwrap_or(path);
            all.push(Found { policies: policies_in(folder, file)?, ..found });
        }
    }
    if all.is_empty() { Err(nothing().into()) } else { Ok(all) }
}

/// One recommendation, or a list of them as `--format json` writes it.
fn read_file(path: &Path) -> Result<Vec<Found>> {
    let unreadable = || format!("cannot read the recommendation {}", path.display());
    let text = std::fs::read_to_string(path).with_context(unreadable)?;
    let value: Value = serde_json::from_str(&text).with_context(unreadable)?;
    let list = match value.get("recommendations").and_then(Value::as_array) {
        Some(list) => list.clone(),
        None => vec![value],
    };
    list.into_iter().map(|one| found(one, path).with_context(unreadable)).collect()
}

fn found(value: Value, path: &Path) -> Result<Found> {
    if value.get("holder").is_none() || value.get("documents").is_none() {
        let what = format!(
            "{} is no recommendation; name the folder or the JSON that `akguard policy recommend` wrote",
            path.display()
        );
        return Err(Usage(what).into());
    }
    let recommendation = recommendation_from(value)?;
    let mut policies = Vec::new();
    for proposed in &recommendation.documents {
        let parsed = Document::from_value(&proposed.document);
        let (document, _) = parsed.map_err(|lints| bad_policy(&proposed.name, path, &lints))?;
        policies.push(Policy { name: proposed.name.clone(), document });
    }
    Ok(Found { recommendation, policies })
}

fn bad_policy(name: &str, path: &Path, lints: &[crate::policy::Lint]) -> anyhow::Error {
    let what = lints.first().map_or("it cannot be read", |lint| lint.text.as_str());
    anyhow::anyhow!("the policy {} in {}: {}", printable(name), path.display(), printable(what))
}

/// Every policy beside the recommendation, as it is now.
fn policies_in(folder: &Path, recommendation: &Path) -> Result<Vec<Policy>> {
    let mut policies = Vec::new();
    for entry in walkdir::WalkDir::new(folder).max_depth(1).sort_by_file_name() {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.into_path();
        if path == recommendation || path.extension().is_none_or(|ending| ending != "json") || !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (document, _) = Document::parse(&text).map_err(|lints| bad_policy(&name, folder, &lints))?;
        policies.push(Policy { name, document });
    }
    Ok(policies)
}

fn write_table(proofs: &[Proof], lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    for proof in proofs {
        let who = holder_in(lang, &proof.holder);
        if proof.attachable {
            write_verification((&who, proof.replayed), &proof.verification, lang, out)?;
        } else {
            writeln!(out, "{}", printable(&lang.fill("verify", "root", &[("who", &who)])))?;
        }
    }
    Ok(())
}

/// Sums over all recommendations, every doubt with its holder, and each by itself.
fn object(proofs: &[Proof], view: View) -> Value {
    let each: Vec<Value> = proofs
        .iter()
        .map(|proof| {
            let mut value = verification_json(&proof.verification, view);
            value["holder"] = json!(holder_name(&proof.holder));
            value["policy_attachable"] = json!(proof.attachable);
            value["replayed"] = json!(proof.replayed);
            value
        })
        .collect();
    let sum = |name: &str| {
        let part = |field: &str| each.iter().filter_map(|one| one[name][field].as_u64()).sum::<u64>();
        json!({"good": part("good"), "all": part("all")})
    };
    let all = |pick: fn(&Verification) -> &Vec<Doubt>| {
        proofs.iter().map(|proof| pick(&proof.verification).len()).sum::<usize>()
    };
    json!({
        "version": 1,
        "holds": proofs.iter().all(|proof| proof.verification.holds),
        "legit_allowed": sum("legit_allowed"),
        "alarmed_denied": sum("alarmed_denied"),
        "denied_denied": sum("denied_denied"),
        "unknown": all(|one| &one.unknown),
        "conflicts": all(|one| &one.conflicts),
        "new_access": all(|one| &one.new_access),
        "verifications": each,
    })
}
