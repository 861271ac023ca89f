//! Recommendations for people on a terminal, and as JSON that can be read back.

use super::View;
use super::listing::{self, Column, Paint};
use super::text::{counted, grouped, or_dash, printable, rfc3339, shortened, time};
use crate::event::id::{mask_key, mask_keys_in};
use crate::event::time::{date_of, parse_event_time};
use crate::event::words::TEMP_AK;
use crate::recommend::input::{Holder, HolderKind};
use crate::recommend::output::{
    Advice, Conflict, DiffEntry, DiffState, Doubt, Evidence, Finding, GrantedAction, NeedsDecision, Recommendation,
    Step, Verification,
};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Fields of the JSON that hold a time in milliseconds inside the program, and one that holds a day.
const TIMES: [&str; 3] = ["time", "first", "last"];
const DAY: &str = "day";

/// A recommendation as JSON: times as RFC 3339, days as dates.
pub fn recommendation_json(recommendation: &Recommendation, view: View) -> Value {
    with_times(recommendation, view)
}

/// What a verification gave, as JSON.
pub fn verification_json(verification: &Verification, view: View) -> Value {
    with_times(verification, view)
}

fn with_times(what: &impl Serialize, view: View) -> Value {
    let mut value = serde_json::to_value(what).unwrap_or_default();
    rewrite(&mut value, &|name, value| match value.as_i64() {
        Some(ms) if TIMES.contains(&name) => Some(json!(rfc3339(ms, view.zone))),
        Some(day) if name == DAY => Some(json!(date_of(i32::try_from(day).ok()?).to_string())),
        _ => None,
    });
    value
}

/// Reads a recommendation back.
pub fn recommendation_from(mut value: Value) -> Result<Recommendation, serde_json::Error> {
    rewrite(&mut value, &|name, value| {
        let text = value.as_str()?;
        if TIMES.contains(&name) {
            parse_event_time(text, 0).map(|ms| json!(ms))
        } else if name == DAY {
            let date: NaiveDate = text.parse().ok()?;
            Some(json!(date.to_epoch_days()))
        } else {
            None
        }
    });
    serde_json::from_value(value)
}

/// Replaces fields of objects at any depth; documents are left as they are.
fn rewrite(value: &mut Value, new: &impl Fn(&str, &Value) -> Option<Value>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in
                fields.iter_mut().filter(|(name, _)| !matches!(name.as_str(), "document" | "statement" | "condition"))
            {
                match new(name, field) {
                    Some(other) => *field = other,
                    None => rewrite(field, new),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, new)),
        _ => {}
    }
}

/// The name of a user or role for people.
pub fn holder_name(holder: &Holder) -> String {
    let kind = match holder.kind {
        HolderKind::Root => "root",
        HolderKind::User => "user",
        HolderKind::Role => "role",
    };
    let name = if holder.name.is_empty() { &holder.id } else { &holder.name };
    if holder.kind == HolderKind::Root { format!("root of {}", holder.account) } else { format!("{kind} {name}") }
}

const OVERVIEW: [Column<Recommendation>; 8] = [
    Column::new("ADVICE", 0, |one: &Recommendation, _| one.advice.words().to_string()).words().painted(|one| match one
        .advice
    {
        Advice::ProcessNow => Paint::Bad,
        Advice::Harden => Paint::Doubtful,
        Advice::Normal => Paint::Faint,
    }),
    Column::new("WHO", 0, |one, _| shortened(&holder_name(&one.holder), 40)),
    Column::new("POLICIES", 2, |one: &Recommendation, _| one.documents.len().to_string()).right(),
    Column::new("ACTIONS", 3, |one: &Recommendation, _| one.granted.len().to_string()).right(),
    Column::new("HELD BACK", 4, |one: &Recommendation, _| one.needs_decision.len().to_string()).right(),
    Column::new("CONFLICTS", 5, |one: &Recommendation, _| one.conflicts.len().to_string()).right(),
    Column::new("FINDINGS", 1, |one: &Recommendation, _| one.findings.len().to_string()).right(),
    Column::new("CONFIDENCE", 6, |one, _| one.confidence.as_str().to_string()),
];

/// Writes one line for each user and role, with `hints` at what to do next.
pub fn write_overview(all: &[Recommendation], view: View, hints: bool, out: &mut dyn Write) -> io::Result<()> {
    listing::write(&OVERVIEW.iter().collect::<Vec<_>>(), all, view, out)?;
    if hints {
        writeln!(out, "\nOne of them in full: akguard policy recommend --user NAME, or --role NAME")?;
        writeln!(out, "All of them as files: akguard policy recommend --all --out-dir DIR")?;
    }
    Ok(())
}

