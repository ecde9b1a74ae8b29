//! The life of keys over the API: made, listed, used, switched off, revoked.

use std::sync::Arc;

use avala_keys::ApiKey;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, ManualClock, On, Request, Running, Tenant, start, start_in, start_with};

pub(crate) const NOW: &str = "2026-01-01T00:00:00Z";

/// The holder of the key in an answer that made one.
pub(crate) fn holder(of: &Tenant, made: &Value) -> Tenant {
    Tenant {
        address: of.address,
        user: of.user.clone(),
        key: ApiKey::parse(made["secret"].as_str().unwrap().as_bytes()).unwrap(),
    }
}

/// Makes a key with these members besides a name, and gives its holder.
pub(crate) async fn make(by: &Tenant, members: Value) -> Tenant {
    let made = create(by, members).await.expect(201);
    holder(by, &made)
}

pub(crate) async fn create(by: &Tenant, members: Value) -> Answer {
    let mut body = json!({ "name": "made" });
    body.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    by.post("/api-keys/", body).await
}

pub(crate) fn path(of: &Tenant, verb: &str) -> String {
    format!("/api-keys/{}/{verb}", of.key.id())
}

pub(crate) async fn act(by: &Tenant, on: &Tenant, verb: &str) -> Answer {
    by.post(&path(on, &format!("{verb}/")), json!({})).await
}

pub(crate) async fn status(of: &Tenant) -> (u16, String) {
    let answer = of.get("/users/me/").await;
    let code = if answer.status == 200 {
        String::new()
    } else {
        answer.code()
    };
    (answer.status, code)
}

pub(crate) fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

pub(crate) fn served() -> (u16, String) {
    (200, String::new())
}

pub(crate) async fn with_clock(on: On) -> (Running, ManualClock) {
    let clock = ManualClock::at(NOW);
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    (running, clock)
}

async fn a_key_is_made_used_and_told_about_without_its_secret(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let made = create(
        &owner,
        json!({
            "access": {"kind": "listed", "scopes": ["webhooks.read", "agents.read", "webhooks.read"]},
            "environment": "staging",
            "expires_at": "2026-02-01T00:00:00Z",
            "allowed_networks": ["127.0.0.1", "10.1.2.3/8"],
        }),
    )
    .await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.expect(201);
    let ci = holder(&owner, &made);
    let id = ci.key.id().to_string();

    let mut told = made.clone();
    told.as_object_mut().unwrap().remove("secret");
    assert_eq!(
        told,
        json!({
            "id": id, "prefix": format!("avk_live_{id}"), "name": "made", "class": "live", "environment": "staging",
            "owner": owner.user.uid, "access": {"kind": "listed", "scopes": ["agents.read", "webhooks.read"]},
            "allowed_networks": ["10.0.0.0/8", "127.0.0.1/32"], "resources": [], "state": "active",
            "created_at": "2026-01-01T00:00:00Z", "created_by": format!("key:{}", owner.key.id()),
            "expires_at": "2026-02-01T00:00:00Z", "grace_until": null, "rotated_from": null, "rotated_to": null,
            "revoked_at": null, "revoked_by": null, "revoked_reason": null, "last_used_at": null, "legacy": false,
            "hints": [], "muted_hints": [],
        })
    );
    assert_eq!(owner.get(&path(&ci, "")).await.expect(200), told);
    let listed = owner.get("/api-keys/?environment=staging").await.expect(200);
    assert_eq!(listed["results"], json!([told]));

    ci.get("/webhooks/").await.expect(200);
    assert_eq!(ci.get("/datasets/").await.code(), "scope_missing");
    assert_eq!(ci.get("/api-keys/").await.code(), "scope_missing");
}

async fn ending_a_key_that_is_not_there_leaves_nothing_behind(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let before = running.dir.every_row().await;
    let nobody = "0".repeat(12);
    for verb in ["revoke", "disable", "enable", "end-grace", "rotate"] {
        let answer = owner
            .post(&format!("/api-keys/{nobody}/{verb}/"), json!({}))
            .await;
        assert_eq!(answer.status, 404, "{verb}");
    }
    assert_eq!(running.dir.every_row().await, before);
}

