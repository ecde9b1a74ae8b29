//! Rotating the pepper while keys are in use.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use avala_server::{
    AuthorityError, StartError,
    keys::{Access, Authority, PepperUse},
};
use serde_json::json;

use crate::support::{Home, ManualClock, On, Request, Running, Tenant, start_in, within};

const MINUTE: i64 = 60_000;
const SOON: Duration = Duration::from_secs(5);

async fn start(on: On, clock: &ManualClock) -> Running {
    again(Home::new(on).await, clock).await
}

async fn again(home: Home, clock: &ManualClock) -> Running {
    start_in(home, |config| config.clock = std::sync::Arc::new(clock.clone())).await
}

fn clock() -> ManualClock {
    ManualClock::at("2026-11-22T12:00:00Z")
}

/// The keys that are checked with each pepper.
async fn keys_of_each(authority: &Authority) -> Vec<u64> {
    let peppers = authority.peppers_in_use().await.unwrap();
    peppers.iter().map(|pepper| pepper.keys).collect()
}

async fn used_for(authority: &Authority) -> Vec<PepperUse> {
    let peppers = authority.peppers_in_use().await.unwrap();
    peppers.iter().map(|pepper| pepper.used_for).collect()
}

fn pepper(running: &Running, name: &str) -> PathBuf {
    running.dir.path().join("data").join(name)
}

async fn opens(tenant: &Tenant) -> bool {
    tenant.get("/users/me/").await.status == 200
}

/// Every key moves to the newest pepper as it is used, and then nothing needs the first one.
async fn a_pepper_is_replaced_while_keys_are_in_use(on: On) {
    let clock = clock();
    let running = start(on, &clock).await;
    let authority = running.server.keys().clone();
    let (early, idle) = (
        running.tenant("early@example.com").await,
        running.tenant("idle@example.com").await,
    );

    // Nothing is made with it before every server knows it.
    assert_eq!(authority.add_pepper().await.unwrap(), 2);
    assert_eq!(used_for(&authority).await, [PepperUse::New, PepperUse::Coming]);
    let between = running.tenant("between@example.com").await;
    assert_eq!(keys_of_each(&authority).await, [3, 0]);
    let error = authority.retire_pepper(1, true).await.unwrap_err();
    assert!(matches!(error, AuthorityError::PepperCurrent(1)), "{error}");

    clock.advance_millis(MINUTE);
    assert_eq!(used_for(&authority).await, [PepperUse::Earlier, PepperUse::New]);
    let late = running.tenant("late@example.com").await;
    assert_eq!(keys_of_each(&authority).await, [3, 1]);

    // Who is used moves on; who is not holds the earlier one up.
    assert!(opens(&early).await && opens(&between).await);
    within(SOON, async || keys_of_each(&authority).await == [1, 3]).await;
    let error = authority.retire_pepper(1, false).await.unwrap_err();
    assert!(
        matches!(error, AuthorityError::PepperInUse { pepper: 1, keys: 1 }),
        "{error}"
    );
    assert!(opens(&idle).await);
    within(SOON, async || keys_of_each(&authority).await == [0, 4]).await;
    let first = fs::read(pepper(&running, "pepper")).unwrap();
    assert_eq!(authority.retire_pepper(1, false).await.unwrap(), 0);
    assert!(!pepper(&running, "pepper").exists());
    // Nor does a copy stay where a server finds it, whoever writes into the database that it is a pepper again.
    fs::write(pepper(&running, "pepper"), first).unwrap();

    for tenant in [&early, &idle, &between, &late] {
        assert!(opens(tenant).await);
    }
    // What was sealed with the first one was sealed anew: a start needs the second one only.
    drop(authority);
    let running = again(running.stop().await, &clock).await;
    assert!(!pepper(&running, "pepper").exists());
    for tenant in [early, idle, between, late] {
        let tenant = Tenant {
            address: running.address,
            ..tenant
        };
        assert!(opens(&tenant).await);
    }
    assert_eq!(
        used_for(running.server.keys()).await,
        [PepperUse::Retired, PepperUse::New]
    );
}

/// Keys that nobody uses any more can be given up; ended ones hold nothing up, and stay what they were.
async fn keys_that_never_move_can_be_abandoned(on: On) {
    let clock = clock();
    let running = start(on, &clock).await;
    let authority = running.server.keys().clone();
    let user = running.server.users().create("a@example.com").await.unwrap();
    let issue = async || running.issue(&user, Access::Full).await;
    let (ended, lost) = (issue().await, issue().await);
    authority.revoke(ended.id).await.unwrap();
    authority.add_pepper().await.unwrap();
    clock.advance_millis(MINUTE);

    assert_eq!(authority.retire_pepper(1, true).await.unwrap(), 1);
    let reader = Tenant {
        address: running.address,
        user: user.clone(),
        key: issue().await.key,
    };
    for key in [&ended, &lost] {
        let shown = reader.get(&format!("/api-keys/{}/", key.id)).await.expect(200);
        assert_eq!(shown["state"], "revoked");
        let answer = running
            .send(Request::new("GET", "/users/me/").key(key.key.expose()))
            .await;
        // Whose it was cannot be proven any more.
        assert_eq!((answer.status, answer.code().as_str()), (401, "key_invalid"));
    }
}

