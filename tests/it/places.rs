//! Where addresses are, as every command shows it: the log first, then the user's databases, then the built-in table.

use crate::support::{Folder, akguard, read_lines, run};
use serde_json::{Value, json};

const BUILTIN: &str = "built-in table, DB-IP Lite";

/// One alarm with calls from four addresses: one that the log places, one that the CSV places, one that only the
/// built-in table does, and one of a private network.
struct World {
    folder: Folder,
    log: String,
    csv: String,
    alarm: String,
}

const KEY: &str = "AKIDEXAMPLEone0000000000000000000000";

impl World {
    fn new() -> Self {
        let folder = Folder::new();
        let row = |place: i64, ip: &str, location: Value| {
            let event = json!({
                "eventTime": 1_772_380_800 + place, "requestID": format!("r-{place}"), "eventName": "DeleteUser",
                "resourceType": "cam", "eventType": "ApiCall", "sourceIPAddress": ip,
                "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
                    "userName": "alice", "secretId": KEY},
            });
            json!({"EventName": "DeleteUser", "Location": location, "CloudAuditEvent": event.to_string()}).to_string()
        };
        let rows = [
            row(1, "8.8.8.8", json!("told by the log")),
            row(2, "8.8.4.4", Value::Null),
            row(3, "192.30.252.44", Value::Null),
            row(4, "10.0.0.1", Value::Null),
        ];
        let log = folder.file("log.ndjson", rows.join("\n") + "\n");
        let csv = folder.file("mine.csv", "8.8.0.0/16,JP,\n10.0.0.0/8,JP,\n");
        let [log, csv] = [log, csv].map(|path| path.to_string_lossy().into_owned());
        let mut world = Self { folder, log, csv, alarm: String::new() };
        akguard(&world.db(), &["scan", &world.log, "--quiet"]);
        let alarms =
            read_lines(&akguard(&world.db(), &["alarms", "--rule", "non-console-high-risk-api", "--format", "jsonl"]));
        world.alarm = alarms[0]["id"].as_str().expect("an id").to_string();
        world
    }

    fn db(&self) -> std::path::PathBuf {
        self.folder.path("a.db")
    }
}

/// Address, region and source of records or addresses, in the order of addresses.
fn told(list: &Value, ip: &str) -> Vec<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap_or("null").to_string();
    let of = |one: &Value| [ip, "region", "region_source"].map(|name| text(&one[name]));
    let mut told: Vec<_> = list.as_array().expect("a list").iter().map(of).collect();
    told.sort_unstable();
    told
}

#[test]
fn the_log_is_believed_first_then_the_users_database_then_the_table_inside() {
    let world = World::new();
    let db = world.db();
    let check = |list: &Value, ip: &str, what: &str, of_csv: [&str; 2]| {
        let told = told(list, ip);
        let told: Vec<[&str; 3]> = told.iter().map(|one| one.each_ref().map(String::as_str)).collect();
        assert_eq!(told.len(), 4, "{what}: {told:?}");
        assert_eq!(told[0], ["10.0.0.1", "null", "null"], "{what}: private addresses are nowhere");
        assert!(told[1][1] == "United States" && told[1][2].starts_with(BUILTIN), "{what}: {:?}", told[1]);
        assert!(told[2][1] == of_csv[0] && told[2][2].starts_with(of_csv[1]), "{what}: {:?}", told[2]);
        assert_eq!(told[3], ["8.8.8.8", "told by the log", "log"], "{what}");
    };
    for (geo, of_csv) in
        [(vec!["--geo", world.csv.as_str()], ["Japan", "mine.csv"]), (vec![], ["United States", BUILTIN])]
    {
        let all = |args: &[&str]| {
            read_lines(&akguard(&db, &[args, &geo, &["--format", "jsonl"], &["--lang", "zh"]].concat()))
        };
        let find = |alarms: Vec<Value>| {
            alarms.into_iter().find(|alarm| alarm["id"] == world.alarm.as_str()).expect("the alarm")["records"].take()
        };
        check(&find(all(&["alarms"])), "source_ip", "alarms", of_csv);
        check(&find(all(&["scan", &world.log, "--no-db", "--quiet"])), "source_ip", "scan without database", of_csv);
        check(&find(all(&["scan", &world.log, "--rescan", "--quiet"])), "source_ip", "scan", of_csv);
        check(&all(&["show", &world.alarm])[0]["records"], "source_ip", "show", of_csv);
        check(&Value::Array(all(&["calls", &world.alarm])), "source_ip", "calls", of_csv);
        check(&all(&["ak", "show", KEY])[0]["ips"], "ip", "ak show", of_csv);
        check(&Value::Array(all(&["ip", "list"])), "ip", "ip list", of_csv);
    }
}

