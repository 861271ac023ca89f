//! The ledger of files: what was read to its end is known by its content, and need not be read again.

use super::{Db, StoreError};
use crate::ingest::source::Input;
use crossbeam_channel::bounded;
use rusqlite::{OptionalExtension, params};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

/// What a file was like when it was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Size in bytes.
    pub size: u64,
    /// When it was last written to.
    pub modified: Option<SystemTime>,
    /// Hash of its content.
    pub hash: [u8; 32],
}

/// The fingerprint of an input; none for what is no regular file, or changes while it is read: such
/// an input is read again next time.
pub fn fingerprint(input: &Input) -> Option<Fingerprint> {
    let Input::File(path) = input else { return None };
    hash(path).ok().flatten()
}

fn hash(path: &Path) -> io::Result<Option<Fingerprint>> {
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Ok(None);
    }
    let hash = hash_of(&mut file, before.len())?;
    let same = state(&before) == state(&path.metadata()?);
    let (size, modified) = state(&before);
    Ok(same.then_some(Fingerprint { size, modified, hash }))
}

/// Bytes hashed at a time.
const PIECE: usize = 1 << 18;
/// Pieces under way between the thread that reads and the one that hashes.
const PIECES: usize = 4;

/// The hash of what is left of a file of some `size` bytes. A large one is read by another thread than hashes it.
fn hash_of(file: &mut File, size: u64) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    if size <= (PIECES * PIECE) as u64 {
        hasher.update_reader(file)?;
        return Ok(*hasher.finalize().as_bytes());
    }
    let (give, pieces) = bounded(PIECES);
    let (give_back, empty) = bounded(PIECES);
    std::thread::scope(|threads| {
        for _ in 0..PIECES {
            let _ = give_back.send(vec![0; PIECE]);
        }
        threads.spawn(move || {
            while let Ok(mut piece) = empty.recv() {
                let read = file.read(&mut piece);
                let ends = matches!(read, Ok(0) | Err(_));
                if give.send(read.map(|size| (piece, size))).is_err() || ends {
                    return;
                }
            }
        });
        for read in pieces {
            let (piece, size) = read?;
            hasher.update(&piece[..size]);
            let _ = give_back.send(piece);
        }
        Ok(*hasher.finalize().as_bytes())
    })
}

fn state(metadata: &Metadata) -> State {
    (metadata.len(), metadata.modified().ok())
}

/// Size and time of the last change of a file.
pub type State = (u64, Option<SystemTime>);

/// What an input is like now; none for what is no file.
pub fn state_of(input: &Input) -> Option<State> {
    let Input::File(path) = input else { return None };
    path.metadata().ok().map(|metadata| state(&metadata))
}

impl Fingerprint {
    /// Whether the file was the same at another time.
    pub fn is_of(&self, state: Option<State>) -> bool {
        state == Some((self.size, self.modified))
    }
}

/// A file that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its number in the ledger.
    pub number: i64,
    /// Some of its records could not be read.
    pub has_rejects: bool,
}

/// What the ledger knows of each input, for those that were read to their end under the same circumstances, which no
/// scan since then has changed. Only files whose size is known are read for it.
pub fn known(db: &Db, inputs: &[Input], context: &[u8; 32]) -> Result<Vec<Option<KnownFile>>, StoreError> {
    let look_up = |input: &Input| -> rusqlite::Result<Option<KnownFile>> {
        let size = i64::try_from(input.size()).unwrap_or(i64::MAX);
        let mut same_size = db.conn.prepare_cached("SELECT 1 FROM files WHERE size = ?1 AND context = ?2 LIMIT 1")?;
        if !same_size.exists(params![size, context])? {
            return Ok(None);
        }
        let Some(found) = fingerprint(input) else { return Ok(None) };
        let mut same = db.conn.prepare_cached(
            "SELECT number, rejects FROM files f WHERE hash = ?1 AND context = ?2 \
             AND NOT EXISTS (SELECT 1 FROM scans WHERE number > f.scan AND context <> ?2)",
        )?;
        let known = |row: &rusqlite::Row<'_>| Ok(KnownFile { number: row.get(0)?, has_rejects: row.get(1)? });
        same.query_row(params![found.hash, context], known).optional()
    };
    inputs.iter().map(look_up).collect::<rusqlite::Result<_>>().map_err(|source| StoreError::sqlite(db.path(), source))
}

/// The zone of the newest scan.
pub fn zone(db: &Db) -> Result<Option<String>, StoreError> {
    let newest = db.conn.query_row("SELECT zone FROM scans ORDER BY number DESC LIMIT 1", [], |row| row.get(0));
    newest.optional().map_err(|source| StoreError::sqlite(db.path(), source))
}
