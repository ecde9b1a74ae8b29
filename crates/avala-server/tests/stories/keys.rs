//! Every route, with every kind of key.

use std::sync::Arc;

use avala_api::{Access as Needed, Method, Paging, Route, Scope, Timestamp, catalogue::DECLARED};
use avala_keys::{ApiKey, Class};
use avala_server::keys::Access;
use serde_json::json;

use crate::support::{
    Answer, ManualClock, On, Request, Running, same_id_other_secret, start, start_with, unknown_key,
};

/// One key of each kind.
struct Keys {
    unknown: ApiKey,
    wrong_secret: ApiKey,
    wrong_class: ApiKey,
    expired: ApiKey,
    revoked: ApiKey,
    nothing: ApiKey,
    full: ApiKey,
}

async fn keys(running: &Running) -> Keys {
    let user = running.server.users().create("a@example.com").await.unwrap();
    let full = running.issue(&user, Access::Full).await;
    let expired = running.issue(&user, Access::Full).await;
    let revoked = running.issue(&user, Access::Full).await;
    let nothing = running.issue(&user, Access::Listed(vec![])).await;
    running
        .server
        .keys()
        .expire(expired.id, Timestamp::from_unix_seconds(1))
        .await
        .unwrap();
    running.server.keys().revoke(revoked.id).await.unwrap();
    Keys {
        unknown: unknown_key(Class::Live),
        wrong_secret: same_id_other_secret(&full.key),
        wrong_class: unknown_key(Class::Test),
        expired: expired.key,
        revoked: revoked.key,
        nothing: nothing.key,
        full: full.key,
    }
}

/// A request that matches the route; its objects do not exist.
fn request(route: &Route) -> Request {
    let path: String = route
        .path
        .split_inclusive('/')
        .map(|segment| {
            if segment.starts_with('{') {
                "00000000-0000-4000-8000-000000000000/"
            } else {
                segment
            }
        })
        .collect();
    let request = Request::new(route.method.as_str(), &path);
    if route.method == Method::Get {
        request
    } else {
        request.json(&json!({}))
    }
}

#[tokio::test]
async fn every_declared_operation_is_served() {
    let declared: Vec<&str> = DECLARED.iter().map(|route| route.operation).collect();
    assert_eq!(avala_server::served(), declared);
}

async fn every_route_refuses_every_key_that_is_not_in_force(on: On) {
    let running = start(on).await;
    let keys = keys(&running).await;
    let refused: [(&str, Option<Vec<u8>>, &str, &str); 8] = [
        (
            "no key",
            None,
            "key_missing",
            "Authentication credentials were not provided.",
        ),
        ("empty", Some(vec![]), "key_malformed", "Invalid API key."),
        (
            "cut",
            Some(keys.full.expose()[..59].into()),
            "key_malformed",
            "Invalid API key.",
        ),
        (
            "not ASCII",
            Some(vec![0xff; 60]),
            "key_malformed",
            "Invalid API key.",
        ),
        (
            "unknown",
            Some(keys.unknown.expose().into()),
            "key_invalid",
            "Invalid API key.",
        ),
        (
            "wrong secret",
            Some(keys.wrong_secret.expose().into()),
            "key_invalid",
            "Invalid API key.",
        ),
        (
            "other class",
            Some(keys.wrong_class.expose().into()),
            "key_wrong_class",
            "Invalid API key.",
        ),
        (
            "revoked",
            Some(keys.revoked.expose().into()),
            "key_revoked",
            "Invalid API key.",
        ),
    ];
    let expired = (
        "expired",
        Some(keys.expired.expose().into()),
        "key_expired",
        "API key has expired.",
    );
    for route in DECLARED.iter().filter(|route| route.access != Needed::Anonymous) {
        for (kind, key, code, detail) in refused.iter().chain([&expired]) {
            let mut request = request(route);
            if let Some(key) = key {
                request = request.key(key);
            }
            let answer = running.send(request).await;
            let story = format!("{} with {kind}", route.operation);
            assert_eq!(answer.status, 401, "{story}");
            assert_eq!(
                answer.json(),
                json!({ "detail": detail, "code": code }),
                "{story}"
            );
            assert!(answer.header("www-authenticate").is_some(), "{story}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{story}");
        }
    }
}

async fn every_route_wants_its_own_scope_and_no_other(on: On) {
    let running = start(on).await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let nothing = running.issue(&user, Access::Listed(vec![])).await.key;
    for route in DECLARED {
        let scopes = match route.access {
            Needed::Scope(scope) => vec![scope],
            Needed::Either(one, other) => vec![one, other],
            Needed::Anonymous | Needed::AnyKey => {
                let answer = running.send(request(route).key(nothing.expose())).await;
                assert!(
                    ![401, 403].contains(&answer.status) || route.access == Needed::Anonymous,
                    "{route:?}"
                );
                continue;
            }
        };
        let others = Scope::ALL
            .iter()
            .copied()
            .filter(|other| !scopes.contains(other))
            .collect();
        let lacking = running.issue(&user, Access::Listed(others)).await.key;

        for key in [&nothing, &lacking] {
            let answer = running.send(request(route).key(key.expose())).await;
            assert_eq!(
                answer.expect(403),
                json!({
                    "detail": "You do not have permission to perform this action.",
                    "code": "scope_missing",
                    "required_scope": scopes[0].as_str(),
                }),
                "{}",
                route.operation
            );
        }
        for scope in scopes {
            let holding = running.issue(&user, Access::Listed(vec![scope])).await.key;
            let answer = running.send(request(route).key(holding.expose())).await;
            assert_right(route, &answer);
        }
    }
}

