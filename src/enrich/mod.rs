//! Raw events to enriched rows: who called, with which key, how, what came of it, and what is known of it all.
//!
//! The terms follow docs/terms.md. Whatever a rule needs that takes text, time zones or lists is
//! decided here, once per distinct value where possible, so that rules compare flags and numbers.

pub mod access;
pub mod actor;
pub mod asked;
pub mod created;
pub mod names;
pub mod zone;

use crate::catalog::Catalog;
use crate::catalog::api::{HighRisk, family};
use crate::catalog::codes::Denied;
use crate::catalog::when::{Call, Verdict};
use crate::event::columns::flag;
use crate::event::frame::{EventsBuilder, NO_REGION, RawDetail, Row};
use crate::event::params::from_console;
use crate::event::raw::{Body, RawEvent};
use crate::event::time::keep_earlier;
use crate::event::words::{Method, UserType};
use crate::inventory::{Inventory, IpPlace};
use asked::write_asked;
use compact_str::CompactString;
use created::{Created, CreatedKey, CreatedUser};
use hashbrown::{Equivalent, HashMap};
use ipnet::IpNet;
use names::{ActorFacts, ApiFacts, Cache, CodeFacts, IpFacts, IpShown, NameTables, clipped};
use std::net::IpAddr;
use zone::LocalClock;

/// Everything enrichment looks things up in.
#[derive(Debug)]
pub struct World {
    /// Lists, codes, ranges, signatures.
    pub catalog: Catalog,
    /// Assets, users, keys, policies.
    pub inventory: Inventory,
    /// Zone of local dates and hours.
    pub zone: chrono_tz::Tz,
    /// Seconds east of UTC of times without an offset.
    pub naive_offset: i32,
    /// Addresses of the user's own cloud manager.
    pub cloud_manager_ips: Vec<IpNet>,
}

/// Why an event is counted but taken by no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetAside {
    /// Made by the platform.
    Platform,
    /// Signed by no key.
    WithoutKey,
}

/// One worker's enrichment: caches, and the batch it is filling.
#[derive(Debug)]
pub struct Enricher<'w> {
    world: &'w World,
    clock: LocalClock,
    scratch: String,
    callers: HashMap<u32, KnownCaller>,
    accounts: Cache<'w, ()>,
    keys: Cache<'w, ()>,
    actors: HashMap<Box<str>, KnownActor>,
    tables: &'w NameTables,
    apis: HashMap<ApiName, usize>,
    known_apis: Vec<(u32, ApiFacts)>,
    ips: HashMap<CompactString, IpFacts>,
    clients: Cache<'w, u32>,
    codes: Cache<'w, CodeFacts>,
    regions: Cache<'w, ()>,
    locations: Cache<'w, ()>,
    values: Cache<'w, ()>,
    /// The rows so far.
    pub batch: EventsBuilder,
    /// Users and keys made by the events so far.
    pub created: Created,
    /// First event of each account.
    pub coverage: HashMap<u32, i64>,
    /// APPIDs by account, as sessions name them.
    pub app_ids: HashMap<u32, String>,
    /// Keep what a database shows of single calls.
    pub keep_details: bool,
    asked: String,
}

/// Where and when an event was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it happened, in milliseconds.
    pub time: i64,
    /// Half of its event key.
    pub key: u64,
    /// Number of the file.
    pub file: u32,
    /// Inside the time range asked for. Other events are no hit of any rule, but are remembered as the past of those that are.
    pub in_range: bool,
}

/// Callers remembered by number; forgetting them costs time and nothing else.
const MAX_CALLERS: usize = 16_384;

/// What is known of a caller whom a reader has numbered (see [`RawEvent::caller`]).
#[derive(Clone, Copy, Debug)]
struct KnownCaller {
    account: u32,
    /// Known from the first event on that has a key.
    signer: Option<Signer>,
}

/// Whose key made a call.
#[derive(Clone, Copy, Debug)]
struct Signer {
    key: u32,
    actor: KnownActor,
    permanent: bool,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ApiName {
    service: CompactString,
    action: CompactString,
}

/// The same, borrowed for looking up.
#[derive(Hash)]
struct ApiNamed<'a> {
    service: &'a str,
    action: &'a str,
}

impl Equivalent<ApiName> for ApiNamed<'_> {
    fn equivalent(&self, key: &ApiName) -> bool {
        (self.service, self.action) == (&*key.service, &*key.action)
    }
}

/// Bytes taken of a request body; scripts sent to hosts may have 64 KiB and more.
const MAX_RAW_BODY: usize = 65_536;

