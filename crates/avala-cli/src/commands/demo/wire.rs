//! Bare requests: what really stands on the wire, with none of our client in between.

use avala_api::API_KEY_HEADER;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Stage;
use crate::output::story::{Broken, Fact};

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self, fact: &Fact<'_>) -> Result<Value, Broken> {
        fact.works("the body", serde_json::from_slice(&self.body))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// `GET` on a new connection, with these key headers.
pub(super) async fn get(stage: &Stage, path: &str, keys: &[&str], fact: &Fact<'_>) -> Result<Answer, Broken> {
    let host = stage.url.trim_start_matches("http://");
    let mut request = Request::get(path)
        .header(header::HOST, host)
        .header(header::CONNECTION, "close");
    for key in keys {
        request = request.header(API_KEY_HEADER, *key);
    }
    let request = fact.works("the request", request.body(Empty::<Bytes>::new()))?;

    let stream = fact.works("connecting", TcpStream::connect(host).await)?;
    let (mut sender, connection) = fact.works("connecting", http1::handshake(TokioIo::new(stream)).await)?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        Ok::<_, hyper::Error>(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    };
    // The connection carries the exchange and ends with it; how it ends is told by the answer.
    let (answer, _connection) = tokio::join!(exchange, connection);
    fact.works("the answer", answer)
}
