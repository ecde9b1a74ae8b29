//! How the server is reached: certificates, proxy, connections, and the builder's methods that set them.

use std::{fmt, path::PathBuf, time::Duration};

use avala_api::Secret;
use avala_http::{Certificates, ClientCertificate, HttpOptions, Proxy};

use crate::{ClientBuilder, Environment, Error};

/// What is set about the way to the server. What is not is taken from the environment, or is the default of `avala-http`.
#[derive(Default)]
pub(crate) struct WayOut {
    connect_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    pool_idle_timeout: Option<Duration>,
    pool_max_idle: Option<usize>,
    roots: Vec<Roots>,
    client_certificate: Option<ClientCertificate>,
    proxy: Option<Proxy>,
    http1_only: bool,
}

enum Roots {
    File(PathBuf),
    Pem(Certificates),
}

impl WayOut {
    /// As the environment says, but for how long connecting may take.
    #[cfg(feature = "aws")]
    pub(crate) fn connecting_within(time: Duration) -> Self {
        Self {
            connect_timeout: Some(time),
            ..Self::default()
        }
    }

    /// Reads what the environment says and the files that are named.
    pub(super) fn options(self, user_agent: &str, environment: &Environment) -> Result<HttpOptions, Error> {
        let mut extra_roots = Vec::from_iter(of_variable(environment, "AVALA_CA_BUNDLE")?);
        for roots in self.roots {
            extra_roots.push(match roots {
                Roots::File(path) => of_file(&path, "The CA bundle")?,
                Roots::Pem(certificates) => certificates,
            });
        }
        let default = HttpOptions::default();
        Ok(HttpOptions {
            user_agent: user_agent.to_owned(),
            connect_timeout: self.connect_timeout.unwrap_or(default.connect_timeout),
            idle_timeout: self.idle_timeout.unwrap_or(default.idle_timeout),
            pool_idle_timeout: self.pool_idle_timeout.unwrap_or(default.pool_idle_timeout),
            pool_max_idle_per_host: self.pool_max_idle.unwrap_or(default.pool_max_idle_per_host),
            http2: !self.http1_only,
            proxy: self
                .proxy
                .unwrap_or_else(|| Proxy::from_environment(|name| environment.text(name))),
            extra_roots,
            only_roots: of_variable(environment, "SSL_CERT_FILE")?,
            client_certificate: self.client_certificate,
            ..default
        })
    }
}

impl fmt::Debug for WayOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WayOut")
            .field("client_certificate", &self.client_certificate)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// The certificates of the file that a variable names. Unset or empty is no file; one that cannot be read is an error.
fn of_variable(environment: &Environment, variable: &'static str) -> Result<Option<Certificates>, Error> {
    environment
        .text(variable)
        .map(|path| of_file(path.as_ref(), variable))
        .transpose()
}

fn of_file(path: &std::path::Path, named_by: &str) -> Result<Certificates, Error> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        Error::configuration(format!(
            "{named_by} names {shown}, which cannot be read: {}.",
            error.kind()
        ))
    })?;
    Ok(Certificates::new(format!("{named_by} ({shown})"), pem))
}

/// How the server is reached. None of it matters to a [`Transport`](crate::transport::Transport) of your own.
impl<Kind> ClientBuilder<Kind> {
    /// Trusts the certificates of this file (PEM, one or more) besides the roots, as those of `AVALA_CA_BUNDLE`: the CA of a
    /// server of your own. It is read by `build`.
    pub fn ca_bundle(mut self, path: impl Into<PathBuf>) -> Self {
        self.way_out.roots.push(Roots::File(path.into()));
        self
    }

    /// Trusts these certificates (PEM, one or more) besides the roots.
    pub fn ca_bundle_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        let certificates = Certificates::new("the CA bundle", pem);
        self.way_out.roots.push(Roots::Pem(certificates));
        self
    }

    /// Shows this certificate to a server that asks for one: its chain and its private key, both PEM.
    pub fn client_certificate(mut self, chain_pem: impl Into<Vec<u8>>, key_pem: impl Into<Secret>) -> Self {
        let certificate = ClientCertificate::new(chain_pem, key_pem.into().expose());
        self.way_out.client_certificate = Some(certificate);
        self
    }

    /// Sends everything through this proxy (`http://` or `https://`, with or without `user:password@`), whatever the
    /// environment says.
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.way_out.proxy = Some(Proxy::url(url.into().expose()));
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.way_out.proxy = Some(Proxy::none());
        self
    }

    /// Speaks HTTP/1.1 also with servers that speak HTTP/2.
    pub fn http1_only(mut self) -> Self {
        self.way_out.http1_only = true;
        self
    }

    /// How long connecting may take, TLS included. 10 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.way_out.connect_timeout = Some(timeout);
        self
    }

    /// How long the server may be silent in the middle of an answer. 30 seconds unless set.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.way_out.idle_timeout = Some(timeout);
        self
    }

    /// How long an unused connection is kept. 90 seconds unless set.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.way_out.pool_idle_timeout = Some(timeout);
        self
    }

    /// How many unused connections are kept. 64 unless set.
    pub fn pool_max_idle(mut self, connections: usize) -> Self {
        self.way_out.pool_max_idle = Some(connections);
        self
    }
}
