//! A proxy that passes everything on and tampers with what it is told to.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming, client::conn::http1 as client, server::conn::http1 as server, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// Changes an answer.
pub(crate) type Tamper = fn(&mut Response<Bytes>);

/// A proxy at work, until it is dropped.
pub(crate) struct Proxy {
    pub(crate) url: String,
    _runtime: Runtime,
}

impl Proxy {
    /// In front of the server at `upstream`.
    pub(crate) fn before(upstream: &str, tamper: Tamper) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream: Arc<str> = upstream.trim_start_matches("http://").into();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let upstream = Arc::clone(&upstream);
                let service = service_fn(move |request| pass(request, Arc::clone(&upstream), tamper));
                tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            url,
            _runtime: runtime,
        }
    }
}

async fn pass(
    request: Request<Incoming>,
    upstream: Arc<str>,
    tamper: Tamper,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let stream = TcpStream::connect(&*upstream).await.unwrap();
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender
        .send_request(Request::from_parts(head, Full::new(body)))
        .await
        .unwrap();
    let (head, body) = answer.into_parts();
    let mut answer = Response::from_parts(head, body.collect().await.unwrap().to_bytes());
    tamper(&mut answer);
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(answer.map(Full::new))
}
