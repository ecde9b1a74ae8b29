//! The real command behind nginx, `HAProxy` and Caddy: the API as it is, each client by its own address, and no request
//! inside another.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod proxy;
mod wire;

use std::net::{IpAddr, Ipv4Addr};

use proxy::{Kind, Proxy, Upstream};
use wire::{Answer, Connection};

/// Addresses of this machine that are no trusted proxy's.
const ALICE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const BOB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// The published number of requests a minute without a key.
const ANONYMOUS: usize = 30;

/// Differ from request to request, or belong to the connection.
const VARYING: [&str; 5] = [
    "date",
    "x-request-id",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "connection",
];

fn request(method: &str, path: &str, key: &str, lines: &str, body: &str) -> String {
    let key = if key.is_empty() {
        String::new()
    } else {
        format!("X-Avala-Api-Key: {key}\r\n")
    };
    let body_lines = if body.is_empty() {
        String::new()
    } else {
        format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        )
    };
    format!("{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n{key}{body_lines}{lines}\r\n{body}")
}

async fn behind(kind: Kind) -> Option<(Upstream, Proxy)> {
    let program = kind.program()?;
    let upstream = Upstream::start();
    let proxy = Proxy::start(kind, &program, upstream.port).await;
    Some((upstream, proxy))
}

