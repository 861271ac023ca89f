//! Who works in the account: users, access keys, roles and attached policies, from
//! saved cam and sts replies. What a policy document means is not decided here.

use serde_json::Value;

use super::fields::{self, Object, field};
use super::import::{Import, Place};
use super::replies::Reply;
use super::{Inventory, KeyInfo, KeyStatus, Policy, Role, User};

const USER_FIELDS: [&str; 4] = ["TargetUin", "SubUin", "Uin", "UserName"];
const ROLE_FIELDS: [&str; 2] = ["RoleName", "RoleId"];

/// What a file is called that holds a user's keys, besides the calls' own names.
const KEY_FILES: [&str; 3] = ["ListAccessKeys", "QueryApiKey", "keys"];
const USER_FILES: [&str; 4] = ["ListAttachedUserAllPolicies", "ListAttachedUserPolicies", "upol2", "upol"];
const ROLE_FILES: [&str; 2] = ["ListAttachedRolePolicies", "rpol"];
const GROUP_FILES: [&str; 2] = ["ListAttachedGroupPolicies", "gpol"];
const POLICY_FILES: [&str; 3] = ["GetPolicyVersion", "GetPolicy", "policy"];

/// Takes users and returns how many there were.
pub(super) fn take_users(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value]) -> usize {
    let mut entries = 0;
    for item in list.iter().filter_map(Value::as_object) {
        // The main account is listed with 0.
        let uin = fields::text(item, &["Uin"]).filter(|uin| uin != "0");
        let name = fields::text(item, &["Name"]);
        if uin.is_none() && name.is_none() {
            continue;
        }
        let user = User {
            uin: uin.unwrap_or_default(),
            name: name.unwrap_or_default(),
            created: time_of(import, reply, item, "CreateTime"),
            remark: fields::text(item, &["Remark"]),
            nick: fields::text(item, &["NickName"]),
        };
        import.inventory.add_user(user);
        entries += 1;
    }
    entries
}

fn time_of(import: &mut Import<'_>, reply: &Reply<'_>, item: &Object, name: &str) -> Option<i64> {
    let text = fields::text(item, &[name])?;
    import.time(&text, Place::From(reply.from))
}

/// Takes keys and returns how many there were; a masked id is of no use for look-ups.
pub(super) fn take_keys(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value]) -> usize {
    let mut entries = 0;
    for item in list.iter().filter_map(Value::as_object) {
        let Some(id) = fields::text(item, &["AccessKeyId", "SecretId", "Name"]) else {
            continue;
        };
        if id == "TEMP_AK" || id == "临时密钥" {
            // csip's one name for all temporary keys.
            continue;
        }
        if id.contains('*') {
            let what = format!("key id {} is masked", fields::quoted(&id));
            import.problem(Place::From(reply.from), &id, what);
            continue;
        }
        let key = KeyInfo {
            user: subject(import, reply, item, &USER_FIELDS, &KEY_FILES),
            created: time_of(import, reply, item, "CreateTime"),
            last_used: last_used(import, reply, item),
            status: status(item),
            remark: fields::text(item, &["Description", "Remark"]),
            id,
        };
        import.inventory.add_key(key);
        entries += 1;
    }
    entries
}

/// The exact time is undocumented and may be missing; the date is always there
/// but a day late, as the provider says.
fn last_used(import: &mut Import<'_>, reply: &Reply<'_>, item: &Object) -> Option<i64> {
    let names = ["LastSecretUsedDate", "LastUsedDate", "LastAccessTime"];
    names.iter().find_map(|name| time_of(import, reply, item, name))
}

/// cam says `Active` and `Inactive`, sts counts from 2, csip from 0.
fn status(item: &Object) -> Option<KeyStatus> {
    let is_csip = field(item, "LastAccessTime").is_some();
    match (fields::text(item, &["Status"])?.as_str(), is_csip) {
        ("Active", _) | ("2", false) | ("1", true) => Some(KeyStatus::Active),
        ("Inactive", _) | ("3", false) | ("0", true) => Some(KeyStatus::Inactive),
        ("4", false) | ("2", true) => Some(KeyStatus::Deleted),
        _ => None,
    }
}

