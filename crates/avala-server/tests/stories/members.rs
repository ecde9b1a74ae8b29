//! Members of an organization: what their role lets their keys do, and what becomes of the keys of those who are gone.

use std::time::Duration;

use avala_server::{
    AuthorityError,
    keys::{Access, NewKey},
};
use serde_json::{Value, json};

use crate::{
    api_keys::{act, create, holder, make, path, refused, served, status, with_clock},
    support::{Answer, On, Request, Running, Tenant, start, start_in, within},
};

/// An owner, and somebody else who belongs to the same organization and has no other.
async fn two(running: &Running, role: &str) -> (Tenant, Tenant, String) {
    let owner = running.tenant("owner@example.com").await;
    let other = running.server.users().create("other@example.com").await.unwrap();
    running
        .dir
        .execute(
            "UPDATE memberships SET organization = (SELECT m.organization FROM memberships m JOIN users u
             ON u.uid = m.\"user\" WHERE u.email = 'owner@example.com') WHERE role = 'owner'",
        )
        .await;
    let key = running.issue(&other, Access::Full).await.key;
    let other = Tenant {
        address: running.address,
        user: other,
        key,
    };
    let slug = owner.get("/organizations/").await.expect(200)["results"][0]["slug"]
        .as_str()
        .unwrap()
        .to_owned();
    if role != "owner" {
        set_role(&owner, &slug, &other, role).await.expect(204);
    }
    (owner, other, slug)
}

async fn set_role(by: &Tenant, slug: &str, whose: &Tenant, role: &str) -> Answer {
    let path = format!("/organizations/{slug}/members/{}/role/", whose.user.uid);
    by.patch(&path, json!({ "role": role })).await
}

async fn remove(by: &Tenant, slug: &str, whom: &Tenant) -> Answer {
    by.delete(&format!("/organizations/{slug}/members/{}/", whom.user.uid))
        .await
}

async fn leave(by: &Tenant, slug: &str) -> Answer {
    by.post(&format!("/organizations/{slug}/leave/"), json!({})).await
}

fn roles(page: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = page["results"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["email"]), text(&row["role"])))
        .collect()
}

async fn a_role_is_in_force_with_the_next_request_and_after_a_restart(on: On) {
    let running = start(on).await;
    let (owner, other, slug) = two(&running, "admin").await;
    other.get("/api-keys/").await.expect(200);

    // When the role is lowered, then the very next request knows, of each key.
    let second = make(&other, json!({"access": {"kind": "full"}})).await;
    set_role(&owner, &slug, &other, "member").await.expect(204);
    for key in [&other, &second] {
        assert_eq!(key.get("/api-keys/").await.code(), "scope_missing");
        assert_eq!(create(key, json!({"access": {"kind": "full"}})).await.status, 403);
        key.get("/datasets/").await.expect(200);
    }
    let permissions = other.get("/users/me/permissions/").await.expect(200);
    let scopes = permissions["scopes"].as_array().unwrap();
    assert!(!scopes.contains(&json!("keys.manage")) && scopes.contains(&json!("datasets.write")));

    // And a restarted server does.
    let running = start_in(running.stop().await, |_| {}).await;
    let at = |tenant: &Tenant| Tenant {
        address: running.address,
        user: tenant.user.clone(),
        key: tenant.key.clone(),
    };
    let (owner, other) = (at(&owner), at(&other));
    assert_eq!(other.get("/api-keys/").await.code(), "scope_missing");

    // Who may do less than those keys then could does not raise it.
    let narrow =
        json!({"access": {"kind": "listed", "scopes": ["organizations.write", "organizations.read"]}});
    let narrow = make(&owner, narrow).await;
    let refused = set_role(&narrow, &slug, &other, "admin").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "exceeds_caller"));
    assert_eq!(other.get("/api-keys/").await.code(), "scope_missing");

    // When it is raised again, then everything is as before.
    set_role(&owner, &slug, &other, "admin").await.expect(204);
    other.get("/api-keys/").await.expect(200);
}

