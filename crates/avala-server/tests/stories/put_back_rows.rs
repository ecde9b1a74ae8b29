//! Rows of keys that were changed by hand, and put back as they were once somebody had ended the key: it stays ended.

use std::time::Duration;

use avala_server::keys::Access;
use serde_json::json;

use crate::{
    api_keys::{act, holder, make, status},
    service_accounts::{account, key_of, switch},
    support::{Home, On, Running, Tenant, start, start_in, within},
};

/// Keeps all rows as they are, for [`put_back`].
async fn keep(home: &Home) {
    home.execute("CREATE TABLE kept AS SELECT * FROM api_keys").await;
}

async fn put_back(home: &Home) {
    home.execute("DELETE FROM api_keys").await;
    home.execute("INSERT INTO api_keys SELECT * FROM kept").await;
}

async fn write(home: &Home, key: &Tenant, change: &str) {
    let statement = format!("{change} WHERE id = '{}'", key.key.id());
    assert_eq!(home.execute(statement.leak()).await, 1);
}

/// The server takes notice of rows that were changed by hand within a second.
async fn unread(key: &Tenant) {
    within(Duration::from_secs(5), || async {
        status(key).await.1 == "key_invalid"
    })
    .await;
}

/// Until the server has read all rows again, and after a restart, none of these opens anything; the tenant's own does.
async fn none_opens(running: Running, tenant: &Tenant, keys: Vec<(&str, Tenant)>) {
    within(Duration::from_secs(5), || async { status(tenant).await.0 == 200 }).await;
    for (what, key) in &keys {
        assert_eq!(status(key).await.0, 401, "{what}");
    }
    let running = start_in(running.stop().await, |_| {}).await;
    let at = |key: &Tenant| Tenant {
        address: running.address,
        user: key.user.clone(),
        key: key.key.clone(),
    };
    assert_eq!(status(&at(tenant)).await.0, 200);
    for (what, key) in &keys {
        assert_eq!(status(&at(key)).await.0, 401, "{what}");
    }
}

async fn who_was_switched_off_stays_so_in_every_row(on: On) {
    // Given keys of a user and of a service account, whose rows somebody changes or takes away.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let user = running.server.users().create("other@example.com").await.unwrap();
    let of_user = async || {
        let issued = running.issue(&user, Access::Full).await;
        Tenant {
            address: running.address,
            user: user.clone(),
            key: issued.key,
        }
    };
    let robot = account(&tenant, json!({ "name": "robot" })).await;
    let of_robot = async || key_of(&tenant, &robot, json!({ "kind": "full" })).await;
    let mut keys = Vec::new();
    for (what, change) in [
        ("renamed", "UPDATE api_keys SET name = 'x'"),
        ("given to another", "UPDATE api_keys SET owner = 'x'"),
        ("revoked by hand", "UPDATE api_keys SET revoked_at = 1"),
        ("taken away", "DELETE FROM api_keys"),
    ] {
        keys.push((what, of_user().await, change));
        keys.push((what, of_robot().await, change));
    }
    keep(&running.dir).await;
    for (_, key, change) in &keys {
        write(&running.dir, key, change).await;
    }
    for (_, key, _) in &keys {
        unread(key).await;
    }

    // When both are switched off meanwhile, the user again on, and then the rows are what they were.
    running.server.users().disable("other@example.com").await.unwrap();
    switch(&tenant, &robot, "disable").await.expect(200);
    running.server.users().enable("other@example.com").await.unwrap();
    put_back(&running.dir).await;

    let keys = keys.into_iter().map(|(what, key, _)| (what, key)).collect();
    Box::pin(none_opens(running, &tenant, keys)).await;
}

async fn who_ends_a_key_whose_row_cannot_be_read_has_ended_it(on: On) {
    // Given keys whose rows somebody changed, so that they open nothing.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let stranger = running.tenant("b@example.com").await;
    let made = async || {
        make(
            &tenant,
            json!({ "access": { "kind": "full" }, "environment": "staging" }),
        )
        .await
    };
    let (one, many, taken) = (made().await, made().await, made().await);
    let theirs = make(&stranger, json!({ "access": { "kind": "full" } })).await;
    keep(&running.dir).await;
    for key in [&one, &many, &theirs] {
        write(&running.dir, key, "UPDATE api_keys SET name = 'x'").await;
    }
    write(&running.dir, &taken, "DELETE FROM api_keys").await;
    for key in [&one, &many, &taken, &theirs] {
        unread(key).await;
    }
    // Also another server, which never knew them.
    let running = start_in(running.stop().await, |_| {}).await;
    let at = |key: &Tenant| Tenant {
        address: running.address,
        user: key.user.clone(),
        key: key.key.clone(),
    };

    // When their owner ends them, one by one and all of a kind.
    let owner = at(&tenant);
    assert_eq!(act(&owner, &one, "revoke").await.code(), "key_altered");
    assert_eq!(act(&owner, &taken, "revoke").await.status, 404);
    assert_eq!(act(&owner, &theirs, "revoke").await.status, 404);
    let none = json!({ "filter": { "environment": "staging" }, "dry_run": false, "expected_count": 0 });
    owner.post("/api-keys/bulk-revoke/", none).await.expect(200);

    // Then they are, whatever is written there afterwards; a stranger's is not.
    put_back(&running.dir).await;
    within(Duration::from_secs(5), || async {
        status(&at(&theirs)).await.0 == 200
    })
    .await;
    let keys = vec![("one", at(&one)), ("many", at(&many)), ("taken", at(&taken))];
    Box::pin(none_opens(running, &owner, keys)).await;
}

async fn a_successor_is_taken_over_by_nobody_who_did_not_ask_for_it(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let stolen = make(&owner, json!({ "access": { "kind": "full" } })).await;
    // Given a key that its owner has replaced, with a successor that is not in use yet.
    let made = act(&owner, &stolen, "rotate").await.expect(201);
    assert_eq!(act(&stolen, &stolen, "rotate").await.code(), "already_rotated");
    // The owner, who lost the answer, asks again.
    let made_again = act(&owner, &stolen, "rotate").await.expect(201);
    assert_ne!(made["id"], made_again["id"]);

    // Nor when the successor was ended on purpose, even one of its own.
    act(&owner, &holder(&owner, &made_again), "revoke")
        .await
        .expect(200);
    assert_eq!(act(&stolen, &stolen, "rotate").await.code(), "already_rotated");
    let another = make(&owner, json!({ "access": { "kind": "full" } })).await;
    let own = act(&another, &another, "rotate").await.expect(201);
    act(&another, &another, "rotate").await.expect(201);
    let last = act(&another, &another, "rotate").await.expect(201);
    assert_ne!(own["id"], last["id"]);
    act(&owner, &holder(&owner, &last), "revoke").await.expect(200);
    assert_eq!(act(&another, &another, "rotate").await.code(), "already_rotated");
}

stories![
    who_was_switched_off_stays_so_in_every_row,
    who_ends_a_key_whose_row_cannot_be_read_has_ended_it,
    a_successor_is_taken_over_by_nobody_who_did_not_ask_for_it,
];
