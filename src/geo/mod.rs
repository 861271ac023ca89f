//! Where an address is: by the user's files, then by the table inside the program.
//!
//! A place is a guess of whoever made the table, and old from the day it was made: it is shown, and no rule looks at
//! it. Nothing here asks the network.

mod builtin;
mod csv;
mod mmdb;
mod names;
mod ranges;
mod region;
mod special;
mod xdb;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

pub use crate::lang::Lang;
pub use names::{Entry, Name};
pub use region::Region;

/// The largest file taken, in bytes. The largest free ones have about 700 MB, as CSV.
pub const SIZE_LIMIT: u64 = 2 << 30;

/// What `GeoError` says is taken.
const TAKEN: &str = "taken are MaxMind .mmdb, ip2region .xdb, and CSV of address ranges with a country";

/// Why a file gives no places.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is larger than [`SIZE_LIMIT`].
    #[error("{}: larger than {} GiB", .path.display(), SIZE_LIMIT >> 30)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The content is of no kind that is read.
    #[error("{}: no table of places: {found}; {TAKEN}", .path.display())]
    NotRecognised {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: String,
    },
    /// The content is of a known kind, but broken or without countries.
    #[error("{}: {what}; {TAKEN}", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line where there are lines.
        what: String,
    },
}

/// A place, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Country, and province of China.
    pub region: Region,
    /// The file's name, or the name of the table inside the program.
    pub source: Arc<str>,
}

impl Place {
    /// Returns the place as the console writes it, such as `China-Beijing`.
    pub fn text(&self, lang: Lang) -> String {
        self.region.text(lang)
    }
}

enum Table {
    Mmdb(Box<mmdb::Mmdb>),
    Xdb(xdb::Xdb),
    Csv(ranges::Ranges),
}

impl Table {
    fn region(&self, ip: IpAddr) -> Option<Region> {
        match self {
            Self::Mmdb(table) => table.region(ip),
            Self::Xdb(table) => table.region(ip),
            Self::Csv(table) => table.region(ip).cloned(),
        }
    }

    fn attribution(&self) -> Option<&'static str> {
        match self {
            Self::Mmdb(table) => table.attribution(),
            Self::Xdb(_) => None,
            Self::Csv(table) => table.attribution(),
        }
    }
}

struct Source {
    name: Arc<str>,
    table: Table,
}

/// The table inside the program, unpacked when first asked.
static BUILTIN: LazyLock<builtin::Builtin> = LazyLock::new(builtin::Builtin::load);

/// The tables asked for places, in the order they are asked.
#[derive(Default)]
pub struct Geo {
    sources: Vec<Source>,
}

impl Geo {
    /// Opens the user's files; the first that knows an address is believed. No file is needed.
    pub fn open(files: &[PathBuf]) -> Result<Self, GeoError> {
        let sources = files.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
        Ok(Self { sources })
    }

    /// Tells where an address is. Private and reserved addresses are nowhere.
    pub fn place(&self, ip: IpAddr) -> Option<Place> {
        let ip = special::public(ip)?;
        let told = |source: &Source| Some(Place { region: source.table.region(ip)?, source: source.name.clone() });
        self.sources.iter().find_map(told).or_else(|| {
            let region = BUILTIN.region(ip)?.clone();
            Some(Place { region, source: BUILTIN.name() })
        })
    }

    /// Tells what each table says, in the order they are asked; none where it does not know the address.
    pub fn answers(&self, ip: IpAddr) -> Vec<(Arc<str>, Option<Region>)> {
        let public = special::public(ip);
        let told = |source: &Source| (source.name.clone(), public.and_then(|ip| source.table.region(ip)));
        let mut answers: Vec<_> = self.sources.iter().map(told).collect();
        answers.push((BUILTIN.name(), public.and_then(|ip| BUILTIN.region(ip).cloned())));
        answers
    }

    /// Returns the lines that the makers of the tables want shown with their data, each once.
    ///
    /// For a user's file only where the file says who made it.
    pub fn attributions(&self) -> Vec<&'static str> {
        let mut lines: Vec<_> = self.sources.iter().filter_map(|source| source.table.attribution()).collect();
        lines.push(builtin::ATTRIBUTION);
        let mut once = Vec::new();
        for line in lines {
            if !once.contains(&line) {
                once.push(line);
            }
        }
        once
    }
}

fn open(path: &Path) -> Result<Source, GeoError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(Source { name: region::clean(&name, 120).into(), table: open_table(path)? })
}

fn open_table(path: &Path) -> Result<Table, GeoError> {
    let unreadable = |source| GeoError::Unreadable { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let kind = file.metadata().map_err(unreadable)?;
    if kind.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if kind.len() > SIZE_LIMIT {
        return Err(GeoError::TooLarge { path: path.to_path_buf() });
    }
    let mut head = Vec::new();
    file.by_ref().take(xdb::HEADER as u64).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let broken = |what: String| GeoError::Broken { path: path.to_path_buf(), what: region::clean(&what, 300) };
    if is_text(&head) {
        // A file of one line may be an .mmdb no less, but none begins with text: its tree begins with small numbers.
        return csv::read(BufReader::new(file.take(SIZE_LIMIT))).map(Table::Csv).map_err(|error| match error {
            csv::CsvError::Io(source) => unreadable(source),
            csv::CsvError::Content(what) => broken(what),
        });
    }
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(unreadable)?;
    if mmdb::looks_like(&bytes) {
        return mmdb::Mmdb::open(bytes).map(|table| Table::Mmdb(Box::new(table))).map_err(broken);
    }
    if xdb::looks_like(&bytes) {
        return xdb::Xdb::open(bytes).map(Table::Xdb).map_err(broken);
    }
    Err(GeoError::NotRecognised { path: path.to_path_buf(), found: describe(&head).to_string() })
}

/// Whether a file's first bytes are text: no byte that text never has.
fn is_text(head: &[u8]) -> bool {
    let never = |byte: &u8| *byte < 0x20 && !b"\t\n\r".contains(byte);
    !head.is_empty() && !head.iter().any(never)
}

fn describe(head: &[u8]) -> &'static str {
    match head {
        [] => "it is empty",
        [0x1f, 0x8b, ..] => "it is packed by gzip; unpack it first",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive; unpack it first",
        [b'7', b'z', 0xbc, 0xaf, ..] => "it is a 7z archive; unpack it first",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16 text; save it as UTF-8",
        _ => "unknown content",
    }
}

#[cfg(test)]
mod tests;
