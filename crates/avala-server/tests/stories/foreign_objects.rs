//! Two tenants and every operation of the contract that names an object: what is another's is not there.

use std::{collections::BTreeMap, time::Duration};

use avala_api::{Method, Route, catalogue::DECLARED};
use serde_json::{Value, json};

use crate::{
    inference_providers::provider,
    storage_configs::s3_bucket,
    support::{Answer, On, Running, Tenant, start, start_with, within},
};

/// What the contract says of each operation.
pub(crate) fn contract() -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../avala-api/contract/operations.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The body that an operation must have at least, by what the contract says of its members.
fn least_body(operation: &str, contract: &[Value]) -> Value {
    let row = contract.iter().find(|row| row["operation"] == operation).unwrap();
    let members = row["request"].as_object().into_iter().flatten();
    let required = members.filter(|(_, member)| member["required"] == true);
    let value = |member: &Value| match member["types"][0].as_str().unwrap() {
        "object" => json!({"kind": "full"}),
        "array" => json!([]),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        _ => json!("x"),
    };
    Value::Object(
        required
            .map(|(name, member)| (name.clone(), value(member)))
            .collect(),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An object of every kind: for each path below which it is found, what stands in the place of each parameter.
async fn objects(running: &Running, of: &Tenant) -> BTreeMap<&'static str, Vec<String>> {
    for statement in [
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-1', uid, 'One', 'active', 'private', 0, 0 FROM organizations WHERE name = 'anna'",
        "INSERT INTO tasks (uid, organization, project, status, created_at, updated_at)
         SELECT 't-1', organization, 'p-1', 'pending', 0, 0 FROM projects WHERE uid = 'p-1'",
    ] {
        assert_eq!(running.dir.execute(statement).await, 1);
    }
    let made = async |path: &str, body: Value| {
        let answer = of.post(path, body).await;
        assert!(
            answer.status < 300,
            "{path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        answer.json()
    };
    let webhook = json!({ "target_url": "https://localhost:1/", "events": ["task.completed"] });
    let webhook = text(&made("/webhooks/", webhook).await["uid"]);
    made(&format!("/webhooks/{webhook}/test/"), json!({})).await;
    let delivery = text(&of.get("/webhook-deliveries/").await.expect(200)["results"][0]["uid"]);
    let agent = text(&made("/agents/", json!({ "name": "a" })).await["uid"]);
    let slug = text(&of.get("/organizations/").await.expect(200)["results"][0]["slug"]);
    let account = made("/service-accounts/", json!({ "name": "s" })).await;
    let dataset = json!({ "name": "D", "slug": "d", "data_type": "image" });
    let dataset = text(&made("/datasets/", dataset).await["uid"]);
    let export = made("/exports/", json!({ "project": "p-1", "projects": ["p-1"] })).await;
    let bucket = made("/storage-configs/", s3_bucket("nobodys")).await;
    let model = made("/inference-providers/", provider("https://localhost:1/")).await;
    let job = made(
        "/projects/p-1/auto-label/",
        json!({ "model_type": "yolo", "dry_run": true }),
    )
    .await;
    within(Duration::from_secs(20), || async {
        let job = of
            .get(&format!("/auto-label-jobs/{}/", text(&job["uid"])))
            .await
            .json();
        !["pending", "running"].contains(&job["status"].as_str().unwrap())
    })
    .await;
    [
        ("/webhooks/", vec![webhook]),
        ("/webhook-deliveries/", vec![delivery]),
        ("/agents/", vec![agent]),
        ("/api-keys/", vec![of.key.id().to_string()]),
        ("/organizations/", vec![slug.clone()]),
        (
            "/organizations/{slug}/members/{user_uid}/",
            vec![slug.clone(), of.user.uid.to_string()],
        ),
        ("/service-accounts/", vec![text(&account["uid"])]),
        ("/users/me/projects/", vec!["p-1".to_owned()]),
        ("/projects/", vec!["p-1".to_owned()]),
        ("/tasks/", vec!["t-1".to_owned()]),
        ("/datasets/{owner}/", vec![slug, "d".to_owned()]),
        ("/datasets/", vec![dataset]),
        ("/exports/", vec![text(&export["uid"])]),
        ("/storage-configs/", vec![text(&bucket["uid"])]),
        ("/inference-providers/", vec![text(&model["uid"])]),
        ("/auto-label-jobs/", vec![text(&job["uid"])]),
    ]
    .into()
}

/// The path of a route with these in the places of its parameters.
fn filled(route: &Route, values: &[String]) -> String {
    let mut path = route.path.to_owned();
    let names: Vec<&str> = route.parameters().collect();
    assert_eq!(
        names.len(),
        values.len(),
        "{}: which objects are these?",
        route.path
    );
    for (name, value) in names.iter().zip(values) {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    path
}

async fn ask(who: &Tenant, route: &Route, path: &str, contract: &[Value]) -> Answer {
    let body = (route.method != Method::Get && route.method != Method::Delete)
        .then(|| least_body(route.operation, contract));
    who.send(route.method.as_str(), path, body).await
}

async fn every_operation_that_names_an_object_finds_none_of_another_tenants(on: On) {
    let contract = contract();
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let objects = objects(&running, &anna).await;
    let mut routes: Vec<&Route> = DECLARED
        .iter()
        .filter(|route| route.parameters().next().is_some())
        .collect();
    // What ends an object comes last, so that it is still there for the others.
    routes.sort_by_key(|route| {
        route.method == Method::Delete || ["api_keys.revoke", "api_keys.disable"].contains(&route.operation)
    });
    assert!(routes.len() >= 33, "{}", routes.len());
    for route in &routes {
        let (_, values) = objects
            .iter()
            .rev()
            .find(|(below, _)| route.path.starts_with(**below))
            .unwrap_or_else(|| panic!("{}: an object of this kind is missing here", route.path));
        let never: Vec<String> = values.iter().map(|_| "000000000000".to_owned()).collect();
        let (theirs, absent) = (filled(route, values), filled(route, &never));

        let foreign = ask(&ben, route, &theirs, &contract).await;
        let never = ask(&ben, route, &absent, &contract).await;
        assert_eq!(foreign.status, 404, "{} {theirs}", route.operation);
        assert_eq!(foreign.body, never.body, "{}", route.operation);
    }
    // And whose they are finds every one of them: with wrong objects, the story would be about nothing.
    for route in &routes {
        let (_, values) = objects
            .iter()
            .rev()
            .find(|(below, _)| route.path.starts_with(**below))
            .unwrap();
        // Her own key does not end itself here.
        if ["api_keys.revoke", "api_keys.disable"].contains(&route.operation) {
            continue;
        }
        let own = ask(&anna, route, &filled(route, values), &contract).await;
        assert!(
            own.status != 404 && own.status < 500,
            "{}: {}",
            route.operation,
            own.status
        );
    }
}

async fn another_tenants_object_is_not_taken_in_a_body_or_a_filter(on: On) {
    let running = start_with(on, |_| {}).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let objects = objects(&running, &anna).await;
    let slug = &objects["/organizations/"][0];

    // In a body.
    for (path, body) in [
        ("/exports/", json!({ "project": "p-1", "projects": ["p-1"] })),
        (
            "/datasets/",
            json!({ "name": "D", "slug": "d2", "data_type": "image", "owner_name": slug, "organization": slug }),
        ),
        ("/agents/", json!({ "name": "b", "project": "p-1" })),
        ("/inference-providers/", {
            let mut body = provider("https://localhost:1/");
            body["project"] = json!("p-1");
            body
        }),
        (
            "/api-keys/",
            json!({ "name": "k", "access": {"kind": "full"}, "owner": anna.user.uid }),
        ),
    ] {
        let answer = ben.post(path, body).await;
        assert!(
            [400, 403, 404].contains(&answer.status) || path == "/datasets/" || path == "/agents/",
            "{path}"
        );
        if answer.status < 300 {
            // Made, and it is his own.
            let uid = text(&answer.json()["uid"]);
            ben.get(&format!("{path}{uid}/")).await.expect(200);
            assert_eq!(anna.get(&format!("{path}{uid}/")).await.status, 404, "{path}");
        }
    }
    let answer = ben
        .send(
            "POST",
            &format!("/storage-configs/?organization={slug}"),
            Some(s3_bucket("x")),
        )
        .await;
    assert!([400, 403, 404].contains(&answer.status), "{}", answer.status);

    // In a filter: as if nothing were there.
    for path in [
        "/tasks/?project=p-1".to_owned(),
        "/auto-label-jobs/?project=p-1".to_owned(),
        format!("/api-keys/?owner={}", text(&json!(anna.user.uid))),
        format!("/storage-configs/?organization={slug}"),
    ] {
        let answer = ben.get(&path).await;
        if answer.status == 200 {
            assert_eq!(answer.json()["results"], json!([]), "{path}");
        } else {
            assert!([400, 403, 404].contains(&answer.status), "{path}");
        }
    }
    // And in a list there is nothing of hers.
    for row in contract().iter().filter(|row| row["method"] == "GET") {
        let path = text(&row["path"]);
        let is_served = DECLARED.iter().any(|route| route.path == path);
        if !is_served || path.contains('{') {
            continue;
        }
        let said = String::from_utf8_lossy(&ben.get(&path).await.body).into_owned();
        for values in objects.values() {
            for value in values.iter().filter(|value| value.len() > 4) {
                assert!(!said.contains(&format!("\"{value}\"")), "{path}: {value}");
            }
        }
    }
}

stories![
    every_operation_that_names_an_object_finds_none_of_another_tenants,
    another_tenants_object_is_not_taken_in_a_body_or_a_filter,
];
