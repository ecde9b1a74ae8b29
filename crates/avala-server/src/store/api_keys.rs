//! Rows of keys.

use avala_api::{Timestamp, api_keys::KeyState};
use avala_keys::KeyId;

use super::{
    Connection, Executor, Reader, Row, Rows, Statement, StoreError, Watcher, Window,
    rows::{instant, instant_or_null, json, json_or_null, to_json},
    sql,
};
use crate::keys::{About, KeyRow, PepperId};

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
             (SELECT 1 FROM audit WHERE object = k.id AND audit.seq > k.seq) AS is_older, EXISTS
             (SELECT 1 FROM audit WHERE object = k.owner AND audit.seq > k.seq AND k.suspended_at IS NULL
              AND (action IN ('user.disable', 'service_account.disable')
               OR (action IN ('member.remove', 'member.leave') AND audit.organization = k.organization))) AS is_left_over
             FROM meta m LEFT JOIN api_keys k ON ",
            $of
        )
    };
}

/// Hands over the rows that were changed since a number, and tells the number of the newest change; one statement, so as
/// of one instant.
pub(crate) async fn since(
    watcher: &mut Watcher,
    seq: i64,
    take: impl FnMut(Stored) + Send,
) -> Result<i64, StoreError> {
    numbered(sql(select!("k.seq > $1")).bind(seq), watcher, take).await
}

/// Hands over all rows, and tells the number of the newest change.
pub(crate) async fn all(watcher: &mut Watcher, take: impl FnMut(Stored) + Send) -> Result<i64, StoreError> {
    numbered(sql(select!("TRUE")).patiently(), watcher, take).await
}

/// The number of the newest change.
pub(crate) async fn newest(reader: &Reader) -> Result<i64, StoreError> {
    let row = sql("SELECT seq FROM meta").fetch_one(reader).await?;
    row.get("seq")
}

/// Rows after a position, in the order of theirs, and the position of the last.
pub(crate) async fn after(
    reader: &Reader,
    position: i64,
    limit: i64,
) -> Result<(Vec<Row>, Option<i64>), StoreError> {
    let rows = sql(select!("TRUE"))
        .push(" WHERE k.position > ")
        .push_bind(position)
        .push(" ORDER BY k.position LIMIT ")
        .push_bind(limit)
        .patiently()
        .fetch_all(reader)
        .await?;
    let last = rows.last().map(|row| row.get("position")).transpose()?;
    Ok((rows, last))
}

/// All rows, within a change.
pub(crate) async fn every(connection: &mut Connection) -> Result<Vec<Stored>, StoreError> {
    let mut rows = Vec::new();
    numbered(sql(select!("TRUE")).patiently(), connection, |row| rows.push(row)).await?;
    Ok(rows)
}

async fn numbered<'c>(
    rows: Statement,
    on: impl Into<Executor<'c>>,
    mut take: impl FnMut(Stored) + Send,
) -> Result<i64, StoreError> {
    let mut newest = None;
    let each = |row: Row| {
        newest = Some(row.get("newest")?);
        if let Some(stored) = stored(&row)? {
            take(stored);
        }
        Ok(())
    };
    rows.for_each(on, each).await?;
    newest.ok_or_else(|| StoreError::damaged("the meta row is missing"))
}

pub(crate) async fn find<'c>(from: impl Into<Executor<'c>>, id: KeyId) -> Result<Option<Stored>, StoreError> {
    let row = sql(select!("k.id = $1"))
        .bind(id.as_str())
        .fetch_optional(from)
        .await?;
    row.as_ref().and_then(|row| stored(row).transpose()).transpose()
}

/// Whether one of these MACs is that of a key that was taken over, whatever became of it.
pub(crate) async fn has_legacy(connection: &mut Connection, macs: &[[u8; 32]]) -> Result<bool, StoreError> {
    let found = sql("SELECT 1 AS found FROM api_keys WHERE is_legacy AND mac IN ")
        .push_list(macs)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// All rows of an owner's, whatever has become of them.
pub(crate) async fn of_owner(connection: &mut Connection, owner: &str) -> Result<Vec<Stored>, StoreError> {
    let mut rows = Vec::new();
    numbered(sql(select!("k.owner = $1")).bind(owner), connection, |row| {
        rows.push(row);
    })
    .await?;
    Ok(rows)
}

/// Id and name of an organization's keys that were made so, and have neither an end by hand nor a successor.
pub(crate) async fn made_by(
    connection: &mut Connection,
    organization: &str,
    created_by: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sql(
        "SELECT id, name FROM api_keys WHERE organization = $1 AND created_by = $2 AND revoked_at IS NULL
         AND rotated_to IS NULL ORDER BY position",
    )
    .bind(organization)
    .bind(created_by)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((row.get("id")?, row.get("name")?)))
        .collect()
}

