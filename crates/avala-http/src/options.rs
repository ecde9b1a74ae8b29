//! What can be chosen about outgoing HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Certificates, ClientCertificate, Proxy, Resolve, Targets};

/// Everything that can be chosen. Start from `HttpOptions::default()` and set what differs.
#[derive(Clone)]
pub struct HttpOptions {
    /// The `User-Agent` header. Default: `avala-http/` and the version.
    pub user_agent: String,
    /// How long name resolution, TCP and TLS may take together. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// How long a server may be silent in the middle of its answer's body. Default: 30 seconds.
    pub idle_timeout: Duration,
    /// How long an unused connection is kept. Default: 90 seconds.
    pub pool_idle_timeout: Duration,
    /// How many unused connections are kept for each host. Default: 64.
    pub pool_max_idle_per_host: usize,
    /// Whether HTTP/2 is offered to TLS servers. Without the feature `http2` it never is. Default: yes.
    pub http2: bool,
    /// Which proxy is used. Default: none.
    pub proxy: Proxy,
    /// Certificates trusted besides the roots. Default: none.
    pub extra_roots: Vec<Certificates>,
    /// Certificates that replace the operating system's roots, as `SSL_CERT_FILE` does. Default: the operating system's
    /// roots.
    pub only_roots: Option<Certificates>,
    /// The certificate shown to servers that ask for one. Default: none.
    pub client_certificate: Option<ClientCertificate>,
    /// The oldest TLS version spoken. Default: 1.2.
    pub tls_min_version: TlsVersion,
    /// Which addresses may be connected to. Default: any.
    pub targets: Targets,
    /// How names become addresses. Default: the operating system.
    pub resolver: Option<Arc<dyn Resolve>>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("avala-http/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            pool_idle_timeout: Duration::from_secs(90),
            pool_max_idle_per_host: 64,
            http2: true,
            proxy: Proxy::none(),
            extra_roots: Vec::new(),
            only_roots: None,
            client_certificate: None,
            tls_min_version: TlsVersion::V1_2,
            targets: Targets::Any,
            resolver: None,
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("user_agent", &self.user_agent)
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("pool_idle_timeout", &self.pool_idle_timeout)
            .field("pool_max_idle_per_host", &self.pool_max_idle_per_host)
            .field("http2", &self.http2)
            .field("proxy", &self.proxy)
            .field("extra_roots", &self.extra_roots)
            .field("only_roots", &self.only_roots)
            .field("client_certificate", &self.client_certificate)
            .field("tls_min_version", &self.tls_min_version)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}
