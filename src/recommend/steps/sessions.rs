//! END_SESSIONS: temporary keys in wrong hands, which cannot be disabled.

use super::urgent::Charge;
use super::{Desk, commands, step};
use crate::recommend::input::{HolderKind, KeyFacts};
use crate::recommend::output::Step;
use crate::recommend::shell::{cam, cam_with_file, note};

/// Takes the rights of temporary keys away.
pub(super) fn end_sessions(desk: &Desk<'_>, key: &KeyFacts) -> Option<Step> {
    let charge = Charge::of(desk, key)?;
    let role = desk.case.holder.kind == HolderKind::Role;
    let commands = if role { role_commands(desk) } else { user_commands(desk) };
    Some(Step {
        commands: charge.ask_first().into_iter().chain(commands).collect(),
        rollback:
            "The first commands save what is there today; attach the policies again and put the trust policy back \
                   when it is over."
                .to_string(),
        evidence: charge.evidence.clone(),
        ..step(
            "END_SESSIONS",
            key,
            format!(
                "{} Temporary keys work until they expire: they cannot be disabled, only what they may do can be taken \
                 away.",
                charge.says("A temporary key")
            ),
            charge.confidence(),
        )
    })
}

fn role_commands(desk: &Desk<'_>) -> Vec<String> {
    let name = desk.case.holder.name.as_str();
    let list = cam("ListAttachedRolePolicies", &[("RoleName", name), ("Page", "1"), ("Rp", "200")]);
    let mut out = vec![
        note("First save the way back: the role with its trust policy, and the list of its policies."),
        saved(&cam("GetRole", &[("RoleName", name)]), "role-before.json"),
        saved(&list, "policies-before.json"),
        note("What sessions may do follows the role's policies: detach them."),
    ];
    let detach = |id: &str| cam("DetachRolePolicy", &[("DetachRoleName", name), ("PolicyId", id)]);
    out.extend(commands::attached(desk).into_iter().map(detach));
    out.push(note(
        "Who may start new sessions is in the role's trust policy: copy it from role-before.json to trust.json, and take \
         out whoever is compromised.",
    ));
    out.push(cam_with_file("UpdateAssumeRolePolicy", &[("RoleName", name)], "PolicyDocument", "trust.json"));
    out
}

fn user_commands(desk: &Desk<'_>) -> Vec<String> {
    let pages = [("TargetUin", desk.uin()), ("Page", "1"), ("Rp", "200"), ("AttachType", "0")];
    let list = (desk.case.holder.kind == HolderKind::User).then(|| {
        let list = saved(&cam("ListAttachedUserAllPolicies", &pages), "policies-before.json");
        [note("First save the way back: the list of the user's policies."), list]
    });
    let find = note(
        "Find where the temporary keys come from (GetFederationToken, AssumeRole, console sessions), and take the \
         rights away there: what a session may do follows the policies of its user or role.",
    );
    list.into_iter().flatten().chain([find]).collect()
}

/// A command whose reply goes to a file; notes stay as they are.
fn saved(command: &str, file: &str) -> String {
    if command.starts_with('#') { command.to_string() } else { format!("{command} > {file}") }
}
