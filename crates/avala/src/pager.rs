//! Walking a list page by page, the same for streams and for iterators.

use std::collections::HashSet;

use avala_api::{Page, Paged};

use crate::Error;

/// Where a walk stands.
#[derive(Debug)]
pub(crate) struct Pager<O> {
    /// The call for the next page; `None` at the end.
    next: Option<O>,
    seen: HashSet<String>,
}

impl<O: Paged> Pager<O> {
    pub(crate) fn new(operation: O) -> Self {
        Self {
            next: Some(operation),
            seen: HashSet::new(),
        }
    }

    /// The call for the next page. After an error or the last page there is none.
    pub(crate) fn take(&mut self) -> Option<O> {
        self.next.take()
    }

    /// Notes where the page that `asked` brought says to go on. Only the cursor of its link is used, never its host or path.
    pub(crate) fn follow(&mut self, mut asked: O, page: &Page<O::Item>) -> Result<(), Error> {
        let Some(cursor) = page.next_cursor(O::ROUTE.paging) else {
            return match page.next {
                Some(_) => Err(
                    Error::next_page("The server's link to the next page has no cursor.")
                        .of_call(&O::ROUTE, 1),
                ),
                None => Ok(()),
            };
        };
        if !self.seen.insert(cursor.as_str().to_owned()) {
            let reason = "The server named a page that was read already.";
            return Err(Error::next_page(reason).of_call(&O::ROUTE, 1));
        }
        asked.start_at(cursor);
        self.next = Some(asked);
        Ok(())
    }
}
