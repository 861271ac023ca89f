//! Benchmark of the commands that read the database: whole runs of the program over a large one.
//!
//! `cargo bench --bench listings`; see README.md in this folder. The database is made once, straight into the
//! tables: 100,000 alarms, 300,000 call records, a million single calls, 2,000 keys, 20,000 addresses, and five
//! allowlist policies. Each command runs several times; its output must not be empty. Slowness never fails it.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

use akguard::detect::activity::Span;
use akguard::store::Db;
use akguard::store::usage::packed_uses;
use rusqlite::{Transaction, params};
use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wait4::Wait4;

const ALARMS: i64 = 100_000;
const RECORDS_EACH: i64 = 3;
const CALLS: i64 = 1_000_000;
const KEYS: i64 = 2_000;
const IPS: i64 = 20_000;
/// 2026-03-02 00:00:00 +08:00
const START: i64 = 1_772_380_800_000;
const DAY: i64 = 86_400_000;

/// Rules of the alarms made, with their level, in turn.
const RULES: [(&str, i64); 6] = [
    ("non-console-high-risk-api", 4),
    ("unauthorized-service-call", 3),
    ("create-resource-api", 2),
    ("off-hours-sensitive-operation", 3),
    ("cos-browser-call", 2),
    ("privilege-escalation", 4),
];

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let runs: usize = env::var("AKGUARD_BENCH_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let db = data_dir().join("listings-1.db");
    if !db.exists() {
        std::fs::create_dir_all(data_dir())?;
        make(&db)?;
    }
    println!("{:<44} {:>8} {:>8} {:>10} {:>8}", "command", "wall s", "max", "output MB", "peak MB");
    for args in commands() {
        let (walls, bytes, peak) = measure(&db, &args, runs)?;
        let (median, max) = (walls[walls.len() / 2], walls[walls.len() - 1]);
        let name = args.join(" ");
        println!(
            "{name:<44} {:>8.3} {:>8.3} {:>10.1} {:>8.1}",
            median.as_secs_f64(),
            max.as_secs_f64(),
            mega(bytes),
            mega(peak)
        );
    }
    Ok(())
}

fn commands() -> Vec<Vec<&'static str>> {
    let lines = [
        "alarms",
        "alarms --limit 50",
        "alarms --level high",
        "alarms --rule cos-browser-call --status ignored",
        "alarms --ip 198.18.0.7",
        "alarms --sort count --limit 20",
        "alarms --format csv",
        "alarms --format json",
        "show A-0000000000000007",
        "calls A-0000000000000007",
        "calls A-0000000000000007 --record 1",
        "ak list",
        "ak show AKIDEXAMPLE0000000000000000000000007",
        "ip list",
        "ip show 198.18.0.7",
        "allowlist list",
        "diff --since 2026-03-02",
        "db info",
    ];
    lines.iter().map(|line| line.split(' ').collect()).collect()
}

fn data_dir() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_TMPDIR").map(PathBuf::from);
    let target = target.or_else(|| option_env!("CARGO_TARGET_TMPDIR").map(PathBuf::from));
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).join("bench-data")
}

/// Wall times sorted, bytes of output, and the highest peak of memory.
fn measure(db: &Path, args: &[&str], runs: usize) -> Result<(Vec<Duration>, u64, u64), Failure> {
    let (mut walls, mut bytes, mut peak) = (Vec::new(), 0, 0);
    let output = data_dir().join("listings.out");
    for _ in 0..runs.max(1) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
        command.args(args).env_clear().env("AKGUARD_DB", db).stdin(Stdio::null());
        command.stdout(std::fs::File::create(&output)?).stderr(Stdio::null());
        let began = Instant::now();
        let ended = command.spawn()?.wait4()?;
        walls.push(began.elapsed());
        bytes = output.metadata()?.len();
        peak = peak.max(ended.rusage.maxrss);
        if !ended.status.success() || bytes == 0 {
            return Err(format!("{}: {}, {bytes} bytes of output", args.join(" "), ended.status).into());
        }
    }
    walls.sort();
    Ok((walls, bytes, peak))
}

#[expect(clippy::cast_precision_loss, reason = "sizes lie far below 2^52")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn make(path: &Path) -> Result<(), Failure> {
    let half_made = path.with_extension("part");
    let _ = std::fs::remove_file(&half_made);
    let db = Db::open_or_create(&half_made, Duration::from_secs(5))?;
    db.write(|tx| {
        fill(tx)?;
        Ok(())
    })?;
    db.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(db);
    allow(&half_made)?;
    std::fs::rename(&half_made, path)?;
    Ok(())
}

fn ak(number: i64) -> String {
    format!("AKIDEXAMPLE{number:025}")
}

fn ip(number: i64) -> String {
    format!("198.{}.{}.{}", 18 + number / 65_536, number / 256 % 256, number % 256)
}

fn fill(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO scans (command, version, zone, started, finished, context, counts, new_alarms, grown_alarms) VALUES \
         ('akguard scan', '0', 'Asia/Shanghai', ?1, ?1, x'00', ?2, 0, 0)",
        params![START, r#"{"files":{"read":1,"rejected":0,"empty":0,"skipped":0},"events":{"read":1000000,"evaluated":1000000,"duplicates":0,"platform":0,"without_key":0,"outside_range":0,"rejected":0,"fell_back":0},"time_span":null}"#],
    )?;
    fill_alarms(tx)?;
    fill_usage(tx)
}

