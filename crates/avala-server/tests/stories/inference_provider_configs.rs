//! Configs of inference providers: what they must say, and secrets that survive being read and written back.

use serde_json::{Value, json};

use crate::{
    inference_providers::{allowing_loopback, make, model, provider, test},
    support::{On, start},
};

const MARKER: &str = "[redacted]";

async fn what_cannot_be_is_refused_by_field(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let refused = async |provider_type: &str, config: Value, field: &str| {
        let body = json!({ "name": "a", "provider_type": provider_type, "config": config });
        let errors = tenant.post("/inference-providers/", body).await.expect(400);
        assert_eq!(errors.as_object().unwrap().len(), 1, "{config}: {errors}");
        assert!(errors[field][0].is_string(), "{config}: {errors}");
        assert!(!errors.to_string().contains("canary"));
    };
    for endpoint in [
        Value::Null,
        json!(1),
        json!("http://models.example.com/"),
        json!("https://10.0.0.1/"),
        json!("https://user:canary@example.com/"),
    ] {
        refused("http", json!({ "endpoint_url": endpoint }), "config.endpoint_url").await;
    }
    for (member, value) in [
        ("auth_header", json!("canary\r\nX: y")),
        ("auth_header", json!(1)),
        ("auth_type", json!({})),
        ("response_key", json!([])),
        ("headers", json!([])),
        ("headers", json!({ "a b": "c" })),
        ("headers", json!({ "a": "canary\n" })),
        ("headers", json!({ "a": 1 })),
        ("headers", json!({ "Host": "evil" })),
        ("headers", json!({ "Transfer-Encoding": "chunked" })),
        ("timeout", json!(0)),
        ("timeout", json!("5")),
        ("timeout", json!(301)),
    ] {
        let config = json!({ "endpoint_url": "https://models.example.com/", member: value });
        refused("http", config, &format!("config.{member}")).await;
    }
    let long = json!({ "endpoint_url": "https://models.example.com/", "more": "x".repeat(20_000) });
    refused("http", long, "config").await;
    refused("http", json!("canary"), "config").await;
    let (name, region) = (json!("boxes-2"), json!("eu-central-1"));
    refused("sagemaker", json!({ "endpoint_name": name }), "config.region").await;
    refused("sagemaker", json!({ "region": region }), "config.endpoint_name").await;
    let wrong = json!({ "region": region, "endpoint_name": "a/b" });
    refused("sagemaker", wrong, "config.endpoint_name").await;
    refused("openai", json!({}), "provider_type").await;
}

async fn all_that_is_wrong_is_told_at_once(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    let all = json!({
        "name": "", "provider_type": "http", "config": { "timeout": -1 }, "description": "x".repeat(10_001),
        "project": "none",
    });
    let errors = tenant.post("/inference-providers/", all).await.expect(400);
    let fields: Vec<&String> = errors.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "config.endpoint_url",
            "config.timeout",
            "description",
            "name",
            "project"
        ]
    );

    // A type that does not fit the stored config is refused, too.
    let path = make(&tenant, provider("https://models.example.com/")).await;
    let refused = tenant
        .patch(&path, json!({ "provider_type": "sagemaker" }))
        .await
        .expect(400);
    assert!(refused["config.region"][0].is_string(), "{refused}");
    assert_eq!(tenant.get(&path).await.expect(200)["provider_type"], "http");
}

