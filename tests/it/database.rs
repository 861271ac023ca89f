//! What a database must hold after any way of scanning: daily runs, overlaps and repeats give the state of one scan.

use crate::support::{Folder, ZONE, any_event, lines, world, world_of};
use akguard::detect::engine::Engine;
use akguard::enrich::World;
use akguard::ingest::source::Input;
use akguard::pipeline::ScanPlan;
use akguard::progress::Progress;
use akguard::store::Db;
use akguard::store::scan::{Job, Scanned, scan};
use proptest::prelude::*;
use rusqlite::types::Value as Cell;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every rule, the optional one too.
const ALL_ON: &str = "[rules.abnormal-ip-high-risk-api]\nenabled = true\n";

pub(crate) fn job(now: i64) -> Job {
    Job { command: "test".to_string(), zone: ZONE.to_string(), now, context: [7; 32], most: 1000, rescan: false }
}

/// Scans files into a database.
pub(crate) fn scan_into(db: &Path, files: &[PathBuf], world: &World, engine: &Engine, job: &Job) -> Scanned {
    let db = Db::open_or_create(db, Duration::from_secs(10)).expect("a database");
    let inputs = files.iter().cloned().map(Input::File).collect();
    let plan = ScanPlan { inputs, since: None, until: None, workers: 2, memory: akguard::pipeline::MEMORY };
    scan(&db, &plan, world, engine, job, &Progress::default()).expect("the scan ends well")
}

/// What a query gives, one line a row, sorted.
fn rows(db: &Path, sql: &str) -> Vec<String> {
    let db = Db::open(db, Duration::from_secs(10)).expect("a database");
    let mut statement = db.conn.prepare(sql).expect("a query");
    let columns = statement.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let cell = |place: usize| row.get::<_, Cell>(place).map(|cell| format!("{cell:?}"));
        (0..columns).map(cell).collect::<rusqlite::Result<Vec<_>>>().map(|cells| cells.join(" | "))
    };
    let mut found: Vec<String> =
        statement.query_map([], |row| line(row)).expect("rows").collect::<rusqlite::Result<_>>().expect("rows");
    found.sort();
    found
}

/// Everything that scans put into a database, but for when and under which number.
pub(crate) fn state(db: &Path) -> Vec<String> {
    const RECORD: &str = "a.id, r.source_ip, r.service, r.action, r.api_call, r.user_type, r.user, r.code, r.ok";
    let queries = [
        "SELECT 'alarm', id, rule, type, level, date, account, app_id, identity, user, ak, owner, role, ak_remark, first_call, \
         last_call, success, failed, tags, why, event_ids FROM alarms WHERE success + failed > 0"
            .to_string(),
        format!(
            "SELECT 'record', {RECORD}, r.calls, r.first_call, r.last_call, r.region, r.api_regions, r.ip_type, r.ip_remark, \
             r.asset_id, r.asset_name, r.policies, r.clients FROM records r JOIN alarms a ON a.number = r.alarm"
        ),
        format!(
            "SELECT 'call', {RECORD}, c.time, c.event, c.request_id, e.event_id, e.body, e.resources \
             FROM calls c JOIN records r ON r.number = c.record JOIN alarms a ON a.number = r.alarm \
             LEFT JOIN events e ON e.event = c.event"
        ),
        "SELECT 'sighting', * FROM sightings WHERE rule <> 'hacker-tool' AND rule <> 'dormant-key-used'".to_string(),
        "SELECT 'past', * FROM key_past".to_string(),
        "SELECT 'account', * FROM accounts".to_string(),
        "SELECT 'first use', * FROM first_uses".to_string(),
        "SELECT 'user', * FROM created_users".to_string(),
        "SELECT 'key', * FROM created_keys".to_string(),
        "SELECT 'listed', * FROM listed".to_string(),
        "SELECT 'ak', l.account, l.ak, l.owner, l.role, x.user_type, x.user, x.principal, x.service, x.action, x.outcome, \
         x.first, x.last FROM ak_api x JOIN labels l ON l.number = x.label"
            .to_string(),
        "SELECT 'ak ip', l.account, l.ak, l.owner, l.role, x.ip, x.first, x.last FROM ak_ip x JOIN labels l ON l.number = x.label"
            .to_string(),
        "SELECT 'request', l.account, l.ak, l.owner, l.role, x.user_type, x.user, x.principal, x.service, x.action, x.data \
         FROM requests x JOIN labels l ON l.number = x.label"
            .to_string(),
        "SELECT 'day', * FROM seen_days".to_string(),
        "SELECT 'inventory', kind, id, data FROM inventory".to_string(),
        "SELECT 'ip', * FROM ip_uses".to_string(),
        "SELECT 'place', * FROM ips".to_string(),
    ];
    queries.iter().flat_map(|sql| rows(db, sql)).collect()
}

