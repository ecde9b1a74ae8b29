//! An organization reads its part of the audit, and nobody else's.

use std::{collections::BTreeSet, time::Duration};

use avala_api::Scope;
use avala_server::{
    audit::{Audit, Format},
    keys::Access,
};
use serde_json::{Value, json};

use crate::support::{On, Request, Running, Tenant, start, start_with, within};

stories!(
    what_was_done_is_listed_newest_first_and_page_by_page,
    no_line_of_another_tenant_is_ever_listed,
    what_is_done_by_others_to_an_organization_is_its_own,
    a_filter_finds_what_it_says,
    nothing_is_read_into_a_filter,
    whoever_reads_the_audit_needs_its_scope,
);

/// The lines of this query.
async fn listed(tenant: &Tenant, query: &str) -> Vec<Value> {
    let page = tenant.get(&format!("/audit/{query}")).await.expect(200);
    page["results"].as_array().unwrap().clone()
}

/// What was done, of each line.
async fn actions(tenant: &Tenant, query: &str) -> Vec<String> {
    let lines = listed(tenant, query).await;
    let action = |line: &Value| line["action"].as_str().unwrap().to_owned();
    lines.iter().map(action).collect()
}

async fn make_webhook(tenant: &Tenant) -> String {
    let webhook = json!({ "target_url": "https://localhost:1/", "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", webhook).await.expect(201);
    made["uid"].as_str().unwrap().to_owned()
}

/// All lines of the server, oldest first.
async fn exported(running: &Running) -> Vec<Value> {
    let mut text = Vec::new();
    let audit = Audit::of(running.server.keys());
    audit.export(Format::JsonLines, &mut text).await.unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn what_was_done_is_listed_newest_first_and_page_by_page(on: On) {
    // Given a user who makes a webhook and deletes it.
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let webhook = make_webhook(&anna).await;
    anna.delete(&format!("/webhooks/{webhook}/")).await.expect(204);

    // Then each act is a line, the console's too, and each says who did what, as the operator finds it in the export.
    let lines = listed(&anna, "").await;
    assert_eq!(
        actions(&anna, "").await,
        ["webhook.delete", "webhook.create", "api_key.issue", "user.create"]
    );
    let export = exported(&running).await;
    let newest = export.last().unwrap();
    assert_eq!(
        lines[0],
        json!({
            "position": newest["position"],
            "at": newest["at"],
            "actor": { "kind": "key", "key": anna.key.id().as_str(), "user": anna.user.uid },
            "action": "webhook.delete",
            "object": webhook,
            "code": null,
            "requests": null,
            "seq": null,
            "hash": newest["hash"],
        })
    );
    assert_eq!(
        (&lines[2]["actor"], &lines[2]["object"]),
        (
            &json!({ "kind": "console", "key": null, "user": null }),
            &json!(anna.key.id().as_str())
        )
    );
    assert!(lines[2]["seq"].is_i64(), "{}", lines[2]);

    // And two pages are the list, forwards and backwards.
    let first = anna.get("/audit/?limit=3&actor=key").await.expect(200);
    assert_eq!((&first["next"], &first["results"][1]), (&Value::Null, &lines[1]));
    let first = anna.get("/audit/?limit=3").await.expect(200);
    let follow = async |link: &Value| {
        let (_, query) = link.as_str().unwrap().split_once('?').unwrap();
        anna.get(&format!("/audit/?{query}")).await.expect(200)
    };
    let second = follow(&first["next"]).await;
    assert_eq!(first["results"].as_array().unwrap()[..], lines[..3]);
    assert_eq!(second["results"].as_array().unwrap()[..], lines[3..]);
    assert_eq!(follow(&second["previous"]).await["results"], first["results"]);
    running.stop().await;
}

async fn no_line_of_another_tenant_is_ever_listed(on: On) {
    // Given two tenants who both did something, and lines that say nothing of an organization.
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    for tenant in [&anna, &ben] {
        make_webhook(tenant).await;
        let key = json!({ "name": "k", "access": { "kind": "full" } });
        tenant.post("/api-keys/", key).await.expect(201);
    }
    running
        .dir
        .execute("UPDATE audit SET organization = NULL WHERE position = 1")
        .await;

    // When each reads everything, then each line is one's or the other's, but for the one that is nobody's.
    let positions = async |tenant: &Tenant, query: &str| -> BTreeSet<i64> {
        let lines = listed(tenant, query).await;
        lines
            .iter()
            .map(|line| line["position"].as_i64().unwrap())
            .collect()
    };
    let of_anna = positions(&anna, "").await;
    let of_ben = positions(&ben, "").await;
    assert!(of_anna.is_disjoint(&of_ben), "{of_anna:?} {of_ben:?}");
    let all: BTreeSet<i64> = of_anna.union(&of_ben).copied().collect();
    let last = i64::try_from(exported(&running).await.len()).unwrap();
    assert_eq!(all, (2..=last).collect());

    // When one filters for the other's key, user or lines, then there is nothing.
    let key = anna.key.id();
    let user = &anna.user.uid;
    for query in [
        format!("?key={key}"),
        format!("?actor={user}"),
        format!("?key={key}&actor={user}"),
    ] {
        assert_ne!(listed(&anna, &query).await, [] as [Value; 0], "{query}");
        assert_eq!(listed(&ben, &query).await, [] as [Value; 0], "{query}");
    }
    for action in ["webhook.create", "api_key.issue"] {
        let found = positions(&ben, &format!("?action={action}")).await;
        assert!(!found.is_empty() && found.is_subset(&of_ben), "{action}");
    }

    // And the other's cursor, or one of another list, is refused.
    let page = anna.get("/audit/?limit=1").await.expect(200);
    let next = page["next"].as_str().unwrap().to_owned();
    let (_, query) = next.split_once('?').unwrap();
    anna.get(&format!("/audit/?{query}")).await.expect(200);
    assert_eq!(
        ben.get(&format!("/audit/?{query}")).await.code(),
        "cursor_invalid"
    );
    assert_eq!(
        anna.get(&format!("/webhooks/?{query}")).await.code(),
        "cursor_invalid"
    );
    running.stop().await;
}

async fn what_is_done_by_others_to_an_organization_is_its_own(on: On) {
    // Given somebody who signed up, whose export the server makes, and whose keys the console ends.
    let running = start_with(on, |config| config.sign_up = true).await;
    let stranger = running.tenant("stranger@example.com").await;
    let body = json!({ "email": "anna@example.com", "password": "correct horse" });
    let signed_up = Request::new("POST", "/signup/").json(&body);
    let account = running.send(signed_up).await.expect(201);
    let anna = Tenant {
        address: running.address,
        key: avala_keys::ApiKey::parse(account["api_key"].as_str().unwrap().as_bytes()).unwrap(),
        user: serde_json::from_value(account["user"].clone()).unwrap(),
    };
    let project = "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-1', uid, 'One', 'active', 'private', 0, 0 FROM organizations WHERE name = 'anna'";
    assert_eq!(running.dir.execute(project).await, 1);
    let labelled = json!({ "model_type": "sam2", "dry_run": true });
    anna.post("/projects/p-1/auto-label/", labelled).await.expect(201);
    let export = json!({ "name": "e", "projects": ["p-1"] });
    anna.post("/exports/", export).await.expect(201);
    let second = running.issue(&anna.user, Access::Full).await;
    let console = running.dir.authority().await;
    console.revoke(second.id).await.unwrap();

    // Then all of it is in the organization's audit.
    within(Duration::from_secs(20), || async {
        listed(&anna, "?actor=server").await.len() == 2
    })
    .await;
    let mut by_server = actions(&anna, "?actor=server").await;
    by_server.sort();
    assert_eq!(by_server, ["auto_label_job.finish", "export.finish"]);
    assert_eq!(
        actions(&anna, "?actor=console").await,
        ["api_key.revoke", "api_key.issue"]
    );
    assert_eq!(
        actions(&anna, "?actor=sign_up").await,
        ["api_key.issue", "user.create"]
    );
    assert_eq!(
        actions(&anna, &format!("?key={}", second.id)).await,
        ["api_key.revoke", "api_key.issue"]
    );
    // And in no other's.
    assert_eq!(actions(&stranger, "").await, ["api_key.issue", "user.create"]);
    running.stop().await;
}

async fn a_filter_finds_what_it_says(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    make_webhook(&anna).await;
    let key = json!({ "name": "k", "access": { "kind": "full" } });
    let made = anna.post("/api-keys/", key).await.expect(201);
    let other = made["id"].as_str().unwrap();
    anna.post(&format!("/api-keys/{other}/disable/"), json!({}))
        .await
        .expect(200);

    let lines = listed(&anna, "").await;
    let at = |index: usize| lines[index]["at"].as_str().unwrap().to_owned();
    let (newest, key, user) = (at(0), anna.key.id(), &anna.user.uid);
    for (query, expected) in [
        // Also what was done to the key.
        (format!("?key={other}"), vec!["api_key.disable", "api_key.issue"]),
        (
            format!("?key={key}"),
            vec![
                "api_key.disable",
                "api_key.issue",
                "webhook.create",
                "api_key.issue",
            ],
        ),
        (
            format!("?key={key}&action=webhook.create"),
            vec!["webhook.create"],
        ),
        (
            format!("?actor={user}&action=api_key.disable"),
            vec!["api_key.disable"],
        ),
        ("?actor=console".to_owned(), vec!["api_key.issue", "user.create"]),
        ("?action=api_key".to_owned(), vec![]),
        (
            format!("?from={newest}&action=api_key.disable"),
            vec!["api_key.disable"],
        ),
        (format!("?to={newest}&action=api_key.disable"), vec![]),
        ("?to=1999-01-01T00:00:00Z".to_owned(), vec![]),
        ("?from=9999-01-01T00:00:00Z".to_owned(), vec![]),
    ] {
        assert_eq!(actions(&anna, &query).await, expected, "{query}");
    }
    for wrong in ["?from=yesterday", "?to=1", "?limit=0", "?limit=1001"] {
        anna.get(&format!("/audit/{wrong}")).await.expect(400);
    }
    running.stop().await;
}

async fn nothing_is_read_into_a_filter(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    make_webhook(&anna).await;
    for name in ["key", "actor", "action"] {
        for text in [
            "'%20OR%20'1'%3D'1",
            "'%20OR%201%3D1%20--%20",
            "x'%3B%20DELETE%20FROM%20audit%3B%20--",
            "%22%20OR%20organization%20IS%20NOT%20NULL%20--",
            "$1",
            "%25",
            "_%25",
            "webhook.%25",
            "webhook_create",
            "*",
            "",
            "%F0%9F%94%91",
        ] {
            let found = listed(&anna, &format!("?{name}={text}")).await;
            assert_eq!(found, [] as [Value; 0], "{name}={text}");
        }
        let null = anna.get(&format!("/audit/?{name}=webhook.create%00")).await;
        assert_eq!(
            (null.status, null.code().as_str()),
            (400, "null_character"),
            "{name}"
        );
        let long = anna.get(&format!("/audit/?{name}={}", "x".repeat(4_000))).await;
        assert_eq!(long.expect(200)["results"], json!([]), "{name}");
    }
    assert_eq!(listed(&anna, "").await.len(), 3, "nothing is gone");
    running.stop().await;
}

async fn whoever_reads_the_audit_needs_its_scope(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    for (scopes, status) in [
        (vec![], 403),
        (vec![Scope::KeysManage, Scope::KeysRead], 403),
        (vec![Scope::AuditRead], 200),
    ] {
        let key = running.issue(&anna.user, Access::Listed(scopes)).await.key;
        let answer = running
            .send(Request::new("GET", "/audit/").key(key.expose()))
            .await;
        let body = answer.expect(status);
        if status == 403 {
            assert_eq!(body["required_scope"], "audit.read");
        }
    }
    running.send(Request::new("GET", "/audit/")).await.expect(401);
    running.stop().await;
}
