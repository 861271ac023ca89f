//! `akguard ip`: the source addresses that were seen.

use super::ak::{apis_json, heading, key_json, levels, levels_json, moment, short_alarm, write_apis};
use super::columns::ColumnArgs;
use super::error::Usage;
use super::exit;
use super::geo::GeoArgs;
use super::lookup::{Lookup, LookupArgs, full_ak};
use crate::catalog::edit::nearest;
use crate::lang::text;
use crate::lang::told::told;
use crate::report::json::alarm_json;
use crate::report::listing::{self, Column, Paint, write_object};
use crate::report::text::{grouped, or_dash, rfc3339, time};
use crate::report::{Format, View, csc, formats, table};
use crate::store::inventory::stored;
use crate::store::usage::{
    Address, AddressDetail, Key, Used, address, address_detail, addresses, addresses_of, ips, keys_by_ip,
};
use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

/// List the source addresses seen in the logs, or show one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  akguard ip list --type outside --sort alarms\n  akguard ip show 203.0.113.7")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List addresses with the keys used from them, and their alarms
    #[command(
        after_help = "Examples:\n  akguard ip list --type outside --sort alarms\n  akguard ip list --ak AKIDEXAMPLEalice00000000000000000000 --format csv"
    )]
    List(ListArgs),
    /// Show an address: the keys used from it, what was called, its alarms
    #[command(after_help = "Example:\n  akguard ip show 203.0.113.7 --format json")]
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Of this type: in_account, outside, lan or unknown
    #[arg(long = "type", value_name = "TYPE,…", value_delimiter = ',', value_parser = ["in_account", "outside", "lan", "unknown", "in-account"], hide_possible_values = true)]
    kind: Vec<String>,
    /// From which this key was used: its full id, or TEMP_AK
    #[arg(long, value_name = "ID")]
    ak: Option<String>,
    /// Order: last (use, newest first), first (oldest first), alarms (worst first), keys (most first)
    #[arg(long, value_name = "ORDER", default_value = "last")]
    sort: SortArg,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    geo: GeoArgs,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[Format::CscJson]))]
    format: Format,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortArg {
    Last,
    First,
    Alarms,
    Keys,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The address
    #[arg(value_name = "IP")]
    ip: String,
    #[command(flatten)]
    geo: GeoArgs,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[Format::CscJson]))]
    format: Format,
}

/// Runs the subcommand and returns the exit code.
pub(super) fn run(args: &Args, config: Option<&Path>) -> Result<u8> {
    match &args.command {
        Command::List(args) => list(args, config)?,
        Command::Show(args) => show(args, config)?,
    }
    Ok(exit::DONE)
}

fn list(args: &ListArgs, config: Option<&Path>) -> Result<()> {
    let lookup = args.lookup.open(args.format, config)?;
    let mut found = addresses(&lookup.db, lookup.now)?;
    let ak = args.ak.as_ref().map(|ak| full_ak(&lookup.db, ak)).transpose()?;
    let of_key = ak.map(|ak| addresses_of(&lookup.db, &ak)).transpose()?;
    let kinds: Vec<String> = args.kind.iter().map(|kind| kind.replace('-', "_")).collect();
    found.retain(|address| {
        (kinds.is_empty() || kinds.contains(&address.ip_type))
            && of_key.as_ref().is_none_or(|ips| ips.contains(&address.ip))
    });
    put_in_order(&mut found, args.sort);
    found.truncate(args.limit.unwrap_or(usize::MAX));
    let mut places = args.geo.places(lookup.format)?;
    for address in &mut found {
        places.fill(address);
    }
    if lookup.format == Format::CscJson {
        return write_csc_list(&lookup, &found);
    }
    let view = args.columns.view(lookup.view);
    let columns = if lookup.format == Format::Table { args.columns.pick(&COLUMNS, |_| true)? } else { Vec::new() };
    let objects = || found.iter().map(|address| address_json(address, view)).collect();
    lookup.write_list("ips", &FIELDS, &args.columns, objects, |out| match found.as_slice() {
        [] => writeln!(out, "{}", text(lookup.view.lang, "scan", "no_addresses")),
        found => listing::write(&columns, found, view, out),
    })
}

