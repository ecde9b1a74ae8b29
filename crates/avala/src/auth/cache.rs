//! The key of a client: read when it is needed, kept, and read again when it ends or a server refuses it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use avala_api::Timestamp;
use http::HeaderValue;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{Credential, CredentialProvider, ProviderError, key};
use crate::Error;

/// How long a source may take whose key is needed.
const LONGEST_READ: Duration = Duration::from_secs(30);
/// How long a call waits for a source that is asked before its key ends.
const LONGEST_EARLY_READ: Duration = Duration::from_secs(5);
/// How long a failure is told to everybody else who needs the key, without asking again.
const FAILURE_COUNTS: Duration = Duration::from_secs(1);
/// How long after a source failed it is asked again, while its last key is still good.
const EARLY_AGAIN: Duration = Duration::from_secs(30);
/// How long a source that gave the refused key again is not asked because of it.
const REFUSED_AGAIN: Duration = Duration::from_secs(30);
/// How long before its end a key is read anew at most.
const EARLIEST: Duration = Duration::from_mins(5);

/// What is told before a key ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expiry {
    /// When it ends.
    pub at: Timestamp,
    /// Where it came from.
    pub source: super::Source,
}

/// Hears of keys that end soon.
pub(crate) struct ExpiryHook {
    pub(crate) within: Duration,
    pub(crate) tell: Box<dyn Fn(&Expiry) + Send + Sync>,
}

/// A key as it is sent.
#[derive(Clone)]
pub(crate) struct Held {
    /// Marked as sensitive.
    pub(crate) header: HeaderValue,
    /// How many different keys there were before.
    pub(crate) generation: u64,
    pub(crate) expires_at: Option<Timestamp>,
    /// The same on the clock that calls run by.
    end: Option<Instant>,
    /// When the source is asked again.
    due: Option<Instant>,
    /// When its end is told of.
    warn: Option<Instant>,
    /// One for all that hold the same key: it is told of once.
    warned: Arc<AtomicBool>,
}

impl Held {
    /// The key, for finding it in texts that must not show it.
    pub(crate) fn text(&self) -> Option<&str> {
        self.header.to_str().ok()
    }

    /// Whether nothing is to be done before it is sent.
    fn is_settled(&self) -> bool {
        if self.due.is_none() && self.end.is_none() {
            return true;
        }
        let now = Instant::now();
        !self.is_over(now) && !self.is_due(now) && !self.is_untold(now)
    }

    /// Whether its end is near, and nobody was told.
    fn is_untold(&self, now: Instant) -> bool {
        self.warn.is_some_and(|warn| warn <= now) && !self.warned.load(Ordering::Relaxed)
    }

    fn is_over(&self, now: Instant) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

/// The one source of a client, and what it gave.
pub(crate) struct Credentials {
    provider: Arc<dyn CredentialProvider>,
    hook: Option<ExpiryHook>,
    held: ArcSwapOption<Held>,
    /// Held while the source is asked: never twice at once.
    asking: Mutex<Asked>,
}

/// What became of asking.
#[derive(Default)]
struct Asked {
    generations: u64,
    failed: Option<(Instant, Error)>,
    /// The generation that was refused and came again, and when.
    came_again: Option<(u64, Instant)>,
}

impl Credentials {
    /// Begins with what was read already, if anything was.
    pub(crate) fn new(
        provider: Arc<dyn CredentialProvider>,
        read: Option<Credential>,
        hook: Option<ExpiryHook>,
    ) -> Result<Self, Error> {
        let credentials = Self {
            provider,
            hook,
            held: ArcSwapOption::empty(),
            asking: Mutex::default(),
        };
        if let Some(read) = read {
            let held = credentials.prepared(&read, 0)?;
            credentials.held.store(Some(Arc::new(held)));
        }
        Ok(credentials)
    }

    /// What is held, whether it is still good or not.
    pub(crate) fn held(&self) -> Option<Arc<Held>> {
        self.held.load_full()
    }

    /// The key to send, for a call that has time until then.
    pub(crate) async fn get(&self, deadline: Option<Instant>) -> Result<Arc<Held>, Error> {
        if let Some(held) = self.held.load_full()
            && held.is_settled()
        {
            return Ok(held);
        }
        // On the heap, since it is seldom needed and large: every call would carry it.
        let held = Box::pin(self.current(deadline)).await?;
        self.warn(&held);
        Ok(held)
    }

