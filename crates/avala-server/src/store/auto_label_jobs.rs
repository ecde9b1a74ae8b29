//! Rows of auto-label jobs.

use avala_api::{
    Timestamp,
    auto_label_jobs::{AutoLabelJob, AutoLabelStatus, ModelType},
};

use super::{
    Connection, Executor, Reach, Reader, Row, Rows, Store, StoreError, Window, Written,
    rows::{instant, instant_or_null, json, json_or_null, to_json},
    sql, upsert,
};

/// Which jobs of an organization are asked for.
#[derive(Default)]
pub(crate) struct Filter<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
}

/// Writes a job of the organization as it is. `None` if its uid belongs to another organization.
pub(crate) async fn upsert(
    connection: &mut Connection,
    organization: &str,
    project: &str,
    job: &AutoLabelJob,
    now: Timestamp,
) -> Result<Option<Written>, StoreError> {
    let labels = to_json(&job.labels)?;
    let summary = job.summary.as_ref().map(to_json).transpose()?;
    let bound = |text: &'static str| {
        sql(text)
            .bind(job.uid.as_str())
            .bind(organization)
            .bind(project)
            .bind(job.model_type.as_ref().map(ModelType::as_str))
            .bind(job.confidence_threshold)
            .bind(&labels)
            .bind(job.dry_run)
            .bind(job.status.as_ref().map(AutoLabelStatus::as_str))
            .bind(job.total_items)
            .bind(job.processed_items)
            .bind(job.successful_items)
            .bind(job.failed_items)
            .bind(job.skipped_items)
            .bind(&job.error_message)
            .bind(&summary)
            .bind(job.started_at)
            .bind(job.completed_at)
            .bind(job.created_at.unwrap_or(now))
    };
    let insert = bound(
        "INSERT INTO auto_label_jobs (uid, organization, project, model_type, confidence_threshold, labels, dry_run,
         status, total_items, processed_items, successful_items, failed_items, skipped_items, error_message, summary,
         started_at, completed_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    );
    let update = bound(
        "UPDATE auto_label_jobs SET project = $3, model_type = $4, confidence_threshold = $5, labels = $6, dry_run = $7,
         status = $8, total_items = $9, processed_items = $10, successful_items = $11, failed_items = $12,
         skipped_items = $13, error_message = $14, summary = $15, started_at = $16, completed_at = $17, created_at = $18
         WHERE uid = $1 AND organization = $2",
    );
    upsert::upsert(connection, insert, update).await
}

pub(crate) async fn find<'c>(
    executor: impl Into<Executor<'c>>,
    reach: Reach<'_>,
    uid: &str,
) -> Result<Option<AutoLabelJob>, StoreError> {
    let row = reach
        .narrow(
            sql("SELECT * FROM auto_label_jobs WHERE organization = $1 AND uid = $2")
                .bind(reach.organization)
                .bind(uid),
            Some("project"),
            None,
        )
        .for_update()
        .fetch_optional(executor)
        .await?;
    row.as_ref().map(job).transpose()
}

pub(crate) async fn list(
    reader: &Reader,
    reach: Reach<'_>,
    filter: &Filter<'_>,
    window: Window,
) -> Result<Rows<AutoLabelJob>, StoreError> {
    let mut query = reach.narrow(
        sql("SELECT * FROM auto_label_jobs WHERE organization = $1").bind(reach.organization),
        Some("project"),
        None,
    );
    if let Some(project) = filter.project {
        query = query.push(" AND project = ").push_bind(project);
    }
    if let Some(status) = filter.status {
        query = query.push(" AND status = ").push_bind(status);
    }
    window.fetch(query, reader, job).await
}

/// The job runs; with it, how many tasks its project has. `None` if there is nothing to run.
pub(crate) async fn begin(
    store: &Store,
    uid: &str,
    now: Timestamp,
) -> Result<Option<(AutoLabelJob, i64)>, StoreError> {
    let statement = sql(
        "UPDATE auto_label_jobs SET status = 'running', started_at = coalesce(started_at, $1)
         WHERE uid = $2 AND status IN ('pending', 'running')
         RETURNING *, (SELECT count(*) FROM tasks WHERE tasks.project = auto_label_jobs.project) AS tasks",
    )
    .bind(now)
    .bind(uid);
    let row = store.record(statement).await?;
    row.map(|row| Ok((job(&row)?, row.get("tasks")?))).transpose()
}

/// Writes how a job ended.
pub(crate) async fn finish(connection: &mut Connection, job: &AutoLabelJob) -> Result<(), StoreError> {
    sql(
        "UPDATE auto_label_jobs SET status = $1, total_items = $2, skipped_items = $3, error_message = $4, summary = $5,
         completed_at = $6 WHERE uid = $7",
    )
    .bind(job.status.as_ref().map(AutoLabelStatus::as_str))
    .bind(job.total_items)
    .bind(job.skipped_items)
    .bind(&job.error_message)
    .bind(job.summary.as_ref().map(to_json).transpose()?)
    .bind(job.completed_at)
    .bind(job.uid.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a job up.
pub(crate) async fn fail(
    connection: &mut Connection,
    uid: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql(
        "UPDATE auto_label_jobs SET status = 'failed', error_message = $1, completed_at = $2
         WHERE uid = $3 AND status IN ('pending', 'running')",
    )
    .bind(reason)
    .bind(now)
    .bind(uid)
    .execute(connection)
    .await?;
    Ok(())
}

fn job(row: &Row) -> Result<AutoLabelJob, StoreError> {
    let status = AutoLabelStatus::from(row.get::<String>("status")?);
    let (total, processed): (i64, i64) = (row.get("total_items")?, row.get("processed_items")?);
    Ok(AutoLabelJob {
        uid: row.get::<String>("uid")?.into(),
        model_type: Some(row.get::<String>("model_type")?.into()),
        confidence_threshold: Some(row.get("confidence_threshold")?),
        labels: json(row, "labels")?,
        dry_run: row.get("dry_run")?,
        total_items: total,
        processed_items: processed,
        successful_items: row.get("successful_items")?,
        failed_items: row.get("failed_items")?,
        skipped_items: row.get("skipped_items")?,
        progress_pct: Some(percent(&status, total, processed)),
        status: Some(status),
        error_message: row.get("error_message")?,
        summary: json_or_null(row, "summary")?,
        started_at: instant_or_null(row, "started_at")?,
        completed_at: instant_or_null(row, "completed_at")?,
        created_at: Some(instant(row, "created_at")?),
        extra: avala_api::Extra::new(),
    })
}

/// In whole percent: items are counted, their pieces are not.
fn percent(status: &AutoLabelStatus, total: i64, processed: i64) -> f64 {
    if *status == AutoLabelStatus::Completed {
        return 100.0;
    }
    let whole = (processed.saturating_mul(100)).checked_div(total).unwrap_or(0);
    u8::try_from(whole.clamp(0, 100)).map_or(0.0, f64::from)
}
