//! Every format on disk: what is read, what is counted, what is rejected, and that the shape of an
//! export never changes what is found in it.
//!
//! The fixtures are `fixtures/formats/<format>/{realistic,damaged,empty}.*`, each folder with the
//! counts that follow from the format in its `expected.json`. Everything else is made here.

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

// ---- running the program ----

/// What a run of `akguard scan` gave.
struct Output {
    code: i32,
    json: Value,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    fn count(&self, name: &str) -> u64 {
        self.json["summary"]["events"][name].as_u64().unwrap_or_default()
    }

    fn files(&self) -> [u64; 3] {
        ["read", "rejected", "empty"].map(|name| self.json["summary"]["files"][name].as_u64().unwrap_or_default())
    }

    fn alarms(&self) -> &[Value] {
        self.json["alarms"].as_array().map_or(&[], Vec::as_slice)
    }

    fn rules(&self) -> BTreeSet<&str> {
        self.alarms().iter().filter_map(|alarm| alarm["rule"].as_str()).collect()
    }

    fn reasons(&self) -> Vec<&str> {
        let rejects = self.json["summary"]["rejects"].as_array();
        rejects.into_iter().flatten().filter_map(|reject| reject["reason"].as_str()).collect()
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The bytes that must not depend on the shape of the input.
    fn findings(&self) -> String {
        let summary = &self.json["summary"];
        format!("{:#}\n{:#}\n{:#}", summary["events"], summary["time_span"], self.json["alarms"])
    }
}

/// Scans in a clean environment, in `folder`, with `input` on standard input.
fn run_in<S: AsRef<OsStr>>(folder: &Path, args: &[S], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_akguard"))
        .args(["scan", "--no-db", "--format", "json"])
        .args(args)
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let bytes = input.to_vec();
    // A program that does not read its input closes the pipe, which is no error here.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let done = child.wait_with_output().expect("the program ends");
    feeder.join().expect("the input was handed over");
    Output {
        code: done.status.code().expect("the program was not killed"),
        json: serde_json::from_slice(&done.stdout).unwrap_or_default(),
        stdout: done.stdout,
        stderr: done.stderr,
    }
}

fn run<S: AsRef<OsStr>>(args: &[S]) -> Output {
    run_in(folder().path(), args, b"")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Writes files into a new folder.
fn folder_of(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = folder();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
        fs::write(path, bytes).expect("files can be written");
    }
    folder
}

/// Scans one file made of `bytes`.
fn scan(bytes: &[u8]) -> Output {
    let folder = folder_of(&[("audit.log", bytes.to_vec())]);
    run_in(folder.path(), &["audit.log"], b"")
}

// ---- fixtures ----

const CASES: [&str; 3] = ["realistic", "damaged", "empty"];

#[test]
fn each_format_is_read_counted_and_rejected_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats");
    let formats = sorted_entries(&root);
    assert!(formats.len() >= 25, "only {} formats in {}", formats.len(), root.display());
    let failures: Vec<String> = formats.iter().flat_map(|format| check_format(format)).collect();
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn check_format(format: &Path) -> Vec<String> {
    let text = fs::read_to_string(format.join("expected.json")).expect("each format has an expected.json");
    let expected: Value = serde_json::from_str(&text).expect("expected.json is JSON");
    CASES.iter().flat_map(|case| check_case(format, case, &expected[case])).collect()
}

fn check_case(format: &Path, case: &str, expected: &Value) -> Vec<String> {
    let name = |path: &Path| path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let files = sorted_entries(format);
    let file =
        files.iter().find(|path| name(path).starts_with(&format!("{case}."))).expect("the three cases are there");
    let out = run(&[file]);
    let mut differences = Vec::new();
    let mut compare = |what: String, got: &Value, want: Value| {
        if *got != want {
            differences.push(format!("{}/{case}: {what} is {got}, not {want}", name(format)));
        }
    };
    compare("exit code".to_string(), &json!(out.code), expected.get("exit").cloned().unwrap_or(json!(0)));
    for group in ["files", "events"] {
        for (key, got) in out.json["summary"][group].as_object().into_iter().flatten() {
            compare(format!("{group}.{key}"), got, expected[group].get(key).cloned().unwrap_or(json!(0)));
        }
    }
    compare("number of alarms".to_string(), &json!(out.alarms().len()), expected["alarms"].clone());
    let nothing = Vec::new();
    let wanted = expected["rejects"].as_array().unwrap_or(&nothing);
    let got = out.json["summary"]["rejects"].as_array().unwrap_or(&nothing);
    if wanted.len() != got.len() || !wanted.iter().zip(got).all(|(want, got)| same_reject(want, got)) {
        let (wanted, got) = (json!(wanted), json!(got));
        differences.push(format!("{}/{case}: rejects are {got:#}, not {wanted:#}", name(format)));
    }
    differences
}

/// Compares line and record, and looks for the words of the reason and, if given, the end of the file's name.
fn same_reject(want: &Value, got: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    want["line"] == got["line"]
        && want["record"] == got["record"]
        && text(&got["reason"]).contains(&text(&want["reason_contains"]))
        && text(&got["file"]).ends_with(&text(&want["file"]))
}

// ---- canonical events ----

const ACCOUNT: &str = "100000000001";
const KEY: &str = "AKIDEXAMPLEciDeploy00000000000000000";
const ROOT_KEY: &str = "AKIDEXAMPLErootOwner0000000000000000";
/// 2025-03-05 12:00:00 +08:00
const NOON: i64 = 1_741_147_200;

/// Who calls.
enum Who {
    Root,
    User,
    Console,
    Role,
}

fn session(uin: &str, extra: &Value) -> String {
    json!({
        "token": "REDACTED", "userIp": "198.51.100.24", "uin": uin, "ownerUin": ACCOUNT, "appId": 1_250_000_001,
        "expireTime": "2025-03-05 23:59:00", "mfa": 0, "extraInfo": extra.to_string(),
    })
    .to_string()
}

fn identity(who: &Who) -> Value {
    let long = |name: &str| format!("AKIDEXAMPLE{name:0<57}");
    let (kind, principal, name, key, context) = match who {
        Who::Root => ("Root", ACCOUNT, "root", ROOT_KEY.to_string(), String::new()),
        Who::User => ("CAMUser", "100000000011", "ci-deploy", KEY.to_string(), String::new()),
        Who::Console => {
            let context = session("100000000021", &json!({"sessionUin": 5000}));
            ("CAMUser", "100000000021", "ops-lead", long("opsSession"), context)
        }
        Who::Role => {
            let context = session("4611686018433460123", &json!({"roleName": "backup", "roleSessionName": "nightly"}));
            ("AssumedRole", "4611686018433460123", "roleUser", long("backupSession"), context)
        }
    };
    json!({
        "principalId": principal, "accountId": ACCOUNT, "secretId": key, "sessionContext": context,
        "type": kind, "userName": name,
    })
}

/// One call: caller, `service:Action`, minutes after noon, and the fields that differ from the usual ones.
fn event(number: u32, who: &Who, api: &str, minutes: i64, other: &Value) -> Value {
    let (service, action) = api.split_once(':').expect("service:Action");
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let mut event = json!({
        "userIdentity": identity(who), "eventRegion": "ap-guangzhou", "eventVersion": 2, "errorCode": "0",
        "errorMessage": "permission verify", "requestID": id, "eventID": id, "apiVersion": "3.0",
        "eventType": "ApiCall", "actionType": "Write", "httpMethod": "POST", "apiErrorCode": "0",
        "apiErrorMessage": "", "userAgent": "SDK_GO_1.0.1133", "eventTime": NOON + 60 * minutes,
        "sensitiveAction": "0", "sourceIPAddress": "203.0.113.10", "resourceType": service, "eventName": action,
        "eventSource": format!("{service}.tencentcloudapi.com"), "resources": "[\"*\"]", "resourceName": "",
        "resourceSet": [], "requestParameters": "{\"Region\":\"ap-guangzhou\",\"Note\":\"生产\"}",
        "responseElements": "{}", "tags": [""],
    });
    merge(&mut event, other);
    event
}

fn merge(event: &mut Value, other: &Value) {
    for (key, value) in other.as_object().into_iter().flatten() {
        event[key] = value.clone();
    }
}

/// Twelve events that raise an alarm of every rule that needs no history.
fn events() -> Vec<Value> {
    let refused = json!({"apiErrorCode": "AuthFailure.UnauthorizedOperation", "apiErrorMessage": "no \"right\"\n"});
    let console = json!({
        "eventType": "ConsoleCall", "userAgent": "SDK_NODEJS_0.2.1", "sourceIPAddress": "10.0.0.8",
        "requestParameters": "{\"RequestSource\":\"MC\",\"TargetUin\":100000000012}",
    });
    let run_command = json!({"requestParameters": "{\"Content\":\"aWQ=\",\"InstanceIds\":[\"ins-example1\"]}"});
    vec![
        event(1, &Who::Root, "cam:ListAccessKeys", 0, &json!({"actionType": "Read"})),
        event(2, &Who::User, "cvm:TerminateInstances", 1, &json!({})),
        event(3, &Who::User, "cvm:DescribeSecurityGroups", 2, &refused),
        event(4, &Who::Console, "cam:CreateAccessKey", 3, &console),
        event(5, &Who::User, "cam:AttachUserPolicy", 4, &json!({"requestParameters": "{\"PolicyId\":1}"})),
        event(6, &Who::User, "cbs:DeleteSnapshots", 11 * 60, &json!({})),
        event(7, &Who::User, "sts:GetCallerIdentity", 6, &json!({"sourceIPAddress": "192.30.252.44"})),
        event(8, &Who::User, "cos:GetBucket", 7, &json!({"userAgent": "cosbrowser/2.11.2", "actionType": "Read"})),
        event(9, &Who::User, "cvm:RunInstances", 8, &json!({"responseElements": "{\"InstanceIdSet\":[\"ins-2\"]}"})),
        event(10, &Who::User, "clb:DescribeLoadBalancers", 9, &json!({"userAgent": "cloud-manager/3.2.0"})),
        event(11, &Who::User, "tat:RunCommand", 10, &run_command),
        event(12, &Who::Role, "cbs:DescribeDiskConfigQuota", 11, &refused),
    ]
}

const RULES: [&str; 11] = [
    "root-key-high-risk-api",
    "non-console-high-risk-api",
    "unauthorized-service-call",
    "create-key",
    "privilege-escalation",
    "off-hours-sensitive-operation",
    "github-key-confirmation",
    "cos-browser-call",
    "create-resource-api",
    "cloud-manager-call",
    "automation-command",
];

// ---- shapes of one event ----

fn text_of(value: &Value) -> Value {
    value.as_str().map_or_else(|| json!(value.to_string()), |text| json!(text))
}

/// All leaves as text, as CLS keeps them.
fn stringified(event: &Value) -> Value {
    let fields = event.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), text_of(value))).collect::<Map<_, _>>().into()
}

