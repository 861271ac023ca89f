//! Which events of a stream were seen before, within a memory budget.
//!
//! 72 bits of a key stand for the event: 8 bits choose one of 256 shards, 64 bits are stored. In memory a key takes
//! about ten bytes at any number of keys: each shard is a table that grows by about a fifth without being copied. Beyond
//! the budget all keys go to a sorted temporary file, of which a filter and a thin index stay in memory
//! (docs/adr/0013-event-keys-that-spill.md).

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::mem::size_of;
use std::path::{Path, PathBuf};

/// Bits that choose a shard.
const SHARD_BITS: u32 = 8;
/// Slots by which a shard grows, 2 KB (akguard's choice).
const PIECE: usize = 256;
/// Slots of a shard before the first one that a key is meant for (akguard's choice: hardly ever used up).
const SPARE: usize = 32;
/// Keys looked up at a time (akguard's choice: more do not wait less).
const BATCH: usize = 32;
/// Bytes of a key in a file.
const KEY_BYTES: usize = 10;
/// Keys of a file that are read at a time, about 4 KB (akguard's choice).
const BLOCK: usize = 400;
/// Keys for each line of 512 bits in a filter (akguard's choice: 11.1 bits a key, 0.6 % false alarms).
const LINE_KEYS: u64 = 46;
/// Files beyond which the smallest ones are merged (akguard's choice).
const MOST_RUNS: usize = 16;
/// Files merged at a time (akguard's choice).
const MERGED_RUNS: usize = 12;
/// Bytes read at a time from each file that is merged (akguard's choice).
const MERGE_BUFFER: usize = 1 << 16;
/// Keys that always fit in memory, whatever the budget (akguard's choice: about half a megabyte).
const LEAST_KEYS: usize = 1 << 13;

/// Event keys seen so far.
///
/// A key counts as seen if 72 of its 128 bits were seen: the chance that any two of 30 million events are taken for
/// one is 1e-7, of a billion events 1e-4.
///
/// Keys that do not fit the budget are in unnamed temporary files. If a file cannot be written, keys stay in memory.
/// If one cannot be read, a key that may be in it counts as new: an event counted twice is better than one lost.
/// Either way [`SeenKeys::trouble`] tells.
pub struct SeenKeys {
    /// Spreads keys over the table, differently in each process, so that keys made to be alike are harmless.
    seed: u64,
    budget: usize,
    folder: PathBuf,
    /// Keys in memory below which nothing is written.
    least: usize,
    /// Bytes of the table below which nothing is written, after writing failed.
    patience: usize,
    table: Table,
    /// Keys in files; a key is in one place only, unless reading failed.
    runs: Vec<Run>,
    /// Bytes that `runs` take in memory.
    run_bytes: usize,
    /// Number of files below which none are merged, after merging failed.
    merge_above: usize,
    /// What was last read from a file.
    block: Vec<u8>,
    trouble: Option<io::Error>,
}

impl SeenKeys {
    /// `budget`: bytes that keys may take in memory before they go to a temporary file in `folder`.
    ///
    /// Filters and indexes of the files count too (1.4 bytes for each key in a file). Once they take more than three
    /// quarters of the budget, a quarter stays for new keys all the same, and the budget is exceeded.
    pub fn new(budget: usize, folder: PathBuf) -> Self {
        Self {
            seed: RandomState::new().hash_one(()),
            budget,
            folder,
            least: LEAST_KEYS,
            patience: 0,
            table: Table::new(),
            runs: Vec::new(),
            run_bytes: 0,
            merge_above: MOST_RUNS,
            block: Vec::new(),
            trouble: None,
        }
    }

    /// Adds keys in order; answers for each whether it is new.
    pub fn insert_all(&mut self, keys: &[u128], mut answer: impl FnMut(bool)) {
        for keys in keys.chunks(BATCH) {
            let mut ids = [Id { shard: 0, rest: 0 }; BATCH];
            for (id, &key) in ids.iter_mut().zip(keys) {
                *id = Id::new(key, self.seed);
            }
            let ids = &ids[..keys.len()];
            self.table.warm(ids);
            for &id in ids {
                answer(self.insert_id(id));
            }
        }
    }

