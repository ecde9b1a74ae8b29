//! Projects: what is annotated, and how.

use avala_api::{
    Page,
    projects::{Get, List, Project},
};

use crate::{context::Context, paging, refusal::Refusal, store::projects};

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Project>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let rows = projects::list(context.store().reader(), context.caller()?.reach(), window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Project, Refusal> {
    let reach = context.caller()?.reach();
    let found = projects::find(context.store().reader(), reach, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}
