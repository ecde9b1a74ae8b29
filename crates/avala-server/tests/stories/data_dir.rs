//! The data directory, with SQLite in it: what survives, and what refuses to start.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use avala_keys::Class;
use avala_server::{Server, StartError, keys::Authority};
use serde_json::json;

use crate::support::{Home, On, config, start, start_in};

/// The directory of a server that has run and ended.
async fn used() -> Home {
    let running = start(On::Sqlite).await;
    running.tenant("a@example.com").await;
    running.stop().await
}

async fn refused(dir: &Path) -> StartError {
    Server::open(config(dir)).await.unwrap_err()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_restart_keeps_keys_and_rows() {
    let running = start(On::Sqlite).await;
    let tenant = running.tenant("a@example.com").await;
    let webhook = json!({ "target_url": "https://example.com/", "events": ["task.completed"] });
    let made = tenant.post("/webhooks/", webhook).await.expect(201);

    let running = start_in(running.stop().await, |_| {}).await;

    let tenant = crate::support::Tenant {
        address: running.address,
        ..tenant
    };
    let kept = tenant
        .get(&format!("/webhooks/{}/", made["uid"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(
        (&kept["target_url"], &kept["created_at"]),
        (&made["target_url"], &made["created_at"])
    );
}

#[tokio::test]
async fn nobody_else_can_read_what_is_stored() {
    let dir = used().await;
    let data = dir.path().join("data");
    assert_eq!(mode(&data), 0o700);
    for file in fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_directory_that_others_can_reach_is_refused() {
    for file in ["", "pepper", "avala.sqlite3"] {
        let dir = used().await;
        let path = dir.path().join("data").join(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode(&path) | 0o040)).unwrap();
        let error = refused(dir.path()).await;
        assert!(matches!(error, StartError::Exposed { .. }), "{error}");
        assert!(error.to_string().contains("chmod"), "{error}");
    }
}

#[tokio::test]
async fn a_lost_or_foreign_pepper_is_refused_and_says_so() {
    let dir = used().await;
    let pepper = dir.path().join("data").join("pepper");
    let right = fs::read(&pepper).unwrap();
    assert_eq!(right.len(), 32);

    for wrong in [vec![7; 32], vec![7; 31], vec![]] {
        fs::write(&pepper, wrong).unwrap();
        let error = refused(dir.path()).await;
        assert!(matches!(error, StartError::PepperWrong(_)), "{error}");
    }
    fs::remove_file(&pepper).unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, StartError::PepperLost(_)), "{error}");
    assert!(!pepper.exists(), "no new pepper is made in its place");
    assert!(Authority::open(dir.path().join("data")).await.is_err());
}

#[tokio::test]
async fn a_lost_database_is_not_made_anew() {
    let dir = used().await;
    let database = dir.path().join("data").join("avala.sqlite3");
    fs::remove_file(&database).unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, StartError::DatabaseLost(_)), "{error}");
    assert!(!database.exists());

    fs::write(&database, "").unwrap();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(refused(dir.path()).await, StartError::DatabaseLost(_)));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let dir = used().await;
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("data").join("avala.sqlite3"));
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options)
        .await
        .unwrap();
    sqlx::query("PRAGMA user_version = 99")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = refused(dir.path()).await;
    assert!(
        matches!(error, StartError::NewerSchema { found: 99, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_first_start_that_was_killed_is_completed_by_the_next() {
    // Killed after the pepper was written, and before the database.
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(data.join("pepper.new"), [7; 32]).unwrap();
    fs::set_permissions(data.join("pepper.new"), fs::Permissions::from_mode(0o600)).unwrap();
    start_in(Home::with_files_of(dir), |_| {}).await.stop().await;

    // Killed after the database was made, and before the pepper got its name.
    let dir = used().await;
    let data = dir.path().join("data");
    fs::rename(data.join("pepper"), data.join("pepper.new")).unwrap();
    start_in(dir, |_| {}).await;
}

#[tokio::test]
async fn one_server_at_a_time_serves_a_directory() {
    let running = start(On::Sqlite).await;
    let error = refused(running.dir.path()).await;
    assert!(matches!(error, StartError::AlreadyServing(_)), "{error}");
    let dir = running.stop().await;
    start_in(dir, |_| {}).await;
}

#[tokio::test]
async fn a_directory_has_one_class() {
    let dir = used().await;
    let mut other = config(dir.path());
    other.class = Class::Test;
    let error = Server::open(other).await.unwrap_err();
    assert!(matches!(error, StartError::OtherClass { .. }), "{error}");
}

#[tokio::test]
async fn an_authority_wants_a_directory_that_was_used() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for path in [dir.path().to_owned(), dir.path().join("missing")] {
        let error = Authority::open(&path).await.unwrap_err();
        assert!(matches!(error, StartError::NoData(_)), "{error}");
    }
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[tokio::test]
async fn the_development_key_survives_a_restart_and_is_replaced_once_revoked() {
    let running = start(On::Sqlite).await;
    let first = running.server.dev_key().await.unwrap();
    assert_eq!(running.server.dev_key().await.unwrap(), first);
    assert_eq!(mode(&running.dir.path().join("data").join("dev-key")), 0o600);

    let running = start_in(running.stop().await, |_| {}).await;
    assert_eq!(running.server.dev_key().await.unwrap(), first);

    running.server.keys().revoke(first.id()).await.unwrap();
    let second = running.server.dev_key().await.unwrap();
    assert_ne!(second, first);
}

#[tokio::test]
async fn no_key_is_issued_without_random_numbers() {
    use avala_server::keys::{Access, NewKey};
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let broken = Arc::new(AtomicBool::new(false));
    let running = crate::support::start_with(On::Sqlite, |config| {
        let broken = broken.clone();
        config.randomness = Box::new(move |bytes: &mut [u8]| {
            if broken.load(Ordering::Relaxed) {
                return Err(avala_keys::RandomnessFailed);
            }
            getrandom::fill(bytes).map_err(|_| avala_keys::RandomnessFailed)
        });
    })
    .await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    broken.store(true, Ordering::Relaxed);
    let new = NewKey {
        owner: user.uid,
        name: "k".into(),
        access: Access::Full,
        expires_at: None,
    };
    assert!(running.server.keys().issue(new).await.is_err());
}

#[tokio::test]
async fn nothing_stored_or_logged_by_name_holds_a_secret() {
    // Given a key and a webhook secret in use.
    let running = start(On::Sqlite).await;
    let tenant = running.tenant("a@example.com").await;
    let secret = "canary-signing-secret-0123456789";
    let webhook =
        json!({ "target_url": "https://localhost:1/", "events": ["task.completed"], "secret": secret });
    let uid = tenant.post("/webhooks/", webhook).await.expect(201)["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    tenant
        .post(&format!("/webhooks/{uid}/test/"), json!({}))
        .await
        .expect(200);
    let key = tenant.key.expose().to_owned();

    // Then no file of the directory holds either.
    let dir = running.stop().await;
    for file in fs::read_dir(dir.path().join("data")).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap();
        for needle in [secret, &key[22..54]] {
            assert!(
                !content
                    .windows(needle.len())
                    .any(|window| window == needle.as_bytes())
            );
        }
    }
}

#[tokio::test]
async fn a_new_directory_keeps_itself_out_of_git() {
    let dir = used().await;
    let ignored = fs::read_to_string(dir.path().join("data").join(".gitignore")).unwrap();
    assert_eq!(ignored, "*\n");
}

#[tokio::test]
async fn a_directory_or_pepper_of_another_user_is_refused() {
    for file in ["", "pepper"] {
        let dir = used().await;
        let path = dir.path().join("data").join(file);
        // Only a superuser can give files away.
        if std::os::unix::fs::chown(&path, Some(54_321), None).is_err() {
            return;
        }
        let error = refused(dir.path()).await;
        assert!(
            matches!(error, StartError::ForeignOwner { owner: 54_321, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_pepper_behind_a_link_is_refused() {
    let dir = used().await;
    let pepper = dir.path().join("data").join("pepper");
    let elsewhere = dir.path().join("elsewhere");
    fs::rename(&pepper, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &pepper).unwrap();
    let error = refused(dir.path()).await;
    assert!(matches!(error, StartError::Link(_)), "{error}");
}
