//! The official Python clients, unmodified, against our server: sync, async, command, agent runner.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use avala_api::{EventName, Scope, Timestamp, agents::AgentUid, api_keys::KeyAccess};
use avala_server::keys::Access;
use avala_tests::{Judge, On, Site, python};
use serde_json::{Map, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Each judge looks at both databases.
macro_rules! judges {
    ($($story:ident),+ $(,)?) => {
        $(mod $story {
            use avala_tests::On;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$story(On::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                if On::Postgres.is_there() {
                    super::$story(On::Postgres).await;
                }
            }
        })+
    };
}

judges![
    the_sync_client_is_content,
    the_sync_client_is_content_with_a_key_from_elsewhere,
    the_async_client_is_content,
    the_command_is_content,
    the_client_finds_nothing_to_hide_in_a_refusal,
    the_agent_runner_polls_decides_and_its_approval_is_kept,
];

/// The rows that the judges look for.
const ROWS: &str = include_str!("../official/rows.json");

async fn judge(site: &Site, python: &std::path::PathBuf, script: &str) -> Judge {
    let full = site.full_key().await;
    judge_of(site, python, script, full.expose()).await
}

/// What the client does with a full key.
async fn judge_of(site: &Site, python: &std::path::PathBuf, script: &str, full: &str) -> Judge {
    let expired = site
        .key(Access::Full, Some(Timestamp::from_unix_seconds(1)))
        .await;
    let revoked = site.full_key().await;
    site.server().keys().revoke(revoked.id()).await.unwrap();
    let narrow = site.key(Access::Listed(vec![Scope::WebhooksRead]), None).await;
    let organizations = site.client(full).organizations().list().send().await.unwrap();
    site.seed(ROWS).await;
    Judge::new(python, script, &site.base_url, full)
        .given("AVALA_TEST_UNKNOWN_KEY", &never_issued_here().await)
        .given("AVALA_TEST_EXPIRED_KEY", expired.expose())
        .given("AVALA_TEST_REVOKED_KEY", revoked.expose())
        .given("AVALA_TEST_NARROW_KEY", narrow.expose())
        .given("AVALA_TEST_ORGANIZATION", organizations.items[0].slug.as_str())
        .given("AVALA_TEST_PROJECT", "6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f01")
        .given(
            "AVALA_TEST_AUTO_LABEL_JOB",
            "6f0c8a52-0d0f-4f0e-9a55-3a1f5f0f1f02",
        )
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

async fn the_sync_client_is_content(on: On) {
    let Some(python) = python() else { return };
    let site = Site::open_on(on).await;
    let target = receiver().await;
    judge(&site, &python, "clients.py")
        .await
        .arg("sync")
        .given("AVALA_TEST_WEBHOOK_TARGET", &target)
        .is_content()
        .await;
    site.close().await;
}

async fn the_sync_client_is_content_with_a_key_from_elsewhere(on: On) {
    const KEY: &str = "4f3c29d01b7e8a6655c04d93e2f1a0b7c8d56e10";
    let Some(python) = python() else { return };
    let site = Site::open_on(on).await;
    let client = site.client(site.full_key().await.expose());
    let imported = client
        .api_keys()
        .import("from elsewhere", KEY, KeyAccess::Full)
        .send()
        .await
        .unwrap();
    assert!(imported.legacy);
    let target = receiver().await;
    judge_of(&site, &python, "clients.py", KEY)
        .await
        .arg("sync")
        .given("AVALA_TEST_WEBHOOK_TARGET", &target)
        .is_content()
        .await;
    site.close().await;
}

async fn the_async_client_is_content(on: On) {
    let Some(python) = python() else { return };
    let site = Site::open_on(on).await;
    judge(&site, &python, "clients.py")
        .await
        .arg("async")
        .is_content()
        .await;
    site.close().await;
}

async fn the_command_is_content(on: On) {
    let Some(python) = python() else { return };
    let site = Site::open_on(on).await;
    judge(&site, &python, "command.py").await.is_content().await;
    site.close().await;
}

async fn the_client_finds_nothing_to_hide_in_a_refusal(on: On) {
    let Some(python) = python() else { return };
    let site = Site::open_on(on).await;
    judge(&site, &python, "redaction.py").await.is_content().await;
    site.close().await;
}

async fn the_agent_runner_polls_decides_and_its_approval_is_kept(on: On) {
    let Some(python) = python() else { return };
    let site = Site::open_on(on).await;
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
