//! Recommendations end to end: on the demo, from the database and from logs, proven and disproven.

use crate::support::{Folder, lines};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with one database.
struct Desk {
    folder: Folder,
}

fn demo(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo").join(of)
}

impl Desk {
    fn new() -> Self {
        Self { folder: Folder::new() }
    }

    fn try_run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
        command.args(args).env_clear().env("AKGUARD_DB", self.folder.path("akguard.db")).env("USER", "wen");
        command.current_dir(self.folder.path(".")).stdin(Stdio::null()).output().expect("the program runs")
    }

    fn run(&self, args: &[&str]) -> String {
        let output = self.try_run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[args, &["--format", "json"]].concat())).expect("JSON")
    }

    /// Scans the demo with its inventory.
    fn scan_demo(&self) {
        let (logs, assets, inventory) = (demo("logs"), demo("assets.csv"), demo("inventory"));
        let [logs, assets, inventory] = [&logs, &assets, &inventory].map(|path| path.to_str().expect("a path"));
        let output = "scan.json";
        self.run(&["scan", logs, "--assets", assets, "--inventory", inventory, "-q", "--format", "json", "-o", output]);
    }

    /// The recommendation for one user.
    fn user(&self, name: &str) -> Value {
        self.json(&["policy", "recommend", "--user", name])["recommendations"][0].clone()
    }

    fn log(&self, name: &str, events: &[Value]) -> String {
        self.folder.file(name, lines(events)).to_string_lossy().into_owned()
    }
}

fn actions(recommendation: &Value) -> Vec<&str> {
    let granted = recommendation["granted"].as_array().expect("a list");
    granted.iter().map(|one| one["action"].as_str().expect("an action")).collect()
}

/// The files of a folder by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("text"))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_leaked_key_of_the_demo_gets_what_it_needs_and_nothing_of_the_attack() {
    let desk = Desk::new();
    desk.scan_demo();
    desk.run(&["policy", "recommend", "--all", "--out-dir", "policies"]);
    let own = desk.folder.path("policies/user-app-backend-100000000012");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policy/demo");
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        let _ = std::fs::remove_dir_all(&kept);
        std::fs::create_dir_all(&kept).expect("a folder");
        for (name, text) in files(&own) {
            std::fs::write(kept.join(name), text).expect("a file");
        }
    }
    assert_eq!(files(&own), files(&kept));
    let backend = desk.user("app-backend");
    assert_eq!(
        actions(&backend),
        [
            "cdb:DescribeDBInstances",
            "cls:SearchLog",
            "cos:HeadBucket",
            "monitor:GetMonitorData",
            "redis:DescribeInstances"
        ]
    );
    assert_eq!(backend["needs_decision"][0]["action"], "ssm:GetSecretValue");
    assert_eq!(backend["conflicts"], json!([]));
    assert_eq!(backend["advice"], "process_now");
    assert_eq!(backend["steps"][0]["id"], "DISABLE_NOW");
}

#[test]
fn what_was_recommended_is_proven_and_what_was_spoilt_is_not() {
    let desk = Desk::new();
    desk.scan_demo();
    desk.run(&["policy", "recommend", "--all", "--out-dir", "policies"]);
    let proof = desk.json(&["policy", "verify", "--recommendation", "policies"]);
    assert_eq!(proof["holds"], true, "{proof}");
    let count =
        |name: &str| (proof[name]["good"].as_u64().expect("a count"), proof[name]["all"].as_u64().expect("a count"));
    assert!(count("legit_allowed").0 > 1000 && count("legit_allowed").0 == count("legit_allowed").1);
    assert!(count("alarmed_denied").0 > 100 && count("alarmed_denied").0 == count("alarmed_denied").1);
    // From the logs, and from the recommendation alone.
    let (logs, own) = (demo("logs"), "policies/user-app-backend-100000000012");
    let logs = logs.to_str().expect("a path");
    let whole = |args: &[&str]| desk.json(&[&["policy", "verify", "--recommendation", own], args].concat());
    let (from_logs, from_db) = (whole(&["--logs", logs, "-q"]), whole(&[]));
    assert_eq!(from_logs["legit_allowed"], from_db["legit_allowed"]);
    let alone = whole(&["--db", "nothing.db"]);
    assert_eq!(alone["verifications"][0]["replayed"], "recommendation");
    assert_eq!(
        (&alone["legit_allowed"], &alone["alarmed_denied"]),
        (&from_db["legit_allowed"], &from_db["alarmed_denied"])
    );
    // More addresses change no verdict of a call that was seen; an action less locks the owner out, and more let the thief in.
    let path = desk.folder.path(&format!("{own}/akguard-app-backend-1.json"));
    let sound = std::fs::read_to_string(&path).expect("a policy");
    for (from, to) in [
        ("\"203.0.113.21\"", "\"0.0.0.0/0\""),
        ("cls:SearchLog", "cls:DescribeTopics"),
        ("\"cos:HeadBucket\"", "\"cam:*\""),
    ] {
        std::fs::write(&path, sound.replace(from, to)).expect("a policy");
        let output = desk.try_run(&["policy", "verify", "--recommendation", own]);
        let says = String::from_utf8_lossy(&output.stdout).into_owned();
        let spoilt = from != "\"203.0.113.21\"";
        assert_eq!(output.status.code(), Some(i32::from(spoilt)), "{from} -> {to}: {says}");
    }
    std::fs::write(&path, "{\"version\":\"2.0\"").expect("a policy");
    assert_eq!(desk.try_run(&["policy", "verify", "--recommendation", own]).status.code(), Some(1));
}

