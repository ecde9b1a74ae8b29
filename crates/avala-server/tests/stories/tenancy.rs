//! Two tenants: what belongs to one does not exist for the other.

use avala_api::EventName;
use serde_json::{Map, json};

use crate::support::{On, start};

async fn the_objects_of_another_tenant_do_not_exist(on: On) {
    // Given two tenants, and an object of every kind that belongs to the first.
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let webhook = json!({ "target_url": "https://localhost:1/", "events": ["task.completed"] });
    let webhook = text(&anna.post("/webhooks/", webhook).await.expect(201)["uid"]);
    let agent = text(&anna.post("/agents/", json!({ "name": "a" })).await.expect(201)["uid"]);
    let agent_uid = agent.as_str().into();
    let execution = running
        .server
        .agents()
        .enqueue_execution(&agent_uid, EventName::TaskCompleted, Map::new())
        .await
        .unwrap();
    anna.post(&format!("/webhooks/{webhook}/test/"), json!({}))
        .await
        .expect(200);
    let delivery = text(&anna.get("/webhook-deliveries/").await.expect(200)["results"][0]["uid"]);
    let slug = text(&anna.get("/organizations/").await.expect(200)["results"][0]["slug"]);

    // When the second asks for them, then the answer is that of something that never was.
    let decision = json!({ "execution": execution, "action": "approve" });
    let nobody = json!({ "execution": "nobody", "action": "approve" });
    for (method, path, body, never) in [
        ("GET", format!("/webhooks/{webhook}/"), None, "/webhooks/x/"),
        (
            "PATCH",
            format!("/webhooks/{webhook}/"),
            Some(json!({})),
            "/webhooks/x/",
        ),
        ("DELETE", format!("/webhooks/{webhook}/"), None, "/webhooks/x/"),
        (
            "POST",
            format!("/webhooks/{webhook}/test/"),
            Some(json!({})),
            "/webhooks/x/test/",
        ),
        (
            "GET",
            format!("/webhook-deliveries/{delivery}/"),
            None,
            "/webhook-deliveries/x/",
        ),
        ("GET", format!("/agents/{agent}/"), None, "/agents/x/"),
        (
            "PATCH",
            format!("/agents/{agent}/"),
            Some(json!({})),
            "/agents/x/",
        ),
        ("DELETE", format!("/agents/{agent}/"), None, "/agents/x/"),
        (
            "GET",
            format!("/agents/{agent}/executions/"),
            None,
            "/agents/x/executions/",
        ),
        (
            "GET",
            format!("/organizations/{slug}/"),
            None,
            "/organizations/x/",
        ),
    ] {
        let theirs = ben.send(method, &path, body.clone()).await;
        let absent = ben.send(method, never, body).await;
        assert_eq!(theirs.status, 404, "{method} {path}");
        assert_eq!(theirs.body, absent.body, "{method} {path}");
    }
    let theirs = ben.post("/agent-actions/", decision.clone()).await;
    assert_eq!(theirs.status, 404);
    assert_eq!(theirs.body, ben.post("/agent-actions/", nobody).await.body);

    // And lists are empty, while the first still has everything.
    for list in ["/webhooks/", "/webhook-deliveries/", "/agents/"] {
        assert_eq!(ben.get(list).await.expect(200)["results"], json!([]), "{list}");
        assert_eq!(
            anna.get(list).await.expect(200)["results"]
                .as_array()
                .unwrap()
                .len(),
            1,
            "{list}"
        );
    }
    anna.post("/agent-actions/", decision).await.expect(200);
}

async fn a_cursor_of_another_tenant_or_list_is_refused(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    for name in ["one", "two"] {
        anna.post("/agents/", json!({ "name": name })).await.expect(201);
    }
    let page = anna.get("/agents/?limit=1").await.expect(200);
    let next = page["next"].as_str().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap().to_owned();

    let own = |path: &str| format!("{path}?limit=1&cursor={cursor}");
    anna.get(&own("/agents/")).await.expect(200);
    assert_eq!(ben.get(&own("/agents/")).await.code(), "cursor_invalid");
    assert_eq!(anna.get(&own("/webhooks/")).await.code(), "cursor_invalid");
    let forged = format!("/agents/?cursor=00{}", &cursor[2..cursor.len() - 1]);
    assert_eq!(anna.get(&forged).await.code(), "cursor_invalid");
    for position in 0..cursor.len() {
        let mut altered: Vec<char> = cursor.chars().collect();
        altered[position] = if altered[position] == '0' { '1' } else { '0' };
        let altered: String = altered.into_iter().collect();
        assert_eq!(
            anna.get(&format!("/agents/?cursor={altered}")).await.code(),
            "cursor_invalid",
            "{position}"
        );
    }
    assert_eq!(
        anna.get("/agents/?cursor=cD0yMDI2").await.code(),
        "cursor_invalid"
    );
}

stories![
    the_objects_of_another_tenant_do_not_exist,
    a_cursor_of_another_tenant_or_list_is_refused,
];
