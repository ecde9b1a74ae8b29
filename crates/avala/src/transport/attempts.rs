//! The attempt loop: send, judge, wait, send again, within the call's deadline.

use std::time::{Duration, SystemTime};

use avala_api::{CallOptions, Operation, Response, Route};
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument as _;

use super::{
    Limits, TransportError, TransportFailure, decode::decode, prepare::Prepared, retry,
    retry_after::retry_after,
};
use crate::{Error, client::Core};

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
        let (outcome, attempts) = attempts(core, &prepared, options).await;
        let outcome = outcome.and_then(|answer| decode(answer, attempts, core.tidy()));
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
) -> (Result<http::Response<Bytes>, Error>, u32) {
    let policy = options.retry.unwrap_or(core.retry);
    let budget = options.timeout.unwrap_or(core.timeout);
    let deadline = Instant::now().checked_add(budget);
    let greatest = policy.attempts.max(1);
    let longest = longest_attempt(core, &prepared.route, budget, greatest);
    let mut sent = false;
    let mut attempt = 1;
    loop {
        let failed = match one(core, prepared, deadline, budget, longest).await {
            Ok(answer) => return (Ok(answer), attempt),
            Err(failed) => failed,
        };
        sent |= failed.error.may_have_been_sent();
        let error = failed.error.sent_before(sent);
        if !failed.again || attempt >= greatest {
            return (Err(error), attempt);
        }
        let wait = match failed.asked {
            // The server's own figure replaces the formula; a longer one than we would ever wait ends the call.
            Some(asked) if asked > policy.max_delay => return (Err(error), attempt),
            Some(asked) => asked,
            None => retry::backoff(&policy, attempt + 1, core.jitter()),
        };
        // Sleeping past the deadline helps nobody: the error at hand says more than "timed out".
        if deadline.is_some_and(|deadline| wait >= deadline.saturating_duration_since(Instant::now())) {
            return (Err(error), attempt);
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
    let call = core.transport.call(prepared.request(), limits);
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
                    core.tidy(),
                ),
                again: retry::after_answer(&prepared.route, answer.status()),
                asked,
            })
        }
        Err(error) => Err(Failed {
            error: Error::of_transport(&error),
            again: retry::after_failure(&prepared.route, &error),
            asked: None,
        }),
    }
}
