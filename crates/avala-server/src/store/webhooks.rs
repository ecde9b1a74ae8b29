//! Rows of webhooks.

use avala_api::{EventName, Extra, Timestamp, webhooks::Webhook};
use sqlx::{QueryBuilder, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    Rows, StoreError, Window,
    rows::{instant, json, to_json},
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

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewWebhook<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO webhooks (uid, organization, target_url, events, is_active, secret, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.uid)
    .bind(new.organization)
    .bind(new.target_url)
    .bind(to_json(new.events)?)
    .bind(new.is_active)
    .bind(new.sealed_secret)
    .bind(new.created_at.unix_millis())
    .bind(new.created_at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a webhook back; its secret only if there is a new one.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    webhook: &Webhook,
    sealed_secret: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE webhooks SET target_url = ?, events = ?, is_active = ?, secret = coalesce(?, secret), updated_at = ?
         WHERE uid = ?",
    )
    .bind(&webhook.target_url)
    .bind(to_json(&webhook.events)?)
    .bind(webhook.is_active)
    .bind(sealed_secret)
    .bind(now.unix_millis())
    .bind(webhook.uid.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether there was one to delete.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    organization: &str,
    uid: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM webhooks WHERE organization = ? AND uid = ?")
        .bind(organization)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn find<'c>(
    executor: impl sqlx::SqliteExecutor<'c>,
    organization: &str,
    uid: &str,
) -> Result<Option<Webhook>, StoreError> {
    let row = sqlx::query("SELECT * FROM webhooks WHERE organization = ? AND uid = ?")
        .bind(organization)
        .bind(uid)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(webhook).transpose()
}

/// The webhook's sealed secret.
pub(crate) async fn sealed_secret(pool: &SqlitePool, uid: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sqlx::query_scalar("SELECT secret FROM webhooks WHERE uid = ?")
        .bind(uid)
        .fetch_optional(pool)
        .await?)
}

pub(crate) async fn list(
    pool: &SqlitePool,
    organization: &str,
    window: Window,
) -> Result<Rows<Webhook>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM webhooks WHERE organization = ");
    query.push_bind(organization.to_owned());
    window.fetch(query, pool, webhook).await
}

fn webhook(row: &SqliteRow) -> Result<Webhook, StoreError> {
    Ok(Webhook {
        uid: row.try_get::<String, _>("uid")?.into(),
        target_url: row.try_get("target_url")?,
        events: json(row, "events")?,
        is_active: row.try_get("is_active")?,
        secret: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
