//! Opens inputs: files, folders, globs, standard input; gzip, zstd, tar and zip inside one another; text encodings.
//!
//! What an input is shows in its first bytes. Nothing is ever unpacked to disk, and no input, however
//! it was made, costs more than bounded memory.

use super::csv;
use super::framer::{Buffers, Framer, Sink};
use super::gzip;
use super::reject::{Reason, STARTS_WITH};
use crate::progress::{Progress, Stage};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes looked at to tell what an input is.
const HEAD: usize = 8192;
/// How many archives and compressions may stand inside one another.
const MAX_LAYERS: u8 = 6;
/// Output below which no input counts as a decompression bomb.
const BOMB_FLOOR: u64 = 256 << 20;
/// Expansion taken for a bomb. Real logs shrink 10- to 60-fold; gzip cannot do better than 1032-fold.
const BOMB_RATIO: u64 = 400;
/// Largest zip read from standard input or from inside another archive, which has to be held whole.
const MAX_HELD_ZIP: u64 = 256 << 20;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// Something that is told and not opened, and why: a pipe in a folder, a pattern without matches.
    NoFile(PathBuf, &'static str),
}

impl Input {
    /// The name shown to the user.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_string(),
            Self::File(path) | Self::NoFile(path, _) => path.display().to_string(),
        }
    }

    /// Size in bytes, 0 when unknown.
    pub fn size(&self) -> u64 {
        match self {
            Self::Stdin | Self::NoFile(..) => 0,
            Self::File(path) => path.metadata().map_or(0, |meta| meta.len()),
        }
    }
}

/// What became of one file, or of one member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOutcome {
    /// Path as given; archive members as `archive!member`.
    pub name: String,
    /// The format it was taken for.
    pub format: &'static str,
    /// Whether it could be read.
    pub state: FileState,
}

/// Whether a file could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Its records were handed on.
    Read,
    /// It holds nothing.
    Empty,
    /// It could not be opened, or is in no known format.
    Rejected(Reason),
}

/// Turns command line paths into inputs: folders are walked in name order without hidden files, globs expanded.
///
/// A path that leads nowhere stays in the list, so that it is reported when it cannot be opened.
pub fn expand(paths: &[PathBuf]) -> Vec<Input> {
    paths.iter().flat_map(|path| expand_one(path)).collect()
}

fn expand_one(path: &Path) -> Vec<Input> {
    if path.as_os_str() == "-" {
        return vec![Input::Stdin];
    }
    if path.is_dir() {
        return walk(path);
    }
    let pattern = path.to_str().filter(|text| !path.exists() && text.contains(['*', '?', '[']));
    let matches: Vec<Input> =
        pattern.and_then(|text| glob::glob(text).ok()).into_iter().flatten().flat_map(globbed).collect();
    match pattern {
        _ if !matches.is_empty() => matches,
        Some(_) => vec![Input::NoFile(path.to_path_buf(), "no file matches the pattern")],
        None => vec![Input::File(path.to_path_buf())],
    }
}

fn globbed(found: glob::GlobResult) -> Vec<Input> {
    match found {
        Ok(path) if path.is_dir() => walk(&path),
        Ok(path) => vec![Input::File(path)],
        Err(error) => vec![Input::File(error.path().to_path_buf())],
    }
}

/// The files of a folder. What cannot be looked into stays in the list, to be reported when it cannot be opened.
fn walk(folder: &Path) -> Vec<Input> {
    let hidden = |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    walkdir::WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !hidden(entry))
        .filter_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_dir() => None,
            Ok(entry) if entry.file_type().is_file() => Some(Input::File(entry.into_path())),
            Ok(entry) => Some(Input::NoFile(entry.into_path(), "it is not a regular file")),
            Err(error) if error.loop_ancestor().is_some() => error
                .path()
                .map(|path| Input::NoFile(path.to_path_buf(), "it is a link back to a folder already walked")),
            Err(error) => error.path().map(|path| Input::File(path.to_path_buf())),
        })
        .collect()
}

/// Reads an input, handing its records to `sink` and telling `progress` how far it is. Files are numbered within
/// the input: it is one, or members of an archive are one each.
pub fn read_input(input: &Input, progress: &Progress, buffers: &Buffers, sink: &mut Sink<'_>) -> Vec<FileOutcome> {
    let mut reader = Reader { files: Vec::new(), progress, buffers, sink };
    reader.read_input(input);
    reader.files
}

