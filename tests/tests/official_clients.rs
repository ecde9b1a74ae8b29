//! The official Python clients, unmodified, against our server: sync, async, command, agent runner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use avala_api::{EventName, Scope, Timestamp, agents::AgentUid};
use avala_server::keys::Access;
use avala_tests::{Judge, Site, python, write_rows};
use serde_json::{Map, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

async fn judge(site: &Site, python: &std::path::PathBuf, script: &str) -> Judge {
    let full = site.full_key().await;
    let expired = site
        .key(Access::Full, Some(Timestamp::from_unix_seconds(1)))
        .await;
    let revoked = site.full_key().await;
    site.server().keys().revoke(revoked.id()).await.unwrap();
    let narrow = site.key(Access::Listed(vec![Scope::WebhooksRead]), None).await;
    let organizations = site
        .client(full.expose())
        .organizations()
        .list()
        .send()
        .await
        .unwrap();
    with_a_project(site).await;
    Judge::new(python, script, &site.base_url, full.expose())
        .given("AVALA_TEST_UNKNOWN_KEY", &never_issued_here().await)
        .given("AVALA_TEST_EXPIRED_KEY", expired.expose())
        .given("AVALA_TEST_REVOKED_KEY", revoked.expose())
        .given("AVALA_TEST_NARROW_KEY", narrow.expose())
        .given("AVALA_TEST_ORGANIZATION", organizations.items[0].slug.as_str())
        .given("AVALA_TEST_PROJECT", PROJECT)
        .given("AVALA_TEST_AUTO_LABEL_JOB", RUNNING_JOB)
}

const PROJECT: &str = "6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f01";
const RUNNING_JOB: &str = "6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f02";

/// A project of the site's owner with one task, and an auto-label job that runs for ever.
async fn with_a_project(site: &Site) {
    for statement in [
        "INSERT INTO projects (uid, organization, name, status, visibility, created_at, updated_at)
         SELECT '6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f01', uid, 'Judged', 'active', 'private', 0, 0 FROM organizations ORDER BY position LIMIT 1",
        "INSERT INTO tasks (uid, organization, project, status, created_at, updated_at)
         SELECT '6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f03', organization, uid, 'pending', 0, 0 FROM projects WHERE name = 'Judged'",
        "INSERT INTO auto_label_jobs (uid, organization, project, model_type, confidence_threshold, labels, dry_run,
         status, total_items, processed_items, successful_items, failed_items, skipped_items, created_at)
         SELECT '6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f02', organization, uid, 'yolo', 0.5, '[]', FALSE, 'running', 0, 0, 0,
         0, 0, 0 FROM projects WHERE name = 'Judged'",
    ] {
        assert_eq!(write_rows(&site.data_dir(), statement).await, 1);
    }
}

/// A webhook receiver that answers 200 to whatever comes.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 8192];
            let _request = socket.read(&mut buffer).await;
            let _answer = socket
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                .await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sync_client_is_content() {
    let Some(python) = python() else { return };
    let site = Site::open().await;
    let target = receiver().await;
    judge(&site, &python, "clients.py")
        .await
        .arg("sync")
        .given("AVALA_TEST_WEBHOOK_TARGET", &target)
        .is_content()
        .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_async_client_is_content() {
    let Some(python) = python() else { return };
    let site = Site::open().await;
    judge(&site, &python, "clients.py")
        .await
        .arg("async")
        .is_content()
        .await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_is_content() {
    let Some(python) = python() else { return };
    let site = Site::open().await;
    judge(&site, &python, "command.py").await.is_content().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_runner_polls_decides_and_its_approval_is_kept() {
    let Some(python) = python() else { return };
    let site = Site::open().await;
    let key = site.full_key().await;
    let client = site.client(key.expose());
    let agent = client
        .agents()
        .create("judged")
        .events([EventName::ResultSubmitted])
        .send()
        .await
        .unwrap();
    let execution = enqueue(&site, &agent.uid).await;

    Judge::new(&python, "runner.py", &site.base_url, key.expose())
        .given("AVALA_TEST_UNKNOWN_KEY", &never_issued_here().await)
        .given("AVALA_TEST_AGENT", "judged")
        .given("AVALA_TEST_EVENT", "result.submitted")
        .given("AVALA_TEST_EXECUTION", &execution)
        .is_content()
        .await;
    site.close().await;
}

async fn enqueue(site: &Site, agent: &AgentUid) -> String {
    let payload: Map<_, _> = [
        ("task_uid", json!("t-1")),
        ("result_uid", json!("r-1")),
        ("result_data", json!([])),
        ("result_metadata", json!({})),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    site.server()
        .agents()
        .enqueue_execution(agent, EventName::ResultSubmitted, payload)
        .await
        .unwrap()
        .to_string()
}

/// A key that another site issued: well-formed, and unknown here.
async fn never_issued_here() -> String {
    let other = Site::open().await;
    let key = other.full_key().await;
    other.close().await;
    key.expose().to_owned()
}
