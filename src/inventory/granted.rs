//! What is granted to one user or role, put together from all lists, groups, texts and
//! boundaries; and what of it is missing.

use super::grants::{Attachment, Boundary, Granted, GrantedPolicy, GroupFacts, PolicyKind, Via};
use super::lists_kept::{AttachedPolicy, GroupName, Owner, Pages};
use super::{Inventory, KeyInfo, Policy};

/// How names of policies begin that only a service uses.
const SERVICE_POLICY: &str = "QcloudAccessFor";

impl Inventory {
    /// Returns what is granted to a user, by account id or name. Nothing when the inventory
    /// knows nothing about policies attached to that user.
    pub fn grants_of_user(&self, uin_or_name: &str) -> Option<Granted> {
        let aliases = self.aliases_of_user(self.index(), uin_or_name);
        let mut parts = Parts::default();
        for alias in &aliases {
            parts.take_lists(self, &[Owner::UserAll(alias.clone()), Owner::User(alias.clone())]);
        }
        let groups = self.groups_of_user(&aliases);
        for group in &groups {
            parts.take_group(self, group);
        }
        if !parts.is_known {
            return None;
        }
        self.check_user_lists(&aliases, &groups, &mut parts);
        let mut granted = self.put_together(parts);
        granted.boundary = self.boundary(aliases.iter().cloned().map(Owner::User));
        granted.created = self.user(uin_or_name).and_then(|user| user.created);
        Some(granted)
    }

    /// Returns what is granted to a role, by id or name. Nothing when the inventory knows
    /// nothing about policies attached to that role.
    pub fn grants_of_role(&self, id_or_name: &str) -> Option<Granted> {
        let aliases = self.aliases_of_role(id_or_name);
        let mut parts = Parts::default();
        for alias in &aliases {
            parts.take_lists(self, &[Owner::Role(alias.clone())]);
        }
        if !parts.is_known {
            return None;
        }
        let list = self.best_list(&aliases, Owner::Role);
        parts.check(list, "policies attached to the role", "ListAttachedRolePolicies");
        let mut granted = self.put_together(parts);
        granted.boundary = self.boundary(aliases.iter().cloned().map(Owner::Role));
        let role = self.role(id_or_name);
        granted.created = role.and_then(|role| role.created);
        granted.trust = role.and_then(|role| role.trust.clone());
        Some(granted)
    }

    /// Returns whether anything is known about attached policies.
    pub fn has_grants(&self) -> bool {
        !self.lists.attached.is_empty()
    }

    /// Returns the keys of a user, by account id or name, in order of key id.
    pub fn keys_of_user(&self, uin_or_name: &str) -> impl Iterator<Item = &KeyInfo> {
        let aliases = self.aliases_of_user(self.index(), uin_or_name);
        self.keys().filter(move |key| key.user.as_ref().is_some_and(|user| aliases.contains(user)))
    }

    fn groups_of_user(&self, aliases: &[String]) -> Vec<GroupName> {
        let index = self.index();
        let ids = aliases.iter().find_map(|alias| index.groups_of.get(alias)).into_iter().flatten();
        let name = |id| index.groups.get(id).map(|group| group.name.clone()).unwrap_or_default();
        ids.map(|id| GroupName { id: id.clone(), name: name(id) }).collect()
    }

    /// Tells what is missing. One list has everything; without it, or with pages of it missing,
    /// the user's own policies, the groups, and each group's policies together do.
    fn check_user_lists(&self, aliases: &[String], groups: &[GroupName], parts: &mut Parts) {
        let all = self.best_list(aliases, Owner::UserAll);
        if all.is_some_and(Pages::is_complete) {
            return;
        }
        let own = self.best_list(aliases, Owner::User);
        if own.is_none() && all.is_some() {
            parts.check(all, "policies attached to the user", "ListAttachedUserAllPolicies");
            return;
        }
        parts.check(own, "policies attached to the user itself", "ListAttachedUserPolicies");
        let listed = aliases.iter().find_map(|alias| self.lists.groups_of.get(alias));
        parts.check(listed, "the user's groups", "ListGroupsForUser");
        for group in groups {
            let list = self.lists.attached.get(&Owner::Group(group.id.clone()));
            parts.check(list, &format!("policies of {}", called(group)), "ListAttachedGroupPolicies");
        }
    }

