//! The one error: what went wrong, whether the call may have taken effect, and what to do next. Never a secret.

use std::{fmt, time::Duration};

use avala_api::{ErrorBody, FieldErrors, RateLimit, Response, Route};
use http::{HeaderMap, StatusCode};

use crate::transport::{TransportError, TransportFailure};

/// Where people make keys.
const KEYS_PAGE: &str = "https://app.avala.ai/settings/api-keys";

/// The longest message that is kept of a server's text, in bytes.
const LONGEST_MESSAGE: usize = 500;

/// What kind of failure it was. The names follow the official clients' exceptions, so that their documentation still helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client or the call cannot be built as asked: no key, a bad base URL, a parameter that cannot be sent. Nothing was sent.
    #[doc(alias = "ValueError")]
    Configuration,
    /// 401: the key is missing, wrong, expired or revoked; `code` tells which, where the server says so.
    #[doc(alias = "AuthenticationError")]
    Authentication,
    /// 403: the key is valid and lacks the right.
    #[doc(alias = "ForbiddenError")]
    Forbidden,
    /// 404: there is no such object, or it belongs to somebody else.
    #[doc(alias = "NotFoundError")]
    NotFound,
    /// 400 or 422: a field is missing or wrong; see `field_errors`.
    #[doc(alias = "ValidationError")]
    Validation,
    /// 409: the object is in a state that does not allow it.
    Conflict,
    /// 410: the object was here and is no more.
    Gone,
    /// 429: too many requests; see `retry_after`.
    #[doc(alias = "RateLimitError")]
    RateLimited,
    /// 413 with a quota: the storage is full; see `quota`.
    #[doc(alias = "QuotaExceededError")]
    QuotaExceeded,
    /// 413 without a quota, or an answer larger than the client takes.
    TooLarge,
    /// 5xx.
    #[doc(alias = "ServerError")]
    Server,
    /// Any other status, redirects included: they are never followed.
    #[doc(alias = "AvalaError")]
    Status,
    /// The call's deadline passed, or one attempt took too long.
    Timeout,
    /// No connection, or one that broke.
    Connection,
    /// A success whose body is not what the contract says.
    Decode,
    /// The call was given up before it ended.
    Cancelled,
}

impl ErrorKind {
    /// The kind's name in lower case with underscores, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Authentication => "authentication",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Validation => "validation",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::TooLarge => "too_large",
            Self::Server => "server",
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Decode => "decode",
            Self::Cancelled => "cancelled",
        }
    }

    /// The exit code of a command that fails with this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Configuration => 2,
            Self::NotFound | Self::Gone => 3,
            Self::Authentication => 4,
            Self::Forbidden => 5,
            Self::RateLimited => 6,
            Self::Timeout | Self::Connection => 7,
            Self::Server => 8,
            Self::Validation | Self::Conflict => 9,
            Self::QuotaExceeded | Self::TooLarge => 10,
            Self::Cancelled => 130,
            Self::Status | Self::Decode => 1,
        }
    }
}

