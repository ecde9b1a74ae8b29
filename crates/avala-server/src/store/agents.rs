//! Rows of agents.

use std::collections::BTreeMap;

use avala_api::{Extra, Timestamp, agents::Agent};
use sqlx::{QueryBuilder, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    Rows, StoreError, Window,
    rows::{instant, json, to_json},
};

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    organization: &str,
    agent: &Agent,
    sealed_secret: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO agents (uid, organization, name, description, events, callback_url, is_active, project, task_types,
         secret, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(now.unix_millis())
    .bind(now.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes an agent back; its secret only if there is a new one.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    agent: &Agent,
    sealed_secret: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE agents SET name = ?, description = ?, events = ?, callback_url = ?, is_active = ?, project = ?,
         task_types = ?, secret = coalesce(?, secret), updated_at = ? WHERE uid = ?",
    )
    .bind(&agent.name)
    .bind(&agent.description)
    .bind(to_json(&agent.events)?)
    .bind(&agent.callback_url)
    .bind(agent.is_active)
    .bind(&agent.project)
    .bind(to_json(&agent.task_types)?)
    .bind(sealed_secret)
    .bind(now.unix_millis())
    .bind(agent.uid.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether there was one to delete.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    organization: &str,
    uid: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM agents WHERE organization = ? AND uid = ?")
        .bind(organization)
        .bind(uid)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn find<'c>(
    executor: impl sqlx::SqliteExecutor<'c>,
    organization: &str,
    uid: &str,
) -> Result<Option<Agent>, StoreError> {
    let row = sqlx::query("SELECT * FROM agents WHERE organization = ? AND uid = ?")
        .bind(organization)
        .bind(uid)
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(agent).transpose()
}

pub(crate) async fn find_by_name(
    connection: &mut SqliteConnection,
    organization: &str,
    name: &str,
) -> Result<Option<Agent>, StoreError> {
    let row = sqlx::query("SELECT * FROM agents WHERE organization = ? AND name = ?")
        .bind(organization)
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(agent).transpose()
}

pub(crate) async fn list(
    pool: &SqlitePool,
    organization: &str,
    window: Window,
) -> Result<Rows<Agent>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM agents WHERE organization = ");
    query.push_bind(organization.to_owned());
    window.fetch(query, pool, agent).await
}

/// How many executions an agent has in each state.
pub(crate) async fn execution_stats(
    pool: &SqlitePool,
    uid: &str,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows = sqlx::query(
        "SELECT status, count(*) AS n FROM agent_executions WHERE registration = ? GROUP BY status",
    )
    .bind(uid)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("status")?, row.try_get("n")?)))
        .collect()
}

fn agent(row: &SqliteRow) -> Result<Agent, StoreError> {
    Ok(Agent {
        uid: row.try_get::<String, _>("uid")?.into(),
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        events: json(row, "events")?,
        callback_url: row.try_get("callback_url")?,
        is_active: row.try_get("is_active")?,
        project: row.try_get("project")?,
        task_types: json(row, "task_types")?,
        secret: None,
        execution_stats: None,
        created_at: Some(instant(row, "created_at")?),
        updated_at: Some(instant(row, "updated_at")?),
        extra: Extra::new(),
    })
}
