//! How keys are used: counted in memory at each request, written to the database every ten seconds.

mod agent;
mod buckets;
mod pending;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use avala_api::Timestamp;
use avala_keys::KeyId;
use http::StatusCode;
use tokio::{
    sync::RwLock,
    time::{Instant, MissedTickBehavior},
};

use self::{
    buckets::Buckets,
    pending::{Last, Pending, Unwritten},
};
use crate::{
    keys::Authority,
    store::{
        Store, StoreError,
        key_usage::{self, Requests, StoredLastUse},
    },
};

pub(crate) use agent::Agent;
pub use buckets::{Bucket, By};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How often counts are written. A killed server loses what it counted since; one transaction in ten seconds leaves the
/// database to those who wait for it.
const EVERY: Duration = Duration::from_secs(10);

/// Keys whose counts are written in one transaction. With SQLite, nobody else writes during it.
const KEYS: usize = 1_000;

/// How often rows and keys are looked for that are to be forgotten.
const FORGETS_EVERY: Duration = Duration::from_hours(1);

/// How long counts are kept.
const KEPT: i64 = 90 * 24 * HOUR;

/// The group of a request that no route was found for.
const NO_ROUTE: &str = "other";

/// How keys were used. What is counted is seen at once; it is written every ten seconds, and when serving ends.
#[derive(Clone)]
pub struct Usage(Arc<Inner>);

struct Inner {
    store: Store,
    pending: Pending,
    /// Held for writing while counts go from memory to the database: they would be seen in both, or in neither.
    moving: RwLock<()>,
    failures: AtomicU64,
}

/// The last use of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When, to the minute. It never goes backwards.
    pub at: Timestamp,
    /// The client's address.
    pub address: IpAddr,
    /// The client's family, as in `avala-python/0.10.0`: the first word of its `User-Agent`.
    pub agent: Option<String>,
}

/// A request with a proven key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) key: KeyId,
    /// What it was for.
    pub(crate) group: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) at: Timestamp,
    pub(crate) address: IpAddr,
    pub(crate) agent: Option<Agent>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Redirect,
    ClientError,
    ServerError,
    /// 401, 403 or 429.
    Refused,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Success,
        Self::Redirect,
        Self::ClientError,
        Self::ServerError,
        Self::Refused,
    ];

    pub(crate) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            401 | 403 | 429 => Self::Refused,
            ..300 => Self::Success,
            300..400 => Self::Redirect,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }

    /// The class of the status.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirect => "3xx",
            Self::ClientError | Self::Refused => "4xx",
            Self::ServerError => "5xx",
        }
    }

    /// As it is stored.
    fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            other => other.class(),
        }
    }
}

