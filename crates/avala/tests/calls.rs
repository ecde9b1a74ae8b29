//! A call from the handle to the transport and back, on virtual time: retry, deadline, paging, headers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use avala::{
    ErrorKind, Patch, Retry,
    api::{EventName, webhooks::Webhook},
    transport::TransportFailure,
};
use support::{CANARY, Script, Turn, answer, answer_with, page, seconds};

const BUSY: &str = r#"{"detail":"Request was throttled. Expected available in 30 seconds."}"#;

// Covers: R1, R10, W11
#[tokio::test(start_paused = true)]
async fn a_call_carries_the_key_and_what_was_asked() {
    let script = Script::of([answer(200, page(0, 1, None))]);
    script
        .client()
        .webhooks()
        .list()
        .limit(5)
        .with_header("X-Trace", "t")
        .send()
        .await
        .unwrap();

    let seen = &script.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.uri.as_str()),
        ("GET", "https://avala.example/api/v1/webhooks/?limit=5")
    );
    assert_eq!(seen.headers["x-avala-api-key"], CANARY);
    assert!(seen.headers["x-avala-api-key"].is_sensitive());
    assert_eq!(seen.headers["accept"], "application/json");
    assert_eq!(seen.headers["x-trace"], "t");
    assert!(
        seen.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("avala-rust/")
    );
    assert!(
        !seen.headers.contains_key("content-type"),
        "no body, no content type"
    );
}

// Covers: W11
#[tokio::test]
async fn a_program_can_say_its_name_and_nothing_else_by_it() {
    let script = Script::of([answer(200, page(0, 1, None))]);
    let client = script.builder().user_agent_suffix("nightly/1.4").build().unwrap();
    client.webhooks().list().send().await.unwrap();
    let sent = script.seen()[0].headers["user-agent"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        sent.starts_with("avala-rust/") && sent.ends_with(" nightly/1.4"),
        "{sent}"
    );
    let error = script
        .builder()
        .user_agent_suffix("nightly\r\nX-Avala-Api-Key: avk_other")
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

// Covers: W24
#[tokio::test(start_paused = true)]
async fn sign_up_sends_no_key_even_when_the_client_has_one() {
    let account = r#"{"user":{"uid":"u","username":"a@b.example"},"api_key":"avk_new"}"#;
    let script = Script::of([answer(201, account)]);
    let made = script
        .client()
        .signup()
        .create("a@b.example", "correct horse")
        .send()
        .await
        .unwrap();
    assert_eq!(made.api_key.expose(), "avk_new");
    assert!(!script.seen()[0].headers.contains_key("x-avala-api-key"));
}

#[tokio::test(start_paused = true)]
async fn an_anonymous_client_sends_nothing_that_needs_a_key() {
    let script = Script::of([]);
    let client = avala::Client::builder()
        .environment(avala::Environment::empty())
        .anonymous()
        .transport(script.clone())
        .build()
        .unwrap();
    let error = client.users().me().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().starts_with("No API key provided."));
    assert!(script.seen().is_empty());
}

// Covers: W2, W33, W36
#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_again_after_exactly_the_wait_it_asked_for() {
    let script = Script::of([
        answer_with(429, &[("retry-after", "30")], BUSY),
        answer_with(
            503,
            &[
                ("retry-after", "Sun, 22 Nov 2026 12:00:05 GMT"),
                ("date", "Sun, 22 Nov 2026 12:00:00 GMT"),
            ],
            "",
        ),
        answer(200, page(0, 3, None)),
    ]);
    let answered = script
        .client()
        .webhooks()
        .list()
        .send_with_response()
        .await
        .unwrap();
    assert_eq!(answered.attempts, 3);
    assert_eq!(script.waits(), [30.0, 5.0]);
}

// Covers: W1, W36
#[tokio::test(start_paused = true)]
async fn without_a_hint_the_wait_doubles_with_jitter() {
    let script = Script::of([
        answer(500, ""),
        answer(502, ""),
        answer(504, ""),
        answer(200, page(0, 0, None)),
    ]);
    let client = script.builder().retry(Retry::attempts(4)).build().unwrap();
    client.webhooks().list().send().await.unwrap();
    for (wait, full) in script.waits().into_iter().zip([0.5, 1.0, 2.0]) {
        assert!(
            wait >= full / 2.0 - 0.002 && wait <= full + 0.002,
            "{wait} of {full}"
        );
    }
}

