//! Finds where records start and end in a stream of JSON, without reading what is in them.
//!
//! Takes NDJSON, one object, a list, concatenated pretty-printed documents, and any mixture of
//! them. Only as much as one record is held at a time; an object over [`MAX_RECORD`] is walked into
//! in search of a list of events, so that a reply of any size streams.

use super::ROW_HOLDERS;
use super::reject::{Reason, Reject};
use memchr::{memchr, memchr_iter, memchr3};
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

/// Bytes handed to a worker at a time: large enough to pay for the hand-over, small enough for the cache.
pub const CHUNK: usize = 1 << 18;
/// The largest record read at once: 4 MiB. Real events are under 100 KiB, API replies under 1 MiB; larger
/// replies are walked into row by row.
pub const MAX_RECORD: usize = 4 << 20;

/// Records handed over at a time: hostile ones may be a few bytes long, and cost more to tell of than to hold.
const MAX_SPANS: usize = 32_768;

/// A record inside a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
    /// Line of the file that the record starts on, from 1.
    pub line: u64,
    /// Number of the record in its file, from 1.
    pub record: u64,
}

/// Some records of one file, in order.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Position among all chunks of a scan, from 0; given when the chunk's turn comes.
    pub sequence: u64,
    /// Number of the file within its input, and once its turn comes, among all of the scan.
    pub file: u32,
    /// The bytes that the spans point into.
    pub bytes: Vec<u8>,
    /// The records.
    pub spans: Vec<Span>,
    /// Records found to be unreadable before they were parsed.
    pub rejects: Vec<Reject>,
}

/// Bytes read first: many files are small.
const FIRST: usize = 1 << 15;
/// Buffers kept for reading into again; there are hardly more under way.
const MAX_BUFFERS: usize = 16;
/// Buffers that one large record has blown up are not kept.
const MAX_BUFFER: usize = 3 * CHUNK;

/// Buffers that have been read, to read into again: memory that the system has to clear costs a tenth of a scan.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub fn give_back(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_BUFFERS && buffer.capacity() <= MAX_BUFFER {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

/// Takes chunks; answers `false` when no more are wanted.
pub type Sink<'s> = dyn FnMut(Chunk) -> bool + 's;

/// A list or object that the framer is inside of.
#[derive(Debug)]
enum Nest {
    List { line: u64 },
    Envelope { line: u64, record: u64, found: bool },
}

/// The state of a search for a record's end, kept while more input is read.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    at: usize,
    depth: u32,
    in_string: bool,
    /// For the first 128 levels, whether a level is an object: the grammar check that finds cut records.
    objects: u128,
    /// The last byte that was not space, outside strings.
    last: u8,
}

#[derive(Debug, PartialEq)]
enum ScanEnd {
    Done(usize),
    More,
    /// What is wrong, and where.
    Broken(&'static str, usize),
}

/// What to do next after a step.
enum Step {
    Go,
    NeedMore,
}

/// Splits one JSON stream into records.
#[expect(clippy::struct_excessive_bools, reason = "independent questions about where the stream stands")]
pub struct Framer<'b> {
    file: u32,
    buffers: &'b Buffers,
    buf: Vec<u8>,
    at: usize,
    eof: bool,
    /// Bytes to read next.
    want: usize,
    line: u64,
    record: u64,
    counted_to: usize,
    next_newline: Option<usize>,
    no_newline_before: usize,
    nest: Vec<Nest>,
    scan: Option<Scan>,
    skipping: Option<Scan>,
    /// The next start of a record is being looked for.
    searching: bool,
    /// After damage inside a document: only what looks like a row is taken, the rest passed over.
    salvaging: bool,
    /// Bytes that may still be read twice after damage, so that hostile input costs no more than twice its size and this.
    patience: usize,
    /// Offset of the buffer in the file.
    base: u64,
    /// Offset in the file of the last damage told, which a row inside a damaged document may share.
    told: Option<u64>,
    /// Objects are walked into in search of rows, whatever their size.
    enter_objects: bool,
    out: Chunk,
}

/// Bytes of damaged records that are read a second time in search of whole ones.
const PATIENCE: usize = 256 << 20;

