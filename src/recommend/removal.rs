//! How to get from today's policies to the recommended ones, with a way back at each step.

use super::current::{Current, Held, Text};
use super::diff::Standing;
use super::history::History;
use super::input::{Case, HolderKind};
use super::output::{DiffState, Proposed};
use super::patterns::{Names, is_opaque};
use super::shell::{cam, cam_with_file};
use super::words::{count, counted};
use crate::inventory::grants::{PolicyKind, Via};
use serde_json::json;

/// Days to watch for refused calls before old policies go. Our choice.
const WATCH: u32 = 14;

/// Steps of one list; more than a person takes at once.
const LINES: usize = 100;

/// What the order of removal follows from.
pub(super) struct Plan<'a> {
    pub(super) case: &'a Case,
    pub(super) current: Option<&'a Current<'a>>,
    pub(super) standings: &'a [Standing<'a>],
    pub(super) history: &'a History,
    pub(super) documents: &'a [Proposed],
    /// Actions in use that wait for a decision or were given up.
    pub(super) open: usize,
}

/// Steps in order, each with its command and the way back; or one sentence on why nothing should be removed yet.
pub(super) fn removal(plan: &Plan<'_>) -> Vec<String> {
    if plan.case.holder.kind == HolderKind::Root {
        return Vec::new();
    }
    if let Some(why) = &plan.history.insufficient {
        return vec![format!("Do not detach anything yet. {why}")];
    }
    let Some(current) = plan.current else { return Vec::new() };
    let mut out: Vec<String> = decide_first(plan).into_iter().collect();
    out.extend(attach(plan));
    let (gone, kept): (Vec<&Held<'_>>, Vec<&Held<'_>>) = current
        .held
        .iter()
        .filter(|held| !held.granted.service_linked)
        .partition(|held| why_keep(plan, held).is_none());
    if !gone.is_empty() && !plan.documents.is_empty() {
        out.push(format!(
            "Wait: a change of policies takes about a minute. Then watch the logs for refused calls for {WATCH} days."
        ));
    }
    out.extend(gone.iter().map(|held| detach(plan, current, held)));
    out.extend(gone.iter().any(|held| is_own(held)).then(in_place));
    out.extend(kept.into_iter().filter_map(|held| why_keep(plan, held)));
    numbered(out)
}

fn numbered(mut lines: Vec<String>) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.truncate(LINES);
        lines.push(format!("{more} further steps are left out; run this again when these are done."));
    }
    lines.into_iter().enumerate().map(|(n, line)| format!("{}. {line}", n + 1)).collect()
}

fn decide_first(plan: &Plan<'_>) -> Option<String> {
    (plan.open > 0).then(|| {
        format!(
            "Decide first: {} in use but in none of the recommended documents. Without a decision the calls will be \
             refused once the old policies are gone.",
            counted(count(plan.open), "action is", "actions are")
        )
    })
}

fn attach(plan: &Plan<'_>) -> Vec<String> {
    let attached = plan.documents.iter().map(|document| {
        let first = if document.rare { "After review, save" } else { "Save" };
        let file = format!("{}.json", document.name);
        let create = cam_with_file("CreatePolicy", &[("PolicyName", &document.name)], "PolicyDocument", &file);
        format!(
            "{first} the document {0} as {file}, create it and attach it with the id that CreatePolicy returns: {create} ; \
             {1} . Way back: {2}",
            document.name,
            change(plan, "Attach", ""),
            change(plan, "Detach", "")
        )
    });
    attached.collect()
}

fn detach(plan: &Plan<'_>, current: &Current<'_>, held: &Held<'_>) -> String {
    let id = held.granted.attachment.policy_id.as_deref().unwrap_or_default();
    match &held.granted.attachment.via {
        Via::Direct => {
            format!("Detach {}: {} . Way back: {}", held.name(), change(plan, "Detach", id), change(plan, "Attach", id))
        }
        Via::Group { id: group, name } => leave_group(plan, current, held, group, name),
    }
}

