//! What nobody declared: members of bodies, methods of paths, scopes. None of it is taken for something else.

use std::collections::{BTreeMap, BTreeSet};

use avala_api::{Access as Needed, Method, Scope, catalogue::DECLARED};
use avala_server::keys::Access;
use serde_json::{Value, json};

use crate::{
    api_keys::{create, make, path},
    inference_providers::provider,
    storage_configs::s3_bucket,
    support::{Answer, On, Request, Running, Tenant, start, start_in},
};

/// The columns of the table of keys.
async fn columns(running: &Running, on: On) -> Vec<String> {
    let statement = match on {
        On::Sqlite => "SELECT name FROM pragma_table_info('api_keys')",
        On::Postgres => {
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = 'api_keys'"
        }
    };
    running.dir.lines(statement).await
}

async fn raw(by: &Tenant, method: &str, path: &str, body: &str) -> Answer {
    Request::new(method, path)
        .key(by.key.expose())
        .header("Content-Type", "application/json")
        .body(body)
        .send(by.address)
        .await
}

async fn nothing_of_a_key_is_set_by_a_member_that_its_operation_does_not_have(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let key = make(
        &owner,
        json!({"access": {"kind": "listed", "scopes": ["agents.read"]}}),
    )
    .await;
    let before = owner.get(&path(&key, "")).await.expect(200);
    let mut names: BTreeSet<String> = before.as_object().unwrap().keys().cloned().collect();
    names.extend(columns(&running, on).await);
    names.extend(["secret", "scopes", "is_admin", "role", "__proto__", ""].map(str::to_owned));
    let create = json!({
        "name": "a", "access": {"kind": "listed", "scopes": []}, "environment": "x", "allowed_networks": [],
        "expires_at": "2999-01-01T00:00:00Z", "resources": [], "owner": owner.user.uid,
    });
    let update = json!({
        "name": "a", "access": {"kind": "listed", "scopes": []}, "allowed_networks": ["127.0.0.1"],
        "expires_at": "2999-01-01T00:00:00Z", "muted_hints": [],
    });
    for (method, target, body) in [
        ("POST", "/api-keys/".to_owned(), create),
        ("PATCH", path(&key, ""), update),
        ("POST", path(&key, "rotate/"), json!({"grace_seconds": 1})),
        ("POST", path(&key, "revoke/"), json!({"reason": "leaked"})),
    ] {
        let declared = body.as_object().unwrap();
        let refused = |answer: Answer, what: String| {
            assert_eq!(answer.status, 400, "{method} {target}: {what}");
        };
        // One member too many.
        for name in names.iter().filter(|name| !declared.contains_key(*name)) {
            let mut body = body.clone();
            body[name] = before.get(name).cloned().unwrap_or_else(|| json!("x"));
            refused(
                owner.send(method, &target, Some(body)).await,
                format!("with {name:?}"),
            );
        }
        // One member twice, at whatever depth, and the same with an escape in its name.
        for (name, value) in declared {
            let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
            for twin in [name.clone(), escaped] {
                let text = body.to_string();
                let twice = format!("{{\"{twin}\":{value},{}", &text[1..]);
                refused(
                    raw(&owner, method, &target, &twice).await,
                    format!("{name} twice"),
                );
            }
        }
        if declared.contains_key("access") {
            for access in [
                r#"{"kind":"listed","scopes":[],"kind":"full"}"#,
                r#"{"kind":"full","kind":"listed","scopes":[]}"#,
                r#"{"kind":"listed","scopes":[],"scopes":["agents.read"]}"#,
                r#"{"kind":"full","scopes":[]}"#,
                r#"{"kind":"listed","scopes":[],"full":true}"#,
                r#"{"kind":["full"]}"#,
                r#"{"kind":{"full":true}}"#,
                r#"[{"kind":"full"}]"#,
                r#""full""#,
            ] {
                let mut members = declared.clone();
                members.remove("access");
                let rest = Value::Object(members).to_string();
                let body = format!("{{\"access\":{access},{}", &rest[1..]);
                refused(raw(&owner, method, &target, &body).await, access.to_owned());
            }
        }
    }
    assert_eq!(owner.get(&path(&key, "")).await.expect(200), before);
    let all = owner.get("/api-keys/").await.expect(200);
    assert_eq!(all["results"].as_array().unwrap().len(), 2, "nothing was made");
}

async fn what_the_server_decides_of_an_object_is_not_decided_by_a_body(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let organization = running.dir.lines("SELECT uid FROM organizations").await;
    for (path, body) in [
        (
            "/webhooks/",
            json!({"target_url": "https://localhost:1/", "events": ["task.completed"]}),
        ),
        ("/agents/", json!({"name": "a"})),
        (
            "/datasets/",
            json!({"name": "D", "slug": "d", "data_type": "image"}),
        ),
        ("/inference-providers/", provider("https://localhost:1/")),
        ("/storage-configs/", s3_bucket("nobodys")),
    ] {
        let forged = json!({
            "uid": "11111111-1111-4111-8111-111111111111", "id": 7, "position": 1, "created_at": "1999-01-01T00:00:00Z",
            "updated_at": "1999-01-01T00:00:00Z", "user": ben.user.uid, "created_by": "console", "is_verified": true,
            "last_tested_at": "1999-01-01T00:00:00Z", "execution_stats": {"approved": 7}, "item_count": 1_000_000,
            "seal": "00",
        });
        for uid in &organization {
            let mut body = body.clone();
            body.as_object_mut()
                .unwrap()
                .extend(forged.as_object().unwrap().clone());
            if path != "/storage-configs/" {
                body["organization"] = json!(uid);
            }
            if path == "/datasets/" {
                body["slug"] = json!(format!("d{}", &uid[..4]));
                body["name"] = body["slug"].clone();
            }
            let made = anna.post(path, body).await;
            assert!(
                made.status < 300,
                "{path} {}",
                String::from_utf8_lossy(&made.body)
            );
            let made = made.json();
            for (name, value) in forged.as_object().unwrap() {
                assert_ne!(made.get(name), Some(value), "{path}: {name}");
            }
            let its_path = format!("{path}{}/", made["uid"].as_str().unwrap());
            anna.get(&its_path).await.expect(200);
            assert_eq!(ben.get(&its_path).await.status, 404, "{path}");
        }
    }
}