// Covers: W1
#[tokio::test(start_paused = true)]
async fn a_call_is_sent_as_often_as_it_may_be_and_not_once_more() {
    for attempts in [1, 2, 5] {
        let script = Script::of((0..=attempts).map(|_| answer(503, "")));
        let retry = Retry::attempts(attempts);
        let of_client = script.builder().retry(retry).build().unwrap();
        let error = of_client.webhooks().list().send().await.unwrap_err();
        assert_eq!(
            (error.attempts(), script.seen().len()),
            (attempts, attempts as usize)
        );

        let script = Script::of((0..=attempts).map(|_| answer(503, "")));
        let call = script.client().webhooks().list().with_retry(retry);
        let error = call.send().await.unwrap_err();
        assert_eq!(
            (error.attempts(), script.seen().len()),
            (attempts, attempts as usize)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_not_begun() {
    let script = Script::of([answer_with(429, &[("retry-after", "30")], BUSY)]);
    let started = tokio::time::Instant::now();
    let error = script
        .client()
        .webhooks()
        .list()
        .with_timeout(seconds(20))
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(seconds(30)));
    assert_eq!(started.elapsed(), seconds(0), "the caller knows at once");
}

#[tokio::test(start_paused = true)]
async fn an_absurd_wait_is_told_and_not_slept() {
    let script = Script::of([answer_with(503, &[("retry-after", "99999999999999999999")], "")]);
    let error = script
        .client()
        .webhooks()
        .list()
        .with_timeout(seconds(u64::MAX))
        .send()
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_whatever_the_server_does() {
    let script = Script::of([Turn::Hang, Turn::Hang, Turn::Hang]);
    let client = script
        .builder()
        .attempt_timeout(seconds(4))
        .timeout(seconds(10))
        .build()
        .unwrap();
    let started = tokio::time::Instant::now();
    let error = client.webhooks().list().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.may_have_been_sent());
    assert!(started.elapsed() <= seconds(10), "{:?}", started.elapsed());
    assert!(script.seen().len() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_forgets_its_limits_cannot_hold_a_call() {
    let script = Script::of([Turn::Forever]);
    let started = tokio::time::Instant::now();
    let error = script
        .client()
        .webhooks()
        .list()
        .with_timeout(seconds(10))
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), started.elapsed()),
        (ErrorKind::Timeout, seconds(10))
    );
}

#[tokio::test(start_paused = true)]
async fn a_longer_timeout_gives_attempts_more_time_too() {
    let script = Script::of([Turn::Hang]);
    let started = tokio::time::Instant::now();
    let create = script
        .client()
        .webhooks()
        .create("https://h.example/", [EventName::TaskCompleted]);
    create.with_timeout(seconds(300)).send().await.unwrap_err();
    assert_eq!(
        started.elapsed(),
        seconds(300),
        "nothing could follow, so the one attempt has it all"
    );

    let script = Script::of([Turn::Hang, Turn::Hang, answer(200, page(0, 0, None))]);
    let started = tokio::time::Instant::now();
    script
        .client()
        .webhooks()
        .list()
        .with_timeout(seconds(300))
        .send()
        .await
        .unwrap();
    assert!(
        started.elapsed() > seconds(200) && started.elapsed() < seconds(210),
        "a third of it each"
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_sent_once_stays_so_when_later_attempts_never_left() {
    let never_left = Turn::Fail(TransportFailure::Connect, false);
    let script = Script::of([
        Turn::Fail(TransportFailure::Interrupted, true),
        never_left.clone(),
        never_left,
    ]);
    let error = script.client().webhooks().list().send().await.unwrap_err();
    assert_eq!((error.attempts(), error.may_have_been_sent()), (3, true));
}

#[tokio::test(start_paused = true)]
async fn absurd_waits_do_not_overflow() {
    let absurd = answer_with(503, &[("retry-after", "99999999999999999999")], "");
    for (base, turn) in [(seconds(1), absurd), (std::time::Duration::MAX, answer(503, ""))] {
        let script = Script::of([turn]);
        let patient = Retry::attempts(3).with_delays(base, std::time::Duration::MAX);
        let error = script
            .client()
            .webhooks()
            .list()
            .with_retry(patient)
            .send()
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Server, 1));
    }
}

// Covers: W36
#[tokio::test(start_paused = true)]
async fn a_call_that_may_act_twice_is_sent_once() {
    for turn in [
        answer_with(429, &[("retry-after", "1")], BUSY),
        answer(500, ""),
        answer(503, ""),
        Turn::Fail(TransportFailure::Interrupted, true),
        Turn::Hang,
    ] {
        let script = Script::of([turn.clone()]);
        let events = [EventName::TaskCompleted];
        let error = script
            .client()
            .webhooks()
            .create("https://h.example/", events)
            .send()
            .await
            .unwrap_err();
        assert_eq!(script.seen().len(), 1, "{turn:?}");
        assert!(error.may_have_been_sent(), "{turn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_left_is_sent_again_whatever_it_is() {
    let made = r#"{"uid":"w","target_url":"https://h.example/"}"#;
    let script = Script::of([Turn::Fail(TransportFailure::Connect, false), answer(201, made)]);
    let events = [EventName::TaskCompleted];
    script
        .client()
        .webhooks()
        .create("https://h.example/", events)
        .send()
        .await
        .unwrap();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_repeated() {
    for status in [400, 401, 403, 404, 405, 409, 410, 413, 422, 501] {
        let script = Script::of([answer(status, r#"{"detail":"No."}"#)]);
        let error = script.client().webhooks().list().send().await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.attempts()), (status, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_never_means_once() {
    let script = Script::of([answer(503, "")]);
    let error = script
        .client()
        .webhooks()
        .list()
        .with_retry(Retry::NEVER)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.attempts(), 1);
}

// Covers: W14
#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_refused_before_anything_is_sent() {
    let script = Script::of([]);
    let client = script.client();
    for error in [
        client.webhooks().get("..").send().await.unwrap_err(),
        client.webhooks().get("").send().await.unwrap_err(),
        client
            .webhooks()
            .list()
            .with_header("Host", "evil.example")
            .send()
            .await
            .unwrap_err(),
        client
            .webhooks()
            .list()
            .with_header("X-Avala-Api-Key", "other")
            .send()
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!error.may_have_been_sent());
    }
    assert!(script.seen().is_empty());
}

// Covers: W23
#[tokio::test(start_paused = true)]
async fn all_pages_are_walked_and_only_the_cursor_of_a_link_is_used() {
    let script = Script::of([
        answer(
            200,
            page(0, 2, Some("https://evil.example/elsewhere?cursor=c%2F1")),
        ),
        answer(200, page(2, 2, Some("/api/v1/webhooks/?cursor=c2"))),
        answer(200, page(2, 3, None)),
    ]);
    let rows: Vec<Webhook> = script
        .client()
        .webhooks()
        .list()
        .limit(2)
        .items()
        .collect_all()
        .await
        .unwrap();
    let uids: Vec<&str> = rows.iter().map(|row| row.uid.as_str()).collect();
    assert_eq!(
        uids,
        ["w0", "w1", "w2"],
        "an empty page in the middle does not end the list"
    );
    let uris: Vec<String> = script.seen().into_iter().map(|seen| seen.uri).collect();
    assert_eq!(
        uris,
        [
            "https://avala.example/api/v1/webhooks/?limit=2",
            "https://avala.example/api/v1/webhooks/?limit=2&cursor=c%2F1",
            "https://avala.example/api/v1/webhooks/?limit=2&cursor=c2",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn organizations_are_walked_by_page_number() {
    let organizations = |slug: &str, next: serde_json::Value| {
        let row = serde_json::json!({"uid": slug, "name": slug, "slug": slug});
        answer(
            200,
            serde_json::json!({"count": 2, "next": next, "previous": null, "results": [row]}).to_string(),
        )
    };
    let script = Script::of([
        organizations("a", "https://avala.example/api/v1/organizations/?page=2".into()),
        organizations("b", serde_json::Value::Null),
    ]);
    let rows = script
        .client()
        .organizations()
        .list()
        .items()
        .collect_all()
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    assert!(script.seen()[1].uri.ends_with("/organizations/?page=2"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_names_the_same_page_again_does_not_trap_us() {
    let again = || answer(200, page(0, 1, Some("https://h/?cursor=same")));
    let script = Script::of([again(), again(), again()]);
    let mut items = script.client().webhooks().list().items();
    items.next().await.unwrap().unwrap();
    let mut last = items.next().await.unwrap();
    while last.is_ok() {
        last = items.next().await.unwrap();
    }
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Decode);
    assert!(
        items.next().await.is_none(),
        "a stream ends after its first error"
    );
}

// Covers: W23
#[tokio::test(start_paused = true)]
async fn a_link_without_a_cursor_is_an_error_and_not_the_end() {
    for link in [
        "https://h/api/v1/webhooks/?page=2",
        "https://h/api/v1/webhooks/?cursor=",
        "nonsense",
    ] {
        let script = Script::of([answer(200, page(0, 1, Some(link)))]);
        let outcome = script.client().webhooks().list().items().collect_all().await;
        assert_eq!(
            outcome.unwrap_err().kind(),
            ErrorKind::Decode,
            "{link}: rows would be lost silently"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_can_be_resumed_where_it_was_left() {
    let script = Script::of([answer(200, page(7, 8, None))]);
    script
        .client()
        .webhooks()
        .list()
        .starting_at("later")
        .send()
        .await
        .unwrap();
    assert!(script.seen()[0].uri.ends_with("?cursor=later"));
}

// Covers: W11, W12
#[tokio::test(start_paused = true)]
async fn the_quota_and_the_request_id_come_with_answers_and_with_errors() {
    let headers = [
        ("x-ratelimit-limit", "100"),
        ("x-ratelimit-remaining", "7"),
        ("x-ratelimit-reset", "1800000000"),
        ("x-request-id", "r-1"),
    ];
    let script = Script::of([
        answer_with(200, &headers, &page(0, 0, None)),
        answer_with(404, &headers, "{}"),
    ]);
    let client = script.client();
    let answered = client.webhooks().list().send_with_response().await.unwrap();
    assert_eq!(
        (answered.rate_limit.limit, answered.rate_limit.remaining),
        (Some(100), Some(7))
    );
    assert_eq!(answered.rate_limit.reset.unwrap().unix_seconds(), 1_800_000_000);
    assert_eq!(answered.request_id.as_deref(), Some("r-1"));
    let error = client.webhooks().get("w").send().await.unwrap_err();
    assert_eq!(
        (error.rate_limit().remaining, error.request_id()),
        (Some(7), Some("r-1"))
    );
}

// Covers: W11
#[tokio::test(start_paused = true)]
async fn a_call_has_one_name_for_all_its_attempts_which_is_told_if_no_answer_came() {
    let broken = || Turn::Fail(TransportFailure::Interrupted, true);
    let script = Script::of([answer(503, ""), broken(), broken(), broken()]);
    let client = script.builder().retry(Retry::attempts(2)).build().unwrap();
    let error = client.webhooks().list().send().await.unwrap_err();
    let mine = client.webhooks().list().with_header("X-Request-Id", "mine-1");
    let of_mine = mine.send().await.unwrap_err();

    let names: Vec<_> = (script.seen().iter())
        .map(|seen| seen.headers["x-request-id"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names[0], names[1], "one call");
    assert_eq!(names[0].len(), 32);
    assert_eq!(names[2..], ["mine-1", "mine-1"]);
    assert_eq!(error.request_id(), Some(names[0].as_str()));
    assert_eq!(of_mine.request_id(), Some("mine-1"));
}

#[tokio::test(start_paused = true)]
async fn an_update_sends_only_what_was_set() {
    let script = Script::of([answer(200, r#"{"uid":"w","target_url":"https://h.example/"}"#)]);
    script
        .client()
        .webhooks()
        .update("w")
        .is_active(false)
        .secret(Patch::Null)
        .send()
        .await
        .unwrap();
    assert_eq!(
        &script.seen()[0].body[..],
        br#"{"is_active":false,"secret":null}"#
    );
}

// Covers: W4
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_what_was_promised_tells_where_and_quotes_nothing() {
    for (body, place) in [
        ("<html>secret</html>", "not JSON"),
        ("", "empty"),
        (
            r#"{"next":null,"results":[{"uid":"a","target_url":"x"},{"uid":7,"target_url":"secret"}]}"#,
            "results[1].uid",
        ),
        (r#"{"detail":"secret"}"#, "another shape"),
        (r#"{"next":null,"results":[]} trailing secret"#, "not JSON"),
    ] {
        let script = Script::of([answer_with(200, &[("x-request-id", "r-2")], body)]);
        let error = script.client().webhooks().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
        assert!(error.message().contains(place), "{body}: {}", error.message());
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(error.request_id(), Some("r-2"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_has_no_answer_and_passes_over_one() {
    for body in ["", "{}", r#"{"deleted":true}"#, "OK", " "] {
        let script = Script::of([answer(if body.is_empty() { 204 } else { 200 }, body)]);
        script.client().webhooks().delete("w").send().await.unwrap();
    }
}

#[test]
fn the_blocking_client_walks_the_same_tree() {
    let script = Script::of([
        answer(200, page(0, 2, Some("https://h/?cursor=c"))),
        answer(200, page(2, 3, None)),
        answer(404, r#"{"detail":"Not found."}"#),
    ]);
    let client = script.builder().build_blocking().unwrap();
    let uids: Vec<String> = client
        .webhooks()
        .list()
        .items()
        .map(|row| row.unwrap().uid.to_string())
        .collect();
    assert_eq!(uids, ["w0", "w1", "w2"]);
    assert_eq!(
        client.webhooks().get("w").send().unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test(flavor = "current_thread")]
async fn the_blocking_client_works_inside_an_async_program() {
    let script = Script::of([answer(200, page(0, 1, None))]);
    let client = script.builder().build_blocking().unwrap();
    assert_eq!(client.webhooks().list().send().unwrap().items.len(), 1);
    drop(client);
}
