//! What a scan's inventory knows about people and grants, as rows that a database keeps, and back.
//! Addresses are not part of it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Inventory;
use super::lists_kept::{GroupName, Owner};

/// One thing of an inventory: an account, user, key, role, group, policy, boundary, or one whole
/// list of attached policies, groups or members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotRow {
    /// What it is.
    pub kind: &'static str,
    /// Its id, distinct among things of its kind.
    pub id: String,
    /// The rest as JSON; the form is known to this version's `add_snapshot` only.
    pub data: String,
}

const ACCOUNT: &str = "account";
const USER: &str = "user";
const KEY: &str = "key";
const ROLE: &str = "role";
const GROUP: &str = "group";
const POLICY: &str = "policy";
const GROUPS_OF_USER: &str = "groups_of_user";
const MEMBERS_OF_GROUP: &str = "members_of_group";

impl Owner {
    /// The kind of the row that holds what is attached, and the id.
    fn attached(&self) -> (&'static str, &str) {
        match self {
            Self::UserAll(id) => ("attached_user_all", id),
            Self::User(id) => ("attached_user", id),
            Self::Role(id) => ("attached_role", id),
            Self::Group(id) => ("attached_group", id),
        }
    }

    fn boundary(&self) -> (&'static str, &str) {
        match self {
            Self::UserAll(id) | Self::User(id) => ("boundary_user", id),
            Self::Role(id) => ("boundary_role", id),
            // Groups have none; the row would be unreadable, not wrong.
            Self::Group(id) => ("boundary_group", id),
        }
    }

    fn of(kind: &str, id: &str) -> Option<Self> {
        let id = id.to_owned();
        Some(match kind {
            "attached_user_all" => Self::UserAll(id),
            "attached_user" | "boundary_user" => Self::User(id),
            "attached_role" | "boundary_role" => Self::Role(id),
            "attached_group" => Self::Group(id),
            _ => return None,
        })
    }
}

impl Inventory {
    /// Returns everything but addresses as rows, in order of kind and id.
    ///
    /// A row that a later snapshot has under the same kind and id replaces the earlier one whole.
    pub fn snapshot(&self) -> Vec<SnapshotRow> {
        let mut rows = Vec::new();
        if self.owner_uin.is_some() || self.app_id.is_some() {
            let account = json!({"owner_uin": self.owner_uin, "app_id": self.app_id});
            rows.extend(row(ACCOUNT, self.owner_uin.as_deref().unwrap_or_default(), &account));
        }
        rows.extend(self.users.iter().filter_map(|(id, user)| row(USER, id, user)));
        rows.extend(self.keys.iter().filter_map(|(id, key)| row(KEY, id, key)));
        rows.extend(self.roles.iter().filter_map(|(id, role)| row(ROLE, id, role)));
        rows.extend(self.policies.iter().filter_map(|(id, policy)| row(POLICY, id, policy)));
        let lists = &self.lists;
        rows.extend(lists.groups.iter().filter_map(|(id, name)| row(GROUP, id, name)));
        rows.extend(lists.groups_of.iter().filter_map(|(id, groups)| row(GROUPS_OF_USER, id, groups)));
        rows.extend(lists.members_of.iter().filter_map(|(id, members)| row(MEMBERS_OF_GROUP, id, members)));
        rows.extend(
            lists.attached.iter().filter_map(|(owner, list)| row(owner.attached().0, owner.attached().1, list)),
        );
        rows.extend(
            lists.boundaries.iter().filter_map(|(owner, facts)| row(owner.boundary().0, owner.boundary().1, facts)),
        );
        rows.sort();
        rows
    }

