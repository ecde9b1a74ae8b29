//! Rows of exports.

use avala_api::{
    Timestamp,
    exports::{Export, ExportFormat, ExportStatus},
};
use serde_json::Map;

use super::{
    Connection, Executor, Reach, Reader, Row, Rows, Statement, Store, StoreError, Window, Written,
    rows::{instant, json, to_json},
    sql, upsert,
};

/// The columns of an export, and what its answer tells of its organization.
const SELECT: &str = "SELECT exports.*, (SELECT slug FROM organizations WHERE uid = exports.organization) AS slug,
     (SELECT name FROM organizations WHERE uid = exports.organization) AS organization_name FROM exports WHERE ";

/// Writes an export of the organization as it is. `None` if its uid belongs to another organization.
pub(crate) async fn upsert(
    connection: &mut Connection,
    organization: &str,
    export: &Export,
    now: Timestamp,
) -> Result<Option<Written>, StoreError> {
    let (projects, datasets) = (to_json(&export.projects)?, to_json(&export.datasets)?);
    let bound = |text: &'static str| {
        sql(text)
            .bind(export.uid.as_str())
            .bind(organization)
            .bind(&export.name)
            .bind(export.format.as_ref().map(ExportFormat::as_str))
            .bind(&export.filter_query_string)
            .bind(&projects)
            .bind(&datasets)
            .bind(export.status.as_ref().map(ExportStatus::as_str))
            .bind(export.total_task_count)
            .bind(export.exported_task_count)
            .bind(export.created_at)
            .bind(export.updated_at.unwrap_or(now))
    };
    let insert = bound(
        "INSERT INTO exports (uid, organization, name, format, filter_query_string, projects, datasets, status,
         total_task_count, exported_task_count, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, $12), $12)",
    );
    let update = bound(
        "UPDATE exports SET name = $3, format = $4, filter_query_string = $5, projects = $6, datasets = $7, status = $8,
         total_task_count = $9, exported_task_count = $10, created_at = coalesce($11, created_at), updated_at = $12
         WHERE uid = $1 AND organization = $2",
    );
    upsert::upsert(connection, insert, update).await
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uid: &str,
) -> Result<Option<Export>, StoreError> {
    let executor = executor.into();
    let elements = executor.json_elements();
    let row = narrow(reach, of_organization(reach), elements)
        .push(" AND uid = ")
        .push_bind(uid)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(export).transpose()
}

/// The export of this uid, and whose it is: for whoever makes its file.
pub(crate) async fn find_with_organization(
    reader: &Reader,
    uid: &str,
) -> Result<Option<(Export, String)>, StoreError> {
    let row = sql(SELECT)
        .push("uid = ")
        .push_bind(uid)
        .fetch_optional(reader)
        .await?;
    row.map(|row| Ok((export(&row)?, row.get("organization")?)))
        .transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    reach: Reach<'_>,
    window: Window,
) -> Result<Rows<Export>, StoreError> {
    let elements = Executor::from(reader).json_elements();
    let query = narrow(reach, of_organization(reach), elements);
    window.fetch(query, reader, export).await
}

fn of_organization(reach: Reach<'_>) -> Statement {
    sql(SELECT).push("organization = ").push_bind(reach.organization)
}

/// Leaves those out that were made of anything out of reach. The function makes rows of a list in JSON.
fn narrow(reach: Reach<'_>, mut statement: Statement, elements: &str) -> Statement {
    let Some(resources) = reach.resources else {
        return statement;
    };
    for (column, uids) in [
        ("exports.projects", &resources.projects),
        ("exports.datasets", &resources.datasets),
    ] {
        statement = statement
            .push(" AND NOT EXISTS (SELECT 1 FROM ")
            .push(&elements.replace("{}", column))
            .push(" WHERE TRUE");
        if !uids.is_empty() {
            statement = statement.push(" AND one.value NOT IN ").push_list(uids);
        }
        statement = statement.push(")");
    }
    statement
}

