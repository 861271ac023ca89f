//! Made-up histories, and an own account of which requests CAM may have seen for each row.

use super::*;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Addresses: two at home, one of a network the user may vouch for, two strange ones.
pub(super) const ADDRESSES: [&str; 5] = ["203.0.113.5", "203.0.113.6", "192.0.2.7", "198.51.100.9", "198.51.100.10"];
/// A network that the user may vouch for.
pub(super) const NETWORK: &str = "192.0.2.0/24";

/// How well a service of the pool supports conditions on addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// For all APIs.
    Full,
    /// For some, or nobody knows.
    Some,
    /// For none.
    No,
}

/// One logged action: name, CAM actions, support, resources its calls may name, whether built resources count.
pub(super) struct Logged {
    pub name: &'static str,
    pub actions: &'static [&'static str],
    pub support: Support,
    pub resources: &'static [&'static str],
    pub resource_level: bool,
}

const INSTANCES: &[&str] = &[
    "qcs::cvm:ap-guangzhou:uin/100000000001:instance/ins-1",
    "qcs::cvm:ap-guangzhou::instance/ins-2",
    "qcs::cvm:gz:uin/100000000001:instance/ins-3",
    "qcs::cvm:ap-guangzhou:uin/100000000001:instance/*",
];
const OBJECTS: &[&str] = &[
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/a",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/dir/b:c",
    "qcs::cos:ap-guangzhou::b-1250000000/${uin}",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/dir/*",
];
const ROLES: &[&str] = &["qcs::cam::uin/100000000001:roleName/app", "qcs::cam::uin/100000000001:roleName/job"];
const ANY: &[&str] = &["*"];

/// The pool.
pub(super) const POOL: &[Logged] = &[
    Logged {
        name: "cvm:DescribeInstances",
        actions: &["cvm:DescribeInstances"],
        support: Support::Some,
        resources: ANY,
        resource_level: true,
    },
    Logged {
        name: "cvm:DescribeImages",
        actions: &["cvm:DescribeImages"],
        support: Support::Some,
        resources: ANY,
        resource_level: true,
    },
    Logged {
        name: "cvm:StopInstances",
        actions: &["cvm:StopInstances"],
        support: Support::Some,
        resources: INSTANCES,
        resource_level: true,
    },
    Logged {
        name: "cvm:RunInstances",
        actions: &["cvm:RunInstances"],
        support: Support::Some,
        resources: ANY,
        resource_level: true,
    },
    Logged {
        name: "cos:GetObject",
        actions: &["cos:GetObject"],
        support: Support::Full,
        resources: OBJECTS,
        resource_level: true,
    },
    Logged {
        name: "cos:PutObject",
        actions: &["cos:PutObject"],
        support: Support::Full,
        resources: OBJECTS,
        resource_level: true,
    },
    Logged {
        name: "cam:ListUsers",
        actions: &["cam:ListUsers"],
        support: Support::Some,
        resources: ANY,
        resource_level: false,
    },
    Logged {
        name: "cam:CreateAccessKey",
        actions: &["cam:CreateAccessKey"],
        support: Support::Some,
        resources: ANY,
        resource_level: false,
    },
    Logged {
        name: "sts:AssumeRole",
        actions: &["sts:AssumeRole"],
        support: Support::No,
        resources: ROLES,
        resource_level: false,
    },
    Logged {
        name: "vpc:AllocateAddresses",
        actions: &["cvm:AllocateAddresses", "vpc:AllocateAddresses"],
        support: Support::Some,
        resources: ANY,
        resource_level: true,
    },
    Logged {
        name: "nosuch:DoIt",
        actions: &["nosuch:DoIt"],
        support: Support::Some,
        resources: INSTANCES,
        resource_level: false,
    },
];

/// Kinds of resources in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Star,
    One,
    Two,
    Unknown,
    Built,
    Widened,
}

/// One row of a history; shrinks towards one plain call.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub action: Index,
    pub form: Form,
    pub picks: (Index, Index),
    pub ip: Option<usize>,
    pub api_call: bool,
    pub class: Class,
    pub second: Option<Class>,
    pub days: Vec<i32>,
    pub role: Option<bool>,
    pub names_refusal: bool,
}

impl Row {
    pub(super) fn logged(&self) -> &'static Logged {
        self.action.get(POOL)
    }

    /// Whether a resource of it is a pattern.
    pub(super) fn has_pattern(&self) -> bool {
        let pattern = |one: &String| one.contains("/*");
        match self.resources() {
            Resources::Logged(list) | Resources::Built(list) => list.iter().any(pattern),
            Resources::Widened(_) => true,
            Resources::Unknown => false,
        }
    }

    fn resources(&self) -> Resources {
        let pool = self.logged().resources;
        let (one, two) = (self.picks.0.get(pool).to_string(), self.picks.1.get(pool).to_string());
        match self.form {
            Form::Star => Resources::Logged(["*".to_owned()].into()),
            Form::One => Resources::Logged([one].into()),
            Form::Two => Resources::Logged([one, two].into()),
            Form::Unknown => Resources::Unknown,
            Form::Built => Resources::Built([one].into()),
            Form::Widened => Resources::Widened([pool[pool.len() - 1].to_owned()].into()),
        }
    }

    pub(super) fn observed(&self) -> Observed {
        let ip = self.ip.map_or("", |ip| ADDRESSES[ip]);
        let mut found = seen(self.logged().name, &[], ip, self.class, 0);
        found.resources = self.resources();
        found.api_call = self.api_call;
        let call = |class, &day: &i32| Call { time: i64::from(day) * DAY, day, class, alarm: None };
        found.calls = self.days.iter().map(|day| call(self.class, day)).collect();
        found.calls.extend(self.second.iter().map(|&class| call(class, &self.days[0])));
        found.calls.sort();
        if let Some(plain) = self.role.filter(|_| self.logged().name == "cvm:RunInstances") {
            found.passed_role = Some(if plain { "app".to_owned() } else { ROLES[1].to_owned() });
        }
        let refused = self.class == Class::Denied && self.second.is_none() && self.names_refusal;
        found.refused = (refused && self.logged().actions.len() == 1).then(|| {
            let resource = if let Form::Unknown = self.form { self.picks.0.get(self.logged().resources) } else { &"*" };
            (self.logged().actions[0].to_owned(), (*resource).to_owned())
        });
        found
    }
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        8 => Just(Class::Legitimate),
        1 => Just(Class::Reviewed),
        1 => Just(Class::Weak),
        2 => Just(Class::Denied),
        3 => Just(Class::Alarmed),
        1 => Just(Class::Quarantined),
    ]
}

/// A row of any class.
pub(super) fn row() -> impl Strategy<Value = Row> {
    let form = prop_oneof![
        2 => Just(Form::Star), 6 => Just(Form::One), 2 => Just(Form::Two),
        1 => Just(Form::Unknown), 1 => Just(Form::Built), 1 => Just(Form::Widened),
    ];
    let ip = prop_oneof![9 => (0..ADDRESSES.len()).prop_map(Some), 1 => Just(None)];
    let second = prop_oneof![5 => Just(None), 1 => class().prop_map(Some)];
    let who = (ip, prop_oneof![9 => Just(true), 1 => Just(false)], class(), second);
    let rest = (prop::collection::vec(0..5, 1..4), any::<Option<bool>>(), any::<bool>());
    (any::<Index>(), form, any::<(Index, Index)>(), who, rest).prop_map(
        |(action, form, picks, (ip, api_call, class, second), (days, role, names_refusal))| Row {
            action,
            form,
            picks,
            ip,
            api_call,
            class,
            second,
            days,
            role,
            names_refusal,
        },
    )
}

/// A history.
pub(super) fn history() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..24)
}

/// Settings of all kinds.
pub(super) fn settings() -> impl Strategy<Value = Options> {
    let network = select(vec![Vec::new(), vec![NETWORK.parse().unwrap()], vec!["198.51.100.0/24".parse().unwrap()]]);
    (network, select(vec![600_usize, 1000, 4096]), any::<(bool, bool, bool)>()).prop_map(
        |(trusted, max_chars, (include_failed, collapse, compress))| Options {
            trusted,
            max_chars,
            include_failed,
            collapse,
            compress,
        },
    )
}

/// The case of these rows.
pub(super) fn case_of(rows: &[Row]) -> Case {
    case(rows.iter().map(Row::observed).collect())
}

/// A request as CAM may have seen it: action, resources, address.
pub(super) type Asked = (String, Vec<String>, Option<String>);

/// A resource as the provider would read it: the variable sign is plain text in a request.
fn plain(list: &std::collections::BTreeSet<String>) -> Vec<String> {
    list.iter().cloned().collect()
}

/// All requests that CAM may have seen for an observed row. `open` tells what may stand behind unknown resources.
pub(super) fn readings(seen: &Observed, actions: &[&str], logged: &Logged, open: &[&str]) -> Vec<Asked> {
    let anything = || -> Vec<Vec<String>> { open.iter().map(|&one| vec![one.to_owned()]).collect() };
    let resources = match &seen.resources {
        Resources::Logged(list) => vec![plain(list)],
        Resources::Built(list) if logged.resource_level => vec![plain(list)],
        Resources::Widened(list) => {
            [vec![plain(list)], anything().into_iter().filter(|one| under(list, one)).collect()].concat()
        }
        Resources::Built(_) | Resources::Unknown => anything(),
    };
    let known = seen.ip.clone();
    let addresses = match logged.support {
        Support::No => vec![None],
        Support::Full if seen.api_call && known.is_some() => vec![known],
        _ if known.is_some() => vec![known, None],
        _ => ADDRESSES.iter().map(|&ip| Some(ip.to_owned())).chain([None]).collect(),
    };
    let mut all = Vec::new();
    for action in actions {
        for list in &resources {
            all.extend(addresses.iter().map(|ip| ((*action).to_owned(), list.clone(), ip.clone())));
        }
    }
    all
}

fn under(patterns: &std::collections::BTreeSet<String>, one: &[String]) -> bool {
    let stem = |pattern: &String| pattern.trim_end_matches('*').rsplit(':').next().unwrap().to_owned();
    patterns.iter().any(|pattern| one[0].contains(&stem(pattern)))
}

/// Resources of the whole pool, and `*`.
pub(super) fn all_resources() -> Vec<&'static str> {
    let mut all: Vec<&str> = POOL.iter().flat_map(|logged| logged.resources).copied().chain(["*"]).collect();
    all.sort_unstable();
    all.dedup();
    all
}