    /// What is held and has not ended.
    fn good(&self, now: Instant) -> Option<Arc<Held>> {
        self.held.load_full().filter(|held| !held.is_over(now))
    }

    async fn current(&self, deadline: Option<Instant>) -> Result<Arc<Held>, Error> {
        let now = Instant::now();
        let mut asked = match self.good(now) {
            Some(held) if !held.is_due(now) => return Ok(held),
            // Still good: whoever comes first asks for the next one, and the others go on with it.
            Some(held) => match self.asking.try_lock() {
                Ok(asked) => asked,
                Err(_) => return Ok(held),
            },
            None => self.asking.lock().await,
        };
        // Somebody else may have been faster.
        let now = Instant::now();
        match self.good(now) {
            Some(held) if !held.is_due(now) => Ok(held),
            Some(held) => Ok(self.read_early(&mut asked, &held, deadline).await),
            None => self.read_now(&mut asked).await,
        }
    }

    /// The next key, or the last one, which is still good.
    async fn read_early(&self, asked: &mut Asked, held: &Held, deadline: Option<Instant>) -> Arc<Held> {
        let now = Instant::now();
        // Kept before the source is asked: the call may be given up meanwhile, and the next is not to wait again.
        let kept = Arc::new(Held {
            due: Some(now + EARLY_AGAIN),
            ..held.clone()
        });
        self.held.store(Some(kept.clone()));
        // A key that is good must not cost the call that has it its time.
        let left = deadline.map_or(LONGEST_EARLY_READ, |deadline| {
            deadline.saturating_duration_since(now) / 2
        });
        match self.read(asked, left.min(LONGEST_EARLY_READ)).await {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(source = %self.provider.source(), %error, "the key cannot be read anew; the last one is still good");
                kept
            }
        }
    }

    async fn read_now(&self, asked: &mut Asked) -> Result<Arc<Held>, Error> {
        if let Some((at, error)) = &asked.failed
            && at.elapsed() < FAILURE_COUNTS
        {
            return Err(error.clone());
        }
        let read = self.read(asked, LONGEST_READ).await;
        if let Err(error) = &read {
            asked.failed = Some((Instant::now(), error.clone()));
        }
        read
    }

    /// Another key than the one a server refused, if the source has one by now. However many calls were refused, it is
    /// asked once.
    pub(crate) async fn after_refusal(&self, refused: &Held) -> Option<Arc<Held>> {
        if !self.provider.may_change() {
            return None;
        }
        let is_another =
            |held: &Arc<Held>| held.generation != refused.generation && !held.is_over(Instant::now());
        if let Some(newer) = self.held.load_full().filter(is_another) {
            return Some(newer);
        }
        let mut asked = self.asking.lock().await;
        if let Some(newer) = self.held.load_full().filter(is_another) {
            return Some(newer);
        }
        if let Some((generation, at)) = asked.came_again
            && generation == refused.generation
            && at.elapsed() < REFUSED_AGAIN
        {
            return None;
        }
        let read = self.read(&mut asked, LONGEST_READ).await;
        let newer = read.ok().filter(is_another);
        if newer.is_none() {
            asked.came_again = Some((refused.generation, Instant::now()));
        }
        newer
    }

    /// Asks the source, and keeps what it gives.
    async fn read(&self, asked: &mut Asked, longest: Duration) -> Result<Arc<Held>, Error> {
        let source = self.provider.source();
        let in_time = timeout(longest, self.provider.provide())
            .await
            .unwrap_or_else(|_| {
                Err(ProviderError::new(format!(
                    "no answer within {} seconds",
                    longest.as_secs_f32().ceil()
                )))
            });
        let read = in_time.map_err(|error| failed(&source, &error))?;
        let Some(read) = read else {
            return Err(Error::configuration(format!(
                "No API key provided. Looked at {source}, which has none."
            ))
            .with_hint("Put the key there, or choose another source."));
        };
        let mut held = self.prepared(&read, asked.generations)?;
        if let Some(at) = held.expires_at.filter(|_| held.is_over(Instant::now())) {
            return Err(
                Error::configuration(format!("The API key of {source} ended at {at}."))
                    .with_hint("Make a new key and put it there."),
            );
        }
        if let Some(before) = self.held.load_full() {
            if before.header == held.header {
                if before.expires_at == held.expires_at {
                    held.warned = before.warned.clone();
                }
            } else {
                asked.generations += 1;
                held.generation = asked.generations;
                tracing::info!(%source, generation = held.generation, "another key is in use");
            }
        }
        asked.failed = None;
        let held = Arc::new(held);
        self.held.store(Some(held.clone()));
        Ok(held)
    }