/// Why a call failed.
///
/// `Display` is one line with what to do next. No text of it ever holds a key: messages of servers are redacted and cut to 500 bytes.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    operation: Option<&'static str>,
    status: Option<StatusCode>,
    body: ErrorBody,
    request_id: Option<String>,
    rate_limit: RateLimit,
    retry_after: Option<Duration>,
    attempts: u32,
    may_have_been_sent: bool,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            operation: None,
            status: None,
            body: ErrorBody::default(),
            request_id: None,
            rate_limit: RateLimit::default(),
            retry_after: None,
            attempts: 0,
            may_have_been_sent: false,
        }))
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    pub(crate) fn cancelled() -> Self {
        let mut error = Self::new(ErrorKind::Cancelled, "The call was given up before it ended.");
        error.0.may_have_been_sent = true;
        error
    }

    /// The call's time is over. `sent`: whether an attempt may have reached the server.
    pub(crate) fn deadline(sent: bool) -> Self {
        let mut error = Self::new(ErrorKind::Timeout, "The call took longer than its timeout.");
        error.0.may_have_been_sent = sent;
        error.with_hint("Give it more time with `with_timeout`, or see whether the server is reachable.")
    }

    pub(crate) fn of_transport(error: &TransportError) -> Self {
        let (kind, hint) = match error.failure {
            TransportFailure::Connect => (
                ErrorKind::Connection,
                "See whether the host is right and reachable from here.",
            ),
            TransportFailure::Timeout => (
                ErrorKind::Timeout,
                "The server is slow or unreachable; try again.",
            ),
            TransportFailure::Interrupted => (ErrorKind::Connection, "The connection broke; try again."),
            TransportFailure::TooLarge => (ErrorKind::TooLarge, "Ask for fewer rows with `limit`."),
            TransportFailure::Setup => (ErrorKind::Configuration, "See the TLS and proxy settings."),
        };
        let mut new = Self::new(kind, tidy(&error.message));
        new.0.may_have_been_sent = error.may_have_been_sent;
        new.with_hint(hint)
    }

    /// The error of an answer that is no success.
    pub(crate) fn of_answer(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        wait: Option<Duration>,
    ) -> Self {
        let parsed = tidied(ErrorBody::parse(body));
        let kind = kind_of(status, &parsed);
        let said = match &parsed.detail {
            Some(detail) => detail.clone(),
            None if !parsed.fields.is_empty() => parsed.fields.to_string(),
            None => format!("HTTP {}", status.as_u16()),
        };
        let around = Response::new((), status, HeaderMap::new(), 0);
        let request_id = Response::new((), status, headers.clone(), 0).request_id;
        let mut error = Self::new(kind, shortened(&said));
        error.0.hint = hint_of(kind, status, &parsed).map(str::to_owned);
        error.0.status = Some(around.status);
        error.0.body = parsed;
        error.0.request_id = request_id.map(|id| tidy(&id));
        error.0.rate_limit = RateLimit::read(headers);
        error.0.retry_after = wait;
        error.0.may_have_been_sent = true;
        error
    }

    /// A success that cannot be read. `reason` tells where, and quotes nothing.
    pub(crate) fn decode(status: StatusCode, headers: &HeaderMap, reason: &str) -> Self {
        let mut error = Self::of_answer(status, headers, b"", None);
        error.0.kind = ErrorKind::Decode;
        error.0.message = format!("The answer is not what the API promises: {}", tidy(reason));
        error.0.hint =
            Some("See whether the base URL leads to an Avala API, and whether a newer client exists.".into());
        error
    }

    pub(crate) fn repeated_cursor() -> Self {
        let mut error = Self::new(
            ErrorKind::Decode,
            "The server named a page that was read already.",
        );
        error.0.may_have_been_sent = true;
        error
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn of_call(mut self, route: &Route, attempts: u32) -> Self {
        self.0.operation = Some(route.operation);
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn sent_before(mut self, sent: bool) -> Self {
        self.0.may_have_been_sent |= sent;
        self
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong, in one sentence: the server's own, where it said something.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The operation that failed, such as `webhooks.list`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The HTTP status; `None` when no answer came.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The server's reason, for programs (`key_expired`, `scope_missing`, …).
    pub fn code(&self) -> Option<&str> {
        self.0.body.code.as_deref()
    }

    /// Where the server explains the reason.
    pub fn doc_url(&self) -> Option<&str> {
        self.0.body.doc_url.as_deref()
    }

    /// What is wrong, by field.
    pub fn field_errors(&self) -> &FieldErrors {
        &self.0.body.fields
    }

    /// How much storage is allowed and used, in bytes, of a quota error.
    pub fn quota(&self) -> (Option<i64>, Option<i64>) {
        (self.0.body.limit, self.0.body.used)
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How much of the quota of requests is left.
    pub fn rate_limit(&self) -> RateLimit {
        self.0.rate_limit
    }

    /// The request's name in the server's log.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How often the call was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the call may have reached the server, and so may have taken effect.
    pub fn may_have_been_sent(&self) -> bool {
        self.0.may_have_been_sent
    }

    /// The exit code of a command that fails with this error.
    pub fn exit_code(&self) -> u8 {
        self.0.kind.exit_code()
    }
}

fn kind_of(status: StatusCode, body: &ErrorBody) -> ErrorKind {
    match status.as_u16() {
        400 | 422 => ErrorKind::Validation,
        401 => ErrorKind::Authentication,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        410 => ErrorKind::Gone,
        413 if body.limit.is_some() || body.used.is_some() => ErrorKind::QuotaExceeded,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Status,
    }
}

/// What to do next, by the server's code where it gives one, else by kind and the published texts.
fn hint_of(kind: ErrorKind, status: StatusCode, body: &ErrorBody) -> Option<&'static str> {
    let detail = body.detail.as_deref().unwrap_or_default().to_ascii_lowercase();
    Some(match (kind, body.code.as_deref()) {
        (_, Some("key_malformed")) => "The key is damaged: copy it again, whole, from where it was stored.",
        (_, Some("key_wrong_class")) => "This key is of another class (test or live) than the server.",
        (_, Some("key_revoked")) => {
            "The key was revoked: make a new one and update the place it is read from."
        }
        (_, Some("key_disabled")) => "The key is disabled: have its owner enable it, or use another one.",
        (_, Some("key_rotated")) => "The key was rotated: use its successor.",
        (ErrorKind::Authentication, _) if detail.contains("expired") => {
            "The key has expired: make a new one and update the place it is read from."
        }
        (ErrorKind::Authentication, _) if detail.contains("not provided") => {
            "No key reached the server: see whether a proxy drops the X-Avala-Api-Key header."
        }
        (ErrorKind::Authentication, _) => {
            "The key is wrong or revoked, or belongs to another server than this base URL."
        }
        (ErrorKind::Forbidden, _) => "Use a key with the scope this call needs.",
        (ErrorKind::NotFound, _) => {
            "See whether the identifier is right and belongs to the key's organization."
        }
        (ErrorKind::RateLimited, _) => "Wait as long as the server asked, and send fewer requests.",
        (ErrorKind::QuotaExceeded, _) => "Free storage, or have the quota raised.",
        (ErrorKind::Server, _) => "The server failed: try again; if it stays, report the request id.",
        _ if status.is_redirection() => "Redirects are never followed: see whether the base URL is right.",
        _ => return None,
    })
}

/// A server's body, every text of it made fit to show: it may repeat what it was sent.
fn tidied(body: ErrorBody) -> ErrorBody {
    let mut tidied = body;
    for text in [&mut tidied.detail, &mut tidied.code, &mut tidied.doc_url] {
        *text = text.as_deref().map(tidy);
    }
    tidied.fields = FieldErrors(
        (tidied.fields.0.into_iter())
            .map(|(field, messages)| {
                (
                    tidy(&field),
                    messages.iter().map(|message| tidy(message)).collect(),
                )
            })
            .collect(),
    );
    tidied
}

/// A text made fit to show: no secret, no control character, not too long.
fn tidy(text: &str) -> String {
    shortened(&avala_keys::redact::text(text))
}

fn shortened(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len().min(LONGEST_MESSAGE));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if tidy.len() + c.len_utf8() > LONGEST_MESSAGE - '…'.len_utf8() {
            tidy.push('…');
            break;
        }
        tidy.push(c);
    }
    tidy
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(status) = inner.status {
            write!(f, "{} ", status.as_u16())?;
        }
        f.write_str(&inner.message)?;
        if let Some(operation) = inner.operation {
            write!(f, " ({operation}")?;
            if let Some(id) = &inner.request_id {
                write!(f, ", request {id}")?;
            }
            if inner.attempts > 1 {
                write!(f, ", {} attempts", inner.attempts)?;
            }
            f.write_str(")")?;
        }
        if let Some(hint) = &inner.hint {
            write!(f, " {hint}")?;
        }
        if inner.kind == ErrorKind::Authentication {
            write!(f, " Keys are made at {KEYS_PAGE}.")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("status", &self.0.status)
            .field("code", &self.code())
            .field("operation", &self.0.operation)
            .field("request_id", &self.0.request_id)
            .field("attempts", &self.0.attempts)
            .field("may_have_been_sent", &self.0.may_have_been_sent)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Error {
        Error::of_answer(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
            None,
        )
    }

    #[test]
    fn every_status_has_its_kind() {
        for (status, body, kind) in [
            (400, "{}", ErrorKind::Validation),
            (401, "{}", ErrorKind::Authentication),
            (403, "{}", ErrorKind::Forbidden),
            (404, "{}", ErrorKind::NotFound),
            (405, "{}", ErrorKind::Status),
            (409, "{}", ErrorKind::Conflict),
            (410, "{}", ErrorKind::Gone),
            (413, r#"{"detail":"full","limit":10}"#, ErrorKind::QuotaExceeded),
            (413, r#"{"detail":"full","limit":"10"}"#, ErrorKind::TooLarge),
            (422, "[]", ErrorKind::Validation),
            (429, "<html>", ErrorKind::RateLimited),
            (500, "", ErrorKind::Server),
            (503, "", ErrorKind::Server),
            (302, "", ErrorKind::Status),
        ] {
            assert_eq!(answer(status, body).kind(), kind, "{status} {body}");
        }
    }

    #[test]
    fn all_seven_shapes_of_an_error_body_are_understood() {
        let code = |error: &Error| error.code().map(str::to_owned);
        assert_eq!(
            answer(401, r#"{"detail":"Invalid API key."}"#).message(),
            "Invalid API key."
        );
        assert_eq!(
            answer(400, r#"{"detail":{"name":["Too long."]}}"#)
                .field_errors()
                .0["name"],
            ["Too long."]
        );
        assert_eq!(
            answer(400, r#"{"name":["Too long."],"n":{"a":["b"]}}"#).message(),
            "n.a: b; name: Too long."
        );
        let full = answer(
            403,
            r#"{"detail":"Needs PRO.","code":"plan_insufficient","doc_url":"https://docs.avala.ai/x"}"#,
        );
        assert_eq!(
            (code(&full).unwrap().as_str(), full.doc_url().unwrap()),
            ("plan_insufficient", "https://docs.avala.ai/x")
        );
        assert_eq!(
            answer(413, r#"{"detail":"Full.","limit":10,"used":11}"#).quota(),
            (Some(10), Some(11))
        );
        let old = answer(
            400,
            r#"{"error":{"code":"bad","message":"Bad name.","details":{"name":["x"]}}}"#,
        );
        assert_eq!((old.message(), code(&old).as_deref()), ("Bad name.", Some("bad")));
        assert_eq!(answer(502, "<html>Bad gateway</html>").message(), "HTTP 502");
        let list = answer(
            422,
            r#"[{"loc":["body","events",0],"msg":"field required","type":"x"}]"#,
        );
        assert_eq!(list.field_errors().0["body.events.0"], ["field required"]);
    }

    #[test]
    fn a_message_is_one_short_line_without_control_characters_or_keys() {
        let key = format!("avk_live_{}_{}", "7Hk2mQ9xTbWc", "a".repeat(38));
        let detail = format!("bad\u{1b}[31m\nkey {key} {}", "é".repeat(1000));
        let error = answer(
            401,
            &serde_json::json!({ "detail": detail, "code": key }).to_string(),
        );
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&key), "{shown}");
        assert!(!error.to_string().contains('\n') && !error.to_string().contains('\u{1b}'));
        assert!(error.message().len() <= LONGEST_MESSAGE);
    }

    #[test]
    fn an_error_is_one_word_wide_and_may_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
