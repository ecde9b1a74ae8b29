//! `avala datasets …`

use std::path::PathBuf;

use avala_api::{
    Visibility,
    datasets::{DataType, DatasetSlug, DatasetStatus, OwnerName},
    organizations::OrganizationUid,
};
use clap::{Args, Subcommand};

use super::Listing;

/// Datasets.
#[derive(Debug, Subcommand)]
pub enum Datasets {
    /// List datasets
    List(ListDatasets),
    /// Show one dataset
    Get {
        /// Its identifier, or OWNER/SLUG
        dataset: String,
    },
    /// Make a dataset, empty or over a bucket that is there already
    Create(CreateDataset),
}

/// `avala datasets list`
#[derive(Debug, Args)]
pub struct ListDatasets {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only those that hold this: image, video, lidar, mcap or splat
    #[arg(long, value_name = "TYPE")]
    pub data_type: Option<DataType>,

    /// Only those whose name has this in it, in whatever case
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,

    /// Only those that have come this far: creating or created
    #[arg(long)]
    pub status: Option<DatasetStatus>,

    /// Only those that these people can see: private, unlisted or public
    #[arg(long)]
    pub visibility: Option<Visibility>,
}

/// `avala datasets create`
#[derive(Debug, Args)]
pub struct CreateDataset {
    /// Name, for people
    #[arg(long)]
    pub name: String,

    /// Name in paths, unique for its owner
    #[arg(long)]
    pub slug: DatasetSlug,

    /// What it holds: image, video, lidar, mcap or splat
    #[arg(long, value_name = "TYPE")]
    pub data_type: DataType,

    /// Who can see it: private (the default), unlisted or public
    #[arg(long)]
    pub visibility: Option<Visibility>,

    /// Whether its items form sequences
    #[arg(long, value_name = "BOOL")]
    pub is_sequence: Option<bool>,

    /// Whether the server gathers the items' metadata (it does, unless told not to)
    #[arg(long, value_name = "BOOL")]
    pub create_metadata: Option<bool>,

    /// A file with the bucket that holds the data and what opens it, as a JSON object; `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub provider_config_file: Option<PathBuf>,

    /// The user or organization it is to belong to
    #[arg(long, value_name = "OWNER")]
    pub owner_name: Option<OwnerName>,

    /// The organization it is to belong to
    #[arg(long, value_name = "UID")]
    pub organization_uid: Option<OrganizationUid>,

    /// The organization it is to belong to, by number
    #[arg(long, value_name = "NUMBER")]
    pub organization_id: Option<i64>,

    /// How textures are stored, such as ktx
    #[arg(long, value_name = "FORMAT")]
    pub gpu_texture_format: Option<String>,

    /// A file with whatever is to be noted about it, as a JSON object; `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,

    /// Industry, by number
    #[arg(long, value_name = "NUMBER")]
    pub industry: Option<i64>,

    /// License, by number
    #[arg(long, value_name = "NUMBER")]
    pub license: Option<i64>,
}
