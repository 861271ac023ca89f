//! Parquet read back by a reader of its own holds what JSON lines hold, with types.

use crate::support::{Folder, ZONE, akguard, read_lines, run};
use akguard::report::text::rfc3339;
use parquet::basic::{LogicalType, TimeUnit, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::path::Path;

fn as_json_lines(db: &Path, args: &[&str]) -> Vec<Value> {
    read_lines(&akguard(db, &[args, &["--format", "jsonl"]].concat()))
}

/// The file that a command writes as Parquet.
fn written(folder: &Folder, db: &Path, args: &[&str]) -> SerializedFileReader<File> {
    let path = folder.path("out.parquet");
    akguard(db, &[args, &["--format", "parquet", "--output", &path.to_string_lossy()]].concat());
    SerializedFileReader::new(File::open(path).expect("the file")).expect("Parquet")
}

/// The rows of a file, as JSON writes them.
fn rows(file: &SerializedFileReader<File>) -> Vec<Value> {
    file.get_row_iter(None).expect("rows").map(|row| object(&row.expect("a row"))).collect()
}

fn object(row: &Row) -> Value {
    let fields = row.get_column_iter().map(|(name, field)| (name.clone(), value(field)));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => json!(flag),
        Field::Long(number) => json!(number),
        Field::Str(text) => json!(text),
        Field::TimestampMillis(ms) => json!(rfc3339(*ms, ZONE)),
        Field::Date(days) => json!(rfc3339(i64::from(*days) * 86_400_000, chrono_tz::UTC)[..10]),
        Field::Group(row) => object(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("{other:?} is of no type that is written"),
    }
}

/// A database with the demo in it, with something decided and allowed.
fn demo(folder: &Folder) -> std::path::PathBuf {
    let db = folder.path("demo.db");
    let owned = ["--assets", "fixtures/demo/assets.csv", "--inventory", "fixtures/demo/inventory"];
    akguard(&db, &[&["scan", "fixtures/demo/logs", "--quiet"][..], &owned].concat());
    akguard(&db, &["process", "--rule", "hacker-tool", "--note", "=1+1", "--yes"]);
    let scope = ["--ip", "203.0.113.0/24", "--method", "api", "--reason", "own", "--name", "own"];
    akguard(&db, &[&["allowlist", "add"][..], &scope].concat());
    db
}

#[test]
fn alarms_are_the_objects_of_json_as_json_lines() {
    let folder = Folder::new();
    let db = demo(&folder);
    for args in [&["alarms"][..], &["alarms", "--level", "high"], &["scan", "fixtures/demo/logs", "--no-db", "--quiet"]]
    {
        let (found, expected) = (rows(&written(&folder, &db, args)), as_json_lines(&db, args));
        assert!(expected.len() > 5, "{args:?}");
        assert_eq!(found, expected, "{args:?}");
    }
    assert!(as_json_lines(&db, &["alarms"]).iter().any(|alarm| alarm["decision"]["note"] == "=1+1"));
}

#[test]
fn records_and_calls_are_those_of_json_with_what_csv_adds() {
    let folder = Folder::new();
    let db = demo(&folder);
    for alarm in as_json_lines(&db, &["alarms"]) {
        let id = alarm["id"].as_str().expect("an id");
        let mut expected = as_json_lines(&db, &["calls", id]);
        for record in &mut expected {
            for (name, of) in [("alarm", "id"), ("rule", "rule"), ("ak", "ak"), ("ak_masked", "ak_masked")] {
                record[name] = alarm[of].clone();
            }
            record["ak_remark"] = alarm["ak_remark"].clone();
        }
        assert!(!expected.is_empty());
        assert_eq!(rows(&written(&folder, &db, &["calls", id])), expected, "{id}");
        assert_eq!(rows(&written(&folder, &db, &["show", id])), expected, "{id}");
        let one = ["calls", id, "--record", "1"];
        assert_eq!(rows(&written(&folder, &db, &one)), as_json_lines(&db, &one), "{id}");
    }
}

#[test]
fn columns_have_types() {
    let folder = Folder::new();
    let db = demo(&folder);
    let kinds = |args: &[&str]| {
        let file = written(&folder, &db, args);
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let kind = |leaf: &parquet::schema::types::ColumnDescPtr| {
            (leaf.path().string(), (leaf.physical_type(), leaf.logical_type_ref().cloned(), leaf.max_rep_level()))
        };
        schema.columns().iter().map(kind).collect::<std::collections::BTreeMap<_, _>>()
    };
    let (text, time) = (Some(LogicalType::String), Some(LogicalType::timestamp(true, TimeUnit::MILLIS)));
    let alarms = kinds(&["alarms"]);
    assert_eq!(alarms["id"], (Physical::BYTE_ARRAY, text.clone(), 0));
    assert_eq!(alarms["date"], (Physical::INT32, Some(LogicalType::Date), 0));
    assert_eq!(alarms["calls.total"], (Physical::INT64, None, 0));
    assert_eq!(alarms["last_call"], (Physical::INT64, time.clone(), 0));
    assert_eq!(alarms["decision.at"], (Physical::INT64, time.clone(), 0));
    assert_eq!(alarms["tags.list.element"], (Physical::BYTE_ARRAY, text.clone(), 1));
    assert_eq!(alarms["records.list.element.first_call"], (Physical::INT64, time.clone(), 1));
    assert_eq!(alarms["records.list.element.clients.list.element"], (Physical::BYTE_ARRAY, text, 2));
    let alarm = as_json_lines(&db, &["alarms"]).remove(0);
    let id = alarm["id"].as_str().expect("an id");
    assert_eq!(kinds(&["calls", id])["number"], (Physical::INT64, None, 0));
    let calls = kinds(&["calls", id, "--record", "1"]);
    assert_eq!(calls["success"], (Physical::BOOLEAN, None, 0));
    assert_eq!(calls["time"], (Physical::INT64, time, 0));
}

#[test]
fn hostile_text_stays_what_it_is() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    let evil = "=cmd|'/c calc'!A1\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{0}\r\n\"'\\</script>中文👩‍👩‍👧";
    let cells = "@".repeat(300_000);
    let event = |id: &str, user: &str, text: &str| {
        json!({
            "eventTime": 1_772_380_800, "requestID": id, "eventName": "DeleteUser", "resourceType": "cam",
            "eventType": "ApiCall", "sourceIPAddress": text, "userAgent": text, "errorCode": text, "eventRegion": text,
            "requestParameters": json!({"Name": text}).to_string(), "resources": text,
            "userIdentity": {"type": "CAMUser", "principalId": id, "accountId": text, "userName": user,
                "secretId": text},
        })
        .to_string()
    };
    let log = [event("r-1", evil, evil), event("-1+1", "a", &cells), event("r-3", &cells, "=x"), event("", "", "")];
    let log = folder.file("log.ndjson", log.join("\n") + "\n");
    akguard(&db, &["scan", &log.to_string_lossy(), "--quiet"]);
    let alarms = as_json_lines(&db, &["alarms"]);
    assert!(alarms.iter().any(|alarm| alarm["user"].as_str().is_some_and(|user| user.contains('\u{1b}'))));
    assert_eq!(rows(&written(&folder, &db, &["alarms"])), alarms);
    for alarm in &alarms {
        let one = ["calls", alarm["id"].as_str().expect("an id"), "--record", "1"];
        assert_eq!(rows(&written(&folder, &db, &one)), as_json_lines(&db, &one));
    }
}

#[test]
fn a_pipe_takes_it_and_no_alarms_are_a_table_without_rows() {
    let folder = Folder::new();
    let db = demo(&folder);
    let piped = run(&db, &["alarms", "--format", "parquet"]);
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    let file = folder.file("piped.parquet", piped.stdout);
    let piped = SerializedFileReader::new(File::open(file).expect("the file")).expect("Parquet");
    assert_eq!(rows(&piped), as_json_lines(&db, &["alarms"]));
    assert_eq!(piped.metadata().file_metadata().created_by(), Some("akguard version 0.1.0"));
    let none = written(&folder, &db, &["alarms", "--since", "2099-01-01"]);
    assert_eq!((rows(&none).len(), none.metadata().file_metadata().schema_descr().num_columns()), (0, 54));
}
