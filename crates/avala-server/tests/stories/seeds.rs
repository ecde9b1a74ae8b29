//! Seeds: declared rows, written all or none, and served at once.

use avala_server::seed::{Loaded, Seed, SeedError, load};
use serde_json::{Value, json};

use crate::support::{On, Running, start};

/// Loads as another process would, while the server is serving.
async fn seed(running: &Running, seed: &Value) -> Result<Loaded, SeedError> {
    let authority = running.dir.authority().await;
    load(&authority, &Seed::parse(seed.to_string().as_bytes())?).await
}

/// How many rows of each section were made and updated.
fn counts(loaded: &Loaded) -> Vec<(&'static str, u64, u64)> {
    loaded
        .sections
        .iter()
        .map(|section| (section.section, section.made, section.updated))
        .collect()
}

fn uids(page: &Value) -> Vec<&str> {
    page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["uid"].as_str().unwrap())
        .collect()
}

fn streets() -> Value {
    json!({
        "projects": [
            { "uid": "p-1", "name": "Streets", "task_type": "image-annotation", "short_description": "of towns" },
            { "uid": "p-2", "name": "Rails", "status": "archived" },
        ],
        "datasets": [{ "uid": "d-1", "name": "Towns", "slug": "towns", "data_type": "image", "item_count": 7,
            "predefined_labels": [{ "name": "car" }] }],
        "tasks": [
            { "uid": "t-1", "project": "p-1", "dataset": "d-1", "type": "image-annotation", "name": "box",
              "status": "completed", "created_at": "2026-01-02T03:04:05Z",
              "results": [{ "uid": "r-1", "data": [{ "label": "car" }], "metadata": {} }] },
            { "uid": "t-2", "project": "p-1" },
            { "uid": "t-3", "project": "p-2" },
        ],
        "agents": [{ "uid": "a-1", "name": "checker", "events": ["result.submitted"] }],
        "executions": [{ "uid": "e-1", "registration": "a-1", "event_type": "result.submitted",
            "event_payload": { "task_uid": "t-1" } }],
    })
}

async fn what_is_declared_is_served_while_the_server_runs(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;

    let loaded = seed(&running, &streets()).await.unwrap();

    let made = [
        ("projects", 2),
        ("datasets", 1),
        ("tasks", 3),
        ("results", 1),
        ("agents", 1),
        ("executions", 1),
    ];
    let mut seen = counts(&loaded);
    seen.sort_unstable();
    let mut wanted = made.map(|(section, made)| (section, made, 0));
    wanted.sort_unstable();
    assert_eq!(seen, wanted);

    let project = tenant.get("/users/me/projects/p-1/").await.expect(200);
    assert_eq!(project["short_description"], "of towns");
    assert_eq!(
        (&project["status"], &project["is_active"], &project["owner_name"]),
        (&json!("active"), &json!(true), &json!(loaded.organization))
    );
    let projects = tenant.get("/users/me/projects/").await.expect(200);
    assert_eq!(uids(&projects), ["p-2", "p-1"]);
    let task = tenant.get("/tasks/t-1/").await.expect(200);
    assert_eq!(
        (&task["type"], &task["project"], &task["created_at"]),
        (
            &json!("image-annotation"),
            &json!("p-1"),
            &json!("2026-01-02T03:04:05Z")
        )
    );
    for (query, wanted) in [
        ("", vec!["t-3", "t-2", "t-1"]),
        ("project=p-1", vec!["t-2", "t-1"]),
        ("project=p-1&status=pending", vec!["t-2"]),
        ("status=completed", vec!["t-1"]),
        ("project=nobody", vec![]),
        ("status=never", vec![]),
    ] {
        let page = tenant.get(&format!("/tasks/?{query}")).await.expect(200);
        assert_eq!(uids(&page), wanted, "{query}");
    }
    let dataset = tenant.get("/datasets/d-1/").await.expect(200);
    assert_eq!(
        (&dataset["item_count"], &dataset["predefined_labels"]),
        (&json!(7), &json!([{ "name": "car" }]))
    );
    let executions = tenant.get("/agents/a-1/executions/").await.expect(200);
    assert_eq!(
        (uids(&executions), &executions["results"][0]["task"]),
        (vec!["e-1"], &json!("t-1"))
    );
    let organizations = tenant.get("/organizations/").await.expect(200);
    let organization = &organizations["results"][0];
    assert_eq!(
        (&organization["dataset_count"], &organization["project_count"]),
        (&json!(1), &json!(2))
    );
}

