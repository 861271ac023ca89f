//! Makes the events of the benchmark: the same bytes for the same seed and count,
//! on every machine.
//!
//! The shape is that of logs shipped to a bucket in 2025: one raw event a line, no
//! `eventID`, nested payloads as JSON text, keys in an order that varies from line to
//! line. Everything in them is made up: addresses of the documentation and benchmark
//! ranges, key ids that say `EXAMPLE`, account numbers full of zeros.
//!
//! Lines are written byte by byte into a buffer; no JSON library is involved, because
//! making the data must not take longer than reading it.

use crate::object::{Object, naive_time, number};
use crate::parameters;
use crate::world::{ACCOUNTS, ADDRESSES, KEYS, Key, Kind, REGIONS, Random, World, role_name};

/// Where the random numbers start. Another seed makes another data set.
pub(crate) const SEED: u64 = 0x616b_6775_6172_6431;

/// Midnight of 1 December 2025 at UTC+8, in epoch seconds.
const START: i64 = 1_764_518_400;
const DAYS: usize = 14;
/// How far a line may lag behind its place in the order, in seconds.
const JITTER: u64 = 90;
/// How busy each hour of the day is, from midnight on, at UTC+8.
const HOURS: [u64; 24] = [4, 3, 3, 3, 3, 3, 4, 5, 7, 10, 12, 12, 9, 9, 11, 12, 12, 11, 9, 8, 7, 7, 6, 5];

/// Chances out of 10,000.
const KEYLESS: u64 = 50;
const HIGH_RISK: u64 = 70;
const READ: u64 = 8_560;
const FAILED: u64 = 200;
const OTHER_SERVICE: u64 = 500;
const OTHER_REGION: u64 = 300;
const OTHER_ADDRESS: u64 = 10;

const DENIALS: [&str; 3] =
    ["UnauthorizedOperation", "UnauthorizedOperation.CamNoAuth", "AuthFailure.UnauthorizedOperation"];

const FAILURES: [(&str, &str); 7] = [
    ("ResourceNotFound", "The specified resource does not exist."),
    ("InvalidParameterValue", "The value of the parameter `Limit` is out of range."),
    (
        "RequestLimitExceeded",
        "Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second.",
    ),
    ("InternalError", "An internal error has occurred."),
    ("ResourceInUse", "The resource is busy, try again later."),
    ("InvalidParameter", "The parameter \"Filters\" is malformed."),
    ("FailedOperation", "操作失败，请稍后重试。"),
];

/// A field of an event.
#[derive(Clone, Copy)]
enum Field {
    Identity,
    Region,
    Version,
    ErrorCode,
    ErrorMessage,
    RequestId,
    EventType,
    ActionType,
    HttpMethod,
    ApiErrorCode,
    ApiErrorMessage,
    UserAgent,
    Time,
    Sensitive,
    SourceIp,
    ResourceType,
    EventName,
    EventSource,
    ResourceSet,
    Parameters,
    Response,
    ResourceName,
    Tags,
}

/// The fields of an event. Lines carry them in this order, turned round or backwards.
const FIELDS: [Field; 23] = [
    Field::Identity,
    Field::Region,
    Field::Version,
    Field::ErrorCode,
    Field::ErrorMessage,
    Field::RequestId,
    Field::EventType,
    Field::ActionType,
    Field::HttpMethod,
    Field::ApiErrorCode,
    Field::ApiErrorMessage,
    Field::UserAgent,
    Field::Time,
    Field::Sensitive,
    Field::SourceIp,
    Field::ResourceType,
    Field::EventName,
    Field::EventSource,
    Field::ResourceSet,
    Field::Parameters,
    Field::Response,
    Field::ResourceName,
    Field::Tags,
];

/// How a call ended.
#[derive(Clone, Copy)]
enum Outcome {
    Done,
    /// Refused by the permission check: code of the check, index into `DENIALS`.
    Denied(u64, usize),
    /// Index into `FAILURES`.
    Failed(usize),
}

/// The choices made for one event.
struct Call {
    time: i64,
    key: usize,
    service: usize,
    action: usize,
    region: &'static str,
    address: Option<usize>,
    outcome: Outcome,
    request_id: [u8; 36],
}