#[test]
fn the_database_and_the_logs_give_the_same() {
    let desk = Desk::new();
    desk.scan_demo();
    let (logs, assets, inventory) = (demo("logs"), demo("assets.csv"), demo("inventory"));
    let [logs, assets, inventory] = [&logs, &assets, &inventory].map(|path| path.to_str().expect("a path"));
    let kept = desk.json(&["policy", "recommend", "--all"]);
    let read = desk.json(&[
        "policy",
        "recommend",
        "--all",
        "-q",
        "--logs",
        logs,
        "--assets",
        assets,
        "--inventory",
        inventory,
    ]);
    assert_eq!(kept, read);
    assert_eq!(kept["recommendations"].as_array().expect("a list").len(), 13);
}

#[test]
fn decisions_and_the_allowlist_say_what_is_granted() {
    let desk = Desk::new();
    desk.scan_demo();
    // All that COSBrowser did with the media team's key is alarmed.
    assert_eq!(actions(&desk.user("media-team")), Vec::<&str>::new());
    desk.run(&["ignore", "--rule", "cos-browser-call", "--yes"]);
    let reviewed = desk.user("media-team");
    assert!(actions(&reviewed).contains(&"cos:PutBucketTagging"), "{:?}", actions(&reviewed));
    assert!(reviewed["granted"][0]["marks"].as_array().expect("marks").contains(&json!("reviewed")));
    desk.run(&["reopen", "--rule", "cos-browser-call", "--yes"]);
    assert_eq!(actions(&desk.user("media-team")), Vec::<&str>::new());
    let ak = "AKIDEXAMPLE0000000000000000mediaTeam";
    desk.run(&["allowlist", "add", "--rule", "cos-browser-call", "--ak", ak, "--reason", "agreed"]);
    assert_eq!(actions(&desk.user("media-team")), actions(&reviewed));
}

#[test]
fn what_was_pruned_does_not_come_back_as_legitimate() {
    let desk = Desk::new();
    desk.scan_demo();
    desk.run(&["db", "prune", "--before", "2026-03-13"]);
    let crossfire = desk.user("crossfire");
    assert_eq!((actions(&crossfire), &crossfire["observed"]), (Vec::new(), &json!([])));
    // What came after is still known.
    assert!(actions(&desk.user("app-backend")).contains(&"cls:SearchLog"));
}

/// A call of alice, of her own key.
fn call(n: usize, action: &str, more: &Value) -> Value {
    let mut event = json!({
        "eventTime": 1_772_380_800 + n * 86_400 / 4, "requestID": format!("r-{action}-{n}"), "eventName": action,
        "resourceType": "cvm", "eventType": "ApiCall", "actionType": "Write", "eventRegion": "ap-guangzhou",
        "sourceIPAddress": "203.0.113.7", "errorCode": "0", "apiErrorCode": "0",
        "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
            "userName": "alice", "secretId": "AKIDEXAMPLEalice00000000000000000000"},
    });
    for (name, value) in more.as_object().expect("fields") {
        event[name] = value.clone();
    }
    event
}

