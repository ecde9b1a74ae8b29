//! Redirects, repetition, headers.

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
