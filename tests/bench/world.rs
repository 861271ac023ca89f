//! The made-up account: services and actions, keys, addresses, and who calls what.

use std::ops::Range;

use crate::object::number;

/// Services and actions, see the head of that file.
const CATALOGUE: &str = include_str!("actions.txt");

pub(crate) const KEYS: usize = 400;
const BUSY_KEYS: usize = 20;
/// Addresses a busy key calls from, and all addresses.
const BUSY_KEY_ADDRESSES: usize = 30;
pub(crate) const ADDRESSES: usize = 3_000;
/// Every 13th key, the root key among them, also makes high-risk calls.
const ADMIN_EVERY: usize = 13;
const ADMIN_FROM: usize = 7;
/// Every 9th key lacks a permission.
const SHORT_OF_RIGHTS_EVERY: usize = 9;
/// Services one key mostly uses.
const SERVICES_OF_KEY: usize = 8;

pub(crate) const ACCOUNTS: [(u64, u64); 2] = [(100_000_000_000, 1_250_000_000), (100_000_100_000, 1_250_100_000)];

pub(crate) const REGIONS: [&str; 17] = [
    "ap-guangzhou",
    "ap-shanghai",
    "ap-beijing",
    "ap-nanjing",
    "ap-chengdu",
    "ap-chongqing",
    "ap-hongkong",
    "ap-singapore",
    "ap-jakarta",
    "ap-tokyo",
    "ap-seoul",
    "ap-bangkok",
    "na-siliconvalley",
    "na-ashburn",
    "sa-saopaulo",
    "eu-frankfurt",
    "ap-shenzhen-fsi",
];

const CLIENTS: [&str; 12] = [
    "SDK_GO_1.0.438",
    "SDK_PYTHON_3.0.1120",
    "SDK_GO_1.0.1005",
    "SDK_JAVA_3.1.870",
    "Terraform-v1.81.20",
    "SDK_GO_1.0.594",
    "SDK_PYTHON_3.0.1120; _CLI_3.0.1120",
    "SDK_NODEJS_4.0.700",
    "SDK_GO_1.0.122",
    "SDK_PHP_3.0.910",
    "SDK_PYTHON_3.0.998",
    "",
];

pub(crate) const CONSOLE_CLIENT: &str = "SDK_NODEJS_0.2.1";

const SERVICE_ROLES: [(&str, &str); 5] = [
    ("TKE_QCSRole", "cls-access"),
    ("AS_QCSRole", "as-scaling"),
    ("CLS_QCSRole", "cls-shipper"),
    ("IPAMDofTKE_QCSRole", "ipamd"),
    ("SCF_QCSRole", "scf-runtime"),
];

/// Sebastiano Vigna's splitmix64.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((self.next() >> 32) * end) >> 32
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        to_index(self.below(length as u64))
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// True `chance` times out of 10,000.
    pub(crate) fn chance(&mut self, chance: u64) -> bool {
        self.below(10_000) < chance
    }

    /// A random identifier of version 4, lower case.
    pub(crate) fn uuid(&mut self) -> [u8; 36] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let high = self.next() & 0xffff_ffff_ffff_0fff | 0x4000;
        let low = self.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        let mut bits = (u128::from(high) << 64) | u128::from(low);
        let mut text = [b'-'; 36];
        for place in (0..36).rev().filter(|place| ![8, 13, 18, 23].contains(place)) {
            text[place] = HEX[(bits & 15) as usize];
            bits >>= 4;
        }
        text
    }
}

/// The output function of splitmix64.
pub(crate) const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn to_index(number: u64) -> usize {
    usize::try_from(number).expect("numbers used as an index are small")
}

/// Indexes 0.. of `weights`, each in as many slots of a table as its weight asks for;
/// a random slot is then a weighted choice.
fn slots(weights: &[u64], size: usize) -> Vec<u16> {
    let total: u64 = weights.iter().sum();
    let mut table = Vec::with_capacity(size);
    let mut sum = 0;
    for (index, weight) in weights.iter().enumerate() {
        sum += weight;
        let index = u16::try_from(index).expect("fewer than 65,536 choices");
        table.resize(to_index(sum * size as u64 / total), index);
    }
    table
}

/// What the request parameters of an action look like.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Bare,
    Ids,
    Page,
    Metric,
    Search,
    Change,
    Script,
    Person,
    AssumeRole,
}

pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) read: bool,
    pub(crate) shape: Shape,
}

pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) actions: Vec<Action>,
    /// Weighted choices among `actions`.
    pub(crate) reads: Vec<u16>,
    pub(crate) writes: Vec<u16>,
}

/// All services, with the high-risk actions as (service, action) in the order of a
/// falling chance.
pub(crate) struct Catalogue {
    pub(crate) services: Vec<Service>,
    pub(crate) weights: Vec<u64>,
    pub(crate) risks: Vec<(usize, usize)>,
}

impl Catalogue {
    fn read() -> Self {
        let mut catalogue = Self { services: Vec::new(), weights: Vec::new(), risks: Vec::new() };
        for line in CATALOGUE.lines().filter(|line| !line.starts_with('#')) {
            catalogue.add(line);
        }
        catalogue
    }

