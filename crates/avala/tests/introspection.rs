//! Who a key belongs to and what it may do, and what is told of that before a call is sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use avala::{Client, ErrorKind, Retry, Scope, Source};
use support::{CANARY, Script, Turn, answer, answer_with, page, seconds};
use tokio::time::sleep;

const ME: &str = r#"{"uid":"u1","username":"anna"}"#;

/// What a self-hosted server answers: it tells the class of its keys.
fn may(scopes: &[&str]) -> Turn {
    answer_with(200, &[("x-avala-key-class", "test")], &permissions(scopes))
}

fn permissions(scopes: &[&str]) -> String {
    serde_json::json!({ "type": "customer", "scopes": scopes }).to_string()
}

fn webhooks() -> Turn {
    answer(200, page(0, 0, None))
}

// Covers: W26
#[tokio::test]
async fn one_value_tells_who_the_key_belongs_to_what_it_may_do_and_where_it_came_from() {
    let script = Script::of([answer(200, ME), may(&["webhooks.read"])]);
    let who = script.client().whoami().await.unwrap();
    assert_eq!(who.user.username, "anna");
    assert!(who.permissions.holds(Scope::WebhooksRead));
    assert_eq!(who.source, Source::Explicit);
    assert_eq!(who.origin, "https://avala.example");
    assert!(
        who.masked_key
            .as_ref()
            .is_some_and(|mask| CANARY.starts_with(&mask[..8]))
    );
    assert!(!format!("{who:?}").contains("Canary000000_C"));
}

// Covers: W26
#[test]
fn the_blocking_client_knows_the_same() {
    let script = Script::of([answer(200, ME), may(&["webhooks.read"]), may(&["webhooks.read"])]);
    let client = script.builder().build_blocking().unwrap();
    assert_eq!(client.whoami().unwrap().user.uid.as_str(), "u1");
    assert_eq!(client.permissions().unwrap().scopes.len(), 1);
    let error = client.agents().create("scout").send().unwrap_err();
    assert_eq!(error.code(), Some("scope_missing"));
    assert_eq!(script.seen().len(), 3);
}

// Covers: R2, R24
#[tokio::test(start_paused = true)]
async fn a_scope_that_is_known_to_be_missing_is_told_before_the_call_is_sent() {
    let script = Script::of([may(&["webhooks.read"]), webhooks()]);
    let client = script.client();
    client.permissions().await.unwrap();
    client.webhooks().list().send().await.unwrap();
    let error = client.agents().create("scout").send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.attempts()),
        (ErrorKind::Forbidden, Some("scope_missing"), 0)
    );
    assert!(!error.may_have_been_sent());
    assert!(error.message().contains("`agents.write`") && error.hint().unwrap().contains("`agents.write`"));
    assert_eq!((error.operation(), error.exit_code()), (Some("agents.create"), 5));
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_of_two_scopes_is_enough_where_the_call_says_so() {
    for (scope, sent) in [
        ("keys.self_rotate", true),
        ("keys.manage", true),
        ("keys.read", false),
    ] {
        let script = Script::of([may(&[scope]), answer(404, "")]);
        let client = script.client();
        client.permissions().await.unwrap();
        let error = client.api_keys().rotate("k1").send().await.unwrap_err();
        assert_eq!(error.may_have_been_sent(), sent, "{scope}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_says_so_sends_it_all_the_same() {
    let script = Script::of([
        may(&["agents.read"]),
        webhooks(),
        may(&["agents.read"]),
        webhooks(),
    ]);
    let client = script.client();
    client.permissions().await.unwrap();
    let call = client.webhooks().list().without_permission_check();
    call.send().await.unwrap();
    let client = script.builder().without_permission_check().build().unwrap();
    client.permissions().await.unwrap();
    client.webhooks().list().send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_stops_nothing() {
    let staff = r#"{"type":"customer","is_staff_privileged":true,"scopes":["agents.read"]}"#;
    let of_staff = answer_with(200, &[("x-avala-key-class", "test")], staff);
    // Nobody publishes which scopes Avala's own calls need; an empty list may mean all; a full key lists all.
    let every: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let of_avala = answer(200, permissions(&["agents.read"]));
    for told in [of_avala, may(&[]), of_staff, may(&every)] {
        let script = Script::of([told, webhooks()]);
        let client = script.client();
        client.permissions().await.unwrap();
        client.webhooks().list().send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_key_may_do_is_known_for_five_minutes() {
    let script = Script::of([may(&["agents.read"]), webhooks()]);
    let client = script.client();
    client.permissions().await.unwrap();
    sleep(Duration::from_secs(299)).await;
    assert!(client.webhooks().list().send().await.is_err());
    sleep(seconds(2)).await;
    client.webhooks().list().send().await.unwrap();
}

#[tokio::test]
async fn of_another_key_nothing_is_known_yet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    std::fs::write(&path, "AVALA_API_KEY=avk_a\n").unwrap();
    let refused = answer(401, r#"{"detail":"Invalid API key.","code":"key_rotated"}"#);
    let script = Script::of([may(&["agents.read"]), refused, answer(200, ME), webhooks()]);
    let client = Client::builder()
        .environment(avala::Environment::empty())
        .dotenv_file(&path)
        .transport(script.clone())
        .build()
        .unwrap();
    client.permissions().await.unwrap();
    assert!(client.webhooks().list().send().await.is_err());
    std::fs::write(&path, "AVALA_API_KEY=avk_b\n").unwrap();
    client.users().me().send().await.unwrap();
    client.webhooks().list().send().await.unwrap();
    assert_eq!(script.seen()[3].headers["x-avala-api-key"], "avk_b");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged as a warning while three calls are answered by a server of this class of keys.
fn warnings(class: &str) -> (String, Vec<String>) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .finish();
    let notes = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let refused = r#"{"detail":"Invalid API key.","code":"key_wrong_class"}"#;
            let turn = || answer_with(401, &[("x-avala-key-class", class)], refused);
            let script = Script::of([turn(), turn(), turn()]);
            let client = script.builder().retry(Retry::NEVER).build().unwrap();
            for _ in 0..3 {
                client.users().me().send().await.unwrap_err();
            }
            client.credential_report().notes
        })
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (text, notes)
}

// Covers: R23
#[test]
fn a_test_key_at_a_live_server_is_told_of_once_and_noted_in_the_report() {
    let (log, notes) = warnings("live");
    assert_eq!(log.matches("another class").count(), 1, "{log}");
    assert!(!log.contains("Canary000000_C"), "{log}");
    assert_eq!(
        notes,
        ["The key is a test key, and https://avala.example takes live keys."]
    );
    for quiet in ["test", "", "li ve"] {
        let (log, notes) = warnings(quiet);
        assert!(log.is_empty() && notes.is_empty(), "{log}");
    }
}
