//! One page of a list, in every form the API answers with.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{Paging, names::MemberName, parameters::pairs};

/// One page of a list.
///
/// Read from `{next, previous, results}` with or without `count`, and from a plain array. Missing links are read as null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
#[doc(alias = "CursorPage")]
pub struct Page<T> {
    /// How many rows there are in all. Only lists that page by number say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Absolute URL of the next page; `None` on the last. Only its cursor is ever used, never its host or path.
    pub next: Option<String>,
    /// Absolute URL of the previous page; `None` on the first.
    pub previous: Option<String>,
    /// The rows of this page.
    #[serde(rename = "results")]
    pub items: Vec<T>,
}

impl<T> Page<T> {
    /// Where the next page starts, read from the `next` link by the list's own paging kind.
    pub fn next_cursor(&self, paging: Paging) -> Option<Cursor> {
        cursor_of(self.next.as_deref()?, paging)
    }

    /// Where the previous page starts. For a list that pages by number, a link without a number is page 1.
    pub fn previous_cursor(&self, paging: Paging) -> Option<Cursor> {
        let link = self.previous.as_deref()?;
        cursor_of(link, paging).or_else(|| (paging == Paging::PageNumber).then(|| "1".into()))
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

fn cursor_of(link: &str, paging: Paging) -> Option<Cursor> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next()?;
    pairs(query)
        .find(|(name, value)| name == paging.parameter() && !value.is_empty())
        .map(|(_, value)| Cursor(value))
}

/// Where a page starts. Opaque: made by the server, handed back unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor's text, not encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Cursor {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Cursor {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PageVisitor(std::marker::PhantomData))
    }
}

struct PageVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PageVisitor<T> {
    type Value = Page<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page (`next`, `previous`, `results`) or an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Page<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(row) = rows.next_element()? {
            items.push(row);
        }
        Ok(Page {
            count: None,
            next: None,
            previous: None,
            items,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page<T>, A::Error> {
        let mut page = Page {
            count: None,
            next: None,
            previous: None,
            items: Vec::new(),
        };
        let mut has_results = false;
        while let Some(MemberName(key)) = map.next_key()? {
            match &*key {
                "count" => page.count = map.next_value()?,
                "next" => page.next = map.next_value()?,
                "previous" => page.previous = map.next_value()?,
                "results" => {
                    page.items = map.next_value()?;
                    has_results = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // An error body behind a 200 must not pass for an empty list.
        if has_results {
            Ok(page)
        } else {
            Err(serde::de::Error::missing_field("results"))
        }
    }
}
