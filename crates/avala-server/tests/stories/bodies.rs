//! Request bodies: too large, too slow, of no known length, broken.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, On, Request, exchange, start, start_with};

async fn a_body_that_is_too_large_is_refused_before_and_while_it_is_read(on: On) {
    let running = start_with(on, |config| config.limits.body_bytes = 1000).await;
    let tenant = running.tenant("a@example.com").await;
    let agent = |size: usize| {
        Request::new("POST", "/agents/")
            .key(tenant.key.expose())
            .header("Content-Type", "application/json")
            .body(vec![b' '; size])
    };

    let fits = running.send(agent(1000)).await;
    assert_eq!(fits.status, 400, "blank is not an object, but it was read");
    for size in [1001, 100_000] {
        let answer = running.send(agent(size)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large"),
            "{size}"
        );
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

async fn a_body_needs_a_length(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let chunked = || {
        Request::new("POST", "/agents/")
            .key(tenant.key.expose())
            .header("Transfer-Encoding", "chunked")
    };
    let bytes = [chunked().bytes(), b"2\r\n{}\r\n0\r\n\r\n".to_vec()].concat();
    let answer = Answer::parse(&exchange(running.address, &bytes).await).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (411, "length_required"));

    // Both ways to end a body at once: refused, closed, and what follows is not taken for a request.
    let bytes = [
        chunked().header("Content-Length", "4").bytes(),
        b"0\r\n\r\nGET /api/v1/users/me/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
    ]
    .concat();
    let answers = exchange(running.address, &bytes).await;
    assert_eq!(Answer::parse(&answers).unwrap().status, 400);
    assert_eq!(
        answers.windows(9).filter(|window| window == b"HTTP/1.1 ").count(),
        1
    );
}

async fn a_body_that_does_not_come_is_not_waited_for(on: On) {
    let running = start_with(on, |config| {
        config.limits.body_timeout = Duration::from_millis(100);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    let promised = Request::new("POST", "/agents/")
        .key(tenant.key.expose())
        .header("Content-Type", "Application/JSON")
        .header("Content-Length", "10");
    let answer = Answer::parse(&exchange(running.address, &promised.bytes()).await).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "body_timeout"));
}

async fn a_broken_body_says_so_and_quotes_nothing(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for body in [
        "",
        "{",
        "[]",
        "\"canary\"",
        "{\"name\":\"canary\",\"name\":\"b\"}",
        "null",
        "\u{0}canary",
    ] {
        let answer = running
            .send(
                Request::new("POST", "/agents/")
                    .key(tenant.key.expose())
                    .header("Content-Type", "application/json; charset=utf-8")
                    .body(body),
            )
            .await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("canary"),
            "{body}"
        );
    }
}

async fn a_deep_body_is_refused_without_harm(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let deep = format!("{{\"name\":{}", "[".repeat(100_000));
    let answer = running
        .send(
            Request::new("POST", "/agents/")
                .key(tenant.key.expose())
                .header("Content-Type", "application/json")
                .body(deep),
        )
        .await;
    assert_eq!(answer.code(), "malformed");
}

async fn a_refused_body_is_not_asked_for(on: On) {
    // Given a client that waits for the server's consent before it sends its body.
    let running = start(on).await;
    let waiting = Request::new("POST", "/agents/")
        .header("Expect", "100-continue")
        .header("Content-Length", "100");

    // When it has no key, then it is refused at once, and told that this connection ends.
    let answer = Answer::parse(&exchange(running.address, &waiting.bytes()).await).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (401, "key_missing"));
    assert_eq!(answer.header("connection"), Some("close"));
}

async fn a_large_refused_body_ends_the_connection_and_the_answer_still_arrives(on: On) {
    let running = start(on).await;
    let large = Request::new("POST", "/agents/")
        .header("Content-Type", "application/json")
        .body(vec![b' '; 4 * 1024 * 1024]);
    // On a connection that the client would keep.
    let kept = String::from_utf8(large.bytes())
        .unwrap()
        .replacen("Connection: close\r\n", "", 1);
    let answer = Answer::parse(&exchange(running.address, kept.as_bytes()).await).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (401, "key_missing"));
    assert_eq!(answer.header("connection"), Some("close"));
}