fn write_csc_list(lookup: &Lookup, found: &[Address]) -> Result<()> {
    let (inventory, keys) = (stored(&lookup.db)?, keys_by_ip(&lookup.db, lookup.now)?);
    let one = |address: &Address| {
        let keys: Vec<&Key> = keys.get(&address.ip).into_iter().flatten().collect();
        csc::address(address, &keys, &inventory)
    };
    let data: Vec<Value> = found.iter().map(one).collect();
    lookup.write(|out| write_object(&csc::reply(&data, found.len() as u64), out))
}

fn put_in_order(addresses: &mut [Address], sort: SortArg) {
    let name = |address: &Address| (address.ip.parse::<IpAddr>().ok(), address.ip.clone());
    match sort {
        SortArg::Last => addresses.sort_by_cached_key(|address| (Reverse(address.last), name(address))),
        SortArg::First => {
            addresses.sort_by_cached_key(|address| (address.first.is_none(), address.first, name(address)));
        }
        SortArg::Alarms => addresses.sort_by_cached_key(|address| (Reverse(address.alarms), name(address))),
        SortArg::Keys => addresses.sort_by_cached_key(|address| (Reverse(address.keys), name(address))),
    }
}

static COLUMNS: [Column<Address>; 11] = [
    Column::new("IP", 0, |address: &Address, _| address.ip.clone()),
    Column::new("TYPE", 1, |address: &Address, _| address.ip_type.clone())
        .words()
        .painted(|address| if address.ip_type == "outside" { Paint::Doubtful } else { Paint::Plain }),
    Column::new("REMARK", 4, |address, _| or_dash(address.remark.as_deref()).to_string()),
    Column::new("REGION", 9, |address, view| view.shortened(or_dash(address.region.as_deref()), 20)),
    Column::new("ASSET", 5, |address, view| {
        view.shortened(or_dash(address.asset_name.as_deref().or(address.asset_id.as_deref())), 24)
    }),
    Column::new("FIRST USE", 10, |address, view| moment(address.first, view)),
    Column::new("LAST USE", 2, |address, view| moment(address.last, view)),
    Column::new("KEYS", 6, |address: &Address, _| grouped(address.keys)).right(),
    Column::new("SERVICES", 8, |address: &Address, _| grouped(address.services)).right(),
    Column::new("APIS", 7, |address: &Address, _| grouped(address.apis)).right(),
    Column::new("ALARMS", 3, |address, view| levels(&address.alarms, view)),
];

fn write_addresses(addresses: &[Address], view: View, out: &mut dyn Write) -> io::Result<()> {
    listing::write(&COLUMNS.iter().collect::<Vec<_>>(), addresses, view, out)
}

/// Fields of an address in CSV.
const FIELDS: [&str; 18] = [
    "ip",
    "ip_type",
    "remark",
    "region",
    "region_source",
    "asset_id",
    "asset_name",
    "first_use",
    "last_use",
    "keys",
    "services",
    "apis",
    "alarms.critical",
    "alarms.high",
    "alarms.medium",
    "alarms.low",
    "alarms.note",
    "alarms.invalid",
];

fn address_json(address: &Address, view: View) -> Value {
    json!({
        "ip": address.ip,
        "ip_type": address.ip_type,
        "remark": address.remark,
        "region": address.region,
        "region_source": address.region_source,
        "asset_id": address.asset_id,
        "asset_name": address.asset_name,
        "first_use": address.first.map(|ms| rfc3339(ms, view.zone)),
        "last_use": address.last.map(|ms| rfc3339(ms, view.zone)),
        "keys": address.keys,
        "services": address.services,
        "apis": address.apis,
        "alarms": levels_json(&address.alarms),
    })
}