pub(crate) async fn insert(
    connection: &mut Connection,
    row: &KeyRow,
    seal: &[u8; 32],
) -> Result<(), StoreError> {
    let insert = sql(
        "INSERT INTO api_keys (class, owner, organization, name, mac, access, created_at, expires_at, revoked_at, seq, seal,
         environment, networks, created_by, disabled_at, revoked_by, revoked_reason, rotated_from, rotated_to, grace_until,
         pepper, role, suspended_at, is_legacy, muted_hints, resources, id, position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
         $24, $25, $26, $27, $10)",
    );
    columns(insert, row, seal)?
        .bind(row.id.as_str())
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
    let update = sql(
        "UPDATE api_keys SET class = $1, owner = $2, organization = $3, name = $4, mac = $5, access = $6, created_at = $7,
         expires_at = $8, revoked_at = $9, seq = $10, seal = $11, environment = $12, networks = $13, created_by = $14,
         disabled_at = $15, revoked_by = $16, revoked_reason = $17, rotated_from = $18, rotated_to = $19, grace_until = $20,
         pepper = $21, role = $22, suspended_at = $23, is_legacy = $24, muted_hints = $25, resources = $26
         WHERE id = $27",
    );
    columns(update, row, seal)?
        .bind(row.id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// All columns that a change may touch, in one order.
fn columns(statement: Statement, row: &KeyRow, seal: &[u8; 32]) -> Result<Statement, StoreError> {
    let id = |id: Option<KeyId>| id.map(|id| id.to_string());
    let About {
        name,
        created_at,
        created_by,
        environment,
        revoked_by,
        revoked_reason,
        rotated_from,
        is_legacy,
        muted_hints,
    } = &*row.about;
    Ok(statement
        .bind(row.class.as_str())
        .bind(&row.owner)
        .bind(&row.organization)
        .bind(name)
        .bind(&row.mac)
        .bind(to_json(&row.access)?)
        .bind(*created_at)
        .bind(row.expires_at)
        .bind(row.revoked_at)
        .bind(row.seq)
        .bind(seal)
        .bind(environment)
        .bind(to_json(&row.networks)?)
        .bind(created_by)
        .bind(row.disabled_at)
        .bind(revoked_by)
        .bind(revoked_reason)
        .bind(id(*rotated_from))
        .bind(id(row.rotated_to))
        .bind(row.grace_until)
        .bind(row.pepper.0)
        .bind(row.role.as_str())
        .bind(row.suspended_at)
        .bind(*is_legacy)
        .bind(to_json(muted_hints)?)
        .bind(row.resources.as_ref().map(to_json).transpose()?))
}

/// Which keys.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    pub(crate) organization: &'a str,
    pub(crate) owner: Option<&'a str>,
    pub(crate) environment: Option<&'a str>,
    /// With the present instant.
    pub(crate) state: Option<(KeyState, Timestamp)>,
    /// Those that are neither revoked nor expired then.
    pub(crate) in_force_at: Option<Timestamp>,
    pub(crate) created_before: Option<Timestamp>,
    pub(crate) is_legacy: Option<bool>,
}

/// Those of an organization that are neither revoked nor expired.
pub(crate) async fn count(
    connection: &mut Connection,
    organization: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let row = sql("SELECT count(*) AS count FROM api_keys
         WHERE organization = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)")
    .bind(organization)
    .bind(now)
    .fetch_one(connection)
    .await?;
    u64::try_from(row.get::<i64>("count")?).map_err(|_| StoreError::damaged("fewer keys than none"))
}

/// All that are not revoked, newest first, as they are stored.
pub(crate) async fn living<'c>(
    on: impl Into<Executor<'c>>,
    filter: &Filter<'_>,
) -> Result<Vec<Stored>, StoreError> {
    let rows = filtered(filter)
        .push(" AND k.revoked_at IS NULL ORDER BY k.position DESC")
        .fetch_all(on)
        .await?;
    rows.iter().filter_map(|row| stored(row).transpose()).collect()
}

/// One page of the keys, as they are stored.
pub(crate) async fn list(
    reader: &Reader,
    filter: Filter<'_>,
    window: Window,
) -> Result<Rows<Stored>, StoreError> {
    window
        .fetch(filtered(&filter), reader, |row| {
            stored(row)?.ok_or_else(|| StoreError::damaged("a row without an id"))
        })
        .await
}

