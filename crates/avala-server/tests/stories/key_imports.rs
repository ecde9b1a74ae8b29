//! Keys that are taken over from elsewhere: forty hexadecimal digits that open what is said here, until they are ended.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    api_keys::{holder, with_clock},
    support::{Answer, On, Request, Running, Tenant, start, start_in},
};

const FROM_ELSEWHERE: &str = "4f3c29d01b7e8a6655c04d93e2f1a0b7c8d56e10";
const ANOTHER: &str = "9b1d04e7a35f62c8d0f4b2a6e59c7183d6fa20ce";

async fn import(by: &Tenant, secret: &str, members: Value) -> Answer {
    let mut body = json!({"name": "from elsewhere", "secret": secret, "access": {"kind": "full"}});
    body.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    by.post("/api-keys/import/", body).await
}

/// What a request with these digits is answered.
async fn asks(running: &Running, digits: &str) -> (u16, String) {
    let answer = running.send(Request::new("GET", "/users/me/").key(digits)).await;
    let code = if answer.status == 200 {
        String::new()
    } else {
        answer.code()
    };
    (answer.status, code)
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

fn served() -> (u16, String) {
    (200, String::new())
}

async fn act(by: &Tenant, key: &Value, verb: &str) -> Answer {
    let path = format!("/api-keys/{}/{verb}/", key["id"].as_str().unwrap());
    by.post(&path, json!({})).await
}

async fn a_key_from_elsewhere_opens_what_is_said_here_and_is_never_shown(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, refused("key_invalid"));

    let answer = import(
        &owner,
        FROM_ELSEWHERE,
        json!({
            "access": {"kind": "listed", "scopes": ["agents.read"]}, "environment": "staging",
            "expires_at": "2026-02-01T00:00:00Z", "allowed_networks": ["127.0.0.0/8"],
        }),
    )
    .await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(&FROM_ELSEWHERE[..8]));
    let key = answer.expect(201);
    assert_eq!(
        (&key["legacy"], &key["prefix"], &key["class"]),
        (&json!(true), &json!(""), &json!("live"))
    );
    assert_eq!(key["id"].as_str().unwrap().len(), 12);
    assert_eq!(key["allowed_networks"], json!(["127.0.0.0/8"]));

    assert_eq!(asks(&running, FROM_ELSEWHERE).await, served());
    let beyond = running
        .send(Request::new("GET", "/webhooks/").key(FROM_ELSEWHERE))
        .await;
    assert_eq!(beyond.code(), "scope_missing");
    assert_eq!(asks(&running, ANOTHER).await, refused("key_invalid"));
    let shown = owner.get("/api-keys/?environment=staging").await.expect(200);
    assert_eq!(shown["results"][0]["last_used_at"], json!("2026-01-01T00:00:00Z"));

    // Only its MAC is there.
    let stored = running
        .dir
        .lines("SELECT name FROM api_keys WHERE is_legacy")
        .await;
    assert_eq!(stored, ["from elsewhere"]);
    assert!(!crate::sealed::holds(&running, FROM_ELSEWHERE).await);
    let audit = running
        .dir
        .lines("SELECT object FROM audit WHERE action = 'api_key.import'")
        .await;
    assert_eq!(audit, [key["id"].as_str().unwrap()]);
}

async fn what_is_no_random_key_is_not_taken_over(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    for secret in [
        "",
        "4f3c",
        "avk_live_7Hk2mQ9xTbWc_0123456789ABCDEFGHIJKLMNOPQRSTUVabcdef",
        &FROM_ELSEWHERE.to_uppercase(),
        &format!(" {}", &FROM_ELSEWHERE[1..]),
        &"0".repeat(40),
        &"deadbeef".repeat(5),
        "0123456789abcdef0123456789abcdef01234567",
    ] {
        let answer = import(&owner, secret, json!({})).await;
        assert_eq!(answer.status, 400, "{secret}");
        assert!(answer.json()["secret"].is_array(), "{}", answer.json());
        assert!(secret.len() < 4 || !String::from_utf8_lossy(&answer.body).contains(secret));
    }
    for (members, field) in [
        (json!({"name": ""}), "name"),
        (json!({"access": null}), "access"),
        (json!({"secret": null}), "secret"),
        (json!({"id": "7Hk2mQ9xTbWc"}), "non_field_errors"),
        (json!({"owner": owner.user.uid}), "non_field_errors"),
    ] {
        let answer = import(&owner, FROM_ELSEWHERE, members.clone()).await;
        assert_eq!(answer.status, 400, "{members}");
        assert!(answer.json()[field].is_array(), "{members}: {}", answer.json());
    }
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, refused("key_invalid"));
}

