//! Keys through the client: a secret in one answer, and calls that may act twice sent once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use avala::{ErrorKind, Scope, api::api_keys::KeyAccess};
use support::{CANARY, Script, answer};

const MADE: &str = r#"{"id":"Canary000000","prefix":"avk_test_Canary000000","name":"n","class":"test","owner":"u",
    "access":{"kind":"full"},"state":"active","created_at":"2026-01-31T12:00:00Z",
    "secret":"avk_test_Canary000000_CanaryCanaryCanaryCanaryCanaryCanar"}"#;

#[tokio::test(start_paused = true)]
async fn a_key_is_made_once_under_the_callers_name_for_it_and_is_not_in_debug() {
    let script = Script::of([answer(201, MADE)]);
    let made = script
        .client()
        .api_keys()
        .create("n", KeyAccess::listed([Scope::DatasetsRead]))
        .idempotency_key("first-of-may")
        .send()
        .await
        .unwrap();

    assert_eq!(made.secret.as_ref().unwrap().expose(), CANARY);
    assert!(!format!("{made:?}").contains(CANARY));
    let seen = &script.seen()[0];
    assert_eq!(seen.headers["idempotency-key"], "first-of-may");
    assert_eq!(
        seen.body,
        r#"{"name":"n","access":{"kind":"listed","scopes":["datasets.read"]}}"#
    );
}

#[tokio::test(start_paused = true)]
async fn making_and_rotating_are_never_repeated_and_ending_is() {
    let busy = || [answer(503, "{}"), answer(200, MADE)];
    let script = Script::of(busy());
    let lost = script.client().api_keys().rotate("Canary000000").send().await;
    assert_eq!(
        (lost.unwrap_err().kind(), script.seen().len()),
        (ErrorKind::Server, 1)
    );
    let script = Script::of(busy());
    let lost = script
        .client()
        .api_keys()
        .create("n", KeyAccess::Full)
        .send()
        .await;
    assert_eq!(
        (lost.unwrap_err().kind(), script.seen().len()),
        (ErrorKind::Server, 1)
    );

    let script = Script::of(busy());
    let revoked = script.client().api_keys().revoke("Canary000000").send().await;
    assert!(revoked.is_ok() && script.seen().len() == 2);
}
