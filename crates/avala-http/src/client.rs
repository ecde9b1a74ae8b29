//! The client: options in, requests out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connector::Connector;
#[cfg(feature = "http2")]
use crate::connector::PROBE;
use crate::proxy::Proxies;
use crate::{Body, HttpOptions, SendError, Targets, tls};

/// Why no client could be built from the options. Holds no credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The `User-Agent` cannot be sent in a header.
    #[error("the User-Agent has characters that a header cannot carry")]
    UserAgent,
    /// A proxy's URL is unusable. The name is that of the environment variable, or `proxy`.
    #[error("{name}: {reason}")]
    Proxy {
        /// Where the URL came from.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A proxy would resolve names and connect in our place, past the check of addresses.
    #[error("a proxy cannot be combined with a check of target addresses")]
    ProxyBesideTargets,
    /// Certificates are unreadable or missing.
    #[error("{what}: {reason}")]
    Certificates {
        /// Which certificates.
        what: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The TLS library refused the configuration.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Sends requests over connections that it keeps. Clones share them.
///
/// Redirects are answers like any other, nothing is sent twice, and there are no cookies. Whether plain `http` is
/// acceptable, and how long a whole request may take, is for the caller to decide.
#[derive(Clone)]
pub struct HttpClient {
    engine: legacy::Client<Connector, Full<Bytes>>,
    user_agent: HeaderValue,
    proxies: Option<Arc<Proxies>>,
    idle_timeout: Duration,
}

impl HttpClient {
    /// Builds a client. Cheap: the operating system's root certificates are read at the first TLS handshake.
    pub fn new(options: HttpOptions) -> Result<Self, BuildError> {
        let tls = tls::configuration(&options)?;
        let user_agent = HeaderValue::from_str(&options.user_agent).map_err(|_| BuildError::UserAgent)?;
        if matches!(options.targets, Targets::PublicOnly { .. }) && !options.proxy.is_none() {
            return Err(BuildError::ProxyBesideTargets);
        }
        let mut engine = legacy::Client::builder(TokioExecutor::new());
        engine
            // Only what never began, because the server had closed a kept connection, goes over another one.
            .retry_canceled_requests(true)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.pool_idle_timeout)
            .pool_max_idle_per_host(options.pool_max_idle_per_host);
        // One connection carries many calls: one that died must not hold them all.
        #[cfg(feature = "http2")]
        engine
            .http2_keep_alive_interval(PROBE)
            .http2_keep_alive_timeout(PROBE);
        let idle_timeout = options.idle_timeout;
        let proxies = options.proxy.clone().into_proxies()?.map(Arc::new);
        let connector = Connector::new(options, tls, user_agent.clone(), proxies.clone());
        Ok(Self {
            engine: engine.build(connector),
            user_agent,
            proxies,
            idle_timeout,
        })
    }

    /// Sends a request to an absolute `http` or `https` URL, once. Gives the answer when its head is there.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, SendError> {
        let mut request = request.map(Full::new);
        check(request.uri())?;
        let credentials = self.proxy_credentials(request.uri());
        let headers = request.headers_mut();
        headers
            .entry(USER_AGENT)
            .or_insert_with(|| self.user_agent.clone());
        if let Some(credentials) = credentials {
            headers.entry(PROXY_AUTHORIZATION).or_insert(credentials);
        }
        match self.engine.request(request).await {
            Ok(answer) => Ok(answer.map(|body| Body::new(body, self.idle_timeout))),
            Err(error) => Err(SendError::of(error)),
        }
    }

    /// What a proxy asks of a plain request. One in a tunnel is none of its business.
    fn proxy_credentials(&self, target: &Uri) -> Option<HeaderValue> {
        let proxies = self.proxies.as_ref()?;
        if target.scheme() != Some(&Scheme::HTTP) {
            return None;
        }
        proxies.intercept(target)?.basic_auth().cloned()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("user_agent", &self.user_agent)
            .field("proxies", &self.proxies.is_some())
            .finish_non_exhaustive()
    }
}

fn check(target: &Uri) -> Result<(), SendError> {
    let scheme = target.scheme();
    if scheme != Some(&Scheme::HTTPS) && scheme != Some(&Scheme::HTTP) {
        return Err(SendError::unusable("only http and https URLs can be called"));
    }
    match target.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(SendError::unusable(
            "a URL must not carry a user name or password",
        )),
        Some(authority) if !authority.host().is_empty() => Ok(()),
        _ => Err(SendError::unusable("the URL has no host")),
    }
}
