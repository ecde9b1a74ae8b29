//! Path and query parameters: the one place where they are percent-encoded.

use std::{borrow::Cow, fmt, fmt::Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{Cursor, Timestamp};

/// Everything but RFC 3986's unreserved characters is encoded, in paths and in queries alike.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A parameter that cannot stand in a path. Found before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidParameter {
    /// The parameter's name.
    pub name: &'static str,
    /// Why its value cannot be sent.
    pub reason: &'static str,
}

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.reason)
    }
}

impl std::error::Error for InvalidParameter {}

/// Fills a path template. `values` are the parameters in any order.
pub(crate) fn fill(template: &str, values: &[(&'static str, &str)]) -> Result<String, InvalidParameter> {
    let mut path = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        path.push_str(literal);
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        if let Some((name, value)) = values.iter().find(|(given, _)| *given == name) {
            push_segment(&mut path, name, value)?;
        }
        rest = after;
    }
    path.push_str(rest);
    Ok(path)
}

fn push_segment(path: &mut String, name: &'static str, value: &str) -> Result<(), InvalidParameter> {
    let reason = match value {
        "" => "is empty",
        "." | ".." => "is a path step, not an identifier",
        _ if value.chars().any(char::is_control) => "holds a control character",
        _ => {
            path.extend(utf8_percent_encode(value, ENCODED));
            return Ok(());
        }
    };
    Err(InvalidParameter { name, reason })
}

/// A query string under construction.
#[derive(Clone, Debug, Default)]
pub struct Query(String);

impl Query {
    pub(crate) fn push<T: QueryValue>(&mut self, name: &str, value: Option<&T>) {
        if let Some(value) = value {
            let separator = if self.0.is_empty() { "" } else { "&" };
            let value = value.to_query();
            let _infallible = write!(
                self.0,
                "{separator}{}={}",
                utf8_percent_encode(name, ENCODED),
                utf8_percent_encode(&value, ENCODED)
            );
        }
    }

    /// The encoded query, without `?`. Empty when no parameter is set.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The decoded pairs of a query string.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// A value that can stand in a query string.
pub trait QueryValue: Sized {
    /// The value as text, not yet encoded.
    fn to_query(&self) -> Cow<'_, str>;
    /// The value of a decoded text.
    fn from_query(text: &str) -> Option<Self>;
}

impl QueryValue for String {
    fn to_query(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
    fn from_query(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

macro_rules! query_by_display {
    ($($type:ty),*) => {$(
        impl QueryValue for $type {
            fn to_query(&self) -> Cow<'_, str> {
                self.to_string().into()
            }
            fn from_query(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}
query_by_display!(u32, u64, bool, Timestamp);

impl QueryValue for Cursor {
    fn to_query(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
    fn from_query(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

/// Several values in one parameter, joined by commas (`task_types=cuboid,polyline`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommaList<T>(pub Vec<T>);

impl<T: QueryValue> QueryValue for CommaList<T> {
    fn to_query(&self) -> Cow<'_, str> {
        self.0
            .iter()
            .map(QueryValue::to_query)
            .collect::<Vec<_>>()
            .join(",")
            .into()
    }
    fn from_query(text: &str) -> Option<Self> {
        text.split(',')
            .filter(|item| !item.is_empty())
            .map(T::from_query)
            .collect::<Option<_>>()
            .map(Self)
    }
}

impl<T, I: Into<T>, const N: usize> From<[I; N]> for CommaList<T> {
    fn from(items: [I; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T, I: Into<T>> From<Vec<I>> for CommaList<T> {
    fn from(items: Vec<I>) -> Self {
        items.into_iter().collect()
    }
}

impl<T, I: Into<T>> FromIterator<I> for CommaList<T> {
    fn from_iter<It: IntoIterator<Item = I>>(items: It) -> Self {
        Self(items.into_iter().map(Into::into).collect())
    }
}
