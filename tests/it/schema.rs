//! What commands print fits the published schemas, and every command says which formats it has.

use crate::support::Folder;
use regex::Regex;
use serde_json::{Value, json};
use std::process::{Command, Output};

/// A published schema.
struct Schema(Value);

impl Schema {
    fn read(name: &str) -> Self {
        let path = format!("{}/docs/schema/{name}", env!("CARGO_MANIFEST_DIR"));
        Self(serde_json::from_str(&std::fs::read_to_string(path).expect("a schema")).expect("JSON"))
    }

    /// What is wrong with a value under one of the definitions.
    fn problems(&self, definition: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.check(&json!({"$ref": format!("#/$defs/{definition}")}), value, definition, &mut found);
        found
    }

    /// Checks the keywords that our schemas use. Another one is a mistake of the schema, not a thing to pass over.
    fn check(&self, rule: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        for (keyword, wanted) in rule.as_object().expect("a schema is an object") {
            let fine = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    let place = wanted.as_str().and_then(|place| place.strip_prefix('#')).expect("a place in here");
                    let target = self.0.pointer(place).unwrap_or_else(|| panic!("there is no {place}"));
                    self.check(target, value, at, found);
                    true
                }
                "const" => value == wanted,
                "enum" => wanted.as_array().expect("a list").contains(value),
                "type" => match wanted {
                    Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                    kind => is(value, kind),
                },
                "minimum" => value.as_i64().is_none_or(|number| number >= wanted.as_i64().expect("a number")),
                "pattern" => {
                    let pattern = Regex::new(wanted.as_str().expect("a text")).expect("a pattern");
                    value.as_str().is_none_or(|text| pattern.is_match(text))
                }
                "anyOf" => wanted.as_array().expect("a list").iter().any(|rule| {
                    let mut inner = Vec::new();
                    self.check(rule, value, at, &mut inner);
                    inner.is_empty()
                }),
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(wanted, item, &format!("{at}[{place}]"), found);
                    }
                    true
                }
                "required" => {
                    let names = wanted.as_array().expect("a list").iter().filter_map(Value::as_str);
                    value.as_object().is_none_or(|fields| names.into_iter().all(|name| fields.contains_key(name)))
                }
                "properties" => {
                    for (name, inner) in value.as_object().into_iter().flatten() {
                        if let Some(rule) = wanted.get(name) {
                            self.check(rule, inner, &format!("{at}.{name}"), found);
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = |name: &String| rule["properties"].get(name).is_some();
                    wanted != &json!(false) || value.as_object().is_none_or(|fields| fields.keys().all(known))
                }
                other => panic!("{at}: the schema uses {other}, which this test does not know"),
            };
            if !fine {
                let text: String = value.to_string().chars().take(200).collect();
                found.push(format!("{at}: {keyword} {wanted} does not fit {text}"));
            }
        }
    }

    /// Objects that say nothing about further fields, or name no fields at all.
    fn open_objects(rule: &Value, at: &str, found: &mut Vec<String>) {
        if let Some(fields) = rule.as_object() {
            if fields.contains_key("properties") && fields.get("additionalProperties") != Some(&json!(false)) {
                found.push(at.to_string());
            }
            fields.iter().for_each(|(name, inner)| Self::open_objects(inner, &format!("{at}/{name}"), found));
        } else if let Some(list) = rule.as_array() {
            for inner in list {
                Self::open_objects(inner, at, found);
            }
        }
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().expect("a type is a text") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

/// A database of the demo with something decided, remarked and allowed in it.
struct Demo {
    folder: Folder,
    ids: Vec<String>,
}

impl Demo {
    fn new() -> Self {
        let mut demo = Self { folder: Folder::new(), ids: Vec::new() };
        demo.text(&["scan", "fixtures/demo/logs", "--assets", "fixtures/demo/assets.csv", "--quiet"]);
        demo.text(&["scan", "fixtures/demo/logs", "--inventory", "fixtures/demo/inventory", "--quiet"]);
        let alarms: Value = serde_json::from_str(&demo.text(&["alarms", "--format", "json"])).expect("JSON");
        let ids = alarms["alarms"].as_array().expect("alarms").iter();
        demo.ids = ids.map(|alarm| alarm["id"].as_str().expect("an id").to_string()).collect();
        demo.text(&["process", &demo.ids[0], "--note", "key rotated"]);
        demo.text(&["ignore", &demo.ids[1]]);
        demo.text(&[
            "allowlist",
            "add",
            "--ip",
            "203.0.113.0/24",
            "--method",
            "api",
            "--reason",
            "own",
            "--name",
            "own",
        ]);
        let more = ["--ip-type", "outside", "--ak", "temporary", "--reason", "sessions", "--expires", "30d"];
        demo.text(&[&["allowlist", "add", "--name", "sessions"], &more[..]].concat());
        demo
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_akguard"))
            .args(args)
            .env_clear()
            .env("AKGUARD_DB", self.folder.path("a.db"))
            .env("USER", "wen")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the program runs")
    }

    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[args, &["--format", "json"]].concat())).expect("JSON")
    }

    fn lines(&self, args: &[&str], format: &str) -> Vec<Value> {
        let text = self.text(&[args, &["--format", format]].concat());
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn csc(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[args, &["--format", "csc-json"]].concat())).expect("JSON")
    }
}

