//! The server that all peers call: the same bytes for every request, in a process of its own.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Rows of the page it answers with.
pub(crate) const ROWS: usize = 20;

/// The running server; dropping it ends its process.
pub(crate) struct CannedServer {
    process: Child,
    /// The base URL of the API.
    pub(crate) url: String,
}

impl CannedServer {
    /// Starts this program again, as the server.
    pub(crate) fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve-canned")
            // It ends when this pipe closes, so also when this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the canned server")?;
        let mut url = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for CannedServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until standard input closes. One thread: it never is the bottleneck, and leaves a core to the client.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("http://{}/api/v1", listener.local_addr()?);
        let body = page();
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(answer(stream, body.clone()));
            }
        };
        tokio::select! {
            failed = accept => failed,
            () = closed() => Ok(()),
        }
    })
}

/// How many bytes the body of an answer has.
pub(crate) fn page_bytes() -> usize {
    page().len()
}

async fn answer(stream: TcpStream, body: Bytes) {
    let service = service_fn(move |_: Request<Incoming>| {
        let mut response = Response::new(Full::new(body.clone()));
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", "99"),
            ("x-ratelimit-reset", "1767225600"),
        ] {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        async { Ok::<_, Infallible>(response) }
    });
    // A peer that hangs up is no failure of the measurement: the peer counts its own calls.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn closed() {
    let mut nothing = [0];
    // The end of the input, or an error: either way nobody is there any more.
    let _ = tokio::io::stdin().read(&mut nothing).await;
}

fn page() -> Bytes {
    let rows: Vec<_> = (0..ROWS)
        .map(|row| {
            json!({
                "uid": format!("6f1c9f6e-3c1b-4d7e-9a52-0c5b7e9d{row:04x}"),
                "target_url": format!("https://hooks.example.com/avala/receivers/{row}"),
                "events": ["dataset.created", "export.completed", "task.completed"],
                "is_active": row % 5 != 0,
                "secret": null,
                "created_at": format!("2026-03-{:02}T09:15:27Z", row + 1),
                "updated_at": format!("2026-04-{:02}T17:42:03Z", row + 1),
            })
        })
        .collect();
    let page = json!({
        "next": "https://api.example.com/api/v1/webhooks/?cursor=cD0yMDI2LTAzLTIwKzA5JTNBMTU%3D&limit=20",
        "previous": null,
        "results": rows,
    });
    Bytes::from(page.to_string())
}