async fn every_route_takes_a_full_key(on: On) {
    let running = start(on).await;
    let full = keys(&running).await.full;
    for route in DECLARED.iter().filter(|route| route.access != Needed::Anonymous) {
        assert_right(route, &running.send(request(route).key(full.expose())).await);
    }
}

/// The objects of `request` do not exist and its bodies are empty: past the key there is a 200, a 400 or a 404.
#[track_caller]
fn assert_right(route: &Route, answer: &Answer) {
    let has_object = route.parameters().next().is_some();
    let right = match (route.method, has_object, route.paging) {
        (Method::Get, false, _) => 200,
        // Its body must say which role, whoever is to have it.
        _ if route.operation == "organizations.update_member_role" => 400,
        (_, true, _) => 404,
        (_, false, Paging::Nothing) => 204,
        _ => 400,
    };
    assert_eq!(
        answer.status,
        right,
        "{}: {}",
        route.operation,
        String::from_utf8_lossy(&answer.body)
    );
}

async fn head_asks_for_the_same_rights_as_get(on: On) {
    let running = start(on).await;
    let keys = keys(&running).await;
    let head = |key: &ApiKey| Request::new("HEAD", "/webhooks/").key(key.expose());

    assert_eq!(running.send(head(&keys.nothing)).await.status, 403);
    assert_eq!(running.send(head(&keys.revoked)).await.status, 401);
    let answer = running.send(head(&keys.full)).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

async fn an_unknown_id_and_a_wrong_secret_cannot_be_told_apart(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| {
        config.rate_limit = avala_server::RateLimit::default();
        config.clock = Arc::new(clock.clone());
    })
    .await;
    let keys = keys(&running).await;
    let mut answers = Vec::new();
    for key in [
        &keys.unknown,
        &keys.wrong_secret,
        &same_id_other_secret(&keys.revoked),
        &same_id_other_secret(&keys.expired),
    ] {
        let mut answer = running
            .send(Request::new("GET", "/users/me/").key(key.expose()))
            .await;
        assert_eq!(answer.status, 401);
        for differs in ["date", "x-request-id", "x-ratelimit-remaining"] {
            assert!(answer.headers.remove(differs).is_some(), "{differs}");
        }
        answers.push(answer);
    }
    for answer in &answers[1..] {
        assert_eq!(answer, &answers[0]);
    }
}

async fn one_key_in_one_header_is_needed(on: On) {
    let running = start(on).await;
    let keys = keys(&running).await;
    let full = keys.full.expose();
    let me = || Request::new("GET", "/users/me/");

    assert_eq!(running.send(me().key(full)).await.status, 200);
    for twice in [
        me().key(full).key(full),
        me().key(full).key(keys.unknown.expose()),
        me().key(full)
            .header("Authorization", format!("Bearer {}", keys.unknown.expose())),
        me().key(full).header("Cookie", format!("key={full}")),
        me().key(format!("{full}, {full}")),
    ] {
        let answer = running.send(twice).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "key_malformed"));
    }
    let elsewhere = running
        .send(me().header("Authorization", format!("Bearer {full}")))
        .await;
    assert_eq!(
        (elsewhere.status, elsewhere.code().as_str()),
        (401, "key_missing")
    );
}

async fn a_key_in_quotes_blanks_or_other_dress_is_malformed(on: On) {
    let running = start(on).await;
    let full = keys(&running).await.full;
    let full = full.expose();
    let swapped: String = full
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    for dressed in [
        format!("\"{full}\""),
        format!("Bearer {full}"),
        format!("\u{feff}{full}"),
        swapped,
        full.to_uppercase(),
        full.replace('_', "%5F"),
        format!("{full}0"),
        full.replacen("live", "lïve", 1),
        "x".repeat(8000),
    ] {
        let answer = running
            .send(Request::new("GET", "/users/me/").key(&dressed))
            .await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "key_malformed"),
            "{dressed}"
        );
    }
}

async fn a_key_in_the_url_is_refused_wherever_it_stands(on: On) {
    let running = start(on).await;
    let full = keys(&running).await.full;
    let key = full.expose();
    for target in [
        format!("/api/v1/users/me/?api_key={key}"),
        format!("/api/v1/users/me/?{key}"),
        format!("/api/v1/users/me/?a=1&b=x{key}x"),
        format!("/api/v1/webhooks/{key}/"),
        format!("/{key}"),
        format!("/healthz?{key}"),
        format!("http://{key}@localhost/api/v1/users/me/"),
        format!(
            "/api/v1/users/me/?key={}",
            key.replace('_', "%5f").replace('v', "%76")
        ),
    ] {
        let answer = running.send(Request::raw("GET", &target).key(key)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "key_in_url"),
            "{target}"
        );
        assert!(
            !String::from_utf8_lossy(&answer.body).contains(&key[..22]),
            "the answer repeats the key"
        );
    }
}

stories![
    every_route_refuses_every_key_that_is_not_in_force,
    every_route_wants_its_own_scope_and_no_other,
    every_route_takes_a_full_key,
    head_asks_for_the_same_rights_as_get,
    an_unknown_id_and_a_wrong_secret_cannot_be_told_apart,
    one_key_in_one_header_is_needed,
    a_key_in_quotes_blanks_or_other_dress_is_malformed,
    a_key_in_the_url_is_refused_wherever_it_stands,
];
