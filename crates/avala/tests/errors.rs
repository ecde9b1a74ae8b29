//! Errors that people can act on: what is wrong with the key, what to do, and whether the call took effect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use avala::{
    Advice, Client, Environment, Error, ErrorKind, KeyProblem, Retry, blocking, transport::TransportFailure,
};
use support::{CANARY, Script, Turn, answer, answer_with, page, seconds};

/// The error of a call that is answered so.
async fn refused(status: u16, body: &str) -> Error {
    let script = Script::of([answer_with(status, &[("x-request-id", "req-7")], body)]);
    let client = script.builder().retry(Retry::NEVER).build().unwrap();
    client.users().me().send().await.unwrap_err()
}

fn without_variables() -> avala::ClientBuilder {
    Client::builder().environment(Environment::empty())
}

// Covers: R2, R14, R32, R33
#[tokio::test]
async fn a_refused_key_says_by_its_code_what_is_wrong_with_it() {
    for (code, text, problem) in [
        (
            "key_missing",
            "Authentication credentials were not provided.",
            KeyProblem::Missing,
        ),
        ("key_invalid", "Invalid API key.", KeyProblem::Invalid),
        ("key_malformed", "Invalid API key.", KeyProblem::Malformed),
        ("key_wrong_class", "Invalid API key.", KeyProblem::WrongClass),
        ("key_expired", "API key has expired.", KeyProblem::Expired),
        ("key_revoked", "Invalid API key.", KeyProblem::Revoked),
        ("key_rotated", "Invalid API key.", KeyProblem::Rotated),
        ("key_disabled", "Invalid API key.", KeyProblem::Disabled),
        ("owner_disabled", "Invalid API key.", KeyProblem::OwnerDisabled),
    ] {
        let doc_url = format!("https://docs.example/errors#{code}");
        let body = serde_json::json!({ "detail": text, "code": code, "doc_url": doc_url });
        let error = refused(401, &body.to_string()).await;
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
        assert_eq!(error.key_problem(), Some(problem), "{code}");
        assert_eq!(problem.code(), code);
        assert_eq!((error.message(), error.doc_url()), (text, Some(doc_url.as_str())));
        assert_eq!((error.request_id(), error.attempts()), (Some("req-7"), 1));
        assert_eq!((error.exit_code(), error.may_have_been_sent()), (4, true));
        let advised = Advice::all().iter().find(|advice| advice.code == Some(code));
        assert_eq!(error.hint(), advised.map(|advice| advice.hint), "{code}");
    }
}

