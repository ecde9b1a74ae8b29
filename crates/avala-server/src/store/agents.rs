//! Rows of agents.

use std::collections::BTreeMap;

use avala_api::{Extra, Timestamp, agents::Agent};

use super::{
    Connection, Executor, Reader, Row, Rows, StoreError, Window,
    rows::{instant, json, to_json},
    sql,
};

/// What an agent's secret is sealed for.
pub(crate) fn secret_row(uid: &str) -> String {
    format!("agent {uid}")
}

pub(crate) async fn insert(
    connection: &mut Connection,
    organization: &str,
    agent: &Agent,
    sealed_secret: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "INSERT INTO agents (uid, organization, name, description, events, callback_url, is_active, project, task_types,
         secret, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
    )
    .bind(agent.uid.as_str())
    .bind(organization)
    .bind(&agent.name)
    .bind(&agent.description)
    .bind(to_json(&agent.events)?)
    .bind(&agent.callback_url)
    .bind(agent.is_active)
    .bind(&agent.project)
    .bind(to_json(&agent.task_types)?)
    .bind(sealed_secret)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes an agent back; its secret only if there is a new one.
pub(crate) async fn update(
    connection: &mut Connection,
    agent: &Agent,
    sealed_secret: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "UPDATE agents SET name = $1, description = $2, events = $3, callback_url = $4, is_active = $5, project = $6,
         task_types = $7, secret = coalesce($8, secret), updated_at = $9 WHERE uid = $10",
    )
    .bind(&agent.name)
    .bind(&agent.description)
    .bind(to_json(&agent.events)?)
    .bind(&agent.callback_url)
    .bind(agent.is_active)
    .bind(&agent.project)
    .bind(to_json(&agent.task_types)?)
    .bind(sealed_secret)
    .bind(now)
    .bind(agent.uid.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether there was one to delete.
pub(crate) async fn delete(
    connection: &mut Connection,
    organization: &str,
    uid: &str,
) -> Result<bool, StoreError> {
    let done = sql("DELETE FROM agents WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(done > 0)
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    organization: &str,
    uid: &str,
) -> Result<Option<Agent>, StoreError> {
    let row = sql("SELECT * FROM agents WHERE organization = $1 AND uid = $2")
        .bind(organization)
        .bind(uid)
        .for_update()
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(agent).transpose()
}

pub(crate) async fn find_by_name(
    connection: &mut Connection,
    organization: &str,
    name: &str,
) -> Result<Option<Agent>, StoreError> {
    let row = sql("SELECT * FROM agents WHERE organization = $1 AND name = $2")
        .bind(organization)
        .bind(name)
        .for_update()
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(agent).transpose()
}

/// Whose the agent is.
pub(crate) async fn organization(
    connection: &mut Connection,
    uid: &str,
) -> Result<Option<String>, StoreError> {
    let row = sql("SELECT organization FROM agents WHERE uid = $1")
        .bind(uid)
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.get("organization")).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    organization: &str,
    window: Window,
) -> Result<Rows<Agent>, StoreError> {
    let query = sql("SELECT * FROM agents WHERE organization = $1").bind(organization);
    window.fetch(query, reader, agent).await
}

/// How many executions an agent has in each state.
pub(crate) async fn execution_stats(reader: &Reader, uid: &str) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows =
        sql("SELECT status, count(*) AS n FROM agent_executions WHERE registration = $1 GROUP BY status")
            .bind(uid)
            .fetch_all(reader)
            .await?;
    rows.iter()
        .map(|row| Ok((row.get("status")?, row.get("n")?)))
        .collect()
}

fn agent(row: &Row) -> Result<Agent, StoreError> {
    Ok(Agent {
        uid: row.get::<String>("uid")?.into(),
        name: row.get("name")?,
        description: row.get("description")?,
        events: json(row, "events")?,
        callback_url: row.get("callback_url")?,
        is_active: row.get("is_active")?,
        project: row.get("project")?,
        task_types: json(row, "task_types")?,
        secret: None,
        execution_stats: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
