//! The rotation of keys: a successor, the time in which both open, and what a lost answer leaves behind.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    api_keys::{NOW, act, holder, make, path, refused, served, status, with_clock},
    support::{On, Request, Tenant, start_in},
};

async fn a_rotated_key_opens_until_the_last_millisecond_of_its_grace(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let old = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["agents.read"]}, "environment": "ci", "allowed_networks": ["127.0.0.1"]}),
    )
    .await;
    let made = owner
        .post(&path(&old, "rotate/"), json!({"grace_seconds": 10}))
        .await
        .expect(201);
    let new = holder(&owner, &made);

    // The policy is the same, and both say whose they are.
    for (member, value) in [
        ("access", json!({"kind": "listed", "scopes": ["agents.read"]})),
        ("environment", json!("ci")),
        ("allowed_networks", json!(["127.0.0.1/32"])),
        ("rotated_from", json!(old.key.id().to_string())),
        ("state", json!("active")),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    let told = owner.get(&path(&old, "")).await.expect(200);
    assert_eq!(told["state"], json!("rotated"));
    assert_eq!(told["rotated_to"], json!(new.key.id().to_string()));
    assert_eq!(told["grace_until"], json!("2026-01-01T00:00:10Z"));

    clock.advance_millis(9_999);
    assert_eq!((status(&old).await, status(&new).await), (served(), served()));
    clock.advance_millis(1);
    assert_eq!(
        (status(&old).await, status(&new).await),
        (refused("key_rotated"), served())
    );
    clock.advance_millis(-5);
    assert_eq!(status(&old).await, refused("key_rotated"));
    // One that is over is not rotated again.
    assert_eq!(act(&owner, &old, "rotate").await.code(), "already_rotated");
}

async fn a_rotation_whose_answer_was_lost_is_repaired_by_repeating_it(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let old = make(&owner, json!({"access": {"kind": "full"}})).await;

    // Given a rotation whose answer nobody got.
    let lost = act(&owner, &old, "rotate").await.expect(201);
    let lost = holder(&owner, &lost);

    // When it is repeated, there is one successor, and it is the new one.
    let made = act(&owner, &old, "rotate").await.expect(201);
    let new = holder(&owner, &made);
    assert_eq!(status(&lost).await, refused("key_revoked"));
    assert_eq!(
        owner.get(&path(&lost, "")).await.expect(200)["revoked_reason"],
        json!("rotated")
    );
    assert_eq!(
        owner.get(&path(&old, "")).await.expect(200)["rotated_to"],
        json!(new.key.id().to_string())
    );

    // Once the successor was used, it stays.
    assert_eq!(status(&new).await, served());
    assert_eq!(act(&owner, &old, "rotate").await.code(), "already_rotated");
    let running = start_in(running.stop().await, |config| {
        config.clock = Arc::new(clock.clone());
    })
    .await;
    let owner = Tenant {
        address: running.address,
        user: owner.user.clone(),
        key: owner.key.clone(),
    };
    assert_eq!(act(&owner, &old, "rotate").await.code(), "already_rotated");

    // Whatever becomes of it: the old one is not to outlive its grace by another one.
    act(&owner, &new, "revoke").await.expect(200);
    assert_eq!(act(&owner, &old, "rotate").await.code(), "already_rotated");

    // One that nobody used and somebody revoked or switched off.
    let revoked = make(&owner, json!({"access": {"kind": "full"}})).await;
    let successor = holder(&owner, &act(&owner, &revoked, "rotate").await.expect(201));
    act(&owner, &successor, "revoke").await.expect(200);
    let successor = holder(&owner, &act(&owner, &revoked, "rotate").await.expect(201));
    act(&owner, &successor, "disable").await.expect(200);
    assert_eq!(act(&owner, &revoked, "rotate").await.code(), "already_rotated");
}

