//! `akguard ak`: the keys that were seen.

use super::columns::ColumnArgs;
use super::error::Usage;
use super::exit;
use super::geo::GeoArgs;
use super::lookup::LookupArgs;
use crate::catalog::edit::nearest;
use crate::detect::Level;
use crate::event::id::mask_key;
use crate::event::words::TEMP_AK;
use crate::lang::text;
use crate::report::json::alarm_json;
use crate::report::listing::{self, Column, Paint, write_object};
use crate::report::text::{grouped, or_dash, rfc3339, time};
use crate::report::{Format, View, csc, formats, table};
use crate::store::inventory::stored;
use crate::store::usage::{Address, Advice, ApiUse, ByLevel, Key, KeyDetail, Used, key_detail, keys};
use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::io::{self, Write};
use std::path::Path;

/// List the keys seen in the logs, or show one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard ak list --advice process_now\n  akguard ak show AKIDEXAMPLEalice00000000000000000000\n  akguard ak show TEMP_AK --user ops"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List keys with their use, alarms, risks and advice
    ///
    /// Advice is process_now when an unprocessed alarm is critical or high or tells of a leak; harden when there are
    /// other unprocessed alarms or any risk; else normal. Risks are root_key (the main account's own key), leaked and
    /// dormant (there is such an alarm), outside_addresses (used from outside the account) and denied_calls. Alarms
    /// on the allowlist (invalid) do not count.
    #[command(
        after_help = "Examples:\n  akguard ak list --advice process_now\n  akguard ak list --sort ips --limit 20 --format csv\n  akguard ak list --columns key,user,remark,last-use"
    )]
    List(ListArgs),
    /// Show a key: where it was used, what it called, its alarms
    #[command(
        after_help = "Examples:\n  akguard ak show AKIDEXAMPLEalice00000000000000000000\n  akguard ak show TEMP_AK --user ops --format json"
    )]
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// In this main account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Of this identity: root, sub-account or temporary
    #[arg(long, value_name = "IDENTITY", value_parser = ["root", "sub-account", "sub_account", "temporary"], hide_possible_values = true)]
    identity: Option<String>,
    /// With this advice
    #[arg(long, value_name = "ADVICE", value_delimiter = ',')]
    advice: Vec<AdviceArg>,
    /// Order: last (use, newest first), first (oldest first), alarms (worst first), ips (most first)
    #[arg(long, value_name = "ORDER", default_value = "last")]
    sort: SortArg,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    lookup: LookupArgs,
    /// Output format
    #[arg(long, value_name = "F", default_value = "table", value_parser = formats(&[Format::CscJson]))]
    format: Format,
    #[command(flatten)]
    columns: ColumnArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AdviceArg {
    Normal,
    Harden,
    #[value(name = "process_now", alias = "process-now")]
    ProcessNow,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SortArg {
    Last,
    First,
    Alarms,
    Ips,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The key's id, in full or as lists show it, or TEMP_AK
    #[arg(value_name = "AK")]
    ak: String,
    /// For TEMP_AK, the user or role
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The main account, when several have such a key
    #[arg(long, value_name = "ID")]
    account: Option<String>,
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
    let mut found = keys(&lookup.db, lookup.now)?;
    let identity = args.identity.as_ref().map(|identity| identity.replace('-', "_"));
    found.retain(|key| {
        args.account.as_ref().is_none_or(|account| key.account.as_ref() == Some(account))
            && identity.as_ref().is_none_or(|identity| key.identity.as_str() == identity)
            && (args.advice.is_empty() || args.advice.iter().any(|advice| advice.fits(key.advice)))
    });
    put_in_order(&mut found, args.sort);
    found.truncate(args.limit.unwrap_or(usize::MAX));
    if lookup.format == Format::CscJson {
        let inventory = stored(&lookup.db)?;
        let data: Vec<Value> = found.iter().map(|key| csc::key(key, &inventory)).collect();
        return lookup.write(|out| write_object(&csc::reply(&data, found.len() as u64), out));
    }
    let view = args.columns.view(lookup.view);
    let columns = if lookup.format == Format::Table { args.columns.pick(&COLUMNS, |_| true)? } else { Vec::new() };
    let objects = || found.iter().map(|key| key_json(key, view)).collect();
    lookup.write_list("keys", &KEY_FIELDS, &args.columns, objects, |out| match found.as_slice() {
        [] => writeln!(out, "{}", text(lookup.view.lang, "scan", "no_keys")),
        found => listing::write(&columns, found, view, out),
    })
}

impl AdviceArg {
    fn fits(self, advice: Advice) -> bool {
        match self {
            Self::Normal => advice == Advice::Normal,
            Self::Harden => advice == Advice::Harden,
            Self::ProcessNow => advice == Advice::ProcessNow,
        }
    }
}

fn put_in_order(keys: &mut [Key], sort: SortArg) {
    let name = |key: &Key| (key.ak.clone(), key.user.clone(), key.account.clone(), key.role);
    match sort {
        SortArg::Last => keys.sort_by_cached_key(|key| (Reverse(key.last), name(key))),
        SortArg::First => keys.sort_by_cached_key(|key| (key.first.is_none(), key.first, name(key))),
        SortArg::Alarms => keys.sort_by_cached_key(|key| (Reverse(key.alarms), name(key))),
        SortArg::Ips => keys.sort_by_cached_key(|key| (Reverse(key.ips), name(key))),
    }
}

static COLUMNS: [Column<Key>; 12] = [
    Column::new("ADVICE", 1, |key: &Key, _| key.advice.as_str().to_string()).words().painted(|key| match key.advice {
        Advice::ProcessNow => Paint::Urgent,
        Advice::Harden => Paint::Doubtful,
        Advice::Normal => Paint::Plain,
    }),
    Column::new("KEY", 0, |key, _| key.ak_masked()),
    Column::new("USER", 2, |key, view| view.shortened(or_dash(key.user.as_deref()), 20)),
    Column::new("REMARK", 7, |key, _| or_dash(key.remark.as_deref()).to_string()),
    Column::new("IDENTITY", 6, |key: &Key, _| key.identity.as_str().to_string()).words(),
    Column::new("ACCOUNT", 10, |key, _| or_dash(key.account.as_deref()).to_string()),
    Column::new("FIRST USE", 11, |key, view| moment(key.first, view)),
    Column::new("LAST USE", 3, |key, view| moment(key.last, view)),
    Column::new("IPS", 8, |key: &Key, _| grouped(key.ips)).right(),
    Column::new("APIS", 9, |key: &Key, _| grouped(key.apis)).right(),
    Column::new("ALARMS", 4, |key, view| levels(&key.alarms, view)),
    Column::new("RISKS", 5, |key, view| {
        let risks: Vec<&str> = key.risks.iter().map(|risk| view.lang.word(risk.as_str())).collect();
        or_dash(Some(&risks.join(text(view.lang, "counts", "list")))).to_string()
    }),
];

/// Writes keys as a table.
pub(super) fn write_keys(keys: &[Key], view: View, out: &mut dyn Write) -> io::Result<()> {
    listing::write(&COLUMNS.iter().collect::<Vec<_>>(), keys, view, out)
}

/// A time in a table.
pub(super) fn moment(ms: Option<i64>, view: View) -> String {
    ms.map_or("-".to_string(), |ms| time(ms, view.zone))
}

/// "1 critical, 2 high".
pub(super) fn levels(counts: &ByLevel, view: View) -> String {
    or_dash(Some(&table::by_level(counts, view.lang))).to_string()
}

/// Alarms by level as JSON.
pub(super) fn levels_json(counts: &ByLevel) -> Value {
    Level::ALL.iter().zip(counts).map(|(level, count)| (level.as_str().to_string(), json!(count))).collect()
}

/// Fields of a key in CSV.
const KEY_FIELDS: [&str; 22] = [
    "ak",
    "ak_masked",
    "remark",
    "account",
    "identity",
    "user",
    "first_use",
    "last_use",
    "ips",
    "outside_ips",
    "services",
    "apis",
    "alarms.critical",
    "alarms.high",
    "alarms.medium",
    "alarms.low",
    "alarms.note",
    "alarms.invalid",
    "unprocessed",
    "risks",
    "advice",
    "owner",
];

/// A key as JSON.
pub(super) fn key_json(key: &Key, view: View) -> Value {
    let owner = (key.ak == TEMP_AK).then_some(if key.role { "role" } else { "user" });
    json!({
        "ak": key.ak,
        "ak_masked": key.ak_masked(),
        "remark": key.remark,
        "account": key.account,
        "identity": key.identity.as_str(),
        "user": key.user,
        "owner": owner,
        "first_use": key.first.map(|ms| rfc3339(ms, view.zone)),
        "last_use": key.last.map(|ms| rfc3339(ms, view.zone)),
        "ips": key.ips,
        "outside_ips": key.outside_ips,
        "services": key.services,
        "apis": key.apis,
        "alarms": levels_json(&key.alarms),
        "unprocessed": key.unprocessed,
        "risks": key.risks.iter().map(|risk| risk.as_str()).collect::<Vec<_>>(),
        "advice": key.advice.as_str(),
    })
}

fn show(args: &ShowArgs, config: Option<&Path>) -> Result<()> {
    let lookup = args.lookup.open(args.format, config)?;
    let all = keys(&lookup.db, lookup.now)?;
    let key = find(args, &all)?;
    let mut places = args.geo.places(lookup.format)?;
    if lookup.format == Format::CscJson {
        let data = [csc::key(key, &stored(&lookup.db)?)];
        return lookup.write(|out| write_object(&csc::reply(&data, 1), out));
    }
    let mut detail = key_detail(&lookup.db, key, lookup.now)?;
    for (address, _) in &mut detail.ips {
        places.fill(address);
    }
    let view = lookup.view;
    let object = || {
        let mut object = key_json(key, view);
        object["ips"] = detail.ips.iter().map(|(ip, used)| address_use_json(ip, *used, view)).collect();
        object["apis"] = apis_json(&detail.apis, view);
        object["alarms"] = detail.alarms.iter().map(|alarm| short_alarm(alarm_json(alarm, view))).collect();
        object["version"] = json!(1);
        object
    };
    lookup.write_one(&KEY_FIELDS, || key_json(key, view), object, |out| write_detail(key, &detail, view, out))
}

/// An alarm without what `akguard show` is for.
pub(super) fn short_alarm(mut alarm: Value) -> Value {
    if let Value::Object(fields) = &mut alarm {
        fields.shift_remove("records");
        fields.shift_remove("event_ids");
    }
    alarm
}

fn find<'k>(args: &ShowArgs, all: &'k [Key]) -> Result<&'k Key> {
    let named = |key: &&Key| key.ak == args.ak || key.ak_masked() == args.ak;
    let of_ak: Vec<&Key> = all.iter().filter(named).collect();
    if of_ak.is_empty() {
        let nearest = nearest(&args.ak, all.iter().map(|key| key.ak.as_str()));
        let shown = |ak: &str| if ak == TEMP_AK { ak.to_string() } else { mask_key(ak) };
        let hint = match nearest {
            Some(ak) => format!("the nearest is {}", shown(ak)),
            None if all.is_empty() => "no keys are kept yet".to_string(),
            None => "`akguard ak list` has all".to_string(),
        };
        return Err(Usage(format!("there is no such key; {hint}")).into());
    }
    let wanted: Vec<&&Key> = of_ak
        .iter()
        .filter(|key| args.user.is_none() || key.user == args.user)
        .filter(|key| args.account.is_none() || key.account == args.account)
        .collect();
    match wanted.as_slice() {
        [key] => Ok(key),
        found => {
            let among = if found.is_empty() { of_ak.iter().collect() } else { found.to_vec() };
            let mut owners: Vec<String> = among
                .iter()
                .map(|key| format!("{} in {}", or_dash(key.user.as_deref()), or_dash(key.account.as_deref())))
                .collect();
            owners.sort_unstable();
            owners.truncate(10);
            let what = if found.is_empty() { "no such key" } else { "several keys" };
            let owners = owners.join(", ");
            Err(Usage(format!("{what}: choose one with --user and --account, such as {owners}")).into())
        }
    }
}

