//! Those who say nothing, or say it slowly.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, time::Instant};

use crate::site::{Answer, Site, ask, request, rest};

const SHORT: Duration = Duration::from_millis(200);
/// Longer than the short deadline by far, shorter than the long ones by far.
const BETWEEN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_without_a_word() {
    let site = Site::open(|config| config.limits.first_byte_timeout = SHORT).await;
    let began = Instant::now();
    let mut silent = site.connect().await;
    assert_eq!(rest(&mut silent).await, b"");
    assert!(
        (SHORT..BETWEEN).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_head_that_comes_slowly_is_told_so() {
    let site = Site::open(|config| config.limits.head_timeout = SHORT).await;
    let began = Instant::now();
    let mut slow = site.connect().await;
    slow.write_all(b"GET /healthz HT").await.unwrap();
    let answers = Answer::all(&rest(&mut slow).await);
    assert_eq!((answers.len(), answers[0].status), (1, 408));
    assert_eq!(answers[0].code(), "head_timeout");
    assert_eq!(answers[0].header("connection"), Some("close"));
    assert!(began.elapsed() < BETWEEN);

    // Each byte in time does not move the deadline of the whole.
    let mut dripping = site.connect().await;
    let answered = async {
        let endless = b"GET /healthz HTTP/1.1\r\nX: "
            .iter()
            .chain(std::iter::repeat(&b'y'));
        for byte in endless {
            if dripping.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    tokio::time::timeout(BETWEEN, answered)
        .await
        .expect("the connection is closed");
}

#[tokio::test]
async fn an_idle_connection_is_kept_longer_than_a_head_may_take() {
    let site = Site::open(|config| {
        config.limits.head_timeout = SHORT;
        config.limits.first_byte_timeout = SHORT;
    })
    .await;
    let mut stream = site.connect().await;
    let health = request("GET", "/healthz", "");
    assert_eq!(ask(&mut stream, health.as_bytes()).await.status, 200);
    // Nothing can tell that a deadline did not end something but to let it pass.
    tokio::time::sleep(SHORT * 3).await;
    assert_eq!(ask(&mut stream, health.as_bytes()).await.status, 200);

    // The head of a later request has the same deadline as that of a first one.
    stream.write_all(b"GET /heal").await.unwrap();
    assert_eq!(Answer::all(&rest(&mut stream).await)[0].status, 408);
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word_in_the_end() {
    let site = Site::open(|config| config.limits.idle_timeout = SHORT).await;
    let mut stream = site.connect().await;
    let health = request("GET", "/healthz", "");
    assert_eq!(ask(&mut stream, health.as_bytes()).await.status, 200);
    let began = Instant::now();
    assert_eq!(rest(&mut stream).await, b"");
    assert!(began.elapsed() < BETWEEN);
}

#[tokio::test]
async fn the_defaults_outlast_the_pools_of_clients() {
    let limits = avala_server::Limits::default();
    assert!(limits.idle_timeout >= Duration::from_secs(15));
    assert_eq!(limits.first_byte_timeout, Duration::from_secs(10));
}

#[tokio::test]
async fn a_body_that_comes_slowly_is_told_so() {
    let site = Site::open(|config| config.limits.body_timeout = SHORT).await;
    let head = format!(
        "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{{",
        site.lines()
    );
    let mut slow = site.connect().await;
    slow.write_all(head.as_bytes()).await.unwrap();
    let answers = Answer::all(&rest(&mut slow).await);
    assert_eq!((answers.len(), answers[0].status), (1, 408));
    assert_eq!(answers[0].code(), "body_timeout");
}