/// `userIdentity.secretId` and so on, as CLS names indexed keys.
fn dotted(event: &Value) -> Value {
    let mut flat = stringified(event);
    for (key, value) in event["userIdentity"].as_object().into_iter().flatten() {
        flat[format!("userIdentity.{key}")] = text_of(value);
    }
    flat.as_object_mut().expect("an object").shift_remove("userIdentity");
    flat
}

/// A row of DescribeEvents around `inner`.
fn row(event: &Value, inner: &Value) -> Value {
    json!({
        "CloudAuditEvent": inner, "EventName": event["eventName"], "EventTime": event["eventTime"].to_string(),
        "SecretId": event["userIdentity"]["secretId"], "EventId": event["eventID"], "ErrorCode": 0,
        "RequestID": event["requestID"], "SourceIPAddress": event["sourceIPAddress"],
        "EventSource": event["eventSource"], "EventRegion": event["eventRegion"],
        "Resources": {"ResourceName": "", "ResourceType": event["resourceType"]},
        "Username": event["userIdentity"]["userName"], "AccountID": 100_000_000_001_i64, "Location": null,
        "ResourceTypeCn": null, "EventNameCn": null, "ResourceRegion": "",
    })
}

fn text_row(event: &Value) -> Value {
    row(event, &json!(event.to_string()))
}

