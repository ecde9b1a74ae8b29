//! Datasets: created, found by uid and by slug, filtered, and their credentials kept.

use avala_api::Scope;
use avala_server::keys::Access;
use serde_json::{Value, json};

use crate::support::{On, Request, Tenant, start};

fn slugs(page: &Value) -> Vec<&str> {
    page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dataset| dataset["slug"].as_str().unwrap())
        .collect()
}

async fn slug_of(tenant: &Tenant) -> String {
    let page = tenant.get("/organizations/").await.expect(200);
    page["results"][0]["slug"].as_str().unwrap().to_owned()
}

async fn a_new_dataset_is_ready_at_once_and_found_by_uid_and_by_slug(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    let owner = slug_of(&tenant).await;

    // When a dataset is created as the official clients do it.
    let body = json!({
        "name": "Crossings", "slug": "crossings", "data_type": "image",
        "visibility": "private", "create_metadata": true,
    });
    let created = tenant.post("/datasets/", body).await.expect(201);

    // Then it is whole, and the same by every way to it.
    let members =
        ["name", "slug", "data_type", "visibility", "status"].map(|name| created[name].as_str().unwrap());
    assert_eq!(members, ["Crossings", "crossings", "image", "private", "created"]);
    assert_eq!(
        (
            &created["item_count"],
            &created["owner_name"],
            &created["is_sequence"]
        ),
        (&json!(0), &json!(owner), &json!(false))
    );
    let uid = created["uid"].as_str().unwrap();
    for path in [
        format!("/datasets/{uid}/"),
        format!("/datasets/{owner}/crossings/"),
        // The caller's own name leads to the caller's organization.
        "/datasets/Anna@example.com/crossings/".to_owned(),
    ] {
        assert_eq!(tenant.get(&path).await.expect(200), created, "{path}");
    }
    assert_eq!(
        tenant.get("/datasets/").await.expect(200)["results"],
        json!([created])
    );
    for path in [
        "/datasets/none/crossings/",
        "/datasets/manual-upload/crossings/",
        "/datasets/x/list/",
    ] {
        tenant.get(path).await.expect(404);
    }
    let organization = tenant.get(&format!("/organizations/{owner}/")).await.expect(200);
    assert_eq!(
        (&organization["dataset_count"], &organization["project_count"]),
        (&json!(1), &json!(0))
    );
}

