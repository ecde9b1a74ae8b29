//! Opening SQLite: one connection that writes, and those that read.

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    Reader, Store, StoreError, Writer, sqlite_readers::SqliteReaders, sqlite_writer::SqliteWriter,
    watcher::Watched,
};

/// How long a statement waits for another process that is writing.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Opens a database file that exists, possibly empty.
    pub(crate) async fn sqlite(database: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let reading = options.clone().pragma("query_only", "ON");
        let mut writing = options.connect().await?;
        require_full_sync(&mut writing).await?;
        Ok(Self {
            writer: Writer::Sqlite(SqliteWriter::new(writing)),
            reader: Reader::Sqlite(SqliteReaders::open(database)?),
            watched: Watched::Sqlite(Box::new(reading)),
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql;

    #[tokio::test]
    async fn every_writer_connection_syncs_each_commit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let store = Store::sqlite(&file).await.unwrap();

        let mut change = store.change().await.unwrap();

        let mut pragma =
            async |statement: &'static str| sql(statement).fetch_one(change.connection()).await.unwrap();
        let synchronous: i64 = pragma("PRAGMA synchronous").await.get("synchronous").unwrap();
        let journal: String = pragma("PRAGMA journal_mode").await.get("journal_mode").unwrap();
        let foreign_keys: i64 = pragma("PRAGMA foreign_keys").await.get("foreign_keys").unwrap();
        assert_eq!((synchronous, journal.as_str(), foreign_keys), (2, "wal", 1));
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("avala.sqlite3");
        std::fs::File::create(&file).unwrap();
        let store = Store::sqlite(&file).await.unwrap();
        assert!(
            sql("CREATE TABLE t (a INTEGER)")
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
        let store = Store::sqlite(&file).await.unwrap();
        let mut change = store.change().await.unwrap();
        sql("CREATE TABLE t (a INTEGER)")
            .execute(change.connection())
            .await
            .unwrap();
        drop(change);

        let mut later = store.change().await.unwrap();
        let tables: i64 = sql("SELECT count(*) AS n FROM sqlite_schema")
            .fetch_one(later.connection())
            .await
            .unwrap()
            .get("n")
            .unwrap();
        assert_eq!(tables, 0);
    }
}
