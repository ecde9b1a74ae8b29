//! `avala auto-label-jobs …`

use avala_api::{
    auto_label_jobs::{AutoLabelStatus, ModelType},
    projects::ProjectUid,
};
use clap::{Args, Subcommand};

use super::{AfterWait, Deletion, Listing, Object, Waiting};

/// Auto-label jobs.
#[derive(Debug, Subcommand)]
pub enum AutoLabelJobs {
    /// List auto-label jobs
    List(ListAutoLabelJobs),
    /// Show one auto-label job
    Get(Object),
    /// Have a model label a project's items
    Create(CreateAutoLabelJob),
    /// Cancel an auto-label job
    Cancel(Deletion),
    /// Wait until an auto-label job has ended; exit code 11 if it failed or was cancelled
    Wait(Waiting),
}

/// `avala auto-label-jobs list`
#[derive(Debug, Args)]
pub struct ListAutoLabelJobs {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only those of this project
    #[arg(long, value_name = "UID")]
    pub project: Option<ProjectUid>,

    /// Only those that have come this far: pending, running, completed, failed or cancelled
    #[arg(long)]
    pub status: Option<AutoLabelStatus>,
}

/// `avala auto-label-jobs create`
#[derive(Debug, Args)]
pub struct CreateAutoLabelJob {
    /// The project whose items are to be labelled
    #[arg(long, value_name = "UID")]
    pub project: ProjectUid,

    /// Which model labels: sam3 or yolo (the default)
    #[arg(long, value_name = "MODEL")]
    pub model_type: Option<ModelType>,

    /// From which confidence on a label is kept, 0 to 1 (0.5 unless set)
    #[arg(long, value_name = "NUMBER")]
    pub confidence_threshold: Option<f64>,

    /// The labels to give (every label unless set)
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    pub labels: Option<Vec<String>>,

    /// Keep nothing, only see what would come of it
    #[arg(long)]
    pub dry_run: bool,

    /// Wait until it has ended; exit code 11 if it failed or was cancelled
    #[arg(long)]
    pub wait: bool,

    /// How patiently.
    #[command(flatten)]
    pub patience: AfterWait,
}
