//! What an organization lets its new keys be, and who may say so.

use std::time::Duration;

use avala_api::Scope;
use avala_server::keys::KeyPolicy;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    api_keys::{act, create, holder, make, path, served, status, with_clock},
    support::{Answer, On, Running, Tenant, start},
};

const FROM_ELSEWHERE: &str = "4f3c29d01b7e8a6655c04d93e2f1a0b7c8d56e10";

async fn tighten(by: &Tenant, body: Value) -> Answer {
    by.patch("/api-keys/policy/", body).await
}

async fn import(by: &Tenant, members: Value) -> Answer {
    let mut body = json!({"name": "old", "secret": FROM_ELSEWHERE, "access": {"kind": "full"}});
    body.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    by.post("/api-keys/import/", body).await
}

/// What the console says.
async fn set(running: &Running, change: impl FnOnce(&mut KeyPolicy)) -> KeyPolicy {
    let console = running.dir.authority().await;
    console.set_policy(None, change).await.unwrap()
}

async fn a_key_makes_the_policy_tighter_and_the_console_makes_it_looser(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let usual = json!({
        "longest_life_seconds": null, "requires_expiry": false, "allowed_scopes": null, "most_keys": 10_000,
    });
    assert_eq!(owner.get("/api-keys/policy/").await.expect(200), usual);

    let tight = json!({
        "longest_life_seconds": 3600, "requires_expiry": true, "allowed_scopes": ["agents.read", "keys.manage"],
        "most_keys": 20,
    });
    assert_eq!(tighten(&owner, tight.clone()).await.expect(200), tight);
    assert_eq!(owner.get("/api-keys/policy/").await.expect(200), tight);
    for looser in [
        json!({"longest_life_seconds": 3601}),
        json!({"requires_expiry": false}),
        json!({"allowed_scopes": ["agents.read", "keys.manage", "agents.write"]}),
        json!({"most_keys": 21}),
        json!({"most_keys": 5, "longest_life_seconds": 7200}),
    ] {
        let answer = tighten(&owner, looser.clone()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "only_narrower"),
            "{looser}"
        );
    }
    for (nonsense, field) in [
        (json!({"longest_life_seconds": 59}), "longest_life_seconds"),
        (json!({"longest_life_seconds": null}), "longest_life_seconds"),
        (json!({"allowed_scopes": ["agents.*"]}), "allowed_scopes"),
        (json!({"most_keys": 0}), "most_keys"),
        (json!({"most_keys": -1}), "most_keys"),
        (json!({"owner": "x"}), "non_field_errors"),
    ] {
        let answer = tighten(&owner, nonsense.clone()).await;
        assert_eq!(answer.status, 400, "{nonsense}");
        assert!(answer.json()[field].is_array(), "{nonsense}: {}", answer.json());
    }
    assert_eq!(owner.get("/api-keys/policy/").await.expect(200), tight);
    let reader = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["agents.read"]}}),
    )
    .await;
    assert_eq!(reader.get("/api-keys/policy/").await.code(), "scope_missing");
    assert_eq!(
        tighten(&reader, json!({"most_keys": 1})).await.code(),
        "scope_missing"
    );

    // The console may say anything, and it holds for the next request.
    let said = set(&running, |policy| *policy = KeyPolicy::default()).await;
    assert_eq!(said, KeyPolicy::default());
    assert_eq!(owner.get("/api-keys/policy/").await.expect(200), usual);
    create(&owner, json!({"access": {"kind": "full"}}))
        .await
        .expect(201);
    let audit = running
        .dir
        .lines("SELECT actor_kind FROM audit WHERE action = 'key_policy.update' ORDER BY position")
        .await;
    assert_eq!(audit, ["key", "console"]);
}

async fn another_organization_has_a_policy_of_its_own(on: On) {
    let running = start(on).await;
    let ours = running.tenant("a@example.com").await;
    let theirs = running.tenant("b@example.com").await;
    tighten(&ours, json!({"most_keys": 1})).await.expect(200);
    let full = json!({"access": {"kind": "full"}});
    assert_eq!(create(&ours, full.clone()).await.code(), "too_many_keys");
    create(&theirs, full).await.expect(201);
    let console = running.dir.authority().await;
    assert!(console.policy(None).await.is_err(), "there are two");
    let said = console.policy(Some("a@example.com")).await.unwrap();
    assert_eq!(said.most_keys, 1);
}