/// Leaving a group takes away all of the group's policies, and detaching from the group concerns all its members.
fn leave_group(plan: &Plan<'_>, current: &Current<'_>, held: &Held<'_>, group: &str, name: &str) -> String {
    let listed = current.granted.groups.iter().find(|facts| facts.id == group);
    let members = Names::of(listed.into_iter().flat_map(|facts| facts.members.iter().cloned()));
    let whom = match members.len() {
        0 => "its members are not known".to_string(),
        _ => format!("its members are {}", members.text(20)),
    };
    let info = json!([{ "GroupId": number(group), "Uin": number(&plan.case.holder.id) }]).to_string();
    let kept = current.held.iter().filter(|other| {
        matches!(&other.granted.attachment.via, Via::Group { id, .. } if id == group) && other.name() != held.name()
    });
    let also = Names::of(kept.map(|other| other.name().to_string()));
    let loses = match also.len() {
        0 => String::new(),
        _ => format!(" The user then loses {} as well.", also.text(5)),
    };
    format!(
        "Take the user out of the group {0}, which gives {1}: {2} . Way back: {3} .{loses} To detach the policy from the \
         group instead concerns everybody in it; {whom}: {4}",
        if name.is_empty() { group } else { name },
        held.name(),
        cam("RemoveUserFromGroup", &[("Info", &info)]),
        cam("AddUserToGroup", &[("Info", &info)]),
        cam(
            "DetachGroupPolicy",
            &[("DetachGroupId", group), ("PolicyId", held.granted.attachment.policy_id.as_deref().unwrap_or_default())]
        ),
    )
}

fn in_place() -> String {
    format!(
        "A policy of your own can be narrowed in place instead: {} . The old version is kept; way back: {}",
        cam_with_file(
            "CreatePolicyVersion",
            &[("PolicyId", ""), ("SetAsDefault", "true")],
            "PolicyDocument",
            "document.json"
        ),
        cam("SetDefaultPolicyVersion", &[("PolicyId", ""), ("VersionId", "")])
    )
}

/// `AttachUserPolicy`, `DetachRolePolicy` and so on.
fn change(plan: &Plan<'_>, verb: &str, policy: &str) -> String {
    let holder = &plan.case.holder;
    if holder.kind == HolderKind::Role {
        let name = format!("{verb}RoleName");
        return cam(&format!("{verb}RolePolicy"), &[(&name, &holder.name), ("PolicyId", policy)]);
    }
    let uin = format!("{verb}Uin");
    cam(&format!("{verb}UserPolicy"), &[(&uin, &holder.id), ("PolicyId", policy)])
}

/// Why a policy should stay for now; none for those that can go.
fn why_keep(plan: &Plan<'_>, held: &Held<'_>) -> Option<String> {
    let own = || plan.standings.iter().filter(|standing| std::ptr::eq(standing.held, held));
    let opaque = held.allows().any(|(_, statement)| statement.actions.iter().any(|pattern| is_opaque(pattern)));
    let denies = held.allows().next().is_none();
    let replaced = !plan.documents.is_empty();
    let why = if plan.history.judges(&held.granted.attachment).is_none() {
        "it was attached after the logs begin, or it is not known when"
    } else if matches!(held.text, Text::Missing | Text::Invalid) {
        "its text is not known"
    } else if opaque {
        "it holds an action set that cannot be read"
    } else if denies {
        "it allows nothing"
    } else if own().any(|standing| !standing.hidden.is_empty()) {
        "the log may not show some of the calls that it allows; ask the owner"
    } else if !replaced && own().any(|standing| standing.state() != Some(DiffState::Unused)) {
        "it is in use and nothing replaces it"
    } else {
        return None;
    };
    Some(format!("Keep {} for now: {why}.", held.name()))
}

fn is_own(held: &Held<'_>) -> bool {
    held.granted.attachment.kind == PolicyKind::Custom && held.granted.attachment.via == Via::Direct
}

fn number(id: &str) -> serde_json::Value {
    id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number))
}
