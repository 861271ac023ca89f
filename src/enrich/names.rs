//! Distinct texts and what is known of each, looked up once and referred to by number.
//!
//! Events repeat a few thousand keys, addresses and APIs millions of times. Each distinct one gets a
//! number and its facts when it is first seen; workers keep a cache so that they rarely meet.

use crate::catalog::params::AskedBy;
use crate::event::words::UserType;
use crate::inventory::IpPlace;
use compact_str::CompactString;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use std::sync::Mutex;

/// Longest text kept of a field that an attacker chooses freely. Real client strings and codes are
/// under 200 bytes.
const MAX_TEXT: usize = 512;

/// What is known of an API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one API")]
pub struct ApiFacts {
    /// Service, as shown.
    pub service: String,
    /// Action, as logged.
    pub action: String,
    /// Service as lists compare it.
    pub family: String,
    /// Flag bits that follow from the API alone.
    pub flags: u32,
    /// The name alone says that it reads.
    pub reads: bool,
    /// Sensitive by its name, when it writes.
    pub sensitive: bool,
    /// Index of conditions to judge: key creation, escalation.
    pub conditional: bool,
    /// Signature markers to look for.
    pub markers: u32,
    /// Makes a user.
    pub creates_user: bool,
    /// Made by the platform, not by anybody.
    pub platform: bool,
    /// What its parameters say about resources and roles.
    pub asked_by: AskedBy,
}

/// What is known of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorFacts {
    /// The kind of caller.
    pub user_type: UserType,
    /// Name as shown.
    pub name: String,
    /// `userName` as logged, which is `roleUser` for many roles.
    pub user_name: String,
    /// Number of the name.
    pub user: u32,
    /// UIN or role id.
    pub principal: String,
    /// Number of the UIN or role id, or of the name where there is none.
    pub principal_number: u32,
}

/// What is known of a source address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpFacts {
    /// Number of the address as shown.
    pub id: u32,
    /// Flag bits that follow from the address.
    pub flags: u32,
    /// An address inside Tencent's own network, behind which console users stand.
    pub internal: bool,
    /// An address at all.
    pub valid: bool,
}

/// What is known of an address, for output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpShown {
    /// Where the address is.
    pub place: IpPlace,
}

/// What is known of a result code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFacts {
    /// Means a missing permission, in any case.
    pub denied: bool,
    /// Means a missing permission when `errorCode` failed too.
    pub denied_if_cam_code: bool,
    /// Key or signature were wrong.
    pub bad_key: bool,
}

/// Distinct texts kept of a field that an attacker chooses freely; what comes after them is one entry,
/// [`OTHERS`]. Real logs have thousands.
const MAX_FREE_TEXTS: usize = 1 << 17;
/// Stands for the texts that were too many to tell apart.
const OTHERS: &str = "(others)";

/// Distinct texts with their facts, shared by all workers.
#[derive(Debug)]
pub struct Table<T> {
    inner: Mutex<Inner<T>>,
    limit: usize,
}

#[derive(Debug)]
struct Inner<T> {
    numbers: HashMap<Box<str>, u32>,
    items: Vec<(Box<str>, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::limited(usize::MAX)
    }
}

impl<T> Table<T> {
    fn limited(limit: usize) -> Self {
        Self { inner: Mutex::new(Inner { numbers: HashMap::new(), items: Vec::new() }), limit }
    }
}

impl<T: Clone> Table<T> {
    /// The number and facts of `text`; `make` finds the facts out when it is new.
    pub fn intern(&self, text: &str, make: impl FnOnce() -> T) -> (u32, T) {
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = if inner.items.len() >= self.limit && !inner.numbers.contains_key(text) { OTHERS } else { text };
        if let Some(number) = inner.numbers.get(text) {
            return (*number, inner.items[*number as usize].1.clone());
        }
        let facts = make();
        let number = u32::try_from(inner.items.len()).unwrap_or(u32::MAX);
        inner.numbers.insert(text.into(), number);
        inner.items.push((text.into(), facts.clone()));
        (number, facts)
    }

    /// All texts so far, by number.
    pub fn texts(&self) -> Vec<Box<str>> {
        let inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.items.iter().map(|(text, _)| text.clone()).collect()
    }

    /// All texts and facts by number, once no worker adds any more.
    pub fn into_items(self) -> Vec<(Box<str>, T)> {
        self.inner.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).items
    }
}