async fn a_rotation_with_a_name_makes_one_successor_however_often_it_is_repeated(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"access": {"kind": "full"}});
    let (old, other) = (make(&owner, full.clone()).await, make(&owner, full).await);
    let rotate = |key: &Tenant, name: &str, grace: u32| {
        let request = Request::new("POST", &path(key, "rotate/"))
            .key(owner.key.expose())
            .header("Idempotency-Key", name)
            .json(&json!({ "grace_seconds": grace }));
        running.send(request)
    };

    // When it is asked for several times at once, there is one successor, and its secret is told once.
    let answers = join_all((0..6).map(|_| rotate(&old, "first", 60))).await;
    let (made, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(
        busy.iter()
            .all(|answer| answer.code() == "idempotency_key_in_use")
    );
    let told: Vec<_> = made
        .iter()
        .map(|answer| answer.json())
        .filter(|key| key["secret"].is_string())
        .collect();
    assert_eq!(told.len(), 1);
    assert!(made.iter().all(|answer| answer.json()["id"] == told[0]["id"]));
    let new = holder(&owner, &told[0]);

    // Nor does a repetition make another one, whether this one was used or not.
    for _ in 0..2 {
        let again = rotate(&old, "first", 60).await.expect(201);
        assert_eq!((&again["id"], &again["secret"]), (&told[0]["id"], &json!(null)));
        assert_eq!(again["hints"][0]["rule"], json!("made_before"));
        assert_eq!(status(&new).await, served());
    }

    // The name stands for this rotation and for nothing else.
    for answer in [
        rotate(&other, "first", 60).await,
        rotate(&old, "first", 61).await,
        running
            .send(
                Request::new("POST", "/api-keys/")
                    .key(owner.key.expose())
                    .header("Idempotency-Key", "first")
                    .json(&json!({"name": "a", "access": {"kind": "full"}})),
            )
            .await,
    ] {
        assert_eq!(answer.code(), "idempotency_key_reused");
    }
    assert_eq!(rotate(&old, "second", 60).await.code(), "already_rotated");

    // After a day, it is free again.
    clock.advance_millis(24 * 3_600_000);
    assert!(rotate(&other, "first", 60).await.expect(201)["secret"].is_string());
}

async fn the_grace_of_a_key_never_outlives_it_and_can_be_ended(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let short = make(
        &owner,
        json!({"access": full, "expires_at": "2026-01-01T01:00:00Z"}),
    )
    .await;
    let made = act(&owner, &short, "rotate").await.expect(201);
    assert_eq!(
        made["expires_at"],
        json!("2026-01-01T01:00:00Z"),
        "a rotation lengthens nothing"
    );
    let told = owner.get(&path(&short, "")).await.expect(200);
    assert_eq!(told["grace_until"], json!("2026-01-01T01:00:00Z"));

    assert_eq!(status(&short).await, served());
    act(&owner, &short, "end-grace").await.expect(200);
    assert_eq!(status(&short).await, refused("key_rotated"));
    let again = act(&owner, &short, "end-grace").await.expect(200);
    assert_eq!(again["grace_until"], json!(NOW));

    let at_once = make(&owner, json!({"access": full})).await;
    assert_eq!(act(&owner, &at_once, "end-grace").await.code(), "not_rotated");
    let leaked = json!({"grace_seconds": 0});
    owner.post(&path(&at_once, "rotate/"), leaked).await.expect(201);
    assert_eq!(status(&at_once).await, refused("key_rotated"));
    let too_long = json!({"grace_seconds": 90 * 86_400 + 1});
    assert_eq!(owner.post(&path(&owner, "rotate/"), too_long).await.status, 400);
}

async fn a_key_rotates_itself_only_with_the_right_to(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let scopes = |scopes: &[&str]| json!({"access": {"kind": "listed", "scopes": scopes}});
    let robot = make(&owner, scopes(&["agents.read", "keys.self_rotate"])).await;
    let other = make(&owner, scopes(&["agents.read"])).await;

    assert_eq!(act(&robot, &other, "rotate").await.code(), "scope_missing");
    assert_eq!(act(&other, &other, "rotate").await.code(), "scope_missing");
    let made = act(&robot, &robot, "rotate").await.expect(201);
    assert_eq!(made["created_by"], json!(format!("key:{}", robot.key.id())));
    assert_eq!(status(&holder(&robot, &made)).await, served());
}

stories![
    a_rotated_key_opens_until_the_last_millisecond_of_its_grace,
    a_rotation_whose_answer_was_lost_is_repaired_by_repeating_it,
    a_rotation_with_a_name_makes_one_successor_however_often_it_is_repeated,
    the_grace_of_a_key_never_outlives_it_and_can_be_ended,
    a_key_rotates_itself_only_with_the_right_to,
];
