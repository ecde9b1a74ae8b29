//! Rows of projects.

use avala_api::{Extra, TaskType, Timestamp, projects::Project};

use super::{
    Connection, Executor, Reach, Reader, Row, Rows, StoreError, Window, Written, rows::instant, sql, upsert,
};

/// The columns of `projects`, and the name of its owner.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT *, (SELECT slug FROM organizations o WHERE o.uid = projects.organization) AS owner_name
             FROM projects WHERE ",
            $rest
        )
    };
}

/// Writes a project of the organization. `None` if its uid belongs to another organization.
pub(crate) async fn upsert(
    connection: &mut Connection,
    organization: &str,
    project: &Project,
    now: Timestamp,
) -> Result<Option<Written>, StoreError> {
    let bound = |text: &'static str| {
        sql(text)
            .bind(project.uid.as_str())
            .bind(organization)
            .bind(&project.name)
            .bind(project.status.as_ref().map_or("active", |status| status.as_str()))
            .bind(project.task_type.as_ref().map(TaskType::as_str))
            .bind(project.visibility.as_ref().map_or("private", |who| who.as_str()))
            .bind(&project.short_description)
            .bind(project.created_at)
            .bind(project.updated_at.unwrap_or(now))
    };
    let update = bound(
        "UPDATE projects SET name = $3, status = $4, task_type = $5, visibility = $6, short_description = $7,
         created_at = coalesce($8, created_at), updated_at = $9 WHERE uid = $1 AND organization = $2",
    );
    let insert = bound(
        "INSERT INTO projects (uid, organization, name, status, task_type, visibility, short_description, created_at,
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, $9), $9)",
    );
    upsert::upsert(connection, insert, update).await
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uid: &str,
) -> Result<Option<Project>, StoreError> {
    let row = reach
        .narrow(
            sql(select!("organization = $1 AND uid = $2"))
                .bind(reach.organization)
                .bind(uid),
            Some("uid"),
            None,
        )
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(project).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    reach: Reach<'_>,
    window: Window,
) -> Result<Rows<Project>, StoreError> {
    let query = reach.narrow(
        sql(select!("organization = $1")).bind(reach.organization),
        Some("uid"),
        None,
    );
    window.fetch(query, reader, project).await
}

fn project(row: &Row) -> Result<Project, StoreError> {
    let status: String = row.get("status")?;
    Ok(Project {
        uid: row.get::<String>("uid")?.into(),
        name: row.get("name")?,
        is_active: Some(status == "active"),
        status: Some(status.into()),
        task_type: row.get::<Option<String>>("task_type")?.map(Into::into),
        visibility: Some(row.get::<String>("visibility")?.into()),
        is_imported: Some(false),
        owner_name: row.get("owner_name")?,
        short_description: row.get("short_description")?,
        industry_icon: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
