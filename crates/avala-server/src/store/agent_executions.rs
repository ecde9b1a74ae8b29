//! Rows of agents' executions.

use avala_api::{Extra, Timestamp, agent_actions::Action, agents::AgentExecution};
use serde_json::{Map, Value};
use sqlx::{QueryBuilder, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    Rows, StoreError, Window,
    rows::{instant, instant_or_null, json, to_json},
};

/// An event to be handed to an agent.
pub(crate) struct NewExecution<'a> {
    pub(crate) uid: &'a str,
    pub(crate) registration: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) event_payload: &'a Map<String, Value>,
    pub(crate) created_at: Timestamp,
}

/// Which executions of an agent are asked for.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    pub(crate) status: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    /// Empty for every type.
    pub(crate) task_types: &'a [String],
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewExecution<'_>,
) -> Result<(), StoreError> {
    let named = |member: &str| new.event_payload.get(member).and_then(Value::as_str);
    sqlx::query(
        "INSERT INTO agent_executions
         (uid, registration, event_type, task, result, status, event_payload, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)",
    )
    .bind(new.uid)
    .bind(new.registration)
    .bind(new.event_type)
    .bind(named("task_uid"))
    .bind(named("result_uid"))
    .bind(to_json(new.event_payload)?)
    .bind(new.created_at.unix_millis())
    .bind(new.created_at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// An execution of one of the organization's agents.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    organization: &str,
    uid: &str,
) -> Result<Option<AgentExecution>, StoreError> {
    let row = sqlx::query(
        "SELECT e.* FROM agent_executions e JOIN agents a ON a.uid = e.registration
         WHERE a.organization = ? AND e.uid = ?",
    )
    .bind(organization)
    .bind(uid)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(execution).transpose()
}

/// Writes an agent's decision.
pub(crate) async fn decide(
    connection: &mut SqliteConnection,
    uid: &str,
    action: &Action,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut response = Map::new();
    response.insert("action".into(), action.as_str().into());
    if let Some(reason) = reason {
        response.insert("reason".into(), reason.into());
    }
    sqlx::query(
        "UPDATE agent_executions SET status = 'success', action = ?, response_payload = ?,
         started_at = coalesce(started_at, ?), completed_at = ?, updated_at = ? WHERE uid = ?",
    )
    .bind(action.as_str())
    .bind(to_json(&response)?)
    .bind(now.unix_millis())
    .bind(now.unix_millis())
    .bind(now.unix_millis())
    .bind(uid)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    pool: &SqlitePool,
    registration: &str,
    filter: &Filter<'_>,
    window: Window,
) -> Result<Rows<AgentExecution>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM agent_executions WHERE registration = ");
    query.push_bind(registration.to_owned());
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.to_owned());
    }
    if let Some(project) = filter.project {
        query
            .push(" AND event_payload ->> '$.project_uid' = ")
            .push_bind(project.to_owned());
    }
    if !filter.task_types.is_empty() {
        query.push(" AND event_payload ->> '$.task_type' IN (");
        let mut types = query.separated(", ");
        for task_type in filter.task_types {
            types.push_bind(task_type.clone());
        }
        query.push(")");
    }
    window.fetch(query, pool, execution).await
}

fn execution(row: &SqliteRow) -> Result<AgentExecution, StoreError> {
    let response = row.try_get::<Option<&str>, _>("response_payload")?;
    Ok(AgentExecution {
        uid: row.try_get::<String, _>("uid")?.into(),
        registration: row.try_get::<String, _>("registration")?.into(),
        event_type: row.try_get::<&str, _>("event_type")?.into(),
        task: row.try_get("task")?,
        result: row.try_get("result")?,
        status: Some(row.try_get::<&str, _>("status")?.into()),
        action: row.try_get::<Option<&str>, _>("action")?.map(Into::into),
        event_payload: Some(json(row, "event_payload")?),
        response_payload: if response.is_some() {
            Some(json(row, "response_payload")?)
        } else {
            None
        },
        error_message: None,
        started_at: instant_or_null(row, "started_at")?,
        completed_at: instant_or_null(row, "completed_at")?,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
