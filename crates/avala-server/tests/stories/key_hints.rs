//! Hints about keys: each rule below its threshold and at it, and how to hear no more of one.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    api_keys::{NOW, act, holder, make, path, with_clock},
    support::{ManualClock, On, Request, Running, Tenant, start_with},
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The hints about a key, by rule, as one answer and the list tell them alike.
async fn hints(owner: &Tenant, key: &Tenant) -> Vec<(String, String)> {
    let told = owner.get(&path(key, "")).await.expect(200);
    let listed = owner.get("/api-keys/").await.expect(200);
    let listed = listed["results"].as_array().unwrap().clone();
    let in_list = listed.iter().find(|one| one["id"] == told["id"]).unwrap();
    assert_eq!(in_list["hints"], told["hints"]);
    let text = |hint: &Value, member: &str| hint[member].as_str().unwrap().to_owned();
    let hints = told["hints"].as_array().unwrap().iter();
    hints
        .map(|hint| (text(hint, "rule"), text(hint, "text")))
        .collect()
}

async fn rules(owner: &Tenant, key: &Tenant) -> Vec<String> {
    hints(owner, key)
        .await
        .into_iter()
        .map(|(rule, _)| rule)
        .collect()
}

/// What one rule says, if it finds something.
async fn says(owner: &Tenant, key: &Tenant, rule: &str) -> Option<String> {
    let mut hints = hints(owner, key).await.into_iter();
    hints.find(|(name, _)| name == rule).map(|(_, text)| text)
}

async fn narrow(owner: &Tenant, members: Value) -> Tenant {
    let mut all = json!({"access": {"kind": "listed", "scopes": ["agents.read"]}});
    all.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    make(owner, all).await
}

async fn what_a_key_may_do_and_how_long_is_told(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = make(&owner, json!({"access": {"kind": "full"}})).await;
    assert_eq!(rules(&owner, &full).await, ["full_access"]);
    let expires = narrow(&owner, json!({"expires_at": "2026-02-01T00:00:00Z"})).await;
    let short = narrow(&owner, json!({"expires_at": "2026-01-15T00:00:00Z"})).await;
    for key in [&expires, &short] {
        assert_eq!(rules(&owner, key).await, [""; 0]);
    }

    // One that was made for a fortnight comes to no surprising end.
    clock.advance_millis(17 * DAY - 1);
    assert_eq!(rules(&owner, &expires).await, [""; 0]);
    clock.advance_millis(1);
    let text = says(&owner, &expires, "expires_soon").await.unwrap();
    assert!(text.contains("2026-02-01T00:00:00Z"), "{text}");
    assert_eq!(rules(&owner, &short).await, [""; 0]);

    // When it has ended, nothing is left to do.
    clock.advance_millis(14 * DAY);
    assert_eq!(rules(&owner, &expires).await, [""; 0]);
    act(&owner, &full, "disable").await.expect(200);
    assert_eq!(rules(&owner, &full).await, [""; 0]);
    running.stop().await;
}

async fn a_key_that_nobody_uses_is_told_after_ninety_days(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let [used, never] = [narrow(&owner, json!({})).await, narrow(&owner, json!({})).await];
    clock.advance_millis(MINUTE);
    used.get("/agents/").await.expect(200);
    running.server.usage().flush().await.unwrap();

    clock.advance_millis(90 * DAY - MINUTE - 1);
    assert_eq!(
        (
            says(&owner, &never, "unused").await,
            says(&owner, &used, "unused").await
        ),
        (None, None)
    );
    clock.advance_millis(1);
    let text = says(&owner, &never, "unused").await.unwrap();
    assert!(text.contains(NOW), "{text}");
    assert_eq!(says(&owner, &used, "unused").await, None);
    clock.advance_millis(MINUTE);
    let text = says(&owner, &used, "unused").await.unwrap();
    assert!(text.contains("2026-01-01T00:01:00Z"), "{text}");

    // Once it is used, it is.
    used.get("/agents/").await.expect(200);
    assert_eq!(says(&owner, &used, "unused").await, None);
    running.stop().await;
}

