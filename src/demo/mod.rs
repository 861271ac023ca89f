//! The demo: two weeks of a made-up company, as its exports would look. `fixtures/demo` holds a copy.
//!
//! Usual work, a few careless acts, one dormant key, one night deployment, and one key
//! that leaks and is used from the first probe to the ransom note. Every id is plainly
//! fake and every public address is one for documentation, except GitHub's own.
//! The story stands in `story.txt` and the tables below; the code only turns them into files.
//!
//! Neither clock nor chance is asked: two runs make the same bytes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime};
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};

/// The main account, which is also the uin of its root user.
const ACCOUNT: u64 = 100_000_000_001;
const APP_ID: u64 = 1_250_000_001;
/// All local times of the story are this far east of UTC.
const OFFSET_SECONDS: i64 = 8 * 3600;
/// Since when records are shipped.
const TRACKED_SINCE: &str = "2026-03-02 15:00:00";
/// Where the console's export ends.
const EXPORTED_UNTIL: &str = "2026-03-02 18:00:00";
/// The last days of the shipped files.
const SHIPPED_AT: [u32; 6] = [4, 6, 8, 10, 12, 15];

/// Who calls: handle, how they sign, uin, name, end of the key id, address, client.
///
/// `thief` and `github` use the key of `backend` from elsewhere; `crossfire` is the user
/// the thief makes. `finance` reaches the console through a proxy.
const CALLERS: &str = "
root       root-key     100000000001 root          rootOwner   198.51.100.23  SDK_PYTHON_3.0.1459;_CLI_3.0.1459
owner      root-console 100000000001 root          -           198.51.100.23  SDK_NODEJS_0.2.1
billing    root-order   100000000001 root          -           -              -
ci         user-key     100000000011 ci-deploy     ciDeploy    203.0.113.10   SDK_GO_1.0.1133
backend    user-key     100000000012 app-backend   appBackend1 203.0.113.21   SDK_GO_1.0.1102
backend2   user-key     100000000012 app-backend   appBackend2 203.0.113.21   SDK_GO_1.0.1102
github     user-key     100000000012 app-backend   appBackend1 192.30.252.44  -
thief      user-key     100000000012 app-backend   appBackend1 192.0.2.66     SDK_GO_1.0.938
crossfire  user-key     100000000019 crossfire     crossfire   192.0.2.66     SDK_GO_1.0.938
report     user-key     100000000013 report-export reportExp   203.0.113.44   SDK_PYTHON_3.0.988
media      user-key     100000000014 media-team    mediaTeam   198.51.100.31  cosbrowser/2.11.2
fleet      user-key     100000000015 fleet-sync    fleetSync   198.51.100.200 cloud-manager/3.2.0
mobile     user-key     100000000016 mobile-api    mobileApi   203.0.113.22   SDK_JAVA_3.1.1210
ops        user-console 100000000021 ops-lead      -           198.51.100.23  SDK_NODEJS_0.2.1
dev        user-console 100000000022 dev-web       -           198.51.100.24  SDK_NODEJS_0.2.1
finance    user-console 100000000023 finance-view  -           10.20.200.5    SDK_NODEJS_0.2.1
intern     user-console 100000000024 intern-qa     -           198.51.100.27  SDK_NODEJS_0.2.1
tke        service      4611686018400000001 TKE_QCSRole -      10.20.128.7    SDK_GO_1.0.594
";

/// Usual work: caller, first and last hour of it, calls on a working day and on a day of
/// the weekend, first and last hour of a day, and the calls to choose from.
const HABITS: &str = "
ci       02T00 16T00 48  0  9 20 cvm:DescribeInstances cvm:DescribeImages tke:DescribeClusters tke:DescribeClusterNodePools cos:HeadBucket cos:GetBucket monitor:GetMonitorData tke:ModifyClusterNodePool tke:UpdateAddon cos:PutBucketTagging cvm:RebootInstances
backend  02T00 11T09 34 22  0 24 cos:HeadBucket ssm:GetSecretValue cls:SearchLog redis:DescribeInstances cdb:DescribeDBInstances monitor:GetMonitorData
backend2 11T10 16T00 34 22  0 24 cos:HeadBucket ssm:GetSecretValue cls:SearchLog redis:DescribeInstances cdb:DescribeDBInstances monitor:GetMonitorData
mobile   09T09 16T00 10  6  7 23 cos:HeadBucket redis:DescribeInstances monitor:GetMonitorData
tke      02T00 16T00 24 16  0 24 cvm:DescribeInstances vpc:DescribeSubnets vpc:DescribeNetworkInterfaces vpc:AssignPrivateIpAddresses cbs:AttachDisks clb:DescribeLoadBalancers clb:CreateLoadBalancer clb:DeleteLoadBalancer
ops      02T00 16T00 16  2  9 19 cvm:DescribeInstances cam:ListUsers cam:GetPolicy clb:RegisterTargets clb:DescribeLoadBalancers monitor:CreateAlarmPolicy cbs:CreateSnapshot vpc:DescribeSecurityGroups cloudaudit:DescribeEvents
dev      02T00 16T00 14  1 10 20 tke:DescribeClusters cls:SearchLog cdn:PurgePathCache scf:ListFunctions cdb:DescribeDBInstances cvm:RebootInstances
finance  02T00 16T00  5  0  9 18 billing:DescribeBillSummaryByProduct billing:DescribeAccountBalance
intern   04T15 16T00  6  0 10 19 tke:DescribeClusters cls:SearchLog monitor:GetMonitorData
media    03T09 06T00  8  0 10 18 cos:GetService cos:HeadBucket cos:GetBucketCORS cos:PutBucketTagging
fleet    09T09 11T00 12  0  9 18 cvm:DescribeInstances cbs:DescribeDisks clb:DescribeLoadBalancers
";

