//! What a report says: the data behind every format of it, and what users' templates are given. docs/report.md
//! describes each field. Times are RFC 3339 with offset in the report's zone; absent values are null.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this data model: 1.
    pub version: u32,
    /// `akguard` and its version.
    pub tool: String,
    /// When it was made.
    pub generated: String,
    /// IANA name of the zone that times and dates are in.
    pub zone: String,
    /// Language of the texts: `en` or `zh`.
    pub lang: String,
    /// Whether keys are shown in full; otherwise `ak` fields hold the masked id.
    pub full_keys: bool,
    /// What it is about.
    pub period: Period,
    /// The command line as typed.
    pub command: String,
    /// `database`, or `logs` where they were read for the report alone.
    pub source: String,
    /// Name of the mark that new alarms go by; null when they are those first seen in the period.
    pub mark: Option<String>,
    /// Figures at the top.
    pub headline: Headline,
    /// Alarms by local date of the alarm, every day of the period (at most 366, the last ones).
    pub days: Vec<Day>,
    /// Abnormal calls by weekday (Monday first) and hour of the day, in the report's zone: seven rows of 24.
    pub hours: Vec<Vec<u64>>,
    /// Alarms of the period, worst level first, then newest, then by id; those covered by the allowlist last.
    pub alarms: Vec<Alarm>,
    /// Texts about each rule that an alarm of the report names, by rule id.
    pub rules: BTreeMap<String, Rule>,
    /// Keys seen in the period, worst advice first.
    pub keys: Vec<Key>,
    /// Source addresses seen in the period, those with alarms first.
    pub ips: Vec<Address>,
    /// Allowlist policies, in force or not.
    pub allowlist: Vec<Policy>,
    /// What the report rests on.
    pub coverage: Coverage,
    /// Attribution of the data that tells where addresses are, one sentence each.
    pub attributions: Vec<String>,
}

/// The time a report is about: from `since` up to, not including, `until`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// Begin; null when it reaches back as far as the logs do.
    pub since: Option<String>,
    /// End.
    pub until: String,
    /// Begin of the period of the same length before it, which ends at `since`; null when there is none to compare with.
    pub before: Option<String>,
}

/// A number, and what it was in the period before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// In the period.
    pub now: u64,
    /// In the period before; null when there is none to compare with.
    pub before: Option<u64>,
}

/// Figures at the top.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    /// Alarms by level: `critical`, `high`, `medium`, `low`, `note`, `invalid` (covered by the allowlist).
    pub levels: BTreeMap<String, Figure>,
    /// Alarms that nobody decided about, without `invalid` ones.
    pub unprocessed: Figure,
    /// Keys with alarms, without `invalid` ones.
    pub keys: Figure,
    /// Source addresses with alarms, without `invalid` ones.
    pub ips: Figure,
    /// Abnormal calls, without those of `invalid` alarms.
    pub calls: Figure,
}

/// Alarms of one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// YYYY-MM-DD.
    pub date: String,
    /// Alarms by level, all six levels.
    pub levels: BTreeMap<String, u64>,
}

