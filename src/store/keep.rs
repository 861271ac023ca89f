//! What a scan adds to the database: hits, judgements made anew, history, activity, the ledger. All in one transaction.
//!
//! Alarms have three kinds of parts. *Hits* add up: an event that is known changes nothing. *Gathered* parts add up too,
//! and stand or fall with what is known of the key's past. *Judged* parts are worked out anew, from every event
//! that was ever kept for their rule and key, whenever a scan sees that key.

use super::activity;
use super::allowlist;
use super::inventory;
use super::pack::{in_order, pack, unpack};
use super::past;
use super::project::{Projector, alarm_number, level_number};
use super::requests;
use super::sightings::{pack_sightings, unpack_sightings};
use super::{Db, Failure, StoreError};
use crate::alarm::fold::{Folded, Folder};
use crate::alarm::model::{Details, Head, Resolver};
use crate::alarm::part::Part;
use crate::detect::activity::Activity;
use crate::detect::engine::{Engine, Findings};
use crate::detect::history::History;
use crate::detect::{Judging, Scope, Sighting};
use crate::enrich::names::{NameTables, Names};
use crate::enrich::{World, intern_actor};
use crate::event::columns::flag;
use crate::event::frame::Row;
use crate::event::words::UserType;
use crate::pipeline::{Reading, ScanCounts};
use chrono::NaiveDate;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::{BTreeMap, BTreeSet};

/// What the ledger says about a scan.
#[derive(Clone, Debug)]
pub struct ScanEntry {
    /// The command as typed.
    pub command: String,
    /// Zone of local dates.
    pub zone: String,
    /// When it began, in milliseconds.
    pub started: i64,
    /// When reading was done.
    pub now: i64,
    /// Files read to their end.
    pub files: Vec<LedgerFile>,
    /// Files that were known already, by their number in the ledger.
    pub skipped: Vec<i64>,
    /// The time range asked for: from and until, in milliseconds.
    pub range: (Option<i64>, Option<i64>),
    /// Hash of everything else that the result hangs on.
    pub context: [u8; 32],
    /// Calls of a record kept beside their count.
    pub most: usize,
}

/// Characters of a reason that are kept; some tell what stood in the log.
const MOST_OF_A_REASON: usize = 300;

/// A file for the ledger.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    /// Its places among the files of the scan: its own, or those of an archive's members.
    pub numbers: std::ops::Range<usize>,
    /// Path as given.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Hash of its content.
    pub hash: [u8; 32],
    /// Some of its events stood in another file of the scan as well.
    pub shared: bool,
    /// Some of its records could not be read.
    pub has_rejects: bool,
}

/// What was kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Numbers of the alarms that the scanned files hold events of.
    pub alarms: BTreeSet<i64>,
    /// Alarms that were not there before.
    pub new: i64,
    /// Alarms that grew.
    pub grown: i64,
}

/// Keeps what a scan found. Nothing is kept unless all of it is.
pub fn keep(
    db: &Db,
    reading: Reading,
    world: &World,
    engine: &Engine,
    entry: &ScanEntry,
) -> Result<(Kept, ScanCounts), StoreError> {
    let work = |tx: &Transaction<'_>| Keeper { tx, world, engine, entry }.keep(reading);
    db.write(work).map_err(|failure| failure.at(db.path()))
}

struct Keeper<'k> {
    tx: &'k Transaction<'k>,
    world: &'k World,
    engine: &'k Engine,
    entry: &'k ScanEntry,
}

/// An alarm of an earlier scan that was gathered and may or may not stand.
struct Pending {
    alarm: i64,
    rule: usize,
    row: Row,
}

/// Where something stands that could not be read: file, line, record and reason.
type RejectPlace = (String, i64, i64, String);

/// Of which keys each rule judges again, by the rule's number.
type Sources = Vec<BTreeSet<String>>;

/// What is known from before, beside sightings, which are among the findings.
struct Loaded {
    history: History,
    sources: Sources,
    pending: Vec<Pending>,
}

