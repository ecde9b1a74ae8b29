//! The factory: options in, a client out.

use std::sync::Arc;

use crate::resolver::CheckedResolver;
use crate::{HttpOptions, Targets, proxy, tls};

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
        what: &'static str,
        /// What is wrong with them.
        reason: String,
    },
    /// The TLS library refused the configuration.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP library refused the configuration.
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Builds a client. Cheap: the operating system's root certificates are read at the first TLS handshake.
///
/// Redirects are answers like any other, nothing is sent twice, and there are no cookies. Whether plain `http` is
/// acceptable, and how long a whole request may take, is for the caller to decide.
pub fn build(options: HttpOptions) -> Result<reqwest::Client, BuildError> {
    let tls = tls::configuration(&options)?;
    let user_agent =
        reqwest::header::HeaderValue::from_str(&options.user_agent).map_err(|_| BuildError::UserAgent)?;
    // `no_proxy` comes first: without it the library would read the environment by itself.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.pool_idle_timeout)
        .pool_max_idle_per_host(options.pool_max_idle_per_host)
        .tls_backend_preconfigured(tls);
    if !options.http2 {
        builder = builder.http1_only();
    }
    match options.targets {
        Targets::Any => {
            for proxy in options.proxy.into_rules()? {
                builder = builder.proxy(proxy);
            }
            if let Some(resolver) = options.resolver {
                builder = builder.dns_resolver(resolver);
            }
        }
        Targets::PublicOnly { allow } => {
            if !options.proxy.is_none() {
                return Err(BuildError::ProxyBesideTargets);
            }
            let targets = Targets::PublicOnly { allow: allow.clone() };
            builder = builder
                .proxy(proxy::dead_end(targets))
                .dns_resolver(Arc::new(CheckedResolver::new(allow, options.resolver)));
        }
    }
    Ok(builder.build()?)
}
