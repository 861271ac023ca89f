//! What a call needs to be permitted: CAM actions and the resources they are judged on.
//!
//! Builder and verifier read calls in the same way, here; all else they do apart.

use super::input::{Holder, Observed};
use super::scope::{Origin, Scope};
use crate::catalog::cam::CamCatalog;
use std::collections::{BTreeMap, BTreeSet};

/// The action that hands a role to a service.
pub(super) const PASS_ROLE: &str = "cam:PassRole";

/// One permission that a call needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// `svc:Action`.
    pub action: String,
    /// What it is judged on.
    pub scope: Scope,
    /// The catalogue or a refusal knows the action by this name.
    pub verified: bool,
    /// The logged name stands for several actions, and this is one of them.
    pub dual: bool,
}

/// Reads calls of one holder.
pub(super) struct Reader<'a> {
    holder: &'a Holder,
    cam: &'a CamCatalog,
    /// Actions that refusals named, by logged service and action.
    named: BTreeMap<(&'a str, &'a str), BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    /// Learns from the refusals among these calls which actions their names stand for.
    pub(super) fn new(observed: &'a [Observed], holder: &'a Holder, cam: &'a CamCatalog) -> Self {
        let mut named: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for seen in observed {
            let Some(action) = seen.refused.as_ref().and_then(|(action, _)| plain(action)) else { continue };
            if names_the_call(&action, seen) {
                named.entry((seen.service.as_str(), seen.action.as_str())).or_default().insert(action);
            }
        }
        Self { holder, cam, named }
    }

    /// The actions that the logged name stands for. Which of several CAM asks is not known, so all are needed.
    /// Empty for names that no CAM action can have.
    pub(super) fn of_call(&self, seen: &Observed) -> Vec<Need> {
        let named = self.named.get(&(seen.service.as_str(), seen.action.as_str()));
        let actions: BTreeSet<String> = named.cloned().unwrap_or_else(|| candidates(seen, self.cam));
        let dual = actions.len() > 1;
        let verified = |action: &str| named.is_some() || self.knows(action, seen);
        let need = |action: String| Need {
            scope: Scope::of(&seen.resources, self.cam.granularity_of(prefix(&action)), self.holder),
            verified: verified(&action),
            dual,
            action,
        };
        actions.into_iter().map(need).collect()
    }

    /// The right to hand over the role that the call named.
    pub(super) fn of_role(&self, seen: &Observed) -> Option<Need> {
        let role = role_resource(seen.passed_role.as_deref()?, self.holder)?;
        let scope = Scope::one(role, Origin::Built);
        Some(Need { action: PASS_ROLE.to_owned(), scope, verified: true, dual: false })
    }

    /// What a refused call must go on lacking: what the refusal named. Resources that the log lists outrank the refusal's
    /// when it named the call's own action; another action (such as cam:PassRole) is judged on what the refusal said.
    pub(super) fn of_refusal(&self, seen: &Observed) -> Vec<Need> {
        let named = seen.refused.as_ref().and_then(|(action, resource)| Some((plain(action)?, resource)));
        let Some((action, resource)) = named else { return self.of_call(seen) };
        let mut own = self.of_call(seen);
        own.retain(|need| need.action == action);
        let said = Scope::of_one(resource, self.holder);
        match own.pop() {
            Some(need) if need.scope == Scope::Unknown => vec![Need { scope: said, ..need }],
            Some(need) => vec![need],
            None => vec![Need { action, scope: said, verified: true, dual: false }],
        }
    }

    fn knows(&self, action: &str, seen: &Observed) -> bool {
        let name = action.split_once(':').map_or(action, |(_, name)| name);
        self.cam.has_action(prefix(action), name) || self.cam.has_action(&seen.service, name)
    }
}

/// The service of `svc:Action`.
pub(super) fn prefix(action: &str) -> &str {
    action.split_once(':').map_or("", |(service, _)| service)
}

fn candidates(seen: &Observed, cam: &CamCatalog) -> BTreeSet<String> {
    cam.cam_actions(&seen.service, &seen.action).iter().filter_map(|action| plain(action)).collect()
}

/// Whether a refusal tells how the call itself is named: by another service, or in other letter case. An action of
/// another name is a further permission that the call needed, as cam:PassRole: it must never take the place of what
/// others used with success. Our inference.
fn names_the_call(action: &str, seen: &Observed) -> bool {
    let name = action.split_once(':').map_or("", |(_, name)| name);
    action != PASS_ROLE && name.eq_ignore_ascii_case(&seen.action)
}