impl Keeper<'_> {
    fn keep(&self, reading: Reading) -> Result<(Kept, ScanCounts), Failure> {
        let Reading { mut found, tables, mut app_ids, counts } = reading;
        let touched: BTreeSet<String> = tables.keys.texts().iter().map(ToString::to_string).collect();
        let mut history = std::mem::take(&mut found.history);
        history.listed.note(&self.world.inventory);
        let news = past::load_accounts(self.tx, &tables, &mut history)?;
        self.load_app_ids(&tables, &mut app_ids)?;
        let sources = self.load_sightings(&tables, &touched, news, &mut found)?;
        let pending = self.load_pending(&tables, &touched, news)?;
        let keys: BTreeSet<String> = tables.keys.texts().iter().map(ToString::to_string).collect();
        past::load_keys(self.tx, &keys, &tables, self.world, &mut history)?;
        let names = tables.finish();
        let resolver = Resolver {
            rules: self.engine.rules(),
            names: &names,
            inventory: &self.world.inventory,
            catalog: &self.world.catalog,
            app_ids: &app_ids,
        };
        let seen = std::mem::take(&mut found.activity).into_par_iter().map(Activity::finish).collect();
        let activity = activity::Found::new(self.tx, seen, &resolver)?;
        let loaded = Loaded { history, sources, pending };
        let kept = std::thread::scope(|threads| {
            let requests = requests::begin(threads, self.tx, &activity, resolver)?;
            let kept = self.write(found, &loaded, resolver, &counts)?;
            activity::save(self.tx, &activity, &resolver)?;
            requests::save(self.tx, requests, &activity, &resolver)?;
            Ok::<_, Failure>(kept)
        })?;
        Ok((kept, counts))
    }

    /// Writes alarms, and the past that rules judge by.
    fn write(
        &self,
        mut found: Findings,
        loaded: &Loaded,
        resolver: Resolver<'_>,
        counts: &ScanCounts,
    ) -> Result<Kept, Failure> {
        let Loaded { history, sources, pending } = loaded;
        let names = resolver.names;
        let scan = self.write_scan(counts)?;
        let files = self.write_files(scan)?;
        self.write_rejects(scan, counts, &files)?;
        let mut other_zone = self.tx.prepare_cached("SELECT 1 FROM scans WHERE zone <> ?1 LIMIT 1")?;
        let mixed_zones = other_zone.exists([&self.entry.zone])?;
        let mut work = Work {
            mixed_zones,
            keeper: self,
            resolver,
            details: Details::new(),
            dirty: BTreeMap::new(),
            files,
            seen: BTreeSet::new(),
            projector: Projector::new(self.tx, resolver, scan, self.entry),
        };
        let cx = Judging { history, names, catalog: &self.world.catalog };
        work.judge_pending(pending, &cx)?;
        work.add_gathered(&mut found, &cx)?;
        let judged = found.judge(self.engine, &cx).map_err(|error| Failure::Content(error.to_string()))?;
        let of_alarm =
            |folded: &Folded| folded.records.values().flat_map(|record| record.hits.clone()).collect::<Vec<_>>();
        let hits: HashSet<u64> = judged.values().flat_map(|folder| folder.alarms.values()).flat_map(of_alarm).collect();
        work.replace_judged(judged, sources)?;
        work.add_hits(std::mem::take(&mut found.folder))?;
        work.note_details(&found);
        let Work { dirty, details, mut seen, files, mut projector, .. } = work;
        for (number, Dirty { head, made }) in dirty {
            match made {
                Some(part) => projector.project_new(number, head, part)?,
                None => projector.refresh(number, head)?,
            }
        }
        projector.write_details(&details)?;
        let (new, grown) = (projector.new, projector.grown);
        allowlist::cover(self.tx, Some(&projector.changed))?;
        self.apply_levels()?;
        self.save_sightings(&found, sources, names, &hits)?;
        let numbers: HashSet<u32> = (0..).zip(&names.keys).map(|(number, _)| number).collect();
        past::save(self.tx, &numbers, names, resolver.app_ids, history)?;
        past::save_policies(self.tx, &self.world.inventory)?;
        inventory::save(self.tx, &self.world.inventory, scan)?;
        self.tx.execute(
            "UPDATE scans SET new_alarms = ?2, grown_alarms = ?3 WHERE number = ?1",
            params![scan, new, grown],
        )?;
        // What this scan brought to light hangs on its files, even where the events stood in others.
        let brought: Vec<i64> = projector.enlarged.iter().copied().filter(|alarm| !seen.contains(alarm)).collect();
        self.link_all(&brought, &files)?;
        seen.extend(brought);
        seen.extend(self.alarms_of_skipped()?);
        Ok(Kept { alarms: seen, new, grown })
    }

    fn load_app_ids(&self, tables: &NameTables, app_ids: &mut HashMap<u32, String>) -> Result<(), Failure> {
        let mut statement = self.tx.prepare_cached("SELECT account, app_id FROM accounts WHERE app_id IS NOT NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let account = tables.accounts.intern(&row.get::<_, String>(0)?, || ()).0;
            let known: String = row.get(1)?;
            let entry = app_ids.entry(account).or_insert_with(|| known.clone());
            if known < *entry {
                *entry = known;
            }
        }
        Ok(())
    }

    /// Adds the events kept by earlier scans that have to be judged again; an event known already is not added twice.
    fn load_sightings(
        &self,
        tables: &NameTables,
        touched: &BTreeSet<String>,
        news: bool,
        found: &mut Findings,
    ) -> Result<Sources, Failure> {
        let mut sources = Vec::new();
        let as_now = self.context_changed()?;
        for (number, active) in self.engine.rules().iter().enumerate() {
            let mut of_rule = touched.clone();
            if active.rule.watch().is_some() {
                let everywhere = match active.rule.scope() {
                    Scope::Key => false,
                    Scope::Account => news,
                    Scope::Everyone => true,
                };
                let known = self.load_sightings_of(active.meta.id, everywhere, tables, &mut of_rule)?;
                add_known(&mut found.kept[number], known, as_now);
            }
            sources.push(of_rule);
        }
        Ok(sources)
    }

    fn load_sightings_of(
        &self,
        rule: &str,
        everywhere: bool,
        tables: &NameTables,
        sources: &mut BTreeSet<String>,
    ) -> Result<Vec<Sighting>, Failure> {
        if everywhere {
            let mut statement = self.tx.prepare_cached("SELECT source FROM sightings WHERE rule = ?1")?;
            let known: rusqlite::Result<Vec<String>> = statement.query_map([rule], |row| row.get(0))?.collect();
            sources.extend(known?);
        }
        let mut statement = self.tx.prepare_cached("SELECT data FROM sightings WHERE rule = ?1 AND source = ?2")?;
        let mut sightings = Vec::new();
        for source in &*sources {
            let data: Option<Vec<u8>> = statement.query_row([rule, source], |row| row.get(0)).optional()?;
            if let Some(data) = data {
                sightings.extend(unpack_sightings(&data, source, tables, self.world)?);
            }
        }
        Ok(sightings)
    }

    /// The gathered alarms of earlier scans that have to be judged again.
    fn load_pending(
        &self,
        tables: &NameTables,
        touched: &BTreeSet<String>,
        news: bool,
    ) -> Result<Vec<Pending>, Failure> {
        let mut statement = self.tx.prepare_cached(
            "SELECT a.number, a.rule, a.account, a.ak, a.date, p.data FROM parts p JOIN alarms a ON a.number = p.alarm WHERE p.kind = 1",
        )?;
        let mut rows = statement.query([])?;
        let mut pending = Vec::new();
        while let Some(row) = rows.next()? {
            let (rule, ak): (String, String) = (row.get(1)?, row.get(3)?);
            let rule = self.engine.rules().iter().position(|active| active.meta.id == rule);
            if let Some(rule) = rule.filter(|_| news || touched.contains(&ak)) {
                let (account, date): (String, String) = (row.get(2)?, row.get(4)?);
                let sample = sample_row(tables, &account, &ak, &date, &unpack(&row.get::<_, Vec<u8>>(5)?)?)?;
                pending.push(Pending { alarm: row.get(0)?, rule, row: sample });
            }
        }
        Ok(pending)
    }

    /// Keeps, for every key judged, the events that may yet become hits.
    fn save_sightings(
        &self,
        found: &Findings,
        sources: &Sources,
        names: &Names,
        hits: &HashSet<u64>,
    ) -> Result<(), Failure> {
        let mut insert =
            self.tx.prepare_cached("INSERT OR REPLACE INTO sightings (rule, source, data) VALUES (?1, ?2, ?3)")?;
        let mut delete = self.tx.prepare_cached("DELETE FROM sightings WHERE rule = ?1 AND source = ?2")?;
        for (number, active) in self.engine.rules().iter().enumerate() {
            if active.rule.watch().is_none() {
                continue;
            }
            let mut cells = Vec::new();
            let mut by_key: BTreeMap<&str, Vec<&Sighting>> = BTreeMap::new();
            for sighting in &found.kept[number] {
                by_key.entry(&names.keys[sighting.row.key as usize].0).or_default().push(sighting);
            }
            for source in &sources[number] {
                let mut kept = by_key.remove(source.as_str()).unwrap_or_default();
                let newest = kept.last().map_or(0, |sighting| sighting.row.time);
                let late = |row: &Row| active.rule.kept_for(row).is_some_and(|span| row.time < newest - span);
                // What an alarm stands on is kept as long as the alarm.
                kept.retain(|sighting| !late(&sighting.row) || hits.contains(&sighting.row.event));
                if kept.is_empty() {
                    delete.execute([active.meta.id, source])?;
                } else {
                    cells.push((source, kept));
                }
            }
            let packed = |(source, kept): (&String, Vec<&Sighting>)| {
                Ok((source.clone(), pack_sightings(&kept, names, &self.world.catalog)?))
            };
            in_order(cells, packed, |(source, data)| {
                insert.execute(params![active.meta.id, source, data])?;
                Ok(())
            })?;
        }
        Ok(())
    }

    fn write_scan(&self, counts: &ScanCounts) -> Result<i64, Failure> {
        let entry = self.entry;
        let (files, events) = (&counts.files, &counts.events);
        let json = serde_json::json!({
            "files": {"read": files.read, "rejected": files.rejected, "empty": files.empty, "skipped": files.skipped},
            "events": {
                "read": events.read, "evaluated": events.evaluated, "duplicates": events.duplicates,
                "platform": events.platform, "without_key": events.without_key,
                "outside_range": events.outside_range, "rejected": events.rejected, "fell_back": events.fell_back,
            },
            "time_span": counts.time_span.map(|(first, last)| [first, last]),
        });
        self.tx.execute(
            "INSERT INTO scans (command, version, zone, started, finished, context, counts, new_alarms, grown_alarms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)",
            params![
                entry.command,
                env!("CARGO_PKG_VERSION"),
                entry.zone,
                entry.started,
                entry.now,
                entry.context,
                json.to_string()
            ],
        )?;
        Ok(self.tx.last_insert_rowid())
    }

    /// Notes the files read, and returns the ledger's number for each number of the scan.
    fn write_files(&self, scan: i64) -> Result<BTreeMap<u32, i64>, Failure> {
        let mut numbers = BTreeMap::new();
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO files (hash, context, name, size, scan, shared, rejects) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (hash, context) DO UPDATE SET name = excluded.name, scan = excluded.scan, \
             shared = excluded.shared, rejects = excluded.rejects RETURNING number",
        )?;
        for file in &self.entry.files {
            let size = i64::try_from(file.size).unwrap_or(i64::MAX);
            let cells = params![file.hash, self.entry.context, file.name, size, scan, file.shared, file.has_rejects];
            let number: i64 = insert.query_row(cells, |row| row.get(0))?;
            numbers.extend(file.numbers.clone().filter_map(|member| Some((u32::try_from(member).ok()?, number))));
        }
        Ok(numbers)
    }

    /// Notes the first records of each file that could not be read, in place of what was noted of these files before.
    fn write_rejects(&self, scan: i64, counts: &ScanCounts, files: &BTreeMap<u32, i64>) -> Result<(), Failure> {
        let names: BTreeSet<&str> = counts.file_outcomes.iter().map(|file| file.name.as_str()).collect();
        let known = self.known_rejects(&names)?;
        // By content and not by name: rejects of an archive bear the names of its members.
        let mut again =
            self.tx.prepare_cached("DELETE FROM rejects WHERE file IN (SELECT number FROM files WHERE hash = ?1)")?;
        for file in &self.entry.files {
            again.execute([file.hash])?;
        }
        let mut unread = self.tx.prepare_cached("DELETE FROM rejects WHERE name = ?1 AND file IS NULL")?;
        for name in names {
            unread.execute([name])?;
        }
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO rejects (scan, first, file, name, of_file, line, record, reason) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for reject in &counts.sampled {
            let name = counts.file_outcomes.get(reject.file as usize).map_or("", |file| file.name.as_str());
            let reason: String = reject.reason.without_quotes().chars().take(MOST_OF_A_REASON).collect();
            let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let (line, record) = (number(reject.line), number(reject.record));
            let of_file = number(counts.rejected_of.get(&reject.file).copied().unwrap_or(0));
            let place: RejectPlace = (name.to_string(), line, record, reason);
            let (first, file) = (known.get(&place).copied().unwrap_or(scan), files.get(&reject.file));
            insert.execute(params![scan, first, file, name, of_file, line, record, place.3])?;
        }
        Ok(())
    }

    /// The scans that first met what is known of files of these names.
    fn known_rejects(&self, names: &BTreeSet<&str>) -> Result<HashMap<RejectPlace, i64>, Failure> {
        let mut select = self.tx.prepare_cached("SELECT line, record, reason, first FROM rejects WHERE name = ?1")?;
        let mut known = HashMap::new();
        for name in names {
            let mut rows = select.query([name])?;
            while let Some(row) = rows.next()? {
                let first: i64 = row.get(3)?;
                let entry = known.entry((name.to_string(), row.get(0)?, row.get(1)?, row.get(2)?)).or_insert(first);
                *entry = first.min(*entry);
            }
        }
        Ok(known)
    }

    /// Whether the newest scan before this one had other settings, assets or inventory.
    fn context_changed(&self) -> Result<bool, Failure> {
        let newest = "SELECT context <> ?1 FROM scans ORDER BY number DESC LIMIT 1";
        let changed =
            self.tx.prepare_cached(newest)?.query_row(params![self.entry.context], |row| row.get(0)).optional();
        Ok(changed?.unwrap_or(false))
    }

    /// Gives alarms of earlier scans the levels that the settings say now.
    fn apply_levels(&self) -> Result<(), Failure> {
        let mut update = self.tx.prepare_cached("UPDATE alarms SET level = ?2 WHERE rule = ?1 AND level <> ?2")?;
        for active in self.engine.rules() {
            update.execute(params![active.meta.id, level_number(active.level)])?;
        }
        Ok(())
    }

    /// Notes that all these files have to do with these alarms.
    fn link_all(&self, alarms: &[i64], files: &BTreeMap<u32, i64>) -> Result<(), Failure> {
        let files: BTreeSet<i64> = files.values().copied().collect();
        let mut insert = self.tx.prepare_cached("INSERT OR IGNORE INTO alarm_files (file, alarm) VALUES (?1, ?2)")?;
        for alarm in alarms {
            for file in &files {
                insert.execute([file, alarm])?;
            }
        }
        Ok(())
    }

    fn alarms_of_skipped(&self) -> Result<Vec<i64>, Failure> {
        let (since, until) = (self.entry.range.0.unwrap_or(i64::MIN), self.entry.range.1.unwrap_or(i64::MAX));
        let mut statement = self.tx.prepare_cached(
            // Events of a shared file were told by another file of that scan: the alarms of all its files are named.
            "SELECT l.alarm FROM files f JOIN files g ON g.number = f.number OR (f.shared AND g.scan = f.scan) \
             JOIN alarm_files l ON l.file = g.number JOIN alarms a ON a.number = l.alarm \
             WHERE f.number = ?1 AND a.last_call >= ?2 AND a.first_call < ?3",
        )?;
        let mut alarms = Vec::new();
        for file in &self.entry.skipped {
            let found: rusqlite::Result<Vec<i64>> =
                statement.query_map([*file, since, until], |row| row.get(0))?.collect();
            alarms.extend(found?);
        }
        Ok(alarms)
    }
}

