//! An alarm as every output shows it: codes resolved to words, sorted, with its reason.

use super::few::Few;
use super::fold::{AlarmKey, CallDetail, Folded, Folder, Label, Record, RecordKey};
use super::part::{Hits, MAX_TEXTS, Part, PartRecord, Place, RecordId};
use super::status::{Decision, Status};
use crate::catalog::Catalog;
use crate::detect::rules::ActiveRule;
use crate::detect::{Level, Meta};
use crate::enrich::names::{ActorFacts, Names};
use crate::event::columns::flag;
use crate::event::id::mask_key;
use crate::event::redact::redact;
use crate::event::time::date_of;
use crate::event::words::{Method, TEMP_AK, UserType};
use crate::inventory::Inventory;
use hashbrown::HashMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bytes of a client string or code that are shown; what is longer was cut when it was read.
const MAX_TEXT: usize = 600;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The main account's.
    Root,
    /// A sub-account's.
    SubAccount,
    /// A session's, of a user or role.
    Temporary,
}

impl Identity {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::SubAccount => "sub_account",
            Self::Temporary => "temporary",
        }
    }
}

/// One call record of an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Source address.
    pub source_ip: Option<String>,
    /// Where the address is, as the export says, else as a database of places says.
    pub region: Option<String>,
    /// The database that says it; none where the export does.
    pub region_source: Option<Arc<str>>,
    /// Regions that were called.
    pub api_regions: Vec<String>,
    /// The user's remark on the address.
    pub ip_remark: Option<String>,
    /// in_account, outside, lan, unknown.
    pub ip_type: String,
    /// The asset that has the address.
    pub asset_id: Option<String>,
    /// The asset's name.
    pub asset_name: Option<String>,
    /// How the calls were made.
    pub method: Method,
    /// Service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Kind of caller.
    pub user_type: UserType,
    /// Name of the user or role.
    pub user: Option<String>,
    /// Policies attached to the user or role.
    pub policies: Vec<String>,
    /// Result code, `0` on success.
    pub code: String,
    /// Calls that succeeded.
    pub success: u64,
    /// Calls that failed.
    pub failed: u64,
    /// First call, in milliseconds.
    pub first_call: i64,
    /// Last call, in milliseconds.
    pub last_call: i64,
    /// Client strings.
    pub clients: Vec<String>,
    /// Names of the allowlist policies in force that cover these calls.
    pub allowlisted_by: Vec<String>,
}

impl CallRecord {
    /// Who says where the address is: `log`, or a database of places.
    pub fn region_source(&self) -> Option<&str> {
        self.region.as_ref().map(|_| self.region_source.as_deref().unwrap_or("log"))
    }
}

/// Where an alarm's calls came from, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// The address with the newest call.
    pub newest: Option<String>,
    /// How many different ones there are; calls without an address count as one.
    pub count: usize,
    /// The first addresses by text, for lists that name them.
    pub first: Vec<String>,
    /// Where the newest one is, for tables that show it; never kept.
    #[serde(skip)]
    pub region: Option<String>,
}

/// Addresses named for each alarm in lists; JSON has all.
const MAX_SOURCES: usize = 20;

impl Sources {
    /// Those of records, which come in the usual order.
    pub fn of(records: &[CallRecord]) -> Self {
        let ips: BTreeSet<Option<&str>> = records.iter().map(|record| record.source_ip.as_deref()).collect();
        Self {
            newest: records.last().and_then(|record| record.source_ip.clone()),
            count: ips.len(),
            first: ips.into_iter().flatten().take(MAX_SOURCES).map(str::to_string).collect(),
            region: None,
        }
    }
}

/// One alarm.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Stable id.
    pub id: String,
    /// The rule.
    pub meta: &'static Meta,
    /// Level, after the settings.
    pub level: Level,
    /// Local date.
    pub date: String,
    /// Main account.
    pub account: Option<String>,
    /// APPID of the account.
    pub app_id: Option<String>,
    /// Whose key it is.
    pub identity: Identity,
    /// Name of the user or role.
    pub user: Option<String>,
    /// The key, or `TEMP_AK`.
    pub ak: String,
    /// The remark on the key.
    pub ak_remark: Option<String>,
    /// First call, in milliseconds.
    pub first_call: i64,
    /// Last call, in milliseconds.
    pub last_call: i64,
    /// Calls that succeeded.
    pub success: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Tags.
    pub tags: Vec<String>,
    /// Why it fired, in words.
    pub why: String,
    /// Request ids of the first events.
    pub event_ids: Vec<String>,
    /// Call records.
    pub records: Vec<CallRecord>,
    /// Where the calls came from.
    pub sources: Sources,
    /// Where it stands in somebody's work.
    pub status: Status,
    /// The last decision about it.
    pub decision: Option<Decision>,
    /// Calls that came after that decision.
    pub new_since_processed: u64,
    /// When a scan first saw it, in milliseconds; none without a database.
    pub first_seen: Option<i64>,
    /// Names of the allowlist policies in force that cover calls of it.
    pub allowlisted_by: Vec<String>,
    /// Calls that policies cover. Those of an alarm that still stands are left out of its counts and records.
    pub allowlisted_calls: u64,
}

