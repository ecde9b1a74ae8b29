//! The attempt loop: send, judge, wait, send again, within the call's deadline.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use avala_api::{CallOptions, Operation, Response, Route};
use bytes::Bytes;
use http::StatusCode;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::Instrument as _;

use super::{
    Limits, TransportError, TransportFailure, decode::decode, prepare::Prepared, retry,
    retry_after::retry_after,
};
use crate::{Error, auth::Held, client::Core, error::Tidy};

/// How long one attempt of several takes at least, unless set.
const ATTEMPT: Duration = Duration::from_secs(30);
/// The largest success the client takes, in bytes.
const SUCCESS_BODY: usize = 50 * 1024 * 1024;
/// How much of an error is read, in bytes.
const ERROR_BODY: usize = 1024 * 1024;

/// Sends a call and reads its answer.
pub(crate) async fn send<O: Operation>(
    core: &Core,
    operation: &O,
    options: &CallOptions,
) -> Result<Response<O::Answer>, Error> {
    let route = O::ROUTE;
    let span = tracing::debug_span!(
        "avala.operation",
        operation = route.operation,
        status = tracing::field::Empty,
        attempts = tracing::field::Empty
    );
    let own = span.clone();
    async move {
        let prepared = Prepared::new(core, operation, options).map_err(|error| error.of_call(&route, 0))?;
        let (outcome, attempts, key) = attempts(core, &prepared, options).await;
        let outcome = outcome.map_err(|error| error.of_request(prepared.request_id()));
        let outcome = outcome.and_then(|answer| decode(answer, attempts, Tidy::of(key.as_deref())));
        // Not the current span: when ours is filtered out, that is the caller's.
        own.record("attempts", attempts);
        match &outcome {
            Ok(answer) => own.record("status", answer.status.as_u16()),
            Err(error) => own.record("status", error.status().map_or(0, |status| status.as_u16())),
        };
        outcome.map_err(|error| error.of_call(&route, attempts))
    }
    .instrument(span)
    .await
}

/// What one attempt came to.
struct Failed {
    error: Error,
    again: bool,
    asked: Option<Duration>,
}

async fn attempts(
    core: &Core,
    prepared: &Prepared,
    options: &CallOptions,
) -> (Result<http::Response<Bytes>, Error>, u32, Option<Arc<Held>>) {
    let policy = options.retry.unwrap_or(core.retry);
    let budget = options.timeout.unwrap_or(core.timeout);
    let deadline = Instant::now().checked_add(budget);
    let greatest = policy.attempts.max(1);
    let longest = longest_attempt(core, &prepared.route, budget, greatest);
    let mut sent = false;
    let mut attempt = 1;
    let mut key = match &core.credentials {
        Some(credentials) if prepared.needs_key => {
            match before(deadline, credentials.get(deadline))
                .await
                .unwrap_or_else(|| Err(Error::deadline(false)))
            {
                Ok(held) => Some(held),
                Err(error) => return (Err(error), 0, None),
            }
        }
        _ => None,
    };
    if let Some(held) = &key
        && !options.without_permission_check
        && !core.without_permission_check
        && let Err(error) = core.known.check(held, prepared.route.access)
    {
        return (Err(error), 0, key);
    }
    let mut is_replayed = false;
    loop {
        let failed = match one(core, prepared, key.as_deref(), deadline, budget, longest).await {
            Ok(answer) => return (Ok(answer), attempt, key),
            Err(failed) => failed,
        };
        // It had no effect, whatever it is: another key may take it there.
        if failed.error.status() == Some(StatusCode::UNAUTHORIZED)
            && !is_replayed
            && attempt < greatest
            && let (Some(credentials), Some(refused)) = (&core.credentials, &key)
            && let Some(Some(newer)) = before(deadline, credentials.after_refusal(refused)).await
        {
            is_replayed = true;
            key = Some(newer);
            attempt += 1;
            continue;
        }
        sent |= failed.error.may_have_been_sent();
        let error = failed.error.sent_before(sent);
        if !failed.again || attempt >= greatest {
            return (Err(error), attempt, key);
        }
        let wait = match failed.asked {
            // The server's own figure replaces the formula; a longer one than we would ever wait ends the call.
            Some(asked) if asked > policy.max_delay => return (Err(error), attempt, key),
            Some(asked) => asked,
            None => retry::backoff(&policy, attempt + 1, core.jitter()),
        };
        // Sleeping past the deadline helps nobody: the error at hand says more than "timed out".
        if deadline.is_some_and(|deadline| wait >= deadline.saturating_duration_since(Instant::now())) {
            return (Err(error), attempt, key);
        }
        tracing::debug!(
            attempt,
            wait_ms = wait.as_millis(),
            kind = error.kind().as_str(),
            "waiting to send again"
        );
        sleep(wait).await;
        attempt += 1;
    }
}

/// What comes before the call's time is over, if it does.
async fn before<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

/// How long one attempt may take: all of the budget where no other could follow, else no more than its share of it.
fn longest_attempt(core: &Core, route: &Route, budget: Duration, attempts: u32) -> Duration {
    match core.attempt_timeout {
        Some(set) => set,
        None if route.idempotent && attempts > 1 => ATTEMPT.max(budget / attempts),
        None => budget,
    }
}

async fn one(
    core: &Core,
    prepared: &Prepared,
    key: Option<&Held>,
    deadline: Option<Instant>,
    budget: Duration,
    longest: Duration,
) -> Result<http::Response<Bytes>, Failed> {
    let left = deadline.map_or(budget, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    });
    let limits = Limits {
        timeout: left.min(longest),
        success_body: SUCCESS_BODY,
        error_body: ERROR_BODY,
    };
    let call = core
        .transport
        .call(prepared.request(key.map(|held| &held.header)), limits);
    // The one clock of all transports, those too that keep none. Whether the request left cannot be known from here, so
    // it may have.
    let outcome = match timeout(limits.timeout, call).await {
        Ok(outcome) => outcome,
        Err(_) if left <= longest => {
            return Err(Failed {
                error: Error::deadline(true),
                again: false,
                asked: None,
            });
        }
        Err(_) => Err(TransportError::new(
            TransportFailure::Timeout,
            true,
            "No answer in time.",
        )),
    };
    if let (Ok(answer), Some(held)) = (&outcome, key) {
        let origin = &core.report.origin;
        core.known.compare_class(held, answer.headers(), origin);
    }
    match outcome {
        Ok(answer) if answer.status().is_success() => Ok(answer),
        Ok(answer) => {
            let asked = retry_after(answer.headers(), SystemTime::now);
            Err(Failed {
                error: Error::of_answer(
                    answer.status(),
                    answer.headers(),
                    answer.body(),
                    asked,
                    Tidy::of(key),
                ),
                again: retry::after_answer(&prepared.route, answer.status()),
                asked,
            })
        }
        Err(error) => Err(Failed {
            error: Error::of_transport(&error, Tidy::of(key)),
            again: retry::after_failure(&prepared.route, &error),
            asked: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use avala_api::webhooks;

    use super::*;

    #[test]
    fn a_call_on_its_way_takes_two_kibibytes_at_most() {
        let client = crate::Client::builder()
            .environment(crate::Environment::empty())
            .api_key("avk_x")
            .build()
            .unwrap();
        let core = client.core();
        let (list, options) = (webhooks::List::new(), CallOptions::default());
        let future = send(core, &list, &options);
        assert!(size_of_val(&future) <= 2048, "{}", size_of_val(&future));
    }
}
