//! The one way out: outgoing HTTP with explicit TLS, timeouts and allowed targets.
//!
//! Everything that leaves the process is sent by an [`HttpClient`] built from [`HttpOptions`]. It follows no redirect,
//! repeats nothing on its own, keeps no cookies and sends no `Referer`. Nothing is read from the process's environment,
//! except that the operating system's certificate loader on Linux knows `SSL_CERT_FILE` and `SSL_CERT_DIR` by itself.
//!
//! TLS uses an explicit provider: ring (feature `ring`, the default) or aws-lc-rs (feature `aws-lc`); with both, ring.
//! HTTP/2 is the feature `http2`, on by default.

mod body;
mod client;
mod connector;
mod options;
mod proxy;
mod resolver;
mod send_error;
mod targets;
mod tls;

pub use body::Body;
pub use client::{BuildError, HttpClient};
pub use options::{HttpOptions, TlsVersion};
pub use proxy::Proxy;
pub use resolver::{Resolve, Resolving};
pub use send_error::{Failure, SendError};
pub use targets::{Refused, Targets};
pub use tls::{Certificates, ClientCertificate, crypto_provider};