/// Cursors, links and kept secrets outlive the pepper that they were made with.
async fn what_the_server_signed_and_encrypted_outlives_the_pepper(on: On) {
    let clock = clock();
    let running = start(on, &clock).await;
    let authority = running.server.keys().clone();
    let tenant = running.tenant("a@example.com").await;
    let provider = json!({
        "name": "labels", "provider_type": "http",
        "config": { "endpoint_url": "https://models.example/", "auth_header": "canary-credential", "auth_type": "Bearer" },
    });
    tenant.post("/inference-providers/", provider).await.expect(201);
    for name in ["one", "two"] {
        let webhook =
            json!({"target_url": format!("https://hooks.example/{name}"), "events": ["task.completed"]});
        tenant.post("/webhooks/", webhook).await.expect(201);
    }
    let next = tenant.get("/webhooks/?limit=1").await.expect(200)["next"].clone();
    let shown = tenant.get("/inference-providers/").await.expect(200);

    authority.add_pepper().await.unwrap();
    clock.advance_millis(MINUTE);
    assert!(opens(&tenant).await);
    within(SOON, async || keys_of_each(&authority).await == [0, 1]).await;
    authority.retire_pepper(1, false).await.unwrap();
    drop(authority);
    let running = again(running.stop().await, &clock).await;
    let tenant = Tenant {
        address: running.address,
        ..tenant
    };
    let cursor = next.as_str().unwrap().split("/api/v1").nth(1).unwrap();
    assert_eq!(
        tenant.get(cursor).await.expect(200)["results"][0]["target_url"],
        "https://hooks.example/one"
    );
    assert_eq!(tenant.get("/inference-providers/").await.expect(200), shown);
}

/// A pepper that another process adds is soon known here, and used when its time has come.
async fn a_pepper_of_another_process_is_taken_over(on: On) {
    // An hour ahead of the other process.
    let clock = clock();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    clock.advance_millis(i64::try_from(now.as_millis()).unwrap() - clock.millis() + 60 * MINUTE);
    let running = start(on, &clock).await;
    let here = running.server.keys().clone();
    let user = running.server.users().create("a@example.com").await.unwrap();

    let data = running.dir.path().join("data");
    let there = Authority::open_with(&data, &running.dir.database())
        .await
        .unwrap();
    there.add_pepper().await.unwrap();
    within(SOON, async || {
        running.issue(&user, Access::Full).await;
        keys_of_each(&here).await[1] > 0
    })
    .await;
    // What was made with it here, the other process trusts.
    let made = running.issue(&user, Access::Full).await;
    let there = Authority::open_with(&data, &running.dir.database())
        .await
        .unwrap();
    there.revoke(made.id).await.unwrap();
    drop(there);
    within(SOON, async || {
        let request = Request::new("GET", "/users/me/").key(made.key.expose());
        running.send(request).await.code() == "key_revoked"
    })
    .await;
}

/// A start without one of the living peppers is refused, and says which one.
async fn each_living_pepper_is_needed_at_a_start(on: On) {
    let clock = clock();
    let running = start(on, &clock).await;
    running.server.keys().add_pepper().await.unwrap();
    let second = pepper(&running, "pepper.2");
    let home = running.stop().await;

    let right = fs::read(&second).unwrap();
    fs::write(&second, [9; 32]).unwrap();
    let error = refused(&home).await;
    assert!(
        matches!(&error, StartError::PepperWrong(path) if is_second(path)),
        "{error}"
    );
    fs::remove_file(&second).unwrap();
    let error = refused(&home).await;
    assert!(
        matches!(&error, StartError::PepperLost(path) if is_second(path)),
        "{error}"
    );
    assert!(!second.exists(), "no new pepper is made in its place");

    write_private(&second, &right);
    // And one that the database says nothing of is left alone.
    write_private(&second.with_file_name("pepper.3"), &[9; 32]);
    again(home, &clock).await;
}

fn is_second(path: &Path) -> bool {
    path.ends_with("pepper.2")
}

async fn refused(home: &Home) -> StartError {
    let config = avala_server::Config {
        database: home.database(),
        ..crate::support::config(home.path())
    };
    avala_server::Server::open(config).await.unwrap_err()
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

stories![
    a_pepper_is_replaced_while_keys_are_in_use,
    keys_that_never_move_can_be_abandoned,
    what_the_server_signed_and_encrypted_outlives_the_pepper,
    a_pepper_of_another_process_is_taken_over,
    each_living_pepper_is_needed_at_a_start,
];
