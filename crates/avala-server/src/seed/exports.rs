//! The section `exports`: those that came to an end without a file, or have not come to one.

use avala_api::{
    Extra, FieldErrors, Timestamp,
    datasets::DatasetUid,
    exports::{self as api, ExportStatus, ExportUid},
    projects::ProjectUid,
};
use serde::Deserialize;

use super::{Loading, Row, SeedError, check_known};
use crate::store::{
    Written, exports,
    jobs::{self, Kind},
};

/// What can be declared: a finished export has a file, and a seed has none.
const STATUSES: &[&str] = &["pending", "failed"];

/// An export. No worker carries it out, even if one has begun.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    uid: ExportUid,
    status: ExportStatus,
    name: Option<String>,
    #[serde(default)]
    projects: Vec<ProjectUid>,
    #[serde(default)]
    datasets: Vec<DatasetUid>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl Row for Export {
    const SECTION: &'static str = "exports";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let mut errors = FieldErrors::default();
        check_known("status", Some(self.status.as_str()), STATUSES, &mut errors);
        for project in &self.projects {
            if !loading.has_project(project.as_str()).await? {
                errors.add("projects", "The organization has no such project.");
            }
        }
        for dataset in &self.datasets {
            if !loading.has_dataset(dataset.as_str()).await? {
                errors.add("datasets", "The organization has no such dataset.");
            }
        }
        SeedError::check(path, errors)?;

        let export = api::Export {
            uid: self.uid.clone(),
            status: Some(self.status.clone()),
            download_url: None,
            name: self.name.clone(),
            format: Some(api::ExportFormat::AvalaJsonExternal),
            filter_query_string: None,
            total_task_count: None,
            exported_task_count: None,
            datasets: self.datasets.clone(),
            slices: Vec::new(),
            projects: self.projects.clone(),
            organization: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            extra: Extra::new(),
        };
        let (organization, now) = (loading.organization, loading.now);
        jobs::cancel(loading.connection(), Kind::Export, self.uid()).await?;
        Ok(exports::upsert(loading.connection(), organization, &export, now).await?)
    }
}