impl<'b> Framer<'b> {
    /// A framer for file number `file`.
    pub fn new(file: u32, buffers: &'b Buffers) -> Self {
        Self {
            file,
            buffers,
            buf: buffers.take(),
            at: 0,
            eof: false,
            want: FIRST,
            line: 1,
            record: 0,
            counted_to: 0,
            next_newline: None,
            no_newline_before: 0,
            nest: Vec::new(),
            scan: None,
            skipping: None,
            searching: false,
            salvaging: false,
            patience: PATIENCE,
            base: 0,
            told: None,
            enter_objects: false,
            out: Chunk { file, ..Chunk::default() },
        }
    }

    /// Reads `input` to its end, handing chunks to `sink`. Returns `false` when the sink wants no more.
    ///
    /// A read error ends the input; what stood before it is still handed on.
    pub fn run(mut self, input: &mut dyn Read, sink: &mut Sink<'_>) -> (bool, u64) {
        let mut full = false;
        loop {
            // A full chunk leaves framed bytes behind, which come before new ones.
            if !full && let Err(error) = self.fill(input) {
                self.eof = true;
                while self.frame() && self.flush(sink) {}
                let reason = Reason::Unreadable(error.to_string());
                self.reject_at(0, 0, reason);
                return (self.flush(sink), self.record);
            }
            full = self.frame();
            if self.eof && !full {
                self.finish(sink);
                return (self.flush(sink), self.record);
            }
            if !self.flush(sink) {
                return (false, self.record);
            }
        }
    }

    fn fill(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let pending = self.buf.len() - self.at;
        // A record is looked at when it reaches the limit, so that the limit is the same however bytes arrive.
        let room = if pending < MAX_RECORD { MAX_RECORD - pending } else { usize::MAX };
        let want = self.want.max(pending).min(room);
        self.want = (2 * self.want).min(CHUNK);
        let before = self.buf.len();
        let read = read_up_to(input, &mut self.buf, want);
        self.eof = self.buf.len() == before;
        read
    }

    /// Hands the records found so far to `sink` and keeps the bytes after them.
    fn flush(&mut self, sink: &mut Sink<'_>) -> bool {
        self.count_lines_to(self.at);
        let mut rest = self.buffers.take();
        rest.extend_from_slice(&self.buf[self.at..]);
        self.buf.truncate(self.at);
        let bytes = std::mem::replace(&mut self.buf, rest);
        self.rebase(self.at);
        let chunk = std::mem::replace(&mut self.out, Chunk { file: self.file, ..Chunk::default() });
        if chunk.spans.is_empty() && chunk.rejects.is_empty() {
            self.buffers.give_back(bytes);
            return true;
        }
        sink(Chunk { bytes, ..chunk })
    }

    fn rebase(&mut self, by: usize) {
        self.base += by as u64;
        self.at = 0;
        self.counted_to = 0;
        self.next_newline = self.next_newline.and_then(|at| at.checked_sub(by));
        self.no_newline_before = self.no_newline_before.saturating_sub(by);
        for scan in [&mut self.scan, &mut self.skipping].into_iter().flatten() {
            scan.at = scan.at.saturating_sub(by);
        }
    }

    fn count_lines_to(&mut self, to: usize) {
        if to > self.counted_to {
            self.line += memchr_iter(b'\n', &self.buf[self.counted_to..to]).count() as u64;
            self.counted_to = to;
        }
    }

    /// Finds records until more input is needed, or, answering `true`, until a chunk is full of them.
    fn frame(&mut self) -> bool {
        while let Step::Go = self.step() {
            if self.out.spans.len() + self.out.rejects.len() >= MAX_SPANS {
                return true;
            }
        }
        false
    }

    fn step(&mut self) -> Step {
        if self.searching {
            return self.find_next_start();
        }
        if self.skipping.is_some() {
            return self.skip_value();
        }
        if self.scan.is_some() {
            return self.take_record();
        }
        self.skip_space();
        let Some(byte) = self.buf.get(self.at) else {
            return Step::NeedMore;
        };
        let line_start = self.at > 0 && self.buf[self.at - 1] == b'\n';
        let closes = *byte == b']' && !self.nest.is_empty();
        self.salvaging &= !(line_start && (closes || matches!(byte, b'{' | b'[' | b'"')));
        let row = *byte == b'{' || (*byte == b'"' && self.buf.get(self.at + 1) == Some(&b'{'));
        if self.salvaging && !row {
            self.searching = true;
            return Step::Go;
        }
        match (byte, self.nest.last()) {
            (b'[', _) => self.open_list(),
            (b']', Some(Nest::List { .. })) | (b'}', Some(Nest::Envelope { .. })) => self.close(),
            (b'"', Some(Nest::Envelope { .. })) => self.envelope_field(),
            (b'{' | b'"', _) => self.take_record(),
            _ => self.garbage(),
        }
    }

