//! What every output keeps to: no secrets, nothing that acts, quiet ends.

use crate::support::Folder;
use serde_json::{Value, json};
use std::io::Read;
use std::process::{Command, Stdio};

fn akguard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    command.env_clear();
    command
}

fn stdout_of(args: &[&str]) -> String {
    let output = akguard().args(args).output().expect("the program runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn secrets_of_requests_and_sessions_are_in_no_output() {
    let request = json!({
        "Token": "t0psecret-1", "SecretKey": "t0psecret-2", "Password": "t0psecret-3", "Signature": "t0psecret-4",
        "SecretId": "t0psecret-5", "Content": "dDBwc2VjcmV0", "Name": "ci", "UseApi": 1,
    });
    let event = json!({
        "eventTime": 1_772_380_800, "requestID": "r-1", "eventName": "AddUser", "resourceType": "cam",
        "eventType": "ApiCall", "sourceIPAddress": "192.0.2.1", "requestParameters": request.to_string(),
        "responseElements": json!({"Uin": 1, "SecretKey": "t0psecret-6"}).to_string(),
        "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
            "userName": "alice", "secretId": "AKIDEXAMPLEone0000000000000000000000",
            "sessionContext": json!({"token": "t0psecret-7", "expireTime": "2026-03-02 10:00:00"}).to_string()},
    });
    let folder = Folder::new();
    let path = folder.file("log.json", event.to_string());
    let path = path.to_string_lossy();
    for format in ["table", "json", "jsonl", "csv", "csc-json", "ocsf"] {
        let text = stdout_of(&["scan", &path, "--no-db", "--format", format]);
        assert!(text.contains("create-key"), "{format}: {text}");
        assert!(!text.contains("t0psecret") && !text.contains("dDBwc2Vj"), "{format}: {text}");
    }
    let details = stdout_of(&["scan", &path, "--no-db", "--details"]);
    assert!(!details.contains("t0psecret") && !details.contains("dDBwc2Vj"), "{details}");
}

#[test]
fn secrets_are_in_no_database_and_in_no_call_shown() {
    let script = "IyEvYmluL3NoCmV4cG9ydCBEQl9QQVNTV09SRD10MHBzZWNyZXQtOQpjdXJsIC1IICdBdXRob3JpemF0aW9uOiBCZWFyZXIgdDBwc2VjcmV0LTEwYWJjZGVmZ2hpaicgaHR0cDovLzE5Mi4wLjIuMS8K";
    let request = json!({
        "Token": "t0psecret-1", "SecretKey": "t0psecret-2", "LoginSettings": {"Password": "t0psecret-3"},
        "SecretId": "t0psecret-5", "Content": script, "CommandName": "kept",
        "Nested": json!({"Inner": json!({"AdminPassword": "t0psecret-6"}).to_string()}).to_string(),
        "Url": "https://192.0.2.1/x?q-signature=t0psecret-7&name=kept",
    });
    let event = json!({
        "eventTime": 1_772_380_800, "requestID": "r-1", "eventName": "RunCommand", "resourceType": "tat",
        "eventType": "ApiCall", "sourceIPAddress": "192.0.2.1", "requestParameters": request.to_string(),
        "resources": "qcs::tat:ap-guangzhou:uin/1:command/*?token=t0psecret-8",
        "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
            "userName": "alice", "secretId": "AKIDEXAMPLEone0000000000000000000000"},
    });
    let folder = Folder::new();
    let (log, db) = (folder.file("log.json", event.to_string()), folder.path("a.db"));
    let (log, db) = (log.to_string_lossy(), db.to_string_lossy());
    let scanned = stdout_of(&["scan", &log, "--db", &db, "--format", "json"]);
    let scanned = &scanned[scanned.find('{').expect("JSON")..=scanned.rfind('}').expect("JSON")];
    let alarm = serde_json::from_str::<Value>(scanned).expect("JSON")["alarms"][0]["id"].clone();
    let alarm = alarm.as_str().expect("an id");
    for args in [
        &["calls", alarm, "--record", "1"][..],
        &["calls", alarm, "--record", "1", "--format", "json"],
        &["calls", alarm, "--record", "1", "--format", "csc-json"],
        &["show", alarm],
        &["show", alarm, "--format", "ocsf"],
    ] {
        let text = stdout_of(&[args, &["--db", &db]].concat());
        assert!(text.contains(&alarm[..10]) || text.contains("r-1"), "{text}");
        assert!(!text.contains("t0psecret"), "{text}");
    }
    let shown = stdout_of(&["calls", alarm, "--record", "1", "--db", &db]);
    assert!(shown.contains("kept") && shown.contains("export DB_PASSWORD=***"), "{shown}");
    assert_eq!(stdout_of(&["db", "vacuum", "--db", &db]).lines().count(), 1);
    for name in ["a.db", "a.db-wal"] {
        let bytes = std::fs::read(folder.path(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("t0psecret") && !text.contains(&script[..40]), "{name}");
    }
}