/// Adds sightings of earlier scans. An event seen again stays as it was first told, but belongs to the file of this scan;
/// when settings or assets have changed, it is judged as it looks now.
fn add_known(kept: &mut Vec<Sighting>, mut known: Vec<Sighting>, as_now: bool) {
    if as_now {
        let events: HashSet<u64> = kept.iter().map(|sighting| sighting.row.event).collect();
        known.retain(|sighting| !events.contains(&sighting.row.event));
    }
    let places: HashMap<u64, usize> = known.iter().enumerate().map(|(place, one)| (one.row.event, place)).collect();
    kept.retain(|sighting| match places.get(&sighting.row.event) {
        None => true,
        Some(place) => {
            let first = &mut known[*place];
            first.row.file = sighting.row.file;
            first.detail.clone_from(&sighting.detail);
            false
        }
    });
    kept.extend(known);
}

/// A row that says of a gathered alarm what its rule may ask: key, account, caller and day.
fn sample_row(tables: &NameTables, account: &str, ak: &str, date: &str, part: &Part) -> Result<Row, Failure> {
    let date: NaiveDate =
        date.parse().map_err(|_| Failure::Content(format!("an alarm is dated {date:?}, which is no date")))?;
    let day = i32::try_from((date - NaiveDate::default()).num_days()).unwrap_or_default();
    let record = part.records.iter().min_by_key(|(_, record)| (record.principal.is_empty(), &record.principal));
    let (user_type, user, principal) = record.map_or((UserType::SubAccount, "", ""), |(id, record)| {
        (id.user_type, id.user.as_str(), record.principal.as_str())
    });
    let actor = intern_actor(tables, user_type, user, principal, user);
    Ok(Row {
        day,
        account: tables.accounts.intern(account, || ()).0,
        key: tables.keys.intern(ak, || ()).0,
        actor: actor.number,
        user: actor.user,
        principal: actor.principal,
        flags: flag::PERMANENT_KEY | flag::API_CALL,
        ..Row::default()
    })
}

