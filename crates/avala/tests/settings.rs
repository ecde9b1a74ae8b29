//! The settings that both clients take, from the environment and from the builder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use avala::{Client, Environment, Source, blocking};
use support::{CANARY, Script, answer};

const ME: &str = r#"{"uid":"u","username":"anna"}"#;

fn variables(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().collect()
}

// Covers: R6, R7, R13, R17, R26
#[tokio::test]
async fn with_the_variable_nothing_else_has_to_be_said() {
    // Every shape that Avala's papers show is taken.
    for key in [
        CANARY,
        "avk_abc",
        "avala_sk_abc",
        "avala_key_abc123",
        "sk_live_1234567890abcdef",
        "0123456789abcdef0123456789abcdef01234567",
    ] {
        let script = Script::of([answer(200, ME)]);
        let client = Client::builder()
            .environment(variables(&[("AVALA_API_KEY", key)]))
            .transport(script.clone())
            .build()
            .unwrap();
        client.users().me().send().await.unwrap();
        let seen = &script.seen()[0];
        assert_eq!(seen.headers["x-avala-api-key"], key);
        assert!(!seen.headers.contains_key("authorization"));
        assert_eq!(seen.uri, "https://api.avala.ai/api/v1/users/me/");
        let variable = "AVALA_API_KEY".to_owned();
        assert_eq!(
            client.credential_report().source,
            Source::Environment { variable }
        );
    }
}

// Covers: R7, R13, R26
#[test]
fn the_blocking_client_takes_the_same_settings() {
    let script = Script::of([answer(200, ME)]);
    let client = blocking::Client::builder()
        .environment(variables(&[("AVALA_API_KEY", CANARY)]))
        .transport(script.clone())
        .build()
        .unwrap();
    assert_eq!(client.users().me().send().unwrap().username, "anna");
    assert_eq!(script.seen()[0].uri, "https://api.avala.ai/api/v1/users/me/");
}

// Covers: R27, R29, W30, W31
#[tokio::test]
async fn the_base_url_comes_from_the_builder_else_from_its_variable_for_every_call() {
    let script = Script::of([answer(200, ME), answer(200, ME), answer(404, "")]);
    let environment = variables(&[
        ("AVALA_API_KEY", CANARY),
        ("AVALA_BASE_URL", "http://[::1]:8000/api/v1/"),
        ("AVALA_ALLOW_INSECURE_BASE_URL", " Yes "),
    ]);
    let builder = || {
        Client::builder()
            .environment(environment.clone())
            .transport(script.clone())
    };
    builder().build().unwrap().users().me().send().await.unwrap();
    let named = builder().base_url("https://other.example/v1").build().unwrap();
    named.users().me().send().await.unwrap();
    let signup = builder().build().unwrap().signup().create("a@b.example", "pw");
    signup.send().await.unwrap_err();
    let uris: Vec<String> = script.seen().into_iter().map(|seen| seen.uri).collect();
    assert_eq!(
        uris,
        [
            "http://[::1]:8000/api/v1/users/me/",
            "https://other.example/v1/users/me/",
            "http://[::1]:8000/api/v1/signup/"
        ]
    );
}
