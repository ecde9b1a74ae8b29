//! Rows of keys.

use avala_keys::KeyId;
use sqlx::{Connection, QueryBuilder, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

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

/// The row, and what the rest of the database says about it.
const SELECT: &str = "SELECT *, (SELECT seq FROM meta) AS newest, EXISTS
    (SELECT 1 FROM audit WHERE action = 'api_key.revoke' AND object = api_keys.id) AS is_revoked FROM api_keys";

/// All rows, and the number of the newest change to them, as of one instant.
pub(crate) async fn all(connection: &mut SqliteConnection) -> Result<(i64, Vec<Stored>), StoreError> {
    let mut snapshot = connection.begin().await?;
    let newest = sqlx::query_scalar("SELECT seq FROM meta")
        .fetch_one(&mut *snapshot)
        .await?;
    let rows = sqlx::query(SELECT).fetch_all(&mut *snapshot).await?;
    let rows = rows.iter().map(stored).collect::<Result<_, _>>()?;
    snapshot.rollback().await?;
    Ok((newest, rows))
}

pub(crate) async fn find(connection: &mut SqliteConnection, id: KeyId) -> Result<Option<Stored>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(" WHERE id = ").push_bind(id.to_string());
    let row = query.build().fetch_optional(connection).await?;
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

/// Writes a row back, whole: what was changed by hand is changed back.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    row: &KeyRow,
    seal: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE api_keys SET class = ?, owner = ?, organization = ?, name = ?, mac = ?, access = ?, created_at = ?,
         expires_at = ?, revoked_at = ?, seq = ?, seal = ? WHERE id = ?",
    )
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
    .bind(row.id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

fn stored(row: &SqliteRow) -> Result<Stored, StoreError> {
    Ok(Stored {
        id: row.try_get("id")?,
        row: key_row(row).and_then(|key| {
            let (newest, is_revoked): (i64, bool) = (row.try_get("newest")?, row.try_get("is_revoked")?);
            // Sealed once, but not the last row of this key.
            if key.seq > newest || (is_revoked && key.revoked_at.is_none()) {
                return Err(StoreError::damaged("a key's row is from another time"));
            }
            Ok(key)
        }),
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
