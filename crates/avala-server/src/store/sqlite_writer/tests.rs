//! Stories about changes that share a commit.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::*;
use crate::store::{Connection, Store};

/// A database with parents and children.
struct Place {
    _dir: TempDir,
    file: PathBuf,
    store: Store,
}

type Outcome = JoinHandle<Result<(), StoreError>>;

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let store = Store::sqlite(&file).await.unwrap();
        for statement in [
            "CREATE TABLE parents (n INTEGER PRIMARY KEY)",
            "CREATE TABLE children (n INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (n))",
        ] {
            store.record(sql(statement)).await.unwrap();
        }
        Self {
            _dir: dir,
            file,
            store,
        }
    }

    /// Has the turn: whoever asks meanwhile makes one group.
    async fn hold(&self) -> Connection {
        self.store.begin().await.unwrap()
    }

    /// A change of these statements, once it waits for its turn.
    async fn waiting(&self, statements: &'static [&'static str]) -> Outcome {
        let store = self.store.clone();
        let change = spawn(async move {
            let mut connection = store.begin().await?;
            for statement in statements {
                sql(*statement).execute(&mut connection).await?;
            }
            connection.commit().await
        });
        idle().await;
        change
    }

    /// What is committed.
    async fn parents(&self) -> Vec<i64> {
        let rows = sql("SELECT n FROM parents ORDER BY n").fetch_all(self.store.reader());
        rows.await
            .unwrap()
            .iter()
            .map(|row| row.get("n").unwrap())
            .collect()
    }

    /// The writer works, and others may write.
    async fn is_usable(&self) {
        sqlx::raw_sql("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; ROLLBACK")
            .execute(&mut self.other().await)
            .await
            .unwrap();
        let made = self.store.record(sql("INSERT INTO parents VALUES (1000)")).await;
        assert!(made.is_ok(), "{:?}", made.err());
        assert_eq!(self.parents().await.last(), Some(&1000));
    }

    async fn other(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.file.display());
        SqliteConnection::connect(&url).await.unwrap()
    }
}

/// Lets every task go as far as it comes by itself.
async fn idle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

const REFUSED_AT_COMMIT: &[&str] = &[
    "PRAGMA defer_foreign_keys = ON",
    "INSERT INTO children VALUES (1, 99)",
];

