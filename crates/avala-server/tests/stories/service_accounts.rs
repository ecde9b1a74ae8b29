//! Service accounts: owners of keys without a person, and how far their keys go.

use serde_json::{Value, json};

use crate::{
    api_keys::{act, create, holder, make, refused, served, status},
    support::{On, Tenant, start, start_in},
};

pub(crate) async fn account(by: &Tenant, members: Value) -> String {
    let made = by.post("/service-accounts/", members).await.expect(201);
    made["uid"].as_str().unwrap().to_owned()
}

/// A key of a service account.
pub(crate) async fn key_of(by: &Tenant, account: &str, access: Value) -> Tenant {
    make(by, json!({ "owner": account, "access": access })).await
}

pub(crate) async fn switch(by: &Tenant, account: &str, verb: &str) -> crate::support::Answer {
    by.post(&format!("/service-accounts/{account}/{verb}/"), json!({}))
        .await
}

async fn a_service_account_owns_keys_and_is_nobody(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let uid = account(&owner, json!({ "name": "nightly" })).await;
    let told = owner.get(&format!("/service-accounts/{uid}/")).await.expect(200);
    assert_eq!(
        (&told["name"], &told["role"], &told["disabled_at"]),
        (&json!("nightly"), &json!("member"), &json!(null))
    );
    assert_eq!(
        owner.get("/service-accounts/").await.expect(200)["results"],
        json!([told])
    );

    let key = key_of(&owner, &uid, json!({"kind": "full"})).await;
    assert_eq!(
        key.get("/users/me/").await.expect(200),
        json!({
            "uid": uid, "username": "nightly", "email": null, "first_name": null, "last_name": null, "in_waitlist": false,
        })
    );
    // It belongs to one organization, in which it works.
    let organizations = key.get("/organizations/").await.expect(200);
    assert_eq!(
        (&organizations["count"], &organizations["results"][0]["role"]),
        (&json!(1), &json!("member"))
    );
    let dataset = json!({ "name": "n", "slug": "s", "data_type": "image" });
    key.post("/datasets/", dataset).await.expect(201);
    // Its role is the most it may do, whatever its access says.
    assert_eq!(key.get("/api-keys/").await.code(), "scope_missing");
    let listed = owner.get(&format!("/api-keys/?owner={uid}")).await.expect(200);
    assert_eq!(listed["results"][0]["id"], json!(key.key.id().to_string()));
}

async fn what_makes_no_service_account_is_named(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    account(&owner, json!({ "name": "taken" })).await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": " " }), "name"),
        (json!({ "name": "a\nb" }), "name"),
        (json!({ "name": "taken" }), "name"),
        (json!({ "name": "a", "role": "owner" }), "role"),
        (json!({ "name": "a", "role": "" }), "role"),
        (json!({ "name": "a", "uid": "u" }), "non_field_errors"),
        (json!({ "name": "a", "disabled_at": null }), "non_field_errors"),
    ] {
        let answer = owner.post("/service-accounts/", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()[field].is_array(), "{body}: {}", answer.json());
    }
    let reader = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["keys.read"]}}),
    )
    .await;
    reader.get("/service-accounts/").await.expect(200);
    let refused = reader.post("/service-accounts/", json!({ "name": "a" })).await;
    assert_eq!(refused.code(), "scope_missing");
}

async fn an_account_that_is_switched_off_takes_its_keys_with_it(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let uid = account(&owner, json!({ "name": "robot", "role": "admin" })).await;
    let listed = json!({"kind": "listed", "scopes": ["agents.read"]});
    let (one, other) = (
        key_of(&owner, &uid, listed.clone()).await,
        key_of(&owner, &uid, json!({"kind": "full"})).await,
    );
    act(&owner, &one, "disable").await.expect(200);

    // When it is switched off, then the next request is refused, after a restart too.
    switch(&owner, &uid, "disable").await.expect(200);
    assert_eq!(status(&other).await, refused("owner_disabled"));
    let told = owner.get(&format!("/service-accounts/{uid}/")).await.expect(200);
    assert!(told["disabled_at"].is_string());
    let running = start_in(running.stop().await, |_| {}).await;
    let at = |tenant: &Tenant| Tenant {
        address: running.address,
        user: tenant.user.clone(),
        key: tenant.key.clone(),
    };
    let (owner, one, other) = (at(&owner), at(&one), at(&other));
    assert_eq!(status(&other).await, refused("owner_disabled"));

    // And gets no key, nor another one for an old one.
    let answer = create(&owner, json!({ "owner": uid, "access": listed })).await;
    assert!(answer.expect(400)["owner"].is_array());
    assert_eq!(act(&owner, &other, "rotate").await.code(), "key_not_active");

    // When it is switched on again, then its keys are what they were.
    switch(&owner, &uid, "enable").await.expect(200);
    assert_eq!(status(&other).await, served());
    assert_eq!(status(&one).await, refused("key_disabled"));

    // And whatever somebody put back into the table, each step stands in the audit of the key.
    let lines = running
        .dir
        .lines("SELECT action FROM audit WHERE action IN ('api_key.suspend', 'api_key.resume') ORDER BY position")
        .await;
    assert_eq!(lines.len(), 4, "{lines:?}");
}

