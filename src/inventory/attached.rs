//! Attached policies, groups, policy texts and boundaries, from saved cam replies. Whose
//! they are stands in `subject`; what a document means is not decided here.

use serde_json::Value;

use super::fields::{self, Object, field};
use super::grants::PolicyKind;
use super::import::{Import, Place};
use super::lists_kept::{AttachedPolicy, BoundaryFacts, GroupName, Owner, Pages};
use super::replies::Reply;
use super::subject::{
    GROUP_FIELDS, ROLE_FIELDS, USER_FIELDS, document_text, is_named, number_in_name, said, subject, subject_in_name,
    time_of,
};
use super::{Policy, User};

const USER_FILES: [&str; 4] = ["ListAttachedUserAllPolicies", "ListAttachedUserPolicies", "upol2", "upol"];
const ROLE_FILES: [&str; 2] = ["ListAttachedRolePolicies", "rpol"];
const GROUP_FILES: [&str; 2] = ["ListAttachedGroupPolicies", "gpol"];
const POLICY_FILES: [&str; 3] = ["GetPolicyVersion", "GetPolicy", "policy"];
const GROUPS_FILES: [&str; 2] = ["ListGroupsForUser", "groups"];
const MEMBERS_FILES: [&str; 4] = ["ListUsersForGroup", "GetGroup", "gusers", "members"];
const USER_BOUNDARY_FILES: [&str; 2] = ["GetUserPermissionBoundary", "ubound"];
const ROLE_BOUNDARY_FILES: [&str; 2] = ["GetRolePermissionBoundary", "rbound"];

/// Whose policies a list holds, and which call listed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attach {
    /// A user's own and those through groups.
    UserAll,
    /// A user's own.
    User,
    /// A role's.
    Role,
    /// A user group's.
    Group,
}

impl Attach {
    /// Tells whose policies these are. Users' and groups' entries name the operator, roles'
    /// carry a description instead; users and groups differ in the file name only.
    pub(super) fn of(stem: &str, first: &Object, reply: &Reply<'_>) -> Self {
        let has = |names: &[&str]| names.iter().any(|name| field(first, name).is_some());
        let noted = |names: &[&str]| said(reply, first, names).is_some();
        if noted(&ROLE_FIELDS) || has(&["Description"]) && !has(&["OperateUin", "Remark"]) {
            Self::Role
        } else if noted(&USER_FIELDS) {
            Self::User
        } else if noted(&GROUP_FIELDS) || is_named(stem, &GROUP_FILES) {
            Self::Group
        } else if is_named(stem, &ROLE_FILES) && !has(&["OperateUin", "OperateOwnerUin", "Remark"]) {
            Self::Role
        } else {
            Self::User
        }
    }

    /// Tells whose policies an empty list holds, which only its surroundings can.
    pub(super) fn of_nothing(stem: &str, reply: &Reply<'_>) -> Option<Self> {
        let kinds = [
            (Self::Role, &ROLE_FIELDS[..], &ROLE_FILES[..]),
            (Self::Group, &GROUP_FIELDS, &GROUP_FILES),
            (Self::User, &USER_FIELDS, &USER_FILES),
        ];
        let noted = kinds.iter().find(|(_, names, _)| said(reply, reply.body, names).is_some());
        let named = || kinds.iter().find(|(_, _, files)| is_named(stem, files));
        noted.or_else(named).map(|(attach, _, _)| *attach)
    }

    /// Returns the call that lists them.
    pub(super) fn call(self) -> &'static str {
        match self {
            Self::UserAll => "cam ListAttachedUserAllPolicies",
            Self::User => "cam ListAttachedUserPolicies",
            Self::Role => "cam ListAttachedRolePolicies",
            Self::Group => "cam ListAttachedGroupPolicies",
        }
    }

    fn owner(self, import: &Import<'_>, reply: &Reply<'_>, item: &Object) -> Option<String> {
        match self {
            Self::UserAll | Self::User => subject(import, reply, item, &USER_FIELDS, &USER_FILES),
            Self::Role => subject(import, reply, item, &ROLE_FIELDS, &ROLE_FILES),
            Self::Group => said(reply, item, &GROUP_FIELDS).or_else(|| number_in_name(&import.stem, &GROUP_FILES)),
        }
    }

    fn list_of(self, owner: String) -> Owner {
        match self {
            Self::UserAll => Owner::UserAll(owner),
            Self::User => Owner::User(owner),
            Self::Role => Owner::Role(owner),
            Self::Group => Owner::Group(owner),
        }
    }

    /// The first field and file that could say whose policies these are.
    fn how_to_say(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::UserAll | Self::User => (USER_FIELDS[0], USER_FILES[0], "100000000101"),
            Self::Role => (ROLE_FIELDS[0], ROLE_FILES[0], "ROLE"),
            Self::Group => (GROUP_FIELDS[0], GROUP_FILES[0], "12345"),
        }
    }
}

