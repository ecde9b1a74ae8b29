//! The kinds of failure, and the exit code of each.

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
    #[doc(alias = "TimeoutError")]
    #[doc(alias = "TimeoutException")]
    Timeout,
    /// No connection, or one that broke.
    #[doc(alias = "ConnectError")]
    Connection,
    /// A success whose body is not what the contract says.
    #[doc(alias = "JSONDecodeError")]
    Decode,
    /// A job that was waited for failed or was cancelled; see `job`.
    JobFailed,
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
            Self::JobFailed => "job_failed",
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
            Self::JobFailed => 11,
            Self::Cancelled => 130,
            Self::Status | Self::Decode => 1,
        }
    }
}