/// An action as policies name it, the service in lower case; none for what cannot be the name of one action, such as a
/// wildcard: a name in a log must not widen a policy.
fn plain(action: &str) -> Option<String> {
    let action = action.trim();
    let (service, name) = action.strip_prefix("name/").unwrap_or(action).split_once(':')?;
    let fits = |text: &str| {
        !text.is_empty() && text.len() <= 128 && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    (fits(service) && fits(name)).then(|| format!("{}:{name}", service.to_ascii_lowercase()))
}

/// The resource of a role that a request names by its name or in full; none for what no role can be called.
fn role_resource(role: &str, holder: &Holder) -> Option<String> {
    let (account, path) = match role.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        [name] => ("", format!("roleName/{name}")),
        ["qcs", _, "cam", _, account, rest] => (*account, named_role(rest)?),
        _ => return None,
    };
    let fits = path.split('/').all(|part| !part.is_empty() && part.chars().all(is_role_char));
    let account = match account {
        "" | "uin/" if holder.account.is_empty() => String::new(),
        "" | "uin/" => format!("uin/{}", holder.account),
        other => other.to_owned(),
    };
    (fits && account.chars().all(|c| c.is_ascii_alphanumeric() || c == '/'))
        .then(|| format!("qcs::cam::{account}:{path}"))
}

/// `roleName/NAME`, or `role/PATH/NAME` for roles of services.
fn named_role(rest: &str) -> Option<String> {
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        ["roleName" | "role", name] => Some(format!("roleName/{name}")),
        ["role", _, ..] => Some(rest.to_owned()),
        _ => None,
    }
}

/// Characters of role names, as the provider documents them for names of policies.
fn is_role_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::input::{HolderKind, Outcome, Resources};
    use super::*;

    /// A user for tests.
    pub(in crate::recommend) fn holder() -> Holder {
        Holder {
            kind: HolderKind::User,
            account: "100000000001".into(),
            app_id: "1250000000".into(),
            id: "100000000002".into(),
            name: "deploy".into(),
        }
    }

    fn seen(service: &str, action: &str, refused: Option<(&str, &str)>) -> Observed {
        Observed {
            ak: "AKIDexample".into(),
            service: service.into(),
            action: action.into(),
            resources: Resources::Unknown,
            ip: None,
            api_call: true,
            outcome: Outcome::Success,
            passed_role: None,
            refused: refused.map(|(action, resource)| (action.into(), resource.into())),
            calls: Vec::new(),
            sampled: false,
        }
    }

    fn actions(needs: &[Need]) -> Vec<&str> {
        needs.iter().map(|need| need.action.as_str()).collect()
    }

    #[test]
    fn a_refusal_names_the_action_of_all_calls_of_that_name() {
        let all = [
            seen("edgeone", "ModifyL7AccRule", None),
            seen("edgeone", "ModifyL7AccRule", Some(("teo:ModifyL7AccRule", "qcs::teo:::zone/z"))),
        ];
        let (holder, cam) = (holder(), CamCatalog::builtin());
        let reader = Reader::new(&all, &holder, cam);
        let needs = reader.of_call(&all[0]);
        assert_eq!(actions(&needs), ["teo:ModifyL7AccRule"]);
        assert!(needs[0].verified && !needs[0].dual);
        assert_eq!(reader.of_refusal(&all[1])[0].scope.listed().unwrap().len(), 1);
    }

    #[test]
    fn a_refusal_of_another_action_does_not_rename_the_call() {
        let all = [
            seen("cvm", "StartInstances", None),
            seen("cvm", "StartInstances", Some(("cvm:ResetInstancesPassword", "*"))),
        ];
        let (holder, cam) = (holder(), CamCatalog::builtin());
        let reader = Reader::new(&all, &holder, cam);
        assert_eq!(actions(&reader.of_call(&all[0])), ["cvm:StartInstances"]);
        assert_eq!(actions(&reader.of_refusal(&all[1])), ["cvm:ResetInstancesPassword"]);
    }

    #[test]
    fn a_refused_role_does_not_rename_the_call() {
        let role = "qcs::cam::uin/100000000001:roleName/app";
        let all = [seen("cvm", "RunInstances", Some((PASS_ROLE, role)))];
        let (holder, cam) = (holder(), CamCatalog::builtin());
        let reader = Reader::new(&all, &holder, cam);
        assert_eq!(actions(&reader.of_call(&all[0])), ["cvm:RunInstances"]);
        assert_eq!(actions(&reader.of_refusal(&all[0])), [PASS_ROLE]);
    }

    #[test]
    fn names_in_logs_cannot_be_patterns() {
        assert_eq!(plain("cvm:*"), None);
        assert_eq!(plain("cvm:Describe*"), None);
        assert_eq!(plain("cvm:"), None);
        assert_eq!(plain("name/CVM:RunInstances").unwrap(), "cvm:RunInstances");
    }

    #[test]
    fn roles_are_named_by_name_or_in_full() {
        let of = |role| role_resource(role, &holder());
        let app = "qcs::cam::uin/100000000001:roleName/app";
        assert_eq!(of("app").unwrap(), app);
        assert_eq!(of("qcs::cam::uin/100000000001:roleName/app").unwrap(), app);
        assert_eq!(of("qcs::cam::uin/:role/app").unwrap(), app);
        assert_eq!(
            of("qcs::cam::uin/7:role/tencentcloudServiceRoleName/app").unwrap(),
            "qcs::cam::uin/7:role/tencentcloudServiceRoleName/app"
        );
        assert_eq!(of("*"), None);
        assert_eq!(of(""), None);
        assert_eq!(of("qcs::cam::*:roleName/app"), None);
    }
}