fn cloud_event(event: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": event["requestID"], "source": "cvm.cloud.tencent",
        "type": "cvm:CloudEvent:ApiCall", "subject": "", "time": event["eventTime"].as_i64().map(|time| time * 1000),
        "region": event["eventRegion"], "resource": [], "datacontenttype": "application/json;charset=utf-8",
        "tags": {"key1": "value1"}, "data": event,
    })
}

/// A line of a CLS export.
fn exported(event: &Value) -> Value {
    let mut line = json!({"__TIMESTAMP__": 1_741_147_200_000_i64, "__SOURCE__": "", "__FILENAME__": ""});
    merge(&mut line, &stringified(event));
    line
}

fn search_result(log: &Value) -> Value {
    json!({"Time": 1_741_147_200_000_i64, "TopicName": "cloudaudit", "LogJson": log.to_string(), "RawLog": ""})
}

fn csv_line(cells: &[Value]) -> String {
    let quoted = |cell: &Value| match cell {
        Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        other => other.to_string(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

/// The console's CSV export. Its time is local, while the time in the event is an epoch.
fn console_csv(events: &[Value], titles: &str) -> String {
    let mut text = format!("{titles}\r\n");
    for event in events {
        text += &csv_line(&[
            json!(event.to_string()),
            event["eventName"].clone(),
            json!("2025-03-05 12:00:00"),
            event["requestID"].clone(),
            event["userIdentity"]["secretId"].clone(),
            json!("{}"),
        ]);
    }
    text
}

const TITLES: &str = "CloudAuditEvent,EventName,EventTime,RequestID,SecretId,Resources";
const CHINESE_TITLES: &str = "事件详情,事件名称,事件时间,请求ID,密钥 ID,资源名称";

/// A CLS download as CSV, with one column for each indexed key.
fn cls_csv(events: &[Value]) -> String {
    let rows: Vec<Value> = events.iter().map(dotted).collect();
    let titles: Vec<&String> = rows[0].as_object().into_iter().flat_map(Map::keys).collect();
    let mut text = titles.iter().map(|title| title.as_str()).collect::<Vec<_>>().join(",") + "\n";
    for row in &rows {
        text += &csv_line(&titles.iter().map(|title| row[title.as_str()].clone()).collect::<Vec<_>>());
    }
    text
}

// ---- shapes of a file ----

fn lines<'e>(events: impl IntoIterator<Item = &'e Value>) -> Vec<u8> {
    events.into_iter().flat_map(|event| [event.to_string(), "\n".to_string()]).collect::<String>().into_bytes()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn reply(rows: &[Value]) -> Value {
    json!({"ListOver": true, "NextToken": null, "Events": rows, "TotalCount": rows.len(), "RequestId": "r-1"})
}

fn each(events: &[Value], shape: impl Fn(&Value) -> Value) -> Vec<Value> {
    events.iter().map(shape).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes all")
}

fn tarred(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).expect("memory takes all");
    }
    archive.into_inner().expect("memory takes all")
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("the name is fine");
        archive.write_all(bytes).expect("memory takes all");
    }
    archive.finish().expect("memory takes all").into_inner()
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(to_bytes).collect()
}

