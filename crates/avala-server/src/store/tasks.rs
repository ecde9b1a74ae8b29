//! Rows of tasks.

use avala_api::{Extra, TaskType, Timestamp, projects::ProjectUid, tasks::Task};

use super::{
    Connection, Executor, Reach, Reader, Row, Rows, StoreError, Window, Written, rows::instant, sql, upsert,
};

/// Which tasks are asked for.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
}

/// Writes a task of the organization. `None` if its uid belongs to another organization.
pub(crate) async fn upsert(
    connection: &mut Connection,
    organization: &str,
    task: &Task,
    dataset: Option<&str>,
    now: Timestamp,
) -> Result<Option<Written>, StoreError> {
    let bound = |text: &'static str| {
        sql(text)
            .bind(task.uid.as_str())
            .bind(organization)
            .bind(task.project.as_ref().map(ProjectUid::as_str))
            .bind(dataset)
            .bind(task.task_type.as_ref().map(TaskType::as_str))
            .bind(&task.name)
            .bind(task.status.as_ref().map_or("pending", |status| status.as_str()))
            .bind(task.created_at)
            .bind(task.updated_at.unwrap_or(now))
    };
    let update = bound(
        "UPDATE tasks SET project = $3, dataset = $4, type = $5, name = $6, status = $7,
         created_at = coalesce($8, created_at), updated_at = $9 WHERE uid = $1 AND organization = $2",
    );
    let insert = bound(
        "INSERT INTO tasks (uid, organization, project, dataset, type, name, status, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, $9), $9)",
    );
    upsert::upsert(connection, insert, update).await
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uid: &str,
) -> Result<Option<Task>, StoreError> {
    let row = reach
        .narrow(
            sql("SELECT * FROM tasks WHERE organization = $1 AND uid = $2")
                .bind(reach.organization)
                .bind(uid),
            Some("project"),
            Some("dataset"),
        )
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(task).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    reach: Reach<'_>,
    filter: &Filter<'_>,
    window: Window,
) -> Result<Rows<Task>, StoreError> {
    let mut query = reach.narrow(
        sql("SELECT * FROM tasks WHERE organization = $1").bind(reach.organization),
        Some("project"),
        Some("dataset"),
    );
    if let Some(project) = filter.project {
        query = query.push(" AND project = ").push_bind(project);
    }
    if let Some(status) = filter.status {
        query = query.push(" AND status = ").push_bind(status);
    }
    window.fetch(query, reader, task).await
}

fn task(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        uid: row.get::<String>("uid")?.into(),
        task_type: row.get::<Option<String>>("type")?.map(Into::into),
        name: row.get("name")?,
        status: Some(row.get::<String>("status")?.into()),
        project: Some(row.get::<String>("project")?.into()),
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
