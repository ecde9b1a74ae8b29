//! Organizations: who owns what.

use avala_api::{
    Cursor, Page, Paged,
    organizations::{Get, List, Organization, OrganizationSlug},
};

use crate::{context::Context, paging, refusal::Refusal, store::organizations};

/// The page size of this list, which is not that of the others.
const ROWS: u32 = 20;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Organization>, Refusal> {
    let user = context.caller()?.user();
    let reader = context.store().reader();
    let numbered = Numbered::asked_for(operation.limit, operation.cursor.as_ref())?;
    let count = organizations::count(reader, user).await?;
    numbered.check(count)?;
    let items = organizations::list(reader, user, numbered.limit, numbered.skip()).await?;
    numbered.page(&context, &operation, count, items)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Organization, Refusal> {
    let user = context.caller()?.user();
    let found = organizations::by_slug(context.store().reader(), user, operation.slug.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

/// The organization that a call names, or else the key's own. A key reaches one: of the others its owner belongs to, none is
/// found.
pub(super) async fn chosen(context: &Context, slug: Option<&OrganizationSlug>) -> Result<String, Refusal> {
    let own = context.caller()?.organization();
    // Some clients send what was not set as an empty text.
    let Some(slug) = slug.filter(|slug| !slug.as_str().is_empty()) else {
        return Ok(own.to_owned());
    };
    let found = organizations::place(context.store().reader(), own).await?;
    let found = found.filter(|place| place.slug == slug.as_str());
    Ok(found.ok_or_else(Refusal::not_found)?.uid)
}

/// A page of a list whose pages have numbers.
pub(super) struct Numbered {
    number: u64,
    pub(super) limit: u32,
}

impl Numbered {
    pub(super) fn asked_for(limit: Option<u32>, number: Option<&Cursor>) -> Result<Self, Refusal> {
        let limit = paging::rows(limit, ROWS)?;
        let number = match number {
            None => 1,
            Some(number) => number
                .as_str()
                .parse()
                .ok()
                .filter(|page| *page > 0)
                .ok_or_else(no_page)?,
        };
        Ok(Self { number, limit })
    }

    /// The rows before it.
    pub(super) fn skip(&self) -> u64 {
        (self.number - 1).saturating_mul(self.limit.into())
    }

    /// Whether there is such a page. The first is always there.
    pub(super) fn check(&self, count: u64) -> Result<(), Refusal> {
        if self.number > 1 && self.skip() >= count {
            return Err(no_page());
        }
        Ok(())
    }

    pub(super) fn page<O: Paged>(
        &self,
        context: &Context,
        operation: &O,
        count: u64,
        items: Vec<O::Item>,
    ) -> Result<Page<O::Item>, Refusal> {
        let to = |page: u64| paging::link(context, operation, page.to_string().into());
        let has_next = self.skip() + u64::from(self.limit) < count;
        Ok(Page {
            count: Some(count),
            next: has_next.then(|| to(self.number + 1)).transpose()?,
            previous: (self.number > 1).then(|| to(self.number - 1)).transpose()?,
            items,
        })
    }
}

fn no_page() -> Refusal {
    Refusal::new(http::StatusCode::NOT_FOUND, "Invalid page.", "page_invalid")
}
