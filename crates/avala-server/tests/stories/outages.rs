//! A database that goes away, falls silent or is far: what calls answer, when, and that everything recovers by itself.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use avala_server::keys::{Access, NewKey};
use serde_json::{Value, json};

use crate::{
    home::has_postgres,
    relay::{Mode, Relay},
    support::{Answer, Home, On, Request, Running, Tenant, start_in, within},
};

/// A call ends within this time, whatever the database does: five seconds for the statement, and a margin.
const ENDS_WITHIN: Duration = Duration::from_millis(6500);

/// Readiness follows the looks at the keys; the one under way may have begun with the calls, and its connection was not
/// there.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// Recovery: the next connection, and the next look at the keys.
const RECOVERS_WITHIN: Duration = Duration::from_secs(8);

async fn behind_a_relay(change: impl FnOnce(&mut avala_server::Config)) -> (Relay, Running) {
    let home = Home::new(On::Postgres).await;
    let relay = Relay::to(home.postgres_address()).await;
    let database = home.database_at(relay.address);
    let running = start_in(home, |config| {
        config.database = database;
        change(config);
    })
    .await;
    (relay, running)
}

fn webhook(number: usize) -> Value {
    json!({ "target_url": format!("https://localhost:1/{number}"), "events": ["task.completed"] })
}

async fn readyz(address: SocketAddr) -> u16 {
    Request::raw("GET", "/readyz").send(address).await.status
}

/// Everything that a caller may see of a database that is away.
#[track_caller]
fn is_busy(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.header("retry-after").is_some()),
        (503, true),
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
}

