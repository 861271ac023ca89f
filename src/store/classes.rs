//! What each call counts as for a recommendation: alarms, decisions and the allowlist make the difference.

use super::Failure;
use super::alarms::{AlarmFilter, Listed, Remarks, in_force, listed};
use super::pack::unpack;
use super::project::record_numbers;
use crate::alarm::part::{Part, PartRecord, RecordId};
use crate::alarm::status::Status;
use crate::detect::activity::Outcome;
use crate::detect::{AlarmType, Level};
use crate::recommend::input::{AlarmFacts, Class};
use hashbrown::{HashMap, HashSet};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Rules whose alarms mean that the key is in wrong hands (our inference).
const COMPROMISE: [&str; 6] = [
    "github-key-confirmation",
    "hacker-tool",
    "privilege-escalation",
    "create-key",
    "cos-browser-call",
    "cloud-manager-call",
];
/// How long before and after such an alarm calls with the key from the same address are in doubt, in milliseconds.
const AROUND: i64 = 24 * 3_600_000;

/// A key as alarms name it: id, and for temporary keys whose.
pub(super) type KeyOf = (String, String, String, bool);

/// What is known of the calls of one key.
#[derive(Debug, Default)]
pub(super) struct KeyAlarms {
    /// Alarms about it.
    pub(super) alarms: Vec<AlarmFacts>,
    /// The events that alarms are about: the alarm's place, and whether it was reviewed.
    hits: HashMap<u64, (usize, bool)>,
    /// The same events by what was called.
    calls: HashMap<(String, String), Vec<Hit>>,
    /// Where and when the key was in wrong hands.
    doubts: Vec<Doubt>,
}

/// An event that an alarm is about, as far as the alarm tells.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    event: u64,
    /// When, in milliseconds; where single calls are not kept, when the last of its record was.
    pub(super) time: i64,
    /// Source address, empty when there is none.
    pub(super) ip: String,
    /// Made through the API, not the console.
    pub(super) api_call: bool,
    /// It succeeded.
    pub(super) success: bool,
}

#[derive(Debug)]
struct Doubt {
    ip: String,
    from: i64,
    until: i64,
    alarm: usize,
}

/// Of so many key ids alarms are looked up one by one; for more, all alarms are read once.
const LOOKED_UP: usize = 8;

/// Reads the alarms about keys.
pub(super) fn read(conn: &Connection, now: i64, keys: &HashSet<&KeyOf>) -> Result<HashMap<KeyOf, KeyAlarms>, Failure> {
    let remarks = Remarks::read(conn)?;
    let covered = in_force(conn, now)?;
    let mut found: HashMap<KeyOf, KeyAlarms> = HashMap::new();
    let aks: BTreeSet<&String> = keys.iter().map(|(_, ak, ..)| ak).collect();
    let only = |ak: &String| AlarmFilter { ak: Some(ak.clone()), ..AlarmFilter::default() };
    let filters =
        if aks.len() > LOOKED_UP { vec![AlarmFilter::default()] } else { aks.into_iter().map(only).collect() };
    let mut all = Vec::new();
    for filter in &filters {
        all.extend(listed(conn, filter, now, false, &remarks)?);
    }
    // Of several alarms about a call the first by id is named, whatever was scanned first.
    all.sort_by(|a, b| a.alarm.id.cmp(&b.alarm.id));
    for one in all {
        let key = (one.alarm.account.clone().unwrap_or_default(), one.alarm.ak.clone(), one.owner.clone(), one.role);
        if keys.contains(&key) {
            found.entry(key).or_default().add(conn, &one, &covered)?;
        }
    }
    Ok(found)
}