    fn add(&mut self, line: &'static str) {
        let mut words = line.split_ascii_whitespace();
        let mut word = || words.next().expect("a service has four words before its actions");
        let (name, version, prefix, weight) = (word(), word(), word(), word());
        self.weights.push(weight.parse().expect("the weight is a number"));
        let (mut actions, mut reads, mut writes, mut kind) = (vec![], vec![], vec![], "");
        for word in words {
            if word.ends_with(':') {
                kind = word;
                continue;
            }
            match kind {
                "read:" => reads.push(actions.len()),
                "write:" => writes.push(actions.len()),
                _ => self.risks.push((self.services.len(), actions.len())),
            }
            actions.push(action(word, kind == "read:"));
        }
        self.services.push(Service {
            name,
            version,
            prefix,
            reads: by_rank(&reads),
            writes: by_rank(&writes),
            actions,
        });
    }
}

fn action(name: &'static str, in_reads: bool) -> Action {
    let read = in_reads || ["Describe", "List", "Get"].iter().any(|word| name.starts_with(word));
    Action { name, read, shape: shape(name, read) }
}

/// Chooses among `actions`, the first most often.
fn by_rank(actions: &[usize]) -> Vec<u16> {
    let weights: Vec<u64> = (1..=actions.len() as u64).map(|rank| 840 / rank).collect();
    slots(&weights, 256)
        .into_iter()
        .map(|rank| u16::try_from(actions[usize::from(rank)]).expect("few actions"))
        .collect()
}

fn shape(name: &str, read: bool) -> Shape {
    const PERSON: [&str; 10] = [
        "GetUser",
        "GetRole",
        "GetPolicy",
        "ListAttachedUserPolicies",
        "ListAccessKeys",
        "CreateAccessKey",
        "UpdateAccessKey",
        "DeleteAccessKey",
        "AddUser",
        "AttachUserPolicy",
    ];
    const SCRIPT: [&str; 7] =
        ["RunInstances", "RunCommand", "CreateCommand", "Invoke", "UploadLog", "UpdateFunctionCode", "CreatePolicy"];
    if PERSON.contains(&name) {
        Shape::Person
    } else if SCRIPT.contains(&name) {
        Shape::Script
    } else if name == "AssumeRole" {
        Shape::AssumeRole
    } else if name.contains("Log") && read {
        Shape::Search
    } else if name.contains("Data") && read {
        Shape::Metric
    } else if !read {
        Shape::Change
    } else if name.ends_with("Zones") || name.ends_with("Regions") || name.ends_with("Identity") {
        Shape::Bare
    } else if name.contains("Instance") || name.contains("Disk") || name.contains("Task") {
        Shape::Ids
    } else {
        Shape::Page
    }
}

/// Whose key it is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Root,
    SubUser,
    Console,
    Role,
    ServiceRole,
    /// An order of the platform itself: neither key nor address.
    NoKey,
}

impl Kind {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Root | Self::NoKey => "Root",
            Self::SubUser | Self::Console => "CAMUser",
            Self::Role => "AssumedRole",
            Self::ServiceRole => "TencentCloudService",
        }
    }

    /// Whether the key is temporary and comes with a session.
    pub(crate) fn has_session(self) -> bool {
        matches!(self, Self::Console | Self::Role | Self::ServiceRole)
    }
}

pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) secret: String,
    pub(crate) account: usize,
    pub(crate) principal: u64,
    pub(crate) user: String,
    pub(crate) session_name: &'static str,
    pub(crate) client: &'static str,
    /// One to three; a key that works everywhere has them all.
    pub(crate) regions: Vec<&'static str>,
    pub(crate) services: Vec<u16>,
    pub(crate) addresses: Range<usize>,
    pub(crate) short_of_rights: bool,
}

/// Everything that does not change from event to event.
pub(crate) struct World {
    pub(crate) catalogue: Catalogue,
    pub(crate) keys: Vec<Key>,
    pub(crate) addresses: Vec<String>,
    pub(crate) key_slots: Vec<u16>,
    pub(crate) service_slots: Vec<u16>,
    pub(crate) admins: Vec<usize>,
    pub(crate) risk_slots: Vec<u16>,
}

impl World {
    pub(crate) fn new(random: &mut Random) -> Self {
        let catalogue = Catalogue::read();
        let service_slots = slots(&catalogue.weights, 4_096);
        let risks = catalogue.risks.len() as u64;
        let risk_weights: Vec<u64> = (0..risks).map(|rank| 1_000 / (rank + 8)).collect();
        let mut keys: Vec<Key> = Vec::with_capacity(KEYS + 1);
        for number in 0..=KEYS {
            let start = keys.last().map_or(0, |key| key.addresses.end);
            keys.push(key(number, start, &service_slots, random));
        }
        Self {
            key_slots: slots(&key_weights(), 65_536),
            risk_slots: slots(&risk_weights, 4_096),
            addresses: (0..ADDRESSES).map(address).collect(),
            admins: (0..KEYS).filter(|number| number % ADMIN_EVERY == ADMIN_FROM).collect(),
            catalogue,
            keys,
            service_slots,
        }
    }
}

