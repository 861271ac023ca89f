//! What must not hurt a database: being killed, a full disk, two at a time, files that are no database.

use crate::database::{job, scan_into, state};
use crate::support::{Folder, any_event, lines, world};
use akguard::store::{Db, StoreError};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(10);

fn demo(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo").join(of)
}

fn akguard(folder: &Folder, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    command.args(args).env_clear().current_dir(folder.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn scan_demo(folder: &Folder, db: &Path, more: &[&str]) -> Command {
    let mut command = akguard(folder, &["scan"]);
    command.arg(demo("logs")).arg("--assets").arg(demo("assets.csv")).arg("--inventory").arg(demo("inventory"));
    command.arg("--db").arg(db).args(["--format", "json"]).args(more);
    command
}

fn finish(command: &mut Command) -> Output {
    command.output().expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn killed_at_a_hundred_moments_a_scan_loses_nothing() {
    let folder = Folder::new();
    let whole = folder.path("whole.db");
    let began = Instant::now();
    assert!(finish(&mut scan_demo(&folder, &whole, &[])).status.success());
    let span = began.elapsed();
    let expected = state(&whole);
    for database in 0..10 {
        let db = folder.path(&format!("{database}.db"));
        for moment in 0..10_u32 {
            let mut child: Child = scan_demo(&folder, &db, &["--rescan"]).spawn().expect("the program starts");
            // Spread over the time that a scan takes, differently for each database.
            std::thread::sleep(span * (moment * 10 + database) / 95);
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            if db.exists() && db.metadata().is_ok_and(|metadata| metadata.len() > 0) {
                let open = Db::open(&db, WAIT).expect("the database opens");
                assert_eq!(open.check().expect("it can be read"), Vec::<String>::new());
            }
        }
        assert!(finish(&mut scan_demo(&folder, &db, &[])).status.success());
        assert_eq!(state(&db), expected);
    }
}

#[test]
fn of_two_scans_at_once_the_second_waits() {
    let folder = Folder::new();
    let (db, whole) = (folder.path("a.db"), folder.path("whole.db"));
    assert!(finish(&mut scan_demo(&folder, &whole, &[])).status.success());
    let scans: Vec<Child> =
        (0..4).map(|_| scan_demo(&folder, &db, &["--rescan"]).spawn().expect("the program starts")).collect();
    for scan in scans {
        let output = scan.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(state(&db), state(&whole));
}

#[test]
fn of_several_that_make_the_same_database_none_fails() {
    for _ in 0..10 {
        let folder = Folder::new();
        let add = |n: u8| {
            let ip = format!("192.0.2.{n}");
            let mut command = akguard(&folder, &["allowlist", "add", "--ip", &ip, "--reason", "x", "--db", "a.db"]);
            command.spawn().expect("the program starts")
        };
        let all: Vec<Child> = (1..=6).map(add).collect();
        for one in all {
            let output = one.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", stderr(&output));
        }
        let listed = finish(&mut akguard(&folder, &["allowlist", "list", "--format", "jsonl", "--db", "a.db"]));
        assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 6);
    }
}

#[test]
fn a_scan_gives_up_when_the_database_stays_locked_and_readers_do_not_care() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    assert!(finish(&mut scan_demo(&folder, &db, &[])).status.success());
    let before = state(&db);
    let holder = Db::open(&db, WAIT).expect("a database");
    holder.conn.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let output = finish(&mut scan_demo(&folder, &db, &["--rescan", "--wait", "1s"]));
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(
        told.contains("waiting up to 1s") && told.contains("gave up") && told.contains("hint: try again"),
        "{told}"
    );
    let info = finish(akguard(&folder, &["db", "info", "--db"]).arg(&db));
    assert!(info.status.success(), "{}", stderr(&info));
    holder.conn.execute_batch("ROLLBACK").expect("unlocked");
    assert_eq!(state(&db), before);
}

#[test]
fn a_full_disk_is_told_and_changes_nothing() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let (world, engine) = world("");
    let mut runner = TestRunner::deterministic();
    let mut some_events = || {
        let events = proptest::collection::vec(any_event(), 400).new_tree(&mut runner).expect("events").current();
        folder.file("events.ndjson", lines(&events))
    };
    scan_into(&path, &[some_events()], &world, &engine, &job(1));
    let before = state(&path);
    let db = Db::open(&path, WAIT).expect("a database");
    let pages: i64 = db.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a number");
    db.conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).expect("a limit");
    let plan = akguard::pipeline::ScanPlan {
        inputs: vec![akguard::ingest::source::Input::File(some_events())],
        since: None,
        until: None,
        workers: 2,
        memory: akguard::pipeline::MEMORY,
    };
    let progress = akguard::progress::Progress::default();
    let error = akguard::store::scan::scan(&db, &plan, &world, &engine, &job(2), &progress).expect_err("no room");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    drop(db);
    assert_eq!(state(&path), before);
}

