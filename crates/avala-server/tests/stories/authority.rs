//! The key authority: when a key's end takes effect, and what it writes.

use std::{sync::Arc, time::Duration};

use avala_keys::{ApiKey, Class};
use avala_server::keys::{Access, NewKey};
use serde_json::json;

use crate::support::{Home, ManualClock, On, Request, start, start_with, within};

async fn a_key_is_in_force_up_to_its_last_millisecond(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let expires_at = Some("2026-01-01T00:00:10Z".parse().unwrap());
    let new = NewKey {
        owner: user.uid,
        name: "short".into(),
        access: Access::Full,
        expires_at,
    };
    let issued = running.server.keys().issue(new).await.unwrap();
    let me = || async {
        running
            .send(Request::new("GET", "/users/me/").key(issued.key.expose()))
            .await
    };

    clock.advance_millis(9_999);
    assert_eq!(me().await.status, 200);
    clock.advance_millis(1);
    let answer = me().await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "key_expired"));
    // A clock that is set back does not bring the key back.
    clock.advance_millis(-1);
    assert_eq!(me().await.code(), "key_expired");
    running.server.keys().revoke(issued.id).await.unwrap();
    assert_eq!(me().await.code(), "key_revoked");
}

async fn another_process_issues_and_revokes_keys_of_a_running_server(on: On) {
    // Given a running server, and its data directory open a second time.
    let running = start(on).await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let elsewhere = running.dir.authority().await;
    assert_eq!(elsewhere.class(), Class::Live);
    let status = |key: ApiKey| async move { running_status(running.address, &key).await };

    // When a key is issued there, then it works here at once.
    let new = NewKey {
        owner: user.uid,
        name: "elsewhere".into(),
        access: Access::Full,
        expires_at: None,
    };
    let issued = elsewhere.issue(new).await.unwrap();
    within(Duration::from_millis(250), || async {
        status(issued.key.clone()).await == 200
    })
    .await;

    // When it is revoked there, then it is refused here.
    elsewhere.revoke(issued.id).await.unwrap();
    within(Duration::from_millis(250), || async {
        status(issued.key.clone()).await == 401
    })
    .await;
}

async fn running_status(address: std::net::SocketAddr, key: &ApiKey) -> u16 {
    Request::new("GET", "/users/me/")
        .key(key.expose())
        .send(address)
        .await
        .status
}

