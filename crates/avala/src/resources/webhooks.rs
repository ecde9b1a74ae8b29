//! Webhooks.

use avala_api::{
    EventName,
    webhooks::{self, WebhookUid},
};

super::handle! {
    /// Webhooks: where the platform reports events.
    pub struct Webhooks for "webhooks" {
        /// Lists webhooks, newest first.
        list() -> webhooks::List;
        /// Gets one webhook.
        get(uid: WebhookUid) -> webhooks::Get;
        /// Creates a webhook. The answer holds its secret, once.
        create(target_url: String, events: Vec<EventName>) -> webhooks::Create;
        /// Changes a webhook. Fields that are not set stay as they are.
        update(uid: WebhookUid) -> webhooks::Update;
        /// Deletes a webhook.
        delete(uid: WebhookUid) -> webhooks::Delete;
        /// Sends a test delivery to a webhook's target.
        test(uid: WebhookUid) -> webhooks::Test;
    }
}
