//! Whether a call is sent again, and when.

use std::time::Duration;

use avala_api::{Retry, Route};
use http::StatusCode;

use super::{TransportError, TransportFailure};

/// Whether an answer is worth another attempt. A call that is not idempotent may have acted: it is never repeated after an answer.
pub(crate) fn after_answer(route: &Route, status: StatusCode) -> bool {
    route.idempotent && matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Whether a failure is worth another attempt: always if the request never left, else only if repeating does no harm.
pub(crate) fn after_failure(route: &Route, error: &TransportError) -> bool {
    match error.failure {
        TransportFailure::Resolve
        | TransportFailure::Connect
        | TransportFailure::Proxy
        | TransportFailure::Timeout
        | TransportFailure::Interrupted => route.idempotent || !error.may_have_been_sent,
        // Certificates do not mend themselves while somebody waits.
        TransportFailure::Tls | TransportFailure::TooLarge | TransportFailure::Setup => false,
    }
}

/// The wait before attempt `next` (2 for the first repetition). `jitter` is in 0..1; the wait is between half and all of the formula's.
pub(crate) fn backoff(policy: &Retry, next: u32, jitter: f64) -> Duration {
    let doublings = next.saturating_sub(2).min(31);
    let full = policy
        .base_delay
        .saturating_mul(1 << doublings)
        .min(policy.max_delay);
    full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use avala_api::{Operation as _, webhooks};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_call_that_is_not_idempotent_is_repeated_only_if_it_never_left() {
        let create = webhooks::Create::ROUTE;
        let list = webhooks::List::ROUTE;
        for status in 100..=599 {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(!after_answer(&create, status), "{status}");
        }
        assert!(after_answer(&list, StatusCode::SERVICE_UNAVAILABLE));
        assert!(!after_answer(&list, StatusCode::NOT_IMPLEMENTED));
        for failure in [
            TransportFailure::Resolve,
            TransportFailure::Connect,
            TransportFailure::Proxy,
            TransportFailure::Timeout,
            TransportFailure::Interrupted,
        ] {
            for sent in [true, false] {
                let error = TransportError::new(failure, sent, "");
                assert_eq!(after_failure(&create, &error), !sent);
                assert!(after_failure(&list, &error));
            }
        }
    }

    proptest! {
        #[test]
        fn a_wait_never_overflows_and_never_exceeds_the_longest(next in any::<u32>(), jitter in -1.0_f64..2.0, base in 0_u64..u64::MAX / 2) {
            let policy = Retry::default().with_delays(Duration::from_millis(base), Duration::from_mins(1));
            prop_assert!(backoff(&policy, next, jitter) <= policy.max_delay);
        }
    }
}
