//! The edge: paths, methods, sizes, times, hosts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use avala_api::{Method, catalogue::DECLARED};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use url::Url;

use crate::support::{Answer, On, Request, start, start_with};

async fn every_route_answers_with_and_without_its_last_slash(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for route in DECLARED {
        let path = route.path.replace(['{', '}'], "");
        let method = route.method.as_str();
        let body = (route.method != Method::Get).then(|| json!({}));
        let with = tenant.send(method, &path, body.clone()).await;
        let without = tenant.send(method, path.trim_end_matches('/'), body).await;
        assert_eq!(with.status, without.status, "{}", route.operation);
        assert_eq!(with.json(), without.json(), "{}", route.operation);
    }
}

async fn other_spellings_of_a_path_lead_nowhere(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for target in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/webhooks/",
        "/webhooks/",
        "/api/v1//webhooks/",
        "/api/v1/webhooks//",
        "/api/v1/./webhooks/",
        "/api/v1/x/../webhooks/",
        "/api/v1/Webhooks/",
        "/api/v1/%77ebhooks/",
        "/api/v1/webhooks;a=1/",
        "/api/v1/webhooks%2f",
        "/api/v1/users/me/permissions/x/",
        "/api/v1/webhooks/%ff/",
        "/API/v1/webhooks/",
        "/api/v1/agents/./executions/",
        "/api/v1/agents/../executions/",
        "/api/v1/agents/%2e%2e/executions/",
        "/api/v1/agents/%0a/executions/",
        "/api/v1/agents/%00/executions/",
        "/healthz/",
        "*",
    ] {
        let answer = running
            .send(Request::raw("GET", target).key(tenant.key.expose()))
            .await;
        let body = answer.expect(404);
        assert_eq!(
            body,
            json!({ "detail": "Not found.", "code": "not_found" }),
            "{target}"
        );
    }
}

async fn a_method_that_a_path_does_not_have_is_named(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for (method, path, allow) in [
        ("DELETE", "/webhooks/", "GET, HEAD, POST"),
        ("PUT", "/agents/x/", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/signup/", "POST"),
        ("OPTIONS", "/users/me/", "GET, HEAD"),
        ("TRACE", "/users/me/", "GET, HEAD"),
        ("get", "/users/me/", "GET, HEAD"),
        ("BREW", "/users/me/", "GET, HEAD"),
    ] {
        let answer = tenant.send(method, path, None).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        assert_eq!(answer.code(), "method_not_allowed");
    }
    let overridden = Request::new("GET", "/webhooks/")
        .key(tenant.key.expose())
        .header("X-HTTP-Method-Override", "DELETE");
    running.send(overridden).await.expect(200);
}

async fn every_answer_carries_the_same_guards(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let mut ids = std::collections::BTreeSet::new();
    for answer in [
        tenant.get("/users/me/").await,
        tenant.get("/webhooks/x/").await,
        tenant.get("/nothing/").await,
        tenant.send("PUT", "/users/me/", None).await,
        running.send(Request::new("GET", "/users/me/")).await,
        running
            .send(Request::new("GET", "/users/me/").without_host())
            .await,
        running.send(Request::raw("GET", "/healthz")).await,
    ] {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-avala-key-class", "live"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        answer.json();
        assert!(
            ids.insert(answer.header("x-request-id").unwrap().to_owned()),
            "the request id is not unique"
        );
    }
}

async fn an_error_links_to_its_explanation_where_there_is_one(on: On) {
    let running = start_with(on, |config| {
        config.docs_url = Some(Url::parse("https://docs.example.com/errors").unwrap());
    })
    .await;
    let body = running.send(Request::new("GET", "/users/me/")).await.json();
    assert_eq!(body["doc_url"], "https://docs.example.com/errors#key_missing");
}

async fn only_known_hosts_are_answered(on: On) {
    let running = start_with(on, |config| {
        config.public_url = Some(Url::parse("https://avala.example.com").unwrap());
        config.allowed_hosts = vec!["Backup.example.com".into()];
    })
    .await;
    let from = |host: &str| {
        Request::raw("GET", "/healthz")
            .without_host()
            .header("Host", host)
    };
    let api = |host: &str| {
        Request::new("GET", "/users/me/")
            .without_host()
            .header("Host", host)
    };

    for host in [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1",
        "192.0.2.7:80",
        "[::1]:8000",
        "avala.example.com:443",
        "backup.example.com",
    ] {
        assert_eq!(running.send(api(host)).await.code(), "key_missing", "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "user@localhost",
        "localhost.",
        "",
        "a b",
        "127.0.0.1.evil",
    ] {
        let answer = running.send(api(host)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "host_not_allowed"),
            "{host}"
        );
    }
    for several in [
        Request::new("GET", "/users/me/").without_host(),
        Request::new("GET", "/users/me/").header("Host", "localhost"),
    ] {
        assert_eq!(running.send(several).await.code(), "host_missing");
    }
    // The health checks of an orchestrator come by address, often without a name.
    running.send(from("192.0.2.7")).await.expect(200);
    // The absolute form: its host counts for nothing.
    let answer = running
        .send(Request::raw("GET", "http://evil.example/api/v1/users/me/"))
        .await;
    assert_eq!(answer.code(), "key_missing");
}

async fn a_connection_is_kept_between_requests(on: On) {
    let running = start(on).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 1024];
        let size = stream.read(&mut answer).await.unwrap();
        assert_eq!(Answer::parse(&answer[..size]).unwrap().status, 200);
    }
}