async fn a_body_must_be_json_by_name(on: On) {
    // A web page can send other types to a server on this machine without asking it first.
    let running = start_with(on, |config| config.sign_up = true).await;
    let body = r#"{"email":"a@example.com","password":"long enough"}"#;
    let sign_up = || Request::new("POST", "/signup/").body(body);
    for refused in [
        sign_up(),
        sign_up().header("Content-Type", "text/plain"),
        sign_up().header("Content-Type", "application/x-www-form-urlencoded"),
        sign_up().header("Content-Type", "application/jsonp"),
        sign_up().header("Content-Type", "text/plain; application/json"),
        sign_up()
            .header("Content-Type", "application/json")
            .header("Content-Type", "text/plain"),
    ] {
        let answer = running.send(refused).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (415, "unsupported_media_type")
        );
    }
    running
        .send(sign_up().header("Content-Type", "Application/Json; charset=utf-8"))
        .await
        .expect(201);
    // A request without a body says nothing about its type.
    assert_eq!(running.send(Request::new("POST", "/signup/")).await.status, 400);
}

async fn a_compressed_body_is_not_unpacked(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    // A megabyte of zeros, in a few bytes that say so, and again in themselves.
    let bomb = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xed\xc1\x01\x0d\0\0\0\xc2\xa0\xf7Om\x0e7\xa0\0\0\0\0\0\0\0\0\x80w\x03";
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity"] {
        let request = Request::new("POST", "/agents/")
            .key(tenant.key.expose())
            .header("Content-Type", "application/json")
            .header("Content-Encoding", coding)
            .body(&bomb[..]);
        let answer = running.send(request).await;
        assert!([400, 415].contains(&answer.status), "{coding}: {}", answer.status);
    }
}

async fn a_body_of_many_members_or_long_lists_is_bounded(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let long = "x".repeat(300_000);
    let many: Vec<String> = (0..20_000)
        .map(|number| format!("10.{}.{}.0/24", number / 256 % 256, number % 256))
        .collect();
    let scopes = vec!["agents.read"; 40_000];
    for body in [
        json!({"name": long, "access": full}),
        json!({"name": "a", "access": full, "environment": long}),
        json!({"name": "a", "access": full, "allowed_networks": many}),
        json!({"name": "a", "access": full, "resources": many}),
        json!({"name": "a", "access": {"kind": "listed", "scopes": [long]}}),
        json!({"name": "a", "access": {"kind": long}}),
        json!({"name": "a", "access": full, "owner": long}),
    ] {
        assert_eq!(tenant.post("/api-keys/", body).await.status, 400);
    }
    // The same scope often is that scope, once.
    let body = json!({"name": "a", "access": {"kind": "listed", "scopes": scopes}});
    let made = tenant.post("/api-keys/", body).await.expect(201);
    assert_eq!(made["access"]["scopes"], json!(["agents.read"]));
    let members: Vec<String> = (0..60_000).map(|number| format!("\"{number}\":0,")).collect();
    let members = members.concat();
    let request = Request::new("POST", "/api-keys/")
        .key(tenant.key.expose())
        .header("Content-Type", "application/json")
        .body(format!(
            "{{{members}\"name\":\"a\",\"access\":{{\"kind\":\"full\"}}}}"
        ));
    assert_eq!(running.send(request).await.status, 400);
    let larger = "x".repeat(2 * 1024 * 1024);
    assert_eq!(
        tenant
            .post("/api-keys/", json!({"name": larger, "access": full}))
            .await
            .status,
        413
    );
}

stories![
    a_compressed_body_is_not_unpacked,
    a_body_of_many_members_or_long_lists_is_bounded,
    a_body_that_is_too_large_is_refused_before_and_while_it_is_read,
    a_body_needs_a_length,
    a_body_that_does_not_come_is_not_waited_for,
    a_broken_body_says_so_and_quotes_nothing,
    a_deep_body_is_refused_without_harm,
    a_refused_body_is_not_asked_for,
    a_large_refused_body_ends_the_connection_and_the_answer_still_arrives,
    a_body_must_be_json_by_name,
];