fn first<'v>(list: &'v Value, field: &str) -> &'v str {
    list[0][field].as_str().expect("a text")
}

#[test]
fn what_commands_print_fits_its_schema() {
    let (demo, schema) = (Demo::new(), Schema::read("akguard-1.json"));
    let fits = |definition: &str, value: &Value| assert_eq!(schema.problems(definition, value), Vec::<String>::new());
    let both = |whole: &str, item: &str, args: &[&str]| {
        fits(whole, &demo.json(args));
        let lines = demo.lines(args, "jsonl");
        assert!(!lines.is_empty(), "{args:?}");
        for line in &lines {
            fits(item, line);
        }
    };
    both("scan", "alarm", &["scan", "fixtures/demo/logs", "--no-db", "--quiet"]);
    both("alarms", "alarm", &["alarms"]);
    both("ak_list", "key", &["ak", "list"]);
    both("ip_list", "ip", &["ip", "list"]);
    both("allowlist_list", "policy", &["allowlist", "list"]);
    fits("allowlist_show", &demo.json(&["allowlist", "show", "own"]));
    for id in &demo.ids {
        both("show", "show", &["show", id]);
        both("calls", "numbered_record", &["calls", id]);
        both("calls_record", "call", &["calls", id, "--record", "1"]);
    }
    let (keys, ips) = (demo.json(&["ak", "list"])["keys"].take(), demo.json(&["ip", "list"])["ips"].take());
    let permanent = keys.as_array().expect("keys").iter().filter(|key| key["ak"] != "TEMP_AK");
    permanent.for_each(|key| both("ak_show", "ak_show", &["ak", "show", key["ak"].as_str().expect("an id")]));
    for ip in ips.as_array().expect("addresses") {
        both("ip_show", "ip_show", &["ip", "show", ip["ip"].as_str().expect("an address")]);
    }
    assert!(schema.problems("ip", &keys[0]).len() > 1, "the check can fail");
}

#[test]
fn findings_fit_the_schema_of_ocsf() {
    let (demo, schema) = (Demo::new(), Schema::read("ocsf-2004.json"));
    let alarms = demo.json(&["alarms"])["alarms"].take();
    let findings = demo.lines(&["alarms"], "ocsf");
    for (finding, alarm) in findings.iter().zip(alarms.as_array().expect("alarms")) {
        let mut found = Vec::new();
        schema.check(&schema.0, finding, "finding", &mut found);
        assert_eq!(found, Vec::<String>::new());
        assert_eq!((&finding["metadata"]["uid"], &finding["count"]), (&alarm["id"], &alarm["calls"]["total"]));
        let records = alarm["records"].as_array().expect("records").len();
        assert_eq!(finding["evidences"].as_array().map(Vec::len), Some(records));
    }
    let of = |status: &str, field: &str| {
        let is = |finding: &&Value| finding["status"] == status;
        findings.iter().find(is).unwrap_or_else(|| panic!("one is {status}"))[field].clone()
    };
    assert_eq!((of("Resolved", "comment"), of("Resolved", "activity_id")), (json!("key rotated"), json!(3)));
    assert_eq!((of("New", "status_id"), of("New", "type_uid")), (json!(1), json!(200_401)));
    let covered = findings.iter().find(|finding| finding["unmapped"]["level"] == "invalid").expect("one is covered");
    assert!(covered["status_detail"].as_str().is_some_and(|text| text.ends_with(": own") || text.contains("sessions")));
    assert_eq!(demo.lines(&["show", &demo.ids[0]], "ocsf").len(), 1);
    let scan = ["scan", "fixtures/demo/logs", "--no-db", "--quiet"];
    assert_eq!(demo.lines(&scan, "ocsf").len(), demo.lines(&scan, "jsonl").len());
}

