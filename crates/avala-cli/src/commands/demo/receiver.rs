//! A receiver of webhook deliveries on this machine.

use std::{convert::Infallible, io, net::SocketAddr};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::mpsc, task::AbortHandle};

/// It takes every delivery with 204, until it is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    deliveries: mpsc::UnboundedReceiver<Delivery>,
    task: AbortHandle,
}

/// What arrived.
pub(super) struct Delivery {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Delivery {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Receiver {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (arrived, deliveries) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let arrived = arrived.clone();
                let service = service_fn(move |request| take(request, arrived.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self {
            address,
            deliveries,
            task: task.abort_handle(),
        })
    }

    /// A delivery that has arrived.
    pub(super) fn arrived(&mut self) -> Option<Delivery> {
        self.deliveries.try_recv().ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    request: Request<Incoming>,
    arrived: mpsc::UnboundedSender<Delivery>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = match body.collect().await {
        Ok(body) => {
            let path = head.uri.path().to_owned();
            let delivery = Delivery {
                method: head.method,
                path,
                headers: head.headers,
                body: body.to_bytes(),
            };
            // Sent before the answer, so that it is here when the sender says it was taken.
            if arrived.send(delivery).is_ok() {
                StatusCode::NO_CONTENT
            } else {
                StatusCode::GONE
            }
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    Ok(answer)
}