    /// Adds a row of `snapshot`. What is known already stands, as in `merge`.
    ///
    /// An error says that the kind is unknown, or that the data is not of that kind.
    pub fn add_snapshot(&mut self, kind: &str, id: &str, data: &str) -> Result<(), String> {
        self.forget_index();
        let mut other = Self::default();
        match kind {
            ACCOUNT => {
                let account: serde_json::Value = parse(kind, id, data)?;
                let text = |name: &str| account[name].as_str().map(str::to_owned);
                (other.owner_uin, other.app_id) = (text("owner_uin"), text("app_id"));
            }
            USER => self.add_user(parse(kind, id, data)?),
            KEY => self.add_key(parse(kind, id, data)?),
            ROLE => self.add_role(parse(kind, id, data)?),
            POLICY => self.add_policy(parse(kind, id, data)?),
            GROUP => self.lists.add_group(GroupName { id: id.to_owned(), name: parse(kind, id, data)? }),
            GROUPS_OF_USER => other.lists.add_groups_of(id.to_owned(), parse(kind, id, data)?),
            MEMBERS_OF_GROUP => other.lists.add_members_of(id.to_owned(), parse(kind, id, data)?),
            _ => match Owner::of(kind, id) {
                Some(owner) if kind.starts_with("boundary") => other.lists.add_boundary(owner, parse(kind, id, data)?),
                Some(owner) => other.lists.add_attached(owner, parse(kind, id, data)?),
                None => return Err(format!("an inventory row of the unknown kind {kind:?}")),
            },
        }
        self.merge(other);
        Ok(())
    }
}

fn row(kind: &'static str, id: &str, data: &impl Serialize) -> Option<SnapshotRow> {
    // Texts, numbers and lists of them always have a JSON form.
    let data = serde_json::to_string(data).ok()?;
    Some(SnapshotRow { kind, id: id.to_owned(), data })
}

