//! Tasks: single pieces of annotation work.

use avala_api::{
    Page,
    projects::ProjectUid,
    tasks::{Get, List, Task, TaskStatus},
};

use crate::{
    context::Context,
    paging,
    refusal::Refusal,
    store::tasks::{self, Filter},
};

/// A project that is not there has no tasks: the published answers of this list know neither 404 nor 400, and nobody
/// learns which projects others have.
pub(super) async fn list(context: Context, operation: List) -> Result<Page<Task>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let filter = Filter {
        project: operation.project.as_ref().map(ProjectUid::as_str),
        status: operation.status.as_ref().map(TaskStatus::as_str),
    };
    let reach = context.caller()?.reach();
    let rows = tasks::list(context.store().reader(), reach, &filter, window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Task, Refusal> {
    let reach = context.caller()?.reach();
    let found = tasks::find(context.store().reader(), reach, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}