/// Whose policies a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attach {
    /// A user's.
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
        let named = |names: &[&str]| names.iter().any(|name| find_word(stem, name).is_some());
        if noted(&ROLE_FIELDS) || has(&["Description"]) && !has(&["OperateUin", "Remark"]) {
            Self::Role
        } else if noted(&USER_FIELDS) {
            Self::User
        } else if named(&GROUP_FILES) {
            Self::Group
        } else if named(&ROLE_FILES) && !has(&["OperateUin", "OperateOwnerUin", "Remark"]) {
            Self::Role
        } else {
            Self::User
        }
    }

    /// Returns the call that lists them.
    pub(super) fn call(self) -> &'static str {
        match self {
            Self::User => "cam ListAttachedUserPolicies",
            Self::Role => "cam ListAttachedRolePolicies",
            Self::Group => "cam ListAttachedGroupPolicies",
        }
    }
}

/// Takes attached policies and returns how many found their user or role.
pub(super) fn take_attached(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value], attach: Attach) -> usize {
    let (names, files) = match attach {
        Attach::User => (&USER_FIELDS[..], &USER_FILES[..]),
        Attach::Role => (&ROLE_FIELDS[..], &ROLE_FILES[..]),
        Attach::Group => {
            let what = "a group's policies are not used; ListAttachedUserAllPolicies has them";
            import.problem(Place::File, "", what.to_owned());
            return 0;
        }
    };
    let mut entries = 0;
    let items = list.iter().filter_map(Value::as_object);
    for item in items {
        let Some(policy) = fields::text(item, &["PolicyName"]) else {
            continue;
        };
        keep_policy(import, item);
        if let Some(owner) = subject(import, reply, item, names, files) {
            attached(import.inventory, attach).entry(owner).or_default().insert(policy);
            entries += 1;
        }
    }
    if entries == 0 && !list.is_empty() {
        let what = format!(
            "nothing says whose policies these are; add a field {} or put it into the file name, \
             as in {}-{}.json",
            names[0],
            files[0],
            if attach == Attach::Role { "ROLE" } else { "100000000101" }
        );
        import.problem(Place::File, "", what);
    }
    entries
}

fn attached(inventory: &mut Inventory, attach: Attach) -> &mut super::Attached {
    match attach {
        Attach::Role => &mut inventory.role_policies,
        Attach::User | Attach::Group => &mut inventory.user_policies,
    }
}

