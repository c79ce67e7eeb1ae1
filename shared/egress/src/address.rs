//! Which addresses are on the public internet, and networks to compare them with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks of the IANA IPv4 special-purpose registry that are not globally reachable, and multicast.
const CLOSED_V4: [IpNet; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([168, 63, 129, 16], 32), // Azure's metadata service, at a public address
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// Global unicast, the only part of IPv6 that is open. So IPv4 addresses as IPv6 are closed, whatever they stand for:
/// mapped (`::ffff:0:0/96`), compatible (`::/96`) and translated ones (`64:ff9b::/96`, RFC 6052).
const GLOBAL_UNICAST_V6: IpNet = v6([0x2000, 0], 3);

/// Special networks inside global unicast: protocol assignments with Teredo, documentation, 6to4 (which can name any
/// IPv4 address), and documentation again.
const CLOSED_V6: [IpNet; 4] = [
    v6([0x2001, 0], 23),
    v6([0x2001, 0xdb8], 32),
    v6([0x2002, 0], 16),
    v6([0x3fff, 0], 20),
];

/// Where clouds serve credentials to whoever asks: link-local, and the other choices of Azure, Alibaba, Oracle, and of
/// AWS and Google for IPv6.
const METADATA: [IpNet; 7] = [
    v4([169, 254, 0, 0], 16),
    v4([168, 63, 129, 16], 32),
    v4([100, 100, 100, 200], 32),
    v4([192, 0, 0, 192], 32),
    v6([0xfe80, 0], 10),
    v6([0xfd00, 0xec2], 32),
    v6([0xfd20, 0xce], 32),
];

/// Whether `address` is on the public internet: not private, loopback, link-local, a metadata service or otherwise
/// special, and no IPv4 address written as an IPv6 one.
pub(crate) fn is_public(address: IpAddr) -> bool {
    let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
    match address {
        IpAddr::V4(_) => !is_in(&CLOSED_V4),
        IpAddr::V6(_) => GLOBAL_UNICAST_V6.contains(&address) && !is_in(&CLOSED_V6),
    }
}

/// Whether a cloud's metadata service may be at `address`, or where that is mapped or translated to.
pub(crate) fn is_metadata(address: IpAddr) -> bool {
    let address = without_translation(address);
    METADATA.iter().any(|network| network.contains(&address))
}

/// The IPv4 address that is reached where a network translates (RFC 6052 §2.1) or maps; otherwise the address itself.
fn without_translation(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into()
            }
            _ => address.into(),
        },
        plain => plain,
    }
}

/// Reads a network in CIDR notation; an address alone is a network of one. `None` if it does not begin with an address.
///
/// # Errors
/// What is wrong with the length of the prefix, to be read after the text.
pub(crate) fn read_network(text: &str) -> Result<Option<IpNet>, String> {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    let Ok(address) = address.parse::<IpAddr>() else {
        return Ok(None);
    };
    let whole = IpNet::from(address);
    if !text.contains('/') {
        return Ok(Some(whole));
    }
    let network: IpNet = text.parse().map_err(|_| {
        let longest = whole.max_prefix_len();
        format!("does not end in the length of a prefix, from 0 to {longest}")
    })?;
    // With bits beyond the prefix it may not be what was meant.
    if network.trunc() == network {
        Ok(Some(network))
    } else {
        let network = network.trunc();
        Err(format!(
            "is not the beginning of its network: write {network}"
        ))
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// A network by the first 32 bits of its address; the others are zero.
const fn v6([a, b]: [u16; 2], prefix: u8) -> IpNet {
    let address = Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0);
    IpNet::V6(Ipv6Net::new_assert(address, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_open() {
        let table = [
            ("93.184.215.14", true),
            ("1.1.1.1", true),
            ("9.255.255.255", true),
            ("11.0.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("198.20.0.0", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.100.100.200", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("168.63.129.16", false),
            ("169.254.169.254", false),
            ("169.254.170.2", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.19.255.255", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", true),
            ("2a00:1450:4001:800::200e", true),
            ("::ffff:1.1.1.1", false),
            ("64:ff9b::101:101", false),
            ("::1.1.1.1", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b:1::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("2002:101:101::1", false),
            ("3fff::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ];
        for (address, public) in table {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn metadata_services_are_known_in_ipv6_too() {
        for (address, metadata) in [
            ("169.254.169.254", true),
            ("100.100.100.200", true),
            ("::ffff:169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("64:ff9b::6464:64c8", true),
            ("64:ff9b::101:101", false),
            ("64:ff9b:1::a9fe:a9fe", false),
            ("fd00:ec2::254", true),
            ("fd20:ce::254", true),
            ("fd20:cf::254", false),
            ("fe80::1", true),
        ] {
            assert_eq!(is_metadata(address.parse().unwrap()), metadata, "{address}");
        }
    }

    #[test]
    fn a_network_is_read_strictly() {
        let contains = |text: &str, address: &str| {
            let network = read_network(text).unwrap().unwrap();
            network.contains(&address.parse::<IpAddr>().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("0.0.0.0/0", "1.2.3.4") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::1", "::1") && !contains("::1", "::2"));
        assert!(contains("fd00::/8", "fdff::1"));
        assert!(!contains("127.0.0.1", "::ffff:127.0.0.1"));
        for (text, fault) in [
            (
                "10.0.0.1/8",
                "is not the beginning of its network: write 10.0.0.0/8",
            ),
            (
                "10.0.0.0/33",
                "does not end in the length of a prefix, from 0 to 32",
            ),
            (
                "::/+9",
                "does not end in the length of a prefix, from 0 to 128",
            ),
        ] {
            assert_eq!(read_network(text).unwrap_err(), fault, "{text}");
        }
        for text in ["10.0/8", ""] {
            assert_eq!(read_network(text), Ok(None), "{text}");
        }
    }
}