async fn a_key_of_an_account_is_never_wider_than_who_makes_rotates_or_brings_it_back(on: On) {
    // Given a full key of an account, and a manager within bounds.
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let uid = account(&owner, json!({ "name": "robot" })).await;
    let full = key_of(&owner, &uid, json!({"kind": "full"})).await;
    let agents = json!({"kind": "listed", "scopes": ["agents.read"]});
    let narrow = key_of(&owner, &uid, agents.clone()).await;
    let manager = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["keys.manage", "keys.read", "agents.read"]}}),
    )
    .await;

    // Then it makes, rotates and brings back what it may do itself.
    key_of(&manager, &uid, agents.clone()).await;
    let rotated = act(&manager, &narrow, "rotate").await.expect(201);
    assert_eq!(rotated["owner"], json!(uid));
    assert_eq!(status(&holder(&owner, &rotated)).await, served());
    act(&manager, &narrow, "disable").await.expect(200);
    act(&manager, &narrow, "enable").await.expect(200);

    // And nothing else.
    let wider = create(&manager, json!({ "owner": uid, "access": {"kind": "full"} })).await;
    assert_eq!(wider.code(), "exceeds_caller");
    assert_eq!(act(&manager, &full, "rotate").await.code(), "exceeds_caller");
    act(&manager, &full, "disable").await.expect(200);
    assert_eq!(act(&manager, &full, "enable").await.code(), "exceeds_caller");
    switch(&manager, &uid, "disable").await.expect(200);
    assert_eq!(switch(&manager, &uid, "enable").await.code(), "exceeds_caller");
    assert_eq!(status(&full).await, refused("key_disabled"));
    switch(&owner, &uid, "enable").await.expect(200);

    // Another person's key is still that person's alone to replace.
    let someone = account(&owner, json!({ "name": "admin", "role": "admin" })).await;
    let someone = key_of(&owner, &someone, json!({"kind": "full"})).await;
    assert_eq!(act(&someone, &owner, "rotate").await.code(), "exceeds_caller");
}

async fn another_tenants_service_accounts_do_not_exist(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let uid = account(&anna, json!({ "name": "robot" })).await;
    for verb in ["disable", "enable"] {
        let theirs = switch(&ben, &uid, verb).await;
        let absent = switch(&ben, "nobody", verb).await;
        assert_eq!((theirs.status, &theirs.body), (404, &absent.body), "{verb}");
    }
    let path = format!("/service-accounts/{uid}/");
    assert_eq!(
        ben.get(&path).await.body,
        ben.get("/service-accounts/nobody/").await.body
    );
    let key = |owner: &str| json!({ "owner": owner, "access": {"kind": "full"} });
    let theirs = create(&ben, key(&uid)).await;
    let absent = create(&ben, key("nobody")).await;
    assert_eq!((theirs.status, &theirs.body), (400, &absent.body));
    // Nor does another person of one's own organization own what one makes.
    let person = create(&ben, key(anna.user.uid.as_str())).await;
    assert_eq!((person.status, &person.body), (400, &absent.body));
    assert_eq!(
        ben.get("/service-accounts/").await.expect(200)["results"],
        json!([])
    );
    assert!(anna.get(&path).await.expect(200)["disabled_at"].is_null());
}

stories![
    a_service_account_owns_keys_and_is_nobody,
    what_makes_no_service_account_is_named,
    an_account_that_is_switched_off_takes_its_keys_with_it,
    a_key_of_an_account_is_never_wider_than_who_makes_rotates_or_brings_it_back,
    another_tenants_service_accounts_do_not_exist,
];