/// Gives out events, one after the other.
pub(crate) struct Generator {
    world: World,
    random: Random,
    clock: Clock,
    parameters: Vec<u8>,
    session: Vec<u8>,
    scratch: Vec<u8>,
}

impl Generator {
    /// A generator of `events` events spread over the fourteen days.
    pub(crate) fn new(events: u64) -> Self {
        let mut random = Random(SEED);
        Self {
            world: World::new(&mut random),
            random,
            clock: Clock::new(events),
            parameters: Vec::new(),
            session: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Appends the next event to `out` as one line.
    pub(crate) fn write_event(&mut self, out: &mut Vec<u8>) {
        let call = self.draw();
        self.write_parameters(&call);
        self.write_session(&call);
        let mut order = FIELDS;
        match self.random.below(4) {
            0 | 1 => {}
            2 => order.rotate_left(9),
            _ => order.reverse(),
        }
        let mut event = Object::new(out);
        for field in order {
            self.write_field(&mut event, field, &call);
        }
        event.end();
        out.push(b'\n');
    }

    fn draw(&mut self) -> Call {
        let time = self.clock.next(&mut self.random);
        let Self { world, random, .. } = self;
        let high_risk = random.chance(HIGH_RISK);
        let key = if high_risk {
            random.pick(&world.admins)
        } else if random.chance(KEYLESS) {
            KEYS
        } else {
            usize::from(random.pick(&world.key_slots))
        };
        let (service, action) = if high_risk {
            world.catalogue.risks[usize::from(random.pick(&world.risk_slots))]
        } else {
            choose_action(world, key, random)
        };
        Call {
            time,
            service,
            action,
            region: choose_region(&world.keys[key], random),
            address: choose_address(&world.keys[key], random),
            outcome: choose_outcome(&world.keys[key], random),
            request_id: random.uuid(),
            key,
        }
    }

    fn write_field(&mut self, event: &mut Object, field: Field, call: &Call) {
        let key = &self.world.keys[call.key];
        let service = &self.world.catalogue.services[call.service];
        let action = &service.actions[call.action];
        let console = key.kind == Kind::Console;
        match field {
            Field::Identity => write_identity(event, key, &self.session),
            Field::Region => event.text("eventRegion", call.region),
            Field::Version => event.number("eventVersion", 2),
            Field::ErrorCode => match call.outcome {
                Outcome::Denied(code, _) if code != 0 => event.parts("errorCode", |out| number(out, code)),
                _ => event.text("errorCode", "0"),
            },
            Field::ErrorMessage => event.text("errorMessage", check_message(call)),
            Field::RequestId => event.parts("requestID", |out| out.extend_from_slice(&call.request_id)),
            Field::EventType => event.text("eventType", if console { "ConsoleCall" } else { "ApiCall" }),
            Field::ActionType => event.text("actionType", if action.read { "Read" } else { "Write" }),
            Field::HttpMethod => event.text("httpMethod", if key.client.is_empty() { "GET" } else { "POST" }),
            Field::ApiErrorCode => event.text("apiErrorCode", api_error_code(call.outcome)),
            Field::ApiErrorMessage => write_api_error(event, call.outcome, service.name, action.name),
            Field::UserAgent => event.text("userAgent", key.client),
            Field::Time => event.number("eventTime", call.time.unsigned_abs()),
            Field::Sensitive => event.text("sensitiveAction", if action.read { "0" } else { "1" }),
            Field::SourceIp => event.text("sourceIPAddress", address_text(&self.world, call)),
            Field::ResourceType => event.text("resourceType", service.name),
            Field::EventName => event.text("eventName", action.name),
            Field::EventSource => write_host(event, key.kind, service.name, call.region),
            Field::ResourceSet => event.raw("resourceSet", b"[]"),
            Field::Parameters => event.json_text("requestParameters", &self.parameters),
            Field::Response => self.write_response(event, call),
            Field::ResourceName if action.read => event.text("resourceName", ""),
            Field::ResourceName => event.text("resourceName", "instance/*"),
            Field::Tags => event.raw("tags", b"[\"\"]"),
        }
    }

    /// Readers get nothing back into the log; a change answers with an id.
    fn write_response(&mut self, event: &mut Object, call: &Call) {
        let service = &self.world.catalogue.services[call.service];
        let done = matches!(call.outcome, Outcome::Done);
        if service.actions[call.action].read || !done || self.world.keys[call.key].kind == Kind::NoKey {
            event.text("responseElements", "{}");
            return;
        }
        self.scratch.clear();
        let mut response = Object::new(&mut self.scratch);
        response.parts("RequestId", |out| out.extend_from_slice(&call.request_id));
        let number = self.random.next();
        response.parts("Id", |out| parameters::resource_id(out, service.prefix, number));
        response.end();
        event.json_text("responseElements", &self.scratch);
    }

    fn write_session(&mut self, call: &Call) {
        self.session.clear();
        let key = &self.world.keys[call.key];
        if !key.kind.has_session() {
            return;
        }
        let (owner, app) = ACCOUNTS[key.account];
        write_extra_info(&mut self.scratch, key, owner, app);
        let mut session = Object::new(&mut self.session);
        session.text("token", "REDACTED");
        let console = key.kind == Kind::Console;
        session.text("ua", if console { "00000000000000000000000000000000" } else { "" });
        session.text("userIp", address_text(&self.world, call));
        session.number("uin", key.principal);
        session.number("ownerUin", owner);
        session.number("appId", app);
        session.parts("expireTime", |out| naive_time(out, call.time + 7_200));
        session.number("mfa", u64::from(console));
        session.text("mfaExpireTime", "0000-00-00 00:00:00");
        session.text("interfaceName", "");
        session.number("hasPolicyFilter", 0);
        session.text("policyFilter", "");
        session.json_text("extraInfo", &self.scratch);
        session.end();
    }

    fn write_parameters(&mut self, call: &Call) {
        self.parameters.clear();
        let key = &self.world.keys[call.key];
        if key.kind == Kind::NoKey {
            return;
        }
        let service = &self.world.catalogue.services[call.service];
        let action = &service.actions[call.action];
        let place = (call.time, call.region);
        parameters::write(&mut self.parameters, (service, action), key, place, &mut self.random);
    }
}

/// Gives the times: fourteen days in order, busy hours with more events.
struct Clock {
    events: u64,
    given: u64,
    hour: usize,
    /// Weight of all hours before this one.
    before: u64,
}

impl Clock {
    fn new(events: u64) -> Self {
        Self { events, given: 0, hour: 0, before: 0 }
    }

    fn next(&mut self, random: &mut Random) -> i64 {
        let total = HOURS.iter().sum::<u64>() * DAYS as u64;
        // 3,600 steps to a unit of weight, so that a rest is left for the second.
        let place = self.given * total * 3_600 / self.events.max(1);
        while place >= (self.before + HOURS[self.hour % 24]) * 3_600 && self.hour + 1 < 24 * DAYS {
            self.before += HOURS[self.hour % 24];
            self.hour += 1;
        }
        self.given += 1;
        let second = (place - self.before * 3_600) / HOURS[self.hour % 24];
        let since_start = (self.hour as u64 * 3_600 + second).saturating_sub(random.below(JITTER));
        START + i64::try_from(since_start).expect("two weeks of seconds")
    }
}

fn choose_action(world: &World, key: usize, random: &mut Random) -> (usize, usize) {
    let slots = if random.chance(OTHER_SERVICE) { &world.service_slots } else { &world.keys[key].services };
    let service = usize::from(random.pick(slots));
    let actions = &world.catalogue.services[service];
    let slots = if random.chance(READ) { &actions.reads } else { &actions.writes };
    (service, usize::from(random.pick(slots)))
}

/// Mostly the first of the key's regions.
fn choose_region(key: &Key, random: &mut Random) -> &'static str {
    if random.chance(OTHER_REGION) {
        random.pick(&REGIONS)
    } else if random.chance(7_000) {
        key.regions[0]
    } else {
        random.pick(&key.regions)
    }
}

fn choose_address(key: &Key, random: &mut Random) -> Option<usize> {
    if key.addresses.is_empty() {
        None
    } else if random.chance(OTHER_ADDRESS) {
        Some(random.index(ADDRESSES))
    } else {
        Some(key.addresses.start + random.index(key.addresses.len()))
    }
}

/// Keys that lack a permission are denied again and again, the others seldom.
fn choose_outcome(key: &Key, random: &mut Random) -> Outcome {
    let denied_often = u64::from(key.short_of_rights);
    if !random.chance(FAILED + 150 * denied_often) || key.kind == Kind::NoKey {
        Outcome::Done
    } else if random.chance(2_500 + 6_000 * denied_often) {
        let code = if random.chance(5_000) { 4_102 } else { 0 };
        Outcome::Denied(code, random.index(DENIALS.len()))
    } else {
        Outcome::Failed(random.index(FAILURES.len()))
    }
}

fn address_text<'a>(world: &'a World, call: &Call) -> &'a str {
    call.address.map_or("", |address| &world.addresses[address])
}

