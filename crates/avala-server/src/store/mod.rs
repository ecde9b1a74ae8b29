//! The store: SQLite, one writer connection, a few readers.

pub(crate) mod agent_executions;
pub(crate) mod agents;
pub(crate) mod api_keys;
mod change;
pub(crate) mod data_dir;
pub(crate) mod organizations;
mod rows;
pub(crate) mod schema;
pub(crate) mod users;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhooks;
mod window;

use std::{fmt, path::Path, time::Duration};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub(crate) use change::{Actor, Change, Entry};
pub(crate) use window::{Edge, Rows, Window};

const READERS: u32 = 4;

/// How long a statement waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
    options: SqliteConnectOptions,
}

impl Store {
    /// Opens a database file that exists, possibly empty.
    pub(crate) async fn open(database: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let writer = pool(1)
            .after_connect(|connection, _| Box::pin(require_full_sync(connection)))
            .connect_with(options.clone())
            .await?;
        let reader = pool(READERS)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await?;
        Ok(Self {
            writer,
            reader,
            options,
        })
    }

    /// Begins a change. It is undone unless it is committed.
    pub(crate) async fn change(&self) -> Result<Change, StoreError> {
        Ok(Change::new(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// The connections that cannot write.
    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// A connection of its own, for watching what other processes change.
    pub(crate) async fn watcher(&self) -> Result<SqliteConnection, StoreError> {
        Ok(SqliteConnection::connect_with(&self.options.clone().pragma("query_only", "ON")).await?)
    }

    /// Whether the database answers.
    pub(crate) async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.reader).await.is_ok()
    }

    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        // A local file does not go away: connections are kept, and not probed before each use.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(10))
}

/// A commit on this connection must be on the disk before it is acknowledged.
async fn require_full_sync(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(connection)
        .await?;
    if synchronous == 2 {
        Ok(())
    } else {
        Err(sqlx::Error::Configuration(
            "the database does not synchronise every commit to the disk".into(),
        ))
    }
}

/// The database refused.
#[derive(Debug)]
pub struct StoreError(sqlx::Error);

impl StoreError {
    pub(crate) fn damaged(what: &'static str) -> Self {
        Self(sqlx::Error::Decode(what.into()))
    }

    /// Whether a row with this unique value exists already.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(&self.0, sqlx::Error::Database(error) if error.is_unique_violation())
    }

    /// Whether the row names another row that does not exist.
    pub(crate) fn is_missing_parent(&self) -> bool {
        matches!(&self.0, sqlx::Error::Database(error) if error.is_foreign_key_violation())
    }

    /// Whether all connections were in use for too long.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self.0, sqlx::Error::PoolTimedOut)
    }

    /// SQLite's result code.
    pub(crate) fn result_code(&self) -> Option<u32> {
        self.0.as_database_error()?.code()?.parse().ok()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database refused: {}", self.0)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_writer_connection_syncs_each_commit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let store = Store::open(&file).await.unwrap();

        let mut change = store.change().await.unwrap();

        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(change.connection())
            .await
            .unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(change.connection())
            .await
            .unwrap();
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(change.connection())
            .await
            .unwrap();
        assert_eq!((synchronous, journal.as_str(), foreign_keys), (2, "wal", 1));
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let store = Store::open(&file).await.unwrap();
        assert!(
            sqlx::query("CREATE TABLE t (a INTEGER)")
                .execute(store.reader())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_change_that_is_not_committed_is_undone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let store = Store::open(&file).await.unwrap();
        let mut change = store.change().await.unwrap();
        sqlx::query("CREATE TABLE t (a INTEGER)")
            .execute(change.connection())
            .await
            .unwrap();
        drop(change);

        let mut later = store.change().await.unwrap();
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(later.connection())
            .await
            .unwrap();
        assert_eq!(tables, 0);
    }
}
