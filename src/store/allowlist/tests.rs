//! Tests with databases built by hand: alarms and records are put into the tables as a scan would.

use super::*;
use crate::allow::{self, Draft, Known, Subject};
use crate::event::words::{Method, TEMP_AK};
use crate::store::Db;
use proptest::prelude::*;
use rusqlite::types::Value;
use std::time::Duration;

const NOW: i64 = 1_773_547_200_000;
const RULES: [&str; 2] = ["create-key", "hacker-tool"];

struct Bench {
    db: Db,
    _folder: tempfile::TempDir,
}

/// A record by what policies see of it.
#[derive(Clone, Debug)]
struct Call {
    ip: &'static str,
    ip_type: &'static str,
    remark: bool,
    api: bool,
    service: &'static str,
    action: String,
    code: String,
    ok: bool,
    calls: i64,
    time: i64,
}

const CALL: Call = Call {
    ip: "203.0.113.7",
    ip_type: "outside",
    remark: false,
    api: true,
    service: "cam",
    action: String::new(),
    code: String::new(),
    ok: true,
    calls: 1,
    time: NOW,
};

fn call(ip: &'static str, action: &str) -> Call {
    Call { ip, action: action.to_string(), code: "0".to_string(), ..CALL }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_or_create(&folder.path().join("akguard.db"), Duration::from_secs(5)).unwrap();
        Self { db, _folder: folder }
    }

    fn alarm(&self, rule: &str, ak: &str, calls: &[Call]) -> i64 {
        let conn = &self.db.conn;
        let total: i64 = calls.iter().map(|call| call.calls).sum();
        conn.execute(
            "INSERT INTO alarms (id, rule, type, level, date, account, identity, ak, owner, role, first_call, last_call, \
             success, failed, tags, why, event_ids, first_seen, changed) VALUES ('A-' || hex(randomblob(8)), ?1, \
             'abnormal_call', 4, '2026-03-15', '100000000001', 'sub_account', ?2, '', 0, ?3, ?3, ?4, 0, '[]', '', '[]', ?3, ?3)",
            params![rule, ak, NOW, total],
        )
        .unwrap();
        let alarm = conn.last_insert_rowid();
        for call in calls {
            self.record(alarm, call);
        }
        alarm
    }

    fn record(&self, alarm: i64, call: &Call) {
        let sql = "INSERT OR IGNORE INTO records (alarm, source_ip, service, action, api_call, user_type, user, code, ok, calls, \
            first_call, last_call, api_regions, ip_type, ip_remark, policies, clients) \
            VALUES (?1, ?2, ?3, ?4, ?5, 'sub_account', 'alice', ?6, ?7, ?8, ?9, ?9, '[]', ?10, ?11, '[]', '[]')";
        let remark = call.remark.then_some("office");
        let Call { ip, ip_type, api, service, action, code, ok, calls, time, .. } = call;
        self.db
            .conn
            .execute(sql, params![alarm, ip, service, action, api, code, ok, calls, time, ip_type, remark])
            .unwrap();
    }

    fn add(&self, policy: &Policy) -> i64 {
        self.db.write(|transaction| add(transaction, policy)).unwrap()
    }

    fn hits(&self, number: i64) -> Hits {
        list(&self.db.conn).unwrap().into_iter().find(|(kept, _)| kept.number == number).unwrap().1
    }

    /// Every row of every table, but for the numbers that are never given again.
    fn dump(&self) -> Vec<(String, Vec<Vec<Value>>)> {
        let conn = &self.db.conn;
        let mut names =
            conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'").unwrap();
        let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        names.into_iter().map(|name| (name.clone(), self.rows(&format!("SELECT * FROM {name}")))).collect()
    }

    fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let mut statement = self.db.conn.prepare(sql).unwrap();
        let width = statement.column_count();
        let row = |row: &Row<'_>| (0..width).map(|place| row.get(place)).collect::<rusqlite::Result<Vec<Value>>>();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    fn coverage(&self) -> Vec<(i64, i64)> {
        let mut statement =
            self.db.conn.prepare("SELECT policy, record FROM coverage ORDER BY policy, record").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    /// What the coverage must be, worked out record by record and policy by policy.
    fn naive(&self) -> Vec<(i64, i64)> {
        let conn = &self.db.conn;
        let mut statement = conn.prepare(
            "SELECT r.number, a.rule, a.ak, r.source_ip, r.ip_type, r.ip_remark, r.api_call, r.service, r.action, r.code, r.ok, \
             (SELECT count(*) FROM remarks WHERE kind = 'ip' AND id = r.source_ip) FROM records r, alarms a WHERE a.number = r.alarm",
        ).unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        let kept = all(conn).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |place: usize| row.get::<_, String>(place).unwrap();
            let (rule, ak, ip, kind, service, action, code) =
                (text(1), text(2), text(3), text(4), text(7), text(8), text(9));
            let subject = Subject {
                rule: &rule,
                source_ip: Some(ip.as_str()).filter(|ip| !ip.is_empty()),
                ip_type: &kind,
                ip_has_remark: row.get::<_, Option<String>>(5).unwrap().is_some() || row.get::<_, i64>(11).unwrap() > 0,
                method: if row.get(6).unwrap() { Method::Api } else { Method::Console },
                ak: &ak,
                temporary: ak == TEMP_AK,
                service: &service,
                action: &action,
                code: &code,
                success: row.get(10).unwrap(),
            };
            let covering = kept.iter().filter(|kept| kept.policy.covers(&subject));
            found.extend(covering.map(|kept| (kept.number, row.get(0).unwrap())));
        }
        found.sort_unstable();
        found
    }
}