fn detail<'a>(event: &RawEvent<'a>, asked: &'a str) -> RawDetail<'a> {
    let (body, escaped) = match event.request {
        Body::Missing => ("", false),
        Body::Text(text) => (text, false),
        Body::Escaped(text) => (text, true),
    };
    let cut = |text: &'a str, most: usize| &text[..text.floor_char_boundary(most)];
    RawDetail {
        event_id: cut(event.event_id, 512),
        body: cut(body, MAX_RAW_BODY),
        escaped,
        resources: cut(event.resources, 4096),
        asked,
    }
}

impl<'w> Enricher<'w> {
    /// An enricher with empty caches.
    pub fn new(world: &'w World, tables: &'w NameTables) -> Self {
        Self {
            world,
            clock: LocalClock::new(world.zone),
            scratch: String::new(),
            callers: HashMap::new(),
            accounts: Cache::new(&tables.accounts),
            keys: Cache::new(&tables.keys),
            actors: HashMap::new(),
            tables,
            apis: HashMap::new(),
            known_apis: Vec::new(),
            ips: HashMap::new(),
            clients: Cache::new(&tables.clients),
            codes: Cache::new(&tables.codes),
            regions: Cache::new(&tables.regions),
            locations: Cache::new(&tables.locations),
            values: Cache::new(&tables.values),
            batch: EventsBuilder::default(),
            created: Created::default(),
            coverage: HashMap::new(),
            app_ids: HashMap::new(),
            keep_details: false,
            asked: String::new(),
        }
    }

    /// Adds an event to the batch, or says why rules do not take it.
    pub fn push(&mut self, event: &RawEvent<'_>, seen: Seen) -> Option<SetAside> {
        let Seen { time, in_range, .. } = seen;
        let caller = self.caller(event);
        let account = caller.account;
        keep_earlier(&mut self.coverage, account, time);
        let place = self.api(event);
        let (api, facts) = &self.known_apis[place];
        if matches!(event.platform, "1" | "true") || facts.platform {
            return Some(SetAside::Platform);
        }
        if event.secret_id.is_empty() {
            if facts.creates_user && failed_code(event).is_none() {
                self.created.users.extend(CreatedUser::all_in(event, account, time));
            }
            return Some(SetAside::WithoutKey);
        }
        let (api, mut flags) = (*api, facts.flags);
        let ApiFacts { reads, conditional, markers, sensitive, creates_user, .. } = *facts;
        let mut set = |bit: u32, on: bool| flags |= if on { bit } else { 0 };

        let method = method_of(event);
        set(flag::IN_RANGE, in_range);
        set(flag::API_CALL, method == Method::Api);
        let write = access::writes(event.action_type, reads);
        set(flag::WRITE, write);
        set(flag::SENSITIVE, write && sensitive);

        let Signer { key, actor, permanent } = caller.signer.unwrap_or_else(|| self.signer(event, account));
        set(flag::ROOT, actor.user_type == UserType::Root);
        set(flag::ROLE, matches!(actor.user_type, UserType::Role | UserType::Service));
        set(flag::SERVICE_IDENTITY, actor.user_type == UserType::Service);
        set(flag::PERMANENT_KEY, permanent);

        let (code, outcome) = self.outcome(event);
        set(flag::SUCCESS, outcome.success);
        set(flag::DENIED, outcome.denied);
        set(flag::BAD_KEY, outcome.bad_key);

        let ip = self.source_ip(event, method);
        set(ip.flags, true);
        let (client, client_flags) = self.client(event.client);
        set(client_flags, true);

        let mut row = Row { time, account, key, api, ip: ip.id, client, code, flags, ..Row::default() };
        (row.file, row.event) = (seen.file, seen.key);
        (row.actor, row.user, row.principal) = (actor.number, actor.user, actor.principal);
        (row.day, row.second) = self.clock.local(time);
        row.region = match access::region(clipped(event.region)) {
            "" => NO_REGION,
            region => self.regions.get(region, || ()).0,
        };
        row.location = self.locations.get(access::location(clipped(event.location)), || ()).0;
        if conditional {
            self.judge_conditions(event, permanent, &mut row);
        }
        if markers != 0 {
            self.look_for_markers(event, markers, &mut row);
        }
        if outcome.success && (creates_user || row.has(flag::CREATE_KEY)) {
            self.note_created(event, creates_user, &row);
        }
        self.note_app_id(account, clipped(event.session.app_id));
        let id = if event.request_id.is_empty() { event.event_id } else { event.request_id };
        self.batch.push(row, clipped(id));
        if self.keep_details {
            self.asked.clear();
            write_asked(event, &self.known_apis[place].1.asked_by, outcome.denied, &mut self.asked);
            self.batch.push_detail(&detail(event, &self.asked));
        }
        None
    }

