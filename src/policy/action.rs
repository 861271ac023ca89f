//! Whether an action pattern covers a request's action.

use super::glob::glob_matches;
use super::model::Tri;
use crate::catalog::cam::{CamCatalog, Granularity};

/// The action without a `name/` in front.
pub(super) fn bare(action: &str) -> &str {
    action.strip_prefix("name/").unwrap_or(action)
}

/// Whether the pattern covers every action of every service.
pub(super) fn is_everything(pattern: &str) -> bool {
    let stars = |part: &str| !part.is_empty() && part.bytes().all(|b| b == b'*');
    match pattern.split_once(':') {
        None => stars(pattern),
        Some((service, name)) => stars(service) && stars(name),
    }
}

/// Whether the pattern names a set of actions that only CAM itself can look up.
pub(super) fn is_opaque(pattern: &str) -> bool {
    pattern.starts_with("permid/") || pattern.starts_with("actionName/")
}

/// Whether `pattern` covers `action` (`service:Name`).
pub(super) fn matches(pattern: &str, action: &str, facts: &CamCatalog) -> Tri {
    let (pattern, action) = (bare(pattern), bare(action));
    if is_everything(pattern) {
        return Tri::True;
    }
    if is_opaque(pattern) {
        return Tri::Unknown;
    }
    let (Some((service, name)), Some((own_service, own_name))) = (pattern.split_once(':'), action.split_once(':'))
    else {
        return Tri::Unknown;
    };
    if !service_matches(service, own_service) {
        return Tri::False;
    }
    if name != "*" && facts.granularity_of(own_service) == Granularity::Service {
        return Tri::Unknown;
    }
    if glob_matches(name, own_name) {
        return Tri::True;
    }
    let differs_in_case_only =
        name.len() <= MAX_NAME && glob_matches(&name.to_ascii_lowercase(), &own_name.to_ascii_lowercase());
    if differs_in_case_only && !own_service.eq_ignore_ascii_case("cos") { Tri::Unknown } else { Tri::False }
}

/// Longer patterns are not compared without regard to case; no action is that long.
const MAX_NAME: usize = 1_000;

fn service_matches(pattern: &str, service: &str) -> bool {
    if pattern.contains('*') {
        glob_matches(&pattern.to_ascii_lowercase(), &service.to_ascii_lowercase())
    } else {
        pattern.eq_ignore_ascii_case(service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(pattern: &str, action: &str) -> Tri {
        matches(pattern, action, CamCatalog::builtin())
    }

    #[test]
    fn everything_has_three_spellings() {
        for pattern in ["*", "*:*", "name/*:*", "name/*", "**"] {
            assert_eq!(outcome(pattern, "cam:CreateUser"), Tri::True, "{pattern}");
        }
        assert_eq!(outcome("*:Describe*", "cam:CreateUser"), Tri::False);
    }

    #[test]
    fn the_service_is_compared_without_regard_to_case_and_the_name_is_not() {
        assert_eq!(outcome("CVM:Run*", "cvm:RunInstances"), Tri::True);
        assert_eq!(outcome("cvm:run*", "cvm:RunInstances"), Tri::Unknown);
        assert_eq!(outcome("cos:get*", "cos:GetObject"), Tri::False);
        assert_eq!(outcome("c*:RunInstances", "name/cvm:RunInstances"), Tri::True);
        assert_eq!(outcome("cvm:*", "cvmx:RunInstances"), Tri::False);
    }

    #[test]
    fn sets_of_actions_and_texts_without_a_service_are_not_known() {
        for pattern in ["permid/280655", "actionName/x", "RunInstances"] {
            assert_eq!(outcome(pattern, "cvm:RunInstances"), Tri::Unknown, "{pattern}");
        }
    }

    #[test]
    fn a_service_that_is_all_or_nothing_takes_only_all() {
        let facts = CamCatalog::with_service_level("pds");
        assert_eq!(matches("pds:*", "pds:DoIt", &facts), Tri::True);
        assert_eq!(matches("pds:DoIt", "pds:DoIt", &facts), Tri::Unknown);
        assert_eq!(matches("pds:Do*", "pds:Other", &facts), Tri::Unknown);
        assert_eq!(matches("cvm:DoIt", "pds:DoIt", &facts), Tri::False);
    }
}
