//! What every operation can do: describe itself, become a request, be read from one, and name its answer.

use std::fmt::Debug;

use serde::{Deserializer, Serialize, de::DeserializeOwned, de::IgnoredAny};

use crate::{Cursor, DecodeError, Incoming, InvalidParameter, Page, Query, Route};

/// One operation of the API, with its parameters.
pub trait Operation: Clone + Debug + Send + Sync + Sized + 'static {
    /// What is constant about it.
    const ROUTE: Route;

    /// What a success answers.
    type Answer: Answer;

    /// The path below `/api/v1`, parameters encoded.
    fn path(&self) -> Result<String, InvalidParameter>;

    /// The query parameters that are set.
    fn query(&self) -> Query;

    /// The JSON body; `None` when the operation has none.
    fn body(&self) -> Result<Option<Vec<u8>>, serde_json::Error>;

    /// The operation of a request that a server received. Unknown members are ignored, as Avala's servers do.
    fn decode(incoming: &Incoming<'_>) -> Result<Self, DecodeError>;
}

/// An operation that answers a page of a longer list.
pub trait Paged: Operation<Answer = Page<<Self as Paged>::Item>> {
    /// A row of the list.
    type Item: Answer;

    /// Makes the call start at another page.
    fn start_at(&mut self, cursor: Cursor);
}

/// What an operation may answer.
pub trait Answer: Debug + Serialize + DeserializeOwned + Send + 'static {
    /// The answer of an empty body, for operations that may have one.
    fn of_empty_body() -> Option<Self> {
        None
    }

    /// Reads the answer.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Nothing to tell. Whatever body came is passed over.
impl Answer for () {
    fn of_empty_body() -> Option<Self> {
        Some(())
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ())
    }
}

impl<T: Answer> Answer for Page<T> {}