/// An alarm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Stable id, such as `A-1f0c2a3b4c5d6e7f`.
    pub id: String,
    /// Rule id; its texts are in `rules`.
    pub rule: String,
    /// Name of the alarm, in the report's language.
    pub name: String,
    /// `abnormal_call` or `leak`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `critical`, `high`, `medium`, `low`, `note` or `invalid`.
    pub level: String,
    /// `unprocessed`, `processed` or `ignored`.
    pub status: String,
    /// Who decided what, when and why, oldest first.
    pub decisions: Vec<Decision>,
    /// Calls that came after the last decision.
    pub new_since_processed: u64,
    /// New in this period: first seen by a scan after its begin, or without a database, all of them.
    pub is_new: bool,
    /// Local date, YYYY-MM-DD.
    pub date: String,
    /// Main account.
    pub account: Option<String>,
    /// `root`, `sub_account` or `temporary`.
    pub identity: String,
    /// User or role.
    pub user: Option<String>,
    /// The key, masked unless the report shows keys in full; `TEMP_AK` for temporary ones.
    pub ak: String,
    /// Remark on the key.
    pub ak_remark: Option<String>,
    /// Risks of the key: `root_key`, `leaked`, `dormant`, `outside_addresses`, `denied_calls`.
    pub ak_risks: Vec<String>,
    /// First and last call.
    pub first_call: String,
    /// See `first_call`.
    pub last_call: String,
    /// When a scan first saw it; null without a database.
    pub first_seen: Option<String>,
    /// Calls that succeeded and that failed.
    pub success: u64,
    /// See `success`.
    pub failed: u64,
    /// Tags, such as the names of tools.
    pub tags: Vec<String>,
    /// ATT&CK technique.
    pub attack: String,
    /// Why it fired, in words.
    pub why: String,
    /// Request ids of the events that prove it, at most 100.
    pub event_ids: Vec<String>,
    /// Names of allowlist policies that cover calls of it.
    pub allowlisted_by: Vec<String>,
    /// Call records, the newest first, at most 200.
    pub records: Vec<Record>,
    /// Records in all.
    pub records_total: u64,
    /// What would have stopped it: a CAM policy as JSON text, when one can be recommended.
    pub recommendation: Option<Recommendation>,
}

/// A decision about an alarm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `unprocessed` (reopened), `processed` or `ignored`.
    pub status: String,
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub note: Option<String>,
}

/// A recommendation about the owner of a key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// In a sentence.
    pub summary: String,
    /// The command that gives it whole.
    pub command: String,
    /// CAM policy documents as JSON text; the list is empty where only the command is given.
    pub documents: Vec<Document>,
}

/// A policy document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Name of the policy.
    pub name: String,
    /// JSON text, or empty when the document is not known.
    pub text: String,
}

/// A call record: calls of one action from one address by one caller with one outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Source address.
    pub source_ip: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Where `region` is from: `log`, or the name of a database or of the table inside the program.
    pub region_source: Option<String>,
    /// Remark on the address.
    pub ip_remark: Option<String>,
    /// `in_account`, `outside`, `lan` or `unknown`.
    pub ip_type: String,
    /// Id of the asset behind the address.
    pub asset_id: Option<String>,
    /// Name of the asset.
    pub asset_name: Option<String>,
    /// `api` or `console`.
    pub method: String,
    /// Service called.
    pub service: String,
    /// Action called.
    pub action: String,
    /// `root`, `sub_account`, `role` or `service`.
    pub user_type: String,
    /// User or role.
    pub user: Option<String>,
    /// CAM policies of the caller, with their documents where known.
    pub policies: Vec<Document>,
    /// Outcome: `0` for success, else the error code.
    pub code: String,
    /// Calls that succeeded and that failed.
    pub success: u64,
    /// See `success`.
    pub failed: u64,
    /// First and last call.
    pub first_call: String,
    /// See `first_call`.
    pub last_call: String,
    /// Client strings (user agents).
    pub clients: Vec<String>,
    /// Regions called.
    pub api_regions: Vec<String>,
    /// Single calls, the first ones, at most 20.
    pub calls: Vec<Call>,
}

/// A single call. Secrets in bodies are redacted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// When.
    pub time: String,
    /// Request id.
    pub request_id: String,
    /// Event id.
    pub event_id: Option<String>,
    /// Request body as JSON text.
    pub body: Option<String>,
    /// Resources.
    pub resources: Option<String>,
}

/// Texts about a rule, in the report's language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Title.
    pub title: String,
    /// What it watches, in a sentence or two.
    pub summary: String,
    /// What to do about an alarm of it, step by step.
    pub steps: Vec<String>,
    /// Console pages to open: name and address, which always begins with `https://console.cloud.tencent.com/`.
    pub links: Vec<(String, String)>,
    /// ATT&CK technique.
    pub attack: String,
    /// Usual level.
    pub level: String,
}

