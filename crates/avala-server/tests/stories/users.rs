//! Who the presented key belongs to, and what it may do.

use avala_api::Scope;
use avala_server::keys::Access;
use serde_json::{Value, json};

use crate::support::{On, Request, start};

async fn a_key_tells_whose_it_is(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let me = tenant.get("/users/me/").await.expect(200);
    assert_eq!(
        me,
        json!({
            "uid": tenant.user.uid,
            "username": "a@example.com",
            "email": "a@example.com",
            "first_name": null,
            "last_name": null,
            "in_waitlist": false,
        })
    );
}

async fn a_key_tells_what_it_may_do(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;

    let full = tenant.get("/users/me/permissions/").await.expect(200);
    let mut all: Vec<Value> = Scope::ALL.iter().map(|scope| scope.as_str().into()).collect();
    all.sort_by_key(|name| name.as_str().map(str::to_owned));
    assert_eq!(full["scopes"], Value::Array(all));
    assert_eq!(full["type"], "customer");
    assert_eq!(full["is_staff_privileged"], false);

    let access = Access::Listed(vec![Scope::WebhooksRead, Scope::AgentsRead]);
    let listed = running.issue(&tenant.user, access).await.key;
    let answer = running
        .send(Request::new("GET", "/users/me/permissions/").key(listed.expose()))
        .await;
    assert_eq!(
        answer.expect(200)["scopes"],
        json!(["agents.read", "webhooks.read"])
    );
}

stories![a_key_tells_whose_it_is, a_key_tells_what_it_may_do,];
