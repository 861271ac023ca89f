//! Keeps apart what must be permitted and what must not: by resource, by address, or by giving up.
//!
//! An address tells calls apart only where every API of the service is documented to support conditions on it. Elsewhere
//! `ip_equal` might refuse legitimate calls (the key may be absent) and `ip_equal_if_exist` might permit the others.

use super::contest::{Contested, Reach};
use super::input::{Class, Options};
use super::output::Conflict;
use super::part::{Part, call_refs};
use super::source::values;
use super::unit::{Unit, resources};
use crate::catalog::cam::{CamCatalog, IpSupport};
use crate::policy::Caller;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Addresses of calls that must not be permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources {
    ips: BTreeSet<IpAddr>,
    /// Some have no address.
    unknown: bool,
}

impl Sources {
    fn of<'p, 'a: 'p>(parts: impl IntoIterator<Item = &'p Part<'a>>) -> Self {
        let mut found = Self::default();
        for part in parts {
            match part.ip {
                Some(ip) => {
                    found.ips.insert(ip);
                }
                None => found.unknown = true,
            }
        }
        found
    }
}

/// Addresses to keep out of one resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Avoid<'r>(Vec<&'r Sources>);

impl Avoid<'_> {
    /// Nothing speaks against the resource.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|sources| sources.ips.is_empty() && !sources.unknown)
    }

    /// Whether the address is to be kept out.
    pub(super) fn has(&self, ip: &IpAddr) -> bool {
        self.0.iter().any(|sources| sources.ips.contains(ip))
    }

    /// Whether the network holds an address to be kept out.
    pub(super) fn within(&self, net: &IpNet) -> bool {
        self.0.iter().any(|sources| sources.ips.iter().any(|ip| net.contains(ip)))
    }

    fn unknown(&self) -> bool {
        self.0.iter().any(|sources| sources.unknown)
    }
}

/// What was found about one action.
#[derive(Clone, Debug, Default)]
pub(super) struct Ruling {
    everywhere: Sources,
    each: BTreeMap<String, Sources>,
    /// Resources that are not granted.
    given_up: BTreeSet<String>,
    /// Places in the case of calls that need one of those.
    pub dropped: BTreeSet<usize>,
    /// The conflicts to tell: one for each name of the action.
    pub conflicts: Vec<Conflict>,
}

impl Ruling {
    /// Addresses to keep out of a resource.
    pub(super) fn avoid(&self, resource: &str) -> Avoid<'_> {
        let of = |key: &str| self.each.get(key);
        Avoid([Some(&self.everywhere), of(resource), of("*")].into_iter().flatten().collect())
    }
}

/// Why addresses do not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Unsupported,
    Console,
    NoAddress,
    Hidden,
    Shared,
    TooMany,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::Unsupported => "the service is not known to support conditions on addresses for all its APIs",
            Self::Console => "some of the legitimate calls were made in the console, where no such condition holds",
            Self::NoAddress => "some of the legitimate calls have no source address",
            Self::Hidden => "some of the calls to be denied have no source address",
            Self::Shared => "both come from the same address",
            Self::TooMany => "the legitimate calls come from too many addresses",
        }
    }
}

/// Decides for one action, on the statement that would be emitted without a condition.
pub(super) fn rule(unit: &Unit<'_>, options: &Options, caller: &Caller, cam: &CamCatalog) -> Ruling {
    if unit.wanted.is_empty() || unit.against.is_empty() {
        return Ruling::default();
    }
    let wanted: Vec<&Part<'_>> = unit.wanted.iter().collect();
    let resources = resources(unit, &wanted);
    let reach = Reach::new(resources.keys().copied(), caller.clone(), cam);
    let contested = Contested::new(&reach, &unit.against);
    let full = cam.ip_support(unit.service()) == IpSupport::Full;
    let mut ruling = Ruling {
        everywhere: Sources::of(contested.everywhere.iter().copied()),
        each: contested
            .each
            .iter()
            .map(|(&name, parts)| (name.to_owned(), Sources::of(parts.iter().copied())))
            .collect(),
        ..Ruling::default()
    };
    let mut whys = BTreeSet::new();
    let mut lost = BTreeMap::new();
    for (&resource, parts) in resources.iter().filter(|(resource, _)| contested.has(resource)) {
        if let Err(why) = separable(parts, &ruling.avoid(resource), full, &options.trusted) {
            whys.insert(why);
            lost.extend(parts.iter().map(|&part| (part.index, part)));
            ruling.given_up.insert(resource.to_owned());
        }
    }
    ruling.dropped = lost.keys().copied().collect();
    let legitimate: Vec<&Part<'_>> = lost.into_values().collect();
    let denied = contested.on(ruling.given_up.iter().map(String::as_str));
    ruling.conflicts = conflicts(unit, &ruling.given_up, &legitimate, &denied, &whys);
    ruling
}

/// Whether a condition on addresses keeps these calls and none to be avoided.
fn separable(parts: &[&Part<'_>], avoid: &Avoid<'_>, full: bool, networks: &[IpNet]) -> Result<(), Why> {
    if !full {
        return Err(Why::Unsupported);
    }
    if parts.iter().any(|part| !part.seen.api_call) {
        return Err(Why::Console);
    }
    if avoid.unknown() {
        return Err(Why::Hidden);
    }
    let own: Option<BTreeSet<IpAddr>> = parts.iter().map(|part| part.ip).collect();
    let own = own.ok_or(Why::NoAddress)?;
    if own.iter().any(|ip| avoid.has(ip)) {
        return Err(Why::Shared);
    }
    values(&own, networks, &|net| avoid.within(net)).map(|_| ()).ok_or(Why::TooMany)
}

fn conflicts(
    unit: &Unit<'_>,
    given_up: &BTreeSet<String>,
    legitimate: &[&Part<'_>],
    denied: &[&Part<'_>],
    whys: &BTreeSet<Why>,
) -> Vec<Conflict> {
    if given_up.is_empty() {
        return Vec::new();
    }
    let why = reason(legitimate, denied, whys);
    let conflict = |action: &String| Conflict {
        action: action.clone(),
        resources: given_up.iter().cloned().collect(),
        why: why.clone(),
        legitimate: call_refs(legitimate.iter().copied()),
        alarmed: call_refs(denied.iter().copied()),
    };
    unit.names.iter().map(conflict).collect()
}

fn reason(legitimate: &[&Part<'_>], denied: &[&Part<'_>], whys: &BTreeSet<Why>) -> String {
    let of = |class| denied.iter().any(|part| part.has(class));
    let whom = match (of(Class::Alarmed), of(Class::Denied)) {
        (true, true) => "alarmed and refused calls",
        (_, true) => "refused calls",
        _ => "alarmed calls",
    };
    let whys: Vec<&str> = whys.iter().map(|why| why.text()).collect();
    let mut text = format!(
        "Legitimate calls and {whom} are about the same resources, and addresses do not tell them apart: {}.",
        whys.join("; ")
    );
    if of(Class::Denied) && granted_since(legitimate, denied) {
        text.push_str(
            " The last refusal is older than a success, so the permission was probably added in between; \
             a document that grants it would also permit what was refused.",
        );
    }
    text
}

/// A legitimate call came after the last refusal.
fn granted_since(legitimate: &[&Part<'_>], denied: &[&Part<'_>]) -> bool {
    let last = |parts: &[&Part<'_>], class: Option<Class>| {
        let calls = parts.iter().flat_map(|part| &part.calls);
        calls.filter(|call| class.is_none_or(|class| call.class == class)).map(|call| call.time).max()
    };
    last(legitimate, None) > last(denied, Some(Class::Denied))
}
