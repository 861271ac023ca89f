//! Commands for keys and users, in the order to run them.

use super::{Desk, is_claimed, is_open};
use crate::event::id::mask_key;
use crate::inventory::grants::Via;
use crate::recommend::input::{HolderKind, KeyFacts};
use crate::recommend::shell::{cam, note};

/// Days to watch an old key before it is taken away. Our choice.
const WATCH: u32 = 7;

/// Keys that one user may have. Documented by the vendor.
const MOST_KEYS: usize = 2;

/// Days after which a key counts as idle.
pub(super) const IDLE: i64 = 30;

/// What takes over from a key that goes.
pub(super) enum Successor<'a> {
    /// Nothing: nobody is known to work with the user.
    Nobody,
    /// The user's other key, which is in use already.
    Other(&'a KeyFacts),
    /// A new key.
    New,
}

/// What takes over from a key of a user.
pub(super) fn successor<'a>(desk: &Desk<'a>, key: &KeyFacts) -> Successor<'a> {
    if desk.is_unclaimed() {
        return Successor::Nobody;
    }
    let since = desk.alarms(key).filter(|alarm| alarm.compromise || alarm.leak).map(|alarm| alarm.first).min();
    let in_use = |other: &&KeyFacts| {
        let last = desk.last_used(other);
        last.is_some_and(|last| since.is_some_and(|since| last > since) || !desk.is_past(last, IDLE))
    };
    let active = |other: &&KeyFacts| other.status.as_deref() != Some("inactive") && is_sound(desk, other);
    others(desk, key).filter(active).find(in_use).map_or(Successor::New, Successor::Other)
}

/// Says that the other key is in use; for sentences, so its id is masked.
pub(super) fn already(successor: &Successor<'_>) -> String {
    match successor {
        Successor::Other(other) => format!(" {} is already in use.", mask_key(&other.ak)),
        Successor::Nobody | Successor::New => String::new(),
    }
}

/// The holder's other permanent keys that are not deleted.
fn others<'a>(desk: &Desk<'a>, key: &KeyFacts) -> impl Iterator<Item = &'a KeyFacts> {
    let (keys, permanent, ak) = (&desk.case.keys, desk.permanent.clone(), key.ak.clone());
    keys.iter().filter(move |other| {
        other.ak != ak && permanent.contains(other.ak.as_str()) && other.status.as_deref() != Some("deleted")
    })
}

/// Whether a key may be relied on: not leaked, under no open alarm, and not an attacker's.
fn is_sound(desk: &Desk<'_>, key: &KeyFacts) -> bool {
    let doubtful = desk.alarms(key).any(|alarm| alarm.leak || (alarm.compromise && is_open(alarm)));
    let mut calls = desk.calls(key).peekable();
    !doubtful && (calls.peek().is_none() || calls.any(is_claimed))
}

pub(super) fn set_status(desk: &Desk<'_>, key: &KeyFacts, status: &str) -> String {
    cam("UpdateAccessKey", &[("TargetUin", desk.uin()), ("AccessKeyId", &key.ak), ("Status", status)])
}

pub(super) fn delete(desk: &Desk<'_>, key: &KeyFacts) -> String {
    cam("DeleteAccessKey", &[("TargetUin", desk.uin()), ("AccessKeyId", &key.ak)])
}

/// A new key, after room is made for it.
fn create(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let mut out: Vec<String> = room(desk, key).into_iter().collect();
    out.push(cam("CreateAccessKey", &[("TargetUin", desk.uin())]));
    out.push(note("Put the new key wherever the old one is used."));
    out
}

/// What has to go before a new key can be made.
fn room(desk: &Desk<'_>, key: &KeyFacts) -> Option<String> {
    let idle = |other: &&KeyFacts| {
        let unused = desk.last_used(other).is_none_or(|last| desk.is_past(last, IDLE));
        unused || other.status.as_deref() == Some("inactive")
    };
    let full = others(desk, key).count() + 1 >= MOST_KEYS;
    full.then(|| {
        let which = others(desk, key).find(idle).map_or_else(
            || "one of them must go first.".to_string(),
            |idle| format!("{} is idle and must be deleted first.", idle.ak),
        );
        note(&format!("The user has two keys, which is the most allowed: {which}"))
    })
}

