//! Exports: from the question to the file, and who may have it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};

use crate::support::{
    Answer, Home, ManualClock, On, Request, Running, Tenant, config, start, start_in, start_with, within,
};

stories!(
    an_export_is_made_and_its_file_has_every_task_with_its_results,
    an_export_has_what_was_chosen_and_nothing_else,
    every_way_to_ask_wrongly_is_named,
    another_organizations_projects_are_not_found_and_its_exports_hidden,
    a_link_leads_to_its_file_for_an_hour_and_no_other_does,
    a_file_is_counted_against_the_address_that_asks,
    a_big_file_arrives_whole,
    a_file_may_be_taken_for_longer_than_a_connection_may_be_idle,
    an_export_that_a_stopping_server_left_is_made_by_the_next,
    an_interrupted_export_waits_for_the_end_of_its_lease,
    an_organization_has_five_unfinished_exports_at_most,
    what_a_killed_server_left_of_a_file_is_removed_by_the_next,
);

/// As long as any of these exports may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Two projects, a dataset and four tasks for the tenant whose e-mail begins with `a`; one project for the one with `b`.
async fn with_rows(home: &Home) {
    for statement in [
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-1', uid, 'One', 'active', 'private', 0, 0 FROM organizations WHERE name = 'a'",
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-2', uid, 'Two', 'active', 'private', 0, 0 FROM organizations WHERE name = 'a'",
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT 'p-b', uid, 'Theirs', 'active', 'private', 0, 0 FROM organizations WHERE name = 'b'",
        "INSERT INTO datasets (uid, organization, name, folded_name, slug, data_type, visibility, status, item_count, is_sequence,
         created_at, updated_at)
         SELECT 'd-1', uid, 'D', 'd', 'd', 'image', 'private', 'created', 0, FALSE, 0, 0 FROM organizations WHERE name = 'a'",
        "INSERT INTO tasks (uid, organization, project, dataset, type, name, status, created_at, updated_at)
         SELECT 't-1', organization, 'p-1', NULL, 'image', 'box', 'completed', 1000, 2000 FROM projects WHERE uid = 'p-1'",
        "INSERT INTO tasks (uid, organization, project, dataset, type, name, status, created_at, updated_at)
         SELECT 't-2', organization, 'p-1', 'd-1', 'image', 'box', 'pending', 0, 0 FROM projects WHERE uid = 'p-1'",
        "INSERT INTO tasks (uid, organization, project, dataset, type, name, status, created_at, updated_at)
         SELECT 't-3', organization, 'p-2', 'd-1', 'image', NULL, 'completed', 0, 0 FROM projects WHERE uid = 'p-2'",
        "INSERT INTO tasks (uid, organization, project, dataset, type, name, status, created_at, updated_at)
         SELECT 't-4', organization, 'p-2', NULL, 'image', 'box', 'pending', 0, 0 FROM projects WHERE uid = 'p-2'",
        r#"INSERT INTO results (uid, task, status, data, metadata, created_at, updated_at)
         VALUES ('r-1', 't-1', 'submitted', '[{"label":"Straße","box":[0.1,1e-7]}]', '{"by":"ö"}', 1000, 2000)"#,
        "INSERT INTO results (uid, task, status, data, metadata, created_at, updated_at)
         VALUES ('r-2', 't-1', 'accepted', '[]', NULL, 0, 0)",
    ] {
        assert!(home.execute(statement).await <= 1, "{statement}");
    }
}

/// A server with those rows, and the tenant they belong to.
pub(crate) async fn with_exportable_rows(on: On) -> (Running, Tenant) {
    let running = start(on).await;
    let tenant = running.tenant("a@example.com").await;
    with_rows(&running.dir).await;
    (running, tenant)
}

/// Asks for an export.
async fn export(tenant: &Tenant, body: Value) -> String {
    let made = tenant.post("/exports/", body).await.expect(201);
    assert_eq!(
        (&made["status"], &made["download_url"]),
        (&json!("requested"), &Value::Null)
    );
    made["uid"].as_str().unwrap().to_owned()
}

