//! An alarm as every output shows it: codes resolved to words, sorted, with its reason.

use super::fold::{AlarmKey, Folded, Folder, Record, RecordKey};
use crate::catalog::Catalog;
use crate::detect::rules::ActiveRule;
use crate::detect::{Level, Meta};
use crate::enrich::names::{ActorFacts, Names};
use crate::event::id::{RequestId, mask_key};
use crate::event::time::date_of;
use crate::event::words::{Method, TEMP_AK, UserType};
use crate::inventory::Inventory;
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Client strings and regions shown of a call record, the first by text: an attacker chooses client
/// strings freely.
const MAX_TEXTS: usize = 100;

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
    /// Where the address is, as the export says.
    pub region: Option<String>,
    /// Regions that were called.
    pub api_regions: Vec<String>,
    /// The user's remark on the address.
    pub ip_remark: Option<String>,
    /// in_account, outside, lan, unknown.
    pub ip_type: &'static str,
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
}

impl Alarm {
    /// The key as lists show it.
    pub fn ak_masked(&self) -> String {
        if self.ak == TEMP_AK { self.ak.clone() } else { mask_key(&self.ak) }
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
    let mut alarms: Vec<Alarm> = folder.alarms.into_iter().map(|(key, folded)| resolver.alarm(&key, folded)).collect();
    alarms.sort_by(|a, b| (a.level, Reverse(a.last_call), &a.id).cmp(&(b.level, Reverse(b.last_call), &b.id)));
    alarms
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
    fn alarm(&self, key: &AlarmKey, folded: Folded) -> Alarm {
        let active = &self.rules[key.rule];
        let account = &self.names.accounts[key.account as usize].0;
        let ak = key.key.map_or(TEMP_AK, |key| &self.names.keys[key as usize].0);
        let owner = key.owner.map_or("", |owner| &self.names.users[owner.user as usize].0);
        let kind = key.owner.map_or("", |owner| if owner.role { "role" } else { "user" });
        let date = date_of(key.day).to_string();
        let mut records: Vec<CallRecord> =
            folded.records.iter().map(|(key, record)| self.record(key, record)).collect();
        records.sort_by(|a, b| order(a).cmp(&order(b)));
        let (success, failed) = records.iter().fold((0, 0), |(s, f), r| (s + r.success, f + r.failed));
        let identity = match records.last().map(|record| record.user_type) {
            _ if key.key.is_none() => Identity::Temporary,
            Some(UserType::Root) => Identity::Root,
            _ => Identity::SubAccount,
        };
        Alarm {
            id: alarm_id(account, active.meta.id, ak, &format!("{kind}:{owner}"), &date),
            meta: active.meta,
            level: active.level,
            date,
            account: some(account),
            app_id: self.app_id(key.account, account),
            identity,
            user: some(owner).or_else(|| records.last().and_then(|record| record.user.clone())),
            ak: ak.to_string(),
            ak_remark: self.inventory.key(ak).and_then(|key| key.remark.clone()),
            first_call: folded.first,
            last_call: folded.last,
            success,
            failed,
            why: self.why(active, &records, &folded.notes),
            tags: folded.tags.into_iter().collect(),
            event_ids: distinct_ids(&folded.event_ids),
            records,
        }
    }

    fn app_id(&self, number: u32, account: &str) -> Option<String> {
        let listed = || self.inventory.owner_uin().filter(|owner| *owner == account).and(self.inventory.app_id());
        self.app_ids.get(&number).cloned().or_else(|| listed().map(str::to_string))
    }

    fn record(&self, key: &RecordKey, record: &Record) -> CallRecord {
        let names = self.names;
        let api = &names.apis[key.api as usize].1;
        let actor = self.actor(&record.actors);
        let (ip, shown) = &names.ips[key.ip as usize];
        let address = ip.parse().ok();
        let asset = address.and_then(|ip| self.inventory.asset(ip));
        let texts = |codes: &BTreeSet<u32>, text: &dyn Fn(u32) -> String| {
            let found: BTreeSet<String> =
                codes.iter().map(|code| text(*code)).filter(|text| !text.is_empty()).collect();
            found.into_iter().take(MAX_TEXTS).collect::<Vec<_>>()
        };
        let locations = texts(&record.locations, &|code| names.locations[code as usize].0.to_string());
        CallRecord {
            source_ip: some(ip),
            region: locations.into_iter().next(),
            api_regions: texts(&record.regions, &|code| names.regions[code as usize].0.to_string()),
            ip_remark: address.and_then(|ip| self.inventory.ip_remark(ip)).map(str::to_string),
            ip_type: shown.place.as_str(),
            asset_id: asset.and_then(|asset| asset.id.clone()),
            asset_name: asset.and_then(|asset| asset.name.clone()),
            method: if key.api_call { Method::Api } else { Method::Console },
            service: api.service.clone(),
            action: api.action.clone(),
            user_type: actor.user_type,
            user: some(&actor.name),
            policies: self.policies(actor.user_type, &actor.principal, &actor.name),
            code: names.codes[key.code as usize].0.to_string(),
            success: record.success,
            failed: record.failed,
            first_call: record.first,
            last_call: record.last,
            clients: texts(&record.clients, &|code| names.clients[code as usize].0.to_string()),
        }
    }

    /// One user may be known with and without UIN: the one with the smallest UIN stands for all.
    fn actor(&self, numbers: &BTreeSet<u32>) -> &ActorFacts {
        let facts = numbers.iter().map(|number| &self.names.actors[*number as usize].1);
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

fn distinct_ids(ids: &BTreeSet<(i64, RequestId)>) -> Vec<String> {
    let mut seen = hashbrown::HashSet::new();
    ids.iter().map(|(_, id)| id.to_text()).filter(|id| seen.insert(id.clone())).collect()
}

/// Records come in order of their last call, then of everything that tells them apart.
fn order(record: &CallRecord) -> impl Ord + '_ {
    let CallRecord { last_call, source_ip, service, action, method, user, user_type, code, first_call, .. } = record;
    (last_call, source_ip, service, action, method, user, user_type, code, first_call)
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
