//! Rows of keys.

use avala_keys::KeyId;

use super::{
    Connection, Row, StoreError, Watcher,
    rows::{instant, instant_or_null, json, to_json},
    sql,
};
use crate::keys::KeyRow;

/// A row as it is stored. Whether it is to be trusted, its seal tells.
pub(crate) struct Stored {
    /// The id, for what has to be said about a row that cannot be read.
    pub(crate) id: String,
    pub(crate) row: Result<KeyRow, StoreError>,
    pub(crate) seal: Vec<u8>,
}

/// The row, and what the rest of the database says about it. Without a matching key there is still the number.
macro_rules! select {
    ($of:literal) => {
        concat!(
            "SELECT k.*, m.seq AS newest, EXISTS
             (SELECT 1 FROM audit WHERE action = 'api_key.revoke' AND object = k.id) AS is_revoked, EXISTS
             (SELECT 1 FROM audit WHERE object = k.id AND audit.seq > k.seq) AS is_older
             FROM meta m LEFT JOIN api_keys k ON ",
            $of
        )
    };
}

/// The rows that were changed since a number, and the number of the newest change; one statement, so as of one instant.
pub(crate) async fn since(watcher: &mut Watcher, seq: i64) -> Result<(i64, Vec<Stored>), StoreError> {
    numbered(&sql(select!("k.seq > $1")).bind(seq).fetch_all(watcher).await?)
}

/// All rows, and the number of the newest change.
pub(crate) async fn all(watcher: &mut Watcher) -> Result<(i64, Vec<Stored>), StoreError> {
    numbered(&sql(select!("TRUE")).patiently().fetch_all(watcher).await?)
}

fn numbered(rows: &[Row]) -> Result<(i64, Vec<Stored>), StoreError> {
    let first = rows
        .first()
        .ok_or_else(|| StoreError::damaged("the meta row is missing"))?;
    let newest = first.get("newest")?;
    let stored = rows
        .iter()
        .filter_map(|row| stored(row).transpose())
        .collect::<Result<_, _>>()?;
    Ok((newest, stored))
}

pub(crate) async fn find(connection: &mut Connection, id: KeyId) -> Result<Option<Stored>, StoreError> {
    let row = sql(select!("k.id = $1"))
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().and_then(|row| stored(row).transpose()).transpose()
}

pub(crate) async fn insert(
    connection: &mut Connection,
    row: &KeyRow,
    seal: &[u8; 32],
) -> Result<(), StoreError> {
    sql("INSERT INTO api_keys
         (id, class, owner, organization, name, mac, access, created_at, expires_at, revoked_at, seq, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
    .bind(row.id.as_str())
    .bind(row.class.as_str())
    .bind(&row.owner)
    .bind(&row.organization)
    .bind(&row.name)
    .bind(&row.mac)
    .bind(to_json(&row.access)?)
    .bind(row.created_at)
    .bind(row.expires_at)
    .bind(row.revoked_at)
    .bind(row.seq)
    .bind(seal)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a row back, whole: what was changed by hand is changed back.
pub(crate) async fn update(
    connection: &mut Connection,
    row: &KeyRow,
    seal: &[u8; 32],
) -> Result<(), StoreError> {
    sql(
        "UPDATE api_keys SET class = $1, owner = $2, organization = $3, name = $4, mac = $5, access = $6, created_at = $7,
         expires_at = $8, revoked_at = $9, seq = $10, seal = $11 WHERE id = $12",
    )
    .bind(row.class.as_str())
    .bind(&row.owner)
    .bind(&row.organization)
    .bind(&row.name)
    .bind(&row.mac)
    .bind(to_json(&row.access)?)
    .bind(row.created_at)
    .bind(row.expires_at)
    .bind(row.revoked_at)
    .bind(row.seq)
    .bind(seal)
    .bind(row.id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

fn stored(row: &Row) -> Result<Option<Stored>, StoreError> {
    let Some(id) = row.get("id")? else {
        return Ok(None);
    };
    Ok(Some(Stored {
        id,
        row: key_row(row).and_then(|key| {
            let newest: i64 = row.get("newest")?;
            let (is_revoked, is_older): (bool, bool) = (row.get("is_revoked")?, row.get("is_older")?);
            // Sealed once, but not the last row of this key.
            if key.seq > newest || is_older || (is_revoked && key.revoked_at.is_none()) {
                return Err(StoreError::damaged("a key's row is from another time"));
            }
            Ok(key)
        }),
        seal: row.get("seal")?,
    }))
}

fn key_row(row: &Row) -> Result<KeyRow, StoreError> {
    let unreadable = |_| StoreError::damaged("a key's row cannot be read");
    Ok(KeyRow {
        id: row.get::<String>("id")?.parse().map_err(unreadable)?,
        class: row.get::<String>("class")?.parse().map_err(unreadable)?,
        owner: row.get("owner")?,
        organization: row.get("organization")?,
        name: row.get("name")?,
        mac: row
            .get::<Vec<u8>>("mac")?
            .try_into()
            .map_err(|_| StoreError::damaged("a key's MAC has not 32 bytes"))?,
        access: json(row, "access")?,
        created_at: instant(row, "created_at")?,
        expires_at: instant_or_null(row, "expires_at")?,
        revoked_at: instant_or_null(row, "revoked_at")?,
        seq: row.get("seq")?,
    })
}