    /// Moves over space, and over commas between items.
    fn skip_space(&mut self) {
        while let Some(byte) = self.buf.get(self.at) {
            // Files put together may bring byte order marks and padding along.
            let mark = *byte == 0xef && self.buf[self.at..].starts_with(b"\xef\xbb\xbf");
            if !mark && !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | 0x1e | 0) {
                return;
            }
            self.at += if mark { 3 } else { 1 };
        }
    }

    fn open_list(&mut self) -> Step {
        self.count_lines_to(self.at);
        self.nest.push(Nest::List { line: self.line });
        self.at += 1;
        if self.nest.len() > 64 {
            self.nest.clear();
            self.broken("lists nested deeper than 64 levels", self.at);
        }
        Step::Go
    }

    fn close(&mut self) -> Step {
        self.at += 1;
        if let Some(Nest::Envelope { line, record, found: false }) = self.nest.pop() {
            self.reject_at(line, record, Reason::TooLarge(MAX_RECORD >> 20));
        }
        Step::Go
    }

    /// A record that is neither object nor text: a scalar in a list, or a line of something else.
    fn garbage(&mut self) -> Step {
        let rest = &self.buf[self.at..];
        let in_list = matches!(self.nest.last(), Some(Nest::List { .. }));
        let end = rest.iter().position(|b| *b == b'\n' || (in_list && matches!(b, b',' | b']')));
        let Some(end) = end.or(self.eof.then_some(rest.len())) else {
            if rest.len() < CHUNK {
                return Step::NeedMore;
            }
            self.broken("a long stretch of bytes that is not JSON", self.buf.len());
            return Step::Go;
        };
        self.next_record();
        self.reject_at(self.line, self.record, Reason::Damaged("expected a JSON object"));
        self.at += end.max(1);
        Step::Go
    }

    fn next_record(&mut self) {
        self.count_lines_to(self.at);
        self.record += 1;
    }

    fn reject_at(&mut self, line: u64, record: u64, reason: Reason) {
        self.out.rejects.push(Reject { file: self.file, line, record, reason });
    }

    /// Gives up the record at hand because of damage at `place`. On the same line, reading goes on with
    /// the value that stands there; else at the next line that looks like a record or a row.
    fn broken(&mut self, what: &'static str, place: usize) {
        let damage = Some(self.base + place as u64);
        if self.told != damage {
            self.told = damage;
            self.next_record();
            self.reject_at(self.line, self.record, Reason::Damaged(what));
        }
        self.scan = None;
        let same_line = memchr(b'\n', &self.buf[self.at..place]).is_none();
        if place > self.at && same_line && self.buf.get(place) == Some(&b'{') {
            self.at = place;
            return;
        }
        self.search_again(place);
    }

    /// Looks for the next record after the start of the one at hand, or, once that has cost too much, after `place`.
    fn search_again(&mut self, place: usize) {
        self.searching = true;
        self.salvaging = true;
        let again = place.saturating_sub(self.at);
        if again > self.patience {
            self.at = place;
        } else {
            self.patience -= again;
        }
    }

    fn find_next_start(&mut self) -> Step {
        for newline in memchr_iter(b'\n', &self.buf[self.at..]) {
            let line = self.at + newline + 1;
            let indent = self.buf[line..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let start = line + indent;
            let starts = match (self.buf.get(start), indent) {
                (Some(b'{'), _) | (Some(b'[' | b'"'), 0) => true,
                (Some(b']'), 0) => !self.nest.is_empty(),
                (Some(b'"'), _) => self.buf.get(start + 1) == Some(&b'{'),
                (Some(_), _) => false,
                // The byte that decides is not read yet: keep the line break.
                (None, _) if !self.eof => {
                    self.at = line - 1;
                    return Step::NeedMore;
                }
                (None, _) => break,
            };
            if starts {
                self.at = start;
                self.searching = false;
                self.salvaging = indent > 0;
                return Step::Go;
            }
        }
        self.at = self.buf.len();
        Step::NeedMore
    }

    /// The place of the next line break at or after the cursor, remembered between records.
    fn newline(&mut self) -> Option<usize> {
        if let Some(at) = self.next_newline.filter(|at| *at >= self.at) {
            return Some(at);
        }
        let from = self.at.max(self.no_newline_before);
        self.next_newline = memchr(b'\n', &self.buf[from.min(self.buf.len())..]).map(|n| from + n);
        if self.next_newline.is_none() {
            self.no_newline_before = self.buf.len();
        }
        self.next_newline
    }

    fn take_record(&mut self) -> Step {
        if self.enter_objects && self.nest.is_empty() && self.buf[self.at] == b'{' {
            self.next_record();
            self.record = 0;
            self.nest.push(Nest::Envelope { line: self.line, record: 0, found: false });
            self.at += 1;
            return Step::Go;
        }
        if self.scan.is_none() {
            let newline = self.newline();
            if newline.is_none() && !self.eof && self.nest.is_empty() && self.buf.len() - self.at < CHUNK {
                return Step::NeedMore;
            }
            if let Some(end) = self.whole_line(newline.unwrap_or(self.buf.len()), newline.is_some()) {
                self.emit(end);
                self.at = newline.unwrap_or(end);
                // There is no line break before the next one.
                self.counted_to = self.at;
                return Step::Go;
            }
        }
        let mut scan = self.scan.unwrap_or(Scan { at: self.at, ..Scan::default() });
        match scan_value(&self.buf, &mut scan) {
            ScanEnd::Done(end) => {
                self.scan = None;
                self.emit(end);
                self.at = end;
                Step::Go
            }
            ScanEnd::Broken(what, place) => {
                self.broken(what, place);
                Step::Go
            }
            ScanEnd::More if self.buf.len() - self.at >= MAX_RECORD => self.oversize(scan),
            ScanEnd::More => {
                self.scan = Some(scan);
                Step::NeedMore
            }
        }
    }

    /// The end of the record if the rest of the line is exactly one: it closes as it opens.
    fn whole_line(&self, line_end: usize, has_newline: bool) -> Option<usize> {
        if !has_newline && !self.eof {
            return None;
        }
        let line = &self.buf[self.at..line_end];
        let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b',');
        let length = line.iter().rposition(|b| !space(b))? + 1;
        let closes = match line[0] {
            b'{' => line[length - 1] == b'}',
            _ => length > 1 && line[length - 1] == b'"',
        };
        if !closes || length > MAX_RECORD {
            return None;
        }
        // An object that ends like this line may go on in the next: with a comma or a quoted name.
        let next = self.buf[line_end..].iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
        let comma = line[length..].contains(&b',');
        let goes_on = line[0] == b'{'
            && match next {
                Some(b',') => true,
                Some(b'"') => comma || self.nest.is_empty(),
                Some(b'}' | b']') => self.nest.is_empty(),
                _ => false,
            };
        if goes_on && !self.closes_exactly(length) { None } else { Some(self.at + length) }
    }

    /// Whether the value at the cursor ends after `length` bytes.
    fn closes_exactly(&self, length: usize) -> bool {
        let mut scan = Scan { at: self.at, ..Scan::default() };
        scan_value(&self.buf[..self.at + length], &mut scan) == ScanEnd::Done(self.at + length)
    }

    fn emit(&mut self, end: usize) {
        self.next_record();
        self.out.spans.push(Span { start: self.at, end, line: self.line, record: self.record });
    }

    /// A record over the limit: an object is walked into, a text is given up.
    fn oversize(&mut self, scan: Scan) -> Step {
        self.next_record();
        self.scan = None;
        // Walking in reads the bytes again, which nested objects could ask for without end.
        let again = scan.at - self.at;
        let patient = again <= self.patience;
        self.patience = self.patience.saturating_sub(again);
        if self.buf[self.at] == b'{' && patient {
            self.nest.push(Nest::Envelope { line: self.line, record: self.record, found: false });
            self.at += 1;
        } else {
            self.reject_at(self.line, self.record, Reason::TooLarge(MAX_RECORD >> 20));
            self.skipping = Some(scan);
        }
        Step::Go
    }

    /// One field of an envelope: a list of events is walked into, anything else moved over.
    fn envelope_field(&mut self) -> Step {
        let mut scan = Scan { at: self.at, ..Scan::default() };
        let key_end = match scan_value(&self.buf, &mut scan) {
            ScanEnd::Done(end) => end,
            ScanEnd::More if !self.eof && self.buf.len() - self.at < MAX_RECORD => return Step::NeedMore,
            _ => return self.give_up_envelope(),
        };
        let mut rest = key_end;
        let mut colon = false;
        while let Some(byte) = self.buf.get(rest) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => rest += 1,
                b':' if !colon => {
                    colon = true;
                    rest += 1;
                }
                _ if colon => return self.envelope_value(key_end, rest),
                _ => return self.give_up_envelope(),
            }
        }
        if self.eof { self.give_up_envelope() } else { Step::NeedMore }
    }

    fn envelope_value(&mut self, key_end: usize, value: usize) -> Step {
        let key = self.buf[self.at + 1..key_end - 1].to_ascii_lowercase();
        let holds_events = ROW_HOLDERS.iter().any(|name| name.as_bytes() == key);
        self.at = value;
        match self.buf[value] {
            b'[' if holds_events => {
                for nest in &mut self.nest {
                    if let Nest::Envelope { found, .. } = nest {
                        *found = true;
                    }
                }
                self.open_list()
            }
            b'{' if holds_events && self.nest.len() < 8 => {
                self.nest.push(Nest::Envelope { line: self.line, record: self.record, found: true });
                self.at += 1;
                Step::Go
            }
            b'{' | b'[' | b'"' => {
                self.skipping = Some(Scan { at: value, ..Scan::default() });
                Step::Go
            }
            _ => {
                self.skip_scalar();
                Step::Go
            }
        }
    }

    fn skip_scalar(&mut self) {
        while self.buf.get(self.at).is_some_and(|b| !matches!(b, b',' | b'}' | b']' | b'\n')) {
            self.at += 1;
        }
    }

    fn give_up_envelope(&mut self) -> Step {
        self.nest.clear();
        self.broken("an object is damaged between its fields", self.at);
        Step::Go
    }

    /// Moves over a value of any size, keeping none of it.
    fn skip_value(&mut self) -> Step {
        let Some(mut scan) = self.skipping.take() else {
            return Step::Go;
        };
        match scan_value(&self.buf, &mut scan) {
            ScanEnd::Done(end) => {
                self.at = end;
                Step::Go
            }
            ScanEnd::More => {
                self.at = self.buf.len();
                self.skipping = Some(scan);
                Step::NeedMore
            }
            ScanEnd::Broken(..) => self.give_up_envelope(),
        }
    }

    fn finish(&mut self, sink: &mut Sink<'_>) {
        // A record that never ends may have swallowed whole ones.
        while self.scan.is_some() && !self.searching {
            self.next_record();
            self.reject_at(self.line, self.record, Reason::Cut);
            self.scan = None;
            self.search_again(self.buf.len());
            while self.frame() && self.flush(sink) {}
        }
        let inside = self.skipping.is_some() || self.at < self.buf.len();
        if inside && !self.searching {
            self.next_record();
            self.reject_at(self.line, self.record, Reason::Cut);
        } else if let (Some(Nest::List { line } | Nest::Envelope { line, .. }), false) =
            (self.nest.first(), self.salvaging)
        {
            let line = *line;
            self.reject_at(line, 0, Reason::Cut);
        }
        self.at = self.buf.len();
    }
}

