//! `avala webhook-deliveries …`

use avala_api::webhook_deliveries::DeliveryUid;
use clap::{Args, Subcommand};

use super::Listing;

/// Deliveries.
#[derive(Debug, Subcommand)]
pub enum WebhookDeliveries {
    /// List deliveries, newest first
    List(ListWebhookDeliveries),
    /// Show one delivery, with what was sent and what came back
    Get {
        /// Its identifier
        uid: DeliveryUid,
    },
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
