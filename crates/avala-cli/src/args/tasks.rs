//! `avala tasks …`

use avala_api::{projects::ProjectUid, tasks::TaskStatus};
use clap::{Args, Subcommand};

use super::{Listing, Object};

/// Tasks.
#[derive(Debug, Subcommand)]
pub enum Tasks {
    /// List tasks
    List(ListTasks),
    /// Show one task
    Get(Object),
}

/// `avala tasks list`
#[derive(Debug, Args)]
pub struct ListTasks {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only those of this project
    #[arg(long, value_name = "UID")]
    pub project: Option<ProjectUid>,

    /// Only those that have come this far: pending or completed
    #[arg(long)]
    pub status: Option<TaskStatus>,
}
