//! `akguard calls`: the calls behind an alarm.

use super::columns::{ColumnArgs, write_limited};
use super::error::Usage;
use super::exit;
use super::geo::{GeoArgs, Places};
use super::lookup::{Lookup, LookupArgs};
use crate::alarm::model::{Alarm, CallRecord};
use crate::event::tat;
use crate::lang::{Lang, text};
use crate::report::json::{pretty, record_json};
use crate::report::listing::{self, Column, Paint, width, write_csv, write_lines, write_object};
use crate::report::text::{counted, grouped, or_dash, printable, rfc3339, time};
use crate::report::{Format, View, csc, formats, parquet, refused};
use crate::store::alarms::{AlarmFilter, Records, Sort, alarms, records_of};
use crate::store::read::{Call, CallPage, call_page, policy_documents};
use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::Path;

/// Show the calls behind an alarm
///
/// Without --record, the call records: calls that agree in address, API, method, user and code. With it, the calls
/// of one record one by one. Calls on the allowlist are shown too, with the policies that cover them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard calls A-8d6525\n  akguard calls A-8d6525 --sort count --format csv\n  akguard calls A-8d6525 --record 2 --page 3 --page-size 50"
)]
pub(super) struct Args {
    /// The alarm's id, or the beginning of it
    #[arg(value_name = "ALARM")]
    alarm: String,
    /// Show the calls of this record, by its number in the list
    #[arg(long, value_name = "N")]
    record: Option<usize>,
    /// Order of the records: time (newest call last) or count (most calls first)
    #[arg(long, value_name = "ORDER", default_value = "time", conflicts_with = "record")]
    sort: SortArg,
    /// Which page, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    page: Option<u64>,
    /// Calls on a page, or records without --record; all records if neither this nor --page is given [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    page_size: Option<u64>,
    #[command(flatten)]
    geo: GeoArgs,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[Format::CscJson, Format::Parquet]))]
    format: Format,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortArg {
    Time,
    Count,
}

/// Calls on a page when nobody says how many.
const PAGE_SIZE: u64 = 20;
/// Characters of a decoded script that are shown.
const SCRIPT: usize = 65_536;

/// A call record with its number in the list.
pub(super) struct Numbered {
    /// From 1.
    pub(super) place: usize,
    /// In the database.
    pub(super) number: i64,
    /// The record.
    pub(super) record: CallRecord,
}

/// The records of an alarm, numbered, covered ones too.
pub(super) fn numbered(lookup: &Lookup, alarm: i64) -> Result<Vec<Numbered>> {
    let records = records_of(&lookup.db, alarm, lookup.now)?;
    Ok((1..).zip(records).map(|(place, (number, record))| Numbered { place, number, record }).collect())
}

/// The alarm with this number, without records.
pub(super) fn alarm_of(lookup: &Lookup, number: i64, records: Records) -> Result<Alarm> {
    let filter = AlarmFilter { numbers: Some(vec![number]), ..AlarmFilter::default() };
    let found = alarms(&lookup.db, &filter, lookup.now, Sort::Level, None, records)?;
    found.into_iter().next().ok_or_else(|| Usage("the alarm is gone".to_string()).into())
}

/// Shows records or calls and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    let lookup = args.lookup.open(args.format, config)?;
    let number = lookup.alarm(&args.alarm)?;
    let alarm = alarm_of(&lookup, number, Records::None)?;
    let mut records = numbered(&lookup, number)?;
    let mut places = args.geo.places(lookup.format)?;
    match args.record {
        None => write_records(args, &lookup, &alarm, records, &mut places)?,
        Some(place) => {
            let what = || {
                format!(
                    "{} has no record {place}; it has {}",
                    alarm.id,
                    counted(records.len() as u64, "record", "records")
                )
            };
            let at = records.iter().position(|one| one.place == place).ok_or_else(|| Usage(what()))?;
            places.fill_records([&mut records[at].record]);
            write_calls(args, &lookup, &alarm, &records, &records[at])?;
        }
    }
    Ok(exit::DONE)
}

