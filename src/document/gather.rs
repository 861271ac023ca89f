//! Reads a report's data from the database.

use super::advice::{Advisor, CONSOLE, recommend_command};
use super::model::{
    Address, Alarm, Call, Coverage, Day, Decision, Document, Figure, Headline, InputFile, Key, Period, Policy,
    Recommendation, Record, Reject, Report, Rule,
};
use crate::alarm::model::{Alarm as Found, CallRecord};
use crate::alarm::status::Status;
use crate::detect::{Level, Meta};
use crate::event::id::{mask_key, mask_keys_in};
use crate::event::words::TEMP_AK;
use crate::geo::Geo;
use crate::lang::Lang;
use crate::lang::rules::{RuleText, rule_text, why};
use crate::lang::told::told;
use crate::report::text::rfc3339;
use crate::store::alarms::{AlarmFilter, Numbered, Records, Sort, alarms, numbered};
use crate::store::allowlist::{self, Hits, Kept};
use crate::store::period::{self, PastReject, PastScan, call_times, files, scans};
use crate::store::read::{call_page, history, policy_documents};
use crate::store::usage::{Address as SeenAddress, ByLevel, Key as SeenKey, addresses, keys};
use crate::store::{Db, Failure, StoreError};
use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike};
use chrono_tz::Tz;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;

/// Days drawn; a longer period is shown by its last ones.
const MOST_DAYS: usize = 366;
/// Records of an alarm in a report.
const MOST_RECORDS: usize = 200;
/// Single calls of a record.
const MOST_CALLS: u64 = 20;
/// Bytes of bodies and resources of single calls in all; past them calls are left to `akguard calls`.
const MOST_BODIES: usize = 8 << 20;
/// Characters of one body or resource list.
const MOST_BODY: usize = 4_000;
/// Alarms that come with a recommendation: the first ones.
const MOST_ADVISED: usize = 500;
/// Event ids of an alarm.
const MOST_EVENTS: usize = 100;
/// Input files named.
const MOST_FILES: u64 = 1_000;
/// Days without events named, and rejects.
const MOST_NAMED: usize = 100;

/// What a report is to be about.
pub struct Order {
    /// Begin, in milliseconds.
    pub since: Option<i64>,
    /// End, in milliseconds.
    pub until: i64,
    /// The time now, in milliseconds.
    pub now: i64,
    /// Zone of times and dates.
    pub zone: Tz,
    /// Show keys in full.
    pub full_keys: bool,
    /// The command line.
    pub command: String,
    /// Alarms that no earlier report of this mark has shown are new; without it, those first seen in the period.
    pub mark: Option<String>,
    /// Where addresses are, if the log does not say.
    pub geo: Geo,
    /// Language of names and sentences.
    pub lang: Lang,
    /// Logs were read for the report alone.
    pub from_logs: bool,
    /// What could not be read, where logs were read for the report.
    pub rejects: Vec<Reject>,
}

