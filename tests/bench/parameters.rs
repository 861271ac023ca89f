//! Request parameters, one function for each shape.

use crate::object::{Object, number, zoned_time};
use crate::world::{ACCOUNTS, Action, CONSOLE_CLIENT, KEYS, Key, Kind, Random, Service, Shape, mix, role_name};

const TAG_KEYS: [&str; 6] = ["team", "env", "owner", "项目", "cost-center", "app"];
const TAG_VALUES: [&str; 6] = ["platform", "prod", "staging", "数据平台", "cc-1024", "checkout"];
const METRICS: [&str; 6] =
    ["CpuUsage", "MemUsage", "LanOuttraffic", "WanIntraffic", "K8sNodeCpuUsageMax", "SlowQueries"];
const QUERIES: [&str; 4] = [
    "level:ERROR AND path:\"/api/v1/orders\" | select count(*) as n group by host",
    "status:>=500",
    "__TAG__.namespace:\"prod\" AND NOT message:\"health check\" | select histogram(cast(__TIMESTAMP__ as timestamp), interval 1 minute) as t, count(*) as n group by t order by t limit 1000",
    "trace_id:\"0000000000000000\" OR message:\"连接超时\"",
];

/// Writes the parameters of one call as a JSON object.
pub(crate) fn write(
    out: &mut Vec<u8>,
    (service, action): (&Service, &Action),
    key: &Key,
    (time, region): (i64, &str),
    random: &mut Random,
) {
    let mut object = Object::new(out);
    match action.shape {
        Shape::Bare => {}
        Shape::Ids => write_ids(&mut object, service.prefix, random),
        Shape::Page => write_page(&mut object, service.prefix, random),
        Shape::Metric => write_metric(&mut object, service.prefix, time, random),
        Shape::Search => write_search(&mut object, service.prefix, time, random),
        Shape::Change => write_change(&mut object, service.prefix, random),
        Shape::Script => write_script(&mut object, random),
        Shape::Person => write_person(&mut object, action.name, key, random),
        Shape::AssumeRole => write_assume_role(&mut object, key, random),
    }
    if key.kind == Kind::Console {
        write_console_fields(&mut object, action.name, key, time, random);
    }
    object.text("Version", service.version);
    object.text("Region", region);
    object.end();
}

fn write_ids(object: &mut Object, prefix: &str, random: &mut Random) {
    let count = 1 + random.below(3) * random.below(9);
    object.list("InstanceIds", count, |out| resource_id(out, prefix, random.next()));
    object.number("Offset", 0);
    object.number("Limit", 100);
}

fn write_page(object: &mut Object, prefix: &str, random: &mut Random) {
    object.number("Offset", random.below(20) * 100);
    object.number("Limit", 100);
    if random.chance(6_000) {
        let count = 1 + random.below(3);
        object.objects("Filters", 1 + random.below(2), |filter| {
            filter.text("Name", "instance-id");
            filter.list("Values", count, |out| resource_id(out, prefix, random.next()));
        });
    }
}

fn write_metric(object: &mut Object, prefix: &str, time: i64, random: &mut Random) {
    object.text("Module", "monitor");
    object.text("Namespace", "QCE/TKE2");
    object.list("MetricNames", 1 + random.below(3), |out| {
        out.extend_from_slice(random.pick(&METRICS).as_bytes());
    });
    object.objects("Conditions", 1 + random.below(2), |condition| {
        condition.text("Key", "InstanceId");
        condition.text("Operator", "in");
        condition.list("Value", 1 + random.below(3), |out| resource_id(out, prefix, random.next()));
    });
    object.number("Period", 300);
    object.parts("StartTime", |out| zoned_time(out, time - 3_600));
    object.parts("EndTime", |out| zoned_time(out, time));
}

fn write_search(object: &mut Object, prefix: &str, time: i64, random: &mut Random) {
    object.parts("TopicId", |out| out.extend_from_slice(&random.uuid()));
    object.parts("InstanceId", |out| resource_id(out, prefix, random.next()));
    object.json_text("Query", random.pick(&QUERIES).as_bytes());
    object.number("From", (time - 900).unsigned_abs() * 1_000);
    object.number("To", time.unsigned_abs() * 1_000);
    object.number("Limit", 100);
    object.text("Sort", "desc");
    object.raw("UseNewAnalysis", b"true");
}

