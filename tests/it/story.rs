//! A week on call, told in commands: what docs/daily.md promises of days, decisions, the allowlist, repeats and crashes.

use crate::database::state;
use crate::support::Folder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// The desk of whoever is on call: a folder with one database.
struct Desk {
    folder: Folder,
    db: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let folder = Folder::new();
        let db = folder.path("akguard.db");
        Self { folder, db }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
        command
            .args(args)
            .env_clear()
            .env("AKGUARD_DB", &self.db)
            .env("USER", "wen")
            .current_dir(self.folder.path("."));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        let output = self.command(args).output().expect("the program runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn text(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&self.run(args).stdout).into_owned()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[args, &["--format", "json"]].concat())).expect("JSON")
    }

    fn scan(&self, more: &[&str]) -> Command {
        let mut command = self.command(&["scan", "--quiet", "--format", "json"]);
        command.arg("--assets").arg(demo("assets.csv")).arg("--inventory").arg(demo("inventory")).args(more);
        command
    }

    /// The nightly job: the day's events of everything that has been delivered.
    fn scan_day(&self, day: u32) {
        let (since, until) = (date(day), date(day + 1));
        let output = self.scan(&["--since", &since, "--until", &until]).arg(demo("logs")).output().expect("a scan");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn alarms(&self, filter: &[&str]) -> Vec<Value> {
        self.json(&[&["alarms"], filter].concat())["alarms"].as_array().expect("alarms").clone()
    }

    fn alarm(&self, rule: &str, date: &str) -> Value {
        let found = self.alarms(&["--rule", rule]);
        found.into_iter().find(|alarm| alarm["date"] == date).unwrap_or_else(|| panic!("no {rule} on {date}"))
    }
}

fn demo(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo").join(of)
}

fn date(day: u32) -> String {
    format!("2026-03-{day:02}")
}

fn id(alarm: &Value) -> &str {
    alarm["id"].as_str().expect("an id")
}

#[test]
fn a_week_on_call() {
    let desk = Desk::new();

    // Every night a job scans the day before and mails what is new.
    let mut mailed = BTreeSet::new();
    let mail = |mailed: &mut BTreeSet<String>| {
        for alarm in desk.alarms(&["--new", "--mark", "mail"]) {
            assert!(mailed.insert(id(&alarm).to_string()), "{} was mailed twice", id(&alarm));
        }
    };
    for day in 3..=5 {
        desk.scan_day(day);
        mail(&mut mailed);
    }

    // Friday: the refused calls of Tuesday were a build without its policy. That is settled now.
    let refused = desk.alarm("unauthorized-service-call", "2026-03-03");
    assert_eq!((&refused["status"], &refused["calls"]["total"]), (&"unprocessed".into(), &2.into()));
    desk.run(&["process", id(&refused), "--note", "the build has its policy now"]);
    let refused = desk.alarm("unauthorized-service-call", "2026-03-03");
    assert_eq!(refused["status"], "processed");
    assert_eq!(refused["decision"]["by"], "wen");
    assert_eq!(refused["decision"]["note"], "the build has its policy now");

    // A job that asks for open alarms no longer hears of that one; it does of the others.
    let fails = |desk: &Desk, day: u32, level: &str| {
        let (since, until) = (date(day), date(day + 1));
        let mut scan = desk.scan(&["--since", &since, "--until", &until, "--fail-on", level]);
        scan.arg(demo("logs")).output().expect("a scan").status.code()
    };
    assert_eq!(fails(&desk, 3, "medium"), Some(0));
    assert_eq!(fails(&desk, 3, "low"), Some(10));

    // The media team may use COSBrowser. All such alarms so far are ignored at once.
    let media = ["--rule", "cos-browser-call", "--ak", "AKIDEXAMPLE0000000000000000mediaTeam"];
    desk.run(&[&["ignore"], &media[..], &["--note", "agreed with the media team", "--yes"]].concat());
    assert_eq!(desk.alarms(&[&media[..], &["--status", "ignored"]].concat()).len(), 3);

    // Saturday's job dies in the middle; run again, it gives what it would have given.
    let (since, until) = (date(6), date(7));
    let mut killed = desk.scan(&["--since", &since, "--until", &until]).arg(demo("logs")).spawn().expect("a scan");
    std::thread::sleep(Duration::from_millis(30));
    killed.kill().expect("it can be killed");
    killed.wait().expect("it ends");
    desk.scan_day(6);
    mail(&mut mailed);

    // The night deployment raised alarms on both sides of midnight. It is agreed, so it goes on the allowlist.
    let night = desk.alarm("off-hours-sensitive-operation", "2026-03-05");
    let before = state(&desk.db);
    let everything = desk.alarms(&[]);
    let reason = ["--reason", "night deployments are agreed", "--name", "night deployment"];
    let scope = ["--rule", "off-hours-sensitive-operation", "--ak", "AKIDEXAMPLE00000000000000000ciDeploy"];
    let tested = desk.text(&[&["allowlist", "test"], &scope[..]].concat());
    assert!(tested.contains(&id(&night)[..10]), "{tested}");
    desk.run(&[&["allowlist", "add"], &scope[..], &reason[..], &["--expires", "30d"]].concat());
    for day in ["2026-03-05", "2026-03-06"] {
        let allowed = desk.alarm("off-hours-sensitive-operation", day);
        assert_eq!((&allowed["level"], &allowed["allowlisted_by"][0]), (&"invalid".into(), &"night deployment".into()));
    }

    // Sunday comes with the policy in force; it changes nothing about other alarms.
    desk.scan_day(7);
    mail(&mut mailed);
    let listed = desk.json(&["allowlist", "list"]);
    assert_eq!(listed["policies"][0]["hits"], 3);

    // Somebody objects. The policy goes, and what it covered comes back as it was.
    desk.run(&["allowlist", "remove", "night deployment", "--yes"]);
    assert_eq!(desk.alarm("off-hours-sensitive-operation", "2026-03-05"), night);
    for alarm in &everything {
        assert!(desk.alarms(&[]).contains(alarm), "{} is as it was", id(alarm));
    }
    for line in &before {
        assert!(state(&desk.db).contains(line) || !line.starts_with("Text(\"alarm\")"), "{line}");
    }

    // Somebody scans a file by hand that the jobs had read long ago. No count moves, no decision is undone.
    desk.scan_day(8);
    desk.scan_day(9);
    mail(&mut mailed);
    let (before, alarms) = (state(&desk.db), desk.alarms(&[]));
    for more in [&[][..], &[], &["--rescan"]] {
        let file = demo("logs/cos/2026/03/06/cloudaudit_20260305-20260306.gz");
        assert!(desk.scan(more).arg(file).output().expect("a scan").status.success());
        assert_eq!(desk.alarms(&[]), alarms);
    }
    assert_eq!(desk.alarm("unauthorized-service-call", "2026-03-03")["status"], "processed");
    assert_eq!(state(&desk.db), before);

    // Every alarm was mailed, each once; and the week is the same as if it had been scanned in one go.
    let all: BTreeSet<String> = alarms.iter().map(|alarm| id(alarm).to_string()).collect();
    assert_eq!(mailed, all);
    let other = Desk::new();
    let (since, until) = (date(3), date(10));
    assert!(
        other
            .scan(&["--since", &since, "--until", &until])
            .arg(demo("logs"))
            .output()
            .expect("a scan")
            .status
            .success()
    );
    assert_eq!(state(&other.db), state(&desk.db));
}

#[test]
fn a_database_of_an_earlier_version_goes_on_as_if_nothing_had_happened() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/database");
    let kept: Vec<PathBuf> =
        glob::glob(&fixtures.join("*.db").to_string_lossy()).expect("a pattern").flatten().collect();
    assert!(!kept.is_empty());
    for path in kept {
        let desk = Desk::new();
        std::fs::copy(&path, &desk.db).expect("a copy");
        assert_eq!(desk.text(&["db", "check"]), "no damage found\n");
        let night = desk.alarm("off-hours-sensitive-operation", "2026-03-05");
        assert_eq!((&night["status"], &night["decision"]["note"]), (&"processed".into(), &"agreed".into()));
        assert_eq!(desk.alarm("cos-browser-call", "2026-03-05")["allowlisted_by"][0], "media team");
        assert_eq!(desk.text(&["remark", "ip", "198.51.100.31"]), "media office\n");
        // What it lacks is scanned into it: decisions stay, and all else is as in a new database.
        assert!(desk.scan(&[]).arg(demo("logs")).output().expect("a scan").status.success());
        assert_eq!(desk.alarm("off-hours-sensitive-operation", "2026-03-05")["status"], "processed");
        let new = Desk::new();
        assert!(new.scan(&[]).arg(demo("logs")).output().expect("a scan").status.success());
        // Root's events stand in two exports that tell their resources differently; the first scanned counts.
        let told_twice = |line: &String| line.starts_with("Text(\"request\")") && line.contains("Text(\"root\")");
        let state_of = |db: &Path| state(db).into_iter().filter(|line| !told_twice(line)).collect::<Vec<_>>();
        assert_eq!(state_of(&desk.db), state_of(&new.db), "{}", path.display());
    }
}