/// What is fixed about an alarm: what its id is made of, and whose it is.
#[derive(Clone, Debug)]
pub struct Head {
    /// Stable id.
    pub id: String,
    /// The rule.
    pub meta: &'static Meta,
    /// Local date.
    pub date: String,
    /// Main account, empty when unknown.
    pub account: String,
    /// APPID of the account.
    pub app_id: Option<String>,
    /// The key.
    pub key: KeyName,
}

/// A key as alarms name it, in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// The key's id, or `TEMP_AK`.
    pub ak: String,
    /// For temporary keys, the user or role they belong to.
    pub owner: String,
    /// The owner is a role.
    pub role: bool,
}

impl KeyName {
    /// Whether the key is temporary.
    pub fn is_temporary(&self) -> bool {
        self.ak == TEMP_AK
    }

    /// The id of an alarm about this key.
    pub fn alarm_id(&self, account: &str, rule: &str, date: &str) -> String {
        let kind = match (self.is_temporary(), self.role) {
            (false, _) => "",
            (true, true) => "role",
            (true, false) => "user",
        };
        alarm_id(account, rule, &self.ak, &format!("{kind}:{}", self.owner), date)
    }
}

/// The details of calls, by event.
pub type Details = BTreeMap<u64, (i64, Arc<CallDetail>)>;

impl Alarm {
    /// The key as lists show it.
    pub fn ak_masked(&self) -> String {
        if self.ak == TEMP_AK { self.ak.clone() } else { mask_key(&self.ak) }
    }

    /// Whether somebody has to look: at this level or above, not decided about, and not covered.
    pub fn is_open(&self, level: Level) -> bool {
        self.level <= level && self.level != Level::Invalid && self.status == Status::Unprocessed
    }

    /// Calls in all.
    pub fn total(&self) -> u64 {
        self.success + self.failed
    }
}

/// What is needed to turn codes into words.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    /// The rules, in the order of their numbers.
    pub rules: &'a [ActiveRule],
    /// Numbers to texts.
    pub names: &'a Names,
    /// What the account owns.
    pub inventory: &'a Inventory,
    /// Lists, for the "why".
    pub catalog: &'a Catalog,
    /// APPIDs by account.
    pub app_ids: &'a HashMap<u32, String>,
}

/// The alarms of a folder, worst level first, then newest, then by id.
pub fn resolve(folder: Folder, resolver: &Resolver<'_>) -> Vec<Alarm> {
    let alarm = |(key, folded): (AlarmKey, Folded)| {
        let (head, part) = (resolver.head(&key), resolver.part(folded, &mut Details::new()));
        resolver.alarm(head, part)
    };
    let found: Vec<_> = folder.alarms.into_iter().collect();
    let mut alarms: Vec<Alarm> = found.into_par_iter().map(alarm).collect();
    sort(&mut alarms);
    alarms
}

/// Puts alarms in order: worst level first, then newest, then by id.
pub fn sort(alarms: &mut [Alarm]) {
    alarms.sort_by(|a, b| (a.level, Reverse(a.last_call), &a.id).cmp(&(b.level, Reverse(b.last_call), &b.id)));
}

/// The id of an alarm: a hash of account, rule, key and date, and of nothing that may change.
pub fn alarm_id(account: &str, rule: &str, ak: &str, user: &str, date: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["akguard alarm 1", account, rule, ak, user, date] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold("A-".to_string(), |id, byte| format!("{id}{byte:02x}"))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}

