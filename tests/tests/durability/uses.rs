//! How keys are used: written every ten seconds and when the server stops, and what was written stays.

use std::{
    thread,
    time::{Duration, Instant},
};

use avala::api::api_keys::KeyAccess;
use avala_keys::Secret;
use avala_tests::ServeProcess;
use fastrand::Rng;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::presented::{Door, Said};

/// Keys whose uses are counted.
const KEYS: usize = 5;

/// Keys, and how often each was used.
pub(crate) struct Uses(Vec<Used>);

struct Used {
    id: String,
    secret: Secret,
    /// What the database is known to hold.
    written: u64,
    /// What was counted since, and may be lost.
    counted: u64,
}

impl Uses {
    pub(crate) fn of_new_keys(server: &ServeProcess) -> Self {
        let client = server.client();
        let key = |number| {
            let create = client
                .api_keys()
                .create(format!("used {number}"), KeyAccess::Full);
            let made = create.send().unwrap();
            Used {
                id: made.id.to_string(),
                secret: made.secret.unwrap(),
                written: 0,
                counted: 0,
            }
        };
        Self((0..KEYS).map(key).collect())
    }

    pub(crate) fn go_on(&mut self, server: &ServeProcess, random: &mut Rng) {
        let mut door = Door::of(server);
        for used in &mut self.0 {
            for _ in 0..random.usize(1..10) {
                assert!(matches!(door.present(&used.secret), Said::Opens(_)));
                used.counted += 1;
            }
        }
    }

    /// The server has said that it wrote everything.
    pub(crate) fn were_written(&mut self) {
        for used in &mut self.0 {
            used.written += std::mem::take(&mut used.counted);
        }
    }

    /// What was written is there, and nothing that never happened.
    pub(crate) fn check(&mut self, server: &ServeProcess) {
        let client = server.client();
        for used in &mut self.0 {
            let usage = client.api_keys().usage(used.id.as_str()).send().unwrap();
            let count: u64 = usage.buckets.iter().map(|bucket| bucket.requests).sum();
            let possible = used.written..=used.written + used.counted;
            assert!(
                possible.contains(&count),
                "key {}: {count} uses, not {possible:?}",
                used.id
            );
            (used.written, used.counted) = (count, 0);
        }
    }
}

/// Uses in the database, as anybody may read them there.
async fn in_database(options: &SqliteConnectOptions) -> u64 {
    let mut database = SqliteConnection::connect_with(options).await.unwrap();
    let sum: i64 = sqlx::query_scalar("SELECT coalesce(sum(requests), 0) FROM key_usage")
        .fetch_one(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    sum.try_into().unwrap()
}

#[tokio::test]
async fn a_kill_loses_no_more_uses_than_those_of_the_last_ten_seconds() {
    // Given keys that were used,
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let server = ServeProcess::start(&data_dir);
    let mut uses = Uses::of_new_keys(&server);
    let mut random = Rng::with_seed(0);
    uses.go_on(&server, &mut random);
    let options = SqliteConnectOptions::new()
        .filename(data_dir.join("avala.sqlite3"))
        .read_only(true);

    // When ten seconds have passed, then it is written,
    let counted: u64 = uses.0.iter().map(|used| used.counted).sum();
    let deadline = Instant::now() + Duration::from_secs(15);
    while in_database(&options).await < counted {
        assert!(
            Instant::now() < deadline,
            "nothing was written for fifteen seconds"
        );
        thread::sleep(Duration::from_millis(5));
    }
    uses.were_written();

    // And is there after a kill, whatever else was counted meanwhile.
    uses.go_on(&server, &mut random);
    server.kill();
    uses.check(&ServeProcess::start(&data_dir));
}
