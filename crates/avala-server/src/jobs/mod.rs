//! Jobs: work that goes on after the answer which started it. A job is a row with a lease, so that a killed process loses
//! none: its lease ends, and the next who looks takes the job up.

mod auto_label;
mod export;
#[cfg(test)]
mod tests;

pub(crate) use export::checked_filter;

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use avala_api::Timestamp;
use futures_util::FutureExt;
use tokio::{
    sync::{Notify, RwLock},
    time::sleep,
};

use crate::{
    error::AuthorityError,
    hex,
    keys::Authority,
    store::{
        Actor, Entry, StoreError, auto_label_jobs, exports,
        jobs::{self, Claim, Kind},
    },
};

/// How many jobs one process carries out at a time: a long one must not keep all others waiting.
const WORKERS: usize = 2;

/// For how long a job is its holder's: what a killed process was doing rests for so long.
const LEASE_MILLIS: i64 = 10_000;

/// How often a holder says that it goes on.
const RENEWED_EVERY: Duration = Duration::from_secs(3);

/// How often the database is asked for jobs that another process made.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// How often it is told at most that jobs cannot be carried out.
const TOLD_EVERY_MILLIS: u64 = 60_000;

/// How often a job is tried. An attempt that ended with its process counts, too.
const ATTEMPTS: i64 = 5;

/// What the other parts of the server say to its workers.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    made: Notify,
    is_closing: AtomicBool,
    /// When a failure to look for jobs was last told, in milliseconds.
    told_at: AtomicI64,
}

impl Jobs {
    /// There is a new job.
    pub(crate) fn made(&self) {
        self.made.notify_one();
    }

    /// Whether a failure is to be told: the workers see one that lasts every second.
    fn is_news(&self, now: Timestamp) -> bool {
        let (now, before) = (now.unix_millis(), self.told_at.load(Ordering::Relaxed));
        now.abs_diff(before) >= TOLD_EVERY_MILLIS
            && self
                .told_at
                .compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// From now on no job is begun.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}

/// Carries out one job after the other.
pub(crate) struct Worker {
    authority: Authority,
    jobs: Arc<Jobs>,
    under_way: Arc<RwLock<()>>,
}

/// The workers of this process. Each shares `under_way` while it is at a job.
pub(crate) fn workers(
    authority: &Authority,
    jobs: &Arc<Jobs>,
    under_way: &Arc<RwLock<()>>,
) -> [Worker; WORKERS] {
    [(); WORKERS].map(|()| Worker {
        authority: authority.clone(),
        jobs: jobs.clone(),
        under_way: under_way.clone(),
    })
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot write the file: {0}")]
    File(#[from] io::Error),
    #[error("the uid is no name of a file")]
    NoName,
    #[error("it panicked")]
    Panicked,
    #[error("every attempt so far ended with its process")]
    Interrupted,
}

impl Worker {
    /// Works until it is dropped or there is to be no more.
    pub(crate) async fn work(self) {
        loop {
            let under_way = self.under_way.read().await;
            if self.jobs.is_closing.load(Ordering::Relaxed) {
                return;
            }
            let did = self.next().await;
            drop(under_way);
            match did {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    if self.jobs.is_news(self.authority.now()) {
                        tracing::error!(%error, "cannot carry out jobs");
                    }
                }
            }
            tokio::select! {
                () = self.jobs.made.notified() => {}
                () = sleep(LOOKED_EVERY) => {}
            }
        }
    }

    /// Carries out the job that has been due for longest. False if there is none.
    async fn next(&self) -> Result<bool, AuthorityError> {
        let store = self.authority.store();
        let now = self.authority.now();
        if !jobs::is_due(store.reader(), now).await? {
            return Ok(false);
        }
        let holder = hex::encode(&self.authority.random().bytes::<16>()?);
        if let Some(claim) = jobs::claim(store, holder, now, lease_end(now)).await? {
            tokio::select! {
                ended = Box::pin(self.attempt(&claim)) => ended?,
                () = self.keep(&claim) => {
                    tracing::warn!(object = claim.object, "a job was cancelled, or another worker has it");
                }
            }
        }
        Ok(true)
    }

    async fn attempt(&self, claim: &Claim) -> Result<(), AuthorityError> {
        let outcome = if claim.attempt > ATTEMPTS {
            Err(WorkError::Interrupted)
        } else {
            let work = async {
                match claim.kind {
                    Kind::Export => export::carry_out(&self.authority, claim).await,
                    Kind::AutoLabel => auto_label::carry_out(&self.authority, claim).await,
                }
            };
            // A panic in one job must not end the worker.
            AssertUnwindSafe(work)
                .catch_unwind()
                .await
                .unwrap_or(Err(WorkError::Panicked))
        };
        let Err(error) = outcome else { return Ok(()) };
        tracing::error!(object = claim.object, attempt = claim.attempt, %error, "a job failed");
        let now = self.authority.now();
        if claim.attempt < ATTEMPTS {
            let until = later(now, 1000 << claim.attempt);
            return Ok(jobs::put_off(self.authority.store(), claim, until).await?);
        }
        Ok(self.give_up(claim, now).await?)
    }

    async fn give_up(&self, claim: &Claim, now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.authority.store().change().await?;
        if !jobs::end(change.connection(), claim).await? {
            return Ok(());
        }
        let action = match claim.kind {
            Kind::Export => {
                exports::fail(change.connection(), &claim.object, now).await?;
                "export.fail"
            }
            Kind::AutoLabel => {
                let reason = "The server could not carry out this job.";
                auto_label_jobs::fail(change.connection(), &claim.object, reason, now).await?;
                "auto_label_job.fail"
            }
        };
        change.commit(entry(claim, action, now)).await?;
        if claim.kind == Kind::Export {
            export::clear(&self.authority, claim);
        }
        Ok(())
    }

    /// Renews the lease as long as it is ours.
    async fn keep(&self, claim: &Claim) {
        loop {
            sleep(RENEWED_EVERY).await;
            match jobs::renew(self.authority.store(), claim, lease_end(self.authority.now())).await {
                Ok(true) => {}
                Ok(false) => return,
                // Perhaps the next renewal comes in time; what the work comes to is written under the lease only.
                Err(error) => tracing::error!(%error, "cannot renew the lease of a job"),
            }
        }
    }
}

/// The audit's line about how a job ended.
fn entry<'a>(claim: &'a Claim, action: &'static str, now: Timestamp) -> Entry<'a> {
    Entry {
        at: now,
        actor: &Actor::Server,
        action,
        object: &claim.object,
        organization: claim.organization.as_deref(),
    }
}

fn lease_end(now: Timestamp) -> Timestamp {
    later(now, LEASE_MILLIS)
}

fn later(now: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(now.unix_millis().saturating_add(millis))
}