/// The permission check's own message: on success it says one of three things.
fn check_message(call: &Call) -> &'static str {
    match (call.outcome, call.request_id[0]) {
        (Outcome::Denied(..), _) => "permission denied",
        (_, b'0'..=b'9') => "permission verify",
        (_, b'a'..=b'c') => "ok",
        _ => "",
    }
}

fn api_error_code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "0",
        Outcome::Denied(_, code) => DENIALS[code],
        Outcome::Failed(failure) => FAILURES[failure].0,
    }
}

fn write_api_error(event: &mut Object, outcome: Outcome, service: &str, action: &str) {
    match outcome {
        Outcome::Done => event.text("apiErrorMessage", ""),
        Outcome::Failed(failure) => event.json_text("apiErrorMessage", FAILURES[failure].1.as_bytes()),
        Outcome::Denied(..) => event.parts("apiErrorMessage", |out| {
            for part in [
                "you are not authorized to perform operation (",
                service,
                ":",
                action,
                ") resource (*) has no permission",
            ] {
                out.extend_from_slice(part.as_bytes());
            }
        }),
    }
}

fn write_host(event: &mut Object, kind: Kind, service: &str, region: &str) {
    let parts: [&str; 4] = match kind {
        Kind::Console => [service, ".", region, ".api.tencentyun.com"],
        Kind::ServiceRole | Kind::NoKey => [service, ".internal.tencentcloudapi.com", "", ""],
        _ => [service, ".tencentcloudapi.com", "", ""],
    };
    event.parts("eventSource", |out| {
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
    });
}