fn known<T>(with: impl FnOnce(&Known<'_>) -> T) -> T {
    let services = ["cam", "cvm"].map(String::from).into();
    with(&Known { rules: &RULES, services: &services })
}

fn policy(set: impl FnOnce(&mut Draft)) -> Policy {
    let mut draft = Draft::default();
    set(&mut draft);
    known(|known| draft.check(known, NOW)).unwrap()
}

#[test]
fn alarms_are_covered_in_full_or_in_part_and_come_back() {
    let bench = Bench::new();
    let both = [call("203.0.113.7", "ListUsers"), Call { calls: 5, ..call("192.0.2.1", "ListUsers") }];
    bench.alarm("create-key", "AKIDEXAMPLE1", &both);
    bench.alarm("hacker-tool", "AKIDEXAMPLE1", &[Call { calls: 3, time: NOW + 7, ..call("203.0.113.9", "ListUsers") }]);
    let before = bench.dump();
    let number = bench.add(&policy(|draft| draft.ips = vec!["203.0.113.0/24".into()]));
    assert_eq!(bench.hits(number), Hits { calls: 4, last: Some(NOW + 7), full: 1, part: 1 });
    let kept = all(&bench.db.conn).unwrap().remove(0);
    let wider = Policy { ips: Vec::new(), method: Some(Method::Api), ..kept.policy };
    bench.db.write(|transaction| replace(transaction, number, &wider)).unwrap();
    assert_eq!(bench.hits(number), Hits { calls: 9, last: Some(NOW + 7), full: 2, part: 0 });
    bench.db.write(|transaction| remove(transaction, number)).unwrap();
    assert_eq!(bench.dump(), before);
}

#[test]
fn ending_and_switching_off_leave_the_coverage_alone() {
    let bench = Bench::new();
    bench.alarm("create-key", "AKIDEXAMPLE1", &[call("203.0.113.7", "ListUsers")]);
    let number = bench.add(&policy(|draft| {
        draft.method = Some("api".into());
        draft.expires = Some(NOW + 1);
    }));
    let in_force = |now: i64| {
        let sql = "SELECT count(*) FROM coverage AS c JOIN allowlist AS l ON l.number = c.policy \
            WHERE l.enabled = 1 AND (l.expires IS NULL OR l.expires > ?1)";
        let found: i64 = bench.db.conn.query_row(sql, [now], |row| row.get(0)).unwrap();
        found
    };
    assert_eq!((in_force(NOW), in_force(NOW + 1)), (1, 0));
    let switch = |on: bool| {
        let kept = all(&bench.db.conn).unwrap().remove(0);
        bench.db.write(|transaction| set_enabled(transaction, &kept, on, NOW + 9)).unwrap();
        all(&bench.db.conn).unwrap().remove(0).policy
    };
    assert!(!switch(false).enabled);
    assert_eq!((in_force(NOW), bench.hits(number).calls), (0, 1));
    let on = switch(true);
    assert_eq!((on.enabled, on.updated, on.created, in_force(NOW)), (true, NOW + 9, NOW, 1));
}

#[test]
fn a_remark_on_an_address_changes_what_is_covered() {
    let bench = Bench::new();
    bench.alarm(
        "create-key",
        "AKIDEXAMPLE1",
        &[call("203.0.113.7", "A"), Call { remark: true, ..call("192.0.2.1", "A") }],
    );
    let number = bench.add(&policy(|draft| draft.ip_types = vec!["outside+remark".into()]));
    assert_eq!(bench.hits(number).calls, 1);
    let change = |sql: &str| {
        bench
            .db
            .write(|transaction| {
                transaction.execute(sql, [])?;
                cover_address(transaction, "203.0.113.7")
            })
            .unwrap();
        bench.hits(number)
    };
    let with = change("INSERT INTO remarks (kind, id, remark, at) VALUES ('ip', '203.0.113.7', 'office', 1)");
    assert_eq!((with.calls, with.full), (2, 1));
    let without = change("DELETE FROM remarks");
    assert_eq!((without.calls, without.part), (1, 1));
}

#[test]
fn new_records_are_covered_when_their_alarm_is_looked_at() {
    let bench = Bench::new();
    let alarm = bench.alarm("create-key", "AKIDEXAMPLE1", &[call("203.0.113.7", "A")]);
    let number = bench.add(&policy(|draft| draft.rules = vec!["create-key".into()]));
    bench.record(alarm, &call("203.0.113.7", "B"));
    bench.db.conn.execute("UPDATE alarms SET rule = 'hacker-tool' WHERE number <> ?1", [alarm]).unwrap();
    bench.db.write(|transaction| cover(transaction, Some(&[alarm, alarm]))).unwrap();
    assert_eq!(bench.hits(number), Hits { calls: 2, last: Some(NOW), full: 1, part: 0 });
}

#[test]
fn policies_that_do_nothing_are_warned_of() {
    let bench = Bench::new();
    bench.alarm("create-key", "AKIDEXAMPLE1", &[call("203.0.113.7", "A")]);
    let add = |name: &str, ip: &str, created: i64, expires: Option<i64>| {
        let made = policy(|draft| (draft.name, draft.ips) = (Some(name.into()), vec![ip.into()]));
        bench.add(&Policy { created, expires, ..made });
    };
    let old = NOW - UNUSED_AFTER_MS - 1;
    add("used", "203.0.113.7", old, None);
    add("new", "192.0.2.0/24", NOW, None);
    add("unused", "198.51.100.0/24", old, None);
    add("narrow and ended", "203.0.113.7", old, Some(NOW));
    add("twin", "198.51.100.0/24", NOW, None);
    let found = warnings(&list(&bench.db.conn).unwrap(), NOW);
    let shadowed = |name: &str| Warning::ShadowedBy(name.to_string());
    assert_eq!(found[..2], [vec![], vec![]]);
    assert_eq!(found[2], [Warning::Unused]);
    assert_eq!(found[3], [Warning::Expired, shadowed("used")]);
    assert_eq!(found[4], [shadowed("unused")]);
}

#[test]
fn a_proposal_is_as_narrow_as_the_alarm() {
    let bench = Bench::new();
    let calls = [
        call("203.0.113.7", "ListUsers"),
        Call { ok: false, code: "AuthFailure".into(), ..call("2001:db8::1", "DeleteUser") },
    ];
    let alarm = bench.alarm("hacker-tool", "AKIDEXAMPLE1", &calls);
    let Proposal { draft, notes } = proposal(&bench.db.conn, alarm, NOW).unwrap();
    assert_eq!((draft.rules, draft.aks), (vec!["hacker-tool".to_string()], vec!["AKIDEXAMPLE1".to_string()]));
    assert_eq!((draft.ips, draft.method.as_deref()), (vec!["203.0.113.7".into(), "2001:db8::1".into()], Some("api")));
    assert_eq!(
        (draft.apis, draft.codes),
        (vec!["cam:DeleteUser".into(), "cam:ListUsers".into()], vec!["0".into(), "AuthFailure".into()])
    );
    assert_eq!((draft.expires, notes.len()), (Some(NOW + 30 * DAY_MS), 0));
    let alarm = bench.alarm("create-key", TEMP_AK, &[Call { ip_type: "unknown", ..call("", "A") }]);
    let Proposal { draft, notes } = proposal(&bench.db.conn, alarm, NOW).unwrap();
    assert_eq!((draft.ips.len(), draft.aks), (0, vec!["temporary".to_string()]));
    assert!(notes.iter().any(|note| note.contains("without an address")), "{notes:?}");
}

#[test]
fn alarms_are_named_by_the_start_of_their_id() {
    let bench = Bench::new();
    let alarm = bench.alarm("create-key", "AKIDEXAMPLE1", &[call("203.0.113.7", "A")]);
    bench.db.conn.execute("UPDATE alarms SET id = 'A-12ab'", []).unwrap();
    let named = |text: &str| alarms_named(&bench.db.conn, text).unwrap();
    assert_eq!(named("a-12"), [("A-12ab".to_string(), alarm)]);
    assert!(named("A-13").is_empty() && named("A-12%").is_empty());
}

#[test]
fn a_damaged_policy_is_named() {
    let bench = Bench::new();
    bench.add(&policy(|draft| draft.method = Some("api".into())));
    bench.db.conn.execute("UPDATE allowlist SET policy = '{}'", []).unwrap();
    assert!(all(&bench.db.conn).unwrap_err().to_string().starts_with("allowlist policy 1: "));
}

#[test]
fn policies_are_found_by_number_before_name() {
    let bench = Bench::new();
    for name in ["2", "CI runners"] {
        bench.add(&policy(|draft| (draft.name, draft.method) = (Some(name.into()), Some("api".into()))));
    }
    let policies = all(&bench.db.conn).unwrap();
    let number = |name: &str| find(&policies, name).map(|kept| kept.number);
    assert_eq!(
        (number("2"), number("1"), number("#2"), number("ci RUNNERS"), number("3")),
        (Some(2), Some(1), Some(2), Some(2), None)
    );
}

fn some(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(words).prop_map(str::to_string), 0..3)
}

