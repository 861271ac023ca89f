//! Recommendations for people on a terminal, and as JSON that can be read back.

use super::View;
use super::listing::{self, Column, Paint};
use super::text::{counted_in, grouped, or_dash, printable, rfc3339, shortened, time};
use crate::event::id::{mask_key, mask_keys_in};
use crate::event::time::{date_of, parse_event_time};
use crate::event::words::TEMP_AK;
use crate::lang::told::told;
use crate::lang::{Lang, text};
use crate::recommend::input::{Holder, HolderKind};
use crate::recommend::output::{
    Advice, Confidence, Conflict, Count, DiffEntry, DiffState, Doubt, Evidence, Finding, GrantedAction, NeedsDecision,
    Recommendation, Step, Verification,
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

/// The name of a user or role for people, in English.
pub fn holder_name(holder: &Holder) -> String {
    holder_in(Lang::En, holder)
}

/// The same in a language.
pub fn holder_in(lang: Lang, holder: &Holder) -> String {
    let kind = match holder.kind {
        HolderKind::Root => "root",
        HolderKind::User => "user",
        HolderKind::Role => "role",
    };
    let name = if holder.name.is_empty() { &holder.id } else { &holder.name };
    lang.fill("recommend", kind, &[("account", &holder.account), ("name", name)])
}

/// How sure something is, in a word of the language.
fn sure(lang: Lang, confidence: Confidence) -> &'static str {
    text(lang, "confidence", confidence.as_str())
}

const OVERVIEW: [Column<Recommendation>; 8] = [
    Column::new("ADVICE", 0, |one: &Recommendation, _| one.advice.words().to_string()).words().painted(|one| match one
        .advice
    {
        Advice::ProcessNow => Paint::Bad,
        Advice::Harden => Paint::Doubtful,
        Advice::Normal => Paint::Faint,
    }),
    Column::new("WHO", 0, |one, view| shortened(&holder_in(view.lang, &one.holder), 40)),
    Column::new("POLICIES", 2, |one: &Recommendation, _| one.documents.len().to_string()).right(),
    Column::new("ACTIONS", 3, |one: &Recommendation, _| one.granted.len().to_string()).right(),
    Column::new("HELD BACK", 4, |one: &Recommendation, _| one.needs_decision.len().to_string()).right(),
    Column::new("CONFLICTS", 5, |one: &Recommendation, _| one.conflicts.len().to_string()).right(),
    Column::new("FINDINGS", 1, |one: &Recommendation, _| one.findings.len().to_string()).right(),
    Column::new("CONFIDENCE", 6, |one, view| sure(view.lang, one.confidence).to_string()),
];

/// Writes one line for each user and role, with `hints` at what to do next.
pub fn write_overview(all: &[Recommendation], view: View, hints: bool, out: &mut dyn Write) -> io::Result<()> {
    listing::write(&OVERVIEW.iter().collect::<Vec<_>>(), all, view, out)?;
    if hints {
        writeln!(out, "\n{}", text(view.lang, "recommend", "one"))?;
        writeln!(out, "{}", text(view.lang, "recommend", "all"))?;
    }
    Ok(())
}

const GRANTED: [Column<GrantedAction>; 6] = [
    Column::new("ACTION", 0, |one: &GrantedAction, _| shortened(&one.action, 60)),
    Column::new("ON", 1, |one, _| listed(&one.resources, 70)),
    Column::new("FROM", 2, |one, view| {
        if one.addresses.is_empty() { view.lang.word("anywhere").to_string() } else { listed(&one.addresses, 40) }
    }),
    Column::new("SURE", 3, |one, view| {
        let rare = if one.rare { text(view.lang, "recommend", "rare") } else { "" };
        format!("{}{rare}", sure(view.lang, one.confidence))
    }),
    Column::new("SEEN", 0, |one, view| seen(&one.evidence, view.lang)),
    Column::new("NOTE", 4, |one, view| {
        let marks: Vec<&str> = one.marks.iter().map(|mark| view.lang.word(mark)).collect();
        marks.join(text(view.lang, "counts", "list"))
    }),
];

