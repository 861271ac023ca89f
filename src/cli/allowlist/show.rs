//! Commands that show policies and what they cover: list, show, test.

use super::change::{tell, warn};
use super::scope::{ScopeArgs, usage};
use super::{Common, Room, named};
use crate::allow::{Draft, Policy, console_entry, console_losses};
use crate::cli::columns::{ColumnArgs, write_limited};
use crate::cli::error::Usage;
use crate::cli::exit;
use crate::cli::output::{lang, write_to};
use crate::cli::pager::write_paged;
use crate::cli::terminal::{self, wants_colour};
use crate::event::id::mask_key;
use crate::event::words::TEMP_AK;
use crate::lang::{Lang, text};
use crate::report::csc;
use crate::report::json::{inert, pretty};
use crate::report::listing::width;
use crate::report::text::harmless;
use crate::report::text::{counted_in, grouped, printable, rfc3339, shortened, time};
use crate::store::allowlist::{self, AlarmRow, Hits, Kept, Preview, RecordRow, Touched, Warning};
use anyhow::Result;
use chrono_tz::Tz;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What a policy covers and until when, in one line.
pub(super) fn describe(policy: &Policy, zone: Tz) -> String {
    let forever = || say("forever", &[]);
    let end = policy.expires.map_or_else(forever, |end| say("ends", &[("time", &time(end, zone))]));
    say("described", &[("scope", &scope_in(lang(), policy)), ("end", &end)])
}

/// A sentence about policies, in the language of this run.
pub(super) fn say(name: &'static str, values: &[(&str, &str)]) -> String {
    lang().fill("allowlist", name, values)
}

/// The name of a policy in quotes, as sentences hold it.
pub(super) fn quoted(name: &str) -> String {
    format!("{name:?}")
}

/// What a policy covers, in one line of the language.
fn scope_in(lang: Lang, policy: &Policy) -> String {
    if lang == Lang::En {
        return policy.describe();
    }
    let draft = policy.to_draft();
    let list = |words: &[String]| words.join(text(lang, "counts", "list"));
    let rules = if draft.rules.is_empty() { say("any_rule", &[]) } else { list(&draft.rules) };
    let places = [draft.ips, words(lang, &draft.ip_types)].concat();
    let from = say("from", &[("rule", &rules), ("source", &list(&places))]);
    let method: Vec<String> = draft.method.into_iter().collect();
    let key = |ak: &String| match ak.as_str() {
        "permanent" | "temporary" => key_shown(ak),
        id => say("key", &[("id", &mask_key(id))]),
    };
    let aks: Vec<String> = draft.aks.iter().map(key).collect();
    let parts = [words(lang, &method), aks, draft.apis, words(lang, &draft.codes)].map(|part| list(&part));
    let mut all = vec![if places.is_empty() { rules } else { from }];
    all.extend(parts.into_iter().filter(|part| !part.is_empty()));
    all.join(text(lang, "counts", "comma"))
}

/// The words of the program among these in the language.
fn words(lang: Lang, list: &[String]) -> Vec<String> {
    list.iter().map(|word| lang.word(word).to_string()).collect()
}

/// `covers 12 alarms in full, 3 in part (1,204 calls)`.
pub(super) fn covers(hits: Hits) -> String {
    if hits.calls == 0 {
        return say("covers_nothing", &[]);
    }
    let calls = counted_in(lang(), hits.calls, "call", "calls");
    let alarms = |number| counted_in(lang(), number, "alarm", "alarms");
    let parts = match (hits.full, hits.part) {
        (0, part) => say("in_part", &[("alarms", &alarms(part))]),
        (full, 0) => say("in_full", &[("alarms", &alarms(full))]),
        (full, part) => say("in_both", &[("alarms", &alarms(full)), ("n", &grouped(part))]),
    };
    say("covers", &[("parts", &parts), ("calls", &calls)])
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListFormat {
    /// For people.
    Table,
    /// One object with all policies.
    Json,
    /// One policy a line.
    Jsonl,
    /// One policy a line.
    Csv,
    /// As the console's DescribeAccessKeyWhiteList replies; it cannot hold everything.
    CscJson,
}

/// List the policies with what they cover; warn of those that do nothing
///
/// Warned of is a policy that has covered no call for 30 days, one that has ended, and one that is
/// shadowed: another policy in force covers all of it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist list\n  akguard allowlist list --format csv --output allowlist.csv"
)]
pub(super) struct ListArgs {
    /// Output format
    #[arg(long, value_name = "F", default_value = "table")]
    format: ListFormat,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    common: Common,
}

