//! Auto-label jobs: a model labels a project's items.

use serde_json::{Map, Value};

use crate::{Access, Job, Progress, Scope, Timestamp, projects::ProjectUid};

id! {
    /// An auto-label job's identifier.
    AutoLabelJobUid;
}

open_enum! {
    /// How far an auto-label job has come.
    pub enum AutoLabelStatus {
        /// Waits for its turn.
        Pending = "pending",
        /// The model is at work.
        Running = "running",
        /// Done.
        Completed = "completed",
        /// Given up; `error_message` tells why.
        Failed = "failed",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
    }
}

open_enum! {
    /// Which model labels.
    pub enum ModelType {
        /// SAM 3.
        Sam3 = "sam3",
        /// YOLO.
        Yolo = "yolo",
    }
}

model! {
    /// An auto-label job.
    pub struct AutoLabelJob {
        /// Identifier.
        pub uid: AutoLabelJobUid,
        /// How far it has come.
        pub status: Option<AutoLabelStatus> = None,
        /// Which model labels.
        pub model_type: Option<ModelType> = None,
        /// From which confidence on a label is kept, 0 to 1.
        pub confidence_threshold: Option<f64> = None,
        /// The labels to give; empty for every label.
        pub labels: Vec<String> = Vec::new(),
        /// Whether nothing is kept.
        pub dry_run: bool = false,
        /// Number of items.
        pub total_items: i64 = 0,
        /// Number of items the model has looked at.
        pub processed_items: i64 = 0,
        /// Number of items with labels now.
        pub successful_items: i64 = 0,
        /// Number of items on which it failed.
        pub failed_items: i64 = 0,
        /// Number of items it passed over.
        pub skipped_items: i64 = 0,
        /// How far it has come, 0 to 100.
        pub progress_pct: Option<f64> = None,
        /// Why it failed.
        pub error_message: Option<String> = None,
        /// What it came to.
        pub summary: Option<Map<String, Value>> = None,
        /// When it began.
        pub started_at: Option<Timestamp> = None,
        /// When it ended.
        pub completed_at: Option<Timestamp> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
    }
}

impl Job for AutoLabelJob {
    fn progress(&self) -> Progress {
        match self.status {
            Some(AutoLabelStatus::Completed) => Progress::Succeeded,
            Some(AutoLabelStatus::Failed | AutoLabelStatus::Cancelled) => Progress::Failed,
            _ => Progress::Running,
        }
    }

    fn status(&self) -> Option<&str> {
        self.status.as_ref().map(AutoLabelStatus::as_str)
    }

    fn reason(&self) -> Option<&str> {
        self.error_message.as_deref()
    }
}

operation! {
    /// Lists auto-label jobs.
    List = "auto_label_jobs.list" {
        route: Get "/auto-label-jobs/",
        access: Access::Scope(Scope::AutolabelRead),
        pages: AutoLabelJob, by Cursor,
        query {
            /// Only jobs of this project.
            project: ProjectUid,
            /// Only jobs that have come this far.
            status: AutoLabelStatus,
        }
    }
}

operation! {
    /// Gets one auto-label job.
    Get = "auto_label_jobs.get" {
        route: Get "/auto-label-jobs/{uid}/",
        access: Access::Scope(Scope::AutolabelRead),
        idempotent: true,
        answer: 200 AutoLabelJob,
        path {
            /// Which job.
            uid: AutoLabelJobUid,
        }
    }
}

operation! {
    /// Cancels an auto-label job.
    Cancel = "auto_label_jobs.cancel" {
        route: Delete "/auto-label-jobs/{uid}/",
        access: Access::Scope(Scope::AutolabelWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which job.
            uid: AutoLabelJobUid,
        }
    }
}

operation! {
    /// Starts an auto-label job on a project.
    Create = "auto_label_jobs.create" {
        route: Post "/projects/{project_uid}/auto-label/",
        access: Access::Scope(Scope::AutolabelWrite),
        idempotent: false,
        answer: 201 AutoLabelJob,
        path {
            /// Which project.
            project_uid: ProjectUid,
        }
        body {
            optional {
                /// Which model labels; `yolo` unless set.
                model_type: ModelType,
                /// From which confidence on a label is kept, 0 to 1; 0.5 unless set.
                confidence_threshold: f64,
                /// The labels to give; every label unless set.
                labels: Vec<String>,
                /// Whether to keep nothing.
                dry_run: bool,
            }
        }
    }
}