/// Adds policies as a user would.
fn allow(db: &Path) -> Result<(), Failure> {
    for number in 0..5 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
        command.args(["allowlist", "add", "--ip", &ip(number), "--reason", "benchmark"]);
        let ended = command.env_clear().env("AKGUARD_DB", db).stdout(Stdio::null()).status()?;
        if !ended.success() {
            return Err(format!("allowlist add: {ended}").into());
        }
    }
    Ok(())
}

fn fill_alarms(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut alarm = tx.prepare(
        "INSERT INTO alarms (number, id, rule, type, level, date, account, identity, user, ak, owner, role, first_call, \
         last_call, success, failed, tags, why, event_ids, first_seen, changed, status, sources) VALUES \
         (?1, ?2, ?3, 'abnormal_call', ?4, ?5, '100000000001', 'sub_account', ?6, ?7, '', 0, ?8, ?9, ?10, 0, '[]', \
         'API call, cam:DeleteUser is high-risk (impact)', '[]', ?11, ?11, ?12, ?13)",
    )?;
    let mut record = tx.prepare(
        "INSERT INTO records (number, alarm, source_ip, service, action, api_call, user_type, user, code, ok, calls, \
         first_call, last_call, api_regions, ip_type, policies, clients) VALUES \
         (?1, ?2, ?3, 'cam', ?4, 1, 'sub_account', ?5, '0', 1, ?6, ?7, ?8, '[\"ap-guangzhou\"]', 'outside', '[]', '[\"tccli/3\"]')",
    )?;
    let mut call = tx.prepare("INSERT INTO calls (record, time, event, request_id) VALUES (?1, ?2, ?3, ?4)")?;
    let mut event =
        tx.prepare("INSERT INTO events (event, time, event_id, body, resources) VALUES (?1, ?2, '', ?3, '')")?;
    let body = format!(r#"{{"Name":"user","Padding":"{}"}}"#, "x".repeat(120));
    let (mut calls, mut records) = (0, 0);
    for number in 0..ALARMS {
        let key = number % KEYS;
        let first = START + number % 30 * DAY + number % 3600 * 1000;
        let of_alarm = CALLS / ALARMS;
        let (rule, level) = RULES[usize::try_from(number).unwrap_or_default() % RULES.len()];
        let date = format!("2026-03-{:02}", 2 + number % 29);
        let status = if number % 7 == 0 { "ignored" } else { "unprocessed" };
        let (id, user) = (format!("A-{number:016x}"), format!("user-{key}"));
        let mut ips: Vec<String> = (0..RECORDS_EACH).map(|place| ip((number * 7 + place) % IPS)).collect();
        ips.sort();
        let sources = serde_json::json!({"newest": ips[0], "count": ips.len(), "first": ips}).to_string();
        let last = first + of_alarm * 1000;
        alarm.execute(params![
            number,
            id,
            rule,
            level,
            date,
            user,
            ak(key),
            first,
            last,
            of_alarm,
            START,
            status,
            sources
        ])?;
        for place in 0..RECORDS_EACH {
            let share = if place == 0 { of_alarm - 2 * (of_alarm / 3) } else { of_alarm / 3 };
            let action = format!("DeleteThing{place}");
            let last = first + share * 1000;
            record.execute(params![
                records,
                number,
                ip((number * 7 + place) % IPS),
                action,
                user,
                share,
                first,
                last
            ])?;
            for step in 0..share {
                call.execute(params![records, first + step * 1000, calls, format!("r-{calls}")])?;
                event.execute(params![calls, first + step * 1000, body])?;
                calls += 1;
            }
            records += 1;
        }
    }
    Ok(())
}

fn fill_usage(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut label =
        tx.prepare("INSERT INTO labels (number, account, ak, owner, role) VALUES (?1, '100000000001', ?2, '', 0)")?;
    let mut ak_api = tx.prepare(
        "INSERT INTO ak_api (label, user_type, user, principal, service, action, outcome, first, last) VALUES \
         (?1, 'sub_account', ?2, ?2, 'cam', ?3, 'success', ?4, ?5)",
    )?;
    let mut ak_ip = tx.prepare("INSERT OR IGNORE INTO ak_ip (label, ip, first, last) VALUES (?1, ?2, ?3, ?4)")?;
    let mut ip_uses = tx.prepare("INSERT INTO ip_uses (ip, services, apis, data) VALUES (?1, 1, 10, ?2)")?;
    let uses =
        (0..10).map(|api| (("cam".to_string(), format!("Thing{api}")), Span { first: START, last: START + 30 * DAY }));
    let uses = packed_uses(&uses.collect());
    let mut place = tx.prepare("INSERT INTO ips (ip, ip_type) VALUES (?1, 'outside')")?;
    for key in 0..KEYS {
        label.execute(params![key, ak(key)])?;
        for api in 0..50 {
            ak_api.execute(params![key, format!("user-{key}"), format!("Thing{api}"), START, START + 30 * DAY])?;
        }
        for address in 0..30 {
            ak_ip.execute(params![key, ip((key * 7 + address * 31) % IPS), START, START + 30 * DAY])?;
        }
    }
    for number in 0..IPS {
        place.execute([ip(number)])?;
        ip_uses.execute(params![ip(number), uses])?;
    }
    Ok(())
}
