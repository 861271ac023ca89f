//! Commands for keys and roles, in the order to run them.

use super::Desk;
use crate::recommend::input::KeyFacts;
use crate::recommend::shell::{cam, note};

/// Days to watch an old key before it is taken away. Our choice.
const WATCH: u32 = 7;

/// Keys that one user may have. Documented by the vendor.
const MOST_KEYS: usize = 2;

pub(super) fn set_status(desk: &Desk<'_>, key: &KeyFacts, status: &str) -> String {
    cam("UpdateAccessKey", &[("TargetUin", desk.uin()), ("AccessKeyId", &key.ak), ("Status", status)])
}

pub(super) fn delete(desk: &Desk<'_>, key: &KeyFacts) -> String {
    cam("DeleteAccessKey", &[("TargetUin", desk.uin()), ("AccessKeyId", &key.ak)])
}

/// A new key, after room is made for it.
pub(super) fn create(desk: &Desk<'_>) -> Vec<String> {
    let held = desk
        .case
        .keys
        .iter()
        .filter(|key| desk.permanent.contains(key.ak.as_str()) && key.status.as_deref() != Some("deleted"));
    let mut out = Vec::new();
    if held.count() >= MOST_KEYS {
        out.push(note("The user has two keys, which is the most allowed: delete the one that is not in use first."));
    }
    out.push(cam("CreateAccessKey", &[("TargetUin", desk.uin())]));
    out.push(note("Put the new key wherever the old one is used."));
    out
}

pub(super) fn watch() -> String {
    note(&format!("Watch the logs until the old key has made no call for {WATCH} days."))
}

/// New key, deploy, watch, disable, delete.
pub(super) fn rotate(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let mut out = create(desk);
    out.extend([watch(), set_status(desk, key, "Inactive")]);
    out.push(note(&format!("Wait {WATCH} days more; then the old key can go.")));
    out.push(delete(desk, key));
    out
}

/// Disable at once, then replace.
pub(super) fn disable_and_replace(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let mut out = vec![set_status(desk, key, "Inactive")];
    out.extend(create(desk));
    out.push(note("When everything works with the new key:"));
    out.push(delete(desk, key));
    out
}

/// Disable, watch, delete.
pub(super) fn retire(desk: &Desk<'_>, key: &KeyFacts) -> Vec<String> {
    let disable = (key.status.as_deref() != Some("inactive")).then(|| set_status(desk, key, "Inactive"));
    let wait = disable.is_some().then(|| note(&format!("Wait {WATCH} days; if nobody misses the key, it can go.")));
    disable.into_iter().chain(wait).chain([delete(desk, key)]).collect()
}

/// How to go back after a key was disabled.
pub(super) fn enable_again(desk: &Desk<'_>, key: &KeyFacts) -> String {
    format!("Until the key is deleted: {}. A deleted key cannot be brought back.", set_status(desk, key, "Active"))
}
