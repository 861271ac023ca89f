//! What is wrong with a settings file: unknown names and values that make no sense, all of them at once.

use super::alone::{Atom, try_all};
use super::schema::{Kind, Setting, all, full_name};
use crate::catalog::edit::{near, nearest};
use crate::detect::Level;
use crate::event::time::parse_offset;
use chrono::NaiveTime;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something stands in a file: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Place {
    /// The line.
    pub(in crate::cli) line: usize,
    /// The character in it.
    pub(in crate::cli) column: usize,
}

impl Place {
    /// Of the byte `at` of a text.
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let in_line = before.rsplit('\n').next().unwrap_or_default();
        // A mark of the byte order is no character that anybody sees.
        Self { line, column: in_line.trim_start_matches('\u{feff}').chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A mistake, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Problem {
    /// Where.
    pub(in crate::cli) place: Place,
    /// The setting; empty if no single one is to blame.
    pub(in crate::cli) setting: String,
    /// What is wrong.
    pub(in crate::cli) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, said_of(&self.setting, &self.what))
    }
}

/// What is said of a setting. "days is a number" reads on from the name; what others say stands for itself.
pub(super) fn said_of(setting: &str, what: &str) -> String {
    match setting {
        "" => what.to_string(),
        _ if what.starts_with("is ") => format!("{setting} {what}"),
        _ => format!("{setting}: {what}"),
    }
}

/// The lines on which tables and settings stand, by their full names.
pub(super) type Lines = BTreeMap<String, usize>;

/// The lines of a text that is TOML; none if it is not.
pub(super) fn lines(text: &str) -> Lines {
    let mut walk = Walk::new(text);
    if let Ok(table) = DeTable::parse(text) {
        walk.table(table.get_ref(), "");
    }
    walk.lines
}

/// Everything that is wrong with the settings file of these bytes at `path`.
pub(in crate::cli) fn problems(bytes: &[u8], path: &Path) -> Vec<Problem> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let readable = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let place = Place::of(readable, readable.len());
            return vec![Problem { place, setting: String::new(), what: "not UTF-8 text".to_string() }];
        }
    };
    let (parsed, errors) = DeTable::parse_recoverable(text);
    let broken = |error: &toml::de::Error| {
        let place = Place::of(text, error.span().map_or(0, |span| span.start));
        let what = format!("not TOML: {}", error.message().replace('\n', "; "));
        Problem { place, setting: String::new(), what }
    };
    let mut problems: Vec<Problem> = errors.iter().map(broken).collect();
    if problems.is_empty() {
        let mut walk = Walk::new(text);
        walk.table(parsed.get_ref(), "");
        problems = walk.problems;
        problems.extend(try_all(walk.atoms, path));
    }
    problems.sort_by(|a, b| (a.place, &a.what).cmp(&(b.place, &b.what)));
    problems.dedup();
    problems
}

