//! Resources that CAM may read otherwise than they look.

use super::super::action::is_everything;
use super::super::check::{note, warning};
use super::super::explain::quote;
use super::super::model::{Lint, Statement};
use super::super::resource::Segments;
use crate::catalog::cam::{CamCatalog, Granularity};

/// Policy variables that the vendor documents.
const VARIABLES: [&str; 3] = ["uin", "owner_uin", "app_id"];

pub(super) fn lint(number: usize, statement: &Statement, facts: &CamCatalog) -> Vec<Lint> {
    let mut lints: Vec<Lint> =
        statement.resources.iter().flat_map(|resource| of_resource(number, resource, facts)).collect();
    lints.extend(level(number, statement, facts));
    lints
}

fn of_resource(number: usize, resource: &str, facts: &CamCatalog) -> Vec<Lint> {
    let Some(segments) = Segments::of(resource) else { return Vec::new() };
    let shown = quote(resource);
    let warn = |code, what: &str, hint: &str| warning(code, number, &format!("resource {shown} {what}"), hint);
    let mut lints = Vec::new();
    if !segments.project.is_empty() {
        lints.push(warn("ResourceProjectError", "names a project, which is not used any more", "leave it blank"));
    }
    if matches!(segments.account, "uin/" | "uid/") {
        let what = "has nothing after the slash of the account; it is read as the account that owns the policy";
        lints.push(warn("ResourceUinError", what, "write uin/ and the account's number"));
    }
    let service = segments.service;
    if !service.is_empty() && !service.contains('*') && !facts.has_service(service) {
        lints.push(warn(
            "ResourceServiceNotExist",
            "is of a service that is not in the catalogue",
            "check the service",
        ));
    }
    if resource.contains('?') {
        lints.push(warn("QUESTION_MARK", "holds a `?`, which stands for itself", "use `*` unless it is meant"));
    }
    lints.extend(variables(number, resource, &segments));
    let region = facts.region(segments.region);
    if region != segments.region {
        let text =
            format!("resource {shown} has the short region {}, which is read as {region}", quote(segments.region));
        lints.push(note("REGION_ALIAS", number, &text, format!("write {region}")));
    }
    lints
}

fn variables(number: usize, resource: &str, segments: &Segments<'_>) -> Option<Lint> {
    if segments.service.eq_ignore_ascii_case("cos") && segments.resource.contains("${") {
        let text = format!("resource {} has a variable in a COS path, where CAM does not take it", quote(resource));
        return Some(warning("VARIABLE_IN_COS_PATH", number, &text, "write the path itself"));
    }
    let mut names = resource.split("${").skip(1).map(|rest| rest.split_once('}').map_or(rest, |(name, _)| name));
    let unknown = names.find(|name| !VARIABLES.contains(name))?;
    let text = format!("resource {} has the variable {}, which CAM does not know", quote(resource), quote(unknown));
    Some(warning("UNKNOWN_VARIABLE", number, &text, "CAM knows ${uin}, ${owner_uin} and ${app_id}"))
}

/// Resources named for an action that CAM checks without one: such a call is refused.
fn level(number: usize, statement: &Statement, facts: &CamCatalog) -> Option<Lint> {
    if statement.resources.is_empty() || statement.resources.iter().any(|resource| resource == "*") {
        return None;
    }
    let without_resource = |action: &&String| {
        let Some((service, name)) = action.split_once(':') else { return false };
        let level = facts.granularity_of_action(service, name);
        !is_everything(action) && matches!(level, Granularity::Operation | Granularity::Service)
    };
    let action = statement.actions.iter().find(without_resource)?;
    let text = format!(
        "action {} is of a service that CAM checks without a resource; with one named, the call counts as not permitted",
        quote(action)
    );
    Some(warning("OPERATION_LEVEL", number, &text, "put it into a statement of its own with resource \"*\""))
}