    /// The holder's list under any of its names, a complete one first.
    fn best_list(&self, aliases: &[String], owner: fn(String) -> Owner) -> Option<&Pages<AttachedPolicy>> {
        let lists = || aliases.iter().filter_map(|alias| self.lists.attached.get(&owner(alias.clone())));
        lists().find(|list| list.is_complete()).or_else(|| lists().next())
    }

    fn put_together(&self, parts: Parts) -> Granted {
        let mut missing = parts.missing;
        let mut policies: Vec<GrantedPolicy> = Vec::new();
        for attachment in one_of_each(parts.attachments) {
            let policy = self.granted_policy(attachment);
            if policy.document.is_none() {
                missing.push(no_text(&policy.attachment));
            }
            policies.push(policy);
        }
        missing.dedup();
        let groups = &self.index().groups;
        let facts = parts.groups.into_iter().map(|group| {
            let members = groups.get(&group.id).map(|known| known.members.iter().cloned().collect());
            GroupFacts { id: group.id, name: group.name, members: members.unwrap_or_default() }
        });
        let mut facts: Vec<GroupFacts> = facts.collect();
        facts.sort();
        facts.dedup();
        Granted { policies, groups: facts, complete: missing.is_empty(), notes: missing, ..Granted::default() }
    }

    fn granted_policy(&self, mut attachment: Attachment) -> GrantedPolicy {
        let with_text = self.text_of(attachment.policy_id.as_deref(), &attachment.name);
        let of_id = attachment.policy_id.as_ref().and_then(|id| self.policies.get(id));
        let known = || [with_text, of_id].into_iter().flatten();
        for policy in known() {
            super::fill_text(&mut attachment.name, policy.name.clone().unwrap_or_default());
            if attachment.kind == PolicyKind::Unknown {
                attachment.kind = policy.kind;
            }
        }
        let is_said = known().any(|policy| policy.service_linked == Some(true));
        GrantedPolicy {
            service_linked: is_said || attachment.name.starts_with(SERVICE_POLICY),
            document: with_text.and_then(|policy| policy.document.clone()),
            attachment,
        }
    }

    /// Finds a policy's text by its id, else by its name where the text came without an id.
    fn text_of(&self, id: Option<&str>, name: &str) -> Option<&Policy> {
        let has_text = |policy: &&Policy| policy.document.is_some();
        let by_id = id.and_then(|id| self.policies.get(id)).filter(has_text);
        let by_name = || self.policies.get(name).filter(|policy| policy.id.is_none()).filter(has_text);
        let without_id = || self.policies().filter(has_text).find(|policy| policy.name.as_deref() == Some(name));
        by_id.or_else(by_name).or_else(|| if id.is_none() { without_id() } else { None })
    }

    fn boundary(&self, mut owners: impl Iterator<Item = Owner>) -> Option<Boundary> {
        let facts = owners.find_map(|owner| self.lists.boundaries.get(&owner))?;
        let name = facts.name.as_deref().unwrap_or_default();
        let text = || self.text_of(facts.id.as_deref(), name)?.document.clone();
        let document = facts.document.clone().or_else(text);
        (facts.id.is_some() || facts.name.is_some() || document.is_some())
            .then(|| Boundary { name: facts.name.clone(), document })
    }
}

/// What has been gathered for one user or role.
#[derive(Default)]
struct Parts {
    is_known: bool,
    attachments: Vec<Attachment>,
    groups: Vec<GroupName>,
    missing: Vec<String>,
}

impl Parts {
    fn take_lists(&mut self, inventory: &Inventory, owners: &[Owner]) {
        for list in owners.iter().filter_map(|owner| inventory.lists.attached.get(owner)) {
            self.is_known = true;
            for policy in &list.rows {
                if policy.groups.is_empty() {
                    self.attachments.push(attachment(policy, Via::Direct));
                }
                for group in &policy.groups {
                    self.attachments.push(attachment(policy, via(inventory, group)));
                    self.groups.push(named(inventory, group));
                }
            }
        }
    }

    fn take_group(&mut self, inventory: &Inventory, group: &GroupName) {
        let Some(list) = inventory.lists.attached.get(&Owner::Group(group.id.clone())) else {
            return;
        };
        self.is_known = true;
        for policy in &list.rows {
            self.attachments.push(attachment(policy, via(inventory, group)));
            self.groups.push(named(inventory, group));
        }
    }

