//! Lists of policies in and out: our own file and the console's.

use super::change::{tell, warn};
use super::show::say;
use super::{Common, Room};
use crate::allow::{self, Policy};
use crate::catalog::edit::near;
use crate::cli::exit;
use crate::cli::output::{lang, write_to};
use crate::detect::rules::{self, RuleError};
use crate::report::text::{counted_in, printable};
use crate::store::allowlist::{self, Kept, MOST_POLICIES};
use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Import policies: an export of akguard, or a saved reply of csip DescribeAccessKeyWhiteList
///
/// All policies of the file are taken, or none. A policy that is there already with the same content is
/// left alone.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist import allowlist.json --dry-run\n  akguard allowlist import whitelist-reply.json --rule-id 7=create-key --rule-id 12=hacker-tool\n  tccli csip DescribeAccessKeyWhiteList | akguard allowlist import -"
)]
pub(super) struct ImportArgs {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which rule a number under the console's AlarmPolicyID stands for (repeatable)
    #[arg(long = "rule-id", value_name = "NUMBER=RULE", value_parser = rule_id)]
    rule_ids: Vec<(i64, String)>,
    /// Take the file's version of policies whose names are there already
    #[arg(long)]
    replace: bool,
    /// Say what would be done, and save nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

fn rule_id(text: &str) -> Result<(i64, String), String> {
    let parts = text.split_once('=').and_then(|(number, rule)| Some((number.trim().parse().ok()?, rule.trim())));
    let (number, rule) = parts.ok_or_else(|| format!("{text:?} is not a number and a rule, such as 7=create-key"))?;
    match rules::find(rule) {
        Ok(meta) => Ok((number, meta.id.to_string())),
        Err(RuleError::Unknown { nearest, .. }) => Err(format!("there is no rule {rule:?}{}", near(nearest))),
        Err(other @ RuleError::Setting { .. }) => Err(other.to_string()),
    }
}

/// The largest file read. A thousand policies at their limits are larger than any that people write.
const MOST_BYTES: u64 = 64 << 20;

/// What an import does.
#[derive(Debug, Default)]
struct Plan {
    fresh: Vec<Policy>,
    replaced: Vec<Kept>,
    same: u64,
}

/// Imports policies.
pub(super) fn import(args: &ImportArgs, config: Option<&Path>) -> Result<u8> {
    let text = read(&args.file)?;
    let room = Room::open_or_create(&args.common, config)?;
    let rule_of = |number| args.rule_ids.iter().find(|(own, _)| *own == number).map(|(_, rule)| rule.clone());
    let policies = room.names(None)?.known(|known| allow::import(&text, known, room.now, &rule_of));
    let name = printable(&args.file.display().to_string());
    let policies = policies.with_context(|| format!("cannot import {name}; nothing was changed"))?;
    check_names(&policies)?;
    let plan = if args.dry_run {
        plan(&room.all()?, policies, args.replace)?
    } else {
        room.change(|transaction| {
            let plan = match plan(&allowlist::all(transaction)?, policies, args.replace) {
                Ok(plan) => plan,
                Err(error) => return Ok(Err(error)),
            };
            allowlist::add_all(transaction, &plan.fresh)?;
            for kept in &plan.replaced {
                allowlist::replace(transaction, kept.number, &kept.policy)?;
            }
            Ok(Ok(plan))
        })?
    };
    let verb = if args.dry_run { "would_import" } else { "imported" };
    let fresh = counted_in(lang(), plan.fresh.len() as u64, "policy", "policies");
    let (replaced, same) = (plan.replaced.len().to_string(), plan.same.to_string());
    tell(&[&say(verb, &[("policies", &fresh), ("replaced", &replaced), ("same", &same)])])?;
    Ok(exit::DONE)
}

fn read(path: &Path) -> Result<String> {
    let what = || format!("cannot read {}", printable(&path.display().to_string()));
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(what)?;
    } else {
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).with_context(what)?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(anyhow!("the file is larger than {} MiB, which no allowlist is", MOST_BYTES >> 20))
            .with_context(what);
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("the file is no UTF-8 text")).with_context(what)
}

/// Refuses a file that uses a name twice.
fn check_names(policies: &[Policy]) -> Result<()> {
    let mut seen = std::collections::HashMap::new();
    for (number, policy) in (1..).zip(policies) {
        if let Some(first) = seen.insert(policy.name.to_lowercase(), number) {
            let name = &policy.name;
            return Err(anyhow!("entry {number}: name: {name:?} is that of entry {first} too; nothing was changed"));
        }
    }
    Ok(())
}