/// Gathers a report.
pub fn gather(db: &Db, order: &Order) -> Result<Report, StoreError> {
    let now_filter = AlarmFilter { since: order.since, until: Some(order.until), ..AlarmFilter::default() };
    let numbered = numbered(db, &now_filter, order.now)?;
    let before = order.since.map(|since| since - (order.until - since));
    let earlier = match before {
        Some(before) => {
            let filter = AlarmFilter { since: Some(before), until: order.since, ..AlarmFilter::default() };
            Some(alarms(db, &filter, order.now, Sort::Level, None, Records::Addresses)?)
        }
        None => None,
    };
    let all_keys = keys(db, order.now)?;
    let unseen = unseen(db, order)?;
    let mut gatherer =
        Gatherer { db, order, unseen, hours: vec![vec![0; 24]; 7], bodies: 0, documents: BTreeMap::new() };
    let mut list = Vec::with_capacity(numbered.len());
    let mut found = Vec::with_capacity(numbered.len());
    for (place, mut one) in numbered.into_iter().enumerate() {
        list.push(gatherer.alarm(&one, &all_keys)?);
        if place >= MOST_ADVISED {
            only_addresses(&mut one.alarm);
        }
        found.push(one.alarm);
    }
    let coverage = coverage(db, order)?;
    gatherer.advise(&found, &mut list)?;
    Ok(Report {
        version: 1,
        tool: concat!("akguard ", env!("CARGO_PKG_VERSION")).to_string(),
        generated: order.time(order.now),
        zone: order.zone.to_string(),
        lang: if order.lang == Lang::Zh { "zh" } else { "en" }.to_string(),
        full_keys: order.full_keys,
        period: Period {
            since: order.since.map(|since| order.time(since)),
            until: order.time(order.until),
            before: before.map(|before| order.time(before)),
        },
        command: order.shown(&order.command),
        source: if order.from_logs { "logs" } else { "database" }.to_string(),
        mark: order.mark.clone(),
        headline: headline(&found, earlier.as_deref()),
        days: days(&found, order),
        hours: gatherer.hours,
        rules: found.iter().map(|alarm| (alarm.meta.id.to_string(), rule(alarm.meta, order.lang))).collect(),
        alarms: list,
        keys: key_list(all_keys, &found, order),
        ips: address_list(addresses(db, order.now)?, &found, order),
        allowlist: policies(db, order)?,
        coverage,
        attributions: order.geo.attributions().into_iter().map(str::to_string).collect(),
    })
}

/// Gives back what only the report's own alarm needs; from the records of the others, addresses are counted later.
fn only_addresses(alarm: &mut Found) {
    alarm.event_ids = Vec::new();
    for record in &mut alarm.records {
        (record.policies, record.clients, record.api_regions) = (Vec::new(), Vec::new(), Vec::new());
        (record.service, record.action, record.code) = (String::new(), String::new(), String::new());
        (record.user, record.region, record.asset_id, record.asset_name) = (None, None, None, None);
    }
}

/// Ids of alarms of the period that no report of the order's mark has shown.
fn unseen(db: &Db, order: &Order) -> Result<Option<BTreeSet<String>>, StoreError> {
    let Some(mark) = &order.mark else { return Ok(None) };
    let filter = AlarmFilter {
        since: order.since,
        until: Some(order.until),
        unseen_by: Some(mark.clone()),
        ..AlarmFilter::default()
    };
    let found = alarms(db, &filter, order.now, Sort::Level, None, Records::None)?;
    Ok(Some(found.into_iter().map(|alarm| alarm.id).collect()))
}

impl Order {
    fn time(&self, ms: i64) -> String {
        rfc3339(ms, self.zone)
    }

    fn local(&self, ms: i64) -> Option<DateTime<Tz>> {
        DateTime::from_timestamp_millis(ms).map(|time| time.with_timezone(&self.zone))
    }

    fn date(&self, ms: i64) -> Option<NaiveDate> {
        self.local(ms).map(|time| time.date_naive())
    }

    fn ak(&self, ak: &str) -> String {
        if self.full_keys || ak == TEMP_AK { ak.to_string() } else { mask_key(ak) }
    }

    /// A text in which ids of keys are masked, unless keys are shown in full.
    fn shown(&self, text: &str) -> String {
        if self.full_keys { text.to_string() } else { mask_keys_in(text).into_owned() }
    }

    /// Where an address is, and who says so: the log itself, else a table.
    fn place(&self, ip: Option<&str>, logged: Option<&String>) -> (Option<String>, Option<String>) {
        if let Some(logged) = logged {
            return (Some(logged.clone()), Some("log".to_string()));
        }
        let place = ip.and_then(|ip| ip.parse().ok()).and_then(|ip| self.geo.place(ip));
        place.map(|place| (place.text(self.lang), told(self.lang, &place.source))).unzip()
    }

    fn shown_if(&self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.shown(text))
    }

    fn shown_all(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.shown(text)).collect()
    }

    /// Whether something from `first` to `last` touches the period.
    fn touches(&self, first: Option<i64>, last: Option<i64>) -> bool {
        first.is_none_or(|first| first < self.until)
            && self.since.is_none_or(|since| last.is_some_and(|last| last >= since))
    }
}

