//! Look-ups that need users, roles, lists and groups together: who goes by which names, who is
//! in which group, and the names of everybody's policies.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Inventory;
use super::lists_kept::{AttachedPolicy, Owner};

/// What is worked out from the rest.
#[derive(Clone, Default)]
pub(super) struct Index {
    /// Where a user stands, by name; of several with one name, the newest.
    pub(super) uin_of_name: HashMap<String, String>,
    /// Policy names by each name and id that a user goes by.
    pub(super) user_policies: HashMap<String, Vec<String>>,
    /// Policy names by each name and id that a role goes by.
    pub(super) role_policies: HashMap<String, Vec<String>>,
    /// Groups by id.
    pub(super) groups: BTreeMap<String, Group>,
    /// Ids of groups by each name and id that a user goes by.
    pub(super) groups_of: HashMap<String, BTreeSet<String>>,
}

/// A group, and who is known to be in it.
#[derive(Clone, Default)]
pub(super) struct Group {
    pub(super) name: String,
    /// Names, or UINs of those without one.
    pub(super) members: BTreeSet<String>,
}

/// Policy names by what the export calls the user or role: an id or a name.
type Names = BTreeMap<String, BTreeSet<String>>;

impl Inventory {
    /// Returns the look-ups, working them out if something has changed.
    pub(super) fn index(&self) -> &Index {
        if let Some(index) = self.index.get() {
            return index;
        }
        // In steps, since each looks users up in what the step before has made.
        let uin_of_name = self.newest_of_each_name();
        self.index.get_or_init(|| {
            let mut index = Index { uin_of_name, ..Index::default() };
            self.gather_groups(&mut index);
            self.gather_policies(&mut index);
            index
        })
    }

    /// Forgets the look-ups after a change.
    pub(super) fn forget_index(&mut self) {
        self.index.take();
    }

    fn newest_of_each_name(&self) -> HashMap<String, String> {
        let mut users: Vec<_> = self.users.iter().filter(|(_, user)| !user.name.is_empty()).collect();
        users.sort_by_key(|(id, user)| (user.created, *id));
        users.into_iter().map(|(id, user)| (user.name.clone(), id.clone())).collect()
    }

    fn gather_groups(&self, index: &mut Index) {
        let mut join = |user: &str, id: &str, name: &str| {
            let aliases = self.aliases_of_user(index, user);
            let group = index.groups.entry(id.to_owned()).or_default();
            super::fill_text(&mut group.name, name.to_owned());
            // The last alias is the name, where there is one.
            group.members.extend(aliases.last().cloned());
            for alias in aliases {
                index.groups_of.entry(alias).or_default().insert(id.to_owned());
            }
        };
        for (id, members) in &self.lists.members_of {
            members.rows.iter().for_each(|user| join(user, id, ""));
        }
        for (user, groups) in &self.lists.groups_of {
            groups.rows.iter().for_each(|group| join(user, &group.id, &group.name));
        }
        for (owner, policies) in &self.lists.attached {
            if let Owner::UserAll(user) = owner {
                let groups = policies.rows.iter().flat_map(|policy| &policy.groups);
                groups.for_each(|group| join(user, &group.id, &group.name));
            }
        }
        for (id, name) in &self.lists.groups {
            super::fill_text(&mut index.groups.entry(id.clone()).or_default().name, name.clone());
        }
    }

    fn gather_policies(&self, index: &mut Index) {
        let (mut of_users, mut of_roles) = (Names::new(), Names::new());
        for (owner, policies) in &self.lists.attached {
            let (names, subject) = match owner {
                Owner::User(user) | Owner::UserAll(user) => (&mut of_users, user),
                Owner::Role(role) => (&mut of_roles, role),
                Owner::Group(_) => continue,
            };
            names.entry(subject.clone()).or_default().extend(policies.rows.iter().filter_map(name_of));
        }
        for (user, groups) in &index.groups_of {
            let lists = groups.iter().filter_map(|id| self.lists.attached.get(&Owner::Group(id.clone())));
            let names: BTreeSet<String> = lists.flat_map(|list| &list.rows).filter_map(name_of).collect();
            of_users.entry(user.clone()).or_default().extend(names);
        }
        index.user_policies = by_alias(&of_users, |id| self.aliases_of_user(index, id));
        index.role_policies = by_alias(&of_roles, |id| self.aliases_of_role(id));
    }

    /// Returns what a user goes by, the id first and the name last; at least what was given.
    pub(super) fn aliases_of_user(&self, index: &Index, id: &str) -> Vec<String> {
        let by_name = || self.users.get(index.uin_of_name.get(id)?);
        let Some(user) = self.users.get(id).or_else(by_name) else {
            return vec![id.to_owned()];
        };
        // An older user of the same name must not lend its policies to the newer one.
        let key = if user.uin.is_empty() { &user.name } else { &user.uin };
        let owns_name = index.uin_of_name.get(&user.name) == Some(key);
        let name = owns_name.then_some(&user.name).filter(|name| *name != key);
        [Some(key), name].into_iter().flatten().cloned().collect()
    }

    /// Returns what a role goes by; at least what was given.
    pub(super) fn aliases_of_role(&self, id: &str) -> Vec<String> {
        let Some(role) = self.role(id) else {
            return vec![id.to_owned()];
        };
        let aliases = [&role.id, &role.name].into_iter();
        aliases.filter(|alias| !alias.is_empty()).cloned().collect()
    }
}

fn name_of(policy: &AttachedPolicy) -> Option<String> {
    (!policy.name.is_empty()).then(|| policy.name.clone())
}

/// Lists each subject's policy names under all the names the subject goes by.
fn by_alias(attached: &Names, aliases: impl Fn(&str) -> Vec<String>) -> HashMap<String, Vec<String>> {
    let mut found = Names::new();
    for (subject, names) in attached {
        for alias in aliases(subject).into_iter().chain([subject.clone()]) {
            found.entry(alias).or_default().extend(names.iter().cloned());
        }
    }
    let listed = |(subject, names): (String, BTreeSet<String>)| (subject, names.into_iter().collect());
    found.into_iter().map(listed).collect()
}
