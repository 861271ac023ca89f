//! What is wrong with a settings file: unknown names and values that make no sense, all of them at once.

use super::schema::{Kind, Setting, all};
use crate::catalog::edit::nearest;
use crate::detect::Level;
use crate::settings::{Settings, SettingsError};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake, and where it stands if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// From 1.
    pub(super) line: Option<usize>,
    /// What is wrong.
    pub(super) what: String,
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

/// Everything that is wrong with the text of the settings file at `path`.
pub(super) fn problems(text: &str, path: &Path) -> Vec<Problem> {
    let parsed = match DeTable::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let line = error.span().map(|span| line_of(text, span.start));
            return vec![Problem { line, what: format!("not TOML: {}", error.message().replace('\n', "; ")) }];
        }
    };
    let mut walk = Walk::new(text);
    walk.table(parsed.get_ref(), "");
    let Walk { lines, bad, mut problems, .. } = walk;
    problems.extend(deeper(text, path, &bad, &lines));
    problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
    problems
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

/// A walk through the file, beside the list of settings.
struct Walk<'t> {
    text: &'t str,
    settings: Vec<Setting>,
    lines: Lines,
    bad: Vec<String>,
    problems: Vec<Problem>,
}

impl<'t> Walk<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, settings: all(), lines: Lines::new(), bad: Vec::new(), problems: Vec::new() }
    }

    fn table(&mut self, table: &DeTable<'_>, path: &str) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let full = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            let line = line_of(self.text, key.span().start);
            self.lines.insert(full.clone(), line);
            if let Err(what) = self.entry(&full, path, name, value) {
                self.problems.push(Problem { line: Some(line), what });
                self.bad.push(full);
            }
        }
    }

    fn entry(&mut self, full: &str, path: &str, name: &str, value: &Spanned<DeValue<'_>>) -> Result<(), String> {
        let found = self.settings.iter().find(|setting| setting.path() == full).map(|setting| setting.kind);
        if let Some(kind) = found {
            return fits(kind, value.get_ref()).map_err(|what| format!("{full} {what}"));
        }
        let inside = format!("{full}.");
        if !self.settings.iter().any(|setting| setting.path().starts_with(&inside)) {
            return Err(self.unknown(path, name));
        }
        match value.get_ref() {
            DeValue::Table(table) => {
                self.table(table, full);
                Ok(())
            }
            _ => Err(format!("{full} is a table; write [{full}] and its settings below")),
        }
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
        let nearest = nearest(name, known.iter().map(String::as_str)).unwrap_or_default();
        let what = if path == "rules" {
            "rule"
        } else if path == "lists" {
            "list"
        } else {
            "setting"
        };
        let place = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
        format!("there is no {what} {name:?}{place}; the nearest is {nearest:?}")
    }
}

/// Whether a value is of the kind, or else what is wrong with it.
fn fits(kind: Kind, value: &DeValue<'_>) -> Result<(), String> {
    match (kind, value) {
        (Kind::Switch, DeValue::Boolean(_)) | (Kind::Text, DeValue::String(_)) => Ok(()),
        (Kind::Switch, _) => Err("is true or false".to_string()),
        (Kind::Text, _) => Err("is a text in quotes".to_string()),
        (Kind::Number(least, most), DeValue::Integer(number)) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            let fits = number.is_ok_and(|number| (least..=most).contains(&number));
            if fits { Ok(()) } else { Err(format!("is a number from {least} to {most}")) }
        }
        (Kind::Number(..), _) => Err("is a whole number".to_string()),
        (Kind::Texts, DeValue::Array(list)) if list.iter().all(|one| matches!(one.get_ref(), DeValue::String(_))) => {
            Ok(())
        }
        (Kind::Texts, _) => Err("is a list of texts, such as [\"a\", \"b\"]".to_string()),
        (Kind::Level, DeValue::String(text)) => {
            let levels = Level::ALL.into_iter().filter(|level| *level != Level::Invalid).map(Level::as_str);
            one_of(text, levels, "critical, high, medium, low or note")
        }
        (Kind::Level, _) => Err("is critical, high, medium, low or note, in quotes".to_string()),
        (Kind::Zone, DeValue::String(text)) => {
            one_of(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()), "a time zone by its IANA name")
        }
        (Kind::Zone, _) => Err("is a time zone by its IANA name, in quotes".to_string()),
    }
}

fn one_of<'w>(text: &str, words: impl Iterator<Item = &'w str> + Clone, what: &str) -> Result<(), String> {
    if words.clone().any(|word| word == text) {
        return Ok(());
    }
    let nearest = nearest(text, words).unwrap_or_default();
    Err(format!("is {what}, not {text:?}; the nearest is {nearest:?}"))
}

