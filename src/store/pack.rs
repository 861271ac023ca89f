//! How compound values are kept in one cell: compact, compressed, and the same bytes for the same value.

use super::Failure;
use crossbeam_channel::{Receiver, bounded};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::thread::Scope;
use zstd::bulk::{Compressor, Decompressor};

/// Level of compression: what is kept is small texts and numbers, and higher levels gain little.
const LEVEL: i32 = 3;
/// Largest value after decompression, against files made to exhaust memory.
const MAX_UNPACKED: usize = 1 << 30;

/// The last byte of a packed value: which fields it has.
const FORMAT: u8 = 1;

/// Packs a value.
pub(super) fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    let failed = |what: String| Failure::Content(format!("a value cannot be packed: {what}"));
    let plain = postcard::to_allocvec(value).map_err(|error| failed(error.to_string()))?;
    let mut packed = compressed(&plain).map_err(|error| failed(error.to_string()))?;
    packed.push(FORMAT);
    Ok(packed)
}

/// Items made ready at a time.
const TOGETHER: usize = 256;

/// What is being made ready, in order, some at a time.
pub(super) struct Ready<P>(Receiver<Result<Vec<P>, Failure>>);

impl<P> Ready<P> {
    /// Hands everything to `take`, waiting for what is not ready yet.
    pub(super) fn each(self, mut take: impl FnMut(P) -> Result<(), Failure>) -> Result<(), Failure> {
        self.0.into_iter().try_for_each(|some| some?.into_iter().try_for_each(&mut take))
    }
}

/// Begins to make items ready with `make`, in which all processors share; at most some `ahead` wait to be taken.
pub(super) fn begin<'s, T: Send + 's, P: Send + 's>(
    threads: &'s Scope<'s, '_>,
    items: impl IntoIterator<Item = T, IntoIter: Send + 's>,
    ahead: usize,
    make: impl Fn(T) -> Result<P, Failure> + Send + Sync + 's,
) -> Ready<P> {
    let mut items = items.into_iter();
    let (give, taken) = bounded(ahead / TOGETHER);
    // Not one of the pool's threads: it waits for the writer, and the pool is to work meanwhile.
    threads.spawn(move || {
        loop {
            let some: Vec<T> = items.by_ref().take(TOGETHER).collect();
            let is_last = some.len() < TOGETHER;
            let some: Result<Vec<P>, Failure> = some.into_par_iter().map(&make).collect();
            if give.send(some).is_err() || is_last {
                return;
            }
        }
    });
    Ready(taken)
}

/// Makes items ready with `make`, in which all processors share, and hands them in order to `take`, which writes them
/// while the next are being made.
pub(super) fn in_order<T: Send, P: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    make: impl Fn(T) -> Result<P, Failure> + Send + Sync,
    take: impl FnMut(P) -> Result<(), Failure>,
) -> Result<(), Failure> {
    std::thread::scope(|threads| begin(threads, items, TOGETHER, make).each(take))
}

thread_local! {
    /// Kept because making one takes longer than compressing a small value.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    /// Likewise.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn compressed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            none => none.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(plain)
    })
}

fn decompressed(data: &[u8]) -> std::io::Result<Vec<u8>> {
    let size = Decompressor::upper_bound(data).unwrap_or(MAX_UNPACKED).min(MAX_UNPACKED);
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new()?),
        };
        decompressor.decompress(data, size)
    })
}

/// Unpacks a value.
pub(super) fn unpack<T: DeserializeOwned>(data: &[u8]) -> Result<T, Failure> {
    let damaged = |what: String| Failure::Content(format!("a packed value is damaged: {what}"));
    let Some((&FORMAT, data)) = data.split_last() else {
        return Err(damaged("it is of another format".to_string()));
    };
    let plain = decompressed(data).map_err(|error| damaged(error.to_string()))?;
    postcard::from_bytes(&plain).map_err(|error| damaged(error.to_string()))
}
