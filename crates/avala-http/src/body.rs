//! The body of an answer, as it comes in.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::SendError;

/// The body of an answer. Dropped before its end, it closes the connection.
#[derive(Debug)]
pub struct Body(Incoming);

impl Body {
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self(incoming)
    }

    /// How many bytes are to come, if the server says so.
    pub fn announced(&self) -> Option<u64> {
        self.0.size_hint().exact()
    }

    /// The next bytes, as they come; none at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        while let Some(frame) = self.0.frame().await {
            // Trailers are nobody's concern.
            if let Ok(chunk) = frame.map_err(SendError::of_body)?.into_data() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}