fn address_use_json(address: &Address, used: Used, view: View) -> Value {
    json!({
        "ip": address.ip,
        "ip_type": address.ip_type,
        "remark": address.remark,
        "region": address.region,
        "region_source": address.region_source,
        "asset_id": address.asset_id,
        "asset_name": address.asset_name,
        "first_use": rfc3339(used.first, view.zone),
        "last_use": rfc3339(used.last, view.zone),
    })
}

/// Calls of APIs as JSON.
pub(super) fn apis_json(apis: &[ApiUse], view: View) -> Value {
    let one = |api: &ApiUse| {
        json!({
            "service": api.service,
            "action": api.action,
            "outcome": api.outcome,
            "first_use": rfc3339(api.used.first, view.zone),
            "last_use": rfc3339(api.used.last, view.zone),
        })
    };
    apis.iter().map(one).collect()
}

const ADDRESS_COLUMNS: [Column<(Address, Used)>; 7] = [
    Column::new("IP", 0, |(address, _), _| or_dash(Some(&address.ip)).to_string()),
    Column::new("TYPE", 1, |(address, _): &(Address, Used), _| address.ip_type.clone()).words(),
    Column::new("REMARK", 4, |(address, _), _| or_dash(address.remark.as_deref()).to_string()),
    Column::new("REGION", 6, |(address, _), view| view.shortened(or_dash(address.region.as_deref()), 20)),
    Column::new("ASSET", 5, |(address, _), view| {
        view.shortened(or_dash(address.asset_name.as_deref().or(address.asset_id.as_deref())), 20)
    }),
    Column::new("FIRST USE", 3, |(_, used), view| time(used.first, view.zone)),
    Column::new("LAST USE", 2, |(_, used), view| time(used.last, view.zone)),
];

