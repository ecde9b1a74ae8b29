//! The log of webhook deliveries.

use serde_json::{Map, Value};

use crate::{Access, EventName, Scope, Timestamp, webhooks::WebhookUid};

id! {
    /// A delivery's identifier.
    DeliveryUid;
}

open_enum! {
    /// How far a delivery has come.
    pub enum DeliveryStatus {
        /// To be sent, or sent again.
        Pending = "pending",
        /// The target took it.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
}

model! {
    /// One event sent to one webhook.
    pub struct WebhookDelivery {
        /// Identifier; the target receives it as `X-Avala-Webhook-Delivery`.
        pub uid: DeliveryUid,
        /// The webhook.
        pub subscription: WebhookUid,
        /// The event.
        pub event_type: EventName,
        /// The body that was sent.
        pub payload: Option<Map<String, Value>> = None,
        /// The target's HTTP status.
        pub response_status: Option<i64> = None,
        /// The beginning of the target's answer.
        pub response_body: Option<String> = None,
        /// The size of the target's answer, in bytes. Newer servers tell this in place of `response_body`.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub response_body_size: Option<i64> = None,
        /// The SHA-256 of the target's answer, as hex. Newer servers only.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub response_body_sha256: Option<String> = None,
        /// The beginning of the target's answer. Newer servers only.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub response_preview: Option<String> = None,
        /// How often it was sent.
        pub attempts: i64 = 0,
        /// When it is sent next.
        pub next_retry_at: Option<Timestamp> = None,
        /// How far it has come.
        pub status: Option<DeliveryStatus> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

operation! {
    /// Lists deliveries.
    List = "webhook_deliveries.list" {
        route: Get "/webhook-deliveries/",
        access: Access::Scope(Scope::WebhooksRead),
        pages: WebhookDelivery, by Cursor,
        query {
            /// The field to sort by; a leading `-` reverses.
            ordering: String,
        }
    }
}

operation! {
    /// Gets one delivery.
    Get = "webhook_deliveries.get" {
        route: Get "/webhook-deliveries/{uid}/",
        access: Access::Scope(Scope::WebhooksRead),
        idempotent: true,
        answer: 200 WebhookDelivery,
        path {
            /// Which delivery.
            uid: DeliveryUid,
        }
    }
}