    fn insert_id(&mut self, id: Id) -> bool {
        if self.table.has(id) || (!self.runs.is_empty() && self.in_files(id)) {
            return false;
        }
        self.table.insert(id);
        if self.table.bytes() > self.room() && self.table.len >= self.least {
            self.spill();
        }
        true
    }

    /// Bytes taken in memory (tables, filters, indexes of files).
    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.run_bytes + self.block.capacity()
    }

    /// Bytes of keys in temporary files.
    pub fn spilled(&self) -> u64 {
        self.runs.iter().map(|run| run.len * KEY_BYTES as u64).sum()
    }

    /// Why keys stay in memory beyond the budget, if writing them out failed (disk full, folder not writable), or why
    /// events may be counted twice, if reading them failed. The first error stays.
    pub fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    /// Bytes that the table may take.
    fn room(&self) -> usize {
        self.budget.saturating_sub(self.run_bytes).max(self.budget / 4).max(self.patience)
    }

    fn in_files(&mut self, id: Id) -> bool {
        for run in &self.runs {
            match run.has(id, &mut self.block) {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => note(&mut self.trouble, error),
            }
        }
        false
    }

    /// Moves all keys in memory to a file.
    fn spill(&mut self) {
        match self.write_run() {
            Ok(run) => {
                // The table is freed before the filter is built: the keys are never in memory twice.
                self.table = Table::new();
                self.patience = 0;
                self.add_run(run);
                if self.runs.len() > self.merge_above {
                    self.merge();
                }
            }
            Err(error) => {
                note(&mut self.trouble, error);
                // The disk may have room again later.
                self.patience = self.table.bytes() / 2 * 3;
            }
        }
    }

    fn write_run(&self) -> io::Result<Run> {
        let mut writer = RunWriter::new(&self.folder)?;
        self.table.each(|id| writer.push(id))?;
        writer.finish()
    }

    /// Replaces the smallest files by one.
    fn merge(&mut self) {
        self.runs.sort_by_key(|run| std::cmp::Reverse(run.len));
        let kept = self.runs.len().saturating_sub(MERGED_RUNS);
        match Run::merged(&self.runs[kept..], &self.folder) {
            Ok(run) => {
                self.runs.truncate(kept);
                self.merge_above = MOST_RUNS;
                self.add_run(run);
            }
            Err(error) => {
                note(&mut self.trouble, error);
                self.merge_above = self.runs.len() + MERGED_RUNS;
            }
        }
    }

    /// Takes a file in; without a filter, if it cannot be read, each look at it will say so again.
    fn add_run(&mut self, mut run: Run) {
        if let Err(error) = run.add_filter() {
            note(&mut self.trouble, error);
        }
        self.runs.push(run);
        self.run_bytes = self.runs.iter().map(Run::bytes).sum();
    }
}

/// Keeps the first error.
fn note(trouble: &mut Option<io::Error>, error: io::Error) {
    trouble.get_or_insert(error);
}

/// The 72 bits that stand for an event, mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    shard: u16,
    rest: u64,
}

impl Id {
    /// Mixes the upper 72 bits of a key one to one: each step can be undone, given what it leaves as it is.
    #[expect(clippy::cast_possible_truncation, reason = "takes the key apart")]
    fn new(key: u128, seed: u64) -> Self {
        let top = (key >> (128 - SHARD_BITS)) as u16;
        // Odd numbers with bits all over (from SplitMix64 and from xxHash).
        let salt = seed.wrapping_add(u64::from(top).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let rest = stir((key >> (64 - SHARD_BITS)) as u64 ^ salt);
        let turn = rest.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) >> (u64::BITS - SHARD_BITS);
        Self { shard: top ^ turn as u16, rest }
    }

    /// The upper 64 bits.
    fn prefix(self) -> u64 {
        u64::from(self.shard) << (u64::BITS - SHARD_BITS) | self.rest >> SHARD_BITS
    }

    fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        bytes[..2].copy_from_slice(&self.shard.to_be_bytes());
        bytes[2..].copy_from_slice(&self.rest.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        let [a, b, rest @ ..] = bytes;
        Self { shard: u16::from_be_bytes([a, b]), rest: u64::from_be_bytes(rest) }
    }
}