const API_COLUMNS: [Column<ApiUse>; 4] = [
    Column::new("API", 0, |api, _| format!("{}:{}", api.service, api.action)),
    Column::new("OUTCOME", 1, |api: &ApiUse, _| or_dash(api.outcome.as_deref()).to_string()).words(),
    Column::new("FIRST USE", 3, |api, view| time(api.used.first, view.zone)),
    Column::new("LAST USE", 2, |api, view| time(api.used.last, view.zone)),
];

/// Writes APIs as a table, with the outcome where it is told apart.
pub(super) fn write_apis(apis: &[ApiUse], view: View, out: &mut dyn Write) -> io::Result<()> {
    let told = apis.iter().any(|api| api.outcome.is_some());
    let columns: Vec<&Column<ApiUse>> = API_COLUMNS.iter().filter(|column| told || column.title != "OUTCOME").collect();
    listing::write(&columns, apis, view, out)
}

fn write_detail(key: &Key, detail: &KeyDetail, view: View, out: &mut dyn Write) -> io::Result<()> {
    write_keys(std::slice::from_ref(key), view, out)?;
    heading("Addresses", detail.ips.len(), view, out)?;
    if !detail.ips.is_empty() {
        listing::write(&ADDRESS_COLUMNS.iter().collect::<Vec<_>>(), &detail.ips, view, out)?;
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

/// Writes what comes next, and how much of it.
pub(super) fn heading(title: &'static str, number: usize, view: View, out: &mut dyn Write) -> io::Result<()> {
    let values = [("name", text(view.lang, "labels", title)), ("n", &grouped(number as u64))];
    writeln!(out, "\n{}", view.lang.fill("counts", "heading", &values))
}
