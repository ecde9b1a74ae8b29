//! The log of webhook deliveries.

use avala_api::webhook_deliveries::{self, DeliveryUid};

super::handle! {
    /// The log of webhook deliveries.
    pub struct WebhookDeliveries for "webhook_deliveries" {
        /// Lists deliveries.
        list() -> webhook_deliveries::List;
        /// Gets one delivery.
        get(uid: DeliveryUid) -> webhook_deliveries::Get;
    }
}