async fn a_key_tells_how_it_was_used(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["agents.read"]}}),
    )
    .await;
    let told = owner.get(&path(&key, "usage/")).await.expect(200);
    assert_eq!(told["buckets"], json!([]));

    key.get("/agents/").await.expect(200);
    key.get("/webhooks/").await.expect(403);
    clock.advance_millis(3_600_000);
    key.get("/agents/").await.expect(200);

    let told = owner.get(&path(&key, "usage/")).await.expect(200);
    assert_eq!(
        (&told["last_used_at"], &told["last_used_ip"]),
        (&json!("2026-01-01T01:00:00Z"), &json!("127.0.0.1"))
    );
    assert_eq!(
        told["buckets"],
        json!([
            {"start": "2026-01-01T00:00:00Z", "requests": 2, "refused": 1,
             "by_group": {"agents": 1, "webhooks": 1}, "by_status": {"2xx": 1, "4xx": 1}},
            {"start": "2026-01-01T01:00:00Z", "requests": 1, "refused": 0, "by_group": {"agents": 1}, "by_status": {"2xx": 1}},
        ])
    );
    let day = owner.get(&path(&key, "usage/?by=day")).await.expect(200);
    assert_eq!(day["buckets"][0]["requests"], json!(3));
    let none = owner
        .get(&path(&key, "usage/?to=2026-01-01T00:00:00Z"))
        .await
        .expect(200);
    assert_eq!(none["buckets"], json!([]));
    assert_eq!(owner.get(&path(&key, "usage/?by=year")).await.status, 400);
    let shown = owner.get(&path(&key, "")).await.expect(200);
    assert_eq!(shown["last_used_at"], json!("2026-01-01T01:00:00Z"));
    let listed = owner.get("/api-keys/").await.expect(200);
    assert_eq!(
        listed["results"][0]["last_used_at"],
        json!("2026-01-01T01:00:00Z")
    );
}

async fn revoking_is_for_ever_and_says_where_it_is_in_force(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(&owner, json!({"access": {"kind": "full"}})).await;
    let revoked = owner
        .post(&path(&key, "revoke/"), json!({"reason": "leaked"}))
        .await
        .expect(200);
    assert_eq!(revoked["state"], json!("revoked"));
    assert_eq!(revoked["revoked_reason"], json!("leaked"));
    assert_eq!(revoked["revoked_by"], json!(format!("key:{}", owner.key.id())));
    let effective = match on {
        On::Sqlite => (json!("everywhere"), json!(0)),
        On::Postgres => (json!("lease"), json!(10_000)),
    };
    assert_eq!(
        (
            revoked["effective"].clone(),
            revoked["effective_within_ms"].clone()
        ),
        effective
    );
    assert_eq!(status(&key).await, refused("key_revoked"));

    // Again is as good as once, and nothing brings it back.
    let again = owner
        .post(&path(&key, "revoke/"), json!({"reason": "unused"}))
        .await
        .expect(200);
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    assert_eq!(again["revoked_reason"], json!("leaked"));
    for verb in ["enable", "disable", "rotate"] {
        assert_eq!(act(&owner, &key, verb).await.code(), "key_revoked", "{verb}");
    }
    assert_eq!(
        owner.patch(&path(&key, ""), json!({"name": "x"})).await.code(),
        "key_revoked"
    );
    assert_eq!(status(&key).await, refused("key_revoked"));

    // A key may revoke itself: who has it and should not, can do no more harm with that.
    act(&owner, &owner, "revoke").await.expect(200);
    assert_eq!(status(&owner).await, refused("key_revoked"));
}

