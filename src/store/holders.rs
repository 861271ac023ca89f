//! Which users and roles there are: from the rows of requests, and from the inventory.

use super::Failure;
use super::classes::KeyOf;
use crate::event::words::UserType;
use crate::inventory::Inventory;
use crate::recommend::input::{Holder, HolderKind};
use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};

/// Whose recommendations are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The owner of this permanent key, looked at from the key.
    Key(String),
    /// The user of this name or UIN.
    User(String),
    /// The role of this name or id.
    Role(String),
    /// Everybody but roles that only services take.
    All,
    /// Just this one.
    One(Holder),
    /// Everybody.
    Everybody,
}

/// One row of requests, without its calls.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) label: i64,
    pub(super) key: KeyOf,
    pub(super) user_type: String,
    pub(super) user: String,
    pub(super) principal: String,
    pub(super) service: String,
    pub(super) action: String,
}

/// Users and roles, with the rows about each; those of the inventory without any, too.
pub(super) fn holders(conn: &Connection, inventory: &Inventory) -> Result<BTreeMap<Holder, Vec<Line>>, Failure> {
    let lines = lines(conn)?;
    let names = Names::of(&lines, inventory);
    let mut holders: BTreeMap<Holder, Vec<Line>> = BTreeMap::new();
    for line in lines {
        if let Some(holder) = names.holder(&line) {
            holders.entry(holder).or_default().push(line);
        }
    }
    for holder in names.listed(inventory) {
        holders.entry(holder).or_default();
    }
    Ok(with_app_ids(conn, holders, inventory)?)
}

fn with_app_ids(
    conn: &Connection,
    holders: BTreeMap<Holder, Vec<Line>>,
    inventory: &Inventory,
) -> rusqlite::Result<BTreeMap<Holder, Vec<Line>>> {
    let mut select = conn.prepare("SELECT app_id FROM accounts WHERE account = ?1 AND app_id IS NOT NULL")?;
    let mut known: HashMap<String, String> = HashMap::new();
    for holder in holders.keys() {
        let logged: Option<String> = select.query_row([&holder.account], |row| row.get(0)).optional()?;
        let own = inventory.owner_uin() == Some(holder.account.as_str());
        let app_id = logged.or_else(|| inventory.app_id().filter(|_| own).map(str::to_string));
        known.insert(holder.account.clone(), app_id.unwrap_or_default());
    }
    let named = |(holder, lines): (Holder, Vec<Line>)| {
        let app_id = known.get(&holder.account).cloned().unwrap_or_default();
        (Holder { app_id, ..holder }, lines)
    };
    Ok(holders.into_iter().map(named).collect())
}

fn lines(conn: &Connection) -> Result<Vec<Line>, Failure> {
    let mut select = conn.prepare(
        "SELECT r.label, l.account, l.ak, l.owner, l.role, r.user_type, r.user, r.principal, r.service, r.action \
         FROM requests r JOIN labels l ON l.number = r.label",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Line {
            label: row.get(0)?,
            key: (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?),
            user_type: row.get(5)?,
            user: row.get(6)?,
            principal: row.get(7)?,
            service: row.get(8)?,
            action: row.get(9)?,
        })
    };
    let lines: rusqlite::Result<Vec<Line>> = select.query_map([], read)?.collect();
    Ok(lines?)
}

/// Which id a name stands for and the other way round: one user may be logged with and without UIN.
struct Names {
    ids: BTreeMap<(String, HolderKind, String), BTreeSet<String>>,
    spelled: BTreeMap<(String, HolderKind, String), BTreeSet<String>>,
    account: String,
}

impl Names {
    fn of(lines: &[Line], inventory: &Inventory) -> Self {
        let accounts: BTreeSet<&String> = lines.iter().map(|line| &line.key.0).collect();
        let first = accounts.first().map(|account| (*account).clone()).unwrap_or_default();
        let account = inventory.owner_uin().map_or(first, str::to_string);
        let mut known = Self { ids: BTreeMap::new(), spelled: BTreeMap::new(), account };
        for line in lines {
            if let Some(kind) = kind_of(&line.user_type) {
                known.note(&line.key.0, kind, &line.principal, &line.user);
            }
        }
        let account = known.account.clone();
        for user in inventory.users() {
            known.note(&account, HolderKind::User, &user.uin, &user.name);
        }
        for role in inventory.roles() {
            known.note(&account, HolderKind::Role, &role.id, &role.name);
        }
        known
    }

