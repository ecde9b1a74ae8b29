//! Organizations: who owns what.

use avala_api::{
    Page,
    organizations::{Get, List, Organization, OrganizationSlug},
};

use crate::{context::Context, paging, refusal::Refusal, store::organizations};

/// The page size of this list, which is not that of the others.
const ROWS: u32 = 20;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Organization>, Refusal> {
    let limit = paging::rows(operation.limit, ROWS)?;
    let page: u64 = match &operation.cursor {
        None => 1,
        Some(number) => number
            .as_str()
            .parse()
            .ok()
            .filter(|page| *page > 0)
            .ok_or_else(no_page)?,
    };
    let user = context.caller()?.user();
    let reader = context.store().reader();
    let skip = (page - 1).saturating_mul(limit.into());
    let count = organizations::count(reader, user).await?;
    if page > 1 && skip >= count {
        return Err(no_page());
    }
    let items = organizations::list(reader, user, limit, skip).await?;
    let to = |page: u64| paging::link(&context, &operation, page.to_string().into());
    let next = (skip + u64::from(limit) < count)
        .then(|| to(page + 1))
        .transpose()?;
    let previous = (page > 1).then(|| to(page - 1)).transpose()?;
    Ok(Page {
        count: Some(count),
        next,
        previous,
        items,
    })
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Organization, Refusal> {
    let user = context.caller()?.user();
    let found = organizations::by_slug(context.store().reader(), user, operation.slug.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

fn no_page() -> Refusal {
    Refusal::new(http::StatusCode::NOT_FOUND, "Invalid page.", "page_invalid")
}

/// The organization that a call names, or else the key's own. One that the caller does not belong to is not found.
pub(super) async fn chosen(context: &Context, slug: Option<&OrganizationSlug>) -> Result<String, Refusal> {
    let caller = context.caller()?;
    // Some clients send what was not set as an empty text.
    let Some(slug) = slug.filter(|slug| !slug.as_str().is_empty()) else {
        return Ok(caller.organization().to_owned());
    };
    let found = organizations::by_slug(context.store().reader(), caller.user(), slug.as_str()).await?;
    Ok(found.ok_or_else(Refusal::not_found)?.uid.as_str().to_owned())
}