/// The export, once it has come so far.
async fn once(tenant: &Tenant, uid: &str, status: &str) -> Value {
    let path = format!("/exports/{uid}/");
    within(SOON, || async {
        tenant.get(&path).await.expect(200)["status"] == json!(status)
    })
    .await;
    tenant.get(&path).await.expect(200)
}

/// The path of a link to this server.
fn path_of(running: &Running, export: &Value) -> String {
    let link = export["download_url"].as_str().expect("a link");
    let base = format!("http://{}", running.address);
    link.strip_prefix(&base)
        .unwrap_or_else(|| panic!("{link} is not below {base}"))
        .to_owned()
}

async fn download(running: &Running, export: &Value) -> Answer {
    running.send(Request::raw("GET", &path_of(running, export))).await
}

fn task_uids(file: &Value) -> Vec<&str> {
    let tasks = file["tasks"].as_array().unwrap();
    tasks.iter().map(|task| task["uid"].as_str().unwrap()).collect()
}

async fn an_export_is_made_and_its_file_has_every_task_with_its_results(on: On) {
    let (running, tenant) = with_exportable_rows(on).await;

    let uid = export(&tenant, json!({ "project": "p-1" })).await;
    let done = once(&tenant, &uid, "exported").await;

    assert_eq!(
        (&done["total_task_count"], &done["exported_task_count"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&done["projects"], &done["datasets"]),
        (&json!(["p-1"]), &json!([]))
    );
    assert_eq!(
        (&done["format"], &done["organization"]["name"]),
        (&json!("avala-json-external"), &json!("a"))
    );
    let listed = tenant.get("/exports/").await.expect(200);
    assert_eq!(listed["results"][0]["uid"], json!(uid));
    assert!(listed["results"][0]["download_url"].is_string());

    let answer = download(&running, &done).await;
    let file = answer.expect(200);
    assert_eq!(task_uids(&file), ["t-1", "t-2"]);
    assert_eq!(file["export"]["uid"], json!(uid));
    assert_eq!(
        file["tasks"][0],
        json!({
            "uid": "t-1", "project": "p-1", "dataset": null, "type": "image", "name": "box", "status": "completed",
            "created_at": "1970-01-01T00:00:01Z", "updated_at": "1970-01-01T00:00:02Z",
            "results": [
                {
                    "uid": "r-1", "status": "submitted", "data": [{ "label": "Straße", "box": [0.1, 1e-7] }],
                    "metadata": { "by": "ö" },
                    "created_at": "1970-01-01T00:00:01Z", "updated_at": "1970-01-01T00:00:02Z",
                },
                {
                    "uid": "r-2", "status": "accepted", "data": [], "metadata": null,
                    "created_at": "1970-01-01T00:00:00Z", "updated_at": "1970-01-01T00:00:00Z",
                },
            ],
        })
    );
    let length = answer.body.len().to_string();
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-length", &length),
        (
            "content-disposition",
            &format!("attachment; filename=\"export-{uid}.json\""),
        ),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }

    let head = running
        .send(Request::raw("HEAD", &path_of(&running, &done)))
        .await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*length));
}

async fn an_export_has_what_was_chosen_and_nothing_else(on: On) {
    let (running, tenant) = with_exportable_rows(on).await;
    for (body, tasks) in [
        (json!({ "dataset": "d-1" }), vec!["t-2", "t-3"]),
        (
            json!({ "projects": ["p-2"], "datasets": ["d-1"] }),
            vec!["t-2", "t-3", "t-4"],
        ),
        (
            json!({ "project": "p-1", "projects": ["p-2", "p-1"], "datasets": [], "slices": [] }),
            vec!["t-1", "t-2", "t-3", "t-4"],
        ),
        (
            json!({ "projects": ["p-1", "p-2"], "filter_query_string": "status=completed" }),
            vec!["t-1", "t-3"],
        ),
        (
            json!({ "project": "p-1", "filter_query_string": "status=unheard-of", "name": "Nothing" }),
            vec![],
        ),
    ] {
        let uid = export(&tenant, body.clone()).await;
        let done = once(&tenant, &uid, "exported").await;
        let file = download(&running, &done).await.expect(200);
        assert_eq!(task_uids(&file), tasks, "{body}");
        assert_eq!(done["exported_task_count"], json!(tasks.len()));
    }
}