// Covers: R2, R32, R33
#[tokio::test]
async fn without_a_code_the_published_texts_tell_what_is_wrong_with_the_key() {
    for (text, problem) in [
        ("Invalid API key.", Some(KeyProblem::Invalid)),
        ("API key has expired.", Some(KeyProblem::Expired)),
        ("Your API key expired yesterday.", Some(KeyProblem::Expired)),
        (
            "Authentication credentials were not provided.",
            Some(KeyProblem::Missing),
        ),
        ("Go away.", None),
    ] {
        let error = refused(401, &serde_json::json!({ "detail": text }).to_string()).await;
        assert_eq!(error.key_problem(), problem, "{text}");
        assert!(error.hint().is_some(), "{text}");
    }
    // The body of a proxy says nothing about the key, and other errors are not about it.
    assert_eq!(refused(401, "<html>Sign in</html>").await.key_problem(), None);
    let invalid = refused(400, r#"{"detail":"Invalid name; it has expired."}"#).await;
    assert_eq!(invalid.key_problem(), None);
}

// Covers: R2, W24, W32
#[tokio::test]
async fn a_missing_right_is_no_bad_key_and_a_full_disk_is_no_bad_request() {
    let forbidden = refused(
        403,
        r#"{"detail":"You do not have permission to perform this action."}"#,
    )
    .await;
    assert_eq!(
        (forbidden.kind(), forbidden.exit_code()),
        (ErrorKind::Forbidden, 5)
    );
    let full = refused(413, r#"{"detail":"Full.","limit":10,"used":11}"#).await;
    assert_eq!(
        (full.kind(), full.quota()),
        (ErrorKind::QuotaExceeded, (Some(10), Some(11)))
    );

    // Sign-up, whose errors the official client maps by a copy of its own, is a call like any other.
    let script = Script::of([
        answer(403, r#"{"detail":"You do not have permission."}"#),
        answer(413, r#"{"detail":"Full.","limit":1}"#),
        answer_with(302, &[("location", "https://elsewhere.example/")], ""),
    ]);
    for kind in [ErrorKind::Forbidden, ErrorKind::QuotaExceeded, ErrorKind::Status] {
        let made = script.client().signup().create("a@b.example", "correct horse");
        assert_eq!(made.send().await.unwrap_err().kind(), kind);
    }
    assert!(
        script
            .seen()
            .iter()
            .all(|seen| seen.uri == "https://avala.example/api/v1/signup/"),
        "a password follows no redirect"
    );
}

#[tokio::test]
async fn a_missing_scope_is_named_in_the_hint() {
    let script = Script::of([answer(
        403,
        r#"{"detail":"You do not have permission to perform this action.","code":"scope_missing"}"#,
    )]);
    let error = script.client().webhooks().list().send().await.unwrap_err();
    assert_eq!(error.hint(), Some("Use a key with the scope `webhooks.read`."));
}

// Covers: W15, W35
#[tokio::test]
async fn all_seven_shapes_of_an_error_body_tell_what_they_say() {
    let text = refused(404, r#"{"detail":"Not found."}"#).await;
    assert_eq!((text.message(), text.kind()), ("Not found.", ErrorKind::NotFound));

    for nested in [
        r#"{"detail":{"name":["Too long."]}}"#,
        r#"{"name":["Too long."]}"#,
    ] {
        let fields = refused(400, nested).await;
        assert_eq!(fields.message(), "name: Too long.");
        assert_eq!(fields.field_errors().0["name"], ["Too long."]);
    }

    let full = refused(
        403,
        r#"{"detail":"Project approval requires a PRO or ENTERPRISE plan.","code":"plan_insufficient","doc_url":"https://docs.avala.ai/api/errors#plan_insufficient"}"#,
    )
    .await;
    assert_eq!(full.code(), Some("plan_insufficient"));
    assert!(full.doc_url().unwrap().ends_with("#plan_insufficient"));
    assert!(full.hint().unwrap().contains("plan"));

    let quota = refused(413, r#"{"detail":"Full.","limit":10,"used":11}"#).await;
    assert_eq!(quota.quota(), (Some(10), Some(11)));

    let old = refused(
        422,
        r#"{"error":{"code":"bad","message":"Bad name.","details":{"name":["x"]}}}"#,
    )
    .await;
    assert_eq!((old.message(), old.code()), ("Bad name.", Some("bad")));
    assert_eq!(old.field_errors().0["name"], ["x"]);

    let proxy = refused(502, "<html>Bad gateway</html>").await;
    assert_eq!((proxy.message(), proxy.kind()), ("HTTP 502", ErrorKind::Server));
    for body in [nested_object(), "[[[".to_owned(), "null".to_owned()] {
        assert!(!refused(400, &body).await.to_string().contains("object Object"));
    }
}

fn nested_object() -> String {
    r#"{"detail":{"config":{"endpoint_url":["Enter a URL."]}}}"#.to_owned()
}

// Covers: W2, W33
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_as_a_date_is_a_wait() {
    let headers = [
        ("retry-after", "Sun, 22 Nov 2026 12:05:00 GMT"),
        ("date", "Sun, 22 Nov 2026 12:00:00 GMT"),
    ];
    let script = Script::of([answer_with(429, &headers, r#"{"detail":"Throttled."}"#)]);
    let error = script.client().users().me().send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::RateLimited, Some(seconds(300)))
    );
}

// Covers: W3, W34
#[tokio::test(start_paused = true)]
async fn what_goes_wrong_on_the_way_is_the_same_error_and_says_whether_the_call_left() {
    for (turn, kind, left) in [
        (
            Turn::Fail(TransportFailure::Connect, false),
            ErrorKind::Connection,
            false,
        ),
        (
            Turn::Fail(TransportFailure::Interrupted, true),
            ErrorKind::Connection,
            true,
        ),
        (Turn::Hang, ErrorKind::Timeout, true),
        (Turn::Forever, ErrorKind::Timeout, true),
    ] {
        let script = Script::of([turn.clone()]);
        let client = script.builder().retry(Retry::NEVER).build().unwrap();
        let error = client.agents().create("scout").send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.may_have_been_sent(), error.exit_code()),
            (kind, left, 7),
            "{turn:?}"
        );
        assert!(error.hint().is_some() && error.status().is_none());
    }
}

// Covers: W4
#[tokio::test]
async fn a_success_that_cannot_be_read_tells_where_and_quotes_nothing() {
    for (status, body, says) in [
        (200, format!("<html>{CANARY}</html>"), "not JSON"),
        (202, String::new(), "empty"),
        (
            200,
            serde_json::json!({ "uid": { "secret": CANARY }, "username": CANARY }).to_string(),
            "`uid`",
        ),
    ] {
        let error = refused(status, &body).await;
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.message().contains(says), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("Canary000000_C"),
            "{error}"
        );
    }
}

// Covers: R8, R9, R16, R31, W17
#[test]
fn a_key_that_is_nowhere_or_empty_is_known_when_the_client_is_built() {
    let script = Script::of([]);
    let missing = without_variables().transport(script.clone()).build().unwrap_err();
    assert_eq!(
        (missing.kind(), missing.attempts(), missing.exit_code()),
        (ErrorKind::Configuration, 0, 2)
    );
    assert!(missing.message().starts_with("No API key provided."));
    assert!(missing.hint().unwrap().contains("AVALA_API_KEY"), "{missing}");
    assert!(!missing.may_have_been_sent() && missing.key_problem().is_none());

    let empty = Client::builder()
        .environment([("AVALA_API_KEY", CANARY)].into_iter().collect())
        .api_key("")
        .build()
        .unwrap_err();
    assert!(
        empty.message().contains("is empty"),
        "an account nobody named is not used: {empty}"
    );
    assert!(script.seen().is_empty());
}

// Covers: R15
#[tokio::test]
async fn a_bad_key_is_known_with_the_first_call() {
    let script = Script::of([answer(401, r#"{"detail":"Invalid API key."}"#)]);
    let client = script.builder().build().unwrap();
    assert!(script.seen().is_empty(), "building a client sends nothing");
    let error = client.users().me().send().await.unwrap_err();
    assert_eq!(error.key_problem(), Some(KeyProblem::Invalid));
}

// Covers: R28, R30, R34
#[test]
fn a_bad_base_url_is_refused_with_the_published_text_and_says_what_to_do() {
    let refused = |url: &str, variables: &[(&str, &str)]| {
        Client::builder()
            .environment(variables.iter().copied().collect())
            .api_key(CANARY)
            .base_url(url)
            .build()
            .unwrap_err()
    };
    let switch = [("AVALA_ALLOW_INSECURE_BASE_URL", "true")];
    for (url, variables, text) in [
        (
            "api.avala.ai",
            &[][..],
            "Invalid base_url: expected a valid URL with scheme and host.",
        ),
        (
            "http://localhost:8000/api/v1",
            &[],
            "Base URL must use HTTPS. Set AVALA_ALLOW_INSECURE_BASE_URL=true only for local development.",
        ),
        (
            "ftp://localhost/api/v1",
            &switch,
            "With AVALA_ALLOW_INSECURE_BASE_URL=true, only http://localhost URLs are permitted.",
        ),
        (
            "http://avala.example/api/v1",
            &switch,
            "Non-HTTPS base URLs are allowed only for localhost addresses.",
        ),
    ] {
        let error = refused(url, variables);
        assert_eq!((error.kind(), error.message()), (ErrorKind::Configuration, text));
        assert!(
            error.hint().is_some_and(|hint| hint.contains("https://")),
            "{error}"
        );
    }
}

// Covers: W16
#[test]
fn every_error_is_one_type_at_the_root_of_the_crate() {
    let async_client: Result<avala::Client, avala::Error> = without_variables().build();
    let blocking_client: Result<blocking::Client, avala::Error> = without_variables().build_blocking();
    assert_eq!(
        async_client.unwrap_err().message(),
        blocking_client.unwrap_err().message()
    );
    let error: Box<dyn std::error::Error + Send + Sync> = Box::new(without_variables().build().unwrap_err());
    assert!(error.downcast_ref::<avala::Error>().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_error_after_several_attempts_counts_them_and_a_later_success_hides_nothing() {
    let script = Script::of([answer(503, ""), answer(500, ""), answer(200, page(0, 1, None))]);
    let answered = script.client().webhooks().list().send_with_response().await;
    assert_eq!(answered.unwrap().attempts, 3);
    let script = Script::of([answer(503, ""), answer(503, ""), answer(503, "")]);
    let error = script.client().webhooks().list().send().await.unwrap_err();
    assert_eq!((error.attempts(), error.exit_code()), (3, 8));
    assert!(error.to_string().contains("3 attempts"), "{error}");
}

#[test]
fn every_advice_is_given_once_and_in_sentences() {
    let mut texts = std::collections::BTreeSet::new();
    for advice in Advice::all() {
        assert!(advice.hint.ends_with(['.', '`']), "{}", advice.hint);
        assert!(!advice.hint.contains('\n') && advice.text.is_none_or(|text| !text.is_empty()));
        let name = (advice.kind.as_str(), advice.code, advice.text);
        assert!(texts.insert(name), "twice: {name:?}");
    }
}
