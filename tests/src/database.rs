//! On which database a server of a test keeps its rows.

use std::sync::atomic::{AtomicU32, Ordering};

use avala_server::Database;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use url::Url;

/// Names a cluster in which the tests may make databases.
const CLUSTER: &str = "AVALA_TEST_POSTGRES";

/// The database of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

impl On {
    /// Whether it is at hand.
    pub fn is_there(self) -> bool {
        self == Self::Sqlite || crate::prerequisite(CLUSTER, "whole-product tests on PostgreSQL").is_some()
    }
}

/// A database of the cluster; dropped at the end, however the test ends.
#[derive(Debug)]
pub struct PostgresDatabase {
    name: String,
    url: Url,
}

impl PostgresDatabase {
    pub async fn make() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("site_{}_{number}", std::process::id());
        administer(format!("CREATE DATABASE {name}")).await;
        let mut url = Url::parse(&cluster()).expect("the cluster has a URL");
        url.set_path(&name);
        Self { name, url }
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    pub fn database(&self) -> Database {
        Database::Postgres(self.url().into())
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(administer(statement));
        });
        // A database that is left behind goes with its cluster.
        let _left_behind = dropping.join();
    }
}

fn cluster() -> String {
    std::env::var(CLUSTER).expect("the cluster has a URL")
}

async fn administer(statement: String) {
    let mut connection = PgConnection::connect(&cluster())
        .await
        .expect("the cluster answers");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .expect("the cluster obeys");
}
