//! Rows of inference providers.

use avala_api::{
    Extra, Timestamp,
    inference_providers::{InferenceProvider, ProviderType},
    projects::ProjectUid,
};

use super::{
    Connection, Executor, Reader, Row, Rows, StoreError, Window,
    rows::{instant, instant_or_null},
    sql,
};

/// An inference provider as it is kept.
pub(crate) struct Stored {
    /// All but its config.
    pub(crate) provider: InferenceProvider,
    /// Its config, sealed.
    pub(crate) config: Vec<u8>,
}

pub(crate) async fn insert(
    connection: &mut Connection,
    organization: &str,
    stored: &Stored,
    now: Timestamp,
) -> Result<(), StoreError> {
    let provider = &stored.provider;
    sql(
        "INSERT INTO inference_providers
         (uid, organization, name, description, provider_type, config, is_active, project, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(provider.uid.as_str())
    .bind(organization)
    .bind(&provider.name)
    .bind(&provider.description)
    .bind(provider.provider_type.as_ref().map(ProviderType::as_str))
    .bind(&stored.config[..])
    .bind(provider.is_active)
    .bind(provider.project.as_ref().map(ProjectUid::as_str))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn update(
    connection: &mut Connection,
    stored: &Stored,
    now: Timestamp,
) -> Result<(), StoreError> {
    let provider = &stored.provider;
    sql(
        "UPDATE inference_providers SET name = $1, description = $2, provider_type = $3, config = $4, is_active = $5,
         project = $6, last_test_at = $7, last_test_success = $8, updated_at = $9 WHERE uid = $10",
    )
    .bind(&provider.name)
    .bind(&provider.description)
    .bind(provider.provider_type.as_ref().map(ProviderType::as_str))
    .bind(&stored.config[..])
    .bind(provider.is_active)
    .bind(provider.project.as_ref().map(ProjectUid::as_str))
    .bind(provider.last_test_at)
    .bind(provider.last_test_success)
    .bind(now)
    .bind(provider.uid.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    window: Window,
) -> Result<Rows<Stored>, StoreError> {
    let query = sql("SELECT * FROM inference_providers WHERE organization = $1").bind(organization);
    window.fetch(query, reader, stored).await
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    organization: &str,
    uid: &str,
) -> Result<Option<Stored>, StoreError> {
    let row = sql("SELECT * FROM inference_providers WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .for_update()
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(stored).transpose()
}

/// Writes down whether the model answered, if the provider is still the one that was tested: every change seals its
/// config anew. Whether it is.
pub(crate) async fn set_tested(
    connection: &mut Connection,
    tested: &Stored,
    success: bool,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sql(
        "UPDATE inference_providers SET last_test_success = $1, last_test_at = $2 WHERE uid = $3 AND config = $4",
    )
    .bind(success)
    .bind(at)
    .bind(tested.provider.uid.as_str())
    .bind(&tested.config[..])
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
    let done = sql("DELETE FROM inference_providers WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(done > 0)
}

/// Whether the organization has a project of this uid.
pub(crate) async fn has_project(
    connection: &mut Connection,
    organization: &str,
    project: &str,
) -> Result<bool, StoreError> {
    let row = sql("SELECT uid FROM projects WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(project)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

fn stored(row: &Row) -> Result<Stored, StoreError> {
    Ok(Stored {
        provider: InferenceProvider {
            uid: row.get::<String>("uid")?.into(),
            name: row.get("name")?,
            description: row.get("description")?,
            provider_type: Some(row.get::<String>("provider_type")?.into()),
            config: None,
            is_active: row.get("is_active")?,
            project: row.get::<Option<String>>("project")?.map(Into::into),
            last_test_at: instant_or_null(row, "last_test_at")?,
            last_test_success: row.get("last_test_success")?,
            created_at: Some(instant(row, "created_at")?),
            updated_at: Some(instant(row, "updated_at")?),
            extra: Extra::new(),
        },
        config: row.get("config")?,
    })
}