/// Writes everything about one user or role; commands can be pasted with `full_keys` alone.
pub fn write_table(one: &Recommendation, full_keys: bool, view: View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n", printable(&heading(one, view.lang)))?;
    for line in &one.summary {
        writeln!(out, "{}", printable(&told(view.lang, line)))?;
    }
    write_documents(one, view.lang, out)?;
    if !one.granted.is_empty() {
        title(text(view.lang, "recommend", "granted"), out)?;
        listing::write(&GRANTED.iter().collect::<Vec<_>>(), &one.granted, view, out)?;
    }
    let mut sections = Sections { lang: view.lang, out };
    sections.write("held", &one.needs_decision, decision_lines)?;
    sections.write("given_up", &one.conflicts, conflict_lines)?;
    sections
        .write("near", &one.quarantined, |sum, lang| vec![format!("{}  {}", sum.action, seen(&sum.evidence, lang))])?;
    let keys = if full_keys { "keys" } else { "keys_masked" };
    sections.write(keys, &one.steps, |step, _| step_lines(step, full_keys, view))?;
    sections.write("findings", &one.findings, finding_lines)?;
    sections.write("diff", &one.diff, |entry, lang| vec![diff_line(entry, lang)])?;
    sections.write("removal", &one.removal, |line, lang| vec![told(lang, line)])?;
    sections.write("not_visible", &one.not_visible, |line, lang| vec![format!("- {}", told(lang, line))])
}

fn heading(one: &Recommendation, lang: Lang) -> String {
    let named = one.holder.id.is_empty() || one.holder.id == one.holder.name;
    let id = if named { String::new() } else { format!(" ({})", one.holder.id) };
    let values = [
        ("who", holder_in(lang, &one.holder)),
        ("id", id),
        ("account", or_dash(Some(&one.holder.account)).to_string()),
        ("advice", lang.word(one.advice.words()).to_string()),
    ];
    fill(lang, "head", &values)
}

fn fill(lang: Lang, name: &'static str, values: &[(&str, String)]) -> String {
    lang.fill("recommend", name, &values.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>())
}

fn title(text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{text}\n")
}

/// Writes sections with a title, where there is something to tell.
struct Sections<'o> {
    lang: Lang,
    out: &'o mut dyn Write,
}

impl Sections<'_> {
    fn write<T>(&mut self, name: &'static str, items: &[T], lines: impl Fn(&T, Lang) -> Vec<String>) -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        title(text(self.lang, "recommend", name), self.out)?;
        for line in items.iter().flat_map(|item| lines(item, self.lang)) {
            writeln!(self.out, "{}", printable(&line))?;
        }
        Ok(())
    }
}

