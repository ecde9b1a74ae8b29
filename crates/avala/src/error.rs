//! The one error: what went wrong, whether the call may have taken effect, and what to do next. Never a secret.

mod advice;
mod answer;
mod job;
mod key_problem;
mod kind;

use std::{any::Any, fmt, sync::Arc, time::Duration};

use avala_api::{Access, ErrorBody, FieldErrors, RateLimit, Route};
use http::{HeaderMap, StatusCode};

pub use self::advice::Advice;
use self::advice::hint_for;
pub(crate) use self::answer::Tidy;
use self::answer::{kind_of, shortened};
pub use self::key_problem::KeyProblem;
pub use self::kind::ErrorKind;
use crate::transport::{TransportError, TransportFailure};

/// Where people make keys.
const KEYS_PAGE: &str = "https://app.avala.ai/settings/api-keys";
/// The code of a call whose key lacks the scope it needs.
const SCOPE_MISSING: &str = "scope_missing";

/// Why a call failed.
///
/// `Display` is one line with what to do next. No text of it ever holds a key: messages of servers are redacted and cut to 500 bytes.
#[derive(Clone)]
#[doc(alias = "AvalaError")]
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
    job: Option<Arc<dyn Any + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner {
            kind,
            hint: hint_for(kind, None, &message).map(str::to_owned),
            message,
            operation: None,
            status: None,
            body: ErrorBody::default(),
            request_id: None,
            rate_limit: RateLimit::default(),
            retry_after: None,
            attempts: 0,
            may_have_been_sent: false,
            job: None,
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
        error
    }

    /// The key is known to lack what the call needs, so it was not sent.
    pub(crate) fn scope_missing(access: Access) -> Self {
        let scopes = scopes_of(access).unwrap_or_default();
        let mut error = Self::new(
            ErrorKind::Forbidden,
            format!("The key lacks the scope {scopes}, so the call was not sent."),
        );
        error.0.body.code = Some(SCOPE_MISSING.to_owned());
        error
    }

    pub(crate) fn of_transport(error: &TransportError, tidy: Tidy<'_>) -> Self {
        let kind = match error.failure {
            TransportFailure::Resolve
            | TransportFailure::Connect
            | TransportFailure::Proxy
            | TransportFailure::Tls
            | TransportFailure::Interrupted => ErrorKind::Connection,
            TransportFailure::Timeout => ErrorKind::Timeout,
            TransportFailure::TooLarge => ErrorKind::TooLarge,
            TransportFailure::Setup => ErrorKind::Configuration,
        };
        let mut new = Self::new(kind, tidy.text(&error.message));
        new.0.may_have_been_sent = error.may_have_been_sent;
        match error.failure {
            TransportFailure::Resolve => new.with_hint("See whether the host's name is right and known here."),
            TransportFailure::Proxy => new.with_hint(
                "See the proxy's address and credentials (HTTPS_PROXY, or `proxy` of the builder), and whether it lets this host through.",
            ),
            TransportFailure::Tls if !advice::is_about_certificates(&error.message) => new.with_hint(
                "See whether the server speaks TLS at this port, and whether its certificate is valid and for this host.",
            ),
            TransportFailure::Interrupted => new.with_hint("The connection broke; try again."),
            TransportFailure::Setup => new.with_hint("See the TLS and proxy settings."),
            _ => new,
        }
    }

    /// The error of an answer that is no success.
    pub(crate) fn of_answer(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        wait: Option<Duration>,
        tidy: Tidy<'_>,
    ) -> Self {
        let parsed = tidy.body(ErrorBody::parse(body));
        let kind = kind_of(status, &parsed);
        let said = match &parsed.detail {
            Some(detail) => detail.clone(),
            None if !parsed.fields.is_empty() => parsed.fields.to_string(),
            None => format!("HTTP {}", status.as_u16()),
        };
        let mut error = Self::new(kind, shortened(&said));
        let known_by = match kind {
            ErrorKind::Status => format!("HTTP {}", status.as_u16()),
            _ => said,
        };
        error.0.hint = hint_for(kind, parsed.code.as_deref(), &known_by).map(str::to_owned);
        error.0.status = Some(status);
        error.0.body = parsed;
        error.0.request_id = avala_api::request_id(headers).map(|id| tidy.text(id));
        error.0.rate_limit = RateLimit::read(headers);
        error.0.retry_after = wait;
        error.0.may_have_been_sent = true;
        error
    }

    /// A success that cannot be read. `reason` tells where, and quotes nothing.
    pub(crate) fn decode(status: StatusCode, headers: &HeaderMap, reason: &str, tidy: Tidy<'_>) -> Self {
        let mut error = Self::of_answer(status, headers, b"", None, tidy);
        error.0.kind = ErrorKind::Decode;
        error.0.message = format!("The answer is not what the API promises: {}", tidy.text(reason));
        error.0.hint = hint_for(ErrorKind::Decode, None, "").map(str::to_owned);
        error
    }

    /// A link to the next page that leads nowhere: ending the list there would lose rows silently.
    pub(crate) fn next_page(reason: &str) -> Self {
        let mut error = Self::new(ErrorKind::Decode, reason);
        error.0.may_have_been_sent = true;
        error
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn of_call(mut self, route: &Route, attempts: u32) -> Self {
        if self.0.kind == ErrorKind::Forbidden
            && self.code() == Some(SCOPE_MISSING)
            && let Some(scopes) = scopes_of(route.access)
        {
            self.0.hint = Some(format!("Use a key with the scope {scopes}."));
        }
        self.0.operation = Some(route.operation);
        self.0.attempts = attempts;
        self
    }

    /// The name the call was sent by, where no answer came that has one of its own.
    pub(crate) fn of_request(mut self, id: Option<&str>) -> Self {
        if self.0.status.is_none() && self.0.may_have_been_sent {
            self.0.request_id = id.map(|id| Tidy { key: None }.text(id));
        }
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
    #[doc(alias = "status_code")]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The server's reason, for programs (`key_expired`, `scope_missing`, …).
    pub fn code(&self) -> Option<&str> {
        self.0.body.code.as_deref()
    }

    /// What is wrong with the key, of a 401: by the server's code, else by the texts that Avala publishes. `None` of any other
    /// error, and of a 401 that says nothing known.
    pub fn key_problem(&self) -> Option<KeyProblem> {
        if self.0.kind != ErrorKind::Authentication {
            return None;
        }
        KeyProblem::of(self.code(), &self.0.message)
    }

    /// Where the server explains the reason.
    pub fn doc_url(&self) -> Option<&str> {
        self.0.body.doc_url.as_deref()
    }

    /// What is wrong, by field.
    #[doc(alias = "details")]
    pub fn field_errors(&self) -> &FieldErrors {
        &self.0.body.fields
    }

    /// How much storage is allowed and used, in bytes, of a quota error.
    #[doc(alias = "limit")]
    #[doc(alias = "used")]
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

    /// The request's name in the server's log. Where no answer came, the name it was sent by (`X-Request-Id`).
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

/// The scopes of which a call needs one, in words.
fn scopes_of(access: Access) -> Option<String> {
    match access {
        Access::Scope(one) => Some(format!("`{one}`")),
        Access::Either(one, other) => Some(format!("`{one}` or `{other}`")),
        Access::AnyKey | Access::Anonymous => None,
    }
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
            .field("hint", &self.0.hint)
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
            Tidy { key: None },
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
        assert!(error.message().len() <= answer::LONGEST_MESSAGE);
    }

    #[test]
    fn the_key_that_was_sent_is_never_shown_whatever_its_shape() {
        for key in [
            "MyCustomToken99",
            "0123456789abcdef0123456789abcdef01234567",
            "explicit-key-0123456789",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", key.parse().unwrap());
            let echo =
                serde_json::json!({ "detail": format!("The key {key} is bad"), "code": key, "doc_url": key });
            let fields = serde_json::json!({ (key): [key] });
            for body in [echo, fields] {
                let tidy = Tidy { key: Some(key) };
                let error = Error::of_answer(
                    StatusCode::BAD_REQUEST,
                    &headers,
                    body.to_string().as_bytes(),
                    None,
                    tidy,
                );
                let shown = format!(
                    "{error} {error:?} {:?} {:?} {:?} {:?}",
                    error.code(),
                    error.doc_url(),
                    error.field_errors(),
                    error.request_id()
                );
                assert!(!shown.contains(key), "{shown}");
            }
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_says_what_to_name_or_to_make() {
        for (said, hint) in [
            ("invalid peer certificate: UnknownIssuer", "AVALA_CA_BUNDLE=FILE"),
            ("invalid peer certificate: BadSignature", "AVALA_CA_BUNDLE=FILE"),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "basicConstraints=CA:FALSE",
            ),
            ("received fatal alert: CertificateRequired", "client_certificate"),
            ("invalid peer certificate: Expired", "valid"),
        ] {
            let error = TransportError::new(TransportFailure::Tls, false, said);
            let error = Error::of_transport(&error, Tidy { key: None });
            assert!(error.hint().unwrap().contains(hint), "{error}");
        }
    }

    #[test]
    fn an_error_is_one_word_wide_and_may_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
