//! Ranges of addresses with their regions, in flat sorted arrays.

use super::region::Region;
use std::cmp::Reverse;
use std::net::IpAddr;

/// The most ranges taken of IPv4 and IPv6 each, neighbours of one region counting as one. Ten times what is published.
const MOST: usize = 4 << 20;

/// First and last address, and the number of the region.
type Row<N> = (N, N, u16);

/// Why ranges are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadRange {
    /// The last address comes before the first, or one is IPv4 and the other IPv6.
    Backwards,
    /// There are more than are taken.
    TooMany,
}

/// Ranges of one family.
#[derive(Debug)]
struct Rows<N> {
    rows: Vec<Row<N>>,
    /// Whether no row begins before the end of the one before it.
    in_order: bool,
}

impl<N> Default for Rows<N> {
    fn default() -> Self {
        Self { rows: Vec::new(), in_order: true }
    }
}

impl<N: Copy + Ord + Into<u128> + TryFrom<u128>> Rows<N> {
    fn push(&mut self, first: N, last: N, region: u16) -> Result<(), BadRange> {
        if first > last {
            return Err(BadRange::Backwards);
        }
        if let Some(before) = self.rows.last_mut() {
            if before.2 == region && before.1.into().checked_add(1) == Some(first.into()) {
                before.1 = last;
                return Ok(());
            }
            self.in_order &= before.1 < first;
        }
        if self.rows.len() == MOST {
            return Err(BadRange::TooMany);
        }
        self.rows.push((first, last, region));
        Ok(())
    }

    fn finish(&mut self) {
        if !self.in_order {
            self.rows = flattened(std::mem::take(&mut self.rows));
        }
        self.rows.shrink_to_fit();
    }

    fn find(&self, address: N) -> Option<u16> {
        let after = self.rows.partition_point(|(first, _, _)| *first <= address);
        let (_, last, region) = self.rows.get(after.checked_sub(1)?)?;
        (address <= *last).then_some(*region)
    }
}

/// Makes ranges that may overlap into ones that do not: the one that begins later is believed, of two that begin
/// together the narrower, of two equal ones the later in the file. For networks: the narrowest.
fn flattened<N: Copy + Ord + Into<u128> + TryFrom<u128>>(mut rows: Vec<Row<N>>) -> Vec<Row<N>> {
    rows.sort_by_key(|(first, last, _)| (*first, Reverse(*last)));
    let mut out = Vec::with_capacity(rows.len());
    // Rows that reach further, the one believed last; and the first address that has no region yet.
    let mut open: Vec<(u128, u16)> = Vec::new();
    let mut at = 0;
    for (first, last, region) in rows {
        let first = first.into();
        close(&mut open, first, &mut at, &mut out);
        if let Some((_, outer)) = open.last()
            && at < first
        {
            put(at, first - 1, *outer, &mut out);
        }
        at = first;
        open.push((last.into(), region));
    }
    close(&mut open, u128::MAX, &mut at, &mut out);
    // Only a row up to the very last address is still open.
    if let Some((last, region)) = open.last() {
        put(at, *last, *region, &mut out);
    }
    out
}

/// Ends the rows that end before `next`.
fn close<N: TryFrom<u128>>(open: &mut Vec<(u128, u16)>, next: u128, at: &mut u128, out: &mut Vec<Row<N>>) {
    while let Some((last, region)) = open.pop_if(|(last, _)| *last < next) {
        if *at <= last {
            put(*at, last, region, out);
            *at = last + 1;
        }
    }
}

fn put<N: TryFrom<u128>>(first: u128, last: u128, region: u16, out: &mut Vec<Row<N>>) {
    // Both come from addresses of this family, or lie beside one within a wider range.
    if let (Ok(first), Ok(last)) = (N::try_from(first), N::try_from(last)) {
        out.push((first, last, region));
    }
}

/// Regions by address.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    v4: Rows<u32>,
    v6: Rows<u128>,
    regions: Vec<Region>,
    attribution: Option<&'static str>,
}

