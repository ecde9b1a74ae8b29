//! From a call to its answer: deadline, credential, attempts, decoding. The wire itself stands behind [`Transport`].

mod attempts;
mod decode;
mod headers;
mod network;
mod prepare;
mod retry;
mod retry_after;
mod way_out;

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;

pub(crate) use attempts::send;
pub(crate) use headers::user_agent;
pub(crate) use network::Network;
pub(crate) use way_out::WayOut;

/// Takes one request to the server and brings one answer back.
///
/// It follows no redirect, repeats nothing and adds no credential: all of that is decided before it is called.
/// The default one is built on hyper and rustls; a test brings its own.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` and reads the whole answer, within `limits`.
    fn call(&self, request: http::Request<Bytes>, limits: Limits) -> TransportFuture<'_>;
}

/// The outcome of one request on the wire.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// What one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How long it may take, the answer's body included. The caller ends it then: a transport need not.
    pub timeout: Duration,
    /// The largest body of a success, in bytes.
    pub success_body: usize,
    /// The largest body of an error, in bytes; what is beyond is cut off.
    pub error_body: usize,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportError {
    /// What failed.
    pub failure: TransportFailure,
    /// Whether any byte of the request may have reached the server.
    pub may_have_been_sent: bool,
    /// What happened, for people. Never a URL's query and never a header; redacted when it is made.
    pub message: String,
}

/// What failed on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportFailure {
    /// The host's name has no address: the request never left.
    Resolve,
    /// No connection to the host: the request never left.
    Connect,
    /// The proxy was not reached, or let nothing through: the request never left.
    Proxy,
    /// The two ends could not agree on TLS, or one refused the other's certificate: the request never left, or was not
    /// read.
    Tls,
    /// It took too long.
    Timeout,
    /// The connection broke, or what came back is not HTTP.
    Interrupted,
    /// The answer is larger than allowed.
    TooLarge,
    /// The transport cannot be set up as asked.
    Setup,
}

impl TransportError {
    /// A failure.
    pub fn new(failure: TransportFailure, may_have_been_sent: bool, message: impl AsRef<str>) -> Self {
        Self {
            failure,
            may_have_been_sent,
            message: avala_keys::redact::text(message.as_ref()).into_owned(),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {}
