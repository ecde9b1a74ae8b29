//! Auto-label jobs.

use avala_api::{
    Carrier, Wait,
    auto_label_jobs::{self, AutoLabelJobUid},
    projects::ProjectUid,
};

super::handle! {
    /// Auto-label jobs: a model labels a project's items.
    pub struct AutoLabelJobs for "auto_label_jobs" {
        /// Lists auto-label jobs.
        list() -> auto_label_jobs::List;
        /// Gets one auto-label job.
        get(uid: AutoLabelJobUid) -> auto_label_jobs::Get;
        /// Starts an auto-label job on a project.
        create(project_uid: ProjectUid) -> auto_label_jobs::Create;
        /// Cancels an auto-label job.
        cancel(uid: AutoLabelJobUid) -> auto_label_jobs::Cancel;
    }
}

impl<C: Carrier + Clone> AutoLabelJobs<C> {
    /// Waits until an auto-label job has done its work, and answers the job.
    pub fn wait(&self, uid: impl Into<AutoLabelJobUid>) -> Wait<auto_label_jobs::Get, C> {
        self.get(uid).wait()
    }
}
