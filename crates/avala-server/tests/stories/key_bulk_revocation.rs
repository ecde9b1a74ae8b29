//! Ending many keys at once: counted first, then all of them or none.

use serde_json::{Value, json};

use crate::{
    api_keys::{act, make, path, refused, served, status, with_clock},
    support::{Answer, On, Tenant, start},
};

async fn bulk(by: &Tenant, body: Value) -> Answer {
    by.post("/api-keys/bulk-revoke/", body).await
}

/// How many keys a filter finds.
async fn count(by: &Tenant, filter: Value) -> u64 {
    let counted = bulk(by, json!({ "filter": filter })).await.expect(200);
    assert_eq!(counted["dry_run"], json!(true), "unless told otherwise");
    assert!(counted.get("effective").is_none());
    counted["count"].as_u64().unwrap()
}

async fn made_in(by: &Tenant, environment: &str) -> Tenant {
    make(
        by,
        json!({"access": {"kind": "full"}, "environment": environment}),
    )
    .await
}

async fn counted_keys_are_ended_in_one_change(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let stranger = running.tenant("b@example.com").await;
    let mut staging = Vec::new();
    for _ in 0..3 {
        staging.push(made_in(&owner, "staging").await);
    }
    let production = made_in(&owner, "production").await;
    let theirs = made_in(&stranger, "staging").await;

    // Counting changes nothing.
    let before = running.dir.every_row().await;
    let filter = json!({"environment": "staging"});
    let counted = bulk(&owner, json!({ "filter": filter })).await.expect(200);
    assert_eq!(
        (&counted["count"], &counted["dry_run"]),
        (&json!(3), &json!(true))
    );
    let ids: Vec<&str> = counted["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["id"].as_str().unwrap())
        .collect();
    let newest_first: Vec<String> = staging.iter().rev().map(|key| key.key.id().to_string()).collect();
    assert_eq!(ids, newest_first);
    assert_eq!(running.dir.every_row().await, before);

    // When another number is expected, nothing happens.
    for wrong in [0, 2, 4] {
        let body = json!({"filter": filter, "dry_run": false, "expected_count": wrong});
        assert_eq!(bulk(&owner, body).await.code(), "count_changed");
    }
    assert_eq!(running.dir.every_row().await, before);
    assert_eq!(status(&staging[0]).await, served());

    // When it is right, all of them are ended, and no other.
    let body = json!({"filter": filter, "dry_run": false, "expected_count": 3, "reason": "leaked"});
    let ended = bulk(&owner, body.clone()).await.expect(200);
    assert_eq!((&ended["count"], &ended["dry_run"]), (&json!(3), &json!(false)));
    let effective = match on {
        On::Sqlite => (json!("everywhere"), json!(0)),
        On::Postgres => (json!("lease"), json!(10_000)),
    };
    assert_eq!(
        (ended["effective"].clone(), ended["effective_within_ms"].clone()),
        effective
    );
    for key in &staging {
        assert_eq!(status(key).await, refused("key_revoked"));
        let told = owner.get(&path(key, "")).await.expect(200);
        assert_eq!(told["revoked_reason"], json!("leaked"));
    }
    for other in [&production, &theirs, &owner] {
        assert_eq!(status(other).await, served());
    }

    // One number, a line for each key, and one for the act.
    let seqs = running
        .dir
        .lines("SELECT DISTINCT CAST(seq AS TEXT) FROM api_keys WHERE revoked_at IS NOT NULL")
        .await;
    assert_eq!(seqs.len(), 1);
    let lines = running
        .dir
        .lines("SELECT action FROM audit WHERE action LIKE 'api_key.revoke%' ORDER BY position")
        .await;
    assert_eq!(
        lines,
        [
            "api_key.revoke",
            "api_key.revoke",
            "api_key.revoke",
            "api_key.revoke_many"
        ]
    );

    // Again, there is nothing to do, and nothing is done.
    assert_eq!(bulk(&owner, body).await.code(), "count_changed");
    let before = running.dir.every_row().await;
    let none = json!({"filter": filter, "dry_run": false, "expected_count": 0});
    assert_eq!(bulk(&owner, none).await.expect(200)["count"], json!(0));
    assert_eq!(running.dir.every_row().await, before);
}

async fn a_filter_finds_the_keys_of_which_all_of_it_is_true(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let idle = made_in(&owner, "ci").await;
    let busy = made_in(&owner, "ci").await;
    let disabled = made_in(&owner, "ci").await;
    act(&owner, &disabled, "disable").await.expect(200);
    let revoked = made_in(&owner, "ci").await;
    act(&owner, &revoked, "revoke").await.expect(200);
    let expired = json!({"access": full, "environment": "ci", "expires_at": "2026-01-01T00:00:01Z"});
    make(&owner, expired).await;
    let legacy = json!({
        "name": "a", "access": full, "environment": "ci", "secret": "4f3c29d01b7e8a6655c04d93e2f1a0b7c8d56e10",
    });
    owner.post("/api-keys/import/", legacy).await.expect(201);
    clock.advance_millis(24 * 3_600_000);
    let young = made_in(&owner, "ci").await;
    assert_eq!(status(&busy).await, served());
    assert_eq!(status(&young).await, served());

    let second_day = "2026-01-02T00:00:00Z";
    for (filter, found) in [
        (json!({"environment": "ci"}), 5),
        (json!({"environment": "CI"}), 0),
        (json!({"environment": "ci", "state": "active"}), 4),
        (json!({"environment": "ci", "state": "disabled"}), 1),
        (json!({"environment": "ci", "state": "expired"}), 1),
        (json!({"environment": "ci", "created_before": second_day}), 4),
        (json!({"environment": "ci", "legacy": true}), 1),
        (json!({"environment": "ci", "legacy": false}), 4),
        // Of those that were there, one was used on the second day.
        (json!({"environment": "ci", "unused_since": second_day}), 3),
        (
            json!({"environment": "ci", "unused_since": "2026-01-01T00:00:00Z"}),
            0,
        ),
        (
            json!({"environment": "ci", "unused_since": "2026-01-02T00:00:59Z"}),
            3,
        ),
        (
            json!({"environment": "ci", "unused_since": "2026-01-02T00:01:00Z"}),
            5,
        ),
        (json!({"owner": owner.user.uid}), 5),
        (json!({"owner": "somebody"}), 0),
    ] {
        assert_eq!(count(&owner, filter.clone()).await, found, "{filter}");
    }
    assert_eq!(status(&idle).await, served());
}

async fn the_key_that_asks_is_one_of_them_only_if_it_says_so(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let other = make(&owner, json!({"access": {"kind": "full"}})).await;
    let all = json!({"state": "active"});
    let body = json!({"filter": all, "dry_run": false, "expected_count": 1});
    bulk(&owner, body).await.expect(200);
    assert_eq!(
        (status(&owner).await, status(&other).await),
        (served(), refused("key_revoked"))
    );

    let itself = json!({"filter": all, "dry_run": false, "expected_count": 1, "include_caller": true});
    bulk(&owner, itself).await.expect(200);
    assert_eq!(status(&owner).await, refused("key_revoked"));
}

async fn what_is_not_said_clearly_ends_nothing(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = made_in(&owner, "ci").await;
    let ci = json!({"environment": "ci"});
    for (body, field) in [
        (json!({}), "filter"),
        (json!({"filter": {}}), "filter"),
        (json!({"filter": {"environment": null}}), "filter"),
        (json!({"filter": {"enviroment": "ci"}}), "filter"),
        (json!({"filter": {"state": "revoked"}}), "filter"),
        (json!({"filter": {"state": "odd"}}), "filter"),
        (json!({"filter": {"created_before": "yesterday"}}), "filter"),
        (json!({"filter": ci, "dry_run": false}), "expected_count"),
        (
            json!({"filter": ci, "dry_run": "no", "expected_count": 1}),
            "dry_run",
        ),
        (
            json!({"filter": ci, "dryrun": false, "expected_count": 1}),
            "non_field_errors",
        ),
    ] {
        let answer = bulk(&owner, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()[field].is_array(), "{body}: {}", answer.json());
    }
    let reader = json!({"access": {"kind": "listed", "scopes": ["keys.read"]}});
    let reader = make(&owner, reader).await;
    assert_eq!(bulk(&reader, json!({"filter": ci})).await.code(), "scope_missing");
    assert_eq!(status(&key).await, served());
}

stories![
    counted_keys_are_ended_in_one_change,
    a_filter_finds_the_keys_of_which_all_of_it_is_true,
    the_key_that_asks_is_one_of_them_only_if_it_says_so,
    what_is_not_said_clearly_ends_nothing,
];