#[test]
fn what_is_no_database_of_ours_is_refused_and_left_alone() {
    let folder = Folder::new();
    let refused = |path: &Path| {
        let before = std::fs::read(path).expect("a file");
        let error = Db::open_or_create(path, WAIT).expect_err("refused");
        assert_eq!(std::fs::read(path).expect("a file"), before);
        error
    };
    let text = folder.file("notes.txt", "these are notes, longer than a header");
    assert!(matches!(refused(&text), StoreError::Foreign { .. }));
    let other = folder.path("other.db");
    let conn = rusqlite::Connection::open(&other).expect("a database");
    conn.execute_batch("CREATE TABLE notes (text)").expect("a table");
    drop(conn);
    assert!(matches!(refused(&other), StoreError::Foreign { .. }));
    let newer = folder.path("newer.db");
    drop(Db::open_or_create(&newer, WAIT).expect("a database"));
    let conn = rusqlite::Connection::open(&newer).expect("a database");
    conn.pragma_update(None, "user_version", 99).expect("a version");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("written back");
    drop(conn);
    let error = refused(&newer);
    assert!(error.to_string().contains("newer akguard"), "{error}");
    let nowhere = folder.file("file", "").join("akguard.db");
    assert!(matches!(Db::open_or_create(&nowhere, WAIT), Err(StoreError::Open { .. })));
    assert!(matches!(Db::open(&folder.path("none.db"), WAIT), Err(StoreError::Missing(_))));
}

#[test]
fn a_damaged_database_is_told_of_and_never_panics() {
    let folder = Folder::new();
    let db = folder.path("a.db");
    assert!(finish(&mut scan_demo(&folder, &db, &[])).status.success());
    let good = std::fs::read(&db).expect("a file");
    for step in 0..40_usize {
        let mut bad = good.clone();
        let from = 4096 + step * (good.len() - 8192) / 40;
        bad[from..from + 2048].fill(0xa5);
        std::fs::write(&db, &bad).expect("a file");
        for args in [&["db", "check"] as &[&str], &["db", "info"]] {
            let output = finish(akguard(&folder, args).arg("--db").arg(&db));
            assert!(output.status.code().is_some_and(|code| code <= 1), "{}", stderr(&output));
        }
        let output = finish(&mut scan_demo(&folder, &db, &["--rescan"]));
        assert!(output.status.code().is_some_and(|code| code <= 1), "{}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let db = folder.path("new/folder/a.db");
    let scan = finish(&mut scan_demo(&folder, &db, &[]));
    assert!(scan.status.success(), "{}", stderr(&scan));
    let copy = folder.path("copy.db");
    assert!(finish(akguard(&folder, &["db", "--db"]).arg(&db).arg("backup").arg(&copy)).status.success());
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&db), mode(&copy), mode(&folder.path("new/folder"))), (0o600, 0o600, 0o700));
    assert_eq!(state(&copy), state(&db));
}
