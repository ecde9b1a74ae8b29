//! Rows of results: what was annotated in a task. No route answers them yet; exports hold them.

use avala_api::Timestamp;
use serde_json::{Map, Value};

use super::{Connection, StoreError, Written, rows::to_json, sql, upsert};

/// A result to be written.
pub(crate) struct NewResult<'a> {
    pub(crate) uid: &'a str,
    pub(crate) task: &'a str,
    pub(crate) status: &'a str,
    pub(crate) data: &'a Value,
    pub(crate) metadata: Option<&'a Map<String, Value>>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Timestamp,
}

/// Writes a result of the task. `None` if its uid belongs to another task.
pub(crate) async fn upsert(
    connection: &mut Connection,
    new: &NewResult<'_>,
) -> Result<Option<Written>, StoreError> {
    let data = to_json(new.data)?;
    let metadata = new.metadata.map(to_json).transpose()?;
    let bound = |text: &'static str| {
        sql(text)
            .bind(new.uid)
            .bind(new.task)
            .bind(new.status)
            .bind(&data)
            .bind(&metadata)
            .bind(new.created_at)
            .bind(new.updated_at)
    };
    let update = bound(
        "UPDATE results SET status = $3, data = $4, metadata = $5, created_at = coalesce($6, created_at), updated_at = $7
         WHERE uid = $1 AND task = $2",
    );
    let insert = bound(
        "INSERT INTO results (uid, task, status, data, metadata, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, coalesce($6, $7), $7)",
    );
    upsert::upsert(connection, insert, update).await
}
