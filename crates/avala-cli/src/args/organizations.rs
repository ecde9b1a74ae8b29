//! `avala organizations …`

use avala_api::organizations::OrganizationSlug;
use clap::{Args, Subcommand};

use super::Listing;

/// Organizations.
#[derive(Debug, Subcommand)]
pub enum Organizations {
    /// List the organizations you belong to
    List(ListOrganizations),
    /// Show one organization
    Get {
        /// Its name in paths
        slug: OrganizationSlug,
    },
}

/// `avala organizations list`
#[derive(Debug, Args)]
pub struct ListOrganizations {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// The field to sort by; a leading `-` reverses
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub ordering: Option<String>,
}
