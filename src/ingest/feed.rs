//! Reads several inputs at once and hands their records on in the order of the inputs.
//!
//! One compressed file can only be inflated by one thread. So while the workers take the records of one
//! file, other threads read ahead into the next ones, as far as a few chunks go. Whoever asks for the next chunk
//! gets it in the same order however many threads read, which is what makes a scan's output always the same.

use super::framer::{Buffers, Chunk};
use super::source::{FileOutcome, Input, read_input};
use crate::progress::Progress;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Chunks of one input that wait to be taken: enough to keep workers busy, few enough to need little memory.
const LANE: usize = 4;

/// Something that became of an input.
enum News {
    Records(Chunk),
    /// The input was read to its end; what became of its files.
    End(Vec<FileOutcome>),
}

/// All inputs of a scan, being read.
pub struct Feed<'f> {
    inputs: &'f [Input],
    progress: &'f Progress,
    buffers: Buffers,
    claims: Mutex<Claims>,
    arrivals: Mutex<Arrivals>,
}

/// Which inputs are being read, and by whom; in the order of inputs.
struct Claims {
    next: usize,
    lanes: Option<Sender<Receiver<News>>>,
}

/// What has been handed on.
struct Arrivals {
    lanes: Receiver<Receiver<News>>,
    lane: Option<Receiver<News>>,
    sequence: u64,
    files: Vec<FileOutcome>,
    input_files: Vec<Range<usize>>,
}

impl<'f> Feed<'f> {
    /// A feed of `inputs`, of which `ahead` may be read before their turn. `progress` is told how far it is.
    pub fn new(inputs: &'f [Input], ahead: usize, progress: &'f Progress) -> Self {
        let (sender, lanes) = bounded(ahead);
        let claims = Claims { next: 0, lanes: Some(sender) };
        let arrivals = Arrivals { lanes, lane: None, sequence: 0, files: Vec::new(), input_files: Vec::new() };
        Self {
            inputs,
            progress,
            buffers: Buffers::default(),
            claims: Mutex::new(claims),
            arrivals: Mutex::new(arrivals),
        }
    }

    /// Reads inputs, one after the other, until there are none left; several threads may do this at once.
    pub fn read(&self) {
        while let Some((input, lane)) = self.claim() {
            let mut sink = |chunk| lane.send(News::Records(chunk)).is_ok();
            let files = read_input(input, self.progress, &self.buffers, &mut sink);
            if lane.send(News::End(files)).is_err() {
                return;
            }
        }
    }

    fn claim(&self) -> Option<(&'f Input, Sender<News>)> {
        let mut claims = locked(&self.claims);
        let Some(input) = self.inputs.get(claims.next) else {
            // Those who wait for more lanes learn that there are none.
            claims.lanes = None;
            return None;
        };
        claims.next += 1;
        let (lane, news) = bounded(LANE);
        claims.lanes.as_ref()?.send(news).ok()?;
        Some((input, lane))
    }

    /// The next chunk in the order of inputs; none when all have been read.
    pub fn next(&self) -> Option<Chunk> {
        let mut arrivals = locked(&self.arrivals);
        loop {
            if arrivals.lane.is_none() {
                arrivals.lane = Some(arrivals.lanes.recv().ok()?);
            }
            match arrivals.lane.as_ref()?.recv() {
                Ok(News::Records(chunk)) => return Some(arrivals.number(chunk)),
                Ok(News::End(files)) => arrivals.note(files),
                Err(_) => arrivals.note(Vec::new()),
            }
        }
    }

    /// Wants no more: whoever reads ends at the next chunk instead of waiting for somebody to take it.
    pub fn stop(&self) {
        let mut arrivals = locked(&self.arrivals);
        arrivals.lane = None;
        // Who waits to add a lane fails at once. Those added before are dropped only with both ends of their channel.
        arrivals.lanes = bounded(0).1;
        locked(&self.claims).lanes = None;
    }

    /// Gives back the memory of a chunk.
    pub fn give_back(&self, bytes: Vec<u8>) {
        self.buffers.give_back(bytes);
    }

    /// What became of all files; and for each input which of them are about it: members of an archive have one each.
    pub fn finish(self) -> (Vec<FileOutcome>, Vec<Range<usize>>) {
        let arrivals = self.arrivals.into_inner().unwrap_or_else(PoisonError::into_inner);
        (arrivals.files, arrivals.input_files)
    }
}

impl Arrivals {
    /// Numbers a chunk among all of the scan, and its file, which is numbered among those of its input.
    fn number(&mut self, mut chunk: Chunk) -> Chunk {
        let base = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        chunk.file = chunk.file.saturating_add(base);
        for reject in &mut chunk.rejects {
            reject.file = chunk.file;
        }
        chunk.sequence = self.sequence;
        self.sequence += 1;
        chunk
    }

    fn note(&mut self, files: Vec<FileOutcome>) {
        let first = self.files.len();
        self.files.extend(files);
        self.input_files.push(first..self.files.len());
        self.lane = None;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What arrives when `readers` read files of the given numbers of lines: file and line of each record.
    fn arrivals(lines: &[usize], readers: usize) -> Vec<(u32, u64)> {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |(number, lines): (usize, &usize)| {
            let path = folder.path().join(format!("{number}.ndjson"));
            let line = format!("{{\"eventName\":\"{}\"}}\n", "x".repeat(3000));
            std::fs::write(&path, line.repeat(*lines)).expect("a file");
            Input::File(path)
        };
        let inputs: Vec<Input> = lines.iter().enumerate().map(write).collect();
        let progress = Progress::default();
        let feed = Feed::new(&inputs, 2, &progress);
        let mut all = Vec::new();
        std::thread::scope(|threads| {
            for _ in 0..readers {
                threads.spawn(|| feed.read());
            }
            let mut sequence = 0;
            while let Some(chunk) = feed.next() {
                assert_eq!(chunk.sequence, sequence);
                sequence += 1;
                all.extend(chunk.spans.iter().map(|span| (chunk.file, span.line)));
                feed.give_back(chunk.bytes);
            }
        });
        let (files, ranges) = feed.finish();
        assert_eq!((files.len(), ranges.len()), (lines.len(), lines.len()));
        assert_eq!(ranges.last(), Some(&(lines.len() - 1..lines.len())));
        all
    }

    #[test]
    fn those_who_read_end_when_nobody_wants_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("long.ndjson");
        std::fs::write(&path, "{\"eventName\":\"A\"}\n".repeat(300_000)).expect("a file");
        let inputs = vec![Input::File(path); 9];
        let progress = Progress::default();
        let feed = Feed::new(&inputs, 2, &progress);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| feed.read());
            }
            assert!(feed.next().is_some());
            feed.stop();
            assert!(feed.next().is_none());
        });
    }

    #[test]
    fn records_come_in_the_order_of_inputs_however_many_read() {
        let lines = [1200, 1, 0, 3, 2000, 1, 1, 1, 1, 900];
        let expected: Vec<(u32, u64)> =
            (0..).zip(lines).flat_map(|(file, lines)| (1..=lines as u64).map(move |line| (file, line))).collect();
        for readers in [1, 2, 5] {
            assert_eq!(arrivals(&lines, readers), expected);
        }
    }
}
