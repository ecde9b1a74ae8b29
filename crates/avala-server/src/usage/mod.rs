//! How keys are used: counted in memory at each request, written to the database every ten seconds.

mod agent;
mod buckets;
mod hints;
mod networks;
mod pending;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt, mem,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use avala_api::Timestamp;
use avala_keys::KeyId;
use http::StatusCode;
use tokio::{
    sync::{Notify, RwLock},
    time::{Instant, MissedTickBehavior, sleep},
};

use self::{
    buckets::Buckets,
    hints::{Lately, REFUSED_WITHIN},
    networks::MOST_NETWORKS,
    pending::{Last, Pending, Unwritten},
};
use crate::{
    keys::Authority,
    store::{
        Store, StoreError,
        key_networks::KeyNetwork,
        key_usage::{self, Requests},
    },
};

pub(crate) use agent::Agent;
pub use buckets::{Bucket, By};
pub(crate) use hints::{Observed, RULES};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How often counts are written. A killed server loses what it counted since; one transaction in ten seconds leaves the
/// database to those who wait for it.
const EVERY: Duration = Duration::from_secs(10);

/// Keys whose counts are written in one transaction. With SQLite, nobody else writes during it.
const KEYS: usize = 1_000;

/// How often first uses are written at most, while there are some.
const BEGUN_EVERY: Duration = Duration::from_millis(20);

/// First uses that wait to be written at once, at most.
const MOST_BEGUN: usize = 10_000;

/// How often rows and keys are looked for that are to be summed up or forgotten.
const FORGETS_EVERY: Duration = Duration::from_hours(1);

/// How long counts are kept by the hour, then summed up by day.
const HOURS_KEPT: i64 = 90 * 24 * HOUR;

/// How long sums by day are kept: two years, one of them a leap year.
const DAYS_KEPT: i64 = 731 * 24 * HOUR;

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
    /// Keys with a first use that is to be written at once.
    begun: Mutex<Vec<KeyId>>,
    has_begun: Notify,
}

/// The last use of a key, or the last refusal.
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
    /// Whether the key was. What comes with one that has ended is refused, and no use of it.
    pub(crate) is_in_force: bool,
    pub(crate) at: Timestamp,
    pub(crate) address: IpAddr,
    pub(crate) agent: Option<Agent>,
}