async fn a_key_whose_row_was_changed_by_hand_opens_nothing(on: On) {
    // Given a key that may do nothing.
    let running = start(on).await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let issued = running.issue(&user, Access::Listed(vec![])).await;
    let permissions = || Request::new("GET", "/users/me/permissions/").key(issued.key.expose());
    assert_eq!(running.send(permissions()).await.expect(200)["scopes"], json!([]));

    // When somebody who can write to the database widens it.
    let dir = running.stop().await;
    dir.execute("CREATE TABLE kept AS SELECT * FROM api_keys").await;
    by_hand(&dir, r#"UPDATE api_keys SET access = '{"kind":"full"}'"#).await;

    // Then it is no longer a key, and the authority does not touch it.
    let running = crate::support::start_in(dir, |_| {}).await;
    assert_eq!(running.send(permissions()).await.code(), "key_invalid");
    assert!(running.server.keys().revoke(issued.id).await.is_err());

    // And it stays revoked when somebody changes the row back.
    let dir = running.stop().await;
    by_hand(&dir, "DELETE FROM api_keys").await;
    by_hand(&dir, "INSERT INTO api_keys SELECT * FROM kept").await;
    let running = crate::support::start_in(dir, |_| {}).await;
    assert_eq!(running.send(permissions()).await.code(), "key_invalid");
}

async fn verifying_a_key_writes_nothing(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let before = running.dir.every_row().await;
    for _ in 0..20 {
        tenant.get("/users/me/").await.expect(200);
    }
    assert_eq!(running.dir.every_row().await, before);
}

/// What somebody does who can write to the database.
async fn by_hand(home: &Home, statement: &'static str) {
    assert_ne!(home.execute(statement).await, 0, "{statement}");
}

async fn a_key_whose_row_was_changed_or_deleted_is_out_of_force_once_it_was_to_be_ended(on: On) {
    for (statement, end) in [
        ("UPDATE api_keys SET name = 'x'", "revoke"),
        ("UPDATE api_keys SET name = 'x'", "expire"),
        ("DELETE FROM api_keys", "revoke"),
        ("DELETE FROM api_keys", "expire"),
    ] {
        let running = start(on).await;
        let tenant = running.tenant("a@example.com").await;
        by_hand(&running.dir, statement).await;

        let (keys, id) = (running.server.keys(), tenant.key.id());
        let _whether_or_not = match end {
            "revoke" => keys.revoke(id).await,
            _ => keys.expire(id, "2999-01-01T00:00:00Z".parse().unwrap()).await,
        };

        let status = tenant.get("/users/me/").await.status;
        assert_eq!(status, 401, "{statement}, {end}");
    }
}

async fn a_running_server_notices_rows_that_were_changed_or_deleted(on: On) {
    for statement in ["UPDATE api_keys SET name = 'x'", "DELETE FROM api_keys"] {
        let running = start(on).await;
        let tenant = running.tenant("a@example.com").await;
        tenant.get("/users/me/").await.expect(200);

        by_hand(&running.dir, statement).await;

        within(Duration::from_secs(2), || async {
            tenant.get("/users/me/").await.status == 401
        })
        .await;
    }
}

async fn nothing_that_the_server_does_to_keys_counts_as_changed_by_hand(on: On) {
    let counted = "SELECT CAST(coalesce(sum(changes), 0) AS TEXT) FROM key_changes_by_hand";
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let access = json!({ "kind": "full" });
    let made = tenant
        .post("/api-keys/", json!({ "name": "x", "access": access }))
        .await
        .expect(201);
    let path = |verb: &str| format!("/api-keys/{}/{verb}", made["id"].as_str().unwrap());
    tenant.patch(&path(""), json!({ "name": "y" })).await.expect(200);
    for verb in ["disable/", "enable/"] {
        tenant.post(&path(verb), json!({})).await.expect(200);
    }
    // The second time, it revokes the successor of the first.
    for _ in 0..2 {
        tenant.post(&path("rotate/"), json!({})).await.expect(201);
    }
    for verb in ["end-grace/", "revoke/", "revoke/"] {
        tenant.post(&path(verb), json!({})).await.expect(200);
    }
    let elsewhere = running.dir.authority().await;
    elsewhere.revoke(tenant.key.id()).await.unwrap();
    running.server.usage().flush().await.unwrap();
    assert_eq!(running.dir.lines(counted).await, ["0"]);

    by_hand(&running.dir, "UPDATE api_keys SET name = 'z'").await;
    assert_ne!(running.dir.lines(counted).await, ["0"]);
    running.stop().await;
}

async fn a_changed_row_is_revoked_by_whoever_knows_the_right_one(on: On) {
    // Given an authority that has seen the key before its row was changed.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let elsewhere = running.dir.authority().await;
    by_hand(&running.dir, "UPDATE api_keys SET name = 'x'").await;

    // When it revokes the key, then the row is whole again, and revoked, here and after a restart.
    elsewhere.revoke(tenant.key.id()).await.unwrap();
    within(Duration::from_secs(2), || async {
        let answer = tenant.get("/users/me/").await;
        answer.status == 401 && answer.code() == "key_revoked"
    })
    .await;
    drop(elsewhere);
    let running = crate::support::start_in(running.stop().await, |_| {}).await;
    let answer = running
        .send(Request::new("GET", "/users/me/").key(tenant.key.expose()))
        .await;
    assert_eq!(answer.code(), "key_revoked");
}

async fn an_expiry_is_never_put_off(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let tenant = running.tenant("a@example.com").await;
    let keys = running.server.keys();
    let id = tenant.key.id();

    keys.expire(id, "2026-01-01T00:00:10Z".parse().unwrap())
        .await
        .unwrap();
    keys.expire(id, "2026-01-01T00:00:20Z".parse().unwrap())
        .await
        .unwrap();
    clock.advance_millis(10_000);
    assert_eq!(tenant.get("/users/me/").await.code(), "key_expired");

    keys.expire(id, "2999-01-01T00:00:00Z".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(tenant.get("/users/me/").await.code(), "key_expired");
}

async fn without_news_of_the_keys_no_key_is_accepted(on: On) {
    // Given a server that can no longer see which keys were ended.
    let running = start_with(on, |config| {
        config.limits.keys_current_for = Duration::from_millis(500);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    running.dir.execute("ALTER TABLE meta RENAME TO gone").await;

    // Then after a while it says so instead of answering, and it lives on.
    within(Duration::from_secs(5), || async {
        tenant.get("/users/me/").await.status == 503
    })
    .await;
    let answer = tenant.get("/users/me/").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "not_current"));
    assert!(answer.header("retry-after").is_some());
    running.send(Request::raw("GET", "/healthz")).await.expect(200);

    // When it can see them again, then it answers.
    running.dir.execute("ALTER TABLE gone RENAME TO meta").await;
    within(Duration::from_secs(5), || async {
        tenant.get("/users/me/").await.status == 200
    })
    .await;
}

async fn a_revoked_key_does_not_come_back_with_its_older_row(on: On) {
    // Given a revoked key, and its row as it was before.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let dir = running.stop().await;
    dir.execute("CREATE TABLE kept AS SELECT * FROM api_keys").await;
    let running = crate::support::start_in(dir, |_| {}).await;
    running.server.keys().revoke(tenant.key.id()).await.unwrap();

    // When somebody puts that row back, then it opens nothing, now or after a restart.
    by_hand(&running.dir, "DELETE FROM api_keys").await;
    by_hand(&running.dir, "INSERT INTO api_keys SELECT * FROM kept").await;
    let me = Request::new("GET", "/users/me/").key(tenant.key.expose());
    assert_eq!(running.send(me.clone()).await.status, 401);
    let running = crate::support::start_in(running.stop().await, |_| {}).await;
    assert_eq!(running.send(me).await.code(), "key_invalid");
}

/// Everything that ends a key, told of a row that is put back after it.
async fn with_its_older_row_put_back(on: On, end: &str, is_gone_before: bool) {
    // Given a key, and its row as it was before it was ended.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let dir = running.stop().await;
    dir.execute("CREATE TABLE kept AS SELECT * FROM api_keys").await;
    let running = crate::support::start_in(dir, |_| {}).await;
    let keys = running.server.keys();
    if is_gone_before {
        by_hand(&running.dir, "DELETE FROM api_keys").await;
    }
    let ended = match end {
        "revoke" => keys.revoke(tenant.key.id()).await,
        _ => {
            keys.expire(tenant.key.id(), "2020-01-01T00:00:00Z".parse().unwrap())
                .await
        }
    };
    assert_eq!(ended.is_err(), is_gone_before, "{ended:?}");
    if !is_gone_before {
        by_hand(&running.dir, "DELETE FROM api_keys").await;
    }

    // When somebody puts that row back, then it opens nothing, now or after a restart.
    by_hand(&running.dir, "INSERT INTO api_keys SELECT * FROM kept").await;
    let me = Request::new("GET", "/users/me/").key(tenant.key.expose());
    assert_eq!(running.send(me.clone()).await.status, 401);
    let running = crate::support::start_in(running.stop().await, |_| {}).await;
    assert_eq!(running.send(me).await.code(), "key_invalid");
}

async fn a_key_revoked_without_its_row_does_not_come_back_with_it(on: On) {
    Box::pin(with_its_older_row_put_back(on, "revoke", true)).await;
}

async fn an_expired_key_does_not_come_back_with_its_older_row(on: On) {
    Box::pin(with_its_older_row_put_back(on, "expire", false)).await;
}

async fn a_row_from_the_future_of_its_database_opens_nothing(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let dir = running.stop().await;
    by_hand(&dir, "UPDATE meta SET seq = 0").await;
    let running = crate::support::start_in(dir, |_| {}).await;
    let me = Request::new("GET", "/users/me/").key(tenant.key.expose());
    assert_eq!(running.send(me).await.code(), "key_invalid");
}

stories![
    a_key_is_in_force_up_to_its_last_millisecond,
    another_process_issues_and_revokes_keys_of_a_running_server,
    a_key_whose_row_was_changed_by_hand_opens_nothing,
    verifying_a_key_writes_nothing,
    a_key_whose_row_was_changed_or_deleted_is_out_of_force_once_it_was_to_be_ended,
    a_running_server_notices_rows_that_were_changed_or_deleted,
    nothing_that_the_server_does_to_keys_counts_as_changed_by_hand,
    a_changed_row_is_revoked_by_whoever_knows_the_right_one,
    an_expiry_is_never_put_off,
    without_news_of_the_keys_no_key_is_accepted,
    a_revoked_key_does_not_come_back_with_its_older_row,
    a_key_revoked_without_its_row_does_not_come_back_with_it,
    an_expired_key_does_not_come_back_with_its_older_row,
    a_row_from_the_future_of_its_database_opens_nothing,
];
