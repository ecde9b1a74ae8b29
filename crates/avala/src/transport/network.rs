//! The default transport: the network, by way of `avala-http`.

use std::fmt;

use avala_http::{Failure, HttpClient, SendError};
use bytes::{Bytes, BytesMut};

use super::{Limits, Transport, TransportError, TransportFailure, TransportFuture, WayOut};
use crate::{Environment, Error};

/// Sends requests over the network.
pub(crate) struct Network {
    client: HttpClient,
}

impl Network {
    /// Builds the way out. What is not set comes from the environment, as every other tool on the machine takes it.
    pub(crate) fn new(way_out: WayOut, user_agent: &str, environment: &Environment) -> Result<Self, Error> {
        let client = HttpClient::new(way_out.options(user_agent, environment)?)
            .map_err(|error| Error::configuration(format!("The HTTP client cannot be built: {error}.")))?;
        Ok(Self { client })
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let (head, mut answer) = self
            .client
            .send(request)
            .await
            .map_err(|error| judge(&error))?
            .into_parts();
        let is_success = head.status.is_success();
        let cap = if is_success {
            limits.success_body
        } else {
            limits.error_body
        };
        let announced = answer
            .announced()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        if is_success && announced > cap {
            return Err(too_large(cap));
        }

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
                return Ok(http::Response::from_parts(head, chunk));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(http::Response::from_parts(head, body.freeze()))
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

fn too_large(cap: usize) -> TransportError {
    TransportError::new(
        TransportFailure::TooLarge,
        true,
        format!("The answer is larger than {cap} bytes."),
    )
}

fn judge(error: &SendError) -> TransportError {
    let failure = match error.failure() {
        Failure::Unusable => TransportFailure::Setup,
        Failure::Resolve => TransportFailure::Resolve,
        Failure::Connect => TransportFailure::Connect,
        Failure::Proxy => TransportFailure::Proxy,
        Failure::Tls => TransportFailure::Tls,
        Failure::Timeout => TransportFailure::Timeout,
        _ => TransportFailure::Interrupted,
    };
    TransportError::new(failure, error.may_have_been_sent(), error.to_string())
}
