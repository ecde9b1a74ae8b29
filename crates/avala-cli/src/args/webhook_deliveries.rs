//! `avala webhook-deliveries …`

use clap::{Args, Subcommand};

use super::{Listing, Object};

/// Deliveries.
#[derive(Debug, Subcommand)]
pub enum WebhookDeliveries {
    /// List deliveries, newest first
    List(ListWebhookDeliveries),
    /// Show one delivery, with what was sent and what came back
    Get(Object),
}

/// `avala webhook-deliveries list`
#[derive(Debug, Args)]
pub struct ListWebhookDeliveries {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// The field to sort by; a leading `-` reverses
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub ordering: Option<String>,
}
