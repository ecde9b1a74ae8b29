//! Somebody who has a key that is not his: what he gets besides, and for how long.

use serde_json::json;

use crate::{
    api_keys::{act, holder, make, path, refused, served, status, with_clock},
    support::On,
};

async fn a_stolen_key_opens_the_way_to_no_other(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let other = make(&owner, json!({"access": {"kind": "full"}})).await;
    let stolen = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["agents.read"]}}),
    )
    .await;
    assert_eq!(status(&stolen).await, served());

    // Whatever is tried with it, it is no key to keys: not even to itself.
    for target in [&stolen, &other, &owner] {
        for verb in ["rotate", "end-grace", "revoke", "disable", "enable"] {
            assert_eq!(act(&stolen, target, verb).await.code(), "scope_missing", "{verb}");
        }
        for verb in ["", "usage/"] {
            assert_eq!(stolen.get(&path(target, verb)).await.code(), "scope_missing");
        }
    }
    assert_eq!(stolen.get("/api-keys/").await.code(), "scope_missing");
    let forged = json!({"name": "a", "access": {"kind": "listed", "scopes": ["agents.read"]}});
    assert_eq!(stolen.post("/api-keys/", forged).await.code(), "scope_missing");

    // And once it is revoked it is over at once, and whoever looks sees by whom.
    act(&owner, &stolen, "revoke").await.expect(200);
    assert_eq!(status(&stolen).await, refused("key_revoked"));
    let told = owner.get(&path(&stolen, "")).await.expect(200);
    assert_eq!(told["revoked_by"], json!(format!("key:{}", owner.key.id())));
    assert_eq!(status(&other).await, served());
}

async fn a_thief_who_rotates_gains_no_time_and_is_seen(on: On) {
    const DAY: i64 = 86_400_000;
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    // Given a stolen key that may rotate itself, for thirty days.
    let mut stolen = make(
        &owner,
        json!({
            "access": {"kind": "listed", "scopes": ["agents.read", "keys.self_rotate"]},
            "allowed_networks": ["127.0.0.0/8"], "expires_at": "2026-01-31T00:00:00Z",
        }),
    )
    .await;
    let first = stolen.key.id().to_string();

    // When the thief rotates it, day after day, then no successor lives longer, may do more, or come from elsewhere.
    for _ in 0..29 {
        assert_eq!(status(&stolen).await, served());
        let made = act(&stolen, &stolen, "rotate").await.expect(201);
        assert_eq!(made["expires_at"], json!("2026-01-31T00:00:00Z"));
        assert_eq!(made["allowed_networks"], json!(["127.0.0.0/8"]));
        assert_eq!(
            made["access"]["scopes"],
            json!(["agents.read", "keys.self_rotate"])
        );
        stolen = holder(&stolen, &made);
        clock.advance_millis(DAY);
    }
    clock.advance_millis(DAY - 1);
    assert_eq!(status(&stolen).await, served());
    clock.advance_millis(1);
    assert_eq!(status(&stolen).await, refused("key_expired"));
    assert_eq!(act(&stolen, &stolen, "rotate").await.code(), "key_expired");

    // And the owner can follow the chain to its end, with who made each link.
    let (mut id, mut links) = (first, 0);
    loop {
        let key = owner.get(&format!("/api-keys/{id}/")).await.expect(200);
        let Some(next) = key["rotated_to"].as_str() else {
            break;
        };
        let next = next.to_owned();
        let successor = owner.get(&format!("/api-keys/{next}/")).await.expect(200);
        assert_eq!(successor["rotated_from"], json!(id));
        assert_eq!(successor["created_by"], json!(format!("key:{id}")));
        (id, links) = (next, links + 1);
    }
    assert_eq!((links, id), (29, stolen.key.id().to_string()));
}

async fn a_thief_who_was_rotated_out_does_not_rotate_on(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let self_rotating = json!({"access": {"kind": "listed", "scopes": ["agents.read", "keys.self_rotate"]}});
    let key = make(&owner, self_rotating).await;
    // Given a rotation by the owner whose successor is in use.
    let made = owner
        .post(&path(&key, "rotate/"), json!({"grace_seconds": 60}))
        .await
        .expect(201);
    let successor = holder(&owner, &made);
    assert_eq!(status(&successor).await, served());

    // Then whoever kept a copy of the old one gets no successor of his own, before or after its grace.
    assert_eq!(act(&key, &key, "rotate").await.code(), "already_rotated");
    clock.advance_millis(60_000);
    assert_eq!(act(&key, &key, "rotate").await.code(), "key_rotated");
    // Nor does he get the new one.
    assert_eq!(act(&key, &successor, "rotate").await.code(), "key_rotated");
    assert_eq!(status(&successor).await, served());
}

stories![
    a_stolen_key_opens_the_way_to_no_other,
    a_thief_who_rotates_gains_no_time_and_is_seen,
    a_thief_who_was_rotated_out_does_not_rotate_on,
];
