//! What an export is made of: tasks with their results, piece by piece.

use std::collections::HashMap;

use avala_api::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    Reader, Row, Statement, StoreError,
    rows::{instant, json, json_or_null},
    sql,
};

/// Which tasks an export has.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) organization: &'a str,
    pub(crate) projects: Vec<&'a str>,
    pub(crate) datasets: Vec<&'a str>,
    pub(crate) status: Option<&'a str>,
}

/// A task as an export has it.
#[derive(Debug, Serialize)]
pub(crate) struct ExportedTask {
    #[serde(skip)]
    pub(crate) position: i64,
    uid: String,
    project: String,
    dataset: Option<String>,
    #[serde(rename = "type")]
    task_type: Option<String>,
    name: Option<String>,
    status: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    results: Vec<ExportedResult>,
}

/// A result as an export has it.
#[derive(Debug, Serialize)]
struct ExportedResult {
    uid: String,
    status: Option<String>,
    data: Value,
    metadata: Option<Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

pub(crate) async fn count(reader: &Reader, selection: &Selection<'_>) -> Result<i64, StoreError> {
    let statement = sql("SELECT count(*) AS n FROM tasks");
    selection.select(statement).fetch_one(reader).await?.get("n")
}

/// The tasks after a position, at most so many, with their results.
pub(crate) async fn after(
    reader: &Reader,
    selection: &Selection<'_>,
    position: i64,
    most: u32,
) -> Result<Vec<ExportedTask>, StoreError> {
    let rows = selection
        .select(sql("SELECT * FROM tasks"))
        .push(" AND position > ")
        .push_bind(position)
        .push(" ORDER BY position LIMIT ")
        .push_bind(most)
        .fetch_all(reader)
        .await?;
    let mut tasks: Vec<ExportedTask> = rows.iter().map(task).collect::<Result<_, _>>()?;
    if tasks.is_empty() {
        return Ok(tasks);
    }
    let rows = sql("SELECT * FROM results WHERE task IN ")
        .push_list(tasks.iter().map(|task| &task.uid))
        .push(" ORDER BY position")
        .fetch_all(reader)
        .await?;
    let mut by_task: HashMap<String, Vec<ExportedResult>> = HashMap::new();
    for row in &rows {
        by_task.entry(row.get("task")?).or_default().push(result(row)?);
    }
    for task in &mut tasks {
        task.results = by_task.remove(&task.uid).unwrap_or_default();
    }
    Ok(tasks)
}

impl Selection<'_> {
    /// Begins the `WHERE` clause.
    fn select(&self, statement: Statement) -> Statement {
        let mut statement = statement
            .push(" WHERE organization = ")
            .push_bind(self.organization)
            .push(" AND (");
        let mut is_first = true;
        for (column, uids) in [("project IN ", &self.projects), ("dataset IN ", &self.datasets)] {
            if !uids.is_empty() {
                statement = statement
                    .push(if is_first { "" } else { " OR " })
                    .push(column)
                    .push_list(uids.iter().copied());
                is_first = false;
            }
        }
        statement = statement.push(if is_first { "FALSE)" } else { ")" });
        if let Some(status) = self.status {
            statement = statement.push(" AND status = ").push_bind(status);
        }
        statement
    }
}

fn task(row: &Row) -> Result<ExportedTask, StoreError> {
    Ok(ExportedTask {
        position: row.get("position")?,
        uid: row.get("uid")?,
        project: row.get("project")?,
        dataset: row.get("dataset")?,
        task_type: row.get("type")?,
        name: row.get("name")?,
        status: row.get("status")?,
        created_at: instant(row, "created_at")?,
        updated_at: instant(row, "updated_at")?,
        results: Vec::new(),
    })
}

fn result(row: &Row) -> Result<ExportedResult, StoreError> {
    Ok(ExportedResult {
        uid: row.get("uid")?,
        status: row.get("status")?,
        data: json(row, "data")?,
        metadata: json_or_null(row, "metadata")?,
        created_at: instant(row, "created_at")?,
        updated_at: instant(row, "updated_at")?,
    })
}