/// Takes attached policies and returns how many found their user, role or group.
pub(super) fn take_attached(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value], attach: Attach) -> usize {
    let total = total(reply);
    if list.is_empty()
        && let Some(owner) = attach.owner(import, reply, reply.body)
    {
        import.inventory.lists.add_attached(attach.list_of(owner), Pages::empty(total));
    }
    let mut entries = 0;
    for item in list.iter().filter_map(Value::as_object) {
        let Some(policy) = attached_policy(import, reply, item) else {
            continue;
        };
        keep_policy(import, item);
        if let Some(owner) = attach.owner(import, reply, item) {
            import.inventory.lists.add_attached(attach.list_of(owner), Pages::of_one(policy, total));
            entries += 1;
        }
    }
    if entries == 0 && !list.is_empty() {
        let (field, file, example) = attach.how_to_say();
        let what = format!(
            "nothing says whose policies these are; add a field {field} or put it into the file name, \
             as in {file}-{example}.json"
        );
        import.problem(Place::File, "", what);
    }
    entries
}

/// How many entries all pages together hold.
fn total(reply: &Reply<'_>) -> Option<u64> {
    fields::text(reply.body, &["TotalNum"])?.parse().ok()
}

fn attached_policy(import: &mut Import<'_>, reply: &Reply<'_>, item: &Object) -> Option<AttachedPolicy> {
    let id = fields::text(item, &["PolicyId"]);
    let name = fields::text(item, &["PolicyName"]).unwrap_or_default();
    if id.is_none() && name.is_empty() {
        return None;
    }
    let groups = fields::list(item, "Groups").unwrap_or_default().iter().filter_map(Value::as_object);
    Some(AttachedPolicy {
        id,
        name,
        kind: kind(item),
        added: time_of(import, reply, item, "AddTime"),
        deactivated: fields::text(item, &["Deactived"]).is_some_and(|value| value == "1"),
        groups: groups.filter_map(group_name).collect(),
    })
}

/// Three calls, three spellings of who made a policy.
fn kind(item: &Object) -> PolicyKind {
    match fields::text(item, &["StrategyType", "PolicyType", "Type"]).as_deref() {
        Some("1" | "User" | "Custom") => PolicyKind::Custom,
        Some("2" | "QCS" | "Presetting") => PolicyKind::Preset,
        _ => PolicyKind::Unknown,
    }
}

fn group_name(item: &Object) -> Option<GroupName> {
    let name = fields::text(item, &["GroupName"]).unwrap_or_default();
    let id = fields::text(item, &["GroupId"]).or_else(|| (!name.is_empty()).then(|| name.clone()))?;
    Some(GroupName { id, name })
}

fn keep_policy(import: &mut Import<'_>, item: &Object) {
    let service_linked = fields::text(item, &["IsServiceLinkedPolicy"]);
    import.inventory.add_policy(Policy {
        id: fields::text(item, &["PolicyId"]),
        name: fields::text(item, &["PolicyName"]),
        kind: kind(item),
        service_linked: service_linked.map(|value| value == "1"),
        ..Policy::default()
    });
}

/// Takes the ids and names of policies and returns how many there were.
pub(super) fn take_policies(import: &mut Import<'_>, list: &[Value]) -> usize {
    let items = list.iter().filter_map(Value::as_object);
    items.map(|item| keep_policy(import, item)).count()
}

