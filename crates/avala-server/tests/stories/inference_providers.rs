//! Inference providers: a model is asked something, and what opens it is never seen again.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::{
    bucket_keepers::Keeper,
    sealed::holds,
    support::{On, Running, Tenant, start, start_with},
};

pub(crate) async fn allowing_loopback(on: On) -> Running {
    start_with(on, |config| {
        config.allow_webhook_targets = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await
}

/// A model that answers with this status.
pub(crate) async fn model(status: u16) -> Keeper {
    Keeper::answering(move |_| (status, r#"{"boxes":[]}"#.into())).await
}

pub(crate) fn provider(endpoint: &str) -> Value {
    json!({ "name": "boxes", "provider_type": "http", "config": {
        "endpoint_url": endpoint, "auth_header": "canary-credential", "auth_type": "Bearer",
        "headers": { "X-Api-Key": "canary-key", "X-Model": "boxes-2" }, "timeout": 5, "response_key": "boxes",
    } })
}

pub(crate) async fn make(tenant: &Tenant, body: Value) -> String {
    let made = tenant.post("/inference-providers/", body).await.expect(201);
    format!("/inference-providers/{}/", made["uid"].as_str().unwrap())
}

pub(crate) async fn test(tenant: &Tenant, path: &str) -> Value {
    tenant.post(&format!("{path}test/"), json!({})).await.expect(200)
}

/// A project of this tenant's, made beside the API.
async fn project(running: &Running, tenant: &Tenant, uid: &'static str) {
    let email = tenant.user.email.clone().unwrap();
    let statement = format!(
        "INSERT INTO projects (uid, organization, name, status, task_type, visibility, created_at, updated_at)
         SELECT '{uid}', m.organization, 'p', 'active', 'box', 'private', 1, 1
         FROM memberships m JOIN users u ON u.uid = m.\"user\" WHERE u.email = '{email}'"
    );
    assert_eq!(running.dir.execute(statement.leak()).await, 1);
}

async fn an_inference_provider_lives(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let mut body = provider("https://models.example.com/boxes?version=2");
    body["description"] = json!("finds boxes");

    let made = tenant.post("/inference-providers/", body).await.expect(201);
    assert_eq!(
        (
            &made["name"],
            &made["description"],
            &made["is_active"],
            &made["provider_type"]
        ),
        (
            &json!("boxes"),
            &json!("finds boxes"),
            &json!(true),
            &json!("http")
        )
    );
    assert_eq!(
        (
            &made["project"],
            &made["last_test_at"],
            &made["last_test_success"]
        ),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let path = format!("/inference-providers/{}/", made["uid"].as_str().unwrap());
    assert_eq!(tenant.get(&path).await.expect(200), made);
    assert_eq!(
        tenant.get("/inference-providers/").await.expect(200)["results"],
        json!([made])
    );

    let new = json!({ "name": "more boxes", "is_active": false, "description": null });
    let changed = tenant.patch(&path, new).await.expect(200);
    assert_eq!(
        (
            &changed["name"],
            &changed["description"],
            &changed["is_active"],
            &changed["config"]
        ),
        (&json!("more boxes"), &Value::Null, &json!(false), &made["config"])
    );
    assert_eq!(tenant.get(&path).await.expect(200), changed);
    assert_eq!(
        tenant.patch(&path, json!({})).await.expect(200)["name"],
        "more boxes"
    );

    assert_eq!(tenant.delete(&path).await.status, 204);
    for gone in [
        tenant.get(&path).await,
        tenant.patch(&path, json!({})).await,
        tenant.delete(&path).await,
        tenant.post(&format!("{path}test/"), json!({})).await,
    ] {
        assert_eq!(gone.status, 404);
    }
}

async fn a_test_asks_the_model_as_the_config_says(on: On) {
    // Given a model that answers.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let model = model(201).await;
    let path = make(&tenant, provider(&format!("{}boxes?a=1", model.url()))).await;

    // When the provider is tested.
    let result = test(&tenant, &path).await;

    // Then the model was asked, with all that opens it.
    {
        let arrived = model.arrived.lock().unwrap();
        let [asked] = &arrived[..] else {
            panic!("asked once")
        };
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("POST", "/boxes?a=1")
        );
        for (name, value) in [
            ("authorization", "Bearer canary-credential"),
            ("x-api-key", "canary-key"),
            ("x-model", "boxes-2"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(asked.rest.header(name), Some(value), "{name}");
        }
        assert!(asked.rest.json().is_object());
    }

    // And the answer and the provider say what became of it.
    assert_eq!(
        (&result["success"], &result["message"]),
        (&json!(true), &json!("The model answered with status 201."))
    );
    let took = result["latency_ms"].as_f64().unwrap();
    assert!((0.0..20_000.0).contains(&took), "{took}");
    let got = tenant.get(&path).await.expect(200);
    assert_eq!(
        (&got["last_test_success"], &got["last_test_at"]),
        (&json!(true), &result["tested_at"])
    );
}

async fn the_outcome_of_a_test_is_that_of_what_was_tested(on: On) {
    // Given a provider that was tested.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let model = model(200).await;
    let path = make(&tenant, provider(model.url().as_str())).await;
    test(&tenant, &path).await;
    let renamed = tenant
        .patch(&path, json!({ "name": "more boxes" }))
        .await
        .expect(200);
    assert_eq!(renamed["last_test_success"], json!(true));

    // When its config is changed, then nothing is known of it any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = provider(&format!("http://{}/", listener.local_addr().unwrap()))["config"].clone();
    let changed = tenant
        .patch(&path, json!({ "config": elsewhere }))
        .await
        .expect(200);
    let untested = |provider: &Value| {
        (
            provider["last_test_at"].is_null(),
            provider["last_test_success"].is_null(),
        )
    };
    assert_eq!(untested(&changed), (true, true));
    assert_eq!(untested(&tenant.get(&path).await.expect(200)), (true, true));

    // And when it is changed while the model is thinking, then what the model says is told, and not kept.
    let change = async {
        let (thinking, _) = listener.accept().await.unwrap();
        let body = json!({ "config": provider(model.url().as_str())["config"] });
        tenant.patch(&path, body).await.expect(200);
        drop(thinking);
    };
    let (result, ()) = tokio::join!(test(&tenant, &path), change);
    assert_eq!(result["success"], json!(false));
    assert_eq!(untested(&tenant.get(&path).await.expect(200)), (true, true));
}

async fn a_model_that_fails_is_an_answer(on: On) {
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    // A redirect is not followed.
    for status in [500, 401, 302] {
        let model = model(status).await;
        let path = make(&tenant, provider(model.url().as_str())).await;
        let result = test(&tenant, &path).await;
        assert_eq!(
            (&result["success"], &result["message"]),
            (
                &json!(false),
                &json!(format!("The model answered with status {status}."))
            )
        );
        assert_eq!(
            tenant.get(&path).await.expect(200)["last_test_success"],
            json!(false)
        );
        assert_eq!(model.arrived.lock().unwrap().len(), 1);
    }

    // This server does not speak to SageMaker, and says so with the same members.
    let body = json!({ "name": "a", "provider_type": "sagemaker", "config": {
        "endpoint_name": "boxes-2", "region": "us-west-2",
    } });
    let path = make(&tenant, body).await;
    let result = test(&tenant, &path).await;
    assert_eq!(result["success"], json!(false));
    assert!(result["message"].as_str().unwrap().contains("AWS identity"));
    assert!(result["tested_at"].is_string() && result["latency_ms"].is_number());
}

async fn the_timeout_of_a_config_is_kept(on: On) {
    // Given a model that takes the call and says nothing.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut body = provider(&format!("http://{}/", listener.local_addr().unwrap()));
    body["config"]["timeout"] = json!(0.2);
    let path = make(&tenant, body).await;

    let result = test(&tenant, &path).await;

    assert_eq!(result["message"], "The model could not be reached.");
    let took = result["latency_ms"].as_f64().unwrap();
    assert!((200.0..5_000.0).contains(&took), "{took}");
}

async fn the_network_of_the_server_is_not_told(on: On) {
    // Given providers that lead inside: to a listener, to a closed port, under a name that is refused only when asked.
    let model = model(200).await;
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let mut messages = Vec::new();
    for endpoint in [
        format!("https://localhost:{}/", model.address.port()),
        "https://localhost:1/".into(),
    ] {
        let path = make(&tenant, provider(&endpoint)).await;
        messages.push(test(&tenant, &path).await["message"].clone());
    }
    // Then nobody was asked, and the answers are the same.
    assert_eq!(messages[0], messages[1]);
    assert!(model.arrived.lock().unwrap().is_empty());
}

async fn a_provider_is_limited_to_a_project_of_its_own_organization(on: On) {
    // Given a project of each of two tenants.
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    project(&running, &anna, "annas-project").await;
    project(&running, &ben, "bens-project").await;
    let limited = |project: &str| {
        let mut body = provider("https://models.example.com/");
        body["project"] = json!(project);
        body
    };

    // Then one's own can be named; another's is as one that never was.
    let path = make(&anna, limited("annas-project")).await;
    assert_eq!(anna.get(&path).await.expect(200)["project"], "annas-project");
    let theirs = anna.post("/inference-providers/", limited("bens-project")).await;
    let absent = anna.post("/inference-providers/", limited("nobody")).await;
    assert_eq!(theirs.expect(400)["project"], json!(["Not found."]));
    assert_eq!(theirs.body, absent.body);
    let theirs = anna.patch(&path, json!({ "project": "bens-project" })).await;
    assert_eq!(theirs.body, absent.body);

    // And it can be cleared, and goes with the project.
    assert_eq!(
        anna.patch(&path, json!({ "project": null })).await.expect(200)["project"],
        Value::Null
    );
    anna.patch(&path, json!({ "project": "annas-project" }))
        .await
        .expect(200);
    running
        .dir
        .execute("DELETE FROM projects WHERE uid = 'annas-project'")
        .await;
    assert_eq!(anna.get(&path).await.expect(200)["project"], Value::Null);
}

async fn the_providers_of_another_tenant_do_not_exist(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let path = make(&anna, provider("https://models.example.com/")).await;
    let test_path = format!("{path}test/");
    for (method, theirs, absent) in [
        ("GET", path.as_str(), "/inference-providers/x/"),
        ("PATCH", path.as_str(), "/inference-providers/x/"),
        ("DELETE", path.as_str(), "/inference-providers/x/"),
        ("POST", test_path.as_str(), "/inference-providers/x/test/"),
    ] {
        let body = (method != "GET").then(|| json!({}));
        let theirs = ben.send(method, theirs, body.clone()).await;
        assert_eq!(theirs.status, 404, "{method}");
        assert_eq!(theirs.body, ben.send(method, absent, body).await.body);
    }
    assert_eq!(
        ben.get("/inference-providers/").await.expect(200)["results"],
        json!([])
    );
    assert_eq!(anna.get(&path).await.status, 200);
}

async fn secrets_are_sealed_and_never_answered(on: On) {
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let model = model(500).await;
    let mut body = provider(&format!("{}?token=canary-in-url", model.url()));
    body["name"] = json!("visible-name");
    body["config"]["more"] = json!({ "list": [{ "password": "canary-inside" }] });
    let said = Arc::new(Mutex::new(Vec::new()));
    let hear = |answer: crate::support::Answer| {
        said.lock().unwrap().extend(answer.body.clone());
        answer
    };
    let made = hear(tenant.post("/inference-providers/", body).await).expect(201);
    let path = format!("/inference-providers/{}/", made["uid"].as_str().unwrap());
    hear(tenant.get(&path).await);
    hear(tenant.get("/inference-providers/").await);
    hear(tenant.patch(&path, json!({ "is_active": false })).await);
    hear(tenant.post(&format!("{path}test/"), json!({})).await);
    hear(
        tenant
            .patch(&path, json!({ "config": { "auth_header": "canary" } }))
            .await,
    );

    let said = String::from_utf8(said.lock().unwrap().clone()).unwrap();
    assert!(
        said.contains("visible-name") && !said.contains("canary"),
        "{said}"
    );
    assert!(holds(&running, "visible-name").await);
    assert!(!holds(&running, "canary").await);
}

stories![
    an_inference_provider_lives,
    a_test_asks_the_model_as_the_config_says,
    the_outcome_of_a_test_is_that_of_what_was_tested,
    a_model_that_fails_is_an_answer,
    the_timeout_of_a_config_is_kept,
    the_network_of_the_server_is_not_told,
    a_provider_is_limited_to_a_project_of_its_own_organization,
    the_providers_of_another_tenant_do_not_exist,
    secrets_are_sealed_and_never_answered,
];
