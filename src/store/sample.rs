//! A small database made by hand, for tests.

use super::Db;
use std::time::Duration;

/// The time at which tests look.
pub(super) const NOW: i64 = 1_773_200_000_000;
/// The first scan.
pub(super) const FIRST_SCAN: i64 = 1_773_000_000_000;
/// The second scan.
pub(super) const SECOND_SCAN: i64 = 1_773_100_000_000;

/// A database in a folder that goes away with it.
pub(super) struct Sample {
    pub(super) db: Db,
    _folder: tempfile::TempDir,
}

impl Sample {
    /// An empty one.
    pub(super) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open_or_create(&folder.path().join("a.db"), Duration::from_secs(5)).expect("a database");
        Self { db, _folder: folder }
    }

    /// Three alarms: 1 is critical with two records, 2 is low with one, 3 is high and a leak.
    pub(super) fn new() -> Self {
        let sample = Self::empty();
        sample.scan(1, FIRST_SCAN);
        sample.scan(2, SECOND_SCAN);
        sample.alarm(1, "A-1f00000000000001", "root-key-high-risk-api", 5, "AKIDEXAMPLEroot", FIRST_SCAN);
        sample.record(10, 1, "203.0.113.7", true, 3, 1000);
        sample.record(11, 1, "198.51.100.9", false, 2, 5000);
        sample.alarm(2, "A-1f00000000000002", "cos-browser-call", 2, "AKIDEXAMPLEalice", FIRST_SCAN);
        sample.record(20, 2, "203.0.113.7", true, 50, 9000);
        sample.alarm(3, "A-2000000000000003", "github-key-confirmation", 4, "AKIDEXAMPLEalice", SECOND_SCAN);
        sample.record(30, 3, "192.0.2.1", true, 1, 7000);
        sample
    }

    /// Runs statements.
    pub(super) fn run(&self, text: &str) {
        self.db.conn.execute_batch(text).expect(text);
    }

    fn scan(&self, number: i64, finished: i64) {
        let counts = r#"{"files":{"read":2,"rejected":1,"empty":0,"skipped":4},
            "events":{"read":10,"evaluated":7,"duplicates":1,"platform":1,"without_key":1,"outside_range":0,
            "rejected":3,"fell_back":1},"time_span":[%,%]}"#;
        let counts = counts.replacen('%', &(finished - 5).to_string(), 1).replacen('%', &finished.to_string(), 1);
        self.run(&format!("INSERT INTO scans VALUES ({number}, '', '', '', 0, {finished}, x'00', '{counts}', 0, 0)"));
    }

    pub(super) fn alarm(&self, number: i64, id: &str, rule: &str, level: i64, ak: &str, first_seen: i64) {
        let kind = if rule == "github-key-confirmation" { "leak" } else { "abnormal_call" };
        self.run(&format!(
            "INSERT INTO alarms (number, id, rule, type, level, date, account, identity, user, ak, owner, role,
               first_call, last_call, success, failed, tags, why, event_ids, first_seen, changed)
             VALUES ({number}, '{id}', '{rule}', '{kind}', {level}, '2026-03-10', '100000000001', 'sub_account', 'alice',
               '{ak}', '', 0, 9999999999999, 0, 0, 0, '[\"first-use\"]', 'why', '[\"r1\",\"r2\"]', {first_seen}, 0);
             INSERT OR IGNORE INTO labels (account, ak, owner, role) VALUES ('100000000001', '{ak}', '', 0)"
        ));
    }

    /// Adds a record whose last call is `at` milliseconds after the first scan, and counts it in its alarm.
    pub(super) fn record(&self, number: i64, alarm: i64, ip: &str, ok: bool, calls: i64, at: i64) {
        let (last, code, ok) = (FIRST_SCAN + at, if ok { "0" } else { "4102" }, i64::from(ok));
        let count = if ok == 1 { "success" } else { "failed" };
        self.run(&format!(
            "INSERT INTO records (number, alarm, source_ip, service, action, api_call, user_type, user, code, ok, calls,
               first_call, last_call, api_regions, ip_type, ip_remark, policies, clients)
             VALUES ({number}, {alarm}, '{ip}', 'cvm', 'RunInstances', 1, 'sub_account', 'alice', '{code}', {ok}, {calls},
               {last} - 500, {last}, '[]', 'outside', 'listed', '[\"ops\"]', '[\"tccli\"]');
             UPDATE alarms SET {count} = {count} + {calls}, first_call = min(first_call, {last} - 500),
               last_call = max(last_call, {last}) WHERE number = {alarm};
             INSERT OR IGNORE INTO ips (ip, ip_type) VALUES ('{ip}', 'outside');"
        ));
    }

    /// Adds a policy that covers records.
    pub(super) fn policy(&self, name: &str, enabled: bool, expires: Option<i64>, records: &[i64]) {
        let (enabled, expires) = (i64::from(enabled), expires.map_or("NULL".to_string(), |at| at.to_string()));
        self.run(&format!(
            "INSERT INTO allowlist (name, policy, enabled, created, updated, expires)
             VALUES ('{name}', '', {enabled}, 0, 0, {expires})"
        ));
        for record in records {
            self.run(&format!("INSERT INTO coverage SELECT number, {record} FROM allowlist WHERE name = '{name}'"));
        }
    }
}
