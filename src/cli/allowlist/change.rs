//! Commands that change policies: add, edit, remove, enable, disable.

use super::scope::{AboutArgs, ScopeArgs, usage, user};
use super::show::{covers, describe, quoted, say, scope_lines};
use super::{Common, Room, named};
use crate::allow::{Draft, Policy};
use crate::cli::error::Usage;
use crate::cli::exit;
use crate::cli::output::write_to;
use crate::report::text::printable;
use crate::store::allowlist::{self, Kept, MOST_POLICIES, Preview};
use anyhow::Result;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

/// Add a policy
///
/// Lists take commas, and options can be repeated. Past alarms are judged anew at once.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist add --ip 203.0.113.0/24 --rule non-console-high-risk-api --expires 30d --reason 'CI runners'\n  akguard allowlist add --ak AKIDEXAMPLE --api 'cvm:Describe*,cbs:Describe*' --code success --reason inventory\n  akguard allowlist add --from-alarm A-1f0c --reason 'planned migration'"
)]
pub(super) struct AddArgs {
    /// What to call it [default: made from what it covers]
    #[arg(long, value_name = "N")]
    name: Option<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    about: AboutArgs,
    /// Propose the narrowest policy that covers this alarm, for 30 days; other options change the proposal
    #[arg(long, value_name = "ALARM", help_heading = None)]
    from_alarm: Option<String>,
    /// Save a proposal without asking
    #[arg(long, help_heading = None)]
    yes: bool,
    /// Show the policy and what it covers, and save nothing
    #[arg(long, help_heading = None)]
    dry_run: bool,
    #[command(flatten, next_help_heading = "Database and zone")]
    common: Common,
}

/// Adds a policy.
pub(super) fn add(args: &AddArgs, config: Option<&Path>) -> Result<u8> {
    let room =
        if args.dry_run { Room::open(&args.common, config)? } else { Room::open_or_create(&args.common, config)? };
    let mut draft = match &args.from_alarm {
        Some(alarm) => proposed(&room, alarm)?,
        None => Draft::default(),
    };
    draft.owner = user();
    draft.name.clone_from(&args.name);
    args.scope.put(&mut draft, false);
    args.about.put(&mut draft, &room)?;
    let policy = room.names(None)?.known(|known| draft.check(known, room.now)).map_err(|error| usage(&error))?;
    let preview = room.read(|conn| allowlist::preview(conn, &policy))?;
    let policy = check_room(&room.all()?, &policy, args.name.is_some())?;
    if args.from_alarm.is_some() || args.dry_run {
        let what = if args.from_alarm.is_some() { "proposal" } else { "policy" };
        let mut lines = vec![say(what, &[("name", &quoted(&policy.name))])];
        lines.extend(scope_lines(&policy, room.zone));
        lines.push(covers(preview.hits));
        tell(&lines.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    if args.dry_run {
        return told(&say("not_saved", &[]));
    }
    if policy.reason.is_empty() {
        warn("note: no reason is given; with --reason, others will know why these calls are fine");
    }
    if args.from_alarm.is_some() && !args.yes && !agreed("save this policy?")? {
        return Ok(exit::DONE);
    }
    let kept = room.change(|transaction| {
        let policies = allowlist::all(transaction)?;
        let policy = match check_room(&policies, &policy, args.name.is_some()) {
            Ok(policy) => policy,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Kept { number: allowlist::add(transaction, &policy)?, policy }))
    })?;
    warn_shadowed(&room, &kept)?;
    let title = numbered("added", &kept.policy.name, kept.number);
    if args.from_alarm.is_some() {
        tell(&[&title])?;
    } else {
        tell(&[&title, &describe(&kept.policy, room.zone), &covers(preview.hits)])?;
    }
    Ok(exit::DONE)
}

/// The narrowest draft for the alarm that a user names; says on stderr where it is wider than the alarm.
fn proposed(room: &Room, alarm: &str) -> Result<Draft> {
    let found = room.read(|conn| allowlist::alarms_named(conn, alarm))?;
    let exact = found.iter().find(|(id, _)| id.eq_ignore_ascii_case(alarm));
    let number = match (exact, found.as_slice()) {
        _ if alarm.is_empty() => return Err(Usage("from-alarm: is empty; give the id of an alarm".to_string()).into()),
        (Some((_, number)), _) | (None, [(_, number)]) => *number,
        (None, []) => {
            return Err(Usage(format!("from-alarm: there is no alarm {alarm:?}; `akguard alarms` lists all")).into());
        }
        (None, several) => {
            let ids: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
            let what = format!("from-alarm: {alarm:?} is the start of several ids, such as {}", ids.join(", "));
            return Err(Usage(what).into());
        }
    };
    let proposal = room.read(|conn| allowlist::proposal(conn, number, room.now))?;
    for note in &proposal.notes {
        warn(&format!("note: {note}"));
    }
    Ok(proposal.draft)
}

/// Finds a place for a new policy: the same one, under a name of its own if its name was made.
fn check_room(policies: &[Kept], policy: &Policy, chosen: bool) -> Result<Policy> {
    if policies.len() >= MOST_POLICIES {
        return Err(Usage(format!("there are {MOST_POLICIES} policies already; remove some first")).into());
    }
    let taken = |name: &str| policies.iter().find(|kept| allowlist::same_name(&kept.policy.name, name));
    match taken(&policy.name) {
        None => Ok(policy.clone()),
        Some(_) if !chosen => {
            let short: String = policy.name.chars().take(54).collect();
            let mut names = (2..).map(|number| format!("{short} {number}"));
            let name = names.find(|name| taken(name).is_none()).unwrap_or(short.clone());
            Ok(Policy { name, ..policy.clone() })
        }
        Some(kept) => Err(taken_error(&policy.name, kept)),
    }
}

fn taken_error(name: &str, kept: &Kept) -> anyhow::Error {
    let what =
        format!("name: {name:?} is taken by policy {}; choose another, or change that one with `edit`", kept.number);
    Usage(what).into()
}

fn warn_shadowed(room: &Room, kept: &Kept) -> Result<()> {
    let all = room.all()?;
    if let Some(wider) = all.iter().find(|other| allowlist::shadows(other, kept, room.now)) {
        let (name, wider) = (&kept.policy.name, &wider.policy.name);
        warn(&format!("warning: policy {name:?} is shadowed by {wider:?}, which covers all of it"));
    }
    Ok(())
}

/// Change a policy
///
/// A list that is given takes the place of the old one, and an empty text ("") clears it. Everything
/// else stays.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist edit 'ci runners' --expires 90d\n  akguard allowlist edit 3 --ip 203.0.113.0/25,192.0.2.7 --rule ''\n  akguard allowlist edit 3 --rename 'build machines' --dry-run"
)]
pub(super) struct EditArgs {
    /// The policy's name or number
    #[arg(value_name = "NAME")]
    policy: String,
    /// A new name
    #[arg(long, value_name = "N")]
    rename: Option<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    about: AboutArgs,
    /// Show the policy and what it covers, and save nothing
    #[arg(long, help_heading = None)]
    dry_run: bool,
    #[command(flatten, next_help_heading = "Database and zone")]
    common: Common,
}