/// Takes one policy's text. `GetPolicy` gives a name and no id, `GetPolicyVersion` neither,
/// so the file name may have to say.
pub(super) fn take_policy(import: &mut Import<'_>, reply: &Reply<'_>) -> usize {
    let body = reply.body;
    if fields::text(body, &["PolicyVersion.IsDefaultVersion"]).is_some_and(|value| value == "0") {
        let what = "this version of the policy is not in force, and is left out";
        import.problem(Place::From(reply.from), "IsDefaultVersion", what.to_owned());
        return 0;
    }
    let documents = ["PolicyVersion.Document", "PolicyDocument"];
    let document = documents.iter().find_map(|name| field(body, name));
    let id = said(reply, body, &["PolicyId"]).or_else(|| number_in_name(&import.stem, &POLICY_FILES));
    let name_in_name = || if id.is_none() { subject_in_name(&import.stem, &POLICY_FILES) } else { None };
    let service_linked = fields::text(body, &["IsServiceLinkedRolePolicy"]);
    let policy = Policy {
        name: said(reply, body, &["PolicyName"]).or_else(name_in_name),
        id,
        kind: kind(body),
        document: document.and_then(document_text),
        updated: time_of(import, reply, body, "UpdateTime"),
        service_linked: service_linked.map(|value| value == "1"),
    };
    if policy.id.is_none() && policy.name.is_none() {
        let what = "nothing says which policy this is; put its id into the file name, \
                    as in GetPolicyVersion-12345678.json";
        import.problem(Place::File, "", what.to_owned());
        return 0;
    }
    import.inventory.add_policy(policy);
    1
}

/// Takes groups: those of a user, or without a user, the account's. Returns the call and how many there were.
pub(super) fn take_groups(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value]) -> (&'static str, usize) {
    let groups: Vec<GroupName> = list.iter().filter_map(Value::as_object).filter_map(group_name).collect();
    let entries = groups.len();
    for group in &groups {
        import.inventory.lists.add_group(group.clone());
    }
    let user = subject(import, reply, reply.body, &USER_FIELDS, &GROUPS_FILES);
    let Some(user) = user.filter(|_| !is_named(&import.stem, &["ListGroups"])) else {
        return ("cam ListGroups", entries);
    };
    import.inventory.lists.add_groups_of(user, Pages::new(groups, total(reply)));
    ("cam ListGroupsForUser", entries)
}

/// Takes the users of a group and returns how many there were. Their phone numbers stay behind.
pub(super) fn take_members(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value]) -> usize {
    let of_group = said(reply, reply.body, &GROUP_FIELDS);
    let Some(id) = of_group.or_else(|| number_in_name(&import.stem, &MEMBERS_FILES)) else {
        let what = "nothing says whose members these are; put the group's id into the file name, \
                    as in ListUsersForGroup-12345.json";
        import.problem(Place::File, "", what.to_owned());
        return 0;
    };
    let name = fields::text(reply.body, &["GroupName"]).unwrap_or_default();
    let mut members = Vec::new();
    for item in list.iter().filter_map(Value::as_object) {
        let uin = fields::text(item, &["Uin"]).filter(|uin| uin != "0").unwrap_or_default();
        let name = fields::text(item, &["Name"]).unwrap_or_default();
        if uin.is_empty() && name.is_empty() {
            continue;
        }
        members.push(if uin.is_empty() { name.clone() } else { uin.clone() });
        // What `CreateTime` tells here, of the user or of joining, is not documented.
        import.inventory.add_user(User { uin, name, ..User::default() });
    }
    let entries = members.len();
    import.inventory.lists.add_group(GroupName { id: id.clone(), name });
    import.inventory.lists.add_members_of(id, Pages::new(members, total(reply)));
    entries
}

/// Whether a reply is a permission boundary. It has the fields of a policy and some more, each
/// of which may be missing, so the file name says it first.
pub(super) fn is_boundary(stem: &str, body: &Object) -> bool {
    let has = |name| field(body, name).is_some();
    is_named(stem, &USER_BOUNDARY_FILES)
        || is_named(stem, &ROLE_BOUNDARY_FILES)
        || has("PolicyDocument") && has("PolicyType") && has("CreateMode") && !has("Type")
}