impl Resolver<'_> {
    /// What is fixed about the alarm with this key.
    pub fn head(&self, key: &AlarmKey) -> Head {
        let meta = self.rules[key.rule].meta;
        let account = &self.names.accounts[key.label.account as usize].0;
        let date = date_of(key.day).to_string();
        let name = self.key_name(&key.label);
        Head {
            id: name.alarm_id(account, meta.id, &date),
            meta,
            date,
            account: account.to_string(),
            app_id: self.app_id(key.label.account, account),
            key: name,
        }
    }

    /// A key's name in words.
    pub fn key_name(&self, label: &Label) -> KeyName {
        KeyName {
            ak: label.key.map_or(TEMP_AK, |key| &self.names.keys[key as usize].0).to_string(),
            owner: label.owner.map_or("", |owner| &self.names.users[owner.user as usize].0).to_string(),
            role: label.owner.is_some_and(|owner| owner.role),
        }
    }

    /// What was folded, in words; details of calls are put into `details`.
    pub fn part(&self, folded: Folded, details: &mut Details) -> Part {
        let mut records = BTreeMap::new();
        for (key, record) in folded.records {
            let (id, record) = self.record(&key, record, details);
            records.insert(id, record);
        }
        let event_ids = folded.event_ids.into_iter().map(|(time, id)| (time, id.to_text())).collect();
        Part { tags: folded.tags, notes: folded.notes, event_ids, records }
    }

    /// The alarm that all parts of it make up. Its rule must be one of the resolver's, or keeps its usual level.
    pub fn alarm(&self, head: Head, part: Part) -> Alarm {
        let active = self.rules.iter().find(|active| active.meta.id == head.meta.id);
        let mut records: Vec<CallRecord> =
            part.records.into_iter().map(|(id, record)| call_record(id, record)).collect();
        records.sort_by(|a, b| order(a).cmp(&order(b)));
        let (success, failed) = records.iter().fold((0, 0), |(s, f), r| (s + r.success, f + r.failed));
        let identity = match records.last().map(|record| record.user_type) {
            _ if head.key.is_temporary() => Identity::Temporary,
            Some(UserType::Root) => Identity::Root,
            _ => Identity::SubAccount,
        };
        Alarm {
            id: head.id,
            meta: head.meta,
            level: active.map_or(head.meta.level, |active| active.level),
            date: head.date,
            account: some(&head.account),
            app_id: head.app_id,
            identity,
            user: some(&head.key.owner).or_else(|| records.last().and_then(|record| record.user.clone())),
            ak_remark: self.inventory.key(&head.key.ak).and_then(|key| key.remark.clone()),
            ak: head.key.ak,
            first_call: records.iter().map(|record| record.first_call).min().unwrap_or_default(),
            last_call: records.iter().map(|record| record.last_call).max().unwrap_or_default(),
            success,
            failed,
            why: active.map_or(String::new(), |active| self.why(active, &records, &part.notes)),
            tags: part.tags.into_iter().collect(),
            event_ids: distinct_ids(&part.event_ids),
            sources: Sources::of(&records),
            records,
            status: Status::default(),
            decision: None,
            new_since_processed: 0,
            first_seen: None,
            allowlisted_by: Vec::new(),
            allowlisted_calls: 0,
        }
    }

    fn app_id(&self, number: u32, account: &str) -> Option<String> {
        let listed = || self.inventory.owner_uin().filter(|owner| *owner == account).and(self.inventory.app_id());
        self.app_ids.get(&number).cloned().or_else(|| listed().map(str::to_string))
    }

    fn record(&self, key: &RecordKey, record: Record, details: &mut Details) -> (RecordId, PartRecord) {
        let names = self.names;
        let api = &names.apis[key.api as usize].1;
        let actor = self.actor(&record.actors);
        let (ip, shown) = &names.ips[key.ip as usize];
        let address = ip.parse().ok();
        let asset = address.and_then(|ip| self.inventory.asset(ip));
        let texts = |codes: &Few, text: &dyn Fn(u32) -> String| {
            let found: BTreeSet<String> = codes.iter().map(text).filter(|text| !text.is_empty()).collect();
            found.into_iter().take(MAX_TEXTS).collect::<BTreeSet<_>>()
        };
        let id = RecordId {
            source_ip: ip.to_string(),
            service: api.service.clone(),
            action: api.action.clone(),
            api_call: key.api_call,
            user_type: user_type(key.kind),
            user: names.users[key.user as usize].0.to_string(),
            code: redact(&names.codes[key.code as usize].0, MAX_TEXT),
            success: key.success,
        };
        let mut calls = BTreeMap::new();
        for ((time, event), call) in record.calls {
            calls.insert((time, event), call.request_id.to_text());
            details.extend(call.detail.map(|detail| (event, (time, detail))));
        }
        let record = PartRecord {
            count: record.count,
            hits: Hits::new(record.hits),
            calls,
            first: record.first,
            last: record.last,
            principal: actor.principal.clone(),
            policies: self.policies(actor.user_type, &actor.principal, &actor.name),
            clients: texts(&record.clients, &|code| redact(&names.clients[code as usize].0, MAX_TEXT)),
            api_regions: texts(&record.regions, &|code| names.regions[code as usize].0.to_string()),
            locations: texts(&record.locations, &|code| names.locations[code as usize].0.to_string()),
            place: Place {
                ip_type: shown.place.as_str().to_string(),
                asset_id: asset.and_then(|asset| asset.id.clone()),
                asset_name: asset.and_then(|asset| asset.name.clone()),
                ip_remark: address.and_then(|ip| self.inventory.ip_remark(ip)).map(str::to_string),
                informed: self.inventory.network_count() > 0,
            },
        };
        (id, record)
    }

    /// One user may be known with and without UIN: the one with the smallest UIN stands for all.
    fn actor(&self, numbers: &Few) -> &ActorFacts {
        let facts = numbers.iter().map(|number| &self.names.actors[number as usize].1);
        facts.min_by_key(|facts| (facts.principal.is_empty(), &facts.principal)).expect("a record has a caller")
    }

    fn policies(&self, kind: UserType, principal: &str, name: &str) -> Vec<String> {
        let found = |who: &str| match kind {
            UserType::Role | UserType::Service => self.inventory.policies_of_role(who),
            UserType::Root | UserType::SubAccount => self.inventory.policies_of_user(who),
        };
        let by_id = if principal.is_empty() { &[] } else { found(principal) };
        if by_id.is_empty() { found(name).to_vec() } else { by_id.to_vec() }
    }

    /// The rule's condition, what is known of the APIs called most, and what the rule itself found out.
    fn why(&self, active: &ActiveRule, records: &[CallRecord], notes: &BTreeSet<String>) -> String {
        const NAMED: usize = 3;
        let mut by_api: HashMap<(&str, &str), u64> = HashMap::new();
        for record in records {
            *by_api.entry((&record.service, &record.action)).or_default() += record.success + record.failed;
        }
        let mut apis: Vec<_> = by_api.into_iter().collect();
        apis.sort_by_key(|((service, action), count)| (Reverse(*count), *service, *action));
        let described: Vec<String> =
            apis.iter().filter_map(|((s, a), _)| active.rule.api_note(self.catalog, s, a)).collect();
        let mut parts = vec![active.meta.because.to_string()];
        parts.extend(described.iter().take(NAMED).cloned());
        if described.len() > NAMED {
            parts.push(format!("and {} more APIs", described.len() - NAMED));
        }
        parts.extend(notes.iter().cloned());
        parts.join(", ")
    }
}

