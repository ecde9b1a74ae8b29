//! The one place where time comes in.

use std::{fmt, time::SystemTime};

use avala_api::Timestamp;

/// Where the server reads the time. Tests put their own clock here.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // The store keeps whole milliseconds: an answer must not promise digits that the next read has lost.
        Timestamp::from_unix_millis(Timestamp::from(SystemTime::now()).unix_millis())
    }
}
