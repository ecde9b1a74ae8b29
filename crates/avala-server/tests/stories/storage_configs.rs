//! Storage configs: a bucket is looked into, and what opens it is never seen again.

use serde_json::{Value, json};

use crate::{
    bucket_keepers::{ACCESS_KEY, Keeper, SECRET_KEY, google, key_file, s3},
    sealed::holds,
    support::{On, Running, Tenant, start, start_with},
};

pub(crate) const EMAIL: &str = "reader@project.example";

async fn beside(keeper: &Keeper, on: On) -> Running {
    let url = keeper.url();
    start_with(on, |config| {
        config.allow_webhook_targets = vec!["127.0.0.0/8".parse().unwrap()];
        config.google.token = Some(url.join("token").unwrap());
        config.google.storage = Some(url.clone());
        config.s3_endpoint = Some(url);
    })
    .await
}

pub(crate) fn s3_bucket(name: &str) -> Value {
    json!({
        "name": "recordings", "provider": "aws_s3", "s3_bucket_name": name, "s3_bucket_region": "eu-central-1",
        "s3_access_key_id": ACCESS_KEY, "s3_secret_access_key": SECRET_KEY,
    })
}

pub(crate) fn google_bucket(name: &str, email: &str) -> Value {
    json!({
        "name": "recordings", "provider": "gc_storage", "gc_storage_bucket_name": name,
        "gc_storage_auth_json_content": key_file(email),
    })
}

