//! Scans inside the test's own process, and random events to scan.

use akguard::detect::engine::Engine;
use akguard::enrich::World;
use akguard::ingest::source::Input;
use akguard::lang::Lang;
use akguard::pipeline::{ScanOutcome, ScanPlan, scan};
use akguard::progress::Progress;
use akguard::report::{self, Format, View};
use akguard::settings::Settings;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The zone that everything in these tests happens in.
pub(crate) const ZONE: chrono_tz::Tz = chrono_tz::Asia::Shanghai;

/// A folder to write inputs into.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    /// The path of a file in it, whether or not it is there.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file in the test's folder");
        path
    }
}

/// Runs the program with a database.
pub(crate) fn run(db: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    command.env_clear().env("AKGUARD_DB", db).args(args).output().expect("the program runs")
}

/// What the program prints, which must end well.
pub(crate) fn akguard(db: &Path, args: &[&str]) -> String {
    let output = run(db, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The objects of JSON lines.
pub(crate) fn read_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The rules and facts of a settings text, with one asset: 203.0.113.0/24.
pub(crate) fn world(settings: &str) -> (World, Engine) {
    let folder = Folder::new();
    let assets = folder.file("assets.csv", "id,name,public ip\nins-1,web,203.0.113.0/24\n");
    world_of(&folder.file("akguard.toml", settings), &[assets])
}

/// The rules of a settings file, and the facts of asset and inventory files.
pub(crate) fn world_of(settings: &Path, inventory: &[PathBuf]) -> (World, Engine) {
    let settings = Settings::read(settings).expect("the settings are valid");
    let (inventory, _) = akguard::inventory::load(inventory, 8 * 3600).expect("the assets are valid");
    let world = World {
        catalog: settings.catalog().expect("a catalog"),
        inventory,
        zone: settings.zone().expect("a zone"),
        naive_offset: settings.naive_offset().expect("an offset"),
        cloud_manager_ips: settings.cloud_manager_ips().expect("addresses"),
    };
    (world, Engine::new(settings.rules().expect("rules")))
}

/// Scans files with a number of workers.
pub(crate) fn scan_files(files: &[PathBuf], world: &World, engine: &Engine, workers: usize) -> ScanOutcome {
    let inputs = files.iter().cloned().map(Input::File).collect();
    let plan = ScanPlan { inputs, since: None, until: None, workers, memory: akguard::pipeline::MEMORY };
    scan(&plan, world, engine, &Progress::default()).expect("the scan ends well")
}

/// Scans events, one a line, in one file.
pub(crate) fn scan_events(events: &[Value], world: &World, engine: &Engine) -> ScanOutcome {
    let folder = Folder::new();
    scan_files(&[folder.file("events.ndjson", lines(events))], world, engine, 2)
}

/// Events as NDJSON.
pub(crate) fn lines(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| text + &event.to_string() + "\n")
}

/// The alarms as JSON text.
pub(crate) fn alarms_json(outcome: &ScanOutcome) -> String {
    let mut out = Vec::new();
    let view = View { zone: ZONE, colour: false, details: false, width: None, wide: false, lang: Lang::En };
    report::write(outcome, Format::Jsonl, view, &mut out).expect("JSON is written");
    String::from_utf8(out).expect("JSON is text")
}

fn pick<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> BoxedStrategy<T> {
    prop::sample::select(values.to_vec()).boxed()
}

const APIS: &[(&str, &str)] = &[
    ("cam", "DeleteUser"),
    ("dlc", "DeleteUser"),
    ("cam", "AddUser"),
    ("cam", "CreateAccessKey"),
    ("cam", "GetUser"),
    ("cam", "AttachUserPolicy"),
    ("cam", "GetUserAppId"),
    ("cam", "UpdateUser"),
    ("sts", "AssumeRole"),
    ("cvm", "TerminateInstances"),
    ("vpc", "TerminateInstances"),
    ("cvm", "DescribeInstances"),
    ("cvm", "RunInstances"),
    ("tat", "RunCommand"),
    ("cvm", "DeleteTags"),
    ("innerauth", "CheckAuth"),
];

const REQUESTS: &[&str] = &[
    "",
    "{}",
    r#"{"UseApi":1,"Name":"crossfire"}"#,
    r#"{"UseApi":"0","ConsoleLogin":1}"#,
    r#"{"UseApi":1,"Na"#,
    r#"{"RequestSource":"MC"}"#,
    r#"{"RoleArn":"qcs::cam::uin/100000000001:roleName/ops"}"#,
    r#"{"RoleArn":"qcs::cam::uin/100000000009:roleName/ops"}"#,
];

/// A random event. Keys, addresses and APIs are few, so that events meet.
pub(crate) fn any_event() -> impl Strategy<Value = Value> {
    let when = prop_oneof![Just(1_772_380_800_i64), Just(1_772_467_200), Just(1_775_059_200)]
        .prop_flat_map(|start| start - 7200..start + 50_000);
    let who = (
        pick(&["Root", "CAMUser", "AssumedRole", "TencentCloudService", ""]),
        pick(&["100000000001", "100000000002", "4611686018433460001"]),
        pick(&["root", "alice", "roleUser", "TKE_QCSRole"]),
        pick(&["AKIDEXAMPLEone0000000000000000000000", "AKIDEXAMPLEtwo0000000000000000000000", ""]),
        any::<bool>(),
    );
    let how = (
        pick(&["ApiCall", "ConsoleCall", "MiniProgramCall", ""]),
        pick(&["Read", "Write", ""]),
        pick(&["cvm.tencentcloudapi.com", "cam.api.tencentyun.com/v2/index.php"]),
        pick(&["192.0.2.1", "203.0.113.7", "10.0.0.1", "9.234.98.161", "192.30.252.44", "9.1.2.3", ""]),
        pick(&["SDK_GO_1.0.1", "cosbrowser 2.11", "Terraform-latest", "cloudbility", ""]),
    );
    let result = (
        pick(&["0", "4101", "4100", "", "4106"]),
        pick(&[
            "0",
            "",
            "UnauthorizedOperation",
            "UnauthorizedOperation.CamNoAuthX",
            "AuthFailure",
            "AuthFailure.SignatureFailure",
        ]),
        pick(&["", "", "", "FailedOperation.X"]),
        pick(&["ap-guangzhou", "ap-shanghai", "gz"]),
        prop::bool::weighted(0.05),
    );
    (when, pick(APIS), who, how, result, pick(REQUESTS), any::<u32>()).prop_map(
        |(time, (service, action), who, how, result, request, id)| {
            let session = if who.4 {
                r#"{"token":"REDACTED","expireTime":"2026-03-02 10:00:00","userIp":"198.51.100.9"}"#
            } else {
                ""
            };
            json!({
                "eventTime": time,
                "requestID": format!("{id:08x}-0000-4000-8000-000000000000"),
                "eventName": action,
                "resourceType": service,
                "eventSource": how.2,
                "eventRegion": result.3,
                "eventType": how.0,
                "actionType": how.1,
                "errorCode": result.0,
                "apiErrorCode": result.1,
                "apiErrorMessage": result.2,
                "sourceIPAddress": how.3,
                "userAgent": how.4,
                "eventPlatform": if result.4 { "1" } else { "0" },
                "requestParameters": request,
                "responseElements": "{}",
                "userIdentity": {
                    "type": who.0,
                    "principalId": who.1,
                    "accountId": "100000000001",
                    "userName": who.2,
                    "secretId": who.3,
                    "sessionContext": session,
                },
            })
        },
    )
}