async fn a_key_takes_over_none_that_may_do_more_than_itself(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let made = owner
        .post(
            "/api-keys/",
            json!({"name": "manager", "expires_at": "2026-02-01T00:00:00Z",
                   "access": {"kind": "listed", "scopes": ["keys.manage", "agents.read"]}}),
        )
        .await;
    let manager = holder(&owner, &made.expect(201));
    let agents = json!({"kind": "listed", "scopes": ["agents.read"]});
    for wider in [
        json!({}),
        json!({"access": {"kind": "listed", "scopes": ["agents.write"]}}),
        json!({"access": agents, "expires_at": "2026-02-01T00:00:01Z"}),
    ] {
        let answer = import(&manager, FROM_ELSEWHERE, wider.clone()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "exceeds_caller"),
            "{wider}"
        );
    }
    let key = import(&manager, FROM_ELSEWHERE, json!({"access": agents}))
        .await
        .expect(201);
    assert_eq!(key["expires_at"], json!("2026-02-01T00:00:00Z"));

    let reader = json!({"name": "reader", "access": agents});
    let reader = holder(&owner, &owner.post("/api-keys/", reader).await.expect(201));
    let answer = import(&reader, ANOTHER, json!({"access": agents})).await;
    assert_eq!(answer.code(), "scope_missing");
}

async fn a_key_is_taken_over_once_whoever_does_it_and_whatever_became_of_it(on: On) {
    let running = start(on).await;
    let ours = running.tenant("a@example.com").await;
    let theirs = running.tenant("b@example.com").await;

    // When several take it over at once, one does.
    let tries = futures_util::future::join_all((0..6).map(|number| {
        let by = if number % 2 == 0 { &ours } else { &theirs };
        import(by, FROM_ELSEWHERE, json!({}))
    }))
    .await;
    let (made, others): (Vec<_>, Vec<_>) = tries.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    let mut said: Vec<_> = others
        .iter()
        .map(|answer| (answer.status, &answer.body))
        .collect();
    said.dedup();
    assert_eq!(said.len(), 1, "whose it is does not matter");
    assert_eq!((others[0].status, others[0].code().as_str()), (409, "key_exists"));

    // Nor does what becomes of it: what was ended does not come back.
    let key = made[0].json();
    let of = if ours.user.uid.as_str() == key["owner"].as_str().unwrap() {
        &ours
    } else {
        &theirs
    };
    act(of, &key, "revoke").await.expect(200);
    for by in [&ours, &theirs] {
        assert_eq!(import(by, FROM_ELSEWHERE, json!({})).await.code(), "key_exists");
    }
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, refused("key_revoked"));
    import(&ours, ANOTHER, json!({})).await.expect(201);
}

async fn a_key_from_elsewhere_lives_as_others_do(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = import(&owner, FROM_ELSEWHERE, json!({})).await.expect(201);
    act(&owner, &key, "disable").await.expect(200);
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, refused("key_disabled"));
    act(&owner, &key, "enable").await.expect(200);
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, served());

    // Its successor is one of this server's.
    let rotated = act(&owner, &key, "rotate").await.expect(201);
    assert_eq!(
        (&rotated["legacy"], &rotated["rotated_from"]),
        (&json!(false), &key["id"])
    );
    let successor = holder(&owner, &rotated);
    successor.get("/users/me/").await.expect(200);
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, served());

    // After a restart it is found as before, and ended by the clock as others are.
    let running = start_in(running.stop().await, |config| {
        config.clock = Arc::new(clock.clone());
    })
    .await;
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, served());
    clock.advance_millis(24 * 3_600_000);
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, refused("key_rotated"));

    // Whatever another process does to it is in force here, too.
    let authority = running.dir.authority().await;
    let id = key["id"].as_str().unwrap().parse().unwrap();
    authority.revoke(id).await.unwrap();
    crate::support::within(Duration::from_secs(5), || async {
        asks(&running, FROM_ELSEWHERE).await == refused("key_revoked")
    })
    .await;
}

