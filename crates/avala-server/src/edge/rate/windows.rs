//! Counting the requests of many sources, in windows that begin with a request.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Allowance;

const MINUTE: i64 = 60_000;
const SECOND: i64 = 1_000;

/// So that requests of different sources hardly ever wait for each other.
const SHARDS: usize = 64;

/// How often a full shard is searched for windows that are over, at most.
const SWEEP: i64 = 1_000;

/// How many requests each source may make.
#[derive(Debug)]
pub(super) struct Limit {
    per_minute: u32,
    per_second: u32,
    /// Sources that a shard counts one by one. When there are more, the newcomers share one count, so that memory
    /// stays bounded and those already known are not disturbed.
    sources: usize,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    counts: HashMap<u64, Count, BuildHasherDefault<Hashed>>,
    /// What the sources beyond the bound share.
    shared: Count,
    /// No sweep before this: a full shard is not searched on every request.
    next_sweep: i64,
}

/// What one source has used.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    minute: Window,
    second: Window,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    ends: i64,
    used: u32,
}

impl Limit {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            per_second: u32::MAX,
            sources: usize::MAX,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// So many of them within one second, at most.
    pub(super) fn in_bursts_of(self, per_second: u32) -> Self {
        Self { per_second, ..self }
    }

    /// About so many sources are counted one by one.
    pub(super) fn bounded(self, sources: usize) -> Self {
        Self {
            sources: sources / SHARDS,
            ..self
        }
    }

    /// Counts one request of a source, which is known by a hash that nobody can choose.
    pub(super) fn count(&self, source: u64, now: i64) -> Allowance {
        let mut shard = self.shard(source);
        let Count { minute, second } = shard.of(source, self.sources, now);
        minute.begin_anew_if_over(now, MINUTE);
        second.begin_anew_if_over(now, SECOND);
        let full = if minute.used >= self.per_minute {
            Some(minute.ends)
        } else if second.used >= self.per_second {
            Some(second.ends)
        } else {
            minute.used += 1;
            second.used += 1;
            None
        };
        Allowance {
            limit: self.per_minute,
            remaining: self.per_minute - minute.used,
            // Rounded up, both: whoever waits as told finds the window over.
            reset: seconds_up(minute.ends),
            wait: full.map(|ends| seconds_up(ends - now).unsigned_abs().max(1)),
        }
    }

    /// Takes back what was just counted: the request is refused for another reason.
    pub(super) fn give_back(&self, source: u64, now: i64) {
        let mut shard = self.shard(source);
        let Count { minute, second } = shard.of(source, self.sources, now);
        minute.used = minute.used.saturating_sub(1);
        second.used = second.used.saturating_sub(1);
    }

    fn shard(&self, source: u64) -> MutexGuard<'_, Shard> {
        // Of the other bits the map makes its places.
        let number = (source >> 40) as usize % SHARDS;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn of(&mut self, source: u64, sources: usize, now: i64) -> &mut Count {
        let is_full = self.counts.len() >= sources.min(self.counts.capacity());
        if is_full && !self.counts.contains_key(&source) {
            // Sources that went away make room, before the map grows.
            if now >= self.next_sweep || self.next_sweep > now + SWEEP {
                self.counts.retain(|_, count| !count.minute.is_over(now, MINUTE));
                self.next_sweep = now + SWEEP;
            }
            if self.counts.len() >= sources {
                return &mut self.shared;
            }
        }
        self.counts.entry(source).or_default()
    }
}

impl Window {
    fn begin_anew_if_over(&mut self, now: i64, length: i64) {
        if self.is_over(now, length) {
            *self = Self {
                ends: now + length,
                used: 0,
            };
        }
    }

    /// Over, or from a future that a corrected clock took back.
    fn is_over(self, now: i64, length: i64) -> bool {
        now >= self.ends || self.ends > now + length
    }
}

/// The hasher of what is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn seconds_up(millis: i64) -> i64 {
    millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    impl Limit {
        fn counted(&self) -> usize {
            (0..SHARDS)
                .map(|shard| self.shards[shard].lock().unwrap().counts.len())
                .sum()
        }
    }

    #[test]
    fn a_source_gets_its_limit_in_each_minute_and_is_told_how_long_to_wait() {
        let limit = Limit::new(2);

        assert_eq!(
            limit.count(1, 1_500),
            Allowance {
                limit: 2,
                remaining: 1,
                reset: 62,
                wait: None
            }
        );
        assert_eq!(limit.count(1, 2_000).remaining, 0);
        assert_eq!(limit.count(1, 2_500).wait, Some(59));
        assert_eq!(limit.count(2, 2_500).wait, None, "another source is not affected");
        assert_eq!(limit.count(1, 61_499).wait, Some(1));
        assert_eq!(limit.count(1, 61_500).wait, None);
    }

    #[test]
    fn a_burst_is_over_within_a_second() {
        let limit = Limit::new(5).in_bursts_of(2);
        limit.count(1, 0);
        limit.count(1, 0);

        let refused = limit.count(1, 999);

        assert_eq!((refused.wait, refused.remaining), (Some(1), 3));
        assert_eq!(limit.count(1, 1_000).wait, None);
    }

    #[test]
    fn what_is_given_back_was_never_used() {
        let limit = Limit::new(1).in_bursts_of(1);
        limit.count(1, 0);
        limit.give_back(1, 0);
        assert_eq!(limit.count(1, 0).wait, None);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limit = Limit::new(1);
        limit.count(1, 10_000_000);
        assert_eq!(limit.count(1, 1_000).wait, None);
    }

    #[test]
    fn memory_is_bounded_and_known_sources_keep_their_windows() {
        let (hashing, limit) = (RandomState::new(), Limit::new(1).bounded(64 * 10));
        let source = |number: u32| hashing.hash_one(number);
        limit.count(source(0), 0);
        for stranger in 1..10_000 {
            limit.count(source(stranger), 0);
        }

        assert_eq!(limit.counted(), 64 * 10);
        assert_eq!(limit.count(source(0), 1).wait, Some(60), "it was there before");
        assert_eq!(
            limit.count(source(10_001), 1).wait,
            Some(60),
            "newcomers share one window of their shard"
        );

        assert_eq!(
            limit.count(source(10_001), 60_000).wait,
            None,
            "and there is room again a minute later"
        );
        assert!(limit.counted() < 64 * 10);
    }

    #[test]
    fn sources_that_went_away_make_room_where_there_is_no_bound() {
        let (hashing, limit) = (RandomState::new(), Limit::new(1));
        for minute in 0..20 {
            for number in 0..10_000 {
                limit.count(hashing.hash_one((minute, number)), i64::from(minute) * MINUTE);
            }
        }
        assert!(limit.counted() < 40_000, "{}", limit.counted());
    }
}
