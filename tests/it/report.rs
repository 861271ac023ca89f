//! Reports hold what the lists hold: the same demo, read through other commands.

use crate::support::{Folder, akguard};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn json(db: &Path, args: &[&str]) -> Value {
    let args = [args, &["--format", "json"]].concat();
    serde_json::from_str(&akguard(db, &args)).expect("JSON")
}

/// A database with the demo in it.
fn demo(folder: &Folder) -> std::path::PathBuf {
    let db = folder.path("demo.db");
    akguard(&db, &["scan", "fixtures/demo/logs", "--assets", "fixtures/demo/assets.csv", "--quiet"]);
    db
}

fn list<'v>(value: &'v Value, name: &str) -> &'v Vec<Value> {
    value[name].as_array().expect(name)
}

#[test]
fn a_report_has_the_alarms_keys_and_addresses_of_the_lists() {
    let folder = Folder::new();
    let db = demo(&folder);
    let (report, alarms) = (json(&db, &["report"]), json(&db, &["alarms"]));
    let ids = |value: &Value| list(value, "alarms").iter().map(|alarm| alarm["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&report), ids(&alarms));
    for (one, other) in list(&report, "alarms").iter().zip(list(&alarms, "alarms")) {
        for (name, path) in [("level", "/level"), ("why", "/why"), ("success", "/calls/success"), ("ak", "/ak_masked")]
        {
            assert_eq!(&one[name], other.pointer(path).expect(path), "{name} of {}", one["id"]);
        }
        assert_eq!(one["records_total"], list(other, "records").len());
        let newest_first: Vec<&Value> =
            list(other, "records").iter().rev().map(|record| &record["last_call"]).collect();
        assert_eq!(list(one, "records").iter().map(|record| &record["last_call"]).collect::<Vec<_>>(), newest_first);
    }
    let number = |value: &Value| value.as_u64().expect("a number");
    for (level, figure) in report["headline"]["levels"].as_object().expect("levels") {
        let counted = list(&alarms, "alarms").iter().filter(|alarm| alarm["level"] == *level).count() as u64;
        assert_eq!((number(&figure["now"]), &figure["before"]), (counted, &Value::Null), "{level}");
        let by_day: u64 = list(&report, "days").iter().map(|day| number(&day["levels"][level])).sum();
        assert_eq!(by_day, counted, "{level}");
    }
    let calls: u64 = list(&alarms, "alarms").iter().map(|alarm| number(&alarm["calls"]["total"])).sum();
    assert_eq!(number(&report["headline"]["calls"]["now"]), calls);
    let hours: u64 = list(&report, "hours").iter().flat_map(|day| day.as_array().expect("hours")).map(number).sum();
    assert_eq!(hours, calls, "of a small log every call is kept");
    let same = |field: &str, args: &[&str], own: &str, other: &str| {
        let of = |value: &Value, list_name: &str, name: &str| {
            list(value, list_name).iter().map(|one| one[name].to_string()).collect::<BTreeSet<_>>()
        };
        assert_eq!(of(&report, field, own), of(&json(&db, args), field, other), "{field}");
    };
    same("keys", &["ak", "list"], "ak", "ak_masked");
    same("ips", &["ip", "list"], "ip", "ip");
}

#[test]
fn whole_keys_are_shown_on_demand_only() {
    let folder = Folder::new();
    let db = demo(&folder);
    let alarms = json(&db, &["alarms"]);
    let keys: BTreeSet<&str> =
        list(&alarms, "alarms").iter().filter_map(|alarm| alarm["ak"].as_str()).filter(|ak| *ak != "TEMP_AK").collect();
    assert!(keys.len() > 3);
    let reason = format!("{} is a robot", keys.first().expect("a key"));
    let adding = ["allowlist", "add", "--name", "robot", "--reason", &reason, "--rule", "create-key", "--ak"];
    akguard(&db, &[&adding[..], &[keys.first().expect("a key")]].concat());
    for format in ["json", "html", "md"] {
        let text = akguard(&db, &["report", "--format", format]);
        assert!(keys.iter().all(|key| !text.contains(key)), "{format}");
        let text = akguard(&db, &["report", "--format", format, "--full-keys"]);
        // A digest names the worst alarms alone.
        assert!(format == "md" || keys.iter().all(|key| text.contains(key)), "{format}");
    }
}

#[test]
fn a_period_is_compared_with_the_one_before() {
    let folder = Folder::new();
    let db = demo(&folder);
    let count = |since: &str, until: &str| {
        list(&json(&db, &["alarms", "--since", since, "--until", until]), "alarms").len() as u64
    };
    let report = json(&db, &["report", "--since", "2026-03-10", "--until", "2026-03-16"]);
    let sum = |when: &str| -> u64 {
        let levels = report["headline"]["levels"].as_object().expect("levels");
        levels.values().map(|figure| figure[when].as_u64().expect("a number")).sum()
    };
    assert_eq!((sum("now"), sum("before")), (count("2026-03-10", "2026-03-16"), count("2026-03-04", "2026-03-10")));
    assert_eq!(report["period"]["before"], "2026-03-04T00:00:00+08:00");
    assert_eq!(list(&report, "days").len(), 6);
    assert!(report["headline"]["ips"]["before"].as_u64() > Some(0));
}

#[test]
fn logs_are_reported_on_without_a_database_and_say_what_could_not_be_read() {
    let folder = Folder::new();
    let db = folder.path("none.db");
    let args = [
        "report",
        "--logs",
        "fixtures/demo/logs",
        "--assets",
        "fixtures/demo/assets.csv",
        "--quiet",
        "--format",
        "json",
    ];
    let report: Value = serde_json::from_str(&akguard(&db, &args)).expect("JSON");
    assert!(!db.exists());
    assert_eq!(list(&report, "alarms").len(), list(&json(&demo(&folder), &["alarms"]), "alarms").len());
    let rejects = list(&report["coverage"], "rejects");
    assert!(rejects.len() == 1 && rejects[0]["line"].is_u64(), "{rejects:?}");
    assert!(
        list(&report["coverage"], "inputs").iter().all(|input| input["hash"].as_str().is_some_and(|h| h.len() == 64))
    );
}

/// The exit code, stdout and stderr of a command that may fail.
fn outcome(db: &Path, secret: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    let command = command.env_clear().env("AKGUARD_DB", db).env("AKGUARD_NOTIFY_SECRET", secret).args(args);
    let output = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_mark_calls_nothing_new_twice_and_dry_runs_remember_nothing() {
    let folder = Folder::new();
    let db = demo(&folder);
    let digest = ["report", "--format", "md", "--mark", "ops"];
    let dry = ["notify", "--to", "slack", "--mark", "ops", "--dry-run"];
    assert!(akguard(&db, &dry).contains("33 new alarms"));
    assert!(akguard(&db, &digest).contains("**33 new alarms**"));
    assert!(akguard(&db, &digest).contains("Nothing new"));
    assert!(akguard(&db, &dry).contains("Nothing new"));
    assert!(akguard(&db, &["report", "--format", "md", "--mark", "other"]).contains("**33 new alarms**"));
}

#[test]
fn messages_are_json_and_signed_where_the_chat_asks() {
    let folder = Folder::new();
    let db = demo(&folder);
    for chat in ["wecom", "dingtalk", "feishu", "slack"] {
        let (code, body, err) = outcome(&db, "s3cret", &["notify", "--to", chat, "--print", "--since", "2026-03-01"]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{chat}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert!(body.is_object() && !body.to_string().contains("s3cret"), "{chat}");
        assert_eq!(body["sign"].is_string(), chat == "feishu", "{chat}");
        let (_, query, _) = outcome(&db, "s3cret", &["notify", "--to", chat, "--print-query"]);
        assert_eq!(query.starts_with("&timestamp=") && query.contains("&sign="), chat == "dingtalk", "{chat}: {query}");
    }
    let (_, query, _) = outcome(&db, "", &["notify", "--to", "dingtalk", "--print-query"]);
    assert_eq!(query, "\n");
}

#[test]
fn the_ending_of_the_file_tells_the_format_and_mistakes_are_told() {
    let folder = Folder::new();
    let db = demo(&folder);
    let write = |name: &str| {
        let path = folder.path(name);
        akguard(&db, &["report", "--output", &path.to_string_lossy()]);
        std::fs::read(path).expect("the report")
    };
    assert!(write("a.html").starts_with(b"<!DOCTYPE html>"));
    assert!(write("a.xlsx").starts_with(b"PK"));
    assert!(write("a.json").starts_with(b"{"));
    assert!(write("a.md").starts_with(b"**akguard"));
    let fails = |args: &[&str], code: i32, what: &str| {
        let (found, _, err) = outcome(&db, "", args);
        assert!(found == Some(code) && err.contains(what), "{args:?}: {found:?} {err}");
    };
    fails(&["report", "--output", "a.docx"], 2, "html, md, xlsx or json");
    fails(&["report", "--since", "2026-03-02", "--until", "2026-03-01"], 2, "--since is not before --until");
    fails(&["report", "--mark", " "], 2, "--mark needs a name");
    fails(&["report", "--geo", "README.md"], 1, "taken are MaxMind .mmdb");
    let template = folder.file("t.txt", "{% for alarm in alarms %}{{ alarm.levle }}{% endfor %}");
    fails(&["report", "--template", &template.to_string_lossy()], 1, "t.txt, line 1");
    let template = folder.file("u.txt", "{{ alarms|length }} of {{ zone }}");
    assert_eq!(akguard(&db, &["report", "--template", &template.to_string_lossy()]), "33 of Asia/Shanghai");
}

#[test]
fn reports_speak_chinese() {
    let folder = Folder::new();
    let db = demo(&folder);
    let page = akguard(&db, &["report", "--format", "html", "--lang", "zh"]);
    assert!(page.contains("<html lang=\"zh") && page.contains("黑客工具检测") && page.contains("美国"));
    assert!(!akguard(&db, &["report", "--format", "html"]).contains("黑客"));
}

#[test]
fn every_source_of_a_place_is_told() {
    let folder = Folder::new();
    let db = demo(&folder);
    let address = json(&db, &["ip", "show", "192.30.252.44", "--geo", "fixtures/geo/city.mmdb"]);
    assert_eq!(address["region"], "United States");
    assert!(address["region_source"].as_str().is_some_and(|source| source.starts_with("built-in table")));
    let sources: Vec<&Value> = list(&address, "places").iter().map(|place| &place["source"]).collect();
    assert_eq!((sources.len(), sources[0], sources[1]), (3, &Value::from("log"), &Value::from("city.mmdb")));
    assert!(akguard(&db, &["ip", "show", "192.30.252.44", "--lang", "zh"]).contains("美国"));
}

#[test]
fn ids_of_keys_are_masked_in_every_text() {
    let folder = Folder::new();
    let key = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
    let event = serde_json::json!({
        "eventTime": 1_772_380_800, "requestID": "r-1", "eventName": "DeleteUser", "resourceType": "cam",
        "eventType": "ApiCall", "sourceIPAddress": "192.0.2.1", "userAgent": format!("tool/{key}"),
        "requestParameters": serde_json::json!({"Name": key}).to_string(), "errorCode": key,
        "resources": format!("qcs::cam::uin/1:key/{key}"),
        "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
            "userName": key, "secretId": key},
    });
    let log = folder.file("log.json", event.to_string());
    let log = log.to_string_lossy();
    for format in ["json", "html", "md"] {
        let args = ["report", "--logs", &log, "--quiet", "--format", format];
        let text = akguard(&folder.path("none.db"), &args);
        assert!(text.contains("AKIDz8***") && !text.contains(&key[..20]), "{format}: {text}");
    }
}

#[test]
fn keys_and_addresses_count_the_alarms_of_the_period() {
    let folder = Folder::new();
    let db = demo(&folder);
    let report = json(&db, &["report", "--since", "2026-03-10", "--until", "2026-03-12"]);
    let counted = |name: &str| -> u64 {
        let levels = list(&report, name).iter().filter_map(|one| one["alarms"].as_object());
        levels.flat_map(|levels| levels.values().filter_map(Value::as_u64)).sum()
    };
    assert_eq!(counted("keys"), list(&report, "alarms").len() as u64);
    assert!(counted("ips") >= counted("keys"));
}

/// A log with one event that fires and records that cannot be read: no JSON, and a time that is none.
fn damaged(name: &str, day: &str) -> String {
    let event = |time: &str, id: &str| {
        format!(
            r#"{{"eventName":"DeleteUser","eventTime":"{time}","resourceType":"cam","requestID":"{id}","sourceIPAddress":"192.0.2.1","userIdentity":{{"type":"CAMUser","userName":"{name}","secretId":"AKIDEXAMPLEone0000000000000000000000","accountId":"100000000001","principalId":"100000000002"}},"eventSource":"cam.tencentcloudapi.com","errorCode":"0"}}"#
        )
    };
    let mut lines = vec![event(&format!("{day}T01:00:00Z"), &format!("r-{name}"))];
    lines.extend((0..30).map(|n| event("soon", &format!("bad-{name}-{n}"))));
    lines.push("{\"eventName\": ".to_string());
    lines.join("\n")
}

#[test]
fn records_that_could_not_be_read_are_kept_and_named_and_told_once() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    folder.file("one.json", damaged("alice", "2026-03-01"));
    let one = folder.path("one.json").display().to_string();
    let scan = |path: &str| akguard(&db, &["scan", path, "--quiet"]);
    scan(&one);
    let coverage = |args: &[&str]| json(&db, &[&["report"], args].concat())["coverage"].clone();
    let of_report = coverage(&[]);
    let rejects = list(&of_report, "rejects");
    assert_eq!(rejects.len(), 20, "a sample of the 31");
    assert_eq!((&rejects[0]["line"], &rejects[0]["record"]), (&2.into(), &2.into()));
    assert!(rejects.iter().all(|reject| reject["file"] == one.as_str()), "{rejects:?}");
    assert_eq!(rejects[0]["reason"], "time is not a date");
    assert_eq!(of_report["new_rejected"], 31);
    akguard(&db, &["scan", &one, "--quiet", "--rescan"]);
    assert_eq!(list(&coverage(&[]), "rejects").len(), 20, "read again, and not kept twice");
    let info = json(&db, &["db", "info"]);
    assert_eq!((list(&info, "rejects").len(), &info["rejects"][0]["line"]), (10, &2.into()));
    let said = akguard(&db, &["db", "info"]);
    assert!(said.contains("one.json:2: time is not a date"), "{said}");

    let digest = || akguard(&db, &["report", "--mark", "ops"]);
    assert!(digest().contains("31 records could not be read"), "{}", digest());
    assert!(!digest().contains("could not be read"), "the mark was told before");
    folder.file("two.json", damaged("bob", "2026-03-02"));
    scan(&folder.path("two.json").display().to_string());
    let fresh = coverage(&["--mark", "ops"]);
    assert_eq!((&fresh["new_rejected"], list(&fresh, "rejects").len()), (&31.into(), 20));
    assert!(
        list(&fresh, "rejects").iter().all(|one| one["file"].as_str().is_some_and(|name| name.ends_with("two.json")))
    );
    assert!(akguard(&db, &["report"]).contains("62 records could not be read"), "without a mark, all of the period");

    folder.file("one.json", "no log at all");
    let command =
        Command::new(env!("CARGO_BIN_EXE_akguard")).env_clear().env("AKGUARD_DB", &db).args(["scan", &one]).output();
    assert_eq!(command.expect("the program runs").status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_counts_once_however_often_it_is_scanned() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    let text = damaged("alice", "2026-03-01");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, "inner.json", text.as_bytes()).expect("a member");
    let archive = folder.file("logs.tar", archive.into_inner().expect("an archive")).display().to_string();
    let foreign = folder.file("notes.txt", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3 and its secret").display().to_string();
    let digest = || akguard(&db, &["report", "--mark", "ops"]);
    for scan in 0..3 {
        akguard(&db, &["scan", &archive, &foreign, "--quiet", "--rescan"]);
        let coverage = json(&db, &["report"])["coverage"].clone();
        assert_eq!((&coverage["new_rejected"], &coverage["new_rejected_files"]), (&31.into(), &1.into()));
        let rejects = list(&coverage, "rejects");
        assert_eq!(rejects.len(), 21, "{rejects:?}");
        assert!(rejects.iter().all(|one| one["file"] != archive.as_str()), "members are named, not the archive");
        let told = digest();
        let both = told.contains("31 records could not be read") && told.contains("1 file was rejected");
        assert_eq!(both, scan == 0, "{told}");
        let info = json(&db, &["db", "info"]);
        assert_eq!((&info["rejected"], &info["rejected_files"]), (&31.into(), &1.into()));
        assert!(!info.to_string().contains("its secret"), "nothing of a foreign file is kept: {info}");
    }
    assert!(akguard(&db, &["db", "info"]).contains("1 file, 31 records"));
    akguard(&db, &["db", "prune", "--before", "0d"]);
    assert_eq!(json(&db, &["db", "info"])["rejected"], 31, "of this very day");
}

#[test]
fn days_without_events_are_counted_past_those_that_are_named() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    for (name, day) in [("alice", "2025-01-01"), ("bob", "2025-12-31")] {
        folder.file("log.json", damaged(name, day));
        akguard(&db, &["scan", &folder.path("log.json").display().to_string(), "--quiet"]);
    }
    let report = json(&db, &["report"]);
    let coverage = &report["coverage"];
    assert_eq!((list(coverage, "silent_days").len(), &coverage["silent_days_total"]), (100, &363.into()));
    assert!(akguard(&db, &["report"]).contains("363 days without events"), "{}", akguard(&db, &["report"]));
    let page = akguard(&db, &["report", "--format", "html"]);
    assert!(page.contains("and 263 more days"), "the page names a hundred");
}
