//! Walking through a list, there and back.

use serde_json::{Value, json};
use url::Url;

use crate::support::{On, Tenant, start, start_with};

fn names(page: &Value) -> Vec<String> {
    page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| agent["name"].as_str().unwrap().into())
        .collect()
}

/// Follows a link as a client does: only what comes after the prefix counts.
async fn follow(tenant: &Tenant, link: &Value) -> Value {
    let link = link.as_str().expect("a link");
    let (_, path) = link.split_once("/api/v1").unwrap();
    tenant.get(path).await.expect(200)
}

async fn with_agents(tenant: &Tenant, count: usize) {
    for number in 0..count {
        tenant
            .post("/agents/", json!({ "name": number.to_string() }))
            .await
            .expect(201);
    }
}

async fn a_walk_meets_every_row_once_newest_first_and_leads_back(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    with_agents(&tenant, 5).await;

    let first = tenant.get("/agents/?limit=2").await.expect(200);
    assert_eq!(
        (names(&first), &first["previous"]),
        (vec!["4".into(), "3".into()], &Value::Null)
    );
    let second = follow(&tenant, &first["next"]).await;
    assert_eq!(names(&second), ["2", "1"]);
    let third = follow(&tenant, &second["next"]).await;
    assert_eq!((names(&third), &third["next"]), (vec!["0".into()], &Value::Null));

    let back = follow(&tenant, &third["previous"]).await;
    assert_eq!(names(&back), ["2", "1"]);
    let start = follow(&tenant, &back["previous"]).await;
    assert_eq!(
        (names(&start), &start["previous"]),
        (vec!["4".into(), "3".into()], &Value::Null)
    );
    assert_eq!(names(&follow(&tenant, &start["next"]).await), ["2", "1"]);
    assert!(first.get("count").is_none());
}

async fn rows_that_come_and_go_during_a_walk_neither_repeat_nor_hide_others(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    with_agents(&tenant, 4).await;

    let first = tenant.get("/agents/?limit=2").await.expect(200);
    tenant
        .post("/agents/", json!({ "name": "new" }))
        .await
        .expect(201);
    let last_seen = first["results"][1]["uid"].as_str().unwrap();
    assert_eq!(tenant.delete(&format!("/agents/{last_seen}/")).await.status, 204);

    let second = follow(&tenant, &first["next"]).await;
    assert_eq!(names(&second), ["1", "0"]);
    assert_eq!(names(&follow(&tenant, &second["previous"]).await), ["new", "3"]);
}

async fn deliveries_can_be_read_oldest_first(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let webhook = json!({ "target_url": "https://localhost:1/", "events": ["task.completed"] });
    let uid = tenant.post("/webhooks/", webhook).await.expect(201)["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    for _ in 0..3 {
        tenant
            .post(&format!("/webhooks/{uid}/test/"), json!({}))
            .await
            .expect(200);
    }
    let uids = |page: &Value| -> Vec<Value> {
        page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["uid"].clone())
            .collect()
    };
    let mut newest_first = uids(&tenant.get("/webhook-deliveries/").await.expect(200));

    let first = tenant
        .get("/webhook-deliveries/?limit=2&ordering=created_at")
        .await
        .expect(200);
    let second = follow(&tenant, &first["next"]).await;

    newest_first.reverse();
    assert_eq!([uids(&first), uids(&second)].concat(), newest_first);
    assert_eq!(uids(&follow(&tenant, &second["previous"]).await), uids(&first));
    assert_eq!(
        tenant.get("/webhook-deliveries/?ordering=secret").await.status,
        400
    );
}

async fn a_page_has_a_hundred_rows_unless_another_number_is_asked_for(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    with_agents(&tenant, 101).await;

    assert_eq!(names(&tenant.get("/agents/").await.expect(200)).len(), 100);
    assert_eq!(
        names(&tenant.get("/agents/?limit=1000").await.expect(200)).len(),
        101
    );
    for limit in ["0", "1001", "-1", "x", "4294967296"] {
        let answer = tenant.get(&format!("/agents/?limit={limit}")).await.expect(400);
        assert!(answer["limit"][0].is_string(), "{limit}: {answer}");
    }
}

async fn links_start_with_the_public_url_and_keep_the_question(on: On) {
    let running = start_with(on, |config| {
        config.public_url = Some(Url::parse("https://avala.example.com/").unwrap());
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    with_agents(&tenant, 2).await;
    let next = tenant.get("/agents/?limit=1").await.expect(200)["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        next.starts_with("https://avala.example.com/api/v1/agents/?limit=1&cursor="),
        "{next}"
    );

    let plain = start(on).await;
    let tenant = plain.tenant("a@example.com").await;
    with_agents(&tenant, 2).await;
    let next = tenant.get("/agents/?limit=1").await.expect(200)["next"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        next.starts_with(&format!("http://{}/api/v1/agents/", plain.address)),
        "{next}"
    );
}

stories![
    a_walk_meets_every_row_once_newest_first_and_leads_back,
    rows_that_come_and_go_during_a_walk_neither_repeat_nor_hide_others,
    deliveries_can_be_read_oldest_first,
    a_page_has_a_hundred_rows_unless_another_number_is_asked_for,
    links_start_with_the_public_url_and_keep_the_question,
];
