//! What was counted and is not written yet. In shards, so that requests of different keys hardly ever wait for each other,
//! and nobody holds one while anything is written.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use avala_keys::KeyId;

use super::{Agent, HOUR, MINUTE, Outcome, Used};

const SHARDS: usize = 64;

/// Counts that wait to be written, at most: half a million, in 20 MiB. As long as none was written, further ones are
/// not begun; those that are there go on.
const MOST_COUNTS: usize = 1 << 19;

/// Keys that were used lately, and what of it is not written yet.
#[derive(Debug)]
pub(super) struct Pending {
    shards: Box<[Mutex<HashMap<KeyId, KeyUse>>]>,
    counts: AtomicUsize,
    lost: AtomicU64,
    most_counts: usize,
}

#[derive(Debug)]
struct KeyUse {
    counts: Vec<Count>,
    last: Last,
    /// Whether the last use is written, to the minute.
    is_written: bool,
}

/// Requests within an hour, of one route group and with one outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    /// Its first instant, in milliseconds since the Unix epoch.
    pub(super) hour: i64,
    pub(super) group: &'static str,
    pub(super) outcome: Outcome,
    pub(super) requests: u64,
}

/// A last use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// Milliseconds since the Unix epoch.
    pub(super) at: i64,
    pub(super) address: IpAddr,
    pub(super) agent: Option<Agent>,
}

/// What of one key is to be written.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) key: KeyId,
    pub(super) counts: Vec<Count>,
    /// `None` if it is written already.
    pub(super) last: Option<Last>,
}

impl Pending {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            counts: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            most_counts: MOST_COUNTS,
        }
    }

    /// Counts one request. A key seen before takes no memory, but for a count of a kind that was not there.
    pub(super) fn count(&self, used: &Used) {
        let last = Last {
            at: used.at.unix_millis(),
            address: used.address,
            agent: used.agent,
        };
        let hour = last.at.div_euclid(HOUR) * HOUR;
        let mut shard = self.shard(used.key);
        let of_key = shard.entry(used.key).or_insert_with(|| KeyUse {
            counts: Vec::new(),
            last,
            is_written: false,
        });
        // Requests end in another order than they began, and a clock may be set back.
        if last.at >= of_key.last.at {
            of_key.is_written &= last.to_the_minute() == of_key.last.to_the_minute();
            of_key.last = last;
        }
        // The newest are at the end.
        if let Some(count) =
            of_key.counts.iter_mut().rev().find(|count| {
                count.hour == hour && count.outcome == used.outcome && count.group == used.group
            })
        {
            count.requests += 1;
        } else if self.counts.fetch_add(1, Ordering::Relaxed) < self.most_counts {
            of_key.counts.push(Count {
                hour,
                group: used.group,
                outcome: used.outcome,
                requests: 1,
            });
        } else {
            self.counts.fetch_sub(1, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that is to be written, by key.
    pub(super) fn unwritten(&self) -> Vec<Unwritten> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).iter().filter_map(|(key, of_key)| {
                let is_due = !of_key.counts.is_empty() || !of_key.is_written;
                is_due.then(|| Unwritten {
                    key: *key,
                    counts: of_key.counts.clone(),
                    last: (!of_key.is_written).then_some(of_key.last),
                })
            }));
        }
        all.sort_unstable_by_key(|unwritten| unwritten.key);
        all
    }

    /// Takes back what was written. What was counted meanwhile stays.
    pub(super) fn settle(&self, written: &[Unwritten]) {
        for Unwritten { key, counts, last } in written {
            let mut shard = self.shard(*key);
            let Some(of_key) = shard.get_mut(key) else {
                continue;
            };
            let before = of_key.counts.len();
            // New ones are put behind those that are there.
            for (count, written) in of_key.counts.iter_mut().zip(counts) {
                count.requests = count.requests.saturating_sub(written.requests);
            }
            of_key.counts.retain(|count| count.requests > 0);
            self.counts
                .fetch_sub(before - of_key.counts.len(), Ordering::Relaxed);
            if last.is_some_and(|last| last.to_the_minute() == of_key.last.to_the_minute()) {
                of_key.is_written = true;
            }
        }
    }

    /// Forgets keys that were not used since an instant, and of which all is written.
    pub(super) fn forget(&self, before: i64) {
        for shard in &self.shards {
            lock(shard).retain(|_, of_key| {
                !of_key.counts.is_empty() || !of_key.is_written || of_key.last.at >= before
            });
        }
    }

    /// Requests of a key that are not written yet.
    pub(super) fn counts_of(&self, key: KeyId) -> Vec<Count> {
        self.shard(key)
            .get(&key)
            .map(|of_key| of_key.counts.clone())
            .unwrap_or_default()
    }

    pub(super) fn last_of(&self, key: KeyId) -> Option<Last> {
        self.shard(key).get(&key).map(|of_key| of_key.last)
    }

    /// Counts that wait to be written.
    pub(super) fn len(&self) -> usize {
        self.counts.load(Ordering::Relaxed)
    }

    /// Requests that were not counted, since too much waited to be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn shard(&self, key: KeyId) -> MutexGuard<'_, HashMap<KeyId, KeyUse>> {
        // Ids are random, each letter of them.
        let number = key
            .as_str()
            .bytes()
            .take(4)
            .fold(0, |number, byte| number * 31 + usize::from(byte));
        lock(&self.shards[number % SHARDS])
    }
}