struct Reader<'r, 's> {
    files: Vec<FileOutcome>,
    progress: &'r Progress,
    buffers: &'r Buffers,
    sink: &'r mut Sink<'s>,
}

impl Reader<'_, '_> {
    fn read_input(&mut self, input: &Input) -> bool {
        let name = input.name();
        let progress = self.progress;
        match input {
            Input::Stdin => self.read_layer(&name, &mut Watched { inner: io::stdin().lock(), progress }, 0),
            Input::NoFile(_, why) => self.rejected(&name, Reason::CannotOpen((*why).to_string())),
            Input::File(path) => match open(path) {
                Ok(Opened::Zip(archive)) => self.read_zip(&name, input.size(), archive, 0),
                Ok(Opened::Gzip(file, size)) => self.read_gzip(&name, size, &mut Watched { inner: file, progress }),
                Ok(Opened::Stream(file)) => self.read_layer(&name, &mut Watched { inner: file, progress }, 0),
                Err(error) => self.rejected(&name, Reason::CannotOpen(error.to_string())),
            },
        }
    }

    fn rejected(&mut self, name: &str, reason: Reason) -> bool {
        self.files.push(FileOutcome { name: name.to_string(), format: "unknown", state: FileState::Rejected(reason) });
        true
    }

    fn empty(&mut self, name: &str) -> bool {
        self.files.push(FileOutcome { name: name.to_string(), format: "empty", state: FileState::Empty });
        true
    }

    /// Looks at the first bytes and reads on accordingly. Returns `false` when no more is wanted.
    fn read_layer(&mut self, name: &str, input: &mut dyn Read, layer: u8) -> bool {
        let (head, failure) = read_head(input);
        if let (true, Some(error)) = (head.is_empty(), &failure) {
            return self.rejected(name, Reason::Unreadable(error.to_string()));
        }
        if layer > MAX_LAYERS {
            return self.rejected(name, Reason::UnknownFormat("archives nested too deep".to_string()));
        }
        let mut whole = head.as_slice().chain(Failing(failure)).chain(input);
        match sniff(&head) {
            Kind::Empty => self.empty(name),
            Kind::Gzip => {
                guarded(&mut whole, flate2::read::MultiGzDecoder::new, |r| self.read_layer(name, r, layer + 1))
            }
            Kind::Zstd => self.read_zstd(name, &mut whole, layer),
            Kind::Tar => self.read_tar(name, &mut whole, layer),
            Kind::Zip => self.read_held_zip(name, &mut whole, layer),
            Kind::Encoded(encoding) => self.read_layer(name, &mut Transcoder::new(&mut whole, encoding), layer + 1),
            Kind::Json => {
                let buffers = self.buffers;
                self.read_records(name, "JSON", &mut whole, |file, input, sink| {
                    Framer::new(file, buffers).run(input, sink)
                })
            }
            Kind::Csv(layout) => {
                self.read_records(name, "CSV", &mut whole, |file, input, sink| csv::run(file, layout, input, sink))
            }
            Kind::Refused(reason) => self.rejected(name, reason),
        }
    }

