//! Why a request brought no answer.

use std::error::Error;
use std::{fmt, io};

use hyper_util::client::legacy;

use crate::connector::NoWayThrough;
use crate::resolver::Unresolved;

type Cause = Box<dyn Error + Send + Sync>;

/// Why a request brought no answer, or not all of it. Says neither the URL nor a credential.
#[derive(Debug)]
pub struct SendError {
    failure: Failure,
    may_have_been_sent: bool,
    cause: Cause,
}

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The request cannot be sent as it is.
    Unusable,
    /// The host's name has no address: the request never left.
    Resolve,
    /// No connection to the host, for whatever reason that has no name of its own here: the request never left.
    Connect,
    /// The proxy was not reached, or let nothing through: the request never left.
    Proxy,
    /// The two ends could not agree on TLS, or one refused the other's certificate: the request never left, or was not
    /// read.
    Tls,
    /// The network took too long.
    Timeout,
    /// The connection broke, or what came back is not HTTP.
    Interrupted,
}

impl SendError {
    /// What failed.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// Whether any byte of the request may have reached the server.
    pub fn may_have_been_sent(&self) -> bool {
        self.may_have_been_sent
    }

    pub(crate) fn unusable(reason: &'static str) -> Self {
        Self {
            failure: Failure::Unusable,
            may_have_been_sent: false,
            cause: reason.into(),
        }
    }

    pub(crate) fn of(error: legacy::Error) -> Self {
        let failure = if error.is_connect() {
            unconnected(&error)
        } else if is_refusal(&error) {
            Failure::Tls
        } else {
            broken(&error)
        };
        Self {
            may_have_been_sent: !error.is_connect() && failure != Failure::Tls && !never_begun(&error),
            failure,
            cause: error.into(),
        }
    }

    /// The server stopped in the middle of its answer.
    pub(crate) fn silent() -> Self {
        Self {
            failure: Failure::Timeout,
            may_have_been_sent: true,
            cause: "the server stopped in the middle of it".into(),
        }
    }

    pub(crate) fn of_body(error: hyper::Error) -> Self {
        Self {
            failure: broken(&error),
            may_have_been_sent: true,
            cause: error.into(),
        }
    }
}

/// How far a connection came that did not come about.
fn unconnected(error: &(dyn Error + 'static)) -> Failure {
    let mut failure = Failure::Connect;
    for cause in causes(error) {
        if cause.is::<NoWayThrough>() {
            // Whatever stopped it on that way: it is the proxy that has to be looked at.
            return Failure::Proxy;
        }
        if cause.is::<Unresolved>() {
            failure = Failure::Resolve;
        } else if tls(cause).is_some() {
            failure = Failure::Tls;
        }
    }
    failure
}

/// What the TLS library said. I/O errors wrap it, and each other, without naming it as their cause.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(wrapping) => tls(wrapping.get_ref()?),
        None => error.downcast_ref(),
    }
}

/// Whether the server refused our certificate, or wanted one. With TLS 1.3 it may say so when the request is on its way
/// already; it never reads it then. HTTP/2's engine keeps nothing of such an error but its text.
fn is_refusal(error: &legacy::Error) -> bool {
    const ALERTS: [&str; 9] = [
        "BadCertificate",
        "UnsupportedCertificate",
        "CertificateRevoked",
        "CertificateExpired",
        "CertificateUnknown",
        "UnknownCA",
        "AccessDenied",
        "CertificateRequired",
        // Signed by somebody who has the name of one who is trusted.
        "DecryptError",
    ];
    let said = causes(error).last().map(ToString::to_string).unwrap_or_default();
    said.strip_prefix("received fatal alert: ")
        .is_some_and(|alert| ALERTS.contains(&alert))
}

/// Whether the engine gave the request up before its first byte: a kept connection turned out to be closed.
fn never_begun(error: &legacy::Error) -> bool {
    error
        .source()
        .and_then(|cause| cause.downcast_ref::<hyper::Error>())
        .is_some_and(hyper::Error::is_canceled)
}

fn broken(error: &(dyn Error + 'static)) -> Failure {
    let timed_out = |error: &(dyn Error + 'static)| {
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            || error
                .downcast_ref::<hyper::Error>()
                .is_some_and(hyper::Error::is_timeout)
    };
    if causes(error).any(timed_out) {
        Failure::Timeout
    } else {
        Failure::Interrupted
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.failure {
            Failure::Unusable => "Not sent",
            Failure::Resolve => "The host's name cannot be resolved",
            Failure::Connect => "No connection",
            Failure::Proxy => "No way through the proxy",
            Failure::Tls => "No TLS connection",
            Failure::Timeout => "No answer in time",
            Failure::Interrupted => "The connection broke",
        })?;
        // The innermost cause is the one that says something.
        match causes(&*self.cause).last() {
            Some(cause) => write!(f, ": {cause}."),
            None => f.write_str("."),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}
