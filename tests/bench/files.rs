//! The benchmark's inputs on disk: made once, used again as long as they fit.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::generate::{Generator, SEED};

/// Files in `split/`.
const PARTS: u64 = 64;
/// Events in `tccli.json`, at most.
const TCCLI_EVENTS: u64 = 200_000;
const BLOCK: usize = 1 << 20;
const MANIFEST: &str = "manifest.txt";
/// A change to what makes the data makes new data.
const SOURCES: [&str; 6] = [
    include_str!("generate.rs"),
    include_str!("object.rs"),
    include_str!("parameters.rs"),
    include_str!("world.rs"),
    include_str!("actions.txt"),
    include_str!("files.rs"),
];

/// One way in which the events lie on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// One file of JSON lines.
    Plain,
    /// The same file, compressed.
    Gz,
    /// A folder of compressed files that make up the same events.
    Split,
    /// The reply of an event query, as the command line client saves it.
    Tccli,
}

impl Input {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Gz, Self::Split, Self::Tccli];

    /// The name on the command line and in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gz => "gz",
            Self::Split => "split",
            Self::Tccli => "tccli",
        }
    }

    /// The file or folder inside the data folder.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Plain => "events.ndjson",
            Self::Gz => "events.ndjson.gz",
            Self::Split => "split",
            Self::Tccli => "tccli.json",
        }
    }

    /// How many of `events` events this input holds.
    pub(crate) fn events(self, events: u64) -> u64 {
        if self == Self::Tccli { events.min(TCCLI_EVENTS) } else { events }
    }
}

/// The data folder, complete.
pub(crate) struct Data {
    dir: PathBuf,
    /// Events in the full inputs.
    pub(crate) events: u64,
    /// FNV-1a, 64 bits, of `events.ndjson`.
    pub(crate) checksum: u64,
    /// Whether the files were there already.
    pub(crate) reused: bool,
}

impl Data {
    /// Where `input` lies.
    pub(crate) fn path(&self, input: Input) -> PathBuf {
        self.dir.join(input.file())
    }

    /// Bytes of `input` without compression.
    pub(crate) fn bytes(&self, input: Input) -> io::Result<u64> {
        let file = if input == Input::Tccli { input } else { Input::Plain };
        Ok(fs::metadata(self.path(file))?.len())
    }

    /// Reads `input` once, so that the first run finds it where the later ones do.
    pub(crate) fn touch(&self, input: Input) -> io::Result<()> {
        let path = self.path(input);
        for file in if path.is_dir() { files_of(&path)? } else { vec![path] } {
            io::copy(&mut File::open(file)?, &mut io::sink())?;
        }
        Ok(())
    }
}

/// Makes the data in `dir`, or takes what is there when it is the same.
pub(crate) fn prepare(dir: &Path, events: u64) -> io::Result<Data> {
    let (checksum, reused) = match existing(dir, events) {
        Some(checksum) => (checksum, true),
        None => (create(dir, events)?, false),
    };
    Ok(Data { dir: dir.to_owned(), events, checksum, reused })
}

/// The checksum in the manifest, if the files are those that would be made now.
fn existing(dir: &Path, events: u64) -> Option<u64> {
    let text = fs::read_to_string(dir.join(MANIFEST)).ok()?;
    let hex = text.lines().find_map(|line| line.strip_prefix("checksum "))?;
    let checksum = u64::from_str_radix(hex, 16).ok()?;
    (manifest(dir, events, checksum).ok()? == text).then_some(checksum)
}

/// What was made, from what, and the size of each file.
fn manifest(dir: &Path, events: u64, checksum: u64) -> io::Result<String> {
    let sources = SOURCES.iter().fold(FNV_START, |hash, source| fnv(hash, source.as_bytes()));
    let mut text = format!("seed {SEED:016x}\nsources {sources:016x}\nevents {events}\nchecksum {checksum:016x}\n");
    let mut files = files_of(&dir.join(Input::Split.file()))?;
    files.extend([Input::Plain, Input::Gz, Input::Tccli].map(|input| dir.join(input.file())));
    for file in files {
        let name = file.strip_prefix(dir).unwrap_or(&file);
        writeln!(text, "file {} {}", name.display(), fs::metadata(&file)?.len()).expect("writing to a string");
    }
    Ok(text)
}

fn files_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn create(dir: &Path, events: u64) -> io::Result<u64> {
    fs::create_dir_all(dir)?;
    // Without a manifest, what an interrupted run leaves behind is never taken for data.
    remove(fs::remove_file(dir.join(MANIFEST)))?;
    remove(fs::remove_dir_all(dir.join(Input::Split.file())))?;
    fs::create_dir(dir.join(Input::Split.file()))?;
    let start = Instant::now();
    let checksum = write_plain(&dir.join(Input::Plain.file()), events)?;
    eprintln!("data: {} written in {:.1} s", Input::Plain.file(), start.elapsed().as_secs_f64());
    thread::scope(|scope| {
        let gz = scope.spawn(|| write_gz(dir));
        write_split(dir, events)?;
        write_tccli(dir)?;
        gz.join().expect("the compressing thread does not panic")
    })?;
    fs::write(dir.join(MANIFEST), manifest(dir, events, checksum)?)?;
    Ok(checksum)
}

