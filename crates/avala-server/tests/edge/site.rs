//! A server in this process, and a client that sends bytes and counts answers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use avala_keys::{ApiKey, Class};
use avala_server::{
    Config, RateLimit, Server,
    keys::{Access, NewKey},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// Nothing in a story takes longer, unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is serving, and a full key.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) key: ApiKey,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    _dir: TempDir,
}

impl Site {
    pub(crate) async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(dir.path().join("data"), Class::Live);
        config.rate_limit = RateLimit::Off;
        change(&mut config);
        let server = Arc::new(Server::open(config).await.unwrap());
        let owner = server.users().create("a@example.com").await.unwrap().uid;
        let new = NewKey {
            owner,
            name: "test".into(),
            access: Access::Full,
            expires_at: None,
        };
        let key = server.keys().issue(new).await.unwrap().key;
        let socket = TcpSocket::new_v4().unwrap();
        // Connections inherit it: a client that does not read is felt soon.
        socket.set_send_buffer_size(8192).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            server
                .serve(listener, async { drop(stopped.await) })
                .await
                .unwrap();
        });
        Self {
            address,
            key,
            stop,
            serving,
            _dir: dir,
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of their own, and reads until the server closes it.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Vec<Answer> {
        exchange(&mut self.connect().await, bytes).await
    }

    /// Whether the server answers at all.
    pub(crate) async fn is_well(&self) -> bool {
        let answers = self.exchange(request("GET", "/healthz", CLOSE).as_bytes()).await;
        answers.len() == 1 && answers[0].status == 200
    }

    /// The two lines that every request of the API has.
    pub(crate) fn lines(&self) -> String {
        format!("Host: localhost\r\nX-Avala-Api-Key: {}\r\n", self.key.expose())
    }

    /// The names of the agents, which only a `POST` can have made.
    pub(crate) async fn agents(&self) -> Vec<String> {
        let list = format!("GET /api/v1/agents/ HTTP/1.1\r\n{}{CLOSE}\r\n", self.lines());
        let answers = self.exchange(list.as_bytes()).await;
        let mut names: Vec<String> = answers[0].json()["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|agent| agent["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.serving)
            .await
            .expect("the server ends")
            .unwrap();
    }
}

pub(crate) const CLOSE: &str = "Connection: close\r\n";

/// A request without a key; `lines` end with CRLF, each.
pub(crate) fn request(method: &str, target: &str, lines: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

/// A connection on which little arrives unless it is read.
pub(crate) async fn deaf(site: &Site) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(site.address).await.unwrap()
}

/// Sends bytes, and reads until the server closes.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Vec<Answer> {
    stream.write_all(bytes).await.unwrap();
    Answer::all(&rest(stream).await)
}

/// Everything until the server closes.
pub(crate) async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> Vec<u8> {
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("the server closes the connection")
        .unwrap();
    bytes
}

/// One answer on a connection that stays open.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Answer {
    stream.write_all(bytes).await.unwrap();
    let mut got = Vec::new();
    loop {
        if let Some((answer, _)) = Answer::first(&got) {
            return answer;
        }
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut got));
        assert_ne!(read.await.unwrap().unwrap(), 0, "closed without an answer");
    }
}

/// An answer, its header lines as they came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// All answers on a connection; there must be nothing else.
    pub(crate) fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut answers = Vec::new();
        while !bytes.is_empty() {
            let (answer, length) = Self::first(bytes)
                .unwrap_or_else(|| panic!("not an answer: {:?}", String::from_utf8_lossy(bytes)));
            answers.push(answer);
            bytes = &bytes[length..];
        }
        answers
    }

    /// The first answer and its length, once it is whole.
    fn first(bytes: &[u8]) -> Option<(Self, usize)> {
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&bytes[..head]).unwrap().to_owned();
        let status = text.split(' ').nth(1)?.parse().unwrap();
        let mut answer = Self {
            status,
            head: text,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        answer.body = bytes.get(head..head + length)?.to_vec();
        Some((answer, head + length))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}