/// What is needed on the way through the alarms.
struct Gatherer<'g> {
    db: &'g Db,
    order: &'g Order,
    unseen: Option<BTreeSet<String>>,
    hours: Vec<Vec<u64>>,
    bodies: usize,
    documents: BTreeMap<String, String>,
}

impl Gatherer<'_> {
    fn alarm(&mut self, numbered: &Numbered, keys: &[SeenKey]) -> Result<Alarm, StoreError> {
        let (found, number) = (&numbered.alarm, numbered.number);
        if found.level != Level::Invalid {
            self.note_hours(number)?;
        }
        let decision = |decision: &crate::alarm::status::Decision| Decision {
            status: decision.status.as_str().to_string(),
            at: self.order.time(decision.at),
            by: decision.by.clone(),
            note: decision.note.as_deref().map(|note| self.order.shown(note)),
        };
        let decisions = history(self.db, number)?.iter().map(decision).collect();
        let records = self.records(numbered)?;
        let own = |key: &&SeenKey| {
            key.ak == found.ak && key.account == found.account && (key.ak != TEMP_AK || key.user == found.user)
        };
        let risks = keys.iter().find(own).map_or(Vec::new(), |key| words(&key.risks, |risk| risk.as_str()));
        let new = |seen: i64| self.order.since.is_none_or(|since| seen >= since);
        Ok(Alarm {
            id: found.id.clone(),
            rule: found.meta.id.to_string(),
            name: rule_text(self.order.lang, found.meta.id).title,
            kind: found.meta.kind.as_str().to_string(),
            level: found.level.as_str().to_string(),
            status: found.status.as_str().to_string(),
            decisions,
            new_since_processed: found.new_since_processed,
            is_new: self
                .unseen
                .as_ref()
                .map_or_else(|| found.first_seen.is_none_or(new), |unseen| unseen.contains(&found.id)),
            date: found.date.clone(),
            account: found.account.clone(),
            identity: found.identity.as_str().to_string(),
            user: self.order.shown_if(found.user.as_ref()),
            ak: self.order.ak(&found.ak),
            ak_remark: self.order.shown_if(found.ak_remark.as_ref()),
            ak_risks: risks,
            first_call: self.order.time(found.first_call),
            last_call: self.order.time(found.last_call),
            first_seen: found.first_seen.map(|seen| self.order.time(seen)),
            success: found.success,
            failed: found.failed,
            tags: self.order.shown_all(&found.tags),
            attack: found.meta.attack.to_string(),
            why: self.order.shown(&why(self.order.lang, found.meta.id, &found.why)),
            event_ids: found.event_ids.iter().take(MOST_EVENTS).cloned().collect(),
            allowlisted_by: self.order.shown_all(&found.allowlisted_by),
            records,
            records_total: found.records.len() as u64,
            recommendation: None,
        })
    }

    fn note_hours(&mut self, number: i64) -> Result<(), StoreError> {
        for time in call_times(self.db, number)? {
            if let Some(local) = self.order.local(time) {
                self.hours[local.weekday().num_days_from_monday() as usize][local.hour() as usize] += 1;
            }
        }
        Ok(())
    }

    /// The newest records of an alarm with their first calls.
    fn records(&mut self, one: &Numbered) -> Result<Vec<Record>, StoreError> {
        let newest = one.records.iter().zip(&one.alarm.records).rev().take(MOST_RECORDS);
        newest.map(|(number, record)| self.record(*number, record)).collect()
    }

    fn record(&mut self, number: i64, found: &CallRecord) -> Result<Record, StoreError> {
        let (region, region_source) = self.order.place(found.source_ip.as_deref(), found.region.as_ref());
        Ok(Record {
            source_ip: found.source_ip.clone(),
            region,
            region_source,
            ip_remark: self.order.shown_if(found.ip_remark.as_ref()),
            ip_type: found.ip_type.clone(),
            asset_id: self.order.shown_if(found.asset_id.as_ref()),
            asset_name: self.order.shown_if(found.asset_name.as_ref()),
            method: found.method.as_str().to_string(),
            service: self.order.shown(&found.service),
            action: self.order.shown(&found.action),
            user_type: found.user_type.as_str().to_string(),
            user: self.order.shown_if(found.user.as_ref()),
            policies: self.policies(&found.policies)?,
            code: self.order.shown(&found.code),
            success: found.success,
            failed: found.failed,
            first_call: self.order.time(found.first_call),
            last_call: self.order.time(found.last_call),
            clients: self.order.shown_all(&found.clients),
            api_regions: found.api_regions.clone(),
            calls: self.calls(number)?,
        })
    }

    fn policies(&mut self, names: &[String]) -> Result<Vec<Document>, StoreError> {
        let unknown: Vec<String> = names.iter().filter(|name| !self.documents.contains_key(*name)).cloned().collect();
        if !unknown.is_empty() {
            let found = policy_documents(self.db, &unknown)?;
            self.documents.extend(unknown.into_iter().map(|name| (name, String::new())));
            self.documents.extend(found.into_iter().map(|(name, text)| (name, indented(&text))));
        }
        let document =
            |name: &String| Document { name: self.order.shown(name), text: self.order.shown(&self.documents[name]) };
        Ok(names.iter().map(document).collect())
    }

    fn calls(&mut self, record: i64) -> Result<Vec<Call>, StoreError> {
        if self.bodies > MOST_BODIES {
            return Ok(Vec::new());
        }
        let page = call_page(self.db, record, 1, MOST_CALLS)?;
        let mut calls = Vec::with_capacity(page.calls.len());
        for call in page.calls {
            let [body, resources] =
                [call.body, call.resources].map(|text| text.map(|text| cut(&self.order.shown(&text))));
            self.bodies += 100 + [&body, &resources].into_iter().flatten().map(String::len).sum::<usize>();
            let (time, request_id, event_id) = (self.order.time(call.time), call.request_id, call.event_id);
            calls.push(Call { time, request_id, event_id, body, resources });
        }
        Ok(calls)
    }

    /// Adds what is recommended to the first alarms, key by key.
    fn advise(&self, found: &[Found], list: &mut [Alarm]) -> Result<(), StoreError> {
        let mut advisor = Advisor::new(self.db, self.order.zone, self.order.now)?;
        let mut order: Vec<usize> = (0..found.len().min(MOST_ADVISED)).collect();
        order.sort_by_key(|place| (&found[*place].ak, &found[*place].user, *place));
        for place in order {
            let alarm = &found[place];
            let records: Vec<&CallRecord> = alarm.records.iter().collect();
            let Some((short, rec)) = advisor.about(alarm, &records)? else { continue };
            let document = |proposed: &crate::recommend::output::Proposed| Document {
                name: self.order.shown(&proposed.name),
                text: self.order.shown(&serde_json::to_string_pretty(&proposed.document).unwrap_or_default()),
            };
            list[place].recommendation = Some(Recommendation {
                summary: self.order.shown(&told(self.order.lang, &short.would_stop)),
                command: self.order.shown(&recommend_command(&short.holder)),
                documents: rec.documents.iter().map(document).collect(),
            });
        }
        Ok(())
    }
}

