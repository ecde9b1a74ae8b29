//! Where the server of a story keeps everything: a directory, and a database in it or in PostgreSQL.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use avala_keys::Secret;
use avala_server::{Database, keys::Authority};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

/// Names a cluster in which the stories may make databases.
const CLUSTER: &str = "AVALA_TEST_POSTGRES";

/// The database on which a story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// Whether there is a cluster; says which story is skipped if there is none.
pub(crate) fn has_postgres(story: &str) -> bool {
    let is_there = std::env::var_os(CLUSTER).is_some();
    if !is_there {
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(
            !is_ci,
            "{CLUSTER} is not set, and nothing may be skipped: run `cargo xtask test`"
        );
        eprintln!("skipped {story}: {CLUSTER} is not set");
    }
    is_there
}

/// What outlives a server, and ends with the story.
pub(crate) struct Home {
    dir: TempDir,
    postgres: Option<PostgresDatabase>,
}

impl Home {
    pub(crate) async fn new(on: On) -> Self {
        Self {
            postgres: match on {
                On::Sqlite => None,
                On::Postgres => Some(PostgresDatabase::make().await),
            },
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn with_files_of(dir: TempDir) -> Self {
        Self { dir, postgres: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn database(&self) -> Database {
        match &self.postgres {
            None => Database::Sqlite,
            Some(database) => Database::Postgres(Secret::new(database.url.clone())),
        }
    }

    /// Where PostgreSQL listens.
    pub(crate) fn postgres_address(&self) -> SocketAddr {
        let url = self.postgres_url();
        let host = url.host_str().unwrap();
        (host, url.port().unwrap_or(5432))
            .to_socket_addrs()
            .unwrap()
            .next()
            .unwrap()
    }

    /// The database in PostgreSQL, as somebody listening there has it.
    pub(crate) fn database_at(&self, address: SocketAddr) -> Database {
        let mut url = self.postgres_url();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        Database::Postgres(Secret::new(String::from(url)))
    }

    /// The connection string of the database in PostgreSQL.
    pub(crate) fn postgres_url(&self) -> url::Url {
        self.postgres.as_ref().unwrap().url.parse().unwrap()
    }

    /// The key authority of another process.
    pub(crate) async fn authority(&self) -> Authority {
        Authority::open_with(self.path().join("data"), &self.database())
            .await
            .unwrap()
    }

    /// Runs a statement beside the server, and tells how many rows it changed.
    pub(crate) async fn execute(&self, statement: &'static str) -> u64 {
        match &self.postgres {
            None => {
                let mut connection = self.sqlite().await;
                let done = sqlx::query(statement).execute(&mut connection).await;
                done.unwrap().rows_affected()
            }
            Some(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                let done = sqlx::query(statement).execute(&mut connection).await;
                done.unwrap().rows_affected()
            }
        }
    }

    /// Runs statements beside the server, all of them or none.
    pub(crate) async fn run(&self, statements: &str) {
        let whole = AssertSqlSafe(format!("BEGIN; {statements}; COMMIT"));
        match &self.postgres {
            None => {
                let mut connection = self.sqlite().await;
                sqlx::raw_sql(whole).execute(&mut connection).await.map(drop)
            }
            Some(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                sqlx::raw_sql(whole).execute(&mut connection).await.map(drop)
            }
        }
        .unwrap();
    }

    /// The one text of each row that a statement finds.
    pub(crate) async fn lines(&self, statement: &'static str) -> Vec<String> {
        match &self.postgres {
            None => {
                let mut connection = self.sqlite().await;
                sqlx::query_scalar(statement).fetch_all(&mut connection).await
            }
            Some(database) => {
                let mut connection = PgConnection::connect(&database.url).await.unwrap();
                sqlx::query_scalar(statement).fetch_all(&mut connection).await
            }
        }
        .unwrap()
    }

    /// Something that is another as soon as any row was written, even with the same values.
    pub(crate) async fn every_row(&self) -> Vec<u8> {
        let Some(database) = &self.postgres else {
            // Each commit writes to the log.
            let log = self.path().join("data").join("avala.sqlite3-wal");
            return std::fs::read(log).unwrap();
        };
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let mut rows = String::new();
        for table in tables {
            let read = format!("SELECT coalesce(string_agg(ctid::text || xmin::text, ' '), '') FROM {table}");
            let of_table: String = sqlx::query_scalar(AssertSqlSafe(read))
                .fetch_one(&mut connection)
                .await
                .unwrap();
            rows.extend([table, " ".into(), of_table, "\n".into()]);
        }
        rows.into_bytes()
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path().join("data").join("avala.sqlite3"));
        SqliteConnection::connect_with(&options).await.unwrap()
    }
}

/// A database of the test cluster; dropped at the end, however the story ends.
struct PostgresDatabase {
    name: String,
    url: String,
}

impl PostgresDatabase {
    async fn make() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("story_{}_{number}", std::process::id());
        administer(format!("CREATE DATABASE {name}")).await;
        let mut url = url::Url::parse(&cluster()).unwrap();
        url.set_path(&name);
        Self {
            name,
            url: url.into(),
        }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        // Connections of the server may still be closing.
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(administer(statement));
        });
        if dropping.join().is_err() {
            eprintln!("the database {} was left behind", self.name);
        }
    }
}

fn cluster() -> String {
    std::env::var(CLUSTER).unwrap()
}

async fn administer(statement: String) {
    let options: PgConnectOptions = cluster().parse().unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}
