//! What an account owns and who works in it: addresses, users, keys, and what is granted to them.
//!
//! Filled from asset and address lists and from saved replies of the provider's
//! calls. Here are the types and look-ups; reading files is in `load` and below.
//! Nothing here asks the network, knows the time, or judges an event.

mod accounts;
mod assets;
mod attached;
mod fields;
mod granted;
pub mod grants;
mod import;
mod index;
mod lists;
mod lists_kept;
mod load;
mod network;
mod replies;
mod snapshot;
mod subject;

use std::cmp::{max, min};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use grants::PolicyKind;
use index::Index;
use lists_kept::Lists;
pub use snapshot::SnapshotRow;

pub use load::{FileReport, LoadError, Problem, SIZE_LIMIT, load};
use network::AddressTable;

/// Where a source address lies, seen from the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpPlace {
    /// There is no address to place. Never given for an address.
    Unknown,
    /// It belongs to an asset or stands in an address list of the account.
    InAccount,
    /// It is none of the others.
    Outside,
    /// It is private, or lies in a VPC or subnet of the account.
    Lan,
}

impl IpPlace {
    /// Returns the word used in outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::InAccount => "in_account",
            Self::Outside => "outside",
            Self::Lan => "lan",
        }
    }
}

impl fmt::Display for IpPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an address of the account belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asset {
    /// The resource's id, such as `ins-...`.
    pub id: Option<String>,
    /// The resource's name.
    pub name: Option<String>,
    /// What the user wrote about it.
    pub remark: Option<String>,
}

/// A sub-account, or the main account where it is listed among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account id; empty when the export gives none (0).
    pub uin: String,
    /// The user name; empty when unknown.
    pub name: String,
    /// When the user was created, in milliseconds since 1970, UTC.
    pub created: Option<i64>,
    /// What was written about the user.
    pub remark: Option<String>,
    /// The display name.
    pub nick: Option<String>,
}

/// Whether an access key works. Ordered: the most final state wins over others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// The key works.
    Active,
    /// The key is switched off.
    Inactive,
    /// The key is gone.
    Deleted,
}

/// A permanent access key.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// The key id (`SecretId`), never the secret.
    pub id: String,
    /// The owner, by account id or by name as the export or its file name says.
    pub user: Option<String>,
    /// When the key was created, in milliseconds since 1970, UTC.
    pub created: Option<i64>,
    /// When the key was last used, in milliseconds since 1970, UTC.
    pub last_used: Option<i64>,
    /// Whether the key works.
    pub status: Option<KeyStatus>,
    /// What was written about the key.
    pub remark: Option<String>,
}

/// Shows only the start of the id: debug output ends up in logs.
impl fmt::Debug for KeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start: String = self.id.chars().take(4).collect();
        f.debug_struct("KeyInfo")
            .field("id", &format!("{start}..."))
            .field("user", &self.user)
            .field("created", &self.created)
            .field("last_used", &self.last_used)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A role of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The role id; empty when unknown.
    pub id: String,
    /// The role name; empty when unknown.
    pub name: String,
    /// Who may use it: `user`, `system` or `service_linked`.
    pub kind: Option<String>,
    /// When it was made, in milliseconds since 1970, UTC.
    pub created: Option<i64>,
    /// Its trust policy as exported, unparsed.
    pub trust: Option<String>,
}

/// A policy by its id and name, with its text where that was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The policy id.
    pub id: Option<String>,
    /// The policy name.
    pub name: Option<String>,
    /// Who made it.
    pub kind: PolicyKind,
    /// The document as exported, unparsed.
    pub document: Option<String>,
    /// When that text was last changed, in milliseconds since 1970, UTC.
    pub updated: Option<i64>,
    /// Whether only a service uses it, where the export says.
    pub service_linked: Option<bool>,
}

/// Which export says what an address belongs to. Ordered: the first wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A list the user wrote or a console export.
    List,
    /// A machine.
    Instance,
    /// Another resource with an address: gateway, load balancer, database.
    Resource,
    /// An address or network interface that serves one of the others.
    Interface,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    rank: Rank,
    asset: Asset,
}

impl Known {
    /// Makes one of two answers for one network, the same whichever came first.
    fn join(self, other: Self) -> Self {
        let (mut first, second) = if self.order() <= other.order() { (self, other) } else { (other, self) };
        let (a, b) = (&mut first.asset, second.asset);
        // A name must not be paired with another resource's id.
        if a.id == b.id || a.id.is_none() || b.id.is_none() {
            fill(&mut a.id, b.id);
            fill(&mut a.name, b.name);
            fill(&mut a.remark, b.remark);
        }
        first
    }

