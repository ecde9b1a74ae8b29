//! Keys in URLs end up in logs and histories, so they are refused there, before anything is looked up.

use avala_keys::ApiKey;
use http::Uri;
use percent_encoding::percent_decode_str;

const KEY_LENGTH: usize = 60;

/// Whether a key stands anywhere in the request target, its authority included.
pub(super) fn holds(uri: &Uri) -> bool {
    let parts = [
        uri.authority().map(http::uri::Authority::as_str),
        uri.path_and_query().map(http::uri::PathAndQuery::as_str),
    ];
    parts.into_iter().flatten().any(|part| {
        let decoded: Vec<u8> = percent_decode_str(part).collect();
        decoded
            .windows(KEY_LENGTH)
            .filter(|window| window.starts_with(b"avk_"))
            .any(|window| ApiKey::parse(window).is_ok())
    })
}