    fn check<T: Ord>(&mut self, list: Option<&Pages<T>>, what: &str, call: &str) {
        match list {
            None => self.missing.push(format!("the list of {what} is not in the inventory ({call})")),
            Some(list) if !list.is_complete() => {
                let (there, total) = (list.rows.len(), list.total.unwrap_or_default());
                self.missing.push(format!("the list of {what} is cut: {there} of {total} are there ({call})"));
            }
            Some(_) => {}
        }
    }
}

fn attachment(policy: &AttachedPolicy, via: Via) -> Attachment {
    Attachment {
        policy_id: policy.id.clone(),
        name: policy.name.clone(),
        kind: policy.kind,
        via,
        added: policy.added,
        deactivated: policy.deactivated,
    }
}

/// The same group under the same name, whichever reply named it.
fn named(inventory: &Inventory, group: &GroupName) -> GroupName {
    let known = inventory.index().groups.get(&group.id).map(|known| known.name.clone());
    GroupName { id: group.id.clone(), name: known.unwrap_or_else(|| group.name.clone()) }
}

fn via(inventory: &Inventory, group: &GroupName) -> Via {
    let GroupName { id, name } = named(inventory, group);
    Via::Group { id, name }
}

fn called(group: &GroupName) -> String {
    if group.name.is_empty() { format!("group {}", group.id) } else { format!("group {} ({})", group.name, group.id) }
}

fn no_text(attachment: &Attachment) -> String {
    let id = attachment.policy_id.as_deref();
    let what = match (attachment.name.as_str(), id) {
        ("", id) => id.unwrap_or_default().to_owned(),
        (name, Some(id)) => format!("{name} ({id})"),
        (name, None) => name.to_owned(),
    };
    format!("the text of policy {what} is not in the inventory (GetPolicy)")
}

