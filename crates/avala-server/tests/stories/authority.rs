//! The key authority: when a key's end takes effect, and what it writes.

use std::{sync::Arc, time::Duration};

use avala_keys::{ApiKey, Class};
use avala_server::keys::{Access, Authority, NewKey};
use serde_json::json;

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
    // A clock that is set back gives the time back, but a revoked key stays revoked.
    clock.advance_millis(-1);
    assert_eq!(me().await.status, 200);
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
    let database = dir.path().join("data").join("avala.sqlite3");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options)
        .await
        .unwrap();
    let done = sqlx::query(r#"UPDATE api_keys SET access = '{"kind":"full"}'"#)
        .execute(&mut connection)
        .await;
    assert_eq!(done.unwrap().rows_affected(), 1);

    // Then it is no longer a key, and the authority does not touch it.
    let running = crate::support::start_in(dir, |_| {}).await;
    assert_eq!(running.send(permissions()).await.code(), "key_invalid");
    assert!(running.server.keys().revoke(issued.id).await.is_err());
}

#[tokio::test]
async fn verifying_a_key_writes_nothing() {
    let running = start().await;
    let tenant = running.tenant("a@example.com").await;
    let version = || async {
        let database = running.dir.path().join("data").join("avala.sqlite3-wal");
        std::fs::metadata(database).unwrap().len()
    };
    let before = version().await;
    for _ in 0..20 {
        tenant.get("/users/me/").await.expect(200);
    }
    assert_eq!(version().await, before);
}
