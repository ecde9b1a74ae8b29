//! `avala webhooks …`

use avala_api::{EventName, webhooks::WebhookUid};
use clap::{ArgGroup, Args, Subcommand};

use super::{Deletion, Listing, Object};

/// Webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// List webhooks, newest first
    List(Listing),
    /// Show one webhook
    Get(Object),
    /// Make a webhook; its signing secret is shown once
    Create(CreateWebhook),
    /// Change a webhook; what is not named stays as it is
    Update(UpdateWebhook),
    /// Delete a webhook
    Delete(Deletion),
    /// Send a test delivery; fails if the target does not take it
    Test(Object),
}

/// `avala webhooks create`
#[derive(Debug, Args)]
pub struct CreateWebhook {
    /// The HTTPS address that receives the deliveries
    #[arg(long, value_name = "URL")]
    pub target_url: String,

    /// The events it receives, such as dataset.created,export.completed
    #[arg(long, value_name = "EVENT", value_delimiter = ',', required = true)]
    pub events: Vec<EventName>,

    /// Whether deliveries are sent
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,

    /// Read the signing secret from stdin instead of having the server make one
    #[arg(long)]
    pub secret_stdin: bool,

    /// Print the new secret even though stdout is a terminal
    #[arg(long, conflicts_with = "secret_stdin")]
    pub show_secret: bool,
}

/// `avala webhooks update`
#[derive(Debug, Args)]
#[command(
    override_usage = "avala webhooks update <UID> [OPTIONS]",
    group(ArgGroup::new("change").required(true).multiple(true)
        .args(["target_url", "events", "active", "secret_stdin", "new_secret"]))
)]
pub struct UpdateWebhook {
    /// Its identifier
    pub uid: WebhookUid,

    /// The HTTPS address that receives the deliveries
    #[arg(long, value_name = "URL")]
    pub target_url: Option<String>,

    /// The events it receives; they replace those it had
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub events: Option<Vec<EventName>>,

    /// Whether deliveries are sent
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,

    /// Replace the signing secret by one read from stdin
    #[arg(long)]
    pub secret_stdin: bool,

    /// Have the server make a new signing secret; it is shown once
    #[arg(long, conflicts_with = "secret_stdin")]
    pub new_secret: bool,

    /// Print the new secret even though stdout is a terminal
    #[arg(long, requires = "new_secret")]
    pub show_secret: bool,
}