fn write_documents(one: &Recommendation, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    for proposed in &one.documents {
        let length = counted_in(lang, proposed.length as u64, "character", "characters");
        let name = if proposed.rare { "policy_rare" } else { "policy" };
        title(&printable(&fill(lang, name, &[("name", proposed.name.clone()), ("length", length)])), out)?;
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
fn seen(evidence: &Evidence, lang: Lang) -> String {
    let calls = counted_in(lang, evidence.calls, "call", "calls");
    let days = counted_in(lang, evidence.days, "day", "days");
    fill(lang, if evidence.at_least { "at_least" } else { "seen" }, &[("calls", calls), ("days", days)])
}

fn decision_lines(one: &NeedsDecision, lang: Lang) -> Vec<String> {
    let statement = super::json::line(&one.statement);
    vec![
        format!("{}  {}  {}", one.action, lang.word(&one.risk), seen(&one.evidence, lang)),
        format!("  {}", told(lang, &one.why)),
        format!("  {}", fill(lang, "if_so", &[("statement", statement)])),
    ]
}

fn conflict_lines(one: &Conflict, lang: Lang) -> Vec<String> {
    let values = [("action", one.action.clone()), ("resources", listed(&one.resources, 80))];
    vec![fill(lang, "conflict", &values), format!("  {}", told(lang, &one.why))]
}

fn step_lines(step: &Step, full_keys: bool, view: View) -> Vec<String> {
    let lang = view.lang;
    let shown = |text: &str| {
        let text = told(lang, text);
        if full_keys { text } else { masked(&text, &step.target) }
    };
    let last = |last| fill(lang, "last", &[("time", time(last, view.zone))]);
    let heading = [
        ("id", step.id.clone()),
        ("key", shown(&step.target)),
        ("confidence", sure(lang, step.confidence).to_string()),
        ("last", step.evidence.last.map_or(String::new(), last)),
    ];
    let mut lines = vec![fill(lang, "step", &heading), format!("  {}", shown(&step.why))];
    lines.extend(step.commands.iter().map(|command| format!("  $ {}", shown(command))));
    if !step.rollback.is_empty() {
        lines.push(format!("  {}", fill(lang, "back", &[("text", shown(&step.rollback))])));
    }
    lines
}

/// A text with its key ids as tables show them: the step's own, and whatever looks like one.
fn masked(text: &str, target: &str) -> String {
    let text = if target == TEMP_AK { text.to_string() } else { text.replace(target, &mask_key(target)) };
    mask_keys_in(&text).into_owned()
}

fn finding_lines(one: &Finding, lang: Lang) -> Vec<String> {
    let subject = if one.subject.is_empty() { String::new() } else { format!(" {}", one.subject) };
    let confidence = sure(lang, one.confidence).to_string();
    let heading = [("code", one.code.clone()), ("subject", subject), ("confidence", confidence)];
    vec![
        fill(lang, "finding", &heading),
        format!("  {}", told(lang, &one.text)),
        format!("  {}", fill(lang, "do", &[("text", told(lang, &one.advice))])),
    ]
}

fn diff_line(entry: &DiffEntry, lang: Lang) -> String {
    let mark = match entry.state {
        DiffState::Unused => '-',
        DiffState::NotVisible => '?',
        DiffState::UsedNotGranted => '+',
    };
    let policy = entry.policy.as_ref().map_or(String::new(), |policy| format!("  {policy}"));
    format!("{mark} {}{policy}  {}", entry.action, told(lang, &entry.note))
}

/// Writes what a verification gave of a user or role and of calls from a source: logs, database, recommendation.
pub fn write_verification(
    (who, source): (&str, &'static str),
    one: &Verification,
    lang: Lang,
    out: &mut dyn Write,
) -> io::Result<()> {
    let say = |name, values: &[(&str, &str)]| printable(&lang.fill("verify", name, values));
    let source = text(lang, "verify", source);
    writeln!(out, "{}", say("head", &[("who", who), ("source", source), ("outcome", &outcome(one, lang))]))?;
    for (name, count) in counts(one, lang) {
        let name = text(lang, "verify", name);
        writeln!(out, "  {name}{}{count}", " ".repeat(18_usize.saturating_sub(listing::width(name))))?;
    }
    for (name, doubts) in [("unknown", &one.unknown), ("conflicts", &one.conflicts), ("new_access", &one.new_access)] {
        let name = text(lang, "verify", name);
        let blanks = " ".repeat(18_usize.saturating_sub(listing::width(name)));
        writeln!(out, "  {name}{blanks}{}", grouped(doubts.len() as u64))?;
        for doubt in doubts.iter().take(SHOWN_DOUBTS) {
            writeln!(out, "    {}", printable(&doubt_line(doubt, lang)))?;
        }
        if doubts.len() > SHOWN_DOUBTS {
            writeln!(out, "    {}", say("more", &[("n", &grouped((doubts.len() - SHOWN_DOUBTS) as u64))]))?;
        }
    }
    Ok(())
}

/// The counts of a verification, by name.
fn counts(one: &Verification, lang: Lang) -> [(&'static str, String); 5] {
    let of =
        |count: Count| lang.fill("verify", "count", &[("good", &grouped(count.good)), ("all", &grouped(count.all))]);
    [
        ("legit_allowed", of(one.legit_allowed)),
        ("alarmed_denied", of(one.alarmed_denied)),
        ("denied_denied", of(one.denied_denied)),
        ("needs_decision", grouped(one.needs_decision)),
        ("quarantined", grouped(one.quarantined)),
    ]
}

/// Whether it holds, and what it says nothing about.
fn outcome(one: &Verification, lang: Lang) -> String {
    if !one.holds {
        return text(lang, "verify", "fails").to_string();
    }
    let given_up: usize = one.conflicts.iter().map(|doubt| doubt.calls.len()).sum();
    let but = [
        (one.needs_decision, "waits", "wait"),
        (one.quarantined, "was_near", "were_near"),
        (given_up as u64, "was_given_up", "were_given_up"),
    ];
    let told = |(count, was, were): (u64, &'static str, &'static str)| {
        let calls = counted_in(lang, count, "call", "calls");
        lang.fill("verify", if count == 1 { was } else { were }, &[("calls", &calls)])
    };
    let but: Vec<String> = but.into_iter().filter(|(count, ..)| *count > 0).map(told).collect();
    match but.join(text(lang, "counts", "comma")).as_str() {
        "" => text(lang, "verify", "holds").to_string(),
        but => lang.fill("verify", "holds_but", &[("but", but)]),
    }
}

/// Doubts told one by one in a table.
const SHOWN_DOUBTS: usize = 10;

fn doubt_line(doubt: &Doubt, lang: Lang) -> String {
    let from = doubt.ip.as_ref().map_or(String::new(), |ip| lang.fill("verify", "from", &[("ip", ip)]));
    let values = [
        ("action", doubt.action.as_str()),
        ("resources", &listed(&doubt.resources, 80)),
        ("from", &from),
        ("decision", lang.word(&doubt.decision)),
        ("why", &told(lang, &doubt.why)),
    ];
    lang.fill("verify", "doubt", &values)
}
