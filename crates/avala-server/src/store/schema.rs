//! The schema's versions: forward only, each in one transaction.

use avala_api::Timestamp;
use avala_keys::Class;
use sqlx::Row;

use super::{Store, StoreError};

/// Every version, and the statements that lead to it from the one before.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("migrations/0001_first.sql")),
    (2, include_str!("migrations/0002_revocations.sql")),
];

/// The newest schema this version knows.
pub(crate) const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// What the database says about itself.
pub(crate) struct Meta {
    pub(crate) class: Class,
    pub(crate) pepper_check: Vec<u8>,
}

impl Store {
    /// The schema version; 0 for a database without one.
    pub(crate) async fn schema(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&self.writer)
            .await?)
    }

    /// Makes the schema and the meta row of an empty database, or neither.
    pub(crate) async fn initialise(
        &self,
        class: Class,
        check: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        upgrade(&mut transaction, 0).await?;
        sqlx::query(
            "INSERT INTO meta (only_row, seq, class, pepper_check, created_at) VALUES (1, 0, ?, ?, ?)",
        )
        .bind(class.as_str())
        .bind(check)
        .bind(now.unix_millis())
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Brings an older schema to the newest.
    pub(crate) async fn migrate(&self, from: i64) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        upgrade(&mut transaction, from).await?;
        Ok(transaction.commit().await?)
    }

    /// What the database says about itself.
    pub(crate) async fn meta(&self) -> Result<Meta, StoreError> {
        let row = sqlx::query("SELECT class, pepper_check FROM meta")
            .fetch_one(&self.reader)
            .await?;
        let class: String = row.try_get("class")?;
        Ok(Meta {
            class: class
                .parse()
                .map_err(|_| StoreError::damaged("the key class is unknown"))?,
            pepper_check: row.try_get("pepper_check")?,
        })
    }
}

async fn upgrade(connection: &mut sqlx::SqliteConnection, from: i64) -> Result<(), StoreError> {
    for (_, statements) in MIGRATIONS.iter().filter(|(version, _)| *version > from) {
        sqlx::raw_sql(*statements).execute(&mut *connection).await?;
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {KNOWN}")))
        .execute(&mut *connection)
        .await?;
    Ok(())
}