impl Desk {
    /// The alarms that a scan of these files tells of.
    fn scanned(&self, args: &[&str]) -> Vec<Value> {
        let output = self.command(&[&["scan", "--quiet", "--format", "json"], args].concat()).output().expect("a scan");
        let outcome: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        outcome["alarms"].as_array().expect("alarms").clone()
    }

    /// A log of events, one a line.
    fn log(&self, name: &str, events: &[Value]) -> String {
        self.folder.file(name, crate::support::lines(events)).to_string_lossy().into_owned()
    }
}

/// A read through the API of the key `who` at a time, `n`th of its kind.
fn read_call(who: &str, n: i64, time: i64, action: &str, region: &str) -> Value {
    serde_json::json!({
        "eventTime": time, "requestID": format!("{who}-{action}-{n}-{time}"), "eventName": action,
        "resourceType": "vpc", "eventType": "ApiCall", "actionType": "Read", "eventRegion": region,
        "sourceIPAddress": "192.0.2.1", "requestParameters": "{}",
        "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
            "userName": "alice", "secretId": format!("AKIDEXAMPLE{who:0>25}")},
    })
}

#[test]
fn a_scan_tells_of_the_same_alarms_however_much_of_them_was_known() {
    let desk = Desk::new();
    let logs = demo("logs").to_string_lossy().into_owned();
    let assets = demo("assets.csv").to_string_lossy().into_owned();
    let inventory = demo("inventory").to_string_lossy().into_owned();
    let with = [&logs, "--assets", &assets, "--inventory", &inventory].map(|arg| arg);
    let first = desk.scanned(&with);
    assert_eq!(first.len(), 34);
    assert_eq!(desk.scanned(&with), first);
    assert_eq!(desk.scanned(&[&with[..], &["--rescan"]].concat()), first);
    // Without the lists, nothing that they said is lost.
    assert_eq!(desk.scanned(&[&logs]), first);
    // Only what falls into the range asked for is told of files that are known.
    assert_eq!(desk.scanned(&with), first);
    let week = desk.scanned(&[&with[..], &["--since", "2026-03-11"]].concat());
    assert!(!week.is_empty() && week.iter().all(|alarm| alarm["last_call"].as_str() >= Some("2026-03-11")));
}

