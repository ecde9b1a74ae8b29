//! Rows of webhook deliveries.

use avala_api::{EventName, Extra, Timestamp, webhook_deliveries::WebhookDelivery};
use sqlx::{QueryBuilder, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    Rows, StoreError, Window,
    rows::{instant, json},
};

/// A delivery that is about to be sent.
pub(crate) struct NewDelivery<'a> {
    pub(crate) uid: &'a str,
    pub(crate) organization: &'a str,
    pub(crate) subscription: &'a str,
    pub(crate) event_type: &'a EventName,
    /// The body that is sent, byte for byte.
    pub(crate) payload: &'a str,
    pub(crate) created_at: Timestamp,
}

/// What became of a delivery.
pub(crate) struct Outcome<'a> {
    pub(crate) delivered: bool,
    pub(crate) response_status: Option<u16>,
    pub(crate) response_body: Option<&'a str>,
    pub(crate) at: Timestamp,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewDelivery<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO webhook_deliveries
         (uid, organization, subscription, event_type, payload, attempts, status, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, 0, 'pending', ?, ?)",
    )
    .bind(new.uid)
    .bind(new.organization)
    .bind(new.subscription)
    .bind(new.event_type.as_str())
    .bind(new.payload)
    .bind(new.created_at.unix_millis())
    .bind(new.created_at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    uid: &str,
    outcome: &Outcome<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE webhook_deliveries
         SET status = ?, response_status = ?, response_body = ?, attempts = attempts + 1, updated_at = ? WHERE uid = ?",
    )
    .bind(if outcome.delivered { "delivered" } else { "failed" })
    .bind(outcome.response_status.map(i64::from))
    .bind(outcome.response_body)
    .bind(outcome.at.unix_millis())
    .bind(uid)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives up all deliveries without an outcome, and counts them.
pub(crate) async fn fail_pending(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "UPDATE webhook_deliveries SET status = 'failed', updated_at = ? WHERE status = 'pending'",
    )
    .bind(now.unix_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn find(
    pool: &SqlitePool,
    organization: &str,
    uid: &str,
) -> Result<Option<WebhookDelivery>, StoreError> {
    let row = sqlx::query("SELECT * FROM webhook_deliveries WHERE organization = ? AND uid = ?")
        .bind(organization)
        .bind(uid)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(delivery).transpose()
}

pub(crate) async fn list(
    pool: &SqlitePool,
    organization: &str,
    window: Window,
) -> Result<Rows<WebhookDelivery>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM webhook_deliveries WHERE organization = ");
    query.push_bind(organization.to_owned());
    window.fetch(query, pool, delivery).await
}

fn delivery(row: &SqliteRow) -> Result<WebhookDelivery, StoreError> {
    Ok(WebhookDelivery {
        uid: row.try_get::<String, _>("uid")?.into(),
        subscription: row.try_get::<String, _>("subscription")?.into(),
        event_type: row.try_get::<&str, _>("event_type")?.into(),
        payload: Some(json(row, "payload")?),
        response_status: row.try_get("response_status")?,
        response_body: row.try_get("response_body")?,
        response_body_size: None,
        response_body_sha256: None,
        response_preview: None,
        attempts: row.try_get("attempts")?,
        next_retry_at: None,
        status: Some(row.try_get::<&str, _>("status")?.into()),
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
