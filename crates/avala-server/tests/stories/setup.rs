//! Setup: the first administrator of a server, by a token that works once.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use serde_json::{Value, json};

use crate::newcomers::beside;
use crate::support::{Answer, ManualClock, On, Request, Running, start, start_in, start_with};

const EMAIL: &str = "ada@example.com";

async fn set_up(running: &Running, token: &str, email: &str) -> Answer {
    let body = json!({ "token": token, "email": email, "password": "correct horse" });
    running.send(Request::new("POST", "/setup/").json(&body)).await
}

async fn token(running: &Running) -> String {
    let offered = running.server.keys().offer_setup().await.unwrap().unwrap();
    let path = offered.file.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::read_to_string(path).unwrap().trim().to_owned()
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "setup_token_invalid")
    );
}

async fn the_token_makes_the_first_administrator_and_nobody_else(on: On) {
    let running = start(on).await;
    let token = token(&running).await;
    assert_refused(&set_up(&running, "wrong", EMAIL).await);
    assert_refused(&set_up(&running, &token.replace(|_: char| true, "0"), EMAIL).await);
    // What is wrong with a field is told to whoever has the token, and does not use it up.
    assert!(set_up(&running, &token, "nobody").await.expect(400)["email"].is_array());
    assert_refused(&set_up(&running, "wrong", "nobody").await);

    let account = set_up(&running, &token, EMAIL).await.expect(201);
    let key = account["api_key"].as_str().unwrap();
    let get = |path: &str| running.send(Request::new("GET", path).key(key));
    let organizations = get("/organizations/").await.expect(200);
    assert_eq!(organizations["results"][0]["role"], json!("owner"));
    get("/api-keys/").await.expect(200);

    // Then the token is gone, with its file, and none is made again.
    assert_refused(&set_up(&running, &token, "eve@example.com").await);
    assert!(!running.dir.path().join("data").join("setup-token").exists());
    assert_eq!(running.server.keys().offer_setup().await.unwrap(), None);
    // The database never had it, nor does the audit.
    let lines = running.dir.lines("SELECT action || object FROM audit").await;
    assert!(lines.iter().all(|line| !line.contains(&token)), "{lines:?}");
}

async fn two_at_the_same_time_make_one_administrator(on: On) {
    let running = start(on).await;
    let token = token(&running).await;
    let (one, two) = tokio::join!(
        set_up(&running, &token, EMAIL),
        set_up(&running, &token, "eve@example.com")
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
    assert_eq!(running.server.users().list().await.unwrap().len(), 1);
}

async fn a_token_lives_for_a_day_and_a_restart_makes_another(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let first = token(&running).await;
    assert_eq!(token(&running).await, first, "it is kept while it is good");
    clock.advance_millis(24 * 60 * 60 * 1000 - 1);
    assert!(!running.server.keys().has_forgotten_setup_token().await.unwrap());
    clock.advance_millis(1);
    assert!(running.server.keys().has_forgotten_setup_token().await.unwrap());
    assert_refused(&set_up(&running, &first, EMAIL).await);

    // Nor does writing to the database put its end off.
    let later = "UPDATE setup_tokens SET expires_at = expires_at + 99999999";
    assert_eq!(running.dir.execute(later).await, 1);
    assert_refused(&set_up(&running, &first, EMAIL).await);

    let running = start_in(running.stop().await, |config| {
        config.clock = Arc::new(clock.clone());
    })
    .await;
    let second = token(&running).await;
    assert_ne!(first, second);
    assert_refused(&set_up(&running, &first, EMAIL).await);
    set_up(&running, &second, EMAIL).await.expect(201);
}

async fn where_there_is_a_user_a_token_is_worth_nothing(on: On) {
    let clock = ManualClock::at("2026-01-01T00:00:00Z");
    let running = start_with(on, |config| config.clock = Arc::new(clock.clone())).await;
    let token = token(&running).await;
    running.tenant("first@example.com").await;
    assert_refused(&set_up(&running, &token, EMAIL).await);
    assert_eq!(
        set_up(&running, &token, EMAIL).await.json()["detail"],
        Value::from("This is not the setup token of this server, or it was used or has expired.")
    );
    // Nor is it one that somebody forgot.
    clock.advance_millis(24 * 60 * 60 * 1000);
    assert!(!running.server.keys().has_forgotten_setup_token().await.unwrap());
}

async fn a_token_that_is_withdrawn_opens_nothing_and_leaves_nothing(on: On) {
    let running = start(on).await;
    let first = token(&running).await;
    for _ in 0..2 {
        running.server.keys().withdraw_setup().await.unwrap();
    }
    assert_refused(&set_up(&running, &first, EMAIL).await);
    assert!(!running.dir.path().join("data").join("setup-token").exists());
    let lines = running
        .dir
        .lines("SELECT action FROM audit WHERE action = 'setup_token.withdraw'")
        .await;
    assert_eq!(lines.len(), 1);
    let second = token(&running).await;
    set_up(&running, &second, EMAIL).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_server_of_the_database_leaves_the_token_that_was_announced() {
    if !crate::home::has_postgres(module_path!()) {
        return;
    }
    let running = start(On::Postgres).await;
    let first = token(&running).await;
    let second = beside(&running).await;
    let offered = second.server.keys().offer_setup().await.unwrap().unwrap();
    assert_eq!(offered.file, None);
    set_up(&running, &first, EMAIL).await.expect(201);
    second.stop().await;
    running.stop().await;
}

stories![
    the_token_makes_the_first_administrator_and_nobody_else,
    two_at_the_same_time_make_one_administrator,
    a_token_lives_for_a_day_and_a_restart_makes_another,
    where_there_is_a_user_a_token_is_worth_nothing,
    a_token_that_is_withdrawn_opens_nothing_and_leaves_nothing,
];
