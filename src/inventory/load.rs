//! From paths to an inventory: which files to read, their text, and what was found.
//! What a text means is decided in `lists` and `replies`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, GBK};
use thiserror::Error;
use walkdir::WalkDir;

use super::import::{Import, Problems, Taken};
use super::{Inventory, lists, replies};

/// Largest file that is read: some hundred thousand instances, yet safe to hold in memory.
pub const SIZE_LIMIT: u64 = 64 * 1024 * 1024;

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: String,
    /// What it was taken for, such as `cvm DescribeInstances` or `address list`.
    pub taken_for: String,
    /// How many entries were taken over.
    pub entries: usize,
    /// What could not be used.
    pub problems: Vec<Problem>,
}

/// Something in a file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1, where it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// Why the inventory could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Nothing is there.
    #[error("{}: no such file or folder; check the path", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("{}: cannot be read; check that it is a file you may read", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than anything an export gives.
    #[error(
        "{}: larger than {} MiB, the limit for one inventory file; split it into several files",
        path.display(), SIZE_LIMIT / (1024 * 1024)
    )]
    TooLarge {
        /// The path as given.
        path: PathBuf,
    },
    /// The file holds nothing of use.
    #[error(
        "{}: {found}; looked for an asset CSV with an address column (such as \"Public IP\" or \
         \"主IPv4公网IP\"), a list of one address or CIDR a line, or a saved JSON reply \
         (such as cvm DescribeInstances or cam ListUsers); export it again, or name a folder to \
         have such files skipped",
        path.display()
    )]
    NotRecognised {
        /// The path as given.
        path: PathBuf,
        /// What the file is instead.
        found: String,
    },
}

/// Reads files and folders into one inventory, and tells what each file gave.
///
/// Folders are walked in order of name. A file named directly must be usable;
/// inside folders, files of other kinds are told in the reports and skipped.
/// Times without an offset are `naive_offset_seconds` east of UTC.
pub fn load(paths: &[PathBuf], naive_offset_seconds: i32) -> Result<(Inventory, Vec<FileReport>), LoadError> {
    let mut inventory = Inventory::default();
    let mut reports = Vec::new();
    for path in paths {
        let kind = path.metadata().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => LoadError::Missing { path: path.clone() },
            _ => unreadable(path, source),
        })?;
        if kind.is_dir() {
            load_folder(path, naive_offset_seconds, &mut inventory, &mut reports);
        } else {
            let text = read_text(path)?;
            let report = take_file(path, &text, naive_offset_seconds, &mut inventory, true);
            let refuse = |useless: Useless| not_recognised(path, useless.damage.as_deref().unwrap_or(useless.found));
            reports.push(report.map_err(refuse)?);
        }
    }
    Ok((inventory, reports))
}

fn load_folder(folder: &Path, naive_offset_seconds: i32, inventory: &mut Inventory, reports: &mut Vec<FileReport>) {
    for entry in WalkDir::new(folder).sort_by_file_name().follow_links(true) {
        let report = match entry {
            Ok(entry) if !entry.file_type().is_file() => continue,
            Ok(entry) => {
                let path = entry.path();
                load_one_of_many(path, naive_offset_seconds, inventory)
            }
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_path_buf();
                skipped(&path, "not recognised", Some(error.to_string()))
            }
        };
        reports.push(report);
    }
}

fn load_one_of_many(path: &Path, offset: i32, inventory: &mut Inventory) -> FileReport {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(LoadError::NotRecognised { .. }) => return skipped(path, "not recognised", None),
        Err(LoadError::Unreadable { source, .. }) => {
            return skipped(path, "not recognised", Some(source.to_string()));
        }
        Err(error) => return skipped(path, "not recognised", Some(error.to_string())),
    };
    if text.is_empty() {
        return skipped(path, "empty", None);
    }
    take_file(path, &text, offset, inventory, false)
        .unwrap_or_else(|useless| skipped(path, "not recognised", useless.damage))
}

fn skipped(path: &Path, taken_for: &str, what: Option<String>) -> FileReport {
    FileReport {
        path: path.display().to_string(),
        taken_for: taken_for.to_owned(),
        entries: 0,
        problems: what.map(|what| Problem { line: None, what }).into_iter().collect(),
    }
}

fn unreadable(path: &Path, source: io::Error) -> LoadError {
    let path = path.to_path_buf();
    LoadError::Unreadable { path, source }
}

fn not_recognised(path: &Path, found: impl Into<String>) -> LoadError {
    let (path, found) = (path.to_path_buf(), found.into());
    LoadError::NotRecognised { path, found }
}

fn read_text(path: &Path) -> Result<String, LoadError> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let mut bytes = Vec::new();
    let mut limited = file.take(SIZE_LIMIT + 1);
    limited.read_to_end(&mut bytes).map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(LoadError::TooLarge { path: path.to_path_buf() });
    }
    decode(&bytes).ok_or_else(|| not_recognised(path, "it is not text"))
}

/// Reads UTF-8 and UTF-16 by their marks, then plain UTF-8, then GBK, which is
/// what Excel writes on a Chinese system.
fn decode(bytes: &[u8]) -> Option<String> {
    let text = if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling(&bytes[mark..]).0
    } else if let Ok(text) = str::from_utf8(bytes) {
        Cow::Borrowed(text)
    } else {
        GBK.decode_without_bom_handling_and_without_replacement(bytes)?
    };
    (!text.contains('\0')).then(|| text.into_owned())
}

