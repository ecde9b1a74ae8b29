//! How far a key may go: what it says is chosen, and never more than its maker's, whenever it is looked at.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    api_keys::{NOW, act, create, make, path, refused, served, status, with_clock},
    support::{Answer, On, Request, Tenant, start},
};

async fn what_a_key_may_do_is_chosen_and_nothing_else_is_taken_for_it(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"kind": "full"});
    for (body, field) in [
        (json!({}), "access"),
        (json!({"access": null}), "access"),
        (json!({"access": {}}), "access"),
        (json!({"access": {"kind": "all"}}), "access"),
        (json!({"access": {"kind": "listed"}}), "access"),
        (
            json!({"access": {"kind": "listed", "scopes": ["agents.*"]}}),
            "access",
        ),
        (json!({"access": full, "name": ""}), "name"),
        (json!({"access": full, "name": "x".repeat(101)}), "name"),
        (json!({"access": full, "name": "a\r\nb"}), "name"),
        (json!({"access": full, "environment": " "}), "environment"),
        (
            json!({"access": full, "expires_at": "2020-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (json!({"access": full, "expires_at": "soon"}), "expires_at"),
        (
            json!({"access": full, "allowed_networks": ["10.0.0.0/33"]}),
            "allowed_networks",
        ),
        (
            json!({"access": full, "allowed_networks": ["::ffff:10.0.0.1"]}),
            "allowed_networks",
        ),
        (
            json!({"access": full, "allowed_networks": vec!["10.0.0.1"; 65]}),
            "allowed_networks",
        ),
        (json!({"access": full, "resources": ["project:1"]}), "resources"),
        (json!({"access": full, "owner": "somebody"}), "owner"),
        // Members of the row that nobody may set.
        (json!({"access": full, "mac": "00"}), "non_field_errors"),
        (json!({"access": full, "state": "active"}), "non_field_errors"),
        (json!({"access": full, "created_at": NOW}), "non_field_errors"),
    ] {
        let answer = create(&owner, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()[field].is_array(), "{body}: {}", answer.json());
    }
    let twice = Request::new("POST", "/api-keys/")
        .key(owner.key.expose())
        .header("Content-Type", "application/json")
        .body(r#"{"name":"a","access":{"kind":"listed","scopes":[]},"access":{"kind":"full"}}"#);
    assert_eq!(running.send(twice).await.code(), "malformed");
    let all = owner.get("/api-keys/").await.expect(200);
    assert_eq!(all["results"].as_array().unwrap().len(), 1, "nothing was made");

    // An empty list is nothing.
    let nothing = make(&owner, json!({"access": {"kind": "listed", "scopes": []}})).await;
    assert_eq!(status(&nothing).await, served());
    assert_eq!(nothing.get("/webhooks/").await.code(), "scope_missing");
}

async fn a_key_makes_no_key_that_may_do_more_than_itself(on: On) {
    // Given a key that may manage keys, within bounds.
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let manager = make(
        &owner,
        json!({
            "access": {"kind": "listed", "scopes": ["keys.manage", "keys.read", "agents.read"]},
            "allowed_networks": ["127.0.0.0/8"],
            "expires_at": "2026-02-01T00:00:00Z",
        }),
    )
    .await;
    let agents = json!({"kind": "listed", "scopes": ["agents.read"]});
    for wider in [
        json!({"access": {"kind": "full"}}),
        json!({"access": {"kind": "listed", "scopes": ["agents.write"]}}),
        json!({"access": agents, "allowed_networks": ["0.0.0.0/0"]}),
        json!({"access": agents, "allowed_networks": []}),
        json!({"access": agents, "allowed_networks": ["127.0.0.1", "10.0.0.1"]}),
        json!({"access": agents, "expires_at": "2026-02-01T00:00:01Z"}),
    ] {
        let answer = create(&manager, wider.clone()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "exceeds_caller"),
            "{wider}"
        );
    }

    // Then what it does not say is as narrow as itself.
    let made = create(&manager, json!({"access": agents})).await.expect(201);
    assert_eq!(made["expires_at"], json!("2026-02-01T00:00:00Z"));
    assert_eq!(made["allowed_networks"], json!(["127.0.0.0/8"]));

    // Nor does it get hold of one by rotating it, nor bring one back.
    let stronger = make(&owner, json!({"access": {"kind": "full"}})).await;
    assert_eq!(act(&manager, &stronger, "rotate").await.code(), "exceeds_caller");
    act(&manager, &stronger, "disable").await.expect(200);
    assert_eq!(act(&manager, &stronger, "enable").await.code(), "exceeds_caller");
    assert_eq!(status(&stronger).await, refused("key_disabled"));
    act(&owner, &stronger, "enable").await.expect(200);
    assert_eq!(status(&stronger).await, served());

    // And once it has a successor, it makes none that outlives its own last day.
    act(&owner, &manager, "rotate").await.expect(201);
    let answer = create(
        &manager,
        json!({"access": agents, "expires_at": "2026-01-20T00:00:00Z"}),
    )
    .await;
    assert_eq!(answer.code(), "exceeds_caller");
}

async fn a_key_is_only_ever_narrowed(on: On) {
    let (running, _clock) = with_clock(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(
        &owner,
        json!({
            "access": {"kind": "listed", "scopes": ["agents.read", "webhooks.read"]},
            "allowed_networks": ["127.0.0.0/8"],
            "expires_at": "2026-02-01T00:00:00Z",
        }),
    )
    .await;
    let itself = path(&key, "");
    for wider in [
        json!({"access": {"kind": "full"}}),
        json!({"access": {"kind": "listed", "scopes": ["agents.read", "agents.write"]}}),
        json!({"allowed_networks": []}),
        json!({"allowed_networks": ["10.0.0.1"]}),
        json!({"expires_at": "2026-03-01T00:00:00Z"}),
    ] {
        let answer = owner.patch(&itself, wider.clone()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "only_narrower"),
            "{wider}"
        );
    }
    for other in [
        json!({"owner": "x"}),
        json!({"state": "active"}),
        json!({"revoked_at": null}),
    ] {
        assert_eq!(owner.patch(&itself, other.clone()).await.status, 400, "{other}");
    }
    key.get("/webhooks/").await.expect(200);

    // When it is narrowed, the next request knows.
    let narrower = json!({
        "name": "less", "access": {"kind": "listed", "scopes": ["agents.read"]}, "expires_at": "2026-01-15T00:00:00Z",
    });
    let answer = owner.patch(&itself, narrower).await.expect(200);
    assert_eq!(
        (&answer["name"], &answer["expires_at"]),
        (&json!("less"), &json!("2026-01-15T00:00:00Z"))
    );
    assert_eq!(key.get("/webhooks/").await.code(), "scope_missing");
    let elsewhere = json!({"allowed_networks": ["127.9.9.9"]});
    owner.patch(&itself, elsewhere).await.expect(200);
    let answer = key.get("/agents/").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "address_not_allowed")
    );
    assert_eq!(answer.json()["address"], json!("127.0.0.1"));
}

