//! How keys are used: what is counted, for whom, and what becomes of it when servers end and databases fail.

use std::{sync::Arc, time::Duration};

use avala_api::{Scope, Timestamp};
use avala_keys::KeyId;
use avala_server::{Bucket, By, LastUse, RateLimit, keys::Access};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use crate::{
    home::has_postgres,
    relay::{Mode, Relay},
    support::{
        Home, ManualClock, On, Request, Running, same_id_other_secret, start, start_in, start_with, within,
    },
};

const NOON: &str = "2026-03-01T12:00:42.123Z";

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Everything that is known of a key's use.
async fn of(running: &Running, key: KeyId, by: By) -> Vec<Bucket> {
    let (from, to) = (Timestamp::from_unix_seconds(0), instant("9000-01-01T00:00:00Z"));
    running.server.usage().of(key, from, to, by).await.unwrap()
}

async fn requests(running: &Running, key: KeyId) -> u64 {
    of(running, key, By::Hour)
        .await
        .iter()
        .map(|bucket| bucket.requests)
        .sum()
}

async fn last_used(running: &Running, key: KeyId) -> Option<LastUse> {
    running.server.usage().last_used(key).await.unwrap()
}

/// A bucket in a line: its start, requests, refusals, groups, statuses.
fn lines(buckets: &[Bucket]) -> Vec<String> {
    buckets
        .iter()
        .map(|bucket| {
            format!(
                "{} {} {} {:?} {:?}",
                bucket.start, bucket.requests, bucket.refused, bucket.by_group, bucket.by_status
            )
        })
        .collect()
}

async fn at_noon(on: On) -> (Running, ManualClock) {
    let clock = ManualClock::at(NOON);
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    (running, clock)
}

// Covers: R25
async fn uses_are_seen_at_once_and_are_the_same_once_they_are_written(on: On) {
    // Given a key that was used in several ways, in two hours of one day.
    let (running, clock) = at_noon(on).await;
    let tenant = running.tenant("a@example.com").await;
    let key = tenant.key.id();
    assert!(!running.server.usage().was_used(key).await.unwrap());
    tenant.get("/users/me/").await.expect(200);
    tenant.get("/users/me").await.expect(200);
    tenant.get("/webhooks/missing/").await.expect(404);
    tenant.post("/agents/", json!({})).await.expect(400);
    tenant.get("/nothing/of/the/kind/").await.expect(404);
    tenant.delete("/users/me/").await.expect(405);
    clock.advance_millis(3_600_000);
    tenant.get("/webhooks/").await.expect(200);

    // Then it is seen before it is written, when it is written, and after a restart.
    let by_hour = [
        r#"2026-03-01T12:00:00Z 6 0 {"agents": 1, "other": 2, "users": 2, "webhooks": 1} {"2xx": 2, "4xx": 4}"#,
        r#"2026-03-01T13:00:00Z 1 0 {"webhooks": 1} {"2xx": 1}"#,
    ];
    let by_day = [
        r#"2026-03-01T00:00:00Z 7 0 {"agents": 1, "other": 2, "users": 2, "webhooks": 2} {"2xx": 3, "4xx": 4}"#,
    ];
    let usage = running.server.usage().clone();
    assert_eq!(lines(&of(&running, key, By::Hour).await), by_hour);
    assert_eq!(lines(&of(&running, key, By::Day).await), by_day);
    assert!(usage.was_used(key).await.unwrap());
    let before = last_used(&running, key).await;
    usage.flush().await.unwrap();
    assert_eq!(lines(&of(&running, key, By::Hour).await), by_hour);
    assert_eq!(last_used(&running, key).await, before);
    let stored = running
        .dir
        .lines("SELECT CAST(sum(requests) AS TEXT) FROM key_usage")
        .await;
    assert_eq!(stored, ["7"]);

    // And what comes later is added, to what is written and to what is not.
    tenant.get("/webhooks/").await.expect(200);
    assert_eq!(requests(&running, key).await, 8);
    usage.flush().await.unwrap();
    usage.flush().await.unwrap();
    assert_eq!(requests(&running, key).await, 8);
    let (from, to) = (instant("2026-03-01T13:59:00Z"), instant("2026-03-01T14:00:00Z"));
    let second = usage.of(key, from, to, By::Hour).await.unwrap();
    assert_eq!((second.len(), second[0].requests), (1, 2));
    running.stop().await;
}

async fn an_orderly_end_writes_what_was_counted_and_a_killed_server_loses_what_was_not(on: On) {
    // Given uses that are written, and later ones that are not.
    let (running, _clock) = at_noon(on).await;
    let tenant = running.tenant("a@example.com").await;
    let key = tenant.key.id();
    tenant.get("/users/me/").await.expect(200);
    running.server.usage().flush().await.unwrap();
    tenant.get("/users/me/").await.expect(200);

    // Then the database, which is all that a killed server leaves, has the first.
    let stored = "SELECT CAST(requests AS TEXT) FROM key_usage";
    assert_eq!(running.dir.lines(stored).await, ["1"]);

    // When the server is told to end, then it has both, and the next one goes on.
    let before = last_used(&running, key).await.unwrap();
    let clock = ManualClock::at("2026-03-02T00:00:00Z");
    let running = start_in(running.stop().await, |config| config.clock = Arc::new(clock)).await;
    assert_eq!(running.dir.lines(stored).await, ["2"]);
    assert_eq!(requests(&running, key).await, 2);
    assert_eq!(last_used(&running, key).await, Some(before));
    assert!(running.server.usage().was_used(key).await.unwrap());
    running.stop().await;
}

