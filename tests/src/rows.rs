//! Rows written beside a server: what the API has no call for.

use std::path::Path;

use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

/// Runs a statement on the database of a data directory, and tells how many rows it changed.
pub async fn write_rows(data_dir: &Path, statement: &'static str) -> u64 {
    let mut connection = SqliteConnectOptions::new()
        .filename(data_dir.join("avala.sqlite3"))
        .connect()
        .await
        .expect("the database opens");
    let done = sqlx::query(statement).execute(&mut connection).await;
    done.expect("the statement runs").rows_affected()
}