/// Mixes 64 bits one to one (the mixer "degski64" that Christopher Wellons' hash-prospector lists).
fn stir(mut bits: u64) -> u64 {
    for _ in 0..2 {
        bits = (bits ^ bits >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
    bits ^ bits >> 32
}

/// The place among `whole` that `part` has among all 64-bit numbers.
#[expect(clippy::cast_possible_truncation, reason = "the result is below `whole`")]
fn scale(part: u64, whole: usize) -> usize {
    ((u128::from(part) * whole as u128) >> 64) as usize
}

/// Keys in memory.
struct Table {
    shards: Vec<Shard>,
    /// Number of keys.
    len: usize,
    /// Bytes of all shards.
    bytes: usize,
}

impl Table {
    fn new() -> Self {
        Self { shards: (0..1 << SHARD_BITS).map(|_| Shard::default()).collect(), len: 0, bytes: 0 }
    }

    fn bytes(&self) -> usize {
        self.bytes + self.shards.len() * size_of::<Shard>()
    }

    fn has(&self, id: Id) -> bool {
        self.shards[usize::from(id.shard)].has(id.rest)
    }

    /// Adds a key that is not there.
    fn insert(&mut self, id: Id) {
        let shard = &mut self.shards[usize::from(id.shard)];
        self.bytes -= shard.bytes();
        shard.insert(id.rest);
        self.bytes += shard.bytes();
        self.len += 1;
    }

    /// Brings the slots of several keys into the processor's caches, all at once: waiting for one after the other is what
    /// takes long.
    fn warm(&self, ids: &[Id]) {
        let touched = ids.iter().fold(0, |all, id| all ^ self.shards[usize::from(id.shard)].warm(id.rest));
        std::hint::black_box(touched);
    }

    /// Hands over all keys in order.
    fn each(&self, mut put: impl FnMut(Id) -> io::Result<()>) -> io::Result<()> {
        (0..)
            .zip(&self.shards)
            .try_for_each(|(shard, keys)| keys.in_order().try_for_each(|rest| put(Id { shard, rest })))
    }
}

/// Numbers in slots, in order, each at or before the slot where its size puts it; an empty slot holds 0.
///
/// A shard grows where it lies, by pieces of one size. Blocks of ever other sizes, asked for by several threads, left
/// the allocator with twice as much memory as was in use.
#[derive(Default)]
struct Shard {
    #[expect(clippy::vec_box, reason = "a vector of the slots themselves would be copied to grow")]
    pieces: Vec<Box<[u64; PIECE]>>,
    /// Slots before the first one that a size leads to, for those whose own slot is taken. Slot 0 is always empty.
    spare: usize,
    len: u32,
    has_zero: bool,
}

impl Shard {
    fn slots(&self) -> usize {
        self.pieces.len() * PIECE
    }

    fn bytes(&self) -> usize {
        self.slots() * size_of::<u64>() + self.pieces.capacity() * size_of::<Box<[u64; PIECE]>>()
    }

    fn at(&self, slot: usize) -> u64 {
        self.pieces[slot / PIECE][slot % PIECE]
    }

    fn replace(&mut self, slot: usize, rest: u64) -> u64 {
        std::mem::replace(&mut self.pieces[slot / PIECE][slot % PIECE], rest)
    }

    /// The slot where the size of a number puts it.
    fn home(&self, rest: u64) -> usize {
        self.spare + scale(rest, self.slots() - self.spare)
    }

    /// The slot that holds a number other than 0, or the one where it belongs.
    fn slot(&self, rest: u64) -> usize {
        let mut slot = self.home(rest);
        while self.at(slot) > rest {
            slot -= 1;
        }
        slot
    }

    fn has(&self, rest: u64) -> bool {
        if rest == 0 {
            return self.has_zero;
        }
        !self.pieces.is_empty() && self.at(self.slot(rest)) == rest
    }

    /// Brings the slot of a number into the processor's caches.
    fn warm(&self, rest: u64) -> u64 {
        if self.pieces.is_empty() { 0 } else { self.at(self.home(rest)) }
    }

    /// Adds a number that is not there.
    fn insert(&mut self, rest: u64) {
        if rest == 0 {
            self.has_zero = true;
            return;
        }
        // An eighth of the slots stays empty, so that looking for a number soon comes to an end.
        if self.len as usize >= (self.slots() - self.spare) / 8 * 7 {
            self.grow(rest);
        }
        let mut slot = self.slot(rest);
        let mut moved = self.replace(slot, rest);
        while moved != 0 {
            slot -= 1;
            moved = self.replace(slot, moved);
        }
        self.len += 1;
        if slot == 0 {
            self.grow(rest);
        }
    }

    /// Makes room: a tenth to three tenths more, which `chance` decides, so that shards do not grow all at once.
    fn grow(&mut self, chance: u64) {
        let slots = self.slots();
        let more = (slots / 10 + scale(chance, slots / 5)) / PIECE + 1;
        self.gather();
        self.lengthen(more);
        self.spare = self.spare.max(SPARE);
        while !self.spread() {
            self.gather();
            self.lengthen(1);
            self.spare += PIECE;
        }
    }

    fn lengthen(&mut self, more: usize) {
        self.pieces.reserve_exact(more);
        self.pieces.extend((0..more).map(|_| Box::new([0; PIECE])));
    }

    /// Moves all numbers to the front.
    fn gather(&mut self) {
        let mut to = 0;
        for from in 0..self.slots() {
            let rest = self.replace(from, 0);
            if rest != 0 {
                self.replace(to, rest);
                to += 1;
            }
        }
    }

    /// Moves all numbers from the front to their slots, the last one first. Answers whether there were enough slots.
    fn spread(&mut self) -> bool {
        let mut end = self.slots();
        for from in (0..self.len as usize).rev() {
            let rest = self.at(from);
            let slot = self.home(rest).min(end - 1);
            if slot <= from {
                return false;
            }
            self.replace(from, 0);
            self.replace(slot, rest);
            end = slot;
        }
        true
    }

    fn in_order(&self) -> impl Iterator<Item = u64> {
        let others = self.pieces.iter().flat_map(|piece| piece.iter().copied()).filter(|rest| *rest != 0);
        self.has_zero.then_some(0).into_iter().chain(others)
    }
}

/// Tells for most keys that they are not in a file (a Bloom filter, one cache line for each key).
struct Filter(Vec<Line>);

/// 512 bits; a key sets one in each of the eight words.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u64; 8]);

impl Filter {
    fn new(keys: u64) -> Self {
        let lines = usize::try_from(keys / LINE_KEYS + 1).unwrap_or(usize::MAX);
        Self(vec![Line([0; 8]); lines])
    }

    fn add(&mut self, id: Id) {
        let line = scale(id.prefix(), self.0.len());
        for (word, bit) in self.0[line].0.iter_mut().zip(Self::bits(id)) {
            *word |= bit;
        }
    }

    fn may_have(&self, id: Id) -> bool {
        let line = scale(id.prefix(), self.0.len());
        self.0[line].0.iter().zip(Self::bits(id)).all(|(word, bit)| word & bit != 0)
    }

    /// The bit of each word: from the lower 48 bits, where the line is chosen by the upper ones.
    fn bits(id: Id) -> impl Iterator<Item = u64> {
        (0..8).map(move |word| 1 << (id.rest >> (6 * word) & 63))
    }
}

/// Sorted keys in a temporary file.
struct Run {
    file: File,
    /// Number of keys.
    len: u64,
    /// The first key of each block.
    fences: Vec<Id>,
    filter: Option<Filter>,
}

impl Run {
    fn bytes(&self) -> usize {
        let lines = self.filter.as_ref().map_or(0, |filter| filter.0.capacity());
        self.fences.capacity() * size_of::<Id>() + lines * size_of::<Line>()
    }

    fn has(&self, id: Id, block: &mut Vec<u8>) -> io::Result<bool> {
        if self.filter.as_ref().is_some_and(|filter| !filter.may_have(id)) {
            return Ok(false);
        }
        // The last block that does not start beyond the key.
        let Some(number) = self.fences.partition_point(|&fence| fence <= id).checked_sub(1) else {
            return Ok(false);
        };
        let first = number as u64 * BLOCK as u64;
        let count = usize::try_from(self.len - first).unwrap_or(BLOCK).min(BLOCK);
        block.resize(count * KEY_BYTES, 0);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(first * KEY_BYTES as u64))?;
        file.read_exact(block)?;
        let (keys, _) = block.as_chunks::<KEY_BYTES>();
        Ok(keys.binary_search(&id.to_bytes()).is_ok())
    }

    fn add_filter(&mut self) -> io::Result<()> {
        let mut filter = Filter::new(self.len);
        let mut reader = RunReader::new(self)?;
        while let Some(id) = reader.next()? {
            filter.add(id);
        }
        self.filter = Some(filter);
        Ok(())
    }

    /// One file of the keys of several.
    fn merged(runs: &[Self], folder: &Path) -> io::Result<Self> {
        let mut readers = runs.iter().map(RunReader::new).collect::<io::Result<Vec<_>>>()?;
        let mut heads = readers.iter_mut().map(RunReader::next).collect::<io::Result<Vec<_>>>()?;
        let mut writer = RunWriter::new(folder)?;
        while let Some(least) = heads.iter().copied().flatten().min() {
            writer.push(least)?;
            for (head, reader) in heads.iter_mut().zip(&mut readers) {
                if *head == Some(least) {
                    *head = reader.next()?;
                }
            }
        }
        writer.finish()
    }
}

/// Reads the keys of a file in order.
struct RunReader<'a> {
    file: BufReader<&'a File>,
    left: u64,
}