    fn read_records(
        &mut self,
        name: &str,
        format: &'static str,
        input: &mut dyn Read,
        run: impl FnOnce(u32, &mut dyn Read, &mut Sink<'_>) -> (bool, u64),
    ) -> bool {
        let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(FileOutcome { name: name.to_string(), format, state: FileState::Read });
        let (sink, mut waited) = (&mut self.sink, Duration::ZERO);
        let mut input = Timed { inner: input, spent: Duration::ZERO };
        let began = Instant::now();
        let mut hand_on = |chunk| {
            let began = Instant::now();
            let goes_on = sink(chunk);
            waited += began.elapsed();
            goes_on
        };
        let goes_on = run(file, &mut input, &mut hand_on).0;
        self.progress.add(Stage::Read, input.spent);
        self.progress.add(Stage::Split, began.elapsed().saturating_sub(input.spent + waited));
        goes_on
    }

    /// Reads a small gzip file in one go if that can be done, else like any other.
    fn read_gzip(&mut self, name: &str, size: usize, input: &mut dyn Read) -> bool {
        let began = Instant::now();
        let mut packed = Vec::with_capacity(size);
        let failure = input.take(gzip::MAX_PACKED as u64).read_to_end(&mut packed).err();
        let progress = self.progress;
        let read = gzip::whole(&packed, |mut plain| {
            progress.add(Stage::Read, began.elapsed());
            self.read_layer(name, &mut plain, 1)
        });
        read.unwrap_or_else(|| self.read_layer(name, &mut packed.chain(Failing(failure)).chain(input), 0))
    }

    fn read_zstd(&mut self, name: &str, input: &mut dyn Read, layer: u8) -> bool {
        let count = AtomicU64::new(0);
        let counted = Counted { inner: input, total: &count };
        let decoder = zstd::stream::read::Decoder::new(counted).and_then(|mut decoder| {
            // 2^27 = 128 MiB of window, the most that zstd itself takes without being told to.
            decoder.window_log_max(27)?;
            Ok(decoder)
        });
        match decoder {
            Ok(decoder) => self.read_layer(
                name,
                &mut BombGuard { inner: decoder, read: &count, written: &AtomicU64::new(0) },
                layer + 1,
            ),
            Err(error) => self.rejected(name, Reason::Unreadable(error.to_string())),
        }
    }

    fn read_tar(&mut self, name: &str, input: &mut dyn Read, layer: u8) -> bool {
        let mut archive = tar::Archive::new(input);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.rejected(name, Reason::Unreadable(error.to_string())),
        };
        let before = self.files.len();
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.rejected(name, Reason::Unreadable(error.to_string())),
            };
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let member = format!("{name}!{}", String::from_utf8_lossy(&entry.path_bytes()));
            if !self.read_layer(&member, &mut entry, layer + 1) {
                return false;
            }
        }
        self.files.len() > before || self.empty(name)
    }

    fn read_held_zip(&mut self, name: &str, input: &mut dyn Read, layer: u8) -> bool {
        let mut bytes = Vec::new();
        match input.take(MAX_HELD_ZIP + 1).read_to_end(&mut bytes) {
            Ok(read) if read as u64 > MAX_HELD_ZIP => {
                let what = "a zip of more than 256 MiB inside another input; unpack it first".to_string();
                self.rejected(name, Reason::UnknownFormat(what))
            }
            Ok(size) => match zip::ZipArchive::new(io::Cursor::new(bytes)).map(|archive| (size as u64, archive)) {
                Ok((size, archive)) => self.read_zip(name, size, archive, layer),
                Err(error) => self.rejected(name, Reason::Unreadable(error.to_string())),
            },
            Err(error) => self.rejected(name, Reason::Unreadable(error.to_string())),
        }
    }

    fn read_zip<R: Read + io::Seek>(
        &mut self,
        name: &str,
        size: u64,
        mut archive: zip::ZipArchive<R>,
        layer: u8,
    ) -> bool {
        let before = self.files.len();
        // One budget for all members: several may stand on the same bytes.
        let (packed, written) = (AtomicU64::new(size), AtomicU64::new(0));
        for index in 0..archive.len() {
            let mut entry = match archive.by_index(index) {
                Ok(entry) => entry,
                Err(error) => {
                    self.rejected(&format!("{name}!{index}"), Reason::Unreadable(error.to_string()));
                    continue;
                }
            };
            if !entry.is_file() {
                continue;
            }
            let member = format!("{name}!{}", String::from_utf8_lossy(entry.name_raw()));
            self.progress.add_bytes(entry.compressed_size());
            if !self.read_layer(
                &member,
                &mut BombGuard { inner: &mut entry, read: &packed, written: &written },
                layer + 1,
            ) {
                return false;
            }
        }
        self.files.len() > before || self.empty(name)
    }
}

enum Opened {
    Stream(File),
    /// Small enough to be held, and its size.
    Gzip(File, usize),
    Zip(zip::ZipArchive<File>),
}