type Files = Vec<(String, Vec<u8>)>;

fn one(bytes: impl Into<Vec<u8>>) -> Files {
    vec![("audit".to_string(), bytes.into())]
}

/// The events in every container and envelope.
fn containers(events: &[Value]) -> BTreeMap<&'static str, Files> {
    let text_rows = each(events, text_row);
    let pages = text_rows.chunks(5).map(|page| pretty(&reply(page))).collect::<String>();
    let strings = each(events, |event| json!(event.to_string()));
    let search = |shape: fn(&Value) -> Value| {
        let results = each(events, |event| search_result(&shape(event)));
        one(pretty(&json!({"Context": "", "ListOver": true, "Results": results, "Columns": null})))
    };
    let single = events.iter().enumerate().map(|(n, event)| (format!("event-{n:02}.json"), pretty(event).into()));
    BTreeMap::from([
        ("ndjson", one(lines(events))),
        ("array", one(json!(events).to_string())),
        ("pretty array", one(pretty(&json!(events)))),
        ("one object a file", single.collect()),
        ("concatenated", one(events.iter().map(pretty).collect::<String>())),
        ("wrapped reply", one(pretty(&json!({"Response": reply(&text_rows)})))),
        ("unwrapped reply", one(pretty(&reply(&text_rows)))),
        ("pages one after another", one(pages)),
        ("rows as lines", one(lines(&text_rows))),
        ("rows with objects", one(pretty(&reply(&each(events, |event| row(event, event)))))),
        ("LogJson nested", search(Value::clone)),
        ("LogJson stringified", search(stringified)),
        ("LogJson dotted", search(dotted)),
        ("CLS export", one(lines(&each(events, exported)))),
        ("CLS content", one(lines(&each(events, |event| json!({"__CONTENT__": event.to_string()}))))),
        ("EventBridge", one(lines(&each(events, cloud_event)))),
        ("Records", one(json!({"Records": events}).to_string())),
        ("texts in an array", one(pretty(&json!(strings)))),
        ("texts as lines", one(lines(&strings))),
        ("platform list", one(json!({"data": {"List": text_rows, "TotalCount": 12}}).to_string())),
    ])
}