impl<'a> RunReader<'a> {
    fn new(run: &'a Run) -> io::Result<Self> {
        let mut file = &run.file;
        file.rewind()?;
        Ok(Self { file: BufReader::with_capacity(MERGE_BUFFER, file), left: run.len })
    }

    fn next(&mut self) -> io::Result<Option<Id>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let mut bytes = [0; KEY_BYTES];
        self.file.read_exact(&mut bytes)?;
        Ok(Some(Id::from_bytes(bytes)))
    }
}

/// Writes keys that come in order to a new file.
struct RunWriter {
    file: BufWriter<File>,
    len: u64,
    fences: Vec<Id>,
}

impl RunWriter {
    fn new(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(MERGE_BUFFER, tempfile::tempfile_in(folder)?);
        Ok(Self { file, len: 0, fences: Vec::new() })
    }

    fn push(&mut self, id: Id) -> io::Result<()> {
        if self.len.is_multiple_of(BLOCK as u64) {
            self.fences.push(id);
        }
        self.len += 1;
        self.file.write_all(&id.to_bytes())
    }

    fn finish(mut self) -> io::Result<Run> {
        self.fences.shrink_to_fit();
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Run { file, len: self.len, fences: self.fences, filter: None })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    /// A set that writes out as soon as the budget says so.
    fn eager(budget: usize, folder: &TempDir) -> SeenKeys {
        SeenKeys { least: 8, ..SeenKeys::new(budget, folder.path().to_owned()) }
    }