/// The last of what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LastOf {
    /// Requests with the key while it was in force, whatever became of them.
    Uses,
    /// Requests that were refused, with the key in force or not.
    Refusals,
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
            begun: Mutex::default(),
            has_begun: Notify::new(),
        }))
    }

    /// Counts one request. Writes nothing.
    pub(crate) fn count(&self, used: &Used) {
        self.0.pending.count(used);
    }

    /// Takes note of a use as it begins, for a key of which it matters whether it was ever used at all: the first one
    /// is written within milliseconds, in the background.
    pub(crate) fn begin(&self, key: KeyId, at: Timestamp, address: IpAddr, agent: Option<Agent>) {
        let at = at.unix_millis();
        if self.0.pending.begin(key, Last { at, address, agent }) {
            let mut begun = self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
            // Beyond that, it is written with the counts.
            if begun.len() < MOST_BEGUN {
                begun.push(key);
                self.0.has_begun.notify_one();
            }
        }
    }

    /// When a key was last used while it was in force, and by whom; `None` if it never was.
    pub async fn last_used(&self, key: KeyId) -> Result<Option<LastUse>, StoreError> {
        Ok(self.last_uses(&[key]).await?.remove(&key))
    }

    /// When a request with a key was last refused, and whose it was: also one with a key that had ended.
    pub async fn last_refused(&self, key: KeyId) -> Result<Option<LastUse>, StoreError> {
        Ok(self.lasts(LastOf::Refusals, &[key]).await?.remove(&key))
    }

    /// The last uses of many keys, without those that were never used.
    pub async fn last_uses(&self, keys: &[KeyId]) -> Result<HashMap<KeyId, LastUse>, StoreError> {
        self.lasts(LastOf::Uses, keys).await
    }

    /// What hints about these keys are found from, with the last uses of these others.
    pub(crate) async fn observe(
        &self,
        keys: &[KeyId],
        others: &[KeyId],
        now: Timestamp,
    ) -> Result<Observed, StoreError> {
        let since = By::Hour.start(now.unix_millis()) - (REFUSED_WITHIN - 1) * HOUR;
        let store = &self.0.store;
        let mut lately = HashMap::<KeyId, Lately>::new();
        let still = self.0.moving.read().await;
        for found in store
            .refusals_since(keys, Timestamp::from_unix_millis(since))
            .await?
        {
            let count = |count: i64| u64::try_from(count).unwrap_or(0);
            lately.insert(
                found.key,
                Lately {
                    requests: count(found.requests),
                    refused: count(found.refused),
                },
            );
        }
        for key in keys {
            for count in self.0.pending.counts_of(*key) {
                if count.hour >= since {
                    let of_key = lately.entry(*key).or_default();
                    of_key.requests += count.requests;
                    if count.outcome == Outcome::Refused {
                        of_key.refused += count.requests;
                    }
                }
            }
        }
        drop(still);
        Ok(Observed {
            uses: self.last_uses(&[keys, others].concat()).await?,
            lately,
            networks: by_key(store.networks_of(keys).await?),
        })
    }

    async fn lasts(&self, kind: LastOf, keys: &[KeyId]) -> Result<HashMap<KeyId, LastUse>, StoreError> {
        let mut found = HashMap::new();
        for stored in self.0.store.lasts(kind, keys).await? {
            found.insert(stored.key, LastUse::stored(stored)?);
        }
        for key in keys {
            let Some(last) = self.0.pending.last_of(*key, kind).map(LastUse::from) else {
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
        let is_known = self.0.pending.last_of(key, LastOf::Uses).is_some();
        Ok(is_known || self.last_used(key).await?.is_some())
    }

    /// Requests with a key, in the hours or days from that of `from` on that begin before `to`, oldest first. Where there
    /// were none, there is no bucket; hours are known for 90 days, days for two years.
    pub async fn of(
        &self,
        key: KeyId,
        from: Timestamp,
        to: Timestamp,
        by: By,
    ) -> Result<Vec<Bucket>, StoreError> {
        let from = Timestamp::from_unix_millis(by.start(from.unix_millis()));
        let to = Timestamp::from_unix_millis(by.end(to.unix_millis()));
        let mut buckets = Buckets::new(by);
        let _still = self.0.moving.read().await;
        for row in self.0.store.usage_of(key, from, to, by).await? {
            let outcome = Outcome::ALL
                .into_iter()
                .find(|outcome| outcome.name() == row.outcome)
                .ok_or_else(|| StoreError::damaged("requests have an outcome that is unknown"))?;
            let requests = u64::try_from(row.count).unwrap_or(0);
            buckets.add(row.start.unix_millis(), &row.group, outcome, requests);
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
            .flat_map(|unwritten| {
                let key = unwritten.key.as_str();
                unwritten.counts.iter().map(move |count| (key, count))
            })
            .map(|(key, count)| Requests {
                key,
                start: Timestamp::from_unix_millis(count.hour),
                group: count.group,
                outcome: count.outcome.name(),
                count: i64::try_from(count.requests).unwrap_or(i64::MAX),
            })
            .collect();
        // Two servers that write the same rows in different order would wait for each other.
        requests.sort_unstable_by_key(|row| (row.key, row.start, row.group, row.outcome));
        let lasts = |of: fn(&Unwritten) -> Option<Last>| -> Vec<key_usage::LastUse> {
            let lasts = keys.iter().filter_map(|one| Some((one.key, of(one)?)));
            lasts.map(|(key, last)| last.of_key(key)).collect()
        };
        let (used, refused) = (lasts(|one| one.used), lasts(|one| one.refused));
        let networks = self.unwritten_networks(keys).await?;
        let store = &self.0.store;
        store.add_usage(&requests, &used, &refused, &networks).await
    }

    /// Those that are not written, by another server or before the key was idle, and are not too many.
    async fn unwritten_networks(&self, keys: &[Unwritten]) -> Result<Vec<KeyNetwork>, StoreError> {
        let with_networks = keys.iter().filter(|one| !one.networks.is_empty());
        let with_networks: Vec<&Unwritten> = with_networks.collect();
        let ids: Vec<KeyId> = with_networks.iter().map(|one| one.key).collect();
        let mut known = by_key(self.0.store.networks_of(&ids).await?);
        let mut found = Vec::new();
        for Unwritten { key, networks, .. } in with_networks {
            let known = known.entry(*key).or_default();
            for (network, first_used) in networks {
                let is_known = known.iter().any(|known| known.network == *network);
                if !is_known && known.len() < MOST_NETWORKS {
                    let network = KeyNetwork {
                        key: *key,
                        network: *network,
                        first_used: Timestamp::from_unix_millis(*first_used),
                    };
                    known.push(network);
                    found.push(network);
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Writes first uses as soon as they have begun, until it is dropped.
    pub(crate) async fn keep_writing_what_begins(self) {
        loop {
            self.0.has_begun.notified().await;
            let begun = mem::take(&mut *self.0.begun.lock().unwrap_or_else(PoisonError::into_inner));
            for keys in begun.chunks(KEYS) {
                let uses = self.0.pending.begun(keys);
                match self.write(&uses).await {
                    Ok(()) => self.0.pending.settle(&uses),
                    // The counts will be tried, with all that is to be written; it is said there.
                    Err(_) => break,
                }
            }
            // A commit each would leave the others no time, when many begin one after the other.
            sleep(BEGUN_EVERY).await;
        }
    }

    /// Writes every ten seconds, until it is dropped.
    pub(crate) async fn keep_flushing(self) {
        let mut ticks = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = 0_u64;
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
                }
            }
        }
    }

    /// Sums up and forgets what is old, every hour, until it is dropped.
    pub(crate) async fn keep_forgetting(self, authority: Authority) {
        let mut ticks = tokio::time::interval(FORGETS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.forget(authority.now()).await {
                tracing::warn!(%error, "cannot sum up the usage of keys of long ago");
            }
        }
    }

    /// Sums up rows of more than ninety days ago, removes sums of more than two years ago, and keys from memory that have
    /// been idle.
    pub(crate) async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        let now = now.unix_millis();
        self.0.pending.forget(now - HOUR);
        let before = |kept| Timestamp::from_unix_millis(now - kept);
        let store = &self.0.store;
        while store.sum_up_usage(before(HOURS_KEPT)).await? {}
        while store.forget_days(before(DAYS_KEPT)).await? {}
        Ok(())
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

fn by_key(networks: Vec<KeyNetwork>) -> HashMap<KeyId, Vec<KeyNetwork>> {
    let mut of_keys = HashMap::<KeyId, Vec<KeyNetwork>>::new();
    for network in networks {
        of_keys.entry(network.key).or_default().push(network);
    }
    of_keys
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Usage")
    }
}

impl LastUse {
    fn stored(stored: key_usage::LastUse) -> Result<Self, StoreError> {
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

impl Last {
    fn of_key(self, key: KeyId) -> key_usage::LastUse {
        let last = self.to_the_minute();
        key_usage::LastUse {
            key,
            at: Timestamp::from_unix_millis(last.at),
            address: last.address.to_string(),
            agent: last.agent.map(|agent| agent.as_str().to_owned()),
        }
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
