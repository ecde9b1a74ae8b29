//! The row of the setup token. There is one at most.

use avala_api::Timestamp;

use super::{Connection, Executor, StoreError, rows::instant, sql};

/// A setup token as it is kept.
pub(crate) struct Kept {
    /// The MAC of the token and of its end.
    pub(crate) tag: Vec<u8>,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn find<'c>(executor: impl Into<Executor<'c>>) -> Result<Option<Kept>, StoreError> {
    let row = sql("SELECT tag, expires_at FROM setup_tokens")
        .fetch_optional(executor)
        .await?;
    row.map(|row| {
        Ok(Kept {
            tag: row.get("tag")?,
            expires_at: instant(&row, "expires_at")?,
        })
    })
    .transpose()
}

/// Writes the one token, whichever was there.
pub(crate) async fn replace(
    connection: &mut Connection,
    tag: &[u8; 32],
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    clear(connection).await?;
    sql("INSERT INTO setup_tokens (only_row, tag, expires_at) VALUES (1, $1, $2)")
        .bind(tag)
        .bind(expires_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes away whichever there is.
pub(crate) async fn clear(connection: &mut Connection) -> Result<(), StoreError> {
    sql("DELETE FROM setup_tokens").execute(connection).await?;
    Ok(())
}

/// Takes this token away. Whether it was there.
pub(crate) async fn take(connection: &mut Connection, tag: &[u8; 32]) -> Result<bool, StoreError> {
    let done = sql("DELETE FROM setup_tokens WHERE tag = $1")
        .bind(tag)
        .execute(connection)
        .await?;
    Ok(done > 0)
}