/// Takes a permission boundary, or that there is none; returns the call and how many there were.
pub(super) fn take_boundary(import: &mut Import<'_>, reply: &Reply<'_>) -> (&'static str, usize) {
    let body = reply.body;
    let role = subject(import, reply, body, &ROLE_FIELDS, &ROLE_BOUNDARY_FILES);
    let user = || subject(import, reply, body, &USER_FIELDS, &USER_BOUNDARY_FILES);
    let is_role = role.is_some() || is_named(&import.stem, &ROLE_BOUNDARY_FILES);
    let call = if is_role { "cam GetRolePermissionBoundary" } else { "cam GetUserPermissionBoundary" };
    let owner = if is_role { role.map(Owner::Role) } else { user().map(Owner::User) };
    let Some(owner) = owner else {
        let example = if is_role { "GetRolePermissionBoundary-ROLE" } else { "GetUserPermissionBoundary-100000000101" };
        let what = format!("nothing says whose boundary this is; put it into the file name, as in {example}.json");
        import.problem(Place::File, "", what);
        return (call, 0);
    };
    let boundary = BoundaryFacts {
        id: fields::text(body, &["PolicyId"]).filter(|id| id != "0"),
        name: fields::text(body, &["PolicyName"]),
        document: field(body, "PolicyDocument").and_then(document_text),
    };
    let entries = usize::from(boundary != BoundaryFacts::default());
    import.inventory.lists.add_boundary(owner, boundary);
    (call, entries)
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load_text;

    #[test]
    fn attached_policies_find_their_user_or_role() {
        let user = r#"{"List": [{"PolicyId": 2, "PolicyName": "B", "Remark": "", "OperateUin": "1"},
            {"PolicyId": 1, "PolicyName": "A"}, {"PolicyId": 1, "PolicyName": "A"}]}"#;
        let (inventory, report) = load_text("ListAttachedUserPolicies-100000000101.json", user);
        assert_eq!(report.taken_for, "cam ListAttachedUserPolicies");
        assert_eq!(inventory.policies_of("100000000101"), ["A", "B"]);
        let role = r#"{"List": [{"PolicyId": 3, "PolicyName": "C", "Description": "x"}]}"#;
        let (inventory, report) = load_text("rpol-deployer.json", role);
        assert_eq!(report.taken_for, "cam ListAttachedRolePolicies");
        assert_eq!(inventory.policies_of("deployer"), ["C"]);
        assert!(inventory.policies_of_user("deployer").is_empty());
        let all = r#"{"PolicyList": [{"PolicyId": "4", "PolicyName": "D"}], "UserName": "alice"}"#;
        let (inventory, _) = load_text("x.json", all);
        assert_eq!(inventory.policies_of("alice"), ["D"]);
    }

    #[test]
    fn policies_of_nobody_are_told() {
        let text = r#"{"List": [{"PolicyId": 2, "PolicyName": "B", "Remark": ""}]}"#;
        let (_, report) = load_text("cam_ListAttachedUserPolicies.json", text);
        assert!(report.problems[0].what.contains("whose policies"));
        let (_, report) = load_text("gpol.json", text);
        assert_eq!(report.taken_for, "cam ListAttachedGroupPolicies");
        assert!(report.problems[0].what.contains("TargetGroupId"));
    }

    #[test]
    fn policies_and_roles_are_found_by_id_and_name() {
        let text = r#"{"List": [{"RoleId": "4611686018400000001", "RoleName": "deployer"}]}
            {"PolicyId": 12345678, "PolicyName": "Ops", "PolicyDocument": "{}"}
            {"Uin": "100000000102", "OwnerUin": "100000000100", "AppId": 1250000000}
            {"RoleName": "deployer", "List": [{"PolicyId": 12345678, "PolicyName": "Ops"}]}"#;
        let (inventory, report) = load_text("all.json", text);
        assert_eq!(report.entries, 4);
        assert_eq!(inventory.role("deployer").unwrap().id, "4611686018400000001");
        assert_eq!(inventory.policies_of("4611686018400000001"), ["Ops"]);
        assert_eq!(inventory.policy("Ops").unwrap().document.as_deref(), Some("{}"));
        assert_eq!(inventory.policy("12345678").unwrap().name.as_deref(), Some("Ops"));
        assert_eq!(inventory.app_id(), Some("1250000000"));
        assert_eq!(inventory.owner_uin(), Some("100000000100"));
        let version = r#"{"PolicyVersion": {"VersionId": 2, "Document": "{}"}}"#;
        let (inventory, _) = load_text("GetPolicyVersion-12345678.json", version);
        assert!(inventory.policy("12345678").unwrap().document.is_some());
    }
}
