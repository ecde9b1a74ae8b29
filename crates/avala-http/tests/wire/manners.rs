//! Redirects, repetition, headers.

use std::io::{Read as _, Write as _};

use avala_http::{BuildError, Failure, HttpClient, HttpOptions};

use bytes::Bytes;
use http::Request;

use crate::server::{OK, Server};
use crate::{everything, get};

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    // Given a server that sends everybody elsewhere,
    let elsewhere = Server::plain(OK).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\nset-cookie: a=b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        elsewhere.url("http")
    );
    let server = Server::plain(answer.leak()).await;
    // when a request with a key is answered so,
    let client = HttpClient::new(HttpOptions::default()).unwrap();
    let request = Request::get(server.url("http"))
        .header("x-avala-api-key", "k")
        .body(Bytes::new())
        .unwrap();
    let answer = client.send(request).await.unwrap();
    // then the caller sees the redirect, and nobody else the key.
    assert_eq!(answer.status(), 302);
    assert_eq!(elsewhere.seen(|seen| seen.connections), 0);
    // And the next request carries neither cookie nor referer.
    get(&client, &server.url("http")).await.unwrap();
    let second = server.seen(|seen| seen.heads[1].to_lowercase());
    assert!(
        !second.contains("cookie") && !second.contains("referer"),
        "{second}"
    );
}

#[tokio::test]
async fn a_request_that_breaks_is_not_repeated() {
    let server = Server::plain("").await;
    let client = HttpClient::new(HttpOptions::default()).unwrap();
    let error = get(&client, &server.url("http")).await.unwrap_err();
    assert!(error.may_have_been_sent());
    assert_eq!(server.seen(|seen| seen.heads.len()), 1);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_replaced_unseen() {
    // Given a server that answers once on each connection and closes it without saying so,
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (closed, is_closed) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let client = HttpClient::new(HttpOptions::default()).unwrap();
    let mut first = get(&client, &url).await.unwrap().into_body();
    while first.chunk().await.unwrap().is_some() {}
    // when the next request meets the closed connection (nothing here has run since, so nobody has noticed),
    is_closed.recv().unwrap();
    // then it goes over a new one.
    let second = get(&client, &url).await.unwrap();
    assert_eq!(second.status(), 200);
    serving.join().unwrap();
}

#[tokio::test]
async fn the_user_agent_is_the_chosen_one() {
    let server = Server::plain(OK).await;
    let client = HttpClient::new(HttpOptions {
        user_agent: "avala-rust/9".to_owned(),
        ..HttpOptions::default()
    })
    .unwrap();
    get(&client, &server.url("http")).await.unwrap();
    assert!(server.seen(|seen| seen.heads[0].contains("user-agent: avala-rust/9\r\n")));
}

#[test]
fn a_user_agent_with_a_line_break_is_refused() {
    let options = HttpOptions {
        user_agent: "a\r\nx-evil: 1".to_owned(),
        ..HttpOptions::default()
    };
    assert!(matches!(HttpClient::new(options), Err(BuildError::UserAgent)));
}

#[tokio::test]
async fn what_cannot_be_called_is_not_sent() {
    let client = HttpClient::new(HttpOptions::default()).unwrap();
    for url in [
        "ftp://target.invalid/",
        "/path",
        "http://robot:s3cr3t-word@target.invalid/",
    ] {
        let request = Request::get(url).body(Bytes::new()).unwrap();
        let error = client.send(request).await.unwrap_err();
        assert_eq!(error.failure(), Failure::Unusable, "{url}");
        assert!(!error.may_have_been_sent() && !everything(&error).contains("s3cr3t"));
    }
}