async fn a_disabled_key_opens_nothing_until_it_is_enabled(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(&owner, json!({"access": {"kind": "full"}})).await;
    for _ in 0..2 {
        let disabled = act(&owner, &key, "disable").await.expect(200);
        assert_eq!(disabled["state"], json!("disabled"));
        assert_eq!(status(&key).await, refused("key_disabled"));
    }
    assert_eq!(act(&owner, &key, "rotate").await.code(), "key_not_active");
    for _ in 0..2 {
        let enabled = act(&owner, &key, "enable").await.expect(200);
        assert_eq!(enabled["state"], json!("active"));
        assert_eq!(status(&key).await, served());
    }
}

async fn what_became_of_keys_is_there_after_a_restart(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"access": {"kind": "full"}});
    let disabled = make(&owner, full.clone()).await;
    act(&owner, &disabled, "disable").await.expect(200);
    let rotated = make(&owner, full.clone()).await;
    let rotation = owner
        .post(&path(&rotated, "rotate/"), json!({"grace_seconds": 5}))
        .await;
    let successor = holder(&owner, &rotation.expect(201));
    let elsewhere = make(
        &owner,
        json!({"access": {"kind": "full"}, "allowed_networks": ["192.0.2.0/24"]}),
    )
    .await;

    let running = start_in(running.stop().await, |config| {
        config.clock = Arc::new(clock.clone());
    })
    .await;

    let there = |tenant: &Tenant| Tenant {
        address: running.address,
        user: tenant.user.clone(),
        key: tenant.key.clone(),
    };
    assert_eq!(status(&there(&disabled)).await, refused("key_disabled"));
    assert_eq!(status(&there(&rotated)).await, served());
    clock.advance_millis(5_000);
    assert_eq!(status(&there(&rotated)).await, refused("key_rotated"));
    assert_eq!(status(&there(&successor)).await, served());
    assert_eq!(
        there(&elsewhere).get("/agents/").await.code(),
        "address_not_allowed"
    );
}

async fn a_request_with_a_name_makes_one_key_however_often_it_is_repeated(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let ask = |by: &Tenant, name: &str, body: &Value| {
        let request = Request::new("POST", "/api-keys/")
            .key(by.key.expose())
            .header("Idempotency-Key", name);
        running.send(request.json(body))
    };
    let body = json!({"name": "once", "access": {"kind": "full"}});

    // When it is repeated, and several times at once, there is one key, and its secret was told once.
    let first = ask(&owner, "first", &body).await.expect(201);
    let again = join_all((0..5).map(|_| ask(&owner, "first", &body))).await;
    let at_once = join_all((0..5).map(|_| ask(&owner, "second", &body))).await;
    for answer in again {
        let answer = answer.expect(201);
        assert_eq!((&answer["id"], &answer["secret"]), (&first["id"], &Value::Null));
        assert_eq!(answer["hints"][0]["rule"], json!("made_before"));
    }
    let (made, busy): (Vec<_>, Vec<_>) = at_once.iter().partition(|answer| answer.status == 201);
    assert!(
        busy.iter()
            .all(|answer| answer.code() == "idempotency_key_in_use")
    );
    let told = made.iter().filter(|answer| answer.json()["secret"].is_string());
    assert_eq!(told.count(), 1);
    let keys = owner.get("/api-keys/").await.expect(200);
    assert_eq!(
        keys["results"].as_array().unwrap().len(),
        3,
        "with the owner's own"
    );

    // Under the same name, nothing else is asked; another key's names are its own; and after a day it is free again.
    let other = json!({"name": "other", "access": {"kind": "full"}});
    assert_eq!(
        ask(&owner, "first", &other).await.code(),
        "idempotency_key_reused"
    );
    let colleague = holder(&owner, &first);
    assert!(ask(&colleague, "first", &other).await.expect(201)["secret"].is_string());
    clock.advance_millis(24 * 3_600_000);
    assert!(ask(&owner, "first", &other).await.expect(201)["secret"].is_string());

    let too_long = ask(&owner, &"x".repeat(256), &body).await;
    assert_eq!(too_long.code(), "idempotency_key_malformed");
    assert_eq!(ask(&owner, "", &body).await.code(), "idempotency_key_malformed");
}

