//! Webhooks: where the platform reports events.

use avala_keys::Secret;

use crate::{Access, EventName, Scope, Timestamp};

id! {
    /// A webhook's identifier.
    WebhookUid;
}

model! {
    /// A subscription to events.
    pub struct Webhook {
        /// Identifier.
        pub uid: WebhookUid,
        /// The HTTPS address that receives the deliveries.
        pub target_url: String,
        /// The events it receives.
        pub events: Vec<EventName> = Vec::new(),
        /// Whether deliveries are sent.
        pub is_active: bool = true,
        /// The key of the deliveries' HMAC-SHA256 signature. Told once, in the answer that made it.
        pub secret: Option<Secret> = None,
        /// When it was made.
        pub created_at: Option<Timestamp> = None,
        /// When it was last changed.
        pub updated_at: Option<Timestamp> = None,
    }
}

model! {
    /// What became of a test delivery. Sources disagree about the members' names, so each may be missing.
    pub struct TestResult {
        /// Whether the target answered 2xx.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub success: Option<bool> = None,
        /// What happened, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub message: Option<String> = None,
        /// Whether the target answered 2xx.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub delivered: Option<bool> = None,
        /// The target's HTTP status.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status_code: Option<u16> = None,
    }
}

impl TestResult {
    /// Whether the target took the delivery, whichever member says so.
    pub fn is_delivered(&self) -> bool {
        self.delivered.or(self.success).unwrap_or(false)
    }
}

operation! {
    /// Lists webhooks, newest first.
    List = "webhooks.list" {
        route: Get "/webhooks/",
        access: Access::Scope(Scope::WebhooksRead),
        pages: Webhook, by Cursor,
    }
}

operation! {
    /// Gets one webhook.
    Get = "webhooks.get" {
        route: Get "/webhooks/{uid}/",
        access: Access::Scope(Scope::WebhooksRead),
        idempotent: true,
        answer: 200 Webhook,
        path {
            /// Which webhook.
            uid: WebhookUid,
        }
    }
}

operation! {
    /// Creates a webhook. The answer holds its secret, once.
    Create = "webhooks.create" {
        route: Post "/webhooks/",
        access: Access::Scope(Scope::WebhooksWrite),
        idempotent: false,
        answer: 201 Webhook,
        body {
            required {
                /// The HTTPS address that receives the deliveries.
                target_url: String,
                /// The events it receives.
                events: Vec<EventName>,
            }
            optional {
                /// Whether deliveries are sent.
                is_active: bool,
                /// The signing secret; the server makes one when it is left out.
                secret: Secret,
            }
        }
    }
}

operation! {
    /// Changes a webhook. Fields that are not set stay as they are.
    Update = "webhooks.update" {
        route: Patch "/webhooks/{uid}/",
        access: Access::Scope(Scope::WebhooksWrite),
        idempotent: false,
        answer: 200 Webhook,
        path {
            /// Which webhook.
            uid: WebhookUid,
        }
        body {
            optional {
                /// The HTTPS address that receives the deliveries.
                target_url: String,
                /// The events it receives.
                events: Vec<EventName>,
                /// Whether deliveries are sent.
                is_active: bool,
            }
            nullable {
                /// The signing secret. Setting it replaces it; clearing it (`Patch::Null`) has the server make a new one, which
                /// the answer holds, once. Avala's published contract has no such field: its servers may ignore it, and then
                /// the answer holds no secret.
                secret: Secret,
            }
        }
    }
}

operation! {
    /// Deletes a webhook.
    Delete = "webhooks.delete" {
        route: Delete "/webhooks/{uid}/",
        access: Access::Scope(Scope::WebhooksWrite),
        idempotent: true,
        answer: 204,
        path {
            /// Which webhook.
            uid: WebhookUid,
        }
    }
}

operation! {
    /// Sends a test delivery to a webhook's target.
    Test = "webhooks.test" {
        route: Post "/webhooks/{uid}/test/",
        access: Access::Scope(Scope::WebhooksWrite),
        idempotent: false,
        answer: 200 TestResult,
        path {
            /// Which webhook.
            uid: WebhookUid,
        }
    }
}
