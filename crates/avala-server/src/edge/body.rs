//! Reading a request's body: not too much of it, and not for too long.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use crate::{config::Limits, refusal::Refusal};

/// A client that is refused may still be sending. Closing at once would reset its connection, and the answer would be
/// lost; so this much is taken and thrown away first.
const DISCARDED_BYTES: usize = 8 * 1024 * 1024;
const DISCARDED_FOR: Duration = Duration::from_secs(2);

pub(super) async fn read(body: Incoming, limits: &Limits) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > limits.body_bytes as u64 {
        discard(body).await;
        return Err(too_large());
    }
    let read = Limited::new(body, limits.body_bytes).collect();
    match tokio::time::timeout(limits.body_timeout, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::bad_request("The body ended too early.", "body_incomplete").closing()),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive in time.",
            "body_timeout",
        )
        .closing()),
    }
}

/// Takes a body that nobody wants.
pub(super) async fn discard(body: Incoming) {
    if !body.is_end_stream() {
        let taken = Limited::new(body, DISCARDED_BYTES).collect();
        let _either_way = tokio::time::timeout(DISCARDED_FOR, taken).await;
    }
}

fn too_large() -> Refusal {
    // No `limit` or `used` here: the official clients read those as an exceeded storage quota.
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "The request body is too large.",
        "body_too_large",
    )
    .closing()
}
