//! A key as a source gave it, and for how long it is good.

use std::{fmt, time::Duration};

use avala_api::{Secret, Timestamp};

/// A key, and what its source knows about it.
#[derive(Clone)]
pub struct Credential {
    pub(crate) key: Secret,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) read_again_after: Option<Duration>,
}

impl Credential {
    /// A key that is good until a server says otherwise. White space around it is dropped when it is used.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self {
            key: key.into(),
            expires_at: None,
            read_again_after: None,
        }
    }

    /// When the key ends. Some time before, it is read again; from then on, it is not sent any more.
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// How long it is sent before its source is asked again, for sources that are cheap to ask.
    pub fn read_again_after(mut self, time: Duration) -> Self {
        self.read_again_after = Some(time);
        self
    }
}

impl Credential {
    /// The key, masked: its first eight and last four characters.
    pub fn masked(&self) -> String {
        avala_keys::mask(self.key.expose().trim())
    }

    /// When the key ends, if its source knows.
    pub fn end(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("key", &self.key)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
