//! What a new storage config must say, and what it must not.

use serde_json::{Value, json};

use crate::{
    bucket_keepers::key_file,
    storage_configs::{EMAIL, google_bucket, s3_bucket, with},
    support::{On, Tenant, start},
};

/// Nothing is made, and these fields are named.
async fn refused(tenant: &Tenant, body: Value, fields: &[&str]) {
    let refused = tenant.post("/storage-configs/", body.clone()).await;
    let given = refused.expect(400);
    let given: Vec<&str> = given.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(given, fields, "{body}");
    assert!(!String::from_utf8_lossy(&refused.body).contains("canary"));
}

fn role() -> Value {
    json!({
        "s3_auth_method": "iam_role", "s3_role_arn": "arn:aws:iam::123456789012:role/reader",
        "s3_access_key_id": "", "s3_secret_access_key": "",
    })
}

async fn what_cannot_be_is_refused_by_field(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    for name in [
        "ab",
        "Upper",
        "under_score",
        "-edge",
        "edge-",
        "two..dots",
        "192.168.0.1",
        "xn--x",
        "a/b",
        "a?b",
        "x-s3alias",
        &"x".repeat(64),
    ] {
        refused(&tenant, s3_bucket(name), &["s3_bucket_name"]).await;
    }
    for region in ["", "eu central", "evil.example/", "a.b", "-x", "EU"] {
        let body = with(s3_bucket("open"), &json!({ "s3_bucket_region": region }));
        refused(&tenant, body, &["s3_bucket_region"]).await;
    }
    for arn in [
        "",
        "x",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:s3:::bucket",
    ] {
        let body = with(with(s3_bucket("open"), &role()), &json!({ "s3_role_arn": arn }));
        refused(&tenant, body, &["s3_role_arn"]).await;
    }
    for id in ["a/b", "a b", "a\nb", &"x".repeat(257)] {
        let body = with(s3_bucket("open"), &json!({ "s3_access_key_id": id }));
        refused(&tenant, body, &["s3_access_key_id"]).await;
    }
    for (key, file) in [
        "",
        "{",
        "{}",
        r#"{"type":"service_account","client_email":"a","private_key":"canary"}"#,
    ]
    .map(|file| ("gc_storage_auth_json_content", file))
    {
        refused(
            &tenant,
            with(google_bucket("open", EMAIL), &json!({ key: file })),
            &[key],
        )
        .await;
    }
    let user_key = key_file(EMAIL).replace("service_account", "authorized_user");
    let body = with(
        google_bucket("open", EMAIL),
        &json!({ "gc_storage_auth_json_content": user_key }),
    );
    refused(&tenant, body, &["gc_storage_auth_json_content"]).await;
    for name in ["ab", "Upper", "_edge", "goog-x", "10.0.0.1", "a/b", "a..b"] {
        refused(&tenant, google_bucket(name, EMAIL), &["gc_storage_bucket_name"]).await;
    }
}

async fn fields_of_another_provider_or_method_are_refused_all_at_once(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    refused(
        &tenant,
        json!({ "name": " ", "provider": "s3" }),
        &["name", "provider"],
    )
    .await;
    refused(
        &tenant,
        json!({ "name": "a", "provider": "aws_s3", "gc_storage_prefix": "x", "s3_role_arn": "x" }),
        &[
            "gc_storage_prefix",
            "s3_access_key_id",
            "s3_bucket_name",
            "s3_bucket_region",
            "s3_role_arn",
            "s3_secret_access_key",
        ],
    )
    .await;
    refused(
        &tenant,
        with(
            with(s3_bucket("a.b.c"), &role()),
            &json!({ "s3_access_key_id": "x", "s3_is_accelerated": true }),
        ),
        &["s3_access_key_id", "s3_is_accelerated"],
    )
    .await;
    refused(
        &tenant,
        with(
            google_bucket("open", EMAIL),
            &json!({ "s3_bucket_name": "x", "s3_access_key_id": "x" }),
        ),
        &["s3_access_key_id", "s3_bucket_name"],
    )
    .await;
    refused(
        &tenant,
        with(s3_bucket("open"), &json!({ "s3_auth_method": "magic" })),
        &["s3_auth_method"],
    )
    .await;
    assert_eq!(
        tenant.get("/storage-configs/").await.expect(200)["results"],
        json!([])
    );
}

stories![
    what_cannot_be_is_refused_by_field,
    fields_of_another_provider_or_method_are_refused_all_at_once,
];
