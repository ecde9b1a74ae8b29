//! Rate limits: so many requests in each minute that begins with a request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use avala_api::Timestamp;

use crate::{auth::Source, config::RateLimit};

const WINDOW_MILLIS: i64 = 60_000;

/// Sources counted one by one; when there are more, the newcomers share one window, so that memory stays bounded
/// and those already known are not disturbed.
const SOURCES: usize = 100_000;

/// The published limits that no key raises.
const ANONYMOUS: u32 = 30;
const SIGN_UP: u32 = 5;

/// What a request is counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Calls with a key, and everything else an address does.
    Calls,
    /// Accounts made.
    SignUp,
}

/// All limits of a server.
#[derive(Debug)]
pub(crate) struct Limits {
    keys: Limit,
    addresses: Limit,
    sign_up: Limit,
}

impl Limits {
    /// `None` when nothing is limited.
    pub(crate) fn new(config: RateLimit) -> Option<Self> {
        match config {
            RateLimit::Off => None,
            RateLimit::PerMinute(per_key) => Some(Self {
                keys: Limit::new(per_key),
                addresses: Limit::new(ANONYMOUS),
                sign_up: Limit::new(SIGN_UP),
            }),
        }
    }

    /// Counts one request.
    pub(crate) fn count(&self, budget: Budget, source: Source, now: Timestamp) -> Allowance {
        let limit = match (budget, source) {
            (Budget::SignUp, _) => &self.sign_up,
            (Budget::Calls, Source::Key(_)) => &self.keys,
            (Budget::Calls, Source::Address(_)) => &self.addresses,
        };
        limit.count(source, now)
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

#[derive(Debug)]
struct Limit {
    per_window: u32,
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    by_source: HashMap<Source, Window>,
    /// The window that the sources beyond the bound share.
    shared: Window,
    /// No sweep before this: a full table is not searched on every request.
    next_sweep: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    ends: i64,
    used: u32,
}

impl Limit {
    fn new(per_window: u32) -> Self {
        Self {
            per_window,
            windows: Mutex::default(),
        }
    }

    fn count(&self, source: Source, now: Timestamp) -> Allowance {
        let now = now.unix_millis();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.of(source, now);
        if window.is_over(now) {
            *window = Window {
                ends: now + WINDOW_MILLIS,
                used: 0,
            };
        }
        let granted = window.used < self.per_window;
        if granted {
            window.used += 1;
        }
        let wait = window.ends - now;
        Allowance {
            limit: self.per_window,
            remaining: self.per_window - window.used,
            // Rounded up, both: whoever waits as told finds the window over.
            reset: seconds_up(window.ends),
            wait: (!granted).then(|| seconds_up(wait).unsigned_abs().max(1)),
        }
    }
}

impl Windows {
    fn of(&mut self, source: Source, now: i64) -> &mut Window {
        if self.by_source.len() >= SOURCES && !self.by_source.contains_key(&source) {
            if now >= self.next_sweep {
                self.by_source.retain(|_, window| !window.is_over(now));
                self.next_sweep = now + 1000;
            }
            if self.by_source.len() >= SOURCES {
                return &mut self.shared;
            }
        }
        self.by_source.entry(source).or_default()
    }
}

impl Window {
    /// Over, or from a future that a corrected clock took back.
    fn is_over(self, now: i64) -> bool {
        now >= self.ends || self.ends > now + WINDOW_MILLIS
    }
}

fn seconds_up(millis: i64) -> i64 {
    millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    fn from(last: u8) -> Source {
        Source::address([192, 0, 2, last].into())
    }

    #[test]
    fn a_source_gets_its_limit_in_each_minute_and_is_told_how_long_to_wait() {
        let limit = Limit::new(2);

        let first = limit.count(from(1), at(1_500));
        assert_eq!(
            first,
            Allowance {
                limit: 2,
                remaining: 1,
                reset: 62,
                wait: None
            }
        );
        assert_eq!(limit.count(from(1), at(2_000)).remaining, 0);
        assert_eq!(limit.count(from(1), at(2_500)).wait, Some(59));
        assert_eq!(
            limit.count(from(2), at(2_500)).wait,
            None,
            "another source is not affected"
        );
        assert_eq!(limit.count(from(1), at(61_499)).wait, Some(1));
        assert_eq!(limit.count(from(1), at(61_500)).wait, None);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limit = Limit::new(1);
        limit.count(from(1), at(10_000_000));
        assert_eq!(limit.count(from(1), at(1_000)).wait, None);
    }

    #[test]
    fn memory_is_bounded_and_known_sources_keep_their_windows() {
        let limit = Limit::new(1);
        for number in 0..u32::try_from(SOURCES).unwrap() {
            limit.count(
                Source::address(std::net::Ipv4Addr::from_bits(number).into()),
                at(0),
            );
        }

        let newcomer =
            |number: u32| Source::address(std::net::Ipv4Addr::from_bits(0xff00_0000 + number).into());
        assert_eq!(limit.count(newcomer(1), at(1)).wait, None);
        assert_eq!(
            limit.count(newcomer(2), at(2)).wait,
            Some(60),
            "newcomers share one window"
        );
        assert_eq!(limit.windows.lock().unwrap().by_source.len(), SOURCES);

        assert_eq!(
            limit.count(newcomer(3), at(60_000)).wait,
            None,
            "and there is room again a minute later"
        );
        assert!(limit.windows.lock().unwrap().by_source.len() < SOURCES);
    }

    #[test]
    fn an_ipv6_customer_is_one_source_and_a_mapped_address_is_its_ipv4_address() {
        let source = |text: &str| Source::address(text.parse().unwrap());
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), from(1));
    }
}