    fn prepared(&self, read: &Credential, generation: u64) -> Result<Held, Error> {
        let source = self.provider.source();
        let key = key::usable(&read.key).map_err(|reason| key::unusable(&source, reason))?;
        let header = key::header_value(&key).map_err(|reason| key::unusable(&source, reason))?;
        let now = Instant::now();
        let left = read.expires_at.map(|at| {
            SystemTime::from(at)
                .duration_since(SystemTime::now())
                .unwrap_or_default()
        });
        // Not all clients at the same moment.
        let early = left.map(|left| {
            let window = EARLIEST.min(left / 5).mul_f64(0.5 + fastrand::f64() / 2.0);
            left.saturating_sub(window)
        });
        let due = [early, read.read_again_after].into_iter().flatten().min();
        let warn = left.and_then(|left| Some(left.saturating_sub(self.hook.as_ref()?.within)));
        Ok(Held {
            header,
            generation,
            expires_at: read.expires_at,
            end: left.and_then(|left| now.checked_add(left)),
            due: due
                .filter(|_| self.provider.may_change())
                .and_then(|due| now.checked_add(due)),
            warn: warn.and_then(|warn| now.checked_add(warn)),
            warned: Arc::default(),
        })
    }

    /// Tells once of each key that it ends soon.
    fn warn(&self, held: &Held) {
        let (Some(hook), Some(at)) = (&self.hook, held.expires_at) else {
            return;
        };
        if held.is_untold(Instant::now()) && !held.warned.swap(true, Ordering::Relaxed) {
            let expiry = Expiry {
                at,
                source: self.provider.source(),
            };
            if catch_unwind(AssertUnwindSafe(|| (hook.tell)(&expiry))).is_err() {
                tracing::error!("the hook that hears of ending keys panicked");
            }
        }
    }
}

/// The error of a source that is there and gives no key.
pub(crate) fn failed(source: &super::Source, error: &ProviderError) -> Error {
    let failed = Error::configuration(format!(
        "The API key cannot be read from {source}: {}.",
        error.message().trim_end_matches('.')
    ));
    match error.hint() {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::auth::{ProviderFuture, Source};

    /// A source that is asked only in these tests' nightmares: its key was read before.
    #[derive(Debug)]
    struct Read;

    impl CredentialProvider for Read {
        fn source(&self) -> Source {
            Source::Explicit
        }

        fn provide(&self) -> ProviderFuture<'_> {
            Box::pin(async { Err(ProviderError::new("asked although the key is there")) })
        }
    }

    /// Whoever wants to hears two hours before a key ends.
    fn holding(read: Credential) -> Credentials {
        let hook = ExpiryHook {
            within: Duration::from_hours(2),
            tell: Box::new(|_| {}),
        };
        Credentials::new(Arc::new(Read), Some(read), Some(hook)).unwrap()
    }

    fn had(credentials: &Credentials) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let key = pin!(credentials.get(None)).poll(&mut context);
        matches!(key, Poll::Ready(Ok(_)))
    }

    #[test]
    fn a_key_that_is_there_is_had_at_once_and_without_memory() {
        let in_hours = |hours| Timestamp::from(SystemTime::now() + Duration::from_hours(hours));
        for credentials in [
            holding(Credential::new("avk_x")),
            // The clock has to be looked at, too.
            holding(Credential::new("avk_x").expires_at(in_hours(100))),
            // And whoever wanted to hear of its end has heard.
            holding(Credential::new("avk_x").expires_at(in_hours(1))),
        ] {
            assert!(had(&credentials));
            let mut times = 0;
            let cost = allocation_counter::measure(|| {
                times = (0..100).filter(|_| had(&credentials)).count();
            });
            assert_eq!((times, cost.count_total), (100, 0));
        }
    }
}