const GRANTED: [Column<GrantedAction>; 6] =
    [
        Column::new("ACTION", 0, |one: &GrantedAction, _| shortened(&one.action, 60)),
        Column::new("ON", 1, |one, _| listed(&one.resources, 70)),
        Column::new("FROM", 2, |one, _| {
            if one.addresses.is_empty() { "anywhere".to_string() } else { listed(&one.addresses, 40) }
        }),
        Column::new("SURE", 3, |one, _| format!("{}{}", one.confidence.as_str(), if one.rare { ", rare" } else { "" })),
        Column::new("SEEN", 0, |one, _| seen(&one.evidence)),
        Column::new("NOTE", 4, |one, _| one.marks.join(", ")),
    ];

/// Writes everything about one user or role; commands can be pasted with `full_keys` alone.
pub fn write_table(one: &Recommendation, full_keys: bool, view: View, out: &mut dyn Write) -> io::Result<()> {
    let id = if one.holder.id.is_empty() || one.holder.id == one.holder.name {
        String::new()
    } else {
        format!(" ({})", one.holder.id)
    };
    let heading = format!(
        "{}{id}, account {}: {}",
        holder_name(&one.holder),
        or_dash(Some(&one.holder.account)),
        one.advice.words()
    );
    writeln!(out, "{}\n", printable(&heading))?;
    for line in &one.summary {
        writeln!(out, "{}", printable(line))?;
    }
    write_documents(one, out)?;
    if !one.granted.is_empty() {
        title("What they grant", out)?;
        listing::write(&GRANTED.iter().collect::<Vec<_>>(), &one.granted, view, out)?;
    }
    section(
        "Held back: used, and dangerous enough that a person should decide",
        &one.needs_decision,
        out,
        decision_lines,
    )?;
    section("Given up: legitimate and alarmed calls cannot be told apart", &one.conflicts, out, conflict_lines)?;
    section("Not judged: made from the same place as an attack, within a day of it", &one.quarantined, out, |sum| {
        vec![format!("{}  {}", sum.action, seen(&sum.evidence))]
    })?;
    section(if full_keys { "Keys" } else { "Keys (whole ids to paste: --full-keys)" }, &one.steps, out, |step| {
        step_lines(step, full_keys, view)
    })?;
    section("Findings about today's policies", &one.findings, out, finding_lines)?;
    section("Today's policies against use", &one.diff, out, |entry| vec![diff_line(entry)])?;
    section("How to change over", &one.removal, out, |line| vec![line.clone()])?;
    section("What the logs cannot show", &one.not_visible, out, |line| vec![format!("- {line}")])
}

fn title(text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{text}\n")
}

fn section<T>(name: &str, items: &[T], out: &mut dyn Write, lines: impl Fn(&T) -> Vec<String>) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    title(name, out)?;
    for line in items.iter().flat_map(lines) {
        writeln!(out, "{}", printable(&line))?;
    }
    Ok(())
}

fn write_documents(one: &Recommendation, out: &mut dyn Write) -> io::Result<()> {
    for proposed in &one.documents {
        let when = if proposed.rare { ", attach only after review: seen once" } else { "" };
        let length = counted(proposed.length as u64, "character", "characters");
        title(&printable(&format!("Policy {} ({length}{when})", proposed.name)), out)?;
        writeln!(out, "{}", super::json::pretty(&proposed.document))?;
    }
    Ok(())
}

/// The first texts of a list, and how many more there are.
fn listed(texts: &[String], most: usize) -> String {
    let first = texts.first().map_or("-", String::as_str);
    let more = texts.len().saturating_sub(1);
    if more == 0 { shortened(first, most) } else { format!("{} +{more}", shortened(first, most)) }
}

/// How often something was seen.
fn seen(evidence: &Evidence) -> String {
    let least = if evidence.at_least { "at least " } else { "" };
    let calls = counted(evidence.calls, "call", "calls");
    format!("{least}{calls} on {}", counted(evidence.days, "day", "days"))
}

fn decision_lines(one: &NeedsDecision) -> Vec<String> {
    let statement = super::json::line(&one.statement);
    vec![
        format!("{}  {}  {}", one.action, one.risk, seen(&one.evidence)),
        format!("  {}", one.why),
        format!("  if so: {statement}"),
    ]
}