async fn a_key_with_an_end_raises_none_that_has_a_successor_without(on: On) {
    // Given a member's key without an end, and an admin's that ends in an hour, both in the same hands.
    let (running, _clock) = with_clock(on).await;
    let (owner, member, slug) = two(&running, "member").await;
    let ends = json!({"access": {"kind": "full"}, "expires_at": "2026-01-01T01:00:00Z"});
    let admin = make(&owner, ends).await;
    let raised = set_role(&admin, &slug, &member, "admin").await;
    assert_eq!(raised.code(), "exceeds_caller");

    // When the member's key is replaced and ends before the admin's does, its successor away.
    let soon = json!({"grace_seconds": 60});
    let made = member.post(&path(&member, "rotate/"), soon).await.expect(201);
    act(&admin, &holder(&member, &made), "revoke").await.expect(200);

    // Then it is not raised all the same: another successor would have no end.
    let raised = set_role(&admin, &slug, &member, "admin").await;
    assert_eq!(raised.code(), "exceeds_caller");
}

async fn nobody_raises_above_themselves_and_an_owner_is_left(on: On) {
    let running = start(on).await;
    let (owner, admin, slug) = two(&running, "admin").await;
    // An admin makes no owner, and touches none.
    for refused in [
        set_role(&admin, &slug, &admin, "owner").await,
        set_role(&admin, &slug, &owner, "member").await,
        remove(&admin, &slug, &owner).await,
    ] {
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "role_exceeds_caller")
        );
    }
    // The last owner stays.
    for refused in [
        set_role(&owner, &slug, &owner, "admin").await,
        remove(&owner, &slug, &owner).await,
        leave(&owner, &slug).await,
    ] {
        assert_eq!((refused.status, refused.code().as_str()), (409, "last_owner"));
    }
    // One who is switched off is none.
    set_role(&owner, &slug, &admin, "owner").await.expect(204);
    running.server.users().disable("other@example.com").await.unwrap();
    assert_eq!(leave(&owner, &slug).await.code(), "last_owner");
    running.server.users().enable("other@example.com").await.unwrap();
    leave(&owner, &slug).await.expect(204);
    assert_eq!(status(&owner).await, refused("owner_disabled"));
    assert_eq!(status(&admin).await, served());

    for role in ["", "boss", "OWNER"] {
        let answer = set_role(&admin, &slug, &admin, role).await;
        assert!(answer.expect(400)["role"].is_array(), "{role}");
    }
    // A member's key does none of it, whatever its access says.
    let running = start(on).await;
    let (owner, member, slug) = two(&running, "member").await;
    for answer in [
        set_role(&member, &slug, &member, "admin").await,
        remove(&member, &slug, &owner).await,
        leave(&member, &slug).await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (403, "scope_missing"));
    }
}

async fn the_keys_of_who_is_removed_are_suspended_and_not_ended(on: On) {
    let running = start(on).await;
    let (owner, other, slug) = two(&running, "admin").await;
    remove(&owner, &slug, &other).await.expect(204);
    assert_eq!(status(&other).await, refused("owner_disabled"));
    let told = owner
        .get(&format!("/api-keys/{}/", other.key.id()))
        .await
        .expect(200);
    assert_eq!(
        (&told["state"], &told["revoked_at"]),
        (&json!("disabled"), &json!(null))
    );
    // Switching the key, or the user, on and off brings nothing back.
    act(&owner, &other, "disable").await.expect(200);
    assert_eq!(act(&owner, &other, "enable").await.code(), "exceeds_caller");
    running.server.users().disable("other@example.com").await.unwrap();
    running.server.users().enable("other@example.com").await.unwrap();
    assert_ne!(status(&other).await, served());
    // There is nobody to be removed twice.
    assert_eq!(remove(&owner, &slug, &other).await.status, 404);
    act(&owner, &other, "revoke").await.expect(200);
    assert_eq!(status(&other).await, refused("key_revoked"));
}

