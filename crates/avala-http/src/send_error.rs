//! Why a request brought no answer.

use std::error::Error;
use std::{fmt, io};

use hyper_util::client::legacy;

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
    /// Name resolution, connection, proxy or TLS handshake, for whatever reason: the request never left.
    Connect,
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
            Failure::Connect
        } else {
            broken(&error)
        };
        Self {
            failure,
            may_have_been_sent: !error.is_connect() && !never_begun(&error),
            cause: error.into(),
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
            Failure::Connect => "No connection",
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