pub(crate) fn with(mut body: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn make(tenant: &Tenant, body: Value) -> String {
    let made = tenant.post("/storage-configs/", body).await.expect(201);
    format!("/storage-configs/{}/", made["uid"].as_str().unwrap())
}

/// What a test of this bucket says.
async fn tested(tenant: &Tenant, body: Value) -> Value {
    let path = make(tenant, body).await;
    tenant.post(&format!("{path}test/"), json!({})).await.expect(200)
}

async fn a_storage_config_lives(on: On) {
    // Given a bucket that opens.
    let keeper = s3().await;
    let running = beside(&keeper, on).await;
    let tenant = running.tenant("a@example.com").await;

    // When a config of it is made, then it was looked into.
    let body = with(
        s3_bucket("recordings.2026"),
        &json!({ "s3_bucket_prefix": "träger/a b+c/", "gc_storage_bucket_name": "" }),
    );
    let made = tenant.post("/storage-configs/", body).await.expect(201);
    assert_eq!(
        (
            &made["is_verified"],
            &made["s3_auth_method"],
            &made["s3_is_accelerated"]
        ),
        (&json!(true), &json!("access_key"), &json!(false))
    );
    assert!(made["last_verified_at"].is_string() && made["gc_storage_bucket_name"].is_null());
    {
        let arrived = keeper.arrived.lock().unwrap();
        assert_eq!(arrived.len(), 1);
        assert!(
            arrived[0].target.starts_with("/recordings.2026/?"),
            "{}",
            arrived[0].target
        );
        assert!(arrived[0].target.contains("max-keys=1"));
    }

    // And it is found, tested, deleted, and gone.
    let path = format!("/storage-configs/{}/", made["uid"].as_str().unwrap());
    assert_eq!(tenant.get(&path).await.expect(200), made);
    let listed = tenant.get("/storage-configs/").await.expect(200);
    assert_eq!(listed["results"], json!([made]));
    let tested = tenant.post(&format!("{path}test/"), json!({})).await.expect(200);
    assert_eq!(tested, json!({ "verified": true }));
    assert_eq!(tenant.delete(&path).await.status, 204);
    for gone in [
        tenant.get(&path).await,
        tenant.delete(&path).await,
        tenant.post(&format!("{path}test/"), json!({})).await,
    ] {
        assert_eq!(gone.status, 404);
    }
}

async fn what_keeps_a_bucket_shut_is_told_by_field(on: On) {
    let keeper = s3().await;
    let running = beside(&keeper, on).await;
    let tenant = running.tenant("a@example.com").await;
    for (body, field, word) in [
        (
            with(s3_bucket("open"), &json!({ "s3_access_key_id": "OTHER" })),
            "s3_access_key_id",
            "does not know",
        ),
        (
            with(
                s3_bucket("open"),
                &json!({ "s3_secret_access_key": "canary-other" }),
            ),
            "s3_secret_access_key",
            "does not belong",
        ),
        (
            with(s3_bucket("open"), &json!({ "s3_bucket_region": "us-east-1" })),
            "s3_bucket_region",
            "another region",
        ),
        (s3_bucket("elsewhere"), "s3_bucket_region", "another region"),
        (s3_bucket("absent"), "s3_bucket_name", "no such bucket"),
        (s3_bucket("locked"), "s3_bucket_name", "s3:ListBucket"),
        (
            s3_bucket("no-s3-at-all"),
            "s3_bucket_name",
            "did not answer as one",
        ),
        (s3_bucket("endless"), "s3_bucket_name", "did not answer as one"),
    ] {
        let result = tested(&tenant, body).await;
        assert_eq!(result["verified"], json!(false), "{result}");
        assert_eq!(result["errors"].as_object().unwrap().len(), 1, "{result}");
        let message = result["errors"][field][0].as_str().unwrap_or_default();
        assert!(message.contains(word), "{field}: {result}");
        assert!(!message.contains("canary"));
    }
}

async fn a_service_account_opens_a_bucket_of_google(on: On) {
    let keeper = google(EMAIL).await;
    let running = beside(&keeper, on).await;
    let tenant = running.tenant("a@example.com").await;

    let made = tenant
        .post("/storage-configs/", google_bucket("open_bucket", EMAIL))
        .await;
    let made = made.expect(201);
    assert_eq!(
        (&made["is_verified"], &made["s3_auth_method"]),
        (&json!(true), &Value::Null)
    );

    for (bucket, email, field, word) in [
        ("absent", EMAIL, "gc_storage_bucket_name", "no such bucket"),
        ("locked", EMAIL, "gc_storage_bucket_name", "Storage Object Viewer"),
        (
            "open_bucket",
            "deleted@project.example",
            "gc_storage_auth_json_content",
            "does not accept",
        ),
    ] {
        let result = tested(&tenant, google_bucket(bucket, email)).await;
        assert_eq!(result["verified"], json!(false));
        assert!(
            result["errors"][field][0].as_str().unwrap().contains(word),
            "{result}"
        );
    }
}

async fn a_bucket_that_opens_later_is_verified_then(on: On) {
    // Given a config that was made before the bucket was there.
    let keeper = s3().await;
    let running = beside(&keeper, on).await;
    let tenant = running.tenant("a@example.com").await;
    let path = make(&tenant, s3_bucket("absent")).await;
    assert_eq!(tenant.get(&path).await.expect(200)["is_verified"], json!(false));

    // When the bucket is there at the next test.
    running
        .dir
        .execute("UPDATE storage_configs SET s3_bucket_name = 'open'")
        .await;
    let result = tenant.post(&format!("{path}test/"), json!({})).await.expect(200);

    // Then the config is verified, until the bucket is gone again.
    assert_eq!(result["verified"], json!(true));
    assert_eq!(tenant.get(&path).await.expect(200)["is_verified"], json!(true));
    running
        .dir
        .execute("UPDATE storage_configs SET s3_bucket_name = 'absent'")
        .await;
    tenant.post(&format!("{path}test/"), json!({})).await.expect(200);
    assert_eq!(tenant.get(&path).await.expect(200)["is_verified"], json!(false));
}

async fn roles_are_kept_but_not_assumed(on: On) {
    let running = start(on).await;
    let (anna, ben) = (
        running.tenant("anna@example.com").await,
        running.tenant("ben@example.com").await,
    );
    let body = json!({
        "name": "a", "provider": "aws_s3", "s3_bucket_name": "open", "s3_bucket_region": "eu-central-1",
        "s3_auth_method": "iam_role", "s3_role_arn": "arn:aws:iam::123456789012:role/reader",
    });
    let result = tested(&anna, body).await;
    assert_eq!(result["verified"], json!(false));
    assert!(
        result["errors"]["s3_role_arn"][0]
            .as_str()
            .unwrap()
            .contains("AWS identity")
    );

    // What a trust policy needs is the organization's own, and always the same.
    let info = anna.get("/storage-configs/setup-info/").await.expect(200);
    assert_eq!(info["avala_aws_account_id"], "123456789012");
    assert_eq!(info["external_id"].as_str().unwrap().len(), 32);
    assert_eq!(info, anna.get("/storage-configs/setup-info/").await.expect(200));
    let other = ben.get("/storage-configs/setup-info/").await.expect(200);
    assert_ne!(info["external_id"], other["external_id"]);

    // A server without an account of its own says so.
    let running = start_with(on, |config| config.aws_account_id = None).await;
    let tenant = running.tenant("a@example.com").await;
    let refused = tenant.get("/storage-configs/setup-info/").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "aws_account_missing")
    );
}

