//! ip2region's `.xdb` files, versions 2 and 3, for IPv4 or IPv6.
//!
//! A header of 256 bytes; for the first two bytes of an address the place in the index where to look (256 × 256 pairs
//! of four bytes); regions as text; and the index, sorted: first and last address, length and place of the text.
//! Numbers are little-endian, as are IPv4 addresses; IPv6 addresses are not.

use super::region::Region;
use std::net::IpAddr;

/// Length of the header.
pub(super) const HEADER: usize = 256;
/// Length of the header and of the table by the first two bytes.
const FIXED: usize = HEADER + 256 * 256 * 8;
/// Entries looked at when opening, to see that there are regions at all.
const PROBED: usize = 4096;

/// How addresses stand in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn address_length(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// Two addresses, two bytes of length, four of place.
    fn entry_length(self) -> usize {
        2 * self.address_length() + 6
    }

    fn address(self, bytes: &[u8]) -> Option<u128> {
        Some(match self {
            Self::V4 => u32::from_le_bytes(bytes.try_into().ok()?).into(),
            Self::V6 => u128::from_be_bytes(bytes.try_into().ok()?),
        })
    }
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
struct Header {
    family: Family,
    /// Where the first and the last entry of the index stand.
    first: usize,
    last: usize,
}

/// Reads the header; none where it does not fit the file, which is how these files are known: they have no mark.
fn header(bytes: &[u8]) -> Option<Header> {
    let family = match (number(bytes, 0, 2)?, number(bytes, 16, 2)?) {
        (2, _) | (3, 4) => Family::V4,
        (3, 6) => Family::V6,
        _ => return None,
    };
    let header = Header { family, first: number(bytes, 8, 4)?, last: number(bytes, 12, 4)? };
    let fits = header.first >= FIXED
        && header.first <= header.last
        && (header.last - header.first).is_multiple_of(family.entry_length())
        && header.last + family.entry_length() <= bytes.len();
    fits.then_some(header)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Whether content is an `.xdb` file.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    header(bytes).is_some()
}

/// An `.xdb` file.
#[derive(Debug)]
pub(super) struct Xdb {
    bytes: Vec<u8>,
    header: Header,
}

impl Xdb {
    /// Opens a file's content.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let header = header(&bytes).ok_or("no ip2region .xdb file")?;
        let xdb = Self { bytes, header };
        let entries = (header.first..=header.last).step_by(header.family.entry_length());
        let mut regions = entries.take(PROBED).filter_map(|at| xdb.entry(at)?.2).filter_map(region);
        match regions.next() {
            Some(_) => Ok(xdb),
            None => Err("ip2region .xdb file without a region in its first entries".into()),
        }
    }

    /// Tells where an address is.
    pub(super) fn region(&self, ip: IpAddr) -> Option<Region> {
        let (family, address, lead) = match ip {
            IpAddr::V4(ip) => (Family::V4, u128::from(ip.to_bits()), [ip.octets()[0], ip.octets()[1]]),
            IpAddr::V6(ip) => (Family::V6, ip.to_bits(), [ip.octets()[0], ip.octets()[1]]),
        };
        if family != self.header.family {
            return None;
        }
        region(self.find(address, lead)?)
    }

    fn find(&self, address: u128, lead: [u8; 2]) -> Option<&str> {
        let at = HEADER + 8 * usize::from(u16::from_be_bytes(lead));
        let (first, last) = (number(&self.bytes, at, 4)?, number(&self.bytes, at + 4, 4)?);
        // Nothing is known of addresses with this lead.
        if first == 0 || last < first {
            return None;
        }
        let size = self.header.family.entry_length();
        // The second place is that of the last entry, or one beyond it, as writers differ; both are searched.
        let (mut low, mut high) = (0, (last - first) / size + 1);
        while low < high {
            let middle = low.midpoint(high);
            match self.entry(first + middle * size) {
                Some((from, _, _)) if address < from => high = middle,
                Some((_, to, _)) if address > to => low = middle + 1,
                Some((_, _, text)) => return text,
                None => high = middle,
            }
        }
        None
    }

    /// First and last address of an entry of the index, and the text of its region.
    fn entry(&self, at: usize) -> Option<(u128, u128, Option<&str>)> {
        let family = self.header.family;
        if at < self.header.first || at > self.header.last {
            return None;
        }
        let entry = self.bytes.get(at..at.checked_add(family.entry_length())?)?;
        let (addresses, place) = entry.split_at(2 * family.address_length());
        let (from, to) = addresses.split_at(family.address_length());
        let text_at = number(place, 2, 4)?;
        let text = text_at.checked_add(number(place, 0, 2)?).and_then(|end| self.bytes.get(text_at..end));
        let text = text.filter(|text| !text.is_empty()).and_then(|text| std::str::from_utf8(text).ok());
        Some((family.address(from)?, family.address(to)?, text))
    }
}

