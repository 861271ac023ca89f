//! Sightings that wait for the end of a scan in a temporary file, so that memory does not follow their number.
//!
//! They lie in parts by key and address. At the end one part after the other is read back and judged.

use super::Sighting;
use crate::event::frame::Row;
use crate::event::id::RequestId;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Parts that sightings are judged in: those of one key and address are in one part.
pub const PARTS: usize = 64;

/// Some sightings of one rule and part, one after the other in the file.
#[derive(Debug)]
struct Segment {
    rule: usize,
    part: usize,
    start: u64,
    length: u64,
}

/// What one worker has put aside.
#[derive(Debug)]
struct Shelf {
    file: File,
    end: u64,
    segments: Vec<Segment>,
}

/// Sightings in temporary files.
#[derive(Debug, Default)]
pub struct Spill {
    shelves: Vec<Shelf>,
    /// Why nothing more is put aside: the first file that could not be made or written to.
    pub trouble: Option<String>,
}

/// The part that a sighting belongs to.
pub fn part_of(row: &Row) -> usize {
    let mixed = (u64::from(row.key) << 32 | u64::from(row.ip)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 40).unwrap_or_default() % PARTS
}

impl Spill {
    /// Puts sightings of a rule aside, which must be without details. Answers whether they are safe.
    pub fn add(&mut self, rule: usize, sightings: &[Sighting]) -> bool {
        if self.trouble.is_some() {
            return false;
        }
        let written = self.shelf().and_then(|shelf| shelf.write(rule, sightings));
        self.trouble = written.err().map(|error| error.to_string());
        self.trouble.is_none()
    }

    /// Whether there are any of a rule.
    pub fn has(&self, rule: usize) -> bool {
        self.shelves.iter().flat_map(|shelf| &shelf.segments).any(|segment| segment.rule == rule)
    }

    /// Reads those of a rule and part back.
    pub fn read(&mut self, rule: usize, part: usize, into: &mut Vec<Sighting>) -> io::Result<()> {
        self.shelves.iter_mut().try_for_each(|shelf| shelf.read(rule, part, into))
    }

    /// Takes what another worker has put aside.
    pub fn merge(&mut self, other: Self) {
        self.shelves.extend(other.shelves);
        self.trouble = self.trouble.take().or(other.trouble);
    }

    fn shelf(&mut self) -> io::Result<&mut Shelf> {
        if self.shelves.is_empty() {
            self.shelves.push(Shelf { file: tempfile::tempfile()?, end: 0, segments: Vec::new() });
        }
        Ok(&mut self.shelves[0])
    }
}

impl Shelf {
    fn write(&mut self, rule: usize, sightings: &[Sighting]) -> io::Result<()> {
        let mut parts: Vec<Vec<u8>> = vec![Vec::new(); PARTS];
        for sighting in sightings {
            let bytes = &mut parts[part_of(&sighting.row)];
            *bytes = postcard::to_extend(&(&sighting.row, &sighting.request_id), std::mem::take(bytes))
                .map_err(io::Error::other)?;
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        // What a failure leaves half written is written over, and no segment leads to it.
        let (mut end, mut segments) = (self.end, Vec::new());
        for (part, bytes) in parts.into_iter().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
            self.file.write_all(&bytes)?;
            segments.push(Segment { rule, part, start: end, length: bytes.len() as u64 });
            end += bytes.len() as u64;
        }
        self.end = end;
        self.segments.append(&mut segments);
        Ok(())
    }

    fn read(&mut self, rule: usize, part: usize, into: &mut Vec<Sighting>) -> io::Result<()> {
        for segment in self.segments.iter().filter(|segment| (segment.rule, segment.part) == (rule, part)) {
            let mut bytes = vec![0; usize::try_from(segment.length).map_err(io::Error::other)?];
            self.file.seek(SeekFrom::Start(segment.start))?;
            self.file.read_exact(&mut bytes)?;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let ((row, request_id), after): ((Row, RequestId), _) =
                    postcard::take_from_bytes(rest).map_err(io::Error::other)?;
                into.push(Sighting { row, request_id, detail: None });
                rest = after;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(number: u32) -> Sighting {
        let row = Row { key: number % 7, ip: number % 11, event: u64::from(number), time: -5, ..Row::default() };
        let text = if number.is_multiple_of(3) { "662138269" } else { "008ef803-4549-41fe-a7e6-433122273683" };
        Sighting { row, request_id: RequestId::pack(text), detail: None }
    }

    #[test]
    fn everything_comes_back_in_the_part_of_its_key_and_address() {
        let all: Vec<Sighting> = (0..1000).map(sighting).collect();
        let (mut one, mut other) = (Spill::default(), Spill::default());
        assert!(one.add(3, &all[..400]) && one.add(3, &all[400..500]) && other.add(3, &all[500..]));
        assert!(one.add(4, &all[..10]));
        one.merge(other);
        assert!(one.has(3) && one.has(4) && !one.has(5));
        let mut back = Vec::new();
        for part in 0..PARTS {
            let before = back.len();
            one.read(3, part, &mut back).expect("the file can be read");
            assert!(back[before..].iter().all(|sighting| part_of(&sighting.row) == part));
        }
        back.sort_by_key(|sighting| sighting.row.event);
        let told = |sightings: &[Sighting]| -> Vec<(Row, RequestId)> {
            sightings.iter().map(|sighting| (sighting.row, sighting.request_id.clone())).collect()
        };
        assert_eq!(told(&back), told(&all));
    }
}