async fn the_network_of_the_server_is_not_told(on: On) {
    // Given an endpoint inside, open or closed, that was not allowed; and a closed one that was.
    let keeper = s3().await;
    let mut answers = Vec::new();
    for (endpoint, is_allowed) in [
        (keeper.url().to_string(), false),
        ("http://127.0.0.1:1/".into(), false),
        ("http://169.254.169.254/".into(), false),
        ("http://127.0.0.1:1/".into(), true),
    ] {
        let running = start_with(on, |config| {
            config.s3_endpoint = Some(endpoint.parse().unwrap());
            if is_allowed {
                config.allow_webhook_targets = vec!["127.0.0.0/8".parse().unwrap()];
            }
        })
        .await;
        let tenant = running.tenant("a@example.com").await;
        answers.push(tested(&tenant, s3_bucket("open")).await);
    }
    // Then nobody was asked, and all answers are one.
    assert!(keeper.arrived.lock().unwrap().is_empty());
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(answers[0]["verified"], json!(false));
}

async fn an_organization_is_chosen_by_its_name(on: On) {
    // Given somebody who belongs to the organization of somebody else, too.
    let keeper = s3().await;
    let running = beside(&keeper, on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let slug = async |tenant: &Tenant| {
        let listed = tenant.get("/organizations/").await.expect(200);
        listed["results"][0]["slug"].as_str().unwrap().to_owned()
    };
    let (annas, bens) = (slug(&anna).await, slug(&ben).await);
    let stranger = running.tenant("c@example.com").await;
    running
        .dir
        .execute(
            "INSERT INTO memberships (organization, \"user\", role, joined_at)
             SELECT m.organization, u.uid, 'member', 99999999999999 FROM memberships m
             JOIN users o ON o.uid = m.\"user\", users u WHERE o.email = 'ben@example.com' AND u.email = 'anna@example.com'",
        )
        .await;

    // Then a key still reaches its own organization, by name or without, and no other.
    let theirs = anna
        .post(
            &format!("/storage-configs/?organization={bens}"),
            s3_bucket("open"),
        )
        .await;
    assert_eq!(theirs.status, 404);
    let made = ben
        .post(
            &format!("/storage-configs/?organization={bens}"),
            s3_bucket("open"),
        )
        .await
        .expect(201);
    let path = format!("/storage-configs/{}/", made["uid"].as_str().unwrap());
    let list = async |tenant: &Tenant, slug: &str| {
        let listed = tenant
            .get(&format!("/storage-configs/?organization={slug}"))
            .await;
        listed.expect(200)["results"].clone()
    };
    assert_eq!(list(&anna, &annas).await, json!([]));
    assert_eq!(list(&ben, "").await, json!([made]));
    assert_eq!(list(&ben, &bens).await, json!([made]));
    for reached in [
        ben.get(&format!("{path}?organization={bens}")).await,
        ben.get(&path).await,
        ben.post(&format!("{path}test/"), json!({})).await,
    ] {
        assert_eq!(reached.status, 200);
    }
    assert_eq!(anna.get(&path).await.status, 404);
    assert_eq!(anna.delete(&path).await.status, 404);

    // And to a stranger that organization is as one that never was.
    for path in [
        "/storage-configs/?organization=".to_owned(),
        "/storage-configs/setup-info/?organization=".to_owned(),
        format!("{path}?organization="),
    ] {
        let theirs = stranger.get(&format!("{path}{bens}")).await;
        assert_eq!(theirs.status, 404, "{path}");
        assert_eq!(theirs.body, stranger.get(&format!("{path}nobody")).await.body);
    }
    let body = s3_bucket("open");
    let made = stranger
        .post(&format!("/storage-configs/?organization={bens}"), body)
        .await;
    assert_eq!(made.status, 404);
    for refused in [
        stranger.get(&path).await,
        stranger.delete(&path).await,
        stranger.post(&format!("{path}test/"), json!({})).await,
    ] {
        assert_eq!(refused.status, 404);
        assert_eq!(refused.body, stranger.get("/storage-configs/x/").await.body);
    }
    assert_eq!(ben.delete(&path).await.status, 204);
}

async fn a_cursor_leads_through_the_list_it_came_from(on: On) {
    let keeper = s3().await;
    let running = beside(&keeper, on).await;
    let tenant = running.tenant("a@example.com").await;
    for name in ["one", "two", "three"] {
        make(&tenant, with(s3_bucket("open"), &json!({ "name": name }))).await;
    }
    let first = tenant.get("/storage-configs/?limit=2").await.expect(200);
    let next = first["next"]
        .as_str()
        .unwrap()
        .split("/api/v1")
        .nth(1)
        .unwrap()
        .to_owned();
    let second = tenant.get(&next).await.expect(200);
    let names: Vec<&str> = [&first, &second]
        .iter()
        .flat_map(|page| page["results"].as_array().unwrap())
        .map(|config| config["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["three", "two", "one"]);
}

async fn credentials_are_sealed_and_never_answered(on: On) {
    // Given configs of every kind, made and tested.
    let keeper = s3().await;
    let running = beside(&keeper, on).await;
    let tenant = running.tenant("a@example.com").await;
    let role = json!({
        "name": "visible-name", "provider": "aws_s3", "s3_bucket_name": "open", "s3_bucket_region": "eu-central-1",
        "s3_auth_method": "iam_role", "s3_role_arn": "arn:aws:iam::123456789012:role/canary",
    });
    let mut said = Vec::new();
    for body in [
        s3_bucket("open"),
        google_bucket("open", "canary@project.example"),
        role,
    ] {
        let made = tenant.post("/storage-configs/", body).await;
        let path = format!("/storage-configs/{}/", made.expect(201)["uid"].as_str().unwrap());
        said.extend(made.body);
        said.extend(tenant.get(&path).await.body);
        said.extend(tenant.post(&format!("{path}test/"), json!({})).await.body);
    }
    said.extend(tenant.get("/storage-configs/").await.body);

    // Then no answer holds what opens a bucket, and nothing in the database does.
    let said = String::from_utf8(said).unwrap();
    for secret in ["canary", ACCESS_KEY, "PRIVATE KEY", "role/"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    assert!(holds(&running, "visible-name").await);
    for secret in ["canary", ACCESS_KEY, "PRIVATE KEY"] {
        assert!(!holds(&running, secret).await, "{secret}");
    }

    // And sealed credentials that were moved to another row open nothing.
    running
        .dir
        .execute(
            "UPDATE storage_configs SET credentials = (SELECT credentials FROM storage_configs WHERE name = 'visible-name')",
        )
        .await;
    let listed = tenant.get("/storage-configs/").await.expect(200);
    let moved = listed["results"][2]["uid"].as_str().unwrap();
    let refused = tenant
        .post(&format!("/storage-configs/{moved}/test/"), json!({}))
        .await;
    assert_eq!((refused.status, refused.code().as_str()), (500, "server_error"));
}

stories![
    a_storage_config_lives,
    what_keeps_a_bucket_shut_is_told_by_field,
    a_service_account_opens_a_bucket_of_google,
    a_bucket_that_opens_later_is_verified_then,
    roles_are_kept_but_not_assumed,
    the_network_of_the_server_is_not_told,
    an_organization_is_chosen_by_its_name,
    a_cursor_leads_through_the_list_it_came_from,
    credentials_are_sealed_and_never_answered,
];
