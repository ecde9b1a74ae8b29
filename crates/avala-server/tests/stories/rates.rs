//! Who pays for a request: the key and its owner once the key is proven, the address until then.

use std::sync::Arc;

use avala_server::{RateLimit, Rates, keys::Access};

use crate::support::{Answer, ManualClock, On, Request, same_id_other_secret, start_with, unknown_key};

/// Everything of an answer that a client sees, without what differs between any two answers.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
        .map(|(name, value)| (name.clone(), value.clone()));
    (answer.status, headers.collect(), answer.body.clone())
}

async fn two_keys_of_one_owner_share_the_owners_budget(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.rate_limit = RateLimit::Each(Rates {
            per_key: 3,
            per_owner: 4,
            ..Rates::default()
        });
    })
    .await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let second = running.issue(&anna.user, Access::Full).await.key;
    let with_second = || running.send(Request::new("GET", "/users/me/").key(second.expose()));

    for _ in 0..3 {
        anna.get("/users/me/").await.expect(200);
    }
    assert_eq!(anna.get("/users/me/").await.status, 429, "the key is used up");
    with_second().await.expect(200);
    let refused = with_second().await;
    refused.expect(429);

    assert_eq!(
        refused.header("x-ratelimit-limit"),
        Some("4"),
        "the owner is used up"
    );
    assert_eq!(refused.header("retry-after"), Some("60"));
    ben.get("/users/me/").await.expect(200);
}

async fn more_than_twenty_requests_in_a_second_wait_for_the_next(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.rate_limit = RateLimit::default();
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    for _ in 0..20 {
        tenant.get("/users/me/").await.expect(200);
    }

    let refused = tenant.get("/users/me/").await;

    assert_eq!(
        refused.expect(429)["detail"],
        "Request was throttled. Expected available in 1 seconds."
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        refused.header("x-ratelimit-remaining"),
        Some("80"),
        "what was refused was not counted"
    );
    clock.advance_millis(1_000);
    tenant.get("/users/me/").await.expect(200);
}

async fn a_stranger_who_knows_an_id_uses_up_nothing_and_learns_nothing(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.rate_limit = RateLimit::Each(Rates {
            per_key: 3,
            per_owner: 3,
            ..Rates::default()
        });
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    let ended = running.issue(&tenant.user, Access::Full).await;
    running.server.keys().revoke(ended.id).await.unwrap();
    let send = |key: avala_keys::ApiKey| running.send(Request::new("GET", "/users/me/").key(key.expose()));

    // Each kind asks as the first of its minute, so that the remaining numbers can be compared too.
    let mut answers = Vec::new();
    for key in [
        unknown_key(tenant.key.class()),
        same_id_other_secret(&tenant.key),
        same_id_other_secret(&ended.key),
    ] {
        answers.push(seen(&send(key).await));
        clock.advance_millis(60_000);
    }
    // The reset is the only difference: a minute lies between them.
    for (_, headers, _) in &mut answers {
        headers.retain(|(name, _)| name != "x-ratelimit-reset");
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    assert_eq!(answers[0].0, 401);

    for _ in 0..40 {
        send(same_id_other_secret(&tenant.key)).await;
    }
    assert_eq!(
        seen(&send(same_id_other_secret(&tenant.key)).await),
        seen(&send(unknown_key(tenant.key.class())).await),
        "throttled alike"
    );

    let proven = tenant.get("/users/me/").await;
    proven.expect(200);
    assert_eq!(
        proven.header("x-ratelimit-remaining"),
        Some("2"),
        "the key is as it was"
    );
}

stories![
    two_keys_of_one_owner_share_the_owners_budget,
    more_than_twenty_requests_in_a_second_wait_for_the_next,
    a_stranger_who_knows_an_id_uses_up_nothing_and_learns_nothing,
];