async fn a_seed_that_is_loaded_again_changes_only_what_it_says(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    seed(&running, &streets()).await.unwrap();
    let before = tenant.get("/tasks/").await.expect(200);

    let mut again = streets();
    again["tasks"][1]["status"] = json!("completed");
    again["tasks"][1]["updated_at"] = json!("2026-05-06T07:08:09Z");
    let loaded = seed(&running, &again).await.unwrap();

    assert!(
        counts(&loaded)
            .iter()
            .all(|(_, made, updated)| *made == 0 && *updated > 0)
    );
    let after = tenant.get("/tasks/").await.expect(200);
    assert_eq!(uids(&after), uids(&before));
    assert_eq!(after["results"][1]["status"], "completed");
    assert_eq!(
        after["results"][1]["created_at"],
        before["results"][1]["created_at"]
    );
    assert_eq!(after["results"][2]["created_at"], "2026-01-02T03:04:05Z");
}

async fn a_seed_is_written_whole_or_not_at_all(on: On) {
    let running = start(on).await;
    let tenant = running.tenant("anna@example.com").await;
    for (section, row, problem) in [
        (
            "tasks",
            json!({ "uid": "t-9", "project": "p-9" }),
            "tasks[3]: project: ",
        ),
        (
            "tasks",
            json!({ "uid": "t-1", "project": "p-1" }),
            "tasks[3]: uid: ",
        ),
        (
            "tasks",
            json!({ "uid": "a/b", "project": "p-1" }),
            "tasks[3]: uid: ",
        ),
        (
            "tasks",
            json!({ "uid": "t-9", "project": "p-1", "status": "compelted" }),
            "tasks[3]: status: ",
        ),
        (
            "tasks",
            json!({ "uid": "t-9", "project": "p-1", "results": [{ "uid": "r-1", "data": 1 }] }),
            "tasks[3].results[0]: uid: ",
        ),
        (
            "tasks",
            json!({ "uid": "t-9", "project": "p-1", "dataset": "d-9" }),
            "tasks[3]: dataset: ",
        ),
        (
            "projects",
            json!({ "uid": "p-9", "name": "" }),
            "projects[2]: name: ",
        ),
        (
            "datasets",
            json!({ "uid": "d-9", "name": "x", "slug": "towns", "data_type": "image" }),
            "datasets[1]: slug: ",
        ),
        (
            "agents",
            json!({ "uid": "a-9", "name": "checker" }),
            "agents[1]: name: ",
        ),
        (
            "executions",
            json!({ "uid": "e-9", "registration": "a-9", "event_type": "x.y" }),
            "executions[1]: registration: ",
        ),
    ] {
        let mut bad = streets();
        bad[section].as_array_mut().unwrap().push(row);
        let error = seed(&running, &bad).await.unwrap_err().to_string();
        assert!(error.starts_with(problem), "{error}");
        for list in ["/users/me/projects/", "/datasets/", "/tasks/", "/agents/"] {
            assert_eq!(
                uids(&tenant.get(list).await.expect(200)).len(),
                0,
                "{problem}{list}"
            );
        }
    }
}

async fn the_rows_of_another_organization_are_not_touched(on: On) {
    let running = start(on).await;
    let anna = running.tenant("anna@example.com").await;
    let ben = running.tenant("ben@example.com").await;

    // Given two organizations, a seed says which.
    let error = seed(&running, &streets()).await.unwrap_err().to_string();
    assert!(error.starts_with("organization: "), "{error}");
    let mut annas = streets();
    annas["organization"] = json!("ANNA@example.com");
    let loaded = seed(&running, &annas).await.unwrap();
    let by_slug =
        json!({ "organization": loaded.organization, "projects": [{ "uid": "p-1", "name": "Streets" }] });
    assert_eq!(
        counts(&seed(&running, &by_slug).await.unwrap()),
        [("projects", 0, 1)]
    );
    let absent = json!({ "organization": "nobody" });
    assert!(seed(&running, &absent).await.is_err());

    // When the second brings the uids of the first, then nothing is written.
    for section in ["projects", "datasets", "agents"] {
        let theirs = json!({ "organization": "ben@example.com", section: annas[section] });
        let error = seed(&running, &theirs).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{section}[0]: ")), "{error}");
    }
    let own = json!({ "uid": "p-b", "name": "Own" });
    for (task, problem) in [
        (json!({ "uid": "t-b", "project": "p-1" }), "tasks[0]: project: "),
        (
            json!({ "uid": "t-b", "project": "p-b", "dataset": "d-1" }),
            "tasks[0]: dataset: ",
        ),
        (json!({ "uid": "t-1", "project": "p-b" }), "tasks[0]: uid: "),
        (
            json!({ "uid": "t-b", "project": "p-b", "results": [{ "uid": "r-1", "data": [] }] }),
            "tasks[0].results[0]: uid: ",
        ),
    ] {
        let theirs = json!({ "organization": "ben@example.com", "projects": [own], "tasks": [task] });
        let error = seed(&running, &theirs).await.unwrap_err().to_string();
        assert!(error.starts_with(problem), "{error}");
    }

    // And what is the first's does not exist for the second.
    for (path, never) in [
        ("/users/me/projects/p-1/", "/users/me/projects/x/"),
        ("/datasets/d-1/", "/datasets/x/"),
        (
            &format!("/datasets/{}/towns/", loaded.organization),
            "/datasets/x/towns/",
        ),
        ("/tasks/t-1/", "/tasks/x/"),
    ] {
        anna.get(path).await.expect(200);
        let theirs = ben.get(path).await;
        assert_eq!(theirs.status, 404, "{path}");
        assert_eq!(theirs.body, ben.get(never).await.body, "{path}");
    }
    for list in [
        "/users/me/projects/",
        "/datasets/",
        "/tasks/",
        "/tasks/?project=p-1",
        "/datasets/?name=towns",
    ] {
        assert_eq!(ben.get(list).await.expect(200)["results"], json!([]), "{list}");
        assert!(!uids(&anna.get(list).await.expect(200)).is_empty(), "{list}");
    }

    // A cursor with another filter shows nobody else's rows, and only what the filter says.
    let page = anna.get("/tasks/?limit=1&project=p-1").await.expect(200);
    let cursor = page["next"].as_str().unwrap().rsplit("cursor=").next().unwrap();
    let moved = anna
        .get(&format!("/tasks/?project=p-2&cursor={cursor}"))
        .await
        .expect(200);
    assert_eq!(uids(&moved), Vec::<&str>::new());
    ben.get(&format!("/tasks/?cursor={cursor}")).await.expect(400);
}

