//! Addresses that are nowhere: private, reserved, for documentation, or standing for another address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address and prefix length, by the IANA registry of special-purpose IPv4 addresses.
const V4: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];

/// What of 2000::/3 is special: protocol assignments, documentation, 6to4. Outside 2000::/3 nothing is handed out.
const V6: [([u16; 2], u32); 4] = [([0x2001, 0], 23), ([0x2001, 0xdb8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// Returns the address, an IPv4 one in its own form, if it can have a place.
pub(super) fn public(ip: IpAddr) -> Option<IpAddr> {
    let ip = ip.to_canonical();
    let special = match ip {
        IpAddr::V4(ip) => V4.iter().any(|(first, length)| holds_v4(*first, *length, ip)),
        IpAddr::V6(ip) => ip.segments()[0] >> 13 != 1 || V6.iter().any(|(first, length)| holds_v6(*first, *length, ip)),
    };
    (!special).then_some(ip)
}

fn holds_v4(first: [u8; 4], length: u32, ip: Ipv4Addr) -> bool {
    (u32::from_be_bytes(first) ^ ip.to_bits()) >> (32 - length) == 0
}

fn holds_v6(first: [u16; 2], length: u32, ip: Ipv6Addr) -> bool {
    let high = |segments: &[u16]| u32::from(segments[0]) << 16 | u32::from(segments[1]);
    (u64::from(high(&first) ^ high(&ip.segments()))) >> (32 - length) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_nowhere() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.0.23",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:808:808::1",
            "3fff::1",
            "::ffff:10.0.0.1",
            "64:ff9b::808:808",
            "4000::1",
        ] {
            assert_eq!(public(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn others_may_have_a_place() {
        for text in ["1.1.1.1", "100.128.0.0", "172.32.0.0", "223.255.255.255", "2001:200::1", "2408:8000::1"] {
            let ip = text.parse().unwrap();
            assert_eq!(public(ip), Some(ip), "{text}");
        }
        assert_eq!(public("::ffff:1.2.4.8".parse().unwrap()), Some("1.2.4.8".parse().unwrap()));
    }
}
