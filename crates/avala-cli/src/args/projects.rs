//! `avala projects …`

use clap::Subcommand;

use super::{Listing, Object};

/// Projects.
#[derive(Debug, Subcommand)]
pub enum Projects {
    /// List your projects
    List(Listing),
    /// Show one project
    Get(Object),
}
