//! A database whose connections are ended again and again while keys are made, used and revoked.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use avala_keys::ApiKey;
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    home::has_postgres,
    support::{On, Request, start, within},
};

/// How often all connections are ended.
const ENDS: usize = 100;

const END_ALL: &str = "SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_ends_its_connections_a_hundred_times_changes_no_answer() {
    if !has_postgres("a_database_that_ends_its_connections_a_hundred_times_changes_no_answer") {
        return;
    }
    let running = start(On::Postgres).await;
    let tenant = &running.tenant("a@example.com").await;
    let over = AtomicBool::new(false);
    let (served, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));

    // Given clients that make keys, use them, and revoke every other one.
    let client = |_| async {
        let mut known: Vec<(ApiKey, Option<bool>)> = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let body = json!({"name": "a", "access": {"kind": "full"}});
            let made = tenant.post("/api-keys/", body).await;
            match made.status {
                201 => served.fetch_add(1, Ordering::Relaxed),
                // Busy, or nobody knows.
                500 | 503 => {
                    busy.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                other => panic!("{other}: {}", String::from_utf8_lossy(&made.body)),
            };
            let key = ApiKey::parse(made.json()["secret"].as_str().unwrap().as_bytes()).unwrap();
            let ask = || Request::new("GET", "/users/me/permissions/").key(key.expose());
            let used = running.send(ask()).await;
            assert!([200, 503].contains(&used.status), "{}", used.status);
            let mut lives = Some(true);
            if known.len().is_multiple_of(2) {
                let path = format!("/api-keys/{}/revoke/", key.id());
                let ended = tenant.post(&path, json!({})).await;
                lives = match ended.status {
                    200 => Some(false),
                    500 | 503 => None,
                    other => panic!("{other}: {}", String::from_utf8_lossy(&ended.body)),
                };
                if lives == Some(false) {
                    // Acknowledged: from now on refused, whatever the database does.
                    assert_ne!(running.send(ask()).await.status, 200);
                }
            }
            known.push((key, lives));
        }
        known
    };
    let end = async {
        for _ in 0..ENDS {
            let enough = served.load(Ordering::Relaxed) + 2;
            running.dir.lines(END_ALL).await;
            // Until some requests went well again, or not.
            let seen = busy.load(Ordering::Relaxed) + 20;
            within(Duration::from_secs(10), || async {
                served.load(Ordering::Relaxed) >= enough || busy.load(Ordering::Relaxed) >= seen
            })
            .await;
        }
        over.store(true, Ordering::Relaxed);
    };

    // When all its connections are ended a hundred times.
    let (known, ()) = tokio::join!(join_all((0..4).map(client)), end);

    // Then it is soon as before, and every key is what its owner was told, here and after a restart.
    within(Duration::from_secs(5), || async {
        tenant.get("/api-keys/?limit=1").await.status == 200
    })
    .await;
    let known: Vec<_> = known.into_iter().flatten().collect();
    assert!(known.len() >= ENDS, "{}", known.len());
    let running = crate::support::start_in(running.stop().await, |_| {}).await;
    for (key, lives) in known {
        let request = Request::new("GET", "/users/me/permissions/").key(key.expose());
        let answer = running.send(request).await;
        match lives {
            Some(true) => assert_eq!(answer.status, 200),
            Some(false) => assert_eq!((answer.status, answer.code().as_str()), (401, "key_revoked")),
            None => assert!([200, 401].contains(&answer.status)),
        }
    }
}