/// The events as CSV, in several encodings.
fn tables(events: &[Value]) -> BTreeMap<&'static str, Files> {
    let csv = console_csv(events, TITLES);
    let chinese = console_csv(events, CHINESE_TITLES);
    BTreeMap::from([
        ("console CSV", one(format!("\u{feff}{csv}"))),
        ("console CSV, other case", one(console_csv(events, &TITLES.to_ascii_lowercase()))),
        ("console CSV, Chinese", one(chinese.clone())),
        ("console CSV, GBK", one(encoding_rs::GBK.encode(&chinese).0.into_owned())),
        ("console CSV, UTF-16 LE", one(utf16(&chinese, u16::to_le_bytes))),
        ("console CSV, UTF-16 BE", one(utf16(&csv, u16::to_be_bytes))),
        ("CLS CSV", one(cls_csv(events))),
    ])
}

/// The events as lines in every compression and archive.
fn packages(events: &[Value]) -> BTreeMap<&'static str, Files> {
    let (all, first, second) = (lines(events), lines(&events[..5]), lines(&events[5..]));
    let archive = tarred(&[("2025/first.log", &first), ("2025/second.log", &second)]);
    BTreeMap::from([
        ("gzip", one(gz(&all))),
        ("gzip of several members", one([gz(&first), gz(&second)].concat())),
        ("zstd", one(zst(&all))),
        ("zstd of several frames", one([zst(&first), zst(&second)].concat())),
        ("tar", one(archive.clone())),
        ("tar.gz", one(gz(&archive))),
        ("tar of gz", one(tarred(&[("first.gz", &gz(&first)), ("second.gz", &gz(&second))]))),
        ("zip", one(zipped(&[("first.log", &first), ("second.log", &second)]))),
    ])
}

#[test]
fn the_same_events_in_every_shape_give_the_same_bytes() {
    let events = events();
    let plain = scan(&lines(&events));
    let missing: Vec<_> = RULES.into_iter().filter(|rule| !plain.rules().contains(rule)).collect();
    assert!(missing.is_empty(), "the events raise no {missing:?}: {}", plain.stderr());
    assert_eq!(plain.count("evaluated"), 12);
    let mut different = Vec::new();
    let shapes = [containers(&events), tables(&events), packages(&events)].into_iter().flatten();
    for (shape, files) in shapes {
        let named: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        let folder = folder_of(&named);
        let mut results = vec![(shape.to_string(), run_in(folder.path(), &["."], b""))];
        if let [(_, bytes)] = named.as_slice() {
            results.push((format!("{shape}, standard input"), run_in(folder.path(), &["-"], bytes)));
        }
        let wrong = results.into_iter().filter(|(_, out)| out.findings() != plain.findings());
        different.extend(wrong.map(|(name, out)| first_difference(&name, &plain, &out)));
    }
    assert!(different.is_empty(), "{} shapes differ:\n{}", different.len(), different.join("\n"));
}

fn first_difference(shape: &str, plain: &Output, other: &Output) -> String {
    let (plain, found) = (plain.findings(), other.findings());
    let pair = plain.lines().zip(found.lines()).find(|(a, b)| a != b);
    format!("{shape}: {pair:?} {}", other.stderr())
}

#[test]
fn the_same_event_in_two_shapes_counts_once() {
    let events = events();
    let mut shipped = events.clone();
    for event in &mut shipped {
        event.as_object_mut().expect("an object").shift_remove("eventID");
    }
    let once = scan(&lines(&shipped));
    let (csv, searched) = (console_csv(&events, TITLES), each(&events, |event| search_result(&dotted(event))));
    let folder = folder_of(&[
        ("a.log", lines(&shipped)),
        ("b.csv", csv.into_bytes()),
        ("c.json", pretty(&json!({"Results": searched})).into_bytes()),
    ]);
    let thrice = run_in(folder.path(), &["a.log", "b.csv", "c.json"], b"");
    assert_eq!((thrice.count("read"), thrice.count("duplicates"), thrice.count("evaluated")), (36, 24, 12));
    assert_eq!(thrice.json["alarms"], once.json["alarms"]);
}

// ---- inputs ----

#[test]
fn many_files_folders_globs_and_stdin_are_taken() {
    let events = events();
    let part = |range: std::ops::Range<usize>| lines(&events[range]);
    let folder = folder_of(&[
        ("one.log", part(0..2)),
        ("logs/a/deep.log", part(2..4)),
        ("logs/b.csv", console_csv(&events[4..6], TITLES).into_bytes()),
        ("logs/empty.log", Vec::new()),
        ("logs/.hidden", part(10..12)),
        ("2025-01.gz", gz(&part(6..8))),
        ("2025-02.gz", gz(&part(8..10))),
        ("other.gz", gz(&part(10..12))),
    ]);
    let out = run_in(folder.path(), &["one.log", "logs", "2025-*.gz", "-"], &part(10..12));
    assert_eq!(out.files(), [6, 0, 1], "{}", out.stderr());
    assert_eq!(out.findings(), scan(&lines(&events)).findings());
}

