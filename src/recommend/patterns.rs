//! Action patterns against names: what covers what, and short lists of names for people.

use crate::catalog::cam::CamCatalog;
use crate::policy::glob_matches;

/// Names shown in one finding; the rest is counted.
pub(super) const NAMES: usize = 20;

/// Service and name of `svc:Action`; `*` stands for `*:*`.
pub(super) fn parts(pattern: &str) -> (&str, &str) {
    match pattern.split_once(':') {
        Some(parts) => parts,
        None if pattern == "*" => ("*", "*"),
        None => ("", pattern),
    }
}

/// Whether a pattern names an action set that cannot be read offline.
pub(super) fn is_opaque(pattern: &str) -> bool {
    pattern.starts_with("permid/") || pattern.starts_with("actionName")
}

/// Whether a pattern stands for more than one action.
pub(super) fn is_wild(pattern: &str) -> bool {
    pattern.contains('*')
}

/// The service that a pattern names, in lower case; none where it stands for several.
pub(super) fn literal_service(pattern: &str) -> Option<String> {
    let (service, _) = parts(pattern);
    (!service.is_empty() && !service.contains('*') && !is_opaque(pattern)).then(|| service.to_ascii_lowercase())
}

/// Whether a pattern covers an action or another pattern. Case counts for COS only: the public text does not settle
/// it for others, and both "unused" and "risky" are claims where a case-only difference must not decide.
pub(super) fn covers(pattern: &str, action: &str) -> bool {
    if is_opaque(pattern) {
        return false;
    }
    let ((service, name), (other, what)) = (parts(pattern), parts(action));
    let same_service = if is_wild(service) {
        glob_matches(&service.to_ascii_lowercase(), &other.to_ascii_lowercase())
    } else {
        service.eq_ignore_ascii_case(other)
    };
    if !same_service {
        return false;
    }
    glob_matches(name, what)
        || (!other.eq_ignore_ascii_case("cos") && glob_matches(&name.to_ascii_lowercase(), &what.to_ascii_lowercase()))
}

/// Names of the catalogue that a pattern covers; one by one, as `*` covers thousands.
pub(super) fn expand<'c>(pattern: &'c str, cam: &'c CamCatalog) -> impl Iterator<Item = String> + 'c {
    let literal = literal_service(pattern);
    let all = (literal.is_none() && !is_opaque(pattern)).then(|| cam.services().map(ToString::to_string));
    let services = literal.into_iter().chain(all.into_iter().flatten());
    let names = services
        .flat_map(move |service| names_of(cam, &service).map(|name| format!("{service}:{name}")).collect::<Vec<_>>());
    names.filter(move |action| covers(pattern, action))
}

/// API names that a service's actions may have: CAM knows the APIs of CBS as `cvm`.
fn names_of(cam: &CamCatalog, service: &str) -> impl Iterator<Item = &'static str> {
    let disks: &[&str] = if service == "cvm" { cam.actions("cbs") } else { &[] };
    cam.actions(service).iter().chain(disks).copied()
}

/// The first [`NAMES`] names and how many more there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The first, in the order given.
    pub(super) shown: Vec<String>,
    /// How many more.
    pub(super) more: usize,
}

impl Names {
    pub(super) fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut names = names.into_iter();
        let shown = names.by_ref().take(NAMES).collect();
        Self { shown, more: names.count() }
    }

    pub(super) fn len(&self) -> usize {
        self.shown.len() + self.more
    }

    /// `a, b and 3 more`, of at most `most` names.
    pub(super) fn text(&self, most: usize) -> String {
        let shown: Vec<&str> = self.shown.iter().take(most).map(String::as_str).collect();
        match (self.len() - shown.len(), shown.split_last()) {
            (0, None) => String::new(),
            (0, Some((last, []))) => (*last).to_string(),
            (0, Some((last, rest))) => format!("{} and {last}", rest.join(", ")),
            (more, _) => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_names_and_narrower_patterns() {
        for (pattern, action, expected) in [
            ("*", "cvm:RunInstances", true),
            ("*:*", "cvm:RunInstances", true),
            ("cvm:*", "cvm:Run*", true),
            ("cvm:Run*", "cvm:*", false),
            ("CVM:runinstances", "cvm:RunInstances", true),
            ("cos:getobject", "cos:GetObject", false),
            ("cvm:*", "vpc:DescribeVpcs", false),
            ("permid/1", "cvm:RunInstances", false),
            ("RunInstances", "cvm:RunInstances", false),
        ] {
            assert_eq!(covers(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let names = Names::of((0..25).map(|n| format!("n{n:02}")));
        assert_eq!((names.shown.len(), names.more, names.len()), (NAMES, 5, 25));
        assert_eq!(names.text(2), "n00, n01 and 23 more");
        let text = |names: &[&str]| Names::of(names.iter().map(ToString::to_string)).text(3);
        assert_eq!(text(&["a"]), "a");
        assert_eq!(text(&["a", "b", "c"]), "a, b and c");
    }
}