/// The rows of a reply that is not JSON as a whole: every item of its lists of events that is one by
/// itself. `None` when it holds no such list.
pub fn rows_inside(text: &str) -> Option<Chunk> {
    let mut all = Chunk::default();
    let mut sink = |chunk: Chunk| {
        let base = all.bytes.len();
        all.bytes.extend_from_slice(&chunk.bytes);
        let moved = |span: Span| Span { start: span.start + base, end: span.end + base, ..span };
        all.spans.extend(chunk.spans.into_iter().map(moved));
        all.rejects.extend(chunk.rejects);
        true
    };
    let buffers = Buffers::default();
    let mut framer = Framer::new(0, &buffers);
    framer.enter_objects = true;
    framer.run(&mut text.as_bytes(), &mut sink);
    let no_list = all.rejects.iter().any(|reject| matches!(reject.reason, Reason::TooLarge(_)));
    (!no_list && !all.spans.is_empty()).then_some(all)
}

/// Adds `want` bytes of `input` to `buffer`, or fewer at its end. What was read before an error stays.
fn read_up_to(input: &mut dyn Read, buffer: &mut Vec<u8>, want: usize) -> io::Result<()> {
    let mut filled = buffer.len();
    let end = filled + want;
    buffer.resize(end, 0);
    let mut result = Ok(());
    while filled < end {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    buffer.truncate(filled);
    result
}

/// Looks for the end of the value that starts where `scan` first stood.
fn scan_value(buf: &[u8], scan: &mut Scan) -> ScanEnd {
    loop {
        if scan.in_string {
            match skip_string(buf, scan) {
                Some(end) => return end,
                None => continue,
            }
        }
        let Some(&byte) = buf.get(scan.at) else {
            return ScanEnd::More;
        };
        if matches!(byte, b'"' | b'{' | b'[') && !may_start_value(scan, byte) {
            return ScanEnd::Broken("a value stands where none can be, so the record before it was cut", scan.at);
        }
        match byte {
            b'"' => scan.in_string = true,
            b'{' | b'[' => {
                scan.objects = (scan.objects << 1) | u128::from(byte == b'{');
                scan.depth += 1;
            }
            b'}' | b']' => {
                scan.objects >>= 1;
                scan.depth = scan.depth.saturating_sub(1);
                if scan.depth == 0 {
                    return ScanEnd::Done(scan.at + 1);
                }
            }
            _ => {}
        }
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            scan.last = byte;
        }
        scan.at += 1;
    }
}