impl Ranges {
    /// Adds a region to refer to by number; none when there are too many.
    pub(super) fn add_region(&mut self, region: Region) -> Option<u16> {
        if let Some(number) = self.regions.iter().position(|known| *known == region) {
            return u16::try_from(number).ok();
        }
        let number = u16::try_from(self.regions.len()).ok().filter(|number| *number < 4096)?;
        self.regions.push(region);
        Some(number)
    }

    /// Adds a range.
    pub(super) fn add(&mut self, first: IpAddr, last: IpAddr, region: u16) -> Result<(), BadRange> {
        match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => self.v4.push(first.to_bits(), last.to_bits(), region),
            _ => match (first, last) {
                (IpAddr::V6(first), IpAddr::V6(last)) => self.v6.push(first.to_bits(), last.to_bits(), region),
                _ => Err(BadRange::Backwards),
            },
        }
    }

    /// To be called when all ranges are there.
    pub(super) fn finish(&mut self, attribution: Option<&'static str>) {
        self.v4.finish();
        self.v6.finish();
        self.attribution = attribution;
    }

    /// Whether there is no range.
    pub(super) fn is_empty(&self) -> bool {
        self.v4.rows.is_empty() && self.v6.rows.is_empty()
    }

    /// Tells where an address is.
    pub(super) fn region(&self, ip: IpAddr) -> Option<&Region> {
        let region = match ip {
            IpAddr::V4(ip) => self.v4.find(ip.to_bits()),
            IpAddr::V6(ip) => self.v6.find(ip.to_bits()),
        };
        self.regions.get(usize::from(region?))
    }

    /// Returns the line that the maker of the ranges wants shown.
    pub(super) fn attribution(&self) -> Option<&'static str> {
        self.attribution
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The region of the row that begins last, then the narrowest, then the last one, of those that hold the address.
    fn naive(rows: &[Row<u32>], address: u32) -> Option<u16> {
        let holding = rows.iter().enumerate().filter(|(_, (first, last, _))| (*first..=*last).contains(&address));
        let best = holding.max_by_key(|(place, (first, last, _))| (*first, Reverse(*last), *place));
        best.map(|(_, (_, _, region))| *region)
    }

    proptest! {
        #[test]
        fn look_ups_agree_with_a_list(raw in prop::collection::vec((0_u32..60, 0_u32..30, 0_u16..3), 0..12), high: bool) {
            let base = if high { u32::MAX - 89 } else { 0 };
            let rows: Vec<Row<u32>> = raw.iter().map(|(a, len, r)| (base + a, base + a + len, *r)).collect();
            let mut table = Rows::default();
            for (first, last, region) in &rows {
                prop_assert_eq!(table.push(*first, *last, *region), Ok(()));
            }
            // Neighbours of one region were joined, which may change what begins last: compare with what was kept.
            let kept = table.rows.clone();
            table.finish();
            prop_assert!(table.rows.is_sorted_by(|a, b| a.1 < b.0));
            for address in (0..=89).map(|a| base + a) {
                prop_assert_eq!(table.find(address), naive(&kept, address), "{} in {:?}", address, &kept);
            }
        }
    }

    #[test]
    fn the_whole_of_ipv6_is_a_range() {
        let mut rows: Rows<u128> = Rows::default();
        rows.push(5, 9, 2).unwrap();
        rows.push(0, u128::MAX, 1).unwrap();
        rows.finish();
        assert_eq!([0, 4, 5, 9, 10, u128::MAX].map(|a| rows.find(a)), [1, 1, 2, 2, 1, 1].map(Some));
    }

    #[test]
    fn a_range_has_one_family_and_direction() {
        let mut ranges = Ranges::default();
        let mut add = |a: &str, b: &str| ranges.add(a.parse().unwrap(), b.parse().unwrap(), 0);
        assert_eq!(add("1.0.0.9", "1.0.0.1"), Err(BadRange::Backwards));
        assert_eq!(add("1.0.0.9", "2001::"), Err(BadRange::Backwards));
        assert_eq!(add("::ffff:1.0.0.1", "1.0.0.9"), Ok(()));
        assert_eq!(add("::", "::ffff:1.0.0.9"), Ok(()));
    }
}
