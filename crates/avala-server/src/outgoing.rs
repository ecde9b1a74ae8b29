//! Outgoing requests: deliveries, calls of models, and looks into buckets.

use std::{fmt, net::IpAddr, time::Duration};

use avala_http::{Body, HttpClient, HttpOptions, Targets};
use bytes::Bytes;
use http::{
    Request,
    header::{ACCEPT, CONTENT_TYPE},
};
use ipnet::IpNet;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use crate::{error::StartError, hex};

/// How long a target has, from the name's resolution to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a target's answer is kept.
const PREVIEW_BYTES: usize = 1024;

/// Sends requests to addresses that are public, or inside of an allowed network.
pub(crate) struct Outgoing {
    client: HttpClient,
    targets: Targets,
}

/// One signed request.
pub(crate) struct Delivery<'a> {
    pub(crate) uid: &'a str,
    pub(crate) event: &'a str,
    pub(crate) signature: [u8; 32],
    pub(crate) body: Bytes,
}

/// What the target answered.
pub(crate) struct Received {
    pub(crate) status: u16,
    /// The beginning of the answer.
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The beginning of the answer as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The target could not be reached, or may not be. Why, is nobody's business: it would tell what is open inside of the
/// server's network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotDelivered;

impl Outgoing {
    pub(crate) fn new(allowed: Vec<IpNet>) -> Result<Self, StartError> {
        let targets = Targets::PublicOnly { allow: allowed };
        let options = HttpOptions {
            user_agent: concat!("avala-server/", env!("CARGO_PKG_VERSION")).to_owned(),
            targets: targets.clone(),
            // Each delivery is checked against the addresses that its name has then.
            pool_max_idle_per_host: 0,
            ..HttpOptions::default()
        };
        let client = HttpClient::new(options).map_err(|error| StartError::Outgoing(error.to_string()))?;
        Ok(Self { client, targets })
    }

    /// Sends a delivery, once.
    pub(crate) async fn deliver(&self, url: &str, delivery: Delivery<'_>) -> Result<Received, NotDelivered> {
        let url = Url::parse(url).map_err(|_| NotDelivered)?;
        let request = Request::post(url.as_str())
            .header(ACCEPT, "*/*")
            .header(CONTENT_TYPE, "application/json")
            .header("X-Avala-Webhook-Signature", hex::encode(&delivery.signature))
            .header("X-Avala-Webhook-Event", delivery.event)
            .header("X-Avala-Webhook-Delivery", delivery.uid)
            .body(delivery.body)
            .map_err(|_| NotDelivered)?;
        self.send_to_callers_choice(request, TIMEOUT, PREVIEW_BYTES).await
    }

    /// Sends a request, once, to an address that a caller of the API chose, and reads so many bytes of the answer.
    pub(crate) async fn send_to_callers_choice(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
        most: usize,
    ) -> Result<Received, NotDelivered> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| NotDelivered)?;
        // Checked again: the allowed networks may have been others when the address was registered.
        if url.scheme() != "https" && !self.may_be_plain(&url) {
            return Err(NotDelivered);
        }
        self.send(request, timeout.min(TIMEOUT), most).await
    }

    /// Sends a request, once, to an address that the server's operator chose, by which plain HTTP is allowed.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
        most: usize,
    ) -> Result<Received, NotDelivered> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| NotDelivered)?;
        self.targets.check(&url).map_err(|_| NotDelivered)?;
        let deadline = Instant::now() + timeout;
        let answer = timeout_at(deadline, self.client.send(request)).await;
        let (head, answered) = answer
            .map_err(|_| NotDelivered)?
            .map_err(|_| NotDelivered)?
            .into_parts();
        let mut body = Vec::new();
        // The status is the answer; a body that breaks off or takes too long does not take it back.
        let _ = timeout_at(deadline, read(answered, most, &mut body)).await;
        Ok(Received {
            status: head.status.as_u16(),
            body,
        })
    }

    /// Whether the URL itself shows that its target may not be reached.
    pub(crate) fn is_forbidden(&self, url: &Url) -> bool {
        self.targets.check(url).is_err()
    }

    /// Whether a target may be reached over plain HTTP: only inside of a network that was allowed, where the address
    /// itself says so. A name could lead elsewhere tomorrow.
    pub(crate) fn may_be_plain(&self, url: &Url) -> bool {
        let inside = |address: IpAddr| match &self.targets {
            Targets::PublicOnly { allow } => allow.iter().any(|network| network.contains(&address)),
            Targets::Any => false,
        };
        match url.host() {
            Some(Host::Ipv4(address)) => inside(address.into()),
            Some(Host::Ipv6(address)) => inside(IpAddr::V6(address).to_canonical()),
            Some(Host::Domain("localhost")) => inside([127, 0, 0, 1].into()),
            _ => false,
        }
    }
}

/// Reads until there is enough, or the body ends.
async fn read(mut answered: Body, most: usize, body: &mut Vec<u8>) {
    while body.len() < most {
        let Ok(Some(chunk)) = answered.chunk().await else {
            break;
        };
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
