//! Keys that another server of the database made a moment ago.

use std::{fs, os::unix::fs::PermissionsExt as _};

use avala_keys::Class;
use avala_server::keys::Access;

use crate::support::{Home, On, Request, Running, same_id_other_secret, start, start_in, unknown_key};

/// Another server on the database of this one.
pub(crate) async fn beside(running: &Running) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::copy(running.dir.path().join("data/pepper"), data.join("pepper")).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let database = running.dir.database();
    start_in(Home::with_files_of(folder), |config| config.database = database).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_key_opens_at_another_server_at_once_and_who_guesses_reads_little() {
    if !crate::home::has_postgres(module_path!()) {
        return;
    }
    let running = start(On::Postgres).await;
    let second = beside(&running).await;
    let user = running.server.users().create("a@example.com").await.unwrap();
    let status = async |key: &avala_keys::ApiKey| {
        let request = Request::new("GET", "/users/me/permissions/").key(key.expose());
        second.send(request).await.status
    };

    // Followed only, some of these would come too early.
    for _ in 0..8 {
        let made = running.issue(&user, Access::Full).await;
        assert_eq!(status(&made.key).await, 200);
    }
    // What is no key stays none, and neither kind is told from the other.
    let made = running.issue(&user, Access::Full).await;
    for stranger in [unknown_key(Class::Live), same_id_other_secret(&made.key)] {
        assert_eq!(status(&stranger).await, 401);
    }
    // Then this network has looked ten times, and waits for its keys like any other change.
    let made = running.issue(&user, Access::Full).await;
    crate::support::within(std::time::Duration::from_secs(5), async || {
        status(&made.key).await == 200
    })
    .await;
    second.stop().await;
    running.stop().await;
}