/// What a request was for: the first part of the operation's name, so that there are no more groups than resources.
pub(crate) fn group(operation: Option<&'static str>) -> &'static str {
    operation.map_or(NO_ROUTE, |name| {
        name.split_once('.').map_or(name, |(group, _)| group)
    })
}

impl Usage {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Inner {
            store,
            pending: Pending::new(),
            moving: RwLock::default(),
            failures: AtomicU64::new(0),
        }))
    }

    /// Counts one request. Writes nothing.
    pub(crate) fn count(&self, used: &Used) {
        self.0.pending.count(used);
    }

    /// When a key was last used, and by whom; `None` if it never was.
    pub async fn last_used(&self, key: KeyId) -> Result<Option<LastUse>, StoreError> {
        Ok(self.last_uses(&[key]).await?.remove(&key))
    }

    /// The last uses of many keys, without those that were never used.
    pub async fn last_uses(&self, keys: &[KeyId]) -> Result<HashMap<KeyId, LastUse>, StoreError> {
        let mut found = HashMap::new();
        for stored in self.0.store.last_uses(keys).await? {
            found.insert(stored.key, LastUse::stored(stored)?);
        }
        for key in keys {
            let Some(last) = self.0.pending.last_of(*key).map(LastUse::from) else {
                continue;
            };
            // Another server on the same database may have seen the key later.
            if found.get(key).is_none_or(|stored| stored.at <= last.at) {
                found.insert(*key, last);
            }
        }
        Ok(found)
    }

    /// Whether a key was ever used.
    pub async fn was_used(&self, key: KeyId) -> Result<bool, StoreError> {
        Ok(self.0.pending.last_of(key).is_some() || self.last_used(key).await?.is_some())
    }

    /// Requests with a key, from the hour or day of `from` on until before `to`, oldest first. Where there were none,
    /// there is no bucket.
    pub async fn of(
        &self,
        key: KeyId,
        from: Timestamp,
        to: Timestamp,
        by: By,
    ) -> Result<Vec<Bucket>, StoreError> {
        let from = Timestamp::from_unix_millis(by.start(from.unix_millis()));
        let mut buckets = Buckets::new(by);
        let _still = self.0.moving.read().await;
        for row in self.0.store.usage_of(key, from, to).await? {
            let outcome = Outcome::ALL
                .into_iter()
                .find(|outcome| outcome.name() == row.outcome)
                .ok_or_else(|| StoreError::damaged("requests have an outcome that is unknown"))?;
            let requests = u64::try_from(row.count).unwrap_or(0);
            buckets.add(row.hour.unix_millis(), &row.group, outcome, requests);
        }
        for count in self.0.pending.counts_of(key) {
            if (from.unix_millis()..to.unix_millis()).contains(&count.hour) {
                buckets.add(count.hour, count.group, count.outcome, count.requests);
            }
        }
        Ok(buckets.in_order())
    }

    /// Writes what was counted. What cannot be written stays counted, and is written another time.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let _moving = self.0.moving.write().await;
        for keys in self.0.pending.unwritten().chunks(KEYS) {
            let written = self.write(keys).await;
            // What may have been written is not written again: counts may miss an interval, and never say too much.
            if written.as_ref().err().is_none_or(StoreError::is_outcome_unknown) {
                self.0.pending.settle(keys);
            }
            if written.is_err() {
                self.0.failures.fetch_add(1, Ordering::Relaxed);
                return written;
            }
        }
        Ok(())
    }

    async fn write(&self, keys: &[Unwritten]) -> Result<(), StoreError> {
        let mut requests: Vec<Requests<'_>> = keys
            .iter()
            .flat_map(|unwritten| unwritten.counts.iter().map(|count| (unwritten.key, count)))
            .map(|(key, count)| Requests {
                key,
                hour: Timestamp::from_unix_millis(count.hour),
                group: count.group,
                outcome: count.outcome.name(),
                count: i64::try_from(count.requests).unwrap_or(i64::MAX),
            })
            .collect();
        // Two servers that write the same rows in different order would wait for each other.
        requests.sort_unstable_by_key(|row| (row.key, row.hour, row.group, row.outcome));
        let last: Vec<(KeyId, Last, String)> = keys
            .iter()
            .filter_map(|unwritten| {
                let last = unwritten.last?.to_the_minute();
                Some((unwritten.key, last, last.address.to_string()))
            })
            .collect();
        let last: Vec<key_usage::LastUse<'_>> = last
            .iter()
            .map(|(key, last, address)| key_usage::LastUse {
                key: *key,
                at: Timestamp::from_unix_millis(last.at),
                address,
                agent: last.agent.as_ref().map(Agent::as_str),
            })
            .collect();
        self.0.store.add_usage(&requests, &last).await
    }

    /// Writes every ten seconds, and forgets what is old, until it is dropped.
    pub(crate) async fn keep_flushing(self, authority: Authority) {
        let mut ticks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = 0_u64;
        let mut forgot: Option<Instant> = None;
        loop {
            ticks.tick().await;
            match self.flush().await {
                Ok(()) if failed > 0 => {
                    tracing::info!(failed, "the usage of keys is written again");
                    failed = 0;
                }
                Ok(()) => {}
                Err(error) => {
                    // A log that says each of them says little else.
                    if failed.is_multiple_of(6) {
                        let (failures, waiting, lost) = (self.failures(), self.unwritten(), self.lost());
                        tracing::warn!(%error, failures, waiting, lost, "cannot write the usage of keys");
                    }
                    failed += 1;
                    continue;
                }
            }
            if forgot.is_none_or(|at| at.elapsed() >= FORGETS_EVERY) {
                forgot = Some(Instant::now());
                if let Err(error) = self.forget(authority.now()).await {
                    tracing::warn!(%error, "cannot remove the usage of keys of long ago");
                }
            }
        }
    }

    /// Removes rows of more than ninety days ago, and keys from memory that have been idle.
    pub(crate) async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        let now = now.unix_millis();
        self.0.pending.forget(now - HOUR);
        let before = Timestamp::from_unix_millis(now - KEPT);
        self.0.store.forget_usage(before).await
    }

    /// How often counts could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Counts that wait to be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.0.pending.len()
    }

    /// Requests that were not counted, since too much waited to be written.
    pub(crate) fn lost(&self) -> u64 {
        self.0.pending.lost()
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Usage")
    }
}

impl LastUse {
    fn stored(stored: StoredLastUse) -> Result<Self, StoreError> {
        Ok(Self {
            at: stored.at,
            address: stored
                .address
                .parse()
                .map_err(|_| StoreError::damaged("a last use has no address"))?,
            agent: stored.agent,
        })
    }
}

impl From<Last> for LastUse {
    fn from(last: Last) -> Self {
        let last = last.to_the_minute();
        Self {
            at: Timestamp::from_unix_millis(last.at),
            address: last.address,
            agent: last.agent.map(|agent| agent.as_str().to_owned()),
        }
    }
}
