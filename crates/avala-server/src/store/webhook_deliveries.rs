//! Rows of webhook deliveries.

use avala_api::{EventName, Extra, Timestamp, webhook_deliveries::WebhookDelivery};

use super::{
    Connection, Reader, Row, Rows, StoreError, Window,
    rows::{instant, json},
    sql,
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

pub(crate) async fn insert(connection: &mut Connection, new: &NewDelivery<'_>) -> Result<(), StoreError> {
    sql("INSERT INTO webhook_deliveries
         (uid, organization, subscription, event_type, payload, attempts, status, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 0, 'pending', $6, $6)")
    .bind(new.uid)
    .bind(new.organization)
    .bind(new.subscription)
    .bind(new.event_type.as_str())
    .bind(new.payload)
    .bind(new.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn finish(
    connection: &mut Connection,
    uid: &str,
    outcome: &Outcome<'_>,
) -> Result<(), StoreError> {
    sql(
        "UPDATE webhook_deliveries
         SET status = $1, response_status = $2, response_body = $3, attempts = attempts + 1, updated_at = $4 WHERE uid = $5",
    )
    .bind(if outcome.delivered { "delivered" } else { "failed" })
    .bind(outcome.response_status)
    .bind(outcome.response_body)
    .bind(outcome.at)
    .bind(uid)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives up the deliveries from before an instant that have no outcome, and tells each with its organization.
pub(crate) async fn fail_pending(
    connection: &mut Connection,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sql("UPDATE webhook_deliveries SET status = 'failed', updated_at = $1
         WHERE status = 'pending' AND created_at < $2 RETURNING uid, organization")
    .bind(now)
    .bind(before)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((row.get("uid")?, row.get("organization")?)))
        .collect()
}

pub(crate) async fn find(
    reader: &Reader,
    organization: &str,
    uid: &str,
) -> Result<Option<WebhookDelivery>, StoreError> {
    let row = sql("SELECT * FROM webhook_deliveries WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .fetch_optional(reader)
        .await?;
    row.as_ref().map(delivery).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    window: Window,
) -> Result<Rows<WebhookDelivery>, StoreError> {
    let query = sql("SELECT * FROM webhook_deliveries WHERE organization = $1").bind(organization);
    window.fetch(query, reader, delivery).await
}

fn delivery(row: &Row) -> Result<WebhookDelivery, StoreError> {
    Ok(WebhookDelivery {
        uid: row.get::<String>("uid")?.into(),
        subscription: row.get::<String>("subscription")?.into(),
        event_type: row.get::<String>("event_type")?.into(),
        payload: Some(json(row, "payload")?),
        response_status: row.get("response_status")?,
        response_body: row.get("response_body")?,
        response_body_size: None,
        response_body_sha256: None,
        response_preview: None,
        attempts: row.get("attempts")?,
        next_retry_at: None,
        status: Some(row.get::<String>("status")?.into()),
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