fn words<T>(list: &[T], word: impl Fn(&T) -> &'static str) -> Vec<String> {
    list.iter().map(|one| word(one).to_string()).collect()
}

/// JSON over several lines; other text as it is.
fn indented(text: &str) -> String {
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
    parsed.ok().and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or_else(|| text.to_string())
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_BODY) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

fn headline(found: &[Found], earlier: Option<&[Found]>) -> Headline {
    let figure = |count: &dyn Fn(&[Found]) -> usize| Figure {
        now: count(found) as u64,
        before: earlier.map(|earlier| count(earlier) as u64),
    };
    let apart = |alarms: &[Found], of: &dyn Fn(&Found) -> Vec<String>| -> usize {
        let standing = alarms.iter().filter(|alarm| alarm.level != Level::Invalid);
        standing.flat_map(of).collect::<HashSet<_>>().len()
    };
    let key = |alarm: &Found| vec![format!("{:?} {} {:?}", alarm.account, alarm.ak, temporary_user(alarm))];
    let ips = |alarm: &Found| alarm.records.iter().filter_map(|record| record.source_ip.clone()).collect();
    let level = |level: Level| figure(&|all| all.iter().filter(|alarm| alarm.level == level).count());
    Headline {
        levels: Level::ALL.iter().map(|one| (one.as_str().to_string(), level(*one))).collect(),
        unprocessed: figure(&|all| all.iter().filter(|alarm| is_open(alarm)).count()),
        keys: figure(&|all| apart(all, &key)),
        ips: figure(&|all| apart(all, &ips)),
        calls: figure(&|all| {
            let calls = all.iter().filter(|alarm| alarm.level != Level::Invalid).map(Found::total).sum::<u64>();
            usize::try_from(calls).unwrap_or(usize::MAX)
        }),
    }
}

