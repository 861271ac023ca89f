//! Settings tried one by one: what only those who use them find, such as patterns, addresses, files and entries of
//! lists. No mistake hides another, and each is told at its own place.

use super::check::{Place, Problem};
use super::schema::full_name;
use crate::settings::{Settings, SettingsError};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use toml::{Table, Value};

/// A setting, or one entry of a list, that can be tried alone.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    place: Place,
    table: String,
    name: String,
    value: Value,
    entry: bool,
}

impl Atom {
    /// A value, or an entry of a list, of the setting `name` of `table`.
    pub(super) fn new(place: Place, table: &str, name: &str, value: Value, entry: bool) -> Self {
        Self { place, table: table.to_string(), name: name.to_string(), value, entry }
    }

    /// Files come first, since entries are looked for in them, and what is added before what is taken off.
    fn turn(&self) -> u8 {
        match self.name.as_str() {
            "replace" | "signatures" => 0,
            "remove" | "disable" => 2,
            "start" | "end" => 3,
            _ => 1,
        }
    }

    /// Puts the value into its table, which holds those that are fine already.
    fn put(&self, table: &mut Table) {
        if !self.entry {
            table.insert(self.name.clone(), self.value.clone());
        } else if let Value::Array(list) = table.entry(&self.name).or_insert_with(|| Value::Array(Vec::new())) {
            list.push(self.value.clone());
        }
    }

    fn setting(&self) -> String {
        full_name(&self.table, &self.name)
    }
}

/// Tries all of them, table by table.
pub(super) fn try_all(atoms: Vec<Atom>, path: &Path) -> Vec<Problem> {
    let mut tables: BTreeMap<String, Vec<Atom>> = BTreeMap::new();
    for atom in atoms {
        tables.entry(atom.table.clone()).or_default().push(atom);
    }
    let mut problems = Vec::new();
    for (name, mut atoms) in tables {
        atoms.sort_by_key(|atom| (atom.turn(), atom.place));
        let mut trial = Trial { name, path, good: Table::new(), problems: Vec::new() };
        let (each, window) = atoms.split_at(atoms.partition_point(|atom| atom.turn() < 3));
        trial.admit(each);
        trial.admit_window(window);
        problems.extend(trial.problems);
    }
    problems
}

/// Mistakes of one table that are looked for: each takes trying the settings some ten times.
const MOST_PROBLEMS: usize = 100;

/// One table of the file, into which settings go that prove good.
struct Trial<'t> {
    name: String,
    path: &'t Path,
    good: Table,
    problems: Vec<Problem>,
}

impl Trial<'_> {
    /// Takes what is good, and names the rest. Halving finds few mistakes among many entries soon.
    fn admit(&mut self, atoms: &[Atom]) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        match (atoms, self.attempt(atoms)) {
            (_, Ok(table)) => self.good = table,
            ([], Err(_)) => {}
            ([atom], Err(said)) => self.blame(atom, &said),
            (atoms, Err(_)) => {
                let (first, second) = atoms.split_at(atoms.len() / 2);
                self.admit(first);
                self.admit(second);
            }
        }
    }

    /// Takes both ends of a window or none: each is wrong or right by the other.
    fn admit_window(&mut self, ends: &[Atom]) {
        if let (Some(last), Err(said)) = (ends.last(), self.attempt(ends)) {
            self.blame(last, &said);
        }
    }

    /// The table with these in it, or what is said about it.
    fn attempt(&self, atoms: &[Atom]) -> Result<Table, Vec<String>> {
        let mut table = self.good.clone();
        for atom in atoms {
            atom.put(&mut table);
        }
        let said = mistakes(&self.whole(table.clone()), self.path);
        if said.is_empty() { Ok(table) } else { Err(said) }
    }

    fn blame(&mut self, atom: &Atom, said: &[String]) {
        self.problems.extend(said.iter().map(|what| Problem {
            place: atom.place,
            setting: atom.setting(),
            what: bare(what, &atom.table, &atom.name).to_string(),
        }));
    }

    /// A settings file that holds nothing but the table.
    fn whole(&self, table: Table) -> Table {
        let nested = |inner: Table, name: &str| Table::from_iter([(name.to_string(), Value::Table(inner))]);
        if self.name.is_empty() { table } else { self.name.rsplit('.').fold(table, nested) }
    }
}

/// What was said without table and name, which are told before it.
fn bare<'w>(what: &'w str, table: &str, name: &str) -> &'w str {
    let what = what.strip_prefix(&format!("[{table}]")).unwrap_or(what).trim_start_matches([':', ' ']);
    match what.strip_prefix(name) {
        Some(rest) if rest.starts_with(':') => rest.trim_start_matches([':', ' ']),
        _ => what,
    }
}

/// What the program says when it uses these settings.
fn mistakes(file: &Table, path: &Path) -> Vec<String> {
    let settings = match Settings::parse(&file.to_string(), path) {
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
    text.replace('\n', "; ")
}
