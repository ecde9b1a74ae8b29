//! Exactly one key header: never "the first one wins".

use avala_api::API_KEY_HEADER;
use avala_keys::ApiKey;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};

use crate::{keys::LegacyKey, refusal::Refusal};

/// Read once, not at each request.
const KEY: HeaderName = HeaderName::from_static(API_KEY_HEADER);

/// A key of a form that there is.
pub(crate) enum Presented {
    /// As this server issues them.
    Issued(ApiKey),
    /// As they are taken over from elsewhere.
    Legacy(LegacyKey),
}

impl Presented {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let legacy = || LegacyKey::parse(bytes).map(Self::Legacy);
        ApiKey::parse(bytes).map(Self::Issued).ok().or_else(legacy)
    }
}

/// The key of a request that presents one key, in one place.
pub(crate) fn presented_key(headers: &HeaderMap) -> Result<Presented, Refusal> {
    let mut presented = headers.get_all(KEY).iter();
    let Some(value) = presented.next() else {
        return Err(Refusal::key_missing());
    };
    let elsewhere = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE]
        .iter()
        .flat_map(|name| headers.get_all(name))
        .any(holds_a_key)
        || [AUTHORIZATION, PROXY_AUTHORIZATION]
            .iter()
            .flat_map(|name| headers.get_all(name))
            .any(holds_a_legacy_key);
    if presented.next().is_some() || elsewhere || headers.keys().any(is_misspelt) {
        return Err(Refusal::key("key_malformed"));
    }
    // Bytes, not text: a header may hold anything.
    Presented::parse(value.as_bytes()).ok_or_else(|| Refusal::key("key_malformed"))
}

/// Programs that take an underscore for a dash would read another key than this one does.
fn is_misspelt(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.contains('_') && name.replace('_', "-").eq_ignore_ascii_case(API_KEY_HEADER)
}

fn holds_a_key(value: &HeaderValue) -> bool {
    value.as_bytes().windows(4).any(|window| window == b"avk_")
}

/// In a cookie, forty such digits are most likely another server's session.
fn holds_a_legacy_key(value: &HeaderValue) -> bool {
    let mut words = value.as_bytes().split(u8::is_ascii_whitespace);
    words.any(|word| LegacyKey::parse(word).is_some())
}