/// Changes a policy.
pub(super) fn edit(args: &EditArgs, config: Option<&Path>) -> Result<u8> {
    if args.rename.is_none() && args.scope.is_empty() && args.about.is_empty() {
        return Err(
            Usage("there is nothing to change; say what with options such as --ip and --expires".to_string()).into()
        );
    }
    let room = Room::open(&args.common, config)?;
    let old = named(&room.all()?, &args.policy)?.clone();
    let policy = revised(args, &room, &old)?;
    let preview = room.read(|conn| allowlist::preview(conn, &policy))?;
    let before = room.read(|conn| allowlist::preview(conn, &old.policy))?;
    let lines = changed_lines(&policy, &before, &preview, room.zone);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    if args.dry_run {
        tell(&[&[numbered("numbered", &policy.name, old.number).as_str()], lines.as_slice()].concat())?;
        return told(&say("not_saved", &[]));
    }
    room.change(|transaction| {
        let policies = allowlist::all(transaction)?;
        if !policies.contains(&old) {
            return Ok(Err(changed_meanwhile(&old.policy.name)));
        }
        if let Some(other) = other_with_name(&policies, &policy.name, old.number) {
            return Ok(Err(taken_error(&policy.name, other)));
        }
        allowlist::replace(transaction, old.number, &policy)?;
        Ok(Ok(()))
    })?;
    warn_shadowed(&room, &Kept { number: old.number, policy: policy.clone() })?;
    tell(&[&[numbered("changed", &policy.name, old.number).as_str()], lines.as_slice()].concat())?;
    Ok(exit::DONE)
}

fn revised(args: &EditArgs, room: &Room, old: &Kept) -> Result<Policy> {
    let mut draft = old.policy.to_draft();
    if args.rename.is_some() {
        draft.name.clone_from(&args.rename);
    }
    args.scope.put(&mut draft, true);
    args.about.put(&mut draft, room)?;
    let revised = room.names(Some(old))?.known(|known| draft.revise(&old.policy, known, room.now));
    revised.map_err(|error| usage(&error))
}

fn other_with_name<'k>(policies: &'k [Kept], name: &str, number: i64) -> Option<&'k Kept> {
    policies.iter().find(|kept| kept.number != number && allowlist::same_name(&kept.policy.name, name))
}