async fn a_key_that_is_refused_often_is_told_whether_it_opens_something_or_not(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let [key, ended] = [narrow(&owner, json!({})).await, narrow(&owner, json!({})).await];
    act(&owner, &ended, "revoke").await.expect(200);
    for _ in 0..99 {
        key.get("/webhooks/").await.expect(403);
        ended.get("/agents/").await.expect(401);
    }
    assert_eq!(
        (rules(&owner, &key).await, rules(&owner, &ended).await),
        (vec![], vec![])
    );
    running.server.usage().flush().await.unwrap();
    assert_eq!(
        (rules(&owner, &key).await, rules(&owner, &ended).await),
        (vec![], vec![])
    );

    // The hundredth is one too many, wherever it is counted.
    clock.advance_millis(23 * HOUR + HOUR - 1);
    key.get("/webhooks/").await.expect(403);
    ended.get("/agents/").await.expect(401);
    let text = says(&owner, &key, "refused_often").await.unwrap();
    assert!(text.starts_with("100 of its 100 requests"), "{text}");
    let text = says(&owner, &ended, "refused_often").await.unwrap();
    assert!(text.starts_with("It opens nothing, and 100 requests"), "{text}");

    // Up to nine times as many good ones do not hide it, more do.
    for _ in 0..900 {
        key.get("/agents/").await.expect(200);
    }
    assert!(says(&owner, &key, "refused_often").await.is_some());
    key.get("/agents/").await.expect(200);
    assert_eq!(says(&owner, &key, "refused_often").await, None);

    // And a day later it is over.
    running.server.usage().flush().await.unwrap();
    assert!(says(&owner, &ended, "refused_often").await.is_some());
    clock.advance_millis(1);
    assert_eq!(says(&owner, &ended, "refused_often").await, None);
    running.stop().await;
}

