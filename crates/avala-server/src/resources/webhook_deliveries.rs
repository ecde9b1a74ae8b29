//! The log of webhook deliveries.

use avala_api::{
    Page,
    webhook_deliveries::{Get, List, WebhookDelivery},
};

use crate::{context::Context, paging, refusal::Refusal, store::webhook_deliveries};

pub(super) async fn list(context: Context, operation: List) -> Result<Page<WebhookDelivery>, Refusal> {
    let oldest_first = paging::oldest_first(operation.ordering.as_deref())?;
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        oldest_first,
    )?;
    let organization = context.caller()?.organization();
    let rows = webhook_deliveries::list(context.store().reader(), organization, window).await?;
    paging::page(&context, &operation, rows, oldest_first)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<WebhookDelivery, Refusal> {
    let organization = context.caller()?.organization();
    let found =
        webhook_deliveries::find(context.store().reader(), organization, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}