fn write_records(
    args: &Args,
    lookup: &Lookup,
    alarm: &Alarm,
    mut records: Vec<Numbered>,
    places: &mut Places,
) -> Result<()> {
    if matches!(args.sort, SortArg::Count) {
        records.sort_by_key(|one| (Reverse(one.record.success + one.record.failed), one.place));
    }
    let (total, key) = (records.len() as u64, csc_key(alarm, &records));
    if args.page.is_some() || args.page_size.is_some() {
        let size = usize::try_from(args.page_size.unwrap_or(PAGE_SIZE)).unwrap_or(usize::MAX);
        let skipped = usize::try_from(args.page.unwrap_or(1) - 1).unwrap_or(usize::MAX).saturating_mul(size);
        records = records.into_iter().skip(skipped).take(size).collect();
    }
    places.fill_records(records.iter_mut().map(|one| &mut one.record));
    let view = lookup.view;
    let objects = || records.iter().map(|one| numbered_json(one, view)).collect::<Vec<_>>();
    match lookup.format {
        Format::Table => {
            let columns = args.columns.pick(&RECORD_COLUMNS, |column| is_usual(column, &records))?;
            let view = args.columns.view(view);
            lookup.write_paged(|out| match records.as_slice() {
                [] => writeln!(out, "{}", text(view.lang, "scan", "no_records")),
                records => listing::write(&columns, records, view, out),
            })
        }
        Format::Json => {
            let object = json!({"version": 1, "alarm": alarm.id, "records": objects()});
            lookup.write(|out| write_object(&object, out))
        }
        Format::Jsonl => lookup.write(|out| write_lines(&objects(), out)),
        Format::Csv => {
            let places = args.columns.places(&RECORD_FIELDS)?;
            lookup
                .write(|out| write_limited(places.as_deref(), out, |out| write_record_csv(alarm, &records, view, out)))
        }
        Format::Parquet => lookup.write(|out| write_record_parquet(alarm, &records, view, out)),
        Format::CscJson => {
            let data: Vec<Value> = records.iter().map(|one| csc::record(alarm, key, &one.record)).collect();
            lookup.write(|out| write_object(&csc::reply(&data, total), out))
        }
        Format::Ocsf => lookup.write(|_| refused()),
    }
}

/// A record with its number as JSON.
pub(super) fn numbered_json(one: &Numbered, view: View) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("number".to_string(), json!(one.place));
    if let Value::Object(fields) = record_json(&one.record, view) {
        object.extend(fields);
    }
    Value::Object(object)
}

static RECORD_COLUMNS: [Column<Numbered>; 14] = [
    Column::new("#", 0, |one: &Numbered, _| one.place.to_string()).right(),
    Column::new("LAST CALL", 1, |one, view| time(one.record.last_call, view.zone)),
    Column::new("FIRST CALL", 11, |one, view| time(one.record.first_call, view.zone)),
    Column::new("FROM", 1, |one, _| or_dash(one.record.source_ip.as_deref()).to_string()),
    Column::new("IP TYPE", 6, |one: &Numbered, _| one.record.ip_type.clone()).words(),
    Column::new("REMARK", 8, |one, _| or_dash(one.record.ip_remark.as_deref()).to_string()),
    Column::new("REGION", 12, |one, view| view.shortened(or_dash(one.record.region.as_deref()), 20)),
    Column::new("ASSET", 10, |one, view| view.shortened(asset(&one.record), 20)),
    Column::new("METHOD", 9, |one: &Numbered, _| one.record.method.as_str().to_string()).words(),
    Column::new("API", 0, |one, _| format!("{}:{}", one.record.service, one.record.action)),
    Column::new("USER", 7, |one, view| view.shortened(or_dash(one.record.user.as_deref()), 20)),
    Column::new("CALLS", 2, |one: &Numbered, _| grouped(one.record.success + one.record.failed)).right(),
    Column::new("CODE", 3, |one: &Numbered, view| view.shortened(&one.record.code, 40))
        .painted(|one| if one.record.failed > 0 { Paint::Doubtful } else { Paint::Plain }),
    Column::new("ALLOWLISTED BY", 4, |one, view| view.shortened(&one.record.allowlisted_by.join(", "), 30)),
];

fn asset(record: &CallRecord) -> &str {
    or_dash(record.asset_name.as_deref().or(record.asset_id.as_deref()))
}

/// Writes records as a table; a column about the allowlist is there when there is something in it.
pub(super) fn write_record_table(records: &[Numbered], view: View, out: &mut dyn Write) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "{}", text(view.lang, "scan", "no_records"));
    }
    let columns: Vec<&Column<Numbered>> = RECORD_COLUMNS.iter().filter(|column| is_usual(column, records)).collect();
    listing::write(&columns, records, view, out)
}

