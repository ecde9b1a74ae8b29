//! Which proxy requests go through.

use std::fmt;

use http::{Uri, uri::Scheme as HttpScheme};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;
use zeroize::Zeroizing;

use crate::BuildError;

/// A way through proxies. URLs of proxies may hold credentials: they are wiped on drop and never shown.
#[derive(Clone)]
pub struct Proxy(Way);

#[derive(Clone)]
enum Way {
    Direct,
    One(Zeroizing<String>),
    Environment {
        variables: Vec<Variable>,
        no_proxy: String,
    },
}

#[derive(Clone)]
struct Variable {
    name: &'static str,
    scheme: Scheme,
    url: Zeroizing<String>,
}

#[derive(Clone, Copy)]
enum Scheme {
    Http,
    Https,
    Any,
}

/// Earlier names win. `HTTP_PROXY` in capitals is not read: a CGI server sets it from a header of the request.
const VARIABLES: [(&str, Scheme); 5] = [
    ("https_proxy", Scheme::Https),
    ("HTTPS_PROXY", Scheme::Https),
    ("http_proxy", Scheme::Http),
    ("all_proxy", Scheme::Any),
    ("ALL_PROXY", Scheme::Any),
];

/// A key for a server on this machine must not travel to a proxy, nor what a machine or container of a cloud asks its host
/// for, which is credentials in plain text.
const NEVER_BY_PROXY: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10,fd00:ec2::/32";

impl Proxy {
    /// No proxy.
    pub fn none() -> Self {
        Self(Way::Direct)
    }

    /// One proxy (`http://` or `https://`, with or without `user:password@`) for everything but plain requests to this machine and its host.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Way::One(Zeroizing::new(url.into())))
    }

    /// As the environment says: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, and the same in capitals
    /// except for `HTTP_PROXY`. Empty variables count as unset. This machine and its host are always reached directly.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let lookup = |name| lookup(name).filter(|value| !value.is_empty());
        let variables = VARIABLES
            .into_iter()
            .filter_map(|(name, scheme)| {
                lookup(name).map(|url| Variable {
                    name,
                    scheme,
                    url: Zeroizing::new(url),
                })
            })
            .collect::<Vec<_>>();
        if variables.is_empty() {
            return Self::none();
        }
        let listed = lookup("no_proxy")
            .or_else(|| lookup("NO_PROXY"))
            .unwrap_or_default();
        Self(Way::Environment {
            variables,
            no_proxy: format!("{NEVER_BY_PROXY},{listed}"),
        })
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.0, Way::Direct)
    }

    pub(crate) fn into_proxies(self) -> Result<Option<Proxies>, BuildError> {
        let (variables, no_proxy, in_tunnels) = match self.0 {
            Way::Direct => return Ok(None),
            Way::One(url) => {
                let everything = Variable {
                    name: "proxy",
                    scheme: Scheme::Any,
                    url,
                };
                (vec![everything], NEVER_BY_PROXY.to_owned(), String::new())
            }
            Way::Environment { variables, no_proxy } => (variables, no_proxy.clone(), no_proxy),
        };
        let (mut plain, mut tunnels) = (Matcher::builder().no(no_proxy), Matcher::builder().no(in_tunnels));
        // Backwards, since earlier names win.
        for variable in variables.iter().rev() {
            let url = variable.checked()?;
            let url = url.as_str();
            if !matches!(variable.scheme, Scheme::Https) {
                plain = plain.http(url);
            }
            if !matches!(variable.scheme, Scheme::Http) {
                tunnels = tunnels.https(url);
            }
        }
        Ok(Some(Proxies {
            plain: plain.build(),
            tunnels: tunnels.build(),
        }))
    }
}

/// The proxies of a client. What is between the two ends of TLS is not shown to any.
pub(crate) struct Proxies {
    plain: Matcher,
    tunnels: Matcher,
}

impl Proxies {
    /// The proxy that a request goes through, if it goes through one.
    pub(crate) fn intercept(&self, target: &Uri) -> Option<Intercept> {
        if target.scheme() == Some(&HttpScheme::HTTPS) {
            self.tunnels.intercept(target)
        } else {
            self.plain.intercept(target)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Direct => f.write_str("Proxy(none)"),
            Way::One(_) => f.write_str("Proxy([redacted])"),
            Way::Environment { variables, .. } => {
                write!(
                    f,
                    "Proxy(from {})",
                    variables
                        .iter()
                        .map(|one| one.name)
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
        }
    }
}

impl Variable {
    /// The URL, if the matcher will understand it: what it does not, it passes over in silence.
    fn checked(&self) -> Result<Zeroizing<String>, BuildError> {
        let unusable = |reason| BuildError::Proxy {
            name: self.name,
            reason,
        };
        // As curl does: `proxy.example:3128` is an HTTP proxy.
        let url = if self.url.contains("://") {
            self.url.clone()
        } else {
            Zeroizing::new(format!("http://{}", *self.url))
        };
        let url = Url::parse(&url).map_err(|_| unusable("not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable("only http:// and https:// proxies are supported"));
        }
        let url = Zeroizing::new(String::from(url));
        Matcher::builder()
            .all(url.as_str())
            .build()
            .intercept(&Uri::from_static("http://any.invalid/"))
            .ok_or_else(|| unusable("not the URL of a proxy"))?;
        Ok(url)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_a_cloud_tells_its_machines_in_plain_text_goes_through_no_proxy() {
        let proxy = "http://proxy.example:3128";
        let from_environment =
            Proxy::from_environment(|name| (name == "ALL_PROXY").then(|| proxy.to_owned()));
        for way in [Proxy::url(proxy), from_environment] {
            let proxies = way.into_proxies().unwrap().unwrap();
            let passes = |url: &'static str| proxies.intercept(&Uri::from_static(url)).is_some();
            for url in [
                "http://169.254.169.254/latest/meta-data",
                "http://169.254.170.2/credentials",
                "http://[fd00:ec2::254]/latest/meta-data",
                "http://[::1]:8000/api/v1",
                "http://127.0.0.1:8000/api/v1",
            ] {
                assert!(!passes(url), "{url}");
            }
            assert!(passes("http://files.example/") && passes("https://avala.example/"));
        }
    }
}