/// Reads and writes while nothing answers; each ends in time, as busy.
async fn calls_end_as_busy(tenant: &Tenant) {
    let timed = |method: &'static str, body: Option<Value>| async move {
        let began = Instant::now();
        let answer = tenant.send(method, "/webhooks/", body).await;
        (answer, began.elapsed())
    };
    let (first, second, third) = tokio::join!(
        timed("GET", None),
        timed("POST", Some(webhook(7))),
        timed("GET", None)
    );
    for (answer, took) in [first, second, third] {
        is_busy(&answer);
        assert!(took < ENDS_WITHIN, "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_database_that_is_cut_off_for_a_while_is_busy_and_nothing_acknowledged_is_lost() {
    if !has_postgres("a_database_that_is_cut_off_for_a_while_is_busy_and_nothing_acknowledged_is_lost") {
        return;
    }
    // Given a server with a row, a key that is about to end, and a quarter of a minute without the database.
    let (relay, running) =
        behind_a_relay(|config| config.limits.keys_current_for = Duration::from_millis(1500)).await;
    let tenant = running.tenant("a@example.com").await;
    let ending = running.issue(&tenant.user, Access::Full).await;
    let made = tenant.post("/webhooks/", webhook(1)).await.expect(201);
    let elsewhere = running.dir.authority().await;

    // When the connections are cut, then calls are refused at once or a little later, and never as an error of ours.
    relay.set(Mode::Cut);
    calls_end_as_busy(&tenant).await;
    within(NOTICED_WITHIN, || async { readyz(running.address).await == 503 }).await;

    // Then, since nobody knows which keys were revoked, no key is accepted: not even for what needs no database.
    within(RECOVERS_WITHIN, || async {
        let answer = tenant.get("/users/me/permissions/").await;
        answer.status == 503 && answer.header("retry-after").is_some()
    })
    .await;
    let began = Instant::now();
    is_busy(&tenant.get("/webhooks/").await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

    // When keys are made and revoked meanwhile, and the way is open again, then it recovers by itself.
    elsewhere.revoke(ending.id).await.unwrap();
    let issued = elsewhere
        .issue(NewKey {
            owner: tenant.user.uid.clone(),
            name: "meanwhile".into(),
            access: Access::Full,
            expires_at: None,
        })
        .await
        .unwrap();
    relay.set(Mode::Pass(Duration::ZERO));
    within(RECOVERS_WITHIN, || async { readyz(running.address).await == 200 }).await;
    let path = format!("/webhooks/{}/", made["uid"].as_str().unwrap());
    assert_eq!(tenant.get(&path).await.expect(200)["uid"], made["uid"]);
    tenant.post("/webhooks/", webhook(2)).await.expect(201);

    // Then the changes of the keys are in force from the first call on.
    let status = |key: &avala_keys::ApiKey| {
        let request = Request::new("GET", "/users/me/").key(key.expose());
        let address = running.address;
        async move { request.send(address).await.status }
    };
    assert_eq!(status(&ending.key).await, 401);
    assert_eq!(status(&issued.key).await, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_database_that_falls_silent_is_given_up_in_time() {
    if !has_postgres("a_database_that_falls_silent_is_given_up_in_time") {
        return;
    }
    let (relay, running) = behind_a_relay(|_| {}).await;
    let tenant = running.tenant("a@example.com").await;
    tenant.get("/webhooks/").await.expect(200);

    // Whatever takes part in the silence: connections just used, connections to be probed, connections to be made.
    relay.set(Mode::Silent);
    calls_end_as_busy(&tenant).await;
    within(NOTICED_WITHIN, || async { readyz(running.address).await == 503 }).await;

    relay.set(Mode::Pass(Duration::ZERO));
    within(RECOVERS_WITHIN, || async { readyz(running.address).await == 200 }).await;
    tenant.get("/webhooks/").await.expect(200);
    tenant.post("/webhooks/", webhook(2)).await.expect(201);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_commit_whose_answer_was_lost_is_not_said_to_be_undone() {
    if !has_postgres("a_commit_whose_answer_was_lost_is_not_said_to_be_undone") {
        return;
    }
    // Given a database that takes its time to commit a webhook.
    let (relay, running) = behind_a_relay(|_| {}).await;
    let tenant = running.tenant("a@example.com").await;
    for statement in [
        "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_sleep(2); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER lingers AFTER INSERT ON webhooks DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION linger()",
    ] {
        running.dir.execute(statement).await;
    }

    // When the connection is cut during the commit, then the caller is not told to repeat it.
    let cut = async {
        within(RECOVERS_WITHIN, || async {
            running.dir.lines(SLEEPERS).await == ["COMMIT"]
        })
        .await;
        relay.set(Mode::Cut);
    };
    let (answer, ()) = tokio::join!(tenant.post("/webhooks/", webhook(1)), cut);
    assert_eq!((answer.status, answer.code().as_str()), (500, "outcome_unknown"));
    assert_eq!(answer.header("retry-after"), None);

    // And it was done.
    relay.set(Mode::Pass(Duration::ZERO));
    within(RECOVERS_WITHIN, || async {
        let listed = tenant.get("/webhooks/").await;
        listed.status == 200 && listed.json()["results"].as_array().unwrap().len() == 1
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn keys_may_take_longer_to_be_read_than_a_call_may_take() {
    if !has_postgres("keys_may_take_longer_to_be_read_than_a_call_may_take") {
        return;
    }
    let (_relay, running) = behind_a_relay(|_| {}).await;
    let tenant = running.tenant("a@example.com").await;
    let home = running.stop().await;
    for statement in [
        "ALTER TABLE api_keys RENAME TO many_keys",
        "CREATE VIEW api_keys AS SELECT k.* FROM many_keys k, (SELECT pg_sleep(5.5)) AS slow",
    ] {
        home.execute(statement).await;
    }
    let running = start_in(home, |_| {}).await;
    let request = Request::new("GET", "/users/me/").key(tenant.key.expose());
    running.send(request).await.expect(200);
    running.stop().await;
}

/// What statements sleep in the database.
const SLEEPERS: &str =
    "SELECT query FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";

/// Round trips of an operation, once its statements are prepared.
async fn round_trips(relay: &Relay, mut call: impl AsyncFnMut()) -> u64 {
    let mut fewest = u64::MAX;
    // More than there are connections, so that some connection has prepared each statement.
    for _ in 0..16 {
        let before = relay.round_trips();
        call().await;
        fewest = fewest.min(relay.round_trips() - before);
    }
    fewest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_waits_for_a_far_database_as_often_as_stated_and_a_list_of_many_rows_no_more_than_one() {
    if !has_postgres("a_call_waits_for_a_far_database_as_often_as_stated") {
        return;
    }
    let (relay, running) = behind_a_relay(|_| {}).await;
    relay.set(Mode::Pass(Duration::from_millis(5)));
    let tenant = running.tenant("a@example.com").await;
    let agent = tenant
        .post(
            "/agents/",
            json!({ "name": "first", "events": ["task.completed"] }),
        )
        .await
        .expect(201);
    let agent = agent["uid"].as_str().unwrap().to_owned();
    let made = tenant.post("/webhooks/", webhook(0)).await.expect(201);
    let hook = made["uid"].as_str().unwrap().to_owned();
    tenant
        .post(&format!("/webhooks/{hook}/test/"), json!({}))
        .await
        .expect(200);
    running
        .server
        .agents()
        .enqueue_execution(
            &agent.clone().into(),
            "task.completed".into(),
            serde_json::Map::new(),
        )
        .await
        .unwrap();

    // Single calls.
    let mut found = Vec::new();
    let one = format!("/webhooks/{hook}/");
    for (operation, method, path, body, _) in OPERATIONS {
        let path = path.replace("{webhook}", &hook).replace("{agent}", &agent);
        let trips = round_trips(&relay, async || {
            let body = body.map(|body| serde_json::from_str(body).unwrap());
            let answer = tenant.send(method, &path, body).await;
            assert!(answer.status < 300, "{operation}: {}", answer.status);
        })
        .await;
        found.push((*operation, trips));
    }
    tenant.get(&one).await.expect(200);
    let stated: Vec<(&str, u64)> = OPERATIONS
        .iter()
        .map(|(name, .., trips)| (*name, *trips))
        .collect();
    assert_eq!(found, stated);

    // Lists, of one row and of a hundred.
    relay.set(Mode::Pass(Duration::ZERO));
    for statement in HUNDRED_ROWS {
        running.dir.execute(statement).await;
    }
    relay.set(Mode::Pass(Duration::from_millis(5)));
    let executions = format!("/agents/{agent}/executions/");
    for path in ["/webhooks/", "/webhook-deliveries/", "/agents/", &executions] {
        for rows in [1, 100] {
            let path = format!("{path}?limit={rows}");
            let trips = round_trips(&relay, async || {
                let answer = tenant.get(&path).await.expect(200);
                assert_eq!(answer["results"].as_array().unwrap().len(), rows, "{path}");
            })
            .await;
            assert_eq!(
                trips,
                LIST_ROUND_TRIPS
                    .iter()
                    .find(|(of, _)| path.contains(of))
                    .unwrap()
                    .1,
                "{path}"
            );
        }
    }
    running.stop().await;
}

/// What is asked of the server, and how often it waits for its database: `BEGIN` and `COMMIT` are one each, the audit
/// another.
const OPERATIONS: &[(&str, &str, &str, Option<&str>, u64)] = &[
    ("users.me", "GET", "/users/me/", None, 1),
    ("users.permissions", "GET", "/users/me/permissions/", None, 0),
    ("organizations.list", "GET", "/organizations/", None, 2),
    ("webhooks.get", "GET", "/webhooks/{webhook}/", None, 1),
    (
        "webhooks.create",
        "POST",
        "/webhooks/",
        Some(r#"{"target_url":"https://localhost:1/","events":["task.completed"]}"#),
        4,
    ),
    (
        "webhooks.update",
        "PATCH",
        "/webhooks/{webhook}/",
        Some(r#"{"is_active":true}"#),
        5,
    ),
    ("agents.get", "GET", "/agents/{agent}/", None, 2),
    (
        "agents.update",
        "PATCH",
        "/agents/{agent}/",
        Some(r#"{"description":"d"}"#),
        5,
    ),
];

const LIST_ROUND_TRIPS: [(&str, u64); 4] = [
    ("/webhooks/", 1),
    ("/webhook-deliveries/", 1),
    ("/executions/", 2),
    ("/agents/", 1),
];

/// Copies of the first row of each list.
const HUNDRED_ROWS: [&str; 4] = [
    "INSERT INTO webhooks (uid, organization, target_url, events, is_active, secret, created_at, updated_at)
     SELECT uid || n, organization, target_url, events, is_active, secret, created_at, updated_at
     FROM (SELECT * FROM webhooks ORDER BY position LIMIT 1) AS one, generate_series(1, 120) AS n",
    "INSERT INTO webhook_deliveries
     (uid, organization, subscription, event_type, payload, attempts, status, created_at, updated_at)
     SELECT uid || n, organization, subscription, event_type, payload, attempts, status, created_at, updated_at
     FROM (SELECT * FROM webhook_deliveries ORDER BY position LIMIT 1) AS one, generate_series(1, 120) AS n",
    "INSERT INTO agents
     (uid, organization, name, events, is_active, task_types, secret, created_at, updated_at)
     SELECT uid || n, organization, name || n, events, is_active, task_types, secret, created_at, updated_at
     FROM (SELECT * FROM agents ORDER BY position LIMIT 1) AS one, generate_series(1, 120) AS n",
    "INSERT INTO agent_executions
     (uid, registration, event_type, status, event_payload, created_at, updated_at)
     SELECT uid || n, registration, event_type, status, event_payload, created_at, updated_at
     FROM (SELECT * FROM agent_executions ORDER BY position LIMIT 1) AS one, generate_series(1, 120) AS n",
];