const COUNT: &str =
    "WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 300000)
    SELECT max(n) FROM count";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_wrote_at_the_same_time_is_all_there_after_a_reopen() {
    let place = Place::new().await;
    let changes: Vec<Outcome> = (0..200_i64)
        .map(|number| {
            let store = place.store.clone();
            spawn(async move {
                let made = sql("INSERT INTO parents VALUES ($1)").bind(number);
                store.record(made).await.map(drop)
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap().unwrap();
    }
    place.store.close().await;
    assert!(place.store.begin().await.unwrap_err().is_passing());

    let again = Store::sqlite(&place.file).await.unwrap();
    let rows = sql("SELECT count(*) AS n FROM parents").fetch_one(again.reader());
    assert_eq!(rows.await.unwrap().get::<i64>("n").unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_committed_in_the_order_of_their_turns_and_seen_once_acknowledged() {
    let place = Place::new().await;
    let changes: Vec<JoinHandle<()>> = (0..100)
        .map(|_| {
            let store = place.store.clone();
            spawn(async move {
                let next = sql("INSERT INTO parents SELECT count(*) FROM parents RETURNING n");
                let row = store.record(next).await.unwrap().unwrap();
                let number: i64 = row.get("n").unwrap();
                let seen = sql("SELECT count(*) AS n FROM parents").fetch_one(store.reader());
                assert!(seen.await.unwrap().get::<i64>("n").unwrap() > number);
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap();
    }
    assert_eq!(place.parents().await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_that_fails_in_the_middle_of_a_group_takes_none_of_the_others_along() {
    let place = Place::new().await;
    let held = place.hold().await;
    let first = place.waiting(&["INSERT INTO parents VALUES (1)"]).await;
    let refused = place
        .waiting(&["INSERT INTO parents VALUES (2)", "INSERT INTO parents VALUES (1)"])
        .await;
    let last = place.waiting(&["INSERT INTO parents VALUES (3)"]).await;
    drop(held);

    first.await.unwrap().unwrap();
    assert!(refused.await.unwrap().unwrap_err().is_duplicate());
    last.await.unwrap().unwrap();
    assert_eq!(place.parents().await, [1, 3]);
    place.is_usable().await;
}

#[tokio::test]
async fn a_commit_that_is_refused_fails_all_of_its_group_and_no_other() {
    let place = Place::new().await;
    let held = place.hold().await;
    let group = [
        place.waiting(&["INSERT INTO parents VALUES (1)"]).await,
        place.waiting(REFUSED_AT_COMMIT).await,
        place.waiting(&["INSERT INTO parents VALUES (2)"]).await,
    ];
    drop(held);
    for change in group {
        assert!(change.await.unwrap().unwrap_err().is_missing_parent());
    }
    assert!(place.parents().await.is_empty());
    place.is_usable().await;
}

#[tokio::test]
async fn one_that_ends_the_transaction_of_all_is_not_taken_for_their_commit() {
    let place = Place::new().await;
    place
        .store
        .record(sql("INSERT INTO parents VALUES (5)"))
        .await
        .unwrap();
    let held = place.hold().await;
    let first = place.waiting(&["INSERT INTO parents VALUES (1)"]).await;
    let ending = place
        .waiting(&["INSERT OR ROLLBACK INTO parents VALUES (5)"])
        .await;
    let next = place.waiting(&["INSERT INTO parents VALUES (2)"]).await;
    drop(held);

    // A caller may try again; it was undone for sure.
    let undone = first.await.unwrap().unwrap_err();
    assert!(undone.is_passing() && !undone.is_outcome_unknown(), "{undone}");
    assert!(ending.await.unwrap().unwrap_err().is_duplicate());
    next.await.unwrap().unwrap();
    assert_eq!(place.parents().await, [2, 5]);
    place.is_usable().await;
}

#[tokio::test]
async fn a_change_goes_on_when_nobody_waits_for_its_commit_any_more() {
    let place = Place::new().await;
    let mut held = place.hold().await;
    sql("INSERT INTO parents VALUES (1)")
        .execute(&mut held)
        .await
        .unwrap();
    let next = place.waiting(&["INSERT INTO parents VALUES (2)"]).await;
    // What the connection still works on keeps it from answering at once.
    assert!(sql(COUNT).fetch_optional(&mut held).now_or_never().is_none());
    assert!(held.commit().now_or_never().is_none());
    next.await.unwrap().unwrap();
    assert_eq!(place.parents().await, [1, 2]);
    place.is_usable().await;
}

#[tokio::test]
async fn one_that_vanishes_as_it_begins_is_as_if_it_had_never_come() {
    let place = Place::new().await;
    assert!(place.store.begin().now_or_never().is_none());
    let next = place.waiting(&["INSERT INTO parents VALUES (1)"]).await;
    next.await.unwrap().unwrap();
    assert_eq!(place.parents().await, [1]);
    place.is_usable().await;
}

#[tokio::test]
async fn one_that_vanishes_at_any_moment_keeps_nobody_waiting_and_leaves_nothing() {
    let place = Place::new().await;
    for moment in 0..60 {
        let held = place.hold().await;
        let first = place
            .waiting(&["INSERT OR REPLACE INTO parents VALUES (1)"])
            .await;
        let store = place.store.clone();
        let vanishing = spawn(async move {
            let mut connection = store.begin().await.unwrap();
            for number in 10_i64.. {
                let made = sql("INSERT INTO parents VALUES ($1)").bind(number);
                made.execute(&mut connection).await.unwrap();
            }
        });
        let last = place
            .waiting(&["INSERT OR REPLACE INTO parents VALUES (2)"])
            .await;
        drop(held);
        // While it waits, while its savepoint is made, or within a statement.
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        if moment >= 30 {
            tokio::time::sleep(Duration::from_micros(50 * (moment - 30))).await;
        }
        vanishing.abort();
        first.await.unwrap().unwrap();
        last.await.unwrap().unwrap();
        assert_eq!(place.parents().await, [1, 2], "at moment {moment}");
    }
    place.is_usable().await;
}

#[tokio::test]
async fn a_change_that_only_looked_keeps_no_lock() {
    let place = Place::new().await;
    drop(place.hold().await);
    // Another process waits for a moment, and nobody writes here who would end the transaction.
    sqlx::raw_sql("PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE; ROLLBACK")
        .execute(&mut place.other().await)
        .await
        .unwrap();
}
