//! A client that sends bytes from an address of its choice.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// How long an attacker waits for what may never come.
const GLIMPSE: Duration = Duration::from_millis(300);

pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(from: IpAddr, port: u16) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        Self(timeout(PATIENCE, socket.connect(server)).await.unwrap().unwrap())
    }

    /// Sends a request and reads its answer; the connection stays open.
    pub(crate) async fn ask(&mut self, bytes: &[u8], head_only: bool) -> Answer {
        self.0.write_all(bytes).await.unwrap();
        let mut got = Vec::new();
        loop {
            if let Some(answer) = Answer::parse(&got, head_only) {
                return answer;
            }
            let read = timeout(PATIENCE, self.0.read_buf(&mut got)).await;
            assert_ne!(read.unwrap().unwrap(), 0, "closed without an answer");
        }
    }

    /// Sends bytes and takes whatever comes, for a moment.
    pub(crate) async fn send_and_wait(&mut self, bytes: &[u8]) -> String {
        let _refused = self.0.write_all(bytes).await;
        let mut got = Vec::new();
        let _ended = timeout(GLIMPSE, self.0.read_to_end(&mut got)).await;
        String::from_utf8_lossy(&got).into_owned()
    }
}

/// An answer, header names in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The answer, once it is whole.
    fn parse(bytes: &[u8], head_only: bool) -> Option<Self> {
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let mut lines = std::str::from_utf8(&bytes[..head]).unwrap().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        assert!(
            answer.header("transfer-encoding").is_none(),
            "the server's answers have a length"
        );
        if !head_only {
            let length: usize = answer
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            answer.body = bytes.get(head + 4..head + 4 + length)?.to_vec();
        }
        Some(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
