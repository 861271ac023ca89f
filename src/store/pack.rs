//! How compound values are kept in one cell: compact, compressed, and the same bytes for the same value.

use super::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
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
