//! A row, and columns that hold more than a number or a text.

use avala_api::Timestamp;
use rusqlite::types::FromSql;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

use super::{StoreError, sqlite_readers::ReadRow};

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    SqliteRead(ReadRow),
    Postgres(PgRow),
}

/// What a column can hold: `i64`, `f64`, `bool`, `String`, `Vec<u8>`, and options of them.
pub(crate) trait Column:
    FromSql + for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where
    T: FromSql + for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T, StoreError> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::SqliteRead(row) => row.get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

pub(super) fn instant(row: &Row, column: &str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_unix_millis(row.get(column)?))
}

pub(super) fn instant_or_null(row: &Row, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get::<Option<i64>>(column)?.map(Timestamp::from_unix_millis))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, StoreError> {
    json_or_null(row, column)?.ok_or_else(|| StoreError::damaged("a column is empty that should be JSON"))
}

pub(super) fn json_or_null<T: DeserializeOwned>(row: &Row, column: &str) -> Result<Option<T>, StoreError> {
    row.get::<Option<String>>(column)?
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| StoreError::damaged("a column is not the JSON it should be"))
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::damaged("a value cannot be written as JSON"))
}
