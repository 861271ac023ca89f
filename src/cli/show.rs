//! `akguard show`: everything known about one alarm.

use super::calls::{
    Numbered, alarm_of, numbered, numbered_json, write_record_csv, write_record_parquet, write_record_table,
};
use super::exit;
use super::geo::GeoArgs;
use super::lookup::{Lookup, LookupArgs};
use super::rules::numbered as with_numbers;
use crate::alarm::model::{Alarm, CallRecord};
use crate::alarm::status::{Decision, Status};
use crate::document::advice::{Advisor, CONSOLE, recommend_command};
use crate::event::id::mask_keys_in;
use crate::lang::rules::{rule_text, why};
use crate::lang::told::told;
use crate::lang::{Lang, text};
use crate::recommend::stops::Short;
use crate::report::json::{alarm_json, decision_json};
use crate::report::listing::{width, write_lines, write_object};
use crate::report::text::{counted_in, grouped, or_dash, printable, rfc3339, time, what_to_do};
use crate::report::{Format, View, csc, formats, ocsf};
use crate::store::alarms::Records;
use crate::store::inventory::stored;
use crate::store::read::{Growth, growth, history};
use crate::store::usage::{Key, key_of_alarm};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Show one alarm: why it fired, whose key, what was decided, the calls
///
/// The beginning of the id is enough when no other alarm has it. Call records are numbered as
/// `akguard calls ALARM --record N` takes them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard show A-8d6525\n  akguard show A-8d6525 --full-keys\n  akguard show A-8d6525 --format json"
)]
pub(super) struct Args {
    /// The alarm's id, or the beginning of it
    #[arg(value_name = "ALARM")]
    alarm: String,
    /// Show whole ids of keys, in notes and reasons too
    #[arg(long)]
    full_keys: bool,
    #[command(flatten)]
    geo: GeoArgs,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[Format::CscJson, Format::Ocsf, Format::Parquet]))]
    format: Format,
}

/// All that is shown.
struct Shown {
    alarm: Alarm,
    records: Vec<Numbered>,
    history: Vec<Decision>,
    growth: Vec<Growth>,
    key: Option<Key>,
    short: Option<Short>,
}

/// Shows the alarm and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let lookup = args.lookup.open(args.format, config)?;
    let number = lookup.alarm(&args.alarm)?;
    let mut places = args.geo.places(lookup.format)?;
    let mut shown = read(&lookup, number)?;
    places.fill_records(shown.records.iter_mut().map(|one| &mut one.record));
    let view = lookup.view;
    match lookup.format {
        Format::Table => lookup.write(|out| write_text(&shown, args.full_keys, view, out))?,
        Format::Json => lookup.write(|out| write_object(&object(&shown, view), out))?,
        Format::Jsonl => lookup.write(|out| write_lines(&[object(&shown, view)], out))?,
        Format::Csv => lookup.write(|out| write_record_csv(&shown.alarm, &shown.records, view, out))?,
        Format::Parquet => lookup.write(|out| write_record_parquet(&shown.alarm, &shown.records, view, out))?,
        Format::CscJson => {
            let risks = shown.key.as_ref().map_or(0, |key| key.risks.len());
            let reply = csc::alarm_detail(&shown.alarm, &all_records(&shown), risks, &stored(&lookup.db)?);
            lookup.write(|out| write_object(&reply, out))?;
        }
        Format::Ocsf => {
            let finding = ocsf::finding(&shown.alarm, &all_records(&shown));
            lookup.write(|out| write_lines(&[finding], out))?;
        }
    }
    Ok(exit::DONE)
}

/// The records, covered ones too.
fn all_records(shown: &Shown) -> Vec<CallRecord> {
    shown.records.iter().map(|one| one.record.clone()).collect()
}

fn read(lookup: &Lookup, number: i64) -> Result<Shown> {
    let alarm = alarm_of(lookup, number, Records::Full)?;
    let records = numbered(lookup, number)?;
    let listed: Vec<_> = records.iter().map(|one| &one.record).collect();
    let mut advisor = Advisor::new(&lookup.db, lookup.view.zone, lookup.now)?;
    let short = advisor.about(&alarm, &listed)?.map(|(short, _)| short);
    Ok(Shown {
        short,
        history: history(&lookup.db, number)?,
        growth: growth(&lookup.db, number)?,
        key: key_of_alarm(&lookup.db, number, lookup.now)?,
        alarm,
        records,
    })
}

