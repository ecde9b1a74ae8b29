//! Following the key changes of other processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::Authority;
use crate::store::{StoreError, Watcher};

/// How often the database is asked. Twice this, plus reading, stays below the promised quarter of a second.
const EVERY: Duration = Duration::from_millis(100);

/// How often all rows are read, if anything at all was committed: what is changed by hand has no number.
const ALL_EVERY: Duration = Duration::from_secs(1);

/// A look that takes longer is given up, and its connection with it; reading all rows may take a minute.
const PATIENCE: Duration = Duration::from_secs(70);

/// Keeps the key set up to date, and knows since when it is not.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    began: Instant,
    /// Milliseconds after `began` at which the last successful look began.
    heard: Arc<AtomicU64>,
    /// Beyond this the server does not know whether a key was revoked meanwhile.
    current_for: Duration,
}

impl Follower {
    pub(crate) fn new(current_for: Duration) -> Self {
        Self {
            began: Instant::now(),
            heard: Arc::default(),
            current_for,
        }
    }

    /// Whether the last successful look is recent.
    pub(crate) fn is_current(&self) -> bool {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(heard) < self.current_for
    }

    /// Follows until it is dropped.
    pub(crate) async fn follow(self, authority: Authority) {
        let mut look = None;
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match timeout(PATIENCE, Look::again(&mut look, &authority)).await {
                Ok(Ok(())) => self.heard.store(at, Ordering::Relaxed),
                Ok(Err(error)) => {
                    tracing::error!(%error, "cannot look for changed keys");
                    look = None;
                }
                Err(_) => {
                    tracing::error!("the database does not say whether keys were changed");
                    look = None;
                }
            }
        }
    }
}

/// A connection that watches, and what it saw when all rows were read.
struct Look {
    watcher: Watcher,
    read_all: Option<(Instant, String)>,
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
                read_all: None,
                reading: JoinSet::new(),
                reader: None,
            }),
        };
        if let Some(read) = this.reading.try_join_next() {
            this.reader = Some(read.map_err(|_| StoreError::damaged("reading all keys was broken off"))??);
            if let Some((at, _)) = &mut this.read_all {
                *at = Instant::now();
            }
        }
        let seen = this.watcher.look().await?;
        let Some((at, version)) = &mut this.read_all else {
            authority.read_all(&mut this.watcher).await?;
            this.read_all = Some((Instant::now(), seen.version));
            return Ok(());
        };
        if seen.seq < authority.applied() {
            authority.read_all(&mut this.watcher).await?;
            (*at, *version) = (Instant::now(), seen.version);
            return Ok(());
        }
        if seen.seq > authority.applied() {
            authority.read_newer(&mut this.watcher).await?;
        }
        if *version != seen.version && at.elapsed() >= ALL_EVERY && this.reading.is_empty() {
            *version = seen.version;
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
}
