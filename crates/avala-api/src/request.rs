//! A call that has not been sent yet, and who may carry it.

use std::{fmt, time::Duration};

use crate::{Cursor, Job, Operation, Page, Paged, Polling, Timestamp, Wait};

/// A call under construction: the operation, the call's options, and who will carry it.
///
/// Optional parameters are set by name (`.limit(10)`), options by `with_…`; nothing happens before `send`, `pages` or `items`.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<O, C> {
    /// What is asked.
    pub operation: O,
    /// How it is sent.
    pub options: CallOptions,
    carrier: C,
}

/// Options of one call. Unset options take the client's.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// How long the whole call may take: waiting, all attempts, and reading the answer.
    pub timeout: Option<Duration>,
    /// How often and how patiently it is repeated.
    pub retry: Option<Retry>,
    /// Headers to add. The credential, `Host` and framing headers are refused when the call is sent.
    pub headers: Vec<(String, String)>,
    /// Whether it is sent even if the key is known to lack the scope it needs.
    pub without_permission_check: bool,
}

impl fmt::Debug for CallOptions {
    /// Headers by name only: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("headers", &headers)
            .field("without_permission_check", &self.without_permission_check)
            .finish()
    }
}

/// How often and how patiently a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How often the call is sent at most, the first time included. 0 counts as 1.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from there.
    pub base_delay: Duration,
    /// The longest wait between two attempts, a server's `Retry-After` included: a longer one ends the call.
    pub max_delay: Duration,
}

impl Retry {
    /// One attempt only.
    pub const NEVER: Self = Self {
        attempts: 1,
        base_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
    };

    /// This many attempts, with the default waits.
    pub fn attempts(attempts: u32) -> Self {
        Self {
            attempts,
            ..Self::default()
        }
    }

    /// The same number of attempts, with these waits: before the second attempt, and at most.
    #[must_use]
    pub fn with_delays(self, base_delay: Duration, max_delay: Duration) -> Self {
        Self {
            base_delay,
            max_delay,
            ..self
        }
    }
}

impl Default for Retry {
    /// Three attempts, waits from half a second to a minute.
    fn default() -> Self {
        Self {
            attempts: 3,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_mins(1),
        }
    }
}

/// Who takes a call to the server: the async client, the blocking client, a recorder in a test.
pub trait Carrier: Sized {
    /// The outcome of a call: a future of it, or the thing itself.
    type Sent<T: Send + 'static>;
    /// A sequence: a stream, or an iterator.
    type Items<T: Send + 'static>;

    /// Sends one call and answers its value.
    fn send<O: Operation>(self, operation: O, options: CallOptions) -> Self::Sent<O::Answer>;
    /// Sends one call and answers its value with status, headers and rate limit.
    fn send_with_response<O: Operation>(
        self,
        operation: O,
        options: CallOptions,
    ) -> Self::Sent<Response<O::Answer>>;
    /// All pages from here on, fetched as they are asked for.
    fn pages<O: Paged>(self, operation: O, options: CallOptions) -> Self::Items<Page<O::Item>>;
    /// All rows from here on, pages fetched as they are needed.
    fn items<O: Paged>(self, operation: O, options: CallOptions) -> Self::Items<O::Item>;
    /// Sends a call again and again, until the job it answers has ended.
    fn wait<O: Operation<Answer: Job>>(
        self,
        operation: O,
        options: CallOptions,
        polling: Polling,
    ) -> Self::Sent<O::Answer>;
    /// The same, and answers what each call saw.
    fn states<O: Operation<Answer: Job>>(
        self,
        operation: O,
        options: CallOptions,
        polling: Polling,
    ) -> Self::Items<O::Answer>;
}

impl<O, C> Request<O, C> {
    /// A call of `operation` that `carrier` will send.
    pub fn new(operation: O, carrier: C) -> Self {
        Self {
            operation,
            options: CallOptions::default(),
            carrier,
        }
    }

