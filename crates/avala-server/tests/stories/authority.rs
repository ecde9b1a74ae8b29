//! The key authority: when a key's end takes effect, and what it writes.

use std::{sync::Arc, time::Duration};

use avala_keys::{ApiKey, Class};
use avala_server::keys::{Access, Authority, NewKey};
use serde_json::json;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::support::{ManualClock, Request, start, start_with, within};

#[tokio::test]
async fn a_key_is_in_force_up_to_its_last_millisecond() {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(|config| config.clock = Arc::new(clock.clone())).await;
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

#[tokio::test]
async fn another_process_issues_and_revokes_keys_of_a_running_server() {
    // Given a running server, and its data directory open a second time.
    let running = start().await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let elsewhere = Authority::open(running.dir.path().join("data")).await.unwrap();
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

#[tokio::test]
async fn a_key_whose_row_was_changed_by_hand_opens_nothing() {
    // Given a key that may do nothing.
    let running = start().await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let issued = running.issue(&user, Access::Listed(vec![])).await;
    let permissions = || Request::new("GET", "/users/me/permissions/").key(issued.key.expose());
    assert_eq!(running.send(permissions()).await.expect(200)["scopes"], json!([]));

    // When somebody who can write to the database widens it.
    let dir = running.stop().await;
    by_hand(&dir, r#"UPDATE api_keys SET access = '{"kind":"full"}'"#).await;

    // Then it is no longer a key, and the authority does not touch it.
    let running = crate::support::start_in(dir, |_| {}).await;
    assert_eq!(running.send(permissions()).await.code(), "key_invalid");
    assert!(running.server.keys().revoke(issued.id).await.is_err());
}

#[tokio::test]
async fn verifying_a_key_writes_nothing() {
    let running = start().await;
    let tenant = running.tenant("a@example.com").await;
    let mut watcher = database(&running.dir).await;
    // Changes whenever another connection has committed anything.
    let mut version = async || -> i64 {
        sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut watcher)
            .await
            .unwrap()
    };
    let before = version().await;
    for _ in 0..20 {
        tenant.get("/users/me/").await.expect(200);
    }
    assert_eq!(version().await, before);
}

async fn database(dir: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(dir.path().join("data").join("avala.sqlite3"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// What somebody does who can write to the database.
async fn by_hand(dir: &TempDir, statement: &'static str) {
    let done = sqlx::query(statement).execute(&mut database(dir).await).await;
    assert_ne!(done.unwrap().rows_affected(), 0, "{statement}");
}

#[tokio::test]
async fn a_key_whose_row_was_changed_or_deleted_is_out_of_force_once_it_was_to_be_ended() {
    for (statement, end) in [
        ("UPDATE api_keys SET name = 'x'", "revoke"),
        ("UPDATE api_keys SET name = 'x'", "expire"),
        ("DELETE FROM api_keys", "revoke"),
        ("DELETE FROM api_keys", "expire"),
    ] {
        let running = start().await;
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

#[tokio::test]
async fn a_running_server_notices_rows_that_were_changed_or_deleted() {
    for statement in ["UPDATE api_keys SET name = 'x'", "DELETE FROM api_keys"] {
        let running = start().await;
        let tenant = running.tenant("a@example.com").await;
        tenant.get("/users/me/").await.expect(200);

        by_hand(&running.dir, statement).await;

        within(Duration::from_secs(2), || async {
            tenant.get("/users/me/").await.status == 401
        })
        .await;
    }
}

#[tokio::test]
async fn a_changed_row_is_revoked_by_whoever_knows_the_right_one() {
    // Given an authority that has seen the key before its row was changed.
    let running = start().await;
    let tenant = running.tenant("a@example.com").await;
    let elsewhere = Authority::open(running.dir.path().join("data")).await.unwrap();
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

#[tokio::test]
async fn an_expiry_is_never_put_off() {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(|config| config.clock = Arc::new(clock.clone())).await;
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

#[tokio::test]
async fn without_news_of_the_keys_no_key_is_accepted() {
    // Given a server that can no longer see which keys were ended.
    let running = start_with(|config| config.limits.keys_current_for = Duration::from_millis(500)).await;
    let tenant = running.tenant("a@example.com").await;
    let mut connection = database(&running.dir).await;
    let mut rename = async |statement: &'static str| {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    };
    rename("ALTER TABLE meta RENAME TO gone").await;

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
    rename("ALTER TABLE gone RENAME TO meta").await;
    within(Duration::from_secs(5), || async {
        tenant.get("/users/me/").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_does_not_come_back_with_its_older_row() {
    // Given a revoked key, and its row as it was before.
    let running = start().await;
    let tenant = running.tenant("a@example.com").await;
    let dir = running.stop().await;
    let keep = "CREATE TABLE kept AS SELECT * FROM api_keys";
    sqlx::query(keep)
        .execute(&mut database(&dir).await)
        .await
        .unwrap();
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

#[tokio::test]
async fn a_row_from_the_future_of_its_database_opens_nothing() {
    let running = start().await;
    let tenant = running.tenant("a@example.com").await;
    let dir = running.stop().await;
    by_hand(&dir, "UPDATE meta SET seq = 0").await;
    let running = crate::support::start_in(dir, |_| {}).await;
    let me = Request::new("GET", "/users/me/").key(tenant.key.expose());
    assert_eq!(running.send(me).await.code(), "key_invalid");
}