async fn what_was_read_can_be_written_back(on: On) {
    // Given a provider, read: its secrets do not show.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let model = model(200).await;
    let endpoint = format!("{}boxes?api_key=canary-in-url&code=canary-code&a=1", model.url());
    let path = make(&tenant, provider(&endpoint)).await;
    let read = tenant.get(&path).await.expect(200);
    let mut config = read["config"].clone();
    assert_eq!(
        (&config["auth_header"], &config["headers"]),
        (&json!(MARKER), &json!({ "X-Api-Key": MARKER, "X-Model": MARKER }))
    );
    assert_eq!(
        config["endpoint_url"],
        json!(format!(
            "{}boxes?api_key={MARKER}&code={MARKER}&a={MARKER}",
            model.url()
        ))
    );

    // When one member is changed and all are written back.
    config["response_key"] = json!("objects");
    config["headers"]["X-Model"] = json!("boxes-3");
    let written = tenant.patch(&path, json!({ "config": config })).await.expect(200);
    config["headers"]["X-Model"] = json!(MARKER);
    assert_eq!(written["config"], config);

    // Then the secrets are what they were.
    assert_eq!(test(&tenant, &path).await["success"], json!(true));
    {
        let arrived = model.arrived.lock().unwrap();
        assert_eq!(
            arrived[0].target,
            "/boxes?api_key=canary-in-url&code=canary-code&a=1"
        );
        assert_eq!(
            arrived[0].rest.header("authorization"),
            Some("Bearer canary-credential")
        );
        assert_eq!(arrived[0].rest.header("x-api-key"), Some("canary-key"));
        assert_eq!(arrived[0].rest.header("x-model"), Some("boxes-3"));
    }

    // And a secret that is set anew is the new one, one that is left out is gone.
    config["auth_header"] = json!("Basic canary-new");
    config.as_object_mut().unwrap().remove("headers");
    tenant.patch(&path, json!({ "config": config })).await.expect(200);
    test(&tenant, &path).await;
    let arrived = model.arrived.lock().unwrap();
    assert_eq!(arrived[1].rest.header("authorization"), Some("Basic canary-new"));
    assert_eq!(arrived[1].rest.header("x-api-key"), None);
}

async fn a_secret_stays_with_its_endpoint(on: On) {
    // Given a provider, and somebody who may change it but does not know its secrets.
    let running = allowing_loopback(on).await;
    let tenant = running.tenant("a@example.com").await;
    let (rightful, thief) = (model(200).await, model(200).await);
    let path = make(&tenant, provider(rightful.url().as_str())).await;
    let read = tenant.get(&path).await.expect(200)["config"].clone();

    // When the endpoint is changed and the secrets are to stay, or are moved to another name, then that is refused.
    let mut elsewhere = read.clone();
    elsewhere["endpoint_url"] = json!(thief.url().as_str());
    let mut moved = read.clone();
    moved["headers"]["X-Other"] = json!(MARKER);
    let mut renamed = read.clone();
    renamed["response_key"] = json!(format!("a {MARKER} b"));
    for config in [elsewhere.clone(), moved, renamed] {
        let refused = tenant.patch(&path, json!({ "config": config })).await.expect(400);
        assert!(
            refused["config"][0].as_str().unwrap().contains("anew"),
            "{refused}"
        );
    }
    let fresh = tenant.post(
        "/inference-providers/",
        json!({ "name": "a", "provider_type": "http", "config": read }),
    );
    assert!(fresh.await.expect(400)["config"][0].is_string());
    assert_eq!(tenant.get(&path).await.expect(200)["config"], read);

    // And another path at the same place, or secrets given anew, are fine.
    let mut path_only = read.clone();
    path_only["endpoint_url"] = json!(format!("{}v2", rightful.url()));
    tenant
        .patch(&path, json!({ "config": path_only }))
        .await
        .expect(200);
    test(&tenant, &path).await;
    elsewhere["auth_header"] = json!("another");
    elsewhere["headers"] = json!({});
    tenant
        .patch(&path, json!({ "config": elsewhere }))
        .await
        .expect(200);
    test(&tenant, &path).await;
    let at_home = rightful.arrived.lock().unwrap();
    assert_eq!(at_home[0].target, "/v2");
    assert_eq!(
        at_home[0].rest.header("authorization"),
        Some("Bearer canary-credential")
    );
    let away = thief.arrived.lock().unwrap();
    assert_eq!(away.len(), 1);
    assert_eq!(away[0].rest.header("authorization"), Some("Bearer another"));
}

stories![
    what_cannot_be_is_refused_by_field,
    all_that_is_wrong_is_told_at_once,
    what_was_read_can_be_written_back,
    a_secret_stays_with_its_endpoint,
];