fn filtered(filter: &Filter<'_>) -> Statement {
    let mut query = sql(select!("k.organization = $1"))
        .push(" WHERE k.id IS NOT NULL")
        .bind(filter.organization);
    for (column, value) in [
        (" AND k.owner = ", filter.owner),
        (" AND k.environment = ", filter.environment),
    ] {
        if let Some(value) = value {
            query = query.push(column).push_bind(value);
        }
    }
    if let Some((state, now)) = &filter.state {
        query = in_state(query, state, *now);
    }
    if let Some(at) = filter.in_force_at {
        query = is_in_force(query, at);
    }
    if let Some(at) = filter.created_before {
        query = query.push(" AND k.created_at < ").push_bind(at);
    }
    if let Some(is_legacy) = filter.is_legacy {
        query = query.push(" AND k.is_legacy = ").push_bind(is_legacy);
    }
    query
}

fn is_in_force(query: Statement, at: Timestamp) -> Statement {
    query
        .push(" AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ")
        .push_bind(at)
        .push(")")
}

/// The same order of precedence as `Authority::state`.
fn in_state(query: Statement, state: &KeyState, now: Timestamp) -> Statement {
    let is_not_over = |query: Statement| is_in_force(query, now);
    match state {
        KeyState::Revoked => query.push(" AND k.revoked_at IS NOT NULL"),
        KeyState::Expired => query
            .push(" AND k.revoked_at IS NULL AND k.expires_at <= ")
            .push_bind(now),
        KeyState::Disabled => {
            is_not_over(query).push(" AND (k.disabled_at IS NOT NULL OR k.suspended_at IS NOT NULL)")
        }
        KeyState::Rotated => is_not_over(query)
            .push(" AND k.disabled_at IS NULL AND k.suspended_at IS NULL AND k.rotated_to IS NOT NULL"),
        KeyState::Active => is_not_over(query)
            .push(" AND k.disabled_at IS NULL AND k.suspended_at IS NULL AND k.rotated_to IS NULL"),
        _ => query.push(" AND FALSE"),
    }
}

/// The row of a key; none if there is only the number.
pub(crate) fn stored(row: &Row) -> Result<Option<Stored>, StoreError> {
    let Some(id) = row.get("id")? else {
        return Ok(None);
    };
    Ok(Some(Stored {
        id,
        row: key_row(row).and_then(|key| {
            let newest: i64 = row.get("newest")?;
            let (is_revoked, is_older): (bool, bool) = (row.get("is_revoked")?, row.get("is_older")?);
            // Whenever an owner is switched off, every living key is written anew: this one was not there then.
            let is_left_over: bool = row.get("is_left_over")?;
            // Sealed once, but not the last row of this key.
            if key.seq > newest || is_older || ((is_revoked || is_left_over) && key.revoked_at.is_none()) {
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
        mac: row
            .get::<Vec<u8>>("mac")?
            .try_into()
            .map_err(|_| StoreError::damaged("a key's MAC has not 32 bytes"))?,
        pepper: PepperId(row.get("pepper")?),
        access: json(row, "access")?,
        role: row
            .get::<String>("role")?
            .parse()
            .map_err(|_| StoreError::damaged("a key's row cannot be read"))?,
        suspended_at: instant_or_null(row, "suspended_at")?,
        networks: json(row, "networks")?,
        resources: json_or_null(row, "resources")?,
        expires_at: instant_or_null(row, "expires_at")?,
        revoked_at: instant_or_null(row, "revoked_at")?,
        disabled_at: instant_or_null(row, "disabled_at")?,
        rotated_to: key_id(row, "rotated_to")?,
        grace_until: instant_or_null(row, "grace_until")?,
        seq: row.get("seq")?,
        about: Box::new(About {
            name: row.get("name")?,
            created_at: instant(row, "created_at")?,
            created_by: row.get("created_by")?,
            environment: row.get("environment")?,
            revoked_by: row.get("revoked_by")?,
            revoked_reason: row.get("revoked_reason")?,
            rotated_from: key_id(row, "rotated_from")?,
            is_legacy: row.get("is_legacy")?,
            muted_hints: json(row, "muted_hints")?,
        }),
    })
}

fn key_id(row: &Row, column: &str) -> Result<Option<KeyId>, StoreError> {
    row.get::<Option<String>>(column)?
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| StoreError::damaged("a key's row cannot be read"))
}