impl KeyAlarms {
    fn add(&mut self, conn: &Connection, one: &Listed, covered: &HashSet<i64>) -> Result<(), Failure> {
        let (place, alarm) = (self.alarms.len(), &one.alarm);
        let reviewed = alarm.status == Status::Ignored || alarm.level == Level::Invalid;
        let compromise = COMPROMISE.contains(&alarm.meta.id);
        self.alarms.push(AlarmFacts {
            id: alarm.id.clone(),
            rule: alarm.meta.id.to_string(),
            level: alarm.level.as_str().to_string(),
            status: alarm.status.as_str().to_string(),
            leak: alarm.meta.kind == AlarmType::Leak,
            compromise,
            ak: alarm.ak.clone(),
            first: alarm.first_call,
            last: alarm.last_call,
        });
        let numbers = record_numbers(conn, one.number)?;
        for part in parts(conn, one.number)? {
            for (id, record) in part.records {
                self.note_hits(&id, &record);
                let expected = reviewed || numbers.get(&id).is_some_and(|number| covered.contains(number));
                for event in &record.hits.0 {
                    let hit = self.hits.entry(*event).or_insert((place, expected));
                    if hit.1 && !expected {
                        *hit = (place, false);
                    }
                }
                if compromise && !expected && !id.source_ip.is_empty() {
                    let (from, until) = (record.first - AROUND, record.last + AROUND);
                    self.doubts.push(Doubt { ip: id.source_ip, from, until, alarm: place });
                }
            }
        }
        Ok(())
    }

    fn note_hits(&mut self, id: &RecordId, record: &PartRecord) {
        let times: HashMap<u64, i64> = record.calls.keys().map(|(time, event)| (*event, *time)).collect();
        let hits = record.hits.0.iter().map(|event| Hit {
            event: *event,
            time: times.get(event).copied().unwrap_or(record.last),
            ip: id.source_ip.clone(),
            api_call: id.api_call,
            success: id.success,
        });
        self.calls.entry((id.service.clone(), id.action.clone())).or_default().extend(hits);
    }

    /// Calls of an API that open alarms are about and that are not among those `kept` one by one: of each address,
    /// method and outcome one, with its alarm.
    pub(super) fn missed(&self, service: &str, action: &str, kept: &HashSet<u64>) -> Vec<(Hit, String)> {
        let all = self.calls.get(&(service.to_string(), action.to_string())).into_iter().flatten();
        let mut found: BTreeMap<(&str, bool, bool), (&Hit, usize)> = BTreeMap::new();
        for hit in all.filter(|hit| !kept.contains(&hit.event)) {
            let Some((place, false)) = self.hits.get(&hit.event) else { continue };
            let entry = found.entry((&hit.ip, hit.api_call, hit.success)).or_insert((hit, *place));
            if (hit.time, hit.event) < (entry.0.time, entry.0.event) {
                *entry = (hit, *place);
            }
        }
        found.into_values().map(|(hit, place)| (hit.clone(), self.alarms[place].id.clone())).collect()
    }

    /// What a call counts as, and the alarm that makes it so.
    pub(super) fn class_of(&self, event: u64, time: i64, ip: &str, outcome: Outcome) -> (Class, Option<String>) {
        let by_outcome = |success: Class| match outcome {
            Outcome::Success => success,
            Outcome::Denied => Class::Denied,
            Outcome::Failed => Class::Weak,
        };
        let id = |place: usize| Some(self.alarms[place].id.clone());
        match self.hits.get(&event) {
            Some((place, false)) => return (Class::Alarmed, id(*place)),
            Some((place, true)) => return (by_outcome(Class::Reviewed), id(*place)),
            None => {}
        }
        let near = |doubt: &&Doubt| doubt.ip == ip && (doubt.from..=doubt.until).contains(&time);
        match self.doubts.iter().find(near).filter(|_| outcome == Outcome::Success) {
            Some(doubt) => (Class::Quarantined, id(doubt.alarm)),
            None => (by_outcome(Class::Legitimate), None),
        }
    }
}

/// The parts of an alarm that stand.
fn parts(conn: &Connection, alarm: i64) -> Result<Vec<Part>, Failure> {
    let text = "SELECT p.data FROM parts p JOIN alarms a ON a.number = p.alarm \
         WHERE p.alarm = ?1 AND (p.kind <> 1 OR a.standing IS NOT NULL) ORDER BY p.kind, p.source";
    let mut select = conn.prepare_cached(text)?;
    let mut rows = select.query([alarm])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(unpack(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(found)
}
