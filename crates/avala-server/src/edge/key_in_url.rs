//! Keys in URLs end up in logs and histories, so they are refused there, before anything is looked up.

use avala_keys::{ApiKey, KeyId};
use percent_encoding::percent_decode_str;

const KEY_LENGTH: usize = 60;

/// The public id of a key that stands anywhere in the request target.
pub(super) fn find(target: &str) -> Option<KeyId> {
    let decoded: Vec<u8> = percent_decode_str(target).collect();
    decoded
        .windows(KEY_LENGTH)
        .filter(|window| window.starts_with(b"avk_"))
        .find_map(|window| ApiKey::parse(window).ok())
        .map(|key| key.id())
}