prop_compose! {
    fn any_policy()(
        rules in some(&["create-key", "hacker-tool"]),
        ips in some(&["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "203.0.113.0/24"]),
        ip_types in some(&["lan", "outside+remark", "in_account-remark"]),
        method in prop::option::of(prop::sample::select(vec!["api", "console"])),
        aks in prop_oneof![some(&["AKIDEXAMPLE1", "TEMP_AK"]), some(&["permanent"])],
        apis in some(&["cam:*", "cvm:a*", "c*:*B", "cam:Aa"]),
        codes in prop_oneof![some(&["0", "4102"]), Just(vec!["failed".to_string()])],
        expires in prop::option::of(NOW + 1..NOW * 2),
        enabled in any::<bool>(),
    ) -> Option<Policy> {
        let (method, name) = (method.map(str::to_string), None);
        let draft = Draft { name, rules, ips, ip_types, method, aks, apis, codes, expires, ..Draft::default() };
        known(|known| draft.check(known, NOW)).ok().map(|policy| Policy { enabled, ..policy })
    }
}

prop_compose! {
    fn any_call()(
        ip in prop::sample::select(vec!["10.0.0.1", "192.0.2.1", "2001:db8::1", "203.0.113.9", "", "no address"]),
        ip_type in prop::sample::select(vec!["in_account", "outside", "lan", "unknown"]),
        (remark, api, calls) in (any::<bool>(), any::<bool>(), 1..9_i64),
        service in prop::sample::select(vec!["cam", "cvm", "Odd x", ""]),
        action in prop_oneof!["[aAB]{0,2}", prop::sample::select(vec!["a:b".to_string(), "a *\u{202e}".to_string(), "x".repeat(600)])],
        code in prop::sample::select(vec!["0", "4102", "authfailure", "failed", "", " x"]),
        ok in any::<bool>(),
    ) -> Call {
        let code = if ok { "0" } else { code };
        Call { ip, ip_type, remark, api, service, action, code: code.to_string(), ok, calls, time: NOW }
    }
}

prop_compose! {
    fn any_alarm()(
        rule in prop::sample::select(&RULES[..]),
        ak in prop::sample::select(vec!["AKIDEXAMPLE1", "AKIDEXAMPLE2", TEMP_AK, "odd *id"]),
        calls in prop::collection::vec(any_call(), 1..8),
    ) -> (&'static str, &'static str, Vec<Call>) {
        (rule, ak, calls)
    }
}

/// The policies that could be made, each with a name of its own.
fn named(policies: Vec<Option<Policy>>) -> Vec<Policy> {
    let named = |(number, policy): (usize, Policy)| Policy { name: format!("policy {number}"), ..policy };
    policies.into_iter().flatten().enumerate().map(named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn adding_and_removing_leaves_no_trace(
        alarms in prop::collection::vec(any_alarm(), 0..5),
        before in prop::collection::vec(any_policy(), 0..3),
        (added, changed) in (prop::collection::vec(any_policy(), 1..4), any_policy()),
        remark in any::<bool>(),
    ) {
        let bench = Bench::new();
        let alarms: Vec<i64> = alarms.iter().map(|(rule, ak, calls)| bench.alarm(rule, ak, calls)).collect();
        if remark {
            bench.db.conn.execute("INSERT INTO remarks VALUES ('ip', '192.0.2.1', 'office', 1)", []).unwrap();
        }
        let (before, mut added) = (named(before), named(added));
        for policy in &mut added {
            policy.name = format!("added {}", policy.name);
        }
        bench.db.write(|transaction| add_all(transaction, &before)).unwrap();
        let dump = bench.dump();
        let looked: Vec<Hits> = added.iter().map(|policy| preview(&bench.db.conn, policy).unwrap().hits).collect();
        prop_assert_eq!(&bench.dump(), &dump);

        let numbers = bench.db.write(|transaction| add_all(transaction, &added)).unwrap();
        prop_assert_eq!(bench.coverage(), bench.naive());
        let told: Vec<Hits> = numbers.iter().map(|number| bench.hits(*number)).collect();
        prop_assert_eq!(looked, told);

        let whole = bench.coverage();
        bench.db.write(|transaction| cover(transaction, None)).unwrap();
        prop_assert_eq!(&bench.coverage(), &whole);
        bench.db.write(|transaction| cover(transaction, Some(&alarms))).unwrap();
        prop_assert_eq!(&bench.coverage(), &whole);

        if let (Some(number), Some(policy)) = (numbers.first(), changed) {
            bench.db.write(|transaction| replace(transaction, *number, &Policy { name: "changed".into(), ..policy })).unwrap();
            prop_assert_eq!(bench.coverage(), bench.naive());
        }
        for number in numbers {
            bench.db.write(|transaction| remove(transaction, number)).unwrap();
        }
        prop_assert_eq!(bench.dump(), dump);
    }

    #[test]
    fn a_proposal_covers_its_alarm_whatever_the_log_holds((rule, ak, calls) in any_alarm()) {
        let bench = Bench::new();
        let alarm = bench.alarm(rule, ak, &calls);
        let draft = proposal(&bench.db.conn, alarm, NOW).unwrap().draft;
        let services = services(&bench.db.conn).unwrap().into_iter().chain(["cam".to_string()]).collect();
        let policy = draft.check(&Known { rules: &RULES, services: &services }, NOW);
        let hits = preview(&bench.db.conn, &policy.unwrap()).unwrap().hits;
        prop_assert_eq!((hits.full, hits.part), (1, 0));
    }

    #[test]
    fn an_export_taken_in_elsewhere_is_exported_the_same(policies in prop::collection::vec(any_policy(), 0..5)) {
        let (one, other) = (Bench::new(), Bench::new());
        one.db.write(|transaction| add_all(transaction, &named(policies))).unwrap();
        let export = |bench: &Bench| {
            let policies: Vec<Policy> = all(&bench.db.conn).unwrap().into_iter().map(|kept| kept.policy).collect();
            allow::export(&policies)
        };
        let text = export(&one);
        let read = known(|known| allow::import(&text, known, NOW + 5, &|_| None)).unwrap();
        other.db.write(|transaction| add_all(transaction, &read)).unwrap();
        prop_assert_eq!(export(&other), text);
    }

    #[test]
    fn a_failure_on_the_way_changes_nothing(policies in prop::collection::vec(any_policy(), 1..4)) {
        let bench = Bench::new();
        bench.alarm("create-key", "AKIDEXAMPLE1", &[call("10.0.0.1", "Aa")]);
        let mut policies = named(policies);
        let twin = policies.first().cloned();
        policies.extend(twin);
        let before = bench.dump();
        let result = bench.db.write(|transaction| add_all(transaction, &policies));
        prop_assert_eq!(result.is_err(), !policies.is_empty());
        prop_assert_eq!(bench.dump(), before);
    }
}
