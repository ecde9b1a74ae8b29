//! How a connection is made: directly, by way of a proxy, or in a tunnel through one; never to a forbidden address.

use std::error::Error;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http::uri::{Scheme, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;
use url::Url;

use crate::proxy::Proxies;
use crate::resolver::Names;
use crate::{HttpOptions, Refused, Targets};

type Dial = HttpsConnector<HttpConnector<Names>>;
type Dialled = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A peer that does not even acknowledge what it was sent is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
/// How long a connection is silent before the peer is asked whether it is still there, and how often then.
pub(crate) const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Ways>);

struct Ways {
    direct: Dial,
    by_proxy: Option<ByProxy>,
    targets: Targets,
    timeout: Duration,
}

struct ByProxy {
    proxies: Arc<Proxies>,
    dial: Dial,
    /// Spoken with the target, inside of the tunnel.
    tls: Arc<ClientConfig>,
    headers: HeaderMap,
}

impl Connector {
    pub(crate) fn new(
        options: HttpOptions,
        tls: ClientConfig,
        user_agent: HeaderValue,
        proxies: Option<Arc<Proxies>>,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names::new(options.resolver, options.targets.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(options.connect_timeout));
        tcp.set_keepalive(Some(PROBE));
        tcp.set_keepalive_interval(Some(PROBE));
        tcp.set_keepalive_retries(Some(PROBES));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));

        let tls = Arc::new(tls);
        let by_proxy = proxies.map(|proxies| {
            // With the proxy itself we speak HTTP/1 only.
            let mut with_proxy = ClientConfig::clone(&tls);
            with_proxy.alpn_protocols.clear();
            ByProxy {
                proxies,
                dial: HttpsConnector::from((tcp.clone(), with_proxy)),
                tls: Arc::clone(&tls),
                headers: HeaderMap::from_iter([(USER_AGENT, user_agent)]),
            }
        });
        Self(Arc::new(Ways {
            direct: HttpsConnector::from((tcp, tls)),
            by_proxy,
            targets: options.targets,
            timeout: options.connect_timeout,
        }))
    }
}

/// The connection was not ready in time.
#[derive(Debug, thiserror::Error)]
#[error("operation timed out")]
struct TooSlow;

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let ways = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::time::timeout(ways.timeout, ways.connect(target))
                .await
                .unwrap_or_else(|_| Err(TooSlow.into()))
        })
    }
}

impl Ways {
    async fn connect(&self, target: Uri) -> Result<Stream, Box<dyn Error + Send + Sync>> {
        check(&self.targets, &target)?;
        let proxy = self
            .by_proxy
            .as_ref()
            .and_then(|way| Some((way, way.proxies.intercept(&target)?)));
        match proxy {
            None => Ok(Stream::new(self.direct.clone().call(target).await?)),
            Some((way, proxy)) => way.connect(&proxy, target).await,
        }
    }
}

impl ByProxy {
    async fn connect(&self, proxy: &Intercept, target: Uri) -> Result<Stream, Box<dyn Error + Send + Sync>> {
        let mut dial = self.dial.clone();
        if target.scheme() == Some(&Scheme::HTTP) {
            let dialled = dial.call(proxy.uri().clone()).await.map_err(NoWayThrough)?;
            let mut stream = Stream::new(dialled);
            stream.forwarded = true;
            return Ok(stream);
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), dial).with_headers(self.headers.clone());
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let io = HttpsConnector::from((Way(tunnel), Arc::clone(&self.tls)))
            .call(target)
            .await?;
        Ok(Stream { io, forwarded: false })
    }
}

/// The proxy could not be reached, or would not make a tunnel.
#[derive(Debug, thiserror::Error)]
#[error("no way through the proxy")]
pub(crate) struct NoWayThrough(#[source] Box<dyn Error + Send + Sync>);

/// A tunnel whose failures are told from those of what goes on inside of it.
struct Way(Tunnel<Dial>);

impl Service<Uri> for Way {
    type Response = Dialled;
    type Error = NoWayThrough;
    type Future = Pin<Box<dyn Future<Output = Result<Dialled, NoWayThrough>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NoWayThrough>> {
        self.0
            .poll_ready(context)
            .map_err(|error| NoWayThrough(error.into()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let tunnel = self.0.call(target);
        Box::pin(async move { tunnel.await.map_err(|error| NoWayThrough(error.into())) })
    }
}

/// Judges an address that is written out: it is never resolved, so the resolver does not see it.
fn check(targets: &Targets, target: &Uri) -> Result<(), Refused> {
    match targets {
        Targets::Any => Ok(()),
        // The parser of URLs knows every spelling of an address.
        Targets::PublicOnly { .. } => Url::parse(&target.to_string())
            .map_err(|_| Refused::Address)
            .and_then(|url| targets.check(&url)),
    }
}

/// A connection, and whether a proxy at its other end passes requests on.
pub(crate) struct Stream {
    /// The outer layer is the TLS inside of a tunnel.
    io: MaybeHttpsStream<Dialled>,
    forwarded: bool,
}

impl Stream {
    fn new(dialled: Dialled) -> Self {
        Self {
            io: MaybeHttpsStream::Http(dialled),
            forwarded: false,
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        // Without the addresses that the layers below would attach to each answer.
        let connected = Connected::new().proxy(self.forwarded);
        if self.io.connected().is_negotiated_h2() {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