async fn behind_a_proxy(on: On) -> (Running, ManualClock) {
    let clock = ManualClock::at(NOW);
    let running = start_with(on, |config| {
        config.clock = Arc::new(clock.clone());
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    (running, clock)
}

async fn a_key_in_use_that_comes_from_elsewhere_is_told_for_a_week(on: On) {
    let (running, clock) = behind_a_proxy(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = narrow(&owner, json!({})).await;
    let come_from = async |address: &str, status| {
        let request = Request::new("GET", "/agents/")
            .key(key.key.expose())
            .header("X-Forwarded-For", address);
        running.send(request).await.expect(status);
        running.server.usage().flush().await.unwrap();
    };

    // Given a key that was used from two networks within its first day, and from neighbours later.
    come_from("192.0.2.1", 200).await;
    clock.advance_millis(DAY - MINUTE);
    come_from("2001:db8:1::1", 200).await;
    clock.advance_millis(MINUTE);
    come_from("192.0.2.200", 200).await;
    come_from("::ffff:192.0.2.3", 200).await;
    come_from("2001:db8:1:ffff::1", 200).await;
    assert_eq!(says(&owner, &key, "new_network").await, None);

    // When it comes from elsewhere, then that is told, for a week.
    come_from("198.51.100.7", 200).await;
    let text = says(&owner, &key, "new_network").await.unwrap();
    assert!(
        text.contains("198.51.100.0/24")
            && text.contains("2026-01-02T00:00:00Z")
            && !text.contains("198.51.100.7"),
        "{text}"
    );
    clock.advance_millis(7 * DAY - 1);
    come_from("198.51.100.9", 200).await;
    assert!(says(&owner, &key, "new_network").await.is_some());
    clock.advance_millis(1);
    assert_eq!(says(&owner, &key, "new_network").await, None);

    // A key that has ended is used from nowhere.
    act(&owner, &key, "disable").await.expect(200);
    come_from("203.0.113.1", 401).await;
    act(&owner, &key, "enable").await.expect(200);
    assert_eq!(says(&owner, &key, "new_network").await, None);
    running.stop().await;
}

async fn a_predecessor_that_is_still_used_is_told_as_long_as_it_opens(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let old = narrow(&owner, json!({})).await;
    old.get("/agents/").await.expect(200);
    clock.advance_millis(MINUTE);
    let rotate = json!({"grace_seconds": 3600});
    let made = owner.post(&path(&old, "rotate/"), rotate).await.expect(201);
    let new = holder(&owner, &made);
    new.get("/agents/").await.expect(200);
    assert_eq!(rules(&owner, &new).await, [""; 0]);

    clock.advance_millis(MINUTE);
    old.get("/agents/").await.expect(200);
    let text = says(&owner, &new, "predecessor_in_use").await.unwrap();
    for part in [
        old.key.id().as_str(),
        "2026-01-01T00:02:00Z",
        "2026-01-01T01:01:00Z",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(rules(&owner, &old).await, [""; 0]);
    act(&owner, &old, "end-grace").await.expect(200);
    assert_eq!(rules(&owner, &new).await, [""; 0]);
    running.stop().await;
}

async fn a_rule_is_muted_for_a_key_until_it_is_not(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(&owner, json!({"access": {"kind": "full"}})).await;
    let mute = async |rules: Value| owner.patch(&path(&key, ""), json!({"muted_hints": rules})).await;

    // What is no rule cannot be muted.
    let refused = mute(json!(["unused", "made_before"])).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["muted_hints"].is_array(), "{:?}", refused.json());

    let told = mute(json!(["unused", "full_access", "unused"])).await.expect(200);
    assert_eq!(told["muted_hints"], json!(["full_access", "unused"]));
    assert_eq!(told["hints"], json!([]));
    assert_eq!(rules(&owner, &key).await, [""; 0]);

    // Another change of the key leaves that as it is, and this one nothing else.
    let told = owner
        .patch(&path(&key, ""), json!({"name": "renamed"}))
        .await
        .expect(200);
    assert_eq!(told["muted_hints"], json!(["full_access", "unused"]));
    let told = mute(json!(["unused"])).await.expect(200);
    assert_eq!(
        (&told["name"], &told["access"]),
        (&json!("renamed"), &json!({"kind": "full"}))
    );
    assert_eq!(rules(&owner, &key).await, ["full_access"]);

    // Also for a key that has ended, which can be changed in no other way.
    act(&owner, &key, "revoke").await.expect(200);
    mute(json!(["refused_often"])).await.expect(200);
    let both = json!({"muted_hints": [], "name": "again"});
    assert_eq!(owner.patch(&path(&key, ""), both).await.code(), "key_revoked");
    let told = owner.get(&path(&key, "")).await.expect(200);
    assert_eq!(
        (&told["muted_hints"], &told["state"]),
        (&json!(["refused_often"]), &json!("revoked"))
    );

    // It is nobody else's business, and somebody's act.
    let other = running.tenant("b@example.com").await;
    let theirs = other.patch(&path(&key, ""), json!({"muted_hints": []})).await;
    assert_eq!(theirs.status, 404);
    let audited = running
        .dir
        .lines("SELECT actor_kind FROM audit WHERE action = 'api_key.update'")
        .await;
    assert_eq!(audited, ["key"; 4]);
    running.stop().await;
}

stories![
    what_a_key_may_do_and_how_long_is_told,
    a_key_that_nobody_uses_is_told_after_ninety_days,
    a_key_that_is_refused_often_is_told_whether_it_opens_something_or_not,
    a_key_in_use_that_comes_from_elsewhere_is_told_for_a_week,
    a_predecessor_that_is_still_used_is_told_as_long_as_it_opens,
    a_rule_is_muted_for_a_key_until_it_is_not,
];
