//! Whether a resource pattern covers a request's resource.
//!
//! A resource has six segments, `qcs:project:service:region:account:resource`, the last of which may hold colons. Where
//! the vendor's pages do not say how a form is read, the answer is unknown.

use super::glob::glob_matches;
use super::model::Tri;
use super::request::Caller;
use crate::catalog::cam::CamCatalog;
use std::borrow::Cow;

/// The segments of a resource that count; the project is not used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segments<'a> {
    pub(super) project: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> Segments<'a> {
    /// The segments; none unless there are six, the first being `qcs`.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (first, project, service, region) = (next()?, next()?, next()?, next()?);
        let (account, resource) = (next()?, next()?);
        (first == "qcs").then_some(Self { project, service, region, account, resource })
    }
}

/// Whether a segment stands for everything.
fn open(segment: &str) -> bool {
    segment.is_empty() || segment == "*"
}

/// Whether `pattern` covers `resource`, for a statement about `caller`'s account.
pub(super) fn matches(pattern: &str, resource: &str, caller: &Caller, facts: &CamCatalog) -> Tri {
    if pattern == "*" {
        return Tri::True;
    }
    let Some(pattern) = Segments::of(pattern) else { return Tri::Unknown };
    if resource == "*" {
        // Calls that CAM checks without a resource are refused where the policy names one.
        let all_open = open(pattern.region) && open(pattern.account) && open(pattern.resource);
        return if all_open { Tri::Unknown } else { Tri::False };
    }
    let Some(resource) = Segments::of(resource) else { return Tri::Unknown };
    let ahead = service(pattern.service, resource.service)
        .and(region(pattern.region, resource.region, facts))
        .and(account(pattern.account, resource.account, caller));
    if ahead == Tri::False { ahead } else { ahead.and(last(&pattern, &resource, caller)) }
}

fn service(pattern: &str, service: &str) -> Tri {
    if open(pattern) || pattern.eq_ignore_ascii_case(service) { Tri::True } else { undocumented_glob(pattern, service) }
}

fn region(pattern: &str, region: &str, facts: &CamCatalog) -> Tri {
    if open(pattern) || facts.region(pattern) == facts.region(region) {
        Tri::True
    } else if region.is_empty() {
        Tri::Unknown
    } else {
        undocumented_glob(pattern, region)
    }
}

/// Stars inside a service, region or account: no page tells whether CAM knows them.
fn undocumented_glob(pattern: &str, text: &str) -> Tri {
    if pattern.contains("${") || (pattern.contains('*') && glob_matches(pattern, text)) {
        Tri::Unknown
    } else {
        Tri::False
    }
}

fn account(pattern: &str, account: &str, caller: &Caller) -> Tri {
    let Some(pattern) = fill(pattern, caller) else { return Tri::Unknown };
    if pattern == "*" || pattern == account {
        return Tri::True;
    }
    let comparable = same_kind(&pattern, account);
    if pattern.contains('*') {
        return if comparable && !glob_matches(&pattern, account) { Tri::False } else { Tri::Unknown };
    }
    match (caller.owns(&pattern), caller.owns(account)) {
        (Tri::True, Tri::True) => Tri::True,
        // Two other accounts, or ones that cannot be told: the same one may have two numbers.
        (Tri::Unknown, _) | (_, Tri::Unknown) | (Tri::False, Tri::False) if !comparable => Tri::Unknown,
        _ => Tri::False,
    }
}

/// Both accounts are given by number, in the same numbering, so that different texts are different accounts.
fn same_kind(pattern: &str, account: &str) -> bool {
    let kind = |text: &str| text.split_once('/').filter(|(_, id)| !id.is_empty()).map(|(kind, _)| kind.to_string());
    kind(pattern).is_some_and(|pattern| kind(account) == Some(pattern))
}

fn last(pattern: &Segments<'_>, resource: &Segments<'_>, caller: &Caller) -> Tri {
    let is_cos = resource.service.eq_ignore_ascii_case("cos");
    if pattern.resource == "*" {
        return Tri::True;
    }
    let old_form = |segments: &Segments<'_>| segments.resource.starts_with("prefix/");
    let odd_in_cos = is_cos && (old_form(pattern) != old_form(resource) || pattern.resource.contains("${"));
    let blank = pattern.resource.is_empty() && !resource.resource.is_empty();
    if odd_in_cos || blank {
        return Tri::Unknown;
    }
    let Some(filled) = fill(pattern.resource, caller) else { return Tri::Unknown };
    if glob_matches(&filled, resource.resource) {
        return Tri::True;
    }
    let is_the_bare_type = filled.strip_suffix("/*").is_some_and(|kind| glob_matches(kind, resource.resource));
    if is_the_bare_type { Tri::Unknown } else { Tri::False }
}

