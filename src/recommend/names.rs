//! Names of recommended policies: `akguard-<holder>-<service>-<n>`.

use super::input::{Holder, HolderKind};
use std::collections::{BTreeMap, BTreeSet};

/// Longest name of a policy. Documented by the vendor.
const LONGEST: usize = 128;
/// Longest part of a name that stands for the holder or a service, so that the whole stays below [`LONGEST`].
const LONGEST_PART: usize = 48;

/// Gives out names, none twice.
pub(super) struct Namer {
    holder: String,
    next: BTreeMap<String, usize>,
    used: BTreeSet<String>,
}

impl Namer {
    /// Names for the policies of a holder.
    pub(super) fn new(holder: &Holder) -> Self {
        let id = [&holder.name, &holder.id].into_iter().find(|text| !text.is_empty());
        let mut part = fitting(id.map_or("unknown", String::as_str));
        // A user and a role may bear the same name.
        if holder.kind == HolderKind::Role {
            part.push_str("@role");
        }
        Self { holder: part, next: BTreeMap::new(), used: BTreeSet::new() }
    }

    /// The next name: about one service, about what is rare, or about several services.
    pub(super) fn next(&mut self, about: Option<&str>) -> String {
        let about = about.map(fitting);
        let stem = about
            .map_or_else(|| format!("akguard-{}", self.holder), |about| format!("akguard-{}-{about}", self.holder));
        loop {
            let number = self.next.entry(stem.clone()).and_modify(|number| *number += 1).or_insert(1);
            let name = format!("{stem}-{number}");
            debug_assert!(name.len() <= LONGEST, "parts are short enough");
            if self.used.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// The text in characters that names may have. What had to be changed or cut gets a number made from the whole text, so that
/// two texts do not end up the same.
fn fitting(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    let plain: String = text.chars().map(|c| if allowed(c) { c } else { '-' }).take(LONGEST_PART).collect();
    if plain == text { plain } else { format!("{plain}-{:08x}", hash(text)) }
}

/// FNV-1a, 32 bits: short, and the same on every machine.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(kind: HolderKind, name: &str) -> Holder {
        Holder { kind, account: "1".into(), app_id: "2".into(), id: "100000000002".into(), name: name.into() }
    }

    #[test]
    fn names_tell_holder_service_and_number() {
        let mut namer = Namer::new(&holder(HolderKind::User, "deploy"));
        assert_eq!(namer.next(Some("cvm")), "akguard-deploy-cvm-1");
        assert_eq!(namer.next(Some("cvm")), "akguard-deploy-cvm-2");
        assert_eq!(namer.next(None), "akguard-deploy-1");
        assert_eq!(Namer::new(&holder(HolderKind::Role, "deploy")).next(None), "akguard-deploy@role-1");
        assert_eq!(Namer::new(&holder(HolderKind::User, "")).next(None), "akguard-100000000002-1");
    }

    #[test]
    fn names_keep_to_the_rules_and_apart() {
        let name = |text: &str| Namer::new(&holder(HolderKind::User, text)).next(Some(&"服务".repeat(200)));
        for text in ["a b", "a/b", "用户", &"x".repeat(500), "${uin}"] {
            let name = name(text);
            assert!(name.len() <= LONGEST, "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)), "{name}");
        }
        assert_ne!(name("a b"), name("a/b"));
        assert_ne!(name("a b"), name("a-b"));
    }

    #[test]
    fn a_holder_that_looks_like_a_service_gives_no_name_twice() {
        let mut namer = Namer::new(&holder(HolderKind::User, "x"));
        let all: BTreeSet<String> = (0..30).map(|n| namer.next(["cvm", "cvm-1"].get(n % 3).copied())).collect();
        assert_eq!(all.len(), 30);
    }
}
