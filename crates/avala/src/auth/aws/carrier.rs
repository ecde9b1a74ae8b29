//! Carries the AWS SDK's requests by our own way out, so that they share its TLS, roots and proxy.

use std::{sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::Full;
use tokio::time::timeout;

use crate::{
    Environment, Error,
    transport::{Limits, Network, Transport, TransportFailure, WayOut},
};

/// Unless the SDK says how long.
const LONGEST: Duration = Duration::from_secs(10);
/// The largest answer: a secret has 64 KiB at most.
const LARGEST: usize = 1 << 20;

/// Makes connectors for the SDK.
#[derive(Debug)]
pub(super) struct Carrier;

impl HttpClient for Carrier {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or(LONGEST);
        SharedHttpConnector::new(Connector {
            // The SDK sends a User-Agent of its own.
            network: Network::new(WayOut::connecting_within(connect), "avala", &Environment::Process)
                .map(Arc::new),
            longest: settings.read_timeout().unwrap_or(LONGEST) + connect,
        })
    }
}

#[derive(Debug)]
struct Connector {
    network: Result<Arc<Network>, Error>,
    longest: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (network, longest) = (self.network.clone(), self.longest);
        HttpConnectorFuture::new(async move {
            let network = network.map_err(|error| ConnectorError::user(error.into()))?;
            let request = whole(request).map_err(ConnectorError::user)?;
            let limits = Limits {
                timeout: longest,
                success_body: LARGEST,
                error_body: LARGEST,
            };
            let answer = timeout(longest, network.call(request, limits))
                .await
                .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?
                .map_err(|error| match error.failure {
                    TransportFailure::Timeout => ConnectorError::timeout(error.into()),
                    TransportFailure::Setup => ConnectorError::user(error.into()),
                    _ => ConnectorError::io(error.into()),
                })?;
            // As a stream: the SDK writes a body that is in memory into its finest log, key and all.
            HttpResponse::try_from(answer.map(|body| SdkBody::from_body_1_x(Full::new(body))))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The request with its body, which the SDK has in memory for all that is asked here.
fn whole(request: HttpRequest) -> Result<http::Request<Bytes>, BoxError> {
    let request = request.try_into_http1x()?;
    let Some(bytes) = request.body().bytes().map(Bytes::copy_from_slice) else {
        return Err("the body is a stream".into());
    };
    Ok(request.map(|_| bytes))
}