async fn members_are_listed_and_searched(on: On) {
    let running = start(on).await;
    let (owner, other, slug) = two(&running, "member").await;
    let by = &owner;
    let list = |query: &str| {
        let path = format!("/organizations/{slug}/members/{query}");
        async move {
            let page = by.get(&path).await.expect(200);
            roles(&page)
        }
    };
    let (first, second) = (
        ("owner@example.com".to_owned(), "owner".to_owned()),
        ("other@example.com".to_owned(), "member".to_owned()),
    );
    assert_eq!(list("").await, [first.clone(), second.clone()]);
    assert_eq!(
        list("?ordering=-created_at").await,
        [second.clone(), first.clone()]
    );
    assert_eq!(list("?search=OTHER").await, std::slice::from_ref(&second));
    assert_eq!(list("?search=%25").await, [], "a pattern is a text");
    assert_eq!(list("?search=_wner").await, []);
    assert_eq!(list("?role=owner").await, std::slice::from_ref(&first));
    assert_eq!(list("?limit=1&page=2").await, [second]);
    let path = format!("/organizations/{slug}/members/");
    assert_eq!(other.get(&path).await.expect(200)["count"], json!(2));
    assert_eq!(owner.get(&format!("{path}?page=3")).await.status, 404);
}

async fn another_organizations_members_do_not_exist(on: On) {
    let running = start(on).await;
    let (owner, other, slug) = two(&running, "member").await;
    let ben = running.tenant("ben@example.com").await;
    for (theirs, absent) in [
        (
            ben.get(&format!("/organizations/{slug}/members/")).await,
            ben.get("/organizations/x/members/").await,
        ),
        (
            set_role(&ben, &slug, &other, "admin").await,
            set_role(&ben, "x", &other, "admin").await,
        ),
        (remove(&ben, &slug, &other).await, remove(&ben, "x", &other).await),
        (leave(&ben, &slug).await, leave(&ben, "x").await),
    ] {
        assert_eq!((theirs.status, &theirs.body), (404, &absent.body));
    }
    // Nor is one's own organization the place of others.
    assert_eq!(set_role(&owner, &slug, &ben, "member").await.status, 404);
    assert_eq!(remove(&owner, &slug, &ben).await.status, 404);
    assert_eq!(status(&ben).await, served());
}

async fn a_user_who_is_switched_off_has_no_key_that_opens_anything(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let second = make(
        &tenant,
        json!({"access": {"kind": "listed", "scopes": ["agents.read"]}}),
    )
    .await;

    // When it is done here, then the next request is refused.
    let switched = running.server.users().disable("A@example.com").await.unwrap();
    assert_eq!(switched.keys, 2);
    for key in [&tenant, &second] {
        assert_eq!(status(key).await, refused("owner_disabled"));
    }
    let new = NewKey {
        owner: tenant.user.uid.clone(),
        name: "new".into(),
        access: Access::Full,
        expires_at: None,
    };
    let issued = running.server.keys().issue(new).await;
    assert!(matches!(issued, Err(AuthorityError::OwnerDisabled)), "{issued:?}");
    assert!(
        running.server.users().list().await.unwrap()[0]
            .disabled_at
            .is_some()
    );

    // When another process switches it on and off again, then this one follows.
    let elsewhere = running.dir.authority().await;
    let soon = Duration::from_millis(250);
    elsewhere.users().enable(tenant.user.uid.as_str()).await.unwrap();
    within(soon, || async { status(&second).await == served() }).await;
    elsewhere.users().disable("a@example.com").await.unwrap();
    within(soon, || async {
        status(&second).await == refused("owner_disabled")
    })
    .await;
    assert!(elsewhere.users().disable("nobody").await.is_err());
}