#[test]
fn schemas_leave_no_object_open_that_names_its_fields() {
    for name in ["akguard-1.json", "ocsf-2004.json"] {
        let mut open = Vec::new();
        Schema::open_objects(&Schema::read(name).0, name, &mut open);
        assert_eq!(open, Vec::<String>::new());
    }
}

#[test]
fn the_consoles_numbers_are_the_same_everywhere() {
    let demo = Demo::new();
    let alarms = demo.csc(&["alarms"]);
    let one = alarms["Data"].as_array().expect("a list").iter().find(|one| one["RuleKey"] == "github-key-confirmation");
    let one = one.expect("the demo has a leak");
    let codes = ["Level", "AlarmType", "Status", "Type", "CloudType"].map(|field| one[field].as_u64());
    assert_eq!(codes, [Some(5), Some(1), Some(1), Some(1), Some(0)]);
    assert_eq!(one["LastAlarmTime"], "2026-03-10 17:42:18");
    let id = demo.ids.iter().find(|id| demo.csc(&["show", id])["AlarmInfo"]["ID"] == one["ID"]).expect("it is listed");
    assert_eq!(one["ID"].as_u64(), u64::from_str_radix(&id[2..15], 16).ok());
    assert_eq!(demo.csc(&["alarms", "--tz", "UTC"]), alarms, "the console's times have one zone");

    let records = demo.csc(&["calls", id]);
    let record = &records["Data"][0];
    assert_eq!((&records["Total"], &record["AccessKeyID"]), (&json!(1), &one["AccessKeyID"]));
    assert_eq!(
        ["EventType", "IPType", "Code", "CallCount"].map(|field| record[field].as_u64()),
        [1, 1, 0, 1].map(Some)
    );
    assert_eq!((&record["UserType"], &record["ProductName"]), (&json!("CAMUser"), &json!("sts")));
    let call = &demo.csc(&["calls", id, "--record", "1"])["Data"][0];
    assert_eq!((&call["CallID"], &call["CallCount"]), (&json!("54376cc6-7fce-4c5a-8650-b9e0c84df5c6"), &json!(1)));

    let keys = demo.csc(&["ak", "list"]);
    let key =
        keys["Data"].as_array().expect("keys").iter().find(|key| key["ID"] == one["AccessKeyID"]).expect("listed");
    assert_eq!(demo.csc(&["ak", "show", first(&json!([key]), "Name")])["Data"][0], *key);
    let ips = demo.csc(&["ip", "list"]);
    let ip = ips["Data"].as_array().expect("addresses").iter().find(|ip| ip["SourceIP"] == record["SourceIP"]);
    let shown = demo.csc(&["ip", "show", first(&json!([ip]), "SourceIP")]);
    assert_eq!(Some(&shown["SourceIPInfo"]), ip);

    let policies = demo.csc(&["allowlist", "list"]);
    assert_eq!((&policies["Total"], &policies["Data"][0]["CallType"]), (&json!(2), &json!(2)));
    assert_eq!(policies["Data"][1]["AkImportType"], 2);
    assert_eq!(demo.csc(&["allowlist", "show", "own"])["Data"][0], policies["Data"][0]);
    let file = demo.folder.file("list.json", policies.to_string());
    demo.text(&["allowlist", "import", &file.to_string_lossy(), "--dry-run", "--replace"]);
}

#[test]
fn a_command_without_a_format_names_those_it_has() {
    let demo = Demo::new();
    for (args, format) in [
        (&["diff", "--since", "1d"][..], "csc-json"),
        (&["calls", "A-1"], "ocsf"),
        (&["ak", "list"], "ocsf"),
        (&["ip", "list"], "parquet"),
        (&["ip", "show", "192.0.2.66"], "ocsf"),
        (&["allowlist", "test", "--ip", "192.0.2.1"], "csc-json"),
        (&["allowlist", "list"], "ocsf"),
        (&["rules", "list"], "csc-json"),
        (&["db", "info"], "ocsf"),
    ] {
        let output = demo.run(&[args, &["--format", format]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(&format!("invalid value '{format}' for '--format")), "{said}");
        assert!(said.contains("[possible values: table, json"), "{said}");
    }
}