async fn answers_come_through_unchanged(kind: Kind) {
    let Some((upstream, proxy)) = behind(kind).await else {
        return;
    };
    // Given one connection to the server and one through the proxy.
    let mut direct = Connection::open(ALICE, upstream.port).await;
    let mut through = Connection::open(ALICE, proxy.port).await;
    let wrong = format!("{}x", upstream.key);
    let create = r#"{"name":"a"}"#;
    for (name, method, path, key, body) in [
        ("a list", "GET", "/webhooks/", upstream.key.as_str(), ""),
        (
            "a list, without its last slash",
            "GET",
            "/webhooks",
            &upstream.key,
            "",
        ),
        ("the caller", "GET", "/users/me/", &upstream.key, ""),
        ("no body", "HEAD", "/users/me/", &upstream.key, ""),
        ("no key", "GET", "/users/me/", "", ""),
        ("a wrong key", "GET", "/users/me/", &wrong, ""),
        ("nothing there", "GET", "/nothing/", &upstream.key, ""),
        ("a wrong method", "PUT", "/users/me/", &upstream.key, ""),
        ("a bad body", "POST", "/agents/", &upstream.key, r#"{"name":7}"#),
        ("a good body", "POST", "/agents/", &upstream.key, create),
    ] {
        // When the same is asked on both, again and again on the same two connections.
        let bytes = request(method, path, key, "", body);
        let head_only = method == "HEAD";
        let expected = direct.ask(bytes.as_bytes(), head_only).await;
        let found = through.ask(bytes.as_bytes(), head_only).await;

        // Then the answers are the same.
        assert_eq!(found.status, expected.status, "{kind:?}: {name}");
        assert!(
            !(300..400).contains(&found.status),
            "{kind:?}: {name} is redirected"
        );
        if body != create {
            assert_eq!(found.text(), expected.text(), "{kind:?}: {name}");
        }
        for (header, value) in &expected.headers {
            if header == "content-length" && body == create {
                continue;
            }
            let found = found.header(header);
            if VARYING.contains(&header.as_str()) {
                assert!(
                    found.is_some() || header == "connection",
                    "{kind:?}: {name}: {header}"
                );
            } else {
                assert_eq!(found, Some(value.as_str()), "{kind:?}: {name}: {header}");
            }
        }
    }
}

async fn each_client_has_its_own_budget(kind: Kind) {
    let Some((_upstream, proxy)) = behind(kind).await else {
        return;
    };
    let me = |lines: &str| request("GET", "/users/me/", "", lines, "");
    let mut alice = Connection::open(ALICE, proxy.port).await;
    for _ in 0..ANONYMOUS {
        assert_eq!(alice.ask(me("").as_bytes(), false).await.status, 401);
    }
    let refused = alice.ask(me("").as_bytes(), false).await;
    assert_eq!(refused.status, 429, "{kind:?}");
    assert!(refused.header("retry-after").is_some(), "{kind:?}");

    // No address that Alice gives herself is believed.
    for lines in [
        "X-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.8\r\n",
        "Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\n",
        "X_Forwarded_For: 203.0.113.9\r\n",
        "Connection: keep-alive, X-Forwarded-For\r\n",
    ] {
        let answer = alice.ask(me(lines).as_bytes(), false).await;
        assert_eq!(answer.status, 429, "{kind:?}: {lines}");
    }

    // And Bob is not disturbed.
    let mut bob = Connection::open(BOB, proxy.port).await;
    assert_eq!(bob.ask(me("").as_bytes(), false).await.status, 401, "{kind:?}");
}

async fn no_request_hides_inside_another(kind: Kind) {
    let Some((upstream, proxy)) = behind(kind).await else {
        return;
    };
    let key = &upstream.key;
    let hidden = request("POST", "/agents/", key, "", r#"{"name":"smuggled"}"#);
    let post = |lines: &str, body: &str| {
        format!(
            "POST /api/v1/users/me/ HTTP/1.1\r\nHost: localhost\r\nX-Avala-Api-Key: {key}\r\nContent-Type: application/json\r\n{lines}\r\n{body}"
        )
    };
    // Ends early for whoever reads chunks, late for whoever counts.
    let early = format!("0\r\n\r\n{hidden}");
    let whole = format!("Content-Length: {}\r\n", early.len());
    // Ends late for whoever reads chunks, early for whoever counts.
    let late = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let short = "Content-Length: 4\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let forms = [
        ("CL.TE", post(&format!("{whole}{chunked}"), &early)),
        ("TE.CL", post(&format!("{chunked}{short}"), &late)),
        (
            "CL.0",
            post(&format!("Content-Length: {}\r\n", hidden.len()), &hidden).replacen("POST", "GET", 1),
        ),
        ("chunked alone", post(chunked, &late)),
        (
            "two lengths",
            post(&format!("Content-Length: 0\r\n{whole}"), &early),
        ),
        (
            "two lengths, the other way",
            post(&format!("{whole}Content-Length: 0\r\n"), &early),
        ),
        (
            "xchunked",
            post(&format!("{whole}Transfer-Encoding: xchunked\r\n"), &early),
        ),
        (
            "a blank before the colon",
            post(&format!("{whole}Transfer-Encoding : chunked\r\n"), &early),
        ),
        (
            "vertical tab",
            post(&format!("{whole}Transfer-Encoding:\u{b}chunked\r\n"), &early),
        ),
        (
            "folded",
            post(&format!("{whole}Transfer-Encoding:\r\n chunked\r\n"), &early),
        ),
        (
            "behind a bare LF",
            post(&format!("{whole}X: y\nTransfer-Encoding: chunked\r\n"), &early),
        ),
        (
            "behind a bare CR",
            post(&format!("{whole}X: y\rTransfer-Encoding: chunked\r\n"), &early),
        ),
        (
            "an underscore",
            post(&format!("{whole}Transfer_Encoding: chunked\r\n"), &early),
        ),
        (
            "a length named in Connection",
            post(
                &format!(
                    "Connection: content-length\r\nContent-Length: {}\r\n",
                    hidden.len()
                ),
                &hidden,
            ),
        ),
        (
            "a chunk extension with a bare LF",
            post(chunked, &format!("2;\nxx\r\n{late}0\r\n\r\n")),
        ),
        (
            "a plus",
            post(&format!("Content-Length: +{}\r\n", early.len()), &early),
        ),
        (
            "an upgrade",
            post(&format!("Connection: Upgrade\r\nUpgrade: h2c\r\n{whole}"), &early),
        ),
    ];
    let mut made = 0;
    for (index, (name, bytes)) in forms.into_iter().enumerate() {
        // A name of its own: an agent of the same name is the same agent. No length changes by it.
        let bytes = bytes.replace("smuggled", &format!("smuggl{index:02}"));
        // When it goes through the proxy, and a neighbour asks behind it, on connections that the proxy reuses.
        let mut attacker = Connection::open(ALICE, proxy.port).await;
        let answers = attacker.send_and_wait(bytes.as_bytes()).await;
        for _ in 0..3 {
            let mut neighbour = Connection::open(BOB, proxy.port).await;
            let answer = neighbour
                .ask(request("GET", "/users/me/", key, "", "").as_bytes(), false)
                .await;

            // Then the neighbour gets an answer to what was asked.
            assert_eq!(answer.status, 200, "{kind:?}: {name}");
            assert!(answer.text().contains("\"email\""), "{kind:?}: {name}");
        }
        // And nothing was made behind the proxy's back. (Caddy lets the coding win over the length, as its HTTP library
        // does, and then sees a second request of this client; it passes it on as such, and its answer back.)
        made += answers.matches("HTTP/1.1 201").count();
        assert_eq!(agents(&upstream).await, made, "{kind:?}: {name}: {answers}");
    }
}

/// How many agents there are, asked directly.
async fn agents(upstream: &Upstream) -> usize {
    let mut direct = Connection::open(BOB, upstream.port).await;
    let list = request("GET", "/agents/", &upstream.key, "", "");
    let answer: Answer = direct.ask(list.as_bytes(), false).await;
    let page: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    page["results"].as_array().unwrap().len()
}

macro_rules! behind_each {
    ($($story:ident),*) => {$(
        mod $story {
            use super::Kind;

            #[tokio::test]
            async fn nginx() {
                super::$story(Kind::Nginx).await;
            }

            #[tokio::test]
            async fn haproxy() {
                super::$story(Kind::HaProxy).await;
            }

            #[tokio::test]
            async fn caddy() {
                super::$story(Kind::Caddy).await;
            }
        }
    )*};
}

behind_each!(
    answers_come_through_unchanged,
    each_client_has_its_own_budget,
    no_request_hides_inside_another
);
