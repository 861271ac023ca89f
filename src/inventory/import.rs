//! One file on its way into the inventory: reading its addresses and times, and keeping
//! what could not be used with its line. Which fields hold them is known elsewhere.

use super::network::parse_nets;
use super::{Inventory, Problem, fields};

/// Problems told one by one for a file; the others are only counted.
const PROBLEM_LIMIT: usize = 200;

/// Lines searched for in a JSON file, since each search reads the text again.
const SEARCH_LIMIT: usize = 50;

/// What a text turned out to be.
pub(super) struct Taken {
    /// Its kind, in words.
    pub(super) taken_for: String,
    /// How many entries were taken over.
    pub(super) entries: usize,
}

/// One file on its way into the inventory.
pub(super) struct Import<'a> {
    /// Where entries go.
    pub(super) inventory: &'a mut Inventory,
    /// The whole file.
    pub(super) text: &'a str,
    /// The file's name without folder and ending.
    pub(super) stem: String,
    /// The zone of times without an offset.
    pub(super) naive_offset_seconds: i32,
    /// What could not be used.
    pub(super) problems: Problems,
}

impl Import<'_> {
    /// Reads addresses out of a text, telling the bad ones.
    pub(super) fn nets(&mut self, text: &str, place: Place) -> Vec<ipnet::IpNet> {
        let mut nets = Vec::new();
        for piece in pieces(text) {
            match parse_nets(&piece) {
                Ok(found) => nets.extend(found),
                Err(bad) => self.problem(place, &piece, bad.describe(&piece)),
            }
        }
        nets
    }

    /// Reads a time, telling a bad one.
    pub(super) fn time(&mut self, text: &str, place: Place) -> Option<i64> {
        match fields::time(text, self.naive_offset_seconds) {
            Ok(time) => time,
            Err(what) => {
                self.problem(place, text, what);
                None
            }
        }
    }

    /// Keeps a problem with `about`, looking for its line where that is not known.
    pub(super) fn problem(&mut self, place: Place, about: &str, what: String) {
        let line = match place {
            Place::Line(line) => Some(line),
            Place::From(start) => self.find_line(start, about),
            Place::File => None,
        };
        self.problems.add(line, what);
    }

    fn find_line(&mut self, start: usize, about: &str) -> Option<u64> {
        if self.problems.searches >= SEARCH_LIMIT {
            return None;
        }
        self.problems.searches += 1;
        let rest = self.text.get(start..)?;
        let found = rest.find(&format!("\"{about}\"")).or_else(|| rest.find(about))?;
        Some(line_at(self.text, start + found))
    }
}

/// Where in the file something stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// On this line.
    Line(u64),
    /// Somewhere after this byte.
    From(usize),
    /// It concerns the file as a whole.
    File,
}

/// Returns the line of a byte position, counted from 1.
pub(super) fn line_at(text: &str, position: usize) -> u64 {
    let before = text.as_bytes().get(..position).unwrap_or_default();
    before.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>() + 1
}

/// Splits a cell of several addresses; spaces around a range's dash do not split it.
fn pieces(cell: &str) -> Vec<String> {
    let split = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '、' | '，' | '；');
    let joined = cell.replace(" - ", "-");
    let pieces = joined.split(split).filter_map(|piece| {
        // Consoles add the kind of address: `192.0.2.1(EIP)`.
        fields::present(piece.split(['(', '（']).next()?)
    });
    pieces.map(str::to_owned).collect()
}

/// Problems of one file, so many that they can be read.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    more: usize,
    searches: usize,
}

impl Problems {
    /// Keeps a problem, or counts it when there are many.
    pub(super) fn add(&mut self, line: Option<u64>, what: String) {
        if self.list.len() < PROBLEM_LIMIT {
            self.list.push(Problem { line, what });
        } else {
            self.more += 1;
        }
    }

    /// Hands out the problems, with the number of those only counted.
    pub(super) fn into_list(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let what = format!("{} more problems in this file", self.more);
            self.list.push(Problem { line: None, what });
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load_text;
    use super::*;

    #[test]
    fn very_many_problems_are_counted() {
        let text = format!("192.0.2.1\n{}", "10.3.4.5.6\n".repeat(PROBLEM_LIMIT + 5));
        let (_, report) = load_text("list.txt", &text);
        assert_eq!(report.problems.len(), PROBLEM_LIMIT + 1);
        assert_eq!(report.problems[PROBLEM_LIMIT].what, "5 more problems in this file");
    }

    #[test]
    fn ranges_and_kinds_of_addresses_stay_whole() {
        let cell = "192.0.2.1 - 192.0.2.9；192.0.2.20(EIP), - 、198.51.100.1";
        assert_eq!(pieces(cell), ["192.0.2.1-192.0.2.9", "192.0.2.20", "198.51.100.1"]);
    }
}