async fn a_use_counts_for_the_key_that_was_proven_and_for_no_other(on: On) {
    let running = start_with(on, |config| config.rate_limit = RateLimit::PerMinute(3)).await;
    let tenant = running.tenant("a@example.com").await;
    let other = running.tenant("b@example.com").await;
    let narrow = running
        .issue(&other.user, Access::Listed(vec![Scope::WebhooksRead]))
        .await;
    let with = |key: &str| Request::new("GET", "/agents/").key(key);

    // When somebody sends a known id with another secret, in the place of the key or elsewhere, then it counts for
    // nobody.
    let stolen_id = same_id_other_secret(&tenant.key);
    running.send(with(stolen_id.expose())).await.expect(401);
    running
        .send(Request::new("GET", "/nothing/").key(stolen_id.expose()))
        .await
        .expect(404);
    running
        .send(with(tenant.key.expose()).key(other.key.expose()))
        .await
        .expect(401);
    running.send(Request::new("GET", "/agents/")).await.expect(401);
    for key in [tenant.key.id(), other.key.id()] {
        assert_eq!(requests(&running, key).await, 0);
        assert_eq!(last_used(&running, key).await, None);
    }

    // When a key is refused for want of a scope, or since it asks too often, then that counts for it as refused.
    running.send(with(narrow.key.expose())).await.expect(403);
    for status in [200, 200, 200, 429] {
        running.send(with(tenant.key.expose())).await.expect(status);
    }
    for written in [false, true] {
        if written {
            running.server.usage().flush().await.unwrap();
        }
        let [of_narrow, of_tenant] = [narrow.id, tenant.key.id()].map(|key| of(&running, key, By::Hour));
        let (of_narrow, of_tenant) = (of_narrow.await, of_tenant.await);
        assert_eq!((of_narrow[0].requests, of_narrow[0].refused), (1, 1));
        assert_eq!(of_narrow[0].by_status.iter().next(), Some((&"4xx", &1)));
        assert_eq!((of_tenant[0].requests, of_tenant[0].refused), (4, 1));
        assert_eq!(requests(&running, other.key.id()).await, 0);
    }
    let uses = running
        .server
        .usage()
        .last_uses(&[narrow.id, tenant.key.id(), other.key.id()])
        .await
        .unwrap();
    assert_eq!(uses.len(), 2);
    running.stop().await;
}

async fn the_last_use_never_goes_backwards(on: On) {
    let (running, clock) = at_noon(on).await;
    let tenant = running.tenant("a@example.com").await;
    let key = tenant.key.id();
    let use_as = |agent: &'static str| {
        let request = Request::new("GET", "/users/me/")
            .key(tenant.key.expose())
            .header("User-Agent", agent);
        let address = running.address;
        async move { request.send(address).await.expect(200) }
    };
    use_as("first/1 (much more)").await;
    let expected = LastUse {
        at: instant("2026-03-01T12:00:00Z"),
        address: [127, 0, 0, 1].into(),
        agent: Some("first/1".into()),
    };
    assert_eq!(last_used(&running, key).await, Some(expected.clone()));

    // When the clock is set back, in memory, and over a restart.
    clock.advance_millis(-600_000);
    use_as("second/2").await;
    assert_eq!(last_used(&running, key).await, Some(expected.clone()));
    let home = running.stop().await;
    let running = start_in(home, |config| config.clock = Arc::new(clock.clone())).await;
    let request = Request::new("GET", "/users/me/").key(tenant.key.expose());
    running.send(request.clone()).await.expect(200);
    assert_eq!(last_used(&running, key).await, Some(expected.clone()));
    running.server.usage().flush().await.unwrap();
    assert_eq!(last_used(&running, key).await, Some(expected));

    // When time goes on, so does the last use.
    clock.advance_millis(600_000 + 60_000);
    running.send(request).await.expect(200);
    running.server.usage().flush().await.unwrap();
    let expected = LastUse {
        at: instant("2026-03-01T12:01:00Z"),
        address: [127, 0, 0, 1].into(),
        agent: None,
    };
    assert_eq!(last_used(&running, key).await, Some(expected));
    running.stop().await;
}