    /// The `number`th of many keys that look like hashes.
    fn hashed(number: u64) -> u128 {
        u128::from(stir(number ^ 0x5bd1_e995)) << 64 | u128::from(stir(number.wrapping_add(1 << 60)))
    }

    fn one(set: &mut SeenKeys, key: u128) -> bool {
        let mut new = false;
        set.insert_all(&[key], |answer| new = answer);
        new
    }

    fn insert_all(set: &mut SeenKeys, keys: &[u128]) -> Vec<bool> {
        let mut new = Vec::new();
        set.insert_all(keys, |answer| new.push(answer));
        new
    }

    /// Keys in memory and in files, in order.
    fn contents(set: &SeenKeys) -> Vec<Id> {
        let mut ids = Vec::new();
        set.table
            .each(|id| {
                ids.push(id);
                Ok(())
            })
            .expect("nothing is written");
        assert!(ids.is_sorted());
        for run in &set.runs {
            let mut reader = RunReader::new(run).expect("a file");
            while let Some(id) = reader.next().expect("a key") {
                ids.push(id);
            }
        }
        ids.sort();
        ids
    }

    fn keys() -> impl Strategy<Value = Vec<u128>> {
        let key = prop_oneof![
            any::<u128>(),
            (0..300_u128).prop_map(|key| key << 56),
            (0..40_u128, 0..4_u128).prop_map(|(key, low)| key << 56 | low << 54),
            (0..300_u128).prop_map(|key| 7 << 120 | key << 100),
            (0..300_u64).prop_map(hashed),
        ];
        proptest::collection::vec(key, 0..1_500)
    }

