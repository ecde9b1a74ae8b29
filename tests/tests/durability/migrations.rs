//! A server that is killed while it makes its database, or brings one of an older schema to the newest.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avala_api::Scope;
use avala_tests::ServeProcess;
use sqlx::Connection as _;

use crate::{
    kills,
    older::{FILES, Issued, SCHEMA, connect, make},
    presented::{Door, Said},
    seeded,
};

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

/// A directory in which a server is started, and killed before it is ready.
struct Site<'a> {
    data_dir: PathBuf,
    /// The keys of an older server, if there was one.
    issued: &'a [Issued],
}

impl<'a> Site<'a> {
    fn new(data_dir: PathBuf, older: &Path, issued: &'a [Issued]) -> Self {
        if !issued.is_empty() {
            fs::create_dir(&data_dir).unwrap();
            fs::set_permissions(&data_dir, fs::metadata(older).unwrap().permissions()).unwrap();
            for name in FILES {
                fs::copy(older.join(name), data_dir.join(name)).unwrap();
            }
        }
        Self { data_dir, issued }
    }

    /// The next start completes what was begun, and every key does what it did. How long that start took.
    fn complete(self) -> Duration {
        let began = Instant::now();
        let server = ServeProcess::start(&self.data_dir);
        let took = began.elapsed();
        let mut door = Door::of(&server);
        assert_eq!(door.present(&server.key), everything());
        for issued in self.issued {
            assert_eq!(door.present(&issued.key), issued.said);
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
    let issued = make(&older, &everything()).await;
    let site = |name: &str, is_older| {
        let issued = if is_older { &issued[..] } else { &[] };
        Site::new(folder.path().join(name), &older, issued)
    };
    // The first start of all may take longer.
    let takes = [false, true, false, true].map(|is_older| site("undisturbed", is_older).complete());

    // Half of them all: each is followed by about half a start that is whole.
    let (kills, mut before) = (kills() / 2, 0);
    let mut present = site("0", true);
    for kill in 1..=kills {
        let takes = takes[2 + usize::from(!present.issued.is_empty())];
        ServeProcess::kill_while_starting(&present.data_dir, takes.mul_f64(random.f64()));
        before += usize::from(version(&present.data_dir).await <= SCHEMA);
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
