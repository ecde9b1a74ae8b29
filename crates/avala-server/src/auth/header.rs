//! Exactly one key header: never "the first one wins".

use avala_api::API_KEY_HEADER;
use avala_keys::ApiKey;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};

use crate::refusal::Refusal;

/// Read once, not at each request.
const KEY: HeaderName = HeaderName::from_static(API_KEY_HEADER);

/// The key of a request that presents one key, in one place.
pub(crate) fn presented_key(headers: &HeaderMap) -> Result<ApiKey, Refusal> {
    let mut presented = headers.get_all(KEY).iter();
    let Some(value) = presented.next() else {
        return Err(Refusal::key_missing());
    };
    let elsewhere = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE]
        .iter()
        .flat_map(|name| headers.get_all(name))
        .any(holds_a_key);
    if presented.next().is_some() || elsewhere || headers.keys().any(is_misspelt) {
        return Err(Refusal::key("key_malformed"));
    }
    // Bytes, not text: a header may hold anything.
    ApiKey::parse(value.as_bytes()).map_err(|_| Refusal::key("key_malformed"))
}

/// Programs that take an underscore for a dash would read another key than this one does.
fn is_misspelt(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.contains('_') && name.replace('_', "-").eq_ignore_ascii_case(API_KEY_HEADER)
}

fn holds_a_key(value: &HeaderValue) -> bool {
    value.as_bytes().windows(4).any(|window| window == b"avk_")
}