/// What only those who use the settings find: patterns, addresses, files, entries of lists. Each rule and each list is
/// tried alone, so that one mistake does not hide another.
fn deeper(text: &str, path: &Path, bad: &[String], lines: &Lines) -> Vec<Problem> {
    let Ok(mut whole) = text.parse::<toml::Table>() else { return Vec::new() };
    for full in bad {
        take_out(&mut whole, full);
    }
    let mut parts = Vec::new();
    for group in ["rules", "lists"] {
        if let Some(toml::Value::Table(tables)) = whole.remove(group) {
            parts.extend(tables.into_iter().map(|(name, table)| {
                let full = format!("{group}.{name}");
                let inner = toml::Table::from_iter([(name, table)]);
                (full, toml::Table::from_iter([(group.to_string(), toml::Value::Table(inner))]))
            }));
        }
    }
    parts.push((String::new(), whole));
    let mut found: Vec<Problem> = Vec::new();
    for (full, part) in parts {
        for what in mistakes(&part.to_string(), path) {
            if !found.iter().any(|problem| problem.what == what) {
                found.push(Problem { line: lines.get(&full).copied(), what });
            }
        }
    }
    found
}

fn take_out(table: &mut toml::Table, full: &str) {
    let Some((first, rest)) = full.split_once('.') else {
        table.remove(full);
        return;
    };
    if let Some(toml::Value::Table(inner)) = table.get_mut(first) {
        take_out(inner, rest);
    } else {
        // Names in quotes may hold dots themselves.
        table.remove(full);
    }
}

/// What the program says when it uses these settings.
fn mistakes(text: &str, path: &Path) -> Vec<String> {
    let settings = match Settings::parse(text, path) {
        Ok(settings) => settings,
        Err(error) => return vec![whole(&error)],
    };
    let tried: [Result<(), SettingsError>; 6] = [
        settings.zone().map(drop),
        settings.naive_offset().map(drop),
        settings.calls_per_record().map(drop),
        settings.rules().map(drop),
        settings.cloud_manager_ips().map(drop),
        settings.catalog().map(drop),
    ];
    let mut said: Vec<String> = tried.into_iter().filter_map(Result::err).map(|error| whole(&error)).collect();
    said.dedup();
    said
}

/// An error with its causes, in one line.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::schema::template;

    fn said(text: &str) -> Vec<String> {
        let line = |problem: Problem| format!("{}: {}", problem.line.unwrap_or_default(), problem.what);
        problems(text, Path::new("akguard.toml")).into_iter().map(line).collect()
    }

    #[test]
    fn the_template_and_nothing_are_fine() {
        assert_eq!(said(&template()), Vec::<String>::new());
        assert_eq!(said(""), Vec::<String>::new());
        let uncommented = template().replace("# alert_at", "alert_at");
        assert_eq!(said(&uncommented), Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_the_nearest_name() {
        let text = "tz = \"Asia/Shangai\"\ncolour = true\n[rules.hacker-tols]\n[rules.create-key]\nlevel = \"hihg\"\nenabld = 1\n\
                    [rules.cloud-manager-call]\nips = [\"300.1.1.1\"]\npattern = \"(\"\n[rules.dormant-key-used]\ndays = 0\n\
                    [lists.high-risk]\nremove = [\"cam:Nothing\"]\nreplace = 3\n[database]\ncalls_per_record = \"9\"\n";
        let found = said(text);
        let expected = [
            "1: tz is a time zone by its IANA name, not \"Asia/Shangai\"; the nearest is \"Asia/Shanghai\"",
            "2: there is no setting \"colour\"; the nearest is",
            "3: there is no rule \"hacker-tols\" in [rules]; the nearest is \"hacker-tool\"",
            "5: rules.create-key.level is critical, high, medium, low or note, not \"hihg\"; the nearest is \"high\"",
            "6: there is no setting \"enabld\" in [rules.create-key]; the nearest is \"enabled\"",
            "7: [rules.cloud-manager-call]:",
            "7: cannot use",
            "11: rules.dormant-key-used.days is a number from 1 to",
            "12: [lists.high-risk] remove: \"cam:Nothing\" is not on the list",
            "14: lists.high-risk.replace is a text in quotes",
            "16: database.calls_per_record is a whole number",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            let place = expected.split_once(": ").map(|(line, _)| line);
            assert!(
                found.starts_with(expected)
                    || expected.ends_with("use") && found.split_once(": ").map(|(l, _)| l) == place,
                "{found}\n{expected}"
            );
        }
    }

    #[test]
    fn broken_toml_and_odd_names_are_told_with_their_line() {
        assert!(said("a = 1\nb = \n")[0].starts_with("2: not TOML"));
        assert_eq!(said("rules = 3\n"), ["1: rules is a table; write [rules] and its settings below"]);
        assert_eq!(said("\"lists.high-risk\" = 1\n").len(), 1);
    }
}
