//! Rows of agents' executions.

use avala_api::{Extra, Timestamp, agent_actions::Action, agents::AgentExecution};
use serde_json::{Map, Value};

use super::{
    Connection, Reader, Row, Rows, StoreError, Window,
    rows::{instant, instant_or_null, json, json_or_null, to_json},
    sql,
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

pub(crate) async fn insert(connection: &mut Connection, new: &NewExecution<'_>) -> Result<(), StoreError> {
    let named = |member: &str| new.event_payload.get(member).and_then(Value::as_str);
    sql(
        "INSERT INTO agent_executions
         (uid, registration, event_type, task, result, project, task_type, status, event_payload, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $9)",
    )
    .bind(new.uid)
    .bind(new.registration)
    .bind(new.event_type)
    .bind(named("task_uid"))
    .bind(named("result_uid"))
    .bind(named("project_uid"))
    .bind(named("task_type"))
    .bind(to_json(new.event_payload)?)
    .bind(new.created_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// An execution of one of the organization's agents.
pub(crate) async fn find(
    connection: &mut Connection,
    organization: &str,
    uid: &str,
) -> Result<Option<AgentExecution>, StoreError> {
    let row = sql("SELECT * FROM agent_executions
         WHERE registration IN (SELECT uid FROM agents WHERE organization = $1) AND uid = $2")
    .bind(organization)
    .bind(uid)
    .for_update()
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(execution).transpose()
}

/// Writes an agent's decision.
pub(crate) async fn decide(
    connection: &mut Connection,
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
    sql(
        "UPDATE agent_executions SET status = 'success', action = $1, response_payload = $2,
         started_at = coalesce(started_at, $3), completed_at = $3, updated_at = $3 WHERE uid = $4",
    )
    .bind(action.as_str())
    .bind(to_json(&response)?)
    .bind(now)
    .bind(uid)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn list(
    reader: &Reader,
    registration: &str,
    filter: &Filter<'_>,
    window: Window,
) -> Result<Rows<AgentExecution>, StoreError> {
    let mut query = sql("SELECT * FROM agent_executions WHERE registration = $1").bind(registration);
    if let Some(status) = filter.status {
        query = query.push(" AND status = ").push_bind(status);
    }
    if let Some(project) = filter.project {
        query = query.push(" AND project = ").push_bind(project);
    }
    if !filter.task_types.is_empty() {
        query = query.push(" AND task_type IN ").push_list(filter.task_types);
    }
    window.fetch(query, reader, execution).await
}

fn execution(row: &Row) -> Result<AgentExecution, StoreError> {
    Ok(AgentExecution {
        uid: row.get::<String>("uid")?.into(),
        registration: row.get::<String>("registration")?.into(),
        event_type: row.get::<String>("event_type")?.into(),
        task: row.get("task")?,
        result: row.get("result")?,
        status: Some(row.get::<String>("status")?.into()),
        action: row.get::<Option<String>>("action")?.map(Into::into),
        event_payload: Some(json(row, "event_payload")?),
        response_payload: json_or_null(row, "response_payload")?,
        error_message: None,
        started_at: instant_or_null(row, "started_at")?,
        completed_at: instant_or_null(row, "completed_at")?,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