/// What else happens; how its lines are written is told in the file.
const STORY: &str = include_str!("story.txt");

/// Ways a call can fail: mark, code of the permission check, code of the service, words.
const FAILURES: [(&str, &str, &str, &str); 4] = [
    ("not-authorized", "4101", "AuthFailure.UnauthorizedOperation", "you are not authorized"),
    ("not-granted", "0", "UnauthorizedOperation.CamNoAuth", "not authorized by CAM"),
    ("no-such-key", "4104", "AuthFailure.SecretIdNotFound", "the SecretId is not found"),
    ("sold-out", "0", "ResourceInsufficient.SpecifiedInstanceType", "the type is sold out"),
];

/// What the account owns, as a console would export it.
const ASSETS: &str = "\
ID,名称,公网IP,内网IP,备注
nat-demo0001,nat-build,203.0.113.10,,CI 出口
ins-demo0001,web-1,203.0.113.21,10.20.1.21,应用后端
ins-demo0002,web-2,203.0.113.22,10.20.1.22,移动端接口
ins-demo0003,web-3,203.0.113.23,10.20.1.23,
ins-demo0004,queue-1,,10.20.1.31,消息队列
ins-demo0005,report-1,203.0.113.44,10.20.2.44,报表
ins-demo0006,bastion,203.0.113.50,10.20.0.50,堡垒机
lb-demo0001,shop-front,203.0.113.80,,
lb-demo0002,shop-api,203.0.113.81|2001:db8:20::81,,接口入口
cdb-demo0001,shop-db,,10.20.3.10,主数据库
crs-demo0001,shop-cache,,10.20.3.20,
cls-demo0001,shop-tke,203.0.113.90,,TKE 集群入口
";

/// Users on the first morning: uin, name, made, end of the key id, its status, made and
/// last used, attached policies with their ids, and since when if not from the first day. The first is the
/// main account, which is no listed user.
const USERS: &str = "
100000000001 root           2024-03-28T12:00:00 rootOwner   Active   2024-03-28T12:05:00 2026-02-24T10:20:00 -
100000000011 ci-deploy      2024-04-02T10:00:00 ciDeploy    Active   2025-09-01T10:12:00 2026-03-01T17:58:20 31:QcloudCVMFullAccess,32:QcloudTKEFullAccess,33:QcloudCLBFullAccess
100000000012 app-backend    2024-04-02T10:05:00 appBackend1 Active   2025-02-11T09:30:00 2026-03-01T23:51:05 34:QcloudCamFullAccess,35:QcloudCVMReadOnlyAccess,101:app-backend-data@2025-02-11T09:40:00
100000000013 report-export  2024-05-20T15:00:00 reportExp   Active   2024-05-20T15:01:10 2026-01-10T11:05:40 36:QCloudFinanceReadOnlyAccess
100000000014 media-team     2025-01-15T11:00:00 mediaTeam   Active   2025-01-15T11:00:30 2026-02-27T16:40:00 -
100000000015 fleet-sync     2025-06-03T09:00:00 fleetSync   Active   2025-06-03T09:00:20 2026-02-28T09:15:00 35:QcloudCVMReadOnlyAccess
100000000016 mobile-api     2026-02-25T10:00:00 -           -        -                   -                   -
100000000017 old-contractor 2024-07-01T09:00:00 contractor  Inactive 2024-07-01T09:10:00 2025-06-30T18:02:00 -
100000000021 ops-lead       2024-04-01T09:00:00 -           -        -                   -                   1:AdministratorAccess
100000000022 dev-web        2024-08-12T09:00:00 -           -        -                   -                   -
100000000023 finance-view   2024-09-02T09:00:00 -           -        -                   -                   -
";

