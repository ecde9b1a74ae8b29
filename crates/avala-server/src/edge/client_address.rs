//! Who a request comes from, when proxies stand in between.
//!
//! `X-Forwarded-For` and not `Forwarded`: the first is what nginx, `HAProxy` and Caddy write by themselves, and a header
//! that the proxy does not write is one that the client wrote.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word counts.
#[derive(Debug)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.to_vec())
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client: the right-most one that no trusted proxy has. Each proxy adds at the right whom it
    /// speaks to, so everything further left is what an untrusted client says. From anybody but a trusted proxy the
    /// header is ignored, and where it is no list of addresses, the proxy itself counts.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let mut client = peer;
        // Several lines are one list (RFC 9110, 5.3): `HAProxy` adds a line of its own below those of the client.
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            let Ok(line) = std::str::from_utf8(line.as_bytes()) else {
                return peer;
            };
            for hop in line.rsplit(',') {
                let Ok(address) = hop.trim().parse::<IpAddr>() else {
                    return peer;
                };
                client = address.to_canonical();
                if !self.contains(client) {
                    return client;
                }
            }
        }
        client
    }
}

/// Whose address this is: an IPv6 customer has a whole /64, and a mapped address is its IPv4 address.
pub(super) fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        headers.insert("x-real-ip", "192.0.2.66".parse().unwrap());
        headers.insert("forwarded", "for=192.0.2.66".parse().unwrap());
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_right_most_address_that_no_trusted_proxy_has_is_the_client() {
        for (peer, lines, expected) in [
            ("10.0.0.1", &["192.0.2.1"][..], "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9,192.0.2.1 , 10.9.9.9"], "192.0.2.1"),
            ("10.0.0.1", &["garbage, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            // An IPv4 address in IPv6 dress is that IPv4 address, in the list and as the peer.
            ("::ffff:10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_addresses_counts_as_the_proxy_itself() {
        for lines in [
            &[][..],
            &[""],
            &["192.0.2.1,"],
            &["192.0.2.1, unknown"],
            &["192.0.2.1:1234"],
            &["[2001:db8::7]"],
            &["fe80::1%eth0"],
            &["192.0.2.01"],
            &["3221225985"],
            &["192.0.2.1 192.0.2.2"],
            &["192.0.2.1", "x"],
        ] {
            assert_eq!(client("10.0.0.1", lines), "10.0.0.1", "{lines:?}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(client("198.51.100.1", &["192.0.2.1"]), "198.51.100.1");
        assert_eq!(client("198.51.100.1", &["10.0.0.1"]), "198.51.100.1");
    }
}