    /// Looks the API up and returns its place in `known_apis`.
    fn api(&mut self, event: &RawEvent<'_>) -> usize {
        let service = access::service(event.resource_type, event.source);
        let (service, action) = (clipped(&service), clipped(event.name));
        if let Some(place) = self.apis.get(&ApiNamed { service, action }) {
            return *place;
        }
        let catalog = &self.world.catalog;
        let entry = self.tables.apis.intern(&format!("{service}:{action}"), || api_facts(catalog, service, action));
        self.known_apis.push(entry);
        let name = ApiName { service: service.into(), action: action.into() };
        self.apis.insert(name, self.known_apis.len() - 1);
        self.known_apis.len() - 1
    }

    /// What is known of the caller by its number; of one without a number, only the account.
    fn caller(&mut self, event: &RawEvent<'_>) -> KnownCaller {
        if let Some(known) = self.callers.get(&event.caller) {
            return *known;
        }
        let account = self.accounts.get(clipped(event.account), || ()).0;
        let known = KnownCaller { account, signer: None };
        self.remember_caller(event.caller, known);
        known
    }

    fn remember_caller(&mut self, number: u32, known: KnownCaller) {
        if number == 0 {
            return;
        }
        if self.callers.len() >= MAX_CALLERS {
            self.callers.clear();
        }
        self.callers.insert(number, known);
    }

    /// The key and the caller behind it.
    fn signer(&mut self, event: &RawEvent<'_>, account: u32) -> Signer {
        let actor = self.actor(event);
        let key = self.keys.get(clipped(event.secret_id), || ()).0;
        let signer = Signer { key, actor, permanent: is_permanent(event, actor.user_type) };
        self.remember_caller(event.caller, KnownCaller { account, signer: Some(signer) });
        signer
    }

    /// The caller: many spellings and sessions of one user or role are one actor.
    fn actor(&mut self, event: &RawEvent<'_>) -> KnownActor {
        self.scratch.clear();
        for part in [
            event.identity_type,
            event.principal,
            event.account,
            event.user_name,
            event.session.role_name,
            event.role_session_name,
            event.session.role_session_name,
        ] {
            self.scratch.push_str(clipped(part));
            self.scratch.push('\u{1f}');
        }
        if let Some(known) = self.actors.get(self.scratch.as_str()) {
            return *known;
        }
        let known = known_actor(self.tables, event);
        self.actors.insert(self.scratch.as_str().into(), known);
        known
    }

    fn outcome(&mut self, event: &RawEvent<'_>) -> (u32, Outcome) {
        let failed_code = failed_code(event);
        let catalog = &self.world.catalog;
        let (number, facts) = self.codes.get(clipped(failed_code.unwrap_or("0")), || {
            let meaning = catalog.codes.meaning(failed_code.unwrap_or("0"));
            CodeFacts {
                denied: meaning.denied == Denied::Yes,
                denied_if_cam_code: meaning.denied == Denied::IfCamCode,
                bad_key: meaning.bad_key,
            }
        });
        let failed = failed_code.is_some();
        let cam_code = matches!(event.error_code, "4101" | "4102" | "4103" | "4110");
        let cam_failed = !is_zero(event.error_code);
        let denied = failed && (cam_code || facts.denied || (facts.denied_if_cam_code && cam_failed));
        (number, Outcome { success: !failed, denied, bad_key: failed && facts.bad_key })
    }

    /// The source address; for a console call from inside Tencent's network, that of the person behind it.
    fn source_ip(&mut self, event: &RawEvent<'_>, method: Method) -> IpFacts {
        let logged = self.ip(event.source_ip);
        let behind = event.session.user_ip;
        if method == Method::Console && logged.internal && !behind.is_empty() {
            let person = self.ip(behind);
            if person.valid {
                // GitHub is told by the address as logged, never by that of a person.
                let flags = (person.flags & !flag::GITHUB_HOOK) | (logged.flags & flag::GITHUB_HOOK);
                return IpFacts { flags, ..person };
            }
        }
        logged
    }

    fn ip(&mut self, text: &str) -> IpFacts {
        let text = clipped(text);
        if let Some(facts) = self.ips.get(text) {
            return *facts;
        }
        let facts = ip_facts(self.world, self.tables, text);
        self.ips.insert(text.into(), facts);
        facts
    }