/// Opens a file; a zip is read through its directory at the end, which needs a file to seek in.
fn open(path: &Path) -> io::Result<Opened> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        let mut magic = [0; 4];
        let length = file.read(&mut magic)?;
        io::Seek::rewind(&mut file)?;
        if &magic[..length] == b"PK\x03\x04" {
            return zip::ZipArchive::new(file).map(Opened::Zip).map_err(io::Error::other);
        }
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if magic.starts_with(&[0x1f, 0x8b]) && size <= gzip::MAX_PACKED {
            return Ok(Opened::Gzip(file, size));
        }
    }
    Ok(Opened::Stream(file))
}

/// The first bytes, and the error that ended them early, if one did.
fn read_head(input: &mut dyn Read) -> (Vec<u8>, Option<io::Error>) {
    let mut head = Vec::new();
    let failure = input.take(HEAD as u64).read_to_end(&mut head).err();
    (head, failure)
}

/// Gives an error once, so that what stood before it is read first.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

enum Kind {
    Empty,
    Gzip,
    Zstd,
    Tar,
    Zip,
    Encoded(&'static encoding_rs::Encoding),
    Json,
    Csv(csv::Layout),
    Refused(Reason),
}

fn sniff(head: &[u8]) -> Kind {
    match head {
        [0x1f, 0x8b, ..] => Kind::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Kind::Zstd,
        [b'P', b'K', 3, 4, ..] => Kind::Zip,
        // Nothing, or a zip or tar without members.
        [] | [b'P', b'K', 5, 6, ..] => Kind::Empty,
        _ if head.len() >= 512 && head.iter().all(|b| *b == 0) => Kind::Empty,
        [0xef, 0xbb, 0xbf, ..] => Kind::Encoded(encoding_rs::UTF_8),
        [0xff, 0xfe, ..] => Kind::Encoded(encoding_rs::UTF_16LE),
        [0xfe, 0xff, ..] => Kind::Encoded(encoding_rs::UTF_16BE),
        _ if head.get(257..262) == Some(b"ustar") => Kind::Tar,
        _ => sniff_packed(head).map_or_else(|| sniff_text(head), |what| refuse(&what)),
    }
}

/// Formats that are known and not read, each with what to do about it.
fn sniff_packed(head: &[u8]) -> Option<String> {
    let (what, todo) = match head {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("compressed with xz", "unpack it first"),
        [b'B', b'Z', b'h', ..] => ("compressed with bzip2", "unpack it first"),
        [b'7', b'z', 0xbc, 0xaf, ..] => ("a 7z archive", "unpack it first"),
        [b'P', b'A', b'R', b'1', ..] => ("a Parquet file", "ship the logs as JSON or CSV"),
        [0xff, 6, 0, 0, b's', b'N', ..] => ("compressed with snappy", "ship the logs as gzip"),
        [0x89, b'L', b'Z', b'O', ..] => ("compressed with lzop", "ship the logs as gzip"),
        _ => return None,
    };
    Some(format!("it is {what}; {todo}"))
}

fn refuse(what: &str) -> Kind {
    Kind::Refused(Reason::UnknownFormat(what.to_string()))
}

fn sniff_text(head: &[u8]) -> Kind {
    let Some(start) = head.iter().position(|b| !b.is_ascii_whitespace() && *b != 0x1e) else {
        return if head.len() < HEAD { Kind::Empty } else { refuse("it starts with 8 KiB of white space") };
    };
    let text = &head[start..];
    if matches!(text[0], b'{' | b'[') {
        return Kind::Json;
    }
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    if is_utf8(head) {
        if let Some(layout) = csv::layout_of(&String::from_utf8_lossy(line)) {
            return Kind::Csv(layout);
        }
    } else if csv::layout_of(&encoding_rs::GBK.decode(line).0).is_some() {
        return Kind::Encoded(encoding_rs::GBK);
    }
    match text[0] {
        b'"' => Kind::Json,
        // A damaged start must not cost the events after it.
        _ if has_event_line(text) => Kind::Json,
        _ if is_native_access_log(line) => Kind::Refused(Reason::CosAccessLog),
        _ => refuse(&format!("it is neither JSON nor CSV with known titles{STARTS_WITH}{:?}", shown(line))),
    }
}

/// Whether a later line starts an object that names an event.
fn has_event_line(text: &[u8]) -> bool {
    let mut lines = text.split(|b| *b == b'\n').skip(1).filter(|line| line.starts_with(b"{"));
    lines.any(|line| {
        [&b"\"eventName\""[..], b"\"EventName\""].iter().any(|name| memchr::memmem::find(line, name).is_some())
    })
}

/// Whether the head is UTF-8, leaving aside a character that its end may have cut.
fn is_utf8(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// COS access logs as files: fields separated by spaces, version 1.0 first, the bucket's host fifth.
fn is_native_access_log(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let fields: Vec<&str> = text.split(' ').collect();
    fields.len() >= 15 && fields[0] == "1.0" && fields[3].contains('T') && fields[4].contains(".cos.")
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(40)]).trim_end().to_string()
}