async fn nobody_works_on_what_a_seed_declares(on: On) {
    // Given an export and an auto-label job at which somebody is.
    let running = start(on).await;
    running.tenant("anna@example.com").await;
    let declared = json!({
        "projects": [{ "uid": "p-1", "name": "Streets" }],
        "exports": [{ "uid": "x-1", "status": "pending", "projects": ["p-1"] }],
        "auto_label_jobs": [{ "uid": "x-1", "project": "p-1", "status": "running" }],
    });
    seed(&running, &declared).await.unwrap();
    let jobs = "INSERT INTO jobs (kind, object, attempts, holder, due_at)
        VALUES ('export', 'x-1', 1, 'x', 99999999999999), ('auto_label', 'x-1', 1, 'x', 99999999999999)";
    assert_eq!(running.dir.execute(jobs).await, 2);

    seed(&running, &declared).await.unwrap();

    assert_eq!(running.dir.execute("DELETE FROM jobs").await, 0);
}

#[test]
fn a_typing_error_is_told_with_its_place() {
    for (text, path, part) in [
        (r#"{"projetcs": []}"#, "", "unknown field `projetcs`"),
        (
            "{\"projects\": [{\"uid\": \"p\", \"name\": \"x\",\n \"stauts\": \"active\"}]}",
            "projects[0]",
            "unknown field `stauts`, expected one of `uid`, `name`, `status`",
        ),
        (
            r#"{"tasks": [{"uid": "t", "project": "p", "results": [{"uid": "r"}]}]}"#,
            "tasks[0].results[0]",
            "data",
        ),
        (
            r#"{"agents": [{"uid": "a", "name": "n", "callback_url": "x"}]}"#,
            "agents[0]",
            "callback_url",
        ),
        (r#"{"projects": []} x"#, "trailing", "line 1"),
        ("[\n", "", "line 2"),
    ] {
        let error = Seed::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(path) && error.contains(part), "{error}");
    }
    // Credentials are in no text.
    let quoted = r#"{"datasets": [{"uid": "d", "name": "n", "slug": "s", "data_type": "image", "provider_config": "hush"}]}"#;
    let error = Seed::parse(quoted.as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    let number = r#"{"agents": [{"uid": "a", "name": "n", "secret": 4815162342}]}"#;
    let error = Seed::parse(number.as_bytes()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("4815162342"), "{error}");
    let secret = r#"{"agents": [{"uid": "a", "name": "n", "secret": "hush"}], "datasets": [{"uid": "d", "name": "n",
        "slug": "s", "data_type": "image", "provider_config": {"key": "hush"}}]}"#;
    assert!(!format!("{:?}", Seed::parse(secret.as_bytes()).unwrap()).contains("hush"));
}

stories![
    what_is_declared_is_served_while_the_server_runs,
    a_seed_that_is_loaded_again_changes_only_what_it_says,
    a_seed_is_written_whole_or_not_at_all,
    the_rows_of_another_organization_are_not_touched,
    nobody_works_on_what_a_seed_declares,
];
