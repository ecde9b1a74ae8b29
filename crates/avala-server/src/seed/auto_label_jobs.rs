//! The section `auto_label_jobs`.

use avala_api::{
    Extra, FieldErrors, Timestamp,
    auto_label_jobs::{self as api, AutoLabelJobUid, AutoLabelStatus, ModelType},
    projects::ProjectUid,
};
use serde::Deserialize;

use super::{Loading, Row, SeedError, check_known};
use crate::{
    resources::auto_label_jobs::THRESHOLD,
    store::{
        Written, auto_label_jobs,
        jobs::{self, Kind},
    },
};

/// A job of a project, as far as it is declared to have come. No worker carries it out, even if one has begun.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AutoLabelJob {
    uid: AutoLabelJobUid,
    project: ProjectUid,
    status: AutoLabelStatus,
    model_type: Option<ModelType>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    total_items: i64,
    #[serde(default)]
    processed_items: i64,
    error_message: Option<String>,
    created_at: Option<Timestamp>,
}

impl Row for AutoLabelJob {
    const SECTION: &'static str = "auto_label_jobs";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let mut errors = FieldErrors::default();
        check_known(
            "status",
            Some(self.status.as_str()),
            AutoLabelStatus::KNOWN,
            &mut errors,
        );
        let model = self.model_type.as_ref().map(ModelType::as_str);
        check_known("model_type", model, ModelType::KNOWN, &mut errors);
        if !loading.has_project(self.project.as_str()).await? {
            errors.add("project", "The organization has no such project.");
        }
        if self.total_items < 0 || self.processed_items < 0 {
            errors.add("total_items", "No number of items is negative.");
        }
        SeedError::check(path, errors)?;

        let job = api::AutoLabelJob {
            uid: self.uid.clone(),
            status: Some(self.status.clone()),
            model_type: Some(self.model_type.clone().unwrap_or(ModelType::Yolo)),
            confidence_threshold: Some(THRESHOLD),
            labels: self.labels.clone(),
            dry_run: false,
            total_items: self.total_items,
            processed_items: self.processed_items,
            successful_items: 0,
            failed_items: 0,
            skipped_items: 0,
            progress_pct: None,
            error_message: self.error_message.clone(),
            summary: None,
            started_at: None,
            completed_at: None,
            created_at: self.created_at,
            extra: Extra::new(),
        };
        let (organization, now) = (loading.organization, loading.now);
        jobs::cancel(loading.connection(), Kind::AutoLabel, self.uid()).await?;
        let project = self.project.as_str();
        Ok(auto_label_jobs::upsert(loading.connection(), organization, project, &job, now).await?)
    }
}