impl Last {
    /// As it is written: whoever reads it later knows no more than that.
    pub(super) fn to_the_minute(self) -> Self {
        Self {
            at: self.at.div_euclid(MINUTE) * MINUTE,
            ..self
        }
    }
}

fn lock(shard: &Mutex<HashMap<KeyId, KeyUse>>) -> MutexGuard<'_, HashMap<KeyId, KeyUse>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use avala_api::Timestamp;

    use super::*;

    fn used(at: i64) -> Used {
        Used {
            key: "7Hk2mQ9xTbWc".parse().unwrap(),
            group: "users",
            outcome: Outcome::Success,
            at: Timestamp::from_unix_millis(at),
            address: IpAddr::from([192, 0, 2, 1]),
            agent: None,
        }
    }

    #[test]
    fn what_is_counted_while_it_is_written_is_neither_lost_nor_written_twice() {
        // Given a count that is being written.
        let pending = Pending::new();
        pending.count(&used(HOUR));
        let written = pending.unwritten();

        // When the key is used meanwhile, in the same way and in another.
        pending.count(&used(HOUR + 1));
        pending.count(&Used {
            group: "agents",
            ..used(HOUR + MINUTE)
        });
        pending.settle(&written);

        // Then that is what is written next, and nothing after it.
        let next = pending.unwritten();
        let counts: Vec<_> = next[0]
            .counts
            .iter()
            .map(|count| (count.group, count.requests))
            .collect();
        assert_eq!(counts, [("users", 1), ("agents", 1)]);
        assert_eq!(next[0].last.unwrap().at, HOUR + MINUTE);
        pending.settle(&next);
        assert!(pending.unwritten().is_empty());
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn memory_is_bounded_and_what_has_a_count_already_goes_on() {
        let pending = Pending {
            most_counts: 2,
            ..Pending::new()
        };
        for hour in [1, 2, 3, 1] {
            pending.count(&used(hour * HOUR));
        }
        assert_eq!((pending.len(), pending.lost()), (2, 1));
        let requests: Vec<u64> = pending
            .counts_of(used(0).key)
            .iter()
            .map(|count| count.requests)
            .collect();
        assert_eq!(requests, [2, 1]);
        // The last use is known all the same.
        assert_eq!(pending.last_of(used(0).key).unwrap().at, 3 * HOUR);
    }

    #[test]
    fn a_key_is_forgotten_once_all_of_it_is_written_and_it_is_idle() {
        let pending = Pending::new();
        pending.count(&used(HOUR));
        pending.forget(2 * HOUR);
        assert!(pending.last_of(used(0).key).is_some());
        pending.settle(&pending.unwritten());
        pending.forget(HOUR);
        assert!(pending.last_of(used(0).key).is_some());
        pending.forget(2 * HOUR);
        assert!(pending.last_of(used(0).key).is_none());
    }
}