#[test]
fn unreadable_files_are_reported_and_the_rest_is_read() {
    let binary: Vec<u8> = (0..5000_u32).map(|n| (n * 7919 % 251) as u8 | 0x80).collect();
    let folder = folder_of(&[("logs/binary.dat", binary), ("logs/good.log", lines(&events())), ("late.log", vec![])]);
    let out = run_in(folder.path(), &["missing.log", "logs", "late.log"], b"");
    assert_eq!(out.code, 0, "{}", out.stderr());
    assert_eq!(out.files(), [1, 2, 1]);
    assert_eq!(out.count("evaluated"), 12);
    for name in ["missing.log", "binary.dat"] {
        assert!(out.stderr().contains(name), "{name} is not told: {}", out.stderr());
    }
    assert_eq!(out.reasons().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_in_a_folder_is_reported() {
    let folder = folder_of(&[("logs/good.log", lines(&events()))]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("logs/link.log")).expect("links can be made");
    let out = run_in(folder.path(), &["logs"], b"");
    assert_eq!(out.files(), [1, 1, 0], "{}", out.stderr());
    assert!(out.stderr().contains("link.log"), "{}", out.stderr());
}

#[test]
fn all_inputs_unreadable_exits_1() {
    let folder = folder_of(&[("note.txt", b"hello world\n".to_vec())]);
    for args in [&["missing.log"][..], &["note.txt"], &["missing.log", "note.txt"], &["nothing-*.log"]] {
        let out = run_in(folder.path(), args, b"");
        assert_eq!(out.code, 1, "{args:?}: {}", out.stderr());
        assert!(out.stderr().contains("error: "), "{args:?}: {}", out.stderr());
    }
}

#[test]
fn strict_exits_3_on_rejects() {
    let good = lines(&events());
    let folder = folder_of(&[("bad.log", [good.as_slice(), b"{\"eventName\":\n"].concat()), ("good.log", good)]);
    let code = |args: &[&str]| run_in(folder.path(), args, b"").code;
    assert_eq!(code(&["bad.log"]), 0);
    assert_eq!(code(&["bad.log", "--strict"]), 3);
    assert_eq!(code(&["good.log", "missing.log", "--strict"]), 3);
    assert_eq!(code(&["good.log", "--strict"]), 0);
}

// ---- counters ----

/// Six days of calls, each day one of every kind that is counted apart.
fn mixture() -> Vec<Value> {
    let mut all = Vec::new();
    for day in 0..6 {
        let at = |number: u32, other: &Value| {
            event(day * 10 + number, &Who::User, "cvm:StopInstances", 1440 * i64::from(day), other)
        };
        let mut keyless = at(3, &json!({"sourceIPAddress": "", "requestParameters": ""}));
        keyless["userIdentity"]["secretId"] = json!("");
        let mut platform_keyless = keyless.clone();
        merge(&mut platform_keyless, &json!({"eventPlatform": "1", "requestID": format!("platform-{day}")}));
        all.extend([
            at(1, &json!({})),
            at(1, &json!({})),
            at(2, &json!({"eventPlatform": 1})),
            keyless.clone(),
            keyless,
            platform_keyless,
            at(4, &json!({"resourceType": "innerauth"})),
            at(5, &json!({"eventTime": "never"})),
        ]);
    }
    all
}

#[test]
fn sums_reconcile() {
    let ranges: [(&[&str], u64); 4] = [
        (&[], 6),
        (&["--since", "2025-03-06"], 5),
        (&["--until", "2025-03-08 12:00:00"], 3),
        (&["--since", "2025-03-06T04:00:00Z", "--until", "2025-03-06 12:00:01"], 1),
    ];
    let events = mixture();
    let folder = folder_of(&[
        ("a.log", lines(&events[..20])),
        ("b.json", pretty(&reply(&each(&events[20..35], text_row))).into_bytes()),
        ("c.log", lines(&each(&events[35..], dotted))),
    ]);
    for (range, days) in ranges {
        let out = run_in(folder.path(), &[&["a.log", "b.json", "c.log"], range].concat(), b"");
        let names = ["read", "outside_range", "duplicates", "platform", "without_key", "evaluated", "rejected"];
        let expected = [42, 42 - 7 * days, 2 * days, 3 * days, days, days, 6];
        assert_eq!(names.map(|name| out.count(name)), expected, "{range:?}: {}", out.json["summary"]);
        assert_eq!(expected[0], expected[1..6].iter().sum::<u64>());
    }
}

// ---- hostile input ----

#[test]
fn a_gzip_bomb_a_giant_line_and_deep_nesting_are_rejected_and_the_run_goes_on() {
    let good = lines(&events()[..1]);
    let after = |bytes: &[u8]| [bytes, b"\n", &good].concat();
    let deep = |open: &str, close: &str| {
        open.repeat(100_000).into_bytes().into_iter().chain(close.repeat(100_000).into_bytes()).collect::<Vec<_>>()
    };
    let inner = row(&json!({}), &json!(format!("{}1", "[".repeat(100_000))));
    let hostile = [
        ("spaces", bomb(b' ')),
        ("bomb", bomb(b'{')),
        ("line", after(format!("{{\"eventName\":\"{}\"}}", "x".repeat(20 << 20)).as_bytes())),
        ("text", after(format!("\"{}\"", "x".repeat(20 << 20)).as_bytes())),
        ("objects", after(&deep("{\"a\":", "}"))),
        ("lists", after(&deep("[", "]"))),
        ("inner", after(inner.to_string().as_bytes())),
    ];
    for (name, bytes) in hostile {
        let one_line = !matches!(name, "spaces" | "bomb");
        let folder = folder_of(&[("1-hostile", bytes), ("2-good", lines(&events()[1..2]))]);
        let out = run_in(folder.path(), &["1-hostile", "2-good"], b"");
        assert_eq!(out.code, 0, "{name}: {}", out.stderr());
        assert_eq!(out.count("evaluated"), if one_line { 2 } else { 1 }, "{name}: {}", out.json["summary"]);
        assert_eq!(out.reasons().len(), 1, "{name}: {:?}", out.reasons());
        assert!(out.stdout.len() + out.stderr.len() < 1 << 20, "{name}: the output is as large as the input");
    }
}

/// 400 MiB that start with `first` and go on with spaces, in about 400 KiB of gzip.
fn bomb(first: u8) -> Vec<u8> {
    let mut level = vec![b' '; 1 << 20];
    let member = gz(&level);
    level[0] = first;
    [gz(&level), member.repeat(399)].concat()
}

#[test]
fn a_damaged_record_costs_only_itself() {
    let events = &events()[..4];
    let whole: Vec<String> = events.iter().map(|event| format!("{event:#}").replace('\n', "\n  ")).collect();
    let cut_item = whole[1].split("\"eventRegion\"").next().unwrap_or_default();
    let array = format!("[\n  {},\n  {cut_item},\n  {},\n  {}\n]\n", whole[0], whole[2], whole[3]);
    let before_the_last = |cut: &str| [&lines(&events[..2]), cut.as_bytes(), b"\n", &lines(&events[2..3])].concat();
    let damaged = [
        ("a line cut after a colon", before_the_last("{\"eventName\":")),
        ("a line cut after a bracket", before_the_last("{\"resourceSet\":[")),
        ("a line cut after a comma", before_the_last("{\"eventName\":\"A\",")),
        ("a line cut in a text", before_the_last("{\"eventName\":\"A")),
        ("an item cut in an indented array", array.into_bytes()),
    ];
    let wrong: Vec<String> = damaged.iter().filter_map(|(name, bytes)| lost_more_than_one(name, bytes)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Complains unless three events were found beside one reject.
fn lost_more_than_one(name: &str, bytes: &[u8]) -> Option<String> {
    let out = scan(bytes);
    let (evaluated, rejected) = (out.count("evaluated"), out.count("rejected"));
    let complaint = || format!("{name}: {evaluated} events and {rejected} rejects, {:?}", out.reasons());
    ((evaluated, rejected) != (3, 1)).then(complaint)
}

// ---- values ----

#[test]
fn naive_and_epoch_times_mix() {
    let spellings = [
        json!(NOON),
        json!(NOON.to_string()),
        json!(NOON * 1000),
        json!(format!("{}000000", NOON)),
        json!([NOON, 1]),
        json!("2025-03-05T04:00:00Z"),
        json!("2025-03-05T12:00:00+08:00"),
        json!("2025-03-05 12:00:00"),
    ];
    let events: Vec<Value> = (1..)
        .zip(&spellings)
        .map(|(number, time)| event(number, &Who::User, "cvm:TerminateInstances", 0, &json!({"eventTime": time})))
        .collect();
    let folder = folder_of(&[("a.log", lines(&events))]);
    let span = |args: &[&str]| {
        let out = run_in(folder.path(), &[&["a.log"], args].concat(), b"");
        assert_eq!(out.count("evaluated"), spellings.len() as u64, "{}", out.stderr());
        out.json["summary"]["time_span"].clone()
    };
    let noon = "2025-03-05T12:00:00+08:00";
    assert_eq!(span(&[]), json!({"first": noon, "last": noon}));
    let later = "2025-03-05T20:00:00+08:00";
    assert_eq!(span(&["--naive-tz", "+00:00"]), json!({"first": noon, "last": later}), "only the naive time moves");
    let utc = "2025-03-05T04:00:00+00:00";
    assert_eq!(span(&["--tz", "UTC"]), json!({"first": utc, "last": utc}));
}

#[test]
fn nineteen_digit_ids_keep_their_digits() {
    let id = 4_611_686_018_433_460_123_u64;
    let with = |principal: Value| {
        let mut event = event(1, &Who::User, "cvm:TerminateInstances", 0, &json!({}));
        merge(&mut event["userIdentity"], &json!({"principalId": principal, "accountId": id - 1, "userName": ""}));
        event
    };
    let out = scan(&lines(&[with(json!(id)), with(json!(id.to_string())), with(json!(id + 1))]));
    assert_eq!((out.count("duplicates"), out.count("evaluated")), (1, 2), "a number and its text are one id");
    let records = out.alarms().iter().filter_map(|alarm| alarm["records"].as_array()).flatten();
    let users: BTreeSet<&str> = records.filter_map(|record| record["user"].as_str()).collect();
    let accounts: BTreeSet<&str> = out.alarms().iter().filter_map(|alarm| alarm["account"]["id"].as_str()).collect();
    assert_eq!(users, BTreeSet::from(["4611686018433460123", "4611686018433460124"]));
    assert_eq!(accounts, BTreeSet::from(["4611686018433460122"]));
}

// ---- names ----

#[test]
fn file_names_do_not_matter() {
    let events = events();
    let folder = folder_of(&[
        ("packed.txt", gz(&lines(&events[..3]))),
        ("table.json", console_csv(&events[3..6], TITLES).into_bytes()),
        ("lines.csv", lines(&events[6..8])),
        ("plain.gz", lines(&events[8..9])),
        ("archive.log", gz(&tarred(&[("member.zip", &zipped(&[("x.png", &lines(&events[9..10]))]))]))),
        ("no-extension", pretty(&reply(&each(&events[10..], text_row))).into_bytes()),
    ]);
    let out = run_in(folder.path(), &["."], b"");
    assert_eq!(out.files(), [6, 0, 0], "{}", out.stderr());
    assert_eq!(out.findings(), scan(&lines(&events)).findings());
}

#[cfg(unix)]
#[test]
fn odd_file_names_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let events = events();
    let names: [&[u8]; 5] =
        [b"line\nbreak.log", b"\x1b[31mred\x1b[0m.log", b"\xff\xfe.log", b"star*[x.log", "日志 .log".as_bytes()];
    for (number, name) in names.iter().enumerate() {
        let damaged = [lines(&events[number..=number]).as_slice(), b"stray\n"].concat();
        fs::write(folder.path().join(OsStr::from_bytes(name)), damaged).expect("the file system takes the name");
    }
    fs::write(folder.path().join("\u{1b}]0;title\u{7}"), "not a log").expect("the file system takes the name");
    let direct: Vec<&OsStr> = names.iter().map(|name| OsStr::from_bytes(name)).collect();
    for (how, out) in
        [("as a folder", run_in(folder.path(), &["."], b"")), ("one by one", run_in(folder.path(), &direct, b""))]
    {
        assert_eq!(out.code, 0, "{how}: {}", out.stderr());
        assert_eq!((out.count("evaluated"), out.count("rejected")), (5, 5), "{how}: {}", out.stderr());
        assert!(!out.stdout.contains(&0x1b) && !out.stderr.contains(&0x1b), "{how}: a raw escape code came through");
        assert!(
            out.stderr().lines().all(|line| line.starts_with("warning: ") || line.starts_with("note: ")),
            "{how}: a name broke a line"
        );
    }
}
