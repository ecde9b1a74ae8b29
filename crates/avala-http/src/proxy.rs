//! Which proxy requests go through.

use std::fmt;

use reqwest::{NoProxy, Url};
use zeroize::Zeroizing;

use crate::resolver::REFUSED_HOST;
use crate::{BuildError, Targets};

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

/// A key for a server on this machine must not travel to a proxy.
const NEVER_BY_PROXY: &str = "localhost,127.0.0.0/8,::1";

impl Proxy {
    /// No proxy.
    pub fn none() -> Self {
        Self(Way::Direct)
    }

    /// One proxy (`http://` or `https://`, with or without `user:password@`) for everything.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Way::One(Zeroizing::new(url.into())))
    }

    /// As the environment says: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, and the same in capitals
    /// except for `HTTP_PROXY`. Empty variables count as unset. Loopback addresses are always reached directly.
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

    pub(crate) fn into_rules(self) -> Result<Vec<reqwest::Proxy>, BuildError> {
        match self.0 {
            Way::Direct => Ok(Vec::new()),
            Way::One(url) => Ok(vec![rule("proxy", Scheme::Any, &url)?]),
            Way::Environment { variables, no_proxy } => variables
                .iter()
                .map(|Variable { name, scheme, url }| {
                    Ok(rule(name, *scheme, url)?.no_proxy(NoProxy::from_string(&no_proxy)))
                })
                .collect(),
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

fn rule(name: &'static str, scheme: Scheme, url: &str) -> Result<reqwest::Proxy, BuildError> {
    let unusable = |reason| BuildError::Proxy { name, reason };
    // As curl does: `proxy.example:3128` is an HTTP proxy.
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let url = Url::parse(&Zeroizing::new(url)).map_err(|_| unusable("not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable("only http:// and https:// proxies are supported"));
    }
    let rule = match scheme {
        Scheme::Http => reqwest::Proxy::http(url),
        Scheme::Https => reqwest::Proxy::https(url),
        Scheme::Any => reqwest::Proxy::all(url),
    };
    rule.map_err(|_| unusable("not the URL of a proxy"))
}

/// Sends requests for forbidden IP literals to a name that the resolver refuses.
///
/// Literals are never resolved, so this is the only place where the HTTP library lets us see them.
pub(crate) fn dead_end(targets: Targets) -> reqwest::Proxy {
    reqwest::Proxy::custom(move |url| {
        targets
            .check(url)
            .is_err()
            .then(|| format!("http://{REFUSED_HOST}"))
    })
}