fn parse<T: DeserializeOwned>(kind: &str, id: &str, data: &str) -> Result<T, String> {
    serde_json::from_str(data).map_err(|error| format!("inventory row {kind} {id:?} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::super::load::tests::load_text;
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn restored(rows: &[SnapshotRow]) -> Inventory {
        let mut inventory = Inventory::default();
        for row in rows {
            inventory.add_snapshot(row.kind, &row.id, &row.data).unwrap();
        }
        inventory
    }

    fn assert_same(a: &Inventory, b: &Inventory) {
        assert_eq!((a.app_id(), a.owner_uin()), (b.app_id(), b.owner_uin()));
        assert!(a.users().eq(b.users()) && a.keys().eq(b.keys()) && a.roles().eq(b.roles()));
        assert!(a.policies().eq(b.policies()));
        for user in a.users() {
            for name in [&user.uin, &user.name] {
                assert_eq!(a.grants_of_user(name), b.grants_of_user(name), "{name}");
                assert_eq!(a.policies_of_user(name), b.policies_of_user(name), "{name}");
                assert!(a.keys_of_user(name).eq(b.keys_of_user(name)), "{name}");
            }
        }
        for role in a.roles() {
            assert_eq!(a.grants_of_role(&role.id), b.grants_of_role(&role.id), "{}", role.id);
        }
        assert_eq!(a.snapshot(), b.snapshot());
    }

    fn fixture(folder: &str) -> Inventory {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
        load(&[folder], 28_800).unwrap().0
    }

    #[test]
    fn what_is_kept_comes_back_the_same() {
        for folder in ["inventory/script", "inventory/others", "demo/inventory"] {
            let known = fixture(folder);
            let mut rows = known.snapshot();
            assert_same(&known, &restored(&rows));
            rows.reverse();
            assert_same(&known, &restored(&rows));
            let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| (row.kind, &row.id)).collect();
            assert_eq!(ids.len(), rows.len(), "ids are distinct");
        }
    }

    #[test]
    fn all_of_a_list_is_one_row_and_no_phone_number_is_kept() {
        let rows = fixture("inventory/script").snapshot();
        let of = |kind: &str| rows.iter().filter(|row| row.kind == kind).count();
        assert_eq!((of("account"), of("user"), of("attached_user_all"), of("attached_group")), (1, 3, 3, 1));
        assert_eq!((of("boundary_user"), of("boundary_role"), of("role")), (2, 1, 2));
        assert!(!rows.iter().any(|row| row.data.contains("13800000000") || row.data.contains("@example.com")));
    }

    #[test]
    fn the_newer_lists_stand_when_the_kept_ones_are_added() {
        let list = |policy: &str| {
            format!(r#"{{"TargetUin": 100000000101, "PolicyList": [{{"PolicyName": "{policy}"}}], "TotalNum": 1}}"#)
        };
        let (old, _) = load_text("x.json", &list("Old"));
        let (mut new, _) = load_text("x.json", &list("New"));
        for row in old.snapshot() {
            new.add_snapshot(row.kind, &row.id, &row.data).unwrap();
        }
        assert_eq!(new.policies_of("100000000101"), ["New"]);
    }

    #[test]
    fn of_two_texts_the_one_changed_last_stands() {
        let policy = |time: &str, text: &str| {
            format!(r#"{{"PolicyId": 7, "PolicyName": "p", "PolicyDocument": "{text}", "UpdateTime": "{time}"}}"#)
        };
        let load = |text: &str| load_text("x.json", text).0;
        let (old, new) = (policy("2024-11-01 08:00:00", "old"), policy("2024-11-02 08:00:00", "new"));
        for (first, second) in [(&old, &new), (&new, &old)] {
            let mut inventory = load(first);
            inventory.merge(load(second));
            assert_eq!(inventory.policy("p").unwrap().document.as_deref(), Some("new"));
        }
    }

    #[test]
    fn unknown_kinds_and_damaged_rows_are_told() {
        let mut inventory = Inventory::default();
        assert!(inventory.add_snapshot("boundary_group", "1", "{}").unwrap_err().contains("unknown kind"));
        assert!(inventory.add_snapshot("pet", "1", "{}").unwrap_err().contains("\"pet\""));
        assert!(inventory.add_snapshot("user", "1", "[").unwrap_err().contains("cannot be read"));
        assert!(inventory.add_snapshot("attached_user", "1", "{}").is_err());
    }

    fn replies() -> impl Strategy<Value = String> {
        let user = "10000000010[0-3]|alice|bob";
        let (name, id) = ("[a-c]{1,2}", "[1-5]");
        let document = proptest::option::of("[ -~]{0,8}");
        prop_oneof![
            (user, name, id, 0..3u8, any::<bool>()).prop_map(|(user, name, id, total, grouped)| {
                let groups = if grouped { json!([{"GroupId": 9, "GroupName": "g"}]) } else { json!(null) };
                json!({"UserName": user, "TotalNum": total, "PolicyList": [{"PolicyId": id, "PolicyName": name,
                    "Groups": groups, "AddTime": "2024-11-01 08:00:00"}]})
            }),
            (user, id, "[a-b]?").prop_map(
                |(user, id, name)| json!({"UserName": user, "GroupInfo": [{"GroupId": id, "GroupName": name}]})
            ),
            (id, name, document.clone()).prop_map(
                |(id, name, text)| json!({"PolicyId": id, "PolicyName": name, "PolicyDocument": text, "Type": 1})
            ),
            (user, name, document).prop_map(|(user, name, text)| json!({"UserName": user, "PolicyName": name,
                "PolicyDocument": text, "PolicyType": 1, "CreateMode": 2})),
            (0..4u8, "alice|bob").prop_map(|(end, name)| json!({"Data": [{"Uin": 100_000_000_100 + u64::from(end),
                "Name": name, "Uid": 1, "CreateTime": 1_730_419_200 + i64::from(end)}]})),
            (id, user).prop_map(|(group, user)| json!({"GroupId": group, "UserInfo": [{"Uin": user, "Name": ""}]})),
        ]
        .prop_map(|reply| reply.to_string())
    }

    proptest! {
        #[test]
        fn any_replies_survive_the_round_trip(texts in proptest::collection::vec(replies(), 1..12)) {
            let (known, _) = load_text("x.json", &texts.join("\n"));
            assert_same(&known, &restored(&known.snapshot()));
            let mut twice = restored(&known.snapshot());
            twice.merge(known.clone());
            assert_same(&known, &twice);
        }
    }
}