async fn a_slug_is_taken_once_in_an_organization(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;
    let body = json!({ "name": "A", "slug": "a", "data_type": "mcap" });
    anna.post("/datasets/", body.clone()).await.expect(201);

    let again = anna.post("/datasets/", body.clone()).await.expect(400);
    assert_eq!(
        again,
        json!({ "slug": ["A dataset with the given slug already exists."] })
    );
    ben.post("/datasets/", body).await.expect(201);
    assert_eq!(
        anna.get("/datasets/").await.expect(200)["results"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn everything_wrong_with_a_dataset_is_told_at_once(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    let other = running.tenant("ben@example.com").await;
    let body = json!({
        "name": " ", "slug": "Not A Slug", "data_type": "smell", "visibility": "secret",
        "owner_name": slug_of(&other).await, "organization_id": 1,
    });
    let refused = tenant.post("/datasets/", body).await.expect(400);
    let fields: Vec<&String> = refused.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "data_type",
            "name",
            "organization_id",
            "owner_name",
            "slug",
            "visibility"
        ]
    );

    // Somebody else's organization is told as one that never was.
    for field in ["owner_name", "organization_uid"] {
        let organizations = other.get("/organizations/").await.expect(200);
        let theirs = match field {
            "owner_name" => &organizations["results"][0]["slug"],
            _ => &organizations["results"][0]["uid"],
        };
        let with = |owner: &Value| json!({ "name": "A", "slug": "a", "data_type": "image", field: owner });
        let foreign = tenant.post("/datasets/", with(theirs)).await.expect(400);
        let absent = tenant
            .post("/datasets/", with(&json!("nobody")))
            .await
            .expect(400);
        assert_eq!((&foreign, &foreign[field]), (&absent, &json!(["Not found."])));
    }
    for slug in ["list", "", "-a", "a/b", "ä", &"a".repeat(101)] {
        let body = json!({ "name": "A", "slug": slug, "data_type": "image" });
        let refused = tenant.post("/datasets/", body).await.expect(400);
        assert!(refused["slug"][0].is_string(), "{slug}: {refused}");
    }
    let long = json!({ "name": "n".repeat(256), "slug": "a".repeat(100), "data_type": "image" });
    let refused = tenant.post("/datasets/", long).await.expect(400);
    assert_eq!(refused.as_object().unwrap().len(), 1, "{refused}");
    assert_eq!(tenant.get("/datasets/").await.expect(200)["results"], json!([]));
}

async fn a_dataset_goes_where_the_caller_says(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    let own = &tenant.get("/organizations/").await.expect(200)["results"][0];
    for (number, (field, owner)) in [
        ("owner_name", &own["slug"]),
        ("owner_name", &json!("ANNA@example.com")),
        ("organization_uid", &own["uid"]),
    ]
    .into_iter()
    .enumerate()
    {
        let slug = format!("d{number}");
        let body = json!({ "name": "A", "slug": slug, "data_type": "image", field: owner });
        let created = tenant.post("/datasets/", body).await.expect(201);
        assert_eq!(created["owner_name"], own["slug"], "{field}");
    }
}

async fn lists_are_filtered_by_what_is_asked(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    for (slug, name, kind, who) in [
        ("a", "100% Tunnels", "image", "private"),
        ("b", "100 Tunnels", "lidar", "unlisted"),
        ("c", "ÉCOLE_north", "lidar", "public"),
        ("d", "écoleXnorth\\", "mcap", "private"),
    ] {
        let body = json!({ "name": name, "slug": slug, "data_type": kind, "visibility": who });
        tenant.post("/datasets/", body).await.expect(201);
    }
    for (query, wanted) in [
        ("", vec!["d", "c", "b", "a"]),
        ("data_type=lidar", vec!["c", "b"]),
        ("visibility=private", vec!["d", "a"]),
        ("data_type=lidar&visibility=public", vec!["c"]),
        ("status=created", vec!["d", "c", "b", "a"]),
        ("status=creating", vec![]),
        ("data_type=smell", vec![]),
        ("name=tunnels", vec!["b", "a"]),
        ("name=0%25", vec!["a"]),
        ("name=%25", vec!["a"]),
        ("name=_", vec!["c"]),
        ("name=%5C", vec!["d"]),
        ("name=%C3%89cole", vec!["d", "c"]),
        ("name=E_N", vec!["c"]),
        ("name=", vec!["d", "c", "b", "a"]),
    ] {
        let page = tenant.get(&format!("/datasets/?{query}")).await.expect(200);
        assert_eq!(slugs(&page), wanted, "{query}");
    }

    // And a walk keeps its filter.
    let first = tenant.get("/datasets/?limit=1&data_type=lidar").await.expect(200);
    let (_, next) = first["next"].as_str().unwrap().split_once("/api/v1").unwrap();
    let second = tenant.get(next).await.expect(200);
    assert_eq!((slugs(&first), slugs(&second)), (vec!["c"], vec!["b"]));
    assert_eq!(second["next"], Value::Null);
}

async fn credentials_of_a_bucket_are_kept_sealed_and_never_told(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    let canary = "canary-Xq7-secret";
    let body = json!({
        "name": "Bucket", "slug": "bucket", "data_type": "image",
        "provider_config": { "provider": "aws_s3", "s3_secret_access_key": canary },
        "metadata": { "note": "kept" },
    });
    let answer = tenant.post("/datasets/", body).await;
    let created = answer.expect(201);
    let uid = created["uid"].as_str().unwrap();
    let paths = [format!("/datasets/{uid}/"), "/datasets/".to_owned()];
    for path in &paths {
        let shown = tenant.get(path).await;
        shown.expect(200);
        assert!(!String::from_utf8_lossy(&shown.body).contains(canary), "{path}");
    }
    assert!(!String::from_utf8_lossy(&answer.body).contains(canary));

    // In the database there is something, and it is not that.
    let sealed =
        "UPDATE datasets SET name = 'x' WHERE length(provider_config) > 40 AND metadata LIKE '%kept%'";
    assert_eq!(running.dir.execute(sealed).await, 1);
    let readable = "UPDATE datasets SET name = 'x' WHERE provider_config IS NULL";
    assert_eq!(running.dir.execute(readable).await, 0);
    if on == On::Sqlite {
        for file in std::fs::read_dir(running.dir.path().join("data")).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let is_there = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!is_there);
        }
    }
    let wrong = json!({ "name": "B", "slug": "b", "data_type": "image", "provider_config": canary });
    let refused = tenant.post("/datasets/", wrong).await;
    assert!(refused.expect(400)["provider_config"][0].is_string());
    assert!(!String::from_utf8_lossy(&refused.body).contains(canary));
}

async fn what_no_answer_shows_is_small(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    // The member itself is eight bytes long.
    let create = async |slug: &str, field: &str, length: usize| {
        let body = json!({ "name": "A", "slug": slug, "data_type": "image", field: { "n": "x".repeat(length - 8) } });
        tenant.post("/datasets/", body).await
    };
    for field in ["metadata", "provider_config"] {
        create(&field.replace('_', "-"), field, 16 * 1024)
            .await
            .expect(201);
        let refused = create("more", field, 16 * 1024 + 1).await.expect(400);
        assert_eq!(
            refused,
            json!({ field: ["Ensure this field has no more than 16384 bytes."] })
        );
    }
}

async fn a_key_that_may_only_read_creates_nothing(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    let reader = running
        .issue(&tenant.user, Access::Listed(vec![Scope::DatasetsRead]))
        .await;
    let body = json!({ "name": "A", "slug": "a", "data_type": "image" });
    let create = Request::new("POST", "/datasets/")
        .key(reader.key.expose())
        .json(&body);
    assert_eq!(running.send(create).await.code(), "scope_missing");
    for (path, status) in [
        ("/datasets/", 200),
        ("/users/me/projects/", 403),
        ("/tasks/", 403),
    ] {
        let read = Request::new("GET", path).key(reader.key.expose());
        assert_eq!(running.send(read).await.status, status, "{path}");
    }
}

stories![
    a_new_dataset_is_ready_at_once_and_found_by_uid_and_by_slug,
    a_slug_is_taken_once_in_an_organization,
    everything_wrong_with_a_dataset_is_told_at_once,
    a_dataset_goes_where_the_caller_says,
    lists_are_filtered_by_what_is_asked,
    credentials_of_a_bucket_are_kept_sealed_and_never_told,
    what_no_answer_shows_is_small,
    a_key_that_may_only_read_creates_nothing,
];
