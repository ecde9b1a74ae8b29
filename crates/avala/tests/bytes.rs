//! The default transport against a socket that misbehaves byte by byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io::{ErrorKind as IoKind, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use avala::{Client, Environment, ErrorKind, Retry, api::EventName};
use support::{CANARY, page};

/// What the server does after it has read a request.
#[derive(Clone, Debug)]
enum Reply {
    /// Writes these bytes and closes.
    Bytes(Vec<u8>),
    /// Writes these bytes and then resets the connection.
    Reset(Vec<u8>),
    /// Writes these bytes and keeps the connection open until the client leaves.
    Stall(Vec<u8>),
}

struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers one connection per reply, in order, and then no more.
    fn that(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (replies, log): (Vec<_>, _) = (replies.into_iter().collect(), Arc::clone(&requests));
        thread::spawn(move || {
            for reply in replies {
                let (mut socket, _) = listener.accept().unwrap();
                log.lock().unwrap().push(read_request(&mut socket));
                act(socket, reply);
            }
        });
        Self { port, requests }
    }

    fn client(&self) -> Client {
        Client::builder()
            .environment(Environment::empty())
            .api_key(CANARY)
            .base_url(format!("http://127.0.0.1:{}/api/v1", self.port))
            .allow_insecure_loopback()
            .retry(Retry::NEVER)
            .build()
            .unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(socket: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer).unwrap_or(0);
        request.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        if n == 0 {
            return text;
        }
    }
}

fn act(mut socket: TcpStream, reply: Reply) {
    match reply {
        Reply::Bytes(bytes) => {
            let _gone = socket.write_all(&bytes);
            let _gone = socket.shutdown(Shutdown::Write);
        }
        Reply::Reset(bytes) => {
            let _gone = socket.write_all(&bytes);
            // Closing with a linger of zero sends RST in place of FIN.
            socket2::SockRef::from(&socket)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        }
        Reply::Stall(bytes) => {
            let _gone = socket.write_all(&bytes);
            let mut buffer = [0; 64];
            loop {
                match socket.read(&mut buffer) {
                    Ok(0) => break,
                    Err(error) if error.kind() != IoKind::Interrupted => break,
                    _ => {}
                }
            }
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn a_good_answer_is_read_whole_chunked_or_not() {
    let body = page(0, 2, None);
    let chunked: String = body.as_bytes().chunks(7).fold(String::new(), |text, chunk| {
        format!(
            "{text}{:x}\r\n{}\r\n",
            chunk.len(),
            String::from_utf8_lossy(chunk)
        )
    });
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}0\r\n\r\n").into_bytes();
    for reply in [http("200 OK", "", &body), chunked] {
        let server = Server::that([Reply::Bytes(reply)]);
        assert_eq!(
            server
                .client()
                .webhooks()
                .list()
                .send()
                .await
                .unwrap()
                .items
                .len(),
            2
        );
        let request = server.requests().remove(0);
        assert!(
            request.starts_with("GET /api/v1/webhooks/ HTTP/1.1\r\n"),
            "{request}"
        );
        assert_eq!(request.matches(CANARY).count(), 1, "the key stands in one header");
    }
}

#[tokio::test]
async fn a_broken_connection_is_a_connection_error_that_may_have_been_sent() {
    for reply in [
        Reply::Reset(Vec::new()),
        Reply::Bytes(Vec::new()),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Len".to_vec()),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"results\": [".to_vec()),
        Reply::Reset(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"nex".to_vec()),
        Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    ] {
        let server = Server::that([reply.clone()]);
        let error = server.client().webhooks().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{reply:?}: {error}");
        assert!(error.may_have_been_sent(), "{reply:?}");
        assert!(!format!("{error} {error:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_again_when_that_is_safe() {
    let cut = Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_vec());
    let server = Server::that([cut.clone(), Reply::Bytes(http("200 OK", "", &page(0, 1, None)))]);
    let quick = Retry::attempts(2).with_delays(Duration::from_millis(1), Duration::from_millis(1));
    server
        .client()
        .webhooks()
        .list()
        .with_retry(quick)
        .send()
        .await
        .unwrap();

    let server = Server::that([cut]);
    let error = server
        .client()
        .webhooks()
        .create("https://h.example/", [EventName::TaskCompleted])
        .with_retry(quick)
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        (error.attempts(), server.requests().len()),
        (1, 1),
        "a creation may have happened already"
    );
}

// Covers: W3
#[tokio::test]
async fn nobody_there_is_a_connection_error_that_was_never_sent() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Server {
        port: free,
        requests: Arc::default(),
    };
    let error = server.client().webhooks().list().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(!error.may_have_been_sent());
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}

// Covers: W3, W34
#[tokio::test]
async fn a_slow_answer_ends_at_the_deadline() {
    for head in [
        Vec::new(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{".to_vec(),
    ] {
        let server = Server::that([Reply::Stall(head)]);
        let call = server
            .client()
            .webhooks()
            .list()
            .with_timeout(Duration::from_millis(200));
        let error = call.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.may_have_been_sent());
    }
}

#[tokio::test]
async fn a_cut_or_stalled_explanation_does_not_hide_the_status() {
    let head = |status: &str| {
        format!("HTTP/1.1 {status}\r\nRetry-After: 50\r\nContent-Length: 500\r\n\r\n{{\"det").into_bytes()
    };
    for (status, kind) in [
        ("401 No", ErrorKind::Authentication),
        ("429 Slow down", ErrorKind::RateLimited),
    ] {
        let server = Server::that([Reply::Bytes(head(status))]);
        let error = server.client().webhooks().list().send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_after().map(|wait| wait.as_secs())),
            (kind, Some(50))
        );
    }
}

