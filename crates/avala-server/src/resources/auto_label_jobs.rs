//! Auto-label jobs: a model labels a project's items.

use avala_api::{
    Extra, FieldErrors, Page,
    auto_label_jobs::{AutoLabelJob, AutoLabelStatus, Cancel, Create, Get, List, ModelType},
    projects::ProjectUid,
};
use http::StatusCode;

use super::event_targets::finish;
use crate::{
    context::Context,
    paging,
    refusal::Refusal,
    store::{
        auto_label_jobs::{self, Filter},
        exports::known_projects,
        jobs::{self, Kind},
    },
};

const LONGEST_MODEL_TYPE: usize = 50;
const LONGEST_LABEL: usize = 255;
const MOST_LABELS: usize = 1000;
/// Of all labels, as JSON.
const MOST_LABEL_BYTES: usize = 16 * 1024;
pub(crate) const THRESHOLD: f64 = 0.5;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<AutoLabelJob>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let filter = Filter {
        project: operation.project.as_ref().map(ProjectUid::as_str),
        status: operation.status.as_ref().map(AutoLabelStatus::as_str),
    };
    let reach = context.caller()?.reach();
    let rows = auto_label_jobs::list(context.store().reader(), reach, &filter, window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<AutoLabelJob, Refusal> {
    let reach = context.caller()?.reach();
    let found = auto_label_jobs::find(context.store().reader(), reach, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

pub(super) async fn create(context: Context, operation: Create) -> Result<AutoLabelJob, Refusal> {
    let Create {
        project_uid,
        model_type,
        confidence_threshold,
        labels,
        dry_run,
    } = operation;
    let organization = context.caller()?.organization();
    let project = project_uid.as_str();
    if known_projects(context.store().reader(), context.caller()?.reach(), &[project])
        .await?
        .is_empty()
    {
        return Err(Refusal::not_found());
    }
    let model_type = model_type.unwrap_or(ModelType::Yolo);
    let threshold = confidence_threshold.unwrap_or(THRESHOLD);
    let labels = labels.unwrap_or_default();
    let mut errors = FieldErrors::default();
    match model_type.as_str() {
        text if text.trim().is_empty() => errors.add("model_type", "This field may not be blank."),
        text if text.len() > LONGEST_MODEL_TYPE => {
            errors.add("model_type", "Ensure this field has no more than 50 characters.");
        }
        _ => {}
    }
    if !(0.0..=1.0).contains(&threshold) {
        errors.add("confidence_threshold", "Must be between 0 and 1.");
    }
    if labels.len() > MOST_LABELS {
        errors.add("labels", "Ensure this list has no more than 1000 items.");
    }
    if serde_json::to_vec(&labels).is_ok_and(|text| text.len() > MOST_LABEL_BYTES) {
        errors.add("labels", "Ensure this field has no more than 16384 bytes.");
    }
    if labels
        .iter()
        .any(|label| label.trim().is_empty() || label.chars().count() > LONGEST_LABEL)
    {
        errors.add("labels", "Each must have 1 to 255 characters.");
    }
    finish(errors)?;

    let now = context.now();
    let uid = context.authority.random().uid()?;
    let job = AutoLabelJob {
        uid: uid.as_str().into(),
        status: Some(AutoLabelStatus::Pending),
        model_type: Some(model_type),
        confidence_threshold: Some(threshold),
        labels,
        dry_run: dry_run.unwrap_or(false),
        total_items: 0,
        processed_items: 0,
        successful_items: 0,
        failed_items: 0,
        skipped_items: 0,
        progress_pct: Some(0.0),
        error_message: None,
        summary: None,
        started_at: None,
        completed_at: None,
        created_at: Some(now),
        extra: Extra::new(),
    };
    let mut change = context.store().change().await?;
    auto_label_jobs::upsert(change.connection(), organization, project, &job, now)
        .await
        .map_err(|error| {
            // The project was deleted meanwhile.
            if error.is_missing_parent() {
                Refusal::not_found()
            } else {
                error.into()
            }
        })?;
    jobs::insert(change.connection(), Kind::AutoLabel, &uid, now).await?;
    context.commit(change, "auto_label_job.create", &uid).await?;
    context.jobs.made();
    Ok(job)
}

/// Ends a job that has not ended. One that was cancelled before stays so: the call may be repeated.
pub(super) async fn cancel(context: Context, operation: Cancel) -> Result<(), Refusal> {
    let uid = operation.uid.as_str();
    let mut change = context.store().change().await?;
    // First, as a worker that ends the job does: in another order the two could wait for each other.
    jobs::cancel(change.connection(), Kind::AutoLabel, uid).await?;
    let found = auto_label_jobs::find(change.connection(), context.caller()?.reach(), uid).await?;
    let mut job = found.ok_or_else(Refusal::not_found)?;
    match job.status {
        Some(AutoLabelStatus::Cancelled) => return Ok(()),
        Some(AutoLabelStatus::Pending | AutoLabelStatus::Running) => {}
        _ => {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "The job has ended. Only a pending or running one can be cancelled.",
                "job_ended",
            ));
        }
    }
    job.status = Some(AutoLabelStatus::Cancelled);
    job.completed_at = Some(context.now());
    auto_label_jobs::finish(change.connection(), &job).await?;
    context.commit(change, "auto_label_job.cancel", uid).await
}