async fn every_way_to_ask_wrongly_is_named(on: On) {
    let (_running, tenant) = with_exportable_rows(on).await;
    let refused = async |body: Value| {
        let errors = tenant.post("/exports/", body).await.expect(400);
        let fields: Vec<String> = errors.as_object().unwrap().keys().cloned().collect();
        fields.join(" ")
    };

    assert_eq!(refused(json!({})).await, "project");
    assert_eq!(
        refused(json!({ "projects": [], "datasets": [] })).await,
        "project"
    );
    let all = json!({
        "project": "p-0", "projects": ["p-1", "p-0"], "dataset": "d-0", "datasets": ["p-1"], "slices": ["s"],
        "name": " ", "format": "YOLO", "filter_query_string": "task=1",
    });
    assert_eq!(
        refused(all).await,
        "dataset datasets filter_query_string format name project projects slices"
    );
    assert_eq!(refused(json!({ "projects": vec!["p-1"; 101] })).await, "projects");
    assert_eq!(
        refused(json!({ "project": "p-1", "name": "n".repeat(256) })).await,
        "name"
    );
    assert_eq!(tenant.get("/exports/").await.expect(200)["results"], json!([]));
    assert_eq!(tenant.get("/exports/none/").await.status, 404);
    assert_eq!(tenant.get("/exports/?ordering=name").await.status, 400);
}

async fn another_organizations_projects_are_not_found_and_its_exports_hidden(on: On) {
    let running = start(on).await;
    let (ours, theirs) = (
        running.tenant("a@example.com").await,
        running.tenant("b@example.com").await,
    );
    with_rows(&running.dir).await;
    let uid = export(&ours, json!({ "project": "p-1" })).await;
    once(&ours, &uid, "exported").await;

    let foreign = theirs
        .post("/exports/", json!({ "projects": ["p-1"], "dataset": "d-1" }))
        .await;
    let missing = theirs
        .post("/exports/", json!({ "projects": ["nope"], "dataset": "nope" }))
        .await;
    assert_eq!((foreign.status, &foreign.body), (400, &missing.body));
    assert_eq!(theirs.get(&format!("/exports/{uid}/")).await.status, 404);
    assert_eq!(theirs.get("/exports/").await.expect(200)["results"], json!([]));
}