/// Reads a region's text.
///
/// Before 2025 `country|area|province|city|provider`, the area nearly always 0; since then
/// `country|province|city|provider|code`. Either way the province is the first of both fields that is one.
fn region(text: &str) -> Option<Region> {
    let mut fields = text.split('|');
    let country = fields.next()?;
    let provinces = [fields.next().unwrap_or_default(), fields.next().unwrap_or_default()];
    Region::read_any(country, &provinces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Lang;
    use proptest::prelude::*;

    const V4: &[u8] = include_bytes!("../../fixtures/geo/v4.xdb.zst");
    const V4_OLD: &[u8] = include_bytes!("../../fixtures/geo/v4-old.xdb.zst");
    const V6: &[u8] = include_bytes!("../../fixtures/geo/v6.xdb.zst");

    /// The table by lead makes these files half a megabyte of zeros; they are kept packed.
    fn unpacked(packed: &[u8]) -> Vec<u8> {
        zstd::bulk::decompress(packed, 1 << 20).unwrap()
    }

    fn at(xdb: &Xdb, ip: &str) -> String {
        xdb.region(ip.parse().unwrap()).map_or("none".into(), |region| region.text(Lang::En))
    }

    #[test]
    fn both_versions_and_families_are_read() {
        for packed in [V4, V4_OLD] {
            let xdb = Xdb::open(unpacked(packed)).unwrap();
            let seen =
                ["1.2.4.0", "1.2.4.255", "1.2.5.0", "1.2.3.255", "1.64.0.9", "8.8.8.8", "9.9.9.9", "120.24.78.68"];
            let places = [
                "China-Beijing",
                "China-Beijing",
                "none",
                "none",
                "Hong Kong (China)",
                "United States",
                "none",
                "China-Guangdong",
            ];
            assert_eq!(seen.map(|ip| at(&xdb, ip)), places);
            assert_eq!(at(&xdb, "2408:8000::1"), "none");
        }
        let xdb = Xdb::open(unpacked(V6)).unwrap();
        assert_eq!(at(&xdb, "2408:8000::1"), "China-Beijing");
        assert_eq!(at(&xdb, "2408:8001::"), "China");
        assert_eq!(at(&xdb, "2001:4860:4860::8888"), "United States");
        assert_eq!(at(&xdb, "2408:7fff::"), "none");
        assert_eq!(at(&xdb, "1.2.4.8"), "none");
    }

    #[test]
    fn regions_of_both_forms_are_read() {
        for (text, place) in [
            ("中国|0|北京|北京市|电信", Some("China-Beijing")),
            ("中国|北京|北京市|电信|CN", Some("China-Beijing")),
            ("中国|华南|广东省|深圳市|阿里云", Some("China-Guangdong")),
            ("China|Guangdong|Shenzhen|x|CN", Some("China-Guangdong")),
            ("中国|0|香港|0|0", Some("Hong Kong (China)")),
            ("中国|台湾省|台北市|0|TW", Some("Taiwan (China)")),
            ("美国|0|加利福尼亚|0|谷歌", Some("United States")),
            ("0|0|0|内网IP|内网IP", None),
            ("Reserved|0|0|0|0", None),
            ("", None),
        ] {
            assert_eq!(region(text).map(|region| region.text(Lang::En)).as_deref(), place, "{text}");
        }
    }

    #[test]
    fn cut_files_are_not_taken() {
        let whole = unpacked(V4);
        for end in [0, 17, 255, 256, FIXED, whole.len() - 1] {
            assert!(!looks_like(&whole[..end]), "{end}");
        }
        let mut mute = whole.clone();
        let first = header(&whole).unwrap().first;
        mute[FIXED..first].fill(0xff);
        assert!(Xdb::open(mute).unwrap_err().contains("without a region"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_fail(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), head: bool) {
            let mut bytes = unpacked(V4);
            // Changes where something stands: the header, or all after the table by lead; and the lead of 1.2.
            let lead = HEADER + 8 * 0x0102;
            for (place, byte) in changes {
                let at = if head { [0, 8, 12, 16, lead][place.index(5)] + place.index(4) } else { FIXED + place.index(bytes.len() - FIXED) };
                bytes[at] = byte;
            }
            if let Ok(xdb) = Xdb::open(bytes) {
                for ip in ["0.0.0.0", "1.2.4.8", "8.8.8.8", "255.255.255.255", "::1"] {
                    let _ = at(&xdb, ip);
                }
            }
        }
    }
}
