//! The schema's versions: forward only, the same on both databases, each step in one transaction.

use avala_api::Timestamp;
use avala_keys::Class;

use super::{
    Connection, Store, StoreError,
    peppers::{self, Declared},
    sql,
};
use crate::keys::PepperId;

/// A version, and the statements that lead to it from the one before.
struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal $file:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            sqlite: include_str!(concat!("migrations/sqlite/", $file)),
            postgres: include_str!(concat!("migrations/postgres/", $file)),
        }),+]
    };
}

const MIGRATIONS: &[Migration] = migrations![
    1 "0001_first.sql",
    2 "0002_revocations.sql",
    3 "0003_filters.sql",
    4 "0004_rows.sql",
    5 "0005_jobs.sql",
    6 "0006_storage_and_inference.sql",
    7 "0007_order_of_changes.sql",
    8 "0008_life_of_keys.sql",
    9 "0009_chain_of_the_audit.sql",
    10 "0010_key_usage.sql",
    11 "0011_idempotency_keys.sql",
    12 "0012_owners_of_keys.sql",
    13 "0013_usage_of_keys.sql",
    14 "0014_whose_audit.sql",
    15 "0015_whose_keys_are.sql",
    16 "0016_legacy_keys_and_policies.sql",
    17 "0017_peppers.sql",
    18 "0018_resources_of_keys.sql",
];

/// The newest schema this version knows.
pub(crate) const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// The lock that PostgreSQL hands to one migration at a time: "avala" in ASCII.
const LOCK: i64 = 0x61_7661_6c61;

/// What the database says about itself.
pub(crate) struct Meta {
    pub(crate) class: Class,
}

impl Store {
    /// The schema version; 0 for a database without one.
    pub(crate) async fn schema(&self) -> Result<i64, StoreError> {
        version(&mut self.begin().await?).await
    }

    /// Makes the schema and the meta row of an empty database, or neither. Leaves one alone that another process made
    /// meanwhile.
    pub(crate) async fn initialise(
        &self,
        class: Class,
        check: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut connection = self.begin().await?;
        if upgrade(&mut connection).await? > 0 {
            return Ok(());
        }
        sql("INSERT INTO meta (only_row, seq, class, created_at) VALUES (1, 0, $1, $2)")
            .bind(class.as_str())
            .bind(now)
            .execute(&mut connection)
            .await?;
        let first = Declared {
            id: PepperId::FIRST,
            check: check.to_vec(),
            kept: None,
            created_at: now,
            begins_at: now,
            retired_at: None,
        };
        peppers::insert(&mut connection, &first).await?;
        connection.commit().await
    }

    /// Brings an older schema to the newest.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.begin().await?;
        upgrade(&mut connection).await?;
        connection.commit().await
    }

    /// What the database says about itself.
    pub(crate) async fn meta(&self) -> Result<Meta, StoreError> {
        let row = sql("SELECT class FROM meta").fetch_one(self.reader()).await?;
        let class: String = row.get("class")?;
        Ok(Meta {
            class: class
                .parse()
                .map_err(|_| StoreError::damaged("the key class is unknown"))?,
        })
    }
}

/// Runs what is missing, and tells the version from which it began.
async fn upgrade(connection: &mut Connection) -> Result<i64, StoreError> {
    if let Connection::Postgres(postgres) = connection {
        // What changes every row of a large table takes its time, and whoever waits for it waits as long.
        sqlx::raw_sql("SET LOCAL statement_timeout = 0")
            .execute(&mut **postgres)
            .await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut **postgres)
            .await?;
    }
    let from = version(connection).await?;
    for migration in MIGRATIONS.iter().filter(|one| one.version > from) {
        match connection {
            Connection::Sqlite(sqlite) => {
                sqlx::raw_sql(migration.sqlite)
                    .execute(sqlite.connection())
                    .await?;
                let set = format!("PRAGMA user_version = {}", migration.version);
                sql(set).execute(&mut *connection).await?;
            }
            Connection::Postgres(postgres) => {
                sqlx::raw_sql(migration.postgres).execute(&mut **postgres).await?;
                sql("UPDATE schema_version SET version = $1")
                    .bind(migration.version)
                    .execute(&mut *connection)
                    .await?;
            }
        }
    }
    Ok(from)
}

/// SQLite keeps the number in the head of its file, PostgreSQL in a table.
async fn version(connection: &mut Connection) -> Result<i64, StoreError> {
    if let Connection::Sqlite(_) = connection {
        let row = sql("PRAGMA user_version").fetch_one(connection).await?;
        return row.get("user_version");
    }
    // Reads rows: within a transaction, a look by name may not yet know what another one committed meanwhile.
    let row = sql("SELECT EXISTS (SELECT FROM pg_tables
             WHERE schemaname = current_schema() AND tablename = 'schema_version') AS is_there")
    .fetch_one(&mut *connection)
    .await?;
    if !row.get::<bool>("is_there")? {
        return Ok(0);
    }
    sql("SELECT version FROM schema_version")
        .fetch_one(connection)
        .await?
        .get("version")
}
