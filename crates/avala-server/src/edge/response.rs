//! Answers: the body, and the headers that every answer carries.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, REFERRER_POLICY, RETRY_AFTER,
        STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use http_body_util::Full;

use super::rate::Allowance;
use crate::{refusal::Refusal, service::Service};

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const KEY_CLASS: HeaderName = HeaderName::from_static("x-avala-key-class");
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
    service: &Service,
    outcome: Result<Reply, Refusal>,
    allowance: Option<Allowance>,
    request_id: &str,
) -> Response<Full<Bytes>> {
    whole(service, outcome, allowance, request_id).map(Full::new)
}

/// The answer to what is no request, as it goes over the wire. The connection ends with it.
pub(super) fn last_word(service: &Service, refusal: &Refusal) -> Bytes {
    let id = service.request_ids.next();
    tracing::info!(id, status = refusal.status.as_u16(), "refused what is no request");
    let mut response = whole(service, Err(refusal.clone().closing()), None, &id);
    let length = response.body().len();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    let now = httpdate::fmt_http_date(service.authority.now().into());
    if let Ok(now) = HeaderValue::from_str(&now) {
        headers.insert(DATE, now);
    }
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body());
    bytes.into()
}

fn whole(
    service: &Service,
    outcome: Result<Reply, Refusal>,
    allowance: Option<Allowance>,
    request_id: &str,
) -> Response<Bytes> {
    let (reply, refusal) = match outcome {
        Ok(reply) => (reply, None),
        Err(refusal) => {
            service.metrics.refusal(refusal.code());
            let body = refusal.body(service.docs_url.as_deref()).to_string();
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
    let mut response = Response::new(reply.body.unwrap_or_default());
    *response.status_mut() = reply.status;

    let headers = response.headers_mut();
    let fixed = |text: &'static str| HeaderValue::from_static(text);
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(RESOURCE_POLICY, fixed("same-origin"));
    headers.insert(KEY_CLASS, fixed(service.authority.class().as_str()));
    if service.tls.is_some() {
        headers.insert(STRICT_TRANSPORT_SECURITY, fixed("max-age=31536000"));
    }
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
