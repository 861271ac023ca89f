//! The table inside the program, `data/places.bin`, made by `tests/geo/build_table.py`.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `akplace` and the version, 2 |
//! | the rest | two sections: four bytes of length when unpacked, four of length, a zstd frame |
//!
//! All numbers are little-endian. The first section, unpacked, has one byte of length and the edition (`2026-06`); two
//! bytes of count and the places, each one byte of length and a code (`US`, `CN-BJ`; the first, empty, stands for no
//! place); then IPv4. The second has IPv6, and is left alone until an IPv6 address is asked for. Both hold four bytes of
//! count, that many gaps from one start to the next as LEB128, the low bytes of the places' numbers, the high bytes. A
//! start reaches up to the next. IPv6 starts count networks of /64.

use super::region::Region;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

/// The line that the licence of the data, CC BY 4.0, asks for.
pub(super) const ATTRIBUTION: &str = "IP Geolocation by DB-IP (https://db-ip.com)";

const DATA: &[u8] = include_bytes!("data/places.bin");
const MAGIC: &[u8] = b"akplace\x02";
/// More than the table ever has; nothing larger is unpacked.
const LONGEST: usize = 32 << 20;

/// Starts of ranges in order, and the number of the place that begins at each.
#[derive(Debug, Default)]
struct Starts<N> {
    starts: Vec<N>,
    places: Vec<u16>,
}

impl<N: Copy + Ord + TryFrom<u64>> Starts<N> {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let count = usize::try_from(bytes.number(4)?).ok()?;
        // Each start takes three bytes at least.
        if count > bytes.0.len() / 3 {
            return None;
        }
        let mut starts = Vec::with_capacity(count);
        let mut start = 0_u64;
        for _ in 0..count {
            start = start.checked_add(bytes.leb128()?)?;
            starts.push(N::try_from(start).ok()?);
        }
        let (low, high) = (bytes.take(count)?, bytes.take(count)?);
        let places = low.iter().zip(high).map(|(low, high)| u16::from_le_bytes([*low, *high])).collect();
        Some(Self { starts, places })
    }

    fn find(&self, address: N) -> Option<u16> {
        let after = self.starts.partition_point(|start| *start <= address);
        self.places.get(after.checked_sub(1)?).copied()
    }
}

/// The table, unpacked as far as it was asked for.
#[derive(Debug)]
pub(super) struct Builtin {
    name: Arc<str>,
    regions: Vec<Option<Region>>,
    v4: Starts<u32>,
    v6: OnceLock<Starts<u64>>,
}

impl Builtin {
    /// Unpacks the table. Should it be broken, which a test rules out, no address has a place.
    pub(super) fn load() -> Self {
        unpack(DATA, 0).and_then(|payload| Self::read(&payload)).unwrap_or_else(|| Self {
            name: "built-in table".into(),
            regions: Vec::new(),
            v4: Starts::default(),
            v6: OnceLock::from(Starts::default()),
        })
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(payload);
        let edition = bytes.text()?;
        let count = bytes.number(2)?;
        let regions = (0..count).map(|_| bytes.text().map(region)).collect::<Option<_>>()?;
        let v4 = Starts::read(&mut bytes)?;
        let name = format!("built-in table, DB-IP Lite {edition}").into();
        bytes.0.is_empty().then_some(Self { name, regions, v4, v6: OnceLock::new() })
    }

    /// Reads the section about IPv6.
    fn read_v6(payload: &[u8]) -> Option<Starts<u64>> {
        let mut bytes = Bytes(payload);
        let starts = Starts::read(&mut bytes)?;
        bytes.0.is_empty().then_some(starts)
    }

    fn v6(&self) -> &Starts<u64> {
        self.v6.get_or_init(|| unpack(DATA, 1).and_then(|payload| Self::read_v6(&payload)).unwrap_or_default())
    }

    /// Returns the name shown for it, with the edition of its source.
    pub(super) fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Tells where an address is.
    pub(super) fn region(&self, ip: IpAddr) -> Option<&Region> {
        let place = match ip {
            IpAddr::V4(ip) => self.v4.find(ip.to_bits()),
            IpAddr::V6(ip) => self.v6().find(high(ip.to_bits())),
        };
        self.regions.get(usize::from(place?))?.as_ref()
    }
}

fn high(bits: u128) -> u64 {
    u64::try_from(bits >> 64).unwrap_or(u64::MAX)
}

fn region(code: &str) -> Option<Region> {
    let (country, province) = code.split_once('-').unwrap_or((code, ""));
    Region::read(country, province)
}

/// Unpacks a section, the first being 0.
fn unpack(data: &[u8], section: usize) -> Option<Vec<u8>> {
    let mut bytes = Bytes(data.strip_prefix(MAGIC)?);
    for _ in 0..section {
        bytes.section()?;
    }
    let (length, packed) = bytes.section()?;
    zstd::bulk::decompress(packed, length).ok().filter(|payload| payload.len() == length)
}