async fn a_key_from_elsewhere_outlives_the_pepper_it_was_taken_over_with(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    import(&owner, FROM_ELSEWHERE, json!({})).await.expect(201);
    let idle = import(&owner, ANOTHER, json!({})).await.expect(201);
    let authority = running.server.keys();
    authority.add_pepper().await.unwrap();
    clock.advance_millis(60_000);

    // It is found whichever pepper its MAC was made with, and not taken over twice.
    for known in [FROM_ELSEWHERE, ANOTHER] {
        assert_eq!(import(&owner, known, json!({})).await.code(), "key_exists");
    }
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, served());
    owner.get("/users/me/").await.expect(200);
    crate::support::within(Duration::from_secs(5), || async {
        authority.peppers_in_use().await.unwrap()[0].keys == 1
    })
    .await;

    // When the earlier one goes, so does the key that nobody used.
    authority.retire_pepper(1, true).await.unwrap();
    assert_eq!(asks(&running, FROM_ELSEWHERE).await, served());
    assert_eq!(
        import(&owner, FROM_ELSEWHERE, json!({})).await.code(),
        "key_exists"
    );
    assert_eq!(asks(&running, ANOTHER).await, refused("key_invalid"));
    let path = format!("/api-keys/{}/", idle["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.expect(200)["state"], json!("revoked"));
}

async fn forty_digits_are_a_key_in_one_place_and_in_one_spelling(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    import(&owner, FROM_ELSEWHERE, json!({})).await.expect(201);
    for other in [
        FROM_ELSEWHERE.to_uppercase(),
        FROM_ELSEWHERE[..39].to_owned(),
        format!("{FROM_ELSEWHERE}0"),
        format!("avk_{FROM_ELSEWHERE}"),
        format!("\"{FROM_ELSEWHERE}\""),
    ] {
        assert_eq!(asks(&running, &other).await, refused("key_malformed"), "{other}");
    }
    for elsewhere in [ANOTHER, FROM_ELSEWHERE] {
        let request = Request::new("GET", "/users/me/")
            .key(FROM_ELSEWHERE)
            .header("Authorization", format!("Bearer {elsewhere}"));
        assert_eq!(running.send(request).await.code(), "key_malformed");
    }
    let twice = Request::new("GET", "/users/me/")
        .key(FROM_ELSEWHERE)
        .key(FROM_ELSEWHERE);
    assert_eq!(running.send(twice).await.code(), "key_malformed");
    let with_session = Request::new("GET", "/users/me/")
        .key(FROM_ELSEWHERE)
        .header("Cookie", format!("session={ANOTHER}"));
    assert_eq!(running.send(with_session).await.status, 200);
}

async fn a_row_from_elsewhere_that_was_changed_by_hand_opens_nothing(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    import(&owner, FROM_ELSEWHERE, json!({})).await.expect(201);
    let changed = running
        .dir
        .execute("UPDATE api_keys SET name = 'another' WHERE is_legacy")
        .await;
    assert_eq!(changed, 1);
    crate::support::within(Duration::from_secs(5), || async {
        asks(&running, FROM_ELSEWHERE).await == refused("key_invalid")
    })
    .await;
    // Nor is there a way around the seal by taking it over again.
    assert_eq!(
        import(&owner, FROM_ELSEWHERE, json!({})).await.code(),
        "key_exists"
    );
}

stories![
    a_key_from_elsewhere_opens_what_is_said_here_and_is_never_shown,
    what_is_no_random_key_is_not_taken_over,
    a_key_takes_over_none_that_may_do_more_than_itself,
    a_key_is_taken_over_once_whoever_does_it_and_whatever_became_of_it,
    a_key_from_elsewhere_lives_as_others_do,
    a_key_from_elsewhere_outlives_the_pepper_it_was_taken_over_with,
    forty_digits_are_a_key_in_one_place_and_in_one_spelling,
    a_row_from_elsewhere_that_was_changed_by_hand_opens_nothing,
];
