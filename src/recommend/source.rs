//! Addresses that calls came from, and those that a condition may name.

use super::input::{Case, Class, Observed, Options};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Most addresses or networks in one condition; more are no stable set of sources. From the specification of this tool.
pub(super) const MOST_SOURCES: usize = 16;

/// The address of a call, in its plain form (an IPv4 address mapped into IPv6 is the IPv4 one).
pub(super) fn address(observed: &Observed) -> Option<IpAddr> {
    observed.ip.as_ref()?.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Addresses that legitimate API calls came from on two days at least, and seen ones that the user or the account's assets
/// vouch for.
pub fn trusted(case: &Case, options: &Options) -> BTreeSet<IpAddr> {
    let own: BTreeSet<IpAddr> = case
        .sources
        .iter()
        .filter(|source| source.ip_type == "in_account")
        .filter_map(|source| source.ip.trim().parse::<IpAddr>().ok())
        .map(|ip| ip.to_canonical())
        .collect();
    let vouched = |ip: &IpAddr| own.contains(ip) || options.trusted.iter().any(|net| net.contains(ip));
    seen(case).into_iter().filter(|(ip, days)| days.len() > 1 || vouched(ip)).map(|(ip, _)| ip).collect()
}

/// Sources of legitimate and reviewed API calls, with the days of the legitimate ones.
fn seen(case: &Case) -> BTreeMap<IpAddr, BTreeSet<i32>> {
    let mut seen: BTreeMap<IpAddr, BTreeSet<i32>> = BTreeMap::new();
    for observed in case.observed.iter().filter(|observed| observed.api_call) {
        let Some(ip) = address(observed) else { continue };
        for call in &observed.calls {
            match call.class {
                Class::Legitimate => {
                    seen.entry(ip).or_default().insert(call.day);
                }
                Class::Reviewed => {
                    seen.entry(ip).or_default();
                }
                _ => {}
            }
        }
    }
    seen
}

/// Values of a condition that holds these addresses: the user's networks where one holds an address and none of the avoided
/// ones, single addresses otherwise. None when there are more than a condition may name, or nothing to name.
pub(super) fn values(
    addresses: &BTreeSet<IpAddr>,
    networks: &[IpNet],
    avoided: &dyn Fn(&IpNet) -> bool,
) -> Option<Vec<String>> {
    let mut values = BTreeSet::new();
    for ip in addresses {
        let usable = |net: &&IpNet| net.contains(ip) && !avoided(net);
        let network = networks.iter().filter(usable).max_by_key(|net| net.prefix_len());
        values.insert(
            network
                .filter(|net| net.prefix_len() < net.max_prefix_len())
                .map_or_else(|| ip.to_string(), |net| net.trunc().to_string()),
        );
        if values.len() > MOST_SOURCES {
            return None;
        }
    }
    (!values.is_empty()).then(|| values.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(list: &[&str]) -> BTreeSet<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_users_networks_stand_for_addresses_in_them() {
        let nets = ["198.51.100.0/24".parse().unwrap(), "192.0.2.0/24".parse().unwrap()];
        let found = values(&set(&["198.51.100.7", "198.51.100.8", "203.0.113.5"]), &nets, &|_| false);
        assert_eq!(found.unwrap(), ["198.51.100.0/24", "203.0.113.5"]);
    }

    #[test]
    fn a_network_with_an_avoided_address_is_not_used() {
        let nets = ["198.51.100.0/24".parse().unwrap()];
        let evil: IpAddr = "198.51.100.9".parse().unwrap();
        let found = values(&set(&["198.51.100.7"]), &nets, &|net| net.contains(&evil));
        assert_eq!(found.unwrap(), ["198.51.100.7"]);
    }

    #[test]
    fn too_many_sources_are_no_condition() {
        let many: BTreeSet<IpAddr> = (0..17_u8).map(|n| IpAddr::from([10, 0, 0, n])).collect();
        assert_eq!(values(&many, &[], &|_| false), None);
        assert_eq!(values(&BTreeSet::new(), &[], &|_| false), None);
    }
}