fn take_file(
    path: &Path,
    text: &str,
    naive_offset_seconds: i32,
    inventory: &mut Inventory,
    named_directly: bool,
) -> Result<FileReport, Useless> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut import =
        Import { inventory, text, stem: stem.unwrap_or_default(), naive_offset_seconds, problems: Problems::default() };
    let taken = take_text(&mut import, named_directly || may_be_list(path));
    let problems = import.problems.into_list();
    let taken = taken.map_err(|found| Useless::new(found, &problems))?;
    Ok(FileReport { path: path.display().to_string(), taken_for: taken.taken_for, entries: taken.entries, problems })
}

fn take_text(import: &mut Import<'_>, may_be_list: bool) -> Result<Taken, &'static str> {
    let start = import.text.trim_start();
    if start.is_empty() {
        return Err("it is empty");
    }
    if start.starts_with(['{', '[']) {
        return replies::take(import).ok_or("its JSON is none of the known replies");
    }
    let mut taken = lists::take_csv(import);
    if taken.is_none() && may_be_list {
        taken = lists::take_list(import);
    }
    taken.ok_or("it has neither an address column nor a list of addresses")
}

/// A text that gave nothing.
struct Useless {
    found: &'static str,
    /// The first thing that is broken in it.
    damage: Option<String>,
}

impl Useless {
    fn new(found: &'static str, problems: &[Problem]) -> Self {
        let first = problems.first();
        let damage = first.map(|problem| match problem.line {
            Some(line) => format!("{} (line {line})", problem.what),
            None => problem.what.clone(),
        });
        Self { found, damage }
    }
}

/// Web server logs also begin each line with an address. In a folder nobody said
/// which file is a list, so the name has to; a log taken for a list would make every
/// visitor part of the account.
fn may_be_list(path: &Path) -> bool {
    const ENDINGS: [&str; 7] = ["txt", "list", "lst", "csv", "tsv", "cidr", "ips"];
    path.extension().is_none_or(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::inventory) fn load_text(name: &str, text: &str) -> (Inventory, FileReport) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (inventory, mut reports) = load(&[path], 28_800).unwrap();
        assert_eq!(reports.len(), 1);
        (inventory, reports.remove(0))
    }

    fn load_bytes(name: &str, bytes: &[u8]) -> Result<(Inventory, Vec<FileReport>), LoadError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        load(&[path], 28_800)
    }

    #[test]
    fn a_missing_path_is_an_error_with_its_name() {
        let error = load(&[PathBuf::from("no-such-folder/x.csv")], 0).unwrap_err();
        assert!(matches!(error, LoadError::Missing { .. }));
        assert!(error.to_string().contains("no-such-folder"));
    }

    #[test]
    fn files_named_directly_must_be_usable() {
        for (bytes, says) in [
            (&b""[..], "it is empty"),
            (b"\x1f\x8b\x08\x00\xff\xff\xff\xff", "it is not text"),
            (b"{\"Records\": []}", "none of the known replies"),
            (b"{\"Data\": [\n{", "JSON cannot be read: EOF while parsing an object (line 2)"),
            (b"# Notes\n\nnothing here\n", "neither an address column"),
        ] {
            let error = load_bytes("x.txt", bytes).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            assert!(error.contains("looked for"), "{error}");
        }
    }

    #[test]
    fn too_large_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.txt");
        File::create(&path).unwrap().set_len(SIZE_LIMIT + 1).unwrap();
        let error = load(&[path], 0).unwrap_err();
        assert!(matches!(error, LoadError::TooLarge { .. }));
        let (_, reports) = load(&[folder.path().to_path_buf()], 0).unwrap();
        assert_eq!(reports[0].taken_for, "not recognised");
        assert!(reports[0].problems[0].what.contains("64 MiB"));
    }

    #[test]
    fn folders_are_walked_in_order_and_other_files_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        write("sub/office.txt", "192.0.2.0/24 office\n").unwrap();
        write("access.log", "198.51.100.1 - - \"GET /\" 200\n").unwrap();
        write("README.md", "# About\n").unwrap();
        write("none.json", "").unwrap();
        let (inventory, reports) = load(&[folder.path().to_path_buf()], 0).unwrap();
        let taken: Vec<_> = reports.iter().map(|report| report.taken_for.as_str()).collect();
        assert_eq!(taken, ["not recognised", "not recognised", "empty", "address list"]);
        assert_eq!(inventory.network_count(), 1);
    }

    #[test]
    fn text_is_read_in_the_encodings_of_exports() {
        let text = "ID,名称,主IPv4公网IP\nins-00000001,网站,203.0.113.10\n";
        let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let gbk = GBK.encode(text).0.into_owned();
        let utf8 = format!("\u{feff}{text}").into_bytes();
        for bytes in [utf16, gbk, utf8] {
            let (inventory, _) = load_bytes("cvm.csv", &bytes).unwrap();
            let asset = inventory.asset("203.0.113.10".parse().unwrap()).unwrap();
            assert_eq!(asset.name.as_deref(), Some("网站"));
        }
    }
}
