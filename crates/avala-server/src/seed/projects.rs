//! The section `projects`.

use avala_api::{
    Extra, FieldErrors, TaskType, Timestamp, Visibility,
    projects::{self as api, ProjectStatus, ProjectUid},
};
use serde::Deserialize;

use super::{Loading, Row, SeedError, check_known};
use crate::store::{Written, projects};

const LONGEST_NAME: usize = 100;

/// A project, active and private unless it says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Project {
    uid: ProjectUid,
    name: String,
    status: Option<ProjectStatus>,
    task_type: Option<TaskType>,
    visibility: Option<Visibility>,
    short_description: Option<String>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl Row for Project {
    const SECTION: &'static str = "projects";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let mut errors = FieldErrors::default();
        if self.name.trim().is_empty() || self.name.chars().count() > LONGEST_NAME {
            errors.add("name", "1 to 100 characters.");
        }
        let status = self.status.as_ref().map(ProjectStatus::as_str);
        check_known("status", status, ProjectStatus::KNOWN, &mut errors);
        let kind = self.task_type.as_ref().map(TaskType::as_str);
        check_known("task_type", kind, TaskType::KNOWN, &mut errors);
        let who = self.visibility.as_ref().map(Visibility::as_str);
        check_known("visibility", who, Visibility::KNOWN, &mut errors);
        SeedError::check(path, errors)?;

        let project = api::Project {
            uid: self.uid.clone(),
            name: self.name.clone(),
            status: self.status.clone(),
            task_type: self.task_type.clone(),
            is_active: None,
            visibility: self.visibility.clone(),
            is_imported: None,
            owner_name: None,
            short_description: self.short_description.clone(),
            industry_icon: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            extra: Extra::new(),
        };
        let (organization, now) = (loading.organization, loading.now);
        Ok(projects::upsert(loading.connection(), organization, &project, now).await?)
    }
}

impl Loading<'_> {
    /// Whether the organization has this project.
    pub(super) async fn has_project(&mut self, uid: &str) -> Result<bool, SeedError> {
        if self.knows::<Project>(uid) {
            return Ok(true);
        }
        let organization = self.organization;
        let found = projects::find(self.connection(), organization.into(), uid)
            .await?
            .is_some();
        if found {
            self.remember::<Project>(uid);
        }
        Ok(found)
    }
}