fn conflict_lines(one: &Conflict) -> Vec<String> {
    vec![format!("{} on {}", one.action, listed(&one.resources, 80)), format!("  {}", one.why)]
}

fn step_lines(step: &Step, full_keys: bool, view: View) -> Vec<String> {
    let shown = |text: &str| if full_keys { text.to_string() } else { masked(text, &step.target) };
    let last = step.evidence.last.map_or(String::new(), |last| format!(", last {}", time(last, view.zone)));
    let heading = format!("{}  {}  {} confidence{last}", step.id, shown(&step.target), step.confidence.as_str());
    let mut lines = vec![heading, format!("  {}", shown(&step.why))];
    lines.extend(step.commands.iter().map(|command| format!("  $ {}", shown(command))));
    if !step.rollback.is_empty() {
        lines.push(format!("  back: {}", shown(&step.rollback)));
    }
    lines
}

/// A text with its key ids as tables show them: the step's own, and whatever looks like one.
fn masked(text: &str, target: &str) -> String {
    let text = if target == TEMP_AK { text.to_string() } else { text.replace(target, &mask_key(target)) };
    mask_keys_in(&text).into_owned()
}

fn finding_lines(one: &Finding) -> Vec<String> {
    let subject = if one.subject.is_empty() { String::new() } else { format!(" {}", one.subject) };
    vec![
        format!("{}{subject}  {} confidence", one.code, one.confidence.as_str()),
        format!("  {}", one.text),
        format!("  do: {}", one.advice),
    ]
}

fn diff_line(entry: &DiffEntry) -> String {
    let mark = match entry.state {
        DiffState::Unused => '-',
        DiffState::NotVisible => '?',
        DiffState::UsedNotGranted => '+',
    };
    let policy = entry.policy.as_ref().map_or(String::new(), |policy| format!("  {policy}"));
    format!("{mark} {}{policy}  {}", entry.action, entry.note)
}

/// Writes what a verification gave.
pub fn write_verification(name: &str, one: &Verification, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}", printable(name), outcome(one))?;
    let count = |what: &str, count: crate::recommend::output::Count| {
        format!("  {what:18}{} of {}", grouped(count.good), grouped(count.all))
    };
    writeln!(out, "{}", count("legit_allowed", one.legit_allowed))?;
    writeln!(out, "{}", count("alarmed_denied", one.alarmed_denied))?;
    writeln!(out, "{}", count("denied_denied", one.denied_denied))?;
    writeln!(out, "  {:18}{}", "needs_decision", grouped(one.needs_decision))?;
    writeln!(out, "  {:18}{}", "quarantined", grouped(one.quarantined))?;
    for (what, doubts) in [("unknown", &one.unknown), ("conflicts", &one.conflicts), ("new_access", &one.new_access)] {
        writeln!(out, "  {what:18}{}", grouped(doubts.len() as u64))?;
        for doubt in doubts.iter().take(SHOWN_DOUBTS) {
            writeln!(out, "    {}", printable(&doubt_line(doubt)))?;
        }
        if doubts.len() > SHOWN_DOUBTS {
            writeln!(out, "    and {} more; --format json has all", grouped((doubts.len() - SHOWN_DOUBTS) as u64))?;
        }
    }
    Ok(())
}

/// Whether it holds, and what it says nothing about.
fn outcome(one: &Verification) -> String {
    if !one.holds {
        return "does not hold".to_string();
    }
    let given_up: usize = one.conflicts.iter().map(|doubt| doubt.calls.len()).sum();
    let but: Vec<String> = [
        (one.needs_decision, "waits for a decision", "wait for a decision"),
        (one.quarantined, "was made near an attack", "were made near an attack"),
        (given_up as u64, "was given up", "were given up"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, was, were)| format!("{} {}", counted(count, "call", "calls"), if count == 1 { was } else { were }))
    .collect();
    if but.is_empty() { "holds".to_string() } else { format!("holds; {}", but.join(", ")) }
}

/// Doubts told one by one in a table.
const SHOWN_DOUBTS: usize = 10;

fn doubt_line(doubt: &Doubt) -> String {
    let from = doubt.ip.as_ref().map_or(String::new(), |ip| format!(" from {ip}"));
    format!("{} on {}{from}: {}. {}", doubt.action, listed(&doubt.resources, 80), doubt.decision, doubt.why)
}
