//! Gzip files that fit memory, inflated in one go: about twice as fast as bit by bit.
//!
//! Only what is plainly one sound member is read this way. Everything else (several members, damage, bombs) is left to the
//! reader that goes bit by bit, which also says what is wrong.

use libdeflater::Decompressor;
use memchr::memmem;
use std::cell::RefCell;

/// Largest file read in one go, in bytes.
pub(super) const MAX_PACKED: usize = 4 << 20;
/// Largest content read in one go, in bytes. A handful of files are read at once, each with so much memory.
const MAX_PLAIN: usize = 32 << 20;
/// Bytes of the shortest header (RFC 1952, section 2.3).
const HEADER: usize = 10;

/// Deflate cannot shrink further; a file that tells of more is not made room for.
const MOST_EXPANSION: usize = 1032;

thread_local! {
    /// Kept because making new ones for every file takes longer than inflating a small one.
    static INFLATER: RefCell<(Decompressor, Vec<u8>)> = RefCell::new((Decompressor::new(), Vec::new()));
}

/// Hands the content of a gzip file to `then`; nothing, if the file has to be read bit by bit.
pub(super) fn whole<T>(file: &[u8], then: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let size = told_size(file)?;
    INFLATER.with(|kept| {
        // Files are not inside one another here; should they ever be, the inner one is read bit by bit.
        let (decoder, plain) = &mut *kept.try_borrow_mut().ok()?;
        if plain.len() < size {
            plain.resize(size, 0);
        }
        let inflated = decoder.gzip_decompress(file, &mut plain[..size]).ok()?;
        (inflated == size).then(|| then(&plain[..size]))
    })
}

/// The size of the content, as the end of the file tells it, if it fits.
///
/// Every member ends with its size. Were the first one shorter than the file, the same four bytes would stand before
/// the end as well, as only a member of just this size counts as read; so they must not.
fn told_size(file: &[u8]) -> Option<usize> {
    let (rest, end) = file.get(HEADER..)?.split_last_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*end)).ok()?;
    let stands_once = memmem::find(&file[HEADER..HEADER + rest.len() + 3], end).is_none();
    let fits = (1..=MAX_PLAIN).contains(&size) && size / MOST_EXPANSION <= file.len();
    (fits && stands_once).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::MultiGzDecoder;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::{Read, Write};

    fn gz(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn at_once(packed: &[u8]) -> Option<Vec<u8>> {
        whole(packed, <[u8]>::to_vec)
    }

    #[test]
    fn one_sound_member_is_read_in_one_go() {
        let long = b"{\"a\":1}\n".repeat(100_000);
        for plain in [&b"x"[..], &long, b"shorter than the one before"] {
            assert_eq!(at_once(&gz(plain)).as_deref(), Some(plain));
        }
    }

    #[test]
    fn everything_else_is_left_to_the_other_reader() {
        let one = gz(b"{\"a\":1}\n");
        let mut damaged = one.clone();
        let middle = damaged.len() - 6;
        damaged[middle] ^= 1;
        for packed in [
            [one.clone(), one.clone()].concat(),
            [one.clone(), gz(b"another")].concat(),
            [&one[..], b"and something behind"].concat(),
            [&one[..], &one[one.len() - 4..]].concat(),
            [&one[..], &one[one.len() - 8..]].concat(),
            one[..one.len() - 3].to_vec(),
            damaged,
            gz(b""),
            gz(&vec![b' '; MAX_PLAIN + 1]),
            one[..HEADER].to_vec(),
            Vec::new(),
        ] {
            assert_eq!(at_once(&packed), None);
        }
    }

    #[test]
    fn a_file_inside_the_content_is_read_too() {
        let outer = gz(&gz(b"{\"a\":1}\n"));
        let nested = whole(&outer, |inner| at_once(inner).is_none());
        assert_eq!(nested, Some(true), "the memory is in use, so the inner file is read bit by bit");
    }

    proptest! {
        #[test]
        fn whatever_is_read_in_one_go_is_what_the_other_reader_reads(
            plain in prop::collection::vec(any::<u8>(), 1..2000),
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..3),
        ) {
            let mut packed = gz(&plain);
            for (place, bit) in flips {
                let place = place.index(packed.len());
                packed[place] ^= 1 << bit;
            }
            let mut other = Vec::new();
            let sound = MultiGzDecoder::new(&packed[..]).read_to_end(&mut other).is_ok();
            if let Some(content) = at_once(&packed) {
                prop_assert!(sound);
                prop_assert_eq!(content, other);
            }
        }
    }
}