/// The kind of caller that a record's bits tell.
fn user_type(kind: u32) -> UserType {
    if kind & flag::ROOT != 0 {
        UserType::Root
    } else if kind & flag::SERVICE_IDENTITY != 0 {
        UserType::Service
    } else if kind & flag::ROLE != 0 {
        UserType::Role
    } else {
        UserType::SubAccount
    }
}

fn call_record(id: RecordId, record: PartRecord) -> CallRecord {
    let (success, failed) = if id.success { (record.count, 0) } else { (0, record.count) };
    CallRecord {
        source_ip: some(&id.source_ip),
        region: record.locations.into_iter().next(),
        region_source: None,
        api_regions: record.api_regions.into_iter().collect(),
        ip_remark: record.place.ip_remark,
        ip_type: record.place.ip_type,
        asset_id: record.place.asset_id,
        asset_name: record.place.asset_name,
        method: if id.api_call { Method::Api } else { Method::Console },
        service: id.service,
        action: id.action,
        user_type: id.user_type,
        user: some(&id.user),
        policies: record.policies,
        code: id.code,
        success,
        failed,
        first_call: record.first,
        last_call: record.last,
        clients: record.clients.into_iter().collect(),
        allowlisted_by: Vec::new(),
    }
}

fn distinct_ids(ids: &BTreeSet<(i64, String)>) -> Vec<String> {
    let mut seen = hashbrown::HashSet::new();
    ids.iter().map(|(_, id)| id.clone()).filter(|id| seen.insert(id.clone())).collect()
}

/// Records come in order of their last call, then of everything that tells them apart.
pub fn order(record: &CallRecord) -> impl Ord + '_ {
    let CallRecord { last_call, source_ip, service, action, method, user, user_type, code, first_call, .. } = record;
    (last_call, source_ip, service, action, method, user, user_type, code, (first_call, record.success))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_hangs_on_account_rule_key_and_date_alone() {
        let id = alarm_id("1", "create-key", "AKIDEXAMPLE", "", "2026-03-02");
        assert_eq!(id, alarm_id("1", "create-key", "AKIDEXAMPLE", "", "2026-03-02"));
        assert_eq!(id.len(), 18);
        for other in [
            alarm_id("2", "create-key", "AKIDEXAMPLE", "", "2026-03-02"),
            alarm_id("1", "create-keyA", "KIDEXAMPLE", "", "2026-03-02"),
            alarm_id("1", "create-key", "TEMP_AK", "ops", "2026-03-02"),
            alarm_id("1", "create-key", "AKIDEXAMPLE", "", "2026-03-03"),
        ] {
            assert_ne!(id, other);
        }
    }
}
