//! The body of an answer, as it comes in.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::SendError;

/// The body of an answer. Dropped before its end, it closes the connection.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    idle_timeout: Duration,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, idle_timeout: Duration) -> Self {
        Self {
            incoming,
            idle_timeout,
        }
    }

    /// How many bytes are to come, if the server says so.
    pub fn announced(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next bytes, as they come; none at the end. An error if none come for longer than the client's idle timeout.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        loop {
            let frame = timeout(self.idle_timeout, self.incoming.frame())
                .await
                .map_err(|_| SendError::silent())?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            // Trailers are nobody's concern.
            if let Ok(chunk) = frame.map_err(SendError::of_body)?.into_data() {
                return Ok(Some(chunk));
            }
        }
    }
}