/// Policies by id: name, when made, and actions allowed everywhere, one word for each statement. Those the
/// provider has made have an id below 100; the text of some of them is not exported.
const POLICIES: &str = "
1   AdministratorAccess     2019-04-10T15:00:00 *
31  QcloudCVMFullAccess     2019-04-10T15:00:00 name/cvm:* name/vpc:* name/clb:* name/monitor:*
33  QcloudCLBFullAccess     2019-04-10T15:00:00 name/clb:*
34  QcloudCamFullAccess     2019-04-10T15:00:00 name/cam:*
35  QcloudCVMReadOnlyAccess 2019-04-10T15:00:00 name/cvm:Describe*,name/cvm:Inquiry* name/vpc:Describe*,name/vpc:Inquiry*,name/vpc:Get* name/clb:Describe* name/monitor:*
101 app-backend-data        2025-02-11T09:35:00 ssm:*,cdb:*,redis:*,cos:*,monitor:*,cls:*
";

/// The one user group: its id, name, when made, members, and what is attached to it.
const GROUP: (u32, &str, &str) = (501, "developers", "2024-08-12 09:05:00");
const MEMBERS: [&str; 2] = ["dev-web", "old-contractor"];
const GROUP_POLICY: &str = "2:ReadOnlyAccess";

/// The files of the demo: where each is in its folder, and what it holds.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// Writes logs, asset list and inventory into a folder, and nothing else; returns the number of events.
pub fn write(folder: &Path) -> io::Result<usize> {
    let (events, files) = made();
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, bytes)?;
    }
    Ok(events)
}

/// Makes the files and counts the events.
fn made() -> (usize, Files) {
    let (mut random, mut files) = (Random(0x00ab_cdef), Files::new());
    let events = all_events(&mut random);
    write_shipped(Path::new("logs/cos"), &events, &mut random, &mut files);
    write_fetched(Path::new("logs/tccli/describe-events-root.json"), &events, &mut files);
    write_exported(Path::new("logs/console/operation-records.csv"), &events, &mut files);
    write_file(Path::new("assets.csv"), ASSETS.as_bytes(), &mut files);
    write_inventory(Path::new("inventory"), &mut files);
    (events.len(), files)
}

/// The lines of a table, without blank ones and comments.
fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    let lines = table.lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The words of a row, of which the first are told apart; `-` stands for nothing.
fn words<const N: usize>(row: &'static str) -> ([&'static str; N], Vec<&'static str>) {
    let mut all = row.split_whitespace();
    let first = [(); N].map(|()| all.next().expect("every column is filled"));
    let first = first.map(|word| if word == "-" { "" } else { word });
    (first, all.collect())
}

// ---------------------------------------------------------------- time and chance

/// Reads a local time and returns seconds of the epoch.
fn time(text: &str) -> i64 {
    let text = text.replace('T', " ");
    let parsed = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S");
    let naive = parsed.expect("written as YYYY-MM-DD HH:MM:SS");
    naive.and_utc().timestamp() - OFFSET_SECONDS
}

fn time_in_march(day: u32, clock: &str) -> i64 {
    time(&format!("2026-03-{day:02} {clock}"))
}

fn local(at: i64, format: &str) -> String {
    let shifted = DateTime::from_timestamp(at + OFFSET_SECONDS, 0).expect("a time of the story");
    shifted.format(format).to_string()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    let parsed = text.parse().ok();
    parsed.expect("the column holds a number")
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

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("lengths fit into 64 bits");
        usize::try_from(self.below(length)).expect("an index below the length")
    }

    fn uuid(&mut self) -> String {
        let hex = format!("{:016x}{:016x}", self.next(), self.next());
        let (first, second, third) = (&hex[..8], &hex[8..12], &hex[13..16]);
        format!("{first}-{second}-4{third}-8{}-{}", &hex[17..20], &hex[20..])
    }
}

// ---------------------------------------------------------------- callers and calls

/// Somebody who calls, and how their calls look.
struct Caller {
    handle: &'static str,
    /// How they sign: `root-key`, `user-console` and so on.
    kind: &'static str,
    uin: &'static str,
    name: &'static str,
    key: &'static str,
    ip: &'static str,
    client: &'static str,
}

impl Caller {
    fn of(row: &'static str) -> Self {
        let ([handle, kind, uin, name, key, ip, client], _) = words(row);
        Self { handle, kind, uin, name, key, ip, client }
    }

