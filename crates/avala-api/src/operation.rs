//! What every operation can do: describe itself, become a request, be read from one, and name its answer.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

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
    /// The answer where none is promised: whatever body came is passed over.
    fn of_nothing() -> Option<Self> {
        None
    }
}

impl Answer for () {
    fn of_nothing() -> Option<Self> {
        Some(())
    }
}

impl<T: Answer> Answer for Page<T> {}

impl<T: Answer> Answer for Vec<T> {}

impl Answer for serde_json::Value {}
