//! Who works in the account: users, access keys and roles, from saved cam and sts replies.
//! What is attached to them is in `attached`.

use serde_json::Value;

use super::fields::{self, Object, field};
use super::import::{Import, Place};
use super::replies::Reply;
use super::subject::{USER_FIELDS, document_text, subject, time_of};
use super::{KeyInfo, KeyStatus, Role, User};

/// What a file is called that holds a user's keys, besides the calls' own names.
const KEY_FILES: [&str; 3] = ["ListAccessKeys", "QueryApiKey", "keys"];

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

/// Takes roles and returns how many there were.
pub(super) fn take_roles(import: &mut Import<'_>, reply: &Reply<'_>, list: &[Value]) -> usize {
    let mut entries = 0;
    for item in list.iter().filter_map(Value::as_object) {
        let role = Role {
            id: fields::text(item, &["RoleId"]).unwrap_or_default(),
            name: fields::text(item, &["RoleName"]).unwrap_or_default(),
            kind: fields::text(item, &["RoleType"]),
            created: time_of(import, reply, item, "AddTime"),
            trust: field(item, "PolicyDocument").and_then(document_text),
        };
        import.inventory.add_role(role);
        entries += 1;
    }
    entries
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
}
