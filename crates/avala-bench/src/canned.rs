//! The server that all peers call: the same bytes for every request, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The running server; dropping it ends its process.
pub(crate) struct CannedServer {
    process: Child,
    /// The base URL of the API.
    pub(crate) url: String,
}

impl CannedServer {
    /// Starts it with pages of this many webhooks.
    pub(crate) fn start(rows: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve-canned")
            .arg(rows.to_string())
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

/// Serves until standard input closes. One thread that does next to nothing per request, so that the peers are measured and not it.
pub(crate) fn serve(rows: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("http://{}/api/v1", listener.local_addr()?);
        let body = page(rows);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-ratelimit-limit: 100\r\nx-ratelimit-remaining: 99\r\n\
             x-ratelimit-reset: 1767225600\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let response = Bytes::from([head.as_bytes(), &body].concat());
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                // A peer that hangs up is no failure of the measurement: the peer counts its own calls.
                tokio::spawn(answer(stream, response.clone()));
            }
        };
        tokio::select! {
            failed = accept => failed,
            () = closed() => Ok(()),
        }
    })
}

/// How many bytes the body of an answer has.
pub(crate) fn page_bytes(rows: usize) -> usize {
    page(rows).len()
}

/// Answers every request head with the same bytes; requests of the peers have no body.
async fn answer(mut stream: TcpStream, response: Bytes) -> std::io::Result<()> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        while let Some(end) = head.windows(END.len()).position(|window| window == END) {
            head.drain(..end + END.len());
            stream.write_all(&response).await?;
        }
    }
}

async fn closed() {
    let mut nothing = [0];
    // The end of the input, or an error: either way nobody is there any more.
    let _ = tokio::io::stdin().read(&mut nothing).await;
}

fn page(rows: usize) -> Bytes {
    let rows: Vec<_> = (0..rows)
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