/// A file that is not there need not be removed.
fn remove(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Writes the events and gives their checksum.
fn write_plain(path: &Path, events: u64) -> io::Result<u64> {
    let mut generator = Generator::new(events);
    let mut file = File::create(path)?;
    let mut block = Vec::with_capacity(BLOCK + BLOCK / 4);
    let mut checksum = FNV_START;
    for _ in 0..events {
        generator.write_event(&mut block);
        if block.len() >= BLOCK {
            checksum = fnv(checksum, &block);
            file.write_all(&block)?;
            block.clear();
        }
    }
    file.write_all(&block)?;
    Ok(fnv(checksum, &block))
}

fn open_plain(dir: &Path) -> io::Result<BufReader<File>> {
    let file = File::open(dir.join(Input::Plain.file()))?;
    Ok(BufReader::with_capacity(BLOCK, file))
}

fn gz_writer(path: &Path) -> io::Result<GzEncoder<BufWriter<File>>> {
    let file = BufWriter::with_capacity(BLOCK, File::create(path)?);
    Ok(GzEncoder::new(file, Compression::default()))
}

fn write_gz(dir: &Path) -> io::Result<()> {
    let mut gz = gz_writer(&dir.join(Input::Gz.file()))?;
    io::copy(&mut open_plain(dir)?, &mut gz)?;
    gz.finish()?.flush()
}

fn write_split(dir: &Path, events: u64) -> io::Result<()> {
    let mut plain = open_plain(dir)?;
    let lines = events.div_ceil(PARTS);
    for part in 0..PARTS {
        let name = format!("part-{part:02}.ndjson.gz");
        let mut gz = gz_writer(&dir.join(Input::Split.file()).join(name))?;
        copy_lines(&mut plain, &mut gz, lines)?;
        gz.finish()?.flush()?;
    }
    Ok(())
}

fn copy_lines(from: &mut impl BufRead, to: &mut impl Write, lines: u64) -> io::Result<()> {
    let mut line = Vec::new();
    for _ in 0..lines {
        line.clear();
        from.read_until(b'\n', &mut line)?;
        to.write_all(&line)?;
    }
    Ok(())
}

/// Indented by four, as the client prints it.
fn write_tccli(dir: &Path) -> io::Result<()> {
    let file = File::create(dir.join(Input::Tccli.file()))?;
    let mut out = BufWriter::with_capacity(BLOCK, file);
    out.write_all(b"{\n    \"ListOver\": true,\n    \"Events\": [")?;
    let limit = usize::try_from(TCCLI_EVENTS).expect("a small number");
    for (place, line) in open_plain(dir)?.lines().take(limit).enumerate() {
        out.write_all(if place == 0 { b"\n        {" } else { b",\n        {" })?;
        write_row(&mut out, &line?)?;
        out.write_all(b"\n        }")?;
    }
    out.write_all(b"\n    ]\n}\n")?;
    out.flush()
}

fn write_row(out: &mut impl Write, line: &str) -> io::Result<()> {
    let event: Value = serde_json::from_str(line)?;
    let identity = &event["userIdentity"];
    let account = identity["accountId"].as_str().and_then(|id| id.parse::<u64>().ok());
    let code = event["errorCode"].as_str().and_then(|code| code.parse::<i64>().ok());
    let fields = [
        ("CloudAuditEvent", json!(line)),
        ("EventName", event["eventName"].clone()),
        ("EventTime", json!(event["eventTime"].to_string())),
        ("SecretId", identity["secretId"].clone()),
        ("EventId", event["requestID"].clone()),
        ("ErrorCode", json!(code)),
        ("RequestID", event["requestID"].clone()),
        ("SourceIPAddress", event["sourceIPAddress"].clone()),
        ("EventSource", event["eventSource"].clone()),
        ("EventRegion", event["eventRegion"].clone()),
        ("Username", identity["userName"].clone()),
        ("AccountID", json!(account)),
        ("Location", Value::Null),
        ("ResourceRegion", event["eventRegion"].clone()),
    ];
    for (place, (name, value)) in fields.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\n            \"{name}\": ")?;
        serde_json::to_writer(&mut *out, value)?;
    }
    Ok(())
}

/// Where FNV-1a of 64 bits starts.
pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: goes on from `hash` over `bytes`.
pub(crate) fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