/// Lists the policies.
pub(super) fn list(args: &ListArgs, config: Option<&Path>) -> Result<u8> {
    let room = Room::open(&args.common, config)?;
    let listed = room.list()?;
    let warnings = allowlist::warnings(&listed, room.now);
    let lines: Vec<Line<'_>> =
        listed.iter().zip(&warnings).map(|((kept, hits), warnings)| Line { kept, hits: *hits, warnings }).collect();
    let output = args.output.as_deref();
    let write = |out: &mut dyn Write, places: Option<&[usize]>| match args.format {
        ListFormat::Table if lines.is_empty() => writeln!(out, "{}", say("none", &[])),
        ListFormat::Table => {
            writeln!(
                out,
                "{}",
                list_table(&lines, &room, places, plain_table(output, args.columns.unfitted())).trim_fmt()
            )
        }
        ListFormat::Json => {
            let policies: Vec<Value> = lines.iter().map(|line| line.json(&room)).collect();
            writeln!(out, "{}", pretty(&json!({"version": 1, "policies": policies})))
        }
        ListFormat::Jsonl => lines.iter().try_for_each(|line| writeln!(out, "{}", inert(line.json(&room).to_string()))),
        ListFormat::Csv => write_limited(places, out, |out| write_csv(&lines, &room, out)),
        ListFormat::CscJson => write_csc(&lines, out),
    };
    match args.format {
        ListFormat::Table => {
            let places = args.columns.places(&LIST_TITLES)?;
            write_paged(output, |out| write(out, places.as_deref()))?;
        }
        ListFormat::Csv => {
            let places = args.columns.places(&CSV_HEADER)?;
            write_to(output, |out| write(out, places.as_deref()))?;
        }
        ListFormat::Json | ListFormat::Jsonl | ListFormat::CscJson => write_to(output, |out| write(out, None))?,
    }
    if matches!(args.format, ListFormat::CscJson) {
        warn_of_losses(&lines);
    }
    for line in lines.iter().flat_map(|line| line.warning_lines(&room)) {
        warn(&format!("warning: {line}"));
    }
    Ok(exit::DONE)
}

/// Writes policies in the console's shape.
fn write_csc(lines: &[Line<'_>], out: &mut dyn Write) -> io::Result<()> {
    let data: Vec<Value> = lines.iter().map(|line| console_entry(line.kept.number, &line.kept.policy)).collect();
    writeln!(out, "{}", pretty(&csc::reply(&data, lines.len() as u64)))
}

/// Says on stderr what the console's shape cannot hold.
fn warn_of_losses(lines: &[Line<'_>]) {
    for loss in lines.iter().flat_map(|line| console_losses(&line.kept.policy)) {
        warn(&format!("warning: {loss}"));
    }
}

/// A policy with all there is to show about it.
struct Line<'l> {
    kept: &'l Kept,
    hits: Hits,
    warnings: &'l [Warning],
}

impl Line<'_> {
    fn state(&self, now: i64) -> &'static str {
        let policy = &self.kept.policy;
        match (policy.in_force(now), policy.enabled) {
            (true, _) => "in force",
            (false, false) => "off",
            (false, true) => "ended",
        }
    }

    fn json(&self, room: &Room) -> Value {
        let Kept { number, policy } = self.kept;
        let shadows = self.warnings.iter().filter_map(|warning| match warning {
            Warning::ShadowedBy(name) => Some(name.as_str()),
            _ => None,
        });
        let mut fields = scope_json(policy, room.zone);
        let at = |ms: i64| rfc3339(ms, room.zone);
        let more = json!({
            "created": at(policy.created),
            "updated": at(policy.updated),
            "expires": policy.expires.map(at),
            "enabled": policy.enabled,
            "in_force": policy.in_force(room.now),
            "hits": self.hits.calls,
            "last_hit": self.hits.last.map(at),
            "alarms_covered": {"full": self.hits.full, "part": self.hits.part},
            "warnings": self.warnings.iter().map(Warning::as_str).collect::<Vec<_>>(),
            "shadowed_by": shadows.collect::<Vec<_>>(),
        });
        if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
            fields.remove("expires");
            fields.extend(more);
        }
        let mut all = json!({"number": number});
        if let (Some(all), Value::Object(fields)) = (all.as_object_mut(), fields) {
            all.extend(fields);
        }
        all
    }

    fn warning_lines(&self, room: &Room) -> Vec<String> {
        let policy = &self.kept.policy;
        let name = quoted(&policy.name);
        let says = |warning: &Warning| match warning {
            Warning::Unused => say("unused", &[("name", &name)]),
            Warning::Expired => {
                let end = time(policy.expires.unwrap_or_default(), room.zone);
                say("expired", &[("name", &name), ("time", &end)])
            }
            Warning::ShadowedBy(wider) => say("shadowed", &[("name", &name), ("wider", &quoted(wider))]),
        };
        self.warnings.iter().map(says).collect()
    }
}