    fn client(&mut self, client: &str) -> (u32, u32) {
        let catalog = &self.world.catalog;
        self.clients.get(clipped(client), || {
            let iac = catalog.signatures.scoring.iac_clients.iter().any(|start| client.starts_with(start.as_str()));
            let on = |bit: u32, on: bool| if on { bit } else { 0 };
            on(flag::COS_BROWSER, catalog.clients.is("cos-browser", client))
                | on(flag::CLOUD_MANAGER, catalog.clients.is("cloud-manager", client))
                | on(flag::IAC_CLIENT, iac)
        })
    }

    fn judge_conditions(&mut self, event: &RawEvent<'_>, permanent_key: bool, row: &mut Row) {
        let call = Call { request: event.request, account: event.account, permanent_key };
        let catalog = &self.world.catalog;
        let service = access::service(event.resource_type, event.source);
        if let Some(entry) = catalog.create_key.get(&service, event.name) {
            row.flags |= match entry.when.judge(&call) {
                Verdict::Yes => flag::CREATE_KEY,
                Verdict::Unverified => flag::CREATE_KEY | flag::CREATE_KEY_UNVERIFIED,
                Verdict::No | Verdict::IfFirstUse(_) => 0,
            };
        }
        if let Some(entry) = catalog.escalation.get(&service, event.name) {
            row.flags |= match entry.when.judge(&call) {
                Verdict::Yes => flag::ESCALATION,
                Verdict::Unverified => flag::ESCALATION | flag::ESCALATION_UNVERIFIED,
                Verdict::IfFirstUse(value) => {
                    row.value = self.values.get(clipped(&value), || ()).0;
                    flag::ESCALATION_IF_FIRST
                }
                Verdict::No => 0,
            };
        }
    }

    fn look_for_markers(&mut self, event: &RawEvent<'_>, about: u32, row: &mut Row) {
        for (place, marker) in self.world.catalog.signatures.markers.iter().enumerate() {
            if about & (1 << place) == 0 {
                continue;
            }
            match marker.found_in(event.request) {
                Some(true) => row.markers |= 1 << place,
                Some(false) => {}
                // Unknown parameters count as present, and say so.
                None => {
                    row.markers |= 1 << place;
                    row.unknown_markers |= 1 << place;
                }
            }
        }
    }

    /// Keeps the smallest APPID seen of an account, so that the order of events does not matter.
    fn note_app_id(&mut self, account: u32, app_id: &str) {
        if app_id.is_empty() || self.app_ids.get(&account).is_some_and(|known| known.as_str() <= app_id) {
            return;
        }
        self.app_ids.insert(account, app_id.to_string());
    }

    fn note_created(&mut self, event: &RawEvent<'_>, creates_user: bool, row: &Row) {
        if creates_user {
            self.created.users.extend(CreatedUser::all_in(event, row.account, row.time));
        }
        if row.has(flag::CREATE_KEY) {
            self.created.keys.extend(CreatedKey::all_in(event, row.account, row.time));
        }
    }
}

/// What a row needs to know of its caller.
#[derive(Clone, Copy, Debug)]
pub struct KnownActor {
    /// Number of the caller.
    pub number: u32,
    /// Number of the name.
    pub user: u32,
    /// Number of the UIN or role id, or of the name where there is none.
    pub principal: u32,
    /// What the caller is.
    pub user_type: UserType,
}

fn known_actor(tables: &NameTables, event: &RawEvent<'_>) -> KnownActor {
    let (user_type, name) = actor::identify(event);
    intern_actor(tables, user_type, clipped(name), clipped(event.principal), clipped(event.user_name))
}

/// The numbers of a caller.
pub fn intern_actor(
    tables: &NameTables,
    user_type: UserType,
    name: &str,
    principal: &str,
    user_name: &str,
) -> KnownActor {
    let key = format!("{}\u{1f}{name}\u{1f}{principal}\u{1f}{user_name}", user_type.as_str());
    let (number, facts) = tables.actors.intern(&key, || ActorFacts {
        user_type,
        name: name.to_string(),
        user_name: user_name.to_string(),
        user: tables.users.intern(name, || ()).0,
        principal: principal.to_string(),
        principal_number: tables.principals.intern(if principal.is_empty() { name } else { principal }, || ()).0,
    });
    KnownActor { number, user: facts.user, principal: facts.principal_number, user_type }
}

