//! Following the key changes of other processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::Authority;
use crate::store::{Seen, StoreError, Watcher};

/// How often the database is asked. Twice this, plus reading, stays below the promised quarter of a second.
const EVERY: Duration = Duration::from_millis(100);

/// How often all rows are read, if some were changed by hand: that has no number.
const ALL_EVERY: Duration = Duration::from_secs(1);

/// How often they are read even so, if anything at all was committed: a hand may also keep a database from counting what
/// it does.
const EVEN_SO_EVERY: Duration = Duration::from_mins(10);

/// A look that takes longer is given up, and its connection with it; reading all rows may take a minute.
const PATIENCE: Duration = Duration::from_secs(70);

/// How often an outage is logged while it lasts.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// Keeps the key set up to date, and knows since when it is not.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// When all keys were read.
    began: Instant,
    /// Milliseconds after `began` at which the last successful look began.
    heard: Arc<AtomicU64>,
    /// The last look failed.
    fails: Arc<AtomicBool>,
    /// Beyond this the server does not know whether a key was revoked meanwhile.
    current_for: Duration,
}

impl Follower {
    /// From the instant on at which all keys were read.
    pub(crate) fn new(began: Instant, current_for: Duration) -> Self {
        Self {
            began,
            heard: Arc::default(),
            fails: Arc::default(),
            current_for,
        }
    }

    /// Time since the last successful look.
    pub(crate) fn age(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(heard)
    }

    /// Whether the last successful look is recent.
    pub(crate) fn is_current(&self) -> bool {
        self.age() < self.current_for
    }

    /// Whether the database answers, as far as the last look tells.
    pub(crate) fn hears(&self) -> bool {
        self.is_current() && !self.fails.load(Ordering::Relaxed)
    }

    /// Follows until it is dropped.
    pub(crate) async fn follow(self, authority: Authority) {
        let mut look = None;
        let mut outage = Outage::default();
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match timeout(PATIENCE, Look::again(&mut look, &authority)).await {
                Ok(Ok(())) => {
                    self.heard.store(at, Ordering::Relaxed);
                    self.fails.store(false, Ordering::Relaxed);
                    if let Some(looks) = outage.ends() {
                        tracing::info!(looks, "the database answers again");
                    }
                    continue;
                }
                Ok(Err(error)) => {
                    if let Some(looks) = outage.goes_on(Instant::now()) {
                        tracing::error!(%error, looks, "cannot look for changed keys");
                    }
                }
                Err(_) => {
                    if let Some(looks) = outage.goes_on(Instant::now()) {
                        tracing::error!(looks, "the database does not say whether keys were changed");
                    }
                }
            }
            self.fails.store(true, Ordering::Relaxed);
            look = None;
        }
    }
}

/// Looks that failed one after the other. A log that says each of them says little else.
#[derive(Debug, Default)]
struct Outage {
    looks: u64,
    said: Option<Instant>,
}

impl Outage {
    /// Another look failed: how many by now, if it is time to say so.
    fn goes_on(&mut self, at: Instant) -> Option<u64> {
        self.looks += 1;
        let is_due = self.said.is_none_or(|said| at - said >= SAID_EVERY);
        is_due.then(|| {
            self.said = Some(at);
            self.looks
        })
    }

    /// A look succeeded: how many had failed, if any.
    fn ends(&mut self) -> Option<u64> {
        let Self { looks, said } = std::mem::take(self);
        said.map(|_| looks)
    }
}

/// A connection that watches, and when all rows were last read, in which state of the database.
struct Look {
    watcher: Watcher,
    read_at: Instant,
    /// None yet for a new connection: what was changed by hand while there was none, it cannot know.
    read: Option<Seen>,
    /// Reads all rows again, on a connection of its own, while numbers are followed.
    reading: JoinSet<Result<Watcher, StoreError>>,
    reader: Option<Watcher>,
}

