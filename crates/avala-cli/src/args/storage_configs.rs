//! `avala storage-configs …`

use std::path::PathBuf;

use avala_api::{
    Secret,
    organizations::OrganizationSlug,
    storage_configs::{S3AuthMethod, StorageProvider},
};
use clap::{Args, Subcommand};

use super::{Deletion, Listing, Object};

/// Storage configs.
#[derive(Debug, Subcommand)]
pub enum StorageConfigs {
    /// List storage configs, newest first
    List(ListStorageConfigs),
    /// Show one storage config; credentials are never shown
    Get(GetStorageConfig),
    /// Let Avala read a bucket; the server tries the credentials
    Create(Box<CreateStorageConfig>),
    /// Show what the trust policy of an AWS role needs
    SetupInfo(Organization),
    /// Delete a storage config
    Delete(Deletion),
    /// Try to open the bucket; fails if it cannot be opened
    Test(Object),
}

/// Whose storage configs.
#[derive(Debug, Args)]
pub struct Organization {
    /// Whose; needed if you belong to several organizations [default: the profile's organization]
    #[arg(long, value_name = "SLUG")]
    pub organization: Option<OrganizationSlug>,
}

/// `avala storage-configs list`
#[derive(Debug, Args)]
pub struct ListStorageConfigs {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Whose.
    #[command(flatten)]
    pub whose: Organization,
}

/// `avala storage-configs get`
#[derive(Debug, Args)]
pub struct GetStorageConfig {
    /// Its identifier
    pub uid: String,

    /// Whose.
    #[command(flatten)]
    pub whose: Organization,
}

/// `avala storage-configs create`
#[derive(Debug, Args)]
pub struct CreateStorageConfig {
    /// Name
    #[arg(long)]
    pub name: String,

    /// Who keeps the bucket: `aws_s3` or `gc_storage`
    #[arg(long)]
    pub provider: StorageProvider,

    /// Whose.
    #[command(flatten)]
    pub whose: Organization,

    /// The bucket
    #[arg(long, value_name = "BUCKET", help_heading = "Amazon S3")]
    pub s3_bucket_name: Option<String>,

    /// Its region
    #[arg(long, value_name = "REGION", help_heading = "Amazon S3")]
    pub s3_bucket_region: Option<String>,

    /// Where in the bucket the files are
    #[arg(long, value_name = "PREFIX", help_heading = "Amazon S3")]
    pub s3_bucket_prefix: Option<String>,

    /// What opens the bucket: `iam_role` or `access_key`
    #[arg(long, value_name = "METHOD", help_heading = "Amazon S3")]
    pub s3_auth_method: Option<S3AuthMethod>,

    /// The role to assume; its trust policy needs what `setup-info` shows
    #[arg(long, value_name = "ARN", help_heading = "Amazon S3")]
    pub s3_role_arn: Option<String>,

    /// The access key's identifier
    #[arg(long, value_name = "ID", help_heading = "Amazon S3")]
    pub s3_access_key_id: Option<Secret>,

    /// A file that holds the access key's secret; `-` for stdin
    #[arg(long, value_name = "FILE", help_heading = "Amazon S3")]
    pub s3_secret_access_key_file: Option<PathBuf>,

    /// Whether to use transfer acceleration
    #[arg(long, value_name = "BOOL", help_heading = "Amazon S3")]
    pub s3_is_accelerated: Option<bool>,

    /// The bucket
    #[arg(long, value_name = "BUCKET", help_heading = "Google Cloud Storage")]
    pub gc_storage_bucket_name: Option<String>,

    /// Where in the bucket the files are
    #[arg(long, value_name = "PREFIX", help_heading = "Google Cloud Storage")]
    pub gc_storage_prefix: Option<String>,

    /// The service account's key file (JSON); `-` for stdin
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Google Cloud Storage",
        conflicts_with = "s3_secret_access_key_file"
    )]
    pub gc_storage_auth_json_file: Option<PathBuf>,
}
