//! Redirects, repetition, headers.

use avala_http::{BuildError, HttpOptions, build};

use crate::server::{OK, Server};

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
    let client = build(HttpOptions::default()).unwrap();
    let answer = client
        .get(server.url("http"))
        .header("x-avala-api-key", "k")
        .send()
        .await
        .unwrap();
    // then the caller sees the redirect, and nobody else the key.
    assert_eq!(answer.status(), 302);
    assert_eq!(elsewhere.seen(|seen| seen.connections), 0);
    // And the next request carries neither cookie nor referer.
    client.get(server.url("http")).send().await.unwrap();
    let second = server.seen(|seen| seen.heads[1].to_lowercase());
    assert!(
        !second.contains("cookie") && !second.contains("referer"),
        "{second}"
    );
}

#[tokio::test]
async fn a_request_that_breaks_is_not_repeated() {
    let server = Server::plain("").await;
    let client = build(HttpOptions::default()).unwrap();
    assert!(client.get(server.url("http")).send().await.is_err());
    assert_eq!(server.seen(|seen| seen.heads.len()), 1);
}

#[tokio::test]
async fn the_user_agent_is_the_chosen_one() {
    let server = Server::plain(OK).await;
    let client = build(HttpOptions {
        user_agent: "avala-rust/9".to_owned(),
        ..HttpOptions::default()
    })
    .unwrap();
    client.get(server.url("http")).send().await.unwrap();
    assert!(server.seen(|seen| seen.heads[0].contains("user-agent: avala-rust/9\r\n")));
}

#[test]
fn a_user_agent_with_a_line_break_is_refused() {
    let options = HttpOptions {
        user_agent: "a\r\nx-evil: 1".to_owned(),
        ..HttpOptions::default()
    };
    assert!(matches!(build(options), Err(BuildError::UserAgent)));
}
