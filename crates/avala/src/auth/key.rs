//! What can be a key: any printable ASCII token. Avala's own papers show five shapes, so none is demanded.

use avala_api::Secret;
use bytes::Bytes;
use http::HeaderValue;

use super::Source;
use crate::Error;

/// Why a text cannot be a key. Never quotes it.
pub(crate) type Unusable = &'static str;

/// Takes a key as its source gave it. White space around it is dropped: secrets saved from files end in a newline.
pub(crate) fn usable(raw: &Secret) -> Result<Secret, Unusable> {
    let key = raw.expose().trim();
    if key.is_empty() {
        return Err("is empty");
    }
    if key.chars().any(char::is_whitespace) {
        return Err("holds white space");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("holds characters that no API key has");
    }
    Ok(Secret::from(key))
}

/// The error of such a key.
pub(crate) fn unusable(source: &Source, reason: Unusable) -> Error {
    Error::configuration(format!("The API key of {source} {reason}.")).with_hint(match source {
        Source::Environment { .. } => "Set the variable to the whole key, or unset it to use another source.",
        _ => "Give the whole key, as it was shown when it was made.",
    })
}

/// The secret under a header value: wiped when the last request that carries it is gone.
struct Wiped(Secret);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// The key as a header value that HTTP libraries keep out of their own logs.
pub(crate) fn header_value(key: &Secret) -> Result<HeaderValue, Unusable> {
    let shared = Bytes::from_owner(Wiped(key.clone()));
    let mut value =
        HeaderValue::from_maybe_shared(shared).map_err(|_| "holds characters that no API key has")?;
    value.set_sensitive(true);
    Ok(value)
}