fn object(shown: &Shown, view: View) -> Value {
    let mut object = alarm_json(&shown.alarm, view);
    object["records"] = shown.records.iter().map(|one| numbered_json(one, view)).collect();
    object["because"] = json!(shown.alarm.meta.because);
    object["risks"] = shown.key.iter().flat_map(|key| &key.risks).map(|risk| json!(risk.as_str())).collect();
    object["recommendation"] = shown.short.as_ref().map_or(Value::Null, |short| {
        json!({
            "advice": short.advice, "policies": short.policies, "would_stop": short.would_stop,
            "step": short.step.as_ref().map(|step| &step.id), "why": short.step.as_ref().map(|step| &step.why),
            "command": recommend_command(&short.holder),
        })
    });
    object["decisions"] = shown.history.iter().map(|decision| decision_json(decision, view)).collect();
    let growth = |growth: &Growth| json!({"at": rfc3339(growth.at, view.zone), "calls": growth.calls});
    object["growth"] = shown.growth.iter().map(growth).collect();
    object["what_to_do"] = json!(what_to_do(shown.alarm.meta.docs));
    object["console"] = CONSOLE.iter().map(|(name, _, url)| ((*name).to_string(), json!(url))).collect();
    object["version"] = json!(1);
    object
}

/// Lines of a name and a text, which may hold anything.
struct Lines<'o> {
    out: &'o mut dyn Write,
    lang: Lang,
    /// Whole ids of keys, in notes and reasons too.
    full_keys: bool,
}

impl Lines<'_> {
    fn add(&mut self, name: &'static str, value: &str) -> io::Result<()> {
        let name = text(self.lang, "labels", name);
        let blanks = 14_usize.saturating_sub(width(name));
        let value = if self.full_keys { value.into() } else { mask_keys_in(value) };
        writeln!(self.out, "{name}{}{}", " ".repeat(blanks), printable(&value))
    }

    /// Adds a line whose text is a sentence of the language.
    fn say(&mut self, name: &'static str, sentence: &'static str, values: &[(&str, &str)]) -> io::Result<()> {
        self.add(name, &self.lang.fill("show", sentence, values))
    }
}

fn write_text(shown: &Shown, full_keys: bool, view: View, out: &mut dyn Write) -> io::Result<()> {
    let (alarm, lang) = (&shown.alarm, view.lang);
    let rule = rule_text(lang, alarm.meta.id);
    writeln!(out, "{}  {}  {}\n", alarm.id, lang.word(alarm.level.as_str()), rule.title)?;
    let mut lines = Lines { out, lang, full_keys };
    lines.say("Rule", "rule", &[("id", alarm.meta.id), ("because", &rule.because)])?;
    let kind = lang.word(alarm.meta.kind.as_str());
    lines.say("Type", "type", &[("type", kind), ("attack", alarm.meta.attack)])?;
    write_key(shown, full_keys, view, &mut lines)?;
    lines.add("Calls", &calls(alarm, view))?;
    if alarm.allowlisted_calls > 0 {
        let calls = counted_in(lang, alarm.allowlisted_calls, "call", "calls");
        let names = alarm.allowlisted_by.join(", ");
        lines.say("Allowlisted", "allowlisted", &[("calls", &calls), ("names", &names)])?;
    }
    lines.add("Why", &why(lang, alarm.meta.id, &alarm.why))?;
    if !alarm.tags.is_empty() {
        lines.add("Tags", &alarm.tags.join(", "))?;
    }
    lines.add("Proof", &proof(alarm, lang))?;
    write_short(shown, &mut lines)?;
    write_standing(shown, view, &mut lines)?;
    let steps = match lang {
        Lang::En => what_to_do(alarm.meta.docs).lines().map(str::to_string).collect(),
        Lang::Zh => with_numbers(&rule.steps),
    };
    for (place, line) in steps.iter().enumerate() {
        lines.add(if place == 0 { "What to do" } else { "" }, line)?;
    }
    lines.add("If it is fine", &format!("akguard allowlist add --from-alarm {} --reason TEXT", alarm.id))?;
    lines.add("More", &format!("akguard rules show {}", alarm.meta.id))?;
    for (_, name, url) in CONSOLE {
        let name = text(lang, "show", name);
        lines.say("", "page", &[("name", name), ("url", url)])?;
    }
    writeln!(lines.out)?;
    write_record_table(&shown.records, view, lines.out)
}

/// Writes what to do about the key and what would have stopped the alarm.
fn write_short(shown: &Shown, lines: &mut Lines<'_>) -> io::Result<()> {
    let Some(short) = &shown.short else { return Ok(()) };
    let advice = lines.lang.word(short.advice.words());
    match &short.step {
        Some(step) => {
            let why = told(lines.lang, &step.why);
            lines.say("Advice", "advice", &[("advice", advice), ("step", &step.id), ("why", &why)])?;
        }
        None => lines.add("Advice", advice)?,
    }
    let known = shown.records.iter().any(|one| !one.record.policies.is_empty());
    if !short.policies.is_empty() && !known {
        let (number, names) = (short.policies.len().to_string(), short.policies.join(", "));
        lines.say("Policies", "policies_alone", &[("n", &number), ("names", &names)])?;
    }
    lines.add("Would stop it", &told(lines.lang, &short.would_stop))?;
    lines.add("", &recommend_command(&short.holder))
}