fn show(args: &ShowArgs, config: Option<&Path>) -> Result<()> {
    let lookup = args.lookup.open(args.format, config)?;
    let mut address = find(&lookup, &args.ip)?;
    let detail = address_detail(&lookup.db, &address.ip, lookup.now)?;
    let mut geo = args.geo.places(lookup.format)?;
    let places = geo.answers(&address.ip, address.region.as_deref());
    geo.fill(&mut address);
    let address = &address;
    if lookup.format == Format::CscJson {
        let keys: Vec<&Key> = detail.keys.iter().map(|(key, _)| key).collect();
        let reply = csc::address_detail(address, &keys, &stored(&lookup.db)?);
        return lookup.write(|out| write_object(&reply, out));
    }
    let view = lookup.view;
    let object = || {
        let mut object = address_json(address, view);
        object["keys"] = detail.keys.iter().map(|(key, used)| key_use_json(key, *used, view)).collect();
        object["apis"] = apis_json(&detail.apis, view);
        object["alarms"] = detail.alarms.iter().map(|alarm| short_alarm(alarm_json(alarm, view))).collect();
        let place = |(source, region): &(String, Option<String>)| json!({"source": source, "region": region});
        object["places"] = places.iter().map(place).collect();
        object["version"] = json!(1);
        object
    };
    let table = |out: &mut dyn Write| write_detail(address, &places, &detail, view, out);
    lookup.write_one(&FIELDS, || address_json(address, view), object, table)
}

/// The address that is meant, however it is spelled.
fn find(lookup: &Lookup, typed: &str) -> Result<Address> {
    let usual = typed.parse::<IpAddr>().map_or_else(|_| typed.to_string(), |ip| ip.to_canonical().to_string());
    for ip in [typed, &usual] {
        if let Some(address) = address(&lookup.db, ip, lookup.now)? {
            return Ok(address);
        }
    }
    let all = ips(&lookup.db)?;
    let nearest = nearest(typed, all.iter().map(String::as_str));
    let hint = match nearest {
        Some(ip) => format!("the nearest is {ip}"),
        None if all.is_empty() => "no addresses are kept yet".to_string(),
        None => "`akguard ip list` has all".to_string(),
    };
    Err(Usage(format!("there is no address {typed:?}; {hint}")).into())
}

/// A key as JSON, with its use from one address.
fn key_use_json(key: &Key, used: Used, view: View) -> Value {
    let mut object = key_json(key, view);
    object["first_use"] = json!(rfc3339(used.first, view.zone));
    object["last_use"] = json!(rfc3339(used.last, view.zone));
    object
}

const KEY_COLUMNS: [Column<(Key, Used)>; 6] = [
    Column::new("KEY", 0, |(key, _), _| key.ak_masked()),
    Column::new("USER", 1, |(key, _), view| view.shortened(or_dash(key.user.as_deref()), 20)),
    Column::new("REMARK", 5, |(key, _), _| or_dash(key.remark.as_deref()).to_string()),
    Column::new("ADVICE", 4, |(key, _): &(Key, Used), _| key.advice.as_str().to_string()).words(),
    Column::new("FIRST USE", 3, |(_, used), view| time(used.first, view.zone)),
    Column::new("LAST USE", 2, |(_, used), view| time(used.last, view.zone)),
];

/// A source of places, and what it says of one address.
type Said = (String, Option<String>);

const PLACE_COLUMNS: [Column<Said>; 2] = [
    Column::new("SOURCE", 0, |(source, _): &Said, view| told(view.lang, source)),
    Column::new("REGION", 1, |(_, region): &Said, _| or_dash(region.as_deref()).to_string()),
];

fn write_detail(
    address: &Address,
    places: &[Said],
    detail: &AddressDetail,
    view: View,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_addresses(std::slice::from_ref(address), view, out)?;
    heading("Places", places.len(), view, out)?;
    listing::write(&PLACE_COLUMNS.iter().collect::<Vec<_>>(), places, view, out)?;
    heading("Keys", detail.keys.len(), view, out)?;
    if !detail.keys.is_empty() {
        listing::write(&KEY_COLUMNS.iter().collect::<Vec<_>>(), &detail.keys, view, out)?;
    }
    heading("APIs", detail.apis.len(), view, out)?;
    if !detail.apis.is_empty() {
        write_apis(&detail.apis, view, out)?;
    }
    heading("Alarms", detail.alarms.len(), view, out)?;
    if !detail.alarms.is_empty() {
        table::alarm_table(&detail.alarms, view, out)?;
    }
    Ok(())
}