/// Four fifths of the events come from the busy keys; of the rest, people at the
/// console make more calls than programs do.
fn key_weights() -> Vec<u64> {
    let busy = (0..BUSY_KEYS as u64).map(|rank| 100_000 / (rank + 4));
    let rest = (BUSY_KEYS..KEYS).map(|number| {
        let base = 40 + mix(number as u64) % 100;
        if kind_of(number) == Kind::Console { base * 3 } else { base }
    });
    let (busy, rest): (Vec<u64>, Vec<u64>) = (busy.collect(), rest.collect());
    let (busy_sum, rest_sum): (u64, u64) = (busy.iter().sum(), rest.iter().sum());
    let busy = busy.into_iter().map(|weight| weight * 4 * rest_sum);
    busy.chain(rest.into_iter().map(|weight| weight * busy_sum)).collect()
}

fn kind_of(number: usize) -> Kind {
    match number {
        12..=15 | 111..=135 => Kind::ServiceRole,
        16..=18 | 61..=110 => Kind::Role,
        20 => Kind::Root,
        21..=60 => Kind::Console,
        KEYS => Kind::NoKey,
        _ => Kind::SubUser,
    }
}

fn key(number: usize, start: usize, service_slots: &[u16], random: &mut Random) -> Key {
    let kind = kind_of(number);
    let account = usize::from(number % 5 == 4);
    let uin = ACCOUNTS[account].0;
    let (role, session_name) = SERVICE_ROLES[number % SERVICE_ROLES.len()];
    let number_64 = number as u64;
    let (principal, user) = match kind {
        Kind::Root | Kind::NoKey => (uin, "root".to_owned()),
        Kind::SubUser | Kind::Console if number.is_multiple_of(2) => {
            (uin + 1_000 + number_64, format!("bench-user-{number}"))
        }
        Kind::SubUser | Kind::Console => (uin + 1_000 + number_64, (uin + 1_000 + number_64).to_string()),
        Kind::Role => (4_611_686_018_400_000_000 + number_64, "roleUser".to_owned()),
        Kind::ServiceRole => (4_611_686_018_400_100_000 + number_64 % 5, role.to_owned()),
    };
    Key {
        kind,
        secret: secret(kind, number),
        account,
        principal,
        user,
        session_name: if kind == Kind::ServiceRole { session_name } else { "deploy" },
        client: if kind == Kind::Console { CONSOLE_CLIENT } else { CLIENTS[number * 7 % CLIENTS.len()] },
        regions: regions(number, random),
        services: (0..SERVICES_OF_KEY).map(|_| random.pick(service_slots)).collect(),
        addresses: start..start + address_count(number),
        short_of_rights: number % SHORT_OF_RIGHTS_EVERY == 4,
    }
}

/// Permanent ids have 36 characters, temporary ones 68.
fn secret(kind: Kind, number: usize) -> String {
    if kind == Kind::NoKey {
        String::new()
    } else if kind.has_session() {
        format!("AKIDEXAMPLEbenchsession{number:045}")
    } else {
        format!("AKIDEXAMPLEbenchkey{number:017}")
    }
}

fn regions(number: usize, random: &mut Random) -> Vec<&'static str> {
    if number % 40 == 7 {
        return REGIONS.to_vec();
    }
    let count = 1 + random.index(3);
    // The lower of two draws, so that the first regions are the usual ones.
    (0..count).map(|_| REGIONS[random.index(REGIONS.len()).min(random.index(REGIONS.len()))]).collect()
}

/// How many of the 3,000 addresses belong to this key.
fn address_count(number: usize) -> usize {
    let (rest, keys) = (ADDRESSES - BUSY_KEYS * BUSY_KEY_ADDRESSES, KEYS - BUSY_KEYS);
    match number {
        KEYS => 0,
        0..BUSY_KEYS => BUSY_KEY_ADDRESSES,
        _ => {
            let place = number - BUSY_KEYS;
            (place + 1) * rest / keys - place * rest / keys
        }
    }
}

/// Documentation and benchmark addresses: public ones, shared address space for calls
/// from inside a network, and some of version 6.
fn address(number: usize) -> String {
    // A step without a common divisor with 3,000 mixes the ranges.
    let number = number * 1_009 % ADDRESSES;
    let (high, low) = (number / 250, number % 250 + 1);
    match high {
        0 => format!("192.0.2.{low}"),
        1 => format!("198.51.100.{low}"),
        2 => format!("203.0.113.{low}"),
        3..=6 => format!("198.18.{high}.{low}"),
        7..=10 => format!("100.64.{high}.{low}"),
        _ => format!("2001:db8::{low:x}"),
    }
}

/// The role behind a made-up role id.
pub(crate) fn role_name(out: &mut Vec<u8>, principal: u64) {
    out.extend_from_slice(b"bench-role-");
    number(out, principal % 1_000);
}
