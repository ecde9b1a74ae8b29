//! Rate limits: per key and owner once possession is proven, per address until then.

mod windows;

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use avala_api::Timestamp;
use avala_keys::KeyId;

use self::windows::Limit;
use super::client_address::customer;
use crate::config::{RateLimit, Rates};

/// Addresses cost nothing, so only so many are told apart. Keys and owners are rows of the database: their number is
/// bounded by whoever issues them.
const ADDRESSES: usize = 100_000;

/// Looks for a key that is not known, in a minute, for one network and for all: each is a read of the database.
const LOOKS_OF_EACH: u32 = 10;
const LOOKS_OF_ALL: u32 = 600;

/// What a request is counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Calls with a key, and everything else an address does.
    Calls,
    /// Accounts made.
    SignUp,
}

/// Whom a request counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// The proven holder of a key.
    Key(KeyId, &'a str),
    /// Anybody else: whoever has proven nothing uses up nothing of a key's, whatever id was sent.
    Address(IpAddr),
}

/// All limits of a server.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Sources are told apart by a hash under a secret of this process. Two that collide, one pair in a billion such
    /// servers, share a budget.
    hashing: RandomState,
    keys: Limit,
    owners: Limit,
    addresses: Limit,
    sign_ups: Limit,
}

impl Limits {
    /// `None` when nothing is limited.
    pub(crate) fn new(config: RateLimit) -> Option<Self> {
        let rates = match config {
            RateLimit::Off => return None,
            RateLimit::PerMinute(calls) => Rates::of(calls),
            RateLimit::Each(rates) => rates,
        };
        Some(Self {
            hashing: RandomState::new(),
            keys: Limit::new(rates.per_key),
            owners: Limit::new(rates.per_owner).in_bursts_of(rates.burst_per_owner),
            addresses: Limit::new(rates.per_address).bounded(ADDRESSES),
            sign_ups: Limit::new(rates.sign_ups).bounded(ADDRESSES),
        })
    }

    /// Counts one request.
    pub(crate) fn count(&self, budget: Budget, source: Source<'_>, now: Timestamp) -> Allowance {
        let now = now.unix_millis();
        match (budget, source) {
            (Budget::SignUp, Source::Address(address)) => self.sign_ups.count(self.network(address), now),
            (Budget::Calls, Source::Address(address)) => self.addresses.count(self.network(address), now),
            (_, Source::Key(key, owner)) => {
                let owner = self.hashing.hash_one(owner);
                let of_owner = self.owners.count(owner, now);
                if of_owner.wait.is_some() {
                    return of_owner;
                }
                let of_key = self.keys.count(self.hashing.hash_one(key), now);
                if of_key.wait.is_some() {
                    self.owners.give_back(owner, now);
                }
                of_key.tighter(of_owner)
            }
        }
    }

    fn network(&self, address: IpAddr) -> u64 {
        self.hashing.hash_one(customer(address))
    }
}

/// Looks for what somebody claims is there, at most so many.
#[derive(Debug)]
pub(crate) struct Looks {
    hashing: RandomState,
    of_each: Limit,
    of_all: Limit,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            hashing: RandomState::new(),
            of_each: Limit::new(LOOKS_OF_EACH).bounded(ADDRESSES),
            of_all: Limit::new(LOOKS_OF_ALL),
        }
    }
}

impl Looks {
    /// Counts a look for somebody at this address, unless there were too many.
    pub(super) fn may(&self, address: IpAddr, now: Timestamp) -> bool {
        let now = now.unix_millis();
        let network = self.hashing.hash_one(customer(address));
        let of_each = self.of_each.count(network, now);
        of_each.wait.is_none() && self.of_all.count(0, now).wait.is_none()
    }
}

/// Where a source stands after a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// When the window ends, in Unix seconds.
    pub(crate) reset: i64,
    /// Seconds to wait, if this request was one too many.
    pub(crate) wait: Option<u64>,
}

impl Allowance {
    /// The one that will refuse first.
    fn tighter(self, other: Self) -> Self {
        if self.wait.is_none() && other.remaining < self.remaining {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rates: Rates) -> Limits {
        Limits::new(RateLimit::Each(rates)).unwrap()
    }

    fn key(id: &str, owner: &'static str) -> Source<'static> {
        Source::Key(id.parse().unwrap(), owner)
    }

    fn address(text: &str) -> Source<'static> {
        Source::Address(text.parse().unwrap())
    }

    fn count(limits: &Limits, source: Source<'_>) -> (u32, bool) {
        let allowance = limits.count(Budget::Calls, source, Timestamp::from_unix_millis(0));
        (allowance.remaining, allowance.wait.is_some())
    }

    #[test]
    fn an_owner_does_not_get_more_by_more_keys() {
        let limits = limits(Rates {
            per_key: 3,
            per_owner: 4,
            ..Rates::default()
        });
        let (first, second) = (key("000000000001", "anna"), key("000000000002", "anna"));

        assert_eq!(count(&limits, first), (2, false));
        assert_eq!(count(&limits, first), (1, false));
        assert_eq!(count(&limits, first), (0, false));
        assert_eq!(count(&limits, first), (0, true));
        assert_eq!(
            count(&limits, second),
            (0, false),
            "what the first key was refused is not the owner's loss"
        );
        assert_eq!(count(&limits, second), (0, true));
        assert_eq!(count(&limits, key("000000000003", "ben")), (2, false));
    }

    #[test]
    fn a_burst_is_a_fifth_of_a_minute_and_never_less_than_the_published_one() {
        let (few, many) = (Rates::of(7), Rates::of(6_000));
        assert_eq!((few.per_owner, few.burst_per_owner), (7, 20));
        assert_eq!((many.per_owner, many.burst_per_owner), (6_000, 1_200));
        assert_eq!(Rates::of(100), Rates::default());
    }

    #[test]
    fn accounts_made_are_counted_apart_from_calls() {
        let limits = limits(Rates::default());
        let now = Timestamp::from_unix_millis(0);
        let sign_up = || {
            limits
                .count(Budget::SignUp, address("192.0.2.1"), now)
                .wait
                .is_some()
        };
        assert_eq!(
            [(); 6].map(|()| sign_up()),
            [false, false, false, false, false, true]
        );
        assert_eq!(count(&limits, address("192.0.2.1")), (29, false));
    }

    #[test]
    fn looks_are_few_for_each_network_and_not_many_for_all() {
        let looks = Looks::default();
        let now = Timestamp::from_unix_millis(0);
        let of_one = (0..1000).filter(|_| looks.may("2001:db8::1".parse().unwrap(), now));
        assert_eq!(of_one.count(), 10);
        let network = |number: u128| IpAddr::V6(((0x2001_0db9_u128 << 96) | number << 64).into());
        let of_many = (0..10_000).filter(|number| looks.may(network(*number), now));
        assert_eq!(of_many.count(), 590);
        let later = Timestamp::from_unix_millis(60_000);
        assert!(looks.may("2001:db8::1".parse().unwrap(), later));
    }

    #[test]
    fn an_ipv6_customer_is_one_source_and_a_mapped_address_is_its_ipv4_address() {
        let limits = limits(Rates::default());
        let network = |text: &str| limits.network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