async fn no_new_key_lives_longer_than_the_policy_says(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    let before = make(
        &owner,
        json!({"access": full, "expires_at": "2026-03-01T00:00:00Z"}),
    )
    .await;
    tighten(&owner, json!({"longest_life_seconds": 86_400}))
        .await
        .expect(200);
    let latest = json!("2026-01-02T00:00:00Z");

    // Whether made, taken over, or made by rotating; and it says why.
    let made = create(&owner, json!({"access": full})).await.expect(201);
    let taken_over = import(&owner, json!({"expires_at": "2026-02-01T00:00:00Z"}))
        .await
        .expect(201);
    let rotated = act(&owner, &before, "rotate").await.expect(201);
    for (key, otherwise) in [
        (&made, "it would have no end"),
        (&taken_over, "it would end at 2026-02-01T00:00:00Z"),
        (&rotated, "it would end at 2026-03-01T00:00:00Z"),
    ] {
        assert_eq!(key["expires_at"], latest);
        assert_eq!(key["hints"][0]["rule"], json!("shortened_by_policy"));
        let text = key["hints"][0]["text"].as_str().unwrap();
        assert!(
            text.contains("2026-01-02T00:00:00Z") && text.contains(otherwise),
            "{text}"
        );
    }
    let sooner = json!({"access": full, "expires_at": "2026-01-01T12:00:00Z"});
    let sooner = create(&owner, sooner).await.expect(201);
    assert_eq!(sooner["expires_at"], json!("2026-01-01T12:00:00Z"));
    assert!(!sooner["hints"].to_string().contains("shortened"));

    // What was there stays as it is.
    assert_eq!(status(&owner).await, served());
    let shown = owner.get(&path(&before, "")).await.expect(200);
    assert_eq!(shown["expires_at"], json!("2026-03-01T00:00:00Z"));
    let told = owner.get(&path(&holder(&owner, &made), "")).await.expect(200);
    let is_told = told["hints"].to_string().contains("shortened");
    assert!(!is_told, "once, in the answer that made it");
}

async fn a_policy_refuses_what_it_cannot_put_right(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let wide = make(&owner, json!({"access": {"kind": "full"}})).await;
    let agents = json!({"kind": "listed", "scopes": ["agents.read"]});
    let narrow = make(&owner, json!({"access": agents})).await;
    tighten(&owner, json!({"allowed_scopes": ["agents.read", "tasks.read"]}))
        .await
        .expect(200);
    for outside in [
        create(&owner, json!({"access": {"kind": "full"}})).await,
        create(
            &owner,
            json!({"access": {"kind": "listed", "scopes": ["agents.read", "agents.write"]}}),
        )
        .await,
        import(&owner, json!({})).await,
        act(&owner, &wide, "rotate").await,
    ] {
        assert_eq!((outside.status, outside.code().as_str()), (403, "outside_policy"));
    }
    create(&owner, json!({"access": agents})).await.expect(201);
    act(&owner, &narrow, "rotate").await.expect(201);
    // One that is there may go on, be switched off and on, and be narrowed until it can be rotated.
    act(&owner, &wide, "disable").await.expect(200);
    act(&owner, &wide, "enable").await.expect(200);
    assert_eq!(status(&wide).await, served());
    owner
        .patch(&path(&wide, ""), json!({"access": agents}))
        .await
        .expect(200);
    act(&owner, &wide, "rotate").await.expect(201);

    tighten(&owner, json!({"requires_expiry": true}))
        .await
        .expect(200);
    assert_eq!(
        create(&owner, json!({"access": agents})).await.code(),
        "outside_policy"
    );
    let with_end = json!({"access": agents, "expires_at": "2100-01-01T00:00:00Z"});
    create(&owner, with_end).await.expect(201);
}

async fn an_organization_has_no_more_keys_than_its_policy_lets_it_have(on: On) {
    let (running, clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    tighten(&owner, json!({"most_keys": 4})).await.expect(200);
    let soon = json!({"access": {"kind": "full"}, "expires_at": "2026-01-01T00:00:01Z"});

    // Of many at once, as many are made as there is room for: the owner's own is one.
    let tries = join_all((0..8).map(|_| create(&owner, soon.clone()))).await;
    let (made, refused): (Vec<_>, Vec<_>) = tries.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 3);
    for answer in refused {
        assert_eq!((answer.status, answer.code().as_str()), (409, "too_many_keys"));
    }
    assert_eq!(import(&owner, json!({})).await.code(), "too_many_keys");

    // A leaked key still gets a successor. Keys that ended leave room.
    let leaked = holder(&owner, &made[0].json());
    act(&owner, &leaked, "rotate").await.expect(201);
    assert_eq!(create(&owner, soon.clone()).await.code(), "too_many_keys");
    clock.advance_millis(1_000);
    let full = json!({"access": {"kind": "full"}});
    let key = make(&owner, full.clone()).await;
    for _ in 0..2 {
        make(&owner, full.clone()).await;
    }
    assert_eq!(create(&owner, full.clone()).await.code(), "too_many_keys");
    act(&owner, &key, "revoke").await.expect(200);
    create(&owner, full).await.expect(201);
}

async fn what_the_console_says_is_there_for_the_next_console(on: On) {
    let running = start(on).await;
    running.tenant("a@example.com").await;
    let policy = KeyPolicy {
        longest_life: Some(Duration::from_hours(90 * 24)),
        requires_expiry: true,
        allowed_scopes: Some(vec![Scope::AgentsRead]),
        most_keys: 7,
    };
    set(&running, |present| *present = policy.clone()).await;
    let console = running.dir.authority().await;
    assert_eq!(console.policy(None).await.unwrap(), policy);
    assert!(console.policy(Some("nobody")).await.is_err());
}

stories![
    a_key_makes_the_policy_tighter_and_the_console_makes_it_looser,
    another_organization_has_a_policy_of_its_own,
    no_new_key_lives_longer_than_the_policy_says,
    a_policy_refuses_what_it_cannot_put_right,
    an_organization_has_no_more_keys_than_its_policy_lets_it_have,
    what_the_console_says_is_there_for_the_next_console,
];