/// Writes whose key it is and what speaks against it.
fn write_key(shown: &Shown, full_keys: bool, view: View, lines: &mut Lines<'_>) -> io::Result<()> {
    let (alarm, lang) = (&shown.alarm, view.lang);
    let id = if full_keys { alarm.ak.clone() } else { alarm.ak_masked() };
    let remark = or_dash(alarm.ak_remark.as_deref());
    lines.say("Key", "key", &[("id", &id), ("remark", remark)])?;
    let app_id = alarm.app_id.as_ref().map_or(String::new(), |id| lang.fill("show", "app_id", &[("id", id)]));
    let values = [
        ("identity", lang.word(alarm.identity.as_str())),
        ("user", or_dash(alarm.user.as_deref())),
        ("account", or_dash(alarm.account.as_deref())),
        ("app_id", &app_id),
    ];
    lines.say("Whose", "whose", &values)?;
    if let Some(key) = &shown.key {
        let ips = counted_in(lang, key.ips, "address", "addresses");
        let last = key.last.map_or("-".to_string(), |last| time(last, view.zone));
        let outside = grouped(key.outside_ips);
        lines.say("Key use", "key_use", &[("ips", &ips), ("outside", &outside), ("last", &last)])?;
        let risks: Vec<&str> = key.risks.iter().map(|risk| lang.word(risk.as_str())).collect();
        lines.add("Key risks", or_dash(Some(&risks.join(text(lang, "counts", "list")))))?;
    }
    let mut policies: BTreeMap<&str, &[String]> = BTreeMap::new();
    for one in &shown.records {
        let user = or_dash(one.record.user.as_deref());
        let known = policies.entry(user).or_default();
        if one.record.policies.len() >= known.len() {
            *known = &one.record.policies;
        }
    }
    for (user, names) in policies.into_iter().filter(|(_, names)| !names.is_empty()) {
        let (number, names) = (names.len().to_string(), names.join(", "));
        lines.say("Policies", "policies", &[("n", &number), ("user", user), ("names", &names)])?;
    }
    Ok(())
}

fn calls(alarm: &Alarm, view: View) -> String {
    let (first, last) = (time(alarm.first_call, view.zone), time(alarm.last_call, view.zone));
    let (number, failed) = (grouped(alarm.total()), grouped(alarm.failed));
    let values =
        [("n", number.as_str()), ("failed", &failed), ("first", &first), ("last", &last), ("zone", view.zone.name())];
    view.lang.fill("show", "calls", &values)
}

/// Event ids named; JSON has the first hundred.
const NAMED: usize = 5;

fn proof(alarm: &Alarm, lang: Lang) -> String {
    let named: Vec<&str> = alarm.event_ids.iter().take(NAMED).map(String::as_str).collect();
    let list = named.join(", ");
    match alarm.event_ids.len().saturating_sub(NAMED) {
        0 => or_dash(Some(&list)).to_string(),
        more => lang.fill("show", "more", &[("list", &list), ("n", &more.to_string())]),
    }
}

/// Writes what was decided and how the alarm grew.
fn write_standing(shown: &Shown, view: View, lines: &mut Lines<'_>) -> io::Result<()> {
    let (alarm, lang) = (&shown.alarm, view.lang);
    let new = if alarm.new_since_processed > 0 {
        let calls = counted_in(lang, alarm.new_since_processed, "new call", "new calls");
        lang.fill("show", "since", &[("calls", &calls)])
    } else {
        String::new()
    };
    lines.add("Status", &format!("{}{new}", lang.word(alarm.status.as_str())))?;
    for decision in &shown.history {
        let word = if decision.status == Status::Unprocessed { "reopened" } else { decision.status.as_str() };
        let note = decision.note.as_ref().map_or(String::new(), |note| lang.fill("show", "note", &[("text", note)]));
        let at = time(decision.at, view.zone);
        let values = [("time", at.as_str()), ("word", lang.word(word)), ("who", &decision.by), ("note", &note)];
        lines.say("", "decision", &values)?;
    }
    lines.add("First seen", &alarm.first_seen.map_or("-".to_string(), |seen| time(seen, view.zone)))?;
    for (place, growth) in shown.growth.iter().filter(|growth| growth.calls > 0).enumerate() {
        lines.add(
            if place == 0 { "Grew" } else { "" },
            &format!("{}  {}", time(growth.at, view.zone), counted_in(lang, growth.calls, "new call", "new calls")),
        )?;
    }
    Ok(())
}
