//! The one place where randomness comes in.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use avala_keys::{ApiKey, Class, Randomness, RandomnessFailed, Secret};

use crate::hex;

/// A shared source of random bytes.
pub(crate) struct Random(Mutex<Box<dyn Randomness + Send>>);

impl Random {
    pub(crate) fn new(source: Box<dyn Randomness + Send>) -> Self {
        Self(Mutex::new(source))
    }

    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomnessFailed> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A new row's identifier.
    pub(crate) fn uid(&self) -> Result<String, RandomnessFailed> {
        Ok(uuid::Builder::from_random_bytes(self.bytes()?)
            .into_uuid()
            .to_string())
    }

    pub(crate) fn key(&self, class: Class) -> Result<ApiKey, RandomnessFailed> {
        ApiKey::generate(class, &mut |bytes: &mut [u8]| self.fill(bytes))
    }

    /// A signing secret as Avala makes them: 64 hex digits.
    pub(crate) fn signing_secret(&self) -> Result<Secret, RandomnessFailed> {
        Ok(Secret::new(hex::encode(&self.bytes::<32>()?)))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes)
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}
