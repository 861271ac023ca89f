//! Actions that CAM may not know, or may know otherwise.

use super::super::action::{is_everything, is_opaque};
use super::super::check::warning;
use super::super::explain::quote;
use super::super::glob::glob_matches;
use super::super::model::{Lint, Statement};
use super::super::parse::MAX_LINTS;
use super::super::words::nearest;
use crate::catalog::cam::{CamCatalog, Granularity};

pub(super) fn lint(number: usize, statement: &Statement, facts: &CamCatalog) -> Vec<Lint> {
    statement.actions.iter().flat_map(|action| of_action(number, action, facts)).take(MAX_LINTS).collect()
}

fn of_action(number: usize, action: &str, facts: &CamCatalog) -> Vec<Lint> {
    let shown = quote(action);
    if is_everything(action) {
        return Vec::new();
    }
    if is_opaque(action) {
        let text = format!("action {shown} is a set that only CAM can look up; what it covers is not known");
        return vec![warning("OPAQUE_PERMID", number, &text, "name the actions themselves")];
    }
    let Some((service, name)) = action.split_once(':') else {
        let text = format!("action {shown} has no service in front; whether it covers anything is not known");
        return vec![warning("ACTION_FORM", number, &text, "write service:Name, such as cvm:DescribeInstances")];
    };
    let mut lints = Vec::new();
    if action.contains('?') {
        let text = format!("action {shown} holds a `?`, which stands for itself");
        lints.push(warning("QUESTION_MARK", number, &text, "use `*`"));
    }
    if name != "*" && facts.granularity_of(service) == Granularity::Service {
        let text = format!("{} is permitted as a whole only, so {shown} may do nothing", quote(service));
        lints.push(warning("SERVICE_LEVEL", number, &text, format!("write {service}:*")));
    }
    lints.extend(existence(number, service, name, facts));
    lints
}

/// Whether the service and the name stand in the catalogue.
fn existence(number: usize, service: &str, name: &str, facts: &CamCatalog) -> Option<Lint> {
    if service.contains('*') {
        return None;
    }
    if !facts.has_service(service) {
        let hint = match nearest(service, facts.services()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => "check the service's name in the vendor's list of services".to_string(),
        };
        let text = format!("service {} is not in the catalogue of services", quote(service));
        return Some(warning("ActionServiceNotExist", number, &text, hint));
    }
    let known = names(service, facts);
    let shown = quote(&format!("{service}:{name}"));
    if name == "*" || facts.actions(service).is_empty() || known.iter().any(|api| glob_matches(name, api)) {
        return None;
    }
    if let Some(api) = known.iter().find(|api| api.eq_ignore_ascii_case(name)) {
        let text =
            format!("action {shown} differs from the API's name in letter case only; whether it counts is not known");
        return Some(warning("ActionNotExist", number, &text, format!("write {service}:{api}")));
    }
    let what = if name.contains('*') { "fits no name in" } else { "is not in" };
    let text = format!("action {shown} {what} the catalogue of API names; CAM knows some names that are not there");
    let hint = match nearest(name, known.iter().copied()) {
        Some(api) => format!("did you mean {service}:{api}?"),
        None => "check the name in the console or in a denied call's message".to_string(),
    };
    Some(warning("ActionNotExist", number, &text, hint))
}

/// The names that policies may use with a service.
fn names(service: &str, facts: &CamCatalog) -> Vec<&'static str> {
    let service = service.to_ascii_lowercase();
    let family: &[&str] = if service == "cvm" { &["cvm", "cbs", "vpc"] } else { &[service.as_str()] };
    let listed = family.iter().flat_map(|one| facts.actions(one).iter().copied());
    // CAM's pages name these, API or not, such as PassRole.
    listed.chain(facts.service(&service).exceptions).collect()
}
