//! What is logged: which route, which key by its public id, never a secret. A program of its own: the log of a
//! process is one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on ends"
)]

#[allow(dead_code, reason = "shared with the stories")]
#[path = "stories/home.rs"]
mod home;
#[allow(dead_code, reason = "shared with the stories")]
#[path = "stories/support.rs"]
mod support;

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use support::{On, Request, start_with};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_names_keys_and_never_shows_them() {
    // Given a log of everything.
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let running = start_with(On::Sqlite, |config| config.sign_up = true).await;

    // When keys, passwords and signing secrets are made, used, and misused.
    let body = json!({ "email": "a@example.com", "password": "canary-password" });
    let account = running
        .send(Request::new("POST", "/signup/").json(&body))
        .await
        .expect(201);
    let key = account["api_key"].as_str().unwrap();
    let call = |method: &str, path: &str| Request::new(method, path).key(key);
    let webhook =
        json!({ "target_url": "https://localhost:1/", "events": ["a.b"], "secret": "canary-secret" });
    let webhook = running
        .send(call("POST", "/webhooks/").json(&webhook))
        .await
        .expect(201);
    running
        .send(call(
            "POST",
            &format!("/webhooks/{}/test/", webhook["uid"].as_str().unwrap()),
        ))
        .await
        .expect(200);
    running.send(call("GET", "/users/me/")).await.expect(200);
    running.send(call("GET", "/users/me/").key(key)).await.expect(401);
    running
        .send(call("GET", &format!("/users/me/?key={key}")))
        .await
        .expect(400);
    running
        .send(Request::new("GET", "/users/me/").key(format!("{key}x")))
        .await
        .expect(401);

    // Then the log tells who did what, and none of them is in it.
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("route=\"/users/me/\"") && log.contains("status=200"),
        "{log}"
    );
    assert!(log.contains(&key[9..21]), "{log}");
    for secret in [&key[22..54], "canary"] {
        let shown: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(shown.is_empty(), "{shown:?}");
    }
}