/// Counts the bytes that pass.
struct Counted<'c, R> {
    inner: R,
    total: &'c AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.total.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Tells how many bytes pass.
struct Watched<'p, R> {
    inner: R,
    progress: &'p Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.progress.add_bytes(read as u64);
        Ok(read)
    }
}

/// Takes the time that reading needs.
struct Timed<R> {
    inner: R,
    spent: Duration,
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        let read = self.inner.read(out);
        self.spent += began.elapsed();
        read
    }
}

/// Stops an input that expands beyond reason.
struct BombGuard<'c, R> {
    inner: R,
    read: &'c AtomicU64,
    written: &'c AtomicU64,
}

impl<R: Read> Read for BombGuard<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        let written = self.written.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        let packed = self.read.load(Ordering::Relaxed).max(1);
        if written > BOMB_FLOOR && written / packed > BOMB_RATIO {
            let what = format!(
                "it expands more than {BOMB_RATIO}-fold, as decompression bombs do; unpack it first if it is genuine"
            );
            return Err(io::Error::other(what));
        }
        Ok(read)
    }
}

#[expect(clippy::needless_lifetimes, reason = "without a name the closure would have to take any lifetime")]
fn guarded<'i, D: Read>(
    input: &'i mut dyn Read,
    decode: impl FnOnce(Box<dyn Read + 'i>) -> D,
    then: impl FnOnce(&mut dyn Read) -> bool,
) -> bool {
    let count = std::rc::Rc::new(AtomicU64::new(0));
    let counted = SharedCount { inner: input, total: count.clone() };
    let decoder = decode(Box::new(io::BufReader::with_capacity(1 << 16, counted)));
    then(&mut BombGuard { inner: decoder, read: &count, written: &AtomicU64::new(0) })
}

/// Counts the bytes that pass, for a count that outlives the reader.
struct SharedCount<'i> {
    inner: &'i mut dyn Read,
    total: std::rc::Rc<AtomicU64>,
}

impl Read for SharedCount<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.total.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Turns another text encoding into UTF-8; what is malformed becomes U+FFFD.
struct Transcoder<'i> {
    input: &'i mut dyn Read,
    decoder: encoding_rs::Decoder,
    text: String,
    at: usize,
    done: bool,
}

impl<'i> Transcoder<'i> {
    fn new(input: &'i mut dyn Read, encoding: &'static encoding_rs::Encoding) -> Self {
        Self { input, decoder: encoding.new_decoder_with_bom_removal(), text: String::new(), at: 0, done: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut raw = Vec::new();
        (&mut *self.input).take(1 << 16).read_to_end(&mut raw)?;
        self.done = raw.is_empty();
        self.text.clear();
        self.at = 0;
        self.text.reserve(self.decoder.max_utf8_buffer_length(raw.len()).unwrap_or(raw.len() * 3));
        let _ = self.decoder.decode_to_string(&raw, &mut self.text, self.done);
        Ok(())
    }
}

impl Read for Transcoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.done {
            self.refill()?;
        }
        let rest = &self.text.as_bytes()[self.at..];
        let size = rest.len().min(out.len());
        out[..size].copy_from_slice(&rest[..size]);
        self.at += size;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::framer::Chunk;
    use std::io::Write;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> (Vec<FileOutcome>, Vec<String>, Vec<Reason>) {
        let (mut records, mut rejects) = (Vec::new(), Vec::new());
        let mut sink = |chunk: Chunk| {
            records
                .extend(chunk.spans.iter().map(|s| String::from_utf8_lossy(&chunk.bytes[s.start..s.end]).into_owned()));
            rejects.extend(chunk.rejects.into_iter().map(|r| r.reason));
            true
        };
        let progress = Progress::default();
        let mut reader =
            Reader { files: Vec::new(), progress: &progress, buffers: &Buffers::default(), sink: &mut sink };
        reader.read_layer("f", &mut &bytes[..], 0);
        (reader.files, records, rejects)
    }

    fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    const LINES: &[u8] = b"{\"a\":1}\n{\"b\":2}\n";

    #[test]
    fn compressions_and_archives_open_inside_one_another() {
        let members: &[u8] = &[gz(&LINES[..8]), gz(&LINES[8..])].concat();
        for bytes in [
            LINES.to_vec(),
            gz(LINES),
            members.to_vec(),
            gz(&gz(LINES)),
            zstd::encode_all(LINES, 1).unwrap(),
            gz(&tar_of(&[("x/one", &LINES[..8]), ("two.gz", &gz(&LINES[8..]))])),
            zip_of(&[("one", &LINES[..8]), ("two", &LINES[8..])]),
        ] {
            let (_, records, rejects) = read(&bytes);
            assert_eq!((records.concat(), rejects.len()), ("{\"a\":1}{\"b\":2}".to_string(), 0));
        }
        let (files, ..) = read(&tar_of(&[("x/one", LINES), ("empty", b"")]));
        let names: Vec<_> = files.iter().map(|f| (f.name.as_str(), f.format)).collect();
        assert_eq!(names, [("f!x/one", "JSON"), ("f!empty", "empty")]);
    }

    #[test]
    fn text_encodings_are_decoded() {
        let csv = "事件名称,事件时间\n删除,2025-01-01 00:00:00\n";
        let utf16: Vec<u8> = [0xfeff].into_iter().chain(csv.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let bom = [b"\xef\xbb\xbf", csv.as_bytes()].concat();
        for bytes in [csv.as_bytes().to_vec(), bom, utf16, encoding_rs::GBK.encode(csv).0.into_owned()] {
            let (_, records, _) = read(&bytes);
            assert_eq!(records, [r#"{"EventName":"删除","EventTime":"2025-01-01 00:00:00"}"#]);
        }
    }

    #[test]
    fn a_bomb_is_stopped() {
        let (mut packed, mut level) = (Vec::new(), vec![b' '; 1 << 20]);
        level[0] = b'{';
        let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::best());
        for _ in 0..400 {
            encoder.write_all(&level).unwrap();
            level[0] = b' ';
        }
        encoder.finish().unwrap();
        let (_, records, rejects) = read(&packed);
        assert_eq!(records.len(), 0);
        assert!(rejects.iter().any(|r| r.to_string().contains("decompression bombs")), "{rejects:?}");
    }

    #[test]
    fn what_is_not_read_is_refused_by_name() {
        let refusal = |bytes: &[u8]| match read(bytes).0.remove(0).state {
            FileState::Rejected(reason) => reason.to_string(),
            other => format!("{other:?}"),
        };
        assert!(refusal(b"\xfd7zXZ\0").contains("xz"));
        assert!(refusal(b"PAR1....").contains("Parquet"));
        assert!(refusal(b"hello world").contains("neither JSON nor CSV"));
        let native = b"1.0 b-1250000000 ap-guangzhou 2025-01-01T00:00:00Z b-1250000000.cos.ap-guangzhou.myqcloud.com GETObject 192.0.2.1 AKIDEXAMPLE - 0 0 / GET - 200 - - 5 10 USER STANDARD";
        assert!(refusal(native).contains("COS access log"));
        let (_, records, rejects) = read(b"\x0e\"a\":1}\n{\"eventName\":2}\n");
        assert_eq!((records.len(), rejects.len()), (1, 1));
        assert_eq!(read(b"").0[0].state, FileState::Empty);
        assert_eq!(read(b" \n\n").0[0].state, FileState::Empty);
    }

    #[test]
    fn a_damaged_gzip_gives_what_stands_before_the_damage() {
        let mut bytes = gz(&LINES.repeat(1000));
        bytes.truncate(bytes.len() - 20);
        let (files, records, rejects) = read(&bytes);
        assert_eq!(files[0].state, FileState::Read);
        assert!(records.len() > 10);
        assert!(matches!(rejects.last(), Some(Reason::Unreadable(_))));
    }
}