/// The alarms of a scan on their way into the database.
struct Work<'w> {
    keeper: &'w Keeper<'w>,
    resolver: Resolver<'w>,
    details: Details,
    /// Alarms whose parts changed.
    dirty: BTreeMap<i64, Dirty>,
    /// The ledger's numbers of files, by their number in the scan.
    files: BTreeMap<u32, i64>,
    /// Alarms that the scanned files hold events of.
    seen: BTreeSet<i64>,
    /// Earlier scans dated alarms in another zone.
    mixed_zones: bool,
    projector: Projector<'w>,
}

/// An alarm whose parts changed.
struct Dirty {
    head: Head,
    /// All that is known of it, when this scan made it of a single part.
    made: Option<Part>,
}

/// An alarm of this scan, ready to be written.
struct Packed<M> {
    head: Head,
    files: BTreeSet<u32>,
    part: Part,
    data: Vec<u8>,
    /// What else comes with it.
    more: M,
}

/// Kinds of parts, as the database numbers them.
const HITS: i64 = 0;
const GATHERED: i64 = 1;
const JUDGED: i64 = 2;

impl Work<'_> {
    fn tx(&self) -> &Connection {
        self.keeper.tx
    }

    fn judge_pending(&mut self, pending: &[Pending], cx: &Judging<'_>) -> Result<(), Failure> {
        for Pending { alarm, rule, row } in pending {
            match self.keeper.engine.stands(*rule, row, cx) {
                None => {
                    self.tx()
                        .prepare_cached("DELETE FROM parts WHERE alarm = ?1 AND kind = ?2")?
                        .execute([*alarm, GATHERED])?;
                    self.set_standing(*alarm, None)?;
                    self.touch(*alarm)?;
                }
                Some(reason) => {
                    if self.set_standing(*alarm, reason.as_deref())? {
                        self.touch(*alarm)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes why a gathered alarm stands; tells whether that changed.
    fn set_standing(&self, alarm: i64, reason: Option<&str>) -> Result<bool, Failure> {
        let mut update =
            self.tx().prepare_cached("UPDATE alarms SET standing = ?2 WHERE number = ?1 AND standing IS NOT ?2")?;
        Ok(update.execute(params![alarm, reason])? > 0)
    }

    fn touch(&mut self, alarm: i64) -> Result<(), Failure> {
        if !self.dirty.contains_key(&alarm) {
            let head = super::project::head_of(self.tx(), alarm)?;
            self.dirty.insert(alarm, Dirty { head, made: None });
        }
        Ok(())
    }

    fn add_gathered(&mut self, found: &mut Findings, cx: &Judging<'_>) -> Result<(), Failure> {
        let gathered = found.take_gathered(self.keeper.engine, cx).into_iter();
        let mut alarms: Vec<_> =
            gathered.map(|(key, folded, reason)| (self.resolver.head(&key), folded, reason)).collect();
        alarms.sort_by(|(a, ..), (b, ..)| a.id.cmp(&b.id));
        self.each_packed(alarms, |work, Packed { head, files, part, data, more: reason }| {
            let number = work.merge_part(&head, GATHERED, part, data)?;
            // Whether it counts hangs on the reason, so it is read back.
            work.dirty.entry(number).and_modify(|dirty| dirty.made = None);
            if work.set_standing(number, reason.as_deref())? {
                work.dirty.insert(number, Dirty { head, made: None });
            }
            work.link(number, &files)
        })
    }

    /// Adds hits, the last that comes to alarms.
    fn add_hits(&mut self, folder: Folder) -> Result<(), Failure> {
        let alarms = self.in_order(folder).into_iter().map(|(head, folded)| (head, folded, ())).collect();
        self.each_packed(alarms, |work, Packed { head, files, part, data, more: () }| {
            let number = work.merge_part(&head, HITS, part, data)?;
            work.link(number, &files)?;
            // At once, so that parts need not wait in memory.
            let Some(part) = work.dirty.get_mut(&number).and_then(|dirty| dirty.made.take()) else { return Ok(()) };
            work.dirty.remove(&number);
            work.projector.project_new(number, head, part)
        })
    }

    /// Hands alarms to `add` as parts, in order.
    fn each_packed<M: Send>(
        &mut self,
        alarms: Vec<(Head, Folded, M)>,
        mut add: impl FnMut(&mut Self, Packed<M>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let resolver = self.resolver;
        let packed = |(head, folded, more): (Head, Folded, M)| {
            let (files, mut details) = (folded.files.clone(), Details::new());
            let part = resolver.part(folded, &mut details);
            let data = pack(&part)?;
            Ok((Packed { head, files, part, data, more }, details))
        };
        in_order(alarms, packed, |(packed, details)| {
            self.details.extend(details);
            add(self, packed)
        })
    }

    /// Leaves out calls that the alarm of the day before or after holds: another zone dated them differently.
    fn forget_neighbours(&self, head: &Head, kind: i64, part: &mut Part) -> Result<(), Failure> {
        let day: NaiveDate = head.date.parse().map_err(|_| Failure::Content(format!("{:?} is no date", head.date)))?;
        let mut select = self.tx().prepare_cached(
            "SELECT p.data FROM parts p JOIN alarms a ON a.number = p.alarm WHERE a.id = ?1 AND p.kind = ?2",
        )?;
        for day in [day.pred_opt(), day.succ_opt()].into_iter().flatten() {
            let id = head.key.alarm_id(&head.account, head.meta.id, &day.to_string());
            let known: Option<Vec<u8>> = select.query_row(params![id, kind], |row| row.get(0)).optional()?;
            if let Some(known) = known {
                part.forget(&unpack(&known)?);
            }
        }
        Ok(())
    }

    /// The alarms of a folder by id, so that the same scan makes the same database.
    fn in_order(&self, folder: Folder) -> Vec<(Head, Folded)> {
        let mut alarms: Vec<_> =
            folder.alarms.into_iter().map(|(key, folded)| (self.resolver.head(&key), folded)).collect();
        alarms.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        alarms
    }

    /// Adds a part, which packed is `data`, to what is kept of it.
    fn merge_part(&mut self, head: &Head, kind: i64, mut part: Part, data: Vec<u8>) -> Result<i64, Failure> {
        let (number, is_new) = alarm_number(self.tx(), head, self.keeper.entry.now)?;
        let mut select =
            self.tx().prepare_cached("SELECT data FROM parts WHERE alarm = ?1 AND kind = ?2 AND source = ''")?;
        let before: Option<Vec<u8>> =
            if is_new { None } else { select.query_row(params![number, kind], |row| row.get(0)).optional()? };
        drop(select);
        if self.mixed_zones {
            self.forget_neighbours(head, kind, &mut part)?;
        }
        let data = match &before {
            None if self.mixed_zones => pack(&part)?,
            None => data,
            Some(known) => {
                let mut known: Part = unpack(known)?;
                known.merge(std::mem::take(&mut part), self.keeper.entry.most);
                pack(&known)?
            }
        };
        let made = is_new.then_some(part);
        self.set_part(number, Dirty { head: head.clone(), made }, (kind, ""), before.as_deref(), &data)?;
        Ok(number)
    }

    /// Writes a part of a kind and source; `dirty` is its alarm.
    fn set_part(
        &mut self,
        number: i64,
        dirty: Dirty,
        (kind, source): (i64, &str),
        before: Option<&[u8]>,
        data: &[u8],
    ) -> Result<(), Failure> {
        if before == Some(data) {
            return Ok(());
        }
        let mut insert = self
            .tx()
            .prepare_cached("INSERT OR REPLACE INTO parts (alarm, kind, source, data) VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![number, kind, source, data])?;
        drop(insert);
        self.dirty.entry(number).and_modify(|known| known.made = None).or_insert(dirty);
        Ok(())
    }

    /// Puts the judgements of this scan in the place of earlier ones about the same rules and keys.
    fn replace_judged(&mut self, judged: BTreeMap<u32, Folder>, sources: &Sources) -> Result<(), Failure> {
        let mut before = self.judged_before(sources)?;
        // By name, so that the same scan makes the same database.
        let mut judged: Vec<_> =
            judged.into_iter().map(|(key, folder)| (&*self.resolver.names.keys[key as usize].0, folder)).collect();
        judged.sort_by_key(|(source, _)| *source);
        let of_source =
            |(source, folder)| self.in_order(folder).into_iter().map(move |(head, folded)| (head, folded, source));
        let alarms: Vec<_> = judged.into_iter().flat_map(of_source).collect();
        self.each_packed(alarms, |work, Packed { head, files, mut part, data, more: source }| {
            if files.is_empty() && work.is_pruned(&head)? {
                return Ok(());
            }
            let (number, is_new) = alarm_number(work.tx(), &head, work.keeper.entry.now)?;
            let known = before.remove(&(number, source.to_string()));
            let data = match &known {
                None => data,
                Some(known) => {
                    part.inherit(&unpack(known)?);
                    pack(&part)?
                }
            };
            let dirty = Dirty { head, made: is_new.then_some(part) };
            work.set_part(number, dirty, (JUDGED, source), known.as_deref(), &data)?;
            work.link(number, &files)
        })?;
        for (alarm, source) in before.into_keys() {
            let mut delete =
                self.tx().prepare_cached("DELETE FROM parts WHERE alarm = ?1 AND kind = ?2 AND source = ?3")?;
            delete.execute(params![alarm, JUDGED, source])?;
            drop(delete);
            self.touch(alarm)?;
        }
        Ok(())
    }

    /// Whether the alarm was pruned, and so is not made again from what is left of its events.
    fn is_pruned(&self, head: &Head) -> Result<bool, Failure> {
        let mut select = self.tx().prepare_cached(
            "SELECT 1 FROM meta WHERE name = 'pruned-before' AND ?1 < value AND NOT EXISTS (SELECT 1 FROM alarms WHERE id = ?2)",
        )?;
        Ok(select.exists([&head.date, &head.id])?)
    }

    /// The judgements of earlier scans about the rules and keys that were judged again.
    fn judged_before(&self, sources: &Sources) -> Result<BTreeMap<(i64, String), Vec<u8>>, Failure> {
        let rules: HashMap<&str, &BTreeSet<String>> =
            self.keeper.engine.rules().iter().map(|active| active.meta.id).zip(sources).collect();
        let all: BTreeSet<&String> = sources.iter().flatten().collect();
        let mut statement = self.tx().prepare_cached(
            "SELECT p.alarm, a.rule, p.data FROM parts p JOIN alarms a ON a.number = p.alarm WHERE p.kind = 2 AND p.source = ?1",
        )?;
        let mut before = BTreeMap::new();
        for source in all {
            let mut rows = statement.query([source])?;
            while let Some(row) = rows.next()? {
                let rule: String = row.get(1)?;
                if rules.get(rule.as_str()).is_some_and(|judged| judged.contains(source)) {
                    before.insert((row.get(0)?, source.clone()), row.get(2)?);
                }
            }
        }
        Ok(before)
    }

    /// Notes which files hold events of the alarm.
    fn link(&mut self, alarm: i64, files: &BTreeSet<u32>) -> Result<(), Failure> {
        if files.is_empty() {
            return Ok(());
        }
        if self.seen.insert(alarm) && !self.dirty.contains_key(&alarm) && self.lacks_calls(alarm)? {
            self.touch(alarm)?;
        }
        let mut insert = self.tx().prepare_cached("INSERT OR IGNORE INTO alarm_files (file, alarm) VALUES (?1, ?2)")?;
        for file in files.iter().filter_map(|file| self.files.get(file)) {
            insert.execute([*file, alarm])?;
        }
        Ok(())
    }

    /// Whether single calls of the alarm were pruned; its logs are here again, so they can come back.
    fn lacks_calls(&self, alarm: i64) -> Result<bool, Failure> {
        let mut select = self.tx().prepare_cached(
            "SELECT 1 FROM records r WHERE r.alarm = ?1 AND NOT EXISTS (SELECT 1 FROM calls WHERE record = r.number)",
        )?;
        Ok(select.exists([alarm])?)
    }

    /// Keeps the details of events that may yet become hits.
    fn note_details(&mut self, found: &Findings) {
        for sighting in found.kept.iter().flatten() {
            if let Some(detail) = &sighting.detail {
                self.details.insert(sighting.row.event, (sighting.row.time, detail.clone()));
            }
        }
    }
}