/// What a policy covers and who says so, with full key ids.
fn scope_json(policy: &Policy, zone: Tz) -> Value {
    let Draft { rules, ips, ip_types, method, aks, apis, codes, reason, owner, .. } = policy.to_draft();
    json!({
        "name": policy.name,
        "rules": rules,
        "ips": ips,
        "ip_types": ip_types,
        "method": method,
        "aks": aks,
        "apis": apis,
        "codes": codes,
        "reason": reason,
        "owner": owner,
        "expires": policy.expires.map(|ms| rfc3339(ms, zone)),
    })
}

const LIST_TITLES: [&str; 9] = ["#", "NAME", "STATE", "COVERS", "CALLS", "ALARMS", "LAST HIT", "UNTIL", "OWNER"];

fn list_table(lines: &[Line<'_>], room: &Room, places: Option<&[usize]>, mut table: Table) -> Table {
    let all: Vec<usize> = (0..LIST_TITLES.len()).collect();
    let places = places.unwrap_or(&all);
    table.set_header(places.iter().map(|place| lang().header(LIST_TITLES[*place])));
    for line in lines {
        let policy = &line.kept.policy;
        let or_dash = |ms: Option<i64>| ms.map_or("-".to_string(), |ms| time(ms, room.zone));
        let owner = if policy.owner.is_empty() { "-" } else { &policy.owner };
        let cells = [
            line.kept.number.to_string(),
            policy.name.clone(),
            lang().word(line.state(room.now)).to_string(),
            scope_in(lang(), policy),
            grouped(line.hits.calls),
            grouped(line.hits.full + line.hits.part),
            or_dash(line.hits.last),
            or_dash(policy.expires),
            owner.to_string(),
        ];
        table.add_row(places.iter().map(|place| printable(&cells[*place])));
    }
    table
}

/// A table without lines, as wide as the terminal or as it needs.
fn plain_table(output: Option<&Path>, unfitted: bool) -> Table {
    let terminal = output.is_none_or(|path| path.as_os_str() == "-") && io::stdout().is_terminal();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match terminal::size().filter(|_| terminal && !unfitted) {
        Some((_, width)) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if !wants_colour(terminal) {
        table.force_no_tty();
    }
    table
}

const CSV_HEADER: [&str; 21] = [
    "number",
    "name",
    "rules",
    "ips",
    "ip_types",
    "method",
    "aks",
    "apis",
    "codes",
    "reason",
    "owner",
    "created",
    "updated",
    "expires",
    "enabled",
    "in_force",
    "hits",
    "last_hit",
    "alarms_full",
    "alarms_part",
    "warnings",
];

fn write_csv(lines: &[Line<'_>], room: &Room, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(CSV_HEADER)?;
    for line in lines {
        writer.write_record(csv_cells(line, room).map(|cell| harmless(&cell)))?;
    }
    writer.flush()
}

fn csv_cells(line: &Line<'_>, room: &Room) -> [String; 21] {
    let policy = &line.kept.policy;
    let draft = policy.to_draft();
    let at = |ms: i64| time(ms, room.zone);
    let joined = |list: &[String]| list.join(";");
    [
        line.kept.number.to_string(),
        policy.name.clone(),
        joined(&draft.rules),
        joined(&draft.ips),
        joined(&draft.ip_types),
        draft.method.unwrap_or_default(),
        joined(&draft.aks),
        joined(&draft.apis),
        joined(&draft.codes),
        policy.reason.clone(),
        policy.owner.clone(),
        at(policy.created),
        at(policy.updated),
        policy.expires.map(at).unwrap_or_default(),
        policy.enabled.to_string(),
        policy.in_force(room.now).to_string(),
        line.hits.calls.to_string(),
        line.hits.last.map(at).unwrap_or_default(),
        line.hits.full.to_string(),
        line.hits.part.to_string(),
        line.warnings.iter().map(Warning::as_str).collect::<Vec<_>>().join(";"),
    ]
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShowFormat {
    /// For people.
    Table,
    /// One object.
    Json,
    /// As the console's DescribeAccessKeyWhiteList replies; it cannot hold everything.
    CscJson,
}

/// Show one policy
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  akguard allowlist show 'ci runners'\n  akguard allowlist show 3 --format json")]
pub(super) struct ShowArgs {
    /// The policy's name or number
    #[arg(value_name = "NAME")]
    policy: String,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table")]
    format: ShowFormat,
    #[command(flatten)]
    common: Common,
}

/// Shows one policy.
pub(super) fn show(args: &ShowArgs, config: Option<&Path>) -> Result<u8> {
    let room = Room::open(&args.common, config)?;
    let listed = room.list()?;
    let warnings = allowlist::warnings(&listed, room.now);
    let policies: Vec<Kept> = listed.iter().map(|(kept, _)| kept.clone()).collect();
    let kept = named(&policies, &args.policy)?;
    let place = policies.iter().position(|other| other.number == kept.number).unwrap_or_default();
    let line = Line { kept, hits: listed[place].1, warnings: &warnings[place] };
    match args.format {
        ShowFormat::Json => {
            let text = pretty(&json!({"version": 1, "policy": line.json(&room)}));
            write_to(None, |out| writeln!(out, "{text}"))?;
        }
        ShowFormat::CscJson => {
            let lines = [line];
            write_to(None, |out| write_csc(&lines, out))?;
            warn_of_losses(&lines);
        }
        ShowFormat::Table => {
            let lines = shown(&line, &room);
            tell(&lines.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
    }
    Ok(exit::DONE)
}

fn shown(line: &Line<'_>, room: &Room) -> Vec<String> {
    let Kept { number, policy } = line.kept;
    let at = |ms: i64| time(ms, room.zone);
    let values = [("name", &*policy.name), ("n", &number.to_string()), ("state", lang().word(line.state(room.now)))];
    let mut lines = vec![say("head", &values)];
    lines.extend(scope_lines(policy, room.zone));
    lines.push(field("created", &at(policy.created)));
    lines.push(field("updated", &at(policy.updated)));
    lines.push(field("result", &covers(line.hits)));
    lines.push(field("last hit", &line.hits.last.map_or("-".to_string(), at)));
    lines.extend(line.warning_lines(room).iter().map(|warning| field("warning", warning)));
    lines
}

fn field(name: &'static str, value: &str) -> String {
    let name = text(lang(), "allowlist", name);
    let blanks = " ".repeat(9_usize.saturating_sub(width(name)));
    format!("{name}{blanks} {}", if value.is_empty() { "-" } else { value })
}

/// Everything that a policy says, a line for each dimension. Key ids are masked.
pub(super) fn scope_lines(policy: &Policy, zone: Tz) -> Vec<String> {
    let (draft, lang) = (policy.to_draft(), lang());
    let any = |list: &[String]| if list.is_empty() { say("any", &[]) } else { list.join(", ") };
    let aks: Vec<String> = draft.aks.iter().map(|ak| key_shown(ak)).collect();
    let method: Vec<String> = draft.method.into_iter().collect();
    vec![
        field("rules", &any(&draft.rules)),
        field("source", &any(&[draft.ips, words(lang, &draft.ip_types)].concat())),
        field("method", &any(&words(lang, &method))),
        field("keys", &any(&aks)),
        field("APIs", &any(&draft.apis)),
        field("codes", &any(&words(lang, &draft.codes))),
        field("reason", &policy.reason),
        field("owner", &policy.owner),
        field("until", &policy.expires.map_or_else(|| say("no_end", &[]), |end| time(end, zone))),
    ]
}

fn key_shown(ak: &str) -> String {
    match ak {
        "permanent" | "temporary" => say("every_key", &[("kind", lang().word(ak))]),
        id => mask_key(id),
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TestFormat {
    /// For people.
    Table,
    /// One object.
    Json,
}

/// Show which alarms and calls a policy would cover, without saving it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard allowlist test --ip 203.0.113.0/24 --api 'cvm:Describe*'\n  akguard allowlist test --policy 'ci runners' --format json"
)]
pub(super) struct TestArgs {
    /// A policy that is kept; other options change it for the test
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", help_heading = None)]
    format: TestFormat,
    /// Write to this file
    #[arg(long, short, value_name = "FILE", help_heading = None)]
    output: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Database and zone")]
    common: Common,
}

/// So many records of an alarm stand in a table; JSON has all.
const SHOWN_RECORDS: usize = 10;

/// Shows what a policy would cover.
pub(super) fn test(args: &TestArgs, config: Option<&Path>) -> Result<u8> {
    if args.policy.is_none() && args.scope.is_empty() {
        let what =
            "there is nothing to test; name a policy with --policy, or say what it covers with options such as --ip";
        return Err(Usage(what.to_string()).into());
    }
    let room = Room::open(&args.common, config)?;
    let policy = tested(args, &room)?;
    let preview = room.read(|conn| allowlist::preview(conn, &policy))?;
    let mut alarms = Vec::new();
    for touched in &preview.alarms {
        alarms.push((touched, room.read(|conn| allowlist::alarm_row(conn, touched.number))?));
    }
    alarms.sort_by(|(_, a), (_, b)| (a.level, b.last_call, &a.id).cmp(&(b.level, a.last_call, &b.id)));
    match args.format {
        TestFormat::Json => {
            write_to(args.output.as_deref(), |out| write_json(&policy, &preview, &alarms, &room, out))?;
        }
        TestFormat::Table => {
            let lines = test_lines(&policy, &preview, &alarms, &room)?;
            write_to(args.output.as_deref(), |out| {
                lines.iter().try_for_each(|line| writeln!(out, "{}", printable(line)))
            })?;
        }
    }
    Ok(exit::DONE)
}

fn tested(args: &TestArgs, room: &Room) -> Result<Policy> {
    let old = match &args.policy {
        Some(name) => Some(named(&room.all()?, name)?.clone()),
        None => None,
    };
    let mut draft = old.as_ref().map(|kept| kept.policy.to_draft()).unwrap_or_default();
    args.scope.put(&mut draft, old.is_some());
    room.names(old.as_ref())?
        .known(|known| match &old {
            Some(kept) => draft.revise(&kept.policy, known, room.now),
            None => draft.check(known, room.now),
        })
        .map_err(|error| usage(&error))
}

/// Writes alarm by alarm: a wide policy covers more records than should be held as JSON at once.
fn write_json(
    policy: &Policy,
    preview: &Preview,
    alarms: &[(&Touched, AlarmRow)],
    room: &Room,
    out: &mut dyn Write,
) -> io::Result<()> {
    let hits = preview.hits;
    let last = json!(hits.last.map(|ms| rfc3339(ms, room.zone)));
    writeln!(out, "{{\n\"version\": 1,\n\"policy\": {},", pretty(&scope_json(policy, room.zone)))?;
    writeln!(out, "\"hits\": {},\n\"last_hit\": {last},", hits.calls)?;
    let covered = json!({"full": hits.full, "part": hits.part});
    write!(out, "\"alarms_covered\": {covered},\n\"alarms\": [")?;
    for (place, (touched, alarm)) in alarms.iter().enumerate() {
        let records = room
            .read(|conn| allowlist::record_rows(conn, &touched.records))
            .map_err(|error| io::Error::other(error.to_string()))?;
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\n{}", pretty(&alarm_json(touched, alarm, &records, room.zone)))?;
    }
    writeln!(out, "\n]\n}}")
}

fn alarm_json(touched: &Touched, alarm: &AlarmRow, records: &[RecordRow], zone: Tz) -> Value {
    json!({
        "id": alarm.id,
        "rule": alarm.rule,
        "level": alarm.level.as_str(),
        "date": alarm.date,
        "user": alarm.user,
        "ak": alarm.ak,
        "last_call": rfc3339(alarm.last_call, zone),
        "coverage": if touched.full { "full" } else { "part" },
        "calls": {"total": alarm.calls, "covered": touched.calls},
        "records": records.iter().map(|record| record_json(record, zone)).collect::<Vec<_>>(),
    })
}

fn record_json(record: &RecordRow, zone: Tz) -> Value {
    let (success, failed) = if record.ok { (record.calls, 0) } else { (0, record.calls) };
    json!({
        "source_ip": record.source_ip,
        "ip_type": record.ip_type,
        "method": method(record),
        "service": record.service,
        "action": record.action,
        "user": record.user,
        "code": record.code,
        "success": success,
        "failed": failed,
        "first_call": rfc3339(record.first_call, zone),
        "last_call": rfc3339(record.last_call, zone),
    })
}

fn method(record: &RecordRow) -> &'static str {
    if record.api_call { "api" } else { "console" }
}

fn test_lines(policy: &Policy, preview: &Preview, alarms: &[(&Touched, AlarmRow)], room: &Room) -> Result<Vec<String>> {
    let mut lines = vec![scope_in(lang(), policy), covers(preview.hits)];
    for (touched, alarm) in alarms {
        lines.push(String::new());
        lines.push(alarm_line(touched, alarm, room.zone));
        let some = &touched.records[..touched.records.len().min(SHOWN_RECORDS)];
        for record in room.read(|conn| allowlist::record_rows(conn, some))? {
            lines.push(record_line(&record, room.zone));
        }
        let more = (touched.records.len() - some.len()) as u64;
        if more > 0 {
            lines.push(say(if more == 1 { "more_one" } else { "more_many" }, &[("n", &grouped(more))]));
        }
    }
    Ok(lines)
}

fn alarm_line(touched: &Touched, alarm: &AlarmRow, zone: Tz) -> String {
    let ak = if alarm.ak == TEMP_AK { alarm.ak.clone() } else { mask_key(&alarm.ak) };
    let user = shortened(alarm.user.as_deref().unwrap_or("-"), 24);
    let how = if touched.full {
        say("touched_full", &[("calls", &counted_in(lang(), touched.calls, "call", "calls"))])
    } else {
        say("touched_part", &[("some", &grouped(touched.calls)), ("all", &grouped(alarm.calls))])
    };
    let values = [
        ("id", alarm.id.as_str()),
        ("level", lang().word(alarm.level.as_str())),
        ("rule", &alarm.rule),
        ("key", &ak),
        ("user", &user),
        ("time", &time(alarm.last_call, zone)),
        ("how", &how),
    ];
    say("touched", &values)
}

fn record_line(record: &RecordRow, zone: Tz) -> String {
    let code = if record.ok { String::new() } else { format!(" -> {}", record.code) };
    let ip = record.source_ip.as_deref().unwrap_or("-");
    let RecordRow { ip_type, service, action, calls, .. } = record;
    let at = time(record.last_call, zone);
    let (ip_type, method) = (lang().word(ip_type), lang().word(method(record)));
    format!("  {at}  {ip} ({ip_type})  {method} {service}:{action} x{calls}{code}")
}