#[test]
fn resources_are_those_of_the_log_else_of_the_parameters_else_all() {
    let desk = Desk::new();
    let instance = |id: &str| format!("qcs::cvm:ap-guangzhou:uin/100000000001:instance/{id}");
    let logged = |n| call(n, "StartInstances", &json!({"resources": json!([instance("ins-1")]).to_string()}));
    let built = |n| call(n, "StopInstances", &json!({"requestParameters": "{\"InstanceIds\":[\"ins-2\"]}"}));
    let neither = |n| call(n, "ModifyInstancesAttribute", &json!({"requestParameters": "{\"InstanceName\":\"x\"}"}));
    let events: Vec<Value> = (0..12).flat_map(|n| [logged(n), built(n), neither(n)]).collect();
    let log = desk.log("events.ndjson", &events);
    let all = desk.json(&["policy", "recommend", "--user", "alice", "--logs", &log, "-q"]);
    let granted = all["recommendations"][0]["granted"].as_array().expect("a list").clone();
    let of = |action: &str| {
        granted.iter().find(|one| one["action"] == action).unwrap_or_else(|| panic!("{action}: {granted:?}"))
    };
    assert_eq!(of("cvm:StartInstances")["resources"], json!([instance("ins-1")]));
    assert_eq!(of("cvm:StopInstances")["resources"], json!([instance("ins-2")]));
    assert_eq!(of("cvm:StopInstances")["marks"], json!(["built_resources"]));
    assert_eq!(of("cvm:ModifyInstancesAttribute")["resources"], json!(["*"]));
    assert!(of("cvm:ModifyInstancesAttribute")["marks"].to_string().contains("resources_unknown"));
}

#[test]
fn requests_are_checked_one_a_line() {
    let desk = Desk::new();
    let policies = json!([{"version": "2.0", "statement": [
        {"effect": "allow", "action": "cvm:Describe*", "resource": "*"},
        {"effect": "deny", "action": "cvm:DescribeImages", "resource": "*"}]}]);
    let policies = desk.folder.file("policies.json", policies.to_string());
    let request =
        |action: &str| json!({"principal": {"type": "sub_account", "uin": "2", "owner_uin": "1"}, "action": action});
    let requests =
        lines(&[request("cvm:DescribeInstances"), request("cvm:DescribeImages"), request("cvm:RunInstances")]);
    let requests = desk.folder.file("requests.jsonl", requests);
    let (policies, requests) = (policies.to_str().expect("a path"), requests.to_str().expect("a path"));
    let text = desk.run(&["policy", "check", "--policies", policies, "--requests", requests, "--format", "json"]);
    let verdicts: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<(&Value, &Value)> = verdicts.iter().map(|one| (&one["decision"], &one["reason"])).collect();
    assert_eq!(
        told,
        [
            (&json!("allow"), &json!("allow")),
            (&json!("deny"), &json!("explicit_deny")),
            (&json!("deny"), &json!("implicit_deny"))
        ]
    );
    assert_eq!(verdicts[1]["because"][0]["statement"], 2);
    // A policy that cannot be read might have denied: nothing is certain that was not denied expressly.
    let broken = desk.folder.file("broken.json", r#"{"version":"1.0","statement":[]}"#);
    let args = [
        "policy",
        "check",
        "--policies",
        policies,
        broken.to_str().expect("a path"),
        "--requests",
        requests,
        "--format",
        "json",
    ];
    let output = desk.try_run(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unsupported version"));
    let decisions: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["decision"].as_str().expect("a word").to_string()
        })
        .collect();
    assert_eq!(decisions, ["unknown", "deny", "unknown"]);
}

/// Two hundred ordinary calls by day, and one at night that an alarm is about, all alike.
fn days_and_one_night(night: &str) -> Vec<Value> {
    let resource = json!(["qcs::cvm:ap-guangzhou:uin/100000000001:instance/ins-1"]).to_string();
    let at = |time: u64, id: &str| {
        call(
            0,
            "TerminateInstances",
            &json!({"eventTime": time, "requestID": id, "resources": resource, "eventType": "ConsoleCall"}),
        )
    };
    // 1772420400 is 11 o'clock in the morning of 2 March 2026 in Shanghai.
    let mut events: Vec<Value> =
        (0..200_u64).map(|n| at(1_772_420_400 + n / 20 * 86_400 + n % 20 * 60, &format!("day-{n}"))).collect();
    events.push(at(1_772_420_400 + 12 * 3600 + 4 * 86_400, night));
    events
}

#[test]
fn an_alarmed_call_among_many_alike_is_never_granted() {
    for number in 0..12 {
        let desk = Desk::new();
        let log = desk.log("events.ndjson", &days_and_one_night(&format!("night-{number}")));
        let all = desk.json(&["policy", "recommend", "--user", "alice", "--logs", &log, "-q"]);
        let alice = &all["recommendations"][0];
        assert_eq!(actions(alice), Vec::<&str>::new(), "{number}");
        assert_eq!(alice["conflicts"][0]["action"], "cvm:TerminateInstances", "{number}: {alice}");
    }
}

