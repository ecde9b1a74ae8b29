//! `avala exports …`

use avala_api::{
    datasets::DatasetUid,
    exports::{ExportFormat, SliceUid},
    projects::ProjectUid,
};
use clap::{ArgGroup, Args, Subcommand};

use super::{AfterWait, Listing, Object, Waiting};

/// Exports.
#[derive(Debug, Subcommand)]
pub enum Exports {
    /// List exports, newest first
    List(ListExports),
    /// Show one export, and where its file is
    Get(Object),
    /// Start an export
    ///
    /// Name one project or one dataset with --project or --dataset, or several with --projects, --datasets and --slices,
    /// which Avala's documentation wants to have together with --name and --format.
    Create(CreateExport),
    /// Wait until an export's file is there; exit code 11 if it failed
    Wait(Waiting),
}

/// `avala exports list`
#[derive(Debug, Args)]
pub struct ListExports {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// The field to sort by; a leading `-` reverses
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub ordering: Option<String>,
}

/// `avala exports create`
#[derive(Debug, Args)]
#[command(
    override_usage = "avala exports create <--project UID | --dataset UID | --projects UIDS …> [OPTIONS]",
    group(ArgGroup::new("what").required(true).multiple(true)
        .args(["project", "dataset", "projects", "datasets", "slices"]))
)]
pub struct CreateExport {
    /// The project to export
    #[arg(long, value_name = "UID", conflicts_with_all = ["dataset", "projects", "datasets", "slices"])]
    pub project: Option<ProjectUid>,

    /// The dataset to export
    #[arg(long, value_name = "UID", conflicts_with_all = ["projects", "datasets", "slices"])]
    pub dataset: Option<DatasetUid>,

    /// The projects to export, separated by commas
    #[arg(long, value_name = "UIDS", value_delimiter = ',')]
    pub projects: Option<Vec<ProjectUid>>,

    /// The datasets to export, separated by commas
    #[arg(long, value_name = "UIDS", value_delimiter = ',')]
    pub datasets: Option<Vec<DatasetUid>>,

    /// The slices to export, separated by commas
    #[arg(long, value_name = "UIDS", value_delimiter = ',')]
    pub slices: Option<Vec<SliceUid>>,

    /// Name
    #[arg(long)]
    pub name: Option<String>,

    /// What the file is to look like inside: avala-json-external or YOLO
    #[arg(long)]
    pub format: Option<ExportFormat>,

    /// Which of the annotations to export, as a query string
    #[arg(long, value_name = "QUERY")]
    pub filter: Option<String>,

    /// Wait until the file is there; exit code 11 if the export failed
    #[arg(long)]
    pub wait: bool,

    /// How patiently.
    #[command(flatten)]
    pub patience: AfterWait,
}
