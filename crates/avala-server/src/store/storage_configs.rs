//! Rows of storage configs.

use avala_api::{
    Extra, Timestamp,
    storage_configs::{S3AuthMethod, StorageConfig},
};

use super::{
    Connection, Executor, Reader, Row, Rows, StoreError, Window,
    rows::{instant, instant_or_null},
    sql,
};

/// A storage config as it is kept.
pub(crate) struct Stored {
    pub(crate) config: StorageConfig,
    /// What opens the bucket, sealed.
    pub(crate) credentials: Vec<u8>,
}

pub(crate) async fn insert(
    connection: &mut Connection,
    organization: &str,
    stored: &Stored,
    now: Timestamp,
) -> Result<(), StoreError> {
    let config = &stored.config;
    sql(
        "INSERT INTO storage_configs (uid, organization, name, provider, s3_bucket_name, s3_bucket_region,
         s3_bucket_prefix, s3_auth_method, s3_is_accelerated, gc_storage_bucket_name, gc_storage_prefix, credentials,
         is_verified, last_verified_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
    )
    .bind(config.uid.as_str())
    .bind(organization)
    .bind(&config.name)
    .bind(config.provider.as_str())
    .bind(&config.s3_bucket_name)
    .bind(&config.s3_bucket_region)
    .bind(&config.s3_bucket_prefix)
    .bind(config.s3_auth_method.as_ref().map(S3AuthMethod::as_str))
    .bind(config.s3_is_accelerated)
    .bind(&config.gc_storage_bucket_name)
    .bind(&config.gc_storage_prefix)
    .bind(&stored.credentials[..])
    .bind(config.is_verified)
    .bind(config.last_verified_at)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    window: Window,
) -> Result<Rows<StorageConfig>, StoreError> {
    let query = sql("SELECT * FROM storage_configs WHERE organization = $1").bind(organization);
    window.fetch(query, reader, config).await
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    organization: &str,
    uid: &str,
) -> Result<Option<Stored>, StoreError> {
    let row = sql("SELECT * FROM storage_configs WHERE uid = $1 AND organization = $2")
        .bind(uid)
        .bind(organization)
        .fetch_optional(executor)
        .await?;
    let stored = |row: Row| {
        Ok(Stored {
            config: config(&row)?,
            credentials: row.get("credentials")?,
        })
    };
    row.map(stored).transpose()
}

/// Writes down whether the bucket opened. Whether the config is still there.
pub(crate) async fn set_verified(
    connection: &mut Connection,
    uid: &str,
    is_verified: bool,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sql("UPDATE storage_configs SET is_verified = $1, last_verified_at = $2 WHERE uid = $3")
        .bind(is_verified)
        .bind(at)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(done > 0)
}

/// Whether there was one to delete.
pub(crate) async fn delete(
    connection: &mut Connection,
    organization: &str,
    uid: &str,
) -> Result<bool, StoreError> {
    let done = sql("DELETE FROM storage_configs WHERE uid = $1 AND organization = $2")
        .bind(uid)
        .bind(organization)
        .execute(connection)
        .await?;
    Ok(done > 0)
}

fn config(row: &Row) -> Result<StorageConfig, StoreError> {
    Ok(StorageConfig {
        uid: row.get::<String>("uid")?.into(),
        name: row.get("name")?,
        provider: row.get::<String>("provider")?.into(),
        s3_bucket_name: row.get("s3_bucket_name")?,
        s3_bucket_region: row.get("s3_bucket_region")?,
        s3_bucket_prefix: row.get("s3_bucket_prefix")?,
        s3_auth_method: row.get::<Option<String>>("s3_auth_method")?.map(Into::into),
        s3_is_accelerated: row.get("s3_is_accelerated")?,
        gc_storage_bucket_name: row.get("gc_storage_bucket_name")?,
        gc_storage_prefix: row.get("gc_storage_prefix")?,
        r2_account_id: None,
        r2_public_base_url: None,
        is_verified: row.get("is_verified")?,
        last_verified_at: instant_or_null(row, "last_verified_at")?,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
