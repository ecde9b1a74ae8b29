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
use ipnet::IpNet;

use super::{Agent, HOUR, LastOf, MINUTE, Outcome, Used, networks::Networks};

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

#[derive(Debug, Default)]
struct KeyUse {
    counts: Vec<Count>,
    /// While it was in force.
    used: Option<Latest>,
    /// In force or not.
    refused: Option<Latest>,
    /// While it was in force.
    networks: Networks,
}

/// The last of something, and whether that is written, to the minute.
#[derive(Clone, Copy, Debug)]
struct Latest {
    last: Last,
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
    /// `None` if there is none, or it is written already.
    pub(super) used: Option<Last>,
    pub(super) refused: Option<Last>,
    /// With when each was used first.
    pub(super) networks: Vec<(IpNet, i64)>,
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
        let of_key = shard.entry(used.key).or_default();
        if used.is_in_force {
            Latest::follow(&mut of_key.used, last);
            of_key.networks.see(last.address, last.at);
        }
        if used.outcome == Outcome::Refused {
            Latest::follow(&mut of_key.refused, last);
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

    /// Takes note that a key is being used, before the request is counted at its end. Whether it is the first use that
    /// is known here.
    pub(super) fn begin(&self, key: KeyId, last: Last) -> bool {
        let mut shard = self.shard(key);
        let used = &mut shard.entry(key).or_default().used;
        let is_first = used.is_none();
        if is_first {
            Latest::follow(used, last);
        }
        is_first
    }

    /// The first uses of these keys, as far as they are not written.
    pub(super) fn begun(&self, keys: &[KeyId]) -> Vec<Unwritten> {
        let uses = keys.iter().filter_map(|key| {
            Some(Unwritten {
                key: *key,
                counts: Vec::new(),
                used: Some(self.shard(*key).get(key)?.used?.unwritten()?),
                refused: None,
                networks: Vec::new(),
            })
        });
        uses.collect()
    }

    /// All that is to be written, by key.
    pub(super) fn unwritten(&self) -> Vec<Unwritten> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let due = shard.iter().filter(|(_, of_key)| of_key.is_due());
            all.extend(due.map(|(key, of_key)| Unwritten {
                key: *key,
                counts: of_key.counts.clone(),
                used: of_key.used.and_then(Latest::unwritten),
                refused: of_key.refused.and_then(Latest::unwritten),
                networks: of_key.networks.unwritten(),
            }));
        }
        all.sort_unstable_by_key(|unwritten| unwritten.key);
        all
    }

    /// Takes back what was written. What was counted meanwhile stays.
    pub(super) fn settle(&self, written: &[Unwritten]) {
        for Unwritten {
            key,
            counts,
            used,
            refused,
            networks,
        } in written
        {
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
            Latest::settle(&mut of_key.used, *used);
            Latest::settle(&mut of_key.refused, *refused);
            of_key.networks.settle(networks);
        }
    }

    /// Forgets keys that were not used since an instant, and of which all is written.
    pub(super) fn forget(&self, before: i64) {
        for shard in &self.shards {
            lock(shard).retain(|_, of_key| {
                let lasts = [of_key.used, of_key.refused];
                of_key.is_due() || lasts.iter().flatten().any(|latest| latest.last.at >= before)
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

    pub(super) fn last_of(&self, key: KeyId, kind: LastOf) -> Option<Last> {
        let shard = self.shard(key);
        let of_key = shard.get(&key)?;
        let latest = match kind {
            LastOf::Uses => of_key.used,
            LastOf::Refusals => of_key.refused,
        };
        latest.map(|latest| latest.last)
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

impl KeyUse {
    fn is_due(&self) -> bool {
        let lasts = [self.used, self.refused];
        let has_unwritten = lasts.iter().flatten().any(|latest| !latest.is_written);
        !self.counts.is_empty() || has_unwritten || self.networks.is_due()
    }
}

impl Latest {
    /// Requests end in another order than they began, and a clock may be set back.
    fn follow(this: &mut Option<Self>, last: Last) {
        match this {
            Some(present) if last.at < present.last.at => {}
            Some(present) => {
                present.is_written &= last.to_the_minute() == present.last.to_the_minute();
                present.last = last;
            }
            None => {
                *this = Some(Self {
                    last,
                    is_written: false,
                });
            }
        }
    }

    fn settle(this: &mut Option<Self>, written: Option<Last>) {
        if let (Some(present), Some(written)) = (this, written) {
            present.is_written |= written.to_the_minute() == present.last.to_the_minute();
        }
    }

    fn unwritten(self) -> Option<Last> {
        (!self.is_written).then_some(self.last)
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
            is_in_force: true,
            at: Timestamp::from_unix_millis(at),
            address: IpAddr::from([192, 0, 2, 1]),
            agent: None,
        }
    }

    fn last_use(pending: &Pending) -> Option<Last> {
        pending.last_of(used(0).key, LastOf::Uses)
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
        assert_eq!(next[0].used.unwrap().at, HOUR + MINUTE);
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
        assert_eq!(last_use(&pending).unwrap().at, 3 * HOUR);
    }

    #[test]
    fn a_key_is_forgotten_once_all_of_it_is_written_and_it_is_idle() {
        let pending = Pending::new();
        pending.count(&used(HOUR));
        pending.forget(2 * HOUR);
        assert!(last_use(&pending).is_some());
        pending.settle(&pending.unwritten());
        pending.forget(HOUR);
        assert!(last_use(&pending).is_some());
        pending.forget(2 * HOUR);
        assert!(last_use(&pending).is_none());
    }
}
