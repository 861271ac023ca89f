//! What holds for any events: order, split, duplicates, threads and batches change nothing.

use crate::support::{Folder, alarms_json, any_event, lines, scan_events, scan_files, world};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Every rule, the optional one too.
const ALL_ON: &str = "[rules.abnormal-ip-high-risk-api]\nenabled = true\n";

/// Random events without two that share an event key: copies that differ are told apart by order alone.
fn distinct(events: Vec<Value>) -> Vec<Value> {
    let key =
        |event: &Value| format!("{}{}{}", event["requestID"], event["eventName"], event["userIdentity"]["principalId"]);
    let mut seen = std::collections::BTreeSet::new();
    events.into_iter().filter(|event| seen.insert(key(event))).collect()
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(any_event(), 1..120).prop_map(distinct)
}

/// The same events as other exports give them.
fn shapes(events: &[Value]) -> Vec<(&'static str, String)> {
    let rows: Vec<Value> = events.iter().map(|event| json!({"CloudAuditEvent": event.to_string()})).collect();
    let logs: Vec<Value> = events.iter().map(|event| json!({"Time": 1, "LogJson": event.to_string()})).collect();
    let texts: Vec<String> = events.iter().map(Value::to_string).collect();
    let bridge: Vec<Value> =
        events.iter().map(|event| json!({"specversion": "1.0", "id": "x", "data": event})).collect();
    let pretty = |value: &Value| format!("{value:#}\n");
    let mut csv = ::csv::Writer::from_writer(Vec::new());
    csv.write_record(["EventName", "CloudAuditEvent"]).expect("CSV");
    for event in events {
        csv.write_record([event["eventName"].as_str().unwrap_or_default(), &event.to_string()]).expect("CSV");
    }
    let csv = String::from_utf8(csv.into_inner().expect("CSV")).expect("text");
    vec![
        ("list", json!(events).to_string()),
        ("indented", events.iter().map(pretty).collect()),
        ("reply", pretty(&json!({"Response": {"Events": rows, "RequestId": "reply"}}))),
        ("tccli", json!({"Events": rows, "RequestId": "reply"}).to_string()),
        ("cls", json!({"Results": logs, "RequestId": "reply"}).to_string()),
        ("texts", json!(texts).to_string()),
        ("bridge", lines(&bridge)),
        ("csv", csv),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn row_order_does_not_matter(events in events(), seed in any::<u64>()) {
        let (world, engine) = world(ALL_ON);
        let mut shuffled = events.clone();
        shuffled.sort_by_key(|event| {
            let id = event["requestID"].as_str().unwrap_or_default().bytes().fold(seed, |n, b| n.rotate_left(5) ^ u64::from(b));
            id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        prop_assert_eq!(
            alarms_json(&scan_events(&events, &world, &engine)),
            alarms_json(&scan_events(&shuffled, &world, &engine))
        );
    }

    #[test]
    fn splitting_over_files_and_threads_does_not_matter(events in events(), cuts in prop::collection::vec(any::<Index>(), 0..5)) {
        let (world, engine) = world(ALL_ON);
        let folder = Folder::new();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(events.len())).collect();
        places.extend([0, events.len()]);
        places.sort_unstable();
        let files: Vec<_> = places.windows(2).enumerate()
            .map(|(n, pair)| folder.file(&format!("{n}.ndjson"), lines(&events[pair[0]..pair[1]])))
            .collect();
        let whole = alarms_json(&scan_events(&events, &world, &engine));
        for workers in [1, 2, 5] {
            prop_assert_eq!(&alarms_json(&scan_files(&files, &world, &engine, workers)), &whole);
        }
    }

    #[test]
    fn duplicates_add_nothing(events in events(), again in any::<Index>()) {
        let (world, engine) = world(ALL_ON);
        let once = scan_events(&events, &world, &engine);
        let mut twice = events.clone();
        twice.extend_from_slice(&events[again.index(events.len())..]);
        twice.extend_from_slice(&events);
        let copies = (twice.len() - events.len()) as u64;
        let doubled = scan_events(&twice, &world, &engine);
        prop_assert_eq!(doubled.events.duplicates, copies);
        prop_assert_eq!(doubled.events.evaluated, once.events.evaluated);
        prop_assert_eq!(alarms_json(&doubled), alarms_json(&once));
    }

    #[test]
    fn the_sums_reconcile(events in prop::collection::vec(any_event(), 0..60), broken in prop::collection::vec(".{0,20}", 0..10)) {
        let (world, engine) = world("");
        let folder = Folder::new();
        let mut text = lines(&events);
        for line in &broken {
            text += &format!("x{}\n", line.replace(['\n', '\r', '{', '[', '"'], ""));
        }
        let outcome = scan_files(&[folder.file("mixed", text)], &world, &engine, 2);
        let counts = outcome.events;
        let sum = counts.outside_range + counts.duplicates + counts.platform + counts.without_key + counts.evaluated;
        prop_assert_eq!(counts.read, sum);
        if !events.is_empty() {
            prop_assert_eq!(counts.read, events.len() as u64);
            prop_assert_eq!(counts.rejected, broken.len() as u64);
        }
    }

    #[test]
    fn the_shape_of_an_export_does_not_matter(events in events()) {
        let (world, engine) = world(ALL_ON);
        let folder = Folder::new();
        let plain = alarms_json(&scan_events(&events, &world, &engine));
        for (name, text) in shapes(&events) {
            let outcome = scan_files(&[folder.file(name, text)], &world, &engine, 2);
            prop_assert_eq!(alarms_json(&outcome), plain.clone(), "{}", name);
        }
    }

    #[test]
    fn ids_never_show_the_middle_of_a_key(id in "[A-Za-z0-9]{1,80}") {
        let masked = akguard::event::id::mask_key(&id);
        let shown: usize = masked.chars().filter(|c| *c != '*').count();
        prop_assert!(shown * 2 <= id.len());
        let (head, tail) = masked.split_once("***").expect("a mask");
        prop_assert!(id.starts_with(head) && id.ends_with(tail));
    }
}

#[test]
fn more_events_than_a_batch_give_the_same_alarms_in_any_order() {
    let (world, engine) = world(ALL_ON);
    let event = |n: u64| {
        serde_json::json!({
            "eventTime": 1_772_380_800 + n % 900_000,
            "requestID": format!("{n:08x}-0000-4000-8000-000000000000"),
            "eventName": (["DescribeInstances", "DeleteUser", "ListUsers"][(n % 3) as usize]),
            "resourceType": (["cvm", "cam", "cam"][(n % 3) as usize]),
            "eventType": "ApiCall",
            "sourceIPAddress": format!("192.0.2.{}", n % 7),
            "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
                "userName": "alice", "secretId": format!("AKIDEXAMPLE{:025}", n % 5)},
        })
    };
    let events: Vec<Value> = (0..80_000).map(|n| event(n * 7_919 % 80_000)).collect();
    let sorted: Vec<Value> = (0..80_000).map(event).collect();
    let (a, b) = (scan_events(&events, &world, &engine), scan_events(&sorted, &world, &engine));
    assert_eq!(a.events.evaluated, 80_000);
    assert!(!a.alarms.is_empty());
    assert_eq!(alarms_json(&a), alarms_json(&b));
}

/// Steps of a tool by one key, so many that those of four keys do not fit the memory that is there for them.
fn steps(key: u32) -> Vec<Value> {
    let apis = ["CreateCommand", "InvokeCommand", "DescribeInvocationTasks", "DeleteCommand"];
    let step = |number: u32| {
        json!({
            "eventName": apis[number as usize % 4], "resourceType": "tat", "eventTime": 1_772_373_600 + u64::from(number) * 7,
            "requestID": format!("{key}-{number}"), "eventType": "ApiCall", "actionType": "Read",
            "sourceIPAddress": "203.0.113.77", "errorCode": "0", "apiErrorCode": "0", "eventRegion": "ap-guangzhou",
            "userIdentity": {
                "type": "CAMUser", "principalId": format!("10000000100{key}"), "accountId": "100000000001",
                "userName": format!("user-{key}"), "secretId": format!("AKIDEXAMPLE000000000000000000000000{key}"),
            },
        })
    };
    (0..6_000).map(step).collect()
}

#[test]
fn events_that_wait_in_a_file_are_judged_like_those_in_memory() {
    let (world, engine) = world(ALL_ON);
    let folder = Folder::new();
    let alarms = |name: &str, events: &[Value]| -> Vec<String> {
        let outcome = scan_files(&[folder.file(name, lines(events))], &world, &engine, 1);
        alarms_json(&outcome).lines().map(str::to_string).collect()
    };
    let by_key: Vec<Vec<Value>> = (0..4).map(steps).collect();
    let mut apart: Vec<String> =
        by_key.iter().enumerate().flat_map(|(key, events)| alarms(&format!("{key}.ndjson"), events)).collect();
    let mut together = alarms("all.ndjson", &by_key.concat());
    assert!(apart.iter().any(|alarm| alarm.contains("hacker-tool")), "{apart:?}");
    apart.sort();
    together.sort();
    assert_eq!(together, apart);
}
