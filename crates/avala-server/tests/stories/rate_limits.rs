//! Rate limits: counted per key, per address and for sign-up, and reported on every answer.

use std::sync::Arc;

use avala_server::RateLimit;
use serde_json::json;

use crate::support::{Answer, ManualClock, On, Request, start, start_with};

fn numbers(answer: &Answer) -> (u32, u32, i64) {
    let text = |name: &str| {
        answer
            .header(name)
            .unwrap_or_else(|| panic!("no {name}: {answer:?}"))
    };
    (
        text("x-ratelimit-limit").parse().unwrap(),
        text("x-ratelimit-remaining").parse().unwrap(),
        text("x-ratelimit-reset").parse().unwrap(),
    )
}

async fn a_key_is_told_where_it_stands_and_when_to_come_back(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.rate_limit = RateLimit::PerMinute(2);
        config.clock = Arc::new(clock.clone());
    })
    .await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let reset = 1_767_225_660;

    assert_eq!(numbers(&anna.get("/users/me/").await), (2, 1, reset));
    clock.advance_millis(10_000);
    assert_eq!(numbers(&anna.get("/webhooks/x/").await), (2, 0, reset));
    let refused = anna.get("/users/me/").await;
    assert_eq!(
        refused.expect(429),
        json!({ "detail": "Request was throttled. Expected available in 50 seconds.", "code": "throttled" })
    );
    assert_eq!(refused.header("retry-after"), Some("50"));
    assert_eq!(numbers(&refused), (2, 0, reset));
    assert_eq!(
        ben.get("/users/me/").await.status,
        200,
        "another key is not affected"
    );

    clock.advance_millis(50_000);
    assert_eq!(anna.get("/users/me/").await.status, 200);
}

async fn every_answer_of_the_router_reports_the_limit(on: On) {
    let running = start_with(on, |config| config.rate_limit = RateLimit::default()).await;
    let tenant = running.tenant("a@example.com").await;
    let revoked = running.tenant("b@example.com").await;
    running.server.keys().revoke(revoked.key.id()).await.unwrap();

    for (answer, status, limit) in [
        (tenant.get("/users/me/").await, 200, 100),
        (tenant.get("/webhooks/x/").await, 404, 100),
        (tenant.get("/nothing/").await, 404, 100),
        (tenant.send("PUT", "/users/me/", None).await, 405, 100),
        (tenant.post("/agents/", json!({})).await, 400, 100),
        (revoked.get("/users/me/").await, 401, 30),
        (running.send(Request::new("GET", "/users/me/")).await, 401, 30),
        (running.send(Request::new("GET", "/nothing/")).await, 404, 30),
        (
            running
                .send(Request::new("GET", "/users/me/").without_host())
                .await,
            400,
            30,
        ),
        (
            running
                .send(Request::new("POST", "/signup/").json(&json!({})))
                .await,
            400,
            5,
        ),
    ] {
        assert_eq!((answer.status, numbers(&answer).0), (status, limit));
    }
}

async fn guessing_keys_is_slowed_down_and_the_right_key_still_works(on: On) {
    let running = start_with(on, |config| config.rate_limit = RateLimit::default()).await;
    let tenant = running.tenant("a@example.com").await;
    let guess = || async {
        let key = crate::support::same_id_other_secret(&tenant.key);
        running
            .send(Request::new("GET", "/users/me/").key(key.expose()))
            .await
            .status
    };
    for _ in 0..30 {
        assert_eq!(guess().await, 401);
    }
    assert_eq!(guess().await, 429);
    tenant.get("/users/me/").await.expect(200);
}

async fn five_accounts_a_minute_come_from_one_address(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.rate_limit = RateLimit::default();
        config.sign_up = true;
        config.clock = Arc::new(clock.clone());
    })
    .await;
    let sign_up = |n: u32| {
        Request::new("POST", "/signup/")
            .json(&json!({ "email": format!("u{n}@example.com"), "password": "correct horse" }))
    };
    for n in 0..5 {
        running.send(sign_up(n)).await.expect(201);
    }
    assert_eq!(running.send(sign_up(5)).await.status, 429);
    assert_eq!(
        running.send(Request::new("GET", "/users/me/")).await.status,
        401,
        "other calls are not affected"
    );
    clock.advance_millis(60_000);
    running.send(sign_up(5)).await.expect(201);
}

async fn without_limits_none_are_reported(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for _ in 0..150 {
        let answer = tenant.get("/users/me/").await;
        answer.expect(200);
        assert_eq!(answer.header("x-ratelimit-limit"), None);
    }
}

stories![
    a_key_is_told_where_it_stands_and_when_to_come_back,
    every_answer_of_the_router_reports_the_limit,
    guessing_keys_is_slowed_down_and_the_right_key_still_works,
    five_accounts_a_minute_come_from_one_address,
    without_limits_none_are_reported,
];