impl Look {
    async fn again(this: &mut Option<Self>, authority: &Authority) -> Result<(), StoreError> {
        let this = match this {
            Some(this) => this,
            None => this.insert(Self {
                watcher: authority.store().watcher().await?,
                read_at: Instant::now(),
                read: None,
                reading: JoinSet::new(),
                reader: None,
            }),
        };
        if let Some(read) = this.reading.try_join_next() {
            this.reader = Some(read.map_err(|_| StoreError::damaged("reading all keys was broken off"))??);
            this.read_at = Instant::now();
        }
        let seen = this.watcher.look().await?;
        if seen.seq < authority.applied() {
            authority.read_all(&mut this.watcher).await?;
            (this.read_at, this.read) = (Instant::now(), Some(seen));
            return Ok(());
        }
        if seen.seq > authority.applied() {
            authority.read_newer(&mut this.watcher).await?;
        }
        if this.is_due(&seen) && this.reading.is_empty() {
            this.read = Some(seen);
            let (authority, reader) = (authority.clone(), this.reader.take());
            this.reading.spawn(async move {
                let mut reader = match reader {
                    Some(reader) => reader,
                    None => authority.store().watcher().await?,
                };
                authority.read_all(&mut reader).await?;
                Ok(reader)
            });
        }
        Ok(())
    }

    /// Whether all rows are to be read. What the server itself commits is none of its reasons: it does so all the time.
    fn is_due(&self, seen: &Seen) -> bool {
        let age = self.read_at.elapsed();
        self.read.as_ref().is_none_or(|read| {
            (read.by_hand != seen.by_hand && age >= ALL_EVERY)
                || (read.version != seen.version && age >= EVEN_SO_EVERY)
        })
    }
}

#[cfg(test)]
mod tests {
    use avala_keys::Class;

    use super::*;
    use crate::{Config, Server, store::sql};

    #[tokio::test]
    async fn all_rows_are_read_again_once_a_hand_touched_one_and_not_since_the_server_wrote_something() {
        // Given keys that were all read a while ago.
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new(dir.path().join("data"), Class::Live);
        let server = Server::open(config).await.unwrap();
        let authority = server.keys();
        authority.dev_key().await.unwrap();
        let mut look = None;
        let mut reads = async || {
            Look::again(&mut look, authority).await.unwrap();
            let look = look.as_mut().unwrap();
            let is_reading = !look.reading.is_empty();
            if let Some(read) = look.reading.join_next().await {
                look.reader = Some(read.unwrap().unwrap());
            }
            look.read_at = Instant::now().checked_sub(ALL_EVERY).unwrap();
            is_reading
        };
        assert!(reads().await, "a new connection knows nothing");

        // When the server writes what it writes all day, and keys, then nobody reads them all.
        let write = async |statement: &'static str| {
            authority.store().record(sql(statement)).await.unwrap();
        };
        write("INSERT INTO key_last_uses (key_id, at, address) VALUES ('7Hk2mQ9xTbWc', 1, '::1')").await;
        assert!(!reads().await);
        std::fs::remove_file(dir.path().join("data/dev-key")).unwrap();
        authority.dev_key().await.unwrap();
        assert!(!reads().await);

        // When a hand touches a row, whichever way, then they are read once.
        for by_hand in [
            "INSERT INTO api_keys (id, class, owner, organization, name, mac, access, created_at, seq, seal, position)
             SELECT 'x', class, owner, organization, name, mac, access, created_at, seq, seal, -1
             FROM api_keys ORDER BY seq DESC LIMIT 1",
            "UPDATE api_keys SET name = 'x'",
            "UPDATE api_keys SET name = 'y', seq = seq + 7",
            "DELETE FROM api_keys",
        ] {
            write(by_hand).await;
            assert!(reads().await, "{by_hand}");
            assert!(!reads().await, "{by_hand}");
        }
    }

    #[test]
    fn an_outage_is_logged_when_it_begins_then_once_a_minute_and_when_it_ends() {
        let mut outage = Outage::default();
        assert_eq!(outage.ends(), None);
        let began = Instant::now();
        let said: Vec<u64> = (0..1201)
            .filter_map(|n| outage.goes_on(began + EVERY * n))
            .collect();
        assert_eq!(said, [1, 601, 1201]);
        assert_eq!(outage.ends(), Some(1201));
        assert_eq!(outage.ends(), None);
        assert_eq!(outage.goes_on(began), Some(1));
    }

    #[test]
    fn keys_read_long_ago_are_not_current_before_the_first_look() {
        let current_for = Duration::from_secs(10);
        let follower = |age| Follower::new(Instant::now().checked_sub(age).unwrap(), current_for);
        assert!(follower(current_for / 2).hears());
        assert!(!follower(current_for).is_current());
    }
}
