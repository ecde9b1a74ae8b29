//! Rows of peppers: what the database knows of them, which is not the peppers themselves.

use avala_api::Timestamp;

use super::{
    Connection, Executor, Row, StoreError,
    rows::{instant, instant_or_null},
    sql,
};
use crate::keys::PepperId;

/// A pepper, as the database knows it.
pub(crate) struct Declared {
    pub(crate) id: PepperId,
    /// What it is recognised by.
    pub(crate) check: Vec<u8>,
    /// What it keeps of the first pepper; the first keeps nothing.
    pub(crate) kept: Option<Vec<u8>>,
    pub(crate) created_at: Timestamp,
    /// From when on it is used for what is new.
    pub(crate) begins_at: Timestamp,
    /// Since when nothing is checked with it any more.
    pub(crate) retired_at: Option<Timestamp>,
}

/// All there ever were, the oldest first.
pub(crate) async fn all<'c>(from: impl Into<Executor<'c>>) -> Result<Vec<Declared>, StoreError> {
    let rows = sql("SELECT * FROM peppers ORDER BY id").fetch_all(from).await?;
    declared(&rows)
}

pub(crate) async fn insert(connection: &mut Connection, new: &Declared) -> Result<(), StoreError> {
    sql("INSERT INTO peppers (id, check_value, kept, created_at, begins_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(new.id.0)
        .bind(&new.check[..])
        .bind(new.kept.as_deref())
        .bind(new.created_at)
        .bind(new.begins_at)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn retire(
    connection: &mut Connection,
    id: PepperId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql("UPDATE peppers SET retired_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}

fn declared(rows: &[Row]) -> Result<Vec<Declared>, StoreError> {
    rows.iter()
        .map(|row| {
            Ok(Declared {
                id: PepperId(row.get("id")?),
                check: row.get("check_value")?,
                kept: row.get("kept")?,
                created_at: instant(row, "created_at")?,
                begins_at: instant(row, "begins_at")?,
                retired_at: instant_or_null(row, "retired_at")?,
            })
        })
        .collect()
}