fn write_change(object: &mut Object, prefix: &str, random: &mut Random) {
    object.parts("InstanceId", |out| resource_id(out, prefix, random.next()));
    object.parts("Name", |out| {
        out.extend_from_slice(b"bench-resource-");
        number(out, random.below(5_000));
    });
    if random.chance(2_000) {
        object.text("Description", "定时任务创建，勿删");
    }
    object.objects("Tags", random.below(4), |tag| {
        tag.text("Key", random.pick(&TAG_KEYS));
        tag.text("Value", random.pick(&TAG_VALUES));
    });
    object.parts("ClientToken", |out| out.extend_from_slice(&random.uuid()));
    object.raw("DryRun", b"false");
}

/// A long encoded body, from a few lines to a small program.
fn write_script(object: &mut Object, random: &mut Random) {
    // "echo bench line; sleep 1\n" in base64, repeated.
    const LINE: &[u8] = b"ZWNobyBiZW5jaCBsaW5lOyBzbGVlcCAxCg==";
    object.parts("CommandName", |out| {
        out.extend_from_slice(b"bench-command-");
        number(out, random.below(200));
    });
    let lines = 4 + random.below(12) * random.below(12);
    object.parts("Content", |out| {
        for _ in 0..lines {
            out.extend_from_slice(&LINE[..32]);
        }
    });
    object.text("CommandType", "SHELL");
    object.number("Timeout", 60);
    object.list("InstanceIds", 1 + random.below(8), |out| resource_id(out, "ins", random.next()));
}

fn write_person(object: &mut Object, action: &str, key: &Key, random: &mut Random) {
    let target = ACCOUNTS[key.account].0 + 1_000 + random.below(KEYS as u64);
    match action {
        "AddUser" => {
            object.parts("Name", |out| {
                out.extend_from_slice(b"bench-new-user-");
                number(out, random.below(50));
            });
            object.number("UseApi", random.below(2));
            object.number("ConsoleLogin", random.below(2));
        }
        "AttachUserPolicy" => {
            object.number("AttachUin", target);
            object.number("PolicyId", 1 + random.below(3_000));
        }
        "GetUser" => object.text("Name", &key.user),
        "GetRole" => object.text("RoleName", "bench-role-16"),
        "GetPolicy" => object.number("PolicyId", 1 + random.below(3_000)),
        _ => object.number("TargetUin", target),
    }
}

fn write_assume_role(object: &mut Object, key: &Key, random: &mut Random) {
    object.parts("RoleArn", |out| {
        out.extend_from_slice(b"qcs::cam::uin/");
        number(out, ACCOUNTS[key.account].0);
        out.extend_from_slice(b":roleName/");
        role_name(out, random.below(20));
    });
    object.text("RoleSessionName", "deploy");
    object.number("DurationSeconds", 7_200);
}

/// What the console adds to the parameters of every call it makes.
fn write_console_fields(object: &mut Object, action: &str, key: &Key, time: i64, random: &mut Random) {
    object.text("Action", action);
    object.text("RequestClient", CONSOLE_CLIENT);
    object.number("RequestOperator", key.principal);
    object.text("RequestSource", "MC");
    object.text("SecretId", &key.secret);
    object.text("Token", "REDACTED");
    object.number("Timestamp", time.unsigned_abs());
    object.number("Nonce", random.below(1_000_000_000));
    object.parts("seqId", |out| out.extend_from_slice(&random.uuid()));
}

/// `ins-` and eight letters or digits, out of 20,000 different ones.
pub(crate) fn resource_id(out: &mut Vec<u8>, prefix: &str, draw: u64) {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    out.extend_from_slice(prefix.as_bytes());
    out.push(b'-');
    let mut rest = mix(draw % 20_000);
    for _ in 0..8 {
        out.push(LETTERS[(rest % 36) as usize]);
        rest /= 36;
    }
}