#[tokio::test]
async fn an_oversized_success_in_chunks_is_refused_as_well() {
    let mut reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..51 {
        reply.extend_from_slice(b"100000\r\n");
        reply.extend(std::iter::repeat_n(b' ', 0x10_0000));
        reply.extend_from_slice(b"\r\n");
    }
    let server = Server::that([Reply::Stall(reply)]);
    let error = server.client().webhooks().list().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

// Covers: R3
#[tokio::test]
async fn a_redirect_is_never_followed_and_the_key_stays_home() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!(
        "Location: http://{}/api/v1/webhooks/\r\n",
        elsewhere.local_addr().unwrap()
    );
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let server = Server::that([Reply::Bytes(http(status, &location, ""))]);
        let error = server.client().webhooks().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Status, "{status}");
        assert!(error.hint().unwrap().contains("never followed"));
        assert_eq!(
            elsewhere.accept().unwrap_err().kind(),
            IoKind::WouldBlock,
            "{status}: nobody came"
        );
    }
}

#[tokio::test]
async fn an_oversized_success_is_refused_and_an_oversized_error_is_cut() {
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n".to_vec();
    let server = Server::that([Reply::Stall(announced)]);
    let error = server.client().webhooks().list().send().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::TooLarge,
        "from the announced length, before reading"
    );

    let long = "x".repeat(3 * 1024 * 1024);
    let server = Server::that([Reply::Bytes(http("502 Bad Gateway", "", &long))]);
    let error = server.client().webhooks().list().send().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Server, "HTTP 502"));
}

// Covers: W2, W33
#[tokio::test]
async fn every_form_of_retry_after_is_understood_on_the_wire() {
    let date = "Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n";
    for (header, seconds) in [
        ("Retry-After: 30\r\n", Some(30)),
        ("retry-after:7\r\n", Some(7)),
        ("Retry-After: Sun, 22 Nov 2026 12:01:00 GMT\r\n", Some(60)),
        ("Retry-After: Sunday, 22-Nov-26 12:01:00 GMT\r\n", Some(60)),
        ("Retry-After: Sun Nov 22 12:01:00 2026\r\n", Some(60)),
        ("Retry-After: Sun, 22 Nov 2026 11:00:00 GMT\r\n", None),
        ("Retry-After: soon\r\n", None),
        ("Retry-After: \u{e9}\r\n", None),
        ("", None),
    ] {
        let reply = http("429 Too Many Requests", &format!("{date}{header}"), "{}");
        let server = Server::that([Reply::Bytes(reply)]);
        let error = server.client().webhooks().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{header}");
        assert_eq!(
            error.retry_after().map(|wait| wait.as_secs()),
            seconds,
            "{header}"
        );
    }
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server {
        port: listener.local_addr().unwrap().port(),
        requests: Arc::default(),
    };
    let (arrived, has_arrived) = mpsc::channel();
    let waiting = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        read_request(&mut socket);
        arrived.send(()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.read(&mut [0; 1])
    });
    let call = tokio::spawn(server.client().webhooks().list().send());
    tokio::task::spawn_blocking(move || has_arrived.recv().unwrap())
        .await
        .unwrap();
    call.abort();
    let left = tokio::task::spawn_blocking(move || waiting.join().unwrap())
        .await
        .unwrap();
    assert!(matches!(left, Ok(0)) || left.is_err_and(|error| error.kind() == IoKind::ConnectionReset));
}