/// One worker's view of a table.
#[derive(Debug)]
pub struct Cache<'t, T> {
    table: &'t Table<T>,
    known: HashMap<CompactString, (u32, T)>,
    /// What was asked for last: events in a row often have the same result, region or place.
    last: Option<(CompactString, (u32, T))>,
}

impl<'t, T: Clone> Cache<'t, T> {
    /// An empty cache.
    pub fn new(table: &'t Table<T>) -> Self {
        Self { table, known: HashMap::new(), last: None }
    }

    /// The number and facts of `text`.
    pub fn get(&mut self, text: &str, make: impl FnOnce() -> T) -> (u32, T) {
        if let Some((last, entry)) = &self.last
            && last == text
        {
            return entry.clone();
        }
        let entry = self.look_up(text, make).clone();
        self.last = Some((text.into(), entry.clone()));
        entry
    }

    /// The cache of a limited table is emptied when it has grown past the limit.
    fn look_up(&mut self, text: &str, make: impl FnOnce() -> T) -> &(u32, T) {
        if self.known.len() >= self.table.limit && !self.known.contains_key(text) {
            self.known.clear();
        }
        match self.known.entry_ref(text) {
            EntryRef::Occupied(known) => known.into_mut(),
            EntryRef::Vacant(new) => new.insert_with_key(text.into(), self.table.intern(text, make)),
        }
    }
}

/// Every table of a scan.
#[derive(Debug)]
pub struct NameTables {
    /// Main accounts.
    pub accounts: Table<()>,
    /// Access key ids.
    pub keys: Table<()>,
    /// Callers.
    pub actors: Table<ActorFacts>,
    /// Callers' names as shown.
    pub users: Table<()>,
    /// UINs and role ids.
    pub principals: Table<()>,
    /// APIs.
    pub apis: Table<ApiFacts>,
    /// Source addresses.
    pub ips: Table<IpShown>,
    /// Client strings.
    pub clients: Table<u32>,
    /// Result codes.
    pub codes: Table<CodeFacts>,
    /// Regions.
    pub regions: Table<()>,
    /// Where addresses are.
    pub locations: Table<()>,
    /// Parameter values that first uses are about.
    pub values: Table<()>,
}

/// The tables once reading is done: numbers to texts.
#[derive(Debug)]
pub struct Names {
    /// Main accounts.
    pub accounts: Vec<(Box<str>, ())>,
    /// Access key ids.
    pub keys: Vec<(Box<str>, ())>,
    /// Callers.
    pub actors: Vec<(Box<str>, ActorFacts)>,
    /// Callers' names as shown.
    pub users: Vec<(Box<str>, ())>,
    /// APIs.
    pub apis: Vec<(Box<str>, ApiFacts)>,
    /// Source addresses.
    pub ips: Vec<(Box<str>, IpShown)>,
    /// Client strings.
    pub clients: Vec<(Box<str>, u32)>,
    /// Result codes.
    pub codes: Vec<(Box<str>, CodeFacts)>,
    /// Regions.
    pub regions: Vec<(Box<str>, ())>,
    /// Where addresses are.
    pub locations: Vec<(Box<str>, ())>,
    /// UINs and role ids.
    pub principals: Vec<(Box<str>, ())>,
    /// Parameter values that first uses are about.
    pub values: Vec<(Box<str>, ())>,
}

impl Default for NameTables {
    fn default() -> Self {
        Self {
            accounts: Table::default(),
            keys: Table::default(),
            actors: Table::default(),
            users: Table::default(),
            principals: Table::default(),
            apis: Table::default(),
            ips: Table::default(),
            clients: Table::limited(MAX_FREE_TEXTS),
            codes: Table::limited(MAX_FREE_TEXTS),
            regions: Table::limited(MAX_FREE_TEXTS),
            locations: Table::limited(MAX_FREE_TEXTS),
            values: Table::default(),
        }
    }
}

impl NameTables {
    /// Ends the collecting of names.
    pub fn finish(self) -> Names {
        Names {
            accounts: self.accounts.into_items(),
            keys: self.keys.into_items(),
            actors: self.actors.into_items(),
            users: self.users.into_items(),
            apis: self.apis.into_items(),
            ips: self.ips.into_items(),
            clients: self.clients.into_items(),
            codes: self.codes.into_items(),
            regions: self.regions.into_items(),
            locations: self.locations.into_items(),
            principals: self.principals.into_items(),
            values: self.values.into_items(),
        }
    }
}

/// At most the first 512 bytes of a text, cut between characters.
pub fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
