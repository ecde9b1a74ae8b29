//! Usage of long ago: hours become days, each request once, also when that fails or the server is killed meanwhile.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    api_keys::{make, path},
    support::{ManualClock, On, Running, Tenant, start_in, start_with, within},
};

async fn days(owner: &Tenant, key: &Tenant) -> Value {
    let since = "usage/?by=day&from=2020-01-01T00:00:00Z";
    owner.get(&path(key, since)).await.expect(200)["buckets"].clone()
}

/// Written requests by hour and by day, without those that ask for keys.
async fn stored(running: &Running) -> [Vec<String>; 2] {
    let lines = |statement| running.dir.lines(statement);
    [
        lines("SELECT CAST(sum(requests) AS TEXT) FROM key_usage WHERE route_group <> 'api_keys' HAVING count(*) > 0").await,
        lines("SELECT CAST(sum(requests) AS TEXT) FROM key_usage_days WHERE route_group <> 'api_keys' HAVING count(*) > 0").await,
    ]
}

async fn hours_of_ninety_days_ago_become_days_and_no_request_is_lost_or_counted_twice(on: On) {
    // Given a key that was used in several hours of two days.
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let mut owner = running.tenant("a@example.com").await;
    let mut key = make(&owner, json!({"access": {"kind": "full"}})).await;
    for _ in 0..30 {
        key.get("/webhooks/").await.expect(200);
        key.get("/nothing/").await.expect(404);
        clock.advance_millis(3_600_000);
    }
    let before = days(&owner, &key).await;
    let counts = |day: usize| (before[day]["requests"].clone(), before[day]["by_group"].clone());
    assert_eq!(counts(0), (json!(48), json!({"other": 24, "webhooks": 24})));
    assert_eq!(counts(1), (json!(12), json!({"other": 6, "webhooks": 6})));

    // When time comes to sum them up, and the database does not take the sums, then nothing has happened.
    clock.advance_millis(91 * 24 * 3_600_000);
    let home = running.stop().await;
    home.execute("ALTER TABLE key_usage_days RENAME COLUMN day TO away")
        .await;
    let configured = |config: &mut avala_server::Config| config.clock = Arc::new(clock.clone());
    let running = start_in(home, configured).await;
    owner.address = running.address;
    key.address = running.address;
    within(Duration::from_secs(5), || async {
        running.server.usage().flush().await.is_ok()
    })
    .await;
    assert_eq!(stored(&running).await[1], [""; 0]);
    assert_ne!(stored(&running).await[0], [""; 0]);

    // When it does, then they are days, and say the same.
    let mut home = running.stop().await;
    home.execute("ALTER TABLE key_usage_days RENAME COLUMN away TO day")
        .await;
    for _ in 0..2 {
        let running = start_in(home, configured).await;
        owner.address = running.address;
        within(Duration::from_secs(5), || async {
            stored(&running).await[1] == ["60".to_owned()]
        })
        .await;
        assert_eq!(days(&owner, &key).await, before);
        let hours = owner
            .get(&path(&key, "usage/?from=2020-01-01T00:00:00Z"))
            .await
            .expect(200);
        assert_eq!(hours["buckets"], json!([]));
        assert_eq!(hours["last_used_at"], json!("2026-01-02T05:00:00Z"));
        home = running.stop().await;
    }
    drop(home);
}

stories![hours_of_ninety_days_ago_become_days_and_no_request_is_lost_or_counted_twice];