    fn note(&mut self, account: &str, kind: HolderKind, id: &str, name: &str) {
        if !id.is_empty() && !name.is_empty() {
            self.ids.entry((account.to_string(), kind, name.to_string())).or_default().insert(id.to_string());
            self.spelled.entry((account.to_string(), kind, id.to_string())).or_default().insert(name.to_string());
        }
    }

    fn holder(&self, line: &Line) -> Option<Holder> {
        let kind = kind_of(&line.user_type)?;
        Some(self.named(&line.key.0, kind, &line.principal, &line.user))
    }

    /// One holder for all spellings: by id where there is one, with the name that comes first.
    fn named(&self, account: &str, kind: HolderKind, id: &str, name: &str) -> Holder {
        if kind == HolderKind::Root {
            let (id, name) = (account.to_string(), "root".to_string());
            return Holder { kind, account: account.to_string(), app_id: String::new(), id, name };
        }
        let place = |text: &str| (account.to_string(), kind, text.to_string());
        let only = |ids: &BTreeSet<String>| (ids.len() == 1).then(|| ids.first().cloned()).flatten();
        let id =
            if id.is_empty() { self.ids.get(&place(name)).and_then(only).unwrap_or_default() } else { id.to_string() };
        let known = self.spelled.get(&place(&id)).and_then(|names| names.first().cloned());
        Holder {
            kind,
            account: account.to_string(),
            app_id: String::new(),
            id,
            name: known.unwrap_or_else(|| name.to_string()),
        }
    }

    /// The users and roles of the inventory that have something to look at.
    fn listed(&self, inventory: &Inventory) -> Vec<Holder> {
        let owners: HashSet<&str> = inventory.keys().filter_map(|key| key.user.as_deref()).collect();
        let users = inventory.users().filter(|user| {
            let known = [&user.uin, &user.name].into_iter().filter(|text| !text.is_empty());
            let mut known = known.map(String::as_str);
            known.any(|text| owners.contains(text) || inventory.grants_of_user(text).is_some())
        });
        let is_owner = |uin: &str| uin == self.account;
        let users = users
            .filter(|user| !is_owner(&user.uin))
            .map(|user| self.named(&self.account, HolderKind::User, &user.uin, &user.name));
        let roles = inventory
            .roles()
            .filter(|role| {
                inventory.grants_of_role(&role.id).or_else(|| inventory.grants_of_role(&role.name)).is_some()
            })
            .map(|role| self.named(&self.account, HolderKind::Role, &role.id, &role.name));
        let root = inventory
            .keys()
            .any(|key| key.user.as_deref() == Some(&self.account))
            .then(|| self.named(&self.account, HolderKind::Root, "", ""));
        users.chain(roles).chain(root).collect()
    }
}

fn kind_of(user_type: &str) -> Option<HolderKind> {
    let is = |kind: UserType| user_type == kind.as_str();
    if is(UserType::Root) {
        Some(HolderKind::Root)
    } else if is(UserType::SubAccount) {
        Some(HolderKind::User)
    } else if is(UserType::Role) || is(UserType::Service) {
        Some(HolderKind::Role)
    } else {
        None
    }
}

pub(super) fn is_wanted(wanted: &Wanted, holder: &Holder, lines: &[Line], inventory: &Inventory) -> bool {
    let called = |text: &str| !text.is_empty() && (holder.name == text || holder.id == text);
    let spelled = |text: &str| called(text) || lines.iter().any(|line| line.user == text);
    match wanted {
        Wanted::Key(ak) => {
            let owner = inventory.key(ak).and_then(|key| key.user.as_deref());
            lines.iter().any(|line| line.key.1 == *ak) || owner.is_some_and(called)
        }
        Wanted::User(text) => holder.kind != HolderKind::Role && spelled(text),
        Wanted::Role(text) => holder.kind == HolderKind::Role && spelled(text),
        Wanted::One(one) => known_as(one) == known_as(holder),
        Wanted::Everybody => true,
        Wanted::All => lines.iter().any(|line| line.user_type != UserType::Service.as_str()) || lines.is_empty(),
    }
}

/// The holder by what makes it one: account, kind, and id, or the name where there is no id.
pub fn known_as(holder: &Holder) -> Holder {
    let name = if holder.id.is_empty() { holder.name.clone() } else { String::new() };
    Holder { name, app_id: String::new(), ..holder.clone() }
}
