//! Lists of attached policies, groups and members as the replies give them, page by page.
//! What they come to for one user or role is worked out in `granted`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fill_text;
use super::grants::PolicyKind;

/// A policy in a list of attached ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct AttachedPolicy {
    pub(super) id: Option<String>,
    /// Empty when the entry has none.
    pub(super) name: String,
    pub(super) kind: PolicyKind,
    pub(super) added: Option<i64>,
    pub(super) deactivated: bool,
    /// The groups it comes through; none means that it is attached to the user itself.
    pub(super) groups: Vec<GroupName>,
}

/// A group as replies name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct GroupName {
    /// Its id, or its name where that is all there is.
    pub(super) id: String,
    /// Empty when unknown.
    pub(super) name: String,
}

/// A boundary as the reply gives it; all empty when the reply says that there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BoundaryFacts {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) document: Option<String>,
}

/// Whose list or boundary it is, by id or name as the export says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A user, with what comes through groups.
    UserAll(String),
    /// A user itself.
    User(String),
    /// A role.
    Role(String),
    /// A user group.
    Group(String),
}

/// The pages of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pages<T: Ord> {
    pub(super) rows: BTreeSet<T>,
    /// How many rows there are, as the reply says.
    pub(super) total: Option<u64>,
}

impl<T: Ord> Pages<T> {
    pub(super) fn new(rows: impl IntoIterator<Item = T>, total: Option<u64>) -> Self {
        Self { rows: rows.into_iter().collect(), total }
    }

    pub(super) fn empty(total: Option<u64>) -> Self {
        Self::new([], total)
    }

    pub(super) fn of_one(row: T, total: Option<u64>) -> Self {
        Self::new([row], total)
    }

    /// Whether as many rows are there as the reply says; without a number, whatever is there is all.
    pub(super) fn is_complete(&self) -> bool {
        self.total.is_none_or(|total| self.rows.len() as u64 >= total)
    }

    fn join(&mut self, page: Self) {
        self.rows.extend(page.rows);
        self.total = self.total.max(page.total);
    }

    /// Joins with the same list of another inventory: a complete one stands for itself, and of
    /// two complete ones the first.
    fn settle(&mut self, other: Self) {
        match (self.is_complete(), other.is_complete()) {
            (true, _) => {}
            (false, true) => *self = other,
            (false, false) => self.join(other),
        }
    }
}

/// All lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    pub(super) attached: BTreeMap<Owner, Pages<AttachedPolicy>>,
    pub(super) groups_of: BTreeMap<String, Pages<GroupName>>,
    pub(super) members_of: BTreeMap<String, Pages<String>>,
    pub(super) boundaries: BTreeMap<Owner, BoundaryFacts>,
    /// Names of groups by id; empty ones when unknown.
    pub(super) groups: BTreeMap<String, String>,
}

impl Lists {
    /// Adds a page of attached policies.
    pub(super) fn add_attached(&mut self, owner: Owner, page: Pages<AttachedPolicy>) {
        add(&mut self.attached, owner, page, Pages::join);
    }

    /// Adds a page of a user's groups.
    pub(super) fn add_groups_of(&mut self, user: String, page: Pages<GroupName>) {
        add(&mut self.groups_of, user, page, Pages::join);
    }

    /// Adds a page of a group's members.
    pub(super) fn add_members_of(&mut self, group: String, page: Pages<String>) {
        add(&mut self.members_of, group, page, Pages::join);
    }

    /// Adds a boundary; the first that says something stays.
    pub(super) fn add_boundary(&mut self, owner: Owner, boundary: BoundaryFacts) {
        let known = self.boundaries.entry(owner).or_default();
        if *known == BoundaryFacts::default() {
            *known = boundary;
        }
    }

    /// Adds a group's name.
    pub(super) fn add_group(&mut self, group: GroupName) {
        fill_text(self.groups.entry(group.id).or_default(), group.name);
    }

    /// Adds what another inventory knows. A list is one thing: an older one must not bring back
    /// what was detached since, so the lists known already stand unless pages are missing.
    pub(super) fn merge(&mut self, other: Self) {
        for (owner, pages) in other.attached {
            add(&mut self.attached, owner, pages, Pages::settle);
        }
        for (user, pages) in other.groups_of {
            add(&mut self.groups_of, user, pages, Pages::settle);
        }
        for (group, pages) in other.members_of {
            add(&mut self.members_of, group, pages, Pages::settle);
        }
        for (owner, boundary) in other.boundaries {
            self.boundaries.entry(owner).or_insert(boundary);
        }
        for (id, name) in other.groups {
            self.add_group(GroupName { id, name });
        }
    }
}

fn add<K: Ord, T: Ord>(known: &mut BTreeMap<K, Pages<T>>, key: K, pages: Pages<T>, join: fn(&mut Pages<T>, Pages<T>)) {
    match known.get_mut(&key) {
        Some(list) => join(list, pages),
        None => {
            known.insert(key, pages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str) -> GroupName {
        GroupName { id: id.to_owned(), name: String::new() }
    }

    fn list(ids: &[&str], total: u64) -> Pages<GroupName> {
        Pages::new(ids.iter().map(|id| group(id)), Some(total))
    }

    #[test]
    fn pages_add_up_and_a_missing_one_shows() {
        let mut lists = Lists::default();
        lists.add_groups_of("alice".to_owned(), list(&["1", "2"], 3));
        assert!(!lists.groups_of["alice"].is_complete());
        lists.add_groups_of("alice".to_owned(), list(&["2", "3"], 3));
        assert_eq!(lists.groups_of["alice"], list(&["1", "2", "3"], 3));
        assert!(lists.groups_of["alice"].is_complete());
    }

    #[test]
    fn of_two_inventories_the_complete_list_stands_and_the_first_of_two() {
        let of = |pages: Pages<GroupName>| {
            let mut lists = Lists::default();
            lists.add_groups_of("alice".to_owned(), pages);
            lists
        };
        for (first, second, expected) in [
            (list(&["1"], 1), list(&["2"], 1), list(&["1"], 1)),
            (list(&[], 0), list(&["2"], 1), list(&[], 0)),
            (list(&["1"], 2), list(&["2"], 1), list(&["2"], 1)),
            (list(&["1"], 2), list(&["2"], 2), list(&["1", "2"], 2)),
        ] {
            let mut lists = of(first);
            lists.merge(of(second));
            assert_eq!(lists.groups_of["alice"], expected);
        }
    }
}