fn temporary_user(alarm: &Found) -> Option<&String> {
    alarm.user.as_ref().filter(|_| alarm.ak == TEMP_AK)
}

fn is_open(alarm: &Found) -> bool {
    alarm.level != Level::Invalid && alarm.status == Status::Unprocessed
}

/// Alarms by day: every day from the period's begin, or the first alarm, to its end, or the last alarm without a begin.
fn days(found: &[Found], order: &Order) -> Vec<Day> {
    let zero = || Level::ALL.iter().map(|level| (level.as_str().to_string(), 0)).collect::<BTreeMap<_, u64>>();
    let mut by_date: BTreeMap<NaiveDate, BTreeMap<String, u64>> = BTreeMap::new();
    for alarm in found {
        let Ok(date) = alarm.date.parse() else { continue };
        *by_date.entry(date).or_insert_with(zero).entry(alarm.level.as_str().to_string()).or_default() += 1;
    }
    let (first, last) = (by_date.keys().next().copied(), by_date.keys().next_back().copied());
    let since = order.since.and_then(|since| order.date(since));
    let end = order.since.and_then(|_| order.date(order.until - 1));
    let Some((first, last)) = since.or(first).zip(end.or(last)) else { return Vec::new() };
    let mut days: Vec<Day> = Vec::new();
    let mut date = first.max(last - Days::new(MOST_DAYS as u64 - 1));
    while date <= last {
        days.push(Day { date: date.to_string(), levels: by_date.remove(&date).unwrap_or_else(zero) });
        date = date + Days::new(1);
    }
    days
}

fn rule(meta: &Meta, lang: Lang) -> Rule {
    let RuleText { title, summary, steps, .. } = rule_text(lang, meta.id);
    Rule {
        title,
        summary,
        steps,
        links: CONSOLE
            .iter()
            .map(|(_, name, url)| (crate::lang::text(lang, "show", name).to_string(), (*url).to_string()))
            .collect(),
        attack: meta.attack.to_string(),
        level: meta.level.as_str().to_string(),
    }
}

fn by_level(counts: &ByLevel) -> BTreeMap<String, u64> {
    Level::ALL.iter().zip(counts).map(|(level, count)| (level.as_str().to_string(), *count)).collect()
}

/// Alarms of the period by level, for each of what `of` finds in them.
fn counted<K: Eq + Hash>(found: &[Found], of: impl Fn(&Found) -> Vec<K>) -> HashMap<K, ByLevel> {
    let mut counts: HashMap<K, ByLevel> = HashMap::new();
    for alarm in found {
        let place = Level::ALL.iter().position(|level| *level == alarm.level).unwrap_or_default();
        let apart: HashSet<K> = of(alarm).into_iter().collect();
        for key in apart {
            counts.entry(key).or_default()[place] += 1;
        }
    }
    counts
}

/// What tells keys apart: account, id, and the user of temporary ones.
type KeyOf = (Option<String>, String, Option<String>);

