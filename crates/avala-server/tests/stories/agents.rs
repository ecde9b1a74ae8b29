//! Agents: registering, polling, deciding.

use std::time::Duration;

use avala_api::EventName;
use serde_json::{Map, Value, json};

use crate::{
    home::has_postgres,
    support::{On, Running, Tenant, start, within},
};

async fn registered(tenant: &Tenant) -> Value {
    tenant
        .post(
            "/agents/",
            json!({ "name": "checker", "events": ["task.completed"] }),
        )
        .await
        .expect(201)
}

async fn enqueue(running: &Running, agent: &Value, payload: Value) -> String {
    let Value::Object(payload) = payload else {
        panic!("not an object")
    };
    let agent = agent["uid"].as_str().unwrap().into();
    let execution = running
        .server
        .agents()
        .enqueue_execution(&agent, EventName::TaskCompleted, payload)
        .await;
    execution.unwrap().to_string()
}

async fn an_agent_lives(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;

    let made = tenant
        .post(
            "/agents/",
            json!({
                "name": "checker", "events": ["task.completed"], "description": "d",
                "callback_url": "https://example.com/hook", "project": "p", "task_types": ["cuboid"],
            }),
        )
        .await
        .expect(201);
    assert_eq!(made["secret"].as_str().unwrap().len(), 64);
    let path = format!("/agents/{}/", made["uid"].as_str().unwrap());

    let got = tenant.get(&path).await.expect(200);
    assert_eq!(got["secret"], Value::Null, "the secret is told once");
    assert_eq!(got["execution_stats"], json!({}));
    assert_eq!(got["task_types"], json!(["cuboid"]));

    let changed = tenant
        .patch(&path, json!({ "callback_url": null, "is_active": false }))
        .await
        .expect(200);
    assert_eq!(
        (&changed["callback_url"], &changed["is_active"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(
        (&changed["description"], &changed["project"]),
        (&json!("d"), &json!("p"))
    );
    assert_eq!(tenant.get(&path).await.expect(200)["is_active"], json!(false));

    assert_eq!(tenant.delete(&path).await.status, 204);
    assert_eq!(tenant.get(&path).await.status, 404);
    assert_eq!(tenant.delete(&path).await.status, 404);
}

async fn registering_a_name_again_changes_the_agent(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let first = registered(&tenant).await;

    let again = tenant
        .post(
            "/agents/",
            json!({ "name": "checker", "events": ["export.failed"] }),
        )
        .await
        .expect(201);

    assert_eq!(again["uid"], first["uid"]);
    assert_eq!(again["events"], json!(["export.failed"]));
    assert_eq!(again["secret"], Value::Null);
    assert_eq!(
        tenant.get("/agents/").await.expect(200)["results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let other = tenant
        .post("/agents/", json!({ "name": "other" }))
        .await
        .expect(201);
    let taken = tenant
        .patch(
            &format!("/agents/{}/", other["uid"].as_str().unwrap()),
            json!({ "name": "checker" }),
        )
        .await;
    assert_eq!(
        taken.expect(400),
        json!({ "name": ["An agent with this name already exists."] })
    );
}

async fn a_poll_finds_what_waits_and_a_decision_ends_it(on: On) {
    // Given an agent and an event for it.
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let agent = registered(&tenant).await;
    let execution = enqueue(
        &running,
        &agent,
        json!({ "task_uid": "t1", "task_type": "cuboid" }),
    )
    .await;
    let path = format!("/agents/{}/executions/", agent["uid"].as_str().unwrap());

    // When it polls, it finds the event.
    let page = tenant.get(&format!("{path}?status=pending")).await.expect(200);
    let found = &page["results"][0];
    assert_eq!(
        (&found["uid"], &found["registration"]),
        (&json!(execution), &agent["uid"])
    );
    assert_eq!(
        (&found["event_type"], &found["task"]),
        (&json!("task.completed"), &json!("t1"))
    );
    assert_eq!(
        found["event_payload"],
        json!({ "task_uid": "t1", "task_type": "cuboid" })
    );

    // When it decides, twice, since it did not hear the first answer.
    let decision = json!({ "execution": execution, "action": "approve", "reason": "good" });
    for _ in 0..2 {
        assert_eq!(
            tenant.post("/agent-actions/", decision.clone()).await.expect(200),
            json!({ "status": "ok" })
        );
    }

    // Then nothing waits, the decision is kept, and another one is refused.
    assert_eq!(
        tenant.get(&format!("{path}?status=pending")).await.expect(200)["results"],
        json!([])
    );
    let kept = &tenant.get(&format!("{path}?status=success")).await.expect(200)["results"][0];
    assert_eq!(
        (&kept["action"], &kept["response_payload"]["reason"]),
        (&json!("approve"), &json!("good"))
    );
    assert!(kept["completed_at"].is_string());
    let other = tenant
        .post(
            "/agent-actions/",
            json!({ "execution": execution, "action": "reject" }),
        )
        .await;
    assert_eq!((other.status, other.code().as_str()), (409, "execution_decided"));
    let agent = tenant
        .get(&format!("/agents/{}/", agent["uid"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(agent["execution_stats"], json!({ "success": 1 }));
}

async fn a_poll_can_ask_for_a_project_and_for_types_of_task(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let agent = registered(&tenant).await;
    for (project, task_type) in [("p1", "cuboid"), ("p1", "polyline"), ("p2", "cuboid")] {
        enqueue(
            &running,
            &agent,
            json!({ "project_uid": project, "task_type": task_type }),
        )
        .await;
    }
    let path = format!("/agents/{}/executions/", agent["uid"].as_str().unwrap());
    for (query, expected) in [
        ("", 3),
        ("?project=p1", 2),
        ("?task_types=cuboid", 2),
        ("?task_types=cuboid,polyline", 3),
        ("?project=p2&task_types=polyline", 0),
        ("?status=running", 0),
        ("?project=p1%27%20OR%201=1--", 0),
    ] {
        let page = tenant.get(&format!("{path}{query}")).await.expect(200);
        assert_eq!(page["results"].as_array().unwrap().len(), expected, "{query}");
    }
}

async fn what_cannot_be_is_refused(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for (body, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x".repeat(256) }), "name"),
        (json!({ "name": "a", "events": ["nonsense"] }), "events"),
        (
            json!({ "name": "a", "callback_url": "http://example.com/" }),
            "callback_url",
        ),
        (json!({ "name": "a", "task_types": ["a,b"] }), "task_types"),
        (json!({ "name": "a", "secret": "x".repeat(256) }), "secret"),
    ] {
        let refused = tenant.post("/agents/", body.clone()).await.expect(400);
        assert!(refused[field][0].is_string(), "{body}: {refused}");
    }
    let refused = tenant
        .post("/agent-actions/", json!({ "execution": "x", "action": "label" }))
        .await
        .expect(400);
    assert!(refused["action"][0].is_string());
    let unknown = running
        .server
        .agents()
        .enqueue_execution(&"nobody".into(), EventName::TaskCompleted, Map::new())
        .await;
    assert!(unknown.is_err());
}

async fn fields_are_bounded(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let events = |count: usize| vec!["task.completed"; count];
    let fits = json!({
        "name": "n".repeat(255), "description": "d".repeat(10_000), "project": "p".repeat(255),
        "events": events(100), "task_types": vec!["cuboid"; 100],
    });
    let made = tenant.post("/agents/", fits).await.expect(201);
    let path = format!("/agents/{}/", made["uid"].as_str().unwrap());
    for (field, value) in [
        ("description", json!("d".repeat(10_001))),
        ("project", json!("p".repeat(256))),
        ("events", json!(events(101))),
        ("task_types", json!(vec!["cuboid"; 101])),
        ("name", json!("n".repeat(256))),
    ] {
        let refused = tenant.patch(&path, json!({ field: value })).await.expect(400);
        assert!(refused[field][0].is_string(), "{field}: {refused}");
    }
    let webhook = json!({ "target_url": "https://example.com/", "events": events(101) });
    let refused = tenant.post("/webhooks/", webhook).await.expect(400);
    assert!(refused["events"][0].is_string(), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_name_taken_while_somebody_registers_it_is_a_field_error() {
    if !has_postgres("a_name_taken_while_somebody_registers_it_is_a_field_error") {
        return;
    }
    // Given an agent, and a database that takes its time to insert another one.
    let running = start(On::Postgres).await;
    let tenant = running.tenant("a@example.com").await;
    let path = format!("/agents/{}/", registered(&tenant).await["uid"].as_str().unwrap());
    for statement in [
        "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_sleep(1); RETURN NEW; END'",
        "CREATE TRIGGER lingers BEFORE INSERT ON agents FOR EACH ROW EXECUTE FUNCTION linger()",
    ] {
        running.dir.execute(statement).await;
    }

    // When the first is given the name of the other one meanwhile, then the other one has it.
    let rename = async {
        within(Duration::from_secs(5), || async {
            running.dir.lines(SLEEPERS).await == ["1"]
        })
        .await;
        tenant.patch(&path, json!({ "name": "other" })).await
    };
    let other = json!({ "name": "other", "events": ["task.completed"] });
    let (made, renamed) = tokio::join!(tenant.post("/agents/", other), rename);
    made.expect(201);
    assert!(renamed.expect(400)["name"][0].is_string());
    running.stop().await;
}

/// How many statements sleep in the database.
const SLEEPERS: &str = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";

stories![
    an_agent_lives,
    registering_a_name_again_changes_the_agent,
    a_poll_finds_what_waits_and_a_decision_ends_it,
    a_poll_can_ask_for_a_project_and_for_types_of_task,
    what_cannot_be_is_refused,
    fields_are_bounded,
];