#[test]
fn the_other_formats_show_the_same_places() {
    let world = World::new();
    let db = world.db();
    let geo = ["--geo", world.csv.as_str()];
    let with = |args: &[&str]| akguard(&db, &[args, &geo[..]].concat());
    let csv = with(&["calls", &world.alarm, "--format", "csv", "--columns", "source-ip,region,region-source"]);
    assert!(csv.contains("8.8.4.4,Japan,mine.csv\n") && csv.contains("8.8.8.8,told by the log,log\n"), "{csv}");
    assert!(csv.contains("10.0.0.1,,\n") && csv.contains("192.30.252.44,United States,\"built-in table"), "{csv}");
    let csc: Value = serde_json::from_str(&with(&["calls", &world.alarm, "--format", "csc-json"])).expect("JSON");
    let regions: Vec<&Value> = csc["Data"].as_array().expect("records").iter().map(|one| &one["Region"]).collect();
    assert_eq!(json!(regions), json!(["told by the log", "Japan", "United States", null]));
    let finding: Value = serde_json::from_str(&with(&["show", &world.alarm, "--format", "ocsf"])).expect("one finding");
    let places = finding["evidences"].as_array().expect("evidences").iter();
    let places: Vec<Value> = places.map(|one| one["src_endpoint"]["location"].clone()).collect();
    assert_eq!(places[0], json!({"desc": "told by the log", "provider": "log"}));
    assert_eq!(places[1], json!({"desc": "Japan", "provider": "mine.csv"}));
    assert_eq!(places[3], Value::Null);
    let all = read_lines(&akguard(&db, &["alarms", "--format", "ocsf", geo[0], geo[1]]));
    let listed = all.iter().find(|one| one["finding_info"]["uid"] == world.alarm.as_str()).expect("the alarm");
    assert_eq!(listed["evidences"], finding["evidences"]);
}

#[test]
fn tables_show_places_in_the_language_of_the_reader() {
    let world = World::new();
    let db = world.db();
    let with = |args: &[&str]| akguard(&db, &[args, &["--geo", &world.csv]].concat());
    for args in [&["show", &world.alarm][..], &["calls", &world.alarm], &["ak", "show", KEY]] {
        let (english, chinese) = (with(args), with(&[args, &["--lang", "zh"]].concat()));
        assert!(english.contains("Japan") && english.contains("United States"), "{english}");
        assert!(
            chinese.contains("日本") && chinese.contains("美国") && chinese.contains("told by the log"),
            "{chinese}"
        );
    }
    let details = with(&["scan", &world.log, "--no-db", "--quiet", "--details"]);
    assert!(details.contains("8.8.4.4 (outside, Japan)") && details.contains("10.0.0.1 (lan)"), "{details}");
}

#[test]
fn lists_of_alarms_show_the_place_of_the_newest_address_when_it_is_wanted() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    akguard(&db, &["scan", "fixtures/demo/logs", "--quiet"]);
    let csv = folder.file("mine.csv", "192.30.252.0/22,JP,\n");
    let geo = ["--geo", &csv.to_string_lossy()];
    let leaks = ["alarms", "--rule", "github-key-confirmation"];
    let plain = akguard(&db, &leaks);
    assert!(plain.contains("192.30.252.44") && !plain.contains("REGION"), "{plain}");
    let given = akguard(&db, &[&leaks[..], &geo].concat());
    assert!(given.contains("REGION") && given.contains("Japan"), "{given}");
    let scanned = akguard(&db, &[&["scan", "fixtures/demo/logs", "--no-db", "--quiet"][..], &geo].concat());
    assert!(scanned.contains("REGION") && scanned.contains("Japan"), "{scanned}");
    for more in [&["--columns", "from,region"][..], &["--wide"]] {
        let shown = akguard(&db, &[&leaks[..], more].concat());
        assert!(shown.contains("United States"), "{shown}");
    }
}

#[test]
fn what_databases_say_is_not_kept() {
    let world = World::new();
    let db = world.db();
    akguard(&db, &["scan", &world.log, "--rescan", "--quiet", "--geo", &world.csv]);
    akguard(&db, &["alarms", "--geo", &world.csv, "--format", "json"]);
    let places = akguard(&db, &["ip", "show", "8.8.4.4"]);
    assert!(places.contains("United States") && !places.contains("Japan"), "{places}");
    for name in ["a.db", "a.db-wal"] {
        let bytes = std::fs::read(world.folder.path(name)).unwrap_or_default();
        let held = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!held("Japan") && !held("United States"), "{name}");
    }
}

#[test]
fn a_broken_database_of_places_is_told_before_anything_is_done() {
    let world = World::new();
    let broken = world.folder.file("broken.csv", "no ranges here\nnor here\n");
    let broken = broken.to_string_lossy();
    let other = world.folder.path("other.db");
    for args in [
        &["alarms", "--new"][..],
        &["show", &world.alarm],
        &["calls", &world.alarm],
        &["ak", "show", KEY],
        &["scan", &world.log, "--db", &other.to_string_lossy()],
    ] {
        let output = run(&world.db(), &[args, &["--geo", &broken]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains("broken.csv"), "{args:?}: {error}");
        assert!(error.contains("taken are MaxMind .mmdb") && output.stdout.is_empty(), "{args:?}: {error}");
    }
    assert!(!other.exists(), "the scan has not begun");
    let unseen = akguard(&world.db(), &["alarms", "--new", "--format", "csv"]);
    assert!(unseen.contains(&world.alarm), "nothing was marked as shown");
    let gone = run(&world.db(), &["alarms", "--geo", "not-there.mmdb"]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("not-there.mmdb"), "{gone:?}");
}
