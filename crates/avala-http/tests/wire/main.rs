//! What a built client does on the wire, against servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use avala_http::{Body, HttpClient, SendError};
use bytes::Bytes;
use http::{Request, Response};
use url::Url;

mod manners;
mod proxies;
mod server;
mod targets;
mod tls;

/// An error with all its causes, as `Debug` and as text: everything somebody could log of it.
fn everything(error: &dyn std::error::Error) -> String {
    let mut said = format!("{error:?}");
    let mut cause = Some(error);
    while let Some(error) = cause {
        said = format!("{said}\n{error}");
        cause = error.source();
    }
    said
}

/// Asks for a URL, in whatever spelling.
async fn get(client: &HttpClient, url: &str) -> Result<Response<Body>, SendError> {
    let url = Url::parse(url).unwrap();
    let request = Request::get(url.as_str()).body(Bytes::new()).unwrap();
    client.send(request).await
}