async fn writing_to_the_database_widens_nothing(on: On) {
    let running = start(on).await;
    let (owner, member, slug) = two(&running, "member").await;
    let ben = running.tenant("ben@example.com").await;
    let account = owner
        .post("/service-accounts/", json!({ "name": "robot" }))
        .await
        .expect(201);
    let account = account["uid"].as_str().unwrap().to_owned();
    let robot = make(&owner, json!({ "owner": account, "access": {"kind": "full"} })).await;
    owner
        .post(&format!("/service-accounts/{account}/disable/"), json!({}))
        .await
        .expect(200);
    let gone = running.tenant("gone@example.com").await;
    running.server.users().disable("gone@example.com").await.unwrap();

    // When somebody writes roles, memberships and states by hand, and the server starts anew.
    for statement in [
        "UPDATE memberships SET role = 'owner'",
        "UPDATE service_accounts SET role = 'admin', disabled_at = NULL",
        "UPDATE users SET disabled_at = NULL",
        "INSERT INTO memberships (organization, \"user\", role, joined_at) SELECT o.organization, u.uid, 'owner', 1
         FROM users u, memberships o JOIN users w ON w.uid = o.\"user\"
         WHERE u.email = 'ben@example.com' AND w.email = 'owner@example.com'",
    ] {
        assert!(running.dir.execute(statement).await > 0, "{statement}");
    }
    let running = start_in(running.stop().await, |_| {}).await;
    let at = |tenant: &Tenant| Tenant {
        address: running.address,
        user: tenant.user.clone(),
        key: tenant.key.clone(),
    };
    let (member, ben, robot, gone) = (at(&member), at(&ben), at(&robot), at(&gone));

    // Then keys are what their sealed rows say.
    assert_eq!(member.get("/api-keys/").await.code(), "scope_missing");
    assert_eq!(status(&robot).await, refused("owner_disabled"));
    assert_eq!(status(&gone).await, refused("owner_disabled"));
    assert_eq!(
        ben.get(&format!("/organizations/{slug}/members/")).await.status,
        404
    );
    let dataset = json!({ "name": "n", "slug": "s", "data_type": "image", "owner_name": slug });
    assert_eq!(ben.post("/datasets/", dataset).await.status, 400);
    let storage = ben.get(&format!("/storage-configs/?organization={slug}")).await;
    assert_eq!(storage.status, 404);
}

async fn a_key_does_not_get_its_older_role_back_with_its_older_row(on: On) {
    let running = start(on).await;
    let (owner, other, slug) = two(&running, "admin").await;
    running
        .dir
        .execute("CREATE TABLE kept AS SELECT * FROM api_keys")
        .await;
    set_role(&owner, &slug, &other, "member").await.expect(204);
    let dir = running.stop().await;
    dir.execute("DELETE FROM api_keys").await;
    dir.execute("INSERT INTO api_keys SELECT * FROM kept").await;

    let running = start_in(dir, |_| {}).await;
    let me = Request::new("GET", "/users/me/");
    let answer = running.send(me.clone().key(other.key.expose())).await;
    assert_eq!(answer.code(), "key_invalid");
    // Whose owner was not touched, is what it was.
    running.send(me.key(owner.key.expose())).await.expect(200);
}

async fn a_role_that_was_lowered_while_a_row_could_not_be_read_stays_lowered(on: On) {
    // Given an admin's key whose row somebody changed, so that it opens nothing.
    let running = start(on).await;
    let (owner, other, slug) = two(&running, "admin").await;
    let keep = "CREATE TABLE kept AS SELECT * FROM api_keys";
    running.dir.execute(keep).await;
    let id = other.key.id();
    let rename = format!("UPDATE api_keys SET name = 'x' WHERE id = '{id}'");
    assert_eq!(running.dir.execute(rename.leak()).await, 1);
    within(Duration::from_secs(5), async || {
        status(&other).await == refused("key_invalid")
    })
    .await;

    // When its owner may do less, and the row is put back as it was.
    set_role(&owner, &slug, &other, "member").await.expect(204);
    for back in [
        "DELETE FROM api_keys WHERE id",
        "INSERT INTO api_keys SELECT * FROM kept WHERE id",
    ] {
        let statement = format!("{back} = '{id}'");
        assert_eq!(running.dir.execute(statement.leak()).await, 1);
    }

    // Then it does not open what it did.
    let running = start_in(running.stop().await, |_| {}).await;
    let me = Request::new("GET", "/users/me/");
    let answer = running.send(me.clone().key(other.key.expose())).await;
    assert_eq!(answer.code(), "key_invalid");
    running.send(me.key(owner.key.expose())).await.expect(200);
}

stories![
    a_role_is_in_force_with_the_next_request_and_after_a_restart,
    a_key_with_an_end_raises_none_that_has_a_successor_without,
    nobody_raises_above_themselves_and_an_owner_is_left,
    the_keys_of_who_is_removed_are_suspended_and_not_ended,
    members_are_listed_and_searched,
    another_organizations_members_do_not_exist,
    a_user_who_is_switched_off_has_no_key_that_opens_anything,
    writing_to_the_database_widens_nothing,
    a_key_does_not_get_its_older_role_back_with_its_older_row,
    a_role_that_was_lowered_while_a_row_could_not_be_read_stays_lowered,
];