    /// How long the whole call may take: waiting, all attempts, and reading the answer.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// How often and how patiently the call is repeated.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// Adds a header. The credential, `Host` and framing headers are refused when the call is sent.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.push((name.into(), value.into()));
        self
    }

    /// Sends the call even if the key is known to lack the scope it needs.
    pub fn without_permission_check(mut self) -> Self {
        self.options.without_permission_check = true;
        self
    }
}

impl<O: Operation, C: Carrier> Request<O, C> {
    /// Sends the call.
    pub fn send(self) -> C::Sent<O::Answer> {
        self.carrier.send(self.operation, self.options)
    }

    /// Sends the call and keeps status, headers, request id, rate limit and the number of attempts.
    pub fn send_with_response(self) -> C::Sent<Response<O::Answer>> {
        self.carrier.send_with_response(self.operation, self.options)
    }
}

impl<O: Operation<Answer: Job>, C: Carrier> Request<O, C> {
    /// Sends the call again and again, each time with these options, until the job it answers has ended.
    pub fn wait(self) -> Wait<O, C> {
        Wait::new(self.operation, self.options, self.carrier)
    }
}

impl<O: Paged, C: Carrier> Request<O, C> {
    /// Starts at the page that a cursor of an earlier answer names.
    pub fn starting_at(mut self, cursor: impl Into<Cursor>) -> Self {
        self.operation.start_at(cursor.into());
        self
    }

    /// All pages from here on, fetched as they are asked for.
    pub fn pages(self) -> C::Items<Page<O::Item>> {
        self.carrier.pages(self.operation, self.options)
    }

    /// All rows from here on, pages fetched as they are needed.
    pub fn items(self) -> C::Items<O::Item> {
        self.carrier.items(self.operation, self.options)
    }
}

/// An answer with what came around it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response<T> {
    /// The answer.
    pub value: T,
    /// The HTTP status.
    pub status: http::StatusCode,
    /// The answer's headers.
    pub headers: http::HeaderMap,
    /// The request's name in the server's log, when the server gave one (`X-Request-Id`).
    pub request_id: Option<String>,
    /// How much of the quota is left.
    pub rate_limit: RateLimit,
    /// How often the call was sent.
    pub attempts: u32,
}

impl<T> Response<T> {
    /// An answer; request id and rate limit are read from the headers.
    pub fn new(value: T, status: http::StatusCode, headers: http::HeaderMap, attempts: u32) -> Self {
        let request_id = request_id(&headers).map(str::to_owned);
        let rate_limit = RateLimit::read(&headers);
        Self {
            value,
            status,
            headers,
            request_id,
            rate_limit,
            attempts,
        }
    }

    /// The same answer around another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Response<U> {
        Response {
            value: change(self.value),
            status: self.status,
            headers: self.headers,
            request_id: self.request_id,
            rate_limit: self.rate_limit,
            attempts: self.attempts,
        }
    }
}

/// What kind of keys the server takes, `live` or `test`, when the answer's headers tell it (`X-Avala-Key-Class`): those of
/// a self-hosted server do, whatever it answers.
pub fn key_class(headers: &http::HeaderMap) -> Option<&str> {
    headers.get("x-avala-key-class")?.to_str().ok()
}

/// The request's name in the server's log, when the answer's headers tell it (`X-Request-Id`).
pub fn request_id(headers: &http::HeaderMap) -> Option<&str> {
    headers.get("x-request-id")?.to_str().ok()
}

/// The quota as the answer's headers tell it (`X-RateLimit-Limit`, `-Remaining`, `-Reset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests allowed in a window.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// When the window ends.
    pub reset: Option<Timestamp>,
}

impl RateLimit {
    /// Reads the three headers. One that is missing or not a number is `None`.
    pub fn read(headers: &http::HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        Self {
            limit: number("x-ratelimit-limit"),
            remaining: number("x-ratelimit-remaining"),
            reset: number("x-ratelimit-reset")
                .and_then(|seconds| i64::try_from(seconds).ok())
                .map(Timestamp::from_unix_seconds),
        }
    }
}