async fn another_organizations_keys_are_not_there(on: On) {
    let running = start(on).await;
    let ours = running.tenant("a@example.com").await;
    let theirs = running.tenant("b@example.com").await;
    let nobody = "0".repeat(12);
    for (method, verb, body) in [
        ("GET", "", None),
        ("PATCH", "", Some(json!({"name": "x"}))),
        ("POST", "rotate/", Some(json!({}))),
        ("POST", "end-grace/", None),
        ("POST", "revoke/", Some(json!({}))),
        ("POST", "disable/", None),
        ("POST", "enable/", None),
        ("GET", "usage/", None),
    ] {
        let absent = ours
            .send(method, &format!("/api-keys/{nobody}/{verb}"), body.clone())
            .await;
        let foreign = ours.send(method, &path(&theirs, verb), body.clone()).await;
        let no_id = ours.send(method, &format!("/api-keys/x/{verb}"), body).await;
        assert_eq!(
            (foreign.status, &foreign.body),
            (404, &absent.body),
            "{method} {verb}"
        );
        assert_eq!(
            (no_id.status, &no_id.body),
            (404, &absent.body),
            "{method} {verb}"
        );
    }
    let listed = ours.get("/api-keys/").await.expect(200);
    assert_eq!(listed["results"].as_array().unwrap().len(), 1);
    assert_eq!(status(&theirs).await, served());
}

async fn keys_are_listed_newest_first_by_what_became_of_them(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let mut keys = Vec::new();
    for name in ["active", "expired", "disabled", "rotated", "revoked"] {
        keys.push(
            make(
                &owner,
                json!({"access": full, "name": name, "expires_at": if name == "expired" {
                    "2026-01-01T00:00:01Z"
                } else {
                    "2026-02-01T00:00:00Z"
                }}),
            )
            .await,
        );
    }
    act(&owner, &keys[2], "disable").await.expect(200);
    act(&owner, &keys[3], "rotate").await.expect(201);
    act(&owner, &keys[4], "revoke").await.expect(200);
    clock.advance_millis(1_000);

    let names = async |query: &str| -> Vec<String> {
        let page = owner.get(&format!("/api-keys/{query}")).await.expect(200);
        let rows = page["results"].as_array().unwrap();
        rows.iter()
            .map(|row| {
                format!(
                    "{}:{}",
                    row["name"].as_str().unwrap(),
                    row["state"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(
        names("").await,
        [
            "rotated:active",
            "revoked:revoked",
            "rotated:rotated",
            "disabled:disabled",
            "expired:expired",
            "active:active",
            "test:active"
        ]
    );
    for (state, expected) in [
        ("active", vec!["rotated:active", "active:active", "test:active"]),
        ("expired", vec!["expired:expired"]),
        ("disabled", vec!["disabled:disabled"]),
        ("rotated", vec!["rotated:rotated"]),
        ("revoked", vec!["revoked:revoked"]),
        ("odd", vec![]),
    ] {
        assert_eq!(names(&format!("?state={state}")).await, expected, "{state}");
    }
    let first = owner.get("/api-keys/?limit=3").await.expect(200);
    let next = first["next"]
        .as_str()
        .unwrap()
        .split_once("/api/v1")
        .unwrap()
        .1
        .to_owned();
    let second = owner.get(&next).await.expect(200);
    assert_eq!(second["results"][0]["name"], json!("disabled"));
}

stories![
    a_key_is_made_used_and_told_about_without_its_secret,
    ending_a_key_that_is_not_there_leaves_nothing_behind,
    a_key_tells_how_it_was_used,
    revoking_is_for_ever_and_says_where_it_is_in_force,
    a_disabled_key_opens_nothing_until_it_is_enabled,
    what_became_of_keys_is_there_after_a_restart,
    a_request_with_a_name_makes_one_key_however_often_it_is_repeated,
    another_organizations_keys_are_not_there,
    keys_are_listed_newest_first_by_what_became_of_them,
];