fn is_usual(column: &Column<Numbered>, records: &[Numbered]) -> bool {
    column.title != "ALLOWLISTED BY" || records.iter().any(|one| !one.record.allowlisted_by.is_empty())
}

/// Fields of a record in CSV.
const RECORD_FIELDS: [&str; 27] = [
    "alarm",
    "rule",
    "number",
    "source_ip",
    "region",
    "ip_remark",
    "ip_type",
    "asset_id",
    "asset_name",
    "ak",
    "ak_masked",
    "ak_remark",
    "method",
    "service",
    "action",
    "user_type",
    "user",
    "policies",
    "code",
    "success",
    "failed",
    "first_call",
    "last_call",
    "api_regions",
    "clients",
    "allowlisted_by",
    "region_source",
];

/// Writes records as CSV, with what they share.
pub(super) fn write_record_csv(alarm: &Alarm, records: &[Numbered], view: View, out: &mut dyn Write) -> io::Result<()> {
    let object = |one: &Numbered| {
        let mut object = alone_json(alarm, one, view);
        object["first_call"] = json!(time(one.record.first_call, view.zone));
        object["last_call"] = json!(time(one.record.last_call, view.zone));
        object
    };
    write_csv(&RECORD_FIELDS, &records.iter().map(object).collect::<Vec<_>>(), out)
}

/// Writes records as Parquet, with what they share.
pub(super) fn write_record_parquet(
    alarm: &Alarm,
    records: &[Numbered],
    view: View,
    out: &mut dyn Write,
) -> io::Result<()> {
    parquet::write(parquet::RECORDS, records.iter().map(|one| alone_json(alarm, one, view)), out)
}

/// A record with what it shares with the others of its alarm.
fn alone_json(alarm: &Alarm, one: &Numbered, view: View) -> Value {
    let mut object = numbered_json(one, view);
    object["alarm"] = json!(alarm.id);
    object["rule"] = json!(alarm.meta.id);
    object["ak"] = json!(alarm.ak);
    object["ak_masked"] = json!(alarm.ak_masked());
    object["ak_remark"] = json!(alarm.ak_remark);
    object
}

fn write_calls(args: &Args, lookup: &Lookup, alarm: &Alarm, all: &[Numbered], one: &Numbered) -> Result<()> {
    let (page, size) = (args.page.unwrap_or(1), args.page_size.unwrap_or(PAGE_SIZE));
    let found = call_page(&lookup.db, one.number, page, size)?;
    let policies = policy_documents(&lookup.db, &one.record.policies)?;
    tell_page(&found, page, size);
    let view = lookup.view;
    let objects = || found.calls.iter().map(|call| call_json(call, &one.record, view)).collect::<Vec<_>>();
    match lookup.format {
        Format::Table => lookup.write_paged(|out| {
            write_call_list(&found, &one.record, view, out)?;
            write_policies(&policies, view.lang, out)
        }),
        Format::Jsonl => lookup.write(|out| write_lines(&objects(), out)),
        Format::Csv => {
            let fields = ["time", "request_id", "event_id", "success", "code", "body", "script", "resources"];
            let mut rows = objects();
            for (row, call) in rows.iter_mut().zip(&found.calls) {
                row["time"] = json!(time(call.time, view.zone));
            }
            lookup.write(|out| write_csv(&fields, &rows, out))
        }
        Format::Json => {
            let object = json!({
                "version": 1,
                "alarm": alarm.id,
                "record": numbered_json(one, view),
                "page": page,
                "page_size": size,
                "kept": found.kept,
                "total": found.total,
                "calls": objects(),
                "policy_documents": policies.iter().map(|(name, text)| policy_json(name, text)).collect::<Vec<_>>(),
            });
            lookup.write(|out| write_object(&object, out))
        }
        Format::Parquet => lookup.write(|out| parquet::write(parquet::CALLS, objects().into_iter(), out)),
        Format::CscJson => {
            let reply = csc_calls(&found, &csc::record(alarm, csc_key(alarm, all), &one.record));
            lookup.write(|out| write_object(&reply, out))
        }
        Format::Ocsf => lookup.write(|_| refused()),
    }
}