/// A key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The key, masked unless the report shows keys in full.
    pub ak: String,
    /// Main account.
    pub account: Option<String>,
    /// User or role.
    pub user: Option<String>,
    /// `root`, `sub_account` or `temporary`.
    pub identity: String,
    /// Remark.
    pub remark: Option<String>,
    /// First and last use.
    pub first_use: Option<String>,
    /// See `first_use`.
    pub last_use: Option<String>,
    /// Source addresses, of these outside the account, services, and actions.
    pub ips: u64,
    /// See `ips`.
    pub outside_ips: u64,
    /// See `ips`.
    pub services: u64,
    /// See `ips`.
    pub apis: u64,
    /// Alarms of the period by level, all six levels.
    pub alarms: BTreeMap<String, u64>,
    /// Risks, as in an alarm.
    pub risks: Vec<String>,
    /// `process_now`, `harden` or `normal`.
    pub advice: String,
}

/// A source address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub ip: String,
    /// `in_account`, `outside`, `lan` or `unknown`.
    pub ip_type: String,
    /// Remark.
    pub remark: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Where `region` is from.
    pub region_source: Option<String>,
    /// Id of the asset behind it.
    pub asset_id: Option<String>,
    /// Name of the asset.
    pub asset_name: Option<String>,
    /// First and last use.
    pub first_use: Option<String>,
    /// See `first_use`.
    pub last_use: Option<String>,
    /// Keys used from it, services, and actions.
    pub keys: u64,
    /// See `keys`.
    pub services: u64,
    /// See `keys`.
    pub apis: u64,
    /// Alarms of the period by level, all six levels.
    pub alarms: BTreeMap<String, u64>,
}

/// An allowlist policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Number.
    pub id: u64,
    /// Name.
    pub name: String,
    /// `active`, `disabled` or `expired`.
    pub state: String,
    /// What it covers, in a line.
    pub covers: String,
    /// Why it is there.
    pub reason: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// When it was made, and when it ends.
    pub created: String,
    /// See `created`.
    pub expires: Option<String>,
    /// Calls covered.
    pub hits: u64,
    /// Last call covered.
    pub last_hit: Option<String>,
}

/// What a report rests on, so that a reader knows what was not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// First and last event that any scan evaluated.
    pub first_event: Option<String>,
    /// See `first_event`.
    pub last_event: Option<String>,
    /// Scans that ended in the period, or all of them when the period has no begin.
    pub scans: u64,
    /// Events by what became of them: `read`, `evaluated`, `duplicates`, `platform`, `without_key`, `outside_range`,
    /// `rejected`. Sums of all scans: what is scanned twice counts twice.
    pub events: BTreeMap<String, u64>,
    /// Records that could not be read, each once, and that no earlier report or message of the mark told of; without a
    /// mark, all of the period.
    #[serde(default)]
    pub new_rejected: u64,
    /// Files that could not be read at all, likewise.
    #[serde(default)]
    pub new_rejected_files: u64,
    /// Number of the newest scan there is, for the mark.
    #[serde(skip)]
    pub newest_scan: i64,
    /// Days of the period without a single evaluated event, YYYY-MM-DD, at most 100.
    pub silent_days: Vec<String>,
    /// Such days in all.
    #[serde(default)]
    pub silent_days_total: u64,
    /// Files read, the newest first, at most 1,000.
    pub inputs: Vec<InputFile>,
    /// Files in all.
    pub inputs_total: u64,
    /// What could not be read, at most 100 records; from the database, at most 20 of each file.
    pub rejects: Vec<Reject>,
}

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// Name.
    pub name: String,
    /// BLAKE3 hash of its content in hex; null when it was not taken.
    pub hash: Option<String>,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// `read`, `empty` or `rejected`.
    pub state: String,
    /// When it was read.
    pub read_at: Option<String>,
}

/// Something that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// File.
    pub file: Option<String>,
    /// Line, when known.
    pub line: Option<u64>,
    /// Number of the record in its file, from 1; null for the file as a whole.
    #[serde(default)]
    pub record: Option<u64>,
    /// Why.
    pub reason: String,
}
