//! The headers of a request, and which ones a caller may not add.

use avala_api::CallOptions;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Error;

/// What the client calls itself.
pub(crate) fn user_agent(suffix: Option<&str>) -> Result<HeaderValue, Error> {
    let name = concat!("avala-rust/", env!("CARGO_PKG_VERSION"));
    let text = suffix.map_or_else(|| name.to_owned(), |suffix| format!("{name} {suffix}"));
    HeaderValue::from_str(&text)
        .map_err(|_| Error::configuration("The User-Agent suffix is not a header value."))
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds a caller's headers. One that would move the key, the target or the framing is refused before anything is sent.
pub(crate) fn add(headers: &mut HeaderMap, options: &CallOptions) -> Result<(), Error> {
    for (name, value) in &options.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::configuration("A header's name is not a header name."))?;
        if is_reserved(&name) {
            return Err(Error::configuration(format!(
                "The header `{name}` is the client's own."
            )));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            Error::configuration(format!("The value of the header `{name}` is not a header value."))
        })?;
        value.set_sensitive(avala_keys::redact::is_secret_name(name.as_str()));
        headers.insert(name, value);
    }
    Ok(())
}

/// Names the call, unless the caller did: all its attempts by one name, so that the logs on the way tell they are one call.
pub(crate) fn name(headers: &mut HeaderMap, draw: impl FnOnce() -> String) {
    if !headers.contains_key(REQUEST_ID)
        && let Ok(name) = HeaderValue::try_from(draw())
    {
        headers.insert(REQUEST_ID, name);
    }
}

fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: &[&str] = &[
        avala_api::API_KEY_HEADER,
        "authorization",
        "proxy-authorization",
        "cookie",
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
    ];
    // Where headers become variables, as in WSGI and CGI, the two spellings are one.
    let name = name.as_str().replace('_', "-");
    RESERVED.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, value: &str) -> Result<(), Error> {
        let mut options = CallOptions::default();
        options.headers.push((name.to_owned(), value.to_owned()));
        add(&mut HeaderMap::new(), &options)
    }

    #[test]
    fn a_caller_cannot_move_the_key_the_target_or_the_framing() {
        for name in [
            "X-Avala-Api-Key",
            "authorization",
            "HOST",
            "Content-Length",
            "transfer-encoding",
            "Cookie",
            "te",
            "x_avala_api_key",
        ] {
            assert!(outcome(name, "x").is_err(), "{name}");
        }
        assert!(outcome("X-Trace", "abc").is_ok());
        assert!(outcome("X-Trace", "a\r\nX-Avala-Api-Key: b").is_err());
        assert!(outcome("X Trace", "abc").is_err());
    }
}
