//! How to get from today's policies to the recommended ones, with a way back at each step.

use super::current::{Current, Held, Text};
use super::diff::Standing;
use super::history::History;
use super::input::{Case, HolderKind};
use super::output::{CallSum, DiffState, Proposed};
use super::patterns::{Names, covers, is_opaque, parts};
use super::shell::{cam, cam_with_file, note};
use super::words::{count, counted};
use crate::catalog::risk::RiskCatalog;
use crate::inventory::grants::{PolicyKind, Via};
use serde_json::json;
use std::collections::BTreeSet;

/// Days to watch for refused calls before old policies go. Our choice.
const WATCH: u32 = 14;

/// Steps of one list; more than a person takes at once.
const LINES: usize = 100;

/// Before each command, so that it can be told from sentences.
pub(super) const INDENT: &str = "   ";

/// What the order of removal follows from.
pub(super) struct Plan<'a> {
    pub(super) case: &'a Case,
    pub(super) current: Option<&'a Current<'a>>,
    pub(super) standings: &'a [Standing<'a>],
    pub(super) history: &'a History,
    pub(super) documents: &'a [Proposed],
    /// Actions in use that wait for a decision or were given up.
    pub(super) open: usize,
    /// Calls that are neither granted nor judged.
    pub(super) quarantined: &'a [CallSum],
    pub(super) risk: &'a RiskCatalog,
}

/// One step: a sentence or more, and its commands.
struct Line {
    text: String,
    commands: Vec<String>,
}

impl Line {
    fn told(text: String) -> Self {
        Self { text, commands: Vec::new() }
    }
}

/// Steps in order, each with the way back and its commands; or one sentence on why nothing should be removed yet.
pub(super) fn removal(plan: &Plan<'_>) -> Vec<String> {
    if plan.case.holder.kind == HolderKind::Root {
        return Vec::new();
    }
    if let Some(why) = &plan.history.insufficient {
        return vec![format!("Do not detach anything yet. {why}")];
    }
    let Some(current) = plan.current else { return Vec::new() };
    let mut out: Vec<Line> = decide_first(plan).into_iter().chain(decide_near(plan)).map(Line::told).collect();
    out.extend(attach(plan));
    let (gone, kept): (Vec<&Held<'_>>, Vec<&Held<'_>>) = current
        .held
        .iter()
        .filter(|held| !held.granted.service_linked)
        .partition(|held| why_keep(plan, held).is_none());
    if !gone.is_empty() && !plan.documents.is_empty() {
        out.push(Line::told(format!(
            "Wait: a change of policies takes about a minute. Then watch the logs for refused calls for {WATCH} days."
        )));
    }
    out.extend(gone.iter().map(|held| detach(plan, current, held)));
    out.extend(gone.iter().filter_map(|held| in_place(plan, held)));
    out.extend(kept.into_iter().filter_map(|held| why_keep(plan, held)).map(Line::told));
    numbered(out)
}

fn numbered(mut lines: Vec<Line>) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.truncate(LINES);
        lines.push(Line::told(format!("{more} further steps are left out; run this again when these are done.")));
    }
    let written = lines.into_iter().enumerate().flat_map(|(n, line)| {
        let commands = line.commands.into_iter().map(|command| format!("{INDENT}{command}"));
        [format!("{}. {}", n + 1, line.text)].into_iter().chain(commands).collect::<Vec<_>>()
    });
    written.collect()
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

/// Calls near an attack may be the owner's own work, and nothing is granted for them.
fn decide_near(plan: &Plan<'_>) -> Option<String> {
    let actions: BTreeSet<&str> = plan.quarantined.iter().map(|sum| sum.action.as_str()).collect();
    (!actions.is_empty()).then(|| {
        format!(
            "Decide first: calls of {} were made near an attack and are not judged. What of them is ordinary work will \
             be refused once the old policies are gone, unless the recommended documents allow it anyway.",
            counted(count(actions.len()), "action", "actions")
        )
    })
}

fn attach(plan: &Plan<'_>) -> Vec<Line> {
    let attached = plan.documents.iter().enumerate().map(|(n, document)| {
        let file = format!("{}.json", document.name);
        let create = cam_with_file("CreatePolicy", &[("PolicyName", &document.name)], "PolicyDocument", &file);
        let review = if document.rare { "After review, and in" } else { "In" };
        let id = format!("policy_{}", n + 1);
        Line {
            text: format!(
                "{review} the folder of this recommendation, where {file} is, create the policy {} and attach it.",
                document.name
            ),
            commands: vec![
                note(&format!(
                    "Way back, with the id that CreatePolicy gives: {}",
                    with_id(&change(plan, "Detach", None), &id)
                )),
                reply(&create, &id),
                with_id(&change(plan, "Attach", None), &id),
            ],
        }
    });
    attached.collect()
}