    fn is_root(&self) -> bool {
        self.kind.starts_with("root")
    }

    fn is_console(&self) -> bool {
        self.kind.ends_with("console")
    }

    fn is_service(&self) -> bool {
        self.kind == "service"
    }

    /// The key id at a time: 36 characters, 68 for a session of a day, none for an order.
    fn key_at(&self, at: i64) -> String {
        if self.is_console() || self.is_service() {
            let owner = self.name.replace(['-', '_'], "");
            let end = format!("{owner}{}", local(at, "%m%d"));
            format!("AKIDEXAMPLEtemporary{end:0>48}")
        } else if self.key.is_empty() {
            String::new()
        } else {
            permanent_key(self.key)
        }
    }
}

fn permanent_key(end: &str) -> String {
    format!("AKIDEXAMPLE{end:0>25}")
}

/// One call.
struct Event {
    at: i64,
    caller: &'static Caller,
    service: &'static str,
    action: &'static str,
    region: &'static str,
    /// A way to fail, or `order` and `platform` (not shipped), `broken` (not shipped, and the
    /// inner record is no valid JSON), `cut` (the shipped line is cut).
    mark: &'static str,
    params: Value,
    reply: Value,
    id: String,
}

impl Event {
    fn new(at: i64, caller: &'static Caller, api: &'static str, random: &mut Random) -> Self {
        let (service, action) = api.split_once(':').expect("written as service:Action");
        Self {
            at,
            caller,
            service,
            action,
            region: "ap-guangzhou",
            mark: "",
            params: json!({"Limit": 20, "Offset": 0}),
            reply: json!({}),
            id: random.uuid(),
        }
    }

    fn is_read(&self) -> bool {
        const READS: [&str; 5] = ["Describe", "Get", "List", "Search", "Head"];
        READS.iter().any(|start| self.action.starts_with(start))
    }

    fn is_shipped(&self) -> bool {
        self.at >= time(TRACKED_SINCE) && !["order", "platform", "broken"].contains(&self.mark)
    }

    /// Returns the codes of the permission check and of the service, and the service's words.
    fn outcome(&self) -> (&'static str, &'static str, &'static str) {
        let failure = FAILURES.iter().find(|failure| failure.0 == self.mark);
        failure.map_or(("0", "0", ""), |failure| (failure.1, failure.2, failure.3))
    }
}

fn all_events(random: &mut Random) -> Vec<Event> {
    let callers: &'static [Caller] = rows(CALLERS).map(Caller::of).collect::<Vec<_>>().leak();
    let mut events = Vec::new();
    for row in rows(HABITS) {
        usual_work(row, callers, random, &mut events);
    }
    // A file that was still being written when it was copied.
    let from = time("2026-03-06 15:00:00");
    let is_cut = |event: &&mut Event| event.caller.handle == "ci" && event.at > from;
    let cut = events.iter_mut().find(is_cut);
    cut.expect("builds run on Friday").mark = "cut";
    events.extend(rows(STORY).map(|row| told_event(row, callers, random)));
    events.sort_by_key(|event| event.at);
    events
}

