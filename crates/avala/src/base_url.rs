//! The rules for a base URL, with the texts the official clients use.

use url::{Host, Url};

/// A base URL that calls may be sent to: HTTPS, or plain HTTP to this machine when that was allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    url: Url,
    /// The URL without its trailing slash: a path is appended to this.
    prefix: String,
}

/// Why a base URL is refused. The text never quotes the URL: it may hold a password.
pub(crate) type Refusal = &'static str;

const INVALID: Refusal = "Invalid base_url: expected a valid URL with scheme and host.";
const NOT_HTTPS: Refusal =
    "Base URL must use HTTPS. Set AVALA_ALLOW_INSECURE_BASE_URL=true only for local development.";
const NOT_HTTP: Refusal =
    "With AVALA_ALLOW_INSECURE_BASE_URL=true, only http://localhost URLs are permitted.";
const NOT_LOOPBACK: Refusal = "Non-HTTPS base URLs are allowed only for localhost addresses.";
const USERINFO: Refusal = "Invalid base_url: it must not hold a user name or a password.";
const QUERY: Refusal = "Invalid base_url: it must not hold a query or a fragment.";

impl BaseUrl {
    pub(crate) fn parse(text: &str, allow_insecure_loopback: bool) -> Result<Self, Refusal> {
        let text = text.trim();
        // `Url` forgives control characters and backslashes; a base URL that needs forgiveness is a mistake.
        if text
            .chars()
            .any(|c| c.is_control() || c == '\\' || c.is_whitespace())
        {
            return Err(INVALID);
        }
        let text = text.trim_end_matches('/');
        let url = Url::parse(text).map_err(|_| INVALID)?;
        let strict = text
            .split_once("://")
            .is_some_and(|(_, rest)| !rest.starts_with('/') && !rest.is_empty());
        if !strict || text.split('/').any(is_step) {
            return Err(INVALID);
        }
        if !url.has_host() || url.cannot_be_a_base() {
            return Err(INVALID);
        }
        if url.scheme() != "https" {
            if !allow_insecure_loopback {
                return Err(NOT_HTTPS);
            }
            if url.scheme() != "http" {
                return Err(NOT_HTTP);
            }
            if !is_loopback(&url) {
                return Err(NOT_LOOPBACK);
            }
        }
        let authority = text
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        if authority.contains('@') {
            return Err(USERINFO);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(QUERY);
        }
        let prefix = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, prefix })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The base URL as people write it: without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.prefix
    }

    /// The address of a call: `path` starts with a slash and is encoded already.
    pub(crate) fn join(&self, path: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        [&self.prefix, path, mark, query].concat()
    }
}

/// Whether two texts name one base URL.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let parsed = |text| BaseUrl::parse(text, true).ok();
    one.trim() == other.trim() || parsed(one).is_some_and(|one| Some(one) == parsed(other))
}

/// A path step in any spelling: `Url` would take it, and the segment before it, away.
fn is_step(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Covers: R3, R28, R29, R30, W13, W31
    #[test]
    fn https_is_the_rule_and_this_machine_the_exception() {
        for (text, insecure, expected) in [
            (
                "https://api.avala.ai/api/v1",
                false,
                Ok("https://api.avala.ai/api/v1"),
            ),
            (
                "https://api.avala.ai/api/v1///",
                false,
                Ok("https://api.avala.ai/api/v1"),
            ),
            (
                "  https://avala.example:8443/v1/ ",
                false,
                Ok("https://avala.example:8443/v1"),
            ),
            (
                "http://localhost:8000/api/v1",
                true,
                Ok("http://localhost:8000/api/v1"),
            ),
            ("http://[::1]:8000/api/v1", true, Ok("http://[::1]:8000/api/v1")),
            (
                "http://127.0.0.1:8000/api/v1",
                true,
                Ok("http://127.0.0.1:8000/api/v1"),
            ),
            ("http://localhost:8000/api/v1", false, Err(NOT_HTTPS)),
            ("ftp://localhost/", true, Err(NOT_HTTP)),
            ("http://127.0.0.2:8000/", true, Err(NOT_LOOPBACK)),
            ("http://localhost.evil.example/", true, Err(NOT_LOOPBACK)),
            ("http://10.0.0.1/", true, Err(NOT_LOOPBACK)),
            ("https://user:pass@api.avala.ai/api/v1", false, Err(USERINFO)),
            ("https://user@api.avala.ai/api/v1", false, Err(USERINFO)),
            ("https://api.avala.ai/api/v1?x=1", false, Err(QUERY)),
            ("https://api.avala.ai/api/v1#x", false, Err(QUERY)),
            ("https:\\\\api.avala.ai", false, Err(INVALID)),
            ("api.avala.ai", false, Err(INVALID)),
            ("https://", false, Err(INVALID)),
            ("https:api.avala.ai", false, Err(INVALID)),
            ("https:///api.avala.ai", false, Err(INVALID)),
            ("https://@api.avala.ai/api/v1", false, Err(USERINFO)),
            ("https://api.avala.ai/%2e%2e/v1", false, Err(INVALID)),
            ("https://api.avala.ai/../v1", false, Err(INVALID)),
            ("mailto:someone", true, Err(INVALID)),
            ("", false, Err(INVALID)),
            ("https://api.avala.ai/\r\nX-Evil: 1", false, Err(INVALID)),
        ] {
            let got = BaseUrl::parse(text, insecure);
            assert_eq!(
                got.as_ref().map(BaseUrl::as_str),
                expected.as_ref().map(|url| *url),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_the_text_an_accepted_url_is_https_or_loopback(text in "(https?|HTTP|file)://[a-z0-9@:.\\[\\]#?/\\\\%]{0,40}") {
            if let Ok(base) = BaseUrl::parse(&text, true) {
                prop_assert!(base.url().scheme() == "https" || is_loopback(base.url()));
                prop_assert!(base.url().username().is_empty() && base.url().query().is_none());
            }
        }
    }
}
