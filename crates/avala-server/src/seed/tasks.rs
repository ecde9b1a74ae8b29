//! The section `tasks`, each with its results.

use avala_api::{
    Extra, FieldErrors, TaskType, Timestamp,
    projects::ProjectUid,
    tasks::{self as api, TaskStatus, TaskUid},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Loading, Row, SeedError, check_known};
use crate::store::{
    Written,
    results::{self, NewResult},
    tasks,
};

/// A task of a project, pending unless it says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    uid: TaskUid,
    project: ProjectUid,
    dataset: Option<String>,
    r#type: Option<TaskType>,
    name: Option<String>,
    status: Option<TaskStatus>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    #[serde(default)]
    results: Vec<TaskResult>,
}

/// What was annotated in a task.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskResult {
    uid: String,
    status: Option<String>,
    data: Value,
    metadata: Option<Map<String, Value>>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl Row for Task {
    const SECTION: &'static str = "tasks";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let mut errors = FieldErrors::default();
        let kind = self.r#type.as_ref().map(TaskType::as_str);
        check_known("type", kind, TaskType::KNOWN, &mut errors);
        let status = self.status.as_ref().map(TaskStatus::as_str);
        check_known("status", status, TaskStatus::KNOWN, &mut errors);
        if !loading.has_project(self.project.as_str()).await? {
            errors.add("project", "The organization has no such project.");
        }
        if let Some(dataset) = &self.dataset
            && !loading.has_dataset(dataset).await?
        {
            errors.add("dataset", "The organization has no such dataset.");
        }
        SeedError::check(path, errors)?;

        let task = api::Task {
            uid: self.uid.clone(),
            task_type: self.r#type.clone(),
            name: self.name.clone(),
            status: self.status.clone(),
            project: Some(self.project.clone()),
            created_at: self.created_at,
            updated_at: self.updated_at,
            extra: Extra::new(),
        };
        let (organization, now, dataset) = (loading.organization, loading.now, self.dataset.as_deref());
        let written = tasks::upsert(loading.connection(), organization, &task, dataset, now).await?;
        if written.is_some() {
            let results: Vec<OfTask<'_>> = self
                .results
                .iter()
                .map(|result| OfTask(self.uid(), result))
                .collect();
            loading.rows(&format!("{path}.results"), &results).await?;
        }
        Ok(written)
    }
}

/// A result, and the task it stands in.
struct OfTask<'a>(&'a str, &'a TaskResult);

impl Row for OfTask<'_> {
    const SECTION: &'static str = "results";

    fn uid(&self) -> &str {
        &self.1.uid
    }

    async fn write(&self, loading: &mut Loading<'_>, _: &str) -> Result<Option<Written>, SeedError> {
        let Self(task, result) = self;
        let new = NewResult {
            uid: &result.uid,
            task,
            status: result.status.as_deref().unwrap_or("submitted"),
            data: &result.data,
            metadata: result.metadata.as_ref(),
            created_at: result.created_at,
            updated_at: result.updated_at.unwrap_or(loading.now),
        };
        Ok(results::upsert(loading.connection(), &new).await?)
    }
}
