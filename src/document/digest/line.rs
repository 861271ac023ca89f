//! The line about new alarms that are alike: what, who, from where, by which calls, how often, and when.

use super::{Group, Line, Piece, count, counted, number, short};
use crate::document::label::{filled, label, time};
use crate::document::model::{Alarm, Record};
use crate::document::texts::{Lang, text};
use std::collections::{BTreeMap, BTreeSet};

/// The line. Times of the year that `year` begins are written without it.
pub(super) fn of(group: &Group<'_>, year: &str, lang: Lang) -> Line {
    let first = group.first();
    let mut line = vec![Piece::Strong(name(group, lang))];
    if !group.open() {
        line.push(Piece::Text(format!(" ({})", short(label(lang, "status", &first.status)))));
    }
    for part in [who(group, lang), from(group, lang), what(group, lang), calls(group, lang), when(group, year)] {
        line.push(Piece::Text(" · ".to_string()));
        line.extend(part);
    }
    line.push(Piece::Text(" · ".to_string()));
    line.push(Piece::Code(short_id(&first.id)));
    line
}

fn name(group: &Group<'_>, lang: Lang) -> String {
    let first = group.first();
    let level = capital(&short(label(lang, "level", &first.level)));
    let name = crate::document::safe::printable(&crate::report::text::shortened(&first.name, 80));
    let times = if group.alarms.len() > 1 { format!(" ×{}", group.alarms.len()) } else { String::new() };
    format!("{level}{}{name}{times}", text(lang, "digest", "colon"))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The id's beginning, which `akguard show` takes as well.
fn short_id(id: &str) -> String {
    id.chars().take(10).collect()
}

/// The user and the key; of several, how many, and the first two by name.
fn who(group: &Group<'_>, lang: Lang) -> Line {
    let keys: BTreeSet<(&str, Option<&str>)> =
        group.alarms.iter().map(|alarm| (alarm.ak.as_str(), alarm.user.as_deref())).collect();
    if keys.len() == 1 {
        return one_key(group.first());
    }
    let mut names: Vec<&str> = Vec::new();
    for alarm in &group.alarms {
        let name = alarm.user.as_deref().unwrap_or(&alarm.ak);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut line =
        vec![Piece::Text(format!("{}{}", number(lang, "keys_many", count(keys.len())), text(lang, "digest", "colon")))];
    line.extend(list(&names, lang));
    line
}

fn one_key(alarm: &Alarm) -> Line {
    let key = Piece::Code(short(&alarm.ak));
    match alarm.user.as_deref().filter(|user| !user.is_empty()) {
        Some(user) => vec![Piece::Code(short(user)), Piece::Text(" ".to_string()), key],
        None => vec![key],
    }
}

/// The first two, and how many more there are.
fn list(names: &[&str], lang: Lang) -> Line {
    let mut line = Vec::new();
    for (place, name) in names.iter().take(2).enumerate() {
        if place > 0 {
            line.push(Piece::Text(" ".to_string()));
        }
        line.push(Piece::Code(short(name)));
    }
    if names.len() > 2 {
        line.push(Piece::Text(format!(" {}", more(names.len() - 2, lang))));
    }
    line
}

fn more(others: usize, lang: Lang) -> String {
    number(lang, "more", count(others))
}

fn records<'a>(group: &Group<'a>) -> impl Iterator<Item = &'a Record> {
    group.alarms.iter().flat_map(|alarm| &alarm.records)
}

/// What most calls have, and how many others there are. Of equals, the first by name, so that runs agree.
fn most<K: Ord + Copy>(counts: &BTreeMap<K, u64>) -> Option<(K, usize)> {
    let top = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)))?;
    Some((*top.0, counts.len() - 1))
}

fn weight(record: &Record) -> u64 {
    record.success.saturating_add(record.failed).max(1)
}

/// The address with most calls and its place, and how many others there are.
fn from(group: &Group<'_>, lang: Lang) -> Line {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records(group) {
        if let Some(ip) = record.source_ip.as_deref().filter(|ip| !ip.is_empty()) {
            *counts.entry(ip).or_default() += weight(record);
        }
    }
    let Some((ip, others)) = most(&counts) else {
        return vec![Piece::Text(text(lang, "digest", "no_address").to_string())];
    };
    let mut line = vec![Piece::Code(short(ip))];
    if let Some(record) = records(group).find(|record| record.source_ip.as_deref() == Some(ip)) {
        line.push(Piece::Text(place(record, lang)));
    }
    if others > 0 {
        line.push(Piece::Text(format!(" {}", more(others, lang))));
    }
    line
}

/// Where an address is, and whose: its own addresses are named, since they are what a reader rules out first.
fn place(record: &Record, lang: Lang) -> String {
    let own = matches!(record.ip_type.as_str(), "in_account" | "lan");
    let region = record.region.as_deref().filter(|region| !region.is_empty());
    let kind = (own || region.is_none()).then(|| label(lang, "ip_type", &record.ip_type));
    let name = record.asset_name.as_deref().or(record.ip_remark.as_deref()).filter(|name| own && !name.is_empty());
    let parts: Vec<String> =
        [kind, name, region].into_iter().flatten().filter(|part| !part.is_empty()).map(short).collect();
    let inner = parts.join(text(lang, "digest", "separator"));
    filled(text(lang, "digest", "change"), &[("change", &inner)])
}

/// The action with most calls, and how many others there are.
fn what(group: &Group<'_>, lang: Lang) -> Line {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for record in records(group) {
        *counts.entry((&record.service, &record.action)).or_default() += weight(record);
    }
    let Some(((service, action), others)) = most(&counts) else {
        return vec![Piece::Text("-".to_string())];
    };
    let mut line = vec![Piece::Code(format!("{}:{}", short(service), short(action)))];
    if others > 0 {
        line.push(Piece::Text(format!(" {}", more(others, lang))));
    }
    line
}

fn calls(group: &Group<'_>, lang: Lang) -> Line {
    let sum = |of: fn(&Alarm) -> u64| group.alarms.iter().fold(0u64, |sum, alarm| sum.saturating_add(of(alarm)));
    let (success, failed) = (sum(|alarm| alarm.success), sum(|alarm| alarm.failed));
    let mut calls = counted(lang, success.saturating_add(failed), "calls_one", "calls_many");
    if failed > 0 {
        calls += text(lang, "digest", "separator");
        calls +=
            &if success == 0 { text(lang, "digest", "all_failed").to_string() } else { number(lang, "failed", failed) };
    }
    vec![Piece::Text(calls)]
}

/// First and last call, to the minute. The date of the last one is left out on the same day, the year in this year.
fn when(group: &Group<'_>, year: &str) -> Line {
    let first = group.alarms.iter().filter_map(|alarm| time(&alarm.first_call)).min();
    let last = group.alarms.iter().filter_map(|alarm| time(&alarm.last_call)).max();
    let (Some(first), Some(last)) = (first, last) else {
        return vec![Piece::Text(short(&group.first().last_call))];
    };
    let full = |time: chrono::DateTime<chrono::FixedOffset>| {
        let full = time.format("%Y-%m-%d %H:%M").to_string();
        full.strip_prefix(year).unwrap_or(&full).to_string()
    };
    let (begin, end) = (full(first), full(last));
    let same_day = first.date_naive() == last.date_naive();
    vec![Piece::Text(match same_day {
        true if begin == end => begin,
        true => format!("{begin}–{}", last.format("%H:%M")),
        false => format!("{begin} – {end}"),
    })]
}