/// The number of an API.
pub fn intern_api(tables: &NameTables, catalog: &Catalog, service: &str, action: &str) -> u32 {
    tables.apis.intern(&format!("{service}:{action}"), || api_facts(catalog, service, action)).0
}

/// The number of a source address.
pub fn intern_ip(tables: &NameTables, world: &World, text: &str) -> u32 {
    ip_facts(world, tables, text).id
}

struct Outcome {
    success: bool,
    denied: bool,
    bad_key: bool,
}

/// Success leaves no code; a failure's code is the first of the three fields that says something.
fn failed_code<'a>(event: &RawEvent<'a>) -> Option<&'a str> {
    if !is_zero(event.api_error_code) {
        Some(event.api_error_code)
    } else if !is_zero(event.error_code) {
        Some(event.error_code)
    } else if !event.api_error_message.is_empty() {
        Some(event.api_error_message)
    } else {
        None
    }
}

fn is_zero(code: &str) -> bool {
    matches!(code, "" | "0" | "0.0" | "false")
}

/// Console or API. Never decided by the client string: console backends call themselves an SDK.
fn method_of(event: &RawEvent<'_>) -> Method {
    let is = |name: &str| event.event_type.eq_ignore_ascii_case(name);
    match event.event_type {
        _ if is("ConsoleCall") || is("MiniProgramCall") => Method::Console,
        _ if event.request != Body::Missing && from_console(event.request) => Method::Console,
        "" if access::host(event.source).ends_with("api.tencentyun.com") => Method::Console,
        _ => Method::Api,
    }
}

fn is_permanent(event: &RawEvent<'_>, user_type: UserType) -> bool {
    let session = event.session.has_token || event.session.has_expiry;
    let borrowed = matches!(user_type, UserType::Role | UserType::Service);
    // A permanent id is AKID and 32 characters; session ids are longer.
    !session && !borrowed && event.secret_id.chars().count() <= 36
}

fn api_facts(catalog: &Catalog, service: &str, action: &str) -> ApiFacts {
    let high_risk = catalog.high_risk.get(service, action);
    let create_user = catalog.create_user.get(service, action).is_some();
    let (family, lower) = (family(service), action.to_ascii_lowercase());
    let on = |bit: u32, on: bool| if on { bit } else { 0 };
    let flags = on(flag::HIGH_RISK, high_risk.is_some())
        | on(flag::CREATE_USER, create_user)
        | on(flag::CREATE_RESOURCE, catalog.create_resource.get(service, action).is_some())
        | on(flag::TAT_EXEC, catalog.tat_exec.get(service, action).is_some())
        | on(flag::TOOL_STEP, catalog.signatures.has_step(&family, &lower));
    let markers = catalog.signatures.markers.iter().enumerate();
    ApiFacts {
        service: service.to_string(),
        action: action.to_string(),
        flags,
        reads: access::reads_by_name(action),
        sensitive: access::is_destructive(action) || high_risk.is_some_and(HighRisk::is_sensitive),
        conditional: catalog.create_key.get(service, action).is_some()
            || catalog.escalation.get(service, action).is_some(),
        markers: markers.filter(|(_, m)| m.is_about(&family, &lower)).fold(0, |bits, (n, _)| bits | 1 << n),
        creates_user: create_user,
        platform: service == "innerauth",
        family,
        asked_by: catalog.params.of(service, action),
    }
}

fn ip_facts(world: &World, tables: &NameTables, text: &str) -> IpFacts {
    let Ok(ip) = text.parse::<IpAddr>().map(|ip| ip.to_canonical()) else {
        let (id, _) = tables.ips.intern(text, || IpShown { place: IpPlace::Unknown });
        return IpFacts { id, ..IpFacts::default() };
    };
    let place = world.inventory.place(ip);
    let (id, _) = tables.ips.intern(&ip.to_string(), || IpShown { place });
    let on = |bit: u32, on: bool| if on { bit } else { 0 };
    let within = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&ip));
    let hook = within(&world.catalog.github_hooks);
    IpFacts {
        id,
        flags: on(flag::OUTSIDE, place == IpPlace::Outside)
            | on(flag::GITHUB_HOOK, hook)
            | on(flag::CLOUD_MANAGER_IP, within(&world.cloud_manager_ips)),
        // GitHub owns ranges inside 9.0.0.0/8, so they are told apart first.
        internal: !hook && is_internal(ip),
        valid: true,
    }
}

/// Console backends show up as 9.x or private addresses.
fn is_internal(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 9 || v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}
