//! The narrowest policy that covers an alarm.

use super::super::Failure;
use super::coverage::each_record;
use crate::allow::{Draft, MOST_ENTRIES, service_of, unwritable};
use crate::event::time::DAY_MS;
use crate::event::words::{Method, TEMP_AK};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A proposed policy ends after this time: what is fine today should be looked at again.
const ENDS_AFTER_MS: i64 = 30 * DAY_MS;
/// A key or an API part longer than this is cut, since policies take no longer ones.
const MOST_BYTES: usize = 200;

/// A draft that covers an alarm, and where it is wider than the alarm.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// The draft; it says no reason.
    pub draft: Draft,
    /// What could not be written as narrowly as the alarm is.
    pub notes: Vec<String>,
}

/// Ids and numbers of at most three alarms whose id begins like this.
pub fn alarms_named(conn: &Connection, start: &str) -> Result<Vec<(String, i64)>, Failure> {
    let sql = "SELECT id, number FROM alarms WHERE substr(id, 1, length(?1)) = ?1 COLLATE NOCASE \
        AND EXISTS (SELECT 1 FROM records WHERE alarm = alarms.number) ORDER BY id LIMIT 3";
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([start], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// What the records of an alarm have, dimension by dimension.
#[derive(Default)]
struct Seen {
    ips: BTreeSet<IpAddr>,
    without_ip: bool,
    methods: BTreeSet<Method>,
    apis: BTreeSet<(String, String)>,
    codes: BTreeSet<String>,
    /// A code that a list cannot hold.
    odd_code: bool,
    successes: bool,
}

/// The narrowest draft that covers the alarm with this number, ending some time after `now`.
pub fn proposal(conn: &Connection, alarm: i64, now: i64) -> Result<Proposal, Failure> {
    let head = conn
        .prepare_cached("SELECT rule, ak FROM alarms WHERE number = ?1")?
        .query_row([alarm], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let (rule, ak) = head.ok_or_else(|| Failure::Content(format!("there is no alarm {alarm}")))?;
    let mut seen = Seen::default();
    each_record(conn, Some(&[alarm]), |found| {
        let subject = &found.subject;
        match subject.address() {
            Some(ip) => drop(seen.ips.insert(ip)),
            None => seen.without_ip = true,
        }
        seen.methods.insert(subject.method);
        seen.apis.insert((subject.service.to_string(), subject.action.to_string()));
        seen.code(subject.code, subject.success);
    })?;
    let mut notes = Vec::new();
    let draft = Draft {
        rules: vec![rule],
        aks: key(&ak, &mut notes),
        ips: seen.ips(&mut notes),
        method: seen.method(),
        apis: seen.apis(&mut notes),
        codes: seen.codes(&mut notes),
        expires: Some(now.saturating_add(ENDS_AFTER_MS)),
        ..Draft::default()
    };
    Ok(Proposal { draft, notes })
}

fn key(ak: &str, notes: &mut Vec<String>) -> Vec<String> {
    if ak == TEMP_AK {
        notes.push("every temporary key is meant, since their ids change; narrow it with other options".to_string());
        return vec!["temporary".to_string()];
    }
    let word = ["all", "permanent", "temporary"].iter().any(|word| ak.eq_ignore_ascii_case(word));
    let odd = |c: char| c.is_whitespace() || unwritable(c) || matches!(c, '*' | '…');
    if word || ak.is_empty() || ak.len() > 2 * MOST_BYTES || ak.contains(odd) {
        notes.push("every permanent key is meant, since the id of this one cannot be written in a policy".to_string());
        return vec!["permanent".to_string()];
    }
    vec![ak.to_string()]
}

impl Seen {
    fn code(&mut self, code: &str, success: bool) {
        let word = ["all", "success", "failed", "0"].iter().any(|word| code.trim().eq_ignore_ascii_case(word));
        let odd =
            word || code.is_empty() || code.trim() != code || code.len() > MOST_BYTES || code.contains(unwritable);
        if success {
            self.successes = true;
        } else if odd {
            self.odd_code = true;
        } else {
            self.codes.insert(code.to_string());
        }
    }

    fn ips(&self, notes: &mut Vec<String>) -> Vec<String> {
        let any = if self.without_ip {
            "any source is meant, since the alarm has calls without an address"
        } else if self.ips.len() > MOST_ENTRIES {
            "any source is meant, since the alarm has more addresses than a policy takes"
        } else {
            return self.ips.iter().map(ToString::to_string).collect();
        };
        notes.push(any.to_string());
        Vec::new()
    }

    fn method(&self) -> Option<String> {
        let only = self.methods.first().filter(|_| self.methods.len() == 1);
        only.map(|method| method.as_str().to_string())
    }

    fn apis(&self, notes: &mut Vec<String>) -> Vec<String> {
        let exact: BTreeSet<String> = self.apis.iter().map(|(service, action)| pattern(service, action)).collect();
        if self.apis.iter().any(|(service, action)| pattern(service, action) != format!("{service}:{action}")) {
            notes.push("letters of an API that no policy can hold are written as *".to_string());
        }
        if exact.contains("*:*") {
            notes.push("any API is meant, since the alarm has calls without one".to_string());
            return Vec::new();
        }
        if exact.len() <= MOST_ENTRIES {
            return exact.into_iter().collect();
        }
        notes.push("whole services are meant, since the alarm has more APIs than a policy takes".to_string());
        let services: BTreeSet<String> = exact.iter().map(|api| format!("{}:*", service_of(api))).collect();
        if services.len() <= MOST_ENTRIES && !services.contains("*:*") {
            services.into_iter().collect()
        } else {
            Vec::new()
        }
    }

    fn codes(&self, notes: &mut Vec<String>) -> Vec<String> {
        if self.odd_code || self.codes.len() >= MOST_ENTRIES {
            let (meant, code) =
                if self.successes { ("any code is", None) } else { ("all failures are", Some("failed")) };
            notes.push(format!("{meant} meant, since a code of the alarm cannot be listed"));
            return code.into_iter().map(str::to_string).collect();
        }
        let success = self.successes.then(|| "0".to_string());
        success.into_iter().chain(self.codes.iter().cloned()).collect()
    }
}

/// A pattern for one API. What cannot stand in one becomes a wildcard.
fn pattern(service: &str, action: &str) -> String {
    format!("{}:{}", part(&service.to_ascii_lowercase()), part(action))
}

fn part(text: &str) -> String {
    let cut = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= MOST_BYTES);
    let mut out: String =
        cut.map(|(_, c)| if c.is_whitespace() || c == ':' || unwritable(c) { '*' } else { c }).collect();
    if out.is_empty() || out.len() < text.len() && text.len() > MOST_BYTES {
        out.push('*');
    }
    out
}