/// Bytes not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, count: usize) -> Option<u32> {
        Some(self.take(count)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// A section, packed, and its length when unpacked.
    fn section(&mut self) -> Option<(usize, &'a [u8])> {
        let length = usize::try_from(self.number(4)?).ok().filter(|length| *length <= LONGEST)?;
        let packed = usize::try_from(self.number(4)?).ok()?;
        Some((length, self.take(packed)?))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.take(1)?[0];
        std::str::from_utf8(self.take(usize::from(length))?).ok()
    }

    fn leb128(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Lang;
    use proptest::prelude::*;

    fn leb128(mut number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while number >= 0x80 {
            out.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        out.push(number.to_le_bytes()[0]);
        out
    }

    fn column(rows: &[(u64, u16)]) -> Vec<u8> {
        let mut out = u32::try_from(rows.len()).unwrap().to_le_bytes().to_vec();
        let mut last = 0;
        for (start, _) in rows {
            out.extend(leb128(start - last));
            last = *start;
        }
        for half in 0..2 {
            out.extend(rows.iter().map(|(_, place)| place.to_le_bytes()[half]));
        }
        out
    }

    fn payload(v4: &[(u64, u16)]) -> Vec<u8> {
        let mut out = b"\x072026-06\x04\0\0\x02US\x05CN-BJ\x02CN".to_vec();
        out.extend(column(v4));
        out
    }

    /// The last start not above the address, by looking at all of them.
    fn naive(rows: &[(u64, u16)], address: u64) -> Option<u16> {
        rows.iter().filter(|(start, _)| *start <= address).map(|(_, place)| *place).next_back()
    }

    fn rows(highest: u64) -> impl Strategy<Value = Vec<(u64, u16)>> {
        prop::collection::btree_map(0..=highest, 0_u16..4, 0..40).prop_map(|rows| rows.into_iter().collect())
    }

    #[test]
    fn the_table_in_the_program_is_whole() {
        let [first, second] = [0, 1].map(|section| unpack(DATA, section).unwrap());
        let (table, v6) = (Builtin::read(&first).unwrap(), Builtin::read_v6(&second).unwrap());
        assert!(table.v4.starts.is_sorted() && v6.starts.is_sorted());
        assert!(table.v4.starts.len() > 100_000 && v6.starts.len() > 100_000);
        assert!(v6.places.iter().all(|place| usize::from(*place) < table.regions.len()));
        assert_eq!(unpack(DATA, 2), None);
        assert!(table.name.starts_with("built-in table, DB-IP Lite 20"), "{}", table.name);
        // Every code but the empty one is known, so that no code reaches a reader as a name.
        for region in table.regions.iter().skip(1) {
            assert!(region.as_ref().unwrap().country.code().is_some(), "{region:?}");
        }
        let at = |text: &str| table.region(text.parse().unwrap()).map(|region| region.text(Lang::En));
        assert_eq!(at("8.8.8.8").as_deref(), Some("United States"));
        assert_eq!(at("120.24.78.68").as_deref(), Some("China-Guangdong"));
        assert_eq!(at("2408:8000::1").as_deref(), Some("China-Beijing"));
    }

    #[test]
    fn broken_tables_are_refused() {
        let (whole, v6) = (payload(&[(0, 1), (9, 2)]), column(&[(5, 3)]));
        assert!(Builtin::read(&whole).is_some() && Builtin::read_v6(&v6).is_some());
        for end in 0..whole.len() {
            assert!(Builtin::read(&whole[..end]).is_none(), "{end}");
        }
        for end in 0..v6.len() {
            assert!(Builtin::read_v6(&v6[..end]).is_none(), "{end}");
        }
        assert!(Builtin::read(&[whole, v6].concat()).is_none(), "nothing may follow");
        assert!(unpack(b"akplace\x01", 0).is_none());
        assert!(unpack(b"akplace\x02\xff\xff\xff\xff", 0).is_none());
        assert!(unpack(b"akplace\x02\x01\0\0\0\xff\xff\xff\xff", 1).is_none());
    }

    proptest! {
        #[test]
        fn look_ups_agree_with_a_list(v4 in rows(u32::MAX.into()), v6 in rows(u64::MAX), near in any::<u64>()) {
            let table = Builtin { v6: Builtin::read_v6(&column(&v6)).unwrap().into(), ..Builtin::read(&payload(&v4)).unwrap() };
            let around = |rows: &[(u64, u16)]| rows.iter().flat_map(|(s, _)| [s.saturating_sub(1), *s, s.saturating_add(1)]).chain([0, near]).collect::<Vec<_>>();
            for address in around(&v4) {
                let Ok(short) = u32::try_from(address) else { continue };
                prop_assert_eq!(table.v4.find(short), naive(&v4, address));
            }
            for address in around(&v6) {
                prop_assert_eq!(table.v6().find(address), naive(&v6, address));
                let ip = IpAddr::from((u128::from(address) << 64 | 7).to_be_bytes());
                let code = naive(&v6, address).and_then(|place| region(["", "US", "CN-BJ", "CN"][usize::from(place)]));
                prop_assert_eq!(table.region(ip), code.as_ref());
            }
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..40_usize, byte in any::<u8>()) {
            let _ = Builtin::read(&bytes);
            let _ = Builtin::read_v6(&bytes);
            let _ = unpack(&[MAGIC, &bytes].concat(), at % 3);
            let mut near = payload(&[(0, 1), (9, 2)]);
            let last = near.len() - 1;
            near[at.min(last)] = byte;
            let _ = Builtin::read(&near);
        }
    }
}