/// The settings, assets and inventory of a rule's case.
fn world_of_case(case: &Path, folder: &Folder) -> (World, Engine) {
    let beside = |ending: &str| case.with_extension(ending);
    let settings = Some(beside("toml")).filter(|path| path.exists()).unwrap_or_else(|| folder.file("akguard.toml", ""));
    let others = [beside("assets.csv"), beside("inventory")].into_iter().filter(|path| path.exists());
    world_of(&settings, &others.collect::<Vec<_>>())
}

#[test]
fn every_case_of_every_rule_scanned_in_pieces_backwards_gives_the_state_of_one_scan() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules");
    let mut cases: Vec<PathBuf> =
        glob::glob(&rules.join("*/*.jsonl").to_string_lossy()).expect("a pattern").flatten().collect();
    cases.sort();
    assert!(cases.len() > 150, "{} cases", cases.len());
    let mut wrong = Vec::new();
    // In this one, copies of an event differ in their event id, and the first in order counts.
    cases.retain(|case| !case.ends_with("non-console-high-risk-api/edge-duplicates.jsonl"));
    for case in cases {
        let folder = Folder::new();
        let (world, engine) = world_of_case(&case, &folder);
        let text = std::fs::read_to_string(&case).expect("a case");
        let events: Vec<&str> = text.lines().collect();
        let (whole, pieces) = (folder.path("whole.db"), folder.path("pieces.db"));
        scan_into(&whole, std::slice::from_ref(&case), &world, &engine, &job(1));
        for (now, piece) in (1..).zip(events.rchunks(events.len().div_ceil(40))) {
            let file = folder.file("piece.ndjson", piece.join("\n"));
            scan_into(&pieces, &[file], &world, &engine, &job(now));
        }
        let (one, many) = (state(&whole), state(&pieces));
        let only = |a: &[String], b: &[String]| a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>();
        let (missing, more) = (only(&one, &many), only(&many, &one));
        if one != many {
            wrong.push(format!("{}\n  missing {missing:#?}\n  more {more:#?}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Random events without two that share an event key.
fn distinct(events: Vec<Value>) -> Vec<Value> {
    let key =
        |event: &Value| format!("{}{}{}", event["requestID"], event["eventName"], event["userIdentity"]["principalId"]);
    let mut seen = std::collections::BTreeSet::new();
    events.into_iter().filter(|event| seen.insert(key(event))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn scans_in_any_pieces_and_order_give_the_state_of_one(
        events in prop::collection::vec(any_event(), 1..150).prop_map(distinct),
        pieces in prop::collection::vec(0_usize..5, 150),
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
        again in 0_usize..5,
    ) {
        let (world, engine) = world(ALL_ON);
        let folder = Folder::new();
        let whole = folder.path("whole.db");
        let daily = folder.path("daily.db");
        let all = folder.file("all.ndjson", lines(&events));
        scan_into(&whole, std::slice::from_ref(&all), &world, &engine, &job(1));
        for (now, piece) in (1..).zip(order.iter().chain([&again])) {
            let of_piece: Vec<Value> =
                events.iter().zip(&pieces).filter(|(_, of)| *of == piece).map(|(event, _)| event.clone()).collect();
            let file = folder.file(&format!("{piece}.ndjson"), lines(&of_piece));
            scan_into(&daily, &[file], &world, &engine, &Job { rescan: true, ..job(now) });
        }
        let (one, many) = (state(&whole), state(&daily));
        prop_assert_eq!(&one, &many);
        // Overlaps change nothing: everything once more, in one piece.
        scan_into(&daily, &[all], &world, &engine, &job(9));
        prop_assert_eq!(&one, &state(&daily));
    }
}
