//! `.mmdb` files of MaxMind, DB-IP, IPinfo and others, whose records differ.

use super::region::{Region, clean, is_nothing};
use maxminddb::{LookupResult, PathElement, Reader, path};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What such a file has near its end.
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// The mark stands in the last bytes of a file.
const MARK_WITHIN: usize = 128 << 10;
/// Networks looked at when opening, to see that there are countries at all.
const PROBED: usize = 4096;

/// Where a country may stand in a record: the code first, since names differ between makers.
fn countries() -> [Vec<PathElement<'static>>; 7] {
    [
        path!["country", "iso_code"].to_vec(),
        path!["country_code"].to_vec(),
        path!["country"].to_vec(),
        path!["country", "names", "en"].to_vec(),
        path!["country_name"].to_vec(),
        path!["registered_country", "iso_code"].to_vec(),
        path!["countryCode"].to_vec(),
    ]
}

/// Where a province may stand in a record.
fn provinces() -> [Vec<PathElement<'static>>; 8] {
    [
        path!["subdivisions", 0, "iso_code"].to_vec(),
        path!["subdivisions", 0, "names", "en"].to_vec(),
        path!["state1"].to_vec(),
        path!["region"].to_vec(),
        path!["region_name"].to_vec(),
        path!["region_code"].to_vec(),
        path!["stateprov"].to_vec(),
        path!["province"].to_vec(),
    ]
}

/// What the makers want shown, by a word in the type that the file states.
const ATTRIBUTIONS: [(&str, &str); 3] = [
    ("geolite2", "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com."),
    ("dbip", super::builtin::ATTRIBUTION),
    ("ipinfo", "IP address data powered by IPinfo (https://ipinfo.io)"),
];

/// Whether content is an `.mmdb` file.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(MARK_WITHIN)..];
    memchr::memmem::find(tail, MARK).is_some()
}

/// An `.mmdb` file.
pub(super) struct Mmdb {
    reader: Reader<Vec<u8>>,
    countries: [Vec<PathElement<'static>>; 7],
    provinces: [Vec<PathElement<'static>>; 8],
}

impl Mmdb {
    /// Opens a file's content.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let reader = Reader::from_source(bytes).map_err(|error| format!("broken .mmdb file: {error}"))?;
        let mmdb = Self { reader, countries: countries(), provinces: provinces() };
        if mmdb.has_countries() {
            return Ok(mmdb);
        }
        let kind = clean(&mmdb.reader.metadata().database_type, 64);
        Err(format!(".mmdb file of type \"{kind}\" without a country in its first records"))
    }

    fn has_countries(&self) -> bool {
        self.walk(Ipv4Addr::UNSPECIFIED.into()) || self.walk(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into())
    }

    /// Looks at the networks that follow an address, one look-up each. The crate's own walk passes over networks
    /// without data, of which a hostile file may have more than anyone can wait for.
    fn walk(&self, mut ip: IpAddr) -> bool {
        for _ in 0..PROBED {
            let Ok(found) = self.reader.lookup(ip) else {
                return false;
            };
            if self.read(&found).is_some() {
                return true;
            }
            match found.network().ok().and_then(|net| after(net.broadcast())) {
                Some(next) if next > ip && next.is_ipv4() == ip.is_ipv4() => ip = next,
                _ => return false,
            }
        }
        false
    }

    /// Tells where an address is.
    pub(super) fn region(&self, ip: IpAddr) -> Option<Region> {
        self.read(&self.reader.lookup(ip).ok()?)
    }

    fn read(&self, found: &LookupResult<'_, Vec<u8>>) -> Option<Region> {
        let mut countries = self.countries.iter().filter_map(|path| text(found, path));
        let country = countries.find(|country| !is_nothing(country))?;
        let region = Region::read(country, "")?;
        if region.country.code() != Some("CN") {
            return Some(region);
        }
        let provinces: Vec<&str> = self.provinces.iter().filter_map(|path| text(found, path)).collect();
        Region::read_any(country, &provinces)
    }

    /// Returns the line that the maker of the file wants shown.
    pub(super) fn attribution(&self) -> Option<&'static str> {
        let kind = self.reader.metadata().database_type.to_lowercase();
        ATTRIBUTIONS.iter().find(|(word, _)| kind.contains(word)).map(|(_, line)| *line)
    }
}

fn after(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().checked_add(1).map(|bits| Ipv4Addr::from_bits(bits).into()),
        IpAddr::V6(ip) => ip.to_bits().checked_add(1).map(|bits| Ipv6Addr::from_bits(bits).into()),
    }
}

/// The text at a path; none where the record has another shape there.
fn text<'a>(found: &LookupResult<'a, Vec<u8>>, path: &[PathElement<'_>]) -> Option<&'a str> {
    found.decode_path(path).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Lang;
    use proptest::prelude::*;

    const CITY: &[u8] = include_bytes!("../../fixtures/geo/city.mmdb");
    const DBIP: &[u8] = include_bytes!("../../fixtures/geo/dbip.mmdb");
    const FLAT: &[u8] = include_bytes!("../../fixtures/geo/flat.mmdb");
    const IPINFO: &[u8] = include_bytes!("../../fixtures/geo/ipinfo.mmdb");
    const ASN: &[u8] = include_bytes!("../../fixtures/geo/asn.mmdb");

    fn at(mmdb: &Mmdb, ip: &str) -> String {
        mmdb.region(ip.parse().unwrap()).map_or("none".into(), |region| region.text(Lang::En))
    }

    #[test]
    fn records_of_several_makers_are_read() {
        for (bytes, thanks) in [(CITY, Some("MaxMind")), (DBIP, Some("DB-IP")), (FLAT, None), (IPINFO, Some("IPinfo"))]
        {
            let mmdb = Mmdb::open(bytes.to_vec()).unwrap();
            let seen =
                ["1.2.4.8", "120.24.78.68", "1.64.0.9", "8.8.8.8", "9.9.9.9", "2408:8000::1", "2001:4860:4860::8888"];
            let places = [
                "China-Beijing",
                "China-Guangdong",
                "Hong Kong (China)",
                "United States",
                "none",
                "China-Beijing",
                "United States",
            ];
            assert_eq!(seen.map(|ip| at(&mmdb, ip)), places, "{}", mmdb.reader.metadata().database_type);
            assert_eq!(mmdb.attribution().is_some(), thanks.is_some());
            assert!(thanks.is_none_or(|thanks| mmdb.attribution().unwrap().contains(thanks)));
        }
    }

    #[test]
    fn files_without_countries_are_refused() {
        let Err(error) = Mmdb::open(ASN.to_vec()) else { panic!("taken") };
        assert_eq!(error, ".mmdb file of type \"GeoLite2-ASN\" without a country in its first records");
    }

    #[test]
    fn cut_files_are_refused() {
        for end in 0..CITY.len() {
            if looks_like(&CITY[..end]) {
                assert!(Mmdb::open(CITY[..end].to_vec()).is_err(), "{end}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), which in 0..4_usize) {
            let mut bytes = [CITY, DBIP, FLAT, IPINFO][which].to_vec();
            for (place, byte) in changes {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(mmdb) = Mmdb::open(bytes) {
                for ip in ["0.0.0.0", "1.2.4.8", "8.8.8.8", "255.255.255.255", "::1", "2408:8000::1"] {
                    let _ = at(&mmdb, ip);
                }
            }
        }
    }
}