async fn a_link_leads_to_its_file_for_an_hour_and_no_other_does(on: On) {
    let clock = ManualClock::at("2030-01-01T00:00:00Z");
    let running = start_with(on, |config| config.clock = std::sync::Arc::new(clock.clone())).await;
    let tenant = running.tenant("a@example.com").await;
    with_rows(&running.dir).await;
    let uid = export(&tenant, json!({ "project": "p-1" })).await;
    let other = export(&tenant, json!({ "project": "p-2" })).await;
    let done = once(&tenant, &uid, "exported").await;
    let other = once(&tenant, &other, "exported").await;
    let path = path_of(&running, &done);
    let (rest, signature) = path.rsplit_once('/').unwrap();
    let (_, expires) = rest.rsplit_once('/').unwrap();
    let signature_of_other = path_of(&running, &other).rsplit('/').next().unwrap().to_owned();
    let get = async |path: String| running.send(Request::raw("GET", &path)).await;
    let absent = get("/files/exports/".to_owned()).await;
    assert_eq!(absent.status, 404);
    let later = expires.parse::<i64>().unwrap() + 1;
    let last = if signature.ends_with('0') { "1" } else { "0" };

    for wrong in [
        format!("/files/exports/{uid}/{later}/{signature}"),
        format!("/files/exports/{uid}/+{expires}/{signature}"),
        format!("/files/exports/{uid}/{expires}/{signature_of_other}"),
        format!("/files/exports/{uid}/{expires}/{}{last}", &signature[..63]),
        format!("/files/exports/{uid}/{expires}/{}", &signature[..62]),
        format!("/files/exports/{uid}/{expires}/"),
        format!("/files/exports/{uid}/{expires}"),
        format!("{path}/"),
        format!("/files/exports/../exports/{uid}/{expires}/{signature}"),
        format!("/api/v1{path}"),
    ] {
        let answer = get(wrong.clone()).await;
        assert_eq!((answer.status, &answer.body), (404, &absent.body), "{wrong}");
    }
    assert_eq!(running.send(Request::raw("POST", &path)).await.status, 404);
    assert_eq!(get(path.clone()).await.status, 200);
    let with_a_key = Request::raw("GET", &path).key("nonsense");
    assert_eq!(
        running.send(with_a_key).await.status,
        200,
        "a key is not even looked at"
    );

    clock.advance_millis(3_599_999);
    assert_eq!(get(path.clone()).await.status, 200);
    clock.advance_millis(1);
    let late = get(path.clone()).await;
    assert_eq!((late.status, &late.body), (404, &absent.body));
    let again = tenant.get(&format!("/exports/{uid}/")).await.expect(200);
    assert_eq!(download(&running, &again).await.status, 200);

    let file = running
        .dir
        .path()
        .join("data/exports")
        .join(format!("{uid}.json"));
    std::fs::remove_file(file).unwrap();
    let gone = download(&running, &again).await;
    assert_eq!((gone.status, &gone.body), (404, &absent.body));
}