/// Tells whether a value can start after what was last seen. Beyond 128 levels nobody knows.
fn may_start_value(scan: &Scan, byte: u8) -> bool {
    let in_object = scan.objects & 1 == 1;
    match scan.last {
        0 | b':' | b'[' => true,
        b',' => byte == b'"' || !in_object || scan.depth > 128,
        b'{' => byte == b'"',
        _ => false,
    }
}

/// Moves to the end of a string; `None` when it was reached and the value goes on.
fn skip_string(buf: &[u8], scan: &mut Scan) -> Option<ScanEnd> {
    let Some(hit) = memchr3(b'"', b'\\', b'\n', &buf[scan.at.min(buf.len())..]) else {
        scan.at = scan.at.max(buf.len());
        return Some(ScanEnd::More);
    };
    let at = scan.at + hit;
    match buf[at] {
        b'\\' => {
            // The escaped byte may come with the next read: `at` may then stand one past the end.
            scan.at = at + 2;
            None
        }
        b'\n' => Some(ScanEnd::Broken("a line ends inside a text, so the record was cut", at)),
        _ => {
            scan.in_string = false;
            scan.last = b'"';
            scan.at = at + 1;
            (scan.depth == 0).then_some(ScanEnd::Done(at + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives at most `size` bytes a read, as pipes and decoders do.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(out.len()).min(self.0.len());
            out[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    fn frame_all(text: &[u8]) -> (Vec<(u64, String)>, Vec<(u64, Reason)>) {
        let (mut records, mut rejects) = (Vec::new(), Vec::new());
        let mut sink = |chunk: Chunk| {
            for span in &chunk.spans {
                records.push((span.line, String::from_utf8_lossy(&chunk.bytes[span.start..span.end]).into_owned()));
            }
            rejects.extend(chunk.rejects.into_iter().map(|r| (r.line, r.reason)));
            true
        };
        Framer::new(0, &Buffers::default()).run(&mut Dribble(text, 7), &mut sink);
        (records, rejects)
    }

    fn records(text: &str) -> Vec<(u64, String)> {
        let (records, rejects) = frame_all(text.as_bytes());
        assert_eq!(rejects, [], "{text}");
        records
    }

    fn at(line: u64, text: &str) -> (u64, String) {
        (line, text.to_string())
    }

    #[test]
    fn lines_lists_and_pretty_documents_give_the_same_records() {
        let expected = ["{\"a\":1}", "{\"b\":\"}{\"}"];
        for text in [
            "{\"a\":1}\n{\"b\":\"}{\"}\n",
            "{\"a\":1}\r\n\r\n{\"b\":\"}{\"}",
            "[{\"a\":1},{\"b\":\"}{\"}]",
            "[\n{\"a\":1},\n{\"b\":\"}{\"}\n]\n",
            "{\"a\":1}{\"b\":\"}{\"}\n[]",
        ] {
            let got: String = records(text).into_iter().map(|(_, t)| t).collect();
            assert_eq!(got, expected.concat(), "{text}");
        }
        let pretty = "{\n  \"a\": 1\n}\n{\n  \"b\": {\n    \"c\": []\n  }\n}\n";
        assert_eq!(records(pretty), [at(1, "{\n  \"a\": 1\n}"), at(4, "{\n  \"b\": {\n    \"c\": []\n  }\n}")]);
    }

    #[test]
    fn a_cut_record_costs_only_itself() {
        for cut in ["{\"a\":\"x", "{\"a\":1,", "{\"a\":", "{\"a\":{\"b\":\"c\"", "{", "nonsense"] {
            let text = format!("{{\"n\":1}}\n{cut}\n{{\"n\":2}}\n{{\"n\":3}}\n");
            let (records, rejects) = frame_all(text.as_bytes());
            assert_eq!(records, [at(1, "{\"n\":1}"), at(3, "{\"n\":2}"), at(4, "{\"n\":3}")], "{cut}");
            assert_eq!(rejects.len(), 1, "{cut}: {rejects:?}");
            assert_eq!(rejects[0].0, 2, "{cut}");
        }
    }

    #[test]
    fn a_cut_record_at_the_end_does_not_swallow_whole_ones() {
        for cut in ["{\"a\":", "{\"a\":["] {
            let text = format!("{{\"n\":1}}\n{cut}\n{{\"n\":2}}\n");
            let (records, rejects) = frame_all(text.as_bytes());
            assert_eq!(records, [at(1, "{\"n\":1}"), at(3, "{\"n\":2}")], "{cut}");
            assert_eq!(rejects, [(2, Reason::Cut)], "{cut}");
        }
    }

    #[test]
    fn a_cut_item_of_a_list_costs_only_itself() {
        let indented = "[\n  {\n    \"n\": 1\n  },\n  {\n    \"n\": \n  {\n    \"n\": 3\n  },\n  {\n    \"n\": 4\n  }\n]\n{\"n\":5}\n";
        let (records, rejects) = frame_all(indented.as_bytes());
        let numbers: Vec<char> =
            records.iter().flat_map(|(_, text)| text.chars().filter(char::is_ascii_digit)).collect();
        assert_eq!((numbers, rejects.len()), (vec!['1', '3', '4', '5'], 1), "{rejects:?}");
        let (records, rejects) = frame_all(b"[{\"n\":1},{\"n\":2,{\"n\":3},{\"n\":4}]\n");
        assert_eq!((records.len(), rejects.len()), (3, 1), "{records:?} {rejects:?}");
    }

    #[test]
    fn rows_of_a_damaged_reply_are_found() {
        let reply = r#"{"ListOver":true,"Events":[{"n":1},{"n":tru},{"n":3}],"RequestId":"r"}"#;
        let rows = rows_inside(reply).expect("rows");
        assert_eq!(rows.spans.iter().map(|span| span.record).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(rows_inside(r#"{"eventName":"A","x":[{"n":1}"#).map(|chunk| chunk.spans), None);
    }

    #[test]
    fn hostile_nesting_ends_with_a_reject() {
        // Without bounds on what is read twice, these take minutes to hours.
        for line in ["{\"a\":[\n", "{\"data\":[\n", "{\"data\":{\n"] {
            let (records, rejects) = frame_all_at_once(line.repeat(2_500_000).as_bytes());
            assert_eq!(records, 0, "{line}");
            assert!(rejects > 0, "{line}");
        }
    }

    #[test]
    fn a_document_whose_first_line_looks_whole_is_read_whole() {
        let text = "{\"o\":{\"a\":1},\n\"n\":1}\n{\"o\":{\"a\":1}\n,\"n\":2}\n[\n{\"o\":{}},\n{\"n\":3}\n]\n";
        let (records, rejects) = frame_all(text.as_bytes());
        assert_eq!((records.len(), rejects.len()), (4, 0), "{records:?} {rejects:?}");
    }

    fn frame_all_at_once(text: &[u8]) -> (usize, usize) {
        let (mut records, mut rejects) = (0, 0);
        let mut sink = |chunk: Chunk| {
            records += chunk.spans.len();
            rejects += chunk.rejects.len();
            true
        };
        Framer::new(0, &Buffers::default()).run(&mut &text[..], &mut sink);
        (records, rejects)
    }

    #[test]
    fn a_file_that_ends_too_early_says_so() {
        for text in ["[{\"a\":1},{\"b\":", "[{\"a\":1},", "{\"a\":1}\n{\"b\":"] {
            let (records, rejects) = frame_all(text.as_bytes());
            assert_eq!(records, [at(1, "{\"a\":1}")], "{text}");
            assert_eq!(rejects.iter().map(|r| &r.1).collect::<Vec<_>>(), [&Reason::Cut], "{text}");
        }
    }

    #[test]
    fn a_giant_reply_is_walked_into() {
        let event = format!("{{\"eventName\":\"A\",\"pad\":\"{}\"}}", "x".repeat(1000));
        let events = vec![event; 20_000].join(",");
        let text = format!(
            "{{\"Response\":{{\"TotalCount\":20000,\"Other\":[[{{}}]],\"Events\":[{events}],\"RequestId\":\"r\"}}}}"
        );
        assert!(text.len() > MAX_RECORD);
        let mut count = 0;
        let mut largest = 0;
        let mut sink = |chunk: Chunk| {
            assert_eq!(chunk.rejects, []);
            count += chunk.spans.len();
            largest = largest.max(chunk.bytes.len());
            true
        };
        Framer::new(0, &Buffers::default()).run(&mut text.as_bytes(), &mut sink);
        assert_eq!(count, 20_000);
        assert!(largest <= 2 * MAX_RECORD + CHUNK, "{largest}");
    }

    #[test]
    fn a_giant_line_is_refused_and_the_next_one_read() {
        for giant in
            [format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD + 5)), format!("\"{}\"", "x".repeat(MAX_RECORD + 5))]
        {
            let text = format!("{giant}\n{{\"n\":2}}\n");
            let (mut spans, mut rejects) = (Vec::new(), Vec::new());
            let mut sink = |chunk: Chunk| {
                spans.extend(chunk.spans);
                rejects.extend(chunk.rejects);
                true
            };
            Framer::new(0, &Buffers::default()).run(&mut text.as_bytes(), &mut sink);
            assert_eq!(spans.len(), 1);
            assert_eq!(spans[0].line, 2);
            assert_eq!(rejects.len(), 1);
            assert_eq!(rejects[0].reason, Reason::TooLarge(4));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            frame_all(&bytes);
        }

        #[test]
        fn almost_json_ends_without_a_panic(text in r#"[\[\]{}",:\n a1\\]{0,200}"#) {
            frame_all(text.as_bytes());
        }

        #[test]
        fn how_documents_are_laid_out_does_not_matter(
            numbers in prop::collection::vec((any::<u16>(), 0..4_u8), 1..30),
        ) {
            let mut text = String::new();
            for (n, layout) in &numbers {
                let doc = serde_json::json!({"n": n, "s": "a\"b\\c\nd", "o": {"x": [1, {"y": null}]}});
                match layout {
                    0 => text += &format!("{doc}\n"),
                    1 => text += &format!("{}\n", serde_json::to_string_pretty(&doc).unwrap()),
                    2 => text += &format!("[{doc},{doc}]\n"),
                    _ => text += &doc.to_string(),
                }
            }
            let expected: usize = numbers.iter().map(|(_, layout)| if *layout == 2 { 2 } else { 1 }).sum();
            let (records, rejects) = frame_all(text.as_bytes());
            prop_assert_eq!(rejects, vec![]);
            let docs: usize = records.iter().map(|(_, t)| {
                serde_json::Deserializer::from_str(t).into_iter::<serde_json::Value>().flatten().count()
            }).sum();
            prop_assert_eq!(docs, expected);
        }
    }
}