/// The number of the alarm's key in the console's shape.
fn csc_key(alarm: &Alarm, records: &[Numbered]) -> u64 {
    csc::key_of(alarm, records.iter().map(|one| &one.record))
}

/// Single calls in the console's shape, which knows call records only: each is the record of one call.
fn csc_calls(found: &CallPage, record: &Value) -> Value {
    let id = |call: &Call| {
        let ids = [Some(call.request_id.as_str()), call.event_id.as_deref()];
        ids.into_iter().flatten().find(|id| !id.is_empty()).unwrap_or_default().to_string()
    };
    let data: Vec<Value> = found.calls.iter().map(|call| csc::call(record, &id(call), call.time)).collect();
    csc::reply(&data, found.kept)
}

/// A policy with its document: JSON where it is JSON, else the text.
fn policy_json(name: &str, text: &str) -> Value {
    json!({"name": name, "document": serde_json::from_str(text).unwrap_or_else(|_| json!(text))})
}

/// Writes the policies of the caller, as far as an inventory told them.
fn write_policies(policies: &[(String, String)], lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    for (name, text) in policies {
        writeln!(out, "\n{}", printable(&lang.fill("call", "policy", &[("name", name)])))?;
        let document = policy_json(name, text)["document"].take();
        for line in pretty(&document).lines() {
            writeln!(out, "  {}", printable(line))?;
        }
    }
    Ok(())
}

/// Says on stderr what the page leaves out.
fn tell_page(found: &CallPage, page: u64, size: u64) {
    let mut err = io::stderr().lock();
    if found.kept < found.total {
        let (kept, total) = (grouped(found.kept), counted(found.total, "call", "calls"));
        let _ = writeln!(err, "note: showing {kept} of {total}; the others are counted, and their logs have them");
    }
    let pages = found.kept.div_ceil(size);
    if pages > 1 || page > pages {
        let _ = writeln!(err, "note: page {} of {}", grouped(page), grouped(pages));
    }
}

fn call_json(call: &Call, record: &CallRecord, view: View) -> Value {
    json!({
        "time": rfc3339(call.time, view.zone),
        "request_id": call.request_id,
        "event_id": call.event_id,
        "success": record.success > 0,
        "code": record.code,
        "body": call.body,
        "script": script(call, record),
        "resources": resources(call),
    })
}

/// The command that a call runs on machines, decoded.
fn script(call: &Call, record: &CallRecord) -> Option<String> {
    tat::script(&record.service, &record.action, call.body.as_deref()?, SCRIPT)
}

/// The resources as a list where the log gives one, else as it writes them.
fn resources(call: &Call) -> Value {
    let text = call.resources.as_deref();
    text.map_or(json!([]), |text| match serde_json::from_str(text) {
        Ok(list @ Value::Array(_)) => list,
        _ => json!([text]),
    })
}

/// Writes calls one below the other: bodies are too long for columns.
fn write_call_list(found: &CallPage, record: &CallRecord, view: View, out: &mut dyn Write) -> io::Result<()> {
    if found.calls.is_empty() {
        return writeln!(out, "{}", text(view.lang, "scan", "no_calls"));
    }
    for call in &found.calls {
        writeln!(out, "{}  {}", time(call.time, view.zone), printable(&call_head(call, record, view.lang)))?;
        for (name, value) in [("resources", &call.resources), ("body", &call.body), ("script", &script(call, record))] {
            let title = text(view.lang, "call", name);
            for (place, line) in value.iter().flat_map(|value| value.lines()).enumerate() {
                let (title, blanks) =
                    if place == 0 { (title, 10_usize.saturating_sub(width(title))) } else { ("", 10) };
                writeln!(out, "  {title}{} {}", " ".repeat(blanks), printable(line))?;
            }
        }
    }
    Ok(())
}

/// What came of a call, and its ids.
fn call_head(call: &Call, record: &CallRecord, lang: Lang) -> String {
    let event = call.event_id.as_ref().map_or(String::new(), |id| lang.fill("call", "event", &[("id", id)]));
    let outcome = lang.word(if record.success > 0 { "success" } else { "failed" });
    let request = or_dash(Some(&call.request_id));
    let values = [("outcome", outcome), ("code", &record.code), ("request", request), ("event", &event)];
    lang.fill("call", "head", &values)
}
