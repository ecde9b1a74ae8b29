//! More connections than places.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::site::{Answer, Site, ask, deaf, request, rest};

/// After so long, the system of a client whose first packet was dropped sends it again (RFC 6298).
const KNOCKS_AGAIN: Duration = Duration::from_secs(1);

/// Nobody's deadline runs out in these stories.
fn patient(config: &mut avala_server::Config) {
    let long = Duration::from_mins(10);
    config.limits.first_byte_timeout = long;
    config.limits.head_timeout = long;
    config.limits.idle_timeout = long;
    config.limits.body_timeout = long;
}

/// A client that has only begun to take an answer too large for any buffer on the way.
async fn taking_a_large_answer(site: &Site) -> TcpStream {
    let mut stream = site.connect().await;
    for n in 0..50 {
        let agent = format!(
            r#"{{"name":"a{n}","description":"{}"}}"#,
            "\u{1f34e}".repeat(10_000)
        );
        let post = format!(
            "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{agent}",
            site.lines(),
            agent.len()
        );
        assert_eq!(ask(&mut stream, post.as_bytes()).await.status, 201);
    }
    drop(stream);
    let mut slow = deaf(site).await;
    let list = format!("GET /api/v1/agents/?limit=50 HTTP/1.1\r\n{}\r\n", site.lines());
    slow.write_all(list.as_bytes()).await.unwrap();
    slow.read_exact(&mut [0; 1024]).await.unwrap();
    slow
}

fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn silent_and_slow_connections_lock_nobody_out() {
    // Given more silent, half-sent and half-bodied connections than there are places.
    let site = Site::open(|config| {
        patient(config);
        config.limits.connections = 20;
    })
    .await;
    let half_body = format!(
        "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{{",
        site.lines()
    );
    let mut held = Vec::new();
    for beginning in ["", "GET /heal", &half_body].repeat(20) {
        let mut stream = site.connect().await;
        // It may be closed already.
        let _closed = stream.write_all(beginning.as_bytes()).await;
        held.push(stream);
    }

    // When others come, they are served at once.
    for _ in 0..10 {
        assert!(site.is_well().await);
    }

    // And what was cut off in the middle was not carried out.
    assert_eq!(site.agents().await, Vec::<String>::new());
}

#[tokio::test]
async fn who_waited_longest_without_a_request_is_closed_first() {
    let site = Site::open(|config| {
        patient(config);
        config.limits.connections = 3;
    })
    .await;
    let health = request("GET", "/healthz", "");
    let mut kept_alive = site.connect().await;
    assert_eq!(ask(&mut kept_alive, health.as_bytes()).await.status, 200);
    let mut elder = site.connect().await;
    let mut younger = site.connect().await;
    let mut fourth = site.connect().await;
    assert_eq!(ask(&mut fourth, health.as_bytes()).await.status, 200);

    assert_eq!(rest(&mut elder).await, b"");
    assert!(is_open(&younger) && is_open(&kept_alive));
    assert_eq!(ask(&mut kept_alive, health.as_bytes()).await.status, 200);
    assert_eq!(ask(&mut younger, health.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn a_request_whose_body_was_cut_off_for_another_is_not_carried_out() {
    let site = Site::open(|config| {
        patient(config);
        config.limits.connections = 1;
    })
    .await;
    let promised = format!(
        "POST /api/v1/agents/ HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: 16\r\nExpect: 100-continue\r\n\r\n",
        site.lines()
    );
    let mut slow = site.connect().await;
    slow.write_all(promised.as_bytes()).await.unwrap();
    let mut consent = [0; 25];
    slow.read_exact(&mut consent).await.unwrap();
    assert!(consent.starts_with(b"HTTP/1.1 100"));

    assert!(site.is_well().await);
    let _closed = slow.write_all(br#"{"name":"first"}"#).await;
    let mut answer = Vec::new();
    let _reset = slow.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
    assert_eq!(site.agents().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_end_of_the_server_does_not_wait_for_silent_and_half_sent_connections() {
    let site = Site::open(patient).await;
    let silent = site.connect().await;
    let mut half_sent = site.connect().await;
    half_sent.write_all(b"GET /heal").await.unwrap();
    let mut idle = site.connect().await;
    let health = request("GET", "/healthz", "");
    assert_eq!(ask(&mut idle, health.as_bytes()).await.status, 200);

    let began = tokio::time::Instant::now();
    site.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop((silent, half_sent, idle));
}

#[tokio::test]
async fn a_client_that_asks_ahead_and_reads_nothing_is_read_no_further() {
    // Given a client that sends many requests at once and takes no answer.
    let site = Site::open(|config| config.limits.write_timeout = Duration::from_millis(300)).await;
    let mut deaf = deaf(&site).await;
    let ahead = request("GET", "/healthz", "").repeat(200_000);

    // Then not everything is taken, and the connection ends.
    let sent = tokio::time::timeout(crate::site::PATIENCE, deaf.write_all(ahead.as_bytes())).await;
    assert!(sent.expect("the connection ends").is_err());
    assert!(site.is_well().await);
}

#[tokio::test]
async fn a_client_that_takes_a_large_answer_in_drops_loses_its_place() {
    // Given a server with one place, and an answer that fits into no buffer on the way.
    let site = Site::open(|config| {
        config.limits.connections = 1;
        config.limits.write_timeout = Duration::from_secs(1);
    })
    .await;

    // When a client takes some of it again and again, but less than it must.
    let mut slow = taking_a_large_answer(&site).await;
    let mut drops = [0; 1024];
    let taking = async {
        while let Ok(1..) = slow.read(&mut drops).await {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        std::future::pending::<()>().await;
    };

    // Then another one gets its place.
    tokio::select! {
        is_well = site.is_well() => assert!(is_well),
        () = taking => {}
    }
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_requests() {
    let site = Site::open(|_| {}).await;
    let mut ahead = String::new();
    for n in 0..50 {
        let path = if n % 2 == 0 { "/healthz" } else { "/nothing" };
        ahead += &request("GET", path, if n == 49 { crate::site::CLOSE } else { "" });
    }
    let answers: Vec<Answer> = site.exchange(ahead.as_bytes()).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 404].repeat(25));
}

#[tokio::test]
async fn a_crowd_waits_for_a_place_and_need_not_knock_twice() {
    // Given a server with one place, which is at work.
    let site = Site::open(|config| {
        patient(config);
        config.limits.connections = 1;
        config.limits.write_timeout = Duration::from_mins(10);
    })
    .await;
    let busy = taking_a_large_answer(&site).await;

    // When many come at once.
    let connect = || tokio::time::timeout(KNOCKS_AGAIN, TcpStream::connect(site.address));
    let crowd = join_all((0..600).map(|_| connect())).await;

    // Then the system holds them until their turn, and drops none.
    let kept = crowd.iter().filter(|one| matches!(one, Ok(Ok(_)))).count();
    assert_eq!(kept, 600);
    drop(busy);
}
