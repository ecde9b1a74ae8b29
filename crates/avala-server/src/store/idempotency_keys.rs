//! What was made under a name of the caller's own: a request that is repeated finds it.

use avala_api::Timestamp;
use avala_keys::KeyId;

use super::{Connection, Reader, StoreError, sql};

/// How long a name is remembered, in milliseconds.
const REMEMBERED: i64 = 24 * 60 * 60 * 1000;

/// A request that has a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    /// The key that asks; another one's names are its own.
    pub(crate) actor: KeyId,
    pub(crate) name: &'a str,
    /// SHA-256 of what is asked.
    pub(crate) request: &'a [u8; 32],
}

/// What such a request made before.
pub(crate) struct Made {
    pub(crate) object: String,
    /// Whether it was this very request.
    pub(crate) is_same: bool,
}

pub(crate) async fn find(
    reader: &Reader,
    named: &Named<'_>,
    now: Timestamp,
) -> Result<Option<Made>, StoreError> {
    let row = sql(
        "SELECT request, object FROM idempotency_keys WHERE actor = $1 AND name = $2 AND created_at > $3",
    )
    .bind(named.actor.as_str())
    .bind(named.name)
    .bind(oldest(now))
    .fetch_optional(reader)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Made {
        object: row.get("object")?,
        is_same: row.get::<Vec<u8>>("request")? == named.request,
    }))
}

/// Remembers what is made, and forgets what is old. A duplicate if the name is remembered already.
pub(crate) async fn insert(
    connection: &mut Connection,
    named: &Named<'_>,
    object: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("DELETE FROM idempotency_keys WHERE created_at <= $1")
        .bind(oldest(now))
        .execute(&mut *connection)
        .await?;
    sql(
        "INSERT INTO idempotency_keys (actor, name, request, object, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(named.actor.as_str())
    .bind(named.name)
    .bind(named.request)
    .bind(object)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

fn oldest(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis(now.unix_millis() - REMEMBERED)
}
