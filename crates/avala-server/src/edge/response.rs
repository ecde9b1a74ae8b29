//! Answers: the body, and the headers that every answer carries.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use http_body_util::Full;

use super::rate::Allowance;
use crate::refusal::Refusal;

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What an operation answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// JSON; `None` for an answer without a body.
    pub(crate) body: Option<Bytes>,
}

/// The whole response.
pub(super) fn response(
    outcome: Result<Reply, Refusal>,
    allowance: Option<Allowance>,
    request_id: &str,
    docs: Option<&str>,
) -> Response<Full<Bytes>> {
    let (reply, refusal) = match outcome {
        Ok(reply) => (reply, None),
        Err(refusal) => {
            let body = refusal.body(docs).to_string();
            (
                Reply {
                    status: refusal.status,
                    body: Some(body.into()),
                },
                Some(refusal),
            )
        }
    };
    let has_body = reply.body.is_some();
    let mut response = Response::new(Full::new(reply.body.unwrap_or_default()));
    *response.status_mut() = reply.status;

    let headers = response.headers_mut();
    let fixed = |text: &'static str| HeaderValue::from_static(text);
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(RESOURCE_POLICY, fixed("same-origin"));
    if has_body {
        headers.insert(CONTENT_TYPE, fixed("application/json"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(allowance) = allowance {
        headers.insert(RATE_LIMIT, allowance.limit.into());
        headers.insert(RATE_REMAINING, allowance.remaining.into());
        headers.insert(RATE_RESET, allowance.reset.into());
    }
    if let Some(refusal) = refusal {
        if refusal.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, fixed(r#"ApiKey header="X-Avala-Api-Key""#));
        }
        if let Some(seconds) = refusal.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = refusal.allow.and_then(|methods| methods.try_into().ok()) {
            headers.insert(ALLOW, allow);
        }
        if refusal.close {
            headers.insert(CONNECTION, fixed("close"));
        }
    }
    response
}