async fn a_file_is_counted_against_the_address_that_asks(on: On) {
    let running = start_with(on, |config| {
        config.rate_limit = avala_server::RateLimit::PerMinute(1000);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    with_rows(&running.dir).await;
    let uid = export(&tenant, json!({ "project": "p-1" })).await;
    let done = once(&tenant, &uid, "exported").await;

    let mut left = Vec::new();
    for _ in 0..30 {
        let answer = download(&running, &done).await;
        assert_eq!(answer.status, 200);
        left.push(answer.header("x-ratelimit-remaining").unwrap().to_owned());
    }
    assert_eq!(
        (left.first().unwrap().as_str(), left.last().unwrap().as_str()),
        ("29", "0")
    );
    assert_eq!(download(&running, &done).await.status, 429);
    assert_eq!(
        tenant.get("/exports/").await.status,
        200,
        "the key has its own budget"
    );
}

/// Tasks by the thousand, each with a result, in the project `p-1`.
async fn with_many_tasks(home: &Home, on: On) {
    let tasks = "INSERT INTO tasks (uid, organization, project, name, status, created_at, updated_at)
         SELECT 'n-' || n, organization, 'p-1', 'box', 'completed', n, n FROM projects, ";
    let numbers = match on {
        On::Sqlite => {
            "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
                 SELECT n FROM numbers) AS numbers"
        }
        On::Postgres => "generate_series(1, 20000) AS numbers (n)",
    };
    let statement = format!("{tasks}{numbers} WHERE uid = 'p-1' ORDER BY n");
    assert_eq!(home.execute(statement.leak()).await, 20_000);
    home.execute(
        r#"INSERT INTO results (uid, task, status, data, created_at, updated_at)
        SELECT 'r-' || uid, uid, 'accepted', '[{"label":"car","polygon":[[0.25,0.5],[1.75,2.5],[3.125,4.0625]]}]', 0, 0
        FROM tasks WHERE name = 'box' AND project = 'p-1' AND uid LIKE 'n-%'"#,
    )
    .await;
}

/// Every task of those and of the first two, in order, each with its result.
fn is_whole(file: &Value) {
    let tasks = file["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 20_002);
    for (number, task) in (1..).zip(&tasks[2..]) {
        assert_eq!(task["uid"], json!(format!("n-{number}")));
        assert_eq!(task["results"][0]["uid"], json!(format!("r-n-{number}")));
    }
}

async fn a_big_file_arrives_whole(on: On) {
    let (running, tenant) = with_exportable_rows(on).await;
    with_many_tasks(&running.dir, on).await;

    let uid = export(&tenant, json!({ "project": "p-1" })).await;
    let done = once(&tenant, &uid, "exported").await;

    let answer = download(&running, &done).await;
    assert!(answer.body.len() > 4_000_000, "{}", answer.body.len());
    assert_eq!(
        answer.header("content-length"),
        Some(&*answer.body.len().to_string())
    );
    is_whole(&answer.expect(200));
}

async fn a_file_may_be_taken_for_longer_than_a_connection_may_be_idle(on: On) {
    let running = start_with(on, |config| {
        config.limits.idle_timeout = Duration::from_millis(100);
    })
    .await;
    let tenant = running.tenant("a@example.com").await;
    with_rows(&running.dir).await;
    with_many_tasks(&running.dir, on).await;
    let uid = export(&tenant, json!({ "project": "p-1" })).await;
    let done = once(&tenant, &uid, "exported").await;

    // What the server has sent and nobody took must not hide the slowness.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(running.address).await.unwrap();
    let request = Request::raw("GET", &path_of(&running, &done)).bytes();
    stream.write_all(&request).await.unwrap();
    let mut answer = vec![0; 1024];
    stream.read_exact(&mut answer).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    stream.read_to_end(&mut answer).await.unwrap();

    is_whole(&Answer::parse(&answer).unwrap().expect(200));
}

async fn an_export_that_a_stopping_server_left_is_made_by_the_next(on: On) {
    let running = start_with(on, |config| config.limits.drain_timeout = Duration::ZERO).await;
    let tenant = running.tenant("a@example.com").await;
    with_rows(&running.dir).await;
    with_many_tasks(&running.dir, on).await;
    let uid = export(&tenant, json!({ "project": "p-1" })).await;
    once(&tenant, &uid, "processing").await;
    let (user, key) = (tenant.user, tenant.key);

    let running = start_in(running.stop().await, |_| {}).await;
    let tenant = Tenant {
        address: running.address,
        user,
        key,
    };
    assert_eq!(
        tenant.get(&format!("/exports/{uid}/")).await.expect(200)["status"],
        json!("processing")
    );

    let done = once(&tenant, &uid, "exported").await;
    is_whole(&download(&running, &done).await.expect(200));
}

async fn an_interrupted_export_waits_for_the_end_of_its_lease(on: On) {
    let (running, tenant) = with_exportable_rows(on).await;
    let home = running.stop().await;
    let export = home
        .execute(
            "INSERT INTO exports (uid, organization, format, projects, datasets, status, created_at, updated_at)
             SELECT 'e-1', organization, 'avala-json-external', '[\"p-1\"]', '[]', 'processing', 0, 0
             FROM projects WHERE uid = 'p-1'",
        )
        .await;
    // 2030-01-01T00:00:10Z: the lease of a process that is dead.
    let job = "INSERT INTO jobs (kind, object, attempts, holder, due_at) VALUES ('export', 'e-1', 1, 'dead', 1893456010000)";
    assert_eq!((export, home.execute(job).await), (1, 1));
    let clock = ManualClock::at("2030-01-01T00:00:00Z");
    let running = start_in(home, |config| config.clock = std::sync::Arc::new(clock.clone())).await;
    let tenant = Tenant {
        address: running.address,
        user: tenant.user,
        key: tenant.key,
    };

    let second = self::export(&tenant, json!({ "project": "p-2" })).await;
    once(&tenant, &second, "exported").await;
    assert_eq!(
        tenant.get("/exports/e-1/").await.expect(200)["status"],
        json!("processing")
    );
    clock.advance_millis(10_000);
    once(&tenant, "e-1", "exported").await;
}

async fn an_organization_has_five_unfinished_exports_at_most(on: On) {
    let running = start(on).await;
    let (ours, theirs) = (
        running.tenant("a@example.com").await,
        running.tenant("b@example.com").await,
    );
    with_rows(&running.dir).await;
    // Given five that nobody carries out, since their leases are somebody's for ever.
    for number in 0..5 {
        let export = format!(
            "INSERT INTO exports (uid, organization, format, projects, datasets, status, created_at, updated_at)
             SELECT 'held-{number}', organization, 'avala-json-external', '[]', '[]', 'processing', 0, 0
             FROM projects WHERE uid = 'p-1'"
        );
        let lease = format!(
            "INSERT INTO jobs (kind, object, attempts, holder, due_at)
             VALUES ('export', 'held-{number}', 1, 'x', 99999999999999)"
        );
        assert_eq!(running.dir.execute(export.leak()).await, 1);
        assert_eq!(running.dir.execute(lease.leak()).await, 1);
    }

    let body = json!({ "project": "p-1" });
    let refused = ours.post("/exports/", body.clone()).await;

    assert_eq!((refused.status, refused.code()), (409, "too_many_exports".into()));
    export(&theirs, json!({ "project": "p-b" })).await;
    let ended = "DELETE FROM jobs WHERE object = 'held-3'";
    assert_eq!(running.dir.execute(ended).await, 1);
    export(&ours, body).await;
}

async fn what_a_killed_server_left_of_a_file_is_removed_by_the_next(on: On) {
    let running = start(on).await;
    let home = running.stop().await;
    let folder = home.path().join("data/exports");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["e-1.2.unfinished", "e-2.json"] {
        std::fs::write(folder.join(name), "[]").unwrap();
    }

    let _running = start_in(home, |_| {}).await;

    assert!(!folder.join("e-1.2.unfinished").exists());
    assert!(folder.join("e-2.json").exists());
}

/// Two servers on one database, as on two machines.
#[tokio::test]
async fn two_servers_make_each_export_once() {
    if !crate::home::has_postgres("two servers") {
        return;
    }
    let (running, _tenant) = with_exportable_rows(On::Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(running.dir.path().join("data/pepper"), data.join("pepper")).unwrap();
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut second = config(folder.path());
    second.database = running.dir.database();
    let second = avala_server::Server::open(second).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move { second.serve(listener, async { drop(stopped.await) }).await });

    // Nobody is woken: both find all of them at their next look, at most a second apart.
    for statement in [
        "INSERT INTO exports (uid, organization, format, projects, datasets, status, created_at, updated_at)
         SELECT 'e-' || n, organization, 'avala-json-external', '[\"p-1\"]', '[]', 'requested', 0, 0
         FROM projects, generate_series(1, 300) AS numbers (n) WHERE uid = 'p-1'",
        "INSERT INTO jobs (kind, object, attempts, due_at) SELECT 'export', uid, 0, 0 FROM exports",
    ] {
        assert_eq!(running.dir.execute(statement).await, 300);
    }
    let finished = "UPDATE audit SET action = action WHERE action = 'export.finish'";
    within(SOON, || async { running.dir.execute(finished).await >= 300 }).await;
    assert_eq!(running.dir.execute("DELETE FROM jobs").await, 0);
    assert_eq!(running.dir.execute(finished).await, 300);
    // An export that both had made would have a file with each.
    let files = |folder: &std::path::Path| std::fs::read_dir(folder.join("data/exports")).unwrap().count();
    let (ours, theirs) = (files(running.dir.path()), files(folder.path()));
    assert!(
        ours > 0 && theirs > 0 && ours + theirs == 300,
        "{ours} and {theirs}"
    );
    drop(stop);
    serving.await.unwrap().unwrap();
}