/// The text with its variables filled in; none when one is unknown, or would bring a star along.
fn fill<'t>(text: &'t str, caller: &Caller) -> Option<Cow<'t, str>> {
    let Some((before, mut rest)) = text.split_once("${") else { return Some(Cow::Borrowed(text)) };
    let mut filled = before.to_string();
    loop {
        let (name, after) = rest.split_once('}')?;
        let value = caller.variable(name).filter(|value| !value.contains(['*', '$', ':']))?;
        filled.push_str(value);
        let Some((before, more)) = after.split_once("${") else {
            filled.push_str(after);
            return Some(Cow::Owned(filled));
        };
        filled.push_str(before);
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::CallerKind;
    use super::*;

    fn caller() -> Caller {
        Caller { kind: CallerKind::SubAccount, uin: "2".into(), owner_uin: "1".into(), app_id: "125".into() }
    }

    fn outcome(pattern: &str, resource: &str) -> Tri {
        matches(pattern, resource, &caller(), CamCatalog::builtin())
    }

    const DISK: &str = "qcs::cvm:ap-guangzhou:uin/1:volume/disk-1";

    #[test]
    fn blank_segments_and_stars_are_open_and_aliases_are_resolved() {
        for pattern in [
            "*",
            "qcs::cvm:::volume/*",
            "qcs::::*:*",
            "qcs::cvm:gz:uid/125:volume/disk-1",
            "qcs:7:cvm:*:uin/:volume/d*",
        ] {
            assert_eq!(outcome(pattern, DISK), Tri::True, "{pattern}");
        }
        for pattern in
            ["qcs::cvm:::instance/*", "qcs::cdb:::*", "qcs::cvm:bj::*", "qcs::cvm::uin/9:*", "qcs::cvm:::Volume/*"]
        {
            assert_eq!(outcome(pattern, DISK), Tri::False, "{pattern}");
        }
    }

    #[test]
    fn forms_that_no_page_explains_are_not_known() {
        for pattern in [
            "qcs::cvm:uin/1:*",
            "volume/disk-1",
            "qcs::cvm:ap-*::*",
            "qcs::cvm::uin/*:*",
            "qcs::cvm:::",
            "qcs::cvm:::volume/${zone}",
        ] {
            assert_eq!(outcome(pattern, DISK), Tri::Unknown, "{pattern}");
        }
        assert_eq!(outcome("qcs::cvm:::volume/disk-1/*", DISK), Tri::Unknown);
        assert_eq!(outcome("qcs::cvm:gz::*", "qcs::cvm:::volume/disk-1"), Tri::Unknown);
        assert_eq!(outcome("qcs::cos:gz:uid/125:prefix//125/b/*", "qcs::cos:gz:uid/125:b-125/x"), Tri::Unknown);
        assert_eq!(outcome("qcs::cos:gz:uid/125:b-125/${uin}/*", "qcs::cos:gz:uid/125:b-125/2/x"), Tri::Unknown);
    }

    #[test]
    fn a_star_in_the_request_wants_a_star_in_the_policy() {
        assert_eq!(outcome("*", "*"), Tri::True);
        assert_eq!(outcome("qcs::cvm::uin/1:*", "*"), Tri::False);
        assert_eq!(outcome("qcs::cvm:::*", "*"), Tri::Unknown);
    }

    #[test]
    fn accounts_are_compared_by_who_owns_them() {
        let nobody = Caller { owner_uin: String::new(), app_id: String::new(), ..caller() };
        let outcome = |pattern: &str, account: &str, caller: &Caller| super::account(pattern, account, caller);
        assert_eq!(outcome("", "uin/1", &caller()), Tri::True);
        assert_eq!(outcome("uin/${owner_uin}", "uid/125", &caller()), Tri::True);
        assert_eq!(outcome("uid/9", "uin/8", &caller()), Tri::Unknown);
        assert_eq!(outcome("uid/9", "uin/1", &caller()), Tri::False);
        assert_eq!(outcome("", "uin/1", &nobody), Tri::Unknown);
        assert_eq!(outcome("uin/2", "uin/1", &nobody), Tri::False);
        assert_eq!(outcome("uin/1", "uid/125", &nobody), Tri::Unknown);
        assert_eq!(outcome("uin/${owner_uin}", "uin/1", &nobody), Tri::Unknown);
    }

    #[test]
    fn variables_stand_for_the_callers_numbers_and_bring_no_star() {
        let queue = "qcs::cmqqueue::uin/1:queueName/2/q1";
        assert_eq!(outcome("qcs::cmqqueue:::queueName/${uin}/*", queue), Tri::True);
        let star = Caller { uin: "*".into(), ..caller() };
        assert_eq!(matches("qcs::cmqqueue:::queueName/${uin}/*", queue, &star, CamCatalog::builtin()), Tri::Unknown);
        assert_eq!(fill("a${uin}b${app_id}c", &caller()).unwrap(), "a2b125c");
        assert_eq!(fill("${uin", &caller()), None);
    }
}