/// How many exports of the organization wait for a worker, or have one.
pub(crate) async fn count_unfinished(
    connection: &mut Connection,
    organization: &str,
) -> Result<i64, StoreError> {
    sql(
        "SELECT count(*) AS n FROM jobs JOIN exports ON exports.uid = jobs.object
         WHERE jobs.kind = 'export' AND exports.organization = $1",
    )
    .bind(organization)
    .fetch_one(connection)
    .await?
    .get("n")
}

/// The file is being made, of so many tasks.
pub(crate) async fn begin(store: &Store, uid: &str, total: i64, now: Timestamp) -> Result<(), StoreError> {
    let statement = sql(
        "UPDATE exports SET status = 'processing', total_task_count = $1, exported_task_count = 0,
         updated_at = $2 WHERE uid = $3 AND status IN ('requested', 'processing')",
    )
    .bind(total)
    .bind(now)
    .bind(uid);
    store.record(statement).await?;
    Ok(())
}

/// So many tasks are in the file.
pub(crate) async fn advance(store: &Store, uid: &str, count: i64, now: Timestamp) -> Result<(), StoreError> {
    let statement =
        sql("UPDATE exports SET exported_task_count = $1, updated_at = $2 WHERE uid = $3 AND status = 'processing'")
            .bind(count)
            .bind(now)
            .bind(uid);
    store.record(statement).await?;
    Ok(())
}

/// The file is there, with so many tasks.
pub(crate) async fn finish(
    connection: &mut Connection,
    uid: &str,
    count: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "UPDATE exports SET status = 'exported', total_task_count = $1, exported_task_count = $1, updated_at = $2
         WHERE uid = $3",
    )
    .bind(count)
    .bind(now)
    .bind(uid)
    .execute(connection)
    .await?;
    Ok(())
}

/// There will be no file.
pub(crate) async fn fail(connection: &mut Connection, uid: &str, now: Timestamp) -> Result<(), StoreError> {
    sql("UPDATE exports SET status = 'failed', updated_at = $1 WHERE uid = $2")
        .bind(now)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(())
}

/// Which of these projects are the organization's.
pub(crate) async fn known_projects<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uids: &[&str],
) -> Result<Vec<String>, StoreError> {
    let statement = sql("SELECT uid FROM projects WHERE organization = $1").bind(reach.organization);
    known(reach.narrow(statement, Some("uid"), None), executor, uids).await
}

/// Which of these datasets are the organization's.
pub(crate) async fn known_datasets<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uids: &[&str],
) -> Result<Vec<String>, StoreError> {
    let statement = sql("SELECT uid FROM datasets WHERE organization = $1").bind(reach.organization);
    known(reach.narrow(statement, None, Some("uid")), executor, uids).await
}

async fn known<'c>(
    statement: Statement,
    executor: impl Into<Executor<'c>>,
    uids: &[&str],
) -> Result<Vec<String>, StoreError> {
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = statement
        .push(" AND uid IN ")
        .push_list(uids.iter().copied())
        .fetch_all(executor)
        .await?;
    rows.iter().map(|row| row.get("uid")).collect()
}

fn export(row: &Row) -> Result<Export, StoreError> {
    let mut organization = Map::new();
    for (member, column) in [
        ("uid", "organization"),
        ("slug", "slug"),
        ("name", "organization_name"),
    ] {
        organization.insert(member.to_owned(), row.get::<String>(column)?.into());
    }
    Ok(Export {
        uid: row.get::<String>("uid")?.into(),
        status: Some(row.get::<String>("status")?.into()),
        download_url: None,
        name: row.get("name")?,
        format: Some(row.get::<String>("format")?.into()),
        filter_query_string: row.get("filter_query_string")?,
        total_task_count: row.get("total_task_count")?,
        exported_task_count: row.get("exported_task_count")?,
        datasets: json(row, "datasets")?,
        slices: Vec::new(),
        projects: json(row, "projects")?,
        organization: Some(organization),
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: avala_api::Extra::new(),
    })
}
