//! The store: SQLite or PostgreSQL, connections that write and connections that only read.

pub(crate) mod agent_executions;
pub(crate) mod agents;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod auto_label_jobs;
mod change;
pub(crate) mod data_dir;
pub(crate) mod datasets;
mod error;
pub(crate) mod exported_tasks;
pub(crate) mod exports;
pub(crate) mod idempotency_keys;
pub(crate) mod inference_providers;
pub(crate) mod jobs;
pub(crate) mod key_networks;
pub(crate) mod key_policies;
pub(crate) mod key_usage;
mod key_usage_days;
pub(crate) mod memberships;
pub(crate) mod organizations;
pub(crate) mod peppers;
mod postgres;
pub(crate) mod projects;
mod reach;
pub(crate) mod results;
mod rows;
pub(crate) mod schema;
pub(crate) mod service_accounts;
pub(crate) mod setup_tokens;
mod sqlite;
mod sqlite_readers;
mod sqlite_writer;
mod statement;
pub(crate) mod storage_configs;
pub(crate) mod tasks;
mod upsert;
pub(crate) mod users;
mod watcher;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhooks;
mod window;

use sqlx::{PgPool, Postgres, Transaction};

pub(crate) use change::{Actor, Change, Entry};
pub use error::StoreError;
pub(crate) use reach::Reach;
pub(crate) use rows::Row;
use sqlite_readers::SqliteReaders;
use sqlite_writer::{SqliteChange, SqliteWriter};
pub(crate) use statement::{Executor, Statement, sql};
pub(crate) use upsert::Written;
pub(crate) use watcher::{Seen, Watcher};
pub(crate) use window::{Edge, Rows, Window};

/// The database.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Writer,
    reader: Reader,
    watched: watcher::Watched,
}

#[derive(Clone, Debug)]
enum Writer {
    Sqlite(SqliteWriter),
    Postgres(PgPool),
}

/// The connections that cannot write.
#[derive(Clone, Debug)]
pub(crate) enum Reader {
    Sqlite(SqliteReaders),
    Postgres(PgPool),
}

/// The connection of a change, in its transaction.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteChange),
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// Begins a change. It is undone unless it is committed.
    pub(crate) async fn change(&self) -> Result<Change, StoreError> {
        Ok(Change::new(self.begin().await?))
    }

    async fn begin(&self) -> Result<Connection, StoreError> {
        Ok(match &self.writer {
            Writer::Sqlite(writer) => Connection::Sqlite(writer.begin().await?),
            Writer::Postgres(pool) => Connection::Postgres(postgres::answered(pool.begin()).await?),
        })
    }

    /// Runs one statement by itself and without a line of the audit: it is nobody's act, only how far the server has
    /// come with its own work.
    pub(crate) async fn record(&self, statement: Statement) -> Result<Option<Row>, StoreError> {
        let mut connection = self.begin().await?;
        let row = statement.fetch_optional(&mut connection).await?;
        connection.commit().await?;
        Ok(row)
    }

    /// Whether other servers may have the same database.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.writer, Writer::Postgres(_))
    }

    /// The connections that cannot write.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// A connection of its own, for watching what other processes change.
    pub(crate) async fn watcher(&self) -> Result<Watcher, StoreError> {
        self.watched.watcher().await
    }

    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

impl Reader {
    async fn close(&self) {
        match self {
            Self::Sqlite(readers) => readers.close(),
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Writer {
    async fn close(&self) {
        match self {
            Self::Sqlite(writer) => writer.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Connection {
    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(change) => change.commit().await,
            Self::Postgres(transaction) => postgres::answered(transaction.commit())
                .await
                .map_err(|error| StoreError::from(error).of_commit()),
        }
    }
}