/// Says which key does the work, in full.
fn use_other(other: &KeyFacts) -> String {
    note(&format!("{} is already in use: let everything use it.", other.ak))
}

pub(super) fn watch() -> String {
    note(&format!("Watch the logs until the old key has made no call for {WATCH} days."))
}

/// New key unless another one is in use, deploy, watch, disable, delete.
pub(super) fn rotate(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let mut out = match successor(desk, key) {
        Successor::New => create(desk, key),
        Successor::Other(other) => vec![use_other(other)],
        Successor::Nobody => Vec::new(),
    };
    out.extend([watch(), set_status(desk, key, "Inactive")]);
    out.push(note(&format!("Wait {WATCH} days more; then the old key can go.")));
    out.push(delete(desk, key));
    out
}

/// Disable at once, then replace where somebody works with the key.
pub(super) fn disable_and_replace(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    if desk.case.holder.kind == HolderKind::Root {
        return vec![
            set_status(desk, key, "Inactive"),
            note("Then go on with REMOVE_ROOT_KEY; the main account gets no new key."),
        ];
    }
    let between = match successor(desk, key) {
        Successor::Nobody => return close_down(desk, key),
        Successor::Other(other) => vec![use_other(other), note("When everything works with it:")],
        Successor::New => {
            create(desk, key).into_iter().chain([note("When everything works with the new key:")]).collect()
        }
    };
    [set_status(desk, key, "Inactive")].into_iter().chain(between).chain([delete(desk, key)]).collect()
}

/// For a user that nobody is known to work with: key off, rights off, and away with both unless somebody claims them.
pub(super) fn close_down(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let uin = desk.uin();
    let mut out: Vec<String> =
        (key.status.as_deref() != Some("inactive")).then(|| set_status(desk, key, "Inactive")).into_iter().collect();
    out.push(note("No ordinary call of this user is known. See what it may do, and take that away:"));
    let pages = [("TargetUin", uin), ("Page", "1"), ("Rp", "200"), ("AttachType", "0")];
    out.push(cam("ListAttachedUserAllPolicies", &pages));
    let detach = attached(desk).into_iter().map(|id| cam("DetachUserPolicy", &[("DetachUin", uin), ("PolicyId", id)]));
    out.extend(detach);
    out.push(note("Unless somebody claims the user, delete its key and itself:"));
    out.push(delete(desk, key));
    out.push(cam("DeleteUser", &[("Name", &desk.case.holder.name), ("Force", "0")]));
    out
}

/// Ids of the policies attached to the holder itself; one unknown id where the inventory tells none.
pub(super) fn attached<'a>(desk: &Desk<'a>) -> Vec<&'a str> {
    let held = desk.current.iter().flat_map(|current| &current.granted.policies);
    let direct = held.map(|policy| &policy.attachment).filter(|attachment| attachment.via == Via::Direct);
    let mut ids: Vec<&str> = direct.filter_map(|attachment| attachment.policy_id.as_deref()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() { vec![""] } else { ids }
}

/// Disable, watch, delete; the way back is told first.
pub(super) fn retire(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let back = note(&format!("Way back: {}", enable_again(desk, key)));
    let disable = (key.status.as_deref() != Some("inactive")).then(|| set_status(desk, key, "Inactive"));
    let wait = match disable {
        Some(_) => format!("Watch the logs for {WATCH} days; if nobody misses the key, it can go."),
        None => "It is disabled; if nobody misses it, it can go.".to_string(),
    };
    [back].into_iter().chain(disable).chain([note(&wait), delete(desk, key)]).collect()
}

/// How to go back after a key was disabled.
pub(super) fn enable_again(desk: &Desk<'_>, key: &KeyFacts) -> String {
    format!("Until the key is deleted: {}. A deleted key cannot be brought back.", set_status(desk, key, "Active"))
}