fn plan(kept: &[Kept], policies: Vec<Policy>, replace: bool) -> Result<Plan> {
    let mut plan = Plan::default();
    for (number, policy) in (1..).zip(policies) {
        let name = &policy.name;
        match kept.iter().find(|kept| allowlist::same_name(&kept.policy.name, name)) {
            None => plan.fresh.push(policy),
            Some(old) if same_content(&old.policy, &policy) => plan.same += 1,
            Some(old) if replace => plan.replaced.push(Kept { number: old.number, policy }),
            Some(old) => {
                let what = format!(
                    "entry {number}: name: {name:?} is that of policy {}, which says something else; use --replace to take the file's; nothing was changed",
                    old.number
                );
                return Err(anyhow!(what));
            }
        }
    }
    if kept.len() + plan.fresh.len() > MOST_POLICIES {
        let all = kept.len() + plan.fresh.len();
        return Err(anyhow!("{all} policies would be too many; {MOST_POLICIES} can be kept; nothing was changed"));
    }
    Ok(plan)
}

/// True if two policies say the same; when they were made or changed does not matter.
fn same_content(one: &Policy, other: &Policy) -> bool {
    *one == Policy { created: one.created, updated: one.updated, ..other.clone() }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportFormat {
    /// Everything, for `allowlist import`.
    Json,
    /// As the console's DescribeAccessKeyWhiteList shows policies; it cannot hold everything.
    CscJson,
}

/// Export all policies
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist export --output allowlist.json\n  akguard allowlist export --format csc-json"
)]
pub(super) struct ExportArgs {
    /// Output format
    #[arg(long, value_name = "F", default_value = "json")]
    format: ExportFormat,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Exports all policies.
pub(super) fn export(args: &ExportArgs, config: Option<&Path>) -> Result<u8> {
    let room = Room::open(&args.common, config)?;
    let policies: Vec<Policy> = room.all()?.into_iter().map(|kept| kept.policy).collect();
    let (text, losses) = match args.format {
        ExportFormat::Json => (allow::export(&policies), Vec::new()),
        ExportFormat::CscJson => allow::export_console(&policies),
    };
    write_to(args.output.as_deref(), |out| out.write_all(text.as_bytes()))?;
    for loss in losses {
        warn(&format!("warning: {loss}"));
    }
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, reason: &str) -> Policy {
        let text = format!(r#"{{"name":"{name}","method":"api","reason":"{reason}"}}"#);
        allow::restore(&text).unwrap()
    }

    fn kept(number: i64, name: &str) -> Kept {
        Kept { number, policy: policy(name, "old") }
    }

    #[test]
    fn what_is_there_already_is_left_alone_or_replaced() {
        let there = [kept(1, "one"), kept(2, "two")];
        let later = Policy { created: 5, updated: 6, ..policy("one", "old") };
        let file = || vec![later.clone(), policy("TWO", "new"), policy("three", "new")];
        let refused = plan(&there, file(), false).unwrap_err().to_string();
        assert!(refused.starts_with("entry 2: name: \"TWO\" is that of policy 2"), "{refused}");
        let plan = plan(&there, file(), true).unwrap();
        assert_eq!((plan.same, plan.fresh), (1, vec![policy("three", "new")]));
        assert_eq!(plan.replaced, [Kept { number: 2, policy: policy("TWO", "new") }]);
    }

    #[test]
    fn a_file_that_uses_a_name_twice_is_refused() {
        let error = check_names(&[policy("one", "a"), policy("two", "a"), policy("ONE", "b")]).unwrap_err().to_string();
        assert_eq!(error, "entry 3: name: \"ONE\" is that of entry 1 too; nothing was changed");
    }

    #[test]
    fn no_more_policies_are_taken_than_an_export_can_give_back() {
        let there: Vec<Kept> = (1..1001).map(|number| kept(number, &format!("policy {number}"))).collect();
        assert!(
            plan(&there, vec![policy("one more", "a")], false).unwrap_err().to_string().starts_with("1001 policies")
        );
        assert!(plan(&there, vec![policy("policy 7", "old")], false).is_ok());
    }

    #[test]
    fn rule_numbers_are_given_with_their_rule() {
        assert_eq!(rule_id("7=Create-Key"), Ok((7, "create-key".to_string())));
        assert!(rule_id("7").unwrap_err().contains("7=create-key"));
        assert!(rule_id("7=create-kex").unwrap_err().contains("nearest is \"create-key\""));
    }
}
