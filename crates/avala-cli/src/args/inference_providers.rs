//! `avala inference-providers …`

use std::path::PathBuf;

use avala_api::{inference_providers::ProviderType, projects::ProjectUid};
use clap::{ArgGroup, Args, Subcommand};

use super::{Deletion, Listing, Object};

/// Inference providers.
#[derive(Debug, Subcommand)]
pub enum InferenceProviders {
    /// List inference providers
    List(Listing),
    /// Show one inference provider; credentials are never shown
    Get(Object),
    /// Have a model of your own label automatically
    Create(CreateInferenceProvider),
    /// Change an inference provider; what is not named stays as it is
    Update(UpdateInferenceProvider),
    /// Delete an inference provider
    Delete(Deletion),
    /// Ask the model something; fails if it does not answer
    Test(Object),
}

/// `avala inference-providers create`
#[derive(Debug, Args)]
pub struct CreateInferenceProvider {
    /// Name
    #[arg(long)]
    pub name: String,

    /// How the model is reached: http or sagemaker
    #[arg(long, value_name = "TYPE")]
    pub provider_type: ProviderType,

    /// A file that says where the model is and what opens it, as a JSON object; `-` for stdin
    ///
    /// For http: `endpoint_url`, and `auth_header`, `auth_type`, `headers`, `timeout`, `response_key` where needed. For
    /// sagemaker: `endpoint_name`, `region`.
    #[arg(long, value_name = "FILE")]
    pub config_file: PathBuf,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// Whether it is used
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,

    /// The project it is limited to
    #[arg(long, value_name = "UID")]
    pub project: Option<ProjectUid>,
}

/// `avala inference-providers update`
#[derive(Debug, Args)]
#[command(
    override_usage = "avala inference-providers update <UID> [OPTIONS]",
    group(ArgGroup::new("change").required(true).multiple(true).args([
        "name", "provider_type", "config_file", "active", "description", "clear_description", "project", "clear_project",
    ]))
)]
pub struct UpdateInferenceProvider {
    /// Its identifier
    pub uid: String,

    /// Name
    #[arg(long)]
    pub name: Option<String>,

    /// How the model is reached: http or sagemaker
    #[arg(long, value_name = "TYPE")]
    pub provider_type: Option<ProviderType>,

    /// A file that says where the model is and what opens it, as a JSON object; `-` for stdin. It replaces all that was said
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// Whether it is used
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// Remove the description
    #[arg(long, conflicts_with = "description")]
    pub clear_description: bool,

    /// The project it is limited to
    #[arg(long, value_name = "UID")]
    pub project: Option<ProjectUid>,

    /// Limit it to no project
    #[arg(long, conflicts_with = "project")]
    pub clear_project: bool,
}
