//! Files of a data directory that are damaged, cut off or others: the server says so, or knows all that is left, and
//! never begins anew.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use avala_keys::ApiKey;
use avala_server::{Server, keys::Access};
use tempfile::TempDir;

use crate::support::{Home, On, Request, config, start, start_in};

const DATABASE: &str = "avala.sqlite3";
const PAGE: usize = 4096;

/// What is in the files that matter, at one moment.
#[derive(Clone)]
struct Files(Vec<(&'static str, Vec<u8>)>);

impl Files {
    fn of(home: &Home) -> Self {
        let names = ["pepper", DATABASE, "avala.sqlite3-wal"];
        let read = |name| Some((name, fs::read(home.path().join("data").join(name)).ok()?));
        Self(names.into_iter().filter_map(read).collect())
    }

    fn of_name(&mut self, name: &str) -> &mut Vec<u8> {
        let (_, bytes) = self.0.iter_mut().find(|(given, _)| *given == name).unwrap();
        bytes
    }

    /// A directory with these.
    fn written(&self) -> Home {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        for (name, bytes) in &self.0 {
            let path = data.join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Home::with_files_of(dir)
    }
}

/// A server on these files does not start, says so in a few words, and leaves the database as it is.
async fn is_refused(files: &Files, what: &str) {
    let home = files.written();
    let error = Server::open(config(home.path())).await.unwrap_err().to_string();
    assert!((10..400).contains(&error.len()), "{what}: {error}");
    let log = fs::read(home.path().join("data").join("avala.sqlite3-wal")).unwrap_or_default();
    assert!(log.is_empty(), "{what}: something was written");
    let is_now = fs::read(database(home.path())).unwrap();
    let was = &files.0.iter().find(|(name, _)| *name == DATABASE).unwrap().1;
    assert!(is_now == *was, "{what}: the file was changed");
}

fn database(dir: &Path) -> std::path::PathBuf {
    dir.join("data").join(DATABASE)
}

/// Files that were closed in order, with some keys in them.
async fn closed() -> (Files, Vec<ApiKey>) {
    let running = start(On::Sqlite).await;
    let tenant = running.tenant("a@example.com").await;
    let mut keys = vec![tenant.key.clone()];
    for _ in 0..60 {
        keys.push(running.issue(&tenant.user, Access::Full).await.key);
    }
    let home = running.stop().await;
    // Its last connection may be closing yet.
    home.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let mut files = Files::of(&home);
    files.0.retain(|(name, _)| *name != "avala.sqlite3-wal");
    (files, keys)
}

#[tokio::test]
async fn what_is_no_database_of_this_server_is_refused_and_left_alone() {
    let (files, _keys) = closed().await;
    let whole = files.clone().of_name(DATABASE).clone();
    let mut another = Files(vec![("pepper", files.clone().of_name("pepper").clone())]);
    another.0.push((DATABASE, Vec::new()));

    for (what, bytes) in [
        ("a text", b"not a database, just some text\n".repeat(500)),
        ("zeros", vec![0; whole.len()]),
        ("a picture", [&b"\x89PNG\r\n\x1a\n"[..], &whole[8..]].concat()),
        ("half of it", whole[..whole.len() / 2].to_vec()),
        ("its first page", whole[..PAGE].to_vec()),
        ("half of its first page", whole[..PAGE / 2].to_vec()),
        ("all but its first page", whole[PAGE..].to_vec()),
    ] {
        *another.of_name(DATABASE) = bytes;
        is_refused(&another, what).await;
    }

    // A database of somebody else's.
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("other.sqlite3");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    for version in ["0", "1", "11"] {
        let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options)
            .await
            .unwrap();
        for statement in [
            // As ours are, so that looking at it changes nothing.
            "PRAGMA journal_mode = WAL",
            "CREATE TABLE IF NOT EXISTS songs (title TEXT)",
            format!("PRAGMA user_version = {version}").leak(),
        ] {
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
        sqlx::Connection::close(connection).await.unwrap();
        *another.of_name(DATABASE) = fs::read(&path).unwrap();
        is_refused(&another, &format!("songs, version {version}")).await;
    }
}

#[tokio::test]
async fn a_damaged_page_makes_no_other_key_of_a_key() {
    let (files, keys) = closed().await;
    let pages = files.clone().of_name(DATABASE).len() / PAGE;
    assert!(pages > 20);
    let (mut refused, mut started) = (0, 0);
    for page in 1..pages {
        let mut damaged = files.clone();
        let from = page * PAGE;
        damaged.of_name(DATABASE)[from..from + PAGE].fill(0xaa);
        let home = damaged.written();
        if Server::open(config(home.path())).await.is_err() {
            refused += 1;
            continue;
        }
        started += 1;
        // Where the damage is elsewhere, a key is the key that it was or none.
        let running = start_in(home, |_| {}).await;
        for key in keys.iter().step_by(20) {
            let request = Request::new("GET", "/users/me/permissions/").key(key.expose());
            let answer = running.send(request).await;
            assert!([200, 401, 500, 503].contains(&answer.status), "page {page}");
        }
        let stranger = crate::support::unknown_key(avala_keys::Class::Live);
        let request = Request::new("GET", "/users/me/permissions/").key(stranger.expose());
        assert_ne!(running.send(request).await.status, 200);
    }
    assert!(refused > 0 && started > 0, "{refused} {started}");
}

#[tokio::test]
async fn of_a_log_that_was_cut_off_everything_before_the_cut_is_there() {
    // Given the files of a server that was killed, with a key issued and another revoked, in turn.
    let running = start(On::Sqlite).await;
    let tenant = running.tenant("a@example.com").await;
    let mut keys = Vec::new();
    for _ in 0..12 {
        let key = running.issue(&tenant.user, Access::Full).await.key;
        running.server.keys().revoke(key.id()).await.unwrap();
        keys.push(key);
    }
    let files = Files::of(&running.dir);
    running.stop().await;
    let log = files.clone().of_name("avala.sqlite3-wal").len();
    assert!(log > 20 * PAGE, "the changes are in the log");

    let mut known = Vec::new();
    for length in (0..=20).map(|part| log * part / 20) {
        let mut cut = files.clone();
        cut.of_name("avala.sqlite3-wal").truncate(length);
        let home = cut.written();
        // Nothing but the very beginning is no database yet.
        let Ok(server) = Server::open(config(home.path())).await else {
            assert!(known.is_empty(), "{length} of {log}");
            continue;
        };
        server.close().await;
        let running = start_in(home, |_| {}).await;
        let mut here = Vec::new();
        for key in &keys {
            let request = Request::new("GET", "/users/me/permissions/").key(key.expose());
            let answer = running.send(request).await;
            here.push(if answer.status == 200 {
                "active".to_owned()
            } else {
                answer.code()
            });
        }
        // They came one after the other, so they are there in that order: all that is revoked, then one at most that is
        // not yet, then none.
        let revoked = here.iter().take_while(|state| *state == "key_revoked").count();
        let active = here.iter().filter(|state| *state == "active").count();
        assert!(
            active <= 1
                && here[..revoked + active]
                    .iter()
                    .all(|state| state != "key_invalid")
        );
        assert!(
            here[revoked + active..]
                .iter()
                .all(|state| state == "key_invalid")
        );
        // And the longer the log, the more.
        assert!(known.last().is_none_or(|before| *before <= 2 * revoked + active));
        known.push(2 * revoked + active);
    }
    assert_eq!(
        known.last(),
        Some(&24),
        "with the whole log, all of them: {known:?}"
    );
}