fn caller_of(callers: &'static [Caller], handle: &str) -> &'static Caller {
    let caller = callers.iter().find(|caller| caller.handle == handle);
    caller.expect("every handle is in the table of callers")
}

/// Adds what somebody does day by day, at times that chance gives.
fn usual_work(row: &'static str, callers: &'static [Caller], random: &mut Random, events: &mut Vec<Event>) {
    let ([handle, first, last, working, weekend, opens, closes], apis) = words(row);
    let [first, last] = [first, last].map(|text| time(&format!("2026-03-{text}:00:00")));
    let opens: u64 = number(opens);
    let hours = number::<u64>(closes) - opens;
    for day in 2..=15 {
        let is_weekend = matches!(day, 7 | 8 | 14 | 15);
        for _ in 0..number(if is_weekend { weekend } else { working }) {
            let (hour, minute) = (opens + random.below(hours), random.below(60));
            let clock = format!("{hour:02}:{minute:02}:{:02}", random.below(60));
            let at = time_in_march(day, &clock);
            if (first..last).contains(&at) {
                let api = apis[random.index(apis.len())];
                events.push(usual_event(at, caller_of(callers, handle), api, random));
            }
        }
    }
}

/// Makes a call of usual work, which differs a little from the last.
fn usual_event(at: i64, caller: &'static Caller, api: &'static str, random: &mut Random) -> Event {
    let mut event = Event::new(at, caller, api, random);
    let number = random.below(4) + 1;
    if random.below(4) == 0 {
        event.region = "ap-shanghai";
    }
    event.params = match (event.service, event.is_read()) {
        ("cos", _) => json!({"Bucket": format!("site-assets-{APP_ID}")}),
        (_, true) => json!({"Limit": 20, "Offset": 20 * (number - 1)}),
        ("cvm" | "cbs", false) => json!({"InstanceIds": [format!("ins-demo000{number}")]}),
        (_, false) => json!({"Name": format!("shop-{number}"), "Comment": "usual work"}),
    };
    event
}

/// Reads a line of the story.
fn told_event(row: &'static str, callers: &'static [Caller], random: &mut Random) -> Event {
    let (words_part, json_part) = row.split_at(row.find('{').unwrap_or(row.len()));
    let ([day, clock, handle, api], options) = words(words_part);
    let at = time_in_march(number(day), clock);
    let mut event = Event::new(at, caller_of(callers, handle), api, random);
    for option in options {
        match option.split_at(1) {
            ("@", region) => event.region = region,
            ("!", mark) => event.mark = mark,
            _ => panic!("an option is @region or !mark, not {option}"),
        }
    }
    let mut bodies = json_part.split(" => ").filter(|body| !body.is_empty());
    let mut next = || bodies.next().map(|body| filled_in(&json_of(body)));
    event.params = next().unwrap_or(event.params);
    event.reply = next().unwrap_or(event.reply);
    if event.mark == "order" {
        event.params = Value::Null;
    }
    event
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("the story holds valid JSON")
}

/// Writes out key ids and encodes what is to be encoded.
fn filled_in(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            fields.map(|(name, value)| (name.clone(), filled_in(value))).collect()
        }
        Value::String(text) => match text.split_once(':') {
            Some(("key", end)) => json!(permanent_key(end)),
            Some(("base64", text)) => json!(base64(text.as_bytes())),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| usize::from(*chunk.get(at).unwrap_or(&0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[group >> (18 - 6 * at) & 63];
            text.push(if at > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

// ---------------------------------------------------------------- how a record looks

/// Returns the record as the API gives it. What is shipped is the same with less in it.
fn record(event: &Event) -> Map<String, Value> {
    let (auth, code, words) = event.outcome();
    let is_console = event.caller.is_console();
    let mut reply = event.reply.clone();
    reply["RequestId"] = json!(event.id);
    let params = match &event.params {
        Value::Null => String::new(),
        params => params.to_string(),
    };
    let fields = json!({
        "userIdentity": identity(event),
        "eventRegion": event.region,
        "eventVersion": 2,
        "errorCode": auth,
        "errorMessage": if is_console { "" } else { "permission verify" },
        "requestID": event.id,
        "eventID": event.id,
        "apiVersion": "3.0",
        "eventType": if is_console { "ConsoleCall" } else { "ApiCall" },
        "actionType": if event.is_read() { "Read" } else { "Write" },
        "httpMethod": "POST",
        "apiErrorCode": if code == "0" { json!(0) } else { json!(code) },
        "apiErrorMessage": words,
        "userAgent": event.caller.client.replace(';', "; "),
        "eventTime": event.at,
        "sourceIPAddress": event.caller.ip,
        "eventSource": host(event),
        "resources": "[\"*\"]",
        "resourceName": "",
        "resourceSet": [],
        "requestParameters": params,
        "responseElements": if code == "0" { reply.to_string() } else { "{}".to_owned() },
        "resourceType": event.service,
        "eventName": event.action,
        "sensitiveAction": if event.is_read() { "0" } else { "1" },
        "eventPlatform": if event.mark == "platform" { "1" } else { "0" },
        "tags": [""],
    });
    fields.as_object().expect("written as an object").clone()
}

fn host(event: &Event) -> String {
    let (service, region) = (event.service, event.region);
    match event.caller.kind {
        "root-console" | "user-console" => format!("{service}.{region}.api.tencentyun.com"),
        "service" => format!("{service}.internal.tencentcloudapi.com"),
        _ if service == "cos" => format!("cos.{region}.myqcloud.com"),
        _ => format!("{service}.tencentcloudapi.com"),
    }
}

fn identity(event: &Event) -> Value {
    let caller = event.caller;
    let kind = match caller.kind {
        "service" => "TencentCloudService",
        _ if caller.is_root() => "Root",
        _ => "CAMUser",
    };
    json!({
        "type": kind,
        "principalId": caller.uin,
        "accountId": ACCOUNT.to_string(),
        "userName": caller.name,
        "secretId": caller.key_at(event.at),
        "roleSessionName": if caller.is_service() { "tke-demo" } else { "" },
        "sessionContext": session(event),
    })
}

/// Returns the session as text, which again holds text; empty for permanent keys.
fn session(event: &Event) -> String {
    let caller = event.caller;
    let extra = if caller.is_service() {
        json!({"roleOwnerUin": ACCOUNT, "roleName": caller.name, "roleType": 2,
            "roleSessionName": "tke-demo"})
    } else if caller.is_console() {
        json!({"mfaExpireTime": "0000-00-00 00:00:00", "sessionUin": caller.uin})
    } else {
        return String::new();
    };
    let user_ip = match caller.kind {
        "service" => "",
        _ if caller.ip.starts_with("10.") => "198.51.100.25",
        _ => caller.ip,
    };
    let session = json!({"token": "REDACTED", "ua": "0123456789abcdef0123456789abcdef",
        "userIp": user_ip, "uin": caller.uin, "ownerUin": ACCOUNT, "appId": APP_ID,
        "expireTime": local(event.at + 7200, "%Y-%m-%d %H:%M:%S"), "mfa": 1,
        "mfaExpireTime": "0000-00-00 00:00:00", "interfaceName": "", "hasPolicyFilter": 0,
        "policyFilter": "", "extraInfo": extra.to_string()});
    session.to_string()
}

// ---------------------------------------------------------------- logs as files

/// Writes what the tracking set shipped: one packed file for a few days, one record a line.
fn write_shipped(folder: &Path, events: &[Event], random: &mut Random, files: &mut Files) {
    let mut first = 2;
    for last in SHIPPED_AT {
        let days = time_in_march(first, "00:00:00")..time_in_march(last + 1, "00:00:00");
        let mut lines = String::new();
        for event in events.iter().filter(|event| days.contains(&event.at)) {
            if event.is_shipped() {
                lines.push_str(&shipped_line(event, random));
                lines.push('\n');
            }
        }
        let name = format!("2026/03/{last:02}/cloudaudit_202603{first:02}-202603{last:02}.gz");
        write_file(&folder.join(name), &gzip(lines.as_bytes()), files);
        first = last + 1;
    }
}

/// Returns a record without what is not shipped, its fields in some order.
fn shipped_line(event: &Event, random: &mut Random) -> String {
    const LEFT_OUT: [&str; 4] = ["eventID", "apiVersion", "resources", "eventPlatform"];
    let mut rest: Vec<_> = record(event).into_iter().collect();
    rest.retain(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let mut mixed = Map::new();
    while !rest.is_empty() {
        let (name, value) = rest.swap_remove(random.index(rest.len()));
        let value = if value == json!(0) { json!("0") } else { value };
        mixed.insert(name, value);
    }
    let mut line = Value::Object(mixed).to_string();
    if event.mark == "cut" {
        line.truncate(line.len() / 2);
    }
    line
}

/// Packs bytes without telling when.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packer.write_all(bytes).expect("memory takes every byte");
    packer.finish().expect("memory takes every byte")
}

/// Writes root's records as the command line tool prints them, newest first.
fn write_fetched(path: &Path, events: &[Event], files: &mut Files) {
    let of_root = events.iter().rev().filter(|event| event.caller.is_root());
    let rows: Vec<Value> = of_root.map(fetched_row).collect();
    let reply = json!({"ListOver": true, "NextToken": 0, "Events": rows,
        "TotalCount": rows.len(), "RequestId": saved_id(0)});
    write_json(path, &reply, files);
}

fn fetched_row(event: &Event) -> Value {
    let inner = record(event);
    let params = inner["requestParameters"].clone();
    let mut text = Value::Object(inner).to_string();
    if event.mark == "broken" {
        // Quotes inside a text that nobody escaped, as real exports have them.
        let bare = format!("\"{}\"", params.as_str().expect("parameters are text"));
        text = text.replacen(&params.to_string(), &bare, 1);
    }
    json!({
        "EventId": event.id,
        "Username": event.caller.name,
        "EventTime": event.at.to_string(),
        "CloudAuditEvent": text,
        "ResourceTypeCn": chinese_name(event.service),
        "ErrorCode": number::<u32>(event.outcome().0),
        "EventName": event.action,
        "SecretId": event.caller.key_at(event.at),
        "EventSource": host(event),
        "RequestID": event.id,
        "ResourceRegion": "",
        "AccountID": ACCOUNT,
        "SourceIPAddress": event.caller.ip,
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
/// hours of it were shipped as well.
fn write_exported(path: &Path, events: &[Event], files: &mut Files) {
    const HEADER: &str = "AccountID,CloudAuditEvent,ErrorCode,EventName,EventTime,RequestID,\
        Resources,SecretId,SourceIPAddress,Username,eventRegion,eventSource";
    let until = time(EXPORTED_UNTIL);
    let of_day = events.iter().rev().filter(|event| event.at < until);
    let of_users = of_day.filter(|event| !event.caller.is_root());
    let rows: String = of_users.map(exported_row).collect();
    write_file(path, format!("\u{feff}{HEADER}\n{rows}").as_bytes(), files);
}

fn exported_row(event: &Event) -> String {
    let cells = [
        ACCOUNT.to_string(),
        Value::Object(record(event)).to_string(),
        event.outcome().0.to_owned(),
        event.action.to_owned(),
        local(event.at, "%Y-%m-%d %H:%M:%S"),
        event.id.clone(),
        "{}".to_owned(),
        event.caller.key_at(event.at),
        event.caller.ip.to_owned(),
        event.caller.name.to_owned(),
        event.region.to_owned(),
        host(event),
    ];
    let quoted =
        cells.map(|cell| if cell.contains([',', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell });
    format!("{}\n", quoted.join(","))
}

fn write_file(path: &Path, bytes: &[u8], files: &mut Files) {
    files.push((path.to_path_buf(), bytes.to_vec()));
}

/// Writes JSON as the command line tool prints it: four spaces, letters as they are.
fn write_json(path: &Path, value: &Value, files: &mut Files) {
    let mut text = String::new();
    for line in format!("{value:#}").lines() {
        let indent = line.len() - line.trim_start().len();
        text.push_str(&" ".repeat(indent));
        text.push_str(line);
        text.push('\n');
    }
    write_file(path, text.as_bytes(), files);
}

// ---------------------------------------------------------------- the inventory as files

/// A user as the inventory knows it.
struct User {
    uin: u64,
    name: &'static str,
    created: String,
    /// The end of the key id, or nothing.
    key: &'static str,
    key_status: &'static str,
    key_created: String,
    key_used: &'static str,
    policies: &'static str,
}

impl User {
    fn of(row: &'static str) -> Self {
        let ([uin, name, created, key, key_status, key_created, key_used, policies], _) = words(row);
        Self {
            uin: number(uin),
            name,
            created: created.replace('T', " "),
            key,
            key_status,
            key_created: key_created.replace('T', " "),
            key_used,
            policies,
        }
    }
}

/// Writes replies as the command line tool prints them.
fn write_inventory(folder: &Path, files: &mut Files) {
    let mut write = |name: &str, reply: Value| write_json(&folder.join(format!("{name}.json")), &reply, files);
    let all: Vec<User> = rows(USERS).map(User::of).collect();
    let listed: Vec<Value> = all[1..].iter().map(user_entry).collect();
    write("ListUsers", json!({"Data": listed, "RequestId": saved_id(1)}));
    let owner = ACCOUNT.to_string();
    write(
        "GetUserAppId",
        json!({"Uin": owner, "OwnerUin": owner, "AppId": APP_ID,
        "RequestId": saved_id(2)}),
    );
    let with_key = || all.iter().filter(|user| !user.key.is_empty());
    let used: Vec<Value> = with_key().map(last_use).collect();
    write("GetSecurityLastUsed", json!({"SecretIdLastUsedRows": used, "RequestId": saved_id(3)}));
    for user in with_key() {
        write(&format!("ListAccessKeys-{}", user.uin), keys_of(user));
    }
    for user in &all[1..] {
        write(&format!("ListAttachedUserPolicies-{}", user.uin), policies_of(user));
        write(&format!("ListGroupsForUser-{}", user.uin), groups_of(user));
    }
    let (group, _, made) = GROUP;
    write(&format!("ListAttachedGroupPolicies-{group}"), attached_list(GROUP_POLICY, made, u64::from(group)));
    for (id, reply) in rows(POLICIES).map(policy_text) {
        write(&format!("GetPolicy-{id}"), reply);
    }
    write("DescribeVpcs", vpcs());
    write("DescribeRoleList", roles());
}

fn saved_id(number: u64) -> String {
    format!("00000000-0000-4000-9000-{number:012}")
}

fn user_entry(user: &User) -> Value {
    json!({"Uin": user.uin, "Name": user.name, "Uid": user.uin % 1000 + 9_000_000, "Remark": "",
        "ConsoleLogin": u8::from(user.key.is_empty()), "PhoneNum": "", "CountryCode": "86",
        "Email": "", "CreateTime": user.created, "NickName": user.name})
}

/// The date is a day late, as it is in real replies; the time beside it is right.
fn last_use(user: &User) -> Value {
    let at = time(user.key_used);
    json!({"SecretId": permanent_key(user.key), "LastUsedDate": local(at + 86_400, "%Y-%m-%d"),
        "LastSecretUsedDate": at * 1000})
}

fn keys_of(user: &User) -> Value {
    let key = json!({"AccessKeyId": permanent_key(user.key), "Status": user.key_status,
        "CreateTime": user.key_created, "Description": ""});
    json!({"AccessKeys": [key], "RequestId": saved_id(user.uin)})
}

fn policies_of(user: &User) -> Value {
    attached_list(user.policies, &user.created, user.uin)
}

/// The reply that lists policies, written as `id:name` with a time behind `@` where it is not `added`.
fn attached_list(policies: &str, added: &str, number_of_reply: u64) -> Value {
    let entry = |policy: &str| {
        let (policy, since) = policy.split_once('@').unwrap_or((policy, added));
        let (id, name) = policy.split_once(':').expect("written as id:name");
        let id = number::<u32>(id);
        json!({"PolicyId": id, "PolicyName": name, "AddTime": since.replace('T', " "), "CreateMode": 2,
            "Remark": "", "OperateOwnerUin": ACCOUNT.to_string(),
            "OperateUin": ACCOUNT.to_string(), "OperateUinType": 0,
            "PolicyType": if is_preset(id) { "QCS" } else { "User" },
            "Deactived": 0, "DeactivedDetail": []})
    };
    let list: Vec<Value> = policies.split(',').filter(|policy| !policy.is_empty()).map(entry).collect();
    json!({"List": list, "TotalNum": list.len(), "RequestId": saved_id(number_of_reply)})
}

fn is_preset(id: u32) -> bool {
    id < 100
}

/// The reply that holds a policy's text, with its id.
fn policy_text(row: &'static str) -> (u32, Value) {
    let ([id, name, made], actions) = words(row);
    let id: u32 = number(id);
    let statement = |actions: &str| {
        let list: Vec<&str> = actions.split(',').collect();
        let action = if list == ["*"] { json!("*") } else { json!(list) };
        json!({"effect": "allow", "action": action, "resource": "*"})
    };
    let statements: Vec<Value> = actions.into_iter().map(statement).collect();
    let document = json!({"version": "2.0", "statement": statements});
    let made = made.replace('T', " ");
    let reply = json!({"PolicyName": name, "Description": "", "Type": if is_preset(id) { 2 } else { 1 },
        "AddTime": made, "UpdateTime": made, "PolicyDocument": document.to_string(), "PresetAlias": "",
        "IsServiceLinkedRolePolicy": 0, "Tags": [], "RequestId": saved_id(600_000 + u64::from(id))});
    (id, reply)
}

/// The groups of a user, most often none.
fn groups_of(user: &User) -> Value {
    let (id, name, made) = GROUP;
    let is_member = MEMBERS.contains(&user.name);
    let group = json!({"GroupId": id, "GroupName": name, "CreateTime": made, "Remark": ""});
    let list = if is_member { vec![group] } else { Vec::new() };
    json!({"TotalNum": list.len(), "GroupInfo": list, "RequestId": saved_id(500_000_000_000 + user.uin)})
}

fn vpcs() -> Value {
    json!({"VpcSet": [{"VpcId": "vpc-demo0001", "VpcName": "shop", "CidrBlock": "10.20.0.0/16",
        "Ipv6CidrBlock": "", "IsDefault": false, "CreatedTime": "2024-03-28 12:30:00",
        "TagSet": [], "AssistantCidrSet": []}], "TotalCount": 1, "RequestId": saved_id(4)})
}

fn roles() -> Value {
    let trust = json!({"version": "2.0", "statement": [{"action": "sts:AssumeRole",
        "effect": "allow", "principal": {"service": "ccs.qcloud.com"}}]});
    json!({"List": [{"RoleId": "4611686018400000001", "RoleName": "TKE_QCSRole",
        "PolicyDocument": trust.to_string(), "Description": "used by the container service",
        "AddTime": "2024-04-03 11:00:00", "UpdateTime": "2024-04-03 11:00:00", "ConsoleLogin": 0,
        "RoleType": "system", "SessionDuration": 43200, "DeletionTaskId": null, "Tags": []}],
        "TotalNum": 1, "RequestId": saved_id(5)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_is_that_of_the_fixtures() {
        let (_, files) = made();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
        for (name, bytes) in files {
            let kept = fs::read(folder.join(&name)).unwrap();
            assert!(kept == bytes, "{} differs; `just demo` writes it anew", name.display());
        }
    }
}