fn key_of(account: Option<&String>, ak: &str, user: Option<&String>) -> KeyOf {
    (account.cloned(), ak.to_string(), user.filter(|_| ak == TEMP_AK).cloned())
}

fn key_list(mut keys: Vec<SeenKey>, found: &[Found], order: &Order) -> Vec<Key> {
    keys.retain(|key| order.touches(key.first, key.last));
    let mut counts = counted(found, |alarm| vec![key_of(alarm.account.as_ref(), &alarm.ak, alarm.user.as_ref())]);
    for key in &mut keys {
        key.alarms = counts.remove(&key_of(key.account.as_ref(), &key.ak, key.user.as_ref())).unwrap_or_default();
    }
    keys.sort_by_cached_key(|key| {
        (key.advice, Reverse(key.alarms), Reverse(key.last), key.ak.clone(), key.user.clone(), key.account.clone())
    });
    let time = |ms: Option<i64>| ms.map(|ms| order.time(ms));
    let one = |key: &SeenKey| Key {
        ak: order.ak(&key.ak),
        account: key.account.clone(),
        user: order.shown_if(key.user.as_ref()),
        identity: key.identity.as_str().to_string(),
        remark: order.shown_if(key.remark.as_ref()),
        first_use: time(key.first),
        last_use: time(key.last),
        ips: key.ips,
        outside_ips: key.outside_ips,
        services: key.services,
        apis: key.apis,
        alarms: by_level(&key.alarms),
        risks: words(&key.risks, |risk| risk.as_str()),
        advice: key.advice.as_str().to_string(),
    };
    keys.iter().map(one).collect()
}

fn address_list(mut seen: Vec<SeenAddress>, found: &[Found], order: &Order) -> Vec<Address> {
    seen.retain(|address| order.touches(address.first, address.last));
    let ips = |alarm: &Found| alarm.records.iter().filter_map(|record| record.source_ip.clone()).collect();
    let mut counts = counted(found, ips);
    for address in &mut seen {
        address.alarms = counts.remove(&address.ip).unwrap_or_default();
    }
    seen.sort_by_cached_key(|address| (Reverse(address.alarms), Reverse(address.last), address.ip.clone()));
    let time = |ms: Option<i64>| ms.map(|ms| order.time(ms));
    let one = |address: SeenAddress| {
        let (region, region_source) = order.place(Some(&address.ip), address.region.as_ref());
        Address {
            region_source,
            first_use: time(address.first),
            last_use: time(address.last),
            alarms: by_level(&address.alarms),
            ip: address.ip,
            ip_type: address.ip_type,
            remark: order.shown_if(address.remark.as_ref()),
            region,
            asset_id: order.shown_if(address.asset_id.as_ref()),
            asset_name: order.shown_if(address.asset_name.as_ref()),
            keys: address.keys,
            services: address.services,
            apis: address.apis,
        }
    };
    seen.into_iter().map(one).collect()
}

fn policies(db: &Db, order: &Order) -> Result<Vec<Policy>, StoreError> {
    let all = allowlist::list(&db.conn).map_err(|failure: Failure| failure.at(db.path()))?;
    let text = |text: &str| (!text.is_empty()).then(|| order.shown(text));
    let one = |(kept, hits): &(Kept, Hits)| {
        let policy = &kept.policy;
        let state = match (policy.enabled, policy.in_force(order.now)) {
            (false, _) => "disabled",
            (true, false) => "expired",
            (true, true) => "active",
        };
        Policy {
            id: kept.number.unsigned_abs(),
            name: order.shown(&policy.name),
            state: state.to_string(),
            covers: order.shown(&policy.describe()),
            reason: text(&policy.reason),
            owner: text(&policy.owner),
            created: order.time(policy.created),
            expires: policy.expires.map(|end| order.time(end)),
            hits: hits.calls,
            last_hit: hits.last.map(|last| order.time(last)),
        }
    };
    Ok(all.iter().map(one).collect())
}

