//! Keys before their first use and after their end: who still sends an old one, and when a new one counts as used.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    api_keys::{act, holder, make, path, with_clock},
    home::has_postgres,
    support::{Home, On, Request, Running, Tenant, same_id_other_secret, start, start_in, within},
};

/// Much less than the ten seconds after which counts are written.
const AT_ONCE: Duration = Duration::from_secs(3);

async fn usage(owner: &Tenant, key: &Tenant) -> Value {
    owner.get(&path(key, "usage/")).await.expect(200)
}

async fn a_key_that_has_ended_is_refused_and_not_used(on: On) {
    // Given keys that were used, and ended in every way.
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let mut keys = Vec::new();
    for end in ["revoke", "disable", "rotate", "expire"] {
        let mut members = json!({"access": {"kind": "full"}});
        if end == "expire" {
            members["expires_at"] = json!("2026-01-01T00:30:00Z");
        }
        let key = make(&owner, members).await;
        key.get("/users/me/").await.expect(200);
        match end {
            "expire" => {}
            "rotate" => {
                let now = json!({"grace_seconds": 0});
                owner.post(&path(&key, "rotate/"), now).await.expect(201);
            }
            _ => {
                act(&owner, &key, end).await.expect(200);
            }
        }
        keys.push(key);
    }
    clock.advance_millis(3_600_000);

    // When they are still sent, to a place that is there and to one that is not, and by somebody without the secret.
    for key in &keys {
        let with = |key: &[u8], path| {
            Request::new("GET", path)
                .key(key)
                .header("User-Agent", "left-behind/1")
        };
        for (path, status) in [("/webhooks/", 401), ("/nothing/", 404)] {
            let request = with(key.key.expose().as_bytes(), path);
            running.send(request).await.expect(status);
        }
        let guess = same_id_other_secret(&key.key);
        let request = with(guess.expose().as_bytes(), "/webhooks/");
        running.send(request).await.expect(401);
    }

    // Then it is told who does that and when; the last use stays what it was.
    for is_written in [false, true] {
        if is_written {
            running.server.usage().flush().await.unwrap();
        }
        for key in &keys {
            let told = usage(&owner, key).await;
            let refused = json!({"start": "2026-01-01T01:00:00Z", "requests": 2, "refused": 2,
                "by_group": {"other": 1, "webhooks": 1}, "by_status": {"4xx": 2}});
            assert_eq!(told["buckets"][1], refused);
            assert_eq!(told["last_used_at"], json!("2026-01-01T00:00:00Z"));
            assert_eq!(told["last_used_agent"], Value::Null);
            assert_eq!(told["last_refused_at"], json!("2026-01-01T01:00:00Z"));
            assert_eq!(told["last_refused_ip"], json!("127.0.0.1"));
            assert_eq!(told["last_refused_agent"], json!("left-behind/1"));
        }
    }
    running.stop().await;
}

async fn a_key_that_was_never_used_before_its_end_was_never_used(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(&owner, json!({"access": {"kind": "full"}})).await;
    act(&owner, &key, "revoke").await.expect(200);
    key.get("/users/me/").await.expect(401);
    for _ in 0..2 {
        let told = usage(&owner, &key).await;
        assert_eq!(
            (&told["last_used_at"], &told["buckets"][0]["refused"]),
            (&Value::Null, &json!(1))
        );
        running.server.usage().flush().await.unwrap();
    }
    running.stop().await;
}

/// The keys that have been used, as far as it is written.
async fn written(running: &Running) -> Vec<String> {
    running.dir.lines("SELECT key_id FROM key_last_uses").await
}

async fn the_first_use_of_a_successor_is_written_at_once(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let old = make(&owner, json!({"access": {"kind": "full"}})).await;
    let new = holder(&owner, &act(&owner, &old, "rotate").await.expect(201));
    new.get("/users/me/").await.expect(200);
    let id = new.key.id().to_string();
    // The others have time.
    within(AT_ONCE, || async { written(&running).await == [id.as_str()] }).await;
    assert_eq!(running.dir.lines("SELECT key_id FROM key_usage").await, [""; 0]);

    // It is a use like others.
    running.server.usage().flush().await.unwrap();
    let requests = usage(&owner, &new).await["buckets"][0]["requests"].clone();
    assert_eq!(requests, json!(1));
    running.stop().await;
}

async fn a_successor_is_used_before_its_first_request_has_ended(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let old = make(&owner, json!({"access": {"kind": "full"}})).await;
    let new = holder(&owner, &act(&owner, &old, "rotate").await.expect(201));

    // Given a request with the successor that takes its time.
    let request = Request::new("POST", "/agents/")
        .key(new.key.expose())
        .json(&json!({"name": "slow"}));
    let bytes = request.bytes();
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
    within(AT_ONCE, || async { !written(&running).await.is_empty() }).await;

    // When the rotation is repeated, then the successor is nobody's lost secret.
    let again = act(&owner, &old, "rotate").await;
    assert_eq!((again.status, again.code().as_str()), (409, "already_rotated"));
    drop(client);
    running.stop().await;
}

/// Two servers on one database, as on two machines.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_successor_that_another_server_saw_is_not_taken_for_lost() {
    if !has_postgres("a_successor_that_another_server_saw_is_not_taken_for_lost") {
        return;
    }
    let running = start(On::Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(running.dir.path().join("data/pepper"), data.join("pepper")).unwrap();
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let database = running.dir.database();
    let second = start_in(Home::with_files_of(folder), |config| config.database = database).await;
    let owner = running.tenant("a@example.com").await;
    let old = make(&owner, json!({"access": {"kind": "full"}})).await;

    // Given a successor that is used at the other server.
    let new = holder(&owner, &act(&owner, &old, "rotate").await.expect(201));
    let me = Request::new("GET", "/users/me/").key(new.key.expose());
    within(AT_ONCE, || async { second.send(me.clone()).await.status == 200 }).await;
    within(AT_ONCE, || async { !written(&running).await.is_empty() }).await;

    // When the rotation is repeated at the first, then the successor stays.
    assert_eq!(act(&owner, &old, "rotate").await.code(), "already_rotated");
    running.send(me).await.expect(200);
    second.stop().await;
    running.stop().await;
}

stories![
    a_key_that_has_ended_is_refused_and_not_used,
    a_key_that_was_never_used_before_its_end_was_never_used,
    the_first_use_of_a_successor_is_written_at_once,
    a_successor_is_used_before_its_first_request_has_ended,
];
