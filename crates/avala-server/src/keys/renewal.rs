//! Moving keys to the newest pepper: a key's MAC can be made anew only from the key, so it is made when the key is used,
//! and written in the background.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use avala_keys::KeyId;
use tokio::time::MissedTickBehavior;

use super::{Authority, KeyRow, Pepper, PepperId};
use crate::{
    error::AuthorityError,
    store::{Actor, Entry, peppers},
};

/// How often new MACs are written.
const EVERY: Duration = Duration::from_secs(1);

/// The most that wait to be written, and that are written in one change. A key that finds no room is moved when it is
/// used again.
const MOST: usize = 1_000;

/// New MACs that wait to be written.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<HashMap<KeyId, Renewal>>);

/// A key's MAC with another pepper.
struct Renewal {
    /// The MAC that the key was just checked with: a row with another one is not this key's any more.
    from: [u8; 32],
    to: [u8; 32],
    pepper: PepperId,
}

impl Renewals {
    /// Has a key moved to a pepper, if it is not there. The key was just proven to be this row's.
    pub(super) fn ask(&self, row: &KeyRow, (id, pepper): (PepperId, &Pepper), key: &str) {
        if row.pepper == id {
            return;
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST && !waiting.contains_key(&row.id) {
            let renewal = Renewal {
                from: row.mac,
                to: pepper.mac(key),
                pepper: id,
            };
            waiting.insert(row.id, renewal);
        }
    }

    fn take(&self) -> HashMap<KeyId, Renewal> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Authority {
    /// Writes the MACs that wait, in one change. How many there were.
    pub(crate) async fn renew(&self) -> Result<usize, AuthorityError> {
        let waiting = self.renewals().take();
        if waiting.is_empty() {
            return Ok(0);
        }
        let mut change = self.store().change().await?;
        let seq = change.next_seq().await?;
        // One of them may have been retired while this waited for its turn.
        let declared = peppers::all(change.connection()).await?;
        let lives = |pepper| {
            let found = declared.iter().find(|one| one.id == pepper);
            found.is_some_and(|one| one.retired_at.is_none())
        };
        let mut renewed = Vec::new();
        for (id, renewal) in waiting.into_iter().filter(|(_, renewal)| lives(renewal.pepper)) {
            let mut row = match self.trusted_row(&mut change, id).await {
                // It opens nothing.
                Err(AuthorityError::NotFound(_) | AuthorityError::Altered) => continue,
                row => row?,
            };
            if row.mac == renewal.from {
                row.mac = renewal.to;
                row.pepper = renewal.pepper;
                row.seq = seq;
                self.write(&mut change, &row).await?;
                renewed.push(row);
            }
        }
        let object = renewed.len().to_string();
        change
            .commit(Entry {
                at: self.now(),
                actor: &Actor::Server,
                action: "api_key.renew_macs",
                object: &object,
                organization: None,
            })
            .await?;
        let count = renewed.len();
        for row in renewed {
            self.apply(row);
        }
        Ok(count)
    }
}

/// Moves keys to the newest pepper as they are used, until it is dropped.
pub(crate) async fn keep_renewing(authority: Authority) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match authority.renew().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "keys were moved to the newest pepper"),
            // They stay as they are, and are asked for again.
            Err(error) => tracing::error!(%error, "keys could not be moved to the newest pepper"),
        }
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewals")
    }
}