    fn order(&self) -> impl Ord {
        let Asset { id, name, remark } = self.asset.clone();
        (self.rank, id.is_none(), id, name.is_none(), name, remark.is_none(), remark)
    }
}

/// Everything known about the account from lists and exports.
#[derive(Clone, Default)]
pub struct Inventory {
    assets: AddressTable<Known>,
    lan: AddressTable<()>,
    /// Remarks that do not by themselves make an address the account's own.
    remarks: BTreeMap<IpAddr, String>,
    /// By account id, or by name for those without one.
    users: BTreeMap<String, User>,
    keys: BTreeMap<String, KeyInfo>,
    /// By id, or by name for those without one.
    roles: BTreeMap<String, Role>,
    /// By id, or by name for those without one.
    policies: BTreeMap<String, Policy>,
    lists: Lists,
    app_id: Option<String>,
    owner_uin: Option<String>,
    /// Worked out at the first look-up, forgotten with every change.
    index: OnceLock<Index>,
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inventory")
            .field("networks", &self.assets.len())
            .field("users", &self.users.len())
            .field("keys", &self.keys.len())
            .field("roles", &self.roles.len())
            .field("policies", &self.policies.len())
            .finish_non_exhaustive()
    }
}

impl Inventory {
    /// Returns where an address lies: the account's own first, then LAN, then outside.
    pub fn place(&self, ip: IpAddr) -> IpPlace {
        if self.assets.matches(ip).next().is_some() {
            IpPlace::InAccount
        } else if network::is_local(ip) || self.lan.matches(ip).next().is_some() {
            IpPlace::Lan
        } else {
            IpPlace::Outside
        }
    }

    /// Returns what an address belongs to, by longest prefix.
    pub fn asset(&self, ip: IpAddr) -> Option<&Asset> {
        self.assets.matches(ip).next().map(|known| &known.asset)
    }

    /// Returns what the user wrote about an address: the narrowest remark there is.
    pub fn ip_remark(&self, ip: IpAddr) -> Option<&str> {
        let of_asset = self.assets.matches(ip).find_map(|known| known.asset.remark.as_deref());
        let of_address = || self.remarks.get(&ip.to_canonical()).map(String::as_str);
        of_asset.or_else(of_address)
    }

    /// Returns how many addresses and ranges are known as the account's own.
    pub fn network_count(&self) -> usize {
        self.assets.len()
    }

    /// Returns a user by account id or name; of several with one name, the newest.
    pub fn user(&self, name_or_uin: &str) -> Option<&User> {
        let by_name = || self.users.get(self.index().uin_of_name.get(name_or_uin)?);
        self.users.get(name_or_uin).or_else(by_name)
    }

    /// Returns the users in order of account id.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// Returns a key by its full id.
    pub fn key(&self, secret_id: &str) -> Option<&KeyInfo> {
        self.keys.get(secret_id)
    }

    /// Returns the keys in order of id.
    pub fn keys(&self) -> impl Iterator<Item = &KeyInfo> {
        self.keys.values()
    }

    /// Returns a role by id or name.
    pub fn role(&self, name_or_id: &str) -> Option<&Role> {
        let named = |role: &&Role| role.name == name_or_id && !role.name.is_empty();
        let by_name = || self.roles.values().find(named);
        self.roles.get(name_or_id).or_else(by_name)
    }

    /// Returns the roles in order of id.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// Returns the names of a user's or role's policies, sorted and distinct.
    ///
    /// Where a user and a role share a name, these are the user's.
    pub fn policies_of(&self, user_or_role: &str) -> &[String] {
        let of_user = self.policies_of_user(user_or_role);
        if of_user.is_empty() { self.policies_of_role(user_or_role) } else { of_user }
    }

    /// Returns the names of a user's policies, sorted and distinct.
    pub fn policies_of_user(&self, name_or_uin: &str) -> &[String] {
        self.index().user_policies.get(name_or_uin).map_or(&[], Vec::as_slice)
    }

    /// Returns the names of a role's policies, sorted and distinct.
    pub fn policies_of_role(&self, name_or_id: &str) -> &[String] {
        self.index().role_policies.get(name_or_id).map_or(&[], Vec::as_slice)
    }