fn coverage(db: &Db, order: &Order) -> Result<Coverage, StoreError> {
    let all = scans(db)?;
    let past: Vec<&PastScan> =
        all.iter().filter(|scan| order.since.is_none_or(|since| scan.finished >= since)).collect();
    let mut events: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in past.iter().flat_map(|scan| &scan.events) {
        *events.entry(name.clone()).or_default() += count;
    }
    let spans: Vec<(i64, i64)> = all.iter().filter_map(|scan| scan.time_span).collect();
    let (inputs, inputs_total) = files(db, order.since, MOST_FILES)?;
    let after = order.mark.as_deref().map(|mark| period::told(db, mark)).transpose()?.unwrap_or(0);
    let unread = period::unread(db, order.since, after)?;
    let rejects = rejects(db, order, after, &inputs)?;
    let (silent_days, silent_days_total) = silent_days(&spans, order);
    let input = |file: &crate::store::period::PastFile| InputFile {
        name: order.shown(&file.name),
        hash: Some(hex(&file.hash)),
        bytes: Some(file.size),
        state: "read".to_string(),
        read_at: Some(order.time(file.finished)),
    };
    Ok(Coverage {
        first_event: spans.iter().map(|(first, _)| *first).min().map(|first| order.time(first)),
        last_event: spans.iter().map(|(_, last)| *last).max().map(|last| order.time(last)),
        scans: past.len() as u64,
        events,
        new_rejected: unread.records,
        new_rejected_files: unread.files,
        newest_scan: all.iter().map(|scan| scan.number).max().unwrap_or(0),
        silent_days,
        silent_days_total,
        inputs: inputs.iter().map(input).collect(),
        inputs_total,
        rejects,
    })
}

/// What could not be read: of logs read for the report, else what the database keeps of the scans that the report is to
/// tell of. Of files that were read when it kept no records, the files are named.
fn rejects(db: &Db, order: &Order, after: i64, inputs: &[period::PastFile]) -> Result<Vec<Reject>, StoreError> {
    let kept = period::rejects(db, order.since, after, MOST_NAMED as u64)?;
    let damaged = inputs.iter().filter(|file| file.has_nameless_rejects && file.scan > after);
    let nameless = damaged.map(|file| Reject {
        file: Some(file.name.clone()),
        reason: "some records could not be read; scan it with --rescan to see which".to_string(),
        ..Reject::default()
    });
    let known = |reject: &PastReject| Reject {
        file: Some(reject.name.clone()),
        line: (reject.line > 0).then_some(reject.line),
        record: (reject.record > 0).then_some(reject.record),
        reason: reject.reason.clone(),
    };
    let mut rejects = order.rejects.clone();
    if rejects.is_empty() {
        rejects.extend(kept.iter().map(known).chain(nameless));
    }
    rejects.truncate(MOST_NAMED);
    for reject in &mut rejects {
        (reject.file, reject.reason) =
            (order.shown_if(reject.file.as_ref()), order.shown(&told(order.lang, &reject.reason)));
    }
    Ok(rejects)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Days of the period, or between the first and the last event, that the events of no scan reach: the first ones, and
/// how many there are. Without a begin nobody said for which days there should be logs, so that none is missed after
/// the last event.
fn silent_days(spans: &[(i64, i64)], order: &Order) -> (Vec<String>, u64) {
    let dates: Vec<(NaiveDate, NaiveDate)> =
        spans.iter().filter_map(|(first, last)| order.date(*first).zip(order.date(*last))).collect();
    let first = order.since.and_then(|since| order.date(since)).or(dates.iter().map(|(first, _)| *first).min());
    let last = order.since.and_then(|_| order.date(order.until - 1)).or(dates.iter().map(|(_, last)| *last).max());
    let Some((first, last)) = first.zip(last) else { return (Vec::new(), 0) };
    let days = first.iter_days().take_while(|date| *date <= last);
    let reached = |date: &NaiveDate| dates.iter().any(|(first, last)| first <= date && date <= last);
    let (mut named, mut total) = (Vec::new(), 0);
    for date in days.filter(|date| !reached(date)) {
        total += 1;
        if named.len() < MOST_NAMED {
            named.push(date.to_string());
        }
    }
    (named, total)
}
