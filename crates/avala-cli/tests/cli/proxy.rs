//! A proxy that passes everything on, and tampers with what it is told to or keeps it to itself.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

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
    way: Arc<Way>,
    held: Receiver<()>,
    _runtime: Runtime,
}

struct Way {
    upstream: String,
    tamper: Tamper,
    /// Part of the path of requests whose answers never arrive.
    lost: Mutex<Option<&'static str>>,
    held: Sender<()>,
}

impl Proxy {
    /// In front of the server at `upstream`.
    pub(crate) fn before(upstream: &str, tamper: Tamper) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, held) = mpsc::channel();
        let way = Arc::new(Way {
            upstream: upstream.trim_start_matches("http://").to_owned(),
            tamper,
            lost: Mutex::default(),
            held: tell,
        });
        let for_all = Arc::clone(&way);
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let way = Arc::clone(&for_all);
                let service = service_fn(move |request| pass(request, Arc::clone(&way)));
                tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            url,
            way,
            held,
            _runtime: runtime,
        }
    }

    /// Loses the answers to requests for paths that end like this, or none.
    pub(crate) fn loses(&self, path: Option<&'static str>) {
        *self.way.lost.lock().unwrap() = path;
    }

    /// Waits until an answer is lost.
    pub(crate) fn has_lost_one(&self) {
        self.held.recv_timeout(Duration::from_mins(1)).unwrap();
    }
}

async fn pass(request: Request<Incoming>, way: Arc<Way>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = head.uri.path().to_owned();
    let stream = TcpStream::connect(&way.upstream).await.unwrap();
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender
        .send_request(Request::from_parts(head, Full::new(body)))
        .await
        .unwrap();
    let (head, body) = answer.into_parts();
    let mut answer = Response::from_parts(head, body.collect().await.unwrap().to_bytes());
    (way.tamper)(&mut answer);
    let lost = way.lost.lock().unwrap().is_some_and(|lost| path.ends_with(lost));
    if lost {
        way.held.send(()).unwrap();
        std::future::pending::<()>().await;
    }
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    Ok(answer.map(Full::new))
}