#[test]
fn what_a_refusal_names_never_takes_the_place_of_what_was_used() {
    let desk = Desk::new();
    let resource = |id: &str| json!([format!("qcs::cvm:ap-guangzhou:uin/100000000001:instance/{id}")]).to_string();
    let mut events: Vec<Value> =
        (0..12).map(|n| call(n, "StartInstances", &json!({"resources": resource("ins-1")}))).collect();
    let message = "you are not authorized to perform operation (cvm:ResetInstancesPassword) \
        resource (qcs::cvm:ap-guangzhou:uin/100000000001:instance/ins-2) has no permission";
    events.push(call(
        20,
        "StartInstances",
        &json!({"resources": resource("ins-2"), "apiErrorCode": "UnauthorizedOperation.CamNoAuth", "apiErrorMessage": message}),
    ));
    let log = desk.log("events.ndjson", &events);
    let all = desk.json(&["policy", "recommend", "--user", "alice", "--logs", &log, "-q"]);
    assert_eq!(actions(&all["recommendations"][0]), ["cvm:StartInstances"]);
}

#[test]
fn too_many_resources_to_tell_apart_are_not_nothing() {
    let desk = Desk::new();
    let buckets = |name: &str| json!([format!("qcs::cos:ap-guangzhou:uid/1250000001:{name}-1250000001")]).to_string();
    let other = json!({"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
        "userName": "alice", "secretId": "AKIDEXAMPLEalice11111111111111111111"});
    let cos = |n: usize, more: Value| {
        let mut event = call(n, "DeleteBucketCors", &json!({"resourceType": "cos", "eventType": "ConsoleCall"}));
        for (name, value) in more.as_object().expect("fields") {
            event[name] = value.clone();
        }
        event
    };
    // 1772420400 is 11 o'clock in the morning of 2 March 2026 in Shanghai.
    let mut events: Vec<Value> = (0..6_u64)
        .map(|n| cos(0, json!({"requestID": format!("d-{n}"), "eventTime": 1_772_420_400 + n * 86_400, "resources": buckets("b1")})))
        .collect();
    events.extend((0..70_u64).map(|n| {
        let time = 1_772_420_400 + 12 * 3600 + 4 * 86_400 + n;
        cos(0, json!({"requestID": format!("n-{n}"), "eventTime": time, "resources": buckets(&format!("b{n}")), "userIdentity": other}))
    }));
    let log = desk.log("events.ndjson", &events);
    let all = desk.json(&["policy", "recommend", "--user", "alice", "--logs", &log, "-q"]);
    assert_eq!(actions(&all["recommendations"][0]), Vec::<&str>::new(), "{all}");
}

#[test]
fn a_proof_replays_the_calls_of_its_own_holder() {
    let desk = Desk::new();
    let of = |n: usize, action: &str, uin: &str, name: &str| {
        let identity = json!({"type": "CAMUser", "principalId": uin, "accountId": "100000000001", "userName": name,
            "secretId": format!("AKIDEXAMPLE{name:0>25}")});
        call(n, action, &json!({"requestID": format!("{uin}-{n}"), "userIdentity": identity}))
    };
    let mut events: Vec<Value> = (0..12).map(|n| of(n, "StartInstances", "100000000021", "victim")).collect();
    events.extend((0..12).map(|n| of(n, "DescribeZones", "100000000022", "100000000021")));
    let log = desk.log("events.ndjson", &events);
    desk.run(&["policy", "recommend", "--user", "victim", "--logs", &log, "-q", "--out-dir", "policies"]);
    let verify = ["policy", "verify", "--recommendation", "policies", "--logs", &log, "-q"];
    assert!(desk.try_run(&verify).status.success());
    let path = desk.folder.path("policies/user-victim-100000000021/akguard-victim-cvm-1.json");
    let text = std::fs::read_to_string(&path).expect("a policy").replace("StartInstances", "DescribeZones");
    std::fs::write(&path, text).expect("a policy");
    assert_eq!(desk.try_run(&verify).status.code(), Some(1));
}

#[test]
fn what_lies_a_day_after_a_pruned_attack_stays_in_doubt() {
    let desk = Desk::new();
    desk.scan_demo();
    // The attack was in the night of 11 March.
    desk.run(&["db", "prune", "--before", "2026-03-12"]);
    for zone in ["Asia/Shanghai", "Pacific/Auckland", "America/Los_Angeles"] {
        let all = desk.json(&["policy", "recommend", "--user", "app-backend", "--tz", zone]);
        let observed = all["recommendations"][0]["observed"].as_array().expect("a list").clone();
        let times = observed.iter().flat_map(|one| one["calls"].as_array().expect("calls").clone());
        let first = times
            .map(|call| call["time"].as_str().expect("a time").to_string())
            .map(|time| chrono::DateTime::parse_from_rfc3339(&time).expect("a time").timestamp());
        // Midnight of 13 March in Shanghai.
        assert!(first.min().expect("calls") >= 1_773_331_200, "{zone}");
    }
}
