//! The default transport: the network, by way of `avala-http`.

use std::{error::Error as _, fmt, time::Duration};

use avala_http::{HttpOptions, Proxy};
use bytes::{Bytes, BytesMut};

use super::{Limits, Transport, TransportError, TransportFailure, TransportFuture};
use crate::{Environment, Error};

/// Sends requests over the network.
pub(crate) struct Network {
    client: reqwest::Client,
}

impl Network {
    /// Builds the way out. Roots and proxy come from the environment, as every other tool on the machine takes them.
    pub(crate) fn new(
        connect_timeout: Duration,
        user_agent: &str,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let options = HttpOptions {
            user_agent: user_agent.to_owned(),
            connect_timeout,
            proxy: Proxy::from_environment(|name| environment.text(name)),
            extra_roots: certificates(environment, "AVALA_CA_BUNDLE")?,
            only_roots: certificates(environment, "SSL_CERT_FILE")?,
            ..HttpOptions::default()
        };
        let client = avala_http::build(options)
            .map_err(|error| Error::configuration(format!("The HTTP client cannot be built: {error}.")))?;
        Ok(Self { client })
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::new(TransportFailure::Setup, false, describe(&error)))?;
        *request.timeout_mut() = Some(limits.timeout);
        let mut answer = self
            .client
            .execute(request)
            .await
            .map_err(|error| judge(&error))?;

        let is_success = answer.status().is_success();
        let cap = if is_success {
            limits.success_body
        } else {
            limits.error_body
        };
        let announced = answer
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        if is_success && announced > cap {
            return Err(too_large(cap));
        }
        let mut head = http::Response::new(());
        *head.status_mut() = answer.status();
        *head.headers_mut() = std::mem::take(answer.headers_mut());

        let mut body = BytesMut::with_capacity(announced.min(cap));
        loop {
            let chunk = match answer.chunk().await {
                Ok(Some(chunk)) => chunk,
                Err(error) if is_success => return Err(judge(&error)),
                // The end. Of an error, the status says what matters: a cut explanation is one, too.
                Ok(None) | Err(_) => break,
            };
            if body.len() + chunk.len() > cap {
                if is_success {
                    return Err(too_large(cap));
                }
                // An error's first mebibyte says enough.
                body.extend_from_slice(chunk.get(..cap - body.len()).unwrap_or_default());
                break;
            }
            // The usual answer comes in one piece: no need to copy it.
            if body.is_empty() && announced == chunk.len() {
                return Ok(head.map(|()| chunk));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(head.map(|()| body.freeze()))
    }
}

impl Transport for Network {
    fn call(&self, request: http::Request<Bytes>, limits: Limits) -> TransportFuture<'_> {
        Box::pin(self.exchange(request, limits))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// The file that a variable names. Unset or empty is no file; one that cannot be read is an error.
fn certificates(environment: &Environment, variable: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = environment.text(variable) else {
        return Ok(None);
    };
    std::fs::read(&path).map(Some).map_err(|error| {
        Error::configuration(format!(
            "{variable} names {path}, which cannot be read: {}.",
            error.kind()
        ))
    })
}

fn too_large(cap: usize) -> TransportError {
    TransportError::new(
        TransportFailure::TooLarge,
        true,
        format!("The answer is larger than {cap} bytes."),
    )
}

/// A failed connection never carried the request; anything later may have.
fn judge(error: &reqwest::Error) -> TransportError {
    let failure = if error.is_builder() {
        TransportFailure::Setup
    } else if error.is_connect() {
        TransportFailure::Connect
    } else if error.is_timeout() {
        TransportFailure::Timeout
    } else {
        TransportFailure::Interrupted
    };
    let sent = !matches!(failure, TransportFailure::Setup | TransportFailure::Connect);
    TransportError::new(failure, sent, describe(error))
}

/// What happened, from the innermost cause, without the URL.
fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_connect() {
        "No connection"
    } else if error.is_timeout() {
        "No answer in time"
    } else {
        "The connection broke"
    };
    let mut cause = error.source();
    let mut innermost = None;
    while let Some(error) = cause {
        innermost = Some(error.to_string());
        cause = error.source();
    }
    innermost.map_or_else(|| format!("{what}."), |cause| format!("{what}: {cause}."))
}
