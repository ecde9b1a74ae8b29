//! Rows of datasets.

use avala_api::{
    Extra, Timestamp,
    datasets::{DataType, Dataset},
};
use serde_json::{Map, Value};

use super::{
    Connection, Executor, Reach, Reader, Row, Rows, Statement, StoreError, Window, Written,
    rows::{instant, json_or_null, to_json},
    sql, upsert,
};

/// What answers show of `datasets`, and the name of its owner.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT position, uid, name, slug, item_count, status, data_type, is_sequence, predefined_labels, visibility,
             created_at, updated_at,
             (SELECT slug FROM organizations o WHERE o.uid = datasets.organization) AS owner_name
             FROM datasets WHERE ",
            $rest
        )
    };
}

const INSERT: &str =
    "INSERT INTO datasets (uid, organization, name, folded_name, slug, data_type, visibility, status,
     item_count, is_sequence, predefined_labels, metadata, provider_config, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce($14, $15), $15)";

/// What a dataset has and no answer shows.
#[derive(Default)]
pub(crate) struct Hidden<'a> {
    pub(crate) metadata: Option<&'a Map<String, Value>>,
    pub(crate) sealed_provider_config: Option<&'a [u8]>,
}

/// Which datasets are asked for.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    pub(crate) data_type: Option<&'a str>,
    /// A part of the name, in whatever case.
    pub(crate) name: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
    pub(crate) visibility: Option<&'a str>,
}

/// What a dataset's provider configuration is sealed for.
pub(crate) fn secret_row(uid: &str) -> String {
    format!("dataset {uid}")
}

pub(crate) async fn insert(
    connection: &mut Connection,
    organization: &str,
    dataset: &Dataset,
    hidden: &Hidden<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    bound(INSERT, organization, dataset, hidden, now)?
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes a dataset of the organization. `None` if its uid belongs to another organization.
pub(crate) async fn upsert(
    connection: &mut Connection,
    organization: &str,
    dataset: &Dataset,
    hidden: &Hidden<'_>,
    now: Timestamp,
) -> Result<Option<Written>, StoreError> {
    let update = "UPDATE datasets SET name = $3, folded_name = $4, slug = $5, data_type = $6, visibility = $7, status = $8,
         item_count = $9, is_sequence = $10, predefined_labels = $11, metadata = $12, provider_config = $13,
         created_at = coalesce($14, created_at), updated_at = $15 WHERE uid = $1 AND organization = $2";
    let update = bound(update, organization, dataset, hidden, now)?;
    let insert = bound(INSERT, organization, dataset, hidden, now)?;
    upsert::upsert(connection, insert, update).await
}

fn bound(
    text: &'static str,
    organization: &str,
    dataset: &Dataset,
    hidden: &Hidden<'_>,
    now: Timestamp,
) -> Result<Statement, StoreError> {
    Ok(sql(text)
        .bind(dataset.uid.as_str())
        .bind(organization)
        .bind(&dataset.name)
        .bind(dataset.name.to_lowercase())
        .bind(dataset.slug.as_str())
        .bind(dataset.data_type.as_ref().map(DataType::as_str))
        .bind(dataset.visibility.as_ref().map_or("private", |who| who.as_str()))
        .bind(
            dataset
                .status
                .as_ref()
                .map_or("created", |status| status.as_str()),
        )
        .bind(dataset.item_count)
        .bind(dataset.is_sequence.unwrap_or(false))
        .bind(dataset.predefined_labels.as_ref().map(to_json).transpose()?)
        .bind(hidden.metadata.map(to_json).transpose()?)
        .bind(hidden.sealed_provider_config)
        .bind(dataset.created_at)
        .bind(dataset.updated_at.unwrap_or(now)))
}

/// A dataset of the organization.
pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uid: &str,
) -> Result<Option<Dataset>, StoreError> {
    let row = reach
        .narrow(
            sql(select!("organization = $1 AND uid = $2"))
                .bind(reach.organization)
                .bind(uid),
            None,
            Some("uid"),
        )
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(dataset).transpose()
}

/// Whether the organization has this dataset.
pub(crate) async fn is_there(
    connection: &mut Connection,
    organization: &str,
    uid: &str,
) -> Result<bool, StoreError> {
    let row = sql("SELECT uid FROM datasets WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn by_slug(
    reader: &Reader,
    reach: Reach<'_>,
    slug: &str,
) -> Result<Option<Dataset>, StoreError> {
    let row = reach
        .narrow(
            sql(select!("organization = $1 AND slug = $2"))
                .bind(reach.organization)
                .bind(slug),
            None,
            Some("uid"),
        )
        .fetch_optional(reader)
        .await?;
    row.as_ref().map(dataset).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    reach: Reach<'_>,
    filter: &Filter<'_>,
    window: Window,
) -> Result<Rows<Dataset>, StoreError> {
    let mut query = reach.narrow(
        sql(select!("organization = $1")).bind(reach.organization),
        None,
        Some("uid"),
    );
    for (column, value) in [
        (" AND data_type = ", filter.data_type),
        (" AND status = ", filter.status),
        (" AND visibility = ", filter.visibility),
    ] {
        if let Some(value) = value {
            query = query.push(column).push_bind(value);
        }
    }
    if let Some(part) = filter.name {
        query = query
            .push(" AND folded_name LIKE ")
            .push_bind(pattern(part))
            .push(" ESCAPE '\\'");
    }
    window.fetch(query, reader, dataset).await
}

/// Matches what has this in it, whatever it is made of.
fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "%"
}

fn dataset(row: &Row) -> Result<Dataset, StoreError> {
    Ok(Dataset {
        uid: row.get::<String>("uid")?.into(),
        name: row.get("name")?,
        slug: row.get::<String>("slug")?.into(),
        item_count: row.get("item_count")?,
        owner_name: row.get::<Option<String>>("owner_name")?.map(Into::into),
        status: Some(row.get::<String>("status")?.into()),
        data_type: Some(row.get::<String>("data_type")?.into()),
        is_sequence: Some(row.get("is_sequence")?),
        predefined_labels: json_or_null(row, "predefined_labels")?,
        visibility: Some(row.get::<String>("visibility")?.into()),
        project_count: None,
        size_bytes: None,
        annotations_count: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
