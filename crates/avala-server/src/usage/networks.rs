//! The networks that a key was used from: as far as a neighbour's address goes, and no more of them than are of any use.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::MINUTE;

/// Networks of a key that are known, at most. One that was used from as many changes its network as a habit.
pub(super) const MOST_NETWORKS: usize = 64;

/// The networks that a key was used from lately, and which of them are written.
#[derive(Debug, Default)]
pub(super) struct Networks(Vec<Seen>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    network: IpNet,
    first_used: i64,
    is_written: bool,
}

/// The network that an address is in: /24 of IPv4, /48 of IPv6.
pub(super) fn network(of: IpAddr) -> IpNet {
    match of.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 48).trunc().into(),
    }
}

impl Networks {
    pub(super) fn see(&mut self, address: IpAddr, at: i64) {
        let network = network(address);
        let is_new = !self.0.iter().any(|seen| seen.network == network);
        if is_new && self.0.len() < MOST_NETWORKS {
            self.0.push(Seen {
                network,
                first_used: at.div_euclid(MINUTE) * MINUTE,
                is_written: false,
            });
        }
    }

    /// With when each was used first.
    pub(super) fn unwritten(&self) -> Vec<(IpNet, i64)> {
        let unwritten = self.0.iter().filter(|seen| !seen.is_written);
        unwritten.map(|seen| (seen.network, seen.first_used)).collect()
    }

    pub(super) fn settle(&mut self, written: &[(IpNet, i64)]) {
        for seen in &mut self.0 {
            seen.is_written |= written.iter().any(|(network, _)| *network == seen.network);
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.0.iter().any(|seen| !seen.is_written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_of_one_network_in_either_family() {
        for (one, other, are_neighbours) in [
            ("192.0.2.1", "192.0.2.255", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("192.0.2.1", "::ffff:192.0.2.7", true),
            ("2001:db8:1::1", "2001:db8:1:ffff::2", true),
            ("2001:db8:1::1", "2001:db8:2::1", false),
        ] {
            let [of_one, of_other] = [one, other].map(|text| network(text.parse().unwrap()));
            assert_eq!(of_one == of_other, are_neighbours, "{one} {other}");
        }
    }

    #[test]
    fn there_are_no_more_networks_than_are_of_use() {
        let mut networks = Networks::default();
        for number in 0..=255 {
            networks.see(IpAddr::from([10, 0, number, 1]), 0);
        }
        let seen = networks.unwritten();
        assert_eq!(seen.len(), MOST_NETWORKS);
        networks.settle(&seen);
        assert!(!networks.is_due());
    }
}
