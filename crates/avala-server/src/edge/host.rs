//! Which names the server answers to. A page on a foreign name that resolves to this machine (DNS rebinding) is refused.

use std::net::IpAddr;

use http::{HeaderMap, header::HOST, uri::Authority};
use url::Url;

use crate::refusal::Refusal;

/// The names the server answers to, besides every IP address: an address cannot be rebound.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    pub(crate) fn new(configured: &[String], public_url: Option<&Url>) -> Self {
        let public = public_url.and_then(Url::host_str).map(str::to_owned);
        let names = configured
            .iter()
            .cloned()
            .chain(public)
            .chain(["localhost".to_owned()]);
        Self(names.map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Refuses a request without exactly one `Host`, or with one that is not ours.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refusal::bad_request("Exactly one Host header is needed.", "host_missing").closing());
        };
        let authority = Authority::try_from(host.as_bytes()).ok();
        let name = authority
            .as_ref()
            .filter(|authority| !authority.as_str().contains('@'))
            .map(Authority::host);
        if name.is_some_and(|name| self.knows(name)) {
            Ok(())
        } else {
            Err(Refusal::bad_request(
                "This server does not answer to that host name.",
                "host_not_allowed",
            ))
        }
    }

    fn knows(&self, name: &str) -> bool {
        let address = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        address.parse::<IpAddr>().is_ok() || self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}