#[test]
fn other_settings_are_applied_and_taken_back() {
    let desk = Desk::new();
    let logs = demo("logs").to_string_lossy().into_owned();
    let plain = desk.scanned(&[&logs]);
    let urgent = desk.folder.file("urgent.toml", "[rules.create-key]\nlevel = \"critical\"\n");
    let changed = desk.scanned(&[&logs, "--config", &urgent.to_string_lossy()]);
    let critical = |alarms: &[Value]| alarms.iter().filter(|alarm| alarm["level"] == "critical").count();
    assert_eq!((critical(&plain), critical(&changed)), (1, 4));
    let blind = desk.folder.file("blind.toml", "[rules.hacker-tool]\nalert_at = 1000\n");
    let tools = |alarms: &[Value]| alarms.iter().filter(|alarm| alarm["rule"] == "hacker-tool").count();
    assert_eq!(tools(&desk.scanned(&[&logs, "--config", &blind.to_string_lossy()])), 0);
    assert_eq!(desk.scanned(&[&logs]), plain);
}

#[test]
fn an_alarm_on_reads_stays_however_old_it_gets() {
    const REGIONS: [&str; 9] = ["gz", "sh", "bj", "cd", "cq", "hk", "sg", "jp", "kr"];
    let desk = Desk::new();
    let start = 1_772_380_800;
    let sweep: Vec<Value> =
        (0..).zip(REGIONS).map(|(n, region)| read_call("s", n, start + n, "DescribeVpcs", region)).collect();
    assert_eq!(desk.scanned(&[&desk.log("sweep.json", &sweep)]).len(), 1);
    let id = desk.alarms(&[])[0]["id"].as_str().expect("an id").to_string();
    desk.run(&["process", &id]);
    for day in [37, 38, 39, 80] {
        let later = [read_call("s", day, start + day * 86_400, "DescribeInstances", "gz")];
        desk.scanned(&[&desk.log(&format!("{day}.json"), &later)]);
        assert_eq!(desk.alarms(&["--status", "processed"]).len(), 1, "after day {day}");
    }
    // Pruning takes the single calls, and leaves the alarm and its decision, also when the key is seen again.
    desk.run(&["db", "prune", "--before", "2026-05-01"]);
    desk.scanned(&[&desk.log("last.json", &[read_call("s", 90, start + 90 * 86_400, "DescribeInstances", "gz")])]);
    let kept = desk.alarms(&["--status", "processed"]);
    assert_eq!((kept.len(), &kept[0]["calls"]["total"]), (1, &9.into()));
    let calls = || desk.json(&["calls", &id, "--record", "1"])["kept"].clone();
    assert_eq!(calls(), 0);
    desk.scanned(&[&desk.log("sweep.json", &sweep), "--rescan"]);
    assert_eq!(calls(), 9);
}

#[test]
fn an_alarm_is_told_by_the_scan_that_brings_it_to_light() {
    let desk = Desk::new();
    let time = 1_772_420_400;
    let mut call = read_call("n", 1, time + 600, "DeleteUser", "gz");
    call["resourceType"] = "cam".into();
    call["eventType"] = "ConsoleCall".into();
    call["actionType"] = "Write".into();
    let mut made = read_call("o", 2, time, "AddUser", "gz");
    made["resourceType"] = "cam".into();
    made["actionType"] = "Write".into();
    made["requestParameters"] = r#"{"Name":"alice"}"#.into();
    made["responseElements"] = r#"{"Uin":100000000002}"#.into();
    made["userIdentity"]["principalId"] = "100000000009".into();
    let (calls, makes) = (desk.log("calls.json", &[call]), desk.log("makes.json", &[made]));
    let new_user = |alarms: &[Value]| alarms.iter().any(|alarm| alarm["rule"] == "new-user-high-risk-api");
    assert!(!new_user(&desk.scanned(&[&calls])));
    assert!(new_user(&desk.scanned(&[&makes])));
    assert!(new_user(&desk.scanned(&[&makes])), "the file is known, and still has to do with the alarm");
}