async fn while_the_database_takes_no_counts_they_are_kept_and_written_later(on: On) {
    // Given a database that refuses counts, and nothing else.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let key = tenant.key.id();
    tenant.get("/users/me/").await.expect(200);
    running
        .dir
        .execute("ALTER TABLE key_last_uses RENAME TO away")
        .await;

    // When it is to take them, then calls go on, and go on being counted.
    for _ in 0..2 {
        assert!(running.server.usage().flush().await.is_err());
        tenant.get("/users/me/").await.expect(200);
    }

    // Then all arrive later, each once.
    running
        .dir
        .execute("ALTER TABLE away RENAME TO key_last_uses")
        .await;
    let stored = "SELECT CAST(requests AS TEXT) FROM key_usage";
    assert_eq!(running.dir.lines(stored).await, [""; 0]);
    running.server.usage().flush().await.unwrap();
    assert_eq!(running.dir.lines(stored).await, ["3"]);
    assert_eq!(requests(&running, key).await, 3);
    assert!(last_used(&running, key).await.is_some());
    running.stop().await;
}

#[tokio::test]
async fn counts_are_written_by_themselves_every_ten_seconds() {
    let running = start(On::Sqlite).await;
    let tenant = running.tenant("a@example.com").await;
    let stored = "SELECT CAST(requests AS TEXT) FROM key_usage";
    for expected in ["1", "2"] {
        // Until it has looked at its database again, a server whose clock jumped refuses every key.
        within(Duration::from_secs(5), || async {
            tenant.get("/users/me/permissions/").await.status == 200
        })
        .await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(11)).await;
        tokio::time::resume();
        within(Duration::from_secs(5), || async {
            running.dir.lines(stored).await == [expected]
        })
        .await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn counts_of_an_outage_arrive_after_it() {
    if !has_postgres("counts_of_an_outage_arrive_after_it") {
        return;
    }
    let home = Home::new(On::Postgres).await;
    let relay = Relay::to(home.postgres_address()).await;
    let database = home.database_at(relay.address);
    let running = start_in(home, |config| config.database = database).await;
    let tenant = running.tenant("a@example.com").await;

    // When the way to the database is cut, calls that need none are answered and counted.
    relay.set(Mode::Cut);
    tenant.get("/users/me/permissions/").await.expect(200);
    assert!(running.server.usage().flush().await.is_err());
    tenant.get("/users/me/permissions/").await.expect(200);

    relay.set(Mode::Pass(Duration::ZERO));
    within(Duration::from_secs(8), || async {
        running.server.usage().flush().await.is_ok()
    })
    .await;
    let stored = "SELECT CAST(requests AS TEXT) FROM key_usage";
    assert_eq!(running.dir.lines(stored).await, ["2"]);
    running.stop().await;
}

async fn nothing_that_a_client_says_makes_a_new_kind_of_count(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let key = tenant.key.expose();
    for number in 0..20 {
        for request in [
            Request::new("GET", &format!("/made-up-{number}/")),
            Request::new("GET", &format!("/webhooks/{number}/?a={number}")),
            Request::new(&format!("MADE{number}"), "/users/me/"),
        ] {
            let agent = format!("made-up-{number}/\"'<b>\u{e9}{key}");
            let answer = running.send(request.key(key).header("User-Agent", agent)).await;
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    }
    running.server.usage().flush().await.unwrap();
    let found = running
        .dir
        .lines("SELECT route_group || ' ' || outcome || ' ' || requests FROM key_usage ORDER BY 1")
        .await;
    assert_eq!(found, ["other 4xx 40", "webhooks 4xx 20"]);
    // Least of all a key.
    let agents = running
        .dir
        .lines("SELECT coalesce(agent, '-') FROM key_last_uses")
        .await;
    assert_eq!(agents, ["-"]);
    running.stop().await;
}

async fn a_client_that_does_not_wait_for_the_answer_is_counted(on: On) {
    // Given a call that takes as long as a target that says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = start_with(on, |config| {
        config.allow_webhook_targets = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    let target = format!("http://{}/", silent.local_addr().unwrap());
    let hook = json!({ "target_url": target, "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", hook).await.expect(201);
    let path = format!("/webhooks/{}/test/", made["uid"].as_str().unwrap());

    // When the client goes away meanwhile.
    let request = Request::new("POST", &path)
        .key(tenant.key.expose())
        .json(&json!({}));
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(&request.bytes()).await.unwrap();
    let delivery = silent.accept().await.unwrap();
    assert_eq!(requests(&running, tenant.key.id()).await, 1);
    drop(client);

    // Then it counts.
    within(Duration::from_secs(5), || async {
        requests(&running, tenant.key.id()).await == 2
    })
    .await;
    drop((delivery, silent));
    running.stop().await;
}

stories![
    uses_are_seen_at_once_and_are_the_same_once_they_are_written,
    an_orderly_end_writes_what_was_counted_and_a_killed_server_loses_what_was_not,
    a_use_counts_for_the_key_that_was_proven_and_for_no_other,
    the_last_use_never_goes_backwards,
    while_the_database_takes_no_counts_they_are_kept_and_written_later,
    nothing_that_a_client_says_makes_a_new_kind_of_count,
    a_client_that_does_not_wait_for_the_answer_is_counted,
];
