//! Which addresses may be connected to.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::Url;

/// Which addresses may be connected to.
#[derive(Debug, Clone, Default)]
pub enum Targets {
    /// Any: the user chose the address.
    #[default]
    Any,
    /// Public ones only, because a stranger chose the address: neither this machine nor the networks around it, nor
    /// forms that hide such an address in another. Other addresses of a name are still used if one is forbidden.
    PublicOnly {
        /// Networks that are reachable nevertheless.
        allow: Vec<IpNet>,
    },
}

/// Why a target is not connected to. Says nothing about what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Neither `http` nor `https`.
    #[error("only http and https targets are allowed")]
    Scheme,
    /// `user:password@` in the URL.
    #[error("a target must not carry a user name or password")]
    Userinfo,
    /// The address, or every address of the name, is not a public one.
    #[error("the target's address is not allowed")]
    Address,
}

impl Refused {
    /// Finds the refusal among the causes of an error, such as that of a request.
    pub fn among_causes(error: &(dyn Error + 'static)) -> Option<Self> {
        std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
            .find_map(|error| error.downcast_ref::<Self>().copied())
    }
}

impl Targets {
    /// Judges what the URL alone tells: its scheme, userinfo, and address if it is written out.
    ///
    /// A client built for these targets refuses addresses by itself. Asking before gives an early and exact answer,
    /// when a user registers a URL for instance, and is the only guard against userinfo.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let Self::PublicOnly { allow } = self else {
            return Ok(());
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Userinfo);
        }
        // For these schemes the parser has already turned `2130706433`, `0x7f.1` and the like into dotted form.
        let host = url.host_str().unwrap_or_default();
        match host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
        {
            Ok(address) if !is_allowed(address, allow) => Err(Refused::Address),
            _ => Ok(()),
        }
    }
}

pub(crate) fn is_allowed(address: IpAddr, allow: &[IpNet]) -> bool {
    let address = address.to_canonical();
    allow.iter().any(|network| network.contains(&address)) || is_public(address)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !within_v4(address, &NOT_PUBLIC_V4),
        // Only one eighth of the space is given out for global unicast. What lies outside need not be listed: loopback,
        // unique local, link-local, multicast, NAT64 (`64:ff9b::/96`), IPv4-compatible.
        IpAddr::V6(address) => within_v6(address, &[(0x2000, 0, 3)]) && !within_v6(address, &NOT_PUBLIC_V6),
    }
}

/// First address and prefix length, after the IANA registry of special-purpose addresses.
const NOT_PUBLIC_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared by carriers
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, metadata services
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 31, 196, 0], 24), // AS112
    ([192, 52, 193, 0], 24), // AMT
    ([192, 88, 99, 0], 24),  // 6to4 relays
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 3),     // multicast, reserved, broadcast
];

/// First two groups and prefix length, within global unicast.
const NOT_PUBLIC_V6: [(u16, u16, u32); 4] = [
    (0x2001, 0x0000, 23), // protocol assignments, among them Teredo, which embeds IPv4
    (0x2001, 0x0db8, 32), // documentation
    (0x2002, 0x0000, 16), // 6to4, which embeds IPv4
    (0x3fff, 0x0000, 20), // documentation
];

fn within_v4(address: Ipv4Addr, networks: &[([u8; 4], u32)]) -> bool {
    networks
        .iter()
        .any(|(first, prefix)| (address.to_bits() ^ u32::from_be_bytes(*first)).leading_zeros() >= *prefix)
}

fn within_v6(address: Ipv6Addr, networks: &[(u16, u16, u32)]) -> bool {
    networks.iter().any(|(first, second, prefix)| {
        let network = Ipv6Addr::new(*first, *second, 0, 0, 0, 0, 0, 0);
        (address.to_bits() ^ network.to_bits()).leading_zeros() >= *prefix
    })
}