fn keep_policy(import: &mut Import<'_>, item: &Object) {
    import.inventory.add_policy(Policy {
        id: fields::text(item, &["PolicyId"]),
        name: fields::text(item, &["PolicyName"]),
        document: None,
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
    let documents = ["PolicyVersion.Document", "PolicyDocument"];
    let document = documents.iter().find_map(|name| field(body, name));
    let id = said(reply, body, &["PolicyId"]);
    let policy = Policy {
        id: id.or_else(|| subject_in_name(&import.stem, &POLICY_FILES)),
        name: said(reply, body, &["PolicyName"]),
        document: document.and_then(document_text),
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

/// A document is text in replies, and an object once somebody has tidied it up.
fn document_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Takes roles and returns how many there were.
pub(super) fn take_roles(import: &mut Import<'_>, list: &[Value]) -> usize {
    let items = list.iter().filter_map(Value::as_object);
    let roles = items.map(|item| Role {
        id: fields::text(item, &["RoleId"]).unwrap_or_default(),
        name: fields::text(item, &["RoleName"]).unwrap_or_default(),
    });
    roles.map(|role| import.inventory.add_role(role)).count()
}

/// Takes the account's own ids; with several accounts the first is kept.
pub(super) fn take_account(import: &mut Import<'_>, body: &Object, owner: &str) {
    let get = |name: &str| fields::text(body, &[name]).filter(|id| !id.contains('*'));
    let (app_id, owner_uin) = (get("AppId"), get(owner));
    let known = &import.inventory.owner_uin;
    if known.is_some() && owner_uin.is_some() && *known != owner_uin {
        let what = "this is another account than the one already known, which is kept";
        import.problem(Place::File, "", what.to_owned());
        return;
    }
    super::fill(&mut import.inventory.app_id, app_id);
    super::fill(&mut import.inventory.owner_uin, owner_uin);
}

/// Finds whose entry this is: in the entry, the reply, around it, or in the file name.
fn subject(import: &Import<'_>, reply: &Reply<'_>, item: &Object, names: &[&str], files: &[&str]) -> Option<String> {
    said(reply, item, names).or_else(|| subject_in_name(&import.stem, files))
}

fn said(reply: &Reply<'_>, item: &Object, names: &[&str]) -> Option<String> {
    let objects = [Some(item), Some(reply.body), reply.outer];
    objects.into_iter().flatten().find_map(|object| fields::text(object, names))
}

/// Returns what follows one of the words in a file name: `ListAccessKeys_alice` gives `alice`.
fn subject_in_name(stem: &str, words: &[&str]) -> Option<String> {
    let end = words.iter().find_map(|word| find_word(stem, word))?;
    let separator = |c: char| matches!(c, '-' | '_' | '.' | '@' | '=' | ' ' | '(' | ')');
    let rest = stem[end..].trim_matches(separator);
    let digits = rest.split(separator).next().unwrap_or_default();
    if digits.len() >= 5 && digits.chars().all(|c| c.is_ascii_digit()) {
        // An id may be followed by a page number or a date.
        return Some(digits.to_owned());
    }
    let number = rest.strip_prefix("page").or_else(|| rest.strip_prefix('p')).unwrap_or(rest);
    let is_page = number.trim_matches(separator).chars().all(|c| c.is_ascii_digit());
    (!is_page).then(|| rest.to_owned())
}

/// Returns where the word ends, if it stands by itself in the file name.
fn find_word(stem: &str, word: &str) -> Option<usize> {
    // Only ASCII changes case here, so positions stay the same.
    let at = stem.to_ascii_lowercase().find(&word.to_ascii_lowercase())?;
    let end = at + word.len();
    let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let before = stem[..at].chars().next_back();
    (alone(before) && alone(stem[end..].chars().next())).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load_text;
    use super::*;

    #[test]
    fn users_are_found_by_name_and_id() {
        let text = r#"{"Data": [
            {"Uin": 100000000101, "Name": "alice", "Uid": 1, "Remark": "ops", "NickName": "A",
             "CreateTime": "2024-11-01 08:00:00"},
            {"Uin": 0, "Name": "owner", "Uid": 2, "CreateTime": "someday"}]}"#;
        let (inventory, report) = load_text("users.json", text);
        assert_eq!((report.taken_for.as_str(), report.entries), ("cam ListUsers", 2));
        let alice = inventory.user("100000000101").unwrap();
        assert_eq!(alice.created, Some(1_730_419_200_000));
        assert_eq!(inventory.user("alice"), Some(alice));
        assert_eq!(inventory.user("owner").unwrap().uin, "");
        assert_eq!(report.problems[0].line, Some(4));
    }

    #[test]
    fn keys_get_their_user_from_the_file_name_or_a_field() {
        let bare = r#"{"AccessKeys": [{"AccessKeyId": "AKIDEXAMPLE01", "Status": "Inactive",
            "CreateTime": "2024-11-01 08:00:00", "Description": "ci"}, {"AccessKeyId": "AKID***"}]}"#;
        let (inventory, report) = load_text("ListAccessKeys_alice.json", bare);
        let key = inventory.key("AKIDEXAMPLE01").unwrap();
        assert_eq!(key.user.as_deref(), Some("alice"));
        assert_eq!(key.status, Some(KeyStatus::Inactive));
        assert_eq!(key.remark.as_deref(), Some("ci"));
        assert_eq!(inventory.keys().count(), 1);
        assert_eq!(report.problems[0].what, "key id \"AKID***\" is masked");
        let noted = format!(r#"{{"TargetUin": 100000000102, "Response": {bare}}}"#);
        let (inventory, _) = load_text("ListAccessKeys_alice.json", &noted);
        let key = inventory.key("AKIDEXAMPLE01").unwrap();
        assert_eq!(key.user.as_deref(), Some("100000000102"));
    }

    #[test]
    fn the_exact_last_use_is_preferred_to_the_date() {
        let text = r#"{"SecretIdLastUsedRows": [
            {"SecretId": "AKIDEXAMPLE01", "LastUsedDate": "2024-11-02", "LastSecretUsedDate": 1730419200000},
            {"SecretId": "AKIDEXAMPLE02", "LastUsedDate": "2024-11-02", "LastSecretUsedDate": null},
            {"SecretId": "AKIDEXAMPLE03", "LastUsedDate": null, "LastSecretUsedDate": 0}]}"#;
        let (inventory, _) = load_text("lastused.json", text);
        let used = |id: &str| inventory.key(id).unwrap().last_used;
        assert_eq!(used("AKIDEXAMPLE01"), Some(1_730_419_200_000));
        assert_eq!(used("AKIDEXAMPLE02"), Some(1_730_419_200_000 + 16 * 3_600_000));
        assert_eq!(used("AKIDEXAMPLE03"), None);
    }

    #[test]
    fn states_are_read_as_each_call_counts_them() {
        let sts = r#"{"IdKeys": [{"SecretId": "AKIDEXAMPLE01", "CreateTime": 1730419200, "Status": 2}]}"#;
        let (inventory, _) = load_text("QueryApiKey-100000000101.json", sts);
        let key = inventory.key("AKIDEXAMPLE01").unwrap();
        assert_eq!(key.status, Some(KeyStatus::Active));
        assert_eq!(key.created, Some(1_730_419_200_000));
        assert_eq!(key.user.as_deref(), Some("100000000101"));
        let csip = r#"{"Data": [{"Name": "AKIDEXAMPLE01", "SubUin": "100000000101", "AppID": 1,
            "LastAccessTime": "2024-11-01 08:00:00", "Status": 2, "Remark": "old"}]}"#;
        let (inventory, report) = load_text("x.json", csip);
        assert_eq!(report.taken_for, "csip DescribeAccessKeyAsset");
        let key = inventory.key("AKIDEXAMPLE01").unwrap();
        assert_eq!(key.status, Some(KeyStatus::Deleted));
        assert_eq!(key.last_used, Some(1_730_419_200_000));
    }

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
    fn policies_of_nobody_and_of_groups_are_told() {
        let text = r#"{"List": [{"PolicyId": 2, "PolicyName": "B", "Remark": ""}]}"#;
        let (_, report) = load_text("cam_ListAttachedUserPolicies.json", text);
        assert!(report.problems[0].what.contains("whose policies"));
        let (_, report) = load_text("gpol-123456.json", text);
        assert_eq!(report.taken_for, "cam ListAttachedGroupPolicies");
        assert_eq!(report.entries, 0);
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

    #[test]
    fn only_what_follows_the_word_is_the_subject() {
        let subject = |stem| subject_in_name(stem, &KEY_FILES);
        assert_eq!(subject("keys-100000000101-page2").as_deref(), Some("100000000101"));
        assert_eq!(subject("cam_ListAccessKeys_a.b-c").as_deref(), Some("a.b-c"));
        for stem in ["ListAccessKeys", "ListAccessKeys (1)", "ListAccessKeys-page2", "monkeys-x"] {
            assert_eq!(subject(stem), None, "{stem}");
        }
    }
}