async fn a_head_that_is_too_large_is_refused(on: On) {
    let running = start(on).await;
    let long = Request::raw("GET", "/healthz").header("X-Long", "x".repeat(20_000));
    assert_eq!(running.send(long).await.status, 431);
    let many = (0..100).fold(Request::raw("GET", "/healthz"), |request, n| {
        request.header(&format!("X-{n}"), "1")
    });
    assert_eq!(running.send(many).await.status, 431);
}

async fn a_client_that_does_not_read_its_answers_loses_its_place(on: On) {
    // Given a server with one place, and answers that fill every buffer on the way.
    let running = start_with(on, |config| {
        config.limits.connections = 1;
        config.limits.write_timeout = Duration::from_millis(200);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    for n in 0..40 {
        let agent = json!({ "name": format!("a{n}"), "description": "x".repeat(10_000) });
        tenant.post("/agents/", agent).await.expect(201);
    }
    let list = format!(
        "GET /api/v1/agents/?limit=40 HTTP/1.1\r\nHost: localhost\r\nX-Avala-Api-Key: {}\r\n\r\n",
        tenant.key.expose()
    );

    // When a client asks again and again, and reads nothing.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(running.address).await.unwrap();
    deaf.write_all(list.repeat(40).as_bytes()).await.unwrap();

    // Then the next client gets the place.
    running.send(Request::raw("GET", "/healthz")).await.expect(200);
    drop(deaf);
}

async fn a_shutdown_lets_the_open_request_end(on: On) {
    // Given a request whose body is on its way.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let promised = Request::new("POST", "/agents/")
        .key(tenant.key.expose())
        .header("Content-Type", "application/json")
        .header("Content-Length", "12");
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&promised.bytes()).await.unwrap();
    running.send(Request::raw("GET", "/healthz")).await.expect(200);

    // When the server is told to stop, and the rest of the body comes.
    let address = running.address;
    let stopping = tokio::spawn(running.stop());
    crate::support::within(Duration::from_secs(5), || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    stream.write_all(br#"{"name":"x"}"#).await.unwrap();

    // Then it is answered.
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(Answer::parse(&answer).unwrap().status, 201);
    stopping.await.unwrap();
}

async fn a_panic_in_one_request_is_an_answer_and_leaves_the_others_alone(on: On) {
    // Given a server whose source of randomness panics when told to.
    let broken = Arc::new(AtomicBool::new(false));
    let source = broken.clone();
    let running = start_with(on, |config| {
        config.randomness = Box::new(move |bytes: &mut [u8]| {
            assert!(!source.load(Ordering::Relaxed), "on purpose");
            getrandom::fill(bytes).map_err(|_| avala_keys::RandomnessFailed)
        });
    })
    .await;
    let tenant = running.tenant("a@example.com").await;

    broken.store(true, Ordering::Relaxed);
    let answer = tenant.post("/agents/", json!({ "name": "a" })).await;
    assert_eq!(
        answer.expect(500),
        json!({ "detail": "A server error occurred.", "code": "server_error" })
    );

    broken.store(false, Ordering::Relaxed);
    tenant.post("/agents/", json!({ "name": "a" })).await.expect(201);
}

async fn health_and_readiness_need_no_key(on: On) {
    let running = start(on).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            running.send(Request::raw("GET", path)).await.expect(200),
            json!({ "status": "ok" })
        );
    }
}

stories![
    every_route_answers_with_and_without_its_last_slash,
    other_spellings_of_a_path_lead_nowhere,
    a_method_that_a_path_does_not_have_is_named,
    every_answer_carries_the_same_guards,
    an_error_links_to_its_explanation_where_there_is_one,
    only_known_hosts_are_answered,
    a_connection_is_kept_between_requests,
    a_head_that_is_too_large_is_refused,
    a_client_that_does_not_read_its_answers_loses_its_place,
    a_shutdown_lets_the_open_request_end,
    a_panic_in_one_request_is_an_answer_and_leaves_the_others_alone,
    health_and_readiness_need_no_key,
];
