//! Rows of webhooks.

use avala_api::{EventName, Extra, Timestamp, webhooks::Webhook};

use super::{
    Connection, Executor, Reader, Row, Rows, StoreError, Window,
    rows::{instant, json, to_json},
    sql,
};

/// A webhook to be written.
pub(crate) struct NewWebhook<'a> {
    pub(crate) uid: &'a str,
    pub(crate) organization: &'a str,
    pub(crate) target_url: &'a str,
    pub(crate) events: &'a [EventName],
    pub(crate) is_active: bool,
    pub(crate) sealed_secret: &'a [u8],
    pub(crate) created_at: Timestamp,
}

pub(crate) async fn insert(connection: &mut Connection, new: &NewWebhook<'_>) -> Result<(), StoreError> {
    sql(
        "INSERT INTO webhooks (uid, organization, target_url, events, is_active, secret, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
    )
    .bind(new.uid)
    .bind(new.organization)
    .bind(new.target_url)
    .bind(to_json(new.events)?)
    .bind(new.is_active)
    .bind(new.sealed_secret)
    .bind(new.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a webhook back; its secret only if there is a new one.
pub(crate) async fn update(
    connection: &mut Connection,
    webhook: &Webhook,
    sealed_secret: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "UPDATE webhooks SET target_url = $1, events = $2, is_active = $3, secret = coalesce($4, secret), updated_at = $5
         WHERE uid = $6",
    )
    .bind(&webhook.target_url)
    .bind(to_json(&webhook.events)?)
    .bind(webhook.is_active)
    .bind(sealed_secret)
    .bind(now)
    .bind(webhook.uid.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether there was one to delete.
pub(crate) async fn delete(
    connection: &mut Connection,
    organization: &str,
    uid: &str,
) -> Result<bool, StoreError> {
    let done = sql("DELETE FROM webhooks WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(done > 0)
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    organization: &str,
    uid: &str,
) -> Result<Option<Webhook>, StoreError> {
    let row = sql("SELECT * FROM webhooks WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .for_update()
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(webhook).transpose()
}

/// The webhook's sealed secret.
pub(crate) async fn sealed_secret(reader: &Reader, uid: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sql("SELECT secret FROM webhooks WHERE uid = $1")
        .bind(uid)
        .fetch_optional(reader)
        .await?;
    row.map(|row| row.get("secret")).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    window: Window,
) -> Result<Rows<Webhook>, StoreError> {
    let query = sql("SELECT * FROM webhooks WHERE organization = $1").bind(organization);
    window.fetch(query, reader, webhook).await
}

fn webhook(row: &Row) -> Result<Webhook, StoreError> {
    Ok(Webhook {
        uid: row.get::<String>("uid")?.into(),
        target_url: row.get("target_url")?,
        events: json(row, "events")?,
        is_active: row.get("is_active")?,
        secret: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