    /// Returns a policy by id or name, preferring one with its document.
    pub fn policy(&self, name_or_id: &str) -> Option<&Policy> {
        let named =
            |policy: &&Policy| [&policy.id, &policy.name].into_iter().any(|it| it.as_deref() == Some(name_or_id));
        let with_text = self.policies().filter(|policy| policy.document.is_some()).find(named);
        with_text.or_else(|| self.policies().find(named))
    }

    /// Returns the policies in order of id.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    /// Returns the account's APPID, from `GetUserAppId`.
    pub fn app_id(&self) -> Option<&str> {
        self.app_id.as_deref()
    }

    /// Returns the main account's id, from `GetUserAppId` or `GetCallerIdentity`.
    pub fn owner_uin(&self) -> Option<&str> {
        self.owner_uin.as_deref()
    }

    /// Adds what another inventory knows.
    ///
    /// Of two lists of attached policies, groups or members of the same user, role or group, this
    /// inventory's stands unless only the other's is complete; of two texts of a policy, the one changed
    /// last, else this inventory's.
    pub fn merge(&mut self, other: Inventory) {
        for (net, known) in other.assets.into_entries() {
            self.assets.add(net, known, Known::join);
        }
        for (net, ()) in other.lan.into_entries() {
            self.add_lan(net);
        }
        other.remarks.into_iter().for_each(|(ip, remark)| self.add_remark(ip, remark));
        other.users.into_values().for_each(|user| self.add_user(user));
        other.keys.into_values().for_each(|key| self.add_key(key));
        other.roles.into_values().for_each(|role| self.add_role(role));
        other.policies.into_values().for_each(|policy| self.add_policy(policy));
        self.lists.merge(other.lists);
        fill(&mut self.app_id, other.app_id);
        fill(&mut self.owner_uin, other.owner_uin);
        self.forget_index();
    }

    fn add_asset(&mut self, net: IpNet, rank: Rank, asset: Asset) {
        self.assets.add(net, Known { rank, asset }, Known::join);
    }

    fn add_lan(&mut self, net: IpNet) {
        self.lan.add(net, (), |(), ()| ());
    }

    fn add_remark(&mut self, ip: IpAddr, remark: String) {
        self.remarks.entry(ip.to_canonical()).or_insert(remark);
    }

    fn add_user(&mut self, user: User) {
        let id = if user.uin.is_empty() { &user.name } else { &user.uin };
        let known = self.users.entry(id.clone()).or_default();
        fill_text(&mut known.uin, user.uin);
        fill_text(&mut known.name, user.name);
        known.created = both(min, known.created, user.created);
        fill(&mut known.remark, user.remark);
        fill(&mut known.nick, user.nick);
    }

    fn add_key(&mut self, key: KeyInfo) {
        let known = self.keys.entry(key.id.clone()).or_default();
        known.id = key.id;
        fill(&mut known.user, key.user);
        known.created = both(min, known.created, key.created);
        known.last_used = both(max, known.last_used, key.last_used);
        known.status = max(known.status, key.status);
        fill(&mut known.remark, key.remark);
    }

    fn add_role(&mut self, role: Role) {
        let id = if role.id.is_empty() { &role.name } else { &role.id };
        let known = self.roles.entry(id.clone()).or_default();
        fill_text(&mut known.id, role.id);
        fill_text(&mut known.name, role.name);
        fill(&mut known.kind, role.kind);
        known.created = both(min, known.created, role.created);
        fill(&mut known.trust, role.trust);
    }

    fn add_policy(&mut self, policy: Policy) {
        let Some(id) = policy.id.as_ref().or(policy.name.as_ref()) else {
            return;
        };
        let known = self.policies.entry(id.clone()).or_default();
        fill(&mut known.id, policy.id);
        fill(&mut known.name, policy.name);
        if known.kind == PolicyKind::Unknown {
            known.kind = policy.kind;
        }
        fill(&mut known.service_linked, policy.service_linked);
        let is_newer = policy.updated > known.updated;
        if policy.document.is_some() && (known.document.is_none() || is_newer) {
            known.document = policy.document;
            known.updated = policy.updated;
        }
    }
}

fn fill<T>(known: &mut Option<T>, new: Option<T>) {
    if known.is_none() {
        *known = new;
    }
}

fn fill_text(known: &mut String, new: String) {
    if known.is_empty() {
        *known = new;
    }
}

