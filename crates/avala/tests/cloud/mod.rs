//! What the stories of cloud secret stores need: a process of their own, a scripted server, and an Avala that takes one key.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its part"
)]

use std::{
    fmt,
    future::Future,
    io::Write,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use avala::{
    Client, CredentialProvider, Environment, Error,
    transport::{Limits, Transport, TransportFuture},
};
use bytes::Bytes;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

/// Says to a process which story it is to tell.
const STORY: &str = "AVALA_TEST_STORY";

/// Tells a story in a process with this environment and no other: the cloud SDKs read that of their process. What it is
/// given and hands out is in no line of its log, not even at the finest level.
pub fn alone<F: Future<Output = ()>>(
    story: &str,
    environment: &[(&str, &str)],
    secrets: &[&str],
    told: impl FnOnce() -> F,
) {
    if std::env::var_os(STORY).is_none_or(|name| *name != *story) {
        let home = tempfile::tempdir().unwrap();
        let told = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", story, "--nocapture"])
            .env_clear()
            .env("HOME", home.path())
            .env(STORY, story)
            .envs(environment.iter().copied())
            .current_dir(home.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&told.stdout) + String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(log.clone())
        .init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_mins(1), told()).await })
        .expect("a story of less than a minute");
    let log = log.0.lock().unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("TRACE"), "the log is written");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{line:?}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A request, as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Method and target.
    pub line: String,
    /// All headers, as they were sent.
    head: String,
    pub body: String,
}

impl Arrived {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let (line, head) = head.split_once("\r\n").unwrap();
        let mut arrived = Self {
            line: line.trim_end_matches(" HTTP/1.1").to_owned(),
            head: head.to_owned(),
            body: String::new(),
        };
        let length = arrived
            .header("content-length")
            .map_or(0, |text| text.parse().unwrap());
        let body = bytes[end + 4..].get(..length)?;
        arrived.body = String::from_utf8(body.to_vec()).unwrap();
        Some(arrived)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A server on this machine that answers by a script, until it is dropped.
pub struct Scripted {
    pub url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    serving: JoinHandle<()>,
}

impl Scripted {
    pub async fn answering(answer: impl Fn(&Arrived) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let seen = arrived.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                let request = loop {
                    if stream.read_buf(&mut bytes).await.unwrap() == 0 {
                        break None;
                    }
                    if let Some(request) = Arrived::parse(&bytes) {
                        break Some(request);
                    }
                };
                let Some(request) = request else { continue };
                let (status, body) = answer(&request);
                seen.lock().unwrap().push(request);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self {
            url,
            arrived,
            serving,
        }
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An Avala that takes one key, and remembers those it saw.
#[derive(Clone, Default)]
pub struct Avala(Arc<Mutex<(String, Vec<String>)>>);

impl Avala {
    pub fn taking(key: &str) -> Self {
        let avala = Self::default();
        avala.takes(key);
        avala
    }

    /// From now on this one, and no other.
    pub fn takes(&self, key: &str) {
        key.clone_into(&mut self.0.lock().unwrap().0);
    }

    pub fn saw(&self) -> Vec<String> {
        self.0.lock().unwrap().1.clone()
    }

    pub fn client(&self, source: impl CredentialProvider) -> Client {
        Client::builder()
            .environment(Environment::empty())
            .credentials(source)
            .transport(self.clone())
            .build()
            .unwrap()
    }
}

impl Transport for Avala {
    fn call(&self, request: http::Request<Bytes>, _limits: Limits) -> TransportFuture<'_> {
        Box::pin(async move {
            let key = request.headers()["x-avala-api-key"].to_str().unwrap().to_owned();
            let mut state = self.0.lock().unwrap();
            let is_good = state.0 == key;
            state.1.push(key);
            let mut answer = http::Response::new(Bytes::from(if is_good {
                r#"{"uid":"u","username":"anna"}"#
            } else {
                r#"{"detail":"Invalid API key."}"#
            }));
            if !is_good {
                *answer.status_mut() = StatusCode::UNAUTHORIZED;
            }
            Ok(answer)
        })
    }
}

impl fmt::Debug for Avala {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Avala")
    }
}

pub async fn who(client: &Client) -> Result<String, Error> {
    Ok(client.users().me().send().await?.username)
}

/// The failure of a source, which says this, what to do, and none of these secrets.
pub async fn fails(source: impl CredentialProvider, says: &str, secrets: &[&str]) {
    let error = who(&Avala::default().client(source)).await.unwrap_err();
    let text = format!("{error} {error:?} {:?}", error.hint());
    assert_eq!(
        (error.kind(), error.attempts()),
        (avala::ErrorKind::Configuration, 0),
        "{text}"
    );
    assert!(error.message().contains(says) && error.hint().is_some(), "{text}");
    for secret in secrets {
        assert!(!text.contains(secret), "{text}");
    }
}
