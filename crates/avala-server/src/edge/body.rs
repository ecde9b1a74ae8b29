//! Reading a request's body: not too much of it, and not for too long.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, EXPECT},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use crate::{config::Limits, refusal::Refusal};

/// A small body that nobody wants is taken, so that its connection can be kept for the next request.
const DISCARDED_BYTES: u64 = 64 * 1024;
const DISCARDED_FOR: Duration = Duration::from_secs(2);

/// The longest body of a caller without a key: enough for every field of a sign-up.
const ANONYMOUS_BYTES: usize = 64 * 1024;

/// How much of a body is read for whom.
pub(super) fn longest(limits: &Limits, is_anonymous: bool) -> usize {
    if is_anonymous {
        limits.body_bytes.min(ANONYMOUS_BYTES)
    } else {
        limits.body_bytes
    }
}

pub(super) async fn read(body: Incoming, longest: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > longest as u64 {
        return Err(too_large());
    }
    let read = Limited::new(body, longest).collect();
    match tokio::time::timeout(timeout, read).await {
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

/// Takes a body that nobody wants, piece by piece. Whether it was taken whole; if not, the connection must be closed.
pub(super) async fn discard(headers: &HeaderMap, mut body: Incoming) -> bool {
    if body.is_end_stream() {
        return true;
    }
    // To look at the body of a client that waits for consent would be consent.
    if headers.contains_key(EXPECT) || body.size_hint().lower() > DISCARDED_BYTES {
        return false;
    }
    let taken = async {
        while let Some(piece) = body.frame().await {
            if piece.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DISCARDED_FOR, taken).await.unwrap_or(false)
}

/// Refuses a body that does not say it is JSON: a web page can send other types to a server on its reader's machine
/// without asking first.
pub(super) fn must_be_json(headers: &HeaderMap, body: &Incoming) -> Result<(), Refusal> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let essence = |value: &HeaderValue| {
        let value = value.as_bytes();
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        value[..end]
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
    };
    if body.is_end_stream() || (types.next().is_some_and(essence) && types.next().is_none()) {
        Ok(())
    } else {
        Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the body as application/json.",
            "unsupported_media_type",
        ))
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
