//! Following the key changes of other processes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::SqliteConnection;
use tokio::time::Instant;

use super::Authority;
use crate::store::StoreError;

/// How often the database is asked. Twice this, plus reading, stays below the promised quarter of a second.
const EVERY: Duration = Duration::from_millis(100);

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
        let mut seen = None;
        let mut watcher = None;
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match look(&authority, &mut watcher, &mut seen).await {
                Ok(()) => self.heard.store(at, Ordering::Relaxed),
                Err(error) => {
                    tracing::error!(%error, "cannot look for changed keys");
                    watcher = None;
                }
            }
        }
    }
}

/// SQLite changes `data_version` when another connection has committed: one cheap question, nearly always answered no.
async fn look(
    authority: &Authority,
    watcher: &mut Option<SqliteConnection>,
    seen: &mut Option<i64>,
) -> Result<(), StoreError> {
    let connection = if let Some(connection) = watcher {
        connection
    } else {
        *seen = None;
        watcher.insert(authority.store().watcher().await?)
    };
    let version: i64 = sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(&mut *connection)
        .await?;
    if *seen != Some(version) {
        authority.catch_up(connection).await?;
        *seen = Some(version);
    }
    Ok(())
}
