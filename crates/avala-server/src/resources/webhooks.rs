//! Webhooks: where the platform reports events.

use avala_api::{
    EventName, Extra, FieldErrors, Page, Patch,
    webhooks::{Create, Delete, Get, List, Test, TestResult, Update, Webhook},
};
use avala_keys::Secret;
use serde_json::{Value, json};

use super::event_targets::{check_events, check_secret, check_url, finish};
use crate::{
    context::Context,
    keys::sign,
    outgoing::{Delivery, Received},
    paging,
    refusal::Refusal,
    store::{
        webhook_deliveries::{self, NewDelivery, Outcome},
        webhooks::{self, NewWebhook},
    },
};

/// The event of a test delivery. Avala publishes no name for it.
const TEST_EVENT: &str = "webhook.test";

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Webhook>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let rows = webhooks::list(context.store().reader(), context.caller()?.organization(), window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Webhook, Refusal> {
    let organization = context.caller()?.organization();
    let found = webhooks::find(context.store().reader(), organization, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

pub(super) async fn create(context: Context, operation: Create) -> Result<Webhook, Refusal> {
    let Create {
        target_url,
        events,
        is_active,
        secret,
    } = operation;
    let mut errors = FieldErrors::default();
    check_url(&context, "target_url", &target_url, &mut errors);
    check_subscription(&events, &mut errors);
    if let Some(secret) = &secret {
        check_secret(secret, &mut errors);
    }
    finish(errors)?;

    let random = context.authority.random();
    let secret = secret.map_or_else(|| random.signing_secret(), Ok)?;
    let uid = random.uid()?;
    let now = context.now();
    let new = NewWebhook {
        uid: &uid,
        organization: context.caller()?.organization(),
        target_url: &target_url,
        events: &events,
        is_active: is_active.unwrap_or(true),
        sealed_secret: &seal(&context, &uid, &secret)?,
        created_at: now,
    };
    let mut change = context.store().change().await?;
    webhooks::insert(change.connection(), &new).await?;
    context.commit(change, "webhook.create", &uid).await?;
    Ok(Webhook {
        is_active: new.is_active,
        uid: uid.into(),
        target_url,
        events,
        secret: Some(secret),
        created_at: Some(now),
        updated_at: Some(now),
        extra: Extra::new(),
    })
}

pub(super) async fn update(context: Context, operation: Update) -> Result<Webhook, Refusal> {
    let Update {
        uid,
        target_url,
        events,
        is_active,
        secret,
    } = operation;
    let mut errors = FieldErrors::default();
    if let Some(url) = &target_url {
        check_url(&context, "target_url", url, &mut errors);
    }
    if let Some(events) = &events {
        check_subscription(events, &mut errors);
    }
    if let Patch::Value(secret) = &secret {
        check_secret(secret, &mut errors);
    }
    finish(errors)?;

    let organization = context.caller()?.organization();
    let mut change = context.store().change().await?;
    let found = webhooks::find(change.connection(), organization, uid.as_str()).await?;
    let mut webhook = found.ok_or_else(Refusal::not_found)?;
    webhook.target_url = target_url.unwrap_or(webhook.target_url);
    webhook.events = events.unwrap_or(webhook.events);
    webhook.is_active = is_active.unwrap_or(webhook.is_active);
    // A secret that is told here was never told before: one just set, or one just made.
    webhook.secret = match secret {
        Patch::Unset => None,
        Patch::Null => Some(context.authority.random().signing_secret()?),
        Patch::Value(secret) => Some(secret),
    };
    let sealed = webhook
        .secret
        .as_ref()
        .map(|secret| seal(&context, uid.as_str(), secret))
        .transpose()?;
    let now = context.now();
    webhook.updated_at = Some(now);
    webhooks::update(change.connection(), &webhook, sealed.as_deref(), now).await?;
    context.commit(change, "webhook.update", uid.as_str()).await?;
    Ok(webhook)
}

pub(super) async fn delete(context: Context, operation: Delete) -> Result<(), Refusal> {
    let uid = operation.uid.as_str();
    let mut change = context.store().change().await?;
    if !webhooks::delete(change.connection(), context.caller()?.organization(), uid).await? {
        return Err(Refusal::not_found());
    }
    context.commit(change, "webhook.delete", uid).await
}

pub(super) async fn test(context: Context, operation: Test) -> Result<TestResult, Refusal> {
    let organization = context.caller()?.organization();
    let found = webhooks::find(context.store().reader(), organization, operation.uid.as_str()).await?;
    let webhook = found.ok_or_else(Refusal::not_found)?;
    if !webhook.is_active {
        return Err(Refusal::bad_request(
            "The webhook is inactive. Set is_active to true before testing it.",
            "webhook_inactive",
        ));
    }
    // On a task of its own: a caller who hangs up does not leave the delivery without an outcome.
    let under_way = context.deliveries.clone().read_owned().await;
    let delivering = tokio::spawn(async move {
        let _under_way = under_way;
        deliver_test(context, webhook).await
    });
    delivering.await.map_err(|_| Refusal::internal())?
}

async fn deliver_test(context: Context, webhook: Webhook) -> Result<TestResult, Refusal> {
    let webhook_uid = webhook.uid.as_str();
    // It may have been deleted meanwhile, here and below.
    let sealed = webhooks::sealed_secret(context.store().reader(), webhook_uid).await?;
    let sealed = sealed.ok_or_else(Refusal::not_found)?;
    let secret = context
        .authority
        .secrets()
        .open_secret(&secret_row(webhook_uid), &sealed)
        .ok_or_else(|| {
            tracing::error!(
                webhook = webhook_uid,
                "the webhook's secret was changed outside of the server"
            );
            Refusal::internal()
        })?;

    let uid = context.authority.random().uid()?;
    let event = EventName::from(TEST_EVENT);
    let body = json!({
        "uid": webhook_uid,
        "event_type": TEST_EVENT,
        "message": "This is a test delivery.",
        "created_at": context.now(),
    })
    .to_string();
    let new = NewDelivery {
        uid: &uid,
        organization: context.caller()?.organization(),
        subscription: webhook_uid,
        event_type: &event,
        payload: &body,
        created_at: context.now(),
    };
    let mut change = context.store().change().await?;
    webhook_deliveries::insert(change.connection(), &new)
        .await
        .map_err(|error| {
            if error.is_missing_parent() {
                Refusal::not_found()
            } else {
                error.into()
            }
        })?;
    context.commit(change, "webhook.test", &uid).await?;

    let signature = sign(&secret, body.as_bytes()).ok_or_else(Refusal::internal)?;
    let delivery = Delivery {
        uid: &uid,
        event: TEST_EVENT,
        signature,
        body: body.clone().into(),
    };
    let received = context.outgoing.deliver(&webhook.target_url, delivery).await.ok();

    let status = received.as_ref().map(|received| received.status);
    let preview = received.as_ref().map(Received::text);
    let delivered = received.as_ref().is_some_and(Received::is_success);
    let outcome = Outcome {
        delivered,
        response_status: status,
        response_body: preview.as_deref(),
        at: context.now(),
    };
    let mut change = context.store().change().await?;
    webhook_deliveries::finish(change.connection(), &uid, &outcome).await?;
    context.commit(change, "webhook_delivery.finish", &uid).await?;

    let message = match (delivered, status) {
        (true, _) => "The target took the delivery.".to_owned(),
        (false, Some(status)) => format!("The target answered with status {status}."),
        // One text for every reason: it must not tell what is open inside of the server's network.
        (false, None) => "The target could not be reached.".to_owned(),
    };
    // All four members, so that every client finds the one it reads; the model leaves out what is `None`.
    let no_status = status.is_none().then(|| ("status_code".to_owned(), Value::Null));
    Ok(TestResult {
        success: Some(delivered),
        message: Some(message),
        delivered: Some(delivered),
        status_code: status,
        extra: no_status.into_iter().collect(),
    })
}

fn check_subscription(events: &[EventName], errors: &mut FieldErrors) {
    if events.is_empty() {
        errors.add("events", "This list may not be empty.");
    }
    check_events(events, errors);
}

fn seal(context: &Context, uid: &str, secret: &Secret) -> Result<Vec<u8>, Refusal> {
    let authority = &context.authority;
    Ok(authority
        .secrets()
        .seal_secret(authority.random(), &secret_row(uid), secret)?)
}

fn secret_row(uid: &str) -> String {
    format!("webhook {uid}")
}
