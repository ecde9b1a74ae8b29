//! A server that is killed while it makes its database, or brings one of an older schema to the newest.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avala_api::Scope;
use avala_tests::ServeProcess;
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    kills,
    presented::{Door, Said},
    seeded,
};

/// What a server of the seventh schema had made of its directory: everything, its pepper, and keys that it issued.
const DATABASE: &str = include_str!("schema_7/database.sql");
const PEPPER: &str = include_str!("schema_7/pepper.hex");
const KEYS: &str = include_str!("schema_7/keys.json");

/// The files of a directory.
const FILES: [&str; 2] = ["pepper", "avala.sqlite3"];

const OLDER: i64 = 7;

async fn connect(data_dir: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(data_dir.join("avala.sqlite3"))
        // The tables of the dump are in the order of their names.
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// The version of the schema; none if there is no database yet.
async fn version(data_dir: &Path) -> i64 {
    if !data_dir.join("avala.sqlite3").exists() {
        return 0;
    }
    let mut database = connect(data_dir).await;
    let version = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    version
}

async fn make_older(data_dir: &Path) {
    let private = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(data_dir).unwrap();
    private(data_dir, 0o700);
    let pepper: Vec<u8> = (0..32)
        .map(|byte| u8::from_str_radix(&PEPPER[2 * byte..][..2], 16).unwrap())
        .collect();
    for (name, bytes) in FILES.into_iter().zip([&pepper[..], &[]]) {
        fs::write(data_dir.join(name), bytes).unwrap();
        private(&data_dir.join(name), 0o600);
    }
    let mut database = connect(data_dir).await;
    sqlx::raw_sql(DATABASE).execute(&mut database).await.unwrap();
    sqlx::raw_sql("PRAGMA journal_mode = WAL")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
}

/// A directory in which a server is started, and killed before it is ready.
struct Site {
    data_dir: PathBuf,
    is_older: bool,
}

impl Site {
    fn new(data_dir: PathBuf, older: &Path, is_older: bool) -> Self {
        if is_older {
            fs::create_dir(&data_dir).unwrap();
            fs::set_permissions(&data_dir, fs::metadata(older).unwrap().permissions()).unwrap();
            for name in FILES {
                fs::copy(older.join(name), data_dir.join(name)).unwrap();
            }
        }
        Self { data_dir, is_older }
    }

    /// The next start completes what was begun, and every key does what it did. How long that start took.
    fn complete(self) -> Duration {
        let began = Instant::now();
        let server = ServeProcess::start(&self.data_dir);
        let took = began.elapsed();
        let mut door = Door::of(&server);
        assert_eq!(door.present(&server.key), everything());
        if self.is_older {
            for row in serde_json::from_str::<Vec<Value>>(KEYS).unwrap() {
                let expected = match (row["refused"].as_str(), &row["scopes"]) {
                    (Some(code), _) => Said::Refused(code.to_owned()),
                    (None, Value::Null) => everything(),
                    (None, listed) => Said::Opens(serde_json::from_value(listed.clone()).unwrap()),
                };
                let key = row["key"].as_str().unwrap().into();
                assert_eq!(door.present(&key), expected, "{row}");
            }
        }
        server.stop();
        fs::remove_dir_all(self.data_dir).unwrap();
        took
    }
}

fn everything() -> Said {
    Said::Opens(Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect())
}

#[tokio::test]
async fn a_server_killed_while_it_migrates_or_makes_its_database_is_complete_after_the_next_start() {
    let mut random = seeded("kills at the start");
    let folder = tempfile::tempdir().unwrap();
    let older = folder.path().join("older");
    make_older(&older).await;
    let site = |name: &str, is_older| Site::new(folder.path().join(name), &older, is_older);
    // The first start of all may take longer.
    let takes = [false, true, false, true].map(|is_older| site("undisturbed", is_older).complete());

    // Half of them all: each is followed by about half a start that is whole.
    let (kills, mut before) = (kills() / 2, 0);
    let mut present = site("0", true);
    for kill in 1..=kills {
        let takes = takes[2 + usize::from(present.is_older)];
        ServeProcess::kill_while_starting(&present.data_dir, takes.mul_f64(random.f64()));
        before += usize::from(version(&present.data_dir).await <= OLDER);
        // Perhaps it is killed again before a start is whole.
        if random.bool() {
            present.complete();
            present = site(&kill.to_string(), random.bool());
        }
    }
    present.complete();
    let after = kills - before;
    eprintln!("{kills} kills, {before} of them before the newest schema was there; every key is");
    assert!(
        before > kills / 10 && after > kills / 10,
        "{before} kills before, {after} after"
    );
}