/// Two lists may name one policy of one holder: its id decides, else its name.
fn one_of_each(mut attachments: Vec<Attachment>) -> Vec<Attachment> {
    let key = |it: &Attachment| (it.via.clone(), it.policy_id.clone().unwrap_or_else(|| it.name.clone()));
    attachments.sort_by_cached_key(|it| (key(it), it.clone()));
    attachments.dedup_by(|next, kept| {
        let same = key(next) == key(kept);
        if same {
            super::fill_text(&mut kept.name, std::mem::take(&mut next.name));
            super::fill(&mut kept.added, next.added);
            kept.deactivated |= next.deactivated;
            if kept.kind == PolicyKind::Unknown {
                kept.kind = next.kind;
            }
        }
        same
    });
    attachments.sort_by(|a, b| (&a.via, &a.name, &a.policy_id).cmp(&(&b.via, &b.name, &b.policy_id)));
    attachments
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::super::load::tests::load_text;
    use super::*;
    use std::path::Path;

    fn fixture(name: &str) -> Inventory {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inventory").join(name);
        load(&[folder], 28_800).unwrap().0
    }

    fn granted(file: &str, text: &str) -> Granted {
        load_text(file, text).0.grants_of_user("100000000101").unwrap()
    }

    fn names(granted: &Granted) -> Vec<&str> {
        granted.policies.iter().map(|policy| policy.attachment.name.as_str()).collect()
    }

    #[test]
    fn a_user_has_direct_policies_first_then_those_of_groups() {
        let inventory = fixture("script");
        let alice = inventory.grants_of_user("100000000101").unwrap();
        assert_eq!(Some(&alice), inventory.grants_of_user("alice").as_ref());
        assert_eq!(names(&alice), ["QcloudTSFFullAccess", "alice-data", "AdministratorAccess"]);
        let [tsf, own, admin] = &alice.policies[..] else { panic!("three policies") };
        assert!(tsf.attachment.deactivated && tsf.document.is_some(), "it is offline, and evaluated all the same");
        assert_eq!((tsf.attachment.kind, own.attachment.kind), (PolicyKind::Preset, PolicyKind::Custom));
        assert_eq!(own.attachment.policy_id.as_deref(), Some("12345678"));
        assert_eq!(own.attachment.added, Some(1_730_772_000_000));
        assert!(own.document.as_ref().unwrap().starts_with("%7B"), "texts are kept as they are");
        assert_eq!(admin.attachment.via, Via::Group { id: "4501".to_owned(), name: "ops".to_owned() });
        assert!(admin.document.is_some(), "an id may be as short as 1");
        assert_eq!(alice.groups[0].members, ["alice"]);
        assert_eq!(alice.created, Some(1_730_419_200_000));
        assert_eq!((alice.complete, alice.notes.len()), (true, 0));
        let boundary = alice.boundary.unwrap();
        assert_eq!(boundary.name.as_deref(), Some("fence-cos,fence-cls"));
        assert!(boundary.document.unwrap().contains("strategyInfo"));
    }

    #[test]
    fn nothing_attached_is_known_and_nothing_known_is_nothing() {
        let inventory = fixture("script");
        let bob = inventory.grants_of_user("bob").unwrap();
        assert_eq!((bob.policies.len(), bob.boundary, bob.complete), (0, None, true));
        assert_eq!(inventory.grants_of_user("mallory"), None);
        assert_eq!(inventory.grants_of_role("alice"), None);
        assert!(inventory.has_grants());
        assert!(!Inventory::default().has_grants());
    }

    #[test]
    fn a_policy_without_its_text_is_told() {
        let carol = fixture("script").grants_of_user("100000000103").unwrap();
        assert_eq!(carol.policies[0].document, None);
        assert!(!carol.complete);
        assert_eq!(
            carol.notes,
            ["the text of policy QcloudCOSReadOnlyAccess (219188) is not in the inventory (GetPolicy)"]
        );
    }

    #[test]
    fn roles_have_their_trust_and_boundary_and_those_of_services_are_marked() {
        let inventory = fixture("script");
        let deployer = inventory.grants_of_role("deployer").unwrap();
        assert_eq!(Some(&deployer), inventory.grants_of_role("4611686018427397905").as_ref());
        assert!(deployer.trust.unwrap().contains("qcs::cam::uin/100000000100:root"));
        assert_eq!(deployer.boundary.unwrap().name.as_deref(), Some("fence-cos"));
        assert_eq!(deployer.created, Some(1_733_022_000_000));
        assert!(!deployer.policies[0].service_linked);
        let linked = inventory.grants_of_role("AS_QCSLinkedRole").unwrap();
        assert!(linked.policies[0].service_linked);
        let named = r#"{"RoleName": "x", "List": [{"PolicyId": 5, "PolicyName": "QcloudAccessForCLSRole"}]}"#;
        let (inventory, _) = load_text("x.json", named);
        assert!(inventory.grants_of_role("x").unwrap().policies[0].service_linked);
    }

    #[test]
    fn the_older_list_is_cut_and_only_the_version_in_force_counts() {
        let dave = fixture("others").grants_of_user("dave").unwrap();
        assert_eq!(names(&dave), ["QcloudTSFFullAccess", "dave-own"]);
        assert_eq!(dave.policies[0].attachment.kind, PolicyKind::Preset);
        assert!(dave.policies[1].document.as_ref().unwrap().contains("cls:*"));
        let notes = dave.notes.join("\n");
        assert!(notes.contains("2 of 3 are there (ListAttachedUserPolicies)"), "{notes}");
        assert!(notes.contains("the user's groups is not in the inventory (ListGroupsForUser)"), "{notes}");
        assert!(notes.contains("policies of group readers (4502)"), "{notes}");
        assert!(!dave.complete);
    }

    const DIRECT: &str = r#"{"TargetUin": 100000000101, "Response": {"TotalNum": 1,
        "List": [{"PolicyId": 7, "PolicyName": "own", "PolicyType": "User", "Remark": ""}]}}"#;
    const GROUPS: &str = r#"{"SubUin": 100000000101, "Response": {"TotalNum": 1,
        "GroupInfo": [{"GroupId": 9, "GroupName": "ops"}]}}"#;
    const OF_GROUP: &str = r#"{"TargetGroupId": 9, "Response": {"TotalNum": 1,
        "List": [{"PolicyId": 8, "PolicyName": "shared", "PolicyType": "QCS", "Remark": ""}]}}"#;
    const TEXTS: &str = r#"{"PolicyId": 7, "PolicyName": "own", "PolicyDocument": {"version": "2.0"}}
        {"PolicyName": "shared", "PolicyDocument": "{}"}"#;

    #[test]
    fn own_policies_groups_and_their_policies_are_as_good_as_one_list() {
        let alice = granted("x.json", &format!("{DIRECT}{GROUPS}{OF_GROUP}{TEXTS}"));
        assert_eq!(names(&alice), ["own", "shared"]);
        assert_eq!((alice.complete, &alice.notes[..]), (true, &[][..]));
        assert_eq!(alice.groups[0].name, "ops");
        for (without, call) in [
            (format!("{GROUPS}{OF_GROUP}{TEXTS}"), "ListAttachedUserPolicies"),
            (format!("{DIRECT}{OF_GROUP}{TEXTS}"), "ListGroupsForUser"),
            (format!("{DIRECT}{GROUPS}{TEXTS}"), "ListAttachedGroupPolicies"),
            (format!("{DIRECT}{GROUPS}{OF_GROUP}"), "GetPolicy"),
        ] {
            let alice = granted("x.json", &without);
            assert!(!alice.complete && alice.notes.join(" ").contains(call), "{call}: {:?}", alice.notes);
        }
    }

    #[test]
    fn a_policy_named_by_two_lists_is_one() {
        let all = r#"{"TargetUin": "100000000101", "PolicyList": [
            {"PolicyId": "7", "PolicyName": "own", "StrategyType": "1", "Groups": [], "Deactived": 1},
            {"PolicyId": "8", "PolicyName": "shared", "StrategyType": "2", "Groups": [{"GroupId": 9, "GroupName": ""}]}]}"#;
        let alice = granted("x.json", &format!("{DIRECT}{GROUPS}{OF_GROUP}{TEXTS}{all}"));
        assert_eq!(names(&alice), ["own", "shared"]);
        assert!(alice.policies[0].attachment.deactivated);
        assert_eq!(alice.groups.len(), 1);
    }

    #[test]
    fn pages_are_summed_as_arrays_lines_and_wrapped() {
        let page = |name: &str| {
            format!(
                r#"{{"Response": {{"PolicyList": [{{"PolicyId": "{name}", "PolicyName": "{name}", "Groups": null}}], "TotalNum": 2}}}}"#
            )
        };
        let file = "upol-100000000101.json";
        let cut = granted(file, &page("1"));
        assert!(cut.notes[0].contains("is cut: 1 of 2 are there"), "{:?}", cut.notes);
        for text in [format!("[{},{}]", page("1"), page("2")), format!("{}\n{}\n", page("1"), page("2"))] {
            let whole = granted(file, &text);
            assert_eq!(names(&whole), ["1", "2"]);
            assert!(!whole.notes.iter().any(|note| note.contains("cut")), "{:?}", whole.notes);
        }
    }

    #[test]
    fn a_policy_of_another_id_does_not_lend_its_text_to_a_name() {
        let text = r#"{"PolicyId": 70, "PolicyName": "own", "PolicyDocument": "{}"}"#;
        let alice = granted("x.json", &format!("{DIRECT}{text}"));
        assert_eq!(alice.policies[0].document, None);
    }

    #[test]
    fn a_boundary_may_be_nothing_but_nulls_or_nothing_at_all() {
        let nulls = r#"{"PolicyId": null, "PolicyName": null, "PolicyDocument": null, "PolicyType": null,
            "CreateMode": null, "RequestId": "r"}"#;
        for text in [nulls, r#"{"RequestId": "r"}"#] {
            let (inventory, report) = load_text("ubound-100000000101.json", text);
            assert_eq!((report.taken_for.as_str(), report.entries), ("cam GetUserPermissionBoundary", 0));
            assert_eq!(inventory.boundary([Owner::User("100000000101".to_owned())].into_iter()), None);
        }
        let (_, report) = load_text("bound.json", nulls);
        assert!(report.problems[0].what.contains("whose boundary"));
        let noted = format!(r#"{{"TargetUin": 100000000101, "Response": {}}}"#, nulls.replacen("null", "7", 1));
        let alice = granted("x.json", &format!("{DIRECT}{noted}{TEXTS}"));
        assert!(alice.boundary.unwrap().document.is_some(), "the text is that of the policy it names");
    }

    #[test]
    fn keys_belong_to_the_user_by_either_name() {
        let inventory = fixture("script");
        let ids = |user: &str| inventory.keys_of_user(user).map(|key| key.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids("alice").len(), 2);
        assert_eq!(ids("alice"), ids("100000000101"));
        assert!(ids("100000000100").is_empty());
    }

    #[test]
    fn group_policies_are_named_for_call_records_too() {
        let text = format!("{DIRECT}{GROUPS}{OF_GROUP}");
        let (inventory, _) = load_text("x.json", &text);
        assert_eq!(inventory.policies_of("100000000101"), ["own", "shared"]);
    }
}
