//! Keys that are restricted to datasets and projects: they reach those, what belongs to them, and nothing else.

use avala_api::{Access, Route, catalogue::DECLARED};
use serde_json::{Value, json};

use crate::{
    api_keys::{act, create, holder, make, path},
    exports::with_exportable_rows,
    support::{On, Tenant, start},
};

fn names(page: &Value, member: &str) -> Vec<String> {
    let rows = page["results"].as_array().unwrap().iter();
    let mut names: Vec<String> = rows.map(|row| row[member].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn listed(tenant: &Tenant, list: &str) -> Vec<String> {
    names(&tenant.get(list).await.expect(200), "uid")
}

fn restricted_to(resources: &[&str]) -> Value {
    json!({ "access": { "kind": "full" }, "resources": resources })
}

async fn a_restricted_key_reaches_its_objects_and_what_belongs_to_them(on: On) {
    // Given two projects and a dataset; tasks 1 and 2 are of the first project, 2 and 3 of the dataset.
    let (_running, owner) = with_exportable_rows(on).await;
    let of_project = make(&owner, restricted_to(&["project:p-1"])).await;
    let of_dataset = make(&owner, restricted_to(&["dataset:d-1", "dataset:d-1"])).await;
    let of_both = make(&owner, restricted_to(&["project:p-1", "dataset:d-1"])).await;
    let shown = owner.get(&path(&of_both, "")).await.expect(200);
    assert_eq!(shown["resources"], json!(["dataset:d-1", "project:p-1"]));

    // Then each sees its own, in lists and alone.
    for (key, projects, datasets, tasks) in [
        (
            &owner,
            vec!["p-1", "p-2"],
            vec!["d-1"],
            vec!["t-1", "t-2", "t-3", "t-4"],
        ),
        (&of_project, vec!["p-1"], vec![], vec!["t-1", "t-2"]),
        (&of_dataset, vec![], vec!["d-1"], vec!["t-2", "t-3"]),
        (&of_both, vec!["p-1"], vec!["d-1"], vec!["t-1", "t-2", "t-3"]),
    ] {
        assert_eq!(listed(key, "/users/me/projects/").await, projects);
        assert_eq!(listed(key, "/datasets/").await, datasets);
        assert_eq!(listed(key, "/tasks/").await, tasks);
        for (list, uids, seen) in [
            ("/users/me/projects/", ["p-1", "p-2"].as_slice(), &projects),
            ("/datasets/", &["d-1"], &datasets),
            ("/tasks/", &["t-1", "t-2", "t-3", "t-4"], &tasks),
        ] {
            for uid in uids {
                let answer = key.get(&format!("{list}{uid}/")).await;
                let expected = if seen.contains(uid) { 200 } else { 404 };
                assert_eq!(answer.status, expected, "{list}{uid}/");
            }
        }
    }
    let slug = listed_slug(&owner).await;
    let by_slug = format!("/datasets/{slug}/d/");
    of_dataset.get(&by_slug).await.expect(200);
    assert_eq!(of_project.get(&by_slug).await.status, 404);
    // Other conditions do not open the list.
    assert!(listed(&of_project, "/tasks/?project=p-2").await.is_empty());
    assert_eq!(listed(&of_project, "/tasks/?status=pending").await, ["t-2"]);
}

async fn a_restricted_key_exports_its_objects_and_sees_no_other_export(on: On) {
    let (_running, owner) = with_exportable_rows(on).await;
    let of_project = make(&owner, restricted_to(&["project:p-1"])).await;
    let of_dataset = make(&owner, restricted_to(&["dataset:d-1"])).await;
    let of_both = make(&owner, restricted_to(&["project:p-1", "dataset:d-1"])).await;

    // When exports are asked for, only what is within is there to be exported, and to be seen.
    let export = |key: &Tenant, body: Value| {
        let key = Tenant {
            user: key.user.clone(),
            key: key.key.clone(),
            ..*key
        };
        async move { key.post("/exports/", body).await }
    };
    let one = export(&owner, json!({ "project": "p-1" })).await.expect(201);
    let two = export(&owner, json!({ "projects": ["p-1", "p-2"] }))
        .await
        .expect(201);
    let mixed = export(&owner, json!({ "project": "p-1", "dataset": "d-1" }))
        .await
        .expect(201);
    for body in [
        json!({ "project": "p-2" }),
        json!({ "projects": ["p-1", "p-2"] }),
        json!({ "dataset": "d-1" }),
    ] {
        let theirs = export(&of_project, body).await;
        assert_eq!(theirs.status, 400);
    }
    let unknown = export(&of_project, json!({ "project": "nobodys" })).await;
    let hidden = export(&of_project, json!({ "project": "p-2" })).await;
    assert_eq!(unknown.body, hidden.body);
    let own = export(&of_project, json!({ "project": "p-1" })).await.expect(201);
    let uid = |export: &Value| export["uid"].as_str().unwrap().to_owned();
    let mut seen = vec![uid(&one), uid(&own)];
    seen.sort();
    assert_eq!(listed(&of_project, "/exports/").await, seen);
    assert_eq!(listed(&of_dataset, "/exports/").await, Vec::<String>::new());
    let mut all = vec![uid(&one), uid(&own), uid(&mixed)];
    all.sort();
    assert_eq!(listed(&of_both, "/exports/").await, all);
    for (key, export, status) in [
        (&of_project, &one, 200),
        (&of_project, &two, 404),
        (&of_project, &mixed, 404),
        (&of_both, &mixed, 200),
        (&of_dataset, &mixed, 404),
    ] {
        let answer = key.get(&format!("/exports/{}/", uid(export))).await;
        assert_eq!(answer.status, status);
    }

    // So it is with auto-label jobs, which belong to a project.
    let job = owner
        .post("/projects/p-2/auto-label/", json!({ "dry_run": true }))
        .await
        .expect(201);
    let job = format!("/auto-label-jobs/{}/", uid(&job));
    assert_eq!(of_project.get(&job).await.status, 404);
    assert_eq!(of_project.delete(&job).await.status, 404);
    assert!(listed(&of_project, "/auto-label-jobs/").await.is_empty());
    let start = of_project
        .post("/projects/p-2/auto-label/", json!({ "dry_run": true }))
        .await;
    assert_eq!(start.status, 404);
    of_project
        .post("/projects/p-1/auto-label/", json!({ "dry_run": true }))
        .await
        .expect(201);
}

async fn listed_slug(tenant: &Tenant) -> String {
    let page = tenant.get("/organizations/").await.expect(200);
    page["results"][0]["slug"].as_str().unwrap().to_owned()
}

async fn a_restricted_key_makes_no_key_that_reaches_more(on: On) {
    let (running, owner) = with_exportable_rows(on).await;
    let other = running.tenant("b@example.com").await;
    // Given a key that is restricted, and may otherwise do everything.
    let key = make(&owner, restricted_to(&["project:p-1", "dataset:d-1"])).await;

    // Then what it makes is restricted as itself, or more.
    let made = create(&key, json!({ "access": { "kind": "full" } }))
        .await
        .expect(201);
    assert_eq!(made["resources"], json!(["dataset:d-1", "project:p-1"]));
    let less = create(&key, restricted_to(&["project:p-1"])).await.expect(201);
    assert_eq!(create(&key, restricted_to(&[])).await.code(), "exceeds_caller");
    // What it does not reach is not there, be it somebody's or nobody's.
    let nobodys = create(&key, restricted_to(&["project:nobodys"])).await;
    for resource in ["project:p-2", "project:p-b"] {
        let answer = create(&key, restricted_to(&["project:p-1", resource])).await;
        assert_eq!((answer.status, &answer.body), (400, &nobodys.body), "{resource}");
    }
    assert_eq!(create(&other, restricted_to(&["project:p-1"])).await.status, 400);

    // A successor reaches what its predecessor does.
    let successor = act(&key, &key, "rotate").await.expect(201);
    assert_eq!(successor["resources"], json!(["dataset:d-1", "project:p-1"]));
    assert_eq!(
        listed(&holder(&key, &successor), "/users/me/projects/").await,
        ["p-1"]
    );

    // Keys that reach more are not there for it, those that reach less are.
    let narrower = holder(&key, &less);
    for verb in ["rotate", "disable", "enable", "revoke"] {
        assert_eq!(act(&key, &owner, verb).await.status, 404, "{verb}");
        assert_eq!(act(&narrower, &key, verb).await.status, 404, "{verb}");
    }
    assert_eq!(key.get(&path(&owner, "")).await.status, 404);
    assert_eq!(owner.get("/users/me/").await.status, 200);
    act(&key, &narrower, "disable").await.expect(200);
    assert_eq!(narrower.get("/users/me/").await.code(), "key_disabled");

    // A restart changes nothing about that.
    let home = running.stop().await;
    let running = crate::support::start_in(home, |_| {}).await;
    let key = Tenant {
        address: running.address,
        ..key
    };
    assert_eq!(listed(&key, "/users/me/projects/").await, ["p-1"]);
}

async fn a_restricted_key_calls_nothing_that_is_about_more_than_its_objects(on: On) {
    let (_running, owner) = with_exportable_rows(on).await;
    let key = make(&owner, restricted_to(&["project:p-1"])).await;
    let within = [
        "users.me",
        "users.permissions",
        "api_keys.create",
        "api_keys.get",
        "api_keys.update",
        "api_keys.rotate",
        "api_keys.end_grace",
        "api_keys.revoke",
        "api_keys.disable",
        "api_keys.enable",
        "api_keys.usage",
        "projects.list",
        "projects.get",
        "datasets.list",
        "datasets.get",
        "datasets.get_by_slug",
        "tasks.list",
        "tasks.get",
        "exports.list",
        "exports.get",
        "exports.create",
        "auto_label_jobs.list",
        "auto_label_jobs.get",
        "auto_label_jobs.create",
        "auto_label_jobs.cancel",
    ];
    for name in within {
        assert!(avala_server::served().contains(&name), "{name} is an operation");
    }
    // Whatever else is served, and whatever will be: not with this key.
    for route in DECLARED {
        if !avala_server::served().contains(&route.operation) || is_anonymous(route) {
            continue;
        }
        let path = filled(route.path);
        let answer = key.send(route.method.as_str(), &path, Some(json!({}))).await;
        let is_refused = answer.status == 403 && answer.code() == "resources_restricted";
        assert_eq!(
            is_refused,
            !within.contains(&route.operation),
            "{}",
            route.operation
        );
    }
}

fn is_anonymous(route: &Route) -> bool {
    route.access == Access::Anonymous
}

/// The path with something for each parameter.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    for (index, part) in path.split(['{', '}']).enumerate() {
        filled.push_str(if index % 2 == 0 { part } else { "x" });
    }
    filled
}

async fn what_is_no_object_is_none(on: On) {
    let running = start(on).await;
    let owner = running.tenant("a@example.com").await;
    let long = format!("dataset:{}", "x".repeat(101));
    for resource in [
        "",
        "p-1",
        "project:",
        "tasks:1",
        "project:a b",
        "project:a\0",
        "Project:p-1",
        &long,
    ] {
        let answer = create(&owner, restricted_to(&[resource])).await;
        assert_eq!(answer.status, 400, "{resource}");
        assert!(answer.json()["resources"].is_array(), "{}", answer.json());
    }
    let many: Vec<String> = (0..65).map(|number| format!("dataset:{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(create(&owner, restricted_to(&many)).await.json()["resources"].is_array());
}

stories![
    a_restricted_key_reaches_its_objects_and_what_belongs_to_them,
    a_restricted_key_exports_its_objects_and_sees_no_other_export,
    a_restricted_key_makes_no_key_that_reaches_more,
    a_restricted_key_calls_nothing_that_is_about_more_than_its_objects,
    what_is_no_object_is_none,
];
