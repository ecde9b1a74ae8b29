//! Rows of keys.

use avala_keys::KeyId;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    StoreError,
    rows::{instant, instant_or_null, json, to_json},
};
use crate::keys::KeyRow;

/// A row as it is stored. Whether it is to be trusted, its seal tells.
pub(crate) struct Stored {
    /// The id, for what has to be said about a row that cannot be read.
    pub(crate) id: String,
    pub(crate) row: Result<KeyRow, StoreError>,
    pub(crate) seal: Vec<u8>,
}

/// The number of the newest change to the keys.
pub(crate) async fn newest_seq(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT seq FROM meta")
        .fetch_one(connection)
        .await?)
}

/// The rows changed after a number.
pub(crate) async fn changed_after(
    connection: &mut SqliteConnection,
    seq: i64,
) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query("SELECT * FROM api_keys WHERE seq > ? ORDER BY seq")
        .bind(seq)
        .fetch_all(connection)
        .await?;
    rows.iter().map(stored).collect()
}

pub(crate) async fn find(connection: &mut SqliteConnection, id: KeyId) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query("SELECT * FROM api_keys WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(stored).transpose()
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    row: &KeyRow,
    seal: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_keys
         (id, class, owner, organization, name, mac, access, created_at, expires_at, revoked_at, seq, seal)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id.as_str())
    .bind(row.class.as_str())
    .bind(&row.owner)
    .bind(&row.organization)
    .bind(&row.name)
    .bind(&row.mac[..])
    .bind(to_json(&row.access)?)
    .bind(row.created_at.unix_millis())
    .bind(row.expires_at.map(avala_api::Timestamp::unix_millis))
    .bind(row.revoked_at.map(avala_api::Timestamp::unix_millis))
    .bind(row.seq)
    .bind(&seal[..])
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what may change about a key: its end.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    row: &KeyRow,
    seal: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE api_keys SET expires_at = ?, revoked_at = ?, seq = ?, seal = ? WHERE id = ?")
        .bind(row.expires_at.map(avala_api::Timestamp::unix_millis))
        .bind(row.revoked_at.map(avala_api::Timestamp::unix_millis))
        .bind(row.seq)
        .bind(&seal[..])
        .bind(row.id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

fn stored(row: &SqliteRow) -> Result<Stored, StoreError> {
    Ok(Stored {
        id: row.try_get("id")?,
        row: key_row(row),
        seal: row.try_get("seal")?,
    })
}

fn key_row(row: &SqliteRow) -> Result<KeyRow, StoreError> {
    let unreadable = |_| StoreError::damaged("a key's row cannot be read");
    Ok(KeyRow {
        id: row.try_get::<&str, _>("id")?.parse().map_err(unreadable)?,
        class: row.try_get::<&str, _>("class")?.parse().map_err(unreadable)?,
        owner: row.try_get("owner")?,
        organization: row.try_get("organization")?,
        name: row.try_get("name")?,
        mac: row
            .try_get::<&[u8], _>("mac")?
            .try_into()
            .map_err(|_| StoreError::damaged("a key's MAC has not 32 bytes"))?,
        access: json(row, "access")?,
        created_at: instant(row, "created_at")?,
        expires_at: instant_or_null(row, "expires_at")?,
        revoked_at: instant_or_null(row, "revoked_at")?,
        seq: row.try_get("seq")?,
    })
}