fn write_identity(event: &mut Object, key: &Key, session: &[u8]) {
    event.object("userIdentity", |identity| {
        identity.parts("principalId", |out| number(out, key.principal));
        identity.parts("accountId", |out| number(out, ACCOUNTS[key.account].0));
        identity.text("secretId", &key.secret);
        identity.json_text("sessionContext", session);
        identity.text("type", key.kind.text());
        identity.text("userName", &key.user);
        if matches!(key.kind, Kind::Role | Kind::ServiceRole) {
            identity.text("roleSessionName", key.session_name);
        }
    });
}

/// The innermost of the nested texts.
fn write_extra_info(out: &mut Vec<u8>, key: &Key, owner: u64, app: u64) {
    out.clear();
    let mut extra = Object::new(out);
    if key.kind == Kind::Console {
        extra.number("dictId", 2_208);
        extra.text("mfaExpireTime", "3000-12-12 00:00:00");
        extra.number("sessionUin", key.principal);
    } else {
        extra.number("roleOwnerUin", owner);
        extra.number("assumerUin", owner + 300);
        extra.number("assumerOwnerUin", owner);
        extra.number("assumerOwnerAppId", app);
        extra.text("roleSessionName", key.session_name);
        if key.kind == Kind::ServiceRole {
            extra.text("roleName", &key.user);
        } else {
            extra.parts("roleName", |out| role_name(out, key.principal));
        }
        extra.number("roleType", 2 + u64::from(key.kind == Kind::ServiceRole));
    }
    extra.end();
}