fn detach(plan: &Plan<'_>, current: &Current<'_>, held: &Held<'_>) -> Line {
    let id = held.granted.attachment.policy_id.as_deref().unwrap_or_default();
    let mut line = match &held.granted.attachment.via {
        Via::Direct => Line {
            text: format!("Detach {}.", held.name()),
            commands: vec![back(&change(plan, "Attach", Some(id))), change(plan, "Detach", Some(id))],
        },
        Via::Group { id: group, name } => leave_group(plan, current, held, group, name),
    };
    if is_admin(plan, held) {
        line.text = format!(
            "{} Before that, make sure that somebody else can undo this: the policy gives the rights of an \
             administrator.{}",
            line.text,
            unseen(plan, held)
        );
    }
    line
}

/// Calls that the log may not show and that end with the policy.
fn unseen(plan: &Plan<'_>, held: &Held<'_>) -> String {
    let own = plan.standings.iter().filter(|standing| std::ptr::eq(standing.held, held));
    let unseen: BTreeSet<String> = own.flat_map(|standing| standing.unseen.iter().cloned()).collect();
    let services: BTreeSet<String> = unseen.iter().map(|action| parts(action).0.to_string()).collect();
    let services = Names::of(services);
    match services.len() {
        0 => String::new(),
        _ => format!(
            " The log may not show some of the calls that it allows ({}); ask the owner which of them are needed.",
            services.text(8)
        ),
    }
}

/// Whether a policy gives rights over everything or over identities, by its text or by a well-known name.
fn is_admin(plan: &Plan<'_>, held: &Held<'_>) -> bool {
    let by_name = held.granted.attachment.kind != PolicyKind::Custom && plan.risk.is_admin_name(held.name());
    let over_identities = |pattern: &String| covers(pattern, "cam:*");
    by_name || held.allows().any(|(_, statement)| statement.actions.iter().any(over_identities))
}

/// Leaving a group takes away all of the group's policies, and detaching from the group concerns all its members.
fn leave_group(plan: &Plan<'_>, current: &Current<'_>, held: &Held<'_>, group: &str, name: &str) -> Line {
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
    let policy = held.granted.attachment.policy_id.as_deref().unwrap_or_default();
    let whole = cam("DetachGroupPolicy", &[("DetachGroupId", group), ("PolicyId", policy)]);
    Line {
        text: format!(
            "Take the user out of the group {0}, which gives {1}.{loses} To detach the policy from the group instead \
             concerns everybody in it; {whom}.",
            if name.is_empty() { group } else { name },
            held.name(),
        ),
        commands: vec![
            back(&cam("AddUserToGroup", &[("Info", &info)])),
            cam("RemoveUserFromGroup", &[("Info", &info)]),
            note(&format!("Instead, for everybody in the group: {whole}")),
        ],
    }
}

/// A policy of the account's own can take the text of the one document that replaces it.
fn in_place(plan: &Plan<'_>, held: &Held<'_>) -> Option<Line> {
    let [document] = plan.documents else { return None };
    let id = held.granted.attachment.policy_id.as_deref().filter(|_| is_own(held))?;
    if document.rare || is_admin(plan, held) {
        return None;
    }
    let file = format!("{}.json", document.name);
    let values = [("PolicyId", id), ("SetAsDefault", "true")];
    Some(Line {
        text: format!(
            "Instead of detaching {}, it can be narrowed in place, in the folder of this recommendation. That concerns \
             everybody who has it. The old version is kept; ListPolicyVersions shows its number.",
            held.name()
        ),
        commands: vec![
            cam("ListPolicyVersions", &[("PolicyId", id)]),
            back(&cam("SetDefaultPolicyVersion", &[("PolicyId", id), ("VersionId", "")])),
            cam_with_file("CreatePolicyVersion", &values, "PolicyDocument", &file),
        ],
    })
}

fn back(command: &str) -> String {
    note(&format!("Way back: {command}"))
}

/// A command that keeps the id from its reply in a variable of the shell.
fn reply(command: &str, variable: &str) -> String {
    if command.starts_with('#') { command.to_string() } else { format!("{variable}=$({command} --filter PolicyId)") }
}

/// A command about the policy whose id is in a variable of the shell.
fn with_id(command: &str, variable: &str) -> String {
    if command.starts_with('#') { command.to_string() } else { format!("{command} --PolicyId \"${variable}\"") }
}

/// `AttachUserPolicy`, `DetachRolePolicy` and so on; without a policy where its id is still to be added.
fn change(plan: &Plan<'_>, verb: &str, policy: Option<&str>) -> String {
    let holder = &plan.case.holder;
    let (what, option, whom) = match holder.kind {
        HolderKind::Role => ("Role", "RoleName", &holder.name),
        HolderKind::Root | HolderKind::User => ("User", "Uin", &holder.id),
    };
    let option = format!("{verb}{option}");
    let mut values = vec![(option.as_str(), whom.as_str())];
    values.extend(policy.map(|id| ("PolicyId", id)));
    cam(&format!("{verb}{what}Policy"), &values)
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
    } else if own().any(|standing| !standing.hidden.is_empty()) && !is_admin(plan, held) {
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