#[test]
fn escape_codes_of_logs_reach_no_output() {
    let evil = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}";
    let event = json!({
        "eventTime": 1_772_380_800, "requestID": evil, "eventName": "DeleteUser", "resourceType": "cam",
        "eventType": "ApiCall", "sourceIPAddress": evil, "userAgent": evil, "errorCode": evil, "eventRegion": evil,
        "userIdentity": {"type": "CAMUser", "principalId": evil, "accountId": evil, "userName": evil, "secretId": evil},
    });
    let folder = Folder::new();
    let path = folder.file("log.json", event.to_string());
    let path = path.to_string_lossy();
    let db = folder.path("a.db");
    let db = db.to_string_lossy();
    stdout_of(&["scan", &path, "--db", &db]);
    let first = stdout_of(&["alarms", "--format", "jsonl", "--limit", "1", "--db", &db]);
    let first = serde_json::from_str::<Value>(&first).expect("an alarm")["id"].clone();
    let id = first.as_str().expect("an id");
    for args in [
        &["alarms"][..],
        &["alarms", "--format", "json"],
        &["alarms", "--format", "csv"],
        &["alarms", "--format", "csc-json"],
        &["alarms", "--format", "ocsf"],
        &["show", id],
        &["show", id, "--format", "json"],
        &["calls", id],
        &["calls", id, "--format", "csv"],
        &["calls", id, "--format", "csc-json"],
        &["calls", id, "--record", "1"],
        &["calls", id, "--record", "1", "--format", "json"],
        &["ak", "list"],
        &["ak", "list", "--format", "csv"],
        &["ip", "list"],
        &["ip", "list", "--format", "json"],
        &["ip", "list", "--format", "csc-json"],
        &["diff", "--since", "1d"],
        &["db", "info"],
        &["allowlist", "add", "--from-alarm", id, "--reason", "x", "--dry-run"],
    ] {
        let text = stdout_of(&[args, &["--db", &db]].concat());
        assert!(!text.is_empty());
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{args:?}: {text:?}");
    }
    for args in [&["--details"][..], &["--format", "json"], &["--format", "jsonl"], &["--format", "csv"]] {
        let text = stdout_of(&[&["scan", &*path, "--no-db"], args].concat());
        assert!(text.contains("non-console-high-risk-api"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{args:?}: {text:?}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = akguard()
        .args(["scan", "fixtures/demo/logs", "--no-db", "--format", "json", "--quiet"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), said.as_str()), (Some(0), ""));
}

#[test]
fn a_range_hides_alarms_and_not_the_past() {
    let assume = |day: i64, id: &str| {
        json!({
            "eventTime": 1_772_380_800 + day * 86_400, "requestID": id, "eventName": "AssumeRole", "resourceType": "sts",
            "eventType": "ApiCall", "sourceIPAddress": "192.0.2.1",
            "requestParameters": r#"{"RoleArn":"qcs::cam::uin/100000000001:roleName/ops"}"#,
            "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
                "userName": "alice", "secretId": "AKIDEXAMPLEone0000000000000000000000"},
        })
        .to_string()
    };
    let folder = Folder::new();
    let path = folder.file("log.json", format!("{}\n{}\n", assume(0, "r-1"), assume(3, "r-2")));
    let path = path.to_string_lossy();
    let whole = stdout_of(&["scan", &path, "--no-db", "--format", "jsonl", "--quiet"]);
    assert_eq!(whole.matches("\"first-use\"").count(), 1, "{whole}");
    let later = stdout_of(&["scan", &path, "--no-db", "--format", "jsonl", "--quiet", "--since", "2026-03-03"]);
    assert_eq!(later, "", "the second use is no first one");
}

#[test]
fn timings_are_told_on_stderr_and_change_no_result() {
    let folder = Folder::new();
    let event = json!({
        "eventTime": 1_772_380_800, "requestID": "r-1", "eventName": "DeleteUser", "resourceType": "cam",
        "eventType": "ApiCall", "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
            "userName": "alice", "secretId": "AKIDEXAMPLEone0000000000000000000000"},
    });
    let path = folder.file("log.json", event.to_string());
    let scan = |more: &[&str]| {
        let args = ["scan", &path.to_string_lossy(), "--no-db", "--quiet", "--format", "json", "--memory", "64MB"];
        let output = akguard().args(args).args(more).output().expect("the program runs");
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (plain, silence) = scan(&[]);
    let (timed, told) = scan(&["--timings"]);
    assert_eq!((timed, silence.as_str()), (plain, ""));
    for word in ["stage", "parse", "rules", "judge", "1 events", "from start to end"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}