fn changed_meanwhile(name: &str) -> anyhow::Error {
    anyhow::anyhow!("somebody else has changed policy {name:?} in the meantime; nothing was saved")
}

fn changed_lines(policy: &Policy, before: &Preview, after: &Preview, zone: chrono_tz::Tz) -> Vec<String> {
    let was = if before.hits == after.hits { String::new() } else { say("before", &[("what", &covers(before.hits))]) };
    let lines = [describe(policy, zone), covers(after.hits), was];
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// Remove policies; what they covered stands again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  akguard allowlist remove 'ci runners'\n  akguard allowlist remove 3 4 --yes")]
pub(super) struct RemoveArgs {
    /// The policies' names or numbers
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Do not ask on a terminal
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

/// Removes policies.
pub(super) fn remove(args: &RemoveArgs, config: Option<&Path>) -> Result<u8> {
    let room = Room::open(&args.common, config)?;
    let policies = room.all()?;
    let chosen = each_once(&policies, &args.names)?;
    if !args.yes && asks() {
        let names: Vec<String> = chosen.iter().map(|kept| format!("{:?}", kept.policy.name)).collect();
        if !agreed(&format!("remove {}?", names.join(", ")))? {
            return Ok(exit::DONE);
        }
    }
    let removed = room.change(|transaction| {
        let list = allowlist::list(transaction)?;
        let mut removed = Vec::new();
        for kept in &chosen {
            removed.extend(list.iter().find(|(own, _)| own.number == kept.number).cloned());
            allowlist::remove(transaction, kept.number)?;
        }
        Ok(Ok(removed))
    })?;
    for (kept, hits) in removed {
        let no_longer = || say("no_longer", &[("what", &covers(hits))]);
        tell(&[
            &numbered("removed", &kept.policy.name, kept.number),
            &if hits.calls > 0 { no_longer() } else { say("covered_nothing", &[]) },
        ])?;
    }
    Ok(exit::DONE)
}

fn each_once(policies: &[Kept], names: &[String]) -> Result<Vec<Kept>> {
    let mut chosen: Vec<Kept> = Vec::new();
    for name in names {
        let kept = named(policies, name)?;
        if !chosen.contains(kept) {
            chosen.push(kept.clone());
        }
    }
    Ok(chosen)
}

/// Switch policies on again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  akguard allowlist enable 'ci runners'")]
pub(super) struct SwitchArgs {
    /// The policies' names or numbers
    #[arg(value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Switch policies off, without forgetting them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  akguard allowlist disable 'ci runners'")]
pub(super) struct SwitchOffArgs {
    /// The policies' names or numbers
    #[arg(value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Switches policies on or off.
pub(super) fn switch(common: &Common, names: &[String], on: bool, config: Option<&Path>) -> Result<u8> {
    let room = Room::open(common, config)?;
    let lines = room.change(|transaction| {
        let policies = allowlist::all(transaction)?;
        let chosen = match each_once(&policies, names) {
            Ok(chosen) => chosen,
            Err(error) => return Ok(Err(error)),
        };
        let mut lines = Vec::new();
        for kept in chosen {
            let name = &kept.policy.name;
            if kept.policy.enabled == on {
                lines.push(say(if on { "on_already" } else { "off_already" }, &[("name", &quoted(name))]));
            } else {
                allowlist::set_enabled(transaction, &kept, on, room.now)?;
                lines.push(say(if on { "on" } else { "off" }, &[("name", &quoted(name))]));
            }
        }
        Ok(Ok(lines))
    })?;
    for line in lines {
        tell(&[&line])?;
    }
    Ok(exit::DONE)
}

/// Writes lines to stdout, all but the first indented.
pub(super) fn tell(lines: &[&str]) -> Result<()> {
    let text: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    write_to(None, |out| writeln!(out, "{}", text.join("\n  ")))
}

/// A sentence that names a policy and its number.
fn numbered(sentence: &'static str, name: &str, number: i64) -> String {
    say(sentence, &[("name", &quoted(name)), ("n", &number.to_string())])
}

fn told(what: &str) -> Result<u8> {
    tell(&[what])?;
    Ok(exit::DONE)
}

/// Writes a line to stderr.
pub(super) fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(line));
}

/// Whether there is somebody to ask.
fn asks() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on the terminal; where there is none, says how to agree without being asked.
fn agreed(question: &str) -> Result<bool> {
    if !asks() {
        return Err(Usage("nothing was saved: there is no terminal to ask on; add --yes to save".to_string()).into());
    }
    let mut err = io::stderr().lock();
    let _ = write!(err, "{} [y/N] ", printable(question));
    let _ = err.flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !yes {
        let _ = writeln!(err, "nothing was changed");
    }
    Ok(yes)
}
