//! Addresses: reading them from text, keeping them by prefix, and telling the
//! ranges nobody can own. What an address belongs to is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, IpSubnets, Ipv4Net, Ipv4Subnets, Ipv6Subnets};

/// Values by network, found by longest prefix.
#[derive(Clone, Debug)]
pub(super) struct AddressTable<T> {
    nets: BTreeMap<IpNet, T>,
    v4_lengths: BTreeSet<u8>,
    v6_lengths: BTreeSet<u8>,
}

impl<T> Default for AddressTable<T> {
    fn default() -> Self {
        Self { nets: BTreeMap::new(), v4_lengths: BTreeSet::new(), v6_lengths: BTreeSet::new() }
    }
}

impl<T> AddressTable<T> {
    /// Adds a value; where the network is known already, `join` makes one of old and new.
    pub(super) fn add(&mut self, net: IpNet, value: T, join: impl FnOnce(T, T) -> T) {
        let net = net.trunc();
        let lengths = match net {
            IpNet::V4(_) => &mut self.v4_lengths,
            IpNet::V6(_) => &mut self.v6_lengths,
        };
        lengths.insert(net.prefix_len());
        let value = match self.nets.remove(&net) {
            Some(old) => join(old, value),
            None => value,
        };
        self.nets.insert(net, value);
    }

    /// Returns the values of all networks holding the address, longest prefix first.
    ///
    /// One look-up for each prefix length in use, however many networks there are.
    pub(super) fn matches(&self, ip: IpAddr) -> impl Iterator<Item = &T> {
        let ip = ip.to_canonical();
        let lengths = match ip {
            IpAddr::V4(_) => &self.v4_lengths,
            IpAddr::V6(_) => &self.v6_lengths,
        };
        lengths.iter().rev().filter_map(move |length| {
            let net = IpNet::new(ip, *length).ok()?;
            self.nets.get(&net.trunc())
        })
    }

    /// Returns the number of networks.
    pub(super) fn len(&self) -> usize {
        self.nets.len()
    }

    /// Hands out networks and values in order.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (IpNet, T)> {
        self.nets.into_iter()
    }
}

/// Why a text is no network to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAddress {
    /// It is neither an address nor a CIDR nor a range.
    NotAnAddress,
    /// It covers every address, which would leave nothing outside the account.
    Everything,
}

impl BadAddress {
    /// Says what is wrong with `text`.
    pub(super) fn describe(self, text: &str) -> String {
        let text = super::fields::quoted(text);
        match self {
            Self::NotAnAddress => format!("address {text} is not an IP address or CIDR"),
            Self::Everything => format!("range {text} covers every address and is left out"),
        }
    }
}

/// Reads an address, a CIDR or a range `a-b`; a range becomes several networks.
///
/// The unspecified address stands for "none" in exports and gives no network.
pub(super) fn parse_nets(text: &str) -> Result<Vec<IpNet>, BadAddress> {
    let nets = parse_any(text).ok_or(BadAddress::NotAnAddress)?;
    if nets.iter().any(|net| net.prefix_len() == 0) {
        return Err(BadAddress::Everything);
    }
    let is_single = |net: &IpNet| net.prefix_len() == net.max_prefix_len();
    Ok(nets.into_iter().filter(|net| !(is_single(net) && net.addr().is_unspecified())).collect())
}

fn parse_any(text: &str) -> Option<Vec<IpNet>> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(vec![IpNet::from(ip.to_canonical())]);
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(vec![unmapped(net.trunc())]);
    }
    let (first, last) = text.split_once('-')?;
    parse_range(first.trim().parse().ok()?, last.trim().parse().ok()?)
}

fn parse_range(first: IpAddr, last: IpAddr) -> Option<Vec<IpNet>> {
    let subnets = match (first.to_canonical(), last.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => IpSubnets::from(Ipv4Subnets::new(a, b, 0)),
        (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => IpSubnets::from(Ipv6Subnets::new(a, b, 0)),
        _ => return None,
    };
    Some(subnets.collect())
}

/// Turns `::ffff:192.0.2.0/120` into `192.0.2.0/24`.
fn unmapped(net: IpNet) -> IpNet {
    let short = net.prefix_len().checked_sub(96);
    match (net.addr().to_canonical(), net, short) {
        (IpAddr::V4(ip), IpNet::V6(_), Some(length)) => Ipv4Net::new(ip, length).map_or(net, IpNet::V4),
        _ => net,
    }
}

/// Tells whether the address is private, loopback, link-local, shared (CGNAT) or unique-local.
pub(super) fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local(),
    }
}

/// RFC 6598, 100.64.0.0/10.
fn is_shared(ip: Ipv4Addr) -> bool {
    let [a, b, _, _] = ip.octets();
    a == 100 && (64..128).contains(&b)
}

/// Tells whether the network lies where every machine has the same addresses.
pub(super) fn is_of_one_machine(net: &IpNet) -> bool {
    match net.addr() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(text: &str) -> Vec<String> {
        let nets = parse_nets(text).unwrap();
        nets.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_cidrs_and_ranges_are_read() {
        assert_eq!(nets("192.0.2.7"), ["192.0.2.7/32"]);
        assert_eq!(nets("192.0.2.7/24"), ["192.0.2.0/24"]);
        assert_eq!(nets("2001:db8::1"), ["2001:db8::1/128"]);
        assert_eq!(nets("192.0.2.1-192.0.2.4"), ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"]);
    }

    #[test]
    fn mapped_addresses_count_as_version_4() {
        assert_eq!(nets("::ffff:192.0.2.7"), ["192.0.2.7/32"]);
        assert_eq!(nets("::ffff:192.0.2.0/120"), ["192.0.2.0/24"]);
    }

    #[test]
    fn nonsense_and_the_whole_internet_are_refused() {
        for text in ["10.3.4.5.6", "203.***.***.51", "web-1", "192.0.2.9-192.0.2.1", "-"] {
            assert_eq!(parse_nets(text), Err(BadAddress::NotAnAddress), "{text}");
        }
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0-255.255.255.255"] {
            assert_eq!(parse_nets(text), Err(BadAddress::Everything), "{text}");
        }
        assert_eq!(parse_nets("0.0.0.0"), Ok(vec![]));
    }

    #[test]
    fn the_longest_prefix_comes_first() {
        let mut table = AddressTable::default();
        for text in ["198.51.100.0/24", "198.51.100.7", "198.51.100.0/28"] {
            for net in parse_nets(text).unwrap() {
                table.add(net, text, |_, new| new);
            }
        }
        let ip = "::ffff:198.51.100.7".parse().unwrap();
        let found: Vec<_> = table.matches(ip).copied().collect();
        assert_eq!(found, ["198.51.100.7", "198.51.100.0/28", "198.51.100.0/24"]);
        assert!(table.matches("2001:db8::1".parse().unwrap()).next().is_none());
    }

    #[test]
    fn shared_and_unique_local_addresses_are_local() {
        for text in ["100.64.0.1", "100.127.255.255", "169.254.1.1", "fd00::1", "fe80::1", "::1"] {
            assert!(is_local(text.parse().unwrap()), "{text}");
        }
        for text in ["100.128.0.1", "172.32.0.1", "203.0.113.1", "2001:db8::1"] {
            assert!(!is_local(text.parse().unwrap()), "{text}");
        }
    }
}