async fn what_is_not_declared_is_served_to_nobody(on: On) {
    let running = start(on).await;
    let full = running.tenant("a@example.com").await;
    let mut paths: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for route in DECLARED {
        let names = route.parameters();
        let path = names.fold(route.path.to_owned(), |path, name| {
            path.replace(&format!("{{{name}}}"), "x")
        });
        paths.entry(path).or_default().insert(route.method.as_str());
    }
    let anonymous = |path: &str, method: &str| {
        DECLARED.iter().any(|route| {
            route.access == Needed::Anonymous && route.path == path && route.method.as_str() == method
        })
    };
    for (path, declared) in &paths {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE",
        ] {
            let is_declared = declared.contains(method) || (method == "HEAD" && declared.contains("GET"));
            let with_key = full.send(method, path, None).await;
            if !is_declared {
                assert_eq!(with_key.status, 405, "{method} {path}");
            }
            // A header that names another method changes nothing about who may do what.
            let without = Request::new(method, path)
                .header("X-HTTP-Method-Override", Method::Get.as_str())
                .header("X-Method-Override", "POST")
                .send(running.address)
                .await;
            let expected = match is_declared {
                false => 405,
                true if anonymous(path, method) => without.status,
                true => 401,
            };
            assert_eq!(without.status, expected, "{method} {path}");
        }
    }
    for path in [
        "/",
        "/admin/",
        "/metrics/",
        "/debug/pprof/",
        "/internal/keys/",
        "/api-keys/self/../",
        "/.env",
        "/openapi.json",
    ] {
        let answer = full.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

async fn nothing_is_a_scope_that_only_looks_like_one(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let known: BTreeSet<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let mut alike = BTreeSet::from(["*", "*.*", "", " ", "full", "all"].map(str::to_owned));
    for scope in &known {
        let (resource, action) = scope.split_once('.').unwrap();
        alike.extend([
            format!("{resource}.*"),
            format!("*.{action}"),
            resource.to_owned(),
            format!("{resource}."),
            format!("{scope}s"),
            scope[..scope.len() - 1].to_owned(),
            format!(" {scope}"),
            format!("{scope}\0"),
            scope.to_uppercase(),
            scope.replace('.', ":"),
            scope.replace('.', "/"),
            format!("{scope},{scope}"),
        ]);
    }
    alike.retain(|name| !known.contains(name.as_str()));
    // Each by itself would take long: all are named by which ones the answer would keep.
    for name in alike {
        let listed = json!({"access": {"kind": "listed", "scopes": ["agents.read", name]}});
        let answer = create(&owner, listed).await;
        assert_eq!(answer.status, 400, "{name:?}");
        assert!(answer.json()["access"].is_array(), "{name:?}");
    }
}

async fn a_scope_that_is_added_later_belongs_to_full_keys_and_to_no_list(on: On) {
    // Given, for each scope, a key that lists every other one: as if this one had not been there yet.
    let running = start(on).await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let full = running.issue(&user, Access::Full).await.key;
    let mut earlier = Vec::new();
    for added in Scope::ALL {
        let others = Scope::ALL.iter().copied().filter(|scope| scope != added);
        let key = running.issue(&user, Access::Listed(others.collect())).await.key;
        earlier.push((added.as_str(), key));
    }
    // What is stored is the choice, and not what it meant when it was made.
    let stored = running
        .dir
        .lines("SELECT access FROM api_keys ORDER BY position LIMIT 1")
        .await;
    assert_eq!(stored, [r#"{"kind":"full"}"#]);

    // When the server starts again, then the full key has all of them, and each list is as it was.
    let running = start_in(running.stop().await, |_| {}).await;
    let scopes = async |key: &avala_keys::ApiKey| {
        let request = Request::new("GET", "/users/me/permissions/").key(key.expose());
        running.send(request).await.expect(200)["scopes"].clone()
    };
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    assert_eq!(scopes(&full).await, json!(all));
    for (added, key) in &earlier {
        let others: Vec<&&str> = all.iter().filter(|scope| *scope != added).collect();
        assert_eq!(scopes(key).await, json!(others), "{added}");
    }
}

stories![
    nothing_of_a_key_is_set_by_a_member_that_its_operation_does_not_have,
    what_the_server_decides_of_an_object_is_not_decided_by_a_body,
    what_is_not_declared_is_served_to_nobody,
    nothing_is_a_scope_that_only_looks_like_one,
    a_scope_that_is_added_later_belongs_to_full_keys_and_to_no_list,
];