/// A walk through the file, beside the list of settings.
struct Walk<'t> {
    text: &'t str,
    settings: Vec<Setting>,
    lines: Lines,
    atoms: Vec<Atom>,
    problems: Vec<Problem>,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, settings: all(), lines: Lines::new(), atoms: Vec::new(), problems: Vec::new() }
    }

    fn table(&mut self, table: &DeTable<'_>, path: &str) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let full = full_name(path, name);
            let place = Place::of(self.text, key.span().start);
            self.lines.insert(full.clone(), place.line);
            self.entry(&full, path, name, place, value);
        }
    }

    fn entry(&mut self, full: &str, path: &str, name: &str, place: Place, value: &Spanned<DeValue<'_>>) {
        // Names in quotes may hold dots themselves, so table and name are compared one by one.
        let found = self.settings.iter().find(|setting| setting.table == path && setting.name == name);
        if let Some(kind) = found.map(|setting| setting.kind) {
            return self.value(kind, path, name, value);
        }
        let inside = format!("{full}.");
        let known = !name.contains('.')
            && self.settings.iter().any(|setting| format!("{}.", setting.table).starts_with(&inside));
        match value.get_ref() {
            _ if !known => self.wrong(place, "", self.unknown(path, name)),
            DeValue::Table(table) => self.table(table, full),
            _ => self.wrong(place, "", format!("{full} is a table; write [{full}] and its settings below")),
        }
    }

    fn value(&mut self, kind: Kind, table: &str, name: &str, value: &Spanned<DeValue<'_>>) {
        match (kind, value.get_ref()) {
            (Kind::Texts, DeValue::Array(list)) => self.list(table, name, list),
            (kind, one) => {
                let place = Place::of(self.text, value.span().start);
                match fits(kind, one) {
                    Ok(value) => self.atoms.push(Atom::new(place, table, name, value, false)),
                    Err(what) => self.wrong(place, &full_name(table, name), what),
                }
            }
        }
    }

    fn list(&mut self, table: &str, name: &str, list: &[Spanned<DeValue<'_>>]) {
        let mut seen = BTreeSet::new();
        for entry in list {
            let place = Place::of(self.text, entry.span().start);
            match entry.get_ref() {
                DeValue::String(text) if seen.insert(text.as_ref()) => {
                    self.atoms.push(Atom::new(place, table, name, text.as_ref().into(), true));
                }
                DeValue::String(text) => {
                    self.wrong(place, &full_name(table, name), format!("{text:?} stands there twice"));
                }
                _ => self.wrong(place, &full_name(table, name), "entries of the list are texts in quotes".to_string()),
            }
        }
    }

    fn wrong(&mut self, place: Place, setting: &str, what: String) {
        self.problems.push(Problem { place, setting: setting.to_string(), what });
    }

    /// What to say about a name that nobody knows: where such a setting may stand, and the name most like it.
    fn unknown(&self, path: &str, name: &str) -> String {
        let inside = if path.is_empty() { String::new() } else { format!("{path}.") };
        let mut known: Vec<String> = self
            .settings
            .iter()
            .filter_map(|setting| setting.path().strip_prefix(&inside)?.split('.').next().map(str::to_string))
            .collect();
        known.dedup();
        let near = near(nearest(name, known.iter().map(String::as_str)));
        let what = if path == "rules" {
            "rule"
        } else if path == "lists" {
            "list"
        } else {
            "setting"
        };
        let place = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
        format!("there is no {what} {name:?}{place}{near}")
    }
}

/// The value if it is of the kind, or else what is wrong with it.
fn fits(kind: Kind, value: &DeValue<'_>) -> Result<toml::Value, String> {
    let text = if let DeValue::String(text) = value { Some(text.as_ref()) } else { None };
    match kind {
        Kind::Switch => match value {
            DeValue::Boolean(on) => Ok((*on).into()),
            _ => Err("is true or false".to_string()),
        },
        Kind::Number(least, most) => number(value, least, most),
        Kind::Level => {
            let levels = Level::ALL.into_iter().filter(|level| *level != Level::Invalid).map(Level::as_str);
            one_of(text, levels, "critical, high, medium, low or note")
        }
        Kind::Zone => {
            one_of(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()), "a time zone by its IANA name")
        }
        Kind::Offset => such_as(text, "an offset such as \"+08:00\"", |text| parse_offset(text).is_some()),
        Kind::Time => such_as(text, "a time of day such as \"22:00:00\"", |text| {
            ["%H:%M:%S", "%H:%M"].iter().any(|format| NaiveTime::parse_from_str(text, format).is_ok())
        }),
        Kind::Text => such_as(text, "a text in quotes that is not empty", |text| !text.is_empty()),
        Kind::Texts => Err("is a list of texts, such as [\"a\", \"b\"]".to_string()),
    }
}

fn number(value: &DeValue<'_>, least: i64, most: i64) -> Result<toml::Value, String> {
    let DeValue::Integer(number) = value else {
        return Err(format!("is a whole number from {least} to {most}"));
    };
    let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
    let wrong = || format!("is a number from {least} to {most}, not {}", number.as_str());
    parsed.filter(|number| (least..=most).contains(number)).map(Into::into).ok_or_else(wrong)
}

fn such_as(text: Option<&str>, what: &str, fits: impl Fn(&str) -> bool) -> Result<toml::Value, String> {
    match text {
        Some(text) if fits(text) => Ok(text.into()),
        Some(text) => Err(format!("is {what}, not {text:?}")),
        None => Err(format!("is {what}, in quotes")),
    }
}

fn one_of<'w>(
    text: Option<&str>,
    words: impl Iterator<Item = &'w str> + Clone,
    what: &str,
) -> Result<toml::Value, String> {
    let value = such_as(text, what, |text| words.clone().any(|word| word == text));
    value.map_err(|error| format!("{error}{}", near(text.and_then(|text| nearest(text, words)))))
}

#[cfg(test)]
mod tests;