/// Joins two values with `choose`, or takes the one there is.
fn both<T>(choose: impl FnOnce(T, T) -> T, a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::lists_kept::{AttachedPolicy, Owner, Pages};
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn with_asset(net: &str, rank: Rank, id: &str, remark: Option<&str>) -> Inventory {
        let mut inventory = Inventory::default();
        let asset =
            Asset { id: Some(id.to_owned()), name: Some(format!("name of {id}")), remark: remark.map(str::to_owned) };
        inventory.add_asset(net.parse().unwrap(), rank, asset);
        inventory
    }

    #[test]
    fn the_asset_list_outranks_lan_and_lan_outranks_outside() {
        let mut inventory = with_asset("10.0.0.7/32", Rank::List, "ins-1", None);
        inventory.add_lan("203.0.113.0/24".parse().unwrap());
        assert_eq!(inventory.place(ip("10.0.0.7")), IpPlace::InAccount);
        assert_eq!(inventory.place(ip("::ffff:10.0.0.7")), IpPlace::InAccount);
        assert_eq!(inventory.place(ip("10.0.0.8")), IpPlace::Lan);
        assert_eq!(inventory.place(ip("203.0.113.9")), IpPlace::Lan);
        assert_eq!(inventory.place(ip("198.51.100.1")), IpPlace::Outside);
    }

    #[test]
    fn a_remark_of_a_range_serves_an_address_without_one() {
        let mut inventory = with_asset("192.0.2.0/24", Rank::List, "range", Some("office"));
        inventory.merge(with_asset("192.0.2.7/32", Rank::Instance, "ins-1", None));
        assert_eq!(inventory.asset(ip("192.0.2.7")).unwrap().id.as_deref(), Some("ins-1"));
        assert_eq!(inventory.ip_remark(ip("192.0.2.7")), Some("office"));
        assert_eq!(inventory.ip_remark(ip("198.51.100.1")), None);
    }

    #[test]
    fn the_machine_wins_over_its_interface_in_either_order() {
        let machine = || with_asset("192.0.2.7/32", Rank::Instance, "ins-1", None);
        let interface = || with_asset("192.0.2.7/32", Rank::Interface, "eni-1", Some("x"));
        for (mut first, second) in [(machine(), interface()), (interface(), machine())] {
            first.merge(second);
            let asset = first.asset(ip("192.0.2.7")).unwrap();
            assert_eq!(asset.name.as_deref(), Some("name of ins-1"));
            assert_eq!(asset.remark, None);
        }
    }

    fn user(uin: &str, name: &str, created: i64) -> User {
        User { uin: uin.to_owned(), name: name.to_owned(), created: Some(created), ..User::default() }
    }

    #[test]
    fn of_two_users_with_one_name_the_newest_answers_and_keeps_its_own_policies() {
        let mut inventory = Inventory::default();
        inventory.add_user(user("100000000102", "alice", 20));
        inventory.add_user(user("100000000101", "alice", 10));
        for (uin, policy) in [("100000000101", "Old"), ("100000000102", "New")] {
            let policy = AttachedPolicy { name: policy.to_owned(), ..AttachedPolicy::default() };
            inventory.lists.add_attached(Owner::User(uin.to_owned()), Pages::of_one(policy, None));
        }
        assert_eq!(inventory.user("alice").unwrap().uin, "100000000102");
        assert_eq!(inventory.policies_of("alice"), ["New"]);
        assert_eq!(inventory.policies_of("100000000101"), ["Old"]);
    }

    #[test]
    fn the_latest_use_and_the_most_final_state_of_a_key_are_kept() {
        let key =
            |last_used, status| KeyInfo { id: "AKIDEXAMPLE0001".to_owned(), last_used, status, ..KeyInfo::default() };
        let mut inventory = Inventory::default();
        inventory.add_key(key(Some(20), Some(KeyStatus::Inactive)));
        inventory.add_key(key(Some(10), Some(KeyStatus::Active)));
        inventory.add_key(key(None, None));
        let known = inventory.key("AKIDEXAMPLE0001").unwrap();
        assert_eq!(known.last_used, Some(20));
        assert_eq!(known.status, Some(KeyStatus::Inactive));
        assert!(!format!("{known:?}").contains("0001"));
    }

    #[test]
    fn nothing_known_gives_nothing() {
        let inventory = Inventory::default();
        assert!(inventory.user("").is_none());
        assert!(inventory.policies_of("alice").is_empty());
        assert_eq!(inventory.app_id(), None);
    }
}