/// The beginning of a request whose last byte the client keeps for itself.
async fn all_but_the_last_byte(by: &Tenant, method: &str, path: &str, body: &Value) -> (TcpStream, u8) {
    let request = Request::new(method, path).key(by.key.expose()).json(body);
    let mut bytes = request.bytes();
    let last = bytes.pop().unwrap();
    let mut stream = TcpStream::connect(by.address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    // The head has arrived: another request on another connection is answered after it.
    by.get("/users/me/").await.expect(200);
    (stream, last)
}

async fn a_request_that_was_held_back_is_nothing_worth_once_its_key_is_ended(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let full = json!({"name": "a", "access": {"kind": "full"}});
    let nothing = json!({"access": {"kind": "listed", "scopes": ["keys.manage"]}});
    for end in ["revoke", "disable", "narrow"] {
        // Given a thief who holds back the last byte of a request for a key.
        let thief = make(&owner, full.clone()).await;
        let (mut stream, last) = all_but_the_last_byte(&thief, "POST", "/api-keys/", &full).await;

        // When the key is ended or narrowed before it comes.
        match end {
            "narrow" => owner.patch(&path(&thief, ""), nothing.clone()).await.expect(200),
            end => act(&owner, &thief, end).await.expect(200),
        };
        stream.write_all(&[last]).await.unwrap();
        let mut answer = Vec::new();
        while Answer::parse(&answer).is_none_or(|answer| answer.body.is_empty()) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }

        // Then it makes none.
        let answer = Answer::parse(&answer).unwrap();
        let refused = match end {
            "narrow" => (403, "exceeds_caller"),
            "revoke" => (401, "key_revoked"),
            _ => (401, "key_disabled"),
        };
        assert_eq!((answer.status, answer.code().as_str()), refused, "{end}");
    }
    let keys = owner.get("/api-keys/?limit=100").await.expect(200);
    assert_eq!(keys["results"].as_array().unwrap().len(), 4);
}

stories![
    what_a_key_may_do_is_chosen_and_nothing_else_is_taken_for_it,
    a_key_makes_no_key_that_may_do_more_than_itself,
    a_key_is_only_ever_narrowed,
    a_request_that_was_held_back_is_nothing_worth_once_its_key_is_ended,
];