    /// Numbers in no order: spread evenly, the smallest and the largest there are, and many of nearly the same size.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = prop_oneof![
            4 => any::<u64>(),
            1 => 0..2_000_u64,
            1 => (0..2_000_u64).prop_map(|number| !number),
            1 => (0..2_000_u64).prop_map(|number| number | 1 << 63),
        ];
        proptest::collection::vec(number, 0..3_000)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn answers_like_a_set(keys in keys(), budget in prop_oneof![Just(0), 100_000..300_000_usize], batch: bool) {
            let folder = TempDir::new().expect("a folder");
            let mut set = eager(budget, &folder);
            let mut known = HashSet::new();
            let expected: Vec<bool> = keys.iter().map(|&key| known.insert(key >> 56)).collect();
            let answers = if batch {
                insert_all(&mut set, &keys)
            } else {
                keys.iter().map(|&key| one(&mut set, key)).collect()
            };
            prop_assert_eq!(answers, expected);
            prop_assert_eq!(contents(&set).len(), known.len());
            prop_assert!(set.runs.len() <= MOST_RUNS);
            prop_assert!(set.trouble().is_none());
        }

        #[test]
        fn a_shard_holds_what_a_set_holds(numbers in numbers()) {
            let (mut shard, mut known) = (Shard::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(shard.has(number), known.contains(&number));
                if known.insert(number) {
                    shard.insert(number);
                }
                prop_assert!(shard.pieces.is_empty() || shard.at(0) == 0);
            }
            prop_assert!(known.iter().all(|&number| shard.has(number)));
            prop_assert!(known.iter().all(|&number| shard.has(number ^ 1) == known.contains(&(number ^ 1))));
            prop_assert_eq!(shard.in_order().collect::<Vec<_>>(), known.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn mixing_loses_nothing(key: u128, other: u128, seed: u64) {
            prop_assert_eq!(Id::new(key, seed) == Id::new(other, seed), key >> 56 == other >> 48);
            prop_assert_eq!(Id::new(key, seed), Id::new(key ^ 0xff_ffff_ffff_ffff, seed));
            let id = Id::new(key, seed);
            prop_assert_eq!(Id::from_bytes(id.to_bytes()), id);
            prop_assert_eq!(id < Id::new(other, seed), id.to_bytes() < Id::new(other, seed).to_bytes());
        }
    }

    #[test]
    fn finds_keys_again_in_memory_in_files_and_in_merged_files() {
        let folder = TempDir::new().expect("a folder");
        let mut set = eager(500_000, &folder);
        let keys: Vec<u128> = (0..120_000).map(hashed).collect();
        assert!(insert_all(&mut set, &keys).iter().all(|&new| new));
        assert!(set.runs.iter().any(|run| run.fences.len() > 20));
        assert!(set.runs.len() > 1 && set.runs.len() <= MOST_RUNS);
        assert!(!keys.iter().any(|&key| one(&mut set, key)));
        assert!(!keys.iter().any(|&key| one(&mut set, key ^ 0xffff)));
        assert_eq!(set.spilled(), (120_000 - set.table.len as u64) * KEY_BYTES as u64);
        let in_files = set.runs.iter().map(|run| run.len).sum::<u64>();
        assert!(set.run_bytes as u64 * 10 < in_files * 16, "{} bytes for {in_files} keys", set.run_bytes);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0, "files have no name");
        assert!(set.trouble().is_none());
    }

    #[test]
    fn a_shard_finds_room_for_numbers_that_all_belong_in_one_slot() {
        for first in [1, 1 << 40, u64::MAX - 5_000] {
            let mut shard = Shard::default();
            for number in (first..first + 5_000).rev() {
                shard.insert(number);
            }
            assert!((first..first + 5_000).all(|number| shard.has(number)));
            assert!(!shard.has(first - 1) && shard.in_order().eq(first..first + 5_000));
            assert!(shard.bytes() < 320_000, "{} bytes", shard.bytes());
        }
    }

    #[test]
    fn takes_little_memory_at_any_number_of_keys() {
        let mut set = SeenKeys::new(usize::MAX, PathBuf::new());
        assert!(set.bytes() < 200_000);
        for number in 0..1_500_000 {
            assert!(one(&mut set, hashed(number)));
            if number >= 500_000 && number % 10_000 == 0 {
                let tenths = set.bytes() as u64 * 10 / number;
                assert!(tenths < 120, "{tenths} tenths of a byte a key at {number}");
            }
        }
        assert!(set.bytes() < 18_000_000);
    }

    #[test]
    fn keys_that_are_alike_are_as_quick_as_others() {
        let mut set = SeenKeys::new(usize::MAX, PathBuf::new());
        for number in 0..1_000_000_u128 {
            assert!(one(&mut set, 0xab << 120 | number << 56));
            assert!(one(&mut set, number << 90 | 1 << 80));
        }

        assert!(!(0..1_000_000_u128).any(|number| one(&mut set, 0xab << 120 | number << 56)));
    }

    #[test]
    fn keys_stay_in_memory_if_they_cannot_be_written() {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("a file");
        for nowhere in [folder.path().join("missing"), file] {
            let mut set = SeenKeys { least: 8, ..SeenKeys::new(0, nowhere) };
            assert!((0..50_000).all(|number| one(&mut set, hashed(number))));
            assert!(!(0..50_000).any(|number| one(&mut set, hashed(number))));
            assert!(set.trouble().is_some());
            assert_eq!((set.spilled(), set.table.len), (0, 50_000));
        }
    }

    #[test]
    fn writes_again_when_the_folder_is_back() {
        let folder = TempDir::new().expect("a folder");
        let later = folder.path().join("later");
        let mut set = SeenKeys { least: 8, ..SeenKeys::new(0, later.clone()) };
        assert!((0..20_000).all(|number| one(&mut set, hashed(number))));
        fs::create_dir(&later).expect("the folder");
        assert!((20_000..60_000).all(|number| one(&mut set, hashed(number))));
        assert!(set.spilled() > 0 && set.trouble().is_some());
        assert!(!(0..60_000).step_by(7).any(|number| one(&mut set, hashed(number))));
    }

    #[test]
    fn keys_of_a_file_that_cannot_be_read_count_as_new_once() {
        let folder = TempDir::new().expect("a folder");
        let mut set = SeenKeys { least: 1_000, ..SeenKeys::new(0, folder.path().to_owned()) };
        assert!((0..1_100).all(|number| one(&mut set, hashed(number))));
        assert_eq!(set.runs.len(), 1);
        set.least = usize::MAX;
        set.runs[0].file.set_len(50 * KEY_BYTES as u64).expect("a shorter file");
        assert_eq!((0..1_100).filter(|&number| one(&mut set, hashed(number))).count(), 1_000);
        assert!(set.trouble().is_some());
        assert!(!(0..1_100).any(|number| one(&mut set, hashed(number))));
        // Neither a merge nor a missing filter loses anything.
        set.merge();
        set.runs[0].filter = None;
        assert_eq!(set.runs.len(), 1);
        assert!(!(0..1_100).any(|number| one(&mut set, hashed(number))));
        assert!(one(&mut set, hashed(1_100)));
    }

    #[test]
    fn filters_rarely_raise_false_alarms() {
        let mut filter = Filter::new(100_000);
        let id = |number| Id::new(hashed(number), 5);
        (0..100_000).for_each(|number| filter.add(id(number)));
        assert!((0..100_000).all(|number| filter.may_have(id(number))));
        let alarms = (100_000..1_100_000).filter(|&number| filter.may_have(id(number))).count();
        assert!(alarms < 9_000, "{alarms} of a million");
    }
}
